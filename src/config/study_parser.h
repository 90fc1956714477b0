/* Parts of the study parser shared between its files. */
#ifndef CONFIG_STUDY_PARSER_H
#define CONFIG_STUDY_PARSER_H

#include "node.h"
#include "config/config.h"

#define ASC__COUNT(a) (sizeof(a) / sizeof(a)[0])

/** node is a map whose keys are all in the table's section, each at most once. */
asc_status asc__section_check(asc__yaml *y, const yaml_node_t *node, const char *section, asc_error *err);
/** The values of the table's section into the struct at base; absent leaves them as they are. */
asc_status asc__section_values(void *base, asc__yaml *y, const yaml_node_t *node, const char *section, asc_error *err);
/** Both, of the map under key; base NULL: the keys alone. *out NULL when absent. */
asc_status asc__section_read(yaml_node_t **out, void *base, asc__yaml *y, const yaml_node_t *map, const char *key,
                             const char *section, asc_error *err);

/** Of the map's key model: what differs from the study's model, as JSON; *out stays NULL where nothing does. what: its
 * name in messages. */
asc_status asc__study_sized(char **out, const asc_study_spec *s, asc__yaml *y, const yaml_node_t *map, const char *what,
                            asc_error *err);
asc_status asc__study_scales(asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err);
/** target.params, once target, search and trainer are known. */
asc_status asc__study_check_sizes(const asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err);

asc_status asc__study_domains(asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err);
asc_status asc__study_mixture(asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err);
asc_status asc__study_objective(asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err);
asc_status asc__study_target(asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err);
/** task, limit and shots of a target. */
asc_status asc__study_task_target(asc_study_domain *d, asc__yaml *y, const yaml_node_t *node, asc_error *err);
asc_status asc__study_tasks(asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err);
void asc__study_tasks_clear(asc_study_tasks *t);
asc_status asc__study_trainer(asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err);
/** search.merge, once search and trainer are known. */
asc_status asc__study_merge_check(const asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err);
/** Placeholders of run.notify, a key of `map`. */
asc_status asc__study_notify_check(const asc_study_spec *s, asc__yaml *y, const yaml_node_t *map, asc_error *err);
asc_status asc__study_executor(asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err);

#endif
