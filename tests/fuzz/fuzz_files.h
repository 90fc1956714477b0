/* Fuzz targets of parsers that read files: a folder of their own, made once and removed at the end. */
#ifndef FUZZ_FILES_H
#define FUZZ_FILES_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char fuzz_dir[40];

static void fuzz_cleanup(void)
{
    asc_remove_tree(fuzz_dir, NULL);
}

/* The folder; in memory where there is such a place. */
static inline const char *fuzz_folder(void)
{
    if (!fuzz_dir[0]) {
        snprintf(fuzz_dir, sizeof fuzz_dir, "%s/asc-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        if (!mkdtemp(fuzz_dir))
            abort();
        atexit(fuzz_cleanup);
    }
    return fuzz_dir;
}

/* Put n bytes into the folder's file `name`; its path, good until the next call. */
static inline const char *fuzz_put(const char *name, const void *data, size_t n)
{
    static char path[120];
    snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, n, f) != n || fclose(f) != 0)
        abort();
    return path;
}

#endif
