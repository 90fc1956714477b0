/* Products compiled once for each instruction set; fixed lanes and no fused multiply-add give the same bits on all. */
#ifndef NUM_PRODUCTS_H
#define NUM_PRODUCTS_H

#include "num/num.h"

/* All n are multiples of ASC_LANES. */
typedef struct asc__products {
    double (*dot)(const double *a, const double *b, size_t n);
    void (*axpy)(double *y, double a, const double *x, size_t n);
    /** Inner products of two rows with four: out[4 c + d] = a[c].b[d]. */
    void (*block)(double out[8], const double *const a[2], const double *const b[4], size_t n);
    void (*syrk)(double *g, const double *j, const double *w, double *scratch, size_t p, size_t ld, size_t n);
} asc__products;
/** The fastest set that this processor runs. */
const asc__products *asc__num_products(void);
extern const asc__products asc__products_plain, asc__products_avx2;

#endif
