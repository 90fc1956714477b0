"""Runs that start from another run's checkpoint, and merged models: as the built-in engine makes them."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch_runs as tr
from autoscale.torch.__main__ import main

STEP = 8 * 32  # tokens
PHASES = [{"code": 10 * STEP, "docs": 6 * STEP}, {"code": 4 * STEP, "docs": 20 * STEP}]


def make(*folders: Path) -> int:
    return main(["--quiet", "--device", "cpu", *map(str, folders)])


def branch(data: Path, name: str, trunk: Path, phases: list[dict[str, Any]], model: str = "gpt2", **run: Any) -> Path:
    """From the trunk's checkpoint, in its place, cooling down over the last 8 of 24 steps."""
    whole = {d: sum(p[d] for p in phases) for d in ("code", "docs")}
    told = {
        "init_from": str(trunk / "checkpoint"), "init_with": "position", "phases": phases,
        "stop_tokens": 24 * STEP, "cool_tokens": 8 * STEP, "keep_checkpoint": True, "n_curve": 0, **run,
    }  # fmt: skip
    told["domains"] = [{"name": d, "train": str(data / f"{d}.train"), "tokens": n} for d, n in whole.items()]
    return tr.write_run(data, name, model, run=told, lr=1e-3)


def trunk_of(data: Path, model: str = "gpt2") -> Path:
    """16 of 40 steps on the first phase, made here."""
    told = {"phases": PHASES, "stop_tokens": 16 * STEP, "keep_checkpoint": True, "n_curve": 0}
    told["domains"] = [
        {"name": d, "train": str(data / f"{d}.train"), "tokens": PHASES[0][d] + PHASES[1][d]} for d in ("code", "docs")
    ]
    folder = tr.write_run(data, "trunk", model, run=told, lr=1e-3)
    assert make(folder) == 0
    return folder


def assert_same(ours: Path, theirs: Path, most: float) -> None:
    a, b = tr.losses(ours), tr.losses(theirs)
    assert len(a) == len(b) and all(abs(x - y) < most for x, y in zip(a, b, strict=True))
    one, two = tr.result(ours), tr.result(theirs)
    for key in ("state", "tokens", "domain_tokens"):
        assert one[key] == two[key]
    assert all(abs(one["loss"][k] - two["loss"][k]) < most for k in one["loss"])


@pytest.mark.parametrize("model", ["gpt2", "llama", "bert"])
def test_branches_are_the_engines_alone_and_stacked(data: Path, model: str) -> None:
    trunk = trunk_of(data, model)
    others = [PHASES, [PHASES[0], {"code": 24 * STEP, "docs": 0}], [PHASES[0], {"code": 0, "docs": 24 * STEP}]]
    ours = [branch(data, f"ours{i}", trunk, p, model) for i, p in enumerate(others)]
    alone = branch(data, "alone", trunk, others[1], model)
    stacked = [branch(data, f"stacked{i}", trunk, p, model) for i, p in enumerate(others)]
    tr.train_builtin(*ours)
    assert make(alone) == 0 and make(*stacked) == 0
    for a, b in zip(ours, stacked, strict=True):
        assert len(tr.losses(a)) == 8  # the branch's own steps
        assert_same(a, b, 1e-5)
    assert_same(ours[1], alone, 1e-5)
    # What it cost: a stack's time is divided among its runs.
    walls = [tr.result(f)["wall_s"] for f in stacked]
    assert max(walls) < sum(walls)


def test_moments_older_than_the_steps_are_gone_on_with(data: Path) -> None:
    trunk = trunk_of(data)
    ours, theirs = (
        branch(data, name, trunk, PHASES, init_with="moments", cool_tokens=0) for name in ("ours", "theirs")
    )
    tr.train_builtin(ours)
    assert make(theirs) == 0
    assert_same(ours, theirs, 1e-5)
    on = [branch(data, name, theirs, PHASES, stop_tokens=32 * STEP) for name in ("on-engine", "on-torch")]
    tr.train_builtin(on[0])
    assert make(on[1]) == 0
    assert_same(on[0], on[1], 1e-5)


def digest(checkpoint: Path) -> str:
    """Of what decides a run that begins with these weights, as libautoscale counts it."""
    files = sorted(f for f in checkpoint.iterdir() if f.suffix == ".safetensors" or f.name == "config.json")
    listed = [f for f in files if f.name != "optimizer.safetensors"]
    text = "".join(f"{f.name} {hashlib.sha256(f.read_bytes()).hexdigest()}\n" for f in listed)
    return hashlib.sha256((text + "step 0\n").encode()).hexdigest()


def merge_run(data: Path, name: str, base: Path, parts: dict[Path, float], model: str) -> Path:
    told = {
        "init_from": str(base / "checkpoint"), "n_curve": 0,
        "merge": [
            {"from": str(f / "checkpoint"), "weight": w, "digest": digest(f / "checkpoint")} for f, w in parts.items()
        ],
    }  # fmt: skip
    return tr.write_run(data, name, model, run=told)


@pytest.mark.parametrize("model", ["gpt2", "llama", "bert"])
def test_merged_models_have_the_engines_losses(data: Path, model: str) -> None:
    trunk = trunk_of(data, model)
    branches = [
        branch(data, f"branch{i}", trunk, [PHASES[0], p], model)
        for i, p in enumerate(({"code": 24 * STEP, "docs": 0}, {"code": 0, "docs": 24 * STEP}))
    ]
    assert make(*branches) == 0
    weights = [(0.5, 0.5), (0.2, 0.7), (1.0, 0.0)]
    pairs = [
        [merge_run(data, f"{who}{i}", trunk, dict(zip(branches, w, strict=True)), model) for who in ("ours", "theirs")]
        for i, w in enumerate(weights)
    ]
    tr.train_builtin(*(a for a, _ in pairs))
    assert make(*(b for _, b in pairs)) == 0
    for a, b in pairs:
        assert_same(a, b, 1e-5)
        assert (a / "merge.json").read_text() == (b / "merge.json").read_text()
        assert not (b / "merged").exists() and not (b / "checkpoint").exists()
    alone = tr.result(branches[0])["loss"]
    assert all(abs(tr.result(pairs[2][1])["loss"][k] - alone[k]) < 1e-5 for k in alone)


def test_a_checkpoint_that_has_changed_is_refused(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trunk = trunk_of(data)
    folder = branch(data, "branch", trunk, PHASES, init_digest="0" * 64)
    assert make(folder) == 1
    assert "no longer the checkpoint" in capsys.readouterr().err
    assert not (folder / "result.json").exists()
    subprocess.run([tr.COMMAND, "train", "--run", str(folder), "--quiet"], check=False, capture_output=True)
    assert not (folder / "result.json").exists()
