#!/usr/bin/env python3
"""Encoding and learning BPE here and in the peers: seconds of CPU, one thread, same text, in turns within one run.

Usage: text.py [--command build/autoscale] [--json] encode CORPORA VOCAB [--mb 6] [--rounds 3]
       text.py [--command build/autoscale] [--json] learn CORPORA NAME... [--size 8192]
CORPORA holds NAME.jsonl.zst, one {"text": ...} a line; VOCAB GPT-2's encoder.json, vocab.bpe and tokenizer.json.
encode: MB of every corpus with `autoscale bench tokenize`, tiktoken (GPT-2's ranks from VOCAB) and Hugging Face tokenizers;
the ids of the peers must be equal (that ours are is the test text/test_golden). learn: `autoscale bench tokenize --vocab`
and Hugging Face's BpeTrainer on all of the named corpora; the tokenizers must be equal. Reading the text is not counted.
Needs zstd, tiktoken, tokenizers.
"""
import argparse, glob, json, os, statistics, subprocess, tempfile, time

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
HERE = os.path.dirname(os.path.abspath(__file__))


def documents(path, megabytes=None):
    left = megabytes * 1e6 if megabytes else float("inf")
    run = subprocess.Popen(["zstd", "-dc", path], stdout=subprocess.PIPE, text=True, encoding="utf-8")
    for line in run.stdout:
        text = json.loads(line)["text"]
        if left <= 0:
            break
        if len(text) > left:
            text = text[: int(left)]
        left -= len(text)
        yield text
    run.kill()


def cpu(call):
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


def ours(command, folder, *options):
    out = subprocess.run([command, "bench", "tokenize", "--text", folder, *options, "--json", "-q"], stdout=subprocess.PIPE, check=True)
    return json.loads(out.stdout)


def write(folder, name, texts):
    with open(f"{folder}/{name}.jsonl", "w", encoding="utf-8") as f:
        f.writelines(json.dumps({"text": t}, ensure_ascii=False) + "\n" for t in texts)


def gpt2_ranks(folder):
    """tiktoken's own reader of GPT-2's two files wants a URL; this is the same."""
    printable = [b for b in range(256) if chr(b).isprintable() and chr(b) != " " and b != 0xAD]
    byte_of = {chr(b): b for b in printable}
    n = 0
    for b in range(256):
        if b not in printable:
            byte_of[chr(256 + n)] = b
            n += 1
    encoder = json.load(open(folder + "/encoder.json"))
    ranks = {}
    for token, rank in encoder.items():
        if token != "<|endoftext|>":
            ranks[bytes(byte_of[c] for c in token)] = rank
    return ranks


def encode(a):
    import tiktoken
    from tokenizers import Tokenizer

    pattern = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"""
    tik = tiktoken.Encoding("gpt2", pat_str=pattern, mergeable_ranks=gpt2_ranks(a.vocab), special_tokens={})
    hf = Tokenizer.from_file(a.vocab + "/tokenizer.json")
    hf.no_truncation()
    rows = []
    for path in sorted(glob.glob(a.corpora + "/*.jsonl.zst")):
        name = os.path.basename(path).split(".")[0]
        texts = list(documents(path, a.mb))
        size = sum(len(t.encode()) for t in texts) / 1e6
        with tempfile.TemporaryDirectory() as folder:
            write(folder, name, texts)
            mine, theirs = [], []
            for _ in range(a.rounds):
                mine.append(ours(a.command, folder, "--tokenizer", a.vocab, "--repeats", "1")["value"] / 1e6)
                seconds, ids = cpu(lambda: [tik.encode_ordinary(t) for t in texts])
                theirs.append(size / seconds)
        seconds, other = cpu(lambda: [hf.encode(t, add_special_tokens=False).ids for t in texts])
        row = {"corpus": name, "mb": size, "ours": statistics.median(mine), "spread": [min(mine), max(mine)],
               "tiktoken": statistics.median(theirs), "tiktoken_spread": [min(theirs), max(theirs)], "hf": size / seconds, "same": ids == other}
        rows.append(row)
        if not a.json:
            print(f"| {name} | {row['ours']:.1f} ({min(mine):.0f}-{max(mine):.0f}) | {row['tiktoken']:.1f} | {row['ours'] / row['tiktoken']:.1f} | "
                  f"{row['hf']:.2f} | {row['ours'] / row['hf']:.0f} |{'' if row['same'] else ' PEERS DIFFER'}", flush=True)
    return rows


def learn(a):
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    with tempfile.TemporaryDirectory() as folder:
        texts = []
        for name in a.names:
            part = list(documents(f"{a.corpora}/{name}.jsonl.zst"))
            write(folder, name, part)
            texts += part
        mine = ours(a.command, folder, "--vocab", str(a.size), "--repeats", "3")
        t = Tokenizer(models.BPE())
        t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        trainer = trainers.BpeTrainer(vocab_size=a.size, min_frequency=2, special_tokens=["<|endoftext|>"],
                                      initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
        seconds, _ = cpu(lambda: t.train_from_iterator(texts, trainer))
        t.save(folder + "/tokenizer.json")
        small = folder + "/small"
        os.mkdir(small)
        write(small, "x", ["x"])
        same = ours(a.command, small, "--tokenizer", folder + "/tokenizer.json", "--repeats", "1")["tokenizer"] == mine["tokenizer"]
    row = {"bytes": mine["text_bytes"], "vocab": a.size, "ours_s": mine["learn_seconds"], "hf_s": seconds, "ratio": seconds / mine["learn_seconds"], "same": same}
    if not a.json:
        print("%(bytes)d bytes, %(vocab)d tokens: ours %(ours_s).2f s, Hugging Face %(hf_s).2f s, %(ratio).1f times, same tokenizer: %(same)s" % row)
    return row


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--command", default=HERE + "/../build/autoscale")
    p.add_argument("--json", action="store_true")
    sub = p.add_subparsers(dest="what", required=True)
    e = sub.add_parser("encode")
    e.add_argument("corpora")
    e.add_argument("vocab")
    e.add_argument("--mb", type=float, default=6)
    e.add_argument("--rounds", type=int, default=3)
    l = sub.add_parser("learn")
    l.add_argument("corpora")
    l.add_argument("names", nargs="+")
    l.add_argument("--size", type=int, default=8192, help="tokens of the vocabulary")
    a = p.parse_args()
    rows = encode(a) if a.what == "encode" else learn(a)
    if a.json:
        print(json.dumps(rows))


main()
