/* Downstream tasks of the target's checkpoints, and which of their items stand in the training text. */
#include "page.h"

#include <math.h>
#include <string.h>

/* "acc" is for programs. */
static const char *figure_words(const char *figure)
{
    static const char *const words[][2] = {{"acc", "accuracy"},
                                           {"acc_norm", "accuracy by length"},
                                           {"bits_per_byte", "bits per byte"},
                                           {"pct_stereotype", "stereotype preferred"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(figure, words[i][0]) == 0)
            return words[i][1];
    return figure;
}

/* "0.2715 ± 0.0031", and from where to where where that says more. */
static void value_cell(asc_buf *b, const asc_summary_score *m)
{
    double mean = m->mean, sd = m->sd, lo = m->lo, hi = m->hi;
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

static bool is_kind(const asc_summary_task *t, const char *kind)
{
    return strcmp(asc__or_empty(t->kind), kind) == 0;
}

static void tasks_table(asc_buf *b, const asc_summary *s, const char *kind)
{
    const asc_summary_task *first = NULL;
    for (size_t i = 0; i < s->n_tasks && !first; i++)
        first = is_kind(&s->tasks[i], kind) ? &s->tasks[i] : NULL;
    if (!first)
        return;
    asc__table_begin(b);
    asc__table_head(b, "task", false);
    asc__table_head(b, "figure", false);
    asc__table_head(b, "items", true);
    asc__table_head(b, "by chance", true);
    for (size_t k = 0; k < first->n_mixtures; k++)
        asc__table_head(b, asc__or_empty(first->mixtures[k].name), true);
    asc__table_heads_end(b);
    for (size_t i = 0; i < s->n_tasks; i++) {
        const asc_summary_task *t = &s->tasks[i];
        if (!is_kind(t, kind))
            continue;
        asc__row(b);
        asc__cell_name(b, asc__or_empty(t->task));
        asc__cell_text(b, figure_words(asc__or_empty(t->figure)));
        asc__cell_count(b, t->n_items);
        asc__cell_fixed(b, t->chance, 4);
        for (size_t k = 0; k < t->n_mixtures; k++)
            value_cell(b, &t->mixtures[k]);
        asc_buf_putc(b, '\n');
    }
    asc__table_close(b);
}

static void contamination_table(asc_buf *b, const asc_summary_contamination *found)
{
    static const char *const heads[] = {"set",   "#items", "#too short to tell", "#found in the training text",
                                        "where", NULL};
    asc__table_open(b, heads);
    for (size_t i = 0; i < found->n_sets; i++) {
        const asc_summary_set *set = &found->sets[i];
        const char *between = "";
        asc__row(b);
        asc__cell_name(b, asc__or_empty(set->name));
        asc__cell_count(b, set->n_items);
        asc__cell_count(b, set->too_short);
        asc__cell_count(b, set->found);
        asc_buf_puts(b, "<td>");
        for (size_t k = 0; k < set->n_in; k++) {
            if (!(set->in[k].n > 0))
                continue;
            asc_buf_puts(b, between);
            asc__html_name(b, asc__or_empty(set->in[k].name));
            asc_buf_printf(b, " %.0f", set->in[k].n);
            between = ", ";
        }
        asc_buf_puts(b, "</td>\n");
    }
    asc__table_close(b);
}

void asc__section_tasks(asc_page *p)
{
    const asc_summary *s = p->study;
    const asc_summary_contamination *found = &s->contamination;
    asc_buf *b = &p->out;
    if (s->n_tasks == 0 && !found->known)
        return;
    asc_buf_puts(b, "<section id=\"tasks\"><h2>Downstream tasks</h2>\n");
    if (s->n_tasks)
        asc_buf_puts(b, "<p>The checkpoints at the target: mean \xc2\xb1 standard deviation over them, one per seed. "
                        "By chance: the score of guessing, or of the best constant answer. Small models stay at chance "
                        "accuracy long after bits per byte start to fall.</p>\n");
    tasks_table(b, s, "likelihood");
    tasks_table(b, s, "finetune");
    if (found->known) {
        asc_buf_printf(b,
                       "<h3>Items found in the training text</h3>\n<p class=\"small soft\">%.0f words in a row "
                       "of an item also occur in a training document. %s</p>\n",
                       found->n_words,
                       found->mode == ASC_CONTAMINATION_EXCLUDE ? "They are excluded from all figures."
                                                                : "They are included in all figures.");
        contamination_table(b, found);
    }
    asc_buf_puts(b, "</section>\n");
}
