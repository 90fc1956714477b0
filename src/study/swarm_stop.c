/* Runs of a swarm that pause: which of them go on (docs/search.md, "Runs that are stopped"). A run is two rows of the
 * store, the part up to its pause and the run itself, which begins with that part's checkpoint; one that is stopped
 * stays in the store as such, and feeds the law with the losses that are predicted of it. */
#include "steps.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "law/law_finish.h"
#include "mix/mix_next.h"
#include "num/num.h"

/* Ours. Two-sided: a run goes on while the chance that it is the best is above one in a hundred. */
#define NEGLIGIBLE .98
/* A row of less weight says next to nothing: then the run goes on, however bad it is. */
#define LEAST_TRUST .1

/* ---- as runs ---- */

/* The run as far as its pause, on the schedule of the whole. */
static asc_status tell_pause(asc__study *s, size_t k, double tokens, asc_error *err)
{
    const asc_store_run *r = &s->runs[s->swarm.runs[k]];
    asc__told *t;
    ASC_TRY(asc__new_told(&t, s, s->swarm.pauses[k], 1, 0, err));
    memcpy(t->phases, r->tokens, s->D * sizeof *t->phases);
    t->stop = tokens;
    return ASC_OK;
}

static bool has_row(const asc__study *s, const asc_store_run *want)
{
    for (size_t i = 0; i < s->n_runs; i++) {
        const asc_store_run *p = &s->runs[i];
        if (p->kind == want->kind && p->scale == want->scale && p->seed == want->seed && p->n_domains == s->D &&
            memcmp(p->tokens, want->tokens, s->D * sizeof *p->tokens) == 0)
            return true;
    }
    return false;
}

/* None of a run that had ended without one: it was made when runs did not pause. */
static asc_status add_row(asc__study *s, size_t k, double tokens, bool store, asc_error *err)
{
    char label[32];
    const asc_store_run *r = &s->runs[s->swarm.runs[k]];
    char *id = asc_strf("s%s-pause-%zu", asc__tokens_label(r->scale, label), asc__n_earlier(s) + k);
    double *part = asc_calloc(s->D, sizeof *part);
    int64_t *sequences = asc_calloc(s->D, sizeof *sequences);
    asc_status st = id && part && sequences ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = asc_mixture_tokens(sequences, NULL, r->tokens, s->D, (int64_t)(tokens / s->model.context), NULL, err);
    for (size_t i = 0; st == ASC_OK && i < s->D; i++)
        part[i] = (double)(sequences[i] * s->model.context);
    const asc_store_run want = {.id = id,
                                .kind = ASC_KIND_PAUSE,
                                .mixture = r->mixture,
                                .scale = r->scale,
                                .seed = r->seed,
                                .n_domains = s->D,
                                .tokens = part};
    bool ended = r->state == ASC_RUN_DONE || r->state == ASC_RUN_DIVERGED;
    if (st == ASC_OK && (!ended || has_row(s, &want)))
        st = asc__study_add_run(&s->swarm.pauses[k], s, &want, store, err);
    asc_free(id);
    asc_free(part);
    asc_free(sequences);
    return st;
}

asc_status asc__swarm_add_pause(asc__study *s, size_t k, bool store, asc_error *err)
{
    double tokens = asc__pause_tokens(s);
    if (!s->digests && !(s->digests = asc__digests_create()))
        return ASC_NOMEM(err);
    ASC_TRY(add_row(s, k, tokens, store, err));
    return s->swarm.pauses[k] == ASC_NONE ? ASC_OK : tell_pause(s, k, tokens, err);
}

/* Whether the k-th run can go on from its pause. One that was restarted at another rate does it as a whole. */
static bool goes_on_from_pause(const asc__study *s, size_t k)
{
    const asc_store_run *p = s->swarm.pauses[k] == ASC_NONE ? NULL : &s->runs[s->swarm.pauses[k]];
    return p && p->state == ASC_RUN_DONE && p->result && p->result->n_retries <= 0;
}

static asc_status tell_run(asc__study *s, size_t k, asc_error *err)
{
    asc__told *t;
    if (!goes_on_from_pause(s, k))
        return ASC_OK;
    ASC_TRY(asc__new_told(&t, s, s->swarm.runs[k], 0, 0, err));
    t->from = s->swarm.pauses[k];
    return ASC_OK;
}

/* ---- who can still matter ---- */

/* Runs before the k-th that show how a run goes on, then those from it on that wait. */
typedef struct known {
    size_t n, m;
    double *paused, *ended, *open; /* (n,V), (n,V), (m,V) */
    size_t *waits;                 /* (m) runs of the swarm */
    double best;                   /* objective of what has ended, predicted of what waits; NaN */
} known;

static void known_clear(known *x)
{
    asc_free(x->paused);
    asc_free(x->ended);
    asc_free(x->open);
    asc_free(x->waits);
}

static asc_status collect(known *x, const asc__study *s, size_t k, asc_error *err)
{
    size_t V = s->V, most = s->swarm.n + 1;
    x->best = NAN;
    x->paused = asc_calloc(most * V, sizeof *x->paused);
    x->ended = asc_calloc(most * V, sizeof *x->ended);
    x->open = asc_calloc(most * V, sizeof *x->open);
    x->waits = asc_calloc(most, sizeof *x->waits);
    if (!x->paused || !x->ended || !x->open || !x->waits)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < s->n_runs; i++)
        if (asc__is_given(&s->runs[i]) && asc__is_of_swarm(s, &s->runs[i]))
            x->best = fmin(x->best, asc__run_objective(s, &s->runs[i]));
    for (size_t i = 0; i < s->swarm.n; i++) {
        const double *end = asc__run_losses(&s->runs[s->swarm.runs[i]]);
        bool pauses = goes_on_from_pause(s, i);
        const double *half = pauses ? asc__run_losses(&s->runs[s->swarm.pauses[i]]) : NULL;
        if (i < k && end)
            x->best = fmin(x->best, asc__run_objective(s, &s->runs[s->swarm.runs[i]]));
        if (i < k && end && half) {
            memcpy(x->paused + x->n * V, half, V * sizeof *half);
            memcpy(x->ended + x->n++ * V, end, V * sizeof *end);
        } else if (i >= k && half) {
            memcpy(x->open + x->m * V, half, V * sizeof *half);
            x->waits[x->m++] = i;
        }
    }
    return ASC_OK;
}

/* What a run would tell the law beside its prediction: the weight of that as a row, over targets that it has. */
static double trust_of(const asc__study *s, const double *sd)
{
    double sum = 0, n = 0;
    for (size_t v = 0; v < s->V; v++) {
        double noise = s->joint_law.laws[v].stats.noise;
        if (isnan(sd[v]))
            continue;
        sum += noise * noise / (noise * noise + sd[v] * sd[v]);
        n++;
    }
    return n > 0 ? sum / n : NAN;
}

/* The k-th of those that wait. Its chance to be the best is that of its mixture: both it and what it has to beat are
 * runs, with a run's noise. Its end would add 1 - trust of a row to its prediction, for 1 - pause of a run's tokens: it
 * has to add more where the run lies further behind, for the less is its law needed there. */
static asc_status decide(asc__stop *out, const asc__study *s, const asc_finish *f, size_t k, double noise, double best,
                         asc_error *err)
{
    double trust = trust_of(s, f->loss_sd + k * s->V), df = f->freedom[k];
    double far = (f->value[k] - best) / sqrt(f->value_t[k] * f->value_t[k] + noise * noise);
    double enough = asc_student_quantile(NEGLIGIBLE, df), rest = 1 - asc__pause_tokens(s) / asc__swarm_tokens(s);
    if (!(far > enough) || !(trust >= LEAST_TRUST) || !(1 - trust <= rest * far / enough))
        return ASC_OK;
    asc__stop stop = {.trust = trust,
                      .value = f->value[k],
                      .sd = f->value_t[k] * (df > 2 ? sqrt(df / (df - 2)) : 1),
                      .best = best,
                      .loss = asc_calloc(s->V + 1, sizeof *stop.loss)};
    if (!stop.loss)
        return ASC_NOMEM(err);
    memcpy(stop.loss, f->loss + k * s->V, s->V * sizeof *stop.loss);
    *out = stop;
    return ASC_OK;
}

static asc_status judge(asc__study *s, const known *x, asc_error *err)
{
    const asc_finish_runs r = {.n = x->n,
                               .m = x->m,
                               .n_targets = s->V,
                               .paused = x->paused,
                               .ended = x->ended,
                               .open = x->open,
                               .objective = &s->spec->objective};
    asc_finish f = {0};
    ASC_TRY(asc_finish_predict(&f, &r, err));
    double best = x->best, noise = asc_next_noise(&s->joint_law, &s->spec->objective,
                                                  asc__size_params(asc__size_of(s, s->spec->search.model)));
    for (size_t k = 0; k < x->m; k++)
        best = fmin(best, f.value[k]);
    asc_status st = ASC_OK;
    for (size_t k = 0; st == ASC_OK && k < x->m; k++) {
        asc_run_state state = s->runs[s->swarm.runs[x->waits[k]]].state;
        if (state != ASC_RUN_DONE && state != ASC_RUN_DIVERGED && state != ASC_RUN_RUNNING)
            st = decide(&s->swarm.stops[x->waits[k]], s, &f, k, noise, best, err);
    }
    asc_finish_clear(&f);
    return st;
}

/* ---- what becomes of them ---- */

/* The store knows it, so that `status` does; it is found anew from the results whenever the study is gone through. */
static asc_status record(asc__study *s, size_t k, asc_error *err)
{
    asc_store_run *r = &s->runs[s->swarm.runs[k]];
    const asc__stop *x = &s->swarm.stops[k];
    asc_run_state state = x->loss ? ASC_RUN_STOPPED : ASC_RUN_PENDING;
    if (x->loss ? r->state == ASC_RUN_STOPPED : r->state != ASC_RUN_STOPPED)
        return ASC_OK;
    char *why = x->loss ? asc_strf("at %.3g %% of its tokens: %.4f +- %.4f predicted at the end, the best is %.4f",
                                   100 * asc__pause_tokens(s) / asc__run_tokens(r), x->value, x->sd, x->best)
                        : NULL;
    if (x->loss && !why)
        return ASC_NOMEM(err);
    char *line = why ? asc_strf("%s stopped %s", r->id, why) : NULL;
    if (line && s->opts->note)
        s->opts->note(s->opts->ctx, line);
    asc_free(line);
    asc_free(r->why);
    r->why = why;
    r->state = state;
    return s->store && !s->before ? asc_store_update_run(s->store, r, err) : ASC_OK;
}

asc_status asc__swarm_decide(asc__study *s, size_t k, bool none, asc_error *err)
{
    known x = {0};
    asc_status st = collect(&x, s, k, err);
    bool can = st == ASC_OK && !none && s->has_joint && s->joint_law.n_laws == s->V && x.n >= ASC_FINISH_LEAST;
    if (can && x.m)
        st = judge(s, &x, err);
    known_clear(&x);
    for (size_t i = k; st == ASC_OK && i < s->swarm.n; i++) {
        st = tell_run(s, i, err);
        if (st == ASC_OK)
            st = record(s, i, err);
    }
    return st;
}

const asc__stop *asc__stop_of(const asc__study *s, size_t run)
{
    for (size_t k = 0; s->runs[run].state == ASC_RUN_STOPPED && k < s->swarm.n; k++)
        if (s->swarm.runs[k] == run && s->swarm.stops[k].loss)
            return &s->swarm.stops[k];
    return NULL;
}

size_t asc__n_stopped(double *flops, const asc__study *s)
{
    const asc__size *z = asc__size_of(s, s->spec->search.model);
    double rest = asc__swarm_tokens(s) - asc__pause_tokens(s);
    double saved = asc__train_flops(z, rest) + asc__eval_flops(z, asc__eval_tokens(s));
    size_t n = 0;
    for (size_t k = 0; k < s->swarm.n; k++)
        n += s->swarm.stops[k].loss != NULL;
    if (flops)
        *flops = (double)n * saved;
    return n;
}

void asc__say_stopped(asc__study *s)
{
    asc_buf names = {0};
    size_t n = 0, all = asc__n_stopped(NULL, s);
    for (size_t k = 0; k < s->swarm.n; k++) {
        const asc__stop *x = &s->swarm.stops[k];
        if (x->loss && n++ < 3)
            asc_buf_printf(&names, "%s%s (%.4f +- %.4f predicted, the best %.4f)", n > 1 ? ", " : "",
                           s->runs[s->swarm.runs[k]].id, x->value, x->sd, x->best);
    }
    size_t planned = (size_t)s->spec->search.runs;
    if (all && !names.oom)
        asc_notes_say(&s->notes, SWARM_STOPPED, all, s->swarm.n, 100 * asc__pause_tokens(s) / asc__swarm_tokens(s),
                      names.data, all > 3 ? ", ..." : "", s->swarm.n > planned ? s->swarm.n - planned : 0);
    asc_buf_clear(&names);
}
