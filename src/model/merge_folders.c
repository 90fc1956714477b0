/* Folders that are merged: whether their models are the same kind, and what goes along with the weights. */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "internal.h"
#include "merge_private.h"
#include "spec/spec_json.h"
#include "spec/spec_settings.h"

enum { MAX_REST_BYTES = 1 << 30 };

/* ---- the same model ---- */

static asc_status differ(const asc_merge_opts *o, size_t s, const char *what, const char *here, const char *first,
                         asc_error *err)
{
    return ASC_FAIL(err, ASC_EINVAL, "%s: %s is %s, but %s in %s; only models of the same shape can be merged",
                    o->dirs[s], what, here, first, o->dirs[0]);
}

static asc_status differ_int(const asc_merge_opts *o, size_t s, const char *what, int here, int first, asc_error *err)
{
    char a[16], b[16];
    snprintf(a, sizeof a, "%d", here);
    snprintf(b, sizeof b, "%d", first);
    return differ(o, s, what, a, b, err);
}

static asc_status compare_specs(const asc_merge_opts *o, size_t s, const asc_model_spec *x, const asc_model_spec *first,
                                asc_error *err)
{
    if (x->arch != first->arch)
        return differ(o, s, "the architecture", asc_arch_name(x->arch), asc_arch_name(first->arch), err);
    const struct {
        const char *what;
        int here, first;
    } sizes[] = {{"the number of layers", x->n_layers, first->n_layers},
                 {"the number of heads", x->n_heads, first->n_heads},
                 {"the width", x->width, first->width},
                 {"the vocabulary", x->vocab, first->vocab},
                 {"the context", x->context, first->context}};
    size_t n = sizeof sizes / sizeof *sizes - asc__arch_of(x->arch)->any_context;
    for (size_t i = 0; i < n; i++)
        if (sizes[i].here != sizes[i].first)
            return differ_int(o, s, sizes[i].what, sizes[i].here, sizes[i].first, err);
    for (size_t i = 0; i < asc_n_settings(); i++) {
        const asc_setting *k = asc_setting_at(i);
        char a[64], b[64];
        if (!asc_setting_is_model_key(k))
            continue;
        asc_setting_text(asc_model_setting((asc_model_spec *)x, k), k, a, sizeof a);
        asc_setting_text(asc_model_setting((asc_model_spec *)first, k), k, b, sizeof b);
        if (strcmp(a, b) != 0)
            return differ(o, s, k->key, a, b, err);
    }
    return ASC_OK;
}

/* Of architectures that are not known here: the fields that change what the same tensors compute. */
static asc_status compare_fields(const asc_merge_opts *o, size_t s, const json_t *x, const json_t *first,
                                 asc_error *err)
{
    static const char *const keys[] = {"model_type",          "hidden_size", "num_hidden_layers", "num_attention_heads",
                                       "num_key_value_heads", "rope_theta",  "hidden_act",        "vocab_size"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        json_t *a = json_object_get(x, keys[i]), *b = json_object_get(first, keys[i]);
        if (json_equal(a, b) || (!a && !b))
            continue;
        char *p = NULL, *q = NULL;
        asc_status st = a ? asc_json_print(&p, a, 0, err) : ASC_OK;
        if (st == ASC_OK && b)
            st = asc_json_print(&q, b, 0, err);
        if (st == ASC_OK)
            st = differ(o, s, keys[i], p ? p : "absent", q ? q : "absent", err);
        asc_free(p);
        asc_free(q);
        return st;
    }
    return ASC_OK;
}

static asc_status load_config(json_t **out, const char *dir, asc_error *err)
{
    char *path = asc_path_join(dir, "config.json");
    asc_status st = path ? asc_json_load(out, path, err) : ASC_NOMEM(err);
    asc_free(path);
    return st;
}

static asc_status compare_unknown(const asc_merge_opts *o, size_t s, asc_error *err)
{
    json_t *x = NULL, *first = NULL;
    asc_status st = load_config(&x, o->dirs[s], err);
    if (st == ASC_OK)
        st = load_config(&first, o->dirs[0], err);
    if (st == ASC_OK)
        st = compare_fields(o, s, x, first, err);
    json_decref(x);
    json_decref(first);
    return st;
}

/* An architecture that this build does not compute can still be averaged; anything else that is wrong is said. */
static asc_status read_spec(asc__merge_source *s, const char *dir, asc_error *err)
{
    json_t *config = NULL;
    asc_error why = {0};
    ASC_TRY(load_config(&config, dir, err));
    bool typed = json_is_string(json_object_get(config, "model_type"));
    json_decref(config);
    asc_status st = asc_model_spec_read(&s->spec, dir, &why);
    s->known = st == ASC_OK;
    if (st == ASC_OK || (st == ASC_EINVAL && typed))
        return ASC_OK;
    return ASC_FAIL(err, st, "%s", why.msg);
}

asc_status asc__merge_open(asc__merge_source *sources, const asc_merge_opts *o, asc_error *err)
{
    for (size_t s = 0; s < o->n; s++) {
        ASC_TRY(asc__weights_open(&sources[s].w, o->dirs[s], err));
        ASC_TRY(read_spec(&sources[s], o->dirs[s], err));
        if (s > 0 && sources[s].known && sources[0].known)
            ASC_TRY(compare_specs(o, s, &sources[s].spec, &sources[0].spec, err));
        else if (s > 0)
            ASC_TRY(compare_unknown(o, s, err));
    }
    return ASC_OK;
}

/* ---- what goes along ---- */

static bool goes_along(const char *name)
{
    static const char *const ends[] = {".json", ".txt", ".model", ".jinja", ".tiktoken", ".py", ".bpe"};
    static const char *const not [] = {"state.json", "merge.json", "trainer_state.json", "adapter_config.json"};
    for (size_t i = 0; i < sizeof not / sizeof *not ; i++)
        if (strcmp(name, not [i]) == 0)
            return false;
    if (name[0] == '.' || asc_ends_with(name, ".index.json"))
        return false;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (asc_ends_with(name, ends[i]))
            return true;
    return false;
}

/* config.json may say the type of the weights; it then says what they have become. */
static asc_status copy_config(const asc_merge_opts *o, const char *to, asc_error *err)
{
    static const char *const keys[] = {"dtype", "torch_dtype"};
    const char *type = o->dtype == ASC_MERGE_BF16 ? "bfloat16" : "float32";
    json_t *config = NULL;
    ASC_TRY(load_config(&config, o->dirs[0], err));
    asc_status st = ASC_OK;
    for (size_t i = 0; i < 2 && st == ASC_OK; i++)
        if (json_is_string(json_object_get(config, keys[i])) &&
            json_object_set_new(config, keys[i], json_string(type)) != 0)
            st = ASC_NOMEM(err);
    if (st == ASC_OK)
        st = asc_json_write(to, config, 2, err);
    json_decref(config);
    return st;
}

static asc_status copy_one(const asc_merge_opts *o, const char *out, const char *name, asc_error *err)
{
    char *from = asc_path_join(o->dirs[0], name), *to = asc_path_join(out, name), *data = NULL;
    size_t n = 0;
    struct stat sb;
    asc_status st = from && to ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK && strcmp(name, "config.json") == 0 && o->dtype != ASC_MERGE_AS_IS)
        st = copy_config(o, to, err);
    else if (st == ASC_OK && stat(from, &sb) == 0 && S_ISREG(sb.st_mode)) {
        st = asc_read_file(from, MAX_REST_BYTES, &data, &n, err);
        if (st == ASC_OK)
            st = asc_write_file(to, data, n, err);
    }
    asc_free(data);
    asc_free(from);
    asc_free(to);
    return st;
}

asc_status asc__merge_copy_rest(const asc_merge_opts *o, const char *out, asc_error *err)
{
    DIR *d = opendir(o->dirs[0]);
    asc_status st = d ? ASC_OK : ASC_FAIL(err, ASC_EIO, "%s: cannot list the folder", o->dirs[0]);
    for (struct dirent *e; st == ASC_OK && (e = readdir(d));)
        if (goes_along(e->d_name))
            st = copy_one(o, out, e->d_name, err);
    if (d)
        closedir(d);
    return st;
}
