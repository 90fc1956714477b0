/* The report of a study in a folder: the only file of this room that touches a disk. */
#include "report/report.h"

#include "store/store.h"

/* Render a study's summary to DIR/report.html, atomically. */
static asc_status write_summary(const char *dir, const asc_summary *summary, asc_error *err)
{
    asc_buf page = {0};
    char *path = asc_path_join(dir, "report.html");
    asc_status st = path ? asc_report_html(&page, summary, NULL, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = asc_write_file(path, page.data, page.len, err);
    asc_buf_clear(&page);
    asc_free(path);
    return st;
}

asc_status asc_report_write(const char *dir, asc_error *err)
{
    asc_store *store = NULL;
    asc_summary *summary = NULL;
    ASC_TRY(asc_store_open_readonly(&store, dir, err));
    asc_status st = asc_store_get_summary(&summary, store, err);
    asc_store_close(store);
    if (st == ASC_OK && !summary)
        st =
            ASC_FAIL(err, ASC_EINVAL, "%s: the study has no results to report yet; `autoscale run` produces them", dir);
    if (st == ASC_OK)
        st = write_summary(dir, summary, err);
    asc_summary_free(summary);
    return st;
}
