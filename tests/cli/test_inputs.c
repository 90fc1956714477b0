/* Files of another kind than a command reads are named for what they are, with what to write instead. */
#include "test.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "table/table.h"

static const struct {
    const char *path, *text;
    asc_file_kind kind;
} files[] = {
    {"law.json", "{\"format\":\"autoscale law 1\",\"law\":\"dml\",\"laws\":[]}", ASC_FILE_LAW},
    {"indented.json", "{\n  \"objective\": \"mean\",\n  \"laws\": [\n  ]\n}", ASC_FILE_LAW},
    {"mix.json", "{\"weights\": {\"a\": 0.5, \"b\": 0.5}}", ASC_FILE_MIXTURE},
    {"phases.json", "{\"phases\": [{\"until\": .5, \"weights\": {\"a\": 1}}]}", ASC_FILE_MIXTURE},
    {"bare.json", "{\"a\": 0.5, \"b\": 0.5}", ASC_FILE_UNKNOWN}, /* a mixture, or a map of anything */
    {"rows.jsonl", "{\"weights\": {\"a\": 1}, \"tokens\": 5, \"loss\": {\"a\": 3}}\n", ASC_FILE_UNKNOWN},
    {"columns.json", "{\"weight_a\": [1, 0], \"loss_a\": [3, 4]}", ASC_FILE_UNKNOWN},
    {"runs.csv", "\xef\xbb\xbfrun,tokens,weight_a,loss_a\r\n1,5,1,3\r\n", ASC_FILE_TABLE},
    {"de.csv", "tokens;weight_a;loss_a\n5;1;3,5\n", ASC_FILE_TABLE},
    {"study.yaml", "# mine\nstudy: x\ndomains:\n  - {name: a, train: a}\n", ASC_FILE_STUDY},
    {"prose.txt", "these are tokens\nof prose, with a comma\n", ASC_FILE_UNKNOWN},
    {"empty", "", ASC_FILE_UNKNOWN},
};

static void make(const char *dir, const char *file)
{
    asc_error err = {0};
    char path[128];
    mkdir(dir, 0755);
    snprintf(path, sizeof path, "%s/%s", dir, file);
    assert_int_equal(asc_write_file(path, "{}", 2, &err), ASC_OK);
}

static int setup(void **state)
{
    static char dir[] = "/tmp/asc-inputs-XXXXXX";
    asc_error err = {0};
    if (!mkdtemp(dir) || chdir(dir) != 0)
        return -1;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        assert_int_equal(asc_write_file(files[i].path, files[i].text, strlen(files[i].text), &err), ASC_OK);
    make("study", "study.db");
    make("run", "run.json");
    make("checkpoint", "config.json");
    mkdir("folder", 0755);
    mkfifo("fifo", 0644);
    *state = dir;
    return 0;
}

static int teardown(void **state)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", (char *)*state);
    return chdir("/") == 0 ? system(command) : -1;
}

static void inputs__kinds_are_told_apart(void **state)
{
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (asc_file_kind_of(files[i].path) != files[i].kind)
            fail_msg("%s: %s", files[i].path, asc_file_kind_name(asc_file_kind_of(files[i].path)));
    assert_int_equal(asc_file_kind_of("study"), ASC_FILE_STUDY_FOLDER);
    assert_int_equal(asc_file_kind_of("run"), ASC_FILE_RUN_FOLDER);
    assert_int_equal(asc_file_kind_of("checkpoint"), ASC_FILE_CHECKPOINT);
    assert_int_equal(asc_file_kind_of("folder"), ASC_FILE_UNKNOWN);
    assert_int_equal(asc_file_kind_of("fifo"), ASC_FILE_UNKNOWN);
    assert_int_equal(asc_file_kind_of("nowhere"), ASC_FILE_UNKNOWN);
}

static const char *const reading[] = {"optimize", "what-if", "score", "fit",  "compare", "table", "predict",
                                      "design",   "export",  "run",   "plan", "status",  "eval",  "finetune"};
static const char *const one_of_each[] = {"law.json", "mix.json",   "runs.csv", "study.yaml",
                                          "study",    "checkpoint", "run"};

static void inputs__every_pair_is_answered(void **state)
{
    size_t read = 0;
    for (size_t i = 0; i < sizeof reading / sizeof *reading; i++)
        for (size_t k = 0; k < sizeof one_of_each / sizeof *one_of_each; k++) {
            const char *file = one_of_each[k], *name = asc_file_kind_name(asc_file_kind_of(file));
            asc_error err = {0};
            asc_status st = asc__cli_check_input(reading[i], 0, file, &err);
            read += st == ASC_OK;
            if (st == ASC_OK)
                continue;
            assert_int_equal(st, ASC_EINVAL);
            if (strncmp(err.msg, file, strlen(file)) != 0 || !strstr(err.msg, ": expected ") ||
                !strstr(err.msg, name) || !strstr(err.msg, "; "))
                fail_msg("%s", err.msg);
        }
    assert_int_equal(read, 16); /* one each, but design reads three */
}

static void says(const char *command, size_t place, const char *file, const char *expected)
{
    asc_error err = {0};
    asc__cli_check_input(command, place, file, &err);
    if (strcmp(err.msg, expected) != 0)
        fail_msg("'%s' instead of '%s'", err.msg, expected);
}

static void inputs__advice_names_the_file(void **state)
{
    says("export", 0, "law.json",
         "law.json: expected a mixture (MIX.json), found a law; `autoscale optimize law.json --tokens N -o mix.json` "
         "finds one");
    says("export", 0, "study",
         "study: expected a mixture (MIX.json), found a study's folder; its mixture is study/mixture.json");
    says("eval", 0, "run", "run: expected a checkpoint, found the folder of a run; its checkpoint is run/checkpoint");
    says("score", 1, "law.json",
         "law.json: expected a table of runs, found a law; `autoscale optimize law.json --tokens N` reads it");
    says("score", 1, "runs.csv", "");
    says("optimize", 0, "bare.json", "");
    says("run", 0, "nowhere.yaml", "");
}

static void inputs__a_mixture_file_says_what_else_it_is(void **state)
{
    asc_mix_file m = {0};
    asc_error err = {0};
    assert_int_equal(asc_mix_file_read(&m, "law.json", &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "law.json: expected a mixture, found a law; `autoscale optimize law.json"));
    assert_int_equal(asc_mix_file_read(&m, "runs.csv", &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "runs.csv: expected a mixture ({domain: share} in JSON), found a table"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inputs__kinds_are_told_apart),
        cmocka_unit_test(inputs__every_pair_is_answered),
        cmocka_unit_test(inputs__advice_names_the_file),
        cmocka_unit_test(inputs__a_mixture_file_says_what_else_it_is),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
