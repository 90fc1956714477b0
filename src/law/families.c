/* The table of families: a new law is one file and one line here. */
#include "private.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const double asc_law_band_level[ASC_LAW_BANDS] = {.68, .90, .95};

static const char *const names[ASC_LAW_FAMILIES] = {
    [ASC_LAW_DDO] = "ddo",
    [ASC_LAW_DDO_JOINT] = "ddo-joint",
    [ASC_LAW_EFFECTIVE] = "effective",
    [ASC_LAW_DML] = "dml",
    [ASC_LAW_BIMIX] = "bimix",
    [ASC_LAW_RECIPROCAL_ADD] = "reciprocal-add",
    [ASC_LAW_RECIPROCAL_JOINT] = "reciprocal-joint",
    [ASC_LAW_RECIPROCAL_MULT] = "reciprocal-mult",
    [ASC_LAW_RECIPROCAL_KAPLAN] = "reciprocal-kaplan",
    [ASC_LAW_RECIPROCAL_SCALE] = "reciprocal-scale",
    [ASC_LAW_CONSTANT] = "constant",
    [ASC_LAW_RIDGE] = "linear",
    [ASC_LAW_TREES] = "trees",
    [ASC_LAW_BLEND] = "blend",
};

static const asc__family *const families[ASC_LAW_FAMILIES] = {
    [ASC_LAW_DDO_JOINT] = &asc__family_ddo_joint,
    [ASC_LAW_EFFECTIVE] = &asc__family_effective,
    [ASC_LAW_DML] = &asc__family_dml,
    [ASC_LAW_BIMIX] = &asc__family_bimix,
    [ASC_LAW_RECIPROCAL_ADD] = &asc__family_reciprocal_add,
    [ASC_LAW_RECIPROCAL_JOINT] = &asc__family_reciprocal_joint,
    [ASC_LAW_RECIPROCAL_MULT] = &asc__family_reciprocal_mult,
    [ASC_LAW_RECIPROCAL_KAPLAN] = &asc__family_reciprocal_kaplan,
    [ASC_LAW_RECIPROCAL_SCALE] = &asc__family_reciprocal_scale,
    [ASC_LAW_CONSTANT] = &asc__family_constant,
    [ASC_LAW_RIDGE] = &asc__family_ridge,
};

const asc__family *asc__law_family(asc_law_family f)
{
    return (unsigned)f < ASC_LAW_FAMILIES ? families[f] : NULL;
}

const char *asc_law_family_name(asc_law_family f)
{
    return (unsigned)f < ASC_LAW_FAMILIES ? names[f] : "unknown";
}

bool asc_law_parse(const char *name, asc_law_family *family, bool *gp)
{
    size_t n = strlen(name);
    bool plus = n > 3 && strcmp(name + n - 3, "+gp") == 0;
    if (strcmp(name, "ridge") == 0 || strcmp(name, "ridge+gp") == 0) {
        *family = ASC_LAW_RIDGE;
        *gp = plus;
        return true;
    }
    for (int f = 0; f < ASC_LAW_FAMILIES; f++) {
        if (strlen(names[f]) != n - (plus ? 3 : 0) || strncmp(names[f], name, strlen(names[f])) != 0)
            continue;
        if (plus && !families[f])
            return false;
        *family = (asc_law_family)f;
        *gp = plus;
        return true;
    }
    return false;
}

static const char *const all_names[] = {
    "auto",
    "ddo",
    "ddo-joint",
    "effective",
    "dml",
    "bimix",
    "linear",
    "reciprocal-add",
    "reciprocal-joint",
    "reciprocal-mult",
    "trees",
    "effective+gp",
    "reciprocal-add+gp",
    "reciprocal-joint+gp",
    "reciprocal-mult+gp",
    "reciprocal-kaplan",
    "reciprocal-kaplan+gp",
    "reciprocal-scale",
    "reciprocal-scale+gp",
    "constant",
    "constant+gp",
    "ddo-joint+gp",
    "dml+gp",
    "bimix+gp",
    "linear+gp",
    "blend",
};

const char *const *asc_law_names(size_t *n)
{
    *n = sizeof all_names / sizeof *all_names;
    return all_names;
}

size_t asc_law_n_params(asc_law_family f, size_t n_domains, bool has_tokens, bool has_params)
{
    if (f == ASC_LAW_DDO)
        return 1 + 3 * n_domains;
    const asc__family *fam = asc__law_family(f);
    return fam ? fam->n_params(n_domains, has_tokens, has_params) : 0;
}

char *asc_law_name(const asc_law *l, char *buf, size_t n)
{
    snprintf(buf, n, "%s%s", asc_law_family_name(l->family), l->gp.n ? "+gp" : "");
    return buf;
}

static const char *const ddo_names[] = {"a", "b", "c"};

char *asc_law_param_name(const asc_law *l, size_t i, char *const *domains, char *buf, size_t n)
{
    const asc__family *fam = asc__law_family(l->family);
    if (fam)
        fam->param_name(l, i, domains, buf, n);
    else if (l->family == ASC_LAW_DDO && i > 0)
        snprintf(buf, n, "%s.%s", ddo_names[(i - 1) / l->n_domains], domains[(i - 1) % l->n_domains]);
    else if (l->family == ASC_LAW_DDO)
        snprintf(buf, n, "J0");
    else {
        char part[40] = "?";
        if (i < l->n_parts)
            asc_law_name(&l->parts[i], part, sizeof part);
        snprintf(buf, n, "weight.%s", part);
    }
    return buf;
}

bool asc_law_decides(asc_law_family f)
{
    return f != ASC_LAW_RIDGE && f != ASC_LAW_TREES && f != ASC_LAW_CONSTANT;
}
