/* What the machine can do at best, measured: register multiply-adds, memory bandwidth, one matrix product. */
#include "device/device.h"

#include "cpu/kernels.h"

/* Slices of some milliseconds: the best of shorter ones is the clock's own error (measured: 10 % too high). */
enum { PEAK_LOOPS = 3000000 };

double asc_device_peak_gflops(asc_isa isa, asc_dtype dtype, double seconds)
{
    const asc_kernels *k = asc_kernels_get(isa, dtype);
    if (!k)
        return 0;
    double (*peak)(size_t) = dtype == ASC_DTYPE_BF16 ? k->peak_bf16 : k->peak;
    double best = 0;
    for (double start = asc_now_s(); asc_now_s() - start < seconds || best == 0;) {
        double t = asc_thread_cpu_s(), flops = peak(PEAK_LOOPS);
        t = asc_thread_cpu_s() - t;
        if (t > 0 && flops / t > best)
            best = flops / t;
    }
    return best / 1e9;
}

static void triad(float *a, const float *b, const float *c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        a[i] = b[i] + 3 * c[i];
}

double asc_device_bandwidth(double seconds)
{
    const size_t n = (size_t)24 << 20; /* floats: 96 MiB an array, beyond any cache */
    float *a = asc_aligned_alloc(3 * n * sizeof *a);
    if (!a)
        return 0;
    for (size_t i = 0; i < 3 * n; i++)
        a[i] = 1;
    double best = 0;
    for (double start = asc_now_s(); asc_now_s() - start < seconds || best == 0;) {
        double t = asc_thread_cpu_s();
        triad(a, a + n, a + 2 * n, n);
        t = asc_thread_cpu_s() - t;
        if (t > 0 && 3.0 * (double)(n * sizeof *a) / t > best)
            best = 3.0 * (double)(n * sizeof *a) / t;
    }
    asc_aligned_free(a);
    return best / 1e9;
}

/* Products until `seconds` have passed; the best single one counts. */
static double time_gemm(const asc_kernels *k, const asc_gemm *g, void *scratch, double seconds)
{
    double best = 0, flops = 2.0 * (double)g->m * (double)g->n * (double)g->k;
    for (double start = asc_now_s(); asc_now_s() - start < seconds || best == 0;) {
        double t = asc_thread_cpu_s();
        asc_gemm_run(k, g, scratch, 0, 1);
        t = asc_thread_cpu_s() - t;
        if (t > 0 && flops / t > best)
            best = flops / t;
    }
    return best / 1e9;
}

double asc_device_gemm_gflops(asc_isa isa, asc_dtype dtype, size_t m, size_t n, size_t k, double seconds)
{
    const asc_kernels *kernels = asc_kernels_get(isa, dtype);
    if (!kernels || m == 0 || n == 0 || k == 0)
        return 0;
    asc_arena arena = {0};
    float *a = asc_arena_alloc(&arena, m * k * sizeof *a), *b = asc_arena_alloc(&arena, k * n * sizeof *b);
    float *c = asc_arena_alloc(&arena, m * n * sizeof *c);
    void *scratch = asc_arena_alloc(&arena, asc_gemm_scratch(kernels));
    double result = 0;
    if (a && b && c && scratch) {
        asc_gemm g = {.m = m, .n = n, .k = k, .a = a, .lda = k, .b = b, .ldb = n, .c = c, .ldc = n};
        result = time_gemm(kernels, &g, scratch, seconds);
    }
    asc_arena_clear(&arena);
    return result;
}
