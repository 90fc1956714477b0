/**
 * spec: words of objectives that need to know which targets are domains' own and which are held out beside them.
 */
#ifndef AUTOSCALE_SPEC_OBJECTIVE_H
#define AUTOSCALE_SPEC_OBJECTIVE_H

#include "spec/spec.h"

/** Targets of a study, a table or a law, and its domains. A target named as a domain is that domain's own held-out
 * text; every other one is held out beside them. */
typedef struct asc_target_names {
    char *const *targets;
    size_t n_targets;
    char *const *domains;
    size_t n_domains;
} asc_target_names;

/** Targets that are no domain's own. */
size_t asc_targets_beside(const asc_target_names *names);

/**
 * Words: mean-loss, mean-ppl, worst, target:NAME, mean-targets (the mean over the targets beside the domains) and
 * mean-domains (over the domains' own). Where they are all targets there are, it is mean-loss.
 * @retval ASC_EINVAL  unknown word or target; mean-targets or mean-domains where there is none of them
 */
asc_status asc_objective_parse_word(asc_objective *out, const char *word, const asc_target_names *names,
                                    asc_error *err);

/** "mean-loss", "mean-targets", "target:NAME", .., or "weights"; writes into buf. */
void asc_objective_word(const asc_objective *o, const asc_target_names *names, char *buf, size_t n);

#endif
