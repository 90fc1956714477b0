/* Losses of all laws at one point under a law set's draws, and what a column of draws says. Private to mix. */
#ifndef MIX_LOSSES_H
#define MIX_LOSSES_H

#include "mix/mix_what_if.h"

enum { ASC__FEWEST_DRAWS = 20 }; /* that give an interval */

typedef struct asc__losses {
    const asc_law_set *laws;
    const asc_objective *objective;
    bool single;         /* one law of the objective itself (ddo): losses of single targets are NaN */
    size_t V, K, stride; /* K draws of the laws', every stride-th */
} asc__losses;

/* At most `most` of the draws, evenly taken; 0: all of them. objective NULL: the one that the laws were fitted to. */
asc__losses asc__losses_of(const asc_law_set *laws, const asc_objective *objective, size_t most);
/* Doubles of one point: (V + 1, K + 1), targets and then the objective, draws and then the estimate. */
size_t asc__losses_size(const asc__losses *a);
/* Every loss at tokens (D), into out (asc__losses_size). */
void asc__losses_at(double *out, const asc__losses *a, const double *tokens, double params);
/* The same with draws laid about the fit (asc__shift_to_fit), into about. column: (K) room. */
void asc__losses_about_fit(double *about, const double *out, const asc__losses *a, const double *tokens, double params,
                           double *column);
/* Draws are fits to losses that are perturbed: what the fit is off by for its form and its prior they are off by once
 * more, and where many parameters are open (two dozen domains and more) this is more than they scatter. As the draws
 * lie to the fit, so the fit lies to the truth: by how much the n values of draws of one part of a blend (of the law
 * itself where it is none) are to be moved so that their median lies as far on the other side of it as it was fitted;
 * 0 where it has no value. Sorts value. */
double asc__shift_to_fit(const asc_law *l, size_t part, const double *tokens, double params, double *value, size_t n);

/* What draws say of a loss, or of the difference of two. */
typedef struct asc__question {
    const double *x, *minus;           /* (K) as they are; minus may be NULL */
    const double *about, *minus_about; /* (K) the same about the fit */
    size_t K;
    double scale; /* of the difference; 0: 1 */
    double level; /* of the interval; 0: .9 */
    double drift; /* sd of what the laws may be off by beyond their table; 0 within */
    double *room; /* (K) */
} asc__question;

/* Mean over the draws as they are, an interval that holds both kinds of draws and the mean, wider by drift, and P(below
 * 0) by it: as the optimum's. False, and *out untouched, where fewer than ASC__FEWEST_DRAWS have a value. */
bool asc__answer(asc_difference *out, const asc__question *q);

#endif
