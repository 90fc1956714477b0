/* What the runs of a star, or the branches of a round, that have ended say so far, for whoever watches. */
#include "steps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 5 }; /* domains that a line names */

typedef struct effect {
    const char *domain;
    double change; /* of the objective: the domain's run with more of it less the mean of those on the reference */
} effect;

static int by_change(const void *a, const void *b)
{
    const effect *x = a, *y = b;
    if (x->change != y->change)
        return x->change < y->change ? -1 : 1;
    return strcmp(x->domain, y->domain);
}

/* Runs on the reference, and on more of one domain: of a star, or branches from one checkpoint. */
static bool is_base(const asc_store_run *r)
{
    return r->kind == ASC_KIND_BASE || (r->kind == ASC_KIND_BRANCH && !r->domain && strcmp(r->mixture, "prior") == 0);
}

static bool is_more(const asc_store_run *r)
{
    return r->domain && (r->kind == ASC_KIND_UP || r->kind == ASC_KIND_BRANCH);
}

/* Whether r is a run that the file asks for, of the scale, or among the branches, that `of` is one of. */
static bool is_beside(const asc__study *s, const asc_store_run *r, const asc_store_run *of)
{
    return asc__is_star(r->kind) ? asc__same_scale(r, of) && asc__scale_of(s, r) != ASC_NONE
                                 : asc__at_budget(s, r, of->scale);
}

/* Mean objective of the n on the reference that have ended; NAN: none. */
static double base_objective(int *n, const asc__study *s, const asc_store_run *of)
{
    double sum = 0;
    *n = 0;
    for (size_t i = 0; i < s->n_runs; i++) {
        const asc_store_run *r = &s->runs[i];
        double x = is_base(r) && is_beside(s, r, of) ? asc__run_objective(s, r) : NAN;
        if (!isnan(x)) {
            sum += x;
            ++*n;
        }
    }
    return *n ? sum / *n : NAN;
}

/* Of branches the first of each domain: those of a second round start from the same checkpoint, but lean from
 * elsewhere. */
size_t asc__study_learnt(char *buf, size_t size, const asc__study *s, const asc_store_run *of)
{
    int n_base;
    double base = base_objective(&n_base, s, of);
    size_t n = 0, k = 0;
    bool branches = false;
    effect *e = asc_calloc(s->D + 1, sizeof *e);
    buf[0] = 0;
    for (size_t i = 0; e && !isnan(base) && i < s->n_runs && n < s->D; i++) {
        const asc_store_run *r = &s->runs[i];
        double x = is_more(r) && is_beside(s, r, of) ? asc__run_objective(s, r) : NAN;
        if (isnan(x))
            continue;
        e[n++] = (effect){r->domain, x - base};
        branches |= r->kind == ASC_KIND_BRANCH;
    }
    if (n > 0)
        qsort(e, n, sizeof *e, by_change);
    size_t at = 0;
    if (branches)
        at = (size_t)snprintf(buf, size, "branches towards");
    else if (n)
        at = (size_t)snprintf(buf, size, "%gx", s->spec->factor);
    for (; k < n && k < MOST && at < size; k++)
        at += (size_t)snprintf(buf + at, size - at, "%s %.40s %+.3f", k ? "," : "", e[k].domain, e[k].change);
    if (n > MOST && at < size)
        snprintf(buf + at, size - at, ", .. %.40s %+.3f", e[n - 1].domain, e[n - 1].change);
    asc_free(e);
    return n;
}

/* Whether the first effects (n by now) are known since this run has ended: a domain's own, or that on the reference. */
static bool brings_first(const asc__study *s, const asc_store_run *ended, size_t n)
{
    int n_base;
    base_objective(&n_base, s, ended);
    return is_more(ended) ? n == 1 : is_base(ended) && n_base == 1;
}

void asc__study_say_learnt(const asc__study *s, const asc_store_run *ended, bool whole)
{
    char list[400], line[600], at[80], tokens[24];
    if (!s->opts->note || ended->state != ASC_RUN_DONE)
        return;
    size_t n = asc__study_learnt(list, sizeof list, s, ended);
    if (n == 0 || !(whole || brings_first(s, ended, n)))
        return;
    bool branches = ended->kind == ASC_KIND_BRANCH;
    size_t k = asc__scale_of(s, ended);
    if (k == ASC_NONE)
        snprintf(at, sizeof at, "%s tokens",
                 asc_format_count(branches ? asc__run_tokens(ended) : ended->scale, tokens));
    else
        asc__scale_words(s, k, " tokens", at);
    snprintf(line, sizeof line, "%s at %s: change of %s with %s%s", whole ? "learned" : "first effect", at,
             s->spec->objective_text, list, whole && !branches ? " of its tokens, the others unchanged" : "");
    s->opts->note(s->opts->ctx, line);
}
