/* LAW.json as a page holds it. */
#ifndef REPORT_LAW_JSON_H
#define REPORT_LAW_JSON_H

#include "base/base_json.h"
#include "law/law.h"

/** The law as LAW.json has it, without figures that a page does not compute with, long arrays of numbers packed: as
 * {"f32"|"f64"|"i32": base64 of little-endian numbers}, whichever loses nothing. Draws are thinned evenly until the
 * text has at most `most` bytes (down to 40 of them); *kept: how many there are. */
asc_status asc__law_for_page(json_t **out, size_t *kept, const asc_law_set *laws, size_t most, asc_error *err);

#endif
