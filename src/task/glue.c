/* GLUE: the benchmark's tab-separated files, and Hugging Face's copy in Parquet or JSON lines. */
#include "task/task_data.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "task_lines.h"
#include "task_text.h"
#include "text/text.h"

/* Columns and labels as the files of the benchmark [Wang et al. 2018] have them; metrics as its leaderboard. CoLA has
 * no header: source, label, mark, sentence. */
const asc_glue_info asc_glue_tasks[] = {
    {.name = "CoLA",
     .first = "sentence",
     .label = "label",
     .headless = true,
     .first_at = 3,
     .label_at = 1,
     .labels = {"0", "1"},
     .n_classes = 2,
     .metrics = ASC_GLUE_MATTHEWS,
     .dev = "dev",
     .hub = {"cola", "validation", "sentence", NULL, {0, 1}}},
    {.name = "SST-2",
     .first = "sentence",
     .label = "label",
     .labels = {"0", "1"},
     .n_classes = 2,
     .metrics = ASC_GLUE_ACCURACY,
     .dev = "dev",
     .hub = {"sst2", "validation", "sentence", NULL, {0, 1}}},
    {.name = "MRPC",
     .first = "#1 String",
     .second = "#2 String",
     .label = "Quality",
     .labels = {"0", "1"},
     .n_classes = 2,
     .metrics = ASC_GLUE_ACCURACY | ASC_GLUE_F1,
     .dev = "dev",
     .hub = {"mrpc", "validation", "sentence1", "sentence2", {0, 1}}},
    {.name = "STS-B",
     .first = "sentence1",
     .second = "sentence2",
     .label = "score",
     .metrics = ASC_GLUE_CORRELATION,
     .dev = "dev",
     .hub = {"stsb", "validation", "sentence1", "sentence2", {0, 1}}},
    {.name = "QQP",
     .first = "question1",
     .second = "question2",
     .label = "is_duplicate",
     .labels = {"0", "1"},
     .n_classes = 2,
     .metrics = ASC_GLUE_ACCURACY | ASC_GLUE_F1,
     .dev = "dev",
     .hub = {"qqp", "validation", "question1", "question2", {0, 1}}},
    {.name = "MNLI",
     .first = "sentence1",
     .second = "sentence2",
     .label = "gold_label",
     .labels = {"contradiction", "entailment", "neutral"},
     .n_classes = 3,
     .metrics = ASC_GLUE_ACCURACY,
     .dev = "dev_matched",
     .hub = {"mnli", "validation_matched", "premise", "hypothesis", {1, 2, 0}}},
    {.name = "QNLI",
     .first = "question",
     .second = "sentence",
     .label = "label",
     .labels = {"entailment", "not_entailment"},
     .n_classes = 2,
     .metrics = ASC_GLUE_ACCURACY,
     .dev = "dev",
     .hub = {"qnli", "validation", "question", "sentence", {0, 1}}},
    {.name = "RTE",
     .first = "sentence1",
     .second = "sentence2",
     .label = "label",
     .labels = {"entailment", "not_entailment"},
     .n_classes = 2,
     .metrics = ASC_GLUE_ACCURACY,
     .dev = "dev",
     .hub = {"rte", "validation", "sentence1", "sentence2", {0, 1}}},
    {.name = "WNLI",
     .first = "sentence1",
     .second = "sentence2",
     .label = "label",
     .labels = {"0", "1"},
     .n_classes = 2,
     .metrics = ASC_GLUE_ACCURACY,
     .dev = "dev",
     .hub = {"wnli", "validation", "sentence1", "sentence2", {0, 1}}},
    {.name = NULL},
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

static asc_status read_table(asc_glue_set *set, const asc_glue_info *info, const char *path, char *text, size_t n,
                             asc_error *err)
{
    size_t length = 0;
    columns at =
        info->headless ? (columns){info->first_at, -1, info->label_at, info->first_at + 1} : (columns){-1, -1, -1, 0};
    asc__lines lines = {text, text + n, 0};
    for (char *line; (line = asc__lines_next(&lines, &length));) {
        if (!info->headless && lines.line == 1)
            ASC_TRY(read_header(&at, info, path, line, length, err));
        else if (length > 0 && !without_label(info, &at, line, length))
            ASC_TRY(read_row(set, info, &at, path, lines.line, line, length, err));
    }
    return ASC_OK;
}

/* ---- Hugging Face's rows: objects with the columns of its copy ---- */

static asc_status no_field(const char *path, int64_t line, const char *field, const char *expected, asc_error *err)
{
    return ASC_FAIL(err, ASC_EINVAL, "%s:%lld: field '%s': expected %s", path, (long long)line, field, expected);
}

/* A whole number or one of the benchmark's words; *none: the row has no label. */
static asc_status read_hub_label(asc_glue_row *row, bool *none, const asc_glue_info *info, const json_t *label,
                                 const char *path, int64_t line, asc_error *err)
{
    *row = (asc_glue_row){.label = -1, .score = json_is_number(label) ? json_number_value(label) : NAN};
    *none = info->n_classes > 0 && json_is_integer(label) && json_integer_value(label) == -1;
    if (info->n_classes == 0)
        return json_is_number(label) ? ASC_OK : no_field(path, line, "label", "a number", err);
    json_int_t k = json_is_integer(label) ? json_integer_value(label) : -1;
    if (k >= 0 && k < info->n_classes)
        row->label = info->hub.classes[k];
    for (int c = 0; json_is_string(label) && c < info->n_classes; c++)
        row->label = strcmp(json_string_value(label), info->labels[c]) == 0 ? c : row->label;
    row->score = NAN;
    return row->label >= 0 || *none ? ASC_OK : no_field(path, line, "label", "a class of the task", err);
}

static asc_status read_object(asc_glue_set *set, const asc_glue_info *info, const json_t *row, const char *path,
                              int64_t line, asc_error *err)
{
    const char *names[] = {info->hub.first, info->hub.second};
    asc_glue_row out;
    bool none;
    ASC_TRY(read_hub_label(&out, &none, info, json_object_get(row, "label"), path, line, err));
    if (none)
        return ASC_OK;
    char **texts[] = {&out.first, &out.second};
    for (int i = 0; i < 2 && names[i]; i++) {
        const json_t *text = json_object_get(row, names[i]);
        if (!json_is_string(text))
            return no_field(path, line, names[i], "a text", err);
        ASC_TRY(asc__keep_n(texts[i], &set->memory, json_string_value(text), json_string_length(text), err));
    }
    set->rows[set->n++] = out;
    return ASC_OK;
}

static asc_status read_objects(asc_glue_set *set, const asc_glue_info *info, const char *path, char *text, size_t n,
                               asc_error *err)
{
    size_t length = 0;
    char where[256];
    asc__lines lines = {text, text + n, 0};
    for (char *line; (line = asc__lines_next(&lines, &length));) {
        json_t *row = NULL;
        if (length == 0)
            continue;
        ASC_TRY(asc_json_parse(&row, asc__where(where, sizeof where, path, lines.line), line, length, err));
        asc_status s = read_object(set, info, row, path, lines.line, err);
        json_decref(row);
        ASC_TRY(s);
    }
    return ASC_OK;
}

/* ---- files ---- */

/* The rows of one more file. */
static asc_status read_file(asc_glue_set *set, const asc_glue_info *info, const char *path, asc_error *err)
{
    char *text = NULL;
    size_t n = 0, n_lines = 1;
    ASC_TRY(asc__task_read(path, &text, &n, err));
    for (size_t i = 0; i < n; i++)
        n_lines += text[i] == '\n';
    asc_glue_row *rows = asc_arena_alloc(&set->memory, (set->n + n_lines) * sizeof *rows);
    asc_status s = rows ? ASC_OK : ASC_NOMEM(err);
    if (rows && set->n)
        memcpy(rows, set->rows, set->n * sizeof *rows);
    set->rows = rows;
    if (s == ASC_OK && n > 0 && text[0] == '{')
        s = read_objects(set, info, path, text, n, err);
    else if (s == ASC_OK)
        s = read_table(set, info, path, text, n, err);
    asc_free(text);
    return s;
}

/* One file of a folder under either of its names; NULL: none. */
static char *find_file(const char *dir, const char *part, const char *hub_part)
{
    const char *const parts[] = {part, hub_part, hub_part, hub_part}, *const ends[] = {".tsv", ".parquet", ".jsonl",
                                                                                       ".json"};
    char *path = NULL;
    for (size_t i = 0; !path && i < sizeof ends / sizeof *ends; i++) {
        char *base = asc_strf("%s%s", parts[i], ends[i]);
        path = base ? asc__find_packed(dir, base) : NULL;
        asc_free(base);
    }
    return path;
}

static asc_status load_from(asc_glue_set *set, const asc_glue_info *info, const char *dir, bool dev, asc_error *err)
{
    const char *hub_part = dev ? info->hub.dev : "train";
    char *path = find_file(dir, dev ? info->dev : "train", hub_part), **files = NULL;
    size_t n = 0;
    asc_status s = path ? read_file(set, info, path, err) : ASC_OK;
    char *shards = path ? NULL : asc_strf("%s/%s-*.parquet", dir, hub_part);
    if (shards && asc_text_discover(&files, &n, &shards, 1, NULL, NULL) == ASC_OK)
        for (size_t i = 0; i < n && s == ASC_OK; i++)
            s = read_file(set, info, files[i], err);
    if (s == ASC_OK && set->n == 0 && (path || n))
        s = ASC_FAIL(err, ASC_EINVAL, "%s: no rows", path ? path : files[0]);
    asc_text_discover_free(files, n);
    asc_free(shards);
    asc_free(path);
    return s;
}

asc_status asc_glue_load(asc_glue_set *out, const asc_glue_info *info, const char *dir, bool dev, asc_error *err)
{
    const char *below[] = {NULL, info->name, info->hub.name};
    asc_glue_set set = {0};
    asc_status s = ASC_OK;
    for (int i = 0; i < 3 && s == ASC_OK && set.n == 0; i++) {
        char *at = below[i] ? asc_path_join(dir, below[i]) : asc_strdup(dir);
        s = at ? load_from(&set, info, at, dev, err) : ASC_NOMEM(err);
        asc_free(at);
    }
    if (s == ASC_OK && set.n == 0)
        s = ASC_FAIL(err, ASC_EINVAL,
                     "%s: expected %s.tsv (or .tsv.zst, .tsv.gz) or %s.parquet of %s there or in %s/%s", dir,
                     dev ? info->dev : "train", dev ? info->hub.dev : "train", info->name, dir, info->name);
    if (s != ASC_OK) {
        asc_glue_set_clear(&set);
        return s;
    }
    *out = set;
    return ASC_OK;
}
