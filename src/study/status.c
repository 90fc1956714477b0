/* How far a study is: from the store and the metrics of the runs under way, so that it works beside a running
 * coordinator and from another host. */
#include "steps.h"

#include <math.h>
#include <string.h>

#include "spec/spec_json.h"

typedef struct counts {
    size_t by_state[5];
    double tokens_done, seconds_done, tokens_left;
    size_t running;
} counts;

static counts count(const asc_store_run *runs, size_t n)
{
    counts c = {0};
    for (size_t i = 0; i < n; i++) {
        const asc_store_run *r = &runs[i];
        double wall_s = r->result ? r->result->wall_s : NAN;
        double tokens = asc__run_tokens(r);
        c.by_state[r->state]++;
        if (r->state == ASC_RUN_PENDING || r->state == ASC_RUN_RUNNING)
            c.tokens_left += tokens;
        if (!isnan(wall_s)) {
            c.tokens_done += tokens;
            c.seconds_done += wall_s;
        }
    }
    return c;
}

/* The state of the summary is what the coordinator last wrote; one that died wrote nothing. */
static asc_study_state state_now(const asc_summary *summary, const asc_store_owner *owner)
{
    if (owner->alive)
        return ASC_STUDY_RUNNING;
    return !summary || summary->state == ASC_STUDY_RUNNING ? ASC_STUDY_INTERRUPTED : summary->state;
}

static json_t *running_json(const asc_store_run *runs, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        if (runs[i].state == ASC_RUN_RUNNING)
            json_array_append_new(list, json_string(runs[i].id));
    return list;
}

/* [[id, …], …]: runs that one program or cluster's job makes together; null where each has its own. */
static json_t *groups_json(const asc_store_run *runs, size_t n)
{
    json_t *list = json_array();
    bool grouped = false;
    for (size_t i = 0; i < n; i++) {
        const asc_store_run *r = &runs[i];
        size_t first = 0;
        if (r->state != ASC_RUN_RUNNING || (r->pid <= 0 && !r->job))
            continue;
        while (first < i && !(runs[first].state == ASC_RUN_RUNNING && runs[first].pid == r->pid &&
                              strcmp(runs[first].job ? runs[first].job : "", r->job ? r->job : "") == 0))
            first++;
        json_t *group = NULL, *other;
        size_t k;
        json_array_foreach(list, k, other) if (first < i && strcmp(json_string_value(json_array_get(other, 0)),
                                                                   runs[first].id) == 0) group = other;
        grouped |= group != NULL;
        if (group)
            json_array_append_new(group, json_string(r->id));
        else
            json_array_append_new(list, json_pack("[s]", r->id));
    }
    if (grouped)
        return list;
    json_decref(list);
    return json_null();
}

/* [{"scale","target","done","running","left","failed"}]: runs by budget in the order in which they were planned, those
 * at the target by themselves. */
static json_t *scales_json(const asc_store_run *runs, size_t n, bool alive)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        size_t k, by[5] = {0}, first = 0;
        bool target = runs[i].kind == ASC_KIND_TARGET;
        while (first < i && !(runs[first].scale == runs[i].scale && (runs[first].kind == ASC_KIND_TARGET) == target))
            first++;
        if (first < i)
            continue;
        for (k = i; k < n; k++)
            if (runs[k].scale == runs[i].scale && (runs[k].kind == ASC_KIND_TARGET) == target)
                by[runs[k].state]++;
        size_t running = alive ? by[ASC_RUN_RUNNING] : 0;
        json_t *o = json_object();
        json_object_set_new(o, "scale", asc_json_tally(runs[i].scale));
        json_object_set_new(o, "target", json_boolean(target));
        json_object_set_new(o, "done", json_integer((json_int_t)(by[ASC_RUN_DONE] + by[ASC_RUN_DIVERGED])));
        json_object_set_new(o, "running", json_integer((json_int_t)running));
        json_object_set_new(o, "left", json_integer((json_int_t)(by[ASC_RUN_PENDING] + by[ASC_RUN_RUNNING] - running)));
        json_object_set_new(o, "failed", json_integer((json_int_t)by[ASC_RUN_FAILED]));
        json_array_append_new(list, o);
    }
    return list;
}

/* What the runs under way have reached, by their own metrics in the study's folder. */
static json_t *progress_json(const char *dir, const char *metrics, const asc_store_run *runs, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        if (runs[i].state != ASC_RUN_RUNNING)
            continue;
        char *path = asc_strf("%s/runs/%s/%s", dir, runs[i].id, metrics ? metrics : "metrics.jsonl");
        json_t *o = path ? asc__metrics_json(path) : NULL;
        o = o ? o : json_pack("{s:i,s:n,s:[],s:[]}", "tokens", 0, "loss", "curve", "valid");
        json_object_set_new(o, "id", json_string(runs[i].id));
        json_object_set_new(o, "tokens_total", asc_json_num(asc__run_tokens(&runs[i])));
        json_array_append_new(list, o);
        asc_free(path);
    }
    return list;
}

static json_t *failures_json(const asc_store_run *runs, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        if (runs[i].state == ASC_RUN_FAILED || runs[i].state == ASC_RUN_DIVERGED)
            json_array_append_new(list,
                                  json_pack("{s:s,s:s,s:s}", "id", runs[i].id, "state",
                                            asc_run_state_name(runs[i].state), "why", runs[i].why ? runs[i].why : ""));
    return list;
}

/* Runs that diverged first and ended well at a lower rate. */
static json_t *retried_json(const asc_store_run *runs, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        if (runs[i].state == ASC_RUN_DONE && runs[i].result && runs[i].result->n_retries > 0)
            json_array_append_new(list, json_pack("{s:s,s:i,s:o}", "id", runs[i].id, "retries",
                                                  runs[i].result->n_retries, "lr", asc_json_num(runs[i].result->lr)));
    return list;
}

/* Runs that ended well but for a burst of gradients on the way. */
static json_t *bursts_json(const asc_store_run *runs, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        const asc_bursts *found = asc__run_bursts(&runs[i]);
        if (!found)
            continue;
        json_t *o = json_pack("{s:s}", "id", runs[i].id), *figures = asc_bursts_json(found);
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

static json_t *status_json(asc_summary *summary, const asc_store_owner *owner, const asc_store_run *runs, size_t n)
{
    counts c = count(runs, n);
    bool alive = owner->alive;
    size_t done = c.by_state[ASC_RUN_DONE] + c.by_state[ASC_RUN_DIVERGED];
    size_t running = alive ? c.by_state[ASC_RUN_RUNNING] : 0;
    size_t left = c.by_state[ASC_RUN_PENDING] + c.by_state[ASC_RUN_RUNNING] - running;
    /* Seconds of process time a token, shared by as many as run now. */
    double left_s = c.tokens_done > 0 ? c.tokens_left * c.seconds_done / c.tokens_done / fmax(1, (double)running) : NAN;
    const char *name = summary ? summary->study : NULL;
    json_t *o = json_object();
    json_object_set_new(o, "study", json_string(name ? name : ""));
    json_object_set_new(o, "state", json_string(asc_study_state_name(state_now(summary, owner))));
    json_object_set_new(o, "done", json_integer((json_int_t)done));
    json_object_set_new(o, "failed", json_integer((json_int_t)c.by_state[ASC_RUN_FAILED]));
    json_object_set_new(o, "diverged", json_integer((json_int_t)c.by_state[ASC_RUN_DIVERGED]));
    json_object_set_new(o, "running", json_integer((json_int_t)running));
    json_object_set_new(o, "left", json_integer((json_int_t)left));
    json_object_set_new(o, "seconds_left", c.tokens_left > 0 ? asc_json_num(left_s) : json_integer(0));
    json_object_set_new(o, "scales", scales_json(runs, n, alive));
    json_object_set_new(o, "running_runs", alive ? running_json(runs, n) : json_array());
    json_object_set_new(o, "groups", alive ? groups_json(runs, n) : json_null());
    json_object_set_new(o, "problems", failures_json(runs, n));
    json_object_set_new(o, "answer", answer_json(summary));
    if (summary)
        asc_notes_put(o, &summary->notes);
    json_object_set_new(o, "retried", retried_json(runs, n));
    json_object_set_new(o, "bursts", bursts_json(runs, n));
    if (owner->pid)
        json_object_set_new(
            o, "coordinator",
            json_pack("{s:s,s:I,s:b}", "host", owner->host, "pid", (json_int_t)owner->pid, "alive", alive));
    return o;
}

asc_status asc_study_status(json_t **out, asc_summary **summary_out, const char *dir, asc_error *err)
{
    asc_store *store = NULL;
    asc_store_run *runs = NULL;
    asc_store_owner owner;
    size_t n = 0;
    asc_summary *summary = NULL;
    json_t *source = NULL;
    ASC_TRY(asc_store_open_readonly(&store, dir, err));
    asc_status st = asc_store_get_summary(&summary, store, err);
    if (st == ASC_OK)
        st = asc_store_get_doc(&source, store, "source", err);
    if (st == ASC_OK)
        st = asc_store_runs(&runs, &n, store, err);
    if (st == ASC_OK)
        st = asc_store_owner_get(&owner, dir, err);
    if (st == ASC_OK && !(*out = status_json(summary, &owner, runs, n)))
        st = ASC_NOMEM(err);
    if (st == ASC_OK)
        json_object_set_new(
            *out, "progress",
            progress_json(dir, json_string_value(json_object_get(source, "metrics")), runs, owner.alive ? n : 0));
    json_decref(source);
    if (st == ASC_OK)
        *summary_out = summary;
    else
        asc_summary_free(summary);
    asc_store_runs_free(runs, n);
    asc_store_close(store);
    return st;
}
