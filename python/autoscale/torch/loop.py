"""Runs of one shape from run.json to result.json: lanes that take runs, steps of all lanes at once, evaluations."""

from __future__ import annotations

import json
import math
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .batches import Batches, RunError, windows
from .device import Place, first_line, is_out_of_memory
from .errors import BAD_INPUT, INTERRUPTED, TrainerError
from .hosted import Next, Run
from .model import Layout, Model, Shape
from .stack import Rules, Stack, activation_bytes, hidden_rows, rates
from .team import Team

_SEGMENT_S = 1.0  # steps between two looks at signals and losses take about so long
_SEGMENT_STEPS = 64
_SAY_S = 10.0
_PASS_TOKENS = 256 * 1024  # of all lanes together: more in one pass is not faster
_MEMORY_SHARE = 0.85


@dataclass
class Options:
    """How the program was called."""

    place: Place
    lanes: int = 0  # 0: by memory
    quiet: bool = False
    stop: list[bool] = field(default_factory=lambda: [False])  # [0] set by a signal
    failures: list[str] = field(default_factory=list)


# ---- shapes of runs -------------------------------------------------------------------------------------------------


def shape_key(folder: str) -> str:
    """Runs of one key can be stacked: same model, batch and optimizer. Where run.json cannot be read, the folder."""
    try:
        told = json.loads((Path(folder) / "run.json").read_text())
        training = {k: v for k, v in told["training"].items() if k in _OF_SHAPE}
        return json.dumps([told["model"], training, "merge" in told], sort_keys=True)
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return folder  # opening it says what is wrong


def tokens_of(folder: str) -> float:
    """Tokens that a run.json asks for; 0 where it cannot be read, or has checkpoints to merge and nothing to train."""
    try:
        told = json.loads((Path(folder) / "run.json").read_text())
        tokens = float(sum(d["tokens"] for d in told["domains"]))
        return 0.0 if "merge" in told else min(tokens, told.get("stop_tokens") or tokens)
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0


_OF_SHAPE = ("batch_tokens", "micro_batch", "dtype", "weight_decay", "clip", "beta1", "beta2", "eps")


def shape_of(run: Run, place: Place) -> Shape:
    """The run's model, and the types it is computed in."""
    bf16 = run.training["dtype"] == "bf16"
    if bf16 and place.is_cuda and not torch.cuda.is_bf16_supported():
        raise TrainerError(f"{run.folder}: dtype bf16: {place.name} has none; use dtype fp32", BAD_INPUT)
    dtype = torch.bfloat16 if bf16 else torch.float32
    return Shape(**run.model, dtype=dtype, stream=dtype if place.is_cuda else torch.float32)


def rules_of(run: Run) -> Rules:
    t = run.training
    batch = max(1, t["batch_tokens"] // run.model["context"])
    return Rules(batch, t["beta1"], t["beta2"], t["eps"], t["weight_decay"], t["clip"])


@dataclass(frozen=True)
class Plan:
    lanes: int
    micro: int


def plan_of(run: Run, shape: Shape, rules: Rules, wanted: int, most: int, place: Place, share: int) -> Plan:
    """Lanes and sequences of each a pass takes, within the memory there is. share: sequences of a step made here."""
    free = _MEMORY_SHARE * place.free_bytes()
    lane = 16.0 * run.size + (4.0 * run.size if not place.compiled else 0)
    token = activation_bytes(shape) * shape.context
    head = 1.5e9 if place.is_cuda else 2e8
    lanes = max(1, min(wanted, most or wanted, int((free - head) / (lane + token))))
    room = max(1, int((free - head - lanes * lane) / (lanes * token)))
    tokens = _PASS_TOKENS if place.is_cuda else 2048
    micro = min(share, room, max(1, tokens // (lanes * shape.context)))
    if run.training["micro_batch"]:
        micro = min(micro, run.training["micro_batch"])
    parts = -(-share // micro)
    return Plan(lanes, -(-share // parts))


# ---- lanes ----------------------------------------------------------------------------------------------------------


class Group:
    """Runs of one shape, made together on one device."""

    def __init__(self, folders: list[str], options: Options, team: Team) -> None:
        # Longest first, and as many lanes as keep busy until the longest run ends: each takes the next run as one ends.
        lengths = {f: tokens_of(f) for f in folders}
        self.waiting = deque(sorted(folders, key=lambda f: -lengths[f]))
        longest = max(lengths.values())
        self.busy_lanes = math.ceil(sum(lengths.values()) / longest - 1e-9) if longest else 1
        self.options, self.team = options, team
        self.place = options.place
        self.runs: list[Run | None] = []
        self.stack: Stack | None = None
        self.batches = Batches(self.place.device)
        self.most_lanes = options.lanes
        self.most_micro = 0
        self._tried = 1, 1  # lanes and sequences of each, of the last stack
        self.step_s = 0.0
        self.prepare_s = 0.0
        self._said_at = time.monotonic()
        self._steps_said = 0

    # -- opening

    def _place_text(self) -> str:
        n = f"{self.team.size} x " if self.team.size > 1 else ""
        return f"{n}{self.place.name}, PyTorch {torch.__version__}"

    def _try_open(self, folder: str) -> tuple[Run, Next] | TrainerError | None:
        """A run with its arrays filled; None where it has its result."""
        run = None
        try:
            run = Run(folder, self._place_text(), self.team.rank)
            next_ = run.start()
            run.share(max(1, len(self.runs)))
            if next_ == Next.ENDED:  # it has its result, or lacks nothing else
                run.finish()
                run.close()
                return None
            return run, next_
        except TrainerError as e:
            if run:
                run.close()
            return e

    def _open(self, n: int) -> list[tuple[Run, Next]]:
        """The next n waiting runs that have something to do, opened side by side: drawing initial weights takes a
        processor a while. What cannot be opened is noted and passed over."""
        found: list[tuple[Run, Next]] = []
        while self.waiting and len(found) < n:
            folders = [self.waiting.popleft() for _ in range(min(n - len(found), len(self.waiting)))]
            for opened in self.batches.spread(self._try_open, folders):
                if isinstance(opened, TrainerError):
                    self._failed(opened)
                elif opened is not None:
                    found.append(opened)
        return found

    def _failed(self, e: TrainerError) -> None:
        """One run's failure: the others are made all the same."""
        if self.team.size > 1 or e.code == INTERRUPTED:
            raise e
        self.options.failures.append(str(e))
        print(f"autoscale.torch: {e}", file=sys.stderr, flush=True)

    def _drop(self, lane: int, e: TrainerError) -> None:
        """Give up the run in a lane; its checkpoint stays."""
        run = self.runs[lane]
        self._failed(e)
        if run is not None:
            run.note(f"failed: {e}")
            run.close()
        self.runs[lane] = None

    def _build(self, run: Run, n_lanes: int) -> None:
        """A stack for n_lanes runs like this one."""
        shape, rules = shape_of(run, self.place), rules_of(run)
        share = -(-rules.batch // self.team.size)
        plan = plan_of(run, shape, rules, n_lanes, self.most_lanes, self.place, share)
        micro = min(plan.micro, self.most_micro) if self.most_micro else plan.micro
        self.stack = None
        began = time.monotonic()
        self._tried = plan.lanes, micro
        self.team.tell(("build", micro))
        self.stack = build(run, shape, rules, plan.lanes, micro, self.place, self.team)
        self.prepare_s = max(self.prepare_s, time.monotonic() - began)
        self.runs = [None] * plan.lanes

    # -- the life of a run

    def _load(self, lane: int, run: Run) -> None:
        stack = self._stack()
        stack.load(lane, run)
        self.team.tell(("load",))
        self.team.copy(stack.p, stack.m, stack.v)
        self.runs[lane] = run

    def _stack(self) -> Stack:
        assert self.stack is not None
        return self.stack

    def _settle(self, lane: int, next_: Next) -> None:
        """All that is due before this run's next step; the lane is free after it where the run has ended."""
        try:
            self._settle_run(lane, next_)
        except TrainerError as e:
            self._drop(lane, e)

    def _settle_run(self, lane: int, next_: Next) -> None:
        run = self.runs[lane]
        while run is not None and next_ != Next.STEP:
            if next_ == Next.RESTARTED:
                self._load(lane, run)
                next_ = Next.STEP
                continue
            if next_ == Next.EVALUATE:
                next_ = run.take_losses(evaluate(self._stack().reader(lane), run, self.place))
                continue
            self._stack().store(lane, run)  # kept where the run keeps its checkpoint
            run.finish()
            self._say_end(run, next_)
            run.close()
            self.runs[lane] = run = None
        if run is not None and run.save_due():
            self._stack().store(lane, run)
            run.save()

    def _say_end(self, run: Run, next_: Next) -> None:
        if not self.options.quiet:
            word = "done" if next_ == Next.ENDED else "diverged"
            print(f"{run.id}: {word} after {run.step} steps", file=sys.stderr, flush=True)

    def _fill(self) -> None:
        """Waiting runs into free lanes; fewer lanes where many are free for good."""
        if self.stack is None and self.waiting:
            self._begin()
        while self.waiting and None in self.runs and not self.options.stop[0]:
            free = [lane for lane, run in enumerate(self.runs) if run is None]
            for lane, (run, next_) in zip(free, self._open(len(free)), strict=False):
                self._load(lane, run)
                self._settle(lane, next_)
        self._shrink()

    def _begin(self) -> None:
        """A stack for the runs that wait, with the first of them."""
        found = self._open(1)
        if not found:
            return
        run, next_ = found[0]
        try:
            self._build(run, min(1 + len(self.waiting), max(1, self.busy_lanes)))
        except BaseException:
            self.waiting.appendleft(run.folder)
            run.close()
            raise
        self._load(0, run)
        self._settle(0, next_)

    def _shrink(self) -> None:
        """A smaller stack where the time it saves is more than the time it takes to build."""
        alive = [r for r in self.runs if r is not None]
        lanes = len(self.runs)
        if not alive or len(alive) == lanes or self.waiting:
            return
        left = max(r.steps["end"] - r.step for r in alive) * self.step_s
        if left * (1 - len(alive) / lanes) < 2 * self.prepare_s + 0.1:
            return
        stack = self._stack()
        at = [i for i, r in enumerate(self.runs) if r is not None]
        held = [[t[i].clone() for t in (stack.p, stack.m, stack.v)] for i in at]
        self.most_lanes = 0  # that many did fit
        self._build(alive[0], len(alive))
        stack = self._stack()
        for lane, (run, tensors) in enumerate(zip(alive, held, strict=True)):
            for to, of in zip((stack.p, stack.m, stack.v), tensors, strict=True):
                to[lane].copy_(of)
            self.runs[lane] = run

    # -- steps

    def _segment_steps(self, alive: list[Run]) -> int:
        n = min(_SEGMENT_STEPS, *(r.steps_ahead() for r in alive), 1 << 30)
        if self.step_s > 0:
            return max(1, min(n, int(_SEGMENT_S / self.step_s)))
        return min(n, 4)

    def _segment(self) -> None:
        """Some steps of all lanes, then their losses."""
        stack = self._stack()
        alive = [r for r in self.runs if r is not None]
        for one in alive:
            one.share(len(alive))
        n = self._segment_steps(alive)
        begun = time.monotonic()
        first = [r.step if r else 0 for r in self.runs]
        scale, now = numbers(stack, self.runs, first, n)
        self.team.tell(("steps", first, scale, now))
        made = make_steps(stack, self.batches, self.runs, first, scale, now, self.team)
        if made.n == n:
            self.step_s = (time.monotonic() - begun) / n
        for lane, run in enumerate(self.runs):
            if run is not None:
                self._take(lane, run, made)
        if made.failure and made.failure.run in self.runs:  # else it has diverged meanwhile
            self._drop(self.runs.index(made.failure.run), made.failure)
        elif made.n:
            self._say(n, float(made.loss[-1].sum() / max(1.0, made.counted[-1].sum())))

    def _take(self, lane: int, run: Run, made: Made) -> None:
        try:
            next_ = take(run, made.loss[:, lane], made.norm[:, lane], made.counted[:, lane])
        except TrainerError as e:
            self._drop(lane, e)
        else:
            self._settle(lane, next_)

    def _say(self, n: int, loss: float) -> None:
        self._steps_said += n
        now = time.monotonic()
        alive = [r for r in self.runs if r is not None]
        if self.options.quiet or not alive or now - self._said_at < _SAY_S:
            return
        run, stack = alive[0], self._stack()
        tokens = self._steps_said * len(alive) * stack.rules.batch * stack.shape.context / (now - self._said_at)
        more = f" and {len(alive) - 1} more" if len(alive) > 1 else ""
        print(
            f"{run.id}{more}: step {run.step} of {run.steps['end']}, loss {loss:.4f}, {tokens:.3g} tokens/s",
            file=sys.stderr, flush=True,
        )  # fmt: skip
        self._said_at, self._steps_said = now, 0

    # -- the whole

    def _interrupt(self) -> None:
        """Checkpoints of all runs; one that cannot be written is the graver news."""
        said, failed = "interrupted", None
        for lane, run in enumerate(self.runs):
            if run is None:
                continue
            self._stack().store(lane, run)
            try:
                said = run.stop()
            except TrainerError as e:
                failed = e
        raise failed or TrainerError(said, INTERRUPTED)

    def _reset_smaller(self) -> bool:
        """After memory ran out: back to the checkpoints with half the lanes, or shorter passes. False: nothing left."""
        lanes, micro = self._tried
        self.waiting.extendleft(reversed([r.folder for r in self.runs if r]))
        self.close_runs()
        self.stack = None
        self.runs = []
        torch.cuda.empty_cache() if self.place.is_cuda else None
        if lanes > 1:
            self.most_lanes = lanes // 2
        elif micro > 1:
            self.most_micro = micro // 2
        else:
            return False
        return True

    def close_runs(self) -> None:
        for run in self.runs:
            if run is not None:
                run.close()

    def make(self) -> None:
        """All runs, to their results."""
        try:
            while not self._make_or_shrink():
                pass
        except TrainerError:
            raise
        except Exception as e:
            self._note(f"failed: {first_line(e)}")
            raise
        finally:
            self.batches.close()
            self.close_runs()

    def _note(self, text: str) -> None:
        for run in self.runs:
            if run is not None:
                run.note(text)

    def _make_or_shrink(self) -> bool:
        """True: all are done. False: memory ran out, and they must resume in a smaller stack."""
        try:
            self._make()
            return True
        except (RuntimeError, MemoryError) as e:
            if not is_out_of_memory(e) or self.team.size > 1:
                raise
            self._note("out of device memory: fewer runs at a time")
            failed = e.with_traceback(None)  # whose frames hold the stack
        if not self._reset_smaller():
            raise failed
        return False

    def _make(self) -> None:
        while True:
            if self.options.stop[0]:
                self._interrupt()
            self._fill()
            if not any(self.runs):
                if not self.waiting:
                    return
                continue
            self._segment()


def build(run: Run, shape: Shape, rules: Rules, lanes: int, micro: int, place: Place, team: Team) -> Stack:
    """A stack for runs like this one, ready for steps."""
    layout = Layout(shape, run.tensors)
    stack = Stack(shape, layout, run.size, lanes, micro, rules, place.device, place.compiled, place.graphs)
    if team.size > 1:
        stack.reduce = lambda: team.sum(stack.g, stack.loss)
    if not run.merged:
        stack.prepare()
    return stack


@dataclass
class Made:
    """Steps of all lanes: summed losses, gradient norms and counted targets, each (n,R) in double; and why a run's
    next batch could not be had, where that ended them early."""

    loss: Any
    norm: Any
    counted: Any
    failure: RunError | None = None

    @property
    def n(self) -> int:
        return len(self.loss)


def make_steps(
    stack: Stack, batches: Batches, runs: list[Run | None], first: list[int], scale: Tensor, now: Tensor, team: Team
) -> Made:
    """len(scale) steps from first[lane] on."""
    scale, now = scale.to(stack.device), now.to(stack.device)
    losses, norms = torch.zeros(len(scale), len(runs)).double(), torch.zeros(len(scale), len(runs)).double()
    losses, norms = losses.to(stack.device), norms.to(stack.device)
    counted: list[Any] = []
    failure = None
    share = team.share(stack.rules.batch)
    try:
        for j, batch in enumerate(batches.steps(stack.shape, runs, first, len(scale), stack.micro, share)):
            losses[j], norms[j] = stack.step(batch.micro, scale[j], now[j])
            counted.append(batch.counted)
    except RunError as e:
        if team.size > 1:
            raise
        failure = e
    n = len(counted)
    total = torch.from_numpy(np.array(counted, np.float64).reshape(n, len(runs)))
    if team.size > 1:
        total = total.to(stack.device)
        team.sum(total)
    return Made(losses[:n].cpu().numpy(), norms[:n].cpu().numpy(), total.cpu().numpy(), failure)


def follow(folder: str, options: Options, team: Team) -> None:
    """Another process of one large run: does what rank 0 tells."""
    place = options.place
    run = Run(folder, place.name, team.rank)
    shape, rules, batches = shape_of(run, place), rules_of(run), Batches(place.device)
    stack: Stack | None = None
    try:
        while True:
            what, *more = team.tell()
            if what == "build":
                stack = None
                stack = build(run, shape, rules, 1, more[0], place, team)
            elif what == "load" and stack:
                team.copy(stack.p, stack.m, stack.v)
            elif what == "steps" and stack:
                make_steps(stack, batches, [run], *more, team)  # type: ignore[arg-type]
            else:
                return
    finally:
        batches.close()
        run.close()


def numbers(stack: Stack, runs: list[Run | None], first: list[int], n: int) -> tuple[Tensor, Tensor]:
    """What n steps need of each lane: the gradient's scale (n,R), and rates (n,4,R) as `update` takes them."""
    t = stack.shape.context
    counted = hidden_rows(stack.shape) if stack.shape.masked else t
    scale, now = np.zeros((n, len(runs)), np.float32), np.zeros((n, 4, len(runs)), np.float32)
    for lane, run in enumerate(runs):
        for j in range(n if run else 0):
            step = first[lane] + j
            scale[j, lane] = 1 / (run.sequences(step) * counted)  # type: ignore[union-attr]
            now[j, :3, lane] = rates(run, step, stack.rules)  # type: ignore[arg-type]
            now[j, 3, lane] = 1
    return torch.from_numpy(scale), torch.from_numpy(now)


def take(run: Run, loss: Any, norm: Any, counted: Any) -> Next:
    """Tell a run its steps' losses, until something other than a step is due."""
    next_ = Next.STEP
    for j in range(len(loss)):
        next_ = run.take_step(float(loss[j]) / max(1.0, float(counted[j])), float(norm[j]))
        if next_ != Next.STEP:
            break
    return next_


def evaluate(model: Model, run: Run, place: Place) -> list[float]:
    """Losses of all targets [nats]."""
    shape = model.shape
    size = max(1, (131072 if place.is_cuda else 2048) // shape.context)
    found = []
    for v, target in enumerate(run.targets):
        parts: list[tuple[Tensor, np.ndarray]] = []
        counted = 0
        for first in range(0, target["windows"], size):
            n = min(size, target["windows"] - first)
            w = windows(shape, run, v, first, n, size if place.is_cuda else n, place.device)
            parts.append((model.nll(w.ids, w.targets, w.keep)[0], w.weights))
            counted += w.counted
        total = sum(float((nll.cpu().numpy() * weights[: len(nll)]).sum()) for nll, weights in parts)
        found.append(total / counted if target["mean"] else total)
    return found


def make_runs(folders: list[str], options: Options, team: Team) -> None:
    """Runs of one shape, to their results."""
    if team.rank > 0:
        return follow(folders[0], options, team)
    try:
        Group(folders, options, team).make()
    except TrainerError as e:
        if e.code == INTERRUPTED:
            team.tell(("end",))
        raise
    team.tell(("end",))
