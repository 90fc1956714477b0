#include "spec/spec_placeholders.h"

#define NAME(id, name) #name,

const char *const asc_of_run[ASC_N_OF_RUN] = {ASC_RUN_PLACEHOLDERS(NAME)};
const char *const asc_of_notify[ASC_N_OF_NOTIFY] = {ASC_NOTIFY_PLACEHOLDERS(NAME)};
const char *const asc_of_submit[ASC_N_OF_SUBMIT] = {ASC_SUBMIT_PLACEHOLDERS(NAME)};
const char *const asc_of_job[ASC_N_OF_JOB] = {ASC_JOB_PLACEHOLDERS(NAME)};
