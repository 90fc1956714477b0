/* A law's page: the optimum first, how well the law predicts, what it was made of. */
#include "section_law.h"

#include "base/base_json.h"

#include <math.h>
#include <string.h>

enum { SEE = 24 }; /* targets that a chart shows */

/* ---- the optimum ---- */

/* a: what `optimize` answers. Green only where the whole interval of the gain is above 0. */
static void verdict(asc_page *p, const json_t *a)
{
    asc_buf *b = &p->out;
    const json_t *gain = asc__at(a, "gain"), *objective = asc__at(a, "objective");
    double mean = asc__item(gain, 0), lo = asc__item(gain, 1), hi = asc__item(gain, 2),
           better = asc__num(a, "p_better");
    const char *unit = asc__str(p->summary, "unit"), *withheld = asc__str(a, "withheld");
    bool sure = lo > 0, worse = mean < 0;
    asc_buf_printf(b, "<div class=\"verdict %s\"><p class=\"big\">", sure ? "gain" : "none");
    if (*withheld)
        asc_buf_puts(b, "The mixture is predicted, its loss is not");
    else if (!isfinite(mean))
        asc_buf_puts(b, "The gain over uniform is unknown");
    else
        asc_buf_printf(b, "%.4f %s %s uniform expected", fabs(mean), unit, worse ? "above" : "below");
    if (isfinite(better))
        asc_buf_printf(b, "; P(better than uniform) %.2f", better);
    asc_buf_puts(b, "</p><p>");
    asc__html_text(b, withheld);
    asc_buf_puts(b, *withheld ? ". " : "");
    if (isfinite(lo))
        asc_buf_printf(b, "90 %% interval of the difference: %.4f to %.4f. ", lo, hi);
    if (isfinite(asc__item(objective, 0))) {
        asc_buf_printf(b, "Expected objective: %.4f %s", asc__item(objective, 0), unit);
        if (isfinite(asc__item(objective, 1)))
            asc_buf_printf(b, " (%.4f to %.4f)", asc__item(objective, 1), asc__item(objective, 2));
        asc_buf_puts(b, ". ");
    }
    asc_buf_puts(b, "A prediction by the law: nothing was trained at this budget.</p></div>\n");
}

static void tile(asc_buf *b, const char *big, const char *label, const char *small)
{
    asc_buf_puts(b, "<div class=\"tile\"><b>");
    asc__html_text(b, big);
    asc_buf_puts(b, "</b><span class=\"label\">");
    asc__html_text(b, label);
    asc_buf_puts(b, "</span><span>");
    asc__html_text(b, small);
    asc_buf_puts(b, "</span></div>\n");
}

/* Over the targets that have the figure. */
static double mean_of(const json_t *fit, const char *key)
{
    double sum = 0, n = 0;
    size_t i;
    json_t *t;
    json_array_foreach(fit, i, t)
    {
        double x = asc__num(t, key);
        sum += isfinite(x) ? x : 0;
        n += isfinite(x);
    }
    return n > 0 ? sum / n : NAN;
}

static void tiles(asc_page *p, const json_t *a)
{
    asc_buf *b = &p->out;
    const json_t *s = p->summary, *range = asc__at(s, "sampled_tokens");
    char big[64], small[160], lo[24], hi[24];
    asc_buf_puts(b, "<div class=\"tiles\">\n");
    asc_format_count(asc__num(s, "tokens"), big);
    snprintf(small, sizeof small, "runs: %s to %s", asc_format_count(asc__item(range, 0), lo),
             asc_format_count(asc__item(range, 1), hi));
    tile(b, big, "tokens: the requested budget", isfinite(asc__item(range, 0)) ? small : "");
    double cv = mean_of(asc__at(s, "fit"), "cv_mre"), rank = mean_of(asc__at(s, "fit"), "cv_spearman");
    if (isfinite(cv)) {
        snprintf(big, sizeof big, "%.2f\xc2\xa0%%", 100 * cv);
        small[0] = 0;
        if (isfinite(rank))
            snprintf(small, sizeof small, "rank correlation %.3f", rank);
        tile(b, big, "mean relative error on held-out runs", small);
    }
    double saved = asc__num(a, "steps_saved");
    if (isfinite(saved)) {
        snprintf(big, sizeof big, "%.0f\xc2\xa0%%", 100 * saved);
        tile(b, big, "fewer steps match uniform", "according to the law");
    }
    snprintf(big, sizeof big, "%.0f", asc__num(s, "n_runs"));
    snprintf(small, sizeof small, "%zu domains, %zu targets", json_array_size(asc__at(s, "domains")),
             json_array_size(asc__at(s, "targets")));
    tile(b, big, "runs behind the law", small);
    asc_buf_puts(b, "</div>\n");
}

static bool is_undetermined(const json_t *a, const char *domain)
{
    size_t i;
    json_t *name;
    json_array_foreach(asc__at(a, "undetermined"), i, name)
    {
        if (strcmp(json_string_value(name), domain) == 0)
            return true;
    }
    return false;
}

static void share_chart(asc_page *p, const json_t *a)
{
    json_t *rows = json_array(), *name;
    size_t i;
    json_array_foreach(p->shown, i, name)
    {
        const char *d = json_string_value(name);
        const json_t *ci = asc__at(asc__at(a, "ci"), d);
        bool none = is_undetermined(a, d);
        json_t *row = asc__chart_row(rows);
        asc__put_str(row, "domain", d);
        asc__put_num(row, "share", asc__num(asc__at(a, "weights"), d));
        asc__put_num(row, "lo", none ? NAN : asc__item(ci, 0));
        asc__put_num(row, "hi", none ? NAN : asc__item(ci, 1));
        asc__put_num(row, "tokens", asc__num(asc__at(a, "tokens"), d));
        asc__put_num(row, "epochs", asc__num(asc__at(a, "epochs"), d));
    }
    size_t n = json_array_size(asc__at(p->summary, "domains"));
    asc__chart(p, "answer", "<b>Share of each domain.</b> Thin lines: the optima of the law\xe2\x80\x99s draws (90 %).",
               json_pack("{s:o}", "rows", rows), json_pack("{s:f}", "uniform", n ? 1. / (double)n : 0.));
}

/* What keeps a share from moving, in words. */
static const char *bound_words(const char *bound)
{
    return strcmp(bound, "min") == 0         ? "your minimum"
           : strcmp(bound, "max") == 0       ? "your maximum"
           : strcmp(bound, "available") == 0 ? "the available tokens"
           : strcmp(bound, "trust") == 0     ? "the sampled range"
                                             : "";
}

/* The shares that the runs had. */
static void sampled_cell(asc_buf *b, const json_t *pair)
{
    double lo = asc__item(pair, 0), hi = asc__item(pair, 1);
    asc_buf_puts(b, "<td class=\"n\">");
    if (hi - lo < 5e-4)
        asc_buf_printf(b, "always %.1f\xc2\xa0%%", 100 * hi);
    else if (isfinite(lo) && isfinite(hi))
        asc_buf_printf(b, "%.1f to %.1f\xc2\xa0%%", 100 * lo, 100 * hi);
    asc_buf_puts(b, "</td>");
}

static void share_table(asc_page *p, const json_t *a)
{
    asc_buf *b = &p->out;
    const json_t *domains = asc__at(p->summary, "domains"), *bounds = asc__at(a, "bound");
    bool epochs = json_is_true(asc__at(a, "has_epochs")), limits = json_object_size(bounds) > 0;
    const char *const heads[] = {"domain",
                                 "#share",
                                 "#90 % interval",
                                 "#sampled",
                                 "#tokens",
                                 "#against uniform",
                                 epochs   ? "#epochs"
                                 : limits ? "limited by"
                                          : NULL,
                                 epochs && limits ? "limited by" : NULL,
                                 NULL};
    size_t i, n = json_array_size(domains);
    json_t *name;
    asc__table_open(b, heads);
    json_array_foreach(domains, i, name)
    {
        const char *d = json_string_value(name);
        double share = asc__num(asc__at(a, "weights"), d);
        asc__row(b);
        asc__cell_name(b, d);
        asc__cell_percent(b, share);
        if (is_undetermined(a, d))
            asc_buf_puts(b, "<td class=\"n within\">undetermined</td>");
        else
            asc__cell_interval(b, asc__at(asc__at(a, "ci"), d));
        sampled_cell(b, asc__at(asc__at(a, "sampled"), d));
        asc__cell_count(b, asc__num(asc__at(a, "tokens"), d));
        asc_buf_printf(b, "<td class=\"n\">%+.1f points</td>", 100 * (share - 1. / (double)n));
        if (epochs)
            asc__cell_fixed(b, asc__num(asc__at(a, "epochs"), d), 2);
        if (limits)
            asc__cell_text(b, bound_words(asc__str(bounds, d)));
        asc_buf_putc(b, '\n');
    }
    asc__table_close(b);
}

void asc__section_optimum(asc_page *p)
{
    const json_t *a = asc__at(p->summary, "answer");
    asc_buf *b = &p->out;
    asc_buf_puts(b, "<section id=\"answer\"><h2>The mixture for ");
    asc__html_si(b, asc__num(p->summary, "tokens"));
    asc_buf_puts(b, " tokens</h2>\n");
    verdict(p, a);
    tiles(p, a);
    share_chart(p, a);
    share_table(p, a);
    asc__html_notes(b, asc__at(a, "notes"));
    asc_buf_puts(b, "</section>\n");
}

/* ---- how well the law predicts ---- */

static void add_points(json_t *rows, const char *target, const json_t *points, const char *kind)
{
    size_t i;
    json_t *pair;
    json_array_foreach(points, i, pair)
    {
        json_t *row = asc__chart_row(rows);
        asc__put_str(row, "target", target);
        asc__put_num(row, "measured", asc__item(pair, 0));
        asc__put_num(row, "predicted", asc__item(pair, 1));
        asc__put_str(row, "kind", kind);
    }
}

static void held_chart(asc_page *p)
{
    json_t *rows = json_array(), *t;
    size_t i;
    json_array_foreach(asc__at(p->summary, "fit"), i, t)
    {
        if (i < SEE)
            add_points(rows, asc__str(t, "name"), asc__at(t, "held"), "held out");
    }
    json_array_foreach(asc__at(p->summary, "measured"), i, t)
    {
        if (i < SEE)
            add_points(rows, asc__str(t, "name"), asc__at(t, "points"), "never seen");
    }
    if (json_array_size(rows) == 0) {
        json_decref(rows);
        return;
    }
    asc__chart(p, "held",
               "<b>Predicted against measured loss</b>, nats per token. Every point is a run that the law had not seen "
               "when it predicted it; on the line it is exact.",
               json_pack("{s:o}", "rows", rows), json_object());
}

static double error_on(const json_t *measured, const char *target)
{
    return asc__num(asc__named(measured, target), "mre");
}

static void fit_table(asc_page *p)
{
    asc_buf *b = &p->out;
    const json_t *fit = asc__at(p->summary, "fit"), *measured = asc__at(p->summary, "measured");
    static const char *const heads[] = {"target",         "law",        "#held-out error", "#rank correlation",
                                        "#forward error", "#R\xc2\xb2", "#noise of a run", "#rows"};
    size_t i;
    json_t *t;
    asc__table_begin(b);
    for (i = 0; i < sizeof heads / sizeof *heads; i++)
        asc__table_head(b, heads[i] + (*heads[i] == '#'), *heads[i] == '#');
    if (measured)
        asc__table_head(b, asc__str(p->summary, "measured_name"), true);
    asc__table_heads_end(b);
    json_array_foreach(fit, i, t)
    {
        asc__row(b);
        asc__cell_name(b, asc__str(t, "name"));
        asc__cell_text(b, asc__str(t, "law"));
        asc__cell_error(b, asc__num(t, "cv_mre"));
        asc__cell_fixed(b, asc__num(t, "cv_spearman"), 3);
        asc__cell_error(b, asc__num(t, "forward_mre"));
        asc__cell_fixed(b, asc__num(t, "r2"), 4);
        asc__cell_fixed(b, asc__num(t, "noise"), 4);
        asc__cell_count(b, asc__num(t, "n_rows"));
        if (measured)
            asc__cell_error(b, error_on(measured, asc__str(t, "name")));
        asc_buf_putc(b, '\n');
    }
    asc__table_close(b);
}

void asc__section_law_fit(asc_page *p)
{
    asc_buf *b = &p->out;
    asc_buf_puts(b, "<section id=\"fit\"><h2>How well the law predicts</h2>\n<p>Law: <b>");
    asc__html_text(b, asc__str(p->summary, "law"));
    asc_buf_puts(b, "</b>. The held-out error is the mean relative error on runs that a fit had not seen; the forward "
                    "error is that of a fit to the smaller sizes or budgets on the largest.");
    if (isnan(mean_of(asc__at(p->summary, "fit"), "cv_mre")))
        asc_buf_puts(b, " This law needs every run of its design, so none was held out.");
    asc_buf_puts(b, "</p>\n");
    held_chart(p);
    asc__details_open(b, "Errors by target");
    fit_table(p);
    asc__details_close(b);
    asc_buf_puts(b, "</section>\n");
}

/* Sizes of the models, where the table says them. */
static void sizes(asc_buf *b, const json_t *s)
{
    const json_t *sampled = asc__at(s, "sampled_params");
    double lo = asc__item(sampled, 0), hi = asc__item(sampled, 1);
    if (!isfinite(lo))
        return;
    asc_buf_puts(b, "<dt>parameters</dt><dd>");
    asc__html_si(b, lo);
    if (hi > lo) {
        asc_buf_puts(b, " to ");
        asc__html_si(b, hi);
    }
    if (isfinite(asc__num(s, "params"))) {
        asc_buf_puts(b, "; predictions here: ");
        asc__html_si(b, asc__num(s, "params"));
    }
    asc_buf_puts(b, "</dd>");
}

/* ---- how it was made ---- */

void asc__section_law_made(asc_page *p)
{
    asc_buf *b = &p->out;
    const json_t *s = p->summary;
    asc_buf_puts(b, "<section id=\"made\"><h2>How it was made</h2>\n<dl>\n<dt>law</dt><dd>");
    asc__html_text(b, asc__str(s, "law"));
    asc_buf_puts(b, json_is_true(asc__at(s, "chosen")) ? " (chosen)</dd>" : "</dd>");
    asc_buf_puts(b, "<dt>objective</dt><dd>");
    asc__html_text(b, asc__str(s, "objective"));
    asc_buf_printf(b, "</dd><dt>runs</dt><dd>%.0f, %.0f rows</dd>", asc__num(s, "n_runs"), asc__num(s, "n_rows"));
    sizes(b, s);
    asc_buf_puts(b, "<dt>autoscale</dt><dd>" ASC_VERSION "</dd></dl>\n");
    asc__html_notes(b, asc__at(s, "notes"));
    asc_buf_puts(b, "</section>\n");
}
