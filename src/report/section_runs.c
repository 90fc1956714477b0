/* Every run, and how the study was made. */
#include "page.h"

#include <math.h>

/* "done", "done, restarted at learning rate 0.002" or "stopped at 50 % of its tokens: ...". */
static void state_cell(asc_buf *b, const asc_summary_run *run)
{
    char text[240];
    if (run->state == ASC_RUN_STOPPED && run->why) {
        snprintf(text, sizeof text, "%.40s %.180s", asc_run_state_name(run->state), run->why);
        asc__cell_text(b, text);
        return;
    }
    if (!(run->n_retries > 0)) {
        asc__cell_text(b, asc_run_state_name(run->state));
        return;
    }
    snprintf(text, sizeof text, "%.40s, restarted at learning rate %.3g", asc_run_state_name(run->state), run->lr);
    asc__cell_text(b, text);
}

/* Whether the study has models of several sizes. */
static bool has_sizes(const asc_summary *s)
{
    return s->n_runs && s->runs[0].params > 0;
}

static void run_row(asc_buf *b, const asc_summary_run *run, size_t n_targets)
{
    asc__row(b);
    asc__cell_name(b, asc__or_empty(run->id));
    asc__cell_text(b, asc_run_kind_name(run->kind));
    asc__cell_text(b, run->domain && *run->domain ? run->domain : asc__or_empty(run->mixture));
    asc__cell_count(b, (double)run->seed);
    state_cell(b, run);
    if (run->params > 0)
        asc__cell_count(b, run->params);
    asc__cell_count(b, run->tokens);
    asc__cell_fixed(b, run->wall_s, 1);
    asc__cell_fixed(b, run->objective, 4);
    for (size_t v = 0; v < n_targets; v++)
        asc__cell_fixed(b, run->loss ? run->loss[v] : NAN, 3);
    asc_buf_putc(b, '\n');
}

static void burst_row(asc_buf *b, const asc_summary_run *run)
{
    const asc_bursts *x = &run->bursts;
    char pair[64] = "\xe2\x80\x93";
    if (!isnan(run->burst_alike.lo))
        snprintf(pair, sizeof pair, "%+.3f to %+.3f", run->burst_alike.lo, run->burst_alike.hi);
    asc__row(b);
    asc__cell_name(b, asc__or_empty(run->id));
    asc__cell_count(b, (double)x->step);
    asc__cell_fixed(b, x->times, 1);
    asc__cell_fixed(b, x->loss_up, 2);
    asc__cell_count(b, (double)x->n);
    asc__cell_fixed(b, run->burst_above, 3);
    asc__cell_text(b, pair);
    asc_buf_putc(b, '\n');
}

/* Runs that were thrown off their course for a moment and came back: what became of them. */
static void bursts(asc_buf *b, const asc_summary *s)
{
    static const char *const heads[] = {"run",         "#step",           "#times its running level", "#loss increase",
                                        "#such steps", "#above its base", "calm runs alike",          NULL};
    size_t n = 0;
    for (size_t i = 0; i < s->n_runs; i++)
        n += s->runs[i].bursts.n > 0;
    if (n == 0)
        return;
    asc_buf_puts(
        b, "<h3>Gradient spikes</h3>\n<p>A step whose gradient norm is more than ten times its running level. Above "
           "its base: how much higher the run\xe2\x80\x99s final loss is than that of its star\xe2\x80\x99s base (at "
           "the target: than that of the other seeds of its mixture), in nats, median over the targets the run does "
           "not favour; beside it the same for comparable runs without a spike.</p>\n");
    asc__table_open(b, heads);
    for (size_t i = 0; i < s->n_runs; i++)
        if (s->runs[i].bursts.n > 0)
            burst_row(b, &s->runs[i]);
    asc__table_close(b);
}

void asc__section_runs(asc_page *p)
{
    static const char *const heads[] = {"run",   "kind",   "domain or mixture", "seed",
                                        "state", "tokens", "seconds",           "objective"};
    const asc_summary *s = p->study;
    asc_buf *b = &p->out;
    if (s->n_runs == 0)
        return;
    asc_buf_puts(b, "<section id=\"runs\"><h2>Every run</h2>\n<p>Losses in nats per token on each validation set. "
                    "Click a heading to sort.</p>\n");
    asc__table_begin(b);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        if (i == 5 && has_sizes(s))
            asc__table_head(b, "parameters", true);
        asc__table_head(b, heads[i], i == 3 || i > 4);
    }
    for (size_t v = 0; v < s->n_targets; v++)
        asc__table_head(b, s->targets[v], true);
    asc__table_heads_end(b);
    for (size_t i = 0; i < s->n_runs; i++)
        run_row(b, &s->runs[i], s->n_targets);
    asc__table_close(b);
    bursts(b, s);
    asc_buf_puts(b, "</section>\n");
}

/* ---- how it was made ---- */

static void value_text(asc_buf *b, const asc_summary_fact *f)
{
    char number[32];
    switch (f->kind) {
    case ASC_FACT_TEXT:
        asc__html_text(b, f->text);
        break;
    case ASC_FACT_COUNT:
        asc__html_count(b, (double)f->count);
        break;
    case ASC_FACT_REAL:
        asc_buf_puts(b, asc_format_double(f->real, number));
        break;
    case ASC_FACT_BOOL:
        asc_buf_puts(b, f->count ? "yes" : "no");
        break;
    default:
        asc_buf_puts(b, "none");
    }
}

static void facts(asc_buf *b, const char *name, const asc_summary_facts *f)
{
    if (f->n == 0)
        return;
    asc_buf_printf(b, "<dt>%s</dt><dd>", name);
    for (size_t i = 0; i < f->n; i++) {
        asc_buf_puts(b, i ? " \xc2\xb7 " : "");
        asc__html_text(b, f->fact[i].key);
        asc_buf_puts(b, " ");
        value_text(b, &f->fact[i]);
    }
    asc_buf_puts(b, "</dd>\n");
}

static void fact(asc_buf *b, const char *name, const char *text)
{
    if (!text)
        return;
    asc_buf_printf(b, "<dt>%s</dt><dd>", name);
    asc__html_text(b, text);
    asc_buf_puts(b, "</dd>\n");
}

static void seeds_fact(asc_buf *b, const asc_summary *s)
{
    uint64_t seen[64];
    size_t n = 0, k;
    for (size_t i = 0; i < s->n_runs; i++) {
        for (k = 0; k < n && seen[k] != s->runs[i].seed; k++) {
        }
        if (k == n && n < 64)
            seen[n++] = s->runs[i].seed;
    }
    if (n == 0)
        return;
    asc_buf_puts(b, "<dt>seeds</dt><dd>");
    for (k = 0; k < n; k++)
        asc_buf_printf(b, "%s%llu", k ? ", " : "", (unsigned long long)seen[k]);
    asc_buf_puts(b, "</dd>\n");
}

static void counts_fact(asc_buf *b, const asc_summary *s)
{
    size_t done = 0;
    double tokens = 0, seconds = 0;
    for (size_t i = 0; i < s->n_runs; i++) {
        const asc_summary_run *r = &s->runs[i];
        done += r->state == ASC_RUN_DONE;
        tokens += isfinite(r->tokens) ? r->tokens : 0;
        seconds += isfinite(r->wall_s) ? r->wall_s : 0;
    }
    if (s->n_runs == 0)
        return;
    asc_buf_printf(b, "<dt>runs</dt><dd>%zu of %zu done, ", done, s->n_runs);
    asc__html_si(b, tokens);
    asc_buf_puts(b, " tokens, ");
    asc__html_duration(b, seconds);
    asc_buf_puts(b, " of training</dd>\n");
}

static void target_fact(asc_buf *b, const asc_summary *s)
{
    const asc_summary_target_run *t = &s->target_run;
    double params = t->known ? t->params : s->target.params; /* all that an older summary has */
    char flops[24];
    if (!(params > 0))
        return;
    asc_buf_puts(b, "<dt>target</dt><dd>");
    if (t->known) {
        asc__html_si(b, t->tokens);
        asc_buf_puts(b, " tokens, ");
    }
    asc__html_si(b, params);
    asc_buf_puts(b, " parameters");
    if (t->known)
        asc_buf_printf(b, ", %sFLOPs to train%s", asc_format_si(t->flops, flops), t->trained ? "" : ", elsewhere");
    asc_buf_puts(b, "</dd>\n");
}

void asc__section_made(asc_page *p)
{
    const asc_summary *s = p->study;
    asc_buf *b = &p->out;
    asc_buf_puts(b, "<section id=\"made\"><h2>How it was made</h2>\n<dl>\n");
    fact(b, "study", s->study);
    fact(b, "created", s->created);
    fact(b, "state", asc_study_state_name(s->state));
    fact(b, "objective", s->objective);
    facts(b, "model", &s->model);
    target_fact(b, s);
    facts(b, "training", &s->training);
    counts_fact(b, s);
    seeds_fact(b, s);
    facts(b, "machine", &s->machine);
    fact(b, "autoscale", s->version);
    asc_buf_puts(b, "</dl>\n</section>\n");
}
