/* The table of architectures, made from ASC_ARCHITECTURES, and what is counted from their parameter tables. */
#include "internal.h"

#define ROW(id, name, kind) &asc__##name,
static const asc__arch_ops *const table[] = {ASC_ARCHITECTURES(ROW)};

const asc__arch_ops *asc__arch_of(asc_arch arch)
{
    return (unsigned)arch < ASC_N_ARCHS ? table[arch] : NULL;
}

/* Only counted: nothing is allocated. */
static bool count(asc_model *m, const asc_model_spec *spec)
{
    *m = (asc_model){.spec = *spec, .counting = true, .arch = asc__arch_of(spec->arch)};
    return m->arch && asc_model_spec_check(spec, NULL) == ASC_OK && spec->vocab >= 0 &&
           m->arch->table(m, NULL) == ASC_OK;
}

int64_t asc_model_params(const asc_model_spec *spec)
{
    asc_model m;
    return count(&m, spec) ? m.n_params : 0;
}

int64_t asc_model_body_params(const asc_model_spec *spec)
{
    asc_model m;
    return count(&m, spec) ? m.n_body : 0;
}

int64_t asc_model_body_products(const asc_model_spec *spec)
{
    asc_model m;
    return count(&m, spec) ? m.n_products : 0;
}
