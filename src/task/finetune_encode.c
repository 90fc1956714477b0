/* Examples: BERT's [CLS] a [SEP] b [SEP] with segments 0 and 1; GPT-2's a <end> b <end>. */
#include <string.h>

#include "finetune_parts.h"

void asc__examples_clear(asc__examples *e)
{
    asc_arena_clear(&e->memory);
    asc_free(e->x);
    *e = (asc__examples){0};
}

/* Ids in a buffer that grows. */
typedef struct id_buf {
    int32_t *ids;
    size_t n, cap;
} id_buf;

static asc_status encode_text(id_buf *b, const asc__sequencer *q, const char *text, size_t n, asc_error *err)
{
    return n ? asc_encode(q->encoder, text, n, &b->ids, &b->n, &b->cap, err) : ASC_OK;
}

static asc__example *next_example(asc__examples *e)
{
    asc__example *x = asc_grow(e->x, &e->cap, e->n + 1, sizeof *x);
    if (!x)
        return NULL;
    e->x = x;
    x[e->n] = (asc__example){.label = -1};
    return &x[e->n];
}

/* Tokens that belong to no text. */
static int n_marks(const asc__sequencer *q, bool pair)
{
    return (q->bert ? 1 : 0) + 1 + pair;
}

static void put(asc__example *x, int32_t id, int32_t segment)
{
    x->ids[x->n] = id;
    x->segments[x->n++] = segment;
}

/* The sequence of a (n_a) and, with b not NULL, b (n_b). */
static asc_status assemble(asc__example *x, asc_arena *memory, const asc__sequencer *q, const int32_t *a, size_t n_a,
                           const int32_t *b, size_t n_b, asc_error *err)
{
    size_t room = n_a + n_b + 3;
    x->ids = asc_arena_alloc(memory, room * sizeof *x->ids);
    x->segments = asc_arena_alloc(memory, room * sizeof *x->segments);
    if (!x->ids || !x->segments)
        return ASC_NOMEM(err);
    if (q->bert)
        put(x, q->cls, 0);
    for (size_t i = 0; i < n_a; i++)
        put(x, a[i], 0);
    put(x, q->sep, 0);
    x->first = x->n;
    for (size_t i = 0; i < n_b; i++)
        put(x, b[i], 1);
    if (b)
        put(x, q->sep, 1);
    return ASC_OK;
}

/* The longer of the two loses its end first, as the reference does. */
static void truncate_pair(size_t *n_a, size_t *n_b, size_t room)
{
    while (*n_a + *n_b > room) {
        if (*n_a > *n_b)
            --*n_a;
        else
            --*n_b;
    }
}

static asc_status encode_row(asc__examples *out, const asc__sequencer *q, const asc_glue_row *row, id_buf *a, id_buf *b,
                             asc_error *err)
{
    asc__example *x = next_example(out);
    if (!x)
        return ASC_NOMEM(err);
    a->n = b->n = 0;
    ASC_TRY(encode_text(a, q, row->first, strlen(row->first), err));
    if (row->second)
        ASC_TRY(encode_text(b, q, row->second, strlen(row->second), err));
    size_t n_a = a->n, n_b = b->n;
    truncate_pair(&n_a, &n_b, (size_t)(q->max_length - n_marks(q, row->second != NULL)));
    static const int32_t empty = 0;
    const int32_t *second = row->second ? (b->ids ? b->ids : &empty) : NULL;
    ASC_TRY(assemble(x, &out->memory, q, a->ids, n_a, second, n_b, err));
    x->label = row->label;
    x->score = row->score;
    out->n++;
    return ASC_OK;
}

asc_status asc__encode_glue(asc__examples *out, const asc__sequencer *q, const asc_glue_set *set, size_t limit,
                            asc_error *err)
{
    id_buf a = {0}, b = {0};
    asc_status s = ASC_OK;
    for (size_t i = 0; s == ASC_OK && i < set->n && (!limit || i < limit); i++)
        s = encode_row(out, q, &set->rows[i], &a, &b, err);
    asc_free(a.ids);
    asc_free(b.ids);
    return s;
}

/* ---- SQuAD ---- */

static bool is_blank(char c)
{
    return c == ' ' || (c >= 9 && c <= 13);
}

static asc_status split_words(asc__passage *p, asc_arena *memory, const char *text, asc_error *err)
{
    size_t n = strlen(text);
    p->begin = asc_arena_alloc(memory, (n / 2 + 2) * sizeof *p->begin);
    p->end = asc_arena_alloc(memory, (n / 2 + 2) * sizeof *p->end);
    if (!p->begin || !p->end)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < n;) {
        if (is_blank(text[i])) {
            i++;
            continue;
        }
        size_t j = i;
        while (j < n && !is_blank(text[j]))
            j++;
        p->begin[p->n_words] = (int32_t)i;
        p->end[p->n_words++] = (int32_t)j;
        i = j;
    }
    return ASC_OK;
}

/* A passage as tokens, each with its word. Words are encoded one by one: BERT cuts at white space first, and GPT-2's
 * tokens do not cross a blank either; there each word but the first takes its blank along. */
typedef struct passage_ids {
    id_buf tokens;
    int32_t *words;
    size_t cap_words;
} passage_ids;

static asc_status encode_passage(passage_ids *out, const asc__sequencer *q, const asc__passage *p, const char *text,
                                 asc_error *err)
{
    out->tokens.n = 0;
    for (size_t w = 0; w < p->n_words; w++) {
        size_t begin = (size_t)p->begin[w], before = out->tokens.n;
        if (!q->bert && begin > 0 && text[begin - 1] == ' ')
            begin--;
        ASC_TRY(encode_text(&out->tokens, q, text + begin, (size_t)p->end[w] - begin, err));
        int32_t *words = asc_grow(out->words, &out->cap_words, out->tokens.n + 1, sizeof *words);
        if (!words)
            return ASC_NOMEM(err);
        out->words = words;
        for (size_t t = before; t < out->tokens.n; t++)
            words[t] = (int32_t)w;
    }
    return ASC_OK;
}

/* The answer's tokens inside a window [from, from + n) of the passage's; 0, 0 when it is not whole there. */
static void mark_answer(asc__example *x, const asc_squad_item *item, const asc__passage *p)
{
    int n = x->n - 1 - x->first, start = 0, end = 0;
    if (item->n_answers == 0 || item->starts[0] < 0)
        return;
    int32_t lo = (int32_t)item->starts[0], hi = lo + (int32_t)strlen(item->answers[0]);
    bool begins = false, ends = false;
    for (int t = 0; t < n; t++) {
        int32_t w = x->words[t];
        bool inside = p->end[w] > lo && p->begin[w] < hi;
        if (!inside)
            continue;
        if (!start)
            start = x->first + t;
        end = x->first + t;
        begins = begins || p->begin[w] <= lo;
        ends = ends || p->end[w] >= hi;
    }
    if (begins && ends) {
        x->start = start;
        x->end = end;
    }
}

static asc_status add_window(asc__examples *out, const asc__sequencer *q, const asc_squad_item *item, size_t number,
                             const id_buf *question, size_t n_question, const passage_ids *p, size_t from, size_t n,
                             asc_error *err)
{
    asc__example *x = next_example(out);
    if (!x)
        return ASC_NOMEM(err);
    ASC_TRY(assemble(x, &out->memory, q, question->ids, n_question, p->tokens.ids + from, n, err));
    int32_t *words = asc_arena_alloc(&out->memory, (n + 1) * sizeof *words);
    if (!words)
        return ASC_NOMEM(err);
    memcpy(words, p->words + from, n * sizeof *words);
    x->words = words;
    x->item = number;
    mark_answer(x, item, &out->passages[number]);
    out->n++;
    return ASC_OK;
}

static asc_status encode_item(asc__examples *out, const asc__sequencer *q, const asc_squad_item *item, size_t number,
                              id_buf *question, passage_ids *p, asc_error *err)
{
    asc__passage *passage = &out->passages[number];
    question->n = 0;
    ASC_TRY(encode_text(question, q, item->question, strlen(item->question), err));
    ASC_TRY(split_words(passage, &out->memory, item->context, err));
    ASC_TRY(encode_passage(p, q, passage, item->context, err));
    size_t n_question = question->n < 64 ? question->n : 64, marks = (size_t)n_marks(q, true);
    if (n_question + marks + 8 > (size_t)q->max_length)
        n_question = (size_t)q->max_length > marks + 8 ? (size_t)q->max_length - marks - 8 : 0;
    size_t room = (size_t)q->max_length - marks - n_question, stride = room / 2 ? room / 2 : 1;
    for (size_t from = 0; from == 0 || from + room < p->tokens.n + stride; from += stride) {
        size_t left = p->tokens.n > from ? p->tokens.n - from : 0;
        if (left == 0)
            break;
        ASC_TRY(add_window(out, q, item, number, question, n_question, p, from, left < room ? left : room, err));
    }
    return ASC_OK;
}

asc_status asc__encode_squad(asc__examples *out, const asc__sequencer *q, const asc_squad_set *set, size_t limit,
                             asc_error *err)
{
    id_buf question = {0};
    passage_ids p = {0};
    out->passages = asc_arena_alloc(&out->memory, (set->n + 1) * sizeof *out->passages);
    asc_status s = out->passages ? ASC_OK : ASC_NOMEM(err);
    for (size_t i = 0; s == ASC_OK && i < set->n && (!limit || i < limit); i++)
        s = encode_item(out, q, &set->items[i], i, &question, &p, err);
    asc_free(question.ids);
    asc_free(p.tokens.ids);
    asc_free(p.words);
    return s;
}
