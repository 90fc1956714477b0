/* The bytes of a token file: Megatron's indexed dataset (MMIDIDX, version 1) and the checksums that we put beside it.
 */
#ifndef TOKEN_FORMAT_H
#define TOKEN_FORMAT_H

#include "text/text.h"

/*
 * PREFIX.idx, little-endian, no padding:
 *   9 bytes "MMIDIDX\0\0", u64 version 1, u8 code of the token type, u64 n_sequences S, u64 n_documents + 1,
 *   i32 size[S] tokens of a sequence, i64 pointer[S] its first byte in PREFIX.bin, i64 document[n_documents + 1] index
 *   of the first sequence of each document and at the end S.
 * PREFIX.bin: the tokens, nothing else.
 * PREFIX.sum (ours): 8 bytes "ASCSUM1\n", u64 bytes of .bin, u64 hash of all of .idx, u64 hash of each block of .bin.
 */
#define ASC__IDX_MAGIC "MMIDIDX\0\0"
#define ASC__SUM_MAGIC "ASCSUM1\n"

enum {
    ASC__IDX_HEADER = 34,
    ASC__SUM_HEADER = 24,
    ASC__SUM_BLOCK = 1 << 20,
    ASC__IDX_UINT16 = 8,
    ASC__IDX_INT32 = 4,
    ASC__UINT16_VOCAB = 65500 /* Megatron's limit for uint16 */
};
/* The hash of a block is asc_hash64 with the block's number as seed, so that swapped blocks are found too. */
#define ASC__IDX_SEED UINT64_MAX

#endif
