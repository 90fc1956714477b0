/* The table of architectures, made from ASC_ARCHITECTURES, and what is counted from their parameter tables. */
#include "internal.h"

#include <assert.h>
#include <string.h>

#include "spec/spec_settings.h"

#define ROW(id, name, kind) &asc__##name,
static const asc__arch_ops *const table[] = {ASC_ARCHITECTURES(ROW)};

const asc__arch_ops *asc__arch_of(asc_arch arch)
{
    return (unsigned)arch < ASC_N_ARCHS ? table[arch] : NULL;
}

/* ---- shapes ---- */

int asc_model_kv_heads(const asc_model_spec *m)
{
    return m->n_kv_heads > 0 ? m->n_kv_heads : m->n_heads;
}

int asc_model_head_dim(const asc_model_spec *m)
{
    return m->head_dim > 0 ? m->head_dim : m->n_heads > 0 ? m->width / m->n_heads : 0;
}

double asc_model_norm_eps(const asc_model_spec *m)
{
    assert(asc__arch_of(m->arch));
    return m->norm_eps > 0 ? m->norm_eps : asc__arch_of(m->arch)->norm_eps;
}

asc_rope_values asc_model_rope(const asc_model_spec *m)
{
    return (asc_rope_values){.theta = m->rope_theta > 0 ? m->rope_theta : 10000,
                             .low = m->rope_low > 0 ? m->rope_low : 1,
                             .high = m->rope_high > 0 ? m->rope_high : 4,
                             .original = m->rope_original > 0 ? m->rope_original : 8192};
}

int asc_model_mlp_width(const asc_model_spec *m)
{
    const asc__arch_ops *arch = asc__arch_of(m->arch);
    return m->mlp_width > 0 ? m->mlp_width : arch->mlp_width ? arch->mlp_width(m->width) : 4 * m->width;
}

/* Settings that only llama has a place for. */
static asc_status check_keys(const asc_model_spec *m, asc_error *err)
{
    for (size_t i = 0; !asc__arch_of(m->arch)->all_keys && i < asc_n_settings(); i++) {
        const asc_setting *s = asc_setting_at(i);
        if ((s->flags & ASC_SET_LLAMA) && asc_setting_is_set(asc_model_setting((asc_model_spec *)m, s), s))
            return ASC_FAIL(err, ASC_EINVAL, "%s: arch %s has none", s->key, asc_arch_name(m->arch));
    }
    return ASC_OK;
}

asc_status asc_model_spec_check(const asc_model_spec *m, asc_error *err)
{
    const asc__arch_ops *arch = asc__arch_of(m->arch);
    if (!arch)
        return ASC_FAIL(err, ASC_EMISSING, "arch: this build has no such model");
    if (m->n_layers <= 0 || m->n_heads <= 0 || m->width <= 0 || m->context <= 0)
        return ASC_FAIL(err, ASC_EINVAL, "layers = %d, heads = %d, width = %d, context = %d, all expected > 0",
                        m->n_layers, m->n_heads, m->width, m->context);
    if (m->mup && m->mup_base_width <= 0)
        return ASC_FAIL(err, ASC_EINVAL, "mup_base_width = %d, expected > 0", m->mup_base_width);
    ASC_TRY(check_keys(m, err));
    if (m->head_dim <= 0 && m->width % m->n_heads != 0)
        return ASC_FAIL(err, ASC_EINVAL, "width %d is not divisible by heads %d", m->width, m->n_heads);
    return arch->check ? arch->check(m, err) : ASC_OK;
}

void asc_model_limit_context(asc_model_spec *spec, int most)
{
    assert(most > 0);
    if (asc__arch_of(spec->arch)->any_context && spec->context > most)
        spec->context = most;
}

asc_status asc_model_eval_context(asc_model_spec *spec, int context, asc_error *err)
{
    if (context == 0) {
        asc_model_limit_context(spec, ASC_EVAL_CONTEXT);
        return ASC_OK;
    }
    if (context > spec->context)
        return ASC_FAIL(err, ASC_EINVAL, "a context of %d tokens, but the model supports at most %d", context,
                        spec->context);
    if (asc__arch_of(spec->arch)->any_context)
        spec->context = context;
    else if (context != spec->context)
        return ASC_FAIL(err, ASC_EINVAL, "arch %s can only be evaluated at its own context, %d tokens",
                        asc_arch_name(spec->arch), spec->context);
    return ASC_OK;
}

/* ---- counts ---- */

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
