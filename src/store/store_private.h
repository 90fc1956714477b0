/* Inside the store. */
#ifndef STORE_PRIVATE_H
#define STORE_PRIVATE_H

#include <pthread.h>
#include <sqlite3.h>

#include "store/store.h"

/** Both locks of a coordinator, and the thread that gives its sign of life. It stays where it is while it is held. */
typedef struct asc__lock {
    int fd;    /**< of study.lock; -1: none held */
    int db_fd; /**< of study.db: a second lock, which lasts when somebody removes study.lock; -1: none */
    char *path;
    pthread_t thread;
    pthread_mutex_t mutex; /**< of what follows, and of fd while the thread lives */
    pthread_cond_t wake;
    bool alive, stop; /**< the thread */
    bool lost;        /**< study.lock was removed, and somebody else holds it now */
} asc__lock;

struct asc_store {
    sqlite3 *db;
    char *path;
    asc__lock lock;
    bool readonly;
    asc_store_names names; /**< of the caller's, which outlives the store */
};

/** Take DIR/study.lock and study.db (made empty if absent), write who we are into the former, and begin to give a sign
 * of life every few seconds, whatever else the process does. @retval ASC_ESTATE somebody holds them */
asc_status asc__lock_take(asc__lock *l, const char *dir, asc_error *err);
/** Before everything that is written. @retval ASC_ESTATE it is ours no more */
asc_status asc__lock_check(asc__lock *l, asc_error *err);
/** After the database was closed: closing db_fd would end SQLite's own locks on it. */
void asc__lock_release(asc__lock *l);

/* results.c */
/** As its row holds it, in a fixed order of fields; new reference. */
json_t *asc__result_json(const asc_result *r, const asc_store_names *names);
/** Into now what was has of targets and domains that now does not name. */
void asc__result_keep(json_t *now, const json_t *was);
/** From a row that is as it was written; `where` names it. */
asc_status asc__result_take(asc_result **out, const json_t *o, const asc_store_names *names, const char *where,
                            asc_error *err);

/** The error of the last SQLite call, in our words. */
asc_status asc__db_fail(asc_store *s, int rc, const char *doing, asc_error *err);
/** sqlite3_step, unless a test makes it fail. */
int asc__db_step(sqlite3_stmt *q);
asc_status asc__db_exec(asc_store *s, const char *sql, asc_error *err);
asc_status asc__db_prepare(sqlite3_stmt **out, asc_store *s, const char *sql, asc_error *err);

#endif
