/**
 * task: log-likelihoods from a checkpoint. Encoding, truncation and sums are those of the harness' Hugging Face model:
 * blanks at a context's end belong to the continuation; context and continuation are encoded as one text and cut where
 * the context's own encoding ends; an empty context is the end-of-document token; what is too long loses its beginning.
 */
#ifndef AUTOSCALE_TASK_SCORE_H
#define AUTOSCALE_TASK_SCORE_H

#include "model/model.h"
#include "task/task.h"
#include "text/text.h"
#include "train/train_scored.h"

typedef struct asc_task_scorer asc_task_scorer;
typedef struct asc_task_scorer_opts {
    asc_isa isa;
    asc_dtype dtype;
    int threads;
    int context;           /**< tokens per window; 0: the model's own, of rotary models at most ASC_EVAL_CONTEXT */
    int micro_batch;       /**< most sequences of one forward pass; 0: about 4096 tokens */
    const char *tokenizer; /**< NULL: the checkpoint folder's */
} asc_task_scorer_opts;
/**
 * @param checkpoint  Hugging Face folder of a decoder: config.json, model.safetensors, tokenizer.json
 * @retval ASC_EINVAL  an encoder (it has no left-to-right likelihood); a tokenizer larger than the model's vocabulary
 */
asc_status asc_task_scorer_create(asc_task_scorer **out, const char *checkpoint, const asc_task_scorer_opts *opts,
                                  asc_error *err);
void asc_task_scorer_free(asc_task_scorer *s);

/**
 * Scores (n) of requests (n). A continuation longer than the model's context is scored in windows, each token once, and
 * marked as truncated. Does not depend on the order or the batching of requests beyond the rounding of fp32 sums.
 * @retval ASC_EINTR  interrupted
 */
asc_status asc_task_score_requests(asc_task_score *scores, asc_task_scorer *s, const asc_task_request *requests,
                                   size_t n, asc_progress_fn progress, void *progress_ctx, asc_error *err);

/**
 * A task from requests to figures.
 * @param details  file for one JSON line an item: {"id","ll":[…],"greedy":[…],"right":[…]}, or NULL
 */
asc_status asc_task_evaluate(asc_task_result *out, asc_task_scorer *s, const asc_task *t, const asc_task_opts *opts,
                             const char *details, asc_progress_fn progress, void *progress_ctx, asc_error *err);

/**
 * A task as a target of training runs: the right choices alone, cut for a model of `context` tokens. The target's loss
 * is ours: the mean over items (and an item's right choices) of nats per byte of the answer, times the bytes that a
 * token of all these answers holds on average. So it is in nats per token like any other target's, and proportional to
 * the task's bits per byte: bits_per_byte = loss / (ln 2 * out->bytes_per_token).
 * @retval ASC_EINVAL  kind pair; no item left
 */
asc_status asc_task_as_target(asc_scored *out, const asc_task *t, const asc_task_opts *opts,
                              const asc_tokenizer *tokenizer, int context, asc_error *err);

#endif
