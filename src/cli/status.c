/* autoscale status: how far a study is. */
#include "cli.h"

#include <math.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "study/study_progress.h"

enum { MOST_LINES = 10 }; /* of runs that ended well and yet are worth a word */

static const asc_cli_option options[] = {
    {"watch", 'w', NULL, "print again and again until the study ends: a screen, or with --json one line each time"},
    {"every", 0, "S", "seconds between two looks (default: 2)"},
    {"metrics", 0, NULL, "print figures as Prometheus reads them"},
    {0},
};

static const char *study_name(const asc_study_progress *p)
{
    return p->summary && p->summary->study ? p->summary->study : "";
}

/* "now: ID 120k of 1M tokens, loss 4.1203, valid books 4.3012 code 3.9871" */
static void print_under_way(const asc_progress_run *r)
{
    const asc_run_metrics *m = &r->metrics;
    const asc_metrics_point *last = m->n_valid ? &m->valid[m->n_valid - 1] : NULL;
    char done[16], total[16];
    printf("now: %s %s of %s tokens", r->run->id, asc_format_count(m->tokens, done),
           asc_format_count(r->tokens_total, total));
    if (!isnan(m->loss))
        printf(", loss %.4f", m->loss);
    for (size_t k = 0; last && k < last->n; k++)
        printf("%s%s %.4f", k ? " " : ", valid ", last->names[k], last->loss[k]);
    putchar('\n');
}

static void print_all_under_way(const asc_study_progress *p)
{
    size_t most = p->n_groups ? MOST_LINES : SIZE_MAX;
    for (size_t i = 0; i < p->n_under_way && i < most; i++)
        print_under_way(&p->under_way[i]);
    if (p->n_under_way > most)
        printf("and %zu more (see --json)\n", p->n_under_way - most);
}

/* "now: 30 runs in 2 groups of 15" */
static void print_groups(const asc_study_progress *p)
{
    size_t runs = 0, largest = 0, n = p->n_groups;
    for (size_t i = 0; i < n; i++) {
        runs += p->groups[i].n;
        largest = p->groups[i].n > largest ? p->groups[i].n : largest;
    }
    if (n)
        printf("now: %zu runs in %zu group%s of %s%zu\n", runs, n, n == 1 ? "" : "s",
               n * largest == runs ? "" : "at most ", largest);
}

/* "ID burst: gradients 79 times their level at step 43, the loss 0.48 up" */
static void print_burst(const asc_store_run *r)
{
    const asc_bursts *b = &r->result->bursts;
    printf("%s burst: gradients %.0f times their level at step %lld, the loss %.2f %s\n", r->id, b->times,
           (long long)b->step, fabs(b->loss_up), b->loss_up < 0 ? "down" : "up");
}

/* "ID diverged 1 time, restarted at learning rate 0.002" */
static void print_retried(const asc_store_run *r)
{
    long long times = r->result->n_retries;
    printf("%s diverged %lld time%s, restarted at learning rate %.3g\n", r->id, times, times == 1 ? "" : "s",
           r->result->lr);
}

static void print_problem(const asc_store_run *r)
{
    printf("%s %s: %s\n", r->id, asc_run_state_name(r->state), r->why ? r->why : "");
}

static void print_each(const asc_store_run *const *runs, size_t n, size_t most, void (*print)(const asc_store_run *r))
{
    for (size_t i = 0; i < n && i < most; i++)
        print(runs[i]);
    if (n > most)
        printf("and %zu more (see --json)\n", n - most);
}

static void print_status(const asc_study_progress *p)
{
    char time[24], diverged[48] = "", stopped[48] = "";
    if (p->diverged)
        snprintf(diverged, sizeof diverged, " (%zu of them diverged)", p->diverged);
    if (p->n_stopped)
        snprintf(stopped, sizeof stopped, " (%zu stopped at their pause)", p->n_stopped);
    const char *name = study_name(p); /* unknown until the text is prepared */
    printf("%s: %s; %zu runs done%s%s, %zu running, %zu left, %zu failed\n", name[0] ? name : "study",
           asc_study_state_name(p->state), p->done, diverged, stopped, p->running, p->left, p->failed);
    if (p->seconds_left > 0)
        printf("about %s left for the runs known so far\n", asc_format_duration(p->seconds_left, time));
    asc__cli_print_short_answer(p->summary);
    print_groups(p);
    print_all_under_way(p);
    if (p->owner.pid && p->owner.alive)
        printf("coordinator: process %lld on %s\n", (long long)p->owner.pid, p->owner.host);
    print_each(p->problems, p->n_problems, SIZE_MAX, print_problem);
    print_each(p->retried, p->n_retried, MOST_LINES, print_retried);
    print_each(p->bursts, p->n_bursts, MOST_LINES, print_burst);
    print_each(p->stopped, p->n_stopped, MOST_LINES, print_problem);
    asc__cli_print_summary_notes(p->summary);
}

/* ---- watched ---- */

/* "scale 1M   [##########----------]  15 of 30 runs, 2 running, 1 failed" */
static void print_scale(const asc_progress_scale *x)
{
    enum { WIDTH = 30 };
    char budget[24], params[24];
    size_t all = x->done + x->running + x->failed + x->left;
    asc_format_count(x->tokens, budget);
    printf("  %-6s %8s  [", x->target ? "target" : "scale", budget);
    for (size_t k = 0; k < WIDTH; k++)
        putchar(k < WIDTH * x->done / all ? '#' : k < WIDTH * (x->done + x->running) / all ? '+' : '.');
    printf("]  %zu of %zu runs", x->done, all);
    if (x->params > 0)
        printf(" of %s parameters", asc_format_count(x->params, params));
    if (x->running)
        printf(", %zu running", x->running);
    if (x->failed)
        printf(", %zu failed", x->failed);
    putchar('\n');
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
    char budget[24], params[24];
    bool any = false;
    for (size_t i = 0; i < s->n_domains; i++) {
        double change = mean_known(scale->up + i * V, V);
        if (isnan(change))
            continue;
        if (!any)
            printf("effect of %.3g times the tokens of a domain on the mean loss, at %s%s%s:\n ", scale->factor,
                   asc_format_count(scale->tokens, budget), scale->params > 0 ? " and parameters " : "",
                   scale->params > 0 ? asc_format_count(scale->params, params) : "");
        printf(any ? ", " : " ");
        asc__cli_print_name(s->domains[i].name, 0);
        printf(" %+.4f", change);
        any = true;
    }
    if (any)
        putchar('\n');
}

static void print_screen(const asc_study_progress *p)
{
    for (size_t i = 0; i < p->n_scales; i++)
        print_scale(&p->scales[i]);
    print_effects(p->summary);
    print_status(p);
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

static asc_status print_metrics(const asc_study_progress *p, asc_error *err)
{
    const struct {
        const char *state;
        size_t n;
    } runs[] = {{"done", p->done},
                {"running", p->running},
                {"left", p->left},
                {"failed", p->failed},
                {"diverged", p->diverged}};
    const char *study = study_name(p);
    asc_buf b = {0};
    asc_buf_puts(&b, "# TYPE autoscale_runs gauge\n");
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++)
        put_metric(&b, "runs", study, "state", runs[i].state, (double)runs[i].n);
    asc_buf_puts(&b, "# TYPE autoscale_seconds_left gauge\n");
    put_metric(&b, "seconds_left", study, NULL, NULL, p->seconds_left);
    asc_buf_puts(&b, "# TYPE autoscale_state gauge\n");
    put_metric(&b, "state", study, "state", asc_study_state_name(p->state), 1);
    asc_buf_puts(&b, "# TYPE autoscale_run_tokens gauge\n");
    for (size_t i = 0; i < p->n_under_way; i++)
        put_metric(&b, "run_tokens", study, "run", p->under_way[i].run->id, p->under_way[i].metrics.tokens);
    asc_buf_puts(&b, "# TYPE autoscale_run_loss gauge\n");
    for (size_t i = 0; i < p->n_under_way; i++)
        put_metric(&b, "run_loss", study, "run", p->under_way[i].run->id, p->under_way[i].metrics.loss);
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

static asc_status print_json(const asc_study_progress *p, bool one_line, asc_error *err)
{
    json_t *doc = asc_study_progress_json(p);
    asc_status st = one_line ? line_of_json(doc, err) : asc__cli_print_json(doc, err);
    json_decref(doc);
    return st;
}

static asc_status show(const asc_cli_args *a, const asc_study_progress *p, asc_error *err)
{
    bool watch = asc__cli_has(a, "watch");
    if (asc__cli_has(a, "metrics"))
        return print_metrics(p, err);
    if (asc__cli_json(a))
        return print_json(p, watch, err);
    if (watch && isatty(STDOUT_FILENO)) {
        fflush(stdout);
        ASC_TRY(asc__cli_data("\033[H\033[2J", 7, err));
    }
    if (watch)
        print_screen(p);
    else
        print_status(p);
    if (watch && !isatty(STDOUT_FILENO))
        putchar('\n');
    return ASC_OK;
}

/* True where there is something to wait for. */
static asc_status look(bool *running, const asc_cli_args *a, asc_error *err)
{
    asc_study_progress *p = NULL;
    ASC_TRY(asc_study_status(&p, asc__cli_n_files(a) ? asc__cli_file(a, 0) : ".", err));
    *running = p->state == ASC_STUDY_RUNNING;
    asc_status st = show(a, p, err);
    asc_study_progress_free(p);
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
