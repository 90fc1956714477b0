/*
 * Matrix products from tiles. For a block of B of KC x NC that stays in the second-level cache, one panel of mr rows
 * of A (in the first level) sweeps over all its columns; what is left to do with a tile of C, bias, GELU, residual, row
 * maxima, happens at once, while it is in the first-level cache. Packing of B costs 1/M of the work and needs no memory
 * of its own; copies kept packed are only worth it for small M (the blocks of the output head).
 */
#include "kernels.h"

#include <math.h>
#include <string.h>

enum {
    B_BLOCK = 160 * 1024, /* elements of a packed block of B */
    MAX_MR = 8,
    MAX_NR = 32,
    A_GROUP = 4,           /* panels of a transposed A that are packed at once: whole cache lines are read */
    LDA = ASC_GEMM_KC + 32 /* rows of a packed panel of A: no multiple of a page, so rows do not evict each other */
};

typedef struct gemm_scratch {
    float b[B_BLOCK];
    float a[A_GROUP * MAX_MR * LDA];
    float tile[MAX_MR * MAX_NR];
    float row_max[MAX_MR * MAX_NR];
} gemm_scratch;

size_t asc_gemm_scratch(const asc_kernels *k)
{
    return sizeof(gemm_scratch);
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

void asc_part_range(size_t n, size_t unit, size_t part, size_t n_parts, size_t *begin, size_t *end)
{
    size_t units = (n + unit - 1) / unit;
    *begin = min_size(n, units * part / n_parts * unit);
    *end = min_size(n, units * (part + 1) / n_parts * unit);
}

/* Rows of k in a packed B. */
static size_t packed_k(const asc_kernels *k, size_t rows_k)
{
    return asc__round_up(rows_k, k->k_unit);
}

size_t asc_gemm_packed_size(const asc_kernels *k, size_t rows_k, size_t n)
{
    return packed_k(k, rows_k) * asc__round_up(n, k->nr) * asc__operand_size(k);
}

static const float *b_at(const float *b, size_t ldb, bool transposed, size_t p, size_t j)
{
    return transposed ? b + j * ldb + p : b + p * ldb + j;
}

void asc_gemm_pack(const asc_kernels *k, void *dst, const float *b, size_t ldb, bool transposed, size_t rows_k,
                   size_t n, size_t part, size_t n_parts)
{
    if (k->reference) { /* kept as plain (K,N) */
        if (part == 0)
            for (size_t p = 0; p < rows_k; p++)
                for (size_t j = 0; j < n; j++)
                    ((float *)dst)[p * n + j] = *b_at(b, ldb, transposed, p, j);
        return;
    }
    size_t begin, end, stride = packed_k(k, rows_k) * k->nr;
    asc_part_range(n, k->nr, part, n_parts, &begin, &end);
    void *at = asc__operand(k, dst, begin / k->nr * stride);
    k->pack_b(at, stride, b_at(b, ldb, transposed, 0, begin), ldb, transposed, rows_k, end - begin);
}

/* A block of the product: k rows [k0, k0+kc) of B, packed at b with panels b_stride apart, and columns [j0, j1). */
typedef struct block {
    size_t k0, kc, j0, j1;
    const void *b;
    size_t b_stride;
    bool last; /* of k: C is final after it */
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

/* Part of a tile: c (rows,n) = or += tile. */
static void copy_tile(float *c, size_t ldc, const float *tile, size_t ld, size_t rows, size_t n, bool accumulate)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < n; j++)
            c[i * ldc + j] = (accumulate ? c[i * ldc + j] : 0) + tile[i * ld + j];
}

/* The epilogue on the tile at row, col. */
static asc_tile_end end_of(const asc_gemm *g, gemm_scratch *s, size_t row, size_t col)
{
    static const float no_bias[MAX_NR];
    size_t at = row * g->ld_aux + col;
    return (asc_tile_end){.epilogue = g->epilogue,
                          .bias = g->bias ? g->bias + col : no_bias,
                          .in = g->aux_in ? g->aux_in + at : NULL,
                          .out = g->aux_out ? g->aux_out + at : NULL,
                          .ld = g->ld_aux,
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
    const float *in = b->last && g->aux_in ? g->aux_in + next * g->ld_aux + b->j0 : NULL;
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

static void run_panel(const asc_kernels *k, const asc_gemm *g, const block *b, gemm_scratch *s, size_t group,
                      size_t row, size_t rows, ahead *next)
{
    size_t lda, kc = packed_k(k, b->kc);
    const void *a = rows_of_a(&lda, k, g, b, s, group, row, rows);
    asc_tile_fn tile = g->a_transposed ? k->tile_cols : k->tile_rows;
    bool accumulate = g->accumulate || b->k0 > 0;
    bool finish = b->last && (g->bias || g->epilogue != ASC_EPI_NONE), row_max = g->epilogue == ASC_EPI_ROW_MAX;
    for (size_t i = 0; finish && row_max && i < k->mr * k->nr; i++)
        s->row_max[i] = -INFINITY;
    for (size_t j = b->j0; j < b->j1; j += k->nr) {
        prefetch_some(&next->a);
        prefetch_some(&next->in);
        const void *panel = asc__operand(k, b->b, (j - b->j0) / k->nr * b->b_stride);
        float *c = g->c + row * g->ldc + j;
        size_t n = min_size(k->nr, b->j1 - j);
        asc_tile_end end = end_of(g, s, row, j);
        if (rows == k->mr && n == k->nr) {
            tile(c, g->ldc, a, lda, panel, kc, accumulate, finish ? &end : NULL);
        } else {
            tile(s->tile, k->nr, a, lda, panel, kc, false, NULL);
            copy_tile(c, g->ldc, s->tile, k->nr, rows, n, accumulate);
            if (finish)
                k->finish(c, g->ldc, rows, n, &end);
        }
    }
    for (size_t i = 0; finish && row_max && i < rows; i++)
        g->row_max[row + i] = k->max(s->row_max + i * k->nr, k->nr, g->row_max[row + i]);
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

/* Make block b ready: kept packed, or packed here into scratch. */
static void prepare_b(const asc_kernels *k, const asc_gemm *g, block *b, gemm_scratch *s)
{
    if (g->b_packed) {
        b->b_stride = packed_k(k, g->k) * k->nr;
        b->b = asc__operand(k, g->b_packed, b->j0 / k->nr * b->b_stride + b->k0 * k->nr);
        return;
    }
    b->b_stride = packed_k(k, b->kc) * k->nr;
    b->b = s->b;
    k->pack_b(s->b, b->b_stride, b_at(g->b, g->ldb, g->b_transposed, b->k0, b->j0), g->ldb, g->b_transposed, b->kc,
              b->j1 - b->j0);
}

void asc_gemm_run(const asc_kernels *k, const asc_gemm *g, void *scratch, size_t part, size_t n_parts)
{
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
    size_t k_blocks = (g->k + ASC_GEMM_KC - 1) / ASC_GEMM_KC;
    size_t kc = asc__round_up((g->k + k_blocks - 1) / k_blocks, 8);
    size_t nc_max = B_BLOCK / kc / k->nr * k->nr, n_blocks = (n1 - n0 + nc_max - 1) / nc_max;
    size_t nc = asc__round_up((n1 - n0 + n_blocks - 1) / n_blocks, k->nr);
    for (size_t j = n0; j < n1; j += nc)
        for (size_t p = 0; p < g->k; p += kc) {
            block b = {.k0 = p, .kc = min_size(kc, g->k - p), .j0 = j, .j1 = min_size(j + nc, n1)};
            b.last = p + kc >= g->k;
            prepare_b(k, g, &b, s);
            run_rows(k, g, &b, s, m0, m1);
        }
}
