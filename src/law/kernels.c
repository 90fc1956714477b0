#define KERNELS asc__law_kernels_plain
#include "gradients_body.h"

const asc__kernels *asc__law_kernels(void)
{
#ifdef ASC_X86
    if (__builtin_cpu_supports("avx2"))
        return &asc__law_kernels_avx2;
#endif
    return &asc__law_kernels_plain;
}
