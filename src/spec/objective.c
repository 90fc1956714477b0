#include "spec/spec.h"

#include <math.h>
#include <string.h>

void asc_objective_clear(asc_objective *o)
{
    if (!o)
        return;
    asc_free(o->weights);
    *o = (asc_objective){0};
}

asc_status asc_objective_parse(asc_objective *out, const char *word, char *const *targets, size_t n_targets,
                               asc_error *err)
{
    asc_objective o = {.n_targets = n_targets};
    if (strcmp(word, "mean-loss") == 0)
        o.kind = ASC_OBJ_MEAN_LOSS;
    else if (strcmp(word, "mean-ppl") == 0)
        o.kind = ASC_OBJ_MEAN_PPL;
    else if (strcmp(word, "worst") == 0)
        o.kind = ASC_OBJ_WORST;
    else if (strncmp(word, "target:", 7) == 0) {
        size_t v = 0;
        while (v < n_targets && strcmp(targets[v], word + 7) != 0)
            v++;
        if (v == n_targets) {
            const char *near = asc_nearest_name(word + 7, (const char *const *)targets, n_targets);
            return ASC_FAIL(err, ASC_EINVAL, "objective: no target named '%s'%s%s%s", word + 7,
                            near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        }
        o.kind = ASC_OBJ_WEIGHTS;
        o.weights = asc_calloc(n_targets, sizeof *o.weights);
        if (!o.weights)
            return ASC_NOMEM(err);
        o.weights[v] = 1;
    } else
        return ASC_FAIL(err, ASC_EINVAL,
                        "objective '%s': expected mean-loss, mean-ppl, worst, target:NAME or a file of weights", word);
    *out = o;
    return ASC_OK;
}

double asc_objective_value(const asc_objective *o, const double *loss, size_t n_targets)
{
    double sum = 0, worst = -INFINITY;
    for (size_t v = 0; v < n_targets; v++) {
        double w = o->weights ? o->weights[v] : 1;
        if (o->kind == ASC_OBJ_WEIGHTS && w == 0)
            continue;
        if (isnan(loss[v]))
            return NAN;
        sum += o->kind == ASC_OBJ_WEIGHTS ? w * loss[v] : o->kind == ASC_OBJ_MEAN_PPL ? exp(loss[v]) : loss[v];
        worst = fmax(worst, loss[v]);
    }
    if (o->kind == ASC_OBJ_WORST)
        return n_targets ? worst : NAN;
    return o->kind == ASC_OBJ_WEIGHTS ? sum : sum / (double)n_targets;
}

void asc_objective_name(const asc_objective *o, char *const *targets, char *buf, size_t n)
{
    static const char *const words[] = {"mean-loss", "mean-ppl", "worst", "weights"};
    for (size_t v = 0; o->kind == ASC_OBJ_WEIGHTS && v < o->n_targets; v++)
        if (o->weights[v] == 1) {
            snprintf(buf, n, "target:%s", targets[v]);
            return;
        }
    snprintf(buf, n, "%s", words[o->kind]);
}
