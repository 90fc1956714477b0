/**
 * config: the study file (YAML) -> asc_study_spec, with errors that name file, line and column. The only room that
 * includes yaml.h. Keys, defaults and ranges are listed in docs/formats.md.
 */
#ifndef AUTOSCALE_CONFIG_H
#define AUTOSCALE_CONFIG_H

#include "base/base_json.h"
#include "spec/spec_study.h"

void asc_study_spec_clear(asc_study_spec *s);
/** "0.2.5", of the library that reads YAML. */
const char *asc_config_yaml_version(void);

/**
 * Read a study file. Relative paths in it stay as written; base_dir says where they start. Files of weights (mixtures,
 * prior, objective) are read, so that a mistake in them is found before anything is trained; text is not looked at.
 * @retval ASC_EINVAL  "FILE:LINE:COL: why": syntax, unknown or doubled key (with the nearest name), missing key, value
 *                     out of range, wrong kind
 */
asc_status asc_study_load(asc_study_spec *out, const char *path, asc_error *err);
/** The same from n bytes; `path` stands for the file in errors and gives base_dir. */
asc_status asc_study_parse(asc_study_spec *out, const char *path, const char *text, size_t n, asc_error *err);

/** Whether the study's trainer is known to end a run at a point of its schedule and to go on from there. */
bool asc_study_goes_on(const asc_study_spec *s);

/** search.at as the command line gives it, "20,60", in place of what the file says.
 * @retval ASC_EINVAL  "--at: …": no points, or a study that has no branches */
asc_status asc_study_search_at(asc_study_spec *s, const char *text, asc_error *err);

/**
 * The spec as one flat JSON object, "key.path" -> value, in a fixed order: what a study is compared by when its file
 * was edited after runs exist. Two files that mean the same give equal objects. New reference; NULL when memory is out.
 */
json_t *asc_study_canonical(const asc_study_spec *s);

#endif
