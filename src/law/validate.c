/* Laws validated on a table as they will be used: held-out runs inside one size and budget, and the largest sizes and
 * budgets from the smaller ones. What is found is kept, so that a blend need not find it again. */
#include "private.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define QUICK_FOLDS 2
#define BEHIND 2.5 /* squared errors this many times the leader's after the quick folds: dropped */
#define MANY 24    /* targets: beyond it laws are tried on some of them first */
#define PROBES 12  /* so many, evenly taken */
#define WORTH .995 /* a process is kept where it lowers the squared error of a probe to this or less */

static void contender_clear(asc__contender *c)
{
    asc_free(c->verdicts);
    asc_aligned_free(c->held);
    asc_free(c->mre);
}

void asc__field_clear(asc__field *f)
{
    for (size_t i = 0; i < f->n; i++)
        contender_clear(&f->laws[i]);
    for (size_t i = 0; i < f->n_pools; i++)
        asc__pool_clear(&f->pools[i]);
    asc_free(f->laws);
    asc_free(f->pools);
    asc_free(f->skipped);
    *f = (asc__field){0};
}

static asc_status contender_init(asc__contender *c, const asc__prep *p, const asc__family *family, bool gp,
                                 asc_error *err)
{
    size_t V = p->n_targets;
    *c = (asc__contender){.family = family, .gp = gp};
    c->verdicts = asc_calloc(V, sizeof *c->verdicts);
    c->held = asc_aligned_alloc((V * p->ld + ASC_LANES) * sizeof *c->held);
    c->mre = asc_calloc(4 * V, sizeof *c->mre);
    if (!c->verdicts || !c->held || !c->mre) {
        contender_clear(c);
        return ASC_NOMEM(err);
    }
    c->mse = c->mre + V;
    c->spearman = c->mse + V;
    c->forward = c->spearman + V;
    for (size_t i = 0; i < V * p->ld; i++)
        c->held[i] = NAN;
    for (size_t v = 0; v < V; v++)
        c->verdicts[v] = (asc__verdict){.held = c->held + v * p->ld, .forward_mre = NAN};
    snprintf(c->score.law, sizeof c->score.law, "%s", gp ? family->name_gp : family->name);
    return ASC_OK;
}

/* ---- one family ---- */

typedef struct round {
    asc__field *f;
    asc__contender *law, *plain; /* plain: the same without its process, or NULL */
    const asc__pool *pool;
    asc__meter *meter;
    const size_t *targets; /* (n_targets) those to validate on */
    size_t n_targets;
    int folds;
    asc_status *status;
    asc_error *errors;
} round_;

static void validate_target(void *ctx, size_t i)
{
    round_ *r = ctx;
    size_t v = r->targets[i];
    assert(i < r->n_targets && v < r->f->prep->n_targets);
    asc__fit_job job = {.prep = r->f->prep,
                        .opts = r->f->o,
                        .target = v,
                        .family = r->law->family,
                        .gp = r->law->gp,
                        .pool = r->pool,
                        .meter = r->meter};
    job.validate_only = true;
    job.max_folds = r->folds;
    job.verdict = &r->law->verdicts[v];
    job.plain = r->plain ? &r->plain->verdicts[v] : NULL;
    job.verdict->known = false;
    r->status[v] = asc_interrupted() ? ASC_FAIL(&r->errors[v], ASC_EINTR, "interrupted")
                                     : asc__fit_target(NULL, &job, &r->errors[v]);
}

static asc_status validate_targets(round_ *r, asc_error *err)
{
    size_t V = r->f->prep->n_targets;
    const asc_law_opts *o = r->f->o;
    r->status = asc_calloc(V, sizeof *r->status);
    r->errors = asc_calloc(V, sizeof *r->errors);
    asc_status s = r->status && r->errors ? ASC_OK : ASC_NOMEM(err);
    if (s == ASC_OK)
        asc_parallel_for(o->n_threads > 0 ? o->n_threads : asc_cpu_count(), r->n_targets, validate_target, r);
    for (size_t v = 0; s == ASC_OK && v < V; v++)
        if (r->status[v] != ASC_OK) {
            s = r->status[v];
            if (err)
                *err = r->errors[v];
        }
    asc_free(r->status);
    asc_free(r->errors);
    return s;
}

/* ---- figures ---- */

/* Mean relative error of fold k over all targets. */
static double fold_error(const asc__contender *c, const asc__prep *p, int k)
{
    assert(0 <= k && k < p->n_folds);
    double sum = 0, n = 0;
    for (size_t v = 0; v < p->n_targets; v++)
        for (size_t r = 0; r < p->n; r++) {
            size_t at = v * p->ld + r;
            if (p->fold[r] != k || p->weight[at] == 0 || isnan(c->held[at]))
                continue;
            sum += fabs(c->held[at] - p->y[at]) / fabs(p->y[at]);
            n++;
        }
    return n > 0 ? sum / n : NAN;
}

static double fold_spread(const asc__contender *c, const asc__prep *p)
{
    asc_moments folds = {0};
    for (int k = 0; k < p->n_folds; k++)
        asc_moments_add(&folds, fold_error(c, p, k));
    return asc_moments_sd(&folds) / sqrt(folds.n);
}

static void tally(asc__contender *c, const asc__prep *p, int folds)
{
    size_t V = p->n_targets;
    for (size_t v = 0; v < V; v++) {
        asc_law_stats s = {0};
        asc__cv_stats(&s, p, c->held + v * p->ld, p->y + v * p->ld, p->weight + v * p->ld);
        c->mre[v] = s.cv_mre;
        c->mse[v] = s.cv_mse;
        c->spearman[v] = s.cv_spearman;
        c->forward[v] = c->verdicts[v].forward_mre;
    }
    c->score.cv_mre = asc_mean_measured(c->mre, V);
    c->score.cv_mse = asc_mean_measured(c->mse, V);
    c->score.cv_spearman = asc_mean_measured(c->spearman, V);
    c->score.forward_mre = asc_mean_measured(c->forward, V);
    c->score.cv_mre_sd = fold_spread(c, p);
    c->score.n_folds_done = folds ? (size_t)folds : (size_t)p->n_folds;
}

double asc__held_out_error(double held_mse, double held_mre, double forward_mre)
{
    return isnan(forward_mre) ? held_mse : held_mse * (held_mre > 0 ? forward_mre / held_mre : 1);
}

/* ---- which laws ---- */

/* Why a law is not tried; NULL: it is. buf: room for a reason of 200. */
static const char *reason(const asc__field *f, const asc__family *family, char *buf)
{
    const asc__prep *p = f->prep;
    const char *twin = family->twin ? family->twin(p->x.has_tokens, p->x.has_params) : NULL;
    if (family->not_validated)
        return family->not_validated;
    if (twin)
        return twin;
    if (asc__too_large(buf, 200, p->runs, f->o, family))
        return buf;
    if (family->steps && f->o->no_trees)
        return "excluded by option";
    return family->missing ? family->missing() : NULL;
}

static void skip(asc__field *f, const char *law, const char *why)
{
    asc_law_skip *s = &f->skipped[f->n_skipped++];
    snprintf(s->law, sizeof s->law, "%s", law);
    snprintf(s->why, sizeof s->why, "%.190s", why);
}

/* Slow laws are tried on a few folds first and dropped where they are clearly behind. */
static asc_status validate_folds(round_ *r, asc_error *err)
{
    const asc__prep *p = r->f->prep;
    double leader = INFINITY;
    for (size_t i = 0; i < r->f->n; i++)
        leader = fmin(leader, r->f->laws[i].score.cv_mse);
    if (r->law->family->slow && p->n_folds > QUICK_FOLDS && isfinite(leader)) {
        double quick = QUICK_FOLDS / (double)(QUICK_FOLDS + p->n_folds);
        r->folds = QUICK_FOLDS;
        asc__meter_round(r->meter, 0, quick);
        ASC_TRY(validate_targets(r, err));
        tally(r->law, p, QUICK_FOLDS);
        if (r->law->score.cv_mse > BEHIND * leader)
            return ASC_OK;
        r->folds = 0;
        asc__meter_round(r->meter, quick, 1);
    }
    ASC_TRY(validate_targets(r, err));
    tally(r->law, p, 0);
    if (r->plain)
        tally(r->plain, p, 0);
    return ASC_OK;
}

static double now(const asc_law_opts *o)
{
    return o->clock ? o->clock() : NAN;
}

static void settle(asc__field *f, asc__contender *c, double seconds)
{
    c->score.seconds = seconds;
    if (isfinite(c->score.cv_mre) || isfinite(c->score.forward_mre)) {
        f->laws[f->n++] = *c;
        return;
    }
    skip(f, c->score.law, "no cross-validated error: too few separate runs to hold any out");
    contender_clear(c);
}

/* The targets that laws are validated on. */
typedef struct probes {
    size_t n, n_rest;
    const size_t *at, *rest; /* first these; then, the laws that may matter, the others */
    asc__meter *meter;
} probes;

/* One family on the first targets, with its process and without. */
static asc_status validate_family(asc__field *f, const asc__family *family, const probes *p, asc_error *err)
{
    asc__contender law = {0}, plain = {0};
    bool both = family->validate && family->validate_gp;
    asc__pool *pool = &f->pools[f->n_pools];
    asc_error why = {0};
    double start = now(f->o);
    asc_status s = contender_init(&law, f->prep, family, family->validate_gp, &why);
    if (s == ASC_OK && both)
        s = contender_init(&plain, f->prep, family, false, &why);
    if (s == ASC_OK)
        s = asc__pool_init(pool, f->prep, family, f->o->n_threads, &why);
    if (s == ASC_OK) {
        f->n_pools++;
        law.pool = plain.pool = pool;
        round_ r = {.f = f, .law = &law, .plain = both ? &plain : NULL, .pool = pool, .meter = p->meter};
        r.targets = p->at;
        r.n_targets = p->n;
        s = validate_folds(&r, &why);
    }
    if (s != ASC_OK) {
        contender_clear(&law);
        contender_clear(&plain);
        if (s == ASC_ENOMEM || s == ASC_EINTR)
            return ASC_FAIL(err, s, "%s", why.msg);
        skip(f, asc_law_family_name(family), why.msg);
        return ASC_OK;
    }
    double seconds = now(f->o) - start;
    if (both)
        settle(f, &plain, seconds);
    settle(f, &law, seconds);
    return ASC_OK;
}

/* ---- many targets ---- */

static double error_on(const asc__contender *c, size_t v)
{
    return asc__held_out_error(c->mse[v], c->mre[v], c->forward[v]);
}

/* Would any blend of a first target weigh it? Its weight there beside the best's. */
static double most_weight(const asc__field *f, const asc__contender *c, const probes *p)
{
    double most = 0;
    for (size_t i = 0; i < p->n; i++) {
        double best = INFINITY, e = error_on(c, p->at[i]);
        for (size_t k = 0; k < f->n; k++)
            best = fmin(best, error_on(&f->laws[k], p->at[i]));
        most = isfinite(e) ? fmax(most, pow(best / e, 2)) : most;
    }
    return most;
}

/* Does its process lower the error of a first target? */
static bool process_helps(const asc__contender *law, const asc__contender *plain, const probes *p)
{
    bool helps = false;
    for (size_t i = 0; i < p->n; i++)
        helps |= !(error_on(law, p->at[i]) > WORTH * error_on(plain, p->at[i]));
    return helps;
}

/* The first that may decide a mixture stays, whatever its error. */
static bool only_decider(const asc__field *f, size_t i)
{
    for (size_t k = 0; k < f->n; k++)
        if (!f->laws[k].family->corner && (f->laws[k].score.cv_mse < f->laws[i].score.cv_mse ||
                                           (k < i && f->laws[k].score.cv_mse == f->laws[i].score.cv_mse)))
            return false;
    return !f->laws[i].family->corner;
}

/* Laws that no blend of the first targets would weigh, and processes that help on none of them, leave the field. */
static asc_status drop_behind(asc__field *f, const probes *p, asc_error *err)
{
    char why[200];
    size_t kept = 0, n = f->n;
    bool *keep = asc_calloc(n + 1, sizeof *keep);
    if (!keep)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < n; i++) {
        asc__contender *c = &f->laws[i];
        bool pair = i > 0 && c->gp && f->laws[i - 1].family == c->family;
        keep[i] = most_weight(f, c, p) >= ASC__LEAST_WEIGHT || only_decider(f, i);
        if (pair && keep[i] && process_helps(c, c - 1, p))
            keep[i - 1] = true; /* the two are validated together */
        else if (pair && keep[i - 1])
            keep[i] = false;
    }
    for (size_t i = 0; i < n; i++)
        if (keep[i]) {
            asc__contender c = f->laws[i];
            f->laws[kept++] = c;
        } else {
            snprintf(why, sizeof why, "%s %zu evenly chosen targets, so not tried on the other %zu",
                     f->laws[i].gp ? "worse, or not improved by its Gaussian process, on each of" : "worse on each of",
                     p->n, p->n_rest);
            skip(f, f->laws[i].score.law, why);
            contender_clear(&f->laws[i]);
        }
    f->n = kept;
    asc_free(keep);
    return ASC_OK;
}

/* What is left, on the other targets. */
static asc_status validate_rest(asc__field *f, const probes *p, asc_error *err)
{
    asc_status s = ASC_OK;
    for (size_t i = 0; s == ASC_OK && i < f->n; i++) {
        asc__contender *c = &f->laws[i], *next = i + 1 < f->n ? c + 1 : NULL;
        double start = now(f->o);
        asc__meter_part(p->meter, i, f->n, "laws");
        bool both = next && next->family == c->family;
        assert(!both || next->gp); /* the law without its process, then with it */
        round_ r = {.f = f, .law = both ? next : c, .plain = both ? c : NULL, .pool = c->pool, .meter = p->meter};
        r.targets = p->rest;
        r.n_targets = p->n_rest;
        s = validate_targets(&r, err);
        for (size_t k = i; k <= i + both; k++) {
            tally(&f->laws[k], f->prep, 0);
            f->laws[k].score.seconds += now(f->o) - start;
        }
        i += both;
    }
    return s;
}

/* Those of the table that a comparison tries (all), or a blend; into list (or NULL); returns how many. */
static size_t list_laws(const asc__family **list, bool all)
{
    const asc__family *l;
    size_t n = 0;
    for (size_t i = 0; (l = asc_law_family_at(i)); i++)
        if ((l->validate || l->validate_gp) && (all || l->blends)) {
            if (list)
                list[n] = l;
            n++;
        }
    return n;
}

static asc_status validate_first(asc__field *f, const asc__family **list, size_t n, const probes *p, asc_error *err)
{
    asc_status s = ASC_OK;
    for (size_t i = 0; s == ASC_OK && i < n; i++) {
        char buf[200];
        const char *why = reason(f, list[i], buf);
        asc__meter_part(p->meter, i, n, "laws");
        if (why)
            skip(f, list[i]->name, why);
        else
            s = validate_family(f, list[i], p, err);
    }
    if (s == ASC_OK)
        asc__meter_part(p->meter, n, n, "laws");
    return s;
}

/* Targets in the order in which they are taken, into order (V): with many of them some evenly taken come first. */
static probes order_targets(size_t *order, size_t V)
{
    size_t first = V > MANY ? PROBES : V, n = 0;
    for (size_t v = 0; v < V; v++)
        if (v * first / V != (v + 1) * first / V)
            order[n++] = v;
    for (size_t v = 0; v < V; v++)
        if (v * first / V == (v + 1) * first / V)
            order[n++] = v;
    assert(n == V); /* each target once */
    return (probes){.n = first, .n_rest = V - first, .at = order, .rest = order + first};
}

asc_status asc__field_validate(asc__field *out, const asc__prep *prep, const asc_law_opts *o, bool all, asc_error *err)
{
    asc__field f = {.prep = prep, .o = o};
    asc__meter meter;
    size_t n = list_laws(NULL, all), V = prep->n_targets;
    const asc__family *list[n + 1];
    const char *what = all ? "comparing laws" : "cross-validating laws";
    memset(list, 0, sizeof list);
    list_laws(list, all);
    size_t *order = asc_calloc(V + 1, sizeof *order);
    f.laws = asc_calloc(2 * n, sizeof *f.laws);
    f.pools = asc_calloc(n, sizeof *f.pools);
    f.skipped = asc_calloc(4 * n, sizeof *f.skipped);
    asc_status s = f.laws && f.pools && f.skipped && order ? ASC_OK : ASC_NOMEM(err);
    if (s == ASC_OK) {
        probes p = order_targets(order, V);
        p.meter = &meter;
        asc__meter_init(&meter, o, what, p.n, 0);
        s = validate_first(&f, list, n, &p, err);
        if (s == ASC_OK && p.n_rest) {
            asc__meter_init(&meter, o, all ? "comparing laws on all targets" : "evaluating laws on all targets",
                            p.n_rest, 0);
            s = drop_behind(&f, &p, err);
            if (s == ASC_OK)
                s = validate_rest(&f, &p, err);
            if (s == ASC_OK)
                asc__meter_part(&meter, f.n, f.n, "laws");
        }
    }
    asc_free(order);
    if (s == ASC_OK)
        *out = f;
    else
        asc__field_clear(&f);
    return s;
}
