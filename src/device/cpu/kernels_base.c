/* 128-bit vectors: SSE4.1 on x86, NEON on arm64. Sixteen registers on x86: 4 x 2 sums leave room for A and B. */
#define MR 4
#define KERNELS asc__kernels_base
#define KERNELS_ISA ASC_ISA_SSE41
#include "kernels_body.h"
