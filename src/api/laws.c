#include "facade.h"

#include <math.h>
#include <string.h>

#include "law/law.h"
#include "table/table.h"

const char *asc_law_name_at(size_t i)
{
    const char *names[256];
    size_t n = asc_law_names(names, sizeof names / sizeof *names);
    return i < n && i < sizeof names / sizeof *names ? names[i] : NULL;
}

/* ---- fitting ---- */

static asc_status add_notes(asc_law_set *s, const asc_notes *notes, asc_error *err)
{
    for (size_t i = 0; i < notes->n; i++)
        ASC_TRY(asc_law_set_note(s, err, notes->code[i], "%s", notes->text[i]));
    return ASC_OK;
}

/* The rows that say something, with the notes about the others; the table itself is only read. */
static asc_status fit_rows(asc_law_set *s, const asc_table *table, const asc_law_opts *o, asc_error *err)
{
    asc_runs runs = {0};
    asc_table view = *table;
    view.notes = (asc_notes){0};
    asc_notes_copy(&view.notes, &table->notes, "");
    asc_status st = asc_table_evidence(&runs, &view, err);
    if (st == ASC_OK)
        st = asc_law_fit(s, &runs, o, err);
    if (st == ASC_OK)
        st = add_notes(s, &view.notes, err);
    asc_runs_clear(&runs);
    asc_notes_clear(&view.notes);
    return st;
}

static asc_status finish(asc_laws **out, asc_laws *laws, asc_status st)
{
    if (st == ASC_OK)
        *out = laws;
    else
        asc_laws_free(laws);
    return st;
}

asc_status asc_laws_fit(asc_laws **out, const asc_table *table, const asc_fit_options *options, asc_error *err)
{
    asc_fit_options o;
    asc_law_opts l;
    asc__hooked hooked;
    asc_objective objective = {0};
    ASC__NEEDS(out, err);
    ASC__NEEDS(table, err);
    ASC__TAKE(o, options);
    asc_law_opts_init(&l);
    l.law = o.law;
    l.noise = o.noise > 0 ? o.noise : NAN;
    l.n_bootstrap = o.no_draws ? 0 : o.draws ? o.draws : l.n_bootstrap;
    l.seed = o.seed;
    l.n_threads = o.threads > 0 ? o.threads : asc_cpu_count();
    const asc_runs *runs = &table->runs;
    const asc_target_names names = {runs->targets, runs->n_targets, runs->domains, runs->n_domains};
    if (o.objective)
        ASC_TRY(asc_objective_read(&objective, o.objective, &names, err));
    l.objective = o.objective ? &objective : NULL;
    asc_laws *laws = asc_calloc(1, sizeof *laws);
    asc__hooks_enter(&hooked, o.hooks);
    l.progress = hooked.hooks.progress;
    l.progress_ctx = hooked.hooks.ctx;
    asc_status st = laws ? fit_rows(laws, table, &l, err) : ASC_NOMEM(err);
    asc__hooks_leave(&hooked);
    asc_objective_clear(&objective);
    return finish(out, laws, st);
}

asc_status asc_laws_load(asc_laws **out, const char *path, asc_error *err)
{
    ASC__NEEDS(out, err);
    ASC__NEEDS(path, err);
    asc_laws *laws = asc_calloc(1, sizeof *laws);
    return finish(out, laws, laws ? asc_law_read(laws, path, err) : ASC_NOMEM(err));
}

asc_status asc_laws_save(const asc_laws *laws, const char *path, asc_error *err)
{
    ASC__NEEDS(laws, err);
    ASC__NEEDS(path, err);
    return asc_law_write(path, laws, err);
}

void asc_laws_free(asc_laws *laws)
{
    if (laws)
        asc_law_set_clear(laws);
    asc_free(laws);
}

/* ---- what they say ---- */

const char *asc_laws_name(const asc_laws *laws)
{
    return laws->law;
}

size_t asc_laws_n_domains(const asc_laws *laws)
{
    return laws->n_domains;
}

size_t asc_laws_n_targets(const asc_laws *laws)
{
    return laws->n_targets;
}

const char *asc_laws_domain(const asc_laws *laws, size_t i)
{
    return i < laws->n_domains ? laws->domains[i] : NULL;
}

const char *asc_laws_target(const asc_laws *laws, size_t v)
{
    return v < laws->n_targets ? laws->targets[v] : NULL;
}

const char *asc_laws_note(const asc_laws *laws, size_t k)
{
    return k < laws->notes.n ? laws->notes.text[k] : NULL;
}

/* Of a law of the objective alone there is one, and no target has its own. */
static const asc_law *law_of(const asc_laws *laws, size_t v)
{
    return laws->n_laws == laws->n_targets && v < laws->n_laws ? &laws->laws[v] : laws->n_laws == 1 ? laws->laws : NULL;
}

double asc_laws_error(const asc_laws *laws, size_t v)
{
    const asc_law *l = law_of(laws, v);
    return l ? l->stats.mre : NAN;
}

double asc_laws_cv_error(const asc_laws *laws, size_t v)
{
    const asc_law *l = law_of(laws, v);
    return l ? l->stats.cv_mre : NAN;
}

asc_status asc_laws_predict(double *losses, double *objective, const asc_laws *laws, const double *tokens,
                            double params, asc_error *err)
{
    double sum = 0;
    ASC__NEEDS(laws, err);
    ASC__NEEDS(tokens, err);
    for (size_t i = 0; i < laws->n_domains; i++) {
        if (!(tokens[i] >= 0 && isfinite(tokens[i])))
            return ASC_FAIL(err, ASC_EINVAL, "tokens of '%s': expected a number >= 0, found %g", laws->domains[i],
                            tokens[i]);
        sum += tokens[i];
    }
    if (!(sum > 0))
        return ASC_FAIL(err, ASC_EINVAL, "tokens: expected a sum > 0, found %g", sum);
    params = params > 0 ? params : laws->params_hi;
    bool each = !asc_law_set_of_objective(laws);
    for (size_t v = 0; losses && v < laws->n_targets; v++)
        losses[v] = each ? asc_law_predict(&laws->laws[v], tokens, params) : NAN;
    if (objective)
        *objective = asc_law_set_objective(laws, tokens, params);
    return ASC_OK;
}
