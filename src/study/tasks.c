/* The target's checkpoints on tasks: one program per checkpoint for all likelihood tasks and one for each fine-tuning,
 * in runs/<id>/judged/WHAT with a result.json like a run's; what is there is not made again. */
#include "steps.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "task/task_list.h"

enum { MAX_WORDS = 48 };

/** One program: a checkpoint on all likelihood tasks, or on one fine-tuning task. */
typedef struct judgement {
    size_t run;
    const asc_study_finetune *finetune; /* NULL: likelihood tasks */
    char *dir;
    asc_job *job; /* while it is under way */
    int failures;
    bool ended;
} judgement;

typedef struct judging {
    asc__study *s;
    asc_executor *e;
    judgement *j;
    size_t n, n_running;
    char *tasks; /* comma-separated, for --tasks */
} judging;

/* ---- what is to be made ---- */

static asc_status make_tasks_word(char **out, const asc_study_spec *spec, asc_error *err)
{
    asc_task_list l = {0};
    asc_buf b = {0};
    asc_status st = ASC_OK;
    for (size_t i = 0; st == ASC_OK && i < spec->tasks.n_eval; i++)
        st = asc_task_list_add(&l, spec->tasks.eval[i], spec->base_dir, spec->tasks.dir, err);
    asc_buf_puts(&b, "");
    for (size_t i = 0; st == ASC_OK && i < l.n; i++) {
        const char *equals = strchr(l.specs[i], '=');
        char real[4096];
        const char *path = realpath(equals ? equals + 1 : l.specs[i], real) ? real : l.specs[i];
        if (strchr(path, ','))
            st = ASC_FAIL(err, ASC_EINVAL, "tasks: '%s': task paths must not contain commas", path);
        asc_buf_printf(&b, "%s%.*s%s", i ? "," : "", equals ? (int)(equals + 1 - l.specs[i]) : 0, l.specs[i], path);
    }
    asc_task_list_clear(&l);
    if (st == ASC_OK && b.oom)
        st = ASC_NOMEM(err);
    if (st == ASC_OK)
        *out = b.data;
    else
        asc_buf_clear(&b);
    return st;
}

static bool has_checkpoint(const asc__study *s, const asc_store_run *r)
{
    char *path = asc_strf("%s/runs/%s/checkpoint/config.json", s->dir, r->id);
    bool there = path && asc_path_exists(path);
    asc_free(path);
    return there;
}

static asc_status add_judgement(judging *b, size_t run, const asc_study_finetune *f, asc_error *err)
{
    judgement *j = &b->j[b->n];
    *j = (judgement){.run = run, .finetune = f};
    j->dir = asc_strf("%s/runs/%s/judged/%s", b->s->dir, b->s->runs[run].id, f ? f->task : "tasks");
    b->n++;
    return j->dir ? ASC_OK : ASC_NOMEM(err);
}

static asc_status list_judgements(judging *b, asc_error *err)
{
    asc__study *s = b->s;
    const asc_study_tasks *t = &s->spec->tasks;
    b->j = asc_calloc(s->n_mixtures * (size_t)s->spec->seeds * (t->n_finetune + 1) + 1, sizeof *b->j);
    if (!b->j)
        return ASC_NOMEM(err);
    for (size_t k = 0; k < s->n_mixtures; k++) {
        for (int r = 0; s->mixtures[k].same_as == k && r < s->spec->seeds; r++) {
            size_t run = s->mixtures[k].runs[r];
            if (s->runs[run].state != ASC_RUN_DONE)
                continue;
            if (!has_checkpoint(s, &s->runs[run])) {
                asc_notes_say(&s->notes, NOT_JUDGED, s->runs[run].id);
                continue;
            }
            if (t->n_eval)
                ASC_TRY(add_judgement(b, run, NULL, err));
            for (size_t i = 0; i < t->n_finetune; i++)
                ASC_TRY(add_judgement(b, run, &t->finetune[i], err));
        }
    }
    return ASC_OK;
}

/* ---- one program ---- */

/* Words of a command; owned until words_clear. */
typedef struct words {
    char *w[MAX_WORDS + 1];
    size_t n;
    bool oom;
} words;

static void add(words *w, char *word)
{
    if (!word || w->n == MAX_WORDS)
        w->oom = true;
    else
        w->w[w->n++] = word;
}

static void add_option(words *w, const char *name, char *value)
{
    add(w, asc_strdup(name));
    add(w, value);
}

static void add_count(words *w, const char *name, int64_t x)
{
    if (x > 0)
        add_option(w, name, asc_strf("%lld", (long long)x));
}

static void words_clear(words *w)
{
    for (size_t i = 0; i < w->n; i++)
        asc_free(w->w[i]);
}

static void finetune_words(words *w, const asc__study *s, const asc_study_finetune *f)
{
    add_option(w, "--task", asc_strdup(f->task));
    add_option(w, "--data", asc_path_join(s->spec->base_dir, f->data));
    add_count(w, "--seeds", f->seeds);
    add_count(w, "--epochs", f->epochs);
    add_count(w, "--batch", f->batch);
    add_count(w, "--max-length", f->max_length);
    add_count(w, "--limit-train", f->limit_train);
    add_count(w, "--limit-dev", f->limit_dev);
    if (f->lr > 0)
        add_option(w, "--lr", asc_strf("%.17g", f->lr));
}

/* isa is part of the study, threads too: the same numbers wherever they are made. */
static void make_words(words *w, const judging *b, const judgement *j)
{
    const asc__study *s = b->s;
    const asc_study_tasks *t = &s->spec->tasks;
    *w = (words){0};
    add(w, asc_strdup(s->program));
    add(w, asc_strdup(j->finetune ? "finetune" : "eval"));
    add(w, asc_strf("%s/runs/%s/checkpoint", s->dir, s->runs[j->run].id));
    if (j->finetune)
        finetune_words(w, s, j->finetune);
    else {
        add_option(w, "--tasks", asc_strdup(b->tasks));
        add_count(w, "--shots", t->shots);
        add_count(w, "--limit", t->limit);
    }
    if (t->contamination == ASC_CONTAMINATION_EXCLUDE)
        add_option(w, "--exclude", asc_strf("%s/contamination.json", s->dir));
    add_option(w, "--isa", asc_strdup(asc_isa_name(s->isa)));
    add_count(w, "--threads", s->spec->threads);
    add(w, asc_strdup("--quiet"));
    add_option(w, "--out", asc_path_join(j->dir, "result.json"));
}

/* The command with what it excludes, without the study's own place: a folder with another one is made afresh. */
static asc_status made_of(char **out, const judging *b, const words *w, asc_error *err)
{
    size_t n = strlen(b->s->dir);
    json_t *list = json_array();
    for (size_t i = 1; i < w->n; i++)
        json_array_append_new(list, json_string(strncmp(w->w[i], b->s->dir, n) == 0 ? w->w[i] + n : w->w[i]));
    if (b->s->spec->tasks.contamination == ASC_CONTAMINATION_EXCLUDE)
        json_array_append(list, json_object_get(b->s->contamination, "key"));
    asc_status st = list ? asc_json_print(out, list, 0, err) : ASC_NOMEM(err);
    json_decref(list);
    return st;
}

/* DIR with job.json that says what it is made of; of something else it is cleared first. */
static asc_status prepare_dir(const char *dir, const char *text, asc_error *err)
{
    char *path = asc_path_join(dir, "job.json"), *before = NULL;
    size_t n = 0;
    asc_error ignored;
    asc_status st = path ? ASC_OK : ASC_NOMEM(err);
    bool same = st == ASC_OK && asc_path_exists(path) &&
                asc_read_file(path, 1 << 20, &before, &n, &ignored) == ASC_OK && strcmp(before, text) == 0;
    if (st == ASC_OK && !same) {
        st = asc_remove_tree(dir, err);
        if (st == ASC_OK)
            st = asc_mkdirs(dir, err);
        if (st == ASC_OK)
            st = asc_write_file(path, text, strlen(text), err);
    }
    asc_free(before);
    asc_free(path);
    return st;
}

static bool result_there(const judgement *j)
{
    char *path = asc_path_join(j->dir, "result.json");
    bool there = path && asc_path_exists(path);
    asc_free(path);
    return there;
}

/* One that an earlier coordinator started is waited for. *under_way: it is now. */
static asc_status adopt(bool *under_way, judging *b, judgement *j, asc_error *err)
{
    bool held = asc_job_adopt(j->job, 0, 0);
    *under_way = false;
    if (!held && b->e->find)
        ASC_TRY(b->e->find(b->e, j->job, err));
    *under_way = held || j->job->id;
    return ASC_OK;
}

static asc_status start(judging *b, judgement *j, const words *w, asc_error *err)
{
    asc_launch launch = {0};
    size_t n_started = 1; /* or under way already; 0: refused for now, and tried at the next round */
    bool under_way;
    if (!(j->job = asc_job_create(j->run, j->dir)))
        return ASC_NOMEM(err);
    asc_status st = adopt(&under_way, b, j, err);
    if (st == ASC_OK && !under_way) {
        st = asc_launch_words(&launch, (const char *const *)w->w, j->dir, err);
        if (st == ASC_OK)
            st = b->e->start(b->e, &j->job, &launch, 1, &n_started, err);
        asc_launch_clear(&launch);
    }
    if (st == ASC_OK && n_started) {
        b->n_running++;
        return ASC_OK;
    }
    asc_job_free(j->job);
    j->job = NULL;
    return st;
}

static asc_status begin(judging *b, judgement *j, asc_error *err)
{
    words w;
    char *text = NULL;
    make_words(&w, b, j);
    asc_status st = w.oom ? ASC_NOMEM(err) : made_of(&text, b, &w, err);
    if (st == ASC_OK)
        st = prepare_dir(j->dir, text, err);
    if (st == ASC_OK && result_there(j))
        j->ended = true;
    else if (st == ASC_OK)
        st = start(b, j, &w, err);
    asc_free(text);
    words_clear(&w);
    return st;
}

/* ---- all of them ---- */

static asc_status take(judging *b, judgement *j, asc_error *err)
{
    const asc_store_run *r = &b->s->runs[j->run];
    char tail[400] = "", *log = asc_path_join(j->dir, "log.txt");
    asc_job_free(j->job);
    j->job = NULL;
    b->n_running--;
    j->ended = result_there(j);
    if (!j->ended && log)
        asc_log_tail(tail, sizeof tail, log);
    asc_free(log);
    if (j->ended || ++j->failures <= b->s->spec->retries)
        return ASC_OK;
    return ASC_FAIL(err, ASC_ENUMERIC, "%s of run %s failed %d times: %s", j->finetune ? j->finetune->task : "tasks",
                    r->id, j->failures, tail[0] ? tail : "its log is empty");
}

static asc_status poll_all(judging *b, asc_error *err)
{
    size_t done = 0;
    for (size_t i = 0; i < b->n; i++) {
        judgement *j = &b->j[i];
        if (j->job && b->e->poll(b->e, j->job) != ASC_JOB_RUNNING)
            ASC_TRY(take(b, j, err));
        done += j->ended;
    }
    if (b->s->opts->progress)
        b->s->opts->progress(b->s->opts->ctx, "tasks", (double)done, (double)b->n, "checkpoints and tasks");
    return ASC_OK;
}

static void wait_some(judging *b, double seconds)
{
    asc_job *jobs[256];
    size_t n = 0;
    for (size_t i = 0; i < b->n && n < 256; i++)
        if (b->j[i].job)
            jobs[n++] = b->j[i].job;
    b->e->wait(b->e, jobs, n, seconds);
}

static bool all_ended(const judging *b)
{
    for (size_t i = 0; i < b->n; i++)
        if (!b->j[i].ended)
            return false;
    return true;
}

static asc_status loop(judging *b, asc_error *err)
{
    while (!all_ended(b)) {
        for (size_t i = 0; i < b->n && b->n_running < b->e->capacity; i++)
            if (!b->j[i].ended && !b->j[i].job)
                ASC_TRY(begin(b, &b->j[i], err));
        if (asc_interrupted())
            return ASC_FAIL(err, ASC_EINTR, "interrupted");
        if (!all_ended(b)) /* also where the scheduler takes nothing now */
            wait_some(b, .5);
        ASC_TRY(poll_all(b, err));
    }
    return ASC_OK;
}

/* Nothing of them is worth keeping half-made: ended at once. */
static void stop_all(judging *b)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->j[i].job) {
            b->j[i].job->stopped = true;
            b->e->stop(b->e, b->j[i].job, true);
        }
    for (int tries = 0; b->n_running && tries < 100; tries++)
        for (size_t i = 0; i < b->n; i++)
            if (b->j[i].job && b->e->poll(b->e, b->j[i].job) != ASC_JOB_RUNNING) {
                asc_job_free(b->j[i].job);
                b->j[i].job = NULL;
                b->n_running--;
            } else if (b->j[i].job)
                wait_some(b, .05);
}

static void bench_clear(judging *b)
{
    for (size_t i = 0; b->j && i < b->n; i++) {
        asc_job_free(b->j[i].job);
        asc_free(b->j[i].dir);
    }
    asc_free(b->j);
    asc_free(b->tasks);
    if (b->e)
        b->e->destroy(b->e);
}

asc_status asc__study_judge(asc__study *s, asc_error *err)
{
    judging b = {.s = s};
    asc_exec_place place = asc__exec_place(s);
    place.capacity = (size_t)s->jobs; /* tasks are judged on the CPU */
    const asc_study_tasks *t = &s->spec->tasks;
    if (t->n_eval + t->n_finetune == 0 || !s->spec->validate)
        return ASC_OK;
    asc_status st = make_tasks_word(&b.tasks, s->spec, err);
    if (st == ASC_OK)
        st = list_judgements(&b, err);
    if (st == ASC_OK)
        st = asc_executor_create(&b.e, &place, err);
    if (st == ASC_OK)
        st = loop(&b, err);
    if (b.n_running)
        stop_all(&b);
    bench_clear(&b);
    return st;
}
