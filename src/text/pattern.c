/*
 * Pre-tokenization patterns by a matcher of ours. An expression becomes a graph of nodes with their continuations;
 * each set of characters in it is one bit of a table over all code points, so that a run of a set is one look-up per
 * character. Backtracking only happens where a greedy run gives characters back: \s+(?!\S) is the usual case. Byte
 * tables say which alternatives can begin with an ASCII character.
 */
#include "pattern.h"
#include "unicode.h"

#include <string.h>

enum { MAX_SETS = 16, MAX_NODES = 400, MAX_BRANCHES = 32, MAX_DEPTH = 20, ACCEPT = -1, INF = INT32_MAX };

enum kind { CHAR, SET, SEQUENCE, ALTERNATIVES, OPTIONAL, AHEAD, END };

struct node {
    enum kind kind;
    bool fold;       /* CHAR: ASCII letters of either case */
    bool possessive; /* SET */
    bool negative;   /* AHEAD */
    uint32_t c;      /* CHAR */
    uint16_t bit;    /* SET */
    int32_t least, most;
    int child, sibling; /* SEQUENCE, ALTERNATIVES, OPTIONAL, AHEAD: the first child and its next; -1: none */
    int entry, next;    /* after linking: first node of the child; what follows this one */
};

enum { BLOCKS = 0x110000 >> 8 };

struct asc__pattern {
    struct node nodes[MAX_NODES];
    int n_nodes, root;
    int branches[MAX_BRANCHES]; /* entries of the top alternatives */
    int n_branches;
    uint32_t first[256]; /* which of them may begin with this byte */
    uint16_t ascii[128];
    uint16_t block[BLOCKS];
    uint16_t (*bits)[256];
};

/* ---- parsing ---- */

struct parser {
    asc__pattern *g;
    const char *p, *end;
    bool fold, other, oom; /* other: not one of ours */
    int depth;
    asc__ranges sets[MAX_SETS];
    int n_sets;
};

static int give_up(struct parser *s)
{
    s->other = true;
    return -1;
}

static int new_node(struct parser *s, enum kind kind)
{
    if (s->g->n_nodes == MAX_NODES)
        return give_up(s);
    s->g->nodes[s->g->n_nodes] =
        (struct node){.kind = kind, .least = 1, .most = 1, .child = -1, .sibling = -1, .entry = ACCEPT, .next = ACCEPT};
    return s->g->n_nodes++;
}

static bool equal(const asc__ranges *a, const asc__ranges *b)
{
    return a->n == b->n && (a->n == 0 || memcmp(a->r, b->r, a->n * sizeof *a->r) == 0);
}

/* A node of a settled set; the set is taken over. */
static int set_node(struct parser *s, asc__ranges *set)
{
    int id = new_node(s, SET), k = 0;
    s->oom = s->oom || set->oom;
    while (k < s->n_sets && !equal(&s->sets[k], set))
        k++;
    if (k == MAX_SETS || s->oom)
        s->other = true;
    if (k < s->n_sets || s->other)
        asc__ranges_clear(set);
    else
        s->sets[s->n_sets++] = *set;
    if (id >= 0)
        s->g->nodes[id].bit = (uint16_t)(1u << (k & 15));
    return id;
}

static bool is_letter(uint32_t c)
{
    return (c | 32) >= 'a' && (c | 32) <= 'z' && c < 128;
}

/* A character and, under (?i:), the others that fold to it. */
static void add_folded(struct parser *s, asc__ranges *set, uint32_t c)
{
    asc__ranges_add(set, c, c);
    if (!s->fold)
        return;
    if (c >= 128)
        give_up(s);
    if (!is_letter(c))
        return;
    asc__ranges_add(set, c ^ 32, c ^ 32);
    if ((c | 32) == 's')
        asc__ranges_add(set, 0x17f, 0x17f);
    if ((c | 32) == 'k')
        asc__ranges_add(set, 0x212a, 0x212a);
}

static int32_t hex_digits(struct parser *s, size_t most, bool braced)
{
    int32_t c = 0;
    size_t n = 0;
    for (; s->p < s->end && n < most; s->p++, n++) {
        const char *digits = "0123456789abcdef", *d = strchr(digits, *s->p | (*s->p > '9' ? 32 : 0));
        if (!d || !*s->p)
            break;
        c = c * 16 + (int32_t)(d - digits);
    }
    if (braced && (s->p == s->end || *s->p++ != '}'))
        n = 0;
    return n && c <= 0x10ffff ? c : give_up(s);
}

/* After the backslash: a character; -1 when it is none. */
static int32_t escaped_char(struct parser *s)
{
    char c = *s->p++;
    switch (c) {
    case 'r':
        return '\r';
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case 'f':
        return '\f';
    case 'v':
        return '\v';
    case 'u':
        return hex_digits(s, 4, false);
    case 'x':
        if (s->p < s->end && *s->p == '{') {
            s->p++;
            return hex_digits(s, 6, true);
        }
        return hex_digits(s, 2, false);
    default:
        return is_letter((uint8_t)c) || (c >= '0' && c <= '9') || (c & 0x80) ? give_up(s) : c;
    }
}

/* \p{..}, \P{..}, \s and the like, after the backslash; false: something else stands here. */
static bool escaped_set(struct parser *s, asc__ranges *set, bool in_class)
{
    char c = *s->p;
    if (c != 'p' && c != 'P') {
        if (!asc__ranges_add_escape(set, c, in_class))
            return false;
        s->p++;
        return true;
    }
    const char *open = s->p + 1, *close = memchr(s->p, '}', (size_t)(s->end - s->p));
    asc__ranges own = {0};
    if (open >= s->end || *open != '{' || !close) {
        give_up(s);
        return true;
    }
    bool negative = c == 'P';
    open++;
    if (*open == '^') {
        negative = !negative;
        open++;
    }
    if (s->fold || !asc__ranges_add_category(&own, open, (size_t)(close - open)))
        give_up(s);
    asc__ranges_settle(&own, negative);
    for (size_t i = 0; i < own.n; i++)
        asc__ranges_add(set, own.r[i][0], own.r[i][1]);
    set->oom = set->oom || own.oom;
    asc__ranges_clear(&own);
    s->p = close + 1;
    return true;
}

static int32_t plain_char(struct parser *s)
{
    size_t len;
    int32_t c = asc__utf8_decode((const uint8_t *)s->p, (const uint8_t *)s->end, &len);
    s->p += len;
    return c < 0 ? give_up(s) : c;
}

static int32_t class_char(struct parser *s)
{
    if (*s->p != '\\')
        return plain_char(s);
    s->p++;
    return s->p < s->end ? escaped_char(s) : give_up(s);
}

static void parse_class(struct parser *s, asc__ranges *set);

/* One item of [...]: a nested class, a set, a character or a range. */
static void parse_class_item(struct parser *s, asc__ranges *set)
{
    if (*s->p == '[') {
        if (s->p + 1 < s->end && s->p[1] == ':') {
            give_up(s);
            return;
        }
        asc__ranges inner = {0};
        parse_class(s, &inner);
        for (size_t i = 0; i < inner.n; i++)
            asc__ranges_add(set, inner.r[i][0], inner.r[i][1]);
        asc__ranges_clear(&inner);
        return;
    }
    if (*s->p == '&' && s->p + 1 < s->end && s->p[1] == '&') {
        give_up(s);
        return;
    }
    if (*s->p == '\\' && s->p + 1 < s->end) {
        s->p++;
        if (escaped_set(s, set, true))
            return;
        s->p--;
    }
    int32_t first = class_char(s);
    if (first < 0)
        return;
    if (s->end - s->p < 2 || *s->p != '-' || s->p[1] == ']') {
        add_folded(s, set, (uint32_t)first);
        return;
    }
    s->p++;
    int32_t last = *s->p == '[' ? give_up(s) : class_char(s);
    if (last < first || s->fold)
        give_up(s);
    else
        asc__ranges_add(set, (uint32_t)first, (uint32_t)last);
}

/* From '[' to behind its ']'. */
static void parse_class(struct parser *s, asc__ranges *set)
{
    if (++s->depth > MAX_DEPTH)
        give_up(s);
    s->p++;
    bool negative = s->p < s->end && *s->p == '^';
    s->p += negative;
    if (s->p < s->end && (*s->p == ']' || *s->p == '-'))
        give_up(s);
    while (!s->other && s->p < s->end && *s->p != ']')
        parse_class_item(s, set);
    if (s->p == s->end)
        give_up(s);
    else
        s->p++;
    asc__ranges_settle(set, negative);
    s->depth--;
}

static int parse_alternatives(struct parser *s);

static bool starts(const struct parser *s, const char *with)
{
    size_t n = strlen(with);
    return (size_t)(s->end - s->p) >= n && memcmp(s->p, with, n) == 0;
}

/* Pairs of letters that one character may fold to, as in (?i:ss): left to Oniguruma. */
static bool folds_together(const struct parser *s)
{
    static const char *const pairs[] = {"ss", "st", "ff", "fi", "fl"};
    for (const char *p = s->p; p + 1 < s->end && *p != ')'; p++)
        for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
            if ((p[0] | 32) == pairs[i][0] && (p[1] | 32) == pairs[i][1])
                return true;
    return false;
}

static int parse_group(struct parser *s)
{
    bool before = s->fold, ahead = false, negative = false;
    if (starts(s, "(?:"))
        s->p += 3;
    else if (starts(s, "(?i:")) {
        s->p += 4;
        s->fold = true;
        if (folds_together(s))
            return give_up(s);
    } else if (starts(s, "(?!") || starts(s, "(?=")) {
        ahead = true;
        negative = s->p[2] == '!';
        s->p += 3;
    } else if (starts(s, "(?"))
        return give_up(s);
    else
        s->p++;
    int inner = parse_alternatives(s);
    s->fold = before;
    if (s->other || s->p == s->end || *s->p != ')')
        return give_up(s);
    s->p++;
    if (!ahead)
        return inner;
    int id = new_node(s, AHEAD);
    if (id >= 0) {
        s->g->nodes[id].child = inner;
        s->g->nodes[id].negative = negative;
    }
    return id;
}

static int parse_set(struct parser *s)
{
    asc__ranges set = {0};
    if (*s->p == '[')
        parse_class(s, &set);
    else if (*s->p == '.') {
        asc__ranges_add(&set, '\n', '\n');
        asc__ranges_settle(&set, true);
        s->p++;
    } else
        asc__ranges_settle(&set, false);
    return set_node(s, &set);
}

static int char_node(struct parser *s, int32_t c)
{
    int id = c < 0 ? -1 : new_node(s, CHAR);
    if (id >= 0) {
        s->g->nodes[id].c = (uint32_t)c;
        s->g->nodes[id].fold = s->fold && is_letter((uint32_t)c);
        if (s->fold && c >= 128)
            give_up(s);
    }
    return id;
}

static int parse_escape(struct parser *s)
{
    asc__ranges set = {0};
    if (++s->p == s->end)
        return give_up(s);
    if (*s->p == 'z') {
        s->p++;
        return new_node(s, END);
    }
    if (!escaped_set(s, &set, false))
        return char_node(s, escaped_char(s));
    asc__ranges_settle(&set, false);
    return set_node(s, &set);
}

static int parse_atom(struct parser *s)
{
    switch (*s->p) {
    case '(':
        return parse_group(s);
    case '[':
    case '.':
        return parse_set(s);
    case '\\':
        return parse_escape(s);
    case '^':
    case '$':
    case '*':
    case '+':
    case '?':
    case '{':
    case ')':
        return give_up(s);
    default:
        return char_node(s, plain_char(s));
    }
}

static bool read_count(struct parser *s, int32_t *n)
{
    const char *before = s->p;
    for (*n = 0; s->p < s->end && *s->p >= '0' && *s->p <= '9' && *n < 100000; s->p++)
        *n = *n * 10 + (*s->p - '0');
    return s->p > before;
}

/* {n}, {n,}, {n,m}, ?, *, +, and what may stand behind; false: no quantifier. */
static bool parse_quantifier(struct parser *s, int32_t *least, int32_t *most, bool *possessive)
{
    char c = *s->p;
    if (c != '?' && c != '*' && c != '+' && c != '{')
        return false;
    s->p++;
    *least = c == '+';
    *most = c == '?' ? 1 : INF;
    if (c == '{') {
        if (!read_count(s, least))
            give_up(s);
        *most = *least;
        if (s->p < s->end && *s->p == ',') {
            s->p++;
            if (!read_count(s, most))
                *most = INF;
        }
        if (s->p == s->end || *s->p++ != '}' || *most < *least || *most == 0)
            give_up(s);
    }
    *possessive = c != '{' && s->p < s->end && *s->p == '+';
    s->p += *possessive;
    if (s->p < s->end && strchr("?*+{", *s->p) && *s->p)
        give_up(s); /* lazy, or doubled */
    return true;
}

/* A single character that is repeated is a set of one. */
static int to_set(struct parser *s, int id)
{
    asc__ranges set = {0};
    bool before = s->fold;
    s->fold = s->g->nodes[id].fold;
    add_folded(s, &set, s->g->nodes[id].c);
    s->fold = before;
    asc__ranges_settle(&set, false);
    return set_node(s, &set);
}

static int parse_item(struct parser *s)
{
    int id = parse_atom(s);
    int32_t least, most;
    bool possessive;
    if (id < 0 || s->p == s->end || !parse_quantifier(s, &least, &most, &possessive))
        return id;
    enum kind kind = s->g->nodes[id].kind;
    if (kind == CHAR)
        id = to_set(s, id);
    if (kind == CHAR || kind == SET) {
        if (id >= 0) {
            s->g->nodes[id].least = least;
            s->g->nodes[id].most = most;
            s->g->nodes[id].possessive = possessive;
        }
        return id;
    }
    int optional = least == 0 && most == 1 && !possessive && kind != AHEAD && kind != END ? new_node(s, OPTIONAL) : -1;
    if (optional < 0)
        return give_up(s);
    s->g->nodes[optional].child = id;
    return optional;
}

static int parse_sequence(struct parser *s)
{
    int id = new_node(s, SEQUENCE), last = -1;
    while (!s->other && s->p < s->end && *s->p != '|' && *s->p != ')') {
        int item = parse_item(s);
        if (item < 0 || id < 0)
            return give_up(s);
        if (last < 0)
            s->g->nodes[id].child = item;
        else
            s->g->nodes[last].sibling = item;
        last = item;
    }
    return id;
}

static int parse_alternatives(struct parser *s)
{
    if (++s->depth > MAX_DEPTH)
        return give_up(s);
    int id = new_node(s, ALTERNATIVES), last = -1;
    for (;;) {
        int one = parse_sequence(s);
        if (one < 0 || id < 0)
            return give_up(s);
        if (last < 0)
            s->g->nodes[id].child = one;
        else
            s->g->nodes[last].sibling = one;
        last = one;
        if (s->p == s->end || *s->p != '|')
            break;
        s->p++;
    }
    s->depth--;
    return id;
}

/* ---- linking: what follows each node ---- */

static int link_node(asc__pattern *g, int id, int next);

static int link_sequence(asc__pattern *g, int child, int next)
{
    if (child < 0)
        return next;
    return link_node(g, child, link_sequence(g, g->nodes[child].sibling, next));
}

static int link_node(asc__pattern *g, int id, int next)
{
    struct node *k = &g->nodes[id];
    if (k->kind == SEQUENCE)
        return link_sequence(g, k->child, next);
    k->next = next;
    if (k->kind == ALTERNATIVES)
        for (int c = k->child; c >= 0; c = g->nodes[c].sibling)
            g->nodes[c].entry = link_sequence(g, g->nodes[c].child, next);
    else if (k->kind == OPTIONAL)
        k->entry = link_node(g, k->child, next);
    else if (k->kind == AHEAD)
        k->entry = link_node(g, k->child, ACCEPT);
    return id;
}

/* Whether a match from this node on may be empty. */
static bool may_be_empty(const asc__pattern *g, int id)
{
    if (id == ACCEPT)
        return true;
    const struct node *k = &g->nodes[id];
    switch (k->kind) {
    case CHAR:
        return false;
    case SET:
        return k->least == 0 && may_be_empty(g, k->next);
    case OPTIONAL:
        return may_be_empty(g, k->entry) || may_be_empty(g, k->next);
    case ALTERNATIVES:
        for (int c = k->child; c >= 0; c = g->nodes[c].sibling)
            if (may_be_empty(g, g->nodes[c].entry))
                return true;
        return false;
    default:
        return may_be_empty(g, k->next);
    }
}

static bool char_is(const struct node *k, uint8_t byte)
{
    return k->c < 128 && (byte == k->c || (k->fold && (byte | 32u) == (k->c | 32)));
}

static bool may_begin(const asc__pattern *g, int id, uint8_t byte)
{
    if (id == ACCEPT)
        return true;
    const struct node *k = &g->nodes[id];
    switch (k->kind) {
    case CHAR:
        return char_is(k, byte);
    case SET:
        return g->ascii[byte] & k->bit || (k->least == 0 && may_begin(g, k->next, byte));
    case OPTIONAL:
        return may_begin(g, k->entry, byte) || may_begin(g, k->next, byte);
    case ALTERNATIVES:
        for (int c = k->child; c >= 0; c = g->nodes[c].sibling)
            if (may_begin(g, g->nodes[c].entry, byte))
                return true;
        return false;
    default:
        return true;
    }
}

/* ---- the table of sets ---- */

static void paint(uint16_t *block, uint32_t first, const asc__ranges *set, uint16_t bit, size_t *at)
{
    for (; *at < set->n; ++*at) {
        uint32_t lo = set->r[*at][0], hi = set->r[*at][1];
        if (lo > first + 255)
            return;
        for (uint32_t c = lo > first ? lo : first; c <= hi && c <= first + 255; c++)
            block[c - first] |= bit;
        if (hi > first + 255)
            return;
    }
}

/* Is every character of a block in the same sets, as in nearly all of the 4352? Then which. */
static bool is_uniform(const struct parser *s, uint32_t first, size_t *at, uint16_t *bits)
{
    *bits = 0;
    for (int i = 0; i < s->n_sets; i++) {
        const asc__ranges *set = &s->sets[i];
        while (at[i] < set->n && set->r[at[i]][1] < first)
            at[i]++;
        if (at[i] == set->n || set->r[at[i]][0] > first + 255)
            continue;
        if (set->r[at[i]][0] > first || set->r[at[i]][1] < first + 255)
            return false;
        *bits |= (uint16_t)(1u << i);
    }
    return true;
}

/* The place of a block among those kept; a new one is added. */
static asc_status keep_block(asc__pattern *g, uint64_t *hashes, size_t *n, size_t *cap, const uint16_t *block,
                             size_t *at, asc_error *err)
{
    uint64_t hash = asc_hash64(block, sizeof *g->bits, 0);
    for (*at = *n; *at > 0; --*at)
        if (hashes[*at - 1] == hash && memcmp(g->bits[*at - 1], block, sizeof *g->bits) == 0)
            break;
    if (*at > 0) {
        --*at;
        return ASC_OK;
    }
    uint16_t(*bits)[256] = asc_grow(g->bits, cap, *n + 1, sizeof *bits);
    if (!bits)
        return ASC_NOMEM(err);
    g->bits = bits;
    memcpy(g->bits[*n], block, sizeof *g->bits);
    hashes[*n] = hash;
    *at = (*n)++;
    return ASC_OK;
}

static asc_status build_table(asc__pattern *g, const struct parser *s, asc_error *err)
{
    size_t at[MAX_SETS] = {0}, n = 0, cap = 0, place = 0;
    uint64_t *hashes = asc_reallocarray(NULL, BLOCKS, sizeof *hashes);
    asc_status st = hashes ? ASC_OK : ASC_NOMEM(err);
    int32_t before = -1; /* the sets of the block before, if all of its characters are in the same */
    for (uint32_t b = 0; b < BLOCKS && st == ASC_OK; b++) {
        uint16_t bits;
        int32_t now = is_uniform(s, b << 8, at, &bits) ? bits : -1;
        if (now < 0 || now != before) {
            uint16_t block[256] = {0};
            for (int i = 0; i < s->n_sets; i++)
                paint(block, b << 8, &s->sets[i], (uint16_t)(1u << i), &at[i]);
            st = keep_block(g, hashes, &n, &cap, block, &place, err);
        }
        before = now;
        g->block[b] = (uint16_t)place;
    }
    asc_free(hashes);
    if (st == ASC_OK)
        memcpy(g->ascii, g->bits[g->block[0]], sizeof g->ascii);
    return st;
}

static asc_status finish(asc__pattern *g, struct parser *s, asc_error *err)
{
    ASC_TRY(build_table(g, s, err));
    link_node(g, g->root, ACCEPT);
    for (int c = g->nodes[g->root].child; c >= 0; c = g->nodes[c].sibling) {
        if (g->n_branches == MAX_BRANCHES || may_be_empty(g, g->nodes[c].entry)) {
            s->other = true;
            return ASC_OK;
        }
        for (unsigned byte = 0; byte < 256; byte++)
            if (byte >= 128 || may_begin(g, g->nodes[c].entry, (uint8_t)byte))
                g->first[byte] |= 1u << g->n_branches;
        g->branches[g->n_branches++] = g->nodes[c].entry;
    }
    return ASC_OK;
}

asc_status asc__pattern_compile(asc__pattern **out, const char *text, size_t n, asc_error *err)
{
    asc__pattern *g = asc_calloc(1, sizeof *g);
    if (!g)
        return ASC_NOMEM(err);
    struct parser s = {.g = g, .p = text, .end = text + n};
    g->root = parse_alternatives(&s);
    if (s.p != s.end)
        s.other = true;
    asc_status st = s.oom ? ASC_NOMEM(err) : s.other ? ASC_OK : finish(g, &s, err);
    for (int i = 0; i < s.n_sets; i++)
        asc__ranges_clear(&s.sets[i]);
    if (st != ASC_OK || s.other) {
        asc__pattern_free(g);
        g = NULL;
    }
    if (st == ASC_OK)
        *out = g;
    return st;
}

void asc__pattern_free(asc__pattern *g)
{
    if (!g)
        return;
    asc_free(g->bits);
    asc_free(g);
}

/* ---- matching ---- */

static unsigned wide_bits(const asc__pattern *g, const uint8_t *p, const uint8_t *end, size_t *len)
{
    int32_t c = asc__utf8_decode(p, end, len);
    uint32_t u = c < 0 ? 0xfffd : (uint32_t)c;
    return g->bits[g->block[u >> 8]][u & 255];
}

/* The end of the run of at most `most` characters of a set. */
static const uint8_t *run(const asc__pattern *g, const uint8_t *p, const uint8_t *end, unsigned bit, int32_t most,
                          int32_t *count)
{
    int32_t n = 0;
    while (p < end && n < most) {
        size_t len = 1;
        if (!((*p < 128 ? g->ascii[*p] : wide_bits(g, p, end, &len)) & bit))
            break;
        p += len;
        n++;
    }
    *count = n;
    return p;
}

/* The character before q, not before p: the longest that ends there. */
static const uint8_t *back(const uint8_t *p, const uint8_t *q, const uint8_t *end)
{
    for (ptrdiff_t k = q - p < 4 ? q - p : 4; k > 1; k--) {
        size_t len;
        if (q[-k] >= 0xc2 && asc__utf8_decode(q - k, end, &len) >= 0 && (ptrdiff_t)len == k)
            return q - k;
    }
    return q - 1;
}

static const uint8_t *match_char(const struct node *k, const uint8_t *p, const uint8_t *end)
{
    if (p == end)
        return NULL;
    if (*p < 128)
        return char_is(k, *p) ? p + 1 : NULL;
    size_t len;
    int32_t c = asc__utf8_decode(p, end, &len);
    bool folds = k->fold && ((c == 0x17f && (k->c | 32) == 's') || (c == 0x212a && (k->c | 32) == 'k'));
    return c >= 0 && ((uint32_t)c == k->c || folds) ? p + len : NULL;
}

/* A search: a pattern that goes back and forth without end is given up, as Oniguruma gives it up. */
enum { MAX_STEPS = 10000000 };

struct search {
    const asc__pattern *g;
    const uint8_t *end;
    int steps;
};

static const uint8_t *match(struct search *s, int id, const uint8_t *p);

/* A run as long as it can be, given back character by character while what follows does not match. */
static const uint8_t *match_run(struct search *s, const struct node *k, const uint8_t *p)
{
    int32_t n;
    const uint8_t *q = run(s->g, p, s->end, k->bit, k->most, &n);
    for (; n >= k->least; n--) {
        const uint8_t *r = match(s, k->next, q);
        if (r || n == 0 || k->possessive || ++s->steps > MAX_STEPS)
            return r;
        q = back(p, q, s->end);
    }
    return NULL;
}

static const uint8_t *match(struct search *s, int id, const uint8_t *p)
{
    const asc__pattern *g = s->g;
    const uint8_t *end = s->end;
    const uint8_t *r;
    while (id != ACCEPT) {
        const struct node *k = &g->nodes[id];
        switch (k->kind) {
        case CHAR:
            if (!(p = match_char(k, p, end)))
                return NULL;
            break;
        case SET:
            if (k->next != ACCEPT && (k->least != 1 || k->most != 1))
                return match_run(s, k, p);
            int32_t n;
            p = run(g, p, end, k->bit, k->most, &n);
            if (n < k->least)
                return NULL;
            break;
        case ALTERNATIVES:
            for (int c = k->child; c >= 0; c = g->nodes[c].sibling)
                if ((r = match(s, g->nodes[c].entry, p)))
                    return r;
            return NULL;
        case OPTIONAL:
            if ((r = match(s, k->entry, p)))
                return r;
            break;
        case AHEAD:
            if (!match(s, k->entry, p) != k->negative)
                return NULL;
            break;
        case END:
            if (p != end)
                return NULL;
            break;
        default:
            return NULL;
        }
        id = k->next;
    }
    return p;
}

int asc__pattern_find(const asc__pattern *g, const uint8_t *p, const uint8_t *end, const uint8_t **from,
                      const uint8_t **to)
{
    struct search s = {g, end, 0};
    while (p < end && s.steps <= MAX_STEPS) {
        uint32_t candidates = g->first[*p];
        while (candidates) {
            int k = __builtin_ctz(candidates);
            candidates &= candidates - 1;
            const uint8_t *q = match(&s, g->branches[k], p);
            if (q) {
                *from = p;
                *to = q;
                return s.steps > MAX_STEPS ? -1 : 1;
            }
        }
        size_t len = 1;
        if (*p >= 128)
            asc__utf8_decode(p, end, &len);
        p += len;
    }
    return s.steps > MAX_STEPS ? -1 : 0;
}
