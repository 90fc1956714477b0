/* The domains: what there is of each, and how often the answer reads it. */
#include "page.h"

#include <math.h>

static void data_chart(asc_page *p, const json_t *domains)
{
    size_t i;
    json_t *d, *rows = json_array();
    const json_t *taken = asc__at(asc__at(p->summary, "answer"), "tokens");
    json_array_foreach(domains, i, d)
    {
        const char *name = asc__str(d, "name");
        json_t *row = asc__shown(p, name) ? asc__chart_row(rows) : NULL;
        asc__put_str(row, "domain", name);
        asc__put_num(row, "tokens", asc__num(d, "tokens"));
        asc__put_num(row, "taken", asc__num(taken, name));
        asc__put_num(row, "epochs", asc__num(d, "epochs_at_target"));
    }
    asc__chart(p, "domains",
               "<b>Tokens at hand and tokens that the answer takes.</b> Taken beyond what is at hand is read again.",
               json_pack("{s:o}", "rows", rows), json_object());
}

static void data_row(asc_buf *b, const json_t *d)
{
    asc__row(b);
    asc__cell_name(b, asc__str(d, "name"));
    asc__cell_count(b, asc__num(d, "documents"));
    asc__cell_count(b, asc__num(d, "bytes"));
    asc__cell_count(b, asc__num(d, "tokens"));
    asc__cell_fixed(b, asc__num(d, "bytes_per_token"), 2);
    asc__cell_count(b, asc__num(d, "valid_tokens"));
    asc__cell_fixed(b, asc__num(d, "word_nats"), 2);
    asc__cell_count(b, asc__num(d, "duplicates"));
    asc__cell_count(b, asc__num(d, "rejected"));
    asc__cell_fixed(b, asc__num(d, "epochs_at_target"), 2);
    if (isfinite(asc__num(d, "max_epochs")))
        asc__cell_fixed(b, asc__num(d, "max_epochs"), 1);
    else
        asc_buf_puts(b, "<td class=\"n\">none</td>");
    asc_buf_putc(b, '\n');
}

void asc__section_data(asc_page *p)
{
    static const char *const heads[] = {"domain",       "#documents", "#bytes",     "#tokens",
                                        "#bytes/token", "#held out",  "#word nats", "#duplicates",
                                        "#rejected",    "#epochs",    "#limit",     NULL};
    const json_t *domains = asc__at(p->summary, "domains");
    asc_buf *b = &p->out;
    size_t i;
    json_t *d;
    if (json_array_size(domains) == 0)
        return;
    asc_buf_puts(b, "<section id=\"data\"><h2>The data</h2>\n<p>Held-out text was set apart before any mixing; exact "
                    "duplicates, across all domains, were dropped. Word nats: what a model loses on the held-out text "
                    "that knows how often each token stands in it and nothing else. Epochs: how often the answer reads "
                    "a domain at the target; limit: how often it may.</p>\n");
    data_chart(p, domains);
    asc__table_open(b, heads);
    json_array_foreach(domains, i, d)
    {
        data_row(b, d);
    }
    asc__table_close(b);
    asc_buf_puts(b, "</section>\n");
}
