/* Writing Megatron's indexed dataset: tokens stream out, the index is kept in memory (at most 20 bytes per document).
 */
#include "token_format.h"

#include <string.h>

struct asc_token_writer {
    asc_writer bin, idx, sum;
    int width; /* bytes per token */
    uint64_t n_bytes;
    int32_t *sizes; /* (n_sizes) tokens of each sequence */
    size_t n_sizes, cap_sizes;
    int64_t *documents; /* (n_documents) sequences up to and with each document */
    size_t n_documents, cap_documents;
    uint64_t *hashes; /* of full blocks */
    size_t n_hashes, cap_hashes;
    uint8_t *block; /* ASC__SUM_BLOCK bytes, n_block of them waiting */
    size_t n_block;
};

void asc_token_writer_free(asc_token_writer *w)
{
    if (!w)
        return;
    asc_writer_abort(&w->bin);
    asc_writer_abort(&w->idx);
    asc_writer_abort(&w->sum);
    asc_free(w->sizes);
    asc_free(w->documents);
    asc_free(w->hashes);
    asc_free(w->block);
    asc_free(w);
}

static asc_status open_part(asc_writer *w, const char *prefix, const char *suffix, asc_error *err)
{
    char *path = asc_strf("%s%s", prefix, suffix);
    asc_status st = path ? asc_writer_open(w, path, err) : ASC_NOMEM(err);
    asc_free(path);
    return st;
}

asc_status asc_token_writer_create(asc_token_writer **out, const char *prefix, size_t vocab, asc_error *err)
{
    asc_token_writer *w = asc_calloc(1, sizeof *w);
    if (!w)
        return ASC_NOMEM(err);
    w->width = vocab < ASC__UINT16_VOCAB ? 2 : 4;
    w->block = asc_malloc(ASC__SUM_BLOCK);
    asc_status st = w->block ? open_part(&w->bin, prefix, ".bin", err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = open_part(&w->sum, prefix, ".sum", err);
    if (st == ASC_OK)
        st = open_part(&w->idx, prefix, ".idx", err);
    if (st != ASC_OK) {
        asc_token_writer_free(w);
        return st;
    }
    *out = w;
    return ASC_OK;
}

static asc_status flush_block(asc_token_writer *w, asc_error *err)
{
    if (w->n_block == 0)
        return ASC_OK;
    uint64_t *grown = asc_grow(w->hashes, &w->cap_hashes, w->n_hashes + 1, sizeof *grown);
    if (!grown)
        return ASC_NOMEM(err);
    w->hashes = grown;
    w->hashes[w->n_hashes] = asc_hash64(w->block, w->n_block, w->n_hashes);
    w->n_hashes++;
    size_t n = w->n_block;
    w->n_block = 0;
    return asc_writer_write(&w->bin, w->block, n, err);
}

static asc_status put_tokens(asc_token_writer *w, const int32_t *ids, size_t n, asc_error *err)
{
    for (size_t i = 0; i < n;) {
        size_t room = (ASC__SUM_BLOCK - w->n_block) / (size_t)w->width, take = n - i < room ? n - i : room;
        uint8_t *to = w->block + w->n_block;
        if (w->width == 4)
            memcpy(to, ids + i, take * 4);
        else
            for (size_t k = 0; k < take; k++) {
                uint16_t id = (uint16_t)ids[i + k];
                memcpy(to + 2 * k, &id, 2);
            }
        w->n_block += take * (size_t)w->width;
        i += take;
        if (w->n_block == ASC__SUM_BLOCK)
            ASC_TRY(flush_block(w, err));
    }
    w->n_bytes += n * (size_t)w->width;
    return ASC_OK;
}

/* A sequence holds at most 2^31-1 tokens; a longer document is several sequences of one document. */
asc_status asc_token_writer_add(asc_token_writer *w, const int32_t *ids, size_t n, asc_error *err)
{
    int64_t limit = w->width == 2 ? UINT16_MAX : INT32_MAX;
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || ids[i] > limit)
            return ASC_FAIL(err, ASC_EINVAL, "token id %d does not fit a token file of %d-byte tokens", ids[i],
                            w->width);
    size_t n_sequences = n / INT32_MAX + 1;
    int32_t *sizes = asc_grow(w->sizes, &w->cap_sizes, w->n_sizes + n_sequences, sizeof *sizes);
    if (sizes)
        w->sizes = sizes;
    int64_t *documents = asc_grow(w->documents, &w->cap_documents, w->n_documents + 1, sizeof *documents);
    if (documents)
        w->documents = documents;
    if (!sizes || !documents)
        return ASC_NOMEM(err);
    for (size_t left = n, k = 0; k < n_sequences; k++) {
        w->sizes[w->n_sizes + k] = (int32_t)(left < INT32_MAX ? left : INT32_MAX);
        left -= (size_t)w->sizes[w->n_sizes + k];
    }
    w->n_sizes += n_sequences;
    w->documents[w->n_documents++] = (int64_t)w->n_sizes;
    return put_tokens(w, ids, n, err);
}

static void index_bytes(asc_buf *b, const asc_token_writer *w)
{
    uint64_t version = 1, n_sequences = w->n_sizes, n_documents = w->n_documents + 1;
    uint8_t code = w->width == 2 ? ASC__IDX_UINT16 : ASC__IDX_INT32;
    int64_t at = 0, first = 0;
    asc_buf_append(b, ASC__IDX_MAGIC, 9);
    asc_buf_append(b, &version, 8);
    asc_buf_append(b, &code, 1);
    asc_buf_append(b, &n_sequences, 8);
    asc_buf_append(b, &n_documents, 8);
    asc_buf_append(b, w->sizes, w->n_sizes * sizeof *w->sizes);
    for (size_t i = 0; i < w->n_sizes; i++) {
        asc_buf_append(b, &at, 8);
        at += (int64_t)w->sizes[i] * w->width;
    }
    asc_buf_append(b, &first, 8);
    asc_buf_append(b, w->documents, w->n_documents * sizeof *w->documents);
}

static asc_status write_index(asc_token_writer *w, asc_error *err)
{
    asc_buf b = {0};
    index_bytes(&b, w);
    asc_status st = b.oom ? ASC_NOMEM(err) : ASC_OK;
    if (st == ASC_OK) {
        uint64_t head[2] = {w->n_bytes, asc_hash64(b.data, b.len, ASC__IDX_SEED)};
        st = asc_writer_write(&w->sum, ASC__SUM_MAGIC, 8, err);
        if (st == ASC_OK)
            st = asc_writer_write(&w->sum, head, sizeof head, err);
        if (st == ASC_OK)
            st = asc_writer_write(&w->sum, w->hashes, w->n_hashes * sizeof *w->hashes, err);
        if (st == ASC_OK)
            st = asc_writer_write(&w->idx, b.data, b.len, err);
    }
    asc_buf_clear(&b);
    return st;
}

/* The index comes last: a set that was cut short has no index, or one whose checksum does not fit the others. */
asc_status asc_token_writer_commit(asc_token_writer *w, asc_error *err)
{
    ASC_TRY(flush_block(w, err));
    ASC_TRY(write_index(w, err));
    ASC_TRY(asc_writer_commit(&w->bin, err));
    ASC_TRY(asc_writer_commit(&w->sum, err));
    return asc_writer_commit(&w->idx, err);
}
