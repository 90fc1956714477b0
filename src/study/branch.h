/* What the files of a search by branches share: branch_runs.c lists its runs, branch_law.c fits a round,
 * branch_checks.c compares it with trained branches and decides, branch.c makes all of it in order. */
#ifndef STUDY_BRANCH_H
#define STUDY_BRANCH_H

#include "steps.h"

/* branch_runs.c */
/** Sequences (D) of each domain that its cap leaves behind the prefix; false: there are no caps. */
bool asc__caps_left(int64_t *out, const asc__study *s);
/** Shares (D) of the branches' tokens in a merged model of these weights (D). */
void asc__merged_shares(double *w, const asc__study *s, const asc__round *r, const double *weights);
/** A run of these tokens by its end, with an id below the target's. */
asc_status asc__branch_add_run(size_t *out, asc__study *s, asc_run_kind kind, const char *name, const char *mixture,
                               const char *domain, const int64_t *sequences, int r, bool store, asc_error *err);
/** A branch on these sequences (D). */
asc_status asc__branch_add(size_t *out, asc__study *s, const char *name, const char *mixture, const char *domain,
                           const int64_t *sequences, bool store, asc_error *err);
asc_status asc__branch_add_merge(size_t *out, asc__study *s, const asc__round *r, const char *name,
                                 const double *weights, bool store, asc_error *err);
/** One more round of the stage, about a mixture (D). */
asc_status asc__branch_add_round(asc__study *s, const double *centre, bool store, asc_error *err);

/* branch_law.c */
/** A law of the round's merged models and its optimum; where none fits, the reason. k: the round. */
asc_status asc__branch_fit(asc__study *s, size_t k, asc_error *err);
/** Weights (D) of the round's branches that make the mixture w (D). */
void asc__branch_weights(double *a, const asc__study *s, const asc__round *r, const double *w);
/** Whether the optimum lies where the branches end: a domain with less than them would need others. */
bool asc__branch_at_edge(const asc__study *s, const asc__round *r);

/* branch_checks.c */
/** Branches really trained at the last round's optimum and beside it, made and compared with merged models. */
asc_status asc__branch_check(asc__study *s, asc_error *err);
/** Merged models propose, real branches dispose: whether the stage changes the mixture. */
void asc__branch_decide(asc__study *s);

#endif
