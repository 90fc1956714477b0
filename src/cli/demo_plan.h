/* The demo's study: model and budgets sized from the measured speed. */
#ifndef DEMO_PLAN_H
#define DEMO_PLAN_H

#include "base/base_json.h"

typedef struct asc_demo_plan {
    int layers, heads, width, context, vocab;
    double target, branch; /**< tokens */
    double at_most;        /**< FLOPs of the search as a share of the target's: it is not cut to less than it needs */
    int64_t batch_tokens, valid_tokens;
    double lr;
    int merges, seeds, curve, jobs;
    uint64_t seed;  /**< of the first run of each mixture */
    double seconds; /**< estimated, of training */
} asc_demo_plan;

/** Size a study of n_domains domains and n_targets held-out ones for about `seconds` of training on n_jobs processes.
 * Measures the speed of the models it considers, a fraction of a second each. */
asc_status asc__demo_size(asc_demo_plan *out, size_t n_domains, size_t n_targets, double seconds, int n_jobs,
                          asc_error *err);

/** Write the study file: texts are [{"name","what","file","heldout"}], file relative to the study file or absolute. */
asc_status asc__demo_write_study(const char *path, const char *name, const asc_demo_plan *plan, const json_t *texts,
                                 asc_error *err);

#endif
