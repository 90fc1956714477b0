/* From one line of a file to an item: the project's own format and the known benchmarks. */
#ifndef TASK_CONVERT_H
#define TASK_CONVERT_H

#include "task/task.h"

/* What the items of a task have in common. */
typedef struct asc__task_form {
    const char *name;
    asc_task_kind kind;
    const char *delimiter, *shot_delimiter, *primer;
    /* Fill item (strings into memory) from a line's object; where is "FILE:LINE". */
    asc_status (*convert)(asc_task_item *item, const json_t *line, asc_arena *memory, const char *where,
                          asc_error *err);
} asc__task_form;
extern const asc__task_form asc__task_forms[]; /* ends with a NULL name */
const asc__task_form *asc__task_form_find(const char *name);

/* The project's own item: context with choices and label(s), or context with continuation. */
asc_status asc__task_item_own(asc_task_item *item, const json_t *line, asc_arena *memory, const char *where,
                              asc_error *err);
/* A copy in the arena, or an error. */
asc_status asc__keep(char **out, asc_arena *memory, const char *s, asc_error *err);
/* What convert_choice.c reads. */
asc_status asc__task_arc(asc_task_item *item, const json_t *line, asc_arena *memory, const char *where, asc_error *err);
asc_status asc__task_openbookqa(asc_task_item *item, const json_t *line, asc_arena *memory, const char *where,
                                asc_error *err);
asc_status asc__task_sciq(asc_task_item *item, const json_t *line, asc_arena *memory, const char *where,
                          asc_error *err);
asc_status asc__task_copa(asc_task_item *item, const json_t *line, asc_arena *memory, const char *where,
                          asc_error *err);
asc_status asc__task_winogrande(asc_task_item *item, const json_t *line, asc_arena *memory, const char *where,
                                asc_error *err);
asc_status asc__task_blimp(asc_task_item *item, const json_t *line, asc_arena *memory, const char *where,
                           asc_error *err);
asc_status asc__task_mmlu(asc_task_item *item, const json_t *line, asc_arena *memory, const char *where,
                          asc_error *err);
/* Choices from a list of strings; the right one by number; by a field that holds the number. */
asc_status asc__task_choices(asc_task_item *item, const json_t *list, asc_arena *memory, const char *where,
                             asc_error *err);
asc_status asc__task_right(asc_task_item *item, int64_t label, const char *where, asc_error *err);
asc_status asc__task_label(asc_task_item *item, const json_t *line, const char *key, const char *where, asc_error *err);
/* Room for n choices in an item. */
asc_status asc__item_choices(asc_task_item *item, size_t n, asc_arena *memory, asc_error *err);

#endif
