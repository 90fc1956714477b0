#include "executors.h"
#include "words.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct executor_row {
    const char *name;
    asc_status (*create)(asc_executor **out, const asc_exec_place *place, asc_error *err);
    const char *commands[5]; /* that must be installed */
    const char *of;          /* whose they are */
    /* What else must be there, or NULL. */
    asc_status (*check)(const asc_exec_place *place, asc_error *err);
} executor_row;

static asc_status check_scheduler(const asc_exec_place *place, asc_error *err);

/* Adding an executor: its file, its line here. ASC__ONE_MORE_EXECUTOR is how a test adds its own. */
#ifndef ASC__ONE_MORE_EXECUTOR
#define ASC__ONE_MORE_EXECUTOR
#endif
static const executor_row executors[] = {
    {"local", asc__executor_local, {0}, NULL},
    {"slurm", asc__executor_slurm, {"sbatch", "squeue", "scontrol", "scancel"}, "Slurm"},
    {"scheduler", asc__executor_scheduler, {0}, NULL, check_scheduler},
    ASC__ONE_MORE_EXECUTOR};

static const executor_row *find(const char *name)
{
    for (size_t i = 0; i < sizeof executors / sizeof *executors; i++)
        if (strcmp(executors[i].name, name) == 0)
            return &executors[i];
    return NULL;
}

asc_status asc_executor_create(asc_executor **out, const asc_exec_place *place, asc_error *err)
{
    const executor_row *row = find(place->executor);
    if (!row)
        return ASC_FAIL(err, ASC_EINVAL, "executor: unknown executor '%s'", place->executor);
    return row->create(out, place, err);
}

/* A command on the PATH, as a shell would find it. */
static bool is_installed(const char *name)
{
    const char *path = getenv("PATH");
    for (const char *p = path ? path : "/bin:/usr/bin"; p; p = strchr(p, ':') ? strchr(p, ':') + 1 : NULL) {
        char *file = asc_strf("%.*s/%s", (int)strcspn(p, ":"), p, name);
        bool found = file && access(file, X_OK) == 0 && !asc_path_is_dir(file);
        asc_free(file);
        if (found)
            return true;
    }
    return false;
}

/* The first word of a user's command; a shell's line may begin with anything. */
static asc_status check_command(const asc_exec_place *place, const char *key, const char *command, asc_error *err)
{
    char **words = NULL;
    asc_error why;
    asc_status st = asc__split_words(&words, command, &why);
    if (st == ASC_EINVAL)
        return ASC_FAIL(err, st, "executor: %s: %s", key, why.msg);
    if (st != ASC_OK)
        return ASC_NOMEM(err);
    char *path = strchr(words[0], '/') ? asc_path_real(place->base_dir ? place->base_dir : ".", words[0]) : NULL;
    bool there = strchr(words[0], '/') ? path && access(path, X_OK) == 0 : is_installed(words[0]);
    if (!there)
        st = ASC_FAIL(err, ASC_EMISSING, "executor: %s: `%s` not found, or not executable", key, words[0]);
    asc_free(path);
    for (size_t i = 0; words[i]; i++)
        asc_free(words[i]);
    asc_free(words);
    return st;
}

/* The commands that the study itself names. */
static asc_status check_scheduler(const asc_exec_place *place, asc_error *err)
{
    const asc_scheduler_spec *o = place->scheduler;
    if (o->shell)
        return ASC_OK;
    ASC_TRY(check_command(place, "submit", o->submit, err));
    ASC_TRY(check_command(place, "poll", o->poll, err));
    return check_command(place, "cancel", o->cancel, err);
}

asc_status asc_executor_check(const asc_exec_place *place, asc_error *err)
{
    const executor_row *row = find(place->executor);
    for (size_t i = 0; row && row->commands[i]; i++)
        if (!is_installed(row->commands[i]))
            return ASC_FAIL(err, ASC_EMISSING,
                            "executor: %s: `%s` not found; this executor needs %s's commands on this machine",
                            row->name, row->commands[i], row->of);
    return row && row->check ? row->check(place, err) : ASC_OK;
}
