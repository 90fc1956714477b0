#!/usr/bin/env python3
"""Training step of GPT-2 or BERT in PyTorch and here, in turns, one thread: tokens a second by CPU time, medians over
rounds; and forward passes alone, as evaluation makes them.

Usage: pytorch_step.py [--arch gpt2|bert] [--model S|M|L] [--command build/autoscale] [--rounds N] [--compile] [--json]
The PyTorch model is the same (pre-LayerNorm, tied head, tanh GELU, biases, no dropout; BERT: post-LayerNorm, exact GELU,
transform and head on the 15 % of hidden tokens alone, gathered), with what its version offers
(scaled_dot_product_attention, fused AdamW, torch.compile with --compile); bf16 is autocast over fp32 weights. CPU time
and not wall time, because other work on the machine then counts as little as it can.
"""
import argparse, json, math, os, statistics, subprocess, time

os.environ.setdefault("OMP_NUM_THREADS", "1")
import torch
from torch import nn
from torch.nn import functional as F

SHAPES = {"S": (4, 4, 128, 4096, 128, 16), "M": (6, 8, 256, 8192, 256, 8), "L": (12, 12, 768, 50257, 256, 4)}


class Block(nn.Module):
    def __init__(self, C, H):
        super().__init__()
        self.H = H
        self.ln_1, self.ln_2 = nn.LayerNorm(C), nn.LayerNorm(C)
        self.qkv, self.proj = nn.Linear(C, 3 * C), nn.Linear(C, C)
        self.fc, self.out = nn.Linear(C, 4 * C), nn.Linear(4 * C, C)

    def attention(self, x):
        B, T, C = x.shape
        q, k, v = (y.view(B, T, self.H, C // self.H).transpose(1, 2) for y in self.qkv(x).split(C, dim=2))
        if hasattr(F, "scaled_dot_product_attention"):
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            s = (q @ k.transpose(-2, -1)) / math.sqrt(C // self.H)
            mask = torch.ones(T, T, dtype=torch.bool).tril()
            y = s.masked_fill(~mask, float("-inf")).softmax(-1).to(v.dtype) @ v
        return self.proj(y.transpose(1, 2).reshape(B, T, C))

    def forward(self, x):
        x = x + self.attention(self.ln_1(x))
        return x + self.out(F.gelu(self.fc(self.ln_2(x)), approximate="tanh"))


class BertLayer(Block):
    def attention(self, x):
        B, T, C = x.shape
        q, k, v = (y.view(B, T, self.H, C // self.H).transpose(1, 2) for y in self.qkv(x).split(C, dim=2))
        if hasattr(F, "scaled_dot_product_attention"):
            y = F.scaled_dot_product_attention(q, k, v)
        else:
            y = ((q @ k.transpose(-2, -1)) / math.sqrt(C // self.H)).softmax(-1).to(v.dtype) @ v
        return self.proj(y.transpose(1, 2).reshape(B, T, C))

    def forward(self, x):
        x = self.ln_1(x + self.attention(x))
        return self.ln_2(x + self.out(F.gelu(self.fc(x))))


class BERT(nn.Module):
    def __init__(self, L, H, C, V, T):
        super().__init__()
        self.wte, self.wpe, self.seg = nn.Embedding(V, C), nn.Embedding(T, C), nn.Embedding(2, C)
        self.ln_e, self.ln_t = nn.LayerNorm(C), nn.LayerNorm(C)
        self.layers = nn.ModuleList(BertLayer(C, H) for _ in range(L))
        self.transform, self.bias = nn.Linear(C, C), nn.Parameter(torch.zeros(V))
        for p in self.parameters():
            if p.dim() == 2:
                nn.init.normal_(p, std=0.02)

    def forward(self, ids, hidden):
        """hidden: indices into the flattened ids of the tokens to predict."""
        x = self.ln_e(self.wte(ids) + self.wpe(torch.arange(ids.shape[1])) + self.seg(torch.zeros_like(ids)))
        for layer in self.layers:
            x = layer(x)
        x = self.ln_t(F.gelu(self.transform(x.reshape(-1, x.shape[-1])[hidden])).float())
        return F.cross_entropy(F.linear(x, self.wte.weight, self.bias).float(), ids.reshape(-1)[hidden])


class GPT2(nn.Module):
    def __init__(self, L, H, C, V, T):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(V, C), nn.Embedding(T, C)
        self.blocks = nn.ModuleList(Block(C, H) for _ in range(L))
        self.ln_f = nn.LayerNorm(C)
        for p in self.parameters():
            if p.dim() == 2:
                nn.init.normal_(p, std=0.02)

    def forward(self, ids, targets):
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1]))
        for b in self.blocks:
            x = b(x)
        logits = F.linear(self.ln_f(x), self.wte.weight)
        return F.cross_entropy(logits.view(-1, logits.shape[-1]).float(), targets.reshape(-1))


def torch_step(arch, shape, bf16, compiled):
    """Two functions that make one training step and one forward pass and return their CPU seconds."""
    L, H, C, V, T, B = shape
    torch.manual_seed(1)
    model = (BERT if arch == "bert" else GPT2)(L, H, C, V, T)
    run = torch.compile(model) if compiled else model
    extra = {"fused": True} if tuple(int(x) for x in torch.__version__.split("+")[0].split("a")[0].split(".")[:2]) >= (2, 4) else {}
    opt = torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.9, 0.95), weight_decay=0.1, **extra)
    ids = torch.randint(0, V, (B, T + 1))
    data = (ids[:, :-1], ids[:, 1:])
    if arch == "bert":
        places = torch.rand(B, T).argsort(1)[:, : round(0.15 * T)] + torch.arange(B)[:, None] * T
        data = (ids[:, :-1].contiguous(), places.reshape(-1))

    def step():
        t = time.process_time()
        opt.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            loss = run(*data)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        return time.process_time() - t

    def forward():
        t = time.process_time()
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            run(*data)
        return time.process_time() - t

    return step, forward


def ours(command, model, dtype, seconds):
    line = command + ["bench", "train", "--model", model, "--dtype", dtype, "--seconds", str(seconds), "--repeats", "1", "--json"]
    out = subprocess.run(line, capture_output=True, text=True)
    return json.loads(out.stdout) if out.returncode == 0 else None


def rate_of(action, tokens, seconds):
    spent, n = 0.0, 0
    while spent < seconds:
        spent, n = spent + action(), n + 1
    return n * tokens / spent


def main():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("--arch", default="gpt2", choices=("gpt2", "bert"))
    a.add_argument("--model", default="S", choices=SHAPES)
    a.add_argument("--command", default="build/autoscale")
    a.add_argument("--rounds", type=int, default=5)
    a.add_argument("--seconds", type=float, default=1.5)
    a.add_argument("--compile", action="store_true")
    a.add_argument("--json", action="store_true")
    a = a.parse_args()
    torch.set_num_threads(1)
    shape = SHAPES[a.model]
    tokens = shape[4] * shape[5]
    models = {("torch eager", d): torch_step(a.arch, shape, d == "bf16", False) for d in ("fp32", "bf16")}
    if a.compile:
        models.update({("torch compiled", d): torch_step(a.arch, shape, d == "bf16", True) for d in ("fp32", "bf16")})
    for step, forward in models.values():
        step(), step(), forward()
    rates, peaks = {}, []
    for _ in range(a.rounds):
        for dtype in ("fp32", "bf16"):
            r = ours([a.command], f"{a.model},arch={a.arch}", dtype, a.seconds)
            if r:
                rates.setdefault(("step", "autoscale", dtype), []).append(r["value"])
                rates.setdefault(("forward", "autoscale", dtype), []).append(r["eval_tokens_per_s"])
                peaks.append(r["peak_gflops"])
        for (who, dtype), (step, forward) in models.items():
            rates.setdefault(("step", who, dtype), []).append(rate_of(step, tokens, a.seconds))
            rates.setdefault(("forward", who, dtype), []).append(rate_of(forward, tokens, a.seconds / 3))
    table = {" ".join(key): {"median": statistics.median(x), "min": min(x), "max": max(x)} for key, x in sorted(rates.items())}
    result = {"arch": a.arch, "model": a.model, "torch": torch.__version__, "peak_gflops": max(peaks, default=None), "rounds": a.rounds, "tokens_per_s": table}
    if a.json:
        print(json.dumps(result))
        return
    print(f"{a.arch} {a.model}: PyTorch {torch.__version__}, one thread, {a.rounds} rounds, tokens a second of CPU time: median (min - max)")
    for name, x in table.items():
        print(f"  {name:30s} {x['median']:9.0f}  ({x['min']:.0f} - {x['max']:.0f})")


if __name__ == "__main__":
    main()
