"""What runs tell before they have ended, on simulated truth and on a table of checkpoints. A swarm as a study makes it
(space-filling start, then rounds of `autoscale design`), of N runs' worth of tokens whichever way they are spent.

  pauses.py swarm  build/autoscale [--seeds 8] [--runs 14]   runs that are stopped at a pause: regret at equal tokens
  pauses.py rows   build/autoscale [--seeds 2] [--runs 16]   checkpoints along runs as rows, each point with an offset
  pauses.py table  build/autoscale TABLE.csv                 both on runs of 20B tokens with checkpoints (SlimPajama)

Curves: a run at a share s of its tokens stands 2 (1 - s) of an offset above a run of that length (its rate has not
fallen yet), .05 to .2 nats, a tenth of it depending on the mixture; its noise there is correlated (.5) with that of its
end. The prediction and the rule are those of docs/method.md, "Runs that are stopped", written again here. `rows` and
`table` use the Python package (a checkout built with `make`). Needs numpy and scipy."""
import argparse
import collections
import csv
import json
import math
import os
import sys
import tempfile

import numpy as np
from scipy.stats import t as student

import peers
import rounds
import worlds

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../python"))
TOKENS, RHO, SLOPE_SD, LEAST_TRUST = rounds.TOKENS, 0.5, 0.2, 0.1


# ---- curves ---------------------------------------------------------------------------------------------------------


class Curves:
    """A truth along runs: losses (V, R) at a share of their tokens, noise drawn by the number of the run."""

    def __init__(self, table, key, noise):
        self.t, self.key, self.noise = table, key, noise
        r = worlds.stream("curve", *key)
        self.offset = r.uniform(0.05, 0.2) * (1 + 0.1 * r.standard_normal(table.V))
        self.lean = 0.1 * r.standard_normal((table.V, table.D))

    def _noise(self, what, first, n):
        one = lambda r: self.noise * math.sqrt(0.5) * (r.standard_normal(1) + r.standard_normal((self.t.V, 1)))
        return np.concatenate([one(worlds.stream(what, self.key, first + i)) for i in range(n)], 1)

    def at(self, w, share, first):
        n = len(w)
        true = self.t.losses(w, np.full(n, share * TOKENS), np.full(n, 1e8))
        end = self._noise("n", first, n)
        if share == 1:
            return true + end
        above = 2 * (1 - share) * self.offset[:, None] * (1 + self.lean @ (w - 1 / self.t.D).T)
        return true + above + RHO * end + math.sqrt(1 - RHO**2) * self._noise(f"h{share}" if share != 0.5 else "h", first, n)


# ---- how paused runs would end (src/law/finish.c) -------------------------------------------------------------------


def finish(paused, ended, waiting):
    """(V, n), (V, n), (V, m): expected ends (V, m), their sd, the objective's (m), its scale, degrees of freedom."""
    V, n = paused.shape
    out, sd, fitted, kept = np.empty_like(waiting), np.empty_like(waiting), np.empty_like(paused), np.zeros(V)
    for v in range(V):
        x, d = paused[v] - paused[v].mean(), ended[v] - paused[v]
        y, S = d - d.mean(), (x * x).sum()
        free = (x * y).sum() / S
        k = kept[v] = S / (S + ((y - free * x) ** 2).sum() / (n - 2) / SLOPE_SD**2)
        apart, df = waiting[v] - paused[v].mean(), n - 1 - k
        fitted[v] = paused[v] + d.mean() + k * free * x
        out[v] = waiting[v] + d.mean() + k * free * apart
        variance = ((ended[v] - fitted[v]) ** 2).sum() / df * (1 + 1 / n + k * apart**2 / S)
        sd[v] = np.sqrt(variance * df / (df - 2)) if df > 2 else math.nan
    df, J = n - 1 - kept.mean(), paused.mean(0)
    S = ((J - J.mean()) ** 2).sum()
    scale = np.sqrt(((ended.mean(0) - fitted.mean(0)) ** 2).sum() / df * (1 + 1 / n + kept.mean() * (waiting.mean(0) - J.mean()) ** 2 / S))
    return out, sd, out.mean(0), scale, df


class Lab(rounds.Lab):
    def __init__(self, args, truth, seed, folder):
        super().__init__(args, truth, seed, folder)
        self.curves = Curves(self.t, (truth, seed), args.noise)

    def write_trusted(self, w, y, trust):
        path = self.write(w, y)
        with open(path) as f:
            rows = f.read().splitlines()
        with open(path, "w") as f:
            for line, cell in zip(rows, ["trust", *map(repr, map(float, trust))]):
                f.write(f"{cell},{line}\n")
        return path

    def fit(self, path):
        law = os.path.join(self.folder, "law.json")
        return rounds.tool(self.args.command, "fit", path, "--no-trees", "-q", "--json", "--threads", "1", "-o", law)

    def answer(self, path):
        """Regret, whether the interval of the gain over uniform holds it, its half width."""
        if not self.fit(path):
            return None
        law = os.path.join(self.folder, "law.json")
        o = rounds.tool(self.args.command, "optimize", law, "--tokens", TOKENS, "--trust", "off", "-q", "--json", "--threads", "1")
        if not o:
            return None
        J = lambda x: float(self.t.objective(np.array(x), TOKENS, 1e8)[0])
        value, uniform = J([o["weights"][d] for d in self.t.domains]), J([1 / self.t.D] * self.t.D)
        lo, hi = o["objective"].get("gain_ci") or [math.nan, math.nan]
        return value - self.best(), float(lo <= uniform - value <= hi), (hi - lo) / 2

    def noise_of(self):
        with open(os.path.join(self.folder, "law.json")) as f:
            return np.array([law["stats"]["noise"] for law in json.load(f)["laws"]])

    def stop(self, half, end, whole, waiting, pause, power):
        """Which of the runs that wait are stopped: their losses (V, m) and trust (m), 1 of those that go on."""
        out, sd, J, scale, df = finish(half[:, whole], end[:, whole], waiting)
        noise = self.noise_of()
        best = min(end[:, whole].mean(0).min(), J.min())
        far = (J - best) / np.sqrt(scale**2 + (noise**2).sum() / len(noise) ** 2)
        trust = (noise[:, None] ** 2 / (noise[:, None] ** 2 + sd**2)).mean(0)
        enough = student.ppf(0.99, df)
        stopped = (far > enough) & (trust >= (LEAST_TRUST if power else 0)) & (1 - trust <= (1 - pause) * np.maximum(far / enough, 0) ** power)
        return stopped, out, np.where(stopped, trust, 1)

    def swarm(self, N, n_rounds, pause, power):
        """N runs' worth of tokens. Returns the answer, tokens in runs, runs begun, runs stopped."""
        D, names = self.t.D, ",".join(self.t.domains)
        w = rounds.shares_of(rounds.tool(self.args.command, "design", "--domains", names, "--tokens", TOKENS, "--runs", max(N // n_rounds, D + 1), "--json", "-q"), self.t.domains)
        n = len(w)
        half, end, y = self.curves.at(w, pause or 0.5, 0), self.curves.at(w, 1, 0), self.curves.at(w, 1, 0)
        trust, whole, used, k = np.ones(n), np.ones(n, bool), float(n), 1
        while N - used >= 1 - 1e-9:
            path = self.write_trusted(w, y, trust)
            if not self.fit(path):
                return None
            more = -(-int(N - used + 1e-9) // max(1, n_rounds - k))
            found = rounds.tool(self.args.command, "design", path, "--no-trees", "--tokens", TOKENS, "--runs", more, "--json", "-q", "--threads", "1")
            if not found:
                return None
            new = rounds.shares_of(found, self.t.domains)
            a, b = self.curves.at(new, pause or 0.5, len(w)), self.curves.at(new, 1, len(w))
            stopped, out, t = self.stop(half, end, whole, a, pause, power) if pause else (np.zeros(more, bool), b, np.ones(more))
            w, half, end = np.concatenate([w, new]), np.concatenate([half, a], 1), np.concatenate([end, b], 1)
            y, trust, whole = np.concatenate([y, np.where(stopped, out, b)], 1), np.concatenate([trust, t]), np.concatenate([whole, ~stopped])
            used += (~stopped).sum() + pause * stopped.sum()
            k += 1
        found = self.answer(self.write_trusted(w, y, trust))
        return (*found, used, len(w), (~whole).sum()) if found else None


def swarm(args):
    ways = {"never": (0, 0), "half": (0.5, 1), "quarter": (0.25, 1)}
    rows = collections.defaultdict(list)
    for truth in sorted(worlds.TRUTHS):
        for seed in range(args.seeds):
            with tempfile.TemporaryDirectory() as folder:
                lab = Lab(args, truth, seed, folder)
                for way, (pause, power) in ways.items():
                    found = lab.swarm(args.runs, args.rounds, pause, power)
                    if found:
                        rows[way].append((truth, seed, *found))
        print(truth, {w: round(float(np.mean([x[2] for x in v if x[0] == truth])), 4) for w, v in rows.items()}, flush=True)
    never = {x[:2]: x[2] for x in rows["never"]}
    print(f"\n{'pause':12} {'regret':>8} {'median':>8} {'- never':>16} {'cover':>6} {'+-':>7} {'tokens':>7} {'runs':>5} {'stopped':>7} {'tables':>6}")
    for way, v in rows.items():
        a = np.array([x[2:] for x in v])
        d = np.array([x[2] - never[x[:2]] for x in v if x[:2] in never])
        error = d.std(ddof=1) / math.sqrt(len(d))
        print(f"{way:12} {a[:, 0].mean():8.4f} {np.median(a[:, 0]):8.4f} {d.mean():+8.4f} +- {error:.4f} {a[:, 1].mean():6.2f} {np.nanmedian(a[:, 2]):7.4f} {a[:, 3].mean():7.1f} {a[:, 4].mean():5.1f} {a[:, 5].mean():7.1f} {len(v):6}")


# ---- checkpoints as rows --------------------------------------------------------------------------------------------


def fit_rows(folder, domains, targets, run, w, tokens, losses, draws):
    import autoscale

    path = os.path.join(folder, "rows.csv")
    with open(path, "w") as f:
        f.write(",".join(["run", "tokens"] + ["weight_" + d for d in domains] + ["loss_" + t for t in targets]) + "\n")
        for r, row, t, y in zip(run, w, tokens, losses):
            f.write(",".join([str(r), *(repr(float(x)) for x in [t, *row, *y])]) + "\n")
    return autoscale.fit(autoscale.read(path), threads=1, draws=draws)


def fit_points(folder, domains, targets, w, tokens, losses):
    """losses (K, R, V) at tokens (K), the last at the end: every other point has an offset per target that is free. Law
    and offsets in turn, begun where the points say nothing of the level."""
    K, R, V = losses.shape
    run, rows, at = np.tile(np.arange(R), K), np.tile(w, (K, 1)), np.repeat(tokens, R)
    if K == 1:
        return fit_rows(folder, domains, targets, run, rows, at, losses[0], 200)
    law = fit_rows(folder, domains, targets, np.arange(R), w, np.full(R, tokens[-1]), losses[-1], 0)
    offset = (losses - law.losses(w * tokens[-1])).mean(1)
    for k in range(4):
        offset[-1] = 0
        law = fit_rows(folder, domains, targets, run, rows, at, (losses - offset[:, None]).reshape(K * R, V), 200 if k == 3 else 0)
        off = (losses - offset[:, None] - law.losses(rows * at[:, None]).reshape(K, R, V)).mean(1)
        offset += off - off[-1]
    return law


POINTS = {"ends": [3], "and the half": [1, 3], "and three": [0, 1, 2, 3]}


def rows(args):
    D, shares, out = args.domains, np.array([0.25, 0.5, 0.75, 1]), collections.defaultdict(list)
    for truth in sorted(worlds.TRUTHS):
        for seed in range(args.seeds):
            worlds.DESIGNS["rounds"] = (D, [("swarm", None, TOKENS, 2)])
            t = worlds.Table("B", truth, "rounds", args.noise, "constant", seed)
            w = worlds._dirichlet(worlds.stream("rows", truth, seed), D, args.runs)
            curves = Curves(t, (truth, seed), args.noise)
            y = np.array([curves.at(w, s, 0).T for s in shares])
            J = lambda x, n: float(t.objective(np.array(x), n, 1e8)[0])
            best = {n: J(peers.least(lambda x: t.objective(x, n, 1e8), D, np.zeros(D), np.ones(D), worlds.stream("best", D)), n) for n in (TOKENS, 10 * TOKENS)}
            for way, use in POINTS.items():
                with tempfile.TemporaryDirectory() as folder:
                    law = fit_points(folder, t.domains, t.targets, w, shares[use] * TOKENS, y[use])
                    row = []
                    for n in (TOKENS, 10 * TOKENS):
                        o = law.optimize(n)
                        x = [o.shares[d] for d in t.domains]
                        lo, hi = o.gain_interval
                        row += [J(x, n) - best[n], float(lo <= J([1 / D] * D, n) - J(x, n) <= hi) if lo == lo else math.nan]
                    out[way].append(row)
        print(truth, {way: np.round(np.mean(v[-args.seeds :], 0), 4).tolist() for way, v in out.items()}, flush=True)
    print(f"\n{'rows':14} {'regret':>8} {'cover':>6} {'at 10 N':>8} {'cover':>6} {'tables':>6}")
    for way, v in out.items():
        print(f"{way:14} {np.mean(v, 0)[0]:8.4f} {np.mean(v, 0)[1]:6.2f} {np.mean(v, 0)[2]:8.4f} {np.mean(v, 0)[3]:6.2f} {len(v):6}")


# ---- a table of checkpoints -----------------------------------------------------------------------------------------


def read_table(path):
    with open(path, newline="") as f:
        lines = [r for r in csv.DictReader(f) if all(r.values())]
    domains, targets = ([c for c in lines[0] if c.startswith(p)] for p in ("weight_", "loss_"))
    runs, mix = collections.defaultdict(dict), {}
    for r in lines:
        key = (r["params"], r["run"])
        runs[key][float(r["tokens"])] = [float(r[c]) for c in targets]
        mix[key] = np.array([float(r[c]) for c in domains])
    return runs, mix, [d[7:] for d in domains], [t[5:] for t in targets]


def table(args):
    runs, mix, domains, targets = read_table(args.table)
    end = 2e10
    for size in sorted({k[0] for k in runs}):
        for at in (5.998e9, 9.998e9, 13.998e9):
            keys = [k for k in runs if k[0] == size and at in runs[k] and end in runs[k]]
            paused, ended = (np.array([runs[k][t] for k in keys]).T for t in (at, end))
            for n in (5, 8, 12):
                off, within = [], []
                for seed in range(200):
                    i = np.random.default_rng(seed).permutation(len(keys))
                    _, _, J, scale, df = finish(paused[:, i[:n]], ended[:, i[:n]], paused[:, i[n:]])
                    off.append(J - ended[:, i[n:]].mean(0))
                    within.append(abs(off[-1]) < scale * student.ppf(0.95, df))
                print(f"{size}: paused at {at / end:.2f}, {n:2} runs: objective off by {np.sqrt(np.mean(np.square(off))):.4f} (sd of the ends {ended.mean(0).std():.4f}), 90 % holds {np.mean(within):.2f}")
    points = [3.998e9, 5.998e9, 7.998e9, 9.998e9]
    rank = lambda x: np.argsort(np.argsort(x))
    for size in sorted({k[0] for k in runs}):
        keys, out = [k for k in runs if k[0] == size and all(p in runs[k] for p in [*points, end])], collections.defaultdict(list)
        for seed in range(args.seeds):
            i = np.random.default_rng(seed).permutation(len(keys))
            fitted, others = [keys[j] for j in i[: args.runs]], [keys[j] for j in i[args.runs :]]
            w, rest = (np.array([mix[k] / mix[k].sum() for k in x]) for x in (fitted, others))
            y = np.array([[runs[k][p] for k in fitted] for p in points])
            truth = np.array([runs[k][end] for k in others])
            for way, use in POINTS.items():
                with tempfile.TemporaryDirectory() as folder:
                    J = fit_points(folder, domains, targets, w, np.array(points)[use], y[use]).losses(rest * end).mean(1)
                T = truth.mean(1)
                off = J - T - (J - T).mean()
                out[way].append((np.corrcoef(rank(J), rank(T))[0, 1], T[J.argmin()] - T.min(), np.sqrt((off**2).mean())))
        for way, v in out.items():
            print(f"{size}: runs of 10B, {way:12}: at 20B rank {np.mean(v, 0)[0]:.3f}, regret {np.mean(v, 0)[1]:.4f}, off by {np.mean(v, 0)[2]:.4f} ({len(v)} draws)")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("what", choices=["swarm", "rows", "table"])
    p.add_argument("command")
    p.add_argument("table", nargs="?", default="../shared/tables/slimpajama_122m_310m.csv")
    p.add_argument("--seeds", type=int, default=6)
    p.add_argument("--domains", type=int, default=6)
    p.add_argument("--noise", type=float, default=0.01)
    p.add_argument("--runs", type=int, default=16)
    p.add_argument("--rounds", type=int, default=3)
    args = p.parse_args()
    {"swarm": swarm, "rows": rows, "table": table}[args.what](args)


if __name__ == "__main__":
    main()
