/* The parameter table and the flat arrays behind it. */
#include "internal.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static size_t elements(const asc_param *row)
{
    size_t n = 1;
    for (int i = 0; i < row->n_dims; i++)
        n *= (size_t)row->dims[i];
    return n;
}

static void count_param(asc_model *m, const asc_param *row)
{
    bool body = row->part == ASC_PART_BODY || row->part == ASC_PART_TRANSFORM;
    m->n_params += (int64_t)elements(row);
    m->n_body += body ? (int64_t)elements(row) : 0;
    m->n_products += row->part == ASC_PART_BODY && row->n_dims == 2 ? (int64_t)elements(row) : 0;
}

asc_status asc__add_param(asc_model *m, asc_param row, asc_error *err)
{
    count_param(m, &row);
    assert(row.n_dims == 1 || row.n_dims == 2);
    if (m->counting) {
        m->n_tensors++;
        return ASC_OK;
    }
    asc_param *table = asc_grow(m->table, &m->cap_tensors, m->n_tensors + 1, sizeof *table);
    if (!table)
        return ASC_NOMEM(err);
    m->table = table;
    row.n = elements(&row);
    const asc_param *before = m->n_tensors > 0 ? &table[m->n_tensors - 1] : NULL;
    assert(!row.joined || before);
    row.offset = row.joined && before ? before->offset + before->n : m->n_flat;
    m->n_flat = (row.offset + row.n + 15) / 16 * 16;
    table[m->n_tensors++] = row;
    return ASC_OK;
}

asc_status asc__add_output(asc_model *m, const char *name, double sd, double lr_scale, asc_error *err)
{
    m->head_weight = m->embedding;
    if (!m->spec.untied)
        return ASC_OK;
    asc_param p = {.n_dims = 2,
                   .dims = {m->spec.vocab, m->spec.width},
                   .init = ASC_INIT_NORMAL,
                   .init_value = sd,
                   .decay = true,
                   .lr_scale = lr_scale,
                   .part = ASC_PART_OUTPUT};
    snprintf(p.name, sizeof p.name, "%s", name);
    m->head_weight = m->n_tensors;
    return asc__add_param(m, p, err);
}

size_t asc_model_n_tensors(const asc_model *m)
{
    return m->n_tensors;
}

const asc_param *asc_model_tensor(const asc_model *m, size_t i)
{
    assert(i < m->n_tensors);
    return &m->table[i];
}

const asc_param *asc_model_find_tensor(const asc_model *m, const char *name)
{
    for (size_t i = 0; i < m->n_tensors; i++)
        if (strcmp(m->table[i].name, name) == 0)
            return &m->table[i];
    return NULL;
}

size_t asc_model_flat_size(const asc_model *m)
{
    return m->n_flat;
}

float *asc_model_params_data(asc_model *m)
{
    return m->params;
}

float *asc_model_grads_data(asc_model *m)
{
    return m->grads;
}

float *asc_model_moment1_data(asc_model *m)
{
    return m->moment1;
}

float *asc_model_moment2_data(asc_model *m)
{
    return m->moment2;
}

void asc_model_params_changed(asc_model *m)
{
    m->packed_valid = false;
}

void asc_model_init_weights(asc_model *m, uint64_t seed)
{
    for (size_t i = 0; i < m->n_tensors; i++) {
        const asc_param *p = &m->table[i];
        float *x = m->params + p->offset;
        asc_rng rng;
        asc_rng_init(&rng, seed, p->name, 0);
        for (size_t j = 0; j < p->n; j++)
            x[j] = p->init == ASC_INIT_ZERO    ? 0
                   : p->init == ASC_INIT_CONST ? (float)p->init_value
                                               : (float)(p->init_value * asc_rng_normal(&rng));
    }
    asc_model_params_changed(m);
}
