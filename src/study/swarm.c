/* A search by a swarm of proxies of one size and budget (docs/search.md): mixtures that fill the space first, then in
 * rounds those that the law's draws leave undecided, until nothing is or the runs are spent. */
#include "steps.h"

#include <math.h>
#include <string.h>

#include "mix/mix_next.h"

/* Ours: what is undecided is a small part of what is gained; with fewer than twice as many runs as domains and one, a
 * law's own noise says little. */
#define SMALL_PART .1

#define BEFORE_BRANCHES 2 /* rounds; search.rounds is of the branches then */

static size_t n_rounds(const asc__study *s)
{
    return asc__by_swarm(s) ? (size_t)s->spec->search.rounds : BEFORE_BRANCHES;
}

/* Runs of the first round: as many as a law needs to know of each domain, and no fewer than of the others. What runs of
 * before the domains changed know need not be learnt again. */
static size_t first_runs(const asc__study *s)
{
    size_t all = (size_t)s->spec->search.runs, even = all / n_rounds(s);
    size_t least = asc__least_swarm(s);
    size_t n = even > least ? even : least;
    return n < all ? n : all;
}

/* ---- runs ---- */

/* Runs keep within max_epochs; beyond the bounds of answers they may teach something. */
static asc_next_opts next_opts(const asc__study *s, size_t n)
{
    asc_next_opts o;
    asc_next_opts_init(&o);
    o.n_runs = n;
    o.n_tokens = (int64_t)asc__swarm_tokens(s);
    o.limits = asc__limits_of(s, asc__swarm_tokens(s), false);
    o.limits.lo = o.limits.hi = NULL;
    o.seed = s->spec->training.seed;
    o.n_threads = s->jobs;
    return o;
}

static bool same_tokens(const asc__study *s, const asc_store_run *r, const double *tokens)
{
    return memcmp(r->tokens, tokens, s->D * sizeof *tokens) == 0;
}

static asc_status add_run(asc__study *s, const double *weights, size_t k, bool store, asc_error *err)
{
    char label[32],
        *id = asc_strf("s%s-mix-%zu", asc__tokens_label(asc__swarm_tokens(s), label), asc__n_earlier(s) + k);
    double *tokens = asc_calloc(s->D, sizeof *tokens);
    asc_status st = id && tokens ? asc__run_amounts(tokens, s, weights, asc__swarm_tokens(s), err) : ASC_NOMEM(err);
    /* One seed for all (common random numbers), as in a star; a mixture that comes again has another. */
    asc_store_run want = {.id = id,
                          .kind = ASC_KIND_MIXTURE,
                          .mixture = "swarm",
                          .scale = asc__swarm_tokens(s),
                          .seed = s->spec->training.seed,
                          .n_domains = s->D,
                          .tokens = tokens};
    for (size_t i = 0; st == ASC_OK && i < s->swarm.n; i++)
        want.seed += same_tokens(s, &s->runs[s->swarm.runs[i]], tokens);
    for (size_t i = 0; st == ASC_OK && i < s->n_runs; i++)
        want.seed += s->runs[i].earlier && asc__is_of_swarm(s, &s->runs[i]) && same_tokens(s, &s->runs[i], tokens);
    size_t *out = &s->swarm.runs[s->swarm.n];
    /* Before branches that have begun, another run would say too late where. */
    bool late = s->start_known && s->store && st == ASC_OK && !asc__study_find_run(out, s, &want);
    if (late) {
        s->swarm.enough = true;
        s->swarm.spread = NAN;
    }
    if (st == ASC_OK && !late)
        st = asc__study_add_run(out, s, &want, store, err);
    if (st == ASC_OK && !late)
        s->swarm.pauses[s->swarm.n++] = ASC_NONE;
    asc_free(id);
    asc_free(tokens);
    return st;
}

static asc_status add_runs(asc__study *s, const asc_next *next, bool store, asc_error *err)
{
    for (size_t k = 0; k < next->n_runs; k++)
        ASC_TRY(add_run(s, next->weights + k * s->D, s->swarm.n, store, err));
    return ASC_OK;
}

/* Whether runs of earlier searches are as many as a law needs: then it chooses from the first round on. */
static bool is_told(const asc__study *s)
{
    return asc__least_swarm(s) <= 1 && asc__n_told_before(s) >= s->D + 1;
}

/* That there are mixtures within the caps, of the target and of a proxy. */
static asc_status check_caps(const asc__study *s, asc_error *err)
{
    double *tokens = asc_calloc(s->D, sizeof *tokens);
    asc_status st = tokens ? asc__check_target(s, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = asc__run_amounts(tokens, s, s->reference, asc__swarm_tokens(s), err);
    asc_free(tokens);
    return st;
}

/* Room for as many as there can be: where all but a round's tokens are saved at the pause, that many more. */
static asc_status make_room(asc__study *s, asc_error *err)
{
    double whole = asc__swarm_tokens(s), pause = asc__pause_tokens(s);
    size_t most = (size_t)((double)s->spec->search.runs * (pause > 0 ? whole / pause : 1)) + 2;
    s->swarm.spread = NAN;
    s->swarm.runs = asc_calloc(most, sizeof *s->swarm.runs);
    s->swarm.pauses = asc_calloc(most, sizeof *s->swarm.pauses);
    s->swarm.stops = asc_calloc(most, sizeof *s->swarm.stops);
    return s->swarm.runs && s->swarm.pauses && s->swarm.stops ? ASC_OK : ASC_NOMEM(err);
}

void asc__swarm_clear(asc__study *s)
{
    for (size_t k = 0; s->swarm.stops && k < s->swarm.n; k++)
        asc_free(s->swarm.stops[k].loss);
    asc_free(s->swarm.runs);
    asc_free(s->swarm.pauses);
    asc_free(s->swarm.stops);
    s->swarm = (asc__swarm){0};
}

asc_status asc__swarm_begin(asc__study *s, bool store, asc_error *err)
{
    asc_next next = {0};
    ASC_TRY(check_caps(s, err));
    asc_next_opts o = next_opts(s, first_runs(s));
    ASC_TRY(make_room(s, err));
    if (is_told(s) || s->spec->search.runs == 0)
        return ASC_OK;
    asc_status st = asc_next_filling(&next, s->reference, s->spec->domain_names, s->D, &o, err);
    if (st == ASC_OK)
        st = add_runs(s, &next, store, err);
    asc_next_clear(&next);
    return st;
}

/* ---- rounds ---- */

static asc_status fit(asc__study *s, size_t k, asc_error *err)
{
    asc_law_set_clear(&s->joint_law);
    asc_mix_result_clear(&s->joint);
    s->joint_law = (asc_law_set){0};
    s->joint = (asc_mix_result){0};
    return asc__study_fit_joint(s, err);
}

/* More runs where the law says what they would tell; *enough: what is undecided is less than one run's noise. */
static asc_status choose_more(asc__study *s, size_t n, bool *enough, asc_error *err)
{
    asc_next next = {0};
    asc_next_opts o = next_opts(s, n);
    asc_error why = {0};
    asc_status st = asc_next_runs(&next, &s->joint_law, &o, &why);
    if (st == ASC_OK) {
        s->swarm.spread = next.spread[0];
        size_t known = s->swarm.n + asc__n_given(s) + asc__n_star_runs(s);
        *enough = known >= 2 * (s->D + 1) && next.spread[0] < .5 * s->joint_law.noise &&
                  next.spread[0] < SMALL_PART * next.gain;
        st = *enough ? ASC_OK : add_runs(s, &next, !s->before, &why);
    }
    asc_next_clear(&next);
    if (st == ASC_EINVAL || st == ASC_ENUMERIC) { /* a law without draws: what there is has to do */
        asc_notes_say(&s->notes, SWARM_ENDS, why.msg);
        *enough = true;
        return ASC_OK;
    }
    if (st != ASC_OK && err)
        *err = why;
    return st;
}

/* Runs that what is left of the swarm's tokens pays for: those that were stopped have left some. */
static size_t runs_left(const asc__study *s)
{
    double saved = 0, all = (double)s->spec->search.runs - (double)s->swarm.n;
    if (asc__n_stopped(&saved, s))
        all += saved / asc__swarm_flops(s);
    return all > 0 ? (size_t)(all + 1e-9) : 0;
}

/* What runs that were stopped have left behind the last round makes one more. */
static asc_status next_round(asc__study *s, size_t k, asc_error *err)
{
    size_t left = runs_left(s), of = n_rounds(s);
    size_t rounds = k < of ? of - k : 1, n = (left + rounds - 1) / rounds;
    bool enough = !s->has_joint;
    ASC_TRY(s->has_joint ? choose_more(s, n, &enough, err) : ASC_OK);
    s->swarm.enough |= enough;
    return ASC_OK;
}

/* What the last try said, or "". */
static const char *why_no_joint(const asc__study *s)
{
    for (size_t i = s->notes.n; i-- > 0;)
        if (s->notes.code[i] == ASC_NOTE_NO_JOINT)
            return s->notes.text[i];
    return "";
}

/* The runs from the k-th on up to their pause, then on to the end where they can matter. Nothing is known of how runs
 * go on before a round has ended: those of the first all do. */
static asc_status make_round(asc__study *s, size_t k, asc_error *err)
{
    size_t n = 0, *list = asc_calloc(s->swarm.n + 1, sizeof *list);
    asc_status st = list ? ASC_OK : ASC_NOMEM(err);
    for (size_t i = k; st == ASC_OK && asc__pause_tokens(s) > 0 && i < s->swarm.n; i++) {
        st = asc__swarm_add_pause(s, i, !s->before, err);
        if (s->swarm.pauses[i] != ASC_NONE)
            list[n++] = s->swarm.pauses[i];
    }
    if (st == ASC_OK && n)
        st = asc__make_list(s, list, n, asc__publish_all, err);
    if (st == ASC_OK && !s->kept)
        st = asc__swarm_decide(s, k, k == 0, err);
    n = 0;
    for (size_t i = 0; st == ASC_OK && i < s->swarm.n; i++)
        if (!s->swarm.stops[i].loss)
            list[n++] = s->swarm.runs[i];
    if (st == ASC_OK && n && !s->kept)
        st = asc__make_list(s, list, n, asc__publish_all, err);
    asc_free(list);
    return st;
}

asc_status asc__swarm_search(asc__study *s, asc_error *err)
{
    size_t rounds = n_rounds(s), made = 0;
    ASC_TRY(asc__swarm_begin(s, !s->before, err));
    if (!s->before)
        ASC_TRY(asc__study_publish(s, ASC_STUDY_RUNNING, err));
    for (size_t k = s->swarm.n > 0;; k++) {
        if (s->swarm.n)
            ASC_TRY(make_round(s, made, err));
        if (s->kept)
            return ASC_OK;
        made = s->swarm.n;
        ASC_TRY(asc__study_step(s, "fitting", fit, k ? k - 1 : 0, k > rounds ? k : rounds, err));
        if (!runs_left(s) || (k >= rounds && !asc__n_stopped(NULL, s)))
            break;
        ASC_TRY(asc__study_step(s, "choosing runs", next_round, k, k >= rounds ? k + 1 : rounds, err));
        if (s->swarm.enough)
            break;
    }
    asc__say_stopped(s);
    if (s->swarm.enough && runs_left(s) && s->has_joint && !isnan(s->swarm.spread))
        asc_notes_say(&s->notes, SWARM_ENOUGH, runs_left(s), s->swarm.spread, s->joint_law.noise);
    if (!s->before)
        ASC_TRY(asc__study_write_tables(s, err));
    const char *why = why_no_joint(s);
    if (!s->has_joint && asc__by_swarm(s)) /* branches do without */
        return ASC_FAIL(err, ASC_ENUMERIC,
                        "no law fits the %zu runs of the swarm: more of them (search.runs, search.at_most)%s%s",
                        s->swarm.n + asc__n_given(s), *why ? "; " : "", why);
    return ASC_OK;
}
