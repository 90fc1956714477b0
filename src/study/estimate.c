/* What a study costs before it is made: FLOPs, tokens, seconds, disk. */
#include "estimate.h"

#include <math.h>
#include <string.h>

enum { SEARCH, PREFIX, BRANCHES, MERGED, TARGET };
static const char *const parts[ASC_PLAN_PARTS] = {"search", "prefix", "branches", "merged models", "target"};

static size_t part_of(asc_run_kind kind)
{
    switch (kind) {
    case ASC_KIND_PREFIX:
        return PREFIX;
    case ASC_KIND_BRANCH:
        return BRANCHES;
    case ASC_KIND_MERGE:
        return MERGED;
    case ASC_KIND_TARGET:
        return TARGET;
    default:
        return SEARCH;
    }
}

/* Runs from the i-th on that are made at the same time: of one part, before those of the next begin. */
static size_t n_together(const asc_plan *p, size_t i)
{
    size_t n = 1;
    while (i + n < p->n_runs && part_of(p->runs[i + n].kind) == part_of(p->runs[i].kind))
        n++;
    return n;
}

/* ---- seconds ---- */

/* Reading, splitting and tokenising what is not prepared yet (measured: 17 MB/s per core). */
static double prepare_seconds(const asc__study *s, bool guessed)
{
    const double bytes_per_s = 15e6, bytes_per_token = 4;
    double tokens = 0;
    for (size_t i = 0; guessed && i < s->D; i++)
        tokens += s->there[i];
    return tokens * bytes_per_token / (bytes_per_s * asc_cpu_count());
}

/* The programs that judge one checkpoint, for each run of the target; *longest of them [s]. */
static void add_judged(asc__estimate *e, double *longest)
{
    asc_plan *p = e->plan;
    const asc_model_spec *m = &asc__target_size(e->s)->model;
    const asc_train_speed *v = &e->fp32;
    *longest = 0;
    for (size_t i = 0; i < p->n_runs; i++) {
        for (size_t k = 0; p->runs[i].kind == ASC_KIND_TARGET && k < e->tasks.n_judged; k++) {
            const asc_task_cost *c = &e->tasks.judged[k];
            double forward = asc__flops_forward(m, c->read, c->predicted),
                   backward = 3 * asc__flops_forward(m, c->trained, 0);
            double seconds = v->start_s + forward / asc_flops_eval(m, 1) / v->eval_tokens_per_s +
                             backward / asc_flops_train(m, 1) / v->train_tokens_per_s + c->updates * v->update_s;
            p->flops += forward + backward;
            p->judged_seconds += seconds;
            *longest = fmax(*longest, seconds);
            p->n_judged++;
        }
    }
}

/* Runs that are trained at the same time, and in *rounds how often programs are started one after another. */
static double at_once(const asc__estimate *e, size_t n, double *rounds)
{
    double places = asc__places(e->s), group = (double)asc__first_group(e->s, n), groups = ceil((double)n / group);
    *rounds = e->lanes > 0 ? ceil(groups / places) : 0;
    return e->lanes > 0 ? fmin(groups, places) * fmin(group, e->lanes) : places;
}

/* Longest first on as many processes as run at once; one part after another. */
static double training_seconds(const asc__estimate *e)
{
    const asc_plan *p = e->plan;
    double total = 0;
    for (size_t i = 0, n; i < p->n_runs; i += n) {
        double sum = 0, most = 0, rounds;
        n = n_together(p, i);
        for (size_t k = i; k < i + n; k++) {
            sum += p->runs[k].seconds;
            most = fmax(most, p->runs[k].seconds);
        }
        total += fmax(sum / at_once(e, n, &rounds), most);
        total += rounds * e->group_s;
    }
    return total;
}

/* All of it, and what judges the target's checkpoints. NaN where nobody knows how fast runs are made. */
static void put_seconds(asc__estimate *e, bool guessed)
{
    asc_plan *p = e->plan;
    double longest;
    p->seconds = p->judged_seconds = p->tokens_per_s = NAN;
    if (!e->timed)
        return;
    p->judged_seconds = 0;
    add_judged(e, &longest);
    double judged = p->n_judged ? fmax(p->judged_seconds / e->s->jobs, longest) : 0;
    p->seconds = prepare_seconds(e->s, guessed) + (training_seconds(e) + judged);
    p->tokens_per_s = e->speed[0].train_tokens_per_s;
}

/* ---- disk, programs, search ---- */

/* Token files (2 or 4 bytes per token), and a checkpoint of weights and two moments for each run that keeps one. */
static double disk_bytes(const asc__estimate *e)
{
    const asc__study *s = e->s;
    const asc_plan *p = e->plan;
    double tokens = 0, kept = 0, most = 0;
    for (size_t i = 0; i < s->D; i++)
        tokens += isnan(s->there[i]) ? 0 : s->there[i];
    tokens += asc__eval_tokens(s);
    for (size_t i = 0; i < p->n_runs; i++) {
        kept += asc__keeps_checkpoint(s->spec, p->runs[i].kind) ? p->runs[i].params : 0;
        most = fmax(most, p->runs[i].params);
    }
    if (asc__pause_tokens(s) > 0) /* which each proxy of a swarm leaves where it pauses */
        kept += (double)s->spec->search.runs * asc__size_params(asc__size_of(s, s->spec->search.model));
    kept += most * asc__places(s) * (e->lanes > 1 ? e->lanes : 1); /* those under way */
    return tokens * (s->model.vocab < 65500 ? 2 : 4) + kept * 12 + (double)p->n_runs * 65536;
}

/* Of the largest runs, as many as are under way at once. */
static double memory_bytes(const asc__estimate *e)
{
    const asc_plan *p = e->plan;
    double most = p->n_runs ? p->runs[0].memory : NAN;
    for (size_t i = 1; i < p->n_runs; i++)
        most = fmax(most, p->runs[i].memory);
    return most * fmin((double)p->n_runs, asc__places(e->s));
}

/* Of several stages of a branch search what they have in all. */
static void put_groups(asc_plan *p, const asc__study *s)
{
    asc_plan_group all[ASC_PLAN_PARTS] = {0};
    for (size_t i = 0, n; i < p->n_runs; i += n) {
        n = n_together(p, i);
        asc_plan_group *g = &all[part_of(p->runs[i].kind)];
        size_t group = asc__first_group(s, n);
        g->runs += n;
        g->groups += (n + group - 1) / group;
        g->largest = group > g->largest ? group : g->largest;
    }
    for (size_t k = 0; k < ASC_PLAN_PARTS; k++) {
        all[k].phase = parts[k];
        if (all[k].runs)
            p->groups[p->n_groups++] = all[k];
    }
}

/* Of a part; the search's own, where rivals are made among it. */
static asc_plan_part cost_of(const asc_plan *p, size_t of)
{
    asc_plan_part part = {0};
    for (size_t i = 0; i < p->n_runs; i++)
        if (part_of(p->runs[i].kind) == of && p->runs[i].kind != ASC_KIND_RIVAL) {
            part.runs++;
            part.flops += p->runs[i].flops;
        }
    part.share = part.flops / p->search.target_flops;
    return part;
}

static bool is_planned(const asc_plan *p, const asc_store_run *r)
{
    for (size_t i = 0; i < p->n_runs; i++)
        if (p->runs[i].there == r)
            return true;
    return false;
}

/* What was paid for earlier searches, and is not among the runs of this one. */
static void add_earlier(asc_plan *p, const asc__study *s)
{
    for (size_t i = 0; i < p->n_there; i++) {
        const asc_store_run *r = &p->there[i];
        if (!r->earlier || is_planned(p, r))
            continue;
        p->search.flops += asc__run_flops(s, r);
        p->search_tokens += asc__run_trained(s, r);
    }
}

/* The search against one run at the target: its FLOPs, and its seconds on one core. */
static void put_search(asc__estimate *e)
{
    const asc__study *s = e->s;
    asc_plan *p = e->plan;
    asc_plan_search *x = &p->search;
    const asc__size *z = asc__target_size(s);
    double seconds = 0, target_s = NAN;
    for (size_t i = 0; i < p->n_runs; i++) {
        bool search = asc__is_search(p->runs[i].kind);
        x->flops += search ? p->runs[i].flops : 0;
        seconds += search ? p->runs[i].seconds : 0;
    }
    add_earlier(p, s);
    if (e->timed)
        target_s =
            asc_train_seconds(&e->speed[z - s->sizes], &z->model, &s->spec->training, s->spec->target_tokens, 0, 0) /
            s->spec->ranks;
    x->method = s->spec->search.method;
    x->at_most = s->spec->search.at_most;
    x->target_flops = asc__target_flops(s);
    x->share = x->flops / x->target_flops;
    x->seconds = e->timed ? seconds : NAN;
    x->share_of_time = x->seconds / target_s;
    p->search_multiple = p->search_tokens / s->spec->target_tokens;
    x->pause_tokens = asc__pause_tokens(s);
    if (!asc__by_branches(s))
        return;
    x->proxies = cost_of(p, SEARCH);
    x->prefix = cost_of(p, PREFIX);
    x->branches = cost_of(p, BRANCHES);
    x->merges = cost_of(p, MERGED);
    x->prefix_tokens = (double)s->stages[0].prefix * s->model.context;
    x->branch_tokens = (double)s->stages[0].length * s->model.context;
    x->n_at = s->spec->search.n_at > 1 ? s->spec->search.n_at : 0;
    memcpy(x->at, s->spec->search.at, sizeof x->at);
    x->eval_tokens = s->spec->search.eval_tokens;
}

/* Each rival's runs, those that it shares included. */
static asc_status put_rivals(asc__estimate *e, asc_error *err)
{
    const asc__rivals *x = &e->s->rivals;
    asc_plan *p = e->plan;
    if (x->n && !(p->rivals = asc_calloc(x->n, sizeof *p->rivals)))
        return ASC_NOMEM(err);
    for (size_t k = 0; k < x->n; k++) {
        asc_plan_rival *r = &p->rivals[p->n_rivals++];
        *r = (asc_plan_rival){.name = x->list[k].method->name, .method = x->list[k].method->help};
        for (size_t i = 0; i < p->n_runs; i++) {
            const asc_plan_run *run = &p->runs[i];
            if (run->kind != ASC_KIND_RIVAL || !asc__rival_has_run(&x->list[k], run->mixture))
                continue;
            r->runs++;
            r->tokens += run->tokens;
            r->flops += run->flops;
            r->seconds += run->seconds;
        }
        r->share = r->flops / p->search.target_flops;
    }
    return ASC_OK;
}

/* ---- notes ---- */

/* What `run` would refuse once the text is counted, or on this machine. */
static void note_refusals(asc_notes *notes, const asc__study *s, bool guessed)
{
    asc_error why;
    double least = s->model.context + 1;
    for (size_t i = 0; i < s->D && guessed; i++)
        if (s->there[i] < least)
            asc_notes_say(notes, WILL_REFUSE_SHORT, s->spec->domain_names[i], s->there[i], least);
    if (asc__study_check_executor(s->spec, &why) != ASC_OK)
        asc_notes_say(notes, WILL_REFUSE_HERE, why.msg);
}

/* What can be known to be wrong before anything is trained. */
static void add_doubts(asc_notes *notes, const asc__study *s)
{
    char words[80], prefix[96];
    asc__doubt_steps(notes, s);
    asc__doubt_distance(notes, s);
    asc__doubt_repetition(notes, s);
    if (s->spec->repeats < 2 && s->spec->n_scales > 0)
        asc_notes_say(notes, NO_REPEATS, s->spec->repeats);
    for (size_t k = 0; s->scales && k < s->spec->n_scales; k++) {
        snprintf(prefix, sizeof prefix, "at %s: ", asc__scale_words(s, k, " tokens", words));
        asc_notes_copy(notes, &s->scales[k].notes, prefix);
    }
}

/* Good at what? comes first: it decides whether there is anything to win. Then how sure the figures are, and what is
 * doubtful. */
static void put_notes(asc__estimate *e, bool guessed)
{
    const asc_study_spec *spec = e->s->spec;
    asc_notes *notes = &e->plan->notes;
    const char *word = spec->objective_text;
    if (strcmp(word, "mean-domains") == 0 || (strcmp(word, "mean-loss") == 0 && spec->n_heldout == 0))
        asc_notes_say(notes, WHOSE_OBJECTIVE);
    if (guessed)
        asc_notes_say(notes, GUESSED_TEXT);
    if (!e->timed)
        asc_notes_say(notes, UNKNOWN_SPEED);
    asc_notes_copy(notes, &e->notes, "");
    add_doubts(notes, e->s);
}

/* ---- the plan ---- */

/* What is there of a study that was begun in DIR; nothing where there is no store. */
static asc_status read_store(asc__estimate *e, const char *dir, asc_error *err)
{
    asc_store *store = NULL;
    asc_plan *p = e->plan;
    json_t *before = NULL;
    char *path = asc_path_join(dir, "study.db");
    asc_status st = path ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK && asc_path_exists(path))
        st = asc_store_open_readonly(&store, dir, err);
    if (st == ASC_OK && store)
        st = asc_store_runs(&p->there, &p->n_there, store, err);
    if (st == ASC_OK && store)
        st = asc_store_get_summary(&e->summary, store, err);
    if (st == ASC_OK && store)
        st = asc_store_get_doc(&before, store, "spec", err);
    if (st == ASC_OK && p->n_there)
        asc__adopt_pause(e->s, before);
    json_decref(before);
    if (st == ASC_OK && store)
        st = asc__cut_read(e->s, store, err);
    if (st == ASC_OK && store)
        st = asc__start_read(e->s, store, p->there, p->n_there, err);
    if (st == ASC_OK && store)
        st = asc__living_lists_now(&e->lists, store, p->there, p->n_there, err);
    if (st == ASC_OK && store)
        st = asc__earlier_list(&e->earlier, store, e->s->spec, p->there, p->n_there, err);
    asc_store_close(store);
    asc_free(path);
    p->begun = p->n_there > 0;
    return st;
}

/* The runs of the folder as runs on the domains that the file has now. */
static asc_status map_there(asc__estimate *e, const char *dir, asc_error *err)
{
    asc__study *s = e->s;
    asc_plan *p = e->plan;
    s->runs = p->there;
    s->n_runs = p->n_there;
    asc_status st = asc__living_map(s, dir, e->lists, &e->notes, err);
    p->there = s->runs;
    p->n_there = s->n_runs;
    asc__earlier_mark(&e->notes, p->there, p->n_there, e->earlier);
    s->past = p->there;
    s->n_past = p->n_there;
    s->runs = NULL;
    s->n_runs = 0;
    return st;
}

static void put_names(asc_plan *p, const asc__study *s)
{
    const asc_study_spec *spec = s->spec;
    p->objective = spec->objective_text;
    p->n_domains = spec->n_domains;
    p->domains = spec->domain_names;
    p->n_heldout = spec->n_heldout;
    p->heldout = spec->target_names + spec->n_domains;
    p->n_params = asc_model_params(&s->model);
    p->target_tokens = spec->target_tokens;
    p->target_params = asc__size_params(asc__target_size(s));
    p->target_trained = asc__target_trained(s);
    p->jobs = asc__places(s);
}

/* From what is known of text, model and machine to the runs and what they cost. The search is cut to what it may cost
 * before anything is counted on it. */
static asc_status estimate(asc__estimate *e, const char *dir, asc_error *err)
{
    asc__study *s = e->s;
    asc_tokenizer *tokenizer = NULL;
    bool guessed = false;
    ASC_TRY(read_store(e, dir, err));
    asc_status st = asc__estimate_tokenizer(&tokenizer, s, dir, err);
    if (st == ASC_OK)
        st = asc__task_work_of(&e->tasks, s, tokenizer, err);
    asc_tokenizer_free(tokenizer);
    if (st == ASC_OK)
        st = asc__estimate_text(&guessed, s, dir, err);
    if (st != ASC_OK)
        return st;
    asc__study_weights(s->reference, s, &s->spec->reference);
    note_refusals(&e->notes, s, guessed);
    ASC_TRY(map_there(e, dir, err));
    ASC_TRY(asc__search_cut(s, &e->notes, err));
    if (guessed)
        ASC_TRY(asc__estimate_caps(s, &e->notes, err));
    ASC_TRY(asc__estimate_speed(e, dir, err));
    ASC_TRY(asc__estimate_runs(e, err));
    put_names(e->plan, s);
    put_seconds(e, guessed);
    e->plan->bytes = disk_bytes(e);
    e->plan->memory = memory_bytes(e);
    put_search(e);
    ASC_TRY(put_rivals(e, err));
    if (s->spec->trainer.torch)
        put_groups(e->plan, s);
    put_notes(e, guessed);
    return ASC_OK;
}

asc_status asc__study_plan(asc_plan **out, asc__study *s, const char *dir, asc_error *err)
{
    asc__estimate e = {.s = s, .plan = asc_calloc(1, sizeof *e.plan)};
    if (!e.plan)
        return ASC_NOMEM(err);
    asc_status st = estimate(&e, dir, err);
    if (st == ASC_OK)
        *out = e.plan;
    else
        asc_plan_free(e.plan);
    asc_notes_clear(&e.notes);
    asc_summary_free(e.summary);
    json_decref(e.lists);
    json_decref(e.earlier);
    asc_free(e.tasks.judged);
    asc_free(e.speed);
    return st;
}
