#include "test.h"

#include "autoscale/device.h"
#include "autoscale/model.h"

#include <math.h>
#include <stdlib.h>

static asc_model_spec tiny_spec(void)
{
    asc_model_spec s;
    asc_model_spec_init(&s);
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
    if (asc_device_isa_check(ASC_ISA_AUTO, ASC_DTYPE_BF16, NULL) == ASC_OK) {
        asc_model *m = make(&spec, (asc_model_opts){.dtype = ASC_DTYPE_BF16, .micro_batch = 2, .training = true});
        assert_int_equal(asc_model_forward_backward(m, &b, .01, &loss, NULL), ASC_OK);
        assert_true(fabs(loss - want) < 2e-3 * want);
        compare_gradients(m, plain, .03);
        asc_model_free(m);
    }
    asc_model_free(plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gpt2__plain_gradients_match_central_differences),
        cmocka_unit_test(gpt2__fast_gradients_match_central_differences),
        cmocka_unit_test(gpt2__every_isa_agrees_with_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
