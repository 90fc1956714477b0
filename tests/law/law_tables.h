/* A reader of the published tables for the tests of the room law, which may not use the room table. */
#ifndef LAW_TABLES_H
#define LAW_TABLES_H

#include "law/law.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline char *next_cell(char **at)
{
    char *start = *at;
    if (!start)
        return NULL;
    char *end = start + strcspn(start, ",\r\n");
    *at = *end == ',' ? end + 1 : NULL;
    *end = 0;
    return start;
}

/* weight_ or tokens_ columns, tokens, params, run, loss_ or ppl_; false if the file is not there. */
static inline bool read_table(asc_runs *out, const char *path)
{
    char *text, *names[256];
    size_t n, n_cells = 0, D = 0, V = 0, rows = 0;
    if (asc_read_file(path, 1 << 26, &text, &n, NULL) != ASC_OK)
        return false;
    char *line = strtok(text, "\n"), *at = line;
    for (char *c; (c = next_cell(&at)) && n_cells < 256;) {
        names[n_cells++] = c;
        D += strncmp(c, "weight_", 7) == 0 || strncmp(c, "tokens_", 7) == 0;
        V += strncmp(c, "loss_", 5) == 0 || strncmp(c, "ppl_", 4) == 0;
    }
    char *lines[8192];
    while (rows < 8192 && (line = strtok(NULL, "\n")))
        lines[rows++] = line;
    if (asc_runs_init(out, rows, D, V, NULL) != ASC_OK)
        abort();
    for (size_t r = 0; r < rows; r++) {
        size_t d = 0, v = 0;
        double run = (double)r;
        at = lines[r];
        for (size_t k = 0; k < n_cells; k++) {
            char *c = next_cell(&at);
            double x = c && *c ? strtod(c, NULL) : NAN;
            const char *h = names[k];
            if (strncmp(h, "weight_", 7) == 0 || strncmp(h, "tokens_", 7) == 0) {
                if (!out->domains[d])
                    out->domains[d] = asc_strdup(h + 7);
                out->tokens[r * D + d++] = x;
            } else if (strncmp(h, "loss_", 5) == 0 || strncmp(h, "ppl_", 4) == 0) {
                bool ppl = h[0] == 'p';
                if (!out->targets[v])
                    out->targets[v] = asc_strdup(h + (ppl ? 4 : 5));
                out->loss[r * V + v++] = ppl ? log(x) : x;
            } else if (strcmp(h, "tokens") == 0)
                out->total[r] = x;
            else if (strcmp(h, "params") == 0)
                out->params[r] = x;
            else if (strcmp(h, "run") == 0)
                run = x;
        }
        double sum = 0;
        for (size_t i = 0; i < D; i++)
            sum += out->tokens[r * D + i];
        for (size_t i = 0; i < D && out->total[r] > 0; i++)
            out->tokens[r * D + i] *= out->total[r] / sum;
        if (!(out->total[r] > 0))
            out->total[r] = sum;
        out->group[r] = (size_t)run;
        out->n_groups = out->group[r] + 1 > out->n_groups ? out->group[r] + 1 : out->n_groups;
    }
    asc_free(text);
    return true;
}

/* n rows drawn with a seed. */
static inline asc_runs draw_rows(const asc_runs *t, size_t n, uint64_t seed)
{
    size_t *row = calloc(t->n_runs, sizeof *row);
    asc_runs out;
    asc_rng rng;
    asc_rng_init(&rng, seed, "test draw", 0);
    for (size_t i = 0; i < t->n_runs; i++)
        row[i] = i;
    for (size_t i = 0; i < n; i++) {
        size_t j = i + asc_rng_below(&rng, t->n_runs - i), k = row[i];
        row[i] = row[j];
        row[j] = k;
    }
    if (asc_runs_select(&out, t, row, n, NULL) != ASC_OK)
        abort();
    free(row);
    return out;
}

/* One thread, no draws, no trees. */
static inline asc_law_opts quick(const char *law)
{
    asc_law_opts o;
    asc_law_opts_init(&o);
    o.law = law;
    o.n_bootstrap = 0;
    o.n_threads = 1;
    o.no_trees = true;
    return o;
}

#endif
