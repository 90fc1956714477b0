/* The walk over a summary: what writes a value under its key, or reads it from there. Private to store. */
#ifndef STORE_SUMMARY_WALK_H
#define STORE_SUMMARY_WALK_H

#include "store/store_summary.h"

typedef struct walk {
    asc_summary *s;
    bool write;
} walk;

void asc__walk_number(walk *w, json_t *o, const char *key, double *x);
/* A whole number, written without a decimal point. */
void asc__walk_whole(walk *w, json_t *o, const char *key, double *x);
/* Left out where it is 0. */
void asc__walk_whole_if(walk *w, json_t *o, const char *key, double *x);
void asc__walk_count(walk *w, json_t *o, const char *key, int64_t *n);
void asc__walk_seed(walk *w, json_t *o, uint64_t *n);
void asc__walk_truth(walk *w, json_t *o, const char *key, bool *x);
/* null where there is none. */
void asc__walk_text(walk *w, json_t *o, const char *key, const char **x);
/* Left out where there is none. */
void asc__walk_text_if(walk *w, json_t *o, const char *key, const char **x);
/* One of n words; the first where it is none of them. */
void asc__walk_word(walk *w, json_t *o, const char *key, const char *const *words, size_t n, int *x);
void asc__walk_run_state(walk *w, json_t *o, asc_run_state *x);
void asc__walk_run_kind(walk *w, json_t *o, asc_run_kind *x);
/* [lo, hi], null where it is not known. */
void asc__walk_interval(walk *w, json_t *o, const char *key, asc_interval *x);
/* The object under key: made, or found (NULL: none). */
json_t *asc__walk_inside(walk *w, json_t *o, const char *key);
/* The same of one that may be unknown: false then, and null is written. */
bool asc__walk_maybe(walk *w, json_t *o, const char *key, bool *known, json_t **x);
/* Room for n items, when reading. */
void *asc__walk_room(walk *w, size_t n, size_t size);
typedef void (*asc__walk_item)(walk *w, json_t *o, void *item);
/* [item, …]; items: the address of the array's pointer. */
void asc__walk_list(walk *w, json_t *o, const char *key, size_t *n, void *items, size_t size, asc__walk_item fn);
/* {domain: x}; null, or left alone where empty is asked for, of NULL. print: what a number is written with. */
void asc__walk_by_domain(walk *w, json_t *o, const char *key, double **x, json_t *(*print)(double));
/* {domain: [lo, hi]}, null of NULL. */
void asc__walk_intervals(walk *w, json_t *o, const char *key, asc_interval **x);
/* {target: nats} of o itself. */
void asc__walk_losses_at(walk *w, json_t *o, double *loss);
/* {} where there are none. */
void asc__walk_losses(walk *w, json_t *o, double **loss);
void asc__walk_notes(walk *w, json_t *o, asc_notes *n);
#define ASC__WALK_LIST(w, o, key, owner, count_of, items_of, fn)                                                       \
    asc__walk_list(w, o, key, &(owner)->count_of, &(owner)->items_of, sizeof *(owner)->items_of, fn)

#endif
