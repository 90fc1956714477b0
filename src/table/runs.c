/* The reader of tables of runs: header names decide what a column is, every cell is checked, nothing is dropped. */
#include "autoscale/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "csv.h"

typedef enum column_kind {
    COL_RUN,
    COL_SEED,
    COL_TOKENS,
    COL_PARAMS,
    COL_HORIZON,
    COL_DOMAIN,
    COL_TARGET,
    COL_UNKNOWN
} column_kind;

typedef struct column {
    column_kind kind;
    size_t index; /* domain, target or unknown column that it fills */
    bool ppl;
    char *name;
} column;

/* What the weights of the rows summed to before they were normalised. */
typedef struct weight_sums {
    double least, most;
    size_t n_off, first_line;
} weight_sums;

typedef struct reader {
    asc__csv csv;
    asc_table t;
    column *columns;
    size_t n_columns;
    size_t cap_rows; /* rows for which the arrays have room */
    size_t *slots;   /* open-addressing table over run ids: group + 1 */
    size_t n_slots;
    size_t *group_row; /* (groups) first row of each */
    size_t cap_groups;
    weight_sums sums;
    char *chunk; /* what is left of the newest block of text */
    size_t n_chunk;
    asc_error *err;
} reader;

void asc_table_clear(asc_table *t)
{
    if (!t)
        return;
    asc_runs_clear(&t->runs);
    asc_free(t->run);
    asc_free(t->seed);
    asc_free(t->ppl);
    for (size_t i = 0; t->unknown && i < t->n_unknown; i++)
        asc_free(t->unknown[i]);
    asc_free(t->unknown);
    asc_free(t->unknown_cell);
    asc_arena_clear(&t->text);
    asc_notes_clear(&t->notes);
    *t = (asc_table){0};
}

/* ---- errors ---- */

static asc_status bad_cell(const reader *r, const column *c, const char *expected, const char *cell)
{
    char found[48];
    asc__csv_show(cell, found);
    return ASC_FAIL(r->err, ASC_EINVAL, "%s:%zu: column '%s': expected %s, found %s%s%s", r->csv.name, r->csv.line,
                    c->name, expected, *cell ? "'" : "", *cell ? found : "nothing", *cell ? "'" : "");
}

/* A copy of s in the table's text, packed (an arena alone would round each cell to 64 bytes). */
static char *keep_text(reader *r, const char *s)
{
    enum { BLOCK = 1 << 16 };
    size_t n = strlen(s) + 1;
    if (n > r->n_chunk) {
        size_t block = n > BLOCK ? n : BLOCK;
        char *p = asc_arena_alloc(&r->t.text, block);
        if (!p)
            return NULL;
        r->chunk = p;
        r->n_chunk = block;
    }
    char *out = memcpy(r->chunk, s, n);
    r->chunk += n;
    r->n_chunk -= n;
    return out;
}

/* ---- header ---- */

static bool starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

static column_kind fixed_column(const char *name)
{
    static const struct {
        const char *name;
        column_kind kind;
    } fixed[] = {
        {"run", COL_RUN}, {"seed", COL_SEED}, {"tokens", COL_TOKENS}, {"params", COL_PARAMS}, {"horizon", COL_HORIZON}};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (strcmp(name, fixed[i].name) == 0)
            return fixed[i].kind;
    return COL_UNKNOWN;
}

static asc_status add_name(char ***names, size_t *n, const char *name, asc_error *err)
{
    size_t cap = *n && (*n & (*n - 1)) ? 0 : *n; /* grown at powers of two */
    if (*n == 0 || cap) {
        char **p = asc_reallocarray(*names, *n ? 2 * *n : 1, sizeof *p);
        if (!p)
            return ASC_NOMEM(err);
        *names = p;
    }
    char *copy = asc_strdup(name);
    if (!copy)
        return ASC_NOMEM(err);
    (*names)[(*n)++] = copy;
    return ASC_OK;
}

static size_t find_name(char *const *names, size_t n, const char *name)
{
    size_t i = 0;
    while (i < n && strcmp(names[i], name) != 0)
        i++;
    return i;
}

static asc_status need_rest(const reader *r, const char *name, size_t prefix, const char *what)
{
    if (name[prefix])
        return ASC_OK;
    return ASC_FAIL(r->err, ASC_EINVAL, "%s:%zu: column '%s': expected %s's name after '%s'", r->csv.name, r->csv.line,
                    name, what, name);
}

static asc_status domain_column(reader *r, column *c, const char *name, bool weights)
{
    asc_table *t = &r->t;
    const size_t prefix = 7; /* "weight_" and "tokens_" are equally long */
    ASC_TRY(need_rest(r, name, prefix, "a domain"));
    if (t->runs.n_domains && t->weights_form != weights)
        return ASC_FAIL(r->err, ASC_EINVAL,
                        "%s:%zu: column '%s': weight_ and tokens_ columns in one table; expected one kind", r->csv.name,
                        r->csv.line, name);
    t->weights_form = weights;
    c->kind = COL_DOMAIN;
    c->index = t->runs.n_domains;
    return add_name(&t->runs.domains, &t->runs.n_domains, name + prefix, r->err);
}

static asc_status target_column(reader *r, column *c, const char *name, bool ppl)
{
    asc_runs *runs = &r->t.runs;
    size_t prefix = ppl ? 4 : 5;
    ASC_TRY(need_rest(r, name, prefix, "a target"));
    if (find_name(runs->targets, runs->n_targets, name + prefix) < runs->n_targets)
        return ASC_FAIL(r->err, ASC_EINVAL,
                        "%s:%zu: column '%s': target '%s' has a loss_ and a ppl_ column; expected one", r->csv.name,
                        r->csv.line, name, name + prefix);
    c->kind = COL_TARGET;
    c->index = runs->n_targets;
    c->ppl = ppl;
    return add_name(&runs->targets, &runs->n_targets, name + prefix, r->err);
}

static asc_status classify(reader *r, column *c, const char *name)
{
    if (starts(name, "weight_") || starts(name, "tokens_"))
        return domain_column(r, c, name, name[0] == 'w');
    if (starts(name, "loss_") || starts(name, "ppl_"))
        return target_column(r, c, name, name[0] == 'p');
    c->kind = fixed_column(name);
    if (c->kind != COL_UNKNOWN)
        return ASC_OK;
    c->index = r->t.n_unknown;
    return add_name(&r->t.unknown, &r->t.n_unknown, name, r->err);
}

static int compare_columns(const void *a, const void *b)
{
    const column *const *x = a, *const *y = b;
    int by_name = strcmp((*x)->name, (*y)->name);
    return by_name ? by_name : (*x > *y) - (*x < *y);
}

static asc_status check_duplicates(reader *r)
{
    column **sorted = asc_calloc(r->n_columns, sizeof *sorted);
    if (!sorted)
        return ASC_NOMEM(r->err);
    for (size_t i = 0; i < r->n_columns; i++)
        sorted[i] = &r->columns[i];
    qsort(sorted, r->n_columns, sizeof *sorted, compare_columns);
    asc_status st = ASC_OK;
    for (size_t i = 1; i < r->n_columns && st == ASC_OK; i++)
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
            st = ASC_FAIL(r->err, ASC_EINVAL, "%s:%zu: column '%s' stands twice (columns %td and %td)", r->csv.name,
                          r->csv.line, sorted[i]->name, sorted[i - 1] - r->columns + 1, sorted[i] - r->columns + 1);
    asc_free(sorted);
    return st;
}

static asc_status name_columns(reader *r)
{
    r->n_columns = r->csv.n_cells;
    r->columns = asc_calloc(r->n_columns, sizeof *r->columns);
    if (!r->columns)
        return ASC_NOMEM(r->err);
    for (size_t i = 0; i < r->n_columns; i++) {
        const char *name = r->csv.cell[i];
        if (!*name)
            return ASC_FAIL(r->err, ASC_EINVAL, "%s:%zu: column %zu has no name", r->csv.name, r->csv.line, i + 1);
        if (!asc__csv_utf8(name) || strpbrk(name, "\r\n\t"))
            return ASC_FAIL(r->err, ASC_EINVAL, "%s:%zu: the name of column %zu is not UTF-8 text on one line",
                            r->csv.name, r->csv.line, i + 1);
        r->columns[i].name = asc_strdup(name);
        if (!r->columns[i].name)
            return ASC_NOMEM(r->err);
    }
    return check_duplicates(r);
}

static void hint_separator(const reader *r, char *hint, size_t n)
{
    bool semicolon = r->n_columns == 1 && strchr(r->columns[0].name, ';');
    snprintf(hint, n, "%s", semicolon ? "; its columns seem to be separated by ';' instead of ','" : "");
}

static asc_status check_header(const reader *r)
{
    const asc_table *t = &r->t;
    char hint[80];
    hint_separator(r, hint, sizeof hint);
    if (t->runs.n_domains == 0)
        return ASC_FAIL(r->err, ASC_EINVAL, "%s:%zu: no column weight_<domain> or tokens_<domain>%s", r->csv.name,
                        r->csv.line, hint);
    if (t->weights_form && !t->has_tokens)
        return ASC_FAIL(r->err, ASC_EINVAL, "%s:%zu: weight_ columns need a column 'tokens' with each row's total",
                        r->csv.name, r->csv.line);
    if (t->runs.n_targets == 0)
        return ASC_FAIL(r->err, ASC_EINVAL, "%s:%zu: no column loss_<target> or ppl_<target>", r->csv.name,
                        r->csv.line);
    return ASC_OK;
}

static asc_status read_header(reader *r)
{
    ASC_TRY(asc__csv_next(&r->csv, r->err));
    if (r->csv.n_cells == 0)
        return ASC_FAIL(r->err, ASC_EINVAL, "%s: empty; expected a header line", r->csv.name);
    ASC_TRY(name_columns(r));
    asc_table *t = &r->t;
    for (size_t i = 0; i < r->n_columns; i++) {
        column *c = &r->columns[i];
        ASC_TRY(classify(r, c, c->name));
        t->has_run |= c->kind == COL_RUN;
        t->has_seed |= c->kind == COL_SEED;
        t->has_params |= c->kind == COL_PARAMS;
        t->has_horizon |= c->kind == COL_HORIZON;
        if (c->kind == COL_TOKENS)
            t->has_tokens = true;
    }
    ASC_TRY(check_header(r));
    t->ppl = asc_calloc(t->runs.n_targets, sizeof *t->ppl);
    if (!t->ppl)
        return ASC_NOMEM(r->err);
    for (size_t i = 0; i < r->n_columns; i++)
        if (r->columns[i].kind == COL_TARGET)
            t->ppl[r->columns[i].index] = r->columns[i].ppl;
    return ASC_OK;
}

/* ---- rows ---- */

static bool grow_doubles(double **p, size_t rows, size_t width)
{
    size_t n;
    if (__builtin_mul_overflow(rows, width, &n))
        return false;
    double *q = asc_reallocarray(*p, n ? n : 1, sizeof *q);
    if (q)
        *p = q;
    return q != NULL;
}

/* Room for one more row in every array. */
static asc_status grow_rows(reader *r)
{
    asc_table *t = &r->t;
    asc_runs *runs = &t->runs;
    if (runs->n_runs < r->cap_rows)
        return ASC_OK;
    size_t cap = r->cap_rows ? 2 * r->cap_rows : 64;
    char **ids = asc_reallocarray(t->run, cap, sizeof *ids);
    if (ids)
        t->run = ids;
    size_t *groups = asc_reallocarray(runs->group, cap, sizeof *groups);
    if (groups)
        runs->group = groups;
    bool ok = ids && groups && grow_doubles(&runs->tokens, cap, runs->n_domains) &&
              grow_doubles(&runs->loss, cap, runs->n_targets) && grow_doubles(&runs->total, cap, 1) &&
              grow_doubles(&runs->params, cap, 1) && grow_doubles(&runs->horizon, cap, 1) &&
              grow_doubles(&t->seed, cap, 1);
    if (ok && t->n_unknown) {
        char **cells = asc_reallocarray(t->unknown_cell, cap, t->n_unknown * sizeof *cells);
        ok = cells != NULL;
        if (cells)
            t->unknown_cell = cells;
    }
    if (!ok)
        return ASC_NOMEM(r->err);
    r->cap_rows = cap;
    return ASC_OK;
}

static asc_status positive(reader *r, const column *c, const char *cell, const char *what, double *out)
{
    double x;
    if (!asc__csv_number(cell, &x) || !(x > 0))
        return bad_cell(r, c, what, cell);
    *out = x;
    return ASC_OK;
}

static asc_status target_cell(reader *r, const column *c, const char *cell, double *out)
{
    double x;
    if (!*cell) {
        *out = NAN;
        return ASC_OK;
    }
    if (!asc__csv_number(cell, &x) || !(c->ppl ? x >= 1 : x >= 0))
        return bad_cell(r, c, c->ppl ? "a perplexity >= 1, or blank" : "a loss >= 0 in nats, or blank", cell);
    *out = c->ppl ? log(x) : x;
    return ASC_OK;
}

static asc_status domain_cell(reader *r, const column *c, const char *cell, double *out)
{
    double x;
    if (!asc__csv_number(cell, &x) || x < 0)
        return bad_cell(r, c, r->t.weights_form ? "a share >= 0" : "tokens >= 0", cell);
    *out = x;
    return ASC_OK;
}

static asc_status read_cell(reader *r, const column *c, const char *cell)
{
    asc_table *t = &r->t;
    asc_runs *runs = &t->runs;
    size_t row = runs->n_runs;
    switch (c->kind) {
    case COL_RUN:
        if (!*cell || !asc__csv_utf8(cell))
            return bad_cell(r, c, "a run's id", cell);
        t->run[row] = keep_text(r, cell);
        return t->run[row] ? ASC_OK : ASC_NOMEM(r->err);
    case COL_SEED:
        return !*cell || asc__csv_number(cell, &t->seed[row]) ? ASC_OK : bad_cell(r, c, "a number or blank", cell);
    case COL_TOKENS:
        return !*cell && !t->weights_form ? ASC_OK : positive(r, c, cell, "a total of tokens > 0", &runs->total[row]);
    case COL_PARAMS:
        return !*cell ? ASC_OK : positive(r, c, cell, "parameters > 0, or blank", &runs->params[row]);
    case COL_HORIZON:
        return !*cell ? ASC_OK : positive(r, c, cell, "tokens > 0, or blank", &runs->horizon[row]);
    case COL_DOMAIN:
        return domain_cell(r, c, cell, &runs->tokens[row * runs->n_domains + c->index]);
    case COL_TARGET:
        return target_cell(r, c, cell, &runs->loss[row * runs->n_targets + c->index]);
    case COL_UNKNOWN:
        break;
    }
    char *copy = keep_text(r, cell);
    t->unknown_cell[row * t->n_unknown + c->index] = copy;
    return copy ? ASC_OK : ASC_NOMEM(r->err);
}

/* weight_ columns: shares become tokens; the sum may be off by .01. */
static asc_status settle_weights(reader *r, double *w, double total)
{
    size_t D = r->t.runs.n_domains;
    double sum = 0;
    for (size_t i = 0; i < D; i++)
        sum += w[i];
    if (!(fabs(sum - 1) <= .01 + 1e-12))
        return ASC_FAIL(r->err, ASC_EINVAL,
                        "%s:%zu: columns weight_*: expected shares that sum to 1 within .01, found %.6g", r->csv.name,
                        r->csv.line, sum);
    if (fabs(sum - 1) > 1e-6) {
        weight_sums *s = &r->sums;
        s->least = s->n_off ? fmin(s->least, sum) : sum;
        s->most = s->n_off ? fmax(s->most, sum) : sum;
        s->first_line = s->n_off ? s->first_line : r->csv.line;
        s->n_off++;
    }
    for (size_t i = 0; i < D; i++)
        w[i] = w[i] / sum * total;
    return ASC_OK;
}

/* tokens_ columns: the total is their sum; a `tokens` column beside them must agree. */
static asc_status settle_tokens(reader *r, const double *tokens, double *total)
{
    double sum = 0;
    for (size_t i = 0; i < r->t.runs.n_domains; i++)
        sum += tokens[i];
    if (!(sum > 0) || isinf(sum))
        return ASC_FAIL(r->err, ASC_EINVAL, "%s:%zu: columns tokens_*: expected a sum > 0, found %g", r->csv.name,
                        r->csv.line, sum);
    if (*total > 0 && fabs(*total - sum) > .01 * sum)
        return ASC_FAIL(r->err, ASC_EINVAL, "%s:%zu: column 'tokens': expected the sum of tokens_*, %.10g, found %.10g",
                        r->csv.name, r->csv.line, sum, *total);
    *total = sum;
    return ASC_OK;
}

static asc_status read_row(reader *r)
{
    asc_runs *runs = &r->t.runs;
    if (r->csv.n_cells != r->n_columns)
        return ASC_FAIL(r->err, ASC_EINVAL, "%s:%zu: expected %zu cells as in the header, found %zu", r->csv.name,
                        r->csv.line, r->n_columns, r->csv.n_cells);
    ASC_TRY(grow_rows(r));
    size_t row = runs->n_runs;
    r->t.run[row] = NULL;
    r->t.seed[row] = runs->params[row] = runs->horizon[row] = NAN;
    runs->total[row] = 0;
    for (size_t i = 0; i < r->n_columns; i++)
        ASC_TRY(read_cell(r, &r->columns[i], r->csv.cell[i]));
    double *tokens = runs->tokens + row * runs->n_domains;
    ASC_TRY(r->t.weights_form ? settle_weights(r, tokens, runs->total[row])
                              : settle_tokens(r, tokens, &runs->total[row]));
    runs->n_runs++;
    return ASC_OK;
}

/* ---- runs: rows of one id ---- */

static asc_status grow_slots(reader *r)
{
    size_t n = r->n_slots ? 2 * r->n_slots : 256;
    size_t *slots = asc_calloc(n, sizeof *slots);
    if (!slots)
        return ASC_NOMEM(r->err);
    for (size_t g = 0; g < r->t.runs.n_groups; g++) {
        const char *id = r->t.run[r->group_row[g]];
        size_t k = asc_hash64(id, strlen(id), 1) & (n - 1);
        while (slots[k])
            k = (k + 1) & (n - 1);
        slots[k] = g + 1;
    }
    asc_free(r->slots);
    r->slots = slots;
    r->n_slots = n;
    return ASC_OK;
}

static asc_status assign_group(reader *r, size_t row)
{
    asc_runs *runs = &r->t.runs;
    if (2 * (runs->n_groups + 1) > r->n_slots)
        ASC_TRY(grow_slots(r));
    const char *id = r->t.run[row];
    size_t k = asc_hash64(id, strlen(id), 1) & (r->n_slots - 1);
    while (r->slots[k] && strcmp(r->t.run[r->group_row[r->slots[k] - 1]], id) != 0)
        k = (k + 1) & (r->n_slots - 1);
    if (!r->slots[k]) {
        size_t *p = asc_grow(r->group_row, &r->cap_groups, runs->n_groups + 1, sizeof *p);
        if (!p)
            return ASC_NOMEM(r->err);
        r->group_row = p;
        r->group_row[runs->n_groups++] = row;
        r->slots[k] = runs->n_groups;
    }
    runs->group[row] = r->slots[k] - 1;
    return ASC_OK;
}

static asc_status number_row(reader *r, size_t row)
{
    char id[24];
    snprintf(id, sizeof id, "%zu", row);
    r->t.runs.group[row] = r->t.runs.n_groups++;
    r->t.run[row] = keep_text(r, id);
    return r->t.run[row] ? ASC_OK : ASC_NOMEM(r->err);
}

/* ---- notes ---- */

static void note_losses(reader *r)
{
    const asc_runs *runs = &r->t.runs;
    for (size_t v = 0; v < runs->n_targets; v++) {
        size_t blank = 0;
        for (size_t row = 0; row < runs->n_runs; row++)
            blank += isnan(runs->loss[row * runs->n_targets + v]);
        if (blank)
            asc_notes_add(&r->t.notes, "target %s: not measured in %zu of %zu rows", runs->targets[v], blank,
                          runs->n_runs);
    }
}

static void note_columns(reader *r)
{
    asc_buf list = {0};
    for (size_t i = 0; i < r->t.n_unknown && i < 8; i++)
        asc_buf_printf(&list, "%s'%s'", i ? ", " : "", r->t.unknown[i]);
    if (r->t.n_unknown > 8)
        asc_buf_printf(&list, " and %zu more", r->t.n_unknown - 8);
    if (r->t.n_unknown && !list.oom)
        asc_notes_add(&r->t.notes, "columns not used: %s", list.data);
    asc_buf_clear(&list);
}

static void note_all(reader *r)
{
    const weight_sums *s = &r->sums;
    if (s->n_off)
        asc_notes_add(
            &r->t.notes,
            "weights of %zu of %zu rows do not sum to 1 but to 1%+.2g .. 1%+.2g (first at line %zu): normalised",
            s->n_off, r->t.runs.n_runs, s->least - 1, s->most - 1, s->first_line);
    note_columns(r);
    note_losses(r);
}

/* ---- the whole ---- */

static asc_status read_all(reader *r)
{
    ASC_TRY(read_header(r));
    for (;;) {
        ASC_TRY(asc__csv_next(&r->csv, r->err));
        if (r->csv.n_cells == 0)
            break;
        ASC_TRY(read_row(r));
        size_t row = r->t.runs.n_runs - 1;
        ASC_TRY(r->t.has_run ? assign_group(r, row) : number_row(r, row));
        if (asc_interrupted())
            return ASC_FAIL(r->err, ASC_EINTR, "%s: interrupted at line %zu", r->csv.name, r->csv.line);
    }
    if (r->t.runs.n_runs == 0)
        return ASC_FAIL(r->err, ASC_EINVAL, "%s: no rows below the header", r->csv.name);
    note_all(r);
    return ASC_OK;
}

static asc_status finish(reader *r, asc_table *out, asc_status st)
{
    for (size_t i = 0; r->columns && i < r->n_columns; i++)
        asc_free(r->columns[i].name);
    asc_free(r->columns);
    asc_free(r->slots);
    asc_free(r->group_row);
    asc__csv_close(&r->csv);
    if (st == ASC_OK)
        *out = r->t;
    else
        asc_table_clear(&r->t);
    return st;
}

asc_status asc_table_read(asc_table *out, const char *path, asc_error *err)
{
    reader r = {.err = err};
    ASC_TRY(asc__csv_open(&r.csv, path, err));
    return finish(&r, out, read_all(&r));
}

asc_status asc_table_parse(asc_table *out, const char *name, const char *text, size_t n, asc_error *err)
{
    reader r = {.err = err};
    ASC_TRY(asc__csv_open_memory(&r.csv, name, text, n, err));
    return finish(&r, out, read_all(&r));
}
