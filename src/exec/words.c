/* A line of words as a shell would read it, and placeholders in them. */
#include "words.h"

#include <string.h>

/* One word at *p into b; *p behind it. False on an open quote. */
static bool take_word(asc_buf *b, const char **p)
{
    char quote = 0;
    for (; **p && (quote || !strchr(" \t\n", **p)); (*p)++) {
        char c = **p;
        if (quote == '\'' ? c == '\'' : quote == '"' && c == '"')
            quote = 0;
        else if (!quote && (c == '\'' || c == '"'))
            quote = c;
        else if (c == '\\' && quote != '\'' && (*p)[1] && (!quote || strchr("\"\\$`", (*p)[1])))
            asc_buf_putc(b, *++*p);
        else
            asc_buf_putc(b, c);
    }
    return !quote;
}

asc_status asc__split_words(char ***out, const char *line, asc_error *err)
{
    char **words = asc_calloc(1, sizeof *words);
    size_t n = 0, cap = 1;
    asc_status st = words ? ASC_OK : ASC_NOMEM(err);
    for (const char *p = line + strspn(line, " \t\n"); st == ASC_OK && *p; p += strspn(p, " \t\n")) {
        asc_buf b = {0};
        asc_buf_puts(&b, "");
        bool closed = take_word(&b, &p);
        char **more = b.oom ? NULL : asc_grow(words, &cap, n + 2, sizeof *words);
        if (more) {
            words = more;
            words[n++] = b.data ? b.data : asc_strdup("");
            words[n] = NULL;
        } else
            asc_buf_clear(&b);
        if (!more || !words[n - 1])
            st = ASC_NOMEM(err);
        else if (!closed)
            st = ASC_FAIL(err, ASC_EINVAL, "unterminated quote in '%.200s'", line);
    }
    if (st == ASC_OK && n == 0)
        st = ASC_FAIL(err, ASC_EINVAL, "no command in '%.200s'", line);
    if (st == ASC_OK)
        *out = words;
    else {
        for (size_t i = 0; words && i < n; i++)
            asc_free(words[i]);
        asc_free(words);
    }
    return st;
}

char *asc__fill_in(const char *text, const asc_launch_value *values, size_t n)
{
    asc_buf b = {0};
    asc_buf_puts(&b, "");
    for (const char *p = text; *p;) {
        size_t i = 0, len = 0;
        for (; *p == '{' && i < n; i++) {
            len = strlen(values[i].name);
            if (strncmp(p + 1, values[i].name, len) == 0 && p[1 + len] == '}')
                break;
        }
        if (*p == '{' && i < n) {
            asc_buf_puts(&b, values[i].text);
            p += len + 2;
        } else
            asc_buf_putc(&b, *p++);
    }
    if (!b.oom && b.data)
        return b.data;
    asc_buf_clear(&b);
    return NULL;
}

void asc_launch_values_of(asc_launch_value *out, const char *const *names, char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (asc_launch_value){names[i], texts[i]};
}
