/* Calls that tests make fail. */
#include "base/base_json.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static atomic_bool active; /* once armed, for ever: before that a call costs this load */
static atomic_uint_fast64_t first[ASC_FAULT_KINDS], last[ASC_FAULT_KINDS], calls[ASC_FAULT_KINDS];
static int env_kind = -1;

static const char *const names[ASC_FAULT_KINDS] = {"alloc",  "open",  "write", "fsync",
                                                   "rename", "spawn", "step",  "bytes"};

static void arm(asc_fault_kind kind, uint64_t from, uint64_t to)
{
    (void)asc_json_whole(NULL); /* what an earlier fault left behind is over */
    atomic_store(&calls[kind], 0);
    atomic_store(&first[kind], from);
    atomic_store(&last[kind], to);
    atomic_store(&active, true);
}

void asc_fault_arm(asc_fault_kind kind, uint64_t nth)
{
    arm(kind, nth, kind == ASC_FAULT_BYTES && nth ? UINT64_MAX : nth);
}

void asc_fault_arm_from(asc_fault_kind kind, uint64_t nth)
{
    arm(kind, nth, nth ? UINT64_MAX : 0);
}

uint64_t asc_fault_count(asc_fault_kind kind)
{
    return atomic_load(&calls[kind]);
}

bool asc_fault_hit(asc_fault_kind kind)
{
    if (!atomic_load_explicit(&active, memory_order_relaxed))
        return false;
    uint64_t call = atomic_fetch_add(&calls[kind], 1) + 1;
    return call >= atomic_load(&first[kind]) && call <= atomic_load(&last[kind]);
}

size_t asc_fault_room(size_t n)
{
    if (!atomic_load_explicit(&active, memory_order_relaxed))
        return n;
    uint64_t before = atomic_fetch_add(&calls[ASC_FAULT_BYTES], n), full = atomic_load(&first[ASC_FAULT_BYTES]);
    if (full == 0 || before + n <= full)
        return n;
    return before < full ? (size_t)(full - before) : 0;
}

bool asc_fault_arm_from_env(const char *command)
{
    const char *s = getenv("AUTOSCALE_FAULT"), *colon = s ? strchr(s, ':') : NULL, *at = s ? strchr(s, '@') : NULL;
    if (!colon || (at && strcmp(at + 1, command) != 0))
        return false;
    for (int k = 0; k < ASC_FAULT_KINDS; k++) {
        if (strlen(names[k]) != (size_t)(colon - s) || strncmp(s, names[k], (size_t)(colon - s)) != 0)
            continue;
        char *end;
        uint64_t n = strtoull(colon + 1, &end, 10);
        (*end == '+' ? asc_fault_arm_from : asc_fault_arm)((asc_fault_kind)k, n);
        env_kind = k;
    }
    return env_kind >= 0;
}

const char *asc_fault_report(char *buf, size_t n)
{
    buf[0] = 0;
    if (env_kind >= 0)
        snprintf(buf, n, "%s: %llu of %llu calls", names[env_kind], (unsigned long long)atomic_load(&first[env_kind]),
                 (unsigned long long)atomic_load(&calls[env_kind]));
    return buf;
}
