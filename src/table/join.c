/* Files side by side: rows of one key become one row. */
#include <stdlib.h>
#include <string.h>

#include "grid.h"

/* Values of a key column in order, with their rows. */
typedef struct keyed {
    const char *value;
    size_t row;
} keyed;

typedef struct side {
    const asc__grid *g;
    size_t key;    /* its column */
    keyed *sorted; /* (n_rows) */
    bool repeats;  /* a value stands in several rows */
} side;

static int compare_keys(const void *a, const void *b)
{
    const keyed *x = a, *y = b;
    int by_value = strcmp(x->value, y->value);
    return by_value ? by_value : (x->row > y->row) - (x->row < y->row);
}

static size_t find_column(const asc__grid *g, const char *name)
{
    size_t c = 0;
    while (c < g->n_columns && strcmp(g->column[c], name) != 0)
        c++;
    return c;
}

static asc_status sort_side(side *s, size_t key, asc_error *err)
{
    size_t n = s->g->n_rows;
    asc_free(s->sorted);
    s->key = key;
    s->repeats = false;
    s->sorted = asc_calloc(n + 1, sizeof *s->sorted);
    if (!s->sorted)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < n; i++)
        s->sorted[i] = (keyed){asc__grid_cell(s->g, i, key), i};
    qsort(s->sorted, n, sizeof *s->sorted, compare_keys);
    for (size_t i = 1; i < n; i++)
        s->repeats |= strcmp(s->sorted[i - 1].value, s->sorted[i].value) == 0;
    return ASC_OK;
}

/* The first row of a value, n_rows if there is none. */
static size_t lookup(const side *s, const char *value)
{
    size_t lo = 0, hi = s->g->n_rows;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (strcmp(s->sorted[mid].value, value) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    bool found = lo < s->g->n_rows && strcmp(s->sorted[lo].value, value) == 0;
    return found ? s->sorted[lo].row : s->g->n_rows;
}

/* ---- the key ---- */

static bool in_all(const side *s, size_t n, const char *name)
{
    for (size_t k = 0; k < n; k++)
        if (find_column(s[k].g, name) == s[k].g->n_columns)
            return false;
    return true;
}

static asc_status use_key(side *s, size_t n, const char *name, asc_error *err)
{
    for (size_t k = 0; k < n; k++)
        ASC_TRY(sort_side(&s[k], find_column(s[k].g, name), err));
    return ASC_OK;
}

/* Does the key that is in use name rows: at most one side repeats its values, and most of the others have partners? */
static bool names_rows(const side *s, size_t n)
{
    size_t repeats = 0, partners = 0, rows = 0;
    for (size_t k = 0; k < n; k++)
        repeats += s[k].repeats;
    for (size_t k = 1; k < n; k++)
        for (size_t row = 0; row < s[k].g->n_rows; row++) {
            partners += lookup(&s[0], asc__grid_cell(s[k].g, row, s[k].key)) < s[0].g->n_rows;
            rows++;
        }
    return repeats <= 1 && 2 * partners > rows;
}

static asc_status choose_key(side *s, size_t n, const char **key, asc_error *err)
{
    static const char *const usual[] = {"run", "run_id", "Run ID", "ID", "id", "Name", "run_name", "name", "index"};
    const asc__grid *g = s[0].g;
    for (size_t i = 0; i < sizeof usual / sizeof *usual + g->n_columns; i++) {
        size_t n_usual = sizeof usual / sizeof *usual;
        const char *name = i < n_usual ? usual[i] : g->column[i - n_usual];
        if (!in_all(s, n, name))
            continue;
        ASC_TRY(use_key(s, n, name, err));
        if (names_rows(s, n)) {
            *key = name;
            return ASC_OK;
        }
    }
    return ASC_FAIL(err, ASC_EINVAL,
                    "%s and %s: no common column whose values identify the rows of both; name one with --key COLUMN",
                    s[0].g->name, s[1].g->name);
}

static asc_status take_key(side *s, size_t n, const char *key, asc_error *err)
{
    for (size_t k = 0; k < n; k++)
        if (find_column(s[k].g, key) == s[k].g->n_columns) {
            const char *near = asc_nearest_name(key, (const char *const *)s[k].g->column, s[k].g->n_columns);
            return ASC_FAIL(err, ASC_EINVAL, "%s: no column '%s' to join on%s%s%s", s[k].g->name, key,
                            near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        }
    ASC_TRY(use_key(s, n, key, err));
    size_t repeats = 0;
    for (size_t k = 0; k < n; k++)
        repeats += s[k].repeats;
    if (repeats > 1)
        return ASC_FAIL(err, ASC_EINVAL,
                        "%s and %s: column '%s' has repeated values in both; in one of them it must be unique",
                        s[0].g->name, s[1].g->name, key);
    return ASC_OK;
}

/* ---- the rows ---- */

/* Of which side and row is each row of the result; every side's rows once, partners together. */
typedef struct join {
    side *s;
    size_t n, n_rows, cap;
    size_t *row; /* (n_rows, n): row of each side, or its n_rows for none */
    bool *done;  /* (n) all rows of the side are in */
} join;

/* The rows of one side that did not come in as partners of another. */
static asc_status add_rows(join *j, size_t lead, asc_error *err)
{
    const asc__grid *g = j->s[lead].g;
    for (size_t row = 0; row < g->n_rows; row++) {
        const char *value = asc__grid_cell(g, row, j->s[lead].key);
        size_t *rows = asc_grow(j->row, &j->cap, (j->n_rows + 1) * j->n, sizeof *rows);
        if (!rows)
            return ASC_NOMEM(err);
        j->row = rows;
        rows += j->n_rows * j->n;
        bool there = false;
        for (size_t k = 0; k < j->n; k++) {
            rows[k] = k == lead ? row : lookup(&j->s[k], value);
            there |= j->done[k] && rows[k] < j->s[k].g->n_rows;
        }
        j->n_rows += !there;
    }
    j->done[lead] = true;
    return ASC_OK;
}

/* The side that repeats its key leads, so that each of its rows stands for itself. */
static asc_status match_rows(join *j, asc_error *err)
{
    j->done = asc_calloc(j->n, sizeof *j->done);
    if (!j->done)
        return ASC_NOMEM(err);
    for (size_t k = 0; k < j->n; k++)
        if (j->s[k].repeats)
            ASC_TRY(add_rows(j, k, err));
    for (size_t k = 0; k < j->n; k++)
        if (!j->s[k].repeats)
            ASC_TRY(add_rows(j, k, err));
    return ASC_OK;
}

/* ---- the columns ---- */

/* Do two columns of one name say the same wherever both have a row? */
static bool columns_agree(const join *j, size_t a, size_t ca, size_t b, size_t cb)
{
    for (size_t r = 0; r < j->n_rows; r++) {
        size_t ra = j->row[r * j->n + a], rb = j->row[r * j->n + b];
        if (ra < j->s[a].g->n_rows && rb < j->s[b].g->n_rows &&
            strcmp(asc__grid_cell(j->s[a].g, ra, ca), asc__grid_cell(j->s[b].g, rb, cb)) != 0)
            return false;
    }
    return true;
}

/* The file and column before (k, c) that has its name; n for none. */
static size_t earlier_side(const join *j, size_t k, size_t c, size_t *column)
{
    for (size_t e = 0; e < k; e++) {
        *column = find_column(j->s[e].g, j->s[k].g->column[c]);
        if (*column < j->s[e].g->n_columns)
            return e;
    }
    return j->n;
}

static asc_status add_column(asc__grid *out, const join *j, size_t k, size_t c, asc_error *err)
{
    const asc__grid *g = j->s[k].g;
    size_t column, earlier = earlier_side(j, k, c, &column), at = out->n_columns;
    if (earlier < j->n && (c == j->s[k].key || columns_agree(j, earlier, column, k, c)))
        return ASC_OK;
    char *name = earlier < j->n ? asc_strf("%s (%s)", g->column[c], g->name) : asc_strdup(g->column[c]);
    asc_status st = name ? asc__grid_keep(out, &out->column[at], name, err) : ASC_NOMEM(err);
    asc_free(name);
    ASC_TRY(st);
    out->column_file[at] = k;
    out->position[at] = g->position[c];
    out->n_columns++;
    for (size_t r = 0; r < j->n_rows; r++) {
        size_t row = j->row[r * j->n + k];
        out->cell[at * j->n_rows + r] = row < g->n_rows ? asc__grid_cell(g, row, c) : "";
    }
    if (c != j->s[k].key)
        return ASC_OK;
    for (size_t r = 0; r < j->n_rows; r++) /* the key of rows that this file lacks */
        for (size_t e = 0; e < j->n && !*out->cell[at * j->n_rows + r]; e++)
            if (j->row[r * j->n + e] < j->s[e].g->n_rows)
                out->cell[at * j->n_rows + r] = asc__grid_cell(j->s[e].g, j->row[r * j->n + e], j->s[e].key);
    return ASC_OK;
}

static asc_status allocate(asc__grid *out, const join *j, size_t most_columns, asc_error *err)
{
    size_t cells;
    if (__builtin_mul_overflow(most_columns, j->n_rows, &cells))
        return ASC_NOMEM(err);
    out->n_files = j->n;
    out->n_rows = j->n_rows;
    out->file = asc_calloc(j->n, sizeof *out->file);
    out->decimal_comma = asc_calloc(j->n, sizeof *out->decimal_comma);
    out->column = asc_calloc(most_columns + 1, sizeof *out->column);
    out->column_file = asc_calloc(most_columns + 1, sizeof *out->column_file);
    out->position = asc_calloc(most_columns + 1, sizeof *out->position);
    out->cell = asc_calloc(cells + 1, sizeof *out->cell);
    out->line = asc_calloc(j->n_rows * j->n + 1, sizeof *out->line);
    bool ok =
        out->file && out->decimal_comma && out->column && out->column_file && out->position && out->cell && out->line;
    return ok ? ASC_OK : ASC_NOMEM(err);
}

/* Columns were laid out one after another; rows come first in a grid. */
static asc_status transpose(asc__grid *g, asc_error *err)
{
    const char **cell = asc_calloc(g->n_rows * g->n_columns + 1, sizeof *cell);
    if (!cell)
        return ASC_NOMEM(err);
    for (size_t c = 0; c < g->n_columns; c++)
        for (size_t r = 0; r < g->n_rows; r++)
            cell[r * g->n_columns + c] = g->cell[c * g->n_rows + r];
    asc_free(g->cell);
    g->cell = cell;
    return ASC_OK;
}

static asc_status build(asc__grid *out, const join *j, const char *key, asc_error *err)
{
    size_t most = 0;
    asc_buf name = {0};
    for (size_t k = 0; k < j->n; k++)
        most += j->s[k].g->n_columns;
    ASC_TRY(allocate(out, j, most, err));
    for (size_t k = 0; k < j->n; k++) {
        const asc__grid *g = j->s[k].g;
        ASC_TRY(asc__grid_keep(out, &out->file[k], g->name, err));
        out->decimal_comma[k] = g->decimal_comma[0];
        for (size_t c = 0; c < g->n_columns; c++)
            ASC_TRY(add_column(out, j, k, c, err));
        for (size_t r = 0; r < j->n_rows; r++) {
            size_t row = j->row[r * j->n + k];
            out->line[r * j->n + k] = row < g->n_rows ? g->line[row] : 0;
        }
        for (size_t i = 0; i < g->notes.n; i++)
            asc_notes_add_as(&out->notes, g->notes.code[i], "%s: %s", g->name, g->notes.text[i]);
        asc_buf_printf(&name, "%s%s", k ? " + " : "", g->name);
    }
    asc_status st = name.oom ? ASC_NOMEM(err) : asc__grid_keep(out, &out->name, name.data, err);
    asc_buf_clear(&name);
    ASC_TRY(st);
    ASC_TRY(asc__grid_keep(out, &out->key, key, err));
    return transpose(out, err);
}

/* The cells of the result lie in the texts of the grids: those move over. */
static asc_status take_texts(asc__grid *out, asc__grid *grids, size_t n, asc_error *err)
{
    out->more = asc_calloc(n, sizeof *out->more);
    if (!out->more)
        return ASC_NOMEM(err);
    out->n_more = n;
    for (size_t k = 0; k < n; k++) {
        out->more[k] = grids[k].text;
        grids[k].text = (asc_arena){0};
    }
    return ASC_OK;
}

static void note_unmatched(asc__grid *out, const join *j, const char *key)
{
    for (size_t k = 0; k < j->n; k++) {
        size_t lacks = 0;
        for (size_t r = 0; r < j->n_rows; r++)
            lacks += out->line[r * j->n + k] == 0;
        if (lacks)
            asc_notes_say(&out->notes, JOIN_LACKS, j->s[k].g->name, lacks, j->n_rows, key);
    }
}

asc_status asc__grid_join(asc__grid *out, asc__grid *grids, size_t n, const char *key, asc_error *err)
{
    asc__grid g = {0};
    join j = {.n = n, .s = asc_calloc(n, sizeof *j.s)};
    asc_status st = j.s ? ASC_OK : ASC_NOMEM(err);
    for (size_t k = 0; st == ASC_OK && k < n; k++)
        j.s[k].g = &grids[k];
    if (st == ASC_OK)
        st = key ? take_key(j.s, n, key, err) : choose_key(j.s, n, &key, err);
    if (st == ASC_OK)
        st = match_rows(&j, err);
    if (st == ASC_OK)
        st = build(&g, &j, key, err);
    if (st == ASC_OK) {
        note_unmatched(&g, &j, key);
        st = take_texts(&g, grids, n, err);
    }
    if (st == ASC_OK)
        *out = g;
    else
        asc__grid_clear(&g);
    for (size_t k = 0; j.s && k < n; k++)
        asc_free(j.s[k].sorted);
    asc_free(j.s);
    asc_free(j.row);
    asc_free(j.done);
    for (size_t k = 0; k < n; k++)
        asc__grid_clear(&grids[k]);
    return st;
}
