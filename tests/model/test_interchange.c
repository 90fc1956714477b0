#include "test.h"

#include "device/device.h"
#include "spec/spec_settings.h"
#include "model/model.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "safetensors.h"

#define GOLDEN ASC_SOURCE_DIR "/tests/model/golden/gpt2"

static asc_model *make(const asc_model_spec *spec, const char *load, asc_isa isa)
{
    asc_model *m = NULL;
    asc_error err;
    asc_model_opts opts = {.isa = isa, .micro_batch = 2, .training = true};
    if (asc_model_create(&m, spec, &opts, &err) != ASC_OK || (load && asc_model_load(m, load, &err) != ASC_OK))
        fail_msg("%s", err.msg);
    return m;
}

static asc_model *golden_model(asc_isa isa)
{
    asc_model_spec spec;
    asc_error err;
    if (asc_model_spec_read(&spec, GOLDEN, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    return make(&spec, GOLDEN, isa);
}

static float *tensor_of(const asc__st_file *f, const char *name, size_t *n)
{
    const asc__st_tensor *t = asc__st_find(f, name);
    if (!t)
        fail_msg("golden tensor %s is missing", name);
    float *x = malloc(t->n * sizeof *x);
    assert_int_equal(asc__st_read(f, t, x, NULL), ASC_OK);
    *n = t->n;
    return x;
}

static double relative_error(const float *a, const float *b, size_t n)
{
    double diff = 0, norm = 1e-30;
    for (size_t i = 0; i < n; i++) {
        diff += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        norm += (double)b[i] * (double)b[i];
    }
    return sqrt(diff / norm);
}

static void check_gradients(asc_model *m, const asc__st_file *f)
{
    for (size_t i = 0; i < asc_model_n_tensors(m); i++) {
        const asc_param *p = asc_model_tensor(m, i);
        char name[96];
        size_t n;
        snprintf(name, sizeof name, "grad.%s", p->name);
        float *want = tensor_of(f, name, &n);
        assert_int_equal(n, p->n);
        double e = relative_error(asc_model_grads_data(m) + p->offset, want, n);
        if (!(e < 1e-5))
            fail_msg("%s: differs from autograd by %g", p->name, e);
        free(want);
    }
}

static void check_step(asc_model *m, const asc__st_file *f)
{
    static const char *const names[] = {"h.0.mlp.c_fc.weight", "wte.weight", "ln_f.bias"};
    asc_adamw a = {.lr = 1e-3, .beta1 = .9, .beta2 = .95, .eps = 1e-8, .weight_decay = .1, .clip = 1, .step = 1};
    assert_true(asc_model_step(m, &a) > 1); /* so that clipping is part of the test */
    for (int i = 0; i < 3; i++) {
        char name[96];
        size_t n;
        snprintf(name, sizeof name, "after.%s", names[i]);
        float *want = tensor_of(f, name, &n);
        const asc_param *p = asc_model_find_tensor(m, names[i]);
        for (size_t j = 0; j < n; j++)
            assert_true(fabsf(asc_model_params_data(m)[p->offset + j] - want[j]) < 2e-6f);
        free(want);
    }
}

/* golden/gpt2.py: a checkpoint of transformers here. Logits to 1e-4, loss to 1e-5, gradients to 1e-5 of autograd's. */
static void gpt2__agrees_with_transformers(void **state)
{
    asc__st_file f = {0};
    assert_int_equal(asc__st_open(&f, GOLDEN "/golden.safetensors", NULL), ASC_OK);
    size_t n, n_logits, one;
    float *raw = tensor_of(&f, "ids", &n), *logits = tensor_of(&f, "logits", &n_logits),
          *loss_want = tensor_of(&f, "loss", &one);
    int32_t ids[2 * 18];
    assert_int_equal(n, 2 * 18);
    for (size_t i = 0; i < n; i++)
        ids[i] = (int32_t)raw[i];
    asc_batch b = asc_batch_lm(ids, 2, 17);
    float *got = malloc(n_logits * sizeof *got);
    for (int isa = ASC_ISA_PLAIN; isa <= ASC_ISA_AMX; isa++) {
        if (!asc_device_isa_has((asc_isa)isa))
            continue;
        asc_model *m = golden_model((asc_isa)isa);
        double loss;
        assert_int_equal(asc_model_logits(m, &b, got, NULL), ASC_OK);
        for (size_t i = 0; i < n_logits; i++)
            assert_true(fabsf(got[i] - logits[i]) < 1e-4f);
        assert_int_equal(asc_model_forward_backward(m, &b, 1, &loss, NULL), ASC_OK);
        assert_true(fabs(loss - (double)loss_want[0]) / 34 < 1e-5);
        check_gradients(m, &f);
        check_step(m, &f);
        asc_model_free(m);
    }
    free(raw);
    free(logits);
    free(loss_want);
    free(got);
    asc__st_close(&f);
}

static void temp_dir(char *dir, size_t n)
{
    snprintf(dir, n, "/tmp/asc_interchange_XXXXXX");
    assert_non_null(mkdtemp(dir));
}

static void remove_dir(const char *dir)
{
    static const char *const names[] = {"model.safetensors", "config.json", "optimizer.safetensors"};
    char path[256];
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    rmdir(dir);
}

static void checkpoint__reads_back_bit_for_bit(void **state)
{
    char dir[64], path[128];
    temp_dir(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/optimizer.safetensors", dir);
    asc_model *a = golden_model(ASC_ISA_AUTO);
    float *m1 = asc_model_moment1_data(a), *m2 = asc_model_moment2_data(a);
    for (size_t i = 0; i < asc_model_n_tensors(a); i++) {
        const asc_param *p = asc_model_tensor(a, i);
        for (size_t j = 0; j < p->n; j++) {
            m1[p->offset + j] = (float)j * .5f;
            m2[p->offset + j] = (float)j + .25f;
        }
    }
    assert_int_equal(asc_model_save(a, dir, NULL), ASC_OK);
    assert_int_equal(asc_model_save_optimizer(a, path, NULL), ASC_OK);
    asc_model_spec spec;
    assert_int_equal(asc_model_spec_read(&spec, dir, NULL), ASC_OK);
    asc_model *b = make(&spec, dir, ASC_ISA_AUTO);
    assert_int_equal(asc_model_load_optimizer(b, path, NULL), ASC_OK);
    size_t bytes = asc_model_flat_size(a) * sizeof(float);
    assert_int_equal(asc_model_flat_size(b) * sizeof(float), bytes);
    assert_memory_equal(asc_model_params_data(a), asc_model_params_data(b), bytes);
    assert_memory_equal(m1, asc_model_moment1_data(b), bytes);
    assert_memory_equal(m2, asc_model_moment2_data(b), bytes);
    asc_model_free(a);
    asc_model_free(b);
    remove_dir(dir);
}

/* A file of the given header text, its stated length, and n bytes of data. */
static void write_file(const char *path, const char *header, uint64_t stated, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    for (int i = 0; i < 8; i++)
        fputc((int)(stated >> (8 * i) & 255), f);
    fputs(header, f);
    for (size_t i = 0; i < n; i++)
        fputc(0, f);
    fclose(f);
}

static void safetensors__lying_headers_are_refused(void **state)
{
    static const struct {
        const char *header;
        int64_t stated; /* -1: true length */
        size_t data;
    } cases[] = {
        {"{}", 1 << 30, 0},
        {"{}", INT64_MAX, 0},
        {"", -1, 0},
        {"[]", -1, 0},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", -1, 7},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", -1, 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", -1, 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}}", -1, 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", -1, 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,0]}}", -1, 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387905],\"data_offsets\":[0,4]}}", -1, 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":\"2\",\"data_offsets\":[0,8]}}", -1, 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"dtype\":\"F16\"}}", -1, 8},
        {"{\"a\":7}", -1, 0},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", -1, 9},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}", -1, 12},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
         "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
         -1, 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
         "\"b\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[4,12]}}",
         -1, 12},
    };
    char dir[64], path[128];
    temp_dir(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        asc__st_file f = {0};
        asc_error err = {0};
        uint64_t stated = cases[i].stated < 0 ? strlen(cases[i].header) : (uint64_t)cases[i].stated;
        write_file(path, cases[i].header, stated, cases[i].data);
        assert_int_not_equal(asc__st_open(&f, path, &err), ASC_OK);
        assert_non_null(strstr(err.msg, path));
    }
    remove_dir(dir);
}

static void safetensors__half_and_bf16_widen_exactly(void **state)
{
    char dir[64], path[128];
    temp_dir(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    const char *header = "{\"h\":{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[0,8]},"
                         "\"b\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[8,12]}}";
    write_file(path, header, strlen(header), 0);
    const uint16_t bits[] = {0x3c00, 0x0001, 0xc500, 0x7c00, 0x3f80, 0xc0a0};
    FILE *f = fopen(path, "ab");
    assert_int_equal(fwrite(bits, 2, 6, f), 6);
    fclose(f);
    asc__st_file s = {0};
    float h[4], b[2];
    assert_int_equal(asc__st_open(&s, path, NULL), ASC_OK);
    assert_int_equal(asc__st_read(&s, asc__st_find(&s, "h"), h, NULL), ASC_OK);
    assert_int_equal(asc__st_read(&s, asc__st_find(&s, "b"), b, NULL), ASC_OK);
    assert_true(h[0] == 1 && h[1] == 0x1p-24f && h[2] == -5 && isinf(h[3]) && b[0] == 1 && b[1] == -5);
    asc__st_close(&s);
    remove_dir(dir);
}

static void load__wrong_shape_leaves_parameters_untouched(void **state)
{
    asc_model_spec spec;
    asc_error err;
    assert_int_equal(asc_model_spec_read(&spec, GOLDEN, NULL), ASC_OK);
    spec.context++;
    asc_model *m = make(&spec, NULL, ASC_ISA_AUTO);
    asc_model_init_weights(m, 1);
    size_t bytes = asc_model_flat_size(m) * sizeof(float);
    float *before = malloc(bytes);
    memcpy(before, asc_model_params_data(m), bytes);
    assert_int_equal(asc_model_load(m, GOLDEN, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "wpe.weight"));
    assert_memory_equal(before, asc_model_params_data(m), bytes);
    free(before);
    asc_model_free(m);
}

/* The golden model's tensors in turn to two shards, and the index of them. */
static void write_shards(const char *dir)
{
    asc__st_file f = {0};
    asc__st_tensor part[2][64];
    size_t n[2] = {0, 0};
    char path[128];
    asc_buf index = {0};
    assert_int_equal(asc__st_open(&f, GOLDEN "/model.safetensors", NULL), ASC_OK);
    for (size_t i = 0; i < f.n_tensors; i++) {
        asc__st_tensor *t = &part[i % 2][n[i % 2]++];
        size_t length;
        *t = f.tensors[i];
        t->data = tensor_of(&f, t->name, &length);
        asc_buf_printf(&index, "%s\"%s\":\"s%zu.safetensors\"", i ? "," : "{\"weight_map\":{", t->name, i % 2);
    }
    asc_buf_puts(&index, "}}");
    snprintf(path, sizeof path, "%s/model.safetensors.index.json", dir);
    assert_int_equal(asc_write_file(path, index.data, index.len, NULL), ASC_OK);
    for (int k = 0; k < 2; k++) {
        snprintf(path, sizeof path, "%s/s%d.safetensors", dir, k);
        assert_int_equal(asc__st_write(path, part[k], n[k], NULL), ASC_OK);
        for (size_t i = 0; i < n[k]; i++)
            free((void *)(uintptr_t)part[k][i].data);
    }
    asc_buf_clear(&index);
    asc__st_close(&f);
}

static void load__shards_are_one_model(void **state)
{
    char dir[64], path[128];
    asc_error err = {0};
    asc_model *whole = golden_model(ASC_ISA_AUTO);
    size_t bytes = asc_model_flat_size(whole) * sizeof(float);
    temp_dir(dir, sizeof dir);
    write_shards(dir);
    asc_model *m = make(asc_model_get_spec(whole), dir, ASC_ISA_AUTO);
    assert_memory_equal(asc_model_params_data(m), asc_model_params_data(whole), bytes);

    snprintf(path, sizeof path, "%s/s1.safetensors", dir);
    unlink(path);
    assert_int_equal(asc_model_load(m, dir, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "s1.safetensors"));
    snprintf(path, sizeof path, "%s/model.safetensors.index.json", dir);
    static const char outside[] = "{\"weight_map\":{\"a\":\"../x\"}}";
    assert_int_equal(asc_write_file(path, outside, sizeof outside - 1, NULL), ASC_OK);
    assert_int_equal(asc_model_load(m, dir, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "weight_map"));
    assert_memory_equal(asc_model_params_data(m), asc_model_params_data(whole), bytes);
    asc_model_free(m);
    asc_model_free(whole);
    assert_int_equal(asc_remove_tree(dir, NULL), ASC_OK);
}

/* The golden model's tensors, each put through `change` (false: left out), as one file of a fresh folder. */
typedef bool (*change_fn)(asc__st_tensor *t, char name[96]);

static void write_changed(const char *dir, change_fn change)
{
    asc__st_file f = {0};
    asc__st_tensor out[64];
    static char names[64][96];
    size_t n = 0;
    char path[128];
    assert_int_equal(asc__st_open(&f, GOLDEN "/model.safetensors", NULL), ASC_OK);
    for (size_t i = 0; i < f.n_tensors; i++) {
        size_t length;
        snprintf(names[n], sizeof names[n], "%s", f.tensors[i].name);
        out[n] = f.tensors[i];
        out[n].name = names[n];
        float *x = tensor_of(&f, f.tensors[i].name, &length);
        out[n].data = x;
        if (change(&out[n], names[n]))
            n++;
        else
            free(x);
    }
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    assert_int_equal(asc__st_write(path, out, n, NULL), ASC_OK);
    for (size_t i = 0; i < n; i++)
        free((void *)(uintptr_t)out[i].data);
    asc__st_close(&f);
    char *config = NULL;
    assert_int_equal(asc_read_file(GOLDEN "/config.json", 1 << 20, &config, &n, NULL), ASC_OK);
    snprintf(path, sizeof path, "%s/config.json", dir);
    assert_int_equal(asc_write_file(path, config, n, NULL), ASC_OK);
    asc_free(config);
}

static const char *const as_wrapped[] = {"_orig_mod.", "module.",           "module._orig_mod.",
                                         "model.",     "base_model.model.", "_fsdp_wrapped_module._orig_mod."};
static size_t wrapped_by;

static bool wrap(asc__st_tensor *t, char name[96])
{
    char plain[96];
    snprintf(plain, sizeof plain, "%s", t->name);
    snprintf(name, 96, "%s%s", as_wrapped[wrapped_by], plain);
    return true;
}

static bool wrap_inside(asc__st_tensor *t, char name[96])
{
    char plain[96], *mlp;
    snprintf(plain, sizeof plain, "%s", t->name + strlen("transformer."));
    if ((mlp = strstr(plain, "mlp.")))
        snprintf(name, 96, "%.*s_orig_mod.%s", (int)(mlp - plain), plain, mlp);
    else
        snprintf(name, 96, "%s", plain);
    return true;
}

static bool tied_under_the_other_name(asc__st_tensor *t, char name[96])
{
    if (strcmp(name, "transformer.wte.weight") == 0)
        snprintf(name, 96, "lm_head.weight");
    return true;
}

static bool without_wte(asc__st_tensor *t, char name[96])
{
    return strcmp(name, "transformer.wte.weight") != 0;
}

static bool with_nan(asc__st_tensor *t, char name[96])
{
    if (strcmp(name, "transformer.h.1.ln_2.bias") == 0)
        ((float *)(uintptr_t)t->data)[2] = NAN;
    return true;
}

static bool with_one_bias_missing(asc__st_tensor *t, char name[96])
{
    return strcmp(name, "transformer.h.0.mlp.c_fc.bias") != 0;
}

/* What the folder of that change is read as, parameter by parameter that of the golden one. */
static void reads_as_golden(change_fn change)
{
    char dir[64];
    asc_model_spec spec;
    asc_error err = {0};
    temp_dir(dir, sizeof dir);
    write_changed(dir, change);
    if (asc_model_spec_read(&spec, dir, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    assert_false(spec.untied);
    asc_model *whole = golden_model(ASC_ISA_AUTO), *m = make(&spec, dir, ASC_ISA_AUTO);
    assert_memory_equal(asc_model_params_data(m), asc_model_params_data(whole), asc_model_flat_size(m) * sizeof(float));
    asc_model_free(m);
    asc_model_free(whole);
    assert_int_equal(asc_remove_tree(dir, NULL), ASC_OK);
}

static void is_refused(change_fn change, asc_status want, const char *words)
{
    char dir[64];
    asc_model_spec spec;
    asc_error err = {0};
    temp_dir(dir, sizeof dir);
    write_changed(dir, change);
    assert_int_equal(asc_model_spec_read(&spec, dir, &err), ASC_OK);
    asc_model *m = make(&spec, NULL, ASC_ISA_AUTO);
    assert_int_equal(asc_model_load(m, dir, &err), want);
    if (!strstr(err.msg, words))
        fail_msg("no '%s' in: %s", words, err.msg);
    asc_model_free(m);
    assert_int_equal(asc_remove_tree(dir, NULL), ASC_OK);
}

static void load__names_are_found_whatever_wraps_them(void **state)
{
    for (wrapped_by = 0; wrapped_by < sizeof as_wrapped / sizeof *as_wrapped; wrapped_by++)
        reads_as_golden(wrap);
    reads_as_golden(wrap_inside);
    reads_as_golden(tied_under_the_other_name);
}

static void load__what_is_missing_or_not_finite_is_named(void **state)
{
    is_refused(without_wte, ASC_EINVAL, "tensor 'transformer.wte.weight' is missing");
    is_refused(with_one_bias_missing, ASC_EINVAL, "tensor 'transformer.h.0.mlp.c_fc.bias' is missing");
    is_refused(with_nan, ASC_ENUMERIC, "tensor 'transformer.h.1.ln_2.bias' holds NaN (element 2)");
}

/* ---- for golden/compare_ours.py ---- */

static void dump(const char *dir, const char *name, const void *p, size_t n)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(asc_write_file(path, p, n, NULL), ASC_OK);
}

static asc_status set_key(asc_model_spec *m, const char *name, const char *value)
{
    const asc_setting *s = asc_setting_find("model", name);
    return asc_setting_parse(asc_model_setting(m, s), s, value, NULL);
}

static int write_checkpoint(const char *dir, const char *shape)
{
    asc_model_spec spec;
    asc_model_spec_init(&spec);
    char arch[8] = "gpt2", keys[256] = "", *rest = NULL;
    if (sscanf(shape, "%d %d %d %d %d %7s %255s", &spec.n_layers, &spec.n_heads, &spec.width, &spec.context,
               &spec.vocab, arch, keys) < 5 ||
        !asc_arch_parse(arch, &spec.arch))
        return 1;
    for (char *part = strtok_r(keys, ",", &rest); part; part = strtok_r(NULL, ",", &rest)) {
        char *eq = strchr(part, '=');
        *eq = 0;
        assert_int_equal(set_key(&spec, part, eq + 1), ASC_OK);
    }
    char path[512];
    size_t n_ids = 2 * ((size_t)spec.context + 1), n_logits = 2 * (size_t)spec.context * (size_t)spec.vocab;
    int32_t *ids = malloc(n_ids * sizeof *ids), *targets = malloc(n_ids * sizeof *targets);
    float *logits = malloc(n_logits * sizeof *logits);
    snprintf(path, sizeof path, "%s/ids.bin", dir);
    FILE *f = fopen(path, "rb");
    if (!ids || !targets || !logits || !f || fread(ids, sizeof *ids, n_ids, f) != n_ids)
        return 1;
    fclose(f);
    asc_model *m = make(&spec, NULL, ASC_ISA_AUTO);
    asc_model_init_weights(m, 3);
    asc_batch b = asc_batch_lm(ids, 2, spec.context);
    double loss, counted = 2 * spec.context;
    for (size_t i = 0; spec.arch == ASC_ARCH_BERT && i < n_ids; i++) /* every seventh token is to be told */
        targets[i] = i % 7 == 3 ? ids[i] : -1;
    if (spec.arch == ASC_ARCH_BERT) {
        int64_t n;
        b.targets = targets;
        assert_int_equal(asc_model_loss(m, &b, &loss, &n, NULL, NULL, NULL), ASC_OK);
        counted = (double)n;
    }
    assert_int_equal(asc_model_save(m, dir, NULL), ASC_OK);
    assert_int_equal(asc_model_logits(m, &b, logits, NULL), ASC_OK);
    assert_int_equal(asc_model_forward_backward(m, &b, 1 / counted, &loss, NULL), ASC_OK);
    loss /= counted;
    dump(dir, "logits.bin", logits, n_logits * sizeof *logits);
    dump(dir, "loss.bin", &loss, sizeof loss);
    memcpy(asc_model_moment1_data(m), asc_model_grads_data(m), asc_model_flat_size(m) * sizeof(float));
    snprintf(path, sizeof path, "%s/grads.safetensors", dir);
    assert_int_equal(asc_model_save_optimizer(m, path, NULL), ASC_OK);
    asc_model_free(m);
    free(ids);
    free(targets);
    free(logits);
    return 0;
}

int main(void)
{
    if (getenv("ASC_INTERCHANGE_OUT"))
        return write_checkpoint(getenv("ASC_INTERCHANGE_OUT"), getenv("ASC_INTERCHANGE_SHAPE"));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gpt2__agrees_with_transformers),
        cmocka_unit_test(checkpoint__reads_back_bit_for_bit),
        cmocka_unit_test(safetensors__lying_headers_are_refused),
        cmocka_unit_test(safetensors__half_and_bf16_widen_exactly),
        cmocka_unit_test(load__wrong_shape_leaves_parameters_untouched),
        cmocka_unit_test(load__shards_are_one_model),
        cmocka_unit_test(load__names_are_found_whatever_wraps_them),
        cmocka_unit_test(load__what_is_missing_or_not_finite_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
