/** text: the folder that `tokenize` writes, as training and evaluation read it. */
#ifndef AUTOSCALE_TEXT_TOKENS_DIR_H
#define AUTOSCALE_TEXT_TOKENS_DIR_H

#include "base/base.h"

typedef struct asc_tokens_dir {
    size_t n_domains, n_targets;
    char **domains, **train_files; /* (n_domains) sorted by name */
    char **targets, **valid_files; /* (n_targets) */
    char *tokenizer;               /* tokenizer.json, or NULL */
} asc_tokens_dir;
/** All paths absolute. @retval ASC_EINVAL no token files there */
asc_status asc_tokens_dir_open(asc_tokens_dir *out, const char *path, asc_error *err);
void asc_tokens_dir_clear(asc_tokens_dir *d);

#endif
