/**
 * base: errors, memory, strings, random streams, hashes, files, threads, time. The room that every other one stands on.
 *
 * Conventions of the whole library: functions that can fail return asc_status and take an asc_error last; an output is
 * untouched on failure; nothing here prints, exits or aborts; free functions accept NULL.
 */
#ifndef AUTOSCALE_BASE_H
#define AUTOSCALE_BASE_H

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "autoscale/error.h"
#include "autoscale/runtime.h"
#include "autoscale/version.h"

/* ---- errors: asc_status and asc_error as in autoscale/error.h; the command maps EINVAL and EMISSING to exit 2, EINTR
 * to 130 ---- */

/** Fill err (may be NULL) and return code. Use through ASC_FAIL. */
asc_status asc_fail(asc_error *err, asc_status code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
#ifdef __clang_analyzer__ /* which cannot see that it returns code */
#define ASC_FAIL(err, code, ...) ((void)asc_fail((err), (code), __VA_ARGS__), (code))
#else
#define ASC_FAIL(err, code, ...) asc_fail((err), (code), __VA_ARGS__)
#endif
/** Return the status of expr from this function if it is not ASC_OK. */
#define ASC_TRY(expr)                                                                                                  \
    do {                                                                                                               \
        asc_status asc_try_status_ = (expr);                                                                           \
        if (asc_try_status_ != ASC_OK)                                                                                 \
            return asc_try_status_;                                                                                    \
    } while (0)
/** The error for a failed allocation. */
#define ASC_NOMEM(err) ASC_FAIL((err), ASC_ENOMEM, "out of memory")

/* ---- memory ------------------------------------------------------------------------------------------------ */

/** malloc, calloc, realloc and free of this library: all memory goes through them, so that tests can make the Nth fail
 * and a caller can bring another allocator (asc_set_allocator). */
void *asc_malloc(size_t n) __attribute__((malloc));
void *asc_calloc(size_t count, size_t size) __attribute__((malloc));
void *asc_realloc(void *p, size_t n);
/** realloc to count * size bytes, NULL when the product overflows or memory is out (p stays valid). */
void *asc_reallocarray(void *p, size_t count, size_t size);
void asc_free(void *p);
char *asc_strdup(const char *s);
/** True where the text is UTF-8, as JSON has to be. */
bool asc_is_utf8(const char *text);
char *asc_strndup(const char *s, size_t n);
/** 64-byte aligned memory; free with asc_aligned_free. */
void *asc_aligned_alloc(size_t n);
void asc_aligned_free(void *p);

/**
 * Fault injection for tests: the Nth call from now of a kind fails (0: none; calls are counted). Counters are
 * process-wide. Until a fault is armed for the first time a call costs one load of a flag and is not counted.
 */
typedef enum asc_fault_kind {
    ASC_FAULT_ALLOC,
    ASC_FAULT_OPEN,
    ASC_FAULT_WRITE, /**< ENOSPC */
    ASC_FAULT_FSYNC,
    ASC_FAULT_RENAME,
    ASC_FAULT_SPAWN,
    ASC_FAULT_STEP,  /**< of an SQLite statement */
    ASC_FAULT_BYTES, /**< not calls but bytes written: the disk is full after N */
    ASC_FAULT_KINDS
} asc_fault_kind;
void asc_fault_arm(asc_fault_kind kind, uint64_t nth);
/** The Nth call and all after it fail, as on a disk that is full or gone. */
void asc_fault_arm_from(asc_fault_kind kind, uint64_t nth);
/** Calls of this kind since it was last armed. */
uint64_t asc_fault_count(asc_fault_kind kind);
/** True when this call has to fail; counts the call. For the wrappers of system calls. */
bool asc_fault_hit(asc_fault_kind kind);
/** Of n bytes about to be written, how many there is room for (ASC_FAULT_BYTES). */
size_t asc_fault_room(size_t n);
/**
 * For whole-process tests: arms from the environment AUTOSCALE_FAULT="KIND:N[+][@COMMAND]", e.g. "write:17",
 * "write:17+" (from the 17th on), "spawn:2@run" (in `autoscale run` alone, not in the runs that it starts).
 * Kinds: alloc open write fsync rename spawn step bytes. False when nothing is asked of this command.
 */
bool asc_fault_arm_from_env(const char *command);
/** "write: 17 of 345 calls", of what asc_fault_arm_from_env armed; "" if nothing. */
const char *asc_fault_report(char *buf, size_t n);

/** Bump allocator with one lifetime; every block 64-byte aligned; zeroed. Init to {0}. */
typedef struct asc_arena {
    struct asc_arena_block *head;
} asc_arena;
void *asc_arena_alloc(asc_arena *a, size_t n);
char *asc_arena_strdup(asc_arena *a, const char *s);
void asc_arena_clear(asc_arena *a);

/** Grow array p (elements of size elem) so that it holds at least need; doubles. Returns the new p or NULL (p valid).
 */
void *asc_grow(void *p, size_t *cap, size_t need, size_t elem);

/* ---- strings ----------------------------------------------------------------------------------------------- */

/** Growable byte string, always 0-terminated when data is not NULL. Init to {0}. A failed append sets oom and is
 * sticky. */
typedef struct asc_buf {
    char *data;
    size_t len, cap;
    bool oom;
} asc_buf;
void asc_buf_append(asc_buf *b, const void *p, size_t n);
void asc_buf_puts(asc_buf *b, const char *s);
void asc_buf_putc(asc_buf *b, char c);
void asc_buf_printf(asc_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** s as one word of a POSIX shell, in quotes where it needs them. */
void asc_buf_shell_word(asc_buf *b, const char *s);
void asc_buf_clear(asc_buf *b);
/** Printf to a fresh string; NULL when memory is out. */
char *asc_strf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** A name as part of a file name: letters, digits, _ . + - and what is not ASCII stand for themselves, other bytes (and
 * a
 * '.' in front) are "~" and two hexadecimal digits: "cc/en" is "cc~2Fen". Different names give different files. NULL:
 * out of memory. */
char *asc_file_name(const char *name);
/** The name back from it, in place; what asc_file_name did not write stays as it is. */
void asc_file_name_read(char *text);
/** Parse all of s as a finite double (1.2e9 allowed, no hex, no inf/nan); false if anything else. Locale-independent.
 */
bool asc_parse_double(const char *s, double *out);
/** Parse all of s as a whole number >= 0 (also 1.2e9) up to 1e15. */
bool asc_parse_count(const char *s, int64_t *out);
/** A number as people write it: what asc_parse_double takes, its digits grouped by single '_' or by at least two commas
 * in threes (1_000, 1,000,000), then k, M, B or G, T in either case (thousands to trillions) or % (a hundredth), also
 * after one blank. Correctly rounded: 1.1B is 1.1e9. */
bool asc_parse_quantity(const char *s, double *out);
/** Print x with %.17g, shortest of 15..17 digits that reads back to the same bits. buf >= 32 bytes. Returns buf. */
char *asc_format_double(double x, char *buf);
/** Tokens, parameters and other counts for people: 1234567 -> "1.23M", then B and T. buf >= 16. Returns buf. */
char *asc_format_count(double x, char *buf);
/** The same with the prefixes of units, G and P: bytes and FLOPs. buf >= 16. Returns buf. */
char *asc_format_si(double x, char *buf);
/** 75 -> "1m15s"; for people. buf >= 24. */
char *asc_format_duration(double seconds, char *buf);
/** A share for people: "18.9 %", "1240 %". buf >= 32. Returns buf. */
char *asc_format_percent(double share, char *buf);
/** Foreign text for a terminal, in place: control characters, the escapes that they begin, marks that turn the
 * direction of writing, and bytes that are no UTF-8 become '?'; with lines, line breaks and tabs stay. Returns s. */
char *asc_text_printable(char *s, bool lines);
/** The entry of names (n of them) nearest to s by edit distance, or NULL when none is near. For hints. */
const char *asc_nearest_name(const char *s, const char *const *names, size_t n);
/** Whether s ends with end, which may be all of it. */
bool asc_ends_with(const char *s, const char *end);
/** Stable comparison of C strings for qsort over char * arrays. */
int asc_cmp_strings(const void *a, const void *b);

/* ---- random numbers ---------------------------------------------------------------------------------------- */

/** xoshiro256** stream; a draw depends only on (seed, name, index). Never shared between uses. */
typedef struct asc_rng {
    uint64_t s[4];
} asc_rng;
/** Start the stream `name`/`index` of `seed`. Streams with different names or indices are independent. */
void asc_rng_init(asc_rng *r, uint64_t seed, const char *name, uint64_t index);
uint64_t asc_rng_u64(asc_rng *r);
/** Uniform in [0,1), 53 bits. */
double asc_rng_double(asc_rng *r);
/** Uniform integer in [0,n), n >= 1, unbiased. */
uint64_t asc_rng_below(asc_rng *r, uint64_t n);
/** Standard normal (Box-Muller, both halves drawn each call: one call always takes two draws). */
double asc_rng_normal(asc_rng *r);

/* ---- base64 (RFC 4648) ---- */

/** n bytes into text, padded and ended by NUL; text: room for (n + 2) / 3 * 4 + 1. */
void asc_base64_encode(char *text, const unsigned char *bytes, size_t n);
/** n characters into bytes (room for n / 4 * 3); how many there are, SIZE_MAX if it is no base64. */
size_t asc_base64_decode(unsigned char *bytes, const char *text, size_t n);

/* ---- hashes ------------------------------------------------------------------------------------------------ */

typedef struct asc_sha256 {
    uint32_t h[8];
    uint64_t n_bytes;
    uint8_t block[64];
} asc_sha256;
void asc_sha256_init(asc_sha256 *s);
void asc_sha256_update(asc_sha256 *s, const void *p, size_t n);
void asc_sha256_final(asc_sha256 *s, uint8_t out[32]);
/** Bytes (n) as lowercase hexadecimal digits; out >= 2 n + 1 bytes. */
void asc_hex(char *out, const uint8_t *bytes, size_t n);
/** Hex digest of a memory block; out >= 65 bytes. */
void asc_sha256_hex(const void *p, size_t n, char *out);
/** 64-bit mixing hash of bytes for hash tables (not for content identity). */
uint64_t asc_hash64(const void *p, size_t n, uint64_t seed);

/* ---- files ------------------------------------------------------------------------------------------------- */

/** Open a regular file, never waiting and never inherited by programs that are started; flags as for open(2). What is
 * no file (a FIFO, a device, a folder) is refused, except descriptors that this process was given, for reading
 * (/dev/stdin, /dev/fd/N). errno is kept: ENOENT where there is none. @retval ASC_EINVAL no such file, or no file
 * @retval ASC_EIO the rest */
asc_status asc_file_open(int *fd, const char *path, int flags, asc_error *err);
/** The same for reading through stdio. */
asc_status asc_file_stream(FILE **out, const char *path, asc_error *err);
/** read(2) that goes on after a signal, unless it was one to stop (-1, EINTR). */
ssize_t asc_file_read(int fd, void *p, size_t n);

/** A whole file as read-only memory. It stays where it is while it is open. An empty file has p NULL. Init to {0}. */
typedef struct asc_file_map {
    const uint8_t *p;
    size_t n;
    char *path;
    struct asc_file_map *next; /**< of all that are open */
} asc_file_map;
asc_status asc_file_map_open(asc_file_map *out, const char *path, asc_error *err);
void asc_file_map_close(asc_file_map *m);
/** The file that is mapped at an address, or NULL. For the handler of SIGBUS: a file that was cut under its reader. */
const char *asc_file_map_at(const void *address);

/** A file being written beside its final name. Nothing is visible under the name before asc_writer_commit. A link is
 * kept and the file replaced that it leads to; a device or a pipe is written to as it is (tmp is NULL). Init to {0}. */
typedef struct asc_writer {
    char *path, *tmp;
    int fd;
    uint8_t *buf;
    size_t n_buf;
    bool open;
} asc_writer;
asc_status asc_writer_open(asc_writer *w, const char *path, asc_error *err);
asc_status asc_writer_write(asc_writer *w, const void *p, size_t n, asc_error *err);
/** Flush, fsync, rename over the final name, fsync the folder. */
asc_status asc_writer_commit(asc_writer *w, asc_error *err);
/** Drop it (also after commit or a failed open: then nothing happens). */
void asc_writer_abort(asc_writer *w);

/** Write a whole file so that a kill leaves the old or the new one: beside, fsync, rename, fsync folder. */
asc_status asc_write_file(const char *path, const void *p, size_t n, asc_error *err);
/** Read a whole file of at most max bytes ("-" is standard input); *out is 0-terminated after n bytes; free with
 * asc_free. */
asc_status asc_read_file(const char *path, size_t max, char **out, size_t *n, asc_error *err);
/** Make a folder and its parents; fine when it is there. */
asc_status asc_mkdirs(const char *path, asc_error *err);
/** Remove a folder and all below it; fine when absent. Does not follow links. */
asc_status asc_remove_tree(const char *path, asc_error *err);
asc_status asc_fsync_dir(const char *path, asc_error *err);
/** rename(2): a file over a file, a folder to a name that is free. The folder that holds them is not synced. */
asc_status asc_rename(const char *from, const char *to, asc_error *err);
/** Sync a file's content; fine when it is absent. */
asc_status asc_fsync_file(const char *path, asc_error *err);
/** Cut a file to n bytes; one that is absent or no longer than that is left as it is. */
asc_status asc_truncate(const char *path, int64_t n, asc_error *err);
bool asc_path_exists(const char *path);
bool asc_path_is_dir(const char *path);
/** "a" + "b" -> "a/b"; b absolute -> b. NULL when memory is out. */
char *asc_path_join(const char *a, const char *b);
/** The same, absolute and free of links where it exists. */
char *asc_path_real(const char *a, const char *b);
/** Folder part of path ("." if none). NULL when memory is out. */
char *asc_path_dir(const char *path);
/** Append one line to a file (O_APPEND, one write); for metrics and logs. */
asc_status asc_append_line(const char *path, const char *line, asc_error *err);

/* ---- threads, time, interruption ----------------------------------------------------------------------------- */

/** pthread_create with the signals blocked in the new thread that others send: they go to the program's own threads. */
bool asc_thread_start(pthread_t *thread, void *(*fn)(void *ctx), void *ctx);
/** Call fn(ctx, i) for i in [0,n) on up to n_threads threads (pthreads, blocking). Results must not depend on the
 * order. */
void asc_parallel_for(int n_threads, size_t n, void (*fn)(void *ctx, size_t i), void *ctx);
/** Online processors this process may use, >= 1. */
int asc_cpu_count(void);
/** Bytes of memory that new programs can have: what is free and what the kernel gives back of its file cache. */
double asc_memory_available(void);
/** Monotonic seconds. */
double asc_now_s(void);
/** CPU seconds of the calling thread. */
double asc_thread_cpu_s(void);
/** Set by the command's signal handler, for the whole process. */
void asc_interrupt_set(void);
/** Take it back, so that a test can go on with what it interrupted. */
void asc_interrupt_clear(void);
/** Who is asked in place of that flag: a caller of the library. asked NULL: nobody, the flag counts. */
typedef struct asc_interrupt {
    bool (*asked)(void *ctx);
    void *ctx;
} asc_interrupt;
/** Ask `next` from now on in this thread, and in those that asc_parallel_for and pools start from it; returns who was
 * asked before. */
asc_interrupt asc_interrupt_use(asc_interrupt next);
/** Who is asked in this thread: to be handed on to a thread that is started. */
asc_interrupt asc_interrupt_used(void);
/** Long work polls this and returns ASC_EINTR. */
bool asc_interrupted(void);

#endif
