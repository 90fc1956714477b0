/* A checkpoint on GLUE or SQuAD. */
#include "cli.h"

#include "task/task_finetune.h"

static const asc_cli_option options[] = {
    {"task", 't', "NAME", "CoLA, SST-2, MRPC, STS-B, QQP, MNLI, QNLI, RTE, WNLI, or squad"},
    {"data", 'd', "DIR",
     "folder with train.tsv and dev.tsv, or Hugging Face's Parquet; for squad a folder or one file"},
    {"seeds", 's', "N", "number of runs; median and range are reported (default: 3)"},
    {"first-seed", 0, "N", "seeds are N, N+1, ... (default: 1)"},
    {"epochs", 'e', "N", "passes over the training examples (default: 3)"},
    {"lr", 0, "F", "peak learning rate (default: 5e-5; small models need more)"},
    {"batch", 'b', "N", "examples per step (default: 32)"},
    {"max-length", 0, "N", "tokens per example (default: 128; squad: 384)"},
    {"limit-train", 0, "N", "train on the first N examples (questions) only"},
    {"limit-dev", 0, "N", "evaluate on the first N only"},
    {"exclude", 0, "FILE", "exclude dev items found by `autoscale contamination -o FILE` (sets RTE=DIR, squad=FILE)"},
    {"isa", 0, "NAME", "auto, sse41, avx2, avx512, avx512_bf16, amx or plain (default: auto)"},
    {"threads", 0, "N", "threads (default: 1)"},
    {"out", 'o', "FILE", "also write the JSON to FILE"},
    {0},
};

static asc_status count_option(const asc_cli_args *a, const char *name, int64_t lo, int64_t hi, int64_t *out,
                               asc_error *err)
{
    if (!asc__cli_has(a, name))
        return ASC_OK;
    ASC_TRY(asc__cli_count(a, name, out, err));
    if (asc__cli_has(a, name) && (*out < lo || *out > hi))
        return ASC_FAIL(err, ASC_EINVAL, "--%s: expected %lld to %lld, found %lld", name, (long long)lo, (long long)hi,
                        (long long)*out);
    return ASC_OK;
}

static asc_status read_counts(asc_finetune_opts *o, const asc_cli_args *a, asc_error *err)
{
    int64_t seeds = o->seeds, epochs = o->epochs, batch = o->batch, length = 0, threads = 1, train = 0, dev = 0,
            first = 1;
    ASC_TRY(count_option(a, "seeds", 1, 100, &seeds, err));
    ASC_TRY(count_option(a, "first-seed", 0, INT64_MAX, &first, err));
    ASC_TRY(count_option(a, "epochs", 1, 10000, &epochs, err));
    ASC_TRY(count_option(a, "batch", 1, 1 << 20, &batch, err));
    ASC_TRY(count_option(a, "max-length", 16, 1 << 20, &length, err));
    ASC_TRY(count_option(a, "threads", 1, ASC_MAX_THREADS, &threads, err));
    ASC_TRY(count_option(a, "limit-train", 0, INT64_MAX, &train, err));
    ASC_TRY(count_option(a, "limit-dev", 0, INT64_MAX, &dev, err));
    o->seeds = (int)seeds;
    o->epochs = (int)epochs;
    o->batch = (int)batch;
    o->max_length = (int)length;
    o->threads = (int)threads;
    o->limit_train = (size_t)train;
    o->limit_dev = (size_t)dev;
    o->first_seed = (uint64_t)first;
    return ASC_OK;
}

static asc_status read_opts(asc_finetune_opts *o, const asc_cli_args *a, asc_error *err)
{
    const char *isa = asc__cli_get(a, "isa");
    asc_finetune_opts_init(o);
    o->checkpoint = asc__cli_file(a, 0);
    o->task = asc__cli_get(a, "task");
    o->data = asc__cli_get(a, "data");
    o->exclude = asc__cli_get(a, "exclude");
    o->progress = asc__cli_progress;
    o->progress_ctx = (void *)(uintptr_t)a;
    if (!o->task || !o->data)
        return ASC_FAIL(err, ASC_EINVAL, "finetune: --task NAME and --data DIR are required");
    if (isa && !asc_isa_parse(isa, &o->isa))
        return ASC_FAIL(err, ASC_EINVAL, "--isa: unknown instruction set '%s'", isa);
    ASC_TRY(asc__cli_double(a, "lr", &o->lr, err));
    if (!(o->lr > 0))
        return ASC_FAIL(err, ASC_EINVAL, "--lr: expected more than 0, found %g", o->lr);
    return read_counts(o, a, err);
}

static void print_result(const json_t *j)
{
    const char *name;
    json_t *m, *text;
    size_t i;
    printf("%s: %lld examples, %lld seeds\n", json_string_value(json_object_get(j, "task")),
           (long long)json_integer_value(json_object_get(j, "n")),
           (long long)json_integer_value(json_object_get(j, "seeds")));
    json_object_foreach(json_object_get(j, "metrics"), name, m)
    {
        const json_t *median = json_object_get(m, "median");
        if (json_is_number(median))
            printf("  %-10s %.4f  (%.4f to %.4f), constant baseline %.4f\n", name, json_number_value(median),
                   json_number_value(json_object_get(m, "min")), json_number_value(json_object_get(m, "max")),
                   json_number_value(json_object_get(json_object_get(j, "chance"), name)));
        else
            printf("  %-10s undefined: predictions or labels are constant\n", name);
    }
    json_array_foreach(json_object_get(j, "notes"), i, text)
    {
        printf("  note: %s\n", json_string_value(text));
    }
}

static asc_status run(const asc_cli_args *a, asc_error *err)
{
    asc_finetune_opts o;
    json_t *j = NULL;
    bool shown = false;
    ASC_TRY(read_opts(&o, a, err));
    asc_status s = asc_finetune(&j, &o, err);
    asc__cli_progress_end();
    if (s == ASC_OK)
        s = asc__cli_give(&shown, a, j, err);
    if (s == ASC_OK && !shown)
        print_result(j);
    json_decref(j);
    return s;
}

const asc_cli_command asc__cli_finetune = {
    .name = "finetune",
    .usage = "CHECKPOINT --task NAME --data DIR [options]",
    .summary = "fine-tune a checkpoint on GLUE or SQuAD",
    .options = options,
    .min_files = 1,
    .max_files = 1,
    .run = run,
};
