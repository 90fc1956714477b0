/*
 * A Parquet file's footer: its schema, and where the pages of each column lie. Written from apache/parquet-format
 * (README.md, parquet.thrift, LogicalTypes.md). The file ends in the footer, its length [4 bytes] and "PAR1".
 */
#include "parquet_private.h"
#include "reader.h"
#include "thrift.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TAIL = 8, MAX_FOOTER = 256 << 20, MAX_DEPTH = 64, MAX_FIXED = 1 << 20 };

asc_status asc__pq_read(const asc_parquet *p, int64_t at, void *out, size_t n, asc_error *err)
{
    for (size_t done = 0; done < n;) {
        ssize_t k = pread(p->fd, (char *)out + done, n - done, (off_t)(at + (int64_t)done));
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return ASC_FAIL(err, ASC_EIO, "%s: cannot read: %s", p->path, strerror(errno));
        if (k == 0)
            return ASC_FAIL(err, ASC_EINVAL, "%s: truncated while being read", p->path);
        done += (size_t)k;
    }
    return ASC_OK;
}

static asc_status damaged(const asc_parquet *p, const char *why, asc_error *err)
{
    return ASC_FAIL(err, ASC_EINVAL, "%s: a damaged Parquet file: %s", p->path, why);
}

/* ---- the schema ---- */

/* One SchemaElement. */
struct element {
    const char *name;
    size_t n_name;
    int type, length, repetition, n_children, converted, scale;
    bool group, is_decimal, is_unsigned, half, is_list;
};

static void read_decimal(asc__thrift *t, struct element *e)
{
    asc__field f = {0};
    e->is_decimal = true;
    while (asc__thrift_next(t, &f))
        if (f.id == 1)
            e->scale = (int)asc__thrift_int(t, &f);
        else
            asc__thrift_skip(t, f.type);
}

static void read_integer(asc__thrift *t, struct element *e)
{
    asc__field f = {0};
    while (asc__thrift_next(t, &f))
        if (f.id == 2)
            e->is_unsigned = !asc__thrift_int(t, &f);
        else
            asc__thrift_skip(t, f.type);
}

static void read_logical(asc__thrift *t, struct element *e)
{
    asc__field f = {0};
    while (asc__thrift_next(t, &f)) {
        bool some = f.type == ASC__THRIFT_STRUCT;
        e->is_list |= some && f.id == 3;
        e->half |= some && f.id == 15;
        if (some && f.id == 5)
            read_decimal(t, e);
        else if (some && f.id == 10)
            read_integer(t, e);
        else
            asc__thrift_skip(t, f.type);
    }
}

static void read_element(asc__thrift *t, struct element *e)
{
    asc__field f = {0};
    *e = (struct element){.type = -1, .converted = -1};
    while (asc__thrift_next(t, &f)) {
        if (f.id == 4)
            e->name = asc__thrift_string(t, &f, &e->n_name);
        else if (f.id == 10 && f.type == ASC__THRIFT_STRUCT)
            read_logical(t, e);
        else if (f.id == 1 || f.id == 2 || f.id == 3 || f.id == 5 || f.id == 6 || f.id == 7) {
            int64_t x = asc__thrift_int(t, &f);
            int value = x < INT_MIN || x > INT_MAX ? -1 : (int)x;
            *(f.id == 1   ? &e->type
              : f.id == 2 ? &e->length
              : f.id == 3 ? &e->repetition
              : f.id == 5 ? &e->n_children
              : f.id == 6 ? &e->converted
                          : &e->scale) = value;
        } else
            asc__thrift_skip(t, f.type);
    }
    e->group = e->type < 0;
    e->is_list |= e->converted == 3;
    e->is_decimal |= e->converted == 5;
    e->is_unsigned |= e->converted >= 11 && e->converted <= 14;
}

static int width_of(const struct element *e)
{
    static const int widths[ASC__PQ_TYPES] = {1, 4, 8, 12, 4, 8, 0, 0};
    return e->type == ASC__PQ_FIXED ? e->length : widths[e->type];
}

static asc_parquet_kind kind_of(const struct element *e)
{
    switch (e->type) {
    case ASC__PQ_BYTE_ARRAY:
        return e->is_decimal ? ASC_PARQUET_NUMBER : ASC_PARQUET_TEXT;
    case ASC__PQ_FIXED:
        return e->is_decimal || (e->half && e->length == 2) ? ASC_PARQUET_NUMBER : ASC_PARQUET_OTHER;
    case ASC__PQ_INT96:
        return ASC_PARQUET_OTHER;
    default:
        return ASC_PARQUET_NUMBER;
    }
}

/* Where the walk through the schema stands. */
struct walk {
    asc__thrift *t;
    size_t left;                  /* elements */
    asc__pq_step path[MAX_DEPTH]; /* (depth), names borrowed */
};

static asc_status copy_path(asc__pq_leaf *leaf, const asc__pq_step *path, size_t n, asc_error *err)
{
    leaf->path = asc_calloc(n + 1, sizeof *leaf->path);
    if (!leaf->path)
        return ASC_NOMEM(err);
    for (; leaf->n_path < n; leaf->n_path++) {
        leaf->path[leaf->n_path] = path[leaf->n_path];
        if (!(leaf->path[leaf->n_path].name = asc_strdup(path[leaf->n_path].name)))
            return ASC_NOMEM(err);
    }
    return ASC_OK;
}

static asc_status add_leaf(asc_parquet *p, const struct element *e, const struct walk *w, const char *name, int depth,
                           asc_error *err)
{
    if (e->type >= ASC__PQ_TYPES || (e->type == ASC__PQ_FIXED && (e->length < 1 || e->length > MAX_FIXED)))
        return damaged(p, "a column of an unknown type", err);
    asc_parquet_column *columns = asc_grow(p->columns, &p->cap_columns, p->n_columns + 1, sizeof *columns);
    if (columns)
        p->columns = columns;
    asc__pq_leaf *leaves = columns ? asc_grow(p->leaves, &p->cap_leaves, p->n_columns + 1, sizeof *leaves) : NULL;
    if (leaves)
        p->leaves = leaves;
    char *copy = leaves ? asc_strdup(name) : NULL;
    if (!copy)
        return ASC_NOMEM(err);
    asc__pq_leaf *leaf = &leaves[p->n_columns];
    *leaf = (asc__pq_leaf){.type = e->type,
                           .width = width_of(e),
                           .scale = e->is_decimal ? e->scale : -1,
                           .is_unsigned = e->is_unsigned,
                           .half = e->half};
    for (int i = 0; i < depth; i++) {
        leaf->max_def += w->path[i].optional || w->path[i].repeated;
        leaf->max_rep += w->path[i].repeated;
    }
    columns[p->n_columns++] = (asc_parquet_column){copy, kind_of(e), leaf->max_rep > 0};
    return copy_path(leaf, w->path, (size_t)depth, err);
}

static asc_status read_node(asc_parquet *p, struct walk *w, const char *above, int depth, asc_error *err)
{
    struct element e;
    if (w->left == 0 || depth > MAX_DEPTH)
        return damaged(p, "its schema", err);
    w->left--;
    read_element(w->t, &e);
    if (w->t->bad || !e.name || e.n_name > 1000 || memchr(e.name, 0, e.n_name))
        return damaged(p, "its schema", err);
    bool root = depth == 0;
    char *own = root ? asc_strdup("") : asc_strndup(e.name, e.n_name);
    char *name = own && !root ? asc_strf("%s%s%s", above, *above ? "." : "", own) : asc_strdup("");
    asc_status st = own && name ? ASC_OK : ASC_NOMEM(err);
    if (!root)
        w->path[depth - 1] = (asc__pq_step){own, e.repetition == 1, e.repetition == 2, e.group && e.is_list,
                                            e.group && e.n_children == 1};
    if (st == ASC_OK && !e.group)
        st = add_leaf(p, &e, w, name, depth, err);
    else if (st == ASC_OK && (e.n_children < 0 || (size_t)e.n_children > w->left))
        st = damaged(p, "its schema", err);
    for (int i = 0; e.group && i < e.n_children && st == ASC_OK; i++)
        st = read_node(p, w, name, depth + 1, err);
    asc_free(own);
    asc_free(name);
    return st;
}

static asc_status read_schema(asc_parquet *p, asc__thrift *t, const asc__field *f, asc_error *err)
{
    int type = 0;
    struct walk w = {.t = t, .left = asc__thrift_list(t, f, &type)};
    if (type != ASC__THRIFT_STRUCT || p->n_columns > 0)
        return damaged(p, "its schema", err);
    ASC_TRY(read_node(p, &w, "", 0, err));
    return w.left == 0 ? ASC_OK : damaged(p, "its schema", err);
}

/* ---- row groups ---- */

struct chunk_facts {
    int64_t type, codec, n_values, n_bytes, data_page, dictionary_page;
};

static void read_column_data(asc__thrift *t, struct chunk_facts *c)
{
    asc__field f = {0};
    while (asc__thrift_next(t, &f)) {
        int64_t *to = f.id == 1    ? &c->type
                      : f.id == 4  ? &c->codec
                      : f.id == 5  ? &c->n_values
                      : f.id == 6  ? &c->n_bytes
                      : f.id == 9  ? &c->data_page
                      : f.id == 11 ? &c->dictionary_page
                                   : NULL;
        if (to)
            *to = asc__thrift_int(t, &f);
        else
            asc__thrift_skip(t, f.type);
    }
}

static asc_status add_chunk(asc_parquet *p, const struct chunk_facts *c, size_t column, asc_error *err)
{
    if (column >= p->n_columns || c->type != p->leaves[column].type)
        return damaged(p, "a column of another type than the schema's", err);
    /* A dictionary stands in front of the data; an offset of 0 is no offset. */
    int64_t start = c->dictionary_page > 0 && c->dictionary_page < c->data_page ? c->dictionary_page : c->data_page;
    bool empty = c->n_values == 0;
    if (c->n_values < 0 || c->n_bytes < 0 || (!empty && (start < 4 || start >= p->n_bytes)))
        return damaged(p, "a column that lies outside the file", err);
    asc__pq_chunk *chunks = asc_grow(p->chunks, &p->cap_chunks, p->n_chunks + 1, sizeof *chunks);
    if (!chunks)
        return ASC_NOMEM(err);
    p->chunks = chunks;
    int codec = c->codec < 0 || c->codec > 100 ? 100 : (int)c->codec;
    chunks[p->n_chunks++] = (asc__pq_chunk){start, c->n_values, c->n_bytes, codec};
    return ASC_OK;
}

static asc_status read_column(asc_parquet *p, asc__thrift *t, size_t column, asc_error *err)
{
    asc__field f = {0};
    struct chunk_facts c = {.type = -1};
    size_t n_path = 0;
    while (asc__thrift_next(t, &f)) {
        if (f.id == 1)
            asc__thrift_string(t, &f, &n_path);
        else if (f.id == 3 && f.type == ASC__THRIFT_STRUCT)
            read_column_data(t, &c);
        else
            asc__thrift_skip(t, f.type);
    }
    if (n_path > 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s: a Parquet file whose data is in other files; give those", p->path);
    if (c.type < 0 && !t->bad)
        return ASC_FAIL(err, ASC_EINVAL, "%s: a Parquet file with encrypted columns; decrypt it first", p->path);
    return t->bad ? damaged(p, "its row groups", err) : add_chunk(p, &c, column, err);
}

static asc_status read_columns(asc_parquet *p, asc__thrift *t, const asc__field *f, asc_error *err)
{
    int type = 0;
    size_t n = asc__thrift_list(t, f, &type);
    if (n != p->n_columns || (n > 0 && type != ASC__THRIFT_STRUCT))
        return damaged(p, "a row group of other columns than the schema's", err);
    for (size_t i = 0; i < n; i++)
        ASC_TRY(read_column(p, t, i, err));
    return ASC_OK;
}

static asc_status read_group(asc_parquet *p, asc__thrift *t, asc_error *err)
{
    asc__field f = {0};
    int64_t rows = -1;
    size_t before = p->n_chunks;
    while (asc__thrift_next(t, &f)) {
        if (f.id == 1 && p->n_chunks == before)
            ASC_TRY(read_columns(p, t, &f, err));
        else if (f.id == 3)
            rows = asc__thrift_int(t, &f);
        else
            asc__thrift_skip(t, f.type);
    }
    if (t->bad || rows < 0 || p->n_chunks != before + p->n_columns)
        return damaged(p, "its row groups", err);
    int64_t *group_rows = asc_grow(p->group_rows, &p->cap_groups, p->n_groups + 1, sizeof *group_rows);
    if (!group_rows)
        return ASC_NOMEM(err);
    p->group_rows = group_rows;
    for (size_t i = 0; i < p->n_columns; i++)
        if (p->leaves[i].max_rep == 0 && p->chunks[before + i].n_values != rows)
            return damaged(p, "a column of more or fewer values than rows", err);
    group_rows[p->n_groups++] = rows;
    if (p->n_rows > INT64_MAX - rows)
        return damaged(p, "its row groups", err);
    p->n_rows += rows;
    return ASC_OK;
}

static asc_status read_groups(asc_parquet *p, asc__thrift *t, const asc__field *f, asc_error *err)
{
    int type = 0;
    size_t n = asc__thrift_list(t, f, &type);
    if ((n > 0 && type != ASC__THRIFT_STRUCT) || p->n_groups > 0)
        return damaged(p, "its row groups", err);
    for (size_t i = 0; i < n; i++)
        ASC_TRY(read_group(p, t, err));
    return ASC_OK;
}

/* ---- the footer ---- */

/* The schema comes before the row groups in every file; one that turns them round is refused by read_columns. */
static asc_status read_metadata(asc_parquet *p, const uint8_t *footer, size_t n, asc_error *err)
{
    asc__thrift t = {footer, footer + n, false, false};
    asc__field f = {0};
    while (asc__thrift_next(&t, &f)) {
        if (f.id == 2)
            ASC_TRY(read_schema(p, &t, &f, err));
        else if (f.id == 4)
            ASC_TRY(read_groups(p, &t, &f, err));
        else if (f.id == 8)
            return ASC_FAIL(err, ASC_EINVAL, "%s: an encrypted Parquet file; decrypt it first", p->path);
        else
            asc__thrift_skip(&t, f.type);
    }
    if (t.bad || p->n_columns == 0)
        return damaged(p, t.bad ? "its footer" : "it has no columns", err);
    return ASC_OK;
}

static asc_status read_footer(asc_parquet *p, asc_error *err)
{
    uint8_t head[4], tail[TAIL];
    struct stat sb;
    if (fstat(p->fd, &sb) != 0)
        return ASC_FAIL(err, ASC_EIO, "%s: cannot stat: %s", p->path, strerror(errno));
    if (sb.st_size < 4 + TAIL)
        return ASC_FAIL(err, ASC_EINVAL, "%s: not a whole Parquet file (%lld bytes)", p->path, (long long)sb.st_size);
    ASC_TRY(asc__pq_read(p, 0, head, sizeof head, err));
    ASC_TRY(asc__pq_read(p, sb.st_size - TAIL, tail, sizeof tail, err));
    if (memcmp(head, "PARE", 4) == 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s: an encrypted Parquet file; decrypt it first", p->path);
    if (memcmp(head, "PAR1", 4) != 0 || memcmp(tail + 4, "PAR1", 4) != 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s: not a whole Parquet file (its end is missing)", p->path);
    uint32_t n;
    memcpy(&n, tail, 4);
    if (n > MAX_FOOTER || n > sb.st_size - 4 - TAIL)
        return damaged(p, "the length of its footer", err);
    p->n_bytes = sb.st_size - TAIL - n;
    uint8_t *footer = asc_malloc(n ? n : 1);
    asc_status st = footer ? asc__pq_read(p, p->n_bytes, footer, n, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = read_metadata(p, footer, n, err);
    asc_free(footer);
    return st;
}

void asc_parquet_close(asc_parquet *p)
{
    if (!p)
        return;
    if (p->fd >= 0)
        close(p->fd);
    for (size_t i = 0; i < p->n_columns; i++) {
        asc_free(p->columns[i].name);
        for (size_t k = 0; k < p->leaves[i].n_path; k++)
            asc_free(p->leaves[i].path[k].name);
        asc_free(p->leaves[i].path);
    }
    asc_free(p->columns);
    asc_free(p->leaves);
    asc_free(p->group_rows);
    asc_free(p->chunks);
    asc_free(p->path);
    asc_free(p);
}

asc_status asc_parquet_open(asc_parquet **out, const char *path, asc_error *err)
{
    asc_parquet *p = asc_calloc(1, sizeof *p);
    if (!p)
        return ASC_NOMEM(err);
    p->fd = -1;
    p->path = asc_strdup(path);
    asc_status st = p->path ? asc__open_regular(&p->fd, path, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = read_footer(p, err);
    if (st != ASC_OK) {
        asc_parquet_close(p);
        return st;
    }
    *out = p;
    return ASC_OK;
}

int64_t asc_parquet_rows(const asc_parquet *p)
{
    return p->n_rows;
}

size_t asc_parquet_n_columns(const asc_parquet *p)
{
    return p->n_columns;
}

const asc_parquet_column *asc_parquet_get_column(const asc_parquet *p, size_t i)
{
    return &p->columns[i];
}

size_t asc_parquet_find(const asc_parquet *p, const char *name)
{
    for (size_t i = 0; i < p->n_columns; i++)
        if (strcmp(p->columns[i].name, name) == 0)
            return i;
    return SIZE_MAX;
}

int64_t asc_parquet_column_bytes(const asc_parquet *p, size_t column)
{
    int64_t sum = 0;
    for (size_t g = 0; g < p->n_groups; g++) {
        int64_t n = p->chunks[g * p->n_columns + column].n_bytes;
        sum = sum > INT64_MAX - n ? INT64_MAX : sum + n;
    }
    return sum;
}
