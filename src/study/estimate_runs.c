/* The runs that a study will make, and what each costs. Those of the search stand as `run` would make them; of those
 * that depend on results (the target's, later rounds) name and tokens are known and the mixture is not. */
#include "estimate.h"

#include <math.h>
#include <string.h>

/* A run before it is costed. */
typedef struct planned {
    const char *id, *mixture, *domain;
    const char *model; /* of a star's run; others have that of their kind */
    asc_run_kind kind;
    double tokens, scale; /* trained on by the run itself */
    uint64_t seed;
    int n_curve;        /* evaluations beside the last */
    double eval_tokens; /* per target; 0: the study's */
    double extra;       /* FLOPs beside training and evaluation */
} planned;

/* Equal mixtures are trained once: the run that stands for a mixture's seed, as the summary says; r's own id else. */
static const char *id_there(const asc__estimate *e, const planned *r)
{
    const asc_summary_target *target = e->summary ? &e->summary->target : NULL;
    size_t n = strlen(r->mixture);
    if (r->kind != ASC_KIND_TARGET || !target || target->tokens != r->scale)
        return r->id;
    for (size_t i = 0; i < target->n_mixtures; i++) {
        const asc_summary_mixture *m = &target->mixtures[i];
        if (strncmp(m->name, r->mixture, n) != 0 || (m->name[n] && strncmp(m->name + n, " (", 2) != 0))
            continue;
        for (size_t k = 0; k < m->n_runs; k++)
            if (m->runs[k].seed == r->seed)
                return m->runs[k].id;
    }
    return r->id;
}

static const char *size_text(const asc__estimate *e, const planned *r)
{
    return asc__is_star(r->kind) ? r->model : asc__size_of_kind(e->s, r->kind);
}

/* The same of a star's run, which may be called otherwise there. */
static const asc_store_run *star_there(const asc__estimate *e, const planned *r, const double *tokens)
{
    const asc_store_run want = {.kind = r->kind,
                                .domain = (char *)(uintptr_t)r->domain,
                                .model = (char *)(uintptr_t)r->model,
                                .scale = r->scale,
                                .seed = r->seed,
                                .n_domains = e->s->D,
                                .tokens = (double *)(uintptr_t)tokens};
    for (size_t i = 0; i < e->plan->n_there; i++)
        if (asc__same_run(&e->plan->there[i], &want))
            return &e->plan->there[i];
    return NULL;
}

/* The run of the folder that a planned one will find made; tokens NULL: its mixture is not known before the prediction.
 */
static const asc_store_run *run_there(const asc__estimate *e, const planned *r, const double *tokens)
{
    if (asc__is_star(r->kind))
        return star_there(e, r, tokens);
    const char *id = id_there(e, r);
    const char *size = size_text(e, r);
    for (size_t i = 0; id && i < e->plan->n_there; i++) {
        const asc_store_run *t = &e->plan->there[i];
        if (t->kind == r->kind && t->scale == r->scale && t->seed == r->seed && strcmp(t->id, id) == 0 &&
            !t->model == !size && (!size || strcmp(t->model, size) == 0) &&
            (!tokens || (t->n_domains == e->s->D && memcmp(t->tokens, tokens, e->s->D * sizeof *tokens) == 0)))
            return t;
    }
    return NULL;
}

/* What tasks as targets add to every evaluation, in tokens of text that would take as long. */
static double task_tokens(const asc__estimate *e)
{
    const asc_model_spec *m = &e->s->model;
    const asc_task_cost *c = &e->tasks.target;
    return asc__flops_forward(m, c->read, c->predicted) / asc_flops_eval(m, 1);
}

/* FLOPs and seconds of training it, and of an evaluation at each point of its curve and at its end. */
static void run_cost(asc_plan_run *out, const asc__estimate *e, const planned *r)
{
    const asc__study *s = e->s;
    const asc__size *z = asc__size_of(s, size_text(e, r));
    const asc_train_speed *v = &e->speed[z - s->sizes];
    int evals = r->n_curve + 1;
    double share = r->eval_tokens > 0 ? r->eval_tokens / (double)s->spec->valid_tokens : 1;
    double evaluated = share * asc__eval_tokens(s) + task_tokens(e);
    out->params = asc__size_params(z);
    out->memory = s->spec->trainer.command || s->spec->trainer.torch ? NAN : asc__size_memory(s, z) * s->spec->ranks;
    out->flops = asc__train_flops(z, r->tokens) + asc__eval_flops(z, evals * evaluated);
    out->seconds = e->timed ? asc_train_seconds(v, &z->model, &s->spec->training, r->tokens, evals, evaluated) /
                                  s->spec->ranks /* as if they never waited for each other */
                            : NAN;
    out->flops += r->extra;
    out->seconds += e->timed ? r->extra / asc__train_flops(z, 1) / v->train_tokens_per_s : 0;
    out->seconds += asc__keeps_checkpoint(s->spec, r->kind) ? v->checkpoint_s : 0;
}

/* (D) of its tokens, which may be NULL: not known yet. */
static asc_status run_epochs(double **out, asc_plan *p, const asc__study *s, const planned *r, const double *tokens,
                             asc_error *err)
{
    const asc__pool *pool = asc__pool_of(s, &(asc_store_run){.kind = r->kind, .scale = r->scale});
    *out = tokens ? asc_arena_alloc(&p->arena, s->D * sizeof **out) : NULL;
    for (size_t i = 0; *out && i < s->D; i++)
        (*out)[i] = tokens[i] / (pool ? pool->of[i].epoch_tokens : s->epoch_tokens[i]);
    return tokens && !*out ? ASC_NOMEM(err) : ASC_OK;
}

/* One more run of the plan; tokens (D), NULL: its mixture is not known yet. */
static asc_status add_planned(asc__estimate *e, const planned *r, const double *tokens, asc_error *err)
{
    asc_plan *p = e->plan;
    asc_plan_run *more = asc_grow(p->runs, &p->cap_runs, p->n_runs + 1, sizeof *more);
    if (!more)
        return ASC_NOMEM(err);
    p->runs = more;
    const asc_store_run *there = run_there(e, r, tokens);
    asc_plan_run x = {.id = asc_arena_strdup(&p->arena, there && asc__is_star(r->kind) ? there->id : r->id),
                      .mixture = asc_arena_strdup(&p->arena, r->mixture),
                      .domain = r->domain ? asc_arena_strdup(&p->arena, r->domain) : NULL,
                      .kind = r->kind,
                      .scale = r->scale,
                      .seed = r->seed,
                      .tokens = r->tokens,
                      .there = there};
    if (!x.id || !x.mixture || !x.domain != !r->domain)
        return ASC_NOMEM(err);
    ASC_TRY(run_epochs(&x.epochs, p, e->s, r, tokens, err));
    run_cost(&x, e, r);
    p->runs[p->n_runs++] = x;
    p->n_kept += x.there && (x.there->state == ASC_RUN_DONE || x.there->state == ASC_RUN_DIVERGED);
    p->tokens += x.tokens;
    p->flops += x.flops;
    p->search_tokens += asc__is_search(x.kind) ? x.tokens : 0;
    return ASC_OK;
}

/* Runs that are listed already, from the first-th on. Where branches begin is not known before their proxies are made.
 */
static asc_status plan_listed(asc__estimate *e, size_t first, asc_error *err)
{
    const asc__study *s = e->s;
    for (size_t i = first; i < s->n_runs; i++) {
        const asc_store_run *r = &s->runs[i];
        planned q = {.id = r->id,
                     .kind = r->kind,
                     .mixture = r->mixture,
                     .domain = r->domain,
                     .model = r->model,
                     .scale = r->scale,
                     .tokens = asc__run_trained(s, r),
                     .seed = r->seed,
                     .eval_tokens = asc__is_of_branches(r->kind) ? (double)s->spec->search.eval_tokens : 0};
        bool known =
            !asc__has_swarm_step(s) || s->start_known || !(r->kind == ASC_KIND_PREFIX || asc__is_of_branches(r->kind));
        ASC_TRY(add_planned(e, &q, known ? r->tokens : NULL, err));
    }
    return ASC_OK;
}

static asc_status plan_stars(asc__estimate *e, asc_error *err)
{
    ASC_TRY(asc__study_stars(e->s, false, err));
    return plan_listed(e, 0, err);
}

/* One run of a branch search whose mixture is not known before others have ended. */
static asc_status plan_branch_run(asc__estimate *e, asc_run_kind kind, const char *mixture, char *id, asc_error *err)
{
    const asc__study *s = e->s;
    planned q = {.id = id,
                 .kind = kind,
                 .mixture = mixture,
                 .scale = s->spec->target_tokens,
                 .tokens = kind == ASC_KIND_MERGE ? 0 : (double)asc__stage(s)->length * s->model.context,
                 .seed = s->spec->training.seed,
                 .eval_tokens = (double)s->spec->search.eval_tokens};
    asc_status st = id ? add_planned(e, &q, NULL, err) : ASC_NOMEM(err);
    asc_free(id);
    return st;
}

/* The target's own run from the stage before to this one. */
static asc_status plan_prefixes(asc__estimate *e, const char *label, size_t stage, asc_error *err)
{
    const asc__study *s = e->s;
    double n = (double)(s->stages[stage].prefix - s->stages[stage - 1].prefix) * s->model.context;
    for (int r = 0; r < s->spec->seeds; r++) {
        char *id = asc_strf("%s-prefix-r%d", label, r);
        planned q = {.id = id,
                     .kind = ASC_KIND_PREFIX,
                     .mixture = "prior",
                     .scale = s->spec->target_tokens,
                     .tokens = n,
                     .seed = s->spec->training.seed + (uint64_t)r};
        asc_status st = id ? add_planned(e, &q, NULL, err) : ASC_NOMEM(err);
        asc_free(id);
        ASC_TRY(st);
    }
    return ASC_OK;
}

static asc_status plan_round(asc__estimate *e, const char *label, int round, asc_error *err)
{
    const asc__study *s = e->s;
    for (size_t k = 0; k < s->D; k++) {
        char *domain = asc_file_name(s->spec->domain_names[k]);
        asc_status st =
            domain ? plan_branch_run(e, ASC_KIND_BRANCH, "branch", asc_strf("%s-%d-%s", label, round, domain), err)
                   : ASC_NOMEM(err);
        asc_free(domain);
        ASC_TRY(st);
    }
    for (int m = 0; m < s->spec->search.merges; m++)
        ASC_TRY(plan_branch_run(e, ASC_KIND_MERGE, "merged", asc_strf("%s-%d-merge-%d", label, round, m), err));
    return ASC_OK;
}

/* The second round, should it be needed, and the real branches that check. */
static asc_status plan_later_branches(asc__estimate *e, const char *label, asc_error *err)
{
    static const char *const checks[] = {"optimum", "better", "worse"};
    const asc__study *s = e->s;
    if (s->spec->search.rounds > 1)
        ASC_TRY(plan_round(e, label, 2, err));
    ASC_TRY(plan_branch_run(e, ASC_KIND_MERGE, "merged", asc_strf("%s-merge-optimum", label), err));
    for (size_t k = 0; k < sizeof checks / sizeof *checks; k++)
        ASC_TRY(plan_branch_run(e, ASC_KIND_BRANCH, checks[k], asc_strf("%s-real-%s", label, checks[k]), err));
    static const char *const judged[] = {"prior", "optimum", "better", "worse"};
    for (size_t k = 0; s->spec->trainer.command && k < sizeof judged / sizeof *judged; k++)
        ASC_TRY(plan_branch_run(e, ASC_KIND_MERGE, "merged", asc_strf("%s-judged-%s", label, judged[k]), err));
    return ASC_OK;
}

/* A stage of which nothing but its place and its size is known before the one in front of it has ended. */
static asc_status plan_stage(asc__estimate *e, const char *label, size_t stage, asc_error *err)
{
    ASC_TRY(plan_prefixes(e, label, stage, err));
    ASC_TRY(plan_branch_run(e, ASC_KIND_BRANCH, "prior", asc_strf("%s-1-prior", label), err));
    ASC_TRY(plan_round(e, label, 1, err));
    return plan_later_branches(e, label, err);
}

/* Its stars, the first round, and as many runs as may follow. */
static asc_status plan_swarm(asc__estimate *e, asc_error *err)
{
    asc__study *s = e->s;
    char label[32];
    if (s->spec->n_scales)
        ASC_TRY(plan_stars(e, err));
    ASC_TRY(asc__swarm_begin(s, false, err));
    asc__tokens_label(asc__swarm_tokens(s), label);
    for (size_t k = 0; k < (size_t)s->spec->search.runs; k++) {
        const asc_store_run *r = k < s->swarm.n ? &s->runs[s->swarm.runs[k]] : NULL;
        char *id = asc_strf("s%s-mix-%zu", label, asc__n_earlier(s) + k);
        planned q = {.id = id,
                     .kind = ASC_KIND_MIXTURE,
                     .mixture = "swarm",
                     .scale = asc__swarm_tokens(s),
                     .tokens = asc__swarm_tokens(s),
                     .seed = s->spec->training.seed,
                     .n_curve = asc__pause_tokens(s) > 0};
        asc_status st = id ? add_planned(e, &q, r ? r->tokens : NULL, err) : ASC_NOMEM(err);
        asc_free(id);
        ASC_TRY(st);
    }
    return ASC_OK;
}

static asc_status plan_branches(asc__estimate *e, asc_error *err)
{
    asc__study *s = e->s;
    char tokens[32];
    if (asc__has_swarm_step(s))
        ASC_TRY(plan_swarm(e, err));
    size_t first = s->n_runs;
    if (s->start_known)
        asc_notes_say(&e->notes, BRANCH_START, s->start_why);
    ASC_TRY(asc__branch_begin(s, false, err));
    ASC_TRY(plan_listed(e, first, err));
    asc__tokens_label(s->spec->target_tokens, tokens);
    for (size_t k = 0; k < asc__most_stages(s->spec); k++) {
        char *stage = asc__stage_label(s, k), *label = stage ? asc_strf("b%s%s", tokens, stage) : NULL;
        asc_status st = !label ? ASC_NOMEM(err) : k ? plan_stage(e, label, k, err) : plan_later_branches(e, label, err);
        asc_free(stage);
        asc_free(label);
        ASC_TRY(st);
    }
    return ASC_OK;
}

/* What the rivals need, behind all others that are listed. */
static asc_status plan_rivals(asc__estimate *e, asc_error *err)
{
    asc__study *s = e->s;
    ASC_TRY(asc__rivals_begin(s, false, &e->notes, err));
    for (size_t i = 0; i < s->n_runs; i++) {
        const asc_store_run *r = &s->runs[i];
        planned q = {.id = r->id, .kind = r->kind, .mixture = r->mixture, .scale = r->scale, .seed = r->seed};
        q.tokens = asc__run_tokens(r);
        q.extra = asc__rival_extra_flops(s, r);
        if (r->kind == ASC_KIND_RIVAL)
            ASC_TRY(add_planned(e, &q, r->tokens, err));
    }
    return ASC_OK;
}

static asc_status plan_target_runs(asc__estimate *e, const char *name, double tokens, asc_error *err)
{
    const asc_study_spec *spec = e->s->spec;
    for (int r = 0; r < spec->seeds; r++) {
        char *id = asc__target_run_id(spec, name, r);
        planned q = {.id = id,
                     .kind = ASC_KIND_TARGET,
                     .mixture = name,
                     .scale = spec->target_tokens,
                     .tokens = tokens,
                     .seed = spec->training.seed + (uint64_t)r,
                     .n_curve = spec->curve_points};
        asc_status st = id ? add_planned(e, &q, NULL, err) : ASC_NOMEM(err);
        asc_free(id);
        ASC_TRY(st);
    }
    return ASC_OK;
}

static asc_status plan_branch_target(asc__estimate *e, asc_error *err)
{
    const asc__study *s = e->s;
    asc__target_to_come *list = asc_calloc(asc__target_most(s->spec), sizeof *list);
    size_t n = list ? asc__branch_target_list(list, s->spec) : 0;
    asc_status st = list ? ASC_OK : ASC_NOMEM(err);
    for (size_t k = 0; k < n && st == ASC_OK; k++) {
        int64_t begun = list[k].from == ASC_NONE ? 0 : s->stages[list[k].from].prefix;
        st = plan_target_runs(e, list[k].name, (double)(s->stages[0].total - begun) * s->model.context, err);
    }
    asc_free(list);
    return st;
}

/* Mixtures of the target by name; what the prediction will be is not known yet. */
static asc_status plan_target(asc__estimate *e, asc_error *err)
{
    const asc_study_spec *spec = e->s->spec;
    double T = e->s->model.context, tokens = floor(spec->target_tokens / T) * T;
    asc_mixture_ref *list = asc_calloc(asc__target_most(spec), sizeof *list);
    size_t n = list ? asc__target_list(list, spec, asc__rule_to_come(spec), true) : 0;
    asc_status st = list ? ASC_OK : ASC_NOMEM(err);
    for (size_t k = 0; k < n && st == ASC_OK; k++)
        st = plan_target_runs(e, list[k].name, tokens, err);
    asc_free(list);
    return st;
}

asc_status asc__estimate_runs(asc__estimate *e, asc_error *err)
{
    ASC_TRY(asc__by_branches(e->s) ? plan_branches(e, err)
            : asc__by_swarm(e->s)  ? plan_swarm(e, err)
                                   : plan_stars(e, err));
    ASC_TRY(plan_rivals(e, err));
    if (asc__by_branches(e->s))
        return plan_branch_target(e, err);
    return e->s->spec->validate ? plan_target(e, err) : ASC_OK;
}
