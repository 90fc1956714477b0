/**
 * study: the coordinator, from folders of text to the answer. Plan, estimates, queue, fits, prediction, decision,
 * summary.
 */
#ifndef AUTOSCALE_STUDY_H
#define AUTOSCALE_STUDY_H

#include "config/config.h"
#include "store/store_summary.h"
#include "text/text.h"
#include "train/train.h"

/* ---- the study ----------------------------------------------------------------------------------------------------
 */

typedef struct asc_study_opts {
    const char *dir; /**< the study's folder, made if absent */
    int jobs;        /**< processes at once; 0: the study's, else as many as cores */
    asc_isa isa;     /**< AUTO: the study's */
    bool refit;      /**< a study that has ended is fitted anew, and trained on where that asks for other runs */
    const char
        *program; /**< the command whose `train --run DIR --parent PID` makes one run; NULL: this process's own */
    asc_progress_fn progress;
    void (*note)(void *ctx, const char *line); /**< one line for the user, or NULL */
    /** Called with the study's folder whenever the summary changed (after each scale, at the end); may be NULL. study
     * is below report and cannot call it by itself. A failure is noted, not fatal. */
    asc_status (*report)(void *ctx, const char *dir, asc_error *err);
    void *ctx;
} asc_study_opts;

/**
 * Everything a study needs, in order: corpus, star runs at each scale, fits and optima, prediction, target-scale runs,
 * answer. Started again it goes on where it stopped; one that has ended keeps its runs and its answer, also where this
 * version would come to others (opts->refit). Writes study.db, runs.csv, optima.csv, scale-K.csv, mixture.json.
 * @param[out] summary  what the summary document holds (free with asc_summary_free); may be NULL
 * @retval ASC_EINTR    interrupted; children have written their checkpoints
 * @retval ASC_ESTATE   the folder holds another study, the study file was edited in a key that made its runs, another
 *                      process coordinates it
 * @retval ASC_ENUMERIC runs failed that the fit cannot do without (named)
 */
asc_status asc_study_run(asc_summary **summary, const asc_study_spec *spec, const asc_study_opts *opts, asc_error *err);

/** Token files of a study's domains and targets into opts->dir (NULL: "tokens"), as asc_corpus_prepare makes them: what
 * `tokenize STUDY.yaml` does. *reports: n_targets of the spec, free with asc_domain_reports_free. */
asc_status asc_study_tokenize(asc_domain_report **reports, const asc_study_spec *spec, const asc_study_opts *opts,
                              asc_error *err);

/* ---- estimates ------------------------------------------------------------------------------------------------------
 */

/** Training FLOPs of `tokens` tokens: 6 P_matmul + 12 L T C per token (forward 1/3). */
double asc_flops_train(const asc_model_spec *m, double tokens);
/** FLOPs of evaluating `tokens` tokens. */
double asc_flops_eval(const asc_model_spec *m, double tokens);

#endif
