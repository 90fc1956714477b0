/* A search by branches of the target's own run (docs/search.md): the run on the reference mixture up to a share of its
 * budget, short branches from there, merged models between them that stand for mixtures, a law of these, its optimum,
 * real branches that check it. Each stage can be repeated: what is done is found done. */
#include "steps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "design/design.h"
#include "num/num.h"

/* ---- life ---- */

static void clear_round(asc__round *r)
{
    asc_free(r->centre);
    asc_free(r->sequences);
    asc_free(r->branches);
    asc_free(r->weights);
    asc_free(r->merges);
    asc_law_set_clear(&r->law);
    asc_mix_result_clear(&r->optimum);
}

static void clear_stage(asc__branching *b)
{
    for (size_t k = 0; k < b->n_rounds; k++)
        clear_round(&b->rounds[k]);
    asc_free(b->reference);
    asc_free(b->whole);
    asc_free(b->first);
    asc_free(b->phases);
    asc_free(b->prefixes);
    asc_free(b->answer);
}

void asc__branch_clear(asc__study *s)
{
    for (size_t k = 0; k < s->n_stages; k++)
        clear_stage(&s->stages[k]);
    asc__digests_free(s->digests);
    for (size_t i = 0; i < s->n_told; i++) {
        asc_free(s->told[i].phases);
        asc_free(s->told[i].parts);
        asc_free(s->told[i].weights);
    }
    asc_free(s->told);
}

/* ---- runs ---- */

char *asc__stage_label(const asc__study *s, size_t stage)
{
    asc_buf b = {0};
    asc_buf_puts(&b, stage ? "-at" : "");
    for (size_t k = 1; k <= stage; k++)
        asc_buf_printf(&b, "%s%.6g", k > 1 ? "-" : "", s->spec->search.at[k]);
    if (!b.oom)
        return b.data;
    asc_buf_clear(&b);
    return NULL;
}

/* A run of these tokens by its end, with an id below the target's. */
static asc_status add_run(size_t *out, asc__study *s, asc_run_kind kind, const char *name, const char *mixture,
                          const char *domain, const int64_t *sequences, int r, bool store, asc_error *err)
{
    char label[32], *file = asc_file_name(name), *stage = asc__stage_label(s, s->n_stages - 1);
    char *id =
        file && stage ? asc_strf("b%s%s-%s", asc__tokens_label(s->spec->target_tokens, label), stage, file) : NULL;
    double *tokens = asc_calloc(s->D, sizeof *tokens);
    asc_status st = id && tokens ? ASC_OK : ASC_NOMEM(err);
    for (size_t i = 0; st == ASC_OK && i < s->D; i++)
        tokens[i] = (double)(sequences[i] * s->model.context);
    asc_store_run want = {.id = id,
                          .kind = kind,
                          .mixture = (char *)(uintptr_t)mixture,
                          .domain = (char *)(uintptr_t)domain,
                          .scale = s->spec->target_tokens,
                          .seed = s->spec->training.seed + (uint64_t)r,
                          .n_domains = s->D,
                          .tokens = tokens};
    if (st == ASC_OK)
        st = asc__study_add_run(out, s, &want, store, err);
    asc_free(file);
    asc_free(stage);
    asc_free(id);
    asc_free(tokens);
    return st;
}

static asc_status tell_prefix(asc__study *s, size_t run, size_t r, asc_error *err)
{
    const asc__branching *b = asc__stage(s);
    double T = s->model.context;
    asc__told *t;
    ASC_TRY(asc__new_told(&t, s, run, b->n_phases + 1, 0, err));
    asc__tell_past(t, s, b);
    for (size_t i = 0; i < s->D; i++)
        t->phases[b->n_phases * s->D + i] = (double)(b->whole[i] - b->first[i]) * T;
    t->stop = (double)b->prefix * T;
    if (s->n_stages > 1)
        t->from = b[-1].prefixes[r];
    return ASC_OK;
}

static asc_status add_prefixes(asc__study *s, bool store, asc_error *err)
{
    asc__branching *b = asc__stage(s);
    size_t seeds = (size_t)s->spec->seeds;
    if (!(b->prefixes = asc_calloc(seeds, sizeof *b->prefixes)))
        return ASC_NOMEM(err);
    for (size_t r = 0; r < seeds; r++) {
        char name[32];
        snprintf(name, sizeof name, "prefix-r%zu", r);
        ASC_TRY(add_run(&b->prefixes[r], s, ASC_KIND_PREFIX, name, "prior", NULL, b->first, (int)r, store, err));
        ASC_TRY(tell_prefix(s, b->prefixes[r], r, err));
    }
    return ASC_OK;
}

/* What was trained before, the branch, and what the schedule still had to come, which is never trained on: the branch
 * ends before. */
static asc_status tell_branch(asc__study *s, size_t run, const int64_t *sequences, asc_error *err)
{
    const asc__branching *b = asc__stage(s);
    double T = s->model.context;
    size_t past = b->n_phases, D = s->D;
    int64_t left = b->total - b->prefix - b->length, *rest = asc_calloc(D, sizeof *rest);
    asc__told *t = NULL;
    asc_status st = rest ? asc__new_told(&t, s, run, past + (left > 0 ? 2 : 1), 0, err) : ASC_NOMEM(err);
    if (st == ASC_OK && left > 0)
        st = asc_mixture_tokens(rest, NULL, b->reference, D, left, NULL, err);
    if (st == ASC_OK)
        asc__tell_past(t, s, b);
    for (size_t i = 0; st == ASC_OK && i < D; i++) {
        t->phases[past * D + i] = (double)sequences[i] * T;
        if (left > 0)
            t->phases[(past + 1) * D + i] = (double)rest[i] * T;
    }
    asc_free(rest);
    if (st != ASC_OK)
        return st;
    t->from = b->prefixes[0];
    t->stop = (double)(b->prefix + b->length) * T;
    t->cool = s->spec->search.anneal ? (double)b->length * T : 0;
    return ASC_OK;
}

/* A branch on these sequences; the row of the store says what the model has seen by its end. */
static asc_status add_branch(size_t *out, asc__study *s, const char *name, const char *mixture, const char *domain,
                             const int64_t *sequences, bool store, asc_error *err)
{
    int64_t *sum = asc_calloc(s->D, sizeof *sum);
    asc_status st = sum ? ASC_OK : ASC_NOMEM(err);
    for (size_t i = 0; st == ASC_OK && i < s->D; i++)
        sum[i] = asc__stage(s)->first[i] + sequences[i];
    if (st == ASC_OK)
        st = add_run(out, s, ASC_KIND_BRANCH, name, mixture, domain, sum, 0, store, err);
    if (st == ASC_OK)
        st = tell_branch(s, *out, sequences, err);
    asc_free(sum);
    return st;
}

/* Shares (D) of the branches' tokens in a merged model. */
static void merged_shares(double *w, const asc__study *s, const asc__round *r, const double *weights)
{
    size_t D = s->D;
    for (size_t i = 0; i < D; i++) {
        w[i] = 0;
        for (size_t k = 0; k < D; k++)
            w[i] += weights[k] * (double)r->sequences[k * D + i] / (double)asc__stage(s)->length;
    }
}

static asc_status add_merge(size_t *out, asc__study *s, const asc__round *r, const char *name, const double *weights,
                            bool store, asc_error *err)
{
    size_t D = s->D;
    double *w = asc_calloc(D, sizeof *w);
    int64_t *sum = asc_calloc(D, sizeof *sum);
    asc__told *t = NULL;
    asc_status st = w && sum ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK) {
        merged_shares(w, s, r, weights);
        st = asc_mixture_tokens(sum, NULL, w, D, asc__stage(s)->length, NULL, err);
    }
    for (size_t i = 0; st == ASC_OK && i < D; i++)
        sum[i] += asc__stage(s)->first[i];
    if (st == ASC_OK)
        st = add_run(out, s, ASC_KIND_MERGE, name, "merged", NULL, sum, 0, store, err);
    if (st == ASC_OK)
        st = asc__new_told(&t, s, *out, 0, D, err);
    for (size_t k = 0; st == ASC_OK && k < D; k++) {
        t->parts[k] = r->branches[k];
        t->weights[k] = weights[k];
    }
    if (st == ASC_OK)
        t->from = asc__stage(s)->prefixes[0];
    asc_free(w);
    asc_free(sum);
    return st;
}

/* ---- a round ---- */

/* Sequences of each domain that its cap leaves behind the prefix; false: there are no caps. */
static bool caps_left(int64_t *out, const asc__study *s)
{
    bool any = false;
    for (size_t i = 0; i < s->D; i++) {
        bool capped = s->cap_sequences[i] < ASC_NO_CAP;
        int64_t left = s->cap_sequences[i] - asc__stage(s)->first[i];
        out[i] = !capped ? ASC_NO_CAP : left > 0 ? left : 0;
        any |= capped;
    }
    return any;
}

static asc_status alloc_round(asc__round *r, const asc__study *s, asc_error *err)
{
    size_t D = s->D, M = (size_t)s->spec->search.merges;
    r->n_merges = M;
    r->centre = asc_calloc(D, sizeof *r->centre);
    r->sequences = asc_calloc(D, D * sizeof *r->sequences);
    r->branches = asc_calloc(D, sizeof *r->branches);
    r->weights = asc_calloc(M + 1, D * sizeof *r->weights);
    r->merges = asc_calloc(M + 1, sizeof *r->merges);
    return r->centre && r->sequences && r->branches && r->weights && r->merges ? ASC_OK : ASC_NOMEM(err);
}

static asc_status add_round(asc__study *s, const double *centre, bool store, asc_error *err)
{
    asc__branching *b = asc__stage(s);
    size_t D = s->D, n = ++b->n_rounds;
    asc__round *r = &b->rounds[n - 1];
    char *name = NULL;
    ASC_TRY(alloc_round(r, s, err));
    int64_t *caps = asc_calloc(D, sizeof *caps);
    asc_status st = caps ? ASC_OK : ASC_NOMEM(err);
    memcpy(r->centre, centre, D * sizeof *centre);
    if (st == ASC_OK)
        st = asc_design_branches(r->sequences, centre, D, s->spec->search.pull, b->length,
                                 caps_left(caps, s) ? caps : NULL, err);
    if (st == ASC_OK)
        st = asc_design_merges(r->weights, r->n_merges, centre, D,
                               s->spec->training.seed + 1000 * n + 1000000 * (s->n_stages - 1), err);
    for (size_t k = 0; st == ASC_OK && k < D; k++) {
        name = asc_strf("%zu-%s", n, s->spec->domain_names[k]);
        st = name ? add_branch(&r->branches[k], s, name, "branch", s->spec->domain_names[k], r->sequences + k * D,
                               store, err)
                  : ASC_NOMEM(err);
        asc_free(name);
    }
    for (size_t m = 0; st == ASC_OK && m < r->n_merges; m++) {
        name = asc_strf("%zu-merge-%zu", n, m);
        st = name ? add_merge(&r->merges[m], s, r, name, r->weights + m * D, store, err) : ASC_NOMEM(err);
        asc_free(name);
    }
    asc_free(caps);
    return st;
}

/* ---- the beginning ---- */

/* The reference as long as the prefix lasts, as a part of the whole run on it. */
static asc_status cut_prefix(asc__study *s, asc_error *err)
{
    asc__branching *b = asc__stage(s);
    double *w = asc_calloc(s->D, sizeof *w);
    for (size_t i = 0; w && i < s->D; i++)
        w[i] = (double)b->whole[i];
    asc_status st = w ? asc_mixture_tokens(b->first, NULL, w, s->D, b->prefix, b->whole, err) : ASC_NOMEM(err);
    asc_free(w);
    return st;
}

static bool is_prefix_of(const asc_store_run *r, const asc__study *s, int seed)
{
    double sum = 0;
    bool whole = true;
    for (size_t i = 0; i < r->n_domains; i++) {
        sum += r->tokens[i];
        whole &= fmod(r->tokens[i], s->model.context) == 0;
    }
    return r->kind == ASC_KIND_PREFIX && r->state == ASC_RUN_DONE && asc__is_inherited(r) && whole &&
           sum == (double)(asc__stage(s)->prefix * s->model.context) &&
           r->seed == s->spec->training.seed + (uint64_t)seed && asc__at_budget(s, r, s->spec->target_tokens);
}

/* The target's own run up to here, trained before the domains changed: it is what it is, and goes on with those that
 * there are now. NULL: there is none, or not for every seed. */
static const asc_store_run *prefix_there(const asc__study *s)
{
    const asc_store_run *first = NULL;
    for (int seed = 0; seed < s->spec->seeds; seed++) {
        const asc_store_run *found = NULL;
        size_t n;
        const asc_store_run *r = asc__past_runs(&n, s);
        for (size_t i = 0; !found && i < n; i++)
            if (is_prefix_of(&r[i], s, seed) &&
                (!first || memcmp(r[i].tokens, first->tokens, s->D * sizeof *first->tokens) == 0))
                found = &r[i];
        if (!found)
            return NULL;
        first = first ? first : found;
    }
    return first;
}

static asc_status keep_prefix(asc__study *s, const asc_store_run *r, asc_error *err)
{
    asc__branching *b = asc__stage(s);
    int64_t *caps = asc_calloc(s->D, sizeof *caps);
    for (size_t i = 0; i < s->D; i++)
        b->first[i] = (int64_t)r->tokens[i] / s->model.context;
    asc_status st = caps ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = asc_mixture_tokens(b->whole, NULL, b->reference, s->D, b->total - b->prefix,
                                caps_left(caps, s) ? caps : NULL, err);
    for (size_t i = 0; i < s->D; i++)
        b->whole[i] += b->first[i];
    asc_free(caps);
    return st;
}

/* Lengths in whole steps, of every stage; their sequences are those of the target. */
static asc_status set_lengths(asc__study *s, int64_t total, asc_error *err)
{
    const asc_search_spec *o = &s->spec->search;
    asc_train_steps steps = asc_train_steps_of(&asc__target_size(s)->model, &s->spec->training, total);
    double length = o->branch_tokens < 1 ? o->branch_tokens * s->spec->target_tokens : o->branch_tokens;
    int64_t before = 0;
    for (size_t k = 0; k < asc__most_stages(s->spec); k++) {
        asc__branching *b = &s->stages[k];
        b->total = total;
        b->batch = steps.batch;
        b->prefix = (int64_t)floor(asc__stage_share(s->spec, k) * (double)steps.n_steps + .5) * b->batch;
        b->length = (int64_t)floor(length / ((double)(b->batch * s->model.context)) + .5) * b->batch;
        b->length = b->length > 0 ? b->length : b->batch;
        if (b->prefix < b->batch || b->prefix + b->length > b->total)
            return ASC_FAIL(err, ASC_EINVAL,
                            "%s: search: a prefix of %lld and branches of %lld sequences do not fit into the target's "
                            "%lld (steps of %lld): a larger target.tokens, or a smaller training.batch_tokens",
                            s->spec->path, (long long)b->prefix, (long long)b->length, (long long)b->total,
                            (long long)b->batch);
        if (k && b->prefix < before + b->length)
            return ASC_FAIL(err, ASC_EINVAL,
                            "%s: search.at: from %g %% to %g %% there are %lld sequences, fewer than a branch has "
                            "(%lld): points further apart, or shorter branches (search.branch_tokens)",
                            s->spec->path, o->at[k - 1], o->at[k], (long long)(b->prefix - before),
                            (long long)b->length);
        before = b->prefix;
    }
    return ASC_OK;
}

static asc_status alloc_stage(asc__branching *b, const asc__study *s, size_t n_phases, asc_error *err)
{
    b->n_phases = n_phases;
    b->reference = asc_calloc(s->D, sizeof *b->reference);
    b->whole = asc_calloc(s->D, sizeof *b->whole);
    b->first = asc_calloc(s->D, sizeof *b->first);
    b->phases = asc_calloc(n_phases, s->D * sizeof *b->phases);
    return b->reference && b->whole && b->first && b->phases ? ASC_OK : ASC_NOMEM(err);
}

static asc_status set_first(asc__study *s, asc_error *err)
{
    asc__branching *b = asc__stage(s);
    asc__moved moved;
    int64_t total = 0;
    ASC_TRY(alloc_stage(b, s, 1, err));
    ASC_TRY(asc__bounded_tokens(b->whole, b->reference, &moved, s, s->start ? s->start : s->reference,
                                s->spec->target_tokens, err));
    for (size_t i = 0; i < s->D; i++)
        total += b->whole[i] /= s->model.context;
    ASC_TRY(set_lengths(s, total, err));
    const asc_store_run *there = prefix_there(s);
    ASC_TRY(there ? keep_prefix(s, there, err) : cut_prefix(s, err));
    memcpy(b->phases, b->first, s->D * sizeof *b->first);
    return ASC_OK;
}

/* The target goes on with what the stage before came to (its answer, or what it had), up to here. */
static asc_status set_next(asc__study *s, asc_error *err)
{
    asc__branching *b = asc__stage(s);
    const asc__branching *was = b - 1;
    size_t D = s->D;
    ASC_TRY(alloc_stage(b, s, was->n_phases + 1, err));
    int64_t *since = b->phases + was->n_phases * D, *rest = asc_calloc(D, sizeof *rest);
    if (!rest)
        return ASC_NOMEM(err);
    asc__rest_of(rest, s, was);
    for (size_t i = 0; i < D; i++)
        b->reference[i] = (double)rest[i] / (double)(was->total - was->prefix);
    asc_status st = asc_mixture_tokens(since, NULL, b->reference, D, b->prefix - was->prefix, rest, err);
    memcpy(b->phases, was->phases, was->n_phases * D * sizeof *b->phases);
    for (size_t i = 0; i < D; i++) {
        b->first[i] = was->first[i] + since[i];
        b->whole[i] = was->first[i] + rest[i];
    }
    asc_free(rest);
    return st;
}

void asc__rest_of(int64_t *out, const asc__study *s, const asc__branching *b)
{
    for (size_t i = 0; i < s->D; i++)
        out[i] = b->better ? b->answer[i] : b->whole[i] - b->first[i];
}

/* The branch on the reference itself: what merged models of it are compared with, and what an answer has to beat. */
static asc_status add_prior(asc__study *s, bool store, asc_error *err)
{
    asc__branching *b = asc__stage(s);
    int64_t *sequences = asc_calloc(s->D, sizeof *sequences), *caps = asc_calloc(s->D, sizeof *caps);
    asc_status st = sequences && caps ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = asc_mixture_tokens(sequences, NULL, b->reference, s->D, b->length, caps_left(caps, s) ? caps : NULL, err);
    if (st == ASC_OK)
        st = add_branch(&b->checks[0].real, s, "1-prior", "prior", NULL, sequences, store, err);
    asc_free(sequences);
    asc_free(caps);
    return st;
}

asc_status asc__branch_begin(asc__study *s, bool store, asc_error *err)
{
    if (!s->digests && !(s->digests = asc__digests_create()))
        return ASC_NOMEM(err);
    s->stages[s->n_stages++].delta = NAN;
    ASC_TRY(s->n_stages == 1 ? set_first(s, err) : set_next(s, err));
    ASC_TRY(add_prefixes(s, store, err));
    ASC_TRY(add_prior(s, store, err));
    return add_round(s, asc__stage(s)->reference, store, err);
}

/* ---- the law of the merged models ---- */

static asc_status make_table(asc_table *t, const asc__study *s, const asc__round *r, asc_error *err)
{
    size_t D = s->D, n = 0;
    ASC_TRY(asc_table_init(t, r->n_merges, s->spec->domain_names, D, s->spec->target_names, s->V, err));
    double total = (double)asc__stage(s)->length * s->model.context;
    for (size_t m = 0; m < r->n_merges; m++) {
        const asc_store_run *run = &s->runs[r->merges[m]];
        const double *loss = asc__run_losses(run);
        if (!loss)
            continue;
        memcpy(t->runs.loss + n * s->V, loss, s->V * sizeof *loss);
        merged_shares(t->runs.tokens + n * D, s, r, r->weights + m * D);
        for (size_t i = 0; i < D; i++)
            t->runs.tokens[n * D + i] *= total;
        t->runs.total[n] = total;
        t->runs.params[n] = asc__size_params(asc__target_size(s));
        t->runs.group[n] = n;
        ASC_TRY(asc_table_set_run(t, n, run->id, err));
        n++;
    }
    t->runs.n_runs = t->runs.n_groups = n;
    t->has_run = t->has_params = t->has_tokens = true;
    return ASC_OK;
}

static asc_status write_table(const asc__study *s, const asc_table *t, size_t round, asc_error *err)
{
    char *stage = asc__stage_label(s, s->n_stages - 1);
    char *path = stage ? asc_strf("%s/merges%s-%zu.csv", s->dir, stage, round + 1) : NULL;
    asc_status st = path ? asc_table_write(path, t, err) : ASC_NOMEM(err);
    asc_free(stage);
    asc_free(path);
    return st;
}

/* Shares that the round's branches reach, within the study's bounds and what caps leave behind the prefix. */
static void reach(double *lo, double *hi, const asc__study *s, const asc__round *r, const int64_t *caps)
{
    double pull = s->spec->search.pull, later = (double)(asc__stage(s)->total - asc__stage(s)->prefix);
    for (size_t i = 0; i < s->D; i++) {
        lo[i] = fmax(s->spec->min[i], (1 - pull) * r->centre[i]);
        hi[i] = fmin(s->spec->max[i], (1 - pull) * r->centre[i] + pull);
        if (caps[i] < ASC_NO_CAP)
            hi[i] = fmin(hi[i], (double)caps[i] / later);
        lo[i] = fmin(lo[i], hi[i]);
    }
}

static asc_status find_optimum(asc__study *s, asc__round *r, asc_error *err)
{
    double *lo = asc_calloc(s->D, sizeof *lo), *hi = asc_calloc(s->D, sizeof *hi);
    int64_t *caps = asc_calloc(s->D, sizeof *caps);
    asc_status st = lo && hi && caps ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK) {
        asc_mix_opts o;
        asc_mix_opts_init(&o);
        caps_left(caps, s);
        reach(lo, hi, s, r, caps);
        o.n_tokens = asc__stage(s)->length * s->model.context;
        o.limits = asc__limits_of(s, s->spec->target_tokens, false);
        o.limits.lo = lo; /* which hold what is left of the caps */
        o.limits.hi = hi;
        o.limits.available = NULL;
        o.n_threads = s->jobs;
        st = asc_mix_optimum(&r->optimum, &r->law, &o, err);
    }
    asc_free(lo);
    asc_free(hi);
    asc_free(caps);
    return st;
}

/* A law of the round's merged models and its optimum; where none fits, the reason. */
static asc_status fit_round(asc__study *s, size_t k, asc_error *err)
{
    asc__branching *b = asc__stage(s);
    asc__round *r = &b->rounds[k];
    asc_table t = {0};
    asc_error why = {0};
    asc_law_opts o;
    asc_law_opts_init(&o);
    o.law = "auto";
    o.objective = &s->spec->objective;
    o.n_threads = s->jobs;
    asc_status st = make_table(&t, s, r, &why);
    if (st == ASC_OK)
        st = write_table(s, &t, k, &why);
    if (st == ASC_OK)
        st = asc_law_fit(&r->law, &t.runs, &o, &why);
    if (st == ASC_OK)
        st = find_optimum(s, r, &why);
    t.runs.n_runs = r->n_merges; /* as allocated */
    asc_table_clear(&t);
    r->fitted = st == ASC_OK;
    if (st == ASC_OK || st == ASC_ENUMERIC || st == ASC_EINVAL) {
        if (st != ASC_OK)
            snprintf(b->why, sizeof b->why, "no law of the merged models: %.*s", 400, why.msg);
        return ASC_OK;
    }
    if (err)
        *err = why;
    return st;
}

/* ---- making ---- */

/* How far the branches of a round went, as the first merged model of them found it. */
static asc_status read_delta(asc__study *s, const asc__round *r, asc_error *err)
{
    json_t *j = NULL, *part;
    size_t i;
    char *path = asc_strf("%s/runs/%s/merge.json", s->dir, s->runs[r->merges[0]].id);
    asc_status st = path ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK && asc_path_exists(path))
        st = asc_json_load(&j, path, err);
    json_array_foreach(json_object_get(j, "checkpoints"), i, part)
    {
        double d = asc_json_number(part, "delta");
        if (i > 0 && !isnan(d))
            asc__stage(s)->delta = isnan(asc__stage(s)->delta) ? d : fmax(d, asc__stage(s)->delta);
    }
    json_decref(j);
    asc_free(path);
    return st;
}

static asc_status branch_ended(asc__study *s, size_t run, asc_error *err)
{
    asc__study_say_learnt(s, &s->runs[run], false);
    return asc__publish_summary(s, run, err);
}

static asc_status make_round(asc__study *s, size_t k, asc_error *err)
{
    asc__branching *b = asc__stage(s);
    asc__round *r = &b->rounds[k];
    size_t n = 0, *list = asc_calloc(s->D + 1, sizeof *list);
    if (!list)
        return ASC_NOMEM(err);
    if (k == 0)
        list[n++] = b->checks[0].real;
    for (size_t i = 0; i < s->D; i++)
        list[n++] = r->branches[i];
    asc_status st = asc__make_list(s, list, n, branch_ended, err);
    asc_free(list);
    if (st == ASC_OK && !s->kept && k == 0)
        asc__study_say_learnt(s, &s->runs[r->branches[0]], true);
    for (size_t i = 0; st == ASC_OK && !s->kept && i < s->D; i++)
        if (s->runs[r->branches[i]].state != ASC_RUN_DONE)
            st = ASC_FAIL(err, ASC_ENUMERIC,
                          "run %s has no model to merge (%s): training.lr %g may be too high for its data",
                          s->runs[r->branches[i]].id, s->runs[r->branches[i]].why ? s->runs[r->branches[i]].why : "?",
                          s->spec->training.lr);
    if (st == ASC_OK && !s->kept)
        st = asc__make_list(s, r->merges, r->n_merges, asc__publish_summary, err);
    if (st == ASC_OK && !s->kept)
        st = read_delta(s, r, err);
    return st == ASC_OK && !s->kept ? asc__study_step(s, "fitting", fit_round, k, 2, err) : st;
}

/* Weights (D) of the round's branches that make a mixture: w = (1 - pull) centre + pull a. */
static void weights_of(double *a, const asc__study *s, const asc__round *r, const double *w)
{
    double pull = s->spec->search.pull, sum = 0;
    for (size_t i = 0; i < s->D; i++)
        sum += a[i] = fmax(0, (w[i] - (1 - pull) * r->centre[i]) / pull);
    for (size_t i = 0; i < s->D; i++)
        a[i] /= sum;
}

/* Whether the optimum lies where the branches end: a domain with less than them would need others. */
static bool at_edge(const asc__study *s, const asc__round *r)
{
    double pull = s->spec->search.pull;
    for (size_t i = 0; i < s->D; i++) {
        double w = r->optimum.weights[i];
        if (w - (1 - pull) * r->centre[i] < 1e-3 && w > s->spec->min[i] + 1e-3)
            return true;
    }
    return false;
}

/* ---- checks ---- */

typedef struct valued {
    size_t merge;
    double value;
} valued;

static int by_value(const void *x, const void *y)
{
    const valued *a = x, *b = y;
    return a->value != b->value ? (a->value < b->value ? -1 : 1) : a->merge < b->merge ? -1 : a->merge > b->merge;
}

static asc_status add_check(asc__study *s, const char *what, size_t merged, const double *shares, asc_error *err)
{
    asc__branching *b = asc__stage(s);
    asc__check *c = &b->checks[b->n_checks++];
    char name[40];
    int64_t *sequences = asc_calloc(s->D, sizeof *sequences), *caps = asc_calloc(s->D, sizeof *caps);
    asc_status st = sequences && caps ? ASC_OK : ASC_NOMEM(err);
    *c = (asc__check){.what = what, .merged = merged, .judged = ASC_NONE, .merged_value = NAN, .real_value = NAN};
    snprintf(name, sizeof name, "real-%s", what);
    if (st == ASC_OK)
        st = asc_mixture_tokens(sequences, NULL, shares, s->D, b->length, caps_left(caps, s) ? caps : NULL, err);
    if (st == ASC_OK)
        st = add_branch(&c->real, s, name, what, NULL, sequences, !s->before, err);
    asc_free(sequences);
    asc_free(caps);
    return st;
}

/* The optimum, and two merged models at the quarters of their order. */
static asc_status add_checks(asc__study *s, asc_error *err)
{
    asc__branching *b = asc__stage(s);
    asc__round *r = &b->rounds[b->n_rounds - 1];
    size_t D = s->D, M = r->n_merges, n = 0;
    valued *v = asc_calloc(M, sizeof *v);
    double *w = asc_calloc(D, sizeof *w), *a = r->weights + M * D;
    asc_status st = v && w ? ASC_OK : ASC_NOMEM(err);
    b->n_checks = 1;
    b->checks[0].what = "prior";
    b->checks[0].judged = ASC_NONE;
    b->checks[0].merged = b->rounds[0].merges[0];
    if (st == ASC_OK) {
        weights_of(a, s, r, r->optimum.weights);
        st = add_merge(&r->merges[M], s, r, "merge-optimum", a, !s->before, err);
    }
    if (st == ASC_OK)
        st = add_check(s, "optimum", r->merges[M], r->optimum.weights, err);
    for (size_t m = 1; st == ASC_OK && m < M; m++) {
        double x = asc__run_objective(s, &s->runs[r->merges[m]]);
        if (!isnan(x))
            v[n++] = (valued){m, x};
    }
    if (n > 0)
        qsort(v, n, sizeof *v, by_value);
    for (size_t q = 1; st == ASC_OK && q <= 3 && n >= 4; q += 2) {
        size_t m = v[q * n / 4].merge;
        merged_shares(w, s, r, r->weights + m * D);
        st = add_check(s, q == 1 ? "better" : "worse", r->merges[m], w, err);
    }
    asc_free(v);
    asc_free(w);
    return st;
}

/* A trainer of one's own evaluates as it does; beside merged models its branches are evaluated as these are: each is
 * the merged model of itself alone. */
static asc_status judge(asc__study *s, asc__check *c, asc_error *err)
{
    char name[40];
    int64_t *sequences = asc_calloc(s->D, sizeof *sequences);
    asc__told *t = NULL;
    snprintf(name, sizeof name, "judged-%s", c->what);
    for (size_t i = 0; sequences && i < s->D; i++)
        sequences[i] = (int64_t)s->runs[c->real].tokens[i] / s->model.context;
    asc_status st = sequences ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = add_run(&c->judged, s, ASC_KIND_MERGE, name, "merged", NULL, sequences, 0, !s->before, err);
    if (st == ASC_OK)
        st = asc__new_told(&t, s, c->judged, 0, 1, err);
    if (st == ASC_OK) {
        t->parts[0] = c->real;
        t->weights[0] = 1;
        t->from = asc__stage(s)->prefixes[0];
    }
    asc_free(sequences);
    return st;
}

static asc_status judge_checks(asc__study *s, asc_error *err)
{
    asc__branching *b = asc__stage(s);
    size_t list[ASC__CHECKS], n = 0;
    for (size_t i = 0; i < b->n_checks; i++) {
        if (s->runs[b->checks[i].real].state != ASC_RUN_DONE)
            continue;
        ASC_TRY(judge(s, &b->checks[i], err));
        list[n++] = b->checks[i].judged;
    }
    return asc__make_list(s, list, n, asc__publish_summary, err);
}

static double real_value(const asc__study *s, const asc__check *c)
{
    return asc__run_objective(s, &s->runs[c->judged != ASC_NONE ? c->judged : c->real]);
}

static asc_status make_checks(asc__study *s, asc_error *err)
{
    asc__branching *b = asc__stage(s);
    size_t list[2 * ASC__CHECKS], n = 0;
    ASC_TRY(add_checks(s, err));
    for (size_t i = 0; i < b->n_checks; i++)
        list[n++] = b->checks[i].real;
    list[n++] = b->checks[1].merged;
    ASC_TRY(asc__make_list(s, list, n, asc__publish_summary, err));
    if (s->spec->trainer.command && !s->kept)
        ASC_TRY(judge_checks(s, err));
    double m[ASC__CHECKS], real[ASC__CHECKS], mean = 0, squares = 0;
    n = 0;
    for (size_t i = 0; i < b->n_checks && !s->kept; i++) {
        asc__check *c = &b->checks[i];
        c->merged_value = asc__run_objective(s, &s->runs[c->merged]);
        c->real_value = real_value(s, c);
        if (isnan(c->merged_value) || isnan(c->real_value))
            continue;
        m[n] = c->merged_value;
        real[n] = c->real_value;
        double d = m[n] - real[n] - mean;
        mean += d / (double)++n;
        squares += d * (m[n - 1] - real[n - 1] - mean);
    }
    b->rank = n > 2 ? asc_spearman(m, real, n) : NAN;
    b->bias = n ? mean : NAN;
    b->spread = n > 1 ? sqrt(squares / (double)(n - 1)) : NAN;
    return ASC_OK;
}

/* ---- the decision ---- */

static void keep_prior(asc__branching *b, const char *why)
{
    b->better = false;
    if (!b->why[0])
        snprintf(b->why, sizeof b->why, "%s", why);
}

/* Merged models propose, real branches dispose. What an optimum has to beat: the reference, or what an earlier stage
 * came to. */
static void decide(asc__study *s)
{
    asc__branching *b = asc__stage(s);
    const asc__check *p = &b->checks[0], *o = &b->checks[1];
    bool had_other = s->n_stages > 1 || s->start;
    const char *had = had_other ? "mixture so far" : "reference";
    const char *of_it = had_other ? "one on the mixture so far" : "reference's";
    char line[400];
    if (b->n_checks < 2 || isnan(p->real_value) || isnan(o->real_value)) {
        snprintf(line, sizeof line, "the branches that check the optimum have no losses: the %s is kept", had);
        keep_prior(b, line);
        return;
    }
    double gain = p->real_value - o->real_value, said = p->merged_value - o->merged_value;
    b->better = gain > 0;
    if (b->better)
        snprintf(b->why, sizeof b->why,
                 "a branch trained at the optimum ends %.4f nats below the %s (merged models predicted %.4f)", gain,
                 of_it, said);
    snprintf(line, sizeof line,
             "merging disagrees with training: merged models put the optimum %.4f nats below the %s, the branch "
             "trained there ends %.4f nats above: the %s is kept",
             said, had, -gain, had);
    if (!b->better)
        keep_prior(b, line);
    if (b->better && b->rank < .5)
        asc_notes_say(&s->notes, CHECKS_DISAGREE, b->rank, b->n_checks);
}

/* The phase behind the prefix in whole sequences, within bounds and caps. */
static asc_status settle(asc__study *s, asc_error *err)
{
    asc__branching *b = asc__stage(s);
    const asc__round *r = &b->rounds[b->n_rounds - 1];
    int64_t later = b->total - b->prefix, *caps = asc_calloc(s->D, sizeof *caps);
    b->answer = asc_calloc(s->D, sizeof *b->answer);
    asc_status st = caps && b->answer ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK)
        st =
            asc_mixture_tokens(b->answer, NULL, r->optimum.weights, s->D, later, caps_left(caps, s) ? caps : NULL, err);
    asc_free(caps);
    return st;
}

static asc_status search_stage(asc__study *s, asc_error *err)
{
    ASC_TRY(asc__branch_begin(s, !s->before, err));
    asc__branching *b = asc__stage(s);
    if (!s->before)
        ASC_TRY(asc__study_publish(s, ASC_STUDY_RUNNING, err));
    ASC_TRY(asc__make_list(s, b->prefixes, (size_t)s->spec->seeds, asc__publish_summary, err));
    for (int r = 0; !s->kept && r < s->spec->seeds; r++)
        if (s->runs[b->prefixes[r]].state != ASC_RUN_DONE)
            return ASC_FAIL(err, ASC_ENUMERIC, "run %s diverged: there is nothing to branch from (training.lr %g)",
                            s->runs[b->prefixes[r]].id, s->spec->training.lr);
    if (!s->kept)
        ASC_TRY(make_round(s, 0, err));
    bool again = !s->kept && b->rounds[0].fitted && s->spec->search.rounds > 1 && at_edge(s, &b->rounds[0]);
    if (again) {
        ASC_TRY(add_round(s, b->rounds[0].optimum.weights, !s->before, err));
        ASC_TRY(make_round(s, 1, err));
    }
    const asc__round *last = &b->rounds[b->n_rounds - 1];
    if (!s->kept && last->fitted)
        ASC_TRY(make_checks(s, err));
    if (s->kept)
        return ASC_OK;
    decide(s);
    return b->better ? settle(s, err) : ASC_OK;
}

asc_status asc__branch_search(asc__study *s, asc_error *err)
{
    for (size_t k = 0; !s->kept && k < asc__most_stages(s->spec); k++)
        ASC_TRY(search_stage(s, err));
    return ASC_OK;
}
