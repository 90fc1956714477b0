"""A plain PyTorch trainer for `trainer: {command: "python torch_gpt.py {mixture} {run_dir} {tokens} {seed} ..."}`.

    trainer:
      command: "python examples/trainers/torch_gpt.py --mixture {mixture} --run-dir {run_dir} --seed {seed}
                --layers {layers} --heads {heads} --width {width} --context {context} --vocab {vocab}
                --batch-tokens {batch_tokens} --lr {lr}"

It reads the study's token files (PREFIX.bin of uint16 or int32, named in mixture.json), trains on exactly the tokens asked
for of each domain, and writes result.json with the loss of every target beside the training domains' files.
"""
import argparse, glob, json, os
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

p = argparse.ArgumentParser()
for name in ("--mixture", "--run-dir"):
    p.add_argument(name, required=True)
for name in ("--seed", "--layers", "--heads", "--width", "--context", "--vocab", "--batch-tokens"):
    p.add_argument(name, type=int, required=True)
p.add_argument("--lr", type=float, required=True)
a = p.parse_args()
T = a.context
torch.manual_seed(a.seed)
torch.set_num_threads(1)
mix = json.load(open(a.mixture))
width = np.uint16 if a.vocab < 65500 else np.int32  # Megatron's rule

def windows(prefix):
    """(n, T+1) windows of a token file, stride T."""
    t = np.fromfile(prefix + ".bin", dtype=width).astype(np.int64)
    n = (len(t) - 1) // T
    return np.stack([t[i * T : i * T + T + 1] for i in range(n)])

# Whole sequences of each domain, an epoch after the other, in one shuffled order.
rng = np.random.default_rng(a.seed)
rows = []
for name, tokens in mix["tokens"].items():
    w, need = windows(mix["paths"][name]), tokens // T
    order = np.concatenate([rng.permutation(len(w)) for _ in range(-(-need // len(w)))])[:need]
    rows.append(w[order])
data = torch.from_numpy(rng.permutation(np.concatenate(rows)))

class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(a.vocab, a.width), nn.Embedding(T, a.width)
        layer = nn.TransformerEncoderLayer(a.width, a.heads, 4 * a.width, 0, "gelu", batch_first=True, norm_first=True)
        self.body, self.norm = nn.TransformerEncoder(layer, a.layers), nn.LayerNorm(a.width)
        self.mask = nn.Transformer.generate_square_subsequent_mask(T)

    def forward(self, x):
        h = self.wte(x) + self.wpe(torch.arange(x.shape[1]))
        return self.norm(self.body(h, self.mask[: x.shape[1], : x.shape[1]])) @ self.wte.weight.T

def loss_of(model, x):
    return F.cross_entropy(model(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten())

model = GPT()
for q in model.parameters():
    if q.dim() > 1:
        nn.init.normal_(q, std=0.02)
opt = torch.optim.AdamW(model.parameters(), lr=a.lr, weight_decay=0.1, betas=(0.9, 0.95))
batch = max(1, a.batch_tokens // T)
steps = -(-len(data) // batch)
plan = torch.optim.lr_scheduler.OneCycleLR(opt, a.lr, total_steps=steps + 1, pct_start=0.1)
metrics = open(os.path.join(a.run_dir, "metrics.jsonl"), "w")
for s in range(steps):
    loss = loss_of(model, data[s * batch : (s + 1) * batch])
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    opt.step()
    plan.step()
    tokens = min((s + 1) * batch, len(data)) * T
    print(json.dumps({"step": s + 1, "tokens": tokens, "loss": loss.item()}), file=metrics, flush=True)

valid = {}
folder = os.path.dirname(next(iter(mix["paths"].values())))
model.eval()
with torch.no_grad():
    for f in sorted(glob.glob(folder + "/*.valid.bin")):
        w = torch.from_numpy(windows(f[:-4]))
        parts = [loss_of(model, w[i : i + 64]).item() * len(w[i : i + 64]) for i in range(0, len(w), 64)]
        valid[os.path.basename(f)[: -len(".valid.bin")]] = sum(parts) / len(w)
result = {"tokens": len(data) * T, "domain_tokens": {d: n // T * T for d, n in mix["tokens"].items()}, "loss": valid}
json.dump(result, open(os.path.join(a.run_dir, "result.tmp"), "w"))
os.rename(os.path.join(a.run_dir, "result.tmp"), os.path.join(a.run_dir, "result.json"))
