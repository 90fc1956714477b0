/* The page while it is being written, and its sections. */
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

#include "report/report.h"
#include "html.h"

typedef struct asc_page {
    asc_buf out;
    const asc_summary *study; /**< what a study's page shows, or NULL */
    const json_t *summary;    /**< what another page shows, or NULL */
    bool charts;
    json_t *shown; /**< domains that charts show, in order: all, or those of the largest shares */
    size_t n_domains;
    asc_status status; /**< the first failure; later writes do nothing harmful */
    asc_error *err;
} asc_page;

/** A section and its name among the links at the top; ends with {0}. */
typedef struct asc_section_link {
    const char *id, *name;
} asc_section_link;

/** What stands around a page's sections. */
typedef struct asc_frame {
    const char *title, *aside; /**< text; aside may be "" */
    const asc_section_link *sections;
    const asc_buf *banner;      /**< HTML below the title, or NULL */
    const char *const *scripts; /**< assets that run after page.js, NULL after the last; or NULL */
} asc_frame;

/** A page of these domains (an array of names); weights {domain: share} say which ones its charts show where there are
 * many. p->status tells a failure. */
void asc__page_init(asc_page *p, const json_t *summary, const json_t *names, const json_t *weights,
                    const asc_report_opts *opts, asc_error *err);
/** The whole page, appended to out; p is cleared. Returns the first failure. */
asc_status asc__page_finish(asc_buf *out, asc_page *p, const asc_frame *f);

/** Write a figure with the spec of asset NAME.json, `data` filled into its data sets and `signals` into its signals;
 * takes both over. `caption` is HTML of ours. Nothing without charts. */
void asc__chart(asc_page *p, const char *name, const char *caption, json_t *data, json_t *signals);
/** Append [domain, …] row objects: a fresh object in array, or NULL when memory is out. */
json_t *asc__chart_row(json_t *array);
void asc__put_num(json_t *row, const char *key, double x);
void asc__put_str(json_t *row, const char *key, const char *s);
/** True if charts show this domain. */
bool asc__shown(const asc_page *p, const char *domain);
/** "1M" as a fresh JSON string: scales are named so in charts; "1M, 42.2k parameters" where their tokens are equal. */
json_t *asc__scale_name(const asc_summary_scale *c);

void asc__section_answer(asc_page *p);
void asc__section_branch(asc_page *p);
void asc__section_data(asc_page *p);
void asc__section_change(asc_page *p);
void asc__section_fits(asc_page *p);
void asc__section_budget(asc_page *p);
void asc__section_target(asc_page *p);
void asc__section_tasks(asc_page *p);
void asc__section_runs(asc_page *p);
void asc__section_made(asc_page *p);

#endif
