/*
 * Softmax attention from tiles, one (sequence, head of keys) at a time. Forward: a strip of mr query rows against all
 * keys it may see. Backward (after Dao et al. 2205.14135): blocks of QB query rows against chunks of KB keys, the
 * probabilities made again from the kept log-sum-exp; D = rowsum(dO * O). With a causal mask only tiles on and below
 * the diagonal are computed. In bf16 the operands of all products are rounded: Q, K, V, dO, probabilities and their
 * gradients; scores, softmax and sums stay float.
 */
#include "kernels.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum {
    QB = 96,  /* query rows of a block: a multiple of every mr (4, 6, 8) */
    KB = 192, /* keys of a chunk: a multiple of every mr and nr */
    MAX_MR = 8,
    LDP = KB + 16 /* rows of a probability block */
};

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Scratch being laid out; base NULL: only counted. */
typedef struct layout {
    float *base;
    size_t used;
} layout;

/* Take n floats off the scratch, 64-byte aligned. */
static float *take(layout *at, size_t n)
{
    float *p = at->base ? at->base + at->used : NULL;
    at->used += asc__round_up(n, 16);
    return p;
}

/* Take n operands of products. */
static void *take_operands(layout *at, const asc_kernels *k, size_t n)
{
    return take(at, asc__round_up(n, 2) * asc__operand_size(k) / sizeof(float));
}

static bool is_float(const asc_kernels *k)
{
    return k->dtype == ASC_DTYPE_FP32;
}

/* One query head of one sequence, with the keys and values that it may share with others of its group. */
typedef struct head {
    const asc_kernels *k;
    size_t T, d, n_keys; /* n_keys: keys that are not padding */
    size_t dk, dp;       /* d as the length of a product, and rounded up to whole panels */
    size_t ld, ld_out;
    bool causal;
    float scale;
    const float *q, *key, *value;
    float *out, *lse;
    const float *dout;
    float *dq, *dkey, *dvalue;
} head;

static size_t kv_heads(const asc_attention *a)
{
    return (size_t)(a->H_kv ? a->H_kv : a->H);
}

/* Query heads of a group. */
static size_t group_size(const asc_attention *a)
{
    assert((size_t)a->H % kv_heads(a) == 0);
    return (size_t)a->H / kv_heads(a);
}

/* Query head `member` of the group with number `index`, of B H_kv groups. */
static head head_of(const asc_kernels *k, const asc_attention *a, size_t index, size_t member)
{
    size_t H = (size_t)a->H, Hkv = kv_heads(a), T = (size_t)a->T, d = (size_t)a->d;
    assert(index < (size_t)a->B * Hkv && member < group_size(a) && (!a->by_head || Hkv == H));
    size_t b = index / Hkv, kv = index % Hkv, h = kv * group_size(a) + member;
    head x = {.k = k, .T = T, .d = d, .ld = (H + 2 * Hkv) * d, .ld_out = H * d};
    size_t row = b * T * x.ld, q = row + h * (a->by_head ? 3 * d : d), out = b * T * x.ld_out + h * d;
    size_t key = a->by_head ? q + d : row + (H + kv) * d, value = a->by_head ? q + 2 * d : row + (H + Hkv + kv) * d;
    x.dk = asc__round_up(d, k->k_unit);
    x.dp = asc__round_up(d, k->nr);
    x.n_keys = a->lengths ? min_size((size_t)(a->lengths[b] > 0 ? a->lengths[b] : 0), T) : T;
    x.causal = a->causal;
    x.scale = a->scale;
    x.q = a->qkv + q;
    x.key = a->qkv + key;
    x.value = a->qkv + value;
    x.out = a->out + out;
    x.lse = a->lse + (b * H + h) * T;
    if (a->dout) {
        x.dout = a->dout + out;
        x.dq = a->dqkv + q;
        x.dkey = a->dqkv + key;
        x.dvalue = a->dqkv + value;
    }
    return x;
}

/* Keys that query row q sees. */
static size_t visible(const head *x, size_t q)
{
    if (q >= x->T)
        return 0;
    return x->causal ? min_size(x->n_keys, q + 1) : x->n_keys;
}

/* How many keys each row of the strip at row q0 sees, of those from c0 on, at most n. */
static void visible_rows(size_t *seen, const head *x, size_t q0, size_t c0, size_t n)
{
    for (size_t r = 0; r < x->k->mr; r++) {
        size_t all = visible(x, q0 + r);
        seen[r] = all > c0 ? min_size(all - c0, n) : 0;
    }
}

/* A strip of mr rows as a tile reads it: where it is, or, where they are rounded or the sequence ends, a copy filled up
 * with zeros. */
static const void *strip_of(size_t *ld, const head *x, const float *rows, size_t ld_rows, size_t q0, void *copy)
{
    assert(q0 < x->T);
    size_t n = min_size(x->k->mr, x->T - q0);
    if (n == x->k->mr && is_float(x->k)) {
        *ld = ld_rows;
        return rows + q0 * ld_rows;
    }
    x->k->pack_a_rows(copy, x->dk, rows + q0 * ld_rows, ld_rows, n, x->d);
    *ld = x->dk;
    return copy;
}

/* ---- forward ---- */

typedef struct forward_scratch {
    void *key_t, *value; /* packed: (d, keys) and (keys, d) */
    void *q, *p;         /* strips (mr, d), (mr, ld_s); fp32: p is s */
    float *s, *o;        /* strips (mr, ld_s), (mr, dp) */
    size_t keys_p, ld_s;
} forward_scratch;

static forward_scratch forward_layout(const asc_kernels *k, size_t T, size_t d, layout *scratch)
{
    forward_scratch w = {.keys_p = asc__round_up(T, k->nr)};
    size_t dk = asc__round_up(d, k->k_unit), dp = asc__round_up(d, k->nr);
    w.ld_s = w.keys_p + 16;
    w.key_t = take_operands(scratch, k, w.keys_p * dk);
    w.value = take_operands(scratch, k, w.keys_p * dp);
    w.q = take_operands(scratch, k, k->mr * dk);
    w.s = take(scratch, k->mr * w.ld_s);
    w.p = is_float(k) ? w.s : take_operands(scratch, k, k->mr * w.ld_s);
    w.o = take(scratch, k->mr * dp);
    return w;
}

static void forward_strip(const head *x, const forward_scratch *w, size_t q0)
{
    const asc_kernels *k = x->k;
    assert(k->mr <= MAX_MR);
    size_t rows = min_size(k->mr, x->T - q0), n_max = visible(x, q0 + rows - 1), ld, seen[MAX_MR];
    const void *q = strip_of(&ld, x, x->q, x->ld, q0, w->q);
    float inverse[MAX_MR], lse[MAX_MR];
    for (size_t j = 0; j < n_max; j += k->nr)
        k->tile_rows(w->s + j, w->ld_s, q, ld, asc__operand(k, w->key_t, j * x->dk), x->dk, false, NULL);
    visible_rows(seen, x, q0, 0, n_max);
    n_max = asc__round_up(n_max, k->k_unit);
    k->softmax_rows(w->p, w->s, w->ld_s, seen, n_max, x->scale, lse, inverse);
    for (size_t j = 0; j < x->dp; j += k->nr)
        k->tile_rows(w->o + j, x->dp, w->p, w->ld_s, asc__operand(k, w->value, j * w->keys_p), n_max, false, NULL);
    for (size_t r = 0; r < rows; r++)
        k->copy_scaled(x->out + (q0 + r) * x->ld_out, w->o + r * x->dp, x->d, inverse[r], false);
    memcpy(x->lse + q0, lse, rows * sizeof *lse);
}

void asc_attention_forward(const asc_kernels *k, const asc_attention *a, void *scratch, size_t part, size_t n_parts)
{
    assert(a->B > 0 && a->T > 0 && a->d > 0 && a->qkv && a->out && a->lse);
    if (k->reference) {
        asc__reference_attention_forward(a, part, n_parts);
        return;
    }
    layout at = {.base = scratch};
    forward_scratch w = forward_layout(k, (size_t)a->T, (size_t)a->d, &at);
    size_t begin, end;
    asc_part_range((size_t)a->B * kv_heads(a), 1, part, n_parts, &begin, &end);
    for (size_t i = begin; i < end; i++) {
        head first = head_of(k, a, i, 0);
        k->pack_b(w.key_t, first.dk * k->nr, first.key, first.ld, true, first.d, first.T);
        k->pack_b(w.value, w.keys_p * k->nr, first.value, first.ld, false, first.T, first.d);
        for (size_t member = 0; member < group_size(a); member++) {
            head x = head_of(k, a, i, member);
            for (size_t q = 0; q < x.T; q += k->mr)
                forward_strip(&x, &w, q);
        }
    }
}

/* ---- backward ---- */

typedef struct backward_scratch {
    float *D;                      /* (T) */
    void *key_t, *value_t, *key_p; /* packed chunk: (d, KB), (d, KB), (KB, d) */
    float *dkey, *dvalue;          /* (KB, dp) sums of the chunk */
    void *q, *dout;                /* strips (mr, d) */
    void *q_p, *dout_p;            /* packed (QB, d) */
    void *p, *ds;                  /* (QB, LDP) columns, in bf16 pairs of rows */
    float *s, *dp;                 /* bf16: strips (mr, LDP) of scores and of the probabilities' gradients */
    void *ds_rows;                 /* bf16: strip (mr, LDP) */
    float *dq;                     /* (mr, dp) */
} backward_scratch;

static backward_scratch backward_layout(const asc_kernels *k, size_t T, size_t d, layout *scratch)
{
    size_t dk = asc__round_up(d, k->k_unit), dp = asc__round_up(d, k->nr), strip = is_float(k) ? 0 : k->mr * LDP;
    backward_scratch w;
    w.D = take(scratch, T);
    w.key_t = take_operands(scratch, k, KB * dk);
    w.value_t = take_operands(scratch, k, KB * dk);
    w.key_p = take_operands(scratch, k, KB * dp);
    w.dkey = take(scratch, KB * dp);
    w.dvalue = take(scratch, KB * dp);
    w.q = take_operands(scratch, k, k->mr * dk);
    w.dout = take_operands(scratch, k, k->mr * dk);
    w.q_p = take_operands(scratch, k, QB * dp);
    w.dout_p = take_operands(scratch, k, QB * dp);
    w.p = take_operands(scratch, k, QB * LDP);
    w.ds = take_operands(scratch, k, QB * LDP);
    w.s = take(scratch, strip);
    w.dp = take(scratch, strip);
    w.ds_rows = take_operands(scratch, k, strip);
    w.dq = take(scratch, k->mr * dp);
    return w;
}

size_t asc_attention_scratch(const asc_kernels *k, int T, int d)
{
    if (k->reference)
        return 64;
    layout forward = {0}, backward = {0};
    forward_layout(k, (size_t)T, (size_t)d, &forward);
    backward_layout(k, (size_t)T, (size_t)d, &backward);
    return (forward.used > backward.used ? forward.used : backward.used) * sizeof(float);
}

/* Where the strip from row i of the block on is worked on: in fp32 the block itself. */
static asc_softmax_grad strip_at(const asc_kernels *k, const backward_scratch *w, size_t i)
{
    asc_softmax_grad g = {
        .ld = LDP, .p_cols = asc__operand(k, w->p, i * LDP), .ds_cols = asc__operand(k, w->ds, i * LDP)};
    g.s = is_float(k) ? g.p_cols : w->s;
    g.dp = is_float(k) ? g.ds_cols : w->dp;
    g.ds_rows = is_float(k) ? g.ds_cols : w->ds_rows;
    return g;
}

/* Probabilities and their gradient for one strip of rows from q0 + i, keys c0 .. c0 + n_chunk; then dQ of the strip. */
static void backward_strip(const head *x, const backward_scratch *w, size_t q0, size_t i, size_t c0, size_t n_chunk)
{
    const asc_kernels *k = x->k;
    size_t r0 = q0 + i, end = x->causal ? min_size(n_chunk, r0 + k->mr > c0 ? r0 + k->mr - c0 : 0) : n_chunk;
    size_t ld_q, ld_dout, seen[MAX_MR];
    const void *q = strip_of(&ld_q, x, x->q, x->ld, r0, w->q);
    const void *dout = strip_of(&ld_dout, x, x->dout, x->ld_out, r0, w->dout);
    asc_softmax_grad g = strip_at(k, w, i);
    for (size_t j = 0; j < end; j += k->nr) {
        k->tile_rows(g.s + j, LDP, q, ld_q, asc__operand(k, w->key_t, j * x->dk), x->dk, false, NULL);
        k->tile_rows(g.dp + j, LDP, dout, ld_dout, asc__operand(k, w->value_t, j * x->dk), x->dk, false, NULL);
    }
    visible_rows(seen, x, r0, c0, n_chunk);
    k->softmax_grad_rows(&g, seen, asc__round_up(end, k->mr), x->scale, x->lse + r0, w->D + r0);
    end = asc__round_up(end, k->k_unit);
    for (size_t j = 0; j < x->dp; j += k->nr)
        k->tile_rows(w->dq + j, x->dp, g.ds_rows, LDP, asc__operand(k, w->key_p, j * KB), end, false, NULL);
    for (size_t r = 0; r < k->mr && r0 + r < x->T; r++)
        k->copy_scaled(x->dq + (r0 + r) * x->ld, w->dq + r * x->dp, x->d, x->scale, c0 > 0);
}

/* rows (rows, d) as the packed right side of a product over them, filled up with zeros to whole strips. */
static void pack_block(const head *x, void *packed, const float *rows, size_t ld, size_t n, size_t n_padded)
{
    if (n < n_padded)
        memset(packed, 0, QB * x->dp * asc__operand_size(x->k));
    x->k->pack_b(packed, QB * x->k->nr, rows, ld, false, n, x->d);
}

/* Query rows q0 .. against the chunk of keys at c0: adds into the chunk's dK and dV. */
static void backward_block(const head *x, const backward_scratch *w, size_t q0, size_t c0, size_t n_chunk)
{
    const asc_kernels *k = x->k;
    size_t rows = min_size(QB, x->T - q0), rows_p = asc__round_up(rows, k->mr);
    pack_block(x, w->q_p, x->q + q0 * x->ld, x->ld, rows, rows_p);
    pack_block(x, w->dout_p, x->dout + q0 * x->ld_out, x->ld_out, rows, rows_p);
    for (size_t i = 0; i < rows_p; i += k->mr)
        backward_strip(x, w, q0, i, c0, n_chunk);
    for (size_t key = 0; key < n_chunk; key += k->mr) {
        /* rows above the diagonal have no probability on these keys; whole units, as strips begin on them */
        size_t first = x->causal && c0 + key > q0 ? c0 + key - q0 : 0;
        if (first >= rows_p)
            break;
        size_t at = first * LDP + key * k->k_unit;
        for (size_t j = 0; j < x->dp; j += k->nr) {
            size_t out = key * x->dp + j, b = j * QB + first * k->nr;
            k->tile_cols(w->dvalue + out, x->dp, asc__operand(k, w->p, at), LDP, asc__operand(k, w->dout_p, b),
                         rows_p - first, true, NULL);
            k->tile_cols(w->dkey + out, x->dp, asc__operand(k, w->ds, at), LDP, asc__operand(k, w->q_p, b),
                         rows_p - first, true, NULL);
        }
    }
}

/* Query head x against the chunk of keys at c0; D is made again for each chunk, which is little beside the products. */
static void backward_member(const head *x, const backward_scratch *w, size_t c0, size_t keys)
{
    size_t first = x->causal ? c0 / QB * QB : 0;
    for (size_t t = first; t < x->T; t++)
        w->D[t] = x->k->dot(x->dout + t * x->ld_out, x->out + t * x->ld_out, x->d);
    for (size_t q = first; q < x->T; q += QB)
        backward_block(x, w, q, c0, keys);
}

/* A group of query heads: chunk by chunk of their keys and values, whose gradients all of them add to. */
static void backward_group(const asc_kernels *k, const asc_attention *a, size_t index, const backward_scratch *w)
{
    head x = head_of(k, a, index, 0);
    for (size_t c0 = 0; c0 < x.T; c0 += KB) {
        size_t keys = min_size(KB, x.T - c0);
        assert(w->dkey && w->dvalue && x.dkey && x.dvalue);
        k->pack_b(w->key_t, x.dk * k->nr, x.key + c0 * x.ld, x.ld, true, x.d, keys);
        k->pack_b(w->value_t, x.dk * k->nr, x.value + c0 * x.ld, x.ld, true, x.d, keys);
        k->pack_b(w->key_p, KB * k->nr, x.key + c0 * x.ld, x.ld, false, keys, x.d);
        memset(w->dkey, 0, asc__round_up(keys, k->mr) * x.dp * sizeof(float));
        memset(w->dvalue, 0, asc__round_up(keys, k->mr) * x.dp * sizeof(float));
        for (size_t member = 0; member < group_size(a); member++) {
            head m = head_of(k, a, index, member);
            backward_member(&m, w, c0, keys);
        }
        for (size_t r = 0; r < keys; r++) {
            k->copy_scaled(x.dkey + (c0 + r) * x.ld, w->dkey + r * x.dp, x.d, x.scale, false);
            memcpy(x.dvalue + (c0 + r) * x.ld, w->dvalue + r * x.dp, x.d * sizeof(float));
        }
    }
}

void asc_attention_backward(const asc_kernels *k, const asc_attention *a, void *scratch, size_t part, size_t n_parts)
{
    assert(!a->by_head && a->dout && a->dqkv);
    if (k->reference) {
        asc__reference_attention_backward(a, part, n_parts);
        return;
    }
    layout at = {.base = scratch};
    backward_scratch w = backward_layout(k, (size_t)a->T, (size_t)a->d, &at);
    size_t begin, end;
    asc_part_range((size_t)a->B * kv_heads(a), 1, part, n_parts, &begin, &end);
    for (size_t i = begin; i < end; i++)
        backward_group(k, a, i, &w);
}
