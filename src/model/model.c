/* A model's life, and the calls that every architecture shares. */
#include "internal.h"

#include <assert.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>

enum { NORM_CHUNK = 16384, HEAD_LOGITS_BYTES = 48 << 20, HEAD_ROWS = 512 };

float *asc__take(asc__layout *at, size_t n_floats)
{
    assert(at->used % 64 == 0);
    char *p = at->base ? at->base + at->used : NULL;
    at->used += (n_floats * sizeof(float) + 63) / 64 * 64;
    return (float *)(void *)p;
}

asc_batch asc_batch_lm(const int32_t *ids, int B, int T)
{
    return (asc_batch){
        .ids = ids, .targets = ids + 1, .ld_ids = (size_t)T + 1, .ld_targets = (size_t)T + 1, .B = B, .T = T};
}

int asc_model_micro_batch(const asc_model_spec *spec, int64_t batch_tokens)
{
    enum { TOKENS = 1024 }; /* of 2048 the activations are twice as large, and nothing is faster */
    int64_t T = spec->context > 0 ? spec->context : 1, most = batch_tokens / T, B = TOKENS / T;
    B = B < most ? B : most;
    return B > 1 ? (int)B : 1;
}

/* ---- create ---- */

static asc_status check_spec(const asc_model_spec *s, asc_error *err)
{
    asc_error why = {0};
    if (s->vocab <= 0)
        return ASC_FAIL(err, ASC_EINVAL, "model: vocab = %d, expected > 0", s->vocab);
    if (asc_model_spec_check(s, &why) != ASC_OK)
        return ASC_FAIL(err, ASC_EINVAL, "model: %s", why.msg);
    if (s->n_layers > ASC_MAX_LAYERS)
        return ASC_FAIL(err, ASC_EINVAL, "model: layers = %d, expected at most %d", s->n_layers, ASC_MAX_LAYERS);
    return ASC_OK;
}

/* Everything but parameters, gradients and moments; with at->base NULL only counted. */
static void lay_out(asc_model *m, asc__layout *at)
{
    size_t V = (size_t)m->spec.vocab, C = (size_t)m->spec.width, L = (size_t)m->spec.n_layers, M = m->max_rows;
    size_t attention = asc_attention_scratch(m->kernels, m->spec.context, asc_model_head_dim(&m->spec));
    size_t gemm = asc_gemm_scratch(m->kernels);
    assert(L <= ASC_MAX_LAYERS && M > 0 && m->opts.threads >= 1);
    m->residual = (float **)(void *)asc__take(at, (L + 1) * 2);
    m->acts = (asc__layer_acts *)(void *)asc__take(at, (L * sizeof *m->acts + 3) / 4);
    if (at->base)
        m->arch->layout(m, at);
    else {
        /* counting: the tables of pointers have no memory yet */
        float *residual[ASC_MAX_LAYERS + 1];
        asc__layer_acts acts[ASC_MAX_LAYERS];
        m->residual = residual;
        m->acts = acts;
        m->arch->layout(m, at);
        m->residual = NULL;
        m->acts = NULL;
    }
    m->packed_logits = asc__take(at, (asc_gemm_packed_size(m->kernels, C, V) + 3) / 4);
    m->packed_dx = m->opts.training ? asc__take(at, (asc_gemm_packed_size(m->kernels, V, C) + 3) / 4) : NULL;
    m->ld_logits = (V + 15) / 16 * 16 + 16; /* rows not a page apart */
    m->head_rows = HEAD_LOGITS_BYTES / (m->ld_logits * sizeof(float)) / 8 * 8;
    m->head_rows = m->head_rows < 8 ? 8 : m->head_rows > HEAD_ROWS ? HEAD_ROWS : m->head_rows;
    m->head_rows = m->head_rows < M ? m->head_rows : M;
    m->logits = asc__take(at, m->head_rows * m->ld_logits);
    m->row_max = asc__take(at, M);
    m->nll = asc__take(at, M);
    m->targets = (int32_t *)(void *)asc__take(at, M);
    m->head_index = (int32_t *)(void *)asc__take(at, M);
    m->norm_partial = (double *)(void *)asc__take(at, m->opts.training ? (m->n_flat / NORM_CHUNK + 1) * 2 : 0);
    m->scratch_size = ((attention > gemm ? attention : gemm) + 63) / 64 * 64;
    m->scratch = (char *)asc__take(at, m->scratch_size / 4 * (size_t)m->opts.threads);
}

/* All but memory: options resolved, table built, sizes counted. */
static asc_status prepare(asc_model *m, size_t *activation_bytes, const asc_model_spec *spec,
                          const asc_model_opts *opts, asc_error *err)
{
    ASC_TRY(check_spec(spec, err));
    m->spec = *spec;
    m->opts = *opts;
    if (opts->storage) { /* whatever computes with it is not this machine's processor */
        m->opts.isa = ASC_ISA_AUTO;
        m->opts.dtype = ASC_DTYPE_FP32;
    }
    ASC_TRY(asc_device_isa_check(m->opts.isa, m->opts.dtype, err));
    m->opts.isa = asc_device_isa_resolve(m->opts.isa);
    m->opts.threads = opts->threads > 1 ? opts->threads : 1;
    if (m->opts.micro_batch <= 0)
        m->opts.micro_batch = asc_model_micro_batch(spec, INT64_MAX);
    m->max_rows = (size_t)m->opts.micro_batch * (size_t)spec->context;
    m->arch = asc__arch_of(spec->arch);
    m->eps = (float)(asc_model_norm_eps(spec));
    if (opts->training && asc_arch_kind_of(spec->arch) == ASC_ARCH_READER)
        return ASC_FAIL(err, ASC_EINVAL, "model: arch %s can only be evaluated; %s can be trained",
                        asc_arch_name(spec->arch), asc_arch_list());
    m->kernels = asc_kernels_get(m->opts.isa, m->opts.dtype);
    ASC_TRY(m->arch->table(m, err));
    asc__layout at = {0};
    if (!opts->storage)
        lay_out(m, &at);
    *activation_bytes = at.used;
    return ASC_OK;
}

static size_t flat_arrays(const asc_model *m)
{
    return !m->opts.training ? 1 : m->opts.storage ? 3 : 4;
}

/* Large arrays on large pages where the system has them: products walk down columns, a page a row. */
static void *large_alloc(size_t n)
{
    char *p = asc_aligned_alloc(n);
#ifdef MADV_HUGEPAGE
    size_t page = 4096, skip = p ? (page - (uintptr_t)p % page) % page : 0;
    if (p && n > ((size_t)4 << 20) + skip)
        (void)madvise(p + skip, (n - skip) / page * page, MADV_HUGEPAGE); /* only advice: a refusal costs nothing */
#endif
    return p;
}

static float *zeroed_flat(const asc_model *m)
{
    float *p = large_alloc(m->n_flat * sizeof *p);
    if (p)
        memset(p, 0, m->n_flat * sizeof *p);
    return p;
}

static asc_status allocate(asc_model *m, size_t activation_bytes, asc_error *err)
{
    m->params = zeroed_flat(m);
    m->memory = large_alloc(activation_bytes + 1);
    bool ok = m->params && m->memory;
    if (m->opts.training) {
        m->grads = m->opts.storage ? NULL : zeroed_flat(m);
        m->moment1 = zeroed_flat(m);
        m->moment2 = zeroed_flat(m);
        ok = ok && (m->grads || m->opts.storage) && m->moment1 && m->moment2;
    }
    if (!ok)
        return ASC_FAIL(err, ASC_ENOMEM, "out of memory: this model needs %.1f MB",
                        1e-6 * (double)(activation_bytes + flat_arrays(m) * m->n_flat * sizeof(float)));
    if (m->opts.storage)
        return ASC_OK;
    asc__layout at = {.base = m->memory};
    lay_out(m, &at);
    assert(at.used == activation_bytes); /* laid out as it was counted */
    if (m->arch->start)
        m->arch->start(m);
    return m->opts.threads > 1 ? asc_pool_create(&m->pool, m->opts.threads, err) : ASC_OK;
}

asc_status asc_model_create(asc_model **out, const asc_model_spec *spec, const asc_model_opts *opts, asc_error *err)
{
    asc_model *m = asc_calloc(1, sizeof *m);
    if (!m)
        return ASC_NOMEM(err);
    size_t bytes = 0;
    asc_status s = prepare(m, &bytes, spec, opts, err);
    if (s == ASC_OK)
        s = allocate(m, bytes, err);
    if (s != ASC_OK) {
        asc_model_free(m);
        return s;
    }
    *out = m;
    return ASC_OK;
}

void asc_model_free(asc_model *m)
{
    if (!m)
        return;
    asc_pool_free(m->pool);
    asc_free(m->table);
    asc_aligned_free(m->params);
    asc_aligned_free(m->grads);
    asc_aligned_free(m->moment1);
    asc_aligned_free(m->moment2);
    asc_aligned_free(m->memory);
    asc_free(m);
}

size_t asc_model_memory(const asc_model_spec *spec, const asc_model_opts *opts)
{
    asc_model m = {0};
    size_t bytes = 0;
    asc_status s = prepare(&m, &bytes, spec, opts, NULL);
    asc_free(m.table);
    return s == ASC_OK ? bytes + flat_arrays(&m) * m.n_flat * sizeof(float) : 0;
}

const asc_model_spec *asc_model_get_spec(const asc_model *m)
{
    return &m->spec;
}

const asc_model_opts *asc_model_get_opts(const asc_model *m)
{
    return &m->opts;
}

/* ---- batches ---- */

static asc_status check_rows(const asc_model *m, const asc_batch *b, asc_error *err)
{
    for (int i = 0; b->lengths && i < b->B; i++)
        if (b->lengths[i] < 1 || b->lengths[i] > b->T)
            return ASC_FAIL(err, ASC_EINVAL, "sequence %d: length %d, expected 1 to %d", i, b->lengths[i], b->T);
    for (int i = 0; b->segments && i < b->B; i++)
        for (int t = 0; t < b->T; t++) {
            int32_t segment = b->segments[(size_t)i * b->ld_ids + (size_t)t];
            if (segment < 0 || segment > 1)
                return ASC_FAIL(err, ASC_EINVAL, "sequence %d: segment %d, expected 0 or 1", i, segment);
        }
    return ASC_OK;
}

/* Check every id, and gather the targets that count (K) and their rows into the model. */
static asc_status take_batch(asc_model *m, const asc_batch *b, asc_error *err)
{
    if (b->B < 1 || b->B > m->opts.micro_batch || b->T < 1 || b->T > m->spec.context)
        return ASC_FAIL(err, ASC_EINVAL, "batch of %d x %d tokens, expected at most %d x %d", b->B, b->T,
                        m->opts.micro_batch, m->spec.context);
    ASC_TRY(check_rows(m, b, err));
    m->n_head = 0;
    for (int i = 0; i < b->B; i++)
        for (int t = 0; t < b->T; t++) {
            int32_t id = b->ids[(size_t)i * b->ld_ids + (size_t)t];
            int32_t target = b->targets ? b->targets[(size_t)i * b->ld_targets + (size_t)t] : -1;
            if (id < 0 || id >= m->spec.vocab || target < -1 || target >= m->spec.vocab)
                return ASC_FAIL(err, ASC_EINVAL, "token %d: the model's vocabulary has %d",
                                id < 0 || id >= m->spec.vocab ? id : target, m->spec.vocab);
            if (target >= 0) {
                m->head_index[m->n_head] = i * b->T + t;
                m->targets[m->n_head++] = target;
            }
        }
    return ASC_OK;
}

static double sum_losses(const asc_model *m)
{
    double sum = 0;
    for (size_t r = 0; r < m->n_head; r++)
        sum += (double)m->nll[r];
    return sum;
}

asc_status asc_model_forward_backward(asc_model *m, const asc_batch *batch, double scale, double *loss_sum,
                                      asc_error *err)
{
    if (!m->opts.training)
        return ASC_FAIL(err, ASC_EINVAL, "model created without training has no gradients");
    if (!(scale != 0))
        return ASC_FAIL(err, ASC_EINVAL, "gradient scale = %g, expected other than 0", scale);
    ASC_TRY(take_batch(m, batch, err));
    size_t M = (size_t)batch->B * (size_t)batch->T;
    m->arch->forward(m, batch);
    m->arch->to_head(m);
    asc__head(m, m->n_head, (float)scale, NULL);
    m->arch->from_head(m, M);
    m->arch->backward(m, batch);
    m->grads_started = true;
    *loss_sum = sum_losses(m);
    return ASC_OK;
}

asc_status asc_model_hidden(asc_model *m, const asc_batch *batch, const float **hidden, asc_error *err)
{
    ASC_TRY(take_batch(m, batch, err));
    m->arch->forward(m, batch);
    *hidden = m->trunk;
    return ASC_OK;
}

void asc_model_drop_grads(asc_model *m)
{
    m->grads_started = false;
}

void asc_model_start_grads(asc_model *m)
{
    assert(m->grads);
    if (!m->grads_started)
        memset(m->grads, 0, m->n_flat * sizeof *m->grads);
    m->grads_started = true;
}

asc_status asc_model_hidden_backward(asc_model *m, const asc_batch *batch, const float *d_hidden, asc_error *err)
{
    if (!m->opts.training)
        return ASC_FAIL(err, ASC_EINVAL, "model created without training has no gradients");
    size_t M = (size_t)batch->B * (size_t)batch->T;
    if (M > m->max_rows)
        return ASC_FAIL(err, ASC_EINVAL, "batch of %d x %d tokens is larger than the model's", batch->B, batch->T);
    /* The head takes no part: what would start its gradients is not run. */
    asc_model_start_grads(m);
    assert(M > 0 && d_hidden);
    memcpy(m->d_trunk, d_hidden, M * (size_t)m->spec.width * sizeof *d_hidden);
    m->arch->backward(m, batch);
    return ASC_OK;
}

/* What belongs to the counted rows (K), spread over all (M); 0 elsewhere. From the end, so that it works in place. */
static void spread_marks(const asc_model *m, uint8_t *marks, size_t M)
{
    size_t k = m->n_head;
    for (size_t r = M; r-- > 0;)
        marks[r] = k > 0 && (size_t)m->head_index[k - 1] == r ? marks[--k] : 0;
}

asc_status asc_model_loss(asc_model *m, const asc_batch *batch, double *loss_sum, int64_t *n, float *nll,
                          uint8_t *is_argmax, asc_error *err)
{
    ASC_TRY(take_batch(m, batch, err));
    size_t M = (size_t)batch->B * (size_t)batch->T;
    m->arch->forward(m, batch);
    m->arch->to_head(m);
    asc__head(m, m->n_head, 0, is_argmax);
    *loss_sum = sum_losses(m);
    if (n)
        *n = (int64_t)m->n_head;
    if (is_argmax)
        spread_marks(m, is_argmax, M);
    if (nll) {
        memset(nll, 0, M * sizeof *nll);
        for (size_t k = 0; k < m->n_head; k++)
            nll[m->head_index[k]] = m->nll[k];
    }
    return ASC_OK;
}

asc_status asc_model_logits(asc_model *m, const asc_batch *batch, float *logits, asc_error *err)
{
    asc_batch b = *batch;
    b.targets = NULL;
    ASC_TRY(take_batch(m, &b, err));
    size_t M = (size_t)b.B * (size_t)b.T, V = (size_t)m->spec.vocab, C = (size_t)m->spec.width;
    for (size_t r = 0; r < M; r++)
        m->head_index[r] = (int32_t)r;
    m->n_head = M;
    m->arch->forward(m, &b);
    m->arch->to_head(m);
    asc__pack_head(m);
    asc_gemm g = {.m = M, .n = V, .k = C, .a = m->hidden, .lda = C, .b_packed = m->packed_logits};
    g.c = logits;
    g.ldc = V;
    g.bias = m->arch->head_bias ? asc__p(m, m->arch->head_bias(m)) : NULL;
    g.epilogue = g.bias ? ASC_EPI_BIAS : ASC_EPI_NONE;
    asc_gemm_run(m->kernels, &g, asc__scratch(m, 0), 0, 1);
    return ASC_OK;
}

/* ---- AdamW ---- */

/* Walks the flat arrays in chunks that lie inside one tensor each. */
typedef struct step_job {
    asc_model *m;
    const asc_adamw *a;
    double grad_scale;
} step_job;

static void run_norm_partial(void *ctx, size_t part, size_t n_parts)
{
    asc_model *m = ((step_job *)ctx)->m;
    size_t begin, end, chunks = (m->n_flat + NORM_CHUNK - 1) / NORM_CHUNK;
    asc_part_range(chunks, 1, part, n_parts, &begin, &end);
    for (size_t c = begin; c < end; c++) {
        size_t at = c * NORM_CHUNK, n = m->n_flat - at < NORM_CHUNK ? m->n_flat - at : NORM_CHUNK;
        m->norm_partial[c] = asc_sum_squares(m->kernels, m->grads + at, n);
    }
}

static void run_update(void *ctx, size_t part, size_t n_parts)
{
    step_job *j = ctx;
    asc_model *m = j->m;
    const asc_adamw *a = j->a;
    assert(a->step >= 1 && a->beta1 >= 0 && a->beta1 < 1 && a->beta2 >= 0 && a->beta2 < 1);
    /* AdamW (Loshchilov and Hutter 1711.05101): m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, p -= lr (m / bc1 /
     * (sqrt(v / bc2^2) + eps) + decay p), with both bias corrections moved into lr_t and eps_t. */
    double bc1 = 1 - pow(a->beta1, (double)a->step), bc2 = sqrt(1 - pow(a->beta2, (double)a->step));
    for (size_t i = 0; i < m->n_tensors; i++) {
        const asc_param *p = &m->table[i];
        asc_adamw_args args = {.beta1 = (float)a->beta1, .beta2 = (float)a->beta2};
        args.lr_t = (float)(a->lr * p->lr_scale * bc2 / bc1);
        args.eps_t = (float)(a->eps * bc2);
        args.decay_t = p->decay ? (float)(a->lr * a->weight_decay) : 0;
        args.grad_scale = (float)j->grad_scale;
        size_t begin, end;
        asc_part_range(p->n, 64, part, n_parts, &begin, &end);
        size_t at = p->offset + begin;
        asc_adamw_update(m->kernels, m->params + at, m->grads + at, m->moment1 + at, m->moment2 + at, end - begin,
                         &args);
    }
}

double asc_model_step(asc_model *m, const asc_adamw *a)
{
    assert(m->opts.training && m->grads);
    step_job j = {.m = m, .a = a, .grad_scale = 1};
    asc__stage_begin(m);
    asc_pool_run(m->pool, run_norm_partial, &j);
    double sum = 0;
    for (size_t c = 0; c < (m->n_flat + NORM_CHUNK - 1) / NORM_CHUNK; c++)
        sum += m->norm_partial[c];
    double norm = sqrt(sum);
    if (isfinite(norm)) {
        if (a->clip > 0 && norm > a->clip)
            j.grad_scale = a->clip / norm;
        asc_pool_run(m->pool, run_update, &j);
        asc_model_params_changed(m);
    }
    asc__stage_end(m, ASC__STAGE_OPTIMISER, 0, 8. * (double)m->n_flat); /* the norm reads gradients first */
    m->grads_started = false;
    return norm;
}
