/* autoscale tokenize: text of named domains -> token files, a tokenizer and a report. */
#include "cli.h"

#include <string.h>

#include "study/study.h"
#include "text/text.h"

static const asc_cli_option options[] = {
    {"out", 'o', "DIR", "folder for token files, tokenizer.json and report.json (default: tokens)"},
    {"tokenizer", 0, "PATH", "tokenizer.json, its folder, tokenizer.model, .tiktoken, vocab.txt (default: train one)"},
    {"end", 0, "TOKEN", "end-of-document token, or its id (default: from the tokenizer's files)"},
    {"kind", 0, "KIND", "tokenizer to train: bpe or wordpiece (default: bpe)"},
    {"vocab", 0, "N", "vocabulary size to train (default: 4096); with --end alone: that of the token files"},
    {"valid-tokens", 0, "N", "held-out tokens per domain, within 2-10 % of it (default: 200e3)"},
    {"field", 0, "NAME", "JSON field or Parquet column that holds the text (default: text)"},
    {"dtype", 0, "TYPE", "input files are raw arrays of token ids: uint16, uint32, int32, ... (nanoGPT's train.bin)"},
    {"threads", 0, "N", "threads (default: all cores; results do not depend on it)"},
    {0},
};

/* ---- NAME=GLOB and NAME:valid=GLOB ---- */

struct patterns {
    char **globs;
    size_t n, cap;
};

struct named {
    char *name;
    struct patterns train, valid;
};

struct request {
    struct named *domains;
    size_t n, cap;
    asc_corpus_domain *corpus; /* (n) views of domains */
};

static void request_clear(struct request *r)
{
    for (size_t i = 0; i < r->n; i++) {
        asc_free(r->domains[i].name);
        asc_free(r->domains[i].train.globs);
        asc_free(r->domains[i].valid.globs);
    }
    asc_free(r->domains);
    asc_free(r->corpus);
}

static struct named *find_or_add(struct request *r, const char *name, size_t n)
{
    for (size_t i = 0; i < r->n; i++)
        if (strlen(r->domains[i].name) == n && strncmp(r->domains[i].name, name, n) == 0)
            return &r->domains[i];
    struct named *grown = asc_grow(r->domains, &r->cap, r->n + 1, sizeof *grown);
    if (!grown)
        return NULL;
    r->domains = grown;
    r->domains[r->n] = (struct named){.name = asc_strndup(name, n)};
    return r->domains[r->n].name ? &r->domains[r->n++] : NULL;
}

static asc_status add_argument(struct request *r, const char *arg, asc_error *err)
{
    static const char suffix[] = ":valid";
    const char *eq = strchr(arg, '=');
    if (!eq || eq == arg || eq[1] == 0)
        return ASC_FAIL(err, ASC_EINVAL, "'%s': expected NAME=GLOB or NAME:valid=GLOB", arg);
    size_t n = (size_t)(eq - arg), m = sizeof suffix - 1;
    bool valid = n > m && strncmp(eq - m, suffix, m) == 0;
    struct named *d = find_or_add(r, arg, valid ? n - m : n);
    if (!d)
        return ASC_NOMEM(err);
    struct patterns *p = valid ? &d->valid : &d->train;
    char **grown = asc_grow(p->globs, &p->cap, p->n + 1, sizeof *grown);
    if (!grown)
        return ASC_NOMEM(err);
    p->globs = grown;
    p->globs[p->n++] = (char *)(uintptr_t)(eq + 1);
    return ASC_OK;
}

static asc_status read_request(struct request *r, const asc_cli_args *a, asc_error *err)
{
    for (size_t i = 0; i < asc__cli_n_files(a); i++)
        ASC_TRY(add_argument(r, asc__cli_file(a, i), err));
    r->corpus = asc_calloc(r->n, sizeof *r->corpus);
    if (!r->corpus)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < r->n; i++) {
        const struct named *d = &r->domains[i];
        r->corpus[i] = (asc_corpus_domain){.name = d->name,
                                           .field = asc__cli_get(a, "field"),
                                           .dtype = asc__cli_get(a, "dtype"),
                                           .train = d->train.globs,
                                           .n_train = d->train.n,
                                           .valid = d->valid.globs,
                                           .n_valid = d->valid.n};
    }
    return ASC_OK;
}

/* ---- results ---- */

static void print_rejected(const asc_domain_report *r)
{
    for (size_t i = 0; i < r->n_rejected_listed && i < 3; i++) {
        const asc_rejected *k = &r->rejected[i];
        if (k->line > 0)
            printf("  rejected %s:%lld: %s\n", k->file, (long long)k->line, k->why);
        else
            printf("  rejected %s: %s\n", k->file, k->why);
    }
    if (r->n_rejected > 3)
        printf("  ... %lld rejected in total\n", (long long)r->n_rejected);
}

/* Which token ends a document, and who says so. */
static void print_end(const char *dir)
{
    json_t *j = NULL;
    asc_error ignored;
    char *path = asc_path_join(dir, "report.json");
    if (path && asc_json_load(&j, path, &ignored) == ASC_OK) {
        const json_t *end = json_object_get(json_object_get(j, "tokenizer"), "end");
        const char *token = json_string_value(json_object_get(end, "token"));
        const char *from = json_string_value(json_object_get(end, "from")); /* empty: of a tokenizer trained here */
        bool named = from && *from;
        if (json_is_object(end))
            printf("documents end with %s (id %lld%s%s)\n", token ? token : "an id",
                   (long long)json_integer_value(json_object_get(end, "id")), named ? ", named by " : "",
                   named ? from : "");
    }
    json_decref(j);
    asc_free(path);
}

static void print_table(const asc_domain_report *r, size_t n, const char *dir)
{
    printf("%-16s %10s %13s %13s %13s %10s %9s %11s\n", "domain", "documents", "bytes", "tokens", "held-out",
           "duplicates", "rejected", "bytes/token");
    for (size_t i = 0; i < n; i++) {
        char per_token[32] = "unknown";
        if (r[i].bytes_per_token > 0)
            snprintf(per_token, sizeof per_token, "%.3f", r[i].bytes_per_token);
        printf("%-16s %10lld %13lld %13lld %13lld %10lld %9lld %11s\n", r[i].name, (long long)r[i].n_documents,
               (long long)r[i].n_bytes, (long long)r[i].n_tokens, (long long)r[i].n_valid_tokens,
               (long long)r[i].n_duplicates, (long long)r[i].n_rejected, per_token);
        print_rejected(&r[i]);
    }
    print_end(dir);
    asc__cli_print_name(dir, 0);
    puts("/report.json");
}

static asc_status print_report_file(const char *dir, asc_error *err)
{
    json_t *j = NULL;
    char *path = asc_path_join(dir, "report.json");
    asc_status st = path ? asc_json_load(&j, path, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = asc__cli_print_json(j, err);
    json_decref(j);
    asc_free(path);
    return st;
}

static asc_status prepare(const asc_cli_args *a, struct request *r, asc_error *err)
{
    int64_t vocab = 4096, valid_tokens = 200000, threads = asc_cpu_count();
    ASC_TRY(read_request(r, a, err));
    ASC_TRY(asc__cli_count(a, "vocab", &vocab, err));
    ASC_TRY(asc__cli_count(a, "valid-tokens", &valid_tokens, err));
    ASC_TRY(asc__cli_count(a, "threads", &threads, err));
    if (threads < 1 || threads > 256)
        return ASC_FAIL(err, ASC_EINVAL, "--threads: expected 1 to 256, found %lld", (long long)threads);
    const char *dir = asc__cli_has(a, "out") ? asc__cli_get(a, "out") : "tokens", *word = asc__cli_get(a, "kind");
    /* token files need no more than the number of their ids and an end */
    bool ids = asc__cli_has(a, "end") && asc__cli_has(a, "vocab") && !asc__cli_has(a, "tokenizer");
    asc_tokenizer_kind kind = ids ? ASC_TOKENIZER_IDS : ASC_TOKENIZER_BPE;
    if (word && !asc_tokenizer_kind_parse(&kind, word))
        return ASC_FAIL(err, ASC_EINVAL, "tokenizer kind '%s', expected bpe or wordpiece", word);
    asc_corpus_opts o = {.domains = r->corpus,
                         .n_domains = r->n,
                         .tokenizer_path = asc__cli_get(a, "tokenizer"),
                         .tokenizer_kind = kind,
                         .end = asc__cli_get(a, "end"),
                         .vocab = vocab,
                         .valid_tokens = valid_tokens,
                         .n_threads = (int)threads,
                         .out_dir = dir,
                         .progress = asc__cli_progress,
                         .progress_ctx = (void *)(uintptr_t)a};
    asc_domain_report *reports = NULL;
    ASC_TRY(asc_corpus_prepare(&reports, &o, err));
    asc__cli_progress_end();
    asc_status st = ASC_OK;
    if (asc__cli_json(a))
        st = print_report_file(dir, err);
    else
        print_table(reports, r->n, dir);
    asc_domain_reports_free(reports, r->n);
    return st;
}

/* One argument that is a study file: its domains, targets, tokenizer and held-out tokens; options that say the same do
 * not go with it. */
static bool is_study(const asc_cli_args *a)
{
    const char *name = asc__cli_file(a, 0), *dot = strrchr(name, '.');
    return asc__cli_n_files(a) == 1 && dot && !strchr(name, '=') &&
           (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

static asc_status prepare_study(const asc_cli_args *a, asc_error *err)
{
    static const char *const theirs[] = {"tokenizer", "end", "kind", "vocab", "valid-tokens", "field", "dtype"};
    asc_study_spec spec;
    int64_t threads = asc_cpu_count();
    for (size_t i = 0; i < sizeof theirs / sizeof *theirs; i++)
        if (asc__cli_has(a, theirs[i]))
            return ASC_FAIL(err, ASC_EINVAL, "--%s: set this in the study file", theirs[i]);
    ASC_TRY(asc__cli_count(a, "threads", &threads, err));
    if (threads < 1 || threads > 256)
        return ASC_FAIL(err, ASC_EINVAL, "--threads: expected 1 to 256, found %lld", (long long)threads);
    ASC_TRY(asc_study_load(&spec, asc__cli_file(a, 0), err));
    asc_study_opts o = {.dir = asc__cli_has(a, "out") ? asc__cli_get(a, "out") : "tokens",
                        .jobs = (int)threads,
                        .progress = asc__cli_progress,
                        .ctx = (void *)(uintptr_t)a};
    asc_domain_report *reports = NULL;
    asc_status st = asc_study_tokenize(&reports, &spec, &o, err);
    asc__cli_progress_end();
    if (st == ASC_OK && asc__cli_json(a))
        st = print_report_file(o.dir, err);
    else if (st == ASC_OK)
        print_table(reports, spec.n_targets, o.dir);
    asc_domain_reports_free(reports, reports ? spec.n_targets : 0);
    asc_study_spec_clear(&spec);
    return st;
}

static asc_status run(const asc_cli_args *a, asc_error *err)
{
    struct request r = {0};
    if (is_study(a))
        return prepare_study(a, err);
    asc_status st = prepare(a, &r, err);
    request_clear(&r);
    return st;
}

const asc_cli_command asc__cli_tokenize = {
    .name = "tokenize",
    .usage = "STUDY.yaml | NAME=GLOB [NAME=GLOB ...] [options]",
    .summary = "convert each domain's text to token files; train a tokenizer if none is given",
    .options = options,
    .min_files = 1,
    .max_files = 100000,
    .run = run,
};
