/* Any bytes as the index of a token file, with a .bin of as many bytes as the first two say: what is accepted can be
 * read from end to end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool put(const char *prefix, const char *suffix, const void *p, size_t n)
{
    char path[120];
    snprintf(path, sizeof path, "%s%s", prefix, suffix);
    FILE *f = fopen(path, "wb");
    if (!f)
        return false;
    bool good = fwrite(p, 1, n, f) == n;
    return fclose(f) == 0 && good;
}

static void use(const char *prefix)
{
    asc_token_file *f = NULL;
    static int32_t out[1 << 16];
    if (asc_token_file_open(&f, prefix, NULL) != ASC_OK)
        return;
    int64_t n = asc_token_file_tokens(f), at, len;
    if (n > 1 << 16 || asc_token_file_read(f, 0, (size_t)n, out, NULL) != ASC_OK)
        abort();
    for (int64_t d = 0; d < asc_token_file_documents(f); d++)
        if (asc_token_file_document(f, d, &at, &len, NULL) != ASC_OK || at < 0 || len < 0 || at + len > n)
            abort();
    asc_token_file_close(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const uint8_t zeros[1 << 16];
    char prefix[100], path[120];
    if (n < 2)
        return 0;
    snprintf(prefix, sizeof prefix, "/tmp/autoscale-fuzz-%ld", (long)getpid());
    size_t n_bin = data[0] | (size_t)data[1] << 8;
    if (put(prefix, ".bin", zeros, n_bin) && put(prefix, ".idx", data + 2, n - 2))
        use(prefix);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s%s", prefix, i ? ".bin" : ".idx");
        unlink(path);
    }
    return 0;
}
