/* Aioli [Chen et al. 2411.05735, Algorithms 1 and 2]: short bursts on each domain tell how its share moves every
 * domain's held-out loss; weights follow that by exponentiated gradient, round by round. */
#include "rivals.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define ONE_HOT .625 /* share of the burst's own domain */
#define ETA .2
#define EMA .1
enum { ROUNDS = 20, MOST_ROUND = 250, SWEEPS = 4, BURST = 4 };

/* Steps of a round, of a burst, and sweeps over the domains; bursts take at most half of a round (ours: in short runs
 * they are cut). */
typedef struct rhythm {
    int64_t round, burst, sweeps;
} rhythm;

static rhythm rhythm_of(const asc_online_run *r)
{
    int64_t D = (int64_t)r->n_domains;
    rhythm x = {r->n_steps / ROUNDS, BURST, SWEEPS};
    x.round = x.round > MOST_ROUND ? MOST_ROUND : x.round;
    while (x.burst > 1 && 2 * x.sweeps * x.burst * D > x.round)
        x.burst--;
    while (x.sweeps > 1 && 2 * x.sweeps * x.burst * D > x.round)
        x.sweeps--;
    x.round = x.round < 2 * x.sweeps * x.burst * D ? 2 * x.sweeps * x.burst * D : x.round;
    return x;
}

/* state: weights between bursts (D), losses measured last (D), what each burst gained (D,D) [loss, burst], the same
 * smoothed over rounds (D,D), rounds so far. */
typedef struct view {
    double *p, *last, *gained, *smooth, *rounds;
} view;

static view view_of(double *s, size_t D)
{
    return (view){s, s + D, s + 2 * D, s + 2 * D + D * D, s + 2 * D + 2 * D * D};
}

static size_t n_state(const asc_online_run *r)
{
    return 2 * r->n_domains * (1 + r->n_domains) + 1;
}

static void begin(double *state, double *w, const asc_online_run *r)
{
    view v = view_of(state, r->n_domains);
    for (size_t i = 0; i < r->n_domains; i++)
        v.p[i] = w[i] = 1 / (double)r->n_domains;
}

static bool wants_losses(const asc_online_run *r, int64_t steps)
{
    rhythm x = rhythm_of(r);
    int64_t at = steps % x.round, D = (int64_t)r->n_domains;
    return steps < r->n_steps && at % x.burst == 0 && at / x.burst <= x.sweeps * D;
}

/* The domain of the k-th burst of a round: a fresh order in each sweep. */
static size_t domain_of(const asc_online_run *r, int64_t round, int64_t sweeps, int64_t k)
{
    int64_t D = (int64_t)r->n_domains;
    assert(D > 0 && k >= 0 && k < sweeps * D);
    int64_t sweep = k / D;
    size_t order[r->n_domains];
    asc_rng g;
    asc_rng_init(&g, r->seed, "rival/aioli", (uint64_t)(round * sweeps + sweep));
    for (size_t i = 0; i < r->n_domains; i++)
        order[i] = i;
    for (size_t i = r->n_domains; i > 1; i--) {
        size_t j = (size_t)asc_rng_below(&g, i), t = order[i - 1];
        order[i - 1] = order[j];
        order[j] = t;
    }
    return order[k % D];
}

static double share_of(size_t domain, size_t burst, size_t D)
{
    assert(domain < D && burst < D);
    return D == 1 ? 1 : domain == burst ? ONE_HOT : (1 - ONE_HOT) / (double)(D - 1);
}

static void play(double *w, size_t burst, size_t D)
{
    for (size_t i = 0; i < D; i++)
        w[i] = share_of(i, burst, D);
}

/* Row of gains g = S a, S_kj the share of j in burst k: S = s I + t 11', so that a = (g - t sum(a)) / s with
 * sum(a) = sum(g) / (s + t D). */
static void unmix(double *a, size_t D)
{
    double t = D == 1 ? 0 : (1 - ONE_HOT) / (double)(D - 1), s = D == 1 ? 1 : ONE_HOT - t, sum = 0;
    for (size_t j = 0; j < D; j++)
        sum += a[j];
    sum /= s + t * (double)D;
    for (size_t j = 0; j < D; j++)
        a[j] = (a[j] - t * sum) / s;
}

/* Nothing below 0, all of it 1. */
static void normalise(double *a, size_t n)
{
    double least = 0, sum = 0;
    for (size_t k = 0; k < n; k++)
        least = fmin(least, a[k]);
    for (size_t k = 0; k < n; k++)
        sum += a[k] -= least;
    for (size_t k = 0; k < n; k++)
        a[k] = sum > 0 ? a[k] / sum : 1 / (double)n;
}

static void learn(view *v, double *w, size_t D, int64_t sweeps)
{
    assert(sweeps > 0);
    double sum = 0, keep = *v->rounds > 0 ? EMA : 0;
    for (size_t k = 0; k < D * D; k++)
        v->gained[k] /= (double)sweeps;
    for (size_t i = 0; i < D; i++)
        unmix(v->gained + i * D, D);
    normalise(v->gained, D * D);
    for (size_t k = 0; k < D * D; k++)
        v->smooth[k] = (1 - keep) * v->gained[k] + keep * v->smooth[k];
    for (size_t j = 0; j < D; j++) {
        double up = 0;
        for (size_t i = 0; i < D; i++)
            up += v->smooth[i * D + j];
        sum += v->p[j] *= exp(ETA * up);
    }
    for (size_t j = 0; j < D; j++)
        w[j] = v->p[j] /= sum;
    ++*v->rounds;
}

static void measure(double *state, double *w, const asc_online_run *r, int64_t steps, const double *loss)
{
    size_t D = r->n_domains;
    view v = view_of(state, D);
    rhythm x = rhythm_of(r);
    int64_t round = steps / x.round, k = steps % x.round / x.burst;
    if (k == 0)
        memset(v.gained, 0, D * D * sizeof *v.gained);
    size_t burst = k > 0 ? domain_of(r, round, x.sweeps, k - 1) : 0;
    for (size_t i = 0; i < D; i++) {
        if (k > 0)
            v.gained[i * D + burst] += v.last[i] - loss[i];
        v.last[i] = loss[i];
    }
    if (k < x.sweeps * (int64_t)D)
        play(w, domain_of(r, round, x.sweeps, k), D);
    else
        learn(&v, w, D, x.sweeps);
}

static const asc_online rule = {
    .name = "aioli", .n_state = n_state, .begin = begin, .wants_losses = wants_losses, .measure = measure};

const asc_rival asc__rival_aioli = {.name = "aioli",
                                    .help = "bursts that tell how domains help each other [Chen et al. 2411.05735]",
                                    .need = ASC_RIVAL_PROXY,
                                    .online = &rule};
