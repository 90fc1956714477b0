#include "test.h"

#include "device/device.h"
#include "model/model.h"

#include <math.h>
#include <stdlib.h>

static asc_model_spec tiny_spec(void)
{
    asc_model_spec s;
    asc_model_spec_init(&s);
    s.arch = ASC_ARCH_GPT2;
    s.n_layers = 2;
    s.n_heads = 2;
    s.width = 12;
    s.context = 10;
    s.vocab = 37;
    return s;
}

static asc_model *make(const asc_model_spec *spec, asc_model_opts opts)
{
    asc_model *m = NULL;
    asc_error err;
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

static void random_ids(int32_t *ids, size_t n, int vocab, uint64_t seed)
{
    asc_rng rng;
    asc_rng_init(&rng, seed, "ids", 0);
    for (size_t i = 0; i < n; i++)
        ids[i] = (int32_t)asc_rng_below(&rng, (uint64_t)vocab);
}

static double loss_of(asc_model *m, const asc_batch *b)
{
    double loss;
    assert_int_equal(asc_model_loss(m, b, &loss, NULL, NULL, NULL, NULL), ASC_OK);
    return loss;
}

/* Central differences along random directions of every tensor. */
static void check_gradients(asc_isa isa, bool recompute)
{
    asc_model_spec spec = tiny_spec();
    spec.recompute = recompute;
    asc_model *m = make(&spec, (asc_model_opts){.isa = isa, .micro_batch = 3, .training = true});
    int32_t ids[3 * 11];
    random_ids(ids, 3 * 11, spec.vocab, 5);
    asc_batch b = asc_batch_lm(ids, 3, 10);
    double loss;
    assert_int_equal(asc_model_forward_backward(m, &b, 1, &loss, NULL), ASC_OK);
    float *p = asc_model_params_data(m), *g = asc_model_grads_data(m);
    asc_rng rng;
    asc_rng_init(&rng, 11, "direction", 0);
    for (size_t i = 0; i < asc_model_n_tensors(m); i++) {
        const asc_param *t = asc_model_tensor(m, i);
        float *keep = malloc(t->n * sizeof *keep), *dir = malloc(t->n * sizeof *dir);
        double along = 0, norm = 0;
        memcpy(keep, p + t->offset, t->n * sizeof *keep);
        for (size_t j = 0; j < t->n; j++) {
            dir[j] = (float)asc_rng_normal(&rng);
            norm += (double)dir[j] * (double)dir[j];
        }
        double h = .02 / sqrt(norm), at[2];
        for (size_t j = 0; j < t->n; j++)
            along += (double)g[t->offset + j] * (double)dir[j];
        for (int side = 0; side < 2; side++) {
            for (size_t j = 0; j < t->n; j++)
                p[t->offset + j] = keep[j] + (float)((side ? h : -h)) * dir[j];
            asc_model_params_changed(m);
            at[side] = loss_of(m, &b);
        }
        memcpy(p + t->offset, keep, t->n * sizeof *keep);
        double slope = (at[1] - at[0]) / (2 * h), scale = fabs(slope) + .02 * sqrt((double)t->n) + .05;
        if (fabs(slope - along) > .01 * scale)
            fail_msg("%s: gradient along a direction %g, central difference %g", t->name, along, slope);
        free(keep);
        free(dir);
    }
    asc_model_free(m);
}

static void gpt2__plain_gradients_match_central_differences(void **state)
{
    check_gradients(ASC_ISA_PLAIN, false);
}

static void gpt2__fast_gradients_match_central_differences(void **state)
{
    check_gradients(ASC_ISA_AUTO, false);
    check_gradients(ASC_ISA_AUTO, true);
}

/* ||a - b|| / ||b|| over one tensor. */
static double relative_error(const float *a, const float *b, size_t n)
{
    double diff = 0, norm = 0;
    for (size_t i = 0; i < n; i++) {
        diff += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        norm += (double)b[i] * (double)b[i];
    }
    return sqrt(diff / (norm + 1e-30));
}

static void compare_gradients(asc_model *a, asc_model *b, double tolerance)
{
    for (size_t i = 0; i < asc_model_n_tensors(a); i++) {
        const asc_param *t = asc_model_tensor(a, i);
        double e = relative_error(asc_model_grads_data(a) + t->offset, asc_model_grads_data(b) + t->offset, t->n);
        if (!(e < tolerance))
            fail_msg("%s: gradients differ by %g, allowed %g", t->name, e, tolerance);
    }
}

static void gpt2__every_isa_agrees_with_plain(void **state)
{
    asc_model_spec spec = tiny_spec();
    spec.width = 72; /* neither a power of two nor a multiple of a vector */
    spec.n_heads = 3;
    spec.context = 67;
    spec.vocab = 301;
    int32_t ids[2 * 68];
    random_ids(ids, 2 * 68, spec.vocab, 9);
    asc_batch b = asc_batch_lm(ids, 2, 67);
    double want, loss;
    asc_model *plain = make(&spec, (asc_model_opts){.isa = ASC_ISA_PLAIN, .micro_batch = 2, .training = true});
    assert_int_equal(asc_model_forward_backward(plain, &b, .01, &want, NULL), ASC_OK);
    for (int isa = ASC_ISA_SSE41; isa <= ASC_ISA_AMX; isa++) {
        if (!asc_device_isa_has((asc_isa)isa)) {
            print_message("skipped: this machine lacks %s\n", asc_isa_name((asc_isa)isa));
            continue;
        }
        asc_model *m = make(&spec, (asc_model_opts){.isa = (asc_isa)isa, .micro_batch = 2, .training = true});
        assert_int_equal(asc_model_forward_backward(m, &b, .01, &loss, NULL), ASC_OK);
        assert_true(fabs(loss - want) < 1e-5 * want);
        compare_gradients(m, plain, 2e-5);
        asc_model_free(m);
    }
    for (int isa = ASC_ISA_AVX512_BF16; isa <= ASC_ISA_AMX; isa++) {
        if (asc_device_isa_check((asc_isa)isa, ASC_DTYPE_BF16, NULL) != ASC_OK)
            continue;
        asc_model_opts o = {.isa = (asc_isa)isa, .dtype = ASC_DTYPE_BF16, .micro_batch = 2, .training = true};
        asc_model *m = make(&spec, o);
        assert_int_equal(asc_model_forward_backward(m, &b, .01, &loss, NULL), ASC_OK);
        assert_true(fabs(loss - want) < 2e-3 * want);
        compare_gradients(m, plain, .03);
        asc_model_free(m);
    }
    asc_model_free(plain);
}

/* ---- what callers rely on ---- */

static double gradients_of(asc_model *m, const asc_batch *b, double scale)
{
    double loss;
    assert_int_equal(asc_model_forward_backward(m, b, scale, &loss, NULL), ASC_OK);
    return loss;
}

static void threads_on(asc_isa isa, asc_dtype dtype)
{
    asc_model_opts o = {.isa = isa, .dtype = dtype, .micro_batch = 2, .training = true}, o3 = o;
    o3.threads = 3;
    asc_model_spec spec = tiny_spec();
    spec.width = 48;
    spec.n_heads = 3;
    spec.context = 70;
    spec.vocab = 131;
    int32_t ids[2 * 71];
    random_ids(ids, 2 * 71, spec.vocab, 1);
    asc_batch b = asc_batch_lm(ids, 2, 70);
    asc_adamw a = {.lr = 1e-2, .beta1 = .9, .beta2 = .95, .eps = 1e-8, .weight_decay = .1, .clip = 1, .step = 1};
    asc_model *one = make(&spec, o), *three = make(&spec, o3);
    for (int step = 0; step < 3; step++, a.step++) {
        assert_true(gradients_of(one, &b, .01) == gradients_of(three, &b, .01));
        assert_true(asc_model_step(one, &a) == asc_model_step(three, &a));
    }
    assert_memory_equal(asc_model_params_data(one), asc_model_params_data(three),
                        asc_model_flat_size(one) * sizeof(float));
    asc_model_free(one);
    asc_model_free(three);
}

static void gpt2__bits_do_not_depend_on_threads(void **state)
{
    threads_on(ASC_ISA_AUTO, ASC_DTYPE_FP32);
    for (int isa = ASC_ISA_AVX512_BF16; isa <= ASC_ISA_AMX; isa++)
        if (asc_device_isa_check((asc_isa)isa, ASC_DTYPE_BF16, NULL) == ASC_OK)
            threads_on((asc_isa)isa, ASC_DTYPE_BF16);
}

static void gpt2__two_micro_batches_add_up_to_one(void **state)
{
    asc_model_spec spec = tiny_spec();
    int32_t ids[4 * 11];
    random_ids(ids, 4 * 11, spec.vocab, 2);
    asc_batch all = asc_batch_lm(ids, 4, 10), first = asc_batch_lm(ids, 2, 10), second = asc_batch_lm(ids + 22, 2, 10);
    asc_model *whole = make(&spec, (asc_model_opts){.micro_batch = 4, .training = true});
    asc_model *parts = make(&spec, (asc_model_opts){.micro_batch = 2, .training = true});
    double want = gradients_of(whole, &all, .1);
    double got = gradients_of(parts, &first, .1) + gradients_of(parts, &second, .1);
    assert_true(fabs(got - want) < 1e-5 * want);
    compare_gradients(parts, whole, 2e-6);
    /* after a step the gradients start afresh, also where a shorter batch leaves positions out */
    asc_adamw a = {.lr = 0, .beta1 = .9, .beta2 = .95, .eps = 1e-8, .step = 1};
    asc_model_step(whole, &a);
    asc_model_step(parts, &a);
    asc_batch short_rows = asc_batch_lm(ids, 2, 4);
    gradients_of(whole, &short_rows, .1);
    asc_model *fresh = make(&spec, (asc_model_opts){.micro_batch = 4, .training = true});
    gradients_of(fresh, &short_rows, .1);
    assert_memory_equal(asc_model_grads_data(whole), asc_model_grads_data(fresh),
                        asc_model_flat_size(fresh) * sizeof(float));
    asc_model_free(whole);
    asc_model_free(parts);
    asc_model_free(fresh);
}

static void gpt2__recomputation_changes_no_bit(void **state)
{
    asc_model_spec spec = tiny_spec();
    int32_t ids[2 * 11];
    random_ids(ids, 2 * 11, spec.vocab, 3);
    asc_batch b = asc_batch_lm(ids, 2, 10);
    asc_model_opts opts = {.micro_batch = 2, .training = true};
    size_t kept = asc_model_memory(&spec, &opts);
    asc_model *keep = make(&spec, opts);
    spec.recompute = true;
    asc_model *again = make(&spec, opts);
    assert_true(asc_model_memory(&spec, &opts) < kept);
    assert_true(gradients_of(keep, &b, 1) == gradients_of(again, &b, 1));
    assert_memory_equal(asc_model_grads_data(keep), asc_model_grads_data(again),
                        asc_model_flat_size(keep) * sizeof(float));
    asc_model_free(keep);
    asc_model_free(again);
}

static void gpt2__later_tokens_do_not_change_earlier_logits(void **state)
{
    asc_model_spec spec = tiny_spec();
    asc_model *m = make(&spec, (asc_model_opts){.micro_batch = 1});
    int32_t ids[11];
    random_ids(ids, 11, spec.vocab, 4);
    size_t n = 10 * (size_t)spec.vocab;
    float *a = malloc(n * sizeof *a), *b = malloc(n * sizeof *b);
    asc_batch batch = asc_batch_lm(ids, 1, 10);
    assert_int_equal(asc_model_logits(m, &batch, a, NULL), ASC_OK);
    ids[6] = (ids[6] + 1) % spec.vocab;
    assert_int_equal(asc_model_logits(m, &batch, b, NULL), ASC_OK);
    assert_memory_equal(a, b, 6 * (size_t)spec.vocab * sizeof *a);
    assert_true(memcmp(a + 6 * spec.vocab, b + 6 * spec.vocab, (size_t)spec.vocab * sizeof *a) != 0);
    free(a);
    free(b);
    asc_model_free(m);
}

static void gpt2__loss_is_that_of_its_logits(void **state)
{
    asc_model_spec spec = tiny_spec();
    asc_model *m = make(&spec, (asc_model_opts){.micro_batch = 2});
    int32_t ids[2 * 11], targets[2 * 10];
    random_ids(ids, 2 * 11, spec.vocab, 6);
    random_ids(targets, 20, spec.vocab, 7);
    targets[3] = targets[11] = -1; /* not counted */
    asc_batch b = {.ids = ids, .targets = targets, .ld_ids = 11, .ld_targets = 10, .B = 2, .T = 10};
    size_t V = (size_t)spec.vocab;
    float *logits = malloc(20 * V * sizeof *logits), nll[20];
    uint8_t best[20];
    double loss, want = 0;
    int64_t n;
    assert_int_equal(asc_model_logits(m, &b, logits, NULL), ASC_OK);
    assert_int_equal(asc_model_loss(m, &b, &loss, &n, nll, best, NULL), ASC_OK);
    for (size_t r = 0; r < 20; r++) {
        const float *x = logits + r * V;
        double sum = 0;
        size_t top = 0;
        for (size_t v = 0; v < V; v++) {
            sum += exp((double)x[v]);
            top = x[v] > x[top] ? v : top;
        }
        double one = targets[r] < 0 ? 0 : log(sum) - (double)x[targets[r]];
        assert_true(fabs((double)nll[r] - one) < 1e-5);
        assert_int_equal(best[r], targets[r] == (int32_t)top);
        want += one;
    }
    assert_int_equal(n, 18);
    assert_true(fabs(loss - want) < 1e-4);
    free(logits);
    asc_model_free(m);
}

static void gpt2__learns_a_sequence_by_heart(void **state)
{
    asc_model_spec spec = tiny_spec();
    asc_model *m = make(&spec, (asc_model_opts){.micro_batch = 2, .training = true});
    asc_model_init_weights(m, 1);
    int32_t ids[2 * 11];
    random_ids(ids, 2 * 11, spec.vocab, 8);
    asc_batch b = asc_batch_lm(ids, 2, 10);
    asc_adamw a = {.lr = 1e-2, .beta1 = .9, .beta2 = .95, .eps = 1e-8, .weight_decay = .1, .clip = 1};
    double start = loss_of(m, &b) / 20;
    assert_true(fabs(start - log(37)) < .1); /* small start weights: nearly uniform */
    for (a.step = 1; a.step <= 150; a.step++) {
        gradients_of(m, &b, 1 / 20.0);
        asc_model_step(m, &a);
    }
    assert_true(loss_of(m, &b) / 20 < .2);
    asc_model_free(m);
}

static void step__not_finite_leaves_parameters_untouched(void **state)
{
    asc_model_spec spec = tiny_spec();
    asc_model *m = make(&spec, (asc_model_opts){.micro_batch = 1, .training = true});
    size_t bytes = asc_model_flat_size(m) * sizeof(float);
    float *before = malloc(bytes);
    memcpy(before, asc_model_params_data(m), bytes);
    memset(asc_model_grads_data(m), 0, bytes);
    asc_model_grads_data(m)[5] = NAN;
    asc_adamw a = {.lr = 1e-2, .beta1 = .9, .beta2 = .95, .eps = 1e-8, .step = 1};
    assert_false(isfinite(asc_model_step(m, &a)));
    assert_memory_equal(before, asc_model_params_data(m), bytes);
    free(before);
    asc_model_free(m);
}

static void batch__foreign_ids_and_sizes_are_refused(void **state)
{
    asc_model_spec spec = tiny_spec();
    asc_model *m = make(&spec, (asc_model_opts){.micro_batch = 1, .training = true});
    int32_t ids[12] = {0};
    asc_batch b = asc_batch_lm(ids, 1, 10);
    asc_error err;
    double loss = 5;
    ids[4] = spec.vocab;
    assert_int_equal(asc_model_forward_backward(m, &b, 1, &loss, &err), ASC_EINVAL);
    ids[4] = -1;
    assert_int_equal(asc_model_loss(m, &b, &loss, NULL, NULL, NULL, &err), ASC_EINVAL);
    ids[4] = 0;
    b.T = 11;
    assert_int_equal(asc_model_loss(m, &b, &loss, NULL, NULL, NULL, &err), ASC_EINVAL);
    b.T = 10;
    b.B = 2;
    assert_int_equal(asc_model_loss(m, &b, &loss, NULL, NULL, NULL, &err), ASC_EINVAL);
    assert_true(loss == 5);
    asc_model_free(m);
}

static void create__bad_shapes_are_named(void **state)
{
    static const int bad[][5] = {
        {0, 2, 12, 10, 37}, {2, 5, 12, 10, 37}, {2, 2, 12, 0, 37}, {2, 2, 12, 10, 0}, {5000, 2, 12, 10, 37}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        asc_model_spec s = tiny_spec();
        asc_model *m = NULL;
        asc_error err = {0};
        s.n_layers = bad[i][0];
        s.n_heads = bad[i][1];
        s.width = bad[i][2];
        s.context = bad[i][3];
        s.vocab = bad[i][4];
        assert_int_equal(asc_model_create(&m, &s, &(asc_model_opts){.training = true}, &err), ASC_EINVAL);
        assert_null(m);
        assert_true(err.msg[0] != 0);
    }
}

static void create__every_failed_allocation_is_clean(void **state)
{
    asc_model_spec spec = tiny_spec();
    asc_status s = ASC_ENOMEM;
    int n = 0;
    for (; s != ASC_OK && n < 100; n++) {
        asc_model *m = NULL;
        asc_fault_arm(ASC_FAULT_ALLOC, (uint64_t)n + 1);
        s = asc_model_create(&m, &spec, &(asc_model_opts){.micro_batch = 1, .training = true, .threads = 2}, NULL);
        asc_fault_arm(ASC_FAULT_ALLOC, 0);
        assert_true(s == ASC_OK || (s == ASC_ENOMEM && !m));
        asc_model_free(m);
    }
    assert_true(n > 5 && n < 100);
}

static void params__count_is_that_of_the_spec(void **state)
{
    asc_model_spec spec = tiny_spec();
    asc_model *m = make(&spec, (asc_model_opts){.micro_batch = 1});
    size_t n = 0;
    for (size_t i = 0; i < asc_model_n_tensors(m); i++)
        n += asc_model_tensor(m, i)->n;
    assert_int_equal(n, asc_model_params(&spec));
    assert_null(asc_model_find_tensor(m, "nothing"));
    asc_model_free(m);
}

/* At the base width µP is the standard model; at twice the width matrices learn at half the rate. */
/* Root mean square change of the logits over three steps of AdamW on one batch; heads are 16 wide at every width. */
static double logit_change(int width, bool mup)
{
    enum { B = 4, T = 16, V = 64 };
    asc_model_spec spec = tiny_spec();
    spec.width = width;
    spec.n_heads = width / 16;
    spec.context = T;
    spec.vocab = V;
    spec.mup = mup;
    spec.mup_base_width = 32;
    asc_model *m = NULL;
    asc_model_opts opts = {.micro_batch = B, .training = true};
    assert_int_equal(asc_model_create(&m, &spec, &opts, NULL), ASC_OK);
    asc_model_init_weights(m, 1);
    int32_t ids[B * (T + 1)];
    random_ids(ids, B * (T + 1), V, 2);
    asc_batch b = asc_batch_lm(ids, B, T);
    float *before = asc_malloc(B * T * V * sizeof *before), *after = asc_malloc(B * T * V * sizeof *after);
    assert_int_equal(asc_model_logits(m, &b, before, NULL), ASC_OK);
    asc_adamw a = {.lr = 1e-2, .beta1 = .9, .beta2 = .95, .eps = 1e-8, .clip = 0};
    double loss, sum = 0;
    for (a.step = 1; a.step <= 3; a.step++) {
        assert_int_equal(asc_model_forward_backward(m, &b, 1. / (B * T), &loss, NULL), ASC_OK);
        asc_model_step(m, &a);
    }
    assert_int_equal(asc_model_logits(m, &b, after, NULL), ASC_OK);
    for (int i = 0; i < B * T * V; i++)
        sum += ((double)after[i] - (double)before[i]) * ((double)after[i] - (double)before[i]);
    asc_free(before);
    asc_free(after);
    asc_model_free(m);
    return sqrt(sum / (B * T * V));
}

/* The coordinate check of Yang et al. 2203.03466: one rate changes the function as much at 8 times the width with the
 * parametrisation, and much more without. */
static void mup__one_rate_changes_logits_alike_at_every_width(void **state)
{
    double base = logit_change(32, true), with = logit_change(256, true), without = logit_change(256, false);
    if (!(with < 2 * base && with > .5 * base && without > 3 * base))
        fail_msg("change of the logits: %g at width 32; at 256 %g with muP, %g without", base, with, without);
}

static void mup__equals_standard_at_the_base_width(void **state)
{
    asc_model_spec spec = tiny_spec();
    asc_model *plain = make(&spec, (asc_model_opts){.micro_batch = 1});
    spec.mup = true;
    spec.mup_base_width = spec.width;
    asc_model *mup = make(&spec, (asc_model_opts){.micro_batch = 1});
    asc_model_init_weights(plain, 3);
    asc_model_init_weights(mup, 3);
    assert_memory_equal(asc_model_params_data(plain), asc_model_params_data(mup),
                        asc_model_flat_size(mup) * sizeof(float));
    spec.mup_base_width = spec.width / 2;
    asc_model *wide = make(&spec, (asc_model_opts){.micro_batch = 1});
    const asc_param *w = asc_model_find_tensor(wide, "h.0.attn.c_attn.weight");
    assert_true(w->lr_scale == .5 && fabs(w->init_value - .02 * sqrt(.5)) < 1e-12);
    assert_true(asc_model_find_tensor(wide, "wte.weight")->lr_scale == 1);
    assert_true(asc_model_find_tensor(wide, "ln_f.weight")->init_value == .5);
    asc_model_free(plain);
    asc_model_free(mup);
    asc_model_free(wide);
}

int main(void)
{
    setenv("AUTOSCALE_AMX_STAND_IN", "1", 1); /* the path of isa amx, on AVX512-BF16 */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gpt2__plain_gradients_match_central_differences),
        cmocka_unit_test(gpt2__fast_gradients_match_central_differences),
        cmocka_unit_test(gpt2__every_isa_agrees_with_plain),
        cmocka_unit_test(gpt2__bits_do_not_depend_on_threads),
        cmocka_unit_test(gpt2__two_micro_batches_add_up_to_one),
        cmocka_unit_test(gpt2__recomputation_changes_no_bit),
        cmocka_unit_test(gpt2__later_tokens_do_not_change_earlier_logits),
        cmocka_unit_test(gpt2__loss_is_that_of_its_logits),
        cmocka_unit_test(gpt2__learns_a_sequence_by_heart),
        cmocka_unit_test(step__not_finite_leaves_parameters_untouched),
        cmocka_unit_test(batch__foreign_ids_and_sizes_are_refused),
        cmocka_unit_test(create__bad_shapes_are_named),
        cmocka_unit_test(create__every_failed_allocation_is_clean),
        cmocka_unit_test(params__count_is_that_of_the_spec),
        cmocka_unit_test(mup__equals_standard_at_the_base_width),
        cmocka_unit_test(mup__one_rate_changes_logits_alike_at_every_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
