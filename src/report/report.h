/**
 * report: one self-contained HTML file from a study's summary document. Reads a study, never writes one.
 * Every chart has its table beside it, so that the file says the same without JavaScript and on paper.
 */
#ifndef AUTOSCALE_REPORT_H
#define AUTOSCALE_REPORT_H

#include "store/store_summary.h"

typedef struct asc_report_opts {
    bool tables_only; /**< leave charts out, as a build without the chart library does */
} asc_report_opts;

/** True when this build carries the chart library; without it a report has tables only and says so. */
bool asc_report_has_charts(void);

/**
 * Append the page to out. Pure: the same summary gives the same bytes; no file, no clock, no network.
 * All may be unknown (an unfinished study): what is missing is left out, the state is said.
 * Text of the summary (names, notes) is shown as text whatever it holds.
 * @param opts     NULL: defaults
 * @retval ASC_ENOMEM  out is then unchanged
 */
asc_status asc_report_html(asc_buf *out, const asc_summary *s, const asc_report_opts *opts, asc_error *err);

/** Read the summary document of the study in dir and write DIR/report.html. */
asc_status asc_report_write(const char *dir, asc_error *err);

#endif
