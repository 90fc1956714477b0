/* The summary: what the study knows, filled into the struct that is kept and shown (store/store_summary.h). */
#include "steps.h"

#include <math.h>
#include <string.h>

#include "num/num.h"

/* ---- domains ---- */

/* Names are copied: a summary outlives its study. */
static void put_names(asc_summary *o, const asc__study *s)
{
    const asc__mixture *a = s->answer.known ? &s->mixtures[s->answer.mixture] : NULL;
    for (size_t i = 0; i < s->D; i++) {
        asc_summary_domain *d = &o->domains[i];
        double tokens = a ? (double)a->tokens[i] : s->reference[i] * s->spec->target_tokens;
        *d = asc__domain_report(s, i);
        d->name = asc_summary_text(o, s->spec->domain_names[i]);
        d->max_epochs = s->max_epochs[i];
        d->epochs_at_target = tokens / s->epoch_tokens[i];
    }
    for (size_t v = 0; v < s->V; v++)
        o->targets[v] = asc_summary_text(o, s->spec->target_names[v]);
}

static double *numbers(asc_summary *o, const asc__study *s, const double *x)
{
    return asc_summary_numbers(o, x, s->D);
}

static double *counts(asc_summary *o, const asc__study *s, const int64_t *n)
{
    double *x = n ? asc_summary_alloc(o, s->D * sizeof *x) : NULL;
    for (size_t i = 0; x && i < s->D; i++)
        x[i] = (double)n[i];
    return x;
}

/* ---- scales ---- */

typedef struct of_scale {
    const asc__study *s;
    size_t scale;
} of_scale;

static bool is_base(const asc_store_run *r, const void *ctx)
{
    const of_scale *of = ctx;
    return r->kind == ASC_KIND_BASE && asc__at_scale(of->s, r, of->scale);
}

/* The first run of a scale that is done with more (up) or less of a domain, or NULL. */
static const asc_store_run *star_run(const asc__study *s, size_t scale, asc_run_kind kind, const char *domain)
{
    for (size_t i = 0; i < s->n_runs; i++) {
        const asc_store_run *r = &s->runs[i];
        if (asc__at_scale(s, r, scale) && r->kind == kind && asc__run_losses(r) && r->domain &&
            strcmp(r->domain, domain) == 0)
            return r;
    }
    return NULL;
}

/* (D,V) loss - mean loss of the base; NULL before there is a base. */
static double *changes(asc_summary *o, const asc__study *s, size_t scale, asc_run_kind kind)
{
    double *mean = asc_summary_alloc(o, s->V * sizeof *mean), *x = asc_summary_alloc(o, s->D * s->V * sizeof *x);
    if (!mean || !x || asc__mean_losses(mean, s, is_base, &(of_scale){s, scale}) == 0)
        return NULL;
    for (size_t i = 0; i < s->D; i++) {
        const asc_store_run *r = star_run(s, scale, kind, s->spec->domain_names[i]);
        for (size_t v = 0; v < s->V; v++)
            x[i * s->V + v] = r ? r->result->loss[v] - mean[v] : NAN;
    }
    return x;
}

/* a, b, c and exact roots by domain, of the law's params [J0, a(D), b(D), c(D)]: NaN where a star has too few points,
 * for what the law holds there was only begun with. */
static void put_fit(asc_summary_scale *c, asc_summary *o, const asc__study *s, const asc_law *l)
{
    size_t D = s->D;
    c->a = numbers(o, s, l->params + 1);
    c->b = numbers(o, s, l->params + 1 + D);
    c->c = numbers(o, s, l->params + 1 + 2 * D);
    c->roots = asc_summary_alloc(o, D * sizeof *c->roots);
    for (size_t i = 0; c->a && c->b && c->c && c->roots && i < D; i++) {
        c->roots[i] = l->roots ? l->roots[i] : NAN;
        if (l->undetermined && l->undetermined[i] && l->roots && l->roots[i] < 0)
            c->a[i] = c->b[i] = c->c[i] = NAN;
    }
}

static asc_summary_points *star_points(asc_summary *o, const asc__study *s, const asc_ddo_star *star)
{
    asc_summary_points *p = star->x ? asc_summary_alloc(o, s->D * sizeof *p) : NULL;
    for (size_t i = 0; p && i < s->D; i++)
        p[i] = (asc_summary_points){.n = star->n_points[i],
                                    .x = asc_summary_numbers(o, star->x[i], star->n_points[i]),
                                    .y = asc_summary_numbers(o, star->y[i], star->n_points[i])};
    return p;
}

static void put_scale(asc_summary_scale *c, asc_summary *o, const asc__study *s, const asc__scale *sc)
{
    const asc_mix_result *m = &sc->optimum;
    *c = (asc_summary_scale){.tokens = sc->tokens,
                             .params = asc_scale_shares_budget(s->spec, sc->k)
                                           ? asc__size_params(asc__size_of(s, asc__size_at_scale(s, sc->k)))
                                           : 0,
                             .base = counts(o, s, sc->base),
                             .factor = s->spec->factor,
                             .factor_down = s->spec->down,
                             .up = changes(o, s, sc->k, ASC_KIND_UP),
                             .down = changes(o, s, sc->k, ASC_KIND_DOWN),
                             .fitted = sc->fitted};
    asc_notes_copy(&c->notes, &sc->notes, "");
    if (!sc->fitted)
        return;
    c->noise = sc->law.noise;
    put_fit(c, o, s, &sc->law.laws[0]);
    c->points = star_points(o, s, &sc->star);
    c->optimum = numbers(o, s, m->weights);
    c->ci = asc_summary_intervals(o, m->w_lo, m->w_hi, s->D);
    c->predicted = m->predicted;
    c->uniform_objective = m->uniform;
    asc_notes_copy(&c->notes, &sc->law.notes, "");
    asc_notes_copy(&c->notes, &m->notes, "");
}

static void put_scales(asc_summary *o, const asc__study *s)
{
    size_t n = s->scales ? s->spec->n_scales : 0;
    o->scales = n ? asc_summary_alloc(o, n * sizeof *o->scales) : NULL;
    for (; o->scales && o->n_scales < n; o->n_scales++)
        put_scale(&o->scales[o->n_scales], o, s, &s->scales[o->n_scales]);
}

/* ---- prediction ---- */

static double beyond(double factor)
{
    return factor > 1.001 ? factor : NAN;
}

static asc_summary_expected expected(asc_summary *o, const asc__study *s, const asc__mixture *m)
{
    const asc_expected *e = &m->expected;
    return (asc_summary_expected){.known = !isnan(e->value),
                                  .law = s->has_joint ? asc_summary_text(o, s->joint_law.law) : NULL,
                                  .objective = e->value,
                                  .ci = {e->lo, e->hi},
                                  .gain = e->gain,
                                  .gain_ci = {e->gain_lo, e->gain_hi},
                                  .p_better = e->p_better,
                                  .beyond_tokens = beyond(e->support.tokens),
                                  .beyond_params = beyond(e->support.params),
                                  .beyond_shares = beyond(e->support.shares)};
}

/* The rule from the last scale to a thousand times the target, four steps per decade: how its weights move. */
static void put_ladder(asc_summary *o, const asc__study *s)
{
    asc_summary_prediction *p = &o->prediction;
    double first = s->optima.tokens[s->optima.n_scales - 1], last = s->spec->target_tokens * 1000;
    size_t most = 0;
    for (double n = first; n <= last * 1.0001; n *= pow(10, .25))
        most++;
    p->ladder = asc_summary_alloc(o, most * sizeof *p->ladder);
    for (double n = first; p->ladder && n <= last * 1.0001; n *= pow(10, .25)) {
        asc_rule_result r = {0};
        asc_error ignored;
        asc_rule_opts ask = {.n_tokens = (int64_t)n, .limits = {.lo = s->spec->min, .hi = s->spec->max}, .point = true};
        if (asc_rule_predict(&r, &s->optima, &ask, &ignored) == ASC_OK)
            p->ladder[p->n_ladder++] = (asc_summary_step){floor(n), numbers(o, s, r.weights)};
        asc_rule_result_clear(&r);
    }
}

static void put_candidates(asc_summary *o, const asc__study *s)
{
    asc_summary_prediction *p = &o->prediction;
    p->candidates = asc_summary_alloc(o, s->n_mixtures * sizeof *p->candidates);
    for (size_t k = 0; p->candidates && k < s->n_mixtures; k++) {
        const asc__mixture *m = &s->mixtures[k];
        p->candidates[p->n_candidates++] =
            (asc_summary_candidate){asc_summary_text(o, m->name), expected(o, s, m), m->past_error};
    }
    p->untold = *s->untold ? asc_summary_text(o, s->untold) : NULL;
}

static void put_prediction(asc_summary *o, const asc__study *s)
{
    asc_summary_prediction *p = &o->prediction;
    const asc_rule_result *r = s->has_rule ? &s->rule : NULL;
    const double *last = s->optima.weights + (s->optima.n_scales - 1) * s->D;
    *p = (asc_summary_prediction){.known = true,
                                  .tokens = s->spec->target_tokens,
                                  .weights = numbers(o, s, r ? r->weights : last),
                                  .ci = r ? asc_summary_intervals(o, r->w_lo, r->w_hi, s->D) : NULL,
                                  .shrunken = numbers(o, s, r ? r->shrunken : NULL),
                                  .shrinkage = numbers(o, s, r ? r->shrinkage : NULL),
                                  .keep_last = numbers(o, s, r ? r->keep_last : last),
                                  .joint = numbers(o, s, s->has_joint ? s->joint.weights : NULL),
                                  .joint_law = s->has_joint ? asc_summary_text(o, s->joint_law.law) : NULL,
                                  .censored = r ? asc_summary_alloc(o, s->D * sizeof *p->censored) : NULL,
                                  .t = r ? r->t : NAN};
    if (p->censored)
        memcpy(p->censored, r->censored, s->D * sizeof *p->censored);
    if (r)
        put_ladder(o, s);
    if (s->n_mixtures)
        put_candidates(o, s);
    asc_notes_copy(&p->notes, &s->rule.notes, "");
    if (s->has_joint)
        asc_notes_copy(&p->notes, &s->joint.notes, "joint law: ");
}

/* ---- target ---- */

/* Mean, least and largest objective over the seeds at the points that all of them have. */
static void put_curve(asc_summary_mixture *x, asc_summary *o, const asc__study *s, const asc__mixture *m)
{
    int have = 0;
    asc__curve *c = asc_summary_alloc(o, (size_t)s->spec->seeds * sizeof *c);
    size_t least = SIZE_MAX;
    asc_error ignored;
    for (int r = 0; c && r < s->spec->seeds; r++) {
        const asc_store_run *run = &s->runs[m->runs[r]];
        if (run->state != ASC_RUN_DONE || asc__run_curve(&c[have], s, run, &ignored) != ASC_OK)
            continue;
        least = c[have].n < least ? c[have].n : least;
        have++;
    }
    x->curve = have ? asc_summary_alloc(o, least * sizeof *x->curve) : NULL;
    for (size_t k = 0; x->curve && k < least; k++) {
        asc_summary_point p = {.tokens = c[0].tokens[k], .lo = INFINITY, .hi = -INFINITY};
        double sum = 0;
        for (int r = 0; r < have; r++) {
            sum += c[r].value[k];
            p.lo = fmin(p.lo, c[r].value[k]);
            p.hi = fmax(p.hi, c[r].value[k]);
        }
        p.mean = sum / have;
        x->curve[x->n_curve++] = p;
    }
    for (int r = 0; r < have; r++)
        asc__curve_clear(&c[r]);
}

/* Mean and standard deviation of the objective over the seeds that have one. */
static void put_spread(asc_summary_mixture *x)
{
    asc_moments m = {0};
    for (size_t r = 0; r < x->n_runs; r++)
        asc_moments_add(&m, x->runs[r].objective);
    x->mean = asc_moments_mean(&m);
    x->sd = asc_moments_sd(&m);
}

static double *losses(asc_summary *o, const asc__study *s, const asc_store_run *r)
{
    return r->result ? asc_summary_numbers(o, r->result->loss, s->V) : NULL;
}

static void put_mixture(asc_summary_mixture *x, asc_summary *o, const asc__study *s, const asc__mixture *m)
{
    const asc__mixture *uniform = asc__mixture_of(s, ASC_MIXTURE_UNIFORM);
    asc_error ignored;
    *x = (asc_summary_mixture){.name = asc_summary_text(o, m->name), .weights = numbers(o, s, m->weights)};
    x->phases = asc__phases(&x->n_phases, o, s, m);
    if (m->same_as != (size_t)(m - s->mixtures))
        x->same_as = asc_summary_text(o, s->mixtures[m->same_as].name);
    x->runs = asc_summary_alloc(o, (size_t)s->spec->seeds * sizeof *x->runs);
    for (int r = 0; x->runs && r < s->spec->seeds; r++) {
        const asc_store_run *run = &s->runs[m->runs[r]];
        x->runs[x->n_runs++] = (asc_summary_seed){.id = asc_summary_text(o, run->id),
                                                  .seed = run->seed,
                                                  .state = run->state,
                                                  .objective = asc__run_objective(s, run),
                                                  .loss = losses(o, s, run)};
    }
    put_spread(x);
    put_curve(x, o, s, m);
    if (m == uniform || asc__steps_saved(&x->saved, s, m, uniform, &ignored) != ASC_OK)
        x->saved = (asc_summary_saved){0};
}

static void put_target(asc_summary *o, const asc__study *s)
{
    asc_summary_target *t = &o->target;
    *t = (asc_summary_target){.known = true,
                              .tokens = s->spec->target_tokens,
                              .params = s->n_sizes > 1 ? asc__size_params(asc__target_size(s)) : 0,
                              .mixtures = asc_summary_alloc(o, s->n_mixtures * sizeof *t->mixtures)};
    for (; t->mixtures && t->n_mixtures < s->n_mixtures; t->n_mixtures++)
        put_mixture(&t->mixtures[t->n_mixtures], o, s, &s->mixtures[t->n_mixtures]);
}

static void put_target_run(asc_summary *o, const asc__study *s)
{
    bool trained = asc__target_trained(s);
    if (trained && s->n_sizes < 2)
        return;
    o->target_run = (asc_summary_target_run){.known = true,
                                             .tokens = s->spec->target_tokens,
                                             .params = asc__size_params(asc__target_size(s)),
                                             .flops = asc__target_flops(s),
                                             .trained = trained};
}

/* ---- the answer ---- */

static void put_answer(asc_summary *o, const asc__study *s)
{
    const asc__answer *a = &s->answer;
    const asc__mixture *m = &s->mixtures[a->mixture];
    o->answer = (asc_summary_answer){.known = true,
                                     .name = asc_summary_text(o, m->name),
                                     .weights = numbers(o, s, m->weights),
                                     .tokens = counts(o, s, m->tokens),
                                     .ci = asc_summary_intervals(o, a->lo, a->hi, s->D),
                                     .gain = a->gain,
                                     .expected = expected(o, s, m),
                                     .saved = a->saved,
                                     .why = asc_summary_text(o, a->why),
                                     .verdict = asc_summary_text(o, a->verdict),
                                     .search_tokens = a->search_tokens,
                                     .search_seconds = a->search_seconds,
                                     .search_multiple = a->search_tokens / s->spec->target_tokens,
                                     .pays_from_tokens = a->pays_from_tokens,
                                     .search_flops = a->search_flops,
                                     .search_share = a->search_flops / asc__target_flops(s),
                                     .search_at_most = s->spec->search.at_most};
    o->answer.phases = asc__phases(&o->answer.n_phases, o, s, m);
}

/* ---- tasks and runs ---- */

static void put_task_targets(asc_summary *o, const asc__study *s)
{
    o->task_targets = asc_summary_alloc(o, s->V * sizeof *o->task_targets);
    for (size_t v = 0; o->task_targets && s->task_items && v < s->V; v++)
        if (s->task_items[v])
            o->task_targets[o->n_task_targets++] =
                (asc_summary_task_target){o->targets[v], s->task_items[v], s->task_bytes_per_token[v]};
}

static void put_run(asc_summary_run *x, asc_summary *o, const asc__study *s, const asc_store_run *r)
{
    const asc_result *found = r->result;
    const asc_bursts *bursts = asc__run_bursts(r);
    *x = (asc_summary_run){.id = asc_summary_text(o, r->id),
                           .kind = r->kind,
                           .scale = r->scale,
                           .mixture = asc_summary_text(o, r->mixture),
                           .domain = asc_summary_text(o, r->domain),
                           .seed = r->seed,
                           .state = r->state,
                           .params = s->n_sizes > 1 ? asc__size_params(asc__size_of(s, r->model)) : 0,
                           .tokens = asc__run_tokens(r),
                           .objective = asc__run_objective(s, r),
                           .loss = losses(o, s, r),
                           .wall_s = found ? found->wall_s : NAN,
                           .lr = found ? found->lr : NAN,
                           .n_retries = found && found->n_retries >= 0 ? found->n_retries : NAN,
                           .why = asc_summary_text(o, r->why)};
    if (!bursts)
        return;
    asc__burst_effect e = asc__burst_effect_of(s, r);
    x->bursts = *bursts;
    x->burst_above = e.above;
    x->burst_alike = (asc_interval){e.alike_lo, e.alike_hi};
}

static void put_runs(asc_summary *o, const asc__study *s)
{
    o->runs = asc_summary_alloc(o, s->n_runs * sizeof *o->runs);
    for (; o->runs && o->n_runs < s->n_runs; o->n_runs++)
        put_run(&o->runs[o->n_runs], o, s, &s->runs[o->n_runs]);
}

/* ---- the whole ---- */

static void put_machine(asc_summary *o, const asc_store_created *c)
{
    o->machine.fact = asc_summary_alloc(o, 4 * sizeof *o->machine.fact);
    if (!o->machine.fact)
        return;
    const asc_summary_fact facts[] = {
        {"cpu", ASC_FACT_TEXT, .text = asc_summary_text(o, c->cpu)},
        {"isa", ASC_FACT_TEXT, .text = asc_isa_name(c->isa)},
        {"cores", ASC_FACT_COUNT, .count = c->cores},
        {"peak_gflops", ASC_FACT_REAL, .real = c->peak_gflops},
    };
    o->machine.n = sizeof facts / sizeof *facts;
    memcpy(o->machine.fact, facts, sizeof facts);
}

asc_summary *asc__study_summary(const asc__study *s, asc_study_state state)
{
    asc_summary *o = asc_summary_create(s->D, s->V);
    const asc_model_spec *m = s->model.vocab ? &s->model : &s->spec->model;
    if (!o)
        return NULL;
    o->study = asc_summary_text(o, s->spec->name);
    o->version = ASC_VERSION;
    o->objective = asc_summary_text(o, s->spec->objective_text);
    o->created = asc_summary_text(o, s->created.when);
    o->state = state;
    put_names(o, s);
    o->model = asc_summary_model(o, m, asc_model_params(m), asc_model_body_params(m));
    o->training = asc_summary_training(o, s->spec);
    put_machine(o, &s->created);
    put_scales(o, s);
    if (s->optima.n_scales)
        put_prediction(o, s);
    if (s->n_mixtures && s->spec->validate)
        put_target(o, s);
    put_target_run(o, s);
    asc__put_branching(o, s);
    if (s->answer.known)
        put_answer(o, s);
    asc__put_tasks(o, s);
    put_task_targets(o, s);
    if (s->contamination) {
        o->contamination = asc_summary_contamination_of(o, s->contamination);
        o->contamination.mode = s->spec->tasks.contamination;
    }
    asc__put_rivals(o, s);
    put_runs(o, s);
    asc_notes_copy(&o->notes, &s->notes, "");
    asc__doubt_runs(&o->notes, s);
    if (!o->oom)
        return o;
    asc_summary_free(o);
    return NULL;
}

/* A summary and a page of so many curves take longer than who interrupts wants to wait. Those of the last half minute
 * stay; that nothing runs any more is seen without them. */
static bool is_late(const asc__study *s, asc_study_state state)
{
    return state == ASC_STUDY_INTERRUPTED && s->D * s->V * s->spec->n_scales > 4000;
}

asc_status asc__study_publish(asc__study *s, asc_study_state state, asc_error *err)
{
    if (is_late(s, state)) {
        if (s->opts->report && s->opts->note)
            s->opts->note(s->opts->ctx, "report.html is as of its last update; a rerun updates it");
        return ASC_OK;
    }
    asc_summary *o = asc__study_summary(s, state);
    asc_status st = o ? asc_store_put_summary(s->store, o, err) : ASC_NOMEM(err);
    asc_summary_free(o);
    asc_error why = {0};
    if (st == ASC_OK && s->opts->report && s->opts->report(s->opts->ctx, s->dir, &why) != ASC_OK && s->opts->note) {
        char line[1100];
        snprintf(line, sizeof line, "report: %s", why.msg);
        s->opts->note(s->opts->ctx, line);
    }
    return st;
}

/* ---- while runs end ---- */

/* At most every half minute. */
static bool publishing_is_due(asc__study *s)
{
    double now = asc_now_s();
    if (now - s->last_report_s < 30)
        return false;
    s->last_report_s = now;
    return true;
}

asc_status asc__publish_summary(asc__study *s, size_t run, asc_error *err)
{
    (void)run;
    return publishing_is_due(s) ? asc__study_publish(s, ASC_STUDY_RUNNING, err) : ASC_OK;
}

asc_status asc__publish_all(asc__study *s, size_t run, asc_error *err)
{
    (void)run;
    if (!publishing_is_due(s))
        return ASC_OK;
    ASC_TRY(asc__study_write_tables(s, err));
    return asc__study_publish(s, ASC_STUDY_RUNNING, err);
}
