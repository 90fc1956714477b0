/* run.json may come from another machine. */
#include <stdint.h>

#include "train/train.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    asc_run_spec s = {0};
    asc_error err = {0};
    if (asc_run_spec_parse(&s, "run.json", "/runs/x", (const char *)data, n, &err) == ASC_OK)
        asc_run_spec_clear(&s);
    return 0;
}
