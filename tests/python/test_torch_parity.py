"""The PyTorch trainer against the built-in engine: the same losses, step by step."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch_runs as tr
from autoscale.torch.__main__ import main


def make(folder: Path, *options: str) -> int:
    return main(["--quiet", "--device", "cpu", *options, str(folder)])


def assert_same(ours: Path, theirs: Path, steps: int, each: float, final: float) -> None:
    a, b = tr.losses(ours), tr.losses(theirs)
    assert len(a) == len(b) == steps
    assert max(abs(x - y) for x, y in zip(a, b, strict=True)) < each
    one, two = tr.result(ours), tr.result(theirs)
    assert one["run"]["digest"] == two["run"]["digest"]
    for key in ("state", "tokens", "domain_tokens", "lr", "retries"):
        assert one[key] == two[key]
    assert [p["tokens"] for p in one["curve"]] == [p["tokens"] for p in two["curve"]]
    for p, q in zip(one["curve"], two["curve"], strict=True):
        assert all(abs(p["loss"][k] - q["loss"][k]) < final for k in p["loss"])


@pytest.mark.parametrize("model", ["gpt2", "llama", "bert"])
def test_every_loss_of_200_steps_is_the_engines(data: Path, model: str) -> None:
    # At 1e-3 training may amplify rounding errors a thousandfold, the engine's own instruction sets' too.
    ours, theirs = (tr.write_run(data, name, model, steps=200, lr=5e-4) for name in ("ours", "theirs"))
    tr.train_builtin(ours)
    assert make(theirs) == 0
    assert_same(ours, theirs, 200, 1e-5, 1e-4)


@pytest.mark.parametrize("model", [m for m in tr.MODELS if m not in ("gpt2", "llama", "bert")])
def test_the_options_of_models_are_the_engines(data: Path, model: str) -> None:
    # A few steps: rounding errors of such small models with per-head norms grow by themselves.
    ours, theirs = (tr.write_run(data, name, model, steps=15, lr=1e-3) for name in ("ours", "theirs"))
    tr.train_builtin(ours)
    assert make(theirs) == 0
    assert_same(ours, theirs, 15, 2e-6, 2e-6)


def test_a_task_as_target_is_scored_as_the_engine_does(data: Path) -> None:
    import json

    windows = [{"ids": list(b"the answer is 42"), "scored": 2, "weight": 0.5},
               {"ids": list(b"no"), "scored": 1, "weight": 0.25}]  # fmt: skip
    (data / "task.json").write_text(json.dumps({"version": 1, "items": 2, "bytes_per_token": 1.0, "windows": windows}))
    targets = [{"name": "code", "valid": str(data / "code.valid")}, {"name": "task", "scored": str(data / "task.json")}]
    runs = [tr.write_run(data, name, steps=5, run={"targets": targets}) for name in ("ours", "theirs")]
    tr.train_builtin(runs[0])
    assert make(runs[1]) == 0
    assert_same(runs[0], runs[1], 5, 1e-6, 1e-6)


def test_bf16_is_within_the_noise_of_seeds(data: Path) -> None:
    exact = [tr.write_run(data, f"seed{i}", steps=60, lr=1e-3, seed=i) for i in range(3)]
    rough = tr.write_run(data, "bf16", steps=60, lr=1e-3, seed=0, dtype="bf16")
    assert main(["--quiet", "--device", "cpu", *map(str, exact)]) == 0
    assert make(rough) == 0
    for target in ("code", "docs"):
        seeds = [tr.result(f)["loss"][target] for f in exact]
        assert abs(tr.result(rough)["loss"][target] - seeds[0]) < max(seeds) - min(seeds)


def test_an_interrupted_run_of_either_engine_is_resumed_by_the_other(data: Path) -> None:
    # An optimizer step amplifies rounding errors: at a rate at which 60 of them keep to the bound.
    keep = {"keep_checkpoint": True}
    whole, mixed = (tr.write_run(data, name, steps=60, lr=5e-4, run=keep) for name in ("whole", "mixed"))
    tr.train_builtin(whole)
    tr.interrupt(tr.start_builtin(mixed), mixed, 5)
    begun = tr.step_of(mixed)
    tr.interrupt(tr.start_torch(mixed), mixed, begun + 5)
    assert tr.step_of(mixed) > begun
    tr.train_builtin(mixed)
    assert_same(whole, mixed, 60, 1e-5, 1e-5)


def test_what_cannot_be_made_is_one_line(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tr.write_run(data, "good", steps=3), tr.write_run(data, "bad", steps=3, shares=(90.0, 0.1))
    (bad / "run.json").write_text((bad / "run.json").read_text().replace("code.train", "nothing.train"))
    assert main(["--quiet", "--device", "cpu", str(bad), str(good)]) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1 and "nothing.train" in said[0]
    assert tr.result(good)["state"] == "done"
    assert main(["--quiet", "--device", "tpu", str(good)]) == 2
    import torch

    if not torch.cuda.is_available():
        assert main(["--quiet", "--device", "cuda", str(good)]) == 69
