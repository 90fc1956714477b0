/* Fields of a Hugging Face config.json, as the architectures read them. A value that this build does not compute is an
 * error that names the field, what was found and what is supported. */
#ifndef ASC_MODEL_HF_CONFIG_H
#define ASC_MODEL_HF_CONFIG_H

#include "base/base_json.h"
#include "spec/spec.h"

/* The same as in run.json (a folder's context may be longer: it is evaluated at a shorter one); no product of them
 * overflows. */
enum {
    ASC__MOST_LAYERS = ASC_MAX_LAYERS,
    ASC__MOST_WIDTH = ASC_MAX_WIDTH,
    ASC__MOST_INNER = 1 << 20,
    ASC__MOST_CONTEXT = 1 << 24,
    ASC__MOST_VOCAB = ASC_MAX_VOCAB
};

/* A whole number from 1 to `most`, which must be there. */
asc_status asc__config_int(const json_t *j, const char *path, const char *key, int most, int *out, asc_error *err);
/* The same; absent or null leaves *out. */
asc_status asc__config_opt_int(const json_t *j, const char *path, const char *key, int most, int *out, asc_error *err);
/* A number from lo to hi; absent or null leaves *out. */
asc_status asc__config_real(const json_t *j, const char *path, const char *key, double lo, double hi, double *out,
                            asc_error *err);
/* A norm's epsilon; 0 where it is the architecture's own. */
asc_status asc__config_eps(const json_t *j, const char *path, const char *key, double own, double *out, asc_error *err);
/* Where present, one of the words (NULL after the last). */
asc_status asc__config_word(const json_t *j, const char *path, const char *key, const char *const *words,
                            asc_error *err);
/* Where present, this truth value. */
asc_status asc__config_bool(const json_t *j, const char *path, const char *key, bool want, asc_error *err);
/* An object where it is present. */
asc_status asc__config_map(const json_t *j, const char *path, const char *key, asc_error *err);
/* A truth value; absent or null leaves *out. */
asc_status asc__config_flag(const json_t *j, const char *path, const char *key, bool *out, asc_error *err);

#endif
