/**
 * store: study.db, the memory of a study. The only room that includes sqlite3.h. Rollback journal with
 * synchronous=FULL, never WAL, so that another host may read it on a shared file system; one coordinating process
 * writes it (study.lock), any number read it. Every row carries a checksum that is verified when the row is read.
 */
#ifndef AUTOSCALE_STORE_H
#define AUTOSCALE_STORE_H

#include "base/base_json.h"
#include "spec/spec.h"
#include "spec/spec_result.h"

typedef struct asc_store asc_store;

/* ---- opening -------------------------------------------------------------------------------------------------- */

/** Who coordinates a study. */
typedef struct asc_store_owner {
    char host[256];
    int64_t pid;
    int64_t started; /**< seconds since 1970 */
    bool alive;      /**< it holds the lock now (asked on its own host; on another: its sign of life is recent) */
    bool here;       /**< on this host */
} asc_store_owner;

/**
 * Open DIR/study.db for writing, made if absent, and take DIR/study.lock. The lock of a process that died is taken
 * over.
 * @retval ASC_ESTATE  another process coordinates this study (host, pid, since when), or the file is no study of ours
 * @retval ASC_EIO     folder or file cannot be written
 */
asc_status asc_store_open(asc_store **out, const char *dir, asc_error *err);
/** Open for reading; fine while another process writes. @retval ASC_EINVAL DIR holds no study.db */
asc_status asc_store_open_readonly(asc_store **out, const char *dir, asc_error *err);
/** Close; releases the lock. */
void asc_store_close(asc_store *s);
/** The last coordinator; pid 0 when there was none. */
asc_status asc_store_owner_get(asc_store_owner *out, const char *dir, asc_error *err);

/* ---- documents: JSON by name ------------------------------------------------------------------------------------ */

/** Store a document under name, replacing what was there. Names in use: "spec" (canonical study), "source" (the study
 * file as {"path","text"}), "corpus" (reports of the domains), "branch-cut" (asc__cut of the study), "run-domains"
 * ({run: the domains it was made with}, of runs made with others than "spec" has), "earlier-runs" ({run: true}, of a
 * search that the study had before), "summary" (docs/formats.md), "law-s1" …, "machine". */
asc_status asc_store_put_doc(asc_store *s, const char *name, const json_t *doc, asc_error *err);
/** New reference in *out, or NULL when there is no such document. */
asc_status asc_store_get_doc(json_t **out, asc_store *s, const char *name, asc_error *err);

/** What was fixed when a study was created: the document `resolved`. */
typedef struct asc_store_created {
    asc_isa isa;      /**< of all its runs; AUTO: not fixed yet, and the rest means nothing */
    char when[40];    /**< UTC, "2026-11-23T22:14:05Z" */
    char version[32]; /**< of autoscale */
    char cpu[160];    /**< of the machine that created it, with its cores and measured peak */
    int cores;
    double peak_gflops;
} asc_store_created;
asc_status asc_store_put_created(asc_store *s, const asc_store_created *c, asc_error *err);
/** isa AUTO where there is none. */
asc_status asc_store_get_created(asc_store_created *out, asc_store *s, asc_error *err);

/* ---- runs ------------------------------------------------------------------------------------------------------- */

typedef enum asc_run_state {
    ASC_RUN_PENDING,
    ASC_RUN_RUNNING,
    ASC_RUN_DONE,
    ASC_RUN_DIVERGED, /**< ended, recorded, no number for the fit */
    ASC_RUN_FAILED,   /**< no result after all retries */
    ASC_RUN_STOPPED   /**< paused and never gone on with: it could not matter; why says so */
} asc_run_state;
const char *asc_run_state_name(asc_run_state s);

/** One row of the table of runs. */
typedef struct asc_store_run {
    char *id; /**< "s1-base-r0", "s1-up-code", "target-predicted-r1" */
    asc_run_kind kind;
    char *mixture; /**< "base", "predicted", "uniform" … */
    char *domain;  /**< of up and down; NULL else */
    char *model;   /**< what differs from the study's model, as JSON; NULL: nothing. Known once added */
    double scale;  /**< tokens of the scale or of the target */
    uint64_t seed;
    size_t n_domains;
    double *tokens; /**< (D) planned, whole numbers */
    size_t n_made;
    double *made; /**< (n_made) the same of the domains that the run was made with, as its row has them; NULL: tokens */
    bool earlier; /**< made for a search that the study had before; not in the store's row */
    asc_run_state state;
    int attempts;       /**< times started */
    int64_t pid;        /**< of the process that makes it now; 0: none */
    int64_t pid_start;  /**< that process's start time (clock ticks since boot), against reused pids */
    char *job;          /**< a cluster's job id, or NULL */
    asc_result *result; /**< what result.json said, checked; NULL before the end */
    char *why;          /**< one line where it failed or diverged; NULL else */
} asc_store_run;
void asc_store_run_clear(asc_store_run *r);
void asc_store_runs_free(asc_store_run *r, size_t n);

/** The order that results are read in, and the names that their rows hold them by. */
typedef struct asc_store_names {
    size_t n_domains, n_targets; /**< D, V */
    char *const *domains;        /**< (D) */
    char *const *targets;        /**< (V) */
} asc_store_names;
/** Before runs with results are read or written; names must outlive s. Without, results that are read have D = V = 0
 * and the figures of the whole run alone. */
void asc_store_set_names(asc_store *s, const asc_store_names *names);

/** Add runs (those whose id is known are left as they are), all or none. */
asc_status asc_store_add_runs(asc_store *s, const asc_store_run *runs, size_t n, asc_error *err);
/** Every run in the order it was added. @retval ASC_ESTATE a row's checksum is wrong: the row is named */
asc_status asc_store_runs(asc_store_run **out, size_t *n, asc_store *s, asc_error *err);
/** Write back state, attempts, pid, job, result and why of one run. Losses on targets that are named no longer stay. */
asc_status asc_store_update_run(asc_store *s, const asc_store_run *run, asc_error *err);
/** Drop runs that were never started (an edited study's). */
asc_status asc_store_drop_run(asc_store *s, const char *id, asc_error *err);

/** SQLite's memory through asc_malloc and its opens, writes and syncs past asc_fault_hit, so that they can be made to
 * fail too; before the first open. */
asc_status asc_store_use_faults(asc_error *err);
/** "3.40.1", of the library that runs. */
const char *asc_store_sqlite_version(void);

#endif
