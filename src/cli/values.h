/* What each domain is worth to each target, as fit tells it. */
#ifndef CLI_VALUES_H
#define CLI_VALUES_H

#include "mix/mix_values.h"

/* {"weights","tokens","params","domains":{d:{"per_point":{"objective":{..},"loss":{t:{..}}},"per_billion_tokens":..}}}
 */
json_t *asc__cli_values_json(const asc_values *v, const asc_law_set *s);
void asc__cli_print_values(const asc_values *v, const asc_law_set *s);

#endif
