/* GPT-2's two files from any bytes, cut apart at the first NUL: encoder.json and vocab.bpe. What is accepted encodes,
 * and decodes back. */
#include "text/text.h"
#include "fuzz_files.h"

static void use(const asc_tokenizer *t)
{
    static const char text[] = "It's 12 o'clock\n\n  in the \xc3\xa9tat \xff<|endoftext|>, ab abc";
    asc_encoder *e = NULL;
    int32_t *ids = NULL;
    size_t n = 0, cap = 0;
    asc_buf back = {0};
    if (asc_encoder_create(&e, t, NULL) == ASC_OK &&
        asc_encode(e, text, sizeof text - 1, &ids, &n, &cap, NULL) == ASC_OK &&
        (asc_decode(t, ids, n, &back, NULL) != ASC_OK || back.len != sizeof text - 1 ||
         memcmp(back.data, text, back.len) != 0))
        abort();
    asc_buf_clear(&back);
    asc_free(ids);
    asc_encoder_free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    asc_tokenizer *t = NULL;
    const uint8_t *cut = n ? memchr(data, 0, n) : NULL;
    if (!cut)
        return 0;
    fuzz_put("encoder.json", data, (size_t)(cut - data));
    fuzz_put("vocab.bpe", cut + 1, n - (size_t)(cut - data) - 1);
    if (asc_tokenizer_load(&t, fuzz_folder(), NULL) != ASC_OK)
        return 0;
    use(t);
    asc_tokenizer_free(t);
    return 0;
}
