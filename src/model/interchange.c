/* Hugging Face folders: config.json and model.safetensors, and the optimiser's moments in the same file format. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "hf_config.h"
#include "internal.h"
#include "weights.h"

enum { MAX_NAME = 80, MAX_TYPES = 64 };

/* ---- config.json ---- */

static const asc__arch_ops *arch_of_type(const char *type, asc_arch *arch)
{
    for (int a = 0; a < ASC_N_ARCHS; a++)
        for (const char *const *t = asc__arch_of((asc_arch)a)->model_types; *t; t++)
            if (strcmp(*t, type) == 0) {
                *arch = (asc_arch)a;
                return asc__arch_of((asc_arch)a);
            }
    return NULL;
}

static asc_status refuse_type(const char *path, const char *type, asc_error *err)
{
    char list[512] = "";
    const char *names[MAX_TYPES];
    size_t n = 0, at = 0;
    for (int a = 0; a < ASC_N_ARCHS; a++)
        for (const char *const *t = asc__arch_of((asc_arch)a)->model_types; *t && n < MAX_TYPES; t++)
            names[n++] = *t;
    for (size_t i = 0; i < n && at < sizeof list; i++)
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", i == 0 ? "" : i + 1 == n ? " or " : ", ", names[i]);
    return ASC_FAIL(err, ASC_EINVAL, "%s: field 'model_type': found '%.60s', expected %s", path, type, list);
}

/* A config.json that claims more than its weights hold would have gigabytes asked for before they are looked at. Biases
 * may be missing, so matrices alone count. */
static asc_status check_size(const asc_model_spec *s, const char *dir, asc_error *err)
{
    int64_t size, least = 2 * ((int64_t)s->vocab * s->width + asc_model_body_products(s)); /* bytes, were it 16-bit */
    ASC_TRY(asc__weights_size(&size, dir, err));
    if (size < least)
        return ASC_FAIL(err, ASC_EINVAL,
                        "%s: weights of %lld bytes, but config.json describes a model of at least %lld", dir,
                        (long long)size, (long long)least);
    return ASC_OK;
}

/* Whether two tensors hold the same numbers. */
static asc_status same_numbers(bool *same, const asc__weight *a, const asc__weight *b, asc_error *err)
{
    size_t n = a->tensor->n, bytes = n * sizeof(float);
    *same = n == b->tensor->n;
    if (!*same)
        return ASC_OK;
    float *x = asc_malloc(bytes + 1), *y = asc_malloc(bytes + 1);
    asc_status s = x && y ? asc__st_read(a->file, a->tensor, x, err) : ASC_NOMEM(err);
    if (s == ASC_OK)
        s = asc__st_read(b->file, b->tensor, y, err);
    *same = s == ASC_OK && memcmp(x, y, bytes) == 0;
    asc_free(x);
    asc_free(y);
    return s;
}

/*
 * Whether the output layer has a matrix of its own, as transformers 5 decides it: both matrices are there and differ
 * (what config.json says is then wrong), or config.json says so. Of a tied pair one may be missing.
 */
static asc_status read_tie(asc_model_spec *s, const asc__arch_ops *arch, const json_t *j, const char *path,
                           const char *dir, asc_error *err)
{
    asc__weights w = {0};
    const asc__weight *in = NULL, *out = NULL;
    bool tied = arch->tied_by_default, said = json_is_boolean(json_object_get(j, "tie_word_embeddings")), same = true;
    ASC_TRY(asc__config_flag(j, path, "tie_word_embeddings", &tied, err));
    s->untied = !tied;
    if (!asc__weights_exist(dir))
        return ASC_OK;
    ASC_TRY(check_size(s, dir, err));
    ASC_TRY(asc__weights_open(&w, dir, err));
    asc_status st = asc__weights_find(&in, &w, arch->embedding, err);
    if (st == ASC_OK)
        st = asc__weights_find(&out, &w, arch->output, err);
    if (st == ASC_OK && tied && in && out)
        st = same_numbers(&same, in, out, err);
    if (in && out)
        s->untied = !tied || !same;
    else if (!out && !said)
        s->untied = false; /* config.json is silent: nothing else can be meant */
    asc__weights_close(&w);
    return st;
}

static asc_status spec_of(asc_model_spec *out, const json_t *j, const char *path, const char *dir, asc_error *err)
{
    const char *type;
    asc_error why = {0};
    asc_model_spec_init(out);
    ASC_TRY(asc_json_get_string(j, path, "model_type", &type, err));
    const asc__arch_ops *arch = arch_of_type(type, &out->arch);
    if (!arch)
        return refuse_type(path, type, err);
    ASC_TRY(arch->read_config(out, j, path, err));
    if (asc_model_spec_check(out, &why) != ASC_OK)
        return ASC_FAIL(err, ASC_EINVAL, "%s: %s", path, why.msg);
    return read_tie(out, arch, j, path, dir, err);
}

asc_status asc_model_spec_read(asc_model_spec *out, const char *dir, asc_error *err)
{
    char *path = asc_path_join(dir, "config.json");
    json_t *j = NULL;
    asc_model_spec spec;
    if (!path)
        return ASC_NOMEM(err);
    asc_status s = asc_json_load(&j, path, err);
    if (s == ASC_OK)
        s = spec_of(&spec, j, path, dir, err);
    if (s == ASC_OK)
        *out = spec;
    json_decref(j);
    asc_free(path);
    return s;
}

/* ---- tensors ---- */

/* Names as they stand in the file: prefix + table name. */
typedef struct named {
    asc__st_tensor *tensors;
    char (*names)[MAX_NAME];
    size_t n;
} named;

static void named_clear(named *x)
{
    asc_free(x->tensors);
    asc_free(x->names);
}

static asc_status named_init(named *x, size_t n, asc_error *err)
{
    *x = (named){.tensors = asc_calloc(n, sizeof *x->tensors), .names = asc_calloc(n, sizeof *x->names)};
    if (x->tensors && x->names)
        return ASC_OK;
    named_clear(x);
    return ASC_NOMEM(err);
}

static void named_add(named *x, const asc_model *m, const char *prefix, const float *flat)
{
    for (size_t i = 0; i < m->n_tensors; i++) {
        const asc_param *p = &m->table[i];
        assert(p->offset + p->n <= m->n_flat);
        snprintf(x->names[x->n], MAX_NAME, "%s%s",
                 p->part == ASC_PART_OUTPUT && prefix == m->arch->file_prefix ? "" : prefix, p->name);
        x->tensors[x->n] =
            (asc__st_tensor){.name = x->names[x->n], .n_dims = p->n_dims, .dims = {p->dims[0], p->dims[1]}, .n = p->n};
        x->tensors[x->n].data = flat + p->offset;
        x->n++;
    }
}

/* Row `of` once more under another name. */
static void named_again(named *x, const char *name, size_t of)
{
    snprintf(x->names[x->n], MAX_NAME, "%s", name);
    x->tensors[x->n] = x->tensors[of];
    x->tensors[x->n].name = x->names[x->n];
    x->n++;
}

static asc_status save_config(const asc_model *m, const char *dir, asc_error *err)
{
    char *path = asc_path_join(dir, "config.json");
    json_t *config = m->arch->write_config(&m->spec);
    asc_status s = path && config ? asc_json_write(path, config, 2, err) : ASC_NOMEM(err);
    json_decref(config);
    asc_free(path);
    return s;
}

asc_status asc_model_save(const asc_model *m, const char *dir, asc_error *err)
{
    named x;
    char *path = asc_path_join(dir, "model.safetensors");
    if (!path)
        return ASC_NOMEM(err);
    asc_status s = named_init(&x, m->n_tensors + 1, err);
    if (s == ASC_OK) {
        named_add(&x, m, m->arch->file_prefix, m->params);
        if (m->arch->output_bias && !asc__is_tied(m)) /* the layer's own bias, which transformers then reads there */
            named_again(&x, m->arch->output_bias, m->arch->head_bias(m));
        s = asc__st_write(path, x.tensors, x.n, err);
        named_clear(&x);
    }
    asc_free(path);
    return s == ASC_OK ? save_config(m, dir, err) : s;
}

/* How a folder's tensors become a flat array. */
typedef struct reading {
    const asc_model *m;
    const asc__weights *w;
    const char *prefix;
    bool head;      /* false: the head becomes 0 */
    bool weights;   /* parameters, not moments: other names are known, and numbers must be finite */
    bool no_biases; /* the file has none: all are 0 */
} reading;

/* Under which names row p may stand, the first that is there wins. */
static size_t names_of(const char *names[3], const reading *r, const asc_param *p)
{
    const asc__arch_ops *arch = r->m->arch;
    size_t n = 0;
    if (r->weights && arch->output_bias && p->part == ASC_PART_OUTPUT && p->n_dims == 1)
        names[n++] = arch->output_bias;
    names[n++] = p->name;
    if (r->weights && asc__is_tied(r->m) && strcmp(p->name, arch->embedding) == 0)
        names[n++] = arch->output;
    assert(n >= 1 && n <= 3);
    return n;
}

/* Row p's tensor with its shape; NULL where it may be missing. */
static asc_status find_checked(const asc__weight **out, const reading *r, const asc_param *p, asc_error *err)
{
    const char *names[3];
    char name[2 * MAX_NAME];
    size_t n = names_of(names, r, p);
    *out = NULL;
    for (size_t i = 0; i < n && !*out; i++) {
        snprintf(name, sizeof name, "%s%s", r->prefix, names[i]);
        ASC_TRY(asc__weights_find(out, r->w, name, err));
    }
    snprintf(name, sizeof name, "%s%s", p->part == ASC_PART_OUTPUT && r->weights ? "" : r->prefix, p->name);
    if (!*out && r->no_biases && p->n_dims == 1 && strstr(p->name, "bias"))
        return ASC_OK;
    if (!*out)
        return ASC_FAIL(err, ASC_EINVAL, "%s: tensor '%s' is missing", r->w->files[0].path, name);
    const asc__st_tensor *t = (*out)->tensor;
    bool same = t->n_dims == p->n_dims;
    for (int d = 0; same && d < p->n_dims; d++)
        same = t->dims[d] == p->dims[d];
    if (!same) {
        char found[100], expected[100];
        asc__st_shape_text(found, t->n_dims, t->dims);
        asc__st_shape_text(expected, p->n_dims, p->dims);
        return ASC_FAIL(err, ASC_EINVAL, "%s: tensor '%s' has shape %s, expected %s", (*out)->file->path, t->name,
                        found, expected);
    }
    if (t->width == 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s: tensor '%s' is of type %s; only F64, F32, F16 and BF16 are read",
                        (*out)->file->path, t->name, t->dtype);
    return ASC_OK;
}

/* Weights that are not finite make every loss NaN; here it is known which they are. */
static asc_status check_finite(const asc__weight *x, const float *v, asc_error *err)
{
    for (size_t i = 0; i < x->tensor->n; i++)
        if (!isfinite(v[i]))
            return ASC_FAIL(err, ASC_ENUMERIC, "%s: tensor '%s' holds %s (element %zu): a diverged or damaged model",
                            x->file->path, x->tensor->name, isnan(v[i]) ? "NaN" : "infinity", i);
    return ASC_OK;
}

/* All tensors of the table, or all but the head, which becomes 0, into a flat array; NULL: only looked for. */
static asc_status read_flat(float *flat, const reading *r, asc_error *err)
{
    for (size_t i = 0; i < r->m->n_tensors; i++) {
        const asc_param *p = &r->m->table[i];
        const asc__weight *x = NULL;
        if (r->head || p->part == ASC_PART_BODY || p->part == ASC_PART_EMBEDDING)
            ASC_TRY(find_checked(&x, r, p, err));
        if (!flat)
            continue;
        if (x)
            ASC_TRY(asc__st_read(x->file, x->tensor, flat + p->offset, err));
        else
            memset(flat + p->offset, 0, p->n * sizeof *flat);
        if (x && r->weights)
            ASC_TRY(check_finite(x, flat + p->offset, err));
    }
    return ASC_OK;
}

/* True where no bias of the table is in the file (bias=False of nanoGPT). */
static asc_status without_biases(bool *none, const asc_model *m, const asc__weights *w, asc_error *err)
{
    *none = m->arch->biases_optional;
    for (size_t i = 0; i < m->n_tensors && *none; i++) {
        const asc__weight *x = NULL;
        if (m->table[i].n_dims == 1 && strstr(m->table[i].name, "bias"))
            ASC_TRY(asc__weights_find(&x, w, m->table[i].name, err));
        *none = !x;
    }
    return ASC_OK;
}

/* Straight into the parameters, once every tensor is known to be there: a second copy of them would be as large. */
static asc_status load(asc_model *m, const char *dir, bool head, asc_error *err)
{
    asc__weights w = {0};
    reading r = {.m = m, .w = &w, .prefix = m->arch->file_prefix, .head = head, .weights = true};
    asc_status s = asc__weights_open(&w, dir, err);
    if (s == ASC_OK)
        s = without_biases(&r.no_biases, m, &w, err);
    if (s == ASC_OK)
        s = read_flat(NULL, &r, err);
    if (s == ASC_OK) {
        s = read_flat(m->params, &r, err);
        asc_model_params_changed(m);
    }
    asc__weights_close(&w);
    return s;
}

asc_status asc_model_load(asc_model *m, const char *dir, asc_error *err)
{
    return load(m, dir, true, err);
}

asc_status asc_model_load_body(asc_model *m, const char *dir, asc_error *err)
{
    return load(m, dir, false, err);
}

/* ---- optimiser state ---- */

asc_status asc_model_save_optimizer(const asc_model *m, const char *path, asc_error *err)
{
    named x;
    if (!m->opts.training)
        return ASC_FAIL(err, ASC_EINVAL, "model created without training has no optimizer state");
    ASC_TRY(named_init(&x, 2 * m->n_tensors, err));
    named_add(&x, m, "m.", m->moment1);
    named_add(&x, m, "v.", m->moment2);
    asc_status s = asc__st_write(path, x.tensors, x.n, err);
    named_clear(&x);
    return s;
}

asc_status asc_model_load_optimizer(asc_model *m, const char *path, asc_error *err)
{
    asc__weights w = {0};
    if (!m->opts.training)
        return ASC_FAIL(err, ASC_EINVAL, "model created without training has no optimizer state");
    asc_status s = asc__weights_open_file(&w, path, err);
    float *const into[] = {NULL, NULL, m->moment1, m->moment2}; /* first looked for, then read */
    for (int i = 0; i < 4 && s == ASC_OK; i++) {
        reading r = {.m = m, .w = &w, .prefix = i % 2 ? "v." : "m.", .head = true};
        s = read_flat(into[i], &r, err);
    }
    asc__weights_close(&w);
    return s;
}
