/* The star of Direct Data Optimization, [K24] (docs/method.md#direct-data-optimization). */
#include "design/design.h"

#include <assert.h>
#include <math.h>
#include <string.h>

void asc_design_clear(asc_design *d)
{
    if (!d)
        return;
    asc_free(d->runs);
    asc_free(d->block);
    *d = (asc_design){0};
}

static asc_status check(const asc_star_opts *o, asc_error *err)
{
    if (o->n_domains == 0)
        return ASC_FAIL(err, ASC_EINVAL, "design: no domains");
    if (!(o->factor > 1 && o->factor <= 1000))
        return ASC_FAIL(err, ASC_EINVAL, "design: factor: expected a number in (1, 1000], found %g", o->factor);
    if (!(o->down > 1 && o->down <= 1000))
        return ASC_FAIL(err, ASC_EINVAL, "design: down: expected a number in (1, 1000], found %g", o->down);
    if (o->base_repeats < 1 || o->arm_repeats < 1)
        return ASC_FAIL(err, ASC_EINVAL, "design: repeats: expected at least 1");
    for (size_t i = 0; i < o->n_domains; i++) {
        if (o->base[i] < 1)
            return ASC_FAIL(err, ASC_EINVAL, "design: domain %zu: expected at least one token in the base, found %lld",
                            i + 1, (long long)o->base[i]);
        if (o->cap && o->base[i] > o->cap[i])
            return ASC_FAIL(err, ASC_EINVAL,
                            "design: domain %zu: %lld tokens in the base, but at most %lld are allowed", i + 1,
                            (long long)o->base[i], (long long)o->cap[i]);
    }
    return ASC_OK;
}

/* Tokens of domain i on an arm; the base's own number where there is no such arm. */
static int64_t arm_tokens(const asc_star_opts *o, size_t i, asc_design_kind kind)
{
    assert(kind == ASC_DESIGN_UP || kind == ASC_DESIGN_DOWN);
    double x = (double)o->base[i];
    if (kind == ASC_DESIGN_DOWN) {
        int64_t down = (int64_t)llround(x / o->down);
        return down < o->base[i] ? (down < 1 ? 1 : down) : o->base[i];
    }
    int64_t up = (int64_t)llround(x * o->factor);
    if (o->cap && up > o->cap[i])
        up = o->cap[i];
    return (double)up >= 1.01 * x ? up : o->base[i];
}

static void add_run(asc_design *d, const asc_star_opts *o, asc_design_kind kind, size_t domain, size_t repeat)
{
    size_t D = o->n_domains;
    assert(domain < D);
    asc_design_run *r = &d->runs[d->n_runs];
    *r = (asc_design_run){.kind = kind, .domain = domain, .factor = 1, .repeat = repeat};
    r->tokens = d->block + d->n_runs++ * D;
    memcpy(r->tokens, o->base, D * sizeof *r->tokens);
    if (kind != ASC_DESIGN_BASE) {
        r->tokens[domain] = arm_tokens(o, domain, kind);
        r->factor = (double)r->tokens[domain] / (double)o->base[domain];
    }
    assert(r->tokens[domain] >= 1); /* shares of 0 would be another design */
    for (size_t i = 0; i < D; i++)
        r->total += r->tokens[i];
}

asc_status asc_design_star(asc_design *out, const asc_star_opts *o, asc_error *err)
{
    ASC_TRY(check(o, err));
    size_t D = o->n_domains, most = o->base_repeats + 2 * D * o->arm_repeats;
    asc_design d = {.n_domains = D};
    d.runs = asc_calloc(most, sizeof *d.runs);
    d.block = asc_calloc(most, D * sizeof *d.block);
    if (!d.runs || !d.block) {
        asc_design_clear(&d);
        return ASC_NOMEM(err);
    }
    for (size_t k = 0; k < o->base_repeats; k++)
        add_run(&d, o, ASC_DESIGN_BASE, 0, k);
    for (size_t i = 0; i < D; i++)
        for (int kind = ASC_DESIGN_UP; kind <= ASC_DESIGN_DOWN; kind++)
            for (size_t k = 0; k < o->arm_repeats && arm_tokens(o, i, (asc_design_kind)kind) != o->base[i]; k++)
                add_run(&d, o, (asc_design_kind)kind, i, k);
    assert(d.n_runs <= most);
    *out = d;
    return ASC_OK;
}
