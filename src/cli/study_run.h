/* Running a study from the command line: shared by run and demo. */
#ifndef CLI_STUDY_RUN_H
#define CLI_STUDY_RUN_H

#include "cli.h"
#include "study/study.h"

/** Run a study with progress, notes and report; prints the answer (or, with --json, one object) at the end. */
asc_status asc__cli_study_run(const asc_cli_args *a, const asc_study_spec *spec, const char *dir, int jobs, asc_isa isa,
                              asc_error *err);

#endif
