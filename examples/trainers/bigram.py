"""A trainer of thirty lines that needs nothing but Python: it counts pairs of tokens, and a pair's probability is interpolated
with its second token's (Witten-Bell). No neural network, but a real answer: which mixture predicts which text. It shows all
that a trainer of one's own has to do: read mixture.json, take each domain's tokens, leave result.json.

    trainer: {command: "python3 examples/trainers/bigram.py {mixture} {run_dir} {seed} {vocab}"}
"""
import array, collections, json, math, pathlib, random, sys

mixture, run_dir = json.load(open(sys.argv[1])), pathlib.Path(sys.argv[2])
seed, vocab = int(sys.argv[3]), int(sys.argv[4])
BLOCK = 64  # tokens that are drawn together

def tokens(path):  # of a token file: 16-bit ids where the vocabulary fits, else 32-bit
    ids = array.array("H" if vocab < 65500 else "i")
    ids.frombytes(pathlib.Path(path).read_bytes())
    return ids

unigrams, pairs = collections.Counter(), collections.defaultdict(collections.Counter)
draw, done = random.Random(seed), {}
for domain, budget in mixture["tokens"].items():
    ids, done[domain] = tokens(mixture["paths"][domain] + ".bin"), 0
    starts = list(range(0, max(1, len(ids) - BLOCK), BLOCK))
    while done[domain] < budget:  # an epoch after the other
        draw.shuffle(starts)
        for start in starts[: math.ceil((budget - done[domain]) / BLOCK)]:
            block = ids[start : start + min(BLOCK, budget - done[domain])]
            unigrams.update(block)
            for first, second in zip(block, block[1:]):
                pairs[first][second] += 1
            done[domain] += len(block)

total, loss = sum(unigrams.values()), {}
folder = pathlib.Path(next(iter(mixture["paths"].values()))).parent
for file in sorted(folder.glob("*.valid.bin")):  # every target: the domains' own held-out text, and `targets`
    ids, nats = tokens(file)[:50000], 0.0
    for first, second in zip(ids, ids[1:]):
        seen = pairs.get(first, {})
        n, kinds = sum(seen.values()) if first in pairs else 0, len(seen)
        alone = (unigrams[second] + 0.5) / (total + 0.5 * vocab)
        nats -= math.log((seen.get(second, 0) + (kinds or 1) * alone) / (n + (kinds or 1)))
    loss[file.name.removesuffix(".valid.bin")] = nats / max(1, len(ids) - 1)
whose = {"id": mixture["from"]["run"], "digest": mixture["from"]["digest"]}
json.dump({"run": whose, "tokens": sum(done.values()), "domain_tokens": done, "loss": loss}, open(run_dir / "result.tmp", "w"))
(run_dir / "result.tmp").rename(run_dir / "result.json")
