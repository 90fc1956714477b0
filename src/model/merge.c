/* Weighted sums of checkpoints: every tensor is looked for first, then read in chunks, summed in double and written. */
#include "model/model_merge.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "merge_private.h"

enum { CHUNK = 1 << 18, MAX_DIMS = 4 };
#define SHARD_BYTES 5e9

/* A tensor of the result and where its parts are read from. */
typedef struct piece {
    const char *name;
    const asc__weight **from; /* (n) */
    const char *dtype;        /* NULL: integers, the same everywhere, copied */
    size_t bytes;
    size_t shard;
} piece;

typedef struct merging {
    const asc_merge_opts *o;
    asc__merge_source *sources; /* (n) */
    piece *pieces;              /* (n_pieces) in the order of the result */
    size_t n_pieces, n_shards;
    bool moments;
    double *sum;      /* (CHUNK) */
    float *x, *first; /* (CHUNK) */
    double done, total;
} merging;

void asc_merge_info_clear(asc_merge_info *i)
{
    if (!i)
        return;
    asc_free(i->delta);
    *i = (asc_merge_info){0};
}

static void merging_clear(merging *m)
{
    for (size_t s = 0; m->sources && s < m->o->n; s++)
        asc__weights_close(&m->sources[s].w);
    asc_free(m->sources);
    for (size_t i = 0; m->pieces && i < m->n_pieces; i++)
        asc_free(m->pieces[i].from);
    asc_free(m->pieces);
    asc_free(m->sum);
    asc_free(m->x);
    asc_free(m->first);
}

/* ---- which tensors ---- */

/* Constants that old versions of transformers saved beside the parameters. */
static bool is_buffer(const asc__weight *x)
{
    static const char *const ends[] = {"attn.masked_bias", "attention.masked_bias", "rotary_emb.inv_freq",
                                       "position_ids"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (asc_ends_with(x->bare, ends[i]))
            return true;
    return x->tensor->n_dims == 4 && (asc_ends_with(x->bare, "attn.bias") || asc_ends_with(x->bare, "attention.bias"));
}

/* The other name that a tied matrix may stand under, or NULL. */
static const char *tied_twin(const asc__merge_source *s, const char *bare)
{
    const asc__arch_ops *arch = s->known && !s->spec.untied ? asc__arch_of(s->spec.arch) : NULL;
    if (!arch || !arch->output)
        return NULL;
    return strcmp(bare, arch->output) == 0 ? arch->embedding : strcmp(bare, arch->embedding) == 0 ? arch->output : NULL;
}

static asc_status find_in(const asc__weight **out, const asc__merge_source *s, const asc__weight *x, asc_error *err)
{
    ASC_TRY(asc__weights_find(out, &s->w, x->tensor->name, err));
    const char *twin = *out ? NULL : tied_twin(s, x->bare);
    return twin ? asc__weights_find(out, &s->w, twin, err) : ASC_OK;
}

/* What the result does not need: constants, and a tied head beside its embedding. */
static asc_status is_left_out(bool *out, const asc__merge_source *s, const asc__weight *x, asc_error *err)
{
    const char *twin = tied_twin(s, x->bare);
    const asc__weight *in = NULL;
    *out = is_buffer(x);
    if (*out || !twin || strcmp(x->bare, asc__arch_of(s->spec.arch)->output) != 0)
        return ASC_OK;
    ASC_TRY(asc__weights_find(&in, &s->w, twin, err));
    *out = in != NULL;
    return ASC_OK;
}

static asc_status check_like(const asc__weight *a, const asc__weight *b, asc_error *err)
{
    const asc__st_tensor *x = a->tensor, *y = b->tensor;
    bool same = x->n_dims == y->n_dims && x->n == y->n;
    for (int d = 0; same && d < x->n_dims && d < MAX_DIMS; d++)
        same = x->dims[d] == y->dims[d];
    if (!same) {
        char p[100], q[100];
        asc__st_shape_text(p, x->n_dims, x->dims);
        asc__st_shape_text(q, y->n_dims, y->dims);
        return ASC_FAIL(err, ASC_EINVAL, "%s: tensor '%s' has shape %s, but %s in %s", b->file->path, y->name, q, p,
                        a->file->path);
    }
    if (x->n_dims > MAX_DIMS)
        return ASC_FAIL(err, ASC_EINVAL, "%s: tensor '%s' has %d dimensions, expected at most %d", a->file->path,
                        x->name, x->n_dims, MAX_DIMS);
    bool number = x->width > 0;
    if (number != (y->width > 0) || (!number && strcmp(x->dtype, y->dtype) != 0))
        return ASC_FAIL(err, ASC_EINVAL, "%s: tensor '%s' is of type %s, but %s in %s", b->file->path, y->name,
                        y->dtype, x->dtype, a->file->path);
    return ASC_OK;
}

/* The type of the sum: the one type that all have, or fp32. */
static const char *type_of(const merging *m, const piece *p)
{
    const char *type = p->from[0]->tensor->dtype;
    if (p->from[0]->tensor->width == 0)
        return NULL;
    if (m->moments || m->o->dtype == ASC_MERGE_FP32)
        return "F32";
    if (m->o->dtype == ASC_MERGE_BF16)
        return "BF16";
    for (size_t s = 1; s < m->o->n; s++)
        if (strcmp(p->from[s]->tensor->dtype, type) != 0)
            return "F32";
    return strcmp(type, "F64") == 0 ? "F32" : type;
}

static asc_status add_piece(merging *m, const asc__weight *x, asc_error *err)
{
    piece *p = &m->pieces[m->n_pieces];
    *p = (piece){.name = x->tensor->name, .from = asc_calloc(m->o->n, sizeof *p->from)};
    if (!p->from)
        return ASC_NOMEM(err);
    m->n_pieces++;
    p->from[0] = x;
    for (size_t s = 1; s < m->o->n; s++) {
        ASC_TRY(find_in(&p->from[s], &m->sources[s], x, err));
        if (!p->from[s])
            return ASC_FAIL(err, ASC_EINVAL, "%s: tensor '%s' is missing, which %s has", m->o->dirs[s], p->name,
                            m->o->dirs[0]);
        ASC_TRY(check_like(x, p->from[s], err));
    }
    p->dtype = type_of(m, p);
    p->bytes = p->dtype ? x->tensor->n * (size_t)asc__st_width(p->dtype) : (size_t)x->tensor->bytes;
    return ASC_OK;
}

/* What the others have must be in the first. */
static asc_status check_no_more(const merging *m, size_t s, asc_error *err)
{
    const asc__weights *w = &m->sources[s].w;
    for (size_t i = 0; i < w->n_all; i++) {
        bool left_out;
        const asc__weight *there = NULL;
        ASC_TRY(is_left_out(&left_out, &m->sources[s], &w->all[i], err));
        if (!left_out)
            ASC_TRY(find_in(&there, &m->sources[0], &w->all[i], err));
        if (!left_out && !there)
            return ASC_FAIL(err, ASC_EINVAL, "%s: tensor '%s' is missing, which %s has", m->o->dirs[0],
                            w->all[i].tensor->name, m->o->dirs[s]);
    }
    return ASC_OK;
}

static int piece_width(const piece *p)
{
    return asc__st_width(p->dtype ? p->dtype : p->from[0]->tensor->dtype);
}

/* Wide types first, so that every tensor is aligned. */
static int by_width(const void *a, const void *b)
{
    const piece *x = a, *y = b;
    int p = piece_width(x), q = piece_width(y);
    return p != q ? (p > q ? -1 : 1) : strcmp(x->name, y->name);
}

static void deal_shards(merging *m)
{
    double most = m->o->shard_bytes > 0 ? m->o->shard_bytes : SHARD_BYTES, held = 0;
    m->n_shards = 1;
    for (size_t i = 0; i < m->n_pieces; i++) {
        piece *p = &m->pieces[i];
        if (!m->moments && held > 0 && held + (double)p->bytes > most) {
            m->n_shards++;
            held = 0;
        }
        held += (double)p->bytes;
        p->shard = m->n_shards - 1;
    }
}

static asc_status list_pieces(merging *m, asc_error *err)
{
    const asc__weights *w = &m->sources[0].w;
    m->pieces = asc_calloc(w->n_all + 1, sizeof *m->pieces);
    if (!m->pieces)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < w->n_all; i++) {
        bool left_out;
        ASC_TRY(is_left_out(&left_out, &m->sources[0], &w->all[i], err));
        if (!left_out)
            ASC_TRY(add_piece(m, &w->all[i], err));
    }
    for (size_t s = 1; s < m->o->n; s++)
        ASC_TRY(check_no_more(m, s, err));
    qsort(m->pieces, m->n_pieces, sizeof *m->pieces, by_width);
    for (size_t i = 0; i < m->n_pieces; i++)
        m->total += (double)m->pieces[i].from[0]->tensor->n;
    deal_shards(m);
    return ASC_OK;
}

/* ---- numbers ---- */

static uint16_t to_bf16(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16); /* to even; x is finite */
}

/* To even; subnormals by adding a power of two whose last bit is theirs. What is too large becomes infinity. */
static uint16_t to_half(float x)
{
    uint32_t u, sign;
    memcpy(&u, &x, sizeof u);
    sign = u >> 16 & 0x8000;
    u &= 0x7fffffff;
    if (u >= 0x477ff000)
        return (uint16_t)(sign | 0x7c00);
    if (u < 0x38800000) {
        float f;
        memcpy(&f, &u, sizeof f);
        f += .5f;
        memcpy(&u, &f, sizeof u);
        return (uint16_t)(sign | (u - 0x3f000000));
    }
    return (uint16_t)(sign | ((u - 0x38000000 + 0xfff + (u >> 13 & 1)) >> 13));
}

static asc_status not_finite(const char *path, const char *name, size_t at, double x, asc_error *err)
{
    return ASC_FAIL(err, ASC_ENUMERIC, "%s: tensor '%s' holds %s (element %zu)", path, name,
                    isnan(x) ? "NaN" : "infinity", at);
}

static asc_status check_finite(const asc__weight *from, const float *x, size_t n, size_t at, asc_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return not_finite(from->file->path, from->tensor->name, at + i, (double)x[i], err);
    return ASC_OK;
}

static void measure(asc__merge_source *s, const float *x, const float *base, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        s->moved += fabs((double)x[i] - (double)base[i]);
        s->size += fabs((double)x[i]) + fabs((double)base[i]);
    }
}

/* m->sum becomes the weighted sum of n elements from `at` on. */
static asc_status add_up(merging *m, const piece *p, size_t at, size_t n, asc_error *err)
{
    assert(n <= CHUNK);
    memset(m->sum, 0, n * sizeof *m->sum);
    for (size_t s = 0; s < m->o->n; s++) {
        double w = m->o->weights[s];
        bool measured = m->o->has_base && !m->moments;
        float *x = s == 0 ? m->first : m->x;
        if (w == 0 && !measured)
            continue;
        const asc__weight *from = p->from[s];
        ASC_TRY(asc__st_read_part(from->file, from->tensor, at, n, x, err));
        ASC_TRY(check_finite(from, x, n, at, err));
        if (measured)
            measure(&m->sources[s], x, m->first, n);
        for (size_t i = 0; w != 0 && i < n; i++)
            m->sum[i] += w * (double)x[i];
    }
    return ASC_OK;
}

/* The sum as the file holds it. */
static asc_status round_up(merging *m, const piece *p, size_t at, size_t n, asc_error *err)
{
    assert(n <= CHUNK && p->dtype);
    bool positive = m->moments && strncmp(p->name, "v.", 2) == 0, half = strcmp(p->dtype, "F16") == 0;
    uint16_t *narrow = (uint16_t *)(void *)m->x;
    float *wide = m->x;
    for (size_t i = 0; i < n; i++) {
        float x = (float)(positive && m->sum[i] < 0 ? 0 : m->sum[i]);
        if (!isfinite(x) || (half && fabsf(x) >= 65520))
            return not_finite("the sum", p->name, at + i, half ? INFINITY : (double)x, err);
        if (strcmp(p->dtype, "F32") == 0)
            wide[i] = x;
        else
            narrow[i] = half ? to_half(x) : to_bf16(x);
    }
    return ASC_OK;
}

static asc_status step(merging *m, size_t n, asc_error *err)
{
    m->done += (double)n;
    if (asc_interrupted())
        return ASC_FAIL(err, ASC_EINTR, "merge: interrupted; nothing was written");
    if (m->o->progress)
        m->o->progress(m->o->ctx, m->moments ? "merging moments" : "merging", m->done, m->total, "parameters");
    return ASC_OK;
}

static asc_status write_sum(merging *m, const piece *p, asc_writer *w, asc_error *err)
{
    size_t N = p->from[0]->tensor->n, width = (size_t)asc__st_width(p->dtype);
    for (size_t at = 0; at < N; at += CHUNK) {
        size_t n = N - at < CHUNK ? N - at : CHUNK;
        ASC_TRY(add_up(m, p, at, n, err));
        ASC_TRY(round_up(m, p, at, n, err));
        ASC_TRY(asc_writer_write(w, m->x, n * width, err));
        ASC_TRY(step(m, n, err));
    }
    return ASC_OK;
}

/* Integers: the same everywhere, or nothing that could be averaged. */
static asc_status write_same(merging *m, const piece *p, asc_writer *w, asc_error *err)
{
    enum { BYTES = CHUNK * sizeof(float) };
    for (uint64_t at = 0; at < p->bytes; at += BYTES) {
        size_t n = p->bytes - at < BYTES ? (size_t)(p->bytes - at) : BYTES;
        ASC_TRY(asc__st_read_bytes(p->from[0]->file, p->from[0]->tensor, at, n, m->first, err));
        for (size_t s = 1; s < m->o->n; s++) {
            ASC_TRY(asc__st_read_bytes(p->from[s]->file, p->from[s]->tensor, at, n, m->x, err));
            if (memcmp(m->x, m->first, n) != 0)
                return ASC_FAIL(err, ASC_EINVAL,
                                "%s: tensor '%s' of type %s differs from that in %s; integer tensors must be equal",
                                p->from[s]->file->path, p->name, p->from[s]->tensor->dtype, p->from[0]->file->path);
        }
        ASC_TRY(asc_writer_write(w, m->first, n, err));
    }
    return step(m, p->from[0]->tensor->n, err);
}

/* ---- files ---- */

static asc_status write_pieces(merging *m, asc_writer *w, const asc__st_tensor *head, size_t first, size_t n,
                               asc_error *err)
{
    ASC_TRY(asc__st_write_header(w, head, n, err));
    for (size_t i = first; i < first + n; i++)
        ASC_TRY(m->pieces[i].dtype ? write_sum(m, &m->pieces[i], w, err) : write_same(m, &m->pieces[i], w, err));
    return asc_writer_commit(w, err);
}

static asc_status write_file(merging *m, size_t first, size_t n, const char *path, asc_error *err)
{
    assert(first + n <= m->n_pieces);
    asc_writer w = {0};
    asc__st_tensor *head = asc_calloc(n + 1, sizeof *head);
    if (!head)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < n; i++) {
        const piece *p = &m->pieces[first + i];
        head[i] = *p->from[0]->tensor;
        head[i].name = p->name;
        head[i].dtype = p->dtype ? p->dtype : head[i].dtype;
    }
    asc_status st = asc_writer_open(&w, path, err);
    if (st == ASC_OK)
        st = write_pieces(m, &w, head, first, n, err);
    asc_writer_abort(&w);
    asc_free(head);
    return st;
}

static asc_status write_index(const merging *m, const char *out, asc_error *err)
{
    json_t *map = json_object();
    json_int_t bytes = 0;
    bool ok = map != NULL;
    for (size_t i = 0; ok && i < m->n_pieces; i++) {
        char name[64];
        snprintf(name, sizeof name, "model-%05zu-of-%05zu.safetensors", m->pieces[i].shard + 1, m->n_shards);
        ok = json_object_set_new(map, m->pieces[i].name, json_string(name)) == 0;
        bytes += (json_int_t)m->pieces[i].bytes;
    }
    json_t *j = ok ? json_pack("{s:{s:I},s:O}", "metadata", "total_size", bytes, "weight_map", map) : NULL;
    char *path = asc_path_join(out, "model.safetensors.index.json");
    asc_status st = j && path ? asc_json_write(path, j, 2, err) : ASC_NOMEM(err);
    asc_free(path);
    json_decref(j);
    json_decref(map);
    return st;
}

static asc_status write_shards(merging *m, const char *out, asc_error *err)
{
    for (size_t shard = 0, i = 0; shard < m->n_shards; shard++) {
        size_t first = i;
        while (i < m->n_pieces && m->pieces[i].shard == shard)
            i++;
        char name[64] = "model.safetensors";
        if (m->n_shards > 1)
            snprintf(name, sizeof name, "model-%05zu-of-%05zu.safetensors", shard + 1, m->n_shards);
        char *path = asc_path_join(out, name);
        asc_status st = path ? write_file(m, first, i - first, path, err) : ASC_NOMEM(err);
        asc_free(path);
        ASC_TRY(st);
    }
    return m->n_shards > 1 ? write_index(m, out, err) : ASC_OK;
}

static asc_status prepare(merging *m, asc_error *err)
{
    m->sources = asc_calloc(m->o->n, sizeof *m->sources);
    m->sum = asc_malloc(CHUNK * sizeof *m->sum);
    m->x = asc_malloc(CHUNK * sizeof *m->x);
    m->first = asc_malloc(CHUNK * sizeof *m->first);
    return m->sources && m->sum && m->x && m->first ? ASC_OK : ASC_NOMEM(err);
}

static asc_status take_info(asc_merge_info *out, const merging *m, asc_error *err)
{
    asc_merge_info i = {.n_tensors = m->n_pieces, .n_files = m->n_shards, .unknown = !m->sources[0].known};
    i.n_params = (int64_t)m->total;
    i.delta = asc_malloc(m->o->n * sizeof *i.delta);
    if (!i.delta)
        return ASC_NOMEM(err);
    for (size_t s = 0; s < m->o->n; s++)
        i.delta[s] = !m->o->has_base ? NAN : m->sources[s].size > 0 ? m->sources[s].moved / m->sources[s].size : 0;
    *out = i;
    return ASC_OK;
}

static asc_status merge_weights(merging *m, const char *out, asc_error *err)
{
    ASC_TRY(prepare(m, err));
    ASC_TRY(asc__merge_open(m->sources, m->o, err));
    ASC_TRY(list_pieces(m, err));
    ASC_TRY(write_shards(m, out, err));
    return asc__merge_copy_rest(m->o, out, err);
}

asc_status asc_model_merge(asc_merge_info *info, const asc_merge_opts *o, const char *out, asc_error *err)
{
    merging m = {.o = o};
    asc_status st = merge_weights(&m, out, err);
    if (st == ASC_OK)
        st = take_info(info, &m, err);
    merging_clear(&m);
    return st;
}

static asc_status open_moments(merging *m, asc_error *err)
{
    for (size_t s = 0; s < m->o->n; s++) {
        char *path = asc_path_join(m->o->dirs[s], "optimizer.safetensors");
        asc_status st = path ? ASC_OK : ASC_NOMEM(err);
        if (st == ASC_OK && !asc_path_exists(path))
            st = ASC_FAIL(err, ASC_EINVAL, "%s: no optimizer.safetensors: AdamW's moments are missing", m->o->dirs[s]);
        if (st == ASC_OK)
            st = asc__weights_open_file(&m->sources[s].w, path, err);
        asc_free(path);
        ASC_TRY(st);
    }
    return ASC_OK;
}

asc_status asc_model_merge_moments(const asc_merge_opts *o, const char *path, asc_error *err)
{
    merging m = {.o = o, .moments = true};
    asc_status st = prepare(&m, err);
    if (st == ASC_OK)
        st = open_moments(&m, err);
    if (st == ASC_OK)
        st = list_pieces(&m, err);
    if (st == ASC_OK)
        st = write_file(&m, 0, m.n_pieces, path, err);
    merging_clear(&m);
    return st;
}
