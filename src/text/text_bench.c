/* Speed of learning, encoding and sampling, for `autoscale bench`. */
#include "text/text.h"

#include <math.h>
#include <string.h>

enum { N_WORDS = 30000, TEXT_BYTES = 4 << 20 };
static const double LEAST_S = .5;

/* Documents, one after the other. */
typedef struct documents {
    asc_buf text;
    size_t *end; /* (n) */
    size_t n, cap;
} documents;

static void documents_clear(documents *d)
{
    asc_buf_clear(&d->text);
    asc_free(d->end);
}

static asc_status end_document(documents *d, asc_error *err)
{
    size_t *more = d->text.oom ? NULL : asc_grow(d->end, &d->cap, d->n + 1, sizeof *more);
    if (!more)
        return ASC_NOMEM(err);
    d->end = more;
    d->end[d->n++] = d->text.len;
    return ASC_OK;
}

/* ---- text of one's own ---- */

static asc_status read_file(documents *d, const char *path, asc_error *err)
{
    asc_reader *r = NULL;
    asc_document doc;
    bool more = true;
    ASC_TRY(asc_reader_open(&r, path, NULL, NULL, NULL, err));
    asc_status st = ASC_OK;
    while (st == ASC_OK) {
        st = asc_interrupted() ? ASC_FAIL(err, ASC_EINTR, "interrupted") : asc_reader_next(r, &doc, &more, err);
        if (st != ASC_OK || !more)
            break;
        asc_buf_append(&d->text, doc.text, doc.n_bytes);
        st = end_document(d, err);
    }
    asc_reader_close(r);
    return st;
}

static asc_status read_documents(documents *d, const char *pattern, asc_error *err)
{
    char **files = NULL, *patterns[] = {(char *)(uintptr_t)pattern};
    size_t n = 0;
    ASC_TRY(asc_text_discover(&files, &n, patterns, 1, ".", err));
    asc_status st = ASC_OK;
    for (size_t i = 0; i < n && st == ASC_OK; i++)
        st = read_file(d, files[i], err);
    asc_text_discover_free(files, n);
    if (st == ASC_OK && d->text.len == 0)
        st = ASC_FAIL(err, ASC_EINVAL, "%s: no document", pattern);
    return st;
}

/* ---- generated: words of syllables by Zipf's law, with punctuation, figures and lines ---- */

static void make_word(asc_buf *b, asc_rng *r)
{
    static const char onset[] = "bcdfghjklmnprstvw", vowel[] = "aeiou", coda[] = "nrstl";
    size_t n = 1 + asc_rng_below(r, 4);
    for (size_t i = 0; i < n; i++) {
        asc_buf_putc(b, onset[asc_rng_below(r, sizeof onset - 1)]);
        asc_buf_putc(b, vowel[asc_rng_below(r, sizeof vowel - 1)]);
        if (asc_rng_below(r, 3) == 0)
            asc_buf_putc(b, coda[asc_rng_below(r, sizeof coda - 1)]);
    }
}

static void add_word(asc_buf *text, const asc_buf *words, const size_t *starts, asc_rng *r)
{
    /* Rank from the inverse of a distribution that falls as 1/rank. */
    size_t rank = (size_t)pow(N_WORDS, asc_rng_double(r)) - 1;
    uint64_t mark = asc_rng_below(r, 100);
    asc_buf_append(text, words->data + starts[rank], starts[rank + 1] - starts[rank]);
    if (mark < 3)
        asc_buf_printf(text, " %d", (int)asc_rng_below(r, 3000));
    asc_buf_puts(text, mark < 8 ? ", " : mark < 12 ? ". " : mark < 14 ? ".\n" : " ");
}

static asc_status make_documents(documents *d, asc_error *err)
{
    asc_rng r;
    asc_buf words = {0}, *text = &d->text;
    size_t *starts = asc_reallocarray(NULL, N_WORDS + 1, sizeof *starts);
    asc_rng_init(&r, 1, "bench text", 0);
    for (size_t i = 0; i < N_WORDS && starts; i++) {
        starts[i] = words.len;
        make_word(&words, &r);
    }
    if (starts)
        starts[N_WORDS] = words.len;
    while (starts && !words.oom && !text->oom && text->len < TEXT_BYTES)
        add_word(text, &words, starts, &r);
    bool bad = !starts || words.oom || text->oom;
    asc_free(starts);
    asc_buf_clear(&words);
    return bad ? ASC_NOMEM(err) : end_document(d, err);
}

/* ---- learning and encoding ---- */

static asc_status learn(asc_tokenizer **out, double *seconds, const documents *d, int64_t vocab, asc_error *err)
{
    asc_tokenizer_learner *trainer = NULL;
    double start = asc_thread_cpu_s();
    ASC_TRY(asc_tokenizer_learner_create(&trainer, ASC_TOKENIZER_BPE, err));
    asc_status st = ASC_OK;
    for (size_t i = 0, at = 0; i < d->n && st == ASC_OK; at = d->end[i++])
        st = asc_tokenizer_learner_add(trainer, d->text.data + at, d->end[i] - at, err);
    if (st == ASC_OK)
        st = asc_tokenizer_learner_finish(out, trainer, vocab, err);
    *seconds = asc_thread_cpu_s() - start;
    asc_tokenizer_learner_free(trainer);
    return st;
}

/* All documents by an encoder that has seen nothing yet: its cache of words counts for what one pass makes of it. */
static asc_status encode_once(const asc_tokenizer *t, const documents *d, asc_error *err)
{
    asc_encoder *e = NULL;
    int32_t *ids = NULL;
    size_t n = 0, cap = 0;
    asc_status st = asc_encoder_create(&e, t, err);
    for (size_t i = 0, at = 0; i < d->n && st == ASC_OK; at = d->end[i++]) {
        n = 0;
        st = asc_encode(e, d->text.data + at, d->end[i] - at, &ids, &n, &cap, err);
    }
    asc_free(ids);
    asc_encoder_free(e);
    return st;
}

static asc_status time_encoding(double *bytes_per_s, const asc_tokenizer *t, const documents *d, asc_error *err)
{
    double start = asc_thread_cpu_s(), spent = 0;
    size_t rounds = 0;
    for (; spent < LEAST_S; rounds++, spent = asc_thread_cpu_s() - start)
        ASC_TRY(encode_once(t, d, err));
    *bytes_per_s = (double)d->text.len * (double)rounds / spent;
    return ASC_OK;
}

asc_status asc_bench_tokenize(asc_bench_text_result *out, const asc_bench_text_opts *o, asc_error *err)
{
    asc_bench_text_result r = {.learn_s = NAN};
    documents d = {0};
    asc_tokenizer *t = NULL;
    asc_status st = o->text ? read_documents(&d, o->text, err) : make_documents(&d, err);
    if (st == ASC_OK)
        st = o->tokenizer ? asc_tokenizer_load(&t, o->tokenizer, err) : learn(&t, &r.learn_s, &d, o->vocab, err);
    if (st == ASC_OK)
        st = time_encoding(&r.bytes_per_s, t, &d, err);
    if (st == ASC_OK) {
        r.n_bytes = (int64_t)d.text.len;
        asc_tokenizer_fingerprint(t, r.fingerprint);
        *out = r;
    }
    asc_tokenizer_free(t);
    documents_clear(&d);
    return st;
}

/* ---- sampling ---- */

enum { DOMAINS = 4, DOMAIN_TOKENS = 4 << 20, BENCH_CONTEXT = 256, DOCUMENT = 4096 };

static asc_status write_domain(const char *prefix, uint64_t index, asc_error *err)
{
    asc_rng r;
    int32_t ids[DOCUMENT];
    asc_token_writer *w = NULL;
    asc_rng_init(&r, 1, "bench tokens", index);
    ASC_TRY(asc_token_writer_create(&w, prefix, 50257, err));
    asc_status st = ASC_OK;
    for (size_t at = 0; at < DOMAIN_TOKENS && st == ASC_OK; at += DOCUMENT) {
        for (size_t i = 0; i < DOCUMENT; i++)
            ids[i] = (int32_t)asc_rng_below(&r, 50257);
        st = asc_token_writer_add(w, ids, DOCUMENT, err);
    }
    if (st == ASC_OK)
        st = asc_token_writer_commit(w, err);
    asc_token_writer_free(w);
    return st;
}

static asc_status time_sampling(double *tokens_per_s, const asc_token_file *const *files, asc_error *err)
{
    int64_t tokens[DOMAINS] = {3 * DOMAIN_TOKENS, 1 * DOMAIN_TOKENS, DOMAIN_TOKENS / 2, 5 * DOMAIN_TOKENS / 3};
    asc_sampler_opts o = {.files = files, .n_domains = DOMAINS, .tokens = tokens, .context = BENCH_CONTEXT, .seed = 1};
    asc_sampler *s = NULL;
    ASC_TRY(asc_sampler_create(&s, &o, err));
    int32_t out[BENCH_CONTEXT + 1];
    size_t domain;
    asc_status st = ASC_OK;
    double spent = 0, n = 0;
    for (int round = 0; st == ASC_OK && (round < 2 || spent < LEAST_S); round++) { /* round 0 checks the files' sums */
        double start = asc_thread_cpu_s();
        st = asc_sampler_seek(s, 0, err);
        for (int64_t k = 0; st == ASC_OK && k < asc_sampler_sequences(s); k++)
            st = asc_sampler_next(s, out, &domain, err);
        if (round > 0) {
            spent += asc_thread_cpu_s() - start;
            n += (double)asc_sampler_sequences(s) * BENCH_CONTEXT;
        }
    }
    if (st == ASC_OK)
        *tokens_per_s = n / spent;
    asc_sampler_free(s);
    return st;
}

asc_status asc_bench_sample(double *tokens_per_s, const char *dir, asc_error *err)
{
    asc_token_file *files[DOMAINS] = {0};
    char *work = asc_path_join(dir, "bench-sample");
    asc_status st = work ? asc_mkdirs(work, err) : ASC_NOMEM(err);
    for (size_t d = 0; d < DOMAINS && st == ASC_OK; d++) {
        char *prefix = asc_strf("%s/%zu", work, d);
        st = prefix ? write_domain(prefix, d, err) : ASC_NOMEM(err);
        if (st == ASC_OK)
            st = asc_token_file_open(&files[d], prefix, err);
        asc_free(prefix);
    }
    if (st == ASC_OK)
        st = time_sampling(tokens_per_s, (const asc_token_file *const *)files, err);
    for (size_t d = 0; d < DOMAINS; d++)
        asc_token_file_close(files[d]);
    asc_status cleaned = work ? asc_remove_tree(work, st == ASC_OK ? err : NULL) : ASC_OK;
    asc_free(work);
    return st != ASC_OK ? st : cleaned;
}
