/* The user's trainer: its words, its environment, its folder. Nothing is expanded and no shell is asked unless the
 * study says so, so that a domain's name or a path cannot become a command. */
#include "exec/exec_launch.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base_json.h"
#include "model/model.h"

extern char **environ;

/** The placeholders, in the order of their values. */
static const char *const names[] = {"mixture", "run_dir", "out",          "tokens",  "seed",      "run",     "study",
                                    "params",  "lr",      "batch_tokens", "context", "threads",   "layers",  "heads",
                                    "width",   "vocab",   "warmup",       "dtype",   "tokenizer", "domains", "ranks"};
enum { N_NAMES = sizeof names / sizeof *names };

static char *join_names(char *const *list, size_t n)
{
    asc_buf b = {0};
    for (size_t i = 0; i < n; i++) {
        asc_buf_puts(&b, i ? "," : "");
        asc_buf_puts(&b, list[i]);
    }
    if (!b.oom && b.data)
        return b.data;
    asc_buf_clear(&b);
    return NULL;
}

static char *absolute(const char *base, const char *path)
{
    char real[PATH_MAX];
    char *joined = asc_path_join(base, path);
    if (!joined || !realpath(joined, real))
        return joined;
    asc_free(joined);
    return asc_strdup(real);
}

static char *real_text(double x)
{
    char buf[32];
    return asc_strdup(asc_format_double(x, buf));
}

static asc_status make_values(char **v, const asc__launch_facts *f, asc_error *err)
{
    const asc_run_spec *r = f->run;
    const asc_model_spec *m = &r->model;
    const asc_training_spec *t = &r->training;
    size_t i = 0;
    v[i++] = asc_path_join(f->run_dir, "mixture.json");
    v[i++] = asc_strdup(f->run_dir);
    v[i++] = asc_strdup(f->run_dir);
    v[i++] = asc_strf("%.0f", f->total);
    v[i++] = asc_strf("%llu", (unsigned long long)t->seed);
    v[i++] = asc_strdup(r->id);
    v[i++] = asc_strdup(f->spec->name);
    v[i++] = asc_strf("%lld", (long long)asc_model_params(m));
    v[i++] = real_text(t->lr);
    v[i++] = asc_strf("%lld", (long long)t->batch_tokens);
    v[i++] = asc_strf("%d", m->context);
    v[i++] = asc_strf("%d", r->threads);
    v[i++] = asc_strf("%d", m->n_layers);
    v[i++] = asc_strf("%d", m->n_heads);
    v[i++] = asc_strf("%d", m->width);
    v[i++] = asc_strf("%d", m->vocab);
    v[i++] = real_text(t->warmup);
    v[i++] = asc_strdup(asc_dtype_name(t->dtype));
    v[i++] = r->tokenizer ? absolute(f->run_dir, r->tokenizer) : asc_strdup("");
    v[i++] = join_names(r->domains, r->n_domains);
    v[i++] = asc_strf("%d", r->ranks);
    for (i = 0; i < N_NAMES; i++)
        if (!v[i])
            return ASC_NOMEM(err);
    return ASC_OK;
}

/* AUTOSCALE_TOKENS=… for every placeholder, and the study's own variables, filled in too. */
static asc_status make_env(char ***out, const asc__launch_facts *f, char *const *values, asc_error *err)
{
    const asc_trainer_spec *t = &f->spec->trainer;
    size_t n_env = 0, n = 0;
    while (environ[n_env])
        n_env++;
    char **env = asc_calloc(n_env + N_NAMES + t->n_env + 1, sizeof *env);
    bool ok = env != NULL;
    for (size_t i = 0; ok && i < n_env; i++)
        if (strncmp(environ[i], "AUTOSCALE_", 10) != 0)
            ok = (env[n++] = asc_strdup(environ[i])) != NULL;
    for (size_t i = 0; ok && i < N_NAMES; i++) {
        char key[40];
        size_t k = 0;
        for (; names[i][k]; k++)
            key[k] = (char)(names[i][k] >= 'a' ? names[i][k] - 32 : names[i][k]);
        key[k] = 0;
        ok = (env[n++] = asc_strf("AUTOSCALE_%s=%s", key, values[i])) != NULL;
    }
    for (size_t i = 0; ok && i < t->n_env; i++) {
        char *text = asc__fill_in(t->env[i], names, values, N_NAMES);
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
    for (size_t i = 0; env && i < n; i++)
        asc_free(env[i]);
    asc_free(env);
    return ASC_NOMEM(err);
}

/* Words first, placeholders then: a value with spaces or quotes stays one word. With a shell the values stand in the
 * environment, and in the line they are quoted. */
static asc_status make_argv(char ***out, const asc_trainer_spec *t, char *const *values, asc_error *err)
{
    char **words = NULL;
    if (!t->shell)
        ASC_TRY(asc__split_words(&words, t->command, err));
    else {
        words = asc_calloc(4, sizeof *words);
        if (!words || !(words[0] = asc_strdup("/bin/sh")) || !(words[1] = asc_strdup("-c")) ||
            !(words[2] = asc_strdup(t->command))) {
            for (size_t i = 0; words && i < 3; i++)
                asc_free(words[i]);
            asc_free(words);
            return ASC_NOMEM(err);
        }
    }
    *out = words;
    for (size_t i = 0; words[i]; i++) {
        char *filled = asc__fill_in(words[i], names, values, N_NAMES);
        if (!filled)
            return ASC_NOMEM(err);
        asc_free(words[i]);
        words[i] = filled;
    }
    return ASC_OK;
}

/* A value as one word of a shell. */
static char *quoted(const char *s)
{
    asc_buf b = {0};
    asc_buf_shell_word(&b, s);
    if (!b.oom)
        return b.data;
    asc_buf_clear(&b);
    return NULL;
}

static void free_values(char **v)
{
    for (size_t i = 0; i < N_NAMES; i++)
        asc_free(v[i]);
}

static asc_status fill_argv(asc__launch *l, const asc_trainer_spec *t, char *const *values, asc_error *err)
{
    char *safe[N_NAMES] = {0};
    asc_status st = ASC_OK;
    if (!t->shell)
        return make_argv(&l->argv, t, values, err);
    for (size_t i = 0; i < N_NAMES && st == ASC_OK; i++)
        if (!(safe[i] = quoted(values[i])))
            st = ASC_NOMEM(err);
    if (st == ASC_OK)
        st = make_argv(&l->argv, t, safe, err);
    free_values(safe);
    return st;
}

asc_status asc__launch_command(asc__launch *out, const asc__launch_facts *f, asc_error *err)
{
    const asc_trainer_spec *t = &f->spec->trainer;
    char *values[N_NAMES] = {0};
    asc__launch l = {0};
    asc_status st = make_values(values, f, err);
    if (st == ASC_OK)
        st = fill_argv(&l, t, values, err);
    if (st == ASC_OK)
        st = make_env(&l.env, f, values, err);
    if (st == ASC_OK) {
        l.cwd = t->dir ? absolute(f->spec->base_dir, t->dir) : absolute(f->spec->base_dir, ".");
        l.run_dir = asc_strdup(f->run_dir);
        l.log = asc_path_join(f->run_dir, "log.txt");
        if (!l.cwd || !l.run_dir || !l.log)
            st = ASC_NOMEM(err);
    }
    free_values(values);
    if (st == ASC_OK)
        *out = l;
    else
        asc__launch_clear(&l);
    return st;
}
