/* The study file, section by section. Domains and mixtures are in study_mixture.c, trainer and executor in
 * study_runner.c. */
#include "study_parser.h"

#include "model/model.h"

#include <math.h>
#include <string.h>

static const asc__range share = {0, 1, false};

/* ---- helpers ---- */

asc_status asc__study_map(yaml_node_t **out, asc__yaml *y, const yaml_node_t *map, const char *key, asc__keys keys,
                          asc_error *err)
{
    yaml_node_t *node = asc__yaml_get(y, map, key);
    *out = NULL;
    if (!node || asc__yaml_is_null(node))
        return ASC_OK;
    ASC_TRY(asc__yaml_check_map(y, node, keys.what, keys.names, keys.n, err));
    *out = node;
    return ASC_OK;
}

asc_status asc__study_word(asc__yaml *y, const yaml_node_t *map, const char *key, const char *const *words, size_t n,
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

static asc_status parse_arch(asc_study_spec *s, asc__yaml *y, const yaml_node_t *m, asc_error *err)
{
    const yaml_node_t *node = asc__yaml_get(y, m, "arch");
    const char *text = node ? asc__yaml_text(node) : NULL;
    char shown[80];
    s->arch_named = node != NULL;
    if (node && (!text || !asc_arch_parse(text, &s->model.arch) || asc_arch_kind_of(s->model.arch) == ASC_ARCH_READER))
        return asc__yaml_fail(y, node, err, "arch: expected one of %s; found %s", asc_arch_list(),
                              asc__yaml_show(node, shown, sizeof shown));
    return ASC_OK;
}

/* The optional keys of the model's table. */
static asc_status parse_model_keys(asc_model_spec *model, asc__yaml *y, const yaml_node_t *m, asc_error *err)
{
    asc_error why = {0};
    for (size_t i = 0; i < asc_n_model_keys; i++) {
        const yaml_node_t *node = asc__yaml_get(y, m, asc_model_keys[i].name);
        if (!node || asc__yaml_is_null(node))
            continue;
        const char *text = asc__yaml_text(node);
        if (asc_model_key_parse(model, &asc_model_keys[i], text ? text : "a list or map", &why) != ASC_OK)
            return asc__yaml_fail(y, node, err, "model: %s", why.msg);
    }
    return ASC_OK;
}

static asc_status parse_model(asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err)
{
    static const char *const own[] = {"arch",    "layers",    "heads", "width",
                                      "context", "recompute", "mup",   "mup_base_width"};
    const char *names[ASC__COUNT(own) + 32];
    size_t n = 0;
    yaml_node_t *m;
    asc_model_spec *model = &s->model;
    asc_error why = {0};
    for (size_t i = 0; i < ASC__COUNT(own); i++)
        names[n++] = own[i];
    for (size_t i = 0; i < asc_n_model_keys && n < ASC__COUNT(names); i++)
        names[n++] = asc_model_keys[i].name;
    ASC_TRY(asc__study_map(&m, y, root, "model", (asc__keys){"model", names, n}, err));
    if (!m)
        return asc__yaml_fail(y, root, err,
                              "missing key 'model'; `model: {}` uses the defaults (6 layers, 8 heads, width 256, "
                              "context 256)");
    ASC_TRY(parse_arch(s, y, m, err));
    ASC_TRY(asc__yaml_int(y, m, "layers", (asc__range){1, ASC_MAX_LAYERS, false}, &model->n_layers, err));
    ASC_TRY(asc__yaml_int(y, m, "heads", (asc__range){1, ASC_MAX_HEADS, false}, &model->n_heads, err));
    ASC_TRY(asc__yaml_int(y, m, "width", (asc__range){1, ASC_MAX_WIDTH, false}, &model->width, err));
    ASC_TRY(asc__yaml_int(y, m, "context", (asc__range){2, ASC_MAX_CONTEXT, false}, &model->context, err));
    ASC_TRY(asc__yaml_bool(y, m, "recompute", &model->recompute, err));
    ASC_TRY(asc__yaml_bool(y, m, "mup", &model->mup, err));
    ASC_TRY(asc__yaml_int(y, m, "mup_base_width", (asc__range){1, ASC_MAX_WIDTH, false}, &model->mup_base_width, err));
    ASC_TRY(parse_model_keys(model, y, m, err));
    if (asc_model_spec_check(model, &why) != ASC_OK)
        return asc__yaml_fail(y, m, err, "model: %s", why.msg);
    return ASC_OK;
}

static asc_status parse_divergence(asc_training_spec *t, asc__yaml *y, const yaml_node_t *training, asc_error *err)
{
    yaml_node_t *m;
    ASC_TRY(asc__study_map(&m, y, training, "on_divergence", ASC__KEYS("on_divergence", "retry", "lr"), err));
    if (!m)
        return ASC_OK;
    ASC_TRY(asc__yaml_int(y, m, "retry", (asc__range){0, 10, false}, &t->retry_on_divergence, err));
    return asc__yaml_number(y, m, "lr", (asc__range){0, 1, true}, &t->divergence_lr, err);
}

static asc_status parse_training(asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err)
{
    yaml_node_t *m;
    asc_training_spec *t = &s->training;
    ASC_TRY(asc__study_map(&m, y, root, "training",
                           ASC__KEYS("training", "batch_tokens", "micro_batch", "lr", "warmup", "min_lr", "schedule",
                                     "dtype", "seed", "weight_decay", "clip", "beta1", "beta2", "eps", "on_divergence"),
                           err));
    if (!m)
        return ASC_OK;
    int schedule = (int)t->schedule, dtype = (int)t->dtype;
    int64_t seed = (int64_t)t->seed;
    ASC_TRY(asc__yaml_count64(y, m, "batch_tokens", (asc__range){1, 1e12, false}, &t->batch_tokens, err));
    ASC_TRY(asc__yaml_int(y, m, "micro_batch", (asc__range){0, 1e6, false}, &t->micro_batch, err));
    ASC_TRY(asc__yaml_number(y, m, "lr", (asc__range){ASC_MIN_LR, ASC_MAX_LR, false}, &t->lr, err));
    ASC_TRY(asc__yaml_number(y, m, "warmup", (asc__range){0, .999, false}, &t->warmup, err));
    ASC_TRY(asc__yaml_number(y, m, "min_lr", share, &t->min_lr, err));
    ASC_TRY(asc__study_word(y, m, "schedule", (const char *const[]){"cosine", "linear", "wsd", "constant"}, 4,
                            &schedule, err));
    ASC_TRY(asc__study_word(y, m, "dtype", (const char *const[]){"fp32", "bf16"}, 2, &dtype, err));
    ASC_TRY(asc__yaml_count64(y, m, "seed", (asc__range){0, 1e15, false}, &seed, err));
    ASC_TRY(asc__yaml_number(y, m, "weight_decay", (asc__range){0, 10, false}, &t->weight_decay, err));
    ASC_TRY(asc__yaml_number(y, m, "clip", (asc__range){0, 1e12, false}, &t->clip, err));
    ASC_TRY(asc__yaml_number(y, m, "beta1", (asc__range){0, .99999, false}, &t->beta1, err));
    ASC_TRY(asc__yaml_number(y, m, "beta2", (asc__range){0, .999999, false}, &t->beta2, err));
    ASC_TRY(asc__yaml_number(y, m, "eps", (asc__range){ASC_MIN_EPS, ASC_MAX_EPS, false}, &t->eps, err));
    t->schedule = (asc_schedule)schedule;
    t->dtype = (asc_dtype)dtype;
    t->seed = (uint64_t)seed;
    return parse_divergence(t, y, m, err);
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
static asc_status parse_tokenizer_map(asc_study_spec *s, asc__yaml *y, const yaml_node_t *m, int *kind, asc_error *err)
{
    static const char *const kinds[] = {"bpe", "wordpiece"};
    yaml_node_t *train = asc__yaml_get(y, m, "train"), *path = asc__yaml_get(y, m, "path");
    yaml_node_t *end = asc__yaml_get(y, m, "end"), *vocab = asc__yaml_get(y, m, "vocab");
    if (path && (train || vocab))
        return asc__yaml_fail(y, train ? train : vocab, err, "tokenizer: path, or train and vocab, not both");
    if (end && (train || (!path && !vocab)))
        return asc__yaml_fail(y, end, err,
                              "tokenizer.end: goes with path, or for token files with vocab alone; a learnt tokenizer "
                              "has its own");
    if (path)
        ASC_TRY(asc__yaml_string(y, m, "path", &s->tokenizer_path, err));
    if (end)
        ASC_TRY(asc__yaml_string(y, m, "end", &s->tokenizer_end, err));
    ASC_TRY(asc__study_word(y, m, "train", kinds, 2, kind, err));
    if (*kind == 0 && train && asc_arch_is_encoder(s->model.arch))
        return asc__yaml_fail(y, train, err,
                              "tokenizer.train: bpe has no [MASK], which arch bert needs; expected wordpiece");
    bool ids = end && !path;
    if (ids)
        *kind = 2;
    return asc__yaml_count64(y, m, "vocab", (asc__range){ids ? 2 : 257, ids ? 1 << 24 : 1e6, false},
                             &s->tokenizer_vocab, err);
}

static asc_status parse_tokenizer(asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err)
{
    yaml_node_t *node = asc__yaml_get(y, root, "tokenizer");
    int kind = asc_arch_is_encoder(s->model.arch) ? 1 : 0;
    static const char *const kinds[] = {"bpe", "wordpiece", "ids"};
    s->tokenizer_vocab = 4096;
    if (node && node->type == YAML_SCALAR_NODE && !asc__yaml_is_null(node))
        ASC_TRY(asc__yaml_string(y, root, "tokenizer", &s->tokenizer_path, err));
    else if (node) {
        yaml_node_t *m;
        ASC_TRY(asc__study_map(&m, y, root, "tokenizer", ASC__KEYS("tokenizer", "train", "vocab", "path", "end"), err));
        if (m)
            ASC_TRY(parse_tokenizer_map(s, y, m, &kind, err));
    }
    s->tokenizer_kind = asc_strdup(kinds[kind]);
    return s->tokenizer_kind ? ASC_OK : ASC_NOMEM(err);
}

static asc_status parse_validation(asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err)
{
    yaml_node_t *m;
    ASC_TRY(asc__study_map(&m, y, root, "validation", ASC__KEYS("validation", "tokens"), err));
    return m ? asc__yaml_count64(y, m, "tokens", (asc__range){1, 1e15, false}, &s->valid_tokens, err) : ASC_OK;
}

/* ---- scales, design, run ---- */

static asc_status parse_scales(asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err)
{
    yaml_node_t *node = asc__yaml_get(y, root, "scales");
    char shown[80];
    if (!node)
        return asc__yaml_fail(y, root, err, "key 'scales' is missing: [1e6, 4e6], tokens at which DDO is run");
    bool list = node->type == YAML_SEQUENCE_NODE;
    size_t n = list ? asc__yaml_count(node) : 1;
    if (node->type == YAML_MAPPING_NODE || n == 0 || n > ASC_STUDY_MAX_SCALES)
        return asc__yaml_fail(y, node, err, "scales: expected a list of 1 to %d token budgets, found %s",
                              ASC_STUDY_MAX_SCALES, n == 0 ? "none" : asc__yaml_show(node, shown, sizeof shown));
    s->scales = asc_calloc(n, sizeof *s->scales);
    if (!s->scales)
        return ASC_NOMEM(err);
    s->n_scales = n;
    for (size_t i = 0; i < n; i++) {
        yaml_node_t *at = list ? asc__yaml_item(y, node, i) : node;
        ASC_TRY(asc__yaml_number_at(y, at, "scales", (asc__range){1, 1e15, false}, &s->scales[i], err));
        if (s->scales[i] != floor(s->scales[i]))
            return asc__yaml_fail(y, at, err, "scales: expected whole tokens, found '%s'", asc__yaml_text(at));
        if (i && s->scales[i] <= s->scales[i - 1])
            return asc__yaml_fail(y, at, err, "scales: expected rising budgets, found %.17g after %.17g", s->scales[i],
                                  s->scales[i - 1]);
    }
    return ASC_OK;
}

static asc_status parse_design(asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err)
{
    yaml_node_t *m;
    int kind = 0;
    ASC_TRY(asc__study_map(&m, y, root, "design", ASC__KEYS("design", "kind", "factor", "down", "repeats"), err));
    if (!m)
        return ASC_OK;
    ASC_TRY(asc__study_word(y, m, "kind", (const char *const[]){"ddo"}, 1, &kind, err));
    ASC_TRY(asc__yaml_number(y, m, "factor", (asc__range){ASC_MIN_FACTOR, ASC_MAX_FACTOR, false}, &s->factor, err));
    s->down = s->factor;
    ASC_TRY(asc__yaml_number(y, m, "down", (asc__range){ASC_MIN_FACTOR, ASC_MAX_FACTOR, false}, &s->down, err));
    return asc__yaml_int(y, m, "repeats", (asc__range){1, 100, false}, &s->repeats, err);
}

/* "1-00:00:00", "1-12", "1-06:30": days and a time, as Slurm writes them. */
static bool parse_days(const char *text, double *out)
{
    int days, hours, minutes = 0, seconds = 0;
    char end = 0;
    const char *dash = strchr(text, '-');
    if (!dash || dash == text || sscanf(text, "%d-", &days) != 1 || days < 0 ||
        strspn(text, "0123456789-:") != strlen(text))
        return false;
    if (sscanf(dash + 1, "%d%c", &hours, &end) != 1 && sscanf(dash + 1, "%d:%2d%c", &hours, &minutes, &end) != 2 &&
        sscanf(dash + 1, "%d:%2d:%2d%c", &hours, &minutes, &seconds, &end) != 3)
        return false;
    *out = 86400. * days + 3600. * hours + 60. * minutes + seconds;
    return hours >= 0 && hours < 24 && minutes >= 0 && minutes < 60 && seconds >= 0 && seconds < 60 && *out > 0;
}

/* Seconds, "02:00:00", "1-00:00:00", "90m", "2h"; null or .inf: no limit (0). */
static asc_status parse_duration(asc__yaml *y, const yaml_node_t *map, const char *key, double *out, asc_error *err)
{
    const yaml_node_t *node = asc__yaml_get(y, map, key);
    if (!node)
        return ASC_OK;
    const char *text = asc__yaml_text(node);
    char shown[80], unit = 0, end = 0;
    double x;
    int h, m, sec;
    if (asc__yaml_is_null(node) || asc__yaml_is_infinite(node))
        x = 0;
    else if (text && parse_days(text, &x))
        ;
    else if (text && sscanf(text, "%d:%2d:%2d%c", &h, &m, &sec, &end) == 3 && h >= 0 && m >= 0 && sec >= 0)
        x = 3600. * h + 60. * m + sec;
    else if (text && asc_parse_double(text, &x) && x > 0)
        ;
    else if (text && sscanf(text, "%lf%c%c", &x, &unit, &end) == 2 && x > 0 && strchr("smhd", unit))
        x *= unit == 's' ? 1 : unit == 'm' ? 60 : unit == 'h' ? 3600 : 86400;
    else
        return asc__yaml_fail(y, node, err,
                              "%s: expected seconds, a time as 02:00:00, 1-00:00:00, 90m or 2h, or null; found %s", key,
                              asc__yaml_show(node, shown, sizeof shown));
    *out = x;
    return ASC_OK;
}

/* A number >= 1, or the word auto (0). */
static asc_status parse_auto(asc__yaml *y, const yaml_node_t *map, const char *key, int *out, asc_error *err)
{
    const yaml_node_t *node = asc__yaml_get(y, map, key);
    if (node && asc__yaml_text(node) && strcmp(asc__yaml_text(node), "auto") == 0) {
        *out = 0;
        return ASC_OK;
    }
    return asc__yaml_int(y, map, key, (asc__range){1, 65536, false}, out, err);
}

static asc_status parse_run(asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err)
{
    yaml_node_t *m;
    ASC_TRY(asc__study_map(&m, y, root, "run",
                           ASC__KEYS("run", "jobs", "threads", "ranks", "device", "isa", "retries", "time_limit",
                                     "keep_checkpoints", "checkpoint_every"),
                           err));
    if (!m)
        return ASC_OK;
    int isa = (int)s->isa, keep = (int)s->keep_checkpoints;
    ASC_TRY(parse_auto(y, m, "jobs", &s->jobs, err));
    ASC_TRY(asc__yaml_int(y, m, "threads", (asc__range){1, ASC_MAX_THREADS, false}, &s->threads, err));
    ASC_TRY(asc__yaml_int(y, m, "ranks", (asc__range){1, ASC_MAX_RANKS, false}, &s->ranks, err));
    ASC_TRY(asc__yaml_string(y, m, "device", &s->device, err));
    static const char *const isas[] = {"auto", "plain", "sse41", "avx2", "avx512", "avx512_bf16", "amx"};
    ASC_TRY(asc__study_word(y, m, "isa", isas, ASC__COUNT(isas), &isa, err));
    ASC_TRY(asc__yaml_int(y, m, "retries", (asc__range){0, 1000, false}, &s->retries, err));
    ASC_TRY(parse_duration(y, m, "time_limit", &s->time_limit_s, err));
    ASC_TRY(parse_duration(y, m, "checkpoint_every", &s->checkpoint_s, err));
    ASC_TRY(asc__study_word(y, m, "keep_checkpoints", (const char *const[]){"none", "target", "last"}, 3, &keep, err));
    s->isa = (asc_isa)isa;
    s->keep_checkpoints = (asc_keep)keep;
    int index;
    char end;
    if (!s->device || (strcmp(s->device, "auto") != 0 && strcmp(s->device, "cpu") != 0 &&
                       sscanf(s->device, "cuda:%d%c", &index, &end) != 1))
        return asc__yaml_fail(y, asc__yaml_get(y, m, "device"), err, "device: expected auto, cpu or cuda:N; found '%s'",
                              s->device ? s->device : "nothing");
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
    *s = (asc_study_spec){.valid_tokens = 200000,
                          .factor = 3,
                          .down = 3,
                          .repeats = 1,
                          .validate = true,
                          .seeds = 3,
                          .threads = 1,
                          .ranks = 1,
                          .retries = 2,
                          .keep_checkpoints = ASC_KEEP_LAST,
                          .checkpoint_s = 60,
                          .curve_points = 20,
                          .trainer = {.backoff_s = 1}};
    asc_model_spec_init(&s->model);
    asc_training_spec_init(&s->training);
    s->training.retry_on_divergence = 1;
    s->path = asc_strdup(path);
    s->base_dir = asc_path_dir(path);
    s->device = asc_strdup("auto");
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
    asc__keys keys =
        ASC__KEYS("a study", "study", "domains", "targets", "validation", "tokenizer", "model", "training", "scales",
                  "design", "mixture", "objective", "target", "tasks", "run", "trainer", "executor");
    ASC_TRY(asc__yaml_check_map(y, root, keys.what, keys.names, keys.n, err));
    ASC_TRY(parse_name(s, y, root, err));
    ASC_TRY(asc__study_domains(s, y, root, err));
    ASC_TRY(parse_validation(s, y, root, err));
    ASC_TRY(parse_model(s, y, root, err));
    ASC_TRY(parse_tokenizer(s, y, root, err));
    ASC_TRY(parse_training(s, y, root, err));
    ASC_TRY(check_batch(s, y, root, err));
    ASC_TRY(parse_scales(s, y, root, err));
    ASC_TRY(parse_design(s, y, root, err));
    ASC_TRY(asc__study_mixture(s, y, root, err));
    ASC_TRY(asc__study_objective(s, y, root, err));
    ASC_TRY(asc__study_target(s, y, root, err));
    ASC_TRY(parse_run(s, y, root, err));
    ASC_TRY(asc__study_tasks(s, y, root, err));
    ASC_TRY(asc__study_trainer(s, y, root, err));
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
    char *owned[] = {s->path,
                     s->base_dir,
                     s->name,
                     s->tokenizer_path,
                     s->tokenizer_kind,
                     s->tokenizer_end,
                     s->device,
                     s->objective_text,
                     s->trainer.command,
                     s->trainer.dir,
                     s->trainer.metrics,
                     o->partition,
                     o->account,
                     o->qos,
                     o->time,
                     o->memory,
                     o->gres,
                     o->constraint};
    for (size_t i = 0; i < ASC__COUNT(owned); i++)
        asc_free(owned[i]);
    free_domains(s->domains, s->n_domains);
    free_domains(s->heldout, s->n_heldout);
    asc__study_tasks_clear(&s->tasks);
    asc_free(s->domain_names); /* the names themselves belong to the domains */
    asc_free(s->target_names);
    asc_free(s->scales);
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
