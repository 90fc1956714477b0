#!/usr/bin/env python3
"""Figures of docs/results/laws.md again, from the tables of runs in DIR (--tables, default ../shared/tables).

    bench/laws.py regmix        error on unseen runs by n, coverage and width of the 90 % bands
    bench/laws.py slimpajama    what auto picks, early checkpoints to late ones, a larger size from its start, bands
    bench/laws.py few           20 mixtures, 50 draws: the choice of auto beside every single law
    bench/laws.py peers         scipy, scikit-learn and XGBoost on the same tables in the same run (they must be installed)

Draws: random.Random(seed).sample of the rows, seeds 1 to 5 (few: 1000 to 1049). Only `peers` needs packages.
"""
import argparse
import concurrent.futures
import csv
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

PLACE = os.path.dirname(os.path.abspath(__file__))


class Bench:
    def __init__(self, command, tables, jobs):
        self.command, self.tables, self.jobs = command, tables, jobs
        self.work = tempfile.TemporaryDirectory()
        self.n = 0

    def read(self, name):
        with open(os.path.join(self.tables, name + ".csv"), newline="") as f:
            rows = list(csv.reader(f))
        return rows[0], rows[1:]

    def write(self, head, rows):
        self.n += 1
        path = os.path.join(self.work.name, "%d.csv" % self.n)
        with open(path, "w", newline="") as f:
            csv.writer(f).writerows([head] + rows)
        return path

    def run(self, *args):
        return json.loads(subprocess.run([self.command, *args, "--json", "--quiet"], stdout=subprocess.PIPE,
                                         check=True).stdout)

    def fit_score(self, train, test, law="auto", draws=0):
        """Fit a law on one table, score it on another: (name of the law, result of score)."""
        out = train + "." + law + ".json"
        fit = self.run("fit", train, "--law", law, "--bootstrap", str(draws), "--threads", "1", "--no-trees", "-o", out)
        return fit["law"], self.run("score", out, test)

    def each(self, work, items):
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            return list(pool.map(work, items))


def mse(score):
    return statistics.mean(t["rmse"] ** 2 for t in score["targets"])


def mre(score):
    return 100 * statistics.mean(t["mre"] for t in score["targets"])


def bands(scores):
    """Coverage by target (mean over draws), how many single ones lie in .85 to .95, median width."""
    covered = [[t["coverage"] for t in s["targets"]] for s in scores]
    by_target = [statistics.mean(c) for c in zip(*covered)]
    every = [c for row in covered for c in row]
    width = statistics.median(t["width"] for s in scores for t in s["targets"])
    return "%.3f to %.3f (mean %.3f), %d of %d in .85-.95, width %.3f" % (
        min(by_target), max(by_target), statistics.mean(by_target), sum(.85 <= c <= .95 for c in every), len(every),
        width)


def regmix(b):
    head, rows = b.read("regmix_1m_train")
    test = os.path.join(b.tables, "regmix_1m_test.csv")
    print("| n | law | MSE median (lowest highest) | rank | regret | bands by target |\n|---|---|---|---|---|---|")
    for n in (512, 128, 64, 32, 16):
        seeds = [1] if n == 512 else range(1, 6)
        trains = [b.write(head, rows if n == 512 else random.Random(s).sample(rows, n)) for s in seeds]
        for law in ("auto", "reciprocal-mult", "reciprocal-mult+gp"):
            done = b.each(lambda t: b.fit_score(t, test, law, 50), trains)
            scores = [s for _, s in done]
            errors = sorted(map(mse, scores))
            rank = statistics.median(statistics.mean(t["spearman"] for t in s["targets"]) for s in scores)
            regret = max(s["objective"]["regret"] for s in scores)
            name = law if law != "auto" else "auto: " + ", ".join(sorted({name for name, _ in done}))
            print("| %d | %s | %.4f (%.4f %.4f) | %.4f | %.3f | %s |" % (
                n, name, statistics.median(errors), errors[0], errors[-1], rank, regret, bands(scores)), flush=True)


def slimpajama(b):
    head, rows = b.read("slimpajama_122m_310m")
    N, P, run = (head.index(c) for c in ("tokens", "params", "run"))
    late = [r for r in rows if float(r[N]) > 3.9e9]
    large = lambda r: float(r[P]) > 2e8
    end = lambda r: float(r[N]) > 1.99e10
    c = b.run("compare", b.write(head, late), "--no-trees")
    print("rows from 4B tokens on: chosen", c["chosen"])
    for law in c["laws"]:
        print("  %-22s forward %.3f %%  held-out mixtures %.3f %%  rank %.4f" % (
            law["law"], 100 * law["forward_mre"], 100 * law["cv_mre"], law["cv_spearman"]))
    tests = {"4B-10B of both sizes -> 20B": ([r for r in late if float(r[N]) < 1.05e10], list(filter(end, late))),
             "122M whole, 310M to 8B -> 310M at 20B": ([r for r in late if not large(r) or float(r[N]) < 9e9],
                                                       [r for r in late if large(r) and end(r)])}
    for name, (train, test) in tests.items():
        train, test = b.write(head, train), b.write(head, test)
        for law in ("auto", "reciprocal-kaplan", "reciprocal-mult", "reciprocal-add", "reciprocal-joint"):
            chosen, s = b.fit_score(train, test, law)
            print("%s: %-20s %.2f %% off, rank of the mean loss %.3f" % (name, chosen, mre(s),
                                                                          s["objective"]["spearman"]), flush=True)
    # Bands on mixtures never seen: one in four held out, four draws.
    scores = []
    by_mixture = lambda r: tuple(r[N + 1:N + 8])
    mixtures = sorted({by_mixture(r) for r in late})
    for seed in range(1, 5):
        held = set(random.Random(seed).sample(mixtures, len(mixtures) // 4))
        train = b.write(head, [r for r in late if by_mixture(r) not in held])
        test = b.write(head, [r for r in late if by_mixture(r) in held])
        scores.append(b.fit_score(train, test, c["chosen"], 50)[1])
    print("bands,", c["chosen"], "on unseen mixtures:", bands(scores))


FEW_LAWS = ["auto", "reciprocal-mult", "reciprocal-mult+gp", "effective", "effective+gp", "dml", "linear", "ddo-joint"]


def few(b):
    head, rows = b.read("regmix_1m_train")
    tables = {"RegMix": (head, rows, b.read("regmix_1m_test")[1])}
    head, rows = b.read("slimpajama_122m_310m")
    for size in ("122000000", "310000000"):
        last = [r for r in rows if r[head.index("params")] == size and r[head.index("tokens")] == "20000000000"]
        tables["SlimPajama " + size] = (head, last, None)
    for name, (head, rows, test) in tables.items():
        def draw(seed):
            order = random.Random(seed).sample(rows, len(rows))
            train, unseen = b.write(head, order[:20]), b.write(head, test or order[20:])
            return [mse(b.fit_score(train, unseen, law)[1]) for law in FEW_LAWS]
        means = [statistics.mean(c) for c in zip(*b.each(draw, range(1000, 1050)))]
        best = min(means[1:])
        print("%s: auto / best single law = %.3f; " % (name, means[0] / best)
              + ", ".join("%s %.5f" % x for x in zip(FEW_LAWS, means)), flush=True)


def timed(work):
    start = time.process_time()
    work()
    return time.process_time() - start


def peers(b):
    import numpy
    import scipy.optimize
    import sklearn.gaussian_process as gp
    import xgboost
    head, rows = b.read("regmix_1m_train")
    test = b.read("regmix_1m_test")[1]
    D = [i for i, c in enumerate(head) if c.startswith("weight_")]
    V = [i for i, c in enumerate(head) if c.startswith("loss_")]
    take = lambda rows, at: numpy.array([[float(r[i]) for i in at] for r in rows])
    x, y, x_new, y_new = take(rows, D), take(rows, V), take(test, D), take(test, V)
    many = numpy.random.default_rng(0).dirichlet(numpy.ones(len(D)), 1000000)

    own = {p["name"]: p["seconds"] for p in b.run("bench", "fit", "--repeats", "5")["parts"]}
    print("ours, CPU s:", own)

    def star():
        """1000 refits of seven three-point curves and the optimum of each."""
        a = numpy.array([2.17121, 4.784701, 2.176157, 2.022509, 2.065326, 2.35334, 2.67359])
        p = numpy.array([1.644847, 1.897215, 1.922937, 2.213846, 1.584206, 2.343253, 2.320947])
        at, rng = numpy.array([1 / 3, 1, 3]), numpy.random.default_rng(0)
        curve = lambda x, a, b, c: (x + a) ** -b + c
        for _ in range(100):
            fitted = []
            for i in range(7):
                v = curve(at, a[i], p[i], 0) * (1 + .0005 * rng.normal(size=3))
                try:
                    fitted.append(scipy.optimize.curve_fit(curve, at, v, (a[i], p[i], 0), maxfev=2000)[0])
                except RuntimeError:
                    fitted.append((a[i], p[i], 0))
            A, B = numpy.array(fitted)[:, 0], numpy.array(fitted)[:, 1]
            scipy.optimize.minimize(lambda x: numpy.sum(numpy.maximum(x + A, 1e-3) ** -B), numpy.ones(7), method="SLSQP",
                                    bounds=[(.2, 7)] * 7, constraints={"type": "eq", "fun": lambda x: x.sum() - 7})

    t = 10 * timed(star)
    print("scipy: 1000 refits and optima %.1f s: %.0f times ours" % (t, t / own["1000 refits + optima"]), flush=True)

    def reciprocal(z, target):
        f = lambda q, w: q[0] + 1 / (numpy.maximum(w, 1e-4) ** numpy.exp(q[1 + len(D):]) @ numpy.exp(q[1:1 + len(D)]))
        q0 = numpy.concatenate([[z[1].min() * .6], numpy.full(len(D), -1.), numpy.full(len(D), numpy.log(.4))])
        q = scipy.optimize.least_squares(lambda q: f(q, z[0]) - z[1], q0, max_nfev=30).x
        return lambda w: f(q, w)

    def folds():
        for k in range(5):
            keep = numpy.arange(len(x)) % 5 != k
            reciprocal((x[keep], y[keep, 0]), 0)

    t = 13 * timed(folds)
    print("scipy: 13 x 512, reciprocal law, 5 folds %.1f s (one target, times 13): %.0f times ours" % (
        t, t / own["13 x 512, 5 folds"]), flush=True)
    law = reciprocal((x, y[:, 0]), 0)
    t = timed(lambda: law(many))
    print("numpy: 1M mixtures %.2f s: %.1f times ours" % (t, t / own["1M mixtures scored"]), flush=True)

    settings = dict(n_estimators=400, max_depth=3, learning_rate=.05, subsample=.8, n_jobs=1)
    for n in (512, 128, 64, 32, 16):
        errors, spent = [], 0
        for seed in ([1] if n == 512 else range(1, 6)):
            at = list(range(512)) if n == 512 else random.Random(seed).sample(range(512), n)
            start, one = time.process_time(), []
            for v in range(len(V)):
                model = xgboost.XGBRegressor(**settings).fit(x[at], y[at, v])
                one.append(numpy.mean((model.predict(x_new) - y_new[:, v]) ** 2))
            spent += time.process_time() - start
            errors.append(numpy.mean(one))
        print("XGBoost n=%d: MSE %.4f, %.1f s for 13 targets" % (n, statistics.median(errors), spent / len(errors)),
              flush=True)
    kernel = gp.kernels.ConstantKernel() * gp.kernels.RBF(numpy.ones(len(D))) + gp.kernels.WhiteKernel()
    errors = []
    t = timed(lambda: errors.extend(
        numpy.mean((gp.GaussianProcessRegressor(kernel, normalize_y=True).fit(numpy.sqrt(x), y[:, v])
                    .predict(numpy.sqrt(x_new)) - y_new[:, v]) ** 2) for v in range(3)))
    print("scikit-learn: process alone at 512, three targets: MSE %.4f, %.1f s a target" % (numpy.mean(errors), t / 3))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = {"regmix": regmix, "slimpajama": slimpajama, "few": few, "peers": peers}
    p.add_argument("part", choices=parts)
    p.add_argument("--tables", default=os.path.join(PLACE, "..", "..", "shared", "tables"))
    p.add_argument("--command", default=os.path.join(PLACE, "..", "build", "autoscale"))
    p.add_argument("--jobs", type=int, default=2)
    a = p.parse_args()
    if not os.path.isdir(a.tables):
        sys.exit("skipped: no tables in %s" % a.tables)
    parts[a.part](Bench(a.command, a.tables, a.jobs))


main()
