/*
 * Runs as jobs of any scheduler, through three commands of the user: submit, poll, cancel.
 *
 * A batch of jobs lies in a folder DIR/jobs/BATCH. submit is given `K.job`, a script of two lines that runs `K.sh`
 * (`array.job`: that of its task) if that is still there: a job that is given up is withdrawn by renaming it. `K.sh`
 * says first which runs it makes, writes `K.started`, passes on SIGTERM, and leaves the program's exit code in
 * `K.exit`. So a scheduler is asked for one thing alone, whether a job is still known, and what it calls its states
 * hardly matters; what counts is the run's own result.json. `ids` holds what the jobs are called: a later coordinator
 * finds them by it.
 */
#include <dirent.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "answers.h"
#include "executors.h"
#include "script.h"
#include "words.h"
#include "spec/spec_placeholders.h"

enum { DEFAULT_LIMIT = 100, MOST_REFUSALS = 20, NOT_NOW = 75 /* EX_TEMPFAIL */ };
#define ANSWER_S 120.     /* for one command */
#define POLLING_SHARE .25 /* of the time, at most */

/** One job that this coordinator or an earlier one submitted. */
typedef struct entry {
    char *base; /* DIR/jobs/BATCH/K, of its files */
    char *id;   /* NULL: submitted, but its id was not written down any more */
    char *name;
    char *run_dirs; /* one per line */
    asc__seen seen;
    double asked_s, gone_s, still_gone_s; /* 0: never, not; first and last seen gone */
    char word[40];                        /* its state, as the scheduler says it */
    bool cancelled;
} entry;

typedef struct scheduler {
    asc_executor base;
    const asc_scheduler_spec *o;
    const char *base_dir, *study;
    char *of, *dir, *stamp; /* DIR; DIR/jobs; in jobs' names */
    int threads, ranks;
    bool named, by_list; /* ids are names; poll lists all jobs */
    unsigned batch;
    bool scanned;
    entry **entries; /* (n) */
    size_t n, cap;
    double refresh_s, next_poll_s;
    char *list; /* what poll listed last; NULL: no answer */
    double listed_s;
    bool accepted; /* a job was */
    unsigned n_refused;
    bool told_word, told_poll, told_cancel, told_id;
} scheduler;

/* ---- asking ---- */

static void say(scheduler *s, bool *told, const char *what, const char *text)
{
    char line[500], *clean = asc_strf("%.*s", (int)strcspn(text, "\n"), text);
    if (*told || !s->base.note || !clean)
        asc_free(clean);
    else {
        snprintf(line, sizeof line, "executor: %s: %.350s", what, asc_text_printable(clean, false));
        s->base.note(s->base.note_ctx, line);
        *told = true;
        asc_free(clean);
    }
}

/* `key: command` with its placeholders, in the study file's folder. */
static asc_status ask(asc_answer *a, const scheduler *s, const char *key, const char *command,
                      const asc_launch_value *values, size_t n, asc_error *err)
{
    asc_error why = {0};
    const asc_trainer_spec words = {.command = (char *)(uintptr_t)command, .shell = s->o->shell};
    const asc_question q = {.input = "/dev/null", .timeout_s = ANSWER_S};
    asc_status st = asc_ask_command(a, &q, &words, s->base_dir, s->dir, values, n, &why);
    return st == ASC_OK ? ASC_OK : ASC_FAIL(err, st, "executor: %s: %s", key, why.msg);
}

/* What a command said when it failed, else what it printed: a line of it, of Python's traceback the last. */
static const char *complaint(const asc_answer *a)
{
    const char *said = a->said.data, *out = a->out.data;
    said += strspn(said, " \t\r\n");
    out += strspn(out, " \t\r\n");
    const char *line = *said ? said : *out ? out : "it printed nothing";
    bool of_python = strncmp(line, "Traceback (most recent", 22) == 0;
    for (const char *p = strchr(line, '\n'); of_python && p && p[1]; p = strchr(p + 1, '\n'))
        line = p[1] == '\n' ? line : p + 1;
    return line;
}

static asc_status ask_of_job(asc_answer *a, const scheduler *s, const char *key, const char *command, const entry *t,
                             const char *signal, asc_error *err)
{
    asc_launch_value values[ASC_N_OF_JOB];
    char *const text[ASC_N_OF_JOB] = {[ASC_OF_JOB_ID] = t->id ? t->id : t->name,
                                      [ASC_OF_JOB_NAME] = t->name,
                                      [ASC_OF_JOB_STUDY] = (char *)(uintptr_t)s->study,
                                      [ASC_OF_JOB_DIR] = s->of,
                                      [ASC_OF_JOB_SIGNAL] = (char *)(uintptr_t)signal};
    asc_launch_values_of(values, asc_of_job, text, ASC_N_OF_JOB);
    return ask(a, s, key, command, values, ASC_N_OF_JOB, err);
}

/* ---- jobs ---- */

static void entry_free(entry *t)
{
    if (!t)
        return;
    asc_free(t->base);
    asc_free(t->id);
    asc_free(t->name);
    asc_free(t->run_dirs);
    asc_free(t);
}

static asc_status add_entry(scheduler *s, entry *t, asc_error *err)
{
    entry **more =
        t && t->base && t->name && t->run_dirs ? asc_grow(s->entries, &s->cap, s->n + 1, sizeof *more) : NULL;
    if (!more) {
        entry_free(t);
        return ASC_NOMEM(err);
    }
    s->entries = more;
    s->entries[s->n++] = t;
    return ASC_OK;
}

static entry *entry_of(const scheduler *s, const asc_job *job)
{
    for (size_t i = s->n; i-- > 0;)
        if (asc__script_makes(s->entries[i]->run_dirs, job->dir))
            return s->entries[i];
    return NULL;
}

static bool has_file(const entry *t, const char *ending)
{
    char *path = asc_strf("%s%s", t->base, ending);
    bool there = path && asc_path_exists(path);
    asc_free(path);
    return there;
}

/* It cannot start any more; if it runs, it is not touched. */
static void withdraw(const entry *t)
{
    char *from = asc_strf("%s.sh", t->base), *to = asc_strf("%s.withdrawn", t->base);
    if (from && to)
        rename(from, to);
    asc_free(from);
    asc_free(to);
}

static void forget(scheduler *s, entry *t)
{
    withdraw(t);
    for (size_t i = 0; i < s->n; i++)
        if (s->entries[i] == t) {
            memmove(s->entries + i, s->entries + i + 1, (--s->n - i) * sizeof *s->entries);
            break;
        }
    entry_free(t);
}

/* ---- starting ---- */

/* Where the node's own may be another: ours first. */
static void put_paths(asc_buf *b, char *const *env)
{
    static const char *const names[] = {"PATH", "LD_LIBRARY_PATH", "PYTHONPATH"};
    for (size_t i = 0; env && env[i]; i++)
        for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
            size_t n = strlen(names[k]);
            if (strncmp(env[i], names[k], n) != 0 || env[i][n] != '=' || !env[i][n + 1])
                continue;
            asc_buf_printf(b, "export %s=", names[k]);
            asc_buf_shell_word(b, env[i] + n + 1);
            asc_buf_printf(b, "\"${%s:+:$%s}\"\n", names[k], names[k]);
        }
}

/* Not exec: somebody has to write the exit code. A signal that reaches the whole group is passed on once more, which
 * our own trainer takes for one. */
static asc_status write_script(const char *base, const asc_job *job, const asc_launch *l, asc_error *err)
{
    asc_buf b = {0};
    asc__script_begin(&b, job, l);
    put_paths(&b, l->env);
    asc_buf_puts(&b, "here=");
    asc_buf_shell_word(&b, base);
    asc_buf_puts(&b, "\nrm -f \"$here.exit\"\n"
                     "id=${AUTOSCALE_JOB:-${SLURM_JOB_ID:-${PBS_JOBID:-${LSB_JOBID:-${JOB_ID:-}}}}}\n"
                     "echo \"$$ $(uname -n) $id\" >\"$here.started\"\n");
    asc__script_program(&b, l);
    asc_buf_puts(&b, " &\npid=$!\n"
                     "trap 'kill -TERM $pid 2>/dev/null' TERM INT HUP USR1 USR2\n"
                     "wait $pid; code=$?\n"
                     "while kill -0 $pid 2>/dev/null; do wait $pid; code=$?; done\n"
                     "echo $code >\"$here.exit.new\" && mv \"$here.exit.new\" \"$here.exit\"\n"
                     "exit $code\n");
    char *path = asc_strf("%s.sh", base);
    asc_status st = b.oom || !path ? ASC_NOMEM(err) : asc_write_file(path, b.data, b.len, err);
    asc_free(path);
    asc_buf_clear(&b);
    return st;
}

/* What submit gets: some schedulers keep a copy of it, and it must do nothing once the job is withdrawn. */
static asc_status write_stub(char **out, const scheduler *s, const char *dir, size_t task, asc_error *err)
{
    asc_buf b = {0};
    char *path = task ? asc_strf("%s/%zu.job", dir, task) : asc_strf("%s/array.job", dir);
    asc_buf_puts(&b, "#!/bin/sh\n");
    if (task)
        asc_buf_printf(&b, "k=%zu\n", task);
    else if (s->o->index)
        asc_buf_printf(&b, "k=$((${%s:-$1} + %d))\n", s->o->index, 1 - s->o->first);
    else
        asc_buf_printf(&b, "k=$(($1 + %d))\n", 1 - s->o->first);
    asc_buf_puts(&b, "script=");
    asc_buf_shell_word(&b, dir);
    asc_buf_puts(&b, "/$k.sh\n[ -e \"$script\" ] || exit 0\nexec /bin/sh \"$script\"\n");
    asc_status st = b.oom || !path ? ASC_NOMEM(err) : asc_write_file(path, b.data, b.len, err);
    if (st == ASC_OK && chmod(path, 0755) != 0)
        st = ASC_FAIL(err, ASC_EIO, "%s: cannot make it executable", path);
    asc_buf_clear(&b);
    if (st == ASC_OK)
        *out = path;
    else
        asc_free(path);
    return st;
}

/* "TASK NAME ID" a line; ID "-": not known. */
static asc_status write_ids(const scheduler *s, const char *dir, asc_error *err)
{
    asc_buf b = {0};
    size_t len = strlen(dir);
    for (size_t i = 0; i < s->n; i++) {
        const entry *t = s->entries[i];
        if (strncmp(t->base, dir, len) == 0 && t->base[len] == '/')
            asc_buf_printf(&b, "%s %s %s\n", t->base + len + 1, t->name, t->id ? t->id : "-");
    }
    char *path = asc_path_join(dir, "ids");
    asc_status st = b.oom || !path ? ASC_NOMEM(err) : asc_write_file(path, b.data ? b.data : "", b.len, err);
    asc_free(path);
    asc_buf_clear(&b);
    return st;
}

static asc_status make_entry(scheduler *s, const char *dir, size_t task, const char *name, const asc_job *job,
                             const asc_launch *l, asc_error *err)
{
    entry *t = asc_calloc(1, sizeof *t);
    asc_buf dirs = {0};
    if (!t)
        return ASC_NOMEM(err);
    asc_buf_printf(&dirs, "%s\n", job->dir);
    for (size_t k = 0; k < job->n_others; k++)
        asc_buf_printf(&dirs, "%s\n", job->others[k]);
    t->base = asc_strf("%s/%zu", dir, task);
    t->name = asc_strdup(name);
    t->id = s->named ? asc_strdup(name) : NULL;
    t->run_dirs = dirs.oom ? NULL : dirs.data;
    t->seen = ASC__SEEN_ALIVE;
    ASC_TRY(add_entry(s, t, err));
    return write_script(t->base, job, l, err);
}

/* The id of submit's answer for n entries; NULL in *refused: taken. */
static asc_status take_ids(scheduler *s, const asc_answer *a, entry *const *t, size_t n, asc_error *err)
{
    char *job = s->named ? asc_strdup(t[0]->name) : asc__read_job_id(a->out.data, s->o->id);
    if (!job)
        return ASC_FAIL(err, ASC_EIO, "executor: submit: expected the job's id%s%s, found '%.100s'",
                        s->o->id ? " as in id: " : "", s->o->id ? s->o->id : "", complaint(a));
    asc_status st = ASC_OK;
    for (size_t i = 0; i < n && st == ASC_OK; i++) {
        char number[24];
        snprintf(number, sizeof number, "%zu", i + (size_t)s->o->first);
        const asc_launch_value values[] = {{"job", job}, {"index", number}};
        asc_free(t[i]->id);
        t[i]->id = s->o->array ? asc__fill_in(s->o->task ? s->o->task : "{job}[{index}]", values, 2) : asc_strdup(job);
        t[i]->asked_s = asc_now_s();
        if (!t[i]->id)
            st = ASC_NOMEM(err);
    }
    asc_free(job);
    return st;
}

/* Later, for a scheduler that took jobs before or says with its exit code that it will; else it is a wrong command. */
static asc_status refused(scheduler *s, const char *why, int exit_code, asc_error *err)
{
    if ((s->accepted || exit_code == NOT_NOW) && ++s->n_refused <= MOST_REFUSALS) {
        char *clean = asc_strf("%.*s", (int)strcspn(why, "\n"), why);
        snprintf(s->base.why_refused, sizeof s->base.why_refused, "%.290s", clean ? clean : "");
        asc_free(clean);
        return ASC_OK;
    }
    return ASC_FAIL(err, ASC_EIO, "executor: submit: exit code %d: %.*s", exit_code, (int)strcspn(why, "\n"), why);
}

/* One call of submit for n jobs, whose entries stand last. */
static asc_status submit(scheduler *s, const char *stub, const asc_job *job, size_t n, bool *taken, asc_error *err)
{
    entry **t = s->entries + s->n - n;
    char cpus[24], threads[24], ranks[24], first[24], last[24], count[24];
    char *log = asc_strf("%s.out", t[0]->base);
    const char *run = strrchr(job->dir, '/');
    snprintf(threads, sizeof threads, "%d", s->threads);
    snprintf(ranks, sizeof ranks, "%d", s->ranks);
    snprintf(cpus, sizeof cpus, "%d", s->threads * s->ranks);
    snprintf(first, sizeof first, "%d", s->o->first);
    snprintf(last, sizeof last, "%zu", (size_t)s->o->first + n - 1);
    snprintf(count, sizeof count, "%zu", n);
    char *const text[ASC_N_OF_SUBMIT] = {[ASC_OF_SUBMIT_SCRIPT] = (char *)(uintptr_t)stub,
                                         [ASC_OF_SUBMIT_NAME] = t[0]->name,
                                         [ASC_OF_SUBMIT_LOG] = log,
                                         [ASC_OF_SUBMIT_STUDY] = (char *)(uintptr_t)s->study,
                                         [ASC_OF_SUBMIT_DIR] = s->of,
                                         [ASC_OF_SUBMIT_RUN] = (char *)(uintptr_t)(run ? run + 1 : job->dir),
                                         [ASC_OF_SUBMIT_RUN_DIR] = job->dir,
                                         [ASC_OF_SUBMIT_CPUS] = cpus,
                                         [ASC_OF_SUBMIT_THREADS] = threads,
                                         [ASC_OF_SUBMIT_RANKS] = ranks,
                                         [ASC_OF_SUBMIT_FIRST] = first,
                                         [ASC_OF_SUBMIT_LAST] = last,
                                         [ASC_OF_SUBMIT_COUNT] = count};
    asc_launch_value values[ASC_N_OF_SUBMIT];
    asc_launch_values_of(values, asc_of_submit, text, ASC_N_OF_SUBMIT);
    asc_answer a = {0};
    asc_status st = log ? ask(&a, s, "submit", s->o->submit, values, ASC_N_OF_SUBMIT, err) : ASC_NOMEM(err);
    *taken = st == ASC_OK && a.exit_code == 0;
    if (*taken)
        st = take_ids(s, &a, t, n, err);
    else if (st == ASC_OK)
        st = refused(s, complaint(&a), a.exit_code, err);
    asc_answer_clear(&a);
    asc_free(log);
    return st;
}

/* Jobs (n) of one submit, their entries made first: what is killed in between is found again or never starts. */
static asc_status submit_some(scheduler *s, const char *dir, size_t at, asc_job **jobs, const asc_launch *launches,
                              size_t n, bool *taken, asc_error *err)
{
    char *stub = NULL;
    size_t before = s->n;
    char *name = asc_strf("asc-%s-%s-%zu", s->stamp, strrchr(dir, '-') + 1, at + 1);
    asc_status st = name ? write_stub(&stub, s, dir, s->o->array ? 0 : at + 1, err) : ASC_NOMEM(err);
    for (size_t i = 0; st == ASC_OK && i < n; i++)
        st = make_entry(s, dir, at + i + 1, name, jobs[i], &launches[i], err);
    if (st == ASC_OK)
        st = write_ids(s, dir, err);
    *taken = false;
    if (st == ASC_OK)
        st = submit(s, stub, jobs[0], n, taken, err);
    for (size_t i = 0; *taken && st == ASC_OK && i < n; i++) {
        asc_free(jobs[i]->id);
        if (!(jobs[i]->id = asc_strdup(s->entries[before + i]->id)))
            st = ASC_NOMEM(err);
    }
    if (st == ASC_OK && *taken && !s->named)
        st = write_ids(s, dir, err);
    s->accepted |= *taken;
    s->n_refused = *taken ? 0 : s->n_refused;
    while ((!*taken || st != ASC_OK) && s->n > before)
        forget(s, s->entries[s->n - 1]);
    asc_free(stub);
    asc_free(name);
    return st;
}

static asc_status scheduler_start(asc_executor *e, asc_job **jobs, const asc_launch *launches, size_t n,
                                  size_t *n_started, asc_error *err)
{
    scheduler *s = (scheduler *)e;
    size_t most = s->o->array > 0 ? (size_t)s->o->array : 1, at = 0;
    asc_status st = ASC_OK;
    bool taken = true;
    char *dir = NULL;
    for (; st == ASC_OK && taken && at < n && !asc_interrupted(); at += taken ? most : 0) {
        most = most < n - at ? most : n - at;
        if (s->o->array || !dir) { /* an array's tasks are numbered in their folder */
            asc_free(dir);
            dir = NULL;
            st = asc__batch_dir(&dir, s->dir, &s->batch, err);
        }
        if (st == ASC_OK)
            st = submit_some(s, dir, s->o->array ? 0 : at, jobs + at, launches + at, most, &taken, err);
    }
    asc_free(dir);
    *n_started = at < n ? at : n;
    return st;
}

/* ---- finding those of an earlier coordinator ---- */

/* A line of `ids`. */
static asc_status read_line(scheduler *s, const char *dir, char *line, asc_error *err)
{
    char *part[3], *save = NULL;
    for (int i = 0; i < 3; i++)
        if (!(part[i] = strtok_r(i ? NULL : line, i == 2 ? "" : " ", &save)))
            return ASC_OK;
    char *script = asc_strf("%s/%s.sh", dir, part[0]);
    char *run_dirs = script ? asc__script_run_dirs(script) : NULL; /* NULL: withdrawn */
    asc_free(script);
    if (!run_dirs)
        return ASC_OK;
    entry *t = asc_calloc(1, sizeof *t);
    if (!t) {
        asc_free(run_dirs);
        return ASC_NOMEM(err);
    }
    *t = (entry){.base = asc_strf("%s/%s", dir, part[0]),
                 .name = asc_strdup(part[1]),
                 .id = strcmp(part[2], "-") == 0 ? NULL : asc_strdup(part[2]),
                 .run_dirs = run_dirs};
    return add_entry(s, t, err);
}

static asc_status read_batch(scheduler *s, const char *dir, asc_error *err)
{
    char *path = asc_path_join(dir, "ids"), *text = NULL, *save = NULL;
    size_t n = 0;
    if (!path)
        return ASC_NOMEM(err);
    asc_status st = ASC_OK;
    if (asc_read_file(path, 64 << 20, &text, &n, NULL) == ASC_OK)
        for (char *line = strtok_r(text, "\n", &save); line && st == ASC_OK; line = strtok_r(NULL, "\n", &save))
            st = read_line(s, dir, line, err);
    asc_free(text);
    asc_free(path);
    return st;
}

static asc_status scan(scheduler *s, asc_error *err)
{
    DIR *d = s->scanned ? NULL : opendir(s->dir);
    asc_status st = ASC_OK;
    s->scanned = true;
    for (struct dirent *f; d && st == ASC_OK && (f = readdir(d));) {
        if (strncmp(f->d_name, "batch-", 6) != 0)
            continue;
        char *dir = asc_path_join(s->dir, f->d_name);
        st = dir ? read_batch(s, dir, err) : ASC_NOMEM(err);
        asc_free(dir);
    }
    if (d)
        closedir(d);
    return st;
}

/* The third word of K.started: the job's own idea of its id. */
static void read_own_id(entry *t)
{
    char *path = asc_strf("%s.started", t->base), *text = NULL, *save = NULL;
    size_t n = 0;
    if (path && asc_read_file(path, 4096, &text, &n, NULL) == ASC_OK && strtok_r(text, " \n", &save) &&
        strtok_r(NULL, " \n", &save)) {
        const char *id = strtok_r(NULL, " \n", &save);
        t->id = id ? asc_strdup(id) : NULL;
    }
    asc_free(text);
    asc_free(path);
}

/* ---- following ---- */

/* Says of a job without an id only what its files say. */
static asc__seen poll_one(scheduler *s, entry *t, asc_error *err)
{
    asc_answer a = {0};
    bool known = true;
    if (!t->id)
        return ASC__SEEN_NOTHING;
    asc_status st = ask_of_job(&a, s, "poll", s->o->poll, t, "", err);
    asc__seen seen = ASC__SEEN_NOTHING;
    if (st == ASC_OK) {
        seen = asc__read_state(a.out.data, a.said.data, a.exit_code, t->id, t->word, sizeof t->word, &known);
        if (seen == ASC__SEEN_NOTHING) {
            ASC_FAIL(err, ASC_EIO, "executor: poll: %.*s", (int)strcspn(complaint(&a), "\n"), complaint(&a));
            say(s, &s->told_poll, "poll did not report a job's state; the job is assumed to be running", complaint(&a));
        }
    } else if (err)
        say(s, &s->told_poll, "jobs are assumed to be running", err->msg);
    if (!known)
        say(s, &s->told_word, "poll printed an unknown state, treated as running", t->word);
    asc_answer_clear(&a);
    return seen;
}

static asc_status list_all(scheduler *s, asc_error *err)
{
    asc_answer a = {0};
    const entry none = {.name = (char *)(uintptr_t) ""};
    asc_status st = ask_of_job(&a, s, "poll", s->o->poll, &none, "", err);
    asc_free(s->list);
    s->list = NULL;
    s->listed_s = asc_now_s();
    if (st == ASC_OK && (a.exit_code != 0 || (a.out.len == 0 && a.said.len > 0)))
        st = ASC_FAIL(err, ASC_EIO, "executor: poll: exit code %d: %.*s", a.exit_code,
                      (int)strcspn(complaint(&a), "\n"), complaint(&a));
    if (st != ASC_OK && err)
        say(s, &s->told_poll, "jobs are assumed to be running", err->msg);
    if (st == ASC_OK) {
        s->list = a.out.data;
        a.out = (asc_buf){0};
    }
    asc_answer_clear(&a);
    return st;
}

/* Ask for the state of t, however often that was done. */
static asc_status look(scheduler *s, entry *t, asc_error *err)
{
    double begun = asc_now_s();
    bool known = true;
    asc_error why = {0};
    asc__seen seen = ASC__SEEN_NOTHING;
    if (!s->by_list)
        seen = poll_one(s, t, &why);
    else if ((s->listed_s > 0 && begun - s->listed_s < s->refresh_s) || list_all(s, &why) == ASC_OK)
        seen = s->list && t->id ? asc__find_state(s->list, t->id, t->word, sizeof t->word, &known) : ASC__SEEN_NOTHING;
    if (!known)
        say(s, &s->told_word, "poll printed an unknown state, treated as running", t->word);
    t->asked_s = asc_now_s();
    s->next_poll_s = t->asked_s + (s->by_list ? 0 : (t->asked_s - begun) * (1 / POLLING_SHARE - 1));
    if (seen != ASC__SEEN_NOTHING)
        t->seen = seen;
    if (seen == ASC__SEEN_ALIVE)
        t->gone_s = 0;
    else if (seen != ASC__SEEN_NOTHING) {
        t->gone_s = t->gone_s ? t->gone_s : t->asked_s;
        t->still_gone_s = t->asked_s;
    }
    return seen != ASC__SEEN_NOTHING || !t->id ? ASC_OK : ASC_FAIL(err, ASC_EIO, "%s", why.msg[0] ? why.msg : "poll");
}

static asc_status scheduler_find(asc_executor *e, asc_job *job, asc_error *err)
{
    scheduler *s = (scheduler *)e;
    asc_error why = {0};
    ASC_TRY(scan(s, err));
    for (entry *t; (t = entry_of(s, job));) {
        bool started = has_file(t, ".started");
        if (!t->id && started)
            read_own_id(t);
        if ((!t->id && !started) || has_file(t, ".exit")) {
            forget(s, t);
            continue;
        }
        if (look(s, t, &why) != ASC_OK)
            return ASC_FAIL(err, ASC_EIO, "%s; running jobs cannot be found without it; try again later", why.msg);
        if (t->id && t->seen != ASC__SEEN_ALIVE) {
            forget(s, t);
            continue;
        }
        job->id = asc_strdup(t->id ? t->id : t->name);
        return job->id ? ASC_OK : ASC_NOMEM(err);
    }
    return ASC_OK;
}

/* The exit code that the script left; false: none yet. */
static bool read_exit(const entry *t, int *code)
{
    char *path = asc_strf("%s.exit", t->base), *text = NULL;
    size_t n = 0;
    bool there = path && asc_read_file(path, 64, &text, &n, NULL) == ASC_OK && n > 0;
    if (there)
        *code = atoi(text);
    asc_free(text);
    asc_free(path);
    return there;
}

/* The one that was asked for longest ago goes first, so that a slow command reaches them all. */
static bool is_due(const scheduler *s, const entry *t)
{
    double now = asc_now_s();
    if (now < s->next_poll_s || now - t->asked_s < s->refresh_s)
        return false;
    for (size_t i = 0; !s->by_list && i < s->n; i++)
        if (s->entries[i]->id && s->entries[i]->asked_s < t->asked_s)
            return false;
    return true;
}

static asc_job_state has_ended(scheduler *s, entry *t, asc_job_state state)
{
    forget(s, t);
    return state;
}

/* Known no more, and its script left no exit code: killed from outside, or it never began. */
static asc_job_state ended_untold(scheduler *s, asc_job *job, entry *t)
{
    char last[200] = "", *log = asc_strf("%s.out", t->base);
    bool began = has_file(t, ".started"), lost = began || t->seen == ASC__SEEN_GONE || t->cancelled;
    if (log)
        asc_log_tail(last, sizeof last, log);
    asc_free(log);
    snprintf(job->why_ended, sizeof job->why_ended, "job %.60s %s%s%s%s%.130s", t->id ? t->id : t->name,
             began ? "ended before its program did" : "ended before its script began", t->word[0] ? ": " : "", t->word,
             last[0] ? ": " : "", last);
    job->exit_code = lost ? 0 : 1;
    return has_ended(s, t, lost ? ASC_JOB_LOST : ASC_JOB_ENDED);
}

static asc_job_state ended_with(scheduler *s, asc_job *job, entry *t, int code)
{
    job->exit_code = code > 128 && code < 192 && code != 130 ? 0 : code;
    job->signal = code > 128 && code < 192 && code != 130 ? code - 128 : 0;
    return has_ended(s, t, code == 130 ? ASC_JOB_LOST : ASC_JOB_ENDED);
}

static asc_job_state scheduler_poll(asc_executor *e, asc_job *job)
{
    scheduler *s = (scheduler *)e;
    entry *t = entry_of(s, job);
    int code = 0;
    double now = asc_now_s(), grace = 2 * s->refresh_s;
    if (!t)
        return ASC_JOB_LOST;
    bool told = read_exit(t, &code), made = asc__job_has_result(job);
    if (told && !t->gone_s)
        t->gone_s = now;
    if (told && (made || code != 0 || now - t->gone_s >= grace)) /* a file may show later on a network file system */
        return ended_with(s, job, t, code);
    if (told)
        return ASC_JOB_RUNNING;
    bool began = has_file(t, ".started");
    if (!began) { /* neither time limit nor heartbeat count before it runs */
        job->started_s = job->grown_s = now;
        if (t->cancelled)
            return has_ended(s, t, ASC_JOB_LOST);
    }
    if (is_due(s, t)) {
        asc_error why;
        (void)look(s, t, &why);
    }
    /* One look does not decide: a list may miss a job while its state changes. */
    if (t->gone_s && (made || t->cancelled || t->still_gone_s - t->gone_s >= grace))
        return made ? has_ended(s, t, ASC_JOB_ENDED) : ended_untold(s, job, t);
    /* All is interrupted and nobody answers: the next coordinator finds it by its files. */
    bool deaf = job->killed && !job->why_stopped && now - job->stopped_s > ANSWER_S;
    return deaf ? ASC_JOB_LOST : ASC_JOB_RUNNING;
}

/* A job that has not begun is withdrawn too: it must not begin when the scheduler does not answer. */
static void scheduler_stop(asc_executor *e, asc_job *job, bool force)
{
    scheduler *s = (scheduler *)e;
    entry *t = entry_of(s, job);
    asc_answer a = {0};
    asc_error why = {0};
    if (!t)
        return;
    if (!has_file(t, ".started"))
        withdraw(t);
    t->cancelled = true;
    if (t->id) {
        asc_status st = ask_of_job(&a, s, "cancel", s->o->cancel, t, force ? "KILL" : "TERM", &why);
        if (st != ASC_OK || a.exit_code != 0)
            say(s, &s->told_cancel, "cancel", st != ASC_OK ? why.msg : complaint(&a));
    }
    asc_answer_clear(&a);
    t->asked_s = 0;
    s->listed_s = 0;
}

static void scheduler_wait(asc_executor *e, asc_job *const *jobs, size_t n, double timeout_s)
{
    double most = ((scheduler *)e)->refresh_s / 4;
    most = most < .02 ? .02 : most;
    poll(NULL, 0, (int)(1000 * (timeout_s < most ? timeout_s : most)));
}

/* ---- life ---- */

static void scheduler_destroy(asc_executor *e)
{
    scheduler *s = (scheduler *)e;
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++)
        entry_free(s->entries[i]);
    asc_free(s->entries);
    asc_free(s->list);
    asc_free(s->of);
    asc_free(s->dir);
    asc_free(s->stamp);
    asc_free(s);
}

/* Names of jobs are new in each session: some schedulers refuse one that they have seen. */
static asc_status set_places(scheduler *s, const char *dir, asc_error *err)
{
    char *real = realpath(dir, NULL), hex[65];
    if (!real)
        return ASC_FAIL(err, ASC_EIO, "%s: no such folder", dir);
    char *seed = asc_strf("%s %ld %.9f", real, (long)getpid(), asc_now_s());
    s->of = asc_strdup(real);
    s->dir = asc_path_join(real, "jobs");
    free(real);
    if (!seed || !s->of || !s->dir) {
        asc_free(seed);
        return ASC_NOMEM(err);
    }
    asc_sha256_hex(seed, strlen(seed), hex);
    asc_free(seed);
    return (s->stamp = asc_strf("%.8s", hex)) ? ASC_OK : ASC_NOMEM(err);
}

asc_status asc__executor_scheduler(asc_executor **out, const asc_exec_place *place, asc_error *err)
{
    const asc_scheduler_spec *o = place->scheduler;
    scheduler *s = asc_calloc(1, sizeof *s);
    if (!s)
        return ASC_NOMEM(err);
    s->o = o;
    s->base_dir = place->base_dir;
    s->study = place->study ? place->study : "";
    s->refresh_s = o->refresh_s > .02 ? o->refresh_s : .02;
    s->threads = place->threads > 0 ? place->threads : 1;
    s->ranks = place->ranks > 0 ? place->ranks : 1;
    s->named = o->id && strcmp(o->id, "name") == 0;
    s->by_list = !strstr(o->poll, "{id}") && !strstr(o->poll, "{name}");
    asc_status st = set_places(s, place->dir, err);
    if (st != ASC_OK) {
        scheduler_destroy((asc_executor *)s);
        return st;
    }
    size_t capacity = o->limit > 0 ? (size_t)o->limit : DEFAULT_LIMIT;
    s->base = (asc_executor){.name = "scheduler",
                             .capacity = capacity,
                             .together = capacity,
                             .start = scheduler_start,
                             .find = scheduler_find,
                             .poll = scheduler_poll,
                             .stop = scheduler_stop,
                             .wait = scheduler_wait,
                             .destroy = scheduler_destroy};
    *out = &s->base;
    return ASC_OK;
}
