/* Timing of a training step and of its stages, beside the machine's measured peak. */
#include "internal.h"

#include <stdlib.h>

enum { MAX_STEPS = 256 };

static const char *const stage_names[ASC__STAGES] = {
    "embedding",         "layernorm forward",  "linear forward", "linear dX", "linear dW",
    "attention forward", "attention backward", "head logits",    "head loss", "head dX",
    "head dW",           "layernorm backward", "bias gradient",  "packing",   "optimiser"};

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static asc_status one_step(asc_model *m, const int32_t *ids, int64_t step, double *wall, double *cpu, asc_error *err)
{
    asc_batch b = asc_batch_lm(ids, m->opts.micro_batch, m->spec.context);
    asc_adamw a = {.lr = 1e-4, .beta1 = .9, .beta2 = .95, .eps = 1e-8, .weight_decay = .1, .clip = 1, .step = step};
    double loss, w = asc_now_s(), c = asc_thread_cpu_s();
    ASC_TRY(asc_model_forward_backward(m, &b, 1.0 / ((double)b.B * b.T), &loss, err));
    asc_model_step(m, &a);
    *wall = asc_now_s() - w;
    *cpu = asc_thread_cpu_s() - c;
    return ASC_OK;
}

/* Steps into wall and cpu (MAX_STEPS each), without stage timing. */
static asc_status timed_steps(asc_model *m, const int32_t *ids, double seconds, double *wall, double *cpu, int *n,
                              asc_error *err)
{
    double unused;
    ASC_TRY(one_step(m, ids, 1, &unused, &unused, err));
    double start = asc_now_s();
    for (*n = 0; *n < MAX_STEPS && (*n < 3 || asc_now_s() - start < seconds); (*n)++)
        ASC_TRY(one_step(m, ids, *n + 2, wall + *n, cpu + *n, err));
    return ASC_OK;
}

static asc_status staged_steps(asc_model_bench_result *r, asc_model *m, const int32_t *ids, asc_error *err)
{
    enum { STEPS = 2 };
    double unused;
    m->timing = true;
    for (int i = 0; i < STEPS; i++)
        ASC_TRY(one_step(m, ids, 1000 + i, &unused, &unused, err));
    m->timing = false;
    r->n_stages = ASC__STAGES;
    for (int i = 0; i < ASC__STAGES; i++)
        r->stages[i] = (asc_stage_time){stage_names[i], m->seconds[i] / STEPS, m->gflop[i] / STEPS};
    return ASC_OK;
}

static void summarise(asc_model_bench_result *r, const asc_model *m, double *wall, double *cpu)
{
    qsort(wall, (size_t)r->steps, sizeof *wall, compare);
    qsort(cpu, (size_t)r->steps, sizeof *cpu, compare);
    double median = wall[r->steps / 2];
    r->step_tokens = (int64_t)m->opts.micro_batch * m->spec.context;
    r->tokens_per_s = (double)r->step_tokens / median;
    /* the caller's CPU time says nothing about the other threads */
    r->tokens_per_s_cpu = m->opts.threads > 1 ? r->tokens_per_s : (double)r->step_tokens / cpu[r->steps / 2];
    r->spread = (wall[r->steps - 1] - wall[0]) / median;
    r->fraction = 6e-9 * (double)asc_model_params(&m->spec) * r->tokens_per_s_cpu / (m->opts.threads * r->peak_gflops);
}

static asc_status run(asc_model_bench_result *r, asc_model *m, int32_t *ids, double seconds, asc_error *err)
{
    double wall[MAX_STEPS], cpu[MAX_STEPS], before = asc_device_peak_gflops(m->opts.isa, ASC_DTYPE_FP32, .2);
    r->peak_bf16_gflops = asc_device_peak_gflops(m->opts.isa, ASC_DTYPE_BF16, .2);
    asc_rng rng;
    asc_rng_init(&rng, 1, "bench", 0);
    size_t n = (size_t)m->opts.micro_batch * ((size_t)m->spec.context + 1);
    for (size_t i = 0; i < n; i++)
        ids[i] = (int32_t)asc_rng_below(&rng, (uint64_t)m->spec.vocab);
    asc_model_init_weights(m, 1);
    ASC_TRY(timed_steps(m, ids, seconds, wall, cpu, &r->steps, err));
    double after = asc_device_peak_gflops(m->opts.isa, ASC_DTYPE_FP32, .2);
    r->peak_gflops = .5 * (before + after);
    ASC_TRY(staged_steps(r, m, ids, err));
    summarise(r, m, wall, cpu);
    return ASC_OK;
}

asc_status asc_model_bench(asc_model_bench_result *out, const asc_model_spec *spec, const asc_model_opts *opts,
                           double seconds, asc_error *err)
{
    asc_model_bench_result r = {0};
    asc_model_opts o = *opts;
    asc_model *m = NULL;
    o.training = true;
    ASC_TRY(asc_model_create(&m, spec, &o, err));
    size_t n = (size_t)m->opts.micro_batch * ((size_t)m->spec.context + 1);
    int32_t *ids = asc_malloc(n * sizeof *ids);
    asc_status s = ids ? run(&r, m, ids, seconds, err) : ASC_NOMEM(err);
    asc_free(ids);
    asc_model_free(m);
    if (s == ASC_OK)
        *out = r;
    return s;
}
