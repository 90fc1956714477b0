/* What each column of a grid is taken for. Private to table. */
#ifndef TABLE_ROLES_H
#define TABLE_ROLES_H

#include "grid.h"

typedef enum asc__role {
    ASC__NO_ROLE, /* not yet known, at last ignored */
    ASC__IGNORED, /* asked for, or left out for a reason */
    ASC__RUN,
    ASC__SEED,
    ASC__PARAMS,
    ASC__TOKENS,
    ASC__HORIZON,
    ASC__TRUST,
    ASC__WEIGHT,
    ASC__DOMAIN_TOKENS,
    ASC__TARGET
} asc__role;

typedef struct asc__column {
    asc__role role;
    asc_target_form form; /* of a target */
    char *as;             /* its domain or target */
    bool mapped;          /* said by the user: not doubted */
    const char *why;      /* of a role that its name alone does not give, or of being ignored; static text */
} asc__column;

/* seed, params, tokens, horizon, trust: a column, a product of columns and numbers, or a number for all rows. */
enum { ASC__FACTORS = 6 };
typedef struct asc__scalar {
    bool given, mapped;
    size_t n, column[ASC__FACTORS];
    double factor;
} asc__scalar;

typedef struct asc__roles {
    asc__column *columns;               /* (C) */
    asc__scalar scalar[ASC__TRUST + 1]; /* by role, from ASC__RUN (always one column) */
    char layout[64]; /* "Weights & Biases export", .. or "" where names are those of docs/formats.md */
    bool domains_mapped, targets_mapped; /* by patterns, which names then add nothing to */
} asc__roles;
void asc__roles_clear(asc__roles *r);

/* Roles after --map, then by name, then by the layouts that other tools write. Errors: no domains, targets or tokens; a
 * --map that says nothing or names no column. Names are kept in the grid's text. */
asc_status asc__roles_find(asc__roles *out, asc__grid *g, const asc_table_opts *o, asc_error *err);

/* The part that knows other tools' layouts: fills roles that are missing where columns have none. */
asc_status asc__layouts_find(asc__roles *r, asc__grid *g, asc_error *err);

size_t asc__roles_count(const asc__roles *r, const asc__grid *g, asc__role role);
void asc__roles_set_scalar(asc__roles *r, asc__role role, size_t column, const char *why);

/* What the cells of a column are. */
typedef struct asc__stats {
    size_t n_numbers, n_missing, n_text;
    double lo, hi;
    bool whole; /* all numbers are whole */
} asc__stats;
asc__stats asc__column_stats(const asc__grid *g, size_t c);

#endif
