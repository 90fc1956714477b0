/**
 * table: the files people bring and take away: tables of runs, optima, laws, mixtures, bounds. docs/formats.md
 * describes each. Every reader names file, line and column or field in its errors, reads "-" from standard input, and
 * is fuzzed. Every writer replaces the file as a whole.
 */
#ifndef AUTOSCALE_TABLE_H
#define AUTOSCALE_TABLE_H

#include "base/base_json.h"
#include "mix/mix.h"
#include "spec/spec_objective.h"

/* ---- tables of runs ------------------------------------------------------------------------------------------------
 */

/** How a target is written in a table. All become numbers that a law makes small: a loss in nats per token as it is, a
 * perplexity's logarithm, bits per byte as they are, and of an accuracy a 7 - log(a / (1 - a)) (its logit, turned round
 * and lifted above 0; a kept within .001 and .999). */
typedef enum asc_target_form { ASC_FORM_LOSS, ASC_FORM_PPL, ASC_FORM_BPB, ASC_FORM_ACC } asc_target_form;
/** Targets of accuracies are known by their name wherever it goes: acc_<task>. */
bool asc_target_is_accuracy(const char *target);
/** The accuracy of what stands for it as a loss. */
double asc_accuracy_of_loss(double loss);

/** A table of runs. Init to {0}. */
typedef struct asc_table {
    asc_runs runs;         /**< what laws are fitted to; group = rows of one run */
    char **run;            /**< (R) the run's id as written; the row's number where the table has no such column */
    double *seed;          /**< (R) NaN where not given */
    bool weights_form;     /**< weight_<domain> columns; else tokens_<domain> */
    asc_target_form *form; /**< (V) how each target was (is to be) written */
    bool has_run, has_seed, has_params, has_horizon, has_trust, has_tokens;
    size_t n_unknown;    /**< columns not understood: kept, written back after the others */
    char **unknown;      /**< (n_unknown) their names */
    char **unknown_cell; /**< (R, n_unknown) their cells */
    asc_arena text;      /**< owns the cells above */
    asc_notes notes;     /**< for the user: weights normalised, unknown columns, losses missing */
} asc_table;
void asc_table_clear(asc_table *t);

/** What a column was taken for. */
typedef struct asc_table_column {
    char *file, *name; /**< as they stand there */
    const char *role;  /**< "run", "seed", "params", "tokens", "horizon", "trust", "weight", "domain tokens", "loss",
                          "ppl",  "bpb", "acc", "ignored" */
    char *as;          /**< its domain or target, or NULL */
    const char *why;   /**< what decided where the name alone did not ("--map", ..), or NULL */
    char *problem;     /**< what looks wrong with it, or NULL */
    double lo, hi;     /**< of its numbers, NaN without */
    size_t n_missing, n_text;
} asc_table_column;

/** How a table was read. Init to {0}. */
typedef struct asc_table_layout {
    size_t n_columns, n_rows, n_runs; /**< n_runs 0 where the rows could not be read */
    asc_table_column *columns;
    char *layout; /**< whose layout it is ("RegMix", ..), or NULL: names as in docs/formats.md */
    char *key;    /**< column that files were joined on, or NULL */
} asc_table_layout;
void asc_table_layout_clear(asc_table_layout *l);

typedef struct asc_table_opts {
    const char *const *map; /**< (n_map) "ROLE=COLUMN" as docs/formats.md says */
    size_t n_map;
    const char *key; /**< column that names the rows of every file, or NULL */
    bool trusting;   /**< take implausible columns as they are */
    char *const *only_domains,
        *const *only_targets; /**< NULL, or the only ones that count (of a law): others are ignored */
    size_t n_only_domains, n_only_targets;
} asc_table_opts;

/**
 * Read a table of runs from one file or several that share a column which names runs (docs/formats.md, "Table of
 * runs"): CSV, TSV, semicolons, JSON lines; roles of columns by --map, by name, by the layouts of other tools.
 * @param[out] layout  NULL, or what each column was taken for: filled as far as it is known on failure too
 * @retval ASC_EINVAL  "FILE:LINE: column 'x': expected .., found .."; ragged rows, text, negative losses or tokens,
 * weights that do not sum to 1 within .01, two columns of one name, a target in two forms, tokens_<d> beside
 * weight_<d>, no domains, no rows; columns whose numbers cannot be what their names say (a loss of 32,768 nats, tokens
 * that are the sum of the others, a domain never sampled)
 */
asc_status asc_table_read_files(asc_table *out, asc_table_layout *layout, const char *const *paths, size_t n,
                                const asc_table_opts *o, asc_error *err);
/** One file with the default options. */
asc_status asc_table_read(asc_table *out, const char *path, asc_error *err);
/** The same from memory; `name` stands for the file. */
asc_status asc_table_parse(asc_table *out, const char *name, const char *text, size_t n, asc_error *err);
/** asc_table_parse with options and layout. */
asc_status asc_table_parse_opts(asc_table *out, asc_table_layout *layout, const char *name, const char *text, size_t n,
                                const asc_table_opts *o, asc_error *err);
/**
 * Write as CSV: run, seed, params, horizon, trust, tokens (where has_*), then weight_ or tokens_ columns (weights where
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

/**
 * The rows that a law may be fitted to: those of t without copies of others to the last digit, which are no second
 * measurement; how many there were, and how many directions of the D-1 the mixtures differ in where these are fewer, go
 * into t->notes. What a table cannot tell at all is no law's to say.
 * @retval ASC_EINVAL  all rows have one and the same mixture
 */
asc_status asc_table_evidence(asc_runs *out, asc_table *t, asc_error *err);

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

/** The paths of one domain where there are several. */
typedef struct asc_mix_shards {
    char **paths;
    size_t n; /**< 0: one path or none */
} asc_mix_shards;

/** A mixture as handed to trainers. Init to {0}. */
typedef struct asc_mix_file {
    size_t n_domains;
    char **domains;
    double *weights;        /**< (D) sum 1 */
    int64_t *tokens;        /**< (D), or NULL in a file that gives shares alone */
    double *available;      /**< (D) unique tokens, NaN unknown; NULL: none known */
    double *max_epochs;     /**< (D) passes that it may be given at most, NaN no cap; NULL: none has one */
    char **paths;           /**< (D) where its data lies (the first of several), NULL where unknown; NULL: none known */
    asc_mix_shards *shards; /**< (D) all of several, or NULL */
    double *bytes_per_token; /**< (D) NaN unknown; NULL: none known */
    char *tokenizer;         /**< its path or name, or NULL */
    json_t *phases;          /**< list of {"until": share of the run, "weights": {..}} where it changes, or NULL */
    json_t *from;            /**< object: where the mixture came from (command, law, objective, notes ..), or NULL */
} asc_mix_file;
asc_status asc_mix_file_init(asc_mix_file *m, char *const *domains, size_t n_domains, asc_error *err);
void asc_mix_file_clear(asc_mix_file *m);
int64_t asc_mix_file_total(const asc_mix_file *m); /**< sum of tokens, 0 without */
/** Phases of a mixture that changes along the run; 0: it does not. */
size_t asc_mix_file_n_phases(const asc_mix_file *m);
/** Where phase k (from 0) ends, as a share of a run of `total` tokens (0: the mixture's own; NAN where that is not
 * known either and the phases end at tokens). */
double asc_mix_file_phase_share(const asc_mix_file *m, size_t k, int64_t total);
/** n (K,D): whole tokens of every phase in a run of `total`, domains in the asked order. @retval ASC_EINVAL a phase
 * that has none there; `path` stands for the file */
asc_status asc_mix_file_phase_tokens(int64_t *n, const asc_mix_file *m, const char *path, char *const *domains,
                                     size_t n_domains, int64_t total, asc_error *err);
/** m becomes its phase k (from 0): that phase's weights, and its part of the tokens. @retval ASC_EINVAL no such phase
 */
asc_status asc_mix_file_take_phase(asc_mix_file *m, size_t k, asc_error *err);
/** Domain i's paths become a string or an array of strings, each on one line. `where` begins the message. */
asc_status asc_mix_file_set_paths(asc_mix_file *m, size_t i, const json_t *paths, const char *where, asc_error *err);
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

/** {domain: [lo, hi]} or {domain: {"min": lo, "max": hi}}: shares; what is left out keeps what lo, hi (D) hold, so that
 * an entry with one of them may cross the other: the caller judges the whole. */
asc_status asc_bounds_read(double *lo, double *hi, const char *path, char *const *domains, size_t n_domains,
                           asc_error *err);
/** {domain: unique tokens} or {domain: {"tokens": n, "max_epochs": k, "path": .., "bytes_per_token": x}}; a domain left
 * out is unlimited (infinite). epochs (D, may be NULL) gets max_epochs or NaN; mix (may be NULL) its paths and bytes.
 */
asc_status asc_available_read(double *available, double *epochs, asc_mix_file *mix, const char *path,
                              char *const *domains, size_t n_domains, asc_error *err);
/** Words of docs/method.md#objective, or a JSON file {target: weight >= 0} (normalised; targets left out weigh 0). */
asc_status asc_objective_read(asc_objective *out, const char *word_or_path, const asc_target_names *names,
                              asc_error *err);
/** A word or {target: weight} already parsed: for LAW.json. */
asc_status asc_objective_from_json(asc_objective *out, const json_t *map, const char *where,
                                   const asc_target_names *names, asc_error *err);
/** Back to a word or a map. */
json_t *asc_objective_to_json(const asc_objective *o, const asc_target_names *names);

/* ---- what a file is ---- */

typedef enum asc_file_kind {
    ASC_FILE_UNKNOWN,
    ASC_FILE_LAW,
    ASC_FILE_MIXTURE,
    ASC_FILE_TABLE,
    ASC_FILE_STUDY,        /**< STUDY.yaml */
    ASC_FILE_STUDY_FOLDER, /**< holds study.db */
    ASC_FILE_CHECKPOINT,   /**< a folder with config.json */
    ASC_FILE_RUN_FOLDER    /**< holds run.json */
} asc_file_kind;

/** What a file or folder is by its first bytes, for messages; UNKNOWN where that is not certain, for pipes, and where
 * nothing is. Compressed files are not looked into. */
asc_file_kind asc_file_kind_of(const char *path);
/** "a law", "a study's folder". */
const char *asc_file_kind_name(asc_file_kind kind);

#endif
