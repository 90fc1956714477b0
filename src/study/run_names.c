/* What runs are called: ids are names of folders, and part of a study's identity; what kind of run they are. */
#include "steps.h"

#include <math.h>

char *asc__tokens_label(double tokens, char *buf)
{
    static const struct {
        double unit;
        const char *letter;
    } units[] = {{1e12, "T"}, {1e9, "B"}, {1e6, "M"}, {1e3, "k"}};
    for (size_t i = 0; i < 4; i++)
        if (fmod(tokens, units[i].unit) == 0) {
            snprintf(buf, 32, "%.0f%s", tokens / units[i].unit, units[i].letter);
            return buf;
        }
    for (size_t i = 0; i < 4; i++) /* one or two decimals that say it exactly */
        if (tokens >= units[i].unit && fmod(tokens, units[i].unit / 100) == 0) {
            snprintf(buf, 32, "%.15g%s", tokens / units[i].unit, units[i].letter);
            return buf;
        }
    snprintf(buf, 32, "%.0f", tokens);
    return buf;
}

char *asc__target_run_id(const asc_study_spec *spec, const char *mixture, int r)
{
    char label[32], *word = asc_file_name(mixture);
    char *id = word ? asc_strf("t%s-%s-r%d", asc__tokens_label(spec->target_tokens, label), word, r) : NULL;
    asc_free(word);
    return id;
}

bool asc__is_star(asc_run_kind kind)
{
    return kind == ASC_KIND_BASE || kind == ASC_KIND_UP || kind == ASC_KIND_DOWN;
}

bool asc__is_of_branches(asc_run_kind kind)
{
    return kind == ASC_KIND_BRANCH || kind == ASC_KIND_MERGE;
}
