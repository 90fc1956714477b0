/* Evaluation files from any bytes: the first byte says as what the rest is read. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "task/task.h"
#include "task/task_data.h"
#include "task/task_metrics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void read_task(const char *name, const char *path)
{
    char spec[128];
    asc_task t = {0};
    asc_task_request *r = NULL;
    size_t n = 0;
    snprintf(spec, sizeof spec, "%s=%s", name, path);
    if (asc_task_load(&t, spec, NULL) != ASC_OK) {
        if (t.items)
            abort(); /* a failed read leaves nothing */
        return;
    }
    for (size_t i = 0; i < t.n_items; i++) {
        bool right = false;
        for (size_t c = 0; c < t.items[i].n_choices; c++)
            right = right || t.items[i].right[c];
        if (!right)
            abort();
    }
    asc_task_opts opts = {.shots = t.n_items > 1, .limit = 8};
    if (asc_task_requests(&r, &n, &t, &opts, NULL) == ASC_OK)
        asc_task_requests_free(r, n);
    asc_task_clear(&t);
}

static void read_squad(const char *path)
{
    asc_squad_set s = {0};
    if (asc_squad_load(&s, path, NULL) != ASC_OK)
        return;
    for (size_t i = 0; i < s.n; i++) {
        const asc_squad_item *q = &s.items[i];
        double exact = -1, f1 = -1;
        for (size_t a = 0; a < q->n_answers; a++)
            if (q->starts[a] >= 0 && strncmp(q->context + q->starts[a], q->answers[a], strlen(q->answers[a])) != 0)
                abort();
        const char *guess = q->n_answers ? q->answers[0] : "";
        if (asc_squad_score(&exact, &f1, q->answers, q->n_answers, guess, NULL) == ASC_OK && (exact != 1 || f1 < .999))
            abort(); /* a right answer is right */
    }
    asc_squad_set_clear(&s);
}

static void read_glue(const asc_glue_info *info, const uint8_t *data, size_t n)
{
    char dir[] = "/tmp/asc-fuzz-XXXXXX", path[64];
    asc_glue_set s = {0};
    if (!mkdtemp(dir))
        return;
    snprintf(path, sizeof path, "%s/%s.tsv", dir, info->dev);
    if (asc_write_file(path, data, n, NULL) == ASC_OK && asc_glue_load(&s, info, dir, true, NULL) == ASC_OK)
        for (size_t i = 0; i < s.n; i++)
            if (!s.rows[i].first || (info->n_classes && (s.rows[i].label < 0 || s.rows[i].label >= info->n_classes)))
                abort();
    asc_glue_set_clear(&s);
    asc_remove_tree(dir, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char *const names[] = {"boolq",    "hellaswag",   "piqa",  "truthfulqa_mc1", "truthfulqa_mc2",
                                        "pubmedqa", "crows_pairs", "asdiv", "lambada",        "own"};
    if (n == 0)
        return 0;
    unsigned kind = data[0] % 20;
    if (kind > 10) {
        read_glue(&asc_glue_tasks[kind - 11], data + 1, n - 1);
        return 0;
    }
    int fd = memfd_create("fuzz", 0);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (fd >= 0 && write(fd, data + 1, n - 1) == (ssize_t)(n - 1)) {
        if (kind == 10)
            read_squad(path);
        else
            read_task(names[kind], path);
    }
    if (fd >= 0)
        close(fd);
    return 0;
}
