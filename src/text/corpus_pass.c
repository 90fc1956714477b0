/*
 * One pass over the documents of a source. While threads work on one batch of documents another reads the next, so
 * memory holds two batches, whatever the size of the corpus; results are taken in the order of the documents.
 */
#include "corpus.h"

#include <string.h>

enum { BATCH_BYTES = 4 << 20, BATCH_ITEMS = 4096 };

struct batch {
    asc_buf text;
    asc__item *items;
    size_t *starts; /* of each item's text: the buffer moves while it grows */
    size_t n, cap, cap_starts;
    asc_status status; /* of reading it */
    asc_error err;
};

struct pass {
    const asc__pass *p;
    bool first;
    struct batch batches[2];
    struct batch *now, *next;
    asc_reader *reader;
    asc__token_reader tokens; /* in its place where the source is of token files */
    size_t n_segments;        /* opened so far */
    int64_t left;             /* bytes of documents still to be read of a file that cannot be entered; 0: all */
    size_t document, unit;    /* next to be read */
    double done, total;
    double n_read, shown_s; /* bytes of text, when they were last told of */
};

static void batch_clear(struct batch *b)
{
    for (size_t i = 0; i < b->cap; i++) {
        asc_free(b->items[i].ids);
        asc_buf_clear(&b->items[i].out);
    }
    asc_free(b->items);
    asc_free(b->starts);
    asc_buf_clear(&b->text);
}

/* ---- reading ---- */

/* Items keep their buffers from batch to batch. */
static asc__item *add_item(struct batch *b, size_t start)
{
    size_t old = b->cap;
    asc__item *items = asc_grow(b->items, &b->cap, b->n + 1, sizeof *items);
    if (!items)
        return NULL;
    b->items = items;
    if (b->cap > old)
        memset(b->items + old, 0, (b->cap - old) * sizeof *items);
    size_t *starts = asc_grow(b->starts, &b->cap_starts, b->n + 1, sizeof *starts);
    if (!starts)
        return NULL;
    b->starts = starts;
    b->starts[b->n] = start;
    asc__item *item = &b->items[b->n];
    item->n_ids = 0;
    item->out.len = 0;
    item->status = ASC_OK;
    return item;
}

static asc_status changed(const struct pass *r, asc_error *err)
{
    const asc__source *s = r->p->source;
    return ASC_FAIL(err, ASC_ESTATE, "%s: changed while being read; rerun the command",
                    s->files[r->n_segments ? s->segments[r->n_segments - 1].file : 0]);
}

/* The units of the document, found by the first pass. */
static asc_status find_units(struct pass *r, asc__item *item, asc_error *err)
{
    const asc__source *s = r->p->source;
    size_t i = r->unit, bytes = 0;
    if (i >= s->n_units)
        return changed(r, err);
    item->first_unit = i;
    do
        bytes += s->units[i++].n_bytes;
    while (i < s->n_units && !s->units[i].first);
    if (bytes != item->n_bytes)
        return changed(r, err);
    item->n_units = i - r->unit;
    r->unit = i;
    return ASC_OK;
}

static asc_status add_document(struct pass *r, const asc_document *doc, asc_error *err)
{
    struct batch *b = r->next;
    asc__item *item = add_item(b, b->text.len);
    if (!item)
        return ASC_NOMEM(err);
    item->n_bytes = doc->n_bytes;
    item->document = r->document++;
    if (!r->first)
        ASC_TRY(find_units(r, item, err));
    r->done += (double)doc->n_bytes;
    if (r->p->wanted && !r->p->wanted(r->p->source, item))
        return ASC_OK;
    asc_buf_append(&b->text, doc->text, doc->n_bytes);
    b->n++;
    return b->text.oom ? ASC_NOMEM(err) : ASC_OK;
}

static bool is_open(const struct pass *r)
{
    return r->reader || asc__token_reader_is_open(&r->tokens);
}

static void close_file(struct pass *r)
{
    asc_reader_close(r->reader);
    r->reader = NULL;
    asc__token_reader_close(&r->tokens);
}

static void report_progress(struct pass *r)
{
    char what[300];
    r->shown_s = asc_now_s();
    if (!r->p->progress)
        return;
    snprintf(what, sizeof what, "%s: %s", r->p->source->domain->name, r->p->what);
    r->p->progress(r->p->progress_ctx, what, r->first ? r->n_read : r->done, r->total, "bytes");
}

/* Text in which there is nothing to find (blank lines without end) gives no batch, and yet a sign of life. Never while
 * a batch is taken: the two do not overlap. */
static void on_read(void *ctx, size_t n)
{
    struct pass *r = ctx;
    r->n_read += (double)n;
    if (asc_now_s() - r->shown_s > 1)
        report_progress(r);
}

/* Nothing is open behind it where the next segment was read with the file's first. */
static asc_status open_next(struct pass *r, asc_error *err)
{
    const asc__source *s = r->p->source;
    const asc__segment *g = &s->segments[r->n_segments++];
    bool part = g->end != INT64_MAX;
    r->left = g->bytes;
    if (s->tokens)
        return part && !g->first ? ASC_OK
                                 : asc__token_reader_open(&r->tokens, s->files[g->file], s->domain->dtype, s->end, err);
    ASC_TRY(asc_reader_open(&r->reader, s->files[g->file], s->domain->field, r->p->rejected, r->p->rejected_ctx, err));
    asc_reader_watch(r->reader, on_read, r);
    if (part && asc_reader_enters(r->reader)) {
        r->left = 0;
        return asc_reader_enter(r->reader, g->start, g->end, err);
    }
    if (part && !g->first)
        close_file(r);
    return ASC_OK;
}

static asc_status read_batch(struct pass *r, asc_error *err)
{
    struct batch *b = r->next;
    b->n = 0;
    b->text.len = 0;
    while (b->text.len < BATCH_BYTES && b->n < BATCH_ITEMS) {
        if (!is_open(r) && r->n_segments == r->p->source->n_segments)
            break;
        if (!is_open(r))
            ASC_TRY(open_next(r, err));
        if (!is_open(r))
            continue;
        asc_document doc;
        bool more = false;
        ASC_TRY(asc__token_reader_is_open(&r->tokens) ? asc__token_reader_next(&r->tokens, &doc, &more, err)
                                                      : asc_reader_next(r->reader, &doc, &more, err));
        if (more)
            ASC_TRY(add_document(r, &doc, err));
        bool enough = more && r->left > 0 && (r->left -= (int64_t)doc.n_bytes) <= 0;
        if (!more || enough)
            close_file(r);
        if (asc_interrupted())
            return ASC_FAIL(err, ASC_EINTR, "interrupted while reading text");
    }
    for (size_t i = 0; i < b->n; i++)
        b->items[i].text = b->text.data + b->starts[i];
    return ASC_OK;
}

/* ---- working ---- */

static void task(void *ctx, size_t i)
{
    struct pass *r = ctx;
    if (i == 0) {
        r->next->status = read_batch(r, &r->next->err);
        return;
    }
    asc__item *item = &r->now->items[i - 1];
    if (r->p->work)
        item->status = r->p->work(r->p->ctx, item, &item->err);
}

static asc_status take_batch(struct pass *r, asc_error *err)
{
    for (size_t i = 0; i < r->now->n; i++) {
        asc__item *item = &r->now->items[i];
        if (item->status != ASC_OK) {
            *err = item->err;
            return item->status;
        }
        ASC_TRY(r->p->take(r->p->ctx, item, err));
    }
    return ASC_OK;
}

static void swap_batches(struct pass *r)
{
    struct batch *b = r->now;
    r->now = r->next;
    r->next = b;
}

static asc_status run(struct pass *r, asc_error *err)
{
    ASC_TRY(read_batch(r, err));
    for (;;) {
        swap_batches(r);
        if (r->now->n == 0)
            break;
        asc_parallel_for(r->p->n_threads, r->now->n + 1, task, r);
        ASC_TRY(take_batch(r, err));
        if (r->next->status != ASC_OK) {
            *err = r->next->err;
            return r->next->status;
        }
        report_progress(r);
    }
    if (!r->first && (r->unit != r->p->source->n_units || r->n_segments != r->p->source->n_segments))
        return changed(r, err);
    return ASC_OK;
}

asc_status asc__pass_run(const asc__pass *p, bool first, asc_error *err)
{
    struct pass r = {.p = p, .first = first, .shown_s = asc_now_s()};
    asc_error local = {0};
    r.now = &r.batches[0];
    r.next = &r.batches[1];
    for (size_t i = 0; i < p->source->n_units; i++)
        r.total += p->source->units[i].n_bytes;
    asc_status st = run(&r, &local);
    if (st != ASC_OK && err)
        *err = local;
    close_file(&r);
    asc_free(r.tokens.ids);
    batch_clear(&r.batches[0]);
    batch_clear(&r.batches[1]);
    return st;
}
