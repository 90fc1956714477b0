#include "tokenizer.h"
asc_status asc__wordpiece_encode(asc_encoder *e, const char *text, size_t n_bytes, int32_t **ids, size_t *n,
                                 size_t *cap, asc_error *err)
{
    return ASC_FAIL(err, ASC_EMISSING, "WordPiece is not in this build");
}
asc_status asc__vocab_txt_load(asc_tokenizer **out, const char *path, asc_error *err)
{
    return ASC_FAIL(err, ASC_EMISSING, "WordPiece is not in this build");
}
asc_status asc__wordpiece_specials(asc_tokenizer *t, asc_error *err)
{
    return ASC_FAIL(err, ASC_EMISSING, "WordPiece is not in this build");
}
asc_status asc__wordpiece_count(asc_trainer *t, const char *text, size_t n_bytes, asc_error *err)
{
    return ASC_FAIL(err, ASC_EMISSING, "WordPiece is not in this build");
}
asc_status asc__wordpiece_train(asc_tokenizer **out, asc_trainer *t, size_t vocab, asc_error *err)
{
    return ASC_FAIL(err, ASC_EMISSING, "WordPiece is not in this build");
}
