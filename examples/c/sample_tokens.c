/*
 * Text to token files, and batches of them in the proportions of a mixture: what a training loop reads.
 *
 *     ./sample_tokens OUT_DIR NAME=TEXT NAME=TEXT
 *
 * TEXT is a file, folder or glob. The stream is read to its end, then again from the middle, as a trainer does that was
 * stopped: the same batches come.
 */
#include <autoscale/autoscale.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DOMAINS = 2, T = 128, BATCH = 8 };

static int failed(const asc_error *err)
{
    fprintf(stderr, "%s\n", err->msg);
    return 1;
}

/* A checksum of a batch, so that two readings can be compared. */
static unsigned long sum_of(const int32_t *ids, size_t n)
{
    unsigned long h = 1469598103934665603UL;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned long)ids[i]) * 1099511628211UL;
    return h;
}

static int read_all(asc_stream *stream, char *const *names, asc_error *err)
{
    int32_t *ids = malloc(sizeof *ids * BATCH * (T + 1));
    size_t of[BATCH], seen[DOMAINS] = {0};
    unsigned long middle = 0;
    int64_t steps = asc_stream_steps(stream);
    asc_status st = ids ? ASC_OK : ASC_ENOMEM;
    for (int64_t s = 0; st == ASC_OK && s < steps; s++) {
        st = asc_stream_batch(stream, s, ids, of, err);
        for (int64_t b = 0; b < asc_stream_step_sequences(stream, s); b++)
            seen[of[b]]++;
        if (s == steps / 2)
            middle = sum_of(ids, (size_t)asc_stream_step_sequences(stream, s) * (T + 1));
    }
    if (st == ASC_OK) /* resume at the middle */
        st = asc_stream_batch(stream, steps / 2, ids, NULL, err);
    if (st == ASC_OK) {
        printf("%lld steps of %d sequences of %d tokens\n", (long long)steps, BATCH, T);
        for (int i = 0; i < DOMAINS; i++)
            printf("%-8s %zu sequences\n", names[i], seen[i]);
        int same = middle == sum_of(ids, (size_t)asc_stream_step_sequences(stream, steps / 2) * (T + 1));
        printf("resumed at step %lld: %s\n", (long long)(steps / 2), same ? "the same batch" : "ANOTHER BATCH");
    }
    free(ids);
    return st == ASC_OK ? 0 : failed(err);
}

int main(int argc, char **argv)
{
    char *names[DOMAINS];
    const char *text[DOMAINS], *files[DOMAINS];
    static char prefix[DOMAINS][4096];
    asc_error err = {ASC_OK, ""};
    if (argc != 2 + DOMAINS) {
        fprintf(stderr, "usage: sample_tokens OUT_DIR NAME=TEXT NAME=TEXT\n");
        return 2;
    }
    for (int i = 0; i < DOMAINS; i++) {
        char *eq = strchr(argv[2 + i], '=');
        if (!eq)
            return 2;
        *eq = 0;
        names[i] = argv[2 + i];
        text[i] = eq + 1;
        snprintf(prefix[i], sizeof prefix[i], "%s/%s.train", argv[1], names[i]);
        files[i] = prefix[i];
    }
    asc_prepare_options prepare = {sizeof prepare};
    prepare.n_domains = DOMAINS;
    prepare.domains = (const char *const *)names;
    prepare.text = text;
    prepare.out_dir = argv[1];
    prepare.vocab = 512;
    prepare.valid_tokens = 2000;
    if (asc_prepare(&prepare, &err) != ASC_OK)
        return failed(&err);

    int64_t tokens[DOMAINS] = {30000, 10000}; /* 3 to 1 */
    asc_stream_options o = {sizeof o};
    o.n_domains = DOMAINS;
    o.files = files;
    o.tokens = tokens;
    o.context = T;
    o.seed = 42;
    o.batch_tokens = BATCH * T;
    asc_stream *stream = NULL;
    if (asc_stream_open(&stream, &o, &err) != ASC_OK)
        return failed(&err);
    int rc = read_all(stream, names, &err);
    asc_stream_close(stream);
    return rc;
}
