/* Any bytes as an array of token ids: a NumPy header, an llm.c shard, or neither. */
#include "fuzz_files.h"

#include "text/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char **files, *path = (char *)(uintptr_t)fuzz_put("f.npy", data, n);
    size_t n_files;
    bool are_tokens;
    int64_t n_tokens = 0;
    if (asc_corpus_files(&files, &n_files, &are_tokens, &path, 1, NULL, NULL, NULL) != ASC_OK)
        return 0;
    if (are_tokens && asc_corpus_count_tokens(&n_tokens, files, n_files, NULL, NULL) == ASC_OK &&
        (n_tokens < 0 || n_tokens > (int64_t)n))
        abort();
    asc_text_discover_free(files, n_files);
    return 0;
}
