/* Downstream tasks of the target's checkpoints, and which of their items stand in the training text. */
#include "page.h"

#include <math.h>
#include <string.h>

/* "acc" is for programs. */
static const char *figure_words(const char *figure)
{
    static const char *const words[][2] = {{"acc", "accuracy"},
                                           {"acc_norm", "accuracy by length"},
                                           {"bits_per_byte", "bits a byte"},
                                           {"pct_stereotype", "stereotype preferred"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(figure, words[i][0]) == 0)
            return words[i][1];
    return figure;
}

/* "0.2715 ± 0.0031", and from where to where where that says more. */
static void value_cell(asc_buf *b, const json_t *m)
{
    double mean = asc__num(m, "mean"), sd = asc__num(m, "sd"), lo = asc__num(m, "min"), hi = asc__num(m, "max");
    char exact[32];
    if (!isfinite(mean)) {
        asc_buf_puts(b, "<td class=\"n\">\xe2\x80\x93</td>");
        return;
    }
    asc_buf_printf(b, "<td class=\"n\" data-v=\"%s\"", asc_format_double(mean, exact));
    if (isfinite(lo) && isfinite(hi))
        asc_buf_printf(b, " title=\"%.4f to %.4f\"", lo, hi);
    asc_buf_printf(b, ">%.4f", mean);
    if (isfinite(sd))
        asc_buf_printf(b, " \xc2\xb1 %.4f", sd);
    asc_buf_puts(b, "</td>");
}

static void tasks_table(asc_buf *b, const json_t *rows, const char *kind)
{
    const json_t *first = NULL;
    size_t i, k;
    json_t *row, *m;
    json_array_foreach(rows, i, row)
    {
        if (!first && strcmp(asc__str(row, "kind"), kind) == 0)
            first = row;
    }
    if (!first)
        return;
    asc__table_begin(b);
    asc__table_head(b, "task", false);
    asc__table_head(b, "figure", false);
    asc__table_head(b, "items", true);
    asc__table_head(b, "by chance", true);
    json_array_foreach(asc__at(first, "mixtures"), k, m)
    {
        asc__table_head(b, asc__str(m, "name"), true);
    }
    asc__table_heads_end(b);
    json_array_foreach(rows, i, row)
    {
        if (strcmp(asc__str(row, "kind"), kind) != 0)
            continue;
        asc__row(b);
        asc__cell_name(b, asc__str(row, "task"));
        asc__cell_text(b, figure_words(asc__str(row, "figure")));
        asc__cell_count(b, asc__num(row, "n"));
        asc__cell_fixed(b, asc__num(row, "chance"), 4);
        json_array_foreach(asc__at(row, "mixtures"), k, m)
        {
            value_cell(b, m);
        }
        asc_buf_putc(b, '\n');
    }
    asc__table_close(b);
}

static void contamination_table(asc_buf *b, const json_t *found)
{
    static const char *const heads[] = {"set",   "#items", "#too short to tell", "#found in the training text",
                                        "where", NULL};
    size_t i;
    json_t *set, *n;
    const char *domain;
    asc__table_open(b, heads);
    json_array_foreach(asc__at(found, "sets"), i, set)
    {
        const char *between = "";
        asc__row(b);
        asc__cell_name(b, asc__str(set, "name"));
        asc__cell_count(b, asc__num(set, "items"));
        asc__cell_count(b, asc__num(set, "too_short"));
        asc__cell_count(b, asc__num(set, "found"));
        asc_buf_puts(b, "<td>");
        json_object_foreach((json_t *)(uintptr_t)asc__at(set, "in"), domain, n)
        {
            if (!(json_number_value(n) > 0))
                continue;
            asc_buf_puts(b, between);
            asc__html_name(b, domain);
            asc_buf_printf(b, " %.0f", json_number_value(n));
            between = ", ";
        }
        asc_buf_puts(b, "</td>\n");
    }
    asc__table_close(b);
}

void asc__section_tasks(asc_page *p)
{
    const json_t *rows = asc__at(p->summary, "tasks"), *found = asc__at(p->summary, "contamination");
    asc_buf *b = &p->out;
    if (json_array_size(rows) == 0 && !found)
        return;
    asc_buf_puts(b, "<section id=\"tasks\"><h2>Downstream tasks</h2>\n");
    if (json_array_size(rows))
        asc_buf_puts(b, "<p>The checkpoints at the target: mean \xc2\xb1 standard deviation over them, one a seed. By "
                        "chance: what guessing, or the best constant answer, gets. Small models are at chance in "
                        "accuracy long after bits a byte have begun to fall.</p>\n");
    tasks_table(b, rows, "likelihood");
    tasks_table(b, rows, "finetune");
    if (found) {
        asc_buf_printf(b,
                       "<h3>Items that stand in the training text</h3>\n<p class=\"small soft\">%.0f words in a row "
                       "of an item also occur in a training document. %s</p>\n",
                       asc__num(found, "n"),
                       strcmp(asc__str(found, "mode"), "exclude") == 0 ? "They were left out of all figures."
                                                                       : "They are part of all figures.");
        contamination_table(b, found);
    }
    asc_buf_puts(b, "</section>\n");
}
