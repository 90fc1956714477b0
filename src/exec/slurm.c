/*
 * Runs as tasks of Slurm job arrays.
 *
 * What Slurm is asked: squeue for what is under way (one call for all jobs of this study, which carry a name made of
 * the study's folder), `scontrol show job -o` for how one ended (kept by the controller for a few minutes only). What
 * counts is the run's own result.json; a job that is gone without a trace and without a result is lost and started
 * again.
 *
 * The coordinator may die at any moment: each array lies in a folder DIR/slurm/BATCH with one script a task, whose
 * first comment names the run's folder. squeue tells the script's path, so that a later coordinator finds its jobs
 * again without having written their numbers down.
 */
#include "executors.h"
#include "script.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    DEFAULT_ARRAY_SIZE = 1001, /* Slurm's own default of MaxArraySize */
    NETWORK_GRACE_S = 20,      /* a result may show this much later on a network file system */
    SIGNAL_BEFORE_S = 60       /* SIGTERM so long before the time limit: time for a checkpoint */
};

/* One task that squeue lists. */
typedef struct task {
    char *id;       /* "123_4" */
    char *run_dirs; /* one per line; NULL: its script is gone */
    bool pending;
} task;

typedef struct slurm {
    asc_executor base;
    asc_slurm_spec spec;
    char *dir, *name;   /* DIR/slurm; "autoscale-0123456789ab" */
    int threads, ranks; /* of a run */
    size_t array_size;
    bool has_accounts;         /* sacct answers */
    double refresh_s, asked_s; /* seconds between two squeue; when it was asked last */
    bool answered;             /* the last squeue was answered */
    unsigned batch;
    task *tasks;
    size_t n_tasks, cap_tasks;
} slurm;

/* ---- asking ---- */

/* Slurm's own word for a command that is not there. */
static asc_status ask(char *const *argv, asc_buf *out, int *exit_code, asc_error *err)
{
    asc_error why;
    asc_status st = asc_ask(argv, NULL, out, exit_code, &why);
    if (st == ASC_OK)
        return ASC_OK;
    return ASC_FAIL(err, st, "%s%s", why.msg,
                    st == ASC_EMISSING ? "; executor slurm needs Slurm's commands on this machine" : "");
}

/* The value of KEY=VALUE in a line of scontrol, up to the next blank; false if it is not there. */
static bool field(const char *line, const char *key, char *out, size_t n)
{
    size_t len = strlen(key);
    for (const char *p = line; (p = strstr(p, key)); p += len) {
        if ((p != line && p[-1] != ' ' && p[-1] != '\n') || p[len] != '=')
            continue;
        size_t k = strcspn(p + len + 1, " \n");
        snprintf(out, n, "%.*s", (int)(k < n ? k : n - 1), p + len + 1);
        return true;
    }
    return false;
}

/* "KEY   = VALUE" of `scontrol show config`; "" where it is not there. */
static void config_value(char *out, size_t n, const char *config, const char *key)
{
    size_t len = strlen(key);
    *out = 0;
    for (const char *p = config; (p = strstr(p, key)); p += len) {
        const char *value = p + len + strspn(p + len, " ");
        if ((p != config && p[-1] != '\n') || *value != '=')
            continue;
        value += 1 + strspn(value + 1, " ");
        snprintf(out, n, "%.*s", (int)strcspn(value, "\n"), value);
        return;
    }
}

/* The largest array that the scheduler takes, and whether it keeps accounts. */
static void read_limits(slurm *s)
{
    char *const argv[] = {"scontrol", "show", "config", NULL};
    char size[32] = "", accounts[64] = "";
    asc_buf b = {0};
    int code;
    if (ask(argv, &b, &code, NULL) == ASC_OK && code == 0) {
        config_value(size, sizeof size, b.data, "MaxArraySize");
        config_value(accounts, sizeof accounts, b.data, "AccountingStorageType");
    }
    asc_buf_clear(&b);
    size_t n = strtoul(size, NULL, 10); /* tasks are numbered below it, 0 and on */
    s->array_size = (n > 1 ? n : DEFAULT_ARRAY_SIZE) - 1;
    s->has_accounts = *accounts && !strstr(accounts, "none") && strcmp(accounts, "(null)") != 0;
}

/* ---- what is under way ---- */

static void clear_tasks(slurm *s)
{
    for (size_t i = 0; i < s->n_tasks; i++) {
        asc_free(s->tasks[i].id);
        asc_free(s->tasks[i].run_dirs);
    }
    s->n_tasks = 0;
}

/* A line "JOB|TASK|STATE|SCRIPT" of squeue. */
static asc_status add_task(slurm *s, char *line, asc_error *err)
{
    char *part[4], *save = NULL;
    for (int i = 0; i < 4; i++)
        if (!(part[i] = strtok_r(i ? NULL : line, i == 3 ? "" : "|", &save)))
            return ASC_OK;
    if (strncmp(part[3], s->dir, strlen(s->dir)) != 0)
        return ASC_OK; /* another study with the same name: not ours */
    char *slash = strrchr(part[3], '/');
    task *p = asc_grow(s->tasks, &s->cap_tasks, s->n_tasks + 1, sizeof *p);
    if (!slash || !p)
        return p ? ASC_OK : ASC_NOMEM(err);
    s->tasks = p;
    *slash = 0;
    char *script = asc_strf("%s/%s.sh", part[3], part[1]);
    task t = {.id = asc_strf("%s_%s", part[0], part[1]), .pending = strcmp(part[2], "PENDING") == 0};
    t.run_dirs = script ? asc__script_run_dirs(script) : NULL;
    asc_free(script);
    if (!t.id) {
        asc_free(t.run_dirs);
        return ASC_NOMEM(err);
    }
    s->tasks[s->n_tasks++] = t;
    return ASC_OK;
}

/* Ask squeue if the last answer is old. A controller that does not answer changes nothing: jobs live on without it. */
static asc_status refresh(slurm *s, bool now, asc_error *err)
{
    double t = asc_now_s();
    if (!now && s->asked_s > 0 && t - s->asked_s < s->refresh_s)
        return ASC_OK;
    char *argv[] = {"squeue", "-h", "-r", "-n", s->name, "-o", "%F|%K|%T|%o", NULL};
    asc_buf b = {0};
    int code = 0;
    asc_status st = ask(argv, &b, &code, err);
    s->asked_s = t;
    s->answered = st == ASC_OK && code == 0;
    if (s->answered) {
        char *save = NULL;
        clear_tasks(s);
        for (char *line = strtok_r(b.data, "\n", &save); line && st == ASC_OK; line = strtok_r(NULL, "\n", &save))
            st = add_task(s, line, err);
    }
    asc_buf_clear(&b);
    return st;
}

static const task *find_task(const slurm *s, const char *id, const char *run_dir)
{
    for (size_t i = 0; i < s->n_tasks; i++) {
        const task *t = &s->tasks[i];
        if (id ? strcmp(t->id, id) == 0 : asc__script_makes(t->run_dirs, run_dir))
            return t;
    }
    return NULL;
}

static asc_status slurm_find(asc_executor *e, asc_job *job, asc_error *err)
{
    slurm *s = (slurm *)e;
    ASC_TRY(refresh(s, s->asked_s == 0, err));
    if (!s->answered)
        return ASC_FAIL(err, ASC_EIO, "squeue does not respond, so running jobs cannot be found; try again later");
    const task *t = find_task(s, NULL, job->dir);
    if (t && !(job->id = asc_strdup(t->id)))
        return ASC_NOMEM(err);
    return ASC_OK;
}

/* ---- starting ---- */

/* exec: the program itself gets the signals that Slurm sends to the batch step. */
static asc_status write_script(const char *batch_dir, size_t i, const asc_job *job, const asc_launch *l, asc_error *err)
{
    asc_buf b = {0};
    asc__script_begin(&b, job, l);
    asc_buf_puts(&b, "exec ");
    asc__script_program(&b, l);
    asc_buf_putc(&b, '\n');
    char *path = asc_strf("%s/%zu.sh", batch_dir, i);
    asc_status st = b.oom || !path ? ASC_NOMEM(err) : asc_write_file(path, b.data, b.len, err);
    asc_free(path);
    asc_buf_clear(&b);
    return st;
}

static asc_status write_array_script(const char *batch_dir, asc_error *err)
{
    char *path = asc_strf("%s/array.sh", batch_dir);
    asc_buf b = {0};
    asc_buf_puts(&b, "#!/bin/sh\nexec /bin/sh ");
    asc_buf_shell_word(&b, batch_dir);
    asc_buf_puts(&b, "/\"$SLURM_ARRAY_TASK_ID\".sh\n");
    asc_status st = b.oom || !path ? ASC_NOMEM(err) : asc_write_file(path, b.data, b.len, err);
    asc_free(path);
    asc_buf_clear(&b);
    return st;
}

enum { MAX_WORDS = 96 };

/* Words of sbatch; owned ones are in made (n_made). */
typedef struct words {
    char *argv[MAX_WORDS];
    size_t n;
    bool oom;
} words;

static void add_word(words *w, char *word)
{
    if (!word || w->n + 1 >= MAX_WORDS) {
        asc_free(word);
        w->oom = true;
        return;
    }
    w->argv[w->n++] = word;
}

static void add_option(words *w, const char *name, const char *value)
{
    if (value)
        add_word(w, asc_strf("--%s=%s", name, value));
}

static void clear_words(words *w)
{
    for (size_t i = 0; i < w->n; i++)
        asc_free(w->argv[i]);
}

static void sbatch_words(words *w, const slurm *s, const char *batch_dir, size_t n)
{
    const asc_slurm_spec *o = &s->spec;
    *w = (words){0};
    add_word(w, asc_strdup("sbatch"));
    add_word(w, asc_strdup("--parsable"));
    add_word(w, asc_strdup("--requeue"));
    add_word(w, asc_strdup("--export=ALL"));
    add_word(w, asc_strf("--job-name=%s", s->name));
    add_word(w, o->array_limit > 0 ? asc_strf("--array=0-%zu%%%d", n - 1, o->array_limit)
                                   : asc_strf("--array=0-%zu", n - 1));
    add_word(w, asc_strf("--output=%s/slurm-%%a.out", batch_dir));
    add_word(w, asc_strdup("--open-mode=append"));
    if (s->ranks > 1)
        add_word(w, asc_strf("--ntasks=%d", s->ranks));
    add_word(w, asc_strf("--cpus-per-task=%d", o->cpus > 0 ? (o->cpus + s->ranks - 1) / s->ranks : s->threads));
    if (o->time)
        add_word(w, asc_strf("--signal=B:TERM@%d", SIGNAL_BEFORE_S));
    add_option(w, "partition", o->partition);
    add_option(w, "account", o->account);
    add_option(w, "qos", o->qos);
    add_option(w, "time", o->time);
    add_option(w, "mem", o->memory);
    add_option(w, "gres", o->gres);
    add_option(w, "constraint", o->constraint);
    for (size_t i = 0; i < o->n_extra; i++)
        add_word(w, asc_strdup(o->extra[i]));
    add_word(w, asc_strf("%s/array.sh", batch_dir));
}

/* What sbatch says when it would take the same array at another time: the user's or the whole cluster's number of jobs,
 * a controller that is being restarted. An array that was taken all the same is found again by its scripts. */
static bool is_for_now(const char *reply)
{
    static const char *const signs[] = {"MaxSubmitJob",
                                        "temporarily unable",
                                        "temporarily unavailable",
                                        "Unable to contact slurm controller",
                                        "Socket timed out",
                                        "Zero Bytes were transmitted"};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (strstr(reply, signs[i]))
            return true;
    return false;
}

/* *job NULL: refused for now. */
static asc_status submit(slurm *s, const char *batch_dir, size_t n, char **job, asc_error *err)
{
    words w;
    asc_buf b = {0};
    int code = 0;
    sbatch_words(&w, s, batch_dir, n);
    asc_status st = w.oom ? ASC_NOMEM(err) : ask(w.argv, &b, &code, err);
    bool refused = st == ASC_OK && code != 0 && is_for_now(b.data);
    if (refused)
        snprintf(s->base.why_refused, sizeof s->base.why_refused, "%.*s", (int)strcspn(b.data, "\n"), b.data);
    else if (st == ASC_OK && code != 0)
        st = ASC_FAIL(err, ASC_EIO, "sbatch: %.*s", (int)strcspn(b.data, "\n"), b.data);
    if (st == ASC_OK && !refused) {
        char *last = b.data; /* warnings may stand before the number */
        for (char *p = b.data; (p = strchr(p, '\n')) && p[1]; p++)
            last = p + 1;
        size_t digits = strspn(last, "0123456789");
        if (digits == 0)
            st = ASC_FAIL(err, ASC_EIO, "sbatch: expected a job number, found '%.100s'", last);
        else if (!(*job = asc_strndup(last, digits)))
            st = ASC_NOMEM(err);
    }
    clear_words(&w);
    asc_buf_clear(&b);
    return st;
}

static asc_status start_array(slurm *s, asc_job **jobs, const asc_launch *launches, size_t n, bool *taken,
                              asc_error *err)
{
    char *dir = NULL, *job = NULL;
    ASC_TRY(asc__batch_dir(&dir, s->dir, &s->batch, err));
    asc_status st = write_array_script(dir, err);
    for (size_t i = 0; st == ASC_OK && i < n; i++)
        st = write_script(dir, i, jobs[i], &launches[i], err);
    if (st == ASC_OK)
        st = submit(s, dir, n, &job, err);
    *taken = st == ASC_OK && job;
    for (size_t i = 0; *taken && st == ASC_OK && i < n; i++) {
        asc_free(jobs[i]->id);
        jobs[i]->id = asc_strf("%s_%zu", job, i);
        if (!jobs[i]->id)
            st = ASC_NOMEM(err);
    }
    asc_free(job);
    asc_free(dir);
    s->asked_s = 0;
    return st;
}

/* In arrays as large as the scheduler takes; where it refuses one for now, in smaller ones until it takes none. */
static asc_status slurm_start(asc_executor *e, asc_job **jobs, const asc_launch *launches, size_t n, size_t *n_started,
                              asc_error *err)
{
    slurm *s = (slurm *)e;
    size_t at = 0, most = s->array_size;
    bool taken = true;
    while (at < n && (taken || most > 1)) {
        most = taken ? most : most / 2;
        size_t part = n - at < most ? n - at : most;
        most = part;
        ASC_TRY(start_array(s, jobs + at, launches + at, part, &taken, err));
        at += taken ? part : 0;
    }
    *n_started = at;
    return ASC_OK;
}

/* ---- following ---- */

/* States after which the run did nothing wrong and is started again. */
static bool is_lost(const char *state, int exit_code)
{
    static const char *const lost[] = {"PREEMPTED", "NODE_FAIL", "CANCELLED", "TIMEOUT",
                                       "BOOT_FAIL", "REQUEUED",  "REVOKED",   "DEADLINE"};
    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++)
        if (strncmp(state, lost[i], strlen(lost[i])) == 0)
            return true;
    return exit_code == 130; /* stopped on request after its checkpoint */
}

/* The controller forgets an ended job after some minutes; accounts, where they are kept, do not. */
static bool look_up_accounts(const asc_job *job, char state[64], char code[32])
{
    char *argv[] = {"sacct", "-n", "-P", "-X", "-j", job->id, "-o", "State,ExitCode", NULL};
    asc_buf b = {0};
    int rc = 1;
    bool known = ask(argv, &b, &rc, NULL) == ASC_OK && rc == 0 && strchr(b.data, '|');
    if (known) {
        const char *bar = strchr(b.data, '|');
        snprintf(state, 64, "%.*s", (int)(bar - b.data < 63 ? bar - b.data : 63), b.data);
        snprintf(code, 32, "%.*s", (int)strcspn(bar + 1, "\n"), bar + 1);
    }
    asc_buf_clear(&b);
    return known;
}

/* How a job that squeue does not list any more ended. */
static asc_job_state ended(slurm *s, asc_job *job)
{
    if (asc__job_has_result(job))
        return ASC_JOB_ENDED;
    char *argv[] = {"scontrol", "show", "job", "-o", job->id, NULL};
    char state[64] = "", code[32] = "";
    asc_buf b = {0};
    int rc = 1;
    bool answered = ask(argv, &b, &rc, NULL) == ASC_OK;
    bool known = answered && rc == 0 && field(b.data, "JobState", state, sizeof state);
    if (known)
        field(b.data, "ExitCode", code, sizeof code);
    bool unreachable = answered && rc != 0 && !strstr(b.data, "Invalid job id");
    asc_buf_clear(&b);
    if (answered && !known && !unreachable && s->has_accounts)
        known = look_up_accounts(job, state, code);
    if (!answered || unreachable || strcmp(state, "RUNNING") == 0 || strcmp(state, "PENDING") == 0 ||
        strcmp(state, "COMPLETING") == 0)
        return ASC_JOB_RUNNING;
    if (job->stopped_s == 0)
        job->stopped_s = asc_now_s(); /* from here on a late file is waited for */
    if (asc_now_s() - job->stopped_s < NETWORK_GRACE_S && strcmp(state, "COMPLETED") == 0)
        return ASC_JOB_RUNNING;
    const char *colon = strchr(code, ':');
    job->exit_code = atoi(code);
    job->signal = colon ? atoi(colon + 1) : 0;
    return !known || is_lost(state, job->exit_code) ? ASC_JOB_LOST : ASC_JOB_ENDED;
}

static asc_job_state slurm_poll(asc_executor *e, asc_job *job)
{
    slurm *s = (slurm *)e;
    if (!job->id)
        return ASC_JOB_LOST;
    if (refresh(s, false, NULL) != ASC_OK || !s->answered)
        return ASC_JOB_RUNNING;
    const task *t = find_task(s, job->id, NULL);
    if (!t)
        return ended(s, job);
    if (t->pending) /* neither time limit nor heartbeat count before it runs */
        job->started_s = job->grown_s = asc_now_s();
    return ASC_JOB_RUNNING;
}

static void slurm_stop(asc_executor *e, asc_job *job, bool force)
{
    if (!job->id)
        return;
    /* Asked: SIGTERM to the batch step, which is the run's own program. A task that waits is taken from the queue. */
    slurm *s = (slurm *)e;
    const task *t = find_task(s, job->id, NULL);
    char *ask_it[] = {"scancel", "--signal=TERM", "--batch", job->id, NULL};
    char *end_it[] = {"scancel", job->id, NULL};
    asc_buf b = {0};
    int code;
    ask(force || (t && t->pending) ? end_it : ask_it, &b, &code, NULL);
    asc_buf_clear(&b);
    s->asked_s = 0;
}

static void slurm_wait(asc_executor *e, asc_job *const *jobs, size_t n, double timeout_s)
{
    double most = ((slurm *)e)->refresh_s;
    poll(NULL, 0, (int)(1000 * (timeout_s < most ? timeout_s : most)));
}

/* ---- life ---- */

static void slurm_destroy(asc_executor *e)
{
    slurm *s = (slurm *)e;
    if (!s)
        return;
    clear_tasks(s);
    asc_free(s->tasks);
    asc_free(s->dir);
    asc_free(s->name);
    asc_free(s);
}

asc_status asc__executor_slurm(asc_executor **out, const asc_exec_place *place, asc_error *err)
{
    const asc_slurm_spec *spec = place->slurm;
    slurm *s = asc_calloc(1, sizeof *s);
    char *real = realpath(place->dir, NULL);
    if (s && real) {
        char hex[65];
        asc_sha256_hex(real, strlen(real), hex);
        s->dir = asc_path_join(real, "slurm");
        s->name = asc_strf("autoscale-%.12s", hex);
    }
    if (!s || !s->dir || !s->name) {
        bool missing = s && !real;
        free(real);
        slurm_destroy((asc_executor *)s);
        return missing ? ASC_FAIL(err, ASC_EIO, "%s: no such folder", place->dir) : ASC_NOMEM(err);
    }
    free(real);
    s->spec = *spec; /* strings stay the study's */
    s->threads = place->threads > 0 ? place->threads : 1;
    s->ranks = place->ranks > 0 ? place->ranks : 1;
    read_limits(s);
    const char *every = getenv("AUTOSCALE_SLURM_REFRESH"); /* seconds; small in tests */
    if (!every || !asc_parse_double(every, &s->refresh_s) || s->refresh_s <= 0)
        s->refresh_s = 5;
    s->base = (asc_executor){.name = "slurm",
                             .capacity = spec->array_limit > 0 ? (size_t)spec->array_limit : s->array_size,
                             .together = s->array_size,
                             .start = slurm_start,
                             .find = slurm_find,
                             .poll = slurm_poll,
                             .stop = slurm_stop,
                             .wait = slurm_wait,
                             .destroy = slurm_destroy};
    *out = &s->base;
    return ASC_OK;
}
