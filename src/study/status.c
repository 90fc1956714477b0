/* How far a study is: counts, groups and lists of its runs, and the metrics of those under way. */
#include "steps.h"

#include <math.h>
#include <string.h>

/* n zeroed things of this size that live as long as p; *out NULL of none. */
static asc_status room(void *out, asc_study_progress *p, size_t n, size_t size, asc_error *err)
{
    void *at = n ? asc_arena_alloc(&p->arena, n * size) : NULL;
    memcpy(out, &at, sizeof at);
    return n && !at ? ASC_NOMEM(err) : ASC_OK;
}

/* ---- counts ---- */

/* The state of the summary is what the coordinator last wrote; one that died wrote nothing. */
static asc_study_state state_now(const asc_summary *summary, const asc_store_owner *owner)
{
    if (owner->alive)
        return ASC_STUDY_RUNNING;
    return !summary || summary->state == ASC_STUDY_RUNNING ? ASC_STUDY_INTERRUPTED : summary->state;
}

/* Seconds of process time per token so far, shared by as many programs as there are now. */
static double seconds_left(const asc_study_progress *p)
{
    double tokens_done = 0, seconds_done = 0, tokens_left = 0;
    size_t programs = p->n_groups ? p->n_groups : p->running;
    for (size_t i = 0; i < p->n_runs; i++) {
        const asc_store_run *r = &p->runs[i];
        const asc_store_run *pause = asc__pause_of(p->runs, p->n_runs, r);
        double wall_s = r->result ? r->result->wall_s : NAN;
        double tokens = asc__run_tokens(r) - (pause ? asc__run_tokens(pause) : 0);
        if (r->state == ASC_RUN_PENDING || r->state == ASC_RUN_RUNNING)
            tokens_left += tokens;
        if (!isnan(wall_s)) {
            tokens_done += tokens;
            seconds_done += wall_s;
        }
    }
    if (!(tokens_left > 0))
        return 0;
    return tokens_done > 0 ? tokens_left * seconds_done / tokens_done / fmax(1, (double)programs) : NAN;
}

/* Parameters of a star's run where its scale is told apart by them, else 0: the store knows its model, the summary what
 * that amounts to. */
static double params_of(const asc_study_progress *p, const asc_store_run *r)
{
    const asc_summary *s = p->summary;
    bool shared = false;
    for (size_t k = 0; s && asc__is_star(r->kind) && k < s->n_scales; k++)
        shared |= s->scales[k].params > 0 && s->scales[k].tokens == r->scale;
    for (size_t i = 0; shared && i < s->n_runs; i++)
        if (strcmp(s->runs[i].id, r->id) == 0)
            return s->runs[i].params;
    return 0;
}

/* The scale that a run belongs to. */
static asc_progress_scale scale_of(const asc_study_progress *p, const asc_store_run *r)
{
    return (asc_progress_scale){.tokens = r->scale, .params = params_of(p, r), .target = r->kind == ASC_KIND_TARGET};
}

static bool same_scale(const asc_progress_scale *a, const asc_progress_scale *b)
{
    return a->tokens == b->tokens && a->params == b->params && a->target == b->target;
}

/* One more of its runs. A run of a coordinator that died is left to be made. */
static void count_run(asc_progress_scale *x, asc_run_state state, bool alive)
{
    bool running = state == ASC_RUN_RUNNING && alive;
    x->done += state == ASC_RUN_DONE || state == ASC_RUN_DIVERGED || state == ASC_RUN_STOPPED;
    x->running += running;
    x->left += state == ASC_RUN_PENDING || (state == ASC_RUN_RUNNING && !running);
    x->failed += state == ASC_RUN_FAILED;
}

/* Runs by scale in the order in which they were planned, and all of them together. */
static asc_status count(asc_study_progress *p, asc_error *err)
{
    ASC_TRY(room(&p->scales, p, p->n_runs, sizeof *p->scales, err));
    for (size_t i = 0; i < p->n_runs; i++) {
        const asc_progress_scale x = scale_of(p, &p->runs[i]);
        size_t k = 0;
        p->diverged += p->runs[i].state == ASC_RUN_DIVERGED;
        while (k < p->n_scales && !same_scale(&p->scales[k], &x))
            k++;
        if (k == p->n_scales)
            p->scales[p->n_scales++] = x;
        count_run(&p->scales[k], p->runs[i].state, p->owner.alive);
    }
    for (size_t k = 0; k < p->n_scales; k++) {
        p->done += p->scales[k].done;
        p->running += p->scales[k].running;
        p->left += p->scales[k].left;
        p->failed += p->scales[k].failed;
    }
    p->state = state_now(p->summary, &p->owner);
    return ASC_OK;
}

/* ---- lists ---- */

static bool has_problem(const asc_store_run *r)
{
    return r->state == ASC_RUN_FAILED || r->state == ASC_RUN_DIVERGED;
}

static bool was_retried(const asc_store_run *r)
{
    return r->state == ASC_RUN_DONE && r->result && r->result->n_retries > 0;
}

static bool has_bursts(const asc_store_run *r)
{
    return asc__run_bursts(r) != NULL;
}

static bool was_stopped(const asc_store_run *r)
{
    return r->state == ASC_RUN_STOPPED;
}

/* Runs that are so. */
static asc_status list(const asc_store_run ***out, size_t *n, asc_study_progress *p,
                       bool (*are)(const asc_store_run *r), asc_error *err)
{
    ASC_TRY(room(out, p, p->n_runs, sizeof **out, err));
    for (size_t i = 0; i < p->n_runs; i++)
        if (are(&p->runs[i]))
            (*out)[(*n)++] = &p->runs[i];
    return ASC_OK;
}

static bool same_program(const asc_store_run *a, const asc_store_run *b)
{
    return a->pid == b->pid && strcmp(a->job ? a->job : "", b->job ? b->job : "") == 0;
}

static bool has_program(const asc_store_run *r)
{
    return r->pid > 0 || r->job;
}

/* Those under way by the program or job that makes them, unless each has its own. */
static asc_status list_groups(asc_study_progress *p, asc_error *err)
{
    const asc_store_run **first; /* (n_groups) of each */
    size_t *group;               /* (n_under_way) of each run */
    bool shared = false;
    ASC_TRY(room(&first, p, p->n_under_way, sizeof *first, err));
    ASC_TRY(room(&group, p, p->n_under_way, sizeof *group, err));
    ASC_TRY(room(&p->groups, p, p->n_under_way, sizeof *p->groups, err));
    for (size_t i = 0; i < p->n_under_way; i++) {
        const asc_store_run *r = p->under_way[i].run;
        size_t k = 0;
        while (k < p->n_groups && !same_program(first[k], r))
            k++;
        group[i] = has_program(r) ? k : ASC_NONE;
        if (!has_program(r))
            continue;
        if (k == p->n_groups)
            first[p->n_groups++] = r;
        shared |= ++p->groups[k].n > 1;
    }
    p->n_groups = shared ? p->n_groups : 0;
    for (size_t k = 0; k < p->n_groups; k++) {
        asc_progress_group *g = &p->groups[k];
        size_t n = 0;
        ASC_TRY(room(&g->ids, p, g->n, sizeof *g->ids, err));
        for (size_t i = 0; i < p->n_under_way; i++)
            if (group[i] == k)
                g->ids[n++] = p->under_way[i].run->id;
    }
    return ASC_OK;
}

/* What the runs under way have reached, by their own metrics in the study's folder. */
static asc_status list_under_way(asc_study_progress *p, const char *dir, const char *metrics, asc_error *err)
{
    size_t n = p->owner.alive ? p->n_runs : 0;
    ASC_TRY(room(&p->under_way, p, n, sizeof *p->under_way, err));
    for (size_t i = 0; i < n; i++) {
        const asc_store_run *r = &p->runs[i];
        if (r->state != ASC_RUN_RUNNING)
            continue;
        asc_progress_run *x = &p->under_way[p->n_under_way++];
        *x = (asc_progress_run){.run = r, .tokens_total = asc__run_tokens(r)};
        char *path = asc_strf("%s/runs/%s/%s", dir, r->id, metrics ? metrics : "metrics.jsonl");
        asc_status st = path ? asc__metrics_read(&x->metrics, &p->arena, path, err) : ASC_NOMEM(err);
        asc_free(path);
        ASC_TRY(st);
    }
    return ASC_OK;
}

/* ---- the whole ---- */

static asc_status read_study(asc_study_progress *p, json_t **source, const char *dir, asc_error *err)
{
    asc_store *store = NULL;
    ASC_TRY(asc_store_open_readonly(&store, dir, err));
    asc_status st = asc_store_get_summary(&p->summary, store, err);
    if (st == ASC_OK)
        st = asc_store_get_doc(source, store, "source", err);
    if (st == ASC_OK)
        st = asc_store_runs(&p->runs, &p->n_runs, store, err);
    if (st == ASC_OK)
        st = asc_store_owner_get(&p->owner, dir, err);
    asc_store_close(store);
    return st;
}

asc_status asc_study_status(asc_study_progress **out, const char *dir, asc_error *err)
{
    json_t *source = NULL;
    asc_study_progress *p = asc_calloc(1, sizeof *p);
    if (!p)
        return ASC_NOMEM(err);
    asc_status st = read_study(p, &source, dir, err);
    if (st == ASC_OK)
        st = count(p, err);
    if (st == ASC_OK)
        st = list(&p->problems, &p->n_problems, p, has_problem, err);
    if (st == ASC_OK)
        st = list(&p->retried, &p->n_retried, p, was_retried, err);
    if (st == ASC_OK)
        st = list(&p->bursts, &p->n_bursts, p, has_bursts, err);
    if (st == ASC_OK)
        st = list(&p->stopped, &p->n_stopped, p, was_stopped, err);
    if (st == ASC_OK)
        st = list_under_way(p, dir, json_string_value(json_object_get(source, "metrics")), err);
    if (st == ASC_OK)
        st = list_groups(p, err);
    if (st == ASC_OK)
        p->seconds_left = seconds_left(p);
    json_decref(source);
    if (st == ASC_OK)
        *out = p;
    else
        asc_study_progress_free(p);
    return st;
}

void asc_study_progress_free(asc_study_progress *p)
{
    if (!p)
        return;
    asc_summary_free(p->summary);
    asc_store_runs_free(p->runs, p->n_runs);
    asc_arena_clear(&p->arena);
    asc_free(p);
}
