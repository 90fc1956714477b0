/* Bare arrays of token ids, as nanoGPT, llm.c and OLMo keep them: no documents but what an end token says. */
#ifndef TOKEN_ARRAY_H
#define TOKEN_ARRAY_H

#include "text/text.h"

/** True when the first bytes say that it is a NumPy array or an llm.c shard. */
bool asc__token_array_known(const char *path);
/** uint8, uint16, int16, uint32, int32, uint64, int64: bytes of one; 0: no such type. */
int asc__token_dtype_width(const char *dtype);

typedef struct asc__token_array asc__token_array;
/**
 * A .npy (one dimension, or rows one after another), an llm.c shard, or any other file as ids of `dtype` from its first
 * byte. Read as it goes, never mapped: a file cut short while it is read is an error.
 * @param dtype NULL: the file must say it itself
 */
asc_status asc__token_array_open(asc__token_array **out, const char *path, const char *dtype, asc_error *err);
void asc__token_array_close(asc__token_array *a);
int64_t asc__token_array_n(const asc__token_array *a);
/** Up to cap ids behind those read before, to behind the first `end` (-1: none ends a document); *n = 0 at the end.
 * What is no id (negative, beyond int32) is -1. */
asc_status asc__token_array_next(asc__token_array *a, int32_t end, int32_t *ids, size_t cap, size_t *n, asc_error *err);

#endif
