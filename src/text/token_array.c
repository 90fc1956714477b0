#include "token_array.h"
#include "reader.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 1 << 18, HEAD = 1 << 16, LLMC_HEAD = 1024 };
static const uint32_t LLMC_GPT2 = 20240520, LLMC_LLAMA3 = 20240801; /* uint16 and uint32 */

struct asc__token_array {
    char *path;
    int fd;
    int width;
    bool is_signed;
    int64_t n, left; /* ids in all; not read from the file yet */
    uint8_t *chunk;  /* bytes from at to end are not given yet */
    size_t at, end;
};

/* ---- types ---- */

static const struct dtype {
    const char *name, *numpy;
    int width;
    bool is_signed;
} dtypes[] = {{"uint8", "u1", 1, false},  {"uint16", "u2", 2, false}, {"int16", "i2", 2, true},
              {"uint32", "u4", 4, false}, {"int32", "i4", 4, true},   {"uint64", "u8", 8, false},
              {"int64", "i8", 8, true}};
enum { N_DTYPES = sizeof dtypes / sizeof *dtypes };

static const struct dtype *find_dtype(const char *name)
{
    for (size_t i = 0; i < N_DTYPES; i++)
        if (strcmp(dtypes[i].name, name) == 0)
            return &dtypes[i];
    return NULL;
}

int asc__token_dtype_width(const char *name)
{
    const struct dtype *d = find_dtype(name);
    return d ? d->width : 0;
}

static void set_type(asc__token_array *a, const struct dtype *d)
{
    a->width = d->width;
    a->is_signed = d->is_signed;
}

/* ---- headers ---- */

static uint32_t get_u32(const uint8_t *p)
{
    uint32_t x;
    memcpy(&x, p, 4);
    return x;
}

static bool is_npy(const uint8_t *p, size_t n)
{
    return n >= 10 && memcmp(p, "\x93NUMPY", 6) == 0;
}

static bool is_llmc(const uint8_t *p, size_t n)
{
    return n >= LLMC_HEAD && (get_u32(p) == LLMC_GPT2 || get_u32(p) == LLMC_LLAMA3);
}

/* The value of a key of the header, a Python dictionary: behind the colon and blanks. */
static const char *npy_value(const char *header, const char *key)
{
    const char *p = strstr(header, key);
    p = p ? strchr(p + strlen(key), ':') : NULL;
    for (p = p ? p + 1 : NULL; p && *p == ' ';)
        p++;
    return p;
}

/* "(5000,)" or "(10, 500)": the product, -1 where it is none. */
static int64_t npy_count(const char *p)
{
    int64_t n = 1;
    if (!p || *p++ != '(')
        return -1;
    for (;;) {
        while (*p == ' ' || *p == ',')
            p++;
        if (*p == ')')
            return n;
        if (!isdigit((unsigned char)*p))
            return -1;
        char *end;
        long long k = strtoll(p, &end, 10);
        if (k < 0 || (k > 0 && n > INT64_MAX / 8 / k))
            return -1;
        n *= k;
        p = end;
    }
}

static asc_status npy_header(asc__token_array *a, const uint8_t *p, size_t n, int64_t *start, asc_error *err)
{
    size_t at = p[6] == 1 ? 10 : 12, len = p[6] == 1 ? p[8] | (size_t)p[9] << 8 : n >= 12 ? get_u32(p + 8) : 0;
    if (p[6] > 3 || n < 12 || len > n - at)
        return ASC_FAIL(err, ASC_EINVAL, "%s: a NumPy array with an unsupported header", a->path);
    char *header = asc_strndup((const char *)p + at, len);
    if (!header)
        return ASC_NOMEM(err);
    const char *type = npy_value(header, "'descr'"), *order = npy_value(header, "'fortran_order'");
    const struct dtype *d = NULL;
    for (size_t i = 0; type && i < N_DTYPES; i++)
        if (*type == '\'' && strchr("<|=", type[1]) && type[1] && strncmp(type + 2, dtypes[i].numpy, 2) == 0 &&
            type[4] == '\'')
            d = &dtypes[i];
    a->n = npy_count(npy_value(header, "'shape'"));
    asc_status st = ASC_OK;
    if (!d)
        st = ASC_FAIL(err, ASC_EINVAL,
                      "%s: a NumPy array of type %.*s, expected little-endian whole numbers (token ids)", a->path,
                      type ? (int)strcspn(type, ",}") : 1, type ? type : "?");
    else if (a->n < 0 || !order || *order != 'F')
        st = ASC_FAIL(err, ASC_EINVAL, "%s: a NumPy array of unsupported shape (expected (N,), in C order)", a->path);
    else
        set_type(a, d);
    *start = (int64_t)(at + len);
    asc_free(header);
    return st;
}

static void llmc_header(asc__token_array *a, const uint8_t *p, int64_t *start)
{
    set_type(a, find_dtype(get_u32(p) == LLMC_GPT2 ? "uint16" : "uint32"));
    a->n = (int32_t)get_u32(p + 8);
    *start = LLMC_HEAD;
}

static asc_status read_head(int fd, const char *path, uint8_t *p, size_t cap, size_t *n, asc_error *err)
{
    *n = 0;
    while (*n < cap) {
        ssize_t k = pread(fd, p + *n, cap - *n, (off_t)*n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return ASC_FAIL(err, ASC_EIO, "%s: cannot read: %s", path, strerror(errno));
        if (k == 0)
            break;
        *n += (size_t)k;
    }
    return ASC_OK;
}

/* Where the ids begin; a->n, a->width. */
static asc_status read_header(asc__token_array *a, const char *dtype, int64_t *start, asc_error *err)
{
    struct stat sb;
    size_t n;
    ASC_TRY(read_head(a->fd, a->path, a->chunk, HEAD, &n, err));
    if (fstat(a->fd, &sb) != 0)
        return ASC_FAIL(err, ASC_EIO, "%s: cannot stat: %s", a->path, strerror(errno));
    *start = 0;
    if (is_npy(a->chunk, n))
        ASC_TRY(npy_header(a, a->chunk, n, start, err));
    else if (is_llmc(a->chunk, n))
        llmc_header(a, a->chunk, start);
    else {
        const struct dtype *d = dtype ? find_dtype(dtype) : NULL;
        if (!d)
            return ASC_FAIL(err, ASC_EINVAL,
                            "%s: %s%s; dtype is one of uint8, uint16, int16, uint32, int32, uint64, int64", a->path,
                            dtype ? "not a dtype of token ids: " : "a raw array of token ids needs a dtype",
                            dtype ? dtype : "");
        set_type(a, d);
        if (sb.st_size % d->width)
            return ASC_FAIL(err, ASC_EINVAL, "%s: %lld bytes are not a whole number of %s", a->path,
                            (long long)sb.st_size, dtype);
        a->n = sb.st_size / d->width;
    }
    if (a->n < 0 || a->n > (sb.st_size - *start) / a->width)
        return ASC_FAIL(err, ASC_EINVAL, "%s: truncated: %lld bytes, its header says %lld ids of %d bytes", a->path,
                        (long long)sb.st_size, (long long)a->n, a->width);
    return ASC_OK;
}

bool asc__token_array_known(const char *path)
{
    uint8_t *head = asc_malloc(LLMC_HEAD);
    int fd = -1;
    size_t n = 0;
    bool known = head && asc__open_regular(&fd, path, NULL) == ASC_OK &&
                 read_head(fd, path, head, LLMC_HEAD, &n, NULL) == ASC_OK && (is_npy(head, n) || is_llmc(head, n));
    if (fd >= 0)
        close(fd);
    asc_free(head);
    return known;
}

/* ---- use ---- */

void asc__token_array_close(asc__token_array *a)
{
    if (!a)
        return;
    if (a->fd >= 0)
        close(a->fd);
    asc_free(a->chunk);
    asc_free(a->path);
    asc_free(a);
}

asc_status asc__token_array_open(asc__token_array **out, const char *path, const char *dtype, asc_error *err)
{
    asc__token_array *a = asc_calloc(1, sizeof *a);
    if (!a)
        return ASC_NOMEM(err);
    a->fd = -1;
    a->path = asc_strdup(path);
    a->chunk = asc_malloc(CHUNK);
    int64_t start = 0;
    asc_status st = a->path && a->chunk ? asc__open_regular(&a->fd, path, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = read_header(a, dtype, &start, err);
    if (st == ASC_OK && lseek(a->fd, (off_t)start, SEEK_SET) < 0)
        st = ASC_FAIL(err, ASC_EIO, "%s: cannot read: %s", path, strerror(errno));
    if (st != ASC_OK) {
        asc__token_array_close(a);
        return st;
    }
    a->left = a->n;
    *out = a;
    return ASC_OK;
}

int64_t asc__token_array_n(const asc__token_array *a)
{
    return a->n;
}

static asc_status fill(asc__token_array *a, asc_error *err)
{
    size_t want = CHUNK / 8 * (size_t)a->width;
    if (a->left < CHUNK / 8)
        want = (size_t)(a->left * a->width);
    a->at = a->end = 0;
    while (a->end < want) {
        ssize_t k = read(a->fd, a->chunk + a->end, want - a->end);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return ASC_FAIL(err, ASC_EIO, "%s: cannot read: %s", a->path, strerror(errno));
        if (k == 0)
            return ASC_FAIL(err, ASC_EINVAL, "%s: truncated while being read", a->path);
        a->end += (size_t)k;
    }
    a->left -= (int64_t)(want / (size_t)a->width);
    return ASC_OK;
}

static int32_t id_at(const asc__token_array *a, const uint8_t *p)
{
    uint64_t x = 0;
    memcpy(&x, p, (size_t)a->width);
    if (a->is_signed && a->width < 8 && x >> (8 * a->width - 1))
        return -1;
    return x > INT32_MAX ? -1 : (int32_t)x; /* negative int64 are beyond it too */
}

asc_status asc__token_array_next(asc__token_array *a, int32_t end, int32_t *ids, size_t cap, size_t *n, asc_error *err)
{
    *n = 0;
    while (*n < cap) {
        if (a->at == a->end && a->left == 0)
            break;
        if (a->at == a->end)
            ASC_TRY(fill(a, err));
        ids[*n] = id_at(a, a->chunk + a->at);
        a->at += (size_t)a->width;
        if (ids[(*n)++] == end && end >= 0)
            break;
    }
    return ASC_OK;
}
