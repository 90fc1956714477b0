/* A checkpoint folder of anybody's. The first byte says which file the rest is: config.json, the weights, the
 * optimiser's state, or state.json, which is sealed here so that not its checksum alone is tried. */
#include "../../src/train/run_state.h"
#include "autoscale/base_json.h"
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
    switch (data[0] % 4) {
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
    default:
        asc_model_load_optimizer(model(), fuzz_put("optimizer.safetensors", data + 1, n - 1), NULL);
    }
    return 0;
}
