/* A plan being estimated: what its files share. estimate.c tells it from start to end; estimate_text.c what is known of
 * the text, estimate_tasks.c what tasks read, estimate_speed.c how fast runs are made, estimate_runs.c which there are
 * and what each costs. */
#ifndef STUDY_ESTIMATE_H
#define STUDY_ESTIMATE_H

#include "steps.h"

typedef struct asc__estimate {
    asc__study *s;
    asc_plan *plan;
    asc__task_work tasks;
    asc_train_speed *speed;  /* (n_sizes) of each of the study's models */
    asc_train_speed fp32;    /* of what tasks do with the target's checkpoints, whatever dtype the runs have */
    bool timed;              /* both are known */
    double lanes, group_s;   /* of trainer torch: runs stacked at once, and what starting a group takes; 0: another */
    asc_notes notes;         /* found on the way */
    asc_summary *summary;    /* of the study in the folder, or NULL */
    json_t *lists, *earlier; /* the domains that its runs were made with, or NULL */
} asc__estimate;

/* estimate_text.c */
/** The tokenizer that is named, or that was learnt before, and the model's vocabulary; *t NULL: one is still to be
 * learnt. */
asc_status asc__estimate_tokenizer(asc_tokenizer **t, asc__study *s, const char *dir, asc_error *err);
/** Available tokens and what follows from them: exact where the text was prepared before, else *guessed by the size of
 * its files. @retval ASC_EINVAL text that `run` could not read */
asc_status asc__estimate_text(bool *guessed, asc__study *s, const char *dir, asc_error *err);
/** Caps of guessed text are guesses too: where no budget would fit into them it is said, and planned without them. */
asc_status asc__estimate_caps(asc__study *s, asc_notes *notes, asc_error *err);

/* estimate_speed.c */
asc_status asc__estimate_speed(asc__estimate *e, const char *dir, asc_error *err);
/** Runs of the first program, of n: the queue's own choice when nothing has ended or failed. */
size_t asc__first_group(const asc__study *s, size_t n);

/* estimate_runs.c */
/** Every run of the study into the plan, with what it costs. */
asc_status asc__estimate_runs(asc__estimate *e, asc_error *err);

#endif
