"""Several processes for one run: its steps' sums, its end, and a study's way of starting them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch_runs as tr


def ranks_of(n: int) -> dict[str, object]:
    return {"ranks": n, "keep_checkpoint": True}


def assert_same(ours: Path, theirs: Path, most: float) -> None:
    a, b = tr.losses(ours), tr.losses(theirs)
    assert len(a) == len(b) and max(abs(x - y) for x, y in zip(a, b, strict=True)) < most
    one, two = tr.result(ours), tr.result(theirs)
    assert all(abs(one["loss"][k] - two["loss"][k]) < most for k in one["loss"])


def finished(process: subprocess.Popen[str], code: int = 0) -> str:
    said = process.communicate(timeout=300)[1]
    assert process.returncode == code, said
    return said


@pytest.mark.parametrize("model", ["gpt2", "llama", "bert"])
def test_two_ranks_make_the_run_of_one(data: Path, model: str) -> None:
    one = tr.write_run(data, "one", model, steps=20, lr=5e-4)
    two = tr.write_run(data, "two", model, steps=20, lr=5e-4, run=ranks_of(2))
    tr.train_builtin(one)
    finished(tr.start_torch("--quiet", two))
    assert_same(one, two, 1e-6)
    assert "2 x cpu" in (two / "log.txt").read_text()


def test_ranks_that_are_stopped_go_on(data: Path) -> None:
    whole, stopped = (tr.write_run(data, name, steps=60, run=ranks_of(2)) for name in ("whole", "stopped"))
    finished(tr.start_torch("--quiet", whole))
    tr.interrupt(tr.start_torch("--quiet", stopped), stopped, 6)
    assert 0 < tr.step_of(stopped) < 60
    finished(tr.start_torch("--quiet", stopped))
    assert tr.losses(whole) == tr.losses(stopped)
    assert tr.result(whole)["loss"] == tr.result(stopped)["loss"]


def test_the_end_of_a_rank_is_the_end_of_all(data: Path) -> None:
    bad = tr.write_run(data, "bad", steps=12, run=ranks_of(2))
    tr.write_tokens(data / "odd.train", tr.text("odd", 20000) + bytes([255]) * 20000)
    told = (bad / "run.json").read_text().replace("code.train", "odd.train").replace('"vocab": 256', '"vocab": 200')
    (bad / "run.json").write_text(told)
    process = tr.start_torch("--quiet", bad)
    said = process.communicate(timeout=300)[1]
    assert process.returncode not in (0, 130) and "token 255" in said
    assert not (bad / "result.json").exists()


SRUN = """#!{python}
# As Slurm's: one process for each task, SIGUSR1 handed on, the largest exit code.
import os, signal, subprocess, sys
n = int(next(w for w in sys.argv if w.startswith("--ntasks=")).split("=")[1])
known = ("--ntasks=", "--kill", "--wait", "--cpus")
command = [w for w in sys.argv[1:] if not w.startswith(known)]
slurm = {{"SLURM_NTASKS": str(n), "SLURM_LAUNCH_NODE_IPADDR": "127.0.0.1", "SLURM_STEP_ID": "0"}}
tasks = [
    subprocess.Popen(command, env={{**os.environ, **slurm, "SLURM_PROCID": str(i), "SLURM_LOCALID": str(i)}})
    for i in range(n)
]
signal.signal(signal.SIGUSR1, lambda *_: [t.send_signal(signal.SIGUSR1) for t in tasks])
sys.exit(max(t.wait() for t in tasks))
"""


def test_ranks_are_tasks_of_a_slurm_job(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = (tr.write_run(data, name, steps=40, lr=5e-4, run=ranks_of(n)) for name, n in (("one", 1), ("two", 2)))
    (data / "bin").mkdir()
    (data / "bin" / "srun").write_text(SRUN.format(python=sys.executable))
    (data / "bin" / "srun").chmod(0o755)
    monkeypatch.setenv("PATH", f"{data / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_JOB_ID", str(os.getpid()))
    tr.train_builtin(one)
    tr.interrupt(tr.start_torch("--quiet", "--srun", two), two, 6)
    assert 0 < tr.step_of(two) < 40
    finished(tr.start_torch("--quiet", "--srun", two))
    assert_same(one, two, 1e-5)
