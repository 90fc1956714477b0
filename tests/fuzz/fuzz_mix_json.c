/* MIX.json from any bytes: refused, or a mixture that every form of export can write. */
#include <stdint.h>
#include <stdlib.h>

#include "export/export.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    json_t *j = NULL, *again = NULL;
    asc_mix_file m = {0};
    if (asc_json_parse(&j, "fuzz", (const char *)data, n, NULL) != ASC_OK)
        return 0;
    if (asc_mix_file_from_json(&m, j, "fuzz", NULL) == ASC_OK) {
        if (asc_mix_file_to_json(&again, &m, NULL) != ASC_OK)
            abort();
        json_decref(again);
        for (const char *const *t = asc_export_names(); *t; t++) {
            asc_buf b = {0};
            (void)asc_export(&b, &m, *t, NULL, NULL);
            asc_buf_clear(&b);
        }
        asc_mix_file_clear(&m);
    }
    json_decref(j);
    return 0;
}
