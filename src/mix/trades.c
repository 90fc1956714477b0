/* Pairs of domains between which share can move without a change of the objective that the runs can tell. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "losses.h"
#include "session.h"

/* A pair is named if its share can move by so much, by so large a part of their sum, and by so many times as much as
 * the sum itself; of no more domains than so many, those with the largest shares that they may have. Ours. */
static const double least_move = .05, least_part = .25, flatter = 1.4;
enum { MOST_DOMAINS = 12, MOST_TRADES = 3, HALVINGS = 6 };

typedef struct trader {
    asc__session *s;
    asc__worlds *worlds; /* the draws, centred */
    size_t D, n;
    double *value, *about; /* (2,n) J under each draw as they are and about the fit: at the answer, elsewhere */
    double *room;          /* (2,n) */
    double *w;             /* (D) where it is asked */
    double *rate;          /* (D) by how much shares change as a figure moves, sum 0 */
} trader;

static void evaluate(trader *a, const double *w, double *value, double *about)
{
    asc__session *s = a->s;
    double *tokens = s->problem.tokens;
    asc__problem_tokens(&s->problem, w, tokens);
    asc__worlds_eval_both(a->worlds, tokens, value);
    memcpy(about, a->worlds->value, a->n * sizeof *about);
}

/* By what J is above the answer's where shares have moved by t of the rate. */
static asc_difference at(trader *a, double t)
{
    asc_difference d = {NAN, NAN, NAN, NAN};
    for (size_t i = 0; i < a->D; i++)
        a->w[i] = fmax(a->s->r.weights[i] + t * a->rate[i], 0);
    evaluate(a, a->w, a->value + a->n, a->about + a->n);
    asc__question q = {.x = a->value + a->n,
                       .minus = a->value,
                       .about = a->about + a->n,
                       .minus_about = a->about,
                       .K = a->n,
                       .level = a->s->o.level,
                       .room = a->room};
    asc__answer(&d, &q);
    return d;
}

/* How far shares may move along the rate: sign 1 or -1. */
static double limit(const trader *a, double sign)
{
    assert(sign == 1 || sign == -1);
    const asc__session *s = a->s;
    double most = 1;
    for (size_t i = 0; i < a->D; i++) {
        double by = sign * a->rate[i], w = s->r.weights[i];
        if (by > 1e-12)
            most = fmin(most, (s->hi[i] - w) / by);
        else if (by < -1e-12)
            most = fmin(most, (w - s->lo[i]) / -by);
    }
    return fmax(most, 0);
}

/* How far they move before J is above the answer's in the whole interval, and what it is there. */
static double reach(trader *a, double sign, asc_difference *there)
{
    double from = 0, to = limit(a, sign);
    *there = (asc_difference){.p_better = .5};
    if (to <= 0)
        return 0;
    asc_difference d = at(a, sign * to);
    if (d.lo <= 0) {
        *there = d;
        return to;
    }
    for (int k = 0; k < HALVINGS && !asc_interrupted(); k++) {
        double middle = .5 * (from + to);
        d = at(a, sign * middle);
        if (d.lo <= 0) {
            from = middle;
            *there = d;
        } else
            to = middle;
    }
    return from;
}

/* May the shares move by half of `least` one way or the other? If not, they cannot by all of it. */
static bool may_move(trader *a, double least)
{
    for (double sign = -1; sign <= 1; sign += 2) {
        double to = limit(a, sign);
        if (to > 0 && at(a, sign * fmin(to, least / 2)).lo <= 0)
            return true;
    }
    return false;
}

/* Share moves from j to i. */
static void exchange(trader *a, size_t i, size_t j)
{
    assert(i < a->D && j < a->D && i != j);
    memset(a->rate, 0, a->D * sizeof *a->rate);
    a->rate[i] = 1;
    a->rate[j] = -1;
}

/* Both grow together and the others give in proportion, as far as they may change at all. False: none may. */
static bool grow(trader *a, size_t i, size_t j)
{
    const asc__session *s = a->s;
    const double *w = s->r.weights;
    double others = 0, sum = w[i] + w[j];
    for (size_t k = 0; k < a->D; k++)
        if (k != i && k != j && s->hi[k] - s->lo[k] > 1e-9)
            others += w[k];
    for (size_t k = 0; k < a->D; k++)
        a->rate[k] = k == i || k == j ? w[k] / sum : s->hi[k] - s->lo[k] > 1e-9 && others > 0 ? -w[k] / others : 0;
    return others > 0;
}

/* Does share move between i and j, and much further than their sum does? */
static bool trades(trader *a, asc_trade *t, size_t i, size_t j)
{
    const double *w = a->s->r.weights;
    double sum = w[i] + w[j], least = fmax(least_move, least_part * sum);
    *t = (asc_trade){.first = i, .second = j, .sum = sum};
    exchange(a, i, j);
    if (limit(a, 1) + limit(a, -1) < least || !may_move(a, least))
        return false;
    asc_difference more, less;
    t->hi = w[i] + reach(a, 1, &more);
    t->lo = w[i] - reach(a, -1, &less);
    if (asc_interrupted() || t->hi - t->lo < least || !grow(a, i, j))
        return false;
    asc_difference unused;
    t->sum_hi = sum + reach(a, 1, &unused);
    t->sum_lo = sum - reach(a, -1, &unused);
    for (int k = 0; k < 2; k++) {
        t->change[k] = k ? more.value : less.value;
        t->change_lo[k] = k ? more.lo : less.lo;
        t->change_hi[k] = k ? more.hi : less.hi;
    }
    return !asc_interrupted() && t->hi - t->lo >= flatter * (t->sum_hi - t->sum_lo);
}

/* ---- which are looked at ---- */

typedef struct candidate {
    double share; /* that it may have */
    size_t i;
} candidate;

static int by_share(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    return x->share != y->share ? (x->share < y->share ? 1 : -1) : x->i < y->i ? -1 : 1;
}

/* Domains whose share may change, those first that may have most; into list (D). Returns how many count. */
static size_t candidates(const asc__session *s, candidate *list)
{
    size_t n = 0;
    for (size_t i = 0; i < s->D; i++)
        if (s->hi[i] - s->lo[i] > 1e-9)
            list[n++] = (candidate){fmax(s->r.weights[i], isnan(s->r.w_hi[i]) ? 0 : s->r.w_hi[i]), i};
    qsort(list, n, sizeof *list, by_share);
    return n < MOST_DOMAINS ? n : MOST_DOMAINS;
}

/* Into the place of the narrowest, or where there is room: widest first. */
static void keep(asc_mix_result *r, asc_trade t)
{
    assert(r->trades && r->n_trades <= MOST_TRADES);
    size_t k = r->n_trades < MOST_TRADES ? r->n_trades++ : MOST_TRADES;
    for (; k > 0 && r->trades[k - 1].hi - r->trades[k - 1].lo < t.hi - t.lo; k--)
        if (k < MOST_TRADES)
            r->trades[k] = r->trades[k - 1];
    if (k < MOST_TRADES)
        r->trades[k] = t;
}

static asc_status look(trader *a)
{
    asc__session *s = a->s;
    size_t D = a->D;
    candidate *list = asc_calloc(D, sizeof *list);
    s->r.trades = asc_calloc(MOST_TRADES, sizeof *s->r.trades);
    if (!list || !s->r.trades) {
        asc_free(list);
        return ASC_NOMEM(s->err);
    }
    size_t n = candidates(s, list);
    asc_trade t;
    evaluate(a, s->r.weights, a->value, a->about);
    for (size_t x = 0; x < n && n > 2; x++)
        for (size_t y = x + 1; y < n && !asc_interrupted(); y++) {
            size_t i = list[x].i, j = list[y].i;
            if (s->r.weights[i] < s->r.weights[j]) {
                i = list[y].i;
                j = list[x].i;
            }
            if (trades(a, &t, i, j))
                keep(&s->r, t);
        }
    asc_free(list);
    return ASC_OK;
}

asc_status asc__find_trades(asc__session *s)
{
    size_t most = s->large ? asc__deciding_draws(s) : asc__draws_that_count(s->laws);
    if (!s->o.trades || s->D < 3 || s->o.no_intervals || s->steps || s->corner || asc__draws_that_count(s->laws) == 0)
        return ASC_OK; /* of two domains the sum is always determined */
    trader a = {.s = s, .D = s->D};
    double *tokens = s->problem.tokens;
    for (size_t i = 0; i < s->D; i++)
        tokens[i] = s->r.weights[i] * s->problem.n_tokens;
    asc_status st = asc__worlds_create(&a.worlds, &s->problem, most, false, tokens, s->err);
    if (st == ASC_OK)
        st = asc__worlds_centre(a.worlds, s->err);
    if (st == ASC_OK && a.worlds->n >= ASC__FEWEST_DRAWS) {
        a.n = a.worlds->n;
        double *block = asc_calloc(6 * a.n + 2 * a.D, sizeof *block);
        a.value = block;
        a.about = block + 2 * a.n;
        a.room = block + 4 * a.n;
        a.w = block + 6 * a.n;
        a.rate = a.w + a.D;
        st = block ? look(&a) : ASC_NOMEM(s->err);
        asc_free(block);
    }
    asc__worlds_free(a.worlds);
    return st;
}
