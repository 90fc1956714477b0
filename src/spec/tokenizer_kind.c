#include "spec/spec_tokenizer.h"

#include <assert.h>
#include <string.h>

static const char *const names[] = {"bpe", "wordpiece", "ids"};

const char *asc_tokenizer_kind_name(asc_tokenizer_kind kind)
{
    assert((unsigned)kind < sizeof names / sizeof *names);
    return names[kind];
}

bool asc_tokenizer_kind_parse(asc_tokenizer_kind *out, const char *name)
{
    for (int k = ASC_TOKENIZER_BPE; k <= ASC_TOKENIZER_WORDPIECE; k++)
        if (strcmp(name, names[k]) == 0) {
            *out = (asc_tokenizer_kind)k;
            return true;
        }
    return false;
}
