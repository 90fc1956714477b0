#include "facade.h"

#include <math.h>
#include <string.h>

#include "device/device.h"
#include "model/model.h"
#include "table/table.h"
#include "text/text.h"
#include "text/text_tokens_dir.h"
#include "train/train.h"

typedef struct trained {
    asc_trained shown;
    asc_run_result r;
} trained;

/* ---- options into a run ---- */

static asc_status read_settings(asc_run_spec *s, const asc_train_options *o, asc_error *err)
{
    asc_error why = {0};
    asc_model_spec *m = &s->model;
    asc_training_spec *t = &s->training;
    if (o->arch && (!asc_arch_parse(o->arch, &m->arch) || asc_arch_kind_of(m->arch) == ASC_ARCH_READER))
        return ASC_FAIL(err, ASC_EINVAL, "arch: expected %s, found '%s'", asc_arch_list(), o->arch);
    if (o->dtype && !asc_dtype_parse(o->dtype, &t->dtype))
        return ASC_FAIL(err, ASC_EINVAL, "dtype: expected fp32 or bf16, found '%s'", o->dtype);
    if (o->lr != 0 && !(o->lr >= ASC_MIN_LR && o->lr <= ASC_MAX_LR))
        return ASC_FAIL(err, ASC_EINVAL, "lr: expected a number from %g to %g, found %g", ASC_MIN_LR, ASC_MAX_LR,
                        o->lr);
    if (o->threads < 0 || o->threads > ASC_MAX_THREADS || o->batch_tokens < 0 || o->tokens < 0)
        return ASC_FAIL(err, ASC_EINVAL, "threads (0 to %d), batch_tokens and tokens (>= 0): out of range",
                        (int)ASC_MAX_THREADS);
    m->n_layers = o->layers ? o->layers : m->n_layers;
    m->n_heads = o->heads ? o->heads : m->n_heads;
    m->width = o->width ? o->width : m->width;
    m->context = o->context ? o->context : m->context;
    t->batch_tokens = o->batch_tokens ? o->batch_tokens : t->batch_tokens;
    t->lr = o->lr > 0 ? o->lr : t->lr;
    t->seed = o->seed ? o->seed : t->seed;
    s->threads = o->threads ? o->threads : 1;
    if (asc_model_spec_check(m, &why) != ASC_OK)
        return ASC_FAIL(err, ASC_EINVAL, "model: %s", why.msg);
    ASC_TRY(asc_device_isa_check(s->isa, t->dtype, err));
    s->isa = asc_device_isa_resolve(s->isa);
    return ASC_OK;
}

static asc_status read_tokenizer(asc_run_spec *s, asc_tokens_dir *d, const char *path, asc_error *err)
{
    asc_tokenizer *t = NULL;
    if (!d->tokenizer)
        return ASC_FAIL(err, ASC_EINVAL, "%s: no tokenizer.json beside the token files: the vocabulary size is unknown",
                        path);
    ASC_TRY(asc_tokenizer_load(&t, d->tokenizer, err));
    s->model.vocab = (int)asc_tokenizer_vocab(t);
    asc_tokenizer_free(t);
    s->tokenizer = d->tokenizer;
    d->tokenizer = NULL;
    return ASC_OK;
}

/* The names and files move from d into s. */
static asc_status take_files(asc_run_spec *s, asc_tokens_dir *d, const char *path, asc_error *err)
{
    if (d->n_domains == 0 || d->n_targets == 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s: no %s files", path, d->n_domains == 0 ? "NAME.train" : "NAME.valid");
    ASC_TRY(read_tokenizer(s, d, path, err));
    s->n_domains = d->n_domains;
    s->domains = d->domains;
    s->train_files = d->train_files;
    s->n_targets = d->n_targets;
    s->targets = d->targets;
    s->valid_files = d->valid_files;
    *d = (asc_tokens_dir){0};
    return ASC_OK;
}

static asc_status read_mixture(asc_run_spec *s, const asc_train_options *o, asc_error *err)
{
    size_t D = s->n_domains;
    int64_t total = o->tokens ? o->tokens : o->mixture ? asc_mix_file_total(o->mixture) : 0;
    double *w = asc_calloc(D, sizeof *w);
    int64_t *whole = asc_calloc(D, sizeof *whole);
    s->tokens = asc_calloc(D, sizeof *s->tokens);
    s->max_epochs = asc_calloc(D, sizeof *s->max_epochs);
    asc_status st = w && whole && s->tokens && s->max_epochs ? ASC_OK : ASC_NOMEM(err);
    for (size_t i = 0; st == ASC_OK && i < D; i++)
        w[i] = 1. / (double)D;
    if (st == ASC_OK && o->mixture)
        st = asc_mix_file_weights(w, o->mixture, "mixture", s->domains, D, err);
    if (st == ASC_OK && total < 1)
        st = ASC_FAIL(err, ASC_EINVAL, "tokens: expected a token budget > 0: none was given and the mixture has none");
    if (st == ASC_OK)
        st = asc_mixture_tokens(whole, NULL, w, D, total, NULL, err);
    for (size_t i = 0; st == ASC_OK && i < D; i++) {
        s->tokens[i] = (double)whole[i];
        s->max_epochs[i] = NAN;
    }
    asc_free(w);
    asc_free(whole);
    return st;
}

static asc_status make_spec(asc_run_spec *s, const asc_train_options *o, asc_error *err)
{
    asc_tokens_dir d = {0};
    const char *slash = strrchr(o->out_dir, '/');
    ASC_TRY(read_settings(s, o, err));
    ASC_TRY(asc_tokens_dir_open(&d, o->tokens_dir, err));
    asc_status st = take_files(s, &d, o->tokens_dir, err);
    asc_tokens_dir_clear(&d);
    ASC_TRY(st);
    s->id = asc_strdup(slash && slash[1] ? slash + 1 : o->out_dir);
    s->device = asc_strdup("cpu");
    s->keep_checkpoint = true;
    return s->id && s->device ? read_mixture(s, o, err) : ASC_NOMEM(err);
}

/* ---- the run ---- */

static void told(void *ctx, const asc_train_status *s)
{
    const asc__hooked *h = ctx;
    if (h->hooks.progress)
        h->hooks.progress(h->hooks.ctx, "training", (double)s->step, (double)s->n_steps, "steps");
}

static asc_status run(trained *t, const asc_train_options *o, asc_error *err)
{
    asc__hooked hooked;
    char *path = asc_path_join(o->out_dir, "result.json");
    if (!path)
        return ASC_NOMEM(err);
    asc__hooks_enter(&hooked, o->hooks);
    asc_status st = asc_train_run(o->out_dir, told, &hooked, err);
    asc__hooks_leave(&hooked);
    if (st == ASC_OK)
        st = asc_run_result_read(&t->r, path, NULL, 0, err);
    asc_free(path);
    return st;
}

asc_status asc_train(const asc_trained **out, const asc_train_options *options, asc_error *err)
{
    asc_train_options o;
    asc_run_spec s;
    ASC__NEEDS(out, err);
    ASC__TAKE(o, options);
    if (!o.tokens_dir || !o.out_dir)
        return ASC_FAIL(err, ASC_EINVAL, "train: expected tokens_dir and out_dir, found NULL");
    trained *t = asc_calloc(1, sizeof *t);
    asc_run_spec_init(&s);
    asc_status st = t ? make_spec(&s, &o, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = asc_run_spec_begin(&s, o.out_dir, err);
    asc_run_spec_clear(&s);
    if (st == ASC_OK)
        st = run(t, &o, err);
    if (st != ASC_OK) {
        asc_trained_free(t ? &t->shown : NULL);
        return st;
    }
    t->shown = (asc_trained){strcmp(t->r.state, "done") != 0,   t->r.why, t->r.tokens, t->r.wall_s, t->r.n_targets,
                             (const char *const *)t->r.targets, t->r.loss};
    *out = &t->shown;
    return ASC_OK;
}

void asc_trained_free(const asc_trained *result)
{
    trained *t = (trained *)result;
    if (!t)
        return;
    asc_run_result_clear(&t->r);
    asc_free(t);
}
