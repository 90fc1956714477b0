/**
 * study_progress: how far a study is, from its store and the metrics of the runs under way, so that it can be asked
 * beside a running coordinator and from another host. The study fills the struct; `status` prints it, and one writer
 * makes the document of it (docs/cli.md).
 */
#ifndef AUTOSCALE_STUDY_PROGRESS_H
#define AUTOSCALE_STUDY_PROGRESS_H

#include "study/study.h"

/** Validation losses of a run at one point, by the names that its trainer gives them. */
typedef struct asc_metrics_point {
    double tokens;
    size_t n;
    const char **names; /**< (n) */
    double *loss;       /**< (n) nats per token; NaN: no number */
} asc_metrics_point;

/** What a run under way says of itself in its metrics.jsonl. */
typedef struct asc_run_metrics {
    size_t n_lines; /**< that say how many tokens; 0: none yet, and the rest means nothing */
    double tokens;  /**< of the last */
    double loss;    /**< of training, the last; NaN: none */
    size_t n_curve;
    double *curve_tokens, *curve_loss; /**< (n_curve) of training, thinned */
    size_t n_valid;
    asc_metrics_point *valid;
} asc_run_metrics;

/** A run under way. */
typedef struct asc_progress_run {
    const asc_store_run *run;
    double tokens_total; /**< that it will have trained on */
    asc_run_metrics metrics;
} asc_progress_run;

/** Runs of one budget; those at the target by themselves. */
typedef struct asc_progress_scale {
    double tokens;
    double params; /**< of the model, where another scale has as many tokens; else 0 */
    bool target;
    size_t done, running, left, failed; /**< done: also those that diverged */
} asc_progress_scale;

/** Runs that one program, or a cluster's job, makes together. */
typedef struct asc_progress_group {
    size_t n;
    const char **ids; /**< (n) */
} asc_progress_group;

typedef struct asc_study_progress {
    asc_summary *summary; /**< NULL: there is none yet */
    asc_store_owner owner;
    size_t n_runs;
    asc_store_run *runs; /**< in the order in which they were planned */
    asc_study_state state;
    size_t done, failed, diverged, running, left; /**< runs; done: diverged are among them */
    double seconds_left;                          /**< for the runs known so far; NaN: not known */
    size_t n_scales;
    asc_progress_scale *scales;
    size_t n_under_way; /**< 0 where nobody coordinates the study */
    asc_progress_run *under_way;
    size_t n_groups; /**< 0: each run has a program of its own */
    asc_progress_group *groups;
    size_t n_problems, n_retried, n_bursts, n_stopped;
    const asc_store_run **problems; /**< failed or diverged */
    const asc_store_run **retried;  /**< diverged first and ended well at a lower learning rate */
    const asc_store_run **bursts;   /**< ended well but for a burst of gradients on the way */
    const asc_store_run **stopped;  /**< of a swarm, at their pause; done counts them */
    asc_arena arena;                /* lists and texts */
} asc_study_progress;

/** Of the study in folder dir. @retval ASC_EINVAL there is none */
asc_status asc_study_status(asc_study_progress **out, const char *dir, asc_error *err);
void asc_study_progress_free(asc_study_progress *p);
/** {"state","done","failed","running","left","seconds_left",…}: new reference; NULL: no memory. */
json_t *asc_study_progress_json(const asc_study_progress *p);

#endif
