/* Tables of runs and optima from any bytes. What is read must be writable and read back the same. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "table/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Text that is kept may look like decimals with a comma, and turn a table of whole numbers into one that has them. */
static bool text_with_commas(const asc_table *t)
{
    for (size_t i = 0; i < t->runs.n_runs * t->n_unknown; i++)
        if (strchr(t->unknown_cell[i], ','))
            return true;
    for (size_t i = 0; i < t->runs.n_runs; i++)
        if (strchr(t->run[i], ','))
            return true;
    return false;
}

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
    } else if (t->runs.n_domains < 1000 && !text_with_commas(t))
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
            if ((r->loss[row * r->n_targets + v] < 0 && !asc_target_is_accuracy(r->targets[v])) ||
                isinf(r->loss[row * r->n_targets + v]))
                abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    asc_table t;
    asc_optima o;
    asc_error err;
    static const char *const maps[] = {"tokens=1B", "weight=*/mix/*", "loss=*loss", "ignore=*_x"};
    asc_table_layout l = {0};
    asc_table_opts opts = {0};
    for (opts.n_map = 0; opts.n_map < 2; opts.n_map++) { /* as it is; with one of the maps */
        opts.map = &maps[n % 4];
        if (asc_table_parse_opts(&t, &l, "fuzz", (const char *)data, n, &opts, &err) == ASC_OK) {
            check_numbers(&t);
            if (opts.n_map == 0)
                check_rewrite(&t);
            asc_table_clear(&t);
        }
        asc_table_layout_clear(&l);
    }
    if (asc_optima_parse(&o, "fuzz", (const char *)data, n, NULL, &err) == ASC_OK)
        asc_optima_clear(&o);
    return 0;
}
