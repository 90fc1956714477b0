/* What the tokenizers share: the vocabulary, the object behind asc_tokenizer, the scanners. */
#ifndef TOKENIZER_H
#define TOKENIZER_H

#include "autoscale/text.h"

/* ---- vocabulary: id <-> bytes ---- */

typedef struct asc__token {
    size_t at;    /* in bytes */
    uint32_t len; /* 0: no token has this id */
} asc__token;

typedef struct asc__vocab {
    char *bytes;
    size_t n_bytes, cap_bytes;
    asc__token *tokens; /* (n) */
    size_t n, cap;      /* largest id + 1 */
    int32_t *slots;     /* hash table of ids, -1 empty; a power of two */
    size_t n_slots, n_set;
} asc__vocab;
void asc__vocab_clear(asc__vocab *v);
/** Id of a token, -1 when it is none. */
int32_t asc__vocab_find(const asc__vocab *v, const char *p, size_t n);
/** Add a token that is not there yet under a free id (1..2^32-1 bytes). */
asc_status asc__vocab_add(asc__vocab *v, const char *p, size_t n, int32_t id, asc_error *err);
/** Id of the token; added under the next free id where it is new. */
asc_status asc__vocab_intern(asc__vocab *v, const char *p, size_t n, int32_t *id, asc_error *err);

/* ---- merges ---- */

typedef struct asc__merge {
    int32_t a, b, made;
} asc__merge;

typedef struct asc__pair_slot {
    uint64_t key; /* a << 32 | b; UINT64_MAX: empty */
    uint32_t rank;
    int32_t made;
} asc__pair_slot;

/** Where a pair's search starts in a table of n slots. */
static inline size_t asc__pair_home(uint64_t key, size_t n)
{
    uint64_t h = key * 0x9e3779b97f4a7c15u;
    return (size_t)(h ^ (h >> 32)) & (n - 1);
}

typedef enum asc__kind { ASC__BPE, ASC__WORDPIECE } asc__kind;

typedef struct asc__special {
    char *name;
    int32_t id;
} asc__special;

struct asc_tokenizer {
    asc__kind kind;
    asc__vocab vocab;
    asc__special *specials;
    size_t n_specials, cap_specials;
    int32_t end_of_document;
    bool special_start[256]; /* first bytes of special tokens */
    /* byte-level BPE */
    bool add_prefix_space, ignore_merges;
    int32_t byte_id[256];
    asc__merge *merges; /* (n_merges) in order of rank */
    size_t n_merges, cap_merges;
    asc__pair_slot *pairs;
    size_t n_pairs; /* slots, a power of two */
    /* WordPiece */
    bool lowercase, strip_accents, clean_text, space_cjk;
    int32_t unknown;
    size_t max_word_chars;
    size_t longest_token; /* bytes */
};

asc_tokenizer *asc__tokenizer_new(asc__kind kind);
asc_status asc__tokenizer_add_special(asc_tokenizer *t, const char *name, int32_t id, asc_error *err);
asc_status asc__tokenizer_add_merge(asc_tokenizer *t, int32_t a, int32_t b, int32_t made, asc_error *err);
/** After vocabulary, merges and specials are in: tables for encoding; `name` stands for the file in errors. */
asc_status asc__tokenizer_seal(asc_tokenizer *t, const char *name, asc_error *err);

/* ---- GPT-2's visible alphabet: every byte as one printable character ---- */

/** The character that stands for a byte. */
uint32_t asc__byte_char(uint8_t byte);
/** Append the visible form of bytes. */
void asc__bytes_to_visible(asc_buf *out, const char *p, size_t n);
/** Append the bytes of a visible form; false when a character stands for no byte. */
bool asc__visible_to_bytes(asc_buf *out, const char *p, size_t n);

/* ---- pre-tokenization ---- */

/**
 * End of the first piece of GPT-2's pattern at p (p < end):
 *   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 * A byte that is no UTF-8 counts as [^\s\p{L}\p{N}]. Depends only on the bytes from p on.
 */
const uint8_t *asc__gpt2_piece(const uint8_t *p, const uint8_t *end);

/* ---- encoders ---- */

struct asc_encoder {
    const asc_tokenizer *t;
    struct asc__word_cache *cache;
    int32_t *ids; /* scratch of one word */
    size_t cap_ids;
    uint32_t *ranks;
    size_t cap_ranks;
    uint64_t *heap;
    size_t cap_heap;
    int32_t *links;
    size_t cap_links;
    asc_buf text; /* with a blank in front, where the tokenizer wants one */
    asc_buf word; /* WordPiece: the word being read, normalised */
};

asc_status asc__bpe_encode(asc_encoder *e, const char *text, size_t n_bytes, int32_t **ids, size_t *n, size_t *cap,
                           asc_error *err);

asc_status asc__wordpiece_encode(asc_encoder *e, const char *text, size_t n_bytes, int32_t **ids, size_t *n,
                                 size_t *cap, asc_error *err);

/** Find [PAD], [UNK], [CLS], [SEP], [MASK] in the vocabulary and make them special tokens. */
asc_status asc__wordpiece_specials(asc_tokenizer *t, asc_error *err);

/* ---- training ---- */

typedef struct asc__word {
    uint64_t hash, count;
    size_t at; /* in the bytes of asc__words */
    uint32_t len;
} asc__word;

/** Different words and how often each came. */
typedef struct asc__words {
    char *bytes;
    size_t n_bytes, cap_bytes;
    asc__word *words;
    size_t n, cap;
    uint32_t *slots; /* index + 1 into words, 0 empty; a power of two */
    size_t n_slots;
} asc__words;
void asc__words_clear(asc__words *w);
asc_status asc__words_add(asc__words *w, const char *p, size_t n, uint64_t count, asc_error *err);
/** Into an order that depends on the words alone; nothing may be added afterwards. */
void asc__words_sort(asc__words *w);

/** A corpus as sequences of symbols, to be merged pair by pair. */
typedef struct asc__merge_text {
    int32_t *symbols;
    size_t *starts;   /* (n_words + 1) */
    uint64_t *counts; /* (n_words) */
    size_t n_words;
} asc__merge_text;
/** What a merge of a and b is called; its id (perhaps one that is there already). */
typedef asc_status (*asc__merge_name_fn)(void *ctx, int32_t a, int32_t b, int32_t *made, asc_error *err);
/**
 * The merge loop of BPE training: the most frequent pair first, ties to the smaller pair of ids, until the vocabulary
 * has `vocab` tokens or no pair is seen min_count times. Destroys text->symbols.
 */
asc_status asc__learn_merges(asc_tokenizer *t, asc__merge_text *text, size_t vocab, uint64_t min_count,
                             asc__merge_name_fn name, void *ctx, asc_error *err);

struct asc_trainer {
    asc__kind kind;
    asc__words words;
    asc_buf scratch;
};
asc_status asc__wordpiece_count(asc_trainer *t, const char *text, size_t n_bytes, asc_error *err);
asc_status asc__wordpiece_train(asc_tokenizer **out, asc_trainer *t, size_t vocab, asc_error *err);

/* ---- files ---- */

asc_status asc__vocab_txt_parse(asc_tokenizer **out, const char *name, const char *text, size_t n, asc_error *err);
asc_status asc__vocab_txt_load(asc_tokenizer **out, const char *path, asc_error *err);
asc_status asc__tokenizer_json_load(asc_tokenizer **out, const char *path, asc_error *err);
asc_status asc__tokenizer_json_parse(asc_tokenizer **out, const char *name, const char *text, size_t n, asc_error *err);
asc_status asc__gpt2_folder_load(asc_tokenizer **out, const char *dir, asc_error *err);

#endif
