/* Losses and tasks of a checkpoint. */
#include "cli.h"

#include <math.h>
#include <string.h>

#include "train/train.h"
#include "eval_tasks.h"
#include "tokenizers.h"
#include "text/text_tokens_dir.h"

static const asc_cli_option options[] = {
    {"tokens-dir", 0, "DIR", "token files as `autoscale tokenize` writes them: every NAME.valid is a target"},
    {"context", 0, "N", "tokens per window of models with rotary positions (default: the model's own, at most 4096)"},
    {"valid-tokens", 0, "N", "tokens evaluated per target (default: all)"},
    {"tasks", 0, "LIST", "tasks to score: PATH, NAME=PATH or NAME, separated by commas"},
    {"tasks-dir", 0, "DIR", "folder in which a bare NAME is looked up as NAME*.jsonl[.zst|.gz]"},
    {"shots", 'k', "K", "few-shot examples per item (default: 0)"},
    {"shots-from", 0, "FILE", "file to take the examples from (default: the task's other items)"},
    {"shots-seed", 0, "N", "draw the examples with this seed (default: the first K)"},
    {"limit", 0, "N", "only the first N items of each task"},
    {"exclude", 0, "FILE", "exclude the items found by `autoscale contamination -o FILE`"},
    {"details", 0, "DIR", "write each item's likelihoods to DIR/TASK.jsonl"},
    {"micro-batch", 0, "N", "sequences per forward pass for tasks (default: about 4096 tokens)"},
    {"dtype", 0, "NAME", "fp32 or bf16, for tasks (default: fp32)"},
    {"isa", 0, "NAME", "auto, sse41, avx2, avx512, avx512_bf16, amx or plain (default: auto)"},
    {"threads", 0, "N", "threads (default: 1)"},
    {"out", 'o', "FILE", "also write the JSON to FILE"},
    {0},
};

/* Ids of another vocabulary mean other words: their loss would say nothing, and nothing would show it. */
static asc_status check_tokenizer(const char *checkpoint, const char *files, asc_error *err)
{
    if (!files || asc__cli_same_tokenizer(checkpoint, files))
        return ASC_OK;
    return ASC_FAIL(err, ASC_EINVAL, "%s: differs from the tokenizer of %s; that model cannot read these token files",
                    files, checkpoint);
}

static asc_status eval_losses(const asc_cli_args *a, json_t *map, asc_error *err)
{
    const char *isa_name = asc__cli_get(a, "isa");
    asc_isa isa = ASC_ISA_AUTO;
    int64_t valid_tokens = 0, threads = 1, context = 0;
    asc_tokens_dir d = {0};
    ASC_TRY(asc__cli_count(a, "valid-tokens", &valid_tokens, err));
    ASC_TRY(asc__cli_count(a, "threads", &threads, err));
    ASC_TRY(asc__cli_count(a, "context", &context, err));
    if (context > 1 << 24)
        return ASC_FAIL(err, ASC_EINVAL, "--context: expected at most %d, found %lld", 1 << 24, (long long)context);
    if (threads < 1 || threads > ASC_MAX_THREADS)
        return ASC_FAIL(err, ASC_EINVAL, "--threads: expected 1 to %d, found %lld", ASC_MAX_THREADS,
                        (long long)threads);
    if (isa_name && !asc_isa_parse(isa_name, &isa))
        return ASC_FAIL(err, ASC_EINVAL, "--isa: unknown instruction set '%s'", isa_name);
    ASC_TRY(asc_tokens_dir_open(&d, asc__cli_get(a, "tokens-dir"), err));
    double *loss = asc_calloc(d.n_targets + 1, sizeof *loss);
    asc_status st = loss ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK && d.n_targets == 0)
        st = ASC_FAIL(err, ASC_EINVAL, "%s: no NAME.valid files", asc__cli_get(a, "tokens-dir"));
    if (st == ASC_OK)
        st = check_tokenizer(asc__cli_file(a, 0), d.tokenizer, err);
    if (st == ASC_OK)
        st = asc_eval_checkpoint_at(loss, asc__cli_file(a, 0), d.valid_files, d.n_targets, valid_tokens, (int)context,
                                    isa, (int)threads, err);
    for (size_t v = 0; st == ASC_OK && v < d.n_targets; v++)
        if (json_object_set_new(map, d.targets[v], asc_json_num(loss[v])) != 0)
            st = ASC_NOMEM(err);
    asc_free(loss);
    asc_tokens_dir_clear(&d);
    return st;
}

static void print_losses(const json_t *map)
{
    const char *name;
    json_t *x;
    json_object_foreach((json_t *)map, name, x)
    {
        double loss = json_is_number(x) ? json_number_value(x) : NAN;
        printf("%-24s %8.4f nats/token  %10.2f perplexity\n", name, loss, exp(loss));
    }
}

static asc_status eval_all(const asc_cli_args *a, json_t *out, asc_error *err)
{
    json_t *loss = json_object_get(out, "loss");
    json_t *tasks = json_object_get(out, "tasks");
    if (asc__cli_has(a, "tokens-dir"))
        ASC_TRY(eval_losses(a, loss, err));
    if (asc__cli_has(a, "tasks"))
        ASC_TRY(asc__eval_tasks(a, tasks, err));
    bool shown;
    ASC_TRY(asc__cli_give(&shown, a, out, err));
    if (shown)
        return ASC_OK;
    print_losses(loss);
    asc__eval_tasks_print(tasks);
    return ASC_OK;
}

static asc_status run(const asc_cli_args *a, asc_error *err)
{
    if (!asc__cli_has(a, "tokens-dir") && !asc__cli_has(a, "tasks"))
        return ASC_FAIL(err, ASC_EINVAL, "eval: --tokens-dir DIR or --tasks LIST is required: what to evaluate on");
    json_t *out = json_pack("{s:{}, s:{}}", "loss", "tasks");
    asc_status st = out ? eval_all(a, out, err) : ASC_NOMEM(err);
    json_decref(out);
    return st;
}

const asc_cli_command asc__cli_eval = {
    .name = "eval",
    .usage = "CHECKPOINT [--tokens-dir DIR] [--tasks LIST] [options]",
    .summary = "evaluate a checkpoint: losses and tasks",
    .options = options,
    .min_files = 1,
    .max_files = 1,
    .run = run,
};
