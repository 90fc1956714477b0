"""Laws: the loss of a run as a function of its mixture, tokens and size."""

from __future__ import annotations

import ctypes as c
import json
import math
import os
import tempfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from . import frames, library
from .command import _with_file, option_list, output
from .errors import InputError
from .library import Owned, array, by_name, call, doubles, encoded, lib, long_call, quantity, texts
from .mixture import Mixture
from .table import Table, read


def _bounds(given: Any, domains: list[str], what: str, other: float) -> Any:
    """Shares that limit every domain: one for all of them, or by name; None: NULL."""
    if given is None:
        return None
    one = isinstance(given, (int, float, str))
    shares = [quantity(given, what)] * len(domains) if one else by_name(given, domains, what, other)
    for domain, share in zip(domains, shares):
        if not 0 <= share <= 1:
            where = what if one else f"{what}: domain '{domain}'"
            raise InputError(f"{where}: expected a share in [0, 1], found {share:g}")
    return doubles(shares)


class Optimum:
    """The best mixture at a budget; figures that the table cannot support are NaN."""

    def __init__(self, law: Law, p: Any, mixture: Mixture, budget: int) -> None:
        o, D = p.contents, len(law.domains)
        names = law.domains
        self.mixture, self.budget = mixture, budget
        self.shares: dict[str, float] = dict(zip(names, array(o.shares, D).tolist()))
        self.tokens: dict[str, int] = dict(zip(names, (int(o.tokens[i]) for i in range(D))))
        lo, hi = array(o.share_lo, D).tolist(), array(o.share_hi, D).tolist()
        self.interval: dict[str, tuple[float, float]] = dict(zip(names, zip(lo, hi)))
        self.bound = {n: o.bound[i].decode() for i, n in enumerate(names) if o.bound[i]}
        self.epochs: dict[str, float] = dict(zip(names, array(o.epochs, D).tolist()))
        self.objective, self.objective_interval = o.objective, (o.objective_lo, o.objective_hi)
        self.uniform = o.uniform
        self.gain, self.gain_interval, self.p_better = o.gain, (o.gain_lo, o.gain_hi), o.p_better
        self.kkt, self.params, self.unsupported = o.kkt, o.params, bool(o.unsupported)
        self.notes = [o.notes[k].decode(errors="replace") for k in range(o.n_notes)]

    def save(self, path: Any) -> None:
        """Write MIX.json."""
        self.mixture.save(path)

    def export(self, to: str, context: int = 0) -> str:
        """As a config for a trainer."""
        return self.mixture.export(to, context)

    def frame(self) -> Any:
        """As a pandas DataFrame, one row per domain."""
        columns: dict[str, list[Any]] = {"share": list(self.shares.values())}
        columns |= {"lo": [x[0] for x in self.interval.values()], "hi": [x[1] for x in self.interval.values()]}
        columns |= {"tokens": list(self.tokens.values()), "epochs": list(self.epochs.values())}
        columns["bound"] = [self.bound.get(n) for n in self.shares]
        return frames.data_frame(columns, list(self.shares))

    def _table(self) -> tuple[str, list[str], list[list[str]], list[str]]:
        gain = frames.number(self.gain)
        title = f"{self.budget:,} tokens: objective {frames.number(self.objective)}, {gain} below uniform"
        if not math.isnan(self.p_better):
            title += f", P(better) {self.p_better:.3f}"
        rows = [
            [n, f"{100 * s:.2f} %", f"{100 * lo:.1f} to {100 * hi:.1f} %" if lo == lo else "", f"{self.tokens[n]:,}"]
            for (n, s), (lo, hi) in zip(self.shares.items(), self.interval.values())
        ]
        return title, ["domain", "share", "90 %", "tokens"], rows, self.notes

    def __repr__(self) -> str:
        return frames.text_table(*self._table())

    def _repr_html_(self) -> str:
        return frames.html_table(*self._table())


class WhatIf:
    """Predictions for given mixtures, and how each differs from the first. Arrays by mixture (M), target (V)."""

    def __init__(self, law: Law, names: list[str], p: Any) -> None:
        a, M, V = p.contents, len(names), len(law.targets)
        self.mixtures, self.targets = names, law.targets
        self.loss, self.loss_lo, self.loss_hi = (array(x, M, V) for x in (a.loss, a.loss_lo, a.loss_hi))
        self.loss_change, self.loss_change_lo = array(a.loss_change, M, V), array(a.loss_change_lo, M, V)
        self.loss_change_hi, self.loss_p_better = array(a.loss_change_hi, M, V), array(a.loss_p_better, M, V)
        self.objective, self.objective_lo = array(a.objective, M), array(a.objective_lo, M)
        self.objective_hi, self.change = array(a.objective_hi, M), array(a.change, M)
        self.change_lo, self.change_hi, self.p_better = (array(x, M) for x in (a.change_lo, a.change_hi, a.p_better))
        self.why = [a.why[m].decode(errors="replace") if a.why and a.why[m] else None for m in range(M)]
        self.notes = [a.notes[k].decode(errors="replace") for k in range(a.n_notes)]

    def frame(self) -> Any:
        """As a pandas DataFrame: one row per mixture, with the objective and each target's loss."""
        columns: dict[str, list[Any]] = {
            "objective": self.objective.tolist(),
            "lo": self.objective_lo.tolist(),
            "hi": self.objective_hi.tolist(),
            "change": self.change.tolist(),
            "p_better": self.p_better.tolist(),
        }
        columns |= {f"loss_{t}": self.loss[:, v].tolist() for v, t in enumerate(self.targets)}
        return frames.data_frame(columns, self.mixtures)

    def _table(self) -> tuple[str, list[str], list[list[str]], list[str]]:
        heads = ["mixture", "objective", "90 %", f"against {self.mixtures[0]}", "P(better)", *self.targets]
        rows = []
        for m, name in enumerate(self.mixtures):
            lo, hi = float(self.objective_lo[m]), float(self.objective_hi[m])
            change = "" if m == 0 else f"{self.change[m]:+.4f}"
            p = "" if m == 0 else frames.number(float(self.p_better[m]), 3)
            losses = [frames.number(float(x)) for x in self.loss[m]]
            interval = f"{lo:.4f} to {hi:.4f}" if lo == lo else ""
            rows.append([name, frames.number(float(self.objective[m])), interval, change, p, *losses])
        return "what if", heads, rows, self.notes

    def __repr__(self) -> str:
        return frames.text_table(*self._table())

    def _repr_html_(self) -> str:
        return frames.html_table(*self._table())


class Law(Owned):
    """The laws of one table, one for each target, with an objective over them: see fit() and load()."""

    _free = "laws_free"

    def __init__(self, handle: Any) -> None:
        super().__init__(handle)
        self.domains, self.targets = texts("laws_domain", handle), texts("laws_target", handle)

    @property
    def name(self) -> str:
        """The requested or chosen law: "blend", "reciprocal-mult+gp", .."""
        return str(lib().asc_laws_name(self._h).decode())

    @property
    def notes(self) -> list[str]:
        return texts("laws_note", self._h)

    @property
    def errors(self) -> dict[str, float]:
        """Mean relative error on held-out runs by target, a fraction; NaN: unknown."""
        return {t: float(lib().asc_laws_cv_error(self._h, v)) for v, t in enumerate(self.targets)}

    def save(self, path: Any) -> None:
        """Write LAW.json."""
        call("laws_save", self._h, encoded(os.fspath(path)))

    # ---- mixtures and limits ----

    def _shares(self, mix: Any) -> list[float]:
        D = len(self.domains)
        if isinstance(mix, str) and mix == "uniform":
            return [1 / D] * D
        if isinstance(mix, (str, os.PathLike)):
            mix = Mixture.load(mix)
        if isinstance(mix, (Mixture, Optimum)):
            mix = mix.shares
        w = by_name(mix, self.domains, "mixture", 0)
        if min(w) < 0 or not abs(sum(w) - 1) <= 0.01:
            raise InputError(f"mixture: expected shares >= 0 that sum to 1 within .01, found {sum(w):g}")
        return [x / sum(w) for x in w]

    def _limits(self, least: Any, most: Any, available: Any, max_epochs: float) -> library.Limits:
        limits = library.Limits(c.sizeof(library.Limits))

        limits.min = _bounds(least, self.domains, "min", 0)
        limits.max = _bounds(most, self.domains, "max", 1)
        if available is not None:
            pairs = {d: x if isinstance(x, (list, tuple)) else (x, max_epochs) for d, x in dict(available).items()}
            limits.available = doubles(
                by_name({d: x[0] for d, x in pairs.items()}, self.domains, "available", math.inf)
            )
            epochs = {d: x[1] for d, x in pairs.items()}
            limits.max_epochs = doubles(by_name(epochs, self.domains, "available", math.nan))
        return limits

    # ---- questions ----

    def predict(self, mix: Any, tokens: float | str, params: float | str | None = None) -> dict[str, float]:
        """Losses {target: nats per token} of a mixture at a budget, the law's point estimate; for many mixtures at
        once, losses()."""
        w, n = self._shares(mix), quantity(tokens, "tokens")
        return dict(zip(self.targets, self.losses(np.array([w]) * n, params)[0].tolist()))

    def losses(self, tokens: Any, params: float | str | None = None) -> np.ndarray[Any, Any]:
        """(M,V) losses at tokens (M,D) by domain."""
        rows = np.atleast_2d(np.asarray(tokens, dtype=float))
        if rows.shape[1] != len(self.domains):
            raise InputError(f"tokens: expected {len(self.domains)} columns, found {rows.shape[1]}")
        P, V = math.nan if params is None else quantity(params, "params"), len(self.targets)
        out = np.empty((len(rows), V))
        buffer = (c.c_double * max(V, 1))()
        for m, row in enumerate(rows):
            call("laws_predict", buffer, None, self._h, doubles(row), P)
            out[m] = buffer[:V]
        return out

    def objective(self, mix: Any, tokens: float | str, params: float | str | None = None) -> float:
        """The objective of a mixture at a budget, the law's point estimate."""
        n, value = quantity(tokens, "tokens"), c.c_double()
        P = math.nan if params is None else quantity(params, "params")
        call("laws_predict", None, c.byref(value), self._h, doubles([w * n for w in self._shares(mix)]), P)
        return float(value.value)

    def optimize(
        self,
        tokens: float | str,
        params: float | str | None = None,
        *,
        min: Any = None,
        max: Any = None,
        available: Mapping[str, Any] | None = None,
        max_epochs: float = 1,
        objective: str | None = None,
        trust: float | str | None = None,
        prior: Any = None,
        kl: float = 0,
        point: bool = False,
        threads: int = 0,
    ) -> Optimum:
        """The best mixture at a budget, as `autoscale optimize`: min, max shares (of all, or by domain), available
        {domain: tokens or (tokens, epochs)}, trust a factor or "off", prior a mixture to stay near, with weight kl."""
        o = library.OptimizeOptions(c.sizeof(library.OptimizeOptions))
        limits = self._limits(min, max, available, max_epochs)
        o.tokens, o.params = int(quantity(tokens, "tokens")), 0 if params is None else quantity(params, "params")
        o.limits, o.objective = c.pointer(limits), encoded(objective)
        o.no_trust = trust == "off"
        o.trust = 0 if trust is None or trust == "off" else quantity(trust, "trust")
        o.prior = doubles(self._shares(prior)) if prior is not None else None
        o.kl, o.point, o.threads = kl, point, threads
        found = c.POINTER(library.Optimum)()
        long_call("laws_optimize", o, c.byref(found), self._h, c.byref(o))
        try:
            mixture = Mixture(library.made("optimum_mixture", found, self._h, c.byref(o)))
            return Optimum(self, found, mixture, o.tokens)
        finally:
            lib().asc_optimum_free(found)

    def what_if(
        self,
        mixtures: Any,
        tokens: float | str,
        params: float | str | None = None,
        *,
        available: Mapping[str, Any] | None = None,
        objective: str | None = None,
    ) -> WhatIf:
        """Predictions with intervals for mixtures {name: mixture} (or a list of them; uniform is added), and how each
        differs from the first, draw by draw."""
        if not isinstance(mixtures, Mapping) or all(isinstance(v, (int, float)) for v in mixtures.values()):
            mixtures = {
                f"mixture {k + 1}": m for k, m in enumerate(mixtures if isinstance(mixtures, list) else [mixtures])
            }
            mixtures = {"uniform": "uniform", **mixtures}
        names, D = [str(n) for n in mixtures], len(self.domains)
        shares = doubles([x for m in mixtures.values() for x in self._shares(m)])
        o = library.WhatIfOptions(c.sizeof(library.WhatIfOptions))
        o.tokens, o.params = quantity(tokens, "tokens"), 0 if params is None else quantity(params, "params")
        if available is not None:
            only = {d: x[0] if isinstance(x, (list, tuple)) else x for d, x in available.items()}
            o.available = doubles(by_name(only, self.domains, "available", math.inf))
        o.objective = encoded(objective)
        found = c.POINTER(library.WhatIf)()
        assert len(shares) == D * len(names)
        call("laws_what_if", c.byref(found), self._h, shares, len(names), c.byref(o))
        try:
            return WhatIf(self, names, found)
        finally:
            lib().asc_what_if_free(found)

    def report(self, path: Any = "report.html", runs: Any = None, **options: Any) -> str:
        """Write the law's page, with its sliders; runs: a table of unseen runs. Options as in `autoscale
        report`: tokens, params, max, available, mix .."""
        with tempfile.TemporaryDirectory() as work:
            files = _with_file(self, work) + (_with_file(runs, work) if runs is not None else [])
            output("report", *files, *option_list(**options), "-q", "-o", os.fspath(path))
        return os.fspath(path)

    def __repr__(self) -> str:
        return f"<Law {self.name}: domains {', '.join(self.domains)}; targets {', '.join(self.targets)}>"

    def _repr_html_(self) -> str:
        rows = [[t, frames.number(100 * e, 2) + " %"] for t, e in self.errors.items()]
        return frames.html_table(f"Law {self.name}", ["target", "held-out error"], rows, self.notes)


def fit(
    table: Any,
    law: str = "auto",
    *,
    objective: str | Mapping[str, float] | None = None,
    noise: float = 0,
    draws: int = 200,
    seed: int = 0,
    threads: int = 0,
    map: Any = None,
) -> Law:
    """A law from a table of runs (see read()), with cross-validated error and draws for the intervals."""
    runs: Table = read(table, map)
    o = library.FitOptions(c.sizeof(library.FitOptions), law.encode())
    o.noise, o.draws, o.no_draws, o.seed, o.threads = noise, draws, draws == 0, seed, threads
    handle = library.Handle()
    with tempfile.TemporaryDirectory() as work:
        if isinstance(objective, Mapping):
            path = os.path.join(work, "objective.json")
            with open(path, "w") as f:
                json.dump(dict(objective), f)
            objective = path
        o.objective = encoded(objective)
        long_call("laws_fit", o, c.byref(handle), runs._h, c.byref(o))
    return Law(handle)


def load(path: Any) -> Law:
    """A LAW.json."""
    return Law(library.made("laws_load", encoded(os.fspath(path))))


def _law(source: Any) -> Law:
    if isinstance(source, Law):
        return source
    if isinstance(source, (str, os.PathLike)) and os.fspath(source).endswith(".json"):
        return load(source)
    return fit(source)


def optimize(source: Any, tokens: float | str, params: float | str | None = None, **options: Any) -> Optimum:
    """The best mixture at a budget under a law, a LAW.json, or a law fitted to a table: Law.optimize."""
    return _law(source).optimize(tokens, params, **options)


def what_if(source: Any, mixtures: Any, tokens: float | str, params: Any = None, **options: Any) -> WhatIf:
    """Law.what_if for a law, a LAW.json, or a law fitted to a table."""
    return _law(source).what_if(mixtures, tokens, params, **options)


class Scaling:
    """The mixture of the AutoScale rule at a budget."""

    def __init__(self, domains: list[str], p: Any) -> None:
        s, D = p.contents, len(domains)
        self.shares: dict[str, float] = dict(zip(domains, array(s.shares, D).tolist()))
        self.tokens: dict[str, int] = {d: int(s.tokens[i]) for i, d in enumerate(domains)}
        self.keep_last: dict[str, float] = dict(zip(domains, array(s.keep_last, D).tolist()))
        self.censored = [d for i, d in enumerate(domains) if s.censored[i]]
        self.notes = [s.notes[k].decode(errors="replace") for k in range(s.n_notes)]

    @property
    def mixture(self) -> Mixture:
        return Mixture.of(self.shares, sum(self.tokens.values()))

    def _table(self) -> tuple[str, list[str], list[list[str]], list[str]]:
        rows = [
            [d, f"{100 * s:.2f} %", f"{100 * self.keep_last[d]:.2f} %", f"{self.tokens[d]:,}"]
            for d, s in self.shares.items()
        ]
        return "the AutoScale rule", ["domain", "share", "last scale's", "tokens"], rows, self.notes

    def __repr__(self) -> str:
        return frames.text_table(*self._table())

    def _repr_html_(self) -> str:
        return frames.html_table(*self._table())


def _optima(source: Any) -> tuple[list[str], list[float], list[list[float]]]:
    """Domains, budgets and shares of optima: {tokens: {domain: share}}, a file or a DataFrame with weight_ columns."""
    if isinstance(source, Mapping) and all(isinstance(v, Mapping) for v in source.values()):
        scales = sorted((quantity(n, "tokens"), dict(w)) for n, w in source.items())
        domains = list(scales[0][1]) if scales else []
        return domains, [n for n, _ in scales], [by_name(w, domains, "optima", None) for _, w in scales]
    if isinstance(source, (str, os.PathLike)):
        import csv

        with open(source, newline="") as f:
            lines = list(csv.DictReader(f))
        columns: dict[str, list[float]] = {k: [float(r[k]) for r in lines] for k in lines[0]} if lines else {}
    else:
        columns = {str(k): [float(x) for x in source[k]] for k in source}
    domains = [k.removeprefix("weight_") for k in columns if k.startswith("weight_")]
    if "tokens" not in columns or not domains:
        raise InputError("optima: expected columns tokens and weight_<domain>")
    sizes = columns.get("params", [0.0] * len(columns["tokens"]))
    order = sorted(range(len(sizes)), key=lambda k: (columns["tokens"][k], sizes[k]))
    # Of optima of equal tokens the largest model's: the rule knows no sizes.
    order = [
        k
        for k, after in zip(order, [*order[1:], None])
        if after is None or columns["tokens"][k] < columns["tokens"][after] or not sizes[k] < sizes[after]
    ]
    shares = [[columns[f"weight_{d}"][k] for d in domains] for k in order]
    return domains, [columns["tokens"][k] for k in order], shares


def predict(optima: Any, tokens: float | str, *, min: Any = None, max: Any = None) -> Scaling:
    """The AutoScale rule: from optima at two or more scales, {tokens: {domain: share}} (or optima.csv, or a DataFrame
    with tokens and weight_<domain>), the optimum at any budget. Without limits it is the published rule."""
    domains, budgets, shares = _optima(optima)
    o = library.ScalingOptions(c.sizeof(library.ScalingOptions), len(budgets), len(domains))
    o.tokens, o.shares = doubles(budgets), doubles([x for row in shares for x in row])
    o.budget = int(quantity(tokens, "tokens"))
    limits = library.Limits(c.sizeof(library.Limits))
    limits.min, limits.max = _bounds(min, domains, "min", 0), _bounds(max, domains, "max", 1)
    o.limits = c.pointer(limits) if min is not None or max is not None else None
    found = c.POINTER(library.Scaling)()
    call("scaling_predict", c.byref(found), c.byref(o))
    try:
        return Scaling(domains, found)
    finally:
        lib().asc_scaling_free(found)
