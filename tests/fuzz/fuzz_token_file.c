/* Any bytes as the index of a token file, with a .bin of as many bytes as the first two say: what is accepted can be
 * read from end to end. */
#include "fuzz_files.h"
#include "text/text.h"

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
    char prefix[100], bin[120];
    if (n < 2)
        return 0;
    snprintf(prefix, sizeof prefix, "%s/x", fuzz_folder());
    snprintf(bin, sizeof bin, "%s.bin", prefix);
    if (access(bin, F_OK) != 0)
        fuzz_put("x.bin", "", 0);
    if (truncate(bin, data[0] | (off_t)data[1] << 8) != 0) /* zeros, without writing them */
        abort();
    fuzz_put("x.idx", data + 2, n - 2);
    use(prefix);
    return 0;
}
