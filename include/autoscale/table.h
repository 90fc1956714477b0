/**
 * table: the files people bring and take away: tables of runs, optima, laws, mixtures, bounds. docs/formats.md
 * describes each. Every reader names file, line and column or field in its errors, reads "-" from standard input, and
 * is fuzzed. Every writer replaces the file as a whole.
 */
#ifndef AUTOSCALE_TABLE_H
#define AUTOSCALE_TABLE_H

#include "autoscale/base_json.h"
#include "autoscale/mix.h"
#include "autoscale/spec.h"

/* ---- tables of runs ------------------------------------------------------------------------------------------------
 */

/** A table of runs (CSV). Init to {0}. */
typedef struct asc_table {
    asc_runs runs;     /**< what laws are fitted to; group = rows of one run */
    char **run;        /**< (R) the run's id as written; the row's number where the table has no such column */
    double *seed;      /**< (R) NaN where not given */
    bool weights_form; /**< weight_<domain> columns; else tokens_<domain> */
    bool *ppl;         /**< (V) the column was (is to be) ppl_<target> */
    bool has_run, has_seed, has_params, has_horizon, has_tokens;
    size_t n_unknown;    /**< columns not understood: kept, written back after the others */
    char **unknown;      /**< (n_unknown) their names */
    char **unknown_cell; /**< (R, n_unknown) their cells */
    asc_arena text;      /**< owns the cells above */
    asc_notes notes;     /**< for the user: weights normalised, unknown columns, losses missing */
} asc_table;
void asc_table_clear(asc_table *t);

/**
 * Read a table of runs (contract "Table of runs"): streaming, one pass, memory of the numbers alone.
 * @retval ASC_EINVAL  "FILE:LINE: column 'x': expected .., found .."; ragged rows, text, NaN, negative losses or
 * tokens, weights that do not sum to 1 within .01, two columns of one name, a target both as loss and ppl, tokens_<d>
 * beside weight_<d>, no domains, no rows
 */
asc_status asc_table_read(asc_table *out, const char *path, asc_error *err);
/** The same from memory; `name` stands for the file. */
asc_status asc_table_parse(asc_table *out, const char *name, const char *text, size_t n, asc_error *err);
/**
 * Write as CSV: run, seed, params, horizon, tokens (where has_*), then weight_ or tokens_ columns (weights where
 * weights_form), loss_ or ppl_ columns, the unknown ones. Doubles as the shortest digits that read back to the same
 * bits; blank = NaN. "-" is standard output's place: refused here, see asc_table_print. @retval ASC_EIO
 */
asc_status asc_table_write(const char *path, const asc_table *t, asc_error *err);
asc_status asc_table_print(asc_buf *out, const asc_table *t, asc_error *err);
/** An empty table of R runs for a writer to fill: domains and targets named, run ids NULL (filled by
 * asc_table_set_run). */
asc_status asc_table_init(asc_table *t, size_t n_runs, char *const *domains, size_t n_domains, char *const *targets,
                          size_t n_targets, asc_error *err);
asc_status asc_table_set_run(asc_table *t, size_t row, const char *id, asc_error *err);

/* ---- optima.csv
 * ------------------------------------------------------------------------------------------------------ */

/** Read optima: tokens, weight_<domain>, optional lo_<domain> and hi_<domain>; rows are put in order of tokens. */
asc_status asc_optima_read(asc_optima *out, const char *path, asc_notes *notes, asc_error *err);
asc_status asc_optima_parse(asc_optima *out, const char *name, const char *text, size_t n, asc_notes *notes,
                            asc_error *err);
asc_status asc_optima_write(const char *path, const asc_optima *o, asc_error *err);

/* ---- LAW.json
 * ---------------------------------------------------------------------------------------------------------- */

/** All that optimize and score need. asc_law_to_json / _from_json turn one into the other without loss of a bit. */
asc_status asc_law_to_json(json_t **out, const asc_law_set *s, asc_error *err);
asc_status asc_law_from_json(asc_law_set *out, const json_t *j, const char *name, asc_error *err);
asc_status asc_law_read(asc_law_set *out, const char *path, asc_error *err);
asc_status asc_law_write(const char *path, const asc_law_set *s, asc_error *err);

/* ---- MIX.json
 * ---------------------------------------------------------------------------------------------------------- */

/** A mixture as handed to trainers. Init to {0}. */
typedef struct asc_mix_file {
    size_t n_domains;
    char **domains;
    double *weights;         /**< (D) sum 1 */
    int64_t *tokens;         /**< (D), or NULL in a file that gives shares alone */
    double *available;       /**< (D) unique tokens, NaN unknown; NULL: none known */
    char **paths;            /**< (D) where its data lies, entries NULL where unknown; NULL: none known */
    double *bytes_per_token; /**< (D) NaN unknown; NULL: none known */
    char *tokenizer;         /**< its path or name, or NULL */
    json_t *from;            /**< object: where the mixture came from (command, law, objective, notes ..), or NULL */
} asc_mix_file;
asc_status asc_mix_file_init(asc_mix_file *m, char *const *domains, size_t n_domains, asc_error *err);
void asc_mix_file_clear(asc_mix_file *m);
int64_t asc_mix_file_total(const asc_mix_file *m); /**< sum of tokens, 0 without */
asc_status asc_mix_file_to_json(json_t **out, const asc_mix_file *m, asc_error *err);
asc_status asc_mix_file_from_json(asc_mix_file *out, const json_t *j, const char *name, asc_error *err);
/** Also reads a bare map {domain: share}. Shares within .01 of 1 are normalised. */
asc_status asc_mix_file_read(asc_mix_file *out, const char *path, asc_error *err);
asc_status asc_mix_file_write(const char *path, const asc_mix_file *m, asc_error *err);
/** w (D) in the order of `domains`: matched by name; a domain missing in the file is an error, as is an unknown one. */
asc_status asc_mix_file_weights(double *w, const asc_mix_file *m, const char *path, char *const *domains,
                                size_t n_domains, asc_error *err);

/* ---- small maps by domain or target --------------------------------------------------------------------------------
 */

/** {domain: [lo, hi]} or {domain: {"min": lo, "max": hi}}: shares; domains left out keep what lo, hi (D) hold. */
asc_status asc_bounds_read(double *lo, double *hi, const char *path, char *const *domains, size_t n_domains,
                           asc_error *err);
/** {domain: unique tokens} or {domain: {"tokens": n, "max_epochs": k, "path": .., "bytes_per_token": x}}; a domain left
 * out is unlimited (infinite). epochs (D, may be NULL) gets max_epochs or NaN; mix (may be NULL) its paths and bytes.
 */
asc_status asc_available_read(double *available, double *epochs, asc_mix_file *mix, const char *path,
                              char *const *domains, size_t n_domains, asc_error *err);
/** Words of the contract, or a JSON file {target: weight >= 0} (normalised; targets left out weigh 0). */
asc_status asc_objective_read(asc_objective *out, const char *word_or_path, char *const *targets, size_t n_targets,
                              asc_error *err);
/** {target: weight} already parsed: for LAW.json and study files. */
asc_status asc_objective_from_json(asc_objective *out, const json_t *map, const char *where, char *const *targets,
                                   size_t n_targets, asc_error *err);
/** Back to a word or a map. */
json_t *asc_objective_to_json(const asc_objective *o, char *const *targets);

#endif
