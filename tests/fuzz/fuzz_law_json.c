/* LAW.json from any bytes: refused, or a law that can be asked, optimised and written. */
#include <math.h>
#include <stdint.h>

#include "table/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The optimum of one law in sixteen: it costs a hundred times what reading does. Which ones is a matter of the bytes.
 */
static void use(const asc_law_set *s, bool solve)
{
    double tokens[64];
    if (s->n_domains > 8)
        return;
    for (size_t i = 0; i < s->n_domains; i++)
        tokens[i] = 1e6 * (double)(i + 1);
    (void)asc_law_set_objective(s, tokens, 1e8);
    if (!solve)
        return;
    asc_mix_opts o;
    asc_mix_result r;
    asc_mix_opts_init(&o);
    o.n_tokens = 1000000;
    o.no_intervals = s->laws[0].n_draws > 30;
    if (asc_mix_optimum(&r, s, &o, NULL) == ASC_OK)
        asc_mix_result_clear(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    json_t *j = NULL, *again = NULL;
    asc_law_set s = {0};
    if (asc_json_parse(&j, "fuzz", (const char *)data, n, NULL) != ASC_OK)
        return 0;
    if (asc_law_from_json(&s, j, "fuzz", NULL) == ASC_OK) {
        use(&s, asc_hash64(data, n, 0) % 16 == 0);
        if (asc_law_to_json(&again, &s, NULL) == ASC_OK)
            json_decref(again);
        asc_law_set_clear(&s);
    }
    json_decref(j);
    return 0;
}
