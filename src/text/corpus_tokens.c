/* Token files that exist already, as sources of a corpus: a document's ids stand where text would. */
#include "corpus.h"

#include <string.h>

enum { MAX_IDS = ASC_TEXT_MAX_DOCUMENT / sizeof(int32_t) };

asc_status asc__token_reader_open(asc__token_reader *r, const char *index, asc_error *err)
{
    char *prefix = asc_strndup(index, strlen(index) - strlen(".idx"));
    asc_token_file *f = NULL;
    asc_status st = prefix ? asc_token_file_open(&f, prefix, err) : ASC_NOMEM(err);
    asc_free(prefix);
    ASC_TRY(st);
    r->file = f; /* the buffer is kept from file to file */
    r->document = r->at = r->end = 0;
    return ASC_OK;
}

asc_status asc__token_reader_next(asc__token_reader *r, asc_document *doc, bool *more, asc_error *err)
{
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
    r->file = NULL;
}

asc_status asc__token_bytes(int64_t *n_bytes, const asc_tokenizer *t, const asc__item *item, const char *domain,
                            asc_error *err)
{
    int64_t sum = 0;
    int32_t end = asc_tokenizer_special(t, NULL); /* stands for no text */
    for (size_t i = 0; i < item->n_bytes; i += sizeof(int32_t)) {
        int32_t id;
        size_t n = 0;
        memcpy(&id, item->text + i, sizeof id);
        if (id < 0 || (size_t)id >= asc_tokenizer_vocab(t))
            return ASC_FAIL(err, ASC_EINVAL,
                            "domain %s: document %zu has token %d, but the tokenizer has %zu: it is not the one that "
                            "these token files were made with",
                            domain, item->document + 1, id, asc_tokenizer_vocab(t));
        asc_tokenizer_token(t, id, &n);
        sum += id == end ? 0 : (int64_t)n;
    }
    *n_bytes = sum;
    return ASC_OK;
}

asc_status asc_corpus_count_tokens(int64_t *n_tokens, char *const *files, size_t n, asc_error *err)
{
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        asc__token_reader r = {0};
        ASC_TRY(asc__token_reader_open(&r, files[i], err));
        sum += asc_token_file_tokens(r.file);
        asc__token_reader_close(&r);
    }
    *n_tokens = sum;
    return ASC_OK;
}
