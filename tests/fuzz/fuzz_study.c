/* Study files: bytes of anybody's. A spec or one error, never a crash; and what is read says the same when asked twice.
 */
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    asc_study_spec spec;
    asc_error err = {0};
    asc_status st = asc_study_parse(&spec, "fuzz.yaml", (const char *)data, n, &err);
    if (st != ASC_OK) {
        if (st != ASC_ENOMEM && (err.msg[0] == 0 || strchr(err.msg, '\n')))
            abort(); /* an error without a line of its own */
        return 0;
    }
    json_t *one = asc_study_canonical(&spec), *two = asc_study_canonical(&spec);
    if (spec.n_domains < 2 || spec.n_scales < 1 || !json_equal(one, two))
        abort();
    for (size_t i = 0; i < spec.n_targets; i++) {
        char *file = asc_file_name(spec.target_names[i]);
        if (file && (strchr(file, '/') || file[0] == '.'))
            abort(); /* a name that could leave the study's folder */
        asc_free(file);
    }
    json_decref(one);
    json_decref(two);
    asc_study_spec_clear(&spec);
    return 0;
}
