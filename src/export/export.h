/**
 * export: a mixture as each trainer reads it. Adding a trainer is one file and one line in the table of export.c.
 */
#ifndef AUTOSCALE_EXPORT_H
#define AUTOSCALE_EXPORT_H

#include "table/table.h"

typedef struct asc_export_opts {
    int64_t
        context; /**< tokens a sample (sequence length), for trainers that count samples; 0: 2048, said in the output */
    asc_notes *notes; /**< gets what the user should know (it stands in the output too), or NULL */
} asc_export_opts;

/** Names as in `autoscale export --to`, NULL after the last. */
const char *const *asc_export_names(void);

/**
 * The mixture in a trainer's own form, appended to out. Weights sum to 1 in the printed digits (ten, more where a share
 * is that small) and are above 0 for every domain that takes part; counts of tokens and samples are whole and never
 * exceed a domain's tokens, so that rounding cannot start another epoch; domain names stand in keys or comments.
 * Patterns are expanded where the files lie on this machine; several paths of a domain share its weight by their sizes.
 * Data of a kind that the trainer does not read is noted, with what makes it readable. Each file of src/export says
 * which version of the trainer's documents it follows.
 * @retval ASC_EINVAL  unknown trainer (nearest named), a form that needs token counts without them, tokens beyond a
 * domain's max_epochs, a share too small to be written, no domain with a whole sample where those are counted, a
 * pattern that matches nothing for a trainer that expands none
 */
asc_status asc_export(asc_buf *out, const asc_mix_file *mix, const char *trainer, const asc_export_opts *o,
                      asc_error *err);

/**
 * The mixture in another tokenizer's tokens: each domain's text stays, its tokens become tokens x bytes per token
 * before / bytes per token now; shares, tokens and unique tokens change, epochs do not.
 * @param bytes_per_token (D) with the other tokenizer; of domains without a share it may be NaN
 * @retval ASC_EINVAL the mixture does not know its own bytes per token
 */
asc_status asc_export_with_bytes(asc_mix_file *m, const double *bytes_per_token, asc_error *err);
/** The same, measured on the first 4 MiB of text of each domain's paths; token files are decoded with the mixture's own
 * tokenizer. @retval ASC_EINVAL no text to measure on */
asc_status asc_export_with_tokenizer(asc_mix_file *m, const char *tokenizer, asc_error *err);

#endif
