/** base: JSON through jansson, with errors that name file and field. */
#ifndef AUTOSCALE_BASE_JSON_H
#define AUTOSCALE_BASE_JSON_H

#include <jansson.h>

#include "base/base.h"

/** Take jansson's memory from asc_malloc: for a process of our own, before its first document. */
void asc_json_use_our_memory(void);

/* What makes a document, or puts a part into one, remembers for asc_json_whole that memory ran out. */
json_t *asc__json_made(json_t *j);
int asc__json_done(int rc);
void asc__json_begin(void); /* forgets what errno said before */
/* What is not UTF-8, as a name of a file may be, with \xNN for each byte of it. */
json_t *asc__json_text(const char *text);
#define ASC__JSON_MADE(call) asc__json_made((asc__json_begin(), call))
#define ASC__JSON_DONE(call) asc__json_done((asc__json_begin(), call))
#define json_object() ASC__JSON_MADE(json_object())
#define json_array() ASC__JSON_MADE(json_array())
#define json_string(...) asc__json_text(__VA_ARGS__)
#define json_stringn(...) ASC__JSON_MADE(json_stringn(__VA_ARGS__))
#define json_sprintf(...) ASC__JSON_MADE(json_sprintf(__VA_ARGS__))
#define json_integer(...) ASC__JSON_MADE(json_integer(__VA_ARGS__))
#define json_real(...) ASC__JSON_MADE(json_real(__VA_ARGS__))
#define json_pack(...) ASC__JSON_MADE(json_pack(__VA_ARGS__))
#define json_copy(...) ASC__JSON_MADE(json_copy(__VA_ARGS__))
#define json_deep_copy(...) ASC__JSON_MADE(json_deep_copy(__VA_ARGS__))
#define json_object_set_new(...) ASC__JSON_DONE(json_object_set_new(__VA_ARGS__))
#define json_object_setn_new(...) ASC__JSON_DONE(json_object_setn_new(__VA_ARGS__))
#define json_object_set(...) ASC__JSON_DONE(json_object_set(__VA_ARGS__))
#define json_object_update(...) ASC__JSON_DONE(json_object_update(__VA_ARGS__))
#define json_array_append_new(...) ASC__JSON_DONE(json_array_append_new(__VA_ARGS__))
#define json_array_append(...) ASC__JSON_DONE(json_array_append(__VA_ARGS__))
#define json_array_set_new(...) ASC__JSON_DONE(json_array_set_new(__VA_ARGS__))

/** Parse a JSON file ("-": stdin); duplicates rejected; error "FILE:LINE:COL: why". */
asc_status asc_json_load(json_t **out, const char *path, asc_error *err);
/** Parse n bytes; `name` stands for the file in errors. A byte-order mark is passed over; NaN, Infinity and -Infinity,
 * as Python writes them, become strings, which no reader takes for numbers. */
asc_status asc_json_parse(json_t **out, const char *name, const char *text, size_t n, asc_error *err);
/** Parse the document that these bytes begin with; more may follow: *used of them belong to it. `line` is that of the
 * first byte, for errors. */
asc_status asc_json_parse_first(json_t **out, size_t *used, const char *name, size_t line, const char *text, size_t n,
                                asc_error *err);
/** Print compactly (indent 0) or indented, doubles with 17 digits, keys in insertion order; free with asc_free. */
asc_status asc_json_print(char **out, const json_t *j, int indent, asc_error *err);
/** asc_json_print to a file, atomically. */
asc_status asc_json_write(const char *path, const json_t *j, int indent, asc_error *err);
/** Was there memory for all of every document built in this thread since the last answer? Printing asks by itself; ask
 * for a document that is used without being printed. @retval ASC_ENOMEM a part of one is missing */
asc_status asc_json_whole(asc_error *err);
/** json_real, or json null when x is NaN or infinite: a figure that cannot be had is null, never 0. */
json_t *asc_json_num(double x);
/** A whole number without a decimal point (tokens); else as asc_json_num. */
json_t *asc_json_tally(double n);
/** The number under key; NaN where there is none. For documents of ours that are shown, not checked. */
double asc_json_number(const json_t *obj, const char *key);

/** Put a checksum of obj into it: "sha256", of the compact form without that field. */
asc_status asc_json_seal(json_t *obj, asc_error *err);
/** Compare it, if there is one, and take it out. *sealed (may be NULL): there was one. @retval ASC_ESTATE it differs */
asc_status asc_json_unseal(bool *sealed, json_t *obj, const char *where, asc_error *err);

/* Typed fields. `where` names the file or object in errors: "WHERE: field 'x': expected a number, found a string". */
asc_status asc_json_get_double(const json_t *obj, const char *where, const char *key, double *out, asc_error *err);
asc_status asc_json_get_count(const json_t *obj, const char *where, const char *key, int64_t *out, asc_error *err);
/** Borrowed pointer into obj. */
asc_status asc_json_get_string(const json_t *obj, const char *where, const char *key, const char **out, asc_error *err);
asc_status asc_json_get_object(const json_t *obj, const char *where, const char *key, json_t **out, asc_error *err);
asc_status asc_json_get_array(const json_t *obj, const char *where, const char *key, json_t **out, asc_error *err);
/** A number, or a string that asc_parse_quantity takes ("40B", "10%"); false (untouched) for anything else. */
bool asc_json_quantity(const json_t *v, double *out);
/** Number or null/absent -> NaN. */
asc_status asc_json_opt_double(const json_t *obj, const char *where, const char *key, double *out, asc_error *err);

#endif
