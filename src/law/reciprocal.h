/* What the reciprocal laws share: the worth of a mixture S(w) = sum_i C_i w_i^g_i, and where it starts, ends and is
 * drawn to. In a law's coordinates theta it comes first: [E, log C (D), log g (D), the law's terms in P and N].
 * Private to law. */
#ifndef LAW_RECIPROCAL_H
#define LAW_RECIPROCAL_H

#include "private.h"

/* Where the terms in P and N begin. */
static inline size_t asc__reciprocal_at(size_t D)
{
    return 1 + 2 * D;
}

/* How the terms in P and N stand in the law: a start depends on it. */
typedef enum asc__reciprocal_form {
    ASC__RECIPROCAL_ADD,
    ASC__RECIPROCAL_MULT,
    ASC__RECIPROCAL_JOINT,
    ASC__RECIPROCAL_KAPLAN
} asc__reciprocal_form;

/* S of every row into s (ld); its summands C_i w_i^g_i into t (D,ld), NULL: not kept. g (D): the exponents, out. */
void asc__reciprocal_sum(const asc__features *x, const double *theta, double *s, double *t, double *g);
/* Rows of J for log C and log g, from q = dL/dS (ld): q t_i, and q t_i g_i log w_i. */
void asc__reciprocal_rows(const asc__features *x, const double *q, const double *t, const double *g, double *J);
/* Start k; false where there is none. */
bool asc__reciprocal_start(const asc__data *d, size_t k, double *theta, double *scratch, asc__reciprocal_form form);
void asc__reciprocal_bounds(const asc__data *d, double *lo, double *hi);
/* Worths and exponents are drawn towards their common centre. */
void asc__reciprocal_prior(const asc__data *d, double *strength);
/* Groups of a tied fit: E, worths, exponents, the own domain apart from the others. Returns the next free number. */
size_t asc__reciprocal_tie(const asc__data *d, size_t *group);
/* "E", "C.books", "gamma.books" of parameter i < 1 + 2 D. */
void asc__reciprocal_name(const asc_law *l, size_t i, char *const *domains, char *buf, size_t n);
/* S at one mixture w (D) with parameters C, g (D), and dS/dw (D) or NULL. Below the floor of shares the law is flat. */
double asc__reciprocal_sum_at(const asc_law *l, const double *C, const double *g, const double *w, double *gw);

/** Why a reciprocal law is one with reciprocal-mult on such a table, or NULL. */
const char *asc__twin_without_scale(bool tokens, bool params);
/** log C (D) from the ridge solution of 1/(y-c) on w^gamma: where reciprocal laws start. */
void asc__reciprocal_worths(const asc__data *d, const double *y, double c, double gamma, double *log_c,
                            double *scratch);

#endif
