/**
 * rival_online: methods that learn their weights while a model trains, as rules on flat state: what a step of training
 * showed in, weights out. Pure and deterministic; the state is an array of doubles, so that a checkpoint can keep it.
 * Shape letters: D domains. docs/rivals.md has equations and sources.
 */
#ifndef AUTOSCALE_RIVAL_ONLINE_H
#define AUTOSCALE_RIVAL_ONLINE_H

#include "base/base.h"

/** What never changes during a run. */
typedef struct asc_online_run {
    size_t n_domains;
    const double *prior; /**< (D) natural shares, > 0, sum 1 */
    int64_t n_steps;
    uint64_t seed;
} asc_online_run;

/** What one step showed. NaN: the step held nothing of that domain. */
typedef struct asc_online_seen {
    int64_t step;         /**< counted from 1 */
    double lr;            /**< of the model at this step */
    const double *loss;   /**< (D) mean over the domain's tokens [nats] */
    const double *count;  /**< (D) sequences of it */
    const double *excess; /**< (D) mean over tokens of max(loss - the reference's, 0), for rules that ask for it */
    const double *score;  /**< (D) inner product of its gradient and the goal's, for rules that ask for it */
    double norm;          /**< mean norm of the domains' gradients */
} asc_online_seen;

typedef struct asc_online {
    const char *name;
    bool excess;    /**< is shown it; batches are uniform over domains, and gradients weighted by w */
    bool gradients; /**< is shown scores; the same */
    size_t (*n_state)(const asc_online_run *r);
    /** State (n_state, zeroed) and w (D) before the first step. */
    void (*begin)(double *state, double *w, const asc_online_run *r);
    /** After what a step showed: w (D) of this step where gradients are weighted, else of the next one. NULL: none */
    void (*update)(double *state, double *w, const asc_online_run *r, const asc_online_seen *x);
    /** Whether `measure` is to be called after so many steps. NULL: never */
    bool (*wants_losses)(const asc_online_run *r, int64_t steps);
    /** Losses (D) of the domains' held-out text after so many steps. */
    void (*measure)(double *state, double *w, const asc_online_run *r, int64_t steps, const double *loss);
} asc_online;

/** NULL where no rule has that name. */
const asc_online *asc_online_named(const char *name);
/** How often `measure` is called in a run. */
int64_t asc_online_measured(const asc_online *o, const asc_online_run *r);

#endif
