/* SQuAD v1 and v2: the official JSON and JSON lines. */
#include <string.h>

#include "task/task_data.h"
#include "task_lines.h"
#include "task_text.h"

void asc_squad_set_clear(asc_squad_set *s)
{
    if (!s)
        return;
    asc_arena_clear(&s->memory);
    *s = (asc_squad_set){0};
}

static asc_status keep(char **out, asc_arena *memory, const char *s, asc_error *err)
{
    return asc__keep_n(out, memory, s, strlen(s), err);
}

/* Byte offset of character number n. */
static int64_t byte_of_character(const char *s, int64_t n)
{
    int64_t at = 0;
    for (; s[at] && (n > 0 || ((unsigned char)s[at] & 0xC0) == 0x80); at++)
        n -= ((unsigned char)s[at + 1] & 0xC0) != 0x80;
    return at;
}

/* Where an answer stands: as stated (a character offset) when that is true, else its first occurrence. */
static int64_t answer_start(const char *context, const char *answer, const json_t *stated)
{
    if (json_is_integer(stated)) {
        int64_t at = byte_of_character(context, json_integer_value(stated));
        if (strncmp(context + at, answer, strlen(answer)) == 0)
            return at;
    }
    const char *found = strstr(context, answer);
    return found && *answer ? found - context : -1;
}

/* Room for n answers. */
static asc_status answer_room(asc_squad_item *item, size_t n, asc_arena *memory, asc_error *err)
{
    item->answers = asc_arena_alloc(memory, (n + 1) * sizeof *item->answers);
    item->starts = asc_arena_alloc(memory, (n + 1) * sizeof *item->starts);
    return item->answers && item->starts ? ASC_OK : ASC_NOMEM(err);
}

/* Answers as strings, as objects {text, answer_start}, or, as Hugging Face's datasets write them, as one object of two
 * lists {text: [..], answer_start: [..]}. */
static asc_status read_answers(asc_squad_item *item, const json_t *qa, asc_arena *memory, const char *where,
                               asc_error *err)
{
    const json_t *found = json_object_get(qa, "answers"), *lists = json_is_object(found) ? found : NULL;
    const json_t *starts = json_object_get(lists, "answer_start");
    json_t *list = NULL;
    ASC_TRY(asc_json_get_array(lists ? lists : qa, where, lists ? "text" : "answers", &list, err));
    size_t n = json_array_size(list);
    ASC_TRY(answer_room(item, n, memory, err));
    for (size_t i = 0; i < n; i++) {
        const json_t *a = json_array_get(list, i);
        const json_t *start = lists ? json_array_get(starts, i) : json_object_get(a, "answer_start");
        const char *text = json_string_value(json_is_object(a) ? json_object_get(a, "text") : a);
        if (!text)
            return ASC_FAIL(err, ASC_EINVAL, "%s: field 'answers': expected text at place %zu", where, i);
        ASC_TRY(keep(&item->answers[i], memory, text, err));
        item->starts[i] = answer_start(item->context, text, start);
    }
    item->n_answers = n;
    return ASC_OK;
}

static asc_status add_item(asc_squad_set *set, char *context, const char *question, const json_t *qa, const char *where,
                           asc_error *err)
{
    const char *id = NULL;
    asc_squad_item *item = &set->items[set->n];
    *item = (asc_squad_item){.context = context};
    ASC_TRY(asc_json_get_string(qa, where, "id", &id, err));
    ASC_TRY(keep(&item->id, &set->memory, id, err));
    ASC_TRY(keep(&item->question, &set->memory, question, err));
    if (json_is_true(json_object_get(qa, "is_impossible")))
        ASC_TRY(answer_room(item, 0, &set->memory, err));
    else
        ASC_TRY(read_answers(item, qa, &set->memory, where, err));
    set->v2 = set->v2 || item->n_answers == 0;
    set->n++;
    return ASC_OK;
}

/* ---- JSON lines ---- */

/* Questions on one passage follow one another: they share its text. */
static asc_status keep_passage(char **out, asc_squad_set *set, const char *text, asc_error *err)
{
    const asc_squad_item *last = set->n ? &set->items[set->n - 1] : NULL;
    if (last && strcmp(last->context, text) == 0) {
        *out = last->context;
        return ASC_OK;
    }
    return keep(out, &set->memory, text, err);
}

/* OLMES gives out questions as prompts: "Title: ..\nBackground: PASSAGE\nQuestion: QUESTION\nAnswer:". Cuts it up;
 * false where the text is none. */
static bool split_prompt(char *prompt, char **passage, char **question)
{
    static const char background[] = "\nBackground: ", asks[] = "\nQuestion: ", answer[] = "\nAnswer:";
    size_t n = strlen(prompt), tail = sizeof answer - 1;
    char *from = strstr(prompt, background), *at = NULL;
    for (char *next = from; next && (next = strstr(next, asks)); next++)
        at = next;
    if (!at || n < tail || strcmp(prompt + n - tail, answer) != 0 || prompt + n - tail < at + sizeof asks - 1)
        return false;
    prompt[n - tail] = *at = 0;
    *passage = from + sizeof background - 1;
    *question = at + sizeof asks - 1;
    return true;
}

static asc_status read_prompt(asc_squad_set *set, const char *text, const json_t *line, const char *where,
                              asc_error *err)
{
    char *copy = asc_strdup(text), *passage = NULL, *question = NULL, *context = NULL;
    asc_status s = copy ? ASC_OK : ASC_NOMEM(err);
    if (s == ASC_OK && !split_prompt(copy, &passage, &question))
        s = ASC_FAIL(err, ASC_EINVAL, "%s: field 'question': expected a string, found nothing", where);
    if (s == ASC_OK)
        s = keep_passage(&context, set, passage, err);
    if (s == ASC_OK)
        s = add_item(set, context, question, line, where, err);
    asc_free(copy);
    return s;
}

static asc_status read_line(asc_squad_set *set, const json_t *line, const char *where, asc_error *err)
{
    const char *text = NULL, *question = NULL;
    char *context = NULL;
    ASC_TRY(asc_json_get_string(line, where, "context", &text, err));
    if (!json_object_get(line, "question"))
        return read_prompt(set, text, line, where, err);
    ASC_TRY(asc_json_get_string(line, where, "question", &question, err));
    ASC_TRY(keep_passage(&context, set, text, err));
    return add_item(set, context, question, line, where, err);
}

static asc_status read_lines(asc_squad_set *set, const char *path, char *text, size_t n, asc_error *err)
{
    size_t n_lines = 1, length = 0;
    for (size_t i = 0; i < n; i++)
        n_lines += text[i] == '\n';
    set->items = asc_arena_alloc(&set->memory, n_lines * sizeof *set->items);
    if (!set->items)
        return ASC_NOMEM(err);
    asc__lines lines = {text, text + n, 0};
    for (char *at; (at = asc__lines_next(&lines, &length));) {
        char where[256];
        json_t *line = NULL;
        if (length == 0)
            continue;
        ASC_TRY(asc_json_parse(&line, asc__where(where, sizeof where, path, lines.line), at, length, err));
        asc_status s = read_line(set, line, where, err);
        json_decref(line);
        ASC_TRY(s);
    }
    return ASC_OK;
}

/* ---- the official JSON: data, paragraphs, qas ---- */

static size_t count_questions(const json_t *data)
{
    size_t n = 0, a, p;
    json_t *article, *paragraph;
    json_array_foreach((json_t *)(uintptr_t)data, a, article)
    {
        json_array_foreach(json_object_get(article, "paragraphs"), p, paragraph)
        {
            n += json_array_size(json_object_get(paragraph, "qas"));
        }
    }
    return n;
}

static asc_status read_paragraph(asc_squad_set *set, const json_t *paragraph, const char *where, asc_error *err)
{
    const char *text = NULL;
    char *context = NULL;
    json_t *qas = NULL;
    ASC_TRY(asc_json_get_string(paragraph, where, "context", &text, err));
    ASC_TRY(asc_json_get_array(paragraph, where, "qas", &qas, err));
    ASC_TRY(keep(&context, &set->memory, text, err));
    for (size_t i = 0; i < json_array_size(qas); i++) {
        const json_t *qa = json_array_get(qas, i);
        const char *question = NULL;
        ASC_TRY(asc_json_get_string(qa, where, "question", &question, err));
        ASC_TRY(add_item(set, context, question, qa, where, err));
    }
    return ASC_OK;
}

static asc_status read_official(asc_squad_set *set, const json_t *all, const char *path, asc_error *err)
{
    json_t *data = NULL, *article, *paragraph;
    size_t a, p;
    ASC_TRY(asc_json_get_array(all, path, "data", &data, err));
    set->items = asc_arena_alloc(&set->memory, (count_questions(data) + 1) * sizeof *set->items);
    if (!set->items)
        return ASC_NOMEM(err);
    json_array_foreach(data, a, article)
    {
        json_array_foreach(json_object_get(article, "paragraphs"), p, paragraph)
        {
            char where[256];
            snprintf(where, sizeof where, "%s: data[%zu].paragraphs[%zu]", path, a, p);
            ASC_TRY(read_paragraph(set, paragraph, where, err));
        }
    }
    return ASC_OK;
}

/* The official file is one object with "data"; anything else is taken as JSON lines. */
static bool looks_official(const char *text)
{
    const char *at = text + strspn(text, " \t\r\n");
    const char *key = *at == '{' ? at + 1 + strspn(at + 1, " \t\r\n") : at;
    return strncmp(key, "\"data\"", 6) == 0 || strncmp(key, "\"version\"", 9) == 0;
}

asc_status asc_squad_load(asc_squad_set *out, const char *path, asc_error *err)
{
    char *text = NULL;
    size_t n = 0;
    json_t *all = NULL;
    asc_squad_set set = {0};
    asc_status s = asc__task_read(path, &text, &n, err);
    if (s == ASC_OK && looks_official(text)) {
        s = asc_json_parse(&all, path, text, n, err);
        if (s == ASC_OK)
            s = read_official(&set, all, path, err);
    } else if (s == ASC_OK) {
        s = read_lines(&set, path, text, n, err);
    }
    if (s == ASC_OK && set.n == 0)
        s = ASC_FAIL(err, ASC_EINVAL, "%s: no questions", path);
    json_decref(all);
    asc_free(text);
    if (s != ASC_OK) {
        asc_squad_set_clear(&set);
        return s;
    }
    *out = set;
    return ASC_OK;
}

asc_status asc_squad_part(asc_squad_set *out, const asc_squad_set *s, double lo, double hi, asc_error *err)
{
    asc_squad_set part = {.v2 = s->v2};
    part.items = asc_arena_alloc(&part.memory, (s->n + 1) * sizeof *part.items);
    if (!part.items)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < s->n; i++) {
        const char *context = s->items[i].context;
        double at = (double)(asc_hash64(context, strlen(context), 0) >> 11) * 0x1p-53;
        if (at >= lo && at < hi)
            part.items[part.n++] = s->items[i];
    }
    *out = part;
    return ASC_OK;
}

/* The official files, JSON lines, or Hugging Face's Parquet, which is one shard; NULL: none. */
static char *find_part(const char *dir, bool dev)
{
    static const char *const endings[] = {"-v2.0.json", "-v1.1.json", ".json", ".jsonl"};
    const char *part = dev ? "dev" : "train", *hub_part = dev ? "validation" : "train";
    char *path = NULL, base[64];
    for (size_t i = 0; !path && i < 4; i++) {
        snprintf(base, sizeof base, "%s%s", part, endings[i]);
        path = asc__find_packed(dir, base);
    }
    snprintf(base, sizeof base, "%s.parquet", hub_part);
    path = path ? path : asc__find_packed(dir, base);
    char *shards = path ? NULL : asc_strf("%s/%s-00000-of-00001.parquet", dir, hub_part);
    if (shards && asc_path_exists(shards)) {
        path = shards;
        shards = NULL;
    }
    asc_free(shards);
    return path;
}

asc_status asc_squad_load_part(asc_squad_set *out, const char *dir, bool dev, asc_error *err)
{
    const char *part = dev ? "dev" : "train";
    char *path = find_part(dir, dev);
    if (!path)
        return ASC_FAIL(err, ASC_EINVAL,
                        "%s: expected %s.jsonl, %s.json, %s-v1.1.json, %s-v2.0.json or %s.parquet there", dir, part,
                        part, part, part, dev ? "validation" : "train");
    asc_status s = asc_squad_load(out, path, err);
    asc_free(path);
    return s;
}
