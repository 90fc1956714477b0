/* LAW.json: everything of an asc_law_set but the factor of a Gaussian process, which only its spread needs. */
#include <math.h>
#include <string.h>

#include "table/table.h"
#include "csv.h"
#include "maps.h"

enum { MAX_DOMAINS = 10000, MAX_TARGETS = 10000, MAX_PARTS = 64, MAX_NUMBERS = 1 << 27 };

/* ---- writing ---- */

/* Numbers; null where not finite. NULL array: null. */
static json_t *numbers(const double *x, size_t n)
{
    if (!x)
        return json_null();
    json_t *a = json_array();
    for (size_t i = 0; a && i < n; i++)
        json_array_append_new(a, asc_json_num(x[i]));
    return a;
}

static json_t *floats(const float *x, size_t n)
{
    json_t *a = json_array();
    for (size_t i = 0; a && i < n; i++)
        json_array_append_new(a, json_real((double)x[i]));
    return a;
}

static json_t *integers(const int32_t *x, size_t n)
{
    if (!x)
        return json_null();
    json_t *a = json_array();
    for (size_t i = 0; a && i < n; i++)
        json_array_append_new(a, json_integer(x[i]));
    return a;
}

static json_t *texts(char *const *x, size_t n)
{
    json_t *a = json_array();
    for (size_t i = 0; a && i < n; i++)
        json_array_append_new(a, json_string(x[i] ? x[i] : ""));
    return a;
}

static json_t *flags(const bool *x, size_t n)
{
    if (!x)
        return json_null();
    json_t *a = json_array();
    for (size_t i = 0; a && i < n; i++)
        json_array_append_new(a, json_boolean(x[i]));
    return a;
}

/* Base64 of n numbers, little-endian, of 4 or 8 bytes each. */
static json_t *base64_of(const double *x, size_t n, size_t size)
{
    char *text = asc_malloc(size * n / 3 * 4 + 5);
    unsigned char *raw = asc_malloc(size * n + 3);
    json_t *out = NULL;
    if (text && raw) {
        for (size_t i = 0; i < n; i++) {
            float f = size == 4 ? (float)x[i] : 0;
            uint32_t half;
            uint64_t bits;
            memcpy(&half, &f, 4);
            memcpy(&bits, &x[i], 8);
            bits = size == 4 ? half : bits;
            for (size_t b = 0; b < size; b++)
                raw[size * i + b] = (unsigned char)(bits >> (8 * b));
        }
        asc_base64_encode(text, raw, size * n);
        out = json_string(text);
    }
    asc_free(text);
    asc_free(raw);
    return out;
}

/* Draws as 32-bit floats: there are many of them, and they are drawn to no more. */
static json_t *packed(const double *x, size_t n)
{
    return x ? base64_of(x, n, 4) : json_null();
}

/* Every bit of many numbers, in half the room of digits. */
static json_t *packed_whole(const double *x, size_t n)
{
    return json_pack("{so}", "f64", base64_of(x, n, 8));
}

/* Blocks of inputs that processes of several laws share, written once. */
typedef struct shared_inputs {
    json_t *blocks;
    const asc_gp **first; /* whose inputs each block is */
    size_t n;
} shared_inputs;

/* The index of g's inputs among the blocks, added if new. */
static json_t *inputs_json(shared_inputs *s, const asc_gp *g)
{
    size_t k = 0, size = g->n * g->n_features;
    while (k < s->n && !(s->first[k]->n == g->n && s->first[k]->n_features == g->n_features &&
                         memcmp(s->first[k]->inputs, g->inputs, size * sizeof *g->inputs) == 0))
        k++;
    if (k == s->n) {
        const asc_gp **first = asc_reallocarray(s->first, s->n + 1, sizeof(void *));
        if (!first)
            return NULL;
        s->first = first;
        s->first[s->n++] = g;
        json_array_append_new(s->blocks, packed_whole(g->inputs, size));
    }
    return json_integer((json_int_t)k);
}

static json_t *gp_json(const asc_gp *g, shared_inputs *shared)
{
    if (g->n == 0)
        return json_null();
    json_t *j = json_object();
    json_object_set_new(j, "length", asc_json_num(g->length));
    json_object_set_new(j, "signal", asc_json_num(g->signal));
    json_object_set_new(j, "noise", asc_json_num(g->noise));
    json_object_set_new(j, "mean", asc_json_num(g->mean));
    json_object_set_new(j, "linear", packed_whole(g->linear, g->n_features));
    json_object_set_new(j, "inputs", inputs_json(shared, g));
    json_object_set_new(j, "alpha", packed_whole(g->alpha, g->n));
    return j;
}

static json_t *trees_json(const asc_trees *t)
{
    if (t->n_trees == 0)
        return json_null();
    json_t *j = json_object();
    json_object_set_new(j, "features", json_integer((json_int_t)t->n_features));
    json_object_set_new(j, "root", integers(t->root, t->n_trees));
    json_object_set_new(j, "feature", integers(t->feature, t->n_nodes));
    json_object_set_new(j, "left", integers(t->left, t->n_nodes));
    json_object_set_new(j, "right", integers(t->right, t->n_nodes));
    json_object_set_new(j, "threshold", floats(t->threshold, t->n_nodes));
    json_object_set_new(j, "bias", asc_json_num(t->bias));
    return j;
}

/* One row for each figure: name, place. */
static const struct {
    const char *name;
    size_t offset;
} stats_fields[] = {
    {"r2", offsetof(asc_law_stats, r2)},
    {"mre", offsetof(asc_law_stats, mre)},
    {"spearman", offsetof(asc_law_stats, spearman)},
    {"cv_mre", offsetof(asc_law_stats, cv_mre)},
    {"cv_mre_sd", offsetof(asc_law_stats, cv_mre_sd)},
    {"cv_spearman", offsetof(asc_law_stats, cv_spearman)},
    {"cv_mse", offsetof(asc_law_stats, cv_mse)},
    {"forward_mre", offsetof(asc_law_stats, forward_mre)},
    {"noise", offsetof(asc_law_stats, noise)},
};
enum { N_STATS = sizeof stats_fields / sizeof *stats_fields };

static json_t *stats_json(const asc_law_stats *s)
{
    json_t *j = json_object();
    for (size_t k = 0; j && k < N_STATS; k++)
        json_object_set_new(j, stats_fields[k].name,
                            asc_json_num(*(const double *)(const void *)((const char *)s + stats_fields[k].offset)));
    json_object_set_new(j, "n_rows", json_integer((json_int_t)s->n_rows));
    json_object_set_new(j, "converged", json_boolean(s->converged));
    return j;
}

static json_t *law_json(const asc_law *l, shared_inputs *shared)
{
    json_t *j = json_object(), *parts = json_array();
    size_t D = l->n_domains;
    json_object_set_new(j, "family", json_string(asc_law_family_name(l->family)));
    json_object_set_new(j, "target", json_string(l->target ? l->target : ""));
    json_object_set_new(j, "own", l->own == ASC_NONE ? json_null() : json_integer((json_int_t)l->own));
    json_object_set_new(j, "has_tokens", json_boolean(l->has_tokens));
    json_object_set_new(j, "has_params", json_boolean(l->has_params));
    json_object_set_new(j, "unit_tokens", asc_json_num(l->unit_tokens));
    json_object_set_new(j, "unit_params", asc_json_num(l->unit_params));
    json_object_set_new(j, "floor", asc_json_num(l->floor));
    json_object_set_new(j, "base", numbers(l->base, D));
    json_object_set_new(j, "params", numbers(l->params, l->n_params));
    json_object_set_new(j, "n_draws", json_integer((json_int_t)(l->draws || l->pick ? l->n_draws : 0)));
    size_t n = l->n_draws * l->n_params;
    json_object_set_new(j, "draws", asc_law_draws_exact(l) ? numbers(l->draws, n) : packed(l->draws, n));
    if (l->pick)
        json_object_set_new(j, "pick", integers(l->pick, 2 * l->n_draws));
    json_object_set_new(j, "gp", gp_json(&l->gp, shared));
    json_object_set_new(j, "trees", trees_json(&l->trees));
    for (size_t k = 0; k < l->n_parts; k++)
        json_array_append_new(parts, law_json(&l->parts[k], shared));
    json_object_set_new(j, "parts", parts);
    json_object_set_new(j, "band", numbers(l->band, ASC_LAW_BANDS));
    json_object_set_new(j, "stats", stats_json(&l->stats));
    json_object_set_new(j, "n_held", json_integer((json_int_t)l->n_held));
    json_object_set_new(j, "held", packed(l->held, 2 * l->n_held));
    json_object_set_new(j, "roots", integers(l->roots, D));
    json_object_set_new(j, "undetermined", flags(l->undetermined, D));
    json_object_set_new(j, "other", numbers(l->other, 3 * D));
    json_object_set_new(j, "x_lo", numbers(l->x_lo, D));
    json_object_set_new(j, "x_hi", numbers(l->x_hi, D));
    return j;
}

asc_status asc_law_to_json(json_t **out, const asc_law_set *s, asc_error *err)
{
    json_t *j = json_object(), *laws = json_array();
    const asc_target_names names = {s->targets, s->n_targets, s->domains, s->n_domains};
    shared_inputs shared = {.blocks = json_array()};
    if (!j || !laws || !shared.blocks)
        return ASC_NOMEM(err);
    json_object_set_new(j, "format", json_string("autoscale law 1"));
    json_object_set_new(j, "law", json_string(s->law));
    json_object_set_new(j, "chosen", json_boolean(s->chosen));
    json_object_set_new(j, "objective", asc_objective_to_json(&s->objective, &names));
    json_object_set_new(j, "domains", texts(s->domains, s->n_domains));
    json_object_set_new(j, "targets", texts(s->targets, s->n_targets));
    json_object_set_new(j, "n_rows", json_integer((json_int_t)s->n_rows));
    json_object_set_new(j, "n_runs", json_integer((json_int_t)s->n_runs));
    json_object_set_new(j, "share_lo", numbers(s->share_lo, s->n_domains));
    json_object_set_new(j, "share_hi", numbers(s->share_hi, s->n_domains));
    if (s->reach_lo && s->reach_hi) {
        json_object_set_new(j, "reach_lo", numbers(s->reach_lo, s->n_domains));
        json_object_set_new(j, "reach_hi", numbers(s->reach_hi, s->n_domains));
    }
    json_object_set_new(j, "base_tokens", numbers(s->base_tokens, s->n_domains));
    json_object_set_new(j, "tokens_lo", asc_json_num(s->tokens_lo));
    json_object_set_new(j, "tokens_hi", asc_json_num(s->tokens_hi));
    json_object_set_new(j, "params_lo", asc_json_num(s->params_lo));
    json_object_set_new(j, "params_hi", asc_json_num(s->params_hi));
    json_object_set_new(j, "noise", asc_json_num(s->noise));
    json_object_set_new(j, "notes", texts(s->notes.text, s->notes.n));
    for (size_t v = 0; v < s->n_laws; v++)
        json_array_append_new(laws, law_json(&s->laws[v], &shared));
    json_object_set_new(j, "laws", laws);
    json_object_set_new(j, "gp_inputs", shared.blocks);
    asc_free(shared.first);
    *out = j;
    return ASC_OK;
}

asc_status asc_law_write(const char *path, const asc_law_set *s, asc_error *err)
{
    json_t *j = NULL;
    ASC_TRY(asc_law_to_json(&j, s, err));
    asc_status st = asc_json_write(path, j, 0, err);
    json_decref(j);
    return st;
}

/* ---- reading ---- */

typedef struct law_reader {
    const char *name;        /* of the file */
    char where[400];         /* the object being read */
    const json_t *gp_inputs; /* blocks that processes share, or NULL */
    asc_error *err;
} law_reader;

static asc_status wrong(const law_reader *r, const char *key, const char *expected)
{
    return ASC_FAIL(r->err, ASC_EINVAL, "%s: field '%s': expected %s", r->where, key, expected);
}

/* Numbers in n bytes of base64, size bytes each, into a new array; NULL: no memory, or *ok false: not so many. */
static double *from_base64(const char *text, size_t n, size_t size, bool *ok)
{
    size_t length = strlen(text);
    *ok = length == (size * n + 2) / 3 * 4;
    unsigned char *raw = *ok ? asc_malloc(length + 3) : NULL;
    double *x = *ok ? asc_reallocarray(NULL, n + 1, sizeof *x) : NULL;
    if (raw && x)
        *ok = asc_base64_decode(raw, text, length) == size * n;
    for (size_t i = 0; raw && x && *ok && i < n; i++) {
        uint64_t bits = 0;
        float f;
        for (size_t b = 0; b < size; b++)
            bits |= (uint64_t)raw[size * i + b] << (8 * b);
        uint32_t half = (uint32_t)bits;
        memcpy(&f, &half, 4);
        memcpy(&x[i], &bits, 8);
        x[i] = size == 4 ? f : x[i];
    }
    if (!raw || !*ok) {
        asc_free(x);
        x = NULL;
    }
    asc_free(raw);
    return x;
}

/* How many numbers `numbers` or `packed_whole` wrote; 0 of anything else. */
static size_t count_numbers(const json_t *x)
{
    const char *text = json_string_value(json_object_get(x, "f64"));
    size_t length = text ? strlen(text) : 0;
    if (!text)
        return json_array_size(x);
    while (length > 0 && text[length - 1] == '=')
        length--;
    return length * 3 / 4 / 8;
}

static asc_status read_whole(const law_reader *r, double **out, const char *text, const char *key, size_t n)
{
    char expected[64];
    bool ok;
    double *x = from_base64(text, n, 8, &ok);
    for (size_t i = 0; x && ok && i < n; i++)
        ok = !isinf(x[i]);
    if (x && ok) {
        *out = x;
        return ASC_OK;
    }
    asc_free(x);
    snprintf(expected, sizeof expected, "base64 of %zu finite 64-bit floats", n);
    return ok ? ASC_NOMEM(r->err) : wrong(r, key, expected);
}

/* Exactly n numbers, in an array or packed; null entries become NaN. A missing or null array leaves *out NULL when
 * allowed. */
static asc_status read_numbers(const law_reader *r, double **out, const json_t *obj, const char *key, size_t n,
                               bool needed)
{
    const json_t *a = json_object_get(obj, key);
    if ((!a || json_is_null(a)) && !needed)
        return ASC_OK;
    const char *text = json_string_value(json_object_get(a, "f64"));
    if (text)
        return read_whole(r, out, text, key, n);
    char expected[64];
    snprintf(expected, sizeof expected, "an array of %zu numbers", n);
    if (!json_is_array(a) || json_array_size(a) != n)
        return wrong(r, key, expected);
    double *x = asc_reallocarray(NULL, n, sizeof *x);
    if (!x)
        return ASC_NOMEM(r->err);
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(a, i);
        if (!json_is_number(v) && !json_is_null(v)) {
            asc_free(x);
            return wrong(r, key, expected);
        }
        x[i] = json_is_null(v) ? NAN : json_number_value(v);
    }
    *out = x;
    return ASC_OK;
}

/* As `packed` writes it, or an array of numbers. */
static asc_status read_packed(const law_reader *r, double **out, const json_t *obj, const char *key, size_t n)
{
    const char *text = json_string_value(json_object_get(obj, key));
    if (!text)
        return read_numbers(r, out, obj, key, n, true);
    char expected[64];
    bool ok;
    double *x = from_base64(text, n, 4, &ok);
    snprintf(expected, sizeof expected, "base64 of %zu 32-bit floats", n);
    if (!x)
        return ok ? ASC_NOMEM(r->err) : wrong(r, key, expected);
    *out = x;
    return ASC_OK;
}

static asc_status read_int32(const law_reader *r, int32_t **out, const json_t *obj, const char *key, size_t n,
                             bool needed, int32_t least, int32_t most)
{
    const json_t *a = json_object_get(obj, key);
    if ((!a || json_is_null(a)) && !needed)
        return ASC_OK;
    char expected[96];
    snprintf(expected, sizeof expected, "an array of %zu whole numbers in %d .. %d", n, (int)least, (int)most);
    if (!json_is_array(a) || json_array_size(a) != n)
        return wrong(r, key, expected);
    int32_t *x = asc_reallocarray(NULL, n, sizeof *x);
    if (!x)
        return ASC_NOMEM(r->err);
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(a, i);
        json_int_t k = json_integer_value(v);
        if (!json_is_integer(v) || k < least || k > most) {
            asc_free(x);
            return wrong(r, key, expected);
        }
        x[i] = (int32_t)k;
    }
    *out = x;
    return ASC_OK;
}

static asc_status read_flags(const law_reader *r, bool **out, const json_t *obj, const char *key, size_t n)
{
    const json_t *a = json_object_get(obj, key);
    if (!a || json_is_null(a))
        return ASC_OK;
    if (!json_is_array(a) || json_array_size(a) != n)
        return wrong(r, key, "an array of true or false, one per domain");
    *out = asc_calloc(n, sizeof **out);
    if (!*out)
        return ASC_NOMEM(r->err);
    for (size_t i = 0; i < n; i++)
        (*out)[i] = json_is_true(json_array_get(a, i));
    return ASC_OK;
}

/* Names: UTF-8, not empty, at most `most`, no two equal where distinct. */
static asc_status read_texts(const law_reader *r, char ***out, size_t *n, const json_t *obj, const char *key,
                             size_t most, bool distinct)
{
    const json_t *a = json_object_get(obj, key);
    if (!json_is_array(a) || json_array_size(a) > most)
        return wrong(r, key, "an array of strings");
    size_t size = json_array_size(a);
    char **x = asc_calloc(size, sizeof *x);
    if (!x)
        return ASC_NOMEM(r->err);
    *out = x;
    *n = size;
    for (size_t i = 0; i < size; i++) {
        const char *s = json_string_value(json_array_get(a, i));
        if (!s || (distinct && !*s))
            return wrong(r, key, "an array of strings");
        for (size_t k = 0; distinct && k < i; k++)
            if (strcmp(x[k], s) == 0)
                return wrong(r, key, "names that differ");
        x[i] = asc_strdup(s);
        if (!x[i])
            return ASC_NOMEM(r->err);
    }
    return ASC_OK;
}

static asc_status read_size(const law_reader *r, size_t *out, const json_t *obj, const char *key, size_t most)
{
    int64_t n;
    ASC_TRY(asc_json_get_count(obj, r->where, key, &n, r->err));
    if ((uint64_t)n > most)
        return ASC_FAIL(r->err, ASC_EINVAL, "%s: field '%s': expected at most %zu, found %lld", r->where, key, most,
                        (long long)n);
    *out = (size_t)n;
    return ASC_OK;
}

/* The inputs themselves, or the index of a block that laws share. */
static asc_status read_inputs(const law_reader *r, asc_gp *g, const json_t *j, size_t n)
{
    const json_t *at = json_object_get(j, "inputs");
    if (!json_is_integer(at))
        return read_numbers(r, &g->inputs, j, "inputs", n, true);
    json_int_t k = json_integer_value(at);
    if (k < 0 || (size_t)k >= json_array_size(r->gp_inputs))
        return wrong(r, "inputs", "the index of a block of 'gp_inputs'");
    json_t *block = json_pack("{sO}", "inputs", json_array_get(r->gp_inputs, (size_t)k));
    asc_status s = block ? read_numbers(r, &g->inputs, block, "inputs", n, true) : ASC_NOMEM(r->err);
    json_decref(block);
    return s;
}

static asc_status read_gp(const law_reader *r, asc_gp *g, const json_t *law, size_t D)
{
    const json_t *j = json_object_get(law, "gp");
    if (!j || json_is_null(j))
        return ASC_OK;
    size_t n = count_numbers(json_object_get(j, "alpha")), f = count_numbers(json_object_get(j, "linear")), all;
    if (n == 0 || f < D || f > D + 2 || __builtin_mul_overflow(n, f, &all) || all > MAX_NUMBERS)
        return wrong(r, "gp", "a Gaussian process over the law's domains");
    ASC_TRY(asc_json_get_double(j, r->where, "length", &g->length, r->err));
    ASC_TRY(asc_json_get_double(j, r->where, "signal", &g->signal, r->err));
    ASC_TRY(asc_json_get_double(j, r->where, "noise", &g->noise, r->err));
    ASC_TRY(asc_json_get_double(j, r->where, "mean", &g->mean, r->err));
    ASC_TRY(read_numbers(r, &g->linear, j, "linear", f, true));
    ASC_TRY(read_inputs(r, g, j, all));
    ASC_TRY(read_numbers(r, &g->alpha, j, "alpha", n, true));
    g->n = n;
    g->n_features = f;
    return ASC_OK;
}

/* Children must come after their parent, so that a walk always ends. */
static bool trees_end(const asc_trees *t)
{
    for (size_t i = 0; i < t->n_nodes; i++) {
        if (t->feature[i] < 0)
            continue;
        bool forward = t->left[i] > (int32_t)i && t->right[i] > (int32_t)i;
        if (!forward)
            return false;
    }
    return true;
}

static asc_status read_trees(const law_reader *r, asc_trees *t, const json_t *law, size_t D)
{
    const json_t *j = json_object_get(law, "trees");
    if (!j || json_is_null(j))
        return ASC_OK;
    size_t n = json_array_size(json_object_get(j, "feature"));
    double *threshold = NULL;
    ASC_TRY(read_size(r, &t->n_features, j, "features", D + 2));
    if (n == 0 || n > MAX_NUMBERS)
        return wrong(r, "trees", "trees with at least one node");
    int32_t last = (int32_t)n - 1;
    t->n_trees = json_array_size(json_object_get(j, "root"));
    t->n_nodes = n;
    ASC_TRY(read_int32(r, &t->root, j, "root", t->n_trees, true, 0, last));
    ASC_TRY(read_int32(r, &t->feature, j, "feature", n, true, -1, (int32_t)t->n_features - 1));
    ASC_TRY(read_int32(r, &t->left, j, "left", n, true, -1, last));
    ASC_TRY(read_int32(r, &t->right, j, "right", n, true, -1, last));
    ASC_TRY(asc_json_get_double(j, r->where, "bias", &t->bias, r->err));
    t->threshold = asc_calloc(n, sizeof *t->threshold);
    asc_status st = t->threshold ? read_numbers(r, &threshold, j, "threshold", n, true) : ASC_NOMEM(r->err);
    for (size_t i = 0; st == ASC_OK && i < n; i++)
        t->threshold[i] = (float)threshold[i];
    asc_free(threshold);
    ASC_TRY(st);
    return trees_end(t) ? ASC_OK : wrong(r, "trees", "children that come after their parent");
}

static asc_status read_stats(const law_reader *r, asc_law_stats *s, const json_t *law)
{
    const json_t *j = json_object_get(law, "stats");
    for (size_t k = 0; k < N_STATS; k++)
        ASC_TRY(asc_json_opt_double(j, r->where, stats_fields[k].name,
                                    (double *)(void *)((char *)s + stats_fields[k].offset), r->err));
    s->converged = json_is_true(json_object_get(j, "converged"));
    return j && json_object_get(j, "n_rows") ? read_size(r, &s->n_rows, j, "n_rows", SIZE_MAX / 2) : ASC_OK;
}

static asc_status read_law(law_reader *r, asc_law *l, const json_t *j, size_t D, int depth);

static asc_status read_parts(law_reader *r, asc_law *l, const json_t *j, size_t D, int depth)
{
    const json_t *parts = json_object_get(j, "parts");
    size_t n = json_array_size(parts);
    if (n == 0)
        return ASC_OK;
    if (n > MAX_PARTS || depth > 0 || asc_law_count_params(l) > 0)
        return wrong(r, "parts", "laws, of a blend alone");
    l->parts = asc_calloc(n, sizeof *l->parts);
    if (!l->parts)
        return ASC_NOMEM(r->err);
    l->n_parts = n;
    for (size_t k = 0; k < n; k++)
        ASC_TRY(read_law(r, &l->parts[k], json_array_get(parts, k), D, depth + 1));
    return ASC_OK;
}

/* Which part's draw each draw of a blend is. */
static asc_status read_pick(law_reader *r, asc_law *l, const json_t *j)
{
    ASC_TRY(read_int32(r, &l->pick, j, "pick", 2 * l->n_draws, true, 0, INT32_MAX));
    for (size_t k = 0; k < l->n_draws; k++) {
        size_t part = (size_t)l->pick[2 * k], draw = (size_t)l->pick[2 * k + 1];
        if (part >= l->n_parts || draw >= l->parts[part].n_draws || !l->parts[part].draws)
            return wrong(r, "pick", "a part of the blend and one of its draws");
    }
    return ASC_OK;
}

static asc_status read_params(law_reader *r, asc_law *l, const json_t *j)
{
    size_t all;
    l->n_params = asc_law_count_params(l);
    ASC_TRY(read_numbers(r, &l->params, j, "params", l->n_params, true));
    for (size_t i = 0; i < l->n_params; i++)
        if (!isfinite(l->params[i]) && !(asc_law_of_objective(l) && i >= asc_ddo_param(l, 2, 0)))
            return wrong(r, "params", "finite numbers");
    ASC_TRY(read_size(r, &l->n_draws, j, "n_draws", 1000000));
    if (l->n_draws == 0 || l->n_params == 0) {
        l->n_draws = 0;
        return ASC_OK;
    }
    if (__builtin_mul_overflow(l->n_draws, l->n_params, &all) || all > MAX_NUMBERS)
        return wrong(r, "draws", "fewer draws");
    if (l->n_parts)
        return read_pick(r, l, j);
    return read_packed(r, &l->draws, j, "draws", all);
}

static asc_status read_ddo(law_reader *r, asc_law *l, const json_t *j)
{
    size_t D = l->n_domains;
    ASC_TRY(read_numbers(r, &l->base, j, "base", D, asc_law_of_objective(l)));
    ASC_TRY(read_int32(r, &l->roots, j, "roots", D, false, -1, 2));
    ASC_TRY(read_flags(r, &l->undetermined, j, "undetermined", D));
    ASC_TRY(read_numbers(r, &l->other, j, "other", 3 * D, false));
    ASC_TRY(read_numbers(r, &l->x_lo, j, "x_lo", D, false));
    return read_numbers(r, &l->x_hi, j, "x_hi", D, false);
}

/* Held-out rows, of laws written since there are some. */
static asc_status read_held(law_reader *r, asc_law *l, const json_t *j)
{
    if (!json_object_get(j, "n_held"))
        return ASC_OK;
    ASC_TRY(read_size(r, &l->n_held, j, "n_held", ASC_LAW_HELD));
    return l->n_held ? read_packed(r, &l->held, j, "held", 2 * l->n_held) : ASC_OK;
}

static asc_status read_family(law_reader *r, asc_law *l, const json_t *j)
{
    const char *family, *target;
    ASC_TRY(asc_json_get_string(j, r->where, "family", &family, r->err));
    l->family = asc_law_family_named(family, NULL);
    if (!l->family || strcmp(family, asc_law_family_name(l->family)) != 0)
        return wrong(r, "family", "the name of a law");
    ASC_TRY(asc_json_get_string(j, r->where, "target", &target, r->err));
    l->target = asc_strdup(target);
    return l->target ? ASC_OK : ASC_NOMEM(r->err);
}

static asc_status read_law(law_reader *r, asc_law *l, const json_t *j, size_t D, int depth)
{
    if (!json_is_object(j))
        return wrong(r, "laws", "objects");
    l->n_domains = D;
    l->own = ASC_NONE;
    ASC_TRY(read_family(r, l, j));
    l->has_tokens = json_is_true(json_object_get(j, "has_tokens"));
    l->has_params = json_is_true(json_object_get(j, "has_params"));
    const json_t *own = json_object_get(j, "own");
    if (own && !json_is_null(own)) {
        ASC_TRY(read_size(r, &l->own, j, "own", D - 1));
    }
    ASC_TRY(asc_json_get_double(j, r->where, "unit_tokens", &l->unit_tokens, r->err));
    ASC_TRY(asc_json_get_double(j, r->where, "unit_params", &l->unit_params, r->err));
    ASC_TRY(asc_json_get_double(j, r->where, "floor", &l->floor, r->err));
    if (!(l->unit_tokens > 0 && l->unit_params > 0 && l->floor >= 0))
        return wrong(r, "unit_tokens", "units > 0 and a floor >= 0");
    ASC_TRY(read_parts(r, l, j, D, depth));
    ASC_TRY(read_params(r, l, j));
    ASC_TRY(read_ddo(r, l, j));
    ASC_TRY(read_gp(r, &l->gp, j, D));
    ASC_TRY(read_trees(r, &l->trees, j, D));
    ASC_TRY(read_held(r, l, j));
    const char *expected, *field = asc_law_check(l, &expected);
    if (field)
        return wrong(r, field, expected);
    double *band = NULL;
    ASC_TRY(read_numbers(r, &band, j, "band", ASC_LAW_BANDS, false));
    for (size_t q = 0; q < ASC_LAW_BANDS; q++)
        l->band[q] = band ? band[q] : NAN;
    asc_free(band);
    return read_stats(r, &l->stats, j);
}

static void set_ranges(asc_law *l, const asc_law_set *s)
{
    l->tokens_hi = s->tokens_hi;
    l->params_hi = s->params_hi;
    for (size_t i = 0; i < l->n_parts; i++)
        set_ranges(&l->parts[i], s);
}

static asc_status read_laws(law_reader *r, asc_law_set *s, const json_t *j)
{
    json_t *laws;
    r->gp_inputs = json_object_get(j, "gp_inputs");
    ASC_TRY(asc_json_get_array(j, r->where, "laws", &laws, r->err));
    size_t n = json_array_size(laws);
    s->laws = asc_calloc(n, sizeof *s->laws);
    if (!s->laws)
        return ASC_NOMEM(r->err);
    for (; s->n_laws < n; s->n_laws++) {
        snprintf(r->where, sizeof r->where, "%.300s: laws[%zu]", r->name, s->n_laws);
        asc_law *l = &s->laws[s->n_laws];
        asc_status st = read_law(r, l, json_array_get(laws, s->n_laws), s->n_domains, 0);
        if (st != ASC_OK) {
            asc_law_clear(l);
            return st;
        }
    }
    snprintf(r->where, sizeof r->where, "%.300s", r->name);
    for (size_t v = 0; v < n; v++)
        set_ranges(&s->laws[v], s);
    bool ddo = asc_law_set_of_objective(s);
    if (!ddo && n != s->n_targets)
        return wrong(r, "laws", "one law per target, or a single ddo law");
    for (size_t v = 0; v < n && !ddo; v++)
        if (asc_law_of_objective(&s->laws[v]) || strcmp(s->laws[v].target, s->targets[v]) != 0)
            return wrong(r, "laws", "laws in the order of the targets");
    return ASC_OK;
}

static asc_status read_ranges(law_reader *r, asc_law_set *s, const json_t *j)
{
    size_t D = s->n_domains;
    ASC_TRY(read_numbers(r, &s->share_lo, j, "share_lo", D, true));
    ASC_TRY(read_numbers(r, &s->share_hi, j, "share_hi", D, true));
    ASC_TRY(read_numbers(r, &s->base_tokens, j, "base_tokens", D, true));
    ASC_TRY(read_numbers(r, &s->reach_lo, j, "reach_lo", D, false));
    ASC_TRY(read_numbers(r, &s->reach_hi, j, "reach_hi", D, s->reach_lo != NULL));
    for (size_t i = 0; s->reach_lo && i < D; i++)
        if (!(s->reach_lo[i] >= 0 && s->reach_lo[i] <= s->reach_hi[i] && s->reach_hi[i] <= 1 + 1e-9))
            return wrong(r, "reach_lo", "shares 0 <= reach_lo <= reach_hi <= 1");
    for (size_t i = 0; i < D; i++)
        if (!(s->share_lo[i] >= 0 && s->share_lo[i] <= s->share_hi[i] && s->base_tokens[i] >= 0))
            return wrong(r, "share_lo", "shares 0 <= share_lo <= share_hi and base_tokens >= 0");
    ASC_TRY(asc_json_opt_double(j, r->where, "tokens_lo", &s->tokens_lo, r->err));
    ASC_TRY(asc_json_opt_double(j, r->where, "tokens_hi", &s->tokens_hi, r->err));
    ASC_TRY(asc_json_opt_double(j, r->where, "params_lo", &s->params_lo, r->err));
    ASC_TRY(asc_json_opt_double(j, r->where, "params_hi", &s->params_hi, r->err));
    return asc_json_opt_double(j, r->where, "noise", &s->noise, r->err);
}

static asc_status read_set(law_reader *r, asc_law_set *s, const json_t *j)
{
    const char *law;
    if (!json_is_object(j) || !json_object_get(j, "laws"))
        return ASC_FAIL(r->err, ASC_EINVAL, "%s: expected a law as `autoscale fit -o` writes it", r->name);
    ASC_TRY(asc_json_get_string(j, r->where, "law", &law, r->err));
    s->law = asc_strdup(law);
    if (!s->law)
        return ASC_NOMEM(r->err);
    s->chosen = json_is_true(json_object_get(j, "chosen"));
    ASC_TRY(read_texts(r, &s->domains, &s->n_domains, j, "domains", MAX_DOMAINS, true));
    ASC_TRY(read_texts(r, &s->targets, &s->n_targets, j, "targets", MAX_TARGETS, true));
    if (s->n_domains == 0 || s->n_targets == 0)
        return wrong(r, "domains", "at least one domain and one target");
    const asc_target_names names = {s->targets, s->n_targets, s->domains, s->n_domains};
    ASC_TRY(asc_objective_from_json(&s->objective, json_object_get(j, "objective"), r->where, &names, r->err));
    ASC_TRY(read_size(r, &s->n_rows, j, "n_rows", SIZE_MAX / 2));
    ASC_TRY(read_size(r, &s->n_runs, j, "n_runs", SIZE_MAX / 2));
    ASC_TRY(read_ranges(r, s, j));
    ASC_TRY(read_texts(r, &s->notes.text, &s->notes.n, j, "notes", 1000000, false));
    s->notes.code = asc_calloc(s->notes.n + 1, sizeof *s->notes.code); /* the file has sentences alone: all OTHER */
    if (!s->notes.code)
        return ASC_NOMEM(r->err);
    s->notes.cap = s->notes.n;
    return read_laws(r, s, j);
}

asc_status asc_law_from_json(asc_law_set *out, const json_t *j, const char *name, asc_error *err)
{
    law_reader r = {.name = name, .err = err};
    snprintf(r.where, sizeof r.where, "%.300s", name);
    asc_law_set s = {0};
    asc_status st = read_set(&r, &s, j);
    if (st == ASC_OK)
        *out = s;
    else
        asc_law_set_clear(&s);
    return st;
}

/* Has the first line columns? */
static bool is_table(const char *text)
{
    const char *end = text + strcspn(text, "\r\n"), *comma = text + strcspn(text, ",;\t|");
    return comma < end;
}

/* Text that is no JSON at all is most likely the table that a law is to be fitted to. */
static asc_status load(json_t **out, const char *path, asc_error *err)
{
    char *text = NULL;
    size_t n = 0;
    if (strcmp(path, "-") == 0)
        return asc_json_load(out, path, err);
    ASC_TRY(asc_read_file(path, (size_t)1 << 34, &text, &n, err));
    size_t first = strspn(text, " \t\r\n");
    bool other = n > 0 && text[first] != '{' && (unsigned char)text[first] < 0x80;
    asc_status st = other ? ASC_FAIL(err, ASC_EINVAL,
                                     "%s: expected a law (LAW.json), found %s; `autoscale fit %s -o "
                                     "law.json` fits one to a table of runs",
                                     path, is_table(text + first) ? "a table" : "something else", path)
                          : asc_json_parse(out, path, text, n, err);
    asc_free(text);
    return st;
}

asc_status asc_law_read(asc_law_set *out, const char *path, asc_error *err)
{
    json_t *j = NULL;
    ASC_TRY(load(&j, path, err));
    asc_status st = asc_law_from_json(out, j, path, err);
    json_decref(j);
    return st;
}
