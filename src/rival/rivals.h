/* What the files of the rival room share: each row of the table stands in a file of its name. */
#ifndef RIVAL_RIVALS_H
#define RIVAL_RIVALS_H

#include "rival/rival.h"

extern const asc_rival asc__rival_unimax, asc__rival_regmix, asc__rival_dml, asc__rival_olmix;
extern const asc_rival asc__rival_doremi, asc__rival_doge, asc__rival_odm, asc__rival_ado, asc__rival_aioli;

/* Of rules that keep nothing but their weights, and begin with even ones. */
size_t asc__no_state(const asc_online_run *r);
void asc__even_weights(double *state, double *w, const asc_online_run *r);

/* The law of the mixture's shares alone, of every target of the swarm: c + exp(t.w), by least squares. */
asc_status asc__rival_fit(asc_law_set *out, const asc_rival_ask *a, asc_error *err);
/* Its optimum at the swarm's own budget within hi (NULL: a->hi) and a->lo, kl from prior (NULL: none). */
asc_status asc__rival_optimum(double *w, const asc_law_set *laws, const asc_rival_ask *a, const double *hi,
                              const double *prior, double kl, asc_error *err);

#endif
