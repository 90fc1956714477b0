/* The objective over the draws of a law set: each draw is a world that the runs allow, the mean over worlds is what a
 * mixture is measured by. The worlds share what they can: a process that all of them have in common is evaluated once
 * per point, not once per world. */
#include "worlds.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "losses.h"

void asc__worlds_free(asc__worlds *w)
{
    if (!w)
        return;
    for (size_t k = 0; w->view && k < w->n; k++)
        asc_law_set_view_free(&w->view[k]);
    asc_free(w->view);
    asc_free(w->leaf);
    asc_free(w->right);
    asc_free(w->part);
    asc_free(w->column);
    asc__processes_clear(&w->processes);
    asc_free(w->block);
    asc_free(w);
}

/* Every part of it, so that nothing need be left out. */
static bool decides_throughout(const asc_law *l)
{
    bool all = asc_law_decides(l);
    for (size_t k = 0; k < l->n_parts; k++)
        all &= decides_throughout(&l->parts[k]);
    return all;
}

bool asc__laws_decide_throughout(const asc_law_set *s)
{
    bool all = true;
    for (size_t v = 0; v < s->n_laws; v++)
        all &= decides_throughout(&s->laws[v]);
    return all;
}

bool asc__laws_may_decide(const asc_law_set *s)
{
    bool all = true;
    for (size_t v = 0; v < s->n_laws; v++)
        all &= asc_law_decides(&s->laws[v]);
    return all;
}

/* ---- what worlds share ---- */

/* All processes are evaluated in the form that law.h gives them: tried out, so that one of another form is left to the
 * law itself. */
static void try_processes(asc__worlds *w, const double *tokens)
{
    asc__processes *p = &w->processes;
    asc__processes_at(p, tokens, w->params, false, w->n_threads);
    for (size_t j = 0; j < p->n; j++) {
        double full = asc_law_predict(p->law[j], tokens, w->params),
               bare = asc_law_predict(&p->bare[j], tokens, w->params);
        w->right[j] = fabs(bare * p->factor[j] - full) <= 1e-9 * fabs(full);
    }
}

/* Which process a view's law has in common with the fit, by the place of its coefficients; it is then taken off. */
static void share_process(asc__worlds *w, size_t k, size_t v)
{
    assert(v < w->V);
    asc_law *l = &w->view[k].laws[v];
    int32_t *leaf = &w->leaf[k * w->V + v];
    *leaf = -1;
    for (size_t j = 0; l->gp.n > 0 && j < w->processes.n; j++)
        if (w->right[j] && w->processes.law[j]->gp.alpha == l->gp.alpha) {
            *leaf = (int32_t)j;
            l->gp.n = 0;
            return;
        }
}

/* ---- one world ---- */

/* A bare law's value and gradient with the process put on. */
static double put_on(const asc__worlds *w, size_t leaf, double value, double *gradient)
{
    assert(leaf < w->processes.n);
    double factor = w->processes.factor[leaf];
    value *= factor;
    for (size_t i = 0; gradient && i < w->D; i++)
        gradient[i] = factor * gradient[i] + value * w->processes.slope[leaf * w->D + i];
    return value;
}

static double bare_at(const asc__worlds *w, const asc_law *l, double *gradient)
{
    return gradient ? asc_law_gradient(l, w->tokens, w->params, gradient) : asc_law_predict(l, w->tokens, w->params);
}

/* A law as fitted, of a blend the parts that may decide; *leaf moves on over its processes. */
static double tree_at(const asc__worlds *w, const asc_law *l, size_t *leaf, double *gradient)
{
    if (l->gp.n > 0) {
        size_t j = (*leaf)++;
        return w->right[j] ? put_on(w, j, bare_at(w, &w->processes.bare[j], gradient), gradient)
                           : bare_at(w, l, gradient);
    }
    if (!l->n_parts)
        return bare_at(w, l, gradient);
    double part[w->D], value = 0, total = 0;
    if (gradient)
        memset(gradient, 0, w->D * sizeof *gradient);
    for (size_t k = 0; k < l->n_parts; k++)
        total += asc_law_decides(&l->parts[k]) ? l->params[k] : 0;
    for (size_t k = 0; k < l->n_parts; k++) {
        if (total > 0 && !asc_law_decides(&l->parts[k])) {
            *leaf += asc__count_processes(&l->parts[k]);
            continue;
        }
        double weight = total > 0 ? l->params[k] / total : l->params[k];
        value += weight * tree_at(w, &l->parts[k], leaf, gradient ? part : NULL);
        for (size_t i = 0; gradient && i < w->D; i++)
            gradient[i] += weight * part[i];
    }
    return value;
}

static double law_at(const asc__worlds *w, size_t k, size_t v, double *gradient)
{
    const asc_law *l = &w->view[k].laws[v];
    int32_t leaf = w->leaf[k * w->V + v];
    if (w->estimate) {
        size_t first = (size_t)leaf;
        return tree_at(w, l, &first, gradient);
    }
    double value = bare_at(w, l, gradient);
    return leaf < 0 ? value : put_on(w, (size_t)leaf, value, gradient);
}

/* [K24]'s sum, an axis below its pole or below what was measured with one nearby continued by its tangent: what a draw
 * says there is a guess, and no reason to leave the place for good. */
static double ddo_at(const asc_law *l, const double *tokens, double *gradient)
{
    asc_ddo_axes axes = asc_ddo_axes_of(l);
    double sum = 1;
    assert(l->base);
    for (size_t i = 0; i < l->n_domains; i++) {
        double a = axes.a[i], b = axes.b[i], x = tokens[i] / l->base[i];
        double least = a < 0 ? fmax(l->x_lo ? l->x_lo[i] : 1. / 3, -a * 1.05) : 0, at = fmax(x, least);
        double t = pow(at + a, -b), slope = -b * t / (at + a);
        sum += t + slope * (x - at) - pow(1 + a, -b);
        if (gradient)
            gradient[i] = axes.j0 * slope / l->base[i];
    }
    return axes.j0 * sum;
}

static void add_slope(double *gradient, size_t D, double slope, const double *part)
{
    for (size_t i = 0; i < D; i++)
        gradient[i] += slope * part[i];
}

static void world_task(void *ctx, size_t k)
{
    if (asc_interrupted()) /* nothing of it will be used */
        return;
    asc__worlds *w = ctx;
    size_t D = w->D, V = w->V;
    double *gradient = w->gradient + k * D, *loss = w->loss + k * (V + D), *part = loss + V;
    if (w->p->single) {
        w->value[k] = ddo_at(&w->view[k].laws[0], w->tokens, w->want_slope ? gradient : NULL);
        return;
    }
    const asc_objective *o = w->p->objective;
    bool at_once = w->want_slope && o->kind != ASC_OBJ_WORST; /* dJ/dL_v is known from L_v alone */
    if (w->want_slope)
        memset(gradient, 0, D * sizeof *gradient);
    for (size_t v = 0; v < V; v++) {
        loss[v] = 0;
        if (!asc__target_counts(o, v))
            continue;
        loss[v] = law_at(w, k, v, at_once ? part : NULL);
        if (at_once)
            add_slope(gradient, D, asc_objective_slope(o, v, loss[v], V), part);
    }
    if (w->part && !w->want_slope) /* moved first: see settle */
        return;
    w->value[k] = asc__outer(o, w->p->smooth, loss, V);
    for (size_t v = 0; v < V && w->want_slope && !at_once; v++)
        if (loss[v] != 0) {
            law_at(w, k, v, part);
            add_slope(gradient, D, loss[v], part);
        }
}

/* ---- all worlds ---- */

static void each(const asc__worlds *w, size_t n, size_t cost, void (*task)(void *, size_t))
{
    asc_parallel_for(n * cost > 40000 ? w->n_threads : 1, n, task, (void *)w);
}

/* Losses of target v in the worlds of one part moved so that their median lies on the part as it was fitted. */
static void move_part(asc__worlds *w, size_t v, size_t part)
{
    const asc_law *l = &w->p->laws->laws[v];
    size_t n = 0, row = w->V + w->D;
    assert(v < w->V && w->part && w->column);
    if (asc_interrupted())
        return;
    for (size_t k = 0; k < w->n; k++)
        if (w->part[k * w->V + v] == (int32_t)part && isfinite(w->loss[k * row + v]))
            w->column[n++] = w->loss[k * row + v];
    double by = asc__shift_to_fit(l, part, w->tokens, w->params, w->column, n);
    for (size_t k = 0; k < w->n; k++)
        if (w->part[k * w->V + v] == (int32_t)part)
            w->loss[k * row + v] += by;
}

/* Values of centred worlds, from their losses. */
static void settle(asc__worlds *w)
{
    double loss[w->V];
    for (size_t k = 0; w->plain && k < w->n; k++) {
        memcpy(loss, w->loss + k * (w->V + w->D), sizeof loss);
        w->plain[k] = asc__outer(w->p->objective, w->p->smooth, loss, w->V);
    }
    for (size_t v = 0; v < w->V; v++) {
        const asc_law *l = &w->p->laws->laws[v];
        for (size_t i = 0; asc__target_counts(w->p->objective, v) && i < (l->pick ? l->n_parts : 1); i++)
            move_part(w, v, i);
    }
    for (size_t k = 0; k < w->n; k++)
        w->value[k] = asc__outer(w->p->objective, w->p->smooth, w->loss + k * (w->V + w->D), w->V);
}

double asc__worlds_eval(asc__worlds *w, const double *tokens, double *gradient)
{
    size_t D = w->D;
    w->tokens = tokens;
    w->want_slope = gradient != NULL;
    asc__processes_at(&w->processes, tokens, w->params, w->want_slope, w->n_threads);
    each(w, w->n, w->V * (D + 8), world_task);
    if (w->part && !gradient)
        settle(w);
    double sum = 0;
    if (gradient)
        memset(gradient, 0, D * sizeof *gradient);
    for (size_t k = 0; k < w->n; k++) {
        sum += w->value[k];
        for (size_t i = 0; gradient && i < D; i++)
            gradient[i] += w->gradient[k * D + i] / (double)w->n;
    }
    return sum / (double)w->n;
}

void asc__worlds_eval_both(asc__worlds *w, const double *tokens, double *plain)
{
    w->plain = plain;
    asc__worlds_eval(w, tokens, NULL);
    w->plain = NULL;
    if (!w->part)
        memcpy(plain, w->value, w->n * sizeof *plain);
}

/* ---- made ---- */

static asc_status allocate(asc__worlds *w, const asc__problem *p, size_t n, asc_error *err)
{
    size_t D = p->laws->n_domains, V = p->laws->n_laws;
    *w = (asc__worlds){.p = p, .D = D, .V = V, .params = p->params, .n_threads = p->n_threads};
    ASC_TRY(asc__processes_init(&w->processes, p->laws, err));
    w->view = asc_calloc(n, sizeof *w->view);
    w->leaf = asc_calloc(n * V + 1, sizeof *w->leaf);
    w->right = asc_calloc(w->processes.n + 1, sizeof *w->right);
    w->block = asc_calloc(n * (1 + D + V + D) + 1, sizeof *w->block);
    if (!w->view || !w->leaf || !w->right || !w->block)
        return ASC_NOMEM(err);
    w->value = w->block;
    w->gradient = w->value + n;
    w->loss = w->gradient + n * D;
    return ASC_OK;
}

/* A law that may not decide gives its place in a world to the next draw of its target that may. */
asc_status asc__world_that_decides(asc_law_set *view, const asc_law_set *laws, size_t k, asc_error *err)
{
    size_t n_draws = asc_law_set_n_draws(laws);
    assert(k < n_draws);
    ASC_TRY(asc_law_set_draw_view(view, laws, k, err));
    for (size_t v = 0; v < laws->n_laws; v++)
        for (size_t step = 1; step < n_draws && !asc_law_decides(&view->laws[v]); step++)
            view->laws[v] = asc_law_draw_view(&laws->laws[v], (k + step) % n_draws);
    return ASC_OK;
}

/* Worlds that say nothing at w are left out. */
static void keep_finite(asc__worlds *w)
{
    size_t kept = 0;
    for (size_t k = 0; k < w->n; k++) {
        if (!isfinite(w->value[k])) {
            asc_law_set_view_free(&w->view[k]);
            continue;
        }
        w->view[kept] = w->view[k];
        memmove(w->leaf + kept * w->V, w->leaf + k * w->V, w->V * sizeof *w->leaf);
        kept++;
    }
    w->n = kept;
}

static asc_status fill(asc__worlds *w, size_t n, bool deciding, const double *tokens, asc_error *err)
{
    const asc_law_set *laws = w->p->laws;
    size_t K = asc_law_set_n_draws(laws);
    try_processes(w, tokens);
    for (; w->n < n; w->n++) {
        size_t k = w->n * K / n;
        ASC_TRY(deciding ? asc__world_that_decides(&w->view[w->n], laws, k, err)
                         : asc_law_set_draw_view(&w->view[w->n], laws, k, err));
        for (size_t v = 0; v < w->V; v++)
            share_process(w, w->n, v);
    }
    for (size_t j = 0; j < w->processes.n; j++)
        w->processes.unused[j] = true;
    for (size_t i = 0; i < w->n * w->V; i++)
        if (w->leaf[i] >= 0)
            w->processes.unused[w->leaf[i]] = false;
    asc__worlds_eval(w, tokens, NULL);
    keep_finite(w);
    return ASC_OK;
}

asc_status asc__worlds_create(asc__worlds **out, const asc__problem *p, size_t most, bool deciding,
                              const double *tokens, asc_error *err)
{
    size_t K = asc_law_set_n_draws(p->laws), n = K < most ? K : most;
    assert(p->n_threads > 0 && p->laws->n_domains > 0);
    asc__worlds *w = asc_calloc(1, sizeof *w);
    if (!w)
        return ASC_NOMEM(err);
    asc_status st = allocate(w, p, n, err);
    if (st == ASC_OK)
        st = fill(w, n, deciding, tokens, err);
    if (st == ASC_OK)
        *out = w;
    else
        asc__worlds_free(w);
    return st;
}

/* The part of its blend that a world's law is of: a family is in a blend once. */
static size_t part_of(const asc_law *l, const asc_law *draw)
{
    size_t i = 0;
    while (l->pick && i + 1 < l->n_parts && l->parts[i].family != draw->family)
        i++;
    assert(!l->pick || l->parts[i].family == draw->family);
    return i;
}

asc_status asc__worlds_centre(asc__worlds *w, asc_error *err)
{
    if (w->p->single || w->estimate)
        return ASC_OK;
    w->part = asc_calloc(w->n * w->V + 1, sizeof *w->part);
    w->column = asc_calloc(w->n + 1, sizeof *w->column);
    if (!w->part || !w->column)
        return ASC_NOMEM(err);
    for (size_t k = 0; k < w->n; k++)
        for (size_t v = 0; v < w->V; v++)
            w->part[k * w->V + v] = (int32_t)part_of(&w->p->laws->laws[v], &w->view[k].laws[v]);
    return ASC_OK;
}

void asc__world_centre(asc_law *view, const asc_law_set *laws, const asc_law_set *draw)
{
    for (size_t v = 0; v < laws->n_laws; v++) {
        const asc_law *l = &laws->laws[v];
        view[v] = l->pick ? l->parts[part_of(l, &draw->laws[v])] : *l;
    }
}

static asc_status fill_estimate(asc__worlds *w, const double *tokens, asc_error *err)
{
    const asc_law_set *laws = w->p->laws;
    asc_law_set view = *laws;
    view.laws = asc_calloc(w->V + 1, sizeof *view.laws);
    if (!view.laws)
        return ASC_NOMEM(err);
    memcpy(view.laws, laws->laws, w->V * sizeof *view.laws);
    w->view[w->n++] = view;
    w->estimate = true;
    int32_t leaf = 0;
    for (size_t v = 0; v < w->V; v++) {
        w->leaf[v] = leaf;
        leaf += (int32_t)asc__count_processes(&laws->laws[v]);
    }
    try_processes(w, tokens);
    return ASC_OK;
}

asc_status asc__worlds_of_estimate(asc__worlds **out, const asc__problem *p, const double *tokens, asc_error *err)
{
    asc__worlds *w = asc_calloc(1, sizeof *w);
    if (!w)
        return ASC_NOMEM(err);
    asc_status st = allocate(w, p, 1, err);
    if (st == ASC_OK)
        st = fill_estimate(w, tokens, err);
    if (st == ASC_OK)
        *out = w;
    else
        asc__worlds_free(w);
    return st;
}
