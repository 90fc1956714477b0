/* What a mixture may be. */
#include "spec/spec_limits.h"

#include <math.h>

double asc_limits_epochs(const asc_limits *l, size_t i)
{
    return l->epochs && !isnan(l->epochs[i]) ? l->epochs[i] : l->max_epochs;
}
