#include "facade.h"

#include <math.h>
#include <string.h>

#include "text/text.h"

/* ---- text to token files ---- */

static asc_status prepare(const asc_prepare_options *o, asc_corpus_domain *domains, asc_error *err)
{
    asc__hooked hooked;
    asc_domain_report *reports = NULL;
    for (size_t i = 0; i < o->n_domains; i++)
        domains[i] = (asc_corpus_domain){.name = o->domains[i], .train = (char *const *)&o->text[i], .n_train = 1};
    asc__hooks_enter(&hooked, o->hooks);
    asc_corpus_opts c = {.domains = domains,
                         .n_domains = o->n_domains,
                         .base_dir = ".",
                         .tokenizer_path = o->tokenizer,
                         .tokenizer_kind = "bpe",
                         .vocab = o->vocab ? o->vocab : 4096,
                         .valid_tokens = o->valid_tokens ? o->valid_tokens : 200000,
                         .n_threads = o->threads > 0 ? o->threads : asc_cpu_count(),
                         .out_dir = o->out_dir,
                         .progress = hooked.hooks.progress,
                         .progress_ctx = hooked.hooks.ctx};
    asc_status st = asc_corpus_prepare(&reports, &c, err);
    asc__hooks_leave(&hooked);
    if (st == ASC_OK)
        asc_domain_reports_free(reports, o->n_domains);
    return st;
}

asc_status asc_prepare(const asc_prepare_options *options, asc_error *err)
{
    asc_prepare_options o;
    ASC__TAKE(o, options);
    if (!o.n_domains || !o.domains || !o.text || !o.out_dir)
        return ASC_FAIL(err, ASC_EINVAL, "prepare: expected domains, their text and out_dir, found none of some");
    if (o.vocab < 0 || o.valid_tokens < 0)
        return ASC_FAIL(err, ASC_EINVAL, "prepare: vocab and valid_tokens: expected numbers >= 0");
    ASC_TRY(asc__names_check("domains", o.domains, o.n_domains, err));
    asc_corpus_domain *domains = asc_calloc(o.n_domains, sizeof *domains);
    asc_status st = domains ? prepare(&o, domains, err) : ASC_NOMEM(err);
    asc_free(domains);
    return st;
}

/* ---- the stream ---- */

struct asc_stream {
    asc_sampler *sampler;
    size_t n_domains;
    asc_token_file **files; /* (D) */
    int64_t *tokens;        /* (D) */
    int64_t at;
};

static asc_status open_stream(asc_stream *s, const asc_stream_options *o, asc_error *err)
{
    s->files = asc_calloc(o->n_domains, sizeof *s->files);
    s->tokens = asc_calloc(o->n_domains, sizeof *s->tokens);
    if (!s->files || !s->tokens)
        return ASC_NOMEM(err);
    s->n_domains = o->n_domains;
    for (size_t i = 0; i < o->n_domains; i++)
        ASC_TRY(asc_token_file_open(&s->files[i], o->files[i], err));
    asc_sampler_opts p = {.files = (const asc_token_file *const *)s->files,
                          .n_domains = o->n_domains,
                          .tokens = o->tokens,
                          .context = o->context,
                          .seed = o->seed,
                          .max_epochs = o->max_epochs};
    ASC_TRY(asc_sampler_create(&s->sampler, &p, err));
    asc_sampler_tokens(s->sampler, s->tokens);
    return ASC_OK;
}

asc_status asc_stream_open(asc_stream **out, const asc_stream_options *options, asc_error *err)
{
    asc_stream_options o;
    ASC__NEEDS(out, err);
    ASC__TAKE(o, options);
    if (!o.n_domains || !o.files || !o.tokens)
        return ASC_FAIL(err, ASC_EINVAL, "stream: expected token files and tokens of each, found none of some");
    if (o.context < 1)
        return ASC_FAIL(err, ASC_EINVAL, "context: expected tokens >= 1, found %d", o.context);
    for (size_t i = 0; i < o.n_domains; i++)
        if (!o.files[i] || o.tokens[i] < 0)
            return ASC_FAIL(err, ASC_EINVAL, "stream: domain %zu: expected a file and tokens >= 0", i);
    asc_stream *s = asc_calloc(1, sizeof *s);
    asc_status st = s ? open_stream(s, &o, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        *out = s;
    else
        asc_stream_close(s);
    return st;
}

void asc_stream_close(asc_stream *stream)
{
    if (!stream)
        return;
    asc_sampler_free(stream->sampler);
    for (size_t i = 0; i < stream->n_domains; i++)
        asc_token_file_close(stream->files[i]);
    asc_free(stream->files);
    asc_free(stream->tokens);
    asc_free(stream);
}

int64_t asc_stream_length(const asc_stream *stream)
{
    return asc_sampler_sequences(stream->sampler);
}

int64_t asc_stream_tokens(const asc_stream *stream, size_t i)
{
    return i < stream->n_domains ? stream->tokens[i] : 0;
}

asc_status asc_stream_seek(asc_stream *stream, int64_t k, asc_error *err)
{
    ASC__NEEDS(stream, err);
    if (k < 0 || k > asc_stream_length(stream))
        return ASC_FAIL(err, ASC_EINVAL, "k: expected 0 to %lld, found %lld", (long long)asc_stream_length(stream),
                        (long long)k);
    if (k < asc_stream_length(stream))
        ASC_TRY(asc_sampler_seek(stream->sampler, k, err));
    stream->at = k;
    return ASC_OK;
}

asc_status asc_stream_next(asc_stream *stream, int32_t *ids, size_t *domain, asc_error *err)
{
    size_t of;
    ASC__NEEDS(stream, err);
    ASC__NEEDS(ids, err);
    if (stream->at >= asc_stream_length(stream))
        return ASC_FAIL(err, ASC_EINVAL, "the stream has ended, after %lld sequences", (long long)stream->at);
    ASC_TRY(asc_sampler_next(stream->sampler, ids, &of, err));
    stream->at++;
    if (domain)
        *domain = of;
    return ASC_OK;
}
