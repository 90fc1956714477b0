/* A study under way: what its steps share. One file per step: corpus.c, plan.c, make.c, fit.c, target.c, summary.c,
 * and study.c, which calls them in order. */
#ifndef STUDY_STEPS_H
#define STUDY_STEPS_H

#include "spec/spec_placeholders.h"
#include "exec/exec_queue.h"
#include "law/law.h"
#include "mix/mix.h"
#include "model/model.h"
#include "rival/rival.h"
#include "store/store_summary.h"
#include "study/study.h"
#include "study/study_plan.h"
#include "study/study_progress.h"
#include "table/table.h"
#include "task/task_cost.h"
#include "text/text.h"

/** One scale: its star and what was found from it. */
typedef struct asc__scale {
    size_t k;      /**< which of spec->scales */
    double tokens; /**< as the study says */
    int64_t *base; /**< (D) whole sequences × T */
    size_t
        *runs; /**< (n_runs) of its star as the study's file has it now; those of before an edit are not among them */
    size_t n_runs, cap_runs;
    bool complete; /**< all its runs have ended */
    bool ended;    /**< and its fit was tried */
    bool fitted;
    asc_law_set law;
    asc_ddo_star star;
    asc_mix_result optimum;
    asc_notes notes;
    char *why; /**< it was not fitted; NULL else */
} asc__scale;

/** A mixture at the target. */
typedef struct asc__mixture {
    char *name; /**< "predicted", "keep-last", "uniform (capped)" … */
    char *word; /**< without "(capped)": what run ids are made of */
    asc_mixture_kind kind;
    double *weights;       /**< (D) of tokens */
    int64_t *tokens;       /**< (D) */
    size_t same_as;        /**< index of an earlier mixture with equal tokens, or its own */
    double past_error;     /**< of its method on the largest measured scale; NaN */
    asc_expected expected; /**< at the target, by the law of all runs; gains over uniform */
    int64_t *later;    /**< (D) sequences behind the prefix; NULL: not a branch search's, one mixture from the start */
    size_t stage;      /**< whose prefix that is */
    size_t *runs;      /**< (seeds) indices among the study's runs; of same_as where equal */
    double *objective; /**< (seeds) NaN until measured */
} asc__mixture;

/** What a run of a branch search is told beside its tokens. Tokens in sequences × T. */
typedef struct asc__told {
    size_t run;             /**< index among the study's runs */
    size_t from;            /**< run whose checkpoint it begins with; ASC_NONE: its own first weights */
    size_t n_phases;        /**< K; 0: what is merged */
    double *phases;         /**< (K,D) tokens; their sums are the run's schedule */
    double stop;            /**< tokens of that schedule after which it ends; 0: none */
    double cool;            /**< tokens before that end over which its rate falls to zero; 0: as scheduled */
    size_t n_parts, *parts; /**< branches merged about `from` */
    double *weights;        /**< (n_parts) */
} asc__told;

/** One round of branches about a mixture, and the merged models between them. */
typedef struct asc__round {
    double *centre;     /**< (D) shares */
    int64_t *sequences; /**< (D,D) of each branch */
    size_t *branches;   /**< (D) runs */
    size_t n_merges;    /**< M; room for one more, the optimum */
    double *weights;    /**< (M+1,D) of the branches in each merged model */
    size_t *merges;     /**< (M+1) runs */
    asc_law_set law;
    asc_mix_result optimum;
    bool fitted;
} asc__round;

/** A merged model beside the branch that was really trained on its mixture. */
typedef struct asc__check {
    const char *what; /**< "prior", "optimum", "better", "worse" */
    size_t merged, real;
    size_t judged; /**< what evaluates `real` as merged models are, of a trainer that evaluates its own; ASC_NONE */
    double merged_value, real_value; /**< objective; NaN */
} asc__check;
enum { ASC__CHECKS = 4 };
typedef struct asc__digests asc__digests;

/** A search by branches at one point of the target's own run, as far as it is (docs/search.md). */
typedef struct asc__branching {
    int64_t total, batch;   /**< sequences of the target and of a step */
    int64_t prefix, length; /**< of the prefix and of a branch: whole steps */
    double *reference; /**< (D) what the target would go on with: mixture.reference within bounds and caps (the prefix
                            is a part of the answer); later what the stage before came to */
    int64_t *whole, *first; /**< (D) sequences: in the whole target should it go on with that, in the prefix */
    size_t n_phases;        /**< of the prefix: one more in each stage */
    int64_t *phases;        /**< (n_phases,D) sequences of each; their sum is `first` */
    size_t *prefixes;       /**< (seeds) runs */
    size_t n_rounds;        /**< made or under way */
    asc__round rounds[2];
    asc__check checks[ASC__CHECKS];
    size_t n_checks;
    double rank, bias, spread; /**< of the checks: Spearman; mean and sd of merged - real */
    double delta;    /**< largest of the branches' sum|theta_k - theta_0| / (sum|theta_k| + sum|theta_0|); NaN */
    bool better;     /**< the schedule is a candidate */
    int64_t *answer; /**< (D) sequences of the phase behind the prefix */
    char why[500];
} asc__branching;

/** What became of a run of a swarm that was paused and not gone on with. */
typedef struct asc__stop {
    double *loss;     /**< (V) predicted at its end; NULL: it goes on */
    double trust;     /**< weight of these as a row, in (0,1] */
    double value, sd; /**< of the objective */
    double best;      /**< that it would have had to beat */
} asc__stop;

/** A search by a swarm, as far as it is. */
typedef struct asc__swarm {
    size_t n, *runs;  /**< among the study's; without those given */
    size_t *pauses;   /**< (n) what each was up to its pause; ASC_NONE: it has none */
    asc__stop *stops; /**< (n) */
    double spread;    /**< of what was undecided when runs were last chosen; NaN */
    bool enough;      /**< no more runs */
} asc__swarm;

/** A method named in `against`, as far as it is. */
typedef struct asc__rival {
    const asc_rival *method;
    double *weights; /**< (D) its mixture; NULL: not known, or it has none */
    size_t n_runs;   /**< of its own: a proxy, or a reference and the proxy that is compared with it */
    size_t runs[2];  /**< among the study's */
} asc__rival;
typedef struct asc__rivals {
    size_t n;
    asc__rival *list;    /**< (n) */
    size_t n_swarm;      /**< runs that those which need a swarm share */
    size_t *swarm;       /**< (n_swarm) among the study's */
    double swarm_tokens; /**< of each, in whole sequences */
} asc__rivals;
/** What a rival took, or will take. */
typedef struct asc__rival_cost {
    size_t runs;
    double tokens, flops, seconds; /**< seconds of all its runs, NaN where one does not say */
} asc__rival_cost;

/** trainer: torch, as it was found here. */
typedef struct asc__torch {
    asc_torch_program program; /**< python NULL: another trainer, or not looked for yet */
    size_t n_cards;            /**< that the study may use; 0: it computes on the CPU, or nobody knows (Slurm) */
    double bytes;              /**< of the first card that runs may take */
    char name[96], torch[32];  /**< "NVIDIA H100 80GB HBM3" or "cpu"; PyTorch's version */
} asc__torch;

/** How fast a group is made. */
typedef struct asc__torch_speed_of {
    double tokens_per_s; /**< of all runs that are stacked together */
    double eval_tokens_per_s, start_s, lanes;
} asc__torch_speed_of;

/** A model of the study's runs. */
typedef struct asc__size {
    char *text;             /**< as asc_store_run.model; NULL: the study's own */
    asc_model_spec model;   /**< vocab set; the study's where params stands for it */
    double params;          /**< of a target of which no more is known; NaN: those of model */
    char shape[192];        /**< with trainer torch: what makes runs fit into one group */
    char merged_shape[200]; /**< .. and merged models, which are evaluated and not trained */
} asc__size;

/** What may be taken of a domain's text. */
typedef struct asc__epochs {
    double tokens;         /**< that exist, for a run of this size */
    double epoch_tokens;   /**< of one epoch: whole sequences x T */
    int64_t cap_sequences; /**< most per run */
    double cap_epochs;     /**< the same in epochs; NaN: no cap */
} asc__epochs;

/** The text of the proxies of one budget, cut to match the target's repetition. */
typedef struct asc__pool {
    double budget;
    asc__epochs *of;                /**< (D) */
    double *available, *cap_epochs; /**< (D) of these, for the optimum */
    int64_t *cap_sequences;         /**< (D) */
    double
        *there; /**< (D) tokens of the files that runs draw from: fewer than exist where the study has but a sample */
} asc__pool;

/** The decision. */
typedef struct asc__answer {
    bool known;
    size_t mixture;        /**< index among the study's */
    char why[4200];        /**< one sentence, or one for each stage */
    char verdict[400];     /**< and another: how sure, how much, at what cost */
    const double *lo, *hi; /**< (D) interval of each share, of the method that made it; NULL: none. Not owned */
    asc_summary_gain gain; /**< over uniform, as trained */
    asc_summary_saved saved;
    double search_tokens, search_seconds, search_flops; /**< what the proxies took */
    double pays_from_tokens; /**< budget from which what it saves has paid for them; NaN: none */
} asc__answer;

/** What of a branch search its budget pays for, as it was when its branches were made. */
typedef struct asc__cut {
    int rounds; /**< 0: none were */
    size_t n_domains, stages;
    double steps, eval_tokens, target_tokens;
} asc__cut;

typedef struct asc__step asc__step;

typedef struct asc__study {
    const asc_study_spec *spec;
    asc_study_spec
        adopted; /**< what spec points to where the study keeps an older default; strings stay the caller's */
    const asc_study_opts *opts;
    char *dir;     /**< absolute */
    char *program; /**< of builtin runs */
    asc_store *store;
    asc__cut cut;
    double *cut_scales; /**< of adopted, where search.at_most cut them; NULL: as the study says */
    asc_store_created created;
    asc_isa isa;
    int jobs;
    int places; /**< programs at once; 0: as jobs */
    asc__torch torch;
    size_t D, V;
    asc_model_spec model; /**< vocab set */
    asc__size *sizes;     /**< (n_sizes) of all runs; the first is the study's own */
    size_t n_sizes, cap_sizes;
    char *target_size; /**< text of the target's */
    /* corpus */
    asc_domain_report *reports; /**< (D + held-out) */
    double *available;          /**< (D) unique tokens that exist */
    double *there;              /**< (D) of these in token files */
    asc__pool *pools;           /**< (n_pools) where proxies' text is cut; a run of another budget has all */
    size_t n_pools;
    double *epoch_tokens;         /**< (D) tokens of one epoch: whole sequences × T (asc_epoch_sequences) */
    double *word_nats;            /**< (V) entropy of the held-out text's token frequencies; NaN: a task */
    double *max_epochs;           /**< (D) NaN: no cap */
    double *reference;            /**< (D) shares of the base */
    int64_t *cap_sequences;       /**< (D) most sequences of a run */
    double *cap_epochs;           /**< (D) the same in epochs of all its tokens; NaN: no cap */
    double *prior;                /**< (D) shares to stay near, where the study names some */
    double *start;                /**< (D) what a search by branches begins with; NULL: the reference */
    bool start_known;             /**< which of the two, */
    char *start_why;              /**< and why */
    json_t *contamination;        /**< what asc_contamination_json found, with its key; NULL: nothing was looked for */
    int64_t *task_items;          /**< (V) items of a target that is a task, 0 of text; NULL: not read yet */
    double *task_bytes_per_token; /**< (V) of those */
    /* runs */
    asc_store_run *runs;
    size_t n_runs, cap_runs;
    asc_store_run *aside; /**< (n_aside) runs that are none on mixtures of the study's domains (living.c) */
    size_t n_aside;
    const asc_store_run *past; /**< (n_past) of a plan: what there is in the folder; NULL: the runs themselves */
    size_t n_past;
    asc__scale *scales;                     /**< (spec->n_scales) */
    asc__branching stages[ASC_MOST_STAGES]; /**< of a branch search, one for each of search.at */
    size_t n_stages;                        /**< begun */
    asc__digests *digests;                  /**< of the checkpoints that they begin with */
    asc__swarm swarm;
    asc__rivals rivals;
    asc__told *told; /**< of runs of a branch search */
    size_t n_told, cap_told;
    /* prediction and target */
    bool has_rule;
    asc_rule_result rule;
    asc_optima optima;
    bool has_joint;
    asc_law_set joint_law;
    asc_mix_result joint;
    asc__mixture *mixtures;
    size_t n_mixtures;
    char untold[300]; /**< why nothing is expected of them, or "" */
    asc_notes notes;
    asc__answer answer;
    asc_summary *before; /**< of a study that had ended; NULL: it had not, or is to be fitted anew */
    bool kept;           /**< it stays as it was, for we would come to something else */
    /* progress */
    double tokens_total, tokens_done;
    size_t runs_to_come; /**< of the target, while its mixtures are not known */
    double last_report_s;
    bool target_ended; /**< all of its runs have */
    asc_queue *queue;  /**< while runs are made; NULL else */
    asc__step *step;   /**< while one is under way; NULL else */
} asc__study;

static inline bool asc__by_branches(const asc__study *s)
{
    return s->spec->search.method == ASC_SEARCH_BRANCH;
}

/** The stage under way: the last one that was begun. */
static inline asc__branching *asc__stage(const asc__study *s)
{
    return (asc__branching *)(uintptr_t)&s->stages[s->n_stages ? s->n_stages - 1 : 0];
}

/** Points of the target's run at which a search by branches looks for what comes next. */
static inline size_t asc__most_stages(const asc_study_spec *spec)
{
    return spec->search.n_at > 1 ? spec->search.n_at : 1;
}

/** Share of the target's budget that lies before the k-th of them. */
static inline double asc__stage_share(const asc_study_spec *spec, size_t k)
{
    return k ? spec->search.at[k] / 100 : spec->search.prefix;
}

static inline bool asc__by_swarm(const asc__study *s)
{
    return s->spec->search.method == ASC_SEARCH_SWARM;
}

/** Whether swarm.c has a part in it: a swarm, alone or before branches, or stars before branches, which it fits. */
static inline bool asc__has_swarm_step(const asc__study *s)
{
    return asc__by_swarm(s) || (asc__by_branches(s) && asc_study_has_proxies(s->spec));
}

/* sizes.c */
/** All models of the study over s->model: once that and the runs are known, and whenever they have changed. */
asc_status asc__sizes_set(asc__study *s, asc_error *err);
void asc__sizes_clear(asc__study *s);
const asc__size *asc__size_of(const asc__study *s, const char *text);
const asc__size *asc__target_size(const asc__study *s);
/** Whether the study makes runs of it; else it is trained elsewhere. */
bool asc__target_trained(const asc__study *s);
/** Text of the size that the study's file gives runs of this kind, which is no star's. Not owned; NULL: the study's
 * own. */
const char *asc__size_of_kind(const asc__study *s, asc_run_kind kind);
/** The same of the star of the k-th scale. */
const char *asc__size_at_scale(const asc__study *s, size_t k);
/** Whether the run is of the star of the k-th scale as the file has it now: of its tokens and of its model. */
bool asc__at_scale(const asc__study *s, const asc_store_run *r, size_t k);
/** The scale whose star it is of; ASC_NONE: of none that there is now. */
size_t asc__scale_of(const asc__study *s, const asc_store_run *r);
/** Whether a run that is no star's is of this budget, and of the model that the file gives its kind now. */
bool asc__at_budget(const asc__study *s, const asc_store_run *r, double tokens);
/** Of equal tokens and models. */
bool asc__same_scale(const asc_store_run *a, const asc_store_run *b);
/** "1M", for names of runs and files; "1M-p42.2k", with its parameters, where another scale has as many tokens. */
char *asc__scale_label(const asc__study *s, size_t k, char buf[64]);
/** "1M tokens" (unit " tokens") for people; "1M tokens (42.2k parameters)" likewise. */
char *asc__scale_words(const asc__study *s, size_t k, const char *unit, char buf[80]);
double asc__size_params(const asc__size *z);
/** FLOPs of training on tokens and of evaluating them. */
double asc__train_flops(const asc__size *z, double tokens);
double asc__eval_flops(const asc__size *z, double tokens);

/* corpus.c */
/** Whether target v is text, not a task. */
bool asc__is_text(const asc__study *s, size_t v);
asc_status asc__study_corpus(asc__study *s, asc_error *err);
/** kept_for: the study's folder where runs were made of what is in tokens; NULL: none were. */
asc_status asc__corpus_prepare(asc_domain_report **out, const asc_study_spec *spec, const char *tokens,
                               const char *kept_for, int n_threads, asc_progress_fn progress, void *ctx,
                               asc_error *err);

/** max_epochs, epoch_tokens, cap_sequences and cap_epochs of domain i from its available tokens. */
void asc__study_set_epochs(asc__study *s, size_t i);
/** The arrays (D) of what the text allows, to be filled. */
asc_status asc__study_limits_alloc(asc__study *s, asc_error *err);
/** What every answer of the study may be, for the optimum and the rule: bounds, caps in whole sequences, prior.
 * discount: the available tokens stand there without caps too, so that repeated ones count less. A view of s. */
asc_limits asc__limits_of(const asc__study *s, double budget, bool discount);
/** Weights (D) of a mixture named in the study. keep-last is not known here. */
void asc__study_weights(double *w, const asc__study *s, const asc_mixture_ref *ref);

/** Tokens of domain i that its files are sampled for; infinite: they are read whole. */
double asc__sample_tokens(const asc_study_spec *s, size_t i);

/* pools.c */
/** Whether proxies' text is cut so that they repeat it as the target will. */
bool asc__matches(const asc_study_spec *spec);
/** What an epoch and a cap are of so many tokens: the one place. */
void asc__epochs_of(asc__epochs *out, double tokens, int context, double max_epochs);
/** The pools of the study's scales, once these and the text are known; their files (asc__pools_make). */
asc_status asc__pools_set(asc__study *s, asc_error *err);
asc_status asc__pools_make(const asc__study *s, asc_error *err);
void asc__pools_clear(asc__study *s);
/** Of proxies of this budget, or of a run; NULL: it has all text. */
const asc__pool *asc__pool_at(const asc__study *s, double budget);
const asc__pool *asc__pool_of(const asc__study *s, const asc_store_run *r);
/** (D) most sequences of a run of this budget. */
const int64_t *asc__caps_at(const asc__study *s, double budget);
/** Prefix under `tokens` of what runs draw of domain i; p NULL: all. asc_free. */
char *asc__pool_prefix(const asc__study *s, const asc__pool *p, const char *tokens, size_t i);
/** Tokens of the file that a run draws from, and its cap in epochs of that file. */
double asc__run_text(const asc__study *s, const asc_store_run *r, size_t i);
double asc__run_max_epochs(const asc__study *s, const asc_store_run *r, size_t i);
/** How often proxies and target repeat text, and where a sample is too small for that. */
void asc__doubt_repetition(asc_notes *notes, const asc__study *s);

/* run_names.c */
/** "1M", "250k", "16384": exact, for run ids. buf >= 32. */
char *asc__tokens_label(double tokens, char *buf);
/** "t16M-uniform-r0": the r-th run of a mixture at the target; asc_free. NULL: no memory. */
char *asc__target_run_id(const asc_study_spec *spec, const char *mixture, int r);

/* plan.c */
/** Said before anything is trained, not after. @retval ASC_EINVAL no mixture of the target is within bounds and caps */
asc_status asc__check_target(const asc__study *s, asc_error *err);
/** Runs of all stars into s->runs and the store; s->scales set up. */
asc_status asc__study_stars(asc__study *s, bool store, asc_error *err);
/** A candidate, within bounds and caps. */
asc_status asc__add_mixture(asc__study *s, asc_mixture_kind kind, const char *word, const double *weights,
                            asc_error *err);
void asc__find_equal_mixtures(asc__study *s);
/** Whether b, planned, is a, in the store. */
bool asc__same_run(const asc_store_run *a, const asc_store_run *b);
/** Index of the run of this content, of its kind's model, a star's of the one that it says, if there is one; and made
 * if absent. */
bool asc__study_find_run(size_t *index, const asc__study *s, const asc_store_run *want);
asc_status asc__study_add_run(size_t *index, asc__study *s, const asc_store_run *want, bool store, asc_error *err);
/** Base tokens (D) of a mixture in whole sequences × T, within max_epochs; capped (D), or NULL: which of them bind. */
asc_status asc__whole_tokens(int64_t *tokens, bool *capped, const asc__study *s, const double *weights, double total,
                             asc_error *err);
/** The same as a run of the store holds them. */
asc_status asc__run_amounts(double *tokens, const asc__study *s, const double *weights, double total, asc_error *err);
/** What became of a mixture that was asked for. */
typedef enum asc__moved { ASC__AS_ASKED, ASC__BOUNDED, ASC__CAPPED } asc__moved;
/** The same within mixture.min and mixture.max too: every candidate for the answer comes from here. shares (D): those
 * of weights moved into the bounds, of the tokens where max_epochs bound. @retval ASC_EINVAL no mixture keeps them all
 */
asc_status asc__bounded_tokens(int64_t *tokens, double *shares, asc__moved *moved, const asc__study *s,
                               const double *weights, double total, asc_error *err);
double asc__run_tokens(const asc_store_run *r);
/** Most mixtures of a target. */
size_t asc__target_most(const asc_study_spec *spec);
/** The mixtures that the target is trained with (of a study that is not validated: its candidates), each name once, in
 * order; names and weights are the spec's. rule, joint: whether there is a rule's prediction, a law of all runs; a
 * plan takes them for granted. @return how many of out (asc__target_most) */
size_t asc__target_list(asc_mixture_ref *out, const asc_study_spec *spec, bool rule, bool joint);
/** A mixture of the target of a search by branches, and the stage whose prefix its run goes on from; ASC_NONE: none. */
typedef struct asc__target_to_come {
    const char *name;
    size_t from;
} asc__target_to_come;
/** The same for a search by branches, before it has come to anything: schedule, reference, those of `against`. */
size_t asc__branch_target_list(asc__target_to_come *out, const asc_study_spec *spec);
/** Whether its stars will have a rule's prediction. */
bool asc__rule_to_come(const asc_study_spec *spec);
/** Whether a run of this kind keeps its last checkpoint after its end. */
bool asc__keeps_checkpoint(const asc_study_spec *spec, asc_run_kind kind);

/* search.c */
/** The study's scales cut to search.at_most, said in notes; s->spec then points to the study as it is carried out.
 * @retval ASC_EINVAL  nothing is left of them */
asc_status asc__search_cut(asc__study *s, asc_notes *notes, asc_error *err);
/** s->cut of a study whose runs were begun. */
asc_status asc__cut_read(asc__study *s, asc_store *store, asc_error *err);
/** Runs of the stars, of all scales. */
size_t asc__n_star_runs(const asc__study *s);
/** FLOPs of one, evaluation included; 0: it has not ended, or is none of the search's. */
double asc__run_flops(const asc__study *s, const asc_store_run *r);
/** FLOPs of the search's runs that have ended, evaluation included. */
double asc__search_flops(const asc__study *s);
/** FLOPs of one proxy of the swarm that is trained to its end, its evaluations included. */
double asc__swarm_flops(const asc__study *s);
/** Of training one run at the target. */
double asc__target_flops(const asc__study *s);
/** Tokens that a run trains on itself: none of a checkpoint that it begins with. */
double asc__run_trained(const asc__study *s, const asc_store_run *r);
/** Whether a run of this kind is part of the search's cost: not the target's own. */
/** Whether it is a run of a star. */
bool asc__is_star(asc_run_kind kind);
/** A branch or a merged model of some: evaluated on the search's own tokens. */
bool asc__is_of_branches(asc_run_kind kind);
bool asc__is_search(asc_run_kind kind);

/* branch.c */
/** The next stage: its prefix and its first round of branches and merged models as runs. */
asc_status asc__branch_begin(asc__study *s, bool store, asc_error *err);
/** Everything up to the mixture behind the prefix: all its runs made. */
asc_status asc__branch_search(asc__study *s, asc_error *err);
/** Sequences (D) that the target goes on with behind a stage's prefix. */
void asc__rest_of(int64_t *out, const asc__study *s, const asc__branching *b);
/** "" of the first stage, "-at60", "-at60-80" of those behind it: what they are depends on all before. NULL: no memory.
 */
char *asc__stage_label(const asc__study *s, size_t stage);

/* start.c */
/** Whether the target's own run has, of these runs (n). */
bool asc__target_begun(const asc_store_run *runs, size_t n);
/** What the target's own run, of these runs (n), has begun with: that stays, whatever is edited. */
asc_status asc__start_read(asc__study *s, asc_store *store, const asc_store_run *runs, size_t n, asc_error *err);
/** s->start, from the law of the proxies that were made before branches; kept once it is found. */
asc_status asc__find_start(asc__study *s, asc_error *err);

/* branch_target.c */
/** The target's candidates, and what their runs are told. */
asc_status asc__branch_mixtures(asc__study *s, asc_error *err);
void asc__branch_clear(asc__study *s);

/* branch_told.c */
/** What the run (an index) is told, or NULL. */
const asc__told *asc__told_of(const asc__study *s, size_t run);
/** Room for what a run is told, of K phases or n parts; what it was told before is dropped. */
asc_status asc__new_told(asc__told **out, asc__study *s, size_t run, size_t K, size_t n, asc_error *err);
/** The phases of a stage's past (n_phases, D), in tokens, as the first of what a run is told. */
void asc__tell_past(asc__told *t, const asc__study *s, const asc__branching *b);
/** A target run of a schedule starts at the prefix of its seed r and has the mixture's later phase. */
asc_status asc__branch_tell_target(asc__study *s, const asc__mixture *m, size_t run, int r, asc_error *err);
asc__digests *asc__digests_create(void);
void asc__digests_free(asc__digests *d);
/** Into the spec of one of s->runs what it is told. */
asc_status asc__tell_run(asc_run_spec *out, const asc__study *s, const asc_store_run *r, asc_error *err);

/* branch_summary.c */
/** The search in the summary, as far as it is. */
void asc__put_branching(asc_summary *o, const asc__study *s);
/** What each stage came to, in one line. */
void asc__branch_why(char *out, size_t n, const asc__study *s);
/** Phases (*n) of a schedule; NULL and 0 of others. */
asc_summary_phase *asc__phases(size_t *n, asc_summary *o, const asc__study *s, const asc__mixture *m);
/** [{"until","weights"}] of a mixture that goes on from the prefix, as MIX.json has them. New reference. */
json_t *asc__phases_json(const asc__study *s, const asc__mixture *m);

/* swarm.c */
/** The first round as runs. */
asc_status asc__swarm_begin(asc__study *s, bool store, asc_error *err);
/** All rounds made, and the law of their runs with its optimum. */
asc_status asc__swarm_search(asc__study *s, asc_error *err);
void asc__swarm_clear(asc__study *s);

/* pause.c */
/** Tokens at which proxies of the swarm pause; 0: they do not. */
double asc__pause_tokens(const asc__study *s);
/** The run of these (n) that is what r was up to its pause and has ended; NULL: none. */
const asc_store_run *asc__pause_of(const asc_store_run *runs, size_t n, const asc_store_run *r);

/* swarm_stop.c */
/** What the k-th run of the swarm is up to its pause as a run, and how the run goes on from there. */
asc_status asc__swarm_add_pause(asc__study *s, size_t k, bool store, asc_error *err);
/** Once all pauses have ended: which of the runs from the k-th on go on (s->swarm.stops). A function of results alone.
 * none: all do. */
asc_status asc__swarm_decide(asc__study *s, size_t k, bool none, asc_error *err);
/** What a run of the swarm was stopped with; NULL: it was not. */
const asc__stop *asc__stop_of(const asc__study *s, size_t run);
/** Of the swarm's runs: how many were stopped, and the FLOPs that this saved. */
size_t asc__n_stopped(double *flops, const asc__study *s);
/** Those that were, as a note. */
void asc__say_stopped(asc__study *s);

/* rivals_make.c */
/** Their runs made, and their mixtures; what has none is said in the study's notes. */
asc_status asc__rivals_make(asc__study *s, asc_error *err);

/* rivals.c */
/** The rivals of the study, and the runs that they need; cut to search.at_most, said in notes. @retval ASC_EMISSING a
 * rival that this machine cannot make */
asc_status asc__rivals_begin(asc__study *s, bool store, asc_notes *notes, asc_error *err);
void asc__rivals_clear(asc__study *s);
/** (D) the mixture of the rival of that name, or NULL. */
const double *asc__rival_weights(const asc__study *s, const char *name);
/** Whether it is worked out by a run of its own, or from the swarm that several share. */
bool asc__rival_has_proxy(const asc__rival *r);
bool asc__rival_needs_swarm(const asc__rival *r);
/** (D) shares by available tokens. */
void asc__natural_shares(double *w, const asc__study *s);
/** Whether a run (of kind RIVAL) is one that the rival needs. */
bool asc__rival_has_run(const asc__rival *r, const char *mixture);
/** Whether it is a run whose mixture a rival learns as it goes. */
bool asc__learns_mixture(const asc__study *s, const asc_store_run *r);
/** FLOPs of a rival's run beside those of training and one evaluation: forward passes and gradients that its rule asks
 * for. */
double asc__rival_extra_flops(const asc__study *s, const asc_store_run *r);
/** Into the spec of one of s->runs what a rival's run is told. */
asc_status asc__tell_rival(asc_run_spec *out, const asc__study *s, const asc_store_run *r, asc_error *err);
/** What its runs that ended took. */
asc__rival_cost asc__rival_took(const asc__study *s, const asc__rival *r);
/** All of them into the summary. */
void asc__put_rivals(asc_summary *o, const asc__study *s);

/* verdict.c */
/** The straight answer in n bytes; all else of a is known. */
void asc__study_verdict(char *out, size_t n, const asc__study *s, const asc__answer *a);

/* torch.c */
/** s->torch and s->places of a study with trainer torch, once. @retval ASC_EMISSING  what is not there, in one line */
asc_status asc__torch_find(asc__study *s, asc_error *err);
void asc__torch_clear(asc__torch *t);
/** Most runs of one program, by the study's word or by memory; 1: it makes one. */
size_t asc__torch_most(const asc__study *s, const asc__size *z);
/** What makes runs fit into one group, in words. */
void asc__torch_shape(char *buf, size_t n, const asc__study *s, const asc__size *z);
/** The program of a group in folders dirs (n), or of one run of several ranks. */
asc_status asc__torch_launch(asc_launch *out, const asc__study *s, const char *const *dirs, size_t n, int ranks,
                             size_t place, asc_error *err);
/** Measured, or kept from before in the study's folder dir. */
asc_status asc__torch_speed(asc__torch_speed_of *out, const asc__study *s, size_t n_runs, const char *dir,
                            asc_error *err);

/* make.c */
/** Programs at once. */
int asc__places(const asc__study *s);
/** Whether a group leaves runs to places that are free. */
bool asc__spreads(const asc__study *s);
typedef asc_status (*asc__ended_fn)(asc__study *s, size_t run, asc_error *err);
/** Make all runs listed (indices, n) that are not ended yet. ended is called after each. */
asc_status asc__study_make(asc__study *s, const size_t *runs, size_t n, asc__ended_fn ended, asc_error *err);
/** The same, unless the study had ended without these runs: s->kept then. */
asc_status asc__make_list(asc__study *s, const size_t *list, size_t n, asc__ended_fn ended, asc_error *err);

/** Where the study's programs run. */
asc_exec_place asc__exec_place(const asc__study *s);

/* step.c */
typedef asc_status (*asc__step_fn)(asc__study *s, size_t k, asc_error *err);
/** fn(s, k) in a thread of its own, with the queue's ticks or progress meanwhile ("WHAT: k of n", or "WHAT, STAGE: .."
 * once fn tells of itself); it returns when fn has. The study belongs to that thread until then. */
asc_status asc__study_step(asc__study *s, const char *what, asc__step_fn fn, size_t k, size_t n, asc_error *err);
/** What the coordinator does five times per second while a step is under way: tells how far it is. */
void asc__step_tick(void *step, double elapsed_s);
/** How far the step under way is: an asc_progress_fn for what it calls, its ctx the study; from any thread. */
void asc__step_tell(void *study, const char *what, double done, double total, const char *unit);

/* launch_values.c */
/** What a user's command may ask of the run in folder dir; *n of out (ASC_N_OF_RUN), whose texts are to be freed
 * whatever happens. */
asc_status asc__launch_values(asc_launch_value *out, size_t *n, const char *study, const asc_run_spec *r,
                              const char *dir, double tokens, asc_error *err);

/* run_dir.c */
/** runs/<id> with its run.json (and mixture.json); a folder of another plan under that name is cleared first. */
asc_status asc__run_dir_prepare(const asc__study *s, const asc_store_run *r, asc_error *err);
/** What is to be started for runs (indices, n) whose folders are ready; place: of the job among those under way. */
asc_status asc__run_launch(asc_launch *out, const asc__study *s, const size_t *runs, size_t n, size_t place,
                           asc_error *err);
char *asc__run_dir(const asc__study *s, const char *id);
/** A mixture file but for weights, tokens (zero) and from: what the domains have, and their files under `tokens`. m to
 * be cleared whatever happens. */
asc_status asc__mix_file_begin(asc_mix_file *m, const asc__study *s, const char *tokens, asc_error *err);
/** What its run.json says, paths relative to its folder; out to be cleared whatever happens. */
asc_status asc__run_spec_make(asc_run_spec *out, const asc__study *s, const asc_store_run *r, asc_error *err);

/* run_result.c */
/** result.json -> the run's state, result, why. *found false when there is none. @retval ASC_EINVAL what is wrong with
 * it */
asc_status asc__run_result_take(bool *found, asc__study *s, asc_store_run *r, asc_error *err);
/** The study's objective of a run that is done; NaN of another. */
double asc__run_objective(const asc__study *s, const asc_store_run *r);
/** (V) losses [nats per token] of a run that is done; NULL of another. */
const double *asc__run_losses(const asc_store_run *r);
/** Their mean (V) over the done runs that counts(run, ctx) is true of; how many these are. */
size_t asc__mean_losses(double *mean, const asc__study *s, bool (*counts)(const asc_store_run *r, const void *ctx),
                        const void *ctx);
/** The objective along a run. Init to {0}. */
typedef struct asc__curve {
    size_t n;
    double *tokens; /**< (n) rising */
    double *value;  /**< (n) */
} asc__curve;
void asc__curve_clear(asc__curve *c);
/** Its recorded points, and its end. */
asc_status asc__run_curve(asc__curve *out, const asc__study *s, const asc_store_run *r, asc_error *err);

/* metrics.c */
/** What a run under way says of itself in the file at path; its arrays and texts in the arena. Lines that are something
 * else are passed over, and nothing is known without a file. */
asc_status asc__metrics_read(asc_run_metrics *out, asc_arena *arena, const char *path, asc_error *err);
/** Fill r->curve from the validation losses in a trainer's metrics; points that lack a target are left out. */
asc_status asc__metrics_curve(asc_run_result *r, const asc__study *s, const char *path, asc_error *err);

/* learnt.c */
/** "3x manuals -0.214, python -0.101", or "branches towards manuals ..": by how much each domain's run with more of it
 * changes the objective, as far as they have ended, the most helpful first: of the scale, or the branches, that `of` is
 * one of. Returns how many are known. */
size_t asc__study_learnt(char *buf, size_t size, const asc__study *s, const asc_store_run *of);
/** The same as a note to the caller: with the first effect and when the scale is whole. */
void asc__study_say_learnt(const asc__study *s, const asc_store_run *ended, bool whole);

/* fit.c */
/** A table of the runs listed (indices, n), all of them done, or stopped: with their predicted losses. */
asc_status asc__study_table(asc_table *out, const asc__study *s, const size_t *list, size_t n, asc_error *err);
asc_status asc__study_fit_scale(asc__study *s, size_t scale, asc_error *err);
/** The largest scale that could be fitted, or NULL. */
const asc__scale *asc__last_fitted(const asc__study *s);
/** The law of all runs but the target's, and its optimum there; s->has_joint. */
asc_status asc__study_fit_joint(asc__study *s, asc_error *err);
asc_status asc__study_predict(asc__study *s, asc_error *err);
/** runs.csv, scale-<label>.csv (asc__scale_label), optima.csv as far as they are known. */
asc_status asc__study_write_tables(asc__study *s, asc_error *err);

/** Total variation between what the mixture's method said of the largest measured scale from the smaller ones and the
 * optimum measured there; NaN where it cannot be asked. */
double asc__study_past_error(const asc__study *s, const asc__mixture *m);

/* expect.c */
/** How the law of all runs is asked of mixtures at the target. */
asc_mix_opts asc__target_opts(const asc__study *s);
/** Expected objective of every mixture at the target; s->untold where there is none. */
asc_status asc__study_expect(asc__study *s, asc_error *err);
/** Of an answer that is not trained at the target: how far beyond the runs it lies, as notes. */
void asc__say_expected(asc__study *s);

/* target.c */
asc_status asc__study_mixtures(asc__study *s, asc_error *err);
asc_status asc__study_target_runs(asc__study *s, bool store, asc_error *err);
asc_status asc__study_answer(asc__study *s, asc_error *err);
/** mixture.json of that answer. */
asc_status asc__study_write_answer(const asc__study *s, asc_error *err);
/** What a seed does to the objective, from the repeats of the base at the largest scale that has some. */
asc_noise asc__known_noise(const asc__study *s);
/** The mixture of this kind, or NULL. */
asc__mixture *asc__mixture_of(const asc__study *s, asc_mixture_kind kind);
/** Share of the steps that m saves over uniform (lost: negative), seed by seed; no pairs where none has ended. */
asc_status asc__steps_saved(asc_summary_saved *out, const asc__study *s, const asc__mixture *m,
                            const asc__mixture *uniform, asc_error *err);

/* summary.c */
/** All that is known so far; NULL: no memory. */
asc_summary *asc__study_summary(const asc__study *s, asc_study_state state);
/** Summary into the store, report by the caller's function. */
asc_status asc__study_publish(asc__study *s, asc_study_state state, asc_error *err);
/** After a run that ended (asc__ended_fn): the same, with the tables of runs before it or without, at most every half
 * minute. */
asc_status asc__publish_all(asc__study *s, size_t run, asc_error *err);
asc_status asc__publish_summary(asc__study *s, size_t run, asc_error *err);

/* living.c */
/** Before a file with other domains is taken over: what the runs that have ended were made with; others are dropped.
 * before: the study of the store. */
asc_status asc__living_note(asc__study *s, const json_t *before, asc_error *err);
/** A document of the store whose keys are runs, {} where it has none. New reference; NULL on errors. */
asc_status asc__doc_of_runs(json_t **out, asc_store *store, const char *name, asc_error *err);
/** {run: its domains} of the store, NULL where they never changed. New reference. */
asc_status asc__living_lists(json_t **out, asc_store *store, asc_error *err);
/** The same with those that the study in the store has now for all other runs (n). */
asc_status asc__living_lists_now(json_t **out, asc_store *store, const asc_store_run *runs, size_t n, asc_error *err);
/** Runs of the study that there are already. */
const asc_store_run *asc__past_runs(size_t *n, const asc__study *s);
/** s->runs as runs on the study's domains, the others to s->aside; said in notes. dir: the study's folder. */
asc_status asc__living_map(asc__study *s, const char *dir, const json_t *lists, asc_notes *notes, asc_error *err);
/** Runs that have not ended, of this kind (NULL: of any), out of the store and of s->runs. */
asc_status asc__drop_unended(asc__study *s, bool (*of)(const asc_store_run *r), asc_error *err);
/** Whether it was made with other domains than the study has. */
bool asc__is_inherited(const asc_store_run *r);
/** Whether it was, or for a search that the study had before: whatever the search chooses, its law knows the run. */
bool asc__is_given(const asc_store_run *r);
/** Whether a run that is done could be one of the study's swarm as it is now. */
bool asc__is_of_swarm(const asc__study *s, const asc_store_run *r);
/** Runs of the study's swarm that are given; of these, those made for a search that it had before. */
size_t asc__n_given(const asc__study *s);
size_t asc__n_earlier(const asc__study *s);
/** Runs of searches that the study had before which are done, of any budget. */
size_t asc__n_told_before(const asc__study *s);
/** Runs that a swarm needs beside those given: two for each domain none of them had, and one; none where they are of
 * a search that the study had before and had all domains. */
size_t asc__least_new_runs(const asc__study *s);
/** Fewest runs of the swarm that a law needs beside those that there are: a star tells of every domain already. */
size_t asc__least_swarm(const asc__study *s);

/* earlier.c */
/** How a study (asc_study_canonical) searches: a word of search.method. */
const char *asc__search_method_of(const json_t *study);
/** Whether a study, as it was or as it is, searches so. */
bool asc__search_between(const json_t *before, const json_t *now, asc_search_method method);
/** Before a file with another search is taken over: which runs have ended; proxies that have not are dropped. */
asc_status asc__earlier_note(asc__study *s, const json_t *before, const json_t *now, asc_error *err);
/** {run: true} of the store; with spec (or NULL) as the list will be once that is taken over. New reference. */
asc_status asc__earlier_list(json_t **out, asc_store *store, const asc_study_spec *spec, const asc_store_run *runs,
                             size_t n, asc_error *err);
/** runs[].earlier of that list, said in notes. */
void asc__earlier_mark(asc_notes *notes, asc_store_run *runs, size_t n, const json_t *list);

/* new_targets.c */
/** Held-out sets that were added after runs had ended: measured on the checkpoints that are kept. */
asc_status asc__study_new_targets(asc__study *s, asc_error *err);

/* task_targets.c */
enum { ASC__NGRAM = 13 }; /* words that an evaluation item shares with training text: Brown et al. 2020 */
/** DIR/contamination.json and s->contamination, unless the study has no tasks or does not want it. */
asc_status asc__study_contamination(asc__study *s, asc_error *err);
/** tokens/NAME.scored.json of every target that is a task. @retval ASC_EINVAL other items than finished runs measured
 */
asc_status asc__study_task_targets(asc__study *s, asc_error *err);
/** DIR/TOKENS/TARGET.scored.json */
char *asc__scored_path(const char *dir, const char *tokens, const char *target);

/* tasks.c, tasks_summary.c */
/** The target's checkpoints on `tasks`, as far as that was not done yet. @retval ASC_ENUMERIC one failed for good */
asc_status asc__study_judge(asc__study *s, asc_error *err);
/** What they said of each mixture, as far as it is there, into the summary. */
void asc__put_tasks(asc_summary *o, const asc__study *s);

/* doubts.c: what a study has to say against itself, as notes */
/** Of the scales, a swarm and the target, those of few optimiser steps. */
void asc__doubt_steps(asc_notes *notes, const asc__study *s);
/** Of what is known before anything is trained: how far the target lies beyond the scales, how often its text would be
 * repeated. */
void asc__doubt_distance(asc_notes *notes, const asc__study *s);
/** The same of the answer: its own epochs. */
void asc__doubt_answer(asc__study *s);
/** Of a scale whose runs have ended: those that diverged or were begun again, bursts of gradients, effects within the
 * noise, models that know little but word frequencies. */
void asc__doubt_scale(asc_notes *notes, const asc__study *s, const asc__scale *sc);
/** The same of the target's runs. */
void asc__doubt_target(asc_notes *notes, const asc__study *s);
/** Both of all that has ended, scales in the study's order: it must not depend on which of them ended first. */
void asc__doubt_runs(asc_notes *notes, const asc__study *s);
/** What a burst of gradients left of a run, in nats per token. */
typedef struct asc__burst_effect {
    double above; /**< how much more it lost on the targets that it was not made for than the calm runs of its base (at
                       the target: of its mixture); NaN where there are none */
    double alike_lo, alike_hi; /**< the least and most of that among calm runs of its kind; NaN where there are none */
} asc__burst_effect;
/** The bursts of a run that is done, NULL where it had none; then effect is left alone. */
const asc_bursts *asc__run_bursts(const asc_store_run *r);
asc__burst_effect asc__burst_effect_of(const asc__study *s, const asc_store_run *r);

/* estimate_tasks.c */
typedef struct asc__task_work {
    asc_task_cost target;  /**< of one evaluation: the targets that are tasks */
    asc_task_cost *judged; /**< (n_judged) of one checkpoint of the target: a program each; asc_free */
    size_t n_judged;
} asc__task_work;
/** What the study's tasks ask of the model; t NULL: no tokenizer yet, four bytes per token. */
asc_status asc__task_work_of(asc__task_work *out, const asc__study *s, const asc_tokenizer *t, asc_error *err);

/* flops.c */
/** Tokens of one proxy of a swarm, in whole sequences. */
double asc__swarm_tokens(const asc__study *s);
/** Tokens of one evaluation on all targets that are text, as the study asks for. */
double asc__eval_tokens(const asc__study *s);
/** Of the forward pass over these tokens, predicted of which reach the output layer. */
double asc__flops_forward(const asc_model_spec *m, double tokens, double predicted);

/* estimate_sizes.c */
/** Mean over as many measurements at once as there will be runs. */
asc_status asc__measure_speed(asc_train_speed *out, const asc__study *s, const asc__size *z, asc_dtype dtype,
                              asc_error *err);
/** What v, measured of one size, makes of another at equal FLOPs per second. */
asc_train_speed asc__speed_by_flops(const asc_train_speed *v, const asc__size *of, const asc__size *z);
/** Of every size (out: n_sizes); *timed false where none of those that are trained fits into memory. */
asc_status asc__measure_sizes(asc_train_speed *out, bool *timed, asc_notes *notes, const asc__study *s, asc_error *err);
/** Bytes of one run of the built-in trainer; NaN where its shape is not known. */
double asc__size_memory(const asc__study *s, const asc__size *z);

/* estimate.c */
asc_status asc__study_plan(asc_plan **out, asc__study *s, const char *dir, asc_error *err);

/* study.c */
/** Whether the builtin trainer can make the study's runs here: device, instruction set, number format. */
asc_status asc__study_check_place(const asc__study *s, asc_error *err);

/** Whether the executor that the study asks for can be had on this machine. */
asc_status asc__study_check_executor(const asc_study_spec *spec, asc_error *err);
/** Call run.notify, where there is one: the study has ended so (why: it failed). A failure of the command is noted. */
void asc__study_notify(asc__study *s, asc_study_state state, const asc_error *why);

/* edits.c */
/** What there is of the text of target i, and of its training text where it is a domain; name not owned. */
asc_summary_domain asc__domain_report(const asc__study *s, size_t i);
/** Of a swarm that was begun before runs could be paused, or with another default: what it was begun with, unless the
 * file says it. before: the study in the store, or NULL. */
void asc__adopt_pause(asc__study *s, const json_t *before);
/** Whether any run of the study in the store was begun. */
bool asc__study_started(const asc__study *s);
/** The study in the store against the file. @retval ASC_EINVAL an edit that would change runs that exist */
asc_status asc__study_check_edits(asc__study *s, asc_error *err);
/** The text in tokens/ against that of the runs that exist; reports are those of s->reports. @retval ASC_EINVAL other
 * text */
asc_status asc__study_check_text(asc__study *s, asc_error *err);

#endif
