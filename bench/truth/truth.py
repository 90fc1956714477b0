#!/usr/bin/env python3
"""Does `fit` + `optimize` recover a truth that is known? Simulated tables, many truths, designs and noises.

    bench/truth/truth.py --quick                       # about a minute on two cores
    bench/truth/truth.py --peers --csv all.csv         # everything, with what scipy and scikit-learn make of it
    bench/truth/truth.py --world B --markdown docs/results/truth.md
    bench/truth/truth.py --truth transfer --design three --laws auto,effective --seeds 8

Truths and their numbers are drawn from the seed (worlds.py); --world B draws others, to judge what was made on A.
One line a cell (truth, design, noise, where it is asked for, law): mean regret in nats beside that of uniform, of the
best run in the table and of the peers (peers.py; kept in --cache, so that only the tool runs again); how often the
90 % intervals of the objective, the gain and the shares hold the truth, bands of losses hold runs never seen (`score`),
the answer lies in its own interval. Regret is counted from the best mixture within 1.25 x the sampled shares (of a
star: what its token amounts make up), within which all are asked. At the end: what was asked for, what was reached. Needs numpy and scipy; trees scikit-learn.
"""
import argparse
import collections
import concurrent.futures
import csv
import hashlib
import itertools
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
import numpy as np

PLACE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, PLACE)
import peers  # noqa: E402
import worlds  # noqa: E402

warnings.filterwarnings("ignore")
NOISES = [(0.001, "constant"), (0.006, "constant"), (0.02, "constant"), (0.03, "growing")]


def source_key():
    h = hashlib.sha256()
    for name in ("worlds.py", "peers.py"):
        with open(os.path.join(PLACE, name), "rb") as f:
            h.update(f.read())
    return h.hexdigest()[:12]


# ---- one table ----


def tool(command, *words):
    r = subprocess.run([command, *words], capture_output=True, text=True)
    if r.returncode or not r.stdout.strip():
        return None, (r.stderr.strip().splitlines() or ["no output"])[-1]
    return json.loads(r.stdout), None


def known(t, cell, args):
    """What needs no tool: the best mixture at every point, uniform, best run, peers. Kept on disk."""
    path = os.path.join(args.cache, "%s-%s.json" % (source_key(), hashlib.sha256(repr(cell).encode()).hexdigest()[:20]))
    have = {}
    if os.path.exists(path):
        with open(path) as f:
            have = json.load(f)
    lo, hi = t.limits()
    changed = False
    for label, T, P in t.points():
        p = have.setdefault(label, {})
        if "best" not in p:
            w = peers.least(lambda w: t.objective(w, T, P or 1e8), t.D, lo, hi, worlds.stream("best", *cell))
            p["best"], p["value"] = list(w), float(t.objective(w, T, P or 1e8)[0])
            changed = True
    names = [n for n in args.peers if any(n not in p for p in have.values())]
    for name in names:
        make, slopes = peers.PEERS[name]
        f = make(t)
        for label, T, P in t.points():
            w = peers.least(lambda w: f(w, T, P), t.D, lo, hi, worlds.stream("least", *cell), 3, slopes=slopes)
            have[label][name] = float(t.objective(w, T, P or 1e8)[0])
        changed = True
    if changed:
        os.makedirs(args.cache, exist_ok=True)
        with open(path + ".new%d" % os.getpid(), "w") as f:
            json.dump(have, f)
        os.replace(path + ".new%d" % os.getpid(), path)
    return have


def inside(pair, x, slack=0.0):
    if not pair or pair[0] is None or pair[1] is None:
        return None
    return bool(pair[0] - slack <= x <= pair[1] + slack)


def mean(values):
    v = [float(x) for x in values if x is not None and not (isinstance(x, float) and math.isnan(x))]
    return sum(v) / len(v) if v else math.nan


def judge(t, o, point, best, row):
    """Fill row with what `optimize` said against the truth."""
    label, T, P = point
    J = lambda w: float(t.objective(np.array(w), T, P or 1e8)[0])
    w = [o["weights"][d] for d in t.domains]
    even = [1 / t.D] * t.D
    truth, uniform = J(w), J(even)
    q = o["objective"]
    row.update(regret=truth - best["value"], gain=uniform - truth, gain_said=q.get("gain"), p_better=o.get("p_better"))
    row.update(objective_in=inside(q.get("ci"), truth), gain_in=inside(q.get("gain_ci"), uniform - truth))
    if q.get("ci") and q["ci"][0] is not None:
        row.update(width=q["ci"][1] - q["ci"][0])
    row["withheld"] = q.get("predicted") is None
    ci = o.get("ci") or {}
    row["shares_in"] = mean([inside(ci.get(d), best["best"][i], 0.01) for i, d in enumerate(t.domains)])
    own = [inside(ci.get(d), w[i], 1e-6) for i, d in enumerate(t.domains)]
    own += [inside(q.get("ci"), q["predicted"], 1e-9)] if q.get("predicted") is not None else []
    row["own_in"] = mean(own)
    row["kkt"] = o.get("kkt")


def one(job):
    cell, args = job
    world, truth, design, noise, kind, seed = cell
    t = worlds.Table(*cell)
    rows = []
    have = known(t, cell, args)
    with tempfile.TemporaryDirectory() as d:
        table, law = os.path.join(d, "t.csv"), os.path.join(d, "law.json")
        t.write(table, t.w, t.T, t.P, t.y)
        for name in args.laws:
            began = time.time()
            fit, why = tool(args.command, "fit", table, "--law", name, "-q", "--json", "-o", law, *args.fit_options)
            fit_s = time.time() - began
            for label, T, P in t.points():
                best = have[label]
                J = lambda w: float(t.objective(np.array(w), T, P or 1e8)[0]) - best["value"]
                row = dict(zip(("world", "truth", "design", "noise", "kind", "seed"), cell), at=label, law=name, fit_s=fit_s)
                row.update(uniform=J([1 / t.D] * t.D), run=min(J(x) for x in t.w), ours=t.truth.ours or "")
                row.update({n: best[n] - best["value"] for n in args.peers})
                rows.append(row)
                if not fit:
                    row["failed"] = why
                    continue
                row["chosen"] = (fit.get("law") or "")
                began = time.time()
                size = ["--params", repr(P)] if P else []
                o, why = tool(args.command, "optimize", law, "--tokens", repr(T), *size, "-q", "--json", *args.optimize_options)
                row["optimize_s"] = time.time() - began
                if not o:
                    row["failed"] = why
                    continue
                judge(t, o, (label, T, P), best, row)
                new = os.path.join(d, "new.csv")
                t.write(new, *t.fresh(worlds.stream("fresh", *cell, label), T, P))
                s, why = tool(args.command, "score", law, new, "-q", "--json")
                if s:
                    row["loss_in"] = mean([x.get("coverage") for x in s["targets"]])
                    row["mre"] = mean([x.get("mre") for x in s["targets"]])
    return rows


# ---- tables ----


def cells(args):
    truths = worlds.QUICK_TRUTHS if args.quick else worlds.TRUTHS
    designs = worlds.QUICK if args.quick else worlds.DESIGNS
    noises = NOISES[1:3] if args.quick else NOISES
    truths = [x for x in (worlds.TRUTHS if args.truth else truths) if any(s in x for s in args.truth.split(","))]
    designs = [x for x in (worlds.DESIGNS if args.design else designs) if any(s in x for s in args.design.split(","))]
    noises = [x for x in noises if args.noise is None or x[0] == args.noise] or [(args.noise, "constant")]
    out = []
    for k, (a, b) in enumerate(itertools.product(truths, designs)):
        for j, (sd, kind) in enumerate(noises):
            if args.quick and j != k % len(noises) and args.noise is None:
                continue  # one noise a cell, in turn
            out += [(args.world, a, b, sd, kind, s) for s in range(args.first, args.first + args.seeds)]
    return out


def number(x, digits=4, width=7):
    return ("%*.*f" % (width, digits, x)) if x == x else " " * (width - 1) + "-"


def group(rows, *keys):
    out = collections.OrderedDict()
    for r in rows:
        out.setdefault(tuple(r[k] for k in keys), []).append(r)
    return out


REGRETS = ["regret", "uniform", "run"]
SHARES = ["objective_in", "gain_in", "shares_in", "loss_in", "own_in"]


def line(rs, args):
    m = lambda k: mean([r.get(k) for r in rs])
    text = " ".join(number(m(k)) for k in REGRETS + args.peers) + "  " + " ".join(number(m(k), 2, 5) for k in SHARES)
    failed = sum("failed" in r for r in rs)
    held = sum(bool(r.get("withheld")) for r in rs)
    return text + ("  %d failed: %s" % (failed, next(r["failed"] for r in rs if "failed" in r)) if failed else "") + ("  %d withheld" % held if held else "")


def head(args):
    return "%-16s %-15s %5s %-8s %-16s %s  %s" % ("truth", "design", "noise", "at", "law", " ".join("%7s" % k for k in REGRETS + args.peers), " ".join("%5s" % k[:5] for k in SHARES))


def goals(rows, args):
    """What issue and users ask of `auto`, cell by cell, and pooled coverage: [(text, reached, of)]."""
    out = []
    for law in args.laws:
        mine = [r for r in rows if r["law"] == law and "regret" in r]
        by = group(mine, "truth", "design", "noise", "at")
        m = lambda rs, k: mean([r.get(k) for r in rs])
        bad = [k for k, rs in by.items() if m(rs, "uniform") > 0.003 and m(rs, "regret") > m(rs, "uniform") / 3]
        out.append((law, "regret at most a third of uniform's (where a third exceeds .001)", sum(m(rs, "uniform") > 0.003 for rs in by.values()), bad))
        out.append((law, "never above uniform by more than .001", len(by), [k for k, rs in by.items() if m(rs, "regret") > m(rs, "uniform") + 0.001]))
        out.append((law, "at most the best run in the table (+ .0005)", len(by), [k for k, rs in by.items() if m(rs, "regret") > m(rs, "run") + 0.0005]))
        if "lsq" in args.peers:
            known_law = {k: rs for k, rs in by.items() if rs[0]["ours"]}
            out.append((law, "at most 1.5 x least squares of the true law (+ .0002), a law of ours", len(known_law), [k for k, rs in known_law.items() if m(rs, "regret") > 1.5 * m(rs, "lsq") + 0.0002]))
    return out


def report(rows, args, out):
    p = lambda *a: print(*a, file=out)
    p(head(args))
    for (a, b, c, at, law), rs in group(rows, "truth", "design", "noise", "at", "law").items():
        p("%-16s %-15s %5.3f %-8s %-16s %s" % (a, b, c, at, law, line(rs, args)))
    p("\nmeans (nats)")
    for keys in (("at",), ("design",), ("truth",), ("noise",)):
        for k, rs in group(rows, "law", *keys).items():
            p("%-47s %-16s %s" % (" ".join(map(str, k[1:])), k[0], line(rs, args)))
    p("\ngoals                                                                    cells  missed  the worst of them")
    for law, text, n, bad in goals(rows, args):
        worst = "; ".join("%s, %s, %g, %s" % k for k in bad[:3])
        p("%-10s %-70s %4d %5d  %s" % (law, text, n, len(bad), worst))
    for law in args.laws:
        mine = [r for r in rows if r["law"] == law and r.get("p_better") is not None]
        if not mine:
            continue
        p("\nP(better than uniform) said, and how often it was (%s)" % law)
        for lo, hi in [(k / 10, k / 10 + 0.1) for k in range(9)] + [(0.9, 0.95), (0.95, 0.99), (0.99, 1.01)]:
            s = [r for r in mine if lo <= r["p_better"] < hi]
            if s:
                p("  %.2f .. %.2f: %4d answers, better in %5.1f %%, mean said %5.1f %%" % (lo, min(hi, 1), len(s), 100 * mean([r["gain"] > 0 for r in s]), 100 * mean([r["p_better"] for r in s])))
    seconds = [r.get("fit_s", 0) for r in rows], [r.get("optimize_s", 0) for r in rows if "optimize_s" in r]
    p("\n%d tables; fit %.2f s, optimize %.2f s in the mean" % (len({(r["truth"], r["design"], r["noise"], r["seed"]) for r in rows}), mean(seconds[0]), mean(seconds[1])))


def words_that_count():
    """The command line without what only this machine cares about."""
    words, skip = [], False
    for w in sys.argv[1:]:
        if not skip and w not in ("--command", "--csv", "--cache", "--jobs"):
            words.append(w)
        skip = not skip and w in ("--command", "--csv", "--cache", "--jobs")
    return words


def markdown(rows, args, path, took):
    """docs/results/truth.md, made of this run."""
    import io

    m = lambda rs, k: mean([r.get(k) for r in rs])
    out = ["# Answers on tables whose truth is known", ""]
    out.append("Simulated tables (`bench/truth/worlds.py`): %d truths, %d designs, %d noises, %d seeds, world %s; every truth's numbers are drawn" % (len({r["truth"] for r in rows}), len({r["design"] for r in rows}), len({(r["noise"], r["kind"]) for r in rows}), args.seeds, args.world))
    out.append("anew for each table. Regret: true objective of the answer less that of the best mixture within 1.25 x the sampled shares (of a star: what its token amounts make up), in nats, means.")
    out.append("`lsq`: plain least squares of the law that made the table (for truths that the tool does not have, too), six starts, no prior; `loglin`: one")
    out.append("log-linear law a target; `trees`: boosted trees; `gp`: a plain Matern process on the objective; `run`: the best run in the table.")
    out += ["", "    " + " ".join(["bench/truth/truth.py", *words_that_count()]), "", "It took %.0f s with --jobs %d on this machine (%d processors)." % (took, args.jobs, os.cpu_count()), ""]

    def table(title, keys):
        cols = REGRETS + args.peers + SHARES
        out.extend(["## " + title, "", "| " + " | ".join([*keys, *(["law"] if len(args.laws) > 1 else []), *[c.replace("_in", " in 90 %") for c in cols]]) + " |", "|" + "---|" * (len(keys) + len(cols) + (len(args.laws) > 1))])
        for k, rs in group(rows, *keys, "law").items():
            k = k if len(args.laws) > 1 else k[:-1]
            out.append("| " + " | ".join([*map(str, k), *[number(m(rs, c), 4 if c in REGRETS + args.peers else 2, 1) for c in cols]]) + " |")
        out.append("")

    table("Where it is asked for", ["at"])
    table("Designs", ["design", "at"])
    table("Truths", ["truth", "at"])
    table("Noise", ["noise", "kind"])
    out += ["## What was asked for, and what is missed", ""]
    for law, text, n, bad in goals(rows, args):
        out.append("- `%s`, %s: %d of %d cells%s" % (law, text, n - len(bad), n, "." if not bad else "; missed in: " + "; ".join("%s, %s, noise %g, %s" % k for k in bad[:40]) + ("." if len(bad) <= 40 else " and %d more." % (len(bad) - 40))))
    s = io.StringIO()
    report([r for r in rows], args, s)
    tail = s.getvalue().split("\nP(better", 1)
    if len(tail) > 1:
        out += ["", "## P(better than uniform)", "", "```", "P(better" + tail[1].rstrip(), "```"]
    with open(path, "w") as f:
        f.write("\n".join(out).rstrip() + "\n")


# ---- the command ----


def parse():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--command", default=os.path.join(PLACE, "../../build/autoscale"))
    a.add_argument("--quick", action="store_true", help="fewer truths, designs and noises; 2 seeds")
    a.add_argument("--world", default="A", choices=sorted(worlds.WORLDS), help="B is kept for judging (default A)")
    a.add_argument("--truth", default="", help="only those whose name holds one of these, comma between")
    a.add_argument("--design", default="", help="the same for designs")
    a.add_argument("--noise", type=float, help="only this noise [nats]")
    a.add_argument("--laws", default="auto", help="names of --law, comma between, or `true`: auto and the law of ours that made the table")
    a.add_argument("--seeds", type=int, help="tables a cell (default 3; 2 with --quick)")
    a.add_argument("--first", type=int, default=0, help="number of the first of them")
    a.add_argument("--jobs", type=int, default=os.cpu_count())
    a.add_argument("--peers", nargs="?", const=",".join(peers.PEERS), default="", help="all, or of lsq, loglin, trees, gp")
    a.add_argument("--cache", default=os.path.join(PLACE, "../../build/truth-cache"))
    a.add_argument("--fit-options", default="--no-trees --threads 1", help="more words for fit")
    a.add_argument("--optimize-options", default="--threads 1", help="more words for optimize")
    a.add_argument("--csv", help="write every answer here")
    a.add_argument("--markdown", help="write the page of results here")
    a.add_argument("--sample", type=int, help="only this many cells, drawn evenly: a quick look at everything")
    args = a.parse_args()
    args.command, args.cache = os.path.abspath(args.command), os.path.abspath(args.cache)
    args.seeds = args.seeds or (2 if args.quick else 3)
    args.peers = [x for x in args.peers.split(",") if x]
    args.laws = args.laws.split(",")
    args.fit_options, args.optimize_options = args.fit_options.split(), args.optimize_options.split()
    if not os.path.exists(args.command):
        a.error("no command at %s: run make" % args.command)
    return args


def main():
    args = parse()
    work = cells(args)
    if args.sample:
        work = [work[i * len(work) // args.sample] for i in range(min(args.sample, len(work)))]
    began, rows = time.time(), []
    copy = tempfile.TemporaryDirectory()  # of the command, so that a build meanwhile changes nothing
    args.command = shutil.copy(args.command, copy.name)
    with concurrent.futures.ProcessPoolExecutor(args.jobs) as pool:
        for i, r in enumerate(pool.map(one, [(c, args) for c in work])):
            rows += r
            if sys.stderr.isatty() or i % 50 == 49:
                print("\r%d of %d tables, %.0f s" % (i + 1, len(work), time.time() - began), end="" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)
    report(rows, args, sys.stdout)
    took = time.time() - began
    print("%.0f s" % took)
    if args.csv:
        keys = list(dict.fromkeys(k for r in rows for k in r))
        with open(args.csv, "w", newline="") as f:
            c = csv.DictWriter(f, keys)
            c.writeheader()
            c.writerows(rows)
    if args.markdown:
        markdown(rows, args, args.markdown, took)


if __name__ == "__main__":
    main()
