/* result.json comes from any user's trainer. */
#include <stdint.h>

#include "train/train.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static char *const targets[] = {"books", "code"};
    asc_run_result r = {0};
    asc_error err = {0};
    if (asc_run_result_parse(&r, "result.json", (const char *)data, n, targets, 2, &err) == ASC_OK)
        asc_run_result_clear(&r);
    if (asc_run_result_parse(&r, "result.json", (const char *)data, n, NULL, 0, &err) == ASC_OK)
        asc_run_result_clear(&r);
    return 0;
}
