/* trainer: torch: which interpreter is asked, what its answer means, what is started, and how its speed is kept. The
 * interpreter is a script that answers as `python3 -m autoscale.torch` would. */
#include "test.h"

#include "study_made.h"

#define CARDS                                                                                                          \
    "\"devices\": [{\"name\": \"NVIDIA H100\", \"free_bytes\": 8e9, \"memory_bytes\": 1e10}, "                         \
    "{\"name\": \"NVIDIA A100\", \"memory_bytes\": 2e10}]"

/* Its answer stands in a file beside it; it notes how it was called. */
static void with_python(const char *answer)
{
    static const char script[] = "#!/bin/sh\necho \"$@\" >>\"${0%/*}/calls.log\"\necho importing torch\n"
                                 "cat \"${0%/*}/answer\"\n";
    in_folder();
    asc_free(put_program("bin/python", script));
    put_file("bin/answer", answer);
    spec.trainer.torch = true;
    spec.trainer.python = "bin/python";
    spec.base_dir = folder;
    spec.device = "auto";
    spec.ranks = spec.threads = 1;
    s.program = "/nowhere/autoscale";
    s.isa = ASC_ISA_AVX2;
}

static char *answer_of(const char *version, const char *devices)
{
    return asc_strf("{\"version\": \"%s\", \"torch\": \"2.8.0\", %s}\n", version, devices);
}

static void with_cards(const char *devices)
{
    char *answer = answer_of(ASC_VERSION, devices);
    with_python(answer);
    asc_free(answer);
}

static size_t calls(void)
{
    size_t n = 0;
    char *text = is_there("bin/calls.log") ? read_text("bin/calls.log") : NULL;
    for (const char *p = text; p && *p; p++)
        n += *p == '\n';
    asc_free(text);
    return n;
}

/* ---- what is found ---- */

static void find__of_another_trainer_asks_nobody(void **state)
{
    assert_int_equal(asc__torch_find(&s, &err), ASC_OK);
    assert_null(s.torch.program.python);
}

static void find__counts_the_cards_once(void **state)
{
    with_cards(CARDS);
    if (asc__torch_find(&s, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(s.torch.n_cards, 2);
    assert_int_equal(s.places, 2); /* a program on each */
    assert_string_equal(s.torch.name, "NVIDIA H100");
    assert_string_equal(s.torch.torch, "2.8.0");
    assert_true(near(s.torch.bytes, .8 * 8e9)); /* of what is free, where it says so */
    char *log = read_text("bin/calls.log");
    assert_non_null(strstr(log, "-m autoscale.torch --probe --device auto"));
    asc_free(log);
    assert_int_equal(asc__torch_find(&s, &err), ASC_OK);
    assert_int_equal(calls(), 1);
}

static void find__a_numbered_card_is_that_one(void **state)
{
    with_cards(CARDS);
    spec.device = "cuda:1";
    assert_int_equal(asc__torch_find(&s, &err), ASC_OK);
    assert_int_equal(s.torch.n_cards, 1);
    assert_string_equal(s.torch.name, "NVIDIA A100");
    assert_true(near(s.torch.bytes, .8 * 2e10)); /* nobody says what is free: all of it */
}

static void find__jobs_that_are_named_are_kept(void **state)
{
    with_cards(CARDS);
    spec.jobs = s.jobs = 5;
    assert_int_equal(asc__torch_find(&s, &err), ASC_OK);
    assert_int_equal(s.places, 5);
}

static void find__without_cards_it_computes_here(void **state)
{
    with_cards("\"devices\": []");
    assert_int_equal(asc__torch_find(&s, &err), ASC_OK);
    assert_true(s.torch.n_cards == 0 && s.places == 0);
    assert_string_equal(s.torch.name, "cpu");
}

static void find__a_clusters_nodes_are_not_asked(void **state)
{
    with_cards(CARDS);
    spec.executor = ASC_EXECUTOR_SLURM;
    assert_int_equal(asc__torch_find(&s, &err), ASC_OK);
    assert_non_null(s.torch.program.python);
    assert_int_equal(calls(), 0);
    assert_int_equal(s.torch.n_cards, 0);
}

/* ---- what is refused ---- */

static void refused(const char *words)
{
    asc_status st = asc__torch_find(&s, &err);
    if (st != ASC_EMISSING || !strstr(err.msg, words))
        fail_msg("expected '%s' in: %s", words, err.msg);
}

static void find__another_version_is_refused(void **state)
{
    char *answer = answer_of("0.0.1", CARDS), *words = asc_strf("has autoscale 0.0.1, this is %s", ASC_VERSION);
    with_python(answer);
    refused(words);
    asc_free(answer);
    asc_free(words);
}

static void find__an_answer_that_is_none_is_refused(void **state)
{
    with_python("Segmentation fault\n");
    refused("expected a line of JSON, found 'Segmentation fault'");
}

static void find__a_missing_package_says_what_to_name(void **state)
{
    with_python("");
    asc_free(put_program("bin/python", "#!/bin/sh\necho \"$0: No module named torch\"\nexit 1\n"));
    refused("No module named torch; name an interpreter that has PyTorch");
}

static void find__a_missing_interpreter_is_named(void **state)
{
    with_python("");
    spec.trainer.python = "bin/python9";
    refused("python9");
}

static void find__gives_each_rank_a_card(void **state)
{
    with_cards(CARDS ", \"more\": []");
    spec.ranks = 2;
    assert_int_equal(asc__torch_find(&s, &err), ASC_OK);
    assert_int_equal(s.places, 1);
    assert_int_equal(asc__torch_most(&s, &s.sizes[0]), 1); /* a run is shared, and shares nothing */
    asc__torch_clear(&s.torch);
    spec.ranks = 3;
    assert_int_equal(asc__torch_find(&s, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "study.yaml: run.ranks: a GPU for each of 3 processes of a run, found 2"));
}

/* ---- its environment ---- */

static void environment__has_the_package_beside_the_command(void **state)
{
    with_cards(CARDS);
    put_file("python/autoscale/torch/__main__.py", "");
    put_file("bin/libautoscale.so.0", "");
    s.program = asc_path_join(folder, "bin/autoscale");
    unsetenv("AUTOSCALE_LIBRARY");
    setenv("PYTHONPATH", "/mine", 1);
    assert_int_equal(asc__torch_find(&s, &err), ASC_OK);
    unsetenv("PYTHONPATH");
    char *path = asc_strf("PYTHONPATH=%s/python:/mine", folder), *library = asc_path_real(folder, "bin");
    assert_string_equal(s.torch.program.env[0], path);
    assert_non_null(strstr(s.torch.program.env[1], "AUTOSCALE_LIBRARY="));
    assert_non_null(strstr(s.torch.program.env[1], library));
    assert_null(s.torch.program.env[2]);
    asc_free(path);
    asc_free(library);
    asc_free(s.program);
}

/* The command that pip installed into ENV/bin belongs to the interpreter there. */
static void environment__of_the_command_names_the_interpreter(void **state)
{
    with_cards(CARDS);
    spec.trainer.python = NULL;
    spec.executor = ASC_EXECUTOR_SLURM; /* not to be asked */
    put_file("pyvenv.cfg", "");
    asc_free(put_program("bin/python3", "#!/bin/sh\n"));
    s.program = asc_path_join(folder, "bin/autoscale");
    unsetenv("AUTOSCALE_PYTHON");
    assert_int_equal(asc__torch_find(&s, &err), ASC_OK);
    assert_non_null(strstr(s.torch.program.python, "/bin/python3"));
    asc__torch_clear(&s.torch);
    setenv("AUTOSCALE_PYTHON", "/opt/python", 1); /* the user's word comes before it */
    assert_int_equal(asc__torch_find(&s, &err), ASC_OK);
    unsetenv("AUTOSCALE_PYTHON");
    assert_string_equal(s.torch.program.python, "/opt/python");
    asc_free(s.program);
}

/* ---- what is started ---- */

static bool has_words(const asc_launch *l, const char *a, const char *b)
{
    for (size_t i = 0; l->argv[i]; i++)
        if (strcmp(l->argv[i], a) == 0 && l->argv[i + 1] && strcmp(l->argv[i + 1], b) == 0)
            return true;
    return false;
}

static void launch__spreads_programs_over_the_cards(void **state)
{
    static const char *const dirs[] = {"/study/runs/a", "/study/runs/b"};
    asc_launch l = {0};
    with_cards(CARDS);
    assert_int_equal(asc__torch_find(&s, &err), ASC_OK);
    assert_int_equal(asc__torch_launch(&l, &s, dirs, 2, 1, 3, &err), ASC_OK);
    assert_true(has_words(&l, "--device", "cuda:1")); /* the fourth program of two cards */
    assert_true(has_words(&l, dirs[0], dirs[1]));
    char pid[32];
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    assert_true(has_words(&l, "--parent", pid));
    assert_string_equal(l.log, "/study/runs/a/log.txt");
    asc_launch_clear(&l);
    spec.device = "cuda:0"; /* a card that is named is kept */
    assert_int_equal(asc__torch_launch(&l, &s, dirs, 2, 1, 3, &err), ASC_OK);
    assert_true(has_words(&l, "--device", "cuda:0"));
    asc_launch_clear(&l);
    spec.executor = ASC_EXECUTOR_SLURM; /* a job on a node has no coordinator beside it */
    assert_int_equal(asc__torch_launch(&l, &s, dirs, 2, 1, 3, &err), ASC_OK);
    assert_false(has_words(&l, "--parent", pid));
    asc_launch_clear(&l);
}

static void launch__gives_a_run_of_ranks_as_many_cards(void **state)
{
    static const char *const dirs[] = {"/study/runs/a"};
    asc_launch l = {0};
    with_cards("\"devices\": [{\"name\": \"a\", \"memory_bytes\": 2e10}, {\"name\": \"b\"}, {\"name\": \"c\"}, "
               "{\"name\": \"d\"}, {\"name\": \"e\"}]");
    spec.ranks = 2;
    assert_int_equal(asc__torch_find(&s, &err), ASC_OK);
    assert_int_equal(s.places, 2);
    for (size_t place = 0; place < 3; place++) { /* run.jobs may ask for more places than there are pairs */
        assert_int_equal(asc__torch_launch(&l, &s, dirs, 1, 2, place, &err), ASC_OK);
        assert_true(has_words(&l, "--device", place == 1 ? "cuda:2" : "cuda:0"));
        assert_false(has_words(&l, "--srun", dirs[0]));
        asc_launch_clear(&l);
    }
    spec.executor = ASC_EXECUTOR_SLURM; /* whose tasks are the ranks, on as many nodes as it likes */
    assert_int_equal(asc__torch_launch(&l, &s, dirs, 1, 2, 0, &err), ASC_OK);
    assert_true(has_words(&l, "--srun", dirs[0]));
    asc_launch_clear(&l);
    assert_int_equal(asc__torch_launch(&l, &s, dirs, 1, 1, 0, &err), ASC_OK); /* a merged model has one */
    assert_true(has_words(&l, "cuda:0", dirs[0]));
    asc_launch_clear(&l);
}

/* ---- its speed ---- */

static void speed__is_measured_once_where_a_study_was_begun(void **state)
{
    asc__torch_speed_of v = {0}, again = {0};
    with_cards(CARDS);
    assert_int_equal(asc__torch_find(&s, &err), ASC_OK);
    put_file("bin/answer", "{\"tokens_per_s\": 1000, \"eval_tokens_per_s\": 3000, \"start_s\": 2, \"lanes\": 4}\n");
    put_file("study.db", "");
    if (asc__torch_speed(&v, &s, 15, folder, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    assert_true(v.tokens_per_s == 1000 && v.eval_tokens_per_s == 3000 && v.start_s == 2 && v.lanes == 4);
    assert_int_equal(calls(), 2);
    assert_int_equal(asc__torch_speed(&again, &s, 15, folder, &err), ASC_OK);
    assert_int_equal(calls(), 2); /* kept */
    assert_memory_equal(&v, &again, sizeof v);
    assert_int_equal(asc__torch_speed(&again, &s, 16, folder, &err), ASC_OK);
    assert_int_equal(calls(), 3); /* of another group: asked again */
}

static void speed__without_a_figure_is_refused(void **state)
{
    asc__torch_speed_of v = {0};
    with_cards(CARDS);
    assert_int_equal(asc__torch_find(&s, &err), ASC_OK);
    put_file("bin/answer", "{\"tokens_per_s\": 0, \"eval_tokens_per_s\": 3000}\n");
    assert_int_equal(asc__torch_speed(&v, &s, 15, folder, &err), ASC_EMISSING);
    assert_non_null(strstr(err.msg, "reports no speed"));
    assert_false(is_there("speed.json")); /* nothing was begun here: nothing is written */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STUDY(find__of_another_trainer_asks_nobody),
        WITH_STUDY(find__counts_the_cards_once),
        WITH_STUDY(find__a_numbered_card_is_that_one),
        WITH_STUDY(find__jobs_that_are_named_are_kept),
        WITH_STUDY(find__without_cards_it_computes_here),
        WITH_STUDY(find__a_clusters_nodes_are_not_asked),
        WITH_STUDY(find__another_version_is_refused),
        WITH_STUDY(find__an_answer_that_is_none_is_refused),
        WITH_STUDY(find__a_missing_package_says_what_to_name),
        WITH_STUDY(find__a_missing_interpreter_is_named),
        WITH_STUDY(find__gives_each_rank_a_card),
        WITH_STUDY(environment__has_the_package_beside_the_command),
        WITH_STUDY(environment__of_the_command_names_the_interpreter),
        WITH_STUDY(launch__spreads_programs_over_the_cards),
        WITH_STUDY(launch__gives_a_run_of_ranks_as_many_cards),
        WITH_STUDY(speed__is_measured_once_where_a_study_was_begun),
        WITH_STUDY(speed__without_a_figure_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
