"""A run of several ranks (`ranks` of run.json): this program starts them and ends as they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time

from .errors import BAD_INPUT, DEVICE_LOST, FAILED, INTERRUPTED, NO_DEVICE, OUT_OF_MEMORY

_GRACE_S = 20  # for the others, once a rank has failed: they wait for it

# What says more about the run comes first: a rank that is left alone fails with a word about its peers.
_TELLING = (OUT_OF_MEMORY, NO_DEVICE, BAD_INPUT, INTERRUPTED, DEVICE_LOST)


def _start(argv: list[str], env: dict[str, str], *before: str) -> subprocess.Popen[bytes]:
    command = [*before, sys.executable, "-m", "autoscale.torch", *argv]
    # In a session of its own: the terminal's Ctrl-C is for this program to pass on.
    return subprocess.Popen(command, env={**os.environ, **env}, start_new_session=True)


def _start_here(n: int, argv: list[str], store: str) -> list[subprocess.Popen[bytes]]:
    """n processes on this machine."""
    argv = [*argv, "--parent", str(os.getpid())]
    env = {"AUTOSCALE_RENDEZVOUS": f"file://{store}", "WORLD_SIZE": str(n)}
    return [_start(argv, {**env, "RANK": str(i), "LOCAL_RANK": str(i)}) for i in range(n)]


def _start_tasks(n: int, argv: list[str]) -> list[subprocess.Popen[bytes]]:
    """srun, which starts n tasks in the job's allocation. It does not take the job's --cpus-per-task by itself."""
    cpus = os.environ.get("SLURM_CPUS_PER_TASK")
    options = [f"--ntasks={n}", "--kill-on-bad-exit=0", f"--wait={_GRACE_S}"]
    options += [f"--cpus-per-task={cpus}"] if cpus else []
    return [_start(argv, {"AUTOSCALE_RANKS": "srun"}, "srun", *options)]


def make(n: int, argv: list[str], srun: bool, stop: list[bool]) -> int:
    """n ranks of the run that argv names, after options; the exit code. A signal that killed one of them kills this
    program too."""
    with tempfile.TemporaryDirectory(prefix="autoscale-ranks-") as folder:
        programs = _start_tasks(n, argv) if srun else _start_here(n, argv, os.path.join(folder, "store"))
        try:
            # srun itself would end its tasks at once on SIGTERM, but hands SIGUSR1 on.
            codes = _wait(programs, signal.SIGUSR1 if srun else signal.SIGTERM, stop)
        finally:
            for program in programs:
                if program.poll() is None:
                    program.kill()
    killed = [-c for c in codes if c < 0]
    if killed and not stop[0]:
        print(f"autoscale.torch: one of {n} ranks was killed by signal {killed[0]}", file=sys.stderr, flush=True)
        signal.signal(killed[0], signal.SIG_DFL) if killed[0] != signal.SIGKILL else None
        os.kill(os.getpid(), killed[0])
    failed = [c for c in codes if c]
    return next((c for c in _TELLING if c in failed), FAILED if failed else 0)


def _wait(programs: list[subprocess.Popen[bytes]], stop_signal: int, stop: list[bool]) -> list[int]:
    """Their exit codes, without those that were killed here."""
    asked, failed_at, ended = False, 0.0, set()
    while any(p.poll() is None for p in programs):
        if stop[0] and not asked:
            programs[0].send_signal(stop_signal)  # the first rank writes the checkpoint and sends the others home
            asked = True
        if not failed_at and any(p.poll() for p in programs):
            failed_at = time.monotonic()
        if failed_at and time.monotonic() - failed_at > _GRACE_S:
            for i, p in enumerate(programs):
                if p.poll() is None:
                    p.kill()
                    ended.add(i)
        time.sleep(0.02)
    return [p.wait() for i, p in enumerate(programs) if i not in ended]
