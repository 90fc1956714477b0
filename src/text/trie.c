#include "trie.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TAKEN = 1024 };

/* Keys lo..hi share their first `depth` bytes, which lead to `node`. */
struct task {
    int32_t node;
    size_t lo, hi, depth;
};

struct builder {
    asc__trie *t;
    const asc__trie_key *keys;
    struct task *tasks;
    size_t n_tasks, cap_tasks;
    size_t first_free;
};

static int cmp(const void *a, const void *b)
{
    const asc__trie_key *x = a, *y = b;
    size_t n = x->n < y->n ? x->n : y->n;
    int c = memcmp(x->p, y->p, n);
    if (c)
        return c;
    if (x->n != y->n)
        return x->n < y->n ? -1 : 1;
    return x->value < y->value ? 1 : x->value > y->value ? -1 : 0; /* the largest value first: it counts */
}

static bool equal(const asc__trie_key *a, const asc__trie_key *b)
{
    return a->n == b->n && memcmp(a->p, b->p, a->n) == 0;
}

/* Room for `need` places; new ones are free: check -1. */
static asc_status reserve(asc__trie *t, size_t need, asc_error *err)
{
    if (need <= t->n)
        return ASC_OK;
    if (need > INT32_MAX / 2)
        return ASC_FAIL(err, ASC_EINVAL, "too many tokens for one vocabulary");
    int32_t *base = asc_grow(t->base, &t->cap_base, need, sizeof *base);
    if (base)
        t->base = base;
    int32_t *check = asc_grow(t->check, &t->cap_check, need, sizeof *check);
    if (check)
        t->check = check;
    int32_t *value = asc_grow(t->value, &t->cap_value, need, sizeof *value);
    if (value)
        t->value = value;
    if (!base || !check || !value)
        return ASC_NOMEM(err);
    memset(t->base + t->n, 0, (need - t->n) * sizeof *base);
    memset(t->check + t->n, 0xff, (need - t->n) * sizeof *check);
    memset(t->value + t->n, 0xff, (need - t->n) * sizeof *value);
    t->n = need;
    return ASC_OK;
}

/* The first base at which all labels fall on free places. */
static asc_status find_base(struct builder *b, const uint8_t *labels, size_t n, size_t *found, asc_error *err)
{
    asc__trie *t = b->t;
    assert(n > 0);
    while (b->first_free < t->n && t->check[b->first_free] >= 0)
        b->first_free++;
    size_t from = b->first_free > labels[0] ? b->first_free - labels[0] : 1;
    for (size_t base = from, tried = 0, taken = 0;; base++) {
        ASC_TRY(reserve(t, base + 256, err));
        if (t->check[base + labels[0]] >= 0) {
            if (++taken >= MOST_TAKEN) /* nor is a full one: a token of 100,000 times one letter fills such */
                b->first_free = base + labels[0];
            continue;
        }
        size_t k = 1;
        while (k < n && t->check[base + labels[k]] < 0)
            k++;
        if (k == n) {
            *found = base;
            return ASC_OK;
        }
        if (++tried == 64) /* a crowded stretch is not searched again and again */
            b->first_free = base + labels[0];
    }
}

static asc_status push(struct builder *b, struct task task, asc_error *err)
{
    struct task *tasks = asc_grow(b->tasks, &b->cap_tasks, b->n_tasks + 1, sizeof *tasks);
    if (!tasks)
        return ASC_NOMEM(err);
    b->tasks = tasks;
    b->tasks[b->n_tasks++] = task;
    return ASC_OK;
}

static asc_status place(struct builder *b, struct task k, asc_error *err)
{
    uint8_t labels[256];
    size_t starts[257], n = 0, base;
    assert(k.lo < k.hi && k.node >= 0 && (size_t)k.node < b->t->n);
    if (b->keys[k.lo].n == k.depth) {
        b->t->value[k.node] = b->keys[k.lo].value;
        while (k.lo < k.hi && b->keys[k.lo].n == k.depth)
            k.lo++;
    }
    for (size_t i = k.lo; i < k.hi; i++) {
        uint8_t c = (uint8_t)b->keys[i].p[k.depth];
        if (n == 0 || labels[n - 1] != c) {
            labels[n] = c;
            starts[n++] = i;
        }
    }
    starts[n] = k.hi;
    assert(n <= 256);
    if (n == 0)
        return ASC_OK;
    ASC_TRY(find_base(b, labels, n, &base, err));
    b->t->base[k.node] = (int32_t)base;
    for (size_t i = 0; i < n; i++)
        b->t->check[base + labels[i]] = k.node;
    for (size_t i = n; i-- > 0;)
        ASC_TRY(push(b, (struct task){(int32_t)(base + labels[i]), starts[i], starts[i + 1], k.depth + 1}, err));
    return ASC_OK;
}

asc_status asc__trie_build(asc__trie *out, asc__trie_key *keys, size_t n, asc_error *err)
{
    asc__trie t = {0};
    struct builder b = {.t = &t, .keys = keys, .first_free = 1};
    size_t kept = 0;
    if (n)
        qsort(keys, n, sizeof *keys, cmp);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || !equal(&keys[kept - 1], &keys[i]))
            keys[kept++] = keys[i];
    asc_status st = reserve(&t, 257, err);
    if (st == ASC_OK) {
        t.check[0] = INT32_MAX; /* the root is nobody's child */
        if (kept)
            st = push(&b, (struct task){0, 0, kept, 0}, err);
    }
    while (st == ASC_OK && b.n_tasks > 0)
        st = place(&b, b.tasks[--b.n_tasks], err);
    asc_free(b.tasks);
    if (st != ASC_OK) {
        asc__trie_clear(&t);
        return st;
    }
    *out = t;
    return ASC_OK;
}

void asc__trie_clear(asc__trie *t)
{
    asc_free(t->base);
    asc_free(t->check);
    asc_free(t->value);
    *t = (asc__trie){0};
}
