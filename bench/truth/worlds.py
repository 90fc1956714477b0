"""Simulated worlds: truths, designs and noise, all drawn from a seed. Needs numpy.

A truth is a loss of tokens from each domain and of the model's size, for V targets. Its parameters are drawn anew for
every table, so nothing can be tuned to one of them; world B draws from another seed and is kept for judging.
Units inside: tokens / 1e9, parameters / 1e8. Shapes: w (R, D) shares, T and P (R) tokens and parameters.
"""
import zlib

import numpy as np

WORLDS = {"A": 101, "B": 90107}


def stream(*key):
    """A generator of its own for a key of strings and numbers."""
    return np.random.default_rng([zlib.crc32(repr(k).encode()) for k in key])


# ---- truths: draw(rng, D, own) -> theta (p); loss(theta, w, t, p) -> (R); t, p in units ----------------------------


def _worth(r, D, own, sd=1.0, typical=0.25):
    """What a token of each domain is worth to a target: its own 1, most others less, some next to nothing."""
    k = np.log(typical) + sd * r.standard_normal(D)
    k[own] = 0.3 * r.standard_normal()
    return k


def _cut(theta, *sizes):
    out, at = [], 0
    for n in sizes:
        out.append(theta[at : at + n] if n > 1 else theta[at])
        at += n
    return out


def _size(theta, p):
    return np.exp(np.minimum(theta[0], 9) - np.exp(theta[1]) * np.log(p))


def _draw_size(r):
    return [np.log(r.uniform(0.15, 0.5)), np.log(r.uniform(0.2, 0.4))]


def _pow(x, g):
    return np.exp(g * np.log(np.maximum(x, 1e-12)))


class Transfer:
    """L = E + (sum_i k_i n_i)^-g + A P^-a"""

    ours = "effective"

    def draw(self, r, D, own):
        g = r.uniform(0.2, 0.35)
        k = _worth(r, D, own) - np.log(r.uniform(0.9, 1.6)) / g
        return np.array([r.uniform(1, 2.4), *k, np.log(g), *_draw_size(r)])

    def loss(self, th, w, t, p):
        D = w.shape[1]
        E, k, g, s = _cut(th, 1, D, 1, 2)
        n = (w * t[:, None]) @ np.exp(np.minimum(k, 20))
        return E + _pow(n, -np.exp(min(g, 3))) + _size(s, p)


class ReciprocalAdd:
    """L = E + 1 / sum_i C_i w_i^g_i + A P^-a + B N^-b"""

    ours = "reciprocal-add"

    def draw(self, r, D, own):
        C = np.log(0.35) + 0.9 * r.standard_normal(D) - 0.7 * np.log(D / 6)
        C[own] = np.log(0.9) + 0.2 * r.standard_normal()
        g = np.log(r.uniform(0.3, 0.7, D))
        return np.array([r.uniform(0.6, 1.5), *C, *g, np.log(r.uniform(0.5, 1.5)), np.log(r.uniform(0.2, 0.35)), *_draw_size(r)])

    def mixture(self, C, g, w):
        return 1 / np.maximum((np.exp(np.minimum(C, 9)) * _pow(w, np.exp(np.minimum(g, 3)))).sum(1), 1e-9)

    def loss(self, th, w, t, p):
        D = w.shape[1]
        E, C, g, B, s = _cut(th, 1, D, D, 2, 2)
        return E + self.mixture(C, g, w) + _size(B, t) + _size(s, p)


class ReciprocalMult(ReciprocalAdd):
    """L = E + (1 + A P^-a + B N^-b) / sum_i C_i w_i^g_i"""

    ours = "reciprocal-mult"

    def loss(self, th, w, t, p):
        D = w.shape[1]
        E, C, g, B, s = _cut(th, 1, D, D, 2, 2)
        return E + 0.6 * self.mixture(C, g, w) * (1 + _size(B, t) + _size(s, p))


class ReciprocalJoint:
    """L = E + 1/S + (sum a_i w_i)^gA P^-a + (sum b_i w_i)^gB N^-b"""

    ours = "reciprocal-joint"

    def draw(self, r, D, own):
        base = ReciprocalAdd().draw(r, D, own)
        a, b = 0.6 * r.standard_normal((2, D))
        return np.array([*base, *a, *b, np.log(r.uniform(0.3, 1)), np.log(r.uniform(0.3, 1))])

    def loss(self, th, w, t, p):
        D = w.shape[1]
        base, a, b, ga, gb = _cut(th, 2 * D + 5, D, D, 1, 1)
        E, C, g, B, s = _cut(base, 1, D, D, 2, 2)
        fa = _pow(w @ np.exp(np.minimum(a, 9)), np.exp(min(ga, 3)))
        fb = _pow(w @ np.exp(np.minimum(b, 9)), np.exp(min(gb, 3)))
        return E + ReciprocalAdd().mixture(C, g, w) + fb * _size(B, t) + fa * _size(s, p)


class LogLinear:
    """L = c + exp(t.w) + exp(u.w) N^-b + exp(v.w) P^-a"""

    ours = "dml"

    def draw(self, r, D, own):
        t, u, v = (-abs(0.5 + 0.5 * r.standard_normal(D)) for _ in range(3))
        t[own] -= 0.9
        u = 0.5 * u + np.log(r.uniform(0.5, 0.9))
        v = 0.5 * v + np.log(r.uniform(0.2, 0.5))
        return np.array([r.uniform(0.8, 1.8), *t, *u, np.log(r.uniform(0.15, 0.3)), *v, np.log(r.uniform(0.2, 0.4))])

    def loss(self, th, w, t, p):
        D = w.shape[1]
        c, a, u, b, v, q = _cut(th, 1, D, D, 1, D, 1)
        e = lambda x: np.exp(np.clip(x, -30, 9))
        return c + e(w @ a) + e(w @ u - np.exp(min(b, 3)) * np.log(t)) + e(w @ v - np.exp(min(q, 3)) * np.log(p))


class Additive:
    """L = E + sum_i beta_i (a_i + n_i)^-g_i + A P^-a"""

    ours = "ddo-joint"

    def draw(self, r, D, own):
        beta = np.log(0.25 * 6 / D) + 0.8 * r.standard_normal(D)
        beta[own] = np.log(0.9) + 0.2 * r.standard_normal()
        a = np.log(r.uniform(0.05, 1.0, D) * 6 / D)
        return np.array([r.uniform(1, 2), *beta, *a, *np.log(r.uniform(0.2, 0.6, D)), *_draw_size(r)])

    def loss(self, th, w, t, p):
        D = w.shape[1]
        E, b, a, g, s = _cut(th, 1, D, D, D, 2)
        n = w * t[:, None]
        return E + (np.exp(np.minimum(b, 9)) * _pow(n + np.exp(np.minimum(a, 9)), -np.exp(np.minimum(g, 3)))).sum(1) + _size(s, p)


class TwoParts:
    """Not among the tool's laws: what is near the target and general text help by power laws of their own."""

    ours = None

    def draw(self, r, D, own):
        near, far = _worth(r, D, own, 1.2, 0.05), 0.5 * r.standard_normal(D) - 0.5
        far[own] -= 2
        return np.array([r.uniform(1, 1.8), *near, *far, r.uniform(0.7, 1), r.uniform(0.15, 0.25), r.uniform(0.4, 0.8), r.uniform(0.1, 0.3), *_draw_size(r)])

    def loss(self, th, w, t, p):
        D = w.shape[1]
        E, k, m, B, b, C, c, s = _cut(th, 1, D, D, 1, 1, 1, 1, 2)
        n = w * t[:, None]
        return E + B * _pow(n @ np.exp(k) + 0.02, -b) + C * _pow(n @ np.exp(m) + 0.05, -c) + _size(s, p)


class Interaction:
    """Not among the tool's laws: log-linear with pairs that help or hinder each other."""

    ours = None

    def draw(self, r, D, own):
        t = -abs(0.5 + 0.5 * r.standard_normal(D))
        t[own] -= 0.9
        q = np.triu(r.standard_normal((D, D)), 1) * 3 / np.sqrt(D / 4)
        return np.array([r.uniform(1, 2), *t, *q.ravel(), r.uniform(0.08, 0.15), *_draw_size(r)])

    def loss(self, th, w, t, p):
        D = w.shape[1]
        c, a, q, b, s = _cut(th, 1, D, D * D, 1, 2)
        pairs = np.einsum("ri,ij,rj->r", w, q.reshape(D, D), w)
        return c + np.exp(w @ a + pairs - b * np.log(t / 10)) + _size(s, p)


class Saturating:
    """Not among the tool's laws: transfer, but some domains run dry (n -> s (1 - exp(-n / s)))."""

    ours = None

    def draw(self, r, D, own):
        dry = np.where(r.random(D) < 0.4, np.log(10 / D * r.uniform(0.2, 1.5, D)), 9.0)
        return np.array([*Transfer().draw(r, D, own), *dry])

    def loss(self, th, w, t, p):
        D = w.shape[1]
        base, s = th[: D + 4], np.exp(th[D + 4 :])
        n = -s * np.expm1(-w * t[:, None] / s)
        N = np.maximum(n.sum(1), 1e-9)
        return Transfer().loss(base, n / N[:, None], N, p)


class Repeated(Saturating):
    """Not among the tool's laws: transfer where tokens of small domains are repeated and count less each time."""

    def loss(self, th, w, t, p):
        D = w.shape[1]
        base, u = th[: D + 4], np.exp(th[D + 4 :])
        n = w * t[:, None]
        over = np.maximum(n / u - 1, 0)
        n = np.where(n > u, u + u * 15.4 * -np.expm1(-over / 15.4), n)
        N = np.maximum(n.sum(1), 1e-9)
        return Transfer().loss(base, n / N[:, None], N, p)


class Harmful:
    """Not among the tool's laws: transfer with a domain worth nothing and one that harms every target."""

    ours = None

    def draw(self, r, D, own):
        th = np.array([*Transfer().draw(r, D, own), r.uniform(0.1, 0.5)])
        th[1 + D - 1], th[1 + D - 2] = -9, -9
        return th

    def loss(self, th, w, t, p):
        return Transfer().loss(th[:-1], w, t, p) + th[-1] * w[:, -1]


class SizeShift:
    """Not among the tool's laws: reciprocal whose worths shift with the model's size."""

    ours = None

    def draw(self, r, D, own):
        return np.array([*ReciprocalAdd().draw(r, D, own), *(0.1 * r.standard_normal(D))])

    def loss(self, th, w, t, p):
        D = w.shape[1]
        E, C, g, B, s, shift = _cut(th, 1, D, D, 2, 2, D)
        S = (np.exp(C + shift * np.log(p)[:, None]) * _pow(w, np.exp(g))).sum(1)
        return E + (0.6 + _size(B, t) + 0.5 * _size(s, p)) / S


TRUTHS = {
    "transfer": Transfer(),
    "reciprocal-add": ReciprocalAdd(),
    "reciprocal-mult": ReciprocalMult(),
    "reciprocal-joint": ReciprocalJoint(),
    "log-linear": LogLinear(),
    "additive": Additive(),
    "two-parts": TwoParts(),
    "interaction": Interaction(),
    "saturating": Saturating(),
    "repeated": Repeated(),
    "harmful": Harmful(),
    "size-shift": SizeShift(),
}

# ---- designs: name -> (D, blocks); a block is (kind, params or None, tokens, runs) ---------------------------------


def _swarm(D, n, kind="swarm"):
    return D, [(kind, None, 1e10, n)]


DESIGNS = {
    "star": (6, [("star1", None, 1e10, 0)]),
    "star x 3": (6, [("star3", None, 1e10, 0)]),
    "two stars": (6, [("star1", None, 2e9, 0), ("star1", None, 1e10, 0)]),
    "swarm 4 x 12": _swarm(4, 12),
    "swarm 4 x 24": _swarm(4, 24),
    "swarm 4 x 40": _swarm(4, 40),
    "swarm 6 x 6": _swarm(6, 6),
    "swarm 6 x 12": _swarm(6, 12),
    "swarm 6 x 30": _swarm(6, 30),
    "swarm 8 x 160": _swarm(8, 160),
    "swarm 24 x 96": _swarm(24, 96),
    "swarm 64 x 192": _swarm(64, 192),
    "sparse 24 x 96": _swarm(24, 96, "sparse"),
    "sparse 6 x 48": _swarm(6, 48, "sparse"),
    "three budgets": (6, [("swarm", None, 2e9, 16), ("swarm", None, 5e9, 16), ("swarm", None, 1e10, 12)]),
    "sizes x budgets": (6, [("swarm", p, t, 14) for p in (1e8, 4e8) for t in (2e9, 1e10)]),
    "three sizes": (8, [("swarm", p, t, 16) for p, t in ((5e7, 1e9), (1e8, 5e9), (4e8, 5e9), (4e8, 2e10))]),
}
QUICK = ("star", "two stars", "swarm 4 x 40", "swarm 6 x 12", "swarm 6 x 30", "sparse 6 x 48", "three budgets", "sizes x budgets")
QUICK_TRUTHS = ("transfer", "reciprocal-mult", "log-linear", "two-parts", "harmful")


def _dirichlet(r, D, n):
    alpha = np.array([3, 2, 2, *([1] * D)])[:D] * min(1, 8 / D)
    w = np.maximum(r.dirichlet(alpha, n), 0.004 * 6 / max(D, 6))
    return w / w.sum(1, keepdims=True)


def _sparse(r, D, n):
    w = np.zeros((n, D))
    for i in range(n):
        pick = r.choice(D, 3, replace=False)
        w[i, pick] = r.dirichlet(np.ones(3))
    return w


def _star(D, T, repeats):
    base = np.full(D, T / D)
    rows = [base, base]
    for i in range(D):
        for f in (3, 1 / 3):
            n = base.copy()
            n[i] *= f
            rows.append(n)
    n = np.array(rows * repeats)
    return n / n.sum(1, keepdims=True), n.sum(1)


class Table:
    """One simulated table with its truth."""

    def __init__(self, world, truth, design, noise, kind, seed):
        self.name, self.design, self.truth = truth, design, TRUTHS[truth]
        r = stream(WORLDS[world], truth, design, kind, seed)
        self.D, blocks = DESIGNS[design]
        self.V = 3 if self.D <= 8 else 4
        own = r.choice(self.D - (2 if truth == "harmful" else 0), min(self.V, self.D - 2), replace=False)
        self.theta = [self.truth.draw(r, self.D, own[v % len(own)]) for v in range(self.V)]
        self.domains = ["d%02d" % i for i in range(self.D)]
        self.targets = ["t%d" % v for v in range(self.V)]
        self._rows(r, blocks)
        self.noise, self.kind = noise, kind
        self.y = self.measure(r, self.w, self.T, self.P)

    def _rows(self, r, blocks):
        w, T, P, star = [], [], [], []
        for kind, p, t, n in blocks:
            if kind.startswith("star"):
                wb, tb = _star(self.D, t, int(kind[4:]))
            else:
                wb = (_sparse if kind == "sparse" else _dirichlet)(r, self.D, n)
                tb = np.full(n, t)
            w.append(wb)
            T.append(tb)
            P.append(np.full(len(tb), p or 1e8))
            star.append(np.full(len(tb), t))
        self.w, self.T, self.P = np.concatenate(w), np.concatenate(T), np.concatenate(P)
        self.star = np.concatenate(star)
        self.has_params = blocks[0][1] is not None
        self.budgets = sorted({b[2] for b in blocks})
        self.sizes = sorted({b[1] for b in blocks}) if self.has_params else []

    def losses(self, w, T, P):
        """(V, R) true losses."""
        p = np.broadcast_to(np.asarray(P, float), len(w)) / 1e8
        t = np.broadcast_to(np.asarray(T, float), len(w)) / 1e9
        return np.array([self.truth.loss(th, w, t, p if self.has_params else np.ones(len(w))) for th in self.theta])

    def objective(self, w, T, P):
        return self.losses(np.atleast_2d(w), T, P).mean(0)

    def measure(self, r, w, T, P):
        """Losses with noise: half of its variance common to the targets of a run; `growing`: more at small budgets
        and away from the middle."""
        sd = np.full(len(w), self.noise)
        if self.kind == "growing":
            sd = sd * (max(self.budgets) / np.broadcast_to(T, len(w))) ** 0.3 * (0.6 + w.max(1))
        return self.losses(w, T, P) + sd * np.sqrt(0.5) * (r.standard_normal(len(w)) + r.standard_normal((self.V, len(w))))

    def write(self, path, w, T, P, y):
        head = (["params"] if self.has_params else []) + ["tokens"] + ["weight_" + d for d in self.domains] + ["loss_" + t for t in self.targets]
        with open(path, "w") as f:
            f.write(",".join(head) + "\n")
            for i in range(len(w)):
                cells = ([P[i]] if self.has_params else []) + [T[i], *w[i], *y[:, i]]
                f.write(",".join(repr(float(x)) for x in cells) + "\n")

    def points(self):
        """Where a mixture is asked for: (label, tokens, params)."""
        T, P = max(self.budgets), (max(self.sizes) if self.has_params else None)
        out = [("in", T, P)]
        if len(self.budgets) > 1 and not self.has_params:
            out += [("10N", 10 * T, P), ("100N", 100 * T, P)]
        if len(self.budgets) > 1 and self.has_params:
            out += [("10N 4P", 10 * T, 4 * P), ("100N 10P", 100 * T, 10 * P)]
        return out

    def limits(self, trust=1.25):
        """What `optimize` keeps to: of a star all shares that its token amounts, each within those sampled, make up."""
        lo, hi = self.w.min(0), self.w.max(0)
        for budget in self.budgets if "star" in self.design else []:
            n = (self.w * self.T[:, None])[self.star == budget]
            least, most = n.min(0), n.max(0)
            lo = np.minimum(lo, least / (least + most.sum() - most))
            hi = np.maximum(hi, most / (most + least.sum() - least))
        return lo / trust, np.minimum(hi * trust, 1)

    def fresh(self, r, T, P, n=40):
        """Runs nobody fitted, at one point, spread as the table's own."""
        w = self.w[r.integers(0, len(self.w), (n, 2))].mean(1)
        Tn, Pn = np.full(n, float(T)), np.full(n, float(P or 1e8))
        return w, Tn, Pn, self.measure(r, w, Tn, Pn)
