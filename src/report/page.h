/* The page while it is being written, and its sections. */
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

#include "html.h"

typedef struct asc_page {
    asc_buf out;
    const json_t *summary;
    bool charts;
    json_t *shown;     /**< domains that charts show, in order: all, or those of the largest shares */
    asc_status status; /**< the first failure; later writes do nothing harmful */
    asc_error *err;
} asc_page;

/** Write a figure with the spec of asset NAME.json, `data` filled into its data sets and `signals` into its signals;
 * takes both over. `caption` is HTML of ours. Nothing without charts. */
void asc__chart(asc_page *p, const char *name, const char *caption, json_t *data, json_t *signals);
/** Append [domain, …] row objects: a fresh object in array, or NULL when memory is out. */
json_t *asc__chart_row(json_t *array);
void asc__put_num(json_t *row, const char *key, double x);
void asc__put_str(json_t *row, const char *key, const char *s);
/** True if charts show this domain. */
bool asc__shown(const asc_page *p, const char *domain);
/** "1M" as a fresh JSON string: scales are named so in charts. */
json_t *asc__si_name(double x);

void asc__section_answer(asc_page *p);
void asc__section_data(asc_page *p);
void asc__section_change(asc_page *p);
void asc__section_fits(asc_page *p);
void asc__section_budget(asc_page *p);
void asc__section_target(asc_page *p);
void asc__section_tasks(asc_page *p);
void asc__section_runs(asc_page *p);
void asc__section_made(asc_page *p);

#endif
