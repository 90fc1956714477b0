/* One search for the best mixture: what its parts share. Private to mix. */
#ifndef MIX_SESSION_H
#define MIX_SESSION_H

#include "losses.h"
#include "worlds.h"

/* Everything one call works with. */
typedef struct asc__session {
    const asc_law_set *laws;
    asc_mix_opts o;
    asc__problem problem;
    asc__worlds *worlds;   /* draws that decide, or NULL */
    asc__worlds *estimate; /* the estimate, quickly; or NULL */
    asc__objective_fn fn;
    asc_mix_result r;
    size_t D;
    bool ddo;                         /* one law of the objective itself, from a star */
    bool steps;                       /* made of steps (trees): no gradient */
    bool exact;                       /* the minimum has a closed form */
    bool corner;                      /* every law here has its optimum at a corner: none may decide a mixture */
    double *lo, *hi, *uniform, *work; /* (D), (D), (D), solver's */
    double *share, ratio;             /* ddo: (D) shares of the base, budget / base tokens */
    asc_bound *kind_lo, *kind_hi;     /* (D) */
    double *block;
    bool large; /* an evaluation is dear: fewer starts, and the draws' own optima to second order */
    asc_error *err;
} asc__session;

/* Doubles of work for one solution with D domains. */
size_t asc__work_doubles(size_t D);
/* From one start to a minimum: for `worst` the maximum is sharpened step by step. Returns the value. */
double asc__solve_from(const asc__session *s, const asc__objective_fn *fn, double *w, double *work, int max_steps);
/* Exact optimum of one fit of [K24] with shares (D) in lo .. hi. */
void asc__solve_ddo(const asc__session *s, double *w, asc_ddo_axes axes, const double *lo, const double *hi);
/* The mean mixture of the table, uniform where there is none; w (D). */
void asc__sampled_mean(const asc__session *s, double *w);
/* The minimum at the estimate into s->r.weights: from uniform, the sampled mean, the prior (or the closed form) and the
 * best of many random mixtures. */
asc_status asc__search_estimate(asc__session *s);
/* That of the mean over the draws: from s->r.weights, uniform and the sampled mean. */
asc_status asc__search_draws(asc__session *s);
/* Which laws' draws decide: none if there are too few. */
size_t asc__draws_that_count(const asc_law_set *laws);
/* As many draws as decide well enough: all of them for few laws, some dozens for many. */
size_t asc__deciding_draws(const asc__session *s);
/* Intervals, expected objective and P(better) over the draws, into s->r. */
asc_status asc__spread(asc__session *s);
/* Which pairs of shares are determined by their sum alone, into s->r.trades; none without intervals. */
asc_status asc__find_trades(asc__session *s);
/* s->r.steps_saved of the answer. */
void asc__fewer_steps(asc__session *s);
/* Everything there is to say about the answer, into s->r.notes. */
asc_status asc__say(asc__session *s);
/* Progress, if somebody asked for it. */
void asc__tell(const asc__session *s, const char *what, double done, double total);
/* @retval ASC_EINTR  somebody asked for the end */
asc_status asc__stopped(const asc__session *s);

#endif
