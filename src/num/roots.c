#include "num/num.h"

#include <math.h>

void asc_bisect(double *below, double *above, asc_function f, void *ctx, int max_steps)
{
    for (int k = 0; k < max_steps; k++) {
        double middle = .5 * (*below + *above);
        if (middle == *below || middle == *above)
            break;
        *(f(ctx, middle) < 0 ? below : above) = middle;
    }
}

double asc_illinois(double above, double below, asc_function f, void *ctx)
{
    double f_above = f(ctx, above), f_below = f(ctx, below);
    /* False position on [above, below]; an end that stays a second time has its value halved (the Illinois step, Dowell
     * and Jarratt 1971), or it would stay for good where f is convex. */
    if (!(f_below < 0))
        return NAN;
    for (int k = 0; k < 200 && fabs(above - below) > 1e-15 * (1 + fabs(above)); k++) {
        double m = (above * f_below - below * f_above) / (f_below - f_above);
        if (!(m > fmin(above, below) && m < fmax(above, below)))
            m = .5 * (above + below);
        double value = f(ctx, m);
        if (fabs(value) < 1e-15)
            return m;
        /* an end that stays twice in a row would stay for ever: its value counts half */
        if (value > 0) {
            above = m;
            f_above = value;
            f_below *= .5;
        } else {
            below = m;
            f_below = value;
            f_above *= .5;
        }
    }
    return .5 * (above + below);
}
