/**
 * spec as JSON: the optional keys of a model, as run.json, the study's identity and results hold them.
 */
#ifndef AUTOSCALE_SPEC_JSON_H
#define AUTOSCALE_SPEC_JSON_H

#include "base/base_json.h"
#include "spec/spec.h"

/** A key's value; NULL when memory is out. */
json_t *asc_model_key_json(const asc_model_key *k, const asc_model_spec *m);
/** Set it from a number, truth value or word. @retval ASC_EINVAL  "KEY: expected ..., found ..." */
asc_status asc_model_key_take(asc_model_spec *m, const asc_model_key *k, const json_t *value, asc_error *err);
/** Add every key that differs from its default to o, named with `prefix` before it. False when memory is out. */
bool asc_model_keys_put(json_t *o, const char *prefix, const asc_model_spec *m);

#endif
