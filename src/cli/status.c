/* autoscale status: how far a study is. */
#include "cli.h"

#include <math.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "study/study.h"

enum { MOST_LINES = 10 }; /* of runs that ended well and yet are worth a word */

static const asc_cli_option options[] = {
    {"watch", 'w', NULL, "print again and again until the study ends: a screen, or with --json one line each time"},
    {"every", 0, "S", "seconds between two looks (default: 2)"},
    {"metrics", 0, NULL, "print figures as Prometheus reads them"},
    {0},
};

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

/* ---- watched ---- */

/* "scale 1M   [##########----------]  15 of 30 runs, 2 running, 1 failed" */
static void print_scales(const json_t *scales)
{
    enum { WIDTH = 30 };
    size_t i;
    json_t *x;
    json_array_foreach(scales, i, x)
    {
        char budget[24];
        long long done = integer(x, "done"), running = integer(x, "running"), failed = integer(x, "failed");
        long long all = done + running + failed + integer(x, "left");
        asc_format_count(asc_json_number(x, "scale"), budget);
        printf("  %-6s %8s  [", json_is_true(json_object_get(x, "target")) ? "target" : "scale", budget);
        for (long long k = 0; k < WIDTH; k++)
            putchar(k < WIDTH * done / all ? '#' : k < WIDTH * (done + running) / all ? '+' : '.');
        printf("]  %lld of %lld runs", done, all);
        if (running)
            printf(", %lld running", running);
        if (failed)
            printf(", %lld failed", failed);
        putchar('\n');
    }
}

static double mean_known(const double *x, size_t n)
{
    double sum = 0, known = 0;
    for (size_t i = 0; i < n; i++) {
        sum += isnan(x[i]) ? 0 : x[i];
        known += !isnan(x[i]);
    }
    return known > 0 ? sum / known : NAN;
}

/* Effects known so far: what more tokens of each domain do to the mean loss, at the largest scale that tells. */
static void print_effects(const asc_summary *s)
{
    size_t V = s ? s->n_targets : 0, at = s ? s->n_scales : 0;
    while (at > 0 && !s->scales[at - 1].up)
        at--;
    if (at == 0)
        return;
    const asc_summary_scale *scale = &s->scales[at - 1];
    char budget[24];
    bool any = false;
    for (size_t i = 0; i < s->n_domains; i++) {
        double change = mean_known(scale->up + i * V, V);
        if (isnan(change))
            continue;
        if (!any)
            printf("effect of %.3g times the tokens of a domain on the mean loss, at %s:\n ", scale->factor,
                   asc_format_count(scale->tokens, budget));
        printf(any ? ", " : " ");
        asc__cli_print_name(s->domains[i].name, 0);
        printf(" %+.4f", change);
        any = true;
    }
    if (any)
        putchar('\n');
}

static void print_screen(const json_t *s, const asc_summary *summary)
{
    print_scales(json_object_get(s, "scales"));
    print_effects(summary);
    print_status(s, summary);
}

/* ---- for Prometheus ---- */

/* A label's value: quotes, backslashes and newlines escaped. */
static void put_label(asc_buf *b, const char *text)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            asc_buf_putc(b, '\\');
        if (*text == '\n')
            asc_buf_puts(b, "\\n");
        else
            asc_buf_putc(b, *text);
    }
}

static void put_metric(asc_buf *b, const char *name, const char *study, const char *label, const char *of, double x)
{
    char number[40];
    if (isnan(x))
        return;
    asc_buf_printf(b, "autoscale_%s{study=\"", name);
    put_label(b, study);
    if (label) {
        asc_buf_printf(b, "\",%s=\"", label);
        put_label(b, of);
    }
    asc_buf_printf(b, "\"} %s\n", asc_format_double(x, number));
}

static asc_status print_metrics(const json_t *s, asc_error *err)
{
    static const char *const states[] = {"done", "running", "left", "failed", "diverged"};
    const char *study = json_string_value(json_object_get(s, "study")),
               *state = json_string_value(json_object_get(s, "state"));
    asc_buf b = {0};
    size_t i;
    json_t *r;
    asc_buf_puts(&b, "# TYPE autoscale_runs gauge\n");
    for (i = 0; i < sizeof states / sizeof *states; i++)
        put_metric(&b, "runs", study, "state", states[i], asc_json_number(s, states[i]));
    asc_buf_puts(&b, "# TYPE autoscale_seconds_left gauge\n");
    put_metric(&b, "seconds_left", study, NULL, NULL, asc_json_number(s, "seconds_left"));
    asc_buf_puts(&b, "# TYPE autoscale_state gauge\n");
    put_metric(&b, "state", study, "state", state, 1);
    asc_buf_puts(&b, "# TYPE autoscale_run_tokens gauge\n");
    json_array_foreach(json_object_get(s, "progress"), i, r) put_metric(
        &b, "run_tokens", study, "run", json_string_value(json_object_get(r, "id")), asc_json_number(r, "tokens"));
    asc_buf_puts(&b, "# TYPE autoscale_run_loss gauge\n");
    json_array_foreach(json_object_get(s, "progress"), i, r) put_metric(
        &b, "run_loss", study, "run", json_string_value(json_object_get(r, "id")), asc_json_number(r, "loss"));
    asc_status st = b.oom ? ASC_NOMEM(err) : asc__cli_data(b.data, b.len, err);
    asc_buf_clear(&b);
    return st;
}

/* ---- the command ---- */

static asc_status line_of_json(const json_t *status, asc_error *err)
{
    char *text = NULL;
    ASC_TRY(asc_json_print(&text, status, 0, err));
    asc_status st = asc__cli_data(text, strlen(text), err);
    asc_free(text);
    return st == ASC_OK ? asc__cli_data("\n", 1, err) : st;
}

static asc_status show(const asc_cli_args *a, const json_t *status, const asc_summary *summary, asc_error *err)
{
    bool watch = asc__cli_has(a, "watch");
    if (asc__cli_has(a, "metrics"))
        return print_metrics(status, err);
    if (asc__cli_json(a))
        return watch ? line_of_json(status, err) : asc__cli_print_json(status, err);
    if (watch && isatty(STDOUT_FILENO)) {
        fflush(stdout);
        ASC_TRY(asc__cli_data("\033[H\033[2J", 7, err));
    }
    if (watch)
        print_screen(status, summary);
    else
        print_status(status, summary);
    if (watch && !isatty(STDOUT_FILENO))
        putchar('\n');
    return ASC_OK;
}

/* True where there is something to wait for. */
static asc_status look(bool *running, const asc_cli_args *a, asc_error *err)
{
    json_t *status = NULL;
    asc_summary *summary = NULL;
    ASC_TRY(asc_study_status(&status, &summary, asc__cli_n_files(a) ? asc__cli_file(a, 0) : ".", err));
    const char *state = json_string_value(json_object_get(status, "state"));
    *running = state && strcmp(state, asc_study_state_name(ASC_STUDY_RUNNING)) == 0;
    asc_status st = show(a, status, summary, err);
    json_decref(status);
    asc_summary_free(summary);
    return st;
}

static void wait_s(double seconds)
{
    double end = asc_now_s() + seconds;
    while (asc_now_s() < end && !asc_interrupted())
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
}

static asc_status run(const asc_cli_args *a, asc_error *err)
{
    double every = 2;
    bool running = false;
    ASC_TRY(asc__cli_double(a, "every", &every, err));
    if (!(every >= .1 && every <= 86400))
        return ASC_FAIL(err, ASC_EINVAL, "--every: expected .1 to 86400 seconds, found %g", every);
    if (asc__cli_has(a, "metrics") && asc__cli_json(a))
        return ASC_FAIL(err, ASC_EINVAL, "--metrics and --json: expected one of them");
    do {
        ASC_TRY(look(&running, a, err));
        fflush(stdout);
        if (asc__cli_has(a, "watch") && running)
            wait_s(every);
    } while (asc__cli_has(a, "watch") && running && !asc_interrupted());
    return ASC_OK;
}

const asc_cli_command asc__cli_status = {
    .name = "status",
    .usage = "[DIR] [options]",
    .summary = "show a study's progress",
    .options = options,
    .min_files = 0,
    .max_files = 1,
    .run = run,
};
