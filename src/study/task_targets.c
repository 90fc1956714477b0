/* Tasks as targets: items of a file -> tokens/NAME.scored.json, which runs measure like any held-out text. And which
 * evaluation items stand in the training text. */
#include "steps.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "task/task_contamination.h"
#include "task/task_list.h"
#include "task/task_score.h"

/* Whether any task has a part in the study. */
static bool has_tasks(const asc_study_spec *spec)
{
    bool any = spec->tasks.n_eval + spec->tasks.n_finetune > 0;
    for (size_t i = 0; i < spec->n_heldout; i++)
        any |= spec->heldout[i].task != NULL;
    return any;
}

/* ---- contamination ---- */

/* Every evaluation set of the study, as asc_contamination_add_spec reads it. */
static asc_status list_sets(asc_task_list *l, const asc_study_spec *spec, asc_error *err)
{
    const asc_study_tasks *t = &spec->tasks;
    for (size_t i = 0; i < spec->n_heldout; i++)
        if (spec->heldout[i].task)
            ASC_TRY(asc_task_list_add(l, spec->heldout[i].task, spec->base_dir, NULL, err));
    for (size_t i = 0; i < t->n_eval; i++)
        ASC_TRY(asc_task_list_add(l, t->eval[i], spec->base_dir, t->dir, err));
    for (size_t i = 0; i < t->n_finetune; i++) {
        char *entry = asc_strf("%s=%s", t->finetune[i].task, t->finetune[i].data);
        asc_status st = entry ? asc_task_list_add(l, entry, spec->base_dir, NULL, err) : ASC_NOMEM(err);
        asc_free(entry);
        ASC_TRY(st);
    }
    return ASC_OK;
}

static double file_bytes(const char *path)
{
    struct stat sb;
    return stat(path, &sb) == 0 ? (double)sb.st_size : 0;
}

/* What the search was made of: sets by path and size, and the corpus as its report knows it. */
static asc_status search_key(char hex[65], const asc__study *s, const asc_task_list *l, asc_error *err)
{
    asc_buf b = {0};
    char *path = asc_path_join(s->dir, "tokens/report.json");
    json_t *report = NULL;
    asc_status st = path ? asc_json_load(&report, path, err) : ASC_NOMEM(err);
    const char *key = json_string_value(json_object_get(report, "files_key"));
    asc_buf_printf(&b, "%s\n", key ? key : "");
    for (size_t i = 0; i < l->n; i++) {
        const char *equals = strchr(l->specs[i], '=');
        asc_buf_printf(&b, "%s %.0f\n", l->specs[i], file_bytes(equals ? equals + 1 : l->specs[i]));
    }
    if (st == ASC_OK && b.oom)
        st = ASC_NOMEM(err);
    if (st == ASC_OK)
        asc_sha256_hex(b.data, b.len, hex);
    asc_buf_clear(&b);
    json_decref(report);
    asc_free(path);
    return st;
}

static asc_status add_sets(asc_contamination *c, const asc_task_list *l, asc_error *err)
{
    for (size_t i = 0; i < l->n; i++) {
        bool again = false; /* a task can be a target and be judged by */
        for (size_t j = 0; j < i; j++)
            again |= strcmp(l->specs[i], l->specs[j]) == 0;
        if (!again)
            ASC_TRY(asc_contamination_add_spec(c, l->specs[i], err));
    }
    return ASC_OK;
}

static asc_status search(json_t **out, const asc__study *s, const asc_task_list *l, asc_error *err)
{
    asc_contamination *c = NULL;
    ASC_TRY(asc_contamination_create(&c, ASC__NGRAM, err));
    asc_status st = add_sets(c, l, err);
    for (size_t i = 0; st == ASC_OK && i < s->D; i++) {
        const asc_study_domain *d = &s->spec->domains[i];
        st = asc_contamination_scan_files(c, d->name, d->train, d->n_train, s->spec->base_dir, d->field, d->dtype,
                                          s->opts->progress, s->opts->ctx, err);
    }
    if (st == ASC_OK && !(*out = asc_contamination_json(c)))
        st = ASC_NOMEM(err);
    asc_contamination_free(c);
    return st;
}

/* Kept in contamination.json, which `eval --exclude` reads too; searched again only for other sets or other text. */
static asc_status find_contamination(asc__study *s, const asc_task_list *l, asc_error *err)
{
    char key[65] = "", *path = asc_path_join(s->dir, "contamination.json");
    json_t *found = NULL;
    asc_error ignored;
    asc_status st = path ? search_key(key, s, l, err) : ASC_NOMEM(err);
    if (st == ASC_OK && asc_path_exists(path) && asc_json_load(&found, path, &ignored) == ASC_OK) {
        const char *before = json_string_value(json_object_get(found, "key"));
        if (!before || strcmp(before, key) != 0) {
            json_decref(found);
            found = NULL;
        }
    }
    if (st == ASC_OK && !found) {
        st = search(&found, s, l, err);
        if (st == ASC_OK && json_object_set_new(found, "key", json_string(key)) != 0)
            st = ASC_NOMEM(err);
        if (st == ASC_OK)
            st = asc_json_write(path, found, 2, err);
    }
    asc_free(path);
    if (st == ASC_OK)
        s->contamination = found;
    else
        json_decref(found);
    return st;
}

asc_status asc__study_contamination(asc__study *s, asc_error *err)
{
    asc_task_list l = {0};
    if (!has_tasks(s->spec))
        return ASC_OK;
    asc_status st = list_sets(&l, s->spec, err); /* files that are not there are said now, not after hours */
    if (st == ASC_OK && s->spec->tasks.contamination != ASC_CONTAMINATION_OFF)
        st = find_contamination(s, &l, err);
    asc_task_list_clear(&l);
    return st;
}

/* ---- targets ---- */

static asc_status exclusions(bool **mask, const asc__study *s, const asc_task *t, asc_error *err)
{
    *mask = NULL;
    if (s->spec->tasks.contamination != ASC_CONTAMINATION_EXCLUDE)
        return ASC_OK;
    char *path = asc_path_join(s->dir, "contamination.json");
    asc_status st = path ? asc_contamination_mask(mask, t, path, err) : ASC_NOMEM(err);
    asc_free(path);
    return st;
}

static asc_status make_scored(asc_scored *out, const asc__study *s, const asc_study_domain *d,
                              const asc_tokenizer *tokenizer, asc_error *err)
{
    asc_task_list l = {0};
    asc_task t = {0};
    bool *mask = NULL;
    asc_status st = asc_task_list_add(&l, d->task, s->spec->base_dir, NULL, err);
    if (st == ASC_OK)
        st = asc_task_load(&t, l.specs[0], err);
    if (st == ASC_OK)
        st = exclusions(&mask, s, &t, err);
    asc_task_opts o = {.shots = d->shots, .limit = (size_t)d->limit, .excluded = mask};
    if (st == ASC_OK)
        st = asc_task_as_target(out, &t, &o, tokenizer, s->model.context, err);
    asc_free(mask);
    asc_task_clear(&t);
    asc_task_list_clear(&l);
    return st;
}

static bool any_run_started(const asc__study *s)
{
    bool any = false;
    for (size_t i = 0; i < s->n_runs; i++)
        any |= s->runs[i].attempts > 0 || s->runs[i].state != ASC_RUN_PENDING;
    return any;
}

/* Runs that were made measured the file that is there: another one would make them incomparable. */
static asc_status put_scored(const asc__study *s, const asc_study_domain *d, const asc_scored *made, asc_error *err)
{
    char *path = asc__scored_path(s->dir, "tokens", d->name), *fresh = path ? asc_strf("%s.new", path) : NULL;
    char *a = NULL, *b = NULL;
    size_t na = 0, nb = 0;
    asc_error ignored;
    asc_status st = fresh ? asc_scored_write(made, fresh, err) : ASC_NOMEM(err);
    if (st == ASC_OK && any_run_started(s) && asc_path_exists(path)) {
        bool same = asc_read_file(path, 1 << 30, &a, &na, &ignored) == ASC_OK &&
                    asc_read_file(fresh, 1 << 30, &b, &nb, &ignored) == ASC_OK && na == nb && memcmp(a, b, na) == 0;
        if (!same)
            st = ASC_FAIL(err, ASC_EINVAL,
                          "%s: target '%s': the items of %s have changed since the runs in %s were made; restore them, "
                          "or use another --dir",
                          s->spec->path, d->name, d->task, s->dir);
    }
    if (st == ASC_OK)
        st = asc_rename(fresh, path, err);
    asc_free(a);
    asc_free(b);
    asc_free(path);
    asc_free(fresh);
    return st;
}

char *asc__scored_path(const char *dir, const char *tokens, const char *target)
{
    char *file = asc_file_name(target), *path = NULL;
    if (file)
        path = asc_strf("%s/%s/%s.scored.json", dir, tokens, file);
    asc_free(file);
    return path;
}

static asc_status add_target(asc__study *s, const asc_study_domain *d, const asc_tokenizer *tokenizer, asc_error *err)
{
    asc_scored made = {0};
    ASC_TRY(make_scored(&made, s, d, tokenizer, err));
    asc_status st = put_scored(s, d, &made, err);
    size_t v = s->D + (size_t)(d - s->spec->heldout);
    s->task_items[v] = (int64_t)made.n_items;
    s->task_bytes_per_token[v] = made.bytes_per_token;
    if (st == ASC_OK)
        asc_notes_say(&s->notes, TASK_TARGET, d->name, made.n_items, log(2) * made.bytes_per_token);
    asc_scored_clear(&made);
    return st;
}

asc_status asc__study_task_targets(asc__study *s, asc_error *err)
{
    asc_tokenizer *tokenizer = NULL;
    char *path = asc_path_join(s->dir, "tokens/tokenizer.json");
    s->task_items = asc_calloc(s->V, sizeof *s->task_items);
    s->task_bytes_per_token = asc_calloc(s->V, sizeof *s->task_bytes_per_token);
    asc_status st =
        path && s->task_items && s->task_bytes_per_token ? asc_tokenizer_load(&tokenizer, path, err) : ASC_NOMEM(err);
    for (size_t i = 0; st == ASC_OK && i < s->spec->n_heldout; i++)
        if (s->spec->heldout[i].task)
            st = add_target(s, &s->spec->heldout[i], tokenizer, err);
    asc_tokenizer_free(tokenizer);
    asc_free(path);
    return st;
}
