#include "safetensors.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_json.h"

enum { MAX_HEADER = 16 << 20 }; /* a hundred thousand tensors; as JSON in memory some dozens of times that */

/* ---- write ---- */

static asc_status header_of(json_t **out, const asc__st_tensor *tensors, size_t n, asc_error *err)
{
    json_t *header = json_pack("{s:{s:s}}", "__metadata__", "format", "pt");
    uint64_t at = 0;
    bool ok = header != NULL;
    for (size_t i = 0; i < n && ok; i++) {
        const asc__st_tensor *t = &tensors[i];
        const char *dtype = t->dtype ? t->dtype : "F32";
        uint64_t end = at + (uint64_t)asc__st_width(dtype) * (uint64_t)t->n;
        json_t *shape = json_array();
        for (int d = 0; d < t->n_dims; d++)
            ok = json_array_append_new(shape, json_integer(t->dims[d])) == 0 && ok;
        json_t *entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype", dtype, "shape", shape, "data_offsets",
                                  (json_int_t)at, (json_int_t)end);
        ok = entry && json_object_set_new(header, t->name, entry) == 0 && ok;
        at = end;
    }
    if (!ok) {
        json_decref(header);
        return ASC_NOMEM(err);
    }
    *out = header;
    return ASC_OK;
}

asc_status asc__st_write_header(asc_writer *w, const asc__st_tensor *tensors, size_t n, asc_error *err)
{
    json_t *header = NULL;
    char *text = NULL;
    ASC_TRY(header_of(&header, tensors, n, err));
    asc_status s = asc_json_print(&text, header, 0, err);
    json_decref(header);
    if (s != ASC_OK)
        return s;
    size_t len = strlen(text);
    while (len > 0 && text[len - 1] == '\n')
        len--;
    uint64_t padded = (len + 7) / 8 * 8; /* data start aligned; the format allows spaces */
    uint8_t size[8];
    for (int i = 0; i < 8; i++)
        size[i] = (uint8_t)(padded >> (8 * i));
    s = asc_writer_write(w, size, 8, err);
    if (s == ASC_OK)
        s = asc_writer_write(w, text, len, err);
    if (s == ASC_OK)
        s = asc_writer_write(w, "       ", (size_t)(padded - len), err);
    asc_free(text);
    return s;
}

asc_status asc__st_write(const char *path, const asc__st_tensor *tensors, size_t n, asc_error *err)
{
    asc_writer w = {0};
    ASC_TRY(asc_writer_open(&w, path, err));
    asc_status s = asc__st_write_header(&w, tensors, n, err);
    for (size_t i = 0; i < n && s == ASC_OK; i++)
        s = asc_writer_write(&w, tensors[i].data, tensors[i].n * sizeof(float), err);
    if (s == ASC_OK)
        s = asc_writer_commit(&w, err);
    asc_writer_abort(&w);
    return s;
}

/* ---- read ---- */

void asc__st_close(asc__st_file *s)
{
    if (!s)
        return;
    if (s->f)
        fclose(s->f);
    json_decref(s->header);
    asc_free(s->tensors);
    asc_free(s->path);
    *s = (asc__st_file){0};
}

static asc_status bad(const asc__st_file *s, const char *name, const char *what, asc_error *err)
{
    return ASC_FAIL(err, ASC_EINVAL, "%s: tensor '%s': %s", s->path, name, what);
}

int asc__st_width(const char *dtype)
{
    static const struct {
        const char *name;
        int width;
    } types[] = {{"F64", 8}, {"F32", 4}, {"F16", 2},  {"BF16", 2},    {"I64", 8},
                 {"U64", 8}, {"I32", 4}, {"U32", 4},  {"I16", 2},     {"U16", 2},
                 {"I8", 1},  {"U8", 1},  {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(dtype, types[i].name) == 0)
            return types[i].width;
    return 0;
}

static bool is_parameter_type(const char *dtype)
{
    return strcmp(dtype, "F64") == 0 || strcmp(dtype, "F32") == 0 || strcmp(dtype, "F16") == 0 ||
           strcmp(dtype, "BF16") == 0;
}

/* Where a tensor's bytes lie in the data. */
typedef struct span {
    uint64_t from, to;
    const char *name;
} span;

static asc_status read_shape(asc__st_tensor *t, const asc__st_file *s, const json_t *shape, asc_error *err)
{
    for (size_t d = 0; d < json_array_size(shape); d++) {
        json_t *x = json_array_get(shape, d);
        json_int_t n = json_integer_value(x);
        if (!json_is_integer(x) || n < 0 || __builtin_mul_overflow(t->n, (size_t)n, &t->n))
            return bad(s, t->name, "shape is not a list of whole numbers >= 0", err);
        if (d < 4)
            t->dims[d] = n;
    }
    return ASC_OK;
}

/* One entry of the header; data_size bytes follow the header, which ends at `start`. */
static asc_status parse_tensor(asc__st_file *s, span *out, const char *name, const json_t *entry, uint64_t start,
                               uint64_t data_size, asc_error *err)
{
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    const json_t *shape = json_object_get(entry, "shape"), *offsets = json_object_get(entry, "data_offsets");
    if (!dtype || !json_is_array(shape) || json_array_size(offsets) != 2)
        return bad(s, name, "expected dtype, shape and two data_offsets", err);
    json_t *from = json_array_get(offsets, 0), *to = json_array_get(offsets, 1);
    json_int_t b = json_integer_value(from), e = json_integer_value(to);
    if (!json_is_integer(from) || !json_is_integer(to) || b < 0 || e < b || (uint64_t)e > data_size)
        return bad(s, name, "data_offsets lie outside the file", err);
    asc__st_tensor t = {.name = name, .n = 1, .dtype = dtype, .n_dims = (int)json_array_size(shape)};
    ASC_TRY(read_shape(&t, s, shape, err));
    size_t bytes, width = (size_t)asc__st_width(dtype);
    if (width && (__builtin_mul_overflow(t.n, width, &bytes) || (uint64_t)(e - b) != bytes))
        return bad(s, name, "data_offsets do not fit the shape", err);
    *out = (span){(uint64_t)b, (uint64_t)e, name};
    t.at = start + (uint64_t)b;
    t.bytes = (uint64_t)(e - b);
    t.width = is_parameter_type(dtype) ? (int)width : 0;
    t.is_half = strcmp(dtype, "F16") == 0;
    s->tensors[s->n_tensors++] = t;
    return ASC_OK;
}

static int by_place(const void *a, const void *b)
{
    const span *x = a, *y = b;
    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    return (x->to > y->to) - (x->to < y->to);
}

static int by_name(const void *a, const void *b)
{
    const asc__st_tensor *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* Every byte of the data belongs to exactly one tensor: what two share, or none has, was not written by the format's
 * own library, which refuses it too. */
static asc_status check_spans(const asc__st_file *s, span *spans, size_t n, uint64_t data_size, asc_error *err)
{
    uint64_t at = 0;
    qsort(spans, n, sizeof *spans, by_place);
    for (size_t i = 0; i < n; i++) {
        if (spans[i].from < at)
            return bad(s, spans[i].name, "data_offsets overlap another tensor's", err);
        if (spans[i].from > at)
            return bad(s, spans[i].name, "data_offsets leave a gap before it", err);
        at = spans[i].to;
    }
    if (at != data_size)
        return ASC_FAIL(err, ASC_EINVAL, "%s: %llu bytes after the last tensor: damaged, or two files in one", s->path,
                        (unsigned long long)(data_size - at));
    return ASC_OK;
}

static asc_status parse_header(asc__st_file *s, uint64_t start, uint64_t data_size, asc_error *err)
{
    const char *name;
    json_t *entry;
    size_t n = 0, most = json_object_size(s->header);
    s->tensors = asc_calloc(most + 1, sizeof *s->tensors);
    span *spans = asc_calloc(most + 1, sizeof *spans);
    asc_status st = s->tensors && spans ? ASC_OK : ASC_NOMEM(err);
    json_object_foreach((json_t *)s->header, name, entry)
    {
        if (st == ASC_OK && strcmp(name, "__metadata__") != 0)
            st = parse_tensor(s, &spans[n++], name, entry, start, data_size, err);
    }
    if (st == ASC_OK)
        st = check_spans(s, spans, n, data_size, err);
    if (st == ASC_OK)
        qsort(s->tensors, s->n_tensors, sizeof *s->tensors, by_name);
    asc_free(spans);
    return st;
}

static asc_status read_header(asc__st_file *s, asc_error *err)
{
    uint8_t size[8];
    ASC_TRY(asc_file_stream(&s->f, s->path, err));
    if (fseeko(s->f, 0, SEEK_END) != 0)
        return ASC_FAIL(err, ASC_EIO, "%s: cannot be read", s->path);
    uint64_t file_size = (uint64_t)ftello(s->f), n = 0;
    rewind(s->f);
    if (fread(size, 1, 8, s->f) != 8)
        return ASC_FAIL(err, ASC_EINVAL, "%s: not a safetensors file: shorter than 8 bytes", s->path);
    for (int i = 0; i < 8; i++)
        n |= (uint64_t)size[i] << (8 * i);
    if (n > file_size - 8 || n > MAX_HEADER)
        return ASC_FAIL(err, ASC_EINVAL, "%s: not a safetensors file: header of %llu bytes in a file of %llu", s->path,
                        (unsigned long long)n, (unsigned long long)file_size);
    char *text = asc_malloc((size_t)n + 1);
    if (!text)
        return ASC_NOMEM(err);
    json_t *header = NULL;
    asc_status st = fread(text, 1, (size_t)n, s->f) == n ? asc_json_parse(&header, s->path, text, (size_t)n, err)
                                                         : ASC_FAIL(err, ASC_EIO, "%s: cannot be read", s->path);
    asc_free(text);
    s->header = header;
    if (st == ASC_OK && !json_is_object(header))
        st = ASC_FAIL(err, ASC_EINVAL, "%s: header: expected an object", s->path);
    return st == ASC_OK ? parse_header(s, 8 + n, file_size - 8 - n, err) : st;
}

asc_status asc__st_open(asc__st_file *out, const char *path, asc_error *err)
{
    asc__st_file s = {.path = asc_strdup(path)};
    if (!s.path)
        return ASC_NOMEM(err);
    asc_status st = read_header(&s, err);
    if (st != ASC_OK) {
        asc__st_close(&s);
        return st;
    }
    *out = s;
    return ASC_OK;
}

void asc__st_shape_text(char buf[100], int n_dims, const int64_t *dims)
{
    const int most = (int)(sizeof((asc__st_tensor *)0)->dims / sizeof *dims);
    size_t at = (size_t)snprintf(buf, 100, "[");
    for (int d = 0; d < n_dims && d < most; d++)
        at += (size_t)snprintf(buf + at, 100 - at, "%s%lld", d ? ", " : "", (long long)dims[d]);
    snprintf(buf + at, 100 - at, "%s]", n_dims > most ? ", ..." : "");
}

const asc__st_tensor *asc__st_find(const asc__st_file *s, const char *name)
{
    asc__st_tensor key = {.name = name};
    return s->n_tensors ? bsearch(&key, s->tensors, s->n_tensors, sizeof key, by_name) : NULL;
}

/* IEEE half to float: the exponent is re-based by one multiplication, which also makes subnormals right. */
static float half_to_float(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, rest = (uint32_t)(h & 0x7fff) << 13, u;
    float f;
    if ((h & 0x7c00) == 0x7c00) {
        u = sign | 0x7f800000u | rest;
    } else {
        memcpy(&f, &rest, sizeof f);
        f *= 0x1p112f;
        memcpy(&u, &f, sizeof u);
        u |= sign;
    }
    memcpy(&f, &u, sizeof f);
    return f;
}

static float widen(uint16_t x, bool is_half)
{
    if (is_half)
        return half_to_float(x);
    uint32_t u = (uint32_t)x << 16;
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

/* n elements of width w at p, widened to fp32. */
static void widen_all(float *out, const uint8_t *p, size_t n, int width, bool is_half)
{
    for (size_t i = 0; i < n; i++) {
        uint16_t h;
        double d;
        if (width == 8) {
            memcpy(&d, p + 8 * i, sizeof d);
            out[i] = (float)d;
        } else {
            memcpy(&h, p + 2 * i, sizeof h);
            out[i] = widen(h, is_half);
        }
    }
}

asc_status asc__st_read(const asc__st_file *s, const asc__st_tensor *t, float *out, asc_error *err)
{
    return asc__st_read_part(s, t, 0, t->n, out, err);
}

asc_status asc__st_read_part(const asc__st_file *s, const asc__st_tensor *t, size_t from, size_t n_wanted, float *out,
                             asc_error *err)
{
    enum { CHUNK = 4096 };
    uint8_t bytes[CHUNK * sizeof(double)];
    if (t->width == 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s: tensor '%s': of type %s; only F64, F32, F16 and BF16 are read", s->path,
                        t->name, t->dtype);
    bool good = fseeko(s->f, (off_t)(t->at + (uint64_t)from * (uint64_t)t->width), SEEK_SET) == 0;
    if (t->width == 4)
        good = good && fread(out, 4, n_wanted, s->f) == n_wanted;
    for (size_t i = 0; t->width != 4 && good && i < n_wanted; i += CHUNK) {
        size_t n = n_wanted - i < CHUNK ? n_wanted - i : CHUNK;
        good = fread(bytes, (size_t)t->width, n, s->f) == n;
        if (good)
            widen_all(out + i, bytes, n, t->width, t->is_half);
    }
    return good ? ASC_OK : ASC_FAIL(err, ASC_EIO, "%s: tensor '%s': cannot be read", s->path, t->name);
}

asc_status asc__st_read_bytes(const asc__st_file *s, const asc__st_tensor *t, uint64_t from, size_t n, void *out,
                              asc_error *err)
{
    bool good = fseeko(s->f, (off_t)(t->at + from), SEEK_SET) == 0 && fread(out, 1, n, s->f) == n;
    return good ? ASC_OK : ASC_FAIL(err, ASC_EIO, "%s: tensor '%s': cannot be read", s->path, t->name);
}
