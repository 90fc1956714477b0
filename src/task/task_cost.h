/**
 * task: how many tokens a task makes a model read, for estimates of time; nothing is scored or trained. With a
 * tokenizer (NULL: four bytes per token, as a guess) counts are those of the real thing to a few in a hundred: context
 * and continuation are measured apart, and padding is that of examples in their file's order.
 */
#ifndef AUTOSCALE_TASK_COST_H
#define AUTOSCALE_TASK_COST_H

#include "task/task.h"
#include "task/task_finetune.h"
#include "text/text.h"

typedef struct asc_task_cost {
    double read;      /**< tokens of forward passes, padding included */
    double predicted; /**< of these the ones that the output layer sees */
    double trained;   /**< tokens of forward and backward passes, which the output layer does not see */
    double updates;   /**< optimiser steps */
} asc_task_cost;

/** A likelihood task, PATH or NAME=PATH, scored once; right_only: as a target, the right answers alone. */
asc_status asc_task_cost_of(asc_task_cost *out, const char *spec, const asc_task_opts *opts, bool right_only,
                            const asc_tokenizer *tokenizer, int context, asc_error *err);
/** A fine-tuning with all its seeds; opts->checkpoint is not looked at. */
asc_status asc_finetune_cost(asc_task_cost *out, const asc_finetune_opts *opts, const asc_tokenizer *tokenizer,
                             const asc_model_spec *model, asc_error *err);

#endif
