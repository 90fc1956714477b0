"""What `autoscale export` writes, given to the trainers' own parsers. No part of `make check`: it needs a folder with the
projects' sources (Megatron-LM, NeMo, OLMo-core, llm-foundry, streaming, levanter, torchtitan, litgpt) and Python with torch,
numpy, PyYAML and, for torchtitan, litgpt and hf-datasets, their packages (grain, tyro, litdata, lightning, datasets).

  projects.py COMMAND SOURCES [CHECK ...]

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


def megatron_parser():
    """All of Megatron's options, as its arguments.py builds them."""
    import typing

    typing.override = getattr(typing, "override", lambda f: f)  # of Python 3.12
    sys.path.insert(0, str(sources / "Megatron-LM"))
    parser = argparse.ArgumentParser(allow_abbrev=False)
    importlib.import_module("megatron.training.arguments").add_megatron_arguments(parser)
    return parser


# ---- one check a form ----

def megatron():
    """arguments.py's own data options, the blend of megatron.core.datasets.utils, and IndexedDataset on every prefix."""
    text = work / "megatron.args"
    text.write_text(export("megatron"))
    line = f"grep -v '^#' {text} | xargs {sys.executable} -c 'import sys,json; print(json.dumps(sys.argv[1:]))'"
    words = json.loads(subprocess.run(line, shell=True, check=True, capture_output=True, text=True).stdout)
    args = megatron_parser().parse_args(words)
    space = parts_of("Megatron-LM/megatron/core/datasets/utils.py", {"get_blend_from_list"},
                     Optional=None, List=None, Tuple=None)
    prefixes, weights = space["get_blend_from_list"](args.train_data_path)
    assert prefixes == [mix["paths"][n] for n in mix["weights"]] and abs(sum(weights) - 1) < 1e-12
    assert args.train_samples == sum(samples.values()) and args.seq_length == CONTEXT
    indexed = importlib.import_module("megatron.core.datasets.indexed_dataset")
    for name, prefix in mix["paths"].items():
        data = indexed.IndexedDataset(prefix)
        ids = np.concatenate([data[i] for i in range(len(data))])
        assert (ids == np.memmap(prefix + ".bin", "<u2", "r")).all() and len(data.document_indices) == len(data) + 1
    return f"blend of {len(prefixes)}, {sum(available.values())} tokens read"


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


def stub_cached_path():
    stub("cached_path", cached_path=None)  # downloads: not needed here
    sys.modules["cached_path.schemes"] = sys.modules["cached_path.schemes.s3"] = types.ModuleType("cached_path.schemes")
    sys.modules["cached_path.schemes"].__dict__.update(SchemeClient=object, add_scheme_client=lambda *a: None,
                                                  S3Client=type("S3Client", (), {"recoverable_errors": ()}))


def olmo_core():
    """SourceMixtureDatasetConfig.build on our .bin files: tokens it selects of each source."""
    sys.path.insert(0, str(sources / "OLMo-core/src"))
    stub_cached_path()
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


# ---- the recipes of examples/trainers ----

recipes = Path(__file__).resolve().parents[2] / "examples/trainers"


def environment(name):
    """What a study would give a run of its trainer."""
    run_dir = work / f"run-{name}"
    run_dir.mkdir()
    facts = {"MIXTURE": mix_path, "RUN_DIR": run_dir, "TOKENIZER": tokens / "tokenizer.json", "TOKENS": total, "SEED": 3,
             "LAYERS": 2, "HEADS": 2, "WIDTH": 64, "CONTEXT": CONTEXT, "VOCAB": 400, "BATCH_TOKENS": 8 * CONTEXT,
             "LR": 1e-3, "WARMUP": 0.1, "RUN": "r", "DTYPE": "fp32"}
    import os

    os.environ.update({"AUTOSCALE_" + k: str(v) for k, v in facts.items()}, AUTOSCALE=command)
    return run_dir


def recipe_megatron():
    """The options that megatron_lm.sh gives, to Megatron's parser; its log lines, into result.json."""
    run_dir = environment("megatron")
    pretend = work / "torchrun"
    pretend.write_text("#!/bin/sh\nshift 3\nfor w in \"$@\"; do printf '%s\\n' \"$w\"; done >words\n"
                       "for n in digits letters; do echo \" validation-$n loss at iteration 9 on validation set | "
                       "lm loss value: 3.25E+00 | lm loss PPL: 25.8 | \"; done\n")
    pretend.chmod(0o755)
    script = ["sh", recipes / "megatron_lm.sh", "--micro-batch-size", "2", "--bf16"]
    import os

    subprocess.run(script, check=True, env=dict(os.environ, TORCHRUN=str(pretend), MEGATRON="/m"))
    args = megatron_parser().parse_args((run_dir / "words").read_text().splitlines())
    assert args.validation_set_names == names and len(args.valid_data_path) == 2 and len(args.train_data_path) == 4
    result = json.loads((run_dir / "result.json").read_text())
    assert result["loss"] == {"digits": 3.25, "letters": 3.25} and abs(result["tokens"] - total) < 8 * CONTEXT
    return f"{len((run_dir / 'words').read_text().splitlines())} words parsed"


def recipe_torchtitan():
    """The config function through torchtitan's own ConfigManager; the model built; its state in Hugging Face names."""
    run_dir = environment("torchtitan")
    (run_dir / "exported_mixture.py").write_text(export("torchtitan"))
    sys.path[:0] = [str(recipes), str(run_dir), str(sources / "torchtitan")]
    from torchtitan.config.manager import ConfigManager

    config = ConfigManager().parse_args(["--module", "torchtitan_study", "--config", "study"])
    with torch.device("meta"):
        model = config.model_spec.model.build()
    adapter = config.model_spec.state_dict_adapter(config.model_spec.model, None)
    named = adapter.to_hf(model.state_dict())
    from transformers import AutoConfig, AutoModelForCausalLM

    (run_dir / "assets").mkdir()
    source = ast.parse((recipes / "torchtitan_study.py").read_text())
    written = next(n.value for n in ast.walk(source) if isinstance(n, ast.Assign) and getattr(n.targets[0], "id", "") == "config")
    facts = eval(compile(ast.Expression(written), "config", "eval"), vars(importlib.import_module("torchtitan_study")))
    (run_dir / "assets/config.json").write_text(json.dumps(facts))
    with torch.device("meta"):
        theirs = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(run_dir / "assets")).state_dict()
    differ = {k for k in set(theirs) ^ set(named)} | {k for k in set(theirs) & set(named) if theirs[k].shape != named[k].shape}
    assert not differ, sorted(differ)[:6]
    return f"{sum(p.numel() for p in model.parameters())} parameters, {len(named)} tensors as transformers names them"


def recipe_olmo_core():
    """All its configs; the data set built and read through them."""
    environment("olmo")
    stub_cached_path()
    sys.path[:0] = [str(recipes), str(sources / "OLMo-core/src")]
    m = importlib.import_module("olmo_core_study")
    model, data, loader, module, trainer = m.configs(yaml.safe_load(export("olmo-core"))["sources"])
    built = data.build()
    built.prepare()
    network = model.build(init_device="cpu")
    row = built[0]["input_ids"]
    assert row.shape == (CONTEXT,) and len(built) * CONTEXT == m.steps * m.batch
    network(row[None])
    return f"{len(built)} sequences, a model of {sum(p.numel() for p in network.parameters())} parameters run on one"


def recipe_llm_foundry():
    """Keys against TrainConfig; the MDS copies written and read back by streaming; the model folder by transformers."""
    environment("foundry")
    sys.path.insert(0, str(recipes))
    m = importlib.import_module("llm_foundry_study")
    c = m.config()
    known = fields_of("llm-foundry/llmfoundry/utils/config_utils.py", "TrainConfig")
    assert set(c) <= known, set(c) - known
    known, _ = arguments_of("llm-foundry/llmfoundry/callbacks/hf_checkpointer.py", "__init__", "HuggingFaceCheckpointer")
    assert set(c["callbacks"]["hf_checkpointer"]) <= known
    from streaming import StreamingDataset
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    for name, s in c["train_loader"]["dataset"]["streams"].items():
        rows = StreamingDataset(local=s["local"], shuffle=False, batch_size=1)
        ids = np.memmap(mix["paths"][name] + ".bin", "<u2", "r")
        assert (rows[3]["tokens"] == ids[3 * CONTEXT : 4 * CONTEXT]).all() and len(rows) == len(ids) // CONTEXT
    folder = c["model"]["pretrained_model_name_or_path"]
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder))
    assert len(AutoTokenizer.from_pretrained(folder)) == 400
    return f"{len(c)} keys, {sum(p.numel() for p in model.parameters())} parameters"


def recipe_nemo():
    """Every keyword of its calls against the signatures of NeMo's and Megatron's classes."""
    base = "NeMo/nemo/"
    where = {"PreTrainingDataModule": ("collections/llm/gpt/data/pre_training.py", "__init__"),
             "LlamaModel": ("collections/llm/gpt/model/llama.py", "__init__"),
             "MegatronOptimizerModule": ("lightning/pytorch/optim/megatron.py", "__init__"),
             "CosineAnnealingScheduler": ("lightning/pytorch/optim/lr_scheduler.py", "__init__"),
             "MegatronMixedPrecision": ("lightning/pytorch/plugins/mixed_precision.py", "__init__")}
    tables = {"NeMoLogger": "lightning/nemo_logger.py", "AutoResume": "lightning/resume.py"}
    functions = {"pretrain": "collections/llm/api.py", "export_ckpt": "collections/llm/api.py"}
    n = 0
    for call in ast.walk(ast.parse((recipes / "nemo_study.py").read_text())):
        name = isinstance(call, ast.Call) and (getattr(call.func, "attr", None) or getattr(call.func, "id", None))
        given = {k.arg for k in getattr(call, "keywords", []) if k.arg}
        if name in where:
            known, _ = arguments_of(base + where[name][0], where[name][1], name)
        elif name in tables:
            known = fields_of(base + tables[name], name)
        elif name in functions:
            known, _ = arguments_of(base + functions[name], name)
        elif name == "LlamaConfig":
            known = fields_of(base + "collections/llm/gpt/model/llama.py", name) | fields_of(
                base + "collections/llm/gpt/model/base.py", "GPTConfig") | fields_of(
                "Megatron-LM/megatron/core/transformer/transformer_config.py", "TransformerConfig")
        elif name == "OptimizerConfig":
            known = fields_of("Megatron-LM/megatron/core/optimizer/optimizer_config.py", name)
        else:
            continue
        assert given <= known, (name, given - known)
        n += len(given)
    return f"{n} keywords"


if __name__ == "__main__":
    bad = 0
    wanted = sys.argv[3:]
    checks = (megatron, nemo, olmo_core, mosaicml, levanter, hf_datasets, torchtitan, recipe_megatron, recipe_nemo,
              recipe_olmo_core, recipe_llm_foundry, recipe_torchtitan, litgpt)
    for check in [c for c in checks if not wanted or c.__name__ in wanted]:
        try:
            print(f"{check.__name__}: {check()}", flush=True)
        except Exception as e:  # the next form is looked at all the same
            bad += 1
            import traceback

            last = traceback.extract_tb(e.__traceback__)[-1]
            print(f"{check.__name__}: FAILED: {type(e).__name__}: {e} ({last.filename}:{last.lineno})", flush=True)
    sys.exit(bad > 0)
