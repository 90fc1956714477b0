/* GLUE's tab-separated files. */
#include "task/task_data.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "task_lines.h"
#include "task_text.h"

/* Columns and labels as the files of the benchmark [Wang et al. 2018] have them; metrics as its leaderboard. CoLA has
 * no header: source, label, mark, sentence. */
const asc_glue_info asc_glue_tasks[] = {
    {"CoLA", "sentence", NULL, "label", 3, -1, 1, {"0", "1"}, 2, ASC_GLUE_MATTHEWS, "dev"},
    {"SST-2", "sentence", NULL, "label", -1, -1, -1, {"0", "1"}, 2, ASC_GLUE_ACCURACY, "dev"},
    {"MRPC", "#1 String", "#2 String", "Quality", -1, -1, -1, {"0", "1"}, 2, ASC_GLUE_ACCURACY | ASC_GLUE_F1, "dev"},
    {"STS-B", "sentence1", "sentence2", "score", -1, -1, -1, {NULL}, 0, ASC_GLUE_CORRELATION, "dev"},
    {"QQP",
     "question1",
     "question2",
     "is_duplicate",
     -1,
     -1,
     -1,
     {"0", "1"},
     2,
     ASC_GLUE_ACCURACY | ASC_GLUE_F1,
     "dev"},
    {"MNLI",
     "sentence1",
     "sentence2",
     "gold_label",
     -1,
     -1,
     -1,
     {"contradiction", "entailment", "neutral"},
     3,
     ASC_GLUE_ACCURACY,
     "dev_matched"},
    {"QNLI",
     "question",
     "sentence",
     "label",
     -1,
     -1,
     -1,
     {"entailment", "not_entailment"},
     2,
     ASC_GLUE_ACCURACY,
     "dev"},
    {"RTE",
     "sentence1",
     "sentence2",
     "label",
     -1,
     -1,
     -1,
     {"entailment", "not_entailment"},
     2,
     ASC_GLUE_ACCURACY,
     "dev"},
    {"WNLI", "sentence1", "sentence2", "label", -1, -1, -1, {"0", "1"}, 2, ASC_GLUE_ACCURACY, "dev"},
    {NULL, NULL, NULL, NULL, -1, -1, -1, {NULL}, 0, 0, NULL},
};

/* Names without case, '-' and '_'. */
static bool same_name(const char *a, const char *b)
{
    for (;;) {
        while (*a == '-' || *a == '_')
            a++;
        while (*b == '-' || *b == '_')
            b++;
        if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
            return false;
        if (!*a)
            return true;
        a++;
        b++;
    }
}

const asc_glue_info *asc_glue_find(const char *name)
{
    for (const asc_glue_info *g = asc_glue_tasks; g->name; g++) {
        if (same_name(g->name, name))
            return g;
    }
    return NULL;
}

bool asc_squad_is(const char *name)
{
    static const char *const names[] = {"squad", "squad_v1", "squad_v1.1", "squad_v2", "squad_v2.0"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (same_name(names[i], name))
            return true;
    return false;
}

void asc_glue_set_clear(asc_glue_set *s)
{
    if (!s)
        return;
    asc_arena_clear(&s->memory);
    *s = (asc_glue_set){0};
}

asc_status asc__keep_n(char **out, asc_arena *memory, const char *s, size_t n, asc_error *err)
{
    char *copy = asc_arena_alloc(memory, n + 1);
    if (!copy)
        return ASC_NOMEM(err);
    memcpy(copy, s, n);
    *out = copy;
    return ASC_OK;
}

/* ---- columns ---- */

enum { MAX_COLUMNS = 64 };

/* Where the wanted columns stand. */
typedef struct columns {
    int first, second, label, n; /* second -1: none; n: fewest columns of a row */
} columns;

typedef struct cell {
    const char *s;
    size_t n;
} cell;

static int split_tabs(cell *out, const char *line, size_t n)
{
    int count = 0;
    const char *end = line + n;
    for (const char *at = line; count < MAX_COLUMNS;) {
        const char *tab = memchr(at, '\t', (size_t)(end - at));
        out[count++] = (cell){at, (size_t)((tab ? tab : end) - at)};
        if (!tab)
            break;
        at = tab + 1;
    }
    return count;
}

static bool cell_is(cell c, const char *text)
{
    return strlen(text) == c.n && memcmp(c.s, text, c.n) == 0;
}

static int find_column(const cell *cells, int n, const char *name)
{
    for (int i = 0; i < n; i++) {
        if (cell_is(cells[i], name))
            return i;
    }
    return -1;
}

static asc_status read_header(columns *out, const asc_glue_info *info, const char *path, const char *line, size_t n,
                              asc_error *err)
{
    cell cells[MAX_COLUMNS];
    /* MRPC's files begin with a byte order mark. */
    if (n >= 3 && memcmp(line, "\xEF\xBB\xBF", 3) == 0) {
        line += 3;
        n -= 3;
    }
    int count = split_tabs(cells, line, n);
    const char *names[] = {info->first, info->second, info->label};
    int at[3] = {-1, -1, -1};
    for (int i = 0; i < 3; i++) {
        at[i] = names[i] ? find_column(cells, count, names[i]) : -1;
        if (names[i] && at[i] < 0)
            return ASC_FAIL(err, ASC_EINVAL, "%s:1: no column '%s', which %s has", path, names[i], info->name);
    }
    int last = at[0] > at[1] ? at[0] : at[1];
    last = at[2] > last ? at[2] : last;
    *out = (columns){at[0], at[1], at[2], last + 1};
    return ASC_OK;
}

/* ---- rows ---- */

static asc_status read_label(asc_glue_row *row, const asc_glue_info *info, cell c, const char *path, int64_t line,
                             asc_error *err)
{
    char text[64];
    size_t n = c.n < sizeof text - 1 ? c.n : sizeof text - 1;
    memcpy(text, c.s, n);
    text[n] = 0;
    if (info->n_classes == 0) {
        row->label = -1;
        if (!asc_parse_double(text, &row->score))
            return ASC_FAIL(err, ASC_EINVAL, "%s:%lld: column '%s': expected a number, found '%s'", path,
                            (long long)line, info->label, text);
        return ASC_OK;
    }
    row->score = NAN;
    for (int k = 0; k < info->n_classes; k++) {
        if (cell_is(c, info->labels[k])) {
            row->label = k;
            return ASC_OK;
        }
    }
    return ASC_FAIL(err, ASC_EINVAL, "%s:%lld: column '%s': expected %s … %s, found '%s'", path, (long long)line,
                    info->label, info->labels[0], info->labels[info->n_classes - 1], text);
}

static asc_status read_row(asc_glue_set *set, const asc_glue_info *info, const columns *at, const char *path,
                           int64_t line, const char *text, size_t n, asc_error *err)
{
    cell cells[MAX_COLUMNS];
    int count = split_tabs(cells, text, n);
    if (count < at->n)
        return ASC_FAIL(err, ASC_EINVAL, "%s:%lld: %d columns, expected at least %d", path, (long long)line, count,
                        at->n);
    asc_glue_row row = {0};
    ASC_TRY(read_label(&row, info, cells[at->label], path, line, err));
    ASC_TRY(asc__keep_n(&row.first, &set->memory, cells[at->first].s, cells[at->first].n, err));
    if (at->second >= 0)
        ASC_TRY(asc__keep_n(&row.second, &set->memory, cells[at->second].s, cells[at->second].n, err));
    set->rows[set->n++] = row;
    return ASC_OK;
}

/* MNLI marks pairs without an agreed label with '-': they belong to no class and are passed over, as everyone does. */
static bool without_label(const asc_glue_info *info, const columns *at, const char *text, size_t n)
{
    cell cells[MAX_COLUMNS];
    return info->n_classes == 3 && split_tabs(cells, text, n) > at->label && cell_is(cells[at->label], "-");
}

static asc_status read_rows(asc_glue_set *set, const asc_glue_info *info, const char *path, char *text, size_t n,
                            asc_error *err)
{
    size_t n_lines = 1, length = 0;
    for (size_t i = 0; i < n; i++)
        n_lines += text[i] == '\n';
    set->rows = asc_arena_alloc(&set->memory, n_lines * sizeof *set->rows);
    if (!set->rows)
        return ASC_NOMEM(err);
    columns at = {info->first_at, info->second_at, info->label_at, info->first_at + 1};
    asc__lines lines = {text, text + n, 0};
    for (char *line; (line = asc__lines_next(&lines, &length));) {
        if (info->first_at < 0 && lines.line == 1)
            ASC_TRY(read_header(&at, info, path, line, length, err));
        else if (length > 0 && !without_label(info, &at, line, length))
            ASC_TRY(read_row(set, info, &at, path, lines.line, line, length, err));
    }
    if (set->n == 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s: no rows", path);
    return ASC_OK;
}

/* DIR/part.tsv or DIR/NAME/part.tsv, plain or packed. */
static char *find_part(const asc_glue_info *info, const char *dir, const char *part)
{
    char *base = asc_strf("%s.tsv", part), *below = asc_path_join(dir, info->name), *path = NULL;
    if (base && below) {
        path = asc__find_packed(dir, base);
        path = path ? path : asc__find_packed(below, base);
    }
    asc_free(base);
    asc_free(below);
    return path;
}

asc_status asc_glue_load(asc_glue_set *out, const asc_glue_info *info, const char *dir, bool dev, asc_error *err)
{
    const char *part = dev ? info->dev : "train";
    char *path = find_part(info, dir, part), *text = NULL;
    size_t n = 0;
    if (!path)
        return ASC_FAIL(err, ASC_EINVAL, "%s: expected %s.tsv (or .tsv.zst, .tsv.gz) of %s there or in %s/%s", dir,
                        part, info->name, dir, info->name);
    asc_glue_set set = {0};
    asc_status s = asc__task_read(path, &text, &n, err);
    if (s == ASC_OK)
        s = read_rows(&set, info, path, text, n, err);
    asc_free(path);
    asc_free(text);
    if (s != ASC_OK) {
        asc_glue_set_clear(&set);
        return s;
    }
    *out = set;
    return ASC_OK;
}
