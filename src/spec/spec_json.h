/**
 * spec as JSON: settings as run.json, the study's identity and results hold them.
 */
#ifndef AUTOSCALE_SPEC_JSON_H
#define AUTOSCALE_SPEC_JSON_H

#include "base/base_json.h"
#include "spec/spec_notes.h"
#include "spec/spec_settings.h"

/** A member's value; NULL when memory is out. */
json_t *asc_setting_json(const void *at, const asc_setting *s);
/** Set the member from a number, truth value or text. @retval ASC_EINVAL  "expected ..., found ..." */
asc_status asc_setting_take(void *at, const asc_setting *s, const json_t *value, asc_error *err);
/** Put "notes", the sentences, and "note_codes", their codes in the same order, into o. */
void asc_notes_put(json_t *o, const asc_notes *notes);
/** Add every key of a model that differs from its default to o. False when memory is out. */
bool asc_model_keys_put(json_t *o, const asc_model_spec *m);

/**
 * The settings of one object of run.json ("" for the file itself, "model", "training") into the run. Others than these
 * and `more` (n_more) are errors with the nearest name. What is absent keeps what the run holds.
 */
asc_status asc_settings_read(asc_run_spec *run, const char *object, const json_t *obj, const char *where,
                             const char *const *more, size_t n_more, asc_error *err);
/** Append them to obj: all but texts that are NULL and SPARSE settings that are not set. False when memory is out. */
bool asc_settings_write(json_t *obj, const char *object, const asc_run_spec *run);
/** No key of obj is unknown: neither in names (n). @retval ASC_EINVAL  with the nearest name */
asc_status asc_json_known_keys(const json_t *obj, const char *const *names, size_t n, const char *where,
                               asc_error *err);

#endif
