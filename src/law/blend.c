/* What `auto` takes: for every target the mean of the laws, each weighted by how well it predicts held-out runs. Of a
 * family the better of its two forms, with a process or without, stands for it.
 *
 * Weights are 1 / (squared held-out error)^2 (ours; measured against every choice of one law, docs/results/laws.md).
 * Where the table can test how a law extrapolates to larger sizes or budgets, that error counts as much.
 *
 * The mean predicts; draws are of single laws, so that what the laws disagree on is part of every interval and of every
 * decision. A draw picks the law of the same rank for all targets, and only laws that may decide a mixture. */
#include "private.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define MOST_PARTS 6
#define MOST_LAWS 32 /* in a field */

extern const asc__family asc__law_blend;

typedef struct part {
    const asc__contender *law;
    double error, weight; /* error: squared, of one target */
} part;

/* ---- weights ---- */

/* Squared error by which a law is weighted on target v; NaN: none. */
static double error_of(const asc__contender *c, size_t v, bool forward)
{
    return asc__held_out_error(c->mse[v], c->mre[v], forward ? c->forward[v] : NAN);
}

#define OWN_RUNS 40. /* so many runs weigh as much as what the other targets say */

/* Log of the squared error by which a law is weighted on target v: few held-out runs tell little of one target, so it
 * is drawn towards the law's mean over targets. Comparable between laws of one target alone. NaN: none. */
static double merit(const asc__field *f, const asc__contender *c, size_t v, bool forward)
{
    double sum = 0, n = 0, own = log(error_of(c, v, forward)), units = (double)f->prep->n_units;
    for (size_t u = 0; u < f->prep->n_targets; u++) {
        double e = log(error_of(c, u, forward));
        if (isfinite(e)) {
            sum += e;
            n++;
        }
    }
    double keep = units / (units + OWN_RUNS);
    return isfinite(own) ? keep * own + (1 - keep) * sum / n : NAN;
}

/* Can the laws be told apart by how they go on? Where some have no such figure, none is ranked by it. */
static bool forward_counts(const asc__field *f, size_t v)
{
    bool any = false;
    for (size_t i = 0; i < f->n; i++)
        any |= !isnan(f->laws[i].forward[v]);
    return any;
}

/* The better form of each family, best first, into parts; returns how many. */
static size_t rank_families(part *parts, const asc__field *f, size_t v)
{
    size_t n = 0;
    bool forward = forward_counts(f, v);
    for (size_t i = 0; i < f->n; i++) {
        double e = exp(merit(f, &f->laws[i], v, forward));
        size_t k = 0;
        if (!(e > 0) || (forward && isnan(f->laws[i].forward[v])))
            continue;
        while (k < n && parts[k].law->family != f->laws[i].family)
            k++;
        if (k < n && parts[k].error <= e)
            continue;
        assert(k < MOST_LAWS); /* one per family of the table */
        parts[k] = (part){&f->laws[i], e, 0};
        n += k == n;
    }
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k > 0 && parts[k].error < parts[k - 1].error; k--) {
            part t = parts[k];
            parts[k] = parts[k - 1];
            parts[k - 1] = t;
        }
    return n;
}

/* Laws and weights of target v; at least one of them may decide. Returns how many; 0: no law has a figure. */
static size_t weigh(part *parts, const asc__field *f, size_t v)
{
    size_t all = rank_families(parts, f, v), n = 0;
    bool decides = false;
    double sum = 0;
    for (size_t i = 0; i < all; i++) {
        double w = pow(parts[0].error / parts[i].error, 2);
        bool needed = !decides && !parts[i].law->family->corner;
        if (!needed && (w < ASC__LEAST_WEIGHT || n >= MOST_PARTS))
            continue;
        parts[n] = parts[i];
        parts[n++].weight = w;
        decides |= !parts[i].law->family->corner;
        sum += w;
    }
    assert(n <= MOST_PARTS + 1 && (n == 0 || sum > 0)); /* one more where none of the best may decide */
    for (size_t i = 0; i < n; i++)
        parts[i].weight /= sum;
    return n;
}

/* Held-out predictions of the blend of target v into held (ld). */
static void held_mean(double *held, const part *parts, size_t n, size_t v, size_t ld)
{
    for (size_t r = 0; r < ld; r++) {
        held[r] = 0;
        for (size_t i = 0; i < n; i++)
            held[r] += parts[i].weight * parts[i].law->held[v * ld + r];
    }
}

static double forward_mean(const part *parts, size_t n, size_t v)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += parts[i].weight * parts[i].law->forward[v];
    return sum;
}

/* Its weights are of the same held-out errors, so these figures are a little in its favour. */
asc_status asc__blend_score(asc_law_score *out, const asc__field *f, asc_error *err)
{
    const asc__prep *p = f->prep;
    part parts[MOST_LAWS];
    asc_law_score sum = {.law = "blend", .seconds = 0, .n_folds_done = (size_t)p->n_folds};
    double *held = asc_calloc(p->ld + 1, sizeof *held), n = 0, n_rank = 0;
    if (!held)
        return ASC_NOMEM(err);
    for (size_t v = 0; v < p->n_targets; v++) {
        asc_law_stats s = {0};
        size_t m = weigh(parts, f, v);
        if (m == 0)
            continue;
        held_mean(held, parts, m, v, p->ld);
        asc__cv_stats(&s, p, held, p->y + v * p->ld, p->weight + v * p->ld);
        sum.cv_mre += s.cv_mre;
        sum.cv_mre_sd += s.cv_mre_sd;
        sum.cv_mse += s.cv_mse;
        sum.forward_mre += forward_mean(parts, m, v);
        n++;
        sum.cv_spearman += isnan(s.cv_spearman) ? 0 : s.cv_spearman;
        n_rank += !isnan(s.cv_spearman);
    }
    asc_free(held);
    *out = sum;
    out->cv_mre /= n;
    out->cv_mre_sd /= n;
    out->cv_mse /= n;
    out->forward_mre /= n;
    out->cv_spearman = n_rank > 0 ? sum.cv_spearman / n_rank : NAN;
    for (size_t i = 0; i < f->n; i++)
        out->seconds += f->laws[i].gp ? 0 : f->laws[i].score.seconds;
    return ASC_OK;
}

/* ---- which law a draw is of ---- */

/* Numbers in [0,1) that fill it evenly, whatever their number (van der Corput). */
static double even(size_t k)
{
    double x = 0, scale = .5;
    for (; k; k >>= 1, scale *= .5)
        x += scale * (double)(k & 1);
    return x;
}

/* Whether draws may be of part i: it decides, or no part does (a table so large that such laws are not tried). */
static bool is_drawn(const part *parts, size_t n, size_t i)
{
    bool decided = false;
    for (size_t k = 0; k < n; k++)
        decided |= !parts[k].law->family->corner;
    return !decided || !parts[i].law->family->corner;
}

/* pick (K,2) and how many draws each part needs. */
static void pick_draws(int32_t *pick, size_t *count, const part *parts, size_t n, size_t K)
{
    double total = 0;
    memset(count, 0, n * sizeof *count);
    for (size_t i = 0; i < n; i++)
        total += is_drawn(parts, n, i) ? parts[i].weight : 0;
    assert(total > 0);
    for (size_t k = 0; k < K; k++) {
        double u = even(k) * total, sum = 0;
        size_t at = ASC_NONE;
        for (size_t i = 0; i < n; i++)
            if (is_drawn(parts, n, i) && sum <= u) {
                at = i;
                sum += parts[i].weight;
            }
        assert(at < n); /* the first drawn part has a sum of 0 before it */
        pick[2 * k] = (int32_t)at;
        pick[2 * k + 1] = (int32_t)count[at]++;
    }
}

/* ---- one target ---- */

typedef struct blending {
    const asc__field *f;
    asc_law *laws;
    size_t n_draws;
    asc__meter meter;
    asc_status *status;
    asc_error *errors;
} blending;

static asc_status fit_part(asc_law *out, const blending *b, const part *p, size_t v, size_t n_draws, asc_error *err)
{
    asc__fit_job job = {.prep = b->f->prep,
                        .opts = b->f->o,
                        .target = v,
                        .family = p->law->family,
                        .gp = p->law->gp,
                        .pool = p->law->pool,
                        .verdict = &p->law->verdicts[v],
                        .n_draws = n_draws};
    return asc__fit_target(out, &job, err);
}

static asc_status stats(asc_law *l, const asc__prep *p, const part *parts, size_t v, asc_error *err)
{
    double *rows = asc_calloc(2 * p->ld + 1, sizeof *rows), *fitted = rows, *held = rows ? rows + p->ld : NULL;
    const double *y = p->y + v * p->ld, *weight = p->weight + v * p->ld;
    asc_status s = rows ? ASC_OK : ASC_NOMEM(err);
    if (s == ASC_OK)
        s = asc_law_predict_many(fitted, l, p->n, p->runs->tokens, p->runs->params, NAN, 1, err);
    if (s == ASC_OK) {
        held_mean(held, parts, l->n_parts, v, p->ld);
        asc__fit_stats(&l->stats, p, fitted, y, weight);
        asc__cv_stats(&l->stats, p, held, y, weight);
        l->stats.converged = true;
        l->stats.forward_mre = forward_mean(parts, l->n_parts, v);
        for (size_t i = 0; i < l->n_parts; i++)
            l->stats.converged &= l->parts[i].stats.converged;
        s = asc__law_calibrate(l, p, held, y, weight, err);
    }
    asc_free(rows);
    return s;
}

/* A blend with the frame of its parts: names, units, draws' picks; the parts are fitted already. */
static asc_status assemble(asc_law *out, asc_law *fitted, const part *parts, size_t n, const int32_t *pick, size_t K,
                           asc_error *err)
{
    asc_law l = {.family = &asc__law_blend, .n_domains = fitted->n_domains, .own = fitted->own, .n_params = n};
    assert(n > 1);
    l.has_tokens = fitted->has_tokens;
    l.has_params = fitted->has_params;
    l.unit_tokens = fitted->unit_tokens;
    l.unit_params = fitted->unit_params;
    l.floor = fitted->floor;
    l.tokens_hi = fitted->tokens_hi;
    l.params_hi = fitted->params_hi;
    l.stats = fitted->stats;
    l.target = asc_strdup(fitted->target);
    l.params = asc_calloc(n, sizeof *l.params);
    l.parts = asc_calloc(n, sizeof *l.parts);
    l.pick = K ? asc_calloc(2 * K, sizeof *l.pick) : NULL;
    if (!l.target || !l.params || !l.parts || (K && !l.pick)) {
        asc_law_clear(&l);
        return ASC_NOMEM(err);
    }
    l.n_parts = n;
    for (size_t i = 0; i < n; i++) {
        l.params[i] = parts[i].weight;
        l.parts[i] = fitted[i];
        fitted[i] = (asc_law){0};
        asc_free(l.parts[i].held); /* the blend has its own */
        l.parts[i].held = NULL;
        l.parts[i].n_held = 0;
    }
    if (K)
        memcpy(l.pick, pick, 2 * K * sizeof *pick);
    l.n_draws = K;
    *out = l;
    return ASC_OK;
}

static asc_status fit_parts(asc_law *out, const blending *b, const part *parts, size_t n, size_t v, asc_error *err)
{
    size_t K = b->n_draws, count[MOST_PARTS + 1];
    asc_law fitted[MOST_PARTS + 1] = {0}, law = {0};
    int32_t *pick = asc_calloc(2 * K + 1, sizeof *pick);
    asc_status s = pick ? ASC_OK : ASC_NOMEM(err);
    if (s == ASC_OK)
        pick_draws(pick, count, parts, n, K);
    for (size_t i = 0; s == ASC_OK && i < n; i++)
        s = fit_part(&fitted[i], b, &parts[i], v, n > 1 ? count[i] : K, err);
    if (s == ASC_OK && n == 1) {
        law = fitted[0];
        fitted[0] = (asc_law){0};
    } else if (s == ASC_OK) {
        s = assemble(&law, fitted, parts, n, pick, K, err);
        if (s == ASC_OK)
            s = stats(&law, b->f->prep, parts, v, err);
    }
    for (size_t i = 0; i < n; i++)
        asc_law_clear(&fitted[i]);
    asc_free(pick);
    if (s == ASC_OK)
        *out = law;
    else
        asc_law_clear(&law);
    return s;
}

static void blend_target(void *ctx, size_t v)
{
    blending *b = ctx;
    part parts[MOST_LAWS];
    asc_error *err = &b->errors[v];
    size_t n = weigh(parts, b->f, v), spent = 0;
    if (asc_interrupted())
        b->status[v] = ASC_FAIL(err, ASC_EINTR, "interrupted");
    else if (n == 0)
        b->status[v] =
            ASC_FAIL(err, ASC_EINVAL, "target %s: too few rows to evaluate any law", b->f->prep->runs->targets[v]);
    else
        b->status[v] = fit_parts(&b->laws[v], b, parts, n, v, err);
    asc__meter_add(&b->meter, &spent, SIZE_MAX);
}

asc_status asc__blend_laws(asc_law *laws, asc__field *f, asc_error *err)
{
    const asc_law_opts *o = f->o;
    size_t V = f->prep->n_targets;
    blending b = {.f = f, .laws = laws};
    b.n_draws = asc__count_draws(o, V, 2 * f->prep->n_domains);
    b.status = asc_calloc(V, sizeof *b.status);
    b.errors = asc_calloc(V, sizeof *b.errors);
    asc_status s = b.status && b.errors ? ASC_OK : ASC_NOMEM(err);
    asc__meter_init(&b.meter, o, "fitting the blend", V, 0);
    if (s == ASC_OK)
        asc_parallel_for(o->n_threads > 0 ? o->n_threads : asc_cpu_count(), V, blend_target, &b);
    for (size_t v = 0; s == ASC_OK && v < V; v++)
        if (b.status[v] != ASC_OK) {
            s = b.status[v];
            if (err)
                *err = b.errors[v];
        }
    if (s == ASC_OK)
        s = asc__steady_bands(laws, f->prep, err);
    asc_free(b.status);
    asc_free(b.errors);
    return s;
}

/* ---- the row of the table ---- */

static double point(const asc_law *l, const double *params, const double *tokens, double P, double *gradient)
{
    size_t D = l->n_domains;
    double sum = 0, one[D];
    for (size_t i = 0; gradient && i < D; i++)
        gradient[i] = 0;
    for (size_t k = 0; k < l->n_parts; k++) {
        sum += params[k] * asc_law_gradient(&l->parts[k], tokens, P, one);
        for (size_t i = 0; gradient && i < D; i++)
            gradient[i] += params[k] * one[i];
    }
    return sum;
}

static void param_name(const asc_law *l, size_t i, char *const *domains, char *buf, size_t n)
{
    char name[40] = "?";
    if (i < l->n_parts)
        asc_law_name(&l->parts[i], name, sizeof name);
    snprintf(buf, n, "weight.%s", name);
}

static const char *check(const asc_law *l, const char **expected)
{
    *expected = "the blended laws";
    return l->n_parts ? NULL : "parts";
}

const asc__family asc__law_blend = {.name = "blend",
                                    .alias = "auto",
                                    .help = "the mean of the laws, weighted target by target by how well they predict "
                                            "held-out runs (ours; the default of auto)",
                                    .check = check,
                                    .param_name = param_name,
                                    .point = point,
                                    .fit = asc__fit_blend};
