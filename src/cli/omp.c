/* OpenMP inside a library of ours must not start threads: one run a core is the unit. libgomp reads its environment
 * when it is loaded, so that setting it here would be too late: the command runs itself again, once. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char **own_arguments(char *text, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += text[i] == 0;
    char **argv = asc_calloc(count + 1, sizeof *argv);
    char *p = text;
    for (size_t k = 0; argv && k < count; k++) {
        argv[k] = p;
        p += strlen(p) + 1;
    }
    return argv;
}

void asc__cli_single_omp(void)
{
    enum { MAX_ARGUMENTS = 1 << 22 };
    char *text = NULL, **argv = NULL;
    size_t n = 0;
    if (getenv("OMP_NUM_THREADS"))
        return;
    if (asc_read_file("/proc/self/cmdline", MAX_ARGUMENTS, &text, &n, NULL) == ASC_OK)
        argv = own_arguments(text, n);
    if (argv && argv[0] && setenv("OMP_NUM_THREADS", "1", 1) == 0 && setenv("OMP_WAIT_POLICY", "passive", 0) == 0)
        execv("/proc/self/exe", argv); /* comes back only when it failed: then we go on as we are */
    asc_free(argv);
    asc_free(text);
}
