/**
 * text: from files of text to token files and batches. Readers, discovery, deduplication and split, tokenizers,
 * Megatron token files, the mixture sampler.
 */
#ifndef AUTOSCALE_TEXT_H
#define AUTOSCALE_TEXT_H

#include "autoscale/spec.h"

/* ---- readers: one document at a time, memory does not grow with the corpus ---------------------------------- */

/** Files that a list of paths, folders and globs (with **) names, sorted, each once; an empty result is an error. */
asc_status asc_text_discover(char ***out, size_t *n, char *const *patterns, size_t n_patterns, const char *base_dir,
                             asc_error *err);
void asc_text_discover_free(char **files, size_t n);

/** Reads documents from .jsonl (one field a line), .txt and source files (one document a file), plain, .gz or .zst. */
typedef struct asc_reader asc_reader;
typedef struct asc_document {
    const char *text; /**< bytes, not 0-terminated; valid until the next call */
    size_t n_bytes;
} asc_document;
/** A line or file that was not taken: kept in the domain's report, never dropped silently. */
typedef struct asc_rejected {
    char *file;
    int64_t line;
    char *why;
} asc_rejected;

/* ---- tokenizers --------------------------------------------------------------------------------------------- */

/** Byte-level BPE (GPT-2) or WordPiece (BERT), trained here or loaded; immutable, shared between threads. */
typedef struct asc_tokenizer asc_tokenizer;
/** A tokenizer.json, a folder with GPT-2's encoder.json + vocab.bpe or with a tokenizer.json, or BERT's vocab.txt. */
asc_status asc_tokenizer_load(asc_tokenizer **out, const char *path, asc_error *err);
/** Write a Hugging Face tokenizer.json. */
asc_status asc_tokenizer_save(const asc_tokenizer *t, const char *path, asc_error *err);
void asc_tokenizer_free(asc_tokenizer *t);
size_t asc_tokenizer_vocab(const asc_tokenizer *t);
/** Id of the end-of-document token (<|endoftext|>), or of a named special token; -1 where there is none. */
int32_t asc_tokenizer_special(const asc_tokenizer *t, const char *name);
/** Per-thread scratch of an encoder: word cache and buffers. */
typedef struct asc_encoder asc_encoder;
asc_status asc_encoder_create(asc_encoder **out, const asc_tokenizer *t, asc_error *err);
void asc_encoder_free(asc_encoder *e);
/** Append the ids of text to *ids (grown with asc_grow: *n used, *cap held). Any bytes are valid input. */
asc_status asc_encode(asc_encoder *e, const char *text, size_t n_bytes, int32_t **ids, size_t *n, size_t *cap,
                      asc_error *err);
/** Append the bytes of ids to out. */
asc_status asc_decode(const asc_tokenizer *t, const int32_t *ids, size_t n, asc_buf *out, asc_error *err);

/* ---- token files (Megatron indexed dataset: PREFIX.bin, PREFIX.idx), memory-mapped ---------------------------- */

typedef struct asc_token_file asc_token_file;
asc_status asc_token_file_open(asc_token_file **out, const char *prefix, asc_error *err);
void asc_token_file_close(asc_token_file *f);
int64_t asc_token_file_tokens(const asc_token_file *f);
int64_t asc_token_file_documents(const asc_token_file *f);
/** Copy n tokens from position `at` of the concatenated documents. */
asc_status asc_token_file_read(const asc_token_file *f, int64_t at, size_t n, int32_t *out, asc_error *err);

/* ---- preparation: text of all domains -> token files ---------------------------------------------------------- */

/** What was made of one domain or held-out target. */
typedef struct asc_domain_report {
    char *name;
    int64_t n_documents, n_bytes, n_tokens; /**< training part */
    int64_t n_valid_documents, n_valid_bytes, n_valid_tokens;
    int64_t n_duplicates, n_rejected;
    asc_rejected *rejected; /**< the first of them, at most 100 */
    size_t n_rejected_listed;
} asc_domain_report;

typedef struct asc_corpus_domain {
    const char *name, *field; /**< field NULL: "text" */
    char *const *train;       /**< globs; n_train = 0: a held-out target only */
    size_t n_train;
    char *const *valid; /**< globs; n_valid = 0: split off train by content hash */
    size_t n_valid;
} asc_corpus_domain;

typedef struct asc_corpus_opts {
    const asc_corpus_domain *domains; /**< training domains first, then held-out targets */
    size_t n_domains;
    const char *base_dir;       /**< relative globs start here */
    const char *tokenizer_path; /**< NULL: train one */
    const char *tokenizer_kind; /**< "bpe" | "wordpiece" when trained */
    int64_t vocab;              /**< when trained */
    int64_t valid_tokens;       /**< wanted a target, held to 2..10 % of a domain */
    int n_threads;
    const char *out_dir; /**< tokens/: NAME.train.{bin,idx}, NAME.valid.{bin,idx}, tokenizer.json, report.json */
    asc_progress_fn progress;
    void *progress_ctx;
} asc_corpus_opts;
/** Everything up to token files; resumable by being repeated; report.json carries the reports and bytes per token. */
asc_status asc_corpus_prepare(asc_domain_report **reports, const asc_corpus_opts *opts, asc_error *err);
void asc_domain_reports_free(asc_domain_report *r, size_t n);

/* ---- the mixture sampler -------------------------------------------------------------------------------------- */

/**
 * A stream of sequences of T+1 tokens holding n_i sequences of domain i, every prefix within one sequence a domain of
 * the mixture; without replacement inside an epoch, reshuffled between epochs. Position is one integer.
 */
typedef struct asc_sampler asc_sampler;
typedef struct asc_sampler_opts {
    const asc_token_file *const *files; /**< (D) */
    size_t n_domains;
    const int64_t *tokens; /**< (D) wanted tokens of each domain */
    int context;           /**< T: a sequence counts T tokens */
    uint64_t seed;
    const double *max_epochs; /**< (D) or NULL: no cap */
} asc_sampler_opts;
/** @retval ASC_EINVAL a domain has less than one sequence, or would pass its max_epochs by more than rounding */
asc_status asc_sampler_create(asc_sampler **out, const asc_sampler_opts *opts, asc_error *err);
void asc_sampler_free(asc_sampler *s);
/** Sequences in all. */
int64_t asc_sampler_sequences(const asc_sampler *s);
/** (D) tokens that will really be used: sequences * T. */
void asc_sampler_tokens(const asc_sampler *s, int64_t *out);
/** Go to sequence `position`; any order; the k-th sequence depends on nothing but the options and k. */
asc_status asc_sampler_seek(asc_sampler *s, int64_t position, asc_error *err);
/** The next sequence: T+1 ids into out, its domain into *domain. */
asc_status asc_sampler_next(asc_sampler *s, int32_t *out, size_t *domain, asc_error *err);

#endif
