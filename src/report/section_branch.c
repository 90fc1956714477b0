/* A search by branches: what merged models said, and what branches really trained say of that. */
#include "page.h"

#include <math.h>

static void phases_line(asc_page *p)
{
    const asc_summary_answer *a = &p->study->answer;
    if (!a->known || a->n_phases < 2)
        return;
    asc_buf_puts(&p->out, "<p>The answer is a schedule: the mixture changes at ");
    for (size_t k = 0; k + 1 < a->n_phases; k++)
        asc_buf_printf(&p->out, "%s%.3g\xc2\xa0%%", k ? ", " : "", 100 * a->phases[k].until);
    asc_buf_puts(&p->out, " of the run. The tokens before that are the target's own and were not spent on the "
                          "search.</p>\n");
}

/* Domains in rows: the mixture before the branches, each round's optimum, the answer's phase behind them. */
static void shares_table(asc_page *p, const asc_summary_search *x, size_t phase)
{
    static const char *const heads[] = {"domain", "before", "optimum of round 1", "of round 2", "trained from there on",
                                        NULL},
                             *const one[] = {"domain", "before", "optimum", "trained from there on", NULL};
    const asc_summary *s = p->study;
    size_t n_rounds = x->n_rounds > 1 ? 2 : 1;
    const double *before = x->n_rounds ? x->rounds[0].centre : NULL;
    const double *later =
        s->answer.known && s->answer.n_phases > phase && phase ? s->answer.phases[phase].weights : NULL;
    asc__table_open(&p->out, n_rounds > 1 ? heads : one);
    for (size_t i = 0; before && i < s->n_domains; i++) {
        asc__row(&p->out);
        asc__cell_name(&p->out, s->domains[i].name);
        asc__cell_fixed(&p->out, before[i], 3);
        for (size_t k = 0; k < n_rounds; k++) {
            const double *optimum = k < x->n_rounds ? x->rounds[k].optimum : NULL;
            asc__cell_fixed(&p->out, optimum ? optimum[i] : NAN, 3);
        }
        asc__cell_fixed(&p->out, later ? later[i] : NAN, 3);
    }
    asc__table_close(&p->out);
}

static void checks_table(asc_page *p, const asc_summary_search *x)
{
    static const char *const heads[] = {"mixture", "merged model", "real branch", "merged - real", "run", NULL};
    if (x->n_checks == 0)
        return;
    asc_buf_printf(
        &p->out,
        "<p>Objective of merged models and of branches trained on the same mixtures. Rank correlation "
        "%.2f, bias %.4f \xc2\xb1 %.4f nats; the branches lie at most %.3f from their starting point (\xce\xb4; "
        "averaging is trusted below .1).</p>\n",
        x->rank, x->bias, x->spread, x->delta);
    asc__table_open(&p->out, heads);
    for (size_t i = 0; i < x->n_checks; i++) {
        const asc_summary_check *c = &x->checks[i];
        asc__row(&p->out);
        asc__cell_text(&p->out, asc__or_empty(c->mixture));
        asc__cell_fixed(&p->out, c->merged, 4);
        asc__cell_fixed(&p->out, c->real, 4);
        asc__cell_fixed(&p->out, c->merged - c->real, 4);
        asc__cell_text(&p->out, asc__or_empty(c->run));
    }
    asc__table_close(&p->out);
}

static void stage(asc_page *p, const asc_summary_search *x, size_t phase)
{
    if (x->decided && *x->decided) {
        asc_buf_puts(&p->out, "<p>What decided: ");
        asc__html_text(&p->out, x->decided);
        asc_buf_puts(&p->out, ".</p>\n");
    }
    shares_table(p, x, phase);
    checks_table(p, x);
}

void asc__section_branch(asc_page *p)
{
    const asc_summary_search *x = &p->study->search;
    if (!x->known)
        return;
    asc_buf_puts(&p->out, "<section id=\"search\"><h2>The search</h2>\n");
    phases_line(p);
    if (x->began) {
        asc_buf_puts(&p->out, "<p>Where it began: ");
        asc__html_text(&p->out, x->began);
        asc_buf_puts(&p->out, ".</p>\n");
    }
    size_t phase = 0; /* a stage that kept what the run had begins none */
    for (size_t k = 0; k < x->n_stages; k++) {
        phase += x->stages[k].better;
        asc_buf_printf(&p->out, "<h3>At %.3g\xc2\xa0%% of the run</h3>\n", 100 * x->stages[k].prefix);
        stage(p, &x->stages[k], phase);
    }
    if (!x->n_stages)
        stage(p, x, 1);
    asc_buf_puts(&p->out, "</section>\n");
}
