/* The folder that `tokenize` writes, as train and eval read it. */
#ifndef CLI_TOKENS_DIR_H
#define CLI_TOKENS_DIR_H

#include "base/base.h"

typedef struct tokens_dir {
    size_t n_domains, n_targets;
    char **domains, **train_files; /* (n_domains) sorted by name */
    char **targets, **valid_files; /* (n_targets) */
    char *tokenizer;               /* tokenizer.json, or NULL */
} tokens_dir;
/** All paths absolute. @retval ASC_EINVAL no token files there */
asc_status asc__tokens_dir_open(tokens_dir *out, const char *path, asc_error *err);
void asc__tokens_dir_clear(tokens_dir *d);

#endif
