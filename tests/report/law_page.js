/* The law in a report's page against the command: node law_page.js PAGE.html SUBJECT ANSWER ..., SUBJECT a page or a
 * LAW.json, ANSWER what `autoscale what-if --json` says of it. Runs PAGE's own script. */
"use strict";
const fs = require("fs"), vm = require("vm");
const script = /<script data-source="law\.js">([\s\S]*?)<\/script>/.exec(fs.readFileSync(process.argv[2], "utf8"))[1];
const law = vm.runInThisContext(script + "\nautoscaleLaw;");
function open(file) {
  const text = fs.readFileSync(file, "utf8");
  if (file.endsWith(".html")) return JSON.parse(/<script type="application\/json" id="law">([\s\S]*?)<\/script>/.exec(text)[1]);
  return { law: JSON.parse(text), ask: { objective: { kind: "mean" }, level: .9, z: 1.6448536269514722, available: null } };
}
let numbers = 0, worst = 0, bad = 0;
function same(what, mine, theirs, slack) {
  numbers++;
  const x = theirs === null || theirs === undefined ? NaN : theirs;
  if (Number.isNaN(mine) && Number.isNaN(x)) return;
  const off = Math.abs(mine - x);
  if (!slack) worst = Math.max(worst, off);
  if (!(off < (slack || 0) + 1e-9 * Math.max(1, Math.abs(x))) && bad++ < 5) console.log("FAILED: " + what + ": the page " + mine + ", the command " + x);
}
function interval(what, mine, value, ci) {
  same(what, mine.value, value);
  same(what + ", from", mine.lo, ci && ci[0]);
  same(what + ", to", mine.hi, ci && ci[1]);
}
for (let i = 3; i < process.argv.length; i += 2) {
  const file = process.argv[i + 1], data = open(process.argv[i]), set = law.open(data.law);
  const told = JSON.parse(fs.readFileSync(file, "utf8"));
  const ask = Object.assign({}, data.ask, { tokens: told.tokens, params: told.params });
  ask.available = ask.available && ask.available.map((x) => (x === null ? Infinity : x));
  const mixtures = told.mixtures.map((m) => law.predict(set, ask, set.domains.map((d) => m.weights[d])));
  told.mixtures.forEach((m, k) => {
    const mine = law.summary(set, ask, mixtures[k], set.V);
    interval(file + ": objective of " + m.name, mine, m.objective.predicted, m.objective.ci);
    if (set.single) return;
    set.targets.forEach((t, v) => interval(file + ": " + t + " of " + m.name, law.summary(set, ask, mixtures[k], v), m.loss[t].predicted, m.loss[t].ci));
  });
  let at = 0; /* pairs in the command's order */
  for (let a = 0; a < mixtures.length; a++)
    for (let b = a + 1; b < mixtures.length; b++, at++) {
      const d = told.differences[at], mine = law.difference(set, ask, mixtures[b], mixtures[a], set.V);
      interval(file + ": difference", mine, d.objective.difference, d.objective.ci);
      same(file + ": P(better)", mine.p, d.objective.p_better, mine.equal ? 1 : 0);
      if (set.single) continue;
      set.targets.forEach((t, v) => {
        const one = law.difference(set, ask, mixtures[b], mixtures[a], v);
        interval(file + ": difference in " + t, one, d.loss[t].difference, d.loss[t].ci);
        same(file + ": P(better) in " + t, one.p, d.loss[t].p_better, one.equal ? 1 : 0);
      });
    }
}
/* moving a share: sum 1, limits kept, locked ones stay, the others in proportion */
const D = 4, ones = new Array(D).fill(1), zeros = new Array(D).fill(0), none = new Array(D).fill(false);
const even = new Array(D).fill(1 / D), sum = (x) => x.reduce((a, b) => a + b, 0);
let moved = law.move(even, 0, .5, none, zeros, ones);
same("moved sum", sum(moved), 1);
same("moved share", moved[0], .5);
same("the others", moved[1], .5 / (D - 1));
const lock = none.slice(), hi = ones.slice();
lock[1] = true;
hi[2] = 1 / D;
moved = law.move(even, 0, 0, lock, zeros, hi);
same("locked", moved[1], 1 / D);
same("at its limit", moved[2], 1 / D);
same("sum under limits", sum(moved), 1);
same("room elsewhere", moved[0], 0);
moved = law.move(even, 0, 1, none, new Array(D).fill(.01), ones);
same("no more than there is", moved[0], 1 - .01 * (D - 1));
moved = law.move([1].concat(zeros.slice(1)), 0, .4, none, zeros, ones);
same("shares of 0 take what is left", sum(moved), 1);
same("shares of 0 take what is left", moved[0], .4);
if (!numbers || bad) process.exit(1);
console.log(numbers + " numbers, largest difference " + worst.toExponential(1));
