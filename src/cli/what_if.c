/* autoscale what-if: predicted losses of given mixtures, and how they differ. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "mix/mix_what_if.h"
#include "mixing.h"

enum { MAX_MIXTURES = 32 };

typedef struct question {
    asc_law_set laws;
    asc_objective objective;
    asc_cli_limits limits;
    size_t n, n_given; /* mixtures, and those of --mix, which come first */
    char *name[MAX_MIXTURES];
    double *shares; /* (MAX_MIXTURES, D) */
    asc_what_if_opts opts;
} question;

static void clear(question *q)
{
    asc_law_set_clear(&q->laws);
    asc_objective_clear(&q->objective);
    asc__cli_limits_clear(&q->limits);
    for (size_t m = 0; m < q->n; m++)
        asc_free(q->name[m]);
    asc_free(q->shares);
}

/* ---- mixtures ---- */

static double *row(const question *q, size_t m)
{
    return q->shares + m * q->laws.n_domains;
}

static asc_status read_mixture(question *q, const char *text, asc_error *err)
{
    ASC_TRY(asc__cli_mixture(row(q, q->n), text, &q->laws, q->limits.available, err));
    q->name[q->n] = asc_strdup(text);
    if (!q->name[q->n])
        return ASC_NOMEM(err);
    q->n++;
    return ASC_OK;
}

/* May a share give way to those that --set names? Not one that is named, nor one that never varied in the table, as
 * long as others can: what it would change is not known. */
static bool gives_way(const question *q, const double *set, size_t i, bool all)
{
    return isnan(set[i]) && (all || q->laws.share_hi[i] - q->laws.share_lo[i] > 1e-9);
}

static double sum_of_giving(const question *q, size_t of, const double *set, bool all)
{
    double sum = 0;
    for (size_t i = 0; i < q->laws.n_domains; i++)
        sum += gives_way(q, set, i, all) ? row(q, of)[i] : 0;
    return sum;
}

/* Mixture `of` with the shares that --set names, the others in their proportions. */
static asc_status set_shares(question *q, size_t of, const double *set, const char *said, asc_error *err)
{
    size_t D = q->laws.n_domains;
    double *w = row(q, q->n), kept = 0, named = 0;
    bool all = sum_of_giving(q, of, set, false) <= 0;
    double giving = sum_of_giving(q, of, set, all);
    for (size_t i = 0; i < D; i++) {
        named += isnan(set[i]) ? 0 : set[i];
        kept += isnan(set[i]) && !gives_way(q, set, i, all) ? row(q, of)[i] : 0;
    }
    if (named + kept > 1 + 1e-12 && kept > 0) { /* no room beside those that never varied: they give way too */
        all = true;
        kept = 0;
        giving = sum_of_giving(q, of, set, true);
    }
    if (named > 1 + 1e-12)
        return ASC_FAIL(err, ASC_EINVAL, "--set: the shares sum to %.6g, more than 1", named);
    if (giving <= 0 && named + kept < 1 - 1e-12)
        return ASC_FAIL(err, ASC_EINVAL, "--set: no other domain of '%s' has a share that could grow", q->name[of]);
    for (size_t i = 0; i < D; i++)
        w[i] = !isnan(set[i])               ? set[i]
               : !gives_way(q, set, i, all) ? row(q, of)[i]
               : giving > 0                 ? row(q, of)[i] / giving * (1 - named - kept)
                                            : 0;
    q->name[q->n] = asc_strf("%s with %s", q->name[of], said);
    if (!q->name[q->n])
        return ASC_NOMEM(err);
    q->n++;
    return ASC_OK;
}

static asc_status read_sets(question *q, const asc_cli_args *a, asc_error *err)
{
    size_t D = q->laws.n_domains, n = q->n;
    asc_buf said = {0};
    if (!asc__cli_has(a, "set"))
        return ASC_OK;
    if (2 * n > MAX_MIXTURES)
        return ASC_FAIL(err, ASC_EINVAL, "--mix: more than %d mixtures, those of --set included", MAX_MIXTURES);
    double *set = asc_calloc(D, sizeof *set);
    asc_status st = set ? ASC_OK : ASC_NOMEM(err);
    for (size_t i = 0; set && i < D; i++)
        set[i] = NAN;
    for (size_t k = 0; st == ASC_OK && asc__cli_nth(a, "set", k); k++) {
        const char *text = asc__cli_nth(a, "set", k);
        st = asc__cli_inline_shares(set, "set", text, q->laws.domains, D, err);
        asc_buf_printf(&said, "%s%s", k ? "," : "", text);
    }
    if (st == ASC_OK && said.oom)
        st = ASC_NOMEM(err);
    for (size_t m = 0; st == ASC_OK && m < n; m++)
        st = set_shares(q, m, set, said.data, err);
    asc_buf_clear(&said);
    asc_free(set);
    return st;
}

static asc_status read_mixtures(question *q, const asc_cli_args *a, asc_error *err)
{
    q->shares = asc_calloc(MAX_MIXTURES * q->laws.n_domains, sizeof *q->shares);
    if (!q->shares)
        return ASC_NOMEM(err);
    for (size_t k = 0; asc__cli_nth(a, "mix", k); k++) {
        if (q->n == MAX_MIXTURES)
            return ASC_FAIL(err, ASC_EINVAL, "--mix: more than %d mixtures", MAX_MIXTURES);
        ASC_TRY(read_mixture(q, asc__cli_nth(a, "mix", k), err));
    }
    if (q->n == 0)
        return ASC_FAIL(err, ASC_EINVAL, "--mix A is required: a file, uniform, natural, base, or NAME=SHARE,..");
    q->n_given = q->n;
    return read_sets(q, a, err);
}

static asc_status read_question(question *q, const asc_cli_args *a, asc_error *err)
{
    const char *objective = asc__cli_get(a, "objective");
    ASC_TRY(asc_law_read(&q->laws, asc__cli_file(a, 0), err));
    ASC_TRY(asc__cli_limits(&q->limits, NULL, a, q->laws.domains, q->laws.n_domains, err));
    if (objective) {
        const asc_target_names names = {q->laws.targets, q->laws.n_targets, q->laws.domains, q->laws.n_domains};
        ASC_TRY(asc_objective_read(&q->objective, objective, &names, err));
        q->opts.objective = &q->objective;
    }
    q->opts.params = NAN;
    ASC_TRY(asc__cli_double(a, "params", &q->opts.params, err));
    if (asc__cli_has(a, "params") && !(q->opts.params > 0))
        return ASC_FAIL(err, ASC_EINVAL, "--params: expected a number > 0, found %g", q->opts.params);
    q->opts.n_tokens = (double)q->limits.n_tokens;
    q->opts.available = q->limits.available;
    return read_mixtures(q, a, err);
}

/* ---- JSON ---- */

static json_t *prediction_json(asc_prediction p)
{
    json_t *j = json_object();
    json_object_set_new(j, "predicted", asc_json_num(p.value));
    json_object_set_new(j, "ci", asc__cli_interval(p.lo, p.hi));
    return j;
}

static json_t *target_json(asc_prediction p, const char *target)
{
    json_t *j = prediction_json(p);
    if (!asc_target_is_accuracy(target))
        return j;
    json_object_set_new(j, "accuracy", isnan(p.value) ? json_null() : json_real(asc_accuracy_of_loss(p.value)));
    json_object_set_new(j, "accuracy_ci",
                        asc__cli_interval(isnan(p.hi) ? NAN : asc_accuracy_of_loss(p.hi),
                                          isnan(p.lo) ? NAN : asc_accuracy_of_loss(p.lo)));
    return j;
}

static json_t *difference_json(asc_difference d)
{
    json_t *j = json_object();
    json_object_set_new(j, "difference", asc_json_num(d.value));
    json_object_set_new(j, "ci", asc__cli_interval(d.lo, d.hi));
    json_object_set_new(j, "p_better", asc_json_num(d.p_better));
    return j;
}

static double epochs(const question *q, size_t m, size_t i)
{
    double unique = q->limits.available ? q->limits.available[i] : INFINITY;
    return isfinite(unique) ? row(q, m)[i] * q->opts.n_tokens / unique : NAN;
}

static json_t *mixture_json(const question *q, const asc_what_if *r, size_t m)
{
    const asc_law_set *s = &q->laws;
    json_t *j = json_object(), *loss = json_object(), *outside = json_object(), *seen = json_object();
    json_object_set_new(j, "name", json_string(q->name[m]));
    json_object_set_new(j, "weights", asc__cli_map(s->domains, row(q, m), s->n_domains));
    for (size_t v = 0; v < s->n_targets; v++)
        json_object_set_new(loss, s->targets[v], target_json(r->loss[m * s->n_targets + v], s->targets[v]));
    json_object_set_new(j, "loss", loss);
    json_object_set_new(j, "objective", prediction_json(r->objective[m]));
    for (size_t i = 0; i < s->n_domains; i++) {
        double x = r->beyond[m * s->n_domains + i];
        if (x > 1)
            json_object_set_new(outside, s->domains[i], asc_json_num(x));
        if (!isnan(epochs(q, m, i)))
            json_object_set_new(seen, s->domains[i], json_real(epochs(q, m, i)));
    }
    json_object_set_new(j, "extrapolated", outside);
    json_object_set_new(j, "epochs", seen);
    json_object_set_new(j, "why", r->why[m] ? json_string(r->why[m]) : json_null());
    return j;
}

static json_t *differences_json(const question *q, const asc_what_if *r)
{
    const asc_law_set *s = &q->laws;
    json_t *list = json_array();
    for (size_t a = 0; a < q->n; a++)
        for (size_t b = a + 1; b < q->n; b++) { /* of the later one to the earlier */
            json_t *j = json_object(), *loss = json_object();
            json_object_set_new(j, "mixture", json_string(q->name[b]));
            json_object_set_new(j, "against", json_string(q->name[a]));
            json_object_set_new(j, "objective", difference_json(r->objective_difference[b * q->n + a]));
            for (size_t v = 0; v < s->n_targets; v++)
                json_object_set_new(loss, s->targets[v],
                                    difference_json(r->loss_difference[(b * q->n + a) * s->n_targets + v]));
            json_object_set_new(j, "loss", loss);
            json_array_append_new(list, j);
        }
    return list;
}

static json_t *axes_json(const asc_what_if *r)
{
    json_t *j = json_object();
    if (r->tokens_beyond > 1)
        json_object_set_new(j, "tokens", asc_json_num(r->tokens_beyond));
    if (r->params_beyond > 1)
        json_object_set_new(j, "params", asc_json_num(r->params_beyond));
    return j;
}

static asc_status print_json(const question *q, const asc_what_if *r, asc_error *err)
{
    const asc_objective *o = q->opts.objective ? q->opts.objective : &q->laws.objective;
    const asc_target_names names = {q->laws.targets, q->laws.n_targets, q->laws.domains, q->laws.n_domains};
    json_t *j = json_object(), *mixtures = json_array();
    json_object_set_new(j, "law", json_string(q->laws.law));
    json_object_set_new(j, "tokens", asc_json_tally(q->opts.n_tokens));
    json_object_set_new(j, "params", asc_json_num(r->params));
    json_object_set_new(j, "objective", asc_objective_to_json(o, &names));
    for (size_t m = 0; m < q->n; m++)
        json_array_append_new(mixtures, mixture_json(q, r, m));
    json_object_set_new(j, "mixtures", mixtures);
    json_object_set_new(j, "differences", differences_json(q, r));
    json_object_set_new(j, "extrapolated", axes_json(r));
    json_object_set_new(j, "notes", asc__cli_notes(&r->notes));
    asc_status st = asc__cli_print_json(j, err);
    json_decref(j);
    return st;
}

/* ---- for people ---- */

static void print_prediction(asc_prediction p, bool accuracy)
{
    char figure[32], range[64];
    if (accuracy && !isnan(p.value)) {
        double lo = p.lo;
        p.value = asc_accuracy_of_loss(p.value);
        p.lo = isnan(p.hi) ? NAN : asc_accuracy_of_loss(p.hi);
        p.hi = isnan(lo) ? NAN : asc_accuracy_of_loss(lo);
    }
    printf("  %8s  %-18s", asc__cli_figure(p.value, 4, figure), asc__cli_range(p.lo, p.hi, 4, range));
}

static void print_difference(asc_difference d)
{
    char range[64], p[32];
    printf("  %+9.4f  %-20s  %6s\n", d.value, asc__cli_range(d.lo, d.hi, 4, range), asc__cli_figure(d.p_better, 3, p));
}

static void print_shares(const question *q, const asc_what_if *r, size_t m)
{
    const asc_law_set *s = &q->laws;
    int width = asc__cli_width(s->domains, s->n_domains, 6);
    printf("\n");
    asc__cli_print_name(q->name[m], 0);
    printf("\n");
    for (size_t i = 0; i < s->n_domains; i++) {
        double out = r->beyond[m * s->n_domains + i];
        printf("  ");
        asc__cli_print_name(s->domains[i], width);
        printf("  %6.2f %%", 100 * row(q, m)[i]);
        if (!isnan(epochs(q, m, i)))
            printf("  %.3g epochs", epochs(q, m, i));
        if (isinf(out))
            printf("  outside the sampled range (at least %.2f %%)", 100 * s->share_lo[i]);
        else if (out > 1)
            printf("  %.3gx beyond the sampled range (%.2f to %.2f %%)", out, 100 * s->share_lo[i],
                   100 * s->share_hi[i]);
        putchar('\n');
    }
}

static void print_losses(const question *q, const asc_what_if *r, size_t m, const char *objective)
{
    const asc_law_set *s = &q->laws;
    size_t V = s->n_targets;
    int width = asc__cli_width(s->targets, V, 9);
    if (r->why[m]) {
        printf("  not predicted: %s\n", r->why[m]);
        return;
    }
    printf("  %-*s  %8s  %-18s\n", width, "target", "loss", "90 %");
    for (size_t v = 0; v < V && !isnan(r->loss[m * V].value); v++) {
        printf("  ");
        asc__cli_print_name(s->targets[v], width);
        print_prediction(r->loss[m * V + v], asc_target_is_accuracy(s->targets[v]));
        putchar('\n');
    }
    printf("  ");
    asc__cli_print_name(objective, width);
    print_prediction(r->objective[m], false);
    putchar('\n');
}

static void print_differences(const question *q, const asc_what_if *r, size_t a, size_t b, const char *objective)
{
    const asc_law_set *s = &q->laws;
    size_t V = s->n_targets;
    int width = asc__cli_width(s->targets, V, 9);
    printf("\n");
    asc__cli_print_name(q->name[b], 0);
    printf(" vs. ");
    asc__cli_print_name(q->name[a], 0);
    printf(" (negative is better)\n  %-*s  %9s  %-20s  %s\n", width, "target", "change", "90 %", "P(better)");
    for (size_t v = 0; v < V; v++) {
        asc_difference d = r->loss_difference[(b * q->n + a) * V + v];
        if (isnan(d.value))
            continue;
        printf("  ");
        asc__cli_print_name(s->targets[v], width);
        print_difference(d);
    }
    printf("  ");
    asc__cli_print_name(objective, width);
    print_difference(r->objective_difference[b * q->n + a]);
}

static void print_people(const question *q, const asc_what_if *r)
{
    char objective[300], n[24];
    const asc_objective *o = q->opts.objective ? q->opts.objective : &q->laws.objective;
    const asc_target_names names = {q->laws.targets, q->laws.n_targets, q->laws.domains, q->laws.n_domains};
    asc_objective_word(o, &names, objective, sizeof objective);
    printf("law %s, %s tokens", q->laws.law, asc_format_count(q->opts.n_tokens, n));
    if (isfinite(r->params))
        printf(", %s parameters", asc_format_count(r->params, n));
    putchar('\n');
    for (size_t m = 0; m < q->n; m++) {
        print_shares(q, r, m);
        print_losses(q, r, m, objective);
    }
    for (size_t b = 1; b < q->n; b++) /* --set's to the mixture that each was made of */
        print_differences(q, r, b < q->n_given ? 0 : b - q->n_given, b, objective);
    putchar('\n');
    asc__cli_print_notes(r->notes.text, r->notes.n);
}

static asc_status run_what_if(const asc_cli_args *a, asc_error *err)
{
    question q = {0};
    asc_what_if r = {0};
    asc_status st = read_question(&q, a, err);
    if (st == ASC_OK)
        st = asc__cli_blame(asc__cli_file(a, 0), asc_what_if_predict(&r, &q.laws, q.shares, q.n, &q.opts, err), err);
    if (st == ASC_OK && asc__cli_json(a))
        st = print_json(&q, &r, err);
    else if (st == ASC_OK)
        print_people(&q, &r);
    asc_what_if_clear(&r);
    clear(&q);
    return st;
}

static const asc_cli_option options[] = {
    {"tokens", 't', "N", "the budget in tokens"},
    {"params", 'p', "P", "model size in parameters (default: the largest in the table)"},
    {"mix", 'm', "A", "a mixture: MIX.json or {domain: share}, uniform, natural, base, or NAME=SHARE,.. (repeatable)"},
    {"set", 0, "NAME=SHARE", "evaluate each mixture also with this share, the others in proportion (repeatable)"},
    {"objective", 0, "O", ASC_CLI_OBJECTIVES " (default: as fitted)"},
    {"available", 'a', "FILE|NAME=TOKENS", "unique tokens by domain: shows epochs and discounts repeated tokens"},
    {0},
};

const asc_cli_command asc__cli_what_if = {
    .name = "what-if",
    .usage = "LAW.json --tokens N --mix A [--mix B …] [options]",
    .summary = "predict the losses of given mixtures, and their differences",
    .options = options,
    .min_files = 1,
    .max_files = 1,
    .run = run_what_if,
};
