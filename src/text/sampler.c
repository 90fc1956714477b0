/*
 * The mixture sampler. Three questions, each answered by a pure function of the options: how many sequences of each
 * domain (largest remainder), which domain comes k-th (deadlines), and which of its windows is its j-th (a keyed
 * permutation an epoch). So the state is the position alone.
 */
#include "text/text.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 6, MIN_BITS = 6, SNAPSHOT_EVERY = 1 << 16 };

/* A domain's place in a phase of the stream. The j-th sequence of s among S is due in slots [floor(j S/s), ceil((j+1)
 * S/s)). */
struct lane {
    int64_t n_sequences;        /* s, of the phase */
    int64_t before;             /* sequences that the phases before it have taken */
    int64_t n_windows;          /* W: sequences in one epoch */
    int64_t step, step_remain;  /* S / s and S % s */
    int64_t count;              /* j: sequences given so far, in this phase */
    int64_t release, deadline;  /* of the j-th; INT64_MAX when there is none left */
    int64_t next_release, part; /* floor((j+1) S/s) and (j+1) S mod s */
    int64_t epoch;              /* that keys are for; -1: none */
    uint64_t keys[ROUNDS];      /* of the permutation */
    int left_bits, right_bits;  /* of the permutation's two halves */
};

struct asc_sampler {
    const asc_token_file **files; /* (D) */
    size_t n_domains;
    int context; /* T */
    uint64_t seed;
    int64_t n_total; /* of all phases */
    size_t n_phases, phase;
    int64_t *starts;  /* (K+1) position of each phase's first sequence; the last is n_total */
    int64_t *allots;  /* (K,D) sequences of each domain in each phase */
    int64_t position; /* of the next sequence */
    struct lane *lanes;
    int64_t
        *snapshots; /* (n_snapshots, D) counts at every SNAPSHOT_EVERY sequences, made as the stream is first passed */
    size_t n_snapshots, cap_snapshots;
};

void asc_sampler_free(asc_sampler *s)
{
    if (!s)
        return;
    asc_free(s->files);
    asc_free(s->lanes);
    asc_free(s->starts);
    asc_free(s->allots);
    asc_free(s->snapshots);
    asc_free(s);
}

/* ---- how many of each domain ---- */

/*
 * Most sequences: what max_epochs allows; *up: most that rounding up may reach. Whole sequences are a little more than
 * the tokens asked for, and windows a little less than the tokens there are: without the second a mixture that asks for
 * exactly one epoch's tokens would start another epoch. Whole sequences that are asked for are given.
 */
static asc_status sequence_limit(int64_t *limit, int64_t *up, const asc_sampler_opts *o, size_t d, double asked,
                                 int64_t n_windows, asc_error *err)
{
    int64_t there = asc_token_file_tokens(o->files[d]);
    if (n_windows == 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s: %lld tokens are less than one sequence of %d",
                        asc_token_file_prefix(o->files[d]), (long long)there, o->context + 1);
    double cap = o->max_epochs ? o->max_epochs[d] : NAN;
    if (isfinite(cap) && asked > cap * (double)there * (1 + 1e-9) + o->context)
        return ASC_FAIL(err, ASC_EINVAL, "%s: %.0f tokens requested are %.3g epochs, max_epochs is %.3g",
                        asc_token_file_prefix(o->files[d]), asked, asked / (double)there, cap);
    *limit = asc_cap_sequences(there, o->context, cap);
    *up = (int64_t)fmin(ceil(asked / (double)there - 1e-9) * (double)n_windows, (double)*limit);
    return ASC_OK;
}

/* What a domain may still give: (D) each, less what phases before have taken. */
struct room {
    int64_t limit, up;
};

static asc_status find_room(asc_sampler *s, const asc_sampler_opts *o, struct room *room, asc_error *err)
{
    for (size_t d = 0; d < s->n_domains; d++) {
        double asked = 0;
        for (size_t k = 0; k < s->n_phases; k++) {
            int64_t n = o->tokens[k * s->n_domains + d];
            if (n < 0)
                return ASC_FAIL(err, ASC_EINVAL, "%s: %lld tokens, expected 0 or more",
                                asc_token_file_prefix(o->files[d]), (long long)n);
            asked += (double)n;
        }
        if (asked == 0)
            continue;
        s->lanes[d].n_windows = asc_epoch_sequences(asc_token_file_tokens(o->files[d]), o->context);
        ASC_TRY(sequence_limit(&room[d].limit, &room[d].up, o, d, asked, s->lanes[d].n_windows, err));
    }
    return ASC_OK;
}

struct remainder {
    int64_t rest;
    size_t domain;
};

static int cmp_remainder(const void *a, const void *b)
{
    const struct remainder *x = a, *y = b;
    if (x->rest != y->rest)
        return x->rest > y->rest ? -1 : 1;
    return x->domain < y->domain ? -1 : 1;
}

/* Sequences of one phase, (D), largest remainder: their sum is `wanted`, unless limits forbid it. */
static int64_t allot_phase(int64_t *n, const int64_t *tokens, size_t D, int64_t T, int64_t wanted, struct room *room,
                           struct remainder *rest)
{
    int64_t given = 0;
    assert(T > 0);
    for (size_t d = 0; d < D; d++) {
        rest[d] = (struct remainder){tokens[d] % T, d};
        n[d] = tokens[d] / T < room[d].limit ? tokens[d] / T : room[d].limit;
        given += n[d];
    }
    qsort(rest, D, sizeof *rest, cmp_remainder);
    for (size_t k = 0; k < D && given < wanted; k++) {
        size_t d = rest[k].domain;
        if (tokens[d] > 0 && n[d] < room[d].up) {
            n[d]++;
            given++;
        }
    }
    for (size_t d = 0; d < D; d++) {
        room[d].limit -= n[d];
        room[d].up -= n[d];
    }
    return given;
}

/* All phases: each ends at the wanted total to the nearest sequence. */
static asc_status allot(asc_sampler *s, const asc_sampler_opts *o, struct remainder *rest, struct room *room,
                        asc_error *err)
{
    int64_t asked = 0, done = 0, T = o->context;
    size_t D = s->n_domains;
    ASC_TRY(find_room(s, o, room, err));
    for (size_t k = 0; k < s->n_phases; k++) {
        const int64_t *tokens = o->tokens + k * D;
        for (size_t d = 0; d < D; d++)
            asked += tokens[d];
        int64_t upto = asked / T + (asked % T * 2 >= T);
        s->starts[k + 1] = s->starts[k] + allot_phase(s->allots + k * D, tokens, D, T, upto - done, room, rest);
        assert(s->starts[k + 1] >= s->starts[k]);
        done = upto;
    }
    s->n_total = s->starts[s->n_phases];
    return s->n_total > 0 ? ASC_OK
                          : ASC_FAIL(err, ASC_EINVAL, "%lld tokens are less than one sequence of %d", (long long)asked,
                                     o->context);
}

/* ---- which domain comes k-th ---- */

/*
 * Each sequence must go out inside its window; the one with the earliest deadline first, ties by domain. Unit jobs with
 * whole-numbered windows on one machine: this rule meets every deadline whenever that can be done (and the fractional
 * schedule k s/S shows that it can), so every prefix holds each domain to within one sequence.
 */
static void lane_place(struct lane *l, int64_t total, int64_t count)
{
    assert(0 <= count && count <= l->n_sequences && l->n_sequences <= total);
    l->count = count;
    if (count >= l->n_sequences) {
        l->release = l->deadline = INT64_MAX;
        return;
    }
    unsigned __int128 begin = (unsigned __int128)(uint64_t)count * (uint64_t)total;
    unsigned __int128 end = begin + (uint64_t)total;
    l->release = (int64_t)(begin / (uint64_t)l->n_sequences);
    l->next_release = (int64_t)(end / (uint64_t)l->n_sequences);
    l->part = (int64_t)(end % (uint64_t)l->n_sequences);
    l->deadline = l->next_release + (l->part > 0);
}

static void lane_advance(struct lane *l)
{
    if (++l->count >= l->n_sequences) {
        l->release = l->deadline = INT64_MAX;
        return;
    }
    l->release = l->next_release;
    l->next_release += l->step;
    l->part += l->step_remain;
    if (l->part >= l->n_sequences) {
        l->part -= l->n_sequences;
        l->next_release++;
    }
    l->deadline = l->next_release + (l->part > 0);
}

static size_t next_domain(const asc_sampler *s)
{
    size_t best = 0;
    int64_t earliest = INT64_MAX, at = s->position - s->starts[s->phase];
    for (size_t d = 0; d < s->n_domains; d++) {
        const struct lane *l = &s->lanes[d];
        if (l->release <= at && l->deadline < earliest) {
            earliest = l->deadline;
            best = d;
        }
    }
    assert(earliest > at && earliest < INT64_MAX); /* one is always released, and none was ever late */
    return best;
}

static size_t phase_of(const asc_sampler *s, int64_t position)
{
    size_t k = 0;
    while (k + 1 < s->n_phases && s->starts[k + 1] <= position)
        k++;
    return k;
}

/* Lanes as they are in phase k after counts (D) of its sequences; NULL: at its beginning. */
static void enter_phase(asc_sampler *s, size_t k, const int64_t *counts)
{
    int64_t total = s->starts[k + 1] - s->starts[k];
    assert(k < s->n_phases && total >= 0);
    s->phase = k;
    for (size_t d = 0; d < s->n_domains; d++) {
        struct lane *l = &s->lanes[d];
        l->n_sequences = s->allots[k * s->n_domains + d];
        l->before = 0;
        for (size_t j = 0; j < k; j++)
            l->before += s->allots[j * s->n_domains + d];
        l->step = l->n_sequences ? total / l->n_sequences : 0;
        l->step_remain = l->n_sequences ? total % l->n_sequences : 0;
        lane_place(l, total, counts ? counts[d] : 0);
    }
}

static asc_status snapshot(asc_sampler *s, asc_error *err)
{
    size_t k = (size_t)(s->position / SNAPSHOT_EVERY), D = s->n_domains;
    if (s->position % SNAPSHOT_EVERY != 0 || k < s->n_snapshots)
        return ASC_OK;
    assert(k == s->n_snapshots); /* every one on the way, none left out */
    int64_t *grown = asc_grow(s->snapshots, &s->cap_snapshots, (k + 1) * D, sizeof *grown);
    if (!grown)
        return ASC_NOMEM(err);
    s->snapshots = grown;
    for (size_t d = 0; d < D; d++)
        s->snapshots[k * D + d] = s->lanes[d].count;
    s->n_snapshots = k + 1;
    return ASC_OK;
}

static asc_status step(asc_sampler *s, size_t *domain, asc_error *err)
{
    while (s->position == s->starts[s->phase + 1]) /* phases may be empty */
        enter_phase(s, s->phase + 1, NULL);
    assert(s->position < s->n_total);
    ASC_TRY(snapshot(s, err));
    *domain = next_domain(s);
    lane_advance(&s->lanes[*domain]);
    s->position++;
    return ASC_OK;
}

asc_status asc_sampler_seek(asc_sampler *s, int64_t position, asc_error *err)
{
    if (position < 0 || position > s->n_total)
        return ASC_FAIL(err, ASC_EINVAL, "sequence %lld of %lld", (long long)position, (long long)s->n_total);
    int64_t k = position / SNAPSHOT_EVERY;
    if (k >= (int64_t)s->n_snapshots)
        k = (int64_t)s->n_snapshots - 1;
    if (position < s->position || k * SNAPSHOT_EVERY > s->position) {
        s->position = k < 0 ? 0 : k * SNAPSHOT_EVERY;
        enter_phase(s, phase_of(s, s->position), k < 0 ? NULL : s->snapshots + (size_t)k * s->n_domains);
    }
    for (size_t domain; s->position < position;)
        ASC_TRY(step(s, &domain, err));
    return ASC_OK;
}

/* ---- which window is a domain's j-th ---- */

static uint64_t scramble(uint64_t x, uint64_t key)
{
    x = (x ^ key) * 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93u;
    return x ^ (x >> 29);
}

/* A Feistel network on left_bits + right_bits bits, walked until it falls below W again: a permutation of [0, W). */
static int64_t permuted(const struct lane *l, int64_t index)
{
    uint64_t x = (uint64_t)index, left_mask = ((uint64_t)1 << l->left_bits) - 1;
    uint64_t right_mask = ((uint64_t)1 << l->right_bits) - 1;
    assert(0 <= index && index < l->n_windows && l->n_windows <= (int64_t)1 << (l->left_bits + l->right_bits));
    do {
        uint64_t left = x >> l->right_bits, right = x & right_mask;
        for (int r = 0; r < ROUNDS; r += 2) {
            left = (left ^ scramble(right, l->keys[r])) & left_mask;
            right = (right ^ scramble(left, l->keys[r + 1])) & right_mask;
        }
        x = left << l->right_bits | right;
    } while (x >= (uint64_t)l->n_windows);
    return (int64_t)x;
}

static void set_bits(struct lane *l)
{
    int bits = MIN_BITS; /* a few more than needed for tiny domains: small networks reach few permutations */
    while (bits < 62 && ((int64_t)1 << bits) < l->n_windows)
        bits++;
    l->left_bits = bits / 2;
    l->right_bits = bits - bits / 2;
    l->epoch = -1;
}

static int64_t window_of(asc_sampler *s, size_t domain, int64_t j)
{
    struct lane *l = &s->lanes[domain];
    int64_t epoch = j / l->n_windows;
    if (epoch != l->epoch) {
        asc_rng r;
        asc_rng_init(&r, s->seed, "order of a domain's sequences", (uint64_t)domain << 40 ^ (uint64_t)epoch);
        for (int k = 0; k < ROUNDS; k++)
            l->keys[k] = asc_rng_u64(&r);
        l->epoch = epoch;
    }
    return permuted(l, j % l->n_windows);
}

/* ---- the stream ---- */

asc_status asc_sampler_next(asc_sampler *s, int32_t *out, size_t *domain, asc_error *err)
{
    if (s->position >= s->n_total)
        return ASC_FAIL(err, ASC_EINVAL, "the stream of %lld sequences is exhausted", (long long)s->n_total);
    size_t d = 0;
    ASC_TRY(step(s, &d, err));
    int64_t window = window_of(s, d, s->lanes[d].before + s->lanes[d].count - 1);
    ASC_TRY(asc_token_file_read(s->files[d], window * s->context, (size_t)s->context + 1, out, err));
    *domain = d;
    return ASC_OK;
}

asc_status asc_sampler_read(asc_sampler *s, size_t domain, int64_t j, int32_t *out, asc_error *err)
{
    if (domain >= s->n_domains || j < 0 || s->lanes[domain].n_windows == 0)
        return ASC_FAIL(err, ASC_EINVAL, "sequence %lld of domain %zu: there is none", (long long)j, domain);
    int64_t window = window_of(s, domain, j);
    return asc_token_file_read(s->files[domain], window * s->context, (size_t)s->context + 1, out, err);
}

static asc_status setup(asc_sampler *s, const asc_sampler_opts *o, asc_error *err)
{
    size_t D = o->n_domains;
    if (o->context < 1 || D == 0)
        return ASC_FAIL(err, ASC_EINVAL, "sampler: context %d and %zu domains, expected at least 1 of each", o->context,
                        D);
    s->n_phases = o->n_phases > 1 ? o->n_phases : 1;
    s->files = asc_calloc(D, sizeof *s->files);
    s->lanes = asc_calloc(D, sizeof *s->lanes);
    s->starts = asc_calloc(s->n_phases + 1, sizeof *s->starts);
    s->allots = asc_calloc(s->n_phases, D * sizeof *s->allots);
    struct remainder *rest = asc_calloc(D, sizeof *rest);
    struct room *room = asc_calloc(D, sizeof *room);
    s->n_domains = D;
    s->context = o->context;
    s->seed = o->seed;
    bool ok = s->files && s->lanes && s->starts && s->allots && rest && room;
    asc_status st = ok ? allot(s, o, rest, room, err) : ASC_NOMEM(err);
    asc_free(rest);
    asc_free(room);
    ASC_TRY(st);
    memcpy(s->files, o->files, D * sizeof *s->files);
    for (size_t d = 0; d < D; d++)
        set_bits(&s->lanes[d]);
    enter_phase(s, 0, NULL);
    return ASC_OK;
}

asc_status asc_sampler_create(asc_sampler **out, const asc_sampler_opts *opts, asc_error *err)
{
    asc_sampler *s = asc_calloc(1, sizeof *s);
    if (!s)
        return ASC_NOMEM(err);
    asc_status st = setup(s, opts, err);
    if (st != ASC_OK) {
        asc_sampler_free(s);
        return st;
    }
    *out = s;
    return ASC_OK;
}

int64_t asc_sampler_sequences(const asc_sampler *s)
{
    return s->n_total;
}

void asc_sampler_tokens(const asc_sampler *s, int64_t *out)
{
    for (size_t d = 0; d < s->n_domains; d++) {
        int64_t n = 0;
        for (size_t k = 0; k < s->n_phases; k++)
            n += s->allots[k * s->n_domains + d];
        out[d] = n * s->context;
    }
}

void asc_sampler_tokens_so_far(const asc_sampler *s, int64_t *out)
{
    for (size_t d = 0; d < s->n_domains; d++)
        out[d] = (s->lanes[d].before + s->lanes[d].count) * s->context;
}
