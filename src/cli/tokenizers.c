#include "tokenizers.h"

#include <stdio.h>
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

/* NULL where there is none, or none that can be read, which is said. */
static asc_tokenizer *load(const char *path, const char *other)
{
    asc_tokenizer *t = NULL;
    asc_error why = {0};
    if (asc_tokenizer_load(&t, path, &why) != ASC_OK && asc_tokenizer_there(path))
        fprintf(stderr, "note: the tokenizer of %s was not compared with that of %s: %s\n", path, other, why.msg);
    return t;
}

bool asc__cli_same_tokenizer(const char *a, const char *b)
{
    asc_tokenizer *x = load(a, b), *y = x ? load(b, a) : NULL;
    bool same = !x || !y || same_ids(x, y);
    asc_tokenizer_free(x);
    asc_tokenizer_free(y);
    return same;
}
