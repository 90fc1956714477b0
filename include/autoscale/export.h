/**
 * export: a mixture as each trainer reads it. Adding a trainer is one file and one line in the table of export.c.
 */
#ifndef AUTOSCALE_EXPORT_H
#define AUTOSCALE_EXPORT_H

#include "autoscale/table.h"

typedef struct asc_export_opts {
    int64_t
        context; /**< tokens a sample (sequence length), for trainers that count samples; 0: 2048, said in the output */
} asc_export_opts;

/** Names as in `autoscale export --to`, NULL after the last. */
const char *const *asc_export_names(void);

/**
 * The mixture in a trainer's own form, appended to out. Weights sum to 1 in the printed digits; counts of tokens and
 * samples are whole and never exceed a domain's tokens, so that rounding cannot start another epoch; domain names stand
 * in keys or comments. Each file of src/export says which version of the trainer's documents it follows.
 * @retval ASC_EINVAL  unknown trainer (nearest named), a form that needs token counts without them
 */
asc_status asc_export(asc_buf *out, const asc_mix_file *mix, const char *trainer, const asc_export_opts *o,
                      asc_error *err);

#endif
