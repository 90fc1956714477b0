/* Reading a tokenizer's way from text to words, and what that shares with the readers of models. */
#ifndef WAY_JSON_H
#define WAY_JSON_H

#include "tokenizer.h"

#define ASC__GPT2_PATTERN "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#define ASC__CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
/** Qwen's text is brought into NFC first. */
#define ASC__QWEN_PATTERN                                                                                              \
    ASC__CONTRACTIONS                                                                                                  \
    "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

bool asc__json_flag(const json_t *j, const char *key, bool missing);
/** Its vocabulary is of bytes in GPT-2's alphabet, into which the last pre-tokenizer puts the text. */
bool asc__json_is_byte_level(const json_t *root);
/** Normalizers, pre-tokenizers, and whether the whole is GPT-2's or BERT's; after kind, byte_level and prefix. */
asc_status asc__json_read_way(asc_tokenizer *t, const char *name, const json_t *root, asc_error *err);
asc_status asc__pre_add_split(asc_tokenizer *t, const char *name, const char *expression, asc_error *err);
/** NFC before all else; the only normalizer of what is not read from a tokenizer.json. */
asc_status asc__add_nfc(asc_tokenizer *t, asc_error *err);
asc_status asc__pre_add_gpt2(asc_tokenizer *t, const char *name, bool prefix_space, asc_error *err);
/** Append what base64 stands for; false: it is none. */
bool asc__base64_decode(asc_buf *out, const char *p, size_t n);
void asc__base64_encode(asc_buf *out, const char *p, size_t n);
/** Whether a JSON document is Mistral's tekken.json, and the tokenizer that it stands for. */
bool asc__tekken_is(const json_t *root);
asc_status asc__tekken_read(asc_tokenizer **out, const char *name, const json_t *root, asc_error *err);
/** Before the seal: pre-tokenizer, normalizer and added tokens of a vocab.json and merges.txt, by the files of
 * transformers in their folder. *plain: GPT-2's way, without further added tokens. @retval ASC_EINVAL a class that cuts
 * text in a way that these files do not tell */
asc_status asc__config_bpe(asc_tokenizer *t, bool *plain, const char *name, const char *dir, asc_error *err);
/** BERT's flags for a vocab.txt by the tokenizer_config.json in its folder: without one, uncased. */
asc_status asc__config_bert(asc_tokenizer *t, const char *dir, asc_error *err);

#endif
