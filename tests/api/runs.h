/* A table of runs for the tests of the library: three domains, two targets, by a formula. */
#ifndef API_RUNS_H
#define API_RUNS_H

#include <math.h>
#include <stdio.h>

#include "autoscale/autoscale.h"

enum { D = 3, V = 2, R = 24 };

typedef struct run_table {
    double tokens[R * D], losses[R * V];
    char text[R * 160 + 200]; /* the same as CSV */
} run_table;

static const char *const domain_names[D] = {"web", "code", "books"}, *const target_names[V] = {"web", "code"};

/* which: another world for another number. */
static inline void runs_make(run_table *t, int which)
{
    int at = sprintf(t->text, "tokens_web,tokens_code,tokens_books,loss_web,loss_code\n");
    unsigned state = 1 + (unsigned)which;
    for (int r = 0; r < R; r++) {
        double w[D], sum = 0, budget = 1e8 * (1 << r % 3);
        for (int i = 0; i < D; i++) {
            state = state * 1664525u + 1013904223u;
            sum += w[i] = .1 + (double)(state >> 8) / (1 << 24);
        }
        for (int i = 0; i < D; i++)
            t->tokens[r * D + i] = floor(budget * w[i] / sum);
        const double *n = t->tokens + (long)r * D;
        t->losses[r * V] = 2 + .1 * which + 3 * pow((n[0] + .2 * n[2]) / 1e6, -.3);
        t->losses[r * V + 1] = 1.3 + 2.5 * pow((n[1] + .1 * n[0]) / 1e6, -.25) + .001 * (r % 5);
        at += sprintf(t->text + at, "%.0f,%.0f,%.0f,%.17g,%.17g\n", n[0], n[1], n[2], t->losses[r * V],
                      t->losses[r * V + 1]);
    }
}

static inline asc_table_arrays runs_arrays(const run_table *t)
{
    asc_table_arrays a = {.size = sizeof a, .n_rows = R, .n_domains = D, .n_targets = V};
    a.domains = domain_names;
    a.targets = target_names;
    a.tokens = t->tokens;
    a.losses = t->losses;
    return a;
}

#endif
