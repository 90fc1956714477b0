/* Sentences for the user, gathered on the way. */
#include <string.h>

#include "mix/mix.h"

void asc_notes_add(asc_notes *notes, const char *fmt, ...)
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
            return;
        }
    char **p = text ? asc_grow(notes->text, &notes->cap, notes->n + 1, sizeof *p) : NULL;
    if (!p) {
        asc_free(text);
        return;
    }
    notes->text = p;
    notes->text[notes->n++] = text;
}

void asc_notes_clear(asc_notes *notes)
{
    if (!notes)
        return;
    for (size_t i = 0; i < notes->n; i++)
        asc_free(notes->text[i]);
    asc_free(notes->text);
    *notes = (asc_notes){0};
}
