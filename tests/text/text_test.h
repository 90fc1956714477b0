/* Shared by the tests of the text room: a folder of their own, files with given content. */
#ifndef TEXT_TEST_H
#define TEXT_TEST_H

#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "text/text.h"

static char work_dir[64];

static inline int make_work_dir(void **state)
{
    strcpy(work_dir, "/tmp/autoscale-text-XXXXXX");
    return mkdtemp(work_dir) ? 0 : -1;
}

static inline int remove_work_dir(void **state)
{
    return asc_remove_tree(work_dir, NULL) == ASC_OK ? 0 : -1;
}

/* Path below the work folder; one of eight buffers in turn. */
static inline char *in_work(const char *name)
{
    static char paths[8][256];
    static int turn;
    char *p = paths[turn++ % 8];
    snprintf(p, sizeof paths[0], "%s/%s", work_dir, name);
    return p;
}

/* Plainly written: thousands of synced files would take minutes. */
static inline void put_file(const char *path, const void *p, size_t n)
{
    char *dir = asc_path_dir(path);
    assert_int_equal(asc_mkdirs(dir, NULL), ASC_OK);
    asc_free(dir);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static inline void put_text(const char *path, const char *s)
{
    put_file(path, s, strlen(s));
}

static inline bool small_run(void)
{
    return getenv("ASC_SMALL") != NULL;
}

static inline void assert_ok(asc_status st, const asc_error *err)
{
    if (st != ASC_OK)
        fail_msg("%s", err->msg);
}

#endif
