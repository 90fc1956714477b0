/** train: bursts of gradients, which a run's loss need not tell of (docs/formats.md, "result.json"). */
#ifndef AUTOSCALE_TRAIN_BURSTS_H
#define AUTOSCALE_TRAIN_BURSTS_H

#include "base/base_json.h"

/** Steps of a run whose gradient norm was more than ten times its own running level. Ours. */
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

#endif
