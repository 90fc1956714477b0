/* Tables of runs as every command reads them: --map and --key, and what is said before they are used. */
#ifndef CLI_TABLES_H
#define CLI_TABLES_H

#include "table/table.h"
#include "cli.h"

#define ASC_CLI_TABLE_OPTIONS                                                                                          \
    {"map", 'm', "ROLE=COLUMN",                                                                                        \
     "role of a column: run, seed, params, tokens, horizon, trust, weight, loss, ppl, bpb, acc or ignore; * matches "  \
     "any "                                                                                                            \
     "text (repeatable)"},                                                                                             \
    {                                                                                                                  \
        "key", 0, "COLUMN", "column that identifies runs across files (default: detected)"                             \
    }
enum { ASC_CLI_MAX_TABLES = 16 };

/* Read the files from index `first` on as one table. law (may be NULL): only its domains and targets count. What was
 * taken for what is kept for asc__cli_list_table. */
asc_status asc__cli_read_table(asc_table *t, const asc_cli_args *a, size_t first, const asc_law_set *law,
                               asc_error *err);
/* The same with the layout, which is filled on failure too. */
asc_status asc__cli_read_table_layout(asc_table *t, asc_table_layout *layout, const asc_cli_args *a, size_t first,
                                      const asc_law_set *law, asc_error *err);
/* Say on stderr, once and not with --quiet, which domains, targets and ignored columns the table has that was read
 * last: before long work and before results, but not before an error that is found at once. */
void asc__cli_list_table(void);
/* {"domains": [..], "targets": [..], "ignored": [..]} */
json_t *asc__cli_columns_json(const asc_table *t);

#endif
