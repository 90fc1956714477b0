/* J(w): from shares to tokens, to tokens that count (repetition), to losses, to the objective; and its gradient. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "worlds.h"

void asc__problem_tokens(const asc__problem *p, const double *w, double *tokens)
{
    assert(p->n_tokens > 0);
    for (size_t i = 0; i < p->laws->n_domains; i++) {
        double n = w[i] * p->n_tokens;
        tokens[i] = p->available ? asc_effective_tokens(n, p->available[i]) : n;
    }
}

bool asc__target_counts(const asc_objective *o, size_t v)
{
    assert(o->kind != ASC_OBJ_WEIGHTS || v < o->n_targets);
    return o->kind != ASC_OBJ_WEIGHTS || o->weights[v] != 0;
}

static void set_losses(asc__problem *p)
{
    for (size_t v = 0; v < p->laws->n_targets; v++) {
        p->loss[v] = asc__target_counts(p->objective, v) ? asc_law_predict(&p->laws->laws[v], p->tokens, p->params) : 0;
    }
}

double asc__problem_objective(asc__problem *p, const double *w)
{
    asc__problem_tokens(p, w, p->tokens);
    if (p->single)
        return asc_law_predict(&p->laws->laws[0], p->tokens, p->params);
    set_losses(p);
    return asc_objective_value(p->objective, p->loss, p->laws->n_targets);
}

/* Smooth maximum of the losses; loss becomes dJ/dL. */
static double smooth_worst(double *loss, size_t n, double mu)
{
    /* mu log sum_v exp(L_v / mu), whose derivative against L_v is the softmax of L / mu; the largest is taken off first
     */
    double most = -INFINITY, sum = 0;
    assert(n > 0 && mu > 0);
    for (size_t v = 0; v < n; v++)
        most = fmax(most, loss[v]);
    for (size_t v = 0; v < n; v++)
        sum += loss[v] = exp((loss[v] - most) / mu);
    for (size_t v = 0; v < n; v++)
        loss[v] /= sum;
    return most + mu * log(sum);
}

double asc__outer(const asc_objective *o, double smooth, double *loss, size_t V)
{
    if (o->kind == ASC_OBJ_WORST && smooth > 0)
        return smooth_worst(loss, V, smooth);
    double value = asc_objective_value(o, loss, V);
    size_t worst = V;
    for (size_t v = 0; v < V; v++) {
        if (o->kind == ASC_OBJ_WORST && worst == V && loss[v] == value)
            worst = v;
        loss[v] = asc_objective_slope(o, v, loss[v], V);
    }
    if (worst < V)
        loss[worst] = 1;
    return value;
}

static double losses_and_gradient(asc__problem *p, double *gradient)
{
    size_t D = p->laws->n_domains, V = p->laws->n_targets;
    assert(p->laws->n_laws == V); /* one law per target: a law of the objective itself goes another way */
    set_losses(p);
    double value = asc__outer(p->objective, p->smooth, p->loss, V);
    if (!gradient)
        return value;
    memset(gradient, 0, D * sizeof *gradient);
    for (size_t v = 0; v < V; v++) {
        if (p->loss[v] == 0)
            continue;
        asc_law_gradient(&p->laws->laws[v], p->tokens, p->params, p->part);
        for (size_t i = 0; i < D; i++)
            gradient[i] += p->loss[v] * p->part[i];
    }
    return value;
}

static double penalty(const asc__problem *p, const double *w, double *gradient)
{
    /* kl sum_i w_i log(w_i / prior_i); its derivative is kl (log(w_i / prior_i) + 1) */
    double sum = 0;
    for (size_t i = 0; p->prior && p->kl > 0 && i < p->laws->n_domains; i++) {
        double ratio = log(fmax(w[i], 1e-12) / fmax(p->prior[i], 1e-12));
        sum += p->kl * w[i] * ratio;
        if (gradient)
            gradient[i] += p->kl * (ratio + 1);
    }
    return sum;
}

double asc__problem_eval(void *ctx, const double *w, double *gradient)
{
    asc__problem *p = ctx;
    if (asc_interrupted())
        return INFINITY; /* every search ends at once */
    asc__problem_tokens(p, w, p->tokens);
    double value;
    if (p->worlds)
        value = asc__worlds_eval(p->worlds, p->tokens, gradient);
    else if (p->single)
        value = gradient ? asc_law_gradient(&p->laws->laws[0], p->tokens, p->params, gradient)
                         : asc_law_predict(&p->laws->laws[0], p->tokens, p->params);
    else
        value = losses_and_gradient(p, gradient);
    for (size_t i = 0; gradient && i < p->laws->n_domains; i++)
        gradient[i] *= p->n_tokens * (p->available ? asc__effective_slope(w[i] * p->n_tokens, p->available[i]) : 1);
    value += penalty(p, w, gradient);
    return isfinite(value) ? value : INFINITY;
}

bool asc__problem_has_steps(const asc_law_set *laws)
{
    bool steps = false;
    for (size_t v = 0; v < laws->n_laws && !steps; v++)
        steps = asc_law_has_steps(&laws->laws[v]);
    return steps;
}

bool asc__same_objective(const asc_objective *a, const asc_objective *b)
{
    if (a->kind != b->kind || a->n_targets != b->n_targets)
        return false;
    for (size_t v = 0; a->kind == ASC_OBJ_WEIGHTS && v < a->n_targets; v++)
        if (fabs(a->weights[v] - b->weights[v]) > 1e-12)
            return false;
    return true;
}
