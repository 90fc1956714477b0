/* Any bytes as a safetensors file: whatever sizes its header claims, what is accepted lies inside the file. */
#include "../../src/model/safetensors.h"
#include "fuzz_files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    asc__st_file f = {0};
    if (asc__st_open(&f, fuzz_put("model.safetensors", data, n), NULL) != ASC_OK)
        return 0;
    size_t bytes = 0;
    for (size_t i = 0; i < f.n_tensors; i++) {
        const asc__st_tensor *t = &f.tensors[i];
        if (!t->width) /* of a type that is not read */
            continue;
        if (t->at > n || t->n > (n - t->at) / (size_t)t->width)
            abort();
        float *out = asc_malloc(t->n * sizeof *out);
        if (!out || asc__st_read(&f, t, out, NULL) != ASC_OK || !asc__st_find(&f, t->name))
            abort();
        asc_free(out);
        bytes += t->n * (size_t)t->width;
    }
    if (bytes > n) /* no byte belongs to two tensors */
        abort();
    asc__st_close(&f);
    return 0;
}
