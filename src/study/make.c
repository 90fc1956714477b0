/* The study's runs given to the queue: their order, what is started, and what the store is told of them. */
#include "steps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct making {
    asc__study *s;
    asc__ended_fn ended;
    size_t newest;     /* run that ended last, else the first of the list */
    asc_run_kind kind; /* of the first run of the list */
} making;

/* ---- what the queue asks ---- */

static asc_status prepare(void *ctx, size_t run, asc_error *err)
{
    const asc__study *s = ((making *)ctx)->s;
    return asc__run_dir_prepare(s, &s->runs[run], err);
}

static asc_status launch(asc_launch *out, void *ctx, const size_t *runs, size_t n, size_t place, asc_error *err)
{
    return asc__run_launch(out, ((making *)ctx)->s, runs, n, place, err);
}

/* A trainer of one's own need not time itself. */
static asc_status take(bool *found, void *ctx, size_t run, double wall_s, asc_error *err)
{
    asc__study *s = ((making *)ctx)->s;
    asc_store_run *r = &s->runs[run];
    ASC_TRY(asc__run_result_take(found, s, r, err));
    if (*found && isnan(r->result->wall_s))
        r->result->wall_s = wall_s;
    return ASC_OK;
}

static bool has_result(void *ctx, size_t run)
{
    const asc__study *s = ((making *)ctx)->s;
    asc_run_result r = {0};
    char *path = asc_strf("%s/runs/%s/result.json", s->dir, s->runs[run].id);
    bool whole =
        path && asc_path_exists(path) && asc_run_result_read(&r, path, s->spec->target_names, s->V, NULL) == ASC_OK;
    asc_run_result_clear(&r);
    asc_free(path);
    return whole;
}

static asc_status started(void *ctx, size_t run, const asc_job *j, bool counted, asc_error *err)
{
    asc__study *s = ((making *)ctx)->s;
    asc_store_run *r = &s->runs[run];
    r->state = ASC_RUN_RUNNING;
    r->attempts += counted;
    r->pid = j->pid;
    r->pid_start = j->pid > 0 ? j->pid_start : 0;
    asc_free(r->job);
    r->job = j->id ? asc_strdup(j->id) : NULL;
    return asc_store_update_run(s->store, r, err);
}

static void set_why(asc_store_run *r, const char *why)
{
    asc_free(r->why);
    r->why = asc_strdup(why);
}

static asc_status waits(void *ctx, size_t run, const char *why, asc_error *err)
{
    asc__study *s = ((making *)ctx)->s;
    asc_store_run *r = &s->runs[run];
    if (why)
        set_why(r, why);
    r->state = ASC_RUN_PENDING;
    r->pid = 0;
    return asc_store_update_run(s->store, r, err);
}

static asc_status ended(void *ctx, size_t run, const char *why, asc_error *err)
{
    making *m = ctx;
    asc__study *s = m->s;
    asc_store_run *r = &s->runs[run];
    m->newest = run;
    if (why) {
        set_why(r, why);
        r->state = ASC_RUN_FAILED;
    }
    r->pid = 0;
    s->tokens_done += asc__run_trained(s, r);
    ASC_TRY(asc_store_update_run(s->store, r, err));
    char *dir = why ? NULL : asc__run_dir(s, r->id);
    if (dir)
        asc_folder_clean(dir, true);
    asc_free(dir);
    return m->ended(s, run, err);
}

static void note(void *ctx, const char *line, bool lasting)
{
    asc__study *s = ((making *)ctx)->s;
    if (s->opts->note)
        s->opts->note(s->opts->ctx, line);
    if (lasting)
        asc_notes_say(&s->notes, WHILE_RUNNING, line);
}

/* What is being made, by the kind of the first run of the list. */
static const char *stage_of(asc_run_kind kind)
{
    switch (kind) {
    case ASC_KIND_TARGET:
        return "training the target";
    case ASC_KIND_PREFIX:
        return "training the target's first phase";
    case ASC_KIND_BRANCH:
        return "training branches of the target";
    case ASC_KIND_MERGE:
        return "evaluating merged models of the target";
    default:
        return "training proxies";
    }
}

/* Runs of a kind, and how many of them have ended. */
static size_t n_of_kind(size_t *n_ended, const asc__study *s, asc_run_kind kind)
{
    size_t n = 0;
    *n_ended = 0;
    for (size_t i = 0; i < s->n_runs; i++) {
        bool counts = s->runs[i].kind == kind;
        n += counts;
        *n_ended += counts && s->runs[i].state >= ASC_RUN_DONE;
    }
    return n;
}

static void progress(void *ctx, double under_way)
{
    const making *m = ctx;
    const asc__study *s = m->s;
    const asc_store_run *newest = &s->runs[m->newest];
    size_t n = 0, k = asc__scale_of(s, newest);
    char unit[80], stage[500], at[80], learnt[400] = "";
    bool known = m->kind != ASC_KIND_TARGET && asc__study_learnt(learnt, sizeof learnt, s, newest) > 0;
    if (!s->opts->progress)
        return;
    if (k == ASC_NONE)
        asc_format_count(newest->scale, at);
    else
        asc__scale_words(s, k, "", at);
    snprintf(stage, sizeof stage, "%s, %s%s%s%s", stage_of(m->kind), at, known ? " (" : "", learnt, known ? ")" : "");
    if (m->kind == ASC_KIND_MERGE) { /* trains nothing: no rate of tokens says when it ends */
        size_t of = n_of_kind(&n, s, ASC_KIND_MERGE);
        s->opts->progress(s->opts->ctx, stage, (double)n, (double)of, "merged models");
        return;
    }
    for (size_t i = 0; i < s->n_runs; i++)
        n += s->runs[i].state >= ASC_RUN_DONE;
    snprintf(unit, sizeof unit, "tokens in %zu/%zu runs", n, s->n_runs + s->runs_to_come);
    s->opts->progress(s->opts->ctx, stage, s->tokens_done + under_way, s->tokens_total, unit);
}

/* ---- the list ---- */

/* Smaller scales and models first, so that they are fitted while the others train; inside a scale the base first, so
 * that the first effects are known soon, then larger runs, so that the last one to end is a short one. */
static int by_scale_then_size(const void *a, const void *b, void *ctx)
{
    const asc__study *s = ctx;
    size_t i = ((const asc_queue_item *)a)->run, j = ((const asc_queue_item *)b)->run;
    const asc_store_run *x = &s->runs[i], *y = &s->runs[j];
    double nx = asc__run_tokens(x), ny = asc__run_tokens(y);
    double px = asc__size_params(asc__size_of(s, x->model)), py = asc__size_params(asc__size_of(s, y->model));
    if (x->scale != y->scale)
        return x->scale < y->scale ? -1 : 1;
    if (px != py)
        return px < py ? -1 : 1;
    bool base_x = x->kind == ASC_KIND_BASE, base_y = y->kind == ASC_KIND_BASE;
    if (base_x != base_y)
        return base_x ? -1 : 1;
    if (nx != ny)
        return nx > ny ? -1 : 1;
    return i < j ? -1 : i > j;
}

static asc_status fill(asc_queue_item *items, size_t *n_items, asc__study *s, const size_t *runs, size_t n,
                       asc_error *err)
{
    for (size_t k = 0; k < s->n_sizes; k++) {
        asc__size *z = &s->sizes[k];
        asc__torch_shape(z->shape, sizeof z->shape, s, z);
        snprintf(z->merged_shape, sizeof z->merged_shape, "%s, merged", z->shape);
    }
    for (size_t i = 0; i < n; i++) {
        asc_store_run *r = &s->runs[runs[i]];
        bool again = false;
        for (size_t k = 0; k < *n_items; k++)
            again |= items[k].run == runs[i];
        if (again || r->state == ASC_RUN_DONE || r->state == ASC_RUN_DIVERGED)
            continue;
        if (r->state == ASC_RUN_FAILED) /* a new session is a new chance */
            r->state = ASC_RUN_PENDING;
        char *dir = asc__run_dir(s, r->id);
        const asc__size *z = asc__size_of(s, r->model);
        items[(*n_items)++] = (asc_queue_item){.run = runs[i],
                                               .id = r->id,
                                               .dir = dir,
                                               .shape = !s->spec->trainer.torch     ? NULL
                                                        : r->kind == ASC_KIND_MERGE ? z->merged_shape
                                                                                    : z->shape,
                                               .most = asc__torch_most(s, z),
                                               .tokens = asc__run_tokens(r),
                                               .from_tokens = asc__run_tokens(r) - asc__run_trained(s, r),
                                               .was_running = r->state == ASC_RUN_RUNNING,
                                               .pid = r->pid,
                                               .pid_start = r->pid_start};
        if (!dir)
            return ASC_NOMEM(err);
    }
    qsort_r(items, *n_items, sizeof *items, by_scale_then_size, s);
    return ASC_OK;
}

static asc_status queue_create(making *m, asc_error *err)
{
    const asc_study_spec *spec = m->s->spec;
    const asc_trainer_spec *t = &spec->trainer;
    const asc_queue_opts o = {.place = asc__exec_place(m->s),
                              .spread = asc__spreads(m->s),
                              .external = t->command != NULL,
                              .retries = spec->retries,
                              .backoff_s = t->command ? t->backoff_s : .2,
                              .time_limit_s = spec->time_limit_s,
                              .heartbeat_s = t->heartbeat_s,
                              .metrics = t->metrics};
    const asc_queue_calls calls = {.ctx = m,
                                   .prepare = prepare,
                                   .launch = launch,
                                   .take = take,
                                   .has_result = has_result,
                                   .started = started,
                                   .waits = waits,
                                   .ended = ended,
                                   .note = note,
                                   .progress = progress};
    return asc_queue_create(&m->s->queue, &o, &calls, err);
}

asc_status asc__study_make(asc__study *s, const size_t *runs, size_t n, asc__ended_fn fn, asc_error *err)
{
    making m = {.s = s, .ended = fn};
    asc_queue_item *items = asc_calloc(n + 1, sizeof *items);
    size_t n_items = 0;
    asc_status st = items ? fill(items, &n_items, s, runs, n, err) : ASC_NOMEM(err);
    if (n_items > 0) {
        m.newest = items[0].run;
        m.kind = s->runs[items[0].run].kind;
    }
    if (st == ASC_OK)
        st = queue_create(&m, err);
    if (st == ASC_OK)
        st = asc_queue_make(s->queue, items, n_items, err);
    asc_queue_free(s->queue);
    s->queue = NULL;
    for (size_t i = 0; i < n_items; i++)
        asc_free((char *)(uintptr_t)items[i].dir);
    asc_free(items);
    return st;
}

/* Mixtures that the target will be trained on, while none is known. */
static size_t mixtures_to_come(const asc_study_spec *spec)
{
    if (!spec->validate)
        return 0;
    asc_mixture_ref *list = asc_calloc(asc__target_most(spec), sizeof *list);
    size_t n = list ? asc__target_list(list, spec, asc__rule_to_come(spec), true) : 0;
    asc_free(list);
    return n;
}

/* The same of branches, and in *runs what they take, in runs of the whole budget. */
static size_t branch_targets_to_come(double *runs, const asc_study_spec *spec)
{
    asc__target_to_come *list = asc_calloc(asc__target_most(spec), sizeof *list);
    size_t n = list ? asc__branch_target_list(list, spec) : 0;
    *runs = 0;
    for (size_t k = 0; k < n; k++)
        *runs += list[k].from == ASC_NONE ? 1 : 1 - asc__stage_share(spec, list[k].from);
    asc_free(list);
    return n;
}

static void set_totals(asc__study *s)
{
    s->tokens_total = s->tokens_done = 0;
    s->runs_to_come = 0;
    for (size_t i = 0; i < s->n_runs; i++) {
        double n = asc__run_trained(s, &s->runs[i]);
        bool ahead = s->runs[i].kind == ASC_KIND_PAUSE && s->runs[i].state < ASC_RUN_DONE;
        if (ahead || s->runs[i].state == ASC_RUN_STOPPED) /* a pause to come is counted with its run */
            continue;
        s->tokens_total += n;
        s->tokens_done += s->runs[i].state == ASC_RUN_DONE || s->runs[i].state == ASC_RUN_DIVERGED ? n : 0;
    }
    if (s->n_mixtures)
        return;
    bool branches = asc__by_branches(s);
    double runs = 0;
    size_t n = branches ? branch_targets_to_come(&runs, s->spec) : mixtures_to_come(s->spec);
    s->tokens_total += s->spec->seeds * (branches ? runs : (double)n) * s->spec->target_tokens;
    s->runs_to_come = (size_t)s->spec->seeds * n;
}

/* Runs that a study which had ended does not have: it is kept. */
static bool keep_for_runs(asc__study *s, const size_t *list, size_t n)
{
    for (size_t i = 0; s->before && i < n; i++)
        s->kept |= s->runs[list[i]].state != ASC_RUN_DONE && s->runs[list[i]].state != ASC_RUN_DIVERGED;
    return s->kept;
}

asc_status asc__make_list(asc__study *s, const size_t *list, size_t n, asc__ended_fn then, asc_error *err)
{
    set_totals(s);
    return keep_for_runs(s, list, n) ? ASC_OK : asc__study_make(s, list, n, then, err);
}
