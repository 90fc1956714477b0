#!/usr/bin/env python3
"""What scales of equal tokens tell of a larger model, on simulated truths whose best mixture moves with size or not:
regret of the joint law's optimum and of keep-last, and how far off the law's loss is, at a target of the scales' tokens and 200k parameters, trained
elsewhere. Usage: bench/search/sizes.py AUTOSCALE [SEEDS]. Writes nothing but below a temporary folder."""
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile

NAMES = ["books", "code", "news"]
HELPS = [[1, 0.2, 0.3], [0.2, 1, 0.1], [0.3, 0.1, 1]]  # target, domain
NOISE = 0.002  # nats, of one run
TOKENS, PARAMS = 16e3, 2e5
DESIGNS = {
    "equal tokens, 4k to 26k parameters": "[{tokens: 16e3, model: {width: 8}}, 16e3, {tokens: 16e3, model: {width: 32}}]",
    "growing in both": "[{tokens: 4e3, model: {width: 8}}, 8e3, {tokens: 16e3, model: {width: 32}}]",
    "one size, 26k parameters": "[{tokens: 16e3, model: {width: 32}}]",
}


def losses(tokens, params, moves):
    """moves > 0: code's exponent grows with size, so that a larger model is given less of it."""
    exponent = [0.18, 0.22 * (params / 1e4) ** moves, 0.26]
    useful = [sum(h * n for h, n in zip(row, tokens)) for row in HELPS]
    return [1.5 + 9 * u**-g + 6 * params**-0.3 for u, g in zip(useful, exponent)]


def objective(shares, moves):
    return statistics.mean(losses([w * TOKENS for w in shares], PARAMS, moves))


def train(moves, run, run_dir, params, seed, mixture):
    with open(mixture) as f:
        given = json.load(f)["tokens"]
    tokens = [given[d] for d in NAMES]
    noise = random.Random(f"{run} {seed}")
    loss = [x + noise.gauss(0, NOISE) for x in losses(tokens, float(params), float(moves))]
    with open(os.path.join(run_dir, "result.json"), "w") as f:
        json.dump({"tokens": sum(tokens), "loss": dict(zip(NAMES, loss))}, f)


def study(command, folder, scales, seed, moves):
    trainer = f"{sys.executable} {os.path.abspath(__file__)} --run {moves} {{run}} {{run_dir}} {{params}} {{seed}} {{mixture}}"
    with open(f"{folder}/study.yaml") as f:
        text = f.read().split("scales:")[0].replace("lr: 1e-2", f"lr: 1e-2, seed: {seed}")
    path = f"{folder}/sizes.yaml"
    with open(path, "w") as f:
        f.write(text.replace(", max_epochs: 8", "") + f"scales: {scales}\ndesign: {{repeats: 2}}\n")
        f.write(f"target: {{tokens: {TOKENS:.0f}, params: {PARAMS:.0f}, validate: false}}\ntrainer: {{command: '{trainer}'}}\n")
    with tempfile.TemporaryDirectory(dir=folder) as out:
        said = subprocess.run([command, "run", path, "--dir", out, "--json", "--quiet"], check=True, stdout=subprocess.PIPE)
    prediction = json.loads(said.stdout)["prediction"]
    found = {k: [prediction[k][d] for d in NAMES] for k in ("joint", "keep_last")}
    candidate = next(c for c in prediction["candidates"] if c["name"] == "joint")
    return found | {"expected": candidate["expected"]}


def compare(command, seeds, folder, moves):
    grid = [(i / 200, j / 200, 1 - (i + j) / 200) for i in range(201) for j in range(201 - i)]
    best = min(objective(w, moves) for w in grid)
    print(f"best mixture {'moves' if moves else 'stays'}; uniform's regret {objective([1 / 3] * 3, moves) - best:.4f}")
    for name, scales in DESIGNS.items():
        found = [study(command, folder, scales, 42 + 10 * k, moves) for k in range(seeds)]
        for kind in ("joint", "keep_last"):
            r = [objective(f[kind], moves) - best for f in found]
            print(f"  {name:36} {kind:10} {statistics.mean(r):.4f} ({min(r):.4f} to {max(r):.4f})", flush=True)
        told = [(f["expected"], objective(f["joint"], moves)) for f in found if f["expected"]]
        off = [abs(e["objective"] - x) for e, x in told]
        inside = sum(e["ci"][0] <= x <= e["ci"][1] for e, x in told)
        said = f"off by {statistics.mean(off):.4f}, interval holds {inside} of {len(off)}" if off else "withheld"
        print(f"  {name:36} loss       {said}", flush=True)


def main():
    command, seeds = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([os.path.join(os.path.dirname(__file__), "../../scripts/tiny-study"), folder], check=True)
        for moves in (0, 0.15):
            compare(command, seeds, folder, moves)


if sys.argv[1:2] == ["--run"]:
    train(*sys.argv[2:])
else:
    main()
