/* Which runs a study needs: the stars now, the target's when the prediction is known. Budgets in whole sequences, so
 * that what is asked for is what is trained on. */
#include "steps.h"

#include <math.h>
#include <string.h>

enum { MAX_RUNS = 100000 }; /* of a study */

bool asc__keeps_checkpoint(const asc_study_spec *spec, asc_run_kind kind)
{
    return kind == ASC_KIND_PREFIX || kind == ASC_KIND_BRANCH || kind == ASC_KIND_PAUSE ||
           spec->keep_checkpoints == ASC_KEEP_LAST ||
           (kind == ASC_KIND_TARGET && spec->keep_checkpoints != ASC_KEEP_NONE);
}

/* ---- mixtures of the target ---- */

size_t asc__target_most(const asc_study_spec *spec)
{
    return spec->n_against + 6;
}

static bool names_kind(const asc_study_spec *spec, asc_mixture_kind kind)
{
    for (size_t i = 0; i < spec->n_against; i++)
        if (spec->against[i].kind == kind)
            return true;
    return false;
}

/* Whether the last scale's own optimum is among the mixtures: it and the law's are two answers of one scale to one
 * question, and a study that names `joint` alone trains that. */
static bool takes_keep_last(const asc_study_spec *spec, bool joint)
{
    return names_kind(spec, ASC_MIXTURE_KEEP_LAST) || !names_kind(spec, ASC_MIXTURE_JOINT) || spec->n_scales > 1 ||
           !spec->validate || !joint;
}

bool asc__rule_to_come(const asc_study_spec *spec)
{
    return spec->search.method == ASC_SEARCH_DDO && asc_study_n_budgets(spec) > 1;
}

static void add_once(asc_mixture_ref *list, size_t *n, const asc_mixture_ref *ref)
{
    for (size_t i = 0; i < *n; i++)
        if (strcmp(list[i].name, ref->name) == 0)
            return;
    list[(*n)++] = *ref;
}

size_t asc__target_list(asc_mixture_ref *out, const asc_study_spec *spec, bool rule, bool joint)
{
    size_t n = 0;
    if (rule)
        add_once(out, &n, &(asc_mixture_ref){.kind = ASC_MIXTURE_RULE, .name = "predicted"});
    /* Of a swarm no scale has an optimum of its own to keep; scales of equal tokens are there for a law of sizes. */
    bool swarm = spec->search.method == ASC_SEARCH_SWARM;
    if (swarm || (joint && asc_study_shares_budgets(spec)))
        add_once(out, &n, &(asc_mixture_ref){.kind = ASC_MIXTURE_JOINT, .name = "joint"});
    if (!swarm && takes_keep_last(spec, joint))
        add_once(out, &n, &(asc_mixture_ref){.kind = ASC_MIXTURE_KEEP_LAST, .name = "keep-last"});
    add_once(out, &n, &(asc_mixture_ref){.kind = ASC_MIXTURE_UNIFORM, .name = "uniform"});
    for (size_t i = 0; i < spec->n_against; i++)
        if (spec->against[i].kind != ASC_MIXTURE_KEEP_LAST)
            add_once(out, &n, &spec->against[i]);
    if (!spec->validate) { /* then every method is a candidate, not those alone that are trained */
        add_once(out, &n, &(asc_mixture_ref){.kind = ASC_MIXTURE_NATURAL, .name = "natural"});
        if (joint)
            add_once(out, &n, &(asc_mixture_ref){.kind = ASC_MIXTURE_JOINT, .name = "joint"});
    }
    return n;
}

size_t asc__branch_target_list(asc__target_to_come *out, const asc_study_spec *spec)
{
    bool proxies = asc_study_has_proxies(spec);
    bool uniform = spec->reference.kind == ASC_MIXTURE_UNIFORM && !proxies;
    size_t n = 0;
    out[n++] = (asc__target_to_come){"schedule", asc__most_stages(spec) - 1};
    if (!spec->validate) /* the one of the two that is kept */
        return n;
    out[n++] = (asc__target_to_come){proxies ? "joint" : uniform ? "uniform" : "prior", 0};
    if (!uniform)
        out[n++] = (asc__target_to_come){"uniform", ASC_NONE};
    for (size_t i = 0; i < spec->n_against; i++)
        if (strcmp(spec->against[i].name, "uniform") != 0)
            out[n++] = (asc__target_to_come){spec->against[i].name, ASC_NONE};
    return n;
}

double asc__run_tokens(const asc_store_run *r)
{
    double sum = 0;
    for (size_t i = 0; i < r->n_domains; i++)
        sum += r->tokens[i];
    return sum;
}

/* Whole sequences of a budget. */
static asc_status count_sequences(int64_t *out, const asc__study *s, double total, asc_error *err)
{
    *out = (int64_t)(total / s->model.context);
    if (*out < 1)
        return ASC_FAIL(err, ASC_EINVAL, "%s: %.0f tokens are less than one sequence (model.context %d)", s->spec->path,
                        total, s->model.context);
    double room = 0;
    for (size_t i = 0; i < s->D; i++)
        room += (double)asc__caps_at(s, total)[i];
    if (room >= (double)*out)
        return ASC_OK;
    return ASC_FAIL(err, ASC_EINVAL,
                    "%s: %.0f tokens requested, but the max_epochs of all domains allow only %.0f: lower the budget, "
                    "add text, or allow more epochs",
                    s->spec->path, total, room * s->model.context);
}

asc_status asc__whole_tokens(int64_t *tokens, bool *capped, const asc__study *s, const double *weights, double total,
                             asc_error *err)
{
    int64_t sequences;
    ASC_TRY(count_sequences(&sequences, s, total, err));
    ASC_TRY(asc_mixture_tokens(tokens, capped, weights, s->D, sequences, asc__caps_at(s, total), err));
    for (size_t i = 0; i < s->D; i++)
        tokens[i] *= s->model.context;
    return ASC_OK;
}

asc_status asc__run_amounts(double *tokens, const asc__study *s, const double *weights, double total, asc_error *err)
{
    int64_t *whole = asc_calloc(s->D, sizeof *whole);
    asc_status st = whole ? asc__whole_tokens(whole, NULL, s, weights, total, err) : ASC_NOMEM(err);
    for (size_t i = 0; st == ASC_OK && i < s->D; i++)
        tokens[i] = (double)whole[i];
    asc_free(whole);
    return st;
}

/* The bounds of shares in whole sequences, caps in them. False where rounding leaves no room (few sequences): then each
 * bound is met to within a sequence. */
static bool whole_bounds(int64_t *least, int64_t *most, const asc__study *s, int64_t sequences, bool strict)
{
    int64_t needed = 0;
    double room = 0, n = (double)sequences;
    for (size_t i = 0; i < s->D; i++) {
        double lo = s->spec->min[i] * n, hi = s->spec->max[i] * n;
        least[i] = (int64_t)(strict ? ceil(lo - 1e-6) : floor(lo));
        most[i] = (int64_t)(strict ? floor(hi + 1e-6) : ceil(hi));
        if (most[i] > s->cap_sequences[i])
            most[i] = s->cap_sequences[i];
        if (least[i] > most[i])
            return false;
        needed += least[i];
        room += (double)most[i];
    }
    return needed <= sequences && room >= n;
}

static asc_status fail_bounds(const asc__study *s, double total, asc_error *err)
{
    for (size_t i = 0; i < s->D; i++)
        if (s->spec->min[i] * total > (double)s->cap_sequences[i] * s->model.context + s->model.context)
            return ASC_FAIL(
                err, ASC_EINVAL,
                "%s: mixture.min of domain '%s' needs %.0f of %.0f tokens, but its max_epochs allow only %.0f",
                s->spec->path, s->spec->domain_names[i], s->spec->min[i] * total, total,
                (double)s->cap_sequences[i] * s->model.context);
    return ASC_FAIL(err, ASC_EINVAL, "%s: no mixture of %.0f tokens satisfies mixture.min, mixture.max and max_epochs",
                    s->spec->path, total);
}

asc_status asc__bounded_tokens(int64_t *tokens, double *shares, asc__moved *moved, const asc__study *s,
                               const double *weights, double total, asc_error *err)
{
    int64_t sequences, *least = NULL, *most = NULL;
    bool bounded = false, *capped = NULL;
    *moved = ASC__AS_ASKED;
    ASC_TRY(count_sequences(&sequences, s, total, err));
    ASC_TRY(asc_mixture_within(shares, &bounded, weights, s->D, s->spec->min, s->spec->max, err));
    least = asc_calloc(s->D, sizeof *least);
    most = asc_calloc(s->D, sizeof *most);
    capped = asc_calloc(s->D, sizeof *capped);
    asc_status st = least && most && capped ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK && !whole_bounds(least, most, s, sequences, true) &&
        !whole_bounds(least, most, s, sequences, false))
        st = fail_bounds(s, total, err);
    if (st == ASC_OK)
        st = asc_mixture_whole(tokens, capped, shares, s->D, sequences, least, most, err);
    bool full = false;
    for (size_t i = 0; st == ASC_OK && i < s->D; i++)
        full |= capped[i] && most[i] == s->cap_sequences[i];
    for (size_t i = 0; st == ASC_OK && i < s->D; i++) {
        if (full) /* what its caps make of it */
            shares[i] = (double)tokens[i] / (double)sequences;
        tokens[i] *= s->model.context;
    }
    if (st == ASC_OK)
        *moved = full ? ASC__CAPPED : bounded ? ASC__BOUNDED : ASC__AS_ASKED;
    asc_free(least);
    asc_free(most);
    asc_free(capped);
    return st;
}

/* ---- the list of runs ---- */

/* Equal tokens in all, but one mixture after another. */
static bool is_schedule(const asc_store_run *r)
{
    return strcmp(r->mixture, "schedule") == 0;
}

/* Under its name, or under the one that it got because another run had that (copy_run). */
static bool is_called(const char *id, const char *name)
{
    size_t n = strlen(name);
    return strncmp(id, name, n) == 0 &&
           (!id[n] || (strncmp(id + n, "-v", 2) == 0 && id[n + 2 + strspn(id + n + 2, "0123456789")] == 0));
}

/* A star's runs are known by what they are: what they are called changes with the scales beside them. */
static bool same_place(const asc_store_run *a, const asc_store_run *b)
{
    if (a->kind == ASC_KIND_TARGET)
        return is_schedule(a) == is_schedule(b);
    if (!asc__is_star(a->kind))
        return is_called(a->id, b->id);
    return !a->domain == !b->domain && (!a->domain || strcmp(a->domain, b->domain) == 0);
}

bool asc__same_run(const asc_store_run *a, const asc_store_run *b)
{
    return a->kind == b->kind && a->scale == b->scale && a->seed == b->seed && a->n_domains == b->n_domains &&
           memcmp(a->tokens, b->tokens, a->n_domains * sizeof *a->tokens) == 0 && asc__same_scale(a, b) &&
           same_place(a, b);
}

static bool id_taken(const asc__study *s, const char *id)
{
    for (size_t i = 0; i < s->n_runs; i++)
        if (strcmp(s->runs[i].id, id) == 0)
            return true;
    for (size_t i = 0; i < s->n_aside; i++)
        if (strcmp(s->aside[i].id, id) == 0)
            return true;
    return false;
}

static asc_status copy_run(asc_store_run *out, const asc__study *s, const asc_store_run *r, asc_error *err)
{
    asc_store_run c = {.kind = r->kind, .scale = r->scale, .seed = r->seed, .n_domains = r->n_domains};
    c.id = asc_strdup(r->id);
    /* An edited study can ask for another mixture under a name that has runs: they keep theirs. */
    for (int k = 2; c.id && id_taken(s, c.id); k++) {
        asc_free(c.id);
        c.id = asc_strf("%s-v%d", r->id, k);
    }
    c.mixture = asc_strdup(r->mixture);
    c.domain = r->domain ? asc_strdup(r->domain) : NULL;
    c.model = r->model ? asc_strdup(r->model) : NULL;
    c.tokens = asc_calloc(r->n_domains, sizeof *c.tokens);
    if (!c.id || !c.mixture || (r->domain && !c.domain) || (r->model && !c.model) || !c.tokens) {
        asc_store_run_clear(&c);
        return ASC_NOMEM(err);
    }
    memcpy(c.tokens, r->tokens, r->n_domains * sizeof *c.tokens);
    *out = c;
    return ASC_OK;
}

static asc_store_run sized(const asc__study *s, const asc_store_run *run)
{
    asc_store_run r = *run;
    if (!asc__is_star(run->kind))
        r.model = (char *)(uintptr_t)asc__size_of_kind(s, run->kind);
    return r;
}

bool asc__study_find_run(size_t *index, const asc__study *s, const asc_store_run *run)
{
    asc_store_run want = sized(s, run);
    for (size_t i = 0; i < s->n_runs; i++)
        if (asc__same_run(&s->runs[i], &want)) {
            *index = i;
            return true;
        }
    return false;
}

asc_status asc__study_add_run(size_t *index, asc__study *s, const asc_store_run *run, bool store, asc_error *err)
{
    asc_store_run want = sized(s, run);
    if (asc__study_find_run(index, s, run))
        return ASC_OK;
    asc_store_run *more = asc_grow(s->runs, &s->cap_runs, s->n_runs + 1, sizeof *s->runs);
    if (!more)
        return ASC_NOMEM(err);
    s->runs = more;
    asc_store_run *r = &s->runs[s->n_runs];
    ASC_TRY(copy_run(r, s, &want, err));
    s->n_runs++;
    *index = s->n_runs - 1;
    return store && s->store ? asc_store_add_runs(s->store, r, 1, err) : ASC_OK;
}

/* ---- stars ---- */

/* The base of a scale: whole sequences, one at least of every domain even when it is cut to a third. */
static asc_status make_base(asc__scale *sc, const asc__study *s, asc_error *err)
{
    int64_t T = s->model.context;
    bool *capped = asc_calloc(s->D, sizeof *capped);
    sc->base = asc_calloc(s->D, sizeof *sc->base);
    if (!sc->base || !capped) {
        asc_free(capped);
        return ASC_NOMEM(err);
    }
    asc_status st = asc__whole_tokens(sc->base, capped, s, s->reference, sc->tokens, err);
    for (size_t i = 0; i < s->D && st == ASC_OK; i++) {
        if (capped[i])
            asc_notes_say(&sc->notes, BASE_CAPPED, s->spec->domain_names[i]);
        if ((double)sc->base[i] < s->spec->down * (double)T)
            st = ASC_FAIL(err, ASC_EINVAL,
                          "%s: scale of %.0f tokens: domain '%s' gets %lld tokens; cut to 1/%g that is less than one "
                          "sequence (model.context %lld): use a larger scale or a shorter context",
                          s->spec->path, sc->tokens, s->spec->domain_names[i], (long long)sc->base[i], s->spec->down,
                          (long long)T);
    }
    asc_free(capped);
    return st;
}

static asc_status add_star_run(asc__study *s, asc__scale *sc, const asc_design_run *r, bool store, asc_error *err)
{
    char label[64], *id;
    const char *domain = s->spec->domain_names[r->domain];
    double *tokens = asc_calloc(s->D, sizeof *tokens);
    char *file = asc_file_name(domain);
    asc_run_kind kind = r->kind == ASC_DESIGN_BASE ? ASC_KIND_BASE
                        : r->kind == ASC_DESIGN_UP ? ASC_KIND_UP
                                                   : ASC_KIND_DOWN;
    bool base = kind == ASC_KIND_BASE;
    asc__scale_label(s, sc->k, label);
    id = base   ? asc_strf("s%s-base-r%zu", label, r->repeat)
         : file ? asc_strf("s%s-%s-%s", label, asc_run_kind_name(kind), file)
                : NULL;
    asc_free(file);
    if (!tokens || !id) {
        asc_free(tokens);
        asc_free(id);
        return ASC_NOMEM(err);
    }
    for (size_t i = 0; i < s->D; i++)
        tokens[i] = (double)(r->tokens[i] * s->model.context);
    /* Runs of a scale share their seed (common random numbers): what they have in common cancels in the differences
     * that DDO looks at; repeats of the base show what a seed alone does. */
    asc_store_run want = {.id = id,
                          .kind = kind,
                          .mixture = "base",
                          .domain = base ? NULL : (char *)domain,
                          .model = (char *)(uintptr_t)asc__size_at_scale(s, sc->k),
                          .scale = sc->tokens,
                          .seed = s->spec->training.seed + r->repeat,
                          .n_domains = s->D,
                          .tokens = tokens};
    size_t index = 0;
    asc_status st = asc__study_add_run(&index, s, &want, store, err);
    size_t *more = st == ASC_OK ? asc_grow(sc->runs, &sc->cap_runs, sc->n_runs + 1, sizeof *more) : NULL;
    if (more) {
        sc->runs = more;
        sc->runs[sc->n_runs++] = index;
    } else if (st == ASC_OK)
        st = ASC_NOMEM(err);
    asc_free(tokens);
    asc_free(id);
    return st;
}

static asc_status add_star(asc__study *s, asc__scale *sc, bool store, asc_error *err)
{
    asc_design design = {0};
    int64_t *sequences = asc_calloc(s->D, sizeof *sequences);
    asc_status st = sequences ? make_base(sc, s, err) : ASC_NOMEM(err);
    if (st == ASC_OK) {
        for (size_t i = 0; i < s->D; i++)
            sequences[i] = sc->base[i] / s->model.context;
        asc_star_opts o = {.n_domains = s->D,
                           .base = sequences,
                           .factor = s->spec->factor,
                           .down = s->spec->down,
                           .base_repeats = (size_t)s->spec->repeats,
                           .arm_repeats = 1,
                           .cap = asc__caps_at(s, sc->tokens)};
        st = asc_design_star(&design, &o, err);
    }
    for (size_t i = 0; i < design.n_runs && st == ASC_OK; i++) {
        const asc_design_run *r = &design.runs[i];
        st = add_star_run(s, sc, r, store, err);
        if (r->kind == ASC_DESIGN_UP && r->factor < s->spec->factor * .99)
            asc_notes_say(&sc->notes, UP_CAPPED, s->spec->domain_names[r->domain], r->factor, s->spec->factor);
    }
    asc_design_clear(&design);
    asc_free(sequences);
    return st;
}

asc_status asc__check_target(const asc__study *s, asc_error *err)
{
    if (s->spec->target_tokens < s->model.context)
        return ASC_FAIL(err, ASC_EINVAL, "%s: target.tokens: %.0f are less than one sequence (model.context %d)",
                        s->spec->path, s->spec->target_tokens, s->model.context);
    asc__moved moved;
    int64_t *tokens = asc_calloc(s->D, sizeof *tokens);
    double *shares = asc_calloc(s->D, sizeof *shares);
    asc_status st = tokens && shares
                        ? asc__bounded_tokens(tokens, shares, &moved, s, s->reference, s->spec->target_tokens, err)
                        : ASC_NOMEM(err);
    asc_free(tokens);
    asc_free(shares);
    return st;
}

/* Before any is planned, which takes the square of their number. */
static asc_status check_number(const asc__study *s, asc_error *err)
{
    double scale = 2 * (double)s->D + s->spec->repeats, n = (double)s->spec->n_scales * scale;
    return n <= MAX_RUNS
               ? ASC_OK
               : ASC_FAIL(err, ASC_EINVAL,
                          "%s: %.0f runs (%zu scales of %.0f), expected at most %d: use fewer scales or domains",
                          s->spec->path, n, s->spec->n_scales, scale, MAX_RUNS);
}

asc_status asc__study_stars(asc__study *s, bool store, asc_error *err)
{
    ASC_TRY(check_number(s, err));
    ASC_TRY(asc__check_target(s, err));
    s->scales = asc_calloc(s->spec->n_scales, sizeof *s->scales);
    if (!s->scales)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < s->spec->n_scales; i++) {
        s->scales[i].k = i;
        s->scales[i].tokens = s->spec->scales[i];
        ASC_TRY(add_star(s, &s->scales[i], store, err));
    }
    return ASC_OK;
}
