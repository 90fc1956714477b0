/* Maps by domain or target in JSON: names are matched, never positions. Private to table. */
#ifndef TABLE_MAPS_H
#define TABLE_MAPS_H

#include "base/base_json.h"

/* Index of name among names, or an error "WHERE: no <what> named 'x'; did you mean 'y'?". */
asc_status asc__map_index(size_t *out, const char *name, char *const *names, size_t n, const char *what,
                          const char *where, asc_error *err);
/* A number of obj[key]; NaN where absent or null. */
asc_status asc__map_numbers(double *out, const json_t *map, char *const *names, size_t n, const char *what,
                            const char *where, asc_error *err);
/* {name: x}, null for NaN. NULL when memory is out. */
json_t *asc__map_json(char *const *names, const double *x, size_t n);
/* Scale w (n) to sum 1; error unless its sum lies within .01 of 1. */
asc_status asc__map_normalise(double *w, size_t n, const char *where, asc_error *err);

#endif
