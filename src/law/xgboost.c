/* Boosted trees by XGBoost's C API, loaded at run time: the few functions it takes are declared here, so that neither
 * the build nor the command needs the library. The model is read back as JSON and flattened (asc_trees): prediction,
 * LAW.json and every other room do without XGBoost. One thread per booster: its own thread pool spins (measured: 100
 * times slower on a busy machine); targets run side by side on our threads. */
#include "private.h"

#include "base/base_json.h"

#include <assert.h>
#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef void *handle;
typedef struct api {
    void *library;
    int (*matrix)(const float *, uint64_t, uint64_t, float, handle *, int);
    int (*matrix_free)(handle);
    int (*info)(handle, const char *, const float *, uint64_t);
    int (*create)(const handle *, uint64_t, handle *);
    int (*destroy)(handle);
    int (*param)(handle, const char *, const char *);
    int (*update)(handle, int, handle);
    int (*save)(handle, const char *, uint64_t *, const char **);
    const char *(*last_error)(void);
    void (*omp_threads)(int); /* of the OpenMP runtime it is linked with, or NULL */
} api;

static api xgb;
static const char *missing;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static bool look_up(void *slot, const char *name)
{
    void *p = dlsym(xgb.library, name);
    memcpy(slot, &p, sizeof p);
    return p != NULL;
}

static void load(void)
{
    static const char *const names[] = {"libxgboost.so.0", "libxgboost.so", "libxgboost.so.1"};
    for (size_t i = 0; !xgb.library && i < sizeof names / sizeof *names; i++)
        xgb.library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (!xgb.library) {
        missing = "needs XGBoost's C library, libxgboost.so (Debian package libxgboost-dev)";
        return;
    }
    bool ok = look_up(&xgb.matrix, "XGDMatrixCreateFromMat_omp") && look_up(&xgb.matrix_free, "XGDMatrixFree") &&
              look_up(&xgb.info, "XGDMatrixSetFloatInfo") && look_up(&xgb.create, "XGBoosterCreate") &&
              look_up(&xgb.destroy, "XGBoosterFree") && look_up(&xgb.param, "XGBoosterSetParam") &&
              look_up(&xgb.update, "XGBoosterUpdateOneIter") && look_up(&xgb.save, "XGBoosterSaveModelToBuffer") &&
              look_up(&xgb.last_error, "XGBGetLastError");
    if (!ok)
        missing = "libxgboost.so lacks a function of its C API; version 1.6 or later is required";
    look_up(&xgb.omp_threads, "omp_set_num_threads");
}

const char *asc_trees_missing(void)
{
    pthread_once(&once, load);
    return missing;
}

/* ---- model -> flat trees ---- */

static double number_at(const json_t *array, size_t i)
{
    return json_number_value(json_array_get(array, i));
}

/* Nodes of one tree after those already there. */
static bool add_tree(asc_trees *t, const json_t *tree, size_t *cap)
{
    const json_t *left = json_object_get(tree, "left_children"), *right = json_object_get(tree, "right_children");
    const json_t *feature = json_object_get(tree, "split_indices"), *value = json_object_get(tree, "split_conditions");
    size_t n = json_array_size(left), from = t->n_nodes;
    assert(t->n_features > 0);
    if (n == 0 || json_array_size(right) != n || json_array_size(feature) != n || json_array_size(value) != n)
        return false;
    if (from + n > *cap) {
        *cap = 2 * (from + n);
        int32_t *f = asc_reallocarray(t->feature, *cap, sizeof *f);
        t->feature = f ? f : t->feature;
        int32_t *l = asc_reallocarray(t->left, *cap, sizeof *l);
        t->left = l ? l : t->left;
        int32_t *r = asc_reallocarray(t->right, *cap, sizeof *r);
        t->right = r ? r : t->right;
        float *v = asc_reallocarray(t->threshold, *cap, sizeof *v);
        t->threshold = v ? v : t->threshold;
        if (!f || !l || !r || !v)
            return false;
    }
    for (size_t i = 0; i < n; i++) {
        double l = number_at(left, i), r = number_at(right, i), f = number_at(feature, i);
        bool leaf = l < 0;
        if (!leaf && (!(l > (double)i) || !(l < (double)n) || !(r > (double)i) || !(r < (double)n) || f < 0 ||
                      !(f < (double)t->n_features)))
            return false;
        t->feature[from + i] = leaf ? -1 : (int32_t)f;
        t->left[from + i] = leaf ? 0 : (int32_t)(from + (size_t)l);
        t->right[from + i] = leaf ? 0 : (int32_t)(from + (size_t)r);
        t->threshold[from + i] = (float)number_at(value, i);
    }
    t->root[t->n_trees++] = (int32_t)from;
    t->n_nodes += n;
    return true;
}

static asc_status flatten(asc_trees *out, const char *text, size_t n, size_t n_features, asc_error *err)
{
    json_t *model = NULL;
    if (asc_json_parse(&model, "XGBoost", text, n, err) == ASC_ENOMEM)
        return ASC_ENOMEM;
    const json_t *learner = json_object_get(model, "learner");
    const json_t *trees =
        json_object_get(json_object_get(json_object_get(learner, "gradient_booster"), "model"), "trees");
    const char *base =
        json_string_value(json_object_get(json_object_get(learner, "learner_model_param"), "base_score"));
    asc_trees t = {.n_features = n_features};
    size_t cap = 0, count = json_array_size(trees);
    t.root = asc_calloc(count + 1, sizeof *t.root);
    bool ok = t.root && base && asc_parse_double(base, &t.bias);
    for (size_t i = 0; ok && i < count; i++)
        ok = add_tree(&t, json_array_get(trees, i), &cap);
    json_decref(model);
    if (!ok) {
        asc_trees_clear(&t);
        return ASC_FAIL(err, ASC_ENUMERIC, "trees: XGBoost's model could not be read (or memory is out)");
    }
    *out = t;
    return ASC_OK;
}

/* ---- fit ---- */

#define ROUNDS 400

typedef const char *const setting[2];

static bool set_all(handle booster, setting *settings, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (xgb.param(booster, settings[i][0], settings[i][1]) != 0)
            return false;
    return true;
}

/* One thread, least squares, and what both ways of growing trees are told alike. */
static bool set_common(handle booster, uint64_t seed, double bias)
{
    char seeds[32], base[40];
    snprintf(seeds, sizeof seeds, "%d", (int)(seed % 1000000));
    setting all[] = {{"nthread", "1"},
                     {"objective", "reg:squarederror"},
                     {"verbosity", "0"},
                     {"seed", seeds},
                     {"base_score", asc_format_double(bias, base)}};
    return set_all(booster, all, sizeof all / sizeof *all);
}

/* The law's own: small leaves only where there are rows to average. */
static bool set_law(handle booster, size_t n_rows)
{
    char child[32];
    double least = (double)n_rows / 100;
    snprintf(child, sizeof child, "%d", least < 1 ? 1 : least > 20 ? 20 : (int)least);
    setting all[] = {{"tree_method", "exact"}, {"eta", ".05"},
                     {"max_depth", "5"},       {"min_child_weight", child},
                     {"subsample", ".8"},      {"colsample_bytree", ".6"},
                     {"lambda", "1"}};
    return set_all(booster, all, sizeof all / sizeof *all);
}

/* Leaf by leaf, the best split first, as LightGBM grows them. */
static bool set_leafwise(handle booster, const asc_trees_opts *o)
{
    char rate[40], leaves[32], least[40];
    snprintf(leaves, sizeof leaves, "%d", o->leaves);
    setting all[] = {{"tree_method", "hist"},
                     {"grow_policy", "lossguide"},
                     {"max_depth", "0"},
                     {"lambda", "0"},
                     {"eta", asc_format_double(o->rate, rate)},
                     {"max_leaves", leaves},
                     {"min_child_weight", asc_format_double(o->least_in_leaf, least)}};
    return set_all(booster, all, sizeof all / sizeof *all);
}

/* o NULL: the law's own settings. */
static asc_status train(asc_trees *out, const float *rows, const float *labels, size_t n, size_t F,
                        const asc_trees_opts *o, uint64_t seed, double bias, asc_error *err)
{
    int rounds = o ? o->rounds : ROUNDS;
    assert(n > 0 && F > 0 && rounds > 0);
    handle data = NULL, booster = NULL;
    const char *text = NULL;
    uint64_t length = 0;
    bool ok = xgb.matrix(rows, n, F, NAN, &data, 1) == 0 && xgb.info(data, "label", labels, n) == 0 &&
              xgb.create(&data, 1, &booster) == 0 && set_common(booster, seed, bias) &&
              (o ? set_leafwise(booster, o) : set_law(booster, n));
    for (int k = 0; ok && k < rounds && !asc_interrupted(); k++)
        ok = xgb.update(booster, k, data) == 0;
    ok = ok && xgb.save(booster, "{\"format\": \"json\"}", &length, &text) == 0;
    asc_status s = ok ? flatten(out, text, length, F, err)
                      : ASC_FAIL(err, ASC_ENUMERIC, "trees: XGBoost: %.300s", xgb.last_error());
    if (booster)
        xgb.destroy(booster);
    if (data)
        xgb.matrix_free(data);
    return s;
}

asc_status asc__trees_fit(asc_trees *t, const asc__data *d, uint64_t seed, asc_error *err)
{
    const asc__features *x = d->x;
    size_t F = x->n_domains + (x->has_tokens ? 1 : 0) + (x->has_params ? 1 : 0), n = 0;
    if (asc_trees_missing())
        return ASC_FAIL(err, ASC_EMISSING, "trees: %s", asc_trees_missing());
    if (xgb.omp_threads)
        xgb.omp_threads(1);
    float *rows = asc_reallocarray(NULL, x->n * F + 1, sizeof *rows);
    float *labels = asc_reallocarray(NULL, x->n + 1, sizeof *labels);
    asc_status s = rows && labels ? ASC_OK : ASC_NOMEM(err);
    for (size_t r = 0; s == ASC_OK && r < x->n; r++)
        if (d->weight[r] != 0) {
            asc__trees_row(x, r, rows + n * F);
            labels[n++] = (float)d->y[r];
        }
    if (s == ASC_OK)
        s = train(t, rows, labels, n, F, NULL, seed, d->y_mean, err);
    asc_free(rows);
    asc_free(labels);
    return s;
}

asc_status asc_trees_learn(asc_trees *out, const float *x, const float *y, size_t n, size_t F, const asc_trees_opts *o,
                           asc_error *err)
{
    double mean = 0;
    if (asc_trees_missing())
        return ASC_FAIL(err, ASC_EMISSING, "trees: %s", asc_trees_missing());
    if (xgb.omp_threads)
        xgb.omp_threads(1);
    for (size_t r = 0; r < n; r++)
        mean += y[r] / (double)n;
    asc_trees t = {0};
    ASC_TRY(train(&t, x, y, n, F, o, o->seed, mean, err));
    if (asc_interrupted()) {
        asc_trees_clear(&t);
        return ASC_FAIL(err, ASC_EINTR, "interrupted");
    }
    *out = t;
    return ASC_OK;
}
