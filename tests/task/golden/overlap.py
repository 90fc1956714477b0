# The overlaps that test_contamination expects, counted without any of our code: 13 words, runs of [a-z0-9] of the lowered
# text. Run: python3 overlap.py SHARED   (prints c4 4 1 0 0, wikipedia 19 0 4 0: boolq, hellaswag, squad v1, squad v2)
import json, re, subprocess, sys

def read(path):
    return [json.loads(l) for l in subprocess.run(["zstdcat", path], stdout=subprocess.PIPE).stdout.decode().splitlines() if l]

def grams(text):
    w = re.findall("[a-z0-9]+", text.lower())
    return [hash(tuple(w[i:i + 13])) for i in range(len(w) - 12)]

shared = sys.argv[1]
sets = [[d["context"] for d in read(shared + "/evals/boolq_val.jsonl.zst")],
        [d["context"] + " " + d["choices"][d["label"]] for d in read(shared + "/evals/hellaswag_val.jsonl.zst")]]
sets += [[d["context"] + " " + d["question"] for d in read(f"{shared}/evals/{f}.jsonl.zst")] for f in ("squad_v1_dev_part", "squad_v2_dev_half")]
index = {}
for s, items in enumerate(sets):
    for i, text in enumerate(items):
        for g in grams(text):
            index.setdefault(g, set()).add((s, i))
for name in ("c4", "wikipedia"):
    found = set()
    for d in read(f"{shared}/corpora/{name}.jsonl.zst"):
        for g in grams(d["text"]):
            found |= index.get(g, set())
    print(name, *[sum(1 for f in found if f[0] == s) for s in range(len(sets))])
