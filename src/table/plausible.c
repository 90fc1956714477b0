/* A prefix makes one column per domain or a target; these tests find those that it was not meant for: loss_scale,
 * tokens_seen, weight_decay. Each takes numbers as they stand; words help where numbers leave it open. */
#include "plausible.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "num/num.h"

/* A uniform guess over a million tokens loses 13.8 nats. Models that learnt nothing of a domain may be confidently
 * wrong, so more than that is doubted only where it is far from the other rows, as a run that diverged is, or beyond
 * any model. */
static const double high_nats = 20, most_nats = 200, times_median = 8;

static bool is_one_of(const char *s, const char *const *words)
{
    for (; *words; words++)
        if (strcasecmp(s, *words) == 0)
            return true;
    return false;
}

/* ---- losses ---- */

typedef struct losses {
    size_t n;
    double lo, hi, median;
    bool whole;
} losses;

static losses describe(const asc__doubt *d, size_t v, double *room)
{
    const asc_runs *r = &d->t->runs;
    losses l = {.whole = true};
    for (size_t row = 0; row < r->n_runs; row++) {
        double x = r->loss[row * r->n_targets + v];
        if (isnan(x))
            continue;
        l.whole &= x == floor(x);
        room[l.n++] = x;
    }
    if (l.n) {
        l.median = asc_median(room, l.n);
        l.lo = room[0];
        l.hi = room[l.n - 1];
    }
    return l;
}

static bool is_domain(const asc_runs *r, const char *name)
{
    for (size_t i = 0; i < r->n_domains; i++)
        if (strcmp(r->domains[i], name) == 0)
            return true;
    return false;
}

/* Does another target vary, so that one that does not stands out? */
static bool others_vary(const losses *all, size_t n, size_t v)
{
    for (size_t u = 0; u < n; u++)
        if (u != v && all[u].n > 1 && all[u].hi > all[u].lo)
            return true;
    return false;
}

static bool others_whole(const losses *all, size_t n, size_t v)
{
    for (size_t u = 0; u < n; u++)
        if (u != v && all[u].n && !all[u].whole)
            return false;
    return true;
}

bool asc__names_spread(const char *name)
{
    static const char *const words[] = {"scale", "scaler",   "scaling", "std",   "stderr",  "sd", "se",
                                        "var",   "variance", "weight",  "count", "weights", NULL};
    return is_one_of(name, words);
}

/* The total that a trainer prints beside its parts. */
static bool is_sum_of_others(const asc__doubt *d, size_t v)
{
    const asc_runs *r = &d->t->runs;
    size_t n = 0, V = r->n_targets;
    for (size_t row = 0; row < r->n_runs; row++) {
        double sum = 0;
        for (size_t u = 0; u < V; u++)
            if (u != v && d->t->form[u] == ASC_FORM_LOSS)
                sum += r->loss[row * V + u];
        if (isnan(sum) || isnan(r->loss[row * V + v]))
            continue;
        if (fabs(r->loss[row * V + v] - sum) > 1e-3 * sum)
            return false;
        n++;
    }
    return n > 1 && V > 2;
}

static char *doubt_loss(const asc__doubt *d, const losses *all, size_t v)
{
    const asc_runs *r = &d->t->runs;
    const losses *l = &all[v];
    bool loss = d->t->form[v] == ASC_FORM_LOSS;
    if (l->n == 0)
        return NULL;
    bool constant = l->n >= 4 && l->hi == l->lo && others_vary(all, r->n_targets, v);
    if (d->t->form[v] == ASC_FORM_ACC)
        return constant ? asc_strf("the same value in all of its %zu rows, while other targets vary", l->n) : NULL;
    bool high = l->hi > most_nats || l->median > high_nats || (l->hi > high_nats && l->hi > times_median * l->median);
    if (high && d->t->form[v] != ASC_FORM_BPB)
        return l->median > high_nats
                   ? asc_strf("values of %.6g to %.6g nats per token are not losses of a language model", l->lo, l->hi)
                   : asc_strf("a loss of %.6g nats per token is too high for a language model (leave the cell blank "
                              "where a run "
                              "diverged)",
                              l->hi);
    if (loss && l->n >= 4 && l->median < 1e-4)
        return asc_strf("values of about %.3g nats per token are not losses of a language model", l->median);
    if (is_domain(r, r->targets[v]))
        return NULL;
    if (loss && is_sum_of_others(d, v))
        return asc_strf("it is the sum of the other losses in every row");
    if (loss && asc__names_spread(r->targets[v]))
        return asc_strf("its name is that of a setting or a spread, not a target");
    if (constant)
        return asc_strf("the same value, %.6g, in all of its %zu rows, while other targets vary", l->lo, l->n);
    if (loss && l->n >= 4 && l->whole && !others_whole(all, r->n_targets, v))
        return asc_strf("all its values are integers, which losses are not");
    if (loss && l->n >= 4 && l->median < .01)
        return asc_strf("values of about %.3g nats per token are not losses of a language model", l->median);
    return NULL;
}

static asc_status doubt_targets(asc__doubt *d, char **found, asc_error *err)
{
    const asc_runs *r = &d->t->runs;
    losses *all = asc_calloc(r->n_targets + 1, sizeof *all);
    double *room = asc_calloc(r->n_runs + 1, sizeof *room);
    if (all && room) {
        for (size_t v = 0; v < r->n_targets; v++)
            all[v] = describe(d, v, room);
        for (size_t v = 0; v < r->n_targets; v++)
            if (!d->roles->columns[d->target_column[v]].mapped)
                found[d->target_column[v]] = doubt_loss(d, all, v);
    }
    asc_status st = all && room ? ASC_OK : ASC_NOMEM(err);
    asc_free(all);
    asc_free(room);
    return st;
}

/* ---- domains ---- */

static bool is_target(const asc_runs *r, const char *name)
{
    for (size_t v = 0; v < r->n_targets; v++)
        if (strcmp(r->targets[v], name) == 0)
            return true;
    return false;
}

/* What shares of the rows' sums a domain takes. */
typedef struct domain_sums {
    double most_share;  /* largest over the rows */
    double off_others;  /* how far it is from the sum of the others at most, relative to it */
    double off_with;    /* how far the rows' sums are from the whole at most, with it .. */
    double off_without; /* .. and without it */
    bool constant;
} domain_sums;

static domain_sums sum_up(const asc__doubt *d, size_t i, const double *sums, double whole)
{
    size_t R = d->t->runs.n_runs, D = d->t->runs.n_domains;
    domain_sums s = {.constant = true};
    for (size_t row = 0; row < R; row++) {
        double x = d->raw[row * D + i], others = sums[row] - x;
        s.most_share = fmax(s.most_share, sums[row] > 0 ? x / sums[row] : 0);
        s.off_others = fmax(s.off_others, x > 0 ? fabs(others / x - 1) : INFINITY);
        s.off_with = fmax(s.off_with, fabs(sums[row] / whole - 1));
        s.off_without = fmax(s.off_without, fabs(others / whole - 1));
        s.constant &= x == d->raw[i];
    }
    return s;
}

bool asc__names_count(const char *name)
{
    static const char *const words[] = {"seen", "total",   "processed",  "consumed", "trained", "tps",  "all",
                                        "sum",  "skipped", "throughput", "count",    "batch",   "step", NULL};
    return is_one_of(name, words) || strncasecmp(name, "per_", 4) == 0;
}

bool asc__names_setting(const char *name)
{
    static const char *const words[] = {"decay", "norm",  "std",   "sum",   "total",
                                        "init",  "tying", "dtype", "scale", NULL};
    return is_one_of(name, words);
}

static char *doubt_domain(const asc__doubt *d, size_t i, const domain_sums *s)
{
    const asc_runs *r = &d->t->runs;
    const char *name = r->domains[i];
    bool weights = d->t->weights_form, many = r->n_runs > 1;
    if (s->most_share == 0 && many)
        return asc_strf("a domain that no run sampled");
    if (weights && many && r->n_domains > 2 && s->off_without <= 2e-3 &&
        (s->off_with > .01 || (s->constant && s->off_with > 10 * s->off_without + 1e-6)))
        return asc_strf("shares sum to 1 in every row without it (with it they are off by up to %.3g)", s->off_with);
    if (is_target(r, name))
        return NULL;
    if (!weights && r->n_domains > 2 && many && s->off_others <= .01)
        return asc_strf("it is the sum of the other tokens_ columns in every row");
    if (weights ? asc__names_setting(name) : asc__names_count(name))
        return asc_strf("its name is that of a %s, not a domain", weights ? "setting" : "count");
    if (!weights && many && s->most_share < 1e-3)
        return asc_strf("never more than %.2g of a run's tokens: a rate or a count, not a domain?", s->most_share);
    return NULL;
}

static asc_status doubt_domains(asc__doubt *d, char **found, asc_error *err)
{
    const asc_runs *r = &d->t->runs;
    double *sums = asc_calloc(r->n_runs + 1, sizeof *sums), in_all = 0;
    if (!sums)
        return ASC_NOMEM(err);
    for (size_t row = 0; row < r->n_runs; row++) {
        for (size_t i = 0; i < r->n_domains; i++)
            sums[row] += d->raw[row * r->n_domains + i];
        in_all += sums[row];
    }
    double whole = in_all / (double)r->n_runs > 30 ? 100 : 1; /* percent? */
    for (size_t i = 0; i < r->n_domains; i++) {
        domain_sums s = sum_up(d, i, sums, whole);
        if (!d->roles->columns[d->domain_column[i]].mapped)
            found[d->domain_column[i]] = doubt_domain(d, i, &s);
    }
    asc_free(sums);
    return ASC_OK;
}

asc_status asc__find_doubts(asc__doubt *d, asc__grid *text, asc_error *err)
{
    char **found = asc_calloc(d->g->n_columns + 1, sizeof *found);
    if (!found)
        return ASC_NOMEM(err);
    asc_status st = doubt_domains(d, found, err);
    if (st == ASC_OK)
        st = doubt_targets(d, found, err);
    for (size_t c = 0; c < d->g->n_columns; c++) {
        if (st == ASC_OK && found[c])
            st = asc__grid_keep(text, &d->problem[c], found[c], err);
        asc_free(found[c]);
    }
    asc_free(found);
    return st;
}
