/* What a search may cost: FLOPs of training and evaluation against those of one run at the target, counted alike before
 * it is made and after; a study that asks for more than search.at_most gets less, and is told what. */
#include "steps.h"

#include <math.h>
#include <string.h>

#define APART 1.25 /* scales closer than this tell no growth from noise */

double asc__target_flops(const asc__study *s)
{
    return asc__train_flops(asc__target_size(s), s->spec->target_tokens);
}

/* ---- what a run takes ---- */

bool asc__is_search(asc_run_kind kind)
{
    return kind != ASC_KIND_TARGET && kind != ASC_KIND_PREFIX && kind != ASC_KIND_RIVAL;
}

/* Of a branch that the study does not tell of any more, which ends with so many tokens: the last prefix before that. */
static double begun_at(const asc__study *s, double tokens)
{
    double at = 0;
    for (size_t k = 0; k < asc__most_stages(s->spec); k++) {
        double prefix = (double)s->stages[k].prefix * s->model.context;
        at = prefix < tokens ? prefix : at;
    }
    return at;
}

double asc__run_trained(const asc__study *s, const asc_store_run *r)
{
    if (r->kind == ASC_KIND_MERGE)
        return 0;
    /* Only runs of the list are told anything; a plan has none, and asks of those of the store. */
    bool ours = s->n_told && r >= s->runs && r < s->runs + s->n_runs;
    const asc__told *t = ours ? asc__told_of(s, (size_t)(r - s->runs)) : NULL;
    double all = asc__run_tokens(r);
    if (t && t->from != ASC_NONE)
        return all - asc__run_tokens(&s->runs[t->from]);
    if (r->kind == ASC_KIND_MIXTURE) {
        size_t n;
        const asc_store_run *past = asc__past_runs(&n, s), *pause = asc__pause_of(past, n, r);
        return all - (pause ? asc__run_tokens(pause) : 0);
    }
    return all - (r->kind == ASC_KIND_BRANCH ? begun_at(s, all) : 0);
}

/* Of one evaluation of a run's model. */
static double evaluated(const asc__study *s, const asc_store_run *r)
{
    double all = asc__eval_tokens(s), texts = all / (double)s->spec->valid_tokens;
    return asc__is_of_branches(r->kind) ? texts * (double)s->spec->search.eval_tokens : all;
}

double asc__run_flops(const asc__study *s, const asc_store_run *r)
{
    const asc__size *z = asc__size_of(s, r->model);
    if (!asc__is_search(r->kind) || (r->state != ASC_RUN_DONE && r->state != ASC_RUN_DIVERGED))
        return 0;
    return asc__train_flops(z, asc__run_trained(s, r)) + asc__eval_flops(z, evaluated(s, r));
}

/* ---- stars within a budget ---- */

/* Tokens of a star over those of its base; each of its runs is evaluated once. */
static double star_multiple(const asc_study_spec *spec)
{
    return 2 * (double)spec->n_domains + spec->repeats + (spec->factor - 1) - (1 - 1 / spec->down);
}

static const asc__size *size_at(const asc__study *s, size_t k)
{
    return asc__size_of(s, asc__size_at_scale(s, k));
}

static double star_evaluation(const asc__study *s, size_t k)
{
    return (2 * (double)s->D + s->spec->repeats) * asc__eval_flops(size_at(s, k), asc__eval_tokens(s));
}

size_t asc__n_star_runs(const asc__study *s)
{
    return s->spec->n_scales * (2 * s->D + (size_t)s->spec->repeats);
}

/* Of the k-th scale, were it of so many tokens. */
static double star_flops(const asc__study *s, size_t k, double tokens)
{
    return asc__train_flops(size_at(s, k), tokens * star_multiple(s->spec)) + star_evaluation(s, k);
}

/* Three digits, rounded down: run ids are made of it. */
static double round_down(double x)
{
    double unit = pow(10, floor(log10(x)) - 2);
    return unit >= 1 ? floor(x / unit) * unit : floor(x);
}

/* The first of the scales that have the tokens of the k-th. */
static size_t first_alike(const asc__study *s, size_t k)
{
    while (k > 0 && s->spec->scales[k - 1] == s->spec->scales[k])
        k--;
    return k;
}

/* The scales kept, smaller ones first, and the tokens of the last: as many as the budget leaves it. Those that differ
 * in their models alone are cut, and dropped, together: equal tokens are what they are for. */
static size_t cut_scales(double *last, const asc__study *s, double budget)
{
    const double *scales = s->spec->scales;
    for (size_t n = s->spec->n_scales; n > 0; n = first_alike(s, n - 1)) {
        size_t from = first_alike(s, n - 1);
        double left = budget, per_token = 0;
        for (size_t k = from; k < n; k++) {
            left -= star_evaluation(s, k);
            per_token += star_flops(s, k, 1) - star_flops(s, k, 0);
        }
        for (size_t k = 0; k < from; k++)
            left -= star_flops(s, k, scales[k]);
        *last = left > 0 ? fmin(left / per_token, scales[n - 1]) : 0;
        if (from == 0 || *last >= APART * scales[from - 1])
            return n;
    }
    return 0;
}

static double planned_flops(const asc__study *s)
{
    double sum = 0;
    for (size_t k = 0; k < s->spec->n_scales; k++)
        sum += star_flops(s, k, s->spec->scales[k]);
    return sum;
}

/* A proxy of before up to its pause, of a run that this search would have made too. */
static bool is_part_of_swarm(const asc__study *s, const asc_store_run *r, const asc_store_run *runs, size_t n)
{
    for (size_t i = 0; r->kind == ASC_KIND_PAUSE && i < n; i++)
        if (asc__is_of_swarm(s, &runs[i]) && asc__pause_of(r, 1, &runs[i]))
            return true;
    return false;
}

/* What earlier searches took beside those runs that this one would have made too. */
static double spent_flops(const asc__study *s)
{
    double sum = 0;
    size_t n;
    const asc_store_run *r = asc__past_runs(&n, s);
    for (size_t i = 0; i < n; i++)
        if (r[i].earlier && asc__scale_of(s, &r[i]) == ASC_NONE && !asc__is_of_swarm(s, &r[i]) &&
            !is_part_of_swarm(s, &r[i], r, n))
            sum += asc__run_flops(s, &r[i]);
    return sum;
}

/* What was cut, and what is known less well for it. */
static void say_cut(asc_notes *notes, const asc__study *s, size_t n, double last, double before)
{
    const asc_study_spec *spec = s->spec;
    char was[24], now[24];
    double most = spec->scales[spec->n_scales - 1];
    asc_notes_say(notes, CUT_SCALES, spec->search.at_most, before / asc__target_flops(s), asc_format_count(last, now),
                  asc_format_count(most, was), n < spec->n_scales ? ", and there are fewer scales" : "",
                  !first_alike(s, n - 1) && first_alike(s, spec->n_scales - 1) > 0
                      ? ": a single scale cannot measure growth"
                      : "",
                  spec->target_tokens / last, spec->target_tokens / most);
}

/* A sequence of every domain in the run that has least of it. */
static double least_scale(const asc__study *s)
{
    double share = 1;
    for (size_t i = 0; i < s->D; i++)
        share = fmin(share, s->reference[i]);
    return s->spec->down * s->model.context / share;
}

static asc_status fail_small(const asc__study *s, double last, double least, double before, asc_error *err)
{
    return ASC_FAIL(
        err, ASC_EINVAL,
        "%s: search.at_most %g leaves the star's base %.0f tokens, and it needs %.0f for one sequence of each "
        "domain (uncut, the search takes %.3g times the target's FLOPs): raise at_most, use fewer domains, or "
        "lower validation.tokens",
        s->spec->path, s->spec->search.at_most, fmax(last, 0), ceil(least), before / asc__target_flops(s));
}

/* ---- a swarm within a budget ---- */

/* Runs that the swarm will make: those that were made before the domains changed are of it, as far as they go, but new
 * domains have to be learnt of. */
static size_t wanted_runs(const asc__study *s, size_t inherited)
{
    size_t all = (size_t)s->spec->search.runs, least = inherited ? asc__least_new_runs(s) : 0;
    size_t left = all > inherited ? all - inherited : 0;
    return left > least ? left : least;
}

double asc__swarm_flops(const asc__study *s)
{
    const asc__size *z = asc__size_of(s, s->spec->search.model);
    double evaluation = asc__eval_flops(z, asc__eval_tokens(s));
    return asc__train_flops(z, asc__swarm_tokens(s)) + (asc__pause_tokens(s) > 0 ? 2 : 1) * evaluation;
}

/* Runs of the swarm, those given among them, that the budget pays for beside stars and earlier searches; branches have
 * half of it. */
static double paid_runs(const asc__study *s)
{
    double part = asc__by_branches(s) ? .5 : 1, all = part * s->spec->search.at_most * asc__target_flops(s);
    return (all - planned_flops(s) - spent_flops(s)) / asc__swarm_flops(s);
}

/* Runs of which no law could be made, however they end. */
static asc_status check_few(const asc__study *s, size_t runs, asc_error *err)
{
    if (runs >= ASC_LAW_LEAST_ROWS || s->spec->n_scales || asc__n_told_before(s) || s->start_known)
        return ASC_OK;
    return ASC_FAIL(err, ASC_EINVAL, "%s: search.runs: expected %d runs or more, which a law needs, found %zu",
                    s->spec->path, ASC_LAW_LEAST_ROWS, runs);
}

static asc_status cut_swarm(asc__study *s, asc_notes *notes, asc_error *err)
{
    const asc_study_spec *spec = s->spec;
    size_t inherited = asc__n_given(s), wanted = wanted_runs(s, inherited);
    size_t least = asc__least_swarm(s);
    ASC_TRY(check_few(s, wanted + inherited, err));
    double most = isnan(spec->search.at_most) ? INFINITY : fmax(paid_runs(s) - (double)inherited, 0);
    bool cut = (double)wanted > most;
    if (cut && floor(most) < (double)least && !s->start_known)
        return ASC_FAIL(
            err, ASC_EINVAL,
            "%s: search.at_most %g pays for %.0f %sruns of %.0f tokens%s%s, a law of %zu domains needs %zu: "
            "raise at_most, or lower %ssearch.tokens or validation.tokens",
            spec->path, spec->search.at_most, floor(most), inherited ? "more " : "", asc__swarm_tokens(s),
            spec->n_scales ? " beside the stars" : "",
            asc__by_branches(s) ? " in the half of it that branches leave" : "", s->D, least,
            spec->n_scales ? "scales, " : "");
    if (cut)
        asc_notes_say(notes, CUT_SWARM, spec->search.at_most, (int)most, (int)wanted);
    wanted = cut ? (size_t)most : wanted;
    if (wanted == (size_t)spec->search.runs)
        return ASC_OK;
    if (spec != &s->adopted)
        s->adopted = *spec;
    s->spec = &s->adopted;
    s->adopted.search.runs = (int)wanted;
    return ASC_OK;
}

/* ---- branches within a budget ---- */

/* Of a branch search's budget that merged models may be evaluated for, where the study does not say on how much text.
 */
#define EVALUATED .25
enum { LEAST_EVALUATED = 1000 };

typedef struct branch_cost {
    double branches, merges; /* numbers of them: the reference, a domain each, three that check; the optimum. Of all
                                stages */
    double eval_tokens;      /* per target */
    double step, flops;      /* FLOPs of one step; of all of it */
} branch_cost;

/* Tokens of one step: whole sequences, as the trainer takes them (asc_train_steps_of). */
static double step_tokens(const asc__study *s)
{
    int64_t sequences = s->spec->training.batch_tokens / s->model.context;
    return (double)sequences * s->model.context;
}

static double branch_steps(const asc__study *s)
{
    const asc_search_spec *o = &s->spec->search;
    double tokens = o->branch_tokens < 1 ? o->branch_tokens * s->spec->target_tokens : o->branch_tokens;
    return fmax(1, floor(tokens / step_tokens(s) + .5));
}

static branch_cost cost_of(const asc__study *s, int rounds, double steps)
{
    const asc_search_spec *o = &s->spec->search;
    const asc__size *z = asc__target_size(s);
    double D = (double)s->D, most = isnan(o->at_most) ? .15 : o->at_most;
    double texts = asc__eval_tokens(s) / (double)s->spec->valid_tokens;
    double stages = (double)asc__most_stages(s->spec);
    branch_cost c = {.branches = stages * (rounds * D + ASC__CHECKS),
                     .merges = stages * (rounds * (double)o->merges + 1)};
    c.merges += s->spec->trainer.command ? stages * ASC__CHECKS : 0; /* which evaluate the branches that check */
    double money = EVALUATED * most * asc__target_flops(s);
    double paid = floor(money / ((c.branches + c.merges) * asc__eval_flops(z, texts)));
    c.eval_tokens = o->eval_tokens > 0 ? (double)o->eval_tokens : fmax(paid, LEAST_EVALUATED);
    c.eval_tokens = fmin(c.eval_tokens, (double)s->spec->valid_tokens);
    c.step = asc__train_flops(z, step_tokens(s));
    c.flops = c.branches * steps * c.step + (c.branches + c.merges) * asc__eval_flops(z, texts * c.eval_tokens);
    return c;
}

static void say_cut_branches(asc_notes *notes, const asc__study *s, int rounds, double was, double steps)
{
    const asc_search_spec *o = &s->spec->search;
    if (rounds < o->rounds)
        asc_notes_say(notes, CUT_ROUND, o->at_most, 1 - o->pull);
    if (steps < was)
        asc_notes_say(notes, CUT_BRANCHES, o->at_most, steps, was);
}

/* Branches that were made stay as long, and are evaluated on as much text, when held-out sets come: they would be
 * others else. With other domains others are made. NULL: none were. */
static const asc__cut *kept_cut(const asc__study *s)
{
    const asc__cut *c = &s->cut;
    bool same = c->rounds > 0 && c->n_domains == s->D && c->target_tokens == s->spec->target_tokens;
    return same ? c : NULL;
}

asc_status asc__cut_read(asc__study *s, asc_store *store, asc_error *err)
{
    json_t *o = NULL;
    ASC_TRY(asc_store_get_doc(&o, store, "branch-cut", err));
    const json_t *rounds = json_object_get(o, "rounds"), *domains = json_object_get(o, "domains");
    const json_t *stages = json_object_get(o, "stages");
    if (json_is_integer(rounds) && json_is_integer(domains))
        s->cut = (asc__cut){.rounds = (int)json_integer_value(rounds),
                            .n_domains = (size_t)json_integer_value(domains),
                            .stages = json_is_integer(stages) ? (size_t)json_integer_value(stages) : 1,
                            .steps = asc_json_number(o, "steps"),
                            .eval_tokens = asc_json_number(o, "eval_tokens"),
                            .target_tokens = asc_json_number(o, "target_tokens")};
    json_decref(o);
    return ASC_OK;
}

static asc_status cut_write(asc__study *s, int rounds, double steps, double eval_tokens, asc_error *err)
{
    json_t *o = json_pack("{s:i,s:I,s:f,s:f,s:f}", "rounds", rounds, "domains", (json_int_t)s->D, "steps", steps,
                          "eval_tokens", eval_tokens, "target_tokens", s->spec->target_tokens);
    if (asc__most_stages(s->spec) > 1)
        json_object_set_new(o, "stages", json_integer((json_int_t)asc__most_stages(s->spec)));
    asc_status st = o ? asc_store_put_doc(s->store, "branch-cut", o, err) : ASC_NOMEM(err);
    json_decref(o);
    return st;
}

/* Stages that are added to branches made already, which are as long as these. */
static asc_status check_more_stages(const asc__study *s, const asc__cut *kept, double flops, double budget,
                                    asc_error *err)
{
    if (asc__most_stages(s->spec) <= kept->stages || flops <= budget)
        return ASC_OK;
    double target = asc__target_flops(s);
    return ASC_FAIL(
        err, ASC_EINVAL,
        "%s: search.at: %zu points with branches as long as those already made (%.0f steps) take %.3g times "
        "the target's FLOPs, search.at_most is %g: raise it, or name fewer points",
        s->spec->path, asc__most_stages(s->spec), kept->steps, flops / target, budget / target);
}

static asc_status cut_branches(asc__study *s, asc_notes *notes, asc_error *err)
{
    const asc_study_spec *spec = s->spec;
    double budget = isnan(spec->search.at_most) ? INFINITY : spec->search.at_most * asc__target_flops(s);
    budget -= asc__has_swarm_step(s) ? planned_flops(s) + spent_flops(s) + spec->search.runs * asc__swarm_flops(s) : 0;
    double was = branch_steps(s), steps = was;
    int rounds = spec->search.rounds;
    branch_cost c = cost_of(s, rounds, steps);
    const asc__cut *kept = kept_cut(s);
    if (kept) {
        rounds = kept->rounds;
        steps = kept->steps;
        c = cost_of(s, rounds, steps);
        ASC_TRY(check_more_stages(s, kept, c.flops, budget, err));
        c.eval_tokens = kept->eval_tokens;
    }
    if (!kept && c.flops > budget && rounds > 1)
        c = cost_of(s, rounds = 1, steps);
    if (!kept && c.flops > budget)
        steps = floor((budget - (c.flops - c.branches * steps * c.step)) / (c.branches * c.step));
    if (steps < 1)
        return ASC_FAIL(err, ASC_EINVAL,
                        "%s: search.at_most %g does not pay for %.0f branches of one step and their evaluation%s (%.3g "
                        "times the target's FLOPs): raise at_most, or lower training.batch_tokens, "
                        "search.merges or search.eval_tokens",
                        spec->path, spec->search.at_most, c.branches,
                        asc__has_swarm_step(s) ? " beside the proxies" : "",
                        cost_of(s, rounds, 1).flops / asc__target_flops(s));
    say_cut_branches(notes, s, rounds, was, steps);
    if (s->store && !kept)
        ASC_TRY(cut_write(s, rounds, steps, floor(c.eval_tokens), err));
    if (spec != &s->adopted)
        s->adopted = *spec;
    s->spec = &s->adopted;
    s->adopted.search.rounds = rounds;
    s->adopted.search.eval_tokens = (int64_t)c.eval_tokens;
    s->adopted.search.branch_tokens = steps * step_tokens(s);
    if (!s->adopted.validate) { /* the target's own run goes on, and none beside it */
        s->adopted.seeds = 1;
        s->adopted.n_against = 0;
    }
    return ASC_OK;
}

static asc_status cut_search(asc__study *s, asc_notes *notes, asc_error *err)
{
    if (asc__has_swarm_step(s))
        ASC_TRY(cut_swarm(s, notes, err));
    if (asc__by_branches(s))
        return cut_branches(s, notes, err);
    if (asc__by_swarm(s))
        return ASC_OK;
    const asc_study_spec *spec = s->spec;
    double budget = spec->search.at_most * asc__target_flops(s) - spent_flops(s), before = planned_flops(s), last = 0;
    if (isnan(spec->search.at_most) || before <= budget)
        return ASC_OK;
    size_t n = cut_scales(&last, s, budget);
    if (last < least_scale(s))
        return fail_small(s, last, least_scale(s), before, err);
    last = round_down(last);
    double *scales = asc_calloc(n, sizeof *scales);
    if (!scales)
        return ASC_NOMEM(err);
    memcpy(scales, spec->scales, n * sizeof *scales);
    for (size_t k = first_alike(s, n - 1); k < n; k++)
        scales[k] = last;
    say_cut(notes, s, n, last, before);
    if (spec != &s->adopted)
        s->adopted = *spec;
    asc_free(s->cut_scales);
    s->adopted.scales = s->cut_scales = scales;
    s->adopted.n_scales = n;
    s->spec = &s->adopted;
    return ASC_OK;
}

asc_status asc__search_cut(asc__study *s, asc_notes *notes, asc_error *err)
{
    ASC_TRY(cut_search(s, notes, err));
    return asc__pools_set(s, err); /* of the scales that are left */
}

/* ---- what it took ---- */

double asc__search_flops(const asc__study *s)
{
    double sum = 0;
    for (size_t i = 0; i < s->n_runs; i++)
        sum += asc__run_flops(s, &s->runs[i]);
    for (size_t i = 0; i < s->n_aside; i++) /* which were paid for too */
        sum += asc__run_flops(s, &s->aside[i]);
    return sum;
}
