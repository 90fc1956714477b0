/* autoscale export: a mixture as a trainer reads it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "autoscale/export.h"
#include "mixing.h"

/* --tokens: whole tokens at a budget, in place of those of the file. */
static asc_status set_tokens(asc_mix_file *m, const asc_cli_args *a, asc_error *err)
{
    int64_t total = 0;
    if (!asc__cli_has(a, "tokens"))
        return ASC_OK;
    ASC_TRY(asc__cli_count(a, "tokens", &total, err));
    if (total <= 0)
        return ASC_FAIL(err, ASC_EINVAL, "--tokens: expected a number > 0, found %lld", (long long)total);
    if (!m->tokens)
        m->tokens = asc_calloc(m->n_domains, sizeof *m->tokens);
    return m->tokens ? asc_mixture_tokens(m->tokens, NULL, m->weights, m->n_domains, total, NULL, err) : ASC_NOMEM(err);
}

/* Relative paths of a mixture start at its own folder, as in a study's; where nothing lies there they stay as they are.
 */
static asc_status resolve_paths(asc_mix_file *m, const char *file, asc_error *err)
{
    char *dir = strcmp(file, "-") == 0 || !m->paths ? NULL : asc_path_dir(file);
    asc_status st = ASC_OK;
    for (size_t i = 0; dir && st == ASC_OK && i < m->n_domains; i++) {
        char *full = m->paths[i] && m->paths[i][0] != '/' ? asc_path_join(dir, m->paths[i]) : NULL;
        char *tokens = full ? asc_strf("%s.idx", full) : NULL;
        if (full && !tokens)
            st = ASC_NOMEM(err);
        else if (full && (asc_path_exists(full) || asc_path_exists(tokens))) {
            asc_free(m->paths[i]);
            m->paths[i] = full;
            full = NULL;
        }
        asc_free(full);
        asc_free(tokens);
    }
    asc_free(dir);
    return st;
}

/* --paths: where each domain's data lies, by name. */
static asc_status set_paths(asc_mix_file *m, const asc_cli_args *a, asc_error *err)
{
    const char *file = asc__cli_get(a, "paths"), *key;
    json_t *map = NULL, *value;
    if (!file)
        return ASC_OK;
    ASC_TRY(asc_json_load(&map, file, err));
    asc_status st = json_is_object(map) ? ASC_OK : ASC_FAIL(err, ASC_EINVAL, "%s: expected {domain: path}", file);
    if (st == ASC_OK && !m->paths && !(m->paths = asc_calloc(m->n_domains, sizeof *m->paths)))
        st = ASC_NOMEM(err);
    json_object_foreach(map, key, value)
    {
        size_t i = 0;
        while (i < m->n_domains && strcmp(m->domains[i], key) != 0)
            i++;
        if (st != ASC_OK)
            break;
        const char *near =
            i == m->n_domains ? asc_nearest_name(key, (const char *const *)m->domains, m->n_domains) : NULL;
        if (i == m->n_domains)
            st = ASC_FAIL(err, ASC_EINVAL, "%s: no domain named '%.60s'%s%s%s", file, key,
                          near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        else if (!json_is_string(value) || strpbrk(json_string_value(value), "\r\n"))
            st = ASC_FAIL(err, ASC_EINVAL, "%s: domain '%.60s': expected a path on one line", file, key);
        else {
            asc_free(m->paths[i]);
            m->paths[i] = asc_strdup(json_string_value(value));
            st = m->paths[i] ? ASC_OK : ASC_NOMEM(err);
        }
    }
    json_decref(map);
    return st;
}

static asc_status put(const asc_buf *text, const char *trainer, const asc_cli_args *a, asc_error *err)
{
    const char *path = asc__cli_get(a, "output");
    if (path && strcmp(path, "-") != 0)
        ASC_TRY(asc_write_file(path, text->data, text->len, err));
    if (asc__cli_json(a)) {
        json_t *j = json_pack("{s:s,s:s}", "trainer", trainer, "text", text->data);
        asc_status st = j ? asc__cli_print_json(j, err) : ASC_NOMEM(err);
        json_decref(j);
        return st;
    }
    if (!path || strcmp(path, "-") == 0)
        fwrite(text->data, 1, text->len, stdout);
    return ASC_OK;
}

static asc_status run_export(const asc_cli_args *a, asc_error *err)
{
    const char *trainer = asc__cli_get(a, "to");
    asc_export_opts o = {0};
    asc_mix_file m = {0};
    asc_buf text = {0};
    if (!trainer)
        return ASC_FAIL(err, ASC_EINVAL,
                        "--to is needed: megatron, nemo, olmo-core, torchtitan, mosaicml, levanter, "
                        "hf-datasets, litgpt or csv");
    ASC_TRY(asc__cli_count(a, "context", &o.context, err));
    ASC_TRY(asc_mix_file_read(&m, asc__cli_file(a, 0), err));
    asc_status st = resolve_paths(&m, asc__cli_file(a, 0), err);
    if (st == ASC_OK)
        st = set_tokens(&m, a, err);
    if (st == ASC_OK)
        st = set_paths(&m, a, err);
    if (st == ASC_OK)
        st = asc_export(&text, &m, trainer, &o, err);
    if (st == ASC_OK)
        st = put(&text, trainer, a, err);
    asc_buf_clear(&text);
    asc_mix_file_clear(&m);
    return st;
}

static const asc_cli_option options[] = {
    {"to", 0, "TRAINER", "megatron, nemo, olmo-core, torchtitan, mosaicml, levanter, hf-datasets, litgpt or csv"},
    {"context", 0, "N", "tokens a sample, for counts of samples (default 2048)"},
    {"tokens", 't', "N", "the budget, in place of the mixture's own"},
    {"paths", 0, "FILE", "JSON {domain: where its data lies}"},
    {"output", 'o', "FILE", "write there instead of stdout"},
    {0},
};

const asc_cli_command asc__cli_export = {
    .name = "export",
    .usage = "MIX.json --to TRAINER [options]",
    .summary = "the mixture as a trainer reads it",
    .options = options,
    .min_files = 1,
    .max_files = 1,
    .run = run_export,
};
