/* Every fast kernel against the plain one by normalised error, and the plain ones against central differences. */
#include "test.h"

#include "kernels.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

static const asc_kernels *plain_kernels(void)
{
    return &asc__kernels_plain;
}

static float *random_floats(size_t n, uint64_t seed)
{
    asc_rng r;
    asc_rng_init(&r, seed, "test", n);
    float *x = asc_aligned_alloc((n + 16) * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)asc_rng_normal(&r);
    return x;
}

static float *copy_of(const float *x, size_t n)
{
    float *y = asc_aligned_alloc((n + 16) * sizeof *y);
    assert_non_null(y);
    memcpy(y, x, n * sizeof *y);
    return y;
}

static void assert_close(const char *what, asc_isa isa, const float *a, const float *b, size_t n, double tolerance)
{
    double diff = 0, norm = 1e-30;
    for (size_t i = 0; i < n; i++) {
        diff += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        norm += (double)b[i] * (double)b[i];
    }
    if (!(sqrt(diff / norm) < tolerance))
        fail_msg("%s on %s: normalised error %g, allowed %g", what, asc_isa_name(isa), sqrt(diff / norm), tolerance);
}

static void each_isa(void (*test)(const asc_kernels *k, asc_isa isa, double tolerance))
{
    for (int isa = ASC_ISA_PLAIN; isa <= ASC_ISA_AMX; isa++) {
        const asc_kernels *k = asc_kernels_get((asc_isa)isa, ASC_DTYPE_FP32);
        if (k)
            test(k, (asc_isa)isa, 2e-6);
        else
            print_message("skipped: this machine lacks %s\n", asc_isa_name((asc_isa)isa));
        k = asc_kernels_get((asc_isa)isa, ASC_DTYPE_BF16);
        if (k)
            test(k, (asc_isa)isa, 6e-3);
    }
}

/* ---- products ---- */

typedef struct shape {
    size_t m, n, k;
} shape;
static const shape shapes[] = {{1, 1, 1},     {8, 32, 64}, {13, 37, 29},    {64, 96, 512},
                               {50, 65, 601}, {7, 700, 3}, {150, 1100, 40}, {70, 40, 1100}};

static void check_gemm(const asc_kernels *k, asc_isa isa, double tolerance, shape s, bool ta, bool tb, bool packed,
                       bool accumulate, asc_epilogue epilogue)
{
    float *a = random_floats(s.m * s.k, 1), *b = random_floats(s.k * s.n, 2), *c = random_floats(s.m * s.n, 3);
    float *bias = random_floats(s.n, 4), *in = random_floats(s.m * s.n, 5), *c2 = copy_of(c, s.m * s.n);
    size_t ld_out = s.n + 3;
    float *out = random_floats(s.m * ld_out, 6), *out2 = copy_of(out, s.m * ld_out), *in2 = random_floats(s.m * s.n, 8);
    float *max1 = random_floats(s.m, 7), *max2 = copy_of(max1, s.m);
    void *scratch = asc_aligned_alloc(asc_gemm_scratch(k)),
         *pack = asc_aligned_alloc(asc_gemm_packed_size(k, s.k, s.n));
    asc_gemm g = {.m = s.m, .n = s.n, .k = s.k, .a = a, .lda = ta ? s.m : s.k, .a_transposed = ta};
    g.b = b;
    g.ldb = tb ? s.k : s.n;
    g.b_transposed = tb;
    g.c = c2;
    g.ldc = g.ld_aux = s.n;
    g.accumulate = accumulate;
    g.epilogue = epilogue;
    g.bias = epilogue == ASC_EPI_NONE ? NULL : bias;
    g.aux_in = in;
    g.aux_in2 = in2;
    g.ld_out = ld_out;
    g.aux_out = out2;
    g.row_max = max2;
    asc_gemm_run(plain_kernels(), &g, NULL, 0, 1);
    g.c = c;
    g.aux_out = out;
    g.row_max = max1;
    if (packed) {
        for (size_t part = 0; part < 3; part++)
            asc_gemm_pack(k, pack, b, g.ldb, tb, s.k, s.n, part, 3);
        g.b_packed = pack;
    }
    size_t parts = packed || epilogue != ASC_EPI_ROW_MAX ? 2 : 1;
    for (size_t part = 0; part < parts; part++)
        asc_gemm_run(k, &g, scratch, part, parts);
    assert_close("product", isa, c, c2, s.m * s.n, tolerance);
    assert_close("second output", isa, out, out2, s.m * ld_out, tolerance);
    if (epilogue == ASC_EPI_ROW_MAX)
        assert_close("row maximum", isa, max1, max2, s.m, tolerance);
    float *all[] = {a, b, c, c2, bias, in, in2, out, out2, max1, max2, scratch, pack};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        asc_aligned_free(all[i]);
}

static void gemm_on(const asc_kernels *k, asc_isa isa, double tolerance)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        for (int layout = 0; layout < 8; layout++)
            check_gemm(k, isa, tolerance, shapes[i], layout & 1, layout & 2, layout & 4, i % 2, ASC_EPI_NONE);
        for (int e = ASC_EPI_BIAS; e <= ASC_EPI_ROW_MAX; e++)
            check_gemm(k, isa, tolerance, shapes[i], false, false, e == ASC_EPI_ROW_MAX, false, (asc_epilogue)e);
    }
}

static void gemm__every_isa_agrees_with_plain(void **state)
{
    each_isa(gemm_on);
}

/* Columns are split, or with a packed B rows. */
static void parts_on(const asc_kernels *k, asc_isa isa, double tolerance)
{
    enum { M = 85, N = 200, K = 1070 };
    float *a = random_floats(M * K, 1), *b = random_floats(K * N, 2), *one = random_floats(M * N, 3);
    float *many = random_floats(M * N, 4);
    void *scratch = asc_aligned_alloc(asc_gemm_scratch(k)), *pack = asc_aligned_alloc(asc_gemm_packed_size(k, K, N));
    asc_gemm g = {.m = M, .n = N, .k = K, .a = a, .lda = K, .b = b, .ldb = N, .c = one, .ldc = N};
    asc_gemm_run(k, &g, scratch, 0, 1);
    g.c = many;
    asc_gemm_pack(k, pack, b, N, false, K, N, 0, 1);
    for (int packed = 0; packed < 2; packed++) {
        g.b_packed = packed ? pack : NULL;
        memset(many, 0, M * N * sizeof *many);
        for (size_t part = 0; part < 5; part++)
            asc_gemm_run(k, &g, scratch, part, 5);
        assert_memory_equal(one, many, M * N * sizeof(float));
    }
    float *all[] = {a, b, one, many, scratch, pack};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        asc_aligned_free(all[i]);
}

static void gemm__bits_do_not_depend_on_parts(void **state)
{
    each_isa(parts_on);
}

static bool no_product(float *c, const void *a, const void *b, size_t m, size_t n, size_t k)
{
    return false;
}

/* Should the library fail at a product (memory is out), our tiles make it from the same operands. */
static void gemm__library_that_fails_is_replaced(void **state)
{
    const asc_kernels *k = asc_kernels_get(ASC_ISA_AMX, ASC_DTYPE_BF16);
    if (!k) {
        print_message("skipped: %s\n", asc_device_amx_state());
        return;
    }
    asc_kernels failing = *k;
    failing.product = no_product;
    gemm_on(&failing, ASC_ISA_AMX, 6e-3);
}

/* The same product again and again: its bits must stay. */
static void *many_products(void *ctx)
{
    enum { M = 32, N = 64, K = 96 };
    const asc_kernels *k = ctx;
    float *a = random_floats(M * K, 1), *b = random_floats(K * N, 2), *one = random_floats(M * N, 3);
    float *c = random_floats(M * N, 4);
    asc_bf16 *rows = asc_aligned_alloc(M * K * sizeof *rows), *panels = asc_aligned_alloc(K * N * sizeof *panels);
    bool same = true;
    for (size_t i = 0; i < M; i += k->mr)
        k->pack_a_rows(rows + i * K, K, a + i * K, K, k->mr, K);
    k->pack_b(panels, K * k->nr, b, N, false, K, N);
    same = k->product(one, rows, panels, M, N, K);
    for (int i = 0; same && i < 200; i++)
        same = k->product(c, rows, panels, M, N, K) && memcmp(c, one, M * N * sizeof *c) == 0;
    void *all[] = {a, b, one, c, rows, panels};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        asc_aligned_free(all[i]);
    return same ? ctx : NULL;
}

/* Runs of one process may use the library at the same time. */
static void gemm__library_is_shared_by_threads(void **state)
{
    const asc_kernels *k = asc_kernels_get(ASC_ISA_AMX, ASC_DTYPE_BF16);
    if (!k) {
        print_message("skipped: %s\n", asc_device_amx_state());
        return;
    }
    pthread_t threads[3];
    void *result;
    for (int i = 0; i < 3; i++)
        assert_true(pthread_create(&threads[i], NULL, many_products, (void *)k) == 0);
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], &result);
        assert_true(result == k);
    }
}

/* ---- attention ---- */

typedef struct attention_data {
    asc_attention a;
    size_t n_qkv, n_out, n_lse;
    float *qkv, *out, *lse, *dout, *dqkv;
    void *scratch;
} attention_data;

static attention_data attention_make(const asc_kernels *k, int B, int T, int H, int H_kv, int d, bool causal,
                                     const int32_t *lengths)
{
    attention_data x = {.a = {.B = B, .T = T, .H = H, .d = d, .causal = causal, .scale = 1 / sqrtf((float)d)}};
    x.a.H_kv = H_kv;
    x.n_out = (size_t)(B * T * H * d);
    x.n_qkv = x.n_out + (size_t)(2 * B * T * (H_kv ? H_kv : H) * d);
    x.n_lse = (size_t)(B * H * T);
    x.qkv = random_floats(x.n_qkv, 1);
    x.out = random_floats(x.n_out, 2);
    x.lse = random_floats(x.n_lse, 3);
    x.dout = random_floats(x.n_out, 4);
    x.dqkv = random_floats(x.n_qkv, 5);
    x.a.lengths = lengths;
    x.a.qkv = x.qkv;
    x.a.out = x.out;
    x.a.lse = x.lse;
    x.a.dout = x.dout;
    x.a.dqkv = x.dqkv;
    x.scratch = asc_aligned_alloc(asc_attention_scratch(k, T, d));
    return x;
}

static void attention_free(attention_data *x)
{
    asc_aligned_free(x->qkv);
    asc_aligned_free(x->out);
    asc_aligned_free(x->lse);
    asc_aligned_free(x->dout);
    asc_aligned_free(x->dqkv);
    asc_aligned_free(x->scratch);
}

static void attention_run(const asc_kernels *k, attention_data *x, size_t parts)
{
    for (size_t p = 0; p < parts; p++)
        asc_attention_forward(k, &x->a, x->scratch, p, parts);
    for (size_t p = 0; p < parts; p++)
        asc_attention_backward(k, &x->a, x->scratch, p, parts);
}

static void attention_on(const asc_kernels *k, asc_isa isa, double tolerance)
{
    /* T around the sizes of strips, blocks and chunks; d that is no multiple of a vector; key padding */
    static const int cases[][4] = {{1, 1, 4, 0},    {2, 17, 8, 0},  {1, 48, 20, 0}, {1, 193, 32, 0},
                                   {2, 230, 33, 0}, {6, 20, 10, 2}, {2, 200, 16, 1}};
    static const int32_t lengths[] = {11, 3};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int mode = 0; mode < 3; mode++) {
            int T = cases[i][1];
            const int32_t *padded = mode == 2 && T > 11 ? lengths : NULL;
            attention_data want =
                attention_make(plain_kernels(), 2, T, cases[i][0], cases[i][3], cases[i][2], mode == 0, padded);
            attention_data got = attention_make(k, 2, T, cases[i][0], cases[i][3], cases[i][2], mode == 0, padded);
            attention_run(plain_kernels(), &want, 1);
            attention_run(k, &got, 3);
            assert_close("attention", isa, got.out, want.out, want.n_out, tolerance);
            assert_close("log-sum-exp", isa, got.lse, want.lse, want.n_lse, tolerance);
            assert_close("attention gradient", isa, got.dqkv, want.dqkv, want.n_qkv, 2.5 * tolerance);
            attention_free(&want);
            attention_free(&got);
        }
}

static void attention__every_isa_agrees_with_plain(void **state)
{
    each_isa(attention_on);
}

/* Each head's q, k and v side by side give what they give in three blocks. */
static void by_head_on(const asc_kernels *k, asc_isa isa, double tolerance)
{
    enum { H = 3, D = 8, T = 21 };
    attention_data blocks = attention_make(k, 2, T, H, 0, D, true, NULL);
    attention_data heads = attention_make(k, 2, T, H, 0, D, true, NULL);
    for (size_t row = 0; row < 2 * T; row++)
        for (size_t part = 0; part < 3; part++)
            for (size_t h = 0; h < H; h++)
                memcpy(heads.qkv + (row * H + h) * 3 * D + part * D, blocks.qkv + (row * 3 + part) * H * D + h * D,
                       D * sizeof(float));
    heads.a.by_head = true;
    asc_attention_forward(k, &blocks.a, blocks.scratch, 0, 1);
    asc_attention_forward(k, &heads.a, heads.scratch, 0, 1);
    assert_memory_equal(blocks.out, heads.out, blocks.n_out * sizeof(float));
    attention_free(&blocks);
    attention_free(&heads);
}

static void attention__heads_may_stand_side_by_side(void **state)
{
    each_isa(by_head_on);
}

/* d(sum of out * dout)/d(qkv) along random directions. */
static void attention__plain_gradient_matches_central_differences(void **state)
{
    const asc_kernels *k = plain_kernels();
    static const int32_t lengths[] = {7, 4};
    for (int causal = 0; causal < 2; causal++) {
        attention_data x = attention_make(k, 2, 7, 4, causal ? 0 : 2, 4, causal, causal ? NULL : lengths);
        attention_run(k, &x, 1);
        for (uint64_t trial = 0; trial < 4; trial++) {
            float *dir = random_floats(x.n_qkv, 100 + trial), *keep = copy_of(x.qkv, x.n_qkv);
            double slope = 0, along = 0, h = 1e-3;
            for (size_t i = 0; i < x.n_qkv; i++)
                along += (double)x.dqkv[i] * (double)dir[i];
            for (int side = -1; side <= 1; side += 2) {
                for (size_t i = 0; i < x.n_qkv; i++)
                    x.qkv[i] = keep[i] + (float)(side * h) * dir[i];
                asc_attention_forward(k, &x.a, x.scratch, 0, 1);
                for (size_t i = 0; i < x.n_out; i++)
                    slope += side * (double)x.out[i] * (double)x.dout[i] / (2 * h);
            }
            memcpy(x.qkv, keep, x.n_qkv * sizeof *keep);
            assert_true(fabs(slope - along) < 5e-3 * (1 + fabs(slope)));
            asc_aligned_free(dir);
            asc_aligned_free(keep);
        }
        attention_free(&x);
    }
}

/* ---- rows ---- */

static void layernorm_on(const asc_kernels *k, asc_isa isa, double tolerance)
{
    static const size_t widths[] = {1, 5, 16, 67, 256};
    (void)tolerance;
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        size_t C = widths[i], R = 130, n = R * C, chunks = 3;
        float *x = random_floats(n, 1), *gain = random_floats(C, 2), *bias = random_floats(C, 3);
        float *dy = random_floats(n, 4), *y[2], *mean[2], *rstd[2], *dx[2], *partial[2];
        const asc_kernels *table[2] = {plain_kernels(), k};
        for (int t = 0; t < 2; t++) {
            y[t] = random_floats(n, 5);
            mean[t] = random_floats(R, 6);
            rstd[t] = random_floats(R, 7);
            dx[t] = random_floats(n, 8);
            partial[t] = random_floats(chunks * 2 * C, 9);
            for (size_t p = 0; p < 2; p++)
                asc_layernorm_forward(table[t], y[t], mean[t], rstd[t], x, gain, bias, R, C, 1e-5f, p, 2);
            for (size_t p = 0; p < 2; p++)
                asc_layernorm_backward(table[t], dx[t], partial[t], dy, x, mean[t], rstd[t], gain, R, C, i % 2, p, 2);
        }
        assert_close("layernorm", isa, y[1], y[0], n, 2e-5);
        assert_close("layernorm gradient", isa, dx[1], dx[0], n, 1e-3 * (C == 1) + 2e-5);
        assert_close("layernorm gain", isa, partial[1], partial[0], chunks * 2 * C, 2e-5);
        float *all[] = {x,       gain,    bias,    dy,    y[0],  y[1],       mean[0],
                        mean[1], rstd[0], rstd[1], dx[0], dx[1], partial[0], partial[1]};
        for (size_t j = 0; j < sizeof all / sizeof *all; j++)
            asc_aligned_free(all[j]);
    }
}

static void layernorm__every_isa_agrees_with_plain(void **state)
{
    each_isa(layernorm_on);
}

/* Rows of G groups in a wider row; the second output is added to, the gradient made in place. */
static void rmsnorm_on(const asc_kernels *k, asc_isa isa, double tolerance)
{
    static const size_t shapes_of[][2] = {{1, 1}, {1, 5}, {3, 16}, {2, 67}, {1, 256}};
    (void)tolerance;
    for (size_t i = 0; i < sizeof shapes_of / sizeof *shapes_of; i++) {
        size_t G = shapes_of[i][0], C = shapes_of[i][1], R = 130, ld = G * C + 3, n = R * ld;
        float *x = random_floats(n, 1), *gain = random_floats(C, 2), *add = random_floats(n, 3),
              *dy = random_floats(n, 4);
        float *y[2], *rstd[2], *dx[2], *partial[2];
        const asc_kernels *table[2] = {plain_kernels(), k};
        for (int t = 0; t < 2; t++) {
            y[t] = random_floats(n, 5);
            rstd[t] = random_floats(R * G, 7);
            dx[t] = i % 2 ? copy_of(dy, n) : random_floats(n, 8);
            partial[t] = random_floats(3 * C, 9);
            asc_rmsnorm r = {.R = R, .G = G, .C = C, .x = x, .rstd = rstd[t], .gain = gain, .eps = 1e-5f, .ld_x = ld};
            r.ld_y = ld;
            r.y = y[t];
            r.add = i % 2 ? add : NULL;
            r.dy = i % 2 ? dx[t] : dy;
            r.dx = dx[t];
            r.partial = partial[t];
            r.accumulate = i % 2 == 0;
            for (size_t p = 0; p < 2; p++)
                asc_rmsnorm_forward(table[t], &r, p, 2);
            for (size_t p = 0; p < 2; p++)
                asc_rmsnorm_backward(table[t], &r, p, 2);
        }
        assert_close("rmsnorm", isa, y[1], y[0], n, 2e-5);
        assert_close("rmsnorm gradient", isa, dx[1], dx[0], n, 1e-3 * (C == 1) + 2e-5);
        assert_close("rmsnorm gain", isa, partial[1], partial[0], 3 * C, 2e-5);
        float *all[] = {x, gain, add, dy, y[0], y[1], rstd[0], rstd[1], dx[0], dx[1], partial[0], partial[1]};
        for (size_t j = 0; j < sizeof all / sizeof *all; j++)
            asc_aligned_free(all[j]);
    }
}

static void rmsnorm__every_isa_agrees_with_plain(void **state)
{
    each_isa(rmsnorm_on);
}

static double rmsnorm_value(asc_rmsnorm *n)
{
    double sum = 0;
    asc_rmsnorm_forward(plain_kernels(), n, 0, 1);
    for (size_t i = 0; i < n->C; i++)
        sum += (double)n->y[i] * (double)n->dy[i];
    return sum;
}

static void rmsnorm__plain_gradient_matches_central_differences(void **state)
{
    enum { C = 24 };
    float *x = random_floats(C, 1), *gain = random_floats(C, 2), *dy = random_floats(C, 4);
    float y[C], dx[C], partial[C], rstd;
    asc_rmsnorm n = {.R = 1, .G = 1, .C = C, .x = x, .rstd = &rstd, .gain = gain, .eps = 1e-5f, .ld_x = C, .ld_y = C};
    n.y = y;
    n.dy = dy;
    n.dx = dx;
    n.partial = partial;
    asc_rmsnorm_forward(plain_kernels(), &n, 0, 1);
    asc_rmsnorm_backward(plain_kernels(), &n, 0, 1);
    float *inputs[] = {x, gain};
    const float *grads[] = {dx, partial};
    for (int which = 0; which < 2; which++)
        for (size_t i = 0; i < C; i++) {
            float keep = inputs[which][i], h = 5e-3f;
            inputs[which][i] = keep + h;
            double up = rmsnorm_value(&n);
            inputs[which][i] = keep - h;
            double down = rmsnorm_value(&n);
            inputs[which][i] = keep;
            assert_true(fabs((up - down) / (2 * (double)h) - (double)grads[which][i]) < 3e-3);
        }
    asc_aligned_free(x);
    asc_aligned_free(gain);
    asc_aligned_free(dy);
}

/* Known answer, agreement, and that turning back undoes it, so that it is its own gradient. */
static void rope_on(const asc_kernels *k, asc_isa isa, double tolerance)
{
    static const size_t halves[] = {1, 5, 16, 32};
    (void)tolerance;
    for (size_t i = 0; i < sizeof halves / sizeof *halves; i++) {
        size_t half = halves[i], T = 7, R = 14, H = 3, step = 2 * half + 1, ld = H * step + 2;
        float *angle = random_floats(T * half, 1), *c = copy_of(angle, T * half), *s = copy_of(angle, T * half);
        float *x = random_floats(R * ld, 2), *want = copy_of(x, R * ld), *before = copy_of(x, R * ld);
        for (size_t j = 0; j < T * half; j++) {
            c[j] = cosf(angle[j]);
            s[j] = sinf(angle[j]);
        }
        asc_rope r = {
            .x = x, .ld = ld, .R = R, .T = T, .n_heads = H, .step = step, .half = half, .cosine = c, .sine = s};
        for (size_t p = 0; p < 2; p++)
            asc_rope_rows(k, &r, p, 2);
        for (size_t row = 0; row < R; row++)
            for (size_t h = 0; h < H; h++)
                for (size_t j = 0; j < half; j++) {
                    float *a = want + row * ld + h * step + j, *b = a + half, keep = *a;
                    *a = keep * c[row % T * half + j] - *b * s[row % T * half + j];
                    *b = *b * c[row % T * half + j] + keep * s[row % T * half + j];
                }
        assert_close("rotary", isa, x, want, R * ld, 1e-6);
        r.inverse = true;
        asc_rope_rows(k, &r, 0, 1);
        assert_close("rotary turned back", isa, x, before, R * ld, 1e-6);
        float *all[] = {angle, c, s, x, want, before};
        for (size_t j = 0; j < sizeof all / sizeof *all; j++)
            asc_aligned_free(all[j]);
    }
}

static void rope__turns_pairs_and_back(void **state)
{
    each_isa(rope_on);
}

static double layernorm_value(const float *x, const float *gain, const float *bias, const float *dy, size_t C)
{
    float y[64], mean, rstd;
    double sum = 0;
    asc_layernorm_forward(plain_kernels(), y, &mean, &rstd, x, gain, bias, 1, C, 1e-5f, 0, 1);
    for (size_t i = 0; i < C; i++)
        sum += (double)y[i] * (double)dy[i];
    return sum;
}

static void layernorm__plain_gradient_matches_central_differences(void **state)
{
    enum { C = 24 };
    float *x = random_floats(C, 1), *gain = random_floats(C, 2), *bias = random_floats(C, 3), *dy = random_floats(C, 4);
    float y[C], dx[C], partial[2 * C], mean, rstd;
    asc_layernorm_forward(plain_kernels(), y, &mean, &rstd, x, gain, bias, 1, C, 1e-5f, 0, 1);
    asc_layernorm_backward(plain_kernels(), dx, partial, dy, x, &mean, &rstd, gain, 1, C, false, 0, 1);
    float *inputs[] = {x, gain, bias};
    const float *grads[] = {dx, partial, partial + C};
    for (int which = 0; which < 3; which++)
        for (size_t i = 0; i < C; i++) {
            float keep = inputs[which][i], h = 5e-3f;
            inputs[which][i] = keep + h;
            double up = layernorm_value(x, gain, bias, dy, C);
            inputs[which][i] = keep - h;
            double down = layernorm_value(x, gain, bias, dy, C);
            inputs[which][i] = keep;
            assert_true(fabs((up - down) / (2 * (double)h) - (double)grads[which][i]) < 3e-3);
        }
    asc_aligned_free(x);
    asc_aligned_free(gain);
    asc_aligned_free(bias);
    asc_aligned_free(dy);
}

/* gelu'(x): the epilogue of a product whose sums are all 1. */
static void gelu_gradient(const asc_kernels *k, float *grad, const float *x, size_t n, bool exact)
{
    float one = 1, *ones = asc_aligned_alloc(n * sizeof *ones);
    void *scratch = asc_aligned_alloc(asc_gemm_scratch(k));
    for (size_t i = 0; i < n; i++)
        ones[i] = 1;
    asc_gemm g = {.m = 1, .n = n, .k = 1, .a = &one, .lda = 1, .b = ones, .ldb = n, .c = grad, .ldc = n};
    g.epilogue = exact ? ASC_EPI_DGELU_ERF : ASC_EPI_DGELU;
    g.aux_in = x;
    g.ld_aux = n;
    asc_gemm_run(k, &g, scratch, 0, 1);
    asc_aligned_free(ones);
    asc_aligned_free(scratch);
}

static void gelu_on(const asc_kernels *k, asc_isa isa, double tolerance)
{
    enum { N = 1003 };
    float x[N], want[N], got[N];
    (void)tolerance;
    for (int i = 0; i < N; i++)
        x[i] = (float)(i - 501) * .03f;
    for (int exact = 0; exact < 2; exact++) {
        asc_gelu_forward(plain_kernels(), want, x, N, exact, 0, 1);
        asc_gelu_forward(k, got, x, N, exact, 0, 1);
        assert_close("gelu", isa, got, want, N, 1e-6);
        gelu_gradient(plain_kernels(), want, x, N, exact);
        gelu_gradient(k, got, x, N, exact);
        assert_close("gelu gradient", isa, got, want, N, 1e-6);
    }
}

static void gelu__every_isa_agrees_with_plain(void **state)
{
    each_isa(gelu_on);
    for (float x = -4; x < 4; x += .37f)
        for (int exact = 0; exact < 2; exact++) {
            float in[2] = {x - 1e-2f, x + 1e-2f}, out[2], grad;
            plain_kernels()->gelu(out, in, 2, exact);
            gelu_gradient(plain_kernels(), &grad, &x, 1, exact);
            assert_true(fabsf((out[1] - out[0]) / 2e-2f - grad) < 1e-3f);
        }
}

static void cross_entropy_on(const asc_kernels *k, asc_isa isa, double tolerance)
{
    enum { R = 5, V = 77, LD = 80 };
    static const int32_t targets[R] = {0, 76, -1, 33, 7};
    (void)tolerance;
    for (int grad = 0; grad < 2; grad++) {
        float *x[2], nll[2][R], max[R];
        const asc_kernels *table[2] = {plain_kernels(), k};
        for (int t = 0; t < 2; t++) {
            x[t] = random_floats(R * LD, 1);
            for (int r = 0; r < R; r++)
                max[r] = plain_kernels()->max(x[t] + r * LD, V, -INFINITY);
            asc_cross_entropy c = {.logits = x[t], .ld = LD, .R = R, .V = V, .targets = targets, .row_max = max};
            c.grad_scale = grad ? .25f : 0;
            c.nll = nll[t];
            for (size_t p = 0; p < 3; p++)
                asc_cross_entropy_rows(table[t], &c, p, 3);
        }
        assert_close("loss", isa, nll[1], nll[0], R, 1e-6);
        if (grad)
            assert_close("loss gradient", isa, x[1], x[0], R * LD, 2e-6);
        assert_true(nll[1][2] == 0);
        asc_aligned_free(x[0]);
        asc_aligned_free(x[1]);
    }
}

static void cross_entropy__every_isa_agrees_with_plain(void **state)
{
    each_isa(cross_entropy_on);
}

static void adamw_on(const asc_kernels *k, asc_isa isa, double tolerance)
{
    enum { N = 103 };
    asc_adamw_args a = {.lr_t = .01f, .beta1 = .9f, .beta2 = .95f, .eps_t = 1e-6f, .decay_t = 1e-3f, .grad_scale = .5f};
    float *g = random_floats(N, 1), *p[2], *m[2], *v[2];
    const asc_kernels *table[2] = {plain_kernels(), k};
    (void)tolerance;
    for (int t = 0; t < 2; t++) {
        p[t] = random_floats(N, 2);
        m[t] = random_floats(N, 3);
        v[t] = random_floats(N, 4);
        for (int i = 0; i < N; i++)
            v[t][i] = fabsf(v[t][i]);
        asc_adamw_update(table[t], p[t], g, m[t], v[t], N, &a);
    }
    assert_close("parameters", isa, p[1], p[0], N, 1e-6);
    assert_close("first moment", isa, m[1], m[0], N, 1e-6);
    assert_close("second moment", isa, v[1], v[0], N, 1e-6);
    assert_true(fabs(asc_sum_squares(k, g, N) - asc_sum_squares(plain_kernels(), g, N)) < 1e-4);
    asc_aligned_free(g);
    for (int t = 0; t < 2; t++) {
        asc_aligned_free(p[t]);
        asc_aligned_free(m[t]);
        asc_aligned_free(v[t]);
    }
}

static void adamw__every_isa_agrees_with_plain(void **state)
{
    each_isa(adamw_on);
}

/* A diverged run must show: NaN and infinity come through every row kernel. */
static void nan_on(const asc_kernels *k, asc_isa isa, double tolerance)
{
    float x[64], y[64], mean, rstd;
    (void)isa;
    (void)tolerance;
    for (int at = 0; at < 64; at += 21) {
        for (int i = 0; i < 64; i++)
            x[i] = .5f;
        x[at] = NAN;
        int32_t target = 3;
        float row[64], max = k->max(x, 64, -INFINITY), nll;
        memcpy(row, x, sizeof row);
        asc_cross_entropy c = {.logits = row, .ld = 64, .R = 1, .V = 64, .targets = &target, .row_max = &max};
        c.nll = &nll;
        asc_cross_entropy_rows(k, &c, 0, 1);
        assert_true(isnan(nll));
        k->gelu(y, x, 64, false);
        assert_true(isnan(y[at]));
        asc_layernorm_forward(k, y, &mean, &rstd, x, x, x, 1, 64, 1e-5f, 0, 1);
        assert_true(isnan(y[0]));
        assert_true(isnan(k->exp_sum_only(x, 64, 0)));
        assert_true(isnan(asc_sum_squares(k, x, 64)));
    }
}

static void kernels__nan_passes_through(void **state)
{
    each_isa(nan_on);
}

int main(void)
{
    setenv("AUTOSCALE_AMX_STAND_IN", "1", 1); /* the path of isa amx, on AVX512-BF16 */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gemm__every_isa_agrees_with_plain),
        cmocka_unit_test(gemm__bits_do_not_depend_on_parts),
        cmocka_unit_test(gemm__library_that_fails_is_replaced),
        cmocka_unit_test(gemm__library_is_shared_by_threads),
        cmocka_unit_test(attention__every_isa_agrees_with_plain),
        cmocka_unit_test(attention__heads_may_stand_side_by_side),
        cmocka_unit_test(attention__plain_gradient_matches_central_differences),
        cmocka_unit_test(rmsnorm__every_isa_agrees_with_plain),
        cmocka_unit_test(rmsnorm__plain_gradient_matches_central_differences),
        cmocka_unit_test(rope__turns_pairs_and_back),
        cmocka_unit_test(layernorm__every_isa_agrees_with_plain),
        cmocka_unit_test(layernorm__plain_gradient_matches_central_differences),
        cmocka_unit_test(gelu__every_isa_agrees_with_plain),
        cmocka_unit_test(cross_entropy__every_isa_agrees_with_plain),
        cmocka_unit_test(adamw__every_isa_agrees_with_plain),
        cmocka_unit_test(kernels__nan_passes_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
