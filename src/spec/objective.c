#include "spec/spec_objective.h"

#include <assert.h>
#include <math.h>
#include <string.h>

void asc_objective_clear(asc_objective *o)
{
    if (!o)
        return;
    asc_free(o->weights);
    *o = (asc_objective){0};
}

/* "did you mean 'target:c4'?" of a target's name, "did you mean 'worst'?" of a word that is nearly one. */
static asc_status unknown_word(const char *word, char *const *targets, size_t n_targets, asc_error *err)
{
    static const char *const words[] = {"mean-loss", "mean-targets", "mean-domains", "mean-ppl", "worst"};
    const char *target = asc_nearest_name(word, (const char *const *)targets, n_targets);
    const char *near = asc_nearest_name(word, words, sizeof words / sizeof *words);
    if (target && (!near || strcmp(word, target) == 0))
        return ASC_FAIL(err, ASC_EINVAL, "unknown objective '%s'; did you mean 'target:%s'?", word, target);
    return ASC_FAIL(err, ASC_EINVAL,
                    "unknown objective '%s'%s%s%s; expected mean-loss, mean-targets, mean-domains, mean-ppl, worst, "
                    "target:NAME or a file of weights",
                    word, near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* mean-loss, mean-ppl, worst, target:NAME. */
static asc_status parse_word(asc_objective *out, const char *word, char *const *targets, size_t n_targets,
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
        return unknown_word(word, targets, n_targets, err);
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

double asc_objective_slope(const asc_objective *o, size_t v, double loss, size_t n_targets)
{
    assert(v < n_targets && (o->kind != ASC_OBJ_WEIGHTS || (o->weights && o->n_targets == n_targets)));
    switch (o->kind) {
    case ASC_OBJ_WEIGHTS:
        return o->weights[v];
    case ASC_OBJ_MEAN_PPL:
        return exp(loss) / (double)n_targets;
    case ASC_OBJ_MEAN_LOSS:
        return 1 / (double)n_targets;
    case ASC_OBJ_WORST:
        break;
    }
    return 0;
}

/* "mean-loss", "target:NAME", or "weights"; writes into buf. */
static void objective_name(const asc_objective *o, char *const *targets, char *buf, size_t n)
{
    static const char *const words[] = {"mean-loss", "mean-ppl", "worst", "weights"};
    for (size_t v = 0; o->kind == ASC_OBJ_WEIGHTS && v < o->n_targets; v++)
        if (o->weights[v] == 1) {
            snprintf(buf, n, "target:%s", targets[v]);
            return;
        }
    snprintf(buf, n, "%s", words[o->kind]);
}

/* ---- words that need the domains' names ---- */

static bool beside(const asc_target_names *names, size_t v)
{
    for (size_t i = 0; i < names->n_domains; i++)
        if (strcmp(names->targets[v], names->domains[i]) == 0)
            return false;
    return true;
}

size_t asc_targets_beside(const asc_target_names *names)
{
    size_t n = 0;
    for (size_t v = 0; v < names->n_targets; v++)
        n += beside(names, v);
    return n;
}

/* The mean over the targets that are, or are not, domains' own. */
static asc_status parse_mean_of(asc_objective *out, const char *word, const asc_target_names *names, bool of_beside,
                                asc_error *err)
{
    size_t V = names->n_targets, n = asc_targets_beside(names);
    n = of_beside ? n : V - n;
    if (n == 0)
        return ASC_FAIL(err, ASC_EINVAL,
                        of_beside ? "objective '%s': there are no targets beside the domains' own"
                                  : "objective '%s': no target is a domain's own",
                        word);
    asc_objective o = {.kind = n == V ? ASC_OBJ_MEAN_LOSS : ASC_OBJ_WEIGHTS, .n_targets = V};
    o.weights = n < V ? asc_calloc(V, sizeof *o.weights) : NULL;
    if (n < V && !o.weights)
        return ASC_NOMEM(err);
    for (size_t v = 0; n < V && v < V; v++)
        o.weights[v] = beside(names, v) == of_beside ? 1. / (double)n : 0;
    *out = o;
    return ASC_OK;
}

asc_status asc_objective_parse_word(asc_objective *out, const char *word, const asc_target_names *names, asc_error *err)
{
    if (strcmp(word, "mean-targets") == 0 || strcmp(word, "mean-domains") == 0)
        return parse_mean_of(out, word, names, strcmp(word, "mean-targets") == 0, err);
    return parse_word(out, word, names->targets, names->n_targets, err);
}

/* Whether the weights are those of a mean over the targets that are, or are not, domains' own. */
static bool is_mean_of(const asc_objective *o, const asc_target_names *names, bool of_beside)
{
    size_t n = asc_targets_beside(names);
    n = of_beside ? n : names->n_targets - n;
    for (size_t v = 0; v < names->n_targets; v++)
        if (o->weights[v] != (beside(names, v) == of_beside ? 1. / (double)n : 0))
            return false;
    return n > 1;
}

void asc_objective_word(const asc_objective *o, const asc_target_names *names, char *buf, size_t n)
{
    if (o->kind == ASC_OBJ_WEIGHTS && is_mean_of(o, names, true))
        snprintf(buf, n, "mean-targets");
    else if (o->kind == ASC_OBJ_WEIGHTS && is_mean_of(o, names, false))
        snprintf(buf, n, "mean-domains");
    else
        objective_name(o, names->targets, buf, n);
}
