/* The table of architectures: one added through it alone. Its sources are compiled here with one more line; that line
 * and the toy's file below, a table of parameters and two passes, are all that a new architecture takes. */
#define ASC_ONE_MORE_ARCHITECTURE(X) X(TOY, toy, DECODER)
#include "../../src/spec/names.c"
#define table settings_table
#include "../../src/spec/settings.c"
#undef table
#undef S
#include "architectures.c"
#include "interchange.c"

#include "test.h"

#include <stdlib.h>

#include "folder.h"

/* ---- the new architecture's file: what follows a token depends on that token alone ---- */

static asc_status toy_table(asc_model *m, asc_error *err)
{
    asc_param p = {.name = "emb.weight",
                   .n_dims = 2,
                   .dims = {m->spec.vocab, m->spec.width},
                   .init = ASC_INIT_NORMAL,
                   .init_value = .02,
                   .decay = true,
                   .lr_scale = 1,
                   .part = ASC_PART_EMBEDDING};
    m->embedding = 0;
    ASC_TRY(asc__add_param(m, p, err));
    return asc__add_output(m, "out.weight", .02, 1, err);
}

static void toy_layout(asc_model *m, asc__layout *at)
{
    size_t n = m->max_rows * (size_t)m->spec.width;
    m->hidden = m->trunk = asc__take(at, n);
    if (m->opts.training)
        m->d_hidden = m->d_trunk = asc__take(at, n);
}

static void toy_forward(asc_model *m, const asc_batch *b)
{
    size_t C = (size_t)m->spec.width, T = (size_t)b->T;
    for (size_t r = 0; r < (size_t)b->B * T; r++)
        memcpy(m->trunk + r * C, asc__p(m, 0) + (size_t)b->ids[r / T * b->ld_ids + r % T] * C, C * sizeof(float));
}

static void toy_backward(asc_model *m, const asc_batch *b)
{
    size_t C = (size_t)m->spec.width, T = (size_t)b->T;
    float *g = asc__g(m, 0);
    if (!m->grads_started)
        memset(g, 0, (size_t)m->spec.vocab * C * sizeof *g);
    for (size_t r = 0; r < (size_t)b->B * T; r++)
        for (size_t i = 0; i < C; i++)
            g[(size_t)b->ids[r / T * b->ld_ids + r % T] * C + i] += m->d_trunk[r * C + i];
}

static void toy_to_head(asc_model *m)
{
    asc__gather_rows(m, m->hidden, m->trunk);
}

static void toy_from_head(asc_model *m, size_t M)
{
    asc__scatter_rows(m, m->d_trunk, m->d_hidden, M);
}

static json_t *toy_write_config(const asc_model_spec *s)
{
    return json_pack("{s:s,s:i,s:i,s:i,s:b}", "model_type", "toy-lm", "vocab", s->vocab, "width", s->width, "context",
                     s->context, "tie_word_embeddings", !s->untied);
}

static asc_status toy_read_config(asc_model_spec *out, const json_t *j, const char *path, asc_error *err)
{
    out->n_layers = out->n_heads = 1;
    ASC_TRY(asc__config_int(j, path, "vocab", ASC__MOST_VOCAB, &out->vocab, err));
    ASC_TRY(asc__config_int(j, path, "width", ASC__MOST_WIDTH, &out->width, err));
    return asc__config_int(j, path, "context", ASC__MOST_CONTEXT, &out->context, err);
}

static const char *const toy_types[] = {"toy-lm", NULL};
const asc__arch_ops asc__toy = {.table = toy_table,
                                .layout = toy_layout,
                                .forward = toy_forward,
                                .backward = toy_backward,
                                .to_head = toy_to_head,
                                .from_head = toy_from_head,
                                .model_types = toy_types,
                                .read_config = toy_read_config,
                                .write_config = toy_write_config,
                                .file_prefix = "",
                                .embedding = "emb.weight",
                                .output = "out.weight",
                                .norm_eps = 1e-5};

/* ---- what comes with it ---- */

enum { V = 11, T = 6, B = 4 };

static asc_model_spec spec_of_toy(void)
{
    return (asc_model_spec){
        .arch = ASC_ARCH_TOY, .n_layers = 1, .n_heads = 1, .width = 8, .context = T, .vocab = V, .untied = true};
}

static asc_model *make(void)
{
    asc_model *m = NULL;
    asc_error err = {0};
    asc_model_spec spec = spec_of_toy();
    asc_model_opts o = {.micro_batch = B, .training = true};
    if (asc_model_create(&m, &spec, &o, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    asc_model_init_weights(m, 7);
    return m;
}

/* After token k comes 3 k + 1. */
static void fill(int32_t *ids)
{
    for (int b = 0; b < B; b++)
        for (int t = 0; t <= T; t++)
            ids[b * (T + 1) + t] = t == 0 ? b : (3 * ids[b * (T + 1) + t - 1] + 1) % V;
}

static void table__an_architecture_is_one_line(void **state)
{
    asc_arch arch;
    char words[256];
    asc_model_spec spec = spec_of_toy();
    assert_true(asc_arch_parse("toy", &arch) && arch == ASC_ARCH_TOY);
    assert_string_equal(asc_arch_list(), "gpt2, bert, llama or toy");
    assert_string_equal(asc_setting_expected(asc_setting_find("model", "arch"), words, sizeof words),
                        "gpt2, bert, llama or toy");
    assert_int_equal(asc_setting_parse(&arch, asc_setting_find("model", "arch"), "toy", NULL), ASC_OK);
    assert_int_equal(arch, ASC_ARCH_TOY);
    assert_int_equal(asc_model_params(&spec), 2 * V * 8);
    spec.n_kv_heads = 1;
    asc_error err = {0};
    assert_int_equal(asc_model_spec_check(&spec, &err), ASC_EINVAL); /* a key of llama's */
    assert_string_equal(err.msg, "kv_heads: arch toy has none");
}

static void table__it_learns_and_is_kept(void **state)
{
    int32_t ids[B * (T + 1)];
    char dir[32];
    double first = 0, loss = 0;
    asc_error err = {0};
    asc_model *m = make(), *again = make();
    fill(ids);
    asc_batch batch = asc_batch_lm(ids, B, T);
    asc_adamw adam = {.lr = .05, .beta1 = .9, .beta2 = .95, .eps = 1e-8, .clip = 1};
    for (int64_t s = 1; s <= 120; s++) {
        assert_int_equal(asc_model_forward_backward(m, &batch, 1. / (B * T), &loss, &err), ASC_OK);
        first = s == 1 ? loss : first;
        adam.step = s;
        asc_model_step(m, &adam);
    }
    assert_true(fabs(first / (B * T) - log(V)) < .01);
    assert_true(loss / (B * T) < .05);
    test_folder(dir);
    if (asc_model_save(m, dir, &err) != ASC_OK || asc_model_load(again, dir, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    asc_model_spec spec = {0}, want = spec_of_toy();
    assert_int_equal(asc_model_spec_read(&spec, dir, &err), ASC_OK);
    assert_true(spec.arch == ASC_ARCH_TOY && spec.vocab == want.vocab && spec.width == want.width && spec.untied);
    assert_memory_equal(asc_model_params_data(m), asc_model_params_data(again), asc_model_flat_size(m) * sizeof(float));
    asc_model_free(m);
    asc_model_free(again);
    assert_int_equal(asc_remove_tree(dir, NULL), ASC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table__an_architecture_is_one_line),
        cmocka_unit_test(table__it_learns_and_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
