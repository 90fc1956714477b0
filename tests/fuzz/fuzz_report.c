/* A summary of any shape: the report is a page, and holds no tag that the summary brought along. */
#include "base/base_json.h"
#include "report/report.h"
#include "fuzz_files.h"

/* Every "<" of the page starts a tag of ours; what a name brought stands as "&lt;". The corpus' names hold this one. */
static const char foreign[] = "<script>alert(";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    json_t *j = NULL;
    asc_summary *s = NULL;
    asc_buf page = {0};
    if (asc_json_parse(&j, "summary", (const char *)data, n, NULL) != ASC_OK)
        return 0;
    if (asc_summary_read(&s, j, NULL) == ASC_OK && asc_report_html(&page, s, NULL, NULL) == ASC_OK &&
        (page.len == 0 || strstr(page.data, foreign)))
        abort();
    asc_buf_clear(&page);
    asc_summary_free(s);
    json_decref(j);
    return 0;
}
