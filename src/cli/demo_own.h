/* What the demo's merged models say of the mean over the domains themselves. */
#ifndef DEMO_OWN_H
#define DEMO_OWN_H

#include "base/base.h"

/** Fit the merged models of the study in DIR to the objective mean-domains, print what is to be won over uniform there,
 * and what the study's own answer was measured to lose or gain by it. */
asc_status asc__demo_own_mean(const char *dir, asc_error *err);

#endif
