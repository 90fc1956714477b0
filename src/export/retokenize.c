/* A mixture in the tokens of another tokenizer: the text stays, its tokens are counted anew. */
#include "export_private.h"

#include <math.h>
#include <string.h>

#include "text/text.h"

enum { SAMPLE_BYTES = 4 << 20, SAMPLE_TOKENS = 1 << 20 };

asc_status asc_export_with_bytes(asc_mix_file *m, const double *bytes_per_token, asc_error *err)
{
    double sum = 0;
    for (size_t i = 0; i < m->n_domains; i++) {
        double before = m->bytes_per_token ? m->bytes_per_token[i] : NAN;
        if (m->weights[i] > 0 && isnan(before))
            return ASC_FAIL(err, ASC_EINVAL,
                            "domain '%s': the mixture lacks bytes_per_token, needed to convert its tokens",
                            m->domains[i]);
        if (m->weights[i] > 0 && !(bytes_per_token[i] > 0))
            return ASC_FAIL(err, ASC_EINVAL, "domain '%s': no bytes per token given", m->domains[i]);
    }
    for (size_t i = 0; i < m->n_domains; i++) {
        double ratio = 1; /* of a domain that has no share */
        if (bytes_per_token[i] > 0 && m->bytes_per_token && !isnan(m->bytes_per_token[i])) {
            ratio = m->bytes_per_token[i] / bytes_per_token[i];
            m->bytes_per_token[i] = bytes_per_token[i];
        }
        m->weights[i] *= ratio;
        sum += m->weights[i];
        if (m->tokens)
            m->tokens[i] = (int64_t)floor((double)m->tokens[i] * ratio);
        if (m->available)
            m->available[i] *= ratio;
    }
    for (size_t i = 0; i < m->n_domains; i++)
        m->weights[i] /= sum;
    return ASC_OK;
}

/* ---- measured on a sample of each domain's data ---- */

struct sample {
    asc_encoder *encoder; /* of the new tokenizer */
    int32_t *ids;
    size_t cap;
    double n_bytes, n_tokens;
};

static asc_status count(struct sample *s, const char *text, size_t n, asc_error *err)
{
    size_t n_ids = 0;
    ASC_TRY(asc_encode(s->encoder, text, n, &s->ids, &n_ids, &s->cap, err));
    s->n_bytes += (double)n;
    s->n_tokens += (double)n_ids;
    return ASC_OK;
}

static asc_status count_text(struct sample *s, const char *path, asc_error *err)
{
    asc_reader *r = NULL;
    bool more = true;
    ASC_TRY(asc_reader_open(&r, path, NULL, NULL, NULL, err));
    asc_status st = ASC_OK;
    while (st == ASC_OK && more && s->n_bytes < SAMPLE_BYTES) {
        asc_document d;
        st = asc_reader_next(r, &d, &more, err);
        if (st == ASC_OK && more)
            st = count(s, d.text, d.n_bytes, err);
    }
    asc_reader_close(r);
    return st;
}

/* Token files are decoded by the tokenizer that made them, document by document. */
static asc_status count_document(struct sample *s, const asc_token_file *f, const asc_tokenizer *from, int64_t d,
                                 asc_error *err)
{
    int64_t at, n;
    asc_buf text = {0};
    ASC_TRY(asc_token_file_document(f, d, &at, &n, err));
    size_t take = n < SAMPLE_TOKENS ? (size_t)n : SAMPLE_TOKENS;
    int32_t *ids = asc_reallocarray(NULL, take ? take : 1, sizeof *ids), end = asc_tokenizer_special(from, NULL);
    asc_status st = ids ? asc_token_file_read(f, at, take, ids, err) : ASC_NOMEM(err);
    while (st == ASC_OK && take > 0 && ids[take - 1] == end) /* stands for no text */
        take--;
    if (st == ASC_OK)
        st = asc_decode(from, ids, take, &text, err);
    if (st == ASC_OK && text.len > 0)
        st = count(s, text.data, text.len, err);
    asc_free(ids);
    asc_buf_clear(&text);
    return st;
}

static asc_status count_tokens(struct sample *s, const char *prefix, const asc_tokenizer *from, asc_error *err)
{
    asc_token_file *f = NULL;
    if (!from)
        return ASC_FAIL(err, ASC_EINVAL, "%s: the tokenizer of these token files is unknown; give --bytes-per-token",
                        prefix);
    ASC_TRY(asc_token_file_open(&f, prefix, err));
    asc_status st = ASC_OK;
    for (int64_t d = 0; d < asc_token_file_documents(f) && st == ASC_OK && s->n_bytes < SAMPLE_BYTES; d++)
        st = count_document(s, f, from, d, err);
    asc_token_file_close(f);
    return st;
}

static asc_status measure(double *bytes_per_token, struct sample *s, const asc_mix_file *m, size_t i,
                          const asc_tokenizer *from, asc_error *err)
{
    asc__where w = {0};
    asc_status st = asc__where_find(&w, m, i, err);
    s->n_bytes = s->n_tokens = 0;
    for (size_t k = 0; k < w.n && st == ASC_OK && s->n_bytes < SAMPLE_BYTES; k++) {
        int data = w.pieces[k].data;
        bool text = data == ASC__DATA_LINES || data == ASC__DATA_PARQUET || data == ASC__DATA_TEXT;
        st = data == ASC__DATA_TOKENS                     ? count_tokens(s, w.pieces[k].path, from, err)
             : text && !asc_path_is_dir(w.pieces[k].path) ? count_text(s, w.pieces[k].path, err)
                                                          : ASC_OK;
    }
    if (st == ASC_OK && s->n_tokens == 0)
        st = ASC_FAIL(err, ASC_EINVAL,
                      "domain '%s': no text or token file at %s to count the new tokenizer's tokens on; give "
                      "--bytes-per-token, or --paths",
                      m->domains[i], w.pieces[0].path);
    if (st == ASC_OK)
        *bytes_per_token = s->n_bytes / s->n_tokens;
    asc__where_clear(&w);
    return st;
}

asc_status asc_export_with_tokenizer(asc_mix_file *m, const char *tokenizer, asc_error *err)
{
    asc_tokenizer *to = NULL, *from = NULL;
    struct sample s = {0};
    double *measured = asc_calloc(m->n_domains, sizeof *measured);
    asc_status st = measured ? asc_tokenizer_load(&to, tokenizer, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = asc_encoder_create(&s.encoder, to, err);
    if (m->tokenizer && asc_path_exists(m->tokenizer) && st == ASC_OK)
        st = asc_tokenizer_load(&from, m->tokenizer, err);
    for (size_t i = 0; i < m->n_domains && st == ASC_OK; i++)
        if (m->weights[i] > 0)
            st = measure(&measured[i], &s, m, i, from, err);
    if (st == ASC_OK)
        st = asc_export_with_bytes(m, measured, err);
    char *name = st == ASC_OK ? asc_strdup(tokenizer) : NULL;
    if (st == ASC_OK && !name)
        st = ASC_NOMEM(err);
    if (st == ASC_OK) {
        asc_free(m->tokenizer);
        m->tokenizer = name;
    }
    asc_encoder_free(s.encoder);
    asc_free(s.ids);
    asc_tokenizer_free(to);
    asc_tokenizer_free(from);
    asc_free(measured);
    return st;
}
