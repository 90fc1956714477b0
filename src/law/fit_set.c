/* asc_law_fit: a law for every target of a table, in parallel. */
#include "private.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

void asc_law_opts_init(asc_law_opts *o)
{
    *o = (asc_law_opts){.law = "auto", .noise = NAN, .n_bootstrap = 200, .n_folds = 5, .huber = 3};
}

typedef struct shared {
    const asc__prep *prep;
    const asc_law_opts *o;
    const asc__family *family;
    bool gp;
    asc__pool pool;
    asc__meter meter;
    size_t n_draws;
    asc_law *laws;
    asc_status *status;
    asc_error *errors;
} shared;

static void fit_one(void *ctx, size_t v)
{
    shared *s = ctx;
    asc__fit_job job = {.prep = s->prep,
                        .opts = s->o,
                        .target = v,
                        .family = s->family,
                        .gp = s->gp,
                        .pool = &s->pool,
                        .meter = &s->meter,
                        .n_draws = s->n_draws};
    if (asc_interrupted()) {
        s->status[v] = ASC_FAIL(&s->errors[v], ASC_EINTR, "interrupted");
        return;
    }
    s->status[v] = asc__fit_target(&s->laws[v], &job, &s->errors[v]);
}

/* The first target's error, in the order of targets: independent of threads. */
static asc_status first_error(const shared *s, size_t V, asc_error *err)
{
    for (size_t v = 0; v < V; v++)
        if (s->status[v] != ASC_OK) {
            if (err)
                *err = s->errors[v];
            return s->status[v];
        }
    return ASC_OK;
}

/* Factors of the bands, one per target, are quantiles of few residuals: each is moved towards the median over targets
 * by the share of their spread that sampling explains (James and Stein; relative variance of the quantile of n
 * residuals at level p about (1 - p) p / (n q^2 f^2), q and f quantile and density of |normal|). */
asc_status asc__steady_bands(asc_law *laws, const asc__prep *prep, asc_error *err)
{
    assert(prep->n_targets > 0);
    static const double sampling[ASC_LAW_BANDS] = {.954, .781, .912};
    size_t V = prep->n_targets;
    double *column = asc_calloc(2 * V, sizeof *column), *away = column ? column + V : NULL;
    if (!column)
        return ASC_NOMEM(err);
    for (int q = 0; q < ASC_LAW_BANDS; q++) {
        size_t n = 0;
        for (size_t v = 0; v < V; v++)
            if (laws[v].band[q] > 0)
                away[n] = column[n] = log(laws[v].band[q]), n++;
        if (n < 3)
            continue;
        double centre = asc_quantile(column, n, .5);
        for (size_t i = 0; i < n; i++)
            away[i] = fabs(away[i] - centre);
        double sd = 1.4826 * asc_quantile(away, n, .5);
        for (size_t v = 0; v < V; v++) {
            double noise = sampling[q] / (double)(laws[v].stats.n_rows + 1);
            double keep = sd > 0 ? fmax(0, 1 - noise / (sd * sd)) : 0;
            if (laws[v].band[q] > 0)
                laws[v].band[q] = exp(centre + keep * (log(laws[v].band[q]) - centre));
        }
    }
    asc_free(column);
    return ASC_OK;
}

/* Numbers that all draws together may take: LAW.json stays below some megabytes. */
#define MOST_NUMBERS 6e5
#define LEAST_DRAWS 40

size_t asc__count_draws(const asc_law_opts *o, size_t V, size_t n_params)
{
    double most = MOST_NUMBERS / ((double)V * (double)(n_params + 1));
    size_t n = most < LEAST_DRAWS ? LEAST_DRAWS : most < 1e6 ? (size_t)most : 1000000;
    return o->n_bootstrap < n ? o->n_bootstrap : n;
}

/* Fit all targets of a table, in parallel; laws (V) zeroed before. */
static asc_status fit_laws(asc_law *laws, const asc__prep *prep, const asc_law_opts *o, const asc__family *family,
                           bool gp, asc_error *err)
{
    size_t V = prep->n_targets;
    char what[48];
    shared s = {.prep = prep, .o = o, .family = family, .gp = gp, .laws = laws};
    snprintf(what, sizeof what, "fitting %s", gp ? family->name_gp : family->name);
    asc__meter_init(&s.meter, o, what, V, o->n_bootstrap);
    s.n_draws =
        asc__count_draws(o, V, asc__family_params(family, prep->n_domains, prep->x.has_tokens, prep->x.has_params));
    s.status = asc_calloc(V, sizeof *s.status);
    s.errors = asc_calloc(V, sizeof *s.errors);
    asc_status status = s.status && s.errors ? ASC_OK : ASC_NOMEM(err);
    if (status == ASC_OK)
        status = asc__pool_init(&s.pool, prep, family, o->n_threads, err);
    if (status == ASC_OK) {
        asc_parallel_for(o->n_threads > 0 ? o->n_threads : asc_cpu_count(), V, fit_one, &s);
        status = first_error(&s, V, err);
    }
    if (status == ASC_OK)
        status = asc__steady_bands(laws, prep, err);
    asc__pool_clear(&s.pool);
    asc_free(s.status);
    asc_free(s.errors);
    return status;
}

static asc_status unknown(const char *name, asc_error *err)
{
    const char *names[64], *near;
    char all[600];
    size_t n = asc_law_names(names, 64);
    near = asc_nearest_name(name, names, n < 64 ? n : 64);
    return ASC_FAIL(err, ASC_EINVAL, "unknown law '%s'%s%s%s; laws: %s", name, near ? "; did you mean '" : "",
                    near ? near : "", near ? "'?" : "", asc_law_names_text(all, sizeof all));
}

/* sd of one run about the law: the mean over targets of held-out errors where there are any. */
static void set_noise(asc_law_set *s)
{
    double sum = 0, n = 0;
    if (!isnan(s->noise))
        return;
    for (size_t v = 0; v < s->n_laws; v++) {
        double e = isnan(s->laws[v].stats.cv_mse) ? s->laws[v].stats.noise : sqrt(s->laws[v].stats.cv_mse);
        if (!isnan(e)) {
            sum += e;
            n++;
        }
    }
    s->noise = n > 0 ? sum / n : NAN;
}

/* ---- what a table cannot say ---- */

#define TOO_LARGE_TO_LOOK 2e9 /* multiplications */

/* Domains whose shares the runs do not tell apart from those of the others: where Cholesky's method of W^T W (W shares,
 * R x D) meets a pivot of nothing. Into dependent (D); returns how many. gram (D,D): scratch. */
static size_t find_dependent(bool *dependent, double *gram, const asc_runs *t)
{
    size_t D = t->n_domains, n = 0;
    for (size_t r = 0; r < t->n_runs; r++) {
        const double *w = t->tokens + r * D;
        assert(t->total[r] > 0);
        for (size_t i = 0; i < D; i++)
            for (size_t j = 0; j <= i; j++)
                gram[i * D + j] += w[i] * w[j] / (t->total[r] * t->total[r]);
    }
    for (size_t i = 0; i < D; i++) {
        double size = gram[i * D + i], left = size;
        for (size_t j = 0; j < i; j++) {
            double x = gram[i * D + j];
            for (size_t k = 0; k < j; k++)
                x -= gram[i * D + k] * gram[j * D + k];
            gram[i * D + j] = dependent[j] ? 0 : x / gram[j * D + j];
            left -= gram[i * D + j] * gram[i * D + j];
        }
        dependent[i] = !(left > 1e-9 * size);
        gram[i * D + i] = sqrt(fmax(left, 0));
        n += dependent[i];
    }
    return n;
}

static asc_status note_design(asc_law_set *s, const asc__prep *p, asc_error *err)
{
    size_t D = p->n_domains, n, first = 0;
    if (p->n_units < D)
        return asc_law_set_say(s, err, FEW_MIXTURES, p->n_units, D);
    if ((double)p->n * (double)(D * D) > TOO_LARGE_TO_LOOK)
        return ASC_OK;
    double *gram = asc_calloc(D * D, sizeof *gram);
    bool *dependent = asc_calloc(D, sizeof *dependent);
    asc_status st = gram && dependent ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK && (n = find_dependent(dependent, gram, p->runs)) > 0) {
        while (!dependent[first])
            first++;
        st = asc_law_set_say(s, err, DEPENDENT_SHARES, n, D, p->runs->domains[first]);
    }
    asc_free(gram);
    asc_free(dependent);
    return st;
}

static asc_status note_constant(asc_law_set *s, const asc__prep *p, asc_error *err)
{
    for (size_t v = 0; v < p->n_targets; v++) {
        double lo = INFINITY, hi = -INFINITY;
        for (size_t r = 0; r < p->n; r++)
            if (p->weight[v * p->ld + r] != 0) {
                lo = fmin(lo, p->y[v * p->ld + r]);
                hi = fmax(hi, p->y[v * p->ld + r]);
            }
        if (lo == hi)
            ASC_TRY(asc_law_set_say(s, err, CONSTANT_TARGET, p->runs->targets[v], lo));
    }
    return ASC_OK;
}

/* One note for all targets: their names, of very many the first. */
static asc_status note_convergence(asc_law_set *s, asc_error *err)
{
    enum { NAMED = 6 };
    asc_buf names = {0};
    size_t n = 0;
    for (size_t v = 0; v < s->n_laws; v++) {
        if (s->laws[v].stats.converged || !s->laws[v].n_params)
            continue;
        if (n++ < NAMED)
            asc_buf_printf(&names, "%s%s", n > 1 ? ", " : "", s->targets[v]);
    }
    if (n > NAMED)
        asc_buf_printf(&names, " and %zu more", n - NAMED);
    asc_status st = ASC_OK;
    if (names.oom)
        st = ASC_NOMEM(err);
    else if (n)
        st = asc_law_set_say(s, err, NOT_CONVERGED, names.data);
    asc_buf_clear(&names);
    return st;
}

static asc_status notes(asc_law_set *s, const asc__prep *p, const asc_law_opts *o, asc_error *err)
{
    ASC_TRY(note_design(s, p, err));
    ASC_TRY(note_constant(s, p, err));
    if (p->n_folds == 0)
        ASC_TRY(asc_law_set_say(s, err, NOT_VALIDATED, p->n_units));
    if (o->n_bootstrap && asc_law_set_n_draws(s) == 0)
        ASC_TRY(asc_law_set_say(s, err, NO_INTERVALS,
                                s->laws[0].n_params ? "too few separate runs to resample"
                                                    : "this law has no parameters to draw"));
    return note_convergence(s, err);
}

/* The name of a set: that of its laws, "blend" where they are blends or differ. */
static char *name_of(const asc_law_set *s)
{
    assert(s->n_laws > 0);
    char first[40], other[40];
    asc_law_name(&s->laws[0], first, sizeof first);
    for (size_t v = 1; v < s->n_laws; v++)
        if (strcmp(first, asc_law_name(&s->laws[v], other, sizeof other)) != 0)
            return asc_strdup("blend");
    return asc_strdup(first);
}

/* A set of `whole` whose laws were fitted to `runs`, all of it or a sample; takes what `fit` makes. */
static asc_status complete(asc_law_set *set, const asc_runs *whole, const asc__prep *prep, const asc_law_opts *o,
                           asc_error *err)
{
    assert(prep->runs->n_runs <= whole->n_runs);
    set_noise(set);
    if (!set->law && !(set->law = name_of(set)))
        return ASC_NOMEM(err);
    ASC_TRY(notes(set, prep, o, err));
    if (prep->runs->n_runs == whole->n_runs)
        return ASC_OK;
    return asc_law_set_say(set, err, SAMPLED_ROWS, prep->runs->n_runs, whole->n_runs);
}

/* Fit to `runs`, the whole table or a sample of it; names, ranges and counts are of the whole. */
static asc_status fit_rows(asc_law_set *out, const asc_runs *whole, const asc_runs *runs, const asc_law_opts *o,
                           const asc__family *family, bool gp, asc_error *err)
{
    asc__prep prep;
    asc_law_set set;
    ASC_TRY(asc__prep_init(&prep, runs, o, err));
    asc_status s = asc__law_set_init(&set, whole, o, whole->n_targets, err);
    if (s == ASC_OK) {
        s = fit_laws(set.laws, &prep, o, family, gp, err);
        if (s == ASC_OK) {
            set.law = asc_strdup(gp ? family->name_gp : family->name);
            s = set.law ? complete(&set, whole, &prep, o, err) : ASC_NOMEM(err);
        }
        if (s == ASC_OK)
            *out = set;
        else
            asc_law_set_clear(&set);
    }
    asc__prep_clear(&prep);
    return s;
}

static asc_status fit_named(asc_law_set *out, const asc_runs *runs, const asc_law_opts *o, const asc__family *family,
                            bool gp, asc_error *err)
{
    char why[200];
    asc_runs sample;
    const char *missing = family->missing ? family->missing() : NULL;
    if (missing)
        return ASC_FAIL(err, ASC_EMISSING, "%s: %s", family->name, missing);
    ASC_TRY(asc__sample_runs(&sample, runs, o, err));
    const asc_runs *t = sample.n_runs ? &sample : runs;
    asc_status s = asc__too_large(why, sizeof why, t, o, family)
                       ? ASC_FAIL(err, ASC_EINVAL, "%s: %s", family->name, why)
                       : fit_rows(out, runs, t, o, family, gp, err);
    asc_runs_clear(&sample);
    return s;
}

/* The laws validated, ranked into c, and blended; out->n_laws = 0 where none can be validated and c names another law.
 */
static asc_status blend_rows(asc_law_set *out, asc_law_comparison *c, const asc_runs *whole, const asc_runs *runs,
                             const asc_law_opts *o, asc_error *err)
{
    asc__prep prep;
    asc__field field = {0};
    asc_law_set set = {0};
    ASC_TRY(asc__prep_init(&prep, runs, o, err));
    asc_status s = asc__field_validate(&field, &prep, o, false, err);
    if (s == ASC_OK)
        s = asc__rank_field(c, &field, runs, o, err);
    if (s == ASC_OK && c->n_laws) {
        s = asc__law_set_init(&set, whole, o, whole->n_targets, err);
        if (s == ASC_OK)
            s = asc__blend_laws(set.laws, &field, err);
        if (s == ASC_OK)
            s = complete(&set, whole, &prep, o, err);
    }
    if (s == ASC_OK)
        *out = set;
    else
        asc_law_set_clear(&set);
    asc__field_clear(&field);
    asc__prep_clear(&prep);
    return s;
}

/* What each target takes, in one line for the first and how many differ. */
static asc_status note_choice(asc_law_set *s, const asc_law_comparison *c, asc_error *err)
{
    const asc_law *l = &s->laws[0];
    asc_buf parts = {0};
    for (size_t i = 0; i < l->n_parts; i++) {
        char name[40];
        asc_buf_printf(&parts, "%s%s %.2f", i ? ", " : "", asc_law_name(&l->parts[i], name, sizeof name), l->params[i]);
    }
    asc_status st = parts.len && !parts.oom
                        ? asc_law_set_say(s, err, LAW_BLENDED, s->law, c->why, l->target, parts.data)
                        : asc_law_set_say(s, err, LAW_CHOSEN, s->law, c->why);
    asc_buf_clear(&parts);
    return st;
}

#define LAST_RESORT "effective"

asc_status asc__fit_blend(asc_law_set *out, const asc_runs *runs, const asc_law_opts *o, asc_error *err)
{
    asc_runs sample;
    asc_law_set set = {0};
    asc_law_comparison c = {0};
    ASC_TRY(asc__sample_runs(&sample, runs, o, err));
    asc_status s = blend_rows(&set, &c, runs, sample.n_runs ? &sample : runs, o, err);
    asc_runs_clear(&sample);
    if (s == ASC_OK && !c.n_laws) { /* a few runs that nothing can be held out of */
        const asc__family *other = asc_law_family_named(c.chosen[0] ? c.chosen : LAST_RESORT, NULL);
        assert(other); /* c names laws of the table */
        s = other->fit ? other->fit(&set, runs, o, err) : fit_named(&set, runs, o, other, false, err);
    }
    if (s == ASC_OK) {
        set.chosen = true;
        s = note_choice(&set, &c, err);
    }
    if (s == ASC_OK)
        *out = set;
    else
        asc_law_set_clear(&set);
    asc_law_comparison_clear(&c);
    return s;
}

asc_status asc_law_fit(asc_law_set *out, const asc_runs *runs, const asc_law_opts *opts, asc_error *err)
{
    const char *name = opts->law ? opts->law : "auto";
    bool gp = false;
    const asc__family *family = asc_law_family_named(name, &gp);
    if (!family)
        return unknown(name, err);
    return family->fit ? family->fit(out, runs, opts, err) : fit_named(out, runs, opts, family, gp, err);
}
