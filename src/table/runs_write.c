/* The writer of tables of runs: what the reader takes, in one order of columns. */
#include "table/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "csv.h"

asc_status asc_table_init(asc_table *t, size_t n_runs, char *const *domains, size_t n_domains, char *const *targets,
                          size_t n_targets, asc_error *err)
{
    asc_table n = {0};
    ASC_TRY(asc_runs_init(&n.runs, n_runs, n_domains, n_targets, err));
    n.run = asc_calloc(n_runs, sizeof *n.run);
    n.seed = asc_calloc(n_runs, sizeof *n.seed);
    n.form = asc_calloc(n_targets, sizeof *n.form);
    bool ok = n.run && n.seed && n.form;
    for (size_t i = 0; ok && i < n_domains; i++)
        ok = (n.runs.domains[i] = asc_strdup(domains[i])) != NULL;
    for (size_t i = 0; ok && i < n_targets; i++)
        ok = (n.runs.targets[i] = asc_strdup(targets[i])) != NULL;
    if (!ok) {
        asc_table_clear(&n);
        return ASC_NOMEM(err);
    }
    for (size_t i = 0; i < n_runs; i++) {
        n.seed[i] = NAN;
        n.runs.group[i] = i;
    }
    n.runs.n_groups = n_runs;
    *t = n;
    return ASC_OK;
}

asc_status asc_table_set_run(asc_table *t, size_t row, const char *id, asc_error *err)
{
    char *copy = asc_arena_strdup(&t->text, id);
    if (!copy)
        return ASC_NOMEM(err);
    t->run[row] = copy;
    t->has_run = true;
    return ASC_OK;
}

/* ---- one line after another ---- */

/* A comma before every cell of a line but the first. */
static void next_cell(asc_buf *b)
{
    if (b->len && b->data[b->len - 1] != '\n')
        asc_buf_putc(b, ',');
}

static void put_name(asc_buf *b, const char *prefix, const char *name)
{
    next_cell(b);
    asc_buf whole = {0};
    asc_buf_puts(&whole, prefix);
    asc_buf_puts(&whole, name);
    b->oom |= whole.oom;
    if (!whole.oom)
        asc__csv_put(b, whole.data);
    asc_buf_clear(&whole);
}

/* Names of accuracies keep their acc_. */
static const char *const form_prefix[] = {"loss_", "ppl_", "bpb_", ""};

/* A column that was left out must not come back when the table is read again. */
static bool reads_as_role(const char *name)
{
    static const char *const fixed[] = {"run", "seed", "params", "tokens", "horizon", "trust"};
    static const char *const prefixes[] = {"weight_", "tokens_", "loss_", "ppl_", "bpb_", "acc_"};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (strcasecmp(name, fixed[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncasecmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

static void put_unknown(asc_buf *b, const asc_table *t, const char *name)
{
    char *whole = asc_strf("%s%s", reads_as_role(name) ? "ignored_" : "", name);
    bool twice = whole && strcmp(whole, name) != 0;
    while (twice) { /* until no other column has this name */
        twice = false;
        for (size_t i = 0; i < t->n_unknown; i++)
            twice |= strcmp(t->unknown[i], whole) == 0;
        char *longer = twice ? asc_strf("ignored_%s", whole) : NULL;
        if (twice) {
            asc_free(whole);
            whole = longer;
        }
        twice &= whole != NULL;
    }
    b->oom |= !whole;
    put_name(b, "", whole ? whole : "");
    asc_free(whole);
}

/* x as it was measured; what went through a logarithm comes back to 13 digits. */
static double measured(asc_target_form form, double x)
{
    char text[40];
    if (isnan(x) || form == ASC_FORM_LOSS || form == ASC_FORM_BPB)
        return x;
    snprintf(text, sizeof text, "%.13g", form == ASC_FORM_PPL ? exp(x) : asc_accuracy_of_loss(x));
    return strtod(text, NULL);
}

/* The share with the fewest digits from which reading makes the same tokens. */
static double share_of(double tokens, double total)
{
    for (int digits = 3; digits < 17; digits++) {
        char text[40];
        snprintf(text, sizeof text, "%.*g", digits, tokens / total);
        double x = strtod(text, NULL);
        if (x * total == tokens)
            return x;
    }
    return tokens / total;
}

static void put_header(asc_buf *b, const asc_table *t)
{
    const asc_runs *r = &t->runs;
    const struct {
        bool there;
        const char *name;
    } fixed[] = {{t->has_run, "run"},         {t->has_seed, "seed"},   {t->has_params, "params"},
                 {t->has_horizon, "horizon"}, {t->has_trust, "trust"}, {t->has_tokens || t->weights_form, "tokens"}};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (fixed[i].there)
            put_name(b, "", fixed[i].name);
    for (size_t i = 0; i < r->n_domains; i++)
        put_name(b, t->weights_form ? "weight_" : "tokens_", r->domains[i]);
    for (size_t v = 0; v < r->n_targets; v++)
        put_name(b, form_prefix[t->form[v]], r->targets[v]);
    for (size_t i = 0; i < t->n_unknown; i++)
        put_unknown(b, t, t->unknown[i]);
    asc_buf_putc(b, '\n');
}

static void put_value(asc_buf *b, bool there, double x, size_t *cells)
{
    if (!there)
        return;
    if ((*cells)++)
        asc_buf_putc(b, ',');
    asc__csv_put_number(b, x);
}

static void put_row(asc_buf *b, const asc_table *t, size_t row)
{
    const asc_runs *r = &t->runs;
    size_t cells = 0;
    if (t->has_run) {
        asc__csv_put(b, t->run[row] ? t->run[row] : "");
        cells++;
    }
    put_value(b, t->has_seed, t->seed[row], &cells);
    put_value(b, t->has_params, r->params[row], &cells);
    put_value(b, t->has_horizon, r->horizon[row], &cells);
    put_value(b, t->has_trust, r->trust[row], &cells);
    put_value(b, t->has_tokens || t->weights_form, r->total[row], &cells);
    for (size_t i = 0; i < r->n_domains; i++) {
        double x = r->tokens[row * r->n_domains + i];
        put_value(b, true, t->weights_form ? share_of(x, r->total[row]) : x, &cells);
    }
    for (size_t v = 0; v < r->n_targets; v++) {
        double x = r->loss[row * r->n_targets + v];
        put_value(b, true, measured(t->form[v], x), &cells);
    }
    for (size_t i = 0; i < t->n_unknown; i++) {
        asc_buf_putc(b, ',');
        asc__csv_put(b, t->unknown_cell[row * t->n_unknown + i]);
    }
    asc_buf_putc(b, '\n');
}

asc_status asc_table_print(asc_buf *out, const asc_table *t, asc_error *err)
{
    asc_buf b = {0};
    put_header(&b, t);
    for (size_t row = 0; row < t->runs.n_runs; row++)
        put_row(&b, t, row);
    if (!b.oom)
        asc_buf_append(out, b.data, b.len);
    bool oom = b.oom || out->oom;
    asc_buf_clear(&b);
    return oom ? ASC_NOMEM(err) : ASC_OK;
}

asc_status asc_table_write(const char *path, const asc_table *t, asc_error *err)
{
    asc_buf b = {0};
    asc_status st = asc_table_print(&b, t, err);
    if (st == ASC_OK)
        st = asc_write_file(path, b.data, b.len, err);
    asc_buf_clear(&b);
    return st;
}
