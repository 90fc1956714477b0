/**
 * spec: what a study says, defaults filled in. Read by config, carried out by the rooms above.
 */
#ifndef AUTOSCALE_SPEC_STUDY_H
#define AUTOSCALE_SPEC_STUDY_H

#include "spec/spec.h"
#include "spec/spec_tokenizer.h"

/** Most domains (and held-out targets), and most scales, of one study. A domain holds up to four memory maps in a run,
 * of which Linux allows a process 65530; its tokens in every star run lie in the store. */
#define ASC_STUDY_MAX_DOMAINS 4096
#define ASC_STUDY_MAX_SCALES 64

/** A training domain, or (n_train = 0) a held-out set only. */
typedef struct asc_study_domain {
    char *name;     /**< one line of at most 64 bytes, no blank at its ends, none of . + - = @ first */
    char *field;    /**< of a JSON line, column of Parquet; "text" unless said */
    char *dtype;    /**< of bare arrays of token ids, or NULL */
    size_t n_train; /**< 0 for a held-out target */
    char **train;   /**< paths, folders or globs; relative ones start at the study file */
    size_t n_valid; /**< 0: split off the training text by content hash */
    char **valid;
    double max_epochs; /**< > 0, NAN: no cap */
    int64_t sample;    /**< training tokens that are read of the files; 0: as many as the search needs; -1: all */
    double available;  /**< unique tokens that exist, of which the files are a sample; 0: the files are all */
    char *part_of;     /**< domain of earlier runs whose text this is a part of; NULL: none */
    char *task;        /**< a target that is a task: "PATH" or "NAME=PATH" (docs/formats.md, "Tasks"); NULL: text */
    int64_t limit;     /**< of a task: only its first items; 0: all */
    int shots;         /**< of a task: few-shot examples per item */
} asc_study_domain;

/** Fine-tuning of the target's checkpoints, as `autoscale finetune` does it; 0: its own default. */
typedef struct asc_study_finetune {
    char *task, *data; /**< a GLUE task or "squad"; folder or file, relative to the study file */
    int seeds, epochs, batch, max_length;
    int64_t limit_train, limit_dev;
    double lr;
} asc_study_finetune;

/** What is done about find evaluation items in the training text. */
typedef enum asc_contamination_mode {
    ASC_CONTAMINATION_REPORT,  /**< found and told */
    ASC_CONTAMINATION_EXCLUDE, /**< and left out of every task */
    ASC_CONTAMINATION_OFF
} asc_contamination_mode;

/** `tasks`: what the target's checkpoints are judged by beside their losses. */
typedef struct asc_study_tasks {
    size_t n_eval;
    char **eval; /**< "PATH", "NAME=PATH" or "NAME", as `eval --tasks` takes them */
    char *dir;   /**< where a NAME alone is looked up, relative to the study file; or NULL */
    int shots;
    int64_t limit; /**< only the first items of each; 0: all */
    size_t n_finetune;
    asc_study_finetune *finetune;
    asc_contamination_mode contamination;
} asc_study_tasks;

/** A mixture named in a study: a word, a file (JSON map or MIX.json) or weights written there. */
typedef enum asc_mixture_kind {
    ASC_MIXTURE_UNIFORM,
    ASC_MIXTURE_NATURAL,   /**< by available tokens */
    ASC_MIXTURE_KEEP_LAST, /**< the optimum of the largest scale; only in `against` */
    ASC_MIXTURE_JOINT,     /**< the joint law's own optimum at the target; only in `against` */
    ASC_MIXTURE_FILE,
    ASC_MIXTURE_WEIGHTS,
    ASC_MIXTURE_SCHEDULE, /**< of a search by branches: the reference, then what was found */
    ASC_MIXTURE_PRIOR,    /**< the reference of one, where that is not uniform */
    ASC_MIXTURE_RULE, /**< by the AutoScale rule; every study has it, none names it: its files call it "predicted" */
    ASC_MIXTURE_RIVAL /**< by the published method of that name (rival/rival.h); only in `against` */
} asc_mixture_kind;
typedef struct asc_mixture_ref {
    asc_mixture_kind kind;
    char *name;      /**< "uniform", "llama" (the file's name without its ending) */
    char *path;      /**< FILE only: as written, relative to the study file */
    double *weights; /**< (D) FILE and WEIGHTS: sums to 1 */
} asc_mixture_ref;

/** Which runs keep their last checkpoint after their end. */
typedef enum asc_keep { ASC_KEEP_NONE, ASC_KEEP_TARGET, ASC_KEEP_LAST } asc_keep;

/** How runs are made: by ourselves, by PyTorch, or by `trainer: {command: …}`. */
typedef struct asc_trainer_spec {
    bool torch;    /**< `trainer: torch` */
    char *python;  /**< its interpreter, NULL: AUTOSCALE_PYTHON or python3 */
    char *command; /**< NULL: the builtin trainer */
    bool shell;    /**< true: /bin/sh -c; false (default): words split as a shell would, nothing expanded */
    char *dir;     /**< working folder, NULL: the study file's */
    size_t n_env;
    char **env;         /**< "NAME=value" */
    char *metrics;      /**< file in the run's folder whose growth is a sign of life beside log.txt, or NULL */
    double heartbeat_s; /**< a run whose log and metrics have not grown for so long is ended; 0: never */
    double backoff_s;   /**< wait before the first retry, doubled at each next one */
} asc_trainer_spec;

/** Whether a trainer's word names one of ours (builtin, torch), not a user's command. */
bool asc_trainer_is_ours(const char *word);
/** auto, cpu, cuda or cuda:N. */
bool asc_device_is_known(const char *word);

/** Where runs are made. */
typedef enum asc_executor_kind {
    ASC_EXECUTOR_LOCAL,
    ASC_EXECUTOR_SLURM,    /**< `{slurm: {…}}` */
    ASC_EXECUTOR_SCHEDULER /**< `{submit: …, poll: …, cancel: …}` */
} asc_executor_kind;
/** "local" … */
const char *asc_executor_name(asc_executor_kind k);

/** `executor: {slurm: {…}}`; values as they go to sbatch, NULL where not given. */
typedef struct asc_slurm_spec {
    char *partition, *account, *qos, *time, *memory, *gres, *constraint;
    int cpus;        /**< 0: as run.threads × run.ranks */
    int array_limit; /**< tasks of an array that may run at once; 0: no limit */
    size_t n_extra;
    char **extra; /**< further sbatch options, one word each */
} asc_slurm_spec;

/** `executor: {submit: …, poll: …, cancel: …}`: commands of any scheduler, with placeholders. */
typedef struct asc_scheduler_spec {
    char *submit, *poll, *cancel;
    char *id;         /**< NULL: the first word of the last line that submit prints; "name"; or text around {id} */
    bool shell;       /**< as asc_trainer_spec's */
    int limit;        /**< jobs submitted at once; 0: not said */
    int array;        /**< most runs of one submit; 0: one each */
    int first;        /**< number of an array's first task */
    char *index;      /**< variable that holds a task's number; NULL: it is the script's argument */
    char *task;       /**< id of a task, of {job} and {index} */
    double refresh_s; /**< between two polls of a job */
} asc_scheduler_spec;

/** How a study looks for its mixture. */
typedef enum asc_search_method {
    ASC_SEARCH_DDO,    /**< a star of proxies at each scale */
    ASC_SEARCH_BRANCH, /**< branches of the target's own run, merged */
    ASC_SEARCH_SWARM   /**< proxies of one budget, chosen in rounds by what they would tell */
} asc_search_method;
const char *asc_search_method_name(asc_search_method m);

/** Whether proxies are given so much of the text that they repeat it as the target will. */
typedef enum asc_repetition {
    ASC_REPETITION_AUTO, /**< matched where a domain says what is available */
    ASC_REPETITION_MATCHED,
    ASC_REPETITION_FREE /**< all of it */
} asc_repetition;

enum { ASC_MOST_STAGES = 8 }; /**< points of a run at which its mixture is looked for */

typedef struct asc_search_spec {
    asc_search_method method;
    double at_most; /**< share of the FLOPs of one run of the target; NAN: no limit */
    asc_repetition repetition;
    /* branch */
    double prefix; /**< share of the target's budget on the reference mixture, before the branches, in (0,1) */
    size_t n_at;   /**< 0: prefix alone says it */
    double at[ASC_MOST_STAGES]; /**< percents of the budget, rising, the first 100 prefix */
    double branch_tokens;       /**< of a branch; below 1: a share of the target's budget */
    double pull;                /**< share of a branch that is its domain's alone, in (0,1] */
    bool anneal;                /**< the rate of a branch falls to zero over its tokens */
    char *merge;                /**< command that merges and evaluates another trainer's checkpoints; NULL: we do */
    int merges;                 /**< merged models evaluated per round */
    int rounds;                 /**< 1 or 2; of a swarm 1 to 100 */
    int64_t eval_tokens;        /**< per target, of branches and merged models; 0: chosen by what the search may cost */
    /* swarm; before branches where runs > 0 */
    int runs;            /**< most of them; 0: none */
    double swarm_tokens; /**< of each; below 1: a share of the target's budget */
    double pause;        /**< share of each at which it is decided whether it goes on; 0: none does; NAN: ours */
    char *model;         /**< of each: keys that differ from the study's model, as JSON; NULL: none does */
} asc_search_spec;
#define ASC_SEARCH_PAUSE .5 /**< unless the study says another */
static inline double asc_search_pause(const asc_search_spec *s)
{
    return s->pause >= 0 ? s->pause : ASC_SEARCH_PAUSE;
}

/** What the methods named in `target.against` may take. */
typedef struct asc_rivals_spec {
    int runs;          /**< proxies of the swarm that regmix, dml and olmix share */
    double run_tokens; /**< of each; up to 1: a share of the target's budget */
    double tokens;     /**< of one run of doremi, doge, odm, ado, aioli; the same */
} asc_rivals_spec;

/** All that a study file says, defaults filled in. */
typedef struct asc_study_spec {
    char *path;     /**< the study file */
    char *base_dir; /**< its folder: relative paths start here */
    char *name;     /**< `study`, else the file's name without its ending */
    size_t n_domains;
    asc_study_domain *domains; /**< (D), order kept */
    size_t n_heldout;
    asc_study_domain *heldout; /**< `targets`: held-out sets beside the domains' own */
    size_t n_targets;          /**< V = D + n_heldout */
    char **domain_names;       /**< (D) */
    char **target_names;       /**< (V): domains first */
    int64_t valid_tokens;
    char *tokenizer_path;              /**< NULL: as tokenizer_kind says */
    asc_tokenizer_kind tokenizer_kind; /**< where no path is given */
    int64_t tokenizer_vocab;
    char *tokenizer_end;  /**< token that ends a document, or its id; NULL: the tokenizer's */
    asc_model_spec model; /**< vocab 0: the tokenizer's */
    bool arch_named;      /**< the file says model.arch: a study begun when another was the default keeps its own */
    asc_training_spec training;
    asc_search_spec search;
    asc_rivals_spec rivals;
    size_t n_scales;
    double *scales;      /**< tokens, rising; where two are equal, the models rise */
    char **scale_models; /**< (n_scales) keys that differ from `model`, as JSON, in the table's order; NULL: none */
    double factor;       /**< > 1: ×factor along every domain */
    double down;         /**< > 1: and ×1/down; factor unless said */
    int repeats;         /**< base runs per scale, >= 1 */
    asc_mixture_ref reference; /**< base of the design */
    double *min, *max;         /**< (D) shares */
    asc_mixture_ref prior;     /**< mixture to stay near; name NULL: none */
    double kl;                 /**< weight of the distance to prior; 0: none */
    asc_objective objective;   /**< over target_names */
    char *objective_text;      /**< as it is called in results: "mean-targets", "target:news", "weights" */
    bool objective_named;      /**< the file says it: a study begun when the default was another keeps its own */
    asc_study_tasks tasks;
    double target_tokens;
    char *target_model;   /**< as scale_models */
    double target_params; /**< of a target that is trained elsewhere, of which no more is known; 0: its model's */
    bool validate;
    int seeds;
    size_t n_against;
    asc_mixture_ref *against;
    int jobs; /**< 0: auto */
    int threads, ranks;
    char *device; /**< "auto", "cpu", "cuda", "cuda:0" */
    int group;    /**< most runs of one program, with trainer torch; 0: auto */
    asc_isa isa;
    int retries;         /**< of a run that failed (not of one that diverged) */
    double time_limit_s; /**< of one run; 0: none */
    asc_keep keep_checkpoints;
    double checkpoint_s; /**< seconds between checkpoints of a run */
    int curve_points;    /**< evaluations along a target-scale run */
    char *notify;        /**< command called at the end, or NULL */
    asc_trainer_spec trainer;
    asc_executor_kind executor;
    asc_slurm_spec slurm_opts;
    asc_scheduler_spec scheduler;
} asc_study_spec;

/** Whether another scale has the k-th one's tokens: its model tells it apart. */
bool asc_scale_shares_budget(const asc_study_spec *s, size_t k);
/** The same of any scale. */
bool asc_study_shares_budgets(const asc_study_spec *s);
/** Budgets of the scales, equal ones counted once. */
size_t asc_study_n_budgets(const asc_study_spec *s);
/** Whether runs from the start look for a mixture, alone or before branches; and whether a swarm is among them. */
bool asc_study_has_proxies(const asc_study_spec *s);
bool asc_study_has_swarm(const asc_study_spec *s);
/** Tokens of one run of that swarm, before they are cut to whole sequences. */
double asc_study_swarm_tokens(const asc_study_spec *s);

#endif
