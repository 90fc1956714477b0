"""Hugging Face's Trainer for a study: the same words as torch_gpt.py, GPT-2 from transformers (needs accelerate).

    trainer:
      command: "python examples/trainers/hf_trainer.py --mixture {mixture} --run-dir {run_dir} --seed {seed}
                --layers {layers} --heads {heads} --width {width} --context {context} --vocab {vocab}
                --batch-tokens {batch_tokens} --lr {lr}"
"""
import argparse, glob, json, os
import numpy as np
import torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments

p = argparse.ArgumentParser()
for name in ("--mixture", "--run-dir"):
    p.add_argument(name, required=True)
for name in ("--seed", "--layers", "--heads", "--width", "--context", "--vocab", "--batch-tokens"):
    p.add_argument(name, type=int, required=True)
p.add_argument("--lr", type=float, required=True)
a = p.parse_args()
T = a.context
torch.set_num_threads(1)  # on a CPU: one run per core; threads that spin for each other starve the other runs
mix = json.load(open(a.mixture))
width = np.uint16 if a.vocab < 65500 else np.int32  # Megatron's rule

def windows(prefix):
    """(n, T) windows of a token file; the model shifts labels by itself."""
    t = np.fromfile(prefix + ".bin", dtype=width).astype(np.int64)
    return t[: len(t) // T * T].reshape(-1, T)

def items(w):
    return [{"input_ids": torch.from_numpy(r), "labels": torch.from_numpy(r)} for r in w]

rng = np.random.default_rng(a.seed)
rows = []
for name, tokens in mix["tokens"].items():
    w, need = windows(mix["paths"][name]), tokens // T
    order = np.concatenate([rng.permutation(len(w)) for _ in range(-(-need // len(w)))])[:need]
    rows.append(w[order])
train = np.concatenate(rows)
batch = max(1, a.batch_tokens // T)
steps = -(-len(train) // batch)
config = GPT2Config(vocab_size=a.vocab, n_positions=T, n_embd=a.width, n_layer=a.layers, n_head=a.heads,
                    resid_pdrop=0, embd_pdrop=0, attn_pdrop=0, bos_token_id=0, eos_token_id=0)
torch.manual_seed(a.seed)
trainer = Trainer(
    model=GPT2LMHeadModel(config),
    train_dataset=items(train),
    args=TrainingArguments(output_dir=os.path.join(a.run_dir, "checkpoint"), seed=a.seed, data_seed=a.seed,
                           num_train_epochs=1, learning_rate=a.lr, lr_scheduler_type="cosine", warmup_steps=max(1, steps // 10),
                           weight_decay=0.1, per_device_train_batch_size=batch,
                           save_strategy="no", report_to=[], logging_steps=10, use_cpu=not torch.cuda.is_available()))
trainer.train()
valid = {}
folder = os.path.dirname(next(iter(mix["paths"].values())))
for f in sorted(glob.glob(folder + "/*.valid.bin")):
    name = os.path.basename(f)[: -len(".valid.bin")]
    valid[name] = trainer.evaluate(items(windows(f[:-4])))["eval_loss"]
result = {"run": {"id": mix["from"]["run"], "digest": mix["from"]["digest"]},  # whose result this is
          "tokens": int(train.size), "domain_tokens": {d: n // T * T for d, n in mix["tokens"].items()},
          "loss": valid}
json.dump(result, open(os.path.join(a.run_dir, "result.tmp"), "w"))
os.rename(os.path.join(a.run_dir, "result.tmp"), os.path.join(a.run_dir, "result.json"))
