/* An option that another command has is answered with what to write here, for every pair of command and option. */
#include "test.h"

#include <string.h>

#include "cli.h"

static const asc_cli_command *command_named(const char *name, size_t n)
{
    for (size_t i = 0; asc__cli_commands[i]; i++)
        if (strlen(asc__cli_commands[i]->name) == n && strncmp(asc__cli_commands[i]->name, name, n) == 0)
            return asc__cli_commands[i];
    return NULL;
}

static bool has(const asc_cli_command *c, const char *option, size_t n)
{
    for (size_t i = 0; i < asc__cli_n_options(c); i++) {
        const char *name = asc__cli_option_at(c, i).name;
        if (strlen(name) == n && strncmp(name, option, n) == 0)
            return true;
    }
    return false;
}

/* Every --option of `…` belongs to the command that it is to be given to. */
static void check_advice(const asc_cli_command *c, const char *said)
{
    const char *p = strchr(said, '`');
    for (; p; p = strchr(p, '`')) {
        const asc_cli_command *to = c;
        const char *end = strchr(++p, '`');
        assert_non_null(end);
        if (strncmp(p, "autoscale ", 10) == 0)
            to = command_named(p + 10, strcspn(p + 10, " `"));
        if (!to)
            fail_msg("no such command: %s", said);
        for (const char *o = p; (o = strstr(o, "--")) && o < end; o += 2)
            if (!has(to, o + 2, strspn(o + 2, "abcdefghijklmnopqrstuvwxyz-0123456789")))
                fail_msg("%s has no such option: %s", to->name, said);
        p = end + 1;
    }
    if (strstr(said, "study file"))
        assert_true(strcmp(c->name, "run") == 0 || strcmp(c->name, "plan") == 0);
}

static void elsewhere__every_pair_is_answered(void **state)
{
    size_t n = 0;
    for (size_t i = 0; asc__cli_commands[i]; i++)
        for (size_t k = 0; asc__cli_commands[k]; k++)
            for (size_t j = 0; j < asc__cli_n_options(asc__cli_commands[k]); j++) {
                const asc_cli_command *c = asc__cli_commands[i];
                const char *name = asc__cli_option_at(asc__cli_commands[k], j).name;
                asc_error err = {0};
                char arg[64], expected[128];
                if (c->hidden || asc__cli_commands[k]->hidden || has(c, name, strlen(name)))
                    continue;
                snprintf(arg, sizeof arg, "--%s", name);
                snprintf(expected, sizeof expected, "%s: unknown option --%s; write ", c->name, name);
                assert_int_equal(asc__cli_elsewhere(c, arg, "X", &err), ASC_EINVAL);
                if (strncmp(err.msg, expected, strlen(expected)) != 0)
                    fail_msg("'%s' instead of '%s'", err.msg, expected);
                check_advice(c, err.msg + strlen(expected));
                n++;
            }
    assert_true(n > 1500);
}

static void says(const char *command, const char *arg, const char *next, const char *expected)
{
    asc_error err = {0};
    assert_int_equal(asc__cli_elsewhere(command_named(command, strlen(command)), arg, next, &err), ASC_EINVAL);
    if (!strstr(err.msg, expected))
        fail_msg("'%s' instead of '%s'", err.msg, expected);
}

static void elsewhere__values_stand_where_they_belong(void **state)
{
    says("status", "--dir", "X", "unknown option --dir; write `autoscale status X`");
    says("status", "--dir=my study", NULL, "write `autoscale status my study`");
    says("status", "-d", "X", "unknown option --dir; write `autoscale status X`");
    says("status", "-dX", NULL, "write `autoscale status X`");
    says("status", "--dir", NULL, "write `autoscale status DIR`");
    says("status", "--dir", "--json", "write `autoscale status DIR`");
    says("report", "--dir", "X", "write `autoscale report X`");
    says("export", "--dir", "X", "write `autoscale export X/mixture.json --to TRAINER`");
    says("run", "--output", "X", "write `--dir X`");
    says("run", "--watch", "study.yaml", "write `autoscale status DIR --watch`");
    says("run", "--lr", "1e-3", "write `training: {lr: 1e-3}` in the study file");
    says("run", "--max-epochs", "4", "write `domains: [{…, max_epochs: 4}]` in the study file");
    says("plan", "--tokens", "1e9", "write `target: {tokens: 1e9}` in the study file");
    says("plan", "--objective", "worst", "write `objective: worst` in the study file");
    says("plan", "--recompute", "study.yaml", "write `model: {recompute: true}` in the study file");
    says("fit", "--tokens", "1e9", "write `autoscale optimize LAW.json --tokens N`");
    says("optimize", "--to", "nemo", "write `autoscale export MIX.json --to TRAINER`");
    says("optimize", "--mix", "uniform", "write `autoscale what-if LAW.json --tokens N --mix A [--mix B …]`");
    says("what-if", "--law", "law.json", "write `autoscale what-if law.json`");
    says("demo", "--lr", "1e-3", "write `training: {lr: 1e-3}` in DIR/study.yaml, which the demo wrote");
    says("eval", "--lr", "1e-3", "write `autoscale train ");
    says("fit", "--seeds", "3", "write `--seed 3`");
    says("compare", "-o", "c.json", "write `autoscale compare --json >c.json`");
}

static void elsewhere__what_no_command_has_is_left_alone(void **state)
{
    asc_error err = {0};
    assert_int_equal(asc__cli_elsewhere(asc__cli_commands[0], "--nonsense", "X", &err), ASC_OK);
    assert_int_equal(asc__cli_elsewhere(asc__cli_commands[0], "-Z", NULL, &err), ASC_OK);
    assert_int_equal(asc__cli_elsewhere(asc__cli_commands[0], "-", NULL, &err), ASC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elsewhere__every_pair_is_answered),
        cmocka_unit_test(elsewhere__values_stand_where_they_belong),
        cmocka_unit_test(elsewhere__what_no_command_has_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
