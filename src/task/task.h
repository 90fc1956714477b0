/**
 * task: downstream tasks. A task is a list of items, each a prompt and its possible continuations; a model is judged by
 * the log-likelihood that it gives them. Prompts and decisions follow EleutherAI's lm-evaluation-harness (version
 * 0.4.13 was read and run), so that results can be compared item by item. See docs/tasks.md.
 */
#ifndef AUTOSCALE_TASK_H
#define AUTOSCALE_TASK_H

#include "base/base_json.h"
#include "spec/spec.h"

/** How the likelihoods of an item become figures. */
typedef enum asc_task_kind {
    ASC_TASK_CHOICE, /**< the likeliest choice is the answer: acc, acc_norm, acc_bytes */
    ASC_TASK_CLOZE,  /**< one continuation, right when it is the greedy one: acc, perplexity */
    ASC_TASK_MASS,   /**< probability mass on the right choices (TruthfulQA mc2): acc */
    ASC_TASK_PAIR    /**< which of two sentences is likelier (CrowS-Pairs): pct_stereotype, likelihood_diff */
} asc_task_kind;

/** One question. */
typedef struct asc_task_item {
    char *id;        /**< as the file gives it, else its line number */
    char *context;   /**< UTF-8; may be empty: the continuation is then conditioned on the end-of-document token */
    char **contexts; /**< (n_choices) where each choice has a context of its own (context is then the right one's), or
                        NULL */
    size_t n_choices;
    char **choices; /**< (n_choices) without the delimiter */
    bool *right;    /**< (n_choices) at least one true */
    int64_t line;   /**< in the file */
} asc_task_item;

/** A task as read from one file; all of it lives in its arena. */
typedef struct asc_task {
    char *name;
    asc_task_kind kind;
    char *delimiter;      /**< between context and choice where the choice is scored */
    char *shot_delimiter; /**< between context and answer inside a worked example */
    char *primer;         /**< stands before everything, or "" */
    size_t n_items;
    asc_task_item *items;
    size_t n_shots; /**< pool of worked examples that the file's header carries */
    asc_task_item *shots;
    asc_arena memory;
} asc_task;
void asc_task_clear(asc_task *t);

/**
 * Read a task: the project's own JSON lines (docs/formats.md) or one of the known benchmarks in the form in which it is
 * given out. Plain, .gz or .zst.
 * @param spec  "PATH", or "NAME=PATH": NAME is boolq, hellaswag, piqa, truthfulqa_mc1, truthfulqa_mc2, pubmedqa,
 *              crows_pairs, asdiv, lambada, or any name for the project's own format. Without it the file's name
 *              decides ("boolq_val.jsonl.zst" is boolq).
 * @retval ASC_EINVAL  "FILE:LINE: field 'choices': expected …, found …"; an empty file; an unknown name with a file
 * that is not in the project's own format
 */
asc_status asc_task_load(asc_task *out, const char *spec, asc_error *err);
/** Write in the project's own format, header first. */
asc_status asc_task_save(const asc_task *t, const char *path, asc_error *err);

/** How an evaluation is made. */
typedef struct asc_task_opts {
    int shots;            /**< k worked examples before each item */
    const asc_task *pool; /**< where they come from; NULL: the task's own pool, or its other items if that is empty */
    bool random_shots;    /**< false: the first k of the pool that are not the item itself; true: k drawn by seed */
    uint64_t seed;        /**< stream "shots", index = item */
    size_t limit;         /**< only the first so many items; 0: all */
    const bool *excluded; /**< (n_items) items left out (contaminated, say), or NULL */
} asc_task_opts;

/** The text that stands before the choices of item i: primer, worked examples, the item's context. */
asc_status asc_task_prompt(char **out, const asc_task *t, size_t i, const asc_task_opts *opts, asc_error *err);

/** One log-likelihood wanted: of continuation after context. */
typedef struct asc_task_request {
    char *context, *continuation;
    size_t item, choice;
} asc_task_request;
/** All requests of a task, in order of items and choices. */
asc_status asc_task_requests(asc_task_request **out, size_t *n, const asc_task *t, const asc_task_opts *opts,
                             asc_error *err);
void asc_task_requests_free(asc_task_request *r, size_t n);

/** Likelihood of one continuation. */
typedef struct asc_task_score {
    double ll;      /**< natural logarithm, summed over the continuation's tokens; <= 0 */
    bool greedy;    /**< every token of it was the likeliest */
    bool truncated; /**< prompt and continuation did not fit: the prompt's beginning was cut off */
} asc_task_score;

/** Figures of a task; NaN where the kind has none. */
typedef struct asc_task_result {
    size_t n, n_truncated, n_excluded;
    double acc;            /**< share of items answered right (MASS: mean probability of the right choices) */
    double acc_norm;       /**< the same with likelihood divided by the choice's length in characters, as the harness */
    double acc_bytes;      /**< … by its length in bytes */
    double bits_per_byte;  /**< mean over items of -log2 p(right answer) / its bytes; several right ones: their mean */
    double perplexity;     /**< exp(-mean ll), CLOZE only */
    double pct_stereotype; /**< share of pairs whose stereotyping sentence is likelier, PAIR only */
    double likelihood_diff; /**< mean |ll1 - ll2|, PAIR only */
    double acc_stderr;      /**< of acc, or of pct_stereotype for PAIR */
    double chance;          /**< what guessing gets of acc (of pct_stereotype for PAIR): mean share of right choices */
} asc_task_result;
/** Figures from likelihoods; requests and scores (n) as asc_task_requests made them. Ties: the first choice, as numpy.
 */
asc_status asc_task_judge(asc_task_result *out, const asc_task *t, const asc_task_request *requests,
                          const asc_task_score *scores, size_t n, asc_error *err);
/** {"acc","acc_norm","bits_per_byte","n", …}; new reference, NULL when memory is out. */
json_t *asc_task_result_json(const asc_task_result *r);

#endif
