/* Benchmarks of multiple choice that small models are judged by, in the fields of their Hugging Face data sets. The
 * prompts are those of EleutherAI's lm-evaluation-harness 0.4 (its task files arc_easy, arc_challenge, openbookqa,
 * sciq, copa, winogrande, blimp, mmlu_continuation). */
#include "task_convert.h"

#include <ctype.h>
#include <string.h>

static asc_status keep_buf(char **out, asc_arena *memory, asc_buf *b, asc_error *err)
{
    asc_status s = b->oom ? ASC_NOMEM(err) : asc__keep(out, memory, b->data ? b->data : "", err);
    asc_buf_clear(b);
    return s;
}

static const char *without_blanks(const char *s)
{
    while (isspace((unsigned char)*s))
        s++;
    return s;
}

static size_t trimmed(const char *s)
{
    size_t n = strlen(s);
    while (n > 0 && isspace((unsigned char)s[n - 1]))
        n--;
    return n;
}

/* "choices": {"text": [..], "label": ["A", ..]}, "answerKey": "A". */
static asc_status keyed_choices(asc_task_item *item, const json_t *line, asc_arena *memory, const char *where,
                                asc_error *err)
{
    json_t *choices = NULL, *texts = NULL, *labels = NULL;
    const char *key = NULL;
    ASC_TRY(asc_json_get_object(line, where, "choices", &choices, err));
    ASC_TRY(asc_json_get_array(choices, where, "text", &texts, err));
    ASC_TRY(asc_json_get_array(choices, where, "label", &labels, err));
    ASC_TRY(asc_json_get_string(line, where, "answerKey", &key, err));
    ASC_TRY(asc__task_choices(item, texts, memory, where, err));
    key = without_blanks(key);
    for (size_t i = 0; i < json_array_size(labels); i++) {
        const char *label = json_string_value(json_array_get(labels, i));
        if (label && strcmp(label, key) == 0)
            return asc__task_right(item, (int64_t)i, where, err);
    }
    return ASC_FAIL(err, ASC_EINVAL, "%s: field 'answerKey': '%.40s' is not one of the labels", where, key);
}

asc_status asc__task_arc(asc_task_item *item, const json_t *line, asc_arena *memory, const char *where, asc_error *err)
{
    const char *question = NULL;
    asc_buf b = {0};
    ASC_TRY(asc_json_get_string(line, where, "question", &question, err));
    asc_buf_printf(&b, "Question: %s\nAnswer:", question);
    ASC_TRY(keep_buf(&item->context, memory, &b, err));
    return keyed_choices(item, line, memory, where, err);
}

asc_status asc__task_openbookqa(asc_task_item *item, const json_t *line, asc_arena *memory, const char *where,
                                asc_error *err)
{
    const char *question = NULL;
    ASC_TRY(asc_json_get_string(line, where, "question_stem", &question, err));
    ASC_TRY(asc__keep(&item->context, memory, question, err));
    return keyed_choices(item, line, memory, where, err);
}

asc_status asc__task_sciq(asc_task_item *item, const json_t *line, asc_arena *memory, const char *where, asc_error *err)
{
    static const char *const fields[] = {"distractor1", "distractor2", "distractor3", "correct_answer"};
    const char *support = NULL, *question = NULL, *text = NULL;
    asc_buf b = {0};
    ASC_TRY(asc_json_get_string(line, where, "support", &support, err));
    ASC_TRY(asc_json_get_string(line, where, "question", &question, err));
    asc_buf_printf(&b, "%s\nQuestion: %s\nAnswer:", without_blanks(support), question);
    ASC_TRY(keep_buf(&item->context, memory, &b, err));
    ASC_TRY(asc__item_choices(item, 4, memory, err));
    for (size_t i = 0; i < 4; i++) {
        ASC_TRY(asc_json_get_string(line, where, fields[i], &text, err));
        ASC_TRY(asc__keep(&item->choices[i], memory, text, err));
    }
    return asc__task_right(item, 3, where, err);
}

/* The premise goes on with because or therefore: its full stop is left out, a choice begins small. */
asc_status asc__task_copa(asc_task_item *item, const json_t *line, asc_arena *memory, const char *where, asc_error *err)
{
    static const char *const fields[] = {"choice1", "choice2"};
    const char *premise = NULL, *question = NULL, *text = NULL;
    asc_buf b = {0};
    ASC_TRY(asc_json_get_string(line, where, "premise", &premise, err));
    ASC_TRY(asc_json_get_string(line, where, "question", &question, err));
    bool cause = strcmp(question, "cause") == 0;
    if (!cause && strcmp(question, "effect") != 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'question': expected cause or effect, found '%.40s'", where,
                        question);
    premise = without_blanks(premise);
    size_t n = trimmed(premise);
    asc_buf_append(&b, premise, n > 0 ? n - 1 : 0);
    asc_buf_puts(&b, cause ? " because" : " therefore");
    ASC_TRY(keep_buf(&item->context, memory, &b, err));
    ASC_TRY(asc__item_choices(item, 2, memory, err));
    for (size_t i = 0; i < 2; i++) {
        ASC_TRY(asc_json_get_string(line, where, fields[i], &text, err));
        ASC_TRY(asc__keep(&item->choices[i], memory, text, err));
        item->choices[i][0] = (char)tolower((unsigned char)item->choices[i][0]);
    }
    return asc__task_label(item, line, "label", where, err);
}

/* The options stand in place of the _; what follows is scored after each. */
asc_status asc__task_winogrande(asc_task_item *item, const json_t *line, asc_arena *memory, const char *where,
                                asc_error *err)
{
    static const char *const fields[] = {"option1", "option2"};
    const char *sentence = NULL, *answer = NULL, *option = NULL;
    ASC_TRY(asc_json_get_string(line, where, "sentence", &sentence, err));
    ASC_TRY(asc_json_get_string(line, where, "answer", &answer, err));
    const char *gap = strchr(sentence, '_');
    if (!gap)
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'sentence': expected a _ where the options belong", where);
    int64_t right = strcmp(answer, "1") == 0 ? 0 : strcmp(answer, "2") == 0 ? 1 : -1;
    if (right < 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'answer': expected 1 or 2, found '%.40s' (test sets have none)",
                        where, answer);
    ASC_TRY(asc__item_choices(item, 2, memory, err));
    item->contexts = asc_arena_alloc(memory, 2 * sizeof *item->contexts);
    if (!item->contexts)
        return ASC_NOMEM(err);
    const char *rest = without_blanks(gap + 1);
    for (size_t i = 0; i < 2; i++) {
        asc_buf b = {0};
        ASC_TRY(asc_json_get_string(line, where, fields[i], &option, err));
        asc_buf_append(&b, sentence, (size_t)(gap - sentence));
        asc_buf_puts(&b, option);
        ASC_TRY(keep_buf(&item->contexts[i], memory, &b, err));
        asc_buf_append(&b, rest, trimmed(rest));
        ASC_TRY(keep_buf(&item->choices[i], memory, &b, err));
    }
    item->context = item->contexts[right];
    return asc__task_right(item, right, where, err);
}

asc_status asc__task_blimp(asc_task_item *item, const json_t *line, asc_arena *memory, const char *where,
                           asc_error *err)
{
    static const char *const fields[] = {"sentence_good", "sentence_bad"};
    const char *text = NULL;
    ASC_TRY(asc__keep(&item->context, memory, "", err));
    ASC_TRY(asc__item_choices(item, 2, memory, err));
    for (size_t i = 0; i < 2; i++) {
        ASC_TRY(asc_json_get_string(line, where, fields[i], &text, err));
        ASC_TRY(asc__keep(&item->choices[i], memory, text, err));
    }
    return asc__task_right(item, 0, where, err);
}

/* In cloze form: the answers' texts are scored, not their letters. */
asc_status asc__task_mmlu(asc_task_item *item, const json_t *line, asc_arena *memory, const char *where, asc_error *err)
{
    const char *question = NULL;
    json_t *choices = NULL;
    asc_buf b = {0};
    ASC_TRY(asc_json_get_string(line, where, "question", &question, err));
    ASC_TRY(asc_json_get_array(line, where, "choices", &choices, err));
    question = without_blanks(question);
    asc_buf_puts(&b, "Question: ");
    asc_buf_append(&b, question, trimmed(question));
    asc_buf_puts(&b, "\nAnswer:");
    ASC_TRY(keep_buf(&item->context, memory, &b, err));
    ASC_TRY(asc__task_choices(item, choices, memory, where, err));
    return asc__task_label(item, line, "answer", where, err);
}
