/* A task's file: found out what it is, read line by line, written. */
#include <assert.h>
#include <string.h>

#include "task_convert.h"
#include "task_lines.h"

static const char *kind_name(asc_task_kind k)
{
    static const char *const names[] = {"choice", "cloze", "mass", "pair"};
    assert((size_t)k < sizeof names / sizeof *names);
    return names[k];
}

static bool parse_kind(const char *s, asc_task_kind *out)
{
    for (int k = ASC_TASK_CHOICE; k <= ASC_TASK_PAIR; k++) {
        if (strcmp(s, kind_name((asc_task_kind)k)) == 0) {
            *out = (asc_task_kind)k;
            return true;
        }
    }
    return false;
}

void asc_task_clear(asc_task *t)
{
    if (!t)
        return;
    asc_arena_clear(&t->memory);
    *t = (asc_task){0};
}

/* ---- reading ---- */

/* Where a task comes from: "NAME=PATH" or "PATH". */
typedef struct source {
    char *name; /* new string */
    const char *path;
    bool named;
} source;

static asc_status find_source(source *out, const char *spec, asc_error *err)
{
    const char *equals = strchr(spec, '=');
    bool named = equals && equals > spec && !memchr(spec, '/', (size_t)(equals - spec));
    out->path = named ? equals + 1 : spec;
    out->named = named;
    out->name = named ? asc_strndup(spec, (size_t)(equals - spec)) : asc__stem(spec);
    return out->name ? ASC_OK : ASC_NOMEM(err);
}

/* The built-in task whose name the file's name starts with. */
static const asc__task_form *form_of_name(const char *name)
{
    for (const asc__task_form *f = asc__task_forms; f->name; f++) {
        size_t n = strlen(f->name);
        if (strncmp(name, f->name, n) == 0 && (name[n] == 0 || name[n] == '_' || name[n] == '-'))
            return f;
    }
    return NULL;
}

static asc_status use_form(asc_task *t, const asc__task_form *f, asc_error *err)
{
    t->kind = f->kind;
    ASC_TRY(asc__keep(&t->delimiter, &t->memory, f->delimiter, err));
    ASC_TRY(asc__keep(&t->shot_delimiter, &t->memory, f->shot_delimiter, err));
    return asc__keep(&t->primer, &t->memory, f->primer, err);
}

static asc_status opt_text(char **out, asc_arena *memory, const json_t *obj, const char *key, const char *where,
                           asc_error *err)
{
    const char *text = NULL;
    if (!json_object_get(obj, key))
        return ASC_OK;
    ASC_TRY(asc_json_get_string(obj, where, key, &text, err));
    return asc__keep(out, memory, text, err);
}

static asc_status read_item(asc_task_item *item, const asc__task_form *form, const json_t *line, asc_arena *memory,
                            const char *where, asc_error *err)
{
    if (!json_is_object(line))
        return ASC_FAIL(err, ASC_EINVAL, "%s: expected an object", where);
    if (form)
        return form->convert(item, line, memory, where, err);
    return asc__task_item_own(item, line, memory, where, err);
}

static asc_status read_shots(asc_task *t, const json_t *header, const char *where, asc_error *err)
{
    json_t *list = NULL;
    if (!json_object_get(header, "shots"))
        return ASC_OK;
    ASC_TRY(asc_json_get_array(header, where, "shots", &list, err));
    size_t n = json_array_size(list);
    t->shots = asc_arena_alloc(&t->memory, (n + 1) * sizeof *t->shots);
    if (!t->shots)
        return ASC_NOMEM(err);
    t->n_shots = n;
    for (size_t i = 0; i < n; i++) {
        char place[300];
        snprintf(place, sizeof place, "%s: shots[%zu]", where, i);
        ASC_TRY(read_item(&t->shots[i], NULL, json_array_get(list, i), &t->memory, place, err));
    }
    return ASC_OK;
}

/* The first line of the project's own format. */
static asc_status read_header(asc_task *t, const json_t *h, const char *where, asc_error *err)
{
    static const char *const known[] = {"task", "kind", "delimiter", "shot_delimiter", "primer", "shots"};
    const char *key, *kind = NULL;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)h, key, value)
    {
        bool ok = false;
        for (size_t i = 0; i < 6; i++)
            ok = ok || strcmp(known[i], key) == 0;
        const char *near = ok ? NULL : asc_nearest_name(key, known, 6);
        if (!ok)
            return ASC_FAIL(err, ASC_EINVAL, "%s: unknown field '%s'%s%s", where, key, near ? ", perhaps " : "",
                            near ? near : "");
    }
    ASC_TRY(opt_text(&t->name, &t->memory, h, "task", where, err));
    ASC_TRY(opt_text(&t->delimiter, &t->memory, h, "delimiter", where, err));
    t->shot_delimiter = t->delimiter;
    ASC_TRY(opt_text(&t->shot_delimiter, &t->memory, h, "shot_delimiter", where, err));
    ASC_TRY(opt_text(&t->primer, &t->memory, h, "primer", where, err));
    if (json_object_get(h, "kind")) {
        ASC_TRY(asc_json_get_string(h, where, "kind", &kind, err));
        if (!parse_kind(kind, &t->kind))
            return ASC_FAIL(err, ASC_EINVAL, "%s: field 'kind': expected choice, cloze, mass or pair, found '%s'",
                            where, kind);
    }
    return read_shots(t, h, where, err);
}

/* Rules that hold for every item of a kind. */
static asc_status check_item(const asc_task *t, const asc_task_item *item, const char *where, asc_error *err)
{
    size_t want_min = t->kind == ASC_TASK_CLOZE ? 1 : 2, want_max = t->kind == ASC_TASK_CLOZE  ? 1
                                                                    : t->kind == ASC_TASK_PAIR ? 2
                                                                                               : SIZE_MAX;
    if (item->n_choices < want_min || item->n_choices > want_max)
        return ASC_FAIL(err, ASC_EINVAL, "%s: %zu choice%s, which a task of kind '%s' does not have", where,
                        item->n_choices, item->n_choices == 1 ? "" : "s", kind_name(t->kind));
    for (size_t c = 0; c < item->n_choices; c++) {
        if (!item->choices[c][0])
            return ASC_FAIL(err, ASC_EINVAL, "%s: choice %zu is empty", where, c);
    }
    return ASC_OK;
}

static asc_status item_id(asc_task_item *item, const json_t *line, int64_t number, asc_arena *memory, asc_error *err)
{
    const json_t *id = json_object_get(line, "id");
    char digits[32];
    snprintf(digits, sizeof digits, "%lld",
             json_is_integer(id) ? (long long)json_integer_value(id) : (long long)number);
    item->line = number;
    return asc__keep(&item->id, memory, json_is_string(id) ? json_string_value(id) : digits, err);
}

/* One line: header, or the next item. */
static asc_status take_line(asc_task *t, const asc__task_form **form, json_t *line, const char *path, int64_t number,
                            bool first, asc_error *err)
{
    char where[256];
    asc__where(where, sizeof where, path, number);
    if (first && json_object_get(line, "task")) {
        *form = NULL;
        return read_header(t, line, where, err);
    }
    asc_task_item *item = &t->items[t->n_items];
    ASC_TRY(read_item(item, *form, line, &t->memory, where, err));
    ASC_TRY(item_id(item, line, number, &t->memory, err));
    /* Without a header one continuation an item makes a cloze task. */
    if (!*form && t->n_items == 0 && item->n_choices == 1)
        t->kind = ASC_TASK_CLOZE;
    ASC_TRY(check_item(t, item, where, err));
    t->n_items++;
    return ASC_OK;
}

static asc_status read_lines(asc_task *t, const asc__task_form *form, const char *path, char *text, size_t n,
                             asc_error *err)
{
    size_t n_lines = 1, length = 0;
    for (size_t i = 0; i < n; i++)
        n_lines += text[i] == '\n';
    t->items = asc_arena_alloc(&t->memory, n_lines * sizeof *t->items);
    if (!t->items)
        return ASC_NOMEM(err);
    asc__lines lines = {text, text + n, 0};
    bool first = true;
    for (char *at; (at = asc__lines_next(&lines, &length));) {
        char where[256];
        if (strspn(at, " \t") == length)
            continue;
        json_t *line = NULL;
        ASC_TRY(asc_json_parse(&line, asc__where(where, sizeof where, path, lines.line), at, length, err));
        asc_status s = take_line(t, &form, line, path, lines.line, first, err);
        json_decref(line);
        ASC_TRY(s);
        first = false;
    }
    if (t->n_items == 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s: expected items, one JSON object per line, found none", path);
    return ASC_OK;
}

asc_status asc_task_load(asc_task *out, const char *spec, asc_error *err)
{
    static const asc__task_form own = {NULL, ASC_TASK_CHOICE, " ", " ", "", NULL};
    source from = {0};
    asc_task t = {0};
    char *text = NULL;
    size_t n = 0;
    asc_status s = find_source(&from, spec, err);
    if (s == ASC_OK)
        s = asc__task_read(from.path, &text, &n, err);
    if (s == ASC_OK) {
        const asc__task_form *form = from.named ? asc__task_form_find(from.name) : form_of_name(from.name);
        s = asc__keep(&t.name, &t.memory, form ? form->name : from.name, err);
        if (s == ASC_OK)
            s = use_form(&t, form ? form : &own, err);
        if (s == ASC_OK)
            s = read_lines(&t, form, from.path, text, n, err);
    }
    asc_free(from.name);
    asc_free(text);
    if (s != ASC_OK) {
        asc_task_clear(&t);
        return s;
    }
    *out = t;
    return ASC_OK;
}

/* ---- writing ---- */

static json_t *item_json(const asc_task_item *item, bool cloze)
{
    json_t *j = json_object(), *choices = cloze ? NULL : json_array(), *labels = cloze ? NULL : json_array();
    json_t *contexts = cloze ? NULL : json_array();
    if (item->id)
        json_object_set_new(j, "id", json_string(item->id));
    json_object_set_new(j, "context", json_string(item->context));
    if (cloze) {
        json_object_set_new(j, "continuation", json_string(item->choices[0]));
        return j;
    }
    for (size_t c = 0; c < item->n_choices; c++) {
        json_array_append_new(choices, json_string(item->choices[c]));
        json_array_append_new(labels, json_integer(item->right[c]));
    }
    for (size_t c = 0; item->contexts && c < item->n_choices; c++)
        json_array_append_new(contexts, json_string(item->contexts[c]));
    if (item->contexts)
        json_object_set(j, "contexts", contexts);
    json_decref(contexts);
    json_object_set_new(j, "choices", choices);
    json_object_set_new(j, "labels", labels);
    return j;
}

static json_t *header_json(const asc_task *t)
{
    json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:s}", "task", t->name, "kind", kind_name(t->kind), "delimiter",
                          t->delimiter, "shot_delimiter", t->shot_delimiter, "primer", t->primer);
    if (j && t->n_shots) {
        json_t *shots = json_array();
        for (size_t i = 0; i < t->n_shots; i++)
            json_array_append_new(shots, item_json(&t->shots[i], t->kind == ASC_TASK_CLOZE));
        json_object_set_new(j, "shots", shots);
    }
    return j;
}

static asc_status append_json(asc_buf *b, json_t *j, asc_error *err)
{
    char *line = NULL;
    asc_status s = j ? asc_json_print(&line, j, 0, err) : ASC_NOMEM(err);
    json_decref(j);
    if (s == ASC_OK) {
        asc_buf_puts(b, line);
        asc_buf_putc(b, '\n');
        asc_free(line);
    }
    return s;
}

asc_status asc_task_save(const asc_task *t, const char *path, asc_error *err)
{
    asc_buf b = {0};
    asc_status s = append_json(&b, header_json(t), err);
    for (size_t i = 0; s == ASC_OK && i < t->n_items; i++)
        s = append_json(&b, item_json(&t->items[i], t->kind == ASC_TASK_CLOZE), err);
    if (s == ASC_OK)
        s = b.oom ? ASC_NOMEM(err) : asc_write_file(path, b.data, b.len, err);
    asc_buf_clear(&b);
    return s;
}
