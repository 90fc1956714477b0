#include "base/base.h"

#include <stdlib.h>
#include <string.h>

void *asc_malloc(size_t n)
{
    return asc_fault_hit(ASC_FAULT_ALLOC) ? NULL : malloc(n ? n : 1);
}

void *asc_calloc(size_t count, size_t size)
{
    if (asc_fault_hit(ASC_FAULT_ALLOC))
        return NULL;
    return calloc(count ? count : 1, size ? size : 1);
}

void *asc_realloc(void *p, size_t n)
{
    return asc_fault_hit(ASC_FAULT_ALLOC) ? NULL : realloc(p, n ? n : 1);
}

void *asc_reallocarray(void *p, size_t count, size_t size)
{
    size_t n;
    if (__builtin_mul_overflow(count, size, &n))
        return NULL;
    return asc_realloc(p, n);
}

void asc_free(void *p)
{
    free(p);
}

char *asc_strdup(const char *s)
{
    return asc_strndup(s, strlen(s));
}

char *asc_strndup(const char *s, size_t n)
{
    size_t len = strnlen(s, n);
    char *out = asc_malloc(len + 1);
    if (!out)
        return NULL;
    memcpy(out, s, len);
    out[len] = 0;
    return out;
}

void *asc_aligned_alloc(size_t n)
{
    void *p = NULL;
    if (asc_fault_hit(ASC_FAULT_ALLOC) || n > SIZE_MAX - 64)
        return NULL;
    return posix_memalign(&p, 64, (n + 63) / 64 * 64 + (n == 0 ? 64 : 0)) == 0 ? p : NULL;
}

void asc_aligned_free(void *p)
{
    free(p);
}

/* ---- arena: a list of blocks, newest first; the head is the one being filled ---- */

struct asc_arena_block {
    struct asc_arena_block *next;
    size_t used, cap;
    size_t pad[5]; /* data starts on a 64-byte line */
    unsigned char data[];
};

void *asc_arena_alloc(asc_arena *a, size_t n)
{
    enum { MIN_BLOCK = 1 << 16 };
    if (n > SIZE_MAX / 2)
        return NULL;
    size_t need = (n + 63) / 64 * 64;
    struct asc_arena_block *b = a->head;
    if (!b || b->cap - b->used < need) {
        size_t cap = need > MIN_BLOCK ? need : MIN_BLOCK;
        b = asc_aligned_alloc(sizeof *b + cap);
        if (!b)
            return NULL;
        b->next = a->head;
        b->used = 0;
        b->cap = cap;
        a->head = b;
    }
    void *p = b->data + b->used;
    b->used += need;
    memset(p, 0, need);
    return p;
}

char *asc_arena_strdup(asc_arena *a, const char *s)
{
    size_t n = strlen(s) + 1;
    char *p = asc_arena_alloc(a, n);
    return p ? memcpy(p, s, n) : NULL;
}

void asc_arena_clear(asc_arena *a)
{
    if (!a)
        return;
    for (struct asc_arena_block *b = a->head, *next; b; b = next) {
        next = b->next;
        asc_aligned_free(b);
    }
    a->head = NULL;
}

void *asc_grow(void *p, size_t *cap, size_t need, size_t elem)
{
    if (need <= *cap && p)
        return p;
    size_t want = *cap ? *cap : 8;
    while (want < need) {
        if (want > SIZE_MAX / 2)
            return NULL;
        want *= 2;
    }
    void *q = asc_reallocarray(p, want, elem);
    if (q)
        *cap = want;
    return q;
}
