"""Runs stacked into one model: each as if it were alone."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

import torch_runs as tr  # noqa: E402
from autoscale.torch import loop  # noqa: E402
from autoscale.torch.__main__ import main  # noqa: E402

# Other mixtures, seeds, rates and budgets; one begins again after a divergence.
KINDS = [
    {"steps": 30, "seed": 1},
    {"steps": 18, "seed": 2, "shares": (0.2, 0.8)},
    {"steps": 37, "seed": 3, "lr": 2e-3},
    {"steps": 30, "seed": 1, "lr": 50.0, "retry_on_divergence": 1, "divergence_lr": 2e-5},
    {"steps": 30, "seed": 4, "lr": 80.0, "retry_on_divergence": 0},
]


def stacked(folders: list[Path], *options: str) -> int:
    return main(["--quiet", "--device", "cpu", *options, *map(str, folders)])


@pytest.mark.parametrize("model", ["gpt2", "llama", "bert"])
def test_stacked_runs_are_the_runs_alone(data: Path, model: str) -> None:
    alone = [tr.write_run(data, f"alone{i}", model, **k) for i, k in enumerate(KINDS)]
    together = [tr.write_run(data, f"together{i}", model, **k) for i, k in enumerate(KINDS)]
    for folder in alone:
        assert stacked([folder]) == 0
    assert stacked(together, "--lanes", "3") == 0  # two runs wait for a free lane
    for a, b in zip(alone, together, strict=True):
        assert len(tr.losses(a)) == len(tr.losses(b))
        one, two = tr.result(a), tr.result(b)
        assert (one["state"], one["retries"]) == (two["state"], two["retries"])
        if one["state"] == "done":
            assert max(abs(x - y) for x, y in zip(tr.losses(a), tr.losses(b), strict=True)) < 1e-5
            assert all(abs(one["loss"][k] - two["loss"][k]) < 1e-5 for k in one["loss"])
    assert [tr.result(f)["state"] for f in together] == ["done"] * 4 + ["diverged"]


def test_a_stack_that_is_stopped_goes_on(data: Path) -> None:
    kinds = [{"steps": 60, "seed": 1}, {"steps": 45, "seed": 2}]
    whole = [tr.write_run(data, f"whole{i}", **k) for i, k in enumerate(kinds)]
    stopped = [tr.write_run(data, f"stopped{i}", **k) for i, k in enumerate(kinds)]
    assert stacked(whole) == 0
    tr.interrupt(tr.start_torch(*stopped), stopped[0], 6)
    assert all(0 < tr.step_of(f) < 45 for f in stopped)
    assert stacked(stopped) == 0
    for a, b in zip(whole, stopped, strict=True):
        assert tr.losses(a) == tr.losses(b)  # bit for bit on a CPU
        assert tr.result(a)["loss"] == tr.result(b)["loss"]
        assert not (b / "checkpoint").exists()


def test_less_memory_means_fewer_lanes(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [tr.write_run(data, f"run{i}", steps=6, seed=i) for i in range(4)]
    built: list[int] = []
    real = loop.build

    def build(run, shape, rules, lanes, micro, place, team):  # type: ignore[no-untyped-def]
        built.append(lanes)
        if lanes > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return real(run, shape, rules, lanes, micro, place, team)

    monkeypatch.setattr(loop, "build", build)
    assert stacked(folders) == 0
    assert built[:3] == [4, 2, 1]
    assert all(tr.result(f)["state"] == "done" for f in folders)


def test_no_memory_at_all_has_its_own_exit_code(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def build(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(loop, "build", build)
    folder = tr.write_run(data, "run", steps=6)
    assert stacked([folder]) == 75
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not (folder / "result.json").exists()


def test_runs_of_one_shape_are_told_from_others(data: Path) -> None:
    a = tr.write_run(data, "a", steps=3, seed=1, lr=1e-3)
    b = tr.write_run(data, "b", steps=9, seed=2, lr=2e-3, shares=(0.1, 0.9))
    c = tr.write_run(data, "c", "llama", steps=3)
    d = tr.write_run(data, "d", steps=3, weight_decay=0.3)
    keys = [loop.shape_key(str(f)) for f in (a, b, c, d, data / "none")]
    assert keys[0] == keys[1] and len(set(keys)) == 4
    assert stacked([a, c, b, d]) == 0


def test_a_measurement_needs_no_lock_and_leaves_nothing(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import json

    folder = tr.write_run(data, "run", steps=3)
    before = sorted(f.name for f in folder.iterdir())
    assert stacked([folder], "--measure", "--seconds", "0.1") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["runs"] == told["lanes"] == 1 and told["tokens_per_s"] > 0 and told["eval_tokens_per_s"] > 0
    assert sorted(f.name for f in folder.iterdir()) == before


def test_the_longest_run_starts_first_and_lanes_stay_busy(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [tr.write_run(data, f"run{i}", steps=n) for i, n in enumerate((4, 3, 12, 5))]
    built: list[tuple[int, str]] = []
    real = loop.build

    def build(run, shape, rules, lanes, micro, place, team):  # type: ignore[no-untyped-def]
        built.append((lanes, run.id))
        return real(run, shape, rules, lanes, micro, place, team)

    monkeypatch.setattr(loop, "build", build)
    monkeypatch.setattr(loop.Group, "_shrink", lambda self: None)
    assert stacked(folders) == 0
    assert built == [(2, "run2")]  # 24 steps in all, 12 of the longest
    assert all(tr.result(f)["state"] == "done" for f in folders)


def test_a_bad_token_ends_its_own_run_alone(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tr.write_run(data, "good", steps=12), tr.write_run(data, "bad", steps=12)
    tr.write_tokens(data / "odd.train", tr.text("odd", 20000) + bytes([255]) * 20000)
    for folder, file in ((good, "code.train"), (bad, "odd.train")):
        told = (folder / "run.json").read_text().replace("code.train", file).replace('"vocab": 256', '"vocab": 200')
        (folder / "run.json").write_text(told)
    assert stacked([bad, good]) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1 and "token 255" in said[0]
    assert "failed: token 255" in (bad / "log.txt").read_text()
    assert not (bad / "result.json").exists() and tr.result(good)["state"] == "done"
