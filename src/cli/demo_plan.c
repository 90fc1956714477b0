#include "demo_plan.h"

#include "train/train.h"

#include <math.h>
#include <string.h>

enum { N_CURVE = 8, N_CHECKS = 3 };

/* Models from large to small; the largest whose full design fits the time is taken. */
static const asc_demo_plan models[] = {
    {.layers = 4, .heads = 4, .width = 96, .vocab = 3072}, /* 0.75M parameters */
    {.layers = 3, .heads = 3, .width = 96, .vocab = 2048}, /* 0.54M */
    {.layers = 3, .heads = 4, .width = 64, .vocab = 2048}, /* 0.29M */
    {.layers = 2, .heads = 4, .width = 64, .vocab = 2048}, /* 0.24M */
    {.layers = 2, .heads = 3, .width = 48, .vocab = 1536}, /* 0.14M */
};
enum { N_MODELS = sizeof models / sizeof *models };

/* Tokens of the target where time allows. A branch takes a hundredth of it, but enough steps to tell domains apart: at
 * 125 steps of 256 tokens the merged models' optimum was right in reality, at 12 and at 33 it was noise. A target so
 * short that this is more than a tenth of it has shorter ones. */
static const double full_target = 6e6, branch_share = .01, least_branch = 32e3, most_share = .1;
/* The target's own run on the prior mixture, before anything branches: search.prefix. */
static const double prefix = .2;

static void specs(const asc_demo_plan *p, asc_model_spec *m, asc_training_spec *t)
{
    asc_model_spec_init(m);
    m->arch = ASC_ARCH_GPT2; /* as the demo's study file says */
    asc_training_spec_init(t);
    m->n_layers = p->layers;
    m->n_heads = p->heads;
    m->width = p->width;
    m->context = p->context;
    m->vocab = p->vocab;
    t->batch_tokens = p->batch_tokens;
    t->lr = p->lr;
}

static double stage_seconds(double one, double n, int jobs)
{
    return fmax(one * n / jobs, one);
}

/* Seconds on n_jobs processes side by side, none waiting for more than the longest run of its stage. */
static double study_seconds(const asc_demo_plan *p, const asc_train_speed *v, size_t n_domains, size_t n_texts)
{
    asc_model_spec m;
    asc_training_spec t;
    specs(p, &m, &t);
    double eval = (double)n_texts * (double)p->valid_tokens;
    double first = asc_train_seconds(v, &m, &t, prefix * p->target, 0, eval);
    double branch = asc_train_seconds(v, &m, &t, p->branch, 1, eval);
    double merge = asc_train_seconds(v, &m, &t, 0, 1, eval);
    double rest = asc_train_seconds(v, &m, &t, (1 - prefix) * p->target, N_CURVE, eval);
    return stage_seconds(first, p->seeds, p->jobs) + stage_seconds(branch, (double)n_domains + 1, p->jobs) +
           stage_seconds(merge, p->merges + 1, p->jobs) + stage_seconds(branch, N_CHECKS, p->jobs) +
           stage_seconds(rest, 2. * p->seeds, p->jobs);
}

/* What the search may take of the target's FLOPs, in whole twentieths: its branches, and two fifths of that for
 * evaluations, which a study cuts to fit (search.eval_tokens). At least what `at_most` is anyway. */
static double search_share(const asc_demo_plan *p, size_t n_domains)
{
    double branches = (double)n_domains + 1 + N_CHECKS;
    return fmax(.15, ceil(20 * 1.4 * branches * p->branch / p->target) / 20);
}

/* Budgets as a share f of the full ones, in whole batches. */
static void scale_budgets(asc_demo_plan *p, double f)
{
    double batch = (double)p->batch_tokens;
    p->target = batch * ceil(f * full_target / batch);
    p->branch = batch * ceil(fmax(branch_share * p->target, fmin(least_branch, most_share * p->target)) / batch);
}

/* The largest share of the full budgets, at most `most`, that fits the seconds. */
static void fit_budgets(asc_demo_plan *p, const asc_train_speed *v, size_t n_domains, size_t n_texts, double seconds,
                        double most)
{
    double lo = .01, hi = most;
    for (int i = 0; i < 30; i++) {
        double f = i == 0 ? most : .5 * (lo + hi);
        scale_budgets(p, f);
        bool fits = study_seconds(p, v, n_domains, n_texts) <= seconds;
        if (fits && i == 0)
            return;
        *(fits ? &lo : &hi) = f;
    }
    scale_budgets(p, lo);
}

asc_status asc__demo_size(asc_demo_plan *out, size_t n_domains, size_t n_targets, double seconds, int n_jobs,
                          asc_error *err)
{
    size_t n_texts = n_domains + n_targets;
    asc_demo_plan p = {0};
    asc_train_speed v = {0};
    double f = 0;
    for (size_t i = 0; i < N_MODELS && f < 1; i++) {
        asc_model_spec m;
        asc_training_spec t;
        p = models[i];
        p.context = 128;
        p.batch_tokens = 256; /* models this small learn by steps: better at the same tokens than in batches of 512 */
        p.valid_tokens = 12288;
        p.lr = 2e-3;
        p.merges = 24;
        p.seeds = 3;
        p.curve = N_CURVE;
        p.seed = 42;
        p.jobs = n_jobs;
        specs(&p, &m, &t);
        ASC_TRY(asc_train_measure(&v, &m, &t, ASC_ISA_AUTO, 1, .25, err));
        fit_budgets(&p, &v, n_domains, n_texts, seconds, 1);
        f = p.target / full_target;
    }
    /* Even the smallest model is too slow, or time is short: fewer tokens, also to judge by. */
    if (f < 1) {
        p.valid_tokens = f < .1 ? 4096 : 8192;
        fit_budgets(&p, &v, n_domains, n_texts, seconds, 1);
    }
    p.seconds = study_seconds(&p, &v, n_domains, n_texts);
    p.at_most = search_share(&p, n_domains);
    *out = p;
    return ASC_OK;
}

/* ---- the study file ---- */

static void quoted(asc_buf *b, const char *s)
{
    asc_buf_putc(b, '"');
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            asc_buf_printf(b, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            asc_buf_printf(b, "\\x%02x", c);
        else
            asc_buf_putc(b, (char)c);
    }
    asc_buf_putc(b, '"');
}

static const char *text_of(const json_t *obj, const char *key)
{
    const char *s = json_string_value(json_object_get(obj, key));
    return s ? s : "";
}

static void put_texts(asc_buf *b, const json_t *texts, bool heldout)
{
    size_t i, n = 0;
    json_t *d;
    json_array_foreach(texts, i, d)
    {
        if (json_is_true(json_object_get(d, "heldout")) != heldout)
            continue;
        if (n++ == 0)
            asc_buf_puts(b, heldout ? "targets:\n" : "domains:\n");
        asc_buf_printf(b, "  - {name: %s, %s: ", text_of(d, "name"), heldout ? "valid" : "train");
        quoted(b, text_of(d, "file"));
        asc_buf_puts(b, "}\n");
    }
}

asc_status asc__demo_write_study(const char *path, const char *name, const asc_demo_plan *p, const json_t *texts,
                                 asc_error *err)
{
    asc_buf b = {0};
    asc_buf_printf(&b,
                   "# Written by `autoscale demo`, sized for about %.0f s of training on %d processes.\n"
                   "# `autoscale run` on this file does the same; edit it and run it in another folder.\n"
                   "# The objective is the mean over the targets, if there are any.\n"
                   "study: %s\n",
                   p->seconds, p->jobs, name);
    put_texts(&b, texts, false);
    put_texts(&b, texts, true);
    asc_buf_printf(&b,
                   "validation: {tokens: %lld}\n"
                   "tokenizer: {train: bpe, vocab: %d}\n"
                   "model: {arch: gpt2, layers: %d, heads: %d, width: %d, context: %d}\n"
                   "training: {batch_tokens: %lld, lr: %g, warmup: 0.1, schedule: wsd, seed: %llu}\n"
                   "search: {method: branch, prefix: %g, branch_tokens: %.0f, at_most: %g, rounds: 1, merges: %d}\n"
                   "target: {tokens: %.0f, validate: true, seeds: %d, curve: %d}\n",
                   (long long)p->valid_tokens, p->vocab, p->layers, p->heads, p->width, p->context,
                   (long long)p->batch_tokens, p->lr, (unsigned long long)p->seed, prefix, p->branch, p->at_most,
                   p->merges, p->target, p->seeds, p->curve);
    asc_status st = b.oom ? ASC_NOMEM(err) : asc_write_file(path, b.data, b.len, err);
    asc_buf_clear(&b);
    return st;
}
