/* trainer: torch: which interpreter and package make the runs, what they compute on, and how many runs they stack. */
#include "steps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device/device.h"

enum {
    MOST_STACKED = 64,   /* beyond it a card gains nothing */
    CLUSTER_STACKED = 16 /* of a card that nobody has looked at */
};

void asc__torch_clear(asc__torch *t)
{
    asc_torch_program_clear(&t->program);
    *t = (asc__torch){0};
}

/* ---- asking it ---- */

/* What the program says to options (NULL after the last) and one folder (or NULL): its last line of JSON. */
static asc_status ask(json_t **out, const asc_torch_program *p, const char *const *options, const char *dir,
                      asc_error *err)
{
    asc_launch l = {0};
    asc_buf b = {0};
    asc_error why;
    int code = 0;
    ASC_TRY(asc_launch_torch(&l, p, options, dir ? &dir : NULL, dir ? 1 : 0, err));
    asc_status st = asc_ask(l.argv, l.env, &b, &code, &why);
    asc_launch_clear(&l);
    while (b.len && strchr(" \n", b.data[b.len - 1]))
        b.data[--b.len] = 0;
    char *last = b.len ? strrchr(b.data, '\n') : NULL;
    last = last ? last + 1 : b.len ? b.data : "";
    if (st != ASC_OK)
        st = ASC_FAIL(err, ASC_EMISSING, "trainer torch: %s", why.msg);
    else if (code != 0 && strstr(last, "No module named"))
        st = ASC_FAIL(err, ASC_EMISSING,
                      "trainer torch: %s: %.200s; name an interpreter that has PyTorch: {torch: {python: PATH}} or "
                      "AUTOSCALE_PYTHON",
                      p->python, last);
    else if (code != 0)
        st = ASC_FAIL(err, ASC_EMISSING, "trainer torch: %s: %.300s", p->python, *last ? last : "no answer");
    else if (asc_json_parse(out, "its answer", last, strlen(last), &why) != ASC_OK)
        st = ASC_FAIL(err, ASC_EMISSING, "trainer torch: %s: expected a line of JSON, found '%.100s'", p->python, last);
    asc_buf_clear(&b);
    return st;
}

static double free_memory(void)
{
    return .5 * asc_memory_available();
}

/* Its cards: those that the study's device names. */
static void read_devices(asc__torch *t, const json_t *answer, const char *device)
{
    const json_t *cards = json_object_get(answer, "devices");
    const char *number = strchr(device, ':');
    size_t n = json_array_size(cards), at = number ? strtoul(number + 1, NULL, 10) : 0;
    const json_t *card = json_array_get(cards, at), *bytes;
    t->n_cards = strcmp(device, "cpu") == 0 ? 0 : number ? 1 : n;
    if (t->n_cards) {
        bytes = json_object_get(card, "free_bytes");
        t->bytes = .8 * json_number_value(json_is_number(bytes) ? bytes : json_object_get(card, "memory_bytes"));
        snprintf(t->name, sizeof t->name, "%.90s", json_string_value(json_object_get(card, "name")));
    } else
        strcpy(t->name, "cpu");
}

static asc_status probe(asc__torch *t, const asc__study *s, asc_error *err)
{
    const char *options[] = {"--probe", "--device", s->spec->device, NULL};
    json_t *answer = NULL;
    ASC_TRY(ask(&answer, &t->program, options, NULL, err));
    const char *version = json_string_value(json_object_get(answer, "version"));
    const char *torch = json_string_value(json_object_get(answer, "torch"));
    asc_status st = ASC_OK;
    if (!version || strcmp(version, ASC_VERSION) != 0)
        st = ASC_FAIL(err, ASC_EMISSING, "trainer torch: %s has autoscale %.40s, this is %s", t->program.python,
                      version ? version : "(no version)", ASC_VERSION);
    read_devices(t, answer, s->spec->device);
    snprintf(t->torch, sizeof t->torch, "%.30s", torch ? torch : "");
    json_decref(answer);
    return st;
}

asc_status asc__torch_find(asc__study *s, asc_error *err)
{
    asc__torch *t = &s->torch;
    if (!s->spec->trainer.torch || t->program.python)
        return ASC_OK;
    ASC_TRY(asc_torch_program_find(&t->program, s->program, s->spec->trainer.python, s->spec->base_dir, err));
    if (s->spec->executor != ASC_EXECUTOR_LOCAL) /* its nodes may have what this machine lacks */
        return ASC_OK;
    ASC_TRY(probe(t, s, err));
    bool jobs_given = s->opts->jobs > 0 || s->spec->jobs > 0;
    if (t->n_cards && t->n_cards < (size_t)s->spec->ranks)
        return ASC_FAIL(err, ASC_EINVAL,
                        "%s: run.ranks: a GPU for each of %d processes of a run, found %zu (device %s)", s->spec->path,
                        s->spec->ranks, t->n_cards, s->spec->device);
    if (t->n_cards)
        s->places = jobs_given ? s->jobs : (int)t->n_cards / s->spec->ranks;
    return ASC_OK;
}

/* ---- groups ---- */

size_t asc__torch_most(const asc__study *s, const asc__size *z)
{
    const asc__torch *t = &s->torch;
    if (!s->spec->trainer.torch)
        return 1;
    if (s->spec->ranks > 1) /* its processes share the batches of one run */
        return 1;
    if (s->spec->group > 0)
        return (size_t)s->spec->group;
    if (s->spec->executor != ASC_EXECUTOR_LOCAL)
        return CLUSTER_STACKED;
    /* Weights, gradients and two moments, as much again for activations, and what a process of any size has. */
    double a_run = 32. * (double)asc_model_params(&z->model) + (64 << 20);
    double places = asc__places(s), cards = (double)t->n_cards;
    double room = t->n_cards ? t->bytes * fmin(1, cards / places) : free_memory() / places;
    double most = floor(room / a_run);
    return most > MOST_STACKED ? MOST_STACKED : most > 1 ? (size_t)most : 1;
}

void asc__torch_shape(char *buf, size_t n, const asc__study *s, const asc__size *z)
{
    const asc_training_spec *t = &s->spec->training;
    snprintf(buf, n, "%s, %lld parameters, context %d, batch %lld, %s", asc_arch_name(s->model.arch),
             (long long)asc_model_params(&z->model), s->model.context, (long long)t->batch_tokens,
             asc_dtype_name(t->dtype));
}

asc_status asc__torch_launch(asc_launch *out, const asc__study *s, const char *const *dirs, size_t n, int ranks,
                             size_t place, asc_error *err)
{
    const asc__torch *t = &s->torch;
    const char *word = s->spec->device;
    bool here = s->spec->executor == ASC_EXECUTOR_LOCAL, spread = t->n_cards > 1 && !strchr(word, ':');
    bool srun = ranks > 1 && s->spec->executor == ASC_EXECUTOR_SLURM; /* whose tasks may be on several nodes */
    size_t each = (size_t)s->spec->ranks, first = t->n_cards ? place % (t->n_cards / each) * each : 0;
    char device[32], pid[32];
    snprintf(device, sizeof device, "cuda:%zu", first);
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    const char *options[8] = {"--quiet", "--device", spread ? device : word};
    size_t k = 3;
    if (srun)
        options[k++] = "--srun";
    if (here) {
        options[k++] = "--parent";
        options[k++] = pid;
    }
    return asc_launch_torch(out, &t->program, options, dirs, n, err);
}

/* ---- its speed ---- */

static asc_status write_text(const asc__study *s, const char *dir, asc_error *err)
{
    asc_token_writer *w = NULL;
    size_t n = (size_t)s->model.context * 4 + 1;
    int32_t *ids = asc_malloc(n * sizeof *ids);
    char *prefix = asc_path_join(dir, "text");
    asc_status st = ids && prefix ? ASC_OK : ASC_NOMEM(err);
    for (size_t i = 0; st == ASC_OK && i < n; i++)
        ids[i] = (int32_t)(i * 2654435761u % (unsigned)s->model.vocab);
    if (st == ASC_OK)
        st = asc_token_writer_create(&w, prefix, (size_t)s->model.vocab, err);
    if (st == ASC_OK)
        st = asc_token_writer_add(w, ids, n, err);
    if (st == ASC_OK)
        st = asc_token_writer_commit(w, err);
    asc_token_writer_free(w);
    asc_free(ids);
    asc_free(prefix);
    return st;
}

/* A run of this shape on a few tokens, to be measured and never made. */
static asc_status write_sample(const asc__study *s, const char *dir, asc_error *err)
{
    char text[] = "text", cpu[] = "cpu", id[] = "sample", *name = text, *none = NULL;
    double tokens = 8 * (double)(s->spec->training.batch_tokens + s->model.context), cap = NAN;
    asc_run_spec r = {.id = id,
                      .model = s->model,
                      .training = s->spec->training,
                      .isa = asc_device_isa_resolve(s->isa),
                      .threads = s->spec->threads,
                      .ranks = 1,
                      .device = cpu,
                      .n_domains = 1,
                      .domains = &name,
                      .train_files = &name,
                      .tokens = &tokens,
                      .max_epochs = &cap,
                      .n_targets = 1,
                      .targets = &name,
                      .valid_files = &name,
                      .scored_files = &none,
                      .checkpoint_s = 300};
    tokens = floor(tokens / s->model.context) * s->model.context;
    ASC_TRY(write_text(s, dir, err));
    return asc_run_spec_write(&r, dir, err);
}

static asc_status measure(json_t **out, const asc__study *s, size_t n_runs, asc_error *err)
{
    const char *tmp = getenv("TMPDIR");
    char runs[32], *dir = asc_strf("%s/autoscale-speed-XXXXXX", tmp && tmp[0] ? tmp : "/tmp");
    snprintf(runs, sizeof runs, "%zu", n_runs);
    const char *options[] = {"--measure", "--runs", runs, "--seconds", "3", "--device", s->spec->device, NULL};
    if (!dir)
        return ASC_NOMEM(err);
    asc_status st = mkdtemp(dir) ? ASC_OK : ASC_FAIL(err, ASC_EIO, "%s: cannot create a folder", dir);
    if (st == ASC_OK)
        st = write_sample(s, dir, err);
    if (st == ASC_OK)
        st = ask(out, &s->torch.program, options, dir, err);
    (void)asc_remove_tree(dir, NULL);
    asc_free(dir);
    return st;
}

/* "llama, 1310720 parameters, …; 15 stacked on NVIDIA H100, PyTorch 2.8": what a measurement is of. */
static char *speed_key(const asc__study *s, size_t n_runs)
{
    char shape[160];
    asc__torch_shape(shape, sizeof shape, s, &s->sizes[0]);
    return asc_strf("%s; %zu stacked on %s, PyTorch %s", shape, n_runs, s->torch.name, s->torch.torch);
}

/* Measured once a shape and kept in the folder of a study that was begun there. */
asc_status asc__torch_speed(asc__torch_speed_of *out, const asc__study *s, size_t n_runs, const char *dir,
                            asc_error *err)
{
    char *key = speed_key(s, n_runs), *path = asc_path_join(dir, "speed.json"), *db = asc_path_join(dir, "study.db");
    json_t *kept = NULL, *answer = NULL;
    asc_error ignored;
    asc_status st = key && path && db ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK && asc_path_exists(path) && asc_json_load(&kept, path, &ignored) == ASC_OK)
        answer = json_incref(json_object_get(kept, key));
    if (st == ASC_OK && !answer) {
        st = measure(&answer, s, n_runs, err);
        if (st == ASC_OK && asc_path_exists(db)) {
            kept = json_is_object(kept) ? kept : (json_decref(kept), json_object());
            json_object_set(kept, key, answer);
            (void)asc_json_write(path, kept, 2, &ignored); /* measured again next time */
        }
    }
    if (st == ASC_OK) {
        out->tokens_per_s = asc_json_number(answer, "tokens_per_s");
        out->eval_tokens_per_s = asc_json_number(answer, "eval_tokens_per_s");
        out->start_s = asc_json_number(answer, "start_s");
        out->lanes = fmax(1, asc_json_number(answer, "lanes"));
        if (!(out->tokens_per_s > 0 && out->eval_tokens_per_s > 0))
            st = ASC_FAIL(err, ASC_EMISSING, "trainer torch: its measurement reports no speed");
    }
    json_decref(answer);
    json_decref(kept);
    asc_free(key);
    asc_free(path);
    asc_free(db);
    return st;
}
