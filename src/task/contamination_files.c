/* Both sides of the search from files: evaluation sets of every form, training text by pattern. */
#include <string.h>

#include "task/task_contamination.h"
#include "task/task_data.h"
#include "text/text.h"

/* ---- evaluation sets ---- */

/* The sentences of one row; its label says nothing. */
static asc_status add_glue_row(asc_contamination *c, size_t set, size_t i, const asc_glue_row *row, asc_error *err)
{
    char id[32], *text = asc_strf("%s\n%s", row->first, row->second ? row->second : "");
    snprintf(id, sizeof id, "%zu", i + 1);
    asc_status s = text ? asc_contamination_add_item(c, set, id, text, err) : ASC_NOMEM(err);
    asc_free(text);
    return s;
}

static asc_status add_glue(asc_contamination *c, const asc_glue_info *info, const char *dir, asc_error *err)
{
    asc_glue_set rows = {0};
    size_t set;
    ASC_TRY(asc_glue_load(&rows, info, dir, true, err));
    asc_status s = asc_contamination_add_set(c, info->name, &set, err);
    for (size_t i = 0; s == ASC_OK && i < rows.n; i++)
        s = add_glue_row(c, set, i, &rows.rows[i], err);
    asc_glue_set_clear(&rows);
    return s;
}

static asc_status add_squad(asc_contamination *c, const char *name, const char *path, asc_error *err)
{
    asc_squad_set q = {0};
    size_t set;
    ASC_TRY(asc_path_is_dir(path) ? asc_squad_load_part(&q, path, true, err) : asc_squad_load(&q, path, err));
    asc_status s = asc_contamination_add_set(c, name, &set, err);
    for (size_t i = 0; s == ASC_OK && i < q.n; i++) {
        char *text = asc_strf("%s\n%s", q.items[i].context, q.items[i].question);
        s = text ? asc_contamination_add_item(c, set, q.items[i].id, text, err) : ASC_NOMEM(err);
        asc_free(text);
    }
    asc_squad_set_clear(&q);
    return s;
}

static asc_status add_task(asc_contamination *c, const char *spec, asc_error *err)
{
    asc_task t = {0};
    ASC_TRY(asc_task_load(&t, spec, err));
    asc_status s = asc_contamination_add_task(c, &t, err);
    asc_task_clear(&t);
    return s;
}

asc_status asc_contamination_add_spec(asc_contamination *c, const char *spec, asc_error *err)
{
    const char *equals = strchr(spec, '='), *path = equals ? equals + 1 : spec, *slash = strrchr(path, '/');
    const char *file = slash ? slash + 1 : path;
    char *name = equals ? asc_strndup(spec, (size_t)(equals - spec)) : asc_strndup(file, strcspn(file, "."));
    if (!name)
        return ASC_NOMEM(err);
    const asc_glue_info *glue = asc_path_is_dir(path) ? asc_glue_find(name) : NULL;
    asc_status s;
    if (glue)
        s = add_glue(c, glue, path, err);
    else if (strncmp(file, "squad", 5) == 0 || strncmp(name, "squad", 5) == 0 || asc_squad_is(name))
        s = add_squad(c, name, path, err); /* no likelihood task, but its passages count */
    else
        s = add_task(c, spec, err);
    asc_free(name);
    return s;
}

/* ---- training text ---- */

/* What the reader rejected: how many, and why the first. */
typedef struct rejects {
    int64_t n;
    char first[400];
} rejects;

static void reject(void *ctx, const char *file, int64_t line, const char *why)
{
    rejects *r = ctx;
    if (r->n++ == 0 && line > 0)
        snprintf(r->first, sizeof r->first, "; first rejected: %s:%lld: %s", file, (long long)line, why);
    else if (r->n == 1)
        snprintf(r->first, sizeof r->first, "; first rejected: %s: %s", file, why);
}

static asc_status scan_file(asc_contamination *c, size_t domain, const char *path, const char *field, rejects *rejected,
                            asc_progress_fn progress, void *ctx, asc_error *err)
{
    asc_reader *r = NULL;
    asc_document doc;
    bool more = true;
    double bytes = 0;
    ASC_TRY(asc_reader_open(&r, path, field, reject, rejected, err));
    asc_status s = ASC_OK;
    for (size_t n = 0; s == ASC_OK; n++) {
        s = asc_interrupted() ? ASC_FAIL(err, ASC_EINTR, "interrupted") : asc_reader_next(r, &doc, &more, err);
        if (s != ASC_OK || !more)
            break;
        s = asc_contamination_scan(c, domain, doc.text, doc.n_bytes, err);
        bytes += (double)doc.n_bytes;
        if (progress && n % 1000 == 999)
            progress(ctx, path, bytes, 0, "bytes");
    }
    asc_reader_close(r);
    return s;
}

asc_status asc_contamination_scan_files(asc_contamination *c, const char *name, char *const *patterns, size_t n,
                                        const char *base_dir, const char *field, const char *dtype,
                                        asc_progress_fn progress, void *ctx, asc_error *err)
{
    char **files = NULL;
    size_t n_files = 0, domain = 0;
    bool are_tokens = false;
    rejects rejected = {0};
    ASC_TRY(asc_corpus_files(&files, &n_files, &are_tokens, patterns, n, base_dir, dtype, err));
    asc_status s = asc_contamination_add_domain(c, name, &domain, err);
    for (size_t i = 0; s == ASC_OK && i < n_files && !are_tokens; i++)
        s = scan_file(c, domain, files[i], field, &rejected, progress, ctx, err);
    asc_text_discover_free(files, n_files);
    ASC_TRY(s);
    if (!are_tokens && asc_contamination_documents(c, domain) == 0)
        return ASC_FAIL(err, ASC_EINVAL, "domain %s: no document in %zu file%s%s", name, n_files,
                        n_files == 1 ? "" : "s", rejected.first);
    if (are_tokens || rejected.n)
        asc_contamination_left_out(c, domain, rejected.n);
    return ASC_OK;
}
