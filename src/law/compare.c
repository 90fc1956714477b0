/* Every law on one table, judged as it will be used, ranked. */
#include "law_private.h"

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

/* In the order they are tried: those that set the pace first. */
static const char *const contenders[] = {
    "reciprocal-mult",
    "reciprocal-mult+gp",
    "reciprocal-add",
    "reciprocal-joint",
    "reciprocal-kaplan",
    "reciprocal-kaplan+gp",
    "effective",
    "effective+gp",
    "dml",
    "bimix",
    "linear",
    "ddo-joint",
    "ddo",
    "trees",
};
#define N_CONTENDERS (sizeof contenders / sizeof *contenders)
#define QUICK_FOLDS 2
#define BEHIND 2.5 /* squared errors this many times the leader's after the quick folds: dropped */

typedef struct bout {
    const asc__prep *prep;
    const asc_law_opts *o;
    asc_law_family family;
    bool gp;
    int folds;
    asc__pool pool;
    asc__meter meter;
    double *mre, *mse, *spearman, *forward; /* (V) */
    double *fold_mre;                       /* (V,n_folds) */
    double *squares;                        /* (V,R) of held-out errors, NaN where there are none */
    asc_status *status;
    asc_error *errors;
} bout;

/* Mean relative and squared error over held-out rows; by fold. */
static void tally(bout *b, size_t v, const double *held)
{
    const asc__prep *p = b->prep;
    const double *y = p->y + v * p->ld, *wt = p->weight + v * p->ld;
    double sum = 0, squares = 0, n = 0;
    for (size_t r = 0; r < p->n; r++)
        b->squares[v * p->n + r] = wt[r] != 0 ? (held[r] - y[r]) * (held[r] - y[r]) : NAN;
    for (int k = 0; k < p->n_folds; k++) {
        double fold = 0, m = 0;
        for (size_t r = 0; r < p->n; r++)
            if (p->fold[r] == k && wt[r] != 0 && !isnan(held[r])) {
                fold += fabs(held[r] - y[r]) / fabs(y[r]);
                squares += (held[r] - y[r]) * (held[r] - y[r]);
                m++;
            }
        b->fold_mre[v * (size_t)p->n_folds + (size_t)k] = m > 0 ? fold / m : NAN;
        sum += fold;
        n += m;
    }
    b->mre[v] = n > 0 ? sum / n : NAN;
    b->mse[v] = n > 0 ? squares / n : NAN;
    b->spearman[v] = n > 0 ? asc__cell_spearman(p, held, y, wt) : NAN;
}

static void round_one(void *ctx, size_t v)
{
    bout *b = ctx;
    double *held = asc_aligned_alloc((b->prep->ld + 8) * sizeof *held);
    if (!held) {
        b->status[v] = ASC_NOMEM(&b->errors[v]);
        return;
    }
    for (size_t r = 0; r < b->prep->ld; r++)
        held[r] = NAN;
    asc__fit_job job = {.prep = b->prep,
                        .opts = b->o,
                        .target = v,
                        .family = b->family,
                        .gp = b->gp,
                        .pool = &b->pool,
                        .meter = &b->meter};
    job.judge_only = true;
    job.max_folds = b->folds;
    job.cv_pred = held;
    b->status[v] = asc_interrupted() ? ASC_FAIL(&b->errors[v], ASC_EINTR, "interrupted")
                                     : asc__fit_target(NULL, &job, &b->errors[v]);
    if (b->status[v] == ASC_OK) {
        tally(b, v, held);
        b->forward[v] = job.forward_mre;
    }
    asc_aligned_free(held);
}

static double mean_of(const double *v, size_t n)
{
    double sum = 0, m = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(v[i])) {
            sum += v[i];
            m++;
        }
    return m > 0 ? sum / m : NAN;
}

/* Spread of the mean over folds. */
static double fold_spread(const bout *b)
{
    size_t V = b->prep->n_targets, K = (size_t)b->prep->n_folds;
    double mean = 0, m2 = 0, n = 0;
    for (size_t k = 0; k < K; k++) {
        double sum = 0, m = 0;
        for (size_t v = 0; v < V; v++)
            if (!isnan(b->fold_mre[v * K + k])) {
                sum += b->fold_mre[v * K + k];
                m++;
            }
        if (m == 0)
            continue;
        double d = sum / m - mean;
        n++;
        mean += d / n;
        m2 += d * (sum / m - mean);
    }
    return n > 1 ? sqrt(m2 / (n - 1) / n) : NAN;
}

static void bout_clear(bout *b)
{
    asc_free(b->mre);
    asc_free(b->fold_mre);
    asc_free(b->squares);
    asc_free(b->status);
    asc_free(b->errors);
}

static asc_status bout_init(bout *b, const asc__prep *p, const asc_law_opts *o, asc_error *err)
{
    size_t V = p->n_targets;
    *b = (bout){.prep = p, .o = o};
    asc__meter_init(&b->meter, o, "comparing laws", V, 0);
    b->mre = asc_calloc(4 * V, sizeof *b->mre);
    b->fold_mre = asc_calloc(V * (size_t)(p->n_folds + 1), sizeof *b->fold_mre);
    b->squares = asc_calloc(V * p->n, sizeof *b->squares);
    b->status = asc_calloc(V, sizeof *b->status);
    b->errors = asc_calloc(V, sizeof *b->errors);
    if (!b->mre || !b->fold_mre || !b->squares || !b->status || !b->errors) {
        bout_clear(b);
        return ASC_NOMEM(err);
    }
    b->mse = b->mre + V;
    b->spearman = b->mse + V;
    b->forward = b->spearman + V;
    return ASC_OK;
}

/* All targets of one law; the first target's error if one fails. */
static asc_status play(bout *b, int folds, asc_law_score *score, asc_error *err)
{
    size_t V = b->prep->n_targets;
    b->folds = folds;
    for (size_t v = 0; v < V; v++)
        b->status[v] = ASC_OK;
    asc_parallel_for(b->o->n_threads > 0 ? b->o->n_threads : asc_cpu_count(), V, round_one, b);
    for (size_t v = 0; v < V; v++)
        if (b->status[v] != ASC_OK) {
            if (err)
                *err = b->errors[v];
            return b->status[v];
        }
    score->cv_mre = mean_of(b->mre, V);
    score->cv_mse = mean_of(b->mse, V);
    score->cv_spearman = mean_of(b->spearman, V);
    score->forward_mre = mean_of(b->forward, V);
    score->cv_mre_sd = fold_spread(b);
    score->n_folds_done = folds ? (size_t)folds : (size_t)b->prep->n_folds;
    return ASC_OK;
}

static double now(const asc_law_opts *o)
{
    return o->clock ? o->clock() : NAN;
}

static void skip(asc_law_comparison *c, const char *law, const char *why)
{
    asc_law_skip *s = &c->skipped[c->n_skipped++];
    snprintf(s->law, sizeof s->law, "%s", law);
    snprintf(s->why, sizeof s->why, "%.190s", why);
}

/* Slow laws are tried on a few folds first and dropped where they are clearly behind. */
static asc_status play_all_folds(bout *b, const asc_law_comparison *c, asc_law_score *score, asc_error *err)
{
    double leader = INFINITY;
    for (size_t i = 0; i < c->n_laws; i++)
        leader = fmin(leader, c->laws[i].cv_mse);
    if (b->family == ASC_LAW_TREES && b->prep->n_folds > QUICK_FOLDS && isfinite(leader)) {
        ASC_TRY(play(b, QUICK_FOLDS, score, err));
        if (score->cv_mse > BEHIND * leader)
            return ASC_OK;
    }
    return play(b, 0, score, err);
}

/* ---- few runs: the safe law unless another is clearly better ---- */

/* Of mixtures at one budget and size, at most: with more of them held-out errors tell laws apart. */
#define FEW 40
#define CLEAR 1.645
#define SAFE                                                                                                           \
    "effective+gp" /* of the laws measured at 12 to 32 runs the one without outliers (docs/results/laws.md)            \
                    */

/* Mean over targets of the squared held-out error of each unit into out (n_units). */
static void unit_errors(double *out, double *count, const bout *b)
{
    const asc__prep *p = b->prep;
    memset(out, 0, p->n_units * sizeof *out);
    memset(count, 0, p->n_units * sizeof *count);
    for (size_t v = 0; v < p->n_targets; v++)
        for (size_t r = 0; r < p->n; r++)
            if (!isnan(b->squares[v * p->n + r])) {
                out[p->unit[r]] += b->squares[v * p->n + r];
                count[p->unit[r]]++;
            }
    for (size_t u = 0; u < p->n_units; u++)
        out[u] /= count[u]; /* NaN: nothing held out */
}

/* Is `best` ahead of `safe`, unit by unit, by more than CLEAR standard errors of the mean difference? */
static bool clearly_better(const double *best, const double *safe, size_t n_units)
{
    double mean = 0, m2 = 0, n = 0;
    for (size_t u = 0; u < n_units; u++) {
        double d = safe[u] - best[u];
        if (isnan(d))
            continue;
        n++;
        double step = d - mean;
        mean += step / n;
        m2 += step * (d - mean);
    }
    return n < 2 || mean > CLEAR * sqrt(m2 / (n - 1) / n);
}

/* Errors by unit of the leader so far and of the safe law. */
typedef struct few {
    double *leader, *safe, *count; /* (n_units) */
    double leader_mse;
    bool have_safe;
} few;

static asc_status few_init(few *f, const asc__prep *p, asc_error *err)
{
    *f = (few){.leader_mse = INFINITY};
    f->leader = asc_calloc(3 * p->n_units + 1, sizeof *f->leader);
    if (!f->leader)
        return ASC_NOMEM(err);
    f->safe = f->leader + p->n_units;
    f->count = f->safe + p->n_units;
    return ASC_OK;
}

static void few_take(few *f, const bout *b, const asc_law_score *score)
{
    if (score->cv_mse < f->leader_mse) {
        f->leader_mse = score->cv_mse;
        unit_errors(f->leader, f->count, b);
    }
    if (strcmp(score->law, SAFE) == 0) {
        unit_errors(f->safe, f->count, b);
        f->have_safe = true;
    }
}

/* Laws that are one and the same where a variable of theirs does not vary. */
static const char *twin_of(asc_law_family f, bool tokens, bool params)
{
    bool reciprocal = f == ASC_LAW_RECIPROCAL_ADD || f == ASC_LAW_RECIPROCAL_JOINT || f == ASC_LAW_RECIPROCAL_KAPLAN;
    if (reciprocal && !tokens && !params)
        return "the same as reciprocal-mult where neither tokens nor params vary";
    if (f == ASC_LAW_RECIPROCAL_KAPLAN && !(tokens && params))
        return "the same as reciprocal-joint where tokens and params do not both vary";
    return NULL;
}

static asc_status try_law(asc_law_comparison *c, bout *b, few *f, const char *law, asc_error *err)
{
    asc_law_score score = {.cv_mre = NAN};
    asc_error why = {0};
    if (!asc_law_parse(law, &b->family, &b->gp))
        return ASC_FAIL(err, ASC_EINVAL, "no law named '%s'", law);
    if (b->family == ASC_LAW_DDO) {
        skip(c, law, "its runs identify their own axes: there is nothing to hold out");
        return ASC_OK;
    }
    const char *twin = twin_of(b->family, b->prep->x.has_tokens, b->prep->x.has_params);
    if (twin) {
        skip(c, law, twin);
        return ASC_OK;
    }
    char large[200];
    if (asc__too_large(large, sizeof large, b->prep->runs, b->o, b->family)) {
        skip(c, law, large);
        return ASC_OK;
    }
    if (b->family == ASC_LAW_TREES && (b->o->no_trees || asc__trees_missing())) {
        skip(c, law, b->o->no_trees ? "left out as asked" : asc__trees_missing());
        return ASC_OK;
    }
    snprintf(score.law, sizeof score.law, "%s", law);
    double start = now(b->o);
    asc_status s = asc__pool_init(&b->pool, b->prep, b->family, b->o->n_threads, &why);
    if (s == ASC_OK)
        s = play_all_folds(b, c, &score, &why);
    asc__pool_clear(&b->pool);
    score.seconds = now(b->o) - start;
    if (s == ASC_ENOMEM || s == ASC_EINTR)
        return ASC_FAIL(err, s, "%s", why.msg);
    if (s != ASC_OK)
        skip(c, law, why.msg);
    else if (!isfinite(score.cv_mre) && !isfinite(score.forward_mre))
        skip(c, law, "no figure can be had: too few separate runs to hold any out");
    else {
        few_take(f, b, &score);
        c->laws[c->n_laws++] = score;
    }
    return ASC_OK;
}

/* Forward error first where there is any, else held-out squared error. */
static int by_merit(const void *a, const void *b)
{
    const asc_law_score *x = a, *y = b;
    double p = isnan(x->forward_mre) ? x->cv_mse : x->forward_mre,
           q = isnan(y->forward_mre) ? y->cv_mse : y->forward_mre;
    if (isnan(p) != isnan(q))
        return isnan(p) ? 1 : -1;
    if (p != q)
        return p < q ? -1 : 1;
    return strcmp(x->law, y->law);
}

static bool is_linear(const char *law)
{
    return strncmp(law, "linear", 6) == 0;
}

/* As the laws are ranked, but always a relative error. */
static double relative_error(const asc_law_score *s)
{
    return isnan(s->forward_mre) ? s->cv_mre : s->forward_mre;
}

/* Nothing makes the returns of the linear law diminish (its coefficients are free in sign), so its optimum tends to end
 * at bounds. It is taken only where it is clearly ahead of the best other law: a study's joint law once fell to it by
 * .1 % of 2 %, and its mixture lost a third of the steps (docs/results/seven-domains.md). */
static size_t with_diminishing_returns(const asc_law_comparison *c)
{
    size_t i = 0;
    while (i < c->n_laws && is_linear(c->laws[i].law))
        i++;
    if (i == 0 || i == c->n_laws)
        return 0;
    double ahead = relative_error(&c->laws[i]) - relative_error(&c->laws[0]);
    return ahead > CLEAR * c->laws[i].cv_mre_sd ? 0 : i;
}

/* Index of the law that `auto` takes: the first of the ranking, but for the two exceptions above. */
static size_t choose(const asc_law_comparison *c, const few *f, const asc__prep *p)
{
    if (p->n_stages || p->n_units > FEW || !f->have_safe)
        return with_diminishing_returns(c);
    for (size_t i = 0; i < c->n_laws && !clearly_better(f->leader, f->safe, p->n_units); i++)
        if (strcmp(c->laws[i].law, SAFE) == 0)
            return i;
    return 0;
}

static void explain(asc_law_comparison *c, size_t chosen, const asc__prep *p)
{
    const asc_law_score *law = &c->laws[chosen];
    snprintf(c->chosen, sizeof c->chosen, "%s", law->law);
    if (chosen && !p->n_stages && p->n_units <= FEW && strcmp(law->law, SAFE) == 0)
        snprintf(c->why, sizeof c->why,
                 "with %zu runs %s is not clearly ahead, and this law is the safe one at few runs", p->n_units,
                 c->laws->law);
    else if (chosen)
        snprintf(c->why, sizeof c->why,
                 "%s (%.2f %% off against %.2f %%) is not clearly ahead, and as nothing makes its returns diminish its "
                 "optimum tends to end at bounds",
                 c->laws->law, 100 * relative_error(c->laws), 100 * relative_error(law));
    else if (!isnan(law->forward_mre))
        snprintf(c->why, sizeof c->why,
                 "fitted to the smaller %s it predicts the largest best (%.2f %% off; held-out mixtures %.2f %%)",
                 p->x.has_params ? "sizes or budgets" : "budgets", 100 * law->forward_mre, 100 * law->cv_mre);
    else
        snprintf(c->why, sizeof c->why, "least error on held-out runs (%.2f %%, spread of the mean %.2f %%)",
                 100 * law->cv_mre, 100 * law->cv_mre_sd);
}

/* A star is fitted by ddo where nothing else can be judged. */
static asc_status fall_back(asc_law_comparison *c, const asc_runs *runs, const asc_law_opts *o, asc_error *err)
{
    asc_ddo_star star;
    asc_error why;
    if (asc_ddo_star_find(&star, runs, o->objective, &why) == ASC_OK) {
        asc_ddo_star_clear(&star);
        snprintf(c->chosen, sizeof c->chosen, "ddo");
        snprintf(c->why, sizeof c->why, "the table is a star and no other law can be judged on it");
        return ASC_OK;
    }
    if (runs->n_groups >= 4 && c->n_skipped == 0)
        return ASC_OK;
    return ASC_FAIL(err, ASC_EINVAL, "no law can be fitted to this table: %s",
                    c->n_skipped ? c->skipped[0].why : "too few runs");
}

static asc_status compare_rows(asc_law_comparison *out, const asc_runs *runs, const asc_law_opts *opts, asc_error *err)
{
    asc__prep prep;
    bout b;
    few f = {0};
    asc_law_comparison c = {0};
    ASC_TRY(asc__prep_init(&prep, runs, opts, err));
    asc_status s = bout_init(&b, &prep, opts, err);
    if (s == ASC_OK)
        s = few_init(&f, &prep, err);
    c.laws = asc_calloc(N_CONTENDERS, sizeof *c.laws);
    c.skipped = asc_calloc(N_CONTENDERS, sizeof *c.skipped);
    if (s == ASC_OK && (!c.laws || !c.skipped))
        s = ASC_NOMEM(err);
    for (size_t i = 0; s == ASC_OK && i < N_CONTENDERS; i++) {
        asc__meter_part(&b.meter, i, N_CONTENDERS, "laws");
        s = try_law(&c, &b, &f, contenders[i], err);
    }
    if (s == ASC_OK)
        asc__meter_part(&b.meter, N_CONTENDERS, N_CONTENDERS, "laws");
    if (s == ASC_OK && c.n_laws) {
        qsort(c.laws, c.n_laws, sizeof *c.laws, by_merit);
        explain(&c, choose(&c, &f, &prep), &prep);
    } else if (s == ASC_OK)
        s = fall_back(&c, runs, opts, err);
    bout_clear(&b);
    asc_free(f.leader);
    asc__prep_clear(&prep);
    if (s != ASC_OK)
        asc_law_comparison_clear(&c);
    else
        *out = c;
    return s;
}

asc_status asc_law_compare(asc_law_comparison *out, const asc_runs *runs, const asc_law_opts *opts, asc_error *err)
{
    asc_runs sample;
    ASC_TRY(asc__sample_runs(&sample, runs, opts, err));
    asc_status s = compare_rows(out, sample.n_runs ? &sample : runs, opts, err);
    if (s == ASC_OK && sample.n_runs) {
        size_t n = strlen(out->why);
        snprintf(out->why + n, sizeof out->why - n, "; judged on %zu of the %zu rows, runs evenly drawn", sample.n_runs,
                 runs->n_runs);
    }
    asc_runs_clear(&sample);
    return s;
}
