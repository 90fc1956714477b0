/* The answer first: the mixture, what it gains, what the search cost. */
#include "page.h"

#include "base/base_json.h"
#include "mix/mix.h"

#include <math.h>
#include <string.h>

static double epochs_of(const asc_summary_domain *d, double tokens)
{
    return d->tokens > 0 ? tokens / d->tokens : NAN;
}

/* ---- the verdict ---- */

static void gain_sentence(asc_page *p)
{
    asc_buf *b = &p->out;
    const asc_summary_gain *g = &p->study->answer.gain;
    const char *unit = asc__objective_unit(p->study);
    asc_buf_printf(b, "<div class=\"verdict %s\"><p class=\"big\">", g->beyond_noise ? "gain" : "none");
    if (g->beyond_noise)
        asc_buf_printf(b, "%.4f %s better than uniform", g->mean, unit);
    else
        asc_buf_puts(b, isfinite(g->noise) ? "No gain over uniform beyond noise"
                                           : "Gain over uniform unknown: single runs, no repeats");
    asc_buf_puts(b, "</p><p>");
    if (strcmp(asc__or_empty(p->study->answer.name), "uniform") == 0)
        asc_buf_puts(b, "The uniform mixture itself is the answer. ");
    else if (!g->beyond_noise && isfinite(g->mean))
        asc_buf_printf(b, "Measured difference: %+.4f %s. ", g->mean, unit);
    if (isfinite(g->lo) && isfinite(g->hi))
        asc_buf_printf(b, "90 %% interval over seeds: %.4f to %.4f. ", g->lo, g->hi);
    if (isfinite(g->noise))
        asc_buf_printf(b, "Seed noise (standard deviation): %.4f.", g->noise);
    asc_buf_puts(b, "</p></div>\n");
}

static void interval_sentence(asc_buf *b, const char *what, asc_interval x)
{
    if (!isnan(x.lo) && !isnan(x.hi))
        asc_buf_printf(b, " (90 %% interval%s %.4f to %.4f)", what, x.lo, x.hi);
}

/* Nothing was trained at the target: what the law of all runs expects there, and how sure it is. */
static void expected_sentence(asc_page *p)
{
    asc_buf *b = &p->out;
    const asc_summary_expected *e = &p->study->answer.expected;
    asc_buf_puts(b, "<div class=\"verdict\"><p class=\"big\">Predicted, not yet checked");
    if (isfinite(e->p_better))
        asc_buf_printf(b, ": P(better than uniform) %.2f", e->p_better);
    asc_buf_printf(b, "</p><p>Expected objective at the target: %.4f %s", e->objective, asc__objective_unit(p->study));
    interval_sentence(b, "", e->ci);
    if (isfinite(e->p_better)) {
        asc_buf_printf(b, ", %.4f %s uniform", fabs(e->gain), e->gain < 0 ? "above" : "below");
        interval_sentence(b, " of the gain", e->gain_ci);
    }
    asc_buf_puts(b, ". Predicted by the law fitted to all runs (");
    asc__html_text(b, asc__or_empty(e->law));
    asc_buf_puts(b, "): no model was trained at the target.</p></div>\n");
}

static void verdict(asc_page *p)
{
    if (p->study->answer.gain.known)
        gain_sentence(p);
    else if (p->study->answer.expected.known)
        expected_sentence(p);
    else
        asc_buf_puts(
            &p->out,
            "<div class=\"verdict\"><p class=\"big\">Predicted, not yet validated</p><p>No model was trained at "
            "the target, so its gain over uniform is unknown.</p></div>\n");
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

static void tile_saved(asc_page *p, const asc_summary_answer *answer)
{
    double mean = answer->saved.mean, lo = answer->saved.lo, hi = answer->saved.hi;
    if (answer->saved.pairs == 0 || !isfinite(mean) || !answer->gain.beyond_noise)
        return;
    tile_open(&p->out);
    asc__html_percent(&p->out, mean);
    tile_label(&p->out, "of the steps saved against uniform");
    if (isfinite(lo) && isfinite(hi)) {
        asc_buf_puts(&p->out, "<span>");
        asc_buf_printf(&p->out, "%.1f to %.1f\xc2\xa0%% over seeds", 100 * lo, 100 * hi);
        asc_buf_puts(&p->out, answer->saved.shorter ? ", in a run planned that much shorter</span>" : "</span>");
    }
    tile_close(&p->out);
}

static void tile_cost(asc_page *p, const asc_summary_answer *answer)
{
    asc_buf *b = &p->out;
    double multiple = answer->search_multiple, tokens = answer->search_tokens, seconds = answer->search_seconds;
    if (!isfinite(tokens) && !isfinite(multiple))
        return;
    tile_open(b);
    if (isfinite(multiple))
        asc_buf_printf(b, multiple < 1 ? "%.2f\xc3\x97" : "%.1f\xc3\x97", multiple);
    tile_label(b, "the target run, spent on the search");
    asc_buf_puts(b, "<span>");
    asc__html_si(b, tokens);
    asc_buf_puts(b, " tokens");
    if (isfinite(seconds)) {
        asc_buf_puts(b, ", ");
        asc__html_duration(b, seconds);
        asc_buf_puts(b, " of training");
    }
    if (isfinite(answer->search_share))
        asc_buf_printf(b, ", %.3g\xc3\x97 its FLOPs with evaluation", answer->search_share);
    asc_buf_puts(b, "</span>");
    tile_close(b);
}

static void tile_pays(asc_page *p, const asc_summary_answer *answer)
{
    double from = answer->pays_from_tokens;
    if (!answer->gain.known)
        return;
    tile_open(&p->out);
    if (isfinite(from))
        asc__html_si(&p->out, from);
    else
        asc_buf_puts(&p->out, "does not pay");
    tile_label(&p->out, isfinite(from) ? "break-even budget in tokens" : "at what was measured here");
    asc_buf_puts(&p->out, isfinite(from) ? "<span>if the share of steps saved stays constant</span>"
                                         : "<span>no saving beyond noise to offset the cost</span>");
    tile_close(&p->out);
}

static void tiles(asc_page *p, const asc_summary_answer *answer)
{
    asc_buf_puts(&p->out, "<div class=\"tiles\">\n");
    tile_open(&p->out);
    asc__html_si(&p->out, asc__target_tokens(p->study));
    tile_label(&p->out, "tokens: the target budget");
    asc_buf_puts(&p->out, "<span>objective: ");
    asc__html_text(&p->out, asc__or_empty(p->study->objective));
    asc_buf_puts(&p->out, "</span>");
    tile_close(&p->out);
    tile_saved(p, answer);
    tile_cost(p, answer);
    tile_pays(p, answer);
    asc_buf_puts(&p->out, "</div>\n");
}

/* ---- the mixture ---- */

/* Shares (D) with their intervals and tokens, NULL where they are not known. */
static void mixture_chart(asc_page *p, const double *weights, const asc_interval *ci, const double *all_tokens)
{
    const asc_summary *s = p->study;
    json_t *rows = json_array();
    for (size_t i = 0; i < s->n_domains; i++) {
        const asc_summary_domain *d = &s->domains[i];
        json_t *row = asc__shown(p, d->name) ? asc__chart_row(rows) : NULL;
        double tokens = all_tokens ? all_tokens[i] : NAN;
        asc__put_str(row, "domain", d->name);
        asc__put_num(row, "share", weights[i]);
        asc__put_num(row, "lo", ci ? ci[i].lo : NAN);
        asc__put_num(row, "hi", ci ? ci[i].hi : NAN);
        asc__put_num(row, "tokens", tokens);
        asc__put_num(row, "epochs", epochs_of(d, tokens));
    }
    const char *caption =
        ci ? "<b>Share of each domain.</b> Thin lines: 90 % interval." : "<b>Share of each domain.</b>";
    size_t n = s->n_domains;
    asc__chart(p, "answer", caption, json_pack("{s:o}", "rows", rows),
               json_pack("{s:f}", "uniform", n ? 1. / (double)n : 0.));
}

static void mixture_table(asc_page *p, const double *weights, const asc_interval *ci, const double *all_tokens)
{
    static const char *const heads[] = {"domain",           "#share", "#90 % interval", "#tokens", "#epochs",
                                        "#against uniform", NULL},
                             *const bare[] = {"domain", "#share", "#tokens", "#epochs", "#against uniform", NULL};
    asc_buf *b = &p->out;
    const asc_summary *s = p->study;
    asc__table_open(b, ci ? heads : bare);
    for (size_t i = 0; i < s->n_domains; i++) {
        double tokens = all_tokens ? all_tokens[i] : NAN;
        asc__row(b);
        asc__cell_name(b, s->domains[i].name);
        asc__cell_percent(b, weights[i]);
        if (ci)
            asc__cell_interval_of(b, ci[i]);
        asc__cell_count(b, tokens);
        asc__cell_fixed(b, epochs_of(&s->domains[i], tokens), 2);
        asc_buf_printf(b, "<td class=\"n\">%+.1f points</td>\n", 100 * (weights[i] - 1. / (double)s->n_domains));
    }
    asc__table_close(b);
}

/* Every candidate as the law expects it at the target. */
static void candidates_table(asc_page *p)
{
    static const char *const heads[] = {
        "candidate", "#expected objective", "#90 % interval", "#below uniform", "#90 % interval", "#P(better)", NULL};
    static const asc_summary_expected nothing = {
        .objective = NAN, .ci = {NAN, NAN}, .gain = NAN, .gain_ci = {NAN, NAN}, .p_better = NAN};
    asc_buf *b = &p->out;
    const asc_summary_prediction *x = &p->study->prediction;
    size_t known = 0;
    for (size_t i = 0; i < x->n_candidates; i++)
        known += x->candidates[i].expected.known;
    if (known < 2)
        return;
    asc__details_open(b, "What the law fitted to all runs predicts for each candidate");
    asc__table_open(b, heads);
    for (size_t i = 0; i < x->n_candidates; i++) {
        const asc_summary_candidate *c = &x->candidates[i];
        const asc_summary_expected *e = c->expected.known ? &c->expected : &nothing;
        asc__row(b);
        asc__cell_name(b, asc__or_empty(c->name));
        asc__cell_fixed(b, e->objective, 4);
        asc__cell_range_of(b, e->ci);
        asc__cell_fixed(b, e->gain, 4);
        asc__cell_range_of(b, e->gain_ci);
        asc__cell_fixed(b, e->p_better, 2);
    }
    asc__table_close(b);
    asc__details_close(b);
}

static void unfinished(asc_page *p)
{
    const asc_summary_prediction *x = &p->study->prediction;
    if (!x->known || !x->weights) {
        asc_buf_puts(&p->out, "<p>There is no answer yet.</p>\n");
        return;
    }
    asc_buf_puts(&p->out, "<p>There is no answer yet. The AutoScale prediction from the scales measured so far, still "
                          "to be compared with the baselines at the target:</p>\n");
    mixture_chart(p, x->weights, x->ci, NULL);
    mixture_table(p, x->weights, x->ci, NULL);
}

/* Losses of a mixture's runs at the target on target v; how many there are. */
/* What the answer makes worse is part of it. */
static void worse_sentence(asc_page *p)
{
    asc_buf *b = &p->out;
    const asc_summary *s = p->study;
    bool any = false;
    for (size_t v = 0; v < s->n_targets; v++) {
        bool single;
        double more = asc_summary_worse(&single, s, v);
        if (isnan(more))
            continue;
        asc_buf_puts(b, any ? ", " : "<p><b>Worse than with uniform:</b> ");
        asc__html_name(b, s->targets[v]);
        asc_buf_printf(b, " %+.4f nats%s", more, single ? " (single runs)" : "");
        any = true;
    }
    asc_buf_puts(b, any ? ".</p>\n" : "");
}

static void answer_sentence(asc_buf *b, const asc_summary_answer *answer)
{
    const char *why = asc__or_empty(answer->why);
    size_t n = strlen(why);
    asc_buf_puts(b, "<p>The mixture to train on: <b>");
    asc__html_name(b, asc__or_empty(answer->name));
    asc_buf_puts(b, "</b>");
    if (n) {
        asc_buf_puts(b, ": ");
        asc__html_text(b, why);
    }
    asc_buf_puts(b, n && why[n - 1] == '.' ? "</p>\n" : ".</p>\n");
}

/* One sentence before all figures: how sure, how much, at what cost. */
static void straight(asc_page *p, const asc_summary_answer *answer)
{
    if (!answer->verdict || !*answer->verdict)
        return;
    asc_buf_puts(&p->out, "<p><b>The answer in one sentence:</b> ");
    asc__html_text(&p->out, answer->verdict);
    asc_buf_puts(&p->out, ".</p>\n");
}

void asc__section_answer(asc_page *p)
{
    const asc_summary_answer *answer = &p->study->answer;
    asc_buf *b = &p->out;
    asc_buf_puts(b, "<section id=\"answer\"><h2>The answer</h2>\n");
    if (answer->known) {
        straight(p, answer);
        verdict(p);
        worse_sentence(p);
        tiles(p, answer);
        answer_sentence(b, answer);
        if (answer->weights) {
            mixture_chart(p, answer->weights, answer->ci, answer->tokens);
            mixture_table(p, answer->weights, answer->ci, answer->tokens);
        }
        candidates_table(p);
    } else
        unfinished(p);
    asc__html_notes_of(b, &p->study->notes);
    asc_buf_puts(b, "</section>\n");
}
