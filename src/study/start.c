/* What a search by branches begins with: where proxies were trained before it, the optimum of their law, if that is
 * better than the reference with enough certainty. Kept once it was found, so that the target's own run stays a part of
 * the answer whatever is edited later. */
#include "steps.h"

#include <math.h>
#include <string.h>

#include "mix/mix_expected.h"

#define DOC "branch-start"
#define SURE .9 /* ours: the prefix cannot be taken back */

/* Shares of the document, in the order of the study's domains; false: there is none, or of other domains. */
static bool read_shares(double *out, const asc__study *s, const json_t *o)
{
    const json_t *shares = json_object_get(o, "shares");
    bool known = json_object_size(shares) == s->D;
    for (size_t i = 0; known && i < s->D; i++) {
        const json_t *x = json_object_get(shares, s->spec->domain_names[i]);
        known = json_is_number(x);
        out[i] = known ? json_number_value(x) : 0;
    }
    return known;
}

bool asc__target_begun(const asc_store_run *runs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (runs[i].kind == ASC_KIND_PREFIX && (runs[i].attempts > 0 || runs[i].state != ASC_RUN_PENDING))
            return true;
    return false;
}

asc_status asc__start_read(asc__study *s, asc_store *store, const asc_store_run *runs, size_t n, asc_error *err)
{
    if (!asc__by_branches(s) || !asc__target_begun(runs, n))
        return ASC_OK;
    json_t *o = NULL;
    double *w = asc_calloc(s->D, sizeof *w);
    asc_status st = w ? asc_store_get_doc(&o, store, DOC, err) : ASC_NOMEM(err);
    const char *why = json_string_value(json_object_get(o, "why"));
    s->start_known = st == ASC_OK && why && read_shares(w, s, o);
    if (s->start_known && !(s->start_why = asc_strdup(why)))
        st = ASC_NOMEM(err);
    bool moved = s->start_known && json_is_true(json_object_get(o, "moved"));
    s->start = moved ? w : NULL;
    if (!moved)
        asc_free(w);
    json_decref(o);
    return st;
}

static asc_status keep(const asc__study *s, asc_error *err)
{
    const double *w = s->start ? s->start : s->reference;
    json_t *shares = json_object();
    for (size_t i = 0; i < s->D; i++)
        json_object_set_new(shares, s->spec->domain_names[i], json_real(w[i]));
    json_t *o = json_pack("{s:o,s:b,s:s}", "shares", shares, "moved", s->start != NULL, "why", s->start_why);
    asc_status st = o ? asc_store_put_doc(s->store, DOC, o, err) : ASC_NOMEM(err);
    json_decref(o);
    return st;
}

/* What the law expects of its own optimum against the reference at the target. */
static asc_status expect(asc_expected *out, const asc__study *s, asc_error *err)
{
    asc_expected both[2];
    asc_mix_opts o = asc__target_opts(s);
    double *shares = asc_calloc(2, s->D * sizeof *shares);
    if (!shares)
        return ASC_NOMEM(err);
    memcpy(shares, s->reference, s->D * sizeof *shares);
    memcpy(shares + s->D, s->joint.weights, s->D * sizeof *shares);
    asc_status st = asc_mix_expected(both, &s->joint_law, shares, 2, 0, &o, err);
    if (st == ASC_OK)
        *out = both[1];
    asc_free(shares);
    return st;
}

/* From the proxies' law, with what it goes by. */
static asc_status find(char *why, size_t size, asc__study *s, asc_error *err)
{
    asc_expected e = {.p_better = NAN};
    if (!s->has_joint) {
        snprintf(why, size, "no law fits the proxies, so the target begins on the reference");
        return ASC_OK;
    }
    ASC_TRY(expect(&e, s, err));
    if (isnan(e.value)) {
        snprintf(why, size, "the proxies' law says nothing of the target (%s), so it begins on the reference",
                 e.support.withheld ? e.support.why : "no finite value");
        return ASC_OK;
    }
    bool moved = e.p_better >= SURE; /* false of NaN */
    if (moved && !(s->start = asc_calloc(s->D, sizeof *s->start)))
        return ASC_NOMEM(err);
    if (moved)
        memcpy(s->start, s->joint.weights, s->D * sizeof *s->start);
    snprintf(
        why, size,
        "the proxies' law expects its optimum to end %.4f below the reference at the target (90 %%: %.4f to %.4f), "
        "P(better) %.2f%s: the target begins on %s",
        e.gain, e.gain_lo, e.gain_hi, e.p_better, moved ? "" : ", less than .9",
        moved ? "that optimum" : "the reference");
    return ASC_OK;
}

asc_status asc__find_start(asc__study *s, asc_error *err)
{
    char why[400];
    if (!s->start_known && asc__has_swarm_step(s)) {
        ASC_TRY(find(why, sizeof why, s, err));
        if (!(s->start_why = asc_strdup(why)))
            return ASC_NOMEM(err);
        s->start_known = true;
        if (!s->before)
            ASC_TRY(keep(s, err));
    }
    return ASC_OK;
}
