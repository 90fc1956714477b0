/* The page of a study: its sections, and what an unfinished one says first. */
#include "report/report.h"

#include "assets.h"
#include "page.h"

#include <string.h>

enum { MAX_FAILURES = 3 };

/* ---- which domains charts show ---- */

static const json_t *best_weights(const json_t *summary)
{
    const json_t *w = asc__at(asc__at(summary, "answer"), "weights"), *scales = asc__at(summary, "scales");
    if (json_object_size(w) == 0)
        w = asc__at(asc__at(summary, "prediction"), "weights");
    for (size_t i = json_array_size(scales); i-- > 0 && json_object_size(w) == 0;)
        w = asc__at(json_array_get(scales, i), "optimum");
    return w;
}

/* Names in the order of the study: of its domains, else of the weights. */
static json_t *all_domains(const json_t *summary, const json_t *weights)
{
    json_t *names = json_array(), *value;
    const char *name;
    size_t i;
    json_array_foreach(asc__at(summary, "domains"), i, value)
    {
        if (*asc__str(value, "name"))
            json_array_append_new(names, json_string(asc__str(value, "name")));
    }
    if (json_array_size(names) == 0)
        json_object_foreach((json_t *)weights, name, value)
        {
            json_array_append_new(names, json_string(name));
        }
    return names;
}

/* ---- what an unfinished study says first ---- */

static bool finished(const json_t *summary)
{
    const char *state = asc__str(summary, "state");
    return strcmp(state, "done") == 0 || strcmp(state, "finished") == 0;
}

/* The first runs that failed, and why. */
static void write_failures(asc_buf *b, const json_t *runs)
{
    size_t i, n = 0;
    json_t *run;
    json_array_foreach(runs, i, run)
    {
        if (strcmp(asc__str(run, "state"), "failed") != 0)
            continue;
        if (n < MAX_FAILURES) {
            asc_buf_puts(b, n ? "<li>" : "<ul><li>");
            asc__html_name(b, asc__str(run, "id"));
            asc_buf_puts(b, ": ");
            asc__html_text(b, asc__str(run, "why"));
            asc_buf_puts(b, "</li>");
        }
        n++;
    }
    if (n > MAX_FAILURES)
        asc_buf_printf(b, "<li>and %zu more</li>", n - MAX_FAILURES);
    if (n)
        asc_buf_puts(b, "</ul>");
}

static void write_banner(asc_buf *b, const json_t *summary)
{
    const json_t *runs = asc__at(summary, "runs");
    size_t i, done = 0;
    json_t *run;
    if (finished(summary))
        return;
    json_array_foreach(runs, i, run)
    {
        done += strcmp(asc__str(run, "state"), "done") == 0;
    }
    bool failed = strcmp(asc__str(summary, "state"), "failed") == 0;
    asc_buf_puts(b, failed ? "<div class=\"banner failed\"><b>This study failed</b> (state: "
                           : "<div class=\"banner\"><b>This study is not finished</b> (state: ");
    asc__html_text(b, *asc__str(summary, "state") ? asc__str(summary, "state") : "unknown");
    asc_buf_printf(b, "). %zu of %zu runs are done; what follows is what there is so far. The same command goes on.",
                   done, json_array_size(runs));
    write_failures(b, runs);
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

asc_status asc_report_html(asc_buf *out, const json_t *summary, const asc_report_opts *opts, asc_error *err)
{
    if (!json_is_object(summary))
        return ASC_FAIL(err, ASC_EINVAL, "the study's summary is no JSON object");
    const json_t *weights = best_weights(summary);
    json_t *names = all_domains(summary, weights);
    asc_buf banner = {0};
    asc_page p;
    asc__page_init(&p, summary, names, weights, opts, err);
    if (p.status == ASC_OK)
        write_sections(&p);
    write_banner(&banner, summary);
    const asc_frame f = {.title = *asc__str(summary, "study") ? asc__str(summary, "study") : "study",
                         .aside = asc__str(summary, "created"),
                         .sections = links,
                         .banner = &banner};
    asc_status st = asc__page_finish(out, &p, &f);
    asc_buf_clear(&banner);
    json_decref(names);
    return st;
}
