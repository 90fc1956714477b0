/* Sentences for the user, gathered on the way. */
#include <assert.h>
#include <string.h>

#include "spec/spec_notes.h"

static const struct {
    const char *name, *sentence;
} table[] = {
#define ASC_NOTE_ROW(id, code, sentence) {code, sentence},
    ASC_NOTES(ASC_NOTE_ROW)
#undef ASC_NOTE_ROW
};

const char *asc_note_code_name(asc_note_code code)
{
    assert(code < ASC_N_NOTES);
    return table[code].name;
}

bool asc_note_code_parse(const char *name, asc_note_code *out)
{
    for (int i = 0; i < ASC_N_NOTES; i++)
        if (strcmp(table[i].name, name) == 0) {
            *out = (asc_note_code)i;
            return true;
        }
    return false;
}

const char *asc_note_sentence(asc_note_code code)
{
    assert(code < ASC_N_NOTES);
    return table[code].sentence;
}

/* For one more; both arrays grow together, by the same rule. */
static bool make_room(asc_notes *n)
{
    size_t cap = n->cap;
    char **text = asc_grow(n->text, &cap, n->n + 1, sizeof *text);
    n->text = text ? text : n->text;
    asc_note_code *code = text ? asc_reallocarray(n->code, cap, sizeof *code) : NULL;
    n->code = code ? code : n->code;
    if (code)
        n->cap = cap;
    return code != NULL;
}

bool asc_notes_add_as(asc_notes *notes, asc_note_code code, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *text = n >= 0 ? asc_malloc((size_t)n + 1) : NULL;
    if (text)
        vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    for (size_t i = 0; text && i < notes->n; i++)
        if (strcmp(notes->text[i], text) == 0) {
            asc_free(text);
            return true;
        }
    if (text && make_room(notes)) {
        notes->text[notes->n] = text;
        notes->code[notes->n++] = code;
        return true;
    }
    asc_free(text);
    return false;
}

void asc_notes_copy(asc_notes *to, const asc_notes *from, const char *prefix)
{
    for (size_t i = 0; i < from->n; i++)
        asc_notes_add_as(to, from->code[i], "%s%s", prefix, from->text[i]);
}

bool asc_notes_have(const asc_notes *notes, asc_note_code code)
{
    for (size_t i = 0; i < notes->n; i++)
        if (notes->code[i] == code)
            return true;
    return false;
}

void asc_notes_clear(asc_notes *notes)
{
    if (!notes)
        return;
    for (size_t i = 0; i < notes->n; i++)
        asc_free(notes->text[i]);
    asc_free(notes->text);
    asc_free(notes->code);
    *notes = (asc_notes){0};
}
