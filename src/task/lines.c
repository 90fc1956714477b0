#include "task_lines.h"

#include <string.h>

#include "text/text_parquet.h"
#include "text/text_whole.h"

/* Evaluation files are small; what is larger is not one. */
enum { MAX_FILE = 1 << 30 };

asc_status asc__task_read(const char *path, char **out, size_t *n, asc_error *err)
{
    char *raw = NULL;
    size_t n_raw = 0;
    ASC_TRY(asc_text_read_whole(path, MAX_FILE, &raw, &n_raw, err));
    if (n_raw < 4 || memcmp(raw, "PAR1", 4) != 0) {
        *out = raw;
        *n = n_raw;
        return ASC_OK;
    }
    asc_free(raw);
    asc_buf rows = {0};
    asc_buf_append(&rows, "", 0);
    asc_status s = asc_parquet_to_json_lines(path, MAX_FILE, &rows, err);
    if (s != ASC_OK) {
        asc_buf_clear(&rows);
        return s;
    }
    *out = rows.data;
    *n = rows.len;
    return ASC_OK;
}

/* ---- lines and names ---- */

char *asc__lines_next(asc__lines *l, size_t *n)
{
    if (l->at >= l->end)
        return NULL;
    char *start = l->at, *stop = memchr(start, '\n', (size_t)(l->end - start));
    l->at = stop ? stop + 1 : l->end;
    if (!stop)
        stop = l->end;
    if (stop > start && stop[-1] == '\r')
        stop--;
    *stop = 0;
    *n = (size_t)(stop - start);
    l->line++;
    return start;
}

const char *asc__where(char *buf, size_t n, const char *path, int64_t line)
{
    snprintf(buf, n, "%s:%lld", path, (long long)line);
    return buf;
}

char *asc__stem(const char *path)
{
    const char *name = strrchr(path, '/');
    name = name ? name + 1 : path;
    return asc_strndup(name, strcspn(name, "."));
}

char *asc__find_packed(const char *dir, const char *base)
{
    static const char *const endings[] = {"", ".zst", ".gz", ".bz2", ".xz"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char *path = asc_strf("%s/%s%s", dir, base, endings[i]);
        if (path && asc_path_exists(path))
            return path;
        asc_free(path);
    }
    return NULL;
}
