/* One model on one mixture: of a run.json, or of token files and options. */
#include "cli.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "device/device.h"
#include "table/table.h"
#include "model/model.h"
#include "text/text.h"
#include "train/train.h"
#include "mpirun.h"
#include "text/text_tokens_dir.h"
#include "tokenizers.h"

static const asc_cli_option options[] = {
    {"run", 'r', "DIR", "train or resume the run in DIR/run.json"},
    {"parent", 0, "PID", "write a checkpoint and exit when process PID exits"},
    {"tokens-dir", 0, "DIR", "token files as `autoscale tokenize` writes them"},
    {"mix", 'm', "MIX", "MIX.json, uniform, natural, or NAME=SHARE,...", "uniform"},
    {"tokens", 't', "N", "tokens to train on", "(the mixture file's)"},
    {"out", 'o', "DIR", "the run's folder"},
    {"model", 0, "LIST", "further model settings: kv_heads=2,qk_norm=head,... (docs/formats.md)"},
    {"mup", 0, "WIDTH", "maximal update parametrization; --lr applies at this width"},
    {"stop-at", 0, "N", "stop after N tokens of the schedule, or a share of them (20%); keep the checkpoint"},
    {"init", 0, "DIR", "start from the weights of this checkpoint: any Hugging Face folder of a known architecture"},
    {"moments", 0, NULL, "with --init: also load its optimizer's moments"},
    {"continue", 0, NULL, "with --init: continue its schedule and data position as this run's own"},
    {0},
};

/* ---- a life tied to another process ---- */

static void stop_later(int signal_number)
{
    asc_interrupt_set();
}

/* One of several ranks ends with its mpirun, which passes SIGUSR1 on to ask for a checkpoint. */
static void follow_mpirun(void)
{
    struct sigaction sa = {.sa_handler = stop_later};
    sigaction(SIGUSR1, &sa, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
}

static asc_status follow_parent(const asc_cli_args *a, asc_error *err)
{
    int64_t parent = 0;
    ASC_TRY(asc__cli_count(a, "parent", &parent, err));
    if (!parent)
        return ASC_OK;
    /* The terminal's Ctrl-C reaches the whole group; who coordinates decides what it means and sends SIGTERM. */
    signal(SIGINT, SIG_IGN);
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0)
        return ASC_FAIL(err, ASC_EIO, "--parent: prctl: %s", strerror(errno));
    if (getppid() != (pid_t)parent)
        return ASC_FAIL(err, ASC_EINTR, "--parent: process %lld is not (or no longer) the parent", (long long)parent);
    return ASC_OK;
}

/* ---- options into a run ---- */

/* "KEY=VALUE,..." of the model's settings. */
static asc_status read_model_keys(asc_model_spec *m, const char *list, asc_error *err)
{
    char *copy = list ? asc_strdup(list) : NULL, *rest = NULL;
    asc_status st = list && !copy ? ASC_NOMEM(err) : ASC_OK;
    for (char *part = copy ? strtok_r(copy, ",", &rest) : NULL; st == ASC_OK && part;
         part = strtok_r(NULL, ",", &rest)) {
        char *eq = strchr(part, '=');
        asc_error why = {0};
        if (eq)
            *eq = 0;
        const asc_setting *k = asc_setting_find("model", part);
        if (!eq || !k)
            st = ASC_FAIL(err, ASC_EINVAL, "--model: expected KEY=VALUE,..., found '%s'%s", part,
                          eq ? ", which is not a model setting" : "");
        else if (asc_setting_parse(asc_model_setting(m, k), k, eq + 1, &why) != ASC_OK)
            st = ASC_FAIL(err, ASC_EINVAL, "--model: %s: %s", part, why.msg);
    }
    asc_free(copy);
    return st;
}

/* What options say beside a checkpoint's own shape must be the same; the context of rotary models is a choice. */
static asc_status check_shape(asc_model_spec *asked, asc_model_spec *own, const char *dir, asc_error *err)
{
    asked->vocab = own->vocab;
    for (size_t i = 0; i < asc_n_settings(); i++) {
        const asc_setting *k = asc_setting_at(i);
        char x[64], y[64];
        if (!k->section || strcmp(k->section, "model") != 0 || k->in_run == ASC_NOWHERE ||
            strcmp(k->key, "context") == 0 || strcmp(k->key, "recompute") == 0 || strncmp(k->key, "mup", 3) == 0)
            continue;
        asc_setting_text(asc_model_setting(asked, k), k, x, sizeof x);
        asc_setting_text(asc_model_setting(own, k), k, y, sizeof y);
        if (strcmp(x, y) != 0)
            return ASC_FAIL(err, ASC_EINVAL, "%s%s: %s has %s, found %s", k->option ? "--" : "--model: ", k->key, dir,
                            y, x);
    }
    return ASC_OK;
}

/* The shape of --init's folder, before options are read. */
static asc_status init_model(const asc_cli_args *a, asc_model_spec *m, asc_model_spec *own, asc_error *err)
{
    const char *dir = asc__cli_get(a, "init");
    int64_t context = 0;
    int base = m->mup_base_width;
    ASC_TRY(asc_model_spec_read(own, dir, err));
    if (asc_arch_kind_of(own->arch) == ASC_ARCH_READER)
        return ASC_FAIL(err, ASC_EINVAL, "--init: %s has arch %s, which can only be evaluated; expected %s", dir,
                        asc_arch_name(own->arch), asc_arch_list());
    ASC_TRY(asc__cli_count(a, "context", &context, err));
    if (context > 0 && context <= ASC_MAX_CONTEXT)
        ASC_TRY(asc_model_eval_context(own, (int)context, err));
    else if (own->context > ASC_EVAL_CONTEXT)
        return ASC_FAIL(err, ASC_EINVAL, "--context N is required: %s supports up to %d tokens", dir, own->context);
    *m = *own;
    m->mup_base_width = base;
    return ASC_OK;
}

static asc_status read_model(const asc_cli_args *a, asc_model_spec *m, asc_error *err)
{
    asc_error why = {0};
    const char *base = asc__cli_get(a, "mup");
    const asc_setting *width = asc_setting_find("model", "mup_base_width");
    m->mup = base != NULL;
    if (base && asc_setting_parse(&m->mup_base_width, width, base, &why) != ASC_OK)
        return ASC_FAIL(err, ASC_EINVAL, "--mup: %s", why.msg);
    ASC_TRY(read_model_keys(m, asc__cli_get(a, "model"), err));
    if (asc_model_spec_check(m, &why) != ASC_OK)
        return ASC_FAIL(err, ASC_EINVAL, "model: %s", why.msg);
    return ASC_OK;
}

static asc_status read_init(const asc_cli_args *a, asc_run_spec *s, asc_error *err)
{
    const char *init = asc__cli_get(a, "init");
    bool moments = asc__cli_has(a, "moments"), position = asc__cli_has(a, "continue");
    if (!init && (moments || position))
        return ASC_FAIL(err, ASC_EINVAL, "--%s needs --init DIR, a checkpoint", moments ? "moments" : "continue");
    if (!init)
        return ASC_OK;
    char *full = realpath(init, NULL), hex[65];
    if (!full)
        return ASC_FAIL(err, ASC_EINVAL, "--init: %s: %s", init, strerror(errno));
    s->init_from = asc_strdup(full);
    free(full);
    if (!s->init_from)
        return ASC_NOMEM(err);
    s->init_with = position ? ASC_START_POSITION : moments ? ASC_START_MOMENTS : ASC_START_WEIGHTS;
    ASC_TRY(asc_init_digest(hex, s->init_from, s->init_with, err));
    s->init_digest = asc_strdup(hex);
    return s->init_digest ? ASC_OK : ASC_NOMEM(err);
}

static asc_status read_tokenizer(asc_run_spec *s, const asc_tokens_dir *d, asc_error *err)
{
    asc_tokenizer *t = NULL;
    if (!d->tokenizer)
        return ASC_FAIL(err, ASC_EINVAL, "no tokenizer.json beside the token files: the vocabulary size is unknown");
    ASC_TRY(asc_tokenizer_load(&t, d->tokenizer, err));
    int vocab = (int)asc_tokenizer_vocab(t);
    asc_tokenizer_free(t);
    if (s->init_from && vocab > s->model.vocab)
        return ASC_FAIL(err, ASC_EINVAL, "--init: %s has a vocabulary of %d, the tokenizer of the token files %d",
                        s->init_from, s->model.vocab, vocab);
    if (s->init_from && !asc__cli_same_tokenizer(s->init_from, d->tokenizer))
        return ASC_FAIL(err, ASC_EINVAL,
                        "%s: differs from the tokenizer of %s; that model cannot read these token files", d->tokenizer,
                        s->init_from);
    if (!s->init_from) /* a checkpoint may have rows beyond it */
        s->model.vocab = vocab;
    s->tokenizer = asc_strdup(d->tokenizer);
    return s->tokenizer ? ASC_OK : ASC_NOMEM(err);
}

/* ---- the mixture ---- */

static asc_status natural_weights(double *w, const asc_run_spec *s, asc_error *err)
{
    double sum = 0;
    for (size_t i = 0; i < s->n_domains; i++) {
        asc_token_file *f = NULL;
        ASC_TRY(asc_token_file_open(&f, s->train_files[i], err));
        w[i] = (double)asc_token_file_tokens(f);
        asc_token_file_close(f);
        sum += w[i];
    }
    for (size_t i = 0; i < s->n_domains; i++)
        w[i] /= sum;
    return ASC_OK;
}

static asc_status set_share(double *w, const asc_run_spec *s, const char *name, size_t len, const char *share,
                            asc_error *err)
{
    double x = 0;
    size_t i = 0;
    while (i < s->n_domains && (strlen(s->domains[i]) != len || strncmp(s->domains[i], name, len) != 0))
        i++;
    if (i == s->n_domains)
        return ASC_FAIL(err, ASC_EINVAL, "--mix: no domain '%.*s' among the token files", (int)len, name);
    if (!isnan(w[i]))
        return ASC_FAIL(err, ASC_EINVAL, "--mix: domain '%s' is given twice", s->domains[i]);
    if (!asc_parse_quantity(share, &x) || x < 0)
        return ASC_FAIL(err, ASC_EINVAL, "--mix: share of '%s': expected a number >= 0, found '%s'", s->domains[i],
                        share);
    w[i] = x;
    return ASC_OK;
}

/* books=.5,code=.5; domains left out have no share. */
static asc_status written_weights(double *w, const asc_run_spec *s, const char *text, asc_error *err)
{
    char *copy = asc_strdup(text), *rest = NULL;
    if (!copy)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < s->n_domains; i++)
        w[i] = NAN;
    asc_status st = ASC_OK;
    for (char *part = strtok_r(copy, ",", &rest); part && st == ASC_OK; part = strtok_r(NULL, ",", &rest)) {
        const char *eq = strchr(part, '=');
        st = eq ? set_share(w, s, part, (size_t)(eq - part), eq + 1, err)
                : ASC_FAIL(err, ASC_EINVAL, "--mix: expected NAME=SHARE, found '%s'", part);
    }
    asc_free(copy);
    ASC_TRY(st);
    double sum = 0;
    for (size_t i = 0; i < s->n_domains; i++)
        sum += w[i] = isnan(w[i]) ? 0 : w[i];
    if (fabs(sum - 1) > .01)
        return ASC_FAIL(err, ASC_EINVAL, "--mix: the shares sum to %g, expected 1", sum);
    for (size_t i = 0; i < s->n_domains; i++)
        w[i] /= sum;
    return ASC_OK;
}

/* Tokens of each phase of the mixture in s->phase_tokens. */
static asc_status take_phases(asc_run_spec *s, const asc_mix_file *mix, const char *path, int64_t total, asc_error *err)
{
    size_t K = asc_mix_file_n_phases(mix), D = s->n_domains;
    int64_t *whole = asc_calloc(K, D * sizeof *whole);
    s->phase_tokens = asc_calloc(K, D * sizeof *s->phase_tokens);
    asc_status st = whole && s->phase_tokens ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = asc_mix_file_phase_tokens(whole, mix, path, s->domains, D, total, err);
    s->n_phases = K;
    for (size_t i = 0; st == ASC_OK && i < K * D; i++) {
        s->phase_tokens[i] = (double)whole[i];
        s->tokens[i % D] += (double)whole[i];
    }
    asc_free(whole);
    return st;
}

static asc_status file_weights(double *w, asc_run_spec *s, const char *path, int64_t *total, asc_error *err)
{
    asc_mix_file mix = {0};
    ASC_TRY(asc_mix_file_read(&mix, path, err));
    asc_status st = asc_mix_file_weights(w, &mix, path, s->domains, s->n_domains, err);
    if (st == ASC_OK && *total == 0)
        *total = asc_mix_file_total(&mix);
    if (st == ASC_OK && asc_mix_file_n_phases(&mix) > 0 && *total > 0)
        st = take_phases(s, &mix, path, *total, err);
    asc_mix_file_clear(&mix);
    return st;
}

static asc_status read_weights(double *w, asc_run_spec *s, const char *mix, int64_t *total, asc_error *err)
{
    if (!mix || strcmp(mix, "uniform") == 0) {
        for (size_t i = 0; i < s->n_domains; i++)
            w[i] = 1. / (double)s->n_domains;
        return ASC_OK;
    }
    if (strcmp(mix, "natural") == 0)
        return natural_weights(w, s, err);
    if (strchr(mix, '=') && !asc_path_exists(mix))
        return written_weights(w, s, mix, err);
    return file_weights(w, s, mix, total, err);
}

/* Tokens, or a share of all. */
static asc_status read_stop(const asc_cli_args *a, asc_run_spec *s, int64_t total, asc_error *err)
{
    const char *text = asc__cli_get(a, "stop-at");
    double x = 0;
    if (!text)
        return ASC_OK;
    if (!asc_parse_quantity(text, &x) || !(x > 0))
        return ASC_FAIL(err, ASC_EINVAL, "--stop-at: expected tokens, or a share such as 20%%, found '%s'", text);
    x = x <= 1 ? x * (double)total : x;
    if (x > (double)total)
        return ASC_FAIL(err, ASC_EINVAL, "--stop-at: %.0f tokens, but the run has %lld", x, (long long)total);
    s->stop_tokens = ceil(x);
    return ASC_OK;
}

static asc_status spread_tokens(double *tokens, const double *w, size_t n, int64_t total, asc_error *err)
{
    int64_t *whole = asc_calloc(n + 1, sizeof *whole);
    asc_status st = whole ? asc_mixture_tokens(whole, NULL, w, n, total, NULL, err) : ASC_NOMEM(err);
    for (size_t i = 0; st == ASC_OK && i < n; i++)
        tokens[i] = (double)whole[i];
    asc_free(whole);
    return st;
}

static asc_status read_mixture(const asc_cli_args *a, asc_run_spec *s, asc_error *err)
{
    int64_t total = 0;
    ASC_TRY(asc__cli_count(a, "tokens", &total, err));
    double *w = asc_calloc(s->n_domains + 1, sizeof *w);
    s->tokens = asc_calloc(s->n_domains + 1, sizeof *s->tokens);
    s->max_epochs = asc_calloc(s->n_domains + 1, sizeof *s->max_epochs);
    asc_status st = w && s->tokens && s->max_epochs ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = read_weights(w, s, asc__cli_get(a, "mix"), &total, err);
    if (st == ASC_OK && total < 1)
        st = ASC_FAIL(err, ASC_EINVAL, "train: --tokens N is required: how many tokens to train on");
    if (st == ASC_OK && s->n_phases == 0)
        st = spread_tokens(s->tokens, w, s->n_domains, total, err);
    if (st == ASC_OK)
        st = read_stop(a, s, total, err);
    for (size_t i = 0; st == ASC_OK && i < s->n_domains; i++)
        s->max_epochs[i] = NAN;
    asc_free(w);
    return st;
}

/* ---- the stand-alone form ---- */

/* The names and files move from d into s. */
static asc_status take_files(asc_run_spec *s, asc_tokens_dir *d, const char *path, asc_error *err)
{
    if (d->n_domains == 0 || d->n_targets == 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s: no %s files", path, d->n_domains == 0 ? "NAME.train" : "NAME.valid");
    s->n_domains = d->n_domains;
    s->domains = d->domains;
    s->train_files = d->train_files;
    s->n_targets = d->n_targets;
    s->targets = d->targets;
    s->valid_files = d->valid_files;
    d->domains = d->train_files = d->targets = d->valid_files = NULL;
    d->n_domains = d->n_targets = 0;
    return ASC_OK;
}

static asc_status make_spec(const asc_cli_args *a, asc_run_spec *s, const char *out, asc_error *err)
{
    asc_tokens_dir d = {0};
    const char *path = asc__cli_get(a, "tokens-dir"), *slash;
    asc_model_spec own = {0};
    bool init = asc__cli_has(a, "init");
    if (init)
        ASC_TRY(init_model(a, &s->model, &own, err));
    ASC_TRY(asc__cli_settings(s, a, err));
    ASC_TRY(read_model(a, &s->model, err));
    if (init)
        ASC_TRY(check_shape(&s->model, &own, asc__cli_get(a, "init"), err));
    ASC_TRY(asc_device_isa_check(s->isa, s->training.dtype, err));
    s->isa = asc_device_isa_resolve(s->isa);
    ASC_TRY(read_init(a, s, err));
    ASC_TRY(asc_tokens_dir_open(&d, path, err));
    asc_status st = read_tokenizer(s, &d, err);
    if (st == ASC_OK)
        st = take_files(s, &d, path, err);
    asc_tokens_dir_clear(&d);
    ASC_TRY(st);
    slash = strrchr(out, '/');
    s->id = asc_strdup(slash && slash[1] ? slash + 1 : out);
    s->device = asc_strdup("cpu");
    s->keep_checkpoint = true;
    if (!s->id || !s->device)
        return ASC_NOMEM(err);
    return read_mixture(a, s, err);
}

/* ---- output ---- */

struct screen {
    const asc_cli_args *args;
    double printed_s;
    bool terminal, line_open;
};

static void show(void *ctx, const asc_train_status *s)
{
    struct screen *sc = ctx;
    double now = asc_now_s();
    if (asc__cli_quiet(sc->args) || (now - sc->printed_s < (sc->terminal ? .1 : 5) && s->step < s->n_steps))
        return;
    sc->printed_s = now;
    char d[16], t[16], r[16], left[24] = "";
    asc_format_count(s->tokens, d);
    asc_format_count(s->tokens_total, t);
    asc_format_count(s->tokens_per_s, r);
    if (s->seconds_left > 0)
        asc_format_duration(s->seconds_left, left);
    fprintf(stderr, "%sstep %lld of %lld, %s of %s tokens, loss %.4f, %s tokens/s%s%s%s",
            sc->terminal ? "\r\033[K" : "", (long long)s->step, (long long)s->n_steps, d, t, s->loss_train, r,
            left[0] ? ", " : "", left, left[0] ? " left" : "");
    sc->line_open = sc->terminal;
    if (!sc->terminal)
        fputc('\n', stderr);
}

static void print_result(const asc_run_result *r)
{
    char d[24], t[16];
    if (strcmp(r->state, "done") != 0)
        printf("%s: %s\n", r->state, r->why ? r->why : "");
    for (size_t v = 0; v < r->n_targets; v++)
        if (!isnan(r->loss[v]))
            printf("%-24s %8.4f nats/token  %10.2f perplexity\n", r->targets[v], r->loss[v], exp(r->loss[v]));
    printf("%s tokens in %s\n", asc_format_count(r->tokens, t), asc_format_duration(r->wall_s, d));
}

static asc_status print_output(const asc_cli_args *a, const char *dir, asc_error *err)
{
    char *path = asc_path_join(dir, "result.json");
    json_t *j = NULL;
    asc_run_result r = {0};
    asc_status st = path ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK && asc__cli_json(a)) {
        st = asc_json_load(&j, path, err);
        if (st == ASC_OK)
            st = asc__cli_print_json(j, err);
    } else if (st == ASC_OK) {
        st = asc_run_result_read(&r, path, NULL, 0, err);
        if (st == ASC_OK)
            print_result(&r);
    }
    json_decref(j);
    asc_run_result_clear(&r);
    asc_free(path);
    return st;
}

static asc_status prepare(const asc_cli_args *a, const char *out, asc_error *err)
{
    asc_run_spec s;
    asc_run_spec_init(&s);
    asc_status st = make_spec(a, &s, out, err);
    if (st == ASC_OK)
        st = asc_run_spec_begin(&s, out, err);
    asc_run_spec_clear(&s);
    return st;
}

/* A run of several ranks that is not one of them: they are started. Comes back where there is nothing to start;
 * *speaks false for a rank that leaves all words to the first. */
static asc_status start_ranks(bool *speaks, const asc_cli_args *a, const char *dir, asc_error *err)
{
    asc_run_spec s = {0};
    char *result = asc_path_join(dir, "result.json");
    bool made = result && asc_path_exists(result);
    asc_free(result);
    *speaks = asc_train_rank() <= 0;
    if (made)
        return ASC_OK;
    ASC_TRY(asc_run_spec_read(&s, dir, err));
    int ranks = s.ranks, rank = asc_train_rank();
    asc_run_spec_clear(&s);
    *speaks = ranks <= 1 || rank <= 0;
    if (ranks <= 1)
        return ASC_OK;
    if (rank >= 0) {
        follow_mpirun();
        return ASC_OK;
    }
    ASC_TRY(asc_train_ranks_check(ranks, err));
    return asc__cli_mpirun(dir, ranks, asc__cli_json(a), asc__cli_quiet(a), err);
}

static asc_status run(const asc_cli_args *a, asc_error *err)
{
    const char *dir = asc__cli_get(a, "run"), *out = asc__cli_get(a, "out");
    if (dir && (out || asc__cli_has(a, "tokens-dir")))
        return ASC_FAIL(err, ASC_EINVAL, "train: expected either --run DIR, or --tokens-dir DIR with -o DIR, not both");
    if (!dir && !(out && asc__cli_has(a, "tokens-dir")))
        return ASC_FAIL(err, ASC_EINVAL, "train: expected --run DIR, or --tokens-dir DIR with -o DIR");
    ASC_TRY(follow_parent(a, err));
    if (!dir)
        ASC_TRY(prepare(a, out, err));
    dir = dir ? dir : out;
    bool speaks;
    ASC_TRY(start_ranks(&speaks, a, dir, err));
    struct screen sc = {.args = a, .terminal = isatty(STDERR_FILENO)};
    asc_status st = asc_train_run(dir, show, &sc, err);
    if (sc.line_open)
        fputc('\n', stderr);
    if (!speaks && (st == ASC_OK || st == ASC_EINTR))
        return ASC_OK;
    ASC_TRY(st);
    return print_output(a, dir, err);
}

const asc_cli_command asc__cli_train = {
    .name = "train",
    .usage = "--run DIR | --tokens-dir DIR --tokens N [options] -o DIR",
    .summary = "train one model on one mixture",
    .options = options,
    .settings = true,
    .run = run,
};
