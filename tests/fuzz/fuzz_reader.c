/* Any bytes as JSON lines, a JSON array, a text file, packed or not: documents are valid UTF-8, nothing is read out of
 * range. The first byte chooses. */
#include "fuzz_files.h"
#include "text/text.h"

static void read_all(const char *path)
{
    asc_reader *r = NULL;
    bool more = true;
    asc_status st = asc_reader_open(&r, path, NULL, NULL, NULL, NULL);
    while (st == ASC_OK && more) {
        asc_document d;
        st = asc_reader_next(r, &d, &more, NULL);
        if (st == ASC_OK && more && (d.n_bytes == 0 || d.n_bytes > ASC_TEXT_MAX_DOCUMENT))
            abort();
    }
    asc_reader_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char *const endings[] = {".jsonl",   ".jsonl.zst", ".jsonl.gz", ".txt",       ".txt.gz",
                                          ".txt.zst", ".json",      "",          ".jsonl.bz2", ".jsonl.xz"};
    if (n < 1)
        return 0;
    char name[40];
    snprintf(name, sizeof name, "text%s", endings[data[0] % (sizeof endings / sizeof *endings)]);
    read_all(fuzz_put(name, data + 1, n - 1));
    return 0;
}
