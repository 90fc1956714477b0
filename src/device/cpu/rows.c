/* Operations on rows, shared between threads so that no sum depends on how many there are. */
#include "kernels.h"

#include <assert.h>
#include <math.h>
#include <string.h>

void asc_layernorm_forward(const asc_kernels *k, float *y, float *mean, float *rstd, const float *x, const float *gain,
                           const float *bias, size_t R, size_t C, float eps, size_t part, size_t n_parts)
{
    assert(C > 0);
    size_t begin, end;
    asc_part_range(R, 8, part, n_parts, &begin, &end);
    for (size_t r = begin; r < end; r++)
        k->layernorm_row(y + r * C, mean + r, rstd + r, x + r * C, gain, bias, C, eps);
}

void asc_layernorm_backward(const asc_kernels *k, float *dx, float *partial, const float *dy, const float *x,
                            const float *mean, const float *rstd, const float *gain, size_t R, size_t C,
                            bool accumulate, size_t part, size_t n_parts)
{
    size_t begin, end;
    asc_part_range(R, ASC_LN_CHUNK, part, n_parts, &begin, &end);
    for (size_t r = begin; r < end; r++) {
        float *sums = partial + r / ASC_LN_CHUNK * 2 * C; /* dgain, dbias of this chunk */
        if (r % ASC_LN_CHUNK == 0)
            memset(sums, 0, 2 * C * sizeof *sums);
        k->layernorm_back_row(dx + r * C, sums, sums + C, dy + r * C, x + r * C, mean[r], rstd[r], gain, C, accumulate);
    }
}

void asc_rmsnorm_forward(const asc_kernels *k, const asc_rmsnorm *n, size_t part, size_t n_parts)
{
    assert(n->C > 0 && n->ld_x >= n->G * n->C && n->ld_y >= n->G * n->C);
    size_t begin, end;
    asc_part_range(n->R, 8, part, n_parts, &begin, &end);
    for (size_t r = begin; r < end; r++)
        for (size_t g = 0; g < n->G; g++) {
            size_t y = r * n->ld_y + g * n->C;
            k->rmsnorm_row(n->y + y, n->rstd + r * n->G + g, n->x + r * n->ld_x + g * n->C, n->gain,
                           n->add ? n->add + y : NULL, n->C, n->eps);
        }
}

void asc_rmsnorm_backward(const asc_kernels *k, const asc_rmsnorm *n, size_t part, size_t n_parts)
{
    assert(n->partial && n->ld_x >= n->G * n->C && n->ld_y >= n->G * n->C);
    size_t begin, end;
    asc_part_range(n->R, ASC_LN_CHUNK, part, n_parts, &begin, &end);
    for (size_t r = begin; r < end; r++) {
        float *sums = n->partial + r / ASC_LN_CHUNK * n->C; /* dgain of this chunk */
        if (r % ASC_LN_CHUNK == 0)
            memset(sums, 0, n->C * sizeof *sums);
        for (size_t g = 0; g < n->G; g++) {
            size_t y = r * n->ld_y + g * n->C;
            k->rmsnorm_back_row(n->dx + y, sums, n->dy + y, n->x + r * n->ld_x + g * n->C, n->rstd[r * n->G + g],
                                n->gain, n->C, n->accumulate);
        }
    }
}

void asc_rope_rows(const asc_kernels *k, const asc_rope *x, size_t part, size_t n_parts)
{
    assert(x->T > 0 && x->ld >= (x->n_heads - 1) * x->step + 2 * x->half);
    size_t begin, end;
    asc_part_range(x->R, 8, part, n_parts, &begin, &end);
    for (size_t r = begin; r < end; r++) {
        const float *c = x->cosine + r % x->T * x->half, *s = x->sine + r % x->T * x->half;
        for (size_t h = 0; h < x->n_heads; h++)
            k->rope_head(x->x + r * x->ld + h * x->step, c, s, x->half, x->inverse);
    }
}

void asc_column_sum(const asc_kernels *k, float *out, const float *x, size_t ld, size_t R, size_t n, bool accumulate,
                    size_t part, size_t n_parts)
{
    assert(ld >= n);
    size_t begin, end;
    asc_part_range(n, 64, part, n_parts, &begin, &end);
    if (begin >= end)
        return;
    if (!accumulate)
        memset(out + begin, 0, (end - begin) * sizeof *out);
    k->add_rows(out + begin, x + begin, ld, R, end - begin);
}

void asc_gelu_forward(const asc_kernels *k, float *y, const float *x, size_t n, bool exact, size_t part, size_t n_parts)
{
    size_t begin, end;
    asc_part_range(n, 1024, part, n_parts, &begin, &end);
    k->gelu(y + begin, x + begin, end - begin, exact);
}

static void cross_entropy_row(const asc_kernels *k, const asc_cross_entropy *c, size_t r)
{
    float *x = c->logits + r * c->ld;
    int32_t target = c->targets[r];
    if (target < 0) {
        c->nll[r] = 0;
        if (c->grad_scale != 0)
            memset(x, 0, c->V * sizeof *x);
        return;
    }
    float at_target = x[target], m = c->row_max[r];
    if (c->grad_scale == 0) {
        c->nll[r] = m + logf(k->exp_sum_only(x, c->V, m)) - at_target;
        return;
    }
    float sum = k->exp_sum(x, c->V, m);
    c->nll[r] = m + logf(sum) - at_target;
    k->scale(x, c->V, c->grad_scale / sum);
    x[target] -= c->grad_scale;
}

void asc_cross_entropy_rows(const asc_kernels *k, const asc_cross_entropy *c, size_t part, size_t n_parts)
{
    assert(c->ld >= c->V && c->row_max && c->nll);
    size_t begin, end;
    asc_part_range(c->R, 1, part, n_parts, &begin, &end);
    for (size_t r = begin; r < end; r++)
        cross_entropy_row(k, c, r);
}

void asc_adamw_update(const asc_kernels *k, float *p, const float *g, float *m, float *v, size_t n,
                      const asc_adamw_args *a)
{
    k->adamw(p, g, m, v, n, a);
}

double asc_sum_squares(const asc_kernels *k, const float *x, size_t n)
{
    return k->sum_squares(x, n);
}
