/* The model of `autoscale train`: options and a checkpoint to start from, into a run. */
#include "train_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device/device.h"
#include "model/model.h"

/* "KEY=VALUE,..." of the model's settings. */
static asc_status read_model_keys(asc_model_spec *m, const char *list, asc_error *err)
{
    char *copy = list ? asc_strdup(list) : NULL, *rest = NULL;
    asc_status st = list && !copy ? ASC_NOMEM(err) : ASC_OK;
    for (char *part = copy ? strtok_r(copy, ",", &rest) : NULL; st == ASC_OK && part;
         part = strtok_r(NULL, ",", &rest)) {
        char *eq = strchr(part, '=');
        asc_error why = {0};
        if (eq)
            *eq = 0;
        const asc_setting *k = asc_setting_find("model", part);
        if (!eq || !k)
            st = ASC_FAIL(err, ASC_EINVAL, "--model: expected KEY=VALUE,..., found '%s'%s", part,
                          eq ? ", which is not a model setting" : "");
        else if (asc_setting_parse(asc_model_setting(m, k), k, eq + 1, &why) != ASC_OK)
            st = ASC_FAIL(err, ASC_EINVAL, "--model: %s: %s", part, why.msg);
    }
    asc_free(copy);
    return st;
}

/* What options say beside a checkpoint's own shape must be the same; the context of rotary models is a choice. */
static asc_status check_shape(asc_model_spec *asked, asc_model_spec *own, const char *dir, asc_error *err)
{
    asked->vocab = own->vocab;
    for (size_t i = 0; i < asc_n_settings(); i++) {
        const asc_setting *k = asc_setting_at(i);
        char x[64], y[64];
        if (!k->section || strcmp(k->section, "model") != 0 || k->in_run == ASC_NOWHERE ||
            strcmp(k->key, "context") == 0 || strcmp(k->key, "recompute") == 0 || strncmp(k->key, "mup", 3) == 0)
            continue;
        asc_setting_text(asc_model_setting(asked, k), k, x, sizeof x);
        asc_setting_text(asc_model_setting(own, k), k, y, sizeof y);
        if (strcmp(x, y) != 0)
            return ASC_FAIL(err, ASC_EINVAL, "%s%s: %s has %s, found %s", k->option ? "--" : "--model: ", k->key, dir,
                            y, x);
    }
    return ASC_OK;
}

/* The shape of --init's folder, before options are read. */
static asc_status init_model(const asc_cli_args *a, asc_model_spec *m, asc_model_spec *own, asc_error *err)
{
    const char *dir = asc__cli_get(a, "init");
    int64_t context = 0;
    int base = m->mup_base_width;
    ASC_TRY(asc_model_spec_read(own, dir, err));
    if (asc_arch_kind_of(own->arch) == ASC_ARCH_READER)
        return ASC_FAIL(err, ASC_EINVAL, "--init: %s has arch %s, which can only be evaluated; expected %s", dir,
                        asc_arch_name(own->arch), asc_arch_list());
    ASC_TRY(asc__cli_count(a, "context", &context, err));
    if (context > 0 && context <= ASC_MAX_CONTEXT)
        ASC_TRY(asc_model_eval_context(own, (int)context, err));
    else if (own->context > ASC_EVAL_CONTEXT)
        return ASC_FAIL(err, ASC_EINVAL, "--context N is required: %s supports up to %d tokens", dir, own->context);
    *m = *own;
    m->mup_base_width = base;
    return ASC_OK;
}

/* --model and --mup, and whether all of it is a model. */
static asc_status read_model(const asc_cli_args *a, asc_model_spec *m, asc_error *err)
{
    asc_error why = {0};
    const char *base = asc__cli_get(a, "mup");
    const asc_setting *width = asc_setting_find("model", "mup_base_width");
    m->mup = base != NULL;
    if (base && asc_setting_parse(&m->mup_base_width, width, base, &why) != ASC_OK)
        return ASC_FAIL(err, ASC_EINVAL, "--mup: %s", why.msg);
    ASC_TRY(read_model_keys(m, asc__cli_get(a, "model"), err));
    if (asc_model_spec_check(m, &why) != ASC_OK)
        return ASC_FAIL(err, ASC_EINVAL, "model: %s", why.msg);
    return ASC_OK;
}

/* The checkpoint to start from, by its content: a run that is resumed must find the same. */
static asc_status read_init(const asc_cli_args *a, asc_run_spec *s, asc_error *err)
{
    const char *init = asc__cli_get(a, "init");
    bool moments = asc__cli_has(a, "moments"), position = asc__cli_has(a, "continue");
    if (!init && (moments || position))
        return ASC_FAIL(err, ASC_EINVAL, "--%s needs --init DIR, a checkpoint", moments ? "moments" : "continue");
    if (!init)
        return ASC_OK;
    char *full = realpath(init, NULL), hex[65];
    if (!full)
        return ASC_FAIL(err, ASC_EINVAL, "--init: %s: %s", init, strerror(errno));
    s->init_from = asc_strdup(full);
    free(full);
    if (!s->init_from)
        return ASC_NOMEM(err);
    s->init_with = position ? ASC_START_POSITION : moments ? ASC_START_MOMENTS : ASC_START_WEIGHTS;
    ASC_TRY(asc_init_digest(hex, s->init_from, s->init_with, err));
    s->init_digest = asc_strdup(hex);
    return s->init_digest ? ASC_OK : ASC_NOMEM(err);
}

bool asc__cli_by_torch(const asc_cli_args *a)
{
    const char *word = asc__cli_get(a, "trainer");
    return word && strcmp(word, "torch") == 0;
}

asc_status asc__cli_train_model(asc_run_spec *s, const asc_cli_args *a, asc_error *err)
{
    asc_model_spec own = {0};
    bool init = asc__cli_has(a, "init");
    if (init)
        ASC_TRY(init_model(a, &s->model, &own, err));
    ASC_TRY(asc__cli_settings(s, a, err));
    ASC_TRY(read_model(a, &s->model, err));
    if (init)
        ASC_TRY(check_shape(&s->model, &own, asc__cli_get(a, "init"), err));
    if (!asc__cli_by_torch(a))
        ASC_TRY(asc_device_isa_check(s->isa, s->training.dtype, err));
    s->isa = asc_device_isa_resolve(s->isa);
    return read_init(a, s, err);
}
