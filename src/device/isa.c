/* Which instruction sets this CPU and build have, and the table of kernels for each. */
#include "device/device.h"

#include "cpu/kernels.h"
#include "cpu/library.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#ifdef ASC_X86
#include <cpuid.h>
#endif

#ifdef ASC_X86
/* AMX needs the CPU's tiles and bf16 unit and an operating system that saves the tiles. */
static bool has_amx(void)
{
    unsigned a, b, c, d, low, high;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & (1u << 22)) || !(d & (1u << 24)))
        return false;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & (3u << 17)) == (3u << 17);
}

/* Its tiles are used through a library. AUTOSCALE_AMX_STAND_IN, for tests and measurements, offers isa amx on
 * AVX512-BF16 alone: the same path, on the library's kernels for that. */
static bool can_use_amx(void)
{
    bool stand_in = getenv("AUTOSCALE_AMX_STAND_IN") != NULL;
    return (stand_in || has_amx()) && asc__library_kernels() && (stand_in || asc__library_has_amx());
}

static bool cpu_has(asc_isa isa)
{
    __builtin_cpu_init();
    bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    switch (isa) {
    case ASC_ISA_AVX2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case ASC_ISA_AVX512:
        return avx512;
    case ASC_ISA_AVX512_BF16:
        return avx512 && __builtin_cpu_supports("avx512bf16");
    case ASC_ISA_AMX:
        return can_use_amx();
    default:
        return true; /* the build itself needs SSE4.1 */
    }
}
#else
static bool has_amx(void)
{
    return false;
}

static bool cpu_has(asc_isa isa)
{
    return isa == ASC_ISA_AUTO || isa == ASC_ISA_PLAIN;
}
#endif

bool asc_device_isa_has(asc_isa isa)
{
    return cpu_has(isa);
}

asc_isa asc_device_isa_best(void)
{
    for (int i = ASC_ISA_AMX; i > ASC_ISA_PLAIN; i--)
        if (cpu_has((asc_isa)i))
            return (asc_isa)i;
    return ASC_ISA_PLAIN;
}

asc_isa asc_device_isa_resolve(asc_isa isa)
{
    return isa == ASC_ISA_AUTO ? asc_device_isa_best() : isa;
}

asc_status asc_device_check(const char *device, asc_error *err)
{
    if (strcmp(device, "cpu") == 0 || strcmp(device, "auto") == 0)
        return ASC_OK;
    return ASC_FAIL(err, ASC_EMISSING,
                    "device '%s': the built-in trainer runs on the CPU (auto, cpu); use trainer torch for GPUs",
                    device);
}

asc_status asc_device_isa_check(asc_isa isa, asc_dtype dtype, asc_error *err)
{
    isa = asc_device_isa_resolve(isa);
    if (!cpu_has(isa) && isa == ASC_ISA_AMX && has_amx())
        return ASC_FAIL(err, ASC_EMISSING, "isa amx: %s; the best available is %s", asc_device_amx_state(),
                        asc_isa_name(asc_device_isa_best()));
    if (!cpu_has(isa))
        return ASC_FAIL(err, ASC_EMISSING, "isa %s: not supported by this CPU; the best available is %s",
                        asc_isa_name(isa), asc_isa_name(asc_device_isa_best()));
    if (dtype == ASC_DTYPE_BF16 && isa < ASC_ISA_AVX512_BF16)
        return ASC_FAIL(err, ASC_EMISSING, "dtype bf16 needs isa avx512_bf16 or amx, this run has %s; use dtype fp32",
                        asc_isa_name(isa));
    return ASC_OK;
}

const asc_kernels *asc_kernels_get(asc_isa isa, asc_dtype dtype)
{
    isa = asc_device_isa_resolve(isa);
    if (asc_device_isa_check(isa, dtype, NULL) != ASC_OK)
        return NULL;
#ifdef ASC_X86
    switch (isa) {
    case ASC_ISA_PLAIN:
        return &asc__kernels_plain;
    case ASC_ISA_SSE41:
        return &asc__kernels_base;
    case ASC_ISA_AVX2:
        return &asc__kernels_avx2;
    case ASC_ISA_AMX:
        return dtype == ASC_DTYPE_BF16 ? asc__library_kernels() : &asc__kernels_avx512;
    default:
        return dtype == ASC_DTYPE_BF16 ? &asc__kernels_avx512bf16 : &asc__kernels_avx512;
    }
#else
    return &asc__kernels_base;
#endif
}

/* Made once, whichever thread asks first. */
static pthread_once_t cpu_name_once = PTHREAD_ONCE_INIT, amx_once = PTHREAD_ONCE_INIT;
static char cpu_name[256], amx_used[64];

static void say_amx(void)
{
    snprintf(amx_used, sizeof amx_used, "through %s%s", asc__library_name(), has_amx() ? "" : ", on AVX512-BF16");
}

const char *asc_device_amx_state(void)
{
    if (asc_device_isa_has(ASC_ISA_AMX)) {
        pthread_once(&amx_once, say_amx);
        return amx_used;
    }
    if (!has_amx())
        return "not supported by the CPU";
    return asc__library_name()[0]
               ? "supported by the CPU, but the system or ONEDNN_MAX_CPU_ISA does not permit its tiles"
               : "supported by the CPU, but oneDNN 2 (libdnnl.so.2) was not found";
}

static void read_cpu_name(void)
{
    FILE *f = NULL;
    char line[512];
    snprintf(cpu_name, sizeof cpu_name, "unknown");
    if (asc_file_stream(&f, "/proc/cpuinfo", NULL) != ASC_OK)
        return;
    while (fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon)
            continue;
        colon[1 + strcspn(colon + 1, "\n")] = 0;
        const char *name = colon + 1 + strspn(colon + 1, " ");
        if (*name)
            snprintf(cpu_name, sizeof cpu_name, "%.255s", name);
        break;
    }
    fclose(f);
}

const char *asc_device_cpu_name(void)
{
    pthread_once(&cpu_name_once, read_cpu_name);
    return cpu_name;
}
