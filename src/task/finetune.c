/* The fine-tuning loop: data to examples, seeds, epochs, judging. */
#include "task/task_finetune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num/num.h"
#include "task/task_contamination.h"
#include "task/task_metrics.h"
#include "finetune_parts.h"

enum { MAX_METRICS = 4, MAX_SEEDS = 100, MAX_ANSWER_TOKENS = 40, MAX_MICRO = 256 };
static const double WARMUP = .1, VALID_FROM = .8;

/* The figures of one task over seeds. */
typedef struct figures {
    const char *names[MAX_METRICS];
    double values[MAX_METRICS][MAX_SEEDS];
    size_t n_metrics;
} figures;

typedef struct tuner {
    const asc_finetune_opts *o;
    const asc_glue_info *glue; /* NULL: SQuAD */
    asc_squad_set squad_all, squad_train, squad_dev;
    asc_tokenizer *tokenizer;
    asc_encoder *encoder;
    asc_model *model;
    asc_model_spec spec;
    asc__sequencer sequencer;
    asc__examples train, dev;
    asc__head_params head;
    int micro;               /* sequences of one pass */
    int32_t *ids, *segments; /* (micro, T) */
    int32_t *lengths;        /* (micro) */
    float *y, *dy, *d_hidden;
    size_t *order;
    json_t *notes;
    figures out;
} tuner;

void asc_finetune_opts_init(asc_finetune_opts *o)
{
    *o = (asc_finetune_opts){.seeds = 3, .epochs = 3, .batch = 32, .lr = 5e-5, .first_seed = 1, .threads = 1};
}

int asc__finetune_length(const asc_finetune_opts *o, bool glue, int context)
{
    int most = o->max_length > 0 ? o->max_length : glue ? 128 : 384;
    return most < context ? most : context;
}

int asc__finetune_micro(const asc_finetune_opts *o, int context)
{
    int most = 2048 / context;
    most = most < MAX_MICRO ? most : MAX_MICRO;
    return most < 1 ? 1 : most < o->batch ? most : o->batch;
}

asc_status asc__squad_parts(asc_squad_set *all, asc_squad_set *train, asc_squad_set *dev, const char *data,
                            asc_error *err)
{
    if (asc_path_is_dir(data)) {
        ASC_TRY(asc_squad_load_part(train, data, false, err));
        return asc_squad_load_part(dev, data, true, err);
    }
    ASC_TRY(asc_squad_load(all, data, err));
    ASC_TRY(asc_squad_part(train, all, 0, VALID_FROM, err));
    return asc_squad_part(dev, all, VALID_FROM, 1, err);
}

static void note(tuner *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void note(tuner *t, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    json_array_append_new(t->notes, json_string(text));
}

/* ---- opening ---- */

static asc_status open_model(tuner *t, asc_error *err)
{
    const asc_finetune_opts *o = t->o;
    ASC_TRY(asc_model_spec_read(&t->spec, o->checkpoint, err));
    asc_model_limit_context(&t->spec, asc__finetune_length(o, t->glue != NULL, t->spec.context));
    ASC_TRY(asc_tokenizer_load(&t->tokenizer, o->checkpoint, err));
    ASC_TRY(asc_encoder_create(&t->encoder, t->tokenizer, err));
    t->micro = asc__finetune_micro(o, t->spec.context);
    asc_model_opts opts = {.isa = o->isa, .threads = o->threads, .micro_batch = t->micro, .training = true};
    ASC_TRY(asc_model_create(&t->model, &t->spec, &opts, err));
    bool bert = asc_arch_is_encoder(t->spec.arch);
    t->sequencer = (asc__sequencer){.encoder = t->encoder,
                                    .bert = bert,
                                    .cls = asc_tokenizer_special(t->tokenizer, bert ? "[CLS]" : NULL),
                                    .sep = asc_tokenizer_special(t->tokenizer, bert ? "[SEP]" : NULL),
                                    .max_length = asc__finetune_length(o, t->glue != NULL, t->spec.context)};
    if (t->sequencer.cls < 0 || t->sequencer.sep < 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s: the tokenizer has no %s", o->checkpoint,
                        bert ? "[CLS] or [SEP]" : "end-of-document token");
    if (t->sequencer.max_length < 16)
        return ASC_FAIL(err, ASC_EINVAL, "examples of %d tokens, expected at least 16", t->sequencer.max_length);
    return ASC_OK;
}

/* Contaminated examples are not judged by: rows by their number, questions by their id. */
static asc_status leave_out_glue(tuner *t, asc_glue_set *set, asc_error *err)
{
    json_t *ids = NULL;
    size_t kept = 0, n = set->n;
    if (!t->o->exclude)
        return ASC_OK;
    ASC_TRY(asc_contamination_excluded(&ids, t->o->exclude, t->glue->name, err));
    for (size_t i = 0; i < n; i++) {
        char id[32];
        snprintf(id, sizeof id, "%zu", i + 1);
        if (!json_object_get(ids, id))
            set->rows[kept++] = set->rows[i];
    }
    json_decref(ids);
    set->n = kept;
    note(t, "%zu of %zu examples excluded: they occur in the training text", n - kept, n);
    return ASC_OK;
}

static asc_status leave_out_squad(tuner *t, asc_error *err)
{
    json_t *ids = NULL;
    asc_squad_set *set = &t->squad_dev;
    size_t kept = 0, n = set->n;
    if (!t->o->exclude)
        return ASC_OK;
    ASC_TRY(asc_contamination_excluded(&ids, t->o->exclude, "squad", err));
    for (size_t i = 0; i < n; i++)
        if (!json_object_get(ids, set->items[i].id))
            set->items[kept++] = set->items[i];
    json_decref(ids);
    set->n = kept;
    note(t, "%zu of %zu questions excluded: they occur in the training text", n - kept, n);
    return ASC_OK;
}

static asc_status load_glue(tuner *t, asc_error *err)
{
    for (int dev = 0; dev < 2; dev++) {
        asc_glue_set set = {0};
        ASC_TRY(asc_glue_load(&set, t->glue, t->o->data, dev, err));
        asc_status s = dev ? leave_out_glue(t, &set, err) : ASC_OK;
        if (s == ASC_OK)
            s = asc__encode_glue(dev ? &t->dev : &t->train, &t->sequencer, &set,
                                 dev ? t->o->limit_dev : t->o->limit_train, err);
        asc_glue_set_clear(&set);
        ASC_TRY(s);
    }
    return ASC_OK;
}

static asc_status load_squad(tuner *t, asc_error *err)
{
    ASC_TRY(asc__squad_parts(&t->squad_all, &t->squad_train, &t->squad_dev, t->o->data, err));
    if (t->squad_all.n)
        note(t,
             "one file: split into %zu training questions and %zu evaluation questions on other passages; not the "
             "benchmark's own split",
             t->squad_train.n, t->squad_dev.n);
    ASC_TRY(leave_out_squad(t, err));
    ASC_TRY(asc__encode_squad(&t->train, &t->sequencer, &t->squad_train, t->o->limit_train, err));
    return asc__encode_squad(&t->dev, &t->sequencer, &t->squad_dev, t->o->limit_dev, err);
}

/* Outputs of the head: classes, one number, or start and end. */
static size_t n_outputs(const tuner *t)
{
    return !t->glue ? 2 : t->glue->n_classes ? (size_t)t->glue->n_classes : 1;
}

static asc_status make_buffers(tuner *t, asc_error *err)
{
    size_t T = (size_t)t->spec.context, rows = (size_t)t->micro * T, C = (size_t)t->spec.width, K = n_outputs(t);
    ASC_TRY(asc__head_init(&t->head, C, K, t->glue != NULL, (size_t)t->micro, err));
    t->ids = asc_calloc(rows, sizeof *t->ids);
    t->segments = asc_calloc(rows, sizeof *t->segments);
    t->lengths = asc_calloc((size_t)t->micro, sizeof *t->lengths);
    t->y = asc_calloc(rows * K, sizeof *t->y);
    t->dy = asc_calloc(rows * K, sizeof *t->dy);
    t->d_hidden = asc_calloc(rows * C, sizeof *t->d_hidden);
    t->order = asc_calloc(t->train.n + 1, sizeof *t->order);
    bool ok = t->ids && t->segments && t->lengths && t->y && t->dy && t->d_hidden && t->order;
    return ok ? ASC_OK : ASC_NOMEM(err);
}

static asc_status tuner_open(tuner *t, const asc_finetune_opts *o, asc_error *err)
{
    t->o = o;
    t->notes = json_array();
    t->glue = asc_glue_find(o->task);
    if (!t->notes)
        return ASC_NOMEM(err);
    if (!t->glue && !asc_squad_is(o->task))
        return ASC_FAIL(err, ASC_EINVAL,
                        "--task: expected CoLA, SST-2, MRPC, STS-B, QQP, MNLI, QNLI, RTE, WNLI or squad, found '%s'",
                        o->task);
    if (o->seeds < 1 || o->seeds > MAX_SEEDS || o->epochs < 1 || o->batch < 1 || !(o->lr > 0))
        return ASC_FAIL(err, ASC_EINVAL,
                        "expected 1 to %d seeds, at least one epoch, a batch of at least 1 and a learning rate above 0",
                        MAX_SEEDS);
    ASC_TRY(open_model(t, err));
    ASC_TRY(t->glue ? load_glue(t, err) : load_squad(t, err));
    if (t->train.n == 0 || t->dev.n == 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s: %zu training examples, %zu evaluation examples", o->data, t->train.n,
                        t->dev.n);
    return make_buffers(t, err);
}

static void tuner_close(tuner *t)
{
    asc__examples_clear(&t->train);
    asc__examples_clear(&t->dev);
    asc_squad_set_clear(&t->squad_train);
    asc_squad_set_clear(&t->squad_dev);
    asc_squad_set_clear(&t->squad_all);
    asc__head_clear(&t->head);
    asc_model_free(t->model);
    asc_encoder_free(t->encoder);
    asc_tokenizer_free(t->tokenizer);
    asc_free(t->ids);
    asc_free(t->segments);
    asc_free(t->lengths);
    asc_free(t->y);
    asc_free(t->dy);
    asc_free(t->d_hidden);
    asc_free(t->order);
    json_decref(t->notes);
}

/* ---- one pass ---- */

/* Hidden states of B examples, padded to the longest of them. */
static asc_status run_model(tuner *t, const asc__example *const *x, int B, asc_batch *batch, const float **hidden,
                            asc_error *err)
{
    int T = 1;
    for (int b = 0; b < B; b++)
        T = x[b]->n > T ? x[b]->n : T;
    for (int b = 0; b < B; b++) {
        for (int i = 0; i < T; i++) {
            t->ids[b * T + i] = i < x[b]->n ? x[b]->ids[i] : 0;
            t->segments[b * T + i] = i < x[b]->n ? x[b]->segments[i] : 0;
        }
        t->lengths[b] = x[b]->n;
    }
    *batch = (asc_batch){.ids = t->ids, .ld_ids = (size_t)T, .B = B, .T = T, .lengths = t->lengths};
    batch->segments = asc_arch_is_encoder(t->spec.arch) ? t->segments : NULL;
    return asc_model_hidden(t->model, batch, hidden, err);
}

/* Where an example's summary stands: BERT's first token, a decoder's last. */
static size_t summary_at(const tuner *t, const asc__example *x)
{
    return t->sequencer.bert ? 0 : (size_t)x->n - 1;
}

/* Head outputs y: (B,K) of the summaries, or (B,T,2) of every token. */
static void run_head(tuner *t, const asc__example *const *x, const asc_batch *b, const float *hidden)
{
    size_t C = t->head.C, T = (size_t)b->T;
    if (!t->glue) {
        asc__head_forward(&t->head, t->y, hidden, C, (size_t)b->B * T);
        return;
    }
    /* one at a time: the summaries stand at different places */
    float *u = t->head.u;
    for (size_t i = 0; i < (size_t)b->B; i++) {
        t->head.u = u + i * C;
        asc__head_forward(&t->head, t->y + i * t->head.K, hidden + (i * T + summary_at(t, x[i])) * C, C, 1);
    }
    t->head.u = u;
}

static void head_gradients(tuner *t, const asc__example *const *x, const asc_batch *b, const float *hidden)
{
    size_t C = t->head.C, T = (size_t)b->T;
    if (!t->glue) {
        asc__head_backward(&t->head, t->d_hidden, t->dy, hidden, C, (size_t)b->B * T);
        return;
    }
    float *u = t->head.u;
    memset(t->d_hidden, 0, (size_t)b->B * T * C * sizeof *t->d_hidden);
    for (size_t i = 0; i < (size_t)b->B; i++) {
        size_t at = (i * T + summary_at(t, x[i])) * C;
        t->head.u = u + i * C;
        asc__head_backward(&t->head, t->d_hidden + at, t->dy + i * t->head.K, hidden + at, C, 1);
    }
    t->head.u = u;
}

/* ---- losses: value, and gradient times scale into dy ---- */

/* Cross-entropy over n outputs that are `step` apart. */
static double cross_entropy(float *dy, const float *y, size_t n, size_t step, size_t right, double scale)
{
    double top = -INFINITY, sum = 0;
    for (size_t i = 0; i < n; i++)
        top = fmax(top, (double)y[i * step]);
    for (size_t i = 0; i < n; i++)
        sum += exp((double)y[i * step] - top);
    for (size_t i = 0; i < n; i++)
        dy[i * step] = (float)(scale * (exp((double)y[i * step] - top) / sum - (i == right)));
    return log(sum) + top - (double)y[right * step];
}

static double example_loss(tuner *t, const asc__example *x, size_t i, size_t T, double scale)
{
    size_t K = t->head.K;
    float *y = t->y + i * K, *dy = t->dy + i * K;
    if (!t->glue) {
        y = t->y + i * T * 2;
        dy = t->dy + i * T * 2;
        memset(dy, 0, T * 2 * sizeof *dy);
        return .5 * (cross_entropy(dy, y, (size_t)x->n, 2, (size_t)x->start, .5 * scale) +
                     cross_entropy(dy + 1, y + 1, (size_t)x->n, 2, (size_t)x->end, .5 * scale));
    }
    if (x->label >= 0)
        return cross_entropy(dy, y, K, 1, (size_t)x->label, scale);
    double d = (double)y[0] - x->score;
    dy[0] = (float)(2 * scale * d);
    return d * d;
}

/* ---- training ---- */

static asc_status train_batch(tuner *t, const size_t *order, size_t n, const asc_adamw *a, asc_error *err)
{
    double loss = 0;
    for (size_t done = 0; done < n;) {
        const asc__example *x[MAX_MICRO];
        int B = n - done < (size_t)t->micro ? (int)(n - done) : t->micro;
        asc_batch batch;
        const float *hidden = NULL;
        for (int b = 0; b < B; b++)
            x[b] = &t->train.x[order[done + (size_t)b]];
        ASC_TRY(run_model(t, x, B, &batch, &hidden, err));
        run_head(t, x, &batch, hidden);
        for (int b = 0; b < B; b++)
            loss += example_loss(t, x[b], (size_t)b, (size_t)batch.T, 1 / (double)n);
        head_gradients(t, x, &batch, hidden);
        ASC_TRY(asc_model_hidden_backward(t->model, &batch, t->d_hidden, err));
        done += (size_t)B;
    }
    if (!isfinite(loss))
        return ASC_FAIL(err, ASC_ENUMERIC, "fine-tuning diverged: a loss is not finite; a lower --lr may help");
    asc_model_step(t->model, a);
    asc__head_step(&t->head, a);
    return ASC_OK;
}

static void shuffle(size_t *order, size_t n, uint64_t seed, uint64_t epoch)
{
    asc_rng rng;
    asc_rng_init(&rng, seed, "finetune", epoch);
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)asc_rng_below(&rng, i), keep = order[i - 1];
        order[i - 1] = order[j];
        order[j] = keep;
    }
}

/* Linear warm-up over a tenth of the steps, then linear decay to 0. */
static double rate(double lr, int64_t step, int64_t n_steps)
{
    double at = (double)step + 1, all = (double)n_steps, rise = ceil(WARMUP * all);
    return at <= rise ? lr * at / rise : lr * (all - at + 1) / (all - rise + 1);
}

static double mean_score(const tuner *t)
{
    double sum = 0;
    for (size_t i = 0; i < t->train.n; i++)
        sum += t->train.x[i].score;
    return sum / (double)t->train.n;
}

static asc_status start_seed(tuner *t, uint64_t seed, asc_error *err)
{
    size_t bytes = asc_model_flat_size(t->model) * sizeof(float);
    ASC_TRY(asc_model_load_body(t->model, t->o->checkpoint, err));
    memset(asc_model_moment1_data(t->model), 0, bytes);
    memset(asc_model_moment2_data(t->model), 0, bytes);
    asc__head_start(&t->head, seed);
    /* Numbers: the last bias starts at their mean, which a small rate would take long to reach (ours). */
    if (t->glue && t->glue->n_classes == 0)
        t->head.p[t->head.n - 1] = (float)mean_score(t);
    return ASC_OK;
}

static asc_status train_seed(tuner *t, int number, asc_error *err)
{
    const asc_finetune_opts *o = t->o;
    uint64_t seed = o->first_seed + (uint64_t)number;
    size_t n = t->train.n, batch = (size_t)o->batch;
    int64_t per_epoch = (int64_t)((n + batch - 1) / batch), n_steps = per_epoch * o->epochs, step = 0;
    ASC_TRY(start_seed(t, seed, err));
    for (int epoch = 0; epoch < o->epochs; epoch++) {
        shuffle(t->order, n, seed, (uint64_t)epoch);
        for (size_t at = 0; at < n; at += batch, step++) {
            asc_adamw a = {.lr = rate(o->lr, step, n_steps), .beta1 = .9, .beta2 = .999, .eps = 1e-8};
            a.weight_decay = .01;
            a.clip = 1;
            a.step = step + 1;
            if (asc_interrupted())
                return ASC_FAIL(err, ASC_EINTR, "interrupted");
            ASC_TRY(train_batch(t, t->order + at, n - at < batch ? n - at : batch, &a, err));
            if (o->progress)
                o->progress(o->progress_ctx, o->task, (double)(number * n_steps + step + 1),
                            (double)(o->seeds * n_steps), "steps");
        }
    }
    return ASC_OK;
}

/* ---- judging ---- */

typedef void (*take_fn)(void *ctx, const tuner *t, size_t example, const float *y);

/* Head outputs of every dev example, in order: (K), or (n,2) of its tokens. */
static asc_status each_output(tuner *t, take_fn take, void *ctx, asc_error *err)
{
    for (size_t done = 0; done < t->dev.n;) {
        const asc__example *x[MAX_MICRO];
        int B = t->dev.n - done < (size_t)t->micro ? (int)(t->dev.n - done) : t->micro;
        asc_batch batch;
        const float *hidden = NULL;
        for (int b = 0; b < B; b++)
            x[b] = &t->dev.x[done + (size_t)b];
        ASC_TRY(run_model(t, x, B, &batch, &hidden, err));
        run_head(t, x, &batch, hidden);
        for (size_t i = 0; i < (size_t)B * (t->glue ? t->head.K : (size_t)batch.T * 2); i++)
            if (!isfinite(t->y[i]))
                return ASC_FAIL(err, ASC_ENUMERIC,
                                "fine-tuning diverged: an output is not finite; a lower --lr may help");
        for (int b = 0; b < B; b++)
            take(ctx, t, done + (size_t)b, t->y + (size_t)b * (t->glue ? t->head.K : (size_t)batch.T * 2));
        done += (size_t)B;
    }
    return ASC_OK;
}

static void put_figure(figures *f, const char *name, size_t seed, double value)
{
    size_t i = 0;
    while (i < f->n_metrics && strcmp(f->names[i], name) != 0)
        i++;
    if (i == f->n_metrics)
        f->names[f->n_metrics++] = name;
    f->values[i][seed] = value;
}

/* Guesses of a GLUE task. */
typedef struct guesses {
    int *label;
    double *score;
} guesses;

static void take_guess(void *ctx, const tuner *t, size_t example, const float *y)
{
    guesses *g = ctx;
    int best = 0;
    for (int k = 1; k < (int)t->head.K; k++)
        best = y[k] > y[best] ? k : best;
    g->label[example] = best;
    g->score[example] = (double)y[0];
}

static void glue_figures(tuner *t, size_t seed, const guesses *g, int *truth, double *score)
{
    size_t n = t->dev.n;
    unsigned m = t->glue->metrics;
    for (size_t i = 0; i < n; i++) {
        truth[i] = t->dev.x[i].label;
        score[i] = t->dev.x[i].score;
    }
    if (m & ASC_GLUE_MATTHEWS)
        put_figure(&t->out, "matthews", seed, asc_metric_matthews(truth, g->label, n));
    if (m & ASC_GLUE_ACCURACY)
        put_figure(&t->out, "accuracy", seed, asc_metric_accuracy(truth, g->label, n));
    if (m & ASC_GLUE_F1)
        put_figure(&t->out, "f1", seed, asc_metric_f1(truth, g->label, n));
    if (m & ASC_GLUE_CORRELATION) {
        put_figure(&t->out, "pearson", seed, asc_metric_pearson(score, g->score, n));
        put_figure(&t->out, "spearman", seed, asc_metric_spearman(score, g->score, n));
    }
}

static asc_status judge_glue(tuner *t, size_t seed, asc_error *err)
{
    size_t n = t->dev.n;
    guesses g = {asc_calloc(n, sizeof *g.label), asc_calloc(n, sizeof *g.score)};
    int *truth = asc_calloc(n, sizeof *truth);
    double *score = asc_calloc(n, sizeof *score);
    asc_status s = g.label && g.score && truth && score ? each_output(t, take_guess, &g, err) : ASC_NOMEM(err);
    if (s == ASC_OK)
        glue_figures(t, seed, &g, truth, score);
    asc_free(g.label);
    asc_free(g.score);
    asc_free(truth);
    asc_free(score);
    return s;
}

/* The best span of each question so far, and the least score of "no answer" over its windows. */
typedef struct span {
    double score, null;
    int32_t first, last; /* words */
} span;

static void take_span(void *ctx, const tuner *t, size_t example, const float *y)
{
    const asc__example *x = &t->dev.x[example];
    span *best = &((span *)ctx)[x->item];
    double null = (double)y[0] + (double)y[1];
    best->null = fmin(best->null, null);
    for (int s = x->first; s < x->n - 1; s++) {
        for (int e = s; e < x->n - 1 && e < s + MAX_ANSWER_TOKENS; e++) {
            double score = (double)y[s * 2] + (double)y[e * 2 + 1];
            if (score > best->score)
                *best = (span){score, best->null, x->words[s - x->first], x->words[e - x->first]};
        }
    }
}

static asc_status score_answer(double *exact, double *f1, const tuner *t, size_t item, const span *s, asc_error *err)
{
    const asc_squad_item *q = &t->squad_dev.items[item];
    const asc__passage *p = &t->dev.passages[item];
    bool none = (t->squad_dev.v2 && s->null > s->score) || isinf(s->score);
    int32_t begin = none ? 0 : p->begin[s->first], end = none ? 0 : p->end[s->last];
    char *guess = asc_strndup(q->context + begin, (size_t)(end - begin));
    if (!guess)
        return ASC_NOMEM(err);
    asc_status st = asc_squad_score(exact, f1, q->answers, q->n_answers, guess, err);
    asc_free(guess);
    return st;
}

static size_t n_questions(const tuner *t)
{
    return t->o->limit_dev && t->o->limit_dev < t->squad_dev.n ? t->o->limit_dev : t->squad_dev.n;
}

static asc_status judge_squad(tuner *t, size_t seed, asc_error *err)
{
    size_t n = n_questions(t);
    double exact = 0, f1 = 0;
    span *spans = asc_calloc(n, sizeof *spans);
    for (size_t i = 0; spans && i < n; i++)
        spans[i] = (span){.score = -INFINITY, .null = INFINITY};
    asc_status s = spans ? each_output(t, take_span, spans, err) : ASC_NOMEM(err);
    for (size_t i = 0; s == ASC_OK && i < n; i++) {
        double e = 0, f = 0;
        s = score_answer(&e, &f, t, i, &spans[i], err);
        exact += e / (double)n;
        f1 += f / (double)n;
    }
    asc_free(spans);
    if (s != ASC_OK)
        return s;
    put_figure(&t->out, "exact", seed, exact);
    put_figure(&t->out, "f1", seed, f1);
    return ASC_OK;
}

/* ---- the answer ---- */

static json_t *spread(double *x, size_t n)
{
    double median = asc_median(x, n);
    if (isnan(x[n - 1])) /* sorted now: a seed without a figure is not left out */
        median = NAN;
    return json_pack("{s:o, s:o, s:o}", "median", asc_json_num(median), "min", asc_json_num(x[0]), "max",
                     asc_json_num(x[n - 1]));
}

/* What the best constant guess gets: the larger class, F1 of calling all of them 1, no answer to each question. */
static double constant_guess(const tuner *t, const char *metric)
{
    size_t n = t->dev.n, count[4] = {0}, none = 0, most = 0;
    if (!t->glue) {
        for (size_t i = 0; i < n_questions(t); i++)
            none += t->squad_dev.items[i].n_answers == 0;
        return (double)none / (double)n_questions(t);
    }
    for (size_t i = 0; i < n; i++)
        if (t->dev.x[i].label >= 0 && t->dev.x[i].label < 4)
            most = ++count[t->dev.x[i].label] > most ? count[t->dev.x[i].label] : most;
    if (strcmp(metric, "accuracy") == 0)
        return (double)most / (double)n;
    return strcmp(metric, "f1") == 0 ? 2 * (double)count[1] / (double)(n + count[1]) : 0;
}

static json_t *result_json(tuner *t)
{
    json_t *metrics = json_object(), *chance = json_object();
    for (size_t i = 0; i < t->out.n_metrics; i++) {
        json_object_set_new(metrics, t->out.names[i], spread(t->out.values[i], (size_t)t->o->seeds));
        json_object_set_new(chance, t->out.names[i], asc_json_num(constant_guess(t, t->out.names[i])));
    }
    size_t n = t->glue ? t->dev.n : n_questions(t);
    return json_pack("{s:s, s:o, s:o, s:i, s:I, s:O}", "task", t->glue ? t->glue->name : "squad", "metrics", metrics,
                     "chance", chance, "seeds", t->o->seeds, "n", (json_int_t)n, "notes", t->notes);
}

static asc_status run_seeds(tuner *t, asc_error *err)
{
    if (t->sequencer.max_length < (t->glue ? 128 : 384))
        note(t, "examples are truncated to %d tokens", t->sequencer.max_length);
    for (int s = 0; s < t->o->seeds; s++) {
        ASC_TRY(train_seed(t, s, err));
        ASC_TRY(t->glue ? judge_glue(t, (size_t)s, err) : judge_squad(t, (size_t)s, err));
    }
    return ASC_OK;
}

asc_status asc_finetune(json_t **out, const asc_finetune_opts *opts, asc_error *err)
{
    tuner *t = asc_calloc(1, sizeof *t);
    if (!t)
        return ASC_NOMEM(err);
    asc_status s = tuner_open(t, opts, err);
    if (s == ASC_OK)
        s = run_seeds(t, err);
    json_t *j = s == ASC_OK ? result_json(t) : NULL;
    if (s == ASC_OK && !j)
        s = ASC_NOMEM(err);
    if (s == ASC_OK)
        *out = j;
    tuner_close(t);
    asc_free(t);
    return s;
}
