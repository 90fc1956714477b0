/* The summary document (docs/formats.md): all that a report or a person asks of a study. */
#include "steps.h"

#include "spec/spec_json.h"

#include <math.h>
#include <string.h>

/* {domain: x} of D numbers, null where x is NULL. */
static json_t *by_domain(const asc__study *s, const double *x)
{
    if (!x)
        return json_null();
    json_t *o = json_object();
    for (size_t i = 0; i < s->D; i++)
        json_object_set_new(o, s->spec->domain_names[i], asc_json_num(x[i]));
    return o;
}

/* ---- domains, model, training ---- */

static json_t *domains_json(const asc__study *s)
{
    json_t *list = s->reports ? asc__corpus_json(s) : json_array();
    const asc__mixture *a = s->answer ? &s->mixtures[s->answer_mixture] : NULL;
    for (size_t i = json_array_size(list); i-- > s->D;)
        json_array_remove(list, i);
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *o = json_array_get(list, i);
        json_object_set_new(o, "max_epochs", asc_json_num(s->max_epochs[i]));
        double tokens = a ? (double)a->tokens[i] : s->reference[i] * s->spec->target_tokens;
        json_object_set_new(o, "epochs_at_target", asc_json_num(tokens / s->epoch_tokens[i]));
    }
    return list;
}

static json_t *model_json(const asc__study *s)
{
    const asc_model_spec *m = s->model.vocab ? &s->model : &s->spec->model;
    json_t *o = json_pack("{s:s,s:i,s:i,s:i,s:i,s:i,s:I,s:I}", "arch", asc_arch_name(m->arch), "layers", m->n_layers,
                          "heads", m->n_heads, "width", m->width, "context", m->context, "vocab", m->vocab, "params",
                          (json_int_t)asc_model_params(m), "params_body", (json_int_t)asc_model_body_params(m));
    if (o && !asc_model_keys_put(o, m)) {
        json_decref(o);
        return NULL;
    }
    return o;
}

static json_t *training_json(const asc_study_spec *spec)
{
    const asc_training_spec *t = &spec->training;
    json_t *o = json_object();
    json_object_set_new(o, "trainer", json_string(spec->trainer.command ? spec->trainer.command : "builtin"));
    json_object_set_new(o, "batch_tokens", json_integer(t->batch_tokens));
    json_object_set_new(o, "lr", asc_json_num(t->lr));
    json_object_set_new(o, "warmup", asc_json_num(t->warmup));
    json_object_set_new(o, "min_lr", asc_json_num(t->min_lr));
    json_object_set_new(o, "schedule", json_string(asc_schedule_name(t->schedule)));
    json_object_set_new(o, "dtype", json_string(asc_dtype_name(t->dtype)));
    json_object_set_new(o, "seed", json_integer((json_int_t)t->seed));
    json_object_set_new(o, "weight_decay", asc_json_num(t->weight_decay));
    json_object_set_new(o, "clip", asc_json_num(t->clip));
    json_object_set_new(o, "threads", json_integer(spec->threads));
    json_object_set_new(o, "ranks", json_integer(spec->ranks));
    return o;
}

/* ---- scales ---- */

static const asc_store_run *star_run(const asc__study *s, const asc__scale *sc, asc_run_kind kind, const char *domain)
{
    for (size_t i = 0; i < s->n_runs; i++) {
        const asc_store_run *r = &s->runs[i];
        if (r->scale == sc->tokens && r->kind == kind && r->result && r->state == ASC_RUN_DONE &&
            (!domain || (r->domain && strcmp(r->domain, domain) == 0)))
            return r;
    }
    return NULL;
}

/* {domain: {target: loss - mean loss of the base}}. */
static json_t *changes_json(const asc__study *s, const asc__scale *sc, asc_run_kind kind)
{
    json_t *o = json_object();
    double *base = asc_calloc(s->V, sizeof *base);
    size_t n = 0;
    for (size_t i = 0; base && i < s->n_runs; i++) {
        const asc_store_run *r = &s->runs[i];
        const double *loss = asc__run_losses(r);
        if (r->scale != sc->tokens || r->kind != ASC_KIND_BASE || !loss)
            continue;
        n++;
        for (size_t v = 0; v < s->V; v++)
            base[v] += loss[v];
    }
    for (size_t i = 0; base && n && i < s->D; i++) {
        const asc_store_run *r = star_run(s, sc, kind, s->spec->domain_names[i]);
        if (!r)
            continue;
        json_t *row = json_object();
        for (size_t v = 0; v < s->V; v++)
            json_object_set_new(row, s->spec->target_names[v], asc_json_num(r->result->loss[v] - base[v] / (double)n));
        json_object_set_new(o, s->spec->domain_names[i], row);
    }
    asc_free(base);
    return o;
}

/* One of a, b, c by domain: null where a star has too few points for it, for what the law holds there was only begun
 * with. */
static json_t *fitted_json(const asc__study *s, const asc_law *l, size_t k)
{
    json_t *o = json_object();
    for (size_t i = 0; i < s->D; i++) {
        bool untold = l->undetermined && l->undetermined[i] && l->roots && l->roots[i] < 0;
        json_object_set_new(o, s->spec->domain_names[i], asc_json_num(untold ? NAN : l->params[1 + k * s->D + i]));
    }
    return o;
}

/* a, b, c and the number of roots, from the law's params [J0, a(D), b(D), c(D)]. */
static json_t *fit_json(const asc__study *s, const asc_law *l)
{
    json_t *roots = json_object();
    for (size_t i = 0; i < s->D; i++)
        json_object_set_new(roots, s->spec->domain_names[i], l->roots ? json_integer(l->roots[i]) : json_null());
    return json_pack("{s:o,s:o,s:o,s:o}", "a", fitted_json(s, l, 0), "b", fitted_json(s, l, 1), "c",
                     fitted_json(s, l, 2), "roots", roots);
}

static json_t *points_json(const asc__study *s, const asc_ddo_star *star)
{
    json_t *o = json_object();
    for (size_t i = 0; i < s->D && star->x; i++) {
        json_t *list = json_array();
        for (size_t k = 0; k < star->n_points[i]; k++)
            json_array_append_new(list, json_pack("[o,o]", asc_json_num(star->x[i][k]), asc_json_num(star->y[i][k])));
        json_object_set_new(o, s->spec->domain_names[i], list);
    }
    return o;
}

static json_t *scale_json(const asc__study *s, const asc__scale *sc)
{
    json_t *o = json_object(), *base = json_object();
    asc_notes notes = {0};
    for (size_t i = 0; sc->base && i < s->D; i++)
        json_object_set_new(base, s->spec->domain_names[i], json_integer(sc->base[i]));
    json_object_set_new(o, "tokens", asc_json_num(sc->tokens));
    json_object_set_new(o, "base", base);
    json_object_set_new(o, "factor", asc_json_num(s->spec->factor));
    json_object_set_new(o, "factor_down", asc_json_num(s->spec->down));
    json_object_set_new(o, "up", changes_json(s, sc, ASC_KIND_UP));
    json_object_set_new(o, "down", changes_json(s, sc, ASC_KIND_DOWN));
    asc_notes_copy(&notes, &sc->notes, "");
    if (sc->fitted) {
        const asc_mix_result *m = &sc->optimum;
        json_object_set_new(o, "noise", asc_json_num(sc->law.noise));
        json_object_set_new(o, "fit", fit_json(s, &sc->law.laws[0]));
        json_object_set_new(o, "points", points_json(s, &sc->star));
        json_object_set_new(o, "optimum", by_domain(s, m->weights));
        json_object_set_new(o, "ci", asc__intervals_json(s, m->w_lo, m->w_hi));
        json_object_set_new(o, "predicted", asc_json_num(m->predicted));
        json_object_set_new(o, "uniform_objective", asc_json_num(m->uniform));
        for (size_t i = 0; i < sc->law.n_notes; i++)
            asc_notes_add(&notes, "%s", sc->law.notes[i]);
        asc_notes_copy(&notes, &m->notes, "");
    }
    asc_notes_put(o, &notes);
    asc_notes_clear(&notes);
    return o;
}

/* ---- prediction ---- */

/* The rule from the last scale to a thousand times the target, four steps a decade: how its weights move. */
static json_t *ladder_json(const asc__study *s)
{
    json_t *list = json_array();
    double first = s->optima.tokens[s->optima.n_scales - 1];
    double last = s->spec->target_tokens * 1000;
    for (double n = first; n <= last * 1.0001; n *= pow(10, .25)) {
        asc_rule_result r = {0};
        asc_error ignored;
        asc_rule_opts o = {.n_tokens = (int64_t)n, .lo = s->spec->min, .hi = s->spec->max, .point = true};
        if (asc_rule_predict(&r, &s->optima, &o, &ignored) == ASC_OK)
            json_array_append_new(
                list, json_pack("{s:o,s:o}", "tokens", asc_json_num(floor(n)), "weights", by_domain(s, r.weights)));
        asc_rule_result_clear(&r);
    }
    return list;
}

static json_t *prediction_json(const asc__study *s)
{
    json_t *o = json_object(), *censored = json_array();
    asc_notes notes = {0};
    const asc_rule_result *r = &s->rule;
    size_t n = s->optima.n_scales;
    const double *last = s->optima.weights + (n - 1) * s->D;
    json_object_set_new(o, "tokens", asc_json_num(s->spec->target_tokens));
    json_object_set_new(o, "weights", by_domain(s, s->predicted ? r->weights : last));
    json_object_set_new(o, "ci", s->predicted ? asc__intervals_json(s, r->w_lo, r->w_hi) : json_null());
    json_object_set_new(o, "shrunken", s->predicted ? by_domain(s, r->shrunken) : json_null());
    json_object_set_new(o, "shrinkage", s->predicted ? by_domain(s, r->shrinkage) : json_null());
    json_object_set_new(o, "keep_last", by_domain(s, s->predicted ? r->keep_last : last));
    json_object_set_new(o, "joint", s->has_joint ? by_domain(s, s->joint.weights) : json_null());
    json_object_set_new(o, "joint_law", s->has_joint ? json_string(s->joint_law.law) : json_null());
    for (size_t i = 0; s->predicted && i < s->D; i++)
        if (r->censored[i])
            json_array_append_new(censored, json_string(s->spec->domain_names[i]));
    json_object_set_new(o, "censored", censored);
    json_object_set_new(o, "t", s->predicted ? asc_json_num(r->t) : json_null());
    json_object_set_new(o, "ladder", s->predicted ? ladder_json(s) : json_array());
    if (s->n_mixtures) {
        json_object_set_new(o, "candidates", asc__candidates_json(s));
        json_object_set_new(o, "untold", *s->untold ? json_string(s->untold) : json_null());
    }
    asc_notes_copy(&notes, &r->notes, "");
    if (s->has_joint)
        asc_notes_copy(&notes, &s->joint.notes, "joint law: ");
    asc_notes_put(o, &notes);
    asc_notes_clear(&notes);
    return o;
}

/* ---- target ---- */

/* Mean, least and largest objective over the seeds at the points that all of them have. */
static json_t *curve_json(const asc__study *s, const asc__mixture *m)
{
    json_t *list = json_array();
    int seeds = s->spec->seeds, have = 0;
    asc__curve *c = asc_calloc((size_t)seeds, sizeof *c);
    size_t least = SIZE_MAX;
    asc_error ignored;
    for (int r = 0; c && r < seeds; r++) {
        const asc_store_run *run = &s->runs[m->runs[r]];
        if (run->state != ASC_RUN_DONE || asc__run_curve(&c[have], s, run, &ignored) != ASC_OK)
            continue;
        least = c[have].n < least ? c[have].n : least;
        have++;
    }
    for (size_t k = 0; have && k < least; k++) {
        double sum = 0, lo = INFINITY, hi = -INFINITY;
        for (int r = 0; r < have; r++) {
            sum += c[r].value[k];
            lo = fmin(lo, c[r].value[k]);
            hi = fmax(hi, c[r].value[k]);
        }
        json_array_append_new(list,
                              json_pack("{s:o,s:o,s:o,s:o}", "tokens", asc_json_num(c[0].tokens[k]), "mean",
                                        asc_json_num(sum / have), "min", asc_json_num(lo), "max", asc_json_num(hi)));
    }
    for (int r = 0; r < have; r++)
        asc__curve_clear(&c[r]);
    asc_free(c);
    return list;
}

static json_t *losses_of(const asc__study *s, const asc_store_run *r)
{
    json_t *o = json_object();
    for (size_t v = 0; r->result && v < s->V; v++)
        json_object_set_new(o, s->spec->target_names[v], asc_json_num(r->result->loss[v]));
    return o;
}

/* What result.json says of a run's bursts, with what they left of it. */
static json_t *bursts_json(const asc__study *s, const asc_store_run *r)
{
    const asc_bursts *found = asc__run_bursts(r);
    if (!found)
        return NULL;
    asc__burst_effect e = asc__burst_effect_of(s, r);
    json_t *o = asc_bursts_json(found);
    json_object_set_new(o, "above", asc_json_num(e.above));
    json_object_set_new(o, "alike",
                        isnan(e.alike_lo) ? json_null()
                                          : json_pack("[o,o]", asc_json_num(e.alike_lo), asc_json_num(e.alike_hi)));
    return o;
}

static json_t *mixture_json(const asc__study *s, const asc__mixture *m, const asc__mixture *uniform)
{
    json_t *o = json_object(), *runs = json_array(), *saved = NULL;
    double sum = 0, squares = 0, mean_saved;
    int n = 0;
    asc_error ignored;
    for (int r = 0; r < s->spec->seeds; r++) {
        const asc_store_run *run = &s->runs[m->runs[r]];
        double x = asc__run_objective(s, run);
        json_array_append_new(runs, json_pack("{s:s,s:I,s:s,s:o,s:o}", "id", run->id, "seed", (json_int_t)run->seed,
                                              "state", asc_run_state_name(run->state), "objective", asc_json_num(x),
                                              "loss", losses_of(s, run)));
        if (isnan(x))
            continue;
        sum += x;
        n++;
    }
    double mean = n ? sum / n : NAN;
    for (int r = 0; r < s->spec->seeds; r++) {
        double x = asc__run_objective(s, &s->runs[m->runs[r]]);
        squares += isnan(x) ? 0 : (x - mean) * (x - mean);
    }
    if (asc__steps_saved(&saved, &mean_saved, s, m, uniform, &ignored) != ASC_OK)
        saved = json_null();
    json_object_set_new(o, "name", json_string(m->name));
    json_object_set_new(o, "weights", by_domain(s, m->weights));
    if (m->same_as != (size_t)(m - s->mixtures))
        json_object_set_new(o, "same_as", json_string(s->mixtures[m->same_as].name));
    json_object_set_new(o, "runs", runs);
    json_object_set_new(o, "mean", asc_json_num(mean));
    json_object_set_new(o, "sd", asc_json_num(n > 1 ? sqrt(squares / (n - 1)) : NAN));
    json_object_set_new(o, "curve", curve_json(s, m));
    json_object_set_new(o, "steps_saved", m == uniform ? (json_decref(saved), json_null()) : saved);
    return o;
}

static json_t *target_json(const asc__study *s)
{
    json_t *list = json_array();
    const asc__mixture *uniform = NULL;
    for (size_t i = 0; i < s->n_mixtures; i++)
        if (strcmp(s->mixtures[i].word, "uniform") == 0)
            uniform = &s->mixtures[i];
    for (size_t i = 0; s->spec->validate && i < s->n_mixtures; i++)
        json_array_append_new(list, mixture_json(s, &s->mixtures[i], uniform));
    return json_pack("{s:o,s:o}", "tokens", asc_json_num(s->spec->target_tokens), "mixtures", list);
}

/* ---- runs ---- */

static json_t *runs_json(const asc__study *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->n_runs; i++) {
        const asc_store_run *r = &s->runs[i];
        const asc_result *x = r->result;
        json_t *o = json_object();
        json_object_set_new(o, "id", json_string(r->id));
        json_object_set_new(o, "kind", json_string(asc_run_kind_name(r->kind)));
        json_object_set_new(o, "scale", asc_json_num(r->scale));
        json_object_set_new(o, "mixture", json_string(r->mixture));
        json_object_set_new(o, "domain", r->domain ? json_string(r->domain) : json_null());
        json_object_set_new(o, "seed", json_integer((json_int_t)r->seed));
        json_object_set_new(o, "state", json_string(asc_run_state_name(r->state)));
        json_object_set_new(o, "tokens", asc_json_num(asc__run_tokens(r)));
        json_object_set_new(o, "objective", asc_json_num(asc__run_objective(s, r)));
        json_object_set_new(o, "loss", losses_of(s, r));
        json_object_set_new(o, "wall_s", asc_json_num(x ? x->wall_s : NAN));
        json_object_set_new(o, "lr", asc_json_num(x ? x->lr : NAN));
        json_object_set_new(o, "retries", asc_json_num(x && x->n_retries >= 0 ? x->n_retries : NAN));
        if (r->why)
            json_object_set_new(o, "why", json_string(r->why));
        json_t *bursts = bursts_json(s, r);
        if (bursts)
            json_object_set_new(o, "bursts", bursts);
        json_array_append_new(list, o);
    }
    return list;
}

/* ---- the whole ---- */

json_t *asc__study_summary(const asc__study *s, const char *state)
{
    json_t *o = json_object(), *targets = json_array(), *scales = json_array();
    for (size_t v = 0; v < s->V; v++)
        json_array_append_new(targets, json_string(s->spec->target_names[v]));
    for (size_t k = 0; s->scales && k < s->spec->n_scales; k++)
        json_array_append_new(scales, scale_json(s, &s->scales[k]));
    json_object_set_new(o, "study", json_string(s->spec->name));
    json_object_set_new(o, "version", json_string(ASC_VERSION));
    json_object_set_new(o, "objective", json_string(s->spec->objective_text));
    json_object_set(o, "created", json_object_get(s->resolved, "created"));
    json_object_set_new(o, "state", json_string(state));
    json_object_set_new(o, "domains", domains_json(s));
    json_object_set_new(o, "targets", targets);
    json_object_set_new(o, "model", model_json(s));
    json_object_set_new(o, "training", training_json(s->spec));
    json_object_set(o, "machine", json_object_get(s->resolved, "machine"));
    json_object_set_new(o, "scales", scales);
    if (s->optima.n_scales)
        json_object_set_new(o, "prediction", prediction_json(s));
    if (s->n_mixtures && s->spec->validate)
        json_object_set_new(o, "target", target_json(s));
    if (s->answer)
        json_object_set(o, "answer", s->answer);
    asc__put_tasks(o, s);
    json_object_set_new(o, "runs", runs_json(s));
    asc_notes_put(o, &s->notes);
    return o;
}

asc_status asc__study_publish(asc__study *s, const char *state, asc_error *err)
{
    json_t *doc = asc__study_summary(s, state);
    if (!doc)
        return ASC_NOMEM(err);
    asc_status st = asc_store_put_doc(s->store, "summary", doc, err);
    json_decref(doc);
    asc_error why = {0};
    if (st == ASC_OK && s->opts->report && s->opts->report(s->opts->ctx, s->dir, &why) != ASC_OK && s->opts->note) {
        char line[1100];
        snprintf(line, sizeof line, "report: %s", why.msg);
        s->opts->note(s->opts->ctx, line);
    }
    return st;
}
