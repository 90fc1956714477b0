/* Tasks as --tasks names them: what eval and contamination share. */
#ifndef CLI_TASKS_LIST_H
#define CLI_TASKS_LIST_H

#include "autoscale/base.h"

/** Entries of a list "PATH,NAME=PATH,NAME,…"; a NAME alone is looked up in folder as NAME*.jsonl[.zst|.gz]. */
typedef struct tasks_list {
    size_t n;
    char **specs; /**< (n) "PATH" or "NAME=PATH" */
} tasks_list;
/** @retval ASC_EINVAL an entry that is no file and, in folder (may be NULL), names none or several */
asc_status asc__tasks_list_parse(tasks_list *out, const char *list, const char *folder, asc_error *err);
void asc__tasks_list_clear(tasks_list *l);

#endif
