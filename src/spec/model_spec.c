#include "autoscale/spec.h"

void asc_model_spec_init(asc_model_spec *m)
{
    *m = (asc_model_spec){
        .arch = ASC_ARCH_GPT2, .n_layers = 6, .n_heads = 8, .width = 256, .context = 256, .mup_base_width = 256};
}

void asc_training_spec_init(asc_training_spec *t)
{
    *t = (asc_training_spec){.batch_tokens = 16384,
                             .lr = 1e-3,
                             .warmup = .1,
                             .min_lr = .1,
                             .schedule = ASC_SCHEDULE_COSINE,
                             .dtype = ASC_DTYPE_FP32,
                             .seed = 42,
                             .weight_decay = .1,
                             .clip = 1,
                             .beta1 = .9,
                             .beta2 = .95,
                             .eps = 1e-8,
                             .divergence_lr = .5};
}

static bool shape_ok(const asc_model_spec *m)
{
    return m->n_layers > 0 && m->n_heads > 0 && m->width > 0 && m->width % m->n_heads == 0 && m->context > 0 &&
           m->vocab >= 0;
}

/* A block: two LayerNorms (4C), qkv (3C^2 + 3C), projection (C^2 + C), MLP (8C^2 + 5C). */
int64_t asc_model_body_params(const asc_model_spec *m)
{
    if (!shape_ok(m))
        return 0;
    int64_t C = m->width, block = 12 * C * C + 13 * C;
    int64_t rest =
        m->arch == ASC_ARCH_GPT2 ? 2 * C : 2 * C + C * C + C + 2 * C; /* final norm | embedding norm, MLM transform */
    return m->n_layers * block + rest;
}

int64_t asc_model_params(const asc_model_spec *m)
{
    if (!shape_ok(m))
        return 0;
    int64_t C = m->width, V = m->vocab, embed = (V + m->context) * C;
    if (m->arch == ASC_ARCH_BERT)
        embed += 2 * C + V; /* segments, output bias */
    return asc_model_body_params(m) + embed;
}
