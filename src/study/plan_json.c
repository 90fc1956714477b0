/* A plan as a document: every key of `plan --json` stands here once. */
#include "study/study_plan.h"

#include "spec/spec_json.h"

void asc_plan_free(asc_plan *p)
{
    if (!p)
        return;
    asc_store_runs_free(p->there, p->n_there);
    asc_notes_clear(&p->notes);
    asc_arena_clear(&p->arena);
    asc_free(p->runs);
    asc_free(p->rivals);
    asc_free(p);
}

const char *asc_plan_run_state(const asc_plan *p, const asc_plan_run *r)
{
    return !p->begun ? NULL : r->there ? asc_run_state_name(r->there->state) : "planned";
}

/* {domain: epochs}; null of a mixture that is not known yet. */
static json_t *epochs_json(const asc_plan *p, const double *epochs)
{
    if (!epochs)
        return json_null();
    json_t *o = json_object();
    for (size_t i = 0; i < p->n_domains; i++)
        json_object_set_new(o, p->domains[i], asc_json_num(epochs[i]));
    return o;
}

static json_t *run_json(const asc_plan *p, const asc_plan_run *r)
{
    const char *state = asc_plan_run_state(p, r);
    json_t *o = json_object();
    json_object_set_new(o, "id", json_string(r->id));
    json_object_set_new(o, "kind", json_string(asc_run_kind_name(r->kind)));
    json_object_set_new(o, "scale", asc_json_tally(r->scale));
    json_object_set_new(o, "mixture", json_string(r->mixture));
    json_object_set_new(o, "domain", r->domain ? json_string(r->domain) : json_null());
    json_object_set_new(o, "seed", json_integer((json_int_t)r->seed));
    json_object_set_new(o, "tokens", asc_json_tally(r->tokens));
    json_object_set_new(o, "params", asc_json_tally(r->params));
    json_object_set_new(o, "epochs", epochs_json(p, r->epochs));
    json_object_set_new(o, "flops", asc_json_num(r->flops));
    json_object_set_new(o, "seconds", asc_json_num(r->seconds));
    if (state)
        json_object_set_new(o, "state", json_string(state));
    return o;
}

static json_t *runs_json(const asc_plan *p)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->n_runs; i++)
        json_array_append_new(list, run_json(p, &p->runs[i]));
    return list;
}

static json_t *heldout_json(const asc_plan *p)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->n_heldout; i++)
        json_array_append_new(list, json_string(p->heldout[i]));
    return list;
}

static json_t *groups_json(const asc_plan *p)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->n_groups; i++) {
        const asc_plan_group *g = &p->groups[i];
        json_array_append_new(list, json_pack("{s:s,s:I,s:I,s:I}", "phase", g->phase, "runs", (json_int_t)g->runs,
                                              "groups", (json_int_t)g->groups, "largest", (json_int_t)g->largest));
    }
    return list;
}

static json_t *part_json(const asc_plan_part *x)
{
    return json_pack("{s:I,s:o,s:o}", "runs", (json_int_t)x->runs, "flops", asc_json_num(x->flops), "share",
                     asc_json_num(x->share));
}

static json_t *search_json(const asc_plan_search *x)
{
    json_t *o = json_object();
    json_object_set_new(o, "method", json_string(asc_search_method_name(x->method)));
    json_object_set_new(o, "at_most", asc_json_num(x->at_most));
    json_object_set_new(o, "flops", asc_json_num(x->flops));
    json_object_set_new(o, "target_flops", asc_json_num(x->target_flops));
    json_object_set_new(o, "share", asc_json_num(x->share));
    json_object_set_new(o, "seconds", asc_json_num(x->seconds));
    json_object_set_new(o, "share_of_time", asc_json_num(x->share_of_time));
    if (x->pause_tokens > 0)
        json_object_set_new(o, "pause_tokens", asc_json_num(x->pause_tokens));
    if (x->method != ASC_SEARCH_BRANCH)
        return o;
    if (x->proxies.runs)
        json_object_set_new(o, "proxies", part_json(&x->proxies));
    json_object_set_new(o, "prefix", part_json(&x->prefix));
    json_object_set_new(o, "branches", part_json(&x->branches));
    json_object_set_new(o, "merges", part_json(&x->merges));
    json_object_set_new(o, "prefix_tokens", asc_json_num(x->prefix_tokens));
    json_object_set_new(o, "branch_tokens", asc_json_num(x->branch_tokens));
    json_object_set_new(o, "eval_tokens", json_integer((json_int_t)x->eval_tokens));
    json_t *at = x->n_at ? json_array() : NULL;
    for (size_t k = 0; k < x->n_at; k++)
        json_array_append_new(at, asc_json_num(x->at[k]));
    if (at)
        json_object_set_new(o, "at", at);
    return o;
}

static json_t *rivals_json(const asc_plan *p)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->n_rivals; i++) {
        const asc_plan_rival *r = &p->rivals[i];
        json_array_append_new(list, json_pack("{s:s,s:s,s:I,s:o,s:o,s:o,s:o}", "name", r->name, "method", r->method,
                                              "runs", (json_int_t)r->runs, "tokens", asc_json_tally(r->tokens), "flops",
                                              asc_json_num(r->flops), "share", asc_json_num(r->share), "seconds",
                                              asc_json_num(r->seconds)));
    }
    return list;
}

json_t *asc_plan_json(const asc_plan *p)
{
    json_t *o = json_object();
    json_object_set_new(o, "objective", json_string(p->objective));
    json_object_set_new(o, "heldout", heldout_json(p));
    json_object_set_new(o, "runs", runs_json(p));
    json_object_set_new(o, "n_runs", json_integer((json_int_t)p->n_runs));
    if (p->begun)
        json_object_set_new(o, "kept", json_integer((json_int_t)p->n_kept));
    json_object_set_new(o, "tokens", asc_json_tally(p->tokens));
    json_object_set_new(o, "flops", asc_json_num(p->flops));
    json_object_set_new(o, "seconds", asc_json_num(p->seconds));
    json_object_set_new(o, "bytes", asc_json_num(p->bytes));
    json_object_set_new(o, "search_tokens", asc_json_tally(p->search_tokens));
    json_object_set_new(o, "search_multiple", asc_json_num(p->search_multiple));
    json_object_set_new(o, "search", search_json(&p->search));
    if (p->n_rivals)
        json_object_set_new(o, "rivals", rivals_json(p));
    json_object_set_new(o, "jobs", json_integer(p->jobs));
    if (p->n_groups)
        json_object_set_new(o, "groups", groups_json(p));
    json_object_set_new(o, "params", json_integer((json_int_t)p->n_params));
    json_object_set_new(o, "target_tokens", asc_json_tally(p->target_tokens));
    json_object_set_new(o, "target_trained", json_boolean(p->target_trained));
    json_object_set_new(o, "target_params", asc_json_tally(p->target_params));
    json_object_set_new(o, "memory_bytes", asc_json_num(p->memory));
    json_object_set_new(o, "judged", json_integer((json_int_t)p->n_judged));
    json_object_set_new(o, "judged_seconds", asc_json_num(p->judged_seconds));
    json_object_set_new(o, "tokens_per_s", asc_json_num(p->tokens_per_s));
    asc_notes_put(o, &p->notes);
    return o;
}
