/* runs/<id>: what a run is told, in run.json and for a user's trainer, what is started for it, and where. */
#include "test.h"

#include "study_made.h"

#include "device/device.h"
#include "train/train.h"

static asc_domain_report reports[D];

/* With the defaults of all that a study need not say. */
static void with_defaults(void)
{
    asc_run_spec r;
    asc_run_spec_init(&r);
    asc_model_spec small = s.model;
    s.model = r.model;
    s.model.arch = small.arch;
    s.model.n_layers = s.model.n_heads = 1;
    s.model.width = small.width;
    s.model.context = small.context;
    s.model.vocab = small.vocab;
    asc_training_spec quick = spec.training;
    spec.training = r.training;
    spec.training.batch_tokens = quick.batch_tokens;
    spec.training.seed = quick.seed;
    asc_run_spec_clear(&r);
    assert_int_equal(asc__sizes_set(&s, &err), ASC_OK);
}

static asc_store_run *star_run(void)
{
    in_folder();
    with_defaults();
    spec.device = "auto";
    spec.base_dir = folder;
    spec.threads = spec.ranks = 1;
    spec.curve_points = 7;
    s.isa = ASC_ISA_AVX2;
    s.reports = reports;
    for (size_t i = 0; i < D; i++)
        reports[i].bytes_per_token = 4;
    s.program = "/opt/autoscale";
    assert_int_equal(asc__study_stars(&s, false, &err), ASC_OK);
    return &s.runs[s.scales[0].runs[0]];
}

/* ---- run.json ---- */

static void told__all_that_one_run_needs(void **state)
{
    asc_run_spec r = {0};
    const asc_store_run *run = star_run();
    assert_int_equal(asc__run_spec_make(&r, &s, run, &err), ASC_OK);
    assert_string_equal(r.id, run->id);
    assert_string_equal(r.device, "cpu"); /* ours computes here */
    assert_string_equal(r.tokenizer, "../../tokens/tokenizer.json");
    assert_string_equal(r.train_files[0], "../../tokens/books.train");
    assert_string_equal(r.valid_files[2], "../../tokens/news.valid");
    assert_true(r.tokens[0] == run->tokens[0] && isnan(r.max_epochs[0]));
    assert_true(r.training.seed == run->seed && r.isa == ASC_ISA_AVX2 && r.valid_tokens == 1000);
    assert_int_equal(r.n_curve, 0); /* of the target alone */
    assert_memory_equal(&r.model, &s.model, sizeof r.model);
    assert_null(r.scored_files[0]);
    asc_run_spec_clear(&r);
}

static void told__a_run_at_the_target_its_curve(void **state)
{
    asc_run_spec r = {0};
    asc_store_run run = *star_run();
    run.kind = ASC_KIND_TARGET;
    spec.keep_checkpoints = ASC_KEEP_TARGET;
    assert_int_equal(asc__run_spec_make(&r, &s, &run, &err), ASC_OK);
    assert_true(r.n_curve == 7 && r.keep_checkpoint);
    asc_run_spec_clear(&r);
}

static void told__torch_looks_for_a_card_itself(void **state)
{
    asc_run_spec r = {0};
    const asc_store_run *run = star_run();
    spec.trainer.torch = true;
    assert_int_equal(asc__run_spec_make(&r, &s, run, &err), ASC_OK);
    assert_string_equal(r.device, "auto");
    asc_run_spec_clear(&r);
}

static void told__a_target_that_is_a_task_has_its_items(void **state)
{
    asc_run_spec r = {0};
    const asc_store_run *run = star_run();
    s.D = 2;
    spec.n_domains = 2;
    spec.n_heldout = 1;
    spec.heldout = &domains[2];
    domains[2].task = "news.jsonl";
    assert_int_equal(asc__run_spec_make(&r, &s, run, &err), ASC_OK);
    domains[2].task = NULL;
    assert_string_equal(r.scored_files[2], "../../tokens/news.scored.json");
    assert_null(r.valid_files[2]);
    assert_string_equal(r.valid_files[1], "../../tokens/code.valid");
    asc_run_spec_clear(&r);
}

static void told__without_memory_nothing_is_lost(void **state)
{
    const asc_store_run *run = star_run();
    for (uint64_t n = 1;; n++) {
        asc_run_spec r = {0};
        asc_fault_arm(ASC_FAULT_ALLOC, n);
        asc_status st = asc__run_spec_make(&r, &s, run, &err);
        uint64_t calls = asc_fault_count(ASC_FAULT_ALLOC);
        asc_fault_arm(ASC_FAULT_ALLOC, 0);
        asc_run_spec_clear(&r);
        if (calls < n)
            break;
        assert_int_equal(st, ASC_ENOMEM);
    }
}

/* ---- the folder ---- */

static void folder__holds_what_the_run_is_told(void **state)
{
    asc_run_spec r = {0}, read = {0};
    char a[65], b[65];
    const asc_store_run *run = star_run();
    char *dir = asc__run_dir(&s, run->id);
    assert_int_equal(asc__run_dir_prepare(&s, run, &err), ASC_OK);
    assert_int_equal(asc__run_spec_make(&r, &s, run, &err), ASC_OK);
    if (asc_run_spec_read(&read, dir, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(asc_run_spec_digest(&r, a, &err), ASC_OK);
    assert_int_equal(asc_run_spec_digest(&read, b, &err), ASC_OK);
    assert_string_equal(a, b);
    char *fresh = asc_strf("%s.new", dir);
    assert_false(asc_path_exists(fresh));
    asc_free(fresh);
    asc_free(dir);
    asc_run_spec_clear(&r);
    asc_run_spec_clear(&read);
}

/* A run to be continued keeps its folder; of another plan it is cleared. */
static void folder__of_the_same_plan_is_kept(void **state)
{
    const asc_store_run *run = star_run();
    char *name = asc_strf("runs/%s/checkpoint/step", run->id);
    assert_int_equal(asc__run_dir_prepare(&s, run, &err), ASC_OK);
    put_file(name, "7");
    assert_int_equal(asc__run_dir_prepare(&s, run, &err), ASC_OK);
    assert_true(is_there(name));
    spec.training.lr = 2e-3;
    assert_int_equal(asc__run_dir_prepare(&s, run, &err), ASC_OK);
    assert_false(is_there(name));
    asc_free(name);
}

/* ---- a user's trainer ---- */

static void mixture__is_the_runs_own(void **state)
{
    asc_mix_file m = {0};
    const asc_store_run *run = star_run();
    spec.trainer.command = "train {mixture}";
    cap_epochs(1, 4);
    assert_int_equal(asc__run_dir_prepare(&s, run, &err), ASC_OK);
    char *path = asc_strf("%s/runs/%s/mixture.json", folder, run->id),
         *prefix = asc_strf("%s/tokens/books.train", folder);
    assert_int_equal(asc_mix_file_read(&m, path, &err), ASC_OK);
    double sum = 0;
    for (size_t i = 0; i < D; i++) {
        sum += m.weights[i];
        assert_true(m.tokens[i] == (int64_t)run->tokens[i]);
        assert_true(m.bytes_per_token[i] == 4);
    }
    assert_true(near(sum, 1) && isnan(m.max_epochs[0]) && m.max_epochs[1] == 4);
    assert_string_equal(m.paths[0], prefix);
    assert_string_equal(json_string_value(json_object_get(m.from, "run")), run->id);
    assert_int_equal(json_integer_value(json_object_get(m.from, "seed")), (json_int_t)run->seed);
    asc_mix_file_clear(&m);
    asc_free(path);
    asc_free(prefix);
}

static bool has_word(const asc_launch *l, const char *word)
{
    for (size_t i = 0; l->argv[i]; i++)
        if (strcmp(l->argv[i], word) == 0)
            return true;
    return false;
}

static void launch__is_ours_or_the_users(void **state)
{
    asc_launch l = {0};
    star_run();
    size_t run = s.scales[0].runs[0];
    char *dir = asc__run_dir(&s, s.runs[run].id), pid[32];
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    assert_int_equal(asc__run_launch(&l, &s, &run, 1, 0, &err), ASC_OK);
    assert_string_equal(l.argv[0], "/opt/autoscale");
    assert_true(has_word(&l, "train") && has_word(&l, dir) && has_word(&l, pid));
    asc_launch_clear(&l);
    spec.executor = ASC_EXECUTOR_SLURM;
    assert_int_equal(asc__run_launch(&l, &s, &run, 1, 0, &err), ASC_OK);
    assert_false(has_word(&l, pid)); /* nobody beside it whose end is its own */
    asc_launch_clear(&l);
    spec.trainer.command = "torchrun train.py --tokens={tokens} {run_dir}";
    assert_int_equal(asc__run_launch(&l, &s, &run, 1, 0, &err), ASC_OK);
    assert_true(has_word(&l, "--tokens=4800") && has_word(&l, dir));
    asc_launch_clear(&l);
    spec.trainer.command = "torchrun 'train.py";
    assert_int_equal(asc__run_launch(&l, &s, &run, 1, 0, &err), ASC_EINVAL);
    assert_memory_equal(err.msg, "trainer.command: ", 17);
    assert_non_null(strstr(err.msg, "unterminated quote"));
    asc_free(dir);
}

/* ---- where ---- */

static void place__is_the_studys_own(void **state)
{
    star_run();
    spec.threads = 3;
    spec.ranks = 2;
    const asc_exec_place p = asc__exec_place(&s);
    assert_string_equal(p.executor, "local");
    assert_string_equal(p.dir, folder);
    assert_true(p.capacity == 2 && p.threads == 3 && p.ranks == 2);
    assert_string_equal(p.study, "tiny");
}

/* A cluster's queue is no row of idle cards, unless the study says how many jobs it may have at once. */
static void place__groups_spread_where_places_are_counted(void **state)
{
    assert_true(asc__spreads(&s));
    spec.executor = ASC_EXECUTOR_SLURM;
    assert_false(asc__spreads(&s));
    spec.slurm_opts.array_limit = 16;
    assert_true(asc__spreads(&s));
    spec.executor = ASC_EXECUTOR_SCHEDULER;
    assert_false(asc__spreads(&s));
    spec.scheduler.limit = 4;
    assert_true(asc__spreads(&s));
}

static void place__what_is_not_here_is_said_before_anything_runs(void **state)
{
    star_run();
    spec.device = "cpu";
    s.isa = asc_device_isa_resolve(ASC_ISA_AUTO);
    assert_int_equal(asc__study_check_place(&s, &err), ASC_OK);
    spec.device = "tpu";
    assert_true(asc__study_check_place(&s, &err) != ASC_OK);
    assert_memory_equal(err.msg, "study.yaml: run.", 16);
    spec.trainer.command = "mine"; /* somebody else's program knows its own devices */
    assert_int_equal(asc__study_check_place(&s, &err), ASC_OK);
    assert_int_equal(asc__study_check_executor(&spec, &err), ASC_OK);
    spec.executor = ASC_EXECUTOR_SCHEDULER;
    spec.scheduler = (asc_scheduler_spec){
        .submit = "/nowhere/submit {script}", .poll = "/nowhere/poll {job}", .cancel = "/nowhere/cancel {job}"};
    assert_int_equal(asc__study_check_executor(&spec, &err), ASC_EMISSING);
    assert_memory_equal(err.msg, "study.yaml: ", 12);
    assert_non_null(strstr(err.msg, "/nowhere/submit"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STUDY(told__all_that_one_run_needs),
        WITH_STUDY(told__a_run_at_the_target_its_curve),
        WITH_STUDY(told__torch_looks_for_a_card_itself),
        WITH_STUDY(told__a_target_that_is_a_task_has_its_items),
        WITH_STUDY(told__without_memory_nothing_is_lost),
        WITH_STUDY(folder__holds_what_the_run_is_told),
        WITH_STUDY(folder__of_the_same_plan_is_kept),
        WITH_STUDY(mixture__is_the_runs_own),
        WITH_STUDY(launch__is_ours_or_the_users),
        WITH_STUDY(place__is_the_studys_own),
        WITH_STUDY(place__groups_spread_where_places_are_counted),
        WITH_STUDY(place__what_is_not_here_is_said_before_anything_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
