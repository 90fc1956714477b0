#include "tokenizers.h"

#include <string.h>

#include "text/text.h"

static bool same_ids(const asc_tokenizer *a, const asc_tokenizer *b)
{
    size_t na = asc_tokenizer_vocab(a), nb = asc_tokenizer_vocab(b);
    for (int32_t id = 0; (size_t)id < (na < nb ? na : nb); id++) {
        size_t n = 0, m = 0;
        const char *x = asc_tokenizer_token(a, id, &n), *y = asc_tokenizer_token(b, id, &m);
        if (!x != !y || (x && (n != m || memcmp(x, y, n) != 0)))
            return false;
    }
    return true;
}

bool asc__cli_same_tokenizer(const char *a, const char *b)
{
    asc_tokenizer *x = NULL, *y = NULL;
    bool known = asc_tokenizer_load(&x, a, NULL) == ASC_OK && asc_tokenizer_load(&y, b, NULL) == ASC_OK;
    bool same = !known || same_ids(x, y);
    asc_tokenizer_free(x);
    asc_tokenizer_free(y);
    return same;
}
