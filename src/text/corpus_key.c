/* What a corpus depends on, as two digests: of the files as they lie there, asked before anything is read, and of the
 * documents themselves, where files were only touched or moved. */
#include "corpus.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static void sha_string(asc_sha256 *h, const char *s)
{
    asc_sha256_update(h, s ? s : "", s ? strlen(s) : 0);
    asc_sha256_update(h, "", 1);
}

static void sha_hex(asc_sha256 *h, char *hex)
{
    uint8_t digest[32];
    asc_sha256_final(h, digest);
    asc_hex(hex, digest, sizeof digest);
}

/* Options and the loaded tokenizer; "1" changes whenever the same inputs would give other files. */
static void sha_options(asc_sha256 *h, const asc_corpus_opts *o, const asc_tokenizer *loaded)
{
    char tokenizer[65] = "";
    asc_sha256_init(h);
    sha_string(h, "autoscale corpus 1");
    if (loaded)
        asc_tokenizer_fingerprint(loaded, tokenizer);
    else
        sha_string(h, asc_tokenizer_kind_name(o->tokenizer_kind));
    sha_string(h, tokenizer);
    int64_t numbers[3] = {loaded ? 0 : o->vocab, o->valid_tokens, (int64_t)o->n_domains};
    asc_sha256_update(h, numbers, sizeof numbers);
    for (size_t k = 0; k < o->n_domains; k++)
        sha_string(h, o->domains[k].name);
}

static void sha_source(asc_sha256 *h, const asc__source *s)
{
    sha_string(h, s->domain->name);
    sha_string(h, s->held_out ? "valid" : s->split ? "split" : "train");
    sha_string(h, s->tokens ? "\ntokens" : s->domain->field ? s->domain->field : "text");
    if (s->tokens && s->domain->dtype)
        sha_string(h, s->domain->dtype);
    if (s->domain->sample_tokens > 0 && !s->held_out)
        asc_sha256_update(h, &s->domain->sample_tokens, sizeof s->domain->sample_tokens);
}

static asc_status sha_file(asc_sha256 *h, const char *file, double *newest, asc_error *err)
{
    struct stat sb;
    if (stat(file, &sb) != 0)
        return ASC_FAIL(err, errno == ENOENT ? ASC_EINVAL : ASC_EIO, "%s: cannot stat: %s", file, strerror(errno));
    int64_t facts[3] = {sb.st_size, sb.st_mtim.tv_sec, sb.st_mtim.tv_nsec};
    double when = (double)sb.st_mtim.tv_sec + 1e-9 * (double)sb.st_mtim.tv_nsec;
    sha_string(h, file);
    asc_sha256_update(h, facts, sizeof facts);
    *newest = when > *newest ? when : *newest;
    return ASC_OK;
}

asc_status asc__corpus_files_key(char *hex, double *newest, const asc_corpus_opts *o, const asc_tokenizer *loaded,
                                 const asc__source *sources, size_t n_sources, asc_error *err)
{
    asc_sha256 h;
    sha_options(&h, o, loaded);
    *newest = 0;
    for (size_t i = 0; i < n_sources; i++) {
        sha_source(&h, &sources[i]);
        for (size_t f = 0; f < sources[i].n_files; f++) {
            const char *file = sources[i].files[f];
            ASC_TRY(sha_file(&h, file, newest, err));
            if (!sources[i].tokens || !asc_ends_with(file, ".idx"))
                continue;
            char *bin = asc_strf("%.*s.bin", (int)(strlen(file) - strlen(".idx")), file);
            asc_status st = bin ? sha_file(&h, bin, newest, err) : ASC_NOMEM(err);
            asc_free(bin);
            ASC_TRY(st);
        }
    }
    sha_hex(&h, hex);
    return ASC_OK;
}

void asc__corpus_content_key(char *hex, const asc_corpus_opts *o, const asc_tokenizer *loaded,
                             const asc__source *sources, size_t n_sources)
{
    asc_sha256 h;
    sha_options(&h, o, loaded);
    for (size_t i = 0; i < n_sources; i++) {
        sha_source(&h, &sources[i]);
        for (size_t u = 0; u < sources[i].n_units; u++)
            asc_sha256_update(&h, sources[i].units[u].hash, ASC__HASH_BYTES);
    }
    sha_hex(&h, hex);
}
