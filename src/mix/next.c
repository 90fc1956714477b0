/* Which runs to make next: mixtures tried out under a law's draws. */
#include "mix/mix_next.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "losses.h"
#include "num/num.h"
#include "optimum.h"

enum { MOST_DRAWS = 400, MOST_MIXTURES = 2000, FEWEST_MIXTURES = 200 };
static const double most_predictions = 4e7; /* of single laws, some seconds */

void asc_next_opts_init(asc_next_opts *o)
{
    *o = (asc_next_opts){.n_runs = 8,
                         .params = NAN,
                         .decide_tokens = NAN,
                         .decide_params = NAN,
                         .trust = NAN,
                         .limits = {.max_epochs = 1}};
}

void asc_next_clear(asc_next *n)
{
    if (!n)
        return;
    asc_free(n->weights);
    asc_free(n->tokens);
    asc_free(n->expect);
    asc_free(n->spread);
    asc_free(n->gain_sd);
    asc_free(n->best);
    asc_notes_clear(&n->notes);
    *n = (asc_next){0};
}

static asc_status allocate(asc_next *n, size_t R, size_t D, asc_error *err)
{
    n->n_runs = R;
    n->n_domains = D;
    n->weights = asc_calloc(R * D, sizeof *n->weights);
    n->tokens = asc_calloc(R * D, sizeof *n->tokens);
    n->expect = asc_calloc(R, sizeof *n->expect);
    n->spread = asc_calloc(R + 1, sizeof *n->spread);
    n->gain_sd = asc_calloc(R + 1, sizeof *n->gain_sd);
    n->gain = NAN;
    for (size_t r = 0; n->spread && n->gain_sd && r <= R; r++)
        n->spread[r] = n->gain_sd[r] = NAN;
    for (size_t r = 0; n->expect && r < R; r++)
        n->expect[r] = (asc_prediction){NAN, NAN, NAN};
    return n->weights && n->tokens && n->expect && n->spread && n->gain_sd ? ASC_OK : ASC_NOMEM(err);
}

static asc_status whole_tokens(asc_next *n, int64_t total, asc_error *err)
{
    assert(total > 0);
    for (size_t r = 0; r < n->n_runs; r++)
        ASC_TRY(asc_mixture_tokens(n->tokens + r * n->n_domains, NULL, n->weights + r * n->n_domains, n->n_domains,
                                   total, NULL, err));
    return ASC_OK;
}

/* ---- mixtures to try ---- */

typedef struct limits {
    double *lo, *hi; /* (D) */
} limits;

static asc_status find_limits(limits *l, const asc_next_opts *o, int64_t n_tokens, const double *range_lo,
                              const double *range_hi, char *const *domains, size_t D, asc_error *err)
{
    asc_mix_opts m;
    asc_mix_opts_init(&m);
    m.n_tokens = n_tokens;
    m.limits = o->limits;
    m.trust = isnan(o->trust) ? 2 : o->trust;
    l->lo = asc_calloc(2 * D, sizeof *l->lo);
    asc_bound *kinds = asc_calloc(2 * D, sizeof *kinds);
    asc_status st = l->lo && kinds ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK) {
        l->hi = l->lo + D;
        st = asc_mix_limits(l->lo, l->hi, kinds, kinds + D, &m, range_lo, range_hi, domains, D, err);
    }
    asc_free(kinds);
    return st;
}

/* n mixtures around `centre`, held to the limits. */
static asc_status draw_around(double *w, size_t n, const double *centre, double concentration, const limits *l,
                              size_t D, uint64_t seed, asc_error *err)
{
    if (n == 0)
        return ASC_OK;
    ASC_TRY(asc_design_dirichlet(w, n, centre, D, concentration, NULL, NULL, seed, err));
    for (size_t m = 0; m < n; m++)
        asc__project(w + m * D, w + m * D, NULL, l->lo, l->hi, D);
    return ASC_OK;
}

/* Index of the mixture among n that lies farthest from those taken; near (n) holds each one's distance to them. */
static size_t farthest(double *near, const double *w, size_t n, size_t D, const double *last)
{
    size_t best = 0;
    assert(n > 0);
    for (size_t m = 0; m < n; m++) {
        double d = 0;
        for (size_t i = 0; i < D; i++) {
            double x = sqrt(w[m * D + i]) - sqrt(last[i]);
            d += x * x;
        }
        near[m] = fmin(near[m], d);
        best = near[m] > near[best] ? m : best;
    }
    return best;
}

static asc_status fill_space(asc_next *out, const double *prior, const limits *l, const asc_next_opts *o,
                             asc_error *err)
{
    size_t D = out->n_domains, n = MOST_MIXTURES;
    assert(asc_is_mixture(prior, D) && out->n_runs > 0);
    double *w = asc_calloc(n * (D + 1), sizeof *w), *near = w ? w + n * D : NULL;
    asc_status st = w ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = draw_around(w, n / 2, prior, (double)D, l, D, o->seed, err);
    if (st == ASC_OK)
        st = draw_around(w + n / 2 * D, n - n / 2, prior, 2 * (double)D, l, D, o->seed + 1, err);
    for (size_t m = 0; st == ASC_OK && m < n; m++)
        near[m] = INFINITY;
    bool fits = true;
    for (size_t i = 0; i < D; i++)
        fits = fits && prior[i] >= l->lo[i] && prior[i] <= l->hi[i];
    if (st == ASC_OK && fits)
        memcpy(out->weights, prior, D * sizeof *prior);
    else if (st == ASC_OK)
        asc__project(out->weights, prior, NULL, l->lo, l->hi, D);
    for (size_t r = 1; st == ASC_OK && r < out->n_runs; r++) {
        size_t m = farthest(near, w, n, D, out->weights + (r - 1) * D);
        memcpy(out->weights + r * D, w + m * D, D * sizeof *w);
    }
    asc_free(w);
    return st;
}

asc_status asc_next_filling(asc_next *out, const double *prior, char *const *domains, size_t n_domains,
                            const asc_next_opts *o, asc_error *err)
{
    asc_next n = {0};
    limits l = {0}, later = {0};
    asc_status st = allocate(&n, o->n_runs, n_domains, err);
    if (st == ASC_OK && !isnan(o->decide_tokens)) /* nothing is decided yet, but it must be possible */
        st = find_limits(&later, o, (int64_t)o->decide_tokens, NULL, NULL, domains, n_domains, err);
    asc_free(later.lo);
    if (st == ASC_OK)
        st = find_limits(&l, o, o->n_tokens, NULL, NULL, domains, n_domains, err);
    if (st == ASC_OK)
        st = fill_space(&n, prior, &l, o, err);
    if (st == ASC_OK)
        st = whole_tokens(&n, o->n_tokens, err);
    asc_free(l.lo);
    if (st != ASC_OK) {
        asc_next_clear(&n);
        return st;
    }
    *out = n;
    return ASC_OK;
}

/* ---- under the law's draws ---- */

typedef struct chooser {
    const asc_law_set *laws;
    const asc_next_opts *o;
    const asc_objective *objective;
    asc__losses losses;
    size_t D, V, K, M; /* M mixtures, the uniform one first */
    bool single;       /* one law of the objective itself */
    double params, decide_tokens, decide_params;
    limits limits;
    double *w;      /* (M,D) */
    double *run;    /* (M,K) objective of a run under each draw; then its deviations from the mean / sqrt(K - 1) */
    double *value;  /* (M,K) the same at the budget of the decision */
    double *mean;   /* (M) of run */
    double *worth;  /* (M) of value: its mean */
    double *chance; /* (M) that it is the best, by the draws */
    double noise;   /* sd of one run's objective */
    size_t best;
    asc_next r;
} chooser;

/* The objective at mixture w under each draw, into out (K). */
static void objective_draws(const chooser *c, double *out, const double *w, double n_tokens, double params)
{
    double tokens[c->D], *values = asc_calloc(asc__losses_size(&c->losses), sizeof *values);
    for (size_t i = 0; i < c->D; i++)
        tokens[i] = n_tokens * w[i];
    if (values)
        asc__losses_at(values, &c->losses, tokens, params);
    for (size_t k = 0; k < c->K; k++)
        out[k] = values ? values[c->V * (c->K + 1) + k] : NAN;
    asc_free(values);
}

static void evaluate(void *ctx, size_t m)
{
    chooser *c = ctx;
    if (asc_interrupted())
        return;
    const double *w = c->w + m * c->D;
    objective_draws(c, c->run + m * c->K, w, (double)c->o->n_tokens, c->params);
    objective_draws(c, c->value + m * c->K, w, c->decide_tokens, c->decide_params);
}

/* x (n) becomes its deviations from its mean over sqrt(n - 1), so that products are covariances. Returns the mean. */
static double centre(double *x, size_t n)
{
    assert(n >= 2);
    double mean = asc_mean(x, n);
    for (size_t k = 0; k < n; k++)
        x[k] = (x[k] - mean) / sqrt((double)(n - 1));
    return mean;
}

/* How often each mixture is the best; those that are not finite everywhere are never. */
static asc_status find_chances(chooser *c, asc_error *err)
{
    size_t n_finite = 0;
    for (size_t k = 0; k < c->K; k++) {
        size_t best = ASC_NONE;
        for (size_t m = 0; m < c->M; m++) {
            double x = c->value[m * c->K + k];
            if (isfinite(x) && (best == ASC_NONE || x < c->value[best * c->K + k]))
                best = m;
        }
        if (best != ASC_NONE)
            c->chance[best] += 1 / (double)c->K;
        n_finite += best != ASC_NONE;
    }
    return n_finite >= ASC__FEWEST_DRAWS ? ASC_OK
                                         : ASC_FAIL(err, ASC_ENUMERIC, "the law predicts nothing finite there");
}

static asc_status prepare_draws(chooser *c, asc_error *err)
{
    ASC_TRY(find_chances(c, err));
    c->best = ASC_NONE;
    for (size_t m = 0; m < c->M; m++) {
        c->worth[m] = centre(c->value + m * c->K, c->K);
        c->mean[m] = centre(c->run + m * c->K, c->K);
        if (isfinite(c->worth[m]) && (c->best == ASC_NONE || c->worth[m] < c->worth[c->best]))
            c->best = m;
    }
    return c->best == ASC_NONE ? ASC_FAIL(err, ASC_ENUMERIC, "the law predicts nothing finite there") : ASC_OK;
}

/* Variance of the loss of mixture m less that of the best now. */
static double variance_of_gain(const chooser *c, size_t m)
{
    assert(m < c->M && c->best < c->M);
    double sum = 0;
    const double *x = c->value + m * c->K, *b = c->value + c->best * c->K;
    for (size_t k = 0; k < c->K; k++)
        sum += (x[k] - b[k]) * (x[k] - b[k]);
    return sum;
}

/* What is to be decided: see asc_next.spread. */
static double undecided(const chooser *c)
{
    double sum = 0;
    for (size_t m = 0; m < c->M; m++)
        if (c->chance[m] > 0)
            sum += c->chance[m] * variance_of_gain(c, m);
    return sum;
}

/* By how much a run of mixture m would lower it; what K draws show by chance is taken off. */
static double told_by(const chooser *c, size_t m)
{
    /* A run measured with noise takes cov^2 / (var + noise^2) off the variance of what it is correlated with. */
    const double *h = c->run + m * c->K, *b = c->value + c->best * c->K;
    double told = 0, own = asc_dot(h, h, c->K), hb = asc_dot(h, b, c->K);
    if (!isfinite(own) || !isfinite(c->mean[m]))
        return -INFINITY;
    for (size_t j = 0; j < c->M; j++) {
        if (!(c->chance[j] > 0) || j == c->best)
            continue;
        double with = asc_dot(h, c->value + j * c->K, c->K) - hb;
        double by_chance = own * variance_of_gain(c, j) / (double)(c->K - 1);
        told += c->chance[j] * fmax(with * with - by_chance, 0);
    }
    return told / (own + c->noise * c->noise + 1e-300);
}

/* Everything after a run of mixture m: each column loses its part along h, so that covariances are those given the
 * run's loss (Potter's square root). */
static void condition_on(chooser *c, size_t m)
{
    size_t K = c->K;
    assert(m < c->M);
    double h[K];
    memcpy(h, c->run + m * K, sizeof h);
    double s = c->noise * c->noise, all = asc_dot(h, h, K) + s;
    if (!(all > 0))
        return;
    double factor = 1 / all / (1 + sqrt(s / all));
    for (size_t j = 0; j < c->M; j++) {
        asc_axpy(c->run + j * K, -factor * asc_dot(h, c->run + j * K, K), h, K);
        asc_axpy(c->value + j * K, -factor * asc_dot(h, c->value + j * K, K), h, K);
    }
}

typedef struct telling {
    const chooser *c;
    double *told; /* (M) */
} telling;

static void tell_one(void *ctx, size_t m)
{
    telling *t = ctx;
    t->told[m] = told_by(t->c, m);
}

static asc_status choose(chooser *c, asc_error *err)
{
    telling t = {c, asc_calloc(c->M, sizeof *t.told)};
    asc_status st = t.told ? ASC_OK : ASC_NOMEM(err);
    c->r.spread[0] = sqrt(undecided(c));
    c->r.gain_sd[0] = sqrt(variance_of_gain(c, 0));
    for (size_t r = 0; st == ASC_OK && r < c->r.n_runs; r++) {
        size_t best = 0;
        asc_parallel_for(c->o->n_threads > 0 ? c->o->n_threads : asc_cpu_count(), c->M, tell_one, &t);
        for (size_t m = 1; m < c->M; m++)
            best = t.told[m] > t.told[best] ? m : best;
        double sd = sqrt(asc_dot(c->run + best * c->K, c->run + best * c->K, c->K) + c->noise * c->noise);
        c->r.expect[r] = (asc_prediction){c->mean[best], c->mean[best] - 1.645 * sd, c->mean[best] + 1.645 * sd};
        memcpy(c->r.weights + r * c->D, c->w + best * c->D, c->D * sizeof *c->w);
        condition_on(c, best);
        c->r.spread[r + 1] = sqrt(undecided(c));
        c->r.gain_sd[r + 1] = sqrt(variance_of_gain(c, 0));
        if (asc_interrupted())
            st = ASC_FAIL(err, ASC_EINTR, "interrupted");
    }
    asc_free(t.told);
    return st;
}

/* Uniform, what would be chosen now, and around both, and around the middle of what was sampled: close by and far. */
static asc_status make_mixtures(chooser *c, asc_error *err)
{
    assert(c->M >= FEWEST_MIXTURES); /* so that there is something of every kind */
    size_t D = c->D, each = (c->M - 2) / 4, rest = c->M - 2 - 3 * each;
    double middle[D], even[D], base = 0;
    asc_mix_opts m;
    asc_mix_result now = {0};
    for (size_t i = 0; i < D; i++)
        base += c->laws->base_tokens[i];
    for (size_t i = 0; i < D; i++) {
        middle[i] = base > 0 ? fmax(c->laws->base_tokens[i] / base, 1e-4) : 1 / (double)D;
        even[i] = 1 / (double)D;
    }
    asc__project(c->w, even, NULL, c->limits.lo, c->limits.hi, D);
    asc_mix_opts_init(&m);
    m.n_tokens = (int64_t)c->decide_tokens;
    m.params = c->decide_params;
    m.objective = c->objective;
    m.limits = c->o->limits;
    m.no_intervals = true;
    m.no_repetition = true;
    m.n_threads = c->o->n_threads > 0 ? c->o->n_threads : asc_cpu_count();
    m.seed = c->o->seed;
    m.progress = c->o->progress;
    m.progress_ctx = c->o->progress_ctx;
    ASC_TRY(asc_mix_optimum(&now, c->laws, &m, err));
    asc__project(c->w + D, now.weights, NULL, c->limits.lo, c->limits.hi, D);
    asc_mix_result_clear(&now);
    double near[D];
    for (size_t i = 0; i < D; i++)
        near[i] = fmax(c->w[D + i], 1e-4);
    double *w = c->w + 2 * D;
    uint64_t seed = c->o->seed;
    ASC_TRY(draw_around(w, each, near, 10 * (double)D, &c->limits, D, seed + 1, err));
    ASC_TRY(draw_around(w + each * D, each, near, 2 * (double)D, &c->limits, D, seed + 2, err));
    ASC_TRY(draw_around(w + 2 * each * D, each, middle, 2 * (double)D, &c->limits, D, seed + 3, err));
    return draw_around(w + 3 * each * D, rest, middle, (double)D, &c->limits, D, seed + 4, err);
}

double asc_next_noise(const asc_law_set *laws, const asc_objective *objective, double params)
{
    const asc_objective *o = objective ? objective : &laws->objective;
    bool single = asc_law_set_of_objective(laws);
    double sum = 0, largest = 0;
    for (size_t v = 0; v < laws->n_laws; v++) {
        const asc_law *l = &laws->laws[v];
        bool curved = !single && o->kind == ASC_OBJ_MEAN_PPL;
        double loss = curved ? asc_law_predict(l, laws->base_tokens, params) : 0;
        double weight = single ? 1 : asc_objective_slope(o, v, isfinite(loss) ? loss : 0, laws->n_targets);
        double sd = l->stats.noise;
        sd = isfinite(sd) ? sd : isfinite(laws->noise) ? laws->noise : 0;
        sum += weight * weight * sd * sd;
        largest = fmax(largest, sd);
    }
    return o->kind == ASC_OBJ_WORST ? largest : sqrt(sum);
}

static asc_status set_up(chooser *c, asc_error *err)
{
    const asc_law_set *s = c->laws;
    size_t all = asc_law_set_n_draws(s);
    if (c->single && !asc__same_objective(c->objective, &s->objective))
        return ASC_FAIL(err, ASC_EINVAL, "a ddo law predicts only the objective it was fitted to");
    if (all < ASC__FEWEST_DRAWS)
        return ASC_FAIL(err, ASC_EINVAL,
                        "the law has %zu draws, too few to estimate the value of a run; fit it with --bootstrap 200",
                        all);
    c->losses = asc__losses_of(s, c->objective, MOST_DRAWS);
    c->K = c->losses.K;
    double fit = most_predictions / (2 * (double)(c->K * s->n_laws));
    c->M = fit > MOST_MIXTURES ? MOST_MIXTURES : fit < FEWEST_MIXTURES ? FEWEST_MIXTURES : (size_t)fit;
    c->params = isnan(c->o->params) ? s->params_lo : c->o->params;
    c->decide_params = isnan(c->o->decide_params) ? s->params_hi : c->o->decide_params;
    c->decide_tokens = isnan(c->o->decide_tokens) ? (double)c->o->n_tokens : c->o->decide_tokens;
    c->noise = asc_next_noise(s, c->objective, c->params);
    c->w = asc_calloc(c->M * c->D, sizeof *c->w);
    c->run = asc_calloc(c->M * c->K, sizeof *c->run);
    c->value = asc_calloc(c->M * c->K, sizeof *c->value);
    c->mean = asc_calloc(3 * c->M, sizeof *c->mean);
    if (!c->w || !c->run || !c->value || !c->mean)
        return ASC_NOMEM(err);
    c->worth = c->mean + c->M;
    c->chance = c->worth + c->M;
    return find_limits(&c->limits, c->o, c->o->n_tokens, s->share_lo, s->share_hi, s->domains, c->D, err);
}

static asc_status choose_runs(chooser *c, asc_error *err)
{
    ASC_TRY(allocate(&c->r, c->o->n_runs, c->D, err));
    ASC_TRY(set_up(c, err));
    ASC_TRY(make_mixtures(c, err));
    asc_parallel_for(c->o->n_threads > 0 ? c->o->n_threads : asc_cpu_count(), c->M, evaluate, c);
    if (asc_interrupted())
        return ASC_FAIL(err, ASC_EINTR, "interrupted");
    ASC_TRY(prepare_draws(c, err));
    c->r.gain = c->worth[0] - c->worth[c->best];
    c->r.best = asc_calloc(c->D, sizeof *c->r.best);
    if (!c->r.best)
        return ASC_NOMEM(err);
    memcpy(c->r.best, c->w + c->best * c->D, c->D * sizeof *c->w);
    asc_mix_support support;
    asc_mix_support_of(&support, c->laws, NULL, c->decide_tokens, c->decide_params);
    asc_mix_support_say(&c->r.notes, &support, c->laws, c->decide_tokens, c->decide_params);
    ASC_TRY(choose(c, err));
    return whole_tokens(&c->r, c->o->n_tokens, err);
}

asc_status asc_next_runs(asc_next *out, const asc_law_set *laws, const asc_next_opts *o, asc_error *err)
{
    chooser c = {.laws = laws,
                 .o = o,
                 .objective = o->objective ? o->objective : &laws->objective,
                 .D = laws->n_domains,
                 .V = laws->n_targets,
                 .single = asc_law_set_of_objective(laws)};
    asc_status st = choose_runs(&c, err);
    if (st == ASC_OK)
        *out = c.r;
    else
        asc_next_clear(&c.r);
    asc_free(c.limits.lo);
    asc_free(c.w);
    asc_free(c.run);
    asc_free(c.value);
    asc_free(c.mean);
    return st;
}
