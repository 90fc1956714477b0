/* The benchmarks' own files. Each is given out in more than one shape; the shapes are told apart by their fields. The
 * prompts are those of EleutherAI's lm-evaluation-harness 0.4.13 (its task files boolq, piqa, hellaswag,
 * truthfulqa_mc1, truthfulqa_mc2, pubmedqa, crows_pairs_english, asdiv, lambada_openai), checked item by item in
 * tests/task/golden. */
#include "task_convert.h"

#include <ctype.h>
#include <string.h>

/* ---- pieces ---- */

asc_status asc__keep(char **out, asc_arena *memory, const char *s, asc_error *err)
{
    char *copy = asc_arena_strdup(memory, s);
    if (!copy)
        return ASC_NOMEM(err);
    *out = copy;
    return ASC_OK;
}

/* The buffer's text into the arena; clears the buffer. */
static asc_status keep_buf(char **out, asc_arena *memory, asc_buf *b, asc_error *err)
{
    asc_status s = b->oom ? ASC_NOMEM(err) : asc__keep(out, memory, b->data ? b->data : "", err);
    asc_buf_clear(b);
    return s;
}

asc_status asc__item_choices(asc_task_item *item, size_t n, asc_arena *memory, asc_error *err)
{
    item->choices = asc_arena_alloc(memory, n * sizeof *item->choices);
    item->right = asc_arena_alloc(memory, n * sizeof *item->right);
    if (!item->choices || !item->right)
        return ASC_NOMEM(err);
    item->n_choices = n;
    return ASC_OK;
}

static bool has(const json_t *line, const char *key)
{
    return json_object_get(line, key) != NULL;
}

asc_status asc__task_choices(asc_task_item *item, const json_t *list, asc_arena *memory, const char *where,
                             asc_error *err)
{
    size_t n = json_array_size(list);
    if (n == 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'choices': expected at least one choice, found none", where);
    ASC_TRY(asc__item_choices(item, n, memory, err));
    for (size_t i = 0; i < n; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (!text)
            return ASC_FAIL(err, ASC_EINVAL, "%s: field 'choices': expected strings, found another type at place %zu",
                            where, i);
        ASC_TRY(asc__keep(&item->choices[i], memory, text, err));
    }
    return ASC_OK;
}

/* Choices fixed by the task. */
static asc_status set_words(asc_task_item *item, const char *const *words, size_t n, asc_arena *memory, asc_error *err)
{
    ASC_TRY(asc__item_choices(item, n, memory, err));
    for (size_t i = 0; i < n; i++)
        ASC_TRY(asc__keep(&item->choices[i], memory, words[i], err));
    return ASC_OK;
}

asc_status asc__task_right(asc_task_item *item, int64_t label, const char *where, asc_error *err)
{
    if (label < 0 || (size_t)label >= item->n_choices)
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'label': expected 0 to %zu, found %lld", where, item->n_choices - 1,
                        (long long)label);
    item->right[label] = true;
    return ASC_OK;
}

/* label: a whole number, also written as a string (HellaSwag does), or a truth value. */
asc_status asc__task_label(asc_task_item *item, const json_t *line, const char *key, const char *where, asc_error *err)
{
    const json_t *v = json_object_get(line, key);
    int64_t label = -1;
    if (json_is_integer(v))
        label = json_integer_value(v);
    else if (json_is_boolean(v))
        label = json_is_true(v);
    else if (!json_is_string(v) || !asc_parse_count(json_string_value(v), &label))
        return ASC_FAIL(err, ASC_EINVAL, "%s: field '%s': expected the index of the correct choice", where, key);
    return asc__task_right(item, label, where, err);
}

/* labels: one 0 or 1 a choice. */
static asc_status get_labels(asc_task_item *item, const json_t *list, const char *where, asc_error *err)
{
    size_t n_right = 0;
    if (json_array_size(list) != item->n_choices)
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'labels': expected %zu entries, one per choice, found %zu", where,
                        item->n_choices, json_array_size(list));
    for (size_t i = 0; i < item->n_choices; i++) {
        const json_t *v = json_array_get(list, i);
        if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > 1)
            return ASC_FAIL(err, ASC_EINVAL, "%s: field 'labels': expected 0 or 1 at place %zu", where, i);
        item->right[i] = json_integer_value(v) == 1;
        n_right += item->right[i];
    }
    if (n_right == 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'labels': expected at least one correct choice, found none", where);
    return ASC_OK;
}

static asc_status get_choices(asc_task_item *item, const json_t *line, asc_arena *memory, const char *where,
                              asc_error *err)
{
    json_t *list = NULL;
    ASC_TRY(asc_json_get_array(line, where, "choices", &list, err));
    ASC_TRY(asc__task_choices(item, list, memory, where, err));
    if (has(line, "labels")) {
        ASC_TRY(asc_json_get_array(line, where, "labels", &list, err));
        return get_labels(item, list, where, err);
    }
    return asc__task_label(item, line, "label", where, err);
}

/* A context for each choice. */
static asc_status get_contexts(asc_task_item *item, const json_t *line, asc_arena *memory, const char *where,
                               asc_error *err)
{
    json_t *list = NULL;
    ASC_TRY(asc_json_get_array(line, where, "contexts", &list, err));
    if (json_array_size(list) != item->n_choices)
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'contexts': expected %zu strings, one per choice, found %zu", where,
                        item->n_choices, json_array_size(list));
    item->contexts = asc_arena_alloc(memory, item->n_choices * sizeof *item->contexts);
    if (!item->contexts)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < item->n_choices; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (!text)
            return ASC_FAIL(err, ASC_EINVAL, "%s: field 'contexts': expected strings", where);
        ASC_TRY(asc__keep(&item->contexts[i], memory, text, err));
    }
    return ASC_OK;
}

/* One continuation, which is the right one. */
static asc_status set_single(asc_task_item *item, const char *text, asc_arena *memory, asc_error *err)
{
    ASC_TRY(asc__item_choices(item, 1, memory, err));
    item->right[0] = true;
    return asc__keep(&item->choices[0], memory, text, err);
}

asc_status asc__task_item_own(asc_task_item *item, const json_t *line, asc_arena *memory, const char *where,
                              asc_error *err)
{
    const char *context = NULL, *text = NULL;
    ASC_TRY(asc_json_get_string(line, where, "context", &context, err));
    ASC_TRY(asc__keep(&item->context, memory, context, err));
    if (!has(line, "continuation")) {
        ASC_TRY(get_choices(item, line, memory, where, err));
        return has(line, "contexts") ? get_contexts(item, line, memory, where, err) : ASC_OK;
    }
    ASC_TRY(asc_json_get_string(line, where, "continuation", &text, err));
    if (!*text)
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'continuation': expected text, found an empty string", where);
    return set_single(item, text, memory, err);
}

/* ---- benchmarks ---- */

static const char *without_prefix(const char *s, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncmp(s, prefix, n) == 0 ? s + n : s;
}

static asc_status boolq(asc_task_item *item, const json_t *line, asc_arena *memory, const char *where, asc_error *err)
{
    static const char *const words[] = {"no", "yes"};
    const char *passage = NULL, *question = NULL;
    asc_buf b = {0};
    if (has(line, "passage")) {
        ASC_TRY(asc_json_get_string(line, where, "passage", &passage, err));
        ASC_TRY(asc_json_get_string(line, where, "question", &question, err));
        asc_buf_printf(&b, "%s\nQuestion: %s?\nAnswer:", passage, question);
    } else {
        ASC_TRY(asc_json_get_string(line, where, "context", &passage, err));
        asc_buf_printf(&b, "%s\nAnswer:", without_prefix(passage, "Passage: "));
    }
    ASC_TRY(keep_buf(&item->context, memory, &b, err));
    if (has(line, "choices"))
        return get_choices(item, line, memory, where, err);
    ASC_TRY(set_words(item, words, 2, memory, err));
    return asc__task_label(item, line, has(line, "label") ? "label" : "answer", where, err);
}

static asc_status piqa(asc_task_item *item, const json_t *line, asc_arena *memory, const char *where, asc_error *err)
{
    const char *goal = NULL, *sol[2] = {NULL, NULL};
    asc_buf b = {0};
    if (!has(line, "goal")) {
        ASC_TRY(asc_json_get_string(line, where, "context", &goal, err));
        size_t n = strlen(goal);
        while (n > 0 && goal[n - 1] == '\n')
            n--;
        asc_buf_append(&b, goal, n);
        asc_buf_puts(&b, "\nAnswer:");
        ASC_TRY(keep_buf(&item->context, memory, &b, err));
        return get_choices(item, line, memory, where, err);
    }
    ASC_TRY(asc_json_get_string(line, where, "goal", &goal, err));
    ASC_TRY(asc_json_get_string(line, where, "sol1", &sol[0], err));
    ASC_TRY(asc_json_get_string(line, where, "sol2", &sol[1], err));
    asc_buf_printf(&b, "Question: %s\nAnswer:", goal);
    ASC_TRY(keep_buf(&item->context, memory, &b, err));
    ASC_TRY(set_words(item, sol, 2, memory, err));
    return asc__task_label(item, line, "label", where, err);
}

/* HellaSwag's cleaning: trimmed, " [title]" to ". ", other [marks] out, pairs of spaces to one. */
static asc_status hellaswag_clean(char **out, asc_arena *memory, const char *s, asc_error *err)
{
    asc_buf marked = {0}, b = {0};
    size_t n = strlen(s);
    while (n > 0 && isspace((unsigned char)s[n - 1]))
        n--;
    for (; n > 0 && isspace((unsigned char)*s); s++)
        n--;
    for (size_t i = 0; i < n; i++) {
        if (n - i >= 8 && memcmp(s + i, " [title]", 8) == 0) {
            asc_buf_puts(&marked, ". ");
            i += 7;
        } else {
            asc_buf_putc(&marked, s[i]);
        }
    }
    asc_buf plain = {0};
    for (size_t i = 0; i < marked.len; i++) {
        const char *at = marked.data + i;
        size_t stop = *at == '[' ? strcspn(at, "]\n") : 0;
        if (*at == '[' && at[stop] == ']')
            i += stop;
        else
            asc_buf_putc(&plain, *at);
    }
    for (size_t i = 0; i < plain.len; i++) {
        asc_buf_putc(&b, plain.data[i]);
        if (plain.data[i] == ' ' && plain.data[i + 1] == ' ')
            i++;
    }
    b.oom = b.oom || marked.oom || plain.oom;
    asc_buf_clear(&marked);
    asc_buf_clear(&plain);
    return keep_buf(out, memory, &b, err);
}

static asc_status hellaswag_full(asc_task_item *item, const json_t *line, asc_arena *memory, const char *where,
                                 asc_error *err)
{
    const char *activity = NULL, *a = NULL, *second = NULL;
    json_t *endings = NULL;
    ASC_TRY(asc_json_get_string(line, where, "activity_label", &activity, err));
    ASC_TRY(asc_json_get_string(line, where, "ctx_a", &a, err));
    ASC_TRY(asc_json_get_string(line, where, "ctx_b", &second, err));
    ASC_TRY(asc_json_get_array(line, where, "endings", &endings, err));
    asc_buf b = {0};
    asc_buf_printf(&b, "%s: %s ", activity, a);
    for (size_t i = 0; second[i]; i++) {
        int c = (unsigned char)second[i];
        asc_buf_putc(&b, (char)(i == 0 ? toupper(c) : tolower(c)));
    }
    asc_status s = b.oom ? ASC_NOMEM(err) : hellaswag_clean(&item->context, memory, b.data, err);
    asc_buf_clear(&b);
    ASC_TRY(s);
    ASC_TRY(asc__task_choices(item, endings, memory, where, err));
    for (size_t i = 0; i < item->n_choices; i++)
        ASC_TRY(hellaswag_clean(&item->choices[i], memory, item->choices[i], err));
    return asc__task_label(item, line, "label", where, err);
}

static asc_status hellaswag(asc_task_item *item, const json_t *line, asc_arena *memory, const char *where,
                            asc_error *err)
{
    return has(line, "endings") ? hellaswag_full(item, line, memory, where, err)
                                : asc__task_item_own(item, line, memory, where, err);
}

static asc_status truthful(asc_task_item *item, const json_t *line, const char *targets, asc_arena *memory,
                           const char *where, asc_error *err)
{
    const char *question = NULL;
    json_t *body = NULL;
    bool full = has(line, targets);
    ASC_TRY(asc_json_get_string(line, where, full ? "question" : "context", &question, err));
    asc_buf b = {0};
    asc_buf_printf(&b, "Q: %s\nA:", question);
    ASC_TRY(keep_buf(&item->context, memory, &b, err));
    if (!full)
        return get_choices(item, line, memory, where, err);
    ASC_TRY(asc_json_get_object(line, where, targets, &body, err));
    return get_choices(item, body, memory, where, err);
}

static asc_status truthful_mc1(asc_task_item *item, const json_t *line, asc_arena *memory, const char *where,
                               asc_error *err)
{
    return truthful(item, line, "mc1_targets", memory, where, err);
}

static asc_status truthful_mc2(asc_task_item *item, const json_t *line, asc_arena *memory, const char *where,
                               asc_error *err)
{
    return truthful(item, line, "mc2_targets", memory, where, err);
}

static asc_status pubmedqa_full(asc_task_item *item, const json_t *line, asc_arena *memory, const char *where,
                                asc_error *err)
{
    static const char *const words[] = {"yes", "no", "maybe"};
    json_t *parts = NULL;
    const char *question = NULL, *decision = NULL;
    ASC_TRY(asc_json_get_array(line, where, "CONTEXTS", &parts, err));
    ASC_TRY(asc_json_get_string(line, where, "QUESTION", &question, err));
    ASC_TRY(asc_json_get_string(line, where, "final_decision", &decision, err));
    asc_buf b = {0};
    asc_buf_puts(&b, "Abstract: ");
    for (size_t i = 0; i < json_array_size(parts); i++) {
        const char *part = json_string_value(json_array_get(parts, i));
        asc_buf_printf(&b, "%s%s", i ? "\n" : "", part ? part : "");
    }
    asc_buf_printf(&b, "\nQuestion: %s\nAnswer:", question);
    ASC_TRY(keep_buf(&item->context, memory, &b, err));
    ASC_TRY(set_words(item, words, 3, memory, err));
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(words[i], decision) == 0)
            return asc__task_right(item, (int64_t)i, where, err);
    }
    return ASC_FAIL(err, ASC_EINVAL, "%s: field 'final_decision': expected yes, no or maybe, found '%s'", where,
                    decision);
}

static asc_status pubmedqa(asc_task_item *item, const json_t *line, asc_arena *memory, const char *where,
                           asc_error *err)
{
    if (has(line, "CONTEXTS"))
        return pubmedqa_full(item, line, memory, where, err);
    const char *context = NULL;
    ASC_TRY(asc_json_get_string(line, where, "context", &context, err));
    asc_buf b = {0};
    asc_buf_printf(&b, "Abstract: %s", without_prefix(context, "Abstract: "));
    ASC_TRY(keep_buf(&item->context, memory, &b, err));
    return get_choices(item, line, memory, where, err);
}

static asc_status crows_pairs(asc_task_item *item, const json_t *line, asc_arena *memory, const char *where,
                              asc_error *err)
{
    const char *sentences[2] = {NULL, NULL};
    ASC_TRY(asc_json_get_string(line, where, "sent_more", &sentences[0], err));
    ASC_TRY(asc_json_get_string(line, where, "sent_less", &sentences[1], err));
    ASC_TRY(asc__keep(&item->context, memory, "", err));
    ASC_TRY(set_words(item, sentences, 2, memory, err));
    return asc__task_right(item, 0, where, err);
}

static asc_status asdiv(asc_task_item *item, const json_t *line, asc_arena *memory, const char *where, asc_error *err)
{
    const char *body = NULL, *question = NULL, *answer = NULL;
    asc_buf b = {0};
    if (has(line, "body")) {
        ASC_TRY(asc_json_get_string(line, where, "body", &body, err));
        ASC_TRY(asc_json_get_string(line, where, "question", &question, err));
        asc_buf_printf(&b, "%s\nQuestion:%s\nAnswer:", body, question);
    } else {
        ASC_TRY(asc_json_get_string(line, where, "context", &body, err));
        /* The harness writes no space after the colon. */
        const char *mark = strstr(body, "\nQuestion: ");
        asc_buf_append(&b, body, mark ? (size_t)(mark - body) + 10 : strlen(body));
        if (mark)
            asc_buf_puts(&b, mark + 11);
    }
    ASC_TRY(keep_buf(&item->context, memory, &b, err));
    ASC_TRY(asc_json_get_string(line, where, "answer", &answer, err));
    const char *unit = strstr(answer, " (");
    asc_buf_append(&b, answer, unit ? (size_t)(unit - answer) : strlen(answer));
    char *text = NULL;
    ASC_TRY(keep_buf(&text, memory, &b, err));
    return set_single(item, text, memory, err);
}

/* LAMBADA: the last word, after the last space, is to be guessed. */
static asc_status lambada(asc_task_item *item, const json_t *line, asc_arena *memory, const char *where, asc_error *err)
{
    if (!has(line, "text"))
        return asc__task_item_own(item, line, memory, where, err);
    const char *text = NULL;
    ASC_TRY(asc_json_get_string(line, where, "text", &text, err));
    const char *space = strrchr(text, ' ');
    if (!space || !space[1])
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'text': expected a passage that ends with a word", where);
    asc_buf b = {0};
    asc_buf_append(&b, text, (size_t)(space - text));
    ASC_TRY(keep_buf(&item->context, memory, &b, err));
    return set_single(item, space + 1, memory, err);
}

/* Adding a built-in task: its function, its line here. Two spaces in worked examples of lambada and copa: the harness
 * puts its delimiter before an answer that starts with one. ASC__ONE_MORE_TASK is how a test adds its own. */
#ifndef ASC__ONE_MORE_TASK
#define ASC__ONE_MORE_TASK
#endif
const asc__task_form asc__task_forms[] = {
    {"boolq", ASC_TASK_CHOICE, " ", " ", "", boolq},
    {"hellaswag", ASC_TASK_CHOICE, " ", " ", "", hellaswag},
    {"piqa", ASC_TASK_CHOICE, " ", " ", "", piqa},
    {"truthfulqa_mc1", ASC_TASK_CHOICE, " ", " ", "", truthful_mc1},
    {"truthfulqa_mc2", ASC_TASK_MASS, " ", " ", "", truthful_mc2},
    {"pubmedqa", ASC_TASK_CHOICE, " ", " ", "", pubmedqa},
    {"crows_pairs", ASC_TASK_PAIR, "", "", "", crows_pairs},
    {"asdiv", ASC_TASK_CLOZE, "", " ", "", asdiv},
    {"lambada", ASC_TASK_CLOZE, " ", "  ", "", lambada},
    {"arc_easy", ASC_TASK_CHOICE, " ", " ", "", asc__task_arc},
    {"arc_challenge", ASC_TASK_CHOICE, " ", " ", "", asc__task_arc},
    {"openbookqa", ASC_TASK_CHOICE, " ", " ", "", asc__task_openbookqa},
    {"sciq", ASC_TASK_CHOICE, " ", " ", "", asc__task_sciq},
    {"copa", ASC_TASK_CHOICE, "  ", "  ", "", asc__task_copa},
    {"winogrande", ASC_TASK_CHOICE, " ", " ", "", asc__task_winogrande},
    {"blimp", ASC_TASK_CHOICE, " ", " ", "", asc__task_blimp},
    {"mmlu", ASC_TASK_CHOICE, " ", " ", "", asc__task_mmlu},
    ASC__ONE_MORE_TASK{NULL, ASC_TASK_CHOICE, NULL, NULL, NULL, NULL},
};

const asc__task_form *asc__task_form_find(const char *name)
{
    for (const asc__task_form *f = asc__task_forms; f->name; f++) {
        if (strcmp(f->name, name) == 0)
            return f;
    }
    return NULL;
}
