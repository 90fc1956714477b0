"""What `autoscale export` writes, given to the trainers' own parsers. No part of `make check`: it needs a folder with the
projects' sources (Megatron-LM, NeMo, OLMo-core, llm-foundry, streaming, levanter, torchtitan, litgpt) and Python with torch,
numpy, PyYAML and, for torchtitan, litgpt and hf-datasets, their packages (grain, tyro, litdata, lightning, datasets).

  projects.py COMMAND SOURCES

Where a whole module cannot be imported without a GPU stack, the one function or class that parses is run on its own.
"""

import argparse
import ast
import importlib
import json
import subprocess
import sys
import tempfile
import types
from pathlib import Path

import numpy as np
import torch
import yaml

command, sources = str(Path(sys.argv[1]).resolve()), Path(sys.argv[2]).resolve()
work = Path(tempfile.mkdtemp())
tokens = work / "tokens"
CONTEXT = 64


# ---- the mixture: one domain far below, one above an epoch, of different letters so that blocks tell where they are from

rng = np.random.default_rng(1)
for name, letters, documents in (("letters", "abcdefghij", 900), ("digits", "0123456789", 120)):
    (work / name).mkdir()
    for i in range(documents):
        text = " ".join("".join(rng.choice(list(letters), 5)) for _ in range(rng.integers(40, 200)))
        (work / name / f"{i}.txt").write_text(text)
subprocess.run([command, "tokenize", f"letters={work}/letters", f"digits={work}/digits", "--vocab", "400", "-q",
                "--valid-tokens", "1000", "-o", tokens], check=True, stdout=subprocess.DEVNULL)

def count(prefix):
    return np.memmap(str(prefix) + ".bin", "<u2", "r").size


names = sorted(p.name[: -len(".train.idx")] for p in tokens.glob("*.train.idx"))
available = {n: count(tokens / f"{n}.train") for n in names}
small = min(names, key=available.get)
mix = {
    "tokens": {n: int(available[n] * (2.5 if n == small else 0.1)) for n in names},
    "available": {n: int(available[n]) for n in names},
    "paths": {n: str(tokens / f"{n}.train") for n in names},
    "tokenizer": str(tokens / "tokenizer.json"),
}
total = sum(mix["tokens"].values())
mix["weights"] = {n: t / total for n, t in mix["tokens"].items()}
samples = {n: t // CONTEXT for n, t in mix["tokens"].items()}
mix_path = work / "mix.json"
mix_path.write_text(json.dumps(mix))


own_ids = {n: set(np.memmap(mix["paths"][n] + ".bin", "<u2", "r").tolist()) for n in names}


def domain_of(ids):
    """By the ids that no other domain has."""
    others = {n: set().union(*(own_ids[m] for m in names if m != n)) for n in names}
    return max(names, key=lambda n: sum(int(i) in own_ids[n] - others[n] for i in ids))


def export(to):
    words = [command, "export", str(mix_path), "--to", to, "--context", str(CONTEXT)]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def parts_of(path, wanted, **space):
    """Run only the named functions, classes and constants of a source file."""
    tree = ast.parse((sources / path).read_text())
    keep = []
    for node in ast.walk(tree):
        named = getattr(node, "name", None) in wanted
        if named and isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            node.decorator_list = [d for d in node.decorator_list if "staticmethod" not in ast.dump(d)]
            keep.append(node)
    module = ast.Module(body=keep, type_ignores=[])
    code = "from __future__ import annotations\n" + ast.unparse(module)
    exec(compile(code, path, "exec"), space)
    return space


def stub(name, **members):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__dict__.update(members)
    sys.modules[name].__path__ = [str(sources / "Megatron-LM" / name.replace(".", "/"))]


def fields_of(path, name, bases=()):
    """Fields of a dataclass and of the bases named."""
    classes = [n for n in ast.walk(ast.parse((sources / path).read_text()))
               if isinstance(n, ast.ClassDef) and n.name in (name, *bases)]
    return {s.target.id for c in classes for s in c.body if isinstance(s, ast.AnnAssign)}


def arguments_of(path, name, owner=None):
    for node in ast.walk(ast.parse((sources / path).read_text())):
        if owner and isinstance(node, ast.ClassDef) and node.name == owner:
            node = next(n for n in node.body if getattr(n, "name", None) == name)
        elif owner or getattr(node, "name", None) != name:
            continue
        every = node.args.args + node.args.kwonlyargs
        required = node.args.args[: len(node.args.args) - len(node.args.defaults)]
        return {a.arg for a in every}, {a.arg for a in required}
    raise KeyError(name)


# ---- one check a form ----

def megatron():
    """arguments.py's own data options, the blend of megatron.core.datasets.utils, and IndexedDataset on every prefix."""
    text = work / "megatron.args"
    text.write_text(export("megatron"))
    line = f"grep -v '^#' {text} | xargs {sys.executable} -c 'import sys,json; print(json.dumps(sys.argv[1:]))'"
    words = json.loads(subprocess.run(line, shell=True, check=True, capture_output=True, text=True).stdout)
    path = "Megatron-LM/megatron/training/arguments.py"
    source = (sources / path).read_text()
    adders = [n.name for n in ast.parse(source).body if isinstance(n, ast.FunctionDef) and n.name.startswith("_add_")
              and ("--train-data-path" in ast.unparse(n))]
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in adders:
        parts_of(path, {name}, argparse=argparse, os=__import__("os"))[name](parser)
    known = {s for a in parser._actions for s in a.option_strings}
    for option, kind in (("--seq-length", int), ("--train-samples", int)):
        if option not in known:
            everywhere = "".join(p.read_text() for p in (sources / "Megatron-LM/megatron/training").rglob("*.py"))
            assert option in source or option[2:].replace("-", "_") + ":" in everywhere, option
            parser.add_argument(option, type=kind)
    args = parser.parse_args(words)
    stub("megatron"), stub("megatron.core"), stub("megatron.core.datasets")
    stub("megatron.core.utils", log_single_rank=lambda *a, **k: None)
    space = parts_of("Megatron-LM/megatron/core/datasets/utils.py", {"get_blend_from_list"},
                     Optional=None, List=None, Tuple=None)
    prefixes, weights = space["get_blend_from_list"](args.train_data_path)
    assert prefixes == [mix["paths"][n] for n in mix["weights"]] and abs(sum(weights) - 1) < 1e-12
    assert args.train_samples == sum(samples.values()) and args.seq_length == CONTEXT
    sys.path.insert(0, str(sources / "Megatron-LM"))
    indexed = importlib.import_module("megatron.core.datasets.indexed_dataset")
    for name, prefix in mix["paths"].items():
        data = indexed.IndexedDataset(prefix)
        ids = np.concatenate([data[i] for i in range(len(data))])
        assert (ids == np.memmap(prefix + ".bin", "<u2", "r")).all() and len(data.document_indices) == len(data) + 1
    return f"{len(adders)} group of options, blend of {len(prefixes)}, {sum(available.values())} tokens read"


def nemo():
    """PreTrainingDataModule's arguments, its path checks and its blend."""
    data = yaml.safe_load(export("nemo"))["data"]
    path = "NeMo/nemo/collections/llm/gpt/data/pre_training.py"
    known, _ = arguments_of(path, "__init__", "PreTrainingDataModule")
    assert data.pop("_target_").endswith("PreTrainingDataModule") and set(data) <= known, set(data) - known
    space = parts_of(path, {"is_number_tryexcept", "is_zipped_list", "validate_dataset_asset_accessibility"},
                     Path=Path, os=__import__("os"), is_multistorageclient_url=lambda p: False)
    assert space["is_zipped_list"](data["paths"])
    space["validate_dataset_asset_accessibility"](data["paths"])
    blend = parts_of("Megatron-LM/megatron/core/datasets/utils.py", {"get_blend_from_list"},
                     Optional=None, List=None, Tuple=None)["get_blend_from_list"](data["paths"])
    assert blend[0] == list(mix["paths"].values()) and abs(sum(blend[1]) - 1) < 1e-12
    return f"arguments {sorted(data)}"


def olmo_core():
    """SourceMixtureDatasetConfig.build on our .bin files: tokens it selects of each source."""
    sys.path.insert(0, str(sources / "OLMo-core/src"))
    stub("cached_path", cached_path=None)  # downloads: not needed here
    sys.modules["cached_path.schemes"] = sys.modules["cached_path.schemes.s3"] = types.ModuleType("cached_path.schemes")
    sys.modules["cached_path.schemes"].__dict__.update(SchemeClient=object, add_scheme_client=lambda *a: None,
                                                  S3Client=type("S3Client", (), {"recoverable_errors": ()}))
    m = importlib.import_module("olmo_core.data.source_mixture")
    doc = yaml.safe_load(export("olmo-core"))
    listed = m.SourceMixtureList(sources=[m.SourceMixtureConfig(**s) for s in doc["sources"]])
    for s in listed.sources:
        s.validate()
    batch = 4 * CONTEXT
    config = m.SourceMixtureDatasetConfig(source_list=listed, requested_tokens=total // batch * batch,
                                          global_batch_size=batch, render_tables=False)
    got = config.build(npdtype=np.uint16, sequence_length=CONTEXT)
    for outcome in got.sources:
        taken = sum(p.tokens for p in outcome.path_tokens)
        assert abs(taken - mix["tokens"][outcome.name]) <= 4 * batch, (outcome.name, taken)
    return ", ".join(f"{o.name} {sum(p.tokens for p in o.path_tokens)} of {mix['tokens'][o.name]}" for o in got.sources)


def mosaicml():
    """build_text_dataloader's arguments; streaming's Stream and its weights."""
    doc = yaml.safe_load(export("mosaicml"))
    loader = doc["train_loader"]
    known, required = arguments_of("llm-foundry/llmfoundry/data/text_data.py", "build_text_dataloader")
    given = set(loader) - {"name"} | {"tokenizer", "device_batch_size"}
    assert given <= known and required <= given, (given - known, required - given)
    known, _ = arguments_of("llm-foundry/llmfoundry/data/text_data.py", "__init__", "StreamingTextDataset")
    assert set(loader["dataset"]) <= known
    assert {"max_duration", "max_seq_len", "train_loader"} <= set(
        fields_of("llm-foundry/llmfoundry/utils/config_utils.py", "TrainConfig")) | {"max_seq_len"}
    from streaming.base.stream import Stream

    streams = [Stream(**s) for s in loader["dataset"]["streams"].values()]
    sizes = np.array([available[n] // CONTEXT for n in loader["dataset"]["streams"]])
    assert Stream.apply_weights(streams, sizes, loader["dataset"].get("epoch_size"), 1) == sum(samples.values())
    assert [s.choose for s in streams] == list(samples.values())
    return f"an epoch of {sum(samples.values())} samples, exact"


def levanter():
    """Fields of LMMixtureDatasetConfig and its sources; its counts a block."""
    data = yaml.safe_load(export("levanter"))["data"]
    path = "levanter/src/levanter/data/text.py"
    known = fields_of(path, "LMMixtureDatasetConfig", ("LMTaskConfig",))
    assert set(data) <= known, set(data) - known
    url = fields_of(path, "UrlDatasetSourceConfig", ("LmDatasetSourceConfigBase",))
    assert all(set(c) <= url for c in data["configs"].values()) and set(data["train_weights"]) == set(data["configs"])
    source = (sources / "levanter/src/levanter/data/mixture.py").read_text()
    assert "block_size >= 2**16" in source
    owner = types.SimpleNamespace(dataset_index=list(data["train_weights"]), datasets=data["train_weights"])
    space = parts_of("levanter/src/levanter/data/mixture.py", {"_compute_expected_counts_per_block"}, np=np)
    counts = space["_compute_expected_counts_per_block"](owner, data["train_weights"], data["mixture_block_size"])
    off = [int(c) - samples[n] for n, c in zip(owner.dataset_index, counts)]
    assert max(map(abs, off)) <= len(off), off
    return f"a block of {data['mixture_block_size']} samples, off by {off}"


def as_module(to):
    space = types.ModuleType("exported_" + to.replace("-", "_"))
    sys.modules[space.__name__] = space
    (work / f"{space.__name__}.py").write_text(export(to))
    sys.path.insert(0, str(work))
    del sys.modules[space.__name__]
    return importlib.import_module(space.__name__)


def torchtitan():
    """Its own GrainDataLoader on our token files: blocks by domain."""
    sys.path.insert(0, str(sources / "torchtitan"))
    m = as_module("torchtitan")
    config = m.dataloader(seed=1)
    loader = config.build(dp_world_size=1, dp_rank=0, tokenizer=None, max_context_length=CONTEXT,
                          num_tokens_per_batch=CONTEXT)
    taken = dict.fromkeys(names, 0)
    steps = 300
    batches = iter(loader)
    for _ in range(steps):
        batch = next(batches)
        batch = batch[0] if isinstance(batch, tuple) else batch
        ids = next(v for v in (batch.values() if isinstance(batch, dict) else vars(batch).values())
                   if torch.is_tensor(v) and v.dtype == torch.int64)
        taken[domain_of(ids.reshape(-1))] += 1
    loader.close()
    for n in names:
        assert abs(taken[n] - steps * m.WEIGHTS[n]) <= 2, taken
    return f"{steps} blocks: {taken}, shares {m.WEIGHTS}"


def blocks_for_litdata(item):
    n, at, context = item
    ids = np.memmap(mix["paths"][n] + ".bin", "<u2", "r")[at : at + context * 50]
    yield torch.from_numpy(ids.astype(np.int64))


def litgpt():
    """Folders of litdata.optimize, litgpt's DataModule: blocks by domain in one pass."""
    from litdata import optimize
    from litdata.streaming import TokensLoader

    base = parts_of("litgpt/litgpt/data/base.py", {"DataModule"}, LightningDataModule=importlib.import_module(
        "lightning").LightningDataModule, abstractmethod=lambda f: f)["DataModule"]
    stub("litgpt"), stub("litgpt.data", DataModule=base)
    paths = {}
    for i, n in enumerate(names):
        paths[n] = str(work / f"litdata-{i}")
        optimize(blocks_for_litdata, [(n, a, CONTEXT + 1) for a in range(0, available[n], (CONTEXT + 1) * 50)], paths[n],
                 chunk_size=(CONTEXT + 1) * 100, num_workers=1, item_loader=TokensLoader(block_size=CONTEXT + 1))
    m = as_module("litgpt")
    m.PATHS = paths
    module = m.Mixture(num_workers=0)
    module.connect(batch_size=1, max_seq_length=CONTEXT)
    taken = dict.fromkeys(names, 0)
    for block in module.train_dataloader():
        assert block.shape == (1, CONTEXT + 1)
        taken[domain_of(block[0])] += 1
    assert all(abs(taken[n] - samples[n]) <= 1 + samples[n] // 200 for n in names), (taken, samples)
    return f"one pass: {taken}, wanted {samples}"


def hf_datasets():
    """The datasets package itself: exact_mixture and streaming_mixture."""
    from datasets import Dataset

    m = as_module("hf-datasets")
    packed = {n: Dataset.from_dict({"domain": [n] * (available[n] // CONTEXT), "row": list(range(available[n] // CONTEXT))})
              for n in names}
    got = m.exact_mixture(packed)["domain"]
    assert all(list(got).count(n) == samples[n] for n in names)
    streamed = [r["domain"] for r in m.streaming_mixture({n: d.to_iterable_dataset() for n, d in packed.items()})]
    assert all(streamed.count(n) <= samples[n] for n in names)
    return f"exact {samples}; streamed {len(streamed)} until the first domain ended"


if __name__ == "__main__":
    bad = 0
    for check in (megatron, nemo, olmo_core, mosaicml, levanter, hf_datasets, litgpt, torchtitan):
        try:
            print(f"{check.__name__}: {check()}", flush=True)
        except Exception as e:  # the next form is looked at all the same
            bad += 1
            import traceback

            last = traceback.extract_tb(e.__traceback__)[-1]
            print(f"{check.__name__}: FAILED: {type(e).__name__}: {e} ({last.filename}:{last.lineno})", flush=True)
    sys.exit(bad > 0)
