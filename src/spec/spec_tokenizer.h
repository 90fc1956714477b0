/** spec: how the ids of a corpus come about where no tokenizer is given. */
#ifndef AUTOSCALE_SPEC_TOKENIZER_H
#define AUTOSCALE_SPEC_TOKENIZER_H

#include <stdbool.h>

typedef enum asc_tokenizer_kind {
    ASC_TOKENIZER_BPE,       /**< learnt: byte-level, GPT-2's pre-tokenisation; 256 bytes and <|endoftext|> */
    ASC_TOKENIZER_WORDPIECE, /**< learnt: uncased, with [MASK] */
    ASC_TOKENIZER_IDS        /**< token files of a known vocabulary; nothing is learnt */
} asc_tokenizer_kind;

/** "bpe", "wordpiece", "ids" */
const char *asc_tokenizer_kind_name(asc_tokenizer_kind kind);
/** One that can be learnt, by its name. */
bool asc_tokenizer_kind_parse(asc_tokenizer_kind *out, const char *name);

#endif
