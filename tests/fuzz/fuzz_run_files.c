/* What the coordinator reads of a run or of another coordinator, from any bytes: a log's last lines, the progress in a
 * metrics file, study.lock, and the words of a trainer's command. The first byte says which. */
#include "../../src/exec/words.h"
#include "store/store.h"
#include "fuzz_files.h"

static void read_log(const uint8_t *data, size_t n)
{
    char tail[300];
    memset(tail, 'x', sizeof tail);
    asc_log_tail(tail, sizeof tail, fuzz_put("log.txt", data, n));
    size_t len = strnlen(tail, sizeof tail);
    if (len == sizeof tail)
        abort();
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)tail[i] < 32 || tail[i] == 127)
            abort();
}

static void read_metrics(const uint8_t *data, size_t n)
{
    int64_t bytes = -1;
    asc__last_tokens(fuzz_put("metrics.jsonl", data, n), &bytes);
    if (bytes != (int64_t)n)
        abort();
}

static void read_lock(const uint8_t *data, size_t n)
{
    asc_store_owner o;
    fuzz_put("study.lock", data, n);
    if (asc_store_owner_get(&o, fuzz_folder(), NULL) != ASC_OK || strnlen(o.host, sizeof o.host) == sizeof o.host)
        abort();
}

static void read_command(const uint8_t *data, size_t n)
{
    static const asc_launch_value values[] = {{"run_dir", "/a b/'c"}, {"seed", "7"}};
    char *line = asc_strndup((const char *)data, n), *filled = asc__fill_in(line, values, 2), **words = NULL;
    if (!filled)
        abort();
    if (asc__split_words(&words, filled, NULL) == ASC_OK) {
        if (!words[0])
            abort();
        for (size_t i = 0; words[i]; i++)
            asc_free(words[i]);
        asc_free(words);
    }
    asc_free(filled);
    asc_free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static void (*const readers[])(const uint8_t *, size_t) = {read_log, read_metrics, read_lock, read_command};
    if (n > 0)
        readers[data[0] % 4](data + 1, n - 1);
    return 0;
}
