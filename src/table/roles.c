/* Roles of columns: what the user says, then what names say. */
#include "roles.h"

#include "plausible.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <string.h>
#include <strings.h>

void asc__roles_clear(asc__roles *r)
{
    asc_free(r->columns);
    *r = (asc__roles){0};
}

size_t asc__roles_count(const asc__roles *r, const asc__grid *g, asc__role role)
{
    size_t n = 0;
    for (size_t c = 0; c < g->n_columns; c++)
        n += r->columns[c].role == role;
    return n;
}

void asc__roles_set_scalar(asc__roles *r, asc__role role, size_t column, const char *why)
{
    r->scalar[role] = (asc__scalar){.given = true, .n = 1, .column = {column}, .factor = 1};
    r->columns[column].role = role;
    r->columns[column].why = why;
}

asc__stats asc__column_stats(const asc__grid *g, size_t c)
{
    asc__stats s = {.lo = NAN, .hi = NAN, .whole = true};
    for (size_t row = 0; row < g->n_rows; row++) {
        double x;
        asc__value v = asc__grid_value(g, c, asc__grid_cell(g, row, c), &x);
        s.n_missing += v == ASC__MISSING;
        s.n_text += v == ASC__TEXT;
        if (v != ASC__NUMBER)
            continue;
        s.lo = s.n_numbers ? fmin(s.lo, x) : x;
        s.hi = s.n_numbers ? fmax(s.hi, x) : x;
        s.whole &= x == floor(x);
        s.n_numbers++;
    }
    return s;
}

/* ---- words ---- */

static const struct {
    const char *word;
    asc__role role;
} scalars[] = {{"run", ASC__RUN},       {"seed", ASC__SEED},       {"params", ASC__PARAMS},
               {"tokens", ASC__TOKENS}, {"horizon", ASC__HORIZON}, {"trust", ASC__TRUST}};

static const struct {
    const char *prefix;
    asc__role role;
    asc_target_form form;
} prefixes[] = {{"weight_", ASC__WEIGHT, 0},           {"tokens_", ASC__DOMAIN_TOKENS, 0},
                {"loss_", ASC__TARGET, ASC_FORM_LOSS}, {"ppl_", ASC__TARGET, ASC_FORM_PPL},
                {"bpb_", ASC__TARGET, ASC_FORM_BPB},   {"acc_", ASC__TARGET, ASC_FORM_ACC}};
enum { N_SCALARS = sizeof scalars / sizeof *scalars, N_PREFIXES = sizeof prefixes / sizeof *prefixes };

static size_t find_column(const asc__grid *g, const char *name)
{
    size_t c = 0;
    while (c < g->n_columns && strcmp(g->column[c], name) != 0)
        c++;
    return c;
}

/* A target of accuracies keeps its prefix, so that its name tells its kind wherever it goes. */
static asc_status set_list_role(asc__roles *r, asc__grid *g, size_t c, size_t prefix, const char *name, asc_error *err)
{
    assert(c < g->n_columns && prefix < N_PREFIXES);
    asc__column *column = &r->columns[c];
    bool keeps = prefixes[prefix].form == ASC_FORM_ACC && prefixes[prefix].role == ASC__TARGET;
    char *as = asc_strf("%s%s", keeps ? "acc_" : "", name);
    asc_status st = as ? asc__grid_keep(g, &column->as, as, err) : ASC_NOMEM(err);
    asc_free(as);
    column->role = prefixes[prefix].role;
    column->form = prefixes[prefix].form;
    return st;
}

/* ---- --map ---- */

/* name matches pattern, whose '*' stand for any text; what they stand for, joined by '/', goes to capture. */
static bool match(const char *pattern, const char *name, asc_buf *capture)
{
    const char *star = strchr(pattern, '*');
    if (!star)
        return strcmp(pattern, name) == 0;
    size_t head = (size_t)(star - pattern), keep = capture->len;
    if (strncmp(pattern, name, head) != 0)
        return false;
    name += head;
    for (size_t n = strlen(name);; n--) { /* the longest text first */
        if (keep)
            asc_buf_putc(capture, '/');
        asc_buf_append(capture, name, n);
        if (!capture->oom && n && match(star + 1, name + n, capture))
            return true;
        if (capture->data)
            capture->data[capture->len = keep] = 0;
        if (n == 0 || capture->oom)
            return false;
    }
}

static asc_status no_such_column(const asc__grid *g, const char *map, const char *name, asc_error *err)
{
    const char *near = asc_nearest_name(name, (const char *const *)g->column, g->n_columns);
    return ASC_FAIL(err, ASC_EINVAL, "--map %s: %s: no column %s '%s'%s%s%s", map, g->name,
                    strchr(name, '*') ? "like" : "named", name, near ? "; did you mean '" : "", near ? near : "",
                    near ? "'?" : "");
}

/* COLUMN, NUMBER, or factors of both with '*' between them. False: a factor is neither. */
static bool parse_product(asc__scalar *out, const asc__grid *g, const char *text)
{
    char part[256];
    asc__scalar s = {.given = true, .mapped = true, .factor = 1};
    size_t whole = find_column(g, text);
    if (whole < g->n_columns) {
        s.n = 1;
        s.column[0] = whole;
        *out = s;
        return true;
    }
    for (const char *p = text;; p++) {
        size_t n = strcspn(p, "*");
        double x;
        if (n == 0 || n >= sizeof part)
            return false;
        memcpy(part, p, n);
        part[n] = 0;
        size_t c = find_column(g, part);
        if (c < g->n_columns && s.n < ASC__FACTORS)
            s.column[s.n++] = c;
        else if (c == g->n_columns && asc_parse_quantity(part, &x))
            s.factor *= x;
        else
            return false;
        p += n;
        if (!*p)
            break;
    }
    *out = s;
    return true;
}

static asc_status map_list(asc__roles *r, asc__grid *g, const char *map, size_t prefix, const char *single,
                           const char *pattern, asc_error *err)
{
    size_t found = 0;
    bool star = strchr(pattern, '*') != NULL;
    for (size_t c = 0; c < g->n_columns; c++) {
        asc_buf capture = {0};
        asc_status st = ASC_OK;
        if (match(pattern, g->column[c], &capture)) {
            const char *name = single ? single : star && capture.len ? capture.data : g->column[c];
            st = set_list_role(r, g, c, prefix, name, err);
            r->columns[c].mapped = true;
            r->columns[c].why = "--map";
            found++;
        }
        if (capture.oom)
            st = ASC_NOMEM(err);
        asc_buf_clear(&capture);
        ASC_TRY(st);
    }
    if (found == 0)
        return no_such_column(g, map, pattern, err);
    if (single && found > 1)
        return ASC_FAIL(err, ASC_EINVAL, "--map %s: %zu columns; expected one", map, found);
    if (star && prefixes[prefix].role == ASC__TARGET)
        r->targets_mapped = true;
    else if (star)
        r->domains_mapped = true;
    return ASC_OK;
}

static asc_status map_ignore(asc__roles *r, const asc__grid *g, const char *map, const char *pattern, asc_error *err)
{
    size_t found = 0;
    for (size_t c = 0; c < g->n_columns; c++) {
        asc_buf capture = {0};
        if (match(pattern, g->column[c], &capture)) {
            r->columns[c] = (asc__column){.role = ASC__IGNORED, .mapped = true, .why = "--map"};
            found++;
        }
        asc_buf_clear(&capture);
    }
    return found ? ASC_OK : no_such_column(g, map, pattern, err);
}

static asc_status map_scalar(asc__roles *r, asc__grid *g, const char *map, asc__role role, const char *text,
                             asc_error *err)
{
    asc__scalar s;
    if (!parse_product(&s, g, text)) {
        const size_t domain_tokens = 1; /* in prefixes */
        assert(prefixes[domain_tokens].role == ASC__DOMAIN_TOKENS);
        if (role == ASC__TOKENS && strchr(text, '*'))
            return map_list(r, g, map, domain_tokens, NULL, text, err);
        return no_such_column(g, map, text, err);
    }
    if (role == ASC__RUN && (s.n != 1 || s.factor != 1))
        return ASC_FAIL(err, ASC_EINVAL, "--map %s: expected the column that identifies runs", map);
    for (size_t i = 0; i < s.n; i++) {
        r->columns[s.column[i]].role = role;
        r->columns[s.column[i]].mapped = true;
        r->columns[s.column[i]].why = "--map";
    }
    r->scalar[role] = s;
    return ASC_OK;
}

static asc_status bad_role(const char *map, const char *role, asc_error *err)
{
    static const char *const words[] = {"run",    "seed", "params", "tokens", "horizon", "trust",
                                        "weight", "loss", "ppl",    "bpb",    "acc",     "ignore"};
    const char *near = asc_nearest_name(role, words, sizeof words / sizeof *words);
    return ASC_FAIL(
        err, ASC_EINVAL,
        "--map %s: expected ROLE=COLUMN with run, seed, params, tokens, horizon, trust, weight, loss, ppl, bpb, acc "
        "or ignore as the role%s%s%s",
        map, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static asc_status apply_map(asc__roles *r, asc__grid *g, const char *map, asc_error *err)
{
    char role[256];
    const char *equals = strchr(map, '=');
    size_t n = equals ? (size_t)(equals - map) : 0;
    if (n == 0 || n >= sizeof role || !equals[1])
        return bad_role(map, "", err);
    memcpy(role, map, n);
    role[n] = 0;
    const char *pattern = equals + 1;
    for (size_t i = 0; i < N_SCALARS; i++)
        if (strcmp(role, scalars[i].word) == 0)
            return map_scalar(r, g, map, scalars[i].role, pattern, err);
    if (strcmp(role, "ignore") == 0)
        return map_ignore(r, g, map, pattern, err);
    for (size_t i = 0; i < N_PREFIXES; i++) {
        size_t len = strlen(prefixes[i].prefix);
        bool bare = strlen(role) == len - 1 && strncmp(role, prefixes[i].prefix, len - 1) == 0;
        if (bare || (strncmp(role, prefixes[i].prefix, len) == 0 && strcmp(role + len, "*") == 0))
            return map_list(r, g, map, i, NULL, pattern, err);
        if (strncmp(role, prefixes[i].prefix, len) == 0 && role[len])
            return map_list(r, g, map, i, role + len, pattern, err);
    }
    return bad_role(map, role, err);
}

/* ---- names ---- */

static bool starts(const char *s, const char *prefix, bool any_case)
{
    size_t n = strlen(prefix);
    return any_case ? strncasecmp(s, prefix, n) == 0 : strncmp(s, prefix, n) == 0;
}

/* A fixed name: as it is written, else the only one that differs in case alone. */
static asc_status name_scalar(asc__roles *r, const asc__grid *g, size_t i, asc_error *err)
{
    size_t exact = g->n_columns, other = g->n_columns, n_other = 0;
    if (r->scalar[scalars[i].role].given)
        return ASC_OK;
    for (size_t c = 0; c < g->n_columns; c++) {
        if (r->columns[c].role != ASC__NO_ROLE || strcasecmp(g->column[c], scalars[i].word) != 0)
            continue;
        if (strcmp(g->column[c], scalars[i].word) == 0)
            exact = c;
        else {
            other = c;
            n_other++;
        }
    }
    if (exact == g->n_columns && n_other > 1)
        return ASC_FAIL(err, ASC_EINVAL, "%s: %zu columns are named '%s' up to case; choose one with --map %s=COLUMN",
                        g->name, n_other, scalars[i].word, scalars[i].word);
    size_t c = exact < g->n_columns ? exact : other;
    if (c < g->n_columns)
        asc__roles_set_scalar(r, scalars[i].role, c, NULL);
    return ASC_OK;
}

static bool is_total(const char *name)
{
    static const char *const words[] = {"tokens_seen",     "tokens_total",   "tokens_processed",
                                        "tokens_consumed", "tokens_trained", "tokens_all"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(name, words[i]) == 0)
            return true;
    return false;
}

static bool has_prefixed(const asc__roles *r, const asc__grid *g, const char *prefix)
{
    for (size_t c = 0; c < g->n_columns; c++)
        if (r->columns[c].role == ASC__NO_ROLE && starts(g->column[c], prefix, true))
            return true;
    return false;
}

static asc_status name_list(asc__roles *r, asc__grid *g, size_t c, size_t i, asc_error *err)
{
    assert(c < g->n_columns && i < N_PREFIXES);
    const char *name = g->column[c] + strlen(prefixes[i].prefix);
    bool target = prefixes[i].role == ASC__TARGET;
    if (target ? r->targets_mapped : r->domains_mapped)
        return ASC_OK;
    if (!*name)
        return ASC_FAIL(err, ASC_EINVAL, "%s:1: column '%s': expected a %s's name behind '%s'", g->name, g->column[c],
                        target ? "target" : "domain", prefixes[i].prefix);
    if (target && prefixes[i].form != ASC_FORM_ACC && asc_target_is_accuracy(name))
        return ASC_FAIL(err, ASC_EINVAL,
                        "%s:1: column '%s': target names that begin with acc_ are reserved for accuracies; rename it "
                        "with --map loss_NAME=%s",
                        g->name, g->column[c], g->column[c]);
    return set_list_role(r, g, c, i, name, err);
}

static asc_status by_names(asc__roles *r, asc__grid *g, asc_error *err)
{
    for (size_t i = 0; i < N_SCALARS; i++)
        ASC_TRY(name_scalar(r, g, i, err));
    bool weights = asc__roles_count(r, g, ASC__WEIGHT) || has_prefixed(r, g, "weight_");
    for (size_t c = 0; c < g->n_columns; c++)
        for (size_t i = 0; i < N_PREFIXES && r->columns[c].role == ASC__NO_ROLE; i++) {
            if (!starts(g->column[c], prefixes[i].prefix, true))
                continue;
            if (weights && prefixes[i].role == ASC__DOMAIN_TOKENS && is_total(g->column[c])) {
                if (!r->scalar[ASC__TOKENS].given)
                    asc__roles_set_scalar(r, ASC__TOKENS, c, "its name; the table has no column 'tokens'");
                break;
            }
            ASC_TRY(name_list(r, g, c, i, err));
            break;
        }
    return ASC_OK;
}

/* weight_decay alone is no domain, tokens_per_second none, loss_scale no target: where no other column has the prefix,
 * the table's shares and losses stand under other names. */
static void drop_lone_settings(asc__roles *r, const asc__grid *g)
{
    static const struct {
        asc__role role;
        bool (*names)(const char *name);
    } kinds[] = {
        {ASC__WEIGHT, asc__names_setting}, {ASC__DOMAIN_TOKENS, asc__names_count}, {ASC__TARGET, asc__names_spread}};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        bool all = true;
        for (size_t c = 0; c < g->n_columns; c++)
            if (r->columns[c].role == kinds[k].role)
                all &= !r->columns[c].mapped && kinds[k].names(r->columns[c].as);
        for (size_t c = 0; all && c < g->n_columns; c++)
            if (r->columns[c].role == kinds[k].role)
                r->columns[c] =
                    (asc__column){.role = ASC__IGNORED, .why = "named for a setting, alone with its prefix"};
    }
}

/* ---- what must be there ---- */

static size_t first_of(const asc__roles *r, const asc__grid *g, asc__role role)
{
    size_t c = 0;
    while (c < g->n_columns && r->columns[c].role != role)
        c++;
    return c;
}

static asc_status check_forms(const asc__roles *r, const asc__grid *g, asc_error *err)
{
    size_t w = first_of(r, g, ASC__WEIGHT), t = first_of(r, g, ASC__DOMAIN_TOKENS);
    if (w < g->n_columns && t < g->n_columns)
        return ASC_FAIL(err, ASC_EINVAL,
                        "%s:1: weight_ and tokens_ columns in one table ('%s', '%s'); expected one kind; exclude the "
                        "other with --map 'ignore=tokens_*'",
                        g->name, g->column[w], g->column[t]);
    return ASC_OK;
}

static const char *form_prefix(asc_target_form f)
{
    static const char *const names[] = {"loss_", "ppl_", "bpb_", "acc_"};
    assert((size_t)f < sizeof names / sizeof *names);
    return names[f];
}

/* Two columns for one domain or target. */
static asc_status check_twins(const asc__roles *r, const asc__grid *g, asc_error *err)
{
    for (size_t a = 0; a < g->n_columns; a++) {
        const asc__column *x = &r->columns[a];
        for (size_t b = 0; x->as && b < a; b++) {
            const asc__column *y = &r->columns[b];
            if (!y->as || (x->role == ASC__TARGET) != (y->role == ASC__TARGET) || strcmp(x->as, y->as) != 0)
                continue;
            if (x->role == ASC__TARGET && x->form != y->form)
                return ASC_FAIL(err, ASC_EINVAL,
                                "%s:1: column '%s': target '%s' has a %s and a %s column; expected one; exclude the "
                                "other with --map 'ignore=%s'",
                                g->name, g->column[a], x->as, form_prefix(y->form), form_prefix(x->form), g->column[a]);
            return ASC_FAIL(err, ASC_EINVAL, "%s:1: columns '%s' and '%s' both hold %s '%s'; expected one", g->name,
                            g->column[b], g->column[a], x->role == ASC__TARGET ? "target" : "domain", x->as);
        }
    }
    return ASC_OK;
}

/* The first columns of a table, for a message. */
static const char *some_columns(const asc__grid *g, char *buf, size_t n)
{
    size_t len = 0;
    buf[0] = 0;
    for (size_t c = 0; c < g->n_columns && len + 60 < n; c++)
        len += (size_t)snprintf(buf + len, n - len, "%s%.40s", c ? ", " : "", g->column[c]);
    if (len + 60 >= n)
        snprintf(buf + len, n - len, ", ..");
    return buf;
}

static asc_status check_complete(const asc__roles *r, const asc__grid *g, asc_error *err)
{
    char columns[320];
    size_t weights = asc__roles_count(r, g, ASC__WEIGHT);
    if (weights + asc__roles_count(r, g, ASC__DOMAIN_TOKENS) == 0)
        return ASC_FAIL(err, ASC_EINVAL,
                        "%s:1: no column weight_<domain> or tokens_<domain>; name the share columns with --map "
                        "'weight=PATTERN*' (found: %s)",
                        g->name, some_columns(g, columns, sizeof columns));
    if (asc__roles_count(r, g, ASC__TARGET) == 0)
        return ASC_FAIL(err, ASC_EINVAL,
                        "%s:1: no column loss_<target> or ppl_<target>, nor bpb_ or acc_; name the loss columns with "
                        "--map 'loss=PATTERN*' (found: %s)",
                        g->name, some_columns(g, columns, sizeof columns));
    if (weights && !r->scalar[ASC__TOKENS].given)
        return ASC_FAIL(err, ASC_EINVAL,
                        "%s:1: weight_ columns need a column 'tokens' with each row's total; give it with --map "
                        "tokens=COLUMN, tokens=COLUMN*NUMBER or tokens=NUMBER",
                        g->name);
    return ASC_OK;
}

static bool incomplete(const asc__roles *r, const asc__grid *g)
{
    size_t weights = asc__roles_count(r, g, ASC__WEIGHT);
    return weights + asc__roles_count(r, g, ASC__DOMAIN_TOKENS) == 0 || asc__roles_count(r, g, ASC__TARGET) == 0 ||
           (weights && !r->scalar[ASC__TOKENS].given);
}

static bool is_among(const char *name, char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* Columns of other domains (targets) than those asked for hold nothing that is looked at; with none of those there, all
 * stay, and the law says what it misses. */
static void keep_only(asc__roles *r, const asc__grid *g, bool targets, char *const *names, size_t n)
{
    size_t known = 0;
    for (size_t c = 0; c < g->n_columns; c++)
        known +=
            r->columns[c].as && (r->columns[c].role == ASC__TARGET) == targets && is_among(r->columns[c].as, names, n);
    for (size_t c = 0; known && c < g->n_columns; c++) {
        asc__column *x = &r->columns[c];
        if (x->as && (x->role == ASC__TARGET) == targets && !is_among(x->as, names, n))
            *x = (asc__column){.role = ASC__IGNORED, .why = "not in the law"};
    }
}

static asc_status find(asc__roles *r, asc__grid *g, const asc_table_opts *o, asc_error *err)
{
    for (size_t i = 0; i < o->n_map; i++)
        ASC_TRY(apply_map(r, g, o->map[i], err));
    ASC_TRY(by_names(r, g, err));
    drop_lone_settings(r, g);
    ASC_TRY(check_forms(r, g, err));
    if (incomplete(r, g))
        ASC_TRY(asc__layouts_find(r, g, err));
    ASC_TRY(check_forms(r, g, err));
    ASC_TRY(check_twins(r, g, err));
    return ASC_OK;
}

asc_status asc__roles_find(asc__roles *out, asc__grid *g, const asc_table_opts *o, asc_error *err)
{
    out->columns = asc_calloc(g->n_columns + 1, sizeof *out->columns);
    if (!out->columns)
        return ASC_NOMEM(err);
    ASC_TRY(find(out, g, o, err));
    if (o->only_domains)
        keep_only(out, g, false, o->only_domains, o->n_only_domains);
    if (o->only_targets)
        keep_only(out, g, true, o->only_targets, o->n_only_targets);
    return check_complete(out, g, err);
}
