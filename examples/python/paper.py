"""The paper's two notebooks in ten lines each: Direct Data Optimization of GPT-2 Large, and its AutoScale prediction.

python examples/python/paper.py RUNS.csv     # fifteen runs: a base, each domain's tokens at 3x and at 1/3
"""

import sys

import autoscale

# ---- the mixture that is best at the scale of the runs ----
runs = autoscale.read(sys.argv[1] if len(sys.argv) > 1 else "examples/python/star.csv")
law = autoscale.fit(runs, "ddo", objective="mean-ppl")
budget = int(runs.tokens.sum(axis=1)[0])
best = law.optimize(budget)
print(best, "\n")

# ---- and at ten times the tokens, from the optima at two scales ----
optima = {budget: best.shares, 2 * budget: law.optimize(2 * budget).shares}
print(autoscale.predict(optima, 10 * budget))
