/*
 * Checkpoints: a Hugging Face folder with AdamW's moments and state.json, which holds the place in the run and the
 * SHA-256 of every other file, and is written last. A new one is made as checkpoint.tmp, the old one steps aside as
 * checkpoint.old, the new one takes its name: at every instant one of the three is whole.
 */
#include "run_state.h"

#include <math.h>
#include <string.h>

#include "base/base_json.h"

enum { FORMAT = 1, MAX_TOKENIZER_BYTES = 1 << 30, READ_CHUNK = 1 << 20 };

static const char *const files[] = {"model.safetensors", "config.json", "optimizer.safetensors", "tokenizer.json"};
enum { N_FILES = sizeof files / sizeof *files };

/* ---- checksums ---- */

asc_status asc__file_digest(char *hex, const char *path, asc_error *err)
{
    FILE *f = NULL;
    ASC_TRY(asc_file_stream(&f, path, err));
    uint8_t *chunk = asc_malloc(READ_CHUNK), sum[32];
    asc_sha256 sha;
    asc_sha256_init(&sha);
    size_t n;
    while (chunk && (n = fread(chunk, 1, READ_CHUNK, f)) > 0)
        asc_sha256_update(&sha, chunk, n);
    bool bad = ferror(f) != 0;
    fclose(f);
    asc_free(chunk);
    if (!chunk)
        return ASC_NOMEM(err);
    if (bad)
        return ASC_FAIL(err, ASC_EIO, "%s: cannot read", path);
    asc_sha256_final(&sha, sum);
    asc_hex(hex, sum, sizeof sum);
    return ASC_OK;
}

static asc_status add_digests(json_t *state, const char *folder, asc_error *err)
{
    json_t *map = json_object();
    if (json_object_set_new(state, "files", map) != 0)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < N_FILES; i++) {
        char hex[65], *path = asc_path_join(folder, files[i]);
        asc_status st = path ? ASC_OK : ASC_NOMEM(err);
        if (st == ASC_OK && asc_path_exists(path)) {
            st = asc__file_digest(hex, path, err);
            if (st == ASC_OK && json_object_set_new(map, files[i], json_string(hex)) != 0)
                st = ASC_NOMEM(err);
        }
        asc_free(path);
        ASC_TRY(st);
    }
    return ASC_OK;
}

static asc_status check_digests(const json_t *state, const char *folder, asc_error *err)
{
    json_t *map;
    ASC_TRY(asc_json_get_object(state, folder, "files", &map, err));
    for (size_t i = 0; i < N_FILES; i++) {
        const char *want = json_string_value(json_object_get(map, files[i]));
        if (!want)
            continue;
        char hex[65], *path = asc_path_join(folder, files[i]);
        asc_status st = path ? asc__file_digest(hex, path, err) : ASC_NOMEM(err);
        if (st == ASC_OK && strcmp(hex, want) != 0)
            st = ASC_FAIL(err, ASC_ESTATE, "%s: damaged (its checksum is not the one recorded)", path);
        asc_free(path);
        ASC_TRY(st);
    }
    return ASC_OK;
}

/* ---- state.json ---- */

static json_t *curve_json(const train_state *s, size_t n_targets)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < s->n_curve; i++) {
        json_t *row = json_array();
        bool ok =
            json_array_append_new(list, row) == 0 && json_array_append_new(row, asc_json_num(s->curve[i].tokens)) == 0;
        for (size_t v = 0; ok && v < n_targets; v++)
            ok = json_array_append_new(row, asc_json_num(s->curve[i].loss[v])) == 0;
        if (!ok) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *online_json(const train_state *s)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < s->n_online; i++)
        if (json_array_append_new(list, json_real(s->online[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

/* Running levels and what was found by them. */
static json_t *watch_json(const burst_watch *w)
{
    return json_pack("{s:I,s:o,s:o,s:o}", "seen", (json_int_t)w->seen, "log_norm", asc_json_num(w->log_norm), "loss",
                     asc_json_num(w->loss), "bursts", asc_bursts_json(&w->found));
}

static json_t *state_json(const checkpoint_opts *o, const train_state *s)
{
    json_t *j = json_object();
    bool ok = j && json_object_set_new(j, "format", json_integer(FORMAT)) == 0 &&
              json_object_set_new(j, "run", json_string(o->digest)) == 0 &&
              json_object_set_new(j, "step", json_integer(s->step)) == 0 &&
              json_object_set_new(j, "sequences", json_integer(o->sequences)) == 0 &&
              json_object_set_new(j, "attempt", json_integer(s->attempt)) == 0 &&
              json_object_set_new(j, "elapsed_s", asc_json_num(s->elapsed_s)) == 0 &&
              json_object_set_new(j, "metrics_bytes", json_integer(s->metrics_bytes)) == 0 &&
              json_object_set_new(j, "first_loss", asc_json_num(s->first_loss)) == 0 &&
              json_object_set_new(j, "high_steps", json_integer(s->high_steps)) == 0 &&
              json_object_set_new(j, "watch", watch_json(&s->burst)) == 0 &&
              json_object_set_new(j, "curve", curve_json(s, o->n_targets)) == 0;
    if (ok && s->moments_at)
        ok = json_object_set_new(j, "moments_at", json_integer(s->moments_at)) == 0;
    if (ok && s->n_online)
        ok = json_object_set_new(j, "online", online_json(s)) == 0;
    if (ok)
        return j;
    json_decref(j);
    return NULL;
}

asc_status asc__checkpoint_seal(json_t *state, const char *folder, asc_error *err)
{
    char *path = asc_path_join(folder, "state.json");
    asc_status st = path ? add_digests(state, folder, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = asc_json_seal(state, err);
    if (st == ASC_OK)
        st = asc_json_write(path, state, 2, err);
    asc_free(path);
    return st;
}

static asc_status write_state(const checkpoint_opts *o, const train_state *s, const char *folder, asc_error *err)
{
    json_t *state = state_json(o, s);
    asc_status st = state ? asc__checkpoint_seal(state, folder, err) : ASC_NOMEM(err);
    json_decref(state);
    return st;
}

static asc_status load_state(json_t **out, const char *folder, asc_error *err)
{
    char *path = asc_path_join(folder, "state.json");
    bool sealed = false;
    json_t *state = NULL;
    asc_status st = path ? asc_json_load(&state, path, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = asc_json_unseal(&sealed, state, path, err);
    if (st == ASC_OK && !sealed)
        st = ASC_FAIL(err, ASC_ESTATE, "%s: damaged (it has no checksum)", path);
    if (st == ASC_OK)
        *out = state;
    else
        json_decref(state);
    asc_free(path);
    return st;
}

asc_status asc__checkpoint_state(json_t **out, const char *folder, asc_error *err)
{
    json_t *state = NULL;
    ASC_TRY(load_state(&state, folder, err));
    asc_status st = check_digests(state, folder, err);
    if (st == ASC_OK)
        *out = state;
    else
        json_decref(state);
    return st;
}

static asc_status take_curve(train_state *s, const json_t *state, const char *where, size_t n_targets, asc_error *err)
{
    json_t *list;
    ASC_TRY(asc_json_get_array(state, where, "curve", &list, err));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *row = json_array_get(list, i);
        if (json_array_size(row) != n_targets + 1)
            return ASC_FAIL(err, ASC_ESTATE, "%s: curve[%zu] does not have one loss per target", where, i);
        asc_curve_point *p = asc__state_add_point(s, json_number_value(json_array_get(row, 0)), n_targets);
        if (!p)
            return ASC_NOMEM(err);
        for (size_t v = 0; v < n_targets; v++)
            p->loss[v] = json_number_value(json_array_get(row, v + 1));
    }
    return ASC_OK;
}

static asc_status take_online(train_state *s, const json_t *state, asc_error *err)
{
    const json_t *list = json_object_get(state, "online");
    size_t n = json_array_size(list);
    if (n == 0)
        return ASC_OK;
    if (!(s->online = asc_calloc(n, sizeof *s->online)))
        return ASC_NOMEM(err);
    s->n_online = n;
    for (size_t i = 0; i < n; i++)
        s->online[i] = json_number_value(json_array_get(list, i));
    return ASC_OK;
}

static asc_status take_watch(burst_watch *w, const json_t *state, const char *where, asc_error *err)
{
    json_t *map;
    if (!json_object_get(state, "watch"))
        return ASC_OK; /* of an earlier version: the levels begin here */
    ASC_TRY(asc_json_get_object(state, where, "watch", &map, err));
    ASC_TRY(asc_json_get_count(map, where, "seen", &w->seen, err));
    ASC_TRY(asc_json_get_double(map, where, "log_norm", &w->log_norm, err));
    ASC_TRY(asc_json_get_double(map, where, "loss", &w->loss, err));
    return asc_bursts_take(&w->found, map, where, err);
}

static asc_status take_state(train_state *s, const json_t *state, const char *where, size_t n_targets, asc_error *err)
{
    int64_t attempt;
    ASC_TRY(asc_json_get_count(state, where, "step", &s->step, err));
    ASC_TRY(asc_json_get_count(state, where, "attempt", &attempt, err));
    ASC_TRY(asc_json_get_count(state, where, "metrics_bytes", &s->metrics_bytes, err));
    ASC_TRY(asc_json_get_count(state, where, "high_steps", &s->high_steps, err));
    ASC_TRY(asc_json_opt_double(state, where, "first_loss", &s->first_loss, err));
    ASC_TRY(asc_json_get_double(state, where, "elapsed_s", &s->elapsed_s, err));
    if (json_object_get(state, "moments_at"))
        ASC_TRY(asc_json_get_count(state, where, "moments_at", &s->moments_at, err));
    ASC_TRY(take_watch(&s->burst, state, where, err));
    ASC_TRY(take_online(s, state, err));
    s->attempt = (int)attempt;
    return take_curve(s, state, where, n_targets, err);
}

/* ---- writing ---- */

static asc_status copy_file(const char *from, const char *to, asc_error *err)
{
    char *data = NULL;
    size_t n = 0;
    ASC_TRY(asc_read_file(from, MAX_TOKENIZER_BYTES, &data, &n, err));
    asc_status st = asc_write_file(to, data, n, err);
    asc_free(data);
    return st;
}

static asc_status fill_folder(const checkpoint_opts *o, const asc_model *m, const train_state *s, const char *folder,
                              asc_error *err)
{
    ASC_TRY(asc_remove_tree(folder, err));
    ASC_TRY(asc_mkdirs(folder, err));
    ASC_TRY(asc_model_save(m, folder, err));
    char *optimizer = asc_path_join(folder, "optimizer.safetensors");
    char *tokenizer = asc_path_join(folder, "tokenizer.json");
    asc_status st = optimizer && tokenizer ? asc_model_save_optimizer(m, optimizer, err) : ASC_NOMEM(err);
    if (st == ASC_OK && o->tokenizer)
        st = copy_file(o->tokenizer, tokenizer, err);
    asc_free(optimizer);
    asc_free(tokenizer);
    ASC_TRY(st);
    ASC_TRY(asc_fsync_file(o->journal->metrics, err));
    return write_state(o, s, folder, err);
}

asc_status asc__checkpoint_swap(const char *dir, const char *fresh, const char *now, const char *old, asc_error *err)
{
    if (asc_path_exists(now)) {
        ASC_TRY(asc_remove_tree(old, err));
        ASC_TRY(asc_rename(now, old, err));
    }
    ASC_TRY(asc_rename(fresh, now, err));
    ASC_TRY(asc_fsync_dir(dir, err));
    return asc_remove_tree(old, err);
}

struct places {
    char *now, *fresh, *old;
};

static void places_clear(struct places *p)
{
    asc_free(p->now);
    asc_free(p->fresh);
    asc_free(p->old);
}

static asc_status places_init(struct places *p, const char *dir, asc_error *err)
{
    *p = (struct places){asc_path_join(dir, "checkpoint"), asc_path_join(dir, "checkpoint.tmp"),
                         asc_path_join(dir, "checkpoint.old")};
    if (p->now && p->fresh && p->old)
        return ASC_OK;
    places_clear(p);
    return ASC_NOMEM(err);
}

asc_status asc__checkpoint_write(const checkpoint_opts *o, const asc_model *m, const train_state *s, asc_error *err)
{
    struct places p;
    ASC_TRY(places_init(&p, o->dir, err));
    asc_status st = fill_folder(o, m, s, p.fresh, err);
    if (st == ASC_OK)
        st = asc__checkpoint_swap(o->dir, p.fresh, p.now, p.old, err);
    places_clear(&p);
    return st;
}

/* ---- reading ---- */

static asc_status load_folder(const checkpoint_opts *o, asc_model *m, train_state *s, const char *folder,
                              asc_error *err)
{
    json_t *state = NULL;
    train_state t = {.first_loss = NAN};
    char *optimizer = asc_path_join(folder, "optimizer.safetensors");
    const char *run = NULL;
    asc_status st = optimizer ? load_state(&state, folder, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = asc_json_get_string(state, folder, "run", &run, err);
    if (st == ASC_OK && strcmp(run, o->digest) != 0)
        st = ASC_FAIL(err, ASC_ESTATE, "%s: of a run with other settings than those in run.json", folder);
    if (st == ASC_OK)
        st = check_digests(state, folder, err);
    if (st == ASC_OK)
        st = take_state(&t, state, folder, o->n_targets, err);
    if (st == ASC_OK)
        st = asc_model_load_optimizer(m, optimizer, err);
    if (st == ASC_OK)
        st = asc_model_load(m, folder, err);
    json_decref(state);
    asc_free(optimizer);
    if (st != ASC_OK) {
        asc__state_clear(&t);
        return st;
    }
    asc__state_clear(s);
    *s = t;
    return ASC_OK;
}

/* What was left aside by a kill between two renames takes its place, so that the next write finds things as usual. */
static asc_status promote(const struct places *p, const char *dir, const char *folder, asc_error *err)
{
    if (folder == p->now)
        return ASC_OK;
    ASC_TRY(asc_remove_tree(p->now, err));
    ASC_TRY(asc_rename(folder, p->now, err));
    return asc_fsync_dir(dir, err);
}

static asc_status read_places(bool *found, const struct places *p, const checkpoint_opts *o, asc_model *m,
                              train_state *s, asc_error *err)
{
    const char *folders[] = {p->now, p->fresh, p->old};
    for (size_t i = 0; i < 3; i++) {
        if (!asc_path_is_dir(folders[i]))
            continue;
        asc_error why = {0};
        asc_status st = load_folder(o, m, s, folders[i], &why);
        if (st == ASC_OK) {
            *found = true;
            return promote(p, o->dir, folders[i], err);
        }
        if (st == ASC_ENOMEM)
            return ASC_NOMEM(err);
        /* A checkpoint.tmp that a kill left half-written is what one expects, not worth a word. */
        if (folders[i] != p->fresh)
            asc__journal_note(o->journal, "skipped a checkpoint: %s", why.msg);
    }
    return ASC_OK;
}

asc_status asc__checkpoint_read(bool *found, const checkpoint_opts *o, asc_model *m, train_state *s, asc_error *err)
{
    struct places p;
    ASC_TRY(places_init(&p, o->dir, err));
    *found = false;
    asc_status st = read_places(found, &p, o, m, s, err);
    places_clear(&p);
    return st;
}

asc_status asc__checkpoint_remove(const char *dir, asc_error *err)
{
    struct places p;
    ASC_TRY(places_init(&p, dir, err));
    asc_status st = asc_remove_tree(p.fresh, err);
    if (st == ASC_OK)
        st = asc_remove_tree(p.old, err);
    if (st == ASC_OK)
        st = asc_remove_tree(p.now, err);
    places_clear(&p);
    return st;
}
