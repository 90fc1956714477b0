/* The queue: starts runs as there is room, follows them, takes their results, tries again what failed. The only part
 * of the study that waits. State that matters is in the store and in the runs' own folders, never only here. */
#include "steps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOST_RETRIES = 5, GIVE_UP_AFTER = 3 };
#define STOP_GRACE_S 60.
#define KILL_GRACE_S 30.
#define REFUSED_S 30. /* until a scheduler that takes no more jobs is asked again */

/** One run waiting for its turn. */
typedef struct waiting {
    size_t run;
    double ready_s;  /* not before: back-off after a failure */
    int failures;    /* in this session */
    int lost;        /* times it was killed from outside */
    double progress; /* tokens it had reached when it last ended */
    bool ended;
    bool active;
} waiting;

typedef struct queue {
    asc__study *s;
    asc__executor *e;
    waiting *work; /* (n) */
    size_t n;
    asc__job **jobs; /* under way */
    waiting **job_work;
    size_t n_jobs;
    asc__ended_fn ended;
    size_t n_failed, n_done;
    double shown_s;
    bool told_refused;
} queue;

static asc_store_run *run_of(const queue *q, size_t i)
{
    return &q->s->runs[i];
}

/* ---- jobs ---- */

static asc__job *job_new(const asc__study *s, size_t run)
{
    asc__job *j = asc_calloc(1, sizeof *j);
    if (!j)
        return NULL;
    j->run = run;
    j->pidfd = j->lock_fd = -1;
    j->started_s = j->grown_s = asc_now_s();
    j->dir = asc__run_dir(s, s->runs[run].id);
    if (j->dir)
        return j;
    asc__job_free(j);
    return NULL;
}

/* ---- ends ---- */

static void set_why(asc_store_run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void set_why(asc_store_run *r, const char *fmt, ...)
{
    char text[900];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    asc_free(r->why);
    r->why = asc_strdup(text);
}

static asc_status run_ended(queue *q, waiting *w, asc_error *err)
{
    asc_store_run *r = run_of(q, w->run);
    w->ended = true;
    q->s->tokens_done += asc__run_tokens(r);
    r->pid = 0;
    ASC_TRY(asc_store_update_run(q->s->store, r, err));
    if (r->state == ASC_RUN_FAILED)
        q->n_failed++;
    else {
        char *dir = asc__run_dir(q->s, r->id);
        if (dir)
            asc__clean_folder(dir, true);
        asc_free(dir);
        q->n_done++;
    }
    return q->ended ? q->ended(q->s, w->run, err) : ASC_OK;
}

/* How a process without a result ended, with what its log says last. */
static void explain(queue *q, const asc__job *j, asc_store_run *r, const char *result_error)
{
    char tail[500], *log = asc_path_join(j->dir, "log.txt"), how[200];
    tail[0] = 0;
    if (log)
        asc__log_tail(tail, sizeof tail, log);
    asc_free(log);
    if (result_error)
        snprintf(how, sizeof how, "%.190s", result_error);
    else if (j->why_stopped)
        snprintf(how, sizeof how, "stopped: %s", j->why_stopped);
    else if (j->signal)
        snprintf(how, sizeof how, "killed by signal %d%s", j->signal, j->signal == 9 ? " (out of memory?)" : "");
    else if (j->exit_code)
        snprintf(how, sizeof how, "exit code %d and no result.json", j->exit_code);
    else
        snprintf(how, sizeof how, "ended without a result.json");
    set_why(r, "%s%s%s", how, tail[0] ? "; log: " : "", tail);
}

/* Ended without a usable result: again after a pause, or failed for good. */
static asc_status run_failed(queue *q, waiting *w, const asc__job *j, bool final, asc_error *err)
{
    asc_store_run *r = run_of(q, w->run);
    bool external = q->s->spec->trainer.command != NULL;
    /* Killed by somebody else, or further than last time: no fault of the run. */
    bool outside = j->signal == 9 || j->signal == 15 || j->adopted;
    bool progressed = j->tokens > w->progress;
    w->progress = fmax(w->progress, j->tokens);
    w->lost = progressed ? 0 : w->lost;
    if (outside && !j->why_stopped && ++w->lost <= LOST_RETRIES)
        w->ready_s = asc_now_s();
    else if (!final && (progressed ? w->failures : ++w->failures) <= q->s->spec->retries) {
        double pause = external ? q->s->spec->trainer.backoff_s : .2;
        w->ready_s = asc_now_s() + fmin(pause * pow(2, w->failures - 1), 600);
    } else {
        r->state = ASC_RUN_FAILED;
        return run_ended(q, w, err);
    }
    r->state = ASC_RUN_PENDING;
    r->pid = 0;
    return asc_store_update_run(q->s->store, r, err);
}

/* Take what a job left. */
static asc_status job_ended(queue *q, waiting *w, asc__job *j, bool lost, asc_error *err)
{
    asc_store_run *r = run_of(q, w->run);
    asc_error why = {0};
    bool found = false;
    w->active = false;
    asc_status st = asc__run_result_take(&found, q->s, r, &why);
    if (st == ASC_ENOMEM)
        return ASC_NOMEM(err);
    if (st == ASC_OK && found) {
        /* A trainer of one's own need not time itself. */
        if (json_is_null(json_object_get(r->result, "wall_s")))
            json_object_set_new(r->result, "wall_s", json_real(asc_now_s() - j->started_s));
        return run_ended(q, w, err);
    }
    if (j->stopped && !j->why_stopped) { /* our own interruption: to be gone on with */
        r->state = ASC_RUN_PENDING;
        r->pid = 0;
        return asc_store_update_run(q->s->store, r, err);
    }
    explain(q, j, r, found ? why.msg : NULL);
    if (found) { /* wrong: out of the way, kept for whoever wants to see it */
        char *from = asc_path_join(j->dir, "result.json"), *to = asc_path_join(j->dir, "result.bad.json");
        if (from && to)
            rename(from, to);
        asc_free(from);
        asc_free(to);
    }
    if (lost)
        j->signal = 15;
    return run_failed(q, w, j, j->exit_code == 2 && !q->s->spec->trainer.command, err);
}

/* ---- starts ---- */

static asc_status mark_running(queue *q, asc__job *j, bool counted, asc_error *err)
{
    asc_store_run *r = run_of(q, j->run);
    r->state = ASC_RUN_RUNNING;
    r->attempts += counted;
    r->pid = j->pid;
    r->pid_start = j->pid > 0 ? j->pid_start : 0;
    asc_free(r->job);
    r->job = j->id ? asc_strdup(j->id) : NULL;
    return asc_store_update_run(q->s->store, r, err);
}

static void add_job(queue *q, waiting *w, asc__job *j)
{
    q->jobs[q->n_jobs] = j;
    q->job_work[q->n_jobs++] = w;
    w->active = true;
}

/* A process of an earlier coordinator still makes this run: it is followed like one of our own. */
static asc_status adopt(queue *q, waiting *w, bool *adopted, asc_error *err)
{
    const asc_store_run *r = run_of(q, w->run);
    asc__job *j = job_new(q->s, w->run);
    if (!j)
        return ASC_NOMEM(err);
    *adopted = asc__job_adopt(j, r->pid, r->pid_start);
    if (*adopted)
        add_job(q, w, j);
    else
        asc__job_free(j);
    return ASC_OK;
}

/* The same on a cluster: the scheduler knows. */
static asc_status find_job(queue *q, waiting *w, bool *found, asc_error *err)
{
    asc__job *j = job_new(q->s, w->run);
    if (!j)
        return ASC_NOMEM(err);
    asc_status st = q->e->find(q->e, j, err);
    *found = st == ASC_OK && j->id;
    if (!*found) {
        asc__job_free(j);
        return st;
    }
    add_job(q, w, j);
    return mark_running(q, j, false, err);
}

/* A result that is no good: told, and out of the way. */
static void drop_result(queue *q, const asc_store_run *r, const char *why)
{
    char line[1200];
    snprintf(line, sizeof line, "run %s: %s; it is made again", r->id, why);
    if (q->s->opts->note)
        q->s->opts->note(q->s->opts->ctx, line);
    asc_notes_add(&q->s->notes, "%s", line);
    char *path = asc_strf("%s/runs/%s/result.json", q->s->dir, r->id);
    if (path)
        unlink(path);
    asc_free(path);
}

/* A run that somebody already makes or has made needs no start. A good result counts before any lock: what a trainer
 * left behind may live for ever. *settled: nothing more to do now. */
static asc_status look_before(queue *q, waiting *w, bool *settled, asc_error *err)
{
    asc_store_run *r = run_of(q, w->run);
    asc_error why;
    bool found = false;
    *settled = false;
    asc_status st = asc__run_result_take(&found, q->s, r, &why);
    if (st == ASC_ENOMEM)
        return ASC_NOMEM(err);
    *settled = st == ASC_OK && found;
    if (*settled)
        return run_ended(q, w, err);
    ASC_TRY(adopt(q, w, settled, err));
    if (!*settled && q->e->find)
        ASC_TRY(find_job(q, w, settled, err));
    if (!*settled && found)
        drop_result(q, r, why.msg);
    return ASC_OK;
}

/* Runs prepared to be started together: one at a time here, an array on a cluster. */
typedef struct batch {
    asc__job **jobs;       /* (n) */
    asc__launch *launches; /* (n) */
    waiting **work;        /* (n) */
    size_t n, cap;
} batch;

static asc_status batch_init(batch *b, const queue *q, asc_error *err)
{
    size_t room = q->e->capacity - q->n_jobs;
    *b = (batch){.cap = q->e->together < room ? q->e->together : room};
    b->jobs = asc_calloc(b->cap, sizeof *b->jobs);
    b->launches = asc_calloc(b->cap, sizeof *b->launches);
    b->work = asc_calloc(b->cap, sizeof *b->work);
    return b->jobs && b->launches && b->work ? ASC_OK : ASC_NOMEM(err);
}

static void batch_clear(batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        asc__job_free(b->jobs[i]);
        b->work[i]->active = false;
        asc__launch_clear(&b->launches[i]);
    }
    asc_free(b->jobs);
    asc_free(b->launches);
    asc_free(b->work);
}

/* Prepare a run; one that is being made or has ended needs no start and stays out of the batch. */
static asc_status batch_add(batch *b, queue *q, waiting *w, asc_error *err)
{
    asc_store_run *r = run_of(q, w->run);
    asc__launch launch = {0};
    bool settled;
    ASC_TRY(asc__run_dir_prepare(&launch, q->s, r, err));
    asc_status st = look_before(q, w, &settled, err);
    asc__job *j = st == ASC_OK && !settled ? job_new(q->s, w->run) : NULL;
    if (st == ASC_OK && !settled && !j)
        st = ASC_NOMEM(err);
    if (!j) {
        asc__launch_clear(&launch);
        return st;
    }
    b->jobs[b->n] = j;
    b->launches[b->n] = launch;
    b->work[b->n++] = w;
    w->active = true; /* so that it is not taken twice */
    return ASC_OK;
}

/* What the scheduler would not take now: later, and said once. */
static void batch_refused(batch *b, queue *q, size_t n_started)
{
    char line[400];
    for (size_t i = n_started; i < b->n; i++) {
        b->work[i]->ready_s = asc_now_s() + REFUSED_S;
        b->work[i]->active = false;
        asc__job_free(b->jobs[i]);
    }
    if (n_started == b->n || q->told_refused)
        return;
    q->told_refused = true;
    snprintf(line, sizeof line, "%s takes no more jobs now (%s); the rest is submitted as it does", q->e->name,
             q->e->why_refused);
    if (q->s->opts->note)
        q->s->opts->note(q->s->opts->ctx, line);
}

static asc_status batch_start(batch *b, queue *q, asc_error *err)
{
    size_t n_started = 0;
    ASC_TRY(q->e->start(q->e, b->jobs, b->launches, b->n, &n_started, err));
    asc_status st = ASC_OK;
    for (size_t i = 0; i < n_started; i++) {
        add_job(q, b->work[i], b->jobs[i]);
        if (st == ASC_OK)
            st = mark_running(q, b->jobs[i], true, err);
    }
    batch_refused(b, q, n_started);
    for (size_t i = 0; i < b->n; i++)
        asc__launch_clear(&b->launches[i]);
    b->n = 0;
    return st;
}

/* The next run that may start: those left running by an earlier coordinator first, then in order. */
static waiting *next_work(queue *q, double now, double *soonest)
{
    waiting *best = NULL;
    for (size_t i = 0; i < q->n; i++) {
        waiting *w = &q->work[i];
        if (w->ended || w->active)
            continue;
        if (w->ready_s > now) {
            *soonest = fmin(*soonest, w->ready_s);
            continue;
        }
        if (run_of(q, w->run)->state == ASC_RUN_RUNNING)
            return w;
        if (!best)
            best = w;
    }
    return best;
}

/* Start one batch; *more when there may be another one. */
static asc_status start_batch(queue *q, double *soonest, bool *more, asc_error *err)
{
    batch b;
    asc_status st = batch_init(&b, q, err);
    *more = true;
    while (st == ASC_OK && b.n < b.cap && q->n_jobs + b.n < q->e->capacity) {
        waiting *w = next_work(q, asc_now_s(), soonest);
        *more = w != NULL;
        if (!w)
            break;
        st = batch_add(&b, q, w, err);
    }
    if (st == ASC_OK && b.n > 0)
        st = batch_start(&b, q, err);
    batch_clear(&b);
    return st;
}

static asc_status start_ready(queue *q, double *soonest, asc_error *err)
{
    bool more = true;
    *soonest = INFINITY;
    while (more && q->n_jobs < q->e->capacity && !asc_interrupted())
        ASC_TRY(start_batch(q, soonest, &more, err));
    return ASC_OK;
}

/* ---- watching ---- */

static void look_at(queue *q, asc__job *j, double now)
{
    const char *metrics = q->s->spec->trainer.metrics;
    char *path = asc_path_join(j->dir, metrics ? metrics : "metrics.jsonl"), *log = asc_path_join(j->dir, "log.txt");
    int64_t before = j->metrics_bytes;
    struct stat sb;
    double tokens = path ? asc__last_tokens(path, &j->metrics_bytes) : -1;
    if (tokens >= 0)
        j->tokens = tokens;
    if (log && stat(log, &sb) == 0 && (int64_t)sb.st_size != j->log_bytes) {
        j->log_bytes = (int64_t)sb.st_size;
        j->grown_s = now;
    }
    if (j->metrics_bytes != before)
        j->grown_s = now;
    asc_free(path);
    asc_free(log);
}

static void stop_job(queue *q, asc__job *j, const char *why)
{
    j->stopped = true;
    j->why_stopped = why;
    j->stopped_s = asc_now_s();
    q->e->stop(q->e, j, false);
}

static void enforce_limits(queue *q, asc__job *j, double now)
{
    const asc_study_spec *spec = q->s->spec;
    if (j->ending)
        return;
    if (j->stopped) {
        if (!j->killed && now - j->stopped_s > (j->why_stopped ? KILL_GRACE_S : STOP_GRACE_S)) {
            j->killed = true;
            q->e->stop(q->e, j, true);
        }
        return;
    }
    if (spec->time_limit_s > 0 && now - j->started_s > spec->time_limit_s)
        stop_job(q, j, "the time limit of one run (run.time_limit)");
    else if (spec->trainer.command && spec->trainer.heartbeat_s > 0 && now - j->grown_s > spec->trainer.heartbeat_s)
        stop_job(q, j, "no sign of life in its log or metrics (trainer.heartbeat)");
}

static void show_progress(queue *q, double now)
{
    asc__study *s = q->s;
    if (now - q->shown_s < .5)
        return;
    q->shown_s = now;
    double under_way = 0;
    for (size_t i = 0; i < q->n_jobs; i++) {
        look_at(q, q->jobs[i], now);
        under_way += fmin(q->jobs[i]->tokens, asc__run_tokens(run_of(q, q->jobs[i]->run)));
    }
    size_t ended = 0;
    for (size_t i = 0; i < s->n_runs; i++)
        ended += s->runs[i].state >= ASC_RUN_DONE;
    char unit[80];
    snprintf(unit, sizeof unit, "tokens in %zu/%zu runs", ended, s->n_runs);
    if (s->opts->progress)
        s->opts->progress(s->opts->ctx, "training", s->tokens_done + under_way, s->tokens_total, unit);
}

/* While something long is computed: limits are kept and signals passed on; ends are taken note of afterwards. */
static void tick(void *ctx)
{
    queue *q = ctx;
    double now = asc_now_s();
    show_progress(q, now);
    for (size_t i = 0; i < q->n_jobs; i++) {
        asc__job *j = q->jobs[i];
        if (q->e->has_ended && q->e->has_ended(q->e, j))
            continue;
        if (asc_interrupted() && !j->stopped)
            stop_job(q, j, NULL);
        enforce_limits(q, j, now);
    }
}

static void remove_job(queue *q, size_t i)
{
    asc__job_free(q->jobs[i]);
    q->jobs[i] = q->jobs[--q->n_jobs];
    q->job_work[i] = q->job_work[q->n_jobs];
}

/* Of an adopted run: its result is there, or it was told to end and cannot be reached from here. */
static bool left_alone(const queue *q, const asc__job *j, double now)
{
    asc_run_result r = {0};
    char *path = asc_path_join(j->dir, "result.json");
    bool done = path && asc_path_exists(path) &&
                asc_run_result_read(&r, path, q->s->spec->target_names, q->s->V, NULL) == ASC_OK;
    asc_run_result_clear(&r);
    asc_free(path);
    return done || (j->killed && now - j->stopped_s > KILL_GRACE_S + STOP_GRACE_S) ||
           (j->stopped && !j->why_stopped && j->pid <= 0);
}

static asc__job_state state_of(queue *q, asc__job *j, double now)
{
    asc__job_state state = q->e->poll(q->e, j);
    if (state == ASC__JOB_RUNNING && j->adopted && now - j->looked_s > .5) {
        j->looked_s = now;
        state = left_alone(q, j, now) ? ASC__JOB_ENDED : state;
    }
    return state;
}

static asc_status poll_jobs(queue *q, asc_error *err)
{
    double now = asc_now_s();
    for (size_t i = 0; i < q->n_jobs;) {
        asc__job *j = q->jobs[i];
        asc__job_state state = state_of(q, j, now);
        if (state == ASC__JOB_RUNNING) {
            enforce_limits(q, j, now);
            i++;
            continue;
        }
        look_at(q, j, now);
        asc_status st = job_ended(q, q->job_work[i], j, state == ASC__JOB_LOST, err);
        remove_job(q, i);
        if (st != ASC_OK)
            return st;
    }
    show_progress(q, now);
    return ASC_OK;
}

/* ---- the end ---- */

/* Ask all to stop, give them time for a checkpoint, take what they still finished. */
static asc_status stop_all(queue *q, asc_error *err)
{
    asc_status st = ASC_OK;
    for (size_t i = 0; i < q->n_jobs; i++)
        if (!q->jobs[i]->stopped)
            stop_job(q, q->jobs[i], NULL);
    while (q->n_jobs > 0 && st == ASC_OK) {
        q->e->wait(q->e, q->jobs, q->n_jobs, .2);
        st = poll_jobs(q, err);
    }
    return st;
}

static size_t n_open(const queue *q)
{
    size_t n = 0;
    for (size_t i = 0; i < q->n; i++)
        n += !q->work[i].ended;
    return n;
}

static asc_status give_up(const queue *q, asc_error *err)
{
    for (size_t i = 0; i < q->n; i++) {
        const asc_store_run *r = run_of(q, q->work[i].run);
        if (r->state == ASC_RUN_FAILED)
            return ASC_FAIL(err, ASC_ENUMERIC, "%zu run%s failed, the first is %s: %s", q->n_failed,
                            q->n_failed == 1 ? "" : "s", r->id, r->why ? r->why : "no reason known");
    }
    return ASC_OK;
}

static asc_status loop(queue *q, asc_error *err)
{
    while (n_open(q) > 0) {
        double soonest;
        ASC_TRY(start_ready(q, &soonest, err));
        if (asc_interrupted())
            return ASC_FAIL(err, ASC_EINTR, "interrupted");
        double pause = fmin(1, fmax(0, soonest - asc_now_s()));
        if (q->n_jobs > 0 || soonest < INFINITY)
            q->e->wait(q->e, q->jobs, q->n_jobs, pause);
        ASC_TRY(poll_jobs(q, err));
        /* Nothing works: a hundred more failures would say no more. */
        if (q->n_failed >= GIVE_UP_AFTER && q->n_done == 0)
            return give_up(q, err);
    }
    return give_up(q, err);
}

/* Larger runs first inside a scale, so that the last one to end is a short one. */
static int by_scale_then_size(const void *a, const void *b, void *ctx)
{
    const asc__study *s = ctx;
    const asc_store_run *x = &s->runs[((const waiting *)a)->run], *y = &s->runs[((const waiting *)b)->run];
    double nx = asc__run_tokens(x), ny = asc__run_tokens(y);
    if (x->scale != y->scale)
        return x->scale < y->scale ? -1 : 1;
    if (nx != ny)
        return nx > ny ? -1 : 1;
    return ((const waiting *)a)->run < ((const waiting *)b)->run ? -1 : 1;
}

static asc_status fill(queue *q, const size_t *runs, size_t n, asc_error *err)
{
    q->work = asc_calloc(n + 1, sizeof *q->work);
    q->jobs = asc_calloc(q->e->capacity + 1, sizeof *q->jobs);
    q->job_work = asc_calloc(q->e->capacity + 1, sizeof *q->job_work);
    if (!q->work || !q->jobs || !q->job_work)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < n; i++) {
        asc_store_run *r = &q->s->runs[runs[i]];
        bool again = false;
        for (size_t k = 0; k < q->n; k++)
            again |= q->work[k].run == runs[i];
        if (again || r->state == ASC_RUN_DONE || r->state == ASC_RUN_DIVERGED)
            continue;
        if (r->state == ASC_RUN_FAILED) /* a new session is a new chance */
            r->state = ASC_RUN_PENDING;
        q->work[q->n++] = (waiting){.run = runs[i]};
    }
    qsort_r(q->work, q->n, sizeof *q->work, by_scale_then_size, q->s);
    return ASC_OK;
}

asc_status asc__queue_make(asc__study *s, const size_t *runs, size_t n, asc__ended_fn ended, asc_error *err)
{
    queue q = {.s = s, .ended = ended};
    size_t capacity = (size_t)s->jobs;
    ASC_TRY(asc__executor_create(&q.e, s->spec, s->dir, capacity, err));
    asc_status st = fill(&q, runs, n, err);
    s->tick = tick;
    s->tick_ctx = &q;
    if (st == ASC_OK)
        st = loop(&q, err);
    s->tick = NULL;
    if (q.n_jobs > 0) {
        asc_error second = {0};
        stop_all(&q, &second);
    }
    while (q.n_jobs > 0)
        remove_job(&q, q.n_jobs - 1);
    asc_free(q.work);
    asc_free(q.jobs);
    asc_free(q.job_work);
    q.e->destroy(q.e);
    return st;
}
