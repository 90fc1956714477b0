#include "autoscale/spec.h"

#include <string.h>

static const char *const arch_names[] = {"gpt2", "bert"};
static const char *const dtype_names[] = {"fp32", "bf16"};
static const char *const schedule_names[] = {"cosine", "linear", "wsd", "constant"};
static const char *const isa_names[] = {"auto", "plain", "sse41", "avx2", "avx512", "avx512_bf16", "amx"};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static bool lookup(const char *s, const char *const *names, size_t n, size_t *out)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(s, names[i]) == 0) {
            *out = i;
            return true;
        }
    return false;
}

#define NAMED(type, word)                                                                                              \
    const char *asc_##word##_name(type v)                                                                              \
    {                                                                                                                  \
        return word##_names[v];                                                                                        \
    }                                                                                                                  \
    bool asc_##word##_parse(const char *s, type *out)                                                                  \
    {                                                                                                                  \
        size_t i;                                                                                                      \
        if (!lookup(s, word##_names, COUNT(word##_names), &i))                                                         \
            return false;                                                                                              \
        *out = (type)i;                                                                                                \
        return true;                                                                                                   \
    }

NAMED(asc_arch, arch)
NAMED(asc_dtype, dtype)
NAMED(asc_schedule, schedule)
NAMED(asc_isa, isa)
