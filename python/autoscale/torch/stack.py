"""R lanes of one shape on one device: parameters, moments and gradients (R,P), the training step, CUDA graphs.

A lane that holds no run, or whose run has no step to make, takes part with scale and rate 0 and is left untouched.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .hosted import Floats, Run
from .model import Layout, Model, Shape, _compiled


@dataclass(frozen=True)
class Rules:
    """AdamW and batch of a stack; rates and budgets are each lane's own."""

    batch: int  # sequences per step
    beta1: float
    beta2: float
    eps: float
    weight_decay: float
    clip: float


def update(
    p: Tensor, g: Tensor, m: Tensor, v: Tensor, decay: Tensor, scale: Tensor | None, now: Tensor, r: Rules
) -> Tensor:
    """One AdamW step of (R,P) arrays in place; the gradient norms (R,) before clipping. decay (P,) bool; scale (P,) or
    None: rates' multipliers; now (4,R): rate with bias correction, eps with bias correction, decay, 1 where a step is
    made. Where a norm is not finite nothing changes. Gradients are 0 after it."""
    norm = torch.linalg.vector_norm(g, dim=1)
    made = torch.isfinite(norm) & (now[3] > 0)
    factor = torch.ones_like(norm)
    if r.clip > 0:
        factor = torch.where(norm > r.clip, r.clip / norm, factor)
    made, factor = made.unsqueeze(1), factor.unsqueeze(1)
    g2 = torch.where(made, g, 0.0) * torch.where(made, factor, 0.0)
    m2 = torch.where(made, r.beta1 * m + (1 - r.beta1) * g2, m)
    v2 = torch.where(made, r.beta2 * v + (1 - r.beta2) * g2 * g2, v)
    rate = now[0].unsqueeze(1) if scale is None else now[0].unsqueeze(1) * scale
    step = rate * m2 / (v2.sqrt() + now[1].unsqueeze(1)) + torch.where(decay, now[2].unsqueeze(1), 0.0) * p
    p.copy_(torch.where(made, p - step, p))
    m.copy_(m2)
    v.copy_(v2)
    g.zero_()
    return norm


def activation_bytes(s: Shape, training: bool = True) -> float:
    """Rough bytes that a token of one lane needs between forward and backward pass."""
    size, stream = s.dtype.itemsize, s.stream.itemsize
    kept = size * (8 * s.width + 3 * s.mlp + 2 * s.kv_heads * s.head_dim) + 2 * stream * s.width
    layers = 1.5 if not training else 2 + s.layers if not s.recompute else 2 + s.layers * stream * s.width / kept
    return 1.15 * (layers * kept + 6 * s.width * 4)


class Stack:
    """The lanes. `micro`: sequences of each lane a forward pass takes, a divisor of `batch`'s padded number."""

    def __init__(
        self, shape: Shape, layout: Layout, size: int, lanes: int, micro: int, rules: Rules, device: torch.device,
        compiled: bool, graphs: bool,
    ) -> None:  # fmt: skip
        self.shape, self.layout, self.lanes, self.micro, self.rules = shape, layout, lanes, micro, rules
        self.device, self.graphs = device, graphs
        self.p, self.g, self.m, self.v = (torch.zeros(lanes, size, device=device) for _ in range(4))
        self.model = Model(shape, layout, self.p, self.g, compiled, compiled)
        self._readers: dict[int, Model] = {}
        self._compiled = compiled
        self._update = _compiled(update) if compiled else update
        self.decay = torch.zeros(size, dtype=torch.bool, device=device)
        for at, n in layout.decay:
            self.decay[at : at + n] = True
        self.multiplier = torch.ones(size, device=device) if layout.scales else None
        for at, n, x in layout.scales:
            self.multiplier[at : at + n] = x  # type: ignore[index]
        t = shape.context
        k = hidden_rows(shape) if shape.masked else t
        # What graphs read: one micro-batch, and the step's numbers.
        self.ids = torch.zeros(lanes, micro, t, dtype=torch.int64, device=device)
        self.targets = torch.full((lanes, micro * k), -1, dtype=torch.int64, device=device)
        self.picked = torch.zeros(lanes, micro * k, dtype=torch.int64, device=device) if shape.masked else None
        self.scale = torch.zeros(lanes, device=device)
        self.now = torch.zeros(4, lanes, device=device)
        self.loss = torch.zeros(lanes, dtype=torch.float64, device=device)
        self.norm = torch.zeros(lanes, device=device)
        self._backward_graph: torch.cuda.CUDAGraph | None = None
        self._update_graph: torch.cuda.CUDAGraph | None = None
        self.reduce: Callable[[], None] | None = None  # sums gradients and losses over processes

    # ---- lanes

    def load(self, lane: int, run: Run) -> None:
        """Parameters and moments from the run's arrays."""
        for to, of in zip((self.p, self.m, self.v), run.arrays(), strict=True):
            to[lane].copy_(torch.from_numpy(of))

    def store(self, lane: int, run: Run) -> None:
        """And back."""
        for of, to in zip((self.p, self.m, self.v), run.arrays(), strict=True):
            torch.from_numpy(to).copy_(of[lane])

    def reader(self, lane: int) -> Model:
        """One lane as a model of its own, to evaluate. Proxies are evaluated faster than a second shape is compiled."""
        if lane not in self._readers:
            compiled = self._compiled and self.lanes == 1
            self._readers[lane] = Model(
                self.shape, self.layout, self.p[lane : lane + 1], None, compiled, self._compiled
            )
        return self._readers[lane]

    # ---- a step

    def _backward(self) -> None:
        self.loss += self.model.backward(self.ids, self.targets, self.scale, self.picked)

    def _finish(self) -> None:
        self.norm.copy_(self._update(self.p, self.g, self.m, self.v, self.decay, self.multiplier, self.now, self.rules))

    def prepare(self) -> None:
        """Compile, and on a card capture the two graphs. All scales are 0 meanwhile: nothing changes."""
        self.now.zero_()
        self.scale.zero_()
        if not self.graphs:
            return
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(2):
                self._backward()
                self._finish()
        torch.cuda.current_stream().wait_stream(side)
        torch.cuda.synchronize()
        self._backward_graph, self._update_graph = torch.cuda.CUDAGraph(), torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._backward_graph):
            self._backward()
        with torch.cuda.graph(self._update_graph, pool=self._backward_graph.pool()):
            self._finish()
        self.g.zero_()

    def step(self, batches: list[tuple[Tensor, ...]], scale: Tensor, now: Tensor) -> tuple[Tensor, Tensor]:
        """One optimizer step from micro-batches of (ids, targets[, picked]). The lanes' summed losses (R,) in double
        and gradient norms (R,), on the device and good until the next step."""
        self.loss.zero_()
        self.scale.copy_(scale, non_blocking=True)
        self.now.copy_(now, non_blocking=True)
        for batch in batches:
            self.ids.copy_(batch[0], non_blocking=True)
            self.targets.copy_(batch[1], non_blocking=True)
            if self.picked is not None:
                self.picked.copy_(batch[2], non_blocking=True)
            self._backward_graph.replay() if self._backward_graph else self._backward()
        if self.reduce:
            self.reduce()
        self._update_graph.replay() if self._update_graph else self._finish()
        return self.loss, self.norm


def hidden_rows(s: Shape) -> int:
    """Rows of a sequence that BERT's head reads: as many as are ever hidden."""
    return max(1, math.floor(0.15 * (s.context - 2) + 0.5))


def pick_hidden(targets: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Targets (B,T), -1 where not hidden, to those that are: their places and ids, each (B,k), -1 behind the last."""
    order = np.argsort(targets < 0, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(targets, order, axis=1)


def rates(run: Run, step: int, rules: Rules) -> tuple[float, float, float]:
    """Rate and eps with bias corrections, and decay, of one step counted from 0: as the built-in engine rounds them."""
    lr, at = run.lr(step), run.adamw_step(step)
    one, two = 1 - rules.beta1**at, math.sqrt(1 - rules.beta2**at)
    return lr * two / one, rules.eps * two, lr * rules.weight_decay


__all__ = ["Floats", "Rules", "Stack", "activation_bytes", "hidden_rows", "pick_hidden", "rates", "update"]
