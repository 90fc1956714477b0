/* The answer first: the mixture, what it gains, what the search cost. */
#include "page.h"

#include "base/base_json.h"
#include "mix/mix.h"

#include <math.h>
#include <string.h>

static double epochs_of(const json_t *summary, const char *name, double tokens)
{
    double have = asc__num(asc__named(asc__at(summary, "domains"), name), "tokens");
    return have > 0 ? tokens / have : NAN;
}

static const json_t *measured_mixture(const json_t *summary, const char *name)
{
    return asc__named(asc__at(asc__at(summary, "target"), "mixtures"), name);
}

/* ---- the verdict ---- */

static void gain_sentence(asc_page *p, const json_t *gain, const char *name)
{
    asc_buf *b = &p->out;
    double mean = asc__num(gain, "mean"), lo = asc__num(gain, "lo"), hi = asc__num(gain, "hi");
    double noise = asc__num(gain, "noise");
    bool beyond = json_is_true(asc__at(gain, "beyond_noise"));
    asc_buf_printf(b, "<div class=\"verdict %s\"><p class=\"big\">", beyond ? "gain" : "none");
    if (beyond)
        asc_buf_printf(b, "%.4f %s better than uniform", mean, asc__objective_unit(p->summary));
    else
        asc_buf_puts(b, isfinite(noise) ? "No gain over uniform beyond noise"
                                        : "Gain over uniform not known: single runs, no repeats");
    asc_buf_puts(b, "</p><p>");
    if (strcmp(name, "uniform") == 0)
        asc_buf_puts(b, "The uniform mixture itself is the answer. ");
    else if (!beyond && isfinite(mean))
        asc_buf_printf(b, "Measured difference: %+.4f %s. ", mean, asc__objective_unit(p->summary));
    if (isfinite(lo) && isfinite(hi))
        asc_buf_printf(b, "90 %% interval over seeds: %.4f to %.4f. ", lo, hi);
    if (isfinite(noise))
        asc_buf_printf(b, "Seed noise (standard deviation): %.4f.", noise);
    asc_buf_puts(b, "</p></div>\n");
}

static void interval_sentence(asc_buf *b, const char *what, const json_t *pair)
{
    if (json_array_size(pair) == 2)
        asc_buf_printf(b, " (90 %% interval%s %.4f to %.4f)", what, asc__item(pair, 0), asc__item(pair, 1));
}

/* Nothing was trained at the target: what the law of all runs expects there, and how sure it is. */
static void expected_sentence(asc_page *p, const json_t *expected)
{
    asc_buf *b = &p->out;
    double gain = asc__num(expected, "gain"), better = asc__num(expected, "p_better");
    asc_buf_puts(b, "<div class=\"verdict\"><p class=\"big\">Predicted, not yet checked");
    if (isfinite(better))
        asc_buf_printf(b, ": P(better than uniform) %.2f", better);
    asc_buf_printf(b, "</p><p>Expected objective at the target: %.4f %s", asc__num(expected, "objective"),
                   asc__objective_unit(p->summary));
    interval_sentence(b, "", asc__at(expected, "ci"));
    if (isfinite(better)) {
        asc_buf_printf(b, ", %.4f %s uniform", fabs(gain), gain < 0 ? "above" : "below");
        interval_sentence(b, " of the gain", asc__at(expected, "gain_ci"));
    }
    asc_buf_puts(b, ". By the law of all runs (");
    asc__html_text(b, asc__str(expected, "law"));
    asc_buf_puts(b, "): no model was trained at the target.</p></div>\n");
}

static void verdict(asc_page *p, const json_t *answer)
{
    const json_t *gain = asc__at(answer, "gain"), *expected = asc__at(answer, "expected");
    if (json_is_object(gain)) {
        gain_sentence(p, gain, asc__str(answer, "name"));
        return;
    }
    if (json_is_object(expected)) {
        expected_sentence(p, expected);
        return;
    }
    asc_buf_puts(&p->out,
                 "<div class=\"verdict\"><p class=\"big\">Predicted, not yet checked</p><p>No model was trained at "
                 "the target, so what this mixture gains over uniform is not known.</p></div>\n");
}

/* Losses of a mixture's runs at the target on one target set; how many there are. */
static size_t losses_of(const json_t *mixture, const char *target, double *x, size_t most)
{
    size_t i, n = 0;
    json_t *run;
    json_array_foreach(asc__at(mixture, "runs"), i, run)
    {
        double loss = asc__num(asc__at(run, "loss"), target);
        if (isfinite(loss) && n < most)
            x[n++] = loss;
    }
    return n;
}

/* What the answer makes worse is part of it: targets whose interval over seeds lies above uniform's loss, or any that
 * is higher where single runs leave no interval. */
static void worse_sentence(asc_page *p, const json_t *answer)
{
    asc_buf *b = &p->out;
    const json_t *mine = measured_mixture(p->summary, asc__str(answer, "name"));
    const json_t *uniform = measured_mixture(p->summary, "uniform"),
                 *first = json_array_get(asc__at(uniform, "runs"), 0);
    const char *target;
    json_t *loss;
    bool any = false;
    json_object_foreach(mine == uniform ? NULL : json_object_get(first, "loss"), target, loss)
    {
        double x[64], y[64];
        size_t n = losses_of(mine, target, x, 64), m = losses_of(uniform, target, y, 64);
        asc_gain g = asc_gain_over(x, n, y, m, (asc_noise){NAN, 0}, .9);
        bool single = isnan(g.lo);
        if (!(g.mean < 0) || !(single || g.hi < 0))
            continue;
        asc_buf_puts(b, any ? ", " : "<p><b>Worse than with uniform:</b> ");
        asc__html_name(b, target);
        asc_buf_printf(b, " %+.4f nats%s", -g.mean, single ? " (single runs)" : "");
        any = true;
    }
    asc_buf_puts(b, any ? ".</p>\n" : "");
}

/* ---- tiles ---- */

static void tile_open(asc_buf *b)
{
    asc_buf_puts(b, "<div class=\"tile\"><b>");
}

static void tile_label(asc_buf *b, const char *label)
{
    asc_buf_printf(b, "</b><span class=\"label\">%s</span>", label);
}

static void tile_close(asc_buf *b)
{
    asc_buf_puts(b, "</div>\n");
}

static void tile_saved(asc_page *p, const json_t *answer)
{
    const json_t *saved = asc__at(measured_mixture(p->summary, asc__str(answer, "name")), "steps_saved");
    bool beyond = json_is_true(asc__at(asc__at(answer, "gain"), "beyond_noise"));
    double mean = asc__num(saved, "mean"), lo = asc__num(saved, "min"), hi = asc__num(saved, "max");
    if (!isfinite(mean) || !beyond)
        return;
    tile_open(&p->out);
    asc__html_percent(&p->out, mean);
    tile_label(&p->out, "of the steps saved against uniform");
    if (isfinite(lo) && isfinite(hi)) {
        asc_buf_puts(&p->out, "<span>");
        asc_buf_printf(&p->out, "%.1f to %.1f\xc2\xa0%% over seeds", 100 * lo, 100 * hi);
        asc_buf_puts(&p->out, "</span>");
    }
    tile_close(&p->out);
}

static void tile_cost(asc_page *p, const json_t *answer)
{
    asc_buf *b = &p->out;
    double multiple = asc__num(answer, "search_multiple"), tokens = asc__num(answer, "search_tokens");
    double seconds = asc__num(answer, "search_seconds");
    if (!isfinite(tokens) && !isfinite(multiple))
        return;
    tile_open(b);
    if (isfinite(multiple))
        asc_buf_printf(b, "%.1f\xc3\x97", multiple);
    tile_label(b, "the target run, spent on the search");
    asc_buf_puts(b, "<span>");
    asc__html_si(b, tokens);
    asc_buf_puts(b, " tokens");
    if (isfinite(seconds)) {
        asc_buf_puts(b, ", ");
        asc__html_duration(b, seconds);
        asc_buf_puts(b, " of training");
    }
    if (isfinite(asc__num(answer, "search_share")))
        asc_buf_printf(b, ", %.3g\xc3\x97 its FLOPs with evaluation", asc__num(answer, "search_share"));
    asc_buf_puts(b, "</span>");
    tile_close(b);
}

static void tile_pays(asc_page *p, const json_t *answer)
{
    double from = asc__num(answer, "pays_from_tokens");
    bool gain = json_is_object(asc__at(answer, "gain"));
    if (!gain)
        return;
    tile_open(&p->out);
    if (isfinite(from))
        asc__html_si(&p->out, from);
    else
        asc_buf_puts(&p->out, "does not pay");
    tile_label(&p->out, isfinite(from) ? "tokens: from this budget on the search pays" : "at what was measured here");
    asc_buf_puts(&p->out, isfinite(from) ? "<span>if the share of steps saved stays as it is</span>"
                                         : "<span>no saving beyond noise to set against the cost</span>");
    tile_close(&p->out);
}

static void tiles(asc_page *p, const json_t *answer)
{
    asc_buf_puts(&p->out, "<div class=\"tiles\">\n");
    tile_open(&p->out);
    asc__html_si(&p->out, asc__target_tokens(p->summary));
    tile_label(&p->out, "tokens: the target budget");
    asc_buf_puts(&p->out, "<span>objective: ");
    asc__html_text(&p->out, asc__str(p->summary, "objective"));
    asc_buf_puts(&p->out, "</span>");
    tile_close(&p->out);
    tile_saved(p, answer);
    tile_cost(p, answer);
    tile_pays(p, answer);
    asc_buf_puts(&p->out, "</div>\n");
}

/* ---- the mixture ---- */

static void mixture_chart(asc_page *p, const json_t *answer)
{
    json_t *rows = json_array(), *value;
    const json_t *weights = asc__at(answer, "weights"), *ci = asc__at(answer, "ci");
    const char *name;
    json_object_foreach((json_t *)weights, name, value)
    {
        json_t *row = asc__shown(p, name) ? asc__chart_row(rows) : NULL;
        double tokens = asc__num(asc__at(answer, "tokens"), name);
        asc__put_str(row, "domain", name);
        asc__put_num(row, "share", json_number_value(value));
        asc__put_num(row, "lo", asc__item(asc__at(ci, name), 0));
        asc__put_num(row, "hi", asc__item(asc__at(ci, name), 1));
        asc__put_num(row, "tokens", tokens);
        asc__put_num(row, "epochs", epochs_of(p->summary, name, tokens));
    }
    const char *caption =
        json_is_object(ci) ? "<b>Share of each domain.</b> Thin lines: 90 % interval." : "<b>Share of each domain.</b>";
    size_t n = json_object_size(weights);
    asc__chart(p, "answer", caption, json_pack("{s:o}", "rows", rows),
               json_pack("{s:f}", "uniform", n ? 1. / (double)n : 0.));
}

static void mixture_table(asc_page *p, const json_t *answer)
{
    static const char *const heads[] = {"domain",           "#share", "#90 % interval", "#tokens", "#epochs",
                                        "#against uniform", NULL};
    asc_buf *b = &p->out;
    const json_t *weights = asc__at(answer, "weights");
    const char *name;
    json_t *value;
    asc__table_open(b, heads);
    json_object_foreach((json_t *)weights, name, value)
    {
        double share = json_number_value(value), tokens = asc__num(asc__at(answer, "tokens"), name);
        asc__row(b);
        asc__cell_name(b, name);
        asc__cell_percent(b, share);
        asc__cell_interval(b, asc__at(asc__at(answer, "ci"), name));
        asc__cell_count(b, tokens);
        asc__cell_fixed(b, epochs_of(p->summary, name, tokens), 2);
        asc_buf_printf(b, "<td class=\"n\">%+.1f points</td>\n",
                       100 * (share - 1. / (double)json_object_size(weights)));
    }
    asc__table_close(b);
}

/* Every candidate as the law expects it at the target. */
static void candidates_table(asc_page *p)
{
    static const char *const heads[] = {
        "candidate", "#expected objective", "#90 % interval", "#below uniform", "#90 % interval", "#P(better)", NULL};
    asc_buf *b = &p->out;
    const json_t *list = asc__at(asc__at(p->summary, "prediction"), "candidates");
    json_t *c;
    size_t i, known = 0;
    json_array_foreach(list, i, c)
    {
        known += json_is_object(asc__at(c, "expected"));
    }
    if (known < 2)
        return;
    asc__details_open(b, "What the law of all runs expects of each candidate");
    asc__table_open(b, heads);
    json_array_foreach(list, i, c)
    {
        const json_t *e = asc__at(c, "expected");
        asc__row(b);
        asc__cell_name(b, asc__str(c, "name"));
        asc__cell_fixed(b, asc__num(e, "objective"), 4);
        asc__cell_range(b, asc__at(e, "ci"));
        asc__cell_fixed(b, asc__num(e, "gain"), 4);
        asc__cell_range(b, asc__at(e, "gain_ci"));
        asc__cell_fixed(b, asc__num(e, "p_better"), 2);
    }
    asc__table_close(b);
    asc__details_close(b);
}

static void unfinished(asc_page *p)
{
    const json_t *prediction = asc__at(p->summary, "prediction");
    if (json_object_size(asc__at(prediction, "weights")) == 0) {
        asc_buf_puts(&p->out, "<p>There is no answer yet.</p>\n");
        return;
    }
    asc_buf_puts(&p->out,
                 "<p>There is no answer yet. What the rule predicts from the scales measured so far, to be checked "
                 "against the plain mixtures at the target:</p>\n");
    mixture_chart(p, prediction);
    mixture_table(p, prediction);
}

void asc__section_answer(asc_page *p)
{
    const json_t *answer = asc__at(p->summary, "answer");
    asc_buf *b = &p->out;
    asc_buf_puts(b, "<section id=\"answer\"><h2>The answer</h2>\n");
    if (json_is_object(answer)) {
        verdict(p, answer);
        worse_sentence(p, answer);
        tiles(p, answer);
        asc_buf_puts(b, "<p>The mixture to train on: <b>");
        asc__html_name(b, asc__str(answer, "name"));
        asc_buf_puts(b, "</b>");
        if (*asc__str(answer, "why")) {
            asc_buf_puts(b, ": ");
            asc__html_text(b, asc__str(answer, "why"));
        }
        size_t n_why = strlen(asc__str(answer, "why"));
        bool ended = n_why > 0 && asc__str(answer, "why")[n_why - 1] == '.';
        asc_buf_puts(b, ended ? "</p>\n" : ".</p>\n");
        mixture_chart(p, answer);
        mixture_table(p, answer);
        candidates_table(p);
    } else
        unfinished(p);
    asc__html_notes(b, asc__at(p->summary, "notes"));
    asc_buf_puts(b, "</section>\n");
}
