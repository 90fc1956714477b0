/* The sections of a law's page. */
#ifndef REPORT_SECTION_LAW_H
#define REPORT_SECTION_LAW_H

#include "page.h"

void asc__section_optimum(asc_page *p);
void asc__section_try(asc_page *p);
void asc__section_worth(asc_page *p);
void asc__section_law_budget(asc_page *p);
void asc__section_slices(asc_page *p);
void asc__section_law_fit(asc_page *p);
void asc__section_law_made(asc_page *p);
/** Names as `autoscale export --to` takes them, NULL after the last. */
extern const char *const asc__trainers[];
/** Commands that hand a mixture to each trainer; file: its name as a shell reads it. */
void asc__export_lines(asc_buf *b, const char *file);

#endif
