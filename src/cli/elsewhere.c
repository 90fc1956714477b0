/* An option that a command does not have. Where another command has it, the message says what to write here: another
 * option, a file without an option, a key of the study file, or that command. */
#include <string.h>

#include "cli.h"

/* ---- what to write in its place ---- */

typedef struct instead {
    const char *options, *commands; /* words */
    const char *write;              /* {}: the value */
} instead;

/* The first that fits counts. Everything else: a key of the study file, or the command that has the option. */
static const instead table[] = {
    {"dir data run", "status report", "`autoscale % {}`"},
    {"watch every metrics", "run plan demo report", "`autoscale status DIR --*` in another terminal"},
    {"dir run", "export", "`autoscale export {}/mixture.json --to TRAINER`"},
    {"dir run", "eval finetune", "`autoscale % {}/checkpoint`"},
    {"init", "eval finetune", "`autoscale % {}`"},
    {"dir", "fit compare table design score", "`autoscale % {}/runs.csv`, the table that a study leaves in its folder"},
    {"dir", "optimize what-if", "`autoscale fit {}/runs.csv -o law.json`, then `autoscale % law.json`"},
    {"dir", "demo tokenize train merge", "`--out {}`"},
    {"out", "run plan", "`--dir {}`"},
    {"out", "status what-if compare score version", "`autoscale % --json >{}`"},
    {"law", "optimize what-if score", "`autoscale % {}`, or choose a law with `autoscale fit TABLE.csv --law NAME`"},
    {"mix", "export", "`autoscale export {} --to TRAINER`"},
    {"mix", "run plan", "`target: {against: [{}]}` in the study file"},
    {"data", "run plan", "`domains: [{name: NAME, train: {}}]` in the study file"},
    {"data text", "tokenize contamination", "`autoscale % NAME={}`"},
    {"text", "demo", "`--data {}`"},
    {"tasks", "run plan", "`tasks: {eval: {}}` in the study file"},
    {"tasks-dir", "run plan", "`tasks: {dir: {}}` in the study file"},
    {"valid-tokens", "run plan", "`validation: {tokens: {}}` in the study file"},
    {"continue", "run demo", "the same command again: it resumes"},
    {"set", "optimize design report", "`--min` and `--max` of the same NAME=SHARE"},
    {"max-epochs", "what-if", "`--available NAME=TOKENS:{}`"},
    {"epochs", "optimize predict design report", "`--max-epochs {}`"},
    {"max-epochs", "finetune", "`--epochs {}`"},
    {"for", "optimize what-if predict report", "`--tokens {}`"},
    {"for-params", "optimize what-if report", "`--params {}`"},
    {"jobs", "report tokenize train eval finetune fit optimize design compare bench", "`--threads {}`"},
    {"seed", "finetune", "`--first-seed {}`"},
    {"batch", "train", "`--batch-tokens N`, in tokens"},
    {"batch-tokens", "finetune", "`--batch N`, in examples"},
};

/* Commands in the order in which one is named for an option that it has. */
static const char *const likely[] = {"optimize", "fit",      "export", "run",   "design",  "what-if", "train",
                                     "eval",     "finetune", "demo",   "table", "compare", "status",  NULL};

/* Sections of the study file in the order in which a key is looked up. */
static const char *const sections[] = {"",        "training",  "model", "target", "mixture",
                                       "domains", "tokenizer", "run",   NULL};

bool asc__cli_among(const char *word, const char *words)
{
    size_t n = strlen(word);
    for (const char *p = words; (p = strstr(p, word)); p += n)
        if ((p == words || p[-1] == ' ') && (p[n] == ' ' || p[n] == 0))
            return true;
    return false;
}

void asc__cli_fill_in(asc_buf *b, const char *write, const char *command, const char *option, const char *value)
{
    for (; *write; write++) {
        if (*write == '%')
            asc_buf_puts(b, command);
        else if (*write == '*')
            asc_buf_puts(b, option);
        else if (write[0] == '{' && write[1] == '}') {
            asc_buf_puts(b, value);
            write++;
        } else
            asc_buf_putc(b, *write);
    }
}

/* ---- the study file ---- */

static const asc_setting *setting_of_option(const char *option)
{
    char key[64];
    for (size_t i = 0; i < asc_n_settings(); i++) {
        const asc_setting *s = asc_setting_at(i);
        if (s->section && s->option && strcmp(s->option, option) == 0)
            return s;
    }
    snprintf(key, sizeof key, "%s", option);
    for (char *p = key; *p; p++)
        *p = *p == '-' ? '_' : *p;
    for (size_t i = 0; sections[i]; i++) {
        const asc_setting *s = asc_setting_find(sections[i], key);
        if (s && s->section)
            return s;
    }
    return NULL;
}

static bool put_setting(asc_buf *b, bool demo, const char *option, const char *value)
{
    const asc_setting *s = setting_of_option(option);
    if (!s)
        return false;
    if (!*s->section)
        asc_buf_printf(b, "`%s: %s`", s->key, value);
    else if (strcmp(s->section, "domains") == 0)
        asc_buf_printf(b, "`domains: [{…, %s: %s}]`", s->key, value);
    else
        asc_buf_printf(b, "`%s: {%s: %s}`", s->section, s->key, value);
    asc_buf_puts(b, demo ? " in DIR/study.yaml, which the demo wrote, then `autoscale run DIR/study.yaml --dir DIR`"
                         : " in the study file");
    return true;
}

/* ---- other commands ---- */

static bool has(const asc_cli_command *c, const char *option, asc_cli_option *out)
{
    for (size_t i = 0; i < asc__cli_n_options(c); i++) {
        *out = asc__cli_option_at(c, i);
        if (strcmp(out->name, option) == 0)
            return true;
    }
    return false;
}

static const asc_cli_command *command_named(const char *name)
{
    for (size_t i = 0; asc__cli_commands[i]; i++)
        if (strcmp(asc__cli_commands[i]->name, name) == 0)
            return asc__cli_commands[i];
    return NULL;
}

static const asc_cli_command *first_with(const char *option, asc_cli_option *out)
{
    for (size_t k = 0; likely[k]; k++)
        if (has(command_named(likely[k]), option, out))
            return command_named(likely[k]);
    for (size_t i = 0; asc__cli_commands[i]; i++)
        if (!asc__cli_commands[i]->hidden && has(asc__cli_commands[i], option, out))
            return asc__cli_commands[i];
    return NULL;
}

/* "an option of export: `autoscale export MIX.json --to megatron`" */
static void put_command(asc_buf *b, const asc_cli_command *owner, const char *option, const char *value)
{
    const char *rest = strstr(owner->usage, " [options]");
    int n = (int)(rest ? (size_t)(rest - owner->usage) : strlen(owner->usage));
    asc_buf_printf(b, "`autoscale %s %.*s", owner->name, n, owner->usage);
    char *shown = asc_strf("--%s ", option);
    if (!shown)
        b->oom = true;
    else if (!strstr(owner->usage, shown))
        asc_buf_printf(b, " --%s%s%s", option, *value ? " " : "", value);
    asc_buf_putc(b, '`');
    asc_free(shown);
}

/* "--seeds" where there is --seed, and the other way round. */
static bool but_for_an_s(char name[72], const asc_cli_command *c, const char *option)
{
    asc_cli_option o;
    size_t n = strlen(option);
    snprintf(name, 72, "%ss", option);
    if (has(c, name, &o))
        return true;
    snprintf(name, 72, "%.*s", (int)(n ? n - 1 : 0), option);
    return n > 1 && option[n - 1] == 's' && has(c, name, &o);
}

static void put_instead(asc_buf *b, const asc_cli_command *c, const asc_cli_command *owner, const char *option,
                        const char *value)
{
    char near[72];
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (asc__cli_among(option, table[i].options) && asc__cli_among(c->name, table[i].commands)) {
            asc__cli_fill_in(b, table[i].write, c->name, option, value);
            return;
        }
    if (but_for_an_s(near, c, option))
        asc_buf_printf(b, "`--%s %s`", near, value);
    else if (!(asc__cli_among(c->name, "run plan demo") &&
               put_setting(b, asc__cli_among(c->name, "demo"), option, *value ? value : "true")))
        put_command(b, owner, option, value);
}

/* The long name of -x where another command has it. */
static const char *name_of_letter(char letter)
{
    for (size_t k = 0; likely[k]; k++) {
        const asc_cli_command *c = command_named(likely[k]);
        for (size_t i = 0; letter && i < asc__cli_n_options(c); i++)
            if (asc__cli_option_at(c, i).letter == letter)
                return asc__cli_option_at(c, i).name;
    }
    return NULL;
}

asc_status asc__cli_elsewhere(const asc_cli_command *c, const char *arg, const char *next, asc_error *err)
{
    char name[64];
    asc_cli_option o;
    bool long_form = arg[1] == '-';
    const char *eq = long_form ? strchr(arg, '=') : NULL, *letter = long_form ? NULL : name_of_letter(arg[1]);
    snprintf(name, sizeof name, "%.*s", (int)(eq ? (size_t)(eq - arg) : strlen(arg)) - 2, arg + 2);
    if (!long_form)
        snprintf(name, sizeof name, "%s", letter ? letter : "");
    if (strcmp(name, "output") == 0)
        snprintf(name, sizeof name, "out");
    const asc_cli_command *owner = first_with(name, &o);
    if (!owner)
        return ASC_OK;
    bool given = long_form ? eq != NULL : arg[2] != 0;
    const char *value = !o.value ? "" : eq ? eq + 1 : given ? arg + 2 : next && *next != '-' ? next : o.value;
    asc_buf b = {0};
    put_instead(&b, c, owner, name, value);
    asc_status st =
        b.oom ? ASC_NOMEM(err) : ASC_FAIL(err, ASC_EINVAL, "%s: unknown option --%s; write %s", c->name, name, b.data);
    asc_buf_clear(&b);
    return st;
}
