"""What a careful user would do without the tool: other laws by plain least squares, trees, a Gaussian process.
Each takes a worlds.Table and returns f(w (R,D), T, P) -> objective (R). Needs numpy and scipy; trees scikit-learn."""
import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import least_squares, minimize

from worlds import stream


def project(v, lo, hi):
    """Nearest points of the bounded simplex, rows of v."""
    a, b = v.min(1) - hi.max(), v.max(1) - lo.min()
    for _ in range(60):
        m = (a + b) / 2
        high = np.clip(v - m[:, None], lo, hi).sum(1) > 1
        a, b = np.where(high, m, a), np.where(high, b, m)
    return np.clip(v - ((a + b) / 2)[:, None], lo, hi)


def least(f, D, lo, hi, r, starts=6, tries=2000, slopes=True):
    """The mixture of least f within the bounds: the best of many, then SLSQP from several of them."""
    near = r.dirichlet(np.full(D, min(1.0, 8 / D)), tries)
    mid = r.dirichlet(np.full(D, 5.0), tries // 4)
    w = project(np.concatenate([np.full((1, D), 1 / D), near, mid]), lo, hi)
    y = f(w)
    order = np.argsort(y)
    if not slopes:
        return w[order[: max(1, len(w) // 100)]].mean(0)
    best, value = w[order[0]], y[order[0]]
    eye = np.eye(D) * 1e-6

    def gradient(x):
        return (f(x + eye) - f(x - eye)) / 2e-6

    pick = [order[0], 0, *order[1 :: max(1, len(order) // 50)]][:starts]
    for i in pick:
        s = minimize(lambda x: float(f(x[None])[0]), w[i], jac=gradient, bounds=list(zip(lo, hi)), method="SLSQP",
                     constraints=[{"type": "eq", "fun": lambda x: x.sum() - 1, "jac": lambda x: np.ones(D)}], options={"maxiter": 100, "ftol": 1e-10})
        x = project(s.x[None], lo, hi)[0]
        v = float(f(x[None])[0])
        if v < value:
            best, value = x, v
    return best


def _fit(loss, draw, y, starts, rng):
    best = None
    for _ in range(starts):
        th = draw(rng)
        try:
            s = least_squares(lambda th: np.nan_to_num(loss(th) - y, nan=1e3, posinf=1e3, neginf=-1e3), th, max_nfev=60 if len(th) < 60 else 25)
        except (ValueError, np.linalg.LinAlgError):
            continue
        if best is None or s.cost < best.cost:
            best = s
    return best.x


def _units(t, T, P, n):
    t1 = np.broadcast_to(np.asarray(T, float), n) / 1e9
    p1 = np.broadcast_to(np.asarray(P or 1e8, float), n) / 1e8 if t.has_params else np.ones(n)
    return t1, p1


def true_law(t):
    """Plain least squares of the law that made the table: several starts, no prior."""
    r, starts = stream("lsq", t.name, t.design), 6 if t.D < 12 else 2
    tt, pp = t.T / 1e9, (t.P / 1e8 if t.has_params else np.ones(len(t.w)))
    fits = [_fit(lambda th: t.truth.loss(th, t.w, tt, pp), lambda r: t.truth.draw(r, t.D, int(r.integers(t.D))), t.y[v], starts, r) for v in range(t.V)]

    def f(w, T, P):
        return np.mean([t.truth.loss(th, w, *_units(t, T, P, len(w))) for th in fits], 0)

    return f


def log_linear(t):
    """L = exp(c) + exp(t.w + a ln N + b ln P) a target (Data Mixing Laws, Olmix)."""
    def loss(th, w, T, P):
        t1, p1 = _units(t, T, P, len(w)) if np.ndim(P) == 0 else (T / 1e9, P / 1e8)
        e = w @ th[1 : 1 + t.D]
        if len(t.budgets) > 1 or len(set(t.T)) > 1:
            e = e + th[-2] * np.log(t1)
        if t.has_params:
            e = e + th[-1] * np.log(p1)
        return np.exp(np.clip(th[0], -30, 5)) + np.exp(np.clip(e, -30, 8))

    r = stream("dml", t.name, t.design)
    fits = [_fit(lambda th: loss(th, t.w, t.T, t.P if t.has_params else 1e8), lambda r: np.array([np.log(max(t.y[v].min() - 0.7, 0.2)), *(-0.5 * abs(r.standard_normal(t.D))), -0.1, -0.1]), t.y[v], 3, r) for v in range(t.V)]
    return lambda w, T, P: np.mean([loss(th, w, T, P or 1e8) for th in fits], 0)


def _features(t, w, T, P):
    t1, p1 = _units(t, T, P, len(w)) if np.ndim(P) == 0 else (T / 1e9, P / 1e8)
    cols = [np.sqrt(w)]
    if len(set(t.T)) > 1:
        cols.append(0.3 * np.log(t1)[:, None])
    if t.has_params:
        cols.append(0.3 * np.log(p1)[:, None])
    return np.concatenate(cols, 1)


def process(t):
    """A plain Gaussian process on the objective: Matern 5/2 on the roots of shares and logs of tokens and size, a
    linear mean, everything by marginal likelihood."""
    x, y = _features(t, t.w, t.T, t.P if t.has_params else 1e8), t.y.mean(0)
    m, s = y.mean(), y.std() + 1e-9
    z = (y - m) / s

    def kernel(a, b, th):
        d = np.sqrt(np.maximum(((a[:, None] - b[None]) ** 2).sum(-1), 0)) * np.exp(-th[0]) * np.sqrt(5)
        return np.exp(2 * th[1]) * (1 + d + d * d / 3) * np.exp(-d) + np.exp(2 * th[3]) * (a @ b.T) + 1

    def nll(th):
        try:
            c = cho_factor(kernel(x, x, th) + np.eye(len(x)) * (np.exp(2 * th[2]) + 1e-8), lower=True)
        except np.linalg.LinAlgError:
            return 1e9
        return 0.5 * z @ cho_solve(c, z) + np.log(np.diag(c[0])).sum() + 0.05 * (th ** 2).sum()

    best = min((minimize(nll, [l, 0, -2, 0], method="L-BFGS-B", bounds=[(-3, 3), (-4, 3), (-6, 1), (-5, 2)]) for l in (-1, 0.5)), key=lambda s: s.fun).x
    a = cho_solve(cho_factor(kernel(x, x, best) + np.eye(len(x)) * (np.exp(2 * best[2]) + 1e-8), lower=True), z)
    return lambda w, T, P: m + s * (kernel(_features(t, w, T, P), x, best) @ a)


def trees(t):
    """Boosted trees a target, as RegMix has them."""
    from sklearn.ensemble import GradientBoostingRegressor

    x = np.concatenate([t.w, np.log(t.T)[:, None], np.log(t.P)[:, None]], 1)
    fits = [GradientBoostingRegressor(n_estimators=200, learning_rate=0.05, max_depth=3, subsample=0.7, random_state=0).fit(x, y) for y in t.y]

    def f(w, T, P):
        q = np.concatenate([w, np.full((len(w), 1), np.log(T)), np.full((len(w), 1), np.log(P or 1e8))], 1)
        return np.mean([g.predict(q) for g in fits], 0)

    return f


PEERS = {"lsq": (true_law, True), "loglin": (log_linear, True), "trees": (trees, False), "gp": (process, True)}
