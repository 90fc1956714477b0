/* Losses of all laws at one point, draw by draw; what a column of draws says. */
#include "losses.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "expected.h"
#include "num/num.h"
#include "session.h"

asc__losses asc__losses_of(const asc_law_set *laws, const asc_objective *objective, size_t most)
{
    asc__losses a = {.laws = laws,
                     .objective = objective ? objective : &laws->objective,
                     .single = asc_law_set_of_objective(laws),
                     .V = laws->n_targets};
    size_t all = asc_law_set_n_draws(laws);
    a.stride = most && all > most ? (all + most - 1) / most : 1;
    a.K = all / a.stride;
    assert(a.K == 0 || (a.K - 1) * a.stride < all);
    return a;
}

size_t asc__losses_size(const asc__losses *a)
{
    return (a->V + 1) * (a->K + 1);
}

/* The objective's row from those of the targets; a law of the objective itself stands in the first. */
static void form_objective(double *out, const asc__losses *a)
{
    size_t V = a->V, row = a->K + 1;
    assert(V > 0);
    double loss[V + 1];
    for (size_t k = 0; k < row; k++) {
        for (size_t v = 0; v < V; v++)
            loss[v] = out[v * row + k];
        out[V * row + k] = a->single ? loss[0] : asc_objective_value(a->objective, loss, V);
        for (size_t v = 0; a->single && v < V; v++)
            out[v * row + k] = NAN;
    }
}

void asc__losses_at(double *out, const asc__losses *a, const double *tokens, double params)
{
    size_t row = a->K + 1;
    assert(a->laws->n_laws <= a->V);
    for (size_t i = 0; i < a->V * row; i++)
        out[i] = NAN;
    for (size_t v = 0; v < a->laws->n_laws && !asc_interrupted(); v++) {
        const asc_law *l = &a->laws->laws[v];
        asc_law_predict_draws(out + v * row, l, a->K, a->stride, tokens, params);
        out[v * row + a->K] = asc_law_predict(l, tokens, params);
    }
    form_objective(out, a);
}

double asc__shift_to_fit(const asc_law *l, size_t part, const double *tokens, double params, double *value, size_t n)
{
    assert(!l->pick || part < l->n_parts);
    double fitted = n ? asc_law_predict(l->pick ? &l->parts[part] : l, tokens, params) : NAN;
    return isfinite(fitted) ? 2 * (fitted - asc_quantile(value, n, .5)) : 0;
}

static size_t part_of_draw(const asc__losses *a, const asc_law *l, size_t k)
{
    assert(k < a->K);
    return l->pick ? (size_t)l->pick[2 * k * a->stride] : 0;
}

void asc__losses_about_fit(double *about, const double *out, const asc__losses *a, const double *tokens, double params,
                           double *column)
{
    size_t row = a->K + 1;
    memcpy(about, out, asc__losses_size(a) * sizeof *about);
    if (a->single) /* a draw of [K24]'s sum is as near the truth as its estimate */
        return;
    for (size_t v = 0; v < a->laws->n_laws; v++) {
        const asc_law *l = &a->laws->laws[v];
        for (size_t i = 0; i < (l->pick ? l->n_parts : 1) && !asc_interrupted(); i++) {
            size_t n = 0;
            for (size_t k = 0; k < a->K; k++)
                if (part_of_draw(a, l, k) == i && isfinite(out[v * row + k]))
                    column[n++] = out[v * row + k];
            double by = asc__shift_to_fit(l, i, tokens, params, column, n);
            for (size_t k = 0; k < a->K; k++)
                if (part_of_draw(a, l, k) == i)
                    about[v * row + k] += by;
        }
    }
    form_objective(about, a);
}

/* ---- answers ---- */

static size_t differences(const asc__question *q, const double *x, const double *minus)
{
    size_t n = 0;
    for (size_t k = 0; k < q->K; k++) {
        double d = (x[k] - (minus ? minus[k] : 0)) * (q->scale != 0 ? q->scale : 1);
        if (isfinite(d))
            q->room[n++] = d;
    }
    return n;
}

bool asc__answer(asc_difference *out, const asc__question *q)
{
    double level = q->level > 0 ? q->level : .9, lo = .5 - level / 2, hi = .5 + level / 2;
    size_t n = differences(q, q->x, q->minus), other;
    assert(level < 1 && (!q->minus || q->minus_about) && n <= q->K);
    if (n < ASC__FEWEST_DRAWS)
        return false;
    out->value = asc_mean(q->room, n);
    out->lo = asc_quantile(q->room, n, lo);
    out->hi = asc_quantile(q->room, n, hi);
    other = differences(q, q->about, q->minus_about);
    if (other >= ASC__FEWEST_DRAWS)
        asc__hull(&out->lo, &out->hi, asc_quantile(q->room, other, lo), asc_quantile(q->room, other, hi));
    asc__hold(out->value, &out->lo, &out->hi);
    if (q->drift > 0)
        asc__widen(out->value, q->drift, level, &out->lo, &out->hi);
    out->p_better = 1 - asc__odds_above(out->value, out->lo, out->hi, level, n);
    return true;
}
