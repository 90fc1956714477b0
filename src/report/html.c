/* Pieces of a page: text that is only ever text, numbers with the precision that a reader can use, tables. What a
 * table sorts by stands beside each number, in full (data-v). */
#include "html.h"

#include "base/base_json.h"

#include <math.h>
#include <string.h>

#define DASH "\xe2\x80\x93"

/* ---- reading ---- */

const json_t *asc__at(const json_t *obj, const char *key)
{
    return json_object_get(obj, key);
}

double asc__num(const json_t *obj, const char *key)
{
    return asc_json_number(obj, key);
}

const char *asc__str(const json_t *obj, const char *key)
{
    const char *s = json_string_value(json_object_get(obj, key));
    return s ? s : "";
}

double asc__item(const json_t *array, size_t i)
{
    const json_t *v = json_array_get(array, i);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

const json_t *asc__named(const json_t *array, const char *name)
{
    size_t i;
    json_t *item;
    json_array_foreach(array, i, item)
    {
        if (strcmp(asc__str(item, "name"), name) == 0)
            return item;
    }
    return NULL;
}

double asc__target_tokens(const asc_summary *s)
{
    bool asked = s->target.known && isfinite(s->target.tokens);
    return asked ? s->target.tokens : s->prediction.known ? s->prediction.tokens : NAN;
}

const char *asc__objective_unit(const asc_summary *s)
{
    return strstr(asc__or_empty(s->objective), "ppl") ? "perplexity" : "nats per token";
}

const char *asc__or_empty(const char *s)
{
    return s ? s : "";
}

/* ---- text ---- */

/* Escaped as needed in text and in attributes alike; control characters, which HTML forbids, become U+FFFD. */
void asc__html_text(asc_buf *b, const char *s)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '&')
            asc_buf_puts(b, "&amp;");
        else if (c == '<')
            asc_buf_puts(b, "&lt;");
        else if (c == '>')
            asc_buf_puts(b, "&gt;");
        else if (c == '"')
            asc_buf_puts(b, "&quot;");
        else if (c == '\'')
            asc_buf_puts(b, "&#39;");
        else if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
            asc_buf_puts(b, "\xef\xbf\xbd");
        else
            asc_buf_putc(b, (char)c);
    }
}

/* A name in another direction of writing must not turn round what stands beside it. */
void asc__html_name(asc_buf *b, const char *s)
{
    asc_buf_puts(b, "<bdi>");
    asc__html_text(b, s);
    asc_buf_puts(b, "</bdi>");
}

/* JSON inside a script element: no byte that could end it, nor U+2028 and U+2029, which ended lines in older scripts.
 */
asc_status asc__html_json(asc_buf *b, const json_t *j, asc_error *err)
{
    char *text = NULL;
    ASC_TRY(asc_json_print(&text, j, 0, err));
    for (const char *p = text; *p; p++) {
        if (*p == '<' || *p == '>' || *p == '&')
            asc_buf_printf(b, "\\u%04x", (unsigned)*p);
        else if (strncmp(p, "\xe2\x80\xa8", 3) == 0 || strncmp(p, "\xe2\x80\xa9", 3) == 0) {
            asc_buf_puts(b, (unsigned char)p[2] == 0xa8 ? "\\u2028" : "\\u2029");
            p += 2;
        } else
            asc_buf_putc(b, *p);
    }
    asc_free(text);
    return ASC_OK;
}

void asc__html_si(asc_buf *b, double x)
{
    char text[24];
    asc_buf_puts(b, isfinite(x) ? asc_format_count(x, text) : DASH);
}

void asc__html_percent(asc_buf *b, double share)
{
    if (isfinite(share))
        asc_buf_printf(b, "%.1f\xc2\xa0%%", 100 * share);
    else
        asc_buf_puts(b, DASH);
}

void asc__html_count(asc_buf *b, double x)
{
    char digits[32];
    if (!isfinite(x) || fabs(x) > 9e18) {
        asc_buf_puts(b, DASH);
        return;
    }
    int n = snprintf(digits, sizeof digits, "%.0f", x);
    for (int i = 0; i < n; i++) {
        asc_buf_putc(b, digits[i]);
        if ((n - i) % 3 == 1 && i < n - 1 && digits[i] != '-')
            asc_buf_puts(b, "\xe2\x80\xaf"); /* narrow space between thousands */
    }
}

static void put_fixed(asc_buf *b, double x, int digits)
{
    if (isfinite(x))
        asc_buf_printf(b, "%.*f", digits, x);
    else
        asc_buf_puts(b, DASH);
}

void asc__html_duration(asc_buf *b, double seconds)
{
    char text[32];
    asc_buf_puts(b, isfinite(seconds) ? asc_format_duration(seconds, text) : DASH);
}

/* ---- tables ---- */

void asc__table_begin(asc_buf *b)
{
    asc_buf_puts(b, "<div class=\"scroll\"><table><thead><tr>");
}

void asc__table_head(asc_buf *b, const char *text, bool number)
{
    asc_buf_puts(b, number ? "<th scope=\"col\" class=\"n\">" : "<th scope=\"col\">");
    asc__html_name(b, text);
    asc_buf_puts(b, "</th>");
}

void asc__table_heads_end(asc_buf *b)
{
    asc_buf_puts(b, "</tr></thead><tbody>\n");
}

/* heads: NULL after the last; of a column of numbers with # before its name. */
void asc__table_open(asc_buf *b, const char *const *heads)
{
    asc__table_begin(b);
    for (; *heads; heads++)
        asc__table_head(b, **heads == '#' ? *heads + 1 : *heads, **heads == '#');
    asc__table_heads_end(b);
}

void asc__table_close(asc_buf *b)
{
    asc_buf_puts(b, "</tbody></table></div>\n");
}

/* A row's end tag may be left out in HTML: the next row or the table's end closes it. */
void asc__row(asc_buf *b)
{
    asc_buf_puts(b, "<tr>");
}

void asc__cell_text(asc_buf *b, const char *s)
{
    asc_buf_puts(b, "<td>");
    asc__html_name(b, s);
    asc_buf_puts(b, "</td>");
}

void asc__cell_name(asc_buf *b, const char *s)
{
    asc_buf_puts(b, "<th scope=\"row\">");
    asc__html_name(b, s);
    asc_buf_puts(b, "</th>");
}

static void number_cell(asc_buf *b, double x)
{
    char exact[32];
    if (isfinite(x))
        asc_buf_printf(b, "<td class=\"n\" data-v=\"%s\">", asc_format_double(x, exact));
    else
        asc_buf_puts(b, "<td class=\"n\">");
}

void asc__cell_fixed(asc_buf *b, double x, int digits)
{
    number_cell(b, x);
    put_fixed(b, x, digits);
    asc_buf_puts(b, "</td>");
}

void asc__cell_count(asc_buf *b, double x)
{
    number_cell(b, x);
    asc__html_count(b, x);
    asc_buf_puts(b, "</td>");
}

void asc__cell_percent(asc_buf *b, double share)
{
    number_cell(b, share);
    asc__html_percent(b, share);
    asc_buf_puts(b, "</td>");
}

void asc__cell_error(asc_buf *b, double share)
{
    number_cell(b, share);
    if (isfinite(share))
        asc_buf_printf(b, "%.2f\xc2\xa0%%", 100 * share);
    else
        asc_buf_puts(b, DASH);
    asc_buf_puts(b, "</td>");
}

/* Draws that all lie at one share were held there: the runs say nothing of it, and 26.7 to 26.7 % would be no interval.
 * None (0 to 0 %) and all are shares like others: bounds of the mixture itself. */
static bool is_undetermined(double lo, double hi)
{
    return isfinite(lo) && isfinite(hi) && hi - lo < 5e-5 && hi > 5e-4 && lo < 1 - 5e-4;
}

void asc__cell_interval_of(asc_buf *b, asc_interval x)
{
    asc_buf_puts(b, "<td class=\"n\">");
    if (is_undetermined(x.lo, x.hi))
        asc_buf_puts(b, "<span class=\"within\">undetermined, kept at its limit</span>");
    else if (isfinite(x.lo) && isfinite(x.hi))
        asc_buf_printf(b, "%.1f to %.1f\xc2\xa0%%", 100 * x.lo, 100 * x.hi);
    asc_buf_puts(b, "</td>");
}

void asc__cell_interval(asc_buf *b, const json_t *pair)
{
    asc__cell_interval_of(b, (asc_interval){asc__item(pair, 0), asc__item(pair, 1)});
}

void asc__cell_range_of(asc_buf *b, asc_interval x)
{
    asc_buf_puts(b, "<td class=\"n\">");
    if (isfinite(x.lo) && isfinite(x.hi))
        asc_buf_printf(b, "%.4f to %.4f", x.lo, x.hi);
    asc_buf_puts(b, "</td>");
}

void asc__cell_range(asc_buf *b, const json_t *pair)
{
    asc__cell_range_of(b, (asc_interval){asc__item(pair, 0), asc__item(pair, 1)});
}

void asc__details_open(asc_buf *b, const char *summary)
{
    asc_buf_puts(b, "<details open><summary>");
    asc__html_text(b, summary);
    asc_buf_puts(b, "</summary>\n");
}

void asc__details_close(asc_buf *b)
{
    asc_buf_puts(b, "</details>\n");
}

void asc__html_notes(asc_buf *b, const json_t *notes)
{
    size_t i;
    json_t *note;
    if (json_array_size(notes) == 0)
        return;
    asc_buf_puts(b, "<ul class=\"notes\">");
    json_array_foreach(notes, i, note)
    {
        asc_buf_puts(b, "<li>");
        asc__html_text(b, json_is_string(note) ? json_string_value(note) : "");
        asc_buf_puts(b, "</li>\n");
    }
    asc_buf_puts(b, "</ul>\n");
}

void asc__html_notes_of(asc_buf *b, const asc_notes *notes)
{
    if (notes->n == 0)
        return;
    asc_buf_puts(b, "<ul class=\"notes\">");
    for (size_t i = 0; i < notes->n; i++) {
        asc_buf_puts(b, "<li>");
        asc__html_text(b, notes->text[i]);
        asc_buf_puts(b, "</li>\n");
    }
    asc_buf_puts(b, "</ul>\n");
}
