/* 512-bit vectors with bf16 pair products for all matrix products; everything else as in AVX-512. */
#define MR 8
#define KERNELS asc__kernels_avx512bf16
#define KERNELS_ISA ASC_ISA_AVX512_BF16
#define KERNELS_BF16 1
#include "kernels_body.h"
