/* One model on one mixture: of a run.json, or of token files and options. */
#include "cli.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "device/device.h"
#include "train_options.h"
#include "train_torch.h"
#include "mpirun.h"
#include "text/text_tokens_dir.h"
#include "tokenizers.h"

static const asc_cli_option options[] = {
    {"run", 'r', "DIR", "train or resume the run in DIR/run.json"},
    {"parent", 0, "PID", "write a checkpoint and exit when process PID exits"},
    {"trainer", 0, "NAME", "builtin, or torch: PyTorch makes the run, on a GPU if there is one", "builtin"},
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

/* ---- the stand-alone form ---- */

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

/* The token files of --tokens-dir and their tokenizer. */
static asc_status take_tokens(asc_run_spec *s, const char *path, asc_error *err)
{
    asc_tokens_dir d = {0};
    ASC_TRY(asc_tokens_dir_open(&d, path, err));
    asc_status st = read_tokenizer(s, &d, err);
    if (st == ASC_OK)
        st = take_files(s, &d, path, err);
    asc_tokens_dir_clear(&d);
    return st;
}

/* A run.json of options: model, text, mixture. out: the run's folder, whose name is its id. */
static asc_status make_spec(const asc_cli_args *a, asc_run_spec *s, const char *out, asc_error *err)
{
    const char *slash = strrchr(out, '/');
    ASC_TRY(asc__cli_train_model(s, a, err));
    ASC_TRY(take_tokens(s, asc__cli_get(a, "tokens-dir"), err));
    s->id = asc_strdup(slash && slash[1] ? slash + 1 : out);
    if (!s->device)
        s->device = asc_strdup(asc__cli_by_torch(a) ? "auto" : "cpu");
    s->keep_checkpoint = true;
    if (!s->id || !s->device)
        return ASC_NOMEM(err);
    return asc__cli_train_mixture(s, a, err);
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

static asc_status check_trainer(const asc_cli_args *a, asc_error *err)
{
    const char *word = asc__cli_get(a, "trainer"), *device = asc__cli_get(a, "device");
    if (word && !asc_trainer_is_ours(word))
        return ASC_FAIL(err, ASC_EINVAL, "--trainer: expected builtin or torch, found '%s'", word);
    if (device && !asc_device_is_known(device))
        return ASC_FAIL(err, ASC_EINVAL, "--device: expected auto, cpu, cuda or cuda:N, found '%s'", device);
    return asc__cli_by_torch(a) || !device ? ASC_OK : asc_device_check(device, err);
}

static asc_status run(const asc_cli_args *a, asc_error *err)
{
    const char *dir = asc__cli_get(a, "run"), *out = asc__cli_get(a, "out");
    if (dir && (out || asc__cli_has(a, "tokens-dir")))
        return ASC_FAIL(err, ASC_EINVAL, "train: expected either --run DIR, or --tokens-dir DIR with -o DIR, not both");
    if (!dir && !(out && asc__cli_has(a, "tokens-dir")))
        return ASC_FAIL(err, ASC_EINVAL, "train: expected --run DIR, or --tokens-dir DIR with -o DIR");
    ASC_TRY(check_trainer(a, err));
    ASC_TRY(follow_parent(a, err));
    if (!dir)
        ASC_TRY(prepare(a, out, err));
    dir = dir ? dir : out;
    if (asc__cli_by_torch(a)) {
        ASC_TRY(asc__cli_train_torch(dir, asc__cli_get(a, "device"), asc__cli_quiet(a), err));
        return print_output(a, dir, err);
    }
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
