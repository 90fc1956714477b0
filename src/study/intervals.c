/* Intervals as the documents of a study hold them. */
#include "steps.h"

#include <math.h>

json_t *asc__intervals_json(const asc__study *s, const double *lo, const double *hi)
{
    if (!lo || !hi || isnan(lo[0]))
        return json_null();
    json_t *o = json_object();
    for (size_t i = 0; i < s->D; i++)
        json_object_set_new(o, s->spec->domain_names[i], json_pack("[o,o]", asc_json_num(lo[i]), asc_json_num(hi[i])));
    return o;
}
