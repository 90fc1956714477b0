/* A fresh folder for a test: in memory where there is such a place, as some tests sync thousands of files. */
#ifndef TEST_FOLDER_H
#define TEST_FOLDER_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/** dir: at least 32 bytes. */
static inline void test_folder(char *dir)
{
    snprintf(dir, 32, "%s/asc-test-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(dir));
}

#endif
