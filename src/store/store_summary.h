/**
 * store_summary: all that a report or a person asks of a study, as one struct (docs/formats.md, "The summary
 * document"). The study fills it, the store keeps it as the document `summary`; report, status and the last lines of
 * `run` read it. One description of its keys (summary.c) writes the document and reads it.
 *
 * Shape letters: D domains, V targets (the domains first). Maps by domain are arrays (D) in the order of `domains`,
 * maps by target (V) in that of `targets`. What is not known (yet) is NaN, a NULL array, a NULL text. All memory that
 * hangs on a summary lives and dies with it.
 */
#ifndef AUTOSCALE_STORE_SUMMARY_H
#define AUTOSCALE_STORE_SUMMARY_H

#include "spec/spec_notes.h"
#include "spec/spec_study.h"
#include "store/store.h"

typedef enum asc_study_state {
    ASC_STUDY_UNKNOWN,
    ASC_STUDY_RUNNING,
    ASC_STUDY_INTERRUPTED,
    ASC_STUDY_FAILED,
    ASC_STUDY_DONE
} asc_study_state;
/** "running" …; "unknown". */
const char *asc_study_state_name(asc_study_state s);

/** NaN where there is none. */
typedef struct asc_interval {
    double lo, hi;
} asc_interval;

/** A value that is shown as it is: of the model, the training, the machine. */
typedef struct asc_summary_fact {
    const char *key;
    enum { ASC_FACT_NONE, ASC_FACT_TEXT, ASC_FACT_COUNT, ASC_FACT_REAL, ASC_FACT_BOOL } kind;
    const char *text;
    int64_t count; /**< of COUNT and BOOL */
    double real;
} asc_summary_fact;
typedef struct asc_summary_facts {
    size_t n;
    asc_summary_fact *fact;
} asc_summary_facts;

typedef struct asc_summary_domain {
    const char *name;
    double documents, bytes, tokens; /**< to train on; counts are whole numbers */
    double valid_documents, valid_tokens, duplicates, rejected;
    double bytes_per_token;
    double word_nats;        /**< entropy of the held-out text's token frequencies [nats per token] */
    double max_epochs;       /**< NaN: no limit */
    double epochs_at_target; /**< of the answer; before it of the base */
} asc_summary_domain;

/** Points of one axis of a star, relative to its base. */
typedef struct asc_summary_points {
    size_t n;
    double *x, *y; /**< (n) tokens of the domain, objective */
} asc_summary_points;

typedef struct asc_summary_scale {
    double tokens;
    double params; /**< of its model, where another scale has as many tokens; else 0 */
    double *base;  /**< (D) tokens */
    double factor, factor_down;
    double *up, *down; /**< (D,V) change of the loss against the mean of the base runs [nats per token]; a row of NaN:
                          no such run yet */
    bool fitted;       /**< what follows but the notes is known */
    double noise;      /**< standard deviation of one run between seeds */
    double *a, *b, *c; /**< (D) of y = (x + a)^-b + c */
    double *roots;     /**< (D) exact solutions */
    asc_summary_points *points; /**< (D) */
    double *optimum;            /**< (D) shares */
    asc_interval *ci;           /**< (D) */
    double predicted, uniform_objective;
    asc_notes notes;
} asc_summary_scale;

/** What the law of all runs expects of a mixture at the target; gains over uniform. */
typedef struct asc_summary_expected {
    bool known;
    const char *law;
    double objective;
    asc_interval ci;
    double gain;
    asc_interval gain_ci;
    double p_better;
    double beyond_tokens, beyond_params, beyond_shares; /**< factors beyond what was sampled; NaN: inside */
} asc_summary_expected;

typedef struct asc_summary_candidate {
    const char *name;
    asc_summary_expected expected;
    double past_error; /**< total variation between what its method said of the largest scale and the optimum there */
} asc_summary_candidate;

typedef struct asc_summary_step {
    double tokens;
    double *weights; /**< (D) */
} asc_summary_step;

typedef struct asc_summary_prediction {
    bool known;
    double tokens;
    double *weights;   /**< (D) the rule as published, or the last optimum */
    asc_interval *ci;  /**< (D) */
    double *shrunken;  /**< (D) */
    double *shrinkage; /**< (D) */
    double *keep_last; /**< (D) */
    double *joint;     /**< (D) */
    const char *joint_law;
    bool *censored; /**< (D) at its bound in the last scale */
    double t;       /**< of the rule */
    size_t n_ladder;
    asc_summary_step *ladder; /**< the rule's path beyond the last scale */
    size_t n_candidates;      /**< 0: not asked yet */
    asc_summary_candidate *candidates;
    const char *untold; /**< why nothing is expected of them */
    asc_notes notes;
} asc_summary_prediction;

/** A run of a mixture at the target. */
typedef struct asc_summary_seed {
    const char *id;
    uint64_t seed;
    asc_run_state state;
    double objective;
    double *loss; /**< (V) nats per token; NULL: no result */
} asc_summary_seed;

typedef struct asc_summary_point {
    double tokens, mean, lo, hi; /**< over seeds */
} asc_summary_point;

/** Share of the steps saved over uniform, over pairs of seeds. */
typedef struct asc_summary_saved {
    int pairs; /**< 0: not known */
    double mean, lo, hi;
    bool shorter; /**< by what a run of fewer tokens would end at (asc_steps_saved_shorter), not by crossing curves */
} asc_summary_saved;

/** One part of a run whose mixture changes on the way. */
typedef struct asc_summary_phase {
    double until;    /**< share of the run */
    double *weights; /**< (D) */
} asc_summary_phase;

typedef struct asc_summary_mixture {
    const char *name;
    double *weights; /**< (D) */
    size_t n_phases; /**< 0: one mixture */
    asc_summary_phase *phases;
    const char *same_as; /**< an earlier mixture with equal tokens, or NULL */
    size_t n_runs;
    asc_summary_seed *runs;
    double mean, sd; /**< of the objective over seeds */
    size_t n_curve;
    asc_summary_point *curve;
    asc_summary_saved saved;
} asc_summary_mixture;

typedef struct asc_summary_target {
    bool known;
    double tokens;
    size_t n_mixtures;
    asc_summary_mixture *mixtures;
    double params; /**< where models differ in size; 0: the study's */
} asc_summary_target;

/** Uniform minus the answer: positive is better. */
typedef struct asc_summary_gain {
    bool known;                 /**< something was trained at the target */
    double mean, lo, hi, noise; /**< noise: standard deviation between seeds; NaN: the runs rank nothing */
    bool beyond_noise;
} asc_summary_gain;

typedef struct asc_summary_answer {
    bool known;
    const char *name;
    double *weights; /**< (D) */
    size_t n_phases; /**< 0: one mixture */
    asc_summary_phase *phases;
    double *tokens;   /**< (D) whole */
    asc_interval *ci; /**< (D) */
    asc_summary_gain gain;
    asc_summary_expected expected;
    asc_summary_saved saved;
    const char *why;
    const char *verdict; /**< how sure, how much, at what cost, in one sentence; NULL: of an older version */
    double search_tokens, search_seconds, search_multiple, pays_from_tokens;
    double search_flops, search_share, search_at_most; /**< at_most NaN: no limit */
} asc_summary_answer;

/** One round of branches, and the optimum of the merged models between them. */
typedef struct asc_summary_round {
    double *centre; /**< (D) */
    double n_merges;
    const char *law;  /**< NULL: none fits */
    double *optimum;  /**< (D) */
    asc_interval *ci; /**< (D) */
    double predicted;
} asc_summary_round;

/** A merged model beside the branch really trained on its mixture. */
typedef struct asc_summary_check {
    const char *mixture;          /**< "prior", "optimum", "better", "worse" */
    double *weights;              /**< (D) */
    double merged, real;          /**< objective */
    const char *run, *merged_run; /**< ids; merged_run NULL: of a study before this was kept */
} asc_summary_check;

/** A search by branches of the target's own run (docs/search.md). */
typedef struct asc_summary_search {
    bool known;
    const char *method;
    double tokens, prefix, prefix_tokens, branch_tokens, eval_tokens; /**< prefix: share of the target's budget */
    size_t n_rounds, n_checks;
    asc_summary_round *rounds;
    asc_summary_check *checks;
    double rank, bias, spread;         /**< of the checks: Spearman; mean and standard deviation of merged - real */
    double delta;                      /**< how far branches lie from where they began */
    const char *began;                 /**< of proxies before it: on which mixture, and why; NULL: there were none */
    const char *decided;               /**< one sentence; NULL: not yet */
    bool better;                       /**< than the reference, by the branch at the optimum */
    size_t n_stages;                   /**< 0: looked for at one point alone */
    struct asc_summary_search *stages; /**< each point of the run at which it was looked for; the above is the first */
} asc_summary_search;

/** A published method that was tried beside the study's own search (docs/rivals.md). */
typedef struct asc_summary_rival {
    const char *name;
    const char *method;                   /**< one line: the idea, and whose it is */
    double *weights;                      /**< (D) its mixture, before bounds and caps; NULL: none (yet) */
    double n_runs;                        /**< that it needed and that have ended */
    double tokens, flops, share, seconds; /**< they took; share: of the FLOPs of one run at the target */
} asc_summary_rival;

typedef struct asc_summary_score {
    const char *name; /**< of the mixture */
    size_t n_values;
    double *values; /**< one per checkpoint */
    double mean, sd, lo, hi;
} asc_summary_score;

/** A figure of a task by mixture. */
typedef struct asc_summary_task {
    const char *kind; /**< "likelihood" | "finetune" */
    const char *task, *figure;
    const char *better; /**< "higher" | "lower" | "middle" */
    double chance;      /**< what guessing gets */
    double n_items;
    size_t n_mixtures;
    asc_summary_score *mixtures;
} asc_summary_task;

/** A target that is a task. */
typedef struct asc_summary_task_target {
    const char *name;
    int64_t n_items;
    double bytes_per_token;
} asc_summary_task_target;

typedef struct asc_summary_count {
    const char *name;
    double n;
} asc_summary_count;
typedef struct asc_summary_set {
    const char *name;
    double n_items, too_short, found;
    size_t n_in;
    asc_summary_count *in; /**< found, by domain */
} asc_summary_set;
typedef struct asc_summary_searched {
    const char *name;
    bool searched;
    double documents, rejected, found;
} asc_summary_searched;

/** Items of tasks that stand in the training text. */
typedef struct asc_summary_contamination {
    bool known;
    double n_words; /**< in a row that an item shares with a document */
    size_t n_sets, n_domains;
    asc_summary_set *sets;
    asc_summary_searched *domains;
    asc_contamination_mode mode;
} asc_summary_contamination;

typedef struct asc_summary_run {
    const char *id;
    asc_run_kind kind;
    double scale;
    const char *mixture;
    const char *domain; /**< of up and down; NULL else */
    uint64_t seed;
    asc_run_state state;
    double params; /**< where a study has models of several sizes; 0: the study's model */
    double tokens, objective;
    double *loss; /**< (V); NULL: no result */
    double wall_s, lr, n_retries;
    const char *why; /**< it failed or diverged; NULL else */
    asc_bursts bursts;
    double burst_above; /**< see asc__burst_effect of the study */
    asc_interval burst_alike;
} asc_summary_run;

/** What the answer is for, where the study's own model and runs do not say it: a target of its own size, or one that is
 * trained elsewhere. */
typedef struct asc_summary_target_run {
    bool known;
    double tokens, params, flops; /**< of one run */
    bool trained;                 /**< by the study; false: elsewhere */
} asc_summary_target_run;

typedef struct asc_summary {
    asc_arena arena;
    bool oom; /**< memory ran out while it was made: a part is missing */
    const char *study, *version, *objective;
    const char *created; /**< UTC, or NULL */
    asc_study_state state;
    size_t n_domains, n_targets; /**< D, V */
    asc_summary_domain *domains; /**< (D) */
    const char **targets;        /**< (V) */
    asc_summary_facts model, training, machine;
    size_t n_scales;
    asc_summary_scale *scales;
    asc_summary_prediction prediction;
    asc_summary_target target;
    asc_summary_target_run target_run;
    asc_summary_search search;
    asc_summary_answer answer;
    size_t n_rivals;
    asc_summary_rival *rivals;
    size_t n_tasks, n_task_targets;
    asc_summary_task *tasks;
    asc_summary_task_target *task_targets;
    asc_summary_contamination contamination;
    size_t n_runs;
    asc_summary_run *runs;
    asc_notes notes;
} asc_summary;

/* ---- making one ------------------------------------------------------------------------------------------------- */

/** Empty: D domains and V targets without names, all else unknown. NULL: no memory. */
asc_summary *asc_summary_create(size_t n_domains, size_t n_targets);
void asc_summary_free(asc_summary *s);
/** By how much [nats] the answer makes target v worse than uniform at the target: the 90 % interval over seeds lies
 * above uniform's loss, or (*single) single runs leave no interval. NaN: it does not, or nothing tells. */
double asc_summary_worse(bool *single, const asc_summary *s, size_t v);
/** n zeroed bytes that live as long as s, or NULL: no memory (s->oom). */
void *asc_summary_alloc(asc_summary *s, size_t n);
/** Copies that live as long as s. NULL of NULL, and where memory is out: s->oom. */
const char *asc_summary_text(asc_summary *s, const char *text);
double *asc_summary_numbers(asc_summary *s, const double *x, size_t n);
/** (n) of lo and hi (n); NULL where these are NULL or begin with NaN. */
asc_interval *asc_summary_intervals(asc_summary *s, const double *lo, const double *hi, size_t n);
/** What a summary shows of a model with n_params parameters, n_body of them outside the embeddings, and of training. */
asc_summary_facts asc_summary_model(asc_summary *s, const asc_model_spec *m, int64_t n_params, int64_t n_body);
asc_summary_facts asc_summary_training(asc_summary *s, const asc_study_spec *spec);
/** Of an object of ours, key by key; lists and maps in it are left out. */
asc_summary_facts asc_summary_facts_of(asc_summary *s, const json_t *object);
/** What the contamination report of the task room says (docs/formats.md), mode apart. */
asc_summary_contamination asc_summary_contamination_of(asc_summary *s, const json_t *report);

/* ---- as a document ---------------------------------------------------------------------------------------------- */

/** New reference; NULL: no memory. */
json_t *asc_summary_json(asc_summary *s);
/** Its parts "answer", "prediction" and "target_run" alone, null where there are none. */
json_t *asc_summary_answer_json(asc_summary *s);
json_t *asc_summary_prediction_json(asc_summary *s);
json_t *asc_summary_target_run_json(asc_summary *s);
/** From a document of any version: what is absent or of another kind is not known. @retval ASC_EINVAL no object */
asc_status asc_summary_read(asc_summary **out, const json_t *doc, asc_error *err);

/** What there was of the text of every target when the runs began: the document `corpus`. max_epochs and
 * epochs_at_target are not kept. domains (n) */
asc_status asc_store_put_corpus(asc_store *store, asc_summary_domain *domains, size_t n, asc_error *err);
/** Into a summary of its own, whose domains are those of the document; none where there is no such document. */
asc_status asc_store_get_corpus(asc_summary **out, asc_store *store, asc_error *err);

asc_status asc_store_put_summary(asc_store *store, asc_summary *s, asc_error *err);
/** *out NULL where there is none yet. */
asc_status asc_store_get_summary(asc_summary **out, asc_store *store, asc_error *err);

#endif
