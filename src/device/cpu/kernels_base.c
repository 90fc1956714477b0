/* 128-bit vectors: SSE4.1 on x86, NEON on arm64. x86 has sixteen registers: 4 x 2 sums leave room for A and B; arm64
 * has thirty-two. */
#if defined(__aarch64__)
#define MR 8
#else
#define MR 4
#endif
#define KERNELS asc__kernels_base
#define KERNELS_ISA ASC_ISA_SSE41
#include "kernels_body.h"
