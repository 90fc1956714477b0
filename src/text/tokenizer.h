/* What the tokenizers share: the vocabulary, the object behind asc_tokenizer, the scanners. */
#ifndef TOKENIZER_H
#define TOKENIZER_H

#include "base/base_json.h"
#include "text/text.h"
#include "trie.h"

struct asc__pattern;
struct asc__regex;

/* ---- vocabulary: id <-> bytes ---- */

typedef struct asc__token {
    size_t at;    /* in bytes */
    uint32_t len; /* 0: no token has this id */
} asc__token;

/** Hash tables begin with so many slots; a power of two. */
#ifdef ASC_FUZZ
enum { ASC__LEAST_SLOTS = 8 };
#else
enum { ASC__LEAST_SLOTS = 1024 };
#endif

typedef struct asc__vocab {
    char *bytes;
    size_t n_bytes, cap_bytes;
    asc__token *tokens; /* (n) */
    size_t n, cap;      /* largest id + 1 */
    int32_t *slots;     /* hash table of ids, -1 empty; a power of two */
    size_t n_slots, n_set;
} asc__vocab;
/** Id of a token, -1 when it is none. */
int32_t asc__vocab_find(const asc__vocab *v, const char *p, size_t n);
/** Add a token that is not there yet under a free id (1..2^32-1 bytes). */
asc_status asc__vocab_add(asc__vocab *v, const char *p, size_t n, int32_t id, asc_error *err);
/** Id of the token; added under the next free id where it is new. */
asc_status asc__vocab_intern(asc__vocab *v, const char *p, size_t n, int32_t *id, asc_error *err);
/** As asc__vocab_add, but the token may have another id already, which stays its own: now found under `id`. */
asc_status asc__vocab_put(asc__vocab *v, const char *p, size_t n, int32_t id, asc_error *err);
/** An id that no text gives: an empty token. */
asc_status asc__vocab_reserve(asc__vocab *v, int32_t id, asc_error *err);

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

typedef enum asc__kind { ASC__BPE, ASC__WORDPIECE, ASC__UNIGRAM, ASC__WORDLEVEL, ASC__IDS } asc__kind;

/* ---- tokens that are found in text before anything else ---- */

typedef struct asc__added {
    char *name; /* as the file has it */
    size_t n_bytes;
    int32_t id;
    bool special, normalized, lstrip, rstrip, single_word;
} asc__added;

/** Finds the first, among these the longest of its keys. */
typedef struct asc__finder {
    asc__trie trie;
    uint64_t pairs[65536 / 64]; /* first two bytes of a key */
    bool starts[256];           /* its first byte */
    size_t n_keys;
} asc__finder;
/** Keys are sorted in place; *out stays NULL where there are none. */
asc_status asc__finder_create(asc__finder **out, asc__trie_key *keys, size_t n, asc_error *err);
void asc__finder_free(asc__finder *f);
/** Length of the longest key at p, 0: none. */
size_t asc__finder_longest(const asc__trie *trie, const char *p, const char *end, int32_t *value);

/* ---- normalizers: text to text ---- */

typedef enum asc__normal_kind {
    ASC__NORMAL_BERT,
    ASC__NORMAL_STRIP,
    ASC__NORMAL_STRIP_ACCENTS,
    ASC__NORMAL_FORM,
    ASC__NORMAL_LOWERCASE,
    ASC__NORMAL_NMT,
    ASC__NORMAL_PRECOMPILED,
    ASC__NORMAL_REPLACE,
    ASC__NORMAL_PREPEND,
    ASC__NORMAL_BYTE_LEVEL,
    ASC__NORMAL_SENTENCEPIECE
} asc__normal_kind;

/** A text that is looked for: literally, by a pattern of ours or by Oniguruma. */
typedef struct asc__search {
    char *literal; /* NULL: an expression */
    size_t n_literal;
    struct asc__pattern *pattern; /* NULL: regex */
    struct asc__regex *regex;
    bool gpt2;        /* GPT-2's own pattern */
    char *expression; /* as it was written */
} asc__search;
void asc__search_clear(asc__search *s);
asc_status asc__search_init(asc__search *s, const char *text, size_t n, bool expression, asc_error *err);
/** The next match in p..end from *from on (p first); *last_end NULL at first: where the last match ended. */
asc_status asc__search_next(const asc__search *s, const uint8_t *p, const uint8_t *end, const uint8_t **at,
                            const uint8_t **last_end, bool *found, const uint8_t **from, const uint8_t **to,
                            asc_error *err);

/** SentencePiece's map of characters: a double array over UTF-8 and the texts that it points to. */
typedef struct asc__charsmap {
    uint32_t *units;
    size_t n_units;
    char *texts;
    size_t n_texts; /* ends with a 0 */
} asc__charsmap;
void asc__charsmap_clear(asc__charsmap *m);
asc_status asc__charsmap_read(asc__charsmap *m, const uint8_t *p, size_t n, asc_error *err);

typedef struct asc__normalizer {
    asc__normal_kind kind;
    bool clean, chinese, accents, lower;        /* BERT: what it does */
    bool left, right;                           /* STRIP */
    bool compose, compatibility;                /* FORM */
    bool squeeze, dummy_prefix, escape, suffix; /* SENTENCEPIECE */
    asc__search search;                         /* REPLACE */
    char *text;                                 /* REPLACE: by this; PREPEND */
    size_t n_text;
    asc__charsmap map;  /* PRECOMPILED, SENTENCEPIECE */
    asc__finder *fixed; /* SENTENCEPIECE: symbols that stay as they are */
} asc__normalizer;
void asc__normalizer_clear(asc__normalizer *k);
/** Run all normalizers; *p, *n: text before and after. *first: it begins where the document does. */
asc_status asc__normalize(asc_encoder *e, const uint8_t **p, size_t *n, bool *first, asc_error *err);
/** One of them, on text of p..p+n. */
asc_status asc__normalize_one(const asc__normalizer *k, const uint8_t *p, size_t n, asc_buf *out, bool *first,
                              asc_error *err);
void asc__put_char(asc_buf *out, uint32_t c);
/** NFD, NFC, NFKD or NFKC of text. */
asc_status asc__normal_form(asc_buf *out, const uint8_t *p, size_t n, bool compose, bool compatibility, asc_error *err);
bool asc__is_normal_form(const uint8_t *p, size_t n, bool compose, bool compatibility);
void asc__precompiled(const asc__charsmap *m, const uint8_t *p, size_t n, asc_buf *out);
void asc__sentencepiece_normalize(const asc__normalizer *k, const uint8_t *p, size_t n, asc_buf *out);

/* ---- pre-tokenizers: text to pieces ---- */

typedef enum asc__pre_kind {
    ASC__PRE_SPLIT,
    ASC__PRE_DIGITS,
    ASC__PRE_PUNCTUATION,
    ASC__PRE_WHITESPACE,
    ASC__PRE_WHITESPACE_SPLIT,
    ASC__PRE_METASPACE,
    ASC__PRE_SCRIPTS,
    ASC__PRE_DELIMITER,
    ASC__PRE_BERT,
    ASC__PRE_FIXED_LENGTH,
    ASC__PRE_PREFIX_SPACE, /* ByteLevel's blank in front */
    ASC__PRE_VISIBLE       /* ByteLevel's alphabet, where a model sees it */
} asc__pre_kind;

typedef enum asc__behaviour {
    ASC__REMOVED,
    ASC__ISOLATED,
    ASC__MERGED_WITH_PREVIOUS,
    ASC__MERGED_WITH_NEXT,
    ASC__CONTIGUOUS
} asc__behaviour;

typedef struct asc__pre {
    asc__pre_kind kind;
    asc__behaviour behaviour;
    bool invert;        /* SPLIT */
    bool split;         /* METASPACE: cut at the replacement */
    bool always, first; /* METASPACE: when it is put in front */
    uint32_t c;         /* METASPACE's replacement, DELIMITER */
    size_t length;      /* FIXED_LENGTH */
    asc__search search; /* SPLIT */
} asc__pre;
void asc__pre_clear(asc__pre *k);

/** A stretch of text on its way to the model. */
typedef struct asc__piece {
    const uint8_t *p;
    size_t n;
    const uint8_t *limit; /* what may be read ends here */
    bool first;           /* begins where the document does */
} asc__piece;

struct asc_tokenizer {
    asc__kind kind;
    asc__vocab vocab;  /* what the model matches: bytes (byte_level), or the file's strings */
    asc__vocab hidden; /* byte_level: strings of the file that stand for no bytes, so that no text gives them */
    asc__vocab texts;  /* what the model's strings stand for, where that is something else; empty: nothing is */
    asc__added *added; /* (n_added) in the file's order */
    size_t n_added, cap_added;
    asc__finder *raw, *normal; /* found before and after normalization; values are indices into added; NULL: none */
    int32_t *added_of;         /* (n_ids) index into added of an id, -1 */
    size_t n_ids;              /* largest id + 1 */
    int32_t end_of_document;
    char *end_from;  /* where it is named, in words; NULL: nowhere */
    bool end_chosen; /* not by the file itself: to be written into it */
    char *source;    /* the tokenizer.json that it was read from, NULL: made here */
    size_t n_source;
    uint8_t way[32]; /* hash of all that the file says beside vocabulary and merges */
    bool classic;    /* GPT-2's or BERT's whole way, which has an encoder of its own */

    asc__normalizer *normalizers;
    size_t n_normalizers;
    asc__pre *pre;
    size_t n_pre;
    bool streams; /* all of pre cut at patterns and keep every part */

    /* BPE */
    bool byte_level; /* the vocabulary is of bytes, not of the visible alphabet */
    bool add_prefix_space, ignore_merges, byte_fallback, fuse_unknown;
    char *inside, *suffix; /* continuing_subword_prefix, end_of_word_suffix; NULL: none */
    bool cut_at_marker;    /* text may be cut before U+2581, save after a byte of joins: no token goes over it */
    bool joins[256];
    bool whole_bytes;     /* byte_level: every byte has a token */
    int32_t byte_id[256]; /* byte_level: of the byte; else of <0xNN>; -1: none */
    int32_t char_id[128]; /* of an ASCII character */
    asc__merge *merges;   /* (n_merges) in order of rank */
    size_t n_merges, cap_merges;
    asc__pair_slot *pairs;
    size_t n_pairs; /* slots, a power of two */

    /* Unigram */
    double *scores; /* (n_scores) */
    size_t n_scores;
    double unknown_score;
    asc__trie trie;
    asc__trie fixed;   /* SentencePiece: symbols that are never cut, their ids */
    bool single;       /* SentencePiece: sums of scores are kept as float */
    bool *user;        /* (n_scores) SentencePiece: such a symbol; NULL: none */
    double best_score; /* of the others */

    /* WordPiece, WordLevel, Unigram, BPE */
    int32_t unknown; /* -1: none */
    bool lowercase, strip_accents, clean_text, space_cjk;
    size_t max_word_chars;
    size_t longest_token; /* bytes */
};

asc_tokenizer *asc__tokenizer_new(asc__kind kind);
/** A special token as a learnt tokenizer or a list of words has it. */
asc_status asc__tokenizer_add_special(asc_tokenizer *t, const char *name, int32_t id, asc_error *err);
asc_status asc__tokenizer_add_added(asc_tokenizer *t, asc__added one, asc_error *err);
/** Id of a token by the string that its file has: an added one, else the model's; -1: none. */
int32_t asc__tokenizer_find(const asc_tokenizer *t, const char *name, size_t n);
int32_t asc__tokenizer_find_model(const asc_tokenizer *t, const char *name, size_t n);
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
 * A byte that is not UTF-8 counts as [^\s\p{L}\p{N}]. Depends only on the bytes from p on.
 */
const uint8_t *asc__gpt2_piece(const uint8_t *p, const uint8_t *end);

/* ---- encoders ---- */

/** Where ids go. */
typedef struct asc__sink {
    int32_t **ids;
    size_t *n, *cap;
} asc__sink;
static inline asc_status asc__sink_reserve(asc__sink *s, size_t more, asc_error *err)
{
    if (*s->cap - *s->n >= more && *s->ids)
        return ASC_OK;
    int32_t *grown = asc_grow(*s->ids, s->cap, *s->n + more, sizeof *grown);
    if (!grown)
        return ASC_NOMEM(err);
    *s->ids = grown;
    return ASC_OK;
}

/** Unigram: the best way to a place in the text. */
typedef struct asc__step {
    double score;
    size_t from;
    int32_t id;
} asc__step;

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
    asc_buf text;      /* with a blank in front, where the tokenizer wants one */
    asc_buf word;      /* WordPiece: the word being read, normalised */
    asc_buf normal[2]; /* between normalizers */
    asc_buf *levels;   /* (n_pre) text that a pre-tokenizer has changed */
    asc_buf clean;     /* text without what is not UTF-8 */
    asc__step *steps;
    size_t cap_steps;
    asc_buf key; /* BPE: a character with what its file puts around it */
};

asc_status asc__bpe_encode(asc_encoder *e, const char *text, size_t n_bytes, asc__sink *out, asc_error *err);
/** Ids of a word by each model, of any length; nothing is remembered. */
asc_status asc__bpe_word(asc_encoder *e, const uint8_t *p, size_t n, asc__sink *out, asc_error *err);
asc_status asc__unigram_word(asc_encoder *e, const uint8_t *p, size_t n, asc__sink *out, asc_error *err);
asc_status asc__wordpiece_word(asc_encoder *e, const uint8_t *p, size_t n, asc__sink *out, asc_error *err);
/** Ids of a piece, short ones through the memory of words. */
asc_status asc__model_word(asc_encoder *e, asc__piece piece, asc__sink *out, asc_error *err);
/** All pre-tokenizers and the model on normalized text. */
asc_status asc__pre_tokenize(asc_encoder *e, asc__piece text, asc__sink *out, asc_error *err);
/** Text with its added tokens, whatever the way. */
asc_status asc__encode_text(asc_encoder *e, const char *text, size_t n, asc__sink *out, asc_error *err);
/** Finders for the added tokens, after the normalizers are known. */
asc_status asc__added_seal(asc_tokenizer *t, asc_error *err);
asc_status asc__unigram_seal(asc_tokenizer *t, asc_error *err);
asc_status asc__bpe_seal(asc_tokenizer *t, asc_error *err);

asc_status asc__wordpiece_encode(asc_encoder *e, const char *text, size_t n_bytes, asc__sink *out, asc_error *err);

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

struct asc_tokenizer_learner {
    asc__kind kind;
    asc__words words;
    asc_buf scratch;
};
asc_status asc__wordpiece_count(asc_tokenizer_learner *t, const char *text, size_t n_bytes, asc_error *err);
asc_status asc__wordpiece_train(asc_tokenizer **out, asc_tokenizer_learner *t, size_t vocab, asc_error *err);

/* ---- files ---- */

asc_status asc__vocab_txt_parse(asc_tokenizer **out, const char *name, const char *text, size_t n, asc_error *err);
asc_status asc__vocab_txt_load(asc_tokenizer **out, const char *path, asc_error *err);
/** Of the file at path with this text; what is beside it counts too. */
asc_status asc__tokenizer_json_load(asc_tokenizer **out, const char *path, const char *text, size_t n, asc_error *err);
asc_status asc__tokenizer_json_parse(asc_tokenizer **out, const char *name, const char *text, size_t n, asc_error *err);
asc_status asc__gpt2_folder_load(asc_tokenizer **out, const char *dir, asc_error *err);
/** A list of tokens in base64 and their ranks, as tiktoken's; `name` tells the pattern where it is a known one. */
asc_status asc__tiktoken_parse(asc_tokenizer **out, const char *name, const char *text, size_t n, asc_error *err);
/** Every cut of a token into two tokens as a merge, tokens in `order` (n ids; NULL: by id), left parts first. */
asc_status asc__merges_of_vocab(asc_tokenizer *t, const int32_t *order, size_t n, asc_error *err);
/** Whether merges may make or take a token: not the control tokens of SentencePiece. */
bool asc__may_merge(const asc_tokenizer *t, int32_t id);
/** The tokenizer that the tokenizer.json of `made` gives. */
asc_status asc__tokenizer_through_json(asc_tokenizer **out, const char *name, const asc_tokenizer *made,
                                       asc_error *err);
/** Model, normalizer and end of document from the bytes of a tokenizer.model, into a new Unigram or BPE. */
asc_status asc__sentencepiece_read(asc_tokenizer **out, const char *name, const uint8_t *p, size_t n, asc_error *err);
/** SentencePiece's tokenizer.model: Unigram or BPE. */
asc_status asc__sentencepiece_parse(asc_tokenizer **out, const char *name, const char *p, size_t n, asc_error *err);
/** Name the token that ends a document, unless it is: by a tokenizer_config.json in `dir` (NULL: none), the file's
 * post-processor (root; NULL: none), or its usual names. */
asc_status asc__find_end(asc_tokenizer *t, const char *name, const char *dir, const json_t *root, asc_error *err);

#endif
