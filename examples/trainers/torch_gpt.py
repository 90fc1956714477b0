"""A trainer in plain PyTorch. It takes exactly the tokens asked for of each domain from the study's token files (PREFIX.bin of
uint16 or int32, named in mixture.json), says how far it is in metrics.jsonl, and leaves result.json.

    trainer:
      command: "python examples/trainers/torch_gpt.py --mixture {mixture} --run-dir {run_dir} --seed {seed} --layers {layers}
                --heads {heads} --width {width} --context {context} --vocab {vocab} --batch-tokens {batch_tokens} --lr {lr}"
"""
import argparse, json
from pathlib import Path
import numpy as np, torch, torch.nn as nn, torch.nn.functional as F

p = argparse.ArgumentParser()
for name in "mixture run-dir seed layers heads width context vocab batch-tokens lr".split():
    p.add_argument("--" + name, required=True, type={"mixture": Path, "run-dir": Path, "lr": float}.get(name, int))
a = p.parse_args()
T, mix = a.context, json.loads(a.mixture.read_text())
torch.manual_seed(a.seed)
torch.set_num_threads(1)

def windows(path):  # (n, T+1) ids, stride T
    t = np.fromfile(path, dtype=np.uint16 if a.vocab < 65500 else np.int32).astype(np.int64)  # Megatron's rule
    return np.stack([t[i : i + T + 1] for i in range(0, len(t) - T, T)])

rng, rows = np.random.default_rng(a.seed), []
for name, tokens in mix["tokens"].items():  # whole sequences, an epoch after the other
    w, need = windows(mix["paths"][name] + ".bin"), tokens // T
    rows.append(w[np.concatenate([rng.permutation(len(w)) for _ in range(-(-need // len(w)))])[:need]])
data = torch.from_numpy(rng.permutation(np.concatenate(rows)))

class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.wte, self.wpe, self.norm = nn.Embedding(a.vocab, a.width), nn.Embedding(T, a.width), nn.LayerNorm(a.width)
        layer = nn.TransformerEncoderLayer(a.width, a.heads, 4 * a.width, 0, "gelu", batch_first=True, norm_first=True)
        self.body, self.mask = nn.TransformerEncoder(layer, a.layers), nn.Transformer.generate_square_subsequent_mask(T)

    def forward(self, rows):  # (B, T+1) ids -> mean loss
        h = self.body(self.wte(rows[:, :-1]) + self.wpe(torch.arange(T)), self.mask)
        return F.cross_entropy((self.norm(h) @ self.wte.weight.T).flatten(0, 1), rows[:, 1:].flatten())

model = GPT()
for q in model.parameters():
    if q.dim() > 1:
        nn.init.normal_(q, std=0.02)
opt = torch.optim.AdamW(model.parameters(), lr=a.lr, weight_decay=0.1, betas=(0.9, 0.95))
batches = data.split(max(1, a.batch_tokens // T))
plan = torch.optim.lr_scheduler.OneCycleLR(opt, a.lr, total_steps=len(batches) + 1, pct_start=0.1)
with open(a.run_dir / "metrics.jsonl", "w") as metrics:
    for step, rows in enumerate(batches, 1):
        opt.zero_grad()
        loss = model(rows)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step(), plan.step()
        print(json.dumps({"tokens": min(step * len(batches[0]), len(data)) * T, "loss": loss.item()}), file=metrics, flush=True)
model.eval()
result = {"run": {"id": mix["from"]["run"], "digest": mix["from"]["digest"]},  # whose result this is
          "tokens": data.shape[0] * T, "domain_tokens": {d: n // T * T for d, n in mix["tokens"].items()},
          "loss": {}}
for f in sorted(Path(next(iter(mix["paths"].values()))).parent.glob("*.valid.bin")):  # every target
    with torch.no_grad():
        parts = [(model(w).item(), len(w)) for w in torch.from_numpy(windows(f)).split(64)]
    result["loss"][f.name[: -len(".valid.bin")]] = sum(x * n for x, n in parts) / sum(n for _, n in parts)
(a.run_dir / "result.tmp").write_text(json.dumps(result))
(a.run_dir / "result.tmp").rename(a.run_dir / "result.json")  # whole or not at all
