#include "exec/exec_launch.h"

#include <stdlib.h>
#include <string.h>

extern char **environ;

static void free_list(char **list)
{
    for (size_t i = 0; list && list[i]; i++)
        asc_free(list[i]);
    asc_free(list);
}

void asc_launch_clear(asc_launch *l)
{
    if (!l)
        return;
    free_list(l->argv);
    free_list(l->env);
    asc_free(l->cwd);
    asc_free(l->run_dir);
    asc_free(l->log);
    *l = (asc_launch){0};
}

/* ---- environment ---- */

/* What OpenMP reads when it is loaded: one thread that blocks. Spinning threads starve the other runs (measured). */
static const char *const ours[] = {"OMP_NUM_THREADS=1", "OMP_WAIT_POLICY=passive"};

/* What mpirun or srun gave the coordinator is no word to its runs, which would take themselves for its ranks. */
static bool is_rank(const char *variable)
{
    static const char *const prefixes[] = {"OMPI_COMM_", "PMIX_", "PMI_"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(variable, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

static bool same_name(const char *a, const char *b)
{
    size_t n = strcspn(a, "=");
    return strncmp(a, b, n) == 0 && b[n] == '=';
}

/* The coordinator's environment with `set` (NULL after the last) in place of what has the same name. */
static asc_status make_env(char ***out, const char *const *set, asc_error *err)
{
    size_t n_env = 0, n_set = 0, n = 0;
    while (environ[n_env])
        n_env++;
    while (set[n_set])
        n_set++;
    char **env = asc_calloc(n_env + n_set + 1, sizeof *env);
    bool ok = env != NULL;
    for (size_t i = 0; ok && i < n_env; i++) {
        bool replaced = is_rank(environ[i]);
        for (size_t k = 0; k < n_set; k++)
            replaced |= same_name(set[k], environ[i]);
        if (!replaced)
            ok = (env[n++] = asc_strdup(environ[i])) != NULL;
    }
    for (size_t k = 0; ok && k < n_set; k++)
        ok = (env[n++] = asc_strdup(set[k])) != NULL;
    if (!ok) {
        free_list(env);
        return ASC_NOMEM(err);
    }
    *out = env;
    return ASC_OK;
}

/* ---- builtin ---- */

static char **make_argv(const char *const *words)
{
    size_t n = 0;
    while (words[n])
        n++;
    char **argv = asc_calloc(n + 1, sizeof *argv);
    for (size_t i = 0; argv && i < n; i++)
        if (!(argv[i] = asc_strdup(words[i]))) {
            free_list(argv);
            return NULL;
        }
    return argv;
}

static asc_status set_places(asc_launch *l, const char *run_dir, asc_error *err)
{
    l->run_dir = asc_strdup(run_dir);
    l->log = asc_path_join(run_dir, "log.txt");
    return l->run_dir && l->log ? ASC_OK : ASC_NOMEM(err);
}

static asc_status launch_words(asc_launch *out, const char *const *words, const char *dir, const char *const *env,
                               asc_error *err)
{
    asc_launch l = {0};
    l.argv = make_argv(words);
    asc_status st = l.argv ? set_places(&l, dir, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = make_env(&l.env, env, err);
    if (st == ASC_OK)
        *out = l;
    else
        asc_launch_clear(&l);
    return st;
}

asc_status asc_launch_words(asc_launch *out, const char *const *words, const char *dir, asc_error *err)
{
    const char *env[] = {ours[0], ours[1], NULL};
    return launch_words(out, words, dir, env, err);
}

asc_status asc_launch_builtin(asc_launch *out, const char *program, const char *dir, long parent, asc_error *err)
{
    char pid[32];
    snprintf(pid, sizeof pid, "%ld", parent);
    const char *words[] = {program, "train", "--quiet", "--run", dir, parent ? "--parent" : NULL, pid, NULL};
    return asc_launch_words(out, words, dir, err);
}

/* ---- torch ---- */

asc_status asc_launch_torch(asc_launch *out, const asc_torch_program *p, const char *const *options,
                            const char *const *dirs, size_t n, asc_error *err)
{
    static const char *const none[] = {NULL}; /* PyTorch sets its threads by itself */
    size_t n_options = 0, k = 0;
    while (options[n_options])
        n_options++;
    const char **words = asc_calloc(3 + n_options + n + 1, sizeof *words);
    if (!words)
        return ASC_NOMEM(err);
    words[k++] = p->python;
    words[k++] = "-m";
    words[k++] = "autoscale.torch";
    for (size_t i = 0; i < n_options; i++)
        words[k++] = options[i];
    for (size_t i = 0; i < n; i++)
        words[k++] = dirs[i];
    asc_status st = launch_words(out, words, n ? dirs[0] : ".", p->env ? (const char *const *)p->env : none, err);
    asc_free(words);
    return st;
}
