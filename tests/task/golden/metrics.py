# Golden values of the metrics: scikit-learn, scipy and SQuAD's own scoring rules (evaluate-v2.0, restated here with
# Python's own string functions). Run: python3 metrics.py > metrics.json   (python 3.11, scikit-learn, scipy: versions
# are written into the file)
import collections, json, random, re, string, sys
import scipy, scipy.stats, sklearn, sklearn.metrics as m

rng = random.Random(7)
out = {"versions": {"python": sys.version.split()[0], "scikit-learn": sklearn.__version__, "scipy": scipy.__version__}, "labels": [], "numbers": [], "squad": []}
for n, k in [(40, 2), (97, 2), (60, 3), (5, 2)]:
    t = [rng.randrange(k) for _ in range(n)]
    g = [x if rng.random() < .6 else rng.randrange(k) for x in t]
    out["labels"].append({"truth": t, "guess": g, "accuracy": m.accuracy_score(t, g), "matthews": m.matthews_corrcoef(t, g),
                          "f1": m.f1_score(t, g) if k == 2 else None})
t, g = [1, 0, 1, 1], [1, 1, 1, 1]
out["labels"].append({"truth": t, "guess": g, "accuracy": .75, "matthews": m.matthews_corrcoef(t, g), "f1": m.f1_score(t, g)})
for n in (30, 101):
    x = [round(rng.random() * 5, 1) for _ in range(n)]
    y = [a * .7 + rng.gauss(0, 1) for a in x]
    out["numbers"].append({"x": x, "y": y, "pearson": scipy.stats.pearsonr(x, y)[0], "spearman": scipy.stats.spearmanr(x, y)[0]})

def norm(s):
    s = "".join(c for c in s.lower() if c not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", s).split())
def f1(a, b):
    a, b = norm(a).split(), norm(b).split()
    c = sum((collections.Counter(a) & collections.Counter(b)).values())
    if not a or not b:
        return float(a == b)
    return 0.0 if c == 0 else 2 * (c / len(b)) * (c / len(a)) / (c / len(b) + c / len(a))
cases = [(["Denver Broncos"], "the Denver Broncos!"), (["A", "an apple"], "apple"), ([], ""), ([], "something"), (["the"], ""),
         (["24–10", "24-10"], "24–10"), (["Théâtre de l'Époque"], "theatre de lÉPOQUE"), (["ÉCOLE normale"], "école"),
         (["10 000 people"], "10 000"), (["the–cat sat"], "–cat"), (["\"Super Bowl L\""], "super bowl l  "), (["a b a b c"], "b a c b b"),
         (["$5.6 billion"], "5.6"), (["Łódź"], "łódź"), (["Москва"], "москва"), (["x’s"], "xs"), (["an\u2014other"], "\u2014other"), (["10th and 11th centuries"], "in the 10th and 11th")]
for a, g in cases:
    golds = [x for x in a if norm(x)] or [""]
    out["squad"].append({"answers": a, "guess": g, "normal": norm(g), "exact": float(max(norm(x) == norm(g) for x in golds)), "f1": max(f1(x, g) for x in golds)})
json.dump(out, sys.stdout, ensure_ascii=False, separators=(",", ":"))
