#include "eval_tasks.h"

#include <math.h>
#include <string.h>

#include "task/task_contamination.h"
#include "task/task_list.h"
#include "task/task_score.h"

/* ---- options ---- */

typedef struct eval_opts {
    asc_task_scorer_opts scorer;
    asc_task_opts task;
    asc_task pool; /* --shots-from */
    const char *exclude, *details;
} eval_opts;

static asc_status count_option(const asc_cli_args *a, const char *name, int64_t lo, int64_t hi, int64_t *out,
                               asc_error *err)
{
    ASC_TRY(asc__cli_count(a, name, out, err));
    if (*out < lo || *out > hi)
        return ASC_FAIL(err, ASC_EINVAL, "--%s: expected %lld to %lld, found %lld", name, (long long)lo, (long long)hi,
                        (long long)*out);
    return ASC_OK;
}

static asc_status read_opts(eval_opts *o, const asc_cli_args *a, asc_error *err)
{
    const char *isa = asc__cli_get(a, "isa"), *dtype = asc__cli_get(a, "dtype"), *pool = asc__cli_get(a, "shots-from");
    int64_t threads = 1, shots = 0, limit = 0, seed = 0, batch = 0, context = 0;
    ASC_TRY(count_option(a, "threads", 1, ASC_MAX_THREADS, &threads, err));
    ASC_TRY(count_option(a, "shots", 0, 1000, &shots, err));
    ASC_TRY(count_option(a, "limit", 0, INT64_MAX, &limit, err));
    ASC_TRY(count_option(a, "shots-seed", 0, INT64_MAX, &seed, err));
    ASC_TRY(count_option(a, "micro-batch", 0, 1 << 20, &batch, err));
    ASC_TRY(count_option(a, "context", 0, 1 << 24, &context, err));
    o->scorer.context = (int)context;
    if (isa && !asc_isa_parse(isa, &o->scorer.isa))
        return ASC_FAIL(err, ASC_EINVAL, "--isa: unknown instruction set '%s'", isa);
    if (dtype && !asc_dtype_parse(dtype, &o->scorer.dtype))
        return ASC_FAIL(err, ASC_EINVAL, "--dtype: expected fp32 or bf16, found '%s'", dtype);
    o->scorer.threads = (int)threads;
    o->scorer.micro_batch = (int)batch;
    o->task.shots = (int)shots;
    o->task.limit = (size_t)limit;
    o->task.random_shots = asc__cli_has(a, "shots-seed");
    o->task.seed = (uint64_t)seed;
    o->exclude = asc__cli_get(a, "exclude");
    o->details = asc__cli_get(a, "details");
    if (pool) {
        ASC_TRY(asc_task_load(&o->pool, pool, err));
        o->task.pool = &o->pool;
    }
    return ASC_OK;
}

/* ---- one task ---- */

static asc_status score_one(const asc_cli_args *a, json_t *map, asc_task_scorer *scorer, const asc_task *t,
                            const eval_opts *o, asc_error *err)
{
    asc_task_opts opts = o->task;
    asc_task_result result;
    bool *mask = NULL;
    char *details = o->details ? asc_strf("%s/%s.jsonl", o->details, t->name) : NULL;
    asc_status s = o->details && !details ? ASC_NOMEM(err) : ASC_OK;
    if (s == ASC_OK && o->exclude)
        s = asc_contamination_mask(&mask, t, o->exclude, err);
    opts.excluded = mask;
    if (s == ASC_OK)
        s = asc_task_evaluate(&result, scorer, t, &opts, details, asc__cli_progress, (void *)(uintptr_t)a, err);
    asc__cli_progress_end();
    if (s == ASC_OK && json_object_set_new(map, t->name, asc_task_result_json(&result)) != 0)
        s = ASC_NOMEM(err);
    asc_free(mask);
    asc_free(details);
    return s;
}

/* All of them before the first is scored: what is wrong with the last one must not be found out hours later. */
static asc_status load_list(asc_task *tasks, const asc_task_list *l, asc_error *err)
{
    for (size_t i = 0; i < l->n; i++) {
        ASC_TRY(asc_task_load(&tasks[i], l->specs[i], err));
        for (size_t j = 0; j < i; j++)
            if (strcmp(tasks[i].name, tasks[j].name) == 0)
                return ASC_FAIL(err, ASC_EINVAL, "--tasks: two tasks are named '%s'; rename one with NAME=PATH",
                                tasks[i].name);
    }
    return ASC_OK;
}

static asc_status score_list(const asc_cli_args *a, json_t *map, const asc_task_list *l, const eval_opts *o,
                             asc_error *err)
{
    asc_task_scorer *scorer = NULL;
    asc_task *tasks = asc_calloc(l->n, sizeof *tasks);
    asc_status s = tasks ? load_list(tasks, l, err) : ASC_NOMEM(err);
    if (s == ASC_OK)
        s = asc_task_scorer_create(&scorer, asc__cli_file(a, 0), &o->scorer, err);
    if (s == ASC_OK && o->details)
        s = asc_mkdirs(o->details, err);
    for (size_t i = 0; i < l->n && s == ASC_OK; i++)
        s = score_one(a, map, scorer, &tasks[i], o, err);
    for (size_t i = 0; i < l->n && tasks; i++)
        asc_task_clear(&tasks[i]);
    asc_free(tasks);
    asc_task_scorer_free(scorer);
    return s;
}

asc_status asc__eval_tasks(const asc_cli_args *a, json_t *map, asc_error *err)
{
    asc_task_list l = {0};
    eval_opts o = {0};
    asc_status s = read_opts(&o, a, err);
    if (s == ASC_OK)
        s = asc_task_list_parse(&l, asc__cli_get(a, "tasks"), asc__cli_get(a, "tasks-dir"), err);
    if (s == ASC_OK)
        s = score_list(a, map, &l, &o, err);
    asc_task_list_clear(&l);
    asc_task_clear(&o.pool);
    return s;
}

/* ---- for people ---- */

static void print_figure(const json_t *task, const char *key, const char *label)
{
    const json_t *x = json_object_get(task, key);
    if (json_is_number(x))
        printf("  %s %.4g", label, json_number_value(x));
}

void asc__eval_tasks_print(const json_t *map)
{
    const char *name;
    json_t *t;
    json_object_foreach((json_t *)(uintptr_t)map, name, t)
    {
        printf("%-24s n %-6lld", name, (long long)json_integer_value(json_object_get(t, "n")));
        print_figure(t, "acc", "acc");
        print_figure(t, "acc_norm", "acc_norm");
        print_figure(t, "pct_stereotype", "pct_stereotype");
        print_figure(t, "acc_stderr", "+-");
        print_figure(t, "bits_per_byte", "bits/byte");
        print_figure(t, "perplexity", "perplexity");
        printf("\n");
    }
}
