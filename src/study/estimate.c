/* What a study costs before it is made: FLOPs, tokens, seconds, disk. */
#include "steps.h"

#include <math.h>
#include <string.h>

#include "device/device.h"
#include "spec/spec_json.h"

/* ---- a study without its folder ---- */

/* The tokenizer that is named, or that was learnt before; *t NULL: one is still to be learnt. */
static asc_status find_tokenizer(asc_tokenizer **t, asc__study *s, const char *dir, asc_error *err)
{
    const asc_study_spec *spec = s->spec;
    char *path = spec->tokenizer_path ? asc_path_join(spec->base_dir, spec->tokenizer_path)
                                      : asc_path_join(dir, "tokens/tokenizer.json");
    asc_status st = path ? ASC_OK : ASC_NOMEM(err);
    s->model = spec->model;
    s->model.vocab = (int)spec->tokenizer_vocab;
    asc_error ignored; /* of a learnt one, which can be learnt again */
    if (st == ASC_OK && spec->tokenizer_path)
        st = asc_tokenizer_load(t, path, err);
    else if (st == ASC_OK && asc_path_exists(path) && asc_tokenizer_load(t, path, &ignored) != ASC_OK)
        *t = NULL;
    if (st == ASC_OK && *t)
        s->model.vocab = (int)asc_tokenizer_vocab(*t);
    asc_free(path);
    return st;
}

/** What a plan needs of the corpus; known exactly when it was prepared before. */
static asc_status pretend_corpus(asc__study *s, const char *dir, asc_error *err)
{
    size_t D = s->D;
    ASC_TRY(asc__study_limits_alloc(s, err));
    char *path = asc_path_join(dir, "tokens/report.json");
    json_t *report = NULL;
    asc_error ignored;
    if (path && asc_path_exists(path))
        asc_json_load(&report, path, &ignored);
    asc_free(path);
    const json_t *list = json_object_get(report, "domains");
    for (size_t i = 0; i < D; i++) {
        s->available[i] = NAN;
        for (size_t k = 0; k < json_array_size(list); k++) {
            const json_t *d = json_array_get(list, k), *n = json_object_get(d, "tokens");
            const char *name = json_string_value(json_object_get(d, "name"));
            if (name && strcmp(name, s->spec->domain_names[i]) == 0 && json_is_number(n))
                s->available[i] = json_number_value(n);
        }
    }
    json_decref(report);
    return ASC_OK;
}

/* Tokens of a domain's training or held-out files: counted where they are token files, else about four bytes each. Its
 * first file is looked at, so that what cannot be read is said before anything runs. */
static asc_status guess_tokens(double *tokens, const asc__study *s, const asc_study_domain *d, bool valid,
                               asc_error *err)
{
    char **files;
    size_t n_files;
    bool are_tokens;
    int64_t counted = 0;
    asc_error why;
    double bytes = 0;
    asc_status st = asc_corpus_files(&files, &n_files, &are_tokens, valid ? d->valid : d->train,
                                     valid ? d->n_valid : d->n_train, s->spec->base_dir, d->dtype, &why);
    if (st == ASC_OK) {
        st = asc_corpus_probe(files, n_files, are_tokens, d->field, d->dtype, &why);
        if (st == ASC_OK && are_tokens)
            st = asc_corpus_count_tokens(&counted, files, n_files, d->dtype, &why);
        for (size_t k = 0; k < n_files && !are_tokens; k++)
            bytes += asc_corpus_guess_bytes(files[k], d->field);
        asc_text_discover_free(files, n_files);
        *tokens = are_tokens ? (double)counted : bytes / 4;
    }
    if (st == ASC_OK || st == ASC_ENOMEM)
        return st == ASC_OK ? ASC_OK : ASC_NOMEM(err);
    return ASC_FAIL(err, st, "%s: domain %s: %s", s->spec->path, d->name, why.msg);
}

/* Held-out text that a run would look for in vain. */
static asc_status check_heldout(const asc__study *s, asc_error *err)
{
    double tokens;
    for (size_t i = 0; i < s->V; i++) {
        const asc_study_domain *d = i < s->D ? &s->spec->domains[i] : &s->spec->heldout[i - s->D];
        if (d->n_valid > 0)
            ASC_TRY(guess_tokens(&tokens, s, d, true, err));
    }
    return ASC_OK;
}

/* Good enough for epochs in a plan. */
static asc_status guess_available(asc__study *s, bool *guessed, asc_error *err)
{
    *guessed = false;
    for (size_t i = 0; i < s->D; i++) {
        const asc_study_domain *d = &s->spec->domains[i];
        if (isnan(s->available[i])) {
            *guessed = true;
            ASC_TRY(guess_tokens(&s->available[i], s, d, false, err));
            s->available[i] = fmax(floor(s->available[i] * .95), 1); /* without what is held out */
        }
        asc__study_set_epochs(s, i);
    }
    return ASC_OK;
}

/* Whether the budgets fit into the caps. */
static asc_status check_caps(const asc__study *s, asc_error *err)
{
    int64_t *tokens = asc_calloc(s->D, sizeof *tokens);
    double *shares = asc_calloc(s->D, sizeof *shares);
    asc__moved moved;
    asc_status st = tokens && shares ? ASC_OK : ASC_NOMEM(err);
    for (size_t k = 0; k < s->spec->n_scales && st == ASC_OK; k++)
        st = asc__whole_tokens(tokens, NULL, s, s->reference, s->spec->scales[k], err);
    if (st == ASC_OK)
        st = asc__bounded_tokens(tokens, shares, &moved, s, s->reference, s->spec->target_tokens, err);
    asc_free(tokens);
    asc_free(shares);
    return st;
}

/* Caps of guessed text are guesses too: where no budget would fit into them it is said, and planned without them. */
static asc_status soften_caps(asc__study *s, asc_notes *notes, asc_error *err)
{
    asc_error why;
    asc_status st = check_caps(s, &why);
    if (st == ASC_OK || st == ASC_ENOMEM)
        return st == ASC_OK ? ASC_OK : ASC_NOMEM(err);
    bool capped = false;
    for (size_t i = 0; i < s->D; i++) {
        capped |= s->cap_sequences[i] < ASC_NO_CAP;
        s->cap_sequences[i] = ASC_NO_CAP;
    }
    if (!capped)
        return ASC_FAIL(err, st, "%s", why.msg);
    asc_notes_say(notes, WILL_REFUSE_TEXT, why.msg);
    return ASC_OK;
}

/* What `run` would refuse once the text is counted, or on this machine. */
static void note_refusals(asc_notes *notes, const asc__study *s, bool guessed)
{
    asc_error why;
    double least = s->model.context + 1;
    for (size_t i = 0; i < s->D && guessed; i++)
        if (s->available[i] < least)
            asc_notes_say(notes, WILL_REFUSE_SHORT, s->spec->domain_names[i], s->available[i], least);
    if (asc__study_check_executor(s->spec, &why) != ASC_OK)
        asc_notes_say(notes, WILL_REFUSE_HERE, why.msg);
}

/* ---- the plan ---- */

enum { MAX_SIDE = 16 }; /* measurements at once */

typedef struct planned {
    const char *id, *mixture, *domain;
    asc_run_kind kind;
    double tokens, scale; /* trained on by the run itself */
    uint64_t seed;
    int n_curve;
    double eval_tokens; /* per target; 0: the study's */
} planned;

struct planned_run {
    double seconds, flops;
    asc_run_kind kind;
};

typedef struct plan {
    asc__study *s;
    json_t *runs;
    double tokens, flops, search_tokens;
    struct planned_run *made; /* (n) */
    size_t n, cap;
    asc_train_speed speed;
    asc_train_speed fp32; /* of what tasks do with checkpoints, whatever dtype the runs have */
    bool timed;
    double lanes, group_s; /* of trainer torch: runs stacked at once, and what starting a group takes; 0: another */
    asc__task_work tasks;
    double judged_s, judged_longest_s; /* programs of all checkpoints; the longest of them */
    size_t n_judged;
    double largest_bytes; /* a run's folder */
    asc_notes notes;      /* found while planning */
    asc_store_run *there; /* (n_there) runs of the study's folder */
    size_t n_there, n_kept;
    asc_summary *summary; /* its summary, or NULL */
} plan;

/* The runs of a study that was begun in DIR; none where there is no store. */
static asc_status read_store(plan *p, const char *dir, asc_error *err)
{
    asc_store *store = NULL;
    char *path = asc_path_join(dir, "study.db");
    asc_status st = path ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK && asc_path_exists(path))
        st = asc_store_open_readonly(&store, dir, err);
    if (st == ASC_OK && store)
        st = asc_store_runs(&p->there, &p->n_there, store, err);
    if (st == ASC_OK && store)
        st = asc_store_get_summary(&p->summary, store, err);
    asc_store_close(store);
    asc_free(path);
    return st;
}

/* Equal mixtures are trained once: the run that stands for a mixture's seed, as the summary says; r's own id else. */
static const char *id_there(const plan *p, const planned *r)
{
    const asc_summary_target *target = p->summary ? &p->summary->target : NULL;
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

/* The run of the folder that a planned one will find made; tokens NULL: its mixture is not known before the prediction.
 */
static const asc_store_run *run_there(const plan *p, const planned *r, const double *tokens)
{
    const char *id = id_there(p, r);
    for (size_t i = 0; id && i < p->n_there; i++) {
        const asc_store_run *t = &p->there[i];
        if (t->kind == r->kind && t->scale == r->scale && t->seed == r->seed && strcmp(t->id, id) == 0 &&
            (!tokens || (t->n_domains == p->s->D && memcmp(t->tokens, tokens, p->s->D * sizeof *tokens) == 0)))
            return t;
    }
    return NULL;
}

/* What tasks as targets add to every evaluation, in tokens of text that would take as long. */
static double task_tokens(const plan *p)
{
    const asc_model_spec *m = &p->s->model;
    const asc_task_cost *c = &p->tasks.target;
    return asc__flops_forward(m, c->read, c->predicted) / asc_flops_eval(m, 1);
}

static asc_status add_planned(plan *p, const planned *r, const double *tokens, asc_error *err)
{
    const asc__study *s = p->s;
    int evals = r->n_curve + 1;
    double share = r->eval_tokens > 0 ? r->eval_tokens / (double)s->spec->valid_tokens : 1;
    double evaluated = share * asc__eval_tokens(s) + task_tokens(p);
    double flops = asc_flops_train(&s->model, r->tokens) + asc_flops_eval(&s->model, evals * evaluated);
    double seconds = p->timed
                         ? asc_train_seconds(&p->speed, &s->model, &s->spec->training, r->tokens, evals, evaluated) /
                               s->spec->ranks /* as if they never waited for each other */
                         : NAN;
    seconds += asc__keeps_checkpoint(s->spec, r->kind) ? p->speed.checkpoint_s : 0;
    struct planned_run *more = asc_grow(p->made, &p->cap, p->n + 1, sizeof *more);
    if (!more)
        return ASC_NOMEM(err);
    p->made = more;
    p->made[p->n++] = (struct planned_run){seconds, flops, r->kind};
    json_t *o = json_object(), *epochs = json_object();
    for (size_t i = 0; tokens && i < s->D; i++)
        json_object_set_new(epochs, s->spec->domain_names[i], asc_json_num(tokens[i] / s->epoch_tokens[i]));
    json_object_set_new(o, "id", json_string(r->id));
    json_object_set_new(o, "kind", json_string(asc_run_kind_name(r->kind)));
    json_object_set_new(o, "scale", asc_json_tally(r->scale));
    json_object_set_new(o, "mixture", json_string(r->mixture));
    json_object_set_new(o, "domain", r->domain ? json_string(r->domain) : json_null());
    json_object_set_new(o, "seed", json_integer((json_int_t)r->seed));
    json_object_set_new(o, "tokens", asc_json_tally(r->tokens));
    json_object_set_new(o, "epochs", tokens ? epochs : (json_decref(epochs), json_null()));
    json_object_set_new(o, "flops", asc_json_num(flops));
    json_object_set_new(o, "seconds", asc_json_num(seconds));
    const asc_store_run *there = run_there(p, r, tokens);
    if (p->n_there)
        json_object_set_new(o, "state", json_string(there ? asc_run_state_name(there->state) : "planned"));
    p->n_kept += there && (there->state == ASC_RUN_DONE || there->state == ASC_RUN_DIVERGED);
    json_array_append_new(p->runs, o);
    p->tokens += r->tokens;
    p->flops += flops;
    if (asc__is_search(r->kind))
        p->search_tokens += r->tokens;
    return ASC_OK;
}

/* Runs that are listed already. Branches and merged models are evaluated on the search's own tokens. */
static asc_status plan_listed(plan *p, asc_error *err)
{
    const asc__study *s = p->s;
    for (size_t i = 0; i < s->n_runs; i++) {
        const asc_store_run *r = &s->runs[i];
        bool own = r->kind == ASC_KIND_BRANCH || r->kind == ASC_KIND_MERGE;
        planned q = {.id = r->id,
                     .kind = r->kind,
                     .mixture = r->mixture,
                     .domain = r->domain,
                     .scale = r->scale,
                     .tokens = asc__run_trained(s, r),
                     .seed = r->seed,
                     .eval_tokens = own ? (double)s->spec->search.eval_tokens : 0};
        ASC_TRY(add_planned(p, &q, r->tokens, err));
    }
    return ASC_OK;
}

static asc_status plan_stars(plan *p, asc_error *err)
{
    ASC_TRY(asc__study_stars(p->s, false, err));
    return plan_listed(p, err);
}

/* One run of a branch search whose mixture is not known before others have ended. */
static asc_status plan_branch_run(plan *p, asc_run_kind kind, const char *mixture, char *id, asc_error *err)
{
    const asc__study *s = p->s;
    planned q = {.id = id,
                 .kind = kind,
                 .mixture = mixture,
                 .scale = s->spec->target_tokens,
                 .tokens = kind == ASC_KIND_MERGE ? 0 : (double)s->branching.length * s->model.context,
                 .seed = s->spec->training.seed,
                 .eval_tokens = (double)s->spec->search.eval_tokens};
    asc_status st = id ? add_planned(p, &q, NULL, err) : ASC_NOMEM(err);
    asc_free(id);
    return st;
}

/* The second round, should it be needed, and the real branches that check. */
static asc_status plan_later_branches(plan *p, asc_error *err)
{
    static const char *const checks[] = {"optimum", "better", "worse"};
    const asc__study *s = p->s;
    char label[32];
    asc__tokens_label(s->spec->target_tokens, label);
    for (size_t k = 0; s->spec->search.rounds > 1 && k < s->D; k++)
        ASC_TRY(
            plan_branch_run(p, ASC_KIND_BRANCH, "branch", asc_strf("b%s-2-%s", label, s->spec->domain_names[k]), err));
    for (int m = 0; s->spec->search.rounds > 1 && m < s->spec->search.merges; m++)
        ASC_TRY(plan_branch_run(p, ASC_KIND_MERGE, "merged", asc_strf("b%s-2-merge-%d", label, m), err));
    ASC_TRY(plan_branch_run(p, ASC_KIND_MERGE, "merged", asc_strf("b%s-merge-optimum", label), err));
    for (size_t k = 0; k < sizeof checks / sizeof *checks; k++)
        ASC_TRY(plan_branch_run(p, ASC_KIND_BRANCH, checks[k], asc_strf("b%s-real-%s", label, checks[k]), err));
    return ASC_OK;
}

static asc_status plan_branches(plan *p, asc_error *err)
{
    ASC_TRY(asc__branch_begin(p->s, false, err));
    ASC_TRY(plan_listed(p, err));
    return plan_later_branches(p, err);
}

/* The first round, and as many as may follow. */
static asc_status plan_swarm(plan *p, asc_error *err)
{
    asc__study *s = p->s;
    char label[32];
    ASC_TRY(asc__swarm_begin(s, false, err));
    asc__tokens_label(asc__swarm_tokens(s), label);
    for (size_t k = 0; k < (size_t)s->spec->search.runs; k++) {
        const asc_store_run *r = k < s->n_runs ? &s->runs[k] : NULL;
        char *id = asc_strf("s%s-mix-%zu", label, k);
        planned q = {.id = id,
                     .kind = ASC_KIND_MIXTURE,
                     .mixture = "swarm",
                     .scale = asc__swarm_tokens(s),
                     .tokens = asc__swarm_tokens(s),
                     .seed = s->spec->training.seed};
        asc_status st = id ? add_planned(p, &q, r ? r->tokens : NULL, err) : ASC_NOMEM(err);
        asc_free(id);
        ASC_TRY(st);
    }
    return ASC_OK;
}

static asc_status plan_target_runs(plan *p, const char *name, double tokens, asc_error *err)
{
    const asc_study_spec *spec = p->s->spec;
    for (int r = 0; r < spec->seeds; r++) {
        char *id = asc__target_run_id(spec, name, r);
        planned q = {.id = id,
                     .kind = ASC_KIND_TARGET,
                     .mixture = name,
                     .scale = spec->target_tokens,
                     .tokens = tokens,
                     .seed = spec->training.seed + (uint64_t)r,
                     .n_curve = spec->curve_points};
        asc_status st = id ? add_planned(p, &q, NULL, err) : ASC_NOMEM(err);
        asc_free(id);
        ASC_TRY(st);
    }
    return ASC_OK;
}

/* The schedule and the reference go on from the prefix. */
static asc_status plan_branch_target(plan *p, asc_error *err)
{
    const asc__study *s = p->s;
    double whole = (double)s->branching.total * s->model.context;
    double rest = whole - (double)s->branching.prefix * s->model.context;
    bool uniform = s->spec->reference.kind == ASC_MIXTURE_UNIFORM;
    ASC_TRY(plan_target_runs(p, "schedule", rest, err));
    if (!s->spec->validate)
        return ASC_OK;
    ASC_TRY(plan_target_runs(p, uniform ? "uniform" : "prior", rest, err));
    if (!uniform)
        ASC_TRY(plan_target_runs(p, "uniform", whole, err));
    for (size_t i = 0; i < s->spec->n_against; i++)
        if (strcmp(s->spec->against[i].name, "uniform") != 0)
            ASC_TRY(plan_target_runs(p, s->spec->against[i].name, whole, err));
    return ASC_OK;
}

/* Mixtures of the target by name; what the prediction will be is not known yet. */
static asc_status plan_target(plan *p, asc_error *err)
{
    const asc_study_spec *spec = p->s->spec;
    double T = p->s->model.context, tokens = floor(spec->target_tokens / T) * T;
    asc_mixture_ref *list = asc_calloc(asc__target_most(spec), sizeof *list);
    size_t n = list ? asc__target_list(list, spec, spec->n_scales > 1, true) : 0;
    asc_status st = list ? ASC_OK : ASC_NOMEM(err);
    for (size_t k = 0; k < n && st == ASC_OK; k++)
        st = plan_target_runs(p, list[k].name, tokens, err);
    asc_free(list);
    return st;
}

/* The programs that judge one checkpoint, for each run of the target. */
static void plan_judged(plan *p)
{
    const asc_model_spec *m = &p->s->model;
    const asc_train_speed *v = &p->fp32;
    for (size_t i = 0; i < p->n; i++) {
        for (size_t k = 0; p->made[i].kind == ASC_KIND_TARGET && k < p->tasks.n_judged; k++) {
            const asc_task_cost *c = &p->tasks.judged[k];
            double forward = asc__flops_forward(m, c->read, c->predicted),
                   backward = 3 * asc__flops_forward(m, c->trained, 0);
            double seconds = v->start_s + forward / asc_flops_eval(m, 1) / v->eval_tokens_per_s +
                             backward / asc_flops_train(m, 1) / v->train_tokens_per_s + c->updates * v->update_s;
            p->flops += forward + backward;
            p->judged_s += seconds;
            p->judged_longest_s = fmax(p->judged_longest_s, seconds);
            p->n_judged++;
        }
    }
}

enum { SEARCH, TARGET, PHASES };

static size_t n_of_phase(const plan *p, int phase)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++)
        n += (p->made[i].kind == ASC_KIND_TARGET) == (phase == TARGET);
    return n;
}

/* The queue's own choice, when nothing has ended or failed. */
static size_t first_group(const asc__study *s, size_t n)
{
    return asc_queue_group(n, asc__torch_most(s), asc__spreads(s) ? (size_t)asc__places(s) : 1);
}

/* Runs that are trained at the same time, and in *rounds how often programs are started one after another. */
static double at_once(const plan *p, size_t n, double *rounds)
{
    double places = asc__places(p->s), group = (double)first_group(p->s, n), groups = ceil((double)n / group);
    *rounds = p->lanes > 0 ? ceil(groups / places) : 0;
    return p->lanes > 0 ? fmin(groups, places) * fmin(group, p->lanes) : places;
}

/* Longest first on as many processes as run at once; runs of the target after all others, what judges them last. */
static double wall_seconds(const plan *p)
{
    double total = 0;
    for (int phase = 0; phase < PHASES; phase++) {
        double sum = 0, most = 0, rounds;
        for (size_t i = 0; i < p->n; i++) {
            if ((p->made[i].kind == ASC_KIND_TARGET) != (phase == TARGET))
                continue;
            sum += p->made[i].seconds;
            most = fmax(most, p->made[i].seconds);
        }
        double n = at_once(p, n_of_phase(p, phase), &rounds);
        total += n > 0 ? fmax(sum / n, most) + rounds * p->group_s : 0;
    }
    return total + (p->n_judged ? fmax(p->judged_s / p->s->jobs, p->judged_longest_s) : 0);
}

/* [{"phase","runs","groups","largest"}]: how many programs make the runs. */
static json_t *groups_json(const plan *p)
{
    json_t *list = json_array();
    for (int phase = 0; phase < PHASES; phase++) {
        size_t n = n_of_phase(p, phase), group = first_group(p->s, n);
        if (n)
            json_array_append_new(list, json_pack("{s:s,s:I,s:I,s:I}", "phase", phase == SEARCH ? "search" : "target",
                                                  "runs", (json_int_t)n, "groups",
                                                  (json_int_t)((n + group - 1) / group), "largest", (json_int_t)group));
    }
    return list;
}

/* Token files (2 or 4 bytes a token), and a checkpoint of weights and two moments for each run that keeps one. */
static double disk_bytes(const plan *p)
{
    const asc__study *s = p->s;
    double tokens = 0, kept = 0, P = (double)asc_model_params(&s->model);
    for (size_t i = 0; i < s->D; i++)
        tokens += isnan(s->available[i]) ? 0 : s->available[i];
    tokens += asc__eval_tokens(s);
    for (size_t i = 0; i < p->n; i++) {
        kept += asc__keeps_checkpoint(s->spec, p->made[i].kind);
    }
    kept += asc__places(s) * (p->lanes > 1 ? p->lanes : 1); /* those under way */
    return tokens * (s->model.vocab < 65500 ? 2 : 4) + kept * 12 * P + (double)p->n * 65536;
}

/* The same measurement on as many cores as the study will use at once: side by side they share caches and memory. */
typedef struct side_by_side {
    const asc__study *s;
    asc_training_spec training;
    asc_train_speed speed[MAX_SIDE];
    asc_status status[MAX_SIDE];
    asc_error error[MAX_SIDE];
} side_by_side;

static void measure_one(void *ctx, size_t i)
{
    side_by_side *x = ctx;
    const asc__study *s = x->s;
    x->status[i] = asc_train_measure(&x->speed[i], &s->model, &x->training, asc_device_isa_resolve(s->isa),
                                     s->spec->threads, 1, &x->error[i]);
}

static asc_status measure_speed(asc_train_speed *out, const asc__study *s, asc_dtype dtype, asc_error *err)
{
    int cores = asc_cpu_count() / s->spec->threads, n = s->jobs < cores ? s->jobs : cores;
    n = n < 1 ? 1 : n > MAX_SIDE ? MAX_SIDE : n;
    side_by_side x = {.s = s, .training = s->spec->training};
    x.training.dtype = dtype;
    asc_parallel_for(n, (size_t)n, measure_one, &x);
    asc_train_speed v = x.speed[0];
    v.train_tokens_per_s = v.eval_tokens_per_s = v.update_s = 0;
    for (int i = 0; i < n; i++) {
        if (x.status[i] != ASC_OK)
            return ASC_FAIL(err, x.status[i], "%s", x.error[i].msg);
        v.train_tokens_per_s += x.speed[i].train_tokens_per_s / n;
        v.eval_tokens_per_s += x.speed[i].eval_tokens_per_s / n;
        v.update_s += x.speed[i].update_s / n;
    }
    *out = v;
    return ASC_OK;
}

#define GUESSED_FLOPS 40e12 /* a second, of a card that nobody has measured */

/* Where PyTorch or its device cannot be asked: a guess, and said to be one. */
static asc_status guess_torch(plan *p, asc__torch_speed_of *v, const char *why, asc_error *err)
{
    const asc__study *s = p->s;
    const char *of = "assuming a GPU sustains 40 TFLOP/s";
    if (strcmp(s->spec->device, "cpu") == 0 || (!s->torch.n_cards && !s->spec->slurm)) {
        asc_train_speed own;
        ASC_TRY(measure_speed(&own, s, ASC_DTYPE_FP32, err));
        *v = (asc__torch_speed_of){own.train_tokens_per_s, own.eval_tokens_per_s, 10, 1};
        of = "assuming PyTorch is as fast as the built-in trainer";
    } else
        *v = (asc__torch_speed_of){GUESSED_FLOPS / asc_flops_train(&s->model, 1),
                                   GUESSED_FLOPS / asc_flops_eval(&s->model, 1), 30, (double)asc__torch_most(s)};
    asc_notes_say(&p->notes, GUESSED_SPEED, of, why);
    return ASC_OK;
}

/* The speed of one run among those that are stacked. */
static asc_status measure_torch(plan *p, const char *dir, asc_error *err)
{
    asc__study *s = p->s;
    asc_error why = {0};
    asc__torch_speed_of v = {0};
    size_t stars = s->spec->n_scales * (2 * s->D + (size_t)s->spec->repeats);
    asc_status st = asc__torch_find(s, &why);
    if (st != ASC_OK)
        asc_notes_say(&p->notes, WILL_REFUSE_HERE, why.msg);
    else if (s->spec->slurm)
        st = ASC_FAIL(&why, ASC_EMISSING, "the cluster's nodes were not queried");
    else
        st = asc__torch_speed(&v, s, first_group(s, stars), dir, &why);
    if (st == ASC_ENOMEM)
        return ASC_NOMEM(err);
    if (st != ASC_OK)
        ASC_TRY(guess_torch(p, &v, why.msg, err));
    p->lanes = v.lanes;
    p->group_s = v.start_s > 0 ? v.start_s : 0;
    p->speed =
        (asc_train_speed){.train_tokens_per_s = v.tokens_per_s / v.lanes, .eval_tokens_per_s = v.eval_tokens_per_s};
    p->timed = true;
    return p->tasks.n_judged ? measure_speed(&p->fp32, s, ASC_DTYPE_FP32, err) : ASC_OK;
}

static asc_status measure(plan *p, const char *dir, asc_error *err)
{
    const asc__study *s = p->s;
    asc_dtype dtype = s->spec->training.dtype;
    if (s->spec->trainer.command)
        return ASC_OK; /* somebody else's speed */
    if (s->spec->trainer.torch)
        return measure_torch(p, dir, err);
    ASC_TRY(asc__study_check_place(s, err));
    ASC_TRY(measure_speed(&p->speed, s, dtype, err));
    p->fp32 = p->speed;
    p->timed = true;
    return p->tasks.n_judged && dtype != ASC_DTYPE_FP32 ? measure_speed(&p->fp32, s, ASC_DTYPE_FP32, err) : ASC_OK;
}

/* Reading, splitting and tokenising what is not prepared yet (measured: 17 MB/s a core). */
static double prepare_seconds(const plan *p, bool guessed)
{
    const double bytes_per_s = 15e6, bytes_per_token = 4;
    double tokens = 0;
    for (size_t i = 0; guessed && i < p->s->D; i++)
        tokens += p->s->available[i];
    return tokens * bytes_per_token / (bytes_per_s * asc_cpu_count());
}

/* What can be known to be wrong before anything is trained. */
static void add_doubts(asc_notes *notes, const asc__study *s)
{
    char label[32], prefix[64];
    asc__doubt_steps(notes, s);
    asc__doubt_distance(notes, s);
    if (s->spec->repeats < 2 && s->spec->n_scales > 0)
        asc_notes_say(notes, NO_REPEATS, s->spec->repeats);
    for (size_t k = 0; s->scales && k < s->spec->n_scales; k++) {
        snprintf(prefix, sizeof prefix, "at %s tokens: ", asc_format_count(s->scales[k].tokens, label));
        asc_notes_copy(notes, &s->scales[k].notes, prefix);
    }
}

/* Good at what? The first question of a study, and the one that decides whether there is anything to win. */
static void put_objective(json_t *o, asc_notes *notes, const asc_study_spec *spec)
{
    const char *word = spec->objective_text;
    json_t *heldout = json_array();
    for (size_t v = spec->n_domains; v < spec->n_targets; v++)
        json_array_append_new(heldout, json_string(spec->target_names[v]));
    json_object_set_new(o, "objective", json_string(word));
    json_object_set_new(o, "heldout", heldout);
    bool own = strcmp(word, "mean-domains") == 0 || (strcmp(word, "mean-loss") == 0 && spec->n_heldout == 0);
    if (own)
        asc_notes_say(notes, WHOSE_OBJECTIVE);
}

/* What a branch search is made of. */
static void put_parts(json_t *o, const plan *p)
{
    static const struct {
        const char *key;
        asc_run_kind kind;
    } parts[] = {{"prefix", ASC_KIND_PREFIX}, {"branches", ASC_KIND_BRANCH}, {"merges", ASC_KIND_MERGE}};
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
        size_t n = 0;
        double flops = 0;
        for (size_t i = 0; i < p->n; i++)
            if (p->made[i].kind == parts[k].kind) {
                n++;
                flops += p->made[i].flops;
            }
        json_object_set_new(o, parts[k].key,
                            json_pack("{s:I,s:o,s:o}", "runs", (json_int_t)n, "flops", asc_json_num(flops), "share",
                                      asc_json_num(flops / asc__target_flops(p->s))));
    }
    json_object_set_new(o, "prefix_tokens", asc_json_num((double)p->s->branching.prefix * p->s->model.context));
    json_object_set_new(o, "branch_tokens", asc_json_num((double)p->s->branching.length * p->s->model.context));
    json_object_set_new(o, "eval_tokens", json_integer(p->s->spec->search.eval_tokens));
}

/* The search against one run at the target: its FLOPs, and its seconds on one core. */
static json_t *search_json(const plan *p)
{
    const asc__study *s = p->s;
    double flops = 0, seconds = 0, tokens = s->spec->target_tokens;
    json_t *o = json_object();
    for (size_t i = 0; i < p->n; i++) {
        bool search = asc__is_search(p->made[i].kind);
        flops += search ? p->made[i].flops : 0;
        seconds += search ? p->made[i].seconds : 0;
    }
    double target_s =
        p->timed ? asc_train_seconds(&p->speed, &s->model, &s->spec->training, tokens, 0, 0) / s->spec->ranks : NAN;
    json_object_set_new(o, "method", json_string(asc_search_method_name(s->spec->search.method)));
    json_object_set_new(o, "at_most", asc_json_num(s->spec->search.at_most));
    json_object_set_new(o, "flops", asc_json_num(flops));
    json_object_set_new(o, "target_flops", asc_json_num(asc__target_flops(s)));
    json_object_set_new(o, "share", asc_json_num(flops / asc__target_flops(s)));
    json_object_set_new(o, "seconds", asc_json_num(p->timed ? seconds : NAN));
    json_object_set_new(o, "share_of_time", asc_json_num(p->timed ? seconds / target_s : NAN));
    if (asc__by_branches(s))
        put_parts(o, p);
    return o;
}

static json_t *plan_json(const plan *p, bool guessed)
{
    const asc__study *s = p->s;
    json_t *o = json_object();
    asc_notes notes = {0};
    put_objective(o, &notes, s->spec);
    if (guessed)
        asc_notes_say(&notes, GUESSED_TEXT);
    if (!p->timed)
        asc_notes_say(&notes, UNKNOWN_SPEED);
    asc_notes_copy(&notes, &p->notes, "");
    add_doubts(&notes, s);
    json_object_set(o, "runs", p->runs);
    json_object_set_new(o, "n_runs", json_integer((json_int_t)p->n));
    if (p->n_there)
        json_object_set_new(o, "kept", json_integer((json_int_t)p->n_kept));
    json_object_set_new(o, "tokens", asc_json_tally(p->tokens));
    json_object_set_new(o, "flops", asc_json_num(p->flops));
    json_object_set_new(o, "seconds", asc_json_num(p->timed ? prepare_seconds(p, guessed) + wall_seconds(p) : NAN));
    json_object_set_new(o, "bytes", asc_json_num(disk_bytes(p)));
    json_object_set_new(o, "search_tokens", asc_json_tally(p->search_tokens));
    json_object_set_new(o, "search_multiple", asc_json_num(p->search_tokens / s->spec->target_tokens));
    json_object_set_new(o, "search", search_json(p));
    json_object_set_new(o, "jobs", json_integer(asc__places(s)));
    if (s->spec->trainer.torch)
        json_object_set_new(o, "groups", groups_json(p));
    json_object_set_new(o, "params", json_integer(asc_model_params(&s->model)));
    json_object_set_new(o, "judged", json_integer((json_int_t)p->n_judged));
    json_object_set_new(o, "judged_seconds", asc_json_num(p->timed ? p->judged_s : NAN));
    json_object_set_new(o, "tokens_per_s", p->timed ? asc_json_num(p->speed.train_tokens_per_s) : json_null());
    asc_notes_put(o, &notes);
    asc_notes_clear(&notes);
    return o;
}

asc_status asc__study_plan(json_t **out, asc__study *s, const char *dir, asc_error *err)
{
    plan p = {.s = s, .runs = json_array()};
    asc_tokenizer *tokenizer = NULL;
    bool guessed = false;
    asc_status st = p.runs ? read_store(&p, dir, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = find_tokenizer(&tokenizer, s, dir, err);
    if (st == ASC_OK)
        st = asc__task_work_of(&p.tasks, s, tokenizer, err);
    if (st == ASC_OK)
        st = pretend_corpus(s, dir, err);
    if (st == ASC_OK)
        st = guess_available(s, &guessed, err);
    if (st == ASC_OK)
        st = check_heldout(s, err);
    if (st == ASC_OK)
        asc__study_weights(s->reference, s, &s->spec->reference);
    if (st == ASC_OK)
        note_refusals(&p.notes, s, guessed);
    if (st == ASC_OK)
        st = asc__search_cut(s, &p.notes, err);
    if (st == ASC_OK && guessed)
        st = soften_caps(s, &p.notes, err);
    if (st == ASC_OK)
        st = measure(&p, dir, err);
    if (st == ASC_OK)
        st = asc__by_branches(s) ? plan_branches(&p, err)
             : asc__by_swarm(s)  ? plan_swarm(&p, err)
                                 : plan_stars(&p, err);
    if (st == ASC_OK && asc__by_branches(s))
        st = plan_branch_target(&p, err);
    else if (st == ASC_OK && s->spec->validate)
        st = plan_target(&p, err);
    if (st == ASC_OK && p.timed)
        plan_judged(&p);
    if (st == ASC_OK && !(*out = plan_json(&p, guessed)))
        st = ASC_NOMEM(err);
    json_decref(p.runs);
    asc_notes_clear(&p.notes);
    asc_store_runs_free(p.there, p.n_there);
    asc_summary_free(p.summary);
    asc_free(p.made);
    asc_free(p.tasks.judged);
    asc_tokenizer_free(tokenizer);
    return st;
}
