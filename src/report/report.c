/* The page of a study: its sections, and what an unfinished one says first. */
#include "report/report.h"

#include "assets.h"
#include "page.h"

#include <math.h>

enum { MAX_FAILURES = 3 };

/* ---- which domains charts show ---- */

/* (D) or NULL */
static const double *best_weights(const asc_summary *s)
{
    const double *w = s->answer.known ? s->answer.weights : NULL;
    if (!w && s->prediction.known)
        w = s->prediction.weights;
    for (size_t i = s->n_scales; i-- > 0 && !w;)
        w = s->scales[i].optimum;
    return w;
}

/* ---- what an unfinished study says first ---- */

/* The first runs that failed, and why. */
static void write_failures(asc_buf *b, const asc_summary *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_runs; i++) {
        const asc_summary_run *r = &s->runs[i];
        if (r->state != ASC_RUN_FAILED)
            continue;
        if (n < MAX_FAILURES) {
            asc_buf_puts(b, n ? "<li>" : "<ul><li>");
            asc__html_name(b, asc__or_empty(r->id));
            asc_buf_puts(b, ": ");
            asc__html_text(b, asc__or_empty(r->why));
            asc_buf_puts(b, "</li>");
        }
        n++;
    }
    if (n > MAX_FAILURES)
        asc_buf_printf(b, "<li>and %zu more</li>", n - MAX_FAILURES);
    if (n)
        asc_buf_puts(b, "</ul>");
}

static void write_banner(asc_buf *b, const asc_summary *s)
{
    size_t done = 0;
    if (s->state == ASC_STUDY_DONE)
        return;
    for (size_t i = 0; i < s->n_runs; i++)
        done += s->runs[i].state == ASC_RUN_DONE;
    asc_buf_puts(b, s->state == ASC_STUDY_FAILED ? "<div class=\"banner failed\"><b>This study failed</b> (state: "
                                                 : "<div class=\"banner\"><b>This study is not finished</b> (state: ");
    asc__html_text(b, asc_study_state_name(s->state));
    asc_buf_printf(b, "). %zu of %zu runs are done; the results below are partial. Rerun the same command to resume.",
                   done, s->n_runs);
    write_failures(b, s);
    asc_buf_puts(b, "</div>\n");
}

/* ---- the page ---- */

bool asc_report_has_charts(void)
{
    return asc__asset_modules()->name != NULL;
}

static void write_sections(asc_page *p)
{
    asc__section_answer(p);
    asc__section_branch(p);
    asc__section_data(p);
    asc__section_change(p);
    asc__section_fits(p);
    asc__section_budget(p);
    asc__section_target(p);
    asc__section_tasks(p);
    asc__section_runs(p);
    asc__section_made(p);
}

static const asc_section_link links[] = {
    {"answer", "Answer"},
    {"search", "Search"},
    {"data", "Data"},
    {"change", "Changes"},
    {"fits", "Curves"},
    {"budget", "By budget"},
    {"target", "At the target"},
    {"tasks", "Tasks"},
    {"runs", "Runs"},
    {"made", "How it was made"},
    {0},
};

asc_status asc_report_html(asc_buf *out, const asc_summary *s, const asc_report_opts *opts, asc_error *err)
{
    const double *best = best_weights(s);
    json_t *names = json_array(), *weights = json_object();
    for (size_t i = 0; i < s->n_domains; i++) {
        json_array_append_new(names, json_string(s->domains[i].name));
        asc__put_num(weights, s->domains[i].name, best ? best[i] : NAN);
    }
    asc_buf banner = {0};
    asc_page p;
    asc__page_init(&p, NULL, names, weights, opts, err);
    p.study = s;
    if (p.status == ASC_OK)
        write_sections(&p);
    write_banner(&banner, s);
    const asc_frame f = {.title = s->study && *s->study ? s->study : "study",
                         .aside = asc__or_empty(s->created),
                         .sections = links,
                         .banner = &banner};
    asc_status st = asc__page_finish(out, &p, &f);
    asc_buf_clear(&banner);
    json_decref(names);
    json_decref(weights);
    return st;
}
