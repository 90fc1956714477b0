/*
 * The language-model head, tied to the token embedding or of its own. For a block of rows: logits, loss, gradient of
 * the logits in place, then its two products; the logits of a batch are never held whole.
 */
#include "internal.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* The list of counted rows rises, so that moving rows down (and up again from the end) in place overwrites nothing. */
void asc__gather_rows(const asc_model *m, float *dst, const float *src)
{
    size_t C = (size_t)m->spec.width;
    for (size_t k = 0; k < m->n_head; k++) {
        const float *row = src + (size_t)m->head_index[k] * C;
        assert((size_t)m->head_index[k] >= k); /* a rising list */
        if (row != dst + k * C)
            memmove(dst + k * C, row, C * sizeof *dst);
    }
}

void asc__scatter_rows(const asc_model *m, float *dst, const float *src, size_t M)
{
    size_t C = (size_t)m->spec.width, k = m->n_head;
    for (size_t r = M; r-- > 0;) {
        bool counted = k > 0 && (size_t)m->head_index[k - 1] == r;
        if (!counted)
            memset(dst + r * C, 0, C * sizeof *dst);
        else if (--k, dst + r * C != src + k * C)
            memmove(dst + r * C, src + k * C, C * sizeof *dst);
    }
}

typedef struct head_job {
    asc_model *m;
    const asc_cross_entropy *ce;
} head_job;

static void run_loss(void *ctx, size_t part, size_t n_parts)
{
    head_job *j = ctx;
    asc_cross_entropy_rows(j->m->kernels, j->ce, part, n_parts);
}

static void logits_block(asc_model *m, size_t row, size_t R)
{
    assert(R <= m->head_rows && row + R <= m->n_head);
    size_t V = (size_t)m->spec.vocab, C = (size_t)m->spec.width;
    for (size_t r = 0; r < R; r++)
        m->row_max[r] = -INFINITY;
    asc_gemm g = {.m = R, .n = V, .k = C, .a = m->hidden + row * C, .lda = C, .b_packed = m->packed_logits};
    g.c = m->logits;
    g.ldc = m->ld_logits;
    g.epilogue = ASC_EPI_ROW_MAX;
    g.bias = m->arch->head_bias ? asc__p(m, m->arch->head_bias(m)) : NULL;
    g.row_max = m->row_max;
    asc__gemm(m, &g, ASC__STAGE_HEAD_LOGITS);
}

/* 1 where the target is the largest logit, the lowest index among equals. */
static void mark_argmax(const asc_model *m, uint8_t *is_argmax, size_t row, size_t R)
{
    for (size_t r = 0; r < R; r++) {
        const float *x = m->logits + r * m->ld_logits;
        int32_t t = m->targets[row + r];
        bool best = t >= 0 && x[t] == m->row_max[r];
        for (int32_t v = 0; best && v < t; v++)
            best = x[v] < x[t];
        is_argmax[row + r] = best;
    }
}

static void head_gradients(asc_model *m, size_t row, size_t R, bool accumulate)
{
    assert(m->packed_dx && m->d_hidden && R <= m->head_rows);
    size_t V = (size_t)m->spec.vocab, C = (size_t)m->spec.width;
    asc_gemm x = {.m = R, .n = C, .k = V, .a = m->logits, .lda = m->ld_logits, .b_packed = m->packed_dx};
    x.c = m->d_hidden + row * C;
    x.ldc = C;
    asc__gemm(m, &x, ASC__STAGE_HEAD_DX);
    asc_gemm w = {.m = V, .n = C, .k = R, .a = m->logits, .lda = m->ld_logits, .a_transposed = true};
    w.b = m->hidden + row * C;
    w.ldb = C;
    w.c = asc__g(m, m->head_weight);
    w.ldc = C;
    w.accumulate = accumulate;
    asc__gemm(m, &w, ASC__STAGE_HEAD_DW);
    if (m->arch->head_bias)
        asc_column_sum(m->kernels, asc__g(m, m->arch->head_bias(m)), m->logits, m->ld_logits, R, V, accumulate, 0, 1);
}

void asc__head(asc_model *m, size_t M, float scale, uint8_t *is_argmax)
{
    assert(M == m->n_head && M <= m->max_rows && m->head_rows > 0);
    asc__pack_head(m);
    if (M == 0 && scale != 0 && !m->grads_started) {
        /* nothing counted: the head's gradients start at 0 */
        memset(asc__g(m, m->head_weight), 0, m->table[m->head_weight].n * sizeof(float));
        if (m->arch->head_bias)
            memset(asc__g(m, m->arch->head_bias(m)), 0, (size_t)m->spec.vocab * sizeof(float));
    }
    for (size_t row = 0; row < M; row += m->head_rows) {
        size_t R = M - row < m->head_rows ? M - row : m->head_rows;
        logits_block(m, row, R);
        if (is_argmax)
            mark_argmax(m, is_argmax, row, R);
        asc_cross_entropy ce = {.logits = m->logits, .ld = m->ld_logits, .R = R, .V = (size_t)m->spec.vocab};
        ce.targets = m->targets + row;
        ce.row_max = m->row_max;
        ce.grad_scale = scale;
        ce.nll = m->nll + row;
        head_job j = {.m = m, .ce = &ce};
        asc__stage_begin(m);
        asc_pool_run(m->pool, run_loss, &j);
        asc__stage_end(m, ASC__STAGE_HEAD_LOSS, 0, (scale != 0 ? 2. : 1.) * (double)R * m->spec.vocab);
        if (scale != 0)
            head_gradients(m, row, R, m->grads_started || row > 0);
    }
}
