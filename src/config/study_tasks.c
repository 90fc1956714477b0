/* Tasks in a study: as targets of the laws, and what the target's checkpoints are judged by. */
#include "study_parser.h"

#include <math.h>
#include <string.h>

#include "task/task_data.h"

asc_status asc__study_task_target(asc_study_domain *d, asc__yaml *y, const yaml_node_t *node, asc_error *err)
{
    if (d->task && d->n_valid)
        return asc__yaml_fail(y, node, err,
                              "a target '%s': either 'valid' (text) or 'task' (a file of items), not both", d->name);
    if (!d->task && (asc__yaml_get(y, node, "limit") || asc__yaml_get(y, node, "shots")))
        return asc__yaml_fail(y, node, err, "a target '%s': 'limit' and 'shots' belong to a 'task'", d->name);
    return ASC_OK;
}

static asc_status parse_finetune(asc_study_finetune *f, asc__yaml *y, const yaml_node_t *node, asc_error *err)
{
    ASC_TRY(asc__section_check(y, node, "tasks.finetune", err));
    ASC_TRY(asc__section_values(f, y, node, "tasks.finetune", err));
    if (!f->task || !f->data)
        return asc__yaml_fail(y, node, err, "finetune: missing key '%s': {task: RTE, data: FOLDER}",
                              f->task ? "data" : "task");
    if (!asc_glue_find(f->task) && !asc_squad_is(f->task)) /* it becomes a folder's name too */
        return asc__yaml_fail(
            y, asc__yaml_get(y, node, "task"), err,
            "task: expected CoLA, SST-2, MRPC, STS-B, QQP, MNLI, QNLI, RTE, WNLI or squad, found '%s'", f->task);
    return ASC_OK;
}

static asc_status parse_finetunes(asc_study_tasks *t, asc__yaml *y, const yaml_node_t *map, asc_error *err)
{
    yaml_node_t *node = asc__yaml_get(y, map, "finetune");
    char shown[80];
    if (!node || asc__yaml_is_null(node))
        return ASC_OK;
    if (node->type != YAML_SEQUENCE_NODE)
        return asc__yaml_fail(y, node, err, "finetune: expected a list of {task: NAME, data: FOLDER}, found %s",
                              asc__yaml_show(node, shown, sizeof shown));
    size_t n = asc__yaml_count(node);
    t->finetune = asc_calloc(n + 1, sizeof *t->finetune);
    if (!t->finetune)
        return ASC_NOMEM(err);
    t->n_finetune = n;
    for (size_t i = 0; i < n; i++) {
        yaml_node_t *item = asc__yaml_item(y, node, i);
        ASC_TRY(parse_finetune(&t->finetune[i], y, item, err));
        for (size_t j = 0; j < i; j++)
            if (strcmp(t->finetune[i].task, t->finetune[j].task) == 0)
                return asc__yaml_fail(y, item, err, "finetune: '%s' is given twice", t->finetune[i].task);
    }
    return ASC_OK;
}

asc_status asc__study_tasks(asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err)
{
    asc_study_tasks *t = &s->tasks;
    yaml_node_t *m;
    for (size_t i = 0; i < s->n_heldout; i++)
        if (s->heldout[i].task && asc_arch_is_encoder(s->model.arch))
            return asc__yaml_fail(y, asc__yaml_get(y, root, "targets"), err,
                                  "target '%s' is a task; task targets require a decoder (arch: gpt2)",
                                  s->heldout[i].name);
    ASC_TRY(asc__section_read(&m, s, y, root, "tasks", "tasks", err));
    if (!m)
        return ASC_OK;
    ASC_TRY(asc__yaml_strings(y, m, "eval", &t->eval, &t->n_eval, err));
    ASC_TRY(parse_finetunes(t, y, m, err));
    if (t->n_eval && asc_arch_is_encoder(s->model.arch))
        return asc__yaml_fail(y, m, err,
                              "tasks: 'eval' requires a decoder (arch: gpt2); for an encoder use 'finetune'");
    if ((t->n_eval || t->n_finetune) && s->keep_checkpoints == ASC_KEEP_NONE)
        return asc__yaml_fail(
            y, m, err, "tasks: evaluating the target's checkpoints requires run.keep_checkpoints 'target' or 'last'");
    if ((t->n_eval || t->n_finetune) && !s->validate)
        return asc__yaml_fail(y, m, err, "tasks: with target.validate: false there are no checkpoints to evaluate");
    return ASC_OK;
}

void asc__study_tasks_clear(asc_study_tasks *t)
{
    for (size_t i = 0; t->eval && i < t->n_eval; i++)
        asc_free(t->eval[i]);
    for (size_t i = 0; t->finetune && i < t->n_finetune; i++) {
        asc_free(t->finetune[i].task);
        asc_free(t->finetune[i].data);
    }
    asc_free(t->eval);
    asc_free(t->finetune);
    asc_free(t->dir);
}
