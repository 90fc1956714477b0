/* The parameter table and the flat arrays behind it. */
#include "internal.h"

#include <math.h>
#include <string.h>

asc_status asc__add_param(asc_model *m, asc_param row, asc_error *err)
{
    asc_param *table = asc_grow(m->table, &m->cap_tensors, m->n_tensors + 1, sizeof *table);
    if (!table)
        return ASC_NOMEM(err);
    m->table = table;
    row.n = 1;
    for (int i = 0; i < row.n_dims; i++)
        row.n *= (size_t)row.dims[i];
    row.offset = m->n_flat;
    m->n_flat += (row.n + 15) / 16 * 16;
    table[m->n_tensors++] = row;
    return ASC_OK;
}

size_t asc_model_n_tensors(const asc_model *m)
{
    return m->n_tensors;
}

const asc_param *asc_model_tensor(const asc_model *m, size_t i)
{
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
