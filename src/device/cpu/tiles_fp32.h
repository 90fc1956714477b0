/*
 * Tiles and packing with float operands; included by kernels_body.h.
 */
#define K_UNIT 1
#define OPERANDS ASC_DTYPE_FP32
typedef float operand;

/* ---- tiles ---- */

/* MR x 2 vectors of sums stay in registers over the whole of k. */
ASC_INLINE void tile(float *c, size_t ldc, const float *a, size_t step_row, size_t step_k, const float *b, size_t k,
                     bool accumulate, const asc_tile_end *end)
{
    vf s[MR][2];
    begin_tile(s, c, ldc);
    for (size_t p = 0; p < k; p++, a += step_k, b += NR) {
        vf b0 = v_load(b), b1 = v_load(b + VL);
#pragma GCC unroll 16
        for (int i = 0; i < MR; i++) {
            vf x = v_set1(a[(size_t)i * step_row]);
            s[i][0] = v_fma(x, b0, s[i][0]);
            s[i][1] = v_fma(x, b1, s[i][1]);
        }
    }
    end_tile(c, ldc, s, accumulate, end);
}

/* ---- packing ---- */

/* One row of a panel, zero-filled to NR. */
ASC_INLINE void pack_panel_row(float *dst, const float *b, size_t width)
{
    for (size_t j = 0; j < NR; j += VL) {
        if (j + VL <= width)
            v_store(dst + j, v_load(b + j));
        else
            v_store(dst + j, j < width ? v_load_part(b + j, width - j, 0) : v_set1(0));
    }
}

/* The panel's columns are rows of the stored matrix. */
ASC_INLINE void pack_panel_transposed(float *dst, const float *b, size_t ldb, size_t k, size_t width)
{
    size_t p = 0;
    for (; width == NR && p + 8 <= k; p += 8)
        for (size_t j = 0; j < NR; j += 8)
            transpose8(dst + p * NR + j, NR, b + j * ldb + p, ldb);
    for (; p < k; p++)
        for (size_t j = 0; j < NR; j++)
            dst[p * NR + j] = j < width ? b[j * ldb + p] : 0;
}

static void pack_b(void *dst, size_t panel_stride, const float *b, size_t ldb, bool transposed, size_t k, size_t n)
{
    float *out = dst;
    if (transposed) {
        for (size_t j = 0; j < n; j += NR, out += panel_stride)
            pack_panel_transposed(out, b + j * ldb, ldb, k, n - j < NR ? n - j : NR);
        return;
    }
    for (size_t p = 0; p < k; p++, b += ldb) /* memory is read in order */
        for (size_t j = 0; j < n; j += NR)
            pack_panel_row(out + j / NR * panel_stride + p * NR, b + j, n - j < NR ? n - j : NR);
}

static void pack_a_rows(void *dst, size_t lda_out, const float *a, size_t lda, size_t rows, size_t k)
{
    float *out = dst;
    for (size_t i = 0; i < MR; i++) {
        if (i < rows)
            memcpy(out + i * lda_out, a + i * lda, k * sizeof *out);
        else
            memset(out + i * lda_out, 0, k * sizeof *out);
    }
}

static void pack_a_cols(void *dst, size_t panel_stride, const float *a, size_t lda, size_t rows, size_t k)
{
    float *out = dst;
    size_t whole = rows / MR * MR;
    for (size_t p = 0; p < k; p++, a += lda) {
        for (size_t i = 0; i < whole; i += MR)
            memcpy(out + i / MR * panel_stride + p * MR, a + i, MR * sizeof *out);
        for (size_t i = whole; whole < rows && i < whole + MR; i++)
            out[whole / MR * panel_stride + p * MR + i - whole] = i < rows ? a[i] : 0;
    }
}

/* ---- softmax of attention ---- */

ASC_INLINE void store_operands(operand *p, vf x, size_t n)
{
    v_store_some(p, x, n);
}

static void softmax_grad_rows(const asc_softmax_grad *g, const size_t *n, size_t n_max, float scale, const float *lse,
                              const float *D)
{
    float *s = g->s, *dp = g->dp;
    for (size_t r = 0; r < MR; r++, s += g->ld, dp += g->ld) {
        for (size_t j = 0; j < n[r]; j += VL) {
            size_t some = n[r] - j < VL ? n[r] - j : VL;
            vf ds = v_load_some(dp + j, some), p = softmax_grad(&ds, v_load_some(s + j, some), scale, lse[r], D[r]);
            v_store_some(s + j, p, some);
            v_store_some(dp + j, ds, some);
        }
        memset(s + n[r], 0, (n_max - n[r]) * sizeof *s);
        memset(dp + n[r], 0, (n_max - n[r]) * sizeof *dp);
    }
}
