/* SQLite's memory and files through our fault points, so that a test can make its Nth allocation, open, write or sync
 * fail too. */
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

/* ---- files: the system's own, but for what may be made to fail ---- */

/* SQLite asks for the methods of a file through its handle; the system has a few tables of them, which differ in how
 * they lock. Each gets a copy in which writing and syncing are ours. */
enum { MAX_TABLES = 8 };
static const sqlite3_io_methods *system_tables[MAX_TABLES];
static sqlite3_io_methods our_tables[MAX_TABLES];
static sqlite3_vfs *system_files;

static const sqlite3_io_methods *system_table(const sqlite3_file *f)
{
    return system_tables[(const sqlite3_io_methods *)f->pMethods - our_tables];
}

static int file_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    if (asc_fault_hit(ASC_FAULT_WRITE) || asc_fault_room((size_t)n) < (size_t)n)
        return SQLITE_FULL;
    return system_table(f)->xWrite(f, p, n, at);
}

static int file_sync(sqlite3_file *f, int flags)
{
    return asc_fault_hit(ASC_FAULT_FSYNC) ? SQLITE_IOERR_FSYNC : system_table(f)->xSync(f, flags);
}

static int file_open(sqlite3_vfs *unused, const char *name, sqlite3_file *f, int flags, int *out_flags)
{
    f->pMethods = NULL;
    if (asc_fault_hit(ASC_FAULT_OPEN))
        return SQLITE_CANTOPEN;
    int rc = system_files->xOpen(system_files, name, f, flags, out_flags), i = 0;
    if (rc != SQLITE_OK || !f->pMethods)
        return rc;
    while (i < MAX_TABLES - 1 && system_tables[i] && system_tables[i] != f->pMethods)
        i++;
    if (system_tables[i] && system_tables[i] != f->pMethods)
        return rc; /* one table too many: left as it is */
    if (!system_tables[i]) {
        system_tables[i] = f->pMethods;
        our_tables[i] = *f->pMethods;
        our_tables[i].xWrite = file_write;
        our_tables[i].xSync = file_sync;
    }
    f->pMethods = &our_tables[i];
    return rc;
}

asc_status asc_store_use_faults(asc_error *err)
{
    static const sqlite3_mem_methods methods = {mem_malloc,  mem_free, mem_realloc,  mem_size,
                                                mem_roundup, mem_init, mem_shutdown, NULL};
    static sqlite3_vfs files;
    sqlite3_shutdown();
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK)
        return ASC_FAIL(err, ASC_ESTATE, "SQLite does not accept another allocator");
    system_files = sqlite3_vfs_find(NULL);
    if (!system_files)
        return ASC_FAIL(err, ASC_ESTATE, "SQLite has no file system interface here");
    files = *system_files;
    files.zName = "autoscale-faults";
    files.xOpen = file_open;
    return sqlite3_vfs_register(&files, 1) == SQLITE_OK ? ASC_OK : ASC_NOMEM(err);
}
