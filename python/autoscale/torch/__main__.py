"""python3 -m autoscale.torch RUN_DIR...: make runs with PyTorch."""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import signal
import sys
import time
import warnings
from typing import Any

from .errors import BAD_INPUT, FAILED, INTERRUPTED, NO_DEVICE, OK, TrainerError

_PR_SET_PDEATHSIG = 1


def arguments() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser("python3 -m autoscale.torch", description="Make runs of autoscale with PyTorch.")
    p.add_argument(
        "runs", nargs="*", metavar="RUN_DIR", help="folder with a run.json; resumed where it has a checkpoint"
    )
    p.add_argument("--device", help="auto, cpu, cuda or cuda:N; default: as the first run.json says")
    p.add_argument(
        "--lanes", type=int, default=0, metavar="N", help="most runs of one shape at a time; 0: as memory allows"
    )
    p.add_argument(
        "--parent", type=int, default=0, metavar="PID", help="write checkpoints and exit when process PID exits"
    )
    p.add_argument("--compile", choices=("auto", "on", "off"), default="auto", help="torch.compile; auto: on a card")
    p.add_argument("--measure", action="store_true", help="only measure the speed, one line of JSON for each shape")
    p.add_argument("--runs", type=int, default=0, dest="n_runs", metavar="N", help="measure N runs of each shape")
    p.add_argument("--probe", action="store_true", help="only say, in a line of JSON, what is here to compute with")
    p.add_argument("--seconds", type=float, default=5.0, metavar="S", help="of each measurement")
    p.add_argument("--srun", action="store_true", help="the ranks of a run are tasks of this Slurm job")
    p.add_argument("--quiet", action="store_true", help="no progress")
    return p


def follow_parent(pid: int) -> None:
    """The coordinator's end is ours; Ctrl-C on the terminal is for it to answer."""
    if not pid:
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != pid:
        raise TrainerError(f"--parent: process {pid} is not (or no longer) the parent", INTERRUPTED)


def heed_signals(stop: list[bool], parent: int) -> None:
    def set_stop(number: int, frame: Any) -> None:
        stop[0] = True

    signal.signal(signal.SIGTERM, set_stop)
    signal.signal(signal.SIGUSR1, set_stop)  # what srun passes on
    if not parent:
        signal.signal(signal.SIGINT, set_stop)


def device_word(given: str | None, folders: list[str]) -> str:
    if given:
        return given
    try:
        with open(os.path.join(folders[0], "run.json"), encoding="utf-8") as f:
            return json.load(f).get("device") or "auto"
    except (OSError, ValueError, AttributeError):
        return "auto"  # opening the run says what is wrong


def number_word(folder: str, key: str) -> int:
    """A whole number of run.json; 1 where it cannot be read."""
    try:
        with open(os.path.join(folder, "run.json"), encoding="utf-8") as f:
            return int(json.load(f).get(key) or 1)
    except (OSError, ValueError, AttributeError, TypeError):
        return 1


def make_ranks(a: argparse.Namespace, stop: list[bool]) -> int | None:
    """Runs of several ranks, each after the other; None where this process makes runs itself."""
    if a.probe or a.measure or "WORLD_SIZE" in os.environ or "AUTOSCALE_RANKS" in os.environ:
        return None
    n = {folder: number_word(folder, "ranks") for folder in a.runs}
    if max(n.values(), default=1) < 2:
        return None
    from . import ranks

    options = ["--compile", a.compile, *(["--device", a.device] if a.device else []), *["--quiet"] * a.quiet]
    codes = []
    for folder in a.runs:
        if not stop[0]:
            codes.append(ranks.make(n[folder], [*options, folder], a.srun, stop))
    return max(codes)


def probe(word: str) -> dict[str, Any]:
    """PyTorch, the library, and the cards that `word` may mean. Missing pieces fail as they would in a run."""
    import platform

    import torch

    from . import device, hosted

    device.find_place(word)
    cards = []
    for i in range(torch.cuda.device_count() if word != "cpu" and torch.cuda.is_available() else 0):
        free, total = torch.cuda.mem_get_info(i)
        cards.append({"name": torch.cuda.get_device_name(i), "memory_bytes": total, "free_bytes": free})
    return {
        "version": hosted.version(), "torch": torch.__version__, "python": platform.python_version(),
        "cuda": torch.version.cuda, "devices": cards,
    }  # fmt: skip


def work(a: argparse.Namespace, stop: list[bool]) -> int:
    """All runs, shape by shape; the exit code."""
    try:
        import torch
    except ImportError as e:
        raise TrainerError(f"PyTorch cannot be imported: {e}", NO_DEVICE) from None
    if a.probe:
        print(json.dumps(probe(a.device or "auto")), flush=True)
        return OK
    from . import device, loop, measure
    from .team import Team

    # Gradients are views into one array on purpose.
    warnings.filterwarnings("ignore", message="grad and param do not obey the gradient layout contract")
    team = Team()
    compiled = {"auto": None, "on": True, "off": False}[a.compile]
    place = device.find_place(device_word(a.device, a.runs), compiled, team.local_rank)
    device.set_exact()
    if not place.is_cuda:
        torch.set_num_threads(number_word(a.runs[0], "threads"))
    options = loop.Options(place, max(0, a.lanes), a.quiet or team.rank > 0, stop)
    groups: dict[str, list[str]] = {}
    for folder in a.runs:
        groups.setdefault(loop.shape_key(folder), []).append(folder)
    try:
        team.join(place.device, len(a.runs))
        for folders in groups.values():
            if a.measure:
                print(json.dumps(measure.measure(folders, options, a.seconds, a.n_runs)), flush=True)
            else:
                loop.make_runs(folders, options, team)
    except (RuntimeError, MemoryError, OSError) as e:
        raise device.as_trainer_error(e, place) from e
    finally:
        team.leave()
    return FAILED if options.failures else OK


def main(argv: list[str] | None = None) -> int:
    parser = arguments()
    a = parser.parse_args(argv)
    if not a.runs and not a.probe:
        parser.error("the following arguments are required: RUN_DIR")
    stop = [False]
    began = time.monotonic()
    try:
        heed_signals(stop, a.parent)
        follow_parent(a.parent)
        code = make_ranks(a, stop)
        return work(a, stop) if code is None else code
    except TrainerError as e:
        print(f"autoscale.torch: {e}", file=sys.stderr, flush=True)
        return e.code
    except KeyboardInterrupt:
        print(f"autoscale.torch: interrupted after {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        return INTERRUPTED
    except Exception as e:  # one line for people; the whole of it where it is asked for
        if os.environ.get("AUTOSCALE_TRACEBACK"):
            raise
        print(f"autoscale.torch: {type(e).__name__}: {str(e).splitlines()[0] if str(e) else ''}", file=sys.stderr)
        return FAILED


if __name__ == "__main__":
    sys.exit(main())

__all__ = ["BAD_INPUT", "main"]
