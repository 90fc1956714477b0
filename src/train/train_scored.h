/**
 * train: a target that is no text but a set of weighted continuations (a task's right answers, made by the task room).
 * Its loss is the sum over windows of weight * (-log p of the window's counted tokens) [nats].
 */
#ifndef AUTOSCALE_TRAIN_SCORED_H
#define AUTOSCALE_TRAIN_SCORED_H

#include "model/model_windows.h"

typedef struct asc_scored {
    size_t n_items;         /**< items that the windows come from */
    double bytes_per_token; /**< of all counted tokens: bits per byte = loss / (ln 2 * bytes_per_token) */
    size_t n_ids;
    int32_t *ids; /**< (n_ids) */
    size_t n_windows;
    asc_window *windows; /**< (n_windows); `owner` is the item */
    double *weights;     /**< (n_windows) > 0, what one nat of the window counts; in the order of the file */
} asc_scored;
void asc_scored_clear(asc_scored *s);

/** One JSON object: {"version":1,"items","bytes_per_token","windows":[{"ids":[…],"scored":n,"weight":w}]}. */
asc_status asc_scored_write(const asc_scored *s, const char *path, asc_error *err);
/** @retval ASC_EINVAL  a window without tokens, more scored than predicted, a weight that is not > 0 */
asc_status asc_scored_read(asc_scored *out, const char *path, asc_error *err);
/** The same from n bytes; `name` stands for the file in errors. */
asc_status asc_scored_parse(asc_scored *out, const char *name, const char *text, size_t n, asc_error *err);

/** The loss under a decoder. @retval ASC_EINVAL  ids outside the vocabulary, a window longer than the context */
asc_status asc_scored_loss(double *loss, const asc_scored *s, asc_model *m, asc_error *err);

#endif
