#!/usr/bin/env python3
"""How well merged models stand for branches that are really trained: after a study with `search: {method: branch}` has ended, trains
branches on the mixtures of its first N merged models, with the same prefix, seed and text, and compares.

    bench/search/fidelity.py build/autoscale STUDY_DIR [--branches 12] [--heldout NAME,NAME ..]

Prints rank correlation, Pearson's, bias and spread of merged - real for each objective: mean over the domains, over the held-out
sets, over all, and the regret: what the mixture that merged models put first loses in reality to the best of those trained."""
import argparse, glob, json, os, subprocess

p = argparse.ArgumentParser()
p.add_argument('command')
p.add_argument('study')
p.add_argument('--branches', type=int, default=12)
a = p.parse_args()
runs = os.path.join(a.study, 'runs')
name = lambda pattern: os.path.basename(glob.glob(os.path.join(runs, pattern))[0])
label = name('b*-prefix-r0').split('-')[0]
read = lambda run, file='run.json': json.load(open(os.path.join(runs, run, file)))


def whole(shares, total, step):
    """Largest remainders, in sequences."""
    n = total // step
    got = {d: int(w * n) for d, w in shares.items()}
    for d in sorted(shares, key=lambda d: got[d] - shares[d] * n)[: n - sum(got.values())]:
        got[d] += 1
    return {d: x * step for d, x in got.items()}


def real(k):
    """The branch on the mixture of the k-th merged model."""
    out = f'{label}-fidelity-{k}'
    if not os.path.exists(os.path.join(runs, out, 'result.json')):
        r, merged = read(f'{label}-1-prior'), read(f'{label}-1-merge-{k}')
        first, length = r['phases'][0], sum(r['phases'][1].values())
        tokens = {d['name']: d['tokens'] - first[d['name']] for d in merged['domains']}
        sequence = r['model']['context']
        r['phases'][1] = whole({d: n / sum(tokens.values()) for d, n in tokens.items()}, length, sequence)
        for d in r['domains']:
            d['tokens'] = sum(phase[d['name']] for phase in r['phases'])
        r['id'] = out
        for key in [k for k in r if k not in ('id', 'isa', 'threads', 'ranks', 'device', 'tokenizer', 'valid_tokens', 'n_curve',
                                              'stop_tokens', 'cool_tokens', 'init_from', 'init_with', 'init_digest', 'model', 'training',
                                              'domains', 'phases', 'targets')]:
            del r[key]
        os.makedirs(os.path.join(runs, out), exist_ok=True)
        json.dump(r, open(os.path.join(runs, out, 'run.json'), 'w'))
        subprocess.run([a.command, 'train', '--run', os.path.join(runs, out), '-q'], check=True, stdout=subprocess.DEVNULL)
    return read(out, 'result.json')['loss']


def ranks(x):
    order = sorted(range(len(x)), key=lambda i: x[i])
    out = [0] * len(x)
    for k, i in enumerate(order):
        out[i] = k
    return out


def pearson(x, y):
    mx, my = sum(x) / len(x), sum(y) / len(y)
    sxy = sum((u - mx) * (v - my) for u, v in zip(x, y))
    return sxy / (sum((u - mx) ** 2 for u in x) * sum((v - my) ** 2 for v in y)) ** .5


pairs = [(read(f'{label}-1-merge-{k}', 'result.json')['loss'], real(k)) for k in range(a.branches)]
domains = [d['name'] for d in read(f'{label}-1-prior')['domains']]
heldout = [t for t in pairs[0][0] if t not in domains]
print(f'{len(pairs)} mixtures; merged - real in nats\n{"objective":28} {"rank":>6} {"Pearson":>8} {"bias":>8} {"spread":>8} {"range":>7} {"regret":>8}')
for what, texts in [('mean of the domains', domains), ('mean of the held-out sets', heldout), ('mean of all', domains + heldout)] + [(t, [t]) for t in domains + heldout]:
    if not texts:
        continue
    m, r = ([sum(x[t] for t in texts) / len(texts) for x in side] for side in zip(*pairs))
    d = [u - v for u, v in zip(m, r)]
    bias = sum(d) / len(d)
    spread = (sum((x - bias) ** 2 for x in d) / (len(d) - 1)) ** .5
    print(f'{what:28} {pearson(ranks(m), ranks(r)):6.2f} {pearson(m, r):8.2f} {bias:8.4f} {spread:8.4f} {max(r) - min(r):7.4f} {r[m.index(min(m))] - min(r):8.4f}')
