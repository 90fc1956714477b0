/* The user's trainer: its words, its environment, its folder. */
#include "exec/exec.h"
#include "words.h"

#include <stdlib.h>
#include <string.h>

extern char **environ;

static void free_list(char **list, size_t n)
{
    for (size_t i = 0; list && i < n; i++)
        asc_free(list[i]);
    asc_free(list);
}

/* AUTOSCALE_NAME=text */
static char *variable(const asc_launch_value *v)
{
    char key[40];
    size_t k = 0;
    for (; v->name[k] && k < sizeof key - 1; k++)
        key[k] = (char)(v->name[k] >= 'a' ? v->name[k] - 32 : v->name[k]);
    key[k] = 0;
    return asc_strf("AUTOSCALE_%s=%s", key, v->text);
}

/* Our own environment, AUTOSCALE_TOKENS=… for every placeholder, and the study's own variables, filled in too. */
static asc_status make_env(char ***out, const asc_trainer_spec *t, const asc_launch_value *values, size_t n_values,
                           asc_error *err)
{
    size_t n_env = 0, n = 0;
    while (environ[n_env])
        n_env++;
    char **env = asc_calloc(n_env + n_values + t->n_env + 1, sizeof *env);
    bool ok = env != NULL;
    for (size_t i = 0; ok && i < n_env; i++)
        if (strncmp(environ[i], "AUTOSCALE_", 10) != 0)
            ok = (env[n++] = asc_strdup(environ[i])) != NULL;
    for (size_t i = 0; ok && i < n_values; i++)
        ok = (env[n++] = variable(&values[i])) != NULL;
    for (size_t i = 0; ok && i < t->n_env; i++) {
        char *text = asc__fill_in(t->env[i], values, n_values);
        size_t len = strcspn(t->env[i], "=") + 1, k = 0;
        while (k < n && strncmp(env[k], t->env[i], len) != 0)
            k++;
        ok = text != NULL;
        if (k < n)
            asc_free(env[k]);
        env[k] = text;
        n += k == n;
    }
    if (ok) {
        *out = env;
        return ASC_OK;
    }
    free_list(env, n);
    return ASC_NOMEM(err);
}

static asc_status shell_words(char ***out, const char *command, asc_error *err)
{
    char **words = asc_calloc(4, sizeof *words);
    if (!words || !(words[0] = asc_strdup("/bin/sh")) || !(words[1] = asc_strdup("-c")) ||
        !(words[2] = asc_strdup(command))) {
        free_list(words, 3);
        return ASC_NOMEM(err);
    }
    *out = words;
    return ASC_OK;
}

/* Words first, placeholders then: a value with spaces or quotes stays one word. */
static asc_status make_argv(char ***out, const asc_trainer_spec *t, const asc_launch_value *values, size_t n,
                            asc_error *err)
{
    char **words = NULL;
    if (t->shell)
        ASC_TRY(shell_words(&words, t->command, err));
    else
        ASC_TRY(asc__split_words(&words, t->command, err));
    *out = words;
    for (size_t i = 0; words[i]; i++) {
        char *filled = asc__fill_in(words[i], values, n);
        if (!filled)
            return ASC_NOMEM(err);
        asc_free(words[i]);
        words[i] = filled;
    }
    return ASC_OK;
}

/* With a shell the values stand in the environment, and in the line they are quoted. */
static asc_status quoted_argv(char ***out, const asc_trainer_spec *t, const asc_launch_value *values, size_t n,
                              asc_error *err)
{
    asc_launch_value *safe = asc_calloc(n + 1, sizeof *safe);
    asc_status st = safe ? ASC_OK : ASC_NOMEM(err);
    for (size_t i = 0; i < n && st == ASC_OK; i++) {
        asc_buf b = {0};
        asc_buf_shell_word(&b, values[i].text);
        safe[i] = (asc_launch_value){values[i].name, b.data};
        if (b.oom)
            st = ASC_NOMEM(err);
    }
    if (st == ASC_OK)
        st = make_argv(out, t, safe, n, err);
    for (size_t i = 0; safe && i < n; i++)
        asc_free(safe[i].text);
    asc_free(safe);
    return st;
}

asc_status asc_launch_command(asc_launch *out, const asc_trainer_spec *t, const char *base_dir, const char *dir,
                              const asc_launch_value *values, size_t n, asc_error *err)
{
    asc_launch l = {0};
    asc_status st = t->shell ? quoted_argv(&l.argv, t, values, n, err) : make_argv(&l.argv, t, values, n, err);
    if (st == ASC_OK)
        st = make_env(&l.env, t, values, n, err);
    if (st == ASC_OK) {
        l.cwd = asc_path_real(base_dir, t->dir ? t->dir : ".");
        l.run_dir = asc_strdup(dir);
        l.log = asc_path_join(dir, "log.txt");
        if (!l.cwd || !l.run_dir || !l.log)
            st = ASC_NOMEM(err);
    }
    if (st == ASC_OK)
        *out = l;
    else
        asc_launch_clear(&l);
    return st;
}

asc_status asc_ask_command(asc_answer *a, const asc_question *q, const asc_trainer_spec *words, const char *base_dir,
                           const char *dir, const asc_launch_value *values, size_t n, asc_error *err)
{
    asc_launch l = {0};
    ASC_TRY(asc_launch_command(&l, words, base_dir ? base_dir : ".", dir, values, n, err));
    asc_question whole = *q;
    whole.argv = l.argv;
    whole.env = l.env;
    whole.cwd = l.cwd;
    asc_status st = asc_ask_for(a, &whole, err);
    asc_launch_clear(&l);
    return st;
}
