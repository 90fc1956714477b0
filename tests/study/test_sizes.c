/* Models of their own size, pools of text that repeat as the target will, the noise that is known, what is expected. */
#include "test.h"

#include "study_made.h"

/* ---- sizes ---- */

static char *small = "{\"layers\":1,\"width\":4}", *wide = "{\"width\":32}", *models[2];

static void with_sizes(void)
{
    models[0] = small;
    models[1] = NULL;
    spec.scale_models = models;
    spec.target_model = wide;
    asc__sizes_clear(&s);
    if (asc__sizes_set(&s, &err) != ASC_OK)
        fail_msg("%s", err.msg);
}

static void size__of_a_study_is_its_models(void **state)
{
    assert_int_equal(s.n_sizes, 1);
    assert_null(s.sizes[0].text);
    assert_memory_equal(&asc__target_size(&s)->model, &s.model, sizeof s.model);
    assert_true(asc__size_params(&s.sizes[0]) == (double)asc_model_params(&s.model));
}

static void size__of_scale_and_target_is_their_own(void **state)
{
    with_sizes();
    assert_int_equal(s.n_sizes, 3);
    const asc__size *first = asc__size_of(&s, small), *target = asc__target_size(&s);
    assert_true(first->model.width == 4 && first->model.n_layers == 1 && first->model.context == T);
    assert_true(target->model.width == 32 && target->model.vocab == s.model.vocab);
    assert_true(asc__size_params(target) > asc__size_params(first));
    assert_string_equal(asc__size_at_scale(&s, 0), small);
    assert_null(asc__size_at_scale(&s, 1));
}

static void size__of_a_run_is_that_of_its_kind(void **state)
{
    with_sizes();
    spec.search.model = small;
    static const struct {
        asc_run_kind kind;
        char **text;
    } cases[] = {{ASC_KIND_TARGET, &wide}, {ASC_KIND_MIXTURE, &small}, {ASC_KIND_RIVAL, &small},
                 {ASC_KIND_PREFIX, &wide}, {ASC_KIND_BRANCH, &wide},   {ASC_KIND_MERGE, &wide}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const char *text = asc__size_of_kind(&s, cases[k].kind);
        if (cases[k].text ? strcmp(text, *cases[k].text) != 0 : text != NULL)
            fail_msg("case %zu: '%s'", k, text ? text : "(the study's)");
    }
    asc_store_run *r = add_done(ASC_KIND_BASE, "b", NULL, 4800, 3);
    assert_string_equal(r->model, small);
    assert_true(asc__at_scale(&s, r, 0) && !asc__at_scale(&s, r, 1) && asc__scale_of(&s, r) == 0);
    assert_false(asc__at_budget(&s, r, 4800)); /* which is not asked of stars */
    asc_free(r->model);                        /* of a study that had one size: no longer a run of that scale */
    r->model = NULL;
    assert_true(!asc__at_scale(&s, r, 0) && asc__scale_of(&s, r) == ASC_NONE);
}

static void size__known_by_its_parameters_alone_costs_six_a_token(void **state)
{
    asc__sizes_clear(&s);
    spec.target_params = 3e9;
    assert_int_equal(asc__sizes_set(&s, &err), ASC_OK);
    const asc__size *z = asc__target_size(&s);
    assert_true(asc__size_params(z) == 3e9);
    assert_true(asc__train_flops(z, 1e6) == 6 * 3e9 * 1e6 && asc__eval_flops(z, 1e6) == 2 * 3e9 * 1e6);
    assert_true(asc__train_flops(&s.sizes[0], 1e6) == asc_flops_train(&s.model, 1e6));
}

static void size__that_is_no_model_is_refused(void **state)
{
    models[0] = "{\"layers\":-3}";
    models[1] = NULL;
    spec.scale_models = models;
    asc__sizes_clear(&s);
    assert_int_equal(asc__sizes_set(&s, &err), ASC_EINVAL);
    assert_true(strlen(err.msg) > 0);
}

/* ---- scales of equal tokens ---- */

static void with_equal_scales(void)
{
    scales[1] = scales[0];
    with_sizes();
}

static void scales__of_equal_tokens_are_told_apart_by_their_models(void **state)
{
    with_equal_scales();
    assert_true(asc_scale_shares_budget(&spec, 0) && asc_scale_shares_budget(&spec, 1));
    assert_true(asc_study_shares_budgets(&spec) && asc_study_n_budgets(&spec) == 1);
    asc_store_run first = {.kind = ASC_KIND_UP, .model = small, .scale = 4800}, second = first;
    second.model = NULL;
    assert_true(asc__at_scale(&s, &first, 0) && !asc__at_scale(&s, &first, 1));
    assert_true(asc__at_scale(&s, &second, 1) && !asc__at_scale(&s, &second, 0));
    second.model = wide;
    assert_int_equal(asc__scale_of(&s, &second), ASC_NONE);
}

static void scales__are_named_by_their_tokens_where_these_tell_them_apart(void **state)
{
    char label[64], words[80];
    with_sizes();
    assert_false(asc_study_shares_budgets(&spec));
    assert_string_equal(asc__scale_label(&s, 0, label), "4.8k");
    assert_string_equal(asc__scale_words(&s, 1, " tokens", words), "9.6k tokens");
    scales[1] = scales[0];
    snprintf(words, sizeof words, "4.8k-p%.0f", asc__size_params(asc__size_of(&s, small)));
    assert_string_equal(asc__scale_label(&s, 0, label), words); /* below a thousand in full */
    assert_true(strncmp(asc__scale_label(&s, 1, label), "4.8k-p1.", 8) == 0 && strchr(label, 'k'));
    assert_non_null(strstr(asc__scale_words(&s, 1, " tokens", words), "4.8k tokens (1."));
    assert_non_null(strstr(words, "k parameters)"));
}

static void scales__that_three_digits_do_not_tell_apart_have_all_of_them(void **state)
{
    static char *one = "{\"vocab\":2000000}", *two = "{\"vocab\":2000001}";
    char label[2][64];
    scales[1] = scales[0];
    models[0] = one;
    models[1] = two;
    spec.scale_models = models;
    s.model.vocab = 0;
    asc__sizes_clear(&s);
    assert_int_equal(asc__sizes_set(&s, &err), ASC_OK);
    s.sizes[1].model.vocab = 2000000; /* of a table of words so large that one more changes no digit shown */
    s.sizes[2].model.vocab = 2000001;
    asc__scale_label(&s, 0, label[0]);
    asc__scale_label(&s, 1, label[1]);
    assert_string_not_equal(label[0], label[1]);
    assert_null(strpbrk(label[0] + 5, "kM"));
}

static void scales__of_equal_tokens_have_runs_of_their_own(void **state)
{
    with_equal_scales();
    assert_int_equal(asc__study_stars(&s, false, &err), ASC_OK);
    assert_int_equal(s.n_runs, 2 * (2 + 2 * D));
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < s.scales[k].n_runs; i++) {
            const asc_store_run *r = &s.runs[s.scales[k].runs[i]];
            char label[64];
            asc__scale_label(&s, k, label);
            assert_true(strncmp(r->id + 1, label, strlen(label)) == 0);
            assert_int_equal(asc__scale_of(&s, r), k);
        }
}

/* A scale that gets another of its tokens beside it keeps its runs, and what they are called. */
static void scales__keep_their_runs_when_another_of_their_tokens_is_added(void **state)
{
    spec.n_scales = 1;
    with_sizes();
    assert_int_equal(asc__study_stars(&s, false, &err), ASC_OK);
    size_t n = s.n_runs;
    asc_free(s.scales[0].base);
    asc_free(s.scales[0].runs);
    asc_free(s.scales);
    spec.n_scales = 2;
    scales[1] = scales[0];
    asc__sizes_clear(&s);
    assert_int_equal(asc__sizes_set(&s, &err), ASC_OK);
    assert_int_equal(asc__study_stars(&s, false, &err), ASC_OK);
    assert_int_equal(s.n_runs, 2 * n);
    assert_string_equal(s.runs[0].id, "s4.8k-base-r0");
    assert_int_equal(s.scales[0].runs[0], 0);
    assert_true(strncmp(s.runs[n].id, "s4.8k-p1.", 9) == 0);
}

/* ---- pools ---- */

static void with_pools(void)
{
    spec.search.repetition = ASC_REPETITION_MATCHED;
    if (asc__pools_set(&s, &err) != ASC_OK)
        fail_msg("%s", err.msg);
}

static void no_pools(void)
{
    asc__pools_clear(&s);
}

static void pools__are_made_where_text_is_counted(void **state)
{
    assert_false(asc__matches(&spec));
    domains[1].available = 5e6;
    assert_true(asc__matches(&spec));
    spec.search.repetition = ASC_REPETITION_FREE;
    assert_false(asc__matches(&spec));
    spec.search.repetition = ASC_REPETITION_MATCHED;
    domains[1].available = 0;
    assert_true(asc__matches(&spec));
    by_branches(); /* which is the target's own run */
    assert_false(asc__matches(&spec));
    assert_false(asc_study_has_swarm(&spec));
    spec.search.runs = 8; /* but for its proxies */
    assert_true(asc__matches(&spec) && asc_study_has_swarm(&spec));
    spec.search.method = ASC_SEARCH_SWARM;
    spec.search.runs = 0; /* all were made before: their text is as it was */
    assert_true(asc__matches(&spec) && asc_study_has_swarm(&spec));
}

static void pools__are_the_budgets_share_of_the_text(void **state)
{
    for (size_t i = 0; i < D; i++)
        s.available[i] = 16000. * (double)(i + 1);
    with_pools();
    assert_int_equal(s.n_pools, 2);
    for (size_t k = 0; k < 2; k++) {
        const asc__pool *p = asc__pool_at(&s, scales[k]);
        assert_non_null(p);
        for (size_t i = 0; i < D; i++) {
            double want = floor(s.available[i] * scales[k] / 160000);
            assert_true(p->available[i] == want);
            /* so many passes in the proxy as in the target, to a sequence */
            double target = 160000. / D / s.available[i], proxy = scales[k] / D / p->available[i];
            assert_true(fabs(proxy / target - 1) < .05);
        }
    }
    assert_null(asc__pool_at(&s, 160000));
    no_pools();
}

static void pools__hold_a_sequence_at_least_and_all_at_most(void **state)
{
    s.available[0] = 40; /* a scale's share of it is one token */
    scales[1] = 320000;  /* and this scale is beyond the target */
    with_pools();
    assert_true(asc__pool_at(&s, 4800)->available[0] == T + 1);
    assert_true(asc__pool_at(&s, 320000)->available[1] == s.available[1]);
    no_pools();
}

static void pools__are_for_proxies_alone(void **state)
{
    with_pools();
    assert_non_null(asc__pool_of(&s, add_done(ASC_KIND_BASE, "b", NULL, 4800, 3)));
    assert_null(asc__pool_of(&s, add_done(ASC_KIND_TARGET, "t", NULL, 4800, 3)));
    no_pools();
}

static void pools__caps_count_the_pools_own_sequences(void **state)
{
    s.available[2] = 16000;
    cap_epochs(2, 4);
    with_pools();
    const asc__pool *p = asc__pool_at(&s, 4800); /* 480 tokens: 29 sequences an epoch */
    assert_ptr_equal(asc__caps_at(&s, 4800), p->cap_sequences);
    assert_int_equal(p->cap_sequences[2], 4 * 29);
    assert_ptr_equal(asc__caps_at(&s, 160000), s.cap_sequences);
    no_pools();
    assert_ptr_equal(asc__caps_at(&s, 4800), s.cap_sequences);
}

static void pools__without_memory_say_so(void **state)
{
    spec.search.repetition = ASC_REPETITION_MATCHED;
    for (uint64_t n = 1;; n++) {
        asc_fault_arm(ASC_FAULT_ALLOC, n);
        asc_status st = asc__pools_set(&s, &err);
        uint64_t calls = asc_fault_count(ASC_FAULT_ALLOC);
        asc_fault_arm(ASC_FAULT_ALLOC, 0);
        if (calls < n)
            break;
        assert_int_equal(st, ASC_ENOMEM);
    }
    no_pools();
}

static void epochs__of_text_are_whole_sequences(void **state)
{
    static const struct {
        double tokens, max_epochs, epoch;
        int64_t cap;
    } cases[] = {{1001, NAN, 62 * T, ASC_NO_CAP}, {1001, 2, 62 * T, 124}, {17, 3, T, 3}, {161, .5, 10 * T, 5}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        asc__epochs e;
        asc__epochs_of(&e, cases[k].tokens, T, cases[k].max_epochs);
        assert_true(e.epoch_tokens == cases[k].epoch && e.cap_sequences == cases[k].cap);
        assert_true(isnan(cases[k].max_epochs) ? isnan(e.cap_epochs)
                                               : e.cap_epochs == (double)e.cap_sequences * T / cases[k].tokens);
    }
}

/* ---- noise ---- */

static asc__scale made_scales[2];

static void noise__is_of_the_largest_scale_with_repeats(void **state)
{
    made_scales[0] = (asc__scale){.tokens = 4800};
    made_scales[1] = (asc__scale){.tokens = 9600};
    s.scales = made_scales;
    assert_true(isnan(asc__known_noise(&s).sd));
    add_done(ASC_KIND_BASE, "a0", NULL, 4800, 3);
    add_done(ASC_KIND_BASE, "a1", NULL, 4800, 3.2);
    add_done(ASC_KIND_BASE, "b0", NULL, 9600, 2);
    asc_noise n = asc__known_noise(&s);
    assert_true(fabs(n.sd - .2 / sqrt(2)) < 1e-12 && n.df == 1);
    add_done(ASC_KIND_BASE, "b1", NULL, 9600, 2.1);
    add_done(ASC_KIND_BASE, "b2", NULL, 9600, 2.2);
    n = asc__known_noise(&s);
    assert_true(fabs(n.sd - .1) < 1e-12 && n.df == 2);
    s.runs[4].state = ASC_RUN_DIVERGED; /* has no loss to count */
    n = asc__known_noise(&s);
    assert_true(n.df == 1);
    s.scales = NULL;
}

/* ---- what is expected ---- */

static void expected__without_a_law_says_why(void **state)
{
    asc__mixture m[2] = {{.kind = ASC_MIXTURE_UNIFORM}, {.kind = ASC_MIXTURE_RULE}};
    int64_t tokens[2][D] = {{100, 100, 100}, {200, 50, 50}};
    m[0].tokens = tokens[0];
    m[1].tokens = tokens[1];
    s.mixtures = m;
    s.n_mixtures = 2;
    assert_int_equal(asc__study_expect(&s, &err), ASC_OK);
    assert_string_equal(s.untold, "no law could be fitted to the runs of all scales");
    for (size_t k = 0; k < 2; k++)
        assert_true(isnan(m[k].expected.value) && isnan(m[k].expected.p_better));
    s.n_mixtures = 0;
}

static void expected__of_a_law_is_as_optimize_has_it(void **state)
{
    static char *targets[] = {"books", "code", "news"};
    static double share_lo[D] = {.1, .1, .1}, share_hi[D] = {.6, .6, .6};
    asc_law laws[D] = {0};
    for (size_t v = 0; v < D; v++) { /* effective: one token of the target's own domain is worth two */
        laws[v] = (asc_law){.family = asc_law_family_named("effective", NULL), .n_domains = D, .has_tokens = true};
        laws[v].own = v;
        laws[v].unit_tokens = 1e5;
        laws[v].unit_params = 1;
        laws[v].n_params = D + 2;
        laws[v].params = asc_calloc(D + 2, sizeof(double));
        laws[v].params[0] = 2;
        for (size_t i = 0; i < D; i++)
            laws[v].params[1 + i] = i == v ? 2 : v == 0 ? 1.5 : 1;
        laws[v].params[D + 1] = .3;
        laws[v].tokens_hi = laws[v].params_hi = NAN;
    }
    asc__mixture m[2] = {{.kind = ASC_MIXTURE_UNIFORM}, {.kind = ASC_MIXTURE_RULE}};
    int64_t tokens[2][D] = {{53328, 53328, 53328}, {16000, 72000, 72000}};
    m[0].tokens = tokens[0];
    m[1].tokens = tokens[1];
    s.mixtures = m;
    s.n_mixtures = 2;
    s.has_joint = true;
    s.joint_law = (asc_law_set){.n_domains = D,
                                .n_targets = D,
                                .n_laws = D,
                                .domains = names,
                                .targets = targets,
                                .laws = laws,
                                .share_lo = share_lo,
                                .share_hi = share_hi,
                                .tokens_lo = 1e4,
                                .tokens_hi = 2e5,
                                .params_lo = NAN,
                                .params_hi = NAN,
                                .noise = NAN,
                                .objective = {.kind = ASC_OBJ_MEAN_LOSS, .n_targets = D}};
    assert_int_equal(asc__study_expect(&s, &err), ASC_OK);
    assert_string_equal(s.untold, "");
    for (size_t k = 0; k < 2; k++) {
        double n[D], sum = 0;
        for (size_t i = 0; i < D; i++)
            sum += (double)tokens[k][i];
        for (size_t i = 0; i < D; i++)
            n[i] = (double)tokens[k][i] / sum * 160000;
        assert_true(fabs(m[k].expected.value - asc_law_set_objective(&s.joint_law, n, NAN)) < 1e-9);
    }
    assert_true(fabs(m[1].expected.gain - (m[0].expected.value - m[1].expected.value)) < 1e-12);
    assert_true(m[1].expected.gain > 0);                 /* code and news help two targets more than books do */
    s.joint_law.tokens_lo = s.joint_law.tokens_hi = 1e4; /* of one budget: the target's is not predicted */
    assert_int_equal(asc__study_expect(&s, &err), ASC_OK);
    assert_non_null(strstr(s.untold, "never varied"));
    for (size_t v = 0; v < D; v++)
        asc_free(laws[v].params);
    s.n_mixtures = 0;
    s.has_joint = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STUDY(size__of_a_study_is_its_models),
        WITH_STUDY(size__of_scale_and_target_is_their_own),
        WITH_STUDY(size__of_a_run_is_that_of_its_kind),
        WITH_STUDY(size__known_by_its_parameters_alone_costs_six_a_token),
        WITH_STUDY(size__that_is_no_model_is_refused),
        WITH_STUDY(scales__of_equal_tokens_are_told_apart_by_their_models),
        WITH_STUDY(scales__are_named_by_their_tokens_where_these_tell_them_apart),
        WITH_STUDY(scales__that_three_digits_do_not_tell_apart_have_all_of_them),
        WITH_STUDY(scales__of_equal_tokens_have_runs_of_their_own),
        WITH_STUDY(scales__keep_their_runs_when_another_of_their_tokens_is_added),
        WITH_STUDY(pools__are_made_where_text_is_counted),
        WITH_STUDY(pools__are_the_budgets_share_of_the_text),
        WITH_STUDY(pools__hold_a_sequence_at_least_and_all_at_most),
        WITH_STUDY(pools__are_for_proxies_alone),
        WITH_STUDY(pools__caps_count_the_pools_own_sequences),
        WITH_STUDY(pools__without_memory_say_so),
        WITH_STUDY(epochs__of_text_are_whole_sequences),
        WITH_STUDY(noise__is_of_the_largest_scale_with_repeats),
        WITH_STUDY(expected__without_a_law_says_why),
        WITH_STUDY(expected__of_a_law_is_as_optimize_has_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
