/* The same matrix product through oneDNN (2.x C API), measured beside ours: the library's blocked kernels are what a
 * user would reach for. Bare products are about level (docs/results/engine.md); ours also do the work after them. Its
 * header is needed to build this; the library (39 MB) is loaded when the first product is asked for, so that no other
 * command waits for it.
 */
#include "autoscale/device.h"

#ifdef ASC_ONEDNN
#include <dlfcn.h>
#include <dnnl.h>
#include <string.h>

#define FUNCTIONS(F)                                                                                                   \
    F(set_max_cpu_isa)                                                                                                 \
    F(engine_create)                                                                                                   \
    F(engine_destroy)                                                                                                  \
    F(stream_create)                                                                                                   \
    F(stream_wait)                                                                                                     \
    F(stream_destroy)                                                                                                  \
    F(memory_desc_init_by_tag)                                                                                         \
    F(matmul_desc_init)                                                                                                \
    F(primitive_desc_create)                                                                                           \
    F(primitive_desc_query_md)                                                                                         \
    F(primitive_desc_destroy)                                                                                          \
    F(primitive_create)                                                                                                \
    F(primitive_execute)                                                                                               \
    F(primitive_destroy)                                                                                               \
    F(memory_create)                                                                                                   \
    F(memory_destroy)

#define SLOT(name) __typeof__(&dnnl_##name) name;
typedef struct library {
    FUNCTIONS(SLOT)
} library;

static bool look_up(void *handle, void *slot, const char *name)
{
    void *p = dlsym(handle, name);
    memcpy(slot, &p, sizeof p);
    return p != NULL;
}

/* Loaded once and kept; NULL where this machine has no oneDNN 2. Called from one thread. */
static const library *load(void)
{
    static library lib;
    static bool tried, found;
    if (tried)
        return found ? &lib : NULL;
    tried = true;
    void *handle = dlopen("libdnnl.so.2", RTLD_NOW | RTLD_LOCAL);
#define LOOK_UP(name) found = found && look_up(handle, &lib.name, "dnnl_" #name);
    found = handle != NULL;
    FUNCTIONS(LOOK_UP)
    void (*omp_threads)(int); /* of the OpenMP runtime it is linked with: one thread, as ours */
    if (found && look_up(handle, &omp_threads, "omp_set_num_threads"))
        omp_threads(1);
    return found ? &lib : NULL;
}

typedef struct product {
    const library *lib;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t primitive;
    dnnl_memory_t a, b, c;
} product;

static dnnl_status_t set_isa(const library *lib, asc_isa isa)
{
    switch (isa) {
    case ASC_ISA_SSE41:
        return lib->set_max_cpu_isa(dnnl_cpu_isa_sse41);
    case ASC_ISA_AVX2:
        return lib->set_max_cpu_isa(dnnl_cpu_isa_avx2);
    case ASC_ISA_AVX512:
        return lib->set_max_cpu_isa(dnnl_cpu_isa_avx512_core);
    default:
        return dnnl_success; /* whatever the CPU has */
    }
}

/* B and C in the layout the library likes best: weights kept packed. */
static bool make(product *p, bool bf16, size_t m, size_t n, size_t k)
{
    const library *lib = p->lib;
    dnnl_dims_t da = {(int64_t)m, (int64_t)k}, db = {(int64_t)k, (int64_t)n}, dc = {(int64_t)m, (int64_t)n};
    dnnl_data_type_t type = bf16 ? dnnl_bf16 : dnnl_f32;
    dnnl_memory_desc_t a, b, c;
    dnnl_matmul_desc_t matmul;
    if (lib->engine_create(&p->engine, dnnl_cpu, 0) != dnnl_success ||
        lib->stream_create(&p->stream, p->engine, dnnl_stream_default_flags) != dnnl_success ||
        lib->memory_desc_init_by_tag(&a, 2, da, type, dnnl_ab) != dnnl_success ||
        lib->memory_desc_init_by_tag(&b, 2, db, type, dnnl_format_tag_any) != dnnl_success ||
        lib->memory_desc_init_by_tag(&c, 2, dc, dnnl_f32, dnnl_ab) != dnnl_success ||
        lib->matmul_desc_init(&matmul, &a, &b, NULL, &c) != dnnl_success ||
        lib->primitive_desc_create(&p->desc, &matmul, NULL, p->engine, NULL) != dnnl_success ||
        lib->primitive_create(&p->primitive, p->desc) != dnnl_success)
        return false;
    const dnnl_memory_desc_t *weights = lib->primitive_desc_query_md(p->desc, dnnl_query_weights_md, 0);
    return lib->memory_create(&p->a, &a, p->engine, DNNL_MEMORY_ALLOCATE) == dnnl_success &&
           lib->memory_create(&p->b, weights, p->engine, DNNL_MEMORY_ALLOCATE) == dnnl_success &&
           lib->memory_create(&p->c, &c, p->engine, DNNL_MEMORY_ALLOCATE) == dnnl_success;
}

static void destroy(product *p)
{
    const library *lib = p->lib;
    lib->memory_destroy(p->a);
    lib->memory_destroy(p->b);
    lib->memory_destroy(p->c);
    lib->primitive_destroy(p->primitive);
    lib->primitive_desc_destroy(p->desc);
    lib->stream_destroy(p->stream);
    lib->engine_destroy(p->engine);
}

static bool run(const product *p)
{
    const library *lib = p->lib;
    dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, p->a}, {DNNL_ARG_WEIGHTS, p->b}, {DNNL_ARG_DST, p->c}};
    return lib->primitive_execute(p->primitive, p->stream, 3, args) == dnnl_success &&
           lib->stream_wait(p->stream) == dnnl_success;
}

double asc_device_onednn_gflops(asc_isa isa, asc_dtype dtype, size_t m, size_t n, size_t k, double seconds)
{
    product p = {.lib = load()};
    double best = 0, flops = 2.0 * (double)m * (double)n * (double)k;
    isa = asc_device_isa_resolve(isa);
    if (!p.lib || isa == ASC_ISA_PLAIN || asc_device_isa_check(isa, dtype, NULL) != ASC_OK)
        return 0;
    set_isa(p.lib, isa); /* refused after the first call of a process: then the first choice stays */
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
