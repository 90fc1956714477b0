/**
 * task: tasks as --tasks and a study's `tasks.eval` name them.
 */
#ifndef AUTOSCALE_TASK_LIST_H
#define AUTOSCALE_TASK_LIST_H

#include "base/base.h"

typedef struct asc_task_list {
    size_t n;
    char **specs; /**< (n) "PATH" or "NAME=PATH", as asc_task_load and asc_contamination_add_spec read them */
} asc_task_list;
void asc_task_list_clear(asc_task_list *l);

/**
 * Append one entry: "PATH", "NAME=PATH", or a NAME that is looked up in folder as NAME*.jsonl[.zst|.gz].
 * @param base    where relative paths start
 * @param folder  of NAMEs alone, relative to base; NULL: none
 * @retval ASC_EINVAL  an entry that is no file and, in folder, names none or several
 */
asc_status asc_task_list_add(asc_task_list *l, const char *entry, const char *base, const char *folder, asc_error *err);
/** Entries separated by commas, relative to the current folder. @retval ASC_EINVAL none, or as asc_task_list_add */
asc_status asc_task_list_parse(asc_task_list *out, const char *list, const char *folder, asc_error *err);

#endif
