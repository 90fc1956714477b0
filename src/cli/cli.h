/* The command: one file per subcommand, each one line in the table of commands.c. */
#ifndef CLI_H
#define CLI_H

#include "base/base.h"
#include "base/base_json.h"
#include "spec/spec_settings.h"
#include "store/store_summary.h"

/** One option of a subcommand. Long names with a short twin where common; every one is documented in docs/cli.md. */
typedef struct asc_cli_option {
    const char *name;  /**< "tokens" for --tokens */
    char letter;       /**< 't' for -t, or 0 */
    const char *value; /**< what stands after it in --help ("N", "FILE"), or NULL for a switch */
    const char *help;
    const char *fallback;             /**< default, or NULL; "(words)" where it is no value */
    const char *const *words;         /**< what the value may be, NULL after the last; or NULL */
    const char *(*word_at)(size_t i); /**< the same where a table knows it: word i, NULL beyond the last; or NULL */
} asc_cli_option;

/** A list below the options of --help and in the manual: "Laws", each with one line. */
typedef struct asc_cli_list {
    const char *title;                                          /**< NULL: there is none */
    bool (*at)(size_t i, const char **name, const char **help); /**< false beyond the last */
} asc_cli_list;

typedef struct asc_cli_args asc_cli_args; /**< parsed arguments of one call */

typedef struct asc_cli_command {
    const char *name, *usage, *summary; /**< "fit", "TABLE.csv [options]", "a law from a table of runs" */
    const asc_cli_option *options;      /**< ends with {0} */
    size_t min_files, max_files;
    asc_status (*run)(const asc_cli_args *args, asc_error *err);
    bool hidden;
    bool settings; /**< also takes the options of the table of settings (spec/spec_settings.h) */
    asc_cli_list list;
} asc_cli_command;

/** The options of a command: its own, those of settings where it takes them, then the common ones. */
size_t asc__cli_n_options(const asc_cli_command *c);
asc_cli_option asc__cli_option_at(const asc_cli_command *c, size_t i);
/** What the value of an option may be: word i, NULL beyond the last. */
const char *asc__cli_word_at(const asc_cli_option *o, size_t i);

/** An option that c does not have and another command has; next: what stands after it, or NULL.
 * @retval ASC_EINVAL  "status: unknown option --dir; write `autoscale status DIR`"  @retval ASC_OK  no command has it
 */
asc_status asc__cli_elsewhere(const asc_cli_command *c, const char *arg, const char *next, asc_error *err);

/** Is a word one of several, separated by blanks? */
bool asc__cli_among(const char *word, const char *words);
/** A pattern of advice: {} stands for the value, % for the command, * for the option. */
void asc__cli_fill_in(asc_buf *b, const char *pattern, const char *command, const char *option, const char *value);
/** Is the file given at this place (from 0) of a kind that the command reads, or of none that is known?
 * @retval ASC_EINVAL  "law.json: expected a mixture (MIX.json), found a law; `autoscale optimize law.json …` finds one"
 */
asc_status asc__cli_check_input(const char *command, size_t place, const char *path, asc_error *err);

/** Value of an option, or NULL; switches give "". */
const char *asc__cli_get(const asc_cli_args *a, const char *name);
bool asc__cli_has(const asc_cli_args *a, const char *name);
/** The k-th value (from 0) of an option that may be given several times, or NULL. */
const char *asc__cli_nth(const asc_cli_args *a, const char *name, size_t k);
size_t asc__cli_n_files(const asc_cli_args *a);
const char *asc__cli_file(const asc_cli_args *a, size_t i);
bool asc__cli_json(const asc_cli_args *a);  /**< --json */
bool asc__cli_quiet(const asc_cli_args *a); /**< --quiet */
/** Numbers ("1.2e9"); *out untouched when the option was not given; error "--tokens: expected a number, found 'x'". */
asc_status asc__cli_double(const asc_cli_args *a, const char *name, double *out, asc_error *err);
asc_status asc__cli_count(const asc_cli_args *a, const char *name, int64_t *out, asc_error *err);

/** The given options of the table of settings into a run. @retval ASC_EINVAL  "--lr: expected …, found …" */
asc_status asc__cli_settings(asc_run_spec *run, const asc_cli_args *a, asc_error *err);

/** Print one JSON object on stdout. */
asc_status asc__cli_print_json(const json_t *j, asc_error *err);
/** Give a result: to the FILE of --out ("-": stdout) and with --json to stdout. *shown: it stands there, and nothing
 * else may. */
asc_status asc__cli_give(bool *shown, const asc_cli_args *a, const json_t *j, asc_error *err);
/** Let stdout and stderr show foreign text without what a terminal would take for commands. */
void asc__cli_filter_streams(void);
/** Data on stdout, byte for byte. */
asc_status asc__cli_data(const void *p, size_t n, asc_error *err);
/** A progress callback that prints to stderr: a bar on a terminal, plain lines otherwise; ctx is the args. */
void asc__cli_progress(void *args, const char *what, double done, double total, const char *unit);
/** End the bar's line. */
void asc__cli_progress_end(void);
/** Characters of a name in UTF-8. */
int asc__cli_columns(const char *name);
/** A name on stdout, filled with blanks up to width characters; control characters, which would move the cursor, as ?.
 */
void asc__cli_print_name(const char *name, int width);
/** True when stdout takes colours (terminal, no NO_COLOR). */
bool asc__cli_colour(void);

/** Print the answer of a study for people: mixture with intervals, gain over uniform or plainly none, cost of the
 * search. Prints what there is when the study is unfinished. */
void asc__cli_print_answer(const asc_summary *s);
/** The answer's name and what it gains, of a study that has one; s may be NULL. */
void asc__cli_print_short_answer(const asc_summary *s);
/** "note: …", a line each; s may be NULL. */
void asc__cli_print_summary_notes(const asc_summary *s);

extern const asc_cli_command *const asc__cli_commands[]; /**< ends with NULL */
int asc__cli_main(int argc, char **argv);

#endif
