/* autoscale status: how far a study is. */
#include "cli.h"

#include <math.h>
#include <stdint.h>

#include "study/study.h"

enum { MOST_LINES = 10 }; /* of runs that ended well and yet are worth a word */

static const asc_cli_option options[] = {{0}};

static long long integer(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

/* "now: ID 120k of 1M tokens, loss 4.1203, valid books 4.3012 code 3.9871", a line a run. */
static void print_progress(const json_t *list, size_t most)
{
    size_t n = json_array_size(list);
    for (size_t i = 0; i < n && i < most; i++) {
        const json_t *r = json_array_get(list, i), *loss = json_object_get(r, "loss"), *x;
        const json_t *valid = json_object_get(r, "valid"), *last = json_array_get(valid, json_array_size(valid) - 1);
        const char *name;
        char done[16], total[16];
        asc_format_count(json_number_value(json_object_get(r, "tokens")), done);
        asc_format_count(json_number_value(json_object_get(r, "tokens_total")), total);
        printf("now: %s %s of %s tokens", json_string_value(json_object_get(r, "id")), done, total);
        if (json_is_number(loss))
            printf(", loss %.4f", json_number_value(loss));
        const char *before = ", valid ";
        json_object_foreach((json_t *)(uintptr_t)json_object_get(last, "loss"), name, x)
        {
            printf("%s%s %.4f", before, name, json_number_value(x));
            before = " ";
        }
        putchar('\n');
    }
    if (n > most)
        printf("and %zu more (see --json)\n", n - most);
}

/* "now: 30 runs in 2 groups of 15" */
static void print_groups(const json_t *groups)
{
    size_t n = json_array_size(groups), runs = 0, largest = 0;
    for (size_t i = 0; i < n; i++) {
        size_t k = json_array_size(json_array_get(groups, i));
        runs += k;
        largest = k > largest ? k : largest;
    }
    if (n)
        printf("now: %zu runs in %zu group%s of %s%zu\n", runs, n, n == 1 ? "" : "s",
               n * largest == runs ? "" : "at most ", largest);
}

/* "ID burst: gradients 79 times their level at step 43, the loss 0.48 up" */
static void print_bursts(const json_t *list)
{
    size_t n = json_array_size(list);
    for (size_t i = 0; i < n && i < MOST_LINES; i++) {
        const json_t *r = json_array_get(list, i);
        printf("%s burst: gradients %.0f times their level at step %lld, the loss %.2f %s\n",
               json_string_value(json_object_get(r, "id")), asc_json_number(r, "times"), integer(r, "step"),
               fabs(asc_json_number(r, "loss_up")), asc_json_number(r, "loss_up") < 0 ? "down" : "up");
    }
    if (n > MOST_LINES)
        printf("and %zu more (see --json)\n", n - MOST_LINES);
}

/* "ID diverged 1 time, restarted at learning rate 0.002" */
static void print_retried(const json_t *list)
{
    size_t n = json_array_size(list);
    for (size_t i = 0; i < n && i < MOST_LINES; i++) {
        const json_t *r = json_array_get(list, i);
        long long times = integer(r, "retries");
        printf("%s diverged %lld time%s, restarted at learning rate %.3g\n",
               json_string_value(json_object_get(r, "id")), times, times == 1 ? "" : "s", asc_json_number(r, "lr"));
    }
    if (n > MOST_LINES)
        printf("and %zu more (see --json)\n", n - MOST_LINES);
}

static void print_status(const json_t *s, const asc_summary *summary)
{
    const json_t *left_s = json_object_get(s, "seconds_left"), *who = json_object_get(s, "coordinator");
    const json_t *problems = json_object_get(s, "problems");
    char time[24];
    char diverged[40] = "";
    if (integer(s, "diverged"))
        snprintf(diverged, sizeof diverged, " (%lld of them diverged)", integer(s, "diverged"));
    printf("%s: %s; %lld runs done%s, %lld running, %lld left, %lld failed\n",
           json_string_value(json_object_get(s, "study")), json_string_value(json_object_get(s, "state")),
           integer(s, "done"), diverged, integer(s, "running"), integer(s, "left"), integer(s, "failed"));
    if (json_number_value(left_s) > 0)
        printf("about %s left for the runs known so far\n", asc_format_duration(json_number_value(left_s), time));
    asc__cli_print_short_answer(summary);
    const json_t *groups = json_object_get(s, "groups");
    print_groups(groups);
    print_progress(json_object_get(s, "progress"), json_is_array(groups) ? MOST_LINES : SIZE_MAX);
    if (json_is_true(json_object_get(who, "alive")))
        printf("coordinator: process %lld on %s\n", integer(who, "pid"),
               json_string_value(json_object_get(who, "host")));
    for (size_t i = 0; i < json_array_size(problems); i++) {
        const json_t *p = json_array_get(problems, i);
        printf("%s %s: %s\n", json_string_value(json_object_get(p, "id")),
               json_string_value(json_object_get(p, "state")), json_string_value(json_object_get(p, "why")));
    }
    print_retried(json_object_get(s, "retried"));
    print_bursts(json_object_get(s, "bursts"));
    asc__cli_print_summary_notes(summary);
}

static asc_status run(const asc_cli_args *a, asc_error *err)
{
    json_t *status = NULL;
    asc_summary *summary = NULL;
    ASC_TRY(asc_study_status(&status, &summary, asc__cli_n_files(a) ? asc__cli_file(a, 0) : ".", err));
    asc_status st = ASC_OK;
    if (asc__cli_json(a))
        st = asc__cli_print_json(status, err);
    else
        print_status(status, summary);
    json_decref(status);
    asc_summary_free(summary);
    return st;
}

const asc_cli_command asc__cli_status = {
    .name = "status",
    .usage = "[DIR]",
    .summary = "show a study's progress",
    .options = options,
    .min_files = 0,
    .max_files = 1,
    .run = run,
};
