/* 512-bit vectors. 8 x 2 sums already reach the peak (measured); 12 and 14 rows gain nothing and divide less. */
#define MR 8
#define KERNELS asc__kernels_avx512
#define KERNELS_ISA ASC_ISA_AVX512
#include "kernels_body.h"
