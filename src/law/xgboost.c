#include "law_private.h"
const char *asc__trees_missing(void)
{
    return "libxgboost was not found (Debian: libxgboost-dev)";
}
asc_status asc__trees_fit(asc_trees *t, const asc__data *d, uint64_t seed, asc_error *err)
{
    return ASC_FAIL(err, ASC_EMISSING, "trees: %s", asc__trees_missing());
}
asc_status asc__fit_trees(asc_law *law, asc__fit_job *job, const asc__data *d, asc_error *err)
{
    return ASC_FAIL(err, ASC_EMISSING, "trees: %s", asc__trees_missing());
}
