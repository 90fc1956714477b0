/*
 * A small model trained on a mixture, with progress and a way to stop.
 *
 *     ./train_model TOKENS_DIR OUT_DIR TOKENS [MIX.json]
 *
 * TOKENS_DIR is what sample_tokens or `autoscale tokenize` made. Ctrl-C writes a checkpoint; the same command resumes.
 */
#include <autoscale/autoscale.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

static bool interrupted(void *ctx)
{
    (void)ctx;
    return stop;
}

static void progress(void *ctx, const char *what, double done, double total, const char *unit)
{
    (void)ctx;
    if (done == total || (long long)done % 10 == 0)
        fprintf(stderr, "%s: %.0f of %.0f %s\n", what, done, total, unit);
}

int main(int argc, char **argv)
{
    if (argc < 4 || argc > 5) {
        fprintf(stderr, "usage: train_model TOKENS_DIR OUT_DIR TOKENS [MIX.json]\n");
        return 2;
    }
    asc_error err = {ASC_OK, ""};
    asc_mixture *mixture = NULL;
    asc_hooks hooks = {sizeof hooks};
    asc_train_options o = {sizeof o};
    const asc_trained *result = NULL;
    signal(SIGINT, on_signal);
    hooks.interrupted = interrupted;
    hooks.progress = progress;
    if (argc == 5 && asc_mixture_load(&mixture, argv[4], &err) != ASC_OK) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    o.tokens_dir = argv[1];
    o.out_dir = argv[2];
    o.tokens = (int64_t)atof(argv[3]);
    o.mixture = mixture; /* NULL: uniform */
    o.layers = 2;
    o.heads = 2;
    o.width = 64;
    o.context = 64;
    o.batch_tokens = 1024;
    o.hooks = &hooks;
    asc_status st = asc_train(&result, &o, &err);
    asc_mixture_free(mixture);
    if (st != ASC_OK) {
        fprintf(stderr, "%s\n", err.msg);
        return st == ASC_EINTR ? 130 : 1;
    }
    for (size_t v = 0; v < result->n_targets; v++)
        printf("%-8s %.6f nats per token\n", result->targets[v], result->losses[v]);
    if (result->diverged)
        printf("diverged: %s\n", result->why);
    asc_trained_free(result);
    return 0;
}
