/* autoscale report: one offline page of a study, a law, a table of runs or a mixture. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/report_law.h"
#include "mixing.h"
#include "tables.h"

enum { MOST_GIVEN = 8 };

/* ---- what is shown ---- */

typedef enum subject { A_STUDY, A_LAW, A_MIXTURE, A_TABLE } subject;

/* A folder is a study; files are told apart by what they hold. */
static subject subject_of(const asc_cli_args *a)
{
    const char *file = asc__cli_n_files(a) ? asc__cli_file(a, 0) : ".";
    json_t *j = NULL;
    if (asc_path_is_dir(file))
        return A_STUDY;
    if (strcmp(file, "-") == 0 || asc_json_load(&j, file, NULL) != ASC_OK)
        return A_TABLE;
    const char *key;
    json_t *value;
    bool law = json_is_object(j) && json_object_get(j, "laws"),
         mix = json_is_object(j) && json_object_size(j) > 0 && !law;
    if (mix && !json_is_object(json_object_get(j, "weights")) && !json_is_array(json_object_get(j, "phases")))
        json_object_foreach(j, key, value) mix = mix && json_is_number(value);
    json_decref(j);
    return law ? A_LAW : mix ? A_MIXTURE : A_TABLE;
}

/* ---- where the page goes ---- */

/* -o FILE; else report.html here, or NAME.html where a study keeps its own report here. */
static char *page_path(const asc_cli_args *a)
{
    const char *out = asc__cli_get(a, "out"), *file = asc__cli_file(a, 0);
    if (out)
        return asc_strdup(out);
    if (!asc_path_exists("study.db"))
        return asc_strdup("report.html");
    const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file, *dot = strrchr(name, '.');
    return asc_strf("%.*s.html", (int)(dot && dot > name ? (size_t)(dot - name) : strlen(name)), name);
}

static asc_status give(const asc_cli_args *a, const char *path, asc_error *err)
{
    if (!asc__cli_json(a)) {
        asc__cli_print_name(path, 0);
        putchar('\n');
        return ASC_OK;
    }
    json_t *out = json_pack("{s:o,s:b}", "report", json_string(path), "charts", asc_report_has_charts());
    asc_status st = out ? asc__cli_print_json(out, err) : ASC_NOMEM(err);
    json_decref(out);
    return st;
}

static asc_status write_page(const asc_cli_args *a, const asc_buf *page, asc_error *err)
{
    char *path = page_path(a);
    asc_status st = path ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK && strcmp(path, "-") == 0)
        st = asc__cli_data(page->data, page->len, err);
    else if (st == ASC_OK) {
        st = asc_write_file(path, page->data, page->len, err);
        if (st == ASC_OK)
            st = give(a, path, err);
    }
    asc_free(path);
    return st;
}

/* ---- a study, a mixture ---- */

/* Options that only a law answers to. */
static asc_status refuse_options(const asc_cli_args *a, const char *what, bool out_too, asc_error *err)
{
    static const char *const names[] = {"tokens", "params",    "objective",  "mix",     "min", "max",
                                        "bounds", "available", "max-epochs", "trust",   "law", "noise",
                                        "map",    "key",       "bootstrap",  "no-trees"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (asc__cli_has(a, names[i]))
            return ASC_FAIL(err, ASC_EINVAL, "--%s is for the report of a law or a table of runs; this is %s", names[i],
                            what);
    if (out_too && asc__cli_has(a, "out"))
        return ASC_FAIL(err, ASC_EINVAL, "--out: a study's report is always its report.html");
    if (asc__cli_n_files(a) > 1)
        return ASC_FAIL(err, ASC_EINVAL, "%s: one at a time, found %s too", what, asc__cli_file(a, 1));
    return ASC_OK;
}

static asc_status report_study(const asc_cli_args *a, asc_error *err)
{
    const char *dir = asc__cli_n_files(a) ? asc__cli_file(a, 0) : ".";
    ASC_TRY(refuse_options(a, "a study", true, err));
    ASC_TRY(asc_report_write(dir, err));
    char *path = asc_path_join(dir, "report.html");
    asc_status st = path ? give(a, path, err) : ASC_NOMEM(err);
    asc_free(path);
    return st;
}

static asc_status report_mixture(const asc_cli_args *a, asc_error *err)
{
    asc_mix_file m = {0};
    asc_buf page = {0};
    ASC_TRY(refuse_options(a, "a mixture", false, err));
    ASC_TRY(asc_mix_file_read(&m, asc__cli_file(a, 0), err));
    asc_status st = asc_report_mixture_html(&page, &m, asc__cli_file(a, 0), NULL, err);
    if (st == ASC_OK)
        st = write_page(a, &page, err);
    asc_buf_clear(&page);
    asc_mix_file_clear(&m);
    return st;
}

/* ---- a law, or a table that one is fitted to ---- */

typedef struct request {
    asc_law_set laws;
    asc_table measured; /* runs that the law did not see */
    asc_objective objective;
    asc_cli_limits limits;
    asc_mix_opts question;
    const char *name[MOST_GIVEN];
    double *given;
    asc_law_report_opts opts;
} request;

static void clear(request *r)
{
    asc_law_set_clear(&r->laws);
    asc_table_clear(&r->measured);
    asc_objective_clear(&r->objective);
    asc__cli_limits_clear(&r->limits);
    asc_free(r->given);
}

static asc_status fit(request *r, const asc_cli_args *a, const asc_runs *runs, const asc_table *t, asc_error *err)
{
    asc_law_opts o;
    asc_objective objective = {0};
    ASC_TRY(asc__cli_fit_opts(&o, &objective, a, runs, err));
    asc_status st = asc__cli_blame(asc__cli_file(a, 0), asc_law_fit(&r->laws, runs, &o, err), err);
    for (size_t i = 0; st == ASC_OK && i < t->notes.n; i++)
        st = asc_law_set_note(&r->laws, err, t->notes.code[i], "%s", t->notes.text[i]);
    asc__cli_progress_end();
    asc_objective_clear(&objective);
    return st;
}

static asc_status fit_table(request *r, const asc_cli_args *a, asc_error *err)
{
    asc_table t = {0};
    asc_runs runs = {0};
    ASC_TRY(asc__cli_read_table(&t, a, 0, NULL, err));
    asc__cli_list_table();
    asc_status st = asc__cli_blame(asc__cli_file(a, 0), asc_table_evidence(&runs, &t, err), err);
    if (st == ASC_OK)
        st = fit(r, a, &runs, &t, err);
    asc_runs_clear(&runs);
    asc_table_clear(&t);
    return st;
}

/* A law, and beside it tables of runs that it is to be compared with. */
static asc_status read_law(request *r, const asc_cli_args *a, asc_error *err)
{
    static const char *const fitting[] = {"law", "noise", "bootstrap", "no-trees", "seed"};
    for (size_t i = 0; i < sizeof fitting / sizeof *fitting; i++)
        if (asc__cli_has(a, fitting[i]))
            return ASC_FAIL(err, ASC_EINVAL, "--%s is for fitting a table; %s is a law already", fitting[i],
                            asc__cli_file(a, 0));
    ASC_TRY(asc_law_read(&r->laws, asc__cli_file(a, 0), err));
    if (asc__cli_n_files(a) == 1)
        return ASC_OK;
    ASC_TRY(asc__cli_read_table(&r->measured, a, 1, &r->laws, err));
    r->opts.measured = &r->measured.runs;
    r->opts.measured_name = asc__cli_file(a, 1);
    return ASC_OK;
}

static asc_status read_given(request *r, const asc_cli_args *a, asc_error *err)
{
    size_t D = r->laws.n_domains, n = 0;
    r->given = asc_calloc(MOST_GIVEN * D, sizeof *r->given);
    if (!r->given)
        return ASC_NOMEM(err);
    for (const char *text; (text = asc__cli_nth(a, "mix", n)); n++) {
        if (n == MOST_GIVEN)
            return ASC_FAIL(err, ASC_EINVAL, "--mix: more than %d mixtures", MOST_GIVEN);
        ASC_TRY(asc__cli_mixture(r->given + n * D, text, &r->laws, r->limits.available, err));
        r->name[n] = text;
    }
    r->opts.n_given = n;
    r->opts.given_name = r->name;
    r->opts.given = r->given;
    return ASC_OK;
}

static asc_status read_question(request *r, const asc_cli_args *a, bool fitted, asc_error *err)
{
    asc_mix_opts *q = &r->question;
    const char *objective = asc__cli_get(a, "objective");
    int64_t threads = 0;
    asc_mix_opts_init(q);
    ASC_TRY(
        asc__cli_limits_at(&r->limits, NULL, a, (int64_t)r->laws.tokens_hi, r->laws.domains, r->laws.n_domains, err));
    if (objective && !fitted) {
        const asc_target_names names = {r->laws.targets, r->laws.n_targets, r->laws.domains, r->laws.n_domains};
        ASC_TRY(asc_objective_read(&r->objective, objective, &names, err));
        q->objective = &r->objective;
    }
    ASC_TRY(asc__cli_double(a, "params", &q->params, err));
    if (asc__cli_has(a, "params") && !(q->params > 0))
        return ASC_FAIL(err, ASC_EINVAL, "--params: expected a number > 0, found %g", q->params);
    ASC_TRY(asc__cli_trust(&q->trust, a, err));
    ASC_TRY(asc__cli_count(a, "threads", &threads, err));
    q->n_threads = threads > 0 && threads < 1024 ? (int)threads : asc_cpu_count();
    q->n_tokens = r->limits.n_tokens;
    q->limits = asc__cli_limits_view(&r->limits);
    q->progress = asc__cli_quiet(a) ? NULL : asc__cli_progress;
    q->progress_ctx = (void *)(uintptr_t)a;
    r->opts.question = q;
    return read_given(r, a, err);
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static asc_status report_law(const asc_cli_args *a, bool table, asc_error *err)
{
    request r = {0};
    asc_buf page = {0};
    json_t *document = NULL;
    r.opts.title = last_part(asc__cli_file(a, 0));
    asc_status st = table ? fit_table(&r, a, err) : read_law(&r, a, err);
    if (st == ASC_OK)
        st = read_question(&r, a, table, err);
    if (st == ASC_OK)
        st = asc_report_law_document(&document, &r.laws, &r.opts, err);
    asc__cli_progress_end();
    if (st == ASC_OK)
        st = asc_report_law_html(&page, document, NULL, err);
    if (st == ASC_OK)
        st = write_page(a, &page, err);
    json_decref(document);
    asc_buf_clear(&page);
    clear(&r);
    return st;
}

/* ---- the command ---- */

static asc_status run(const asc_cli_args *a, asc_error *err)
{
    subject s = subject_of(a);
    return s == A_STUDY     ? report_study(a, err)
           : s == A_MIXTURE ? report_mixture(a, err)
                            : report_law(a, s == A_TABLE, err);
}

static const char *law_name(size_t i)
{
    const char *names[128];
    size_t n = asc_law_names(names, sizeof names / sizeof *names);
    return i < n && i < sizeof names / sizeof *names ? names[i] : NULL;
}

static const asc_cli_option options[] = {
    ASC_CLI_LIMIT_OPTIONS,
    {"params", 'p', "P", "parameters of the model (default: the largest in the table)"},
    {"objective", 0, "O", ASC_CLI_OBJECTIVES " (default: as fitted; of a table mean-loss)"},
    {"mix", 0, "A",
     "a mixture to compare with the optimum: MIX.json, uniform, natural, base, or NAME=SHARE,.. (repeatable)"},
    {"trust", 0, "F", "shares within F times the sampled range of each domain, or off (default: 1.25; ddo: off)"},
    {"law", 'l', "NAME", "for a table: the law to fit, as `fit --law`", "auto", NULL, law_name},
    {"noise", 0, "F",
     "for a table: standard deviation of a run's loss across seeds, in nats (default: estimated from repeats)"},
    ASC_CLI_TABLE_OPTIONS,
    {"bootstrap", 0, "N", "for a table: draws for the intervals (default: 200)"},
    {"seed", 0, "N", "for a table: seed of folds and draws (default: 0)"},
    {"threads", 0, "N", "threads (default: all cores; results do not depend on it)"},
    {"no-trees", 0, NULL, "for a table: exclude boosted trees from auto"},
    {"out", 'o', "FILE.html", "where the page is written (default: report.html; a study's is its own; -: stdout)"},
    {0},
};

const asc_cli_command asc__cli_report = {
    .name = "report",
    .usage = "[DIR | LAW.json [TABLE.csv] | TABLE.csv… | MIX.json] [options]",
    .summary = "one offline page: of a study, a law with its sliders, a table of runs, a mixture",
    .options = options,
    .max_files = ASC_CLI_MAX_TABLES,
    .run = run,
};
