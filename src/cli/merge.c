/* Checkpoints averaged into one: a weighted sum of Hugging Face folders of one shape. */
#include "cli.h"

#include <math.h>
#include <string.h>

#include "train/train_merge.h"
#include "tokenizers.h"

#define MERGE_SUM_SLACK 1e-6 /* weights as people write them, .3333333, sum to 1 within this */

static const asc_cli_option options[] = {
    {"out", 'o', "DIR", "the merged checkpoint"},
    {"base", 'b', "CKPT", "merge differences from this checkpoint: base + sum of WEIGHT * (CKPT - base)"},
    {"moments", 0, NULL, "also merge the optimizer's moments, for `train --init DIR --moments`"},
    {"normalize", 0, NULL, "divide the weights by their sum"},
    {"dtype", 0, "NAME", "ddddddddtype of the result, fp32 or bf16 (default: that of the checkpoints)"},
    {"shard-size", 0, "BYTES", "split larger weights into files of at most this size (default: 5e9)"},
    {0},
};

typedef struct parts {
    size_t n;
    char **dirs;     /* (n) the base first */
    double *weights; /* (n) of the sum of parameters: the base's is what the others leave of 1 */
    bool has_base;
} parts;

static void parts_clear(parts *p)
{
    for (size_t i = 0; p->dirs && i < p->n; i++)
        asc_free(p->dirs[i]);
    asc_free(p->dirs);
    asc_free(p->weights);
}

/* ---- the checkpoints and their weights ---- */

/* "DIR=WEIGHT", or DIR alone, NAN then. A folder whose own name has a '=' may stand alone. */
static asc_status take_part(char **dir, double *weight, const char *text, asc_error *err)
{
    const char *eq = asc_path_is_dir(text) ? NULL : strrchr(text, '=');
    *weight = NAN;
    *dir = eq ? asc_strndup(text, (size_t)(eq - text)) : asc_strdup(text);
    if (!*dir)
        return ASC_NOMEM(err);
    if (eq && !asc_parse_quantity(eq + 1, weight))
        return ASC_FAIL(err, ASC_EINVAL, "merge: weight of %s: expected a number, found '%s'", *dir, eq + 1);
    if (!asc_path_is_dir(*dir))
        return ASC_FAIL(err, ASC_EINVAL, "merge: %s: no such folder", *dir);
    return ASC_OK;
}

static asc_status take_parts(parts *p, const asc_cli_args *a, asc_error *err)
{
    const char *base = asc__cli_get(a, "base");
    size_t first = base ? 1 : 0, n = asc__cli_n_files(a) + first;
    p->dirs = asc_calloc(n, sizeof *p->dirs);
    p->weights = asc_calloc(n, sizeof *p->weights);
    if (!p->dirs || !p->weights)
        return ASC_NOMEM(err);
    p->n = n;
    p->has_base = base != NULL;
    if (base && !(p->dirs[0] = asc_strdup(base)))
        return ASC_NOMEM(err);
    if (base && !asc_path_is_dir(base))
        return ASC_FAIL(err, ASC_EINVAL, "--base: %s: no such folder", base);
    for (size_t i = first; i < n; i++)
        ASC_TRY(take_part(&p->dirs[i], &p->weights[i], asc__cli_file(a, i - first), err));
    return ASC_OK;
}

/* No weight at all: equal ones. */
static asc_status fill_weights(parts *p, asc_error *err)
{
    size_t first = p->has_base ? 1 : 0, bare = 0, with = first;
    for (size_t i = first; i < p->n; i++)
        if (isnan(p->weights[i]))
            bare = i, with++;
    if (with == first)
        return ASC_OK;
    if (with < p->n)
        return ASC_FAIL(err, ASC_EINVAL, "merge: %s has no weight: give every checkpoint one (CKPT=WEIGHT), or none",
                        p->dirs[bare]);
    for (size_t i = first; i < p->n; i++)
        p->weights[i] = 1. / (double)(p->n - first);
    return ASC_OK;
}

static asc_status settle_weights(parts *p, bool normalize, asc_error *err)
{
    size_t first = p->has_base ? 1 : 0;
    double sum = 0;
    ASC_TRY(fill_weights(p, err));
    for (size_t i = first; i < p->n; i++)
        sum += p->weights[i];
    if (normalize && fabs(sum) < MERGE_SUM_SLACK)
        return ASC_FAIL(err, ASC_EINVAL, "--normalize: the weights sum to %g", sum);
    for (size_t i = first; normalize && i < p->n; i++)
        p->weights[i] /= sum;
    sum = normalize ? 1 : sum;
    if (p->has_base)
        p->weights[0] = fabs(1 - sum) < 1e-12 ? 0 : 1 - sum;
    else if (!(fabs(sum - 1) <= MERGE_SUM_SLACK))
        return ASC_FAIL(err, ASC_EINVAL,
                        "merge: the weights sum to %.9g, expected 1; --normalize divides by the sum, --base CKPT "
                        "merges differences from a checkpoint",
                        sum);
    return ASC_OK;
}

/* Rows of an embedding mean tokens: models of other tokenizers have nothing to average. */
static asc_status check_tokenizers(const parts *p, asc_error *err)
{
    for (size_t i = 1; i < p->n; i++)
        if (!asc__cli_same_tokenizer(p->dirs[0], p->dirs[i]))
            return ASC_FAIL(err, ASC_EINVAL, "%s: tokenizer differs from that of %s: equal rows are different tokens",
                            p->dirs[i], p->dirs[0]);
    return ASC_OK;
}

/* ---- output ---- */

static json_t *result_json(const parts *p, const asc_merge_info *info, const char *out)
{
    json_t *list = json_array();
    json_t *j =
        json_pack("{s:o,s:I,s:I,s:I,s:o}", "out", json_string(out), "tensors", (json_int_t)info->n_tensors, "params",
                  (json_int_t)info->n_params, "files", (json_int_t)info->n_files, "checkpoints", list);
    bool ok = j != NULL;
    for (size_t i = 0; ok && i < p->n; i++)
        ok = json_array_append_new(list, json_pack("{s:o,s:o,s:o}", "path", json_string(p->dirs[i]), "weight",
                                                   asc_json_num(p->weights[i]), "delta",
                                                   asc_json_num(p->has_base && i == 0 ? NAN : info->delta[i]))) == 0;
    if (ok)
        return j;
    json_decref(j);
    return NULL;
}

static void print_result(const parts *p, const asc_merge_info *info, const char *out)
{
    char n[16];
    for (size_t i = 0; i < p->n; i++) {
        printf("%10.4g  ", p->weights[i]);
        asc__cli_print_name(p->dirs[i], 0);
        if (p->has_base && i > 0)
            printf("  delta %.4f", info->delta[i]);
        puts(p->has_base && i == 0 ? "  (base)" : "");
    }
    printf("%s parameters in %zu tensors: ", asc_format_count((double)info->n_params, n), info->n_tensors);
    asc__cli_print_name(out, 0);
    putchar('\n');
}

static void print_notes(const asc_cli_args *a, const parts *p, const asc_merge_info *info)
{
    if (asc__cli_quiet(a))
        return;
    if (info->unknown)
        fprintf(stderr, "note: %s: unknown architecture: only tensor names and shapes were compared\n", p->dirs[0]);
    for (size_t i = 1; p->has_base && i < p->n; i++)
        if (info->delta[i] > .1)
            fprintf(stderr,
                    "note: %s: delta %.2f from the base: beyond about 0.1, averaging is a poorer stand-in for training "
                    "on the mixture\n",
                    p->dirs[i], info->delta[i]);
}

static asc_status merge(const asc_cli_args *a, const parts *p, const char *out, asc_error *err)
{
    const char *dtype = asc__cli_get(a, "dtype");
    asc_dtype type = ASC_DTYPE_FP32;
    asc_merge_info info = {0};
    asc_merge_opts o = {.n = p->n, .dirs = (const char *const *)p->dirs, .weights = p->weights};
    o.has_base = p->has_base;
    if (dtype && !asc_dtype_parse(dtype, &type))
        return ASC_FAIL(err, ASC_EINVAL, "--dtype: expected fp32 or bf16, found '%s'", dtype);
    o.dtype = !dtype ? ASC_MERGE_AS_IS : type == ASC_DTYPE_BF16 ? ASC_MERGE_BF16 : ASC_MERGE_FP32;
    ASC_TRY(asc__cli_double(a, "shard-size", &o.shard_bytes, err));
    if (asc__cli_has(a, "shard-size") && !(o.shard_bytes >= 1))
        return ASC_FAIL(err, ASC_EINVAL, "--shard-size: expected bytes >= 1, found %g", o.shard_bytes);
    if (!asc__cli_quiet(a)) {
        o.progress = asc__cli_progress;
        o.ctx = (void *)a;
    }
    asc_status st = asc_checkpoint_merge(&info, &o, asc__cli_has(a, "moments"), out, err);
    asc__cli_progress_end();
    ASC_TRY(st);
    print_notes(a, p, &info);
    json_t *j = result_json(p, &info, out);
    st = !j ? ASC_NOMEM(err) : asc__cli_json(a) ? asc__cli_print_json(j, err) : ASC_OK;
    if (st == ASC_OK && !asc__cli_json(a))
        print_result(p, &info, out);
    json_decref(j);
    asc_merge_info_clear(&info);
    return st;
}

static asc_status run(const asc_cli_args *a, asc_error *err)
{
    const char *out = asc__cli_get(a, "out");
    parts p = {0};
    if (!out)
        return ASC_FAIL(err, ASC_EINVAL, "merge: -o DIR is required: where to write the merged checkpoint");
    asc_status st = take_parts(&p, a, err);
    if (st == ASC_OK)
        st = settle_weights(&p, asc__cli_has(a, "normalize"), err);
    if (st == ASC_OK)
        st = check_tokenizers(&p, err);
    if (st == ASC_OK)
        st = merge(a, &p, out, err);
    parts_clear(&p);
    return st;
}

const asc_cli_command asc__cli_merge = {
    .name = "merge",
    .usage = "CKPT=WEIGHT... [--base CKPT] -o DIR",
    .summary = "average checkpoints of the same shape",
    .options = options,
    .min_files = 1,
    .max_files = 100000,
    .run = run,
};
