#include "test.h"

#include "device/device.h"
#include "model/model.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "safetensors.h"

/* golden/llama.py: checkpoints of transformers' classes, with logits, loss and every gradient of autograd. */

enum { B = 2, T = 17, V = 61 };
#define GOLDEN ASC_SOURCE_DIR "/tests/model/golden/"

static asc_model *load(const char *dir, asc_isa isa, bool training)
{
    asc_model_spec spec;
    asc_model *m = NULL;
    asc_error err;
    asc_model_opts opts = {.isa = isa, .micro_batch = B, .training = training};
    if (asc_model_spec_read(&spec, dir, &err) != ASC_OK || asc_model_create(&m, &spec, &opts, &err) != ASC_OK ||
        asc_model_load(m, dir, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    return m;
}

static float *tensor_of(const asc__st_file *f, const char *name, size_t n)
{
    const asc__st_tensor *t = asc__st_find(f, name);
    if (!t || t->n != n)
        fail_msg("golden tensor %s is missing, or not of %zu numbers", name, n);
    float *x = malloc(n * sizeof *x);
    assert_int_equal(asc__st_read(f, t, x, NULL), ASC_OK);
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

static void check_gradients(const char *name, asc_model *m, const asc__st_file *f)
{
    for (size_t i = 0; i < asc_model_n_tensors(m); i++) {
        const asc_param *p = asc_model_tensor(m, i);
        char key[96];
        snprintf(key, sizeof key, "grad.%s", p->name);
        float *want = tensor_of(f, key, p->n);
        double e = relative_error(asc_model_grads_data(m) + p->offset, want, p->n), size = 0;
        for (size_t j = 0; j < p->n; j++)
            size = fmax(size, fabs((double)want[j]));
        /* a key's bias has no gradient but rounding: softmax does not see it */
        if (!(e < 2e-5) && size > 1e-4)
            fail_msg("%s: %s: differs from autograd by %g", name, p->name, e);
        free(want);
    }
}

static void check_model(const char *name, const asc__st_file *f, asc_isa isa, bool training)
{
    float *ids_f = tensor_of(f, "ids", B * (T + 1)), *want = tensor_of(f, "logits", B * T * V);
    float *loss_want = tensor_of(f, "loss", 1), *got = malloc(B * T * V * sizeof *got);
    char dir[512];
    int32_t ids[B * (T + 1)];
    double loss;
    snprintf(dir, sizeof dir, "%s%s", GOLDEN, name);
    for (size_t i = 0; i < B * (T + 1); i++)
        ids[i] = (int32_t)ids_f[i];
    asc_batch b = asc_batch_lm(ids, B, T);
    asc_model *m = load(dir, isa, training);
    assert_int_equal(asc_model_logits(m, &b, got, NULL), ASC_OK);
    for (size_t i = 0; i < B * T * V; i++)
        if (!(fabsf(got[i] - want[i]) < 1e-4f))
            fail_msg("%s: logit %zu is %g, transformers' %g", name, i, (double)got[i], (double)want[i]);
    if (training)
        assert_int_equal(asc_model_forward_backward(m, &b, 1, &loss, NULL), ASC_OK);
    else
        assert_int_equal(asc_model_loss(m, &b, &loss, NULL, NULL, NULL, NULL), ASC_OK);
    assert_true(fabs(loss - (double)loss_want[0]) / (B * T) < 1e-5);
    if (training)
        check_gradients(name, m, f);
    asc_model_free(m);
    free(ids_f);
    free(want);
    free(loss_want);
    free(got);
}

static void llama__agrees_with_transformers(void **state)
{
    static const char *const names[] = {"llama", "mistral", "qwen2", "qwen3", "olmo2", "gpt_neox"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        asc__st_file f = {0};
        char path[512];
        snprintf(path, sizeof path, "%s%s/golden.safetensors", GOLDEN, names[i]);
        assert_int_equal(asc__st_open(&f, path, NULL), ASC_OK);
        for (int isa = ASC_ISA_PLAIN; isa <= ASC_ISA_AMX; isa++)
            if (asc_device_isa_has((asc_isa)isa))
                check_model(names[i], &f, (asc_isa)isa, strcmp(names[i], "gpt_neox") != 0);
        asc__st_close(&f);
    }
}

/* ---- config.json ---- */

#define SHAPE                                                                                                          \
    "\"vocab_size\":10,\"max_position_embeddings\":99,\"hidden_size\":8,\"num_hidden_layers\":1,"                      \
    "\"num_attention_heads\":2,\"intermediate_size\":9"

static asc_status read_text(asc_model_spec *s, const char *text, asc_error *err)
{
    char dir[] = "/tmp/asc_llama_XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/config.json", dir);
    assert_int_equal(asc_write_file(path, text, strlen(text), NULL), ASC_OK);
    asc_status st = asc_model_spec_read(s, dir, err);
    assert_int_equal(asc_remove_tree(dir, NULL), ASC_OK);
    return st;
}

static asc_model_spec spec_of(const char *text)
{
    asc_model_spec s;
    asc_error err = {0};
    if (read_text(&s, text, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    return s;
}

static void config__both_ways_of_rotary_settings_are_read(void **state)
{
    asc_model_spec s =
        spec_of("{\"model_type\":\"llama\"," SHAPE ",\"rope_theta\":500000.0,\"rope_scaling\":{\"factor\":8.0,"
                "\"low_freq_factor\":1.0,\"high_freq_factor\":4.0,"
                "\"original_max_position_embeddings\":8192,\"rope_type\":\"llama3\"}}");
    assert_true(s.rope_theta == 500000 && s.rope_scaling == ASC_ROPE_LLAMA3 && s.rope_factor == 8);
    s = spec_of("{\"model_type\":\"llama\"," SHAPE ",\"rope_scaling\":{\"type\":\"linear\",\"factor\":2}}");
    assert_true(s.rope_scaling == ASC_ROPE_LINEAR && s.rope_factor == 2 && s.untied);
    s = spec_of("{\"model_type\":\"qwen3\"," SHAPE ",\"head_dim\":6,\"tie_word_embeddings\":true,"
                "\"rope_parameters\":{\"rope_theta\":1000000,\"rope_type\":\"default\"}}");
    assert_true(s.rope_theta == 1e6 && s.head_dim == 6 && s.qk_norm == ASC_QK_NORM_HEAD && !s.untied);
}

static void config__a_sliding_window_limits_the_context(void **state)
{
    assert_int_equal(spec_of("{\"model_type\":\"mistral\"," SHAPE ",\"sliding_window\":50}").context, 50);
    assert_int_equal(spec_of("{\"model_type\":\"mistral\"," SHAPE ",\"sliding_window\":null}").context, 99);
    assert_int_equal(
        spec_of("{\"model_type\":\"qwen2\"," SHAPE ",\"sliding_window\":50,\"use_sliding_window\":false}").context, 99);
    assert_int_equal(
        spec_of("{\"model_type\":\"qwen2\"," SHAPE ",\"sliding_window\":50,\"layer_types\":[\"sliding_attention\"]}")
            .context,
        50);
}

static void config__what_is_not_computed_is_named(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"{\"model_type\":\"gemma\"," SHAPE "}",
         "expected gpt2, bert, llama, mistral, qwen2, qwen3, olmo2 or gpt_neox"},
        {"{\"model_type\":\"llama\"," SHAPE ",\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":2}}", "yarn"},
        {"{\"model_type\":\"llama\"," SHAPE ",\"rope_scaling\":\"linear\"}",
         "'rope_scaling': expected an object or null"},
        {"{\"model_type\":\"llama\"," SHAPE ",\"rope_parameters\":[2]}", "'rope_parameters': expected an object"},
        {"{\"model_type\":\"llama\"," SHAPE ",\"rope_scaling\":{\"factor\":2}}", "a factor without rope_type"},
        {"{\"model_type\":\"gpt_neox\"," SHAPE ",\"rope_scaling\":true}", "'rope_scaling': expected an object"},
        {
            "{\"model_type\":\"llama\"," SHAPE ",\"hidden_act\":\"gelu\"}",
            "only silu",
        },
        {"{\"model_type\":\"llama\"," SHAPE ",\"num_key_value_heads\":3}", "kv_heads"},
        {"{\"model_type\":\"llama\"," SHAPE ",\"partial_rotary_factor\":0.5}", "partial_rotary_factor"},
        {"{\"model_type\":\"llama\"," SHAPE ",\"head_dim\":7}", "even"},
        {"{\"model_type\":\"qwen2\"," SHAPE ",\"layer_types\":[\"linear_attention\"]}", "layer_types[0]"},
        {"{\"model_type\":\"gpt_neox\"," SHAPE ",\"rotary_pct\":0.1}", "partial rotation"},
        {"{\"model_type\":\"gpt2\",\"vocab_size\":9,\"n_positions\":4,\"n_embd\":7,\"n_layer\":1,\"n_head\":2}",
         "not divisible"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        asc_model_spec s;
        asc_error err = {0};
        assert_int_equal(read_text(&s, cases[i].text, &err), ASC_EINVAL);
        if (!strstr(err.msg, cases[i].words))
            fail_msg("no '%s' in: %s", cases[i].words, err.msg);
    }
}

static void neox__is_not_trained(void **state)
{
    asc_model_spec s = spec_of("{\"model_type\":\"gpt_neox\"," SHAPE ",\"rotary_pct\":1.0}");
    asc_model *m = NULL;
    asc_error err = {0};
    assert_int_equal(asc_model_create(&m, &s, &(asc_model_opts){.training = true}, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "gpt2, bert or llama can be trained"));
}

/* Past what a table of positions would hold nothing is read: the context may be cut, as for evaluation. */
static void context__is_limited_only_without_a_table_of_positions(void **state)
{
    asc_model_spec s = {.arch = ASC_ARCH_LLAMA, .context = 131072}, g = {.arch = ASC_ARCH_GPT2, .context = 131072};
    asc_model_limit_context(&s, 4096);
    asc_model_limit_context(&g, 4096);
    assert_int_equal(s.context, 4096);
    assert_int_equal(g.context, 131072);
}

/* ---- µP ---- */

/* Root mean square change of the logits over three steps of AdamW on one batch; heads are 16 wide at every width. */
static double logit_change(int width, bool mup)
{
    enum { ROWS = 4, LENGTH = 16, WORDS = 64 };
    asc_model_spec spec = {.arch = ASC_ARCH_LLAMA, .n_layers = 2, .n_heads = width / 16, .width = width};
    spec.context = LENGTH;
    spec.vocab = WORDS;
    spec.mup = mup;
    spec.mup_base_width = 32;
    asc_model *m = NULL;
    asc_model_opts opts = {.micro_batch = ROWS, .training = true};
    assert_int_equal(asc_model_create(&m, &spec, &opts, NULL), ASC_OK);
    asc_model_init_weights(m, 1);
    int32_t ids[ROWS * (LENGTH + 1)];
    asc_rng rng;
    asc_rng_init(&rng, 2, "ids", 0);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        ids[i] = (int32_t)asc_rng_below(&rng, WORDS);
    asc_batch b = asc_batch_lm(ids, ROWS, LENGTH);
    float *before = malloc(ROWS * LENGTH * WORDS * sizeof *before),
          *after = malloc(ROWS * LENGTH * WORDS * sizeof *after);
    assert_int_equal(asc_model_logits(m, &b, before, NULL), ASC_OK);
    asc_adamw a = {.lr = 1e-2, .beta1 = .9, .beta2 = .95, .eps = 1e-8, .clip = 0};
    double loss, sum = 0;
    for (a.step = 1; a.step <= 3; a.step++) {
        assert_int_equal(asc_model_forward_backward(m, &b, 1. / (ROWS * LENGTH), &loss, NULL), ASC_OK);
        asc_model_step(m, &a);
    }
    assert_int_equal(asc_model_logits(m, &b, after, NULL), ASC_OK);
    for (int i = 0; i < ROWS * LENGTH * WORDS; i++)
        sum += ((double)after[i] - (double)before[i]) * ((double)after[i] - (double)before[i]);
    free(before);
    free(after);
    asc_model_free(m);
    return sqrt(sum / (ROWS * LENGTH * WORDS));
}

/* The coordinate check of Yang et al. 2203.03466, as for GPT-2. */
static void mup__one_rate_changes_logits_alike_at_every_width(void **state)
{
    double base = logit_change(32, true), with = logit_change(256, true), without = logit_change(256, false);
    if (!(with < 2 * base && with > .5 * base && without > 2.5 * base))
        fail_msg("change of the logits: %g at width 32; at 256 %g with muP, %g without", base, with, without);
}

int main(void)
{
    setenv("AUTOSCALE_AMX_STAND_IN", "1", 1); /* the path of isa amx, on AVX512-BF16 */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(llama__agrees_with_transformers),
        cmocka_unit_test(config__both_ways_of_rotary_settings_are_read),
        cmocka_unit_test(config__a_sliding_window_limits_the_context),
        cmocka_unit_test(config__what_is_not_computed_is_named),
        cmocka_unit_test(neox__is_not_trained),
        cmocka_unit_test(context__is_limited_only_without_a_table_of_positions),
        cmocka_unit_test(mup__one_rate_changes_logits_alike_at_every_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
