/* The queue's loop: start, follow, take, try again. What matters is told to the caller, never kept here alone. A
 * program makes one run or, of runs of one shape, a group; which run is in which group is forgotten with the program:
 * those without a result wait again one by one, and form new groups. */
#include "exec/exec_queue.h"

#include <assert.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "words.h"

enum { LOST_RETRIES = 5, KILLED_RETRIES = 2, GIVE_UP_AFTER = 3 };
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
    size_t most;     /* runs of a group that it may be in; fewer after a failure that it shared */
    bool was_running;
    bool ended, active;
    char *why; /* it failed; NULL else */
    /* of the program that makes it now */
    int64_t log_bytes, metrics_bytes;
    double tokens; /* trained so far, from metrics.jsonl */
} waiting;

/** The runs of one program that have not ended yet. */
typedef struct team {
    waiting **work; /* (n) */
    size_t n, cap;
    size_t n_begun; /* when it was started */
} team;

struct asc_queue {
    asc_queue_opts o;
    asc_queue_calls calls;
    asc_executor *e;
    waiting *work; /* (n) */
    size_t n;
    asc_job **jobs; /* (n_jobs) under way */
    team *teams;    /* (n_jobs) their runs */
    size_t n_jobs;
    bool *taken;   /* (capacity) places */
    double *bad_s; /* (capacity) when a program found its device lost there; 0: never */
    size_t n_failed, n_done;
    double shown_s;
    bool told_refused;
};

/* ---- ends ---- */

static asc_status run_ended(asc_queue *q, waiting *w, const char *why, asc_error *err)
{
    assert(!w->ended);
    w->ended = true;
    q->n_failed += why != NULL;
    q->n_done += why == NULL;
    if (why)
        w->why = asc_strdup(why);
    return q->calls.ended(q->calls.ctx, w->item->run, why, err);
}

static void read_tail(char *out, size_t n, const char *dir)
{
    char *log = asc_path_join(dir, "log.txt");
    *out = 0;
    if (log)
        asc_log_tail(out, n, log);
    asc_free(log);
}

/* It ended for want of a device or its memory, says its exit code. */
static bool of_device(const asc_queue *q, const asc_job *j)
{
    return !q->o.external && (j->exit_code == ASC_EXIT_NO_DEVICE || j->exit_code == ASC_EXIT_DEVICE_LOST ||
                              j->exit_code == ASC_EXIT_NO_MEMORY);
}

/* How a process without a result ended, with what the run's log says last, or the program's, which is its first run's.
 */
static void explain(char *why, size_t size, const asc_queue *q, const waiting *w, const asc_job *j,
                    const char *result_error)
{
    char tail[500] = "", how[200];
    read_tail(tail, sizeof tail, of_device(q, j) ? j->dir : w->item->dir);
    if (!tail[0])
        read_tail(tail, sizeof tail, j->dir);
    if (result_error)
        snprintf(how, sizeof how, "%.190s", result_error);
    else if (j->why_stopped)
        snprintf(how, sizeof how, "stopped: %s", j->why_stopped);
    else if (j->why_ended[0])
        snprintf(how, sizeof how, "%.190s", j->why_ended);
    else if (j->signal)
        snprintf(how, sizeof how, "killed by signal %d%s", j->signal, j->signal == 9 ? " (out of memory?)" : "");
    else if (j->exit_code)
        snprintf(how, sizeof how, "exit code %d and no result.json", j->exit_code);
    else
        snprintf(how, sizeof how, "ended without a result.json");
    snprintf(why, size, "%s%s%s", how, tail[0] ? "; log: " : "", tail);
}

/* Whether another try would end as this one did. */
static bool is_final(const asc_queue *q, const asc_job *j)
{
    return !q->o.external && (j->exit_code == 2 || (j->exit_code == ASC_EXIT_NO_DEVICE && q->e->here));
}

/* Of a group of n_left that failed together nobody knows whose fault it was: again in halves, at last alone. */
static bool is_shared(const asc_queue *q, const asc_job *j, size_t n_left)
{
    bool elsewhere = j->signal == 15 || j->adopted ||
                     (of_device(q, j) && j->exit_code != ASC_EXIT_NO_MEMORY); /* the same group may do */
    return n_left > 1 && !elsewhere;
}

/** How a program ended. */
typedef struct ending {
    const asc_job *job;
    size_t n_left; /* runs that it left without a result */
    double now;    /* one moment for all of them, so that they are ready together */
} ending;

/* Ended without a usable result: again after a pause, or failed for good. */
static asc_status run_failed(asc_queue *q, waiting *w, const ending *e, const char *why, asc_error *err)
{
    const asc_job *j = e->job;
    assert(!w->ended);
    /* Killed by somebody else, or further than last time: no fault of the run. */
    bool outside =
        j->signal == 9 || j->signal == 15 || j->adopted || (of_device(q, j) && j->exit_code == ASC_EXIT_DEVICE_LOST);
    bool progressed = w->tokens > w->progress, final = is_final(q, j);
    bool killed = q->o.external && j->signal == 9; /* by the kernel, mostly, as memory ran out: so it will again */
    w->progress = fmax(w->progress, w->tokens);
    w->lost = progressed ? 0 : w->lost;
    if (is_shared(q, j, e->n_left)) {
        w->most = (e->n_left + 1) / 2;
        w->ready_s = e->now + q->o.backoff_s;
    } else if (outside && !j->why_stopped && ++w->lost <= (killed ? KILLED_RETRIES : LOST_RETRIES))
        w->ready_s = e->now + (j->exit_code || killed ? q->o.backoff_s * pow(2, w->lost - 1) : 0);
    else if (!final && (progressed ? w->failures : ++w->failures) <= q->o.retries)
        w->ready_s = e->now + fmin(q->o.backoff_s * pow(2, w->failures - 1), 600);
    else
        return run_ended(q, w, why, err);
    w->was_running = false;
    return q->calls.waits(q->calls.ctx, w->item->run, why, err);
}

/* A wrong result: out of the way, kept for whoever wants to see it. */
static void put_aside(const waiting *w)
{
    char *from = asc_path_join(w->item->dir, "result.json"), *to = asc_path_join(w->item->dir, "result.bad.json");
    if (from && to)
        rename(from, to);
    asc_free(from);
    asc_free(to);
}

/* Take what a job left of a run. */
static asc_status work_ended(asc_queue *q, waiting *w, const ending *e, asc_error *err)
{
    const asc_job *j = e->job;
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
    explain(why, sizeof why, q, w, j, found ? wrong.msg : NULL);
    if (found)
        put_aside(w);
    return run_failed(q, w, e, why, err);
}

static size_t n_without_result(const asc_queue *q, const team *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++)
        n += !q->calls.has_result(q->calls.ctx, t->work[i]->item->run);
    return n;
}

/* A group that fell apart, in a line. */
static void note_shared(asc_queue *q, const team *t, const asc_job *j, size_t n_left)
{
    char line[700], why[500];
    if (!is_shared(q, j, n_left) || (j->stopped && !j->why_stopped))
        return;
    read_tail(why, sizeof why, j->dir);
    bool memory = of_device(q, j) || j->signal == 9;
    snprintf(line, sizeof line, "a group of %zu runs %s; the remaining %zu continue in groups of at most %zu%s%s",
             t->n_begun, memory ? "ran out of memory" : "failed", n_left, (n_left + 1) / 2, why[0] ? ": " : "", why);
    q->calls.note(q->calls.ctx, line, false);
}

static asc_status job_ended(asc_queue *q, size_t i, bool lost, asc_error *err)
{
    asc_job *j = q->jobs[i];
    team *t = &q->teams[i];
    assert(i < q->n_jobs && t->n <= t->n_begun);
    const ending e = {.job = j, .n_left = n_without_result(q, t), .now = asc_now_s()};
    if (lost)
        j->signal = 15;
    if (of_device(q, j) && j->exit_code == ASC_EXIT_DEVICE_LOST)
        q->bad_s[j->place] = asc_now_s();
    note_shared(q, t, j, e.n_left);
    asc_status st = ASC_OK;
    while (t->n > 0 && st == ASC_OK) {
        st = work_ended(q, t->work[0], &e, err);
        memmove(t->work, t->work + 1, --t->n * sizeof *t->work);
    }
    return st;
}

/* Runs of a group that have ended while it goes on. */
static asc_status take_ended(asc_queue *q, size_t i, asc_error *err)
{
    team *t = &q->teams[i];
    asc_error wrong;
    for (size_t k = 0; k < t->n && t->n > 1;) {
        waiting *w = t->work[k];
        bool found = q->calls.has_result(q->calls.ctx, w->item->run);
        asc_status st = found ? q->calls.take(&found, q->calls.ctx, w->item->run, NAN, &wrong) : ASC_OK;
        if (st == ASC_ENOMEM)
            return ASC_NOMEM(err);
        if (!found || st != ASC_OK) { /* what is wrong with it is told when the program has ended */
            k++;
            continue;
        }
        w->active = false;
        memmove(t->work + k, t->work + k + 1, (--t->n - k) * sizeof *t->work);
        ASC_TRY(run_ended(q, w, NULL, err));
    }
    return ASC_OK;
}

/* ---- starts ---- */

static asc_status mark_running(asc_queue *q, const team *t, const asc_job *j, bool counted, asc_error *err)
{
    for (size_t i = 0; i < t->n; i++)
        ASC_TRY(q->calls.started(q->calls.ctx, t->work[i]->item->run, j, counted, err));
    return ASC_OK;
}

static void team_clear(team *t)
{
    for (size_t i = 0; i < t->n; i++)
        t->work[i]->active = false;
    asc_free(t->work);
    *t = (team){0};
}

static asc_status team_add(team *t, waiting *w, asc_error *err)
{
    waiting **more = asc_grow(t->work, &t->cap, t->n + 1, sizeof *more);
    if (!more)
        return ASC_NOMEM(err);
    t->work = more;
    t->work[t->n++] = w;
    t->n_begun = t->n;
    w->active = true; /* so that it is not taken twice */
    w->log_bytes = w->metrics_bytes = 0;
    w->tokens = 0;
    return ASC_OK;
}

/* The free place whose device was not lost, or longest ago. There is one: never more jobs than capacity. */
static size_t take_place(asc_queue *q)
{
    size_t best = q->e->capacity;
    for (size_t i = 0; i < q->e->capacity; i++)
        if (!q->taken[i] && (best == q->e->capacity || q->bad_s[i] < q->bad_s[best]))
            best = i;
    assert(best < q->e->capacity);
    best = best < q->e->capacity ? best : 0;
    q->taken[best] = true;
    return best;
}

/* The job and its runs are the queue's now. */
static void add_job(asc_queue *q, team *t, asc_job *j)
{
    assert(q->n_jobs < q->e->capacity && t->n > 0);
    q->jobs[q->n_jobs] = j;
    q->teams[q->n_jobs++] = *t;
    *t = (team){0};
}

static asc_job *job_of(const waiting *w)
{
    return asc_job_create(w->item->run, w->item->dir);
}

static asc_status follow(asc_queue *q, waiting *w, asc_job *j, asc_error *err)
{
    team t = {0};
    asc_status st = team_add(&t, w, err);
    if (st != ASC_OK) {
        asc_job_free(j);
        return st;
    }
    j->place = take_place(q);
    add_job(q, &t, j);
    return ASC_OK;
}

/* With the other runs that the same process was noted to make. */
static asc_status follow_group(asc_queue *q, waiting *w, asc_job *j, asc_error *err)
{
    ASC_TRY(follow(q, w, j, err));
    for (size_t i = 0; w->item->pid > 0 && i < q->n; i++) {
        waiting *o = &q->work[i];
        if (o->was_running && !o->ended && !o->active && o->item->pid == w->item->pid &&
            o->item->pid_start == w->item->pid_start && asc_run_held(o->item->dir))
            ASC_TRY(team_add(&q->teams[q->n_jobs - 1], o, err));
    }
    return ASC_OK;
}

/* A process of an earlier coordinator still makes this run: it is followed like one of our own. One that makes a group
 * is followed once, for all of it. */
static asc_status adopt(asc_queue *q, waiting *w, bool *adopted, asc_error *err)
{
    asc_job *j = job_of(w);
    if (!j)
        return ASC_NOMEM(err);
    *adopted = asc_job_adopt(j, w->item->pid, w->item->pid_start);
    for (size_t i = 0; *adopted && j->pid > 0 && i < q->n_jobs; i++)
        if (q->jobs[i]->adopted && q->jobs[i]->pid == j->pid && q->jobs[i]->pid_start == j->pid_start) {
            asc_job_free(j);
            return team_add(&q->teams[i], w, err);
        }
    if (*adopted)
        return follow_group(q, w, j, err);
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
    ASC_TRY(follow(q, w, j, err));
    return mark_running(q, &q->teams[q->n_jobs - 1], j, false, err);
}

/* A result that is no good: told, and out of the way. */
static void drop_result(asc_queue *q, const waiting *w, const char *why)
{
    char line[1200];
    snprintf(line, sizeof line, "run %s: %s; retrying it", w->item->id, why);
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

/* The next run that may start: those left running by an earlier coordinator first, then in order; of `shape` alone
 * where that is not NULL. */
static waiting *next_work(asc_queue *q, const char *shape, double now, double *soonest)
{
    waiting *best = NULL;
    for (size_t i = 0; i < q->n; i++) {
        waiting *w = &q->work[i];
        if (w->ended || w->active || (shape && !(w->item->shape && strcmp(w->item->shape, shape) == 0)))
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

size_t asc_queue_group(size_t n, size_t most, size_t free_places)
{
    most = most > 1 ? most : 1;
    size_t groups = (n + most - 1) / most;
    if (groups < free_places)
        groups = free_places;
    size_t size = groups ? (n + groups - 1) / groups : 1;
    return size > 1 ? size : 1;
}

/* How many runs the group of w may have now. */
static size_t group_size(const asc_queue *q, const waiting *w, size_t free_places)
{
    size_t n = 0;
    double now = asc_now_s();
    for (size_t i = 0; i < q->n && w->item->shape; i++) {
        const waiting *o = &q->work[i];
        n += !o->ended && !o->active && o->ready_s <= now && o->item->shape &&
             strcmp(o->item->shape, w->item->shape) == 0;
    }
    return asc_queue_group(n ? n : 1, w->most, q->o.spread ? free_places : 1);
}

/* Programs prepared to be started together: one at a time here, an array on a cluster. */
typedef struct batch {
    asc_job **jobs;       /* (n) */
    asc_launch *launches; /* (n) */
    team *teams;          /* (n) */
    size_t n, cap;
} batch;

static asc_status batch_init(batch *b, const asc_queue *q, asc_error *err)
{
    size_t room = q->e->capacity - q->n_jobs;
    *b = (batch){.cap = q->e->together < room ? q->e->together : room};
    b->jobs = asc_calloc(b->cap, sizeof *b->jobs);
    b->launches = asc_calloc(b->cap, sizeof *b->launches);
    b->teams = asc_calloc(b->cap, sizeof *b->teams);
    return b->jobs && b->launches && b->teams ? ASC_OK : ASC_NOMEM(err);
}

static void drop_job(asc_queue *q, asc_job *j)
{
    if (j)
        q->taken[j->place] = false;
    asc_job_free(j);
}

static void batch_clear(batch *b, asc_queue *q)
{
    for (size_t i = 0; i < b->n; i++) {
        drop_job(q, b->jobs[i]);
        team_clear(&b->teams[i]);
        asc_launch_clear(&b->launches[i]);
    }
    asc_free(b->jobs);
    asc_free(b->launches);
    asc_free(b->teams);
}

/* Ready runs of w's shape, w first; those that are being made or have ended need no start and stay out. */
static asc_status fill_team(team *t, asc_queue *q, waiting *w, size_t free_places, double *soonest, asc_error *err)
{
    size_t most = group_size(q, w, free_places);
    const char *shape = w->item->shape;
    for (; w && t->n < most; w = t->n < most && shape ? next_work(q, shape, asc_now_s(), soonest) : NULL) {
        bool settled;
        if (t->n && w->most <= t->n) /* it may be in smaller groups only */
            break;
        ASC_TRY(q->calls.prepare(q->calls.ctx, w->item->run, err));
        ASC_TRY(look_before(q, w, &settled, err));
        if (!settled)
            ASC_TRY(team_add(t, w, err));
        most = w->most < most ? w->most : most;
        if (settled && q->n_jobs >= q->e->capacity) /* what was found under way has taken the last place */
            break;
    }
    return ASC_OK;
}

static asc_status launch_team(asc_launch *out, asc_job **job, asc_queue *q, const team *t, asc_error *err)
{
    size_t *runs = asc_calloc(t->n, sizeof *runs);
    asc_status st = runs && (*job = job_of(t->work[0])) ? ASC_OK : ASC_NOMEM(err);
    for (size_t i = 0; st == ASC_OK && i < t->n; i++) {
        runs[i] = t->work[i]->item->run;
        if (i)
            st = asc_job_join(*job, t->work[i]->item->dir, err);
    }
    if (st == ASC_OK) {
        (*job)->place = take_place(q);
        st = q->calls.launch(out, q->calls.ctx, runs, t->n, (*job)->place, err);
    }
    asc_free(runs);
    return st;
}

/* Prepare w and what may be made with it. */
static asc_status batch_add(batch *b, asc_queue *q, waiting *w, double *soonest, asc_error *err)
{
    team *t = &b->teams[b->n];
    asc_status st = fill_team(t, q, w, q->e->capacity - q->n_jobs - b->n, soonest, err);
    if (st == ASC_OK && t->n > 0 && q->n_jobs + b->n < q->e->capacity) {
        st = launch_team(&b->launches[b->n], &b->jobs[b->n], q, t, err);
        b->n++; /* cleared with the batch, whatever happened */
        return st;
    }
    team_clear(t);
    return st;
}

/* What the scheduler would not take now: later, and said once. */
static void batch_refused(batch *b, asc_queue *q, size_t n_started)
{
    char line[400];
    for (size_t i = n_started; i < b->n; i++) {
        for (size_t k = 0; k < b->teams[i].n; k++)
            b->teams[i].work[k]->ready_s = asc_now_s() + REFUSED_S;
        team_clear(&b->teams[i]);
        drop_job(q, b->jobs[i]);
    }
    if (n_started == b->n || q->told_refused)
        return;
    q->told_refused = true;
    snprintf(line, sizeof line, "%s accepts no more jobs at the moment (%s); the rest will be submitted later",
             q->e->name, q->e->why_refused);
    q->calls.note(q->calls.ctx, line, false);
}

static asc_status batch_start(batch *b, asc_queue *q, asc_error *err)
{
    size_t n_started = 0;
    ASC_TRY(q->e->start(q->e, b->jobs, b->launches, b->n, &n_started, err));
    asc_status st = ASC_OK;
    for (size_t i = 0; i < n_started; i++) {
        add_job(q, &b->teams[i], b->jobs[i]);
        if (st == ASC_OK)
            st = mark_running(q, &q->teams[q->n_jobs - 1], b->jobs[i], true, err);
    }
    batch_refused(b, q, n_started);
    for (size_t i = 0; i < b->n; i++)
        asc_launch_clear(&b->launches[i]);
    b->n = 0;
    return st;
}

/* Start one batch; *more when there may be another one. */
static asc_status start_batch(asc_queue *q, double *soonest, bool *more, asc_error *err)
{
    batch b;
    asc_status st = batch_init(&b, q, err);
    *more = true;
    while (st == ASC_OK && b.n < b.cap && q->n_jobs + b.n < q->e->capacity) {
        waiting *w = next_work(q, NULL, asc_now_s(), soonest);
        *more = w != NULL;
        if (!w)
            break;
        st = batch_add(&b, q, w, soonest, err);
    }
    if (st == ASC_OK && b.n > 0)
        st = batch_start(&b, q, err);
    batch_clear(&b, q);
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

static void look_at_run(asc_queue *q, asc_job *j, waiting *w, double now)
{
    char *path = asc_path_join(w->item->dir, q->o.metrics), *log = asc_path_join(w->item->dir, "log.txt");
    int64_t before = w->metrics_bytes;
    struct stat sb;
    double tokens = path ? asc__last_tokens(path, &w->metrics_bytes) : -1;
    if (tokens >= 0)
        w->tokens = tokens;
    if (log && stat(log, &sb) == 0 && (int64_t)sb.st_size != w->log_bytes) {
        w->log_bytes = (int64_t)sb.st_size;
        j->grown_s = now;
    }
    if (w->metrics_bytes != before)
        j->grown_s = now;
    asc_free(path);
    asc_free(log);
}

static void look_at(asc_queue *q, size_t i, double now)
{
    for (size_t k = 0; k < q->teams[i].n; k++)
        look_at_run(q, q->jobs[i], q->teams[i].work[k], now);
}

static void stop_job(asc_queue *q, asc_job *j, const char *why)
{
    j->stopped = true;
    j->why_stopped = why;
    j->stopped_s = asc_now_s();
    q->e->stop(q->e, j, false);
}

static void enforce_limits(asc_queue *q, size_t i, double now)
{
    asc_job *j = q->jobs[i];
    double limit = q->o.time_limit_s * (double)q->teams[i].n_begun;
    if (j->ending)
        return;
    if (j->stopped) {
        if (!j->killed && now - j->stopped_s > (j->why_stopped ? KILL_GRACE_S : STOP_GRACE_S)) {
            j->killed = true;
            q->e->stop(q->e, j, true);
        }
        return;
    }
    if (limit > 0 && now - j->started_s > limit)
        stop_job(q, j, "the time limit per run (run.time_limit)");
    else if (q->o.heartbeat_s > 0 && now - j->grown_s > q->o.heartbeat_s)
        stop_job(q, j, "no output in its log or metrics (trainer.heartbeat)");
}

static double trained_so_far(const waiting *w)
{
    return fmax(0, fmin(w->tokens, w->item->tokens) - w->item->from_tokens);
}

static void show_progress(asc_queue *q, double now)
{
    double under_way = 0;
    if (now - q->shown_s < .5)
        return;
    q->shown_s = now;
    for (size_t i = 0; i < q->n_jobs; i++) {
        look_at(q, i, now);
        for (size_t k = 0; k < q->teams[i].n; k++)
            under_way += trained_so_far(q->teams[i].work[k]);
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
        enforce_limits(q, i, now);
    }
}

static void remove_job(asc_queue *q, size_t i)
{
    drop_job(q, q->jobs[i]);
    team_clear(&q->teams[i]);
    q->jobs[i] = q->jobs[--q->n_jobs];
    q->teams[i] = q->teams[q->n_jobs];
}

/* Of an adopted run: its result is there, or it was told to end and cannot be reached from here. */
static bool left_alone(const asc_queue *q, size_t i, double now)
{
    const asc_job *j = q->jobs[i];
    return n_without_result(q, &q->teams[i]) == 0 || (j->killed && now - j->stopped_s > KILL_GRACE_S + STOP_GRACE_S) ||
           (j->stopped && !j->why_stopped && j->pid <= 0);
}

static asc_job_state state_of(asc_queue *q, size_t i, double now)
{
    asc_job *j = q->jobs[i];
    asc_job_state state = q->e->poll(q->e, j);
    if (state == ASC_JOB_RUNNING && j->adopted && now - j->looked_s > .5) {
        j->looked_s = now;
        state = left_alone(q, i, now) ? ASC_JOB_ENDED : state;
    }
    return state;
}

static asc_status poll_jobs(asc_queue *q, asc_error *err)
{
    double now = asc_now_s();
    bool look_inside = now - q->shown_s >= .5;
    for (size_t i = 0; i < q->n_jobs;) {
        asc_job_state state = state_of(q, i, now);
        if (state == ASC_JOB_RUNNING) {
            enforce_limits(q, i, now);
            if (look_inside)
                ASC_TRY(take_ended(q, i, err));
            i++;
            continue;
        }
        look_at(q, i, now);
        asc_status st = job_ended(q, i, state == ASC_JOB_LOST, err);
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
            return ASC_FAIL(err, ASC_ENUMERIC, "%zu run%s failed; the first, %s: %s", q->n_failed,
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

static void note_of_executor(void *ctx, const char *line)
{
    const asc_queue *q = ctx;
    q->calls.note(q->calls.ctx, line, false);
}

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
        q->e->note = note_of_executor;
        q->e->note_ctx = q;
        q->jobs = asc_calloc(q->e->capacity + 1, sizeof *q->jobs);
        q->teams = asc_calloc(q->e->capacity + 1, sizeof *q->teams);
        q->taken = asc_calloc(q->e->capacity + 1, sizeof *q->taken);
        q->bad_s = asc_calloc(q->e->capacity + 1, sizeof *q->bad_s);
        st = q->jobs && q->teams && q->taken && q->bad_s ? ASC_OK : ASC_NOMEM(err);
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
    asc_free(q->teams);
    asc_free(q->taken);
    asc_free(q->bad_s);
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
        q->work[i] = (waiting){
            .item = &items[i], .most = items[i].most > 1 ? items[i].most : 1, .was_running = items[i].was_running};
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
