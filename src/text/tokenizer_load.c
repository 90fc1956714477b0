/* A tokenizer by its path: what the file or folder holds decides, not its name alone. */
#include "tokenizer.h"

#include <string.h>
#include <sys/stat.h>

enum { MAX_FILE = 1 << 28 };

/* A line of base64, a blank, a number. */
static bool looks_like_ranks(const char *p, size_t n)
{
    size_t i = 0;
    while (i < n && i < 4000 && ((p[i] | 32) >= 'a' || (p[i] >= '/' && p[i] <= '9') || p[i] == '+' || p[i] == '=') &&
           (p[i] & 0x80) == 0)
        i++;
    return i > 0 && i + 1 < n && p[i] == ' ' && p[i + 1] >= '0' && p[i + 1] <= '9';
}

/* A SentencePiece model begins with its first piece: field 1, its length, and in it field 1, the piece's length. */
static bool looks_like_sentencepiece(const char *p, size_t n)
{
    return n > 4 && p[0] == 0x0a && (p[2] == 0x0a || p[3] == 0x0a);
}

static asc_status parse_other(asc_tokenizer **out, const char *path, const char *text, size_t n, asc_error *err)
{
    char *dir = asc_path_dir(path);
    if (!dir)
        return ASC_NOMEM(err);
    asc_status st = looks_like_ranks(text, n) ? asc__tiktoken_parse(out, path, text, n, err)
                                              : asc__sentencepiece_parse(out, path, text, n, err);
    if (st == ASC_OK && (st = asc__find_end(*out, path, dir, NULL, err)) != ASC_OK) {
        asc_tokenizer_free(*out);
        *out = NULL;
    }
    asc_free(dir);
    return st;
}

/* Names of lists of ranks and of models, for what their first bytes do not tell: a damaged one. */
static bool named_other(const char *path)
{
    return asc_ends_with(path, ".tiktoken") || asc_ends_with(path, ".model") || asc_ends_with(path, ".bpe");
}

static asc_status load_file(asc_tokenizer **out, const char *path, asc_error *err)
{
    char *text = NULL;
    size_t n = 0;
    if (asc_ends_with(path, ".txt"))
        return asc__vocab_txt_load(out, path, err);
    ASC_TRY(asc_read_file(path, MAX_FILE, &text, &n, err));
    bool other = named_other(path) || looks_like_ranks(text, n) || looks_like_sentencepiece(text, n);
    asc_status st = other ? parse_other(out, path, text, n, err) : asc__tokenizer_json_load(out, path, text, n, err);
    asc_free(text);
    return st;
}

/* Files of a folder by which it holds a tokenizer, the first there counts; the second and third stand for both of
 * theirs. */
static const char *const names[] = {
    "tokenizer.json",          "encoder.json", "merges.txt", "vocab.txt", "tokenizer.model", "spiece.model",
    "sentencepiece.bpe.model", "tekken.json"};

bool asc_tokenizer_there(const char *path)
{
    struct stat sb;
    bool found = stat(path, &sb) == 0 && S_ISREG(sb.st_mode);
    for (size_t i = 0; !found && i <= sizeof names / sizeof *names; i++) {
        char *file = asc_path_join(path, i < sizeof names / sizeof *names ? names[i] : "vocab.json");
        found = file && asc_path_exists(file);
        asc_free(file);
    }
    return found;
}

asc_status asc_tokenizer_load(asc_tokenizer **out, const char *path, asc_error *err)
{
    asc_tokenizer *t = NULL;
    if (!asc_path_is_dir(path)) {
        ASC_TRY(load_file(&t, path, err));
        *out = t;
        return ASC_OK;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *file = asc_path_join(path, names[i]);
        if (!file)
            return ASC_NOMEM(err);
        bool there = asc_path_exists(file), folder = i == 1 || i == 2;
        asc_status st = ASC_OK;
        if (there)
            st = folder ? asc__gpt2_folder_load(&t, path, err) : load_file(&t, file, err);
        asc_free(file);
        if (there && st == ASC_OK)
            *out = t;
        if (there)
            return st;
    }
    return ASC_FAIL(
        err, ASC_EINVAL,
        "%s: expected tokenizer.json, tokenizer.model, tekken.json, encoder.json and vocab.bpe, or vocab.txt in it",
        path);
}
