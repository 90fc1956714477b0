#!/usr/bin/env python3
"""Does the optimum move with the budget? From runs at several budgets, the same mixtures at each: the law's optimum of every budget alone
with its 90 % interval, how far optima lie apart, how alike mixtures rank at two budgets, and what smaller budgets say of the largest: its law's value
of the optimum of each smaller one, of AutoScale's rule through them, and of the joint law of all smaller budgets.
Usage: bench/search/budgets.py AUTOSCALE mean-targets|mean-domains TABLE.csv... Runs of one mixture are named ...-MIXTURE-rSEED; the tables have the same
columns."""
import csv
import json
import re
import subprocess
import sys
import tempfile
from statistics import correlation, mean

BOUNDS = ["--min", "0.002"]  # a share of 0 in optima.csv would leave the rule no line to draw


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout


def write(path, rows):
    with open(path, "w", newline="") as f:
        out = csv.DictWriter(f, rows[0].keys())
        out.writeheader()
        out.writerows(rows)


def fit(command, rows, folder, name):
    table, law = f"{folder}/{name}.csv", f"{folder}/{name}.json"
    write(table, rows)
    run(command, "fit", table, "-q", "-o", law, "--json")
    return law


def optimum(command, law, budget, objective):
    return json.loads(run(command, "optimize", law, "--tokens", repr(budget), "--objective", objective, "--json", "-q", *BOUNDS))


def value(command, law, budget, objective, shares, folder):
    """What law says of the objective: at uniform, at shares."""
    mix = f"{folder}/mix.json"
    with open(mix, "w") as f:
        json.dump(shares, f)
    said = json.loads(run(command, "what-if", law, "--tokens", repr(budget), "--objective", objective, "--mix", "uniform", "--mix", mix, "--json", "-q"))
    return [m["objective"]["predicted"] for m in said["mixtures"]]


def measured(rows, targets):
    """Mean objective of each mixture over its seeds."""
    by = {}
    for r in rows:
        name = re.sub(r"^[^-]*-|-r\d+$", "", r["run"])
        by.setdefault(name, []).append(mean(float(r["loss_" + t]) for t in targets))
    return {name: mean(values) for name, values in by.items()}


def ranks(values):
    order = sorted(range(len(values)), key=values.__getitem__)
    return [order.index(i) for i in range(len(values))]


def variation(a, b):
    return sum(abs(a[d] - b[d]) for d in a) / 2


def main():
    command, objective, *tables = sys.argv[1:]
    rows = []
    for table in tables:
        with open(table) as f:
            rows += csv.DictReader(f)
    domains = [c[7:] for c in rows[0] if c.startswith("tokens_")]
    targets = [c[5:] for c in rows[0] if c.startswith("loss_")]
    targets = domains if objective == "mean-domains" else [t for t in targets if t not in domains]
    budgets = sorted({float(r["tokens"]) for r in rows})
    at = {b: [r for r in rows if float(r["tokens"]) == b] for b in budgets}
    seen = {b: measured(at[b], targets) for b in budgets}
    largest = budgets[-1]
    with tempfile.TemporaryDirectory() as folder:
        laws = {b: fit(command, at[b], folder, f"at-{b:.0f}") for b in budgets}
        best = {b: optimum(command, laws[b], b, objective) for b in budgets}
        print("budget runs gain (90 %) P | share (90 %) of " + ", ".join(domains))
        for b in budgets:
            o = best[b]
            shares = "  ".join("%.3f (%.2f-%.2f)" % (o["weights"][d], *o["ci"][d]) for d in domains)
            gain = "%.3f (%.3f to %.3f) %.2f" % (o["objective"]["gain"], *o["objective"]["gain_ci"], o["p_better"])
            print(f"{b:.0f} {len(at[b])} {gain} | {shares}")
        print("\nmixtures at two budgets: rank correlation, best of the smaller one minus the best there is at the larger one")
        for i, a in enumerate(budgets):
            for b in budgets[i + 1 :]:
                both = sorted(set(seen[a]) & set(seen[b]))
                pick = min(both, key=seen[a].get)
                lost = seen[b][pick] - min(seen[b][m] for m in both)
                print("%.0f %.0f: %.2f of %d, %s loses %.4f; optima %.3f apart (total variation)" % (
                    a, b, correlation(ranks([seen[a][m] for m in both]), ranks([seen[b][m] for m in both])), len(both), pick, lost,
                    variation(best[a]["weights"], best[b]["weights"])))
        print(f"\nwhat the law of {largest:.0f} says of other budgets' optima: gain over uniform there")
        guesses = {f"optimum of {b:.0f}": best[b]["weights"] for b in budgets}
        optima = f"{folder}/optima.csv"
        write(optima, [{"tokens": b} | {f"weight_{d}": best[b]["weights"][d] for d in domains} for b in budgets[:-1]])
        said = json.loads(run(command, "predict", optima, "--tokens", repr(largest), "--json", "-q"))
        guesses["AutoScale's rule through the smaller ones"] = said["weights"]
        joint = fit(command, [r for b in budgets[:-1] for r in at[b]], folder, "joint")
        o = optimum(command, joint, largest, objective)
        guesses["joint law of the smaller ones"] = o["weights"]
        for name, shares in guesses.items():
            uniform, there = value(command, laws[largest], largest, objective, shares, folder)
            print("%-42s %.4f  %s" % (name, uniform - there, "  ".join("%.3f" % shares[d] for d in domains)))


main()
