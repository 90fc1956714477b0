/* A set of byte strings, each with a number, as a double array: one look-up per byte. */
#ifndef TRIE_H
#define TRIE_H

#include "base/base.h"

typedef struct asc__trie_key {
    const char *p;
    size_t n;      /* 1.. */
    int32_t value; /* 0.. */
} asc__trie_key;

typedef struct asc__trie {
    int32_t *base, *check, *value; /* (n) child of node s by byte c: base[s] + c, where check[] of that is s */
    size_t n, cap_base, cap_check, cap_value;
} asc__trie;

/** Keys are sorted in place; of equal ones the one with the largest value counts. */
asc_status asc__trie_build(asc__trie *out, asc__trie_key *keys, size_t n, asc_error *err);
void asc__trie_clear(asc__trie *t);

/** From a node (0: the root) by one byte; false: no key goes on like this. */
static inline bool asc__trie_step(const asc__trie *t, int32_t *node, uint8_t byte)
{
    size_t next = (size_t)t->base[*node] + byte;
    if (next >= t->n || t->check[next] != *node)
        return false;
    *node = (int32_t)next;
    return true;
}

#endif
