#include "cli.h"

/* Adding a command: its file, its extern line and its line in the table. */

extern const asc_cli_command asc__cli_bench;
extern const asc_cli_command asc__cli_contamination;
extern const asc_cli_command asc__cli_demo;
extern const asc_cli_command asc__cli_report;
extern const asc_cli_command asc__cli_eval;
extern const asc_cli_command asc__cli_finetune;
extern const asc_cli_command asc__cli_plan;
extern const asc_cli_command asc__cli_run;
extern const asc_cli_command asc__cli_status;
extern const asc_cli_command asc__cli_tokenize;
extern const asc_cli_command asc__cli_train;
extern const asc_cli_command asc__cli_merge;
extern const asc_cli_command asc__cli_fit;
extern const asc_cli_command asc__cli_score;
extern const asc_cli_command asc__cli_optimize;
extern const asc_cli_command asc__cli_predict;
extern const asc_cli_command asc__cli_compare;
extern const asc_cli_command asc__cli_export;
extern const asc_cli_command asc__cli_table;
extern const asc_cli_command asc__cli_what_if;
extern const asc_cli_command asc__cli_version;
extern const asc_cli_command asc__cli_manual;
extern const asc_cli_command asc__cli_design;

/* One a line, so that additions do not meet. */
/* clang-format off */
const asc_cli_command *const asc__cli_commands[] = {
    &asc__cli_demo,
    &asc__cli_run,
    &asc__cli_plan,
    &asc__cli_status,
    &asc__cli_report,
    &asc__cli_tokenize,
    &asc__cli_train,
    &asc__cli_eval,
    &asc__cli_finetune,
    &asc__cli_merge,
    &asc__cli_contamination,
    &asc__cli_table,
    &asc__cli_fit,
    &asc__cli_score,
    &asc__cli_optimize,
    &asc__cli_what_if,
    &asc__cli_design,
    &asc__cli_predict,
    &asc__cli_compare,
    &asc__cli_export,
    &asc__cli_bench,
    &asc__cli_version,
    &asc__cli_manual,
    NULL,
};
