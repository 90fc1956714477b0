/*
 * From a table of runs to the best mixture at a budget: read, fit, optimise, write.
 *
 *     cc fit_table.c $(pkg-config --cflags --libs autoscale) -o fit_table
 *     ./fit_table runs.csv 1e9 mixture.json
 *
 * runs.csv beside this file was made by a formula, with noise: 24 runs on three domains.
 */
#include <autoscale/autoscale.h>

#include <stdio.h>
#include <stdlib.h>

static int failed(const char *what, const asc_error *err)
{
    fprintf(stderr, "%s: %s\n", what, err->msg);
    return err->code == ASC_EINTR ? 130 : 1;
}

static void print(const asc_laws *laws, const asc_optimum *best)
{
    printf("law: %s\n", asc_laws_name(laws));
    for (size_t i = 0; i < best->n_domains; i++)
        printf("%-8s %6.2f %%  %12lld tokens  [%.2f, %.2f] %%\n", asc_laws_domain(laws, i), 100 * best->shares[i],
               (long long)best->tokens[i], 100 * best->share_lo[i], 100 * best->share_hi[i]);
    printf("mean loss %.4f nats per token, uniform %.4f, P(better) %.2f\n", best->objective, best->uniform,
           best->p_better);
    for (size_t k = 0; k < best->n_notes; k++)
        printf("note: %s\n", best->notes[k]);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: fit_table RUNS.csv TOKENS MIX.json\n");
        return 2;
    }
    asc_error err = {ASC_OK, ""};
    asc_table *table = NULL;
    asc_laws *laws = NULL;
    const asc_optimum *best = NULL;
    asc_mixture *mixture = NULL;
    asc_fit_options fit = {sizeof fit}; /* all else: the defaults */
    asc_optimize_options at = {sizeof at};
    int rc = 0;
    at.tokens = (int64_t)atof(argv[2]);
    if (asc_table_load(&table, argv[1], &err) != ASC_OK || asc_laws_fit(&laws, table, &fit, &err) != ASC_OK)
        rc = failed("fit", &err);
    else if (asc_laws_optimize(&best, laws, &at, &err) != ASC_OK)
        rc = failed("optimize", &err);
    else if (asc_optimum_mixture(&mixture, best, laws, &at, &err) != ASC_OK ||
             asc_mixture_save(mixture, argv[3], &err) != ASC_OK)
        rc = failed("write", &err);
    else
        print(laws, best);
    asc_mixture_free(mixture);
    asc_optimum_free(best);
    asc_laws_free(laws);
    asc_table_free(table);
    return rc;
}
