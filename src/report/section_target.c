/* Trained at the target: where each mixture ends, seed by seed, and how many steps it saves. */
#include "page.h"

#include "base/base_json.h"

#include <math.h>
#include <string.h>

static const char *const palette[] = {"#2f57c8", "#d9541e", "#2b8a3e", "#8a4fd0", "#c98a00",
                                      "#118a9c", "#c2428f", "#9c6b4e", "#5b7a1a", "#b3322c"};

/* uniform is grey wherever it stands; the others take the palette in their order. */
static void mixture_colours(const json_t *mixtures, json_t *names, json_t *colours)
{
    size_t i, next = 0;
    json_t *m;
    json_array_foreach(mixtures, i, m)
    {
        const char *name = asc__str(m, "name");
        bool uniform = strncmp(name, "uniform", 7) == 0;
        json_array_append_new(names, json_string(name));
        json_array_append_new(colours, json_string(uniform ? "#7b8494" : palette[next % 10]));
        next += !uniform;
    }
}

/* ---- where each ends ---- */

static void final_chart(asc_page *p, const json_t *mixtures)
{
    json_t *names = json_array(), *colours = json_array(), *seeds = json_array(), *means = json_array(), *m, *run;
    size_t i, k;
    mixture_colours(mixtures, names, colours);
    json_array_foreach(mixtures, i, m)
    {
        json_array_foreach(asc__at(m, "runs"), k, run)
        {
            json_t *row = isfinite(asc__num(run, "objective")) ? asc__chart_row(seeds) : NULL;
            asc__put_str(row, "mixture", asc__str(m, "name"));
            asc__put_num(row, "seed", asc__num(run, "seed"));
            asc__put_num(row, "objective", asc__num(run, "objective"));
        }
        json_t *row = isfinite(asc__num(m, "mean")) ? asc__chart_row(means) : NULL;
        asc__put_str(row, "mixture", asc__str(m, "name"));
        double mean = asc__num(m, "mean"), sd = asc__num(m, "sd");
        asc__put_num(row, "mean", mean);
        asc__put_num(row, "sd", sd);
        asc__put_num(row, "lo", mean - (isfinite(sd) ? sd : 0));
        asc__put_num(row, "hi", mean + (isfinite(sd) ? sd : 0));
    }
    json_t *unit =
        json_sprintf("%s [%s], lower is better", asc__str(p->summary, "objective"), asc__objective_unit(p->summary));
    asc__chart(
        p, "final",
        "<b>Objective at the end, a dot for each seed</b>, an upright bar at the mean, a line one standard deviation "
        "to each side; dashed: uniform.",
        json_pack("{s:o,s:o}", "seeds", seeds, "means", means),
        json_pack("{s:o,s:o,s:o}", "mixtures", names, "colours", colours, "unit", unit));
}

static void saved_cell(asc_buf *b, const json_t *saved)
{
    double mean = asc__num(saved, "mean"), lo = asc__num(saved, "min"), hi = asc__num(saved, "max");
    char exact[32];
    if (!isfinite(mean)) {
        asc_buf_puts(b, "<td class=\"n\"></td>");
        return;
    }
    asc_buf_printf(b, "<td class=\"n\" data-v=\"%s\">%.1f\xc2\xa0%%", asc_format_double(mean, exact), 100 * mean);
    if (isfinite(lo) && isfinite(hi))
        asc_buf_printf(b, " (%.1f to %.1f)", 100 * lo, 100 * hi);
    asc_buf_puts(b, "</td>");
}

/* Objective of the run with this seed, NaN if there is none. */
static double of_seed(const json_t *mixture, double seed)
{
    size_t i;
    json_t *run;
    json_array_foreach(asc__at(mixture, "runs"), i, run)
    {
        if (asc__num(run, "seed") == seed)
            return asc__num(run, "objective");
    }
    return NAN;
}

/* Mean and range over seeds of the difference to uniform: runs of one seed share their beginning, so pairs say more. */
static void against_cell(asc_buf *b, const json_t *mixture, const json_t *uniform)
{
    double sum = 0, lo = INFINITY, hi = -INFINITY;
    size_t i, n = 0;
    char exact[32];
    json_t *run;
    json_array_foreach(asc__at(mixture, "runs"), i, run)
    {
        double d = asc__num(run, "objective") - of_seed(uniform, asc__num(run, "seed"));
        if (!isfinite(d))
            continue;
        sum += d;
        lo = fmin(lo, d);
        hi = fmax(hi, d);
        n++;
    }
    if (n == 0 || mixture == uniform) {
        asc_buf_puts(b, "<td class=\"n\"></td>");
        return;
    }
    asc_buf_printf(b, "<td class=\"n\" data-v=\"%s\">%+.4f", asc_format_double(sum / (double)n, exact),
                   sum / (double)n);
    if (n > 1)
        asc_buf_printf(b, " (%+.4f to %+.4f)", lo, hi);
    asc_buf_puts(b, "</td>");
}

/* Runs of a mixture that have an objective. */
static double n_ended(const json_t *mixture)
{
    size_t i;
    double n = 0;
    json_t *run;
    json_array_foreach(asc__at(mixture, "runs"), i, run)
    {
        n += isfinite(asc__num(run, "objective"));
    }
    return n;
}

static void final_table(asc_page *p, const json_t *mixtures)
{
    static const char *const heads[] = {
        "mixture", "#seeds", "#mean", "#sd", "#against uniform, by seed", "#steps saved, or lost (-)", NULL};
    asc_buf *b = &p->out;
    const json_t *uniform = asc__named(mixtures, "uniform");
    const char *answer = asc__str(asc__at(p->summary, "answer"), "name");
    size_t i;
    json_t *m;
    asc__table_open(b, heads);
    json_array_foreach(mixtures, i, m)
    {
        bool chosen = strcmp(asc__str(m, "name"), answer) == 0;
        asc_buf_puts(b, chosen ? "<tr class=\"chosen\">" : "<tr>");
        if (*asc__str(m, "same_as")) {
            char name[200];
            snprintf(name, sizeof name, "%s (same as %s)", asc__str(m, "name"), asc__str(m, "same_as"));
            asc__cell_name(b, name);
        } else
            asc__cell_name(b, asc__str(m, "name"));
        asc__cell_count(b, n_ended(m));
        asc__cell_fixed(b, asc__num(m, "mean"), 4);
        asc__cell_fixed(b, asc__num(m, "sd"), 4);
        against_cell(b, m, uniform);
        saved_cell(b, asc__at(m, "steps_saved"));
        asc_buf_putc(b, '\n');
    }
    asc__table_close(b);
}

/* ---- curves ---- */

typedef struct span {
    double x0, x1, y0, y1;
} span;

static void curve_points(json_t *points, const json_t *m, span *s)
{
    const json_t *curve = asc__at(m, "curve");
    size_t i;
    json_t *point;
    double end = asc__num(json_array_get(curve, json_array_size(curve) - 1), "tokens");
    json_array_foreach(curve, i, point)
    {
        double x = asc__num(point, "tokens"), y = asc__num(point, "mean");
        json_t *row = isfinite(x) && isfinite(y) ? asc__chart_row(points) : NULL;
        if (!row)
            continue;
        double lo = asc__num(point, "min"), hi = asc__num(point, "max");
        asc__put_str(row, "mixture", asc__str(m, "name"));
        asc__put_num(row, "tokens", x);
        asc__put_num(row, "mean", y);
        asc__put_num(row, "min", isfinite(lo) ? lo : y);
        asc__put_num(row, "max", isfinite(hi) ? hi : y);
        s->x1 = fmax(s->x1, x);
        s->y0 = fmin(s->y0, isfinite(lo) ? lo : y);
        if (x >= .25 * end) /* the steep beginning would flatten what is of interest */
            s->y1 = fmax(s->y1, y);
    }
}

/* Tokens at which the mean curve first falls to level, between its points by a straight line; NaN if never. */
static double crossing(const json_t *curve, double level)
{
    double x0 = NAN, y0 = NAN;
    size_t i;
    json_t *point;
    json_array_foreach(curve, i, point)
    {
        double x = asc__num(point, "tokens"), y = asc__num(point, "mean");
        if (y <= level)
            return isfinite(y0) && y0 > y ? x0 + (x - x0) * (y0 - level) / (y0 - y) : x;
        x0 = x;
        y0 = y;
    }
    return NAN;
}

static json_t *saved_lines(const json_t *mixtures)
{
    json_t *saved = json_array(), *m;
    const json_t *uniform = asc__at(asc__named(mixtures, "uniform"), "curve");
    const json_t *end = json_array_get(uniform, json_array_size(uniform) - 1);
    double level = asc__num(end, "mean");
    size_t i, row = 0;
    double first = INFINITY; /* labels stand left of the leftmost line, one below the other */
    json_array_foreach(mixtures, i, m)
    {
        const char *name = asc__str(m, "name");
        double share = asc__num(asc__at(m, "steps_saved"), "mean"), from = crossing(asc__at(m, "curve"), level);
        if (!(share > 0) || !isfinite(from))
            continue;
        json_t *line = asc__chart_row(saved);
        asc__put_str(line, "mixture", name);
        asc__put_num(line, "from", from);
        first = fmin(first, from);
        asc__put_num(line, "level", level);
        asc__put_num(line, "row", (double)row++);
        json_object_set_new(line, "label", json_sprintf("%s: %.1f %% of the steps saved", name, 100 * share));
    }
    json_array_foreach(saved, i, m)
    {
        asc__put_num(m, "at", first);
    }
    return saved;
}

static void curves_chart(asc_page *p, const json_t *mixtures)
{
    json_t *names = json_array(), *colours = json_array(), *points = json_array(), *m;
    span s = {0, 0, INFINITY, -INFINITY};
    size_t i;
    mixture_colours(mixtures, names, colours);
    json_array_foreach(mixtures, i, m)
    {
        curve_points(points, m, &s);
    }
    if (!(s.x1 > 0) || !(s.y1 > s.y0))
        s = (span){0, 1, 0, 1};
    double pad = .04 * (s.y1 - s.y0);
    json_t *unit = json_sprintf("%s [%s]", asc__str(p->summary, "objective"), asc__objective_unit(p->summary));
    asc__chart(p, "curves",
               "<b>Objective on held-out text while training</b>, mean and range over seeds. Upright lines: where a "
               "mixture has "
               "reached what uniform has at its end.",
               json_pack("{s:o,s:o}", "points", points, "saved", saved_lines(mixtures)),
               json_pack("{s:o,s:o,s:o,s:f,s:f,s:f,s:f}", "mixtures", names, "colours", colours, "unit", unit, "yLo",
                         s.y0 - pad, "yHi", s.y1 + pad, "xLo", .2 * s.x1, "xHi", s.x1));
}

static void curves_table(asc_page *p, const json_t *mixtures)
{
    static const char *const heads[] = {"mixture", "#tokens", "#mean", "#smallest", "#largest", NULL};
    asc_buf *b = &p->out;
    size_t i, k;
    json_t *m, *point;
    asc__details_open(b, "The curves as a table");
    asc__table_open(b, heads);
    json_array_foreach(mixtures, i, m)
    {
        json_array_foreach(asc__at(m, "curve"), k, point)
        {
            asc__row(b);
            asc__cell_name(b, asc__str(m, "name"));
            asc__cell_count(b, asc__num(point, "tokens"));
            asc__cell_fixed(b, asc__num(point, "mean"), 4);
            asc__cell_fixed(b, asc__num(point, "min"), 4);
            asc__cell_fixed(b, asc__num(point, "max"), 4);
            asc_buf_putc(b, '\n');
        }
    }
    asc__table_close(b);
    asc__details_close(b);
}

/* ---- losses by target: what the objective hides ---- */

static double mean_loss(const json_t *mixture, const char *target)
{
    double sum = 0;
    size_t i, n = 0;
    json_t *run;
    json_array_foreach(asc__at(mixture, "runs"), i, run)
    {
        double x = asc__num(asc__at(run, "loss"), target);
        if (isfinite(x)) {
            sum += x;
            n++;
        }
    }
    return n ? sum / (double)n : NAN;
}

static void loss_table(asc_page *p, const json_t *mixtures)
{
    asc_buf *b = &p->out;
    const json_t *targets = asc__at(p->summary, "targets");
    size_t i, k;
    json_t *m, *target;
    if (json_array_size(targets) == 0)
        return;
    asc_buf_puts(b, "<h3>Loss by validation set</h3>\n<p class=\"small soft\">Mean over seeds [nats a token].</p>");
    asc__table_begin(b);
    asc__table_head(b, "mixture", false);
    json_array_foreach(targets, k, target)
    {
        asc__table_head(b, json_is_string(target) ? json_string_value(target) : "", true);
    }
    asc__table_heads_end(b);
    json_array_foreach(mixtures, i, m)
    {
        asc__row(b);
        asc__cell_name(b, asc__str(m, "name"));
        json_array_foreach(targets, k, target)
        {
            asc__cell_fixed(b, json_is_string(target) ? mean_loss(m, json_string_value(target)) : NAN, 4);
        }
        asc_buf_putc(b, '\n');
    }
    asc__table_close(b);
}

static bool any_ended(const json_t *mixtures)
{
    size_t i;
    json_t *m;
    json_array_foreach(mixtures, i, m)
    {
        if (isfinite(asc__num(m, "mean")))
            return true;
    }
    return false;
}

static bool have_curves(const json_t *mixtures)
{
    size_t i;
    json_t *m;
    json_array_foreach(mixtures, i, m)
    {
        if (json_array_size(asc__at(m, "curve")) > 1)
            return true;
    }
    return false;
}

void asc__section_target(asc_page *p)
{
    const json_t *mixtures = asc__at(asc__at(p->summary, "target"), "mixtures");
    asc_buf *b = &p->out;
    if (json_array_size(mixtures) == 0)
        return;
    asc_buf_puts(b, "<section id=\"target\"><h2>Trained at the target</h2>\n<p>Each mixture trained a model on ");
    asc__html_si(b, asc__target_tokens(p->summary));
    asc_buf_puts(b, " tokens, with the same seeds.</p>\n");
    if (!any_ended(mixtures)) {
        asc_buf_puts(b, "<p class=\"soft\">None of these runs has ended yet.</p></section>\n");
        return;
    }
    final_chart(p, mixtures);
    final_table(p, mixtures);
    if (have_curves(mixtures)) {
        curves_chart(p, mixtures);
        curves_table(p, mixtures);
    }
    loss_table(p, mixtures);
    asc_buf_puts(b, "</section>\n");
}
