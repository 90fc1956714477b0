/* The table of rivals: a new one is a file that defines its row, and one line here. */
#include "rivals.h"

#include <stdio.h>
#include <string.h>

static const asc_rival *const table[] = {&asc__rival_unimax, &asc__rival_regmix, &asc__rival_dml, &asc__rival_olmix};
enum { N_RIVALS = sizeof table / sizeof *table };

const asc_rival *asc_rival_at(size_t i)
{
    return i < N_RIVALS ? table[i] : NULL;
}

const asc_rival *asc_rival_named(const char *name)
{
    for (size_t i = 0; i < N_RIVALS; i++)
        if (strcmp(table[i]->name, name) == 0)
            return table[i];
    return NULL;
}

char *asc_rival_list(char *buf, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i < N_RIVALS && at < n; i++)
        at += (size_t)snprintf(buf + at, n - at, "%s%s", i ? ", " : "", table[i]->name);
    return buf;
}
