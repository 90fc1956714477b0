/*
 * Matrix products from tiles. For a block of B of KC x NC that stays in the second-level cache, one panel of mr rows
 * of A (in the first level) sweeps over all its columns; what is left to do with a tile of C, bias, GELU, residual, row
 * maxima, happens at once, while it is in the first-level cache. Packing of B costs 1/M of the work and needs no memory
 * of its own; copies kept packed are only worth it for small M (the blocks of the output head).
 * Where a library makes the products (isa amx), it gets the same blocks of B and PRODUCT_M rows of A at a time; its
 * result passes through scratch, and from there on all is as with tiles.
 */
#include "kernels.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum {
    B_BLOCK = 160 * 1024, /* elements of a packed block of B */
    MAX_MR = 8,
    MAX_NR = 32,
    A_GROUP = 4,            /* panels of a transposed A that are packed at once: whole cache lines are read */
    LDA = ASC_GEMM_KC + 32, /* rows of a packed panel of A: no multiple of a page, so rows do not evict each other */

    PRODUCT_M =
        64, /* rows, k and columns of a library's product at most: with B's block they stay in the second level */
    PRODUCT_K = 512,
    PRODUCT_N = 1024
};

typedef struct gemm_scratch {
    float b[B_BLOCK];
    float a[A_GROUP * MAX_MR * LDA];
    float tile[MAX_MR * MAX_NR];
    float row_max[MAX_MR * MAX_NR];
} gemm_scratch;

/* The same where products go through a library. */
typedef struct product_scratch {
    gemm_scratch tiles;
    float c[PRODUCT_M * PRODUCT_N];
    asc_bf16 a[PRODUCT_M * PRODUCT_K];
} product_scratch;

size_t asc_gemm_scratch(const asc_kernels *k)
{
    return k->product ? sizeof(product_scratch) : sizeof(gemm_scratch);
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

void asc_part_range(size_t n, size_t unit, size_t part, size_t n_parts, size_t *begin, size_t *end)
{
    assert(unit > 0 && part < n_parts);
    size_t units = (n + unit - 1) / unit;
    *begin = min_size(n, units * part / n_parts * unit);
    *end = min_size(n, units * (part + 1) / n_parts * unit);
}

/* Rows of k in a packed block of B, and operands in a dense row of A. */
static size_t packed_k(const asc_kernels *k, size_t rows_k)
{
    return asc__round_up(rows_k, k->product ? ASC_PRODUCT_K : k->k_unit);
}

/* Rows of k in a block: K in equal parts. */
static size_t block_k(const asc_kernels *k, size_t rows_k)
{
    assert(rows_k > 0);
    size_t most = k->product ? PRODUCT_K : ASC_GEMM_KC, n_blocks = (rows_k + most - 1) / most;
    return asc__round_up((rows_k + n_blocks - 1) / n_blocks, k->product ? ASC_PRODUCT_K : 8);
}

size_t asc_gemm_packed_size(const asc_kernels *k, size_t rows_k, size_t n)
{
    return packed_k(k, rows_k) * asc__round_up(n, k->nr) * asc__operand_size(k);
}

static const float *b_at(const float *b, size_t ldb, bool transposed, size_t p, size_t j)
{
    return transposed ? b + j * ldb + p : b + p * ldb + j;
}

/* A block of k rows and n columns into panels of packed_k(rows_k) rows; what is beyond B's rows counts as 0. */
static void pack_panels(const asc_kernels *k, void *dst, const float *b, size_t ldb, bool transposed, size_t rows_k,
                        size_t n)
{
    size_t stride = packed_k(k, rows_k) * k->nr;
    if (k->product && rows_k % ASC_PRODUCT_K != 0)
        memset(dst, 0, (n + k->nr - 1) / k->nr * stride * asc__operand_size(k));
    k->pack_b(dst, stride, b, ldb, transposed, rows_k, n);
}

/* Where a kept B of n columns has its block of rows [k0, k0 + kc), from column j0 on. */
static void *kept_block(const asc_kernels *k, const void *packed, size_t n, size_t k0, size_t kc, size_t j0)
{
    return asc__operand(k, packed, k0 * asc__round_up(n, k->nr) + j0 * packed_k(k, kc));
}

void asc_gemm_pack(const asc_kernels *k, void *dst, const float *b, size_t ldb, bool transposed, size_t rows_k,
                   size_t n, size_t part, size_t n_parts)
{
    assert(ldb >= (transposed ? rows_k : n));
    if (k->reference) { /* kept as plain (K,N) */
        if (part == 0)
            for (size_t p = 0; p < rows_k; p++)
                for (size_t j = 0; j < n; j++)
                    ((float *)dst)[p * n + j] = *b_at(b, ldb, transposed, p, j);
        return;
    }
    size_t begin, end, kc = block_k(k, rows_k);
    asc_part_range(n, k->nr, part, n_parts, &begin, &end);
    for (size_t p = 0; p < rows_k; p += kc) {
        size_t rows = min_size(kc, rows_k - p);
        pack_panels(k, kept_block(k, dst, n, p, rows, begin), b_at(b, ldb, transposed, p, begin), ldb, transposed, rows,
                    end - begin);
    }
}

/* A block of the product: k rows [k0, k0+kc) of B, packed at b in panels of packed_k(kc) rows, and columns [j0, j1). */
typedef struct block {
    size_t k0, kc, j0, j1;
    const void *b;
    bool accumulate; /* into C */
    bool finish;     /* C is final after it, and something is left to do */
} block;

/* Rows of A that lie a multiple of half a page apart would evict each other from the first-level cache. */
static bool use_a_in_place(const asc_kernels *k, const asc_gemm *g, size_t rows)
{
    return k->dtype == ASC_DTYPE_FP32 && !g->a_transposed && rows == k->mr && g->lda % 512 != 0;
}

/* Memory that is needed next, fetched line by line into the second level while other tiles are worked on. */
typedef struct prefetch {
    const char *row;
    size_t ld, line, row_bytes, rows, per_tile;
} prefetch;

static prefetch prefetch_of(const float *at, size_t ld, size_t rows, size_t n, size_t n_tiles)
{
    prefetch p = {.row = (const char *)at, .ld = ld * sizeof(float), .rows = at ? rows : 0};
    p.row_bytes = n * sizeof(float);
    p.per_tile = ((p.row_bytes + 63) / 64 * p.rows + n_tiles - 1) / n_tiles;
    return p;
}

static inline void prefetch_some(prefetch *p)
{
    if (p->rows == 0)
        return;
    for (size_t i = p->per_tile; i > 0; i--) {
        __builtin_prefetch(p->row + p->line, 0, 2);
        p->line += 64;
        if (p->line < p->row_bytes)
            continue;
        p->line = 0;
        p->row += p->ld;
        if (--p->rows == 0)
            return;
    }
}

/* The epilogue on the tile at row, col. */
static asc_tile_end end_of(const asc_gemm *g, gemm_scratch *s, size_t row, size_t col)
{
    assert(!(g->aux_in || g->aux_out) || g->ld_aux > 0);
    static const float no_bias[MAX_NR];
    size_t at = row * g->ld_aux + col, ld_out = g->ld_out ? g->ld_out : g->ld_aux;
    return (asc_tile_end){.epilogue = g->epilogue,
                          .bias = g->bias ? g->bias + col : no_bias,
                          .in = g->aux_in ? g->aux_in + at : NULL,
                          .in2 = g->aux_in2 ? g->aux_in2 + at : NULL,
                          .out = g->aux_out ? g->aux_out + row * ld_out + col : NULL,
                          .ld = g->ld_aux,
                          .ld_out = ld_out,
                          .row_max = s->row_max};
}

/* What a row panel, or a group of them, fetches for the one after it: A, and what the epilogue reads beside C. */
typedef struct ahead {
    prefetch a, in;
} ahead;

static ahead fetch_ahead(const asc_gemm *g, const block *b, size_t next, size_t end, size_t n_tiles)
{
    ahead x;
    if (g->a_transposed)
        x.a = prefetch_of(g->a + b->k0 * g->lda + next, g->lda, b->kc, end - next, n_tiles);
    else
        x.a = prefetch_of(g->a + next * g->lda + b->k0, g->lda, end - next, b->kc, n_tiles);
    const float *in = b->finish && g->aux_in ? g->aux_in + next * g->ld_aux + b->j0 : NULL;
    x.in = prefetch_of(in, g->ld_aux, end - next, b->j1 - b->j0, n_tiles);
    if (next == end)
        x.a.rows = x.in.rows = 0;
    return x;
}

/* Rows [row, row + rows) of A as the tile reads them; transposed, they are in the group packed from row `group` on. */
static const void *rows_of_a(size_t *lda, const asc_kernels *k, const asc_gemm *g, const block *b, gemm_scratch *s,
                             size_t group, size_t row, size_t rows)
{
    const float *a = g->a + row * g->lda + b->k0;
    if (g->a_transposed) {
        *lda = k->mr; /* of pairs, in bf16 */
        return asc__operand(k, s->a, (row - group) * packed_k(k, b->kc));
    }
    if (use_a_in_place(k, g, rows)) {
        *lda = g->lda;
        return a;
    }
    *lda = LDA;
    k->pack_a_rows(s->a, LDA, a, g->lda, rows, b->kc);
    return s->a;
}

static void begin_row_max(const asc_kernels *k, const asc_gemm *g, const block *b, gemm_scratch *s)
{
    if (b->finish && g->epilogue == ASC_EPI_ROW_MAX)
        for (size_t i = 0; i < k->mr * k->nr; i++)
            s->row_max[i] = -INFINITY;
}

static void end_row_max(const asc_kernels *k, const asc_gemm *g, const block *b, gemm_scratch *s, size_t row,
                        size_t rows)
{
    if (b->finish && g->epilogue == ASC_EPI_ROW_MAX)
        for (size_t i = 0; i < rows; i++)
            g->row_max[row + i] = k->max(s->row_max + i * k->nr, k->nr, g->row_max[row + i]);
}

static void run_panel(const asc_kernels *k, const asc_gemm *g, const block *b, gemm_scratch *s, size_t group,
                      size_t row, size_t rows, ahead *next)
{
    assert(rows <= k->mr && k->mr <= MAX_MR && k->nr <= MAX_NR);
    size_t lda, kc = packed_k(k, b->kc);
    const void *a = rows_of_a(&lda, k, g, b, s, group, row, rows);
    asc_tile_fn tile = g->a_transposed ? k->tile_cols : k->tile_rows;
    begin_row_max(k, g, b, s);
    for (size_t j = b->j0; j < b->j1; j += k->nr) {
        prefetch_some(&next->a);
        prefetch_some(&next->in);
        const void *panel = asc__operand(k, b->b, (j - b->j0) * kc);
        float *c = g->c + row * g->ldc + j;
        size_t n = min_size(k->nr, b->j1 - j);
        asc_tile_end end = end_of(g, s, row, j);
        if (rows == k->mr && n == k->nr) {
            tile(c, g->ldc, a, lda, panel, kc, b->accumulate, b->finish ? &end : NULL);
        } else {
            tile(s->tile, k->nr, a, lda, panel, kc, false, NULL);
            k->finish(c, g->ldc, s->tile, k->nr, rows, n, b->accumulate, b->finish ? &end : NULL);
        }
    }
    end_row_max(k, g, b, s, row, rows);
}

/* All rows [m0, m1) against block b. */
static void run_rows(const asc_kernels *k, const asc_gemm *g, const block *b, gemm_scratch *s, size_t m0, size_t m1)
{
    size_t panels = g->a_transposed ? A_GROUP : 1, step = panels * k->mr, tiles = (b->j1 - b->j0 + k->nr - 1) / k->nr;
    for (size_t group = m0; group < m1; group += step) {
        size_t end = min_size(group + step, m1);
        ahead next = fetch_ahead(g, b, end, min_size(end + step, m1), panels * tiles);
        if (g->a_transposed)
            k->pack_a_cols(s->a, packed_k(k, b->kc) * k->mr, g->a + b->k0 * g->lda + group, g->lda, end - group, b->kc);
        for (size_t row = group; row < end; row += k->mr)
            run_panel(k, g, b, s, group, row, min_size(k->mr, end - row), &next);
    }
}

/* ---- products through a library ---- */

/* Rows [row, row + rows) of A, dense and rounded; zeros beyond them and beyond k. */
static void pack_dense(const asc_kernels *k, asc_bf16 *out, const asc_gemm *g, const block *b, size_t row, size_t rows)
{
    size_t kc = packed_k(k, b->kc), rows_p = asc__round_up(rows, ASC_PRODUCT_M);
    if (kc != b->kc)
        memset(out, 0, rows_p * kc * sizeof *out);
    if (g->a_transposed) {
        k->turn_a_cols(out, kc, g->a + b->k0 * g->lda + row, g->lda, rows, b->kc);
        return;
    }
    const float *a = g->a + row * g->lda + b->k0;
    for (size_t i = 0; i < rows_p; i += k->mr)
        k->pack_a_rows(out + i * kc, kc, a + i * g->lda, g->lda, rows > i ? min_size(k->mr, rows - i) : 0, b->kc);
}

/* The same product by our tiles, should the library not manage it (memory is out). */
static void product_by_tiles(const asc_kernels *k, float *c, const asc_bf16 *a, const asc_bf16 *b, size_t m, size_t n,
                             size_t kc)
{
    for (size_t i = 0; i < m; i += k->mr)
        for (size_t j = 0; j < n; j += k->nr)
            k->tile_rows(c + i * n + j, n, a + i * kc, kc, b + j * kc, kc, false, NULL);
}

/* A panel of at most mr rows of the product: on to C, and what is left to do with it. */
static void end_panel(const asc_kernels *k, const asc_gemm *g, const block *b, gemm_scratch *s, const float *product,
                      size_t ld, size_t row, size_t rows)
{
    begin_row_max(k, g, b, s);
    for (size_t j = b->j0; j < b->j1; j += k->nr) {
        asc_tile_end end = end_of(g, s, row, j);
        k->finish(g->c + row * g->ldc + j, g->ldc, product + (j - b->j0), ld, rows, min_size(k->nr, b->j1 - j),
                  b->accumulate, b->finish ? &end : NULL);
    }
    end_row_max(k, g, b, s, row, rows);
}

/* All rows [m0, m1) against block b. */
static void run_products(const asc_kernels *k, const asc_gemm *g, const block *b, product_scratch *s, size_t m0,
                         size_t m1)
{
    size_t kc = packed_k(k, b->kc), nc = asc__round_up(b->j1 - b->j0, k->nr);
    for (size_t row = m0; row < m1; row += PRODUCT_M) {
        size_t rows = min_size(PRODUCT_M, m1 - row), rows_p = asc__round_up(rows, ASC_PRODUCT_M);
        pack_dense(k, s->a, g, b, row, rows);
        if (!k->product(s->c, s->a, b->b, rows_p, nc, kc))
            product_by_tiles(k, s->c, s->a, b->b, rows_p, nc, kc);
        for (size_t i = 0; i < rows; i += k->mr)
            end_panel(k, g, b, &s->tiles, s->c + i * nc, nc, row + i, min_size(k->mr, rows - i));
    }
}

/* ---- blocks ---- */

/* Block b's part of B: kept packed, or packed here into scratch. */
static const void *packed_b(const asc_kernels *k, const asc_gemm *g, const block *b, gemm_scratch *s)
{
    if (g->b_packed)
        return kept_block(k, g->b_packed, g->n, b->k0, b->kc, b->j0);
    pack_panels(k, s->b, b_at(g->b, g->ldb, g->b_transposed, b->k0, b->j0), g->ldb, g->b_transposed, b->kc,
                b->j1 - b->j0);
    return s->b;
}

void asc_gemm_run(const asc_kernels *k, const asc_gemm *g, void *scratch, size_t part, size_t n_parts)
{
    assert(g->ldc >= g->n && g->lda >= (g->a_transposed ? g->m : g->k));
    assert(g->b_packed || g->ldb >= (g->b_transposed ? g->k : g->n));
    assert(g->epilogue != ASC_EPI_ROW_MAX || (g->row_max && (g->b_packed || n_parts == 1)));
    if (k->reference) {
        asc__reference_gemm(g, part, n_parts);
        return;
    }
    gemm_scratch *s = scratch;
    size_t m0 = 0, m1 = g->m, n0 = 0, n1 = g->n;
    if (g->b_packed)
        asc_part_range(g->m, k->mr, part, n_parts, &m0, &m1);
    else
        asc_part_range(g->n, k->nr, part, n_parts, &n0, &n1);
    if (m0 >= m1 || n0 >= n1)
        return;
    size_t kc = block_k(k, g->k), nc_max = B_BLOCK / kc / k->nr * k->nr;
    if (k->product)
        nc_max = min_size(nc_max, PRODUCT_N);
    assert(nc_max > 0);
    size_t n_blocks = (n1 - n0 + nc_max - 1) / nc_max;
    size_t nc = asc__round_up((n1 - n0 + n_blocks - 1) / n_blocks, k->nr);
    for (size_t j = n0; j < n1; j += nc)
        for (size_t p = 0; p < g->k; p += kc) {
            block b = {.k0 = p, .kc = min_size(kc, g->k - p), .j0 = j, .j1 = min_size(j + nc, n1)};
            b.accumulate = g->accumulate || p > 0;
            b.finish = p + kc >= g->k && (g->bias || g->epilogue != ASC_EPI_NONE);
            b.b = packed_b(k, g, &b, s);
            if (k->product)
                run_products(k, g, &b, scratch, m0, m1);
            else
                run_rows(k, g, &b, s, m0, m1);
        }
}
