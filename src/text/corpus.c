/*
 * From text to token files. Passes, each of which reads the text once and keeps nothing of it:
 *   1 hash every document; drop duplicates in the order of domains, those of explicit held-out text first
 *   2 hash the pieces of long documents, where a domain has any and its held-out text is split off
 *   3 learn the tokenizer from what can only be training text, where one is asked for
 *   4 count the tokens of the candidates for held-out text, and decide
 *   5 encode and write
 */
#include "corpus.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct job {
    const asc_corpus_opts *o;
    asc__source *sources; /* train and explicit held-out text of each domain, as far as there are */
    size_t n_sources;
    asc_domain_report *reports; /* (n_domains) */
    asc_tokenizer *tokenizer;
    int64_t sample_bytes;   /* that the tokenizer was learnt from */
    asc_encoder **encoders; /* free ones */
    size_t n_encoders, cap_encoders;
    pthread_mutex_t lock;
    asc__hash_set held;          /* content of all held-out units */
    asc__kept kept;              /* what is there and stays */
    asc_corpus_domain *domains;  /* (n_domains) of o, samples as they were */
    bool kept_tokenizer;         /* the one that is there, which would be learnt else */
    char files_key[65], key[65]; /* of the inputs as files, and as content */
};

/* ---- sources ---- */

static bool of_ids(const asc_corpus_opts *o)
{
    return !o->tokenizer_path && o->tokenizer_kind == ASC_TOKENIZER_IDS;
}

struct skipping {
    asc_domain_report *report;
    asc_status status; /* of noting it */
};

/* Files and folders that are passed over stand beside the rejected lines. */
static void note_skipped(void *ctx, const char *path, int64_t line, const char *why)
{
    struct skipping *s = ctx;
    asc_status st = asc__report_reject(s->report, path, line, why, NULL);
    s->status = s->status != ASC_OK ? s->status : st;
}

static asc_status add_source(struct job *j, size_t domain, bool held_out, asc_error *err)
{
    const asc_corpus_domain *d = &j->domains[domain];
    asc__source *s = &j->sources[j->n_sources];
    *s = (asc__source){.domain = d, .report = &j->reports[domain], .held_out = held_out};
    s->split = !held_out && d->n_valid == 0;
    asc_error why;
    struct skipping skipping = {.report = s->report};
    asc_status st = asc_corpus_files_told(&s->files, &s->n_files, &s->tokens, held_out ? d->valid : d->train,
                                          held_out ? d->n_valid : d->n_train, j->o->base_dir, d->dtype, note_skipped,
                                          &skipping, &why);
    if (st != ASC_OK)
        return ASC_FAIL(err, st, "domain %s: %s", d->name, why.msg);
    j->n_sources++;
    if (skipping.status != ASC_OK)
        return ASC_NOMEM(err);
    const asc_domain_report *whole = asc__kept_named(&j->kept, d->part_of);
    if (held_out && whole && whole->held_to[0] && !asc__kept_named(&j->kept, d->name))
        return ASC_FAIL(err, ASC_EINVAL,
                        "domain %s: valid: leave it out; as a part of %s it has what was held out of that", d->name,
                        d->part_of);
    ASC_TRY(asc__sample_choose(s, err));
    if (s->tokens && !j->o->tokenizer_path && !of_ids(j->o))
        return ASC_FAIL(err, ASC_EINVAL,
                        "domain %s: %s: token files need their tokenizer (tokenizer: PATH), or its vocabulary size and "
                        "end-of-document id (tokenizer: {vocab: N, end: ID})",
                        d->name, s->files[0]);
    if (!s->tokens && of_ids(j->o))
        return ASC_FAIL(err, ASC_EINVAL,
                        "domain %s: %s: text needs a tokenizer; vocab and end alone are for token files", d->name,
                        s->files[0]);
    return ASC_OK;
}

static asc_status check_name(const asc_corpus_opts *o, size_t k, asc_error *err)
{
    const char *name = o->domains[k].name;
    char *file = name ? asc_file_name(name) : NULL;
    size_t n = file ? strlen(file) : 0;
    asc_free(file);
    if (n == 0 || n > 200)
        return ASC_FAIL(
            err, ASC_EINVAL,
            "domain '%.80s': expected a name of 1 to 200 letters and digits (other bytes count three times)",
            name ? name : "");
    for (size_t i = 0; i < k; i++)
        if (strcmp(o->domains[i].name, name) == 0)
            return ASC_FAIL(err, ASC_EINVAL, "domain '%s' is given twice", name);
    return ASC_OK;
}

/* Explicit held-out text comes first: training text gives way to it. */
static asc_status find_sources(struct job *j, asc_error *err)
{
    const asc_corpus_opts *o = j->o;
    if (o->n_domains == 0)
        return ASC_FAIL(err, ASC_EINVAL, "no domains");
    j->sources = asc_calloc(2 * o->n_domains, sizeof *j->sources);
    j->reports = asc_calloc(o->n_domains, sizeof *j->reports);
    j->domains = asc_calloc(o->n_domains, sizeof *j->domains);
    if (!j->sources || !j->reports || !j->domains)
        return ASC_NOMEM(err);
    for (size_t k = 0; k < o->n_domains; k++) {
        const asc_domain_report *was = asc__kept_named(&j->kept, o->domains[k].name);
        j->domains[k] = o->domains[k];
        j->domains[k].sample_tokens = was ? was->sample_tokens : o->domains[k].sample_tokens;
    }
    for (size_t k = 0; k < o->n_domains; k++) {
        ASC_TRY(check_name(o, k, err));
        j->reports[k].name = asc_strdup(o->domains[k].name);
        if (!j->reports[k].name)
            return ASC_NOMEM(err);
        if (o->domains[k].n_train + o->domains[k].n_valid == 0)
            return ASC_FAIL(err, ASC_EINVAL, "domain %s: no files given", o->domains[k].name);
        if (o->domains[k].n_valid > 0)
            ASC_TRY(add_source(j, k, true, err));
    }
    for (size_t k = 0; k < o->n_domains; k++)
        if (o->domains[k].n_train > 0)
            ASC_TRY(add_source(j, k, false, err));
    return ASC_OK;
}

static void sources_clear(struct job *j)
{
    for (size_t i = 0; i < j->n_sources; i++) {
        asc_text_discover_free(j->sources[i].files, j->sources[i].n_files);
        asc_free(j->sources[i].segments);
        asc_free(j->sources[i].units);
        asc_free(j->sources[i].unit_tokens);
    }
    asc_free(j->sources);
}

static asc__pass pass_over(struct job *j, asc__source *s, const char *what, void *ctx)
{
    return (asc__pass){.source = s,
                       .n_threads = j->o->n_threads > 0 ? j->o->n_threads : asc_cpu_count(),
                       .what = what,
                       .progress = j->o->progress,
                       .progress_ctx = j->o->progress_ctx,
                       .ctx = ctx};
}

/* ---- pass 1: hashes ---- */

struct hashing {
    struct job *job;
    asc__source *source;
    asc_status rejected; /* of noting a rejected line */
};

static asc_status hash_work(void *ctx, asc__item *item, asc_error *err)
{
    const struct hashing *h = ctx;
    uint8_t hash[ASC__HASH_BYTES];
    int64_t n_bytes = (int64_t)item->n_bytes;
    asc__content_hash(hash, item->text, item->n_bytes);
    if (h->source->tokens)
        ASC_TRY(asc__token_bytes(&n_bytes, h->job->tokenizer, item, h->source->domain->name, err));
    asc_buf_append(&item->out, hash, sizeof hash);
    asc_buf_append(&item->out, &n_bytes, sizeof n_bytes);
    return item->out.oom ? ASC_NOMEM(err) : ASC_OK;
}

static asc_status add_unit(asc__source *s, const asc__unit *u, asc_error *err)
{
    asc__unit *grown = asc_grow(s->units, &s->cap_units, s->n_units + 1, sizeof *grown);
    if (!grown)
        return ASC_NOMEM(err);
    s->units = grown;
    s->units[s->n_units++] = *u;
    return ASC_OK;
}

static asc_status hash_take(void *ctx, asc__item *item, asc_error *err)
{
    struct hashing *h = ctx;
    asc__unit u = {.n_bytes = (uint32_t)item->n_bytes, .first = true};
    int64_t n_bytes;
    memcpy(u.hash, item->out.data, ASC__HASH_BYTES);
    memcpy(&n_bytes, item->out.data + ASC__HASH_BYTES, sizeof n_bytes);
    h->source->report->n_documents_read++;
    h->source->report->n_bytes_read += n_bytes;
    return add_unit(h->source, &u, err);
}

static void note_rejected(void *ctx, const char *file, int64_t line, const char *why)
{
    struct hashing *h = ctx;
    asc_status st = asc__report_reject(h->source->report, file, line, why, NULL);
    h->rejected = h->rejected != ASC_OK ? h->rejected : st;
}

/* ", first rejected: FILE:LINE: WHY" */
static const char *first_rejected(const asc_domain_report *r, char *buf, size_t n)
{
    buf[0] = 0;
    if (r->n_rejected_listed > 0 && r->rejected[0].line > 0)
        snprintf(buf, n, "; first rejected: %s:%lld: %s", r->rejected[0].file, (long long)r->rejected[0].line,
                 r->rejected[0].why);
    else if (r->n_rejected_listed > 0)
        snprintf(buf, n, "; first rejected: %s: %s", r->rejected[0].file, r->rejected[0].why);
    return buf;
}

static asc_status hash_source(struct job *j, asc__source *s, asc_error *err)
{
    struct hashing h = {j, s, ASC_OK};
    asc__pass p = pass_over(j, s, s->tokens ? "reading tokens" : "reading text", &h);
    p.rejected = note_rejected;
    p.rejected_ctx = &h;
    p.work = hash_work;
    p.take = hash_take;
    ASC_TRY(asc__pass_run(&p, true, err));
    if (h.rejected != ASC_OK)
        return ASC_NOMEM(err);
    char why[600];
    if (s->n_units == 0)
        return ASC_FAIL(err, ASC_EINVAL, "domain %s: no document in %zu file%s (%s ...)%s", s->domain->name, s->n_files,
                        s->n_files == 1 ? "" : "s", s->files[0], first_rejected(s->report, why, sizeof why));
    s->n_documents = s->n_units;
    return ASC_OK;
}

/* ---- pass 2: pieces ---- */

struct cutting {
    asc__source *source;
    asc__source cut; /* only its units are used */
    size_t done;     /* units of source that are in cut */
};

static bool is_long(const asc__source *s, const asc__item *item)
{
    return s->units[item->first_unit].state == ASC__UNIT_TRAIN && asc__n_pieces(item->n_bytes, s->piece_bytes) > 1;
}

static asc_status cut_work(void *ctx, asc__item *item, asc_error *err)
{
    const struct cutting *c = ctx;
    size_t k = asc__n_pieces(item->n_bytes, c->source->piece_bytes), at = 0;
    size_t *ends = asc_reallocarray(NULL, k, sizeof *ends);
    if (!ends)
        return ASC_NOMEM(err);
    if (c->source->tokens)
        asc__cut_ids(item->n_bytes, c->source->piece_bytes, ends, k);
    else
        asc__cut(item->text, item->n_bytes, c->source->piece_bytes, ends, k);
    for (size_t i = 0; i < k; at = ends[i++]) {
        asc__unit u = {.n_bytes = (uint32_t)(ends[i] - at), .first = i == 0, .state = ASC__UNIT_TRAIN};
        asc__content_hash(u.hash, item->text + at, u.n_bytes);
        asc_buf_append(&item->out, &u, sizeof u);
    }
    asc_free(ends);
    return item->out.oom ? ASC_NOMEM(err) : ASC_OK;
}

static asc_status copy_units(struct cutting *c, size_t to, asc_error *err)
{
    while (c->done < to)
        ASC_TRY(add_unit(&c->cut, &c->source->units[c->done++], err));
    return ASC_OK;
}

static asc_status cut_take(void *ctx, asc__item *item, asc_error *err)
{
    struct cutting *c = ctx;
    ASC_TRY(copy_units(c, item->first_unit, err));
    c->done++;
    for (size_t at = 0; at < item->out.len; at += sizeof(asc__unit)) {
        asc__unit u;
        memcpy(&u, item->out.data + at, sizeof u);
        ASC_TRY(add_unit(&c->cut, &u, err));
    }
    return ASC_OK;
}

/* What it is a part of, where that was split itself; NULL: its own. A kept domain is as it was. */
static const asc_domain_report *whole_of(const struct job *j, const asc__source *s)
{
    const asc_domain_report *was = asc__kept_named(&j->kept, s->kept ? s->domain->name : s->domain->part_of);
    return was && was->held_to[0] ? was : NULL;
}

static asc_status cut_source(struct job *j, asc__source *s, asc_error *err)
{
    bool any = false;
    int64_t piece = asc__valid_bytes(s->n_bytes, j->o->valid_tokens) / ASC__PIECES_IN_VALID;
    const asc_domain_report *as = whole_of(j, s);
    s->piece_bytes = piece < ASC__LEAST_PIECE ? ASC__LEAST_PIECE : (size_t)piece;
    if (as)
        s->piece_bytes = (size_t)as->piece_bytes;
    s->report->piece_bytes = (int64_t)s->piece_bytes;
    for (size_t i = 0; i < s->n_units; i++)
        any = any || (s->units[i].state == ASC__UNIT_TRAIN && s->units[i].n_bytes > s->piece_bytes);
    if (!any)
        return ASC_OK;
    struct cutting c = {.source = s};
    asc__pass p = pass_over(j, s, "cutting long documents", &c);
    p.wanted = is_long;
    p.work = cut_work;
    p.take = cut_take;
    asc_status st = asc__pass_run(&p, false, err);
    if (st == ASC_OK)
        st = copy_units(&c, s->n_units, err);
    if (st != ASC_OK) {
        asc_free(c.cut.units);
        return st;
    }
    asc_free(s->units);
    s->units = c.cut.units;
    s->n_units = c.cut.n_units;
    s->cap_units = c.cut.cap_units;
    return ASC_OK;
}

/* ---- pass 3: the tokenizer ---- */

struct learning {
    asc__source *source;
    asc_tokenizer_learner *trainer;
    double share; /* of the training text that is looked at */
    int64_t n_bytes;
};

/* Where the sample is decided: bytes of the hash that the choice of held-out text does not look at first. */
static bool in_sample(const struct learning *l, const asc__unit *u)
{
    uint64_t h;
    memcpy(&h, u->hash + 8, sizeof h);
    return u->state == ASC__UNIT_TRAIN && (double)(h >> 11) * 0x1p-53 < l->share;
}

static asc_status learn_take(void *ctx, asc__item *item, asc_error *err)
{
    struct learning *l = ctx;
    const asc__unit *u = l->source->units + item->first_unit;
    const char *text = item->text;
    for (size_t i = 0; i < item->n_units; text += u[i++].n_bytes) {
        if (!in_sample(l, &u[i]))
            continue;
        ASC_TRY(asc_tokenizer_learner_add(l->trainer, text, u[i].n_bytes, err));
        l->n_bytes += u[i].n_bytes;
    }
    return ASC_OK;
}

static asc_status learn_all(struct job *j, struct learning *l, asc_error *err)
{
    double total = 0;
    for (size_t i = 0; i < j->n_sources; i++)
        for (size_t u = 0; u < j->sources[i].n_units; u++)
            if (j->sources[i].units[u].state == ASC__UNIT_TRAIN)
                total += j->sources[i].units[u].n_bytes;
    l->share = total > (double)ASC_TEXT_TRAIN_SAMPLE ? (double)ASC_TEXT_TRAIN_SAMPLE / total : 1;
    for (size_t i = 0; i < j->n_sources; i++) {
        if (j->sources[i].held_out)
            continue;
        l->source = &j->sources[i];
        asc__pass p = pass_over(j, l->source, "counting words", l);
        p.take = learn_take;
        ASC_TRY(asc__pass_run(&p, false, err));
    }
    return ASC_OK;
}

static asc_status learn_tokenizer(struct job *j, asc_error *err)
{
    struct learning l = {0};
    ASC_TRY(asc_tokenizer_learner_create(&l.trainer, j->o->tokenizer_kind, err));
    asc_status st = learn_all(j, &l, err);
    if (st == ASC_OK && l.n_bytes == 0)
        st = ASC_FAIL(err, ASC_EINVAL, "no training text to train a tokenizer on; give one");
    if (st == ASC_OK)
        st = asc_tokenizer_learner_finish(&j->tokenizer, l.trainer, j->o->vocab, err);
    asc_tokenizer_learner_free(l.trainer);
    j->sample_bytes = l.n_bytes;
    return st;
}

/* ---- encoders, one per thread at a time ---- */

static asc_status take_encoder(struct job *j, asc_encoder **out, asc_error *err)
{
    asc_encoder *e = NULL;
    pthread_mutex_lock(&j->lock);
    if (j->n_encoders > 0)
        e = j->encoders[--j->n_encoders];
    pthread_mutex_unlock(&j->lock);
    *out = e;
    return e ? ASC_OK : asc_encoder_create(out, j->tokenizer, err);
}

static void give_encoder(struct job *j, asc_encoder *e)
{
    pthread_mutex_lock(&j->lock);
    asc_encoder **grown = asc_grow(j->encoders, &j->cap_encoders, j->n_encoders + 1, sizeof *grown);
    if (grown) {
        j->encoders = grown;
        j->encoders[j->n_encoders++] = e;
    }
    pthread_mutex_unlock(&j->lock);
    if (!grown)
        asc_encoder_free(e);
}

/* ---- pass 4: how many tokens the candidates have ---- */

struct encoding {
    struct job *job;
    asc__source *source;
    asc_token_writer *train, *valid; /* pass 5 */
};

/* A stretch of one document's units that goes out as one document. */
struct stretch {
    size_t first_unit, n_units, n_bytes, n_ids;
    int64_t text_bytes;
    bool held;
};

/* Ids that stand there already, as they are. */
static asc_status take_ids(struct encoding *c, asc__item *item, struct stretch *s, const char *text, asc_error *err)
{
    asc__item part = {.text = text, .n_bytes = s->n_bytes, .document = item->document};
    size_t n = s->n_bytes / sizeof(int32_t);
    ASC_TRY(asc__token_bytes(&s->text_bytes, c->job->tokenizer, &part, c->source->domain->name, err));
    int32_t *ids = asc_grow(item->ids, &item->cap_ids, item->n_ids + n, sizeof *ids);
    if (!ids)
        return ASC_NOMEM(err);
    item->ids = ids;
    memcpy(ids + item->n_ids, text, n * sizeof *ids);
    item->n_ids += n;
    return ASC_OK;
}

static asc_status encode_text(struct encoding *c, asc__item *item, asc_encoder *e, struct stretch *s, const char *text,
                              asc_error *err)
{
    int32_t end = asc_tokenizer_special(c->job->tokenizer, NULL);
    s->text_bytes = (int64_t)s->n_bytes;
    ASC_TRY(asc_encode(e, text, s->n_bytes, &item->ids, &item->n_ids, &item->cap_ids, err));
    if (end < 0)
        return ASC_OK;
    int32_t *ids = asc_grow(item->ids, &item->cap_ids, item->n_ids + 1, sizeof *ids);
    if (!ids)
        return ASC_NOMEM(err);
    item->ids = ids;
    item->ids[item->n_ids++] = end;
    return ASC_OK;
}

static asc_status encode_stretch(struct encoding *c, asc__item *item, asc_encoder *e, struct stretch *s,
                                 const char *text, asc_error *err)
{
    size_t before = item->n_ids;
    ASC_TRY(c->source->tokens ? take_ids(c, item, s, text, err) : encode_text(c, item, e, s, text, err));
    s->n_ids = item->n_ids - before;
    asc_buf_append(&item->out, s, sizeof *s);
    return item->out.oom ? ASC_NOMEM(err) : ASC_OK;
}

/* Neighbouring training pieces of one document are joined again; held-out pieces and candidates stand alone. */
static asc_status encode_units(struct encoding *c, asc__item *item, asc_encoder *e, bool candidates, asc_error *err)
{
    const asc__unit *u = c->source->units;
    const char *text = item->text;
    for (size_t i = item->first_unit, end = i + item->n_units; i < end;) {
        uint8_t state = u[i].state;
        bool wanted = candidates ? state == ASC__UNIT_CANDIDATE : state == ASC__UNIT_TRAIN || state == ASC__UNIT_HELD;
        struct stretch s = {i, 1, u[i].n_bytes, 0, 0, state == ASC__UNIT_HELD};
        while (state == ASC__UNIT_TRAIN && i + s.n_units < end && u[i + s.n_units].state == ASC__UNIT_TRAIN)
            s.n_bytes += u[i + s.n_units++].n_bytes;
        if (wanted)
            ASC_TRY(encode_stretch(c, item, e, &s, text, err));
        text += s.n_bytes;
        i += s.n_units;
    }
    return ASC_OK;
}

static asc_status encode_item(struct encoding *c, asc__item *item, bool candidates, asc_error *err)
{
    asc_encoder *e = NULL;
    ASC_TRY(take_encoder(c->job, &e, err));
    asc_status st = encode_units(c, item, e, candidates, err);
    give_encoder(c->job, e);
    return st;
}

static asc_status count_work(void *ctx, asc__item *item, asc_error *err)
{
    return encode_item(ctx, item, true, err);
}

static asc_status count_take(void *ctx, asc__item *item, asc_error *err)
{
    struct encoding *c = ctx;
    for (size_t at = 0; at < item->out.len; at += sizeof(struct stretch)) {
        struct stretch s;
        memcpy(&s, item->out.data + at, sizeof s);
        c->source->unit_tokens[s.first_unit] = (int64_t)s.n_ids;
    }
    return ASC_OK;
}

static bool has_candidate(const asc__source *s, const asc__item *item)
{
    for (size_t i = 0; i < item->n_units; i++)
        if (s->units[item->first_unit + i].state == ASC__UNIT_CANDIDATE)
            return true;
    return false;
}

static asc_status hold_out(struct job *j, asc__source *s, asc_error *err)
{
    s->unit_tokens = asc_calloc(s->n_units, sizeof *s->unit_tokens);
    if (!s->unit_tokens)
        return ASC_NOMEM(err);
    struct encoding c = {.job = j, .source = s};
    asc__pass p = pass_over(j, s, "counting held-out tokens", &c);
    p.wanted = has_candidate;
    p.work = count_work;
    p.take = count_take;
    ASC_TRY(asc__pass_run(&p, false, err));
    ASC_TRY(asc__hold_out(s, j->o->valid_tokens, err));
    asc__note_held(s);
    asc_free(s->unit_tokens);
    s->unit_tokens = NULL;
    return ASC_OK;
}

/* ---- pass 5: token files ---- */

static bool is_written(const asc__source *s, const asc__item *item)
{
    for (size_t i = 0; i < item->n_units; i++)
        if (s->units[item->first_unit + i].state != ASC__UNIT_DROPPED)
            return true;
    return false;
}

static asc_status write_work(void *ctx, asc__item *item, asc_error *err)
{
    return encode_item(ctx, item, false, err);
}

static asc_status write_take(void *ctx, asc__item *item, asc_error *err)
{
    struct encoding *c = ctx;
    asc_domain_report *r = c->source->report;
    const int32_t *ids = item->ids;
    for (size_t at = 0; at < item->out.len; at += sizeof(struct stretch)) {
        struct stretch s;
        memcpy(&s, item->out.data + at, sizeof s);
        ASC_TRY(asc_token_writer_add(s.held ? c->valid : c->train, ids, s.n_ids, err));
        ids += s.n_ids;
        *(s.held ? &r->n_valid_documents : &r->n_documents) += 1;
        *(s.held ? &r->n_valid_bytes : &r->n_bytes) += s.text_bytes;
        *(s.held ? &r->n_valid_tokens : &r->n_tokens) += (int64_t)s.n_ids;
    }
    return ASC_OK;
}

static asc_status open_writer(struct job *j, const asc__source *s, bool valid, asc_token_writer **out, asc_error *err)
{
    char *prefix = asc_corpus_prefix(j->o->out_dir, s->domain->name, valid);
    asc_status st =
        prefix ? asc_token_writer_create(out, prefix, asc_tokenizer_vocab(j->tokenizer), err) : ASC_NOMEM(err);
    asc_free(prefix);
    return st;
}

static asc_status write_source(struct job *j, asc__source *s, asc_error *err)
{
    struct encoding c = {.job = j, .source = s};
    asc__pass p = pass_over(j, s, "encoding", &c);
    p.wanted = is_written;
    p.work = write_work;
    p.take = write_take;
    asc_status st = s->held_out ? ASC_OK : open_writer(j, s, false, &c.train, err);
    if (st == ASC_OK && (s->held_out || s->split))
        st = open_writer(j, s, true, &c.valid, err);
    if (st == ASC_OK)
        st = asc__pass_run(&p, false, err);
    if (st == ASC_OK && c.train)
        st = asc_token_writer_commit(c.train, err);
    if (st == ASC_OK && c.valid)
        st = asc_token_writer_commit(c.valid, err);
    asc_token_writer_free(c.train);
    asc_token_writer_free(c.valid);
    return st;
}

/* ---- what is there already (corpus_there.c) ---- */

static double modified_s(const char *path)
{
    struct stat sb;
    return stat(path, &sb) == 0 ? (double)sb.st_mtim.tv_sec + 1e-9 * (double)sb.st_mtim.tv_nsec : 0;
}

static bool same_key(const json_t *root, const char *name, const char *key)
{
    const char *s = json_string_value(json_object_get(root, name));
    return s && strcmp(s, key) == 0;
}

/* ---- all of it ---- */

static asc_status mark(struct job *j, asc__source *s, asc_error *err)
{
    const asc_domain_report *as = whole_of(j, s);
    if (!as && !s->kept && asc__kept_named(&j->kept, s->domain->part_of))
        return ASC_FAIL(err, ASC_EINVAL,
                        "domain %s: the held-out text of %s, which it is a part of, was given under 'valid'; give the "
                        "part's too",
                        s->domain->name, s->domain->part_of);
    if (!as)
        return asc__mark_candidates(s, j->o->valid_tokens, err);
    asc__hold_out_as(s, as);
    for (size_t u = 0; u < s->n_units; u++)
        if (s->kept || s->units[u].state == ASC__UNIT_HELD)
            return ASC_OK;
    return ASC_FAIL(err, ASC_EINVAL,
                    "domain %s: nothing of it was held out of %s, and the runs in %s were trained on the rest; give "
                    "files under 'valid'",
                    s->domain->name, as->name, j->kept.runs);
}

static asc_status split_all(struct job *j, asc_error *err)
{
    for (size_t i = 0; i < j->n_sources; i++)
        if (j->sources[i].split) {
            ASC_TRY(cut_source(j, &j->sources[i], err));
            ASC_TRY(mark(j, &j->sources[i], err));
        }
    if (!j->tokenizer)
        ASC_TRY(learn_tokenizer(j, err));
    for (size_t i = 0; i < j->n_sources; i++)
        if (j->sources[i].split && !whole_of(j, &j->sources[i]))
            ASC_TRY(hold_out(j, &j->sources[i], err));
    ASC_TRY(asc__kept_apart(&j->kept, j->sources, j->n_sources, err));
    return asc__hold_apart(&j->held, j->sources, j->n_sources, err);
}

/* {"id", "token", "from"}; null: documents of token files as they are. */
static json_t *end_json(const asc_tokenizer *t)
{
    size_t n = 0;
    int32_t id = asc_tokenizer_special(t, NULL);
    const char *token = id >= 0 ? asc_tokenizer_token(t, id, &n) : NULL, *from = asc_tokenizer_end_source(t);
    if (id < 0)
        return json_null();
    json_t *text = token ? json_stringn(token, n) : json_null();
    return json_pack("{s:i, s:o, s:s}", "id", (int)id, "token", text ? text : json_null(), "from", from ? from : "");
}

static json_t *report_header(const struct job *j)
{
    char fingerprint[65];
    asc_tokenizer_fingerprint(j->tokenizer, fingerprint);
    json_t *j_end = end_json(j->tokenizer);
    return json_pack("{s:i, s:s, s:s, s:{s:i, s:s, s:b, s:I, s:o}, s:I, s:b}", "version", 1, "key", j->key, "files_key",
                     j->files_key, "tokenizer", "vocab", (int)asc_tokenizer_vocab(j->tokenizer), "fingerprint",
                     fingerprint, "trained", (int)(j->o->tokenizer_path == NULL), "sample_bytes",
                     (json_int_t)j->sample_bytes, "end", j_end, "valid_tokens_wanted", (json_int_t)j->o->valid_tokens,
                     "kept", (int)asc__keeps(&j->kept));
}

static asc_status write_report(struct job *j, const char *path, asc_error *err)
{
    asc_domain_report *gone = NULL;
    size_t n_gone = 0;
    ASC_TRY(asc__kept_reports(&gone, &n_gone, &j->kept, j->reports, j->o->n_domains, j->sources, j->n_sources, err));
    json_t *header = report_header(j);
    asc_status st =
        header ? asc__report_write(path, header, j->reports, j->o->n_domains, gone, n_gone, err) : ASC_NOMEM(err);
    asc_free(gone);
    return st;
}

static asc_status write_all(struct job *j, const char *report, asc_error *err)
{
    char *path = asc_path_join(j->o->out_dir, "tokenizer.json");
    asc_status st = !path ? ASC_NOMEM(err) : j->kept_tokenizer ? ASC_OK : asc_tokenizer_save(j->tokenizer, path, err);
    asc_free(path);
    for (size_t i = 0; i < j->n_sources && st == ASC_OK; i++)
        st = j->sources[i].kept ? ASC_OK : write_source(j, &j->sources[i], err);
    ASC_TRY(st);
    for (size_t k = 0; k < j->o->n_domains; k++) {
        asc_domain_report *r = &j->reports[k];
        bool target = j->o->domains[k].n_train == 0;
        if (asc__is_kept(r, j->sources, j->n_sources))
            continue;
        int64_t tokens = target ? r->n_valid_tokens : r->n_tokens;
        if (tokens == 0)
            return ASC_FAIL(err, ASC_EINVAL, "domain %s: no text is left after deduplication", r->name);
        r->bytes_per_token = !asc_tokenizer_has_texts(j->tokenizer)
                                 ? (double)NAN
                                 : (double)(target ? r->n_valid_bytes : r->n_bytes) / (double)tokens;
    }
    return write_report(j, report, err);
}

/* Documents that run into each other are no corpus: text is only encoded with a token that ends it. */
static asc_status load_tokenizer(struct job *j, asc_error *err)
{
    const asc_corpus_opts *o = j->o;
    if (of_ids(o))
        return asc_tokenizer_of_ids(&j->tokenizer, o->vocab, o->end, err);
    if (!o->tokenizer_path)
        return o->end ? ASC_FAIL(err, ASC_EINVAL, "end of document '%s': a trained tokenizer has its own", o->end)
                      : ASC_OK;
    ASC_TRY(asc_tokenizer_load(&j->tokenizer, o->tokenizer_path, err));
    if (o->end)
        ASC_TRY(asc_tokenizer_set_end(j->tokenizer, o->end, err));
    for (size_t i = 0; i < j->n_sources; i++)
        if (!j->sources[i].tokens && asc_tokenizer_special(j->tokenizer, NULL) < 0)
            return ASC_FAIL(err, ASC_EINVAL,
                            "%s: no end-of-document token; set one: --end TOKEN, in a study tokenizer: {path: "
                            "PATH, end: TOKEN}, or eos_token in a tokenizer_config.json beside it",
                            o->tokenizer_path);
    return ASC_OK;
}

/* The tokenizer that runs were made with, where it was learnt: it is learnt no second time. */
static asc_status take_kept_tokenizer(struct job *j, asc_error *err)
{
    if (j->tokenizer || !asc__keeps(&j->kept))
        return ASC_OK;
    char *path = asc_path_join(j->o->out_dir, "tokenizer.json");
    asc_status st = path ? asc_tokenizer_load(&j->tokenizer, path, err) : ASC_NOMEM(err);
    asc_free(path);
    j->kept_tokenizer = st == ASC_OK;
    return st;
}

static asc_status check_tokenizer(const struct job *j, const json_t *root, asc_error *err)
{
    char now[65];
    const char *was = json_string_value(json_object_get(json_object_get(root, "tokenizer"), "fingerprint"));
    asc_tokenizer_fingerprint(j->tokenizer, now);
    if (!was || strcmp(was, now) == 0)
        return ASC_OK;
    return ASC_FAIL(err, ASC_EINVAL,
                    "%s: the tokenizer has changed since the runs in %s were made; restore it, or use another --dir",
                    j->o->tokenizer_path ? j->o->tokenizer_path : "tokenizer.json", j->kept.runs);
}

/* What of all that is there stays. A kept domain whose token files are damaged is written again. */
static asc_status find_kept(struct job *j, const json_t *root, asc_error *err)
{
    for (size_t k = 0; k < j->o->n_domains; k++)
        asc__mark_sources(&j->reports[k], j->sources, j->n_sources);
    if (!asc__keeps(&j->kept))
        return ASC_OK;
    ASC_TRY(check_tokenizer(j, root, err));
    for (size_t k = 0; k < j->o->n_domains; k++) {
        const asc_domain_report *was = asc__kept_named(&j->kept, j->reports[k].name);
        ASC_TRY(asc__kept_compare(&j->kept, &j->reports[k], j->sources, j->n_sources, err));
        bool whole = was && asc__corpus_holds(j->o->out_dir, &j->o->domains[k], was);
        for (size_t i = 0; !whole && i < j->n_sources; i++)
            j->sources[i].kept &= j->sources[i].report != &j->reports[k];
    }
    return ASC_OK;
}

/* By the files' names, sizes and times. A file that changed within two seconds of the report may have changed after it
 * was read. */
static asc_status find_done(bool *done, struct job *j, const json_t *root, const char *report, asc_domain_report **out,
                            asc_error *err)
{
    double newest = 0;
    ASC_TRY(asc__corpus_files_key(j->files_key, &newest, j->o, j->tokenizer, j->sources, j->n_sources, err));
    *done = same_key(root, "files_key", j->files_key) && newest + 2 < modified_s(report) &&
            asc__corpus_finished(out, j->o, root, report);
    if (*done || j->tokenizer)
        return ASC_OK;
    ASC_TRY(take_kept_tokenizer(j, err));
    return j->tokenizer ? find_done(done, j, root, report, out, err) : ASC_OK;
}

/* By what was read. Files that a tokenizer was learnt from and others that it was kept for have keys of their own. */
static bool is_done(struct job *j, const json_t *root, const char *report, asc_domain_report **out)
{
    bool done = false;
    if (j->kept_tokenizer) {
        asc__corpus_content_key(j->key, j->o, NULL, j->sources, j->n_sources);
        done = same_key(root, "key", j->key) && asc__corpus_finished(out, j->o, root, report);
    }
    if (!done)
        asc__corpus_content_key(j->key, j->o, j->tokenizer, j->sources, j->n_sources);
    return done || (same_key(root, "key", j->key) && asc__corpus_finished(out, j->o, root, report));
}

static asc_status make_anew(struct job *j, const json_t *root, const char *report, asc_error *err)
{
    const asc_corpus_opts *o = j->o;
    ASC_TRY(find_kept(j, root, err));
    ASC_TRY(asc__kept_documents(&j->kept, j->sources, j->n_sources, err));
    ASC_TRY(asc__drop_duplicates(j->sources, j->n_sources, err));
    ASC_TRY(split_all(j, err));
    ASC_TRY(asc_mkdirs(o->out_dir, err));
    asc__remove_leftovers(o->out_dir);
    /* What it says is about to be untrue, unless runs were made of it: then it stays true. */
    if (!asc__keeps(&j->kept) && asc_path_exists(report) && unlink(report) != 0)
        return ASC_FAIL(err, ASC_EIO, "%s: cannot remove: %s", report, strerror(errno));
    return write_all(j, report, err);
}

static asc_status prepare(struct job *j, const char *report, const json_t *root, asc_domain_report **out,
                          asc_error *err)
{
    bool done = false;
    ASC_TRY(asc__kept_read(&j->kept, root, report, err));
    ASC_TRY(find_sources(j, err));
    ASC_TRY(load_tokenizer(j, err));
    for (size_t i = 0; i < j->n_sources; i++)
        j->sources[i].end = j->tokenizer ? asc_tokenizer_special(j->tokenizer, NULL) : -1;
    ASC_TRY(find_done(&done, j, root, report, out, err));
    for (size_t i = 0; i < j->n_sources && !done; i++)
        ASC_TRY(hash_source(j, &j->sources[i], err));
    if (done || is_done(j, root, report, out))
        return ASC_OK;
    ASC_TRY(make_anew(j, root, report, err));
    *out = j->reports;
    j->reports = NULL;
    return ASC_OK;
}

asc_status asc_corpus_prepare(asc_domain_report **reports, const asc_corpus_opts *opts, asc_error *err)
{
    struct job j = {.o = opts, .lock = PTHREAD_MUTEX_INITIALIZER, .kept = {.runs = opts->kept_for}};
    json_t *root = NULL;
    char *report = asc_path_join(opts->out_dir, "report.json");
    if (report && asc_path_exists(report) && asc_json_load(&root, report, NULL) != ASC_OK)
        root = NULL; /* not ours to keep: it is written anew */
    asc_status st = report ? prepare(&j, report, root, reports, err) : ASC_NOMEM(err);
    json_decref(root);
    asc_free(report);
    sources_clear(&j);
    for (size_t i = 0; i < j.n_encoders; i++)
        asc_encoder_free(j.encoders[i]);
    asc_free(j.encoders);
    asc__hash_set_clear(&j.held);
    asc__kept_clear(&j.kept);
    asc_free(j.domains);
    asc_domain_reports_free(j.reports, opts->n_domains);
    asc_tokenizer_free(j.tokenizer);
    return st;
}
