#!/usr/bin/env python3
"""A DDO study of 2D+1 runs against the same runs scripted in plain PyTorch, two processes each: wall seconds.

Usage: ddo_study.py DATA_DIR OUT_DIR [--part ours|torch|both] [--mb 3] [--tokens 1e5] [--json]
DATA_DIR holds NAME.jsonl.zst, one {"text": ...} a line. The first MB of each of seven domains go into OUT_DIR; both sides
then start from that text: learn a BPE of 4096 tokens, encode everything, train the base and every domain at 3x and 1/3
(GPT-2 of 1.33M parameters, context 128, 2048 tokens a step, AdamW, cosine schedule), evaluate each on 10k held-out tokens
of each domain. The PyTorch side has no study around it: no law, no resuming, no report.
"""
import argparse, json, math, os, resource, subprocess, sys, time

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "true"
os.environ["RAYON_NUM_THREADS"] = "2"
HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = ["commoncrawl", "c4", "github", "books", "arxiv", "wikipedia", "stackexchange"]
L, H, C, V, T, BATCH, LR, VALID = 4, 4, 128, 4096, 128, 16, 2e-3, 10000

STUDY = """study: ddo-against-pytorch
domains:
{domains}
validation: {{tokens: {valid}}}
tokenizer: {{train: bpe, vocab: {V}}}
model: {{arch: gpt2, layers: {L}, heads: {H}, width: {C}, context: {T}}}
training: {{batch_tokens: {batch}, lr: {lr}}}
scales: [{tokens}]
target: {{tokens: {target}, validate: false}}
run: {{jobs: 2, keep_checkpoints: none}}
"""


def cpu_seconds(who):
    """CPU time that this process (or its ended children) took: half of it is the wall time on two idle cores."""
    u = resource.getrusage(who)
    return u.ru_utime + u.ru_stime


def prepare(data, out, megabytes):
    """OUT/text/NAME.jsonl: whole documents up to the size, long ones cut."""
    os.makedirs(out + "/text", exist_ok=True)
    for name in NAMES:
        path = f"{out}/text/{name}.jsonl"
        if os.path.exists(path):
            continue
        lines = subprocess.Popen(["zstd", "-dc", f"{data}/{name}.jsonl.zst"], stdout=subprocess.PIPE, text=True).stdout
        left = megabytes * 1e6
        with open(path, "w") as f:
            for line in lines:
                text = json.loads(line)["text"]
                for at in range(0, len(text), 20000):
                    if left > 0:
                        left -= f.write(json.dumps({"text": text[at : at + 20000]}) + "\n")


def ours(command, out, tokens):
    domains = "\n".join(f'  - {{name: {n}, train: "text/{n}.jsonl"}}' for n in NAMES)
    with open(out + "/study.yaml", "w") as f:
        f.write(STUDY.format(domains=domains, valid=VALID, V=V, L=L, H=H, C=C, T=T, batch=BATCH * T, lr=LR, tokens=tokens, target=4 * tokens))
    plan = json.loads(subprocess.run([command, "plan", out + "/study.yaml", "--dir", out + "/study", "--json"], capture_output=True, text=True, check=True).stdout)
    start, before = time.time(), cpu_seconds(resource.RUSAGE_CHILDREN)
    subprocess.run([command, "run", out + "/study.yaml", "--dir", out + "/study", "--quiet"], check=True, stdout=subprocess.DEVNULL)
    cpu = cpu_seconds(resource.RUSAGE_CHILDREN) - before
    return {"seconds": time.time() - start, "cpu_seconds": cpu, "planned_seconds": plan["seconds"], "runs": plan["n_runs"]}


# ---- the same in PyTorch ----


def tokenise(out):
    import tokenizers
    from tokenizers import models, pre_tokenizers, trainers

    tok = tokenizers.Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    texts = {n: [json.loads(line)["text"] for line in open(f"{out}/text/{n}.jsonl")] for n in NAMES}
    trainer = trainers.BpeTrainer(vocab_size=V, special_tokens=["<|endoftext|>"], show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tok.train_from_iterator((t for n in NAMES for t in texts[n]), trainer)
    import numpy

    for n in NAMES:
        ids = [e.ids + [0] for e in tok.encode_batch(texts[n])]
        valid = [i for k, i in enumerate(ids) if k % 20 == 0]
        train = [i for k, i in enumerate(ids) if k % 20 != 0]
        for name, docs in (("train", train), ("valid", valid)):
            numpy.concatenate([numpy.array(d, dtype=numpy.uint16) for d in docs]).tofile(f"{out}/torch-{n}.{name}.bin")


def torch_run(job):
    out, run, tokens = job
    began = cpu_seconds(resource.RUSAGE_SELF)
    import numpy, torch

    sys.path.insert(0, HERE)
    from pytorch_step import GPT2

    torch.set_num_threads(1)
    torch.manual_seed(1)
    rng = numpy.random.default_rng(1)
    read = lambda n, kind: numpy.fromfile(f"{out}/torch-{n}.{kind}.bin", dtype=numpy.uint16).astype(numpy.int64)
    rows = []
    for n in NAMES:
        data = read(n, "train")
        count = int(tokens[n] / T)
        starts = rng.permutation((len(data) - 1) // T)[numpy.arange(count) % ((len(data) - 1) // T)] * T
        rows += [data[s : s + T + 1] for s in starts]
    rng.shuffle(rows)
    model = GPT2(L, H, C, V, T)
    opt = torch.optim.AdamW(model.parameters(), lr=LR, betas=(0.9, 0.95), weight_decay=0.1)
    steps = len(rows) // BATCH
    for step in range(steps):
        warm = max(1, steps // 10)
        rate = min((step + 1) / warm, 0.55 + 0.45 * math.cos(math.pi * max(0, step - warm) / max(1, steps - warm)))
        for g in opt.param_groups:
            g["lr"] = LR * rate
        ids = torch.from_numpy(numpy.stack(rows[step * BATCH : (step + 1) * BATCH]))
        opt.zero_grad(set_to_none=True)
        model(ids[:, :-1], ids[:, 1:]).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
    losses = {}
    with torch.no_grad():
        for n in NAMES:
            data = read(n, "valid")[: VALID + 1]
            n_rows = (len(data) - 1) // T
            ids = numpy.stack([data[i * T : i * T + T + 1] for i in range(n_rows)])
            parts = [torch.from_numpy(ids[i : i + BATCH]) for i in range(0, n_rows, BATCH)]
            losses[n] = sum(float(model(p[:, :-1], p[:, 1:])) * len(p) for p in parts) / n_rows
    print(f"{run}: {cpu_seconds(resource.RUSAGE_SELF) - began:.1f} s of CPU", file=sys.stderr)
    return run, losses


def by_torch(out, tokens):
    import multiprocessing

    start, before = time.time(), cpu_seconds(resource.RUSAGE_SELF) + cpu_seconds(resource.RUSAGE_CHILDREN)
    tokenise(out)
    tokenised = time.time() - start
    base = {n: tokens / len(NAMES) for n in NAMES}
    jobs = [(out, "base", base)]
    for n in NAMES:
        jobs += [(out, f"{n}-up", {**base, n: 3 * base[n]}), (out, f"{n}-down", {**base, n: base[n] / 3})]
    jobs.sort(key=lambda j: -sum(j[2].values()))
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        losses = dict(pool.imap_unordered(torch_run, jobs))
        pool.close()
        pool.join()
    import torch

    cpu = cpu_seconds(resource.RUSAGE_SELF) + cpu_seconds(resource.RUSAGE_CHILDREN) - before
    return {"seconds": time.time() - start, "cpu_seconds": cpu, "tokenise_seconds": tokenised, "runs": len(losses), "torch": torch.__version__, "base_loss": losses["base"]}


def main():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("data")
    a.add_argument("out")
    a.add_argument("--part", default="both", choices=["prepare", "ours", "torch", "both"])
    a.add_argument("--command", default="build/autoscale")
    a.add_argument("--mb", type=float, default=3)
    a.add_argument("--tokens", type=float, default=1e5)
    a = a.parse_args()
    prepare(a.data, a.out, a.mb)
    result = {"tokens": a.tokens}
    if a.part in ("ours", "both"):
        result["autoscale"] = ours(a.command, a.out, a.tokens)
    if a.part in ("torch", "both"):
        result["pytorch"] = by_torch(a.out, a.tokens)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
