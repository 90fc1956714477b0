/**
 * A mixture: the share of each domain, and where it is known its tokens, paths and limits. Read from MIX.json (or a
 * bare map {domain: share}) or made of arrays; D domains.
 */
#ifndef AUTOSCALE_PUBLIC_MIXTURE_H
#define AUTOSCALE_PUBLIC_MIXTURE_H

#include <stdint.h>

#include "autoscale/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Opaque. */
typedef struct asc_mix_file asc_mixture;

/** Read MIX.json. Shares within .01 of a sum of 1 are normalised. @retval ASC_EINVAL  no such file, or not a mixture */
ASC_API asc_status asc_mixture_load(asc_mixture **out, const char *path, asc_error *err);
/** @param shares  (n) >= 0, with a sum of 1 within .01: normalised
 *  @retval ASC_EINVAL  no domains, a name that is empty or stands twice, shares out of range */
ASC_API asc_status asc_mixture_from_shares(asc_mixture **out, const char *const *domains, const double *shares,
                                           size_t n, asc_error *err);
/** Write MIX.json whole (beside, synced, renamed). @retval ASC_EIO */
ASC_API asc_status asc_mixture_save(const asc_mixture *mixture, const char *path, asc_error *err);
/** NULL is fine. */
ASC_API void asc_mixture_free(asc_mixture *mixture);

/** D. */
ASC_API size_t asc_mixture_n_domains(const asc_mixture *mixture);
/** Name of domain i < D; NULL beyond. */
ASC_API const char *asc_mixture_domain(const asc_mixture *mixture, size_t i);
/** Share of domain i; NaN beyond. */
ASC_API double asc_mixture_share(const asc_mixture *mixture, size_t i);
/** Whole tokens of domain i; -1 where the mixture knows none. */
ASC_API int64_t asc_mixture_tokens_of(const asc_mixture *mixture, size_t i);
/** Where the data of domain i lies (the first of several paths); NULL: not known. */
ASC_API const char *asc_mixture_path(const asc_mixture *mixture, size_t i);

/** Whole tokens at a budget, by largest remainder. @retval ASC_EINVAL  total <= 0 */
ASC_API asc_status asc_mixture_set_tokens(asc_mixture *mixture, int64_t total, asc_error *err);
/** Where the data of a domain lies: a path or a pattern. @retval ASC_EINVAL  no such domain */
ASC_API asc_status asc_mixture_set_path(asc_mixture *mixture, const char *domain, const char *path, asc_error *err);

#ifdef __cplusplus
}
#endif

#endif
