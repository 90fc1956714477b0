/*
 * Any other regular expression: Oniguruma, the engine of Hugging Face's tokenizers. Its tables may be of an older
 * Unicode, so properties and \w, \d are written out as ranges of ours.
 */
#include "pattern.h"

#include <oniguruma.h>
#include <pthread.h>
#include <string.h>

struct asc__regex {
    regex_t *re;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void start(void)
{
    OnigEncoding encodings[] = {ONIG_ENCODING_UTF8};
    onig_initialize(encodings, 1);
}

/* [first-last...] */
static void put_ranges(asc_buf *out, asc__ranges *set, bool complement)
{
    asc__ranges_settle(set, false);
    asc_buf_puts(out, complement ? "[^" : "[");
    for (size_t i = 0; i < set->n; i++)
        asc_buf_printf(out, "\\x{%x}-\\x{%x}", set->r[i][0], set->r[i][1]);
    asc_buf_putc(out, ']');
    out->oom = out->oom || set->oom;
    asc__ranges_clear(set);
}

/* The property at p, behind its backslash, as ranges; its length, 0 where it is left as it is. */
static size_t put_property(asc_buf *out, const char *p, const char *end)
{
    asc__ranges set = {0};
    const char *open = p + 1, *close = memchr(p, '}', (size_t)(end - p));
    if (open >= end || *open != '{' || !close)
        return 0;
    bool complement = *p == 'P';
    open++;
    if (*open == '^') {
        complement = !complement;
        open++;
    }
    bool ours = (close - open <= 2 || close - open > 4) && asc__ranges_add_category(&set, open, (size_t)(close - open));
    if (!ours) {
        asc__ranges_clear(&set);
        return 0;
    }
    put_ranges(out, &set, complement);
    return (size_t)(close + 1 - p);
}

static size_t put_escape(asc_buf *out, const char *p, const char *end, bool in_class)
{
    asc__ranges set = {0};
    if (*p == 'p' || *p == 'P')
        return put_property(out, p, end);
    if (!strchr("wWdD", *p) || !*p)
        return 0;
    asc__ranges_add_escape(&set, *p, in_class);
    put_ranges(out, &set, false);
    return 1;
}

static void write_out(asc_buf *out, const char *p, const char *end)
{
    int depth = 0; /* of classes */
    asc_buf_puts(out, "");
    while (p < end) {
        depth += *p == '[' ? 1 : *p == ']' && depth > 0 ? -1 : 0;
        size_t n = *p == '\\' && p + 1 < end ? put_escape(out, p + 1, end, depth > 0) : 0;
        if (n) {
            p += n + 1;
            continue;
        }
        size_t as_it_is = *p == '\\' && p + 1 < end ? 2 : 1;
        asc_buf_append(out, p, as_it_is);
        p += as_it_is;
    }
}

asc_status asc__regex_compile(asc__regex **out, const char *text, size_t n, asc_error *err)
{
    asc_buf written = {0};
    OnigErrorInfo info;
    pthread_once(&once, start);
    write_out(&written, text, text + n);
    asc__regex *r = written.oom ? NULL : asc_calloc(1, sizeof *r);
    if (!r) {
        asc_buf_clear(&written);
        return ASC_NOMEM(err);
    }
    const OnigUChar *p = (const OnigUChar *)written.data;
    int code = onig_new(&r->re, p, p + written.len, ONIG_OPTION_NONE, ONIG_ENCODING_UTF8, OnigDefaultSyntax, &info);
    asc_buf_clear(&written);
    if (code == ONIG_NORMAL) {
        *out = r;
        return ASC_OK;
    }
    OnigUChar why[ONIG_MAX_ERROR_MESSAGE_LEN] = "";
    onig_error_code_to_str(why, code, &info);
    r->re = NULL;
    asc__regex_free(r);
    return ASC_FAIL(err, code == ONIGERR_MEMORY ? ASC_ENOMEM : ASC_EINVAL, "regular expression '%.*s': %s",
                    (int)(n < 100 ? n : 100), text, (char *)why);
}

void asc__regex_free(asc__regex *r)
{
    if (!r)
        return;
    if (r->re)
        onig_free(r->re);
    asc_free(r);
}

asc_status asc__regex_find(const asc__regex *r, const uint8_t *p, const uint8_t *end, const uint8_t *from_here,
                           bool *found, const uint8_t **from, const uint8_t **to, asc_error *err)
{
    OnigRegion *region = onig_region_new();
    if (!region)
        return ASC_NOMEM(err);
    int at = onig_search(r->re, p, end, from_here, end, region, ONIG_OPTION_NONE);
    *found = at >= 0;
    if (at >= 0) {
        *from = p + region->beg[0];
        *to = p + region->end[0];
    }
    onig_region_free(region, 1);
    if (at >= 0 || at == ONIG_MISMATCH)
        return ASC_OK;
    OnigUChar why[ONIG_MAX_ERROR_MESSAGE_LEN] = "";
    onig_error_code_to_str(why, at);
    return ASC_FAIL(err, at == ONIGERR_MEMORY ? ASC_ENOMEM : ASC_EINVAL, "regular expression: %s", (char *)why);
}
