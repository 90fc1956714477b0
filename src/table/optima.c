/* optima.csv: the best mixtures found at several scales. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autoscale/table.h"
#include "csv.h"

enum { MAX_SCALES = 1000, MAX_COLUMNS = 10000 };

typedef enum optima_kind { OPT_TOKENS, OPT_WEIGHT, OPT_LO, OPT_HI, OPT_OTHER } optima_kind;
typedef struct optima_column {
    optima_kind kind;
    size_t domain;
    char *name;
} optima_column;

typedef struct optima_reader {
    asc__csv csv;
    asc_optima o;
    optima_column *columns;
    size_t n_columns, cap_rows;
    bool tokens, intervals;
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
    if (strcmp(name, "tokens") == 0)
        return OPT_TOKENS;
    for (int k = OPT_WEIGHT; k <= OPT_HI; k++)
        if (strncmp(name, prefixes[k], strlen(prefixes[k])) == 0 && name[strlen(prefixes[k])])
            return (optima_kind)k;
    return OPT_OTHER;
}

static asc_status copy_columns(optima_reader *r)
{
    r->n_columns = r->csv.n_cells;
    r->columns = asc_calloc(r->n_columns, sizeof *r->columns);
    r->o.domains = asc_calloc(r->n_columns, sizeof *r->o.domains);
    if (!r->columns || !r->o.domains)
        return ASC_NOMEM(r->err);
    for (size_t i = 0; i < r->n_columns; i++) {
        const char *name = r->csv.cell[i];
        for (size_t j = 0; j < i; j++)
            if (strcmp(name, r->columns[j].name) == 0)
                return ASC_FAIL(r->err, ASC_EINVAL, "%s:%zu: column '%s' stands twice (columns %zu and %zu)",
                                r->csv.name, r->csv.line, name, j + 1, i + 1);
        if (!*name || !asc__csv_utf8(name))
            return ASC_FAIL(r->err, ASC_EINVAL, "%s:%zu: column %zu has no name in UTF-8", r->csv.name, r->csv.line,
                            i + 1);
        r->columns[i].kind = kind_of(name);
        r->columns[i].name = asc_strdup(name);
        if (!r->columns[i].name)
            return ASC_NOMEM(r->err);
    }
    return ASC_OK;
}

static asc_status name_domains(optima_reader *r)
{
    asc_optima *o = &r->o;
    for (size_t i = 0; i < r->n_columns; i++) {
        optima_column *c = &r->columns[i];
        r->tokens |= c->kind == OPT_TOKENS;
        if (c->kind != OPT_WEIGHT)
            continue;
        c->domain = o->n_domains;
        o->domains[o->n_domains] = asc_strdup(c->name + strlen(prefixes[OPT_WEIGHT]));
        if (!o->domains[o->n_domains++])
            return ASC_NOMEM(r->err);
    }
    return ASC_OK;
}

static asc_status read_header(optima_reader *r)
{
    ASC_TRY(asc__csv_next(&r->csv, r->err));
    if (r->csv.n_cells == 0)
        return ASC_FAIL(r->err, ASC_EINVAL, "%s: empty; expected a header line", r->csv.name);
    if (r->csv.n_cells > MAX_COLUMNS)
        return ASC_FAIL(r->err, ASC_EINVAL, "%s:%zu: more than %d columns; is this a table of optima?", r->csv.name,
                        r->csv.line, MAX_COLUMNS);
    ASC_TRY(copy_columns(r));
    ASC_TRY(name_domains(r));
    if (!r->tokens || r->o.n_domains == 0)
        return ASC_FAIL(r->err, ASC_EINVAL, "%s:%zu: expected columns 'tokens' and weight_<domain>", r->csv.name,
                        r->csv.line);
    for (size_t i = 0; i < r->n_columns; i++) {
        optima_column *c = &r->columns[i];
        if (c->kind == OPT_OTHER && r->notes)
            asc_notes_add(r->notes, "column not used: '%s'", c->name);
        if (c->kind != OPT_LO && c->kind != OPT_HI)
            continue;
        c->domain = domain_index(&r->o, c->name + 3);
        if (c->domain == r->o.n_domains)
            return ASC_FAIL(r->err, ASC_EINVAL, "%s:%zu: column '%s': no column weight_%s beside it", r->csv.name,
                            r->csv.line, c->name, c->name + 3);
        r->intervals = true;
    }
    return ASC_OK;
}

static asc_status optima_cell(optima_reader *r, const optima_column *c, const char *cell, double *row, double *lo,
                              double *hi, double *tokens)
{
    double x = NAN;
    bool number = asc__csv_number(cell, &x);
    bool interval = c->kind == OPT_LO || c->kind == OPT_HI;
    char found[48];
    const char *expected = c->kind == OPT_TOKENS ? "tokens > 0"
                           : interval            ? "a share or blank"
                                                 : "a share in [0, 1.01]";
    bool fine = c->kind == OPT_TOKENS ? x > 0 : x >= 0 && x <= 1.01;
    if (interval && !*cell) {
        number = fine = true;
        x = NAN;
    }
    if (!number || !fine)
        return ASC_FAIL(r->err, ASC_EINVAL, "%s:%zu: column '%s': expected %s, found '%s'", r->csv.name, r->csv.line,
                        c->name, expected, asc__csv_show(cell, found));
    double *to = c->kind == OPT_TOKENS ? tokens
                                       : (c->kind == OPT_WEIGHT ? row
                                          : c->kind == OPT_LO   ? lo
                                                                : hi) +
                                             c->domain;
    *to = x;
    return ASC_OK;
}

static asc_status grow(optima_reader *r)
{
    asc_optima *o = &r->o;
    if (o->n_scales < r->cap_rows)
        return ASC_OK;
    size_t cap = r->cap_rows ? 2 * r->cap_rows : 8;
    double **arrays[] = {&o->tokens, &o->weights, &o->lo, &o->hi};
    for (size_t k = 0; k < 4; k++) {
        double *p = asc_reallocarray(*arrays[k], cap * (k ? o->n_domains : 1), sizeof *p);
        if (!p)
            return ASC_NOMEM(r->err);
        *arrays[k] = p;
    }
    r->cap_rows = cap;
    return ASC_OK;
}

static asc_status read_row(optima_reader *r)
{
    asc_optima *o = &r->o;
    size_t D = o->n_domains;
    if (r->csv.n_cells != r->n_columns)
        return ASC_FAIL(r->err, ASC_EINVAL, "%s:%zu: expected %zu cells as in the header, found %zu", r->csv.name,
                        r->csv.line, r->n_columns, r->csv.n_cells);
    if (o->n_scales == MAX_SCALES)
        return ASC_FAIL(r->err, ASC_EINVAL, "%s:%zu: more than %d scales; is this a table of optima?", r->csv.name,
                        r->csv.line, MAX_SCALES);
    ASC_TRY(grow(r));
    double *w = o->weights + o->n_scales * D, *lo = o->lo + o->n_scales * D, *hi = o->hi + o->n_scales * D, sum = 0;
    for (size_t i = 0; i < D; i++)
        lo[i] = hi[i] = NAN;
    for (size_t i = 0; i < r->n_columns; i++)
        if (r->columns[i].kind != OPT_OTHER)
            ASC_TRY(optima_cell(r, &r->columns[i], r->csv.cell[i], w, lo, hi, &o->tokens[o->n_scales]));
    for (size_t s = 0; s < o->n_scales; s++)
        if (o->tokens[s] == o->tokens[o->n_scales])
            return ASC_FAIL(r->err, ASC_EINVAL, "%s:%zu: column 'tokens': expected another scale, found %.6g again",
                            r->csv.name, r->csv.line, o->tokens[s]);
    for (size_t i = 0; i < D; i++)
        sum += w[i];
    if (!(fabs(sum - 1) <= .01 + 1e-12))
        return ASC_FAIL(r->err, ASC_EINVAL,
                        "%s:%zu: columns weight_*: expected shares that sum to 1 within .01, found %.6g", r->csv.name,
                        r->csv.line, sum);
    if (fabs(sum - 1) > 1e-6 && r->notes)
        asc_notes_add(r->notes, "weights that sum to 1 within .01 only were normalised");
    for (size_t i = 0; i < D; i++)
        w[i] /= sum;
    o->n_scales++;
    return ASC_OK;
}

/* ---- order of tokens ---- */

static void swap_doubles(double *a, double *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double x = a[i];
        a[i] = b[i];
        b[i] = x;
    }
}

static void sort_scales(asc_optima *o)
{
    size_t D = o->n_domains;
    for (size_t i = 1; i < o->n_scales; i++)
        for (size_t j = i; j > 0 && o->tokens[j] < o->tokens[j - 1]; j--) {
            swap_doubles(&o->tokens[j], &o->tokens[j - 1], 1);
            swap_doubles(o->weights + j * D, o->weights + (j - 1) * D, D);
            swap_doubles(o->lo + j * D, o->lo + (j - 1) * D, D);
            swap_doubles(o->hi + j * D, o->hi + (j - 1) * D, D);
        }
}

static asc_status read_all(optima_reader *r)
{
    ASC_TRY(read_header(r));
    do {
        ASC_TRY(asc__csv_next(&r->csv, r->err));
        if (r->csv.n_cells)
            ASC_TRY(read_row(r));
    } while (r->csv.n_cells);
    if (r->o.n_scales == 0)
        return ASC_FAIL(r->err, ASC_EINVAL, "%s: no rows below the header", r->csv.name);
    sort_scales(&r->o);
    if (!r->intervals) {
        asc_free(r->o.lo);
        asc_free(r->o.hi);
        r->o.lo = r->o.hi = NULL;
    }
    return ASC_OK;
}

static asc_status finish(optima_reader *r, asc_optima *out, asc_status st)
{
    for (size_t i = 0; r->columns && i < r->n_columns; i++)
        asc_free(r->columns[i].name);
    asc_free(r->columns);
    asc__csv_close(&r->csv);
    if (st == ASC_OK)
        *out = r->o;
    else
        asc_optima_clear(&r->o);
    return st;
}

asc_status asc_optima_read(asc_optima *out, const char *path, asc_notes *notes, asc_error *err)
{
    optima_reader r = {.err = err, .notes = notes};
    ASC_TRY(asc__csv_open(&r.csv, path, err));
    return finish(&r, out, read_all(&r));
}

asc_status asc_optima_parse(asc_optima *out, const char *name, const char *text, size_t n, asc_notes *notes,
                            asc_error *err)
{
    optima_reader r = {.err = err, .notes = notes};
    ASC_TRY(asc__csv_open_memory(&r.csv, name, text, n, err));
    return finish(&r, out, read_all(&r));
}

asc_status asc_optima_write(const char *path, const asc_optima *o, asc_error *err)
{
    asc_buf b = {0};
    const double *arrays[] = {o->weights, o->lo, o->hi};
    asc_buf_puts(&b, "tokens");
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
