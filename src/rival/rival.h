/**
 * rival: published methods that choose a mixture, each by its own equations and defaults, so that a study can try them
 * beside its own search. Pure: arrays in, shares out; no files, no clock. docs/rivals.md has the equations, sources
 * and deviations. Shape letters: D domains, V targets, R runs.
 */
#ifndef AUTOSCALE_RIVAL_H
#define AUTOSCALE_RIVAL_H

#include "mix/mix.h"
#include "rival/rival_online.h"

/** What a method needs beside the domains' sizes. */
typedef enum asc_rival_need {
    ASC_RIVAL_NOTHING, /**< a closed form */
    ASC_RIVAL_SWARM,   /**< proxies of one budget on mixtures from asc_rival_mixtures */
    ASC_RIVAL_PROXY    /**< one run whose weights it learns, the answer being their mean; for some a reference first */
} asc_rival_need;

/** What a method is asked. Nothing is owned. */
typedef struct asc_rival_ask {
    size_t n_domains;
    double n_tokens;          /**< the target's budget */
    const double *natural;    /**< (D) shares of the text there is, sum 1 */
    const double *available;  /**< (D) unique tokens */
    const double *max_epochs; /**< (D) NaN: no cap */
    const double *lo, *hi;    /**< (D) shares allowed at the target */
    const asc_runs *swarm;    /**< of a method that needs one: R rows of one budget and size, D domains, V targets */
    const asc_objective *objective;
    uint64_t seed;
    int n_threads;       /**< no number depends on it */
    size_t n_candidates; /**< of regmix: mixtures that are predicted; 0: as published */
} asc_rival_ask;

typedef struct asc_rival asc_rival;
struct asc_rival {
    const char *name; /**< as in `against` */
    const char *help; /**< one line: the idea, and whose it is */
    asc_rival_need need;
    /** Its mixture (D), within lo and hi. @retval ASC_ENUMERIC  nothing fits the swarm */
    asc_status (*weights)(double *w, const asc_rival_ask *a, asc_error *err); /**< NULL with a proxy */
    const asc_online *online;                                                 /**< the rule of its proxy */
    bool reference;               /**< the proxy is compared with a run on the natural mixture */
    const char *(*missing)(void); /**< what this machine lacks for it, NULL: nothing; or no such question */
};

/** NULL where there is none of that name. */
const asc_rival *asc_rival_named(const char *name);
/** "unimax, regmix, …" for messages. Returns buf. */
char *asc_rival_list(char *buf, size_t n);

/**
 * n mixtures as RegMix draws them: Dirichlet about the natural shares to the power .5, its strength one of 15 from .1
 * to 5, evenly in the logarithm; shares below 2e-4 become 0. Mixture k depends on seed and k alone. What lies outside
 * lo..hi is moved to them.
 * @param[out] w  (n,D)      @param lo,hi  (D) shares or NULL
 */
asc_status asc_rival_mixtures(double *w, size_t n, const double *natural, size_t n_domains, const double *lo,
                              const double *hi, uint64_t seed, asc_error *err);

#endif
