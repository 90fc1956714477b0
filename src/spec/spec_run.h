/**
 * spec: what one run is told, the content of its run.json.
 */
#ifndef AUTOSCALE_SPEC_RUN_H
#define AUTOSCALE_SPEC_RUN_H

#include "spec/spec.h"

/** What a run takes over from the checkpoint that it begins with. */
typedef enum asc_start {
    ASC_START_WEIGHTS, /**< the parameters alone: moments of 0, step 0 of its own schedule and data */
    ASC_START_MOMENTS, /**< also AdamW's moments and their step; its own schedule and data begin at 0 */
    ASC_START_POSITION /**< everything: the run goes on at that step of its schedule and data, as if it had made it */
} asc_start;
/** "weights", "moments", "position". */
const char *asc_start_name(asc_start s);

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
    int64_t valid_tokens; /**< tokens evaluated per target; 0: all */
    int n_curve;          /**< evaluations along the run, beside the last; 0: only the last */
    double checkpoint_s;  /**< seconds between checkpoints */
    size_t n_phases;      /**< K: the mixture changes along the run; 0: one mixture */
    double *phase_tokens; /**< (K,D) tokens of each domain in each phase, summing to `tokens`; NULL without phases */
    double params;        /**< of a model of which no more is known, for a trainer of the user's; 0: those of `model` */
    double stop_tokens;   /**< stop after the step that reaches this many tokens of the schedule; 0: at its end */
    double cool_tokens;   /**< the rate falls linearly to zero over this many tokens before the end; 0: as scheduled */
    char *init_from;      /**< checkpoint folder to start from, or NULL */
    asc_start init_with;
    char *init_digest;      /**< asc_init_digest of that folder when the run was planned, or NULL: not checked */
    size_t n_parts;         /**< checkpoints merged about init_from; such a run trains nothing and is evaluated */
    char **part_from;       /**< (n_parts) their folders */
    double *part_weights;   /**< (n_parts) a_k: what is evaluated is theta_0 + sum_k a_k (theta_k - theta_0) */
    char **part_digests;    /**< (n_parts) asc_init_digest of their weights */
    char *online;           /**< method that learns the mixture while the run trains (docs/rivals.md), or NULL */
    char *online_reference; /**< checkpoint folder of its reference model, or NULL */
    double *online_prior;   /**< (D) natural shares, with `online` */
    double *online_goal;    /**< (V) weights of the targets whose gradient it follows, or NULL: all domains alike */
    bool keep_checkpoint;   /**< keep checkpoint/ after the end */
} asc_run_spec;

#endif
