#include "test.h"

#include "device/device.h"
#include "model/model.h"

#include <math.h>
#include <stdlib.h>

/*
 * The same demands on every shape of every architecture: gradients are those of central differences, fast kernels agree
 * with the plain ones, no bit depends on threads or recomputation, gradients add up and start afresh.
 */

enum { B = 3, MOST_T = 67, MOST_IDS = B * (MOST_T + 1) };

/* What differs from {2 layers, 2 heads, width 16, context 10, vocab 37}. */
typedef struct variant {
    const char *name;
    asc_model_spec s;
} variant;

static const variant variants[] = {
    {"gpt2", {.arch = ASC_ARCH_GPT2}},
    {"gpt2, a head of its own", {.arch = ASC_ARCH_GPT2, .untied = true}},
    {"gpt2, narrow MLP", {.arch = ASC_ARCH_GPT2, .mlp_width = 24, .norm_eps = 1e-3}},
    {"bert", {.arch = ASC_ARCH_BERT}},
    {"bert, a head of its own", {.arch = ASC_ARCH_BERT, .untied = true, .mlp_width = 40}},
    {"bert, width of no whole vectors", {.arch = ASC_ARCH_BERT, .width = 12}},
    {"llama", {.arch = ASC_ARCH_LLAMA}},
    {"llama, grouped queries, a head of its own",
     {.arch = ASC_ARCH_LLAMA, .n_heads = 6, .n_kv_heads = 2, .width = 24, .mlp_width = 44, .untied = true}},
    {"llama, heads wider than the model, all biases",
     {.arch = ASC_ARCH_LLAMA,
      .n_heads = 4,
      .n_kv_heads = 1,
      .head_dim = 10,
      .width = 20,
      .mlp_width = 16,
      .qkv_bias = true,
      .out_bias = true,
      .mlp_bias = true,
      .rope_theta = 500}},
    {"qwen2", {.arch = ASC_ARCH_LLAMA, .qkv_bias = true, .rope_scaling = ASC_ROPE_LINEAR, .rope_factor = 4}},
    {"qwen3", {.arch = ASC_ARCH_LLAMA, .n_heads = 4, .n_kv_heads = 2, .head_dim = 6, .qk_norm = ASC_QK_NORM_HEAD}},
    {"olmo2",
     {.arch = ASC_ARCH_LLAMA,
      .n_heads = 4,
      .n_kv_heads = 2,
      .qk_norm = ASC_QK_NORM_FULL,
      .norm = ASC_NORM_AFTER,
      .untied = true,
      .norm_eps = 1e-6}},
    {"llama3 scaling",
     {.arch = ASC_ARCH_LLAMA, .rope_scaling = ASC_ROPE_LLAMA3, .rope_factor = 8, .rope_original = 16}},
};
enum { N_VARIANTS = sizeof variants / sizeof *variants };

static asc_model_spec spec_of(const variant *v, int context)
{
    asc_model_spec s = v->s;
    s.n_layers = 2;
    s.n_heads = s.n_heads ? s.n_heads : 2;
    s.width = s.width ? s.width : 16;
    s.context = context;
    s.vocab = 37;
    return s;
}

static asc_model *make(const asc_model_spec *spec, asc_model_opts opts)
{
    asc_model *m = NULL;
    asc_error err;
    opts.micro_batch = B;
    if (asc_model_create(&m, spec, &opts, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    asc_model_init_weights(m, 7);
    /* biases and gains away from their start values, so that every gradient is tested */
    asc_rng rng;
    asc_rng_init(&rng, 3, "test", 0);
    float *p = asc_model_params_data(m);
    for (size_t i = 0; i < asc_model_n_tensors(m); i++) {
        const asc_param *t = asc_model_tensor(m, i);
        for (size_t j = 0; j < t->n; j++)
            p[t->offset + j] += .1f * (float)asc_rng_normal(&rng);
    }
    asc_model_params_changed(m);
    return m;
}

/* Ids with targets: the next of each, or of an encoder every third itself. */
typedef struct data {
    int32_t ids[MOST_IDS], targets[MOST_IDS];
    asc_batch batch;
} data;

static void fill(data *d, const asc_model_spec *s, int rows, uint64_t seed)
{
    asc_rng rng;
    asc_rng_init(&rng, seed, "ids", 0);
    for (size_t i = 0; i < MOST_IDS; i++)
        d->ids[i] = (int32_t)asc_rng_below(&rng, (uint64_t)s->vocab);
    d->batch = asc_batch_lm(d->ids, rows, s->context);
    if (!asc_arch_is_encoder(s->arch))
        return;
    for (size_t i = 0; i < MOST_IDS; i++)
        d->targets[i] = i % 3 == 0 ? d->ids[i] : -1;
    d->batch.targets = d->targets;
}

static double gradients_of(asc_model *m, const asc_batch *b, double scale)
{
    double loss;
    assert_int_equal(asc_model_forward_backward(m, b, scale, &loss, NULL), ASC_OK);
    return loss;
}

static double loss_of(asc_model *m, const asc_batch *b)
{
    double loss;
    assert_int_equal(asc_model_loss(m, b, &loss, NULL, NULL, NULL, NULL), ASC_OK);
    return loss;
}

/* (loss(p + h dir) - loss(p - h dir)) / 2h of one tensor */
static double slope_along(asc_model *m, const asc_param *t, const float *dir, double h, const asc_batch *b)
{
    float *p = asc_model_params_data(m) + t->offset, *keep = malloc(t->n * sizeof *keep);
    double at[2];
    memcpy(keep, p, t->n * sizeof *keep);
    for (int side = 0; side < 2; side++) {
        for (size_t j = 0; j < t->n; j++)
            p[j] = keep[j] + (float)(side ? h : -h) * dir[j];
        asc_model_params_changed(m);
        at[side] = loss_of(m, b);
    }
    memcpy(p, keep, t->n * sizeof *keep);
    asc_model_params_changed(m);
    free(keep);
    return (at[1] - at[0]) / (2 * h);
}

static void check_gradients(const variant *v, asc_isa isa, bool recompute)
{
    asc_model_spec spec = spec_of(v, 10);
    spec.recompute = recompute;
    asc_model *m = make(&spec, (asc_model_opts){.isa = isa, .training = true});
    data d;
    fill(&d, &spec, B, 5);
    gradients_of(m, &d.batch, 1);
    asc_rng rng;
    asc_rng_init(&rng, 11, "direction", 0);
    for (size_t i = 0; i < asc_model_n_tensors(m); i++) {
        const asc_param *t = asc_model_tensor(m, i);
        float *dir = malloc(t->n * sizeof *dir);
        double along = 0, norm = 0;
        for (size_t j = 0; j < t->n; j++) {
            dir[j] = (float)asc_rng_normal(&rng);
            norm += (double)dir[j] * (double)dir[j];
            along += (double)asc_model_grads_data(m)[t->offset + j] * (double)dir[j];
        }
        /* Over a short way the losses' rounding shows, over a long one their curvature: the gradient lies at one. */
        double near = slope_along(m, t, dir, .005 / sqrt(norm), &d.batch);
        double far = slope_along(m, t, dir, .02 / sqrt(norm), &d.batch);
        double slope = fabs(near - along) < fabs(far - along) ? near : far;
        if (fabs(slope - along) > .01 * (fabs(slope) + .02 * sqrt((double)t->n) + .05))
            fail_msg("%s: %s: gradient along a direction %g, central difference %g", v->name, t->name, along, slope);
        free(dir);
    }
    asc_model_free(m);
}

static void variants__gradients_match_central_differences(void **state)
{
    for (int i = 0; i < N_VARIANTS; i++) {
        check_gradients(&variants[i], ASC_ISA_PLAIN, false);
        check_gradients(&variants[i], ASC_ISA_AUTO, false);
        check_gradients(&variants[i], ASC_ISA_AUTO, true);
    }
}

static double relative_error(const float *a, const float *b, size_t n)
{
    double diff = 0, norm = 0;
    for (size_t i = 0; i < n; i++) {
        diff += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        norm += (double)b[i] * (double)b[i];
    }
    return sqrt(diff / (norm + 1e-30));
}

/* A key's bias has no gradient but rounding (softmax does not see it): tensors far below the largest count by that. */
static void compare_gradients(const variant *v, asc_model *a, asc_model *b, double tolerance)
{
    double most = 0;
    for (size_t i = 0; i < asc_model_flat_size(b); i++)
        most = fmax(most, fabs((double)asc_model_grads_data(b)[i]));
    for (size_t i = 0; i < asc_model_n_tensors(a); i++) {
        const asc_param *t = asc_model_tensor(a, i);
        const float *x = asc_model_grads_data(a) + t->offset, *y = asc_model_grads_data(b) + t->offset;
        double largest = 0, off = 0;
        for (size_t j = 0; j < t->n; j++) {
            largest = fmax(largest, fabs((double)y[j]));
            off = fmax(off, fabs((double)x[j] - (double)y[j]));
        }
        double e = relative_error(x, y, t->n);
        if (!(e < tolerance) && !(largest < 1e-3 * most && off < tolerance * 1e-2 * most))
            fail_msg("%s: %s: gradients differ by %g, allowed %g", v->name, t->name, e, tolerance);
    }
}

static void agree(const variant *v, asc_model *plain, double want, const data *d, asc_isa isa, asc_dtype dtype)
{
    if (asc_device_isa_check(isa, dtype, NULL) != ASC_OK)
        return;
    bool bf16 = dtype == ASC_DTYPE_BF16;
    asc_model *m = make(asc_model_get_spec(plain), (asc_model_opts){.isa = isa, .dtype = dtype, .training = true});
    double loss = gradients_of(m, &d->batch, .01);
    if (!(fabs(loss - want) < (bf16 ? 2e-3 : 1e-5) * want))
        fail_msg("%s: %s: loss %g, plain %g", v->name, asc_isa_name(isa), loss, want);
    compare_gradients(v, m, plain, bf16 ? .05 : 3e-5);
    asc_model_free(m);
}

static void variants__every_isa_agrees_with_plain(void **state)
{
    for (int i = 0; i < N_VARIANTS; i++) {
        const variant *v = &variants[i];
        asc_model_spec spec = spec_of(v, MOST_T);
        data d;
        fill(&d, &spec, 2, 9);
        asc_model *plain = make(&spec, (asc_model_opts){.isa = ASC_ISA_PLAIN, .training = true});
        double want = gradients_of(plain, &d.batch, .01);
        for (int isa = ASC_ISA_SSE41; isa <= ASC_ISA_AMX; isa++) {
            agree(v, plain, want, &d, (asc_isa)isa, ASC_DTYPE_FP32);
            agree(v, plain, want, &d, (asc_isa)isa, ASC_DTYPE_BF16);
        }
        asc_model_free(plain);
    }
}

/* Three steps end in the same bits with both models. */
static void same_bits(const variant *v, asc_model *a, asc_model *b, const data *d, const char *what)
{
    asc_adamw o = {.lr = 1e-2, .beta1 = .9, .beta2 = .95, .eps = 1e-8, .weight_decay = .1, .clip = 1, .step = 1};
    for (int step = 0; step < 3; step++, o.step++) {
        assert_true(gradients_of(a, &d->batch, .01) == gradients_of(b, &d->batch, .01));
        assert_true(asc_model_step(a, &o) == asc_model_step(b, &o));
    }
    size_t bytes = asc_model_flat_size(a) * sizeof(float);
    if (memcmp(asc_model_params_data(a), asc_model_params_data(b), bytes) != 0)
        fail_msg("%s: bits depend on %s", v->name, what);
    asc_model_free(a);
    asc_model_free(b);
}

static void variants__bits_depend_neither_on_threads_nor_on_recomputation(void **state)
{
    for (int i = 0; i < N_VARIANTS; i++)
        for (int dtype = 0; dtype < 2; dtype++) {
            asc_model_opts o = {.dtype = (asc_dtype)dtype, .training = true}, three = o;
            three.threads = 3;
            asc_model_spec spec = spec_of(&variants[i], 40), again = spec;
            again.recompute = true;
            data d;
            if (asc_device_isa_check(ASC_ISA_AUTO, o.dtype, NULL) != ASC_OK)
                continue;
            fill(&d, &spec, B, 1);
            same_bits(&variants[i], make(&spec, o), make(&spec, three), &d, "threads");
            same_bits(&variants[i], make(&spec, o), make(&again, o), &d, "recomputation");
            o.micro_batch = three.micro_batch = B;
            assert_true(asc_model_memory(&again, &o) < asc_model_memory(&spec, &o));
        }
}

static void variants__gradients_add_up_and_start_afresh(void **state)
{
    for (int i = 0; i < N_VARIANTS; i++) {
        asc_model_spec spec = spec_of(&variants[i], 10);
        asc_model_opts o = {.training = true};
        data all, first, second;
        fill(&all, &spec, 2, 2);
        first = second = all;
        bool encoder = asc_arch_is_encoder(spec.arch);
        first.batch = second.batch = all.batch;
        first.batch.B = second.batch.B = 1;
        second.batch.ids = all.batch.ids + 11;
        second.batch.targets = all.batch.targets + 11;
        if (encoder)
            first.batch.targets = all.targets;
        asc_model *whole = make(&spec, o), *parts = make(&spec, o), *fresh = make(&spec, o);
        double want = gradients_of(whole, &all.batch, .1);
        double got = gradients_of(parts, &first.batch, .1) + gradients_of(parts, &second.batch, .1);
        assert_true(fabs(got - want) < 1e-5 * want);
        compare_gradients(&variants[i], parts, whole, 5e-6);
        /* after a step nothing of earlier batches is left, also where a shorter batch leaves positions out */
        asc_model_step(whole, &(asc_adamw){.lr = 0, .beta1 = .9, .beta2 = .95, .eps = 1e-8, .step = 1});
        all.batch.T = 4;
        gradients_of(whole, &all.batch, .1);
        gradients_of(fresh, &all.batch, .1);
        assert_memory_equal(asc_model_grads_data(whole), asc_model_grads_data(fresh),
                            asc_model_flat_size(fresh) * sizeof(float));
        asc_model_free(whole);
        asc_model_free(parts);
        asc_model_free(fresh);
    }
}

/* Saved and read again: the same shape, the same parameters. */
static void variants__checkpoints_read_back(void **state)
{
    for (int i = 0; i < N_VARIANTS; i++) {
        char dir[] = "/tmp/asc_variants_XXXXXX", path[64];
        asc_model_spec spec = spec_of(&variants[i], 10), found;
        asc_error err = {0};
        assert_non_null(mkdtemp(dir));
        snprintf(path, sizeof path, "%s/optimizer.safetensors", dir);
        asc_model *m = make(&spec, (asc_model_opts){.training = true});
        data d;
        fill(&d, &spec, B, 3);
        gradients_of(m, &d.batch, .1);
        asc_model_step(m, &(asc_adamw){.lr = .01, .beta1 = .9, .beta2 = .95, .eps = 1e-8, .step = 1});
        assert_int_equal(asc_model_save(m, dir, NULL), ASC_OK);
        assert_int_equal(asc_model_save_optimizer(m, path, NULL), ASC_OK);
        if (asc_model_spec_read(&found, dir, &err) != ASC_OK)
            fail_msg("%s: %s", variants[i].name, err.msg);
        asc_model *again = make(&found, (asc_model_opts){.training = true});
        if (asc_model_load(again, dir, &err) != ASC_OK || asc_model_load_optimizer(again, path, &err) != ASC_OK)
            fail_msg("%s: %s", variants[i].name, err.msg);
        size_t bytes = asc_model_flat_size(m) * sizeof(float);
        assert_int_equal(asc_model_flat_size(again) * sizeof(float), bytes);
        assert_memory_equal(asc_model_params_data(m), asc_model_params_data(again), bytes);
        assert_memory_equal(asc_model_moment2_data(m), asc_model_moment2_data(again), bytes);
        assert_true(loss_of(m, &d.batch) == loss_of(again, &d.batch));
        int64_t n = 0;
        for (size_t t = 0; t < asc_model_n_tensors(m); t++)
            n += (int64_t)asc_model_tensor(m, t)->n;
        assert_int_equal(n, asc_model_params(&spec));
        asc_model_free(m);
        asc_model_free(again);
        assert_int_equal(asc_remove_tree(dir, NULL), ASC_OK);
    }
}

int main(void)
{
    setenv("AUTOSCALE_AMX_STAND_IN", "1", 1); /* the path of isa amx, on AVX512-BF16 */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variants__gradients_match_central_differences),
        cmocka_unit_test(variants__every_isa_agrees_with_plain),
        cmocka_unit_test(variants__bits_depend_neither_on_threads_nor_on_recomputation),
        cmocka_unit_test(variants__gradients_add_up_and_start_afresh),
        cmocka_unit_test(variants__checkpoints_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
