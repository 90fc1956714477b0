/* The domains: what there is of each, and how often the answer reads it. */
#include "page.h"

#include <math.h>

/* Before there is an answer nothing is taken; a chart without its bars still says what there is. */
static void data_chart(asc_page *p)
{
    const asc_summary *s = p->study;
    const double *taken = s->answer.known ? s->answer.tokens : NULL;
    json_t *rows = json_array();
    for (size_t i = 0; i < s->n_domains; i++) {
        const asc_summary_domain *d = &s->domains[i];
        json_t *row = asc__shown(p, d->name) ? asc__chart_row(rows) : NULL;
        asc__put_str(row, "domain", d->name);
        asc__put_num(row, "tokens", d->tokens);
        asc__put_num(row, "taken", taken ? taken[i] : NAN);
        asc__put_num(row, "epochs", d->epochs_at_target);
    }
    asc__chart(p, "domains",
               "<b>Available tokens and tokens the mixture uses.</b> Use beyond the available tokens means repetition.",
               json_pack("{s:o}", "rows", rows), json_object());
}

static void data_row(asc_buf *b, const asc_summary_domain *d)
{
    asc__row(b);
    asc__cell_name(b, d->name);
    asc__cell_count(b, d->documents);
    asc__cell_count(b, d->bytes);
    asc__cell_count(b, d->tokens);
    asc__cell_fixed(b, d->bytes_per_token, 2);
    asc__cell_count(b, d->valid_tokens);
    asc__cell_fixed(b, d->word_nats, 2);
    asc__cell_count(b, d->duplicates);
    asc__cell_count(b, d->rejected);
    asc__cell_fixed(b, d->epochs_at_target, 2);
    if (isfinite(d->max_epochs))
        asc__cell_fixed(b, d->max_epochs, 1);
    else
        asc_buf_puts(b, "<td class=\"n\">none</td>");
    asc_buf_putc(b, '\n');
}

void asc__section_data(asc_page *p)
{
    static const char *const heads[] = {"domain",       "#documents", "#bytes",     "#tokens",
                                        "#bytes/token", "#held out",  "#word nats", "#duplicates",
                                        "#rejected",    "#epochs",    "#limit",     NULL};
    const asc_summary *s = p->study;
    asc_buf *b = &p->out;
    if (s->n_domains == 0 || isnan(s->domains[0].tokens))
        return;
    asc_buf_puts(b, "<section id=\"data\"><h2>The data</h2>\n<p>Held-out text was split off before any mixing; exact "
                    "duplicates, across all domains, were dropped. Word nats: unigram entropy of the held-out text, "
                    "the loss of a model that knows token frequencies and nothing else. Epochs: passes over a domain "
                    "at the target; limit: the maximum allowed.</p>\n");
    data_chart(p);
    asc__table_open(b, heads);
    for (size_t i = 0; i < s->n_domains; i++)
        data_row(b, &s->domains[i]);
    asc__table_close(b);
    asc_buf_puts(b, "</section>\n");
}
