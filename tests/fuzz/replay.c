/* A fuzz target without a fuzzer: every file of the corpus folders once, so that what was found stays fixed. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>

#include "base/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int replay_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    int n_files = 0;
    for (struct dirent *e; dir && (e = readdir(dir));) {
        char *path = asc_path_join(folder, e->d_name), *data = NULL;
        size_t n = 0;
        if (path && !asc_path_is_dir(path) && asc_read_file(path, (size_t)1 << 30, &data, &n, NULL) == ASC_OK) {
            LLVMFuzzerTestOneInput((const uint8_t *)data, n);
            n_files++;
        }
        asc_free(data);
        asc_free(path);
    }
    if (dir)
        closedir(dir);
    printf("%s: %d files\n", folder, n_files);
    return n_files;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (replay_folder(argv[i]) == 0)
            return 1;
    return argc > 1 ? 0 : 1;
}
