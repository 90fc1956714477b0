/* One column of a Parquet file, page by page: levels say which rows hold a value, an encoding what it is. */
#include "parquet_private.h"
#include "thrift.h"

#include <limits.h>
#include <math.h>
#include <string.h>
#include <zlib.h>

enum { HEADER_WINDOW = 4096, MAX_HEADER = 64 << 20 };
#define MAX_PAGE ((int64_t)1 << 30)

enum { DATA_PAGE = 0, DICTIONARY_PAGE = 2, DATA_PAGE_V2 = 3 };

struct page_header {
    int64_t kind, n_unpacked, n_packed, crc;
    bool has_crc;
    int64_t n_values, encoding;         /* of either kind of data page, and of a dictionary */
    int64_t def_encoding, rep_encoding; /* v1 */
    int64_t def_bytes, rep_bytes;       /* v2 */
    bool packed;                        /* v2 */
    size_t n_header;
};

struct buffer {
    uint8_t *p;
    size_t cap;
};

struct asc_parquet_cursor {
    const asc_parquet *file;
    size_t column;
    const asc__pq_leaf *leaf;
    size_t group;     /* the next one to be opened */
    int64_t at, left; /* the next page, and the values of the chunk that no page has given yet */
    int codec;
    struct buffer header, packed, page, dictionary_page;
    asc__pq_bytes *dictionary;
    size_t n_dictionary, cap_dictionary;
    int64_t in_page; /* rows of the page that are left */
    bool levels;     /* some rows of the page may be null */
    asc__pq_rle def, rep;
    asc__pq_levels level; /* of the last value */
    asc__pq_values values;
};

static asc_status bad(const asc_parquet_cursor *c, const char *why, asc_error *err)
{
    if (why == asc__pq_no_memory)
        return ASC_NOMEM(err);
    return ASC_FAIL(err, ASC_EINVAL, "%s: column '%s', row group %zu: %s", c->file->path,
                    c->file->columns[c->column].name, c->group, why);
}

static bool reserve(struct buffer *b, size_t n)
{
    if (n <= b->cap && b->p)
        return true;
    uint8_t *p = asc_realloc(b->p, n ? n : 1);
    if (!p)
        return false;
    b->p = p;
    b->cap = n ? n : 1;
    return true;
}

/* ---- the header of a page ---- */

static void read_data_header(asc__thrift *t, struct page_header *h, int kind)
{
    static const int v1[] = {1, 2, 3, 4, 0, 0, 0}, v2[] = {1, 4, 0, 0, 5, 6, 7}, dictionary[] = {1, 2, 0, 0, 0, 0, 0};
    const int *ids = kind == DATA_PAGE_V2 ? v2 : kind == DATA_PAGE ? v1 : dictionary;
    int64_t *to[] = {&h->n_values, &h->encoding, &h->def_encoding, &h->rep_encoding, &h->def_bytes, &h->rep_bytes};
    asc__field f = {0};
    while (asc__thrift_next(t, &f)) {
        int k = 0;
        while (k < 7 && ids[k] != f.id)
            k++;
        if (k < 6)
            *to[k] = asc__thrift_int(t, &f);
        else if (k == 6)
            h->packed = asc__thrift_int(t, &f);
        else
            asc__thrift_skip(t, f.type);
    }
}

static void read_header(asc__thrift *t, struct page_header *h)
{
    asc__field f = {0};
    *h = (struct page_header){
        .kind = -1, .packed = true, .encoding = -1, .def_encoding = ASC__PQ_RLE, .rep_encoding = ASC__PQ_RLE};
    while (asc__thrift_next(t, &f)) {
        if (f.id >= 1 && f.id <= 4) {
            int64_t x = asc__thrift_int(t, &f);
            *(f.id == 1 ? &h->kind : f.id == 2 ? &h->n_unpacked : f.id == 3 ? &h->n_packed : &h->crc) = x;
            h->has_crc |= f.id == 4;
        } else if (f.type == ASC__THRIFT_STRUCT && (f.id == 5 || f.id == 7 || f.id == 8))
            read_data_header(t, h, f.id == 5 ? DATA_PAGE : f.id == 7 ? DICTIONARY_PAGE : DATA_PAGE_V2);
        else
            asc__thrift_skip(t, f.type);
    }
}

/* Headers carry statistics, so that their length is known only when they are read. */
static asc_status get_header(asc_parquet_cursor *c, struct page_header *h, asc_error *err)
{
    for (size_t window = HEADER_WINDOW;; window *= 4) {
        int64_t room = c->file->n_bytes - c->at;
        size_t n = room < (int64_t)window ? (size_t)room : window;
        if (n == 0)
            return bad(c, "its pages end too early", err);
        if (!reserve(&c->header, n))
            return ASC_NOMEM(err);
        ASC_TRY(asc__pq_read(c->file, c->at, c->header.p, n, err));
        asc__thrift t = {c->header.p, c->header.p + n, false, false};
        read_header(&t, h);
        h->n_header = (size_t)(t.p - c->header.p);
        if (!t.bad)
            break;
        if (!t.ended || (int64_t)n == room || window >= MAX_HEADER)
            return bad(c, "the header of a page is damaged", err);
    }
    if (h->n_packed < 0 || h->n_unpacked < 0 || h->n_packed > c->file->n_bytes - c->at - (int64_t)h->n_header)
        return bad(c, "a page extends past the end of the file", err);
    return ASC_OK;
}

/* ---- its bytes ---- */

static asc_status read_packed(asc_parquet_cursor *c, const struct page_header *h, asc_error *err)
{
    if (h->n_unpacked > MAX_PAGE || h->n_packed > MAX_PAGE)
        return ASC_FAIL(err, ASC_EINVAL, "%s: column '%s': a page of more than %lld MiB", c->file->path,
                        c->file->columns[c->column].name, (long long)(MAX_PAGE >> 20));
    if (!reserve(&c->packed, (size_t)h->n_packed))
        return ASC_NOMEM(err);
    ASC_TRY(asc__pq_read(c->file, c->at, c->packed.p, (size_t)h->n_packed, err));
    if (h->has_crc && (uint32_t)h->crc != crc32(0, c->packed.p, (uInt)h->n_packed))
        return bad(c, "a page is damaged (its checksum differs)", err);
    return ASC_OK;
}

/* What follows `plain` bytes that are never packed, unpacked into `to` behind them. */
static asc_status unpack(asc_parquet_cursor *c, struct buffer *to, const struct page_header *h, size_t plain,
                         asc_error *err)
{
    size_t n = (size_t)h->n_packed, n_out = (size_t)h->n_unpacked;
    int codec = h->packed ? c->codec : ASC__PQ_UNCOMPRESSED;
    if (plain > n || plain > n_out)
        return bad(c, "a page is shorter than its levels", err);
    if (n_out - plain > asc__pq_unpack_limit(codec, n - plain))
        return bad(c, "a page is damaged (too few bytes for its size)", err);
    if (!reserve(to, n_out))
        return ASC_NOMEM(err);
    memcpy(to->p, c->packed.p, plain);
    if (n_out > plain && !asc__pq_unpack(codec, to->p + plain, n_out - plain, c->packed.p + plain, n - plain))
        return bad(c, "a page cannot be decompressed: it is damaged", err);
    return ASC_OK;
}

/* ---- dictionary ---- */

static asc_status add_entry(asc_parquet_cursor *c, const asc__pq_bytes *b, asc_error *err)
{
    asc__pq_bytes *grown = asc_grow(c->dictionary, &c->cap_dictionary, c->n_dictionary + 1, sizeof *grown);
    if (!grown)
        return ASC_NOMEM(err);
    c->dictionary = grown;
    c->dictionary[c->n_dictionary++] = *b;
    return ASC_OK;
}

static asc_status read_dictionary(asc_parquet_cursor *c, const struct page_header *h, asc_error *err)
{
    if (h->encoding != ASC__PQ_PLAIN && h->encoding != ASC__PQ_PLAIN_DICTIONARY)
        return bad(c, "a dictionary in an unsupported encoding", err);
    if (c->leaf->type == ASC__PQ_BOOLEAN)
        return bad(c, "a dictionary of booleans", err);
    ASC_TRY(read_packed(c, h, err));
    ASC_TRY(unpack(c, &c->dictionary_page, h, 0, err));
    asc__pq_values v = {0};
    c->n_dictionary = 0;
    asc__pq_values_init(&v, ASC__PQ_PLAIN, c->leaf, c->dictionary_page.p, c->dictionary_page.p + h->n_unpacked, 0);
    for (int64_t i = 0; i < h->n_values; i++) {
        asc__pq_bytes b;
        const char *why = asc__pq_values_next(&v, &b);
        if (why)
            return bad(c, "its dictionary is damaged", err);
        ASC_TRY(add_entry(c, &b, err));
    }
    if (!c->dictionary && !(c->dictionary = asc_grow(NULL, &c->cap_dictionary, 1, sizeof *c->dictionary)))
        return ASC_NOMEM(err);
    c->values.dictionary = c->dictionary;
    c->values.n_dictionary = c->n_dictionary;
    return ASC_OK;
}

/* ---- data ---- */

static int bits_for(int max)
{
    int n = 0;
    while (max >> n)
        n++;
    return n;
}

/* Levels of v1: their length in front of them. */
static asc_status find_levels_v1(asc_parquet_cursor *c, const struct page_header *h, size_t *at, size_t *n,
                                 asc_error *err)
{
    uint32_t len;
    if (*at + 4 > (size_t)h->n_unpacked)
        return bad(c, "a page is shorter than its levels", err);
    memcpy(&len, c->page.p + *at, 4);
    if (len > (size_t)h->n_unpacked - *at - 4)
        return bad(c, "a page is shorter than its levels", err);
    *at += 4;
    *n = len;
    return ASC_OK;
}

/* Starts both kinds of levels; *at: the first byte behind them. Of v2 their lengths stand in the header. */
static asc_status start_levels(asc_parquet_cursor *c, const struct page_header *h, size_t *at, asc_error *err)
{
    bool v2 = h->kind == DATA_PAGE_V2, some = c->leaf->max_def > 0, lists = c->leaf->max_rep > 0;
    size_t n_rep = v2 ? (size_t)h->rep_bytes : 0, n_def = v2 ? (size_t)h->def_bytes : 0;
    *at = 0;
    if (!v2 && some && (h->def_encoding != ASC__PQ_RLE || (lists && h->rep_encoding != ASC__PQ_RLE)))
        return bad(c, "levels in an obsolete encoding", err);
    if (!v2 && lists)
        ASC_TRY(find_levels_v1(c, h, at, &n_rep, err));
    asc__pq_rle_init(&c->rep, c->page.p + *at, c->page.p + *at + n_rep, bits_for(c->leaf->max_rep));
    *at += n_rep;
    if (!v2 && some)
        ASC_TRY(find_levels_v1(c, h, at, &n_def, err));
    asc__pq_rle_init(&c->def, c->page.p + *at, c->page.p + *at + n_def, bits_for(c->leaf->max_def));
    *at += n_def;
    c->levels = some;
    return ASC_OK;
}

/* Rows that hold a value; the levels are read once for it. */
static asc_status count_present(asc_parquet_cursor *c, int64_t n_rows, uint64_t *n, asc_error *err)
{
    asc__pq_rle r = c->def;
    *n = 0;
    for (int64_t left = n_rows; left > 0;) {
        uint32_t level;
        if (!asc__pq_rle_next(&r, &level) || level > (uint32_t)c->leaf->max_def)
            return bad(c, "bad levels", err);
        int64_t same = 1;
        if (!r.packed) { /* a run at once */
            same += (int64_t)(r.left < (uint64_t)(left - 1) ? r.left : (uint64_t)(left - 1));
            r.left -= (uint64_t)(same - 1);
        }
        *n += level == (uint32_t)c->leaf->max_def ? (uint64_t)same : 0;
        left -= same;
    }
    return ASC_OK;
}

static asc_status start_page(asc_parquet_cursor *c, const struct page_header *h, asc_error *err)
{
    size_t plain = 0, at = 0;
    if (h->n_values < 0 || h->n_values > c->left)
        return bad(c, "a page of more values than its column has", err);
    ASC_TRY(read_packed(c, h, err));
    if (h->kind == DATA_PAGE_V2) {
        if (h->rep_bytes < 0 || h->def_bytes < 0 || h->rep_bytes > h->n_packed || h->def_bytes > h->n_packed)
            return bad(c, "a page is shorter than its levels", err);
        plain = (size_t)(h->rep_bytes + h->def_bytes);
    }
    ASC_TRY(unpack(c, &c->page, h, plain, err));
    ASC_TRY(start_levels(c, h, &at, err));
    uint64_t present = (uint64_t)h->n_values;
    if (c->levels)
        ASC_TRY(count_present(c, h->n_values, &present, err));
    const char *why =
        asc__pq_values_init(&c->values, (int)h->encoding, c->leaf, c->page.p + at, c->page.p + h->n_unpacked, present);
    if (why)
        return bad(c, why, err);
    c->in_page = h->n_values;
    c->left -= h->n_values;
    return ASC_OK;
}

static asc_status next_page(asc_parquet_cursor *c, asc_error *err)
{
    struct page_header h;
    ASC_TRY(get_header(c, &h, err));
    c->at += (int64_t)h.n_header;
    if (h.encoding > 100 || h.encoding < -1)
        h.encoding = 100;
    if (h.kind == DICTIONARY_PAGE)
        ASC_TRY(read_dictionary(c, &h, err));
    else if (h.kind == DATA_PAGE || h.kind == DATA_PAGE_V2)
        ASC_TRY(start_page(c, &h, err));
    c->at += h.n_packed; /* other kinds are passed over */
    return ASC_OK;
}

static asc_status next_group(asc_parquet_cursor *c, asc_error *err)
{
    const asc__pq_chunk *chunk = &c->file->chunks[c->group++ * c->file->n_columns + c->column];
    c->at = chunk->start;
    c->left = chunk->n_values;
    c->codec = chunk->codec;
    c->values.dictionary = NULL;
    c->values.n_dictionary = 0;
    const char *codec = asc__pq_unread_codec(chunk->codec);
    if (codec && c->left > 0)
        return ASC_FAIL(
            err, ASC_EINVAL,
            "%s: a Parquet file compressed with %s, which is not supported; write it with zstd, snappy, gzip or "
            "lz4",
            c->file->path, codec);
    return ASC_OK;
}

/* ---- values ---- */

/* Big-endian two's complement of any length. */
static double big_number(const uint8_t *p, size_t n)
{
    double x = n > 0 && p[0] & 0x80 ? -1 : 0;
    for (size_t i = 0; i < n; i++)
        x = x * 256 + p[i];
    return x;
}

static double half_number(const uint8_t *p)
{
    int bits = p[0] | p[1] << 8, exponent = bits >> 10 & 31, fraction = bits & 1023;
    double x = exponent == 31 ? (fraction ? NAN : INFINITY)
               : exponent     ? ldexp(1024 + fraction, exponent - 25)
                              : ldexp(fraction, -24);
    return bits & 0x8000 ? -x : x;
}

static int64_t clamp(double x)
{
    return !(x > -0x1p63) ? INT64_MIN : x >= 0x1p63 ? INT64_MAX : (int64_t)x;
}

static void whole(asc_parquet_value *v, const asc__pq_leaf *leaf, int64_t x)
{
    v->whole = x;
    v->number = (double)x;
    if (leaf->is_unsigned) {
        uint64_t u = leaf->type == ASC__PQ_INT32 ? (uint32_t)x : (uint64_t)x;
        v->whole = u > INT64_MAX ? INT64_MAX : (int64_t)u;
        v->number = (double)u;
    }
}

static void set_number(asc_parquet_value *v, const asc__pq_leaf *leaf, const asc__pq_bytes *b)
{
    int32_t i;
    int64_t l;
    float f;
    switch (leaf->type) {
    case ASC__PQ_BOOLEAN:
        whole(v, leaf, b->p[0]);
        break;
    case ASC__PQ_INT32:
        memcpy(&i, b->p, sizeof i);
        whole(v, leaf, i);
        break;
    case ASC__PQ_INT64:
        memcpy(&l, b->p, sizeof l);
        whole(v, leaf, l);
        break;
    case ASC__PQ_FLOAT:
        memcpy(&f, b->p, sizeof f);
        v->number = f;
        v->whole = clamp(f);
        break;
    case ASC__PQ_DOUBLE:
        memcpy(&v->number, b->p, sizeof v->number);
        v->whole = clamp(v->number);
        break;
    default:
        v->number = leaf->half && leaf->scale < 0 ? half_number(b->p) : big_number(b->p, b->n);
        v->whole = clamp(v->number);
    }
    if (leaf->scale > 0) {
        v->number /= pow(10, leaf->scale);
        v->whole = clamp(v->number);
    }
}

static asc_status take_value(asc_parquet_cursor *c, asc_parquet_value *v, asc_error *err)
{
    asc__pq_bytes b = {0};
    asc__pq_levels l = {0};
    if ((c->levels && !asc__pq_rle_next(&c->def, &l.def)) ||
        (c->leaf->max_rep > 0 && (!asc__pq_rle_next(&c->rep, &l.rep) || l.rep > (uint32_t)c->leaf->max_rep)))
        return bad(c, "bad levels", err);
    c->level = l;
    asc_parquet_value x = {.null = c->levels && l.def < (uint32_t)c->leaf->max_def};
    const char *why = x.null ? NULL : asc__pq_values_next(&c->values, &b);
    if (why)
        return bad(c, why, err);
    c->in_page--;
    if (!x.null && c->file->columns[c->column].kind == ASC_PARQUET_NUMBER)
        set_number(&x, c->leaf, &b);
    else if (!x.null) {
        x.text = b.n ? (const char *)b.p : "";
        x.n_bytes = b.n;
    }
    *v = x;
    return ASC_OK;
}

asc_status asc_parquet_next(asc_parquet_cursor *c, asc_parquet_value *v, bool *more, asc_error *err)
{
    while (c->in_page == 0) {
        if (c->left == 0 && c->group == c->file->n_groups) {
            *more = false;
            return ASC_OK;
        }
        ASC_TRY(c->left == 0 ? next_group(c, err) : next_page(c, err));
    }
    ASC_TRY(take_value(c, v, err));
    *more = true;
    return ASC_OK;
}

asc__pq_levels asc__pq_cursor_levels(const asc_parquet_cursor *c)
{
    return c->level;
}

asc_status asc__pq_cursor_open(asc_parquet_cursor **out, const asc_parquet *p, size_t column, asc_error *err)
{
    asc_parquet_cursor *c = asc_calloc(1, sizeof *c);
    if (!c)
        return ASC_NOMEM(err);
    c->file = p;
    c->column = column;
    c->leaf = &p->leaves[column];
    *out = c;
    return ASC_OK;
}

asc_status asc_parquet_cursor_open(asc_parquet_cursor **out, const asc_parquet *p, size_t column, asc_error *err)
{
    if (p->columns[column].repeated)
        return ASC_FAIL(err, ASC_EINVAL, "%s: column '%s' is inside a list: several values per row, expected one",
                        p->path, p->columns[column].name);
    return asc__pq_cursor_open(out, p, column, err);
}

void asc_parquet_cursor_close(asc_parquet_cursor *c)
{
    if (!c)
        return;
    asc_free(c->header.p);
    asc_free(c->packed.p);
    asc_free(c->page.p);
    asc_free(c->dictionary_page.p);
    asc_free(c->dictionary);
    asc_buf_clear(&c->values.last);
    asc_free(c);
}
