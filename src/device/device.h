/**
 * device: what the machine can do. Instruction sets, measured peaks, a blocking thread pool. The kernels themselves are
 * in device_kernels.h; only the model room needs those.
 */
#ifndef AUTOSCALE_DEVICE_H
#define AUTOSCALE_DEVICE_H

#include "spec/spec.h"

/* ---- instruction sets ---------------------------------------------------------------------------------------- */

/** The best instruction set of this CPU and build, never AUTO. PLAIN off x86 (there: 128-bit vector code). AMX counts
 * only where oneDNN, through which it is used, is there and the system grants its tiles. */
asc_isa asc_device_isa_best(void);
/** True when this CPU and build can run isa. AUTO is always true. */
bool asc_device_isa_has(asc_isa isa);
/** isa, or the best one when it is AUTO. */
asc_isa asc_device_isa_resolve(asc_isa isa);
/**
 * Check that a run with this instruction set and number format can be made here; AUTO is resolved first.
 * @retval ASC_EMISSING  the CPU lacks isa (AMX: or what it is used through), or dtype is bf16 without AVX512_BF16 or
 * AMX (the message names fp32)
 */
asc_status asc_device_isa_check(asc_isa isa, asc_dtype dtype, asc_error *err);
/** How AMX is used, in words: "through oneDNN 2.6.3", or why it is not. Static storage, made by the first call. */
const char *asc_device_amx_state(void);
/** Check that this build computes on the device of that name: "auto" and "cpu". @retval ASC_EMISSING  any other */
asc_status asc_device_check(const char *device, asc_error *err);
/** CPU model name as the kernel gives it ("AMD EPYC ..."), "unknown" where it cannot be had. Static storage. */
const char *asc_device_cpu_name(void);

/* ---- measured peaks (one thread; each takes about `seconds`) ---------------------------------------------------- */

/** Fused multiply-adds on registers, GFLOP/s: fp32, or bf16 pair products with fp32 sums. 0 where isa cannot do dtype.
 * The best of several slices: a peak, not a mean. */
double asc_device_peak_gflops(asc_isa isa, asc_dtype dtype, double seconds);
/** Triad a = b + s*c over arrays much larger than the caches, GB/s, 3 streams counted. 0 when memory is out. */
double asc_device_bandwidth(double seconds);
/** One packed product C(M,N) = A(M,K) B(K,N) on our kernels, GFLOP/s. 0 when memory is out. */
double asc_device_gemm_gflops(asc_isa isa, asc_dtype dtype, size_t m, size_t n, size_t k, double seconds);
/** The same product through oneDNN, for comparison. 0 where the build has no oneDNN or it cannot do dtype on isa.
 * oneDNN's own instruction set is fixed by the first call in a process. */
double asc_device_onednn_gflops(asc_isa isa, asc_dtype dtype, size_t m, size_t n, size_t k, double seconds);

/* ---- threads ------------------------------------------------------------------------------------------------------
 */

/** Threads that sleep between jobs (never spin). The caller is thread 0, so a pool of 1 starts none. */
typedef struct asc_pool asc_pool;
asc_status asc_pool_create(asc_pool **out, int n_threads, asc_error *err);
void asc_pool_free(asc_pool *p);
int asc_pool_size(const asc_pool *p);
/** Call fn(ctx, part, n_parts) once on each thread, part = 0..n_parts-1, and wait for all. p NULL: one part. */
void asc_pool_run(asc_pool *p, void (*fn)(void *ctx, size_t part, size_t n_parts), void *ctx);

#endif
