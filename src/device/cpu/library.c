/*
 * Matrix products through oneDNN (2.x C API): those of the bf16 kernels where the CPU has AMX, and, for `bench gemm`,
 * any one beside ours.
 *
 * The hook for products (kernels.h) gets dense blocks in whole units and in our own packing, which is the library's
 * BA16a32b2a: so it copies nothing, has no remainders, and sums over k in one order whatever m and n. A primitive
 * belongs to one caller at a time: it is taken from a list for one product, or made where all that fit are in use, and
 * is kept until the process ends. Beyond that the library itself allocates the list of arguments of each call.
 */
#include "library.h"

#if defined(ASC_ONEDNN) && defined(ASC_X86)
#include <dlfcn.h>
#include <dnnl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define FUNCTIONS(F)                                                                                                   \
    F(version)                                                                                                         \
    F(set_max_cpu_isa)                                                                                                 \
    F(get_effective_cpu_isa)                                                                                           \
    F(engine_create)                                                                                                   \
    F(engine_destroy)                                                                                                  \
    F(stream_create)                                                                                                   \
    F(stream_wait)                                                                                                     \
    F(stream_destroy)                                                                                                  \
    F(memory_desc_init_by_tag)                                                                                         \
    F(matmul_desc_init)                                                                                                \
    F(primitive_attr_create)                                                                                           \
    F(primitive_attr_destroy)                                                                                          \
    F(primitive_attr_set_scratchpad_mode)                                                                              \
    F(primitive_desc_create)                                                                                           \
    F(primitive_desc_query)                                                                                            \
    F(primitive_desc_query_md)                                                                                         \
    F(primitive_desc_destroy)                                                                                          \
    F(primitive_create)                                                                                                \
    F(primitive_execute)                                                                                               \
    F(primitive_destroy)                                                                                               \
    F(memory_create)                                                                                                   \
    F(memory_set_data_handle)                                                                                          \
    F(memory_destroy)

#define SLOT(name) __typeof__(&dnnl_##name) name;
typedef struct library {
    FUNCTIONS(SLOT)
    void (*set_threads)(int); /* of the OpenMP runtime it is linked with; NULL where it has none */
    bool found;
    char version_name[32];
    asc_kernels kernels;
} library;

static library lib;

static bool look_up(void *handle, void *slot, const char *name)
{
    void *p = dlsym(handle, name);
    memcpy(slot, &p, sizeof p);
    return p != NULL;
}

static void load_once(void)
{
    void *handle = dlopen("libdnnl.so.2", RTLD_NOW | RTLD_LOCAL);
#define LOOK_UP(name) found = found && look_up(handle, &lib.name, "dnnl_" #name);
    bool found = handle != NULL;
    FUNCTIONS(LOOK_UP)
    if (!found)
        return;
    look_up(handle, &lib.set_threads, "omp_set_num_threads");
    const dnnl_version_t *v = lib.version();
    snprintf(lib.version_name, sizeof lib.version_name, "oneDNN %d.%d.%d", v->major, v->minor, v->patch);
    lib.found = true;
}

/* Loaded once and kept. */
static bool load(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load_once);
    return lib.found;
}

/* One shape with all that the library wants for it. Zeros are nothing made yet. */
typedef struct product_plan {
    size_t m, n, k;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_attr_t attr;
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t primitive;
    dnnl_memory_t a, b, c, scratchpad;
    bool busy;
    struct product_plan *next;
} product_plan;

static void plan_clear(product_plan *p)
{
    lib.memory_destroy(p->a);
    lib.memory_destroy(p->b);
    lib.memory_destroy(p->c);
    lib.memory_destroy(p->scratchpad);
    lib.primitive_destroy(p->primitive);
    lib.primitive_desc_destroy(p->desc);
    lib.primitive_attr_destroy(p->attr);
    lib.stream_destroy(p->stream);
    lib.engine_destroy(p->engine);
}

/* C (m,n) fp32 = A (m,k) B (k,n), B in the layout of that tag; memory: DNNL_MEMORY_ALLOCATE, or _NONE to be given with
 * each call. One thread, as ours: the count is taken from the calling thread when a primitive is made. */
static bool plan_init(product_plan *p, dnnl_data_type_t type, dnnl_format_tag_t b_tag, void *memory)
{
    dnnl_dims_t da = {(int64_t)p->m, (int64_t)p->k}, db = {(int64_t)p->k, (int64_t)p->n};
    dnnl_dims_t dc = {(int64_t)p->m, (int64_t)p->n};
    dnnl_memory_desc_t a, b, c;
    dnnl_matmul_desc_t matmul;
    if (lib.set_threads)
        lib.set_threads(1);
    if (lib.engine_create(&p->engine, dnnl_cpu, 0) != dnnl_success ||
        lib.stream_create(&p->stream, p->engine, dnnl_stream_default_flags) != dnnl_success ||
        lib.memory_desc_init_by_tag(&a, 2, da, type, dnnl_ab) != dnnl_success ||
        lib.memory_desc_init_by_tag(&b, 2, db, type, b_tag) != dnnl_success ||
        lib.memory_desc_init_by_tag(&c, 2, dc, dnnl_f32, dnnl_ab) != dnnl_success ||
        lib.matmul_desc_init(&matmul, &a, &b, NULL, &c) != dnnl_success ||
        lib.primitive_attr_create(&p->attr) != dnnl_success ||
        lib.primitive_attr_set_scratchpad_mode(p->attr, dnnl_scratchpad_mode_user) != dnnl_success ||
        lib.primitive_desc_create(&p->desc, &matmul, p->attr, p->engine, NULL) != dnnl_success ||
        lib.primitive_create(&p->primitive, p->desc) != dnnl_success)
        return false;
    const dnnl_memory_desc_t *weights = lib.primitive_desc_query_md(p->desc, dnnl_query_weights_md, 0);
    const dnnl_memory_desc_t *scratchpad = lib.primitive_desc_query_md(p->desc, dnnl_query_scratchpad_md, 0);
    return lib.memory_create(&p->a, &a, p->engine, memory) == dnnl_success &&
           lib.memory_create(&p->b, weights, p->engine, memory) == dnnl_success &&
           lib.memory_create(&p->c, &c, p->engine, memory) == dnnl_success &&
           lib.memory_create(&p->scratchpad, scratchpad, p->engine, DNNL_MEMORY_ALLOCATE) == dnnl_success;
}

static bool plan_run(const product_plan *p)
{
    dnnl_exec_arg_t args[] = {
        {DNNL_ARG_SRC, p->a}, {DNNL_ARG_WEIGHTS, p->b}, {DNNL_ARG_DST, p->c}, {DNNL_ARG_SCRATCHPAD, p->scratchpad}};
    return lib.primitive_execute(p->primitive, p->stream, 4, args) == dnnl_success &&
           lib.stream_wait(p->stream) == dnnl_success;
}

/* ---- the hook for products ---- */

static pthread_mutex_t plans_lock = PTHREAD_MUTEX_INITIALIZER;
static product_plan *plans;

/* The library may answer a layout it has no fast kernel for with its reference, ten times slower than ours. */
static bool is_fast(const product_plan *p)
{
    const char *name = NULL;
    return lib.primitive_desc_query(p->desc, dnnl_query_impl_info_str, 0, &name) == dnnl_success && name &&
           strncmp(name, "brg", 3) == 0;
}

static product_plan *plan_create(size_t m, size_t n, size_t k)
{
    product_plan *p = asc_calloc(1, sizeof *p);
    if (!p)
        return NULL;
    *p = (product_plan){.m = m, .n = n, .k = k, .busy = true};
    if (plan_init(p, dnnl_bf16, dnnl_BA16a32b2a, DNNL_MEMORY_NONE) && is_fast(p))
        return p;
    plan_clear(p);
    asc_free(p);
    return NULL;
}

static product_plan *plan_take(size_t m, size_t n, size_t k)
{
    pthread_mutex_lock(&plans_lock);
    product_plan *p = plans;
    while (p && (p->busy || p->m != m || p->n != n || p->k != k))
        p = p->next;
    if (p)
        p->busy = true;
    pthread_mutex_unlock(&plans_lock);
    if (p || !(p = plan_create(m, n, k)))
        return p;
    pthread_mutex_lock(&plans_lock);
    p->next = plans;
    plans = p;
    pthread_mutex_unlock(&plans_lock);
    return p;
}

static void plan_give_back(product_plan *p)
{
    pthread_mutex_lock(&plans_lock);
    p->busy = false;
    pthread_mutex_unlock(&plans_lock);
}

static bool product(float *c, const void *a, const void *b, size_t m, size_t n, size_t k)
{
    product_plan *p = plan_take(m, n, k);
    if (!p)
        return false;
    bool ok = lib.memory_set_data_handle(p->a, (void *)a) == dnnl_success &&
              lib.memory_set_data_handle(p->b, (void *)b) == dnnl_success &&
              lib.memory_set_data_handle(p->c, c) == dnnl_success && plan_run(p);
    plan_give_back(p);
    return ok;
}

static void make_kernels(void)
{
    lib.kernels = asc__kernels_avx512bf16;
    lib.kernels.isa = ASC_ISA_AMX;
    lib.kernels.product = product;
}

const asc_kernels *asc__library_kernels(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (!asc_device_isa_has(ASC_ISA_AVX512_BF16) || !load())
        return NULL;
    pthread_once(&once, make_kernels);
    return &lib.kernels;
}

bool asc__library_has_amx(void)
{
    return load() && lib.get_effective_cpu_isa() == dnnl_cpu_isa_avx512_core_amx;
}

const char *asc__library_name(void)
{
    load();
    return lib.version_name;
}

/* ---- a product for bench ---- */

static dnnl_status_t set_isa(asc_isa isa)
{
    switch (isa) {
    case ASC_ISA_SSE41:
        return lib.set_max_cpu_isa(dnnl_cpu_isa_sse41);
    case ASC_ISA_AVX2:
        return lib.set_max_cpu_isa(dnnl_cpu_isa_avx2);
    case ASC_ISA_AVX512:
        return lib.set_max_cpu_isa(dnnl_cpu_isa_avx512_core);
    case ASC_ISA_AVX512_BF16:
        return lib.set_max_cpu_isa(dnnl_cpu_isa_avx512_core_bf16);
    default:
        return dnnl_success; /* whatever the CPU has */
    }
}

double asc_device_onednn_gflops(asc_isa isa, asc_dtype dtype, size_t m, size_t n, size_t k, double seconds)
{
    product_plan p = {.m = m, .n = n, .k = k};
    double best = 0, flops = 2.0 * (double)m * (double)n * (double)k;
    isa = asc_device_isa_resolve(isa);
    if (isa == ASC_ISA_PLAIN || asc_device_isa_check(isa, dtype, NULL) != ASC_OK || !load())
        return 0;
    set_isa(isa); /* refused after the first call of a process: then the first choice stays */
    /* B in the layout the library likes best: weights kept packed */
    bool ok = plan_init(&p, dtype == ASC_DTYPE_BF16 ? dnnl_bf16 : dnnl_f32, dnnl_format_tag_any, DNNL_MEMORY_ALLOCATE);
    ok = ok && plan_run(&p);
    for (double start = asc_now_s(); ok && (asc_now_s() - start < seconds || best == 0);) {
        double t = asc_thread_cpu_s();
        ok = plan_run(&p);
        t = asc_thread_cpu_s() - t;
        if (ok && t > 0 && flops / t > best)
            best = flops / t;
    }
    plan_clear(&p);
    return best / 1e9;
}
#else
const asc_kernels *asc__library_kernels(void)
{
    return NULL;
}

bool asc__library_has_amx(void)
{
    return false;
}

const char *asc__library_name(void)
{
    return "";
}

double asc_device_onednn_gflops(asc_isa isa, asc_dtype dtype, size_t m, size_t n, size_t k, double seconds)
{
    return 0;
}
#endif
