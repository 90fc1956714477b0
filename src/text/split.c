/* Content hashes, the cutting of long documents, and which text is held out: pure functions of the text. */
#include "corpus.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- hashes ---- */

void asc__content_hash(uint8_t *out, const char *text, size_t n)
{
    asc_sha256 s;
    uint8_t digest[32];
    asc_sha256_init(&s);
    asc_sha256_update(&s, text, n);
    asc_sha256_final(&s, digest);
    memcpy(out, digest, ASC__HASH_BYTES);
}

void asc__hash_set_clear(asc__hash_set *s)
{
    asc_free(s->slots);
    *s = (asc__hash_set){0};
}

static const uint8_t empty[ASC__HASH_BYTES];

static uint8_t *slot_of(const asc__hash_set *s, const uint8_t *hash)
{
    uint64_t h;
    assert(s->n_slots > s->n && (s->n_slots & (s->n_slots - 1)) == 0); /* a search ends at an empty slot */
    memcpy(&h, hash, sizeof h);
    for (size_t i = (size_t)h & (s->n_slots - 1);; i = (i + 1) & (s->n_slots - 1)) {
        uint8_t *p = s->slots + i * ASC__HASH_BYTES;
        if (memcmp(p, hash, ASC__HASH_BYTES) == 0 || memcmp(p, empty, ASC__HASH_BYTES) == 0)
            return p;
    }
}

bool asc__hash_set_has(const asc__hash_set *s, const uint8_t *hash)
{
    return s->n_slots && memcmp(slot_of(s, hash), hash, ASC__HASH_BYTES) == 0;
}

static asc_status grow(asc__hash_set *s, asc_error *err)
{
    asc__hash_set g = {.n_slots = s->n_slots ? s->n_slots * 2 : 1 << 12};
    g.slots = asc_calloc(g.n_slots, ASC__HASH_BYTES);
    if (!g.slots)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < s->n_slots; i++) {
        const uint8_t *p = s->slots + i * ASC__HASH_BYTES;
        if (memcmp(p, empty, ASC__HASH_BYTES) != 0)
            memcpy(slot_of(&g, p), p, ASC__HASH_BYTES);
    }
    g.n = s->n;
    asc_free(s->slots);
    *s = g;
    return ASC_OK;
}

asc_status asc__hash_set_add(asc__hash_set *s, const uint8_t *hash, bool *fresh, asc_error *err)
{
    if (3 * (s->n + 1) > 2 * s->n_slots)
        ASC_TRY(grow(s, err));
    uint8_t *p = slot_of(s, hash);
    *fresh = memcmp(p, hash, ASC__HASH_BYTES) != 0;
    if (*fresh) {
        memcpy(p, hash, ASC__HASH_BYTES);
        s->n++;
    }
    return ASC_OK;
}

/* ---- cutting ---- */

size_t asc__n_pieces(size_t n, size_t piece_bytes)
{
    return piece_bytes == 0 || n <= piece_bytes ? 1 : (n + piece_bytes - 1) / piece_bytes;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* Nearest to `want` within `reach`: behind a line's end, else in front of white space, else between characters. */
static size_t boundary(const char *text, size_t n, size_t want, size_t reach)
{
    assert(reach <= want && want < n);
    for (size_t d = 0; d < reach; d++) {
        if (text[want - d - 1] == '\n')
            return want - d;
        if (want + d < n && text[want + d - 1] == '\n')
            return want + d;
    }
    for (size_t d = 0; d < reach; d++) {
        if (is_blank(text[want - d]))
            return want - d;
        if (want + d < n && is_blank(text[want + d]))
            return want + d;
    }
    for (size_t d = 0; d < 3 && ((uint8_t)text[want] & 0xc0) == 0x80; d++)
        want--;
    return want;
}

size_t asc__cut(const char *text, size_t n, size_t piece_bytes, size_t *ends, size_t max_ends)
{
    size_t k = asc__n_pieces(n, piece_bytes);
    assert(max_ends > 0);
    if (k > max_ends)
        k = max_ends;
    for (size_t i = 0; i + 1 < k; i++) {
        size_t want = (size_t)((unsigned __int128)n * (i + 1) / k);
        ends[i] = boundary(text, n, want, piece_bytes / 8); /* pieces are longer than piece_bytes / 2 */
    }
    ends[k - 1] = n;
    return k;
}

size_t asc__cut_ids(size_t n_bytes, size_t piece_bytes, size_t *ends, size_t max_ends)
{
    size_t k = asc__n_pieces(n_bytes, piece_bytes), n = n_bytes / sizeof(int32_t);
    assert(max_ends > 0 && n_bytes % sizeof(int32_t) == 0);
    if (k > max_ends)
        k = max_ends;
    for (size_t i = 0; i < k; i++)
        ends[i] = (size_t)((unsigned __int128)n * (i + 1) / k) * sizeof(int32_t);
    return k;
}

/* ---- holding out ---- */

int64_t asc__valid_bytes(int64_t n_bytes, int64_t valid_tokens)
{
    double wanted = (double)valid_tokens * ASC__NOMINAL_BYTES_PER_TOKEN;
    double least = ASC__VALID_LEAST * (double)n_bytes, most = ASC__VALID_MOST * (double)n_bytes;
    return (int64_t)(wanted < least ? least : wanted > most ? most : wanted);
}

static int cmp_hash(const void *a, const void *b, void *units)
{
    const asc__unit *u = units;
    size_t i = *(const size_t *)a, k = *(const size_t *)b;
    int c = memcmp(u[i].hash, u[k].hash, ASC__HASH_BYTES);
    return c ? c : (i > k) - (i < k);
}

/* Indices of the units in one state, in hash order. */
static asc_status in_hash_order(size_t **out, size_t *n, asc__source *s, asc__unit_state state, asc_error *err)
{
    size_t *order = asc_reallocarray(NULL, s->n_units + 1, sizeof *order), k = 0;
    if (!order)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < s->n_units; i++)
        if (s->units[i].state == state)
            order[k++] = i;
    qsort_r(order, k, sizeof *order, cmp_hash, s->units);
    *out = order;
    *n = k;
    return ASC_OK;
}

/* Twice the bytes that the tokens can be expected to take are enough to look at. */
asc_status asc__mark_candidates(asc__source *s, int64_t valid_tokens, asc_error *err)
{
    size_t *order = NULL, n = 0;
    ASC_TRY(in_hash_order(&order, &n, s, ASC__UNIT_TRAIN, err));
    double most = ASC__VALID_MOST * (double)s->n_bytes, least = ASC__VALID_LEAST * (double)s->n_bytes, bytes = 0;
    double enough = (double)valid_tokens * 4 * ASC__NOMINAL_BYTES_PER_TOKEN;
    size_t k = 0;
    while (k < n && bytes < (enough > least ? enough : least) && bytes + s->units[order[k]].n_bytes <= most) {
        bytes += s->units[order[k]].n_bytes;
        s->units[order[k++]].state = ASC__UNIT_CANDIDATE;
    }
    /* Equal pieces stay on one side. */
    while (k > 0 && k < n && memcmp(s->units[order[k]].hash, s->units[order[k - 1]].hash, ASC__HASH_BYTES) == 0)
        s->units[order[--k]].state = ASC__UNIT_TRAIN;
    asc_free(order);
    if (k == 0)
        return ASC_FAIL(err, ASC_EINVAL,
                        "domain %s: %lld bytes of text are too few to hold some out; give files under 'valid'",
                        s->domain->name, (long long)s->n_bytes);
    return ASC_OK;
}

asc_status asc__hold_out(asc__source *s, int64_t valid_tokens, asc_error *err)
{
    assert(s->unit_tokens);
    size_t *order = NULL, n = 0;
    ASC_TRY(in_hash_order(&order, &n, s, ASC__UNIT_CANDIDATE, err));
    double least = ASC__VALID_LEAST * (double)s->n_bytes, bytes = 0;
    int64_t tokens = 0;
    for (size_t k = 0; k < n; k++) {
        asc__unit *u = &s->units[order[k]];
        bool equal = k > 0 && memcmp(u->hash, s->units[order[k - 1]].hash, ASC__HASH_BYTES) == 0 &&
                     s->units[order[k - 1]].state == ASC__UNIT_HELD;
        bool held = equal || tokens < valid_tokens || bytes < least;
        u->state = held ? ASC__UNIT_HELD : ASC__UNIT_TRAIN;
        tokens += held ? s->unit_tokens[order[k]] : 0;
        bytes += held ? u->n_bytes : 0;
    }
    asc_free(order);
    return ASC_OK;
}

void asc__note_held(asc__source *s)
{
    const uint8_t *most = NULL;
    for (size_t u = 0; u < s->n_units; u++)
        if (s->units[u].state == ASC__UNIT_HELD && (!most || memcmp(s->units[u].hash, most, ASC__HASH_BYTES) > 0))
            most = s->units[u].hash;
    if (most)
        asc_hex(s->report->held_to, most, ASC__HASH_BYTES);
}
