/* The table of runs. */
#include "store_private.h"

#include <string.h>

static const char *const state_names[] = {"pending", "running", "done", "diverged", "failed", "stopped"};

const char *asc_run_state_name(asc_run_state s)
{
    return state_names[s];
}

void asc_store_run_clear(asc_store_run *r)
{
    if (!r)
        return;
    asc_free(r->id);
    asc_free(r->mixture);
    asc_free(r->domain);
    asc_free(r->model);
    asc_free(r->tokens);
    asc_free(r->made);
    asc_free(r->job);
    asc_result_free(r->result);
    asc_free(r->why);
    *r = (asc_store_run){0};
}

void asc_store_runs_free(asc_store_run *r, size_t n)
{
    for (size_t i = 0; r && i < n; i++)
        asc_store_run_clear(&r[i]);
    asc_free(r);
}

void asc_store_set_names(asc_store *s, const asc_store_names *names)
{
    s->names = *names;
}

/* ---- a row ---- */

/** A run as its columns hold it. */
typedef struct row {
    const char *id, *kind, *mixture, *domain, *tokens, *state, *job, *result, *why;
    double scale;
    int64_t seed, attempts, pid, pid_start;
} row;

static void hash_text(asc_sha256 *h, const char *s)
{
    asc_sha256_update(h, s ? "1" : "0", 1);
    if (s)
        asc_sha256_update(h, s, strlen(s) + 1);
}

static void row_checksum(char *out, const row *r)
{
    const char *texts[] = {r->id, r->kind, r->mixture, r->domain, r->tokens, r->state, r->job, r->result, r->why};
    int64_t numbers[] = {r->seed, r->attempts, r->pid, r->pid_start};
    asc_sha256 h;
    uint8_t digest[32];
    asc_sha256_init(&h);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        hash_text(&h, texts[i]);
    asc_sha256_update(&h, &r->scale, sizeof r->scale);
    asc_sha256_update(&h, numbers, sizeof numbers);
    asc_sha256_final(&h, digest);
    asc_hex(out, digest, sizeof digest);
}

/* ---- writing ---- */

static asc_status print_tokens(char **out, const double *tokens, size_t n, asc_error *err)
{
    json_t *a = json_array();
    if (!a)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(a, json_integer((json_int_t)tokens[i]));
    asc_status st = asc_json_print(out, a, 0, err);
    json_decref(a);
    return st;
}

static asc_status bind_and_step(asc_store *s, const char *sql, const row *r, asc_error *err)
{
    sqlite3_stmt *q = NULL;
    char sum[65];
    ASC_TRY(asc__db_prepare(&q, s, sql, err));
    row_checksum(sum, r);
    sqlite3_bind_text(q, 1, r->id, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 2, r->kind, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 3, r->mixture, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 4, r->domain, -1, SQLITE_STATIC);
    sqlite3_bind_double(q, 5, r->scale);
    sqlite3_bind_int64(q, 6, r->seed);
    sqlite3_bind_text(q, 7, r->tokens, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 8, r->state, -1, SQLITE_STATIC);
    sqlite3_bind_int64(q, 9, r->attempts);
    sqlite3_bind_int64(q, 10, r->pid);
    sqlite3_bind_int64(q, 11, r->pid_start);
    sqlite3_bind_text(q, 12, r->job, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 13, r->result, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 14, r->why, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 15, sum, -1, SQLITE_STATIC);
    int rc = asc__db_step(q);
    asc_status st = rc == SQLITE_DONE ? ASC_OK : asc__db_fail(s, rc, "cannot be written", err);
    sqlite3_finalize(q);
    return st;
}

/* before: the result that the row has, or NULL. */
static asc_status print_result(char **out, const asc_store *s, const asc_result *r, const char *before, asc_error *err)
{
    json_t *o = asc__result_json(r, &s->names), *was = NULL;
    asc_status st = o ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK && before)
        st = asc_json_parse(&was, "a run's result", before, strlen(before), err);
    if (st == ASC_OK)
        asc__result_keep(o, was);
    if (st == ASC_OK)
        st = asc_json_print(out, o, 0, err);
    json_decref(was);
    json_decref(o);
    return st;
}

static asc_status write_run(asc_store *s, const char *sql, const asc_store_run *r, const char *before, asc_error *err)
{
    char *tokens = NULL, *result = NULL;
    asc_status st = print_tokens(&tokens, r->made ? r->made : r->tokens, r->made ? r->n_made : r->n_domains, err);
    if (st == ASC_OK && r->result)
        st = print_result(&result, s, r->result, before, err);
    if (st == ASC_OK) {
        row w = {.id = r->id,
                 .kind = asc_run_kind_name(r->kind),
                 .mixture = r->mixture,
                 .domain = r->domain,
                 .tokens = tokens,
                 .state = state_names[r->state],
                 .job = r->job,
                 .result = result,
                 .why = r->why,
                 .scale = r->scale,
                 .seed = (int64_t)r->seed,
                 .attempts = r->attempts,
                 .pid = r->pid,
                 .pid_start = r->pid_start};
        st = bind_and_step(s, sql, &w, err);
    }
    asc_free(tokens);
    asc_free(result);
    return st;
}

/* Models of their own size are a document beside the table, {run: text}: rows stay as they were before there were such.
 */
static asc_status add_models(asc_store *s, const asc_store_run *runs, size_t n, asc_error *err)
{
    json_t *models = NULL;
    bool any = false, ok = true;
    for (size_t i = 0; i < n; i++)
        any |= runs[i].model != NULL;
    if (!any)
        return ASC_OK;
    ASC_TRY(asc_store_get_doc(&models, s, "models", err));
    models = models ? models : json_object();
    for (size_t i = 0; models && i < n; i++)
        if (runs[i].model)
            ok &= json_object_set_new(models, runs[i].id, json_string(runs[i].model)) == 0;
    asc_status st = models && ok ? asc_store_put_doc(s, "models", models, err) : ASC_NOMEM(err);
    json_decref(models);
    return st;
}

static asc_status read_models(asc_store_run *runs, size_t n, asc_store *s, asc_error *err)
{
    json_t *models = NULL;
    ASC_TRY(asc_store_get_doc(&models, s, "models", err));
    asc_status st = ASC_OK;
    for (size_t i = 0; st == ASC_OK && i < n; i++) {
        const char *text = json_string_value(json_object_get(models, runs[i].id));
        if (text && !(runs[i].model = asc_strdup(text)))
            st = ASC_NOMEM(err);
    }
    json_decref(models);
    return st;
}

asc_status asc_store_add_runs(asc_store *s, const asc_store_run *runs, size_t n, asc_error *err)
{
    static const char sql[] = "INSERT OR IGNORE INTO runs (id,kind,mixture,domain,scale,seed,tokens,state,attempts,pid,"
                              "pid_start,job,result,why,checksum) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
    asc_status st = ASC_OK;
    ASC_TRY(asc__lock_check(&s->lock, err));
    ASC_TRY(asc__db_exec(s, "BEGIN IMMEDIATE", err));
    for (size_t i = 0; i < n && st == ASC_OK; i++)
        st = write_run(s, sql, &runs[i], NULL, err);
    if (st == ASC_OK)
        st = add_models(s, runs, n, err);
    if (st == ASC_OK)
        return asc__db_exec(s, "COMMIT", err);
    sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return st;
}

/* The result in a run's row; NULL: none. */
static asc_status result_of(char **out, asc_store *s, const char *id, asc_error *err)
{
    sqlite3_stmt *q = NULL;
    ASC_TRY(asc__db_prepare(&q, s, "SELECT result FROM runs WHERE id=?", err));
    sqlite3_bind_text(q, 1, id, -1, SQLITE_STATIC);
    int rc = asc__db_step(q);
    const char *text = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(q, 0) : NULL;
    asc_status st = rc == SQLITE_ROW || rc == SQLITE_DONE ? ASC_OK : asc__db_fail(s, rc, "cannot be read", err);
    *out = text ? asc_strdup(text) : NULL;
    if (text && !*out)
        st = ASC_NOMEM(err);
    sqlite3_finalize(q);
    return st;
}

asc_status asc_store_update_run(asc_store *s, const asc_store_run *run, asc_error *err)
{
    char *before = NULL;
    ASC_TRY(asc__lock_check(&s->lock, err));
    if (run->result)
        ASC_TRY(result_of(&before, s, run->id, err));
    static const char sql[] = "UPDATE runs SET kind=?2,mixture=?3,domain=?4,scale=?5,seed=?6,tokens=?7,state=?8,"
                              "attempts=?9,pid=?10,pid_start=?11,job=?12,result=?13,why=?14,checksum=?15 WHERE id=?1";
    asc_status st = write_run(s, sql, run, before, err);
    asc_free(before);
    ASC_TRY(st);
    if (sqlite3_changes(s->db) != 1)
        return ASC_FAIL(err, ASC_ESTATE, "%s: no run '%s' in the table", s->path, run->id);
    return ASC_OK;
}

asc_status asc_store_drop_run(asc_store *s, const char *id, asc_error *err)
{
    sqlite3_stmt *q = NULL;
    ASC_TRY(asc__db_prepare(&q, s, "DELETE FROM runs WHERE id=?", err));
    sqlite3_bind_text(q, 1, id, -1, SQLITE_STATIC);
    int rc = asc__db_step(q);
    asc_status st = rc == SQLITE_DONE ? ASC_OK : asc__db_fail(s, rc, "cannot be written", err);
    sqlite3_finalize(q);
    return st;
}

/* ---- reading ---- */

static const char *column(sqlite3_stmt *q, int i)
{
    return (const char *)sqlite3_column_text(q, i);
}

static char *copy(const char *s, bool *oom)
{
    char *c = s ? asc_strdup(s) : NULL;
    *oom |= s && !c;
    return c;
}

static asc_status read_tokens(asc_store_run *r, const char *text, asc_error *err)
{
    json_t *a = NULL;
    ASC_TRY(asc_json_parse(&a, r->id, text, strlen(text), err));
    r->n_domains = json_array_size(a);
    r->tokens = asc_calloc(r->n_domains + 1, sizeof *r->tokens);
    for (size_t i = 0; r->tokens && i < r->n_domains; i++)
        r->tokens[i] = (double)json_integer_value(json_array_get(a, i));
    json_decref(a);
    return r->tokens ? ASC_OK : ASC_NOMEM(err);
}

static asc_status read_result(asc_store_run *r, const asc_store *s, const char *text, asc_error *err)
{
    json_t *o = NULL;
    ASC_TRY(asc_json_parse(&o, r->id, text, strlen(text), err));
    asc_status st = asc__result_take(&r->result, o, &s->names, r->id, err);
    json_decref(o);
    return st;
}

static bool parse_state(const char *s, asc_run_state *out)
{
    for (size_t i = 0; i < sizeof state_names / sizeof *state_names; i++)
        if (strcmp(s, state_names[i]) == 0) {
            *out = (asc_run_state)i;
            return true;
        }
    return false;
}

static asc_status read_run(asc_store_run *r, asc_store *s, sqlite3_stmt *q, asc_error *err)
{
    row w = {.id = column(q, 0),
             .kind = column(q, 1),
             .mixture = column(q, 2),
             .domain = column(q, 3),
             .scale = sqlite3_column_double(q, 4),
             .seed = sqlite3_column_int64(q, 5),
             .tokens = column(q, 6),
             .state = column(q, 7),
             .attempts = sqlite3_column_int64(q, 8),
             .pid = sqlite3_column_int64(q, 9),
             .pid_start = sqlite3_column_int64(q, 10),
             .job = column(q, 11),
             .result = column(q, 12),
             .why = column(q, 13)};
    const char *sum = column(q, 14);
    char wanted[65];
    if (!w.id || !w.kind || !w.mixture || !w.tokens || !w.state || !sum)
        return ASC_NOMEM(err);
    row_checksum(wanted, &w);
    if (strcmp(sum, wanted) != 0 || !parse_state(w.state, &r->state) || !asc_run_kind_parse(w.kind, &r->kind))
        return ASC_FAIL(err, ASC_ESTATE, "%s: table runs, row '%.80s' is damaged (its checksum is wrong)", s->path,
                        w.id);
    bool oom = false;
    r->id = copy(w.id, &oom);
    r->mixture = copy(w.mixture, &oom);
    r->domain = copy(w.domain, &oom);
    r->job = copy(w.job, &oom);
    r->why = copy(w.why, &oom);
    if (oom)
        return ASC_NOMEM(err);
    r->scale = w.scale;
    r->seed = (uint64_t)w.seed;
    r->attempts = (int)w.attempts;
    r->pid = w.pid;
    r->pid_start = w.pid_start;
    ASC_TRY(read_tokens(r, w.tokens, err));
    return w.result ? read_result(r, s, w.result, err) : ASC_OK;
}

asc_status asc_store_runs(asc_store_run **out, size_t *n_out, asc_store *s, asc_error *err)
{
    static const char sql[] = "SELECT id,kind,mixture,domain,scale,seed,tokens,state,attempts,pid,pid_start,job,result,"
                              "why,checksum FROM runs ORDER BY seq";
    sqlite3_stmt *q = NULL;
    asc_store_run *runs = asc_calloc(1, sizeof *runs);
    size_t n = 0, cap = 1;
    if (!runs)
        return ASC_NOMEM(err);
    asc_status st = asc__db_prepare(&q, s, sql, err);
    int rc = SQLITE_DONE;
    while (st == ASC_OK && (rc = asc__db_step(q)) == SQLITE_ROW) {
        asc_store_run *more = asc_grow(runs, &cap, n + 1, sizeof *runs);
        if (!more) {
            st = ASC_NOMEM(err);
            break;
        }
        runs = more;
        runs[n] = (asc_store_run){0};
        st = read_run(&runs[n++], s, q, err);
    }
    if (st == ASC_OK && rc != SQLITE_DONE)
        st = asc__db_fail(s, rc, "cannot be read", err);
    sqlite3_finalize(q);
    if (st == ASC_OK)
        st = read_models(runs, n, s, err);
    if (st != ASC_OK) {
        asc_store_runs_free(runs, n);
        return st;
    }
    *out = runs;
    *n_out = n;
    return ASC_OK;
}
