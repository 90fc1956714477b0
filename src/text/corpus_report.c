/* report.json: what was made of each domain. */
#include "corpus.h"
#include "unicode.h"

#include <string.h>

enum { MAX_LISTED = 100 };

void asc_domain_reports_free(asc_domain_report *r, size_t n)
{
    for (size_t k = 0; r && k < n; k++) {
        for (size_t i = 0; i < r[k].n_rejected_listed; i++) {
            asc_free(r[k].rejected[i].file);
            asc_free(r[k].rejected[i].why);
        }
        asc_free(r[k].rejected);
        asc_free(r[k].name);
    }
    asc_free(r);
}

/* A reason may quote any bytes; the report is UTF-8. */
static char *printable(const char *name)
{
    char *copy = asc_strdup(name);
    size_t bad = 0;
    for (size_t n = copy ? strlen(copy) : 0; copy && !asc__utf8_valid(copy, n, &bad);)
        copy[bad] = '?';
    return copy;
}

asc_status asc__report_reject(asc_domain_report *r, const char *file, int64_t line, const char *why, asc_error *err)
{
    r->n_rejected++;
    if (r->n_rejected_listed == MAX_LISTED)
        return ASC_OK;
    if (!r->rejected)
        r->rejected = asc_calloc(MAX_LISTED, sizeof *r->rejected);
    asc_rejected one = {r->rejected ? asc_strdup(file) : NULL, line, r->rejected ? printable(why) : NULL};
    if (!one.file || !one.why) {
        asc_free(one.file);
        asc_free(one.why);
        return ASC_NOMEM(err);
    }
    r->rejected[r->n_rejected_listed++] = one;
    return ASC_OK;
}

/* ---- writing ---- */

static json_t *rejected_json(const asc_domain_report *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->n_rejected_listed; i++)
        json_array_append_new(list, json_pack("{s:o, s:I, s:s}", "file", json_string(r->rejected[i].file), "line",
                                              (json_int_t)r->rejected[i].line, "why", r->rejected[i].why));
    return list;
}

struct field {
    const char *name;
    size_t offset;
};
#define FIELD(name, member)                                                                                            \
    {                                                                                                                  \
        name, offsetof(asc_domain_report, member)                                                                      \
    }
static const struct field fields[] = {
    FIELD("documents", n_documents),
    FIELD("bytes", n_bytes),
    FIELD("tokens", n_tokens),
    FIELD("valid_documents", n_valid_documents),
    FIELD("valid_bytes", n_valid_bytes),
    FIELD("valid_tokens", n_valid_tokens),
    FIELD("duplicates", n_duplicates),
    FIELD("rejected", n_rejected),
    FIELD("documents_read", n_documents_read),
    FIELD("bytes_read", n_bytes_read),
};
enum { N_FIELDS = sizeof fields / sizeof *fields };

/* What says whether text is still the same; absent in reports of before it was asked. */
static const struct field marks[] = {
    FIELD("source", source),
    FIELD("content", content),
    FIELD("held_to", held_to),
};
enum { N_MARKS = sizeof marks / sizeof *marks, MARK_BYTES = sizeof((asc_domain_report *)0)->source };

static char *mark_at(const asc_domain_report *r, size_t i)
{
    return (char *)(uintptr_t)r + marks[i].offset;
}

static int64_t *count_at(const asc_domain_report *r, size_t i)
{
    return (int64_t *)(void *)((char *)(uintptr_t)r + fields[i].offset);
}

static json_t *domain_json(const asc_domain_report *r)
{
    json_t *j = json_pack("{s:s}", "name", r->name);
    for (size_t i = 0; i < N_FIELDS; i++)
        json_object_set_new(j, fields[i].name, json_integer((json_int_t)*count_at(r, i)));
    json_object_set_new(j, "bytes_per_token", asc_json_num(r->bytes_per_token));
    for (size_t i = 0; i < N_MARKS; i++)
        if (*mark_at(r, i))
            json_object_set_new(j, marks[i].name, json_string(mark_at(r, i)));
    json_object_set_new(j, "piece_bytes", json_integer((json_int_t)r->piece_bytes));
    json_object_set_new(j, "sample", json_integer((json_int_t)r->sample_tokens));
    json_object_set_new(j, "rejected_lines", rejected_json(r));
    return j;
}

static json_t *list_json(const asc_domain_report *r, size_t n)
{
    json_t *list = json_array();
    for (size_t k = 0; k < n; k++)
        json_array_append_new(list, domain_json(&r[k]));
    return list;
}

asc_status asc__report_write(const char *path, json_t *header, const asc_domain_report *r, size_t n,
                             const asc_domain_report *gone, size_t n_gone, asc_error *err)
{
    json_t *list = list_json(r, n);
    bool ok = n_gone == 0 || json_object_set_new(header, "gone", list_json(gone, n_gone)) == 0;
    asc_status st = ok && json_object_set_new(header, "domains", list) == 0 && json_array_size(list) == n
                        ? asc_json_write(path, header, 2, err)
                        : ASC_NOMEM(err);
    json_decref(header);
    return st;
}

/* ---- reading ---- */

static asc_status read_rejected(asc_domain_report *r, const json_t *j, const char *path, asc_error *err)
{
    json_t *list = json_object_get(j, "rejected_lines");
    int64_t n = r->n_rejected;
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *one = json_array_get(list, i);
        const char *file = NULL, *why = NULL;
        int64_t line = 0;
        ASC_TRY(asc_json_get_string(one, path, "file", &file, err));
        ASC_TRY(asc_json_get_string(one, path, "why", &why, err));
        ASC_TRY(asc_json_get_count(one, path, "line", &line, err));
        ASC_TRY(asc__report_reject(r, file, line, why, err));
    }
    r->n_rejected = n;
    return ASC_OK;
}

static asc_status read_domain(asc_domain_report *r, const json_t *j, const char *path, asc_error *err)
{
    const char *name = NULL;
    ASC_TRY(asc_json_get_string(j, path, "name", &name, err));
    r->name = asc_strdup(name);
    if (!r->name)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < N_FIELDS; i++)
        ASC_TRY(asc_json_get_count(j, path, fields[i].name, count_at(r, i), err));
    ASC_TRY(asc_json_opt_double(j, path, "bytes_per_token", &r->bytes_per_token, err));
    for (size_t i = 0; i < N_MARKS; i++) {
        const char *text = json_string_value(json_object_get(j, marks[i].name));
        if (text && strlen(text) < MARK_BYTES)
            memcpy(mark_at(r, i), text, strlen(text) + 1);
    }
    r->piece_bytes = json_integer_value(json_object_get(j, "piece_bytes"));
    r->sample_tokens = json_integer_value(json_object_get(j, "sample"));
    return read_rejected(r, j, path, err);
}

static asc_status read_list(asc_domain_report **out, const json_t *list, size_t n, const char *path, asc_error *err)
{
    asc_domain_report *r = asc_calloc(n, sizeof *r);
    asc_status st = r ? ASC_OK : ASC_NOMEM(err);
    for (size_t k = 0; k < n && st == ASC_OK; k++)
        st = read_domain(&r[k], json_array_get(list, k), path, err);
    if (st != ASC_OK) {
        asc_domain_reports_free(r, n);
        return st;
    }
    *out = r;
    return ASC_OK;
}

asc_status asc__report_read(asc_domain_report **out, const json_t *root, const char *path, size_t n, asc_error *err)
{
    json_t *list = json_object_get(root, "domains");
    if (json_array_size(list) != n)
        return ASC_FAIL(err, ASC_EINVAL, "%s: %zu domains, expected %zu", path, json_array_size(list), n);
    return read_list(out, list, n, path, err);
}

asc_status asc__report_read_all(asc_domain_report **out, size_t *n, const json_t *root, const char *path,
                                asc_error *err)
{
    json_t *all = json_array();
    if (!all || json_array_extend(all, json_object_get(root, "domains")) != 0)
        json_array_clear(all);
    const json_t *gone = json_object_get(root, "gone");
    if (gone)
        json_array_extend(all, (json_t *)(uintptr_t)gone);
    *n = json_array_size(all);
    asc_status st = all ? read_list(out, all, *n, path, err) : ASC_NOMEM(err);
    json_decref(all);
    return st;
}
