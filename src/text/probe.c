/* A look at a domain's files before anything is made of them. */
#include "corpus.h"
#include "sniff.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "text/text_parquet.h"

enum { MAX_PROBED = 100 };

struct seen {
    char why[400]; /* the first rejection */
};

static void note(void *ctx, const char *file, int64_t line, const char *why)
{
    struct seen *s = ctx;
    if (!s->why[0] && line > 0)
        snprintf(s->why, sizeof s->why, "%s:%lld: %s", file, (long long)line, why);
    else if (!s->why[0])
        snprintf(s->why, sizeof s->why, "%s: %s", file, why);
}

/* The first document of a file; lines that are no good are passed over for a while. */
static asc_status probe_text(bool *found, struct seen *s, const char *file, const char *field, asc_error *err)
{
    asc_reader *r = NULL;
    asc_document d;
    *found = false;
    ASC_TRY(asc_reader_open(&r, file, field, note, s, err));
    asc_status st = asc_reader_next(r, &d, found, err);
    asc_reader_close(r);
    return st;
}

static asc_status probe_tokens(const char *file, const char *dtype, asc_error *err)
{
    asc__token_reader r = {0};
    ASC_TRY(asc__token_reader_open(&r, file, dtype, -1, err));
    asc__token_reader_close(&r);
    return ASC_OK;
}

asc_status asc_corpus_probe(char *const *files, size_t n, bool are_tokens, const char *field, const char *dtype,
                            asc_error *err)
{
    struct seen s = {""};
    if (are_tokens)
        return probe_tokens(files[0], dtype, err);
    for (size_t i = 0; i < n && i < MAX_PROBED; i++) {
        bool found;
        ASC_TRY(probe_text(&found, &s, files[i], field, err));
        if (found)
            return ASC_OK;
    }
    if (n > MAX_PROBED)
        return ASC_OK;
    return ASC_FAIL(err, ASC_EINVAL, "no document in %zu file%s (%s%s)%s%s", n, n == 1 ? "" : "s", files[0],
                    n == 1 ? "" : " ...", s.why[0] ? "; first rejected: " : "", s.why);
}

/* ---- sizes ---- */

/* NaN: no Parquet file. */
static double parquet_bytes(const char *path, const char *field)
{
    uint8_t head[4] = {0};
    FILE *f = NULL;
    size_t n = asc_file_stream(&f, path, NULL) == ASC_OK ? fread(head, 1, sizeof head, f) : 0;
    if (f)
        fclose(f);
    asc_parquet *p = NULL;
    if (!asc__sniff_parquet(head, n) || asc_parquet_open(&p, path, NULL) != ASC_OK)
        return NAN;
    size_t column = asc_parquet_find(p, field ? field : "text");
    double bytes = column == SIZE_MAX ? 0 : (double)asc_parquet_column_bytes(p, column);
    asc_parquet_close(p);
    return bytes;
}

double asc_corpus_guess_bytes(const char *path, const char *field)
{
    struct stat sb;
    double parquet = parquet_bytes(path, field);
    if (!isnan(parquet) || stat(path, &sb) != 0)
        return isnan(parquet) ? 0 : parquet;
    bool packed = asc_ends_with(path, ".zst") || asc_ends_with(path, ".gz") || asc_ends_with(path, ".bz2") ||
                  asc_ends_with(path, ".xz");
    return (double)sb.st_size * (packed ? 3 : 1);
}
