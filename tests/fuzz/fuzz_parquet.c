/* Any bytes as a Parquet file: every column is read as far as it goes; values lie inside of memory; whole rows are
 * JSON. */
#include "fuzz_files.h"

#include <stdlib.h>

#include "text/text_parquet.h"

enum { MAX_VALUES = 20000 }; /* a run of nulls may claim any number */

static void read_column(const asc_parquet *p, size_t i)
{
    static volatile unsigned char sink;
    asc_parquet_cursor *c = NULL;
    bool more = true;
    if (asc_parquet_cursor_open(&c, p, i, NULL) != ASC_OK)
        return;
    for (int n = 0; n < MAX_VALUES && more; n++) {
        asc_parquet_value v = {0};
        if (asc_parquet_next(c, &v, &more, NULL) != ASC_OK)
            break;
        for (size_t k = 0; more && !v.null && k < v.n_bytes; k += 64)
            sink = (unsigned char)v.text[k];
        if (more && !v.null && v.n_bytes)
            sink = (unsigned char)v.text[v.n_bytes - 1];
    }
    asc_parquet_cursor_close(c);
    (void)sink;
}

static void read_rows(const char *path)
{
    asc_buf rows = {0};
    if (asc_parquet_to_json_lines(path, 1 << 20, &rows, NULL) == ASC_OK && rows.len > 0 &&
        rows.data[rows.len - 1] != '\n')
        abort();
    asc_buf_clear(&rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    asc_parquet *p = NULL;
    const char *path = fuzz_put("f.parquet", data, n);
    if (asc_parquet_open(&p, path, NULL) == ASC_OK) {
        for (size_t i = 0; i < asc_parquet_n_columns(p) && i < 20; i++)
            read_column(p, i);
        read_rows(path);
    }
    asc_parquet_close(p);
    return 0;
}
