/* The trainers that are told in Python: Hugging Face datasets 2.14 and later, torchtitan (2025, build_dataloader_fn of
 * a train spec), LitGPT 0.4 and later with litdata. All of them draw blocks of `context` tokens, never documents: a
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
    asc__put_head(out, p, "torchtitan: one packed dataset a domain, blocks drawn from them in an exact order");
    asc_buf_puts(out, "# Give build_mixture_dataloader as build_dataloader_fn of the train spec.\n");
    put_tables(out, p);
    asc_buf_puts(
        out,
        "\n\nclass Mixture:\n"
        "    \"\"\"Blocks from several packed datasets; after every block each domain is within one block of its\n"
        "    share. The state is that of the parts and the blocks taken, so a resumed run repeats and skips\n"
        "    nothing.\"\"\"\n\n"
        "    def __init__(self, parts):\n"
        "        if list(parts) != list(SAMPLES):\n"
        "            raise ValueError(f\"domains {list(parts)}, expected {list(SAMPLES)}\")\n"
        "        self.parts = parts\n"
        "        self.taken = dict.fromkeys(SAMPLES, 0)\n\n"
        "    def __iter__(self):\n"
        "        iterators = {name: iter(part) for name, part in self.parts.items()}\n"
        "        total = sum(SAMPLES.values())\n"
        "        while True:\n"
        "            step = sum(self.taken.values()) + 1\n"
        "            name = max(SAMPLES, key=lambda n: SAMPLES[n] * step - self.taken[n] * total)\n"
        "            block = next(iterators[name], None)\n"
        "            if block is None:\n"
        "                return\n"
        "            self.taken[name] += 1\n"
        "            yield block\n\n"
        "    def state_dict(self):\n"
        "        parts = {name: part.state_dict() for name, part in self.parts.items()}\n"
        "        return {\"taken\": dict(self.taken), \"samples\": dict(SAMPLES), \"parts\": parts}\n\n"
        "    def load_state_dict(self, state):\n"
        "        if state[\"samples\"] != SAMPLES:\n"
        "            raise ValueError(\"the checkpoint was made with another mixture\")\n"
        "        self.taken = dict(state[\"taken\"])\n"
        "        for name, part in self.parts.items():\n"
        "            part.load_state_dict(state[\"parts\"][name])\n"
        "\n\ndef register():\n"
        "    \"\"\"Each domain becomes a dataset of torchtitan, under its own name.\"\"\"\n"
        "    from datasets import load_dataset\n"
        "    from torchtitan.hf_datasets import DatasetConfig\n"
        "    from torchtitan.hf_datasets.text_datasets import DATASETS\n\n"
        "    for name, path in PATHS.items():\n"
        "        DATASETS[f\"mixture-{name}\".lower()] = DatasetConfig(\n"
        "            path=path,\n"
        "            loader=lambda path: load_dataset(\"json\", data_files=path, split=\"train\", streaming=True),\n"
        "            sample_processor=lambda sample: sample[\"text\"],\n"
        "        )\n"
        "\n\ndef build_mixture_dataloader(dp_world_size, dp_rank, tokenizer, job_config, infinite=True):\n"
        "    from torch.utils.data import IterableDataset\n"
        "    from torchtitan.components.dataloader import ParallelAwareDataloader\n"
        "    from torchtitan.hf_datasets.text_datasets import HuggingFaceTextDataset\n\n"
        "    if job_config.training.seq_len != CONTEXT:\n"
        "        raise ValueError(f\"seq_len {job_config.training.seq_len}, exported for {CONTEXT}\")\n"
        "    register()\n"
        "    parts = {\n"
        "        name: HuggingFaceTextDataset(\n"
        "            dataset_name=f\"mixture-{name}\".lower(),\n"
        "            dataset_path=None,\n"
        "            tokenizer=tokenizer,\n"
        "            seq_len=CONTEXT,\n"
        "            dp_rank=dp_rank,\n"
        "            dp_world_size=dp_world_size,\n"
        "            infinite=infinite,\n"
        "        )\n"
        "        for name in SAMPLES\n"
        "    }\n"
        "    dataset = type(\"MixtureDataset\", (Mixture, IterableDataset), {})(parts)\n"
        "    return ParallelAwareDataloader(\n"
        "        dataset=dataset,\n"
        "        dp_rank=dp_rank,\n"
        "        dp_world_size=dp_world_size,\n"
        "        batch_size=job_config.training.local_batch_size,\n"
        "    )\n");
}

void asc__write_litgpt(asc_buf *out, const asc__plan *p)
{
    asc__put_head(out, p, "LitGPT: a data module; litgpt pretrain NAME --data THIS_MODULE.Mixture");
    if (p->mix->tokens)
        asc_buf_printf(out, "# --train.max_tokens %lld\n", (long long)p->total);
    asc_buf_puts(out, "from dataclasses import dataclass, field\n\nfrom litgpt.data import DataModule\n\n");
    put_tables(out, p);
    asc_buf_puts(
        out,
        "\n\n@dataclass\n"
        "class Mixture(DataModule):\n"
        "    \"\"\"Folders made by litdata.optimize, one a domain, mixed by shares of tokens.\"\"\"\n\n"
        "    seed: int = 42\n"
        "    num_workers: int = 8\n"
        "    batch_size: int = field(init=False, repr=False, default=1)\n"
        "    seq_length: int = field(init=False, repr=False, default=CONTEXT)\n\n"
        "    def connect(self, tokenizer=None, batch_size=1, max_seq_length=None):\n"
        "        self.batch_size = batch_size\n"
        "        self.seq_length = (max_seq_length or CONTEXT) + 1  # the next token too\n\n"
        "    def _part(self, path):\n"
        "        from litdata.streaming import StreamingDataset, TokensLoader\n\n"
        "        return StreamingDataset(\n"
        "            input_dir=path,\n"
        "            item_loader=TokensLoader(block_size=self.seq_length),\n"
        "            shuffle=True,\n"
        "            drop_last=True,\n"
        "        )\n\n"
        "    def train_dataloader(self):\n"
        "        from litdata.streaming import CombinedStreamingDataset, StreamingDataLoader\n\n"
        "        names = list(WEIGHTS)\n"
        "        mixed = CombinedStreamingDataset(\n"
        "            datasets=[self._part(PATHS[name]) for name in names],\n"
        "            seed=self.seed,\n"
        "            weights=[WEIGHTS[name] for name in names],\n"
        "            iterate_over_all=False,\n"
        "        )\n"
        "        return StreamingDataLoader(\n"
        "            mixed, batch_size=self.batch_size, pin_memory=True, num_workers=self.num_workers, drop_last=True\n"
        "        )\n\n"
        "    def val_dataloader(self):\n"
        "        return self.train_dataloader()  # replace by held-out data\n");
}
