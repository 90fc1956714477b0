/* The same matrix product through oneDNN (2.x C API), measured beside ours: the library's blocked kernels are what a
 * user would reach for. Ours were faster on every shape of the training step that was tried (docs/results/engine.md).
 */
#include "autoscale/device.h"

#ifdef ASC_ONEDNN
#include <dnnl.h>

typedef struct product {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t primitive;
    dnnl_memory_t a, b, c;
} product;

static dnnl_status_t set_isa(asc_isa isa)
{
    switch (isa) {
    case ASC_ISA_SSE41:
        return dnnl_set_max_cpu_isa(dnnl_cpu_isa_sse41);
    case ASC_ISA_AVX2:
        return dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx2);
    case ASC_ISA_AVX512:
        return dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx512_core);
    default:
        return dnnl_success; /* whatever the CPU has */
    }
}

/* B and C in the layout the library likes best: weights kept packed. */
static bool make(product *p, bool bf16, size_t m, size_t n, size_t k)
{
    dnnl_dims_t da = {(int64_t)m, (int64_t)k}, db = {(int64_t)k, (int64_t)n}, dc = {(int64_t)m, (int64_t)n};
    dnnl_data_type_t type = bf16 ? dnnl_bf16 : dnnl_f32;
    dnnl_memory_desc_t a, b, c;
    dnnl_matmul_desc_t matmul;
    if (dnnl_engine_create(&p->engine, dnnl_cpu, 0) != dnnl_success ||
        dnnl_stream_create(&p->stream, p->engine, dnnl_stream_default_flags) != dnnl_success ||
        dnnl_memory_desc_init_by_tag(&a, 2, da, type, dnnl_ab) != dnnl_success ||
        dnnl_memory_desc_init_by_tag(&b, 2, db, type, dnnl_format_tag_any) != dnnl_success ||
        dnnl_memory_desc_init_by_tag(&c, 2, dc, dnnl_f32, dnnl_ab) != dnnl_success ||
        dnnl_matmul_desc_init(&matmul, &a, &b, NULL, &c) != dnnl_success ||
        dnnl_primitive_desc_create(&p->desc, &matmul, NULL, p->engine, NULL) != dnnl_success ||
        dnnl_primitive_create(&p->primitive, p->desc) != dnnl_success)
        return false;
    const dnnl_memory_desc_t *weights = dnnl_primitive_desc_query_md(p->desc, dnnl_query_weights_md, 0);
    return dnnl_memory_create(&p->a, &a, p->engine, DNNL_MEMORY_ALLOCATE) == dnnl_success &&
           dnnl_memory_create(&p->b, weights, p->engine, DNNL_MEMORY_ALLOCATE) == dnnl_success &&
           dnnl_memory_create(&p->c, &c, p->engine, DNNL_MEMORY_ALLOCATE) == dnnl_success;
}

static void destroy(product *p)
{
    dnnl_memory_destroy(p->a);
    dnnl_memory_destroy(p->b);
    dnnl_memory_destroy(p->c);
    dnnl_primitive_destroy(p->primitive);
    dnnl_primitive_desc_destroy(p->desc);
    dnnl_stream_destroy(p->stream);
    dnnl_engine_destroy(p->engine);
}

static bool run(const product *p)
{
    dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, p->a}, {DNNL_ARG_WEIGHTS, p->b}, {DNNL_ARG_DST, p->c}};
    return dnnl_primitive_execute(p->primitive, p->stream, 3, args) == dnnl_success &&
           dnnl_stream_wait(p->stream) == dnnl_success;
}

double asc_device_onednn_gflops(asc_isa isa, asc_dtype dtype, size_t m, size_t n, size_t k, double seconds)
{
    product p = {0};
    double best = 0, flops = 2.0 * (double)m * (double)n * (double)k;
    isa = asc_device_isa_resolve(isa);
    if (isa == ASC_ISA_PLAIN || asc_device_isa_check(isa, dtype, NULL) != ASC_OK)
        return 0;
    set_isa(isa); /* refused after the first call of a process: then the first choice stays */
    bool ok = make(&p, dtype == ASC_DTYPE_BF16, m, n, k) && run(&p);
    for (double start = asc_now_s(); ok && (asc_now_s() - start < seconds || best == 0);) {
        double t = asc_thread_cpu_s();
        ok = run(&p);
        t = asc_thread_cpu_s() - t;
        if (ok && t > 0 && flops / t > best)
            best = flops / t;
    }
    destroy(&p);
    return best / 1e9;
}
#else
double asc_device_onednn_gflops(asc_isa isa, asc_dtype dtype, size_t m, size_t n, size_t k, double seconds)
{
    return 0;
}
#endif
