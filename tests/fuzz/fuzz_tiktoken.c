/* Any bytes as a list of base64 tokens and ranks: what is accepted encodes into ids of its vocabulary, and the
 * tokenizer.json made of it gives the same. */
#include <stdlib.h>
#include <string.h>

#include "text/text.h"
#include "../../src/text/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static size_t encode(const asc_tokenizer *t, int32_t **ids)
{
    static const char text[] = "It's 12 o'clock\n\n  in the \xc3\xa9tat \xff <s></s>, aaaaaaaa \xe2\x96\x81x ab abc  ";
    asc_encoder *e = NULL;
    size_t n = 0, cap = 0;
    if (asc_encoder_create(&e, t, NULL) == ASC_OK)
        asc_encode(e, text, sizeof text - 1, ids, &n, &cap, NULL);
    for (size_t i = 0; i < n; i++)
        if ((*ids)[i] < 0 || (size_t)(*ids)[i] >= asc_tokenizer_vocab(t))
            abort();
    asc_encoder_free(e);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    asc_tokenizer *t = NULL, *u = NULL;
    int32_t *a = NULL, *b = NULL;
    if (asc__tiktoken_parse(&t, "fuzz", (const char *)data, n, NULL) == ASC_OK) {
        size_t n_a = encode(t, &a);
        if (t->source && asc__tokenizer_json_parse(&u, "fuzz.json", t->source, t->n_source, NULL) == ASC_OK) {
            size_t n_b = encode(u, &b);
            if (n_a != n_b || (n_a && memcmp(a, b, n_a * sizeof *a) != 0))
                abort();
        }
    }
    asc_free(a);
    asc_free(b);
    asc_tokenizer_free(t);
    asc_tokenizer_free(u);
    return 0;
}
