/* What the tasks said of each mixture: rows of one table for the summary. */
#include "steps.h"

#include <math.h>
#include <string.h>

/* Figures of the likelihood tasks that are told, and whether more is better. */
static const struct {
    const char *name;
    const char *better;
} figures[] = {{"acc", "higher"},
               {"acc_norm", "higher"},
               {"bits_per_byte", "lower"},
               {"perplexity", "lower"},
               {"pct_stereotype", "middle"}};
enum { N_FIGURES = sizeof figures / sizeof *figures };

/* Values of one mixture, a checkpoint each; lo and hi may span more (seeds of the fine-tuning). */
typedef struct values {
    json_t *list;
    double sum, squares, lo, hi;
    size_t n;
} values;

static void add_value(values *v, double x, double lo, double hi)
{
    json_array_append_new(v->list, asc_json_num(x));
    if (isnan(x))
        return;
    v->lo = v->n ? fmin(v->lo, lo) : lo;
    v->hi = v->n ? fmax(v->hi, hi) : hi;
    v->sum += x;
    v->squares += x * x;
    v->n++;
}

static json_t *values_json(values *v, const char *name)
{
    double n = (double)v->n, mean = v->n ? v->sum / n : NAN;
    double sd = v->n > 1 ? sqrt(fmax(0, v->squares - n * mean * mean) / (n - 1)) : NAN;
    return json_pack("{s:s,s:o,s:o,s:o,s:o,s:o}", "name", name, "values", v->list, "mean", asc_json_num(mean), "sd",
                     asc_json_num(sd), "min", asc_json_num(v->n ? v->lo : NAN), "max",
                     asc_json_num(v->n ? v->hi : NAN));
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

static json_t *mixtures_json(const asc__study *s, json_t *const *results, get_fn get, const char *task,
                             const char *figure)
{
    json_t *list = json_array();
    size_t seeds = (size_t)s->spec->seeds;
    for (size_t k = 0; k < s->n_mixtures; k++) {
        values v = {.list = json_array()};
        for (size_t i = 0; i < seeds; i++) {
            double x, lo, hi;
            if (results[k * seeds + i] && get(results[k * seeds + i], task, figure, &x, &lo, &hi))
                add_value(&v, x, lo, hi);
        }
        json_array_append_new(list, values_json(&v, s->mixtures[k].name));
    }
    return list;
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

static void add_row(json_t *rows, const char *kind, const char *task, const char *figure, const char *better,
                    double chance, json_int_t n, json_t *mixtures)
{
    json_array_append_new(rows,
                          json_pack("{s:s,s:s,s:s,s:s,s:o,s:I,s:o}", "kind", kind, "task", task, "figure", figure,
                                    "better", better, "chance", asc_json_num(chance), "n", n, "mixtures", mixtures));
}

static const json_t *first_result(json_t *const *results, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (results[i])
            return results[i];
    return NULL;
}

static void add_likelihood(json_t *rows, const asc__study *s)
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
            bool guessed = i < 2 || strcmp(figures[i].name, "pct_stereotype") == 0;
            add_row(rows, "likelihood", task, figures[i].name, figures[i].better,
                    guessed ? asc_json_number(figure, "chance") : NAN, json_integer_value(json_object_get(figure, "n")),
                    mixtures_json(s, results, get_likelihood, task, figures[i].name));
        }
    }
    free_results(results, n);
}

static void add_finetuned(json_t *rows, const asc__study *s, const asc_study_finetune *f)
{
    size_t n = s->n_mixtures * (size_t)s->spec->seeds;
    json_t **results = all_results(s, f->task), *metric;
    const json_t *first = results ? first_result(results, n) : NULL;
    const char *name;
    json_object_foreach(json_object_get(first, "metrics"), name, metric)
    {
        add_row(rows, "finetune", f->task, name, "higher", asc_json_number(json_object_get(first, "chance"), name),
                json_integer_value(json_object_get(first, "n")),
                mixtures_json(s, results, get_finetuned, f->task, name));
    }
    free_results(results, n);
}

/* The sets without the ids of their items. */
static json_t *contamination_json(const asc__study *s)
{
    static const char *const modes[] = {"report", "exclude", "off"};
    json_t *o = json_deep_copy(s->contamination), *set;
    size_t i;
    json_array_foreach(json_object_get(o, "sets"), i, set) json_object_del(set, "ids");
    json_object_del(o, "key");
    json_object_set_new(o, "mode", json_string(modes[s->spec->tasks.contamination]));
    return o;
}

void asc__put_tasks(json_t *summary, const asc__study *s)
{
    json_t *rows = json_array();
    if (s->spec->tasks.n_eval)
        add_likelihood(rows, s);
    for (size_t i = 0; i < s->spec->tasks.n_finetune; i++)
        add_finetuned(rows, s, &s->spec->tasks.finetune[i]);
    if (json_array_size(rows))
        json_object_set(summary, "tasks", rows);
    json_decref(rows);
    if (json_object_size(s->task_targets))
        json_object_set(summary, "task_targets", s->task_targets);
    if (s->contamination)
        json_object_set_new(summary, "contamination", contamination_json(s));
}
