/* What a run costs, worked out by hand. */
#include "test.h"

#include <math.h>

#include "study/study.h"

static void flops__of_known_shapes(void **state)
{
    asc_model_spec m = {.n_layers = 1, .n_heads = 1, .width = 2, .context = 4, .vocab = 8};
    /* a token: weights 12*4 + 8*2 = 64, attention 4*1*4*2 = 32; forward 2*64 + 32 */
    assert_true(asc_flops_eval(&m, 10) == 1600);
    assert_true(asc_flops_train(&m, 10) == 4800);
    m.arch = ASC_ARCH_BERT; /* the output layer's 8*2 for the hidden tokens alone */
    assert_true(fabs(asc_flops_eval(&m, 10) - (1600 - .85 * 2 * 16 * 10)) < 1e-9);
    /* four matrices of attention and three of an MLP of width 5, two query heads of width 4 on one of keys: attention
     * 2*4*8, weights 2*8 + 2*2*4 + 8*2 + 3*5*2 = 78 + 8*2 of the output layer */
    asc_model_spec l = {
        .arch = ASC_ARCH_LLAMA, .n_layers = 1, .n_heads = 2, .n_kv_heads = 1, .head_dim = 4, .width = 2};
    l.mlp_width = 5;
    l.context = 4;
    l.vocab = 8;
    assert_true(asc_flops_eval(&l, 10) == 2 * 10 * (78 + 16 + 2 * 4 * 8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flops__of_known_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
