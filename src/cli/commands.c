#include "cli.h"

/* Adding a command: its file, its extern line and its line in the table. */

extern const asc_cli_command asc__cli_eval;
extern const asc_cli_command asc__cli_tokenize;
extern const asc_cli_command asc__cli_train;

const asc_cli_command *const asc__cli_commands[] = {
    &asc__cli_tokenize,
    &asc__cli_train,
    &asc__cli_eval,
    NULL,
};
