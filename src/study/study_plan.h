/**
 * study_plan: what a study will take before it takes it: its runs, their cost, the time and the disk. The study fills
 * the struct; `plan` prints it, and one writer makes the document of it (docs/cli.md).
 */
#ifndef AUTOSCALE_STUDY_PLAN_H
#define AUTOSCALE_STUDY_PLAN_H

#include "spec/spec_notes.h"
#include "study/study.h"

/** A run that is to be made. */
typedef struct asc_plan_run {
    const char *id, *mixture;
    const char *domain; /**< of up and down; NULL else */
    asc_run_kind kind;
    double scale;
    uint64_t seed;
    double params;              /**< of its model */
    double tokens;              /**< trained on by the run itself */
    double memory;              /**< bytes while it runs; NaN: not known */
    double *epochs;             /**< (D) NULL: its mixture is not known before others have ended */
    double flops, seconds;      /**< evaluation included; seconds on the processors of one run, NaN: not known */
    const asc_store_run *there; /**< the same run in the study's folder; NULL: none */
} asc_plan_run;

/** Runs that are made before any of the next phase, and the programs that make them. */
typedef struct asc_plan_group {
    const char *phase; /**< "search", "target" */
    size_t runs, groups, largest;
} asc_plan_group;

/** Part of a branch search. */
typedef struct asc_plan_part {
    size_t runs;
    double flops, share; /**< share: of the FLOPs of one run at the target */
} asc_plan_part;

/** The search against one run at the target. */
typedef struct asc_plan_search {
    asc_search_method method;
    double at_most; /**< share of the target's FLOPs; NaN: no limit */
    double flops, target_flops, share;
    double seconds, share_of_time; /**< of one run after the other; NaN: not known */
    double pause_tokens;           /**< of a swarm's runs; 0: they do not pause */
    /* by branches */
    asc_plan_part proxies, prefix, branches, merges;
    double prefix_tokens, branch_tokens; /**< prefix: up to the first branches */
    size_t n_at;                         /**< 0: there is one such point */
    double at[ASC_MOST_STAGES];          /**< percents of the target at which branches are made */
    int64_t eval_tokens;
} asc_plan_search;

/** A published method named in `against` (docs/rivals.md): what its runs cost; runs that several share count for each.
 */
typedef struct asc_plan_rival {
    const char *name, *method;
    size_t runs;
    double tokens, flops, share, seconds; /**< share: of the FLOPs of one run at the target; seconds NaN: not known */
} asc_plan_rival;

/** Parts of a study that are made one after another: its search, or prefix, branches and merged models of each stage;
 * the target. */
enum { ASC_PLAN_PARTS = 5 };

typedef struct asc_plan {
    const char *objective; /**< its word; texts of the study file are the spec's, which has to outlive the plan */
    size_t n_domains;      /**< D */
    char *const *domains;
    size_t n_heldout;
    char *const *heldout; /**< targets beside the domains */
    size_t n_runs, cap_runs;
    asc_plan_run *runs;
    bool begun; /**< the folder holds runs of a study already */
    size_t n_kept;
    double tokens, flops;                  /**< of all runs, and flops of what judges the target's checkpoints */
    double seconds;                        /**< from beginning to end; NaN: not known */
    double bytes;                          /**< of disk */
    double search_tokens, search_multiple; /**< over the target's tokens */
    asc_plan_search search;
    size_t n_rivals;
    asc_plan_rival *rivals;
    int jobs; /**< programs at once */
    size_t n_groups;
    asc_plan_group groups[ASC_PLAN_PARTS]; /**< of trainer torch */
    int64_t n_params;                      /**< of the study's model */
    double target_tokens, target_params;   /**< of the target */
    bool target_trained;                   /**< by the study; false: elsewhere */
    double memory;         /**< bytes of as many runs as are under way at once, the largest; NaN: not known */
    size_t n_judged;       /**< programs that judge the target's checkpoints on tasks */
    double judged_seconds; /**< NaN: not known */
    double tokens_per_s;   /**< of one run; NaN: not known */
    asc_notes notes;
    asc_arena arena;      /* the runs' texts and epochs */
    asc_store_run *there; /* (n_there) what is in the folder */
    size_t n_there;
} asc_plan;

/** Measures the training speed for a second when there is no study yet; writes nothing. spec has to outlive *out. */
asc_status asc_study_plan(asc_plan **out, const asc_study_spec *spec, const asc_study_opts *opts, asc_error *err);
void asc_plan_free(asc_plan *p);
/** "done", "running" …, "planned" of a run that nobody has begun; NULL where the folder holds no study. */
const char *asc_plan_run_state(const asc_plan *p, const asc_plan_run *r);
/** New reference; NULL: no memory. */
json_t *asc_plan_json(const asc_plan *p);

#endif
