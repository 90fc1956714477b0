/* Any bytes as JSON lines, a JSON array, a text file, packed or not: documents are valid UTF-8, nothing is read out of
 * range. The first byte chooses. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "text/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

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
    char path[100];
    snprintf(path, sizeof path, "/tmp/autoscale-fuzz-%ld%s", (long)getpid(),
             endings[data[0] % (sizeof endings / sizeof *endings)]);
    FILE *f = fopen(path, "wb");
    if (!f)
        return 0;
    bool written = fwrite(data + 1, 1, n - 1, f) == n - 1;
    if (fclose(f) == 0 && written)
        read_all(path);
    unlink(path);
    return 0;
}
