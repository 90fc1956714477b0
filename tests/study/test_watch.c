/* What those who watch a study are shown: effects learned so far, metrics of runs under way; what a run is started
 * with: values of a user's command, groups of stacked runs. */
#include "test.h"

#include "study_made.h"

#include <unistd.h>

/* ---- learned ---- */

static void learned__effects_stand_most_helpful_first(void **state)
{
    char line[400];
    assert_int_equal(asc__study_learnt(line, sizeof line, &s, beside(4800)), 0);
    assert_string_equal(line, "");
    add_done(ASC_KIND_UP, "up-code", "code", 4800, 3.2);
    assert_int_equal(asc__study_learnt(line, sizeof line, &s, beside(4800)), 0); /* no base to compare with */
    add_done(ASC_KIND_BASE, "base-0", NULL, 4800, 3.1);
    add_done(ASC_KIND_BASE, "base-1", NULL, 4800, 3.3);
    add_done(ASC_KIND_UP, "up-news", "news", 4800, 2.9);
    add_done(ASC_KIND_UP, "up-books", "books", 4800, 3.1);
    add_done(ASC_KIND_DOWN, "down-books", "books", 4800, 9);
    add_done(ASC_KIND_UP, "other-scale", "books", 9600, 1);
    assert_int_equal(asc__study_learnt(line, sizeof line, &s, beside(4800)), 3);
    assert_string_equal(line, "3x news -0.300, books -0.100, code +0.000");
    s.runs[3].state = ASC_RUN_DIVERGED; /* news: it has no loss */
    assert_int_equal(asc__study_learnt(line, sizeof line, &s, beside(4800)), 2);
    assert_string_equal(line, "3x books -0.100, code +0.000");
}

static void learned__branches_are_compared_with_the_references(void **state)
{
    char line[400];
    spec.search.method = ASC_SEARCH_BRANCH;
    add_done(ASC_KIND_BRANCH, "1-news", "news", 4800, 2.9);
    assert_int_equal(asc__study_learnt(line, sizeof line, &s, beside(4800)), 0);
    asc_store_run *prior = add_done(ASC_KIND_BRANCH, "1-prior", NULL, 4800, 3.1);
    asc_free(prior->mixture);
    prior->mixture = asc_strdup("prior");
    add_done(ASC_KIND_BRANCH, "1-code", "code", 4800, 3.2);
    add_done(ASC_KIND_BRANCH, "real-optimum", NULL, 4800, 1); /* a check, and no lean to one domain */
    assert_int_equal(asc__study_learnt(line, sizeof line, &s, beside(4800)), 2);
    assert_string_equal(line, "branches towards news -0.200, code +0.100");
    spec.search.method = ASC_SEARCH_DDO;
}

static void learned__a_line_is_cut_to_its_room(void **state)
{
    char line[400], small[12];
    memset(line, 'x', sizeof line);
    add_done(ASC_KIND_BASE, "base-0", NULL, 4800, 3.1);
    add_done(ASC_KIND_UP, "up-news", "news", 4800, 2.9);
    assert_int_equal(asc__study_learnt(small, sizeof small, &s, beside(4800)), 1);
    assert_int_equal(strlen(small), sizeof small - 1);
}

static char said[600];
static int n_said;
static void hear(void *ctx, const char *line)
{
    snprintf(said, sizeof said, "%s", line);
    n_said++;
}

static void learned__is_said_when_the_base_ends_after_the_first_domain(void **state)
{
    n_said = 0;
    opts.note = hear;
    add_done(ASC_KIND_UP, "up-news", "news", 4800, 2.9);
    asc__study_say_learnt(&s, &s.runs[0], false);
    assert_int_equal(n_said, 0);
    add_done(ASC_KIND_BASE, "base-0", NULL, 4800, 3.1);
    asc__study_say_learnt(&s, &s.runs[1], false);
    assert_int_equal(n_said, 1);
    add_done(ASC_KIND_BASE, "base-1", NULL, 4800, 3.3);
    asc__study_say_learnt(&s, &s.runs[2], false); /* the effect was known */
    assert_int_equal(n_said, 1);
}

static void learned__is_said_at_the_first_effect_and_at_the_end(void **state)
{
    n_said = 0;
    opts.note = hear;
    add_done(ASC_KIND_BASE, "base-0", NULL, 4800, 3.1);
    asc__study_say_learnt(&s, &s.runs[0], false);
    assert_int_equal(n_said, 0);
    add_done(ASC_KIND_UP, "up-news", "news", 4800, 2.9);
    asc__study_say_learnt(&s, &s.runs[1], false);
    assert_int_equal(n_said, 1);
    assert_non_null(strstr(said, "first effect at 4.8k tokens: change of mean-loss with 3x news -0.200"));
    add_done(ASC_KIND_UP, "up-code", "code", 4800, 3.4);
    asc__study_say_learnt(&s, &s.runs[2], false); /* one is news, two are not */
    assert_int_equal(n_said, 1);
    asc__study_say_learnt(&s, &s.runs[2], true);
    assert_int_equal(n_said, 2);
    assert_non_null(strstr(said, "learned at 4.8k tokens"));
}

/* ---- metrics ---- */

static char path[] = "/tmp/asc-metrics-XXXXXX";

static void write_metrics(const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void metrics__are_read_line_by_line(void **state)
{
    static const struct {
        const char *text;
        size_t lines, curve, valid;
        double tokens, loss;
    } cases[] = {
        {"", 0, 0, 0, 0, NAN},
        {"{\"tokens\": 16, \"loss\": 4.5}\n", 1, 1, 0, 16, 4.5},
        {"{\"tokens\": 16, \"loss\": 4.5}\n{\"tokens\": 32, \"loss\": 4}\n", 2, 2, 0, 32, 4},
        {"{\"tokens\": 16, \"valid\": {\"books\": 4, \"code\": 3, \"news\": 5}}\n", 1, 0, 1, 16, NAN},
        {"{\"tokens\": 16, \"loss\": {\"books\": 4}}\n", 1, 0, 1, 16, NAN},
        {"hello\n{\"step\": 3}\n{\"tokens\": \"many\"}\n[1]\n{\"tokens\": 48, \"loss\": 2}\n", 1, 1, 0, 48, 2},
        {"{\"tokens\": 16, \"loss\": 4.5}\n{\"tokens\": 32, \"lo", 1, 1, 0, 16, 4.5}, /* being written */
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        asc_arena arena = {0};
        asc_run_metrics m = {0};
        write_metrics(cases[k].text);
        assert_int_equal(asc__metrics_read(&m, &arena, path, &err), ASC_OK);
        bool same = m.n_lines == cases[k].lines && m.n_curve == cases[k].curve && m.n_valid == cases[k].valid &&
                    m.tokens == cases[k].tokens && (isnan(cases[k].loss) ? isnan(m.loss) : m.loss == cases[k].loss);
        if (!same)
            fail_msg("case %zu: %zu lines, %zu of a curve, %zu of validation, %g tokens, loss %g", k, m.n_lines,
                     m.n_curve, m.n_valid, m.tokens, m.loss);
        asc_arena_clear(&arena);
    }
    unlink(path);
    asc_arena arena = {0};
    asc_run_metrics m = {0};
    assert_int_equal(asc__metrics_read(&m, &arena, path, &err), ASC_OK); /* no file, nothing known */
    assert_true(m.n_lines == 0 && isnan(m.loss));
    asc_arena_clear(&arena);
}

static void metrics__of_long_runs_are_thinned_and_keep_their_end(void **state)
{
    asc_buf b = {0};
    asc_arena arena = {0};
    asc_run_metrics m = {0};
    for (int i = 1; i <= 1000; i++)
        asc_buf_printf(&b, "{\"tokens\": %d, \"loss\": %g}\n", 16 * i, 5 - .001 * i);
    write_metrics(b.data);
    assert_int_equal(asc__metrics_read(&m, &arena, path, &err), ASC_OK);
    assert_true(m.n_lines == 1000 && m.n_curve <= 61 && m.n_curve > 50);
    assert_true(m.curve_tokens[0] == 16 && m.curve_tokens[m.n_curve - 1] == 16000);
    for (size_t i = 1; i < m.n_curve; i++)
        assert_true(m.curve_tokens[i] > m.curve_tokens[i - 1]);
    asc_arena_clear(&arena);
    asc_buf_clear(&b);
    unlink(path);
}

static void metrics__become_the_curve_of_a_result(void **state)
{
    asc_run_result r = {.tokens = 64};
    write_metrics("{\"tokens\": 16, \"valid\": {\"news\": 5, \"books\": 4, \"code\": 3}}\n"
                  "{\"tokens\": 32, \"valid\": {\"books\": 4, \"code\": 3}}\n"               /* a target is missing */
                  "{\"tokens\": 48, \"valid\": {\"news\": 2, \"books\": 9, \"code\": 9}}\n"  /* of an attempt .. */
                  "{\"tokens\": 32, \"valid\": {\"news\": 4, \"books\": 3, \"code\": 2}}\n"  /* .. that was restarted */
                  "{\"tokens\": 48, \"valid\": {\"news\": -1, \"books\": 3, \"code\": 2}}\n" /* no loss */
                  "{\"tokens\": 80, \"valid\": {\"news\": 1, \"books\": 1, \"code\": 1}}\n"); /* beyond its tokens */
    assert_int_equal(asc__metrics_curve(&r, &s, path, &err), ASC_OK);
    assert_int_equal(r.n_curve, 2);
    assert_true(r.curve[0].tokens == 16 && r.curve[1].tokens == 32);
    static const double want[2][D] = {{4, 3, 5}, {3, 2, 4}}; /* in the study's order */
    for (size_t i = 0; i < 2; i++) {
        assert_memory_equal(r.curve[i].loss, want[i], sizeof want[i]);
        asc_free(r.curve[i].loss);
    }
    asc_free(r.curve);
    unlink(path);
}

/* ---- values of a command ---- */

static const char *value(const asc_launch_value *v, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(v[i].name, name) == 0)
            return v[i].text;
    return NULL;
}

static void command__is_given_the_runs_own_values(void **state)
{
    static const char *const want[][2] = {
        {"mixture", "/data/study/runs/r1/mixture.json"},
        {"run_dir", "/data/study/runs/r1"},
        {"tokens", "4800"},
        {"seed", "7"},
        {"run", "r1"},
        {"study", "tiny"},
        {"lr", "0.001"},
        {"batch_tokens", "160"},
        {"context", "16"},
        {"threads", "3"},
        {"layers", "1"},
        {"heads", "1"},
        {"width", "8"},
        {"vocab", "100"},
        {"dtype", "fp32"},
        {"domains", "books,code,news"},
        {"ranks", "1"},
        {"init", ""},
        {"schedule_tokens", "4800"},
    };
    double tokens[D] = {1600, 1600, 1600};
    asc_launch_value v[ASC_N_OF_RUN];
    size_t n = 0;
    asc_run_spec r = {.id = "r1", .model = s.model, .training = spec.training, .threads = 3, .ranks = 1};
    r.training.seed = 7;
    r.n_domains = D;
    r.domains = names;
    r.tokens = tokens;
    assert_int_equal(asc__launch_values(v, &n, "tiny", &r, "/data/study/runs/r1", 4800, &err), ASC_OK);
    assert_true(n == ASC_N_OF_RUN);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        const char *text = value(v, n, want[i][0]);
        if (!text || strcmp(text, want[i][1]) != 0)
            fail_msg("{%s} is '%s', expected '%s'", want[i][0], text ? text : "(none)", want[i][1]);
    }
    char params[32];
    snprintf(params, sizeof params, "%lld", (long long)asc_model_params(&s.model));
    assert_string_equal(value(v, n, "params"), params);
    for (size_t i = 0; i < n; i++)
        asc_free(v[i].text);
}

static void command__without_memory_has_no_values(void **state)
{
    double tokens[D] = {8, 4, 4};
    asc_run_spec r = {.id = "r1", .model = s.model, .training = spec.training, .ranks = 1};
    r.n_domains = D;
    r.domains = names;
    r.tokens = tokens;
    for (uint64_t k = 1;; k++) {
        asc_launch_value v[ASC_N_OF_RUN];
        size_t n = 0;
        asc_fault_arm(ASC_FAULT_ALLOC, k);
        asc_status st = asc__launch_values(v, &n, "tiny", &r, "/x", 16, &err);
        uint64_t calls = asc_fault_count(ASC_FAULT_ALLOC);
        asc_fault_arm(ASC_FAULT_ALLOC, 0);
        for (size_t i = 0; i < n; i++)
            asc_free(v[i].text);
        if (calls < k)
            return;
        assert_int_equal(st, ASC_ENOMEM);
    }
}

/* ---- groups ---- */

static void groups__are_as_large_as_memory_or_the_study_says(void **state)
{
    const asc__size *z = asc__target_size(&s);
    double run = 32. * (double)asc_model_params(&s.model) + (64 << 20);
    assert_int_equal(asc__torch_most(&s, z), 1); /* another trainer: a program each */
    spec.trainer.torch = true;
    spec.group = 5;
    assert_int_equal(asc__torch_most(&s, z), 5);
    spec.group = 0;
    s.torch.n_cards = 2;
    s.places = 2;
    static const struct {
        double runs;
        size_t found;
    } cases[] = {{.5, 1}, {1.5, 1}, {7.5, 7}, {63.9, 63}, {1000, 64}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        s.torch.bytes = cases[k].runs * run;
        assert_int_equal(asc__torch_most(&s, z), cases[k].found);
    }
    s.places = 4; /* two programs share a card */
    s.torch.bytes = 20.5 * run;
    assert_int_equal(asc__torch_most(&s, z), 10);
    spec.executor = ASC_EXECUTOR_SLURM; /* a card that nobody has looked at */
    assert_int_equal(asc__torch_most(&s, z), 16);
}

static void groups__hold_runs_of_one_shape(void **state)
{
    char a[192], b[192];
    const asc__size *z = asc__target_size(&s);
    asc__torch_shape(a, sizeof a, &s, z);
    assert_non_null(strstr(a, "gpt2, "));
    assert_non_null(strstr(a, "context 16, batch 160, fp32"));
    spec.training.batch_tokens = 320;
    asc__torch_shape(b, sizeof b, &s, z);
    assert_string_not_equal(a, b);
    spec.training.batch_tokens = 160;
    asc__size wide = *z;
    wide.model.width = 16;
    asc__torch_shape(b, sizeof b, &s, &wide);
    assert_string_not_equal(a, b);
}

static void places__are_jobs_unless_cards_are_counted(void **state)
{
    assert_int_equal(asc__places(&s), 2);
    s.places = 3;
    assert_int_equal(asc__places(&s), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STUDY(learned__effects_stand_most_helpful_first),
        WITH_STUDY(learned__branches_are_compared_with_the_references),
        WITH_STUDY(learned__a_line_is_cut_to_its_room),
        WITH_STUDY(learned__is_said_when_the_base_ends_after_the_first_domain),
        WITH_STUDY(learned__is_said_at_the_first_effect_and_at_the_end),
        WITH_STUDY(metrics__are_read_line_by_line),
        WITH_STUDY(metrics__of_long_runs_are_thinned_and_keep_their_end),
        WITH_STUDY(metrics__become_the_curve_of_a_result),
        WITH_STUDY(command__is_given_the_runs_own_values),
        WITH_STUDY(command__without_memory_has_no_values),
        WITH_STUDY(groups__are_as_large_as_memory_or_the_study_says),
        WITH_STUDY(groups__hold_runs_of_one_shape),
        WITH_STUDY(places__are_jobs_unless_cards_are_counted),
    };
    int fd = mkstemp(path);
    if (fd >= 0)
        close(fd);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
