/* The queue's loop: start, follow, take, try again. What matters is told to the caller, never kept here alone. */
#include "exec/exec_queue.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "words.h"

enum { LOST_RETRIES = 5, GIVE_UP_AFTER = 3 };
#define STOP_GRACE_S 60.
#define KILL_GRACE_S 30.
#define REFUSED_S 30. /* until a scheduler that takes no more jobs is asked again */

/** One run waiting for its turn. */
typedef struct waiting {
    const asc_queue_item *item;
    double ready_s;  /* not before: back-off after a failure */
    int failures;    /* in this session */
    int lost;        /* times it was killed from outside */
    double progress; /* tokens it had reached when it last ended */
    bool was_running;
    bool ended, active;
    char *why; /* it failed; NULL else */
} waiting;

struct asc_queue {
    asc_queue_opts o;
    asc_queue_calls calls;
    asc_executor *e;
    waiting *work; /* (n) */
    size_t n;
    asc_job **jobs; /* under way */
    waiting **job_work;
    size_t n_jobs;
    size_t n_failed, n_done;
    double shown_s;
    bool told_refused;
};

/* ---- ends ---- */

static asc_status run_ended(asc_queue *q, waiting *w, const char *why, asc_error *err)
{
    w->ended = true;
    q->n_failed += why != NULL;
    q->n_done += why == NULL;
    if (why)
        w->why = asc_strdup(why);
    return q->calls.ended(q->calls.ctx, w->item->run, why, err);
}

/* How a process without a result ended, with what its log says last. */
static void explain(char *why, size_t size, const asc_job *j, const char *result_error)
{
    char tail[500] = "", *log = asc_path_join(j->dir, "log.txt"), how[200];
    if (log)
        asc_log_tail(tail, sizeof tail, log);
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
    snprintf(why, size, "%s%s%s", how, tail[0] ? "; log: " : "", tail);
}

/* Ended without a usable result: again after a pause, or failed for good. */
static asc_status run_failed(asc_queue *q, waiting *w, const asc_job *j, const char *why, asc_error *err)
{
    /* Killed by somebody else, or further than last time: no fault of the run. */
    bool outside = j->signal == 9 || j->signal == 15 || j->adopted;
    bool progressed = j->tokens > w->progress, final = j->exit_code == 2 && !q->o.external;
    w->progress = fmax(w->progress, j->tokens);
    w->lost = progressed ? 0 : w->lost;
    if (outside && !j->why_stopped && ++w->lost <= LOST_RETRIES)
        w->ready_s = asc_now_s();
    else if (!final && (progressed ? w->failures : ++w->failures) <= q->o.retries)
        w->ready_s = asc_now_s() + fmin(q->o.backoff_s * pow(2, w->failures - 1), 600);
    else
        return run_ended(q, w, why, err);
    w->was_running = false;
    return q->calls.waits(q->calls.ctx, w->item->run, why, err);
}

/* A wrong result: out of the way, kept for whoever wants to see it. */
static void put_aside(const asc_job *j)
{
    char *from = asc_path_join(j->dir, "result.json"), *to = asc_path_join(j->dir, "result.bad.json");
    if (from && to)
        rename(from, to);
    asc_free(from);
    asc_free(to);
}

/* Take what a job left. */
static asc_status job_ended(asc_queue *q, waiting *w, asc_job *j, bool lost, asc_error *err)
{
    asc_error wrong = {0};
    bool found = false;
    char why[900];
    w->active = false;
    asc_status st = q->calls.take(&found, q->calls.ctx, w->item->run, asc_now_s() - j->started_s, &wrong);
    if (st == ASC_ENOMEM)
        return ASC_NOMEM(err);
    if (st == ASC_OK && found)
        return run_ended(q, w, NULL, err);
    if (j->stopped && !j->why_stopped) { /* our own interruption: to be resumed */
        w->was_running = false;
        return q->calls.waits(q->calls.ctx, w->item->run, NULL, err);
    }
    explain(why, sizeof why, j, found ? wrong.msg : NULL);
    if (found)
        put_aside(j);
    if (lost)
        j->signal = 15;
    return run_failed(q, w, j, why, err);
}

/* ---- starts ---- */

static asc_status mark_running(asc_queue *q, const asc_job *j, bool counted, asc_error *err)
{
    return q->calls.started(q->calls.ctx, j->run, j, counted, err);
}

static void add_job(asc_queue *q, waiting *w, asc_job *j)
{
    q->jobs[q->n_jobs] = j;
    q->job_work[q->n_jobs++] = w;
    w->active = true;
}

static asc_job *job_of(const waiting *w)
{
    return asc_job_create(w->item->run, w->item->dir);
}

/* A process of an earlier coordinator still makes this run: it is followed like one of our own. */
static asc_status adopt(asc_queue *q, waiting *w, bool *adopted, asc_error *err)
{
    asc_job *j = job_of(w);
    if (!j)
        return ASC_NOMEM(err);
    *adopted = asc_job_adopt(j, w->item->pid, w->item->pid_start);
    if (*adopted)
        add_job(q, w, j);
    else
        asc_job_free(j);
    return ASC_OK;
}

/* The same on a cluster: the scheduler knows. */
static asc_status find_job(asc_queue *q, waiting *w, bool *found, asc_error *err)
{
    asc_job *j = job_of(w);
    if (!j)
        return ASC_NOMEM(err);
    asc_status st = q->e->find(q->e, j, err);
    *found = st == ASC_OK && j->id;
    if (!*found) {
        asc_job_free(j);
        return st;
    }
    add_job(q, w, j);
    return mark_running(q, j, false, err);
}

/* A result that is no good: told, and out of the way. */
static void drop_result(asc_queue *q, const waiting *w, const char *why)
{
    char line[1200];
    snprintf(line, sizeof line, "run %s: %s; it is made again", w->item->id, why);
    q->calls.note(q->calls.ctx, line, true);
    char *path = asc_path_join(w->item->dir, "result.json");
    if (path)
        unlink(path);
    asc_free(path);
}

/* A run that somebody already makes or has made needs no start. A good result counts before any lock: what a trainer
 * left behind may live for ever. *settled: nothing more to do now. */
static asc_status look_before(asc_queue *q, waiting *w, bool *settled, asc_error *err)
{
    asc_error wrong = {0};
    bool found = false;
    *settled = false;
    asc_status st = q->calls.take(&found, q->calls.ctx, w->item->run, NAN, &wrong);
    if (st == ASC_ENOMEM)
        return ASC_NOMEM(err);
    *settled = st == ASC_OK && found;
    if (*settled)
        return run_ended(q, w, NULL, err);
    ASC_TRY(adopt(q, w, settled, err));
    if (!*settled && q->e->find)
        ASC_TRY(find_job(q, w, settled, err));
    if (!*settled && found)
        drop_result(q, w, wrong.msg);
    return ASC_OK;
}

/* Runs prepared to be started together: one at a time here, an array on a cluster. */
typedef struct batch {
    asc_job **jobs;       /* (n) */
    asc_launch *launches; /* (n) */
    waiting **work;       /* (n) */
    size_t n, cap;
} batch;

static asc_status batch_init(batch *b, const asc_queue *q, asc_error *err)
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
        asc_job_free(b->jobs[i]);
        b->work[i]->active = false;
        asc_launch_clear(&b->launches[i]);
    }
    asc_free(b->jobs);
    asc_free(b->launches);
    asc_free(b->work);
}

/* Prepare a run; one that is being made or has ended needs no start and stays out of the batch. */
static asc_status batch_add(batch *b, asc_queue *q, waiting *w, asc_error *err)
{
    asc_launch launch = {0};
    bool settled;
    ASC_TRY(q->calls.prepare(&launch, q->calls.ctx, w->item->run, err));
    asc_status st = look_before(q, w, &settled, err);
    asc_job *j = st == ASC_OK && !settled ? job_of(w) : NULL;
    if (st == ASC_OK && !settled && !j)
        st = ASC_NOMEM(err);
    if (!j) {
        asc_launch_clear(&launch);
        return st;
    }
    b->jobs[b->n] = j;
    b->launches[b->n] = launch;
    b->work[b->n++] = w;
    w->active = true; /* so that it is not taken twice */
    return ASC_OK;
}

/* What the scheduler would not take now: later, and said once. */
static void batch_refused(batch *b, asc_queue *q, size_t n_started)
{
    char line[400];
    for (size_t i = n_started; i < b->n; i++) {
        b->work[i]->ready_s = asc_now_s() + REFUSED_S;
        b->work[i]->active = false;
        asc_job_free(b->jobs[i]);
    }
    if (n_started == b->n || q->told_refused)
        return;
    q->told_refused = true;
    snprintf(line, sizeof line, "%s takes no more jobs now (%s); the rest is submitted as it does", q->e->name,
             q->e->why_refused);
    q->calls.note(q->calls.ctx, line, false);
}

static asc_status batch_start(batch *b, asc_queue *q, asc_error *err)
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
        asc_launch_clear(&b->launches[i]);
    b->n = 0;
    return st;
}

/* The next run that may start: those left running by an earlier coordinator first, then in order. */
static waiting *next_work(asc_queue *q, double now, double *soonest)
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
        if (w->was_running)
            return w;
        if (!best)
            best = w;
    }
    return best;
}

/* Start one batch; *more when there may be another one. */
static asc_status start_batch(asc_queue *q, double *soonest, bool *more, asc_error *err)
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

static asc_status start_ready(asc_queue *q, double *soonest, asc_error *err)
{
    bool more = true;
    *soonest = INFINITY;
    while (more && q->n_jobs < q->e->capacity && !asc_interrupted())
        ASC_TRY(start_batch(q, soonest, &more, err));
    return ASC_OK;
}

/* ---- watching ---- */

static void look_at(asc_queue *q, asc_job *j, double now)
{
    char *path = asc_path_join(j->dir, q->o.metrics), *log = asc_path_join(j->dir, "log.txt");
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

static void stop_job(asc_queue *q, asc_job *j, const char *why)
{
    j->stopped = true;
    j->why_stopped = why;
    j->stopped_s = asc_now_s();
    q->e->stop(q->e, j, false);
}

static void enforce_limits(asc_queue *q, asc_job *j, double now)
{
    if (j->ending)
        return;
    if (j->stopped) {
        if (!j->killed && now - j->stopped_s > (j->why_stopped ? KILL_GRACE_S : STOP_GRACE_S)) {
            j->killed = true;
            q->e->stop(q->e, j, true);
        }
        return;
    }
    if (q->o.time_limit_s > 0 && now - j->started_s > q->o.time_limit_s)
        stop_job(q, j, "the time limit of one run (run.time_limit)");
    else if (q->o.heartbeat_s > 0 && now - j->grown_s > q->o.heartbeat_s)
        stop_job(q, j, "no sign of life in its log or metrics (trainer.heartbeat)");
}

static void show_progress(asc_queue *q, double now)
{
    double under_way = 0;
    if (now - q->shown_s < .5)
        return;
    q->shown_s = now;
    for (size_t i = 0; i < q->n_jobs; i++) {
        look_at(q, q->jobs[i], now);
        under_way += fmin(q->jobs[i]->tokens, q->job_work[i]->item->tokens);
    }
    q->calls.progress(q->calls.ctx, under_way);
}

/* While something long is computed: limits are kept and signals passed on; ends are taken note of afterwards. */
void asc_queue_tick(asc_queue *q)
{
    double now = asc_now_s();
    show_progress(q, now);
    for (size_t i = 0; i < q->n_jobs; i++) {
        asc_job *j = q->jobs[i];
        if (q->e->has_ended && q->e->has_ended(q->e, j))
            continue;
        if (asc_interrupted() && !j->stopped)
            stop_job(q, j, NULL);
        enforce_limits(q, j, now);
    }
}

static void remove_job(asc_queue *q, size_t i)
{
    asc_job_free(q->jobs[i]);
    q->jobs[i] = q->jobs[--q->n_jobs];
    q->job_work[i] = q->job_work[q->n_jobs];
}

/* Of an adopted run: its result is there, or it was told to end and cannot be reached from here. */
static bool left_alone(const asc_queue *q, const asc_job *j, double now)
{
    return q->calls.has_result(q->calls.ctx, j->run) ||
           (j->killed && now - j->stopped_s > KILL_GRACE_S + STOP_GRACE_S) ||
           (j->stopped && !j->why_stopped && j->pid <= 0);
}

static asc_job_state state_of(asc_queue *q, asc_job *j, double now)
{
    asc_job_state state = q->e->poll(q->e, j);
    if (state == ASC_JOB_RUNNING && j->adopted && now - j->looked_s > .5) {
        j->looked_s = now;
        state = left_alone(q, j, now) ? ASC_JOB_ENDED : state;
    }
    return state;
}

static asc_status poll_jobs(asc_queue *q, asc_error *err)
{
    double now = asc_now_s();
    for (size_t i = 0; i < q->n_jobs;) {
        asc_job *j = q->jobs[i];
        asc_job_state state = state_of(q, j, now);
        if (state == ASC_JOB_RUNNING) {
            enforce_limits(q, j, now);
            i++;
            continue;
        }
        look_at(q, j, now);
        asc_status st = job_ended(q, q->job_work[i], j, state == ASC_JOB_LOST, err);
        remove_job(q, i);
        if (st != ASC_OK)
            return st;
    }
    show_progress(q, now);
    return ASC_OK;
}

/* ---- the end ---- */

/* Ask all to stop, give them time for a checkpoint, take what they still finished. */
static asc_status stop_all(asc_queue *q, asc_error *err)
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

static size_t n_open(const asc_queue *q)
{
    size_t n = 0;
    for (size_t i = 0; i < q->n; i++)
        n += !q->work[i].ended;
    return n;
}

static asc_status give_up(const asc_queue *q, asc_error *err)
{
    for (size_t i = 0; i < q->n; i++)
        if (q->work[i].ended && q->work[i].why)
            return ASC_FAIL(err, ASC_ENUMERIC, "%zu run%s failed, the first is %s: %s", q->n_failed,
                            q->n_failed == 1 ? "" : "s", q->work[i].item->id, q->work[i].why);
    return q->n_failed ? ASC_NOMEM(err) : ASC_OK; /* no memory was left to say why */
}

static asc_status loop(asc_queue *q, asc_error *err)
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

/* ---- life ---- */

asc_status asc_queue_create(asc_queue **out, const asc_queue_opts *opts, const asc_queue_calls *calls, asc_error *err)
{
    asc_queue *q = asc_calloc(1, sizeof *q);
    if (!q)
        return ASC_NOMEM(err);
    q->o = *opts;
    q->calls = *calls;
    q->o.metrics = opts->metrics ? opts->metrics : "metrics.jsonl";
    asc_status st = asc_executor_create(&q->e, &q->o.place, err);
    if (st == ASC_OK) {
        q->jobs = asc_calloc(q->e->capacity + 1, sizeof *q->jobs);
        q->job_work = asc_calloc(q->e->capacity + 1, sizeof *q->job_work);
        st = q->jobs && q->job_work ? ASC_OK : ASC_NOMEM(err);
    }
    if (st == ASC_OK)
        *out = q;
    else
        asc_queue_free(q);
    return st;
}

static void clear_work(asc_queue *q)
{
    for (size_t i = 0; i < q->n; i++)
        asc_free(q->work[i].why);
    asc_free(q->work);
    q->work = NULL;
    q->n = 0;
}

void asc_queue_free(asc_queue *q)
{
    if (!q)
        return;
    clear_work(q);
    asc_free(q->jobs);
    asc_free(q->job_work);
    if (q->e)
        q->e->destroy(q->e);
    asc_free(q);
}

asc_status asc_queue_make(asc_queue *q, const asc_queue_item *items, size_t n, asc_error *err)
{
    if (!(q->work = asc_calloc(n + 1, sizeof *q->work)))
        return ASC_NOMEM(err);
    q->n = n;
    q->n_failed = q->n_done = 0;
    for (size_t i = 0; i < n; i++)
        q->work[i] = (waiting){.item = &items[i], .was_running = items[i].was_running};
    asc_status st = loop(q, err);
    if (q->n_jobs > 0) {
        asc_error second = {0};
        stop_all(q, &second);
    }
    while (q->n_jobs > 0)
        remove_job(q, q->n_jobs - 1);
    clear_work(q);
    return st;
}
