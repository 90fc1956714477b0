/* Trainer and executor of a study: who makes a run, and where. */
#include "study_parser.h"

#include <math.h>
#include <string.h>

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

/* Every {word} of the command must be one we fill in; a shell's ${VAR} and {{ are left alone. */
static asc_status check_placeholders(const asc_trainer_spec *t, asc__yaml *y, const yaml_node_t *at, asc_error *err)
{
    static const char *const known[] = {"mixture",   "tokens",  "seed",  "run_dir",      "out",     "run",
                                        "params",    "lr",      "study", "batch_tokens", "context", "threads",
                                        "layers",    "heads",   "width", "vocab",        "warmup",  "dtype",
                                        "tokenizer", "domains", "ranks"};
    for (const char *p = t->command; (p = strchr(p, '{')); p++) {
        size_t n = strspn(p + 1, "abcdefghijklmnopqrstuvwxyz_");
        char word[40];
        if (n == 0 || n >= sizeof word || p[n + 1] != '}' || (p > t->command && p[-1] == '$'))
            continue;
        memcpy(word, p + 1, n);
        word[n] = 0;
        size_t i = 0;
        while (i < ASC__COUNT(known) && strcmp(known[i], word) != 0)
            i++;
        const char *near = i < ASC__COUNT(known) ? NULL : asc_nearest_name(word, known, ASC__COUNT(known));
        if (i == ASC__COUNT(known))
            return asc__yaml_fail(y, at, err, "command: unknown placeholder {%s}%s%s%s", word,
                                  near ? "; did you mean {" : "; known: {mixture} {tokens} {seed} {run_dir} …",
                                  near ? near : "", near ? "}?" : "");
    }
    return ASC_OK;
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
    if (node->type != YAML_MAPPING_NODE)
        return asc__yaml_fail(y, node, err, "trainer: expected builtin, torch or {command: …}, found %s",
                              asc__yaml_show(node, shown, sizeof shown));
    ASC_TRY(asc__section_check(y, node, "trainer", err));
    if (asc__yaml_get(y, node, "torch"))
        return parse_torch(s, y, node, err);
    ASC_TRY(asc__section_values(s, y, node, "trainer", err));
    if (!t->command)
        return asc__yaml_fail(y, node, err, "trainer: missing key 'command'");
    ASC_TRY(check_placeholders(t, y, asc__yaml_get(y, node, "command"), err));
    if (t->metrics && (t->metrics[0] == '/' || strstr(t->metrics, "..")))
        return asc__yaml_fail(y, asc__yaml_get(y, node, "metrics"), err,
                              "metrics: expected a file inside the run's folder, found '%.60s'", t->metrics);
    return parse_env(t, y, node, err);
}

/* ---- executor ---- */

asc_status asc__study_executor(asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err)
{
    const yaml_node_t *node = asc__yaml_get(y, root, "executor");
    const char *text = node ? asc__yaml_text(node) : "local";
    char shown[80];
    if (text && strcmp(text, "local") == 0)
        return ASC_OK;
    if (text && strcmp(text, "slurm") == 0) {
        s->slurm = true;
        return ASC_OK;
    }
    if (text)
        return asc__yaml_fail(y, node, err, "executor: expected local or {slurm: {…}}, found %s",
                              asc__yaml_show(node, shown, sizeof shown));
    yaml_node_t *m;
    ASC_TRY(asc__section_check(y, node, "executor", err));
    ASC_TRY(asc__section_read(&m, s, y, node, "slurm", "executor.slurm", err));
    s->slurm = true;
    if (!m)
        return ASC_OK;
    return asc__yaml_strings(y, m, "extra", &s->slurm_opts.extra, &s->slurm_opts.n_extra, err);
}
