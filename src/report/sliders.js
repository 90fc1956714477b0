"use strict";
/* The sliders of a law's page: shares in, what the law predicts out (law.js). Text of the law only ever becomes text
 * nodes. */
(function () {
  const data = document.getElementById("law"), box = document.getElementById("sliders");
  if (!data || !box) return;
  const page = JSON.parse(data.textContent), set = autoscaleLaw.open(page.law), D = set.D, V = set.V;
  const unlimited = (x) => (x === null ? Infinity : x);
  const ask = Object.assign({}, page.ask);
  ask.available = ask.available && ask.available.map(unlimited);

  /* ---- elements ---- */

  function element(tag, attributes, ...inside) {
    const e = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (key.startsWith("on")) e.addEventListener(key.slice(2), value);
      else if (value !== false && value !== undefined) e.setAttribute(key, value === true ? "" : value);
    }
    e.append(...inside);
    return e;
  }
  const units = [["T", 1e12], ["B", 1e9], ["M", 1e6], ["k", 1e3]];
  function count(x) {
    const unit = units.find((u) => x >= u[1]);
    return unit ? Number((x / unit[1]).toPrecision(3)) + unit[0] : String(Math.round(x));
  }
  function quantity(text) {
    const m = /^\s*([0-9.]+(?:e[+-]?[0-9]+)?)\s*([kmbgt]?)\s*$/i.exec(text.replace(/[_ ,]/g, ""));
    return m ? Number(m[1]) * { "": 1, k: 1e3, m: 1e6, b: 1e9, g: 1e9, t: 1e12 }[m[2].toLowerCase()] : NaN;
  }
  const fixed = (x, digits) => (Number.isFinite(x) ? x.toFixed(digits) : "–");
  const signed = (x, digits) => (Number.isFinite(x) ? (x > 0 ? "+" : x < 0 ? "−" : "") + Math.abs(x).toFixed(digits) : "–");
  const minus = (x, digits) => (x < 0 ? "−" : "") + Math.abs(x).toFixed(digits);
  const range = (r, digits) => (Number.isFinite(r.lo) ? minus(r.lo, digits) + " to " + minus(r.hi, digits) : "");
  const accuracyOf = (loss) => 1 / (1 + Math.exp(loss - 7));

  /* ---- state ---- */

  const locked = set.domains.map((_, i) => autoscaleLaw.isFixed(set, i));
  let shares = Array.from(page.starts[0].shares), reference = page.starts.length > 1 ? 1 : 0, name = page.starts[0].name;
  const lowest = () => set.domains.map((_, i) => (ask.lo ? ask.lo[i] : 0));
  function highest() {
    return set.domains.map((_, i) => {
      const most = ask.hi ? ask.hi[i] : 1;
      return Math.min(most, ask.available ? (ask.available[i] * ask.epochs[i]) / ask.tokens : Infinity);
    });
  }
  let other = autoscaleLaw.predict(set, ask, Array.from(page.starts[reference].shares));

  /* ---- the panel of shares ---- */

  const rows = set.domains.map((domain, i) => {
    const slider = element("input", { type: "range", min: 0, max: 100, step: .1, "aria-label": "share of " + domain, oninput: () => moveTo(i, slider.value / 100) });
    const number = element("input", { type: "number", min: 0, max: 100, step: .1, "aria-label": "share of " + domain + " in per cent", onchange: () => moveTo(i, number.value / 100) });
    const lock = element("input", { type: "checkbox", "aria-label": "keep " + domain + " where it is", onchange: () => (locked[i] = lock.checked) });
    lock.checked = locked[i];
    const note = element("span", { class: "soft small" });
    const title = element("bdi", { class: "name", title: domain }, domain);
    const row = element("div", { class: "share" }, title, slider, element("label", { class: "cent" }, number, " %"), element("label", { class: "lock small", title: "keep this share" }, lock, " keep"), note);
    return { row: row, slider: slider, number: number, note: note, lock: lock };
  });
  const varies = (lo, hi) => lo > 0 && hi > lo * 1.01;
  const budget = element("input", { type: "text", inputmode: "decimal", size: 8, "aria-label": "budget in tokens", onchange: () => setAsk("tokens", budget) });
  const size = element("input", { type: "text", inputmode: "decimal", size: 8, "aria-label": "parameters of the model", onchange: () => setAsk("params", size) });
  budget.value = count(ask.tokens);
  size.value = count(ask.params === null ? set.params_hi : ask.params);

  function setAsk(key, input) {
    const x = quantity(input.value);
    if (x > 0) {
      ask[key] = x;
      if (page.starts.length) other = autoscaleLaw.predict(set, ask, Array.from(page.starts[reference].shares));
      show();
    }
    input.value = count(key === "params" && ask.params === null ? set.params_hi : ask[key]);
  }

  function start(k) {
    shares = Array.from(page.starts[k].shares);
    name = page.starts[k].name;
    show();
  }
  function moveTo(i, x) {
    if (!Number.isFinite(x)) return show();
    shares = autoscaleLaw.move(shares, i, x, locked, lowest(), highest());
    name = "this mixture";
    later();
  }
  let waiting = false;
  function later() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      show();
    });
  }

  /* ---- what the law says ---- */

  const verdict = element("div", { class: "verdict" }), losses = element("tbody"), notes = element("ul", { class: "notes" });
  const exports = element("div", { class: "exports" }), save = element("a", { class: "button", download: "mixture.json" }, "Download mixture.json");
  const link = element("a", { class: "button" }, "Link to this mixture");
  const command = element("pre", { class: "copy" });

  function bar(d, most) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg"), W = 120, H = 12;
    svg.setAttribute("viewBox", "0 0 " + W + " " + H);
    svg.setAttribute("class", "bar");
    svg.setAttribute("aria-hidden", "true");
    const x = (v) => Math.max(1, Math.min(W - 1, W / 2 + (v / most) * (W / 2 - 2)));
    function piece(tag, at) {
      const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
      for (const [k, v] of Object.entries(at)) e.setAttribute(k, v);
      svg.append(e);
    }
    piece("rect", { x: Math.min(x(0), x(d.value)), width: Math.abs(x(d.value) - x(0)), y: 2, height: H - 4, class: d.value < 0 ? "better" : "worse" });
    if (Number.isFinite(d.lo)) piece("rect", { x: x(d.lo), width: Math.max(1, x(d.hi) - x(d.lo)), y: H / 2 - .75, height: 1.5, fill: "currentColor" });
    piece("rect", { x: W / 2 - .5, width: 1, y: 0, height: H, fill: "currentColor", opacity: .5 });
    return svg;
  }

  function lossRow(label, here, d, most, accuracy, strong) {
    let value = fixed(here.value, 4), interval = range(here, 4);
    if (accuracy && Number.isFinite(here.value)) {
      value = accuracyOf(here.value).toFixed(4);
      interval = Number.isFinite(here.lo) ? accuracyOf(here.hi).toFixed(4) + " to " + accuracyOf(here.lo).toFixed(4) : "";
    }
    const sure = d.hi < 0 ? "better" : d.lo > 0 ? "worse" : "";
    const head = element("th", { scope: "row" }, element("bdi", {}, label));
    return element("tr", { class: strong ? "chosen" : "" }, head, element("td", { class: "n" }, value), element("td", { class: "n soft" }, interval),
      element("td", { class: "n " + sure }, signed(d.value, 4)), element("td", { class: "n soft" }, range(d, 4)), element("td", { class: "n" }, fixed(d.p, 3)), element("td", { class: "bars" }, bar(d, most)));
  }

  function sayObjective(here, d) {
    const against = page.starts[reference].name, sure = d.hi < 0, worse = d.lo > 0;
    verdict.className = "verdict " + (sure ? "gain" : worse ? "loss" : "none");
    const big = element("p", { class: "big" });
    if (Number.isFinite(here.value)) big.append(page.words.objective + " " + here.value.toFixed(4) + (Number.isFinite(here.lo) ? " (" + range(here, 4) + ")" : ""));
    else big.append("Loss not predicted there");
    const small = element("p", {}, "Against " + against + ": " + signed(d.value, 4) + (Number.isFinite(d.lo) ? " (" + range(d, 4) + ")" : "") +
      (Number.isFinite(d.p) ? "; P(better than " + against + ") " + d.p.toFixed(3) : "") + ". Below 0 is better.");
    verdict.replaceChildren(big, small);
  }

  function sayNotes(here) {
    const list = [], far = (x, lo, hi) => autoscaleLaw.beyond(x, lo, hi);
    const P = ask.params === null ? set.params_hi : ask.params;
    if (here.axis === "tokens") list.push("The runs say nothing of losses at " + count(ask.tokens) + " tokens; differences are those at the table's own budget.");
    else if (here.axis === "params") list.push("The runs say nothing of losses at " + count(P) + " parameters; differences are those at the table's own size.");
    else if (far(ask.tokens, set.tokens_lo, set.tokens_hi) > 1) list.push(count(ask.tokens) + " tokens lie " + far(ask.tokens, set.tokens_lo, set.tokens_hi).toPrecision(3) + " times beyond the budgets of the runs: extrapolated.");
    if (here.untold >= 0) list.push("The share of " + set.domains[here.untold] + " is " + (100 * set.share_lo[here.untold]).toFixed(2) + " % in every run: what another does is not known.");
    const outside = shares.map((w, i) => [w, i]).filter(([w, i]) => !autoscaleLaw.isFixed(set, i) && (w < set.share_lo[i] - .0005 || w > set.share_hi[i] + .0005));
    if (name === page.starts[0].name) list.push("P(better) and the intervals at the top of the page include the uncertainty of having chosen the optimum from these runs; here the mixture is taken as given.");
    if (outside.length) list.push("Outside the sampled range: " + outside.map(([, i]) => set.domains[i]).join(", ") + ". The law is extrapolated there.");
    notes.replaceChildren(...list.map((text) => element("li", {}, text)));
  }

  function mixture() {
    let left = Math.round(ask.tokens);
    const weights = {}, tokens = {}, whole = shares.map((w) => Math.floor(w * ask.tokens));
    left -= whole.reduce((a, b) => a + b, 0);
    const order = shares.map((w, i) => [w * ask.tokens - whole[i], i]).sort((a, b) => b[0] - a[0]);
    for (let k = 0; k < order.length && left > 0; k++, left--) whole[order[k][1]]++;
    set.domains.forEach((domain, i) => {
      weights[domain] = shares[i];
      tokens[domain] = whole[i];
    });
    return { weights: weights, tokens: tokens, from: { command: "autoscale report", law: page.words.title, objective: page.words.objective, chosen: name } };
  }

  function showShares() {
    const hi = highest(), lo = lowest();
    rows.forEach((r, i) => {
      const w = shares[i], out = w < set.share_lo[i] - .0005 || w > set.share_hi[i] + .0005;
      r.slider.value = 100 * w;
      if (document.activeElement !== r.number) r.number.value = (100 * w).toFixed(1);
      r.row.classList.toggle("outside", out && !autoscaleLaw.isFixed(set, i));
      const parts = [count(w * ask.tokens) + " tokens"];
      if (ask.available && Number.isFinite(ask.available[i])) parts.push(((w * ask.tokens) / ask.available[i]).toFixed(2) + " epochs");
      if (lo[i] > 0 && w <= lo[i] + 1e-9) parts.push("at its minimum");
      else if (hi[i] < 1 && w >= hi[i] - 1e-9) parts.push("at its maximum");
      else if (out) parts.push("runs had " + (100 * set.share_lo[i]).toFixed(1) + " to " + (100 * set.share_hi[i]).toFixed(1) + " %");
      r.note.textContent = parts.join(", ");
    });
  }

  function showExports() {
    const text = JSON.stringify(mixture(), null, 2) + "\n";
    save.href = "data:application/json;charset=utf-8," + encodeURIComponent(text);
    link.href = "#mix=" + shares.map((w) => (100 * w).toFixed(3)).join(",") + "&tokens=" + ask.tokens;
    command.textContent = page.words.trainers.map((to) => "autoscale export mixture.json --to " + to).join("\n");
  }

  function show() {
    const here = autoscaleLaw.predict(set, ask, shares);
    const summaries = [], differences = [];
    for (let v = 0; v <= V; v++) {
      summaries.push(autoscaleLaw.summary(set, ask, here, v));
      differences.push(autoscaleLaw.difference(set, ask, here, other, v));
    }
    const most = Math.max(1e-9, ...differences.map((d) => Math.abs(d.value) || 0).concat(differences.map((d) => Math.min(Math.abs(d.hi) || 0, 2 * Math.abs(d.value) || 0))));
    const list = [lossRow(page.words.objective, summaries[V], differences[V], most, false, true)];
    for (let v = 0; v < V && !set.single; v++) list.push(lossRow(set.targets[v], summaries[v], differences[v], most, page.accuracies[v], false));
    losses.replaceChildren(...list);
    sayObjective(summaries[V], differences[V]);
    sayNotes(here);
    showShares();
    showExports();
  }

  /* ---- the page's address may hold a mixture ---- */

  function fromAddress() {
    const m = /^#mix=([0-9.,]+)(?:&tokens=([0-9.e+]+))?$/.exec(location.hash);
    const list = m ? m[1].split(",").map(Number) : [];
    const sum = list.reduce((a, b) => a + b, 0);
    if (list.length !== D || !list.every((w) => w >= 0) || !(sum > 0)) return false;
    shares = list.map((w) => w / sum);
    name = "this mixture";
    if (m[2] > 0) {
      ask.tokens = Number(m[2]);
      budget.value = count(ask.tokens);
      other = autoscaleLaw.predict(set, ask, Array.from(page.starts[reference].shares));
    }
    return true;
  }
  addEventListener("hashchange", () => fromAddress() && show());

  /* ---- together ---- */

  const starts = element("div", { class: "starts" }, "Start from ", ...page.starts.map((s, k) => element("button", { type: "button", onclick: () => start(k) }, s.name)));
  const against = element("select", { "aria-label": "compare with", onchange: () => {
    reference = Number(against.value);
    other = autoscaleLaw.predict(set, ask, Array.from(page.starts[reference].shares));
    headAgainst.textContent = "against " + page.starts[reference].name;
    show();
  } }, ...page.starts.map((s, k) => element("option", { value: k, selected: k === reference }, s.name)));
  const controls = element("div", { class: "controls" }, starts, element("label", {}, "compare with ", against));
  if (varies(set.tokens_lo, set.tokens_hi)) controls.append(element("label", {}, "budget ", budget, " tokens"));
  if (varies(set.params_lo, set.params_hi)) controls.append(element("label", {}, "model ", size, " parameters"));
  const headAgainst = element("th", { scope: "col", class: "n" }, "against " + page.starts[reference].name);
  const head = element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "target"), element("th", { scope: "col", class: "n" }, "loss"), element("th", { scope: "col", class: "n soft" }, "90 % interval"),
    headAgainst, element("th", { scope: "col", class: "n soft" }, "90 % interval"), element("th", { scope: "col", class: "n" }, "P(better)"), element("th", { scope: "col", class: "bars" })));
  exports.append(element("p", { class: "links" }, save, " ", link), element("p", { class: "small soft" }, "With that file beside you, for your trainer:"), command);
  box.append(controls, element("div", { class: "shares" }, ...rows.map((r) => r.row)), verdict, notes, element("div", { class: "scroll" }, element("table", {}, head, losses)), exports);
  box.hidden = false;
  document.querySelectorAll(".live").forEach((e) => (e.hidden = false));
  document.querySelectorAll("details.still").forEach((e) => (e.open = false));
  fromAddress();
  show();

  /* Does the page compute what the command did? */
  const worst = Math.max(0, ...page.starts.map((s, k) => {
    const asked = Object.assign({}, page.ask, { available: ask.available }), mine = autoscaleLaw.predict(set, asked, Array.from(s.shares));
    const x = autoscaleLaw.summary(set, asked, mine, V).value, y = page.told[k];
    return Number.isFinite(x) && Number.isFinite(y) ? Math.abs(x - y) : 0;
  }));
  box.dataset.off = worst.toExponential(2);
  if (page.draws.kept === page.draws.all && worst > 5e-5) notes.append(element("li", {}, "This page computes figures that differ by " + worst.toPrecision(2) + " from those of the command."));
})();
