/* Trained at the target: where each mixture ends, seed by seed, and how many steps it saves. */
#include "page.h"

#include "base/base_json.h"

#include <math.h>
#include <string.h>

static const char *const palette[] = {"#2f57c8", "#d9541e", "#2b8a3e", "#8a4fd0", "#c98a00",
                                      "#118a9c", "#c2428f", "#9c6b4e", "#5b7a1a", "#b3322c"};

/* uniform is grey wherever it stands; the others take the palette in their order. */
static void mixture_colours(const asc_summary_target *t, json_t *names, json_t *colours)
{
    size_t next = 0;
    for (size_t i = 0; i < t->n_mixtures; i++) {
        const char *name = t->mixtures[i].name;
        bool uniform = strncmp(name, "uniform", 7) == 0;
        json_array_append_new(names, json_string(name));
        json_array_append_new(colours, json_string(uniform ? "#7b8494" : palette[next % 10]));
        next += !uniform;
    }
}

static const asc_summary_mixture *uniform_of(const asc_summary_target *t)
{
    for (size_t i = 0; i < t->n_mixtures; i++)
        if (strcmp(t->mixtures[i].name, "uniform") == 0)
            return &t->mixtures[i];
    return NULL;
}

/* ---- where each ends ---- */

static void final_chart(asc_page *p, const asc_summary_target *t)
{
    json_t *names = json_array(), *colours = json_array(), *seeds = json_array(), *means = json_array();
    mixture_colours(t, names, colours);
    for (size_t i = 0; i < t->n_mixtures; i++) {
        const asc_summary_mixture *m = &t->mixtures[i];
        for (size_t k = 0; k < m->n_runs; k++) {
            json_t *row = isfinite(m->runs[k].objective) ? asc__chart_row(seeds) : NULL;
            asc__put_str(row, "mixture", m->name);
            asc__put_num(row, "seed", (double)m->runs[k].seed);
            asc__put_num(row, "objective", m->runs[k].objective);
        }
        json_t *row = isfinite(m->mean) ? asc__chart_row(means) : NULL;
        double sd = isfinite(m->sd) ? m->sd : 0;
        asc__put_str(row, "mixture", m->name);
        asc__put_num(row, "mean", m->mean);
        asc__put_num(row, "sd", m->sd);
        asc__put_num(row, "lo", m->mean - sd);
        asc__put_num(row, "hi", m->mean + sd);
    }
    json_t *unit =
        json_sprintf("%s [%s], lower is better", asc__or_empty(p->study->objective), asc__objective_unit(p->study));
    asc__chart(p, "final",
               "<b>Final objective, one dot per seed</b>; vertical bar: mean; line: one standard deviation to each "
               "side; dashed: uniform.",
               json_pack("{s:o,s:o}", "seeds", seeds, "means", means),
               json_pack("{s:o,s:o,s:o}", "mixtures", names, "colours", colours, "unit", unit));
}

static void saved_cell(asc_buf *b, const asc_summary_saved *saved)
{
    double mean = saved->mean, lo = saved->lo, hi = saved->hi;
    char exact[32];
    if (saved->pairs == 0 || !isfinite(mean)) {
        asc_buf_puts(b, "<td class=\"n\"></td>");
        return;
    }
    asc_buf_printf(b, "<td class=\"n\" data-v=\"%s\">%.1f\xc2\xa0%%", asc_format_double(mean, exact), 100 * mean);
    if (isfinite(lo) && isfinite(hi))
        asc_buf_printf(b, " (%.1f to %.1f)", 100 * lo, 100 * hi);
    asc_buf_puts(b, "</td>");
}

/* Objective of the run with this seed, NaN if there is none. */
static double of_seed(const asc_summary_mixture *m, uint64_t seed)
{
    for (size_t i = 0; m && i < m->n_runs; i++)
        if (m->runs[i].seed == seed)
            return m->runs[i].objective;
    return NAN;
}

/* Mean and range over seeds of the difference to uniform: runs of one seed share their beginning, so pairs say more. */
static void against_cell(asc_buf *b, const asc_summary_mixture *mixture, const asc_summary_mixture *uniform)
{
    double sum = 0, lo = INFINITY, hi = -INFINITY;
    size_t n = 0;
    char exact[32];
    for (size_t i = 0; i < mixture->n_runs; i++) {
        double d = mixture->runs[i].objective - of_seed(uniform, mixture->runs[i].seed);
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
static double n_ended(const asc_summary_mixture *m)
{
    double n = 0;
    for (size_t i = 0; i < m->n_runs; i++)
        n += isfinite(m->runs[i].objective);
    return n;
}

static void final_table(asc_page *p, const asc_summary_target *t)
{
    static const char *const heads[] = {
        "mixture", "#seeds", "#mean", "#sd", "#against uniform, by seed", "#steps saved, or lost (-)", NULL};
    asc_buf *b = &p->out;
    const asc_summary_mixture *uniform = uniform_of(t);
    const char *answer = p->study->answer.known ? asc__or_empty(p->study->answer.name) : "";
    asc__table_open(b, heads);
    for (size_t i = 0; i < t->n_mixtures; i++) {
        const asc_summary_mixture *m = &t->mixtures[i];
        asc_buf_puts(b, strcmp(m->name, answer) == 0 ? "<tr class=\"chosen\">" : "<tr>");
        if (m->same_as && *m->same_as) {
            char name[200];
            snprintf(name, sizeof name, "%s (same as %s)", m->name, m->same_as);
            asc__cell_name(b, name);
        } else
            asc__cell_name(b, m->name);
        asc__cell_count(b, n_ended(m));
        asc__cell_fixed(b, m->mean, 4);
        asc__cell_fixed(b, m->sd, 4);
        against_cell(b, m, uniform);
        saved_cell(b, &m->saved);
        asc_buf_putc(b, '\n');
    }
    asc__table_close(b);
}

/* ---- curves ---- */

typedef struct span {
    double x0, x1, y0, y1;
} span;

static void curve_points(json_t *points, const asc_summary_mixture *m, span *s)
{
    double end = m->n_curve ? m->curve[m->n_curve - 1].tokens : NAN;
    for (size_t i = 0; i < m->n_curve; i++) {
        const asc_summary_point *v = &m->curve[i];
        double x = v->tokens, y = v->mean;
        json_t *row = isfinite(x) && isfinite(y) ? asc__chart_row(points) : NULL;
        if (!row)
            continue;
        asc__put_str(row, "mixture", m->name);
        asc__put_num(row, "tokens", x);
        asc__put_num(row, "mean", y);
        asc__put_num(row, "min", isfinite(v->lo) ? v->lo : y);
        asc__put_num(row, "max", isfinite(v->hi) ? v->hi : y);
        s->x1 = fmax(s->x1, x);
        s->y0 = fmin(s->y0, isfinite(v->lo) ? v->lo : y);
        if (x >= .25 * end) /* the steep beginning would flatten what is of interest */
            s->y1 = fmax(s->y1, y);
    }
}

/* Tokens at which the mean curve first falls to level, between its points by a straight line; NaN if never. */
static double crossing(const asc_summary_mixture *m, double level)
{
    double x0 = NAN, y0 = NAN;
    for (size_t i = 0; i < m->n_curve; i++) {
        double x = m->curve[i].tokens, y = m->curve[i].mean;
        if (y <= level)
            return isfinite(y0) && y0 > y ? x0 + (x - x0) * (y0 - level) / (y0 - y) : x;
        x0 = x;
        y0 = y;
    }
    return NAN;
}

/* Where a mixture's line stands: at the length of the shorter run, where its steps are saved by one, else where its
 * curve crosses. */
static double saved_at(const asc_summary_mixture *m, const asc_summary_mixture *uniform, double level)
{
    double whole = uniform && uniform->n_curve ? uniform->curve[uniform->n_curve - 1].tokens : NAN;
    return m->saved.shorter ? (1 - m->saved.mean) * whole : crossing(m, level);
}

static bool any_shorter(const asc_summary_target *t)
{
    for (size_t i = 0; i < t->n_mixtures; i++)
        if (t->mixtures[i].saved.pairs && t->mixtures[i].saved.shorter)
            return true;
    return false;
}

static json_t *saved_lines(const asc_summary_target *t)
{
    json_t *saved = json_array(), *line;
    const asc_summary_mixture *uniform = uniform_of(t);
    double level = uniform && uniform->n_curve ? uniform->curve[uniform->n_curve - 1].mean : NAN;
    size_t i, row = 0;
    double first = INFINITY; /* labels stand left of the leftmost line, one below the other */
    for (i = 0; i < t->n_mixtures; i++) {
        const asc_summary_mixture *m = &t->mixtures[i];
        double share = m->saved.pairs ? m->saved.mean : NAN, from = saved_at(m, uniform, level);
        if (!(share > 0) || !isfinite(from))
            continue;
        line = asc__chart_row(saved);
        asc__put_str(line, "mixture", m->name);
        asc__put_num(line, "from", from);
        first = fmin(first, from);
        asc__put_num(line, "level", level);
        asc__put_num(line, "row", (double)row++);
        json_object_set_new(line, "label", json_sprintf("%s: %.1f %% of the steps saved", m->name, 100 * share));
    }
    json_array_foreach(saved, i, line)
    {
        asc__put_num(line, "at", first);
    }
    return saved;
}

static void curves_chart(asc_page *p, const asc_summary_target *t)
{
    json_t *names = json_array(), *colours = json_array(), *points = json_array();
    span s = {0, 0, INFINITY, -INFINITY};
    mixture_colours(t, names, colours);
    for (size_t i = 0; i < t->n_mixtures; i++)
        curve_points(points, &t->mixtures[i], &s);
    if (!(s.x1 > 0) || !(s.y1 > s.y0))
        s = (span){0, 1, 0, 1};
    double pad = .04 * (s.y1 - s.y0);
    json_t *unit = json_sprintf("%s [%s]", asc__or_empty(p->study->objective), asc__objective_unit(p->study));
    asc__chart(p, "curves",
               any_shorter(t)
                   ? "<b>Objective on held-out text while training</b>, mean and range over seeds. Vertical lines: the "
                     "length of a run on a mixture that would end at uniform\xe2\x80\x99s final objective."
                   : "<b>Objective on held-out text while training</b>, mean and range over seeds. Vertical lines: "
                     "where a mixture reaches uniform\xe2\x80\x99s final objective.",
               json_pack("{s:o,s:o}", "points", points, "saved", saved_lines(t)),
               json_pack("{s:o,s:o,s:o,s:f,s:f,s:f,s:f}", "mixtures", names, "colours", colours, "unit", unit, "yLo",
                         s.y0 - pad, "yHi", s.y1 + pad, "xLo", .2 * s.x1, "xHi", s.x1));
}

static void curves_table(asc_page *p, const asc_summary_target *t)
{
    static const char *const heads[] = {"mixture", "#tokens", "#mean", "#smallest", "#largest", NULL};
    asc_buf *b = &p->out;
    asc__details_open(b, "Curves as a table");
    asc__table_open(b, heads);
    for (size_t i = 0; i < t->n_mixtures; i++)
        for (size_t k = 0; k < t->mixtures[i].n_curve; k++) {
            const asc_summary_point *v = &t->mixtures[i].curve[k];
            asc__row(b);
            asc__cell_name(b, t->mixtures[i].name);
            asc__cell_count(b, v->tokens);
            asc__cell_fixed(b, v->mean, 4);
            asc__cell_fixed(b, v->lo, 4);
            asc__cell_fixed(b, v->hi, 4);
            asc_buf_putc(b, '\n');
        }
    asc__table_close(b);
    asc__details_close(b);
}

/* ---- losses by target: what the objective hides ---- */

static double mean_loss(const asc_summary_mixture *m, size_t target)
{
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < m->n_runs; i++) {
        double x = m->runs[i].loss ? m->runs[i].loss[target] : NAN;
        if (isfinite(x)) {
            sum += x;
            n++;
        }
    }
    return n ? sum / (double)n : NAN;
}

static void loss_table(asc_page *p, const asc_summary_target *t)
{
    asc_buf *b = &p->out;
    const asc_summary *s = p->study;
    if (s->n_targets == 0)
        return;
    asc_buf_puts(b, "<h3>Loss by validation set</h3>\n<p class=\"small soft\">Mean over seeds [nats per token].</p>");
    asc__table_begin(b);
    asc__table_head(b, "mixture", false);
    for (size_t v = 0; v < s->n_targets; v++)
        asc__table_head(b, s->targets[v], true);
    asc__table_heads_end(b);
    for (size_t i = 0; i < t->n_mixtures; i++) {
        asc__row(b);
        asc__cell_name(b, t->mixtures[i].name);
        for (size_t v = 0; v < s->n_targets; v++)
            asc__cell_fixed(b, mean_loss(&t->mixtures[i], v), 4);
        asc_buf_putc(b, '\n');
    }
    asc__table_close(b);
}

/* What each published method beside the study's own search took. */
static void rivals_table(asc_page *p)
{
    static const char *const heads[] = {"method", "#runs it needed", "#FLOPs, target run = 1", "what it is", NULL};
    const asc_summary *s = p->study;
    asc_buf *b = &p->out;
    if (s->n_rivals == 0)
        return;
    asc_buf_puts(b,
                 "<h3>Published methods</h3>\n<p>Candidates like the others; their cost is counted like the search's "
                 "own and apart from it. Runs that several methods share count for each.</p>\n");
    asc__table_open(b, heads);
    for (size_t i = 0; i < s->n_rivals; i++) {
        const asc_summary_rival *r = &s->rivals[i];
        asc_buf_puts(b, "<tr>");
        asc__cell_name(b, asc__or_empty(r->name));
        asc__cell_count(b, r->n_runs);
        asc__cell_fixed(b, r->share, 3);
        asc__cell_text(b, asc__or_empty(r->method));
        asc_buf_putc(b, '\n');
    }
    asc__table_close(b);
}

static bool any_ended(const asc_summary_target *t)
{
    for (size_t i = 0; i < t->n_mixtures; i++)
        if (isfinite(t->mixtures[i].mean))
            return true;
    return false;
}

static bool have_curves(const asc_summary_target *t)
{
    for (size_t i = 0; i < t->n_mixtures; i++)
        if (t->mixtures[i].n_curve > 1)
            return true;
    return false;
}

void asc__section_target(asc_page *p)
{
    const asc_summary_target *t = &p->study->target;
    asc_buf *b = &p->out;
    if (!t->known || t->n_mixtures == 0)
        return;
    asc_buf_puts(b, "<section id=\"target\"><h2>Trained at the target</h2>\n<p>Each mixture trained a model on ");
    asc__html_si(b, asc__target_tokens(p->study));
    asc_buf_puts(b, " tokens, with the same seeds.</p>\n");
    if (!any_ended(t)) {
        asc_buf_puts(b, "<p class=\"soft\">None of these runs has finished yet.</p></section>\n");
        return;
    }
    final_chart(p, t);
    final_table(p, t);
    rivals_table(p);
    if (have_curves(t)) {
        curves_chart(p, t);
        curves_table(p, t);
    }
    loss_table(p, t);
    asc_buf_puts(b, "</section>\n");
}
