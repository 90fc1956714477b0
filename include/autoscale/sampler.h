/**
 * From text to sequences of tokens: token files (Megatron's indexed datasets) are made of text, and sampled in the
 * proportions of a mixture.
 */
#ifndef AUTOSCALE_PUBLIC_SAMPLER_H
#define AUTOSCALE_PUBLIC_SAMPLER_H

#include <stdint.h>

#include "autoscale/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct asc_prepare_options {
    size_t size; /**< sizeof (asc_prepare_options) */
    size_t n_domains;
    const char *const *domains; /**< (D) names */
    const char *const *text;    /**< (D) file, folder or glob: JSON lines, Parquet, plain text; compressed or not */
    const char *out_dir;        /**< gets NAME.train, NAME.valid, tokenizer.json and report.json */
    const char *tokenizer;      /**< tokenizer.json, its folder, tokenizer.model ..; NULL: byte-level BPE is learned */
    int64_t vocab;              /**< of the one that is learned; 0: 4096 */
    int64_t valid_tokens;       /**< held out of each domain, within 2 to 10 % of it; 0: 200000 */
    int threads;                /**< 0: one for each processor; the result does not depend on it */
    const asc_hooks *hooks;
} asc_prepare_options;

/** Text to token files: duplicates dropped, a part held out by content hash. Repeated, it resumes.
 *  @retval ASC_EINVAL  a pattern without files, a file that cannot be read, too little text  @retval ASC_EINTR  by a
 * hook */
ASC_API asc_status asc_prepare(const asc_prepare_options *options, asc_error *err);

/** A stream of sequences of context + 1 token ids. */
typedef struct asc_stream asc_stream;

typedef struct asc_stream_options {
    size_t size; /**< sizeof (asc_stream_options) */
    size_t n_domains;
    const char *const *files; /**< (D) prefixes of token files: PREFIX.bin and PREFIX.idx */
    const int64_t *tokens;    /**< (D) tokens wanted of each */
    int context;              /**< T, tokens in a sequence */
    uint64_t seed;
    const double *max_epochs; /**< (D) passes over a domain at most, NaN: no cap; or NULL */
} asc_stream_options;

/**
 * The k-th sequence depends on the options and k alone; every prefix of the stream holds the mixture to within one
 * sequence a domain; within an epoch a domain's sequences are drawn without replacement.
 * @retval ASC_EINVAL  no token file, fewer tokens than one sequence, more than max_epochs  @retval ASC_ESTATE  damaged
 */
ASC_API asc_status asc_stream_open(asc_stream **out, const asc_stream_options *options, asc_error *err);
ASC_API void asc_stream_close(asc_stream *stream);
/** Sequences in all. */
ASC_API int64_t asc_stream_length(const asc_stream *stream);
/** Tokens of domain i that are really used: whole sequences. */
ASC_API int64_t asc_stream_tokens(const asc_stream *stream, size_t i);
/** Go to sequence k, 0 <= k <= length. @retval ASC_EINVAL */
ASC_API asc_status asc_stream_seek(asc_stream *stream, int64_t k, asc_error *err);
/** The next sequence: T + 1 ids, and which domain it is of (domain may be NULL). @retval ASC_EINVAL  past the end */
ASC_API asc_status asc_stream_next(asc_stream *stream, int32_t *ids, size_t *domain, asc_error *err);

#ifdef __cplusplus
}
#endif

#endif
