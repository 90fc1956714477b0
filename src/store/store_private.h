/* Inside the store. */
#ifndef STORE_PRIVATE_H
#define STORE_PRIVATE_H

#include <sqlite3.h>

#include "autoscale/store.h"

typedef struct asc__lock {
    int fd; /**< -1: none held */
    char *path;
} asc__lock;

struct asc_store {
    sqlite3 *db;
    char *path;
    asc__lock lock;
    bool readonly;
};

/** Take DIR/study.lock and write who we are into it. @retval ASC_ESTATE somebody holds it */
asc_status asc__lock_take(asc__lock *out, const char *dir, asc_error *err);
void asc__lock_beat(asc__lock *l);
void asc__lock_release(asc__lock *l);

/** The error of the last SQLite call, in our words. */
asc_status asc__db_fail(asc_store *s, int rc, const char *doing, asc_error *err);
/** sqlite3_step, unless a test makes it fail. */
int asc__db_step(sqlite3_stmt *q);
asc_status asc__db_exec(asc_store *s, const char *sql, asc_error *err);
asc_status asc__db_prepare(sqlite3_stmt **out, asc_store *s, const char *sql, asc_error *err);

#endif
