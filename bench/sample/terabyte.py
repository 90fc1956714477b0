#!/usr/bin/env python3
"""A terabyte of text that is not there: a thousand sparse shards of JSON lines, text only where `sample` looks.

    python3 bench/sample/terabyte.py DIR [--shards 1000] [--gigabytes 1] [--sample 20e6]
    /usr/bin/time -v autoscale plan DIR/study.yaml
    /usr/bin/time -v autoscale tokenize DIR/study.yaml -o DIR/tokens

Stretches are chosen as src/text/corpus_sample.c does: by SHA-256 of the shard's name and the stretch's number.
"""
import argparse
import hashlib
import math
import os
import random


def main() -> None:
    p = argparse.ArgumentParser()
    p.add_argument("dir")
    p.add_argument("--shards", type=int, default=1000)
    p.add_argument("--gigabytes", type=float, default=1)
    p.add_argument("--sample", type=float, default=20e6)
    a = p.parse_args()
    size, words = int(a.gigabytes * 1e9), random.Random(1).sample(range(10**5, 10**6), 20000)
    wanted = a.sample * 1.25 * 5
    stretch = int(min(max(wanted / 256, 1 << 16), 1 << 20))
    share, rng, placed = wanted / (a.shards * size), random.Random(2), 0
    names = [f"part-{k:04d}.jsonl" for k in range(a.shards)]
    os.makedirs(f"{a.dir}/big", exist_ok=True)
    for name in names:
        with open(f"{a.dir}/big/{name}", "wb") as f:
            f.write(b'{"text": "the first line of a shard, that says what it is"}\n')
            f.truncate(size)
            for k in range(math.ceil(size / stretch)):
                h = hashlib.sha256(name.encode() + b"\0" + str(k).encode()).digest()
                if not (int.from_bytes(h[:8], "little") >> 11) * 2.0**-53 < share:
                    continue
                f.seek(max(0, k * stretch - 1))
                text = b"\n"
                while len(text) < stretch - 600:
                    text += b'{"text": "%s"}\n' % " ".join(str(rng.choice(words)) for _ in range(60)).encode()
                f.write(text)
                placed += len(text)
    for name in ("other", "held"):
        with open(f"{a.dir}/{name}.jsonl", "w") as f:
            for _ in range(20000):
                f.write('{"text": "%s"}\n' % " ".join(str(rng.choice(words)) for _ in range(60)))
    with open(f"{a.dir}/study.yaml", "w") as f:
        f.write(
            f"""domains:
  - {{name: big, train: big, available: {a.shards * size // 4}, sample: {int(a.sample)}}}
  - {{name: other, train: other.jsonl}}
targets: [{{name: held, valid: held.jsonl}}]
model: {{layers: 2, heads: 2, width: 64, context: 128}}
scales: [1e6, 4e6]
target: {{tokens: 2e9, validate: false}}
"""
        )
    print(f"{placed / 1e6:.0f} MB of text in {a.shards} shards of {size / 1e9:g} GB, stretches of {stretch} bytes")


main()
