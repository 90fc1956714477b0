/*
 * Manual pages and shell completion, made from what --help is made from: the table of commands, their options and the
 * table of settings. `autoscale manual DIR` writes them; the build calls it, and `make install` installs what it wrote.
 */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "spec/spec_notes.h"

typedef void (*page_fn)(asc_buf *out, const asc_cli_command *c);

/* ---- troff ---- */

/* Text that troff shows as it is: no escapes, no requests, hyphens that can be copied. */
static void put_text(asc_buf *b, const char *s)
{
    if (*s == '.' || *s == '\'')
        asc_buf_puts(b, "\\&");
    for (; *s; s++) {
        if (*s == '\\')
            asc_buf_puts(b, "\\e");
        else if (*s == '-')
            asc_buf_puts(b, "\\-");
        else
            asc_buf_putc(b, *s == '\n' ? ' ' : *s);
    }
}

static void put_head(asc_buf *b, const char *name, const char *section, const char *summary)
{
    asc_buf_puts(b, ".TH ");
    for (const char *p = name; *p; p++)
        asc_buf_putc(b, *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p);
    asc_buf_printf(b, " %s \"\" \"autoscale %s\"\n.SH NAME\n", section, ASC_VERSION);
    put_text(b, name);
    asc_buf_puts(b, " \\- ");
    put_text(b, summary);
    asc_buf_puts(b, "\n");
}

static void put_option(asc_buf *b, const asc_cli_option *o, bool listed)
{
    const char *word;
    asc_buf_puts(b, ".TP\n");
    if (o->letter)
        asc_buf_printf(b, "\\fB\\-%c\\fR, ", o->letter);
    asc_buf_puts(b, "\\fB\\-\\-");
    put_text(b, o->name);
    asc_buf_puts(b, "\\fR");
    if (o->value) {
        asc_buf_puts(b, " \\fI");
        put_text(b, o->value);
        asc_buf_puts(b, "\\fR");
    }
    asc_buf_puts(b, "\n");
    put_text(b, o->help);
    for (size_t i = 0; !listed && (word = asc__cli_word_at(o, i)); i++) {
        asc_buf_puts(b, i == 0 ? ": " : asc__cli_word_at(o, i + 1) ? ", " : " or ");
        put_text(b, word);
    }
    if (o->fallback) {
        bool words = o->fallback[0] == '(';
        asc_buf_puts(b, " (default: ");
        put_text(b, o->fallback + words);
        asc_buf_puts(b, words ? "" : ")");
    }
    asc_buf_puts(b, "\n");
}

static void put_exit_status(asc_buf *b)
{
    asc_buf_puts(b,
                 ".SH EXIT STATUS\n.TP\n0\ndone\n.TP\n1\nfailed\n.TP\n2\nusage or bad input: one line says which file, "
                 "line, column or field, what was expected and what was found\n.TP\n130\ninterrupted; rerun the same "
                 "command to resume\n");
}

static void put_list(asc_buf *b, const asc_cli_list *list)
{
    const char *name, *help;
    if (!list->title)
        return;
    asc_buf_puts(b, ".SH ");
    for (const char *p = list->title; *p; p++)
        asc_buf_putc(b, *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p);
    asc_buf_puts(b, "\n");
    for (size_t i = 0; list->at(i, &name, &help); i++) {
        asc_buf_puts(b, ".TP\n\\fB");
        put_text(b, name);
        asc_buf_puts(b, "\\fR\n");
        put_text(b, help);
        asc_buf_puts(b, "\n");
    }
}

/* autoscale-fit(1) */
static void command_page(asc_buf *b, const asc_cli_command *c)
{
    char name[64];
    snprintf(name, sizeof name, "autoscale-%s", c->name);
    put_head(b, name, "1", c->summary);
    asc_buf_puts(b, ".SH SYNOPSIS\n\\fBautoscale ");
    put_text(b, c->name);
    asc_buf_puts(b, "\\fR ");
    put_text(b, c->usage);
    asc_buf_puts(b, "\n.SH OPTIONS\n");
    for (size_t i = 0; i < asc__cli_n_options(c); i++) {
        asc_cli_option o = asc__cli_option_at(c, i);
        put_option(b, &o, c->list.title && o.word_at);
    }
    put_list(b, &c->list);
    put_exit_status(b);
    asc_buf_puts(b, ".SH SEE ALSO\n.BR autoscale (1), autoscale\\-study (5)\n");
}

/* autoscale(1) */
static void overview_page(asc_buf *b, const asc_cli_command *unused)
{
    put_head(b, "autoscale", "1", "how much of each data domain to train on at a budget");
    asc_buf_puts(
        b, ".SH SYNOPSIS\n\\fBautoscale\\fR \\fICOMMAND\\fR [\\fIoptions\\fR] [\\fIfiles\\fR]\n.SH DESCRIPTION\n");
    asc_buf_puts(
        b, "Options and files come in any order. Numbers may be written 1.2e9, 5B, 1.2T, 50% or 1_000. Results go to "
           "standard output, progress and messages to standard error; colours obey NO_COLOR. A \\- stands for "
           "standard input or output.\n.SH COMMANDS\n");
    for (size_t i = 0; asc__cli_commands[i]; i++) {
        const asc_cli_command *c = asc__cli_commands[i];
        if (c->hidden)
            continue;
        asc_buf_puts(b, ".TP\n\\fB");
        put_text(b, c->name);
        asc_buf_puts(b, "\\fR\n");
        put_text(b, c->summary);
        asc_buf_printf(b, "; see \\fBautoscale\\-%s\\fR(1)\n", c->name);
    }
    put_exit_status(b);
    asc_buf_puts(b, ".SH SEE ALSO\n.BR autoscale\\-study (5)\n");
}

/* A default as people write it, without the brackets around one in words. NULL: out of memory. */
static char *plain_default(const asc_setting *s)
{
    const char *text = asc_setting_default(s, false);
    size_t n = text ? strlen(text) : 0;
    return !text ? asc_strdup("") : text[0] == '(' && n > 2 ? asc_strndup(text + 1, n - 2) : asc_strdup(text);
}

/* The keys of a section; what it holds, and the default. */
static void put_section(asc_buf *b, const char *section)
{
    char words[256];
    asc_buf_puts(b, ".SS ");
    put_text(b, *section ? section : "the file");
    asc_buf_puts(b, "\n");
    for (size_t i = 0; i < asc_n_settings(); i++) {
        const asc_setting *s = asc_setting_at(i);
        if (!s->section || strcmp(s->section, section) != 0)
            continue;
        char *fallback = plain_default(s);
        asc_buf_puts(b, ".TP\n\\fB");
        put_text(b, s->key);
        asc_buf_puts(b, "\\fR\n");
        put_text(b, s->help);
        if (s->kind != ASC_SET_OTHER && s->kind != ASC_SET_TEXT) {
            asc_buf_puts(b, ": ");
            put_text(b, asc_setting_expected(s, words, sizeof words));
        }
        if (s->unit)
            asc_buf_printf(b, " [%s]", s->unit);
        asc_buf_puts(b, fallback && *fallback ? " (default: " : " (required");
        put_text(b, fallback ? fallback : "");
        b->oom |= !fallback;
        asc_free(fallback);
        asc_buf_puts(b, ")\n");
    }
}

static bool named_before(size_t i)
{
    const char *section = asc_setting_at(i)->section;
    for (size_t k = 0; k < i; k++)
        if (asc_setting_at(k)->section && strcmp(asc_setting_at(k)->section, section) == 0)
            return true;
    return false;
}

/* autoscale-study(5) */
static void study_page(asc_buf *b, const asc_cli_command *unused)
{
    put_head(b, "autoscale-study", "5", "the study file of autoscale run and plan");
    asc_buf_puts(b, ".SH DESCRIPTION\nA YAML file. Every key has a default unless marked required; an unknown key is "
                    "an error that suggests the nearest one.\n.SH KEYS\n");
    for (size_t i = 0; i < asc_n_settings(); i++)
        if (asc_setting_at(i)->section && !named_before(i))
            put_section(b, asc_setting_at(i)->section);
    asc_buf_puts(b, ".SH SEE ALSO\n.BR autoscale\\-run (1), autoscale\\-plan (1)\n");
}

/* ---- the reference in docs/formats.md ---- */

/* Within a cell of a table. */
static void put_cell(asc_buf *b, const char *s)
{
    for (; *s; s++) {
        if (*s == '|')
            asc_buf_putc(b, '\\');
        asc_buf_putc(b, *s);
    }
}

static void markdown_row(asc_buf *b, const asc_setting *s)
{
    char words[256];
    char *fallback = plain_default(s);
    asc_buf_puts(b, "| `");
    if (*s->section)
        asc_buf_printf(b, "%s.", s->section);
    asc_buf_printf(b, "%s` | ", s->key);
    if (s->kind != ASC_SET_OTHER && s->kind != ASC_SET_TEXT)
        put_cell(b, asc_setting_expected(s, words, sizeof words));
    if (s->unit)
        asc_buf_printf(b, " [%s]", s->unit);
    asc_buf_puts(b, " | ");
    put_cell(b, fallback && *fallback ? fallback : "needed");
    asc_buf_puts(b, " | ");
    put_cell(b, s->help);
    asc_buf_puts(b, " |\n");
    b->oom |= !fallback;
    asc_free(fallback);
}

static void settings_reference(asc_buf *b, const asc_cli_command *unused)
{
    asc_buf_puts(b, "| key | holds | default | what for |\n|---|---|---|---|\n");
    for (size_t i = 0; i < asc_n_settings(); i++)
        if (asc_setting_at(i)->section)
            markdown_row(b, asc_setting_at(i));
}

/* Every code of a note, with its sentence: "…" for each figure or name in it. */
static void notes_reference(asc_buf *b, const asc_cli_command *unused)
{
    asc_buf_puts(b, "| code | sentence |\n|---|---|\n");
    for (int i = 0; i < ASC_N_NOTES; i++) {
        asc_buf_printf(b, "| `%s` | ", asc_note_code_name(i));
        for (const char *s = asc_note_sentence(i); *s; s++) {
            if (*s == '|')
                asc_buf_putc(b, '\\');
            if (*s != '%')
                asc_buf_putc(b, *s);
            else if (s[1] == '%')
                asc_buf_putc(b, *s++);
            else {
                asc_buf_puts(b, "\xe2\x80\xa6");
                s += strcspn(s, "diuefgsx");
            }
        }
        asc_buf_puts(b, " |\n");
    }
}

/* ---- completion: commands, their options, the words that a value may be; files for all else ---- */

/* Within single quotes of a shell; in an inner pair of zsh's brackets and colons too. */
static void put_quoted(asc_buf *b, const char *s, const char *escaped)
{
    for (; *s; s++) {
        if (*s == '\'')
            asc_buf_puts(b, "'\\''");
        else {
            if (strchr(escaped, *s))
                asc_buf_putc(b, '\\');
            asc_buf_putc(b, *s);
        }
    }
}

static void put_words(asc_buf *b, const asc_cli_option *o)
{
    const char *word;
    for (size_t i = 0; (word = asc__cli_word_at(o, i)); i++)
        asc_buf_printf(b, "%s%s", i ? " " : "", word);
}

static void bash_command(asc_buf *b, const asc_cli_command *c)
{
    asc_buf_printf(b, "    %s)\n        case $prev in\n", c->name);
    for (size_t i = 0; i < asc__cli_n_options(c); i++) {
        asc_cli_option o = asc__cli_option_at(c, i);
        if (!o.value)
            continue;
        asc_buf_printf(b, "        --%s", o.name);
        if (o.letter)
            asc_buf_printf(b, "|-%c", o.letter);
        asc_buf_puts(b, ") words='");
        put_words(b, &o);
        asc_buf_puts(b, "'; value=1 ;;\n");
    }
    asc_buf_puts(b, "        *) options='");
    for (size_t i = 0; i < asc__cli_n_options(c); i++)
        asc_buf_printf(b, "%s--%s", i ? " " : "", asc__cli_option_at(c, i).name);
    asc_buf_puts(b, "' ;;\n        esac ;;\n");
}

static void bash_completion(asc_buf *b, const asc_cli_command *unused)
{
    asc_buf_puts(b,
                 "# bash completion of autoscale, written by `autoscale manual`\n_autoscale()\n{\n"
                 "    local current=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words= options= value=\n"
                 "    COMPREPLY=()\n    if [ \"$COMP_CWORD\" = 1 ]; then\n        COMPREPLY=($(compgen -W '");
    for (size_t i = 0; asc__cli_commands[i]; i++)
        if (!asc__cli_commands[i]->hidden)
            asc_buf_printf(b, "%s ", asc__cli_commands[i]->name);
    asc_buf_puts(b, "--help --version' -- \"$current\"))\n        return\n    fi\n    case ${COMP_WORDS[1]} in\n");
    for (size_t i = 0; asc__cli_commands[i]; i++)
        if (!asc__cli_commands[i]->hidden)
            bash_command(b, asc__cli_commands[i]);
    asc_buf_puts(
        b, "    esac\n"
           "    if [ -n \"$words\" ]; then\n        COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
           "    elif [ -z \"$value\" ] && [ \"${current:0:1}\" = - ]; then\n"
           "        COMPREPLY=($(compgen -W \"$options\" -- \"$current\"))\n"
           "    else\n        COMPREPLY=($(compgen -f -- \"$current\"))\n        compopt -o filenames 2>/dev/null\n"
           "    fi\n}\ncomplete -F _autoscale autoscale\n");
}

static void zsh_option(asc_buf *b, const asc_cli_option *o)
{
    asc_buf_puts(b, " \\\n        ");
    if (o->letter)
        asc_buf_printf(b, "{-%c%s,--%s%s}", o->letter, o->value ? "+" : "", o->name, o->value ? "=" : "");
    else
        asc_buf_printf(b, "--%s%s", o->name, o->value ? "=" : "");
    asc_buf_puts(b, "'[");
    put_quoted(b, o->help, "[]\\");
    asc_buf_puts(b, "]");
    if (o->value) {
        asc_buf_putc(b, ':');
        put_quoted(b, o->value, ":\\");
        asc_buf_putc(b, ':');
        if (asc__cli_word_at(o, 0)) {
            asc_buf_putc(b, '(');
            put_words(b, o);
            asc_buf_putc(b, ')');
        } else
            asc_buf_puts(b, "_files");
    }
    asc_buf_putc(b, '\'');
}

static void zsh_completion(asc_buf *b, const asc_cli_command *unused)
{
    asc_buf_puts(b, "#compdef autoscale\n# zsh completion of autoscale, written by `autoscale manual`\n"
                    "local -a commands\ncommands=(\n");
    for (size_t i = 0; asc__cli_commands[i]; i++) {
        const asc_cli_command *c = asc__cli_commands[i];
        if (c->hidden)
            continue;
        asc_buf_printf(b, "    '%s:", c->name);
        put_quoted(b, c->summary, ":\\");
        asc_buf_puts(b, "'\n");
    }
    asc_buf_puts(b, ")\nif (( CURRENT == 2 )); then\n    _describe command commands\n    return\nfi\n"
                    "local command=$words[2]\nshift words\n(( CURRENT-- ))\ncase $command in\n");
    for (size_t i = 0; asc__cli_commands[i]; i++) {
        const asc_cli_command *c = asc__cli_commands[i];
        if (c->hidden)
            continue;
        asc_buf_printf(b, "%s)\n    _arguments -s", c->name);
        for (size_t k = 0; k < asc__cli_n_options(c); k++) {
            asc_cli_option o = asc__cli_option_at(c, k);
            zsh_option(b, &o);
        }
        asc_buf_puts(b, " \\\n        '*:file:_files' ;;\n");
    }
    asc_buf_puts(b, "esac\n");
}

static void fish_option(asc_buf *b, const asc_cli_command *c, const asc_cli_option *o)
{
    asc_buf_printf(b, "complete -c autoscale -n '__fish_seen_subcommand_from %s' -l %s", c->name, o->name);
    if (o->letter)
        asc_buf_printf(b, " -s %c", o->letter);
    if (o->value)
        asc_buf_puts(b, asc__cli_word_at(o, 0) ? " -x -a '" : " -r");
    if (o->value && asc__cli_word_at(o, 0)) {
        put_words(b, o);
        asc_buf_putc(b, '\'');
    }
    asc_buf_puts(b, " -d '");
    for (const char *p = o->help; *p; p++) /* fish's own quoting: \' and \\ */
        asc_buf_printf(b, *p == '\'' || *p == '\\' ? "\\%c" : "%c", *p);
    asc_buf_puts(b, "'\n");
}

static void fish_completion(asc_buf *b, const asc_cli_command *unused)
{
    asc_buf_puts(b, "# fish completion of autoscale, written by `autoscale manual`\n");
    for (size_t i = 0; asc__cli_commands[i]; i++) {
        const asc_cli_command *c = asc__cli_commands[i];
        if (c->hidden)
            continue;
        asc_buf_printf(b, "complete -c autoscale -n __fish_use_subcommand -f -a %s -d '", c->name);
        for (const char *p = c->summary; *p; p++)
            asc_buf_printf(b, *p == '\'' || *p == '\\' ? "\\%c" : "%c", *p);
        asc_buf_puts(b, "'\n");
        for (size_t k = 0; k < asc__cli_n_options(c); k++) {
            asc_cli_option o = asc__cli_option_at(c, k);
            fish_option(b, c, &o);
        }
    }
}

/* ---- the files ---- */

static asc_status write_page(const char *dir, const char *name, page_fn write, const asc_cli_command *c, asc_error *err)
{
    asc_buf b = {0};
    write(&b, c);
    char *path = asc_path_join(dir, name);
    asc_status st = b.oom || !path ? ASC_NOMEM(err) : asc_write_file(path, b.data, b.len, err);
    asc_free(path);
    asc_buf_clear(&b);
    return st;
}

static asc_status run_manual(const asc_cli_args *a, asc_error *err)
{
    static const struct {
        const char *name;
        page_fn write;
    } pages[] = {{"autoscale.1", overview_page},      {"autoscale-study.5", study_page},
                 {"autoscale.bash", bash_completion}, {"_autoscale", zsh_completion},
                 {"autoscale.fish", fish_completion}, {"settings.md", settings_reference},
                 {"notes.md", notes_reference}};
    const char *dir = asc__cli_file(a, 0);
    ASC_TRY(asc_mkdirs(dir, err));
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        ASC_TRY(write_page(dir, pages[i].name, pages[i].write, NULL, err));
    for (size_t i = 0; asc__cli_commands[i]; i++) {
        char name[64];
        snprintf(name, sizeof name, "autoscale-%s.1", asc__cli_commands[i]->name);
        if (!asc__cli_commands[i]->hidden)
            ASC_TRY(write_page(dir, name, command_page, asc__cli_commands[i], err));
    }
    return ASC_OK;
}

static const asc_cli_option options[] = {{0}};

const asc_cli_command asc__cli_manual = {
    .name = "manual",
    .usage = "DIR",
    .summary = "write manual pages and shell completions to DIR",
    .options = options,
    .min_files = 1,
    .max_files = 1,
    .run = run_manual,
    .hidden = true,
};
