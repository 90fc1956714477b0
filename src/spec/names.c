#include "names.h"
#include "spec/spec.h"
#include "spec/spec_run.h"
#include "spec/spec_study.h"

#include <assert.h>
#include <string.h>

#define ARCH_NAME(id, name, kind) #name,
#define ARCH_KIND(id, name, kind) ASC_ARCH_##kind,
static const char *const asc__arch_names[] = {ASC_ARCHITECTURES(ARCH_NAME) NULL};
static const asc_arch_kind arch_kinds[] = {ASC_ARCHITECTURES(ARCH_KIND)};
const char *const asc__dtype_names[] = {"fp32", "bf16", NULL};
const char *const asc__schedule_names[] = {"cosine", "linear", "wsd", "constant", NULL};
const char *const asc__start_names[] = {"weights", "moments", "position", NULL};
const char *const asc__isa_names[] = {"auto", "plain", "sse41", "avx2", "avx512", "avx512_bf16", "amx", NULL};

const char *const asc__search_method_names[] = {"ddo", "branch", "swarm", NULL};
static const char *const asc__run_kind_names[] = {"base",  "up",      "down",  "target", "prefix", "branch",
                                                  "merge", "mixture", "rival", "pause",  NULL};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static bool lookup(const char *s, const char *const *names, size_t *out)
{
    for (size_t i = 0; names[i]; i++)
        if (strcmp(s, names[i]) == 0) {
            *out = i;
            return true;
        }
    return false;
}

#define NAMED(type, word)                                                                                              \
    const char *asc_##word##_name(type v)                                                                              \
    {                                                                                                                  \
        assert((size_t)v < COUNT(asc__##word##_names) - 1);                                                            \
        return asc__##word##_names[v];                                                                                 \
    }
/* And those that are read by their names outside the table of settings. */
#define PARSED(type, word)                                                                                             \
    NAMED(type, word)                                                                                                  \
    bool asc_##word##_parse(const char *s, type *out)                                                                  \
    {                                                                                                                  \
        size_t i;                                                                                                      \
        if (!lookup(s, asc__##word##_names, &i))                                                                       \
            return false;                                                                                              \
        *out = (type)i;                                                                                                \
        return true;                                                                                                   \
    }

PARSED(asc_arch, arch)
PARSED(asc_dtype, dtype)
NAMED(asc_schedule, schedule)
NAMED(asc_start, start)
NAMED(asc_search_method, search_method)
PARSED(asc_isa, isa)
PARSED(asc_run_kind, run_kind)

const char *asc_executor_name(asc_executor_kind k)
{
    static const char *const names[] = {"local", "slurm", "scheduler"};
    assert((size_t)k < COUNT(names));
    return names[k];
}

asc_arch_kind asc_arch_kind_of(asc_arch a)
{
    assert((size_t)a < COUNT(arch_kinds));
    return arch_kinds[a];
}

bool asc_arch_is_encoder(asc_arch a)
{
    return arch_kinds[a] == ASC_ARCH_ENCODER;
}

static char arch_list[256];

static void make_arch_list(void)
{
    size_t last = 0, at = 0;
    for (size_t i = 0; i < COUNT(arch_kinds); i++)
        last = arch_kinds[i] != ASC_ARCH_READER ? i : last;
    for (size_t i = 0; i <= last && at < sizeof arch_list; i++)
        if (arch_kinds[i] != ASC_ARCH_READER)
            at += (size_t)snprintf(arch_list + at, sizeof arch_list - at, "%s%s",
                                   at == 0     ? ""
                                   : i == last ? " or "
                                               : ", ",
                                   asc__arch_names[i]);
}

const char *asc_arch_list(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_arch_list);
    return arch_list;
}

bool asc_device_is_known(const char *word)
{
    int index;
    char end;
    return strcmp(word, "auto") == 0 || strcmp(word, "cpu") == 0 || strcmp(word, "cuda") == 0 ||
           (sscanf(word, "cuda:%d%c", &index, &end) == 1 && index >= 0);
}

bool asc_trainer_is_ours(const char *word)
{
    return strcmp(word, "builtin") == 0 || strcmp(word, "torch") == 0;
}
