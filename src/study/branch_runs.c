/* The runs of a search by branches: the target's own up to where it branches, a branch for each domain, merged models.
 */
#include "branch.h"

#include <math.h>
#include <string.h>

#include "design/design.h"

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
asc_status asc__branch_add_run(size_t *out, asc__study *s, asc_run_kind kind, const char *name, const char *mixture,
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
        ASC_TRY(asc__branch_add_run(&b->prefixes[r], s, ASC_KIND_PREFIX, name, "prior", NULL, b->first, (int)r, store,
                                    err));
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
asc_status asc__branch_add(size_t *out, asc__study *s, const char *name, const char *mixture, const char *domain,
                           const int64_t *sequences, bool store, asc_error *err)
{
    int64_t *sum = asc_calloc(s->D, sizeof *sum);
    asc_status st = sum ? ASC_OK : ASC_NOMEM(err);
    for (size_t i = 0; st == ASC_OK && i < s->D; i++)
        sum[i] = asc__stage(s)->first[i] + sequences[i];
    if (st == ASC_OK)
        st = asc__branch_add_run(out, s, ASC_KIND_BRANCH, name, mixture, domain, sum, 0, store, err);
    if (st == ASC_OK)
        st = tell_branch(s, *out, sequences, err);
    asc_free(sum);
    return st;
}

/* Shares (D) of the branches' tokens in a merged model. */
void asc__merged_shares(double *w, const asc__study *s, const asc__round *r, const double *weights)
{
    size_t D = s->D;
    for (size_t i = 0; i < D; i++) {
        w[i] = 0;
        for (size_t k = 0; k < D; k++)
            w[i] += weights[k] * (double)r->sequences[k * D + i] / (double)asc__stage(s)->length;
    }
}

asc_status asc__branch_add_merge(size_t *out, asc__study *s, const asc__round *r, const char *name,
                                 const double *weights, bool store, asc_error *err)
{
    size_t D = s->D;
    double *w = asc_calloc(D, sizeof *w);
    int64_t *sum = asc_calloc(D, sizeof *sum);
    asc__told *t = NULL;
    asc_status st = w && sum ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK) {
        asc__merged_shares(w, s, r, weights);
        st = asc_mixture_tokens(sum, NULL, w, D, asc__stage(s)->length, NULL, err);
    }
    for (size_t i = 0; st == ASC_OK && i < D; i++)
        sum[i] += asc__stage(s)->first[i];
    if (st == ASC_OK)
        st = asc__branch_add_run(out, s, ASC_KIND_MERGE, name, "merged", NULL, sum, 0, store, err);
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
bool asc__caps_left(int64_t *out, const asc__study *s)
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

asc_status asc__branch_add_round(asc__study *s, const double *centre, bool store, asc_error *err)
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
                                 asc__caps_left(caps, s) ? caps : NULL, err);
    if (st == ASC_OK)
        st = asc_design_merges(r->weights, r->n_merges, centre, D,
                               s->spec->training.seed + 1000 * n + 1000000 * (s->n_stages - 1), err);
    for (size_t k = 0; st == ASC_OK && k < D; k++) {
        name = asc_strf("%zu-%s", n, s->spec->domain_names[k]);
        st = name ? asc__branch_add(&r->branches[k], s, name, "branch", s->spec->domain_names[k], r->sequences + k * D,
                                    store, err)
                  : ASC_NOMEM(err);
        asc_free(name);
    }
    for (size_t m = 0; st == ASC_OK && m < r->n_merges; m++) {
        name = asc_strf("%zu-merge-%zu", n, m);
        st = name ? asc__branch_add_merge(&r->merges[m], s, r, name, r->weights + m * D, store, err) : ASC_NOMEM(err);
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
                                asc__caps_left(caps, s) ? caps : NULL, err);
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
        st = asc_mixture_tokens(sequences, NULL, b->reference, s->D, b->length, asc__caps_left(caps, s) ? caps : NULL,
                                err);
    if (st == ASC_OK)
        st = asc__branch_add(&b->checks[0].real, s, "1-prior", "prior", NULL, sequences, store, err);
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
    return asc__branch_add_round(s, asc__stage(s)->reference, store, err);
}
