/* Reading Megatron's indexed dataset through a memory map. The index is foreign: nothing in it is believed unchecked.
 */
#include "token_format.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

struct asc_token_file {
    char *prefix;
    asc_file_map bin, idx, sum;
    int code, width;
    uint64_t n_sequences;
    int64_t n_documents, n_tokens;
    atomic_uchar *verified; /* one per block of .bin; NULL: no checksums beside the file */
};

/* ---- maps ---- */

static asc_status map_file(asc_file_map *m, const char *prefix, const char *suffix, bool *present, asc_error *err)
{
    char *path = asc_strf("%s%s", prefix, suffix);
    if (!path)
        return ASC_NOMEM(err);
    asc_status st = asc_file_map_open(m, path, err);
    if (st != ASC_OK && errno == ENOENT && present) {
        *present = false;
        st = ASC_OK;
    }
    asc_free(path);
    return st;
}

/* ---- fields, which lie unaligned ---- */

static uint64_t get_u64(const uint8_t *p)
{
    uint64_t x;
    memcpy(&x, p, 8);
    return x;
}

static int64_t get_i64(const uint8_t *p)
{
    return (int64_t)get_u64(p);
}

static int64_t get_i32(const uint8_t *p)
{
    int32_t x;
    memcpy(&x, p, 4);
    return x;
}

static const uint8_t *sizes_of(const asc_token_file *f)
{
    return f->idx.p + ASC__IDX_HEADER;
}

static const uint8_t *pointers_of(const asc_token_file *f)
{
    return sizes_of(f) + 4 * f->n_sequences;
}

static const uint8_t *documents_of(const asc_token_file *f)
{
    return pointers_of(f) + 8 * f->n_sequences;
}

/* Megatron's codes of token types that can hold ids. */
static int width_of_code(int code)
{
    switch (code) {
    case 1: /* uint8 */
        return 1;
    case 3: /* int16 */
    case ASC__IDX_UINT16:
        return 2;
    case ASC__IDX_INT32:
        return 4;
    case 5: /* int64 */
        return 8;
    default:
        return 0;
    }
}

/* ---- checks at open ---- */

static asc_status check_header(asc_token_file *f, asc_error *err)
{
    const uint8_t *p = f->idx.p;
    if (f->idx.n < ASC__IDX_HEADER || memcmp(p, ASC__IDX_MAGIC, 9) != 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s.idx: not the index of a token file (MMIDIDX)", f->prefix);
    if (get_u64(p + 9) != 1)
        return ASC_FAIL(err, ASC_EINVAL, "%s.idx: version %llu, expected 1", f->prefix,
                        (unsigned long long)get_u64(p + 9));
    f->code = p[17];
    f->width = width_of_code(f->code);
    if (f->width == 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s.idx: tokens of type %d, expected 1, 3, 4, 5 or 8", f->prefix, f->code);
    uint64_t n_sequences = get_u64(p + 18), n_marks = get_u64(p + 26), rest = f->idx.n - ASC__IDX_HEADER;
    /* Compared by division: the counts may be anything. */
    if (n_sequences > rest / 12 || n_marks == 0 || n_marks > (rest - 12 * n_sequences) / 8 ||
        rest != 12 * n_sequences + 8 * n_marks)
        return ASC_FAIL(err, ASC_EINVAL, "%s.idx: %zu bytes do not fit %llu sequences and %llu documents", f->prefix,
                        f->idx.n, (unsigned long long)n_sequences, (unsigned long long)n_marks);
    f->n_sequences = n_sequences;
    f->n_documents = (int64_t)n_marks - 1;
    return ASC_OK;
}

/* Sequences must follow each other without gaps: positions in the stream are then plain offsets. */
static asc_status check_sequences(asc_token_file *f, asc_error *err)
{
    const uint8_t *sizes = sizes_of(f), *pointers = pointers_of(f);
    int64_t at = 0;
    for (uint64_t i = 0; i < f->n_sequences; i++) {
        int64_t size = get_i32(sizes + 4 * i);
        if (size < 0 || get_i64(pointers + 8 * i) != at)
            return ASC_FAIL(err, ASC_EINVAL, "%s.idx: sequence %llu does not follow the one before it", f->prefix,
                            (unsigned long long)i);
        at +=
            size * f->width; /* n_sequences < 2^60 is bounded by the file's size: no overflow before the check below */
        if (at > (int64_t)f->bin.n)
            break;
    }
    if (at != (int64_t)f->bin.n)
        return ASC_FAIL(err, ASC_EINVAL, "%s.bin: %zu bytes, but its index needs %s%lld", f->prefix, f->bin.n,
                        at > (int64_t)f->bin.n ? "at least " : "", (long long)at);
    f->n_tokens = at / f->width;
    return ASC_OK;
}

static asc_status check_documents(asc_token_file *f, asc_error *err)
{
    const uint8_t *marks = documents_of(f);
    int64_t before = 0;
    for (int64_t d = 0; d <= f->n_documents; d++) {
        int64_t mark = get_i64(marks + 8 * d);
        if (mark < before || mark > (int64_t)f->n_sequences || (d == 0 && mark != 0))
            return ASC_FAIL(err, ASC_EINVAL, "%s.idx: document %lld starts at sequence %lld of %llu", f->prefix,
                            (long long)d, (long long)mark, (unsigned long long)f->n_sequences);
        before = mark;
    }
    if (before != (int64_t)f->n_sequences)
        return ASC_FAIL(err, ASC_EINVAL, "%s.idx: its documents end at sequence %lld of %llu", f->prefix,
                        (long long)before, (unsigned long long)f->n_sequences);
    return ASC_OK;
}

static asc_status check_sums(asc_token_file *f, asc_error *err)
{
    const uint8_t *p = f->sum.p;
    size_t n_blocks = f->bin.n / ASC__SUM_BLOCK + (f->bin.n % ASC__SUM_BLOCK != 0);
    if (f->sum.n < ASC__SUM_HEADER || memcmp(p, ASC__SUM_MAGIC, 8) != 0 || get_u64(p + 8) != f->bin.n ||
        f->sum.n != ASC__SUM_HEADER + 8 * n_blocks)
        return ASC_FAIL(err, ASC_ESTATE, "%s.sum: not the checksums of %s.bin (%zu bytes)", f->prefix, f->prefix,
                        f->bin.n);
    if (get_u64(p + 16) != asc_hash64(f->idx.p, f->idx.n, ASC__IDX_SEED))
        return ASC_FAIL(err, ASC_ESTATE, "%s.idx: damaged (its checksum in %s.sum differs)", f->prefix, f->prefix);
    f->verified = asc_calloc(n_blocks, sizeof *f->verified);
    return f->verified ? ASC_OK : ASC_NOMEM(err);
}

static asc_status open_parts(asc_token_file *f, asc_error *err)
{
    bool has_sums = true;
    ASC_TRY(map_file(&f->idx, f->prefix, ".idx", NULL, err));
    ASC_TRY(map_file(&f->bin, f->prefix, ".bin", NULL, err));
    ASC_TRY(map_file(&f->sum, f->prefix, ".sum", &has_sums, err));
    if (has_sums && f->idx.n > 0)
        ASC_TRY(check_sums(f, err));
    ASC_TRY(check_header(f, err));
    ASC_TRY(check_sequences(f, err));
    return check_documents(f, err);
}

asc_status asc_token_file_open(asc_token_file **out, const char *prefix, asc_error *err)
{
    asc_token_file *f = asc_calloc(1, sizeof *f);
    if (!f)
        return ASC_NOMEM(err);
    f->prefix = asc_strdup(prefix);
    asc_status st = f->prefix ? open_parts(f, err) : ASC_NOMEM(err);
    if (st != ASC_OK) {
        asc_token_file_close(f);
        return st;
    }
    *out = f;
    return ASC_OK;
}

void asc_token_file_close(asc_token_file *f)
{
    if (!f)
        return;
    asc_file_map_close(&f->bin);
    asc_file_map_close(&f->idx);
    asc_file_map_close(&f->sum);
    asc_free(f->verified);
    asc_free(f->prefix);
    asc_free(f);
}

/* ---- use ---- */

const char *asc_token_file_prefix(const asc_token_file *f)
{
    return f->prefix;
}

int64_t asc_token_file_tokens(const asc_token_file *f)
{
    return f->n_tokens;
}

int64_t asc_token_file_documents(const asc_token_file *f)
{
    return f->n_documents;
}

int asc_token_file_width(const asc_token_file *f)
{
    return f->width;
}

/* Sequences lie without gaps, so the first byte of a document is its first token's. */
static int64_t sequence_start(const asc_token_file *f, int64_t sequence)
{
    if (sequence == (int64_t)f->n_sequences)
        return f->n_tokens;
    return get_i64(pointers_of(f) + 8 * sequence) / f->width;
}

asc_status asc_token_file_document(const asc_token_file *f, int64_t d, int64_t *at, int64_t *n, asc_error *err)
{
    if (d < 0 || d >= f->n_documents)
        return ASC_FAIL(err, ASC_EINVAL, "%s: document %lld of %lld", f->prefix, (long long)d,
                        (long long)f->n_documents);
    const uint8_t *marks = documents_of(f) + 8 * d;
    *at = sequence_start(f, get_i64(marks));
    *n = sequence_start(f, get_i64(marks + 8)) - *at;
    return ASC_OK;
}

/* Threads may check one block twice; both come to the same verdict. */
static asc_status verify(const asc_token_file *f, size_t first, size_t n, asc_error *err)
{
    for (size_t b = first / ASC__SUM_BLOCK; b <= (first + n - 1) / ASC__SUM_BLOCK; b++) {
        if (atomic_load_explicit(&f->verified[b], memory_order_acquire))
            continue;
        size_t at = b * ASC__SUM_BLOCK, len = f->bin.n - at < ASC__SUM_BLOCK ? f->bin.n - at : ASC__SUM_BLOCK;
        if (asc_hash64(f->bin.p + at, len, b) != get_u64(f->sum.p + ASC__SUM_HEADER + 8 * b))
            return ASC_FAIL(err, ASC_ESTATE,
                            "%s.bin: damaged between bytes %zu and %zu (its checksum in %s.sum differs); remove it to "
                            "rebuild it from the text",
                            f->prefix, at, at + len, f->prefix);
        atomic_store_explicit(&f->verified[b], 1, memory_order_release);
    }
    return ASC_OK;
}

static int32_t token_at(const uint8_t *p, int code)
{
    uint16_t u;
    int16_t s;
    switch (code) {
    case 1:
        return *p;
    case 3:
        memcpy(&s, p, 2);
        return s;
    case ASC__IDX_UINT16:
        memcpy(&u, p, 2);
        return u;
    case ASC__IDX_INT32:
        return (int32_t)get_i32(p);
    default: { /* int64: what is no id stays no id */
        int64_t x = get_i64(p);
        return x < 0 || x > INT32_MAX ? -1 : (int32_t)x;
    }
    }
}

/* uint16 to int32, eight at a time: this is what the sampler's speed hangs on. */
static void widen(int32_t *out, const uint8_t *p, size_t n)
{
    typedef uint16_t short8 __attribute__((vector_size(16)));
    typedef int32_t int8 __attribute__((vector_size(32)));
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        short8 from;
        memcpy(&from, p + 2 * i, sizeof from);
        int8 to = __builtin_convertvector(from, int8);
        memcpy(out + i, &to, sizeof to);
    }
    for (; i < n; i++) {
        uint16_t one;
        memcpy(&one, p + 2 * i, sizeof one);
        out[i] = one;
    }
}

asc_status asc_token_file_read(const asc_token_file *f, int64_t at, size_t n, int32_t *out, asc_error *err)
{
    if (at < 0 || at > f->n_tokens || n > (uint64_t)(f->n_tokens - at))
        return ASC_FAIL(err, ASC_EINVAL, "%s: %zu tokens from %lld on, of %lld", f->prefix, n, (long long)at,
                        (long long)f->n_tokens);
    if (n == 0)
        return ASC_OK;
    size_t first = (size_t)at * (size_t)f->width;
    if (f->verified)
        ASC_TRY(verify(f, first, n * (size_t)f->width, err));
    const uint8_t *p = f->bin.p + first;
    if (f->code == ASC__IDX_UINT16)
        widen(out, p, n);
    else if (f->code == ASC__IDX_INT32)
        memcpy(out, p, 4 * n);
    else
        for (size_t i = 0; i < n; i++)
            out[i] = token_at(p + i * (size_t)f->width, f->code);
    return ASC_OK;
}
