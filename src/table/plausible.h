/* Columns whose numbers cannot be what their names say. Private to table. */
#ifndef TABLE_PLAUSIBLE_H
#define TABLE_PLAUSIBLE_H

#include "roles.h"

/* Shares as they stand in the file, before rows are made to sum to 1: w (R,D). */
typedef struct asc__doubt {
    const asc_table *t;
    const asc__grid *g;
    const asc__roles *roles;
    const size_t *domain_column, *target_column; /* (D), (V) */
    const double *raw;                           /* (R,D) cells of the domains */
    char **problem;                              /* (C) out: what looks wrong, in the grid's text */
} asc__doubt;

/* Fill problem; columns that --map names are taken as meant. */
asc_status asc__find_doubts(asc__doubt *d, asc__grid *text, asc_error *err);

/* Names behind weight_, tokens_ and loss_ that are settings, counts and spreads rather than domains and targets. */
bool asc__names_setting(const char *name);
bool asc__names_count(const char *name);
bool asc__names_spread(const char *name);

#endif
