/* Reading a tokenizer's way from text to words, and what that shares with the readers of models. */
#ifndef WAY_JSON_H
#define WAY_JSON_H

#include "tokenizer.h"

#define ASC__GPT2_PATTERN "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

bool asc__json_flag(const json_t *j, const char *key, bool missing);
/** Its vocabulary is of bytes in GPT-2's alphabet, into which the last pre-tokenizer puts the text. */
bool asc__json_is_byte_level(const json_t *root);
/** Normalizers, pre-tokenizers, and whether the whole is GPT-2's or BERT's; after kind, byte_level and prefix. */
asc_status asc__json_read_way(asc_tokenizer *t, const char *name, const json_t *root, asc_error *err);
asc_status asc__pre_add_split(asc_tokenizer *t, const char *name, const char *expression, asc_error *err);
asc_status asc__pre_add_gpt2(asc_tokenizer *t, const char *name, bool prefix_space, asc_error *err);
/** Append what base64 stands for; false: it is none. */
bool asc__base64_decode(asc_buf *out, const char *p, size_t n);
void asc__base64_encode(asc_buf *out, const char *p, size_t n);

#endif
