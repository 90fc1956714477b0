/* The Slurm executor against commands that pretend: a scheduler's limits, its refusals, jobs that it has forgotten. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "executors.h"

static char work[64];

static void script(const char *name, const char *text)
{
    char *path = asc_strf("%s/bin/%s", work, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "#!/bin/sh\ncd %s\n%s\n", work, text);
    fclose(f);
    assert_int_equal(chmod(path, 0755), 0);
    asc_free(path);
}

static void put(const char *name, const char *text)
{
    char *path = asc_strf("%s/%s", work, name);
    assert_int_equal(asc_write_file(path, text, strlen(text), NULL), ASC_OK);
    asc_free(path);
}

/* What sbatch was asked for, one line a call: the array, then "taken" or "refused". */
static char *calls(void)
{
    char *path = asc_strf("%s/calls", work), *text = NULL;
    size_t n = 0;
    if (asc_read_file(path, 1 << 20, &text, &n, NULL) != ASC_OK)
        text = asc_strdup("");
    unlink(path);
    asc_free(path);
    return text;
}

/* sbatch takes arrays of at most `submit` tasks in all, by the file `room`. */
static int set_up(void **state)
{
    strcpy(work, "/tmp/asc-slurm-XXXXXX");
    assert_non_null(mkdtemp(work));
    char *bin = asc_strf("%s/bin", work), *study = asc_strf("%s/study", work);
    char *path = asc_strf("%s:%s", bin, getenv("PATH"));
    assert_int_equal(asc_mkdirs(bin, NULL), ASC_OK);
    assert_int_equal(asc_mkdirs(study, NULL), ASC_OK);
    setenv("PATH", path, 1);
    script("scontrol", "case \"$2\" in config) cat config;; job) cat job; exit $(cat job.code);; esac");
    script("squeue", "cat queue 2>/dev/null");
    script("sacct", "cat accounts");
    script("sbatch",
           "for w in \"$@\"; do case $w in --array=0-*) last=${w#--array=0-}; last=${last%%%*};; esac; done\n"
           "n=$((last + 1)); room=$(cat room)\n"
           "if [ $n -gt $room ]; then echo \"$n refused\" >>calls; cat refusal >&2; exit 1; fi\n"
           "echo $((room - n)) >room; echo \"$n taken\" >>calls\n"
           "for w in \"$@\"; do case $w in --ntasks*|--cpus*|--gres*|--nodes*) echo \"$w\" >>calls;; esac; done\n"
           "echo 7");
    put("config", "Configuration data\nMaxArraySize            = 6\nMaxArraySizeX = 3\n"
                  "AccountingStorageType   = accounting_storage/none\n");
    put("refusal", "sbatch: error: AssocMaxSubmitJobLimit\nsbatch: error: Batch job submission failed: Job violates\n");
    put("queue", "");
    put("job", "slurm_load_jobs error: Invalid job id specified\n");
    put("job.code", "1");
    asc_free(bin);
    asc_free(study);
    asc_free(path);
    return 0;
}

static int tear_down(void **state)
{
    return asc_remove_tree(work, NULL);
}

enum { N = 23 };

static struct jobs {
    asc_job job[N], *list[N];
    asc_launch launch[N];
    char *words[2];
} jobs;

static asc_executor *make_with(int ranks, asc_slurm_spec spec)
{
    asc_executor *e = NULL;
    asc_error err = {0};
    char *study = asc_strf("%s/study", work);
    setenv("AUTOSCALE_SLURM_REFRESH", "1e-9", 1);
    const asc_exec_place place = {.dir = study, .slurm = &spec, .threads = 2, .ranks = ranks};
    assert_int_equal(asc__executor_slurm(&e, &place, &err), ASC_OK);
    jobs.words[0] = "true";
    for (size_t i = 0; i < N; i++) {
        char *dir = asc_strf("%s/runs/%zu", study, i);
        jobs.job[i] = (asc_job){.dir = dir, .pidfd = -1, .lock_fd = -1};
        jobs.list[i] = &jobs.job[i];
        jobs.launch[i] = (asc_launch){.argv = jobs.words, .run_dir = dir, .log = "/dev/null"};
    }
    asc_free(study);
    return e;
}

static asc_executor *make(int ranks)
{
    return make_with(ranks, (asc_slurm_spec){0});
}

static void drop(asc_executor *e)
{
    e->destroy(e);
    for (size_t i = 0; i < N; i++) {
        asc_free(jobs.job[i].dir);
        asc_free(jobs.job[i].id);
    }
}

static void expect_calls(const char *want)
{
    char *got = calls();
    assert_string_equal(got, want);
    asc_free(got);
}

static void slurm__arrays_stay_within_the_schedulers_size(void **state)
{
    put("room", "1000");
    asc_executor *e = make(1);
    size_t n = 0;
    asc_error err = {0};
    assert_int_equal(e->capacity, 5); /* MaxArraySize 6: tasks 0 to 5 would need 7 */
    if (e->start(e, jobs.list, jobs.launch, N, &n, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(n, N);
    expect_calls("5 taken\n--cpus-per-task=2\n5 taken\n--cpus-per-task=2\n5 taken\n--cpus-per-task=2\n"
                 "5 taken\n--cpus-per-task=2\n3 taken\n--cpus-per-task=2\n");
    assert_string_equal(jobs.job[0].id, "7_0");
    assert_string_equal(jobs.job[22].id, "7_2");
    drop(e);
}

static void slurm__a_refusal_for_now_is_no_failure(void **state)
{
    put("room", "8");
    asc_executor *e = make(1);
    size_t n = 0;
    asc_error err = {0};
    if (e->start(e, jobs.list, jobs.launch, N, &n, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(n, 8);
    expect_calls(
        "5 taken\n--cpus-per-task=2\n5 refused\n2 taken\n--cpus-per-task=2\n2 refused\n1 taken\n--cpus-per-task=2\n"
        "1 refused\n");
    assert_string_equal(e->why_refused, "sbatch: error: AssocMaxSubmitJobLimit");
    assert_null(jobs.job[8].id);
    if (e->start(e, jobs.list + 8, jobs.launch + 8, N - 8, &n, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(n, 0);
    asc_free(calls());
    drop(e);
}

static void slurm__another_refusal_is_a_failure(void **state)
{
    put("room", "0");
    put("refusal", "sbatch: error: invalid partition specified: gpu\nsbatch: error: …\n");
    asc_executor *e = make(1);
    size_t n = 0;
    asc_error err = {0};
    assert_int_equal(e->start(e, jobs.list, jobs.launch, 3, &n, &err), ASC_EIO);
    assert_non_null(strstr(err.msg, "invalid partition"));
    asc_free(calls());
    drop(e);
}

static void slurm__a_run_of_ranks_asks_for_tasks(void **state)
{
    put("room", "9");
    asc_executor *e = make(4);
    size_t n = 0;
    asc_error err = {0};
    assert_int_equal(e->start(e, jobs.list, jobs.launch, 1, &n, &err), ASC_OK);
    expect_calls("1 taken\n--ntasks=4\n--cpus-per-task=2\n");
    drop(e);
    char gpus[] = "gpu:2", nodes[] = "--nodes=2", *extra[] = {nodes}; /* each node's GPUs, in a study's own words */
    e = make_with(4, (asc_slurm_spec){.gres = gpus, .n_extra = 1, .extra = extra});
    assert_int_equal(e->start(e, jobs.list, jobs.launch, 1, &n, &err), ASC_OK);
    expect_calls("1 taken\n--ntasks=4\n--cpus-per-task=2\n--gres=gpu:2\n--nodes=2\n");
    drop(e);
}

static asc_job_state poll_forgotten(asc_job *job)
{
    asc_executor *e = make(1);
    jobs.job[0].id = asc_strdup("7_0");
    asc_job_state st = e->poll(e, &jobs.job[0]);
    *job = jobs.job[0];
    drop(e);
    return st;
}

/* What the controller forgot is asked of the accounts, only where there are any. */
static void slurm__accounts_tell_how_a_forgotten_job_ended(void **state)
{
    asc_job job;
    put("accounts", "FAILED|3:0\n");
    assert_int_equal(poll_forgotten(&job), ASC_JOB_LOST); /* no accounts here: not asked */
    put("config", "MaxArraySize = 6\nAccountingStorageType = accounting_storage/slurmdbd\n");
    assert_int_equal(poll_forgotten(&job), ASC_JOB_ENDED);
    assert_int_equal(job.exit_code, 3);
    put("accounts", "CANCELLED by 0|0:15\n");
    assert_int_equal(poll_forgotten(&job), ASC_JOB_LOST);
    put("accounts", "");
    assert_int_equal(poll_forgotten(&job), ASC_JOB_LOST);
}

/* A controller that does not answer says nothing about its jobs. */
static void slurm__no_answer_is_no_end(void **state)
{
    asc_job job;
    put("job", "Unable to contact slurm controller (connect failure)\n");
    assert_int_equal(poll_forgotten(&job), ASC_JOB_RUNNING);
    put("job", "JobId=7 JobState=TIMEOUT Reason=TimeLimit ExitCode=0:15 Restarts=0\n");
    put("job.code", "0");
    assert_int_equal(poll_forgotten(&job), ASC_JOB_LOST); /* goes on from its checkpoint */
    put("job", "JobId=7 JobState=FAILED Reason=NonZeroExitCode ExitCode=2:0 Restarts=0\n");
    assert_int_equal(poll_forgotten(&job), ASC_JOB_ENDED);
    assert_int_equal(job.exit_code, 2);
    script("squeue", "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1");
    assert_int_equal(poll_forgotten(&job), ASC_JOB_RUNNING);
}

/* A group is one job, which each of its runs finds again; it has ended when all of them have. */
static void slurm__a_group_is_found_by_each_of_its_runs(void **state)
{
    put("room", "9");
    asc_executor *e = make(1);
    size_t n = 0;
    asc_error err = {0};
    char *other[] = {jobs.job[5].dir, jobs.job[6].dir}, line[300];
    jobs.job[0].others = other;
    jobs.job[0].n_others = 2;
    assert_int_equal(e->start(e, jobs.list, jobs.launch, 2, &n, &err), ASC_OK);
    snprintf(line, sizeof line,
             "7|0|RUNNING|%s/study/slurm/batch-0/array.sh\n7|1|RUNNING|%s/study/slurm/batch-0/array.sh\n", work, work);
    put("queue", line);
    const size_t runs[] = {0, 5, 6, 1, 7};
    for (size_t i = 0; i < 5; i++) {
        asc_job *j = asc_job_create(runs[i], jobs.job[runs[i]].dir);
        assert_int_equal(e->find(e, j, &err), ASC_OK);
        if (runs[i] == 7)
            assert_null(j->id);
        else
            assert_string_equal(j->id, runs[i] == 1 ? "7_1" : "7_0");
        asc_job_free(j);
    }
    put("queue", "");
    put("job", "JobId=7 JobState=PREEMPTED ExitCode=0:15 Restarts=0\n");
    put("job.code", "0");
    for (size_t i = 0; i < 3; i++) {
        char *dir = jobs.job[(size_t[]){0, 5, 6}[i]].dir, *path = asc_path_join(dir, "result.json");
        assert_int_equal(e->poll(e, &jobs.job[0]), ASC_JOB_LOST);
        assert_int_equal(asc_mkdirs(dir, NULL), ASC_OK);
        assert_int_equal(asc_write_file(path, "{}", 2, NULL), ASC_OK);
        asc_free(path);
    }
    assert_int_equal(e->poll(e, &jobs.job[0]), ASC_JOB_ENDED);
    drop(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(slurm__arrays_stay_within_the_schedulers_size, set_up, tear_down),
        cmocka_unit_test_setup_teardown(slurm__a_refusal_for_now_is_no_failure, set_up, tear_down),
        cmocka_unit_test_setup_teardown(slurm__another_refusal_is_a_failure, set_up, tear_down),
        cmocka_unit_test_setup_teardown(slurm__a_run_of_ranks_asks_for_tasks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(slurm__a_group_is_found_by_each_of_its_runs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(slurm__accounts_tell_how_a_forgotten_job_ended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(slurm__no_answer_is_no_end, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
