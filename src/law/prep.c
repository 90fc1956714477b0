/* A table made ready for fitting: features once for all targets, which rows stay together, folds, cells, stages. */
#include "private.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void asc__prep_clear(asc__prep *p)
{
    asc__features_clear(&p->x);
    asc_aligned_free(p->y);
    asc_aligned_free(p->weight);
    asc_free(p->own);
    asc_free(p->unit);
    asc_free(p->fold);
    asc_free(p->cell);
    asc_free(p->stage);
    *p = (asc__prep){0};
}

/* Does v (n) vary by more than 1 % of its largest? All must be known (> 0). */
static bool varies(const double *v, size_t n, double *top)
{
    double lo = INFINITY, hi = 0;
    for (size_t r = 0; r < n; r++) {
        if (!(v[r] > 0))
            return false;
        lo = fmin(lo, v[r]);
        hi = fmax(hi, v[r]);
    }
    *top = hi > 0 ? hi : 1;
    return hi > lo * 1.01;
}

/* ---- rows that stay together: union by run and by equal mixture ---- */

static size_t root_of(size_t *parent, size_t i)
{
    while (parent[i] != i)
        i = parent[i] = parent[parent[i]];
    return i;
}

static void join(size_t *parent, size_t a, size_t b)
{
    a = root_of(parent, a);
    b = root_of(parent, b);
    if (a < b)
        parent[b] = a;
    else
        parent[a] = b;
}

static bool same_mixture(const asc_runs *t, size_t a, size_t b)
{
    for (size_t i = 0; i < t->n_domains; i++)
        if (fabs(t->tokens[a * t->n_domains + i] / t->total[a] - t->tokens[b * t->n_domains + i] / t->total[b]) > 1e-6)
            return false;
    return true;
}

typedef struct keyed {
    double key;
    size_t row;
} keyed;

static int by_key(const void *a, const void *b)
{
    const keyed *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* A number that equal mixtures share to rounding: rows near in it are compared. */
static double mixture_key(const asc_runs *t, size_t r)
{
    double key = 0;
    assert(t->total[r] > 0);
    for (size_t i = 0; i < t->n_domains; i++)
        key += t->tokens[r * t->n_domains + i] / t->total[r] * (1 + .6180339887 * (double)(i * i % 97));
    return key;
}

static asc_status find_units(asc__prep *p, asc_error *err)
{
    const asc_runs *t = p->runs;
    size_t R = p->n;
    keyed *k = asc_malloc((R + 1) * sizeof *k);
    size_t *first = asc_malloc((t->n_groups + 1) * sizeof *first);
    if (!k || !first) {
        asc_free(k);
        asc_free(first);
        return ASC_NOMEM(err);
    }
    for (size_t g = 0; g < t->n_groups; g++)
        first[g] = ASC_NONE;
    for (size_t r = 0; r < R; r++) {
        p->unit[r] = r;
        k[r] = (keyed){mixture_key(t, r), r};
    }
    for (size_t r = 0; r < R; r++) {
        size_t g = t->group[r];
        if (g < t->n_groups && first[g] == ASC_NONE)
            first[g] = r;
        if (g < t->n_groups)
            join(p->unit, first[g], r);
    }
    qsort(k, R, sizeof *k, by_key);
    for (size_t a = 0; a + 1 < R; a++)
        for (size_t b = a + 1; b < R && b < a + 40 && k[b].key - k[a].key < 1e-4; b++)
            if (same_mixture(t, k[a].row, k[b].row)) {
                join(p->unit, k[a].row, k[b].row);
                break;
            }
    /* Numbered by first row. */
    size_t *number = (size_t *)k;
    for (size_t r = 0; r < R; r++)
        p->unit[r] = root_of(p->unit, r);
    for (size_t r = 0; r < R; r++)
        if (p->unit[r] == r)
            number[r] = p->n_units++;
    for (size_t r = 0; r < R; r++)
        p->unit[r] = number[p->unit[r]];
    asc_free(k);
    asc_free(first);
    return ASC_OK;
}

static asc_status deal_folds(asc__prep *p, const asc_law_opts *o, asc_error *err)
{
    size_t n = p->n_units;
    assert(n > 0 && n <= p->n);
    size_t *order = asc_malloc((n + 1) * sizeof *order);
    int *fold = asc_malloc((n + 1) * sizeof *fold);
    if (!order || !fold) {
        asc_free(order);
        asc_free(fold);
        return ASC_NOMEM(err);
    }
    asc_rng rng;
    asc_rng_init(&rng, o->seed, "law folds", 0);
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    for (size_t i = n; i > 1; i--) {
        size_t j = asc_rng_below(&rng, i), t = order[i - 1];
        order[i - 1] = order[j];
        order[j] = t;
    }
    p->n_folds = o->n_folds < 2 ? 0 : o->n_folds > n ? (int)n : (int)o->n_folds;
    if (n < 3)
        p->n_folds = 0;
    for (size_t i = 0; i < n; i++)
        fold[order[i]] = p->n_folds ? (int)(i % (size_t)p->n_folds) : -1;
    for (size_t r = 0; r < p->n; r++)
        p->fold[r] = fold[p->unit[r]];
    asc_free(order);
    asc_free(fold);
    return ASC_OK;
}

static bool near(double a, double b)
{
    return fabs(a - b) <= .01 * fmax(fabs(a), fabs(b)) || (isnan(a) && isnan(b));
}

static asc_status find_cells(asc__prep *p, asc_error *err)
{
    const asc_runs *t = p->runs;
    size_t *head = asc_malloc((p->n + 1) * sizeof *head); /* first row of each cell */
    if (!head)
        return ASC_NOMEM(err);
    for (size_t r = 0; r < p->n; r++) {
        size_t c = 0;
        while (c < p->n_cells && !(near(t->total[r], t->total[head[c]]) && near(t->params[r], t->params[head[c]])))
            c++;
        if (c == p->n_cells) {
            if (c >= 4096) /* a continuum of budgets: one cell */
                c = 0;
            else
                head[p->n_cells++] = r;
        }
        p->cell[r] = c;
    }
    asc_free(head);
    return ASC_OK;
}

/* What forward validation goes by. */
typedef struct frontier {
    double top_params, top_tokens;
    bool many_sizes; /* three or more */
} frontier;

static frontier find_frontier(const asc__prep *p)
{
    const asc_runs *t = p->runs;
    frontier f = {0};
    double second = 0, lowest = INFINITY;
    for (size_t r = 0; r < p->n; r++) {
        f.top_params = p->x.has_params ? fmax(f.top_params, t->params[r]) : 0;
        f.top_tokens = fmax(f.top_tokens, t->total[r]);
        lowest = p->x.has_params ? fmin(lowest, t->params[r]) : 0;
    }
    for (size_t r = 0; r < p->n && p->x.has_params; r++)
        if (t->params[r] < f.top_params / 1.01)
            second = fmax(second, t->params[r]);
    f.many_sizes = p->x.has_params && second > lowest * 1.01;
    return f;
}

enum { BY_SIZE, BY_TOKENS, BY_BOTH };

/* 0 fitted, 1 predicted, -1 neither. By size: all but the largest fitted, the largest predicted. By tokens: up to half
 * of the largest budget fitted, the largest predicted. By both: the same at the largest size, with every budget of the
 * smaller ones fitted: how a larger size goes on from its start. */
static int8_t stage_of(const frontier *f, int kind, double params, double tokens)
{
    bool largest = f->top_params == 0 || params >= f->top_params / 1.01;
    if (kind == BY_SIZE)
        return largest ? 1 : 0;
    if (kind == BY_BOTH && !largest)
        return 0;
    return tokens >= f->top_tokens / 1.01 ? 1 : tokens <= .55 * f->top_tokens ? 0 : -1;
}

/* Do rows of stage `kind` take two values of v (R) at least? */
static bool two_values(const int8_t *stage, const double *v, size_t n)
{
    double lo = INFINITY, hi = 0;
    for (size_t r = 0; r < n; r++)
        if (stage[r] == 0) {
            lo = fmin(lo, v[r]);
            hi = fmax(hi, v[r]);
        }
    return hi > lo * 1.01;
}

/* A law can be asked to go on along an axis only if the rows it is fitted to show that axis: of one budget none learns
 * what more tokens bring. */
static bool can_be_passed(const asc__prep *p, const int8_t *stage)
{
    return (!p->x.has_tokens || two_values(stage, p->runs->total, p->n)) &&
           (!p->x.has_params || two_values(stage, p->runs->params, p->n));
}

/* One more stage, if enough rows are on both sides. */
static void add_stage(asc__prep *p, const frontier *f, int kind)
{
    assert(p->n_stages < ASC__STAGES);
    int8_t *stage = p->stage + p->n_stages * p->n;
    size_t count[2] = {0, 0};
    for (size_t r = 0; r < p->n; r++) {
        stage[r] = stage_of(f, kind, p->runs->params[r], p->runs->total[r]);
        if (stage[r] >= 0)
            count[stage[r]]++;
    }
    if (count[0] >= 8 && count[1] >= 3 && can_be_passed(p, stage))
        p->n_stages++;
}

static asc_status find_stages(asc__prep *p, asc_error *err)
{
    frontier f = find_frontier(p);
    p->stage = asc_malloc(ASC__STAGES * p->n + 1);
    if (!p->stage)
        return ASC_NOMEM(err);
    if (f.many_sizes)
        add_stage(p, &f, BY_SIZE);
    else if (p->x.has_tokens)
        add_stage(p, &f, BY_TOKENS);
    if (!f.many_sizes && p->x.has_tokens && p->x.has_params)
        add_stage(p, &f, BY_BOTH);
    return ASC_OK;
}

static void fill_losses(asc__prep *p)
{
    const asc_runs *t = p->runs;
    for (size_t v = 0; v < p->n_targets; v++) {
        p->own[v] = ASC_NONE;
        for (size_t i = 0; i < p->n_domains; i++)
            if (t->targets[v] && t->domains[i] && strcmp(t->targets[v], t->domains[i]) == 0)
                p->own[v] = i;
        for (size_t r = 0; r < p->ld; r++) {
            double y = r < p->n ? t->loss[r * p->n_targets + v] : NAN;
            p->y[v * p->ld + r] = isnan(y) ? 0 : y;
            p->weight[v * p->ld + r] = isnan(y) ? 0 : t->trust[r];
        }
    }
}

static asc_status check_rows(const asc_runs *t, asc_error *err)
{
    if (t->n_runs == 0 || t->n_domains == 0 || t->n_targets == 0)
        return ASC_FAIL(err, ASC_EINVAL, "table: %zu rows, %zu domains, %zu targets; expected at least one of each",
                        t->n_runs, t->n_domains, t->n_targets);
    for (size_t r = 0; r < t->n_runs; r++) {
        if (!(asc__total(t->tokens + r * t->n_domains, t->n_domains) > 0))
            return ASC_FAIL(err, ASC_EINVAL, "row %zu: tokens must be >= 0 with a sum > 0", r + 1);
        if (!(t->trust[r] > 0 && t->trust[r] <= 1))
            return ASC_FAIL(err, ASC_EINVAL, "row %zu: trust = %g, expected a number in (0, 1]", r + 1, t->trust[r]);
        for (size_t v = 0; v < t->n_targets; v++)
            if (isinf(t->loss[r * t->n_targets + v]))
                return ASC_FAIL(err, ASC_EINVAL, "row %zu: loss of %s is not finite", r + 1, t->targets[v]);
    }
    return ASC_OK;
}

static asc_status allocate(asc__prep *p, asc_error *err)
{
    size_t R = p->n, V = p->n_targets;
    ASC_TRY(asc__features_init(&p->x, R, p->n_domains, err));
    p->ld = p->x.ld;
    p->y = asc_aligned_alloc(V * p->ld * sizeof *p->y);
    p->weight = asc_aligned_alloc(V * p->ld * sizeof *p->weight);
    p->own = asc_calloc(V, sizeof *p->own);
    p->unit = asc_calloc(R, sizeof *p->unit);
    p->fold = asc_calloc(R, sizeof *p->fold);
    p->cell = asc_calloc(R, sizeof *p->cell);
    if (!p->y || !p->weight || !p->own || !p->unit || !p->fold || !p->cell)
        return ASC_NOMEM(err);
    return ASC_OK;
}

static asc_status fill(asc__prep *p, const asc_law_opts *o, asc_error *err)
{
    const asc_runs *t = p->runs;
    ASC_TRY(allocate(p, err));
    p->x.has_tokens = varies(t->total, p->n, &p->x.unit_tokens);
    p->x.has_params = varies(t->params, p->n, &p->x.unit_params);
    asc__features_fill(&p->x, t->tokens, t->params, 1, p->n);
    p->params_hi = NAN;
    for (size_t r = 0; r < p->n; r++) {
        p->tokens_hi = fmax(p->tokens_hi, t->total[r]);
        p->params_hi = fmax(p->params_hi, t->params[r]);
    }
    fill_losses(p);
    ASC_TRY(find_units(p, err));
    ASC_TRY(deal_folds(p, o, err));
    ASC_TRY(find_cells(p, err));
    return find_stages(p, err);
}

asc_status asc__prep_init(asc__prep *p, const asc_runs *runs, const asc_law_opts *o, asc_error *err)
{
    ASC_TRY(check_rows(runs, err));
    asc__prep t = {.runs = runs, .n = runs->n_runs, .n_domains = runs->n_domains, .n_targets = runs->n_targets};
    asc_status s = fill(&t, o, err);
    if (s != ASC_OK) {
        asc__prep_clear(&t);
        return s;
    }
    *p = t;
    return ASC_OK;
}

double asc__cell_spearman(const asc__prep *p, const double *pred, const double *y, const double *weight)
{
    assert(p->n_cells > 0);
    double *a = asc_malloc(2 * (p->n + 1) * sizeof *a), *b = a ? a + p->n + 1 : NULL, sum = 0;
    size_t m = 0;
    for (size_t c = 0; a && c < p->n_cells; c++) {
        size_t k = 0;
        for (size_t r = 0; r < p->n; r++)
            if (p->cell[r] == c && weight[r] != 0 && !isnan(pred[r])) {
                a[k] = pred[r];
                b[k++] = y[r];
            }
        double rho = asc_spearman(a, b, k);
        if (!isnan(rho)) {
            sum += rho;
            m++;
        }
    }
    asc_free(a);
    return m ? sum / (double)m : NAN;
}
