#include "cli.h"

/* Adding a command: its file, its extern line and its line in the table. */

const asc_cli_command *const asc__cli_commands[] = {
    NULL,
};
