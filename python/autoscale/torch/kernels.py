"""Softmax cross-entropy of a block of logits in one pass over memory and one back, with Triton, on a card."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

_MOST_BLOCK = 8192


@triton.jit
def _cross_entropy(
    logits, bias, targets, scale, nll, rows, vocab, ld,
    HAS_BIAS: tl.constexpr, GRADIENT: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """One row a program: logits (R rows, ld) become their gradient in place; columns from vocab on are padding."""
    row = tl.program_id(0).to(tl.int64)
    lane = row // rows
    target = tl.load(targets + row)
    at = logits + row * ld
    top = -float("inf")
    total = 0.0
    for begin in range(0, vocab, BLOCK):
        v = begin + tl.arange(0, BLOCK)
        x = tl.load(at + v, mask=v < vocab, other=-float("inf")).to(tl.float32)
        if HAS_BIAS:
            x += tl.load(bias + lane * vocab + v, mask=v < vocab, other=0.0).to(tl.float32)
        higher = tl.maximum(top, tl.max(x, 0))
        total = total * tl.exp(top - higher) + tl.sum(tl.exp(x - higher), 0)
        top = higher
    hit = tl.load(at + tl.maximum(target, 0)).to(tl.float32)
    if HAS_BIAS:
        hit += tl.load(bias + lane * vocab + tl.maximum(target, 0)).to(tl.float32)
    tl.store(nll + row, tl.where(target >= 0, tl.log(total) + top - hit, 0.0))
    if GRADIENT:
        tl.debug_barrier()  # the target's logit is read before it is overwritten
        factor = tl.where(target >= 0, tl.load(scale + lane), 0.0)
        for begin in range(0, ld, BLOCK):
            v = begin + tl.arange(0, BLOCK)
            x = tl.load(at + v, mask=v < vocab, other=-float("inf")).to(tl.float32)
            if HAS_BIAS:
                x += tl.load(bias + lane * vocab + v, mask=v < vocab, other=0.0).to(tl.float32)
            d = (tl.exp(x - top) / total - tl.where(v == target, 1.0, 0.0)) * factor
            tl.store(at + v, d.to(logits.dtype.element_ty), mask=v < ld)


def head_chunk(
    h: Tensor, w: Tensor, b: Tensor | None, targets: Tensor, scale: Tensor | None, vocab: int
) -> tuple[Tensor, Tensor | None]:
    """As model.head_chunk: h (R,m,C), w (R,V',C) with V' >= vocab rows; nll (R,m) and the logits' gradient (R,m,V')."""
    r, m, _ = h.shape
    logits = torch.mm(h[0], w[0].t()).unsqueeze(0) if r == 1 else torch.bmm(h, w.transpose(1, 2))
    nll = torch.empty(r, m, dtype=torch.float32, device=h.device)
    block = min(_MOST_BLOCK, triton.next_power_of_2(logits.shape[-1]))
    _cross_entropy[(r * m,)](
        logits, logits if b is None else b.contiguous(), targets.contiguous(), nll if scale is None else scale, nll, m,
        vocab, logits.shape[-1], HAS_BIAS=b is not None, GRADIENT=scale is not None, BLOCK=block,
        num_warps=4 if block <= 2048 else 8 if block <= 4096 else 16,
    )  # fmt: skip
    return nll, None if scale is None else logits
