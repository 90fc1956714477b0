/* Files of another kind than a command reads: a law where a mixture is expected, a study's folder where a checkpoint
 * is. Said before anything is read, with the command that reads what is there or makes what is wanted. */
#include <string.h>

#include "cli.h"
#include "table/table.h"

enum {
    LAW = 1u << ASC_FILE_LAW,
    MIXTURE = 1u << ASC_FILE_MIXTURE,
    TABLE = 1u << ASC_FILE_TABLE,
    STUDY = 1u << ASC_FILE_STUDY,
    STUDY_FOLDER = 1u << ASC_FILE_STUDY_FOLDER,
    CHECKPOINT = 1u << ASC_FILE_CHECKPOINT,
    RUN_FOLDER = 1u << ASC_FILE_RUN_FOLDER
};

/* What each command reads; what it is called. */
static const struct {
    const char *commands, *expected;
    unsigned kinds;
} reads[] = {
    {"optimize what-if score", "a law (LAW.json)", LAW},
    {"fit compare table", "a table of runs", TABLE},
    {"predict", "a table of optima", TABLE},
    {"design", "a table of runs, a law or a mixture", TABLE | LAW | MIXTURE},
    {"export", "a mixture (MIX.json)", MIXTURE},
    {"run plan", "a study file (STUDY.yaml)", STUDY},
    {"status", "a study's folder", STUDY_FOLDER},
    {"eval finetune", "a checkpoint", CHECKPOINT},
};

/* What to do with what is there instead; the first that fits. {}: the file, %: the command. */
static const struct {
    const char *commands; /* NULL: any */
    unsigned kinds;
    const char *advice;
} instead[] = {
    {"optimize what-if score", TABLE, "`autoscale fit {} -o law.json` fits one to a table of runs"},
    {"optimize what-if score", STUDY_FOLDER, "`autoscale fit {}/runs.csv -o law.json` fits one to its runs"},
    {"what-if", MIXTURE, "`autoscale what-if LAW.json --tokens N --mix {}` reads it"},
    {"fit compare table design", STUDY_FOLDER, "its table is {}/runs.csv"},
    {"predict", STUDY_FOLDER, "its optima are {}/optima.csv"},
    {"export", LAW, "`autoscale optimize {} --tokens N -o mix.json` finds one"},
    {"export", TABLE,
     "`autoscale fit {} -o law.json` and `autoscale optimize law.json --tokens N -o mix.json` find one"},
    {"export", STUDY_FOLDER, "its mixture is {}/mixture.json"},
    {"run plan", STUDY_FOLDER, "`autoscale % STUDY.yaml --dir {}`"},
    {"status", STUDY, "`autoscale status DIR`, the folder that `autoscale run {} --dir DIR` fills"},
    {"eval finetune", STUDY_FOLDER, "its checkpoints are {}/runs/*/checkpoint"},
    {"eval finetune", RUN_FOLDER, "its checkpoint is {}/checkpoint"},
    {NULL, LAW, "`autoscale optimize {} --tokens N` reads it"},
    {NULL, MIXTURE, "`autoscale export {} --to TRAINER` reads it"},
    {NULL, TABLE, "`autoscale fit {}` reads it"},
    {NULL, STUDY, "`autoscale run {}` reads it"},
    {NULL, STUDY_FOLDER, "`autoscale status {}` reads it"},
    {NULL, CHECKPOINT, "`autoscale eval {} --tokens-dir DIR` reads it"},
    {NULL, RUN_FOLDER, "`autoscale train --run {}` reads it"},
};

static asc_status refuse(const char *command, const char *path, const char *expected, asc_file_kind found,
                         asc_error *err)
{
    size_t i = 0;
    while ((instead[i].commands && !asc__cli_among(command, instead[i].commands)) || !(instead[i].kinds & 1u << found))
        i++;
    asc_buf b = {0};
    asc__cli_fill_in(&b, instead[i].advice, command, "", path);
    asc_status st = b.oom ? ASC_NOMEM(err)
                          : ASC_FAIL(err, ASC_EINVAL, "%s: expected %s, found %s; %s", path, expected,
                                     asc_file_kind_name(found), b.data);
    asc_buf_clear(&b);
    return st;
}

asc_status asc__cli_check_input(const char *command, size_t place, const char *path, asc_error *err)
{
    size_t i = 0, n = sizeof reads / sizeof *reads;
    if (strcmp(command, "score") == 0 && place > 0) /* the law's table */
        command = "fit";
    while (i < n && !asc__cli_among(command, reads[i].commands))
        i++;
    asc_file_kind found = i < n ? asc_file_kind_of(path) : ASC_FILE_UNKNOWN;
    if (found == ASC_FILE_UNKNOWN || reads[i].kinds & 1u << found)
        return ASC_OK;
    return refuse(command, path, reads[i].expected, found, err);
}
