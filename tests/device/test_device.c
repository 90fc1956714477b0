#include "test.h"

#include "device/device.h"

#include <stdatomic.h>

static void isa__best_is_one_this_machine_has(void **state)
{
    asc_isa best = asc_device_isa_best();
    assert_true(best != ASC_ISA_AUTO && asc_device_isa_has(best));
    assert_int_equal(asc_device_isa_resolve(ASC_ISA_AUTO), best);
    assert_int_equal(asc_device_isa_check(ASC_ISA_AUTO, ASC_DTYPE_FP32, NULL), ASC_OK);
    assert_true(asc_device_cpu_name()[0] != 0);
}

static void isa__lacking_one_is_named(void **state)
{
    asc_error err;
    for (int i = ASC_ISA_PLAIN; i <= ASC_ISA_AMX; i++)
        if (!asc_device_isa_has((asc_isa)i)) {
            assert_int_equal(asc_device_isa_check((asc_isa)i, ASC_DTYPE_FP32, &err), ASC_EMISSING);
            assert_non_null(strstr(err.msg, asc_isa_name((asc_isa)i)));
        }
}

/* Without AUTOSCALE_AMX_STAND_IN: amx is offered, and told to be in use, on the same terms. */
static void isa__amx_is_told(void **state)
{
    bool through = strncmp(asc_device_amx_state(), "through oneDNN", 14) == 0;
    assert_true(through == asc_device_isa_has(ASC_ISA_AMX));
    assert_true(through || strstr(asc_device_amx_state(), "the CPU"));
}

static void isa__bf16_without_its_unit_names_fp32(void **state)
{
    asc_error err;
    assert_int_equal(asc_device_isa_check(ASC_ISA_PLAIN, ASC_DTYPE_BF16, &err), ASC_EMISSING);
    assert_non_null(strstr(err.msg, "fp32"));
}

typedef struct tally {
    atomic_int calls[8];
    atomic_size_t n_parts;
} tally;

static void count(void *ctx, size_t part, size_t n_parts)
{
    tally *t = ctx;
    atomic_fetch_add(&t->calls[part], 1);
    atomic_store(&t->n_parts, n_parts);
}

static void pool__runs_every_part_once_a_job(void **state)
{
    asc_pool *p = NULL;
    tally t = {0};
    assert_int_equal(asc_pool_create(&p, 5, NULL), ASC_OK);
    assert_int_equal(asc_pool_size(p), 5);
    for (int job = 0; job < 200; job++)
        asc_pool_run(p, count, &t);
    for (int i = 0; i < 8; i++)
        assert_int_equal(atomic_load(&t.calls[i]), i < 5 ? 200 : 0);
    assert_int_equal(atomic_load(&t.n_parts), 5);
    asc_pool_free(p);
}

static void pool__refuses_odd_sizes_and_takes_null(void **state)
{
    asc_pool *p = NULL;
    asc_error err;
    tally t = {0};
    assert_int_equal(asc_pool_create(&p, 0, &err), ASC_EINVAL);
    assert_int_equal(asc_pool_create(&p, 100000, &err), ASC_EINVAL);
    assert_null(p);
    asc_pool_run(NULL, count, &t);
    assert_int_equal(atomic_load(&t.calls[0]), 1);
    asc_pool_free(NULL);
}

static void peaks__are_positive_where_they_can_be_had(void **state)
{
    assert_true(asc_device_peak_gflops(ASC_ISA_AUTO, ASC_DTYPE_FP32, 0) > 0);
    assert_true(asc_device_gemm_gflops(ASC_ISA_AUTO, ASC_DTYPE_FP32, 40, 40, 40, 0) > 0);
    bool bf16 = asc_device_isa_check(ASC_ISA_AUTO, ASC_DTYPE_BF16, NULL) == ASC_OK;
    assert_true((asc_device_peak_gflops(ASC_ISA_AUTO, ASC_DTYPE_BF16, 0) > 0) == bf16);
    assert_true(asc_device_onednn_gflops(ASC_ISA_PLAIN, ASC_DTYPE_FP32, 8, 8, 8, 0) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(isa__best_is_one_this_machine_has),
        cmocka_unit_test(isa__lacking_one_is_named),
        cmocka_unit_test(isa__amx_is_told),
        cmocka_unit_test(isa__bf16_without_its_unit_names_fp32),
        cmocka_unit_test(pool__runs_every_part_once_a_job),
        cmocka_unit_test(pool__refuses_odd_sizes_and_takes_null),
        cmocka_unit_test(peaks__are_positive_where_they_can_be_had),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
