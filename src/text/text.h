/**
 * text: from files of text to token files and batches. Readers, discovery, deduplication and split, tokenizers,
 * Megatron token files, the mixture sampler.
 */
#ifndef AUTOSCALE_TEXT_H
#define AUTOSCALE_TEXT_H

#include "spec/spec.h"
#include "spec/spec_tokenizer.h"

/* ---- readers: one document at a time, memory does not grow with the corpus ---------------------------------- */

/** Files that a list of paths, folders and globs (with **) names, sorted, each once; an empty result is an error. */
/* A folder stands for every file below it, links to folders included, each folder read once; names that begin with a
 * dot are only matched when written out.
 * @retval ASC_EINVAL a pattern that matches nothing (the pattern is named) */
asc_status asc_text_discover(char ***out, size_t *n, char *const *patterns, size_t n_patterns, const char *base_dir,
                             asc_error *err);
void asc_text_discover_free(char **files, size_t n);

/** A document of more bytes than this is rejected (a line of JSON may be twice as long, for its escapes). */
#define ASC_TEXT_MAX_DOCUMENT ((size_t)64 << 20)

typedef struct asc_document {
    const char *text; /**< bytes, valid UTF-8, not 0-terminated; valid until the next call */
    size_t n_bytes;   /**< 1..ASC_TEXT_MAX_DOCUMENT */
    int64_t line;     /**< 1-based line of JSON or row of Parquet, 0 where the file is one document */
} asc_document;
/** A line or file that was not taken: kept in the domain's report, never dropped silently. */
typedef struct asc_rejected {
    char *file;
    int64_t line; /**< 1-based; 0: the whole file */
    char *why;
} asc_rejected;
/** Called for each rejected line, in order. */
typedef void (*asc_rejected_fn)(void *ctx, const char *file, int64_t line, const char *why);

/**
 * Reads documents from JSON lines (.jsonl, .ndjson, .json: one field of an object per line), a JSON array of objects or
 * strings or objects over several lines (.json), a column of a Parquet file (a document per row), and text (any other
 * file is one document); plain or compressed with gzip, zstd, bzip2 or xz; UTF-8, or UTF-16 with a byte-order mark. The
 * file's first bytes decide, not its name, but for what is text: there the name says whether it is lines. Streamed:
 * memory is bounded by the longest document (and one page of Parquet). What is no valid JSON object with the field as a
 * non-empty string, no valid UTF-8, holds NUL bytes (a binary file: named where it is known) or is too long is rejected
 * through the callback and skipped; blank lines are skipped. A file that cannot be read, a truncated or damaged
 * compression, a damaged Parquet file or one without the column is an error (EINVAL), as what follows is lost.
 */
typedef struct asc_reader asc_reader;
/** @param field the text's field or column, NULL: "text"; "a.b" is a Parquet column b within a group a */
asc_status asc_reader_open(asc_reader **out, const char *path, const char *field, asc_rejected_fn rejected, void *ctx,
                           asc_error *err);
/** The next document; *more = false at the end (then *doc is untouched). */
asc_status asc_reader_next(asc_reader *r, asc_document *doc, bool *more, asc_error *err);
void asc_reader_close(asc_reader *r);
/** Whether its documents can be read from anywhere: JSON lines in UTF-8 that are not compressed. */
bool asc_reader_enters(const asc_reader *r);
/** Of such a one, right after opening: read only lines that begin in bytes [start, end). Their numbers are not known.
 */
asc_status asc_reader_enter(asc_reader *r, int64_t start, int64_t end, asc_error *err);
/** Call watch with each piece of text that is read, also where no document is found for long: a sign of life. */
void asc_reader_watch(asc_reader *r, void (*watch)(void *ctx, size_t n_bytes), void *ctx);

/* ---- tokenizers --------------------------------------------------------------------------------------------- */

/**
 * BPE, Unigram, WordPiece or WordLevel with everything that a tokenizer.json may put around them: ids are those of
 * Hugging Face's tokenizers. Trained here (BPE, WordPiece) or loaded; immutable, shared between threads.
 */
typedef struct asc_tokenizer asc_tokenizer;
/**
 * A tokenizer.json, a folder with one or with GPT-2's encoder.json + vocab.bpe, BERT's vocab.txt, SentencePiece's
 * tokenizer.model, or a .tiktoken list of ranks. The token that ends a document is the eos_token of a
 * tokenizer_config.json beside it, else what its post-processor appends to a text, else one of a usual name.
 */
asc_status asc_tokenizer_load(asc_tokenizer **out, const char *path, asc_error *err);
/** Whether there is one, readable or not: the file, or in a folder one of the files that are looked for (or half of
 * them, a vocab.json). */
bool asc_tokenizer_there(const char *path);
/** Write a Hugging Face tokenizer.json. */
asc_status asc_tokenizer_save(const asc_tokenizer *t, const char *path, asc_error *err);
void asc_tokenizer_free(asc_tokenizer *t);
size_t asc_tokenizer_vocab(const asc_tokenizer *t);
/** Id of a named special token ("<|endoftext|>", "[MASK]"); name NULL: of the token that ends a document. -1 where
 * there is none. */
int32_t asc_tokenizer_special(const asc_tokenizer *t, const char *name);
/** End documents with this token, or with the id that it says. @retval ASC_EINVAL neither */
asc_status asc_tokenizer_set_end(asc_tokenizer *t, const char *token, asc_error *err);
/** Where the end of document is named ("its name", a path, ...); NULL: there is none. */
const char *asc_tokenizer_end_source(const asc_tokenizer *t);
/** A vocabulary of n ids without their texts, for token files whose tokenizer is not at hand: it encodes nothing.
 * @param end  id that ends a document, in figures; NULL: none  @retval ASC_EINVAL  n not in 1..2^24, or no such id */
asc_status asc_tokenizer_of_ids(asc_tokenizer **out, int64_t n, const char *end, asc_error *err);
/** Whether tokens have texts: not those of asc_tokenizer_of_ids. */
bool asc_tokenizer_has_texts(const asc_tokenizer *t);
/** Per-thread scratch of an encoder: word cache and buffers. */
typedef struct asc_encoder asc_encoder;
asc_status asc_encoder_create(asc_encoder **out, const asc_tokenizer *t, asc_error *err);
void asc_encoder_free(asc_encoder *e);
/** Append the ids of text to *ids (grown with asc_grow: *n used, *cap held). Any bytes are valid input. */
asc_status asc_encode(asc_encoder *e, const char *text, size_t n_bytes, int32_t **ids, size_t *n, size_t *cap,
                      asc_error *err);
/** Append the bytes of ids to out. */
asc_status asc_decode(const asc_tokenizer *t, const int32_t *ids, size_t n, asc_buf *out, asc_error *err);

/** What an unpadded id stands for: its bytes (BPE) or its piece; NULL for ids out of range. */
const char *asc_tokenizer_token(const asc_tokenizer *t, int32_t id, size_t *n_bytes);
/** SHA-256 of vocabulary and merges, in hex (65 bytes): two tokenizers with one fingerprint give the same ids. */
void asc_tokenizer_fingerprint(const asc_tokenizer *t, char *hex);

/** Learns a tokenizer from text; the result depends only on the multiset of documents, not on their order. */
typedef struct asc_tokenizer_learner asc_tokenizer_learner;
/** @param kind not ASC_TOKENIZER_IDS, which learns nothing. */
asc_status asc_tokenizer_learner_create(asc_tokenizer_learner **out, asc_tokenizer_kind kind, asc_error *err);
void asc_tokenizer_learner_free(asc_tokenizer_learner *t);
/** Count the words of one document. Memory grows with the number of different words. */
asc_status asc_tokenizer_learner_add(asc_tokenizer_learner *t, const char *text, size_t n_bytes, asc_error *err);
/** Learn at most vocab tokens (fewer where no pair is seen twice any more). Ties as in Hugging Face's BpeTrainer. */
asc_status asc_tokenizer_learner_finish(asc_tokenizer **out, asc_tokenizer_learner *t, int64_t vocab, asc_error *err);

/* ---- token files (Megatron indexed dataset: PREFIX.bin, PREFIX.idx), memory-mapped ---------------------------- */

typedef struct asc_token_file asc_token_file;
/**
 * Open for reading. The index is checked whole (sizes, pointers, lengths: a lying header is an error, never a read out
 * of range); where PREFIX.sum lies beside, the index is verified now and each 1 MiB block of tokens at its first use.
 * Safe to share between threads. @retval ASC_EINVAL not such a file  @retval ASC_ESTATE damaged
 */
asc_status asc_token_file_open(asc_token_file **out, const char *prefix, asc_error *err);
void asc_token_file_close(asc_token_file *f);
int64_t asc_token_file_tokens(const asc_token_file *f);
const char *asc_token_file_prefix(const asc_token_file *f);
int64_t asc_token_file_documents(const asc_token_file *f);
/** Copy n tokens from position `at` of the concatenated documents. */
asc_status asc_token_file_read(const asc_token_file *f, int64_t at, size_t n, int32_t *out, asc_error *err);

/**
 * Entropy [nats per token] of the frequencies of the first max_tokens (0: all) tokens: what is lost by knowing them and
 * nothing else. Of n tokens of k kinds, with Miller and Madow's (k-1)/2n for those that were not seen.
 * @retval ASC_EINVAL  no tokens, or an id outside the vocabulary of n_vocab
 */
asc_status asc_token_file_entropy(double *nats, const asc_token_file *f, int64_t max_tokens, int n_vocab,
                                  asc_error *err);

/** First position and number of tokens of document d. */
asc_status asc_token_file_document(const asc_token_file *f, int64_t d, int64_t *at, int64_t *n, asc_error *err);
/** Bytes of one token in the file (2: uint16, 4: int32, ...). */
int asc_token_file_width(const asc_token_file *f);

/** Writes PREFIX.bin, PREFIX.idx and PREFIX.sum beside their names; commit renames (.idx last). */
typedef struct asc_token_writer asc_token_writer;
/**
 * Part of a file into PREFIX: n_tokens (at most all) of its documents, taken in the order of their ids' hashes, the
 * last one cut to fit, written in the order of the file. So a smaller part lies within a larger one, but for its last
 * document. Deterministic; holds 24 bytes per document.
 */
asc_status asc_token_file_cut(const asc_token_file *f, int64_t n_tokens, size_t vocab, const char *prefix,
                              asc_error *err);

/** @param vocab ids are below this: uint16 when < 65500, else int32 (Megatron's rule) */
asc_status asc_token_writer_create(asc_token_writer **out, const char *prefix, size_t vocab, asc_error *err);
/** Append one document. */
asc_status asc_token_writer_add(asc_token_writer *w, const int32_t *ids, size_t n, asc_error *err);
asc_status asc_token_writer_commit(asc_token_writer *w, asc_error *err);
/** Drop what was not committed and free. */
void asc_token_writer_free(asc_token_writer *w);

/* ---- preparation: text of all domains -> token files ---------------------------------------------------------- */

/** What was made of one domain or held-out target. */
typedef struct asc_domain_report {
    char *name;
    int64_t n_documents, n_bytes, n_tokens; /**< training part */
    int64_t n_valid_documents, n_valid_bytes, n_valid_tokens;
    int64_t n_duplicates, n_rejected;
    int64_t n_documents_read, n_bytes_read; /**< before deduplication and split, rejected ones not counted */
    double bytes_per_token; /**< of the training part (of the held-out part for a target); NaN: unknown */
    char source[33];        /**< digest of what was read, in its order, and how; "": of an older version */
    char content[33];       /**< of the documents alone, whatever their order: those of two domains add up */
    char held_to[33];       /**< largest content hash of the text that was split off; "": none was */
    int64_t piece_bytes;    /**< documents longer than this were cut to split some off; 0: none was */
    int64_t sample_tokens;  /**< as asc_corpus_domain has it */
    asc_rejected *rejected; /**< the first of them, at most 100 */
    size_t n_rejected_listed;
} asc_domain_report;

/**
 * The files of a domain: as asc_text_discover gives them, but Megatron token files, named as PREFIX, PREFIX.idx,
 * PREFIX.bin, by a glob or a folder, once each as PREFIX.idx. Bare arrays of ids are token files too: NumPy's .npy and
 * llm.c's shards, which say what they are, and any file where dtype says what it holds.
 * @param[out] are_tokens  they are token files, all of them
 * @param dtype  of bare arrays: uint8, uint16, int16, uint32, int32, uint64, int64; NULL: not said
 * @retval ASC_EINVAL  token files and text together, an unknown dtype
 */
asc_status asc_corpus_files(char ***out, size_t *n, bool *are_tokens, char *const *patterns, size_t n_patterns,
                            const char *base_dir, const char *dtype, asc_error *err);
/** The same; skipped (may be NULL) is called with line 0 for what lies there and is passed over: hidden names, FIFOs,
 * links that lead nowhere. */
asc_status asc_corpus_files_told(char ***out, size_t *n, bool *are_tokens, char *const *patterns, size_t n_patterns,
                                 const char *base_dir, const char *dtype, asc_rejected_fn skipped, void *ctx,
                                 asc_error *err);
bool asc_corpus_dtype_known(const char *dtype);
/** Tokens in files that are token files (an unreadable one is an error). */
asc_status asc_corpus_count_tokens(int64_t *n_tokens, char *const *files, size_t n, const char *dtype, asc_error *err);
/**
 * Look at the first file of a domain (and at those behind it, as long as none has given a document): what would stop
 * its preparation is found before anything is prepared. @retval ASC_EINVAL a file that cannot be read, no document in
 * any of the first 100 files if those are all
 */
asc_status asc_corpus_probe(char *const *files, size_t n, bool are_tokens, const char *field, const char *dtype,
                            asc_error *err);
/** Bytes of text in a file, by its size: three times that of a compressed one, of Parquet the column before
 * compression. */
double asc_corpus_guess_bytes(const char *path, const char *field);

typedef struct asc_corpus_domain {
    const char *name, *field; /**< field NULL: "text" */
    const char *dtype;        /**< of bare arrays of token ids, or NULL */
    char *const *train;       /**< globs; n_train = 0: a held-out target only */
    size_t n_train;
    char *const *valid; /**< globs; n_valid = 0: split off train by content hash */
    size_t n_valid;
    int64_t sample_tokens; /**< read about so many, and no more than a quarter beyond; 0: all */
    const char *part_of;   /**< a domain that runs were made with, of whose text this is a part: what was held out of it
                                stays held out; NULL: none */
} asc_corpus_domain;

typedef struct asc_corpus_opts {
    const asc_corpus_domain *domains; /**< training domains first, then held-out targets */
    size_t n_domains;
    const char *base_dir;              /**< relative globs start here */
    const char *tokenizer_path;        /**< NULL: as tokenizer_kind says */
    asc_tokenizer_kind tokenizer_kind; /**< where no path is given */
    int64_t vocab;                     /**< when trained, and of ASC_TOKENIZER_IDS */
    const char *end;                   /**< token that ends a document, or its id; NULL: as the tokenizer says */
    int64_t valid_tokens;              /**< wanted per target, held to 2..10 % of a domain */
    int n_threads;
    const char *out_dir;  /**< tokens/: NAME.train.{bin,idx}, NAME.valid.{bin,idx}, tokenizer.json, report.json */
    const char *kept_for; /**< the folder of runs that were made of what is there, for messages; NULL: there are none */
    asc_progress_fn progress;
    void *progress_ctx;
} asc_corpus_opts;
/**
 * Everything up to token files; resumable by being repeated; report.json carries the reports and bytes per token and is
 * written last. *reports: n_domains of them, in order; free with asc_domain_reports_free.
 *
 * Exact duplicates (SHA-256 of the document) are dropped: a document stays in the first domain that has it; text that
 * equals an explicit `valid` document is never trained on. Held-out text of a domain without `valid` is taken by
 * content hash until valid_tokens are reached, held to 2..10 % of the domain's bytes; documents longer than a twentieth
 * of that (at 4 bytes per token) are first cut at white space into contiguous pieces. The same whatever the order of
 * files and the number of threads. A domain of token files goes the same way document by document (a document of more
 * than ASC_TEXT_MAX_DOCUMENT / 4 tokens is taken as several; those of a bare array end with the tokenizer's
 * end-of-document token): tokens are copied as they are, each checked against the vocabulary of the tokenizer, which
 * must be a loaded one or ASC_TOKENIZER_IDS; text counts 4 bytes per token for the split, its real bytes in the report.
 * A trained tokenizer never sees held-out text; it learns from at most ASC_TEXT_TRAIN_SAMPLE bytes, chosen by content
 * hash. After each document stands the end-of-document token; a tokenizer that has none is an error where text is
 * encoded.
 *
 * With kept_for, what is there stays: the tokenizer, and the token files of every domain that was there, also of one
 * that is named no longer and comes back later. Text of a new domain gives way to all of theirs. A sample stays as
 * large as it was. @retval ASC_EINVAL a domain's text or the tokenizer is another, or a new held-out set has documents
 * that runs were trained on; nothing is written then
 */
#define ASC_TEXT_TRAIN_SAMPLE ((int64_t)256 << 20)
asc_status asc_corpus_prepare(asc_domain_report **reports, const asc_corpus_opts *opts, asc_error *err);
void asc_domain_reports_free(asc_domain_report *r, size_t n);
/** All that report.json of out_dir knows, domains that are named no longer too; none where there is no such file. */
asc_status asc_corpus_reports(asc_domain_report **out, size_t *n, const char *out_dir, asc_error *err);
/** Whether the documents of parts (n, each with its content) are those of whole, in whatever order. */
bool asc_corpus_adds_up(const asc_domain_report *whole, const asc_domain_report *const *parts, size_t n);
/** PREFIX of a domain's token files in out_dir: OUT/NAME.train or OUT/NAME.valid; free with asc_free. */
char *asc_corpus_prefix(const char *out_dir, const char *name, bool valid);

/* ---- the mixture sampler -------------------------------------------------------------------------------------- */

/**
 * A stream of sequences of T+1 tokens holding n_i sequences of domain i, every prefix within one sequence per domain of
 * the mixture; without replacement inside an epoch, reshuffled between epochs. Position is one integer.
 * With phases each holds its own mixture so, and a domain is read on where the phase before it stopped: epochs and caps
 * are those of the whole stream. The first phases of a stream are the stream of those phases alone.
 */
typedef struct asc_sampler asc_sampler;
typedef struct asc_sampler_opts {
    const asc_token_file *const *files; /**< (D) */
    size_t n_domains;
    const int64_t *tokens; /**< (D) wanted tokens of each domain; with phases (K,D), one phase after another */
    int context;           /**< T: a sequence counts T tokens */
    uint64_t seed;
    const double *max_epochs; /**< (D) or NULL: no cap */
    size_t n_phases;          /**< K: the mixture changes along the stream; 0 or 1: it does not */
} asc_sampler_opts;
/** @retval ASC_EINVAL a domain has less than one sequence, or would pass its max_epochs by more than rounding */
asc_status asc_sampler_create(asc_sampler **out, const asc_sampler_opts *opts, asc_error *err);
void asc_sampler_free(asc_sampler *s);
/** Sequences in all. */
int64_t asc_sampler_sequences(const asc_sampler *s);
/** (D) tokens that will really be used: sequences * T. */
void asc_sampler_tokens(const asc_sampler *s, int64_t *out);
/** (D) those of the sequences before the present position. */
void asc_sampler_tokens_so_far(const asc_sampler *s, int64_t *out);
/** Go to sequence `position`; any order; the k-th sequence depends on nothing but the options and k. */
asc_status asc_sampler_seek(asc_sampler *s, int64_t position, asc_error *err);
/** The j-th sequence of a domain that has tokens, whatever the mixture: T+1 ids into out; epoch after epoch, in the
 * order in which the stream takes them. The position is left alone. */
asc_status asc_sampler_read(asc_sampler *s, size_t domain, int64_t j, int32_t *out, asc_error *err);
/** The next sequence: T+1 ids into out, its domain into *domain. */
asc_status asc_sampler_next(asc_sampler *s, int32_t *out, size_t *domain, asc_error *err);

/* ---- speed in this thread's CPU time: for `autoscale bench tokenize|sample` -------------------------------------- */

typedef struct asc_bench_text_opts {
    const char *text;      /**< file, folder or glob; NULL: generated text */
    const char *tokenizer; /**< as asc_tokenizer_load; NULL: byte-level BPE learned from the same text */
    int64_t vocab;         /**< of the one that is learned */
} asc_bench_text_opts;
typedef struct asc_bench_text_result {
    double bytes_per_s; /**< encoding, document by document; passes of at least .5 s, each with a fresh encoder */
    double learn_s;     /**< seconds of learning; NaN where a tokenizer was given */
    int64_t n_bytes;    /**< text */
    char fingerprint[65];
} asc_bench_text_result;
/** All text is held in memory; reading it is not counted. */
asc_status asc_bench_tokenize(asc_bench_text_result *out, const asc_bench_text_opts *opts, asc_error *err);
/** Tokens a second of the sampler on memory-mapped files of a few domains under folder dir (removed afterwards). */
asc_status asc_bench_sample(double *tokens_per_s, const char *dir, asc_error *err);

#endif
