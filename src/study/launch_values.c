/* What a user's command may ask of a run: {tokens}, {seed}, … and AUTOSCALE_TOKENS, AUTOSCALE_SEED, … */
#include "steps.h"

#include <stdlib.h>
#include <string.h>

#include "spec/spec_placeholders.h"

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
    char *const text[ASC_N_OF_RUN] = {
        [ASC_OF_RUN_MIXTURE] = asc_path_join(dir, "mixture.json"),
        [ASC_OF_RUN_RUN_DIR] = asc_strdup(dir),
        [ASC_OF_RUN_OUT] = asc_strdup(dir),
        [ASC_OF_RUN_TOKENS] = asc_strf("%.0f", tokens),
        [ASC_OF_RUN_SEED] = asc_strf("%llu", (unsigned long long)t->seed),
        [ASC_OF_RUN_RUN] = asc_strdup(r->id),
        [ASC_OF_RUN_STUDY] = asc_strdup(study),
        [ASC_OF_RUN_PARAMS] =
            r->params > 0 ? asc_strf("%.0f", r->params) : asc_strf("%lld", (long long)asc_model_params(m)),
        [ASC_OF_RUN_LR] = real_text(t->lr),
        [ASC_OF_RUN_BATCH_TOKENS] = asc_strf("%lld", (long long)t->batch_tokens),
        [ASC_OF_RUN_CONTEXT] = asc_strf("%d", m->context),
        [ASC_OF_RUN_THREADS] = asc_strf("%d", r->threads),
        [ASC_OF_RUN_LAYERS] = asc_strf("%d", m->n_layers),
        [ASC_OF_RUN_HEADS] = asc_strf("%d", m->n_heads),
        [ASC_OF_RUN_WIDTH] = asc_strf("%d", m->width),
        [ASC_OF_RUN_VOCAB] = asc_strf("%d", m->vocab),
        [ASC_OF_RUN_WARMUP] = real_text(t->warmup),
        [ASC_OF_RUN_DTYPE] = asc_strdup(asc_dtype_name(t->dtype)),
        [ASC_OF_RUN_TOKENIZER] = r->tokenizer ? asc_path_real(dir, r->tokenizer) : asc_strdup(""),
        [ASC_OF_RUN_DOMAINS] = join_names(r->domains, r->n_domains),
        [ASC_OF_RUN_RANKS] = asc_strf("%d", r->ranks),
        [ASC_OF_RUN_INIT] = r->init_from ? asc_path_real(dir, r->init_from) : asc_strdup(""),
        [ASC_OF_RUN_SCHEDULE_TOKENS] = asc_strf("%.0f", schedule_tokens(r)),
    };
    asc_status st = ASC_OK;
    *n = ASC_N_OF_RUN;
    asc_launch_values_of(out, asc_of_run, text, *n);
    for (size_t i = 0; i < *n; i++)
        if (!out[i].text)
            st = ASC_NOMEM(err);
    return st;
}
