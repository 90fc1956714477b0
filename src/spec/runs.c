#include "spec/spec.h"

#include <math.h>
#include <string.h>

static double *filled(size_t n, size_t m, double x)
{
    size_t k;
    if (__builtin_mul_overflow(n, m, &k))
        return NULL;
    double *p = asc_reallocarray(NULL, k ? k : 1, sizeof *p);
    for (size_t i = 0; p && i < k; i++)
        p[i] = x;
    return p;
}

asc_status asc_runs_init(asc_runs *r, size_t n_runs, size_t n_domains, size_t n_targets, asc_error *err)
{
    asc_runs t = {.n_runs = n_runs, .n_domains = n_domains, .n_targets = n_targets};
    t.domains = asc_calloc(n_domains, sizeof *t.domains);
    t.targets = asc_calloc(n_targets, sizeof *t.targets);
    t.tokens = filled(n_runs, n_domains, 0);
    t.total = filled(n_runs, 1, 0);
    t.params = filled(n_runs, 1, NAN);
    t.horizon = filled(n_runs, 1, NAN);
    t.loss = filled(n_runs, n_targets, NAN);
    t.trust = filled(n_runs, 1, 1);
    t.group = asc_calloc(n_runs, sizeof *t.group);
    if (!t.domains || !t.targets || !t.tokens || !t.total || !t.params || !t.horizon || !t.loss || !t.trust ||
        !t.group) {
        asc_runs_clear(&t);
        return ASC_NOMEM(err);
    }
    *r = t;
    return ASC_OK;
}

void asc_runs_clear(asc_runs *r)
{
    if (!r)
        return;
    for (size_t i = 0; r->domains && i < r->n_domains; i++)
        asc_free(r->domains[i]);
    for (size_t i = 0; r->targets && i < r->n_targets; i++)
        asc_free(r->targets[i]);
    asc_free(r->domains);
    asc_free(r->targets);
    asc_free(r->tokens);
    asc_free(r->total);
    asc_free(r->params);
    asc_free(r->horizon);
    asc_free(r->loss);
    asc_free(r->trust);
    asc_free(r->group);
    *r = (asc_runs){0};
}

static bool copy_names(char **to, char *const *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (from[i] && !(to[i] = asc_strdup(from[i])))
            return false;
    return true;
}

asc_status asc_runs_select(asc_runs *out, const asc_runs *r, const size_t *rows, size_t n, asc_error *err)
{
    asc_runs t;
    size_t D = r->n_domains, V = r->n_targets;
    ASC_TRY(asc_runs_init(&t, n, D, V, err));
    if (!copy_names(t.domains, r->domains, D) || !copy_names(t.targets, r->targets, V)) {
        asc_runs_clear(&t);
        return ASC_NOMEM(err);
    }
    for (size_t i = 0; i < n; i++) {
        size_t from = rows[i];
        memcpy(t.tokens + i * D, r->tokens + from * D, D * sizeof *t.tokens);
        memcpy(t.loss + i * V, r->loss + from * V, V * sizeof *t.loss);
        t.total[i] = r->total[from];
        t.params[i] = r->params[from];
        t.horizon[i] = r->horizon[from];
        t.trust[i] = r->trust[from];
        t.group[i] = r->group[from];
    }
    t.n_groups = r->n_groups;
    *out = t;
    return ASC_OK;
}
