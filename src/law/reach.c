/* How far the runs of a table reach: what a trust region goes by. A swarm samples mixtures, and reaches as far as their
 * shares. A star samples the tokens of each domain by themselves, the others held: it reaches every mixture whose token
 * amounts lie, each by itself, within those that it sampled, as [K24] solves for them; its runs' shares alone would say
 * that no two domains may be made small at once. A table may hold several stars, and runs of no star. */
#include "private.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define MOST_ROWS 4096 /* of a table that is looked through for stars; their rows are a few times its domains */

typedef struct reach {
    const asc_runs *t;
    double *lo, *hi;      /* (D) of shares, what comes out */
    double *least, *most; /* (D) tokens of one star */
    bool *taken;          /* (R) of a star that was found */
} reach;

static void take_in(reach *a, size_t i, double lo, double hi)
{
    a->lo[i] = fmin(a->lo[i], lo);
    a->hi[i] = fmax(a->hi[i], hi);
}

/* Rows about b that no star has yet: those that differ from it in one domain at most. */
static size_t count_arms(const reach *a, size_t b)
{
    size_t n = 0, i;
    for (size_t r = 0; r < a->t->n_runs; r++)
        n += !a->taken[r] && asc__rows_differ(a->t, b, r, &i, 2) <= 1;
    return n;
}

/* The row with the most rows about it of those about r: the base of its star. */
static size_t base_of(const reach *a, size_t r)
{
    size_t best = r, most = count_arms(a, r), i;
    for (size_t b = r + 1; b < a->t->n_runs; b++) {
        if (a->taken[b] || asc__rows_differ(a->t, r, b, &i, 2) > 1)
            continue;
        size_t n = count_arms(a, b);
        if (n > most) {
            best = b;
            most = n;
        }
    }
    return best;
}

/* Mixtures of amounts between least and most: domain i's share is at its least where all others are at their most. */
static void take_star(reach *a, size_t base)
{
    const asc_runs *t = a->t;
    assert(!a->taken[base]);
    size_t D = t->n_domains, i;
    memcpy(a->least, t->tokens + base * D, D * sizeof *a->least);
    memcpy(a->most, a->least, D * sizeof *a->most);
    for (size_t r = 0; r < t->n_runs; r++) {
        if (a->taken[r] || asc__rows_differ(t, base, r, &i, 2) > 1)
            continue;
        a->taken[r] = true;
        for (i = 0; i < D; i++) {
            a->least[i] = fmin(a->least[i], t->tokens[r * D + i]);
            a->most[i] = fmax(a->most[i], t->tokens[r * D + i]);
        }
    }
    double least = asc__total(a->least, D), most = asc__total(a->most, D);
    for (i = 0; i < D; i++) {
        double lo = a->least[i] / (a->least[i] + fmax(most - a->most[i], 0));
        double hi = a->most[i] / (a->most[i] + fmax(least - a->least[i], 0));
        if (isfinite(lo) && isfinite(hi))
            take_in(a, i, lo, hi);
    }
}

asc_status asc__reach_of(double *lo, double *hi, const asc_runs *t, asc_error *err)
{
    size_t D = t->n_domains;
    reach a = {.t = t, .lo = lo, .hi = hi, .taken = asc_calloc(t->n_runs + 1, sizeof *a.taken)};
    a.least = asc_calloc(2 * D + 1, sizeof *a.least);
    a.most = a.least ? a.least + D : NULL;
    asc_status st = a.taken && a.least ? ASC_OK : ASC_NOMEM(err);
    for (size_t i = 0; st == ASC_OK && i < D; i++) {
        lo[i] = 1;
        hi[i] = 0;
    }
    for (size_t r = 0; st == ASC_OK && r < t->n_runs; r++) {
        double total = asc__total(t->tokens + r * D, D);
        for (size_t i = 0; i < D; i++)
            take_in(&a, i, t->tokens[r * D + i] / total, t->tokens[r * D + i] / total);
        if (!a.taken[r] && t->n_runs <= MOST_ROWS)
            take_star(&a, base_of(&a, r));
    }
    asc_free(a.taken);
    asc_free(a.least);
    return st;
}
