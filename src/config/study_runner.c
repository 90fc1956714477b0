/* Trainer and executor of a study: who makes a run, and where. */
#include "study_parser.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "spec/spec_placeholders.h"

/* ---- trainer ---- */

static asc_status parse_env(asc_trainer_spec *t, asc__yaml *y, const yaml_node_t *map, asc_error *err)
{
    yaml_node_t *node = asc__yaml_get(y, map, "env");
    char shown[80];
    if (!node || asc__yaml_is_null(node))
        return ASC_OK;
    if (node->type != YAML_MAPPING_NODE)
        return asc__yaml_fail(y, node, err, "env: expected a map {NAME: value}, found %s",
                              asc__yaml_show(node, shown, sizeof shown));
    size_t n = asc__yaml_count(node);
    t->env = asc_calloc(n + 1, sizeof *t->env);
    if (!t->env)
        return ASC_NOMEM(err);
    t->n_env = n;
    for (size_t i = 0; i < n; i++) {
        yaml_node_t *key = asc__yaml_key(y, node, i), *value = asc__yaml_value(y, node, i);
        const char *name = asc__yaml_text(key), *text = asc__yaml_text(value);
        if (!name || !*name || strchr(name, '='))
            return asc__yaml_fail(y, key, err, "env: expected the name of a variable, found %s",
                                  asc__yaml_show(key, shown, sizeof shown));
        if (!text)
            return asc__yaml_fail(y, value, err, "env: %s: expected text, found %s", name,
                                  asc__yaml_show(value, shown, sizeof shown));
        if (!(t->env[i] = asc_strf("%s=%s", name, text)))
            return ASC_NOMEM(err);
    }
    return ASC_OK;
}

typedef struct placeholders {
    const char *const *names; /* (n) */
    size_t n;
} placeholders;

/* Every {word} of the command must be one we fill in; a shell's ${VAR} and {{ are left alone. */
static asc_status check_placeholders(const char *command, const placeholders *known, asc__yaml *y,
                                     const yaml_node_t *at, const char *key, asc_error *err)
{
    for (const char *p = command; (p = strchr(p, '{')); p++) {
        size_t n = strspn(p + 1, "abcdefghijklmnopqrstuvwxyz_");
        char word[40];
        if (n == 0 || n >= sizeof word || p[n + 1] != '}' || (p > command && p[-1] == '$'))
            continue;
        memcpy(word, p + 1, n);
        word[n] = 0;
        size_t i = 0;
        while (i < known->n && strcmp(known->names[i], word) != 0)
            i++;
        const char *near = i < known->n ? NULL : asc_nearest_name(word, known->names, known->n);
        if (i < known->n)
            continue;
        if (near)
            return asc__yaml_fail(y, at, err, "%s: unknown placeholder {%s}; did you mean {%s}?", key, word, near);
        return asc__yaml_fail(y, at, err, "%s: unknown placeholder {%s}; known: {%s} {%s} {%s} {%s} …", key, word,
                              known->names[0], known->names[1], known->names[2], known->names[3]);
    }
    return ASC_OK;
}

asc_status asc__study_notify_check(const asc_study_spec *s, asc__yaml *y, const yaml_node_t *map, asc_error *err)
{
    const placeholders known = {asc_of_notify, ASC_N_OF_NOTIFY};
    return check_placeholders(s->notify, &known, y, asc__yaml_get(y, map, "notify"), "notify", err);
}

/* trainer: {torch: {…}}; what belongs to a user's command has no meaning beside it. */
static asc_status parse_torch(asc_study_spec *s, asc__yaml *y, const yaml_node_t *node, asc_error *err)
{
    yaml_node_t *m;
    s->trainer.torch = true;
    for (size_t i = 0; i < asc__yaml_count(node); i++) {
        const yaml_node_t *key = asc__yaml_key(y, node, i);
        if (strcmp(asc__yaml_text(key), "torch") != 0)
            return asc__yaml_fail(y, key, err, "trainer: '%.40s' cannot be combined with torch", asc__yaml_text(key));
    }
    return asc__section_read(&m, s, y, node, "torch", "trainer.torch", err);
}

asc_status asc__study_trainer(asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err)
{
    const yaml_node_t *node = asc__yaml_get(y, root, "trainer");
    asc_trainer_spec *t = &s->trainer;
    char shown[80];
    const char *word = node ? asc__yaml_text(node) : "builtin";
    if (word && asc_trainer_is_ours(word)) {
        t->torch = strcmp(word, "torch") == 0;
        return ASC_OK;
    }
    assert(node); /* without one the word is ours */
    if (node->type != YAML_MAPPING_NODE)
        return asc__yaml_fail(y, node, err, "trainer: expected builtin, torch or {command: …}, found %s",
                              asc__yaml_show(node, shown, sizeof shown));
    ASC_TRY(asc__section_check(y, node, "trainer", err));
    if (asc__yaml_get(y, node, "torch"))
        return parse_torch(s, y, node, err);
    ASC_TRY(asc__section_values(s, y, node, "trainer", err));
    if (!t->command)
        return asc__yaml_fail(y, node, err, "trainer: missing key 'command'");
    const placeholders known = {asc_of_run, ASC_N_OF_RUN};
    ASC_TRY(check_placeholders(t->command, &known, y, asc__yaml_get(y, node, "command"), "command", err));
    if (t->metrics && (t->metrics[0] == '/' || strstr(t->metrics, "..")))
        return asc__yaml_fail(y, asc__yaml_get(y, node, "metrics"), err,
                              "metrics: expected a file inside the run's folder, found '%.60s'", t->metrics);
    return parse_env(t, y, node, err);
}

/* ---- executor ---- */

/* {submit: …, poll: …, cancel: …}: each may hold what is known when it is called. */
static asc_status check_scheduler(const asc_scheduler_spec *o, asc__yaml *y, const yaml_node_t *map, asc_error *err)
{
    const struct {
        const char *key, *text;
        placeholders known;
    } commands[] = {{"submit", o->submit, {asc_of_submit, ASC_N_OF_SUBMIT}},
                    {"poll", o->poll, {asc_of_job, ASC_OF_JOB_SIGNAL}},
                    {"cancel", o->cancel, {asc_of_job, ASC_N_OF_JOB}}};
    for (size_t i = 0; i < ASC__COUNT(commands); i++) {
        if (!commands[i].text)
            return asc__yaml_fail(y, map, err, "executor: missing key '%s'; expected {submit: …, poll: …, cancel: …}",
                                  commands[i].key);
        ASC_TRY(check_placeholders(commands[i].text, &commands[i].known, y, asc__yaml_get(y, map, commands[i].key),
                                   commands[i].key, err));
    }
    if (!strstr(o->submit, "{script}"))
        return asc__yaml_fail(y, asc__yaml_get(y, map, "submit"), err,
                              "submit: expected {script}, the file that the job is to run, in the command");
    if (!strstr(o->cancel, "{id}") && !strstr(o->cancel, "{name}"))
        return asc__yaml_fail(y, asc__yaml_get(y, map, "cancel"), err,
                              "cancel: expected {id} or {name} in the command");
    if (o->id && strcmp(o->id, "name") != 0 && !strstr(o->id, "{id}"))
        return asc__yaml_fail(y, asc__yaml_get(y, map, "id"), err,
                              "id: expected name, or text with {id} as submit prints it, such as \"Job <{id}>\"");
    bool whole = strstr(o->submit, "{first}") || strstr(o->submit, "{last}") || strstr(o->submit, "{count}");
    if (o->array && !whole)
        return asc__yaml_fail(y, asc__yaml_get(y, map, "array"), err,
                              "array: expected {first}, {last} or {count} in submit, which is to take several tasks");
    if (!o->array && whole)
        return asc__yaml_fail(y, asc__yaml_get(y, map, "submit"), err,
                              "submit: {first}, {last} and {count} need `array: N`, the most runs of one submit");
    return ASC_OK;
}

static asc_status parse_scheduler(asc_study_spec *s, asc__yaml *y, const yaml_node_t *map, asc_error *err)
{
    s->executor = ASC_EXECUTOR_SCHEDULER;
    ASC_TRY(asc__section_values(s, y, map, "executor", err));
    return check_scheduler(&s->scheduler, y, map, err);
}

asc_status asc__study_executor(asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err)
{
    const yaml_node_t *node = asc__yaml_get(y, root, "executor");
    const char *text = node ? asc__yaml_text(node) : "local";
    char shown[80];
    if (text && strcmp(text, "local") == 0)
        return ASC_OK;
    if (text && strcmp(text, "slurm") == 0) {
        s->executor = ASC_EXECUTOR_SLURM;
        return ASC_OK;
    }
    if (text)
        return asc__yaml_fail(y, node, err,
                              "executor: expected local, {slurm: {…}} or {submit: …, poll: …, cancel: …}, found %s",
                              asc__yaml_show(node, shown, sizeof shown));
    yaml_node_t *m;
    ASC_TRY(asc__section_check(y, node, "executor", err));
    if (!asc__yaml_get(y, node, "slurm"))
        return parse_scheduler(s, y, node, err);
    for (size_t i = 0; i < asc__yaml_count(node); i++) {
        const yaml_node_t *key = asc__yaml_key(y, node, i);
        if (strcmp(asc__yaml_text(key), "slurm") != 0)
            return asc__yaml_fail(y, key, err, "executor: '%.40s' cannot be combined with slurm", asc__yaml_text(key));
    }
    ASC_TRY(asc__section_read(&m, s, y, node, "slurm", "executor.slurm", err));
    s->executor = ASC_EXECUTOR_SLURM;
    if (!m)
        return ASC_OK;
    return asc__yaml_strings(y, m, "extra", &s->slurm_opts.extra, &s->slurm_opts.n_extra, err);
}

asc_status asc__study_merge_check(const asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err)
{
    const placeholders known = {asc_of_run, ASC_N_OF_RUN};
    yaml_node_t *search = asc__yaml_get(y, root, "search");
    if (!s->search.merge)
        return ASC_OK;
    if (!s->trainer.command || s->search.method != ASC_SEARCH_BRANCH)
        return asc__yaml_fail(y, asc__yaml_get(y, search, "merge"), err,
                              "search.merge: goes with method: branch and a trainer.command of your own");
    return check_placeholders(s->search.merge, &known, y, asc__yaml_get(y, search, "merge"), "search.merge", err);
}
