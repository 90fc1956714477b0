/* What fit, score, optimize, predict, compare and export share. */
#ifndef MIXING_H
#define MIXING_H

#include "table/table.h"
#include "cli.h"

/* {name: x}; null for NaN. NULL x: null. */
json_t *asc__cli_map(char *const *names, const double *x, size_t n);
/* {name: whole tokens} */
json_t *asc__cli_tokens_map(char *const *names, const int64_t *tokens, size_t n);
/* {name: [lo, hi]}, or null when no interval is known. */
json_t *asc__cli_intervals(char *const *names, const double *lo, const double *hi, size_t n);
/* [lo, hi] or null. */
json_t *asc__cli_interval(double lo, double hi);
json_t *asc__cli_notes(const asc_notes *notes);
/* "note: .." lines on stdout. */
void asc__cli_print_notes(char *const *text, size_t n);
/* x with `digits` decimals, or "-" for NaN; buf >= 32. */
const char *asc__cli_figure(double x, int digits, char *buf);
/* "lo .. hi" or "-"; buf >= 64. */
const char *asc__cli_range(double lo, double hi, int digits, char *buf);
/* The constraint that binds a share, in words; "" where none does. */
const char *asc__cli_constraint(asc_bound b);
/* Width of the longest name, at least `least`, at most 40. */
int asc__cli_width(char *const *names, size_t n, int least);

/* Limits of a mixture from --min --max --bounds --available --max-epochs; arrays of D or NULL where not asked for. */
typedef struct asc_cli_limits {
    double *lo, *hi, *available, *epochs;
    double max_epochs;
    int64_t n_tokens;
} asc_cli_limits;
#define ASC_CLI_LIMIT_OPTIONS                                                                                          \
    {"tokens", 't', "N", "the budget in tokens"},                                                                      \
        {"min", 0, "F|NAME=F", "minimum share of every domain, or of one: code=5% (repeatable)"},                      \
        {"max", 0, "F|NAME=F", "maximum share of every domain, or of one: code=10% (repeatable)"},                     \
        {"bounds", 'b', "FILE", "JSON {domain: [minimum, maximum]}, shares"},                                          \
        {"available", 'a', "FILE|NAME=N:K",                                                                            \
         "JSON {domain: unique tokens}, or one domain's with its epochs: code=40B:4 (repeatable)"},                    \
    {                                                                                                                  \
        "max-epochs", 0, "K", "times the available tokens may be seen (default: 1)"                                    \
    }
/* NAME=SHARE,.. into w (D); domains left out keep what it holds. */
asc_status asc__cli_inline_shares(double *w, const char *option, const char *text, char *const *domains,
                                  size_t n_domains, asc_error *err);
/* A mixture of a law's domains as --mix names it: MIX.json, uniform, natural (of the available tokens), base (of a
 * star, else the mean of the table), NAME=SHARE,..; into w (D). */
asc_status asc__cli_mixture(double *w, const char *text, const asc_law_set *s, const double *available, asc_error *err);
/* --trust: a factor >= 1, 0 for "off"; *trust untouched where it was not given. */
asc_status asc__cli_trust(double *trust, const asc_cli_args *a, asc_error *err);
/* mix gets what --available knows of paths and bytes. */
asc_status asc__cli_limits(asc_cli_limits *out, asc_mix_file *mix, const asc_cli_args *a, char *const *domains,
                           size_t n_domains, asc_error *err);
/* The same, the budget being n_tokens where --tokens is not given. */
asc_status asc__cli_limits_at(asc_cli_limits *out, asc_mix_file *mix, const asc_cli_args *a, int64_t n_tokens,
                              char *const *domains, size_t n_domains, asc_error *err);
void asc__cli_limits_clear(asc_cli_limits *l);
/* The same as the optimum, the rule and the design take it; l's arrays. */
asc_limits asc__cli_limits_view(const asc_cli_limits *l);

/* Write mix to the file of -o ("-": stdout), if it was given; *to_stdout says that nothing else may be printed there.
 */
asc_status asc__cli_write_mix(const asc_mix_file *mix, const asc_cli_args *a, bool *to_stdout, asc_error *err);
/* Fill the weights, tokens and provenance of a mixture. from is taken over. */
asc_status asc__cli_fill_mix(asc_mix_file *mix, const double *weights, const int64_t *tokens, const double *available,
                             json_t *from, asc_error *err);
/* st unchanged; bad input (ASC_EINVAL) gets the file's name in front, as the rooms that see arrays cannot know it. */
asc_status asc__cli_blame(const char *file, asc_status st, asc_error *err);
/* Options of law fitting: --seed, --bootstrap, --threads, --no-trees, --quiet; reads what the command has. */
asc_status asc__cli_law_opts(asc_law_opts *o, const asc_cli_args *a, asc_error *err);
/** What --objective says. */
#define ASC_CLI_OBJECTIVES                                                                                             \
    "mean-loss, mean-targets (targets beside the domains' own), mean-domains, mean-ppl, worst, target:NAME, or a "     \
    "file {target: weight}"
/** --objective over the targets of a table; the mean of all unless said. */
asc_status asc__cli_objective(asc_objective *out, const asc_cli_args *a, const asc_runs *runs, asc_error *err);
/* All options that fit a table: --law, --noise, --objective (into objective, which o points to) and those above. */
asc_status asc__cli_fit_opts(asc_law_opts *o, asc_objective *objective, const asc_cli_args *a, const asc_runs *runs,
                             asc_error *err);
/** Says, where --objective is not given and some targets are the domains' own and some are not, that all count; NULL
 * where there is nothing to say. buf: 300 bytes. */
const char *asc__cli_objective_note(char *buf, const asc_cli_args *a, const asc_runs *runs);

#endif
