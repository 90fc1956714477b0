/* Runs whose mixture is learned while they train (rival/rival_online.h): which sequences a step holds, what it shows
 * the rule, and the weights it ends with. All that the rule knows stands in train_state.online, so that a checkpoint
 * holds it and a run that goes on has the same bits. */
#include "run.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "rival/rival_online.h"
#include "table/table.h"

enum { PHASES = 10 }; /* of the schedule that is written */

struct online {
    const asc_online *rule;
    asc_online_run run;
    asc_model *reference; /* of rules that are shown an excess */
    float *grads, *goal;  /* (D, flat), (flat) of rules that are shown gradients */
    float *nll;           /* (micro_batch, T) twice */
    double *work;         /* (6 D) */
    double *kept;         /* (n_online) the state before a step */
    int64_t *cap;         /* (D) sequences */
};

/* The parts of train_state.online. */
typedef struct view {
    double *taken, *w, *sum, *phase, *steps, *rule; /* (D) each; phase (PHASES,D), steps (PHASES) */
} view;

static view view_of(const run *r)
{
    size_t D = r->spec.n_domains;
    double *a = r->state.online;
    return (view){a, a + D, a + 2 * D, a + 3 * D, a + 3 * D + PHASES * D, a + 3 * D + PHASES * D + PHASES};
}

static size_t state_size(const struct online *o)
{
    size_t D = o->run.n_domains;
    return 3 * D + PHASES * (D + 1) + o->rule->n_state(&o->run);
}

/* ---- opening ---- */

static asc_status check(const run *r, asc_error *err)
{
    const asc_run_spec *s = &r->spec;
    if (r->place)
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'online': %s needs the built-in trainer", r->dir, s->online);
    if (s->ranks > 1 || s->n_phases || s->n_parts || s->init_from || s->stop_tokens > 0)
        return ASC_FAIL(err, ASC_EINVAL,
                        "%s: field 'online': goes neither with ranks nor with phases, merge, init_from or stop_tokens",
                        r->dir);
    return ASC_OK;
}

static asc_status open_reference(struct online *o, const run *r, asc_error *err)
{
    const asc_run_spec *s = &r->spec;
    if (!s->online_reference)
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'online': %s needs 'reference', a checkpoint", r->dir, s->online);
    asc_model_opts m = {
        .isa = s->isa, .dtype = s->training.dtype, .threads = s->threads, .micro_batch = (int)r->steps.micro_batch};
    ASC_TRY(asc_model_create(&o->reference, &s->model, &m, err));
    return asc_model_load(o->reference, s->online_reference, err);
}

/* Held-out losses that a rule asks for are those of the domains' own text: targets that bear their names, in order. */
static asc_status check_targets(const struct online *o, const run *r, asc_error *err)
{
    const asc_run_spec *s = &r->spec;
    for (size_t i = 0; o->rule->wants_losses && i < s->n_domains; i++)
        if (i >= s->n_targets || strcmp(s->targets[i], s->domains[i]) != 0 || !r->valid[i])
            return ASC_FAIL(err, ASC_EINVAL, "%s: field 'online': %s needs a target '%s' of text, the domains in order",
                            r->dir, s->online, s->domains[i]);
    return ASC_OK;
}

static asc_status open_parts(struct online *o, const run *r, asc_error *err)
{
    size_t D = r->spec.n_domains, flat = asc_model_flat_size(r->model);
    size_t positions = (size_t)r->steps.micro_batch * (size_t)r->spec.model.context;
    o->work = asc_calloc(6 * D, sizeof *o->work);
    o->cap = asc_calloc(D, sizeof *o->cap);
    o->nll = asc_malloc(2 * positions * sizeof *o->nll);
    o->kept = asc_calloc(state_size(o), sizeof *o->kept);
    if (!o->work || !o->cap || !o->nll || !o->kept)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < D; i++) {
        o->cap[i] = asc_cap_sequences(asc_token_file_tokens(r->train[i]), r->spec.model.context, r->spec.max_epochs[i]);
        if (!(r->spec.tokens[i] > 0))
            return ASC_FAIL(err, ASC_EINVAL, "%s: field 'online': domain '%s' has no tokens", r->dir,
                            r->spec.domains[i]);
    }
    if (o->rule->gradients) {
        o->grads = asc_reallocarray(NULL, D * flat, sizeof *o->grads);
        o->goal = asc_reallocarray(NULL, flat, sizeof *o->goal);
        if (!o->grads || !o->goal)
            return ASC_NOMEM(err);
    }
    return o->rule->excess ? open_reference(o, r, err) : ASC_OK;
}

asc_status asc__online_open(run *r, asc_error *err)
{
    if (!r->spec.online)
        return ASC_OK;
    ASC_TRY(check(r, err));
    struct online *o = r->online = asc_calloc(1, sizeof *o);
    if (!o)
        return ASC_NOMEM(err);
    o->rule = asc_online_named(r->spec.online);
    if (!o->rule)
        return ASC_FAIL(err, ASC_EINVAL, "%s: field 'online': unknown method '%s'", r->dir, r->spec.online);
    o->run = (asc_online_run){r->spec.n_domains, r->spec.online_prior, r->steps.n_steps, r->spec.training.seed};
    ASC_TRY(check_targets(o, r, err));
    return open_parts(o, r, err);
}

void asc__online_close(run *r)
{
    struct online *o = r->online;
    if (!o)
        return;
    asc_model_free(o->reference);
    asc_free(o->grads);
    asc_free(o->goal);
    asc_free(o->nll);
    asc_free(o->work);
    asc_free(o->cap);
    asc_free(o->kept);
    asc_free(o);
    r->online = NULL;
}

asc_status asc__online_begin(run *r, asc_error *err)
{
    struct online *o = r->online;
    if (!o)
        return ASC_OK;
    r->state.n_online = state_size(o);
    r->state.online = asc_calloc(r->state.n_online, sizeof *r->state.online);
    if (!r->state.online)
        return ASC_NOMEM(err);
    view v = view_of(r);
    o->rule->begin(v.rule, v.w, &o->run);
    return ASC_OK;
}

asc_status asc__online_resume(const run *r, asc_error *err)
{
    size_t n = r->online ? state_size(r->online) : 0;
    return r->state.n_online == n ? ASC_OK
                                  : ASC_FAIL(err, ASC_ESTATE,
                                             "%s: its checkpoint holds %zu figures of the mixture "
                                             "that is learned, expected %zu",
                                             r->dir, r->state.n_online, n);
}

/* ---- which sequences a step holds ---- */

/* One more of domain d, or where that has reached its max_epochs of the next that has not. */
static void add_one(double *count, size_t d, const struct online *o, const view *v)
{
    size_t D = o->run.n_domains;
    assert(d < D);
    for (size_t k = 0; k < D; k++) {
        size_t i = (d + k) % D;
        if (v->taken[i] + count[i] < (double)o->cap[i]) {
            count[i]++;
            return;
        }
    }
    count[d]++; /* no domain has any left: the run was planned within all of them */
}

/* Sequences (D) of this step: evenly where gradients are weighted, else by the weights, in a systematic draw. */
static void allot(double *count, const run *r, int64_t n)
{
    const struct online *o = r->online;
    view v = view_of(r);
    size_t D = o->run.n_domains;
    assert(n > 0);
    memset(count, 0, D * sizeof *count);
    if (o->rule->excess || o->rule->gradients) {
        for (int64_t k = 0; k < n; k++)
            add_one(count, (size_t)((asc__run_position(r) + k) % (int64_t)D), o, &v);
        return;
    }
    asc_rng g;
    asc_rng_init(&g, r->spec.training.seed, "online draw", (uint64_t)r->state.step);
    double at = asc_rng_double(&g), upto = v.w[0];
    size_t d = 0;
    for (int64_t k = 0; k < n; k++) {
        while (((double)k + at) / (double)n >= upto && d + 1 < D)
            upto += v.w[++d];
        add_one(count, d, o, &v);
    }
}

/* ---- what the domains of a step show ---- */

/* A micro-batch of domain d: sequences j .. j + B of it, which are the run's from `first` on. */
static asc_status fill(run *r, size_t d, double j, int B, asc_error *err)
{
    size_t row = (size_t)r->spec.model.context + 1;
    assert(d < r->spec.n_domains && B >= 1 && B <= r->steps.micro_batch);
    for (int b = 0; b < B; b++)
        ASC_TRY(asc_sampler_read(r->sampler, d, (int64_t)j + b, r->ids + (size_t)b * row, err));
    return ASC_OK;
}

typedef asc_status (*batch_fn)(run *r, size_t d, const asc_batch *batch, double weight, asc_error *err);

/* fn on every micro-batch of the step's sequences, domain by domain. */
static asc_status each_batch(run *r, const double *count, size_t from, size_t to, const double *weight, batch_fn fn,
                             asc_error *err)
{
    view v = view_of(r);
    int64_t first = asc__run_position(r);
    for (size_t d = 0; d < from; d++)
        first += (int64_t)count[d];
    for (size_t d = from; d < to; d++)
        for (double at = 0; at < count[d]; at += (double)r->steps.micro_batch) {
            int B = (int)fmin(count[d] - at, (double)r->steps.micro_batch);
            int64_t counted;
            if (asc_interrupted())
                return ASC_EINTR;
            ASC_TRY(fill(r, d, v.taken[d] + at, B, err));
            asc_batch batch = asc__run_batch(r, B, first, &counted);
            ASC_TRY(fn(r, d, &batch, weight ? weight[d] : 1, err));
            first += B;
        }
    return ASC_OK;
}

/* Tokens that are predicted in a sequence. */
static double predicted(const run *r)
{
    int T = r->spec.model.context;
    return asc__run_is_masked(r) ? (double)asc__mask_count(T - 2) : T;
}

/* Losses of the step into work's first D, excesses into the second. */
static asc_status excess_of(run *r, size_t d, const asc_batch *batch, double weight, asc_error *err)
{
    struct online *o = r->online;
    size_t n = (size_t)batch->B * (size_t)batch->T;
    float *own = o->nll, *theirs = o->nll + (size_t)r->steps.micro_batch * (size_t)batch->T;
    double own_sum, their_sum, sum = 0;
    ASC_TRY(asc_model_loss(r->model, batch, &own_sum, NULL, own, NULL, err));
    ASC_TRY(asc_model_loss(o->reference, batch, &their_sum, NULL, theirs, NULL, err));
    for (size_t k = 0; k < n; k++) {
        double x = (double)own[k] - (double)theirs[k];
        sum += x > 0 || isnan(x) ? x : 0;
    }
    o->work[r->spec.n_domains + d] += sum;
    return ASC_OK;
}

static asc_status train_on(run *r, size_t d, const asc_batch *batch, double scale, asc_error *err)
{
    double part = 0;
    ASC_TRY(asc_model_forward_backward(r->model, batch, scale, &part, err));
    r->online->work[d] += part;
    return ASC_OK;
}

/* Sums over tokens to means; NaN where there was none. */
static void to_means(double *x, const double *count, const run *r)
{
    for (size_t i = 0; i < r->spec.n_domains; i++)
        x[i] = count[i] > 0 ? x[i] / (count[i] * predicted(r)) : NAN;
}

/* scale (D) so that the step's gradient is sum_i w_i (mean gradient of i), over the domains that it holds. */
static void weigh(double *scale, const double *w, const double *count, const run *r)
{
    double sum = 0;
    for (size_t i = 0; i < r->spec.n_domains; i++)
        sum += count[i] > 0 ? w[i] : 0;
    for (size_t i = 0; i < r->spec.n_domains; i++)
        scale[i] = count[i] > 0 ? fmax(w[i] / sum, 1e-30) / (count[i] * predicted(r)) : 0;
}

static double inner(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++)
        sum += (double)a[k] * (double)b[k];
    return sum;
}

/* The model's gradients into out, clipped as a step's would be; they are then forgotten. @return their norm, clipped */
static double take_grads(float *out, run *r)
{
    size_t n = asc_model_flat_size(r->model);
    double clip = r->spec.training.clip,
           norm = sqrt(inner(asc_model_grads_data(r->model), asc_model_grads_data(r->model), n));
    memcpy(out, asc_model_grads_data(r->model), n * sizeof *out);
    asc_model_drop_grads(r->model);
    if (!(clip > 0 && norm > clip))
        return norm;
    for (size_t k = 0; k < n; k++)
        out[k] *= (float)(clip / norm);
    return clip;
}

/* Into o->goal the gradient that scores are taken along: of the held-out text that the study's objective names, by its
 * weights, or the sum over the domains. */
static asc_status find_goal(run *r, int64_t n, asc_error *err)
{
    struct online *o = r->online;
    size_t flat = asc_model_flat_size(r->model), D = o->run.n_domains, row = (size_t)r->spec.model.context + 1;
    const double *goal = r->spec.online_goal;
    memset(o->goal, 0, flat * sizeof *o->goal);
    for (size_t i = 0; !goal && i < D; i++)
        for (size_t k = 0; k < flat; k++)
            o->goal[k] += o->grads[i * flat + k];
    if (!goal)
        return ASC_OK;
    assert(D > 0);
    int64_t each = n / (int64_t)D;
    int B = (int)(each < 1 ? 1 : each > r->steps.micro_batch ? r->steps.micro_batch : each);
    for (size_t v = 0; v < r->spec.n_targets; v++) {
        if (!(goal[v] > 0) || !r->valid[v])
            continue;
        int64_t windows = asc_epoch_sequences(asc_token_file_tokens(r->valid[v]), r->spec.model.context), counted;
        if (windows < 1)
            continue;
        double part;
        for (int b = 0; b < B; b++)
            ASC_TRY(asc_token_file_read(r->valid[v], (r->state.step * B + b) % windows * r->spec.model.context, row,
                                        r->ids + (size_t)b * row, err));
        asc_batch batch = asc__run_batch(r, B, asc__run_position(r), &counted);
        ASC_TRY(asc_model_forward_backward(r->model, &batch, goal[v] / (B * predicted(r)), &part, err));
    }
    if (asc_interrupted())
        return ASC_EINTR;
    asc_model_start_grads(r->model);
    take_grads(o->goal, r);
    return ASC_OK;
}

/* Gradients of every domain by itself, scored; then their sum by the new weights. */
static asc_status by_gradients(run *r, const double *count, int64_t n, asc_online_seen *x, asc_error *err)
{
    /* score_i = <grad_i, goal>: to first order by how much a step along domain i's gradient lowers the goal's loss */
    struct online *o = r->online;
    view v = view_of(r);
    size_t D = o->run.n_domains, flat = asc_model_flat_size(r->model), there = 0;
    double *score = o->work + 2 * D, *one = o->work + 3 * D, norms = 0;
    for (size_t i = 0; i < D; i++) {
        memset(o->grads + i * flat, 0, flat * sizeof *o->grads);
        one[i] = count[i] > 0 ? 1 / (count[i] * predicted(r)) : 1;
        ASC_TRY(each_batch(r, count, i, i + 1, one, train_on, err));
        if (count[i] > 0) {
            norms += take_grads(o->grads + i * flat, r);
            there++;
        }
    }
    ASC_TRY(find_goal(r, n, err));
    for (size_t i = 0; i < D; i++)
        score[i] = count[i] > 0 ? inner(o->grads + i * flat, o->goal, flat) : NAN;
    assert(there > 0); /* a step holds a sequence at least */
    x->score = score;
    x->norm = norms / (double)there;
    to_means(o->work, count, r);
    o->rule->update(v.rule, v.w, &o->run, x);
    asc_model_start_grads(r->model);
    float *sum = asc_model_grads_data(r->model);
    double of = 0;
    for (size_t i = 0; i < D; i++)
        of += count[i] > 0 ? v.w[i] : 0;
    for (size_t i = 0; i < D; i++)
        for (size_t k = 0; count[i] > 0 && k < flat; k++)
            sum[k] += (float)(v.w[i] / of) * o->grads[i * flat + k];
    return ASC_OK;
}

static asc_status by_excess(run *r, const double *count, asc_online_seen *x, asc_error *err)
{
    struct online *o = r->online;
    view v = view_of(r);
    double *excess = o->work + o->run.n_domains, *scale = excess + o->run.n_domains;
    ASC_TRY(each_batch(r, count, 0, o->run.n_domains, NULL, excess_of, err));
    to_means(excess, count, r);
    x->excess = excess;
    o->rule->update(v.rule, v.w, &o->run, x);
    weigh(scale, v.w, count, r);
    ASC_TRY(each_batch(r, count, 0, o->run.n_domains, scale, train_on, err));
    to_means(o->work, count, r);
    return ASC_OK;
}

static asc_status by_loss(run *r, const double *count, int64_t n, asc_online_seen *x, asc_error *err)
{
    struct online *o = r->online;
    view v = view_of(r);
    double *scale = o->work + 2 * o->run.n_domains;
    for (size_t i = 0; i < o->run.n_domains; i++)
        scale[i] = 1 / ((double)n * predicted(r));
    ASC_TRY(each_batch(r, count, 0, o->run.n_domains, scale, train_on, err));
    to_means(o->work, count, r);
    if (o->rule->update)
        o->rule->update(v.rule, v.w, &o->run, x);
    return ASC_OK;
}

/* ---- a step ---- */

/* Losses of the domains' held-out text, at most a step's tokens of each, where the rule asks for them. */
static asc_status measure(run *r, asc_error *err)
{
    struct online *o = r->online;
    view v = view_of(r);
    double *loss = o->work;
    if (!o->rule->wants_losses || !o->rule->wants_losses(&o->run, r->state.step))
        return ASC_OK;
    for (size_t i = 0; i < o->run.n_domains; i++)
        ASC_TRY(asc__evaluate_file(&loss[i], r->model, r->valid[i], r->spec.training.batch_tokens, r->ids,
                                   asc__run_is_masked(r) ? &r->mask : NULL, &r->ranks, err));
    o->rule->measure(v.rule, v.w, &o->run, r->state.step, loss);
    return ASC_OK;
}

/* The step counts: what it took, and the weights that it was made with. */
static void record(run *r, const double *count, const double *used)
{
    view v = view_of(r);
    size_t D = r->spec.n_domains, k = (size_t)(r->state.step * PHASES / r->steps.n_steps);
    assert(k < PHASES);
    for (size_t i = 0; i < D; i++) {
        v.taken[i] += count[i];
        v.sum[i] += used[i];
        v.phase[k * D + i] += used[i];
    }
    v.steps[k]++;
}

static asc_status step(run *r, int64_t n, double *count, double *used, double *loss, asc_error *err)
{
    struct online *o = r->online;
    view v = view_of(r);
    size_t D = o->run.n_domains;
    bool weighted = o->rule->excess || o->rule->gradients;
    asc_online_seen x = {
        .step = r->state.step + 1, .lr = asc__run_lr(r, r->state.step), .loss = o->work, .count = count};
    ASC_TRY(measure(r, err));
    allot(count, r, n);
    memcpy(used, v.w, D * sizeof *used);
    memset(o->work, 0, 2 * D * sizeof *o->work);
    ASC_TRY(o->rule->gradients ? by_gradients(r, count, n, &x, err)
            : o->rule->excess  ? by_excess(r, count, &x, err)
                               : by_loss(r, count, n, &x, err));
    *loss = 0;
    for (size_t i = 0; i < D; i++)
        *loss += count[i] > 0 ? count[i] * o->work[i] / (double)n : 0;
    record(r, count, weighted ? v.w : used);
    return ASC_OK;
}

/* The rule may have been shown half a step when an interruption comes: the state of before is what is saved then. */
asc_status asc__online_step(run *r, int64_t n_sequences, double *loss, asc_error *err)
{
    size_t n = r->state.n_online, D = r->spec.n_domains;
    double *count = r->online->work + 4 * D, *kept = r->online->kept;
    memcpy(kept, r->state.online, n * sizeof *kept);
    asc_status st = step(r, n_sequences, count, count + D, loss, err);
    if (st != ASC_OK) {
        memcpy(r->state.online, kept, n * sizeof *kept);
        asc_model_drop_grads(r->model);
    }
    return st;
}

/* ---- the end ---- */

void asc__online_tokens(const run *r, double *out)
{
    view v = view_of(r);
    for (size_t i = 0; i < r->spec.n_domains; i++)
        out[i] = v.taken[i] * r->spec.model.context;
}

static json_t *phase_json(const run *r, size_t k)
{
    view v = view_of(r);
    json_t *w = json_object();
    for (size_t i = 0; i < r->spec.n_domains; i++)
        json_object_set_new(w, r->spec.domains[i], json_real(v.phase[k * r->spec.n_domains + i] / v.steps[k]));
    return json_pack("{s:f,s:o}", "until", (double)(k + 1) / PHASES, "weights", w);
}

/* DIR/schedule.json: a mixture file of the mean over the steps, and the schedule in tenths of the run. */
asc_status asc__online_write(const run *r, asc_error *err)
{
    if (!r->online)
        return ASC_OK;
    asc_mix_file m = {0};
    view v = view_of(r);
    char *path = asc_path_join(r->dir, "schedule.json");
    bool whole = true;
    asc_status st = path ? asc_mix_file_init(&m, r->spec.domains, r->spec.n_domains, err) : ASC_NOMEM(err);
    for (size_t i = 0; st == ASC_OK && i < r->spec.n_domains; i++)
        m.weights[i] = v.sum[i] / (double)r->state.step;
    for (size_t k = 0; k < PHASES; k++)
        whole &= v.steps[k] > 0;
    m.from = json_pack("{s:s,s:s,s:s}", "command", "train", "run", r->spec.id, "method", r->spec.online);
    m.phases = st == ASC_OK && whole ? json_array() : NULL;
    for (size_t k = 0; m.phases && k < PHASES; k++)
        json_array_append_new(m.phases, phase_json(r, k));
    if (st == ASC_OK)
        st = asc_mix_file_write(path, &m, err);
    asc_mix_file_clear(&m);
    asc_free(path);
    return st;
}
