#!/usr/bin/env python3
"""Likelihood tasks here and in PyTorch on the same checkpoint: tokens of the requests a second of CPU, one thread.

Usage: task_scoring.py TASK.jsonl.zst [--name piqa] [--items 40] [--checkpoint DIR] [--command build/autoscale] [--json]
TASK holds {"context", "choices"} a line (PIQA, HellaSwag). Without --checkpoint a GPT-2 of 124M random parameters is made.
The PyTorch side is what one would write by hand: transformers' model (sdpa), requests sorted by length and padded in batches,
the head on the continuations' positions alone; batches of 1, 4 and 16, the fastest counts. Reading, encoding and loading
are not counted there, and are counted here. The sums of likelihoods must agree.
"""
import argparse, json, math, os, resource, shutil, subprocess, tempfile, time

os.environ["OMP_NUM_THREADS"] = "1"
import torch
from transformers import GPT2Config, GPT2LMHeadModel
from tokenizers import Tokenizer

HERE = os.path.dirname(os.path.abspath(__file__))


def make_checkpoint(folder, vocab):
    torch.manual_seed(1)
    GPT2LMHeadModel(GPT2Config()).save_pretrained(folder)
    shutil.copy(vocab + "/tokenizer.json", folder)


def requests(lines, tokenizer, limit):
    """(ids, number of continuation ids): as the harness cuts them, the blank going to the continuation."""
    out = []
    for line in lines:
        for choice in line["choices"]:
            context = line["context"].rstrip("\n") + ("\nAnswer:" if line["context"].endswith("\n") else "")
            whole, n = tokenizer.encode(context + " " + choice).ids, len(tokenizer.encode(context).ids)
            out.append((whole[-limit:], len(whole) - n))
    return out


def score(model, batch):
    T = max(len(ids) for ids, _ in batch) - 1
    x = torch.zeros(len(batch), T, dtype=torch.long)
    for b, (ids, _) in enumerate(batch):
        x[b, : len(ids) - 1] = torch.tensor(ids[:-1])
    h = model.transformer(x)[0]
    total = 0.0
    for b, (ids, n) in enumerate(batch):
        end = len(ids) - 1
        logits = model.lm_head(h[b, end - n : end])
        total -= torch.nn.functional.cross_entropy(logits, torch.tensor(ids[end + 1 - n :]), reduction="sum").item()
    return total


def torch_seconds(model, reqs, batch):
    reqs = sorted(reqs, key=lambda r: len(r[0]))
    start = time.process_time()
    with torch.no_grad():
        total = sum(score(model, reqs[i : i + batch]) for i in range(0, len(reqs), batch))
    return time.process_time() - start, total


def our_seconds(a, checkpoint):
    with tempfile.TemporaryDirectory() as details:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([a.command, "eval", checkpoint, "--tasks", f"{a.name}={a.task}", "--limit", str(a.items), "--details", details, "--json", "-q"],
                       stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        total = sum(sum(json.loads(line)["ll"]) for line in open(f"{details}/{a.name}.jsonl"))
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, total


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("task")
    p.add_argument("--name", default="piqa")
    p.add_argument("--items", type=int, default=40)
    p.add_argument("--checkpoint")
    p.add_argument("--vocab", default=HERE + "/../../shared/vocab/gpt2")
    p.add_argument("--command", default=HERE + "/../build/autoscale")
    p.add_argument("--json", action="store_true")
    a = p.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        if not a.checkpoint:
            make_checkpoint(folder, a.vocab)
        checkpoint = a.checkpoint or folder
        text = subprocess.run(["zstd", "-dc", a.task], stdout=subprocess.PIPE, check=True).stdout.decode()
        lines = [json.loads(line) for line in text.split("\n")[: a.items]]
        tokenizer = Tokenizer.from_file(checkpoint + "/tokenizer.json")
        tokenizer.no_truncation()
        model = GPT2LMHeadModel.from_pretrained(checkpoint, dtype=torch.float32).eval()
        reqs = requests(lines, tokenizer, model.config.n_positions + 1)
        n = sum(len(ids) - 1 for ids, _ in reqs)
        ours, total = our_seconds(a, checkpoint)
        peers = {b: torch_seconds(model, reqs, b) for b in (1, 4, 16)}
        again, _ = our_seconds(a, checkpoint)
    best = min(peers, key=lambda b: peers[b][0])
    row = {"task": a.name, "items": len(lines), "requests": len(reqs), "tokens": n, "ours": [n / ours, n / again],
           "torch": {b: n / s for b, (s, _) in peers.items()}, "best_batch": best, "ratio": [peers[best][0] / ours, peers[best][0] / again],
           "difference_nats": abs(total - peers[best][1]), "torch_version": torch.__version__}
    print(json.dumps(row) if a.json else "\n".join(f"{k}: {v}" for k, v in row.items()))


main()
