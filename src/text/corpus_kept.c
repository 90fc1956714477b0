/* What runs were made of stays as it is while domains and held-out sets come and go: the tokenizer, and the token files
 * of every domain whose text is the same. What is new gives way to it. */
#include "corpus.h"

#include <string.h>

asc_status asc__kept_read(asc__kept *k, const json_t *root, const char *path, asc_error *err)
{
    size_t n = 0;
    if (!k->runs || !root)
        return ASC_OK;
    ASC_TRY(asc__report_read_all(&k->was, &n, root, path, err));
    k->n_was = n;
    for (size_t i = 0; i < n; i++)
        if (!k->was[i].source[0]) /* of a version that did not write down what was read */
            k->runs = NULL;
    return ASC_OK;
}

bool asc__keeps(const asc__kept *k)
{
    return k->runs && k->n_was > 0;
}

void asc__kept_clear(asc__kept *k)
{
    asc_domain_reports_free(k->was, k->n_was);
    asc__hash_set_clear(&k->clash);
    *k = (asc__kept){0};
}

const asc_domain_report *asc__kept_named(const asc__kept *k, const char *name)
{
    for (size_t i = 0; k->runs && name && i < k->n_was; i++)
        if (k->was[i].name && strcmp(k->was[i].name, name) == 0)
            return &k->was[i];
    return NULL;
}

/* ---- marks ---- */

/* sum += hash, modulo 2^128: two domains' documents in whatever order. */
static void add_hash(uint8_t *sum, const uint8_t *hash)
{
    unsigned carry = 0;
    for (size_t i = 0; i < ASC__HASH_BYTES; i++) {
        carry += sum[i] + hash[i];
        sum[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

void asc__mark_sources(asc_domain_report *r, const asc__source *sources, size_t n)
{
    asc_sha256 h;
    uint8_t digest[32], sum[ASC__HASH_BYTES] = {0};
    asc_sha256_init(&h);
    for (size_t i = 0; i < n; i++) {
        const asc__source *s = &sources[i];
        if (s->report != r)
            continue;
        const char *kind = s->held_out ? "valid" : s->split ? "split" : "train";
        asc_sha256_update(&h, kind, strlen(kind) + 1);
        for (size_t u = 0; u < s->n_units; u++) {
            asc_sha256_update(&h, s->units[u].hash, ASC__HASH_BYTES);
            if (!s->held_out)
                add_hash(sum, s->units[u].hash);
        }
        r->sample_tokens = s->held_out ? r->sample_tokens : s->domain->sample_tokens;
    }
    asc_sha256_final(&h, digest);
    asc_hex(r->source, digest, ASC__HASH_BYTES);
    asc_hex(r->content, sum, ASC__HASH_BYTES);
}

asc_status asc__kept_compare(const asc__kept *k, const asc_domain_report *r, asc__source *sources, size_t n,
                             asc_error *err)
{
    const asc_domain_report *was = asc__kept_named(k, r->name);
    if (!was)
        return ASC_OK;
    if (strcmp(was->source, r->source) != 0)
        return ASC_FAIL(err, ASC_EINVAL,
                        "the text of domain %s has changed since the runs in %s were made; restore it, give the new "
                        "text another name, or use another --dir",
                        r->name, k->runs);
    for (size_t i = 0; i < n; i++)
        sources[i].kept |= sources[i].report == r;
    return ASC_OK;
}

/* ---- held-out text apart from training text ---- */

static asc_status put_held(asc__hash_set *set, const asc__source *s, asc_error *err)
{
    bool fresh;
    for (size_t u = 0; u < s->n_units; u++)
        if (s->units[u].state == ASC__UNIT_HELD)
            ASC_TRY(asc__hash_set_add(set, s->units[u].hash, &fresh, err));
    return ASC_OK;
}

/* The units of kept training text that are among the newly held-out. */
static asc_status find_clash(asc__kept *k, const asc__hash_set *held, const asc__source *s, asc_error *err)
{
    bool fresh;
    for (size_t u = 0; held->n && u < s->n_units; u++)
        if (s->units[u].state == ASC__UNIT_TRAIN && asc__hash_set_has(held, s->units[u].hash))
            ASC_TRY(asc__hash_set_add(&k->clash, s->units[u].hash, &fresh, err));
    return ASC_OK;
}

static asc_status refuse_held(const asc__kept *k, const asc__source *held, asc_error *err)
{
    return ASC_FAIL(err, ASC_EINVAL,
                    "the held-out text of %s shares documents with the text that the runs in %s were trained on: leave "
                    "these out, or use another --dir (documents of a new held-out set are dropped from training)",
                    held->domain->name, k->runs);
}

/* A piece that was split off a new domain is held out no more; a set that was given is refused. */
static asc_status settle_clash(const asc__kept *k, asc__source *s, asc_error *err)
{
    for (size_t u = 0; k->clash.n && u < s->n_units; u++) {
        if (s->units[u].state != ASC__UNIT_HELD || !asc__hash_set_has(&k->clash, s->units[u].hash))
            continue;
        if (s->held_out)
            return refuse_held(k, s, err);
        s->units[u].state = ASC__UNIT_DROPPED;
    }
    return ASC_OK;
}

static bool shares_documents(const asc__hash_set *held, const asc__source *trained)
{
    for (size_t u = 0; u < trained->n_units; u++)
        if (asc__hash_set_has(held, trained->units[u].hash))
            return true;
    return false;
}

asc_status asc__kept_documents(const asc__kept *k, const asc__source *sources, size_t n, asc_error *err)
{
    asc_status st = ASC_OK;
    for (size_t i = 0; st == ASC_OK && k->n_was && i < n; i++) {
        asc__hash_set held = {0};
        bool fresh;
        if (sources[i].kept || !sources[i].held_out)
            continue;
        for (size_t u = 0; st == ASC_OK && u < sources[i].n_units; u++)
            st = asc__hash_set_add(&held, sources[i].units[u].hash, &fresh, err);
        for (size_t t = 0; st == ASC_OK && t < n; t++)
            if (sources[t].kept && !sources[t].held_out && shares_documents(&held, &sources[t]))
                st = refuse_held(k, &sources[i], err);
        asc__hash_set_clear(&held);
    }
    return st;
}

asc_status asc__kept_apart(asc__kept *k, asc__source *sources, size_t n, asc_error *err)
{
    asc__hash_set own = {0}, fresh = {0};
    asc_status st = ASC_OK;
    for (size_t i = 0; st == ASC_OK && i < n; i++)
        st = put_held(sources[i].kept ? &own : &fresh, &sources[i], err);
    for (size_t i = 0; st == ASC_OK && i < n; i++) { /* what they were held apart from before */
        asc__source *s = &sources[i];
        for (size_t u = 0; s->kept && u < s->n_units; u++)
            if (s->units[u].state == ASC__UNIT_TRAIN && asc__hash_set_has(&own, s->units[u].hash))
                s->units[u].state = ASC__UNIT_DROPPED;
        if (s->kept)
            st = find_clash(k, &fresh, s, err);
    }
    for (size_t i = 0; st == ASC_OK && i < n; i++)
        if (!sources[i].kept)
            st = settle_clash(k, &sources[i], err);
    asc__hash_set_clear(&own);
    asc__hash_set_clear(&fresh);
    return st;
}

/* ---- reports ---- */

bool asc__is_kept(const asc_domain_report *r, const asc__source *sources, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (sources[i].report == r)
            return sources[i].kept;
    return false;
}

static void swap(asc_domain_report *a, asc_domain_report *b)
{
    asc_domain_report x = *a;
    *a = *b;
    *b = x;
}

asc_status asc__kept_reports(asc_domain_report **gone, size_t *n_gone, asc__kept *k, asc_domain_report *r, size_t n,
                             const asc__source *sources, size_t n_sources, asc_error *err)
{
    asc_domain_report *list = asc_calloc(k->n_was + 1, sizeof *list);
    if (!list)
        return ASC_NOMEM(err);
    *n_gone = 0;
    for (size_t i = 0; k->runs && i < k->n_was; i++) {
        bool named = false;
        for (size_t d = 0; d < n; d++)
            if (strcmp(r[d].name, k->was[i].name) == 0) {
                if (asc__is_kept(&r[d], sources, n_sources))
                    swap(&r[d], &k->was[i]);
                named = true;
                break;
            }
        if (!named)
            list[(*n_gone)++] = k->was[i];
    }
    *gone = list;
    return ASC_OK;
}

/* ---- parts ---- */

void asc__hold_out_as(asc__source *s, const asc_domain_report *whole)
{
    char hex[2 * ASC__HASH_BYTES + 1];
    for (size_t u = 0; u < s->n_units; u++) {
        asc_hex(hex, s->units[u].hash, ASC__HASH_BYTES);
        if (s->units[u].state == ASC__UNIT_TRAIN && strcmp(hex, whole->held_to) <= 0)
            s->units[u].state = ASC__UNIT_HELD;
    }
}

static bool read_hex(uint8_t *bytes, const char *hex)
{
    for (size_t i = 0; i < ASC__HASH_BYTES; i++) {
        unsigned x;
        if (sscanf(hex + 2 * i, "%2x", &x) != 1)
            return false;
        bytes[i] = (uint8_t)x;
    }
    return true;
}

bool asc_corpus_adds_up(const asc_domain_report *whole, const asc_domain_report *const *parts, size_t n)
{
    uint8_t sum[ASC__HASH_BYTES] = {0}, all[ASC__HASH_BYTES], one[ASC__HASH_BYTES];
    bool known = read_hex(all, whole->content);
    for (size_t i = 0; known && i < n; i++) {
        known = read_hex(one, parts[i]->content);
        add_hash(sum, one);
    }
    return known && memcmp(sum, all, sizeof sum) == 0;
}

asc_status asc_corpus_reports(asc_domain_report **out, size_t *n, const char *out_dir, asc_error *err)
{
    json_t *root = NULL;
    char *path = asc_path_join(out_dir, "report.json");
    asc_status st = path ? ASC_OK : ASC_NOMEM(err);
    *out = NULL;
    *n = 0;
    if (st == ASC_OK && asc_path_exists(path))
        st = asc_json_load(&root, path, err);
    if (st == ASC_OK && root)
        st = asc__report_read_all(out, n, root, path, err);
    json_decref(root);
    asc_free(path);
    return st;
}
