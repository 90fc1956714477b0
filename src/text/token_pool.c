/* Part of a token file, cut by documents: what a smaller run is given so that it repeats text as a larger one will. */
#include "text/text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef struct entry {
    uint64_t hash;
    int64_t document, n; /* tokens that are taken of it */
} entry;

static int by_hash(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->document < y->document ? -1 : x->document > y->document;
}

static int by_document(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    return x->document < y->document ? -1 : x->document > y->document;
}

/* A document's ids; *ids grows. */
static asc_status read_document(int32_t **ids, size_t *cap, int64_t *n, const asc_token_file *f, int64_t d,
                                asc_error *err)
{
    int64_t at;
    ASC_TRY(asc_token_file_document(f, d, &at, n, err));
    int32_t *more = asc_grow(*ids, cap, (size_t)*n + 1, sizeof *more);
    if (!more)
        return ASC_NOMEM(err);
    *ids = more;
    return *n ? asc_token_file_read(f, at, (size_t)*n, *ids, err) : ASC_OK;
}

static asc_status hash_documents(entry *e, const asc_token_file *f, asc_error *err)
{
    int32_t *ids = NULL;
    size_t cap = 0;
    asc_status st = ASC_OK;
    for (int64_t d = 0; st == ASC_OK && d < asc_token_file_documents(f); d++) {
        uint8_t digest[32];
        asc_sha256 h;
        e[d].document = d;
        st = read_document(&ids, &cap, &e[d].n, f, d, err);
        asc_sha256_init(&h);
        asc_sha256_update(&h, ids, st == ASC_OK ? (size_t)e[d].n * sizeof *ids : 0);
        asc_sha256_final(&h, digest);
        memcpy(&e[d].hash, digest, sizeof e[d].hash);
        if (st == ASC_OK && asc_interrupted())
            st = ASC_FAIL(err, ASC_EINTR, "interrupted while cutting text to a proxy's share");
    }
    asc_free(ids);
    return st;
}

static asc_status write_documents(const entry *e, size_t n, const asc_token_file *f, const char *prefix, size_t vocab,
                                  asc_error *err)
{
    asc_token_writer *w = NULL;
    int32_t *ids = NULL;
    size_t cap = 0;
    int64_t all;
    asc_status st = asc_token_writer_create(&w, prefix, vocab, err);
    for (size_t i = 0; st == ASC_OK && i < n; i++) {
        st = read_document(&ids, &cap, &all, f, e[i].document, err);
        if (st == ASC_OK)
            st = asc_token_writer_add(w, ids, (size_t)e[i].n, err);
    }
    if (st == ASC_OK)
        st = asc_token_writer_commit(w, err);
    asc_token_writer_free(w);
    asc_free(ids);
    return st;
}

asc_status asc_token_file_cut(const asc_token_file *f, int64_t n_tokens, size_t vocab, const char *prefix,
                              asc_error *err)
{
    size_t n = (size_t)asc_token_file_documents(f), k = 0;
    entry *e = asc_calloc(n + 1, sizeof *e);
    asc_status st = e ? hash_documents(e, f, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        qsort(e, n, sizeof *e, by_hash);
    for (int64_t left = n_tokens; st == ASC_OK && k < n && left > 0; k++) {
        e[k].n = e[k].n < left ? e[k].n : left;
        left -= e[k].n;
    }
    assert(k <= n);
    if (st == ASC_OK) {
        qsort(e, k, sizeof *e, by_document);
        st = write_documents(e, k, f, prefix, vocab, err);
    }
    asc_free(e);
    return st;
}
