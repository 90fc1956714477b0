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

static void put_paths(asc_buf *out, const asc__plan *p)
{
    asc_buf_puts(out, "PATHS = {\n");
    for (size_t i = 0; i < p->n; i++)
        if (asc__plan_used(p, i)) {
            asc_buf_puts(out, "    ");
            asc__put_string(out, p->mix->domains[i]);
            asc_buf_puts(out, ": ");
            asc__put_string(out, asc__plan_path(p, i));
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
    asc__put_head(out, p, "Hugging Face datasets: exact counts of packed blocks from each domain");
    put_tables(out, p);
    asc_buf_puts(
        out,
        "\n\ndef _check(packed):\n"
        "    if set(packed) != set(SAMPLES):\n"
        "        raise ValueError(f\"domains differ: {sorted(set(packed) ^ set(SAMPLES))}\")\n"
        "\n\ndef exact_mixture(packed, seed=42):\n"
        "    \"\"\"packed: {domain: Dataset of blocks of CONTEXT tokens}. Whole epochs first, then the rest.\"\"\"\n"
        "    from datasets import concatenate_datasets\n\n"
        "    _check(packed)\n"
        "    parts = []\n"
        "    for name, wanted in SAMPLES.items():\n"
        "        whole, rest = divmod(wanted, len(packed[name]))\n"
        "        parts += [packed[name]] * whole\n"
        "        parts.append(packed[name].shuffle(seed=seed).select(range(rest)))\n"
        "    return concatenate_datasets(parts).shuffle(seed=seed)\n"
        "\n\ndef streaming_mixture(packed, seed=42):\n"
        "    \"\"\"packed: {domain: IterableDataset of blocks of CONTEXT tokens}; shares hold on average.\"\"\"\n"
        "    from datasets import interleave_datasets\n\n"
        "    _check(packed)\n"
        "    names = list(WEIGHTS)\n"
        "    return interleave_datasets(\n"
        "        [packed[name].take(SAMPLES[name]) for name in names],\n"
        "        probabilities=[WEIGHTS[name] for name in names],\n"
        "        seed=seed,\n"
        "        stopping_strategy=\"first_exhausted\",\n"
        "    )\n");
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
        "        prefix: str\n\n"
        "    def __init__(self, config, *, dataset_iteration_policy):\n"
        "        index = Path(config.prefix + \".idx\").read_bytes()\n"
        "        n, marks = np.frombuffer(index, \"<u8\", 2, 18)\n"
        "        kind = {8: \"<u2\", 4: \"<i4\"}[index[17]]\n"
        "        sizes = np.frombuffer(index, \"<i4\", n, 34)\n"
        "        documents = np.frombuffer(index, \"<i8\", marks, 34 + 12 * int(n))\n"
        "        self.ends = np.concatenate(([0], np.cumsum(sizes, dtype=np.int64)))[documents]\n"
        "        self.tokens = np.memmap(config.prefix + \".bin\", kind, \"r\")\n\n"
        "    def __len__(self):\n"
        "        return len(self.ends) - 1\n\n"
        "    def __getitem__(self, i):\n"
        "        return np.asarray(self.tokens[self.ends[i] : self.ends[i + 1]], dtype=np.int64)\n"
        "\n\nclass Shift(SampleProcessor):\n"
        "    @dataclass(kw_only=True, slots=True)\n"
        "    class Config(SampleProcessor.Config):\n"
        "        pass\n\n"
        "    def __init__(self, config, *, context):\n"
        "        pass\n\n"
        "    def __call__(self, ids, rng):\n"
        "        return TextSequence(input_ids=ids[:-1], labels=ids[1:]) if len(ids) > 1 else None\n"
        "\n\ndef domain(path):\n"
        "    \"\"\"Token files where there are some, else JSON lines with a field text.\"\"\"\n"
        "    if Path(path + \".idx\").exists():\n"
        "        source, processor = TokenFiles.Config(prefix=path), Shift.Config()\n"
        "    else:\n"
        "        source, processor = IndexedJsonlSource.Config(patterns=(path,)), TextProcessor.Config()\n"
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
        (long long)(p->total_samples * p->context));
    asc_buf_puts(out, "from dataclasses import dataclass, field\n\nfrom litgpt.data import DataModule\n\n");
    put_tables(out, p);
    asc_buf_puts(
        out,
        "\n\n@dataclass\n"
        "class Mixture(DataModule):\n"
        "    \"\"\"Folders made by litdata.optimize, one a domain; of each exactly SAMPLES blocks are drawn.\"\"\"\n\n"
        "    seed: int = 42\n"
        "    num_workers: int = 8\n"
        "    batch_size: int = field(init=False, repr=False, default=1)\n"
        "    seq_length: int = field(init=False, repr=False, default=CONTEXT)\n\n"
        "    def __post_init__(self):\n"
        "        super().__init__()\n\n"
        "    def connect(self, tokenizer=None, batch_size=1, max_seq_length=None, **kwargs):\n"
        "        if max_seq_length not in (None, CONTEXT):\n"
        "            raise ValueError(f\"max_seq_length {max_seq_length}, exported for {CONTEXT}\")\n"
        "        self.batch_size = batch_size\n"
        "        self.seq_length = CONTEXT + 1  # the next token too\n\n"
        "    def _dataset(self, name, **options):\n"
        "        from litdata.streaming import StreamingDataset, TokensLoader\n\n"
        "        loader = TokensLoader(block_size=self.seq_length)\n"
        "        return StreamingDataset(input_dir=PATHS[name], item_loader=loader, shuffle=True, seed=self.seed, "
        "**options)\n\n"
        "    def _part(self, name):\n"
        "        # a share of the blocks there are; above 1 whole epochs come first\n"
        "        return self._dataset(name, subsample=(SAMPLES[name] + 0.5) / len(self._dataset(name)))\n\n"
        "    def train_dataloader(self):\n"
        "        from litdata.streaming import CombinedStreamingDataset, StreamingDataLoader\n\n"
        "        parts = [self._part(name) for name in SAMPLES if SAMPLES[name]]\n"
        "        mixed = CombinedStreamingDataset(datasets=parts, seed=self.seed, iterate_over_all=True)\n"
        "        return StreamingDataLoader(\n"
        "            mixed, batch_size=self.batch_size, pin_memory=True, num_workers=self.num_workers, drop_last=True\n"
        "        )\n\n"
        "    def val_dataloader(self):\n"
        "        return self.train_dataloader()  # replace by held-out data\n");
}
