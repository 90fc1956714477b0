/*
 * A sample of a corpus that is larger than the search needs: stretches of its files, chosen by hash over all of them,
 * so that neither time nor memory grow with the text that is not used. Where a file's lines can be entered anywhere
 * (JSON lines that are not compressed), a stretch is read where it lies, lines that begin in it; of any other file as
 * much is read from its beginning as its stretches are long.
 */
#include "corpus.h"

#include <math.h>
#include <string.h>

#define MARGIN 1.25        /* blank space, rejected lines, duplicates, text that is split off */
#define BYTES_PER_TOKEN 5. /* of text: more rather than fewer */
enum { STRETCHES = 256, LEAST_STRETCH = 1 << 16, MOST_STRETCH = 1 << 20 };

/* Bytes of the folder that all files lie in: a corpus that moves keeps its sample. */
static size_t common_folder(char *const *files, size_t n)
{
    size_t k = strlen(files[0]);
    for (size_t i = 1; i < n; i++)
        for (size_t j = 0; j < k; j++)
            if (files[i][j] != files[0][j])
                k = j;
    while (k > 0 && files[0][k - 1] != '/')
        k--;
    return k;
}

static double draw(const char *name, uint64_t stretch)
{
    asc_sha256 h;
    uint8_t digest[32];
    uint64_t x = 0;
    char number[24];
    int n = snprintf(number, sizeof number, "%llu", (unsigned long long)stretch);
    asc_sha256_init(&h);
    asc_sha256_update(&h, name, strlen(name) + 1);
    asc_sha256_update(&h, number, (size_t)n);
    asc_sha256_final(&h, digest);
    for (int i = 7; i >= 0; i--)
        x = x << 8 | digest[i];
    return (double)(x >> 11) * 0x1p-53;
}

static asc_status add(asc__source *s, asc__segment segment, asc_error *err)
{
    asc__segment *more = asc_grow(s->segments, &s->cap_segments, s->n_segments + 1, sizeof *more);
    if (!more)
        return ASC_NOMEM(err);
    s->segments = more;
    s->segments[s->n_segments++] = segment;
    return ASC_OK;
}

static asc_status take_all(asc__source *s, asc_error *err)
{
    for (size_t f = 0; f < s->n_files; f++)
        ASC_TRY(add(s, (asc__segment){.file = f, .first = true, .end = INT64_MAX}, err));
    return ASC_OK;
}

/* The stretches of one file that are in the sample; neighbours are one. */
static asc_status choose(asc__source *s, size_t f, double bytes, int64_t stretch, double share, const char *name,
                         asc_error *err)
{
    size_t from = s->n_segments;
    int64_t n = (int64_t)ceil(bytes / (double)stretch), chosen = 0;
    for (int64_t k = 0; k < n; k++) {
        if (!(draw(name, (uint64_t)k) < share))
            continue;
        asc__segment *last = s->n_segments > from ? &s->segments[s->n_segments - 1] : NULL;
        chosen++;
        if (last && last->end == k * stretch)
            last->end += stretch;
        else
            ASC_TRY(add(s, (asc__segment){.file = f, .start = k * stretch, .end = (k + 1) * stretch}, err));
    }
    if (s->n_segments > from) {
        s->segments[from].first = true;
        s->segments[from].bytes = chosen * stretch;
    }
    return asc_interrupted() ? ASC_FAIL(err, ASC_EINTR, "interrupted while choosing text") : ASC_OK;
}

static asc_status choose_all(asc__source *s, const double *bytes, double total, double wanted, asc_error *err)
{
    double long_ = fmin(fmax(wanted / STRETCHES, LEAST_STRETCH), MOST_STRETCH);
    int64_t stretch = (int64_t)long_;
    size_t folder = common_folder(s->files, s->n_files);
    for (size_t f = 0; f < s->n_files; f++)
        ASC_TRY(choose(s, f, bytes[f], stretch, wanted / total, s->files[f] + folder, err));
    return s->n_segments ? ASC_OK : take_all(s, err);
}

/* Of text in bytes, of token files four per token. */
static asc_status size_of(double *bytes, const asc__source *s, size_t f, asc_error *err)
{
    int64_t n = 0;
    if (!s->tokens) {
        *bytes = asc_corpus_guess_bytes(s->files[f], s->domain->field);
        return ASC_OK;
    }
    ASC_TRY(asc_corpus_count_tokens(&n, &s->files[f], 1, s->domain->dtype, err));
    *bytes = 4 * (double)n;
    return ASC_OK;
}

asc_status asc__sample_choose(asc__source *s, asc_error *err)
{
    double total = 0, wanted = (double)s->domain->sample_tokens * MARGIN * (s->tokens ? 4 : BYTES_PER_TOKEN);
    if (s->held_out || s->domain->sample_tokens <= 0)
        return take_all(s, err);
    double *bytes = asc_calloc(s->n_files + 1, sizeof *bytes);
    if (!bytes)
        return ASC_NOMEM(err);
    asc_status st = ASC_OK;
    for (size_t f = 0; st == ASC_OK && f < s->n_files; f++) {
        st = size_of(&bytes[f], s, f, err);
        total += bytes[f];
    }
    if (st == ASC_OK)
        st = wanted >= total ? take_all(s, err) : choose_all(s, bytes, total, wanted, err);
    asc_free(bytes);
    return st;
}
