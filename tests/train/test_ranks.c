/* Run without arguments: one process, then itself under mpirun with 2 and 4 ranks where MPI is there. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ranks.h"

enum { N = 1234567 }; /* more than one chunk, and no multiple of the ranks */

static void ranks__one_process_needs_nothing(void **state)
{
    asc_ranks r;
    asc_error err;
    float x = 3;
    bool any;
    assert_int_equal(asc__ranks_init(&r, 1, &err), ASC_OK);
    assert_int_equal(asc__ranks_sum_float(&r, &x, 1, &err), ASC_OK);
    assert_true(x == 3);
    assert_int_equal(asc__ranks_any(&r, true, &any, &err), ASC_OK);
    assert_true(any);
    asc__ranks_clear(&r, false);
}

/* What each of the ranks does; 0 when its sums are right to the last bit. */
static int one_rank(int size)
{
    asc_ranks r;
    asc_error err;
    if (asc__ranks_init(&r, size, &err) != ASC_OK) {
        fprintf(stderr, "%s\n", err.msg);
        return 2;
    }
    float *x = asc_malloc(N * sizeof *x);
    for (size_t i = 0; x && i < N; i++)
        x[i] = (float)sin((double)i + 1000. * r.rank);
    int bad = !x || asc__ranks_sum_float(&r, x, N, &err) != ASC_OK;
    for (size_t i = 0; !bad && i < N; i++) {
        float want = 0;
        for (int k = 0; k < size; k++)
            want += (float)sin((double)i + 1000. * k);
        bad = x[i] != want;
    }
    double d = r.rank + 1;
    bool any = false;
    bad = bad || asc__ranks_sum_double(&r, &d, 1, &err) != ASC_OK || d != size * (size + 1) / 2.;
    bad = bad || asc__ranks_any(&r, r.rank == size - 1, &any, &err) != ASC_OK || !any;
    asc_free(x);
    asc__ranks_clear(&r, false);
    return bad;
}

static char self[4096];

static void ranks__sums_are_exact_in_rank_order(void **state)
{
    char *module = asc_strf("%.*s/autoscale_mpi.so", (int)(strrchr(self, '/') - self), self);
    bool there = asc_path_exists(module) && system("command -v mpirun >/dev/null 2>&1") == 0;
    asc_free(module);
    if (!there) {
        print_message("skipped: no MPI here\n");
        skip();
    }
    for (int size = 2; size <= 4; size += 2) {
        char *command = asc_strf("OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 "
                                 "mpirun --oversubscribe -np %d '%s' %d",
                                 size, self, size);
        assert_int_equal(system(command), 0);
        asc_free(command);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return one_rank(atoi(argv[1]));
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks__one_process_needs_nothing),
        cmocka_unit_test(ranks__sums_are_exact_in_rank_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
