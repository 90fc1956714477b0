/**
 * spec: what one run is told, the content of its run.json.
 */
#ifndef AUTOSCALE_SPEC_RUN_H
#define AUTOSCALE_SPEC_RUN_H

#include "spec/spec.h"

/** What run.json says: all that one run needs, so that any machine that sees the folders can make it. */
typedef struct asc_run_spec {
    char *id;             /**< folder name under runs/ */
    asc_model_spec model; /**< vocab set */
    asc_training_spec training;
    asc_isa isa; /**< resolved, never AUTO */
    int threads, ranks;
    char *device;    /**< "cpu", "cuda:0" */
    char *tokenizer; /**< path of tokenizer.json */
    size_t n_domains;
    char **domains;     /**< (D) names */
    char **train_files; /**< (D) token file prefixes */
    double *tokens;     /**< (D) wanted tokens, whole numbers */
    double *max_epochs; /**< (D) NAN: no cap */
    size_t n_targets;
    char **targets;       /**< (V) names */
    char **valid_files;   /**< (V) token file prefixes; NULL for a target that is a task */
    char **scored_files;  /**< (V) its continuations (train_scored.h), NULL for text */
    int64_t valid_tokens; /**< tokens evaluated a target; 0: all */
    int n_curve;          /**< evaluations along the run, beside the last; 0: only the last */
    double checkpoint_s;  /**< seconds between checkpoints */
    char *init_from;      /**< checkpoint folder to start from, or NULL */
    bool keep_checkpoint; /**< keep checkpoint/ after the end */
} asc_run_spec;

#endif
