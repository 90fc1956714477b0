/* A run while it is made: what the step loop (loop.c) and runs whose arithmetic is done outside (hosted.c) share. */
#ifndef TRAIN_RUN_H
#define TRAIN_RUN_H

#include "run_state.h"
#include "train/train_scored.h"

typedef struct run {
    const char *dir;
    const char *place; /* where the arithmetic is done by others ("NVIDIA H100", ..); NULL: in this engine */
    asc_run_spec spec;
    char digest[65];
    asc_ranks ranks;
    int lock;                        /* file descriptor, -1: none */
    journal journal;                 /* open on the first rank alone */
    asc_token_file **train, **valid; /* (D), (V); NULL for a target that is a task */
    asc_scored *scored;              /* (V), empty for text */
    asc_sampler *sampler;
    asc_train_steps steps;
    int64_t cool;          /* steps before the end over which the rate falls to zero */
    int64_t end;           /* step that the run ends with: n_steps, or earlier where it is told to stop */
    asc_model *model;      /* with a place: parameters and moments alone */
    int32_t *ids;          /* (micro_batch, T+1) */
    masker mask;           /* of BERT */
    struct online *online; /* of a run that learns its mixture; else NULL */
    train_state state;
    double lr;        /* peak rate of this attempt */
    char why[200];    /* of the last divergence */
    int64_t saved_at; /* step of the last checkpoint, -1: none */
    double begun_s, saved_s, checkpoint_cost_s;
    double elapsed_before_s, counted_s; /* time that is the run's own up to counted_s, a moment of the clock */
    int n_sharing;                      /* runs that its program makes at once, by which time since then is divided */
    int64_t steps_here;                 /* made by this process since begun_s */
    asc_train_fn progress;
    void *ctx;
} run;

/* Read run.json, take the lock, open all that the run needs. Close it whatever this returns. */
asc_status asc__run_open(run *r, asc_error *err);
void asc__run_close(run *r);
/* Whether the folder has a result. */
bool asc__run_finished(const char *dir);
/* merged.c: DIR/merged, the checkpoints of run.json's `merge` in one; into the model; and away, what merge.json says of
 * it kept in DIR. @retval ASC_ESTATE  a checkpoint is no longer the one that the run was planned with */
asc_status asc__merged_write(const run *r, asc_error *err);
asc_status asc__merged_load(run *r, asc_error *err);
asc_status asc__merged_remove(const run *r, asc_error *err);
/* A run of `merge` stands for one that has ended: its model is merged, and its evaluation comes next; */
asc_status asc__run_begin_merged(run *r, asc_error *err);
/* .. and its result. diverged: a loss is not finite. */
asc_status asc__run_finish_merged(run *r, bool diverged, asc_error *err);

/* From the newest whole checkpoint, or from the start; starts the clock. */
asc_status asc__run_go_on_or_begin(run *r, asc_error *err);

/* From now on the program makes n runs at once: each has an equal part of the time. */
void asc__run_share(run *r, int n);

/* Sequences trained on so far. */
int64_t asc__run_position(const run *r);
/* Sequences of step s, counted from 0. */
int64_t asc__run_sequences(const run *r, int64_t s);
/* The batch of B sequences that stands in ids; the first is the run's first_sequence-th, which decides what BERT hides.
 * *counted: tokens that are predicted. */
asc_batch asc__run_batch(run *r, int B, int64_t first_sequence, int64_t *counted);

/* online.c: of a run that learns its mixture; of others they do nothing. */
asc_status asc__online_open(run *r, asc_error *err);
void asc__online_close(run *r);
/* The rule's first state; asc__state_clear frees it. */
asc_status asc__online_begin(run *r, asc_error *err);
/* A checkpoint was read. @retval ASC_ESTATE its state is not this rule's */
asc_status asc__online_resume(const run *r, asc_error *err);
/* Gradients of the next step and its mean loss over sequences, as accumulate gives them. Interrupted or failed: as if
 * it had not been called. */
asc_status asc__online_step(run *r, int64_t n_sequences, double *loss, asc_error *err);
/* (D) tokens trained on so far. */
void asc__online_tokens(const run *r, double *out);
/* DIR/schedule.json: the mean of the weights, and the schedule. */
asc_status asc__online_write(const run *r, asc_error *err);

/* Trained by hidden tokens. */
bool asc__run_is_masked(const run *r);
/* Learning rate of step s in this attempt. */
double asc__run_lr(const run *r, int64_t s);
/*
 * A step was made with this mean loss and gradient norm (before clipping): count it, write its line, look for bursts.
 * @retval ASC_ENUMERIC  the run has diverged, r->why says how
 */
asc_status asc__run_take_step(run *r, double loss, double norm, asc_error *err);
/* A new attempt after a divergence, from the initial weights at a lower rate; *again false where none is left. */
asc_status asc__run_begin_again(run *r, bool *again, asc_error *err);

bool asc__run_evaluation_due(const run *r);
/* Steps until the next evaluation, the one at the end included. */
int64_t asc__run_steps_ahead(const run *r);
/* Losses (V) of an evaluation after the steps made so far. @retval ASC_ENUMERIC  one is not finite */
asc_status asc__run_take_losses(run *r, const double *loss, asc_error *err);

bool asc__run_save_due(const run *r);
asc_status asc__run_save(run *r, asc_error *err);
/* Interrupted: save and say so. @retval ASC_EINTR  it was saved */
asc_status asc__run_stop(run *r, asc_error *err);
/* Write the result, drop what only a run that goes on needs. */
asc_status asc__run_finish(run *r, bool diverged, asc_error *err);

#endif
