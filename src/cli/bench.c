/* The speed of this machine on each stage, beside what it could do. */
#include "cli.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "device/device.h"
#include "model/model.h"
#include "num/num.h"
#include "spec/spec_json.h"
#include "text/text.h"
#include "bench_fit.h"

static const asc_cli_option options[] = {
    {"model", 'm', "MODEL",
     "train: S, M, L (GPT-2) and changes to it: S,arch=llama or "
     "layers=..,width=..,heads=..,vocab=..,context=..,batch=..,recompute=1"},
    {"dtype", 0, "NAME", "gemm, train: fp32 or bf16 (default: fp32)"},
    {"threads", 0, "N", "train: threads of one run (default: 1)"},
    {"text", 0, "GLOB", "tokenize: text to train the tokenizer on and encode (default: generated)"},
    {"tokenizer", 0, "PATH", "tokenize: encode with this tokenizer instead of training one"},
    {"vocab", 0, "N", "tokenize: vocabulary of the trained tokenizer (default: 8192)"},
    {"isa", 0, "NAME", "auto, sse41, avx2, avx512, avx512_bf16, amx or plain (default: auto)"},
    {"seconds", 0, "F", "seconds per measurement (default: 1)"},
    {"repeats", 0, "N", "measurements per stage; the median is reported (default: 3)"},
    {"out", 'o', "FILE", "also write the JSON to FILE"},
    {0},
};

enum { MAX_REPEATS = 99, PEAK_SLICES = 2 };

typedef struct bench {
    asc_model_spec model;
    int batch;
    asc_dtype dtype;
    asc_isa isa;
    int threads, repeats;
    double seconds;
    asc_bench_text_opts text;
} bench;

static double median(double *x, int n)
{
    return asc_median(x, (size_t)n);
}

/* ---- options ---- */

struct preset {
    const char *name;
    int layers, heads, width, vocab, context, batch;
};
static const struct preset presets[] = {
    {"S", 4, 4, 128, 4096, 128, 16}, {"M", 6, 8, 256, 8192, 256, 8}, {"L", 12, 12, 768, 50257, 256, 4}};

static void take_preset(bench *b, const struct preset *p)
{
    asc_model_spec_init(&b->model);
    b->model.arch = ASC_ARCH_GPT2; /* S, M and L are what was measured since the first version */
    b->model.n_layers = p->layers;
    b->model.n_heads = p->heads;
    b->model.width = p->width;
    b->model.vocab = p->vocab;
    b->model.context = p->context;
    b->batch = p->batch;
}

static asc_status set_dimension(bench *b, const char *name, const char *value, asc_error *err)
{
    const asc_setting *key = asc_setting_find("model", name);
    asc_error why = {0};
    int64_t n;
    if (strcmp(name, "batch") == 0) {
        if (!asc_parse_count(value, &n) || n < 1 || n > 1 << 20)
            return ASC_FAIL(err, ASC_EINVAL, "--model: batch: expected a whole number from 1 to 2^20, found '%s'",
                            value);
        b->batch = (int)n;
        return ASC_OK;
    }
    if (key && asc_setting_parse(asc_model_setting(&b->model, key), key, value, &why) != ASC_OK)
        return ASC_FAIL(err, ASC_EINVAL, "--model: %s: %s", name, why.msg);
    if (key)
        return ASC_OK;
    return ASC_FAIL(
        err, ASC_EINVAL,
        "--model: unknown key '%s'; expected batch or a key of a study's model: arch, layers, heads, width, … "
        "(docs/formats.md)",
        name);
}

static const struct preset *find_preset(const char *name)
{
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
        if (strcmp(name, presets[i].name) == 0)
            return &presets[i];
    return NULL;
}

static asc_status read_model(bench *b, const char *text, asc_error *err)
{
    take_preset(b, &presets[0]);
    char *copy = text ? asc_strdup(text) : NULL, *rest = NULL;
    if (!copy)
        return text ? ASC_NOMEM(err) : ASC_OK;
    asc_status st = ASC_OK;
    for (char *part = strtok_r(copy, ",", &rest); part && st == ASC_OK; part = strtok_r(NULL, ",", &rest)) {
        char *eq = strchr(part, '=');
        const struct preset *p = part == copy && !eq ? find_preset(part) : NULL;
        if (p) {
            take_preset(b, p);
            continue;
        }
        if (!eq) {
            st = ASC_FAIL(err, ASC_EINVAL, "--model: expected S, M, L or NAME=N,..., found '%s'", part);
            break;
        }
        *eq = 0;
        st = set_dimension(b, part, eq + 1, err);
    }
    asc_free(copy);
    asc_error why = {0};
    if (st == ASC_OK && asc_model_spec_check(&b->model, &why) != ASC_OK)
        st = ASC_FAIL(err, ASC_EINVAL, "--model: %s", why.msg);
    return st;
}

static asc_status read_options(bench *b, const asc_cli_args *a, asc_error *err)
{
    const char *dtype = asc__cli_get(a, "dtype"), *isa = asc__cli_get(a, "isa");
    int64_t threads = 1, repeats = 3;
    *b = (bench){.seconds = 1};
    ASC_TRY(read_model(b, asc__cli_get(a, "model"), err));
    if (dtype && !asc_dtype_parse(dtype, &b->dtype))
        return ASC_FAIL(err, ASC_EINVAL, "--dtype: expected fp32 or bf16, found '%s'", dtype);
    if (isa && !asc_isa_parse(isa, &b->isa))
        return ASC_FAIL(err, ASC_EINVAL, "--isa: unknown instruction set '%s'", isa);
    ASC_TRY(asc__cli_count(a, "threads", &threads, err));
    ASC_TRY(asc__cli_count(a, "repeats", &repeats, err));
    ASC_TRY(asc__cli_double(a, "seconds", &b->seconds, err));
    if (threads < 1 || threads > 4096)
        return ASC_FAIL(err, ASC_EINVAL, "--threads: expected 1 to 4096, found %lld", (long long)threads);
    if (repeats < 1 || repeats > MAX_REPEATS)
        return ASC_FAIL(err, ASC_EINVAL, "--repeats: expected 1 to %d, found %lld", MAX_REPEATS, (long long)repeats);
    if (!(b->seconds > 0 && b->seconds <= 3600))
        return ASC_FAIL(err, ASC_EINVAL, "--seconds: expected a number > 0, at most 3600, found %g", b->seconds);
    b->text = (asc_bench_text_opts){asc__cli_get(a, "text"), asc__cli_get(a, "tokenizer"), 8192};
    ASC_TRY(asc__cli_count(a, "vocab", &b->text.vocab, err));
    ASC_TRY(asc_device_isa_check(b->isa, b->dtype, err));
    b->isa = asc_device_isa_resolve(b->isa);
    b->threads = (int)threads;
    b->repeats = (int)repeats;
    return ASC_OK;
}

/* ---- stages ---- */

static json_t *machine_json(const bench *b)
{
    return json_pack("{s:s, s:i, s:s, s:s}", "cpu", asc_device_cpu_name(), "cores", asc_cpu_count(), "isa",
                     asc_isa_name(b->isa), "amx", asc_device_amx_state());
}

/* The object of docs/cli.md, "autoscale bench"; peak NAN where a stage has none. */
static json_t *stage_json(const bench *b, const char *stage, double value, const char *unit, double peak,
                          double fraction, int threads)
{
    return json_pack("{s:s, s:o, s:s, s:o, s:o, s:i, s:o}", "stage", stage, "value", asc_json_num(value), "unit", unit,
                     "peak_gflops", asc_json_num(peak), "fraction", asc_json_num(fraction), "threads", threads,
                     "machine", machine_json(b));
}

static double peak_gflops(const bench *b, asc_dtype dtype)
{
    return asc_device_peak_gflops(b->isa, dtype, fmin(.2, b->seconds));
}

static asc_status shape_json(json_t *list, const bench *b, const size_t *mnk, double *gflops, asc_error *err)
{
    double ours[MAX_REPEATS], library[MAX_REPEATS], slice = b->seconds / (2 * b->repeats);
    for (int r = 0; r < b->repeats; r++) {
        ours[r] = asc_device_gemm_gflops(b->isa, b->dtype, mnk[0], mnk[1], mnk[2], slice);
        library[r] = asc_device_onednn_gflops(b->isa, b->dtype, mnk[0], mnk[1], mnk[2], slice);
    }
    *gflops = median(ours, b->repeats);
    double other = median(library, b->repeats);
    json_t *o = json_pack("{s:[i, i, i], s:o, s:o}", "shape", (int)mnk[0], (int)mnk[1], (int)mnk[2], "gflops",
                          asc_json_num(*gflops), "onednn_gflops", other > 0 ? asc_json_num(other) : json_null());
    return json_array_append_new(list, o) == 0 ? ASC_OK : ASC_NOMEM(err);
}

/* Products of a training step of S, M and L; the value is the median over shapes. */
static asc_status bench_gemm(json_t **out, const bench *b, asc_error *err)
{
    static const size_t shapes[][3] = {{2048, 384, 128},  {2048, 4096, 128}, {2048, 768, 256},
                                       {2048, 256, 1024}, {2048, 8192, 256}, {1024, 2304, 768}};
    enum { N = sizeof shapes / sizeof *shapes };
    double gflops[N], before = peak_gflops(b, b->dtype);
    json_t *list = json_array();
    asc_status st = list ? ASC_OK : ASC_NOMEM(err);
    for (size_t i = 0; st == ASC_OK && i < N; i++)
        st = shape_json(list, b, shapes[i], &gflops[i], err);
    double peak = fmax(before, peak_gflops(b, b->dtype));
    double value = st == ASC_OK ? median(gflops, N) : 0;
    json_t *o = st == ASC_OK ? stage_json(b, "gemm", value, "GFLOP/s", peak, value / peak, 1) : NULL;
    bool ok = o && json_object_set_new(o, "dtype", json_string(asc_dtype_name(b->dtype))) == 0 &&
              json_object_set(o, "shapes", list) == 0 &&
              json_object_set_new(o, "bandwidth_gbs", asc_json_num(asc_device_bandwidth(b->seconds))) == 0;
    json_decref(list);
    if (st == ASC_OK && !ok)
        st = ASC_NOMEM(err);
    if (st == ASC_OK)
        *out = o;
    else
        json_decref(o);
    return st;
}

/* The roofline (Williams et al. 2009): the time that the products take at the measured peak, or the arrays at the
 * measured bandwidth, whichever is longer, beside the time that was taken. */
static json_t *part_json(const asc_stage_time *t, const asc_model_bench_result *r, double bandwidth)
{
    double peak = t->bf16 ? r->peak_bf16_gflops : r->peak_gflops;
    double compute = t->gflop / peak, memory = t->gbytes / bandwidth, limit = fmax(compute, memory);
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:o}", "name", t->name, "seconds", asc_json_num(t->seconds),
                     "gflop", asc_json_num(t->gflop), "gbytes", asc_json_num(t->gbytes), "gflops",
                     asc_json_num(t->gflop > 0 && t->seconds > 0 ? t->gflop / t->seconds : NAN), "limit_seconds",
                     asc_json_num(limit), "bound", compute >= memory ? "arithmetic" : "memory", "share_of_limit",
                     asc_json_num(t->seconds > 0 ? limit / t->seconds : NAN));
}

static json_t *parts_json(const asc_model_bench_result *r, double bandwidth)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < r->n_stages; i++)
        if (json_array_append_new(list, part_json(&r->stages[i], r, bandwidth)) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *model_json(const bench *b)
{
    const asc_model_spec *m = &b->model;
    json_t *o = json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:I}", "arch", asc_arch_name(m->arch), "layers",
                          m->n_layers, "heads", m->n_heads, "width", m->width, "vocab", m->vocab, "context", m->context,
                          "batch", b->batch, "params", (json_int_t)asc_model_params(m));
    if (o && !asc_model_keys_put(o, m)) {
        json_decref(o);
        return NULL;
    }
    return o;
}

/* What was held before counts no more (Linux; elsewhere it does). */
static void forget_peak_rss(void)
{
    int fd = -1;
    if (asc_file_open(&fd, "/proc/self/clear_refs", O_WRONLY, NULL) != ASC_OK)
        return;
    (void)!write(fd, "5", 1);
    close(fd);
}

/* Largest memory that this process held since. */
static double peak_rss_bytes(void)
{
    struct rusage u;
    return getrusage(RUSAGE_SELF, &u) == 0 ? 1024. * (double)u.ru_maxrss : NAN;
}

static asc_status bench_train(json_t **out, const bench *b, asc_error *err)
{
    double rate[MAX_REPEATS], wall[MAX_REPEATS], eval[MAX_REPEATS], peaks[MAX_REPEATS], shares[MAX_REPEATS];
    double bandwidth = asc_device_bandwidth(fmin(.5, b->seconds));
    asc_model_bench_result r = {0};
    asc_model_opts o = {.isa = b->isa, .dtype = b->dtype, .threads = b->threads, .micro_batch = b->batch};
    forget_peak_rss();
    for (int i = 0; i < b->repeats; i++) {
        ASC_TRY(asc_model_bench(&r, &b->model, &o, b->seconds, err));
        rate[i] = r.tokens_per_s_cpu;
        wall[i] = r.tokens_per_s;
        eval[i] = r.eval_tokens_per_s_cpu;
        peaks[i] = r.peak_gflops;
        shares[i] = r.fraction;
    }
    double value = median(rate, b->repeats), spread = (rate[b->repeats - 1] - rate[0]) / value;
    json_t *j =
        stage_json(b, "train", value, "tokens/s", median(peaks, b->repeats), median(shares, b->repeats), b->threads);
    bool ok = j && json_object_set_new(j, "dtype", json_string(asc_dtype_name(b->dtype))) == 0 &&
              json_object_set_new(j, "model", model_json(b)) == 0 &&
              json_object_set_new(j, "wall_tokens_per_s", asc_json_num(median(wall, b->repeats))) == 0 &&
              json_object_set_new(j, "eval_tokens_per_s", asc_json_num(median(eval, b->repeats))) == 0 &&
              json_object_set_new(j, "spread", asc_json_num(spread)) == 0 &&
              json_object_set_new(j, "peak_bf16_gflops", asc_json_num(r.peak_bf16_gflops)) == 0 &&
              json_object_set_new(j, "bandwidth_gbs", asc_json_num(bandwidth)) == 0 &&
              json_object_set_new(j, "peak_rss_bytes", asc_json_tally(peak_rss_bytes())) == 0 &&
              json_object_set_new(j, "parts", parts_json(&r, bandwidth)) == 0;
    if (ok)
        *out = j;
    else
        json_decref(j);
    return ok ? ASC_OK : ASC_NOMEM(err);
}

static asc_status bench_tokenize(json_t **out, const bench *b, asc_error *err)
{
    double rate[MAX_REPEATS], learn[MAX_REPEATS];
    asc_bench_text_result r = {0};
    for (int i = 0; i < b->repeats; i++) {
        ASC_TRY(asc_bench_tokenize(&r, &b->text, err));
        rate[i] = r.bytes_per_s;
        learn[i] = r.learn_s;
    }
    json_t *j = stage_json(b, "tokenize", median(rate, b->repeats), "bytes/s", NAN, NAN, 1);
    bool ok = j && json_object_set_new(j, "text_bytes", json_integer(r.n_bytes)) == 0 &&
              json_object_set_new(j, "learn_seconds", asc_json_num(median(learn, b->repeats))) == 0 &&
              json_object_set_new(j, "tokenizer", json_string(r.fingerprint)) == 0;
    if (ok)
        *out = j;
    else
        json_decref(j);
    return ok ? ASC_OK : ASC_NOMEM(err);
}

static asc_status bench_sample(json_t **out, const bench *b, asc_error *err)
{
    const char *tmp = getenv("TMPDIR");
    char *dir = asc_strf("%s/autoscale-bench-XXXXXX", tmp && tmp[0] ? tmp : "/tmp");
    if (!dir)
        return ASC_NOMEM(err);
    double rate[MAX_REPEATS];
    asc_status st = mkdtemp(dir) ? ASC_OK : ASC_FAIL(err, ASC_EIO, "%s: cannot create a folder", dir);
    for (int i = 0; st == ASC_OK && i < b->repeats; i++)
        st = asc_bench_sample(&rate[i], dir, err);
    (void)asc_remove_tree(dir, NULL);
    asc_free(dir);
    ASC_TRY(st);
    *out = stage_json(b, "sample", median(rate, b->repeats), "tokens/s", NAN, NAN, 1);
    return *out ? ASC_OK : ASC_NOMEM(err);
}

static json_t *fit_part(const char *name, double *seconds, int n)
{
    return json_pack("{s:s, s:o}", "name", name, "seconds", asc_json_num(median(seconds, n)));
}

/* value: targets fitted per second; the parts are what docs/results/laws.md quotes. */
static asc_status bench_fit(json_t **out, const bench *b, asc_error *err)
{
    double table[MAX_REPEATS], scoring[MAX_REPEATS], star[MAX_REPEATS];
    asc__fit_times t = {0};
    for (int i = 0; i < b->repeats; i++) {
        ASC_TRY(asc__cli_bench_fit(&t, err));
        table[i] = t.table_s;
        scoring[i] = t.scoring_s;
        star[i] = t.star_s;
    }
    double rate = (double)t.n_targets / median(table, b->repeats);
    json_t *o = stage_json(b, "fit", rate, "fits/s", NAN, NAN, 1), *parts = json_array();
    bool ok = parts && o && json_object_set_new(o, "parts", parts) == 0 &&
              json_array_append_new(parts, fit_part("1000 refits + optima", star, b->repeats)) == 0 &&
              json_array_append_new(parts, fit_part("13 x 512, 5 folds", table, b->repeats)) == 0 &&
              json_array_append_new(parts, fit_part("1M mixtures scored", scoring, b->repeats)) == 0;
    if (ok)
        *out = o;
    else
        json_decref(o);
    return ok ? ASC_OK : ASC_NOMEM(err);
}

static const struct stage {
    const char *name;
    asc_status (*run)(json_t **out, const bench *b, asc_error *err);
} stages[] = {{"gemm", bench_gemm},
              {"train", bench_train},
              {"tokenize", bench_tokenize},
              {"sample", bench_sample},
              {"fit", bench_fit}};
enum { N_STAGES = sizeof stages / sizeof *stages };

/* ---- output ---- */

static void print_row(const json_t *o)
{
    char value[16], peak[32] = "", share[16] = "";
    asc_format_si(json_number_value(json_object_get(o, "value")), value);
    const json_t *p = json_object_get(o, "peak_gflops"), *f = json_object_get(o, "fraction");
    if (json_is_number(p))
        snprintf(peak, sizeof peak, "%.1f GFLOP/s", json_number_value(p));
    if (json_is_number(f))
        snprintf(share, sizeof share, "%.1f %%", 100 * json_number_value(f));
    printf("%-10s %10s %-10s %16s %8s\n", json_string_value(json_object_get(o, "stage")), value,
           json_string_value(json_object_get(o, "unit")), peak, share);
}

static double number(const json_t *o, const char *name)
{
    return json_number_value(json_object_get(o, name));
}

static void print_part(const json_t *part, double total)
{
    double s = number(part, "seconds");
    const char *bound = json_string_value(json_object_get(part, "bound"));
    char gflops[16] = "";
    if (!bound) { /* a stage whose limit is not known */
        printf("  %-20s %10.2f %5.1f %%\n", json_string_value(json_object_get(part, "name")), 1e3 * s, 100 * s / total);
        return;
    }
    if (number(part, "gflops") > 0)
        snprintf(gflops, sizeof gflops, "%.1f", number(part, "gflops"));
    printf("  %-20s %10.2f %5.1f %% %9s %9.1f %9.2f  %-10s %5.1f %%\n",
           json_string_value(json_object_get(part, "name")), 1e3 * s, 100 * s / total, gflops,
           1e3 * number(part, "gbytes"), 1e3 * number(part, "limit_seconds"), bound,
           100 * number(part, "share_of_limit"));
}

static void print_parts(const json_t *o)
{
    size_t i;
    json_t *part;
    double total = 0;
    json_array_foreach(json_object_get(o, "parts"), i, part) total +=
        json_number_value(json_object_get(part, "seconds"));
    if (total > 0)
        printf("  %-20s %10s %7s %9s %9s %9s  %-10s %7s\n", "part", "ms", "step", "GFLOP/s", "MB", "limit ms",
               "bound by", "of it");
    json_array_foreach(json_object_get(o, "parts"), i, part) print_part(part, total);
    json_array_foreach(json_object_get(o, "shapes"), i, part)
    {
        const json_t *s = json_object_get(part, "shape");
        const json_t *other = json_object_get(part, "onednn_gflops");
        printf("  %5d x %5d x %5d %8.1f GFLOP/s", (int)json_integer_value(json_array_get(s, 0)),
               (int)json_integer_value(json_array_get(s, 1)), (int)json_integer_value(json_array_get(s, 2)),
               json_number_value(json_object_get(part, "gflops")));
        if (json_is_number(other))
            printf("   oneDNN %.1f", json_number_value(other));
        putchar('\n');
    }
}

static void print_table(const bench *b, const json_t *list)
{
    size_t i;
    json_t *o;
    printf("%s, %d cores, %s; AMX: %s\n", asc_device_cpu_name(), asc_cpu_count(), asc_isa_name(b->isa),
           asc_device_amx_state());
    printf("%-10s %10s %-10s %16s %8s\n", "stage", "value", "unit", "peak", "share");
    json_array_foreach(list, i, o)
    {
        print_row(o);
        print_parts(o);
    }
}

static asc_status run_stages(const bench *b, const asc_cli_args *a, const char *only, json_t *list, asc_error *err)
{
    for (size_t i = 0; i < N_STAGES; i++) {
        if (only && strcmp(stages[i].name, only) != 0)
            continue;
        if (!asc__cli_quiet(a))
            fprintf(stderr, "measuring: %s\n", stages[i].name);
        json_t *o = NULL;
        ASC_TRY(stages[i].run(&o, b, err));
        if (json_array_append_new(list, o) != 0)
            return ASC_NOMEM(err);
    }
    return ASC_OK;
}

static asc_status check_stage(const char *name, asc_error *err)
{
    const char *names[N_STAGES];
    for (size_t i = 0; i < N_STAGES; i++) {
        names[i] = stages[i].name;
        if (!name || strcmp(name, names[i]) == 0)
            return ASC_OK;
    }
    const char *near = asc_nearest_name(name, names, N_STAGES);
    return ASC_FAIL(err, ASC_EINVAL, "bench: unknown stage '%s'%s%s%s", name, near ? "; did you mean '" : "",
                    near ? near : "", near ? "'?" : "");
}

static asc_status run(const asc_cli_args *a, asc_error *err)
{
    bench b;
    const char *only = asc__cli_file(a, 0);
    bool given = false;
    ASC_TRY(check_stage(only, err));
    ASC_TRY(read_options(&b, a, err));
    json_t *list = json_array(), *all = json_pack("{s:O}", "stages", list);
    asc_status st = list && all ? run_stages(&b, a, only, list, err) : ASC_NOMEM(err);
    json_t *shown = only ? json_array_get(list, 0) : all;
    if (st == ASC_OK)
        st = asc__cli_give(&given, a, shown, err);
    if (st == ASC_OK && !given)
        print_table(&b, list);
    json_decref(all);
    json_decref(list);
    return st;
}

const asc_cli_command asc__cli_bench = {
    .name = "bench",
    .usage = "[gemm|train|tokenize|sample|fit] [options]",
    .summary = "measure this machine's speed at each stage against its peak",
    .options = options,
    .max_files = 1,
    .run = run,
};
