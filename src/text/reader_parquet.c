/* Documents of a Parquet file: one column of strings, a document per row. */
#include "reader_private.h"
#include "unicode.h"

#include <string.h>

/* "'content', 'url'": what could have been meant. */
static void list_text(asc_buf *out, const asc_parquet *p)
{
    size_t n = 0;
    for (size_t i = 0; i < asc_parquet_n_columns(p); i++) {
        const asc_parquet_column *c = asc_parquet_get_column(p, i);
        if (c->kind == ASC_PARQUET_TEXT && !c->repeated && n++ < 8)
            asc_buf_printf(out, "%s'%.60s'", n > 1 ? ", " : "", c->name);
    }
    if (n > 8)
        asc_buf_printf(out, " and %zu more", n - 8);
    if (n == 0)
        asc_buf_puts(out, "none");
}

/* Lists and maps are columns below their name: "text.list.element". */
static bool is_list(const asc_parquet *p, const char *field)
{
    size_t n = strlen(field);
    for (size_t i = 0; i < asc_parquet_n_columns(p); i++) {
        const asc_parquet_column *c = asc_parquet_get_column(p, i);
        if (c->repeated && strncmp(c->name, field, n) == 0 && (c->name[n] == '.' || c->name[n] == 0))
            return true;
    }
    return false;
}

static asc_status no_column(const asc_reader *r, asc_error *err)
{
    asc_buf names = {0};
    if (is_list(r->parquet, r->field))
        return ASC_FAIL(err, ASC_EINVAL,
                        "%s: column '%s' holds a list or map per row; expected one string per row: join or explode it "
                        "first, or give another column as the field",
                        r->path, r->field);
    list_text(&names, r->parquet);
    asc_status st =
        names.oom || !names.data
            ? ASC_NOMEM(err)
            : ASC_FAIL(err, ASC_EINVAL,
                       "%s: a Parquet file without a column '%s' (string columns: %s); give one as the field", r->path,
                       r->field, names.data);
    asc_buf_clear(&names);
    return st;
}

asc_status asc__reader_open_parquet(asc_reader *r, asc_error *err)
{
    if (asc__stream_packed(r->stream))
        return ASC_FAIL(err, ASC_EINVAL, "%s: a Parquet file inside another compression; decompress it first", r->path);
    const char *slash = strrchr(r->path, '/'), *name = slash ? slash + 1 : r->path;
    if (strcmp(name, "_metadata") == 0 || strcmp(name, "_common_metadata") == 0) {
        asc__reader_reject(r, 0, "a summary of the Parquet files beside it");
        r->reads = ASC__READS_NOTHING;
        return ASC_OK;
    }
    ASC_TRY(asc_parquet_open(&r->parquet, r->path, err));
    size_t column = asc_parquet_find(r->parquet, r->field);
    if (column == SIZE_MAX)
        return no_column(r, err);
    if (asc_parquet_get_column(r->parquet, column)->kind != ASC_PARQUET_TEXT)
        return ASC_FAIL(err, ASC_EINVAL, "%s: column '%s' holds no strings", r->path, r->field);
    r->reads = ASC__READS_ROWS;
    return asc_parquet_cursor_open(&r->cursor, r->parquet, column, err);
}

asc_status asc__next_of_rows(asc_reader *r, asc_document *doc, bool *more, asc_error *err)
{
    for (;;) {
        asc_parquet_value v;
        char why[200];
        size_t bad = 0;
        ASC_TRY(asc_parquet_next(r->cursor, &v, more, err));
        if (!*more)
            return ASC_OK;
        r->n_row++;
        if (v.null)
            snprintf(why, sizeof why, "column '%.100s' is null", r->field);
        else if (v.n_bytes == 0)
            snprintf(why, sizeof why, "column '%.100s' is empty", r->field);
        else if (v.n_bytes > ASC_TEXT_MAX_DOCUMENT)
            snprintf(why, sizeof why, "a document of more than %zu MiB", ASC_TEXT_MAX_DOCUMENT >> 20);
        else if (!asc__utf8_valid(v.text, v.n_bytes, &bad))
            snprintf(why, sizeof why, "column '%.100s': not valid UTF-8 at byte %zu", r->field, bad + 1);
        else {
            *doc = (asc_document){v.text, v.n_bytes, r->n_row};
            return ASC_OK;
        }
        asc__reader_reject(r, r->n_row, why);
        if (asc_interrupted())
            return ASC_FAIL(err, ASC_EINTR, "interrupted while reading text");
    }
}
