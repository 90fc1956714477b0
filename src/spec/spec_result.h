/**
 * spec: what a run found, as the rooms above the trainer know it: figures by the study's own order of domains and
 * targets, no names. Decoded once, when result.json is taken or a study's store is read.
 */
#ifndef AUTOSCALE_SPEC_RESULT_H
#define AUTOSCALE_SPEC_RESULT_H

#include "base/base_json.h"

/** Steps of a run whose gradient norm was more than ten times its own running level (docs/formats.md, "result.json"):
 * its loss need not tell of them. Ours. */
typedef struct asc_bursts {
    int64_t n;        /**< such steps; 0: none, and the rest means nothing */
    int64_t step;     /**< the worst of them, counted from 1 */
    double tokens;    /**< trained on by then */
    double grad_norm; /**< before clipping */
    double times;     /**< that over the level */
    double loss_up;   /**< the step's loss less the running level of the loss [nats] */
} asc_bursts;

/** {"steps","step","tokens","grad_norm","times","loss_up"}, as in result.json; NULL when memory is out. */
json_t *asc_bursts_json(const asc_bursts *b);
/** Field "bursts" of obj; out untouched where there is none. `where` stands for obj in errors. */
asc_status asc_bursts_take(asc_bursts *out, const json_t *obj, const char *where, asc_error *err);

/** Figures of a run that ended, done or diverged. D domains and V targets in the study's order; NaN: not said. */
typedef struct asc_result {
    size_t n_domains, n_targets; /**< D, V; both 0 where a reader had no names to go by */
    double tokens;               /**< trained on, really */
    double *domain_tokens;       /**< (D) really used */
    double *loss;                /**< (V) nats per token; all NaN of a run that diverged */
    size_t n_curve;              /**< C points along the run, its end not always among them */
    double *curve_tokens;        /**< (C) rising */
    double *curve_loss;          /**< (C,V) */
    double wall_s, tokens_per_s;
    double lr;     /**< peak rate used (lower after a retry) */
    int n_retries; /**< times it diverged and was restarted at a lower rate; -1: not said */
    asc_bursts bursts;
} asc_result;

/** NULL where memory is out: no curve yet, every figure NaN. */
asc_result *asc_result_create(size_t n_domains, size_t n_targets);
/** Room for n points of the curve, all NaN; an earlier curve is dropped. */
asc_status asc_result_set_curve(asc_result *r, size_t n, asc_error *err);
void asc_result_free(asc_result *r);

#endif
