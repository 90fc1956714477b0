/* The trainers that are told in Python: Hugging Face datasets 2.14 and later, torchtitan (2026, its grain
 * pipeline), LitGPT 0.4 and later with litdata. All of them draw blocks of `context` tokens, never documents: a
 * share of documents is not a share of tokens. */
#include "export_private.h"

/* NAME = {"domain": value, ..} */
static void put_samples(asc_buf *out, const asc__plan *p)
{
    asc_buf_puts(out, "SAMPLES = {  # blocks of CONTEXT tokens, rounded down\n");
    for (size_t i = 0; i < p->n; i++)
        if (asc__plan_used(p, i)) {
            asc_buf_puts(out, "    ");
            asc__put_string(out, p->mix->domains[i]);
            asc_buf_printf(out, ": %lld,\n", (long long)p->samples[i]);
        }
    asc_buf_puts(out, "}\n");
}

static void put_weights(asc_buf *out, const asc__plan *p)
{
    asc_buf_puts(out, "WEIGHTS = {  # shares of tokens, sum 1\n");
    for (size_t i = 0; i < p->n; i++)
        if (asc__plan_used(p, i)) {
            asc_buf_puts(out, "    ");
            asc__put_string(out, p->mix->domains[i]);
            asc_buf_printf(out, ": %s,\n", p->weight[i]);
        }
    asc_buf_puts(out, "}\n");
}

/* "path", or a list of them. */
static void put_places(asc_buf *out, const asc__where *w)
{
    asc_buf_puts(out, w->n > 1 ? "[" : "");
    for (size_t k = 0; k < w->n; k++) {
        asc_buf_puts(out, k ? ", " : "");
        asc__put_string(out, w->pieces[k].path);
    }
    asc_buf_puts(out, w->n > 1 ? "]" : "");
}

static void put_paths(asc_buf *out, const asc__plan *p)
{
    asc_buf_puts(out, "PATHS = {\n");
    for (size_t i = 0; i < p->n; i++)
        if (asc__plan_used(p, i)) {
            asc_buf_puts(out, "    ");
            asc__put_string(out, p->mix->domains[i]);
            asc_buf_puts(out, ": ");
            put_places(out, &p->where[i]);
            asc_buf_puts(out, ",\n");
        }
    asc_buf_puts(out, "}\n");
}

static void put_tables(asc_buf *out, const asc__plan *p)
{
    asc_buf_printf(out, "CONTEXT = %lld\n", (long long)p->context);
    put_weights(out, p);
    if (p->mix->tokens)
        put_samples(out, p);
    put_paths(out, p);
}

void asc__write_hf_datasets(asc_buf *out, const asc__plan *p)
{
    asc__put_head(out, p, "Hugging Face datasets 4.2 or later: exact counts of packed blocks from each domain");
    asc_buf_puts(out, "# train = exact_mixture({name: load(name, tokenizer) for name in SAMPLES})\n");
    put_tables(out, p);
    asc_buf_puts(
        out,
        "\n"
        "\n"
        "def _paths(name):\n"
        "    return PATHS[name] if isinstance(PATHS[name], list) else [PATHS[name]]\n"
        "\n"
        "\n"
        "def _token_blocks(prefixes, context):\n"
        "    \"\"\"Blocks of Megatron token files PREFIX.bin, PREFIX.idx.\"\"\"\n"
        "    import numpy as np\n"
        "\n"
        "    for prefix in prefixes:\n"
        "        with open(prefix + \".idx\", \"rb\") as f:\n"
        "            kind = {1: \"u1\", 3: \"<i2\", 4: \"<i4\", 5: \"<i8\", 8: \"<u2\"}[f.read(18)[17]]\n"
        "        ids = np.memmap(prefix + \".bin\", kind, \"r\")\n"
        "        for i in range(len(ids) // context):\n"
        "            yield {\"input_ids\": ids[i * context : (i + 1) * context].astype(\"<i8\")}\n"
        "\n"
        "\n"
        "def load(name, tokenizer=None, field=\"text\"):\n"
        "    \"\"\"A Dataset of blocks of CONTEXT tokens: of token files as they are; of JSON lines, Parquet or text "
        "with a tokenizer\n"
        "    of transformers (eos_token between documents; what fills no block at the end of 10,000 documents is "
        "dropped).\"\"\"\n"
        "    from pathlib import Path\n"
        "\n"
        "    from datasets import Dataset, load_dataset, load_from_disk\n"
        "\n"
        "    paths = _paths(name)\n"
        "    if Path(paths[0] + \".idx\").exists():\n"
        "        return Dataset.from_generator(_token_blocks, gen_kwargs={\"prefixes\": paths, \"context\": CONTEXT})\n"
        "    if Path(paths[0], \"state.json\").exists():\n"
        "        rows = load_from_disk(paths[0])\n"
        "    else:\n"
        "        with open(paths[0], \"rb\") as f:\n"
        "            kind = \"parquet\" if f.read(4) == b\"PAR1\" else \"json\" if \".json\" in paths[0] else "
        "\"text\"\n"
        "        rows = load_dataset(kind, data_files=paths, split=\"train\")\n"
        "    if \"input_ids\" in rows.column_names:\n"
        "        return rows\n"
        "\n"
        "    def pack(batch):\n"
        "        ids = [i for text in batch[field] for i in tokenizer(text)[\"input_ids\"] + "
        "[tokenizer.eos_token_id]]\n"
        "        return {\"input_ids\": [ids[i : i + CONTEXT] for i in range(0, len(ids) - CONTEXT + 1, CONTEXT)]}\n"
        "\n"
        "    return rows.map(pack, batched=True, batch_size=10_000, remove_columns=rows.column_names)\n"
        "\n"
        "\n"
        "def _check(packed):\n"
        "    if set(packed) != set(SAMPLES):\n"
        "        raise ValueError(f\"domains differ: {sorted(set(packed) ^ set(SAMPLES))}\")\n"
        "    return [name for name in SAMPLES if SAMPLES[name] > 0]\n"
        "\n"
        "\n"
        "def exact_mixture(packed, seed=42):\n"
        "    \"\"\"packed: {domain: Dataset of blocks of CONTEXT tokens}. Whole epochs first, then the rest.\"\"\"\n"
        "    from datasets import concatenate_datasets\n"
        "\n"
        "    parts = []\n"
        "    for name in _check(packed):\n"
        "        whole, rest = divmod(SAMPLES[name], len(packed[name]))\n"
        "        parts += [packed[name]] * whole\n"
        "        parts.append(packed[name].shuffle(seed=seed).select(range(rest)))\n"
        "    return concatenate_datasets(parts).shuffle(seed=seed)\n"
        "\n"
        "\n"
        "def streaming_mixture(packed, seed=42):\n"
        "    \"\"\"packed: {domain: IterableDataset of blocks of CONTEXT tokens}. SAMPLES blocks of each, in random "
        "order, all of them;\n"
        "    a stream that ends begins again.\"\"\"\n"
        "    from datasets import interleave_datasets\n"
        "\n"
        "    names = _check(packed)\n"
        "    total = sum(SAMPLES[name] for name in names)\n"
        "    return interleave_datasets(\n"
        "        [packed[name].repeat(None).take(SAMPLES[name]) for name in names],\n"
        "        probabilities=[SAMPLES[name] / total for name in names],\n"
        "        seed=seed,\n"
        "        stopping_strategy=\"all_exhausted_without_replacement\",\n"
        "    )\n"
        "\n"
        "\n"
        "def document_probabilities(mean_tokens):\n"
        "    \"\"\"Probabilities of drawing whole documents, unpacked, so that shares of tokens are WEIGHTS.\n"
        "    mean_tokens: {domain: mean tokens per document}.\"\"\"\n"
        "    each = {name: WEIGHTS[name] / mean_tokens[name] for name in WEIGHTS}\n"
        "    return {name: x / sum(each.values()) for name, x in each.items()}\n");
}

void asc__write_torchtitan(asc_buf *out, const asc__plan *p)
{
    asc__put_head(out, p, "torchtitan (2026, grain data pipeline): packed blocks of each domain, mixed by tokens");
    asc_buf_puts(out, "# In a config function: config.dataloader = dataloader(); config.training.max_context_length = "
                      "CONTEXT;\n# and as many steps as sum(SAMPLES.values()) blocks need, rounded down.\n");
    put_tables(out, p);
    asc_buf_puts(
        out,
        "\nfrom dataclasses import dataclass\n"
        "from pathlib import Path\n\n"
        "import numpy as np\n"
        "from torchtitan.components.data import (\n"
        "    ConcatThenSplitPackingConfig,\n"
        "    DatasetMixConfig,\n"
        "    GrainDataLoader,\n"
        "    IndexedJsonlSource,\n"
        "    SampleProcessor,\n"
        "    SingleDatasetConfig,\n"
        "    TextSequence,\n"
        "    WeightedDataset,\n"
        ")\n"
        "from torchtitan.config import Configurable\n"
        "from torchtitan.hf_datasets.text_datasets import TextProcessor\n"
        "\n\nclass TokenFiles(Configurable):\n"
        "    \"\"\"Documents of Megatron token files PREFIX.bin, PREFIX.idx.\"\"\"\n\n"
        "    @dataclass(kw_only=True, slots=True)\n"
        "    class Config(Configurable.Config):\n"
        "        prefixes: tuple\n\n"
        "    def __init__(self, config, *, dataset_iteration_policy):\n"
        "        self.files = []\n"
        "        for prefix in config.prefixes:\n"
        "            index = Path(prefix + \".idx\").read_bytes()\n"
        "            n, marks = np.frombuffer(index, \"<u8\", 2, 18)\n"
        "            kind = {1: \"u1\", 3: \"<i2\", 4: \"<i4\", 5: \"<i8\", 8: \"<u2\"}[index[17]]\n"
        "            sizes = np.frombuffer(index, \"<i4\", n, 34)\n"
        "            documents = np.frombuffer(index, \"<i8\", marks, 34 + 12 * int(n))\n"
        "            ends = np.concatenate(([0], np.cumsum(sizes, dtype=np.int64)))[documents]\n"
        "            self.files.append((np.memmap(prefix + \".bin\", kind, \"r\"), ends))\n"
        "        self.starts = np.cumsum([0] + [len(ends) - 1 for _, ends in self.files])\n"
        "\n"
        "    def __len__(self):\n"
        "        return int(self.starts[-1])\n"
        "\n"
        "    def __getitem__(self, i):\n"
        "        file = int(np.searchsorted(self.starts, i, \"right\")) - 1\n"
        "        (tokens, ends), i = self.files[file], i - self.starts[file]\n"
        "        return np.asarray(tokens[ends[i] : ends[i + 1]], dtype=np.int64)\n"
        "\n\nclass Shift(SampleProcessor):\n"
        "    @dataclass(kw_only=True, slots=True)\n"
        "    class Config(SampleProcessor.Config):\n"
        "        pass\n\n"
        "    def __init__(self, config, *, context):\n"
        "        pass\n\n"
        "    def __call__(self, ids, rng):\n"
        "        return TextSequence(input_ids=ids[:-1], labels=ids[1:]) if len(ids) > 1 else None\n"
        "\n\ndef domain(paths):\n"
        "    \"\"\"Token files where there are some, else JSON lines with a field text.\"\"\"\n"
        "    paths = tuple(paths) if isinstance(paths, list) else (paths,)\n"
        "    if Path(paths[0] + \".idx\").exists():\n"
        "        source, processor = TokenFiles.Config(prefixes=paths), Shift.Config()\n"
        "    else:\n"
        "        source, processor = IndexedJsonlSource.Config(patterns=paths), TextProcessor.Config()\n"
        "    documents = SingleDatasetConfig(\n"
        "        source=source, processor=processor, post_filters=(lambda sample: sample is not None,)\n"
        "    )\n"
        "    return ConcatThenSplitPackingConfig(dataset=documents)\n"
        "\n\ndef dataloader(**options):\n"
        "    \"\"\"Blocks are packed before they are mixed, so that shares are of tokens, not of documents.\"\"\"\n"
        "    parts = [WeightedDataset(dataset=domain(PATHS[n]), weight=WEIGHTS[n]) for n in WEIGHTS]\n"
        "    return GrainDataLoader.Config(dataset=DatasetMixConfig(datasets=tuple(parts)), **options)\n");
}

void asc__write_litgpt(asc_buf *out, const asc__plan *p)
{
    asc__put_head(out, p, "LitGPT: a data module; litgpt pretrain NAME --data THIS_MODULE.Mixture");
    asc_buf_printf(
        out, "# --train.max_tokens %lld: one pass over exactly SAMPLES, a domain of more than one epoch included\n",
        (long long)p->total_samples * (long long)p->context);
    asc_buf_puts(out, "from dataclasses import dataclass, field\n\nfrom litgpt.data import DataModule\n\n");
    put_tables(out, p);
    asc_buf_puts(
        out,
        "\n"
        "\n"
        "def _paths(name):\n"
        "    return PATHS[name] if isinstance(PATHS[name], list) else [PATHS[name]]\n"
        "\n"
        "\n"
        "def _tokens(prefix):\n"
        "    \"\"\"Documents of a Megatron token file PREFIX.bin, PREFIX.idx.\"\"\"\n"
        "    import numpy as np\n"
        "    import torch\n"
        "\n"
        "    index = open(prefix + \".idx\", \"rb\").read()\n"
        "    n, marks = (int(x) for x in np.frombuffer(index, \"<u8\", 2, 18))\n"
        "    kind = {1: \"u1\", 3: \"<i2\", 4: \"<i4\", 5: \"<i8\", 8: \"<u2\"}[index[17]]\n"
        "    sizes = np.frombuffer(index, \"<i4\", n, 34)\n"
        "    ends = np.concatenate(([0], np.cumsum(sizes, dtype=np.int64)))[np.frombuffer(index, \"<i8\", marks, 34 + "
        "12 * n)]\n"
        "    ids = np.memmap(prefix + \".bin\", kind, \"r\")\n"
        "    for i in range(len(ends) - 1):\n"
        "        yield torch.from_numpy(ids[ends[i] : ends[i + 1]].astype(\"<i4\"))\n"
        "\n"
        "\n"
        "def prepare(folder, **options):\n"
        "    \"\"\"Token files become folders of litdata below `folder`; PATHS is what it returns.\"\"\"\n"
        "    from pathlib import Path\n"
        "\n"
        "    from litdata import TokensLoader, optimize\n"
        "\n"
        "    made = {name: [str(Path(folder, f\"{name}-{i}\")) for i in range(len(_paths(name)))] for name in PATHS}\n"
        "    for name in PATHS:\n"
        "        for prefix, out in zip(_paths(name), made[name]):\n"
        "            optimize(fn=_tokens, inputs=[prefix], output_dir=out, chunk_bytes=\"64MB\", num_workers=1,\n"
        "                     item_loader=TokensLoader(block_size=CONTEXT + 1), **options)\n"
        "    return made\n"
        "\n"
        "\n"
        "@dataclass\n"
        "class Mixture(DataModule):\n"
        "    \"\"\"Folders made by litdata.optimize, one or more per domain; of each domain exactly SAMPLES blocks are "
        "drawn.\"\"\"\n"
        "\n"
        "    seed: int = 42\n"
        "    num_workers: int = 8\n"
        "    batch_size: int = field(init=False, repr=False, default=1)\n"
        "    seq_length: int = field(init=False, repr=False, default=CONTEXT)\n"
        "\n"
        "    def __post_init__(self):\n"
        "        super().__init__()\n"
        "\n"
        "    def connect(self, tokenizer=None, batch_size=1, max_seq_length=None, **kwargs):\n"
        "        if max_seq_length not in (None, CONTEXT):\n"
        "            raise ValueError(f\"max_seq_length {max_seq_length}, exported for {CONTEXT}\")\n"
        "        self.batch_size = batch_size\n"
        "        self.seq_length = CONTEXT + 1  # the next token too\n"
        "\n"
        "    def _dataset(self, path, **options):\n"
        "        from litdata.streaming import StreamingDataset, TokensLoader\n"
        "\n"
        "        loader = TokensLoader(block_size=self.seq_length)\n"
        "        return StreamingDataset(input_dir=path, item_loader=loader, shuffle=True, seed=self.seed, **options)\n"
        "\n"
        "    def _parts(self, name):\n"
        "        # a share of the blocks there are; above 1 whole epochs come first\n"
        "        sizes = {path: len(self._dataset(path)) for path in _paths(name)}\n"
        "        left, blocks = SAMPLES[name], sum(sizes.values())\n"
        "        for path, size in sizes.items():\n"
        "            wanted = round(left * size / blocks) if blocks else 0\n"
        "            left, blocks = left - wanted, blocks - size\n"
        "            if wanted:\n"
        "                yield self._dataset(path, subsample=(wanted + 0.5) / size)\n"
        "\n"
        "    def train_dataloader(self):\n"
        "        from litdata.streaming import CombinedStreamingDataset, StreamingDataLoader\n"
        "\n"
        "        parts = [part for name in SAMPLES for part in self._parts(name)]\n"
        "        mixed = CombinedStreamingDataset(datasets=parts, seed=self.seed, iterate_over_all=True)\n"
        "        return StreamingDataLoader(\n"
        "            mixed, batch_size=self.batch_size, pin_memory=True, num_workers=self.num_workers, drop_last=True\n"
        "        )\n"
        "\n"
        "    def val_dataloader(self):\n"
        "        return self.train_dataloader()  # replace by held-out data\n");
}
