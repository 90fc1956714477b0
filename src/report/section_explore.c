/* A law's page: what can be asked of the law. Sliders, values of domains, the optimum by budget, slices. */
#include "section_law.h"

#include "base/base_json.h"

#include <math.h>
#include <string.h>

enum { SEE = 24 };

/* Kept in step with src/export by a test: this room may not ask that one. */
const char *const asc__trainers[] = {"megatron", "nemo",        "olmo-core", "torchtitan", "mosaicml",
                                     "levanter", "hf-datasets", "litgpt",    "csv",        NULL};

void asc__export_lines(asc_buf *b, const char *file)
{
    asc_buf_puts(b, "<pre class=\"copy\">");
    for (const char *const *t = asc__trainers; *t; t++) {
        asc_buf_puts(b, "autoscale export ");
        asc__html_text(b, file);
        asc_buf_printf(b, " --to %s\n", *t);
    }
    asc_buf_puts(b, "</pre>\n");
}

/* ---- try a mixture ---- */

/* trio: [value, lo, hi]; the interval where there is one. */
static void range_cell(asc_buf *b, const json_t *trio, int digits, bool sign)
{
    double x = asc__item(trio, 0), lo = asc__item(trio, 1), hi = asc__item(trio, 2);
    char exact[32];
    asc_buf_puts(b, "<td class=\"n\"");
    if (isfinite(x))
        asc_buf_printf(b, " data-v=\"%s\"", asc_format_double(x, exact));
    asc_buf_putc(b, '>');
    if (isfinite(x))
        asc_buf_printf(b, sign ? "%+.*f" : "%.*f", digits, x);
    else
        asc_buf_puts(b, "\xe2\x80\x93");
    if (isfinite(lo) && isfinite(hi))
        asc_buf_printf(b, " <span class=\"soft small\">%.*f to %.*f</span>", digits, lo, digits, hi);
    asc_buf_puts(b, "</td>");
}

/* Without JavaScript and on paper: the losses of the mixtures that the sliders start from. */
static void mixtures_table(asc_page *p)
{
    asc_buf *b = &p->out;
    const json_t *mixtures = asc__at(p->summary, "mixtures"), *targets = asc__at(p->summary, "targets");
    size_t i, k;
    json_t *m, *t;
    asc__table_begin(b);
    asc__table_head(b, "target", false);
    json_array_foreach(mixtures, k, m)
    {
        asc__table_head(b, asc__str(m, "name"), true);
    }
    asc__table_heads_end(b);
    json_array_foreach(targets, i, t)
    {
        const char *name = json_string_value(t);
        if (isnan(asc__item(asc__at(asc__at(json_array_get(mixtures, 0), "loss"), name), 0)))
            continue;
        asc__row(b);
        asc__cell_name(b, name);
        json_array_foreach(mixtures, k, m)
        {
            range_cell(b, asc__at(asc__at(m, "loss"), name), 4, false);
        }
    }
    asc__row(b);
    asc__cell_name(b, asc__str(p->summary, "objective"));
    json_array_foreach(mixtures, k, m)
    {
        range_cell(b, asc__at(m, "objective"), 4, false);
    }
    asc__table_close(b);
}

/* Targets that the optimum makes worse, beyond their interval: they belong into the answer. */
static void worse_sentence(asc_page *p)
{
    asc_buf *b = &p->out;
    const json_t *best = json_array_get(asc__at(p->summary, "mixtures"), 0);
    const char *name;
    json_t *d;
    size_t n = 0;
    json_object_foreach(json_object_get(best, "against_uniform"), name, d)
    {
        if (!(asc__item(d, 1) > 0))
            continue;
        asc_buf_puts(b, n++ ? ", " : "<p>The optimum makes some targets worse than uniform does: ");
        asc__html_name(b, name);
        asc_buf_printf(b, " %+.4f nats", asc__item(d, 0));
    }
    asc_buf_puts(b, n ? ".</p>\n" : "");
}

void asc__section_try(asc_page *p)
{
    asc_buf *b = &p->out;
    const json_t *page = asc__at(p->summary, "page"), *draws = asc__at(page, "draws");
    if (p->status != ASC_OK)
        return;
    asc_buf_puts(b, "<section id=\"try\"><h2>Try a mixture</h2>\n");
    worse_sentence(p);
    asc_buf_puts(b,
                 "<p class=\"live\" hidden>Move a share: the others keep their proportions, limits are respected, "
                 "locked domains "
                 "stay. The predictions follow immediately and equal those of <code>autoscale what-if</code>.</p>\n");
    if (asc__num(draws, "kept") < asc__num(draws, "all"))
        asc_buf_printf(
            b,
            "<p class=\"soft small\">The page contains %.0f of the law\xe2\x80\x99s %.0f draws, evenly sampled: "
            "its figures differ in the last digits from those of <code>autoscale what-if</code>.</p>\n",
            asc__num(draws, "kept"), asc__num(draws, "all"));
    asc_buf_puts(b, "<div id=\"sliders\" hidden></div>\n<details open class=\"still\"><summary>Losses of the initial "
                    "mixtures</summary>\n");
    mixtures_table(p);
    asc_buf_puts(b, "</details>\n");
    asc__html_notes(b, asc__at(p->summary, "mixtures_notes"));
    asc_buf_puts(b, "<script type=\"application/json\" id=\"law\">");
    p->status = asc__html_json(b, page, p->err);
    asc_buf_puts(b, "</script>\n</section>\n");
}

/* ---- what domains are worth ---- */

static void worth_chart(asc_page *p, const json_t *points)
{
    json_t *rows = json_array(), *name, *t;
    size_t i, k;
    double most = 0;
    json_array_foreach(p->shown, i, name)
    {
        const json_t *row = asc__at(points, json_string_value(name)), *loss = asc__at(row, "loss");
        for (k = 0; k <= json_array_size(asc__at(p->summary, "targets")) && k <= SEE; k++) {
            t = k ? json_array_get(asc__at(p->summary, "targets"), k - 1) : NULL;
            const json_t *v = t ? asc__at(loss, json_string_value(t)) : asc__at(row, "objective");
            if (k && !t)
                break;
            if (isnan(asc__item(v, 0)))
                continue;
            json_t *cell = asc__chart_row(rows);
            asc__put_str(cell, "train", json_string_value(name));
            asc__put_str(cell, "target", t ? json_string_value(t) : asc__str(p->summary, "objective"));
            asc__put_num(cell, "change", 1e3 * asc__item(v, 0));
            asc__put_num(cell, "lo", 1e3 * asc__item(v, 1));
            asc__put_num(cell, "hi", 1e3 * asc__item(v, 2));
            most = fmax(most, fabs(1e3 * asc__item(v, 0)));
        }
    }
    if (json_array_size(rows) == 0) {
        json_decref(rows);
        return;
    }
    asc__chart(p, "transfer",
               "<b>One percentage point more of a domain</b> (rows; the others scaled down): change of the loss on "
               "each target (columns) in thousandths of a nat per token. Blue helps, red hurts; grey italics: the 90 % "
               "interval holds 0.",
               json_pack("{s:o}", "rows", rows), json_pack("{s:f}", "limit", most > 0 ? most : 1));
}

static void worth_table(asc_page *p, const json_t *values)
{
    asc_buf *b = &p->out;
    const json_t *tokens = asc__at(values, "per_token");
    double unit = asc__num(values, "unit");
    bool budgets = json_object_size(tokens) > 0;
    size_t i;
    json_t *name;
    asc__table_begin(b);
    asc__table_head(b, "domain", false);
    asc__table_head(b, "share there", true);
    asc__table_head(b, "one point more, 1e-3 nats", true);
    asc__table_head(b, "P(helps)", true);
    if (budgets) {
        asc__table_head(b, unit >= 1e9 ? "nats per billion more tokens of it" : "nats per million more tokens of it",
                        true);
        asc__table_head(b, "P(helps)", true);
    }
    asc__table_heads_end(b);
    json_array_foreach(asc__at(p->summary, "domains"), i, name)
    {
        const char *d = json_string_value(name);
        const json_t *point = asc__at(asc__at(asc__at(values, "per_point"), d), "objective"),
                     *more = asc__at(asc__at(tokens, d), "objective");
        json_t *scaled =
            json_pack("[f,f,f]", 1e3 * asc__item(point, 0), 1e3 * asc__item(point, 1), 1e3 * asc__item(point, 2));
        asc__row(b);
        asc__cell_name(b, d);
        asc__cell_percent(b, asc__num(asc__at(values, "weights"), d));
        range_cell(b, scaled, 2, true);
        asc__cell_fixed(b, asc__item(point, 3), 2);
        if (budgets) {
            range_cell(b, more, 4, true);
            asc__cell_fixed(b, asc__item(more, 3), 2);
        }
        asc_buf_putc(b, '\n');
        json_decref(scaled);
    }
    asc__table_close(b);
}

static void matrix_table(asc_page *p, const json_t *points)
{
    asc_buf *b = &p->out;
    const json_t *targets = asc__at(p->summary, "targets");
    size_t i, k;
    json_t *name, *t;
    asc__table_begin(b);
    asc__table_head(b, "domain", false);
    json_array_foreach(targets, k, t)
    {
        asc__table_head(b, json_string_value(t), true);
    }
    asc__table_heads_end(b);
    json_array_foreach(asc__at(p->summary, "domains"), i, name)
    {
        asc__row(b);
        asc__cell_name(b, json_string_value(name));
        json_array_foreach(targets, k, t)
        {
            asc__cell_fixed(
                b,
                1e3 * asc__item(
                          asc__at(asc__at(asc__at(points, json_string_value(name)), "loss"), json_string_value(t)), 0),
                2);
        }
        asc_buf_putc(b, '\n');
    }
    asc__table_close(b);
}

void asc__section_worth(asc_page *p)
{
    asc_buf *b = &p->out;
    const json_t *values = asc__at(p->summary, "values"), *points = asc__at(values, "per_point");
    const json_t *first = json_array_get(asc__at(p->summary, "domains"), 0);
    asc_buf_puts(b, "<section id=\"worth\"><h2>Which domains matter</h2>\n<p>Around the middle of the "
                    "table\xe2\x80\x99s runs, at ");
    asc__html_si(b, asc__num(values, "tokens"));
    asc_buf_puts(b, " tokens. Negative numbers help: the loss falls.</p>\n");
    worth_chart(p, points);
    asc__details_open(b, "The objective by domain, with intervals");
    worth_table(p, values);
    asc__details_close(b);
    if (json_object_size(asc__at(asc__at(points, first ? json_string_value(first) : ""), "loss")) > 0) {
        asc__details_open(b, "Every domain on every target, 1e-3 nats per percentage point");
        matrix_table(p, points);
        asc__details_close(b);
    }
    asc_buf_puts(b, "</section>\n");
}

/* ---- the optimum by budget ---- */

static void budget_chart(asc_page *p, const json_t *budgets)
{
    json_t *rows = json_array(), *at, *name;
    size_t i, d;
    json_array_foreach(budgets, i, at)
    {
        json_array_foreach(p->shown, d, name)
        {
            const json_t *ci = asc__at(asc__at(at, "ci"), json_string_value(name));
            json_t *row = asc__chart_row(rows);
            asc__put_str(row, "domain", json_string_value(name));
            asc__put_num(row, "tokens", asc__num(at, "tokens"));
            asc__put_num(row, "share", asc__num(asc__at(at, "weights"), json_string_value(name)));
            asc__put_num(row, "lo", asc__item(ci, 0));
            asc__put_num(row, "hi", asc__item(ci, 1));
            asc__put_num(row, "beyond", asc__num(at, "beyond"));
        }
    }
    const json_t *range = asc__at(p->summary, "sampled_tokens");
    asc__chart(p, "budget",
               "<b>Best share of each domain by budget.</b> Grey: the budgets of the runs. Beyond them the law is "
               "extrapolated, and the lines fade. Click a name to hide it.",
               json_pack("{s:o}", "rows", rows),
               json_pack("{s:O,s:f,s:f,s:f}", "domains", p->shown, "asked", asc__num(p->summary, "tokens"), "from",
                         asc__item(range, 0), "to", asc__item(range, 1)));
}

static void budget_table(asc_page *p, const json_t *budgets)
{
    asc_buf *b = &p->out;
    size_t i, d;
    json_t *at, *name;
    asc__table_begin(b);
    asc__table_head(b, "domain", false);
    json_array_foreach(budgets, i, at)
    {
        char head[64], n[24];
        double beyond = asc__num(at, "beyond");
        snprintf(head, sizeof head, beyond > 1.001 ? "%s (%.3gx beyond)" : "%s",
                 asc_format_count(asc__num(at, "tokens"), n), beyond);
        asc__table_head(b, head, true);
    }
    asc__table_heads_end(b);
    json_array_foreach(asc__at(p->summary, "domains"), d, name)
    {
        asc__row(b);
        asc__cell_name(b, json_string_value(name));
        json_array_foreach(budgets, i, at)
        {
            asc__cell_percent(b, asc__num(asc__at(at, "weights"), json_string_value(name)));
        }
        asc_buf_putc(b, '\n');
    }
    asc__row(b);
    asc__cell_name(b, "below uniform");
    json_array_foreach(budgets, i, at)
    {
        asc__cell_fixed(b, asc__item(asc__at(at, "gain"), 0), 4);
    }
    asc__table_close(b);
}

void asc__section_law_budget(asc_page *p)
{
    const json_t *budgets = asc__at(p->summary, "budgets"), *range = asc__at(p->summary, "sampled_tokens");
    asc_buf *b = &p->out;
    asc_buf_puts(b, "<section id=\"budget\"><h2>The optimum by budget</h2>\n");
    if (json_array_size(budgets) < 2) {
        asc_buf_puts(b, "<p>Every run behind this law has ");
        asc__html_si(b, asc__item(range, 1));
        asc_buf_puts(b, " tokens, so it says nothing about how the optimum moves with the budget. Runs at two or more "
                        "budgets do.</p>\n</section>\n");
        return;
    }
    budget_chart(p, budgets);
    asc__details_open(b, "Shares by budget");
    budget_table(p, budgets);
    asc__details_close(b);
    asc_buf_puts(b, "</section>\n");
}

/* ---- slices ---- */

static json_t *slice_rows(asc_page *p, double *most)
{
    json_t *rows = json_array(), *name, *at;
    size_t d, i;
    const json_t *answer = asc__at(p->summary, "answer");
    json_array_foreach(p->shown, d, name)
    {
        const char *domain = json_string_value(name);
        const json_t *range = asc__at(asc__at(answer, "sampled"), domain);
        double own = asc__num(asc__at(answer, "weights"), domain);
        json_array_foreach(asc__at(asc__at(p->summary, "slices"), domain), i, at)
        {
            json_t *row = asc__chart_row(rows);
            double x = asc__item(at, 0);
            asc__put_str(row, "domain", domain);
            asc__put_num(row, "share", x);
            asc__put_num(row, "change", asc__item(at, 1));
            asc__put_num(row, "lo", asc__item(at, 2));
            asc__put_num(row, "hi", asc__item(at, 3));
            json_object_set_new(row, "here", json_boolean(fabs(x - own) < 1e-9));
            json_object_set_new(row, "sampled",
                                json_boolean(x >= asc__item(range, 0) - .005 && x <= asc__item(range, 1) + .005));
            if (x > .25 * own)
                *most = fmax(*most, fabs(asc__item(at, 1)));
        }
    }
    return rows;
}

static void slice_table(asc_page *p)
{
    static const char *const heads[] = {"domain", "#share", "#objective above the optimum's", "#90 % interval", NULL};
    asc_buf *b = &p->out;
    json_t *name, *at;
    size_t d, i;
    asc__table_open(b, heads);
    json_array_foreach(asc__at(p->summary, "domains"), d, name)
    {
        json_array_foreach(asc__at(asc__at(p->summary, "slices"), json_string_value(name)), i, at)
        {
            json_t *ci = json_pack("[f,f]", asc__item(at, 2), asc__item(at, 3));
            asc__row(b);
            asc__cell_name(b, json_string_value(name));
            asc__cell_percent(b, asc__item(at, 0));
            asc__cell_fixed(b, asc__item(at, 1), 4);
            asc__cell_range(b, isfinite(asc__item(at, 2)) ? ci : NULL);
            asc_buf_putc(b, '\n');
            json_decref(ci);
        }
    }
    asc__table_close(b);
}

void asc__section_slices(asc_page *p)
{
    asc_buf *b = &p->out;
    double most = 0;
    json_t *rows = slice_rows(p, &most);
    asc_buf_puts(b, "<section id=\"slices\"><h2>Around the optimum</h2>\n<p>The objective as one domain\xe2\x80\x99s "
                    "share moves and the others keep their proportions, minus that of the optimum: flat means that the "
                    "share hardly matters.</p>\n");
    if (json_array_size(rows) > 0)
        asc__chart(p, "slices",
                   "<b>Objective above the optimum\xe2\x80\x99s</b> by share of the domain. Band: 90 % interval. "
                   "Point: the optimum. Dashed: outside the sampled range.",
                   json_pack("{s:o}", "rows", rows), json_pack("{s:f}", "most", most > 0 ? most : .01));
    else
        json_decref(rows);
    asc__details_open(b, "The slices in numbers");
    slice_table(p);
    asc__details_close(b);
    asc_buf_puts(b, "</section>\n");
}
