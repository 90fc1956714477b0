/* What the page of a law shows, computed once: the optimum, predictions, values, slices, and the law for the page. */
#include "report/report_law.h"

#include <math.h>
#include <string.h>

#include "base/base_json.h"
#include "mix/mix_slices.h"
#include "mix/mix_values.h"
#include "mix/mix_what_if.h"
#include "num/num.h"
#include "law_json.h"
#include "section_law.h"

enum { VALUE_DRAWS = 100, SLICE_DRAWS = 100, BUDGETS = 9 };

typedef struct maker {
    const asc_law_set *laws;
    const asc_law_report_opts *o;
    asc_mix_opts question;
    size_t D, V, M; /* mixtures: optimum, uniform, those given */
    const char **name;
    double *shares; /* (M,D) */
    asc_mix_result best;
    json_t *j, *told; /* the document; objective of each mixture, which the page is to find too */
    asc_error *err;
} maker;

/* ---- small pieces ---- */

static json_t *map(char *const *names, const double *x, size_t n)
{
    json_t *j = json_object();
    for (size_t i = 0; j && x && i < n; i++)
        json_object_set_new(j, names[i], asc_json_num(x[i]));
    return j;
}

static json_t *list(const double *x, size_t n)
{
    json_t *j = json_array();
    for (size_t i = 0; j && i < n; i++)
        json_array_append_new(j, asc_json_num(x[i]));
    return j;
}

static json_t *texts(char *const *x, size_t n)
{
    json_t *j = json_array();
    for (size_t i = 0; j && i < n; i++)
        json_array_append_new(j, json_string(x[i]));
    return j;
}

static json_t *pairs(char *const *names, const double *lo, const double *hi, size_t n)
{
    json_t *j = json_object();
    for (size_t i = 0; j && lo && hi && i < n; i++)
        if (isfinite(lo[i]) && isfinite(hi[i]))
            json_object_set_new(j, names[i], list((double[]){lo[i], hi[i]}, 2));
    return j;
}

static json_t *prediction(asc_prediction p)
{
    return list((double[]){p.value, p.lo, p.hi}, 3);
}

/* [value, lo, hi, p], the first three in this unit. */
static json_t *difference(asc_difference d, double unit)
{
    return list((double[]){d.value * unit, d.lo * unit, d.hi * unit, d.p_better}, 4);
}

static json_t *notes_json(const asc_notes *n)
{
    return texts(n->text, n->n);
}

/* ---- the optimum ---- */

static json_t *bounds_json(const maker *m)
{
    json_t *j = json_object();
    for (size_t i = 0; i < m->D; i++)
        if (m->best.bound[i] != ASC_FREE)
            json_object_set_new(j, m->laws->domains[i], json_string(asc_bound_name(m->best.bound[i])));
    return j;
}

/* Domains of a star whose effect lies within the noise: their share is kept near the base's, and says nothing. */
static json_t *undetermined_json(const maker *m)
{
    json_t *j = json_array();
    const asc_law *l = &m->laws->laws[0];
    for (size_t i = 0; l->undetermined && i < m->D; i++)
        if (l->undetermined[i])
            json_array_append_new(j, json_string(m->laws->domains[i]));
    return j;
}

static void add_answer(maker *m)
{
    const asc_mix_result *r = &m->best;
    const asc_law_set *s = m->laws;
    double none = NAN, tokens[m->D + 1];
    bool no = r->support.withheld;
    for (size_t i = 0; i < m->D; i++)
        tokens[i] = (double)r->tokens[i];
    json_t *a = json_object();
    json_object_set_new(a, "weights", map(s->domains, r->weights, m->D));
    json_object_set_new(a, "tokens", map(s->domains, tokens, m->D));
    json_object_set_new(a, "ci", pairs(s->domains, r->w_lo, r->w_hi, m->D));
    json_object_set_new(a, "sampled", pairs(s->domains, s->share_lo, s->share_hi, m->D));
    json_object_set_new(a, "bound", bounds_json(m));
    json_object_set_new(a, "undetermined", undetermined_json(m));
    json_object_set_new(a, "has_epochs", json_boolean(m->question.limits.available != NULL));
    json_object_set_new(a, "epochs", map(s->domains, r->epochs, m->D));
    json_object_set_new(a, "objective",
                        list((double[]){no ? none : r->predicted, no ? none : r->ci[0], no ? none : r->ci[1]}, 3));
    json_object_set_new(a, "gain",
                        list((double[]){no ? none : r->gain, no ? none : r->gain_ci[0], no ? none : r->gain_ci[1]}, 3));
    json_object_set_new(a, "p_better", asc_json_num(r->p_better));
    json_object_set_new(a, "steps_saved", asc_json_num(no ? none : r->steps_saved));
    json_object_set_new(a, "withheld", no ? json_sprintf(ASC_SAYS_WITHHELD, r->support.why) : json_null());
    json_object_set_new(a, "notes", notes_json(&r->notes));
    json_object_set_new(m->j, "answer", a);
    json_object_set_new(m->j, "params", asc_json_num(r->params));
}

static asc_status solve(maker *m)
{
    m->question.trades = true;
    ASC_TRY(asc_mix_optimum(&m->best, m->laws, &m->question, m->err));
    m->name[0] = "optimum";
    m->name[1] = "uniform";
    for (size_t i = 0; i < m->D; i++) {
        m->shares[i] = m->best.weights[i];
        m->shares[m->D + i] = 1 / (double)m->D;
    }
    for (size_t g = 0; g < m->o->n_given; g++) {
        m->name[2 + g] = m->o->given_name[g];
        memcpy(m->shares + (2 + g) * m->D, m->o->given + g * m->D, m->D * sizeof *m->shares);
    }
    add_answer(m);
    return ASC_OK;
}

/* ---- predictions for each mixture ---- */

static json_t *mixture_json(const maker *m, const asc_what_if *w, size_t k)
{
    const asc_law_set *s = m->laws;
    json_t *j = json_object(), *loss = json_object(), *against = json_object();
    for (size_t v = 0; v < m->V; v++) {
        json_object_set_new(loss, s->targets[v], prediction(w->loss[k * m->V + v]));
        json_object_set_new(against, s->targets[v], difference(w->loss_difference[(k * m->M + 1) * m->V + v], 1));
    }
    json_object_set_new(j, "name", json_string(m->name[k]));
    json_object_set_new(j, "weights", map(s->domains, m->shares + k * m->D, m->D));
    json_object_set_new(j, "loss", loss);
    json_object_set_new(j, "against_uniform", against);
    json_object_set_new(j, "objective", prediction(w->objective[k]));
    json_object_set_new(j, "objective_against_uniform", difference(w->objective_difference[k * m->M + 1], 1));
    json_object_set_new(j, "why", w->why[k] ? json_string(w->why[k]) : json_null());
    return j;
}

static asc_status add_mixtures(maker *m)
{
    asc_what_if w = {0};
    const asc_what_if_opts o = {.n_tokens = (double)m->question.n_tokens,
                                .params = m->question.params,
                                .available = m->question.limits.available,
                                .objective = m->question.objective,
                                .level = m->question.level};
    ASC_TRY(asc_what_if_predict(&w, m->laws, m->shares, m->M, &o, m->err));
    json_t *all = json_array();
    for (size_t k = 0; k < m->M; k++)
        json_array_append_new(all, mixture_json(m, &w, k));
    m->told = json_array();
    for (size_t k = 0; k < m->M; k++)
        json_array_append_new(m->told, asc_json_num(w.objective[k].value));
    json_object_set_new(m->j, "mixtures", all);
    json_object_set_new(m->j, "mixtures_notes", notes_json(&w.notes));
    asc_what_if_clear(&w);
    return ASC_OK;
}

/* ---- what domains are worth ---- */

static json_t *value_row(const maker *m, const asc_difference *row, double unit)
{
    json_t *j = json_object(), *loss = json_object();
    json_object_set_new(j, "objective", difference(row[m->V], unit));
    for (size_t v = 0; v < m->V; v++)
        if (!isnan(row[v].value))
            json_object_set_new(loss, m->laws->targets[v], difference(row[v], unit));
    json_object_set_new(j, "loss", loss);
    return j;
}

static asc_status add_values(maker *m)
{
    asc_values v = {0};
    const asc_values_opts o = {
        .n_tokens = NAN, .params = NAN, .most_draws = VALUE_DRAWS, .objective = m->question.objective};
    ASC_TRY(asc_values_of(&v, m->laws, &o, m->err));
    double unit = v.n_tokens >= 1e8 ? 1e9 : 1e6; /* of tokens: billions say nothing of runs of a few million */
    json_t *j = json_object(), *point = json_object(), *token = json_object();
    for (size_t i = 0; i < m->D; i++) {
        const char *name = m->laws->domains[i];
        json_object_set_new(point, name, value_row(m, v.per_point + i * (m->V + 1), 1));
        if (!isnan(v.per_token[i * (m->V + 1) + m->V].value))
            json_object_set_new(token, name, value_row(m, v.per_token + i * (m->V + 1), unit));
    }
    json_object_set_new(j, "weights", map(m->laws->domains, v.shares, m->D));
    json_object_set_new(j, "tokens", asc_json_num(v.n_tokens));
    json_object_set_new(j, "unit", asc_json_num(unit));
    json_object_set_new(j, "per_point", point);
    json_object_set_new(j, "per_token", token);
    json_object_set_new(m->j, "values", j);
    asc_values_clear(&v);
    return ASC_OK;
}

/* ---- the fit ---- */

static json_t *held_json(const asc_law *l)
{
    json_t *j = json_array();
    for (size_t k = 0; l->held && k < l->n_held; k++)
        json_array_append_new(j, list(l->held + 2 * k, 2));
    return j;
}

static void add_fit(maker *m)
{
    json_t *all = json_array();
    for (size_t v = 0; v < m->laws->n_laws; v++) {
        const asc_law *l = &m->laws->laws[v];
        char name[64];
        json_t *j = json_object();
        json_object_set_new(j, "name", json_string(l->target ? l->target : ""));
        json_object_set_new(j, "law", json_string(asc_law_name(l, name, sizeof name)));
        json_object_set_new(j, "cv_mre", asc_json_num(l->stats.cv_mre));
        json_object_set_new(j, "cv_spearman", asc_json_num(l->stats.cv_spearman));
        json_object_set_new(j, "forward_mre", asc_json_num(l->stats.forward_mre));
        json_object_set_new(j, "r2", asc_json_num(l->stats.r2));
        json_object_set_new(j, "noise", asc_json_num(l->stats.noise));
        json_object_set_new(j, "n_rows", json_integer((json_int_t)l->stats.n_rows));
        json_object_set_new(j, "held", held_json(l));
        json_array_append_new(all, j);
    }
    json_object_set_new(m->j, "fit", all);
}

/* Target v of the law on the runs given: [measured, predicted] of each that has it, and how far off it is. */
static json_t *measured_json(const maker *m, size_t v, const size_t *domain, size_t target)
{
    const asc_runs *t = m->o->measured;
    json_t *points = json_array();
    double tokens[m->D], sum = 0, n = 0;
    for (size_t r = 0; r < t->n_runs; r++) {
        double y = t->loss[r * t->n_targets + target];
        for (size_t i = 0; i < m->D; i++)
            tokens[i] = t->tokens[r * t->n_domains + domain[i]];
        double f = isnan(y) ? NAN : asc_law_predict(&m->laws->laws[v], tokens, t->params ? t->params[r] : NAN);
        if (isnan(f))
            continue;
        sum += fabs(f - y) / fabs(y);
        n++;
        if (json_array_size(points) < ASC_LAW_HELD)
            json_array_append_new(points, list((double[]){y, f}, 2));
    }
    return json_pack("{s:s,s:o,s:o}", "name", m->laws->targets[v], "points", points, "mre",
                     asc_json_num(n > 0 ? sum / n : NAN));
}

static size_t place_of(const char *name, char *const *names, size_t n)
{
    size_t i = 0;
    while (i < n && strcmp(names[i], name) != 0)
        i++;
    return i;
}

static asc_status add_measured(maker *m)
{
    const asc_runs *t = m->o->measured;
    size_t domain[m->D];
    if (!t || asc_law_set_of_objective(m->laws))
        return ASC_OK;
    for (size_t i = 0; i < m->D; i++)
        if ((domain[i] = place_of(m->laws->domains[i], t->domains, t->n_domains)) == t->n_domains)
            return ASC_FAIL(m->err, ASC_EINVAL, "%s: no column for domain '%s' of the law", m->o->measured_name,
                            m->laws->domains[i]);
    json_t *all = json_array();
    for (size_t v = 0; v < m->V; v++) {
        size_t target = place_of(m->laws->targets[v], t->targets, t->n_targets);
        if (target < t->n_targets)
            json_array_append_new(all, measured_json(m, v, domain, target));
    }
    json_object_set_new(m->j, "measured", all);
    json_object_set_new(m->j, "measured_name", json_string(m->o->measured_name));
    return ASC_OK;
}

/* ---- the optimum by budget ---- */

/* From the table's smallest budget to well beyond what is asked for: evenly in logarithms within the table, and on. */
static size_t budgets(const maker *m, double *at)
{
    const asc_law_set *s = m->laws;
    size_t n = 0, within = BUDGETS / 2;
    double lo = s->tokens_lo, hi = s->tokens_hi, far = fmax(30 * hi, 3 * (double)m->question.n_tokens);
    if (!(lo > 0) || !(hi > lo * 1.01))
        return 0;
    for (size_t k = 0; k < within; k++)
        at[n++] = lo * pow(hi / lo, (double)k / (double)(within - 1));
    for (size_t k = 1; k <= BUDGETS - within; k++)
        at[n++] = hi * pow(far / hi, (double)k / (double)(BUDGETS - within));
    return n;
}

static asc_status add_budgets(maker *m)
{
    double at[BUDGETS];
    size_t n = budgets(m, at);
    json_t *all = json_array();
    json_object_set_new(m->j, "budgets", all);
    for (size_t k = 0; k < n; k++) {
        asc_mix_result r = {0};
        asc_mix_opts q = m->question;
        q.n_tokens = (int64_t)at[k];
        q.progress = NULL;
        q.trades = false;
        asc_error why = {0};
        asc_status st = asc_mix_optimum(&r, m->laws, &q, &why);
        if (st == ASC_EINVAL) /* tokens that there are not */
            continue;
        if (st != ASC_OK) {
            *m->err = why;
            return st;
        }
        json_t *j = json_object();
        json_object_set_new(j, "tokens", asc_json_num((double)q.n_tokens));
        json_object_set_new(j, "weights", map(m->laws->domains, r.weights, m->D));
        json_object_set_new(j, "ci", pairs(m->laws->domains, r.w_lo, r.w_hi, m->D));
        json_object_set_new(j, "beyond", asc_json_num(r.support.tokens));
        json_object_set_new(j, "gain",
                            list((double[]){r.support.withheld ? NAN : r.gain, r.gain_ci[0], r.gain_ci[1]}, 3));
        json_array_append_new(all, j);
        asc_mix_result_clear(&r);
    }
    return ASC_OK;
}

/* ---- slices ---- */

static asc_status add_slices(maker *m)
{
    asc_slices s = {0};
    const asc_slices_opts o = {.shares = m->shares,
                               .n_tokens = (double)m->question.n_tokens,
                               .params = m->question.params,
                               .available = m->question.limits.available,
                               .objective = m->question.objective,
                               .most_draws = m->V * m->D > 500 ? SLICE_DRAWS / 4 : SLICE_DRAWS};
    ASC_TRY(asc_slices_of(&s, m->laws, &o, m->err));
    json_t *all = json_object();
    for (size_t i = 0; i < m->D; i++) {
        json_t *points = json_array();
        for (size_t k = i * ASC_SLICE_POINTS; k < (i + 1) * ASC_SLICE_POINTS && !isnan(s.share[i * ASC_SLICE_POINTS]);
             k++)
            json_array_append_new(points,
                                  list((double[]){s.share[k], s.change[k].value, s.change[k].lo, s.change[k].hi}, 4));
        json_object_set_new(all, m->laws->domains[i], points);
    }
    json_object_set_new(m->j, "slices", all);
    asc_slices_clear(&s);
    return ASC_OK;
}

/* ---- what the page computes with ---- */

static json_t *objective_json(const asc_objective *o)
{
    static const char *const kinds[] = {[ASC_OBJ_MEAN_LOSS] = "mean",
                                        [ASC_OBJ_MEAN_PPL] = "ppl",
                                        [ASC_OBJ_WORST] = "worst",
                                        [ASC_OBJ_WEIGHTS] = "weights"};
    json_t *weights = o->weights ? list(o->weights, o->n_targets) : json_null();
    return json_pack("{s:s,s:o}", "kind", kinds[o->kind], "weights", weights);
}

/* null where unlimited */
static json_t *limits_json(const double *x, size_t n)
{
    return x ? list(x, n) : json_null();
}

static json_t *ask_json(const maker *m)
{
    const asc_mix_opts *q = &m->question;
    double level = q->level > 0 ? q->level : .9, epochs[m->D];
    json_t *j = json_object();
    for (size_t i = 0; i < m->D; i++)
        epochs[i] = asc_limits_epochs(&q->limits, i);
    json_object_set_new(j, "tokens", asc_json_num((double)q->n_tokens));
    json_object_set_new(j, "params", asc_json_num(q->params));
    json_object_set_new(j, "objective", objective_json(q->objective ? q->objective : &m->laws->objective));
    json_object_set_new(j, "level", json_real(level));
    json_object_set_new(j, "z", json_real(asc_student_quantile(level, INFINITY)));
    json_object_set_new(j, "lo", limits_json(q->limits.lo, m->D));
    json_object_set_new(j, "hi", limits_json(q->limits.hi, m->D));
    json_object_set_new(j, "available", limits_json(q->limits.available, m->D));
    json_object_set_new(j, "epochs", q->limits.available ? list(epochs, m->D) : json_null());
    return j;
}

/* Names for the page's sentences and the file that it gives. */
static json_t *words_json(const maker *m)
{
    json_t *j = json_object(), *trainers = json_array();
    for (const char *const *t = asc__trainers; *t; t++)
        json_array_append_new(trainers, json_string(*t));
    json_object_set_new(j, "title", json_string(m->o->title));
    json_object_set(j, "objective", json_object_get(m->j, "objective"));
    json_object_set_new(j, "trainers", trainers);
    return j;
}

static asc_status add_page(maker *m)
{
    json_t *law = NULL, *starts = json_array(), *accuracies = json_array();
    size_t kept = 0, draws = asc_law_set_n_draws(m->laws);
    asc_status st = asc__law_for_page(&law, &kept, m->laws, ASC_LAW_PAGE_BYTES, m->err);
    for (size_t k = 0; st == ASC_OK && k < m->M; k++)
        json_array_append_new(starts,
                              json_pack("{s:s,s:o}", "name", m->name[k], "shares", list(m->shares + k * m->D, m->D)));
    for (size_t v = 0; st == ASC_OK && v < m->V; v++)
        json_array_append_new(accuracies, json_boolean(asc_target_is_accuracy(m->laws->targets[v])));
    json_t *page = st == ASC_OK ? json_object() : NULL;
    json_object_set_new(page, "law", law);
    json_object_set_new(page, "ask", page ? ask_json(m) : NULL);
    json_object_set_new(page, "starts", starts);
    json_object_set_new(page, "accuracies", accuracies);
    json_object_set_new(page, "told", m->told);
    m->told = NULL;
    json_object_set_new(page, "words", page ? words_json(m) : NULL);
    json_object_set_new(page, "draws", json_pack("{s:I,s:I}", "kept", (json_int_t)kept, "all", (json_int_t)draws));
    json_object_set_new(m->j, "page", page);
    return st;
}

/* ---- the document ---- */

static asc_status add_head(maker *m)
{
    const asc_law_set *s = m->laws;
    char word[300];
    const asc_objective *o = m->question.objective ? m->question.objective : &s->objective;
    const asc_target_names names = {s->targets, s->n_targets, s->domains, s->n_domains};
    asc_objective_word(o, &names, word, sizeof word);
    json_object_set_new(m->j, "title", json_string(m->o->title));
    json_object_set_new(m->j, "law", json_string(s->law));
    json_object_set_new(m->j, "chosen", json_boolean(s->chosen));
    json_object_set_new(m->j, "objective", json_string(word));
    json_object_set_new(m->j, "unit", json_string(o->kind == ASC_OBJ_MEAN_PPL ? "perplexity" : "nats per token"));
    json_object_set_new(m->j, "n_rows", json_integer((json_int_t)s->n_rows));
    json_object_set_new(m->j, "n_runs", json_integer((json_int_t)s->n_runs));
    json_object_set_new(m->j, "domains", texts(s->domains, m->D));
    json_object_set_new(m->j, "targets", texts(s->targets, m->V));
    json_object_set_new(m->j, "tokens", asc_json_num((double)m->question.n_tokens));
    json_object_set_new(m->j, "sampled_tokens", list((double[]){s->tokens_lo, s->tokens_hi}, 2));
    json_object_set_new(m->j, "sampled_params", list((double[]){s->params_lo, s->params_hi}, 2));
    json_object_set_new(m->j, "notes", texts(s->notes.text, s->notes.n));
    return ASC_OK;
}

static asc_status fill(maker *m)
{
    static asc_status (*const steps[])(maker *) = {add_head,    solve,      add_mixtures, add_values,
                                                   add_budgets, add_slices, add_measured, add_page};
    m->name = asc_calloc(m->M, sizeof *m->name);
    m->shares = asc_calloc(m->M * m->D, sizeof *m->shares);
    m->j = json_object();
    if (!m->name || !m->shares || !m->j)
        return ASC_NOMEM(m->err);
    for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
        ASC_TRY(steps[k](m));
        if (asc_interrupted())
            return ASC_FAIL(m->err, ASC_EINTR, "interrupted");
    }
    add_fit(m);
    return asc_json_whole(m->err);
}

asc_status asc_report_law_document(json_t **out, const asc_law_set *laws, const asc_law_report_opts *o, asc_error *err)
{
    maker m = {.laws = laws,
               .o = o,
               .question = *o->question,
               .D = laws->n_domains,
               .V = laws->n_targets,
               .M = 2 + o->n_given};
    m.err = err;
    asc_status st = fill(&m);
    if (st == ASC_OK)
        *out = m.j;
    else
        json_decref(m.j);
    asc_mix_result_clear(&m.best);
    json_decref(m.told);
    asc_free(m.name);
    asc_free(m.shares);
    return st;
}
