/* run.json: all that one run needs. */
#include "train/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "spec/spec_json.h"

#include "fields.h"
#include "run_state.h"

enum { MAX_SPEC_BYTES = 64 << 20, MAX_DOMAINS = 65536 };
#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define MOST_TOKENS 1e15

#define WORD(word)                                                                                                     \
    static bool parse_##word(const char *s, void *out)                                                                 \
    {                                                                                                                  \
        return asc_##word##_parse(s, out);                                                                             \
    }                                                                                                                  \
    static const char *name_##word(const void *v)                                                                      \
    {                                                                                                                  \
        return asc_##word##_name(*(const asc_##word *)v);                                                              \
    }
WORD(arch)
WORD(dtype)
WORD(schedule)
WORD(isa)

#define M(member) offsetof(asc_model_spec, member)
static const field model_fields[] = {
    {"arch", FIELD_WORD, M(arch), true, 0, 0, parse_arch, name_arch, NULL},
    {"layers", FIELD_INT, M(n_layers), true, 1, ASC_MAX_LAYERS, NULL, NULL, NULL},
    {"heads", FIELD_INT, M(n_heads), true, 1, ASC_MAX_HEADS, NULL, NULL, NULL},
    {"width", FIELD_INT, M(width), true, 1, ASC_MAX_WIDTH, NULL, NULL, NULL},
    {"context", FIELD_INT, M(context), true, 1, ASC_MAX_CONTEXT, NULL, NULL, NULL},
    {"vocab", FIELD_INT, M(vocab), true, 1, ASC_MAX_VOCAB, NULL, NULL, NULL},
    {"recompute", FIELD_BOOL, M(recompute), false, 0, 0, NULL, NULL, NULL},
    {"mup", FIELD_BOOL, M(mup), false, 0, 0, NULL, NULL, NULL},
    {"mup_base_width", FIELD_INT, M(mup_base_width), false, 1, ASC_MAX_WIDTH, NULL, NULL, NULL},
};
#undef M
#define M(member) offsetof(asc_training_spec, member)
static const field training_fields[] = {
    {"batch_tokens", FIELD_COUNT, M(batch_tokens), true, 1, 1e12, NULL, NULL, NULL},
    {"micro_batch", FIELD_INT, M(micro_batch), false, 0, 1e9, NULL, NULL, NULL},
    {"lr", FIELD_REAL, M(lr), true, ASC_MIN_LR, ASC_MAX_LR, NULL, NULL, NULL},
    {"warmup", FIELD_REAL, M(warmup), false, 0, 1, NULL, NULL, NULL},
    {"min_lr", FIELD_REAL, M(min_lr), false, 0, 1, NULL, NULL, NULL},
    {"schedule", FIELD_WORD, M(schedule), false, 0, 0, parse_schedule, name_schedule,
     "cosine, linear, wsd or constant"},
    {"dtype", FIELD_WORD, M(dtype), false, 0, 0, parse_dtype, name_dtype, "fp32 or bf16"},
    {"seed", FIELD_SEED, M(seed), false, 0, 9.3e18, NULL, NULL, NULL},
    {"weight_decay", FIELD_REAL, M(weight_decay), false, 0, 1e6, NULL, NULL, NULL},
    {"clip", FIELD_REAL, M(clip), false, 0, 1e12, NULL, NULL, NULL},
    {"beta1", FIELD_REAL, M(beta1), false, 0, .9999999, NULL, NULL, NULL},
    {"beta2", FIELD_REAL, M(beta2), false, 0, .9999999, NULL, NULL, NULL},
    {"eps", FIELD_REAL, M(eps), false, ASC_MIN_EPS, ASC_MAX_EPS, NULL, NULL, NULL},
    {"retry_on_divergence", FIELD_INT, M(retry_on_divergence), false, 0, 100, NULL, NULL, NULL},
    {"divergence_lr", FIELD_REAL, M(divergence_lr), false, 1e-9, 1, NULL, NULL, NULL},
};
#undef M
#define M(member) offsetof(asc_run_spec, member)
static const field run_fields[] = {
    {"id", FIELD_STRING, M(id), true, 0, 0, NULL, NULL, NULL},
    {"isa", FIELD_WORD, M(isa), false, 0, 0, parse_isa, name_isa, "plain, sse41, avx2, avx512, avx512_bf16 or amx"},
    {"threads", FIELD_INT, M(threads), false, 1, ASC_MAX_THREADS, NULL, NULL, NULL},
    {"ranks", FIELD_INT, M(ranks), false, 1, ASC_MAX_RANKS, NULL, NULL, NULL},
    {"device", FIELD_STRING, M(device), false, 0, 0, NULL, NULL, NULL},
    {"tokenizer", FIELD_STRING, M(tokenizer), false, 0, 0, NULL, NULL, NULL},
    {"valid_tokens", FIELD_COUNT, M(valid_tokens), false, 0, MOST_TOKENS, NULL, NULL, NULL},
    {"n_curve", FIELD_INT, M(n_curve), false, 0, 100000, NULL, NULL, NULL},
    {"checkpoint_s", FIELD_REAL, M(checkpoint_s), false, 0, 1e12, NULL, NULL, NULL},
    {"init_from", FIELD_STRING, M(init_from), false, 0, 0, NULL, NULL, NULL},
    {"keep_checkpoint", FIELD_BOOL, M(keep_checkpoint), false, 0, 0, NULL, NULL, NULL},
};
#undef M
static const char *const run_objects[] = {"model", "training", "domains", "targets"};

/* A row of "domains" or "targets" while it is read. */
struct row {
    char *name, *file, *scored; /* scored: of targets that are tasks */
    double tokens, max_epochs;
};
static const field domain_fields[] = {
    {"name", FIELD_STRING, offsetof(struct row, name), true, 0, 0, NULL, NULL, NULL},
    {"train", FIELD_STRING, offsetof(struct row, file), true, 0, 0, NULL, NULL, NULL},
    {"tokens", FIELD_REAL, offsetof(struct row, tokens), true, 0, MOST_TOKENS, NULL, NULL, NULL},
};
static const char *const domain_more[] = {"max_epochs"};
static const field target_fields[] = {
    {"name", FIELD_STRING, offsetof(struct row, name), true, 0, 0, NULL, NULL, NULL},
    {"valid", FIELD_STRING, offsetof(struct row, file), false, 0, 0, NULL, NULL, NULL},
    {"scored", FIELD_STRING, offsetof(struct row, scored), false, 0, 0, NULL, NULL, NULL},
};

void asc_run_spec_init(asc_run_spec *s)
{
    *s = (asc_run_spec){.threads = 1, .ranks = 1, .checkpoint_s = 300};
    asc_model_spec_init(&s->model);
    asc_training_spec_init(&s->training);
}

static void free_strings(char **p, size_t n)
{
    for (size_t i = 0; p && i < n; i++)
        asc_free(p[i]);
    asc_free(p);
}

void asc_run_spec_clear(asc_run_spec *s)
{
    if (!s)
        return;
    asc_free(s->id);
    asc_free(s->device);
    asc_free(s->tokenizer);
    asc_free(s->init_from);
    free_strings(s->domains, s->n_domains);
    free_strings(s->train_files, s->n_domains);
    asc_free(s->tokens);
    asc_free(s->max_epochs);
    free_strings(s->targets, s->n_targets);
    free_strings(s->valid_files, s->n_targets);
    free_strings(s->scored_files, s->n_targets);
    *s = (asc_run_spec){0};
}

/* ---- reading ---- */

/* Paths of the file start at its folder. */
static asc_status resolve(char **path, const char *dir, asc_error *err)
{
    if (!*path)
        return ASC_OK;
    char *full = asc_path_join(dir, *path);
    if (!full)
        return ASC_NOMEM(err);
    asc_free(*path);
    *path = full;
    return ASC_OK;
}

static int cmp_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static asc_status check_distinct(char *const *names, size_t n, const char *where, const char *what, asc_error *err)
{
    char **sorted = asc_malloc(n * sizeof *sorted);
    if (!sorted)
        return ASC_NOMEM(err);
    memcpy(sorted, names, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, cmp_names);
    asc_status st = ASC_OK;
    for (size_t i = 1; i < n && st == ASC_OK; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            st = ASC_FAIL(err, ASC_EINVAL, "%s: two %s are called '%s'", where, what, sorted[i]);
    asc_free(sorted);
    return st;
}

static asc_status read_domain(asc_run_spec *s, size_t i, const json_t *obj, const char *where, asc_error *err)
{
    char place[300];
    snprintf(place, sizeof place, "%s: domains[%zu]", where, i);
    struct row r = {0};
    asc_status st = asc__fields_read(&r, domain_fields, COUNT(domain_fields), domain_more, 1, obj, place, err);
    if (st == ASC_OK)
        st = asc_json_opt_double(obj, place, "max_epochs", &r.max_epochs, err);
    if (st == ASC_OK && r.tokens != floor(r.tokens))
        st = ASC_FAIL(err, ASC_EINVAL, "%s: field 'tokens': expected a whole number, found %.17g", place, r.tokens);
    if (st == ASC_OK && !(isnan(r.max_epochs) || r.max_epochs > 0))
        st = ASC_FAIL(err, ASC_EINVAL, "%s: field 'max_epochs': expected a number > 0, found %g", place, r.max_epochs);
    s->domains[i] = r.name;
    s->train_files[i] = r.file;
    s->tokens[i] = r.tokens;
    s->max_epochs[i] = r.max_epochs;
    return st;
}

static asc_status read_domains(asc_run_spec *s, const json_t *obj, const char *where, asc_error *err)
{
    json_t *list;
    ASC_TRY(asc_json_get_array(obj, where, "domains", &list, err));
    size_t n = json_array_size(list);
    if (n < 1 || n > MAX_DOMAINS)
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'domains': expected 1 to %d of them, found %zu", where, MAX_DOMAINS,
                        n);
    s->domains = asc_calloc(n, sizeof *s->domains);
    s->train_files = asc_calloc(n, sizeof *s->train_files);
    s->tokens = asc_calloc(n, sizeof *s->tokens);
    s->max_epochs = asc_calloc(n, sizeof *s->max_epochs);
    if (!s->domains || !s->train_files || !s->tokens || !s->max_epochs)
        return ASC_NOMEM(err);
    s->n_domains = n;
    double total = 0;
    for (size_t i = 0; i < n; i++) {
        ASC_TRY(read_domain(s, i, json_array_get(list, i), where, err));
        total += s->tokens[i];
    }
    if (!(total > 0 && total <= MOST_TOKENS))
        return ASC_FAIL(err, ASC_EINVAL, "%s: domains: expected tokens in all from 1 to %g, found %g", where,
                        MOST_TOKENS, total);
    return check_distinct(s->domains, n, where, "domains", err);
}

static asc_status read_targets(asc_run_spec *s, const json_t *obj, const char *where, asc_error *err)
{
    json_t *list;
    ASC_TRY(asc_json_get_array(obj, where, "targets", &list, err));
    size_t n = json_array_size(list);
    if (n < 1 || n > MAX_DOMAINS)
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'targets': expected 1 to %d of them, found %zu", where, MAX_DOMAINS,
                        n);
    s->targets = asc_calloc(n, sizeof *s->targets);
    s->valid_files = asc_calloc(n, sizeof *s->valid_files);
    s->scored_files = asc_calloc(n, sizeof *s->scored_files);
    if (!s->targets || !s->valid_files || !s->scored_files)
        return ASC_NOMEM(err);
    s->n_targets = n;
    for (size_t i = 0; i < n; i++) {
        char place[300];
        snprintf(place, sizeof place, "%s: targets[%zu]", where, i);
        struct row r = {0};
        asc_status st =
            asc__fields_read(&r, target_fields, COUNT(target_fields), NULL, 0, json_array_get(list, i), place, err);
        s->targets[i] = r.name;
        s->valid_files[i] = r.file;
        s->scored_files[i] = r.scored;
        ASC_TRY(st);
        if (!r.file == !r.scored)
            return ASC_FAIL(err, ASC_EINVAL, "%s: expected either field 'valid' or field 'scored'", place);
    }
    return check_distinct(s->targets, n, where, "targets", err);
}

static asc_status read_object(void *base, const field *table, size_t n, const json_t *obj, const char *where,
                              const char *key, asc_error *err)
{
    json_t *child;
    char place[300];
    ASC_TRY(asc_json_get_object(obj, where, key, &child, err));
    snprintf(place, sizeof place, "%s: %s", where, key);
    return asc__fields_read(base, table, n, NULL, 0, child, place, err);
}

static asc_status read_model(asc_model_spec *m, const json_t *obj, const char *where, asc_error *err)
{
    const char *more[32];
    json_t *child;
    char place[300];
    asc_error why = {0};
    ASC_TRY(asc_json_get_object(obj, where, "model", &child, err));
    snprintf(place, sizeof place, "%s: model", where);
    for (size_t i = 0; i < asc_n_model_keys && i < COUNT(more); i++)
        more[i] = asc_model_keys[i].name;
    ASC_TRY(asc__fields_read(m, model_fields, COUNT(model_fields), more, asc_n_model_keys, child, place, err));
    for (size_t i = 0; i < asc_n_model_keys; i++) {
        const json_t *x = json_object_get(child, asc_model_keys[i].name);
        if (x && asc_model_key_take(m, &asc_model_keys[i], x, &why) != ASC_OK)
            return ASC_FAIL(err, ASC_EINVAL, "%s: field %s", place, why.msg);
    }
    return ASC_OK;
}

static asc_status check_shape(const asc_run_spec *s, const char *where, asc_error *err)
{
    asc_error why = {0};
    if (asc_model_spec_check(&s->model, &why) != ASC_OK)
        return ASC_FAIL(err, ASC_EINVAL, "%s: model: %s", where, why.msg);
    if (asc_arch_kind_of(s->model.arch) == ASC_ARCH_READER)
        return ASC_FAIL(err, ASC_EINVAL, "%s: model: field 'arch': expected %s, found '%s', which is only evaluated",
                        where, asc_arch_list(), asc_arch_name(s->model.arch));
    if (s->training.warmup >= 1)
        return ASC_FAIL(err, ASC_EINVAL, "%s: training: field 'warmup': expected a share below 1, found %g", where,
                        s->training.warmup);
    return ASC_OK;
}

static asc_status resolve_all(asc_run_spec *s, const char *dir, asc_error *err)
{
    ASC_TRY(resolve(&s->tokenizer, dir, err));
    ASC_TRY(resolve(&s->init_from, dir, err));
    for (size_t i = 0; i < s->n_domains; i++)
        ASC_TRY(resolve(&s->train_files[i], dir, err));
    for (size_t i = 0; i < s->n_targets; i++)
        ASC_TRY(resolve(s->valid_files[i] ? &s->valid_files[i] : &s->scored_files[i], dir, err));
    return ASC_OK;
}

static asc_status read_all(asc_run_spec *s, const json_t *obj, const char *where, const char *dir, asc_error *err)
{
    ASC_TRY(asc__fields_read(s, run_fields, COUNT(run_fields), run_objects, COUNT(run_objects), obj, where, err));
    ASC_TRY(read_model(&s->model, obj, where, err));
    ASC_TRY(read_object(&s->training, training_fields, COUNT(training_fields), obj, where, "training", err));
    ASC_TRY(check_shape(s, where, err));
    ASC_TRY(read_domains(s, obj, where, err));
    ASC_TRY(read_targets(s, obj, where, err));
    if (!s->device && !(s->device = asc_strdup("cpu")))
        return ASC_NOMEM(err);
    return resolve_all(s, dir, err);
}

asc_status asc_run_spec_parse(asc_run_spec *out, const char *name, const char *dir, const char *text, size_t n,
                              asc_error *err)
{
    json_t *obj = NULL;
    ASC_TRY(asc_json_parse(&obj, name, text, n, err));
    asc_run_spec s;
    asc_run_spec_init(&s);
    asc_status st = asc_json_unseal(NULL, obj, name, err);
    if (st == ASC_OK)
        st = read_all(&s, obj, name, dir, err);
    json_decref(obj);
    if (st == ASC_OK)
        *out = s;
    else
        asc_run_spec_clear(&s);
    return st;
}

asc_status asc_run_spec_read(asc_run_spec *out, const char *dir, asc_error *err)
{
    char *path = asc_path_join(dir, "run.json"), *text = NULL;
    size_t n = 0;
    if (!path)
        return ASC_NOMEM(err);
    asc_status st = asc_read_file(path, MAX_SPEC_BYTES, &text, &n, err);
    if (st == ASC_OK)
        st = asc_run_spec_parse(out, path, dir, text, n, err);
    asc_free(text);
    asc_free(path);
    return st;
}

/* ---- writing ---- */

static bool add_object(json_t *obj, const char *key, const void *base, const field *table, size_t n)
{
    json_t *child = json_object();
    bool ok = child && asc__fields_write(child, base, table, n);
    return json_object_set_new(obj, key, child) == 0 && ok;
}

/* Keys with defaults are left out where they have them: runs of before they existed keep their identity. */
static bool add_model(json_t *obj, const asc_model_spec *m)
{
    return add_object(obj, "model", m, model_fields, COUNT(model_fields)) &&
           asc_model_keys_put(json_object_get(obj, "model"), "", m);
}

static bool add_domains(json_t *obj, const asc_run_spec *s)
{
    json_t *list = json_array();
    bool ok = json_object_set_new(obj, "domains", list) == 0;
    for (size_t i = 0; ok && i < s->n_domains; i++) {
        json_t *d = json_object();
        ok = json_array_append_new(list, d) == 0 && json_object_set_new(d, "name", json_string(s->domains[i])) == 0 &&
             json_object_set_new(d, "train", json_string(s->train_files[i])) == 0 &&
             json_object_set_new(d, "tokens", json_integer((json_int_t)s->tokens[i])) == 0;
        if (ok && s->max_epochs && !isnan(s->max_epochs[i]))
            ok = json_object_set_new(d, "max_epochs", asc_json_num(s->max_epochs[i])) == 0;
    }
    return ok;
}

static bool add_targets(json_t *obj, const asc_run_spec *s)
{
    json_t *list = json_array();
    bool ok = json_object_set_new(obj, "targets", list) == 0;
    for (size_t i = 0; ok && i < s->n_targets; i++) {
        json_t *t = json_object();
        const char *scored = s->scored_files ? s->scored_files[i] : NULL;
        ok = json_array_append_new(list, t) == 0 && json_object_set_new(t, "name", json_string(s->targets[i])) == 0 &&
             json_object_set_new(t, scored ? "scored" : "valid", json_string(scored ? scored : s->valid_files[i])) == 0;
    }
    return ok;
}

asc_status asc_run_spec_write(const asc_run_spec *s, const char *dir, asc_error *err)
{
    if (s->training.seed > INT64_MAX)
        return ASC_FAIL(err, ASC_EINVAL, "training: seed %llu does not fit into 63 bits",
                        (unsigned long long)s->training.seed);
    char *path = asc_path_join(dir, "run.json");
    json_t *obj = json_object();
    bool ok = path && obj && asc__fields_write(obj, s, run_fields, COUNT(run_fields)) && add_model(obj, &s->model) &&
              add_object(obj, "training", &s->training, training_fields, COUNT(training_fields)) &&
              add_domains(obj, s) && add_targets(obj, s);
    asc_status st = ok ? asc_json_seal(obj, err)
                       : ASC_FAIL(err, ASC_ENOMEM, "run.json: out of memory, or a name that is no valid UTF-8");
    if (st == ASC_OK)
        st = asc_json_write(path, obj, 2, err);
    json_decref(obj);
    asc_free(path);
    return st;
}

/* ---- identity ---- */

/* Names and tokens without the paths: a study's folder may be moved, not changed. */
static bool add_identity(json_t *obj, const asc_run_spec *s)
{
    json_t *list = json_array();
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < s->n_domains; i++) {
        double epochs = s->max_epochs ? s->max_epochs[i] : NAN;
        ok = json_array_append_new(list, json_pack("[s f o]", s->domains[i], s->tokens[i], asc_json_num(epochs))) == 0;
    }
    for (size_t v = 0; ok && v < s->n_targets; v++)
        ok = json_array_append_new(list, json_string(s->targets[v])) == 0;
    if (s->ranks > 1) /* another order of additions */
        ok = ok && json_object_set_new(obj, "ranks", json_integer(s->ranks)) == 0;
    return json_object_set_new(obj, "data", list) == 0 && ok &&
           json_object_set_new(obj, "run",
                               json_pack("[I i i i b]", (json_int_t)s->valid_tokens, s->n_curve, s->threads,
                                         (int)s->isa, s->init_from != NULL)) == 0;
}

asc_status asc_run_spec_digest(const asc_run_spec *s, char *hex, asc_error *err)
{
    json_t *obj = json_object();
    char *text = NULL;
    bool ok = obj && add_model(obj, &s->model) &&
              add_object(obj, "training", &s->training, training_fields, COUNT(training_fields)) &&
              add_identity(obj, s);
    asc_status st = ok ? asc_json_print(&text, obj, 0, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        asc_sha256_hex(text, strlen(text), hex);
    asc_free(text);
    json_decref(obj);
    return st;
}

asc_status asc_run_spec_same(bool *same, const asc_run_spec *a, const asc_run_spec *b, asc_error *err)
{
    char x[65], y[65];
    ASC_TRY(asc_run_spec_digest(a, x, err));
    ASC_TRY(asc_run_spec_digest(b, y, err));
    *same = strcmp(x, y) == 0;
    return ASC_OK;
}
