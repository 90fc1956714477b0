/* The stage `fit` of `autoscale bench`. */
#ifndef BENCH_FIT_H
#define BENCH_FIT_H

#include <stddef.h>

#include "base/base.h"

/** CPU seconds of one thread. */
typedef struct asc__fit_times {
    size_t n_targets; /**< of the table: 512 runs, 17 domains, 13 targets */
    double table_s;   /**< reciprocal-mult with 5-fold cross-validation on every target of it */
    double scoring_s; /**< 1,000,000 random mixtures of 17 domains, one target */
    double star_s;    /**< 1000 bootstrap refits of a 15-run star (noise of 1 % in each loss) and their optima */
} asc__fit_times;
/** Measure each once, on made tables. */
asc_status asc__cli_bench_fit(asc__fit_times *out, asc_error *err);

#endif
