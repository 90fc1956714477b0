/* The stream of sequences that a run trains on: one place, for the engine, for runs computed outside and for readers.
 */
#include "train/train.h"

#include <math.h>

asc_status asc_run_spec_sampler(asc_sampler **out, const asc_run_spec *s, const asc_token_file *const *files,
                                asc_error *err)
{
    size_t D = s->n_domains, K = s->n_phases ? s->n_phases : 1;
    const double *wanted = s->n_phases ? s->phase_tokens : s->tokens;
    int64_t *tokens = asc_calloc(K, D * sizeof *tokens);
    double *epochs = asc_malloc(D * sizeof *epochs);
    for (size_t i = 0; tokens && i < K * D; i++)
        tokens[i] = (int64_t)wanted[i];
    for (size_t i = 0; epochs && i < D; i++)
        epochs[i] = isnan(s->max_epochs[i]) ? INFINITY : s->max_epochs[i];
    asc_sampler_opts o = {.files = files,
                          .n_domains = D,
                          .tokens = tokens,
                          .context = s->model.context,
                          .seed = s->training.seed,
                          .max_epochs = epochs,
                          .n_phases = K};
    asc_status st = tokens && epochs ? asc_sampler_create(out, &o, err) : ASC_NOMEM(err);
    asc_free(tokens);
    asc_free(epochs);
    return st;
}
