/* The table of laws: a new law is a file that defines its row, and one line here. */
#include "private.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

const double asc_law_band_level[ASC_LAW_BANDS] = {.68, .90, .95};

/* In the order in which they are tried: those that set the pace first. ASC__ONE_MORE_LAW is how a test adds its own. */
#ifndef ASC__ONE_MORE_LAW
#define ASC__ONE_MORE_LAW(line)
#endif
#define LAWS(line)                                                                                                     \
    line(reciprocal_mult)       /* reciprocal.c */                                                                     \
        line(effective)         /* effective.c */                                                                      \
        line(linear)            /* ridge.c */                                                                          \
        line(constant)          /* constant.c */                                                                       \
        line(dml)               /* dml.c */                                                                            \
        line(reciprocal_scale)  /* reciprocal_scale.c */                                                               \
        line(reciprocal_add)    /* reciprocal.c */                                                                     \
        line(reciprocal_joint)  /* reciprocal.c */                                                                     \
        line(reciprocal_kaplan) /* reciprocal.c */                                                                     \
        line(ddo_joint)         /* ddo_joint.c */                                                                      \
        line(bimix)             /* bimix.c */                                                                          \
        line(ddo)               /* ddo.c */                                                                            \
        line(trees)             /* trees.c */                                                                          \
        line(blend)             /* blend.c */                                                                          \
        ASC__ONE_MORE_LAW(line)

#define DECLARE(name) extern const asc__family asc__law_##name;
LAWS(DECLARE)
#define ROW(name) &asc__law_##name,
static const asc__family *const table[] = {LAWS(ROW)};
enum { N_LAWS = sizeof table / sizeof *table };

const asc_law_family *asc_law_family_at(size_t i)
{
    return i < N_LAWS ? table[i] : NULL;
}

const char *asc_law_family_name(const asc_law_family *f)
{
    return f ? f->name : "unknown";
}

const char *asc_law_family_help(const asc_law_family *f)
{
    return f->help;
}

const asc_law_family *asc_law_family_named(const char *name, bool *gp)
{
    assert(name);
    size_t n = strlen(name);
    bool with = gp && n > 3 && strcmp(name + n - 3, "+gp") == 0;
    n -= with ? 3 : 0;
    for (size_t i = 0; i < N_LAWS; i++) {
        const asc__family *f = table[i];
        bool named = strlen(f->name) == n && strncmp(name, f->name, n) == 0;
        bool called = f->alias && strlen(f->alias) == n && strncmp(name, f->alias, n) == 0;
        if ((!named && !called) || (with && !f->name_gp))
            continue;
        if (gp)
            *gp = with;
        return f;
    }
    return NULL;
}

size_t asc_law_names(const char **names, size_t most)
{
    size_t n = 0;
    if (names && n < most)
        names[n] = "auto";
    n++;
    for (int gp = 0; gp < 2; gp++)
        for (size_t i = 0; i < N_LAWS; i++) {
            const char *name = gp ? table[i]->name_gp : table[i]->name;
            if (name && names && n < most)
                names[n] = name;
            n += name != NULL;
        }
    return n;
}

const char *asc_law_names_text(char *buf, size_t n)
{
    size_t at = (size_t)snprintf(buf, n, "auto");
    for (size_t i = 0; i < N_LAWS && at < n; i++)
        at += (size_t)snprintf(buf + at, n - at, ", %s", table[i]->name);
    if (at < n)
        snprintf(buf + at, n - at, "; most of them also with +gp");
    return buf;
}

/* ---- what a law says of itself ---- */

size_t asc__family_params(const asc__family *f, size_t n_domains, bool has_tokens, bool has_params)
{
    return f->n_params ? f->n_params(n_domains, has_tokens, has_params) : 0;
}

void asc__to_params(const asc__family *f, const asc__features *x, const double *theta, double *params)
{
    size_t p = asc__family_params(f, x->n_domains, x->has_tokens, x->has_params);
    for (size_t j = 0; j < p; j++)
        params[j] = f->is_log && f->is_log(j, x->n_domains) ? exp(theta[j]) : theta[j];
}

void asc__to_theta(const asc__family *f, const asc__features *x, const double *params, double *theta)
{
    size_t p = asc__family_params(f, x->n_domains, x->has_tokens, x->has_params);
    for (size_t j = 0; j < p; j++) /* a parameter of 0, which rounding can leave, has no logarithm */
        theta[j] = f->is_log && f->is_log(j, x->n_domains) ? log(fmax(params[j], 1e-300)) : params[j];
}

size_t asc__least_rows(const asc__family *f)
{
    return f->least_rows ? f->least_rows : ASC_LAW_LEAST_ROWS;
}

size_t asc_law_count_params(const asc_law *l)
{
    return l->n_parts ? l->n_parts : asc__family_params(l->family, l->n_domains, l->has_tokens, l->has_params);
}

char *asc_law_name(const asc_law *l, char *buf, size_t n)
{
    snprintf(buf, n, "%s", l->gp.n && l->family->name_gp ? l->family->name_gp : asc_law_family_name(l->family));
    return buf;
}

char *asc_law_param_name(const asc_law *l, size_t i, char *const *domains, char *buf, size_t n)
{
    assert(i < l->n_params);
    snprintf(buf, n, "?");
    if (l->family->param_name)
        l->family->param_name(l, i, domains, buf, n);
    return buf;
}

const char *asc_law_check(const asc_law *l, const char **expected)
{
    if (l->family->needs_own && l->own == ASC_NONE) {
        *expected = "the index of the target's domain";
        return "own";
    }
    return l->family->check ? l->family->check(l, expected) : NULL;
}

bool asc_law_decides(const asc_law *l)
{
    bool any = !l->n_parts && !l->family->corner;
    for (size_t k = 0; k < l->n_parts && !any; k++)
        any = asc_law_decides(&l->parts[k]);
    return any;
}

bool asc_law_has_steps(const asc_law *l)
{
    bool any = l->family->steps;
    for (size_t k = 0; k < l->n_parts && !any; k++)
        any = asc_law_has_steps(&l->parts[k]);
    return any;
}

bool asc_law_of_objective(const asc_law *l)
{
    assert(l->family);
    return l->family->of_objective;
}

bool asc_law_draws_exact(const asc_law *l)
{
    return l->family->exact_draws;
}

bool asc_law_set_of_objective(const asc_law_set *s)
{
    return s->n_laws == 1 && asc_law_of_objective(&s->laws[0]);
}
