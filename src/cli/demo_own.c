#include "demo_own.h"

#include <math.h>
#include <string.h>

#include "mixing.h"
#include "law/law.h"
#include "store/store_summary.h"

/* Mean over the domains' own held-out text of one mixture's runs at the target; NAN where none ended. */
static double measured(const asc_summary *s, const char *mixture)
{
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < s->target.n_mixtures; i++) {
        const asc_summary_mixture *m = &s->target.mixtures[i];
        for (size_t k = 0; strcmp(m->name, mixture) == 0 && k < m->n_runs; k++)
            for (size_t d = 0; d < s->n_domains; d++, n++)
                sum += m->runs[k].loss ? m->runs[k].loss[d] : NAN;
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

static void print_optimum(const asc_mix_result *m, char *const *domains)
{
    printf("  best mixture for it, from the same runs:");
    for (size_t i = 0; i < m->n_domains; i++) {
        printf("%s ", i ? "," : "");
        asc__cli_print_name(domains[i], 0);
        printf(" %.0f %%", 100 * m->weights[i]);
    }
    printf("\n  expected gain over uniform: %.4f", m->gain);
    if (isfinite(m->gain_ci[0]) && isfinite(m->gain_ci[1]))
        printf(" (90 %%: %.4f to %.4f)", m->gain_ci[0], m->gain_ci[1]);
    if (isfinite(m->p_better))
        printf(", P(better) %.2f", m->p_better);
    bool better = m->p_better >= .95 && m->gain_ci[0] > 0;
    puts(better ? "" : ": these runs cannot tell it from uniform");
}

static asc_status ask(const asc_runs *runs, const asc_summary *summary, asc_error *err)
{
    const asc_target_names names = {runs->targets, runs->n_targets, runs->domains, runs->n_domains};
    asc_objective objective = {0};
    asc_law_opts lo;
    asc_mix_opts mo;
    asc_law_set laws = {0};
    asc_mix_result best = {0};
    ASC_TRY(asc_objective_parse_word(&objective, "mean-domains", &names, err));
    asc_law_opts_init(&lo);
    lo.objective = &objective;
    lo.n_threads = asc_cpu_count();
    asc_mix_opts_init(&mo);
    mo.n_tokens = (int64_t)summary->target.tokens;
    mo.n_threads = lo.n_threads;
    asc_status st = asc_law_fit(&laws, runs, &lo, err);
    if (st == ASC_OK)
        st = asc_mix_optimum(&best, &laws, &mo, err);
    if (st == ASC_OK) {
        printf("\nIf the objective were mean-domains, the mean over the domains' own text:\n");
        print_optimum(&best, runs->domains);
        print_measured(summary);
    }
    asc_mix_result_clear(&best);
    asc_law_set_clear(&laws);
    asc_objective_clear(&objective);
    return st;
}

asc_status asc__demo_own_mean(const char *dir, asc_error *err)
{
    char *path = asc_path_join(dir, "runs.csv");
    asc_table t = {0};
    asc_runs runs = {0};
    asc_summary *summary = NULL;
    asc_error why = {0};
    asc_store *store = NULL;
    asc_status st = path ? asc_store_open_readonly(&store, dir, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = asc_store_get_summary(&summary, store, err);
    asc_store_close(store);
    if (st == ASC_OK)
        st = asc_table_read(&t, path, err);
    if (st == ASC_OK)
        st = asc_table_evidence(&runs, &t, err);
    if (st == ASC_OK && summary && summary->target.known)
        st = ask(&runs, summary, &why);
    if (why.msg[0] && (st == ASC_ENOMEM || st == ASC_EINTR)) {
        *err = why;
    } else if (why.msg[0]) {
        printf("\nNo estimate for mean-domains: %s\n", why.msg);
        st = ASC_OK;
    }
    asc_runs_clear(&runs);
    asc_table_clear(&t);
    asc_summary_free(summary);
    asc_free(path);
    return st;
}
