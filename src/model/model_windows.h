/**
 * model: how likely a decoder finds the ends of given stretches of tokens; what tasks and task targets are scored by.
 */
#ifndef AUTOSCALE_MODEL_WINDOWS_H
#define AUTOSCALE_MODEL_WINDOWS_H

#include "model/model.h"

/** n tokens read from ids[at] on, so that ids[at+1 .. at+n] are predicted; the last n_scored of these are counted. */
typedef struct asc_window {
    size_t at, n, n_scored; /**< 1 <= n_scored <= n <= the model's context */
    size_t owner;           /**< the caller's: which request or item it belongs to */
    double nll;             /**< out: -log p of the counted tokens [nats], summed in double */
    bool greedy;            /**< out: each counted token was the likeliest */
} asc_window;

/**
 * Fill nll and greedy of n windows. They are sorted by length (longest first, then by place), so that a batch holds
 * windows of about one length; results do not depend on the batching beyond the rounding of fp32 sums.
 * @param ids       the tokens that `at` counts in
 * @param progress  called after each batch with windows done; may be NULL
 * @retval ASC_EINTR  interrupted
 */
asc_status asc_model_score(asc_window *windows, size_t n, asc_model *m, const int32_t *ids, asc_progress_fn progress,
                           void *ctx, asc_error *err);

#endif
