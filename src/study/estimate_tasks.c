/* The tokens that a study's tasks read: as targets at every evaluation of a run, and as judges of the target's
 * checkpoints. */
#include "steps.h"

#include <string.h>

#include "task/task_list.h"

static void add_cost(asc_task_cost *sum, const asc_task_cost *c)
{
    sum->read += c->read;
    sum->predicted += c->predicted;
    sum->trained += c->trained;
    sum->updates += c->updates;
}

/* One likelihood task, its file relative to the study, added to sum. */
static asc_status add_likelihood(asc_task_cost *sum, const asc__study *s, const char *entry, const char *folder,
                                 const asc_task_opts *o, bool right_only, const asc_tokenizer *t, asc_error *err)
{
    asc_task_list l = {0};
    asc_task_cost c = {0};
    asc_status st = asc_task_list_add(&l, entry, s->spec->base_dir, folder, err);
    if (st == ASC_OK)
        st = asc_task_cost_of(&c, l.specs[0], o, right_only, t, s->model.context, err);
    asc_task_list_clear(&l);
    if (st == ASC_OK)
        add_cost(sum, &c);
    return st;
}

static asc_status add_targets(asc_task_cost *sum, const asc__study *s, const asc_tokenizer *t, asc_error *err)
{
    for (size_t i = 0; i < s->spec->n_heldout; i++) {
        const asc_study_domain *d = &s->spec->heldout[i];
        asc_task_opts o = {.shots = d->shots, .limit = (size_t)d->limit};
        if (d->task)
            ASC_TRY(add_likelihood(sum, s, d->task, NULL, &o, true, t, err));
    }
    return ASC_OK;
}

static asc_status finetune_cost(asc_task_cost *out, const asc__study *s, const asc_study_finetune *f,
                                const asc_tokenizer *t, asc_error *err)
{
    asc_finetune_opts o;
    asc_finetune_opts_init(&o);
    char *data = asc_path_join(s->spec->base_dir, f->data);
    o.task = f->task;
    o.data = data;
    o.seeds = f->seeds > 0 ? f->seeds : o.seeds;
    o.epochs = f->epochs > 0 ? f->epochs : o.epochs;
    o.batch = f->batch > 0 ? f->batch : o.batch;
    o.max_length = f->max_length;
    o.limit_train = (size_t)f->limit_train;
    o.limit_dev = (size_t)f->limit_dev;
    asc_status st = data ? asc_finetune_cost(out, &o, t, &s->model, err) : ASC_NOMEM(err);
    asc_free(data);
    return st;
}

/* All likelihood tasks are one program, each fine-tuning another. */
static asc_status add_judged(asc__task_work *w, const asc__study *s, const asc_tokenizer *t, asc_error *err)
{
    const asc_study_tasks *tasks = &s->spec->tasks;
    w->judged = asc_calloc(tasks->n_finetune + 1, sizeof *w->judged);
    if (!w->judged)
        return ASC_NOMEM(err);
    asc_task_opts o = {.shots = tasks->shots, .limit = (size_t)tasks->limit};
    for (size_t i = 0; i < tasks->n_eval; i++)
        ASC_TRY(add_likelihood(&w->judged[0], s, tasks->eval[i], tasks->dir, &o, false, t, err));
    w->n_judged = tasks->n_eval > 0;
    for (size_t i = 0; i < tasks->n_finetune; i++)
        ASC_TRY(finetune_cost(&w->judged[w->n_judged++], s, &tasks->finetune[i], t, err));
    return ASC_OK;
}

asc_status asc__task_work_of(asc__task_work *out, const asc__study *s, const asc_tokenizer *t, asc_error *err)
{
    asc__task_work w = {0};
    asc_status st = add_targets(&w.target, s, t, err);
    if (st == ASC_OK && s->spec->validate)
        st = add_judged(&w, s, t, err);
    if (st == ASC_OK)
        *out = w;
    else
        asc_free(w.judged);
    return st;
}
