"""Batches for the lanes of a stack, made ahead by threads while the device computes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from .errors import TrainerError
from .hosted import Run
from .model import Shape
from .stack import hidden_rows, pick_hidden

_AHEAD = 3  # steps

T = TypeVar("T")
U = TypeVar("U")


class RunError(TrainerError):
    """A run whose next batch is unavailable."""

    def __init__(self, run: Run, e: TrainerError) -> None:
        super().__init__(str(e), e.code)
        self.run = run


@dataclass
class StepBatch:
    """One step's sequences of all lanes: micro-batches of (ids (R,B,T), targets (R,K)[, picked (R,K)]), and the
    targets counted in each lane (R,)."""

    micro: list[tuple[Tensor, ...]]
    counted: np.ndarray


class Batches:
    """Threads that fill pinned memory. One object a process."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._pool = ThreadPoolExecutor(max_workers=min(16, os.cpu_count() or 1))
        self._maker = ThreadPoolExecutor(max_workers=1)

    def close(self) -> None:
        self._maker.shutdown(cancel_futures=True)
        self._pool.shutdown(cancel_futures=True)

    def spread(self, fn: Callable[[T], U], things: list[T]) -> list[U]:
        """fn of each, on several threads; results in order."""
        return list(self._pool.map(fn, things))

    def steps(
        self, shape: Shape, runs: list[Run | None], first: list[int], n: int, micro: int, share: tuple[int, int]
    ) -> Iterator[StepBatch]:
        """The batches of n steps; lane r begins at step first[r]. share: the rows of a full step this process takes."""
        waiting: list[Future[StepBatch]] = []
        try:
            for j in range(n + _AHEAD):
                if j < n:
                    waiting.append(self._maker.submit(self._make, shape, runs, [s + j for s in first], micro, share))
                if waiting and (j >= _AHEAD or j >= n):
                    yield self._to_device(waiting.pop(0).result())
        finally:  # nobody may still read from a run that is closed for its failure
            for future in waiting:
                future.cancel()
            wait(waiting)

    def _make(
        self, shape: Shape, runs: list[Run | None], steps: list[int], micro: int, share: tuple[int, int]
    ) -> StepBatch:
        t, lanes = shape.context, len(runs)
        n_micro = max(1, -(-(share[1] - share[0]) // micro))
        pin = self.device.type == "cuda"
        ids = torch.zeros(n_micro, lanes, micro, t, dtype=torch.int32, pin_memory=pin)
        targets = torch.full((n_micro, lanes, micro, t), -1, dtype=torch.int32, pin_memory=pin)
        at, to = ids.numpy(), targets.numpy()

        def fill(lane: int) -> None:
            run = runs[lane]
            if run is None:
                return
            end = min(share[1], run.sequences(steps[lane]))
            for i in range(n_micro):
                first = share[0] + i * micro
                rows = min(micro, end - first)
                try:
                    if rows > 0:
                        run.rows(steps[lane], first, at[i, lane, :rows], to[i, lane, :rows])
                except TrainerError as e:
                    raise RunError(run, e) from None

        list(self._pool.map(fill, range(lanes)))
        counted = (to >= 0).sum((0, 2, 3))
        if not shape.masked:
            return StepBatch([(ids[i], targets[i].view(lanes, -1)) for i in range(n_micro)], counted)
        return StepBatch([_hidden_only(shape, ids[i], to[i]) for i in range(n_micro)], counted)

    def _to_device(self, b: StepBatch) -> StepBatch:
        moved = [tuple(t.to(self.device, non_blocking=True) for t in m) for m in b.micro]
        return StepBatch(moved, b.counted)


def _hidden_only(shape: Shape, ids: Tensor, targets: np.ndarray) -> tuple[Tensor, ...]:
    """ids (R,B,T) and targets (R,B,T) to ids, the masked tokens (R,B k) and their rows (R,B k)."""
    lanes, b, t = targets.shape
    k = hidden_rows(shape)
    places, hidden = pick_hidden(targets.reshape(lanes * b, t), k)
    rows = places.reshape(lanes, b, k) + (np.arange(b) * t)[None, :, None]
    return ids, torch.from_numpy(hidden.reshape(lanes, b * k).copy()), torch.from_numpy(rows.reshape(lanes, b * k))


@dataclass
class Windows:
    """Some windows of a target: ids, targets (1,B,T), keys that are no padding or None, and weights (B,)."""

    ids: Tensor
    targets: Tensor
    keep: Tensor | None
    weights: np.ndarray
    counted: int


def windows(shape: Shape, run: Run, target: int, first: int, n: int, size: int, device: torch.device) -> Windows:
    """Windows first .. first+n-1, padded to `size` so that all calls have one shape."""
    t = shape.context
    ids, targets = np.zeros((size, t), np.int32), np.full((size, t), -1, np.int32)
    lengths, weights = np.full(size, t, np.int32), np.zeros(size)
    run.windows(target, first, ids[:n], targets[:n], lengths[:n], weights[:n])
    keep = None
    if shape.masked and (lengths < t).any():
        keep = torch.from_numpy(np.arange(t)[None] < lengths[:, None]).unsqueeze(0).to(device)
    both = torch.from_numpy(np.stack((ids, targets))).to(device).long().unsqueeze(1)
    return Windows(both[0], both[1], keep, weights, int((targets >= 0).sum()))
