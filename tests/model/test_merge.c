#include "test.h"

#include "model/model.h"
#include "model/model_merge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_json.h"
#include "folder.h"
#include "safetensors.h"

/* ---- folders of a small GPT-2 ---- */

static const asc_model_spec spec = {
    .arch = ASC_ARCH_GPT2, .n_layers = 1, .n_heads = 2, .width = 8, .context = 6, .vocab = 11};

static asc_model *make(uint64_t seed)
{
    asc_model *m = NULL;
    assert_int_equal(asc_model_create(&m, &spec, &(asc_model_opts){.training = true}, NULL), ASC_OK);
    asc_model_init_weights(m, seed);
    return m;
}

/* A checkpoint of that seed in the folder DIR/name, whose path comes back. */
static char *folder_of(const char *dir, const char *name, uint64_t seed)
{
    char *path = asc_path_join(dir, name);
    asc_model *m = make(seed);
    assert_int_equal(asc_mkdirs(path, NULL), ASC_OK);
    assert_int_equal(asc_model_save(m, path, NULL), ASC_OK);
    asc_model_free(m);
    return path;
}

typedef struct extra {
    const char *name, *dtype;
    const void *data;
    int64_t n;
} extra;

/* The tensors of a folder's model.safetensors written again as `dtype`, without those whose names end in `without`, and
 * with one more. */
static void rewrite(const char *folder, const char *dtype, const char *without, const extra *more)
{
    char *path = asc_path_join(folder, "model.safetensors");
    asc__st_file f = {0};
    assert_int_equal(asc__st_open(&f, path, NULL), ASC_OK);
    asc__st_tensor *head = calloc(f.n_tensors + 1, sizeof *head);
    float **data = calloc(f.n_tensors + 1, sizeof *data);
    size_t n = 0;
    for (size_t i = 0; i < f.n_tensors; i++) {
        const asc__st_tensor *t = &f.tensors[i];
        size_t end = without ? strlen(without) : 0, len = strlen(t->name);
        if (without && len >= end && strcmp(t->name + len - end, without) == 0)
            continue;
        head[n] = *t;
        head[n].dtype = dtype;
        data[n] = malloc(t->n * sizeof **data);
        assert_int_equal(asc__st_read(&f, t, data[n++], NULL), ASC_OK);
    }
    if (more)
        head[n] = (asc__st_tensor){
            .name = more->name, .dtype = more->dtype, .n = (size_t)more->n, .n_dims = 1, .dims = {more->n}};
    asc_writer w = {0};
    assert_int_equal(asc_writer_open(&w, path, NULL), ASC_OK);
    assert_int_equal(asc__st_write_header(&w, head, n + (more != NULL), NULL), ASC_OK);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < head[i].n; k++) {
            uint32_t u;
            memcpy(&u, &data[i][k], sizeof u);
            uint16_t top = (uint16_t)(u >> 16);
            bool narrow = asc__st_width(dtype) == 2;
            assert_int_equal(asc_writer_write(&w, narrow ? (void *)&top : (void *)&u, narrow ? 2 : 4, NULL), ASC_OK);
        }
    if (more)
        assert_int_equal(asc_writer_write(&w, more->data, (size_t)(more->n * asc__st_width(more->dtype)), NULL),
                         ASC_OK);
    assert_int_equal(asc_writer_commit(&w, NULL), ASC_OK);
    asc_writer_abort(&w);
    for (size_t i = 0; i < n; i++)
        free(data[i]);
    free(data);
    asc__st_close(&f);
    free(head);
    asc_free(path);
}

static asc_model *load(const char *folder)
{
    asc_model *m = make(0);
    asc_error err = {0};
    if (asc_model_load(m, folder, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    return m;
}

/* Parameters of the folder less w[0] a + w[1] b, the largest. */
static double distance(const char *folder, const asc_model *a, const asc_model *b, double u, double v)
{
    asc_model *m = load(folder);
    double worst = 0;
    for (size_t i = 0; i < asc_model_flat_size(m); i++) {
        double x = asc_model_params_data((asc_model *)a)[i], y = asc_model_params_data((asc_model *)b)[i];
        worst = fmax(worst, fabs((double)asc_model_params_data(m)[i] - (u * x + v * y)));
    }
    asc_model_free(m);
    return worst;
}

typedef struct two {
    char dir[256], *a, *b, *out;
    asc_merge_info info;
    asc_error err;
} two;

static void two_init(two *t)
{
    test_folder(t->dir);
    t->a = folder_of(t->dir, "a", 1);
    t->b = folder_of(t->dir, "b", 2);
    t->out = asc_path_join(t->dir, "out");
    assert_int_equal(asc_mkdirs(t->out, NULL), ASC_OK);
    t->info = (asc_merge_info){0};
}

static void two_clear(two *t)
{
    asc_merge_info_clear(&t->info);
    asc_free(t->a);
    asc_free(t->b);
    asc_free(t->out);
    assert_int_equal(asc_remove_tree(t->dir, NULL), ASC_OK);
}

static asc_status merge(two *t, double u, double v, asc_merge_opts o)
{
    const char *dirs[] = {t->a, t->b};
    double weights[] = {u, v};
    o.n = 2;
    o.dirs = dirs;
    o.weights = weights;
    asc_merge_info_clear(&t->info);
    return asc_model_merge(&t->info, &o, t->out, &t->err);
}

static void refuses(two *t, const char *text)
{
    assert_int_equal(merge(t, .5, .5, (asc_merge_opts){0}), ASC_EINVAL);
    if (!strstr(t->err.msg, text))
        fail_msg("'%s' does not say '%s'", t->err.msg, text);
}

/* ---- what is computed ---- */

static void merge__is_the_weighted_sum(void **state)
{
    static const double w[][2] = {{.25, .75}, {1.5, -.5}, {0, 1}};
    two t;
    two_init(&t);
    asc_model *a = make(1), *b = make(2);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(merge(&t, w[i][0], w[i][1], (asc_merge_opts){0}), ASC_OK);
        assert_true(distance(t.out, a, b, w[i][0], w[i][1]) < 1e-7);
    }
    assert_int_equal(t.info.n_params, asc_model_params(&spec));
    assert_true(isnan(t.info.delta[1]));
    assert_true(distance(t.out, a, b, 0, 1) == 0); /* weight 1 alone: the very numbers */
    asc_model_free(a);
    asc_model_free(b);
    two_clear(&t);
}

static void merge__delta_is_the_distance_from_the_base(void **state)
{
    two t;
    two_init(&t);
    asc_model *a = make(1), *b = make(2);
    double moved = 0, size = 0;
    for (size_t i = 0; i < asc_model_flat_size(a); i++) {
        double x = asc_model_params_data(a)[i], y = asc_model_params_data(b)[i];
        moved += fabs(y - x);
        size += fabs(x) + fabs(y);
    }
    assert_int_equal(merge(&t, 0, 1, (asc_merge_opts){.has_base = true}), ASC_OK);
    assert_true(fabs(t.info.delta[1] - moved / size) < 1e-9);
    assert_true(t.info.delta[0] == 0);
    asc_model_free(a);
    asc_model_free(b);
    two_clear(&t);
}

/* Types: the common one is kept, mixed ones become fp32, and what is asked for is written. */
static void merge__keeps_the_common_type(void **state)
{
    two t;
    two_init(&t);
    asc_model *a, *b;
    char *path = asc_path_join(t.out, "model.safetensors");
    const struct {
        const char *a, *b, *want;
        asc_merge_dtype asked;
    } cases[] = {{"F32", "F32", "F32", ASC_MERGE_AS_IS},
                 {"BF16", "F32", "F32", ASC_MERGE_AS_IS},
                 {"BF16", "BF16", "BF16", ASC_MERGE_AS_IS},
                 {"BF16", "BF16", "F32", ASC_MERGE_FP32},
                 {"F32", "F32", "BF16", ASC_MERGE_BF16}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rewrite(t.a, cases[i].a, NULL, NULL);
        rewrite(t.b, cases[i].b, NULL, NULL);
        a = load(t.a);
        b = load(t.b);
        assert_int_equal(merge(&t, .5, .5, (asc_merge_opts){.dtype = cases[i].asked}), ASC_OK);
        asc__st_file f = {0};
        assert_int_equal(asc__st_open(&f, path, NULL), ASC_OK);
        for (size_t k = 0; k < f.n_tensors; k++)
            assert_string_equal(f.tensors[k].dtype, cases[i].want);
        asc__st_close(&f);
        bool narrow = strcmp(cases[i].want, "BF16") == 0;
        assert_true(distance(t.out, a, b, .5, .5) <= (narrow ? .004 : 1e-7)); /* gains of 1: half of 2^-8 */
        asc_model_free(a);
        asc_model_free(b);
    }
    asc_free(path);
    two_clear(&t);
}

static void merge__shards_hold_the_same(void **state)
{
    two t;
    two_init(&t);
    asc_model *a = make(1), *b = make(2);
    assert_int_equal(merge(&t, .5, .5, (asc_merge_opts){.shard_bytes = 1000}), ASC_OK);
    assert_true(t.info.n_files > 2);
    assert_true(distance(t.out, a, b, .5, .5) < 1e-7);
    asc_free(t.a); /* and shards are merged like one file */
    t.a = asc_strdup(t.out);
    char *again = asc_path_join(t.dir, "again");
    asc_free(t.out);
    t.out = again;
    assert_int_equal(asc_mkdirs(again, NULL), ASC_OK);
    assert_int_equal(merge(&t, .5, .5, (asc_merge_opts){0}), ASC_OK);
    assert_true(distance(t.out, a, b, .25, .75) < 1e-7);
    asc_model_free(a);
    asc_model_free(b);
    two_clear(&t);
}

/* ---- what must be the same ---- */

static void merge__names_what_differs(void **state)
{
    static const float one[2] = {1, 2};
    static const int64_t ids[2] = {1, 2}, other_ids[2] = {1, 3};
    two t;
    two_init(&t);
    rewrite(t.b, "F32", "h.0.ln_1.bias", NULL);
    refuses(&t, "b: tensor 'transformer.h.0.ln_1.bias' is missing, which");
    rewrite(t.b, "F32", NULL, &(extra){"transformer.h.0.ln_1.bias", "F32", one, 2});
    refuses(&t, "tensor 'transformer.h.0.ln_1.bias' has shape [2], but [8] in");
    rewrite(t.b, "F32", "h.0.ln_1.bias", NULL);
    rewrite(t.a, "F32", "h.0.ln_1.bias", &(extra){"score.bias", "F32", one, 2});
    refuses(&t, "b: tensor 'score.bias' is missing, which");
    rewrite(t.a, "F32", "score.bias", &(extra){"table", "I64", ids, 2});
    rewrite(t.b, "F32", NULL, &(extra){"table", "I64", other_ids, 2});
    refuses(&t, "tensor 'table' of type I64 differs from that in");
    rewrite(t.b, "F32", "table", &(extra){"table", "F32", one, 2});
    refuses(&t, "tensor 'table' is of type F32, but I64 in");
    rewrite(t.b, "F32", "table", &(extra){"table", "I64", ids, 2});
    assert_int_equal(merge(&t, .5, .5, (asc_merge_opts){0}), ASC_OK);
    rewrite(t.a, "F32", "table", NULL);
    rewrite(t.b, "F32", "table", &(extra){"h.0.attn.masked_bias", "F32", one, 2}); /* no parameter: not missed */
    assert_int_equal(merge(&t, .5, .5, (asc_merge_opts){0}), ASC_OK);
    two_clear(&t);
}

static void merge__a_tied_head_beside_its_embedding_is_no_difference(void **state)
{
    two t;
    two_init(&t);
    asc_model *a = make(1), *b = make(2);
    const asc_param *p = asc_model_find_tensor(b, "wte.weight");
    rewrite(t.b, "F32", "wte.weight",
            &(extra){"head", "F32", asc_model_params_data(b) + p->offset, (int64_t)p->n}); /* a stand-in of its size */
    refuses(&t, "wte.weight");
    char *path = asc_path_join(t.b, "model.safetensors");
    assert_int_equal(asc_remove_tree(t.b, NULL), ASC_OK);
    asc_free(folder_of(t.dir, "b", 2));
    asc__st_file f = {0};
    assert_int_equal(asc__st_open(&f, path, NULL), ASC_OK);
    asc__st_tensor list[64];
    float *data[64];
    for (size_t i = 0; i < f.n_tensors; i++) { /* the same under the output layer's name alone */
        list[i] = f.tensors[i];
        list[i].dtype = NULL;
        data[i] = malloc(list[i].n * sizeof **data);
        assert_int_equal(asc__st_read(&f, &f.tensors[i], data[i], NULL), ASC_OK);
        list[i].data = data[i];
        if (strstr(list[i].name, "wte"))
            list[i].name = "lm_head.weight";
    }
    assert_int_equal(asc__st_write(path, list, f.n_tensors, NULL), ASC_OK);
    assert_int_equal(merge(&t, .5, .5, (asc_merge_opts){0}), ASC_OK);
    assert_true(distance(t.out, a, b, .5, .5) < 1e-7);
    for (size_t i = 0; i < f.n_tensors; i++)
        free(data[i]);
    asc__st_close(&f);
    asc_free(path);
    asc_model_free(a);
    asc_model_free(b);
    two_clear(&t);
}

static void merge__names_the_field_of_config_that_differs(void **state)
{
    two t;
    two_init(&t);
    char *path = asc_path_join(t.b, "config.json");
    json_t *j = NULL;
    assert_int_equal(asc_json_load(&j, path, NULL), ASC_OK);
    json_object_set_new(j, "n_head", json_integer(4));
    assert_int_equal(asc_json_write(path, j, 2, NULL), ASC_OK);
    refuses(&t, "the number of heads is 4, but 2 in");
    json_object_set_new(j, "model_type", json_string("mamba"));
    assert_int_equal(asc_json_write(path, j, 2, NULL), ASC_OK);
    refuses(&t, "model_type is \"mamba\", but \"gpt2\" in");
    json_decref(j);
    asc_free(path);
    two_clear(&t);
}

static void merge__refuses_what_is_not_finite(void **state)
{
    two t;
    two_init(&t);
    static const float bad[3] = {0, NAN, 1};
    rewrite(t.a, "F32", NULL, &(extra){"score.bias", "F32", bad, 3});
    rewrite(t.b, "F32", NULL, &(extra){"score.bias", "F32", bad, 3});
    assert_int_equal(merge(&t, .5, .5, (asc_merge_opts){0}), ASC_ENUMERIC);
    assert_non_null(strstr(t.err.msg, "a/model.safetensors: tensor 'score.bias' holds NaN (element 1)"));
    two_clear(&t);
}

/* ---- moments ---- */

static void merge__second_moments_stay_positive(void **state)
{
    two t;
    two_init(&t);
    const char *dirs[] = {t.a, t.b};
    double weights[] = {2, -1};
    asc_model *m[2] = {make(1), make(2)};
    for (int k = 0; k < 2; k++) {
        char *path = asc_path_join(dirs[k], "optimizer.safetensors");
        const asc_param *p = asc_model_find_tensor(m[k], "ln_f.bias");
        asc_model_moment1_data(m[k])[p->offset] = k ? 3 : 1;
        asc_model_moment2_data(m[k])[p->offset] = k ? 3 : 1;
        assert_int_equal(asc_model_save_optimizer(m[k], path, NULL), ASC_OK);
        asc_free(path);
    }
    char *out = asc_path_join(t.out, "optimizer.safetensors");
    asc_merge_opts o = {.n = 2, .dirs = dirs, .weights = weights};
    assert_int_equal(asc_model_merge_moments(&o, out, &t.err), ASC_OK);
    assert_int_equal(asc_model_load_optimizer(m[0], out, NULL), ASC_OK);
    const asc_param *p = asc_model_find_tensor(m[0], "ln_f.bias");
    assert_true(asc_model_moment1_data(m[0])[p->offset] == -1);
    assert_true(asc_model_moment2_data(m[0])[p->offset] == 0);
    asc_free(out);
    asc_model_free(m[0]);
    asc_model_free(m[1]);
    two_clear(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merge__is_the_weighted_sum),
        cmocka_unit_test(merge__delta_is_the_distance_from_the_base),
        cmocka_unit_test(merge__keeps_the_common_type),
        cmocka_unit_test(merge__shards_hold_the_same),
        cmocka_unit_test(merge__names_what_differs),
        cmocka_unit_test(merge__a_tied_head_beside_its_embedding_is_no_difference),
        cmocka_unit_test(merge__names_the_field_of_config_that_differs),
        cmocka_unit_test(merge__refuses_what_is_not_finite),
        cmocka_unit_test(merge__second_moments_stay_positive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
