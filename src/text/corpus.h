/* Inside of corpus preparation: sources, passes over their documents, the split, the report. */
#ifndef CORPUS_H
#define CORPUS_H

#include "base/base_json.h"
#include "text/text.h"
#include "token_array.h"

enum { ASC__HASH_BYTES = 16 }; /* of SHA-256: no two of 2^40 documents are expected to share them */

typedef enum asc__unit_state {
    ASC__UNIT_TRAIN,
    ASC__UNIT_DROPPED,   /* a duplicate, or equal to held-out text */
    ASC__UNIT_CANDIDATE, /* among the first in hash order: held out or not is decided by its tokens */
    ASC__UNIT_HELD
} asc__unit_state;

/** A document or, of a long one, a contiguous piece. All that is kept of the text between passes: 24 bytes. */
typedef struct asc__unit {
    uint8_t hash[ASC__HASH_BYTES];
    uint32_t n_bytes;
    uint8_t state;
    bool first; /**< starts a document */
    uint8_t pad[2];
} asc__unit;

/** A part of a file that is read: all of it unless the text is sampled. */
typedef struct asc__segment {
    size_t file;        /**< index among the source's */
    bool first;         /**< of that file */
    int64_t start, end; /**< bytes; lines that begin in [start, end) */
    int64_t bytes;      /**< of the file's first: those of all its segments; where it can only be read from its
                             beginning, so much is, and the others are passed over. 0: all */
} asc__segment;

/** The files of one domain's training or held-out text. */
typedef struct asc__source {
    const asc_corpus_domain *domain;
    asc_domain_report *report;
    bool held_out; /**< an explicit `valid` */
    bool split;    /**< train without an explicit `valid`: held-out text is split off */
    bool kept;     /**< its token files are there already, and stay */
    char **files;
    size_t n_files;
    asc__segment *segments; /**< (n_segments) in the order in which they are read */
    size_t n_segments, cap_segments;
    bool tokens;      /**< files are token files: a document's "text" is its ids, four bytes each */
    int32_t end;      /**< of bare arrays: the id that ends a document, -1: none */
    asc__unit *units; /**< (n_units) in the order of files and lines */
    size_t n_units, cap_units;
    size_t n_documents;
    int64_t n_bytes;      /**< of documents that are no duplicates */
    size_t piece_bytes;   /**< documents longer than this are cut; 0: none is */
    int64_t *unit_tokens; /**< (n_units) tokens of candidates, or NULL */
} asc__source;

/** A set of content hashes. */
typedef struct asc__hash_set {
    uint8_t *slots; /* (n_slots, ASC__HASH_BYTES); all zero: empty */
    size_t n_slots, n;
} asc__hash_set;
void asc__hash_set_clear(asc__hash_set *s);
bool asc__hash_set_has(const asc__hash_set *s, const uint8_t *hash);
/** *fresh = false where it was in the set. */
asc_status asc__hash_set_add(asc__hash_set *s, const uint8_t *hash, bool *fresh, asc_error *err);
void asc__content_hash(uint8_t *out, const char *text, size_t n);

/* ---- passes: read once, work on documents in parallel, take results in order ---- */

typedef struct asc__item {
    const char *text;
    size_t n_bytes;
    size_t document;   /* number in the source */
    size_t first_unit; /* its units are known after the first pass */
    size_t n_units;
    int32_t *ids; /* what work made of it: ids of all parts, */
    size_t n_ids, cap_ids;
    asc_buf out; /* and anything else */
    asc_status status;
    asc_error err;
} asc__item;

typedef struct asc__pass {
    asc__source *source;
    int n_threads;
    asc_rejected_fn rejected; /* NULL in later passes: lines are rejected, and reported, once */
    void *rejected_ctx;
    bool (*wanted)(const asc__source *s, const asc__item *item);    /* NULL: every document; text not there yet */
    asc_status (*work)(void *ctx, asc__item *item, asc_error *err); /* any thread, any order */
    asc_status (*take)(void *ctx, asc__item *item, asc_error *err); /* this thread, in order */
    void *ctx;
    const char *what; /* for progress */
    asc_progress_fn progress;
    void *progress_ctx;
} asc__pass;
/** first: units are being made, not looked up. */
asc_status asc__pass_run(const asc__pass *p, bool first, asc_error *err);

/* ---- cutting and holding out ---- */

enum { ASC__NOMINAL_BYTES_PER_TOKEN = 4, ASC__PIECES_IN_VALID = 20, ASC__LEAST_PIECE = 64 };
/* Shares of a domain's bytes, a little inside 2 and 10 % so that the share of tokens is inside too. */
#define ASC__VALID_LEAST .022
#define ASC__VALID_MOST .095

/* ---- what a corpus depends on (corpus_key.c) ---- */

/** Digest of options, tokenizer (loaded: NULL where one is learnt) and the files' names, sizes and times; *newest is
 * the latest time [s]. hex: at least 65 bytes. */
asc_status asc__corpus_files_key(char *hex, double *newest, const asc_corpus_opts *o, const asc_tokenizer *loaded,
                                 const asc__source *sources, size_t n_sources, asc_error *err);
/** The same of the documents' own hashes in the place of their files. */
void asc__corpus_content_key(char *hex, const asc_corpus_opts *o, const asc_tokenizer *loaded,
                             const asc__source *sources, size_t n_sources);

/* ---- sampling (corpus_sample.c) ---- */

/** The source's segments, by the sample that its domain asks for. */
asc_status asc__sample_choose(asc__source *s, asc_error *err);

/* ---- token files as sources (corpus_tokens.c) ---- */

/** Documents of one token file, as a reader of text gives them. */
typedef struct asc__token_reader {
    asc_token_file *file;      /* of Megatron, or */
    asc__token_array *array;   /* a bare array, whose documents end with */
    int32_t end_id;            /* this id */
    int64_t document, at, end; /* next document; what is left of the one before, [at, end) */
    int32_t *ids;
    size_t cap_ids;
} asc__token_reader;
/** @param path PREFIX.idx, or a bare array @param dtype of an array that does not say it, or NULL */
asc_status asc__token_reader_open(asc__token_reader *r, const char *path, const char *dtype, int32_t end_id,
                                  asc_error *err);
bool asc__token_reader_is_open(const asc__token_reader *r);
/** Empty documents are passed over. */
asc_status asc__token_reader_next(asc__token_reader *r, asc_document *doc, bool *more, asc_error *err);
void asc__token_reader_close(asc__token_reader *r);
/** Bytes of text that ids stand for, none for the end of a document. @retval ASC_EINVAL an id outside the vocabulary:
 * which, of which document */
asc_status asc__token_bytes(int64_t *n_bytes, const asc_tokenizer *t, const asc__item *item, const char *domain,
                            asc_error *err);

/** Ends of the pieces of a text, each at white space where there is some near, never inside a character; how many. */
size_t asc__cut(const char *text, size_t n, size_t piece_bytes, size_t *ends, size_t max_ends);
/** The same of ids: after whole ones. */
size_t asc__cut_ids(size_t n_bytes, size_t piece_bytes, size_t *ends, size_t max_ends);
size_t asc__n_pieces(size_t n, size_t piece_bytes);
/** Bytes of held-out text wanted of a domain, at the nominal bytes per token. */
int64_t asc__valid_bytes(int64_t n_bytes, int64_t valid_tokens);
/** Mark candidates in hash order. @retval ASC_EINVAL the domain is too small */
asc_status asc__mark_candidates(asc__source *s, int64_t valid_tokens, asc_error *err);
/** Candidates become held-out until valid_tokens are reached, the others training text again. */
asc_status asc__hold_out(asc__source *s, int64_t valid_tokens, asc_error *err);

/** Its report's held_to: every unit of that hash or a smaller one is held out, and no other. */
void asc__note_held(asc__source *s);

/* ---- the report ---- */

asc_status asc__report_reject(asc_domain_report *r, const char *file, int64_t line, const char *why, asc_error *err);
/** report.json; header is taken over (its reference too); gone (n_gone): what was there and is named no longer. */
asc_status asc__report_write(const char *path, json_t *header, const asc_domain_report *r, size_t n,
                             const asc_domain_report *gone, size_t n_gone, asc_error *err);
/** The reports of n domains from a loaded report.json. */
asc_status asc__report_read(asc_domain_report **out, const json_t *root, const char *path, size_t n, asc_error *err);
/** The same of all that it lists, gone ones last. */
asc_status asc__report_read_all(asc_domain_report **out, size_t *n, const json_t *root, const char *path,
                                asc_error *err);

/* ---- duplicates (corpus_duplicates.c) ---- */

/** The state of every unit of the sources (n): kept ones first, each held-out set apart, then in their order. @retval
 * ASC_EINVAL a domain has nothing of its own */
asc_status asc__drop_duplicates(asc__source *sources, size_t n, asc_error *err);
/** After the split: pieces that equal a document held out elsewhere are dropped; *held: all that is held out. */
asc_status asc__hold_apart(asc__hash_set *held, asc__source *sources, size_t n, asc_error *err);

/* ---- what is there already (corpus_there.c) ---- */

/** Whether the token files of a domain are there and whole. */
bool asc__corpus_holds(const char *out_dir, const asc_corpus_domain *d, const asc_domain_report *r);
/** The reports of an earlier call (root, of report.json at path), if its files are there and whole. */
bool asc__corpus_finished(asc_domain_report **out, const asc_corpus_opts *o, const json_t *root, const char *path);
/** Parts that a killed process left, of processes that are gone. */
void asc__remove_leftovers(const char *dir);

/* ---- what stays (corpus_kept.c) ---- */

/** What an earlier call made that runs were made of. */
typedef struct asc__kept {
    const char *runs;       /**< their folder; NULL: nothing is kept */
    size_t n_was;           /**< 0: nothing was there */
    asc_domain_report *was; /**< (n_was) by name */
    asc__hash_set clash;    /**< content that is newly held out and that runs were trained on */
} asc__kept;
/** root: of report.json, NULL: there is none. k->runs set before; to be cleared whatever happens. */
asc_status asc__kept_read(asc__kept *k, const json_t *root, const char *path, asc_error *err);
void asc__kept_clear(asc__kept *k);
/** Whether runs were made of something that was there. */
bool asc__keeps(const asc__kept *k);
/** NULL: none of that name. */
const asc_domain_report *asc__kept_named(const asc__kept *k, const char *name);
/** What was read of a domain into its report: source, content; all its sources (n) before any is cut. */
void asc__mark_sources(asc_domain_report *r, const asc__source *sources, size_t n);
/** Whether what the report says of its domain is what was there; source->kept of its sources (n) then. @retval
 * ASC_EINVAL it was there with other text */
asc_status asc__kept_compare(const asc__kept *k, const asc_domain_report *r, asc__source *sources, size_t n,
                             asc_error *err);
/** Whether the sources (n) of this report stay. */
bool asc__is_kept(const asc_domain_report *r, const asc__source *sources, size_t n);
/** Before anything is cut: @retval ASC_EINVAL a held-out set that was given anew has documents of kept training text.
 */
asc_status asc__kept_documents(const asc__kept *k, const asc__source *sources, size_t n, asc_error *err);
/** After the split: text newly held out that runs were trained on is held out no more, or (of an explicit set)
 * @retval ASC_EINVAL refused. */
asc_status asc__kept_apart(asc__kept *k, asc__source *sources, size_t n, asc_error *err);
/** The reports of kept domains as they were; *gone (asc_free, shallow) the others that were there. */
asc_status asc__kept_reports(asc_domain_report **gone, size_t *n_gone, asc__kept *k, asc_domain_report *r, size_t n,
                             const asc__source *sources, size_t n_sources, asc_error *err);
/** Of a part of a domain that was split: its text is cut and held out as that was. */
void asc__hold_out_as(asc__source *s, const asc_domain_report *whole);

#endif
