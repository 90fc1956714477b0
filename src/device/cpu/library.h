/*
 * oneDNN (2.x), loaded at run time: it has kernels for AMX, whose tiles multiply bf16 sixteen times as fast as AVX-512
 * does fp32, and picks them where the CPU has them. Only its header is needed to build this; without that, or without
 * the library (39 MB, loaded when first asked for), all of it says no.
 */
#ifndef ASC_DEVICE_LIBRARY_H
#define ASC_DEVICE_LIBRARY_H

#include "kernels.h"

/**
 * The AVX512-BF16 kernels with their products (asc_gemm) through the library; attention's small tiles stay ours. Runs
 * on AVX512-BF16 as well, so that it can be tested without AMX. NULL without the library or on a CPU without that.
 */
const asc_kernels *asc__library_kernels(void);

/** True where the library would use AMX: it has asked the kernel for the tiles, and they were granted. */
bool asc__library_has_amx(void);

/** "oneDNN 2.6.3", or "" where it cannot be had. Static storage. */
const char *asc__library_name(void);

#endif
