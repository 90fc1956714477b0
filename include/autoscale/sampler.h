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

/**
 * The sequences that a run trains on, in their order: each T + 1 token ids, of which the first T are the input and the
 * last T what is to be predicted (T the context). Sequences are counted k = 0 .. length-1 and fall into optimizer steps
 * of `batch` sequences, the last of which may be short.
 *
 * Which sequence is the k-th depends on the options and on k alone, so that step s can be read at any time: a trainer
 * that was stopped resumes with asc_stream_batch(.., s, ..). Every prefix of the stream holds the mixture to within one
 * sequence per domain; within an epoch a domain's sequences are drawn without replacement, and in another order in the
 * next. One stream is used by one thread at a time; several streams of the same files are independent.
 *
 * autoscale/hosted.h has the masked tokens of encoders (BERT), evaluation windows and the whole life of a run.
 */
typedef struct asc_stream asc_stream;

typedef struct asc_stream_options {
    size_t size; /**< sizeof (asc_stream_options) */
    size_t n_domains;
    const char *const *files; /**< (D) prefixes of token files: PREFIX.bin and PREFIX.idx */
    const int64_t *tokens;    /**< (D) tokens wanted of each, >= 0; rounded to whole sequences by largest remainder */
    int context;              /**< T >= 1 */
    uint64_t seed;
    const double *max_epochs; /**< (D) passes over a domain at most, > 0; NaN: no cap; or NULL */
    int64_t batch_tokens;     /**< tokens per step: batch = batch_tokens / T, at least 1; 0: one sequence */
} asc_stream_options;

/** @retval ASC_EINVAL  no token file, fewer tokens than one sequence, more than max_epochs allows
 *  @retval ASC_ESTATE  a token file that is damaged */
ASC_API asc_status asc_stream_open(asc_stream **out, const asc_stream_options *options, asc_error *err);
/**
 * The stream of DIR/run.json, the same as the built-in trainer's: its domains, tokens, context, seed, limits of epochs
 * and tokens per step. Takes no lock and writes nothing.
 * @retval ASC_EINVAL  no run.json, or one that is not valid   @retval ASC_ESTATE  a token file that is damaged
 */
ASC_API asc_status asc_stream_open_run(asc_stream **out, const char *dir, asc_error *err);
/** NULL is fine. */
ASC_API void asc_stream_close(asc_stream *stream);

/** Sequences in all. */
ASC_API int64_t asc_stream_length(const asc_stream *stream);
/** T, tokens in a sequence: rows hold T + 1 ids. */
ASC_API int asc_stream_context(const asc_stream *stream);
/** D. */
ASC_API size_t asc_stream_n_domains(const asc_stream *stream);
/** Name of domain i < D of a run, its file's prefix otherwise; NULL beyond. Lives as long as the stream. */
ASC_API const char *asc_stream_domain(const asc_stream *stream, size_t i);
/** Tokens of domain i that are really used: whole sequences times T; 0 beyond D. */
ASC_API int64_t asc_stream_tokens(const asc_stream *stream, size_t i);

/** Go to sequence k, 0 <= k <= length. @retval ASC_EINVAL  out of range */
ASC_API asc_status asc_stream_seek(asc_stream *stream, int64_t k, asc_error *err);
/** The next sequence. @param[out] ids (T + 1)  @param[out] domain  which it is of, < D; or NULL
 *  @retval ASC_EINVAL  past the end */
ASC_API asc_status asc_stream_next(asc_stream *stream, int32_t *ids, size_t *domain, asc_error *err);

/** Optimizer steps: length / batch, rounded up. */
ASC_API int64_t asc_stream_steps(const asc_stream *stream);
/** Sequences of step s: `batch`, fewer in the last; 0 outside of 0 <= s < steps. */
ASC_API int64_t asc_stream_step_sequences(const asc_stream *stream, int64_t s);
/**
 * All sequences of step s, any s in any order; asc_stream_next continues after it.
 * @param[out] ids     (n, T + 1) row-major, n = asc_stream_step_sequences(stream, s)
 * @param[out] domain  (n) which domain each is of; or NULL
 * @retval ASC_EINVAL  s < 0 or s >= steps
 */
ASC_API asc_status asc_stream_batch(asc_stream *stream, int64_t s, int32_t *ids, size_t *domain, asc_error *err);

#ifdef __cplusplus
}
#endif

#endif
