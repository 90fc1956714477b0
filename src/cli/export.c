/* autoscale export: a mixture as a trainer reads it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "export/export.h"
#include "text/text.h"
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

/* A path that something lies at, seen from the mixture's folder, becomes a path seen from here. */
static asc_status resolve(char **path, const char *dir, asc_error *err)
{
    if (!*path || (*path)[0] == '/' || strstr(*path, "://"))
        return ASC_OK;
    char *full = asc_path_join(dir, *path), *index = full ? asc_strf("%s.idx", full) : NULL, **files = NULL;
    size_t n = 0;
    asc_status st = full && index ? ASC_OK : ASC_NOMEM(err);
    bool there = st == ASC_OK && (asc_path_exists(full) || asc_path_exists(index));
    if (st == ASC_OK && !there && strpbrk(*path, "*?[")) {
        there = asc_text_discover(&files, &n, &full, 1, NULL, NULL) == ASC_OK;
        asc_text_discover_free(files, n);
    }
    if (there) {
        asc_free(*path);
        *path = full;
        full = NULL;
    }
    asc_free(full);
    asc_free(index);
    return st;
}

/* Relative paths of a mixture start at its own folder, as in a study's; where nothing lies there they stay as they are.
 */
static asc_status resolve_paths(asc_mix_file *m, const char *file, asc_error *err)
{
    if (strcmp(file, "-") == 0)
        return ASC_OK;
    char *dir = asc_path_dir(file);
    asc_status st = dir ? resolve(&m->tokenizer, dir, err) : ASC_NOMEM(err);
    for (size_t i = 0; st == ASC_OK && i < m->n_domains; i++) {
        if (m->paths)
            st = resolve(&m->paths[i], dir, err);
        for (size_t k = 0; m->shards && k < m->shards[i].n && st == ASC_OK; k++)
            st = resolve(&m->shards[i].paths[k], dir, err);
    }
    asc_free(dir);
    return st;
}

static asc_status domain_index(size_t *i, const asc_mix_file *m, const char *name, const char *file, asc_error *err)
{
    for (*i = 0; *i < m->n_domains; ++*i)
        if (strcmp(m->domains[*i], name) == 0)
            return ASC_OK;
    const char *near = asc_nearest_name(name, (const char *const *)m->domains, m->n_domains);
    return ASC_FAIL(err, ASC_EINVAL, "%s: no domain named '%.60s'%s%s%s", file, name, near ? "; did you mean '" : "",
                    near ? near : "", near ? "'?" : "");
}

/* --paths: where each domain's data lies, by name: a path, a pattern or a list of them. */
static asc_status set_paths(asc_mix_file *m, const asc_cli_args *a, asc_error *err)
{
    const char *file = asc__cli_get(a, "paths"), *key;
    json_t *map = NULL, *value;
    if (!file)
        return ASC_OK;
    ASC_TRY(asc_json_load(&map, file, err));
    asc_status st = json_is_object(map) ? ASC_OK : ASC_FAIL(err, ASC_EINVAL, "%s: expected {domain: path}", file);
    json_object_foreach(map, key, value)
    {
        size_t i;
        if (st == ASC_OK)
            st = domain_index(&i, m, key, file, err);
        if (st == ASC_OK)
            st = asc_mix_file_set_paths(m, i, value, file, err);
    }
    json_decref(map);
    return st;
}

/* ---- another tokenizer ---- */

/* "web=4.2,code=3.1" */
static asc_status inline_bytes(json_t *map, const char *text, asc_error *err)
{
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, ",");
        char *pair = asc_strndup(p, n), *eq = pair ? strrchr(pair, '=') : NULL;
        double x;
        asc_status st = !pair ? ASC_NOMEM(err) : ASC_OK;
        if (st == ASC_OK && (!eq || eq == pair || !asc_parse_double(eq + 1, &x)))
            st = ASC_FAIL(err, ASC_EINVAL, "--bytes-per-token: '%s': expected DOMAIN=NUMBER, or a JSON file", pair);
        if (st == ASC_OK) {
            *eq = 0;
            json_object_set_new(map, pair, json_real(x));
        }
        asc_free(pair);
        ASC_TRY(st);
        p += n + (p[n] == ',');
    }
    return ASC_OK;
}

static asc_status bytes_of_map(double *bytes, const asc_mix_file *m, const json_t *map, asc_error *err)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)map, key, value)
    {
        size_t i;
        ASC_TRY(domain_index(&i, m, key, "--bytes-per-token", err));
        if (!json_is_number(value) || !(json_number_value(value) > 0))
            return ASC_FAIL(err, ASC_EINVAL, "--bytes-per-token: domain '%.60s': expected a number > 0", key);
        bytes[i] = json_number_value(value);
    }
    return ASC_OK;
}

static asc_status given_bytes(asc_mix_file *m, const char *option, asc_error *err)
{
    json_t *map = NULL;
    if (strchr(option, '=') && !asc_path_exists(option)) {
        map = json_object();
        ASC_TRY(map ? inline_bytes(map, option, err) : ASC_NOMEM(err));
    } else
        ASC_TRY(asc_json_load(&map, option, err));
    double *bytes = asc_calloc(m->n_domains, sizeof *bytes);
    asc_status st = !bytes ? ASC_NOMEM(err)
                    : json_is_object(map)
                        ? ASC_OK
                        : ASC_FAIL(err, ASC_EINVAL, "%s: expected a map {domain: bytes per token}", option);
    if (st == ASC_OK)
        st = bytes_of_map(bytes, m, map, err);
    if (st == ASC_OK)
        st = asc_export_with_bytes(m, bytes, err);
    asc_free(bytes);
    json_decref(map);
    return st;
}

static asc_status convert_tokens(asc_mix_file *m, const asc_cli_args *a, asc_error *err)
{
    const char *tokenizer = asc__cli_get(a, "tokenizer"), *bytes = asc__cli_get(a, "bytes-per-token");
    if (tokenizer && !bytes)
        return asc_export_with_tokenizer(m, tokenizer, err);
    if (bytes)
        ASC_TRY(given_bytes(m, bytes, err));
    if (bytes) {
        asc_free(m->tokenizer);
        m->tokenizer = tokenizer ? asc_strdup(tokenizer) : NULL;
        if (tokenizer && !m->tokenizer)
            return ASC_NOMEM(err);
    }
    return ASC_OK;
}

/* ---- results ---- */

/* Shares that were found for one budget are used at another. */
static void note_budget(asc_notes *notes, int64_t own, int64_t now)
{
    char x[16], y[16];
    if (own > 0 && now > 0 && fabs((double)now / (double)own - 1) > .01)
        asc_notes_say(notes, OTHER_EXPORT_BUDGET, asc_format_count((double)own, x), asc_format_count((double)now, y));
}

static json_t *export_json(const asc_buf *text, const char *trainer, const asc_notes *notes)
{
    json_t *list = json_array();
    for (size_t i = 0; i < notes->n; i++)
        json_array_append_new(list, json_string(notes->text[i]));
    return json_pack("{s:s,s:s,s:o}", "trainer", trainer, "text", text->data, "notes", list);
}

static asc_status put(const asc_buf *text, const char *trainer, const asc_notes *notes, const asc_cli_args *a,
                      asc_error *err)
{
    const char *path = asc__cli_get(a, "out");
    if (path && strcmp(path, "-") != 0)
        ASC_TRY(asc_write_file(path, text->data, text->len, err));
    if (asc__cli_json(a)) {
        json_t *j = export_json(text, trainer, notes);
        asc_status st = j ? asc__cli_print_json(j, err) : ASC_NOMEM(err);
        json_decref(j);
        return st;
    }
    for (size_t i = 0; i < notes->n && !asc__cli_quiet(a); i++)
        fprintf(stderr, "note: %s\n", notes->text[i]);
    if (!path || strcmp(path, "-") == 0)
        return asc__cli_data(text->data, text->len, err);
    return ASC_OK;
}

static asc_status take_phase(asc_mix_file *m, const asc_cli_args *a, asc_error *err)
{
    int64_t k = 0;
    ASC_TRY(asc__cli_count(a, "phase", &k, err));
    if (k < 1)
        return ASC_FAIL(err, ASC_EINVAL, "--phase: phases count from 1, found %lld", (long long)k);
    return asc_mix_file_take_phase(m, (size_t)k - 1, err);
}

static const char *trainer_name(size_t i)
{
    const char *const *names = asc_export_names();
    size_t n = 0;
    while (names[n] && n < i)
        n++;
    return names[n];
}

static asc_status no_trainer(asc_error *err)
{
    asc_buf names = {0};
    for (size_t i = 0; trainer_name(i); i++)
        asc_buf_printf(&names, "%s%s", i == 0 ? "" : trainer_name(i + 1) ? ", " : " or ", trainer_name(i));
    asc_status st = names.oom ? ASC_NOMEM(err) : ASC_FAIL(err, ASC_EINVAL, "--to is required: %s", names.data);
    asc_buf_clear(&names);
    return st;
}

static asc_status run_export(const asc_cli_args *a, asc_error *err)
{
    const char *trainer = asc__cli_get(a, "to");
    asc_notes notes = {0};
    asc_export_opts o = {.notes = &notes};
    asc_mix_file m = {0};
    asc_buf text = {0};
    int64_t own;
    if (!trainer)
        return no_trainer(err);
    ASC_TRY(asc__cli_count(a, "context", &o.context, err));
    ASC_TRY(asc_mix_file_read(&m, asc__cli_file(a, 0), err));
    asc_status st = resolve_paths(&m, asc__cli_file(a, 0), err);
    if (st == ASC_OK)
        st = set_paths(&m, a, err);
    if (st == ASC_OK)
        st = convert_tokens(&m, a, err);
    own = asc_mix_file_total(&m);
    if (st == ASC_OK)
        st = set_tokens(&m, a, err);
    note_budget(&notes, own, asc_mix_file_total(&m));
    if (st == ASC_OK && asc__cli_has(a, "phase"))
        st = take_phase(&m, a, err);
    if (st == ASC_OK)
        st = asc_export(&text, &m, trainer, &o, err);
    if (st == ASC_OK)
        st = put(&text, trainer, &notes, a, err);
    asc_notes_clear(&notes);
    asc_buf_clear(&text);
    asc_mix_file_clear(&m);
    return st;
}

static const asc_cli_option options[] = {
    {"to", 0, "TRAINER", "trainer to write for", NULL, NULL, trainer_name},
    {"context", 0, "N", "tokens per sample, for sample counts (default: 2048)"},
    {"tokens", 't', "N", "budget in tokens (default: the mixture's own)"},
    {"paths", 0, "FILE", "JSON {domain: path, pattern, or a list of them} of the data"},
    {"tokenizer", 0, "PATH", "convert to this tokenizer's tokens, counted on a sample of each domain's data"},
    {"bytes-per-token", 0, "MAP", "bytes per token of the other tokenizer: DOMAIN=NUMBER,... or a JSON file"},
    {"phase", 0, "K", "export phase K (from 1) of a mixture that changes during the run"},
    {"out", 'o', "FILE", "write to FILE instead of stdout"},
    {0},
};

const asc_cli_command asc__cli_export = {
    .name = "export",
    .usage = "MIX.json --to TRAINER [options]",
    .summary = "write the mixture in a trainer's format",
    .options = options,
    .min_files = 1,
    .max_files = 1,
    .run = run_export,
};
