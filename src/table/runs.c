/* The reader of tables of runs: a grid and the roles of its columns become numbers. Every cell is checked, nothing is
 * dropped. */
#include "table/table.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "csv.h"
#include "plausible.h"

/* What the weights of the rows summed to before they were normalized. */
typedef struct weight_sums {
    double least, most;
    size_t n_off, first_line;
} weight_sums;

typedef struct builder {
    const asc__grid *g;
    const asc__roles *roles;
    asc_table t;
    size_t *domain_column, *target_column; /* (D), (V) */
    double *raw;                           /* (R,D) cells of the domains as they stand */
    size_t *slots;                         /* open-addressing table over run ids: group + 1 */
    size_t n_slots;
    size_t *group_row; /* (groups) first row of each */
    size_t cap_groups;
    weight_sums sums;
    char *chunk; /* what is left of the newest block of text */
    size_t n_chunk;
    size_t n_clamped; /* accuracies of 0 or 1 */
    asc_error *err;
} builder;

void asc_table_clear(asc_table *t)
{
    if (!t)
        return;
    asc_runs_clear(&t->runs);
    asc_free(t->run);
    asc_free(t->seed);
    asc_free(t->form);
    for (size_t i = 0; t->unknown && i < t->n_unknown; i++)
        asc_free(t->unknown[i]);
    asc_free(t->unknown);
    asc_free(t->unknown_cell);
    asc_arena_clear(&t->text);
    asc_notes_clear(&t->notes);
    *t = (asc_table){0};
}

/* ---- accuracies ---- */

static const double least_accuracy = 1e-3, lift = 7;

bool asc_target_is_accuracy(const char *target)
{
    return strncmp(target, "acc_", 4) == 0 && target[4];
}

static double loss_of_accuracy(double a)
{
    a = fmin(fmax(a, least_accuracy), 1 - least_accuracy);
    return lift - log(a / (1 - a));
}

double asc_accuracy_of_loss(double loss)
{
    return 1 / (1 + exp(loss - lift));
}

/* ---- the shape ---- */

/* A copy of s in the table's text, packed (an arena alone would round each cell to 64 bytes). */
static char *keep_text(builder *r, const char *s)
{
    enum { BLOCK = 1 << 16 };
    size_t n = strlen(s) + 1;
    if (n > r->n_chunk) {
        size_t block = n > BLOCK ? n : BLOCK;
        char *p = asc_arena_alloc(&r->t.text, block);
        if (!p)
            return NULL;
        r->chunk = p;
        r->n_chunk = block;
    }
    assert(n <= r->n_chunk);
    char *out = memcpy(r->chunk, s, n);
    r->chunk += n;
    r->n_chunk -= n;
    return out;
}

static bool is_ignored(const builder *r, size_t c)
{
    return r->roles->columns[c].role <= ASC__IGNORED;
}

static bool is_domain(const builder *r, size_t c)
{
    return r->roles->columns[c].role == ASC__WEIGHT || r->roles->columns[c].role == ASC__DOMAIN_TOKENS;
}

static bool is_target(const builder *r, size_t c)
{
    return r->roles->columns[c].role == ASC__TARGET;
}

static asc_status allocate(builder *r)
{
    const asc__grid *g = r->g;
    asc_table *t = &r->t;
    size_t D = 0, V = 0, R = g->n_rows, U = 0;
    for (size_t c = 0; c < g->n_columns; c++) {
        D += is_domain(r, c);
        V += is_target(r, c);
        U += is_ignored(r, c);
    }
    ASC_TRY(asc_runs_init(&t->runs, R, D, V, r->err));
    t->run = asc_calloc(R + 1, sizeof *t->run);
    t->seed = asc_calloc(R + 1, sizeof *t->seed);
    t->form = asc_calloc(V + 1, sizeof *t->form);
    t->unknown = asc_calloc(U + 1, sizeof *t->unknown);
    t->unknown_cell = asc_calloc(R * U + 1, sizeof *t->unknown_cell);
    r->domain_column = asc_calloc(D + 1, sizeof *r->domain_column);
    r->target_column = asc_calloc(V + 1, sizeof *r->target_column);
    r->raw = asc_calloc(R * D + 1, sizeof *r->raw);
    bool ok =
        t->run && t->seed && t->form && t->unknown && t->unknown_cell && r->domain_column && r->target_column && r->raw;
    return ok ? ASC_OK : ASC_NOMEM(r->err);
}

/* Domains, targets and ignored columns in the order of the file. */
static asc_status name_all(builder *r)
{
    const asc__grid *g = r->g;
    asc_table *t = &r->t;
    size_t D = 0, V = 0;
    for (size_t c = 0; c < g->n_columns; c++) {
        const asc__column *x = &r->roles->columns[c];
        char **to = is_domain(r, c)    ? &t->runs.domains[D]
                    : is_target(r, c)  ? &t->runs.targets[V]
                    : is_ignored(r, c) ? &t->unknown[t->n_unknown]
                                       : NULL;
        if (!to)
            continue;
        *to = asc_strdup(x->as ? x->as : g->column[c]);
        if (!*to)
            return ASC_NOMEM(r->err);
        if (is_domain(r, c)) {
            t->weights_form = x->role == ASC__WEIGHT;
            r->domain_column[D++] = c;
        } else if (is_target(r, c)) {
            t->form[V] = x->form;
            r->target_column[V++] = c;
        } else
            t->n_unknown++;
    }
    assert(D == t->runs.n_domains && V == t->runs.n_targets);
    t->has_run = r->roles->scalar[ASC__RUN].given;
    t->has_seed = r->roles->scalar[ASC__SEED].given;
    t->has_params = r->roles->scalar[ASC__PARAMS].given;
    t->has_horizon = r->roles->scalar[ASC__HORIZON].given;
    t->has_trust = r->roles->scalar[ASC__TRUST].given;
    t->has_tokens = r->roles->scalar[ASC__TOKENS].given;
    return ASC_OK;
}

/* ---- rows ---- */

static asc__value value(const builder *r, size_t row, size_t c, double *x)
{
    return asc__grid_value(r->g, c, asc__grid_cell(r->g, row, c), x);
}

/* Seed, params, tokens, horizon, trust: NaN where a factor is missing. */
static asc_status read_scalar(builder *r, size_t row, asc__role role, const char *expected, double *out)
{
    const asc__scalar *s = &r->roles->scalar[role];
    double product = s->factor, x = NAN;
    assert(s->n <= ASC__FACTORS);
    if (!s->given)
        return ASC_OK;
    for (size_t i = 0; i < s->n; i++) {
        asc__value v = value(r, row, s->column[i], &x);
        bool fine = v == ASC__MISSING || (v == ASC__NUMBER && (x > 0 || role == ASC__SEED));
        if (!fine)
            return asc__grid_bad_cell(r->g, row, s->column[i], expected, r->err);
        product *= v == ASC__NUMBER ? x : NAN;
    }
    *out = product;
    return ASC_OK;
}

/* Blank: a measured run, which counts whole. */
static asc_status read_trust(builder *r, size_t row)
{
    static const char *const expected = "a weight in (0, 1], or blank";
    const asc__scalar *s = &r->roles->scalar[ASC__TRUST];
    double trust = 1;
    ASC_TRY(read_scalar(r, row, ASC__TRUST, expected, &trust));
    trust = isnan(trust) ? 1 : trust;
    if (trust > 1)
        return s->n ? asc__grid_bad_cell(r->g, row, s->column[0], expected, r->err)
                    : ASC_FAIL(r->err, ASC_EINVAL, "--map trust=%g: expected %s", s->factor, "a number in (0, 1]");
    r->t.runs.trust[row] = trust;
    return ASC_OK;
}

static asc_status read_total(builder *r, size_t row)
{
    const asc__scalar *s = &r->roles->scalar[ASC__TOKENS];
    double total = NAN;
    ASC_TRY(read_scalar(r, row, ASC__TOKENS, "a total of tokens > 0", &total));
    if (r->t.weights_form && !(total > 0))
        return s->n ? asc__grid_bad_cell(r->g, row, s->column[0], "a total of tokens > 0", r->err)
                    : ASC_FAIL(r->err, ASC_EINVAL, "--map tokens=%g: expected a number > 0", s->factor);
    r->t.runs.total[row] = total > 0 ? total : 0;
    return ASC_OK;
}

static asc_status read_domains(builder *r, size_t row)
{
    size_t D = r->t.runs.n_domains;
    for (size_t i = 0; i < D; i++) {
        double x;
        if (value(r, row, r->domain_column[i], &x) != ASC__NUMBER || x < 0)
            return asc__grid_bad_cell(r->g, row, r->domain_column[i],
                                      r->t.weights_form ? "a share >= 0" : "tokens >= 0", r->err);
        r->raw[row * D + i] = x;
    }
    return ASC_OK;
}

static asc_status read_target(builder *r, size_t row, size_t v, double percent)
{
    static const char *const expected[] = {
        [ASC_FORM_LOSS] = "a loss >= 0 in nats, or blank",
        [ASC_FORM_PPL] = "a perplexity >= 1, or blank",
        [ASC_FORM_BPB] = "bits per byte >= 0, or blank",
        [ASC_FORM_ACC] = "an accuracy in [0, 1] (or percent), or blank",
    };
    asc_target_form form = r->t.form[v];
    double x, *out = &r->t.runs.loss[row * r->t.runs.n_targets + v];
    asc__value is = value(r, row, r->target_column[v], &x);
    if (is == ASC__MISSING) {
        *out = NAN;
        return ASC_OK;
    }
    if (form == ASC_FORM_ACC && is == ASC__NUMBER)
        x /= percent;
    bool fine = form == ASC_FORM_PPL ? x >= 1 : form == ASC_FORM_ACC ? x >= 0 && x <= 1 : x >= 0;
    if (is != ASC__NUMBER || !fine)
        return asc__grid_bad_cell(r->g, row, r->target_column[v], expected[form], r->err);
    r->n_clamped += form == ASC_FORM_ACC && (x < least_accuracy || x > 1 - least_accuracy);
    *out = form == ASC_FORM_PPL ? log(x) : form == ASC_FORM_ACC ? loss_of_accuracy(x) : x;
    return ASC_OK;
}

/* 100 where a column of accuracies holds percent. */
static double accuracy_unit(const builder *r, size_t v)
{
    if (r->t.form[v] != ASC_FORM_ACC)
        return 1;
    asc__stats s = asc__column_stats(r->g, r->target_column[v]);
    return s.hi > 1 && s.hi <= 100 ? 100 : 1;
}

static asc_status read_run(builder *r, size_t row)
{
    char id[24];
    const asc__scalar *s = &r->roles->scalar[ASC__RUN];
    const char *cell = s->given ? asc__grid_cell(r->g, row, s->column[0]) : id;
    snprintf(id, sizeof id, "%zu", row);
    if (!*cell || !asc_is_utf8(cell))
        return asc__grid_bad_cell(r->g, row, s->column[0], "a run's id", r->err);
    r->t.run[row] = keep_text(r, cell);
    return r->t.run[row] ? ASC_OK : ASC_NOMEM(r->err);
}

static asc_status keep_unknown(builder *r, size_t row)
{
    char **to = r->t.unknown_cell + row * r->t.n_unknown;
    for (size_t c = 0; c < r->g->n_columns; c++)
        if (is_ignored(r, c)) {
            *to = keep_text(r, asc__grid_cell(r->g, row, c));
            if (!*to++)
                return ASC_NOMEM(r->err);
        }
    return ASC_OK;
}

static asc_status read_row(builder *r, size_t row, const double *unit)
{
    asc_runs *runs = &r->t.runs;
    r->t.seed[row] = runs->params[row] = runs->horizon[row] = NAN;
    ASC_TRY(read_run(r, row));
    ASC_TRY(read_scalar(r, row, ASC__SEED, "a number or blank", &r->t.seed[row]));
    ASC_TRY(read_scalar(r, row, ASC__PARAMS, "parameters > 0, or blank", &runs->params[row]));
    ASC_TRY(read_scalar(r, row, ASC__HORIZON, "tokens > 0, or blank", &runs->horizon[row]));
    ASC_TRY(read_trust(r, row));
    ASC_TRY(read_total(r, row));
    ASC_TRY(read_domains(r, row));
    for (size_t v = 0; v < runs->n_targets; v++)
        ASC_TRY(read_target(r, row, v, unit[v]));
    return keep_unknown(r, row);
}

static asc_status read_rows(builder *r)
{
    size_t V = r->t.runs.n_targets;
    double *unit = asc_calloc(V + 1, sizeof *unit);
    if (!unit)
        return ASC_NOMEM(r->err);
    for (size_t v = 0; v < V; v++)
        unit[v] = accuracy_unit(r, v);
    asc_status st = ASC_OK;
    for (size_t row = 0; st == ASC_OK && row < r->g->n_rows; row++)
        st = read_row(r, row, unit);
    asc_free(unit);
    return st;
}

/* ---- shares and tokens ---- */

static size_t row_line(const builder *r, size_t row, const char **file)
{
    return asc__grid_line(r->g, row, r->domain_column[0], file);
}

static double row_sum(const builder *r, size_t row)
{
    double sum = 0;
    for (size_t i = 0; i < r->t.runs.n_domains; i++)
        sum += r->raw[row * r->t.runs.n_domains + i];
    return sum;
}

/* Shares in percent: every row sums to 100 within 1. */
static bool in_percent(const builder *r)
{
    for (size_t row = 0; row < r->t.runs.n_runs; row++)
        if (!(fabs(row_sum(r, row) - 100) <= 1 + 1e-9))
            return false;
    return true;
}

/* weight_ columns: shares become tokens; the sum may be off by .01. */
static asc_status settle_weights(builder *r, size_t row, double unit)
{
    size_t D = r->t.runs.n_domains;
    const double *w = r->raw + row * D;
    double sum = row_sum(r, row) / unit;
    const char *file;
    size_t line = row_line(r, row, &file);
    if (!(fabs(sum - 1) <= .01 + 1e-12))
        return ASC_FAIL(r->err, ASC_EINVAL,
                        "%s:%zu: columns weight_*: expected shares that sum to 1 within .01, found "
                        "%.6g",
                        file, line, sum);
    if (fabs(sum - 1) > 1e-6) {
        weight_sums *s = &r->sums;
        s->least = s->n_off ? fmin(s->least, sum) : sum;
        s->most = s->n_off ? fmax(s->most, sum) : sum;
        s->first_line = s->n_off ? s->first_line : line;
        s->n_off++;
    }
    double by = fabs(sum - 1) <= 1e-12 ? unit : unit * sum; /* rounding of the sum is nothing to mend */
    for (size_t i = 0; i < D; i++)
        r->t.runs.tokens[row * D + i] = w[i] / by * r->t.runs.total[row];
    return ASC_OK;
}

/* tokens_ columns: the total is their sum; a `tokens` column beside them must agree. */
static asc_status settle_tokens(builder *r, size_t row)
{
    size_t D = r->t.runs.n_domains;
    double sum = row_sum(r, row), *total = &r->t.runs.total[row];
    const char *file;
    size_t line = row_line(r, row, &file);
    if (!(sum > 0) || isinf(sum))
        return ASC_FAIL(r->err, ASC_EINVAL, "%s:%zu: columns tokens_*: expected a sum > 0, found %g", file, line, sum);
    if (*total > 0 && fabs(*total - sum) > .01 * sum)
        return ASC_FAIL(r->err, ASC_EINVAL, "%s:%zu: column 'tokens': expected the sum of tokens_*, %.10g, found %.10g",
                        file, line, sum, *total);
    *total = sum;
    memcpy(r->t.runs.tokens + row * D, r->raw + row * D, D * sizeof *r->raw);
    return ASC_OK;
}

static asc_status settle(builder *r)
{
    bool percent = r->t.weights_form && in_percent(r);
    for (size_t row = 0; row < r->t.runs.n_runs; row++)
        ASC_TRY(r->t.weights_form ? settle_weights(r, row, percent ? 100 : 1) : settle_tokens(r, row));
    if (percent)
        asc_notes_say(&r->t.notes, PERCENT);
    return ASC_OK;
}

/* ---- runs: rows of one id ---- */

static asc_status grow_slots(builder *r)
{
    size_t n = r->n_slots ? 2 * r->n_slots : 256;
    size_t *slots = asc_calloc(n, sizeof *slots);
    if (!slots)
        return ASC_NOMEM(r->err);
    for (size_t g = 0; g < r->t.runs.n_groups; g++) {
        const char *id = r->t.run[r->group_row[g]];
        size_t k = asc_hash64(id, strlen(id), 1) & (n - 1);
        while (slots[k])
            k = (k + 1) & (n - 1);
        slots[k] = g + 1;
    }
    asc_free(r->slots);
    r->slots = slots;
    r->n_slots = n;
    return ASC_OK;
}

static asc_status assign_group(builder *r, size_t row)
{
    asc_runs *runs = &r->t.runs;
    if (2 * (runs->n_groups + 1) > r->n_slots)
        ASC_TRY(grow_slots(r));
    const char *id = r->t.run[row];
    size_t k = asc_hash64(id, strlen(id), 1) & (r->n_slots - 1);
    while (r->slots[k] && strcmp(r->t.run[r->group_row[r->slots[k] - 1]], id) != 0)
        k = (k + 1) & (r->n_slots - 1);
    if (!r->slots[k]) {
        size_t *p = asc_grow(r->group_row, &r->cap_groups, runs->n_groups + 1, sizeof *p);
        if (!p)
            return ASC_NOMEM(r->err);
        r->group_row = p;
        r->group_row[runs->n_groups++] = row;
        r->slots[k] = runs->n_groups;
    }
    runs->group[row] = r->slots[k] - 1;
    return ASC_OK;
}

static asc_status find_runs(builder *r)
{
    asc_runs *runs = &r->t.runs;
    for (size_t row = 0; row < runs->n_runs; row++)
        if (r->t.has_run)
            ASC_TRY(assign_group(r, row));
        else
            runs->group[row] = runs->n_groups++;
    return ASC_OK;
}

/* ---- notes ---- */

static void note_losses(builder *r)
{
    const asc_runs *runs = &r->t.runs;
    bool kinds[ASC_FORM_ACC + 1] = {0};
    for (size_t v = 0; v < runs->n_targets; v++) {
        size_t blank = 0;
        kinds[r->t.form[v]] = true;
        for (size_t row = 0; row < runs->n_runs; row++)
            blank += isnan(runs->loss[row * runs->n_targets + v]);
        if (blank)
            asc_notes_say(&r->t.notes, NOT_MEASURED, runs->targets[v], blank, runs->n_runs);
    }
    bool nats = kinds[ASC_FORM_LOSS] || kinds[ASC_FORM_PPL];
    if (nats + kinds[ASC_FORM_BPB] + kinds[ASC_FORM_ACC] > 1)
        asc_notes_say(&r->t.notes, MIXED_UNITS, nats ? "losses" : "",
                      kinds[ASC_FORM_BPB] ? nats ? ", bits per byte" : "bits per byte" : "",
                      kinds[ASC_FORM_ACC] ? ", accuracies" : "");
    if (r->n_clamped)
        asc_notes_say(&r->t.notes, CLIPPED, r->n_clamped);
}

/* Rows of runs that did not end well are rows like others; whoever exports a tracker's table may not know. */
static void note_states(builder *r, asc_buf *list, size_t u)
{
    static const char *const fine[] = {"finished", "completed", "complete", "done", "success", "succeeded", "ok", ""};
    size_t bad = 0;
    const char *what = NULL;
    if (strcasecmp(r->t.unknown[u], "state") != 0 && strcasecmp(r->t.unknown[u], "status") != 0)
        return;
    for (size_t row = 0; row < r->t.runs.n_runs; row++) {
        const char *cell = r->t.unknown_cell[row * r->t.n_unknown + u];
        bool ok = false;
        for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
            ok |= strcasecmp(cell, fine[i]) == 0;
        bad += !ok;
        what = ok || what ? what : cell;
    }
    if (bad)
        asc_buf_printf(list, " (%zu %s '%.40s'%s; the losses are used)", bad, bad > 1 ? "rows are" : "row is", what,
                       bad > 1 ? " or similar" : "");
}

static void note_columns(builder *r)
{
    asc_buf list = {0};
    for (size_t i = 0; i < r->t.n_unknown; i++) {
        if (i < 8)
            asc_buf_printf(&list, "%s'%s'", i ? ", " : "", r->t.unknown[i]);
        note_states(r, &list, i);
    }
    if (r->t.n_unknown > 8)
        asc_buf_printf(&list, " and %zu more", r->t.n_unknown - 8);
    if (r->t.n_unknown && !list.oom)
        asc_notes_say(&r->t.notes, IGNORED_COLUMNS, list.data);
    asc_buf_clear(&list);
}

/* Rows of one id are checkpoints of one run, and have its mixture. */
static void note_mixed_runs(builder *r)
{
    const asc_runs *runs = &r->t.runs;
    for (size_t row = 0; r->t.has_run && row < runs->n_runs; row++) {
        size_t first = r->group_row[runs->group[row]];
        for (size_t i = 0; i < runs->n_domains; i++) {
            double a = runs->tokens[row * runs->n_domains + i] / runs->total[row];
            double b = runs->tokens[first * runs->n_domains + i] / runs->total[first];
            if (fabs(a - b) <= .01)
                continue;
            asc_notes_say(&r->t.notes, MIXED_RUN, r->t.run[row], r->g->column[r->roles->scalar[ASC__RUN].column[0]]);
            return;
        }
    }
}

static void note_all(builder *r)
{
    const weight_sums *s = &r->sums;
    if (*r->roles->layout)
        asc_notes_say(&r->t.notes, LAYOUT, r->roles->layout);
    for (size_t i = 0; i < r->g->notes.n; i++)
        asc_notes_add_as(&r->t.notes, r->g->notes.code[i], "%s", r->g->notes.text[i]);
    if (s->n_off)
        asc_notes_say(&r->t.notes, NORMALIZED, s->n_off, r->t.runs.n_runs, s->least - 1, s->most - 1, s->first_line);
    note_columns(r);
    note_losses(r);
    note_mixed_runs(r);
}

/* ---- what looks wrong ---- */

/* What --map calls a column that stays what it was taken for; accuracies carry theirs in the name. */
static const char *mapped_prefix(const builder *r, size_t c)
{
    static const char *const forms[] = {
        [ASC_FORM_LOSS] = "loss_", [ASC_FORM_PPL] = "ppl_", [ASC_FORM_BPB] = "bpb_", [ASC_FORM_ACC] = ""};
    if (is_target(r, c))
        return forms[r->roles->columns[c].form];
    return r->t.weights_form ? "weight_" : "tokens_";
}

static asc_status refuse_doubtful(const builder *r, char *const *problem)
{
    const asc__grid *g = r->g;
    size_t first = g->n_columns, n = 0;
    char others[48] = "";
    for (size_t c = g->n_columns; c-- > 0;)
        if (problem[c]) {
            first = c;
            n++;
        }
    if (n == 0)
        return ASC_OK;
    if (n > 1)
        snprintf(others, sizeof others, "; %zu more columns look wrong", n - 1);
    return ASC_FAIL(r->err, ASC_EINVAL,
                    "%s: column '%s': read as %s '%s' by its name, but %s; --map 'ignore=%s' excludes it, --map "
                    "'%s%s=%s' accepts it%s",
                    g->file[g->column_file[first]], g->column[first], is_target(r, first) ? "target" : "domain",
                    r->roles->columns[first].as, problem[first], g->column[first], mapped_prefix(r, first),
                    r->roles->columns[first].as, g->column[first], others);
}

static asc_status doubt(builder *r, asc__grid *text, char **problem, const asc_table_opts *o)
{
    asc__doubt d = {.t = &r->t,
                    .g = r->g,
                    .roles = r->roles,
                    .domain_column = r->domain_column,
                    .target_column = r->target_column,
                    .raw = r->raw,
                    .problem = problem};
    if (o->trusting)
        return ASC_OK;
    ASC_TRY(asc__find_doubts(&d, text, r->err));
    return refuse_doubtful(r, problem);
}

/* ---- the layout, for whoever asks what was taken for what ---- */

void asc_table_layout_clear(asc_table_layout *l)
{
    if (!l)
        return;
    for (size_t i = 0; l->columns && i < l->n_columns; i++) {
        asc_free(l->columns[i].file);
        asc_free(l->columns[i].name);
        asc_free(l->columns[i].as);
        asc_free(l->columns[i].problem);
    }
    asc_free(l->columns);
    asc_free(l->layout);
    asc_free(l->key);
    *l = (asc_table_layout){0};
}

static const char *role_name(const asc__column *c)
{
    static const char *const roles[] = {"ignored", "ignored", "run",    "seed",          "params", "tokens",
                                        "horizon", "trust",   "weight", "domain tokens", "loss"};
    static const char *const forms[] = {"loss", "ppl", "bpb", "acc"};
    return c->role == ASC__TARGET ? forms[c->form] : roles[c->role];
}

static bool copy_text(char **out, const char *s)
{
    *out = s ? asc_strdup(s) : NULL;
    return !s || *out;
}

static asc_status describe(asc_table_layout *l, const asc__grid *g, const asc__roles *roles, char *const *problem,
                           asc_error *err)
{
    l->columns = asc_calloc(g->n_columns + 1, sizeof *l->columns);
    if (!l->columns)
        return ASC_NOMEM(err);
    l->n_rows = g->n_rows;
    bool ok = copy_text(&l->layout, *roles->layout ? roles->layout : NULL) && copy_text(&l->key, g->key);
    for (size_t c = 0; ok && c < g->n_columns; c++) {
        asc_table_column *x = &l->columns[l->n_columns++];
        asc__stats s = asc__column_stats(g, c);
        x->role = role_name(&roles->columns[c]);
        x->why = roles->columns[c].why;
        x->lo = s.lo;
        x->hi = s.hi;
        x->n_missing = s.n_missing;
        x->n_text = s.n_text;
        ok = copy_text(&x->file, g->file[g->column_file[c]]) && copy_text(&x->name, g->column[c]) &&
             copy_text(&x->as, roles->columns[c].as) && copy_text(&x->problem, problem[c]);
    }
    return ok ? ASC_OK : ASC_NOMEM(err);
}

/* ---- the whole ---- */

static asc_status build(builder *r, asc__grid *g, char **problem, const asc_table_opts *o)
{
    ASC_TRY(allocate(r));
    ASC_TRY(name_all(r));
    ASC_TRY(read_rows(r));
    ASC_TRY(doubt(r, g, problem, o));
    ASC_TRY(settle(r));
    ASC_TRY(find_runs(r));
    note_all(r);
    return ASC_OK;
}

/* g is cleared. */
static asc_status read_grid(asc_table *out, asc_table_layout *layout, asc__grid *g, const asc_table_opts *o,
                            asc_error *err)
{
    asc__roles roles = {0};
    builder r = {.g = g, .roles = &roles, .err = err};
    char **problem = asc_calloc(g->n_columns + 1, sizeof *problem);
    asc_status st = problem ? asc__roles_find(&roles, g, o, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = build(&r, g, problem, o);
    if (layout && problem && roles.columns) {
        asc_table_layout l = {0};
        if (describe(&l, g, &roles, problem, st == ASC_OK ? err : NULL) == ASC_OK) {
            l.n_runs = st == ASC_OK ? r.t.runs.n_groups : 0;
            *layout = l;
        } else {
            asc_table_layout_clear(&l);
            st = st == ASC_OK ? ASC_ENOMEM : st;
        }
    }
    if (st == ASC_OK)
        *out = r.t;
    else
        asc_table_clear(&r.t);
    asc_free(r.domain_column);
    asc_free(r.target_column);
    asc_free(r.raw);
    asc_free(r.slots);
    asc_free(r.group_row);
    asc_free(problem);
    asc__roles_clear(&roles);
    asc__grid_clear(g);
    return st;
}

asc_status asc_table_read_files(asc_table *out, asc_table_layout *layout, const char *const *paths, size_t n,
                                const asc_table_opts *o, asc_error *err)
{
    asc__grid *grids = asc_calloc(n + 1, sizeof *grids), g = {0};
    asc_status st = grids ? ASC_OK : ASC_NOMEM(err);
    for (size_t i = 0; st == ASC_OK && i < n; i++)
        st = asc__grid_read(&grids[i], paths[i], err);
    if (st == ASC_OK && n > 1)
        st = asc__grid_join(&g, grids, n, o->key, err);
    else if (st == ASC_OK) {
        g = grids[0];
        grids[0] = (asc__grid){0};
    }
    for (size_t i = 0; grids && i < n; i++)
        asc__grid_clear(&grids[i]);
    asc_free(grids);
    return st == ASC_OK ? read_grid(out, layout, &g, o, err) : st;
}

asc_status asc_table_read(asc_table *out, const char *path, asc_error *err)
{
    asc_table_opts o = {0};
    return asc_table_read_files(out, NULL, &path, 1, &o, err);
}

asc_status asc_table_parse_opts(asc_table *out, asc_table_layout *layout, const char *name, const char *text, size_t n,
                                const asc_table_opts *o, asc_error *err)
{
    asc__grid g = {0};
    ASC_TRY(asc__grid_parse(&g, name, text, n, err));
    return read_grid(out, layout, &g, o, err);
}

asc_status asc_table_parse(asc_table *out, const char *name, const char *text, size_t n, asc_error *err)
{
    asc_table_opts o = {0};
    return asc_table_parse_opts(out, NULL, name, text, n, &o, err);
}
