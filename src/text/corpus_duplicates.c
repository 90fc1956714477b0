/* Documents that occur more than once: the first counts, held-out ones first of all. */
#include "corpus.h"

static asc_status drop_among(asc__source *s, asc__hash_set *seen, asc_error *err)
{
    s->n_bytes = 0;
    for (size_t i = 0; i < s->n_units; i++) {
        bool fresh = true;
        ASC_TRY(asc__hash_set_add(seen, s->units[i].hash, &fresh, err));
        s->units[i].state = !fresh ? ASC__UNIT_DROPPED : s->held_out ? ASC__UNIT_HELD : ASC__UNIT_TRAIN;
        s->report->n_duplicates += !fresh;
        s->n_bytes += fresh ? s->units[i].n_bytes : 0;
    }
    if (s->n_bytes == 0 && !s->kept)
        return ASC_FAIL(err, ASC_EINVAL, "domain %s: all %zu documents are held out or occur in an earlier domain",
                        s->domain->name, s->n_units);
    return ASC_OK;
}

/* Held-out sets may share documents with each other, never with training text. What is kept comes first. */
static asc_status drop_in(asc__source *s, asc__hash_set *seen, asc_error *err)
{
    if (!s->held_out)
        return drop_among(s, seen, err);
    asc__hash_set own = {0};
    asc_status st = drop_among(s, &own, err);
    asc__hash_set_clear(&own);
    bool fresh;
    for (size_t u = 0; u < s->n_units && st == ASC_OK; u++)
        st = asc__hash_set_add(seen, s->units[u].hash, &fresh, err);
    return st;
}

asc_status asc__drop_duplicates(asc__source *sources, size_t n, asc_error *err)
{
    asc__hash_set seen = {0};
    asc_status st = ASC_OK;
    for (int kept = 1; kept >= 0; kept--)
        for (size_t i = 0; i < n && st == ASC_OK; i++)
            if (sources[i].kept == (kept == 1))
                st = drop_in(&sources[i], &seen, err);
    asc__hash_set_clear(&seen);
    return st;
}

asc_status asc__hold_apart(asc__hash_set *held, asc__source *sources, size_t n, asc_error *err)
{
    bool fresh;
    for (size_t i = 0; i < n; i++)
        for (size_t u = 0; u < sources[i].n_units; u++)
            if (sources[i].units[u].state == ASC__UNIT_HELD)
                ASC_TRY(asc__hash_set_add(held, sources[i].units[u].hash, &fresh, err));
    for (size_t i = 0; i < n; i++)
        for (size_t u = 0; u < sources[i].n_units; u++) {
            asc__unit *k = &sources[i].units[u];
            if (k->state == ASC__UNIT_TRAIN && asc__hash_set_has(held, k->hash)) {
                k->state = ASC__UNIT_DROPPED;
                sources[i].report->n_duplicates++;
            }
        }
    return ASC_OK;
}
