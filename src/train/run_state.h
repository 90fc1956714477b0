/* What the files of the train room share: a run while it is made. */
#ifndef TRAIN_RUN_STATE_H
#define TRAIN_RUN_STATE_H

#include "base/base_json.h"
#include "model/model.h"
#include "text/text.h"
#include "train/train.h"
#include "mask.h"
#include "ranks.h"

/** Running levels that a step's gradient is compared with, and what stood out. */
typedef struct burst_watch {
    int64_t seen;    /* steps */
    double log_norm; /* level of ln(gradient norm) */
    double loss;     /* level of the loss */
    asc_bursts found;
} burst_watch;

/** All that a checkpoint holds beside parameters and moments. The sampler's position is step * batch. */
typedef struct train_state {
    int64_t step;          /* optimiser steps made, 0..n_steps */
    int64_t moments_at;    /* step of the moments begun with, added to `step` in AdamW's bias correction */
    int attempt;           /* times begun again after a divergence */
    double elapsed_s;      /* of all processes that worked at this run */
    int64_t metrics_bytes; /* length of metrics.jsonl then */
    double first_loss;     /* of the first step, NAN before it */
    int64_t high_steps;    /* steps in a row with a loss far above the first */
    burst_watch burst;
    size_t n_online; /* figures of a mixture that is learned (online.c) */
    double *online;
    size_t n_curve; /* evaluations made */
    asc_curve_point *curve;
} train_state;
void asc__state_clear(train_state *s);
/** Append a point with room for n_targets losses; NULL when memory is out. */
asc_curve_point *asc__state_add_point(train_state *s, double tokens, size_t n_targets);

/* ---- evaluate.c ---- */

/** Mean -log p of the first max_tokens (0: all) tokens of f; of BERT (mask not NULL) of their hidden ones, the same at
 * every call. ids: room for micro_batch * (T+1). Each of the ranks takes a part and all get the same mean. */
asc_status asc__evaluate_file(double *loss, asc_model *m, const asc_token_file *f, int64_t max_tokens, int32_t *ids,
                              masker *mask, asc_ranks *ranks, asc_error *err);
/** Tokens predicted by asc__evaluate_file. */
int64_t asc__evaluate_tokens(const asc_token_file *f, int64_t max_tokens);

/* ---- divergence.c ---- */

/** Look at one more step; true when the run has diverged, why (200 bytes) then says how. Updates first_loss and
 * high_steps. */
bool asc__diverged(train_state *s, double loss, double grad_norm, int64_t n_steps, char *why);

/* ---- bursts.c ---- */

/** Look at one more whole step, the one that made s->step and the tokens so far; a short last step has another level
 * and is not looked at. */
void asc__bursts_watch(train_state *s, double tokens, double loss, double grad_norm);

/* ---- journal.c: metrics.jsonl and log.txt. One that was not opened (of a rank other than the first) keeps nothing.
 * ---- */

typedef struct journal {
    char *metrics, *log;
    int64_t metrics_bytes;
} journal;
asc_status asc__journal_open(journal *j, const char *dir, asc_error *err);
void asc__journal_close(journal *j);
/** One line of log.txt, with the time; failures are ignored: a log never ends a run. */
void asc__journal_note(journal *j, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** Forget the metrics after the first n bytes. */
asc_status asc__journal_rewind(journal *j, int64_t n, asc_error *err);
asc_status asc__journal_step(journal *j, const asc_train_status *s, double grad_norm, int attempt, asc_error *err);
asc_status asc__journal_valid(journal *j, int64_t step, const asc_curve_point *p, char *const *targets, size_t n,
                              int attempt, asc_error *err);

/* ---- checkpoint.c ---- */

typedef struct checkpoint_opts {
    const char *dir;       /* of the run */
    const char *digest;    /* a checkpoint of another run is not taken */
    const char *tokenizer; /* copied into the checkpoint; NULL: none */
    size_t n_targets;
    int64_t sequences; /* trained on by then; to be written */
    journal *journal;
} checkpoint_opts;
/** Write DIR/checkpoint so that a kill at any instant leaves a complete one. */
asc_status asc__checkpoint_write(const checkpoint_opts *o, const asc_model *m, const train_state *s, asc_error *err);
/** The folder `fresh` takes the name `now`; what stood there is `old` for a moment. All in the folder dir, synced. */
asc_status asc__checkpoint_swap(const char *dir, const char *fresh, const char *now, const char *old, asc_error *err);
/** Go to the newest complete checkpoint; *found false and nothing changed where there is none. What is damaged is named
 * in the log and passed over. */
asc_status asc__checkpoint_read(bool *found, const checkpoint_opts *o, asc_model *m, train_state *s, asc_error *err);
/** Remove all of them. */
asc_status asc__checkpoint_remove(const char *dir, asc_error *err);
/** SHA-256 of a file. hex: 65 bytes. */
asc_status asc__file_digest(char *hex, const char *path, asc_error *err);
/** FOLDER/state.json, with its seal and the checksums of the other files checked. */
asc_status asc__checkpoint_state(json_t **out, const char *folder, asc_error *err);
/** Seal state (its "files" are added) and write it as FOLDER/state.json, after every other file. */
asc_status asc__checkpoint_seal(json_t *state, const char *folder, asc_error *err);

/* ---- init.c ---- */

/* Where a checkpoint that a run starts from stood; all 0 without moments. */
typedef struct init_place {
    int64_t step, sequences; /* sequences -1: it does not say */
    int64_t moments_at;      /* its own start's */
} init_place;
asc_status asc__init_place(init_place *at, const char *dir, asc_error *err);
/** What a run starts from, of the folder s->init_from, into m: parameters, and with moments also those.
 * @retval ASC_ESTATE  not the files that s->init_digest is of, or damaged */
/** @retval ASC_ESTATE  what dir holds has not this digest (NULL: nothing is asked) */
asc_status asc__init_check(const char *dir, asc_start with, const char *digest, asc_error *err);
asc_status asc__init_load(init_place *at, asc_model *m, const asc_run_spec *s, asc_error *err);

#endif
