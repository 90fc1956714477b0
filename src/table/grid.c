/* Files of any of the usual kinds to a grid of cells, and cells to numbers. */
#include "grid.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "text/text_whole.h"
#include "csv.h"

enum { MAX_COLUMNS = 20000 };
static const size_t max_bytes = (size_t)1 << 34;

void asc__grid_clear(asc__grid *g)
{
    if (!g)
        return;
    asc_free(g->file);
    asc_free(g->column);
    asc_free(g->column_file);
    asc_free(g->position);
    asc_free(g->cell);
    asc_free(g->line);
    asc_free(g->decimal_comma);
    asc_notes_clear(&g->notes);
    asc_arena_clear(&g->text);
    for (size_t i = 0; i < g->n_more; i++)
        asc_arena_clear(&g->more[i]);
    asc_free(g->more);
    *g = (asc__grid){0};
}

/* Text of n bytes that lives as long as the grid. Packed: an arena alone would round each cell to 64 bytes. */
asc_status asc__grid_room(asc__grid *g, char **out, size_t n, asc_error *err)
{
    enum { BLOCK = 1 << 16 };
    if (n > g->n_chunk) {
        size_t block = n > BLOCK ? n : BLOCK;
        char *p = asc_arena_alloc(&g->text, block);
        if (!p)
            return ASC_NOMEM(err);
        g->chunk = p;
        g->n_chunk = block;
    }
    *out = g->chunk;
    g->chunk += n;
    g->n_chunk -= n;
    return ASC_OK;
}

asc_status asc__grid_keep(asc__grid *g, char **out, const char *s, asc_error *err)
{
    size_t n = strlen(s) + 1;
    char *p = NULL;
    ASC_TRY(asc__grid_room(g, &p, n, err));
    *out = memcpy(p, s, n);
    return ASC_OK;
}

/* ---- numbers ---- */

static bool is_missing(const char *s)
{
    static const char *const words[] = {"na",   "n/a",     "nan",    "null",         "none",         "-",       "--",
                                        "nil",  "#n/a",    "#na",    "<na>",         "-nan",         "1.#qnan", "nat",
                                        "n.a.", "missing", "(null)", "\xe2\x80\x93", "\xe2\x80\x94", "."};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(s, words[i]) == 0)
            return true;
    return !*s;
}

/* At most 15 digits and a power of ten up to 22: both exact in a double, so one operation rounds correctly
 * (Clinger 1990). Anything else goes the slow way. */
static bool plain_number(const char *s, double *out)
{
    static const double ten[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    const char *p = s;
    uint64_t m = 0;
    int digits = 0, point = 0;
    bool minus = *p == '-', after = false;
    p += *p == '-' || *p == '+';
    for (; (*p >= '0' && *p <= '9') || (*p == '.' && !after); p++) {
        if (*p == '.') {
            after = true;
            continue;
        }
        m = m * 10 + (uint64_t)(*p - '0');
        digits++;
        point += after;
        if (digits > 15)
            return false;
    }
    if (*p || digits == 0)
        return false;
    assert(point <= 15);
    double x = (double)m / ten[point];
    *out = minus ? -x : x;
    return true;
}

/* The one comma or point of a cell that is otherwise a number; shape says what is told by the digits about it. */
typedef enum mark_shape { NO_MARK, DECIMAL_MARK, EITHER_MARK } mark_shape;
static mark_shape mark_of(const char *s, char mark)
{
    s += *s == '-' || *s == '+';
    size_t before = strspn(s, "0123456789"), after;
    if (s[before] != mark)
        return NO_MARK;
    after = strspn(s + before + 1, "0123456789");
    const char *rest = s + before + 1 + after;
    if (after + before == 0 || (*rest && !strchr("eE%kKmMbBgGtT ", *rest)))
        return NO_MARK;
    bool group = after == 3 && before >= 1 && before <= 3 && s[0] != '0' && !*rest;
    return group ? EITHER_MARK : DECIMAL_MARK;
}

/* 1.234.567,8 (groups of points, a decimal comma) to 1234567.8; false where the points are no groups. */
static bool from_decimal_comma(const char *s, char *buf, size_t n)
{
    size_t len = 0, points = 0, run = 0;
    bool comma = false;
    for (; *s && len + 1 < n; s++) {
        bool digit = *s >= '0' && *s <= '9';
        if (*s == '.') {
            if (comma || (points ? run != 3 : run < 1 || run > 3))
                return false;
            points++;
            run = 0;
            continue;
        }
        if (*s == ',' && (comma || (points && run != 3)))
            return false;
        comma |= *s == ',';
        run += digit && !comma;
        buf[len++] = *s == ',' ? '.' : *s;
    }
    buf[len] = 0;
    return !*s && (points == 0 || (run == 3 && (comma || points > 1)));
}

/* 5,000 and 131,072 to digits alone. */
static bool from_groups(const char *s, char *buf, size_t n)
{
    if (mark_of(s, ',') != EITHER_MARK || strlen(s) >= n)
        return false;
    size_t len = 0;
    for (; *s; s++)
        if (*s != ',')
            buf[len++] = *s;
    buf[len] = 0;
    return true;
}

/* Bytes of a mark between groups of digits that is no comma: a blank, one that does not break, an apostrophe. */
static size_t group_mark(const char *s)
{
    static const char *const marks[] = {" ", "'", "\xc2\xa0", "\xe2\x80\xaf", "\xe2\x80\x89", "\xe2\x80\x99"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (strncmp(s, marks[i], strlen(marks[i])) == 0)
            return strlen(marks[i]);
    return 0;
}

/* 5 000 000 and 5'000'000 without their marks, which stand before every three digits. */
static bool without_group_marks(const char *s, char *buf, size_t n)
{
    size_t len = 0, run = 0, groups = 0;
    for (bool whole = true; *s && len + 1 < n;) {
        size_t mark = whole ? group_mark(s) : 0;
        if (mark && s[mark] >= '0' && s[mark] <= '9') {
            if (groups ? run != 3 : run < 1 || run > 3)
                return false;
            groups++;
            run = 0;
            s += mark;
            continue;
        }
        bool digit = *s >= '0' && *s <= '9';
        if (!digit && len && run)
            whole = false; /* decimals or a unit */
        if (!digit && groups && whole == false && run != 3)
            return false;
        run += digit && whole;
        buf[len++] = *s++;
    }
    buf[len] = 0;
    return !*s && groups && run == 3;
}

asc__value asc__grid_value(const asc__grid *g, size_t c, const char *cell, double *out)
{
    char buf[80];
    assert(c < g->n_columns);
    if (!*cell)
        return ASC__MISSING;
    bool comma = g->decimal_comma[g->column_file[c]];
    if (!comma && (plain_number(cell, out) || asc_parse_quantity(cell, out)))
        return ASC__NUMBER;
    if (is_missing(cell))
        return ASC__MISSING;
    char plain[80];
    if (without_group_marks(cell, plain, sizeof plain))
        return asc__grid_value(g, c, plain, out);
    if (comma ? from_decimal_comma(cell, buf, sizeof buf) : from_groups(cell, buf, sizeof buf))
        return asc_parse_quantity(buf, out) ? ASC__NUMBER : ASC__TEXT;
    return ASC__TEXT;
}

/* Does this file write decimals with a comma? What its cells show decides; a mark before three digits may be either. */
static bool find_decimal_comma(const asc__grid *g, bool comma_separated)
{
    size_t commas = 0, points = 0, either = 0;
    for (size_t i = 0; i < g->n_rows * g->n_columns; i++) {
        mark_shape comma = strchr(g->cell[i], ',') ? mark_of(g->cell[i], ',') : NO_MARK;
        commas += comma == DECIMAL_MARK;
        either += comma == EITHER_MARK;
        points += comma == NO_MARK && strchr(g->cell[i], '.') && mark_of(g->cell[i], '.') == DECIMAL_MARK;
    }
    return commas ? commas > points : either && points == 0 && !comma_separated;
}

/* ---- errors ---- */

size_t asc__grid_line(const asc__grid *g, size_t row, size_t c, const char **file)
{
    assert(row < g->n_rows && c < g->n_columns);
    size_t f = g->column_file[c];
    for (size_t k = 0; k < g->n_files && g->line[row * g->n_files + f] == 0; k++)
        if (g->line[row * g->n_files + k])
            f = k;
    *file = g->file[f];
    return g->line[row * g->n_files + f];
}

asc_status asc__grid_bad_cell(const asc__grid *g, size_t row, size_t c, const char *expected, asc_error *err)
{
    char found[48];
    const char *file, *cell = asc__grid_cell(g, row, c), *why = "";
    size_t line = asc__grid_line(g, row, c, &file);
    asc__csv_show(cell, found);
    if (!*cell && g->line[row * g->n_files + g->column_file[c]] == 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s:%zu: no matching row in %s, which holds column '%s'", file, line,
                        g->file[g->column_file[c]], g->column[c]);
    if (g->decimal_comma[g->column_file[c]] && strchr(cell, '.'))
        why = " (this file writes decimals with a comma)";
    else if (mark_of(cell, ',') == DECIMAL_MARK)
        why = " (this file writes decimals with a point)";
    else if (strcasecmp(cell, "inf") == 0 || strcasecmp(cell, "infinity") == 0)
        why = "; leave the cell blank where a run diverged";
    return ASC_FAIL(err, ASC_EINVAL, "%s:%zu: column '%s': expected %s, found %s%s%s%s", file, line, g->column[c],
                    expected, *cell ? "'" : "", *cell ? found : "nothing", *cell ? "'" : "", why);
}

/* ---- building ---- */

static asc_status begin(asc__grid *g, const char *name, asc_error *err)
{
    g->n_files = 1;
    g->file = asc_calloc(1, sizeof *g->file);
    g->decimal_comma = asc_calloc(1, sizeof *g->decimal_comma);
    if (!g->file || !g->decimal_comma)
        return ASC_NOMEM(err);
    ASC_TRY(asc__grid_keep(g, &g->file[0], name, err));
    g->name = g->file[0];
    return ASC_OK;
}

static asc_status name_columns(asc__grid *g, const asc__csv *csv, asc_error *err)
{
    if (csv->n_cells > MAX_COLUMNS)
        return ASC_FAIL(err, ASC_EINVAL, "%s:%zu: more than %d columns", g->name, csv->line, MAX_COLUMNS);
    g->n_columns = csv->n_cells;
    g->column = asc_calloc(g->n_columns + 1, sizeof *g->column);
    g->column_file = asc_calloc(g->n_columns + 1, sizeof *g->column_file);
    g->position = asc_calloc(g->n_columns + 1, sizeof *g->position);
    if (!g->column || !g->column_file || !g->position)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < g->n_columns; i++) {
        const char *name = csv->cell[i];
        if (!asc_is_utf8(name) || strpbrk(name, "\r\n\t"))
            return ASC_FAIL(err, ASC_EINVAL, "%s:%zu: the name of column %zu is not UTF-8 text on one line", g->name,
                            csv->line, i + 1);
        ASC_TRY(asc__grid_keep(g, &g->column[i], name, err));
        g->position[i] = i + 1;
    }
    return ASC_OK;
}

/* All rows have one cell more than the header: R's write.table and pandas' index leave the first without a name; a
 * separator at the end of rows alone leaves the last one empty. */
static asc_status widen(asc__grid *g, const asc__csv *csv, asc_error *err)
{
    size_t n = g->n_columns + 1;
    bool at_end = csv->cell[n - 1][0] == 0;
    char **names = asc_reallocarray(g->column, n + 1, sizeof *names);
    if (names)
        g->column = names;
    size_t *files = asc_reallocarray(g->column_file, n + 1, sizeof *files);
    if (files)
        g->column_file = files;
    size_t *positions = asc_reallocarray(g->position, n + 1, sizeof *positions);
    if (positions)
        g->position = positions;
    if (!names || !files || !positions)
        return ASC_NOMEM(err);
    if (!at_end)
        memmove(names + 1, names, (n - 1) * sizeof *names);
    files[n - 1] = 0;
    for (size_t i = 0; i < n; i++)
        positions[i] = i + 1;
    g->n_columns = n;
    return asc__grid_keep(g, &names[at_end ? n - 1 : 0], "", err);
}

typedef struct growth {
    size_t cap_rows, cap_cells;
    size_t n_empty; /* rows of nothing but separators */
} growth;

static asc_status add_row(asc__grid *g, const asc__csv *csv, growth *w, asc_error *err)
{
    const char **cells = asc_grow(g->cell, &w->cap_cells, (g->n_rows + 1) * g->n_columns, sizeof *cells);
    if (cells)
        g->cell = cells;
    size_t *lines = asc_grow(g->line, &w->cap_rows, g->n_rows + 1, sizeof *lines);
    if (lines)
        g->line = lines;
    if (!cells || !lines)
        return ASC_NOMEM(err);
    memcpy(cells + g->n_rows * g->n_columns, csv->cell, g->n_columns * sizeof *cells);
    lines[g->n_rows++] = csv->line;
    return ASC_OK;
}

/* Row names: words, or whole numbers one after another. Anything else in front is a cell too many. */
static bool names_rows(const asc__grid *g)
{
    double last = 0, x;
    for (size_t row = 0; row < g->n_rows; row++) {
        bool number = plain_number(g->cell[row * g->n_columns], &x);
        if (number && (x != floor(x) || (row && x != last + 1)))
            return false;
        last = number ? x : last;
    }
    return true;
}

static bool nothing_but_separators(const asc__csv *csv)
{
    for (size_t i = 0; i < csv->n_cells; i++)
        if (*csv->cell[i])
            return false;
    return true;
}

static asc_status read_rows(asc__grid *g, asc__csv *csv, asc_error *err)
{
    growth w = {0};
    size_t header = g->n_columns;
    for (;;) {
        ASC_TRY(asc__csv_next(csv, err));
        if (csv->n_cells == 0)
            break;
        if (nothing_but_separators(csv)) {
            w.n_empty++;
            continue;
        }
        if (g->n_rows == 0 && csv->n_cells == header + 1)
            ASC_TRY(widen(g, csv, err));
        if (csv->n_cells != g->n_columns)
            return ASC_FAIL(err, ASC_EINVAL, "%s:%zu: expected %zu cells as in the header, found %zu", g->name,
                            csv->line, header, csv->n_cells);
        ASC_TRY(add_row(g, csv, &w, err));
        if (asc_interrupted())
            return ASC_FAIL(err, ASC_EINTR, "%s: interrupted at line %zu", g->name, csv->line);
    }
    if (g->n_columns > header && !*g->column[0] && !names_rows(g))
        return ASC_FAIL(err, ASC_EINVAL, "%s:%zu: expected %zu cells as in the header, found %zu", g->name, g->line[0],
                        header, g->n_columns);
    if (w.n_empty)
        asc_notes_say(&g->notes, EMPTY_ROWS, w.n_empty);
    return ASC_OK;
}

static bool column_is_empty(const asc__grid *g, size_t c)
{
    for (size_t row = 0; row < g->n_rows; row++)
        if (!is_missing(asc__grid_cell(g, row, c)))
            return false;
    return true;
}

static void drop_column(asc__grid *g, size_t c)
{
    size_t C = g->n_columns;
    for (size_t i = c; i + 1 < C; i++) {
        g->column[i] = g->column[i + 1];
        g->column_file[i] = g->column_file[i + 1];
        g->position[i] = g->position[i + 1];
    }
    const char **to = g->cell;
    for (size_t row = 0; row < g->n_rows; row++)
        for (size_t i = 0; i < C; i++)
            if (i != c)
                *to++ = g->cell[row * C + i];
    g->n_columns--;
}

/* A first column without a name is a row index; others must be empty, as behind a separator at the end of each line. */
static asc_status settle_unnamed(asc__grid *g, asc_error *err)
{
    for (size_t c = g->n_columns; c-- > 0;) {
        if (*g->column[c])
            continue;
        bool empty = column_is_empty(g, c);
        if (c > 0 && !empty)
            return ASC_FAIL(err, ASC_EINVAL, "%s:1: column %zu has no name", g->name, g->position[c]);
        drop_column(g, c);
        if (!empty)
            asc_notes_say(&g->notes, ROW_INDEX);
    }
    return ASC_OK;
}

typedef struct named {
    const char *name;
    size_t at;
} named;

static int compare_names(const void *a, const void *b)
{
    const named *x = a, *y = b;
    int by_name = strcmp(x->name, y->name);
    return by_name ? by_name : (x->at > y->at) - (x->at < y->at);
}

static asc_status check_duplicates(const asc__grid *g, asc_error *err)
{
    named *sorted = asc_calloc(g->n_columns + 1, sizeof *sorted);
    if (!sorted)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < g->n_columns; i++)
        sorted[i] = (named){g->column[i], g->position[i]};
    qsort(sorted, g->n_columns, sizeof *sorted, compare_names);
    asc_status st = ASC_OK;
    for (size_t i = 1; i < g->n_columns && st == ASC_OK; i++)
        if (strcmp(sorted[i - 1].name, sorted[i].name) == 0)
            st = ASC_FAIL(err, ASC_EINVAL, "%s:1: column '%s' is given twice (columns %zu and %zu)", g->name,
                          sorted[i].name, sorted[i - 1].at, sorted[i].at);
    asc_free(sorted);
    return st;
}

static void note_dialect(asc__grid *g, const asc__csv *csv)
{
    const char *separator = csv->separator == ';'    ? "semicolons"
                            : csv->separator == '\t' ? "tabs"
                            : csv->separator == ' '  ? "spaces"
                                                     : "'|'";
    if (csv->separator != ',')
        asc_notes_say(&g->notes, SEPARATOR, separator, g->decimal_comma[0] ? ", decimals with a comma" : "");
    else if (g->decimal_comma[0])
        asc_notes_say(&g->notes, DECIMAL_COMMA);
}

static asc_status parse_csv(asc__grid *g, char *text, size_t n, asc_error *err)
{
    asc__csv csv;
    asc__csv_open(&csv, g->name, text, n);
    bool comma_separated = csv.separator == ',';
    asc_status st = asc__csv_next(&csv, err);
    if (st == ASC_OK && csv.n_cells == 0)
        st = ASC_FAIL(err, ASC_EINVAL, "%s: empty; expected a header line", g->name);
    if (st == ASC_OK)
        st = name_columns(g, &csv, err);
    if (st == ASC_OK)
        st = read_rows(g, &csv, err);
    if (st == ASC_OK)
        st = settle_unnamed(g, err);
    if (st == ASC_OK)
        st = check_duplicates(g, err);
    if (st == ASC_OK) {
        g->decimal_comma[0] = find_decimal_comma(g, comma_separated);
        note_dialect(g, &csv);
    }
    asc__csv_close(&csv);
    return st;
}

/* ---- kinds of files ---- */

static void put_utf8(asc_buf *b, uint32_t u)
{
    if (u < 0x80)
        asc_buf_putc(b, (char)u);
    else if (u < 0x800) {
        asc_buf_putc(b, (char)(0xc0 | u >> 6));
        asc_buf_putc(b, (char)(0x80 | (u & 63)));
    } else if (u < 0x10000) {
        asc_buf_putc(b, (char)(0xe0 | u >> 12));
        asc_buf_putc(b, (char)(0x80 | (u >> 6 & 63)));
        asc_buf_putc(b, (char)(0x80 | (u & 63)));
    } else {
        asc_buf_putc(b, (char)(0xf0 | u >> 18));
        asc_buf_putc(b, (char)(0x80 | (u >> 12 & 63)));
        asc_buf_putc(b, (char)(0x80 | (u >> 6 & 63)));
        asc_buf_putc(b, (char)(0x80 | (u & 63)));
    }
}

/* Spreadsheets' "Unicode text": UTF-16 with its mark. Halves of pairs that stand alone become the replacement mark. */
static void from_utf16(asc_buf *b, const unsigned char *p, size_t n, bool big)
{
    for (size_t i = 2; i + 1 < n; i += 2) {
        uint32_t u = (uint32_t)(big ? p[i] << 8 | p[i + 1] : p[i + 1] << 8 | p[i]), low;
        if (u >= 0xd800 && u < 0xdc00 && i + 3 < n) {
            low = (uint32_t)(big ? p[i + 2] << 8 | p[i + 3] : p[i + 3] << 8 | p[i + 2]);
            if (low >= 0xdc00 && low < 0xe000) {
                u = 0x10000 + ((u - 0xd800) << 10) + (low - 0xdc00);
                i += 2;
            }
        }
        put_utf8(b, u >= 0xd800 && u < 0xe000 ? 0xfffd : u);
    }
}

/* Files that are no text at all, by their first bytes. */
static const char *foreign_kind(const char *text, size_t n)
{
    static const struct {
        const char *magic, *what;
        size_t n;
    } kinds[] = {
        {"PAR1", "a Parquet file, which can only be read from a file, not through a pipe", 4},
        {"PK\003\004", "a spreadsheet (.xlsx, .ods) or zip archive; save the sheet as CSV", 4},
        {"\xd0\xcf\x11\xe0", "an old spreadsheet (.xls); save the sheet as CSV", 4},
        {"\x1f\x8b", "compressed with gzip; give `zcat FILE` through a pipe and `-` as the file", 2},
        {"\x28\xb5\x2f\xfd", "compressed with zstd; give `zstdcat FILE` through a pipe and `-` as the file", 4},
        {"BZh", "compressed with bzip2; give `bzcat FILE` through a pipe and `-` as the file", 3},
        {"\xfd"
         "7zXZ",
         "compressed with xz; give `xzcat FILE` through a pipe and `-` as the file", 5},
        {"SQLite format 3", "an SQLite database; a study's table is its runs.csv", 15},
        {"%PDF", "a PDF document", 4},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (n >= kinds[i].n && memcmp(text, kinds[i].magic, kinds[i].n) == 0)
            return kinds[i].what;
    return NULL;
}

static bool looks_like_json(const char *text, size_t n)
{
    size_t i = n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    while (i < n && strchr(" \t\r\n", text[i]) && text[i])
        i++;
    return i < n && (text[i] == '{' || text[i] == '[');
}

static asc_status parse(asc__grid *g, const char *name, const char *text, size_t n, asc_error *err)
{
    ASC_TRY(begin(g, name, err));
    const char *foreign = foreign_kind(text, n);
    if (foreign)
        return ASC_FAIL(err, ASC_EINVAL, "%s: %s", name, foreign);
    asc_buf utf8 = {0};
    bool big = n >= 2 && memcmp(text, "\xfe\xff", 2) == 0, little = n >= 2 && memcmp(text, "\xff\xfe", 2) == 0;
    if (big || little) {
        from_utf16(&utf8, (const unsigned char *)text, n, big);
        asc_buf_append(&utf8, "", 0);
        text = utf8.oom ? NULL : utf8.data;
        n = utf8.len;
    }
    char *copy = text && !utf8.oom ? asc_arena_alloc(&g->text, n + 2) : NULL; /* cells are cut out of it in place */
    if (copy && n)
        memcpy(copy, text, n);
    asc_buf_clear(&utf8);
    if (!copy)
        return ASC_NOMEM(err);
    return looks_like_json(copy, n) ? asc__grid_parse_json(g, copy, n, err) : parse_csv(g, copy, n, err);
}

asc_status asc__grid_parse(asc__grid *out, const char *name, const char *text, size_t n, asc_error *err)
{
    asc__grid g = {0};
    asc_status st = parse(&g, name, text, n, err);
    if (st == ASC_OK && g.n_rows == 0)
        st = ASC_FAIL(err, ASC_EINVAL, "%s: no rows below the header", name);
    if (st == ASC_OK)
        *out = g;
    else
        asc__grid_clear(&g);
    return st;
}

static asc_status read_parquet(asc__grid *out, const char *path, asc_error *err)
{
    asc__grid g = {0};
    asc_status st = begin(&g, path, err);
    if (st == ASC_OK)
        st = asc__grid_read_parquet(&g, path, err);
    if (st == ASC_OK && (g.n_rows == 0 || g.n_columns == 0))
        st = ASC_FAIL(err, ASC_EINVAL, "%s: no rows, or no column with one value per row", path);
    if (st == ASC_OK)
        *out = g;
    else
        asc__grid_clear(&g);
    return st;
}

asc_status asc__grid_read(asc__grid *out, const char *path, asc_error *err)
{
    char *text = NULL;
    size_t n = 0;
    struct stat sb;
    bool regular = strcmp(path, "-") != 0 && stat(path, &sb) == 0 && S_ISREG(sb.st_mode);
    ASC_TRY(regular ? asc_text_read_whole(path, max_bytes, &text, &n, err)
                    : asc_read_file(path, max_bytes, &text, &n, err));
    if (strcmp(path, "-") != 0 && n >= 4 && memcmp(text, "PAR1", 4) == 0) {
        asc_free(text);
        return read_parquet(out, path, err);
    }
    asc_status st = asc__grid_parse(out, strcmp(path, "-") == 0 ? "standard input" : path, text, n, err);
    asc_free(text);
    return st;
}
