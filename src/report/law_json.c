/* LAW.json as a page holds it: thinned where it must be, its numbers packed. */
#include "law_json.h"

#include <math.h>
#include <string.h>

#include "table/table.h"

enum { SHORT = 16, FEWEST_KEPT = 40 };

/* ---- draws ---- */

/* Rows first, first + stride, .. of draws (n of them). */
static asc_status take_rows(asc_law *l, const size_t *rows, size_t n, asc_error *err)
{
    size_t P = l->n_params;
    double *kept = asc_calloc(n * P + 1, sizeof *kept);
    if (!kept)
        return ASC_NOMEM(err);
    for (size_t k = 0; k < n; k++)
        memcpy(kept + k * P, l->draws + rows[k] * P, P * sizeof *kept);
    asc_free(l->draws);
    l->draws = kept;
    l->n_draws = n;
    return ASC_OK;
}

/* Of a blend: those draws of its parts that are picked, in the order in which they are. */
static asc_status thin_blend(asc_law *l, size_t n, size_t stride, size_t *rows, asc_error *err)
{
    for (size_t k = 0; k < n; k++)
        memcpy(l->pick + 2 * k, l->pick + 2 * k * stride, 2 * sizeof *l->pick);
    for (size_t i = 0; i < l->n_parts; i++) {
        size_t mine = 0;
        for (size_t k = 0; k < n; k++) {
            if ((size_t)l->pick[2 * k] != i)
                continue;
            rows[mine] = (size_t)l->pick[2 * k + 1];
            l->pick[2 * k + 1] = (int32_t)mine++;
        }
        ASC_TRY(l->parts[i].draws ? take_rows(&l->parts[i], rows, mine, err) : ASC_OK);
    }
    l->n_draws = n;
    return ASC_OK;
}

static asc_status thin(asc_law *l, size_t n, size_t stride, size_t *rows, asc_error *err)
{
    if (l->pick)
        return thin_blend(l, n, stride, rows, err);
    for (size_t k = 0; k < n; k++)
        rows[k] = k * stride;
    return l->draws ? take_rows(l, rows, n, err) : ASC_OK;
}

/* ---- numbers ---- */

typedef enum packing { NOT_PACKED, INT32, FLOAT32, FLOAT64 } packing;

/* The narrowest kind that loses nothing of an array of numbers; NOT_PACKED for others and for short ones. */
static packing packing_of(const json_t *array)
{
    size_t i, n = json_array_size(array);
    bool whole = true, narrow = true;
    json_t *v;
    if (n < SHORT)
        return NOT_PACKED;
    json_array_foreach(array, i, v)
    {
        if (!json_is_number(v) && !json_is_null(v))
            return NOT_PACKED;
        double x = json_number_value(v);
        whole = whole && json_is_integer(v) && fabs(x) < 0x1p31;
        narrow = narrow && !json_is_null(v) && (double)(float)x == x;
    }
    return whole ? INT32 : narrow ? FLOAT32 : FLOAT64;
}

static size_t put_number(unsigned char *to, packing kind, const json_t *v)
{
    double x = json_is_null(v) ? NAN : json_number_value(v);
    float f = kind == FLOAT32 ? (float)x : 0;
    uint64_t bits = 0;
    uint32_t half = 0;
    if (kind == FLOAT64)
        memcpy(&bits, &x, 8);
    else if (kind == FLOAT32)
        memcpy(&half, &f, 4);
    else
        half = (uint32_t)(int32_t)x;
    bits = kind == FLOAT64 ? bits : half;
    size_t size = kind == FLOAT64 ? 8 : 4;
    for (size_t b = 0; b < size; b++)
        to[b] = (unsigned char)(bits >> (8 * b));
    return size;
}

static json_t *packed(const json_t *array, packing kind)
{
    static const char *const names[] = {[INT32] = "i32", [FLOAT32] = "f32", [FLOAT64] = "f64"};
    size_t i, at = 0, bytes = json_array_size(array) * (kind == FLOAT64 ? 8 : 4);
    unsigned char *raw = asc_malloc(bytes + 1);
    char *text = asc_malloc((bytes + 2) / 3 * 4 + 1);
    json_t *v, *out = NULL;
    if (raw && text) {
        json_array_foreach(array, i, v)
        {
            at += put_number(raw + at, kind, v);
        }
        asc_base64_encode(text, raw, bytes);
        out = json_pack("{s:s}", names[kind], text);
    }
    asc_free(raw);
    asc_free(text);
    return out;
}

static bool pack(json_t *j)
{
    void *next;
    const char *key;
    size_t i;
    json_t *v, *p;
    bool ok = true;
    json_array_foreach(j, i, v)
    {
        packing kind = packing_of(v);
        p = kind == NOT_PACKED ? NULL : packed(v, kind);
        ok = ok && (p ? json_array_set_new(j, i, p) == 0 : kind == NOT_PACKED && pack(v));
    }
    json_object_foreach_safe(j, next, key, v)
    {
        packing kind = packing_of(v);
        p = kind == NOT_PACKED ? NULL : packed(v, kind);
        ok = ok && (p ? json_object_set_new(j, key, p) == 0 : kind == NOT_PACKED && pack(v));
    }
    return ok;
}

/* ---- the whole ---- */

static void drop_figures(json_t *laws)
{
    size_t i;
    json_t *l;
    json_array_foreach(laws, i, l)
    {
        static const char *const keys[] = {"stats",        "held",  "n_held", "band", "roots",
                                           "undetermined", "other", "x_lo",   "x_hi"};
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
            json_object_del(l, keys[k]);
        drop_figures(json_object_get(l, "parts"));
    }
}

static asc_status make(json_t **out, size_t *size, const asc_law_set *s, asc_error *err)
{
    json_t *j = NULL;
    char *text = NULL;
    ASC_TRY(asc_law_to_json(&j, s, err));
    drop_figures(json_object_get(j, "laws"));
    json_object_del(j, "notes");
    asc_status st = pack(j) ? asc_json_print(&text, j, 0, err) : ASC_NOMEM(err);
    *size = text ? strlen(text) : 0;
    asc_free(text);
    if (st == ASC_OK)
        *out = j;
    else
        json_decref(j);
    return st;
}

/* The same laws with every stride-th draw. */
static asc_status thinned(asc_law_set *out, const asc_law_set *s, size_t stride, asc_error *err)
{
    size_t K = asc_law_set_n_draws(s), *rows = asc_calloc(K + 1, sizeof *rows), done = 0;
    asc_law *laws = asc_calloc(s->n_laws, sizeof *laws);
    asc_status st = rows && laws ? ASC_OK : ASC_NOMEM(err);
    for (; st == ASC_OK && done < s->n_laws; done++) {
        st = asc_law_copy(&laws[done], &s->laws[done], err);
        if (st == ASC_OK)
            st = thin(&laws[done], (K + stride - 1) / stride, stride, rows, err);
    }
    asc_free(rows);
    *out = *s;
    out->laws = laws;
    out->n_laws = done;
    return st;
}

static void clear_laws(asc_law_set *s)
{
    for (size_t v = 0; s->laws && v < s->n_laws; v++)
        asc_law_clear(&s->laws[v]);
    asc_free(s->laws);
}

asc_status asc__law_for_page(json_t **out, size_t *kept, const asc_law_set *laws, size_t most, asc_error *err)
{
    size_t K = asc_law_set_n_draws(laws), stride = 1, size = 0;
    json_t *j = NULL;
    for (;; stride *= 2) {
        asc_law_set fewer;
        asc_status st = thinned(&fewer, laws, stride, err);
        if (st == ASC_OK)
            st = make(&j, &size, &fewer, err);
        clear_laws(&fewer);
        ASC_TRY(st);
        if (size <= most || K / (2 * stride) < FEWEST_KEPT)
            break;
        json_decref(j);
    }
    *out = j;
    *kept = (K + stride - 1) / stride;
    return ASC_OK;
}
