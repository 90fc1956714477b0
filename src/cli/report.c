/* autoscale report: (re)write a study's report. */
#include "cli.h"

#include "report/report.h"

static asc_status run(const asc_cli_args *args, asc_error *err)
{
    const char *dir = asc__cli_n_files(args) ? asc__cli_file(args, 0) : ".";
    ASC_TRY(asc_report_write(dir, err));
    char *path = asc_path_join(dir, "report.html");
    if (!path)
        return ASC_NOMEM(err);
    asc_status st = ASC_OK;
    if (asc__cli_json(args)) {
        json_t *out = json_pack("{s:s,s:b}", "report", path, "charts", asc_report_has_charts());
        st = out ? asc__cli_print_json(out, err) : ASC_NOMEM(err);
        json_decref(out);
    } else
        puts(path);
    asc_free(path);
    return st;
}

const asc_cli_command asc__cli_report = {
    .name = "report",
    .usage = "[DIR]",
    .summary = "(re)write DIR/report.html from what a study has so far",
    .max_files = 1,
    .run = run,
};
