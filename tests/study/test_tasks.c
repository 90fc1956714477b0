/* What the target's checkpoints did on tasks: rows of the summary, from the results of the programs that judged them;
 * and these programs: which are started, what they are told, and what becomes of one that fails. */
#include "test.h"

#include "study_made.h"

static char *eval[1] = {"quiz"};
static asc_study_finetune finetune[] = {{.task = "sst2", .data = "glue"}};
static asc_task_cost none;

/* Two mixtures of two seeds at the target, done. */
static void with_target(void)
{
    static const double shares[2][D] = {{1. / D, 1. / D, 1. / D}, {.5, .25, .25}};
    in_folder();
    with_mixtures(2);
    assert_int_equal(asc__add_mixture(&s, ASC_MIXTURE_UNIFORM, "uniform", shares[0], &err), ASC_OK);
    assert_int_equal(asc__add_mixture(&s, ASC_MIXTURE_JOINT, "joint", shares[1], &err), ASC_OK);
    asc__find_equal_mixtures(&s);
    assert_int_equal(asc__study_target_runs(&s, false, &err), ASC_OK);
    for (size_t i = 0; i < s.n_runs; i++)
        s.runs[i].state = ASC_RUN_DONE;
}

static void put_result(const char *mixture, int seed, const char *what, const char *text)
{
    char *path = asc_strf("runs/t160k-%s-r%d/judged/%s/result.json", mixture, seed, what);
    put_file(path, text);
    asc_free(path);
}

static asc_summary *summary(void)
{
    asc_summary *o = asc_summary_create(D, D);
    asc__put_tasks(o, &s);
    assert_false(o->oom);
    return o;
}

/* ---- rows ---- */

static void rows__have_mean_and_spread_over_checkpoints(void **state)
{
    with_target();
    spec.tasks.n_eval = 1;
    put_result("uniform", 0, "tasks", "{\"tasks\": {\"quiz\": {\"acc\": 0.5, \"chance\": 0.25, \"n\": 40}}}");
    put_result("uniform", 1, "tasks", "{\"tasks\": {\"quiz\": {\"acc\": 0.7, \"chance\": 0.25, \"n\": 40}}}");
    put_result("joint", 0, "tasks", "{\"tasks\": {\"quiz\": {\"acc\": 0.6, \"chance\": 0.25, \"n\": 40}}}");
    asc_summary *o = summary();
    assert_int_equal(o->n_tasks, 1);
    const asc_summary_task *row = &o->tasks[0];
    assert_string_equal(row->kind, "likelihood");
    assert_string_equal(row->task, "quiz");
    assert_string_equal(row->figure, "acc");
    assert_string_equal(row->better, "higher");
    assert_true(row->chance == .25 && row->n_items == 40 && row->n_mixtures == 2);
    const asc_summary_score *uniform = &row->mixtures[0], *joint = &row->mixtures[1];
    assert_true(uniform->n_values == 2 && near(uniform->mean, .6) && near(uniform->sd, sqrt(.02)));
    assert_true(uniform->lo == .5 && uniform->hi == .7);
    assert_true(joint->n_values == 1 && joint->mean == .6 && isnan(joint->sd)); /* one seed is no spread */
    asc_summary_free(o);
}

/* Every figure that a task has is a row; perplexity cannot be guessed. */
static void rows__are_a_figure_each(void **state)
{
    with_target();
    spec.tasks.n_eval = 1;
    put_result(
        "uniform", 0, "tasks",
        "{\"tasks\": {\"a\": {\"acc\": 0.5, \"acc_norm\": 0.6, \"bits_per_byte\": 1.5, \"chance\": 0.5, \"n\": 8},"
        " \"b\": {\"perplexity\": 30, \"chance\": null, \"n\": 9}, \"c\": {\"pct_stereotype\": 60, \"n\": 7}}}");
    asc_summary *o = summary();
    static const struct {
        const char *task, *figure, *better;
    } rows[] = {{"a", "acc", "higher"},
                {"a", "acc_norm", "higher"},
                {"a", "bits_per_byte", "lower"},
                {"b", "perplexity", "lower"},
                {"c", "pct_stereotype", "middle"}};
    assert_int_equal(o->n_tasks, 5);
    for (size_t k = 0; k < o->n_tasks; k++) {
        assert_string_equal(o->tasks[k].task, rows[k].task);
        assert_string_equal(o->tasks[k].figure, rows[k].figure);
        assert_string_equal(o->tasks[k].better, rows[k].better);
    }
    assert_true(o->tasks[0].chance == .5 && isnan(o->tasks[2].chance) && isnan(o->tasks[3].chance));
    asc_summary_free(o);
}

/* Fine-tuning has seeds of its own: a checkpoint's value is their median, lo and hi span all of them. */
static void rows__of_fine_tuning_span_its_seeds(void **state)
{
    with_target();
    spec.tasks.n_finetune = 1;
    spec.tasks.finetune = finetune;
    put_result("uniform", 0, "sst2",
               "{\"metrics\": {\"acc\": {\"median\": 0.8, \"min\": 0.7, \"max\": 0.85}}, \"chance\": {\"acc\": 0.5}, "
               "\"n\": 872}");
    put_result("uniform", 1, "sst2",
               "{\"metrics\": {\"acc\": {\"median\": 0.82, \"min\": 0.81, \"max\": 0.9}}, \"chance\": {\"acc\": 0.5}}");
    asc_summary *o = summary();
    assert_int_equal(o->n_tasks, 1);
    const asc_summary_score *x = &o->tasks[0].mixtures[0];
    assert_string_equal(o->tasks[0].kind, "finetune");
    assert_true(o->tasks[0].chance == .5 && o->tasks[0].n_items == 872);
    assert_true(x->n_values == 2 && near(x->mean, .81) && x->lo == .7 && x->hi == .9);
    assert_int_equal(o->tasks[0].mixtures[1].n_values, 0);
    assert_true(isnan(o->tasks[0].mixtures[1].mean));
    asc_summary_free(o);
}

static void rows__without_results_are_none(void **state)
{
    with_target();
    spec.tasks = (asc_study_tasks){.n_eval = 1, .n_finetune = 1, .finetune = finetune};
    put_result("joint", 1, "tasks", "{half a file");
    asc_summary *o = summary();
    assert_int_equal(o->n_tasks, 0);
    asc_summary_free(o);
}

/* ---- the programs ---- */

/* Judges a checkpoint: its words go to words.log, its last one names the result. */
#define JUDGE                                                                                                          \
    "#!/bin/sh\necho \"$@\" >>\"${0%/*}/words.log\"\nfor out; do :; done\n"                                            \
    "echo '{\"tasks\": {\"quiz\": {\"acc\": 0.5, \"n\": 4}}, \"metrics\": {}}' >\"$out\"\n"

static void with_program(const char *script)
{
    with_target();
    put_file("quiz.jsonl", "{}\n");
    eval[0] = "quiz.jsonl";
    spec.base_dir = folder;
    spec.threads = 1;
    spec.tasks = (asc_study_tasks){.n_eval = 1, .eval = eval, .shots = 3, .n_finetune = 1, .finetune = finetune};
    s.program = put_program("judge", script);
    for (size_t i = 0; i < s.n_runs; i++) {
        char *path = asc_strf("runs/%s/checkpoint/config.json", s.runs[i].id);
        put_file(path, "{}");
        asc_free(path);
    }
}

static size_t lines(const char *name)
{
    size_t n = 0;
    char *text = read_text(name);
    for (const char *p = text; *p; p++)
        n += *p == '\n';
    asc_free(text);
    return n;
}

static void judge__makes_each_result_once(void **state)
{
    with_program(JUDGE);
    assert_int_equal(asc__study_judge(&s, &err), ASC_OK);
    assert_int_equal(lines("words.log"), 8); /* two mixtures, two seeds, all tasks and one fine-tuning */
    char *words = read_text("words.log");
    assert_non_null(strstr(words, "eval "));
    assert_non_null(strstr(words, "/runs/t160k-joint-r1/checkpoint --tasks "));
    assert_non_null(strstr(words, "--shots 3 "));
    assert_non_null(strstr(words, "--task sst2 "));
    assert_non_null(strstr(words, "--threads 1 --quiet --out "));
    assert_null(strstr(words, "--exclude"));
    asc_free(words);
    assert_true(is_there("runs/t160k-joint-r1/judged/sst2/result.json"));
    assert_int_equal(asc__study_judge(&s, &err), ASC_OK);
    assert_int_equal(lines("words.log"), 8); /* what is there is not made again */
    spec.tasks.shots = 5;                    /* another question: those are asked anew */
    assert_int_equal(asc__study_judge(&s, &err), ASC_OK);
    assert_int_equal(lines("words.log"), 12);
    asc_free(s.program);
}

static void judge__a_run_without_checkpoint_is_noted(void **state)
{
    with_program(JUDGE);
    char *path = asc_path_join(folder, "runs/t160k-joint-r1/checkpoint");
    assert_int_equal(asc_remove_tree(path, &err), ASC_OK);
    asc_free(path);
    s.runs[0].state = ASC_RUN_DIVERGED; /* and one that diverged has nothing to be judged */
    assert_int_equal(asc__study_judge(&s, &err), ASC_OK);
    assert_int_equal(lines("words.log"), 4);
    assert_true(s.notes.n == 1 && s.notes.code[0] == ASC_NOTE_NOT_JUDGED);
    assert_non_null(strstr(s.notes.text[0], "t160k-joint-r1"));
    asc_free(s.program);
}

static void judge__one_that_fails_for_good_is_named_with_its_log(void **state)
{
    with_program("#!/bin/sh\necho the task file is damaged\nexit 1\n");
    spec.retries = 1;
    assert_int_equal(asc__study_judge(&s, &err), ASC_ENUMERIC);
    assert_non_null(strstr(err.msg, "of run t160k-"));
    assert_non_null(strstr(err.msg, "failed 2 times"));
    assert_non_null(strstr(err.msg, "the task file is damaged"));
    asc_free(s.program);
}

static void judge__of_a_study_without_tasks_or_target_does_nothing(void **state)
{
    with_program("#!/bin/sh\nexit 1\n");
    spec.validate = false;
    assert_int_equal(asc__study_judge(&s, &err), ASC_OK);
    spec.validate = true;
    spec.tasks = (asc_study_tasks){0};
    assert_int_equal(asc__study_judge(&s, &err), ASC_OK);
    asc_free(s.program);
}

/* ---- what they cost, and where they stand ---- */

static void cost__of_no_tasks_is_nothing(void **state)
{
    asc__task_work w;
    assert_int_equal(asc__task_work_of(&w, &s, NULL, &err), ASC_OK);
    assert_int_equal(w.n_judged, 0);
    assert_memory_equal(&w.target, &none, sizeof none);
    asc_free(w.judged);
}

static void cost__of_likelihood_tasks_is_one_program(void **state)
{
    asc__task_work w;
    in_folder();
    put_file("quiz.jsonl", "{\"context\": \"two and two is\", \"choices\": [\"four\", \"five\"], \"label\": 0}\n"
                           "{\"context\": \"one and six is\", \"choices\": [\"nine\", \"five\"], \"label\": 0}\n");
    eval[0] = "quiz.jsonl";
    spec.base_dir = folder;
    spec.tasks = (asc_study_tasks){.n_eval = 1, .eval = eval};
    assert_int_equal(asc__task_work_of(&w, &s, NULL, &err), ASC_OK);
    assert_int_equal(w.n_judged, 1);
    assert_true(w.judged[0].read > 0 && w.judged[0].trained == 0);
    double both = w.judged[0].read;
    asc_free(w.judged);
    spec.tasks.limit = 1; /* the items are of one length */
    assert_int_equal(asc__task_work_of(&w, &s, NULL, &err), ASC_OK);
    assert_true(near(w.judged[0].read, both / 2));
    asc_free(w.judged);
    spec.validate = false; /* nothing is trained that could be judged */
    assert_int_equal(asc__task_work_of(&w, &s, NULL, &err), ASC_OK);
    assert_int_equal(w.n_judged, 0);
    asc_free(w.judged);
}

static void cost__a_missing_task_file_is_named(void **state)
{
    asc__task_work w;
    in_folder();
    eval[0] = "nowhere.jsonl";
    spec.base_dir = folder;
    spec.tasks = (asc_study_tasks){.n_eval = 1, .eval = eval};
    assert_true(asc__task_work_of(&w, &s, NULL, &err) != ASC_OK);
    assert_non_null(strstr(err.msg, "nowhere.jsonl"));
}

static void scored__path_is_beside_the_tokens(void **state)
{
    char *path = asc__scored_path("../..", "tokens", "quiz");
    assert_string_equal(path, "../../tokens/quiz.scored.json");
    asc_free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STUDY(rows__have_mean_and_spread_over_checkpoints),
        WITH_STUDY(rows__are_a_figure_each),
        WITH_STUDY(rows__of_fine_tuning_span_its_seeds),
        WITH_STUDY(rows__without_results_are_none),
        WITH_STUDY(judge__makes_each_result_once),
        WITH_STUDY(judge__a_run_without_checkpoint_is_noted),
        WITH_STUDY(judge__one_that_fails_for_good_is_named_with_its_log),
        WITH_STUDY(judge__of_a_study_without_tasks_or_target_does_nothing),
        WITH_STUDY(cost__of_no_tasks_is_nothing),
        WITH_STUDY(cost__of_likelihood_tasks_is_one_program),
        WITH_STUDY(cost__a_missing_task_file_is_named),
        WITH_STUDY(scored__path_is_beside_the_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
