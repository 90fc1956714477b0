/*
 * Rows of a Parquet file as JSON, put together from its columns by their levels (Melnik et al., "Dremel", 2010, section
 * 4.1 and 4.3): a value's definition level says how many of the optional and repeated nodes above it are there, its
 * repetition level which list goes on.
 */
#include "base/base_json.h"
#include "parquet_private.h"
#include "unicode.h"

#include <math.h>
#include <string.h>

/* One column: its cursor, and the value that was read ahead to see where the row ends. */
struct column {
    const asc__pq_leaf *leaf;
    asc_parquet_kind kind;
    asc_parquet_cursor *cursor;
    asc_parquet_value value;
    bool ended;
    size_t *place; /* (max_rep + 1): where in each list around it the last value lies */
};

static asc_status advance(struct column *c, asc_error *err)
{
    bool more = false;
    ASC_TRY(asc_parquet_next(c->cursor, &c->value, &more, err));
    c->ended = !more;
    return ASC_OK;
}

static json_t *to_json(const struct column *c)
{
    const asc_parquet_value *v = &c->value;
    size_t bad;
    if (v->null)
        return json_null();
    if (c->kind == ASC_PARQUET_TEXT)
        return asc__utf8_valid(v->text, v->n_bytes, &bad) ? json_stringn(v->text, v->n_bytes) : json_null();
    if (c->leaf->type == ASC__PQ_BOOLEAN)
        return json_boolean(v->whole != 0);
    if (!isfinite(v->number))
        return json_null();
    bool is_whole = v->number == (double)v->whole && c->leaf->type != ASC__PQ_FLOAT && c->leaf->type != ASC__PQ_DOUBLE;
    return is_whole ? json_integer(v->whole) : json_real(v->number);
}

/* The value stands at NAME of an object, or at a place of a list. */
struct slot {
    json_t *in;
    const char *name; /* NULL: a list's place */
    size_t place;
};

static json_t *get(const struct slot *s)
{
    return s->name ? json_object_get(s->in, s->name) : json_array_get(s->in, s->place);
}

/* False: memory is out, or levels that jump over a list's place. */
static bool put(const struct slot *s, json_t *value)
{
    if (!value)
        return false;
    if (s->name)
        return json_object_set_new_nocheck(s->in, s->name, value) == 0;
    if (s->place < json_array_size(s->in))
        return json_array_set_new(s->in, s->place, value) == 0;
    if (s->place == json_array_size(s->in))
        return json_array_append_new(s->in, value) == 0;
    json_decref(value);
    return false;
}

/* The container at a slot, made where there is none yet. A null that another column of the group put there stays. */
static json_t *enter(const struct slot *s, bool list)
{
    json_t *there = get(s);
    if (there)
        return (list ? json_is_array(there) : json_is_object(there)) ? there : NULL;
    return put(s, list ? json_array() : json_object()) ? get(s) : NULL;
}

/*
 * Walks down a column's path as far as its definition level goes. A group marked as a list, its repeated child and
 * (where that has one child alone) the child's child are one JSON list: {"list": {"element": x}} is [x].
 */
static bool place_value(json_t *row, struct column *c)
{
    asc__pq_levels level = asc__pq_cursor_levels(c->cursor);
    const asc__pq_step *path = c->leaf->path;
    struct slot at = {row, path[0].name, 0};
    uint32_t def = 0, rep = 0;
    for (size_t i = 0; i < c->leaf->n_path; i++) {
        bool wrapped = i > 0 && path[i - 1].is_list && path[i - 1].alone; /* named by the list above it */
        if (path[i].repeated) {
            json_t *list = enter(&at, true);
            if (!list)
                return false;
            if (def++ >= level.def)
                return true; /* empty */
            at = (struct slot){list, NULL, c->place[++rep]};
        } else if (path[i].optional && def++ >= level.def)
            return get(&at) || put(&at, json_null());
        bool last = i + 1 == c->leaf->n_path;
        if (last)
            return put(&at, to_json(c));
        bool unnamed = (path[i].is_list && path[i].alone && path[i + 1].repeated) || (wrapped && path[i].alone);
        if (unnamed)
            continue;
        json_t *group = enter(&at, false);
        if (!group)
            return false;
        at = (struct slot){group, path[i + 1].name, 0};
    }
    return false;
}

/* All values of one row. */
static asc_status read_row(struct column *c, json_t *row, const char *path, asc_error *err)
{
    for (bool first = true; !c->ended; first = false) {
        uint32_t rep = asc__pq_cursor_levels(c->cursor).rep;
        if (rep == 0 && !first)
            break;
        c->place[rep] += rep > 0 && !first;
        for (size_t k = first ? 0 : rep + 1; k <= (size_t)c->leaf->max_rep; k++)
            c->place[k] = 0;
        if (first && rep > 0)
            return ASC_FAIL(err, ASC_EINVAL, "%s: a damaged Parquet file: a row begins inside of a list", path);
        if (!place_value(row, c))
            return ASC_FAIL(err, ASC_EINVAL, "%s: a damaged Parquet file: levels of '%s'", path,
                            c->leaf->path[c->leaf->n_path - 1].name);
        ASC_TRY(advance(c, err));
    }
    return ASC_OK;
}

static asc_status write_row(struct column *columns, size_t n, const char *path, size_t max, asc_buf *out,
                            asc_error *err)
{
    json_t *row = json_object();
    asc_status st = row ? ASC_OK : ASC_NOMEM(err);
    for (size_t i = 0; i < n && st == ASC_OK; i++)
        if (columns[i].cursor)
            st = read_row(&columns[i], row, path, err);
    char *text = NULL;
    if (st == ASC_OK)
        st = asc_json_print(&text, row, 0, err);
    if (text)
        asc_buf_printf(out, "%s\n", text);
    asc_free(text);
    json_decref(row);
    if (st == ASC_OK && out->len > max)
        st = ASC_FAIL(err, ASC_EINVAL, "%s: more than %zu MiB of rows", path, max >> 20);
    if (st == ASC_OK && asc_interrupted())
        st = ASC_FAIL(err, ASC_EINTR, "interrupted");
    return st == ASC_OK && out->oom ? ASC_NOMEM(err) : st;
}

static asc_status open_columns(struct column *columns, const asc_parquet *p, asc_error *err)
{
    for (size_t i = 0; i < p->n_columns; i++) {
        struct column *c = &columns[i];
        c->leaf = &p->leaves[i];
        c->kind = p->columns[i].kind;
        if (c->kind == ASC_PARQUET_OTHER || c->leaf->n_path == 0)
            continue;
        size_t bad;
        if (!asc__utf8_valid(p->columns[i].name, strlen(p->columns[i].name), &bad))
            return ASC_FAIL(err, ASC_EINVAL, "%s: the name of column %zu is not UTF-8 text", p->path, i + 1);
        c->place = asc_calloc((size_t)c->leaf->max_rep + 1, sizeof *c->place);
        if (!c->place)
            return ASC_NOMEM(err);
        ASC_TRY(asc__pq_cursor_open(&c->cursor, p, i, err));
        ASC_TRY(advance(c, err));
    }
    return ASC_OK;
}

asc_status asc_parquet_to_json_lines(const char *path, size_t max, asc_buf *out, asc_error *err)
{
    asc_parquet *p = NULL;
    ASC_TRY(asc_parquet_open(&p, path, err));
    struct column *columns = asc_calloc(p->n_columns, sizeof *columns);
    asc_status st = columns ? open_columns(columns, p, err) : ASC_NOMEM(err);
    for (int64_t row = 0; row < p->n_rows && st == ASC_OK; row++)
        st = write_row(columns, p->n_columns, path, max, out, err);
    for (size_t i = 0; columns && i < p->n_columns; i++) {
        asc_parquet_cursor_close(columns[i].cursor);
        asc_free(columns[i].place);
    }
    asc_free(columns);
    asc_parquet_close(p);
    return st;
}
