/* FLOPs of a model, and the tokens of a proxy of a swarm. */
#include "steps.h"

#include <math.h>

/* Forward: 2 a weight that multiplies a token (embeddings are looked up), and attention's 2 T C for QK^T and as much
 * for its product with V, per layer and token (the causal half that is not needed counted too, as is usual); the output
 * layer for the tokens that are predicted alone. Backward: twice that. */
double asc__flops_forward(const asc_model_spec *m, double tokens, double predicted)
{
    double C = m->width, body = (double)asc_model_body_products(m);
    double attention = 2. * m->n_layers * m->context * m->n_heads * asc_model_head_dim(m);
    return 2 * (tokens * (body + attention) + predicted * m->vocab * C);
}

double asc_flops_eval(const asc_model_spec *m, double tokens)
{
    return asc__flops_forward(m, tokens, tokens * (asc_arch_is_encoder(m->arch) ? ASC_HIDDEN_SHARE : 1));
}

double asc_flops_train(const asc_model_spec *m, double tokens)
{
    return 3 * asc_flops_eval(m, tokens);
}

double asc__swarm_tokens(const asc__study *s)
{
    double T = s->model.context;
    return floor(asc_study_swarm_tokens(s->spec) / T) * T;
}

double asc__eval_tokens(const asc__study *s)
{
    size_t texts = s->V;
    for (size_t i = 0; i < s->spec->n_heldout; i++)
        texts -= s->spec->heldout[i].task != NULL;
    return (double)s->spec->valid_tokens * (double)texts;
}
