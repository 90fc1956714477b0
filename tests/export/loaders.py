"""What `autoscale export` writes, run by the loaders themselves: datasets, mosaicml-streaming, litdata, megatron-core and
torchdata, those that are installed. No part of `make check`.

  loaders.py COMMAND [CHECK ...]
"""

import csv
import importlib.metadata
import io
import json
import re
import subprocess
import sys
import tempfile
import types
from collections import Counter
from pathlib import Path

import numpy as np
import yaml

command = str(Path(sys.argv[1]).resolve())
work = Path(tempfile.mkdtemp())
CONTEXT = 64

# ---- three domains whose blocks tell where they come from; two shards of one, more than an epoch of another, and a third
# that has less than one sample

rng = np.random.default_rng(1)
for name, letters, documents in (("letters-0", "abcdef", 400), ("letters-1", "abcdef", 150), ("digits", "0123456789", 120),
                                 ("capitals", "XYZ", 60)):
    (work / "text").mkdir(exist_ok=True)
    with open(work / "text" / f"{name}.jsonl", "w") as f:
        for i in range(documents):
            f.write(json.dumps({"text": " ".join("".join(rng.choice(list(letters), 5)) for _ in range(rng.integers(40, 200)))}) + "\n")
names = ["letters-0", "letters-1", "digits", "capitals"]
subprocess.run([command, "tokenize", *(f"{n}={work}/text/{n}.jsonl" for n in names), "--vocab", "300", "-q",
                "--valid-tokens", "500", "-o", str(work / "tokens")], check=True, stdout=subprocess.DEVNULL)
own = {n: np.memmap(work / "tokens" / f"{n}.train.bin", "<u2", "r") for n in names}
available = {"letters": len(own["letters-0"]) + len(own["letters-1"]), "digits": len(own["digits"]), "capitals": len(own["capitals"])}
tokens = {"letters": available["letters"] // 2, "digits": int(available["digits"] * 2.5), "capitals": CONTEXT - 1}
total = sum(tokens.values())
mix = {
    "weights": {n: t / total for n, t in tokens.items()},
    "tokens": tokens,
    "available": available,
    "max_epochs": {"letters": 1, "digits": 3, "capitals": 1},
    "paths": {"letters": str(work / "tokens" / "letters-*.train.idx"), "digits": str(work / "tokens" / "digits.train"),
              "capitals": str(work / "tokens" / "capitals.train")},
    "tokenizer": str(work / "tokens" / "tokenizer.json"),
}
(work / "mix.json").write_text(json.dumps(mix))
samples = {n: t // CONTEXT for n, t in tokens.items()}
wanted = {n: k for n, k in samples.items() if k}
kinds = {"letters": set(own["letters-0"].tolist()) | set(own["letters-1"].tolist()), "digits": set(own["digits"].tolist())}


def domain_of(ids):
    ids = set(int(i) for i in np.asarray(ids).ravel())
    return max(kinds, key=lambda n: len(ids & (kinds[n] - kinds["digits" if n == "letters" else "letters"])))


def export(to, *options):
    words = [command, "export", str(work / "mix.json"), "--to", to, "--context", str(CONTEXT), *options]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def run(text, name):
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(compile(text, name, "exec"), module.__dict__)
    return module


def hf_datasets():
    m = run(export("hf-datasets"), "hf")
    packed = {n: m.load(n) for n in m.SAMPLES}
    exact = Counter(domain_of(x) for x in m.exact_mixture(packed)["input_ids"])
    assert exact == wanted, (exact, wanted)
    for seed in range(3):
        streams = {n: d.to_iterable_dataset() for n, d in packed.items()}
        got = Counter(domain_of(r["input_ids"]) for r in m.streaming_mixture(streams, seed=seed))
        assert got == wanted, (seed, got, wanted)
    paths = work / "paths.json"
    paths.write_text(json.dumps({"letters": [str(work / "text" / f"letters-{i}.jsonl") for i in (0, 1)],
                                 "digits": str(work / "text" / "digits.jsonl"), "capitals": str(work / "text" / "capitals.jsonl")}))
    m = run(export("hf-datasets", "--paths", str(paths)), "hf")
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(tokenizer_file=mix["tokenizer"], eos_token="<|endoftext|>")
    blocks = {n: m.load(n, tokenizer) for n in ("letters", "digits")}
    assert all(len(x) == CONTEXT for d in blocks.values() for x in d["input_ids"])
    assert len(blocks["letters"]) > samples["letters"]  # text of held-out documents too
    return f"exact and streamed {dict(exact)}; blocks of JSON lines through transformers"


def mosaicml():
    from streaming import Stream, StreamingDataset

    text = export("mosaicml")
    recipe = "\n".join(line[4:] for line in text.splitlines() if line.startswith("#   ") and "samples" not in line)
    space = {}
    exec(recipe, space)
    streams = yaml.safe_load(text)["train_loader"]["dataset"]["streams"]
    assert sum(s["choose"] for s in streams.values()) == sum(wanted.values()) and "capitals" not in streams
    made = []
    for i, s in enumerate(streams.values()):
        space["convert"](s["local"], str(work / f"mds-{i}"), CONTEXT)
        made.append(Stream(local=str(work / f"mds-{i}"), choose=s["choose"]))
    data = StreamingDataset(streams=made, shuffle=True, batch_size=1)
    got = Counter(domain_of(np.frombuffer(s["tokens"], "<i8")) for s in data)
    assert got == wanted, (got, wanted)
    return f"{len(made)} streams, one epoch is {dict(got)}"


def litgpt():
    stub = types.ModuleType("litgpt.data")
    stub.DataModule = object
    sys.modules["litgpt"], sys.modules["litgpt.data"] = types.ModuleType("litgpt"), stub
    file = work / "mixture_module.py"
    file.write_text(export("litgpt"))
    sys.path.insert(0, str(work))
    import mixture_module as m

    m.PATHS = m.prepare(work / "lit", start_method="fork")
    data = m.Mixture(num_workers=0)
    data.connect(batch_size=1, max_seq_length=CONTEXT)
    got = Counter(domain_of(batch) for batch in data.train_dataloader())
    # the last token of a block is the first of the next one here: blocks are one longer than what is counted
    assert got == wanted, (got, wanted)
    return f"prepare() and one pass: {dict(got)}"


def megatron():
    from megatron.core.datasets.indexed_dataset import IndexedDataset
    from megatron.core.datasets.utils import get_blend_from_list

    words = [w for line in export("megatron").splitlines() if not line.startswith("#") for w in line.split()]
    blend = words[words.index("--train-data-path") + 1 : words.index("--seq-length")]
    prefixes, weights = get_blend_from_list(blend)
    assert abs(sum(weights) - 1) < 1e-9 and min(weights) > 0
    n = {p: sum(len(x) for x in IndexedDataset(p)) for p in prefixes}
    shards = [p for p in prefixes if "letters" in p]
    assert len(shards) == 2
    a, b = (weights[prefixes.index(p)] / n[p] for p in shards)
    assert abs(a / b - 1) < 1e-6  # by size
    assert int(words[words.index("--train-samples") + 1]) == sum(samples.values())
    return f"blend of {len(prefixes)} prefixes, {sum(n.values())} tokens read"


def torchdata():
    from torchdata.nodes import IterableWrapper, MultiNodeWeightedSampler

    rows = list(csv.DictReader(io.StringIO(export("csv"))))
    weights = {r["domain"]: float(r["weight"]) for r in rows if int(r["samples"])}
    nodes = {n: IterableWrapper([n] * 100000) for n in weights}
    draw = MultiNodeWeightedSampler(nodes, weights, seed=1)
    got = Counter(x for _, x in zip(range(20000), draw))
    for n, w in weights.items():
        assert abs(got[n] / 20000 - w / sum(weights.values())) < .02
    return f"the CSV's weights in a MultiNodeWeightedSampler: {dict(got)}"


checks = {"datasets": hf_datasets, "mosaicml-streaming": mosaicml, "litdata": litgpt, "megatron-core": megatron, "torchdata": torchdata}
failed = False
for package, check in checks.items():
    if len(sys.argv) > 2 and package not in sys.argv[2:]:
        continue
    try:
        version = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        print(f"{package}: not installed")
        continue
    try:
        print(f"{package} {version}: {check()}", flush=True)
    except Exception as e:
        failed = True
        import traceback

        traceback.print_exc()
        print(f"{package} {version}: FAILED {type(e).__name__}: {e}", flush=True)
sys.exit(failed)
