/* The small maps beside a law or a mixture, from any bytes: bounds, available tokens, an objective. The first byte says
 * which. */
#include <math.h>

#include "table/table.h"
#include "fuzz_files.h"

static char *const names[] = {"books", "code", "news"};
enum { D = 3 };

static void read_bounds(const char *path)
{
    double lo[D] = {0, 0, 0}, hi[D] = {1, 1, 1};
    if (asc_bounds_read(lo, hi, path, names, D, NULL) != ASC_OK)
        return;
    for (int i = 0; i < D; i++)
        if (!(lo[i] >= 0 && lo[i] <= hi[i] && hi[i] <= 1))
            abort();
}

static void read_available(const char *path)
{
    double available[D], epochs[D];
    asc_mix_file mix = {0};
    if (asc_mix_file_init(&mix, names, D, NULL) != ASC_OK)
        abort();
    if (asc_available_read(available, epochs, &mix, path, names, D, NULL) == ASC_OK)
        for (int i = 0; i < D; i++)
            if (!(available[i] >= 0) || epochs[i] <= 0)
                abort();
    asc_mix_file_clear(&mix);
}

static void read_objective(const char *path)
{
    asc_objective o = {0};
    const asc_target_names both = {names, D, names, 1};
    if (asc_objective_read(&o, path, &both, NULL) != ASC_OK)
        return;
    json_t *j = asc_objective_to_json(&o, &both);
    if (!j)
        abort();
    json_decref(j);
    asc_objective_clear(&o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static void (*const readers[])(const char *) = {read_bounds, read_available, read_objective};
    if (n > 0)
        readers[data[0] % 3](fuzz_put("map.json", data + 1, n - 1));
    return 0;
}
