#include "test.h"

#include "device/device.h"
#include "model/model.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "safetensors.h"

static asc_model_spec tiny_spec(void)
{
    asc_model_spec s;
    asc_model_spec_init(&s);
    s.arch = ASC_ARCH_BERT;
    s.n_layers = 2;
    s.n_heads = 2;
    s.width = 16;
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

/* Rows of different lengths, two segments, a few targets in each. */
enum { MAX_TOKENS = 3 * 67 };
typedef struct masked_batch {
    int32_t ids[MAX_TOKENS], targets[MAX_TOKENS], segments[MAX_TOKENS], lengths[3];
    asc_batch batch;
} masked_batch;

static void fill_batch(masked_batch *b, int B, int T, int vocab)
{
    size_t n = (size_t)B * (size_t)T, ld = (size_t)T;
    random_ids(b->ids, n, vocab, 5);
    random_ids(b->targets, n, vocab, 6);
    for (size_t i = 0; i < n; i++) {
        int t = (int)(i % ld), row = (int)(i / ld);
        b->lengths[row] = T - 2 * row;
        b->segments[i] = t >= T / 2;
        if ((i * 7) % 5 > 1 || t >= b->lengths[row])
            b->targets[i] = -1;
    }
    b->batch = (asc_batch){.ids = b->ids, .targets = b->targets, .ld_ids = ld, .ld_targets = ld, .B = B, .T = T};
    b->batch.lengths = b->lengths;
    b->batch.segments = b->segments;
}

/* Central differences along random directions of every tensor. */
static void check_gradients(asc_isa isa, bool recompute)
{
    asc_model_spec spec = tiny_spec();
    spec.recompute = recompute;
    asc_model *m = make(&spec, (asc_model_opts){.isa = isa, .micro_batch = 3, .training = true});
    masked_batch mb;
    fill_batch(&mb, 3, 10, spec.vocab);
    asc_batch b = mb.batch;
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
        /* softmax does not see a shift of all its scores: the key's bias has no gradient but rounding */
        if (strstr(t->name, "key.bias")) {
            for (size_t k = 0; k < t->n; k++)
                assert_true(fabsf(asc_model_grads_data(a)[t->offset + k]) < 1e-4f);
            continue;
        }
        double e = relative_error(asc_model_grads_data(a) + t->offset, asc_model_grads_data(b) + t->offset, t->n);
        if (!(e < tolerance))
            fail_msg("%s: gradients differ by %g, allowed %g", t->name, e, tolerance);
    }
}

static void bert__plain_gradients_match_central_differences(void **state)
{
    check_gradients(ASC_ISA_PLAIN, false);
}

static void bert__fast_gradients_match_central_differences(void **state)
{
    check_gradients(ASC_ISA_AUTO, false);
    check_gradients(ASC_ISA_AUTO, true);
}

static asc_model_spec odd_spec(void)
{
    asc_model_spec spec = tiny_spec();
    spec.width = 80;
    spec.n_heads = 5;
    spec.context = 67;
    spec.vocab = 301;
    return spec;
}

static void bert__every_isa_agrees_with_plain(void **state)
{
    asc_model_spec spec = odd_spec();
    masked_batch mb;
    fill_batch(&mb, 2, 67, spec.vocab);
    double want, loss;
    asc_model *plain = make(&spec, (asc_model_opts){.isa = ASC_ISA_PLAIN, .micro_batch = 2, .training = true});
    assert_int_equal(asc_model_forward_backward(plain, &mb.batch, .01, &want, NULL), ASC_OK);
    for (int isa = ASC_ISA_SSE41; isa <= ASC_ISA_AMX; isa++) {
        if (!asc_device_isa_has((asc_isa)isa)) {
            print_message("skipped: this machine lacks %s\n", asc_isa_name((asc_isa)isa));
            continue;
        }
        asc_model *m = make(&spec, (asc_model_opts){.isa = (asc_isa)isa, .micro_batch = 2, .training = true});
        assert_int_equal(asc_model_forward_backward(m, &mb.batch, .01, &loss, NULL), ASC_OK);
        assert_true(fabs(loss - want) < 1e-5 * want);
        compare_gradients(m, plain, 2e-5);
        asc_model_free(m);
    }
    for (int isa = ASC_ISA_AVX512_BF16; isa <= ASC_ISA_AMX; isa++) {
        if (asc_device_isa_check((asc_isa)isa, ASC_DTYPE_BF16, NULL) != ASC_OK)
            continue;
        asc_model_opts o = {.isa = (asc_isa)isa, .dtype = ASC_DTYPE_BF16, .micro_batch = 2, .training = true};
        asc_model *m = make(&spec, o);
        assert_int_equal(asc_model_forward_backward(m, &mb.batch, .01, &loss, NULL), ASC_OK);
        assert_true(fabs(loss - want) < 2e-3 * want);
        compare_gradients(m, plain, .03);
        asc_model_free(m);
    }
    asc_model_free(plain);
}

/* What stands behind a row's length, and rows without a target, do not touch the loss. */
static void bert__padding_is_not_seen(void **state)
{
    asc_model_spec spec = odd_spec();
    masked_batch a, b;
    fill_batch(&a, 2, 67, spec.vocab);
    fill_batch(&b, 2, 67, spec.vocab);
    for (int t = b.lengths[1]; t < 67; t++)
        b.ids[67 + t] = (b.ids[67 + t] + 1) % spec.vocab;
    asc_model *m = make(&spec, (asc_model_opts){.micro_batch = 2});
    double first = loss_of(m, &a.batch), second = loss_of(m, &b.batch);
    assert_true(first == second && isfinite(first));
    b.ids[67 + b.lengths[1] - 1] = (b.ids[67 + b.lengths[1] - 1] + 1) % spec.vocab;
    assert_true(loss_of(m, &b.batch) != first);
    asc_model_free(m);
}

/* Losses of counted positions are -log softmax of the logits there, others 0. */
static void bert__losses_follow_from_logits(void **state)
{
    asc_model_spec spec = tiny_spec();
    masked_batch mb;
    fill_batch(&mb, 3, 10, spec.vocab);
    asc_model *m = make(&spec, (asc_model_opts){.micro_batch = 3});
    float logits[30 * 37], nll[30];
    uint8_t best[30];
    double sum = 0, by_hand = 0;
    int64_t n = 0;
    assert_int_equal(asc_model_logits(m, &mb.batch, logits, NULL), ASC_OK);
    assert_int_equal(asc_model_loss(m, &mb.batch, &sum, &n, nll, best, NULL), ASC_OK);
    for (int r = 0; r < 30; r++) {
        const float *x = logits + r * 37;
        double z = 0;
        bool top = mb.targets[r] >= 0;
        for (int v = 0; v < 37; v++)
            z += exp((double)x[v]);
        for (int v = 0; top && v < 37; v++)
            top = x[v] <= x[mb.targets[r]];
        assert_int_equal(best[r], top);
        double want = mb.targets[r] >= 0 ? log(z) - (double)x[mb.targets[r]] : 0;
        assert_true(fabs(want - (double)nll[r]) < 1e-5);
        by_hand += want;
        n -= mb.targets[r] >= 0;
    }
    assert_int_equal(n, 0);
    assert_true(fabs(sum - by_hand) < 1e-4);
    asc_model_free(m);
}

/* A loss on hidden states made outside the model: sum of w_i h_i. */
static void bert__hidden_gradients_match_central_differences(void **state)
{
    for (int arch = ASC_ARCH_GPT2; arch <= ASC_ARCH_LLAMA; arch++) {
        asc_model_spec spec = tiny_spec();
        spec.arch = (asc_arch)arch;
        asc_model *m = make(&spec, (asc_model_opts){.isa = ASC_ISA_PLAIN, .micro_batch = 3, .training = true});
        masked_batch mb;
        fill_batch(&mb, 3, 10, spec.vocab);
        float w[30 * 16];
        asc_rng rng;
        asc_rng_init(&rng, 5, "w", 0);
        for (size_t i = 0; i < 30 * 16; i++)
            w[i] = i / 16 % 10 < 5 ? (float)asc_rng_normal(&rng) : 0;
        const float *h = NULL;
        assert_int_equal(asc_model_hidden(m, &mb.batch, &h, NULL), ASC_OK);
        assert_int_equal(asc_model_hidden_backward(m, &mb.batch, w, NULL), ASC_OK);
        for (size_t i = 0; i < asc_model_n_tensors(m); i += 3) {
            const asc_param *t = asc_model_tensor(m, i);
            float *p = asc_model_params_data(m) + t->offset, keep = p[t->n / 2];
            double at[2] = {0, 0}, got = (double)asc_model_grads_data(m)[t->offset + t->n / 2];
            for (int side = 0; side < 2; side++) {
                p[t->n / 2] = keep + (side ? .01f : -.01f);
                asc_model_params_changed(m);
                assert_int_equal(asc_model_hidden(m, &mb.batch, &h, NULL), ASC_OK);
                for (size_t k = 0; k < 30 * 16; k++)
                    at[side] += (double)w[k] * (double)h[k];
            }
            p[t->n / 2] = keep;
            double slope = (at[1] - at[0]) / .02;
            if (fabs(slope - got) > .01 * fabs(slope) + .01)
                fail_msg("%s: gradient %g, central difference %g", t->name, got, slope);
        }
        asc_model_free(m);
    }
}

/* A step without any target moves nothing but by decay, and leaves no stale gradient behind. */
static void bert__a_batch_without_targets_has_no_gradient(void **state)
{
    asc_model_spec spec = tiny_spec();
    masked_batch mb;
    fill_batch(&mb, 3, 10, spec.vocab);
    asc_model *m = make(&spec, (asc_model_opts){.micro_batch = 3, .training = true});
    double loss = 0;
    assert_int_equal(asc_model_forward_backward(m, &mb.batch, 1, &loss, NULL), ASC_OK);
    asc_model_step(m, &(asc_adamw){.lr = 0, .beta1 = .9, .beta2 = .99, .eps = 1e-8, .step = 1});
    for (int i = 0; i < 30; i++)
        mb.targets[i] = -1;
    assert_int_equal(asc_model_forward_backward(m, &mb.batch, 1, &loss, NULL), ASC_OK);
    assert_true(loss == 0);
    const float *g = asc_model_grads_data(m);
    for (size_t i = 0; i < asc_model_flat_size(m); i++)
        assert_true(g[i] == 0);
    asc_model_free(m);
}

static void bert__counts_its_parameters(void **state)
{
    asc_model_spec spec = odd_spec();
    asc_model *m = make(&spec, (asc_model_opts){.micro_batch = 1});
    int64_t n = 0;
    for (size_t i = 0; i < asc_model_n_tensors(m); i++)
        n += (int64_t)asc_model_tensor(m, i)->n;
    assert_int_equal(n, asc_model_params(&spec));
    asc_model_free(m);
}

static void bert__bad_batches_and_shapes_are_refused(void **state)
{
    asc_model_spec spec = tiny_spec();
    asc_model *m = make(&spec, (asc_model_opts){.micro_batch = 3});
    masked_batch mb;
    double loss = 0;
    asc_error err = {0};
    fill_batch(&mb, 3, 10, spec.vocab);
    mb.segments[4] = 2;
    assert_int_equal(asc_model_loss(m, &mb.batch, &loss, NULL, NULL, NULL, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "segment 2"));
    mb.segments[4] = 0;
    mb.lengths[1] = 11;
    assert_int_equal(asc_model_loss(m, &mb.batch, &loss, NULL, NULL, NULL, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "length 11"));
    asc_model_free(m);
}

/* ---- transformers ---- */

#define GOLDEN ASC_SOURCE_DIR "/tests/model/golden/bert"

static float *golden_tensor(const asc__st_file *f, const char *name, size_t *n)
{
    const asc__st_tensor *t = asc__st_find(f, name);
    if (!t)
        fail_msg("golden tensor %s is missing", name);
    float *x = malloc(t->n * sizeof *x);
    assert_int_equal(asc__st_read(f, t, x, NULL), ASC_OK);
    *n = t->n;
    return x;
}

static void golden_ints(int32_t *out, const asc__st_file *f, const char *name)
{
    size_t n = 0;
    float *x = golden_tensor(f, name, &n);
    assert_true(n <= MAX_TOKENS);
    for (size_t i = 0; i < n; i++)
        out[i] = (int32_t)x[i];
    free(x);
}

static asc_model *golden_model(const char *dir, asc_isa isa)
{
    asc_model_spec spec;
    asc_model *m = NULL;
    asc_error err = {0};
    if (asc_model_spec_read(&spec, dir, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(spec.arch, ASC_ARCH_BERT);
    asc_model_opts opts = {.isa = isa, .micro_batch = 3, .training = true};
    if (asc_model_create(&m, &spec, &opts, &err) != ASC_OK || asc_model_load(m, dir, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    return m;
}

static void golden_batch(masked_batch *b, const asc__st_file *f)
{
    golden_ints(b->ids, f, "ids");
    golden_ints(b->segments, f, "segments");
    golden_ints(b->lengths, f, "lengths");
    golden_ints(b->targets, f, "labels");
    for (int i = 0; i < 3 * 12; i++)
        b->targets[i] = b->targets[i] < 0 ? -1 : b->targets[i];
    b->batch = (asc_batch){.ids = b->ids, .targets = b->targets, .ld_ids = 12, .ld_targets = 12, .B = 3, .T = 12};
    b->batch.lengths = b->lengths;
    b->batch.segments = b->segments;
}

/* A BertModel of transformers: no "bert." before its names, no head. Enough for a head of one's own, and only for that.
 */
static void bert__a_model_without_head_serves_fine_tuning_only(void **state)
{
    asc__st_file f = {0};
    asc__st_tensor kept[128];
    char dir[] = "/tmp/asc_bert_XXXXXX", path[128];
    size_t n = 0;
    asc_error err = {0};
    asc_model *whole = golden_model(GOLDEN, ASC_ISA_AUTO), *m = golden_model(GOLDEN, ASC_ISA_AUTO);
    assert_non_null(mkdtemp(dir));
    assert_int_equal(asc__st_open(&f, GOLDEN "/model.safetensors", NULL), ASC_OK);
    for (size_t i = 0; i < f.n_tensors; i++) {
        asc__st_tensor t = f.tensors[i];
        if (strncmp(t.name, "bert.", 5) != 0)
            continue;
        float *x = malloc(t.n * sizeof *x);
        assert_int_equal(asc__st_read(&f, &t, x, NULL), ASC_OK);
        t.data = x;
        t.name += 5;
        kept[n++] = t;
    }
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    assert_int_equal(asc__st_write(path, kept, n, NULL), ASC_OK);
    assert_int_equal(asc_model_load(m, dir, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "cls.predictions"));
    assert_int_equal(asc_model_load_body(m, dir, &err), ASC_OK);
    for (size_t i = 0; i < asc_model_n_tensors(m); i++) {
        const asc_param *p = asc_model_tensor(m, i);
        if (strncmp(p->name, "cls.", 4) != 0)
            assert_memory_equal(asc_model_params_data(m) + p->offset, asc_model_params_data(whole) + p->offset,
                                p->n * sizeof(float));
    }
    for (size_t i = 0; i < n; i++)
        free((void *)(uintptr_t)kept[i].data);
    asc__st_close(&f);
    asc_model_free(m);
    asc_model_free(whole);
    assert_int_equal(asc_remove_tree(dir, NULL), ASC_OK);
}

/* golden/bert.py: logits to 1e-5, the loss to 1e-5, every gradient to 1e-5 of its norm. */
static void bert__agrees_with_transformers(void **state)
{
    asc__st_file f = {0};
    masked_batch mb;
    float logits[3 * 12 * 53];
    double loss = 0;
    size_t n = 0;
    assert_int_equal(asc__st_open(&f, GOLDEN "/golden.safetensors", NULL), ASC_OK);
    golden_batch(&mb, &f);
    for (int isa = ASC_ISA_AUTO; isa <= ASC_ISA_PLAIN; isa++) {
        asc_model *m = golden_model(GOLDEN, (asc_isa)isa);
        assert_int_equal(asc_model_logits(m, &mb.batch, logits, NULL), ASC_OK);
        float *want = golden_tensor(&f, "logits", &n);
        for (size_t i = 0; i < n; i++) {
            bool seen = (int)(i / 53 % 12) < mb.lengths[i / 53 / 12];
            assert_true(!seen || fabsf(want[i] - logits[i]) < 1e-5f * (1 + fabsf(want[i])));
        }
        free(want);
        want = golden_tensor(&f, "loss", &n);
        assert_int_equal(asc_model_forward_backward(m, &mb.batch, 1, &loss, NULL), ASC_OK);
        assert_true(fabs(loss - (double)want[0]) < 1e-5 * loss);
        free(want);
        for (size_t i = 0; i < asc_model_n_tensors(m); i++) {
            const asc_param *t = asc_model_tensor(m, i);
            char name[80];
            snprintf(name, sizeof name, "grad.%s", t->name);
            want = golden_tensor(&f, name, &n);
            double e = relative_error(asc_model_grads_data(m) + t->offset, want, n);
            if (e > 1e-5 && !strstr(name, "key.bias"))
                fail_msg("%s: differs by %g", name, e);
            free(want);
        }
        asc_model_free(m);
    }
    asc__st_close(&f);
}

static void bert__survives_a_round_trip_through_a_folder(void **state)
{
    char dir[64];
    snprintf(dir, sizeof dir, "/tmp/asc_bert_%d", (int)getpid());
    asc_model *m = golden_model(GOLDEN, ASC_ISA_PLAIN);
    assert_int_equal(asc_mkdirs(dir, NULL), ASC_OK);
    assert_int_equal(asc_model_save(m, dir, NULL), ASC_OK);
    asc_model *again = golden_model(dir, ASC_ISA_PLAIN);
    assert_int_equal(asc_model_flat_size(m), asc_model_flat_size(again));
    assert_memory_equal(asc_model_params_data(m), asc_model_params_data(again), asc_model_flat_size(m) * sizeof(float));
    asc_model_free(m);
    asc_model_free(again);
    assert_int_equal(asc_remove_tree(dir, NULL), ASC_OK);
}

int main(void)
{
    setenv("AUTOSCALE_AMX_STAND_IN", "1", 1); /* the path of isa amx, on AVX512-BF16 */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bert__plain_gradients_match_central_differences),
        cmocka_unit_test(bert__fast_gradients_match_central_differences),
        cmocka_unit_test(bert__every_isa_agrees_with_plain),
        cmocka_unit_test(bert__padding_is_not_seen),
        cmocka_unit_test(bert__losses_follow_from_logits),
        cmocka_unit_test(bert__hidden_gradients_match_central_differences),
        cmocka_unit_test(bert__a_batch_without_targets_has_no_gradient),
        cmocka_unit_test(bert__counts_its_parameters),
        cmocka_unit_test(bert__bad_batches_and_shapes_are_refused),
        cmocka_unit_test(bert__agrees_with_transformers),
        cmocka_unit_test(bert__a_model_without_head_serves_fine_tuning_only),
        cmocka_unit_test(bert__survives_a_round_trip_through_a_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
