/*
 * Tiles and packing with bf16 operands, for 512-bit vectors with pair products (AVX512-BF16); included by
 * kernels_body.h. Rounding is to nearest, ties to even.
 */
#define K_UNIT 2
#define OPERANDS ASC_DTYPE_BF16
typedef asc_bf16 operand;

/* ---- tiles ---- */

/* Pair products: each 32-bit lane holds two neighbours of k (Intel's VDPBF16PS). */
ASC_INLINE void tile(float *c, size_t ldc, const asc_bf16 *a, size_t step_row, size_t step_pair, const asc_bf16 *b,
                     size_t k, bool accumulate, const asc_tile_end *end)
{
    vf s[MR][2];
    begin_tile(s, c, ldc);
    for (size_t p = 0; p < k; p += 2, a += step_pair, b += 2 * NR) {
        __m512bh b0 = (__m512bh)_mm512_loadu_si512(b), b1 = (__m512bh)_mm512_loadu_si512(b + NR);
#pragma GCC unroll 16
        for (int i = 0; i < MR; i++) {
            int pair;
            memcpy(&pair, a + (size_t)i * step_row, sizeof pair);
            __m512bh x = (__m512bh)_mm512_set1_epi32(pair);
            s[i][0] = _mm512_dpbf16_ps(s[i][0], x, b0);
            s[i][1] = _mm512_dpbf16_ps(s[i][1], x, b1);
        }
    }
    end_tile(c, ldc, s, accumulate, end);
}

/* ---- packing ---- */

/* Two rows as pairs: lane j = (lo[j], hi[j]), each rounded to bf16 (nearest, ties to even). */
ASC_INLINE __m512i pair_rows(vf lo, vf hi)
{
    __m512i l = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(lo));
    __m512i h = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(hi));
    return _mm512_or_si512(l, _mm512_slli_epi32(h, 16));
}

/* A stored row is one column of B, its neighbours in k already pairs: 16 of k at a time. Returns how many of k. */
ASC_INLINE size_t pack_pairs_transposed(asc_bf16 *out, const float *b, size_t ldb, size_t k)
{
    float pairs[8 * 8];
    size_t p = 0;
    for (; p + 16 <= k; p += 16)
        for (size_t j = 0; j < NR; j += 8) {
            for (size_t i = 0; i < 8; i++)
                _mm256_storeu_si256((__m256i *)(pairs + 8 * i),
                                    (__m256i)_mm512_cvtneps_pbh(v_load(b + (j + i) * ldb + p)));
            transpose8((float *)(void *)(out + (p / 2 * NR + j) * 2), NR, pairs, 8);
        }
    return p;
}

/* Rows p and p+1 of NR columns into pairs; columns from width on, and row p+1 where there is none, are 0. */
ASC_INLINE void pack_pairs(asc_bf16 *out, const float *b, const float *next, size_t width)
{
    for (size_t j = 0; j < NR; j += VL) {
        size_t some = width <= j ? 0 : width - j < VL ? width - j : VL;
        vf lo = v_load_some(b + j, some), hi = next ? v_load_some(next + j, some) : v_set1(0);
        _mm512_storeu_si512(out + 2 * j, pair_rows(lo, hi));
    }
}

/* Column j of the panel is row j of b: rows [p, k), one element at a time. */
ASC_INLINE void pack_pairs_slowly(asc_bf16 *out, const float *b, size_t ldb, size_t p, size_t k, size_t width)
{
    float turned[2 * NR];
    for (out += p * NR; p < k; p += 2, out += 2 * NR) {
        for (size_t j = 0; j < NR; j++) {
            turned[j] = j < width ? b[j * ldb + p] : 0;
            turned[NR + j] = j < width && p + 1 < k ? b[j * ldb + p + 1] : 0;
        }
        pack_pairs(out, turned, turned + NR, NR);
    }
}

static void pack_b(void *dst, size_t panel_stride, const float *b, size_t ldb, bool transposed, size_t k, size_t n)
{
    asc_bf16 *out = dst;
    if (transposed) {
        for (size_t j = 0; j < n; j += NR, out += panel_stride) {
            size_t width = n - j < NR ? n - j : NR;
            size_t done = width == NR ? pack_pairs_transposed(out, b + j * ldb, ldb, k) : 0;
            pack_pairs_slowly(out, b + j * ldb, ldb, done, k, width);
        }
        return;
    }
    for (size_t p = 0; p < k; p += 2, b += 2 * ldb) /* memory is read in order */
        for (size_t j = 0; j < n; j += NR)
            pack_pairs(out + j / NR * panel_stride + p * NR, b + j, p + 1 < k ? b + ldb + j : NULL, n - j);
}

ASC_INLINE void round_row(asc_bf16 *out, const float *x, size_t n)
{
    size_t i = 0;
    for (; i + VL <= n; i += VL)
        _mm256_storeu_si256((__m256i *)(out + i), (__m256i)_mm512_cvtneps_pbh(v_load(x + i)));
    if (i < n) {
        __mmask16 some = (__mmask16)((1u << (n - i)) - 1);
        _mm256_mask_storeu_epi16(out + i, some, (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(some, x + i)));
    }
}

static void pack_a_rows(void *dst, size_t lda_out, const float *a, size_t lda, size_t rows, size_t k)
{
    asc_bf16 *out = dst;
    size_t even = (k + 1) / 2 * 2;
    for (size_t i = 0; i < MR; i++) {
        if (i < rows)
            round_row(out + i * lda_out, a + i * lda, k);
        else
            memset(out + i * lda_out, 0, even * sizeof *out);
        if (k < even)
            out[i * lda_out + k] = 0;
    }
}

/* Sixteen columns of A at a time are two panels. */
static void pack_a_cols(void *dst, size_t panel_stride, const float *a, size_t lda, size_t rows, size_t k)
{
    asc_bf16 *out = dst;
    for (size_t p = 0; p < k; p += 2, a += 2 * lda)
        for (size_t i = 0; i < rows; i += VL) {
            size_t some = rows - i < VL ? rows - i : VL;
            vf lo = v_load_some(a + i, some), hi = p + 1 < k ? v_load_some(a + lda + i, some) : v_set1(0);
            __m512i pairs = pair_rows(lo, hi);
            asc_bf16 *to = out + i / MR * panel_stride + p * MR;
            _mm256_storeu_si256((__m256i *)to, _mm512_castsi512_si256(pairs));
            if (some > MR)
                _mm256_storeu_si256((__m256i *)(to + panel_stride), _mm512_extracti64x4_epi64(pairs, 1));
        }
}

/* Sixteen rows of k by sixteen columns at a time: pairs of k are turned as if they were floats. */
static void turn_a_cols(void *dst, size_t lda_out, const float *a, size_t lda, size_t rows, size_t k)
{
    float pairs[8 * VL];
    for (size_t p = 0; p < k; p += 16, a += 16 * lda)
        for (size_t i = 0; i < rows; i += VL) {
            size_t some = rows - i < VL ? rows - i : VL;
            for (size_t q = 0; q < 16; q += 2) {
                vf lo = p + q < k ? v_load_some(a + q * lda + i, some) : v_set1(0);
                vf hi = p + q + 1 < k ? v_load_some(a + (q + 1) * lda + i, some) : v_set1(0);
                _mm512_storeu_si512(pairs + q / 2 * VL, pair_rows(lo, hi));
            }
            float *out = (float *)(void *)((asc_bf16 *)dst + i * lda_out + p);
            transpose8(out, lda_out / 2, pairs, VL);
            transpose8(out + 8 * (lda_out / 2), lda_out / 2, pairs + 8, VL);
        }
}

/* ---- softmax of attention ---- */

ASC_INLINE void store_operands(operand *p, vf x, size_t n)
{
    __m256i h = (__m256i)_mm512_cvtneps_pbh(x);
    if (n == VL)
        _mm256_storeu_si256((__m256i *)p, h);
    else
        _mm256_mask_storeu_epi16(p, (__mmask16)((1u << n) - 1), h);
}

/* Keys j .. j + VL of one row, of which it sees n; others become 0. Returns p. */
ASC_INLINE vf softmax_grad_some(vf *ds, const float *s, const float *dp, size_t j, size_t n, float scale, float lse,
                                float D)
{
    __mmask16 seen = (__mmask16)(n >= j + VL ? 0xffff : n > j ? (1u << (n - j)) - 1 : 0);
    *ds = v_load(dp + j);
    vf p = softmax_grad(ds, v_load(s + j), scale, lse, D);
    *ds = _mm512_maskz_mov_ps(seen, *ds);
    return _mm512_maskz_mov_ps(seen, p);
}

/* Two rows at a time, as the columns are pairs. Whole vectors: rows have room beyond n_max. */
static void softmax_grad_rows(const asc_softmax_grad *g, const size_t *n, size_t n_max, float scale, const float *lse,
                              const float *D)
{
    for (size_t r = 0; r < MR; r += 2) {
        const float *s = g->s + r * g->ld, *dp = g->dp + r * g->ld;
        asc_bf16 *p_cols = (asc_bf16 *)g->p_cols + r * g->ld, *ds_cols = (asc_bf16 *)g->ds_cols + r * g->ld;
        asc_bf16 *ds_rows = (asc_bf16 *)g->ds_rows + r * g->ld;
        for (size_t j = 0; j < n_max; j += VL) {
            vf ds0, ds1, p0 = softmax_grad_some(&ds0, s, dp, j, n[r], scale, lse[r], D[r]);
            vf p1 = softmax_grad_some(&ds1, s + g->ld, dp + g->ld, j, n[r + 1], scale, lse[r + 1], D[r + 1]);
            _mm512_storeu_si512(p_cols + 2 * j, pair_rows(p0, p1));
            _mm512_storeu_si512(ds_cols + 2 * j, pair_rows(ds0, ds1));
            store_operands(ds_rows + j, ds0, VL);
            store_operands(ds_rows + g->ld + j, ds1, VL);
        }
    }
}
