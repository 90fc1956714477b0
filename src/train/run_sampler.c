/* The stream of sequences that a run trains on: one place, for the engine, for runs computed outside and for readers.
 */
#include "train/train.h"

#include <math.h>

asc_status asc_run_spec_sampler(asc_sampler **out, const asc_run_spec *s, const asc_token_file *const *files,
                                asc_error *err)
{
    int64_t *tokens = asc_malloc(s->n_domains * sizeof *tokens);
    double *epochs = asc_malloc(s->n_domains * sizeof *epochs);
    for (size_t i = 0; tokens && epochs && i < s->n_domains; i++) {
        tokens[i] = (int64_t)s->tokens[i];
        epochs[i] = isnan(s->max_epochs[i]) ? INFINITY : s->max_epochs[i];
    }
    asc_sampler_opts o = {.files = files,
                          .n_domains = s->n_domains,
                          .tokens = tokens,
                          .context = s->model.context,
                          .seed = s->training.seed,
                          .max_epochs = epochs};
    asc_status st = tokens && epochs ? asc_sampler_create(out, &o, err) : ASC_NOMEM(err);
    asc_free(tokens);
    asc_free(epochs);
    return st;
}
