/**
 * task: which items of which evaluation sets occur in the training text. An item is found when one of its n-grams of
 * words (13 by default, the size of [Brown et al. 2020, appendix C]) occurs in a training document.
 *
 * Words are runs of letters and digits, ASCII letters lowered, bytes from 0x80 on taken as letters; everything between
 * them is passed over. Only the evaluation side's n-grams are held in memory, as 64-bit hashes, so that training text
 * of any size streams past them.
 */
#ifndef AUTOSCALE_TASK_CONTAMINATION_H
#define AUTOSCALE_TASK_CONTAMINATION_H

#include "task/task.h"

typedef struct asc_contamination asc_contamination;
/** @param n  words of an n-gram, 2 … 64 */
asc_status asc_contamination_create(asc_contamination **out, int n, asc_error *err);
void asc_contamination_free(asc_contamination *c);
/** Name an evaluation set; its index comes back. */
asc_status asc_contamination_add_set(asc_contamination *c, const char *name, size_t *set, asc_error *err);
/** Add an item (its whole text) to a set; items are counted from 0. Items of fewer than n words cannot be found. */
asc_status asc_contamination_add_item(asc_contamination *c, size_t set, const char *id, const char *text,
                                      asc_error *err);
/** All items of a task: context, then each right answer. */
asc_status asc_contamination_add_task(asc_contamination *c, const asc_task *t, asc_error *err);
/** A set as --tasks names it: a task, a SQuAD file (its passages and questions), or NAME=FOLDER of a GLUE task, whose
 * items are the rows of its dev part. */
asc_status asc_contamination_add_spec(asc_contamination *c, const char *spec, asc_error *err);
/** Name a training domain; its index comes back, the same for the same name. To be called when all sets are there. */
asc_status asc_contamination_add_domain(asc_contamination *c, const char *name, size_t *domain, asc_error *err);
/** One training document. */
asc_status asc_contamination_scan(asc_contamination *c, size_t domain, const char *text, size_t n_bytes,
                                  asc_error *err);
/** Count documents of a domain that could not be read; 0: the domain holds no text and is not searched. */
void asc_contamination_left_out(asc_contamination *c, size_t domain, int64_t n_rejected);
/** Documents of the domain that were searched. */
int64_t asc_contamination_documents(const asc_contamination *c, size_t domain);
/** A training domain from files: patterns (n) as asc_corpus_files takes them, documents as the corpus reads them. Token
 * files hold no words: their domain is marked as not searched. @retval ASC_EINVAL  no document that is any good */
asc_status asc_contamination_scan_files(asc_contamination *c, const char *name, char *const *patterns, size_t n,
                                        const char *base_dir, const char *field, const char *dtype,
                                        asc_progress_fn progress, void *ctx, asc_error *err);
/** Items of a set found in a domain. */
size_t asc_contamination_count(const asc_contamination *c, size_t domain, size_t set);
/** True when item i of set was found in any domain. */
bool asc_contamination_found(const asc_contamination *c, size_t set, size_t item);
/** {"n":13,"sets":[{"name","items","too_short","found","in":{domain:n},"ids":[…]}],"domains":[{"name",
 * "searched","documents","rejected","found"}]} */
json_t *asc_contamination_json(const asc_contamination *c);
/**
 * The ids of set `name` that a file which asc_contamination_json wrote names, as keys of an object (new reference).
 * @retval ASC_EINVAL  the file does not know the set: its items were never looked for
 */
asc_status asc_contamination_excluded(json_t **ids, const char *path, const char *name, asc_error *err);
/** The mask (n_items) of excluded items of task t from such a file; free with asc_free. */
asc_status asc_contamination_mask(bool **mask, const asc_task *t, const char *path, asc_error *err);

#endif
