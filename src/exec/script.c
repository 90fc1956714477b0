#include "script.h"

#include <stdlib.h>
#include <string.h>

asc_status asc__batch_dir(char **out, const char *dir, unsigned *next, asc_error *err)
{
    for (;;) {
        char *path = asc_strf("%s/batch-%u", dir, (*next)++);
        if (!path)
            return ASC_NOMEM(err);
        if (!asc_path_exists(path)) {
            asc_status st = asc_mkdirs(path, err);
            if (st == ASC_OK)
                *out = path;
            else
                asc_free(path);
            return st;
        }
        asc_free(path);
    }
}

/* Variables of the launch that this process does not have: the rest goes with the job, or is the node's own. */
static void put_env(asc_buf *b, char *const *env)
{
    for (size_t i = 0; env && env[i]; i++) {
        size_t n = strcspn(env[i], "=");
        char *name = asc_strndup(env[i], n);
        const char *have = name ? getenv(name) : NULL;
        if (!have || strcmp(have, env[i] + n + (env[i][n] == '=')) != 0) {
            asc_buf_puts(b, "export ");
            asc_buf_shell_word(b, env[i]);
            asc_buf_putc(b, '\n');
        }
        asc_free(name);
    }
}

void asc__script_begin(asc_buf *b, const asc_job *job, const asc_launch *l)
{
    asc_buf_printf(b, "#!/bin/sh\n# run %s\n", l->run_dir);
    for (size_t k = 0; k < job->n_others; k++)
        asc_buf_printf(b, "# run %s\n", job->others[k]);
    asc_buf_puts(b, "unset OMPI_COMM_WORLD_RANK PMIX_RANK PMI_RANK\n"); /* of a coordinator under mpirun or srun */
    put_env(b, l->env);
    if (l->cwd) {
        asc_buf_puts(b, "cd ");
        asc_buf_shell_word(b, l->cwd);
        asc_buf_puts(b, " || exit 1\n");
    }
}

void asc__script_program(asc_buf *b, const asc_launch *l)
{
    for (size_t k = 0; l->argv[k]; k++) {
        asc_buf_shell_word(b, l->argv[k]);
        asc_buf_putc(b, ' ');
    }
    asc_buf_puts(b, ">>");
    asc_buf_shell_word(b, l->log);
    asc_buf_puts(b, " 2>&1 </dev/null");
}

char *asc__script_run_dirs(const char *path)
{
    static const char mark[] = "# run ";
    char *text = NULL;
    size_t n = 0;
    if (asc_read_file(path, 1 << 20, &text, &n, NULL) != ASC_OK)
        return NULL;
    asc_buf b = {0};
    const char *line = strchr(text, '\n');
    for (; line && strncmp(line + 1, mark, sizeof mark - 1) == 0; line = strchr(line + 1, '\n')) {
        const char *dir = line + sizeof mark;
        asc_buf_append(&b, dir, strcspn(dir, "\n"));
        asc_buf_putc(&b, '\n');
    }
    asc_buf_puts(&b, "");
    asc_free(text);
    if (!b.oom && b.len > 1)
        return b.data;
    asc_buf_clear(&b);
    return NULL;
}

bool asc__script_makes(const char *run_dirs, const char *run_dir)
{
    size_t n = strlen(run_dir);
    for (const char *line = run_dirs; line && *line; line = strchr(line, '\n') + 1)
        if (strncmp(line, run_dir, n) == 0 && line[n] == '\n')
            return true;
    return false;
}

static bool is_made(const char *run_dir)
{
    char *path = asc_path_join(run_dir, "result.json");
    bool there = path && asc_path_exists(path);
    asc_free(path);
    return there;
}

bool asc__job_has_result(const asc_job *job)
{
    bool all = is_made(job->dir);
    for (size_t i = 0; all && i < job->n_others; i++)
        all = is_made(job->others[i]);
    return all;
}
