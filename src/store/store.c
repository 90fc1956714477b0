/* Opening study.db, its tables, documents. Runs are in runs.c, the lock in lock.c. */
#include "store_private.h"
#include "store/store_summary.h"

#include <string.h>
#include <unistd.h>

enum { APPLICATION_ID = 0x41534331 /* "ASC1" */, SCHEMA_VERSION = 1 };

/* A checksum in every row: bits that changed under SQLite's feet must never reach a fit. */
static const char *const definitions[] = {
    "CREATE TABLE runs (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,"
    " mixture TEXT NOT NULL, domain TEXT, scale REAL NOT NULL, seed INTEGER NOT NULL, tokens TEXT NOT NULL,"
    " state TEXT NOT NULL, attempts INTEGER NOT NULL, pid INTEGER NOT NULL, pid_start INTEGER NOT NULL, job TEXT,"
    " result TEXT, why TEXT, checksum TEXT NOT NULL)",
    "CREATE TABLE docs (name TEXT PRIMARY KEY, json TEXT NOT NULL, checksum TEXT NOT NULL)",
};
enum { N_TABLES = sizeof definitions / sizeof *definitions };

/* ---- SQLite ---- */

/* "disk I/O error" alone helps nobody: what the system said stands beside it. */
static asc_status io_fail(const asc_store *s, const char *doing, const char *why, asc_error *err)
{
    int system = s->db ? sqlite3_system_errno(s->db) : 0;
    return system ? ASC_FAIL(err, ASC_EIO, "%s: %s: %s (%s)", s->path, doing, why, strerror(system))
                  : ASC_FAIL(err, ASC_EIO, "%s: %s: %s", s->path, doing, why);
}

static asc_status moved(const asc_store *s, const char *doing, asc_error *err)
{
    return ASC_FAIL(err, ASC_EIO, "%s: %s: the study's folder was moved or deleted while it was in use", s->path,
                    doing);
}

asc_status asc__db_fail(asc_store *s, int rc, const char *doing, asc_error *err)
{
    const char *why = s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc);
    switch (rc & 0xff) {
    case SQLITE_NOMEM:
        return ASC_NOMEM(err);
    case SQLITE_FULL:
        return ASC_FAIL(err, ASC_EIO, "%s: %s: the disk is full", s->path, doing);
    case SQLITE_READONLY:
        if (!asc_path_exists(s->path) || (s->db && sqlite3_extended_errcode(s->db) == SQLITE_READONLY_DBMOVED))
            return moved(s, doing, err);
        return ASC_FAIL(err, ASC_EIO, "%s: %s: the file or its folder is read-only", s->path, doing);
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
        return s->db && !asc_path_exists(s->path) ? moved(s, doing, err) : io_fail(s, doing, why, err);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return ASC_FAIL(err, ASC_ESTATE, "%s: %s: damaged, or not a study (%s)", s->path, doing, why);
    case SQLITE_BUSY:
        return ASC_FAIL(err, ASC_ESTATE, "%s: %s: locked by another process", s->path, doing);
    default:
        return io_fail(s, doing, why, err);
    }
}

int asc__db_step(sqlite3_stmt *q)
{
    return asc_fault_hit(ASC_FAULT_STEP) ? SQLITE_IOERR : sqlite3_step(q);
}

asc_status asc__db_exec(asc_store *s, const char *sql, asc_error *err)
{
    int rc = asc_fault_hit(ASC_FAULT_STEP) ? SQLITE_IOERR : sqlite3_exec(s->db, sql, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        return ASC_OK;
    asc_status st = asc__db_fail(s, rc, "cannot be written", err);
    if (!sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return st;
}

asc_status asc__db_prepare(sqlite3_stmt **out, asc_store *s, const char *sql, asc_error *err)
{
    int rc = sqlite3_prepare_v2(s->db, sql, -1, out, NULL);
    return rc == SQLITE_OK ? ASC_OK : asc__db_fail(s, rc, "cannot be read", err);
}

static asc_status pragma_int(asc_store *s, const char *sql, int *out, asc_error *err)
{
    sqlite3_stmt *q = NULL;
    asc_status st = asc__db_prepare(&q, s, sql, err);
    if (st != ASC_OK)
        return st;
    int rc = asc__db_step(q);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int(q, 0);
    else
        st = asc__db_fail(s, rc, "cannot be read", err);
    sqlite3_finalize(q);
    return st;
}

/* Ours, and of a version that we know; a fresh file has neither. */
static asc_status check_identity(asc_store *s, bool *fresh, asc_error *err)
{
    int id = 0, version = 0, tables = 0;
    ASC_TRY(pragma_int(s, "PRAGMA application_id", &id, err));
    ASC_TRY(pragma_int(s, "PRAGMA user_version", &version, err));
    ASC_TRY(pragma_int(s, "SELECT count(*) FROM sqlite_master", &tables, err));
    *fresh = tables == 0 && id == 0; /* both are set at once */
    if (!*fresh && id != APPLICATION_ID)
        return ASC_FAIL(err, ASC_ESTATE, "%s: a database of another program", s->path);
    if (!*fresh && version != SCHEMA_VERSION)
        return ASC_FAIL(err, ASC_ESTATE, "%s: made by another version of autoscale (format %d, this one reads %d)",
                        s->path, version, SCHEMA_VERSION);
    return ASC_OK;
}

static asc_status damaged(const asc_store *s, const char *why, asc_error *err)
{
    return ASC_FAIL(err, ASC_ESTATE, "%s: damaged (%.200s)", s->path, why);
}

/* Rows have checksums; this finds rows that are lost, doubled or out of order: SQLite's own check of its pages, and the
 * tables' definitions, by which it reads them. */
static asc_status check_tables(asc_store *s, asc_error *err)
{
    sqlite3_stmt *q = NULL;
    size_t n = 0;
    int rc;
    ASC_TRY(asc__db_prepare(&q, s, "SELECT sql FROM sqlite_master WHERE sql NOT NULL ORDER BY rowid", err));
    asc_status st = ASC_OK;
    while (st == ASC_OK && (rc = asc__db_step(q)) == SQLITE_ROW) {
        const char *sql = (const char *)sqlite3_column_text(q, 0);
        if (!sql)
            st = ASC_NOMEM(err);
        else if (n >= N_TABLES || strcmp(sql, definitions[n++]) != 0)
            st = damaged(s, "its tables are not defined as expected", err);
    }
    if (st == ASC_OK && rc != SQLITE_DONE)
        st = asc__db_fail(s, rc, "cannot be read", err);
    if (st == ASC_OK && n != N_TABLES)
        st = damaged(s, "a table is missing", err);
    sqlite3_finalize(q);
    return st;
}

static asc_status check_pages(asc_store *s, asc_error *err)
{
    sqlite3_stmt *q = NULL;
    ASC_TRY(asc__db_prepare(&q, s, "PRAGMA integrity_check(1)", err));
    int rc = asc__db_step(q);
    const char *said = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(q, 0) : NULL;
    asc_status st = ASC_OK;
    if (rc != SQLITE_ROW)
        st = asc__db_fail(s, rc, "cannot be read", err);
    else if (!said)
        st = ASC_NOMEM(err);
    else if (strcmp(said, "ok") != 0)
        st = damaged(s, said, err);
    sqlite3_finalize(q);
    return st;
}

static asc_status make_tables(asc_store *s, asc_error *err)
{
    asc_buf sql = {0};
    /* One transaction, so that a kill leaves all of it or an empty file. */
    asc_buf_printf(&sql, "BEGIN IMMEDIATE; PRAGMA application_id=%d; PRAGMA user_version=%d;", APPLICATION_ID,
                   SCHEMA_VERSION);
    for (size_t i = 0; i < N_TABLES; i++)
        asc_buf_printf(&sql, "%s;", definitions[i]);
    asc_buf_puts(&sql, "COMMIT;");
    asc_status st = sql.oom ? ASC_NOMEM(err) : asc__db_exec(s, sql.data, err);
    asc_buf_clear(&sql);
    return st;
}

static asc_status set_up(asc_store *s, asc_error *err)
{
    bool fresh;
    sqlite3_busy_timeout(s->db, 20000);
    ASC_TRY(check_identity(s, &fresh, err));
    if (!fresh) {
        ASC_TRY(check_tables(s, err));
        ASC_TRY(check_pages(s, err));
    }
    if (s->readonly)
        return fresh ? ASC_FAIL(err, ASC_EINVAL, "%s: no study in it yet", s->path)
                     : asc__db_exec(s, "PRAGMA query_only=ON", err);
    ASC_TRY(asc__db_exec(s, "PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL;", err));
    return fresh ? make_tables(s, err) : ASC_OK;
}

/* ---- opening ---- */

static asc_status open_db(asc_store *s, asc_error *err)
{
    int rc;
    if (!s->readonly) {
        rc = sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
        return rc == SQLITE_OK ? set_up(s, err) : asc__db_fail(s, rc, "cannot be opened for writing", err);
    }
    /* A reader may have to roll back what a killed coordinator left half-written: that needs a handle that can write
     * (query_only keeps it from anything else). Where the file is not ours to write, plain reading has to do. */
    int flags = access(s->path, W_OK) == 0 ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
    rc = sqlite3_open_v2(s->path, &s->db, flags, NULL);
    return rc == SQLITE_OK ? set_up(s, err) : asc__db_fail(s, rc, "cannot be opened", err);
}

static asc_status store_new(asc_store **out, const char *dir, asc_error *err)
{
    asc_store *s = asc_calloc(1, sizeof *s);
    if (!s)
        return ASC_NOMEM(err);
    s->lock = (asc__lock){.fd = -1, .db_fd = -1};
    s->path = asc_path_join(dir, "study.db");
    if (!s->path) {
        asc_free(s);
        return ASC_NOMEM(err);
    }
    *out = s;
    return ASC_OK;
}

asc_status asc_store_open(asc_store **out, const char *dir, asc_error *err)
{
    asc_store *s = NULL;
    ASC_TRY(asc_mkdirs(dir, err));
    ASC_TRY(store_new(&s, dir, err));
    asc_status st = asc__lock_take(&s->lock, dir, err);
    if (st == ASC_OK)
        st = open_db(s, err);
    if (st == ASC_OK)
        *out = s;
    else
        asc_store_close(s);
    return st;
}

asc_status asc_store_open_readonly(asc_store **out, const char *dir, asc_error *err)
{
    asc_store *s = NULL;
    ASC_TRY(store_new(&s, dir, err));
    s->readonly = true;
    asc_status st =
        asc_path_exists(s->path)
            ? open_db(s, err)
            : ASC_FAIL(err, ASC_EINVAL, "%s: no study here (create one with `autoscale run STUDY.yaml --dir %s`)",
                       s->path, dir);
    if (st == ASC_OK)
        *out = s;
    else
        asc_store_close(s);
    return st;
}

void asc_store_close(asc_store *s)
{
    if (!s)
        return;
    sqlite3_close(s->db);
    asc__lock_release(&s->lock);
    asc_free(s->path);
    asc_free(s);
}

/* ---- documents ---- */

static void doc_checksum(char *out, const char *name, const char *text)
{
    asc_sha256 h;
    uint8_t digest[32];
    asc_sha256_init(&h);
    asc_sha256_update(&h, name, strlen(name) + 1);
    asc_sha256_update(&h, text, strlen(text));
    asc_sha256_final(&h, digest);
    asc_hex(out, digest, sizeof digest);
}

asc_status asc_store_put_doc(asc_store *s, const char *name, const json_t *doc, asc_error *err)
{
    char *text = NULL, sum[65];
    sqlite3_stmt *q = NULL;
    ASC_TRY(asc__lock_check(&s->lock, err));
    ASC_TRY(asc_json_print(&text, doc, 0, err));
    doc_checksum(sum, name, text);
    asc_status st = asc__db_prepare(&q, s, "INSERT OR REPLACE INTO docs VALUES (?,?,?)", err);
    if (st == ASC_OK) {
        sqlite3_bind_text(q, 1, name, -1, SQLITE_STATIC);
        sqlite3_bind_text(q, 2, text, -1, SQLITE_STATIC);
        sqlite3_bind_text(q, 3, sum, -1, SQLITE_STATIC);
        int rc = asc__db_step(q);
        if (rc != SQLITE_DONE)
            st = asc__db_fail(s, rc, "cannot be written", err);
    }
    sqlite3_finalize(q);
    asc_free(text);
    return st;
}

static asc_status read_doc(json_t **out, asc_store *s, const char *name, sqlite3_stmt *q, asc_error *err)
{
    const char *text = (const char *)sqlite3_column_text(q, 0), *sum = (const char *)sqlite3_column_text(q, 1);
    char wanted[65];
    if (!text || !sum)
        return ASC_NOMEM(err);
    doc_checksum(wanted, name, text);
    if (strcmp(sum, wanted) != 0)
        return ASC_FAIL(err, ASC_ESTATE, "%s: document '%s' is damaged (its checksum is wrong)", s->path, name);
    return asc_json_parse(out, name, text, strlen(text), err);
}

asc_status asc_store_get_doc(json_t **out, asc_store *s, const char *name, asc_error *err)
{
    sqlite3_stmt *q = NULL;
    ASC_TRY(asc__db_prepare(&q, s, "SELECT json, checksum FROM docs WHERE name=?", err));
    sqlite3_bind_text(q, 1, name, -1, SQLITE_STATIC);
    int rc = asc__db_step(q);
    asc_status st = ASC_OK;
    json_t *doc = NULL;
    if (rc == SQLITE_ROW)
        st = read_doc(&doc, s, name, q, err);
    else if (rc != SQLITE_DONE)
        st = asc__db_fail(s, rc, "cannot be read", err);
    sqlite3_finalize(q);
    if (st == ASC_OK)
        *out = doc;
    return st;
}

const char *asc_store_sqlite_version(void)
{
    return sqlite3_libversion();
}

/* ---- the summary ---- */

asc_status asc_store_put_summary(asc_store *store, asc_summary *s, asc_error *err)
{
    json_t *doc = s->oom ? NULL : asc_summary_json(s);
    asc_status st = doc ? asc_store_put_doc(store, "summary", doc, err) : ASC_NOMEM(err);
    json_decref(doc);
    return st;
}

asc_status asc_store_get_summary(asc_summary **out, asc_store *store, asc_error *err)
{
    json_t *doc = NULL;
    ASC_TRY(asc_store_get_doc(&doc, store, "summary", err));
    *out = NULL;
    asc_status st = doc ? asc_summary_read(out, doc, err) : ASC_OK;
    json_decref(doc);
    return st;
}

/* ---- what was fixed ---- */

asc_status asc_store_put_created(asc_store *store, const asc_store_created *c, asc_error *err)
{
    json_t *doc = json_pack("{s:s,s:s,s:s,s:{s:s,s:s,s:i,s:f}}", "isa", asc_isa_name(c->isa), "created", c->when,
                            "version", c->version, "machine", "cpu", c->cpu, "isa", asc_isa_name(c->isa), "cores",
                            c->cores, "peak_gflops", c->peak_gflops);
    asc_status st = doc ? asc_store_put_doc(store, "resolved", doc, err) : ASC_NOMEM(err);
    json_decref(doc);
    return st;
}

static void take_text(char *out, size_t size, const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    snprintf(out, size, "%s", s ? s : "");
}

asc_status asc_store_get_created(asc_store_created *out, asc_store *store, asc_error *err)
{
    json_t *doc = NULL;
    asc_store_created c = {.isa = ASC_ISA_AUTO};
    ASC_TRY(asc_store_get_doc(&doc, store, "resolved", err));
    const json_t *machine = json_object_get(doc, "machine");
    const char *isa = json_string_value(json_object_get(doc, "isa"));
    if (isa && !asc_isa_parse(isa, &c.isa))
        c.isa = ASC_ISA_AUTO;
    take_text(c.when, sizeof c.when, doc, "created");
    take_text(c.version, sizeof c.version, doc, "version");
    take_text(c.cpu, sizeof c.cpu, machine, "cpu");
    c.cores = (int)json_integer_value(json_object_get(machine, "cores"));
    c.peak_gflops = asc_json_number(machine, "peak_gflops");
    json_decref(doc);
    *out = c;
    return ASC_OK;
}
