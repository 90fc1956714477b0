"""Reads what `autoscale export` wrote as each trainer's own code reads it (their parsers' rules, in our words).
Arguments: the command, MIX.json. Needs nothing but Python; PyYAML is used where it is."""

import argparse
import csv
import io
import json
import shlex
import subprocess
import sys
from decimal import Decimal

command, mix_path = sys.argv[1:3]
mix = json.load(open(mix_path))
CONTEXT = 512
try:
    import yaml
except ImportError:
    yaml = None


def export(to):
    return subprocess.run(
        [command, "export", mix_path, "--to", to, "--context", str(CONTEXT)], check=True, capture_output=True, text=True
    ).stdout


def is_number(s):
    try:
        float(s)
        return True
    except (TypeError, ValueError):
        return False


def check_blend(names_of, blend):
    """Megatron's blend: an even list, every other entry a number."""
    assert len(blend) % 2 == 0 and all(is_number(x) for x in blend[::2]), blend
    weights = {path: Decimal(str(w)) for w, path in zip(blend[::2], blend[1::2])}
    assert sum(weights.values()) == 1, weights
    for name, share in mix["weights"].items():
        if share > 0:
            assert abs(float(weights[names_of(name)]) - share) < 1e-6, name


def path_of(name):
    return mix["paths"][name] or name


def samples(name):
    return mix["tokens"][name] // CONTEXT


def megatron():
    open(mix_path + ".megatron", "w").write(export("megatron"))  # as its first line says
    line = f"grep -v '^#' {shlex.quote(mix_path)}.megatron | xargs {shlex.quote(sys.executable)} -c 'import sys, json; print(json.dumps(sys.argv[1:]))'"
    words = json.loads(subprocess.run(line, shell=True, check=True, capture_output=True, text=True).stdout)
    parser = argparse.ArgumentParser()
    parser.add_argument("--train-data-path", nargs="*")
    parser.add_argument("--train-samples", type=int)
    parser.add_argument("--seq-length", type=int)
    args = parser.parse_args(words)
    check_blend(path_of, args.train_data_path)
    assert args.train_samples == sum(map(samples, mix["tokens"])) and args.seq_length == CONTEXT


def load_yaml(to):
    text = export(to)
    return yaml.safe_load(text) if yaml else None


def nemo():
    doc = load_yaml("nemo")
    if doc:
        assert doc["data"]["_target_"].endswith("PreTrainingDataModule") and doc["data"]["split"] == "100,0,0"
        weights = [Decimal(w) for w in (f"{x:.10f}" for x in doc["data"]["paths"][::2])]
        check_blend(path_of, [x for pair in zip(weights, doc["data"]["paths"][1::2]) for x in pair])


def olmo_core():
    doc = load_yaml("olmo-core")
    if doc:
        assert sum(Decimal(f"{s['target_ratio']:.10f}") for s in doc["sources"]) == 1
        total = sum(mix["tokens"].values())
        for s in doc["sources"]:
            name = s["source_name"]
            assert 0 < s["target_ratio"] <= 1 and s["max_repetition_ratio"] >= 1 and s["paths"] == [path_of(name)]
            available = (mix.get("available") or {}).get(name)
            if available:
                assert int(total * s["target_ratio"]) <= int(available * s["max_repetition_ratio"])


def mosaicml():
    doc = load_yaml("mosaicml")
    if doc:
        streams = doc["train_loader"]["dataset"]["streams"]
        for name, s in streams.items():
            assert s["choose"] == samples(name) and isinstance(s["choose"], int)
            assert s.get("local", s.get("remote")) == path_of(name)
        assert doc["train_loader"]["drop_last"] and "epoch_size" not in doc["train_loader"]["dataset"]


def levanter():
    doc = load_yaml("levanter")
    if doc:
        data = doc["data"]
        assert set(data["configs"]) == set(data["train_weights"]) == set(mix["weights"])
        assert sum(Decimal(f"{w:.10f}") for w in data["train_weights"].values()) == 1
        for name, w in data["train_weights"].items():  # whole samples of a block, rounded down, the rest to the largest
            block = data["mixture_block_size"]
            assert abs(w * block - samples(name)) < 1 and block < 2**16, name


def module(to):
    text = export(to)
    space = {"__name__": "exported"}
    if to == "litgpt":  # its imports stand in for the real ones
        import types

        sys.modules["litgpt"] = types.ModuleType("litgpt")
        sys.modules["litgpt.data"] = types.ModuleType("litgpt.data")
        sys.modules["litgpt.data"].DataModule = object
        space["__name__"] = "litgpt"
    exec(compile(text, to, "exec"), space)
    used = {n for n, t in mix["tokens"].items() if t > 0}
    assert set(space["WEIGHTS"]) == set(space["SAMPLES"]) == set(space["PATHS"]) == used
    assert sum(Decimal(f"{w:.10f}") for w in space["WEIGHTS"].values()) == 1
    assert all(space["SAMPLES"][n] == samples(n) for n in used)
    return space


def hf_datasets():
    import types

    class Rows:  # as much of a Dataset as the snippet uses
        def __init__(self, rows):
            self.rows = rows

        def __len__(self):
            return len(self.rows)

        def shuffle(self, seed):
            return Rows(self.rows[::-1])

        def select(self, which):
            return Rows([self.rows[i] for i in which])

    fake = types.ModuleType("datasets")
    fake.concatenate_datasets = lambda parts: Rows([r for p in parts for r in p.rows])
    sys.modules["datasets"] = fake
    space = module("hf-datasets")
    packed = {n: Rows([n] * (k // 2 + 1)) for n, k in space["SAMPLES"].items()}
    rows = space["exact_mixture"](packed).rows
    for name, wanted in space["SAMPLES"].items():
        assert rows.count(name) == wanted, name
    try:
        space["exact_mixture"]({"other": Rows([1])})
        raise AssertionError("a foreign domain was taken")
    except ValueError:
        pass


def torchtitan():
    import types

    class Config:
        def __init__(self, **fields):
            self.__dict__.update(fields)

    names = (
        "ConcatThenSplitPackingConfig DatasetMixConfig GrainDataLoader IndexedJsonlSource SampleProcessor "
        "SingleDatasetConfig TextSequence WeightedDataset Configurable TextProcessor"
    ).split()
    fakes = {n: type(n, (Config,), {"Config": type("Config", (Config,), {})}) for n in names}
    for name in ("torchtitan", "torchtitan.components", "torchtitan.components.data", "torchtitan.config",
                 "torchtitan.hf_datasets", "torchtitan.hf_datasets.text_datasets"):
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__dict__.update(fakes)
    sys.modules.setdefault("numpy", types.ModuleType("numpy"))
    space = module("torchtitan")
    parts = space["dataloader"](seed=1).dataset.datasets
    assert {p.dataset.dataset.source.patterns[0]: p.weight for p in parts} == {
        path_of(n): w for n, w in space["WEIGHTS"].items()
    }


def plain_csv():
    rows = list(csv.DictReader(io.StringIO(export("csv"))))
    assert [r["domain"] for r in rows] == list(mix["weights"])
    assert sum(Decimal(r["weight"]) for r in rows) == 1
    assert all(int(r["tokens"]) == mix["tokens"][r["domain"]] for r in rows)


for check in (megatron, nemo, olmo_core, mosaicml, levanter, hf_datasets, torchtitan, plain_csv):
    check()
module("litgpt")
print("all forms parse" + ("" if yaml else " (YAML unchecked: no PyYAML)"))
