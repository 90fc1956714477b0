/* What every form of export starts from: whole samples, weights in fixed digits, where the data lies, quoted names.
 * Private to export. */
#ifndef EXPORT_PRIVATE_H
#define EXPORT_PRIVATE_H

#include "export/export.h"

/* What lies at a path; bits, so that a trainer can name all that it reads. */
enum {
    ASC__DATA_UNKNOWN = 0, /* nothing lies there on this machine */
    ASC__DATA_TOKENS = 1,  /* PREFIX.bin and PREFIX.idx */
    ASC__DATA_ARRAY = 2,   /* a bare array of ids: .npy, .bin */
    ASC__DATA_LINES = 4,   /* JSON lines */
    ASC__DATA_PARQUET = 8,
    ASC__DATA_TEXT = 16, /* other text, or a folder of text */
    ASC__DATA_MDS = 32,  /* a folder of mosaicml-streaming */
    ASC__DATA_LITDATA = 64,
    ASC__DATA_ARROW = 128, /* a folder of Dataset.save_to_disk */
    ASC__DATA_ANY = 255
};

typedef struct asc__piece {
    char *path;
    int data;
    double n_bytes; /* NaN: unknown */
    bool unmatched; /* a pattern that nothing matches here */
} asc__piece;

/* The paths of one domain, patterns expanded, token files as their prefixes. */
typedef struct asc__where {
    asc__piece *pieces; /* n >= 1; the domain's name where nothing is known */
    size_t n, cap;
    bool known;
} asc__where;
asc_status asc__where_find(asc__where *w, const asc_mix_file *m, size_t domain, asc_error *err);
void asc__where_clear(asc__where *w);

typedef struct asc__plan {
    const asc_mix_file *mix;
    size_t n;
    int64_t context;
    bool context_given;
    int digits;         /* of the printed weights, 10 to 15: the least weight has three */
    int64_t one;        /* 10^digits */
    int64_t *units;     /* (n) weights in units of 1/one; they sum to one */
    char (*weight)[32]; /* (n) the same printed */
    int64_t *samples;   /* (n) whole samples of `context` tokens, rounded down; 0 without tokens */
    int64_t total, total_samples;
    asc__where *where; /* (n) */
    asc_notes notes;
} asc__plan;

/* One trainer: writes the whole text. */
typedef struct asc__export_form {
    const char *name;
    bool needs_tokens;
    bool counts_samples; /* no domain with a sample is nothing to train on */
    bool takes_patterns; /* expands * and ? itself */
    int reads;           /* ASC__DATA_ bits */
    const char *advice;  /* what it reads and how to make it */
    void (*write)(asc_buf *out, const asc__plan *p);
} asc__export_form;

void asc__write_megatron(asc_buf *out, const asc__plan *p);
void asc__write_nemo(asc_buf *out, const asc__plan *p);
void asc__write_olmo_core(asc_buf *out, const asc__plan *p);
void asc__write_torchtitan(asc_buf *out, const asc__plan *p);
void asc__write_mosaicml(asc_buf *out, const asc__plan *p);
void asc__write_levanter(asc_buf *out, const asc__plan *p);
void asc__write_hf_datasets(asc_buf *out, const asc__plan *p);
void asc__write_litgpt(asc_buf *out, const asc__plan *p);
void asc__write_csv(asc_buf *out, const asc__plan *p);

/* Share k of `whole` among a domain's pieces, by size (equal where a size is unknown): whole numbers that sum to it. */
int64_t asc__split_by_size(const asc__where *w, size_t k, int64_t whole);
/* x / 10^digits with that many decimals. */
void asc__put_units(asc_buf *out, const asc__plan *p, int64_t x);
/* A double-quoted string as JSON, YAML and Python read it. */
void asc__put_string(asc_buf *out, const char *s);
/* Text within a comment: what could end it becomes '?'. */
void asc__put_comment(asc_buf *out, const char *s);
/* The head: lines of '# ..' that say what this is and where it came from. */
void asc__put_head(asc_buf *out, const asc__plan *p, const char *what);
/* True when the domain takes part. */
bool asc__plan_used(const asc__plan *p, size_t i);

#endif
