/* A search by branches: what merged models said, and what branches really trained say of that. */
#include "page.h"

#include <math.h>

static void phases_line(asc_page *p)
{
    const json_t *phases = asc__at(asc__at(p->summary, "answer"), "phases"), *first = json_array_get(phases, 0);
    if (json_array_size(phases) != 2)
        return;
    asc_buf_printf(
        &p->out,
        "<p>The answer is a schedule: the mixture changes at %.3g\xc2\xa0%% of the run. What was trained before "
        "is the target's own and was not spent on the search.</p>\n",
        100 * asc__num(first, "until"));
}

/* Domains in rows: the mixture before the branches, each round's optimum, the answer's second phase. */
static void shares_table(asc_page *p, const json_t *search)
{
    const json_t *rounds = asc__at(search, "rounds"), *first = json_array_get(rounds, 0), *round;
    const json_t *later = asc__at(json_array_get(asc__at(asc__at(p->summary, "answer"), "phases"), 1), "weights");
    const char *heads[] = {"domain", "before", "optimum of round 1", "of round 2", "trained from there on", NULL};
    const char *name;
    json_t *share;
    size_t i;
    asc__table_open(&p->out, heads);
    json_object_foreach((json_t *)asc__at(first, "centre"), name, share)
    {
        asc__row(&p->out);
        asc__cell_name(&p->out, name);
        asc__cell_fixed(&p->out, json_number_value(share), 3);
        for (i = 0; i < 2; i++) {
            round = json_array_get(rounds, i);
            asc__cell_fixed(&p->out, asc__num(asc__at(round, "optimum"), name), 3);
        }
        asc__cell_fixed(&p->out, asc__num(later, name), 3);
    }
    asc__table_close(&p->out);
}

static void checks_table(asc_page *p, const json_t *search)
{
    static const char *const heads[] = {"mixture", "merged model", "real branch", "merged - real", "run", NULL};
    const json_t *checks = asc__at(search, "checks");
    size_t i;
    json_t *c;
    if (json_array_size(checks) == 0)
        return;
    asc_buf_printf(
        &p->out,
        "<p>Objective of merged models and of branches really trained on the same mixtures. Rank correlation "
        "%.2f, bias %.4f \xc2\xb1 %.4f nats; the branches lie at most %.3f from where they began (\xce\xb4; "
        "averaging is trusted below .1).</p>\n",
        asc__num(search, "rank"), asc__num(search, "bias"), asc__num(search, "spread"), asc__num(search, "delta"));
    asc__table_open(&p->out, heads);
    json_array_foreach(checks, i, c)
    {
        double merged = asc__num(c, "merged"), real = asc__num(c, "real");
        asc__row(&p->out);
        asc__cell_text(&p->out, asc__str(c, "mixture"));
        asc__cell_fixed(&p->out, merged, 4);
        asc__cell_fixed(&p->out, real, 4);
        asc__cell_fixed(&p->out, merged - real, 4);
        asc__cell_text(&p->out, asc__str(c, "run"));
    }
    asc__table_close(&p->out);
}

void asc__section_branch(asc_page *p)
{
    const json_t *search = asc__at(p->summary, "search");
    if (!json_is_object(search))
        return;
    asc_buf_puts(&p->out, "<section id=\"search\"><h2>The search</h2>\n");
    phases_line(p);
    if (*asc__str(search, "decided")) {
        asc_buf_puts(&p->out, "<p>");
        asc__html_text(&p->out, asc__str(search, "decided"));
        asc_buf_puts(&p->out, ".</p>\n");
    }
    shares_table(p, search);
    checks_table(p, search);
    asc_buf_puts(&p->out, "</section>\n");
}
