/* SQLite's memory through ours, so that a test can make its Nth allocation fail too. */
#include "store_private.h"

#include <string.h>

/* SQLite asks a block for its size: it stands in front of it. */
typedef struct header {
    size_t n;
    size_t pad; /* keeps what follows aligned to 16 */
} header;

static void *mem_malloc(int n)
{
    header *h = asc_malloc(sizeof *h + (size_t)n);
    if (!h)
        return NULL;
    h->n = (size_t)n;
    return h + 1;
}

static void mem_free(void *p)
{
    if (p)
        asc_free((header *)p - 1);
}

static void *mem_realloc(void *p, int n)
{
    header *h = asc_realloc((header *)p - 1, sizeof *h + (size_t)n);
    if (!h)
        return NULL;
    h->n = (size_t)n;
    return h + 1;
}

static int mem_size(void *p)
{
    return p ? (int)((header *)p - 1)->n : 0;
}

static int mem_roundup(int n)
{
    return (n + 7) & ~7;
}

static int mem_init(void *unused)
{
    return SQLITE_OK;
}

static void mem_shutdown(void *unused) {}

asc_status asc_store_use_faults(asc_error *err)
{
    static const sqlite3_mem_methods methods = {mem_malloc,  mem_free, mem_realloc,  mem_size,
                                                mem_roundup, mem_init, mem_shutdown, NULL};
    sqlite3_shutdown();
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK)
        return ASC_FAIL(err, ASC_ESTATE, "SQLite does not take another allocator");
    return ASC_OK;
}
