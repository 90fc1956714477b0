/* What every form of export starts from: whole samples, weights in fixed digits, quoted names. Private to export. */
#ifndef EXPORT_PRIVATE_H
#define EXPORT_PRIVATE_H

#include "autoscale/export.h"

typedef struct asc__plan {
    const asc_mix_file *mix;
    size_t n;
    int64_t context;
    bool context_given;
    char (*weight)[32]; /* (n) ten decimals; they sum to 1 digit by digit */
    int64_t *samples;   /* (n) whole samples of `context` tokens, rounded down; NULL without tokens */
    int64_t total, total_samples;
} asc__plan;

/* One trainer: writes the whole text. */
typedef struct asc__trainer {
    const char *name;
    bool needs_tokens;
    void (*write)(asc_buf *out, const asc__plan *p);
} asc__trainer;

void asc__write_megatron(asc_buf *out, const asc__plan *p);
void asc__write_nemo(asc_buf *out, const asc__plan *p);
void asc__write_olmo_core(asc_buf *out, const asc__plan *p);
void asc__write_torchtitan(asc_buf *out, const asc__plan *p);
void asc__write_mosaicml(asc_buf *out, const asc__plan *p);
void asc__write_levanter(asc_buf *out, const asc__plan *p);
void asc__write_hf_datasets(asc_buf *out, const asc__plan *p);
void asc__write_litgpt(asc_buf *out, const asc__plan *p);
void asc__write_csv(asc_buf *out, const asc__plan *p);

/* Where domain i lies, its name where nothing is known. */
const char *asc__plan_path(const asc__plan *p, size_t i);
/* A double-quoted string as JSON, YAML and Python read it. */
void asc__put_string(asc_buf *out, const char *s);
/* Text within a comment: what could end it becomes '?'. */
void asc__put_comment(asc_buf *out, const char *s);
/* The head: lines of '# ..' that say what this is and where it came from. */
void asc__put_head(asc_buf *out, const asc__plan *p, const char *what);
/* "name: N tokens, n samples, 1.2 epochs" of domain i, for comments. */
void asc__put_facts(asc_buf *out, const asc__plan *p, size_t i);
/* True when the domain takes part. */
bool asc__plan_used(const asc__plan *p, size_t i);

#endif
