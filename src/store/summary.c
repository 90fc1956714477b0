/* The summary as a document. Each key stands here once: the same walk over the struct writes the document and reads it,
 * so the two cannot differ. A function that ends in _at does both for the object o: writing, it sets o's keys; reading,
 * it fills the struct from them (o NULL: absent). */
#include "summary_walk.h"

#include <math.h>
#include <string.h>

#include "spec/spec_json.h"

static const char *const states[] = {"unknown", "running", "interrupted", "failed", "done"};
static const char *const modes[] = {"report", "exclude", "off"};

const char *asc_study_state_name(asc_study_state s)
{
    return states[s];
}

/* ---- facts ---- */

static json_t *fact_json(const asc_summary_fact *f)
{
    switch (f->kind) {
    case ASC_FACT_TEXT:
        return json_string(f->text);
    case ASC_FACT_COUNT:
        return json_integer((json_int_t)f->count);
    case ASC_FACT_REAL:
        return asc_json_num(f->real);
    case ASC_FACT_BOOL:
        return json_boolean(f->count != 0);
    default:
        return json_null();
    }
}

static asc_summary_fact fact_of(walk *w, const char *key, const json_t *v)
{
    asc_summary_fact f = {.key = asc_summary_text(w->s, key), .kind = ASC_FACT_NONE};
    if (json_is_string(v))
        f = (asc_summary_fact){f.key, ASC_FACT_TEXT, .text = asc_summary_text(w->s, json_string_value(v))};
    else if (json_is_integer(v))
        f = (asc_summary_fact){f.key, ASC_FACT_COUNT, .count = json_integer_value(v)};
    else if (json_is_real(v))
        f = (asc_summary_fact){f.key, ASC_FACT_REAL, .real = json_real_value(v)};
    else if (json_is_boolean(v))
        f = (asc_summary_fact){f.key, ASC_FACT_BOOL, .count = json_is_true(v)};
    return f;
}

static asc_summary_facts facts_of(walk *w, const json_t *o)
{
    asc_summary_facts f = {.fact = asc__walk_room(w, json_object_size(o), sizeof *f.fact)};
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)o, key, value)
    {
        if (f.fact && !json_is_object(value) && !json_is_array(value))
            f.fact[f.n++] = fact_of(w, key, value);
    }
    return f;
}

static void facts(walk *w, json_t *o, const char *key, asc_summary_facts *f)
{
    if (!w->write) {
        const json_t *map = json_object_get(o, key);
        *f = json_is_object(map) ? facts_of(w, map) : (asc_summary_facts){0};
        return;
    }
    if (f->n == 0)
        return;
    json_t *map = asc__walk_inside(w, o, key);
    for (size_t i = 0; i < f->n; i++)
        json_object_set_new(map, f->fact[i].key, fact_json(&f->fact[i]));
}

/* ---- domains and scales ---- */

static void counted_at(walk *w, json_t *o, void *item)
{
    asc_summary_domain *d = item;
    asc__walk_text(w, o, "name", &d->name);
    d->name = d->name ? d->name : "";
    asc__walk_whole(w, o, "documents", &d->documents);
    asc__walk_whole(w, o, "bytes", &d->bytes);
    asc__walk_whole(w, o, "tokens", &d->tokens);
    asc__walk_whole(w, o, "valid_documents", &d->valid_documents);
    asc__walk_whole(w, o, "valid_tokens", &d->valid_tokens);
    asc__walk_whole(w, o, "duplicates", &d->duplicates);
    asc__walk_whole(w, o, "rejected", &d->rejected);
    asc__walk_number(w, o, "bytes_per_token", &d->bytes_per_token);
    asc__walk_number(w, o, "word_nats", &d->word_nats);
}

static void domain_at(walk *w, json_t *o, void *item)
{
    asc_summary_domain *d = item;
    counted_at(w, o, item);
    asc__walk_number(w, o, "max_epochs", &d->max_epochs);
    asc__walk_number(w, o, "epochs_at_target", &d->epochs_at_target);
}

static bool all_nan(const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isnan(x[i]))
            return false;
    return true;
}

/* {domain: {target: change}} of the domains that have such a run. */
static void changes(walk *w, json_t *o, const char *key, double **x)
{
    const asc_summary *s = w->s;
    json_t *map = asc__walk_inside(w, o, key);
    if (!w->write)
        *x = json_object_size(map) ? asc__walk_room(w, s->n_domains * s->n_targets, sizeof **x) : NULL;
    for (size_t i = 0; *x && i < s->n_domains; i++) {
        double *row = *x + i * s->n_targets;
        if (!w->write)
            asc__walk_losses_at(w, json_object_get(map, s->domains[i].name), row);
        else if (!all_nan(row, s->n_targets))
            asc__walk_losses_at(w, asc__walk_inside(w, map, s->domains[i].name), row);
    }
}

static void read_points(walk *w, asc_summary_points *p, const json_t *all)
{
    size_t n = json_array_size(all);
    p->x = asc__walk_room(w, n, sizeof *p->x);
    p->y = asc__walk_room(w, n, sizeof *p->y);
    for (size_t k = 0; p->x && p->y && k < n; k++) {
        const json_t *pair = json_array_get(all, k), *x = json_array_get(pair, 0), *y = json_array_get(pair, 1);
        p->x[k] = json_is_number(x) ? json_number_value(x) : NAN;
        p->y[k] = json_is_number(y) ? json_number_value(y) : NAN;
        p->n = k + 1;
    }
}

/* {domain: [[x, y], …]} */
static void points(walk *w, json_t *o, asc_summary_points **x)
{
    const asc_summary *s = w->s;
    json_t *map = asc__walk_inside(w, o, "points");
    if (!w->write)
        *x = json_object_size(map) ? asc__walk_room(w, s->n_domains, sizeof **x) : NULL;
    for (size_t i = 0; *x && i < s->n_domains; i++) {
        asc_summary_points *p = &(*x)[i];
        if (!w->write) {
            read_points(w, p, json_object_get(map, s->domains[i].name));
            continue;
        }
        json_t *all = json_array();
        for (size_t k = 0; k < p->n; k++)
            json_array_append_new(all, json_pack("[o,o]", asc_json_num(p->x[k]), asc_json_num(p->y[k])));
        json_object_set_new(map, s->domains[i].name, all);
    }
}

static void fit_at(walk *w, json_t *o, asc_summary_scale *c)
{
    asc__walk_number(w, o, "noise", &c->noise);
    json_t *fit = asc__walk_inside(w, o, "fit");
    asc__walk_by_domain(w, fit, "a", &c->a, asc_json_num);
    asc__walk_by_domain(w, fit, "b", &c->b, asc_json_num);
    asc__walk_by_domain(w, fit, "c", &c->c, asc_json_num);
    asc__walk_by_domain(w, fit, "roots", &c->roots, asc_json_tally);
    points(w, o, &c->points);
    asc__walk_by_domain(w, o, "optimum", &c->optimum, asc_json_num);
    asc__walk_intervals(w, o, "ci", &c->ci);
    asc__walk_number(w, o, "predicted", &c->predicted);
    asc__walk_number(w, o, "uniform_objective", &c->uniform_objective);
}

static void scale_at(walk *w, json_t *o, void *item)
{
    asc_summary_scale *c = item;
    asc__walk_number(w, o, "tokens", &c->tokens);
    asc__walk_whole_if(w, o, "params", &c->params);
    asc__walk_by_domain(w, o, "base", &c->base, asc_json_tally);
    asc__walk_number(w, o, "factor", &c->factor);
    asc__walk_number(w, o, "factor_down", &c->factor_down);
    changes(w, o, "up", &c->up);
    changes(w, o, "down", &c->down);
    if (!w->write || c->fitted)
        fit_at(w, o, c);
    if (!w->write)
        c->fitted = c->a || c->points || c->optimum;
    asc__walk_notes(w, o, &c->notes);
}

/* ---- prediction ---- */

/* Factors of the axes that were left. */
static void beyond(walk *w, json_t *o, const char *axis, double *x)
{
    if (!w->write || !isnan(*x))
        asc__walk_number(w, o, axis, x);
}

static void expected(walk *w, json_t *o, asc_summary_expected *e)
{
    json_t *x;
    if (!asc__walk_maybe(w, o, "expected", &e->known, &x))
        return;
    asc__walk_text(w, x, "law", &e->law);
    asc__walk_number(w, x, "objective", &e->objective);
    asc__walk_interval(w, x, "ci", &e->ci);
    asc__walk_number(w, x, "gain", &e->gain);
    asc__walk_interval(w, x, "gain_ci", &e->gain_ci);
    asc__walk_number(w, x, "p_better", &e->p_better);
    json_t *axes = asc__walk_inside(w, x, "extrapolated");
    beyond(w, axes, "tokens", &e->beyond_tokens);
    beyond(w, axes, "params", &e->beyond_params);
    beyond(w, axes, "shares", &e->beyond_shares);
}

static void candidate_at(walk *w, json_t *o, void *item)
{
    asc_summary_candidate *c = item;
    asc__walk_text(w, o, "name", &c->name);
    expected(w, o, &c->expected);
    asc__walk_number(w, o, "past_error", &c->past_error);
}

static void step_at(walk *w, json_t *o, void *item)
{
    asc_summary_step *p = item;
    asc__walk_number(w, o, "tokens", &p->tokens);
    asc__walk_by_domain(w, o, "weights", &p->weights, asc_json_num);
}

/* The names of those that are. */
static void censored(walk *w, json_t *o, bool **x)
{
    const asc_summary *s = w->s;
    if (w->write)
        json_object_set_new(o, "censored", json_array());
    json_t *all = json_object_get(o, "censored");
    if (!w->write)
        *x = json_array_size(all) ? asc__walk_room(w, s->n_domains, sizeof **x) : NULL;
    for (size_t i = 0; *x && i < s->n_domains; i++) {
        if (w->write && (*x)[i])
            json_array_append_new(all, json_string(s->domains[i].name));
        for (size_t k = 0; !w->write && k < json_array_size(all); k++) {
            const char *name = json_string_value(json_array_get(all, k));
            (*x)[i] |= name && strcmp(name, s->domains[i].name) == 0;
        }
    }
}

static void prediction_at(walk *w, json_t *o, asc_summary_prediction *p)
{
    asc__walk_number(w, o, "tokens", &p->tokens);
    asc__walk_by_domain(w, o, "weights", &p->weights, asc_json_num);
    asc__walk_intervals(w, o, "ci", &p->ci);
    asc__walk_by_domain(w, o, "shrunken", &p->shrunken, asc_json_num);
    asc__walk_by_domain(w, o, "shrinkage", &p->shrinkage, asc_json_num);
    asc__walk_by_domain(w, o, "keep_last", &p->keep_last, asc_json_num);
    asc__walk_by_domain(w, o, "joint", &p->joint, asc_json_num);
    asc__walk_text(w, o, "joint_law", &p->joint_law);
    censored(w, o, &p->censored);
    asc__walk_number(w, o, "t", &p->t);
    ASC__WALK_LIST(w, o, "ladder", p, n_ladder, ladder, step_at);
    if (!w->write || p->n_candidates) {
        ASC__WALK_LIST(w, o, "candidates", p, n_candidates, candidates, candidate_at);
        asc__walk_text(w, o, "untold", &p->untold);
    }
    asc__walk_notes(w, o, &p->notes);
}

/* ---- target and answer ---- */

static void saved(walk *w, json_t *o, asc_summary_saved *v)
{
    json_t *x;
    bool known = v->pairs > 0;
    int64_t pairs = v->pairs;
    if (!w->write)
        *v = (asc_summary_saved){.mean = NAN, .lo = NAN, .hi = NAN};
    if (!asc__walk_maybe(w, o, "steps_saved", &known, &x))
        return;
    asc__walk_number(w, x, "mean", &v->mean);
    asc__walk_number(w, x, "min", &v->lo);
    asc__walk_number(w, x, "max", &v->hi);
    asc__walk_count(w, x, "pairs", &pairs);
    if (!w->write || v->shorter)
        asc__walk_truth(w, x, "shorter", &v->shorter);
    v->pairs = w->write ? v->pairs : pairs > 0 && pairs < 1000000 ? (int)pairs : !isnan(v->mean);
}

static void seed_at(walk *w, json_t *o, void *item)
{
    asc_summary_seed *r = item;
    asc__walk_text(w, o, "id", &r->id);
    asc__walk_seed(w, o, &r->seed);
    asc__walk_run_state(w, o, &r->state);
    asc__walk_number(w, o, "objective", &r->objective);
    asc__walk_losses(w, o, &r->loss);
}

static void point_at(walk *w, json_t *o, void *item)
{
    asc_summary_point *p = item;
    asc__walk_number(w, o, "tokens", &p->tokens);
    asc__walk_number(w, o, "mean", &p->mean);
    asc__walk_number(w, o, "min", &p->lo);
    asc__walk_number(w, o, "max", &p->hi);
}

static void phase_at(walk *w, json_t *o, void *item)
{
    asc_summary_phase *p = item;
    asc__walk_number(w, o, "until", &p->until);
    asc__walk_by_domain(w, o, "weights", &p->weights, asc_json_num);
}

static void mixture_at(walk *w, json_t *o, void *item)
{
    asc_summary_mixture *m = item;
    asc__walk_text(w, o, "name", &m->name);
    m->name = m->name ? m->name : "";
    asc__walk_by_domain(w, o, "weights", &m->weights, asc_json_num);
    if (!w->write || m->n_phases)
        ASC__WALK_LIST(w, o, "phases", m, n_phases, phases, phase_at);
    asc__walk_text_if(w, o, "same_as", &m->same_as);
    ASC__WALK_LIST(w, o, "runs", m, n_runs, runs, seed_at);
    asc__walk_number(w, o, "mean", &m->mean);
    asc__walk_number(w, o, "sd", &m->sd);
    ASC__WALK_LIST(w, o, "curve", m, n_curve, curve, point_at);
    saved(w, o, &m->saved);
}

static void target_at(walk *w, json_t *o, asc_summary_target *t)
{
    asc__walk_number(w, o, "tokens", &t->tokens);
    asc__walk_whole_if(w, o, "params", &t->params);
    ASC__WALK_LIST(w, o, "mixtures", t, n_mixtures, mixtures, mixture_at);
}

static void gain(walk *w, json_t *o, asc_summary_gain *g)
{
    json_t *x;
    if (!asc__walk_maybe(w, o, "gain", &g->known, &x))
        return;
    asc__walk_number(w, x, "mean", &g->mean);
    asc__walk_number(w, x, "lo", &g->lo);
    asc__walk_number(w, x, "hi", &g->hi);
    asc__walk_number(w, x, "noise", &g->noise);
    if (w->write && isnan(g->noise))
        json_object_set_new(x, "beyond_noise", json_null());
    else
        asc__walk_truth(w, x, "beyond_noise", &g->beyond_noise);
}

static void round_at(walk *w, json_t *o, void *item)
{
    asc_summary_round *r = item;
    asc__walk_by_domain(w, o, "centre", &r->centre, asc_json_num);
    asc__walk_whole(w, o, "merges", &r->n_merges);
    asc__walk_text(w, o, "law", &r->law);
    asc__walk_by_domain(w, o, "optimum", &r->optimum, asc_json_num);
    asc__walk_intervals(w, o, "ci", &r->ci);
    asc__walk_number(w, o, "predicted", &r->predicted);
}

static void check_at(walk *w, json_t *o, void *item)
{
    asc_summary_check *c = item;
    asc__walk_text(w, o, "mixture", &c->mixture);
    asc__walk_by_domain(w, o, "weights", &c->weights, asc_json_num);
    asc__walk_number(w, o, "merged", &c->merged);
    asc__walk_number(w, o, "real", &c->real);
    asc__walk_text(w, o, "run", &c->run);
    asc__walk_text(w, o, "merged_run", &c->merged_run);
}

static void stage_at(walk *w, json_t *o, void *item)
{
    asc_summary_search *x = item;
    x->known = true;
    asc__walk_text(w, o, "method", &x->method);
    asc__walk_whole(w, o, "tokens", &x->tokens);
    asc__walk_number(w, o, "prefix", &x->prefix);
    asc__walk_whole(w, o, "prefix_tokens", &x->prefix_tokens);
    asc__walk_whole(w, o, "branch_tokens", &x->branch_tokens);
    asc__walk_whole(w, o, "eval_tokens", &x->eval_tokens);
    ASC__WALK_LIST(w, o, "rounds", x, n_rounds, rounds, round_at);
    ASC__WALK_LIST(w, o, "checks", x, n_checks, checks, check_at);
    asc__walk_number(w, o, "rank", &x->rank);
    asc__walk_number(w, o, "bias", &x->bias);
    asc__walk_number(w, o, "spread", &x->spread);
    asc__walk_number(w, o, "delta", &x->delta);
    asc__walk_text(w, o, "decided", &x->decided);
    asc__walk_truth(w, o, "better", &x->better);
}

static void search_at(walk *w, json_t *o, asc_summary_search *x)
{
    stage_at(w, o, x);
    asc__walk_text_if(w, o, "began", &x->began);
    if (!w->write || x->n_stages)
        ASC__WALK_LIST(w, o, "stages", x, n_stages, stages, stage_at);
}

static void rival_at(walk *w, json_t *o, void *item)
{
    asc_summary_rival *r = item;
    asc__walk_text(w, o, "name", &r->name);
    asc__walk_text(w, o, "method", &r->method);
    asc__walk_by_domain(w, o, "weights", &r->weights, asc_json_num);
    asc__walk_whole(w, o, "runs", &r->n_runs);
    asc__walk_whole(w, o, "tokens", &r->tokens);
    asc__walk_number(w, o, "flops", &r->flops);
    asc__walk_number(w, o, "share", &r->share);
    asc__walk_number(w, o, "seconds", &r->seconds);
}

static void answer_at(walk *w, json_t *o, asc_summary_answer *a)
{
    asc__walk_text(w, o, "name", &a->name);
    asc__walk_by_domain(w, o, "weights", &a->weights, asc_json_num);
    if (!w->write || a->n_phases)
        ASC__WALK_LIST(w, o, "phases", a, n_phases, phases, phase_at);
    asc__walk_by_domain(w, o, "tokens", &a->tokens, asc_json_tally);
    asc__walk_intervals(w, o, "ci", &a->ci);
    gain(w, o, &a->gain);
    expected(w, o, &a->expected);
    saved(w, o, &a->saved);
    asc__walk_text(w, o, "why", &a->why);
    asc__walk_text_if(w, o, "verdict", &a->verdict);
    asc__walk_number(w, o, "search_tokens", &a->search_tokens);
    asc__walk_number(w, o, "search_seconds", &a->search_seconds);
    asc__walk_number(w, o, "search_multiple", &a->search_multiple);
    asc__walk_number(w, o, "pays_from_tokens", &a->pays_from_tokens);
    asc__walk_number(w, o, "search_flops", &a->search_flops);
    asc__walk_number(w, o, "search_share", &a->search_share);
    asc__walk_number(w, o, "search_at_most", &a->search_at_most);
}

/* ---- tasks ---- */

static void values(walk *w, json_t *o, asc_summary_score *v)
{
    if (w->write)
        json_object_set_new(o, "values", json_array());
    json_t *all = json_object_get(o, "values");
    if (!w->write) {
        v->n_values = json_array_size(all);
        v->values = asc__walk_room(w, v->n_values, sizeof *v->values);
    }
    for (size_t i = 0; v->values && i < v->n_values; i++) {
        const json_t *x = w->write ? NULL : json_array_get(all, i);
        if (w->write)
            json_array_append_new(all, asc_json_num(v->values[i]));
        else
            v->values[i] = json_is_number(x) ? json_number_value(x) : NAN;
    }
}

static void score_at(walk *w, json_t *o, void *item)
{
    asc_summary_score *v = item;
    asc__walk_text(w, o, "name", &v->name);
    values(w, o, v);
    asc__walk_number(w, o, "mean", &v->mean);
    asc__walk_number(w, o, "sd", &v->sd);
    asc__walk_number(w, o, "min", &v->lo);
    asc__walk_number(w, o, "max", &v->hi);
}

static void task_at(walk *w, json_t *o, void *item)
{
    asc_summary_task *t = item;
    asc__walk_text(w, o, "kind", &t->kind);
    asc__walk_text(w, o, "task", &t->task);
    asc__walk_text(w, o, "figure", &t->figure);
    asc__walk_text(w, o, "better", &t->better);
    asc__walk_number(w, o, "chance", &t->chance);
    asc__walk_whole(w, o, "n", &t->n_items);
    ASC__WALK_LIST(w, o, "mixtures", t, n_mixtures, mixtures, score_at);
}

/* {target: {"items", "bytes_per_token"}} */
static void task_targets(walk *w, json_t *o)
{
    asc_summary *s = w->s;
    if (w->write && !s->n_task_targets)
        return;
    json_t *map = asc__walk_inside(w, o, "task_targets"), *value;
    const char *name;
    if (!w->write)
        s->task_targets = asc__walk_room(w, json_object_size(map), sizeof *s->task_targets);
    for (size_t i = 0; w->write && i < s->n_task_targets; i++) {
        asc_summary_task_target *t = &s->task_targets[i];
        json_t *x = asc__walk_inside(w, map, t->name);
        asc__walk_count(w, x, "items", &t->n_items);
        asc__walk_number(w, x, "bytes_per_token", &t->bytes_per_token);
    }
    if (w->write)
        return;
    json_object_foreach(map, name, value)
    {
        asc_summary_task_target *t = s->task_targets ? &s->task_targets[s->n_task_targets++] : NULL;
        if (!t)
            return;
        t->name = asc_summary_text(w->s, name);
        asc__walk_count(w, value, "items", &t->n_items);
        asc__walk_number(w, value, "bytes_per_token", &t->bytes_per_token);
    }
}

static void set_at(walk *w, json_t *o, void *item)
{
    asc_summary_set *t = item;
    asc__walk_text(w, o, "name", &t->name);
    asc__walk_whole(w, o, "items", &t->n_items);
    asc__walk_whole(w, o, "too_short", &t->too_short);
    asc__walk_whole(w, o, "found", &t->found);
    json_t *in = asc__walk_inside(w, o, "in"), *value;
    const char *name;
    for (size_t i = 0; w->write && i < t->n_in; i++)
        asc__walk_whole(w, in, t->in[i].name, &t->in[i].n);
    if (w->write)
        return;
    t->in = asc__walk_room(w, json_object_size(in), sizeof *t->in);
    json_object_foreach(in, name, value)
    {
        if (t->in)
            t->in[t->n_in++] =
                (asc_summary_count){asc_summary_text(w->s, name), json_is_number(value) ? json_number_value(value) : 0};
    }
}

static void searched_at(walk *w, json_t *o, void *item)
{
    asc_summary_searched *d = item;
    asc__walk_text(w, o, "name", &d->name);
    asc__walk_truth(w, o, "searched", &d->searched);
    asc__walk_whole(w, o, "documents", &d->documents);
    asc__walk_whole(w, o, "rejected", &d->rejected);
    asc__walk_whole(w, o, "found", &d->found);
}

static void contamination_at(walk *w, json_t *o, asc_summary_contamination *c)
{
    asc__walk_whole(w, o, "n", &c->n_words);
    ASC__WALK_LIST(w, o, "sets", c, n_sets, sets, set_at);
    ASC__WALK_LIST(w, o, "domains", c, n_domains, domains, searched_at);
    int mode = (int)c->mode;
    asc__walk_word(w, o, "mode", modes, sizeof modes / sizeof *modes, &mode);
    c->mode = (asc_contamination_mode)mode;
}

/* ---- runs ---- */

static void bursts(walk *w, json_t *o, asc_summary_run *r)
{
    json_t *x = json_object_get(o, "bursts");
    if (w->write && r->bursts.n > 0) {
        x = asc_bursts_json(&r->bursts);
        json_object_set_new(o, "bursts", x);
    } else if (w->write || !json_is_object(x))
        return;
    if (!w->write) {
        asc_bursts *b = &r->bursts;
        asc__walk_count(w, x, "steps", &b->n);
        asc__walk_count(w, x, "step", &b->step);
        asc__walk_whole(w, x, "tokens", &b->tokens);
        asc__walk_number(w, x, "grad_norm", &b->grad_norm);
        asc__walk_number(w, x, "times", &b->times);
        asc__walk_number(w, x, "loss_up", &b->loss_up);
    }
    asc__walk_number(w, x, "above", &r->burst_above);
    asc__walk_interval(w, x, "alike", &r->burst_alike);
}

static void run_at(walk *w, json_t *o, void *item)
{
    asc_summary_run *r = item;
    asc__walk_text(w, o, "id", &r->id);
    asc__walk_run_kind(w, o, &r->kind);
    asc__walk_number(w, o, "scale", &r->scale);
    asc__walk_text(w, o, "mixture", &r->mixture);
    asc__walk_text(w, o, "domain", &r->domain);
    asc__walk_seed(w, o, &r->seed);
    asc__walk_run_state(w, o, &r->state);
    asc__walk_whole_if(w, o, "params", &r->params);
    asc__walk_number(w, o, "tokens", &r->tokens);
    asc__walk_number(w, o, "objective", &r->objective);
    asc__walk_losses(w, o, &r->loss);
    asc__walk_number(w, o, "wall_s", &r->wall_s);
    asc__walk_number(w, o, "lr", &r->lr);
    asc__walk_number(w, o, "retries", &r->n_retries);
    asc__walk_text_if(w, o, "why", &r->why);
    bursts(w, o, r);
}

/* ---- the whole ---- */

/* D and V and their names, before all that goes by them. Without `domains` those of the first mixture that is there. */
static void names_at(walk *w, json_t *o)
{
    asc_summary *s = w->s;
    ASC__WALK_LIST(w, o, "domains", s, n_domains, domains, domain_at);
    json_t *all = json_object_get(o, "targets");
    if (w->write) {
        all = json_array();
        for (size_t v = 0; v < s->n_targets; v++)
            json_array_append_new(all, json_string(s->targets[v]));
        json_object_set_new(o, "targets", all);
        return;
    }
    s->targets = asc__walk_room(w, json_array_size(all), sizeof *s->targets);
    for (size_t v = 0; s->targets && v < json_array_size(all); v++) {
        const char *name = asc_summary_text(w->s, json_string_value(json_array_get(all, v)));
        s->targets[s->n_targets++] = name ? name : "";
    }
}

static void target_run_at(walk *w, json_t *o, asc_summary_target_run *t)
{
    asc__walk_whole(w, o, "tokens", &t->tokens);
    asc__walk_whole(w, o, "params", &t->params);
    asc__walk_number(w, o, "flops", &t->flops);
    asc__walk_truth(w, o, "trained", &t->trained);
}

static void summary_at(walk *w, json_t *o)
{
    asc_summary *s = w->s;
    json_t *x = NULL;
    int state = (int)s->state;
    asc__walk_text(w, o, "study", &s->study);
    asc__walk_text(w, o, "version", &s->version);
    asc__walk_text(w, o, "objective", &s->objective);
    asc__walk_text_if(w, o, "created", &s->created);
    asc__walk_word(w, o, "state", states, sizeof states / sizeof *states, &state);
    s->state = (asc_study_state)state;
    names_at(w, o);
    facts(w, o, "model", &s->model);
    facts(w, o, "training", &s->training);
    facts(w, o, "machine", &s->machine);
    ASC__WALK_LIST(w, o, "scales", s, n_scales, scales, scale_at);
    if ((!w->write || s->prediction.known) && asc__walk_maybe(w, o, "prediction", &s->prediction.known, &x))
        prediction_at(w, x, &s->prediction);
    if ((!w->write || s->target.known) && asc__walk_maybe(w, o, "target", &s->target.known, &x))
        target_at(w, x, &s->target);
    if ((!w->write || s->target_run.known) && asc__walk_maybe(w, o, "target_run", &s->target_run.known, &x))
        target_run_at(w, x, &s->target_run);
    if ((!w->write || s->search.known) && asc__walk_maybe(w, o, "search", &s->search.known, &x))
        search_at(w, x, &s->search);
    if ((!w->write || s->answer.known) && asc__walk_maybe(w, o, "answer", &s->answer.known, &x))
        answer_at(w, x, &s->answer);
    if (!w->write || s->n_rivals)
        ASC__WALK_LIST(w, o, "rivals", s, n_rivals, rivals, rival_at);
    if (!w->write || s->n_tasks)
        ASC__WALK_LIST(w, o, "tasks", s, n_tasks, tasks, task_at);
    task_targets(w, o);
    if ((!w->write || s->contamination.known) && asc__walk_maybe(w, o, "contamination", &s->contamination.known, &x))
        contamination_at(w, x, &s->contamination);
    ASC__WALK_LIST(w, o, "runs", s, n_runs, runs, run_at);
    asc__walk_notes(w, o, &s->notes);
}

json_t *asc_summary_json(asc_summary *s)
{
    walk w = {.s = s, .write = true};
    json_t *o = json_object();
    if (o)
        summary_at(&w, o);
    return o;
}

json_t *asc_summary_answer_json(asc_summary *s)
{
    walk w = {.s = s, .write = true};
    json_t *o = s->answer.known ? json_object() : json_null();
    if (s->answer.known && o)
        answer_at(&w, o, &s->answer);
    return o;
}

json_t *asc_summary_prediction_json(asc_summary *s)
{
    walk w = {.s = s, .write = true};
    json_t *o = s->prediction.known ? json_object() : json_null();
    if (s->prediction.known && o)
        prediction_at(&w, o, &s->prediction);
    return o;
}

json_t *asc_summary_target_run_json(asc_summary *s)
{
    walk w = {.s = s, .write = true};
    json_t *o = s->target_run.known ? json_object() : json_null();
    if (s->target_run.known && o)
        target_run_at(&w, o, &s->target_run);
    return o;
}

/* A document with a list of domains, where it has none: the names of the first mixture that it holds. */
static json_t *with_domains(const json_t *doc)
{
    const json_t *scales = json_object_get(doc, "scales");
    const json_t *names = json_object_get(json_object_get(doc, "answer"), "weights");
    if (json_array_size(json_object_get(doc, "domains")))
        return json_incref((json_t *)(uintptr_t)doc);
    if (json_object_size(names) == 0)
        names = json_object_get(json_object_get(doc, "prediction"), "weights");
    for (size_t i = json_array_size(scales); i-- > 0 && json_object_size(names) == 0;)
        names = json_object_get(json_array_get(scales, i), "optimum");
    json_t *copy = json_copy((json_t *)(uintptr_t)doc), *domains = json_array(), *value;
    const char *name;
    json_object_foreach((json_t *)(uintptr_t)names, name, value)
    {
        json_array_append_new(domains, json_pack("{s:s}", "name", name));
    }
    json_object_set_new(copy, "domains", domains);
    return copy;
}

asc_status asc_summary_read(asc_summary **out, const json_t *doc, asc_error *err)
{
    if (!json_is_object(doc))
        return ASC_FAIL(err, ASC_EINVAL, "the study's summary is no JSON object");
    json_t *whole_doc = with_domains(doc);
    walk w = {.s = asc_summary_create(0, 0)};
    if (w.s && whole_doc)
        summary_at(&w, whole_doc);
    json_decref(whole_doc);
    if (!w.s || !whole_doc || w.s->oom) {
        asc_summary_free(w.s);
        return ASC_NOMEM(err);
    }
    *out = w.s;
    return ASC_OK;
}

asc_summary_facts asc_summary_facts_of(asc_summary *s, const json_t *object)
{
    walk w = {.s = s};
    return facts_of(&w, object);
}

asc_summary_contamination asc_summary_contamination_of(asc_summary *s, const json_t *report)
{
    walk w = {.s = s};
    asc_summary_contamination c = {.known = true};
    contamination_at(&w, (json_t *)(uintptr_t)report, &c);
    return c;
}

/* ---- the corpus ---- */

asc_status asc_store_put_corpus(asc_store *store, asc_summary_domain *domains, size_t n, asc_error *err)
{
    walk w = {.write = true};
    json_t *all = json_array();
    for (size_t i = 0; all && i < n; i++) {
        json_t *o = json_object();
        counted_at(&w, o, &domains[i]);
        json_array_append_new(all, o);
    }
    asc_status st = all ? asc_store_put_doc(store, "corpus", all, err) : ASC_NOMEM(err);
    json_decref(all);
    return st;
}

asc_status asc_store_get_corpus(asc_summary **out, asc_store *store, asc_error *err)
{
    json_t *doc = NULL;
    ASC_TRY(asc_store_get_doc(&doc, store, "corpus", err));
    asc_summary *s = asc_summary_create(json_array_size(doc), 0);
    walk w = {.s = s};
    for (size_t i = 0; s && i < s->n_domains; i++)
        counted_at(&w, json_array_get(doc, i), &s->domains[i]);
    json_decref(doc);
    if (!s || s->oom) {
        asc_summary_free(s);
        return ASC_NOMEM(err);
    }
    *out = s;
    return ASC_OK;
}
