"use strict";
/* A law in the page: what `autoscale what-if` computes, from the LAW.json that the page holds. Each family is the
 * point function of its file in src/law, line by line; tests/report/test_law_page.sh compares the numbers of both.
 * Nothing here knows the page. */
const autoscaleLaw = (function () {
  const FEWEST_DRAWS = 20;

  /* Arrays of numbers are packed as base64 of little-endian numbers; a bare string holds 32-bit floats. */
  const kinds = { f32: Float32Array, f64: Float64Array, i32: Int32Array };
  function numbers(x) {
    if (x === null || x === undefined) return null;
    if (Array.isArray(x)) return Float64Array.from(x, (v) => (v === null ? NaN : v));
    const kind = typeof x === "string" ? "f32" : Object.keys(x)[0], text = typeof x === "string" ? x : x[kind];
    const raw = atob(text), bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
    return new kinds[kind](bytes.buffer);
  }

  /* ---- families: loss of law l with its parameters p from index o on, at q = {tokens, shares, N, P} ---- */

  const inTokens = (l, q) => q.N / l.unit_tokens, inParams = (l, q) => q.P / l.unit_params;

  function reciprocalSum(l, p, o, q) {
    let s = 0;
    for (let i = 0; i < l.D; i++) s += p[o + 1 + i] * Math.pow(Math.max(q.shares[i], l.floor), p[o + 1 + l.D + i]);
    return s;
  }
  function simple(l, p, o, q, mult) {
    let at = o + 1 + 2 * l.D, A = 0, B = 0;
    if (l.has_params) {
      A = p[at] * Math.pow(inParams(l, q), -p[at + 1]);
      at += 2;
    }
    if (l.has_tokens) B = p[at] * Math.pow(inTokens(l, q), -p[at + 1]);
    const s = reciprocalSum(l, p, o, q);
    return p[o] + (mult ? 1 + A + B : 1) / s + (mult ? 0 : A + B);
  }
  function jointTerm(l, p, at, q, z) {
    let s = 0;
    for (let i = 0; i < l.D; i++) s += p[at + i] * Math.max(q.shares[i], l.floor);
    return Math.pow(s, p[at + l.D]) * Math.pow(z, -p[at + l.D + 1]);
  }
  function joined(l, p, o, q, kaplan) {
    const at = o + 1 + 2 * l.D, atB = at + (l.has_params ? l.D + 2 : 0);
    const A = l.has_params ? jointTerm(l, p, at, q, inParams(l, q)) : 0;
    const B = l.has_tokens ? jointTerm(l, p, atB, q, inTokens(l, q)) : 0;
    let T = A + B;
    if (kaplan && l.has_params && l.has_tokens) {
      const delta = p[atB + l.D + 2], top = Math.max(A, B);
      T = top * Math.pow(Math.pow(A / top, 1 / delta) + Math.pow(B / top, 1 / delta), delta);
    }
    return p[o] + 1 / reciprocalSum(l, p, o, q) + T;
  }
  function scale(l, p, at, q) {
    if (!l.has_tokens) return l.has_params ? Math.pow(inParams(l, q), -p[at]) : 1;
    const b = Math.pow(inTokens(l, q), -(l.has_params ? p[at + 2] : p[at]));
    if (!l.has_params) return b;
    const a = p[at] * Math.pow(inParams(l, q), -p[at + 1]), delta = p[at + 3], top = Math.max(a, b);
    return top * Math.pow(Math.pow(a / top, 1 / delta) + Math.pow(b / top, 1 / delta), delta);
  }

  const families = {
    "reciprocal-mult": (l, p, o, q) => simple(l, p, o, q, true),
    "reciprocal-add": (l, p, o, q) => simple(l, p, o, q, false),
    "reciprocal-joint": (l, p, o, q) => joined(l, p, o, q, false),
    "reciprocal-kaplan": (l, p, o, q) => joined(l, p, o, q, true),
    "reciprocal-scale": (l, p, o, q) => p[o] + scale(l, p, o + 1 + 2 * l.D, q) / reciprocalSum(l, p, o, q),
    effective(l, p, o, q) {
      let s = 0;
      for (let i = 0; i < l.D; i++) s += (p[o + 1 + i] * q.tokens[i]) / l.unit_tokens;
      const at = o + l.D + 1;
      return p[o] + Math.pow(Math.max(s, 1e-12), -p[at]) + (l.has_params ? p[at + 1] * Math.pow(inParams(l, q), -p[at + 2]) : 0);
    },
    linear(l, p, o, q) {
      let value = p[o], at = o + 1 + 3 * l.D;
      for (let i = 0; i < l.D; i++) {
        const w = q.shares[i];
        value += p[o + 1 + i] * w + p[o + 1 + l.D + i] * Math.sqrt(w) + p[o + 1 + 2 * l.D + i] * Math.log(w + .01);
      }
      if (l.has_tokens) value += p[at++] * Math.log(inTokens(l, q));
      return value + (l.has_params ? p[at] * Math.log(inParams(l, q)) : 0);
    },
    constant(l, p, o, q) {
      let value = p[o], at = o + 1;
      if (l.has_tokens) {
        value += p[at] * Math.pow(inTokens(l, q), -p[at + 1]);
        at += 2;
      }
      return value + (l.has_params ? p[at] * Math.pow(inParams(l, q), -p[at + 1]) : 0);
    },
    dml(l, p, o, q) {
      const z = [1, l.has_tokens ? inTokens(l, q) : -1, l.has_params ? inParams(l, q) : -1];
      let value = p[o], at = o + 1;
      for (let s = 0; s < 3; s++) {
        if (z[s] < 0) continue;
        let e = 0;
        for (let i = 0; i < l.D; i++) e += p[at + i] * q.shares[i];
        value += Math.exp(e) * (s ? Math.pow(z[s], -p[at + l.D]) : 1);
        at += l.D + (s ? 1 : 0);
      }
      return value;
    },
    "ddo-joint"(l, p, o, q) {
      let value = p[o];
      for (let i = 0; i < l.D; i++)
        value += p[o + 1 + i] * Math.pow(q.tokens[i] / l.unit_tokens + p[o + 1 + l.D + i], -p[o + 1 + 2 * l.D + i]);
      return value + (l.has_params ? p[o + 1 + 3 * l.D] * Math.pow(inParams(l, q), -p[o + 2 + 3 * l.D]) : 0);
    },
    bimix(l, p, o, q) {
      let m = p[o + 1], at = o + 4;
      if (l.has_tokens) {
        m += p[at] * Math.pow(inTokens(l, q), -p[at + 1]);
        at += 2;
      }
      if (l.has_params) m += p[at] * Math.pow(inParams(l, q), -p[at + 1]);
      return p[o] + Math.pow(q.shares[l.own === null ? 0 : l.own] + p[o + 2], -p[o + 3]) * m;
    },
    ddo(l, p, o, q) {
      let sum = 1;
      for (let i = 0; i < l.D; i++) {
        const a = p[o + 1 + i], b = p[o + 1 + l.D + i];
        sum += Math.pow(q.tokens[i] / l.base[i] + a, -b) - Math.pow(1 + a, -b);
      }
      return p[o] * sum;
    },
    trees(l, p, o, q) {
      const t = l.trees, x = new Float32Array(l.D + 2);
      let at = l.D, sum = t.bias;
      for (let i = 0; i < l.D; i++) x[i] = q.shares[i];
      if (l.has_tokens) x[at++] = Math.log(inTokens(l, q));
      if (l.has_params) x[at] = Math.log(inParams(l, q));
      for (let k = 0; k < t.root.length; k++) {
        let i = t.root[k];
        while (t.feature[i] >= 0) i = x[t.feature[i]] < Math.fround(t.threshold[i]) ? t.left[i] : t.right[i];
        sum += Math.fround(t.threshold[i]);
      }
      return sum;
    }
  };

  /* The Gaussian process of a law as a factor: 1 without one. */
  function factor(l, q) {
    const g = l.gp;
    if (!g) return 1;
    const s = new Float64Array(g.linear.length), F = s.length;
    let at = l.D, sum = g.mean;
    for (let i = 0; i < l.D; i++) s[i] = Math.sqrt(q.shares[i]);
    if (l.has_tokens) s[at++] = .2 * Math.log(inTokens(l, q));
    if (l.has_params) s[at] = .2 * Math.log(inParams(l, q));
    for (let i = 0; i < F; i++) sum += g.linear[i] * s[i];
    for (let r = 0; r < g.alpha.length; r++) {
      let d2 = 0;
      for (let i = 0; i < F; i++) {
        const d = s[i] - g.inputs[r * F + i];
        d2 += d * d;
      }
      sum += g.alpha[r] * Math.exp((-.5 * d2) / (g.length * g.length));
    }
    return Math.exp(sum);
  }

  /* ---- a law of one target ---- */

  function prepare(j, D, inputs) {
    const l = { family: families[j.family], name: j.family, D: D, own: j.own === undefined ? null : j.own, floor: j.floor };
    for (const key of ["has_tokens", "has_params", "unit_tokens", "unit_params", "n_draws"]) l[key] = j[key];
    for (const key of ["params", "draws", "pick", "base"]) l[key] = numbers(j[key]);
    l.parts = (j.parts || []).map((part) => prepare(part, D, inputs));
    l.gp = j.gp && { length: j.gp.length, mean: j.gp.mean, linear: numbers(j.gp.linear), alpha: numbers(j.gp.alpha),
      inputs: typeof j.gp.inputs === "number" ? inputs[j.gp.inputs] : numbers(j.gp.inputs) };
    if (j.trees) {
      l.trees = { bias: j.trees.bias };
      for (const key of ["root", "feature", "left", "right", "threshold"]) l.trees[key] = numbers(j.trees[key]);
    }
    if (!l.family && !l.parts.length) throw new Error("this page knows no law called " + j.family);
    return l;
  }

  function estimate(l, q) {
    if (!(q.N > 0)) return NaN;
    if (!l.parts.length) return l.family(l, l.params, 0, q) * factor(l, q);
    let sum = 0;
    l.parts.forEach((part, k) => (sum += l.params[k] * estimate(part, q)));
    return sum;
  }

  /* Losses under the first K draws into out from index at on. */
  function draw(l, q, K, out, at) {
    const parts = l.pick ? l.parts : [l], factors = parts.map((part) => factor(part, q));
    for (let k = 0; k < K; k++) {
      const which = l.pick ? l.pick[2 * k] : 0, part = parts[which], row = l.pick ? l.pick[2 * k + 1] : k;
      const n = part.params.length;
      out[at + k] = q.N > 0 ? part.family(part, part.draws, row * n, q) * factors[which] : NaN;
    }
  }

  const DRIFT = .12; /* of the change promised beyond the table */
  function drift(l, q, set) {
    const f = set.tokens_hi > 0 && q.N > set.tokens_hi ? set.tokens_hi / q.N : 1;
    const P = l.has_params && set.params_hi > 0 && q.P > set.params_hi ? set.params_hi : q.P;
    if (!(q.N > 0) || (f === 1 && (P === q.P || Number.isNaN(q.P)))) return 0;
    const edge = { tokens: q.tokens.map((t) => t * f), shares: q.shares, N: q.N * f, P: P };
    const d = Math.abs(estimate(l, edge) - estimate(l, q));
    return Number.isFinite(d) ? DRIFT * d : 0;
  }

  /* ---- the laws of a table ---- */

  function open(j) {
    const D = j.domains.length, inputs = (j.gp_inputs || []).map(numbers);
    const set = { domains: j.domains, targets: j.targets, D: D, V: j.targets.length };
    for (const key of ["tokens_lo", "tokens_hi", "params_lo", "params_hi"]) set[key] = j[key] === null || j[key] === undefined ? NaN : j[key];
    for (const key of ["share_lo", "share_hi", "base_tokens"]) set[key] = numbers(j[key]);
    set.laws = j.laws.map((l) => prepare(l, D, inputs));
    set.single = set.laws.length === 1 && set.laws[0].name === "ddo";
    set.K = Math.min(...set.laws.map((l) => l.n_draws || 0));
    return set;
  }

  function objective(o, loss) {
    const V = loss.length, weighted = o.kind === "weights";
    let sum = 0, worst = -Infinity;
    for (let v = 0; v < V; v++) {
      if (weighted && o.weights[v] === 0) continue;
      if (Number.isNaN(loss[v])) return NaN;
      sum += weighted ? o.weights[v] * loss[v] : o.kind === "ppl" ? Math.exp(loss[v]) : loss[v];
      worst = Math.max(worst, loss[v]);
    }
    return o.kind === "worst" ? worst : weighted ? sum : sum / V;
  }
  function objectiveDrift(o, loss, drifts) {
    const V = loss.length;
    let worst = 0, sum = 0;
    for (let v = 0; v < V; v++) worst = loss[v] > loss[worst] ? v : worst;
    for (let v = 0; v < V; v++) {
      const slope = o.kind === "weights" ? o.weights[v] : o.kind === "ppl" ? Math.exp(loss[v]) / V : o.kind === "worst" ? Number(v === worst) : 1 / V;
      sum += slope === 0 ? 0 : slope * drifts[v];
    }
    return sum;
  }

  const R_STAR = 15.387756; /* tokens seen again count less, 2305.16264 */
  function effective(n, unique) {
    return !(n > unique) || !(unique > 0) ? n : unique + unique * R_STAR * -Math.expm1(-(n / unique - 1) / R_STAR);
  }

  /* 1 within an axis' range, else by which factor beyond; and does the axis bear that? */
  function beyond(x, lo, hi) {
    if (!(x > 0) || !(lo > 0) || !(hi > 0)) return NaN;
    return x > hi * 1.001 ? x / hi : x < lo * .999 ? lo / x : 1;
  }
  const withheld = (x, lo, hi) => beyond(x, lo, hi) > (hi / lo >= 2 ? Infinity : (hi / lo) * 1.01);
  const isFixed = (set, i) => set.share_hi[i] - set.share_lo[i] <= 1e-9;

  /* The objective's row from those of the targets. */
  function formObjective(ask, set, out) {
    const V = set.V, K = set.K, loss = new Array(V);
    for (let k = 0; k < K; k++) {
      for (let v = 0; v < V; v++) loss[v] = out[v * K + k];
      out[V * K + k] = set.single ? loss[0] : objective(ask.objective, loss);
      for (let v = 0; set.single && v < V; v++) out[v * K + k] = NaN;
    }
  }

  /* Draws laid about the fit, target by target and law by law: the median of a part's draws as far on the other side of
   * that part as it lies on this. */
  function aboutFit(ask, set, q, draws) {
    const about = draws.slice(), K = set.K;
    if (set.single) return about;
    set.laws.forEach((l, v) => {
      (l.pick ? l.parts : [l]).forEach((part, i) => {
        const mine = [];
        for (let k = 0; k < K; k++) if (!l.pick || l.pick[2 * k] === i) mine.push(v * K + k);
        const fitted = mine.length ? estimate(part, q) : NaN, column = Float64Array.from(mine, (at) => draws[at]).filter(Number.isFinite).sort();
        const by = Number.isFinite(fitted) && column.length ? 2 * (fitted - quantile(column, .5)) : 0;
        for (const at of mine) about[at] += by;
      });
    });
    formObjective(ask, set, about);
    return about;
  }

  /* ask = {tokens, params (null: the largest of the table), available (D, Infinity without limit) or null, objective,
   * level, z}. What is known of one mixture: losses and objective under each draw, as they are and about the fit, and at
   * the estimate. */
  function predict(set, ask, shares) {
    const V = set.V, K = set.K;
    const P = ask.params === null || Number.isNaN(ask.params) ? set.params_hi : ask.params;
    const noTokens = withheld(ask.tokens, set.tokens_lo, set.tokens_hi), noParams = withheld(P, set.params_lo, set.params_hi);
    const N = noTokens ? set.tokens_hi : ask.tokens;
    const tokens = shares.map((w, i) => {
      const asked = w * ask.tokens, unique = ask.available ? ask.available[i] : Infinity;
      return (unique === Infinity ? asked : effective(asked, unique)) * (N / ask.tokens);
    });
    const total = tokens.reduce((a, b) => a + b, 0);
    const q = { tokens: tokens, shares: tokens.map((t) => t / total), N: total, P: noParams ? set.params_hi : P };
    const r = { shares: shares, draws: new Float64Array((V + 1) * K).fill(NaN), point: new Float64Array(V + 1).fill(NaN), drift: new Float64Array(V + 1) };
    const losses = set.laws.map((l) => estimate(l, q)), drifts = set.laws.map((l) => drift(l, q, set));
    set.laws.forEach((l, v) => draw(l, q, K, r.draws, v * K));
    formObjective(ask, set, r.draws);
    r.about = aboutFit(ask, set, q, r.draws);
    if (!set.single) {
      r.point.set(losses);
      r.drift.set(drifts);
    }
    r.point[V] = set.single ? losses[0] : objective(ask.objective, losses);
    r.drift[V] = set.single ? drifts[0] : objectiveDrift(ask.objective, losses, drifts);
    r.untold = shares.findIndex((w, i) => isFixed(set, i) && Math.abs(w - set.share_lo[i]) > .005); /* -1: none */
    r.axis = noTokens ? "tokens" : noParams ? "params" : null;
    return r;
  }

  function quantile(sorted, p) {
    const n = sorted.length, at = p * (n - 1), i = Math.floor(at);
    if (i + 1 >= n) return sorted[n - 1];
    return at > i ? sorted[i] + (at - i) * (sorted[i + 1] - sorted[i]) : sorted[i];
  }

  function erf(x) {
    let term = x, sum = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) sum += term *= (2 * x * x) / (2 * n + 1);
    return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
  }
  /* P(figure < 0) as its value and its interval have it, the end towards 0 as a normal quantile; n draws tell no more
   * than so much from certainty. */
  function odds(r, z, n) {
    const most = (n + .5) / (n + 1), towards0 = r.value < 0 ? r.hi - r.value : r.value - r.lo;
    if (r.value === 0) return .5;
    const away = towards0 > 0 ? Math.min((z * Math.abs(r.value)) / towards0, 9) : 9;
    const p = Math.min(.5 + .5 * erf(away * Math.SQRT1_2), most);
    return r.value < 0 ? p : 1 - p;
  }

  /* Of target v (V: the objective) of mixture a, or of what it is above that of b: mean over the draws as they are, an
   * interval that holds both kinds of draws and the mean, and P(below 0) by it. */
  function answer(set, ask, a, b, v, drifted) {
    const K = set.K, column = (kind) => Float64Array.from({ length: K }, (_, k) => a[kind][v * K + k] - (b ? b[kind][v * K + k] : 0)).filter(Number.isFinite);
    const r = { value: a.point[v] - (b ? b.point[v] : 0), lo: NaN, hi: NaN, p: NaN };
    let x = column("draws");
    const lo = .5 - ask.level / 2, hi = .5 + ask.level / 2;
    if (x.length < FEWEST_DRAWS) return r;
    r.value = x.reduce((s, d) => s + d, 0) / x.length;
    const n = x.length;
    r.equal = Math.abs(r.value) < 1e-12; /* rounding decides on which side of 0 it falls */
    x.sort();
    r.lo = Math.min(quantile(x, lo), r.value);
    r.hi = Math.max(quantile(x, hi), r.value);
    x = column("about").sort();
    if (x.length >= FEWEST_DRAWS) {
      r.lo = Math.min(r.lo, quantile(x, lo));
      r.hi = Math.max(r.hi, quantile(x, hi));
    }
    if (drifted > 0) {
      const more = drifted * ask.z;
      r.lo = r.value - Math.hypot(Math.max(r.value - r.lo, 0), more);
      r.hi = r.value + Math.hypot(Math.max(r.hi - r.value, 0), more);
    }
    r.p = odds(r, ask.z, n);
    return r;
  }

  const untold = { value: NaN, lo: NaN, hi: NaN, p: NaN };
  function summary(set, ask, a, v) {
    return a.untold >= 0 || a.axis ? untold : answer(set, ask, a, null, v, a.drift[v]);
  }
  /* a less b: below 0 is better; p: probability that it is. */
  function difference(set, ask, a, b, v) {
    return a.untold >= 0 || b.untold >= 0 ? untold : answer(set, ask, a, b, v, Math.abs(a.drift[v] - b.drift[v]));
  }

  /* ---- shares under limits ---- */

  /* shares (D) of sum 1 with share i at x, or as near as can be: locked ones stay, the others keep their proportions
   * within lo and hi. */
  function move(shares, i, x, locked, lo, hi) {
    const D = shares.length, free = [], out = Array.from(shares);
    let least = 0, most = 0, kept = 0;
    for (let j = 0; j < D; j++) {
      if (j === i) continue;
      if (locked[j]) kept += shares[j];
      else {
        free.push(j);
        least += lo[j];
        most += hi[j];
      }
    }
    out[i] = Math.min(Math.max(x, lo[i], 1 - kept - most), hi[i], 1 - kept - least);
    const left = 1 - kept - out[i], sum = free.reduce((a, j) => a + shares[j], 0);
    if (!free.length || !(left >= least - 1e-12 && left <= most + 1e-12)) return Array.from(shares);
    const at = (f) => free.map((j) => Math.min(Math.max(sum > 1e-12 ? shares[j] * f : f, lo[j]), hi[j]));
    const total = (list) => list.reduce((a, b) => a + b, 0);
    let from = 0, to = 1;
    while (total(at(to)) < left - 1e-13 && to < 1e12) to *= 2;
    for (let k = 0; k < 200 && to - from > 1e-16 * to; k++) {
      const middle = (from + to) / 2;
      if (total(at(middle)) < left) from = middle;
      else to = middle;
    }
    let found = at(to);
    const room = free.map((j, k) => (left > total(found) ? hi[j] - found[k] : found[k] - lo[j])), gap = left - total(found);
    const spare = total(room); /* shares of 0 do not grow by a factor: what is left over goes where there is room */
    if (Math.abs(gap) > 1e-12 && spare > 0) found = found.map((w, k) => w + (gap * room[k]) / spare);
    free.forEach((j, k) => (out[j] = found[k]));
    return out;
  }

  return { open: open, predict: predict, summary: summary, difference: difference, beyond: beyond, withheld: withheld, isFixed: isFixed, move: move };
})();
