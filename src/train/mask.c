#include "mask.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static const double HIDDEN = ASC_HIDDEN_SHARE, AS_MASK = .8, AS_RANDOM = .1;

/* ---- life ---- */

static asc_status find_specials(masker *k, const asc_tokenizer *t, const char *path, asc_error *err)
{
    static const char *const names[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
    for (int i = 0; i < 5; i++) {
        k->special[i] = asc_tokenizer_special(t, names[i]);
        if (i >= 2 && k->special[i] < 0)
            return ASC_FAIL(err, ASC_EINVAL, "%s: no token %s, which masked language modelling needs", path, names[i]);
    }
    k->cls = k->special[2];
    k->sep = k->special[3];
    k->mask = k->special[4];
    for (int i = 2; i < 5; i++)
        if (k->special[i] >= k->vocab)
            return ASC_FAIL(err, ASC_EINVAL, "%s: token %s is %d, but the model's vocabulary has %d", path, names[i],
                            k->special[i], k->vocab);
    return ASC_OK;
}

asc_status asc__masker_init(masker *k, const char *tokenizer, const asc_model_spec *spec, int micro_batch,
                            asc_error *err)
{
    masker m = {.vocab = spec->vocab};
    asc_tokenizer *t = NULL;
    if (!tokenizer)
        return ASC_FAIL(err, ASC_EINVAL, "bert needs its tokenizer, for the mask tokens");
    if (spec->context < 4)
        return ASC_FAIL(err, ASC_EINVAL, "bert needs a context of at least 4 tokens, found %d", spec->context);
    ASC_TRY(asc_tokenizer_load(&t, tokenizer, err));
    asc_status s = find_specials(&m, t, tokenizer, err);
    asc_tokenizer_free(t);
    ASC_TRY(s);
    m.targets = asc_malloc((size_t)micro_batch * (size_t)spec->context * sizeof *m.targets);
    if (!m.targets)
        return ASC_NOMEM(err);
    *k = m;
    return ASC_OK;
}

void asc__masker_clear(masker *k)
{
    asc_free(k->targets);
    *k = (masker){0};
}

/* ---- masks ---- */

int asc__mask_count(int n_content)
{
    int n = (int)lround(HIDDEN * n_content);
    return n > 1 ? n : 1;
}

static bool is_special(const masker *k, int32_t id)
{
    for (int i = 0; i < 5; i++) {
        if (id == k->special[i])
            return true;
    }
    return false;
}

static int32_t in_place_of(const masker *k, int32_t id, asc_rng *rng)
{
    double u = asc_rng_double(rng);
    if (u < AS_MASK)
        return k->mask;
    return u < AS_MASK + AS_RANDOM ? (int32_t)asc_rng_below(rng, (uint64_t)k->vocab) : id;
}

int asc__mask_row(const masker *k, int32_t *row, int32_t *targets, int n_content, uint64_t seed, const char *name,
                  uint64_t index)
{
    asc_rng rng;
    asc_rng_init(&rng, seed, name, index);
    memmove(row + 1, row, (size_t)n_content * sizeof *row);
    row[0] = k->cls;
    row[n_content + 1] = k->sep;
    int n_left = 0, want = asc__mask_count(n_content), hidden = 0;
    for (int t = 0; t < n_content + 2; t++) {
        targets[t] = -1;
        n_left += t > 0 && t <= n_content && !is_special(k, row[t]);
    }
    /* Selection sampling (Knuth 3.4.2 S): each set of `want` of the n_left candidates is equally likely. */
    assert(n_left <= n_content);
    for (int t = 1; t <= n_content && hidden < want; t++) {
        if (is_special(k, row[t]))
            continue;
        if ((double)n_left * asc_rng_double(&rng) < want - hidden) {
            targets[t] = row[t];
            hidden++;
        }
        n_left--;
    }
    for (int t = 1; t <= n_content; t++) {
        if (targets[t] >= 0)
            row[t] = in_place_of(k, targets[t], &rng);
    }
    assert(hidden <= want);
    return hidden;
}
