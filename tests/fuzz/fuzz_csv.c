/* Tables of runs and optima from any bytes. What is read must be writable and read back the same. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "autoscale/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_rewrite(const asc_table *t)
{
    asc_buf b = {0};
    asc_table u;
    if (asc_table_print(&b, t, NULL) != ASC_OK)
        abort();
    if (asc_table_parse(&u, "again", b.data, b.len, NULL) == ASC_OK) {
        if (u.runs.n_runs != t->runs.n_runs || u.runs.n_domains != t->runs.n_domains)
            abort();
        asc_table_clear(&u);
    } else if (t->runs.n_domains < 1000)
        abort();
    asc_buf_clear(&b);
}

static void check_numbers(const asc_table *t)
{
    const asc_runs *r = &t->runs;
    for (size_t row = 0; row < r->n_runs; row++) {
        if (!(r->total[row] > 0) || r->group[row] >= r->n_groups)
            abort();
        for (size_t i = 0; i < r->n_domains; i++)
            if (!(r->tokens[row * r->n_domains + i] >= 0))
                abort();
        for (size_t v = 0; v < r->n_targets; v++)
            if (r->loss[row * r->n_targets + v] < 0 || isinf(r->loss[row * r->n_targets + v]))
                abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    asc_table t;
    asc_optima o;
    asc_error err;
    if (asc_table_parse(&t, "fuzz", (const char *)data, n, &err) == ASC_OK) {
        check_numbers(&t);
        check_rewrite(&t);
        asc_table_clear(&t);
    }
    if (asc_optima_parse(&o, "fuzz", (const char *)data, n, NULL, &err) == ASC_OK)
        asc_optima_clear(&o);
    return 0;
}
