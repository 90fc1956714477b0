"""What proxies are usually trained with: a GPT-2 of torch.nn modules, autocast to bf16, fused AdamW; one at a time."""

from __future__ import annotations

import time
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc, self.out = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        b, t, c = x.shape
        q, k, v = (y.view(b, t, self.heads, -1).transpose(1, 2) for y in self.qkv(self.ln_1(x)).split(c, 2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(b, t, c)
        x = x + self.proj(y)
        return x + self.out(F.gelu(self.fc(self.ln_2(x)), approximate="tanh"))


class Plain(nn.Module):
    def __init__(self, model: dict[str, Any]) -> None:
        super().__init__()
        width = model["width"]
        self.wte, self.wpe = nn.Embedding(model["vocab"], width), nn.Embedding(model["context"], width)
        self.blocks = nn.ModuleList(Block(width, model["heads"]) for _ in range(model["layers"]))
        self.ln_f = nn.LayerNorm(width)

    def forward(self, ids: Tensor, targets: Tensor) -> Tensor:
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1], device=ids.device))
        for block in self.blocks:
            x = block(x)
        logits = F.linear(self.ln_f(x), self.wte.weight)
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.view(-1))


def tokens_per_s(model: dict[str, Any], batch_tokens: int, compiled: bool, seconds: float) -> float:
    """Training speed of one model on random tokens; the loss is read every step, as a training loop does."""
    net: nn.Module = Plain(model).cuda()
    decay = [p for p in net.parameters() if p.dim() > 1]
    rest = [p for p in net.parameters() if p.dim() == 1]
    groups = [{"params": decay, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}]
    adam = torch.optim.AdamW(groups, lr=1e-4, betas=(0.9, 0.95), fused=True)
    run = torch.compile(net) if compiled else net
    ids = torch.randint(0, model["vocab"], (batch_tokens // model["context"], model["context"]), device="cuda")
    targets = ids.roll(-1, 1)

    def step() -> float:
        with torch.autocast("cuda", torch.bfloat16):
            loss = run(ids, targets)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adam.step()
        adam.zero_grad(set_to_none=True)
        return loss.item()

    for _ in range(5):
        step()
    n, begun = 0, time.monotonic()
    while time.monotonic() - begun < seconds:
        step()
        n += 1
    return n * batch_tokens / (time.monotonic() - begun)
