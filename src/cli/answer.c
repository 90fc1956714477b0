/* The answer of a study on the terminal: shared by run, status and demo. */
#include <math.h>
#include <string.h>

#include "mixing.h"

static const char *string(const json_t *obj, const char *key)
{
    const char *s = json_string_value(json_object_get(obj, key));
    return s ? s : "";
}

static const char *bold(void)
{
    return asc__cli_colour() ? "\033[1m" : "";
}

static const char *plain(void)
{
    return asc__cli_colour() ? "\033[0m" : "";
}

static int name_width(const json_t *weights)
{
    int widest = 6;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)weights, name, value)
    {
        int n = asc__cli_columns(name);
        widest = n > widest ? n : widest;
    }
    return widest < 40 ? widest : 40;
}

static void print_interval(const json_t *ci, const char *name)
{
    const json_t *pair = json_object_get(ci, name);
    double lo = json_number_value(json_array_get(pair, 0)), hi = json_number_value(json_array_get(pair, 1));
    char text[32] = "";
    if (json_array_size(pair) == 2)
        snprintf(text, sizeof text, "%.1f to %.1f %%", 100 * lo, 100 * hi);
    printf("  %17s", text);
}

static void print_bar(double share)
{
    int full = share > 0 && share <= 1 ? (int)(share * 40 + .5) : 0;
    printf("  ");
    for (int i = 0; i < full; i++)
        putchar('#');
    putchar('\n');
}

static double epochs_of(const json_t *summary, const char *name)
{
    size_t i;
    json_t *domain;
    json_array_foreach(json_object_get(summary, "domains"), i, domain)
    {
        if (strcmp(string(domain, "name"), name) == 0)
            return asc_json_number(domain, "epochs_at_target");
    }
    return NAN;
}

static void print_mixture(const json_t *summary, const json_t *answer)
{
    const json_t *weights = json_object_get(answer, "weights"), *ci = json_object_get(answer, "ci");
    int width = name_width(weights);
    const char *name;
    json_t *value;
    printf("\n  %-*s   share  %17s  %8s  %6s\n", width, "domain", json_is_object(ci) ? "interval" : "", "tokens",
           "epochs");
    json_object_foreach((json_t *)weights, name, value)
    {
        double share = json_number_value(value), tokens = asc_json_number(json_object_get(answer, "tokens"), name);
        double epochs = epochs_of(summary, name);
        char t[24] = "-", e[24] = "-";
        if (isfinite(tokens))
            asc_format_count(tokens, t);
        if (isfinite(epochs))
            snprintf(e, sizeof e, "%.2f", epochs);
        printf("  ");
        asc__cli_print_name(name, width);
        printf("  %s%5.1f %%%s", bold(), 100 * share, plain());
        print_interval(ci, name);
        printf("  %8s  %6s", t, e);
        print_bar(share);
    }
    putchar('\n');
}

/* "3.4000 .. 3.5000" of a pair, "-" where there is none; buf >= 64. */
static const char *interval(const json_t *pair, char *buf)
{
    bool known = json_array_size(pair) == 2;
    return asc__cli_range(known ? json_number_value(json_array_get(pair, 0)) : NAN,
                          known ? json_number_value(json_array_get(pair, 1)) : NAN, 4, buf);
}

/* "Expected mean-loss at the target: 3.4512 (90 %: 3.40 .. 3.50), 0.0123 below uniform (90 %: …); P(better than
 * uniform) 0.91." */
static void print_expected(const json_t *expected, const char *objective)
{
    double gain = asc_json_number(expected, "gain"), p = asc_json_number(expected, "p_better");
    char of_value[64], of_gain[64];
    printf("%sExpected %s at the target: %.4f%s (90 %%: %s)", bold(), objective, asc_json_number(expected, "objective"),
           plain(), interval(json_object_get(expected, "ci"), of_value));
    if (isfinite(p))
        printf(", %.4f %s uniform (90 %%: %s)", fabs(gain), gain < 0 ? "above" : "below",
               interval(json_object_get(expected, "gain_ci"), of_gain));
    if (isfinite(p))
        printf("; P(better than uniform) %.2f", p);
    printf(". By the law of all runs (%s), not by training there.\n", string(expected, "law"));
}

void asc__cli_print_gain(const json_t *answer, const char *objective)
{
    const json_t *gain = json_object_get(answer, "gain"), *expected = json_object_get(answer, "expected");
    if (!json_is_object(gain)) {
        if (json_is_object(expected))
            print_expected(expected, objective);
        else
            printf("Gain over uniform: not known (nothing was trained at the target, and no law tells).\n");
        return;
    }
    double mean = asc_json_number(gain, "mean"), lo = asc_json_number(gain, "lo"), hi = asc_json_number(gain, "hi"),
           noise = asc_json_number(gain, "noise");
    bool beyond = json_is_true(json_object_get(gain, "beyond_noise"));
    if (beyond)
        printf("%sGain over uniform: %.4f in %s%s", bold(), mean, objective, plain());
    else if (!isfinite(noise))
        printf(
            "%sGain over uniform: not known%s: %+.4f in %s between single runs, and no repeats that show what a seed "
            "does",
            bold(), plain(), mean, objective);
    else
        printf("%sNo gain over uniform beyond noise%s: %+.4f in %s", bold(), plain(), mean, objective);
    if (isfinite(lo) && isfinite(hi))
        printf(" (%.4f to %.4f)", lo, hi);
    if (isfinite(noise))
        printf("; seed noise %.4f", noise);
    puts(".");
}

static void print_saved(const json_t *answer)
{
    const json_t *saved = json_object_get(answer, "steps_saved");
    double mean = asc_json_number(saved, "mean"), lo = asc_json_number(saved, "min"),
           hi = asc_json_number(saved, "max");
    bool beyond = json_is_true(json_object_get(json_object_get(answer, "gain"), "beyond_noise"));
    if (!isfinite(mean) || !beyond)
        return;
    printf("%s%.0f %% of the steps saved%s: what uniform has at its end, this mixture has that much earlier", bold(),
           100 * mean, plain());
    if (isfinite(lo) && isfinite(hi))
        printf(" (%.0f to %.0f %% over seeds)", 100 * lo, 100 * hi);
    puts(".");
}

/* The candidates as the law expects them, the least first: what the choice was made by where nothing was trained. */
static void print_candidates(const json_t *list, const char *answer)
{
    size_t n = json_array_size(list), i;
    bool known = false;
    json_t *c;
    int width = 9;
    json_array_foreach(list, i, c)
    {
        known |= json_is_object(json_object_get(c, "expected"));
        width = asc__cli_columns(string(c, "name")) > width ? asc__cli_columns(string(c, "name")) : width;
    }
    if (n < 2 || !known)
        return;
    printf("\n  %-*s  %9s  %-20s  %-20s  %s\n", width, "candidate", "expected", "90 % interval", "below uniform",
           "P(better than uniform)");
    json_array_foreach(list, i, c)
    {
        const json_t *e = json_object_get(c, "expected");
        char value[32], range[64], gain[64], p[32];
        asc__cli_figure(asc_json_number(e, "objective"), 4, value);
        printf("  ");
        asc__cli_print_name(string(c, "name"), width);
        printf("  %9s  %-20s  %-20s  %s%s\n", value, interval(json_object_get(e, "ci"), range),
               isfinite(asc_json_number(e, "p_better")) ? interval(json_object_get(e, "gain_ci"), gain) : "-",
               asc__cli_figure(asc_json_number(e, "p_better"), 2, p),
               strcmp(string(c, "name"), answer) == 0 ? "  <- the answer" : "");
    }
    putchar('\n');
}

static void print_cost(const json_t *answer)
{
    char tokens[24], time[24], pays[24];
    double n = asc_json_number(answer, "search_tokens"), seconds = asc_json_number(answer, "search_seconds");
    double multiple = asc_json_number(answer, "search_multiple"), from = asc_json_number(answer, "pays_from_tokens");
    double share = asc_json_number(answer, "search_share");
    if (!isfinite(n))
        return;
    printf("The search took %s tokens", asc_format_count(n, tokens));
    if (isfinite(seconds))
        printf(" and %s", asc_format_duration(seconds, time));
    if (isfinite(multiple))
        printf(", %.2g times the target run", multiple);
    if (isfinite(share))
        printf(" (%.3g times its FLOPs, evaluation included)", share);
    if (isfinite(from))
        printf("; it pays for itself from a budget of %s tokens", asc_format_count(from, pays));
    puts(".");
}

void asc__cli_print_note_list(const json_t *notes)
{
    size_t i;
    json_t *note;
    json_array_foreach(notes, i, note)
    {
        if (json_is_string(note)) {
            printf("note: ");
            asc__cli_print_name(json_string_value(note), 0);
            putchar('\n');
        }
    }
}

void asc__cli_print_answer(const json_t *summary)
{
    const json_t *answer = json_object_get(summary, "answer");
    if (!json_is_object(answer)) {
        printf("No answer yet: the study is %s.\n",
               *string(summary, "state") ? string(summary, "state") : "unfinished");
        return;
    }
    const json_t *target = json_object_get(summary, "target");
    double tokens = asc_json_number(json_is_object(target) ? target : json_object_get(summary, "prediction"), "tokens");
    char n[24] = "the target";
    if (isfinite(tokens))
        asc_format_count(tokens, n);
    printf("%sThe mixture for %s tokens: ", bold(), n);
    asc__cli_print_name(string(answer, "name"), 0);
    printf("%s\n", plain());
    print_mixture(summary, answer);
    asc__cli_print_gain(answer, *string(summary, "objective") ? string(summary, "objective") : "J");
    print_saved(answer);
    if (!json_is_object(json_object_get(answer, "gain")))
        print_candidates(json_object_get(json_object_get(summary, "prediction"), "candidates"), string(answer, "name"));
    print_cost(answer);
    if (*string(answer, "why")) {
        printf("Why this one: ");
        asc__cli_print_name(string(answer, "why"), 0);
        putchar('\n');
    }
    asc__cli_print_note_list(json_object_get(summary, "notes"));
}
