#include <math.h>
#include <stdio.h>
#include <string.h>

#include "mixing.h"
#include "values.h"

/* ---- JSON ---- */

static json_t *change_json(asc_difference d, double unit)
{
    json_t *j = json_object();
    json_object_set_new(j, "change", asc_json_num(d.value * unit));
    json_object_set_new(j, "ci", asc__cli_interval(d.lo * unit, d.hi * unit));
    json_object_set_new(j, "p_better", asc_json_num(d.p_better));
    return j;
}

static json_t *row_json(const asc_difference *row, const asc_law_set *s, double unit)
{
    json_t *j = json_object(), *loss = json_object();
    json_object_set_new(j, "objective", change_json(row[s->n_targets], unit));
    for (size_t v = 0; v < s->n_targets; v++)
        json_object_set_new(loss, s->targets[v], change_json(row[v], unit));
    json_object_set_new(j, "loss", loss);
    return j;
}

json_t *asc__cli_values_json(const asc_values *v, const asc_law_set *s)
{
    size_t width = v->n_targets + 1;
    json_t *j = json_object(), *domains = json_object();
    for (size_t i = 0; i < v->n_domains; i++) {
        const asc_difference *more = v->per_token + i * width;
        json_t *d = json_object();
        json_object_set_new(d, "per_point", row_json(v->per_point + i * width, s, 1));
        json_object_set_new(d, "per_billion_tokens",
                            isnan(more[v->n_targets].value) ? json_null() : row_json(more, s, 1e9));
        json_object_set_new(domains, s->domains[i], d);
    }
    json_object_set_new(j, "weights", asc__cli_map(s->domains, v->shares, v->n_domains));
    json_object_set_new(j, "tokens", asc_json_num(v->n_tokens));
    json_object_set_new(j, "params", asc_json_num(v->params));
    json_object_set_new(j, "domains", domains);
    return j;
}

/* ---- for people ---- */

/* "c4 -1.34": the target that changes most in a direction, if its interval lies wholly there. */
static void print_extreme(const asc_difference *row, const asc_law_set *s, int sign)
{
    size_t best = s->n_targets;
    char shown[48] = "-", name[32];
    for (size_t v = 0; v < s->n_targets; v++) {
        bool sure = sign < 0 ? row[v].hi < 0 : row[v].lo > 0;
        if (sure && (best == s->n_targets || sign * row[v].value > sign * row[best].value))
            best = v;
    }
    if (best < s->n_targets) {
        snprintf(name, sizeof name, "%.20s", s->targets[best]);
        snprintf(shown, sizeof shown, "%s %+.2f", name, 1e3 * row[best].value);
    }
    printf("  ");
    asc__cli_print_name(shown, 26);
}

static void print_change(asc_difference d, double unit)
{
    char range[64], p[24];
    if (isnan(d.value))
        printf("  %8s  %-18s  %8s", "-", "", "-");
    else
        printf("  %+8.2f  %-18s  %8s", d.value * unit, asc__cli_range(d.lo * unit, d.hi * unit, 2, range),
               asc__cli_figure(d.p_better, 2, p));
}

static void print_head(const asc_values *v, int names, bool targets, bool budgets)
{
    char n[24];
    printf(
        "\nWhich domains matter, at these shares and %s tokens. One point more: a domain's share rises by one "
        "percentage "
        "point and the\nothers (but those that never varied) fall in proportion; change of the objective in 1e-3 nats "
        "per token, below 0 helps.\n%s%s\n",
        asc_format_count(v->n_tokens, n),
        targets ? "Most helped and hurt: the targets beyond their 90 % interval. " : "",
        budgets ? "More tokens: change in nats per token for as many more tokens\nof the domain on top of the budget."
                : "");
    printf("\n%-*s  %7s  %8s  %-18s  %8s", names, "domain", "share", "1 point", "90 %", "P(helps)");
    if (targets)
        printf("  %-26s  %-26s", "most helped", "most hurt");
    if (budgets)
        printf("  %9s  %-18s", v->n_tokens >= 1e8 ? "1B more" : "1M more", "90 %");
    putchar('\n');
}

/* Domains by targets, where it fits on a screen. */
static void print_matrix(const asc_values *v, const asc_law_set *s, int names)
{
    size_t V = v->n_targets, width = V + 1;
    if (V < 2 || V > 14 || v->n_domains > 40) {
        if (V > 14 || v->n_domains > 40)
            printf("\nEvery domain on every target: in --json, and in the page of `autoscale report`.\n");
        return;
    }
    printf("\nOne point more of each domain (rows) on each target (columns), 1e-3 nats per token; * beyond the 90 %% "
           "interval\n\n%-*s",
           names, "");
    for (size_t t = 0; t < V; t++)
        printf("  %10.10s", s->targets[t]);
    putchar('\n');
    for (size_t i = 0; i < v->n_domains; i++) {
        asc__cli_print_name(s->domains[i], names);
        for (size_t t = 0; t < V; t++) {
            asc_difference d = v->per_point[i * width + t];
            bool sure = d.hi < 0 || d.lo > 0;
            if (isnan(d.value))
                printf("  %10s", "-");
            else
                printf("  %+9.2f%c", 1e3 * d.value, sure ? '*' : ' ');
        }
        putchar('\n');
    }
}

void asc__cli_print_values(const asc_values *v, const asc_law_set *s)
{
    size_t width = v->n_targets + 1;
    int names = asc__cli_width(s->domains, s->n_domains, 6);
    double unit = v->n_tokens >= 1e8 ? 1e9 : 1e6;
    char range[64];
    bool budgets = false, targets = false;
    for (size_t i = 0; i < v->n_domains; i++) {
        budgets |= !isnan(v->per_token[i * width + v->n_targets].value);
        targets |= !isnan(v->per_point[i * width].value);
    }
    print_head(v, names, targets, budgets);
    for (size_t i = 0; i < v->n_domains; i++) {
        const asc_difference *row = v->per_point + i * width, more = v->per_token[i * width + v->n_targets];
        asc__cli_print_name(s->domains[i], names);
        printf("  %5.2f %%", 100 * v->shares[i]);
        print_change(row[v->n_targets], 1e3);
        if (targets) {
            print_extreme(row, s, -1);
            print_extreme(row, s, 1);
        }
        if (budgets && !isnan(more.value))
            printf("  %+9.4f  %-18s", more.value * unit, asc__cli_range(more.lo * unit, more.hi * unit, 4, range));
        putchar('\n');
    }
    if (targets)
        print_matrix(v, s, names);
}
