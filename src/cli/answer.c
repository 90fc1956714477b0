/* The answer of a study on the terminal: shared by run, status and demo. */
#include <math.h>
#include <string.h>

#include "mixing.h"

static const char *bold(void)
{
    return asc__cli_colour() ? "\033[1m" : "";
}

static const char *plain(void)
{
    return asc__cli_colour() ? "\033[0m" : "";
}

static int name_width(const asc_summary *s)
{
    int widest = 6;
    for (size_t i = 0; i < s->n_domains; i++) {
        int n = asc__cli_columns(s->domains[i].name);
        widest = n > widest ? n : widest;
    }
    return widest < 40 ? widest : 40;
}

static void print_interval(const asc_interval *ci)
{
    char text[32] = "";
    if (ci && ci->hi - ci->lo < 5e-5 && ci->hi > 5e-4 && ci->lo < 1 - 5e-4)
        snprintf(text, sizeof text, "undetermined"); /* every draw was held at one limit */
    else if (ci)
        snprintf(text, sizeof text, "%.1f to %.1f %%", 100 * ci->lo, 100 * ci->hi);
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

static void print_mixture(const asc_summary *s)
{
    const asc_summary_answer *a = &s->answer;
    int width = name_width(s);
    printf("\n  %-*s   share  %17s  %8s  %6s\n", width, "domain", a->ci ? "interval" : "", "tokens", "epochs");
    for (size_t i = 0; a->weights && i < s->n_domains; i++) {
        double share = a->weights[i], tokens = a->tokens ? a->tokens[i] : NAN, epochs = s->domains[i].epochs_at_target;
        char t[24] = "-", e[24] = "-";
        if (isfinite(tokens))
            asc_format_count(tokens, t);
        if (isfinite(epochs))
            snprintf(e, sizeof e, "%.2f", epochs);
        printf("  ");
        asc__cli_print_name(s->domains[i].name, width);
        printf("  %s%5.1f %%%s", bold(), 100 * share, plain());
        print_interval(a->ci ? &a->ci[i] : NULL);
        printf("  %8s  %6s", t, e);
        print_bar(share);
    }
    putchar('\n');
}

/* "3.4000 .. 3.5000", "-" where there is none; buf >= 64. */
static const char *interval(asc_interval x, char *buf)
{
    return asc__cli_range(x.lo, x.hi, 4, buf);
}

/* "Expected mean-loss at the target: 3.4512 (90 %: 3.40 .. 3.50), 0.0123 below uniform (90 %: …); P(better than
 * uniform) 0.91." */
static void print_expected(const asc_summary_expected *e, const char *objective)
{
    char of_value[64], of_gain[64];
    printf("%sExpected %s at the target: %.4f%s (90 %%: %s)", bold(), objective, e->objective, plain(),
           interval(e->ci, of_value));
    if (isfinite(e->p_better))
        printf(", %.4f %s uniform (90 %%: %s)", fabs(e->gain), e->gain < 0 ? "above" : "below",
               interval(e->gain_ci, of_gain));
    if (isfinite(e->p_better))
        printf("; P(better than uniform) %.2f", e->p_better);
    printf(". Predicted by the law fitted to all runs (%s); nothing was trained at the target.\n",
           e->law ? e->law : "");
}

/* What the answer gains over uniform: measured, or as its law expects it. */
static void print_gain(const asc_summary *s)
{
    const asc_summary_gain *gain = &s->answer.gain;
    const char *objective = s->objective && *s->objective ? s->objective : "J";
    if (!gain->known) {
        if (s->answer.expected.known)
            print_expected(&s->answer.expected, objective);
        else
            printf("Gain over uniform: unknown (nothing was trained at the target, and no law can predict it).\n");
        return;
    }
    double mean = gain->mean, lo = gain->lo, hi = gain->hi, noise = gain->noise;
    bool beyond = gain->beyond_noise;
    if (beyond)
        printf("%sGain over uniform: %.4f in %s%s", bold(), mean, objective, plain());
    else if (!isfinite(noise))
        printf(
            "%sGain over uniform: unknown%s: %+.4f in %s between single runs, without repeats to estimate seed noise",
            bold(), plain(), mean, objective);
    else
        printf("%sNo gain over uniform beyond noise%s: %+.4f in %s", bold(), plain(), mean, objective);
    if (isfinite(lo) && isfinite(hi))
        printf(" (%.4f to %.4f)", lo, hi);
    if (isfinite(noise))
        printf("; seed noise %.4f", noise);
    puts(".");
}

/* What the answer makes worse is part of it. */
static void print_worse(const asc_summary *s)
{
    bool any = false;
    for (size_t v = 0; v < s->n_targets; v++) {
        bool single;
        double more = asc_summary_worse(&single, s, v);
        if (isnan(more))
            continue;
        printf(any ? ", " : "Worse than with uniform: ");
        asc__cli_print_name(s->targets[v], 0);
        printf(" %+.4f nats%s", more, single ? " (single runs)" : "");
        any = true;
    }
    if (any)
        puts(".");
}

static void print_saved(const asc_summary_answer *a)
{
    double mean = a->saved.mean, lo = a->saved.lo, hi = a->saved.hi;
    if (!isfinite(mean) || !a->gain.beyond_noise)
        return;
    printf("%s%.0f %% of the steps saved%s: %s", bold(), 100 * mean, plain(),
           a->saved.shorter ? "a run that much shorter on this mixture would end at uniform's final loss"
                            : "this mixture reaches uniform's final loss that much earlier");
    if (isfinite(lo) && isfinite(hi))
        printf(" (%.0f to %.0f %% over seeds)", 100 * lo, 100 * hi);
    puts(".");
}

/* The candidates as the law expects them, the least first: what the choice was made by where nothing was trained. */
static void print_candidates(const asc_summary *s)
{
    const asc_summary_candidate *list = s->prediction.candidates;
    size_t n = s->prediction.n_candidates;
    bool known = false;
    int width = 9;
    for (size_t i = 0; i < n; i++) {
        int w = asc__cli_columns(list[i].name ? list[i].name : "");
        known |= list[i].expected.known;
        width = w > width ? w : width;
    }
    if (n < 2 || !known)
        return;
    printf("\n  %-*s  %9s  %-20s  %-20s  %s\n", width, "candidate", "expected", "90 % interval", "below uniform",
           "P(better than uniform)");
    for (size_t i = 0; i < n; i++) {
        const asc_summary_expected *e = &list[i].expected;
        const char *name = list[i].name ? list[i].name : "";
        char value[32], range[64], gain[64], p[32];
        asc__cli_figure(e->known ? e->objective : NAN, 4, value);
        asc_interval ci = e->known ? e->ci : (asc_interval){NAN, NAN};
        bool told = e->known && isfinite(e->p_better);
        printf("  ");
        asc__cli_print_name(name, width);
        printf("  %9s  %-20s  %-20s  %s%s\n", value, interval(ci, range), told ? interval(e->gain_ci, gain) : "-",
               asc__cli_figure(told ? e->p_better : NAN, 2, p),
               s->answer.name && strcmp(name, s->answer.name) == 0 ? "  <- the answer" : "");
    }
    putchar('\n');
}

/* "The target: 16k tokens, 200k parameters, 19.2GFLOPs to train, elsewhere." */
static void print_target_run(const asc_summary_target_run *t)
{
    char tokens[24], params[24], flops[24];
    if (t->known)
        printf("The target: %s tokens, %s parameters, %sFLOPs to train%s.\n", asc_format_count(t->tokens, tokens),
               asc_format_count(t->params, params), asc_format_si(t->flops, flops), t->trained ? "" : ", elsewhere");
}

static void print_cost(const asc_summary_answer *a)
{
    char tokens[24], time[24], pays[24];
    double n = a->search_tokens, seconds = a->search_seconds, multiple = a->search_multiple, from = a->pays_from_tokens;
    if (!isfinite(n))
        return;
    printf("The search cost %s tokens", asc_format_count(n, tokens));
    if (isfinite(seconds))
        printf(" and %s", asc_format_duration(seconds, time));
    if (isfinite(multiple))
        printf(", %.2g times the target run", multiple);
    if (isfinite(a->search_share))
        printf(" (%.3g times its FLOPs, evaluation included)", a->search_share);
    if (isfinite(from))
        printf("; break-even budget: %s tokens", asc_format_count(from, pays));
    puts(".");
}

/* What each of the published methods beside our own search took. */
static void print_rivals(const asc_summary *s)
{
    for (size_t i = 0; i < s->n_rivals; i++) {
        const asc_summary_rival *r = &s->rivals[i];
        char share[32];
        printf("%s%s", i == 0 ? "Rivals took, as shares of the target's FLOPs: " : ", ", r->name);
        if (!r->weights)
            printf(" (no mixture)");
        else
            printf(" %s", asc_format_percent(r->share, share));
    }
    if (s->n_rivals)
        puts(".");
}

/* From where on the mixture is another one. */
static void print_phases(const asc_summary *s)
{
    const asc_summary_answer *a = &s->answer;
    for (size_t k = 1; k < a->n_phases && a->phases[k].weights; k++) {
        printf("The mixture changes at %.3g %% of the run; after that:", 100 * a->phases[k - 1].until);
        for (size_t i = 0; i < s->n_domains; i++) {
            printf(" ");
            asc__cli_print_name(s->domains[i].name, 0);
            printf(" %.1f %%%s", 100 * a->phases[k].weights[i], i + 1 < s->n_domains ? "," : ".\n");
        }
    }
}

/* What merged models were worth, against branches that were really trained. */
static void print_one_fidelity(const asc_summary_search *x)
{
    char rank[32], bias[32], spread[32], delta[32];
    if (x->n_checks > 0)
        printf(
            "Merged models against %zu trained branches: rank correlation %s, bias %s +- %s nats; branches are %s from "
            "their starting point (delta; averaging is trusted below .1).\n",
            x->n_checks, asc__cli_figure(x->rank, 2, rank), asc__cli_figure(x->bias, 4, bias),
            asc__cli_figure(x->spread, 4, spread), asc__cli_figure(x->delta, 3, delta));
    if (x->decided) {
        printf("The search: ");
        asc__cli_print_name(x->decided, 0);
        puts(".");
    }
}

static void print_fidelity(const asc_summary_search *x)
{
    if (x->began) {
        printf("The start: ");
        asc__cli_print_name(x->began, 0);
        puts(".");
    }
    for (size_t k = 0; k < x->n_stages; k++) {
        printf("At %.3g %% of the run. ", 100 * x->stages[k].prefix);
        print_one_fidelity(&x->stages[k]);
    }
    if (!x->n_stages)
        print_one_fidelity(x);
}

void asc__cli_print_summary_notes(const asc_summary *s)
{
    for (size_t i = 0; s && i < s->notes.n; i++) {
        printf("note: ");
        asc__cli_print_name(s->notes.text[i], 0);
        putchar('\n');
    }
}

void asc__cli_print_short_answer(const asc_summary *s)
{
    if (!s || !s->answer.known)
        return;
    printf("answer: ");
    asc__cli_print_name(s->answer.name ? s->answer.name : "", 0);
    putchar('\n');
    print_gain(s);
}

void asc__cli_print_answer(const asc_summary *s)
{
    const asc_summary_answer *a = &s->answer;
    if (!a->known) {
        printf("No answer yet: the study is %s.\n",
               s->state == ASC_STUDY_UNKNOWN ? "unfinished" : asc_study_state_name(s->state));
        return;
    }
    double tokens = s->target.known       ? s->target.tokens
                    : s->prediction.known ? s->prediction.tokens
                    : s->search.known     ? s->search.tokens
                                          : NAN;
    char n[24] = "the target";
    if (isfinite(tokens))
        asc_format_count(tokens, n);
    printf("%sThe mixture for %s tokens: ", bold(), n);
    asc__cli_print_name(a->name ? a->name : "", 0);
    printf("%s\n", plain());
    if (a->verdict && *a->verdict)
        printf("%s%s%s.\n", bold(), a->verdict, plain());
    print_mixture(s);
    print_phases(s);
    print_gain(s);
    print_saved(a);
    print_worse(s);
    if (!a->gain.known)
        print_candidates(s);
    if (s->search.known)
        print_fidelity(&s->search);
    print_target_run(&s->target_run);
    print_cost(a);
    print_rivals(s);
    if (a->why && *a->why) {
        printf("Why this one: ");
        asc__cli_print_name(a->why, 0);
        putchar('\n');
    }
    asc__cli_print_summary_notes(s);
}
