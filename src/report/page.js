"use strict";
/* Draws the charts: each figure holds a Vega spec as JSON. Text from the study only ever becomes text nodes. */
(function () {
  const loaded = {};
  function require(name) {
    if (!loaded[name]) {
      const module = { exports: {} };
      loaded[name] = module;
      modules[name].call({}, module, module.exports, require);
    }
    return loaded[name].exports;
  }

  const ink = "currentColor", font = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';
  const config = {
    background: null,
    axis: { labelFont: font, titleFont: font, labelColor: ink, titleColor: ink, titleFontWeight: 500, titleOpacity: .75, labelOpacity: .85,
      labelFontSize: 12, titleFontSize: 12, domainColor: ink, domainOpacity: .4, tickColor: ink, tickOpacity: .4, gridColor: ink, gridOpacity: .12,
      titlePadding: 8 },
    legend: { labelFont: font, titleFont: font, labelColor: ink, titleColor: ink, labelFontSize: 12, titleFontSize: 12, titleFontWeight: 500,
      titleOpacity: .75, symbolSize: 90, columnPadding: 16, offset: 10 },
    title: { font: font, color: ink, fontSize: 13, fontWeight: 600 },
    text: { font: font, fill: ink },
    path: { stroke: null }
  };

  const tip = document.createElement("div");
  tip.id = "tip";
  document.body.appendChild(tip);
  function line(key, value) {
    const row = document.createElement("div"), k = document.createElement("span"), v = document.createElement("span");
    k.textContent = key;
    v.textContent = value;
    row.append(k, v);
    return row;
  }
  function tooltip(handler, event, item, value) {
    if (value === null || value === undefined || value === "") {
      tip.style.display = "none";
      return;
    }
    tip.replaceChildren();
    if (typeof value === "object") {
      for (const [key, text] of Object.entries(value)) {
        if (key === "") {
          const head = document.createElement("b");
          head.textContent = text;
          tip.append(head);
        } else if (text !== "") tip.append(line(key, text));
      }
    } else tip.append(String(value));
    tip.style.display = "block";
    const box = tip.getBoundingClientRect();
    tip.style.left = Math.max(4, Math.min(event.clientX + 14, innerWidth - box.width - 8)) + "px";
    tip.style.top = (event.clientY + 18 + box.height > innerHeight ? event.clientY - box.height - 10 : event.clientY + 18) + "px";
  }

  function fold(figure) {
    let after = figure.parentElement.matches(".pair, .stack") ? figure.parentElement.nextElementSibling : figure.nextElementSibling;
    for (; after && after.tagName === "DETAILS"; after = after.nextElementSibling) after.open = false;
  }

  /* Rows of a table in the order of a clicked column; numbers by their exact value. */
  function sortable(table) {
    const heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach((head, column) => {
      head.classList.add("sortable");
      head.title = "sort";
      head.tabIndex = 0;
      head.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        head.click();
      });
      head.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach((h) => h.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const key = (row) => {
          const cell = row.cells[column];
          return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v);
        };
        const body = table.tBodies[0], rows = Array.from(body.rows).map((row) => [key(row), row]);
        rows.sort((a, b) => (typeof a[0] === "number" && typeof b[0] === "number" ? a[0] - b[0] :
          typeof a[0] === typeof b[0] ? String(a[0]).localeCompare(String(b[0])) : typeof a[0] === "number" ? -1 : 1) * (up ? 1 : -1));
        rows.forEach((r) => body.append(r[1]));
      });
    });
  }
  document.querySelectorAll("table").forEach(sortable);

  if (typeof modules === "undefined") return;
  const dataflow = require("vega-dataflow"), parser = require("vega-parser"), View = require("vega-view").View;
  Object.assign(dataflow.transforms, require("vega-transforms"), require("vega-view-transforms"), require("vega-encode"));

  const views = [];
  async function draw(figure) {
    const box = figure.querySelector(".view"), spec = JSON.parse(figure.querySelector("script").textContent);
    const width = () => Math.floor(box.clientWidth);
    box.classList.remove("undrawn");
    spec.signals.find((s) => s.name === "W").value = width();
    const view = new View(parser.parse(spec, config), { renderer: "svg", container: box, hover: true, tooltip: tooltip });
    await view.runAsync();
    figure.dataset.drawn = "yes";
    fold(figure);
    views.push({ view: view, width: width });
  }
  document.querySelectorAll("figure[data-chart]").forEach((figure) => {
    draw(figure).catch((problem) => {
      figure.querySelector(".view").classList.add("undrawn");
      console.error("chart " + figure.dataset.chart + ": " + problem.message);
    });
  });
  let waiting = 0;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => views.forEach((v) => v.view.signal("W", v.width()).runAsync()), 120);
  });
})();
