/* Timing of a training step and of its stages, beside the machine's measured peak. */
#include "internal.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "num/num.h"

enum { MAX_STEPS = 256 };

static const char *const stage_names[ASC__STAGES] = {
    "embedding",          "layernorm forward",  "rotary",      "linear forward", "linear dX", "linear dW",
    "attention forward",  "attention backward", "head logits", "head loss",      "head dX",   "head dW",
    "layernorm backward", "bias gradient",      "packing",     "optimizer"};

/* Parameters that a token meets in a product: all but an embedding that is only looked up; of BERT the head for the
 * share of hidden tokens alone. */
static double params_met(const asc_model_spec *spec)
{
    double head = (double)spec->vocab * spec->width,
           idle = asc_arch_is_encoder(spec->arch) ? (1 - ASC_HIDDEN_SHARE) * head : 0;
    idle += spec->untied ? head : 0;
    return (double)asc_model_params(spec) - idle;
}

/* Random ids and what is to be predicted at each place, -1: nothing. */
typedef struct bench_data {
    int32_t *ids, *targets; /* (B, T+1) */
} bench_data;

static asc_batch batch_of(const asc_model *m, const bench_data *d)
{
    assert(d->ids && d->targets);
    asc_batch b = asc_batch_lm(d->ids, m->opts.micro_batch, m->spec.context);
    if (asc_arch_is_encoder(m->spec.arch))
        b.targets = d->targets;
    return b;
}

/* Of BERT every row hides the same number of tokens, at places of its own. */
static void fill_data(bench_data *d, const asc_model *m)
{
    size_t row = (size_t)m->spec.context + 1, n = (size_t)m->opts.micro_batch * row;
    double hide = ASC_HIDDEN_SHARE * m->spec.context;
    asc_rng rng;
    asc_rng_init(&rng, 1, "bench", 0);
    for (size_t i = 0; i < n; i++) {
        d->ids[i] = (int32_t)asc_rng_below(&rng, (uint64_t)m->spec.vocab);
        d->targets[i] = -1;
    }
    for (size_t b = 0; b < (size_t)m->opts.micro_batch; b++)
        for (int k = 0; k < (int)fmax(1, round(hide)); k++) {
            size_t at = b * row + asc_rng_below(&rng, row - 1);
            d->targets[at] = d->ids[at];
        }
}

static asc_status one_step(asc_model *m, const bench_data *d, int64_t step, double *wall, double *cpu, asc_error *err)
{
    asc_batch b = batch_of(m, d);
    asc_adamw a = {.lr = 1e-4, .beta1 = .9, .beta2 = .95, .eps = 1e-8, .weight_decay = .1, .clip = 1, .step = step};
    double loss, w = asc_now_s(), c = asc_thread_cpu_s();
    ASC_TRY(asc_model_forward_backward(m, &b, 1.0 / ((double)b.B * b.T), &loss, err));
    asc_model_step(m, &a);
    *wall = asc_now_s() - w;
    *cpu = asc_thread_cpu_s() - c;
    return ASC_OK;
}

/* Steps into wall and cpu (MAX_STEPS each), without stage timing. */
static asc_status timed_steps(asc_model *m, const bench_data *d, double seconds, double *wall, double *cpu, int *n,
                              asc_error *err)
{
    double unused;
    ASC_TRY(one_step(m, d, 1, &unused, &unused, err));
    double start = asc_now_s();
    for (*n = 0; *n < MAX_STEPS && (*n < 3 || asc_now_s() - start < seconds); (*n)++)
        ASC_TRY(one_step(m, d, *n + 2, wall + *n, cpu + *n, err));
    return ASC_OK;
}

/* Forward passes for a third as long as the steps take. */
static asc_status timed_forwards(asc_model_bench_result *r, asc_model *m, const bench_data *d, double seconds,
                                 double *cpu, asc_error *err)
{
    asc_batch b = batch_of(m, d);
    double loss, start = asc_now_s();
    int n = 0;
    for (; n < MAX_STEPS && (n < 3 || asc_now_s() - start < seconds / 3); n++) {
        double c = asc_thread_cpu_s(), w = asc_now_s();
        ASC_TRY(asc_model_loss(m, &b, &loss, NULL, NULL, NULL, err));
        cpu[n] = m->opts.threads > 1 ? asc_now_s() - w : asc_thread_cpu_s() - c;
    }
    r->eval_tokens_per_s_cpu = (double)b.B * b.T / asc_median(cpu, (size_t)n);
    return ASC_OK;
}

/* Stages that are limited by products, in the model's dtype. */
static bool is_product(int stage)
{
    return stage == ASC__STAGE_LINEAR_FORWARD || stage == ASC__STAGE_LINEAR_DX || stage == ASC__STAGE_LINEAR_DW ||
           stage == ASC__STAGE_ATTENTION_FORWARD || stage == ASC__STAGE_ATTENTION_BACKWARD ||
           stage == ASC__STAGE_HEAD_LOGITS || stage == ASC__STAGE_HEAD_DX || stage == ASC__STAGE_HEAD_DW;
}

static asc_status staged_steps(asc_model_bench_result *r, asc_model *m, const bench_data *d, asc_error *err)
{
    enum { STEPS = 2 };
    double unused;
    m->timing = true;
    for (int i = 0; i < STEPS; i++)
        ASC_TRY(one_step(m, d, 1000 + i, &unused, &unused, err));
    m->timing = false;
    r->n_stages = 0;
    for (int i = 0; i < ASC__STAGES; i++)
        if (m->seconds[i] > 0) /* an architecture has not all of them */
            r->stages[r->n_stages++] = (asc_stage_time){.name = stage_names[i],
                                                        .seconds = m->seconds[i] / STEPS,
                                                        .gflop = m->gflop[i] / STEPS,
                                                        .gbytes = m->gbytes[i] / STEPS,
                                                        .bf16 = m->opts.dtype == ASC_DTYPE_BF16 && is_product(i)};
    return ASC_OK;
}

static void summarise(asc_model_bench_result *r, const asc_model *m, double *wall, double *cpu)
{
    size_t n = (size_t)r->steps;
    assert(n > 0 && n <= MAX_STEPS);
    double median = asc_median(wall, n), median_cpu = asc_median(cpu, n);
    r->step_tokens = (int64_t)m->opts.micro_batch * m->spec.context;
    r->tokens_per_s = (double)r->step_tokens / median;
    /* the caller's CPU time says nothing about the other threads */
    r->tokens_per_s_cpu = m->opts.threads > 1 ? r->tokens_per_s : (double)r->step_tokens / median_cpu;
    r->spread = (wall[n - 1] - wall[0]) / median; /* sorted now */
    r->fraction = 6e-9 * params_met(&m->spec) * r->tokens_per_s_cpu / (m->opts.threads * r->peak_gflops);
}

static asc_status run(asc_model_bench_result *r, asc_model *m, bench_data *d, double seconds, asc_error *err)
{
    double wall[MAX_STEPS], cpu[MAX_STEPS], before = asc_device_peak_gflops(m->opts.isa, ASC_DTYPE_FP32, .2);
    r->peak_bf16_gflops = asc_device_peak_gflops(m->opts.isa, ASC_DTYPE_BF16, .2);
    fill_data(d, m);
    asc_model_init_weights(m, 1);
    ASC_TRY(timed_steps(m, d, seconds, wall, cpu, &r->steps, err));
    double after = asc_device_peak_gflops(m->opts.isa, ASC_DTYPE_FP32, .2);
    r->peak_gflops = .5 * (before + after);
    ASC_TRY(staged_steps(r, m, d, err));
    summarise(r, m, wall, cpu);
    return timed_forwards(r, m, d, seconds, cpu, err);
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
    bench_data d = {asc_malloc(n * sizeof *d.ids), asc_malloc(n * sizeof *d.targets)};
    asc_status s = d.ids && d.targets ? run(&r, m, &d, seconds, err) : ASC_NOMEM(err);
    asc_free(d.ids);
    asc_free(d.targets);
    asc_model_free(m);
    if (s == ASC_OK)
        *out = r;
    return s;
}
