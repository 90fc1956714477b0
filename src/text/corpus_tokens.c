/* Token files that exist already, as sources of a corpus: a document's ids stand where text would. */
#include "corpus.h"

#include <string.h>

enum { MAX_IDS = ASC_TEXT_MAX_DOCUMENT / sizeof(int32_t) };

asc_status asc__token_reader_open(asc__token_reader *r, const char *path, const char *dtype, int32_t end_id,
                                  asc_error *err)
{
    asc_token_file *f = NULL;
    asc__token_array *array = NULL;
    if (asc_ends_with(path, ".idx")) {
        char *prefix = asc_strndup(path, strlen(path) - strlen(".idx"));
        asc_status st = prefix ? asc_token_file_open(&f, prefix, err) : ASC_NOMEM(err);
        asc_free(prefix);
        ASC_TRY(st);
    } else
        ASC_TRY(asc__token_array_open(&array, path, dtype, err));
    r->file = f; /* the buffer is kept from file to file */
    r->array = array;
    r->end_id = end_id;
    r->document = r->at = r->end = 0;
    return ASC_OK;
}

bool asc__token_reader_is_open(const asc__token_reader *r)
{
    return r->file || r->array;
}

static asc_status next_of_array(asc__token_reader *r, asc_document *doc, bool *more, asc_error *err)
{
    size_t n = 0;
    for (size_t got = 1; got > 0 && n < MAX_IDS;) { /* grown as it is filled: most documents are short */
        size_t room = n + 4096 < MAX_IDS ? 4096 : MAX_IDS - n;
        int32_t *ids = asc_grow(r->ids, &r->cap_ids, n + room, sizeof *ids);
        if (!ids)
            return ASC_NOMEM(err);
        r->ids = ids;
        ASC_TRY(asc__token_array_next(r->array, r->end_id, ids + n, room, &got, err));
        n += got;
        if (got > 0 && r->end_id >= 0 && ids[n - 1] == r->end_id)
            break;
    }
    *more = n > 0;
    if (*more)
        *doc = (asc_document){.text = (const char *)r->ids, .n_bytes = n * sizeof *r->ids};
    return ASC_OK;
}

asc_status asc__token_reader_next(asc__token_reader *r, asc_document *doc, bool *more, asc_error *err)
{
    if (r->array)
        return next_of_array(r, doc, more, err);
    *more = false;
    while (r->at == r->end && r->document < asc_token_file_documents(r->file)) {
        int64_t n = 0;
        ASC_TRY(asc_token_file_document(r->file, r->document++, &r->at, &n, err));
        r->end = r->at + n;
    }
    if (r->at == r->end)
        return ASC_OK;
    size_t n = r->end - r->at < MAX_IDS ? (size_t)(r->end - r->at) : MAX_IDS;
    int32_t *ids = asc_grow(r->ids, &r->cap_ids, n, sizeof *ids);
    if (!ids)
        return ASC_NOMEM(err);
    r->ids = ids;
    ASC_TRY(asc_token_file_read(r->file, r->at, n, ids, err));
    r->at += (int64_t)n;
    *doc = (asc_document){.text = (const char *)ids, .n_bytes = n * sizeof *ids};
    *more = true;
    return ASC_OK;
}

void asc__token_reader_close(asc__token_reader *r)
{
    asc_token_file_close(r->file);
    asc__token_array_close(r->array);
    r->file = NULL;
    r->array = NULL;
}

asc_status asc__token_bytes(int64_t *n_bytes, const asc_tokenizer *t, const asc__item *item, const char *domain,
                            asc_error *err)
{
    int64_t sum = 0;
    int32_t end = asc_tokenizer_special(t, NULL); /* stands for no text */
    bool texts = asc_tokenizer_has_texts(t);
    for (size_t i = 0; i < item->n_bytes; i += sizeof(int32_t)) {
        int32_t id;
        size_t n = 0;
        memcpy(&id, item->text + i, sizeof id);
        if (id < 0 || (size_t)id >= asc_tokenizer_vocab(t))
            return ASC_FAIL(err, ASC_EINVAL,
                            "domain %s: document %zu has token %d, but the tokenizer has %zu: these token files were "
                            "made with another one",
                            domain, item->document + 1, id, asc_tokenizer_vocab(t));
        if (texts)
            asc_tokenizer_token(t, id, &n);
        else
            n = sizeof id; /* as the split counts it */
        sum += id == end ? 0 : (int64_t)n;
    }
    *n_bytes = sum;
    return ASC_OK;
}

asc_status asc_corpus_count_tokens(int64_t *n_tokens, char *const *files, size_t n, const char *dtype, asc_error *err)
{
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        asc__token_reader r = {0};
        ASC_TRY(asc__token_reader_open(&r, files[i], dtype, -1, err));
        sum += r.array ? asc__token_array_n(r.array) : asc_token_file_tokens(r.file);
        asc__token_reader_close(&r);
    }
    *n_tokens = sum;
    return ASC_OK;
}
