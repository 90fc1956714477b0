/* Settings as text, and their defaults. */
#include "spec/spec_settings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- finding ---- */

const asc_setting *asc_setting_find(const char *section, const char *key)
{
    bool of_model = strcmp(section, "model") == 0;
    for (size_t i = 0; i < asc_n_settings(); i++) {
        const asc_setting *s = asc_setting_at(i);
        if (strcmp(s->key, key) == 0 &&
            (s->section ? strcmp(s->section, section) == 0 : of_model && strncmp(s->run_key, "model.", 6) == 0))
            return s;
    }
    return NULL;
}

const char *asc_setting_default(const asc_setting *s, bool in_run)
{
    return in_run && s->run_fallback ? s->run_fallback : s->fallback;
}

bool asc_setting_is_model_key(const asc_setting *s)
{
    return (s->flags & ASC_SET_SPARSE) && s->section && strcmp(s->section, "model") == 0;
}

void *asc_model_setting(asc_model_spec *m, const asc_setting *s)
{
    return (char *)m + (s->in_run - offsetof(asc_run_spec, model));
}

/* ---- numbers ---- */

static bool is_word(const char *text, const char *const *words, size_t n, size_t *out)
{
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(text, words[i]) == 0) {
            *out = i;
            return true;
        }
    return false;
}

static bool means_none(const char *text)
{
    static const char *const words[] = {"null", "none", "~", ".inf", "+.inf"};
    size_t i;
    return *text == 0 || is_word(text, words, sizeof words / sizeof *words, &i);
}

/* "1-00:00:00", "1-12", "1-06:30": days and a time, as Slurm writes them. */
static bool parse_days(const char *text, double *out)
{
    int days, hours, minutes = 0, seconds = 0;
    char end = 0;
    const char *dash = strchr(text, '-');
    if (!dash || dash == text || sscanf(text, "%d-", &days) != 1 || days < 0 ||
        strspn(text, "0123456789-:") != strlen(text))
        return false;
    if (sscanf(dash + 1, "%d%c", &hours, &end) != 1 && sscanf(dash + 1, "%d:%2d%c", &hours, &minutes, &end) != 2 &&
        sscanf(dash + 1, "%d:%2d:%2d%c", &hours, &minutes, &seconds, &end) != 3)
        return false;
    *out = 86400. * days + 3600. * hours + 60. * minutes + seconds;
    return hours >= 0 && hours < 24 && minutes >= 0 && minutes < 60 && seconds >= 0 && seconds < 60;
}

/* "1.5h": a number and one of s, m, h, d. */
static bool parse_unit(const char *text, double *out)
{
    static const char units[] = "smhd";
    static const double seconds[] = {1, 60, 3600, 86400};
    char number[64];
    size_t n = strlen(text);
    const char *unit = n ? strchr(units, text[n - 1]) : NULL;
    if (!unit || n > sizeof number)
        return false;
    memcpy(number, text, n - 1);
    number[n - 1] = 0;
    if (!asc_parse_double(number, out))
        return false;
    *out *= seconds[unit - units];
    return true;
}

/* Seconds as people and Slurm write them: "90", "90s", "90m", "2h", "1d", "02:00:00", "1-00:00:00". */
static bool parse_time(const char *text, double *out)
{
    double x;
    int h, m, sec;
    char end;
    bool clock = strspn(text, "0123456789:") == strlen(text) && sscanf(text, "%d:%2d:%2d%c", &h, &m, &sec, &end) == 3 &&
                 m < 60 && sec < 60;
    if (clock)
        x = 3600. * h + 60. * m + sec;
    else if (!asc_parse_double(text, &x) && !parse_unit(text, &x) && !parse_days(text, &x))
        return false;
    if (!(x >= 0))
        return false;
    *out = x;
    return true;
}

static bool parse_seed(const char *text, uint64_t *out)
{
    char *end;
    if (*text && strlen(text) <= 19 && strspn(text, "0123456789") == strlen(text)) {
        unsigned long long n = strtoull(text, &end, 10);
        *out = n;
        return n <= INT64_MAX;
    }
    double x;
    if (!asc_parse_quantity(text, &x) || !(x >= 0 && x <= 1e15) || x != floor(x))
        return false;
    *out = (uint64_t)x;
    return true;
}

static bool is_whole(const asc_setting *s)
{
    return s->kind == ASC_SET_INT || s->kind == ASC_SET_COUNT || (s->flags & ASC_SET_WHOLE);
}

static bool in_range(const asc_setting *s, double x)
{
    return x >= s->lo && x <= s->hi && !((s->flags & ASC_SET_OPEN) && x <= s->lo) && !(is_whole(s) && x != floor(x));
}

/* ---- text into a member ---- */

static bool set_number(void *at, const asc_setting *s, const char *text)
{
    double x;
    bool none = (s->flags & ASC_SET_NONE) && means_none(text);
    if (none)
        x = s->kind == ASC_SET_REAL ? NAN : 0;
    else if ((s->flags & ASC_SET_AUTO) && strcmp(text, "auto") == 0)
        x = 0;
    else if (!(s->kind == ASC_SET_TIME ? parse_time(text, &x) : asc_parse_quantity(text, &x)) || !in_range(s, x))
        return false;
    if (s->kind == ASC_SET_INT)
        *(int *)at = (int)x;
    else if (s->kind == ASC_SET_COUNT)
        *(int64_t *)at = (int64_t)x;
    else
        *(double *)at = x;
    return true;
}

static bool set_bool(bool *at, const asc_setting *s, const char *text)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "n", "y", "0", "1"};
    size_t i;
    if (!is_word(text, words, sizeof words / sizeof *words, &i))
        return false;
    *at = (i % 2 == 1) != (s->kind == ASC_SET_NOT);
    return true;
}

static bool set_word(int *at, const asc_setting *s, const char *text)
{
    for (int i = 0; s->words[i]; i++)
        if (strcmp(text, s->words[i]) == 0) {
            *at = i;
            return true;
        }
    return false;
}

static asc_status set_text(char **at, const char *text, asc_error *err)
{
    char *copy = asc_strdup(text);
    if (!copy)
        return ASC_NOMEM(err);
    asc_free(*at);
    *at = copy;
    return ASC_OK;
}

asc_status asc_setting_parse(void *at, const asc_setting *s, const char *text, asc_error *err)
{
    bool ok = false;
    char wanted[240];
    switch (s->kind) {
    case ASC_SET_TEXT:
        return set_text(at, text, err);
    case ASC_SET_INT:
    case ASC_SET_COUNT:
    case ASC_SET_REAL:
    case ASC_SET_TIME:
        ok = set_number(at, s, text);
        break;
    case ASC_SET_SEED:
        ok = parse_seed(text, at);
        break;
    case ASC_SET_BOOL:
    case ASC_SET_NOT:
        ok = set_bool(at, s, text);
        break;
    case ASC_SET_WORD:
        ok = set_word(at, s, text);
        break;
    case ASC_SET_OTHER:
        break;
    }
    return ok ? ASC_OK
              : ASC_FAIL(err, ASC_EINVAL, "expected %s, found '%.60s%s'",
                         asc_setting_expected(s, wanted, sizeof wanted), text, strlen(text) > 60 ? "..." : "");
}

/* ---- for people ---- */

static void list_words(const asc_setting *s, char *buf, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; s->words[i] && at < n; i++)
        at += (size_t)snprintf(buf + at, n - at, "%s%s", i == 0 ? "" : s->words[i + 1] ? ", " : " or ", s->words[i]);
}

static void show_range(const asc_setting *s, char *buf, size_t n)
{
    const char *what = is_whole(s) ? "a whole number" : "a number";
    const char *or_auto = s->flags & ASC_SET_AUTO ? "auto or " : "";
    if (isinf(s->hi))
        snprintf(buf, n, "%s %s %g", what, s->flags & ASC_SET_OPEN ? "above" : "of at least", s->lo);
    else if (s->flags & ASC_SET_OPEN)
        snprintf(buf, n, "%s above %g and up to %g", what, s->lo, s->hi);
    else
        snprintf(buf, n, is_whole(s) && s->hi < 1e9 ? "%s%s from %.9g to %.9g" : "%s%s from %g to %g", or_auto, what,
                 s->lo, s->hi);
    if (s->flags & ASC_SET_NONE)
        snprintf(buf + strlen(buf), n - strlen(buf), ", or null");
}

const char *asc_setting_expected(const asc_setting *s, char *buf, size_t n)
{
    snprintf(buf, n, "%s", s->kind == ASC_SET_TEXT ? "text" : "a list or map");
    if (s->kind == ASC_SET_BOOL || s->kind == ASC_SET_NOT)
        snprintf(buf, n, "true or false");
    else if (s->kind == ASC_SET_WORD)
        list_words(s, buf, n);
    else if (s->kind == ASC_SET_SEED)
        snprintf(buf, n, "a whole number from 0 to 2^63 - 1");
    else if (s->kind == ASC_SET_TIME)
        snprintf(buf, n, "seconds%s, or a time as 02:00:00, 1-00:00:00, 90m or 2h%s",
                 s->flags & ASC_SET_OPEN ? " above 0" : "", s->flags & ASC_SET_NONE ? ", or null" : "");
    else if (s->kind != ASC_SET_TEXT && s->kind != ASC_SET_OTHER)
        show_range(s, buf, n);
    return buf;
}

const char *asc_setting_text(const void *at, const asc_setting *s, char *buf, size_t n)
{
    char number[32];
    *buf = 0;
    switch (s->kind) {
    case ASC_SET_INT:
        snprintf(buf, n, "%d", *(const int *)at);
        break;
    case ASC_SET_COUNT:
        snprintf(buf, n, "%lld", (long long)*(const int64_t *)at);
        break;
    case ASC_SET_SEED:
        snprintf(buf, n, "%llu", (unsigned long long)*(const uint64_t *)at);
        break;
    case ASC_SET_REAL:
    case ASC_SET_TIME:
        snprintf(buf, n, "%s", asc_format_double(*(const double *)at, number));
        break;
    case ASC_SET_BOOL:
    case ASC_SET_NOT:
        snprintf(buf, n, "%s", *(const bool *)at != (s->kind == ASC_SET_NOT) ? "true" : "false");
        break;
    case ASC_SET_WORD:
        snprintf(buf, n, "%s", s->words[*(const int *)at]);
        break;
    case ASC_SET_TEXT:
        snprintf(buf, n, "%s", *(char *const *)at ? *(char *const *)at : "");
        break;
    case ASC_SET_OTHER:
        break;
    }
    return buf;
}

bool asc_setting_is_set(const void *at, const asc_setting *s)
{
    switch (s->kind) {
    case ASC_SET_INT:
    case ASC_SET_WORD:
        return *(const int *)at != 0;
    case ASC_SET_COUNT:
    case ASC_SET_SEED:
        return *(const int64_t *)at != 0;
    case ASC_SET_REAL:
    case ASC_SET_TIME:
        return *(const double *)at != 0;
    case ASC_SET_BOOL:
    case ASC_SET_NOT:
        return *(const bool *)at;
    case ASC_SET_TEXT:
        return *(char *const *)at != NULL;
    case ASC_SET_OTHER:
        break;
    }
    return false;
}

/* ---- defaults ---- */

/* Members at base + offset - shift, of all settings whose offset lies in [from, to). */
static void set_defaults(void *base, bool in_run, size_t from, size_t to)
{
    for (size_t i = 0; i < asc_n_settings(); i++) {
        const asc_setting *s = asc_setting_at(i);
        size_t offset = in_run ? s->in_run : s->in_study;
        const char *text = asc_setting_default(s, in_run);
        bool of_list = s->section && (strcmp(s->section, "domains") == 0 || strcmp(s->section, "targets") == 0 ||
                                      strcmp(s->section, "tasks.finetune") == 0);
        if (offset < from || offset >= to || of_list || !text || text[0] == '(' || s->kind == ASC_SET_TEXT)
            continue;
        if (asc_setting_parse((char *)base + (offset - from), s, text, NULL) != ASC_OK)
            abort(); /* the table is wrong: spec/test_settings looks at every row */
    }
}

void asc_settings_init_study(asc_study_spec *out)
{
    *out = (asc_study_spec){0};
    set_defaults(out, false, 0, sizeof *out);
}

void asc_settings_init_run(asc_run_spec *out)
{
    *out = (asc_run_spec){0};
    set_defaults(out, true, 0, sizeof *out);
}

void asc_model_spec_init(asc_model_spec *m)
{
    size_t at = offsetof(asc_run_spec, model);
    *m = (asc_model_spec){0};
    set_defaults(m, true, at, at + sizeof *m);
}

void asc_training_spec_init(asc_training_spec *t)
{
    size_t at = offsetof(asc_run_spec, training);
    *t = (asc_training_spec){0};
    set_defaults(t, true, at, at + sizeof *t);
}
