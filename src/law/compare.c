/* Every law on one table, validated as it will be used, ranked. */
#include "private.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void asc_law_comparison_clear(asc_law_comparison *c)
{
    if (!c)
        return;
    asc_free(c->laws);
    asc_free(c->skipped);
    *c = (asc_law_comparison){0};
}

static double merit(const asc_law_score *s)
{
    return asc__held_out_error(s->cv_mse, s->cv_mre, s->forward_mre);
}

static int by_merit(const void *a, const void *b)
{
    const asc_law_score *x = a, *y = b;
    double p = merit(x), q = merit(y);
    if (isnan(p) != isnan(q))
        return isnan(p) ? 1 : -1;
    if (p != q)
        return p < q ? -1 : 1;
    return strcmp(x->law, y->law);
}

static void explain(asc_law_comparison *c)
{
    assert(c->n_laws >= 2); /* the blend, and at least one law that it is of */
    const asc_law_score *law = &c->laws[strcmp(c->laws->law, "blend") == 0];
    snprintf(c->chosen, sizeof c->chosen, "blend");
    if (!isnan(law->forward_mre))
        snprintf(c->why, sizeof c->why,
                 "each target's prediction is the mean of the laws, weighted by their errors on held-out runs and at "
                 "the largest scale; best single law: %s (%.2f %% and %.2f %%)",
                 law->law, 100 * law->cv_mre, 100 * law->forward_mre);
    else
        snprintf(c->why, sizeof c->why,
                 "each target's prediction is the mean of the laws, weighted by their errors on held-out runs; best "
                 "single law: %s "
                 "(%.2f %%)",
                 law->law, 100 * law->cv_mre);
}

/* A star is fitted by ddo where nothing else can be validated. */
static asc_status fall_back(asc_law_comparison *c, const asc_runs *runs, const asc_law_opts *o, asc_error *err)
{
    asc_ddo_star star;
    asc_error why;
    if (asc_ddo_star_find(&star, runs, o->objective, &why) == ASC_OK) {
        asc_ddo_star_clear(&star);
        snprintf(c->chosen, sizeof c->chosen, "ddo");
        snprintf(c->why, sizeof c->why, "the table is a star, on which no other law can be cross-validated");
        return ASC_OK;
    }
    if (runs->n_groups >= 4 && c->n_skipped == 0)
        return ASC_OK;
    return ASC_FAIL(err, ASC_EINVAL, "no law can be fitted to this table: %s",
                    c->n_skipped ? c->skipped[0].why : "too few runs");
}

asc_status asc__rank_field(asc_law_comparison *out, const asc__field *f, const asc_runs *runs, const asc_law_opts *o,
                           asc_error *err)
{
    asc_law_comparison c = {0};
    c.laws = asc_calloc(f->n + 2, sizeof *c.laws);
    c.skipped = asc_calloc(f->n_skipped + 1, sizeof *c.skipped);
    asc_status s = c.laws && c.skipped ? ASC_OK : ASC_NOMEM(err);
    for (size_t i = 0; s == ASC_OK && i < f->n; i++)
        c.laws[c.n_laws++] = f->laws[i].score;
    for (size_t i = 0; s == ASC_OK && i < f->n_skipped; i++)
        c.skipped[c.n_skipped++] = f->skipped[i];
    if (s == ASC_OK && c.n_laws)
        s = asc__blend_score(&c.laws[c.n_laws++], f, err);
    if (s == ASC_OK && c.n_laws) {
        qsort(c.laws, c.n_laws, sizeof *c.laws, by_merit);
        explain(&c);
    } else if (s == ASC_OK)
        s = fall_back(&c, runs, o, err);
    if (s == ASC_OK)
        *out = c;
    else
        asc_law_comparison_clear(&c);
    return s;
}

asc_status asc_law_compare(asc_law_comparison *out, const asc_runs *runs, const asc_law_opts *opts, asc_error *err)
{
    asc_runs sample;
    asc__prep prep;
    asc__field field = {0};
    ASC_TRY(asc__sample_runs(&sample, runs, opts, err));
    const asc_runs *t = sample.n_runs ? &sample : runs;
    asc_status s = asc__prep_init(&prep, t, opts, err);
    if (s == ASC_OK) {
        s = asc__field_validate(&field, &prep, opts, true, err);
        if (s == ASC_OK)
            s = asc__rank_field(out, &field, t, opts, err);
        asc__field_clear(&field);
        asc__prep_clear(&prep);
    }
    if (s == ASC_OK && sample.n_runs) {
        size_t n = strlen(out->why);
        snprintf(out->why + n, sizeof out->why - n, "; evaluated on %zu of the %zu rows (runs evenly sampled)",
                 sample.n_runs, runs->n_runs);
    }
    asc_runs_clear(&sample);
    return s;
}
