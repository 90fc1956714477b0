/* A checkpoint folder of anybody's. The first byte says which file the rest is: config.json, the weights (of a GPT-2 or
 * a Llama), the index of shards, the optimiser's state, state.json, which is sealed here so that not its checksum alone
 * is tried, or a whole folder: config.json up to the first NUL, and the weights. */
#include "../../src/train/run_state.h"
#include "base/base_json.h"
#include "fuzz_files.h"

static const asc_model_spec tiny = {
    .arch = ASC_ARCH_GPT2, .n_layers = 1, .n_heads = 1, .width = 4, .context = 4, .vocab = 8};

static asc_model *model(void)
{
    static asc_model *m;
    asc_model_opts o = {.isa = ASC_ISA_PLAIN, .threads = 1, .micro_batch = 1, .training = true};
    if (!m && asc_model_create(&m, &tiny, &o, NULL) != ASC_OK)
        abort();
    return m;
}

static asc_model *llama(void)
{
    static asc_model *m;
    asc_model_spec s = {.arch = ASC_ARCH_LLAMA, .n_layers = 1, .n_heads = 2, .width = 4, .context = 4, .vocab = 8};
    asc_model_opts o = {.isa = ASC_ISA_PLAIN, .threads = 1, .micro_batch = 1};
    s.n_kv_heads = 1;
    s.mlp_width = 4;
    s.untied = true;
    s.qk_norm = ASC_QK_NORM_HEAD;
    if (!m && asc_model_create(&m, &s, &o, NULL) != ASC_OK)
        abort();
    return m;
}

/* Shards of a model that is whole, so that an index can lead to it. */
static void read_index(const uint8_t *data, size_t n)
{
    char *folder = asc_path_join(fuzz_folder(), "shards"), *whole = asc_path_join(folder, "model.safetensors"),
         *one = asc_path_join(folder, "a.safetensors");
    if (!asc_path_exists(one) && (asc_mkdirs(folder, NULL) != ASC_OK ||
                                  asc_model_save(model(), folder, NULL) != ASC_OK || rename(whole, one) != 0))
        abort();
    fuzz_put("shards/model.safetensors.index.json", data, n);
    asc_model_spec s;
    asc_model_spec_read(&s, folder, NULL);
    asc_model_load(model(), folder, NULL);
    asc_free(folder);
    asc_free(whole);
    asc_free(one);
}

/* What is read of a folder can be computed with. */
static void read_folder(const uint8_t *data, size_t n)
{
    const uint8_t *cut = memchr(data, 0, n);
    char *folder = asc_path_join(fuzz_folder(), "whole");
    asc_model_spec s;
    asc_model *m = NULL;
    asc_model_opts o = {.isa = ASC_ISA_PLAIN, .threads = 1, .micro_batch = 1};
    if (!cut || asc_mkdirs(folder, NULL) != ASC_OK) {
        asc_free(folder);
        return;
    }
    fuzz_put("whole/config.json", data, (size_t)(cut - data));
    fuzz_put("whole/model.safetensors", cut + 1, n - (size_t)(cut - data) - 1);
    if (asc_model_spec_read(&s, folder, NULL) == ASC_OK) {
        asc_model_limit_context(&s, 8);
        if (s.context <= 64 && s.n_layers < 9 && asc_model_params(&s) < 4096 &&
            asc_model_create(&m, &s, &o, NULL) == ASC_OK && asc_model_load(m, folder, NULL) == ASC_OK) {
            int32_t ids[3] = {0};
            asc_batch b = asc_batch_lm(ids, 1, s.context > 1 ? 2 : 1);
            double loss;
            if (asc_model_loss(m, &b, &loss, NULL, NULL, NULL, NULL) != ASC_OK)
                abort();
        }
    }
    asc_model_free(m);
    asc_free(folder);
}

static void read_config(const uint8_t *data, size_t n)
{
    asc_model_spec s;
    fuzz_put("config.json", data, n);
    if (asc_model_spec_read(&s, fuzz_folder(), NULL) != ASC_OK)
        return;
    if (s.n_layers < 1 || s.n_heads < 1 || s.width < 1 || s.context < 1 || s.vocab < 1 || asc_model_params(&s) < 1)
        abort();
}

static void read_state(const uint8_t *data, size_t n)
{
    json_t *j = NULL;
    char *text = NULL, *folder = asc_path_join(fuzz_folder(), "checkpoint");
    journal log = {0};
    train_state s = {0};
    bool found = false;
    checkpoint_opts o = {.dir = fuzz_folder(), .digest = "d", .n_targets = 2, .journal = &log};
    if (asc_json_parse(&j, "state.json", (const char *)data, n, NULL) == ASC_OK && json_is_object(j)) {
        json_object_set_new(j, "run", json_string("d"));
        json_object_set_new(j, "files", json_object());
        if (asc_json_seal(j, NULL) == ASC_OK && asc_json_print(&text, j, 0, NULL) == ASC_OK) {
            asc_mkdirs(folder, NULL);
            fuzz_put("checkpoint/state.json", text, strlen(text));
            if (asc__checkpoint_read(&found, &o, model(), &s, NULL) == ASC_OK && found && s.step < 0)
                abort();
        }
    }
    asc__state_clear(&s);
    asc_free(text);
    asc_free(folder);
    json_decref(j);
}

/* Weights that a state.json can lead to. */
static void put_tensors(void)
{
    char *folder = asc_path_join(fuzz_folder(), "checkpoint"),
         *optimizer = asc_path_join(folder, "optimizer.safetensors");
    if (!asc_path_exists(optimizer) &&
        (asc_mkdirs(folder, NULL) != ASC_OK || asc_model_save(model(), folder, NULL) != ASC_OK ||
         asc_model_save_optimizer(model(), optimizer, NULL) != ASC_OK))
        abort();
    asc_free(optimizer);
    asc_free(folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0)
        return 0;
    switch (data[0] % 8) {
    case 0:
        read_config(data + 1, n - 1);
        break;
    case 1:
        put_tensors();
        read_state(data + 1, n - 1);
        break;
    case 2:
        fuzz_put("model.safetensors", data + 1, n - 1);
        asc_model_load(model(), fuzz_folder(), NULL);
        break;
    case 4:
        fuzz_put("model.safetensors", data + 1, n - 1);
        asc_model_load(llama(), fuzz_folder(), NULL);
        break;
    case 5:
        read_index(data + 1, n - 1);
        break;
    case 6:
    case 7:
        read_folder(data + 1, n - 1);
        break;
    default:
        asc_model_load_optimizer(model(), fuzz_put("optimizer.safetensors", data + 1, n - 1), NULL);
    }
    return 0;
}
