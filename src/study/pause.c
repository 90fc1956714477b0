/* Where runs of a swarm pause, and which run of a list is what another was up to there. */
#include "steps.h"

#include <math.h>

#include "config/config.h"

/* Ours. Where the evaluation at the pause costs more than this share of a run's training, runs do not pause. */
#define MOST_EVALUATION .1
/* A pause whose tokens differ by more from the run's is another's. */
#define MOST_APART .1

double asc__pause_tokens(const asc__study *s)
{
    const asc_search_spec *o = &s->spec->search;
    double share = asc_search_pause(o), whole = asc__swarm_tokens(s), T = s->model.context;
    if (!asc__by_swarm(s) || !(share > 0) || o->rounds < 2 || whole < T)
        return 0;
    const asc__size *z = asc__size_of(s, o->model);
    bool costs = asc__eval_flops(z, asc__eval_tokens(s)) > MOST_EVALUATION * asc__train_flops(z, whole);
    if (isnan(o->pause) && (costs || !asc_study_goes_on(s->spec)))
        return 0;
    asc_train_steps steps = asc_train_steps_of(&z->model, &s->spec->training, (int64_t)(whole / T));
    double at = floor(share * (double)steps.n_steps + .5);
    return at >= 1 && at < (double)steps.n_steps ? at * (double)steps.batch * T : 0;
}

/* By how much a pause's tokens are others than the run's own there, as a share; infinite where it is of another seed,
 * budget or model. Of the run's own pause that is what rounding to whole sequences leaves. */
static double apart(const asc_store_run *p, const asc_store_run *r)
{
    if (p->kind != ASC_KIND_PAUSE || p->seed != r->seed || p->n_domains != r->n_domains || !asc__same_scale(p, r))
        return INFINITY;
    double part = asc__run_tokens(p), share = part / asc__run_tokens(r), off = 0;
    for (size_t i = 0; i < r->n_domains; i++)
        off += fabs(p->tokens[i] - share * r->tokens[i]);
    return off / part;
}

const asc_store_run *asc__pause_of(const asc_store_run *runs, size_t n, const asc_store_run *r)
{
    const asc_store_run *found = NULL;
    double least = MOST_APART;
    for (size_t i = 0; r->kind == ASC_KIND_MIXTURE && i < n; i++) {
        double off = runs[i].state == ASC_RUN_DONE ? apart(&runs[i], r) : INFINITY;
        if (off < least) {
            least = off;
            found = &runs[i];
        }
    }
    return found;
}
