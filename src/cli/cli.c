/* Parsing of arguments, help, dispatch, exit codes, progress: the frame around every subcommand. */
#include "cli.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store.h"

enum { MAX_OPTIONS = 64 };

struct asc_cli_args {
    const asc_cli_command *command;
    const char *values[MAX_OPTIONS]; /* by index in the options of the command, then the common ones */
    const char **given;              /* every value in the order of the command line .. */
    size_t *given_to;                /* .. and the index of its option */
    size_t n_given;
    const char **files;
    size_t n_files;
    double last_print_s;
    bool bar_open;
};

static const asc_cli_option common_options[] = {
    {"json", 0, NULL, "print one JSON object on stdout and nothing else"},
    {"quiet", 'q', NULL, "no progress output on stderr"},
    {"help", 'h', NULL, "show this help"},
    {0},
};

/* ---- options ---- */

static size_t n_own_options(const asc_cli_option *o)
{
    size_t n = 0;
    while (o && o[n].name)
        n++;
    return n;
}

/* What stands after the option of a setting in --help: none after a switch. */
static const char *value_of(const asc_setting *s)
{
    switch (s->kind) {
    case ASC_SET_BOOL:
    case ASC_SET_NOT:
        return NULL;
    case ASC_SET_WORD:
        return "NAME";
    case ASC_SET_TIME:
        return "TIME";
    case ASC_SET_REAL:
        return "F";
    case ASC_SET_TEXT:
        return "TEXT";
    default:
        return "N";
    }
}

static size_t n_setting_options(const asc_cli_command *c)
{
    size_t n = 0;
    for (size_t i = 0; c->settings && i < asc_n_settings(); i++)
        n += asc_setting_at(i)->option != NULL;
    return n;
}

static asc_cli_option setting_option(size_t k)
{
    size_t i = 0;
    while (!asc_setting_at(i)->option || k-- > 0)
        i++;
    const asc_setting *s = asc_setting_at(i);
    char letter = strcmp(s->option, "seed") == 0 ? 's' : 0;
    const char *fallback = asc_setting_default(s, true);
    return (asc_cli_option){s->option, letter, value_of(s), s->help, value_of(s) ? fallback : NULL, s->words};
}

asc_cli_option asc__cli_option_at(const asc_cli_command *c, size_t i)
{
    size_t own = n_own_options(c->options), settings = n_setting_options(c);
    if (i < own)
        return c->options[i];
    return i < own + settings ? setting_option(i - own) : common_options[i - own - settings];
}

size_t asc__cli_n_options(const asc_cli_command *c)
{
    return n_own_options(c->options) + n_setting_options(c) + n_own_options(common_options);
}

const char *asc__cli_word_at(const asc_cli_option *o, size_t i)
{
    size_t k = 0;
    if (o->word_at)
        return o->word_at(i);
    while (o->words && o->words[k] && k < i)
        k++;
    return o->words ? o->words[k] : NULL;
}

/* --output is --out, wherever there is one. */
static size_t find_option(const asc_cli_command *c, const char *name, size_t len, char letter)
{
    size_t n = asc__cli_n_options(c);
    if (name && len == strlen("output") && strncmp(name, "output", len) == 0)
        len = strlen("out");
    for (size_t i = 0; i < n; i++) {
        asc_cli_option o = asc__cli_option_at(c, i);
        bool found = name ? strlen(o.name) == len && strncmp(o.name, name, len) == 0 : o.letter && o.letter == letter;
        if (found)
            return i;
    }
    return n;
}

const char *asc__cli_get(const asc_cli_args *a, const char *name)
{
    size_t i = find_option(a->command, name, strlen(name), 0);
    return i < asc__cli_n_options(a->command) ? a->values[i] : NULL;
}

bool asc__cli_has(const asc_cli_args *a, const char *name)
{
    return asc__cli_get(a, name) != NULL;
}

const char *asc__cli_nth(const asc_cli_args *a, const char *name, size_t k)
{
    size_t option = find_option(a->command, name, strlen(name), 0);
    for (size_t i = 0; i < a->n_given; i++)
        if (a->given_to[i] == option && k-- == 0)
            return a->given[i];
    return NULL;
}

size_t asc__cli_n_files(const asc_cli_args *a)
{
    return a->n_files;
}

const char *asc__cli_file(const asc_cli_args *a, size_t i)
{
    return i < a->n_files ? a->files[i] : NULL;
}

bool asc__cli_json(const asc_cli_args *a)
{
    return asc__cli_has(a, "json");
}

bool asc__cli_quiet(const asc_cli_args *a)
{
    return asc__cli_has(a, "quiet");
}

asc_status asc__cli_double(const asc_cli_args *a, const char *name, double *out, asc_error *err)
{
    const char *s = asc__cli_get(a, name);
    if (s && !asc_parse_quantity(s, out))
        return ASC_FAIL(err, ASC_EINVAL, "--%s: expected a number (1.2e9, 5B, 50%%), found '%s'", name, s);
    return ASC_OK;
}

asc_status asc__cli_count(const asc_cli_args *a, const char *name, int64_t *out, asc_error *err)
{
    const char *s = asc__cli_get(a, name);
    double x = 0;
    if (s && !(asc_parse_quantity(s, &x) && x >= 0 && x <= 1e15 && x == floor(x)))
        return ASC_FAIL(err, ASC_EINVAL, "--%s: expected a whole number from 0 to 1e15 (also 1e9 or 5B), found '%s'",
                        name, s);
    if (s)
        *out = (int64_t)x;
    return ASC_OK;
}

asc_status asc__cli_settings(asc_run_spec *run, const asc_cli_args *a, asc_error *err)
{
    asc_error why = {0};
    for (size_t i = 0; i < asc_n_settings(); i++) {
        const asc_setting *s = asc_setting_at(i);
        const char *text = s->option ? asc__cli_get(a, s->option) : NULL;
        if (!text)
            continue;
        asc_status st = asc_setting_parse((char *)run + s->in_run, s, value_of(s) ? text : "true", &why);
        if (st != ASC_OK)
            return ASC_FAIL(err, st, "--%s: %s", s->option, why.msg);
    }
    return ASC_OK;
}

static asc_status unknown_option(const asc_cli_command *c, const char *arg, asc_error *err)
{
    const char *names[MAX_OPTIONS];
    size_t n = asc__cli_n_options(c);
    for (size_t i = 0; i < n; i++)
        names[i] = asc__cli_option_at(c, i).name;
    const char *near = strncmp(arg, "--", 2) == 0 ? asc_nearest_name(arg + 2, names, n) : NULL;
    if (near)
        return ASC_FAIL(err, ASC_EINVAL, "%s: unknown option %s; did you mean --%s?", c->name, arg, near);
    return ASC_FAIL(err, ASC_EINVAL, "%s: unknown option %s; `autoscale %s --help` lists them", c->name, arg, c->name);
}

/* A result that cannot be written is known before it is computed. */
static asc_status check_output(const asc_cli_option *o, const char *path, asc_error *err)
{
    if (strcmp(path, "-") == 0)
        return ASC_OK;
    if (asc_path_is_dir(path))
        return ASC_FAIL(err, ASC_EINVAL, "--%s: %s: expected a file, found a folder", o->name, path);
    char *dir = asc_path_dir(path);
    if (!dir)
        return ASC_NOMEM(err);
    asc_status st = ASC_OK;
    if (!asc_path_is_dir(dir))
        st = ASC_FAIL(err, ASC_EINVAL, "--%s: %s: no folder %s", o->name, path, dir);
    else if (access(asc_path_exists(path) ? path : dir, W_OK) != 0)
        st = ASC_FAIL(err, ASC_EINVAL, "--%s: %s: cannot be written: %s", o->name, path, strerror(errno));
    asc_free(dir);
    return st;
}

static asc_status check_outputs(const asc_cli_args *a, asc_error *err)
{
    const asc_cli_option *o = a->command->options;
    for (size_t i = 0; o && o[i].name; i++)
        if (strcmp(o[i].name, "out") == 0 && a->values[i] && strcmp(o[i].value, "DIR") != 0)
            ASC_TRY(check_output(&o[i], a->values[i], err));
    return ASC_OK;
}

static asc_status parse(asc_cli_args *a, int argc, char **argv, asc_error *err)
{
    const asc_cli_command *c = a->command;
    bool only_files = false;
    for (int i = 0; i < argc; i++) {
        const char *arg = argv[i];
        if (only_files || arg[0] != '-' || arg[1] == 0) {
            a->files[a->n_files++] = arg;
            continue;
        }
        if (strcmp(arg, "--") == 0) {
            only_files = true;
            continue;
        }
        bool long_form = arg[1] == '-';
        const char *eq = long_form ? strchr(arg, '=') : NULL;
        size_t len = eq ? (size_t)(eq - arg - 2) : strlen(arg) - (long_form ? 2 : 1);
        size_t k = find_option(c, long_form ? arg + 2 : NULL, len, arg[1]);
        if (k == asc__cli_n_options(c))
            ASC_TRY(asc__cli_elsewhere(c, arg, i + 1 < argc ? argv[i + 1] : NULL, err));
        if (k == asc__cli_n_options(c) || (!long_form && len > 1 && !asc__cli_option_at(c, k).value))
            return unknown_option(c, arg, err);
        const asc_cli_option option = asc__cli_option_at(c, k), *o = &option;
        if (!o->value) {
            if (eq)
                return ASC_FAIL(err, ASC_EINVAL, "%s: --%s takes no value", c->name, o->name);
            a->values[k] = "";
        } else if (eq)
            a->values[k] = eq + 1;
        else if (!long_form && len > 1)
            a->values[k] = arg + 2;
        else if (i + 1 < argc)
            a->values[k] = argv[++i];
        else
            return ASC_FAIL(err, ASC_EINVAL, "%s: --%s needs a value (%s)", c->name, o->name, o->value);
        if (o->value && !a->values[k][0]) /* mostly a variable of a shell that is not set */
            return ASC_FAIL(err, ASC_EINVAL, "%s: --%s is empty, expected %s", c->name, o->name, o->value);
        a->given_to[a->n_given] = k;
        a->given[a->n_given++] = a->values[k];
    }
    if (asc__cli_has(a, "help"))
        return ASC_OK;
    if (a->n_files < c->min_files)
        return ASC_FAIL(err, ASC_EINVAL, "usage: autoscale %s %s", c->name, c->usage);
    if (a->n_files > c->max_files)
        return ASC_FAIL(err, ASC_EINVAL, "%s: unexpected '%s'; usage: autoscale %s %s", c->name, a->files[c->max_files],
                        c->name, c->usage);
    for (size_t i = 0; i < a->n_files; i++)
        ASC_TRY(asc__cli_check_input(c->name, i, a->files[i], err));
    return check_outputs(a, err);
}

/* ---- help ---- */

/* ": cosine, linear or wsd (default: cosine)", and the end of the line. */
static void print_choices(const asc_cli_option *o, bool listed)
{
    const char *word;
    for (size_t i = 0; !listed && (word = asc__cli_word_at(o, i)); i++)
        printf("%s%s", i == 0 ? ": " : asc__cli_word_at(o, i + 1) ? ", " : " or ", word);
    if (o->fallback)
        printf(o->fallback[0] == '(' ? " (default: %s\n" : " (default: %s)\n", o->fallback + (o->fallback[0] == '('));
    else
        putchar('\n');
}

static void print_help(const asc_cli_command *c)
{
    printf("autoscale %s %s\n  %s\n\n", c->name, c->usage, c->summary);
    for (size_t i = 0; i < asc__cli_n_options(c); i++) {
        asc_cli_option o = asc__cli_option_at(c, i);
        char left[64], twin[8] = "";
        if (o.letter)
            snprintf(twin, sizeof twin, "-%c, ", o.letter);
        snprintf(left, sizeof left, "%s--%s%s%s", twin, o.name, o.value ? " " : "", o.value ? o.value : "");
        printf("  %-28s %s", left, o.help);
        print_choices(&o, c->list.title && o.word_at);
    }
    const char *name, *help;
    if (c->list.title)
        printf("\n%s:\n", c->list.title);
    for (size_t i = 0; c->list.title && c->list.at(i, &name, &help); i++)
        printf("  %-18s %s\n", name, help);
}

static void print_commands(FILE *f)
{
    fprintf(f, "autoscale %s: how much of each data domain to train on at a budget\n\n", ASC_VERSION);
    for (size_t i = 0; asc__cli_commands[i]; i++)
        if (!asc__cli_commands[i]->hidden)
            fprintf(f, "  %-14s %s\n", asc__cli_commands[i]->name, asc__cli_commands[i]->summary);
    fprintf(f, "\n`autoscale COMMAND --help` lists its options. Start with `autoscale demo`.\n");
}

/* ---- output ---- */

asc_status asc__cli_print_json(const json_t *j, asc_error *err)
{
    char *text = NULL;
    ASC_TRY(asc_json_print(&text, j, 2, err));
    size_t n = strlen(text);
    text[n] = '\n'; /* in place of its end */
    asc_status st = asc__cli_data(text, n + 1, err);
    asc_free(text);
    return st;
}

asc_status asc__cli_give(bool *shown, const asc_cli_args *a, const json_t *j, asc_error *err)
{
    const char *path = asc__cli_get(a, "out");
    bool to_stdout = path && strcmp(path, "-") == 0;
    if (path && !to_stdout)
        ASC_TRY(asc_json_write(path, j, 2, err));
    *shown = to_stdout || asc__cli_json(a);
    return *shown ? asc__cli_print_json(j, err) : ASC_OK;
}

int asc__cli_columns(const char *name)
{
    int n = 0;
    for (; *name; name++)
        n += ((unsigned char)*name & 0xc0) != 0x80;
    return n;
}

void asc__cli_print_name(const char *name, int width)
{
    for (const unsigned char *p = (const unsigned char *)name; *p; p++)
        putchar(*p < 0x20 || *p == 0x7f ? '?' : *p);
    for (int shown = asc__cli_columns(name); shown < width; shown++)
        putchar(' ');
}

bool asc__cli_colour(void)
{
    const char *no = getenv("NO_COLOR");
    return isatty(STDOUT_FILENO) && !(no && *no);
}

static asc_cli_args *bar_owner;

/* Fewer parts than this (laws that are compared, say) differ too much among each other for a rate or a time left. */
enum { COARSE = 50 };

/* What has been told of one piece of work. "runs 3/40" and "runs 4/40" are one: its name ends where the first number
 * begins. */
typedef struct told {
    char what[64];
    size_t n_name;
    double start_s, start_done; /* what was done before it was first heard of is no part of its speed */
    double last_done;
    char shown[24]; /* the amount on its last line, "" before one */
    bool ended;     /* that line was the last */
} told;

static void begin(told *t, const char *what, size_t n_name, double now, double done)
{
    *t = (told){.n_name = n_name, .start_s = now, .start_done = done};
    snprintf(t->what, sizeof t->what, "%s", what);
}

/* Is this amount worth a line? A bar moves ten times per second; plain lines come every five seconds, at once only
 * where a second without any went before, and never twice with the same amount: what stands still is silent. */
static bool worth_a_line(const told *t, const asc_cli_args *a, double now, const char *amount, bool finished)
{
    double quiet_s = now - a->last_print_s;
    bool moved = strcmp(amount, t->shown) != 0;
    if (isatty(STDERR_FILENO))
        return finished ? moved || !t->ended : quiet_s >= .1;
    if (!moved)
        return false;
    return *t->shown ? finished || quiet_s >= 5 : quiet_s >= 1;
}

/* ", 3.2k/s, 1m12s left" as far as that is known; none before anything was done: "0/s" says nothing. */
static void speed(char *buf, size_t size, const told *t, double now, double done, double total,
                  char *(*format)(double, char *))
{
    double rate = now > t->start_s ? (done - t->start_done) / (now - t->start_s) : 0;
    char per_second[24], left[24];
    buf[0] = 0;
    if (rate > 0 && !(total > 0 && total < COARSE))
        snprintf(buf, size, total > done ? ", %s/s, %s left" : ", %s/s", format(rate, per_second),
                 asc_format_duration((total - done) / rate, left));
}

void asc__cli_progress(void *args, const char *what, double done, double total, const char *unit)
{
    static told t;
    asc_cli_args *a = args;
    char d[24], of[32] = "", how[80];
    if (asc__cli_quiet(a))
        return;
    double now = asc_now_s();
    size_t n_name = strcspn(what, "0123456789"), most = n_name < sizeof t.what ? n_name : sizeof t.what - 1;
    if (strncmp(t.what, what, most) != 0 || t.n_name != n_name || done < t.last_done)
        begin(&t, what, n_name, now, done);
    t.last_done = done;
    bool finished = total > 0 && done >= total, terminal = isatty(STDERR_FILENO);
    char *(*format)(double, char *) = strcmp(unit, "bytes") == 0 ? asc_format_si : asc_format_count;
    format(done, d);
    if (!worth_a_line(&t, a, now, d, finished))
        return;
    if (total > 0) {
        char whole[24];
        snprintf(of, sizeof of, " of %s", format(total, whole));
    }
    speed(how, sizeof how, &t, now, done, total, format);
    fprintf(stderr, "%s%s: %s%s %s%s%s", terminal ? "\r\033[K" : "", what, d, of, unit, how, terminal ? "" : "\n");
    snprintf(t.shown, sizeof t.shown, "%s", d);
    t.ended = finished;
    a->last_print_s = now;
    a->bar_open = terminal;
    bar_owner = a;
}

void asc__cli_progress_end(void)
{
    if (bar_owner && bar_owner->bar_open) {
        fputc('\n', stderr);
        bar_owner->bar_open = false;
    }
}

/* ---- dispatch ---- */

static int exit_code(asc_status st)
{
    if (st == ASC_OK)
        return 0;
    if (st == ASC_EINTR)
        return 130;
    return st == ASC_EINVAL || st == ASC_EMISSING ? 2 : 1;
}

/* For tests of the whole command; see asc_fault_arm_from_env. */
static asc_status arm_faults(const asc_cli_command *c, asc_error *err)
{
    if (!getenv("AUTOSCALE_FAULT"))
        return ASC_OK;
    ASC_TRY(asc_store_use_faults(err)); /* before anything counts */
    asc_fault_arm_from_env(c->name);
    return ASC_OK;
}

static int run_command(const asc_cli_command *c, int argc, char **argv)
{
    char faults[80];
    asc_error err = {0};
    asc_cli_args a = {.command = c};
    asc_status st = arm_faults(c, &err);
    a.files = asc_calloc((size_t)argc + 1, sizeof *a.files);
    a.given = asc_calloc((size_t)argc + 1, sizeof *a.given);
    a.given_to = asc_calloc((size_t)argc + 1, sizeof *a.given_to);
    if (st == ASC_OK)
        st = a.files && a.given && a.given_to ? parse(&a, argc, argv, &err) : ASC_NOMEM(&err);
    if (st == ASC_OK && asc__cli_has(&a, "help"))
        print_help(c);
    else if (st == ASC_OK)
        st = c->run(&a, &err);
    asc__cli_progress_end();
    if (st == ASC_OK && fflush(stdout) != 0)
        st = ASC_FAIL(&err, ASC_EIO, "standard output: cannot write: %s", strerror(errno));
    if (st != ASC_OK)
        fprintf(stderr, "autoscale: %s\n", err.msg[0] ? asc_text_printable(err.msg, false) : "failed");
    if (*asc_fault_report(faults, sizeof faults))
        fprintf(stderr, "AUTOSCALE_FAULT %s\n", faults);
    asc_free(a.files);
    asc_free(a.given);
    asc_free(a.given_to);
    return exit_code(st);
}

static const asc_cli_command *find_command(const char *name)
{
    for (size_t i = 0; asc__cli_commands[i]; i++)
        if (strcmp(asc__cli_commands[i]->name, name) == 0)
            return asc__cli_commands[i];
    return NULL;
}

static int no_such_command(const char *name)
{
    const char *names[64];
    size_t n = 0;
    while (asc__cli_commands[n] && n < 64) {
        names[n] = asc__cli_commands[n]->name;
        n++;
    }
    const char *near = asc_nearest_name(name, names, n);
    if (near)
        fprintf(stderr, "autoscale: unknown command '%s'; did you mean '%s'?\n", name, near);
    else
        fprintf(stderr, "autoscale: unknown command '%s'; `autoscale --help` lists them\n", name);
    return 2;
}

int asc__cli_main(int argc, char **argv)
{
    if (argc < 2) {
        print_commands(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        const asc_cli_command *c = argc > 2 ? find_command(argv[2]) : NULL;
        if (c)
            print_help(c);
        else
            print_commands(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("autoscale " ASC_VERSION);
        return 0;
    }
    const asc_cli_command *c = find_command(argv[1]);
    return c ? run_command(c, argc - 2, argv + 2) : no_such_command(argv[1]);
}
