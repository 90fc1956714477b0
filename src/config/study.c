/* The study file, section by section. Domains and mixtures are in study_mixture.c, trainer and executor in
 * study_runner.c. */
#include "spec/spec_settings.h"
#include "study_parser.h"

#include "model/model.h"

#include <math.h>
#include <string.h>

#include "rival/rival.h"

/* One of words (n); *out its index. */
static asc_status one_of(asc__yaml *y, const yaml_node_t *map, const char *key, const char *const *words, size_t n,
                         int *out, asc_error *err)
{
    const yaml_node_t *node = asc__yaml_get(y, map, key);
    if (!node)
        return ASC_OK;
    const char *text = asc__yaml_text(node);
    for (size_t i = 0; text && i < n; i++)
        if (strcmp(text, words[i]) == 0) {
            *out = (int)i;
            return ASC_OK;
        }
    char list[300] = "", shown[80];
    size_t len = 0;
    for (size_t i = 0; i < n && len < sizeof list; i++)
        len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", i ? ", " : "", words[i]);
    return asc__yaml_fail(y, node, err, "%s: expected one of %s; found %s", key, list,
                          asc__yaml_show(node, shown, sizeof shown));
}

/* ---- model, training ---- */

static asc_status parse_model(asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err)
{
    yaml_node_t *m;
    asc_error why = {0};
    ASC_TRY(asc__section_read(&m, s, y, root, "model", "model", err));
    if (!m)
        return asc__yaml_fail(y, root, err,
                              "missing key 'model'; `model: {}` uses the defaults (6 layers, 8 heads, width 256, "
                              "context 256)");
    s->arch_named = asc__yaml_get(y, m, "arch") != NULL;
    if (asc_model_spec_check(&s->model, &why) != ASC_OK)
        return asc__yaml_fail(y, m, err, "model: %s", why.msg);
    return ASC_OK;
}

static asc_status parse_training(asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err)
{
    yaml_node_t *m, *divergence;
    ASC_TRY(asc__section_read(&m, s, y, root, "training", "training", err));
    return m ? asc__section_read(&divergence, s, y, m, "on_divergence", "training.on_divergence", err) : ASC_OK;
}

/* A batch smaller than one sequence cannot be made. */
static asc_status check_batch(asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err)
{
    yaml_node_t *m = asc__yaml_get(y, root, "training");
    if (s->training.batch_tokens >= s->model.context)
        return ASC_OK;
    return asc__yaml_fail(y, m ? m : asc__yaml_get(y, root, "model"), err,
                          "training.batch_tokens %lld is less than one sequence (model.context %d)",
                          (long long)s->training.batch_tokens, s->model.context);
}

/* ---- tokenizer, validation ---- */

/* {train: bpe, vocab: N}, {path: PATH, end: TOKEN}, or of token files {vocab: N, end: ID}. */
static asc_status parse_tokenizer_map(asc_study_spec *s, asc__yaml *y, const yaml_node_t *m, asc_error *err)
{
    const char *const kinds[] = {asc_tokenizer_kind_name(ASC_TOKENIZER_BPE),
                                 asc_tokenizer_kind_name(ASC_TOKENIZER_WORDPIECE)};
    int kind = (int)s->tokenizer_kind;
    yaml_node_t *train = asc__yaml_get(y, m, "train"), *path = asc__yaml_get(y, m, "path");
    yaml_node_t *end = asc__yaml_get(y, m, "end"), *vocab = asc__yaml_get(y, m, "vocab");
    if (path && (train || vocab))
        return asc__yaml_fail(y, train ? train : vocab, err, "tokenizer: path, or train and vocab, not both");
    if (end && (train || (!path && !vocab)))
        return asc__yaml_fail(
            y, end, err,
            "tokenizer.end: only with path, or with vocab alone for token files; a trained tokenizer has its own");
    if (path)
        ASC_TRY(asc__yaml_string(y, m, "path", &s->tokenizer_path, err));
    if (end)
        ASC_TRY(asc__yaml_string(y, m, "end", &s->tokenizer_end, err));
    ASC_TRY(one_of(y, m, "train", kinds, 2, &kind, err));
    if (kind == ASC_TOKENIZER_BPE && train && asc_arch_is_encoder(s->model.arch))
        return asc__yaml_fail(y, train, err,
                              "tokenizer.train: bpe has no [MASK], which arch bert needs; expected wordpiece");
    bool ids = end && !path;
    s->tokenizer_kind = ids ? ASC_TOKENIZER_IDS : (asc_tokenizer_kind)kind;
    return asc__yaml_count64(y, m, "vocab", (asc__range){ids ? 2 : 257, ids ? 1 << 24 : 1e6, false},
                             &s->tokenizer_vocab, err);
}

static asc_status parse_tokenizer(asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err)
{
    yaml_node_t *node = asc__yaml_get(y, root, "tokenizer");
    s->tokenizer_kind = asc_arch_is_encoder(s->model.arch) ? ASC_TOKENIZER_WORDPIECE : ASC_TOKENIZER_BPE;
    s->tokenizer_vocab = 4096;
    if (node && node->type == YAML_SCALAR_NODE && !asc__yaml_is_null(node))
        ASC_TRY(asc__yaml_string(y, root, "tokenizer", &s->tokenizer_path, err));
    else if (node) {
        yaml_node_t *m;
        ASC_TRY(asc__section_read(&m, NULL, y, root, "tokenizer", "tokenizer", err));
        if (m)
            ASC_TRY(parse_tokenizer_map(s, y, m, err));
    }
    return ASC_OK;
}

/* ---- scales, design, run ---- */

#define BRANCH_AT_MOST .15

static asc_status parse_design(asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err)
{
    yaml_node_t *m;
    int kind = 0;
    s->down = 0;
    ASC_TRY(asc__section_read(&m, s, y, root, "design", "design", err));
    s->down = s->down > 0 ? s->down : s->factor;
    return m ? one_of(y, m, "kind", (const char *const[]){"ddo"}, 1, &kind, err) : ASC_OK;
}

/* Keys of the search that go with one method alone. */
static asc_status check_search_keys(const asc_study_spec *s, asc__yaml *y, const yaml_node_t *m, asc_error *err)
{
    static const struct {
        const char *key;
        bool branch, swarm;
    } keys[] = {{"prefix", true, false}, {"at", true, false},     {"branch_tokens", true, false},
                {"pull", true, false},   {"merges", true, false}, {"eval_tokens", true, false},
                {"rounds", true, true},  {"runs", true, true},    {"tokens", true, true},
                {"model", true, true},   {"pause", false, true}};
    asc_search_method method = s->search.method;
    for (size_t i = 0; m && i < ASC__COUNT(keys); i++) {
        bool fits = method == ASC_SEARCH_BRANCH ? keys[i].branch : method == ASC_SEARCH_SWARM && keys[i].swarm;
        const yaml_node_t *at = asc__yaml_get(y, m, keys[i].key);
        if (at && !fits)
            return asc__yaml_fail(y, at, err, "search.%s: goes with method: %s", keys[i].key,
                                  keys[i].branch && keys[i].swarm ? "branch or swarm"
                                  : keys[i].branch                ? "branch"
                                                                  : "swarm");
    }
    static const char *const of_proxies[] = {"tokens", "model"};
    for (size_t i = 0; method == ASC_SEARCH_BRANCH && m && i < ASC__COUNT(of_proxies); i++)
        if (asc__yaml_get(y, m, of_proxies[i]) && !asc__yaml_get(y, m, "runs"))
            return asc__yaml_fail(y, asc__yaml_get(y, m, of_proxies[i]), err,
                                  "search.%s: is of proxies before the branches; say how many, search.runs",
                                  of_proxies[i]);
    if (method == ASC_SEARCH_BRANCH && s->search.rounds > 2)
        return asc__yaml_fail(y, asc__yaml_get(y, m, "rounds"), err, "search.rounds: expected 1 or 2 of branches");
    return ASC_OK;
}

/* ---- search.at ---- */

#define LAST_POINT 95 /* as of search.prefix */

/* Percents as people give them: 20, 20% and .2 are one. */
static asc_status set_at(asc_search_spec *o, const double *given, size_t n, asc_error *err)
{
    if (n < 1 || n > ASC_MOST_STAGES)
        return ASC_FAIL(err, ASC_EINVAL, "expected 1 to %d points of the target's run in percent, found %zu",
                        ASC_MOST_STAGES, n);
    for (size_t k = 0; k < n; k++) {
        double at = given[k] < 1 ? round(given[k] * 1e8) / 1e6 : given[k];
        if (!(at > 0 && at <= LAST_POINT))
            return ASC_FAIL(err, ASC_EINVAL, "expected percents of the target's run, above 0 and up to %d; found %g",
                            LAST_POINT, given[k]);
        if (k && at <= o->at[k - 1])
            return ASC_FAIL(err, ASC_EINVAL, "expected rising points, found %g %% after %g %%", at, o->at[k - 1]);
        o->at[k] = at;
    }
    o->n_at = n;
    o->prefix = o->at[0] / 100;
    return ASC_OK;
}

static asc_status parse_at(asc_study_spec *s, asc__yaml *y, const yaml_node_t *m, asc_error *err)
{
    yaml_node_t *node = m ? asc__yaml_get(y, m, "at") : NULL;
    double given[ASC_MOST_STAGES];
    asc_error why;
    if (!node || asc__yaml_is_null(node))
        return ASC_OK;
    if (asc__yaml_get(y, m, "prefix"))
        return asc__yaml_fail(y, node, err, "search.at: its first point is what search.prefix says; give one of them");
    bool list = node->type == YAML_SEQUENCE_NODE;
    size_t n = list ? asc__yaml_count(node) : 1;
    for (size_t k = 0; k < n && k < ASC_MOST_STAGES; k++)
        ASC_TRY(asc__yaml_number_at(y, list ? asc__yaml_item(y, node, k) : node, "search.at",
                                    (asc__range){0, LAST_POINT, false}, &given[k], err));
    return set_at(&s->search, given, n, &why) == ASC_OK ? ASC_OK
                                                        : asc__yaml_fail(y, node, err, "search.at: %s", why.msg);
}

asc_status asc_study_search_at(asc_study_spec *s, const char *text, asc_error *err)
{
    double given[ASC_MOST_STAGES];
    size_t n = 0;
    char *copy = asc_strdup(text), *rest = NULL;
    asc_error why;
    asc_status st = copy ? ASC_OK : ASC_NOMEM(err);
    if (s->search.method != ASC_SEARCH_BRANCH)
        st = ASC_FAIL(err, ASC_EINVAL, "--at: %s has no search.method: branch, which it goes with", s->path);
    for (char *part = copy ? strtok_r(copy, ",", &rest) : NULL; st == ASC_OK && part;
         part = strtok_r(NULL, ",", &rest)) {
        double x;
        if (!asc_parse_quantity(part, &x))
            st = ASC_FAIL(err, ASC_EINVAL, "--at: expected percents of the target's run, 20,60; found '%s'", text);
        else if (n++ < ASC_MOST_STAGES)
            given[n - 1] = x;
    }
    if (st == ASC_OK && set_at(&s->search, given, n, &why) != ASC_OK)
        st = ASC_FAIL(err, ASC_EINVAL, "--at: %s", why.msg);
    asc_free(copy);
    return st;
}

static asc_status parse_search(asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err)
{
    yaml_node_t *m;
    ASC_TRY(asc__section_read(&m, s, y, root, "search", "search", err));
    ASC_TRY(check_search_keys(s, y, m, err));
    ASC_TRY(parse_at(s, y, m, err));
    if (s->search.method != ASC_SEARCH_DDO && asc__yaml_get(y, root, "design") && !asc__yaml_get(y, root, "scales"))
        return asc__yaml_fail(y, asc__yaml_get(y, root, "design"), err,
                              "design: goes with scales; a swarm alone has search.runs of search.tokens each");
    if (s->search.method == ASC_SEARCH_BRANCH && !asc__yaml_get(y, m, "at_most"))
        s->search.at_most = BRANCH_AT_MOST;
    if (s->search.method == ASC_SEARCH_BRANCH && !asc__yaml_get(y, m, "runs"))
        s->search.runs = 0;
    return m ? asc__study_sized(&s->search.model, s, y, m, "search.model", err) : ASC_OK;
}

static asc_status parse_run(asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err)
{
    yaml_node_t *m;
    ASC_TRY(asc__section_read(&m, s, y, root, "run", "run", err));
    if (!m)
        return ASC_OK;
    if (!s->device || !asc_device_is_known(s->device))
        return asc__yaml_fail(y, asc__yaml_get(y, m, "device"), err,
                              "device: expected auto, cpu, cuda or cuda:N; found '%s'",
                              s->device ? s->device : "nothing");
    return s->notify ? asc__study_notify_check(s, y, m, err) : ASC_OK;
}

/* Methods that follow a run step by step need the trainer that lets them. */
static asc_status check_rivals(const asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err)
{
    for (size_t i = 0; i < s->n_against; i++) {
        const asc_mixture_ref *ref = &s->against[i];
        if (ref->kind != ASC_MIXTURE_RIVAL || asc_rival_named(ref->name)->need != ASC_RIVAL_PROXY)
            continue;
        if (s->trainer.command || s->trainer.torch || s->ranks > 1)
            return asc__yaml_fail(y, asc__yaml_get(y, root, "target"), err,
                                  "against: %s learns its weights from every step of a run, which only the built-in "
                                  "trainer with run.ranks 1 offers; unimax, regmix, dml and olmix need only finished "
                                  "runs",
                                  ref->name);
    }
    return ASC_OK;
}

bool asc_study_goes_on(const asc_study_spec *s)
{
    const char *c = s->trainer.command;
    return !s->trainer.torch && (!c || (strstr(c, "{init}") && strstr(c, "{schedule_tokens}")));
}

/* A command that is told its folder may read there what it does not ask for. */
static bool can_pause(const asc_study_spec *s)
{
    return asc_study_goes_on(s) || (s->trainer.command && strstr(s->trainer.command, "{run_dir}"));
}

static asc_status check_pause(const asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err)
{
    if (s->search.method != ASC_SEARCH_SWARM || !(s->search.pause > 0) || can_pause(s))
        return ASC_OK;
    return asc__yaml_fail(
        y, asc__yaml_get(y, asc__yaml_get(y, root, "search"), "pause"), err,
        "search.pause: needs the built-in trainer, or a command of your own that continues from {init} "
        "on a schedule of {schedule_tokens}");
}

/* What proxies find is where the target begins: their law has to know what a budget changes. */
static asc_status check_proxies(const asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err)
{
    size_t n = asc_study_n_budgets(s);
    bool other = asc_study_has_swarm(s) && n == 1 && floor(asc_study_swarm_tokens(s)) != s->scales[0];
    if (s->search.method != ASC_SEARCH_BRANCH || !asc_study_has_proxies(s) || n > 1 || other)
        return ASC_OK;
    return asc__yaml_fail(y, asc__yaml_get(y, root, s->n_scales ? "scales" : "search"), err,
                          "%s: proxies before branches say where the target begins, and proxies of one budget tell "
                          "nothing of another; give several scales, or scales beside search.runs of other tokens",
                          s->n_scales ? "scales" : "search.runs");
}

/* Branches begin with a checkpoint, its moments and its place in the data. */
static asc_status check_method(const asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err)
{
    asc_search_method method = s->search.method;
    ASC_TRY(asc__study_merge_check(s, y, root, err));
    ASC_TRY(check_proxies(s, y, root, err));
    if (method == ASC_SEARCH_BRANCH && s->trainer.command && !strstr(s->trainer.command, "{init}") &&
        !strstr(s->trainer.command, "{run_dir}"))
        return asc__yaml_fail(y, asc__yaml_get(y, root, "trainer"), err,
                              "trainer: search.method branch: its runs start from checkpoints of others; the command "
                              "asks neither for {init}, the checkpoint, nor for {run_dir}, whose run.json names it");
    ASC_TRY(check_pause(s, y, root, err));
    if (method == ASC_SEARCH_SWARM && !s->validate)
        return asc__yaml_fail(
            y, asc__yaml_get(y, root, "target"), err,
            "target.validate: a swarm of one budget tells nothing of another: its optimum is checked at "
            "the target");
    for (size_t i = 0; method != ASC_SEARCH_DDO && i < s->n_against; i++)
        if (s->against[i].kind == ASC_MIXTURE_KEEP_LAST ||
            (s->against[i].kind == ASC_MIXTURE_JOINT && method == ASC_SEARCH_BRANCH))
            return asc__yaml_fail(y, asc__yaml_get(y, root, "target"), err,
                                  "against: '%s' goes with search.method ddo; search.method %s %s", s->against[i].name,
                                  asc_search_method_name(method),
                                  method == ASC_SEARCH_SWARM ? "has one law of all runs, no optimum of a scale"
                                                             : "has no proxies trained from the start");
    return ASC_OK;
}

/* ---- the whole ---- */

/* "path/small.yaml" -> "small". */
static char *stem(const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path, *dot = strrchr(base, '.');
    size_t n = dot && dot > base ? (size_t)(dot - base) : strlen(base);
    return n ? asc_strndup(base, n) : asc_strdup("study");
}

static asc_status set_defaults(asc_study_spec *s, const char *path, asc_error *err)
{
    asc_settings_init_study(s);
    s->search.at_most = NAN;
    s->search.pause = NAN;
    s->path = asc_strdup(path);
    s->base_dir = asc_path_dir(path);
    s->device = asc_strdup(asc_setting_find("run", "device")->fallback);
    return s->path && s->base_dir && s->device ? ASC_OK : ASC_NOMEM(err);
}

static asc_status parse_name(asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err)
{
    ASC_TRY(asc__yaml_string(y, root, "study", &s->name, err));
    if (!s->name && !(s->name = stem(s->path)))
        return ASC_NOMEM(err);
    if (strlen(s->name) > 200 || strpbrk(s->name, "\n\t"))
        return asc__yaml_fail(y, asc__yaml_get(y, root, "study"), err, "study: expected one line of at most 200 bytes");
    return ASC_OK;
}

static asc_status parse_root(asc_study_spec *s, asc__yaml *y, asc_error *err)
{
    const yaml_node_t *root = asc__yaml_root(y);
    yaml_node_t *validation, *rivals;
    ASC_TRY(asc__section_check(y, root, "", err));
    ASC_TRY(parse_name(s, y, root, err));
    ASC_TRY(asc__study_domains(s, y, root, err));
    ASC_TRY(asc__section_read(&validation, s, y, root, "validation", "validation", err));
    ASC_TRY(parse_model(s, y, root, err));
    ASC_TRY(parse_tokenizer(s, y, root, err));
    ASC_TRY(parse_training(s, y, root, err));
    ASC_TRY(check_batch(s, y, root, err));
    ASC_TRY(parse_search(s, y, root, err));
    ASC_TRY(asc__section_read(&rivals, s, y, root, "rivals", "rivals", err));
    ASC_TRY(asc__study_scales(s, y, root, err));
    ASC_TRY(parse_design(s, y, root, err));
    ASC_TRY(asc__study_mixture(s, y, root, err));
    ASC_TRY(asc__study_objective(s, y, root, err));
    ASC_TRY(asc__study_target(s, y, root, err));
    ASC_TRY(parse_run(s, y, root, err));
    ASC_TRY(asc__study_tasks(s, y, root, err));
    ASC_TRY(asc__study_trainer(s, y, root, err));
    ASC_TRY(check_method(s, y, root, err));
    ASC_TRY(check_rivals(s, y, root, err));
    ASC_TRY(asc__study_check_sizes(s, y, root, err));
    return asc__study_executor(s, y, root, err);
}

asc_status asc_study_parse(asc_study_spec *out, const char *path, const char *text, size_t n, asc_error *err)
{
    asc_study_spec s;
    asc__yaml y;
    ASC_TRY(asc__yaml_load(&y, path, text, n, err));
    asc_status st = set_defaults(&s, path, err);
    if (st == ASC_OK)
        st = parse_root(&s, &y, err);
    asc__yaml_clear(&y);
    if (st == ASC_OK)
        *out = s;
    else
        asc_study_spec_clear(&s);
    return st;
}

asc_status asc_study_load(asc_study_spec *out, const char *path, asc_error *err)
{
    char *text;
    size_t n;
    ASC_TRY(asc_read_file(path, 16 << 20, &text, &n, err));
    asc_status st = asc_study_parse(out, path, text, n, err);
    asc_free(text);
    return st;
}

/* ---- memory ---- */

static void free_strings(char **list, size_t n)
{
    for (size_t i = 0; list && i < n; i++)
        asc_free(list[i]);
    asc_free(list);
}

static void free_domains(asc_study_domain *d, size_t n)
{
    for (size_t i = 0; d && i < n; i++) {
        asc_free(d[i].name);
        asc_free(d[i].field);
        asc_free(d[i].dtype);
        asc_free(d[i].part_of);
        asc_free(d[i].task);
        free_strings(d[i].train, d[i].n_train);
        free_strings(d[i].valid, d[i].n_valid);
    }
    asc_free(d);
}

static void clear_ref(asc_mixture_ref *r)
{
    asc_free(r->name);
    asc_free(r->path);
    asc_free(r->weights);
}

void asc_study_spec_clear(asc_study_spec *s)
{
    if (!s)
        return;
    asc_slurm_spec *o = &s->slurm_opts;
    asc_scheduler_spec *b = &s->scheduler;
    char *owned[] = {s->path,
                     s->base_dir,
                     s->name,
                     s->tokenizer_path,
                     s->tokenizer_end,
                     s->device,
                     s->objective_text,
                     s->trainer.command,
                     s->trainer.python,
                     s->trainer.dir,
                     s->trainer.metrics,
                     o->partition,
                     o->account,
                     o->qos,
                     o->time,
                     o->memory,
                     o->gres,
                     o->constraint,
                     b->submit,
                     b->poll,
                     b->cancel,
                     b->id,
                     b->index,
                     b->task,
                     s->notify};
    for (size_t i = 0; i < ASC__COUNT(owned); i++)
        asc_free(owned[i]);
    free_domains(s->domains, s->n_domains);
    free_domains(s->heldout, s->n_heldout);
    asc__study_tasks_clear(&s->tasks);
    asc_free(s->domain_names); /* the names themselves belong to the domains */
    asc_free(s->target_names);
    asc_free(s->scales);
    for (size_t i = 0; s->scale_models && i < s->n_scales; i++)
        asc_free(s->scale_models[i]);
    asc_free(s->scale_models);
    asc_free(s->target_model);
    asc_free(s->search.model);
    asc_free(s->search.merge);
    asc_free(s->min);
    asc_free(s->max);
    clear_ref(&s->reference);
    clear_ref(&s->prior);
    for (size_t i = 0; s->against && i < s->n_against; i++)
        clear_ref(&s->against[i]);
    asc_free(s->against);
    asc_objective_clear(&s->objective);
    free_strings(s->trainer.env, s->trainer.n_env);
    free_strings(o->extra, o->n_extra);
    *s = (asc_study_spec){0};
}
