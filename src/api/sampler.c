#include "facade.h"

#include <math.h>
#include <string.h>

#include "text/text.h"
#include "train/train.h"

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
                         .tokenizer_kind = ASC_TOKENIZER_BPE,
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
        return ASC_FAIL(err, ASC_EINVAL,
                        "prepare: expected domains, their text and out_dir, found none for at least one");
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
    char **domains;         /* (D) */
    asc_token_file **files; /* (D) */
    int64_t *tokens;        /* (D) */
    int context;
    int64_t at, batch, length;
};

static asc_status open_files(asc_stream *s, const char *const *files, const char *const *names, size_t n,
                             asc_error *err)
{
    s->domains = asc_calloc(n, sizeof *s->domains);
    s->files = asc_calloc(n, sizeof *s->files);
    s->tokens = asc_calloc(n, sizeof *s->tokens);
    if (!s->domains || !s->files || !s->tokens)
        return ASC_NOMEM(err);
    s->n_domains = n;
    for (size_t i = 0; i < n; i++) {
        if (!(s->domains[i] = asc_strdup(names[i])))
            return ASC_NOMEM(err);
        ASC_TRY(asc_token_file_open(&s->files[i], files[i], err));
    }
    return ASC_OK;
}

static void measure(asc_stream *s, int context, int64_t batch)
{
    asc_sampler_tokens(s->sampler, s->tokens);
    s->length = asc_sampler_sequences(s->sampler);
    s->context = context;
    s->batch = batch;
}

static asc_status open_stream(asc_stream *s, const asc_stream_options *o, asc_error *err)
{
    ASC_TRY(open_files(s, o->files, o->files, o->n_domains, err));
    asc_sampler_opts p = {.files = (const asc_token_file *const *)s->files,
                          .n_domains = o->n_domains,
                          .tokens = o->tokens,
                          .context = o->context,
                          .seed = o->seed,
                          .max_epochs = o->max_epochs};
    ASC_TRY(asc_sampler_create(&s->sampler, &p, err));
    int64_t batch = o->batch_tokens / o->context;
    measure(s, o->context, batch > 1 ? batch : 1);
    return ASC_OK;
}

static asc_status finish(asc_stream **out, asc_stream *s, asc_status st)
{
    if (st == ASC_OK)
        *out = s;
    else
        asc_stream_close(s);
    return st;
}

asc_status asc_stream_open(asc_stream **out, const asc_stream_options *options, asc_error *err)
{
    asc_stream_options o;
    ASC__NEEDS(out, err);
    ASC__TAKE(o, options);
    if (!o.n_domains || !o.files || !o.tokens)
        return ASC_FAIL(err, ASC_EINVAL,
                        "stream: expected token files and tokens of each, found none for at least one");
    if (o.context < 1 || o.batch_tokens < 0)
        return ASC_FAIL(err, ASC_EINVAL, "stream: expected context >= 1 and batch_tokens >= 0, found %d and %lld",
                        o.context, (long long)o.batch_tokens);
    for (size_t i = 0; i < o.n_domains; i++) {
        if (!o.files[i] || o.tokens[i] < 0)
            return ASC_FAIL(err, ASC_EINVAL, "stream: domain %zu: expected a file and tokens >= 0", i);
        if (o.max_epochs && !isnan(o.max_epochs[i]) && !(o.max_epochs[i] > 0))
            return ASC_FAIL(err, ASC_EINVAL, "max_epochs[%zu]: expected a number > 0, found %g", i, o.max_epochs[i]);
    }
    asc_stream *s = asc_calloc(1, sizeof *s);
    return finish(out, s, s ? open_stream(s, &o, err) : ASC_NOMEM(err));
}

static asc_status open_run(asc_stream *s, const asc_run_spec *r, asc_error *err)
{
    ASC_TRY(open_files(s, (const char *const *)r->train_files, (const char *const *)r->domains, r->n_domains, err));
    ASC_TRY(asc_run_spec_sampler(&s->sampler, r, (const asc_token_file *const *)s->files, err));
    measure(s, r->model.context, asc_train_steps_of(&r->model, &r->training, asc_sampler_sequences(s->sampler)).batch);
    return ASC_OK;
}

asc_status asc_stream_open_run(asc_stream **out, const char *dir, asc_error *err)
{
    asc_run_spec r = {0};
    ASC__NEEDS(out, err);
    ASC__NEEDS(dir, err);
    ASC_TRY(asc_run_spec_read(&r, dir, err));
    asc_stream *s = asc_calloc(1, sizeof *s);
    asc_status st = s ? open_run(s, &r, err) : ASC_NOMEM(err);
    asc_run_spec_clear(&r);
    return finish(out, s, st);
}

void asc_stream_close(asc_stream *stream)
{
    if (!stream)
        return;
    asc_sampler_free(stream->sampler);
    for (size_t i = 0; i < stream->n_domains; i++) {
        asc_token_file_close(stream->files[i]);
        asc_free(stream->domains[i]);
    }
    asc_free(stream->domains);
    asc_free(stream->files);
    asc_free(stream->tokens);
    asc_free(stream);
}

int64_t asc_stream_length(const asc_stream *stream)
{
    return stream->length;
}

int asc_stream_context(const asc_stream *stream)
{
    return stream->context;
}

size_t asc_stream_n_domains(const asc_stream *stream)
{
    return stream->n_domains;
}

const char *asc_stream_domain(const asc_stream *stream, size_t i)
{
    return i < stream->n_domains ? stream->domains[i] : NULL;
}

int64_t asc_stream_tokens(const asc_stream *stream, size_t i)
{
    return i < stream->n_domains ? stream->tokens[i] : 0;
}

asc_status asc_stream_seek(asc_stream *stream, int64_t k, asc_error *err)
{
    ASC__NEEDS(stream, err);
    if (k < 0 || k > stream->length)
        return ASC_FAIL(err, ASC_EINVAL, "k: expected 0 to %lld, found %lld", (long long)stream->length, (long long)k);
    ASC_TRY(asc_sampler_seek(stream->sampler, k, err));
    stream->at = k;
    return ASC_OK;
}

asc_status asc_stream_next(asc_stream *stream, int32_t *ids, size_t *domain, asc_error *err)
{
    size_t of;
    ASC__NEEDS(stream, err);
    ASC__NEEDS(ids, err);
    if (stream->at >= stream->length)
        return ASC_FAIL(err, ASC_EINVAL, "the stream has ended, after %lld sequences", (long long)stream->at);
    ASC_TRY(asc_sampler_next(stream->sampler, ids, &of, err));
    stream->at++;
    if (domain)
        *domain = of;
    return ASC_OK;
}

/* ---- its steps ---- */

int64_t asc_stream_steps(const asc_stream *stream)
{
    return (stream->length + stream->batch - 1) / stream->batch;
}

int64_t asc_stream_step_sequences(const asc_stream *stream, int64_t s)
{
    if (s < 0 || s >= asc_stream_steps(stream))
        return 0;
    int64_t left = stream->length - s * stream->batch;
    return left < stream->batch ? left : stream->batch;
}

asc_status asc_stream_batch(asc_stream *stream, int64_t s, int32_t *ids, size_t *domain, asc_error *err)
{
    ASC__NEEDS(stream, err);
    ASC__NEEDS(ids, err);
    int64_t n = asc_stream_step_sequences(stream, s);
    size_t row = (size_t)stream->context + 1;
    if (n == 0)
        return ASC_FAIL(err, ASC_EINVAL, "step: expected 0 to %lld, found %lld",
                        (long long)asc_stream_steps(stream) - 1, (long long)s);
    ASC_TRY(asc_stream_seek(stream, s * stream->batch, err));
    for (int64_t b = 0; b < n; b++)
        ASC_TRY(asc_stream_next(stream, ids + (size_t)b * row, domain ? domain + b : NULL, err));
    return ASC_OK;
}
