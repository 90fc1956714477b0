/**
 * A table of runs: what mixtures were trained on, and the losses that came out. Read from a file, from memory or from
 * arrays; only read afterwards. R rows, D domains, V targets.
 */
#ifndef AUTOSCALE_PUBLIC_TABLE_H
#define AUTOSCALE_PUBLIC_TABLE_H

#include "autoscale/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Opaque; only read once made. */
typedef struct asc_table asc_table;

/**
 * Read a table of runs: CSV, TSV or JSON lines, by the names of its columns or by other tools' layouts
 * (docs/formats.md, "Table of runs"): weight_<domain> with tokens, or tokens_<domain>; loss_<target> [nats per token]
 * or ppl_<target>; params, run, seed, horizon, trust where there are.
 * @retval ASC_EINVAL  no such file, or a row or column that cannot be what its name says: "FILE:LINE: column 'x': .."
 */
ASC_API asc_status asc_table_load(asc_table **out, const char *path, asc_error *err);

/** The same from n bytes of text; `name` stands for the file in messages. */
ASC_API asc_status asc_table_from_text(asc_table **out, const char *name, const char *text, size_t n, asc_error *err);

/** Runs as arrays, row-major. */
typedef struct asc_table_arrays {
    size_t size; /**< sizeof (asc_table_arrays) */
    size_t n_rows, n_domains, n_targets;
    const char *const *domains; /**< (D) names, distinct */
    const char *const *targets; /**< (V) names, distinct */
    const double *tokens;       /**< (R,D) tokens taken from each domain, >= 0, with a sum > 0 in each row */
    const double *params;       /**< (R) parameters of the model, NaN where not known; or NULL */
    const double *losses;       /**< (R,V) [nats per token], NaN where not measured */
    const double *horizon;      /**< (R) tokens that the run's schedule was made for, NaN where not known; or NULL */
    const size_t *runs;         /**< (R) rows of one number are checkpoints of one run; NULL: each row is a run */
} asc_table_arrays;

/** @retval ASC_EINVAL  no rows, domains or targets; a name that is empty or stands twice; tokens that are negative or
 * not finite; a loss that is infinite or negative */
ASC_API asc_status asc_table_from_arrays(asc_table **out, const asc_table_arrays *arrays, asc_error *err);

/** NULL is fine. */
ASC_API void asc_table_free(asc_table *table);

/** R. */
ASC_API size_t asc_table_n_rows(const asc_table *table);
/** D. */
ASC_API size_t asc_table_n_domains(const asc_table *table);
/** V. */
ASC_API size_t asc_table_n_targets(const asc_table *table);
/** Name of domain i < D; NULL beyond. It lives as long as the table. */
ASC_API const char *asc_table_domain(const asc_table *table, size_t i);
/** Name of target v < V; NULL beyond. It lives as long as the table. */
ASC_API const char *asc_table_target(const asc_table *table, size_t v);
/** Tokens of domain i in row r; NaN beyond R or D. */
ASC_API double asc_table_tokens(const asc_table *table, size_t r, size_t i);
/** Loss of target v in row r [nats per token]; NaN where not measured, or beyond R or V. */
ASC_API double asc_table_loss(const asc_table *table, size_t r, size_t v);
/** What was noticed while it was read: note k, NULL after the last. */
ASC_API const char *asc_table_note(const asc_table *table, size_t k);

#ifdef __cplusplus
}
#endif

#endif
