/* 256-bit vectors with fused multiply-add: 6 x 2 of the sixteen registers are sums. */
#define MR 6
#define KERNELS asc__kernels_avx2
#define KERNELS_ISA ASC_ISA_AVX2
#include "kernels_body.h"
