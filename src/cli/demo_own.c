#include "demo_own.h"

#include <math.h>
#include <string.h>

#include "mixing.h"
#include "law/law.h"
#include "num/num.h"
#include "store/store_summary.h"

/* Mean over the domains of a run's losses, which stand first. */
static double own_mean(const double *loss, size_t D)
{
    double sum = 0;
    for (size_t d = 0; d < D; d++)
        sum += loss[d];
    return sum / (double)D;
}

/* Mean over the domains' own held-out text of one mixture's runs at the target; NAN where none ended. */
static double measured(const asc_summary *s, const char *mixture)
{
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < s->target.n_mixtures; i++) {
        const asc_summary_mixture *m = &s->target.mixtures[i];
        for (size_t k = 0; strcmp(m->name, mixture) == 0 && k < m->n_runs; k++, n++)
            sum += m->runs[k].loss ? own_mean(m->runs[k].loss, s->n_domains) : NAN;
    }
    return n ? sum / (double)n : NAN;
}

static void print_measured(const asc_summary *s)
{
    const char *answer = s->answer.known ? s->answer.name : NULL;
    double a = answer ? measured(s, answer) : NAN, b = measured(s, "uniform");
    if (answer && isfinite(a) && isfinite(b) && strcmp(answer, "uniform") != 0)
        printf("  the mixture above, trained: %.4f; uniform: %.4f (%+.4f)\n", a, b, a - b);
}

static const double *losses_of(const asc_store_run *rows, size_t n, const char *id)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(rows[i].id, id) == 0 && rows[i].state == ASC_RUN_DONE && rows[i].result)
            return rows[i].result->loss;
    return NULL;
}

/* Standard deviation of merged - trained in the mean over the domains, over the mixtures that have both; NAN: fewer
 * than two. */
static double disagreement(const asc_summary *summary, const asc_store_run *rows, size_t n_rows)
{
    const asc_summary_search *search = &summary->search;
    asc_moments m = {0};
    for (size_t i = 0; i < search->n_checks; i++) {
        const asc_summary_check *c = &search->checks[i];
        const double *real = c->run ? losses_of(rows, n_rows, c->run) : NULL;
        const double *merged = c->merged_run ? losses_of(rows, n_rows, c->merged_run) : NULL;
        if (real && merged)
            asc_moments_add(&m, own_mean(merged, summary->n_domains) - own_mean(real, summary->n_domains));
    }
    return asc_moments_sd(&m);
}

static void print_optimum(const asc_mix_result *m, char *const *domains, double spread)
{
    printf("  best mixture for it, by the same merged models:");
    for (size_t i = 0; i < m->n_domains; i++) {
        printf("%s ", i ? "," : "");
        asc__cli_print_name(domains[i], 0);
        printf(" %.0f %%", 100 * m->weights[i]);
    }
    printf("\n  expected gain over uniform: %.4f", m->gain);
    if (isfinite(m->gain_ci[0]) && isfinite(m->gain_ci[1]))
        printf(" (90 %%: %.4f to %.4f)", m->gain_ci[0], m->gain_ci[1]);
    if (isfinite(spread))
        printf("; merged and trained branches differ by %.4f around their mean", spread);
    /* Two mixtures are compared, each as far off as merged models are. */
    bool better = m->p_better >= .95 && m->gain_ci[0] > 0 && m->gain > 1.645 * sqrt(2) * spread;
    puts(better ? "" : ": these runs cannot tell it from uniform");
}

static asc_status find_optimum(asc_mix_result *out, const asc_runs *merged, asc_error *err)
{
    const asc_target_names names = {merged->targets, merged->n_targets, merged->domains, merged->n_domains};
    asc_objective objective = {0};
    asc_law_opts lo;
    asc_mix_opts mo;
    asc_law_set laws = {0};
    asc_status st = asc_objective_parse_word(&objective, "mean-domains", &names, err);
    asc_law_opts_init(&lo);
    lo.objective = &objective;
    lo.n_threads = asc_cpu_count();
    asc_mix_opts_init(&mo);
    mo.n_threads = lo.n_threads;
    mo.n_tokens = (int64_t)merged->total[0];
    mo.trust = 1; /* shares that merged models have: beyond them they say nothing */
    if (st == ASC_OK)
        st = asc_law_fit(&laws, merged, &lo, err);
    if (st == ASC_OK)
        st = asc_mix_optimum(out, &laws, &mo, err);
    asc_law_set_clear(&laws);
    asc_objective_clear(&objective);
    return st;
}

static asc_status ask(const asc_runs *merged, const asc_summary *summary, const asc_store_run *rows, size_t n_rows,
                      asc_error *err)
{
    asc_mix_result best = {0};
    asc_status st = find_optimum(&best, merged, err);
    if (st == ASC_OK) {
        printf("\nIf the objective were mean-domains, the mean over the domains' own text:\n");
        print_optimum(&best, merged->domains, disagreement(summary, rows, n_rows));
        print_measured(summary);
    }
    asc_mix_result_clear(&best);
    return st;
}

/* names: of the study, as its results are to be read. */
static asc_status read_study(asc_summary **summary, asc_store_run **rows, size_t *n, const char *dir,
                             const asc_store_names *names, asc_error *err)
{
    asc_store *store = NULL;
    ASC_TRY(asc_store_open_readonly(&store, dir, err));
    asc_store_set_names(store, names);
    asc_status st = asc_store_get_summary(summary, store, err);
    if (st == ASC_OK)
        st = asc_store_runs(rows, n, store, err);
    asc_store_close(store);
    return st;
}

asc_status asc__demo_own_mean(const char *dir, asc_error *err)
{
    char *path = asc_path_join(dir, "merges-1.csv");
    asc_table t = {0};
    asc_runs merged = {0};
    asc_summary *summary = NULL;
    asc_store_run *rows = NULL;
    size_t n_rows = 0;
    asc_error why = {0};
    asc_status st = path ? asc_table_read(&t, path, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = asc_table_evidence(&merged, &t, err);
    if (st == ASC_OK) {
        const asc_store_names names = {merged.n_domains, merged.n_targets, merged.domains, merged.targets};
        st = read_study(&summary, &rows, &n_rows, dir, &names, err);
    }
    if (st == ASC_OK && summary && summary->target.known)
        st = ask(&merged, summary, rows, n_rows, &why);
    if (why.msg[0] && (st == ASC_ENOMEM || st == ASC_EINTR)) {
        *err = why;
    } else if (why.msg[0]) {
        printf("\nNo estimate for mean-domains: %s\n", why.msg);
        st = ASC_OK;
    }
    asc_runs_clear(&merged);
    asc_table_clear(&t);
    asc_store_runs_free(rows, n_rows);
    asc_summary_free(summary);
    asc_free(path);
    return st;
}
