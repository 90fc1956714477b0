/* The head in plain C: its work is a small part of a step's. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "finetune_parts.h"

void asc__head_clear(asc__head_params *h)
{
    asc_free(h->p);
    asc_free(h->g);
    asc_free(h->m);
    asc_free(h->v);
    asc_free(h->u);
    *h = (asc__head_params){0};
}

asc_status asc__head_init(asc__head_params *h, size_t C, size_t K, bool pooler, size_t max_rows, asc_error *err)
{
    assert(C > 0 && K > 0 && max_rows > 0);
    *h = (asc__head_params){.C = C, .K = K, .pooler = pooler, .n = (pooler ? C * C + C : 0) + K * C + K};
    h->p = asc_calloc(h->n, sizeof *h->p);
    h->g = asc_calloc(h->n, sizeof *h->g);
    h->m = asc_calloc(h->n, sizeof *h->m);
    h->v = asc_calloc(h->n, sizeof *h->v);
    h->u = asc_calloc(pooler ? max_rows * C : 1, sizeof *h->u);
    if (h->p && h->g && h->m && h->v && h->u)
        return ASC_OK;
    asc__head_clear(h);
    return ASC_NOMEM(err);
}

/* Order of the flat arrays: Wp (C,C), bp (C), Wc (K,C), bc (K). */
static size_t classifier_at(const asc__head_params *h)
{
    return h->pooler ? h->C * h->C + h->C : 0;
}

void asc__head_start(asc__head_params *h, uint64_t seed)
{
    asc_rng rng;
    asc_rng_init(&rng, seed, "head", 0);
    size_t wc = classifier_at(h), wp_end = h->pooler ? h->C * h->C : 0;
    for (size_t i = 0; i < h->n; i++) {
        bool weight = i < wp_end || (i >= wc && i < wc + h->K * h->C);
        h->p[i] = weight ? (float)(.02 * asc_rng_normal(&rng)) : 0;
    }
    memset(h->g, 0, h->n * sizeof *h->g);
    memset(h->m, 0, h->n * sizeof *h->m);
    memset(h->v, 0, h->n * sizeof *h->v);
}

/* out (n_out) = W (n_out, C) x + b */
static void affine(float *out, const float *w, const float *b, const float *x, size_t n_out, size_t C)
{
    for (size_t o = 0; o < n_out; o++) {
        float sum = b[o];
        for (size_t i = 0; i < C; i++)
            sum += w[o * C + i] * x[i];
        out[o] = sum;
    }
}

/* Gradients of affine: gw, gb and dx (C) += */
static void affine_backward(float *gw, float *gb, float *dx, const float *dy, const float *w, const float *x,
                            size_t n_out, size_t C)
{
    for (size_t o = 0; o < n_out; o++) {
        gb[o] += dy[o];
        for (size_t i = 0; i < C; i++) {
            gw[o * C + i] += dy[o] * x[i];
            dx[i] += dy[o] * w[o * C + i];
        }
    }
}

void asc__head_forward(asc__head_params *h, float *y, const float *x, size_t ld, size_t R)
{
    assert(ld >= h->C);
    const float *wc = h->p + classifier_at(h), *bc = wc + h->K * h->C;
    for (size_t r = 0; r < R; r++) {
        const float *in = x + r * ld;
        if (h->pooler) {
            float *u = h->u + r * h->C;
            affine(u, h->p, h->p + h->C * h->C, in, h->C, h->C);
            for (size_t i = 0; i < h->C; i++)
                u[i] = tanhf(u[i]);
            in = u;
        }
        affine(y + r * h->K, wc, bc, in, h->K, h->C);
    }
}

void asc__head_backward(asc__head_params *h, float *dx, const float *dy, const float *x, size_t ld, size_t R)
{
    assert(ld >= h->C && (h->pooler || R == 0 || dx != x));
    size_t at = classifier_at(h), C = h->C;
    float *gc = h->g + at;
    for (size_t r = 0; r < R; r++) {
        float *d = dx + r * ld, *u = h->u + r * C;
        const float *in = h->pooler ? u : x + r * ld;
        memset(d, 0, C * sizeof *d);
        affine_backward(gc, gc + h->K * C, d, dy + r * h->K, h->p + at, in, h->K, C);
        if (!h->pooler)
            continue;
        /* through tanh; u is free afterwards and takes the gradient */
        for (size_t i = 0; i < C; i++)
            u[i] = d[i] * (1 - u[i] * u[i]);
        memset(d, 0, C * sizeof *d);
        affine_backward(h->g, h->g + C * C, d, u, h->p, x + r * ld, C, C);
    }
}

void asc__head_step(asc__head_params *h, const asc_adamw *a)
{
    assert(a->step >= 1);
    double norm = 0;
    for (size_t i = 0; i < h->n; i++)
        norm += (double)h->g[i] * (double)h->g[i];
    norm = sqrt(norm);
    double scale = a->clip > 0 && norm > a->clip ? a->clip / norm : 1;
    double bc1 = 1 - pow(a->beta1, (double)a->step), bc2 = 1 - pow(a->beta2, (double)a->step);
    for (size_t i = 0; isfinite(norm) && i < h->n; i++) {
        double g = (double)h->g[i] * scale;
        h->m[i] = (float)(a->beta1 * (double)h->m[i] + (1 - a->beta1) * g);
        h->v[i] = (float)(a->beta2 * (double)h->v[i] + (1 - a->beta2) * g * g);
        double step = (double)h->m[i] / bc1 / (sqrt((double)h->v[i] / bc2) + a->eps);
        h->p[i] -= (float)(a->lr * (step + a->weight_decay * (double)h->p[i]));
    }
    memset(h->g, 0, h->n * sizeof *h->g);
}
