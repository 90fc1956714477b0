/* Life of the structs: clear, copy, notes, views. */
#include "private.h"

#include <assert.h>
#include <math.h>
#include <string.h>

void asc__gp_clear(asc_gp *g)
{
    asc_free(g->linear);
    asc_free(g->inputs);
    asc_free(g->alpha);
    *g = (asc_gp){0};
}

void asc_law_clear(asc_law *l)
{
    if (!l)
        return;
    for (size_t i = 0; l->parts && i < l->n_parts; i++)
        asc_law_clear(&l->parts[i]);
    asc_free(l->parts);
    asc_free(l->target);
    asc_free(l->base);
    asc_free(l->params);
    asc_free(l->draws);
    asc_free(l->pick);
    asc__gp_clear(&l->gp);
    asc_trees_clear(&l->trees);
    asc_free(l->held);
    asc_free(l->roots);
    asc_free(l->undetermined);
    asc_free(l->other);
    asc_free(l->x_lo);
    asc_free(l->x_hi);
    *l = (asc_law){0};
}

/* *to = a copy of from (n elements); NULL stays NULL. */
static bool dup(void *to, const void *from, size_t n, size_t size)
{
    void *p = NULL;
    if (from && n) {
        p = asc_reallocarray(NULL, n, size);
        if (!p)
            return false;
        memcpy(p, from, n * size);
    }
    memcpy(to, &p, sizeof p);
    return true;
}
#define DUP(to, from, n) dup(&(to), (from), (n), sizeof *(from))

static bool copy_gp(asc_gp *to, const asc_gp *g)
{
    return DUP(to->linear, g->linear, g->n_features) && DUP(to->inputs, g->inputs, g->n * g->n_features) &&
           DUP(to->alpha, g->alpha, g->n);
}

static bool copy_trees(asc_trees *to, const asc_trees *t)
{
    return DUP(to->root, t->root, t->n_trees) && DUP(to->feature, t->feature, t->n_nodes) &&
           DUP(to->left, t->left, t->n_nodes) && DUP(to->right, t->right, t->n_nodes) &&
           DUP(to->threshold, t->threshold, t->n_nodes);
}

/* All that is owned, so that a copy of the struct can be filled anew. */
static void forget(asc_law *l)
{
    l->target = NULL;
    l->base = l->params = l->draws = l->held = l->other = l->x_lo = l->x_hi = NULL;
    l->gp.linear = l->gp.inputs = l->gp.alpha = NULL;
    l->trees.root = l->trees.feature = l->trees.left = l->trees.right = NULL;
    l->trees.threshold = NULL;
    l->parts = NULL;
    l->roots = NULL;
    l->pick = NULL;
    l->undetermined = NULL;
}

asc_status asc_law_copy(asc_law *out, const asc_law *l, asc_error *err)
{
    asc_law t = *l;
    size_t D = l->n_domains;
    forget(&t);
    bool ok = (!l->target || (t.target = asc_strdup(l->target))) && DUP(t.base, l->base, D) &&
              DUP(t.params, l->params, l->n_params) && DUP(t.draws, l->draws, l->n_draws * l->n_params) &&
              DUP(t.pick, l->pick, 2 * l->n_draws) && DUP(t.held, l->held, 2 * l->n_held) && copy_gp(&t.gp, &l->gp) &&
              copy_trees(&t.trees, &l->trees) && DUP(t.roots, l->roots, D) && DUP(t.undetermined, l->undetermined, D) &&
              DUP(t.other, l->other, 3 * D) && DUP(t.x_lo, l->x_lo, D) && DUP(t.x_hi, l->x_hi, D);
    if (ok && l->n_parts)
        ok = (t.parts = asc_calloc(l->n_parts, sizeof *t.parts)) != NULL;
    for (size_t i = 0; ok && i < l->n_parts; i++)
        ok = asc_law_copy(&t.parts[i], &l->parts[i], NULL) == ASC_OK;
    if (!ok) {
        asc_law_clear(&t);
        return ASC_NOMEM(err);
    }
    *out = t;
    return ASC_OK;
}

void asc_law_set_clear(asc_law_set *s)
{
    if (!s)
        return;
    for (size_t i = 0; s->domains && i < s->n_domains; i++)
        asc_free(s->domains[i]);
    for (size_t i = 0; s->targets && i < s->n_targets; i++)
        asc_free(s->targets[i]);
    for (size_t i = 0; s->laws && i < s->n_laws; i++)
        asc_law_clear(&s->laws[i]);
    asc_free(s->law);
    asc_free(s->domains);
    asc_free(s->targets);
    asc_free(s->laws);
    asc_notes_clear(&s->notes);
    asc_free(s->share_lo);
    asc_free(s->share_hi);
    asc_free(s->reach_lo);
    asc_free(s->reach_hi);
    asc_free(s->base_tokens);
    asc_objective_clear(&s->objective);
    *s = (asc_law_set){0};
}

asc_status asc_law_set_note(asc_law_set *s, asc_error *err, asc_note_code code, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return asc_notes_add_as(&s->notes, code, "%s", text) ? ASC_OK : ASC_NOMEM(err);
}

static bool copy_names(char ***to, char *const *from, size_t n)
{
    char **p = asc_calloc(n + 1, sizeof *p);
    *to = p;
    for (size_t i = 0; p && i < n; i++)
        if (!(p[i] = asc_strdup(from[i] ? from[i] : "")))
            return false;
    return p != NULL;
}

/* Ranges of shares, totals and parameters in the table; base tokens: mean shares of the largest total. */
static void fill_ranges(asc_law_set *s, const asc_runs *runs)
{
    size_t D = s->n_domains;
    s->tokens_lo = s->params_lo = INFINITY;
    s->tokens_hi = s->params_hi = -INFINITY;
    for (size_t i = 0; i < D; i++)
        s->share_lo[i] = 1;
    for (size_t r = 0; r < runs->n_runs; r++) {
        double total = asc__total(runs->tokens + r * D, D);
        assert(total > 0); /* checked where the table was made ready */
        s->tokens_lo = fmin(s->tokens_lo, total);
        s->tokens_hi = fmax(s->tokens_hi, total);
        s->params_lo = fmin(s->params_lo, runs->params[r]); /* NaN: the other one stays */
        s->params_hi = fmax(s->params_hi, runs->params[r]);
        for (size_t i = 0; i < D; i++) {
            double w = runs->tokens[r * D + i] / total;
            s->share_lo[i] = fmin(s->share_lo[i], w);
            s->share_hi[i] = fmax(s->share_hi[i], w);
            s->base_tokens[i] += w / (double)runs->n_runs;
        }
    }
    for (size_t i = 0; i < D; i++)
        s->base_tokens[i] *= s->tokens_hi;
    if (!isfinite(s->params_hi))
        s->params_lo = s->params_hi = NAN;
}

static asc_status copy_objective(asc_objective *to, const asc_objective *from, size_t n_targets, asc_error *err)
{
    *to = (asc_objective){.kind = from ? from->kind : ASC_OBJ_MEAN_LOSS, .n_targets = n_targets};
    if (!from || !from->weights)
        return ASC_OK;
    if (from->n_targets != n_targets)
        return ASC_FAIL(err, ASC_EINVAL, "objective: weights of %zu targets, the table has %zu", from->n_targets,
                        n_targets);
    return DUP(to->weights, from->weights, n_targets) ? ASC_OK : ASC_NOMEM(err);
}

/* Names, ranges and objective of a table, laws still empty. */
asc_status asc__law_set_init(asc_law_set *out, const asc_runs *runs, const asc_law_opts *o, size_t n_laws,
                             asc_error *err)
{
    asc_law_set s = {.n_domains = runs->n_domains, .n_targets = runs->n_targets, .n_laws = n_laws};
    s.n_rows = runs->n_runs;
    s.n_runs = runs->n_groups;
    s.noise = o->noise;
    s.laws = asc_calloc(n_laws + 1, sizeof *s.laws);
    s.share_lo = asc_calloc(s.n_domains + 1, sizeof *s.share_lo);
    s.share_hi = asc_calloc(s.n_domains + 1, sizeof *s.share_hi);
    s.reach_lo = asc_calloc(s.n_domains + 1, sizeof *s.reach_lo);
    s.reach_hi = asc_calloc(s.n_domains + 1, sizeof *s.reach_hi);
    s.base_tokens = asc_calloc(s.n_domains + 1, sizeof *s.base_tokens);
    bool ok = copy_names(&s.domains, runs->domains, s.n_domains);
    ok = copy_names(&s.targets, runs->targets, s.n_targets) && ok;
    ok = ok && s.laws && s.share_lo && s.share_hi && s.reach_lo && s.reach_hi && s.base_tokens;
    asc_status status = ok ? asc__reach_of(s.reach_lo, s.reach_hi, runs, err) : ASC_NOMEM(err);
    if (status == ASC_OK)
        status = copy_objective(&s.objective, o->objective, s.n_targets, err);
    if (status != ASC_OK) {
        asc_law_set_clear(&s);
        return status;
    }
    fill_ranges(&s, runs);
    *out = s;
    return ASC_OK;
}

size_t asc_law_set_n_draws(const asc_law_set *s)
{
    size_t n = s->n_laws ? SIZE_MAX : 0;
    for (size_t v = 0; v < s->n_laws; v++)
        n = s->laws[v].n_draws < n ? s->laws[v].n_draws : n;
    return n;
}

/* Of a blend: draw k is one of a part, picked when the blend was made. */
asc_law asc_law_draw_view(const asc_law *l, size_t k)
{
    if (l->pick && k < l->n_draws)
        return asc_law_draw_view(&l->parts[l->pick[2 * k]], (size_t)l->pick[2 * k + 1]);
    asc_law view = *l;
    if (k < l->n_draws && l->draws)
        view.params = l->draws + k * l->n_params;
    return view;
}

asc_status asc_law_set_draw_view(asc_law_set *out, const asc_law_set *s, size_t k, asc_error *err)
{
    asc_law_set view = *s;
    view.laws = asc_calloc(s->n_laws + 1, sizeof *view.laws);
    if (!view.laws)
        return ASC_NOMEM(err);
    for (size_t v = 0; v < s->n_laws; v++)
        view.laws[v] = asc_law_draw_view(&s->laws[v], k);
    *out = view;
    return ASC_OK;
}

void asc_law_set_view_free(asc_law_set *view)
{
    asc_free(view->laws);
    *view = (asc_law_set){0};
}
