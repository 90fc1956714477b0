/* What the tasks said of each mixture: rows of one table for the summary. */
#include "steps.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "num/num.h"

/* Figures of the likelihood tasks that are told, whether more is better, and whether guessing gets any. */
static const struct {
    const char *name;
    const char *better;
    bool guessed;
} figures[] = {{"acc", "higher", true},
               {"acc_norm", "higher", true},
               {"bits_per_byte", "lower", false},
               {"perplexity", "lower", false},
               {"pct_stereotype", "middle", true}};
enum { N_FIGURES = sizeof figures / sizeof *figures };

/* Values of one mixture, a checkpoint each; lo and hi may span more (seeds of the fine-tuning). */
typedef struct values {
    asc_summary_score *out;
    asc_moments moments;
} values;

static void add_value(values *v, double x, double lo, double hi)
{
    asc_summary_score *o = v->out;
    o->values[o->n_values++] = x;
    if (isnan(x))
        return;
    bool first = v->moments.n == 0;
    o->lo = first ? lo : fmin(o->lo, lo);
    o->hi = first ? hi : fmax(o->hi, hi);
    asc_moments_add(&v->moments, x);
}

static void end_values(values *v)
{
    v->out->mean = asc_moments_mean(&v->moments);
    v->out->sd = asc_moments_sd(&v->moments);
}

/* result.json of a checkpoint's judgement, or NULL; new reference. */
static json_t *result_of(const asc__study *s, size_t run, const char *what)
{
    char *path = asc_strf("%s/runs/%s/judged/%s/result.json", s->dir, s->runs[run].id, what);
    json_t *j = NULL;
    asc_error ignored;
    if (path && asc_path_exists(path))
        asc_json_load(&j, path, &ignored);
    asc_free(path);
    return j;
}

/* results[mixture * seeds + r] of one `what`. */
static json_t **all_results(const asc__study *s, const char *what)
{
    size_t seeds = (size_t)s->spec->seeds;
    json_t **r = asc_calloc(s->n_mixtures * seeds + 1, sizeof(json_t *));
    for (size_t k = 0; r && k < s->n_mixtures; k++)
        for (size_t i = 0; i < seeds; i++)
            r[k * seeds + i] = result_of(s, s->mixtures[k].runs[i], what);
    return r;
}

static void free_results(json_t **r, size_t n)
{
    for (size_t i = 0; r && i < n; i++)
        json_decref(r[i]);
    asc_free(r);
}

/* One row: a figure of a task by mixture. get fills value, least and most of one result. */
typedef bool (*get_fn)(const json_t *result, const char *task, const char *figure, double *x, double *lo, double *hi);

static void put_mixtures(asc_summary_task *row, asc_summary *o, const asc__study *s, json_t *const *results, get_fn get)
{
    size_t seeds = (size_t)s->spec->seeds;
    assert(results); /* the row's own names come from one of them */
    row->mixtures = asc_summary_alloc(o, s->n_mixtures * sizeof *row->mixtures);
    for (size_t k = 0; row->mixtures && k < s->n_mixtures; k++) {
        asc_summary_score *m = &row->mixtures[row->n_mixtures++];
        values v = {.out = m};
        *m = (asc_summary_score){.name = asc_summary_text(o, s->mixtures[k].name),
                                 .values = asc_summary_alloc(o, seeds * sizeof *m->values),
                                 .lo = NAN,
                                 .hi = NAN};
        for (size_t i = 0; m->values && i < seeds; i++) {
            double x, lo, hi;
            if (results[k * seeds + i] && get(results[k * seeds + i], row->task, row->figure, &x, &lo, &hi))
                add_value(&v, x, lo, hi);
        }
        end_values(&v);
    }
}

static bool get_likelihood(const json_t *result, const char *task, const char *figure, double *x, double *lo,
                           double *hi)
{
    *x = *lo = *hi = asc_json_number(json_object_get(json_object_get(result, "tasks"), task), figure);
    return !isnan(*x);
}

static bool get_finetuned(const json_t *result, const char *task, const char *figure, double *x, double *lo, double *hi)
{
    const json_t *m = json_object_get(json_object_get(result, "metrics"), figure);
    *x = asc_json_number(m, "median");
    *lo = asc_json_number(m, "min");
    *hi = asc_json_number(m, "max");
    return !isnan(*x);
}

/* One more row, with room for it, or NULL: no memory. */
static asc_summary_task *add_row(asc_summary *o, const char *kind, const char *task, const char *figure,
                                 const char *better, double chance, double n)
{
    asc_summary_task *all = asc_summary_alloc(o, (o->n_tasks + 1) * sizeof *all);
    if (!all)
        return NULL;
    if (o->n_tasks)
        memcpy(all, o->tasks, o->n_tasks * sizeof *all);
    o->tasks = all;
    all += o->n_tasks++;
    *all = (asc_summary_task){.kind = kind,
                              .task = asc_summary_text(o, task),
                              .figure = asc_summary_text(o, figure),
                              .better = better,
                              .chance = chance,
                              .n_items = n};
    return o->oom ? NULL : all;
}

static const json_t *first_result(json_t *const *results, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (results[i])
            return results[i];
    return NULL;
}

static void add_likelihood(asc_summary *o, const asc__study *s)
{
    size_t n = s->n_mixtures * (size_t)s->spec->seeds;
    json_t **results = all_results(s, "tasks"), *figure;
    const json_t *first = results ? first_result(results, n) : NULL;
    const char *task;
    json_object_foreach(json_object_get(first, "tasks"), task, figure)
    {
        for (size_t i = 0; i < N_FIGURES; i++) {
            if (isnan(asc_json_number(figure, figures[i].name)))
                continue;
            double chance = figures[i].guessed ? asc_json_number(figure, "chance") : NAN;
            asc_summary_task *row = add_row(o, "likelihood", task, figures[i].name, figures[i].better, chance,
                                            (double)json_integer_value(json_object_get(figure, "n")));
            if (row)
                put_mixtures(row, o, s, results, get_likelihood);
        }
    }
    free_results(results, n);
}

static void add_finetuned(asc_summary *o, const asc__study *s, const asc_study_finetune *f)
{
    size_t n = s->n_mixtures * (size_t)s->spec->seeds;
    json_t **results = all_results(s, f->task), *metric;
    const json_t *first = results ? first_result(results, n) : NULL;
    const char *name;
    json_object_foreach(json_object_get(first, "metrics"), name, metric)
    {
        double chance = asc_json_number(json_object_get(first, "chance"), name);
        asc_summary_task *row = add_row(o, "finetune", f->task, name, "higher", chance,
                                        (double)json_integer_value(json_object_get(first, "n")));
        if (row)
            put_mixtures(row, o, s, results, get_finetuned);
    }
    free_results(results, n);
}

void asc__put_tasks(asc_summary *o, const asc__study *s)
{
    if (s->spec->tasks.n_eval)
        add_likelihood(o, s);
    for (size_t i = 0; i < s->spec->tasks.n_finetune; i++)
        add_finetuned(o, s, &s->spec->tasks.finetune[i]);
}
