/* The objective of a law set as a function of the mixture. Private to mix. */
#ifndef MIX_OPTIMUM_H
#define MIX_OPTIMUM_H

#include "solve.h"

typedef struct asc__problem {
    const asc_law_set *laws;
    const asc_objective *objective;
    bool single; /* one law of the objective itself (ddo) */
    double n_tokens, params;
    int n_threads;
    const double *available; /* (D) or NULL: no discount of repetition */
    const double *prior;     /* (D) or NULL */
    double kl;
    double smooth;                /* > 0: `worst` as smooth * log sum exp(L / smooth) */
    double *tokens, *part, *loss; /* (D), (D), (V): work */
    struct asc__worlds *worlds;   /* the mean over these is the objective; NULL: the laws as fitted */
} asc__problem;

/* Tokens (D) of shares w (D) as laws see them: those seen again count less [M23]. */
void asc__problem_tokens(const asc__problem *p, const double *w, double *tokens);
/* J at shares w, penalty left out; NaN where the law has no value. */
double asc__problem_objective(asc__problem *p, const double *w);
/* What is minimised (penalty and smoothing included), for asc__objective_fn. ctx is an asc__problem. */
double asc__problem_eval(void *ctx, const double *w, double *gradient);
/* True when some part of some law is made of steps. */
bool asc__problem_has_steps(const asc_law_set *laws);
/* Has axis i of a ddo law too few points for a curve? What stands in the law is then a start value that no draw ever
 * moves, and nothing is known of it. */
bool asc__has_no_curve(const asc_law *l, size_t i);
bool asc__target_counts(const asc_objective *o, size_t v);
/* J of losses (V), which become dJ/dL; `worst` as smooth * log sum exp(L / smooth) where smooth > 0. */
double asc__outer(const asc_objective *o, double smooth, double *loss, size_t V);
bool asc__same_objective(const asc_objective *a, const asc_objective *b);

#endif
