/* The report's words to HTML: escaping, numbers for people, tables; and lenient reading of the summary. */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include "base/base_json.h"
#include <stdbool.h>

#include "store/store_summary.h"

/* ---- reading the summary: what is absent or of another kind is NaN, "" or NULL ---- */

const json_t *asc__at(const json_t *obj, const char *key);
double asc__num(const json_t *obj, const char *key);
const char *asc__str(const json_t *obj, const char *key);
/** Number at index i of an array, NaN where there is none. */
double asc__item(const json_t *array, size_t i);
/** The object of `array` whose "name" is name, or NULL. */
const json_t *asc__named(const json_t *array, const char *name);
/** Tokens asked for at the target: target.tokens, else prediction.tokens, else NaN. */
double asc__target_tokens(const asc_summary *s);
/** "nats per token" or "perplexity": the unit of the study's objective. */
const char *asc__objective_unit(const asc_summary *s);
/** Where names are shown: "" of NULL. */
const char *asc__or_empty(const char *s);

/* ---- text ---- */

/** s as text: & < > " ' escaped, control characters shown as U+FFFD. */
void asc__html_text(asc_buf *b, const char *s);
/** s as text, isolated so that right-to-left marks in it do not turn its surroundings. */
void asc__html_name(asc_buf *b, const char *s);
/** j as JSON that may stand inside a script element: < > & and the line separators U+2028/9 escaped. */
asc_status asc__html_json(asc_buf *b, const json_t *j, asc_error *err);
/** Numbers for people; a dash where x is NaN. */
void asc__html_si(asc_buf *b, double x);
void asc__html_percent(asc_buf *b, double share);
void asc__html_count(asc_buf *b, double x); /**< 1 234 567 */
void asc__html_duration(asc_buf *b, double seconds);

/* ---- tables: cells carry the exact value in data-v, for sorting and for programs ---- */

/** The head of a table: `heads` end with NULL; a head that starts with '#' is of numbers. */
void asc__table_open(asc_buf *b, const char *const *heads);
/** One more head from foreign text, between asc__table_open_row and asc__table_heads_end. */
void asc__table_begin(asc_buf *b);
void asc__table_head(asc_buf *b, const char *text, bool number);
void asc__table_heads_end(asc_buf *b);
void asc__table_close(asc_buf *b);
void asc__row(asc_buf *b);
void asc__cell_text(asc_buf *b, const char *s);
void asc__cell_name(asc_buf *b, const char *s); /**< a row's head */
void asc__cell_fixed(asc_buf *b, double x, int digits);
void asc__cell_count(asc_buf *b, double x);
void asc__cell_percent(asc_buf *b, double share);
void asc__cell_error(asc_buf *b, double share); /**< 0.53 %: two digits */
/** "12.1 to 18.0 %" of a [lo,hi] pair, empty where there is none. */
void asc__cell_interval(asc_buf *b, const json_t *pair);
void asc__cell_interval_of(asc_buf *b, asc_interval x);
/** "3.4512 to 3.4987" of a [lo,hi] pair that is no share. */
void asc__cell_range(asc_buf *b, const json_t *pair);
void asc__cell_range_of(asc_buf *b, asc_interval x);
/** A chart's table: folded by the page's script once the chart is drawn, open without it. */
void asc__details_open(asc_buf *b, const char *summary);
void asc__details_close(asc_buf *b);
/** A list of the strings of an array, nothing where it is empty. */
void asc__html_notes(asc_buf *b, const json_t *notes);
void asc__html_notes_of(asc_buf *b, const asc_notes *notes);

#endif
