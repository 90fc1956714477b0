/* How far a study is, as a document: every key of `status --json` stands here once. */
#include "study/study_progress.h"

#include "spec/spec_json.h"

static json_t *count_json(size_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *scales_json(const asc_study_progress *p)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->n_scales; i++) {
        const asc_progress_scale *x = &p->scales[i];
        json_t *o = json_object();
        json_object_set_new(o, "scale", asc_json_tally(x->tokens));
        if (x->params > 0)
            json_object_set_new(o, "params", asc_json_tally(x->params));
        json_object_set_new(o, "target", json_boolean(x->target));
        json_object_set_new(o, "done", count_json(x->done));
        json_object_set_new(o, "running", count_json(x->running));
        json_object_set_new(o, "left", count_json(x->left));
        json_object_set_new(o, "failed", count_json(x->failed));
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *running_json(const asc_study_progress *p)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->n_under_way; i++)
        json_array_append_new(list, json_string(p->under_way[i].run->id));
    return list;
}

/* [[id, …], …]; null where each run has a program of its own. */
static json_t *groups_json(const asc_study_progress *p)
{
    json_t *list = p->n_groups ? json_array() : json_null();
    for (size_t i = 0; i < p->n_groups; i++) {
        json_t *ids = json_array();
        for (size_t k = 0; k < p->groups[i].n; k++)
            json_array_append_new(ids, json_string(p->groups[i].ids[k]));
        json_array_append_new(list, ids);
    }
    return list;
}

static json_t *problems_json(const asc_study_progress *p)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->n_problems; i++) {
        const asc_store_run *r = p->problems[i];
        json_array_append_new(list, json_pack("{s:s,s:s,s:s}", "id", r->id, "state", asc_run_state_name(r->state),
                                              "why", r->why ? r->why : ""));
    }
    return list;
}

static json_t *stopped_json(const asc_study_progress *p)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->n_stopped; i++) {
        const asc_store_run *r = p->stopped[i];
        json_array_append_new(list, json_pack("{s:s,s:s}", "id", r->id, "why", r->why ? r->why : ""));
    }
    return list;
}

static json_t *retried_json(const asc_study_progress *p)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->n_retried; i++) {
        const asc_store_run *r = p->retried[i];
        json_array_append_new(list, json_pack("{s:s,s:i,s:o}", "id", r->id, "retries", r->result->n_retries, "lr",
                                              asc_json_num(r->result->lr)));
    }
    return list;
}

static json_t *bursts_json(const asc_study_progress *p)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->n_bursts; i++) {
        const asc_store_run *r = p->bursts[i];
        json_t *o = json_pack("{s:s}", "id", r->id), *figures = asc_bursts_json(&r->result->bursts);
        json_object_update(o, figures);
        json_decref(figures);
        json_array_append_new(list, o);
    }
    return list;
}

/* What has been decided, in short: null before. */
static json_t *answer_json(asc_summary *summary)
{
    static const char *const keys[] = {"name", "gain", "expected", "why"};
    if (!summary || !summary->answer.known)
        return json_null();
    json_t *whole = asc_summary_answer_json(summary), *o = json_object();
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        json_object_set(o, keys[i], json_object_get(whole, keys[i]));
    json_object_set_new(o, "objective", json_string(summary->objective ? summary->objective : ""));
    json_decref(whole);
    return o;
}

static json_t *curve_json(const asc_run_metrics *m)
{
    json_t *list = json_array();
    for (size_t i = 0; i < m->n_curve; i++)
        json_array_append_new(list, json_pack("{s:o,s:o}", "tokens", asc_json_num(m->curve_tokens[i]), "loss",
                                              asc_json_num(m->curve_loss[i])));
    return list;
}

static json_t *valid_json(const asc_run_metrics *m)
{
    json_t *list = json_array();
    for (size_t i = 0; i < m->n_valid; i++) {
        const asc_metrics_point *p = &m->valid[i];
        json_t *loss = json_object();
        for (size_t k = 0; k < p->n; k++)
            json_object_set_new(loss, p->names[k], asc_json_num(p->loss[k]));
        json_array_append_new(list, json_pack("{s:o,s:o}", "tokens", asc_json_num(p->tokens), "loss", loss));
    }
    return list;
}

static json_t *under_way_json(const asc_study_progress *p)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->n_under_way; i++) {
        const asc_progress_run *r = &p->under_way[i];
        const asc_run_metrics *m = &r->metrics;
        json_t *o = json_object();
        json_object_set_new(o, "tokens", m->n_lines ? asc_json_num(m->tokens) : json_integer(0));
        json_object_set_new(o, "loss", asc_json_num(m->loss));
        json_object_set_new(o, "curve", curve_json(m));
        json_object_set_new(o, "valid", valid_json(m));
        json_object_set_new(o, "id", json_string(r->run->id));
        json_object_set_new(o, "tokens_total", asc_json_num(r->tokens_total));
        json_array_append_new(list, o);
    }
    return list;
}

json_t *asc_study_progress_json(const asc_study_progress *p)
{
    asc_summary *summary = p->summary;
    const asc_store_owner *owner = &p->owner;
    json_t *o = json_object();
    json_object_set_new(o, "study", json_string(summary && summary->study ? summary->study : ""));
    json_object_set_new(o, "state", json_string(asc_study_state_name(p->state)));
    json_object_set_new(o, "done", count_json(p->done));
    json_object_set_new(o, "failed", count_json(p->failed));
    json_object_set_new(o, "diverged", count_json(p->diverged));
    json_object_set_new(o, "running", count_json(p->running));
    json_object_set_new(o, "left", count_json(p->left));
    json_object_set_new(o, "seconds_left", p->seconds_left == 0 ? json_integer(0) : asc_json_num(p->seconds_left));
    json_object_set_new(o, "scales", scales_json(p));
    json_object_set_new(o, "running_runs", running_json(p));
    json_object_set_new(o, "groups", groups_json(p));
    json_object_set_new(o, "problems", problems_json(p));
    json_object_set_new(o, "answer", answer_json(summary));
    if (summary)
        asc_notes_put(o, &summary->notes);
    json_object_set_new(o, "retried", retried_json(p));
    json_object_set_new(o, "bursts", bursts_json(p));
    json_object_set_new(o, "stopped", stopped_json(p));
    if (owner->pid)
        json_object_set_new(
            o, "coordinator",
            json_pack("{s:s,s:I,s:b}", "host", owner->host, "pid", (json_int_t)owner->pid, "alive", owner->alive));
    json_object_set_new(o, "progress", under_way_json(p));
    return o;
}
