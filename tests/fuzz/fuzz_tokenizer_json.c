/* Any bytes as a tokenizer.json: what is accepted encodes, and BPE decodes back to the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "autoscale/text.h"
#include "../../src/text/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void use(const asc_tokenizer *t)
{
    static const char text[] = "It's 12 o'clock\n\n  in the \xc3\xa9tat \xff[SEP]<|endoftext|>, "
                               "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    asc_encoder *e = NULL;
    int32_t *ids = NULL;
    size_t n = 0, cap = 0;
    asc_buf back = {0};
    if (asc_encoder_create(&e, t, NULL) == ASC_OK &&
        asc_encode(e, text, sizeof text - 1, &ids, &n, &cap, NULL) == ASC_OK) {
        if (asc_decode(t, ids, n, &back, NULL) != ASC_OK)
            abort();
        bool exact = t->kind == ASC__BPE && !t->add_prefix_space;
        if (exact && (back.len != sizeof text - 1 || memcmp(back.data, text, back.len) != 0))
            abort();
    }
    asc_buf_clear(&back);
    asc_free(ids);
    asc_encoder_free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    asc_tokenizer *t = NULL;
    if (asc__tokenizer_json_parse(&t, "fuzz", (const char *)data, n, NULL) == ASC_OK)
        use(t);
    asc_tokenizer_free(t);
    return 0;
}
