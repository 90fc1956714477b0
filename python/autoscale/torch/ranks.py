"""A run of several ranks (`ranks` of run.json) on this machine: this program starts them and ends as they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time

from .errors import BAD_INPUT, DEVICE_LOST, FAILED, INTERRUPTED, NO_DEVICE, OUT_OF_MEMORY

_GRACE_S = 20.0  # for the others, once a rank has failed: they wait for it

# What says more about the run comes first: a rank that is left alone fails with a word about its peers.
_TELLING = (OUT_OF_MEMORY, NO_DEVICE, BAD_INPUT, INTERRUPTED, DEVICE_LOST)


def _start(rank: int, n: int, argv: list[str], store: str) -> subprocess.Popen[bytes]:
    env = {**os.environ, "AUTOSCALE_RENDEZVOUS": f"file://{store}"}
    env |= {"WORLD_SIZE": str(n), "RANK": str(rank), "LOCAL_RANK": str(rank)}
    command = [sys.executable, "-m", "autoscale.torch", *argv, "--parent", str(os.getpid())]
    return subprocess.Popen(command, env=env, start_new_session=True)  # the terminal's Ctrl-C is ours to pass on


def make(n: int, argv: list[str], stop: list[bool]) -> int:
    """n ranks of the run that argv names, after options; the exit code. A signal that killed one of them kills this program too."""
    with tempfile.TemporaryDirectory(prefix="autoscale-ranks-") as folder:
        ranks = [_start(i, n, argv, os.path.join(folder, "store")) for i in range(n)]
        try:
            codes = _wait(ranks, stop)
        finally:
            for rank in ranks:
                if rank.poll() is None:
                    rank.kill()
    killed = [-c for c in codes if c < 0]
    if killed and not stop[0]:
        print(f"autoscale.torch: one of {n} ranks was killed by signal {killed[0]}", file=sys.stderr, flush=True)
        signal.signal(killed[0], signal.SIG_DFL) if killed[0] != signal.SIGKILL else None
        os.kill(os.getpid(), killed[0])
    failed = [c for c in codes if c]
    return next((c for c in _TELLING if c in failed), FAILED if failed else 0)


def _wait(ranks: list[subprocess.Popen[bytes]], stop: list[bool]) -> list[int]:
    """Their exit codes, without those that were killed here."""
    asked, failed_at, ended = False, 0.0, set()
    while any(rank.poll() is None for rank in ranks):
        if stop[0] and not asked:
            ranks[0].terminate()  # writes the checkpoint and sends the others home
            asked = True
        if not failed_at and any(rank.poll() for rank in ranks):
            failed_at = time.monotonic()
        if failed_at and time.monotonic() - failed_at > _GRACE_S:
            for i, rank in enumerate(ranks):
                if rank.poll() is None:
                    rank.kill()
                    ended.add(i)
        time.sleep(0.02)
    return [rank.wait() for i, rank in enumerate(ranks) if i not in ended]
