/* Any text through BERT's normalizer and a small vocabulary; the part before the first NUL is a vocabulary of its own.
 */
#include <stdlib.h>
#include <string.h>

#include "text/text.h"
#include "../../src/text/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void use(const asc_tokenizer *t, const char *text, size_t n_bytes)
{
    asc_encoder *e = NULL;
    int32_t *ids = NULL;
    size_t n = 0, cap = 0;
    if (asc_encoder_create(&e, t, NULL) == ASC_OK && asc_encode(e, text, n_bytes, &ids, &n, &cap, NULL) == ASC_OK)
        for (size_t i = 0; i < n; i++)
            if (ids[i] < 0 || (size_t)ids[i] >= asc_tokenizer_vocab(t))
                abort();
    asc_free(ids);
    asc_encoder_free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char plain[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n##a\n##b\nab\n##ab\n.\n";
    const uint8_t *cut = n ? memchr(data, 0, n) : NULL;
    size_t n_vocab = cut ? (size_t)(cut - data) : 0;
    asc_tokenizer *t = NULL;
    if (asc__vocab_txt_parse(&t, "fuzz", cut ? (const char *)data : plain, cut ? n_vocab : sizeof plain - 1, NULL) ==
        ASC_OK)
        use(t, (const char *)data + n_vocab, n - n_vocab);
    asc_tokenizer_free(t);
    return 0;
}
