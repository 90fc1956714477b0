#include "base/base.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* ---- the allocator: the C library's, or one that a caller brings before anything is allocated ---- */

static asc_allocator other; /* allocate NULL: none */
static atomic_bool allocated;

asc_status asc_set_allocator(const asc_allocator *allocator, asc_error *err)
{
    if (!allocator || !allocator->allocate || !allocator->reallocate || !allocator->release)
        return ASC_FAIL(err, ASC_EINVAL, "allocator: expected three functions, found NULL");
    if (atomic_load(&allocated))
        return ASC_FAIL(err, ASC_ESTATE,
                        "allocator: the library has already allocated memory; set the allocator first");
    other = *allocator;
    return ASC_OK;
}

static void mark(void)
{
    if (!atomic_load_explicit(&allocated, memory_order_relaxed))
        atomic_store(&allocated, true);
}

void *asc_malloc(size_t n)
{
    mark();
    if (asc_fault_hit(ASC_FAULT_ALLOC))
        return NULL;
    return other.allocate ? other.allocate(other.ctx, n ? n : 1) : malloc(n ? n : 1);
}

void *asc_calloc(size_t count, size_t size)
{
    size_t n;
    mark();
    if (asc_fault_hit(ASC_FAULT_ALLOC) || __builtin_mul_overflow(count, size, &n))
        return NULL;
    if (!other.allocate)
        return calloc(n ? n : 1, 1);
    void *p = other.allocate(other.ctx, n ? n : 1);
    return p ? memset(p, 0, n ? n : 1) : NULL;
}

void *asc_realloc(void *p, size_t n)
{
    mark();
    if (asc_fault_hit(ASC_FAULT_ALLOC))
        return NULL;
    if (!other.allocate)
        return realloc(p, n ? n : 1);
    return p ? other.reallocate(other.ctx, p, n ? n : 1) : other.allocate(other.ctx, n ? n : 1);
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
    if (!other.allocate)
        free(p);
    else if (p)
        other.release(other.ctx, p);
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

enum { ALIGNMENT = 64 };

/* From an allocator that knows no alignment: where the block begins stands in front of what is handed out. */
static void *align(void *block)
{
    char *p = (char *)block + sizeof block;
    p += (ALIGNMENT - (uintptr_t)p % ALIGNMENT) % ALIGNMENT;
    ((void **)(void *)p)[-1] = block;
    return p;
}

void *asc_aligned_alloc(size_t n)
{
    void *p = NULL;
    mark();
    if (asc_fault_hit(ASC_FAULT_ALLOC) || n > SIZE_MAX - 2 * ALIGNMENT - sizeof p)
        return NULL;
    n = n == 0 ? ALIGNMENT : (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!other.allocate)
        return posix_memalign(&p, ALIGNMENT, n) == 0 ? p : NULL;
    p = other.allocate(other.ctx, n + ALIGNMENT + sizeof p);
    return p ? align(p) : NULL;
}

void asc_aligned_free(void *p)
{
    if (!other.allocate)
        free(p);
    else if (p)
        other.release(other.ctx, ((void **)p)[-1]);
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

void asc_text_free(char *text)
{
    asc_free(text);
}
