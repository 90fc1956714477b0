#!/usr/bin/env python3
"""Golden token ids of Hugging Face's tokenizers, kept as hashes beside this script.

Usage: make_golden.py SHARED OUT, where SHARED holds corpora/*.jsonl.zst, vocab/gpt2/tokenizer.json and
vocab/bert-base-uncased/vocab.txt. Made with tokenizers 0.23.3, zstandard 0.25.0, numpy 2.4.6, Python 3.11.

ids.txt     tokenizer, corpus, number of ids, SHA-256 of all ids as little-endian int32, documents in order
strings.txt random strings, one JSON string a line; their ids are in ids.txt as corpus "strings"
merges.txt  corpus, vocabulary, number of merges, SHA-256 of the merges ("a b\\n" each, visible form) that BpeTrainer learns
"""
import glob
import hashlib
import io
import json
import os
import random
import sys

import numpy as np
import zstandard
from tokenizers import BertWordPieceTokenizer, Tokenizer, models, pre_tokenizers, trainers

shared, out = sys.argv[1:3]


def documents(path):
    with open(path, "rb") as f:
        stream = zstandard.ZstdDecompressor().stream_reader(f)
        for line in io.TextIOWrapper(stream, encoding="utf-8", newline="\n"):
            yield json.loads(line)["text"]


def random_strings():
    r = random.Random(1)
    pools = [
        lambda: chr(r.randrange(32, 127)),
        lambda: r.choice(" \t\n\r  '’.,-"),
        lambda: r.choice(["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", " '", "''"]),
        lambda: r.choice("0123456789²½Ⅷ٣"),
        lambda: chr(r.randrange(0xA0, 0x250)),
        lambda: chr(r.randrange(0x300, 0x370)),
        lambda: chr(r.randrange(0x370, 0x700)),
        lambda: chr(r.randrange(0x900, 0x1100)),
        lambda: chr(r.randrange(0x2000, 0x2070)),
        lambda: chr(r.randrange(0x3000, 0x3100)),
        lambda: chr(r.randrange(0x4E00, 0x9FFF)),
        lambda: chr(r.randrange(0xAC00, 0xD7A4)),
        lambda: chr(r.randrange(0xF900, 0xFB00)),
        lambda: chr(r.randrange(0x1F300, 0x1FB00)),
        lambda: chr(r.choice([r.randrange(1, 0xD800), r.randrange(0xE000, 0x110000)])),
    ]
    for _ in range(4000):
        mix = [r.choice(pools) for _ in range(r.randrange(1, 5))]
        yield "".join(r.choice(mix)() for _ in range(r.randrange(1, 40)))


strings = list(random_strings())
with open(os.path.join(out, "strings.txt"), "w") as f:
    f.writelines(json.dumps(s) + "\n" for s in strings)

gpt2 = Tokenizer.from_file(os.path.join(shared, "vocab/gpt2/tokenizer.json"))
gpt2.no_truncation()
bert = BertWordPieceTokenizer(os.path.join(shared, "vocab/bert-base-uncased/vocab.txt"), lowercase=True)
with open(os.path.join(out, "ids.txt"), "w") as f:
    paths = sorted(glob.glob(os.path.join(shared, "corpora/*.jsonl.zst")))
    for name, t in (("gpt2", gpt2), ("bert", bert)):
        for corpus, docs in [("strings", strings)] + [(os.path.basename(p).split(".")[0], documents(p)) for p in paths]:
            digest, n = hashlib.sha256(), 0
            for text in docs:
                ids = t.encode(text, add_special_tokens=False).ids
                digest.update(np.array(ids, dtype="<i4").tobytes())
                n += len(ids)
            f.write(f"{name} {corpus} {n} {digest.hexdigest()}\n")
            f.flush()

with open(os.path.join(out, "merges.txt"), "w") as f:
    for corpus, vocab in (("c4", 4096), ("github", 8192), ("abstracts", 1000)):
        t = Tokenizer(models.BPE())
        t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        trainer = trainers.BpeTrainer(vocab_size=vocab, min_frequency=2, special_tokens=["<|endoftext|>"],
                                      initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
        t.train_from_iterator(documents(os.path.join(shared, f"corpora/{corpus}.jsonl.zst")), trainer)
        merges = json.loads(t.to_str())["model"]["merges"]
        text = "".join(" ".join(m) + "\n" for m in merges)
        f.write(f"{corpus} {vocab} {len(merges)} {hashlib.sha256(text.encode()).hexdigest()}\n")
