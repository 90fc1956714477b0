/* The table of rivals: a new one is a file that defines its row, and one line here. */
#include "rivals.h"

#include <stdio.h>
#include <string.h>

static const asc_rival *const table[] = {&asc__rival_doremi, &asc__rival_doge,   &asc__rival_odm,
                                         &asc__rival_ado,    &asc__rival_regmix, &asc__rival_dml,
                                         &asc__rival_olmix,  &asc__rival_aioli,  &asc__rival_unimax};
enum { N_RIVALS = sizeof table / sizeof *table };

size_t asc__no_state(const asc_online_run *r)
{
    return 0;
}

void asc__even_weights(double *state, double *w, const asc_online_run *r)
{
    for (size_t i = 0; i < r->n_domains; i++)
        w[i] = 1 / (double)r->n_domains;
}

const asc_rival *asc_rival_named(const char *name)
{
    for (size_t i = 0; i < N_RIVALS; i++)
        if (strcmp(table[i]->name, name) == 0)
            return table[i];
    return NULL;
}

const asc_online *asc_online_named(const char *name)
{
    const asc_rival *r = asc_rival_named(name);
    return r ? r->online : NULL;
}

int64_t asc_online_measured(const asc_online *o, const asc_online_run *r)
{
    int64_t n = 0;
    for (int64_t s = 0; o->wants_losses && s < r->n_steps; s++)
        n += o->wants_losses(r, s);
    return n;
}

char *asc_rival_list(char *buf, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i < N_RIVALS && at < n; i++)
        at += (size_t)snprintf(buf + at, n - at, "%s%s", i ? ", " : "", table[i]->name);
    return buf;
}
