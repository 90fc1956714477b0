/* What a run found: life of the struct, and bursts as JSON. */
#include "spec/spec_result.h"

#include <math.h>

static void fill_nan(double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = NAN;
}

asc_result *asc_result_create(size_t n_domains, size_t n_targets)
{
    asc_result *r = asc_calloc(1, sizeof *r);
    if (!r)
        return NULL;
    *r = (asc_result){.n_domains = n_domains,
                      .n_targets = n_targets,
                      .tokens = NAN,
                      .domain_tokens = asc_calloc(n_domains + 1, sizeof(double)),
                      .loss = asc_calloc(n_targets + 1, sizeof(double)),
                      .wall_s = NAN,
                      .tokens_per_s = NAN,
                      .lr = NAN,
                      .n_retries = -1};
    if (!r->domain_tokens || !r->loss) {
        asc_result_free(r);
        return NULL;
    }
    fill_nan(r->domain_tokens, n_domains);
    fill_nan(r->loss, n_targets);
    return r;
}

asc_status asc_result_set_curve(asc_result *r, size_t n, asc_error *err)
{
    double *tokens = asc_calloc(n + 1, sizeof *tokens), *loss = asc_calloc(n + 1, (r->n_targets + 1) * sizeof *loss);
    if (!tokens || !loss) {
        asc_free(tokens);
        asc_free(loss);
        return ASC_NOMEM(err);
    }
    fill_nan(tokens, n);
    fill_nan(loss, n * r->n_targets);
    asc_free(r->curve_tokens);
    asc_free(r->curve_loss);
    r->curve_tokens = tokens;
    r->curve_loss = loss;
    r->n_curve = n;
    return ASC_OK;
}

void asc_result_free(asc_result *r)
{
    if (!r)
        return;
    asc_free(r->domain_tokens);
    asc_free(r->loss);
    asc_free(r->curve_tokens);
    asc_free(r->curve_loss);
    asc_free(r);
}

/* ---- bursts ---- */

json_t *asc_bursts_json(const asc_bursts *b)
{
    return json_pack("{s:I,s:I,s:o,s:o,s:o,s:o}", "steps", (json_int_t)b->n, "step", (json_int_t)b->step, "tokens",
                     asc_json_tally(b->tokens), "grad_norm", asc_json_num(b->grad_norm), "times",
                     asc_json_num(b->times), "loss_up", asc_json_num(b->loss_up));
}

asc_status asc_bursts_take(asc_bursts *out, const json_t *obj, const char *where, asc_error *err)
{
    json_t *map = json_object_get(obj, "bursts");
    asc_bursts b = {0};
    char place[300];
    if (!map || json_is_null(map))
        return ASC_OK;
    ASC_TRY(asc_json_get_object(obj, where, "bursts", &map, err));
    snprintf(place, sizeof place, "%s: bursts", where);
    ASC_TRY(asc_json_get_count(map, place, "steps", &b.n, err));
    ASC_TRY(asc_json_get_count(map, place, "step", &b.step, err));
    ASC_TRY(asc_json_get_double(map, place, "tokens", &b.tokens, err));
    ASC_TRY(asc_json_get_double(map, place, "grad_norm", &b.grad_norm, err));
    ASC_TRY(asc_json_get_double(map, place, "times", &b.times, err));
    ASC_TRY(asc_json_get_double(map, place, "loss_up", &b.loss_up, err));
    *out = b;
    return ASC_OK;
}
