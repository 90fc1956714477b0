"""Do runs chosen by `autoscale design` tell more than others? On simulated truth: a space-filling start, then rounds of
chosen runs, against as many drawn at random and against DDO's star. Same tokens per run, so runs are the cost.

  rounds.py build/autoscale [--seeds 4] [--domains 6] [--noise .01]

Prints, for each way and number of runs, the mean regret of `fit` + `optimize` [nats], the same over uniform's, and the
mean half width of the 90 % interval of the gain. Needs numpy."""
import argparse
import json
import math
import os
import subprocess
import tempfile

import numpy as np

import peers
import worlds

TOKENS = 1e10


def tool(command, *words):
    p = subprocess.run([command, *map(str, words)], capture_output=True, text=True)
    return json.loads(p.stdout) if p.returncode == 0 else None


def shares_of(found, domains):
    return np.array([[r["weights"][d] for d in domains] for r in found["runs"]])


class Lab:
    """One truth: measures mixtures, and asks the tool what it makes of them."""

    def __init__(self, args, truth, seed, folder):
        self.args, self.folder = args, folder
        worlds.DESIGNS["rounds"] = (args.domains, [("swarm", None, TOKENS, 2)])
        self.t = worlds.Table("B", truth, "rounds", args.noise, "constant", seed)
        self.r = worlds.stream("rounds", truth, seed, args.domains)

    def run(self, w):
        return self.t.measure(self.r, w, np.full(len(w), TOKENS), np.full(len(w), 1e8))

    def write(self, w, y):
        path = os.path.join(self.folder, "t.csv")
        self.t.write(path, w, np.full(len(w), TOKENS), np.full(len(w), 1e8), y)
        return path

    def judge(self, w, y):
        law = os.path.join(self.folder, "law.json")
        if not tool(self.args.command, "fit", self.write(w, y), "--no-trees", "-q", "--json", "-o", law):
            return None
        o = tool(self.args.command, "optimize", law, "--tokens", TOKENS, "--trust", "off", "-q", "--json")
        if not o:
            return None
        J = lambda x: float(self.t.objective(np.array(x), TOKENS, 1e8)[0])
        ci = o["objective"].get("gain_ci") or [math.nan, math.nan]
        best = self.best()
        return J([o["weights"][d] for d in self.t.domains]) - best, J([1 / self.t.D] * self.t.D) - best, (ci[1] - ci[0]) / 2

    def best(self):
        if not hasattr(self, "_best"):
            D = self.t.D
            w = peers.least(lambda x: self.t.objective(x, TOKENS, 1e8), D, np.zeros(D), np.ones(D), worlds.stream("best", D))
            self._best = float(self.t.objective(w, TOKENS, 1e8)[0])
        return self._best

    def chosen(self, steps):
        """Yields (w, y) at each number of runs: a filling start, then rounds."""
        names = ",".join(self.t.domains)
        w = shares_of(tool(self.args.command, "design", "--domains", names, "--tokens", TOKENS, "--runs", steps[0], "--json", "-q"), self.t.domains)
        y = self.run(w)
        yield w, y
        for more in np.diff(steps):
            found = tool(self.args.command, "design", self.write(w, y), "--no-trees", "--tokens", TOKENS, "--runs", int(more), "--json", "-q")
            new = shares_of(found, self.t.domains)
            w, y = np.concatenate([w, new]), np.concatenate([y, self.run(new)], axis=1)
            yield w, y

    def random(self, steps):
        w = worlds._dirichlet(self.r, self.t.D, steps[-1])
        y = self.run(w)
        for n in steps:
            yield w[:n], y[:, :n]

    def star(self, repeats):
        w, _ = worlds._star(self.t.D, TOKENS, repeats)
        yield w, self.run(w)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("command")
    p.add_argument("--seeds", type=int, default=4)
    p.add_argument("--domains", type=int, default=6)
    p.add_argument("--noise", type=float, default=0.01)
    p.add_argument("--truths", nargs="*", default=sorted(worlds.TRUTHS))
    args = p.parse_args()
    D, rows = args.domains, {}
    steps = [D + 1, D + 5, 2 * D + 2, 3 * D + 2, 4 * D + 4]
    for truth in args.truths:
        for seed in range(args.seeds):
            with tempfile.TemporaryDirectory() as folder:
                lab = Lab(args, truth, seed, folder)
                ways = {"design": lab.chosen(steps), "random": lab.random(steps), "star": lab.star(1), "star x 3": lab.star(3)}
                for way, results in ways.items():
                    for w, y in results:
                        j = lab.judge(w, y)
                        if j:
                            rows.setdefault((way, len(w)), []).append((truth, *j))
        print(truth, {k: round(float(np.mean([x[1] for x in v if x[0] == truth])), 4) for k, v in rows.items()}, flush=True)
    print(f"\n{'way':10} {'runs':>4} {'regret':>8} {'of uniform':>10} {'gain +-':>8} {'tables':>6}")
    for (way, n), v in sorted(rows.items()):
        a = np.array([x[1:] for x in v])
        print(f"{way:10} {n:4} {a[:, 0].mean():8.4f} {a[:, 0].mean() / a[:, 1].mean():10.2f} {np.nanmedian(a[:, 2]):8.4f} {len(v):6}")


if __name__ == "__main__":
    main()
