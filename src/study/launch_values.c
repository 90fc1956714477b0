/* What a user's command may ask of a run: {tokens}, {seed}, … and AUTOSCALE_TOKENS, AUTOSCALE_SEED, … */
#include "steps.h"

#include <stdlib.h>
#include <string.h>

static char *join_names(char *const *list, size_t n)
{
    asc_buf b = {0};
    asc_buf_puts(&b, "");
    for (size_t i = 0; i < n; i++) {
        asc_buf_puts(&b, i ? "," : "");
        asc_buf_puts(&b, list[i]);
    }
    if (!b.oom)
        return b.data;
    asc_buf_clear(&b);
    return NULL;
}

static char *real_text(double x)
{
    char buf[32];
    return asc_strdup(asc_format_double(x, buf));
}

/* What the run's schedule is made for: more than it trains on where it ends before. */
static double schedule_tokens(const asc_run_spec *r)
{
    double sum = 0;
    for (size_t i = 0; i < r->n_domains; i++)
        sum += r->tokens[i];
    return sum;
}

asc_status asc__launch_values(asc_launch_value *out, size_t *n, const char *study, const asc_run_spec *r,
                              const char *dir, double tokens, asc_error *err)
{
    const asc_model_spec *m = &r->model;
    const asc_training_spec *t = &r->training;
    const asc_launch_value values[] = {
        {"mixture", asc_path_join(dir, "mixture.json")},
        {"run_dir", asc_strdup(dir)},
        {"out", asc_strdup(dir)},
        {"tokens", asc_strf("%.0f", tokens)},
        {"seed", asc_strf("%llu", (unsigned long long)t->seed)},
        {"run", asc_strdup(r->id)},
        {"study", asc_strdup(study)},
        {"params", r->params > 0 ? asc_strf("%.0f", r->params) : asc_strf("%lld", (long long)asc_model_params(m))},
        {"lr", real_text(t->lr)},
        {"batch_tokens", asc_strf("%lld", (long long)t->batch_tokens)},
        {"context", asc_strf("%d", m->context)},
        {"threads", asc_strf("%d", r->threads)},
        {"layers", asc_strf("%d", m->n_layers)},
        {"heads", asc_strf("%d", m->n_heads)},
        {"width", asc_strf("%d", m->width)},
        {"vocab", asc_strf("%d", m->vocab)},
        {"warmup", real_text(t->warmup)},
        {"dtype", asc_strdup(asc_dtype_name(t->dtype))},
        {"tokenizer", r->tokenizer ? asc_path_real(dir, r->tokenizer) : asc_strdup("")},
        {"domains", join_names(r->domains, r->n_domains)},
        {"ranks", asc_strf("%d", r->ranks)},
        {"init", r->init_from ? asc_path_real(dir, r->init_from) : asc_strdup("")},
        {"schedule_tokens", asc_strf("%.0f", schedule_tokens(r))},
    };
    asc_status st = ASC_OK;
    *n = sizeof values / sizeof *values;
    memcpy(out, values, sizeof values);
    for (size_t i = 0; i < *n; i++)
        if (!out[i].text)
            st = ASC_NOMEM(err);
    return st;
}
