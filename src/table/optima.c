/* optima.csv: the best mixtures found at several scales. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "table/table.h"
#include "csv.h"
#include "grid.h"

enum { MAX_SCALES = 1000, MAX_COLUMNS = 10000 };

typedef enum optima_kind { OPT_TOKENS, OPT_WEIGHT, OPT_LO, OPT_HI, OPT_PARAMS, OPT_OTHER } optima_kind;
typedef struct optima_column {
    optima_kind kind;
    size_t domain;
} optima_column;

typedef struct optima_reader {
    const asc__grid *g;
    asc_optima o;
    optima_column *columns;
    bool tokens, params, intervals, percent;
    asc_notes *notes;
    asc_error *err;
} optima_reader;

static const char *const prefixes[] = {[OPT_WEIGHT] = "weight_", [OPT_LO] = "lo_", [OPT_HI] = "hi_"};

static size_t domain_index(const asc_optima *o, const char *name)
{
    size_t i = 0;
    while (i < o->n_domains && strcmp(o->domains[i], name) != 0)
        i++;
    return i;
}

static optima_kind kind_of(const char *name)
{
    if (strcasecmp(name, "tokens") == 0)
        return OPT_TOKENS;
    if (strcasecmp(name, "params") == 0)
        return OPT_PARAMS;
    for (int k = OPT_WEIGHT; k <= OPT_HI; k++)
        if (strncasecmp(name, prefixes[k], strlen(prefixes[k])) == 0 && name[strlen(prefixes[k])])
            return (optima_kind)k;
    return OPT_OTHER;
}

/* The weights' columns name the domains, in their order; intervals are matched to them afterwards, wherever they stand.
 */
static asc_status name_domains(optima_reader *r)
{
    const asc__grid *g = r->g;
    asc_optima *o = &r->o;
    r->columns = asc_calloc(g->n_columns + 1, sizeof *r->columns);
    o->domains = asc_calloc(g->n_columns + 1, sizeof *o->domains);
    if (!r->columns || !o->domains)
        return ASC_NOMEM(r->err);
    for (size_t c = 0; c < g->n_columns; c++) {
        optima_column *x = &r->columns[c];
        x->kind = kind_of(g->column[c]);
        if (x->kind == OPT_TOKENS && r->tokens)
            return ASC_FAIL(r->err, ASC_EINVAL, "%s:1: two columns 'tokens' that differ only in case", g->name);
        r->tokens |= x->kind == OPT_TOKENS;
        if (x->kind == OPT_PARAMS && r->params) /* the first counts */
            x->kind = OPT_OTHER;
        r->params |= x->kind == OPT_PARAMS;
        if (x->kind != OPT_WEIGHT)
            continue;
        x->domain = o->n_domains;
        o->domains[o->n_domains] = asc_strdup(g->column[c] + strlen(prefixes[OPT_WEIGHT]));
        if (!o->domains[o->n_domains++])
            return ASC_NOMEM(r->err);
        if (domain_index(o, o->domains[x->domain]) != x->domain)
            return ASC_FAIL(r->err, ASC_EINVAL, "%s:1: column '%s': duplicate column for this domain", g->name,
                            g->column[c]);
    }
    return ASC_OK;
}

static asc_status read_header(optima_reader *r)
{
    const asc__grid *g = r->g;
    if (g->n_columns > MAX_COLUMNS)
        return ASC_FAIL(r->err, ASC_EINVAL, "%s:1: more than %d columns; is this a table of optima?", g->name,
                        MAX_COLUMNS);
    ASC_TRY(name_domains(r));
    if (!r->tokens || r->o.n_domains == 0)
        return ASC_FAIL(r->err, ASC_EINVAL, "%s:1: expected columns 'tokens' and weight_<domain>", g->name);
    for (size_t c = 0; c < g->n_columns; c++) {
        optima_column *x = &r->columns[c];
        if (x->kind == OPT_OTHER && r->notes)
            asc_notes_say(r->notes, IGNORED_COLUMN, g->column[c]);
        if (x->kind != OPT_LO && x->kind != OPT_HI)
            continue;
        x->domain = domain_index(&r->o, g->column[c] + 3);
        if (x->domain == r->o.n_domains)
            return ASC_FAIL(r->err, ASC_EINVAL, "%s:1: column '%s': no column weight_%s beside it", g->name,
                            g->column[c], g->column[c] + 3);
        r->intervals = true;
    }
    return ASC_OK;
}

/* Shares in percent: every row of weights sums to 100 within 1. */
static bool in_percent(const optima_reader *r)
{
    for (size_t row = 0; row < r->g->n_rows; row++) {
        double sum = 0, x;
        for (size_t c = 0; c < r->g->n_columns; c++)
            if (r->columns[c].kind == OPT_WEIGHT &&
                asc__grid_value(r->g, c, asc__grid_cell(r->g, row, c), &x) == ASC__NUMBER)
                sum += x;
        if (!(fabs(sum - 100) <= 1))
            return false;
    }
    return true;
}

/* One cell into its place: w, lo, hi are the row's (D), tokens one number. Of an interval a blank is allowed, of a
 * weight none; 1.01 leaves room for rounding, the row's sum is checked by itself. */
static asc_status optima_cell(optima_reader *r, size_t row, size_t c, double *w, double *lo, double *hi, double *tokens)
{
    const optima_column *x = &r->columns[c];
    bool interval = x->kind == OPT_LO || x->kind == OPT_HI;
    double v = NAN;
    asc__value is = asc__grid_value(r->g, c, asc__grid_cell(r->g, row, c), &v);
    const char *expected = x->kind == OPT_TOKENS ? "tokens > 0"
                           : interval            ? "a share or blank"
                                                 : "a share in [0, 1.01]";
    if (is == ASC__NUMBER && x->kind != OPT_TOKENS && r->percent)
        v /= 100;
    assert(x->kind == OPT_TOKENS || x->domain < r->o.n_domains);
    bool fine = x->kind == OPT_TOKENS ? v > 0 : v >= 0 && v <= 1.01;
    if (!(is == ASC__NUMBER && fine) && !(is == ASC__MISSING && interval))
        return asc__grid_bad_cell(r->g, row, c, expected, r->err);
    double *to = x->kind == OPT_TOKENS ? tokens : (x->kind == OPT_WEIGHT ? w : x->kind == OPT_LO ? lo : hi) + x->domain;
    *to = is == ASC__NUMBER ? v : NAN;
    return ASC_OK;
}

/* Parameters tell rows of equal tokens apart, and mean nothing else: what is no number is as if it were not there. */
static void read_params(optima_reader *r, size_t row)
{
    double v;
    r->o.params[row] = NAN;
    for (size_t c = 0; c < r->g->n_columns; c++)
        if (r->columns[c].kind == OPT_PARAMS &&
            asc__grid_value(r->g, c, asc__grid_cell(r->g, row, c), &v) == ASC__NUMBER && v > 0)
            r->o.params[row] = v;
}

static asc_status check_scale(const optima_reader *r, size_t row)
{
    const asc_optima *o = &r->o;
    for (size_t s = 0; s < row; s++)
        if (o->tokens[s] == o->tokens[row] && !(o->params[s] < o->params[row] || o->params[s] > o->params[row]))
            return ASC_FAIL(r->err, ASC_EINVAL, "%s:%zu: column 'tokens': duplicate scale %.6g%s", r->g->name,
                            r->g->line[row], o->tokens[s], isnan(o->params[row]) ? "" : " of as many parameters");
    return ASC_OK;
}

static asc_status read_row(optima_reader *r, size_t row)
{
    asc_optima *o = &r->o;
    const asc__grid *g = r->g;
    size_t D = o->n_domains;
    double *w = o->weights + row * D, *lo = o->lo + row * D, *hi = o->hi + row * D, sum = 0;
    for (size_t i = 0; i < D; i++)
        lo[i] = hi[i] = NAN;
    for (size_t c = 0; c < g->n_columns; c++)
        if (r->columns[c].kind < OPT_PARAMS)
            ASC_TRY(optima_cell(r, row, c, w, lo, hi, &o->tokens[row]));
    read_params(r, row);
    ASC_TRY(check_scale(r, row));
    for (size_t i = 0; i < D; i++)
        sum += w[i];
    if (!(fabs(sum - 1) <= .01 + 1e-12))
        return ASC_FAIL(r->err, ASC_EINVAL,
                        "%s:%zu: columns weight_*: expected shares that sum to 1 within .01, found %.6g", g->name,
                        g->line[row], sum);
    if (fabs(sum - 1) > 1e-6 && r->notes)
        asc_notes_say(r->notes, OPTIMA_NORMALIZED);
    for (size_t i = 0; i < D; i++)
        w[i] /= sum;
    o->n_scales++;
    return ASC_OK;
}

static asc_status allocate(optima_reader *r)
{
    asc_optima *o = &r->o;
    size_t cells = r->g->n_rows * o->n_domains + 1;
    if (r->g->n_rows > MAX_SCALES)
        return ASC_FAIL(r->err, ASC_EINVAL, "%s:%zu: more than %d scales; is this a table of optima?", r->g->name,
                        r->g->line[MAX_SCALES], MAX_SCALES);
    o->tokens = asc_calloc(r->g->n_rows + 1, sizeof *o->tokens);
    o->params = asc_calloc(r->g->n_rows + 1, sizeof *o->params);
    o->weights = asc_calloc(cells, sizeof *o->weights);
    o->lo = asc_calloc(cells, sizeof *o->lo);
    o->hi = asc_calloc(cells, sizeof *o->hi);
    return o->tokens && o->params && o->weights && o->lo && o->hi ? ASC_OK : ASC_NOMEM(r->err);
}

/* ---- order of tokens, then of parameters ---- */

static void swap_doubles(double *a, double *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double x = a[i];
        a[i] = b[i];
        b[i] = x;
    }
}

static bool comes_before(const asc_optima *o, size_t a, size_t b)
{
    return o->tokens[a] < o->tokens[b] || (o->tokens[a] == o->tokens[b] && o->params[a] < o->params[b]);
}

static void sort_scales(asc_optima *o)
{
    size_t D = o->n_domains;
    for (size_t i = 1; i < o->n_scales; i++)
        for (size_t j = i; j > 0 && comes_before(o, j, j - 1); j--) {
            swap_doubles(&o->tokens[j], &o->tokens[j - 1], 1);
            swap_doubles(&o->params[j], &o->params[j - 1], 1);
            swap_doubles(o->weights + j * D, o->weights + (j - 1) * D, D);
            swap_doubles(o->lo + j * D, o->lo + (j - 1) * D, D);
            swap_doubles(o->hi + j * D, o->hi + (j - 1) * D, D);
        }
}

static asc_status read_all(optima_reader *r)
{
    ASC_TRY(read_header(r));
    ASC_TRY(allocate(r));
    r->percent = in_percent(r);
    for (size_t row = 0; row < r->g->n_rows; row++)
        ASC_TRY(read_row(r, row));
    for (size_t i = 0; r->notes && i < r->g->notes.n; i++)
        asc_notes_add_as(r->notes, r->g->notes.code[i], "%s", r->g->notes.text[i]);
    sort_scales(&r->o);
    if (!r->intervals) {
        asc_free(r->o.lo);
        asc_free(r->o.hi);
        r->o.lo = r->o.hi = NULL;
    }
    if (!r->params) {
        asc_free(r->o.params);
        r->o.params = NULL;
    }
    return ASC_OK;
}

/* g is cleared. */
static asc_status read_grid(asc_optima *out, asc__grid *g, asc_notes *notes, asc_error *err)
{
    optima_reader r = {.g = g, .err = err, .notes = notes};
    asc_status st = read_all(&r);
    asc_free(r.columns);
    asc__grid_clear(g);
    if (st == ASC_OK)
        *out = r.o;
    else
        asc_optima_clear(&r.o);
    return st;
}

asc_status asc_optima_read(asc_optima *out, const char *path, asc_notes *notes, asc_error *err)
{
    asc__grid g = {0};
    ASC_TRY(asc__grid_read(&g, path, err));
    return read_grid(out, &g, notes, err);
}

asc_status asc_optima_parse(asc_optima *out, const char *name, const char *text, size_t n, asc_notes *notes,
                            asc_error *err)
{
    asc__grid g = {0};
    ASC_TRY(asc__grid_parse(&g, name, text, n, err));
    return read_grid(out, &g, notes, err);
}

asc_status asc_optima_write(const char *path, const asc_optima *o, asc_error *err)
{
    asc_buf b = {0};
    const double *arrays[] = {o->weights, o->lo, o->hi};
    asc_buf_puts(&b, o->params ? "tokens,params" : "tokens");
    for (int k = OPT_WEIGHT; k <= OPT_HI; k++)
        for (size_t i = 0; i < o->n_domains && arrays[k - OPT_WEIGHT]; i++) {
            char *name = asc_strf("%s%s", prefixes[k], o->domains[i]);
            b.oom |= !name;
            asc_buf_putc(&b, ',');
            asc__csv_put(&b, name ? name : "");
            asc_free(name);
        }
    asc_buf_putc(&b, '\n');
    for (size_t s = 0; s < o->n_scales; s++) {
        asc__csv_put_number(&b, o->tokens[s]);
        if (o->params) {
            asc_buf_putc(&b, ',');
            asc__csv_put_number(&b, o->params[s]);
        }
        for (size_t k = 0; k < 3; k++)
            for (size_t i = 0; i < o->n_domains && arrays[k]; i++) {
                asc_buf_putc(&b, ',');
                asc__csv_put_number(&b, arrays[k][s * o->n_domains + i]);
            }
        asc_buf_putc(&b, '\n');
    }
    asc_status st = b.oom ? ASC_NOMEM(err) : asc_write_file(path, b.data, b.len, err);
    asc_buf_clear(&b);
    return st;
}
