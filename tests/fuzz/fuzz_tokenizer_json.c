/* Any bytes as a tokenizer.json, and behind the first NUL as a text: what is accepted encodes into ids of its
 * vocabulary, and GPT-2's way decodes back to the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "text/text.h"
#include "../../src/text/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_ids(const asc_tokenizer *t, const int32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= asc_tokenizer_vocab(t))
            abort();
}

static void use(const asc_tokenizer *t, const char *text, size_t n_bytes)
{
    asc_encoder *e = NULL;
    int32_t *ids = NULL;
    size_t n = 0, cap = 0;
    asc_buf back = {0};
    if (asc_encoder_create(&e, t, NULL) == ASC_OK && asc_encode(e, text, n_bytes, &ids, &n, &cap, NULL) == ASC_OK) {
        check_ids(t, ids, n);
        bool exact = t->kind == ASC__BPE && t->classic && !t->add_prefix_space;
        for (size_t i = 0; i < t->n_added; i++) /* one that strips takes blanks with it */
            exact = exact && !t->added[i].lstrip && !t->added[i].rstrip;
        if (exact && (asc_decode(t, ids, n, &back, NULL) != ASC_OK || back.len != n_bytes ||
                      (n_bytes && memcmp(back.data, text, n_bytes) != 0)))
            abort();
    }
    asc_buf_clear(&back);
    asc_free(ids);
    asc_encoder_free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char plain[] =
        "It's 12 o'clock\n\n  in the \xc3\xa9tat \xff[SEP]<|endoftext|>, "
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa e\xcc\x81\xea\xb0\x80 \xe4\xb8\xad"
        "\xe2\x96\x81x\r\n\xf0\x9f\x98\x80 <s>";
    const uint8_t *cut = n ? memchr(data, 0, n) : NULL;
    size_t n_json = cut ? (size_t)(cut - data) : n;
    asc_tokenizer *t = NULL;
    if (asc__tokenizer_json_parse(&t, "fuzz", (const char *)data, n_json, NULL) == ASC_OK) {
        use(t, plain, sizeof plain - 1);
        if (cut)
            use(t, (const char *)cut + 1, n - n_json - 1);
    }
    asc_tokenizer_free(t);
    return 0;
}
