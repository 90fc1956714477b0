/* A target's continuations lie in the study's folder, where anything may have happened to them. */
#include <stdint.h>

#include "train/train_scored.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    asc_scored s = {0};
    asc_error err = {0};
    if (asc_scored_parse(&s, "x.scored.json", (const char *)data, n, &err) == ASC_OK)
        asc_scored_clear(&s);
    return 0;
}
