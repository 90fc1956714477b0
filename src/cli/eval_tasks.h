/* The part of `autoscale eval` that scores tasks. */
#ifndef CLI_EVAL_TASKS_H
#define CLI_EVAL_TASKS_H

#include "cli.h"

/** Score the tasks that --tasks lists with the checkpoint of file 0: figures by name into map. */
asc_status asc__eval_tasks(const asc_cli_args *a, json_t *map, asc_error *err);
/** For people: one line a task. */
void asc__eval_tasks_print(const json_t *map);

#endif
