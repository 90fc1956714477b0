"""A short measurement of a shape on this device: what a plan's time is estimated from."""

from __future__ import annotations

import time
from typing import Any

import torch

from .hosted import Run
from .loop import Options, Plan, plan_of, rules_of, shape_of
from .model import Layout, Model, Shape
from .stack import Stack


def measure(folders: list[str], options: Options, seconds: float = 5.0, n_runs: int = 0) -> dict[str, Any]:
    """Speed of all runs of one shape stacked as they would be: random ids, no files but one run.json are read."""
    place = options.place
    n_runs = n_runs or len(folders)
    began = time.monotonic()
    run = Run(folders[0], place.name, rank=-1)  # run.json alone: no lock, no token files, nothing is written
    try:
        shape, rules = shape_of(run, place), rules_of(run)
        plan = plan_of(run, shape, rules, n_runs, options.lanes, place, rules.batch)
        stack = Stack(
            shape, Layout(shape, run.tensors), run.size, plan.lanes, plan.micro, rules, place.device, place.compiled,
            place.graphs,
        )  # fmt: skip
        for lane in range(plan.lanes):  # weights of zeros would be multiplied faster
            stack.load(lane, run)
        stack.prepare()
        train_s = time_steps(stack, plan, seconds)
        read = time_reading(stack.reader(0), place.is_cuda, seconds / 5)
    finally:
        run.close()
    memory = torch.cuda.max_memory_allocated(place.device) if place.is_cuda else 16 * run.size * plan.lanes
    return {
        "runs": n_runs, "lanes": plan.lanes, "micro_batch": plan.micro, "params": run.n_params,
        "tokens_per_s": plan.lanes * rules.batch * shape.context / train_s, "step_s": train_s,
        "eval_tokens_per_s": read, "memory_bytes": memory, "start_s": time.monotonic() - began - seconds * 1.2,
        "device": place.name, "torch": torch.__version__,
    }  # fmt: skip


def random_batches(stack: Stack, plan: Plan, shape: Shape) -> list[tuple[torch.Tensor, ...]]:
    """A step's micro-batches of random ids, as Batches makes them."""
    device = stack.device
    micro = -(-stack.rules.batch // plan.micro)
    ids = torch.randint(0, shape.vocab, (micro, *stack.ids.shape), device=device, dtype=torch.int32)
    if not shape.masked:
        return [(ids[i], ids[i].roll(-1, -1).reshape(stack.targets.shape)) for i in range(micro)]
    k = stack.targets.shape[1] // plan.micro
    rows = torch.arange(plan.micro, device=device)[:, None] * shape.context + torch.arange(1, k + 1, device=device)
    picked = rows.flatten().expand(stack.lanes, -1).contiguous()
    return [(ids[i], ids[i].flatten(1)[:, : stack.targets.shape[1]], picked) for i in range(micro)]


def time_steps(stack: Stack, plan: Plan, seconds: float) -> float:
    """Seconds of one optimizer step of all lanes."""
    batches = random_batches(stack, plan, stack.shape)
    lanes = stack.lanes
    scale = torch.full((lanes,), 1 / (stack.rules.batch * stack.shape.context), device=stack.device)
    now = torch.tensor([1e-6, 1e-8, 0, 1.0], device=stack.device).unsqueeze(1).repeat(1, lanes)
    for _ in range(2):
        loss, _ = stack.step(batches, scale, now)
    loss.cpu()
    n, begun = 0, time.monotonic()
    while time.monotonic() - begun < seconds or n < 2:
        loss, _ = stack.step(batches, scale, now)
        n += 1
        if n % 4 == 0:
            loss.cpu()
    loss.cpu()
    return (time.monotonic() - begun) / n


def time_reading(model: Model, is_cuda: bool, seconds: float) -> float:
    """Tokens per second of evaluation."""
    s = model.shape
    rows = max(1, (131072 if is_cuda else 2048) // s.context)
    ids = torch.randint(0, s.vocab, (1, rows, s.context), device=next(iter(model._w.values())).device)
    model.nll(ids, ids).cpu()
    n, begun = 0, time.monotonic()
    while time.monotonic() - begun < seconds or n < 2:
        model.nll(ids, ids).cpu()
        n += 1
    return n * rows * s.context / (time.monotonic() - begun)
