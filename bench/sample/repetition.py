#!/usr/bin/env python3
"""Does matched repetition recover the target's optimum? Simulated truth in which repeated tokens fade.

    python3 bench/sample/repetition.py build/autoscale [--seeds 5] [--law effective]

Five domains, three targets: loss_v = E_v + B_v (sum_j k_vj m_j)^-g_v, where n tokens of a text of U are worth
m = U + U r (1 - exp(-(n/U - 1)/r)) beyond one pass. Two domains are small: the target sees them 8 to 40 times at their
best share. 16 mixtures at each of two budgets, 1/64 and 1/16 of the target's, noise .004 nats. `free`: proxies draw from
all text, and repeated tokens count as new; `discounted`: the same runs, `optimize --available`. `matched`: text cut to
U N_proxy/N_target, no discount. Regret: the true objective of what `optimize` answers less that of the best mixture.
"""
import argparse
import json
import math
import os
import random
import statistics
import subprocess
import tempfile

D, V, TARGET = 5, 3, 16e9


def worth(n: float, text: float, fade: float) -> float:
    return n if n <= text else text + text * fade * (1 - math.exp(-(n / text - 1) / fade))


def loss(t: dict, w: list[float], n: float, share: float) -> list[float]:
    m = [worth(w[j] * n, t["text"][j] * share, t["fade"]) for j in range(D)]
    return [t["e"][v] + t["b"][v] * sum(t["k"][v][j] * m[j] for j in range(D)) ** -t["g"][v] for v in range(V)]


def dirichlet(rng: random.Random, a: float) -> list[float]:
    x = [rng.gammavariate(a, 1) + 1e-9 for _ in range(D)]
    return [y / sum(x) for y in x]


def best(t: dict, rng: random.Random) -> float:
    def value(w: list[float]) -> float:
        return statistics.fmean(loss(t, w, TARGET, 1))

    w, at, step = [1 / D] * D, 0.0, 0.5
    at = value(w)
    for i in range(20000):
        d = dirichlet(rng, 0.5)
        c = [(1 - step) * x + step * y for x, y in zip(w, d)]
        if (x := value(c)) < at:
            w, at = c, x
        elif i % 200 == 199:
            step *= 0.93
    return at


def truth(rng: random.Random, fade: float) -> dict:
    t = {"fade": fade, "text": [TARGET * rng.choice([0.5, 1, 2]) for _ in range(D)]}
    for j in (0, 1):
        t["text"][j] = TARGET * rng.uniform(0.01, 0.04)
    t["k"] = [[rng.uniform(0.05, 0.6) * (3 if j < 2 else 1) for j in range(D)] for _ in range(V)]
    t["e"] = [rng.uniform(1.5, 2.2) for _ in range(V)]
    t["g"] = [rng.uniform(0.2, 0.3) for _ in range(V)]
    t["b"] = [rng.uniform(80, 160) for _ in range(V)]
    return t


def answer(a: argparse.Namespace, t: dict, rng: random.Random, kind: str, folder: str) -> float:
    table, law = f"{folder}/runs.csv", f"{folder}/law.json"
    with open(table, "w") as f:
        f.write(",".join(["tokens"] + [f"weight_d{j}" for j in range(D)] + [f"loss_v{v}" for v in range(V)]) + "\n")
        for n in (TARGET / 64, TARGET / 16):
            for k in range(16):
                w = [1 / D] * D if k == 0 else dirichlet(rng, 1)
                x = [y + rng.gauss(0, 0.004) for y in loss(t, w, n, n / TARGET if kind == "matched" else 1)]
                f.write(",".join([f"{n:.0f}"] + [f"{y:.9f}" for y in w] + [f"{y:.6f}" for y in x]) + "\n")
    subprocess.run([a.command, "fit", table, "--law", a.law, "--noise", "0.004", "-o", law, "--quiet"],
                   check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    argv = [a.command, "optimize", law, "--tokens", f"{TARGET:.0f}", "--json", "--quiet"]
    if kind == "discounted":
        argv += [f"--available=d{j}={t['text'][j]:.0f}:1000" for j in range(D)]
    w = json.loads(subprocess.run(argv, check=True, capture_output=True).stdout)["weights"]
    return statistics.fmean(loss(t, [w[f"d{j}"] for j in range(D)], TARGET, 1))


def main() -> None:
    p = argparse.ArgumentParser()
    p.add_argument("command")
    p.add_argument("--seeds", type=int, default=5)
    p.add_argument("--law", default="effective")
    a = p.parse_args()
    print("| repeated tokens fade after | uniform | free | discounted | matched |\n|---|---|---|---|---|")
    for fade in (2.0, 5.0, 15.4):
        got = {"uniform": [], "free": [], "discounted": [], "matched": []}
        for seed in range(a.seeds):
            rng = random.Random(f"{seed} {fade}")
            t = truth(rng, fade)
            least = best(t, rng)
            got["uniform"].append(statistics.fmean(loss(t, [1 / D] * D, TARGET, 1)) - least)
            with tempfile.TemporaryDirectory() as folder:
                for kind in ("free", "discounted", "matched"):
                    got[kind].append(answer(a, t, random.Random(seed), kind, folder) - least)
        cells = [f"{statistics.fmean(x):.4f} (median {statistics.median(x):.4f})" for x in got.values()]
        print(f"| {fade:g} passes | " + " | ".join(cells) + " |", flush=True)


main()
