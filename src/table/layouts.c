/* Tables as other tools write them: exports of Weights & Biases, the two files of RegMix and of olmix, records of JSON.
 * Shares are known by what they are: columns of one group whose rows sum to 1 (or 100). Losses are known by the words
 * of their names. */
#include <math.h>
#include <string.h>
#include <strings.h>

#include "roles.h"

enum { NAME = 512 };

typedef struct finder {
    asc__roles *r;
    asc__grid *g;
    asc__stats *stats; /* (C) */
    uint64_t *group;   /* (C) hash of each column's group; 0: of none */
    bool *member;      /* (C) of the group that is looked at */
    asc_error *err;
} finder;

static bool is_one_of(const char *s, const char *const *words)
{
    for (; *words; words++)
        if (strcasecmp(s, *words) == 0)
            return true;
    return false;
}

/* ---- names of things ---- */

static const char *const token_words[] = {"tokens",          "total_tokens",
                                          "n_tokens",        "num_tokens",
                                          "train_tokens",    "tokens_seen",
                                          "tokens_total",    "consumed_tokens",
                                          "tokens_trained",  "training_tokens",
                                          "tokens_consumed", "num_input_tokens_seen",
                                          "ntokens",         NULL};
static const char *const param_words[] = {"params",     "n_params",     "num_params",     "model_params",
                                          "parameters", "nparams",      "num_parameters", "n_parameters",
                                          "model_size", "total_params", "param_count",    NULL};
static const char *const seed_words[] = {"seed", "data_seed", "random_seed", NULL};
static const char *const run_words[] = {"run",  "run_id",   "run_name",   "run id", "id",
                                        "name", "run name", "experiment", NULL};
/* Numbers of a run that are no shares, in tables whose shares have bare names. */
static const char *const other_words[] = {"index",      "idx",  "step",          "steps",      "_step",
                                          "epoch",      "lr",   "runtime",       "_runtime",   "_timestamp",
                                          "unnamed: 0", "id",   "learning_rate", "batch_size", "created",
                                          "duration",   "rank", "row",           NULL};

/* What stands behind the last '/' or, without one, the last '.'. */
static const char *last_part(const char *name)
{
    const char *slash = strrchr(name, '/'), *dot = strrchr(name, '.');
    return slash ? slash + 1 : dot && dot[1] ? dot + 1 : name;
}

static bool usable(const finder *f, size_t c)
{
    return f->r->columns[c].role == ASC__NO_ROLE && f->stats[c].n_numbers && f->stats[c].n_text == 0;
}

/* The one column whose last part is among the words; two that differ are no answer. */
static void find_scalar(finder *f, asc__role role, const char *const *words)
{
    size_t found = f->g->n_columns;
    if (f->r->scalar[role].given)
        return;
    for (const char *const *w = words; *w && found == f->g->n_columns; w++) {
        size_t n = 0;
        for (size_t c = 0; c < f->g->n_columns; c++)
            if (usable(f, c) && strcasecmp(last_part(f->g->column[c]), *w) == 0) {
                found = c;
                n++;
            }
        if (n > 1)
            return;
    }
    if (found < f->g->n_columns)
        asc__roles_set_scalar(f->r, role, found, "its name");
}

static bool names_rows_once(const asc__grid *g, size_t c)
{
    for (size_t a = 0; a < g->n_rows; a++) {
        if (!*asc__grid_cell(g, a, c))
            return false;
        for (size_t b = 0; b < a && g->n_rows <= 4096; b++)
            if (strcmp(asc__grid_cell(g, a, c), asc__grid_cell(g, b, c)) == 0)
                return false;
    }
    return true;
}

static void find_run(finder *f)
{
    if (f->r->scalar[ASC__RUN].given)
        return;
    for (const char *const *w = run_words; *w; w++)
        for (size_t c = 0; c < f->g->n_columns; c++)
            if (f->r->columns[c].role == ASC__NO_ROLE && strcasecmp(f->g->column[c], *w) == 0 &&
                names_rows_once(f->g, c)) {
                asc__roles_set_scalar(f->r, ASC__RUN, c, "its name");
                return;
            }
}

/* ---- shares ---- */

/* How far from 1 (or 100) the rows of the members sum at most; infinite where a cell is missing. Rows that the file
 * lacks do not count. */
static double off_sum(const finder *f, double whole)
{
    double off = 0;
    for (size_t row = 0; row < f->g->n_rows; row++) {
        double sum = 0, x;
        bool any = false, all = true;
        for (size_t c = 0; c < f->g->n_columns; c++) {
            if (!f->member[c])
                continue;
            bool number = asc__grid_value(f->g, c, asc__grid_cell(f->g, row, c), &x) == ASC__NUMBER;
            any |= number;
            all &= number;
            sum += number ? x : 0;
        }
        if (any && !all)
            return INFINITY;
        if (any)
            off = fmax(off, fabs(sum / whole - 1));
    }
    return off;
}

static size_t n_members(const finder *f)
{
    size_t n = 0;
    for (size_t c = 0; c < f->g->n_columns; c++)
        n += f->member[c];
    return n;
}

static bool members_are_shares(const finder *f)
{
    for (size_t c = 0; c < f->g->n_columns; c++)
        if (f->member[c] && f->stats[c].lo < 0)
            return false;
    return n_members(f) >= 2 && fmin(off_sum(f, 1), off_sum(f, 100)) <= .0101;
}

/* BY_FOLDER: to the last '/' (names of domains hold none); BY_TWO, BY_ONE: to the second and the first. */
typedef enum grouping { BY_FOLDER, BY_TWO, BY_ONE, BY_PREFIX, BY_SUFFIX, BARE, GROUPINGS } grouping;

/* The group of a column's name: the text before (behind) its separator, and what is left. False: it belongs to none. */
static bool group_of(grouping how, const char *name, char group[NAME], const char **rest, size_t *rest_n)
{
    const char *cut = strrchr(name, '/');
    if (!cut && how == BY_FOLDER)
        cut = strrchr(name, '.');
    *rest = name;
    *rest_n = strlen(name);
    if (how == BARE) {
        group[0] = 0;
        return !strchr(name, '/');
    }
    if (how >= BY_PREFIX && cut)
        return false;
    if (how == BY_ONE || how == BY_TWO)
        cut = strchr(name, '/');
    if (how == BY_TWO && cut)
        cut = strchr(cut + 1, '/');
    if (how == BY_PREFIX)
        cut = strchr(name, '_');
    const char *line = strrchr(name, '_'), *gap = strrchr(name, ' ');
    if (how == BY_SUFFIX)
        cut = !line || (gap && gap > line) ? gap : line;
    if (!cut || cut == name || !cut[1])
        return false;
    size_t before = (size_t)(cut - name);
    snprintf(group, NAME, "%.*s",
             (int)(how == BY_SUFFIX ? NAME - 1
                   : before < NAME  ? before
                                    : NAME - 1),
             how == BY_SUFFIX ? cut + 1 : name);
    *rest = how == BY_SUFFIX ? name : cut + 1;
    *rest_n = how == BY_SUFFIX ? before : strlen(cut + 1);
    return true;
}

/* A number that names a column of the run in every table: no share, though its group's others are. */
static bool is_scalar_word(const char *name)
{
    return is_one_of(name, other_words) || is_one_of(name, token_words) || is_one_of(name, param_words) ||
           is_one_of(name, seed_words);
}

static bool parse_metric(const char *column, char name[NAME], asc_target_form *form, bool *bare);

/* news_loss, c4_acc beside shares of bare names: a word says that it is a measure, and so do its numbers. */
static bool says_measure(const finder *f, size_t c)
{
    char name[NAME];
    asc_target_form form;
    bool bare;
    return parse_metric(f->g->column[c], name, &form, &bare) && !bare && (f->stats[c].hi > 1 || form == ASC_FORM_ACC);
}

static void hash_groups(finder *f, grouping how)
{
    char group[NAME];
    const char *rest;
    size_t n;
    for (size_t c = 0; c < f->g->n_columns; c++) {
        bool some = usable(f, c) && group_of(how, f->g->column[c], group, &rest, &n) &&
                    !(how >= BY_PREFIX && (is_scalar_word(f->g->column[c]) || says_measure(f, c)));
        f->group[c] = some ? asc_hash64(group, strlen(group), f->g->column_file[c]) | 1 : 0;
    }
}

/* The members of the group that begins with column `first`. */
static bool mark_group(finder *f, size_t first)
{
    if (!f->group[first])
        return false;
    for (size_t c = 0; c < f->g->n_columns; c++) {
        f->member[c] = f->group[c] == f->group[first];
        if (f->member[c] && c < first)
            return false; /* it was looked at */
    }
    return true;
}

/* Words that name shares: they decide between groups that all sum to 1. */
static bool says_shares(const char *group)
{
    static const char *const words[] = {"mix", "weight", "ratio", "share", "prop", "sampl", "domain", "data", "prior"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasestr(group, words[i]))
            return true;
    return false;
}

static asc_status take_members(finder *f, grouping how, asc__role role, const char *why)
{
    char group[NAME], name[NAME];
    const char *rest;
    size_t n;
    for (size_t c = 0; c < f->g->n_columns; c++) {
        if (!f->member[c])
            continue;
        group_of(how, f->g->column[c], group, &rest, &n);
        snprintf(name, sizeof name, "%.*s", (int)(n < NAME ? n : NAME - 1), rest);
        ASC_TRY(asc__grid_keep(f->g, &f->r->columns[c].as, name, f->err));
        f->r->columns[c].role = role;
        f->r->columns[c].why = why;
    }
    return ASC_OK;
}

static asc_status find_group(finder *f, grouping how, bool *done)
{
    size_t best = f->g->n_columns, second = best;
    bool best_says = false, second_says = false;
    char group[NAME], other[NAME];
    const char *rest;
    size_t n;
    hash_groups(f, how);
    for (size_t c = 0; c < f->g->n_columns; c++) {
        if (!mark_group(f, c) || !members_are_shares(f))
            continue;
        group_of(how, f->g->column[c], group, &rest, &n);
        bool says = says_shares(group);
        if (best == f->g->n_columns || (says && !best_says)) {
            second = best;
            second_says = best_says;
            best = c;
            best_says = says;
        } else {
            second = c;
            second_says = says;
        }
    }
    if (best == f->g->n_columns)
        return ASC_OK;
    if (second < f->g->n_columns && best_says == second_says) {
        group_of(how, f->g->column[best], group, &rest, &n);
        group_of(how, f->g->column[second], other, &rest, &n);
        return ASC_FAIL(f->err, ASC_EINVAL,
                        "%s: the columns of '%.80s' and of '%.80s' both sum to 1 in every row; choose the shares with "
                        "--map 'weight=PATTERN*'",
                        f->g->name, group, other);
    }
    mark_group(f, best);
    *done = true;
    return take_members(f, how, ASC__WEIGHT, "its group sums to 1 in every row");
}

/* tokens/web, data/tokens/code, web_tokens: tokens of domains. */
static asc_status find_domain_tokens(finder *f, grouping how, bool *done)
{
    char group[NAME];
    const char *rest;
    size_t n;
    hash_groups(f, how);
    for (size_t c = 0; c < f->g->n_columns && !*done; c++) {
        if (!mark_group(f, c) || n_members(f) < 2)
            continue;
        group_of(how, f->g->column[c], group, &rest, &n);
        if (strcasecmp(last_part(group), "tokens") != 0 && strcasecmp(last_part(group), "domain_tokens") != 0)
            continue;
        *done = true;
        return take_members(f, how, ASC__DOMAIN_TOKENS, "its group's name");
    }
    return ASC_OK;
}

static asc_status find_domains(finder *f)
{
    bool done = false;
    for (int how = 0; how < GROUPINGS && !done; how++)
        ASC_TRY(find_group(f, (grouping)how, &done));
    if (!done)
        ASC_TRY(find_domain_tokens(f, BY_FOLDER, &done));
    if (!done)
        ASC_TRY(find_domain_tokens(f, BY_SUFFIX, &done));
    return ASC_OK;
}

/* ---- targets ---- */

static const char *const generic_words[] = {"eval",    "val",        "valid",      "validation", "test",
                                            "heldout", "held_out",   "lm",         "metrics",    "summary",
                                            "final",   "downstream", "evaluation", "icl",        NULL};
static const struct {
    const char *word;
    asc_target_form form;
} metrics[] = {{"cross_entropy_loss", ASC_FORM_LOSS},
               {"crossentropyloss", ASC_FORM_LOSS},
               {"cross_entropy", ASC_FORM_LOSS},
               {"validation_loss", ASC_FORM_LOSS},
               {"valid_loss", ASC_FORM_LOSS},
               {"eval_loss", ASC_FORM_LOSS},
               {"test_loss", ASC_FORM_LOSS},
               {"val_loss", ASC_FORM_LOSS},
               {"ce loss", ASC_FORM_LOSS},
               {"ce_loss", ASC_FORM_LOSS},
               {"lm_loss", ASC_FORM_LOSS},
               {"nll", ASC_FORM_LOSS},
               {"loss", ASC_FORM_LOSS},
               {"perplexity", ASC_FORM_PPL},
               {"ppl", ASC_FORM_PPL},
               {"bits_per_byte", ASC_FORM_BPB},
               {"bpb", ASC_FORM_BPB},
               {"acc,none", ASC_FORM_ACC},
               {"accuracy", ASC_FORM_ACC},
               {"acc_norm,none", ASC_FORM_ACC},
               {"acc_norm", ASC_FORM_ACC},
               {"acc", ASC_FORM_ACC}};
enum { N_METRICS = sizeof metrics / sizeof *metrics };

/* Cut a word off either end of part, with the '_' or '-' beside it. True where it was there; part may become empty. */
static bool cut_word(char *part, const char *word, bool at_end)
{
    size_t n = strlen(part), k = strlen(word);
    if (strcasecmp(part, word) == 0) {
        part[0] = 0;
        return true;
    }
    if (n < k + 2)
        return false;
    if (at_end && strcasecmp(part + n - k, word) == 0 && strchr("_- ", part[n - k - 1])) {
        part[n - k - 1] = 0;
        return true;
    }
    if (!at_end && strncasecmp(part, word, k) == 0 && strchr("_- ", part[k])) {
        memmove(part, part + k + 1, n - k);
        return true;
    }
    return false;
}

static bool cut_metric(char *part, asc_target_form *form)
{
    for (size_t i = 0; i < N_METRICS; i++)
        if (cut_word(part, metrics[i].word, true) || cut_word(part, metrics[i].word, false)) {
            *form = metrics[i].form;
            return true;
        }
    return false;
}

static void cut_generic(char *part)
{
    for (const char *const *w = generic_words; *w; w++)
        if (cut_word(part, *w, false) || (strlen(*w) > 2 && cut_word(part, *w, true)))
            return;
}

static bool is_valid_word(const char *part)
{
    return strncasecmp(part, "valid_", 6) == 0 || strcasecmp(part, "valid") == 0 || strcasecmp(part, "val") == 0 ||
           strcasecmp(part, "validation") == 0;
}

/* eval/c4/loss -> c4, a loss. False: no measure on held-out text. *bare: no word says which measure (RegMix names the
 * loss of a set by the set alone). */
static bool parse_metric(const char *column, char name[NAME], asc_target_form *form, bool *bare)
{
    char copy[NAME], *save = NULL;
    bool metric = false, valid = false;
    size_t len = 0;
    if (strlen(column) >= NAME || strcasestr(column, "stderr") || strcasestr(column, "_std"))
        return false;
    strcpy(copy, column);
    name[0] = 0;
    for (char *part = strtok_r(copy, strchr(column, '/') ? "/" : ".", &save); part;
         part = strtok_r(NULL, strchr(column, '/') ? "/" : ".", &save)) {
        if (strncasecmp(part, "train", 5) == 0)
            return false;
        valid |= is_valid_word(part);
        if (!metric)
            metric = cut_metric(part, form);
        cut_generic(part);
        if (*part)
            len += (size_t)snprintf(name + len, NAME - len, "%s%s", len ? "/" : "", part);
    }
    *bare = !metric;
    if (*bare)
        *form = ASC_FORM_LOSS;
    return metric || valid;
}

/* Which of two columns for one target is the better; accuracies stand beside losses. */
static int merit(asc_target_form f)
{
    return f == ASC_FORM_LOSS ? 3 : f == ASC_FORM_BPB ? 2 : 1;
}

static asc_status add_target(finder *f, size_t c, const char *name, asc_target_form form, const char *why)
{
    char as[NAME + 8];
    if (form != ASC_FORM_ACC && asc_target_is_accuracy(name))
        return ASC_OK;
    snprintf(as, sizeof as, "%s%s", form == ASC_FORM_ACC ? "acc_" : "", name);
    for (size_t e = 0; e < f->g->n_columns; e++) {
        asc__column *x = &f->r->columns[e];
        if (x->role != ASC__TARGET || strcmp(x->as, as) != 0)
            continue;
        bool better = merit(form) > merit(x->form) && !x->mapped;
        size_t left_out = better ? e : c;
        f->r->columns[left_out] =
            (asc__column){.role = ASC__IGNORED, .why = "another column holds a measure of the same target"};
        if (!better)
            return ASC_OK;
    }
    ASC_TRY(asc__grid_keep(f->g, &f->r->columns[c].as, as, f->err));
    f->r->columns[c].role = ASC__TARGET;
    f->r->columns[c].form = form;
    f->r->columns[c].why = why;
    return ASC_OK;
}

/* A column named as a domain beside shares that stand elsewhere: its loss, where its numbers can be one. */
static asc_status targets_named_as_domains(finder *f)
{
    size_t C = f->g->n_columns;
    for (size_t c = 0; c < C; c++)
        for (size_t d = 0; d < C && usable(f, c); d++) {
            const asc__column *x = &f->r->columns[d];
            bool domain = x->role == ASC__WEIGHT || x->role == ASC__DOMAIN_TOKENS;
            if (domain && d != c && strcmp(x->as, f->g->column[c]) == 0 && f->stats[c].lo > .05 && f->stats[c].hi <= 20)
                ASC_TRY(add_target(f, c, x->as, ASC_FORM_LOSS, "named after a domain, with values that losses have"));
        }
    return ASC_OK;
}

/* Is column c a measure of held-out text? One that no word names must have the numbers of a loss. */
static bool is_target(const finder *f, size_t c, char name[NAME], asc_target_form *form)
{
    bool bare;
    return usable(f, c) && parse_metric(f->g->column[c], name, form, &bare) &&
           (!bare || (f->stats[c].lo > .05 && f->stats[c].hi <= 20 && !f->stats[c].whole));
}

static asc_status find_targets(finder *f)
{
    char name[NAME];
    asc_target_form form;
    for (size_t c = 0; c < f->g->n_columns; c++)
        if (is_target(f, c, name, &form) && *name)
            ASC_TRY(add_target(f, c, name, form, "its name"));
    ASC_TRY(targets_named_as_domains(f));
    for (size_t c = 0; c < f->g->n_columns; c++) /* one loss for all held-out text */
        if (asc__roles_count(f->r, f->g, ASC__TARGET) == 0 && is_target(f, c, name, &form))
            ASC_TRY(add_target(f, c, "validation", form, "its name"));
    return ASC_OK;
}

/* ---- what all of it is called ---- */

static size_t find_any_case(const asc__grid *g, const char *name)
{
    size_t c = 0;
    while (c < g->n_columns && strcasecmp(g->column[c], name) != 0)
        c++;
    return c;
}

static bool any_starts(const finder *f, asc__role role, const char *prefix)
{
    for (size_t c = 0; c < f->g->n_columns; c++)
        if (f->r->columns[c].role == role && strncmp(f->g->column[c], prefix, strlen(prefix)) == 0)
            return true;
    return false;
}

/* the_pile_web of both shares and losses is web. */
static asc_status strip_common(finder *f, const char *prefix)
{
    size_t n = strlen(prefix);
    for (size_t c = 0; c < f->g->n_columns; c++) {
        const asc__column *x = &f->r->columns[c];
        if (x->as && !x->mapped && (strncmp(x->as, prefix, n) != 0 || !x->as[n]))
            return ASC_OK;
    }
    for (size_t c = 0; c < f->g->n_columns; c++)
        if (f->r->columns[c].as && !f->r->columns[c].mapped)
            f->r->columns[c].as += n;
    return ASC_OK;
}

static bool is_wandb(const asc__grid *g)
{
    return find_any_case(g, "State") < g->n_columns && find_any_case(g, "Name") < g->n_columns &&
           (find_any_case(g, "Created") < g->n_columns || find_any_case(g, "Runtime") < g->n_columns ||
            find_any_case(g, "Sweep") < g->n_columns);
}

/* The export of a chart has one column per run, not one row. */
static asc_status refuse_history(const asc__grid *g, asc_error *err)
{
    for (size_t c = 0; c < g->n_columns; c++) {
        size_t n = strlen(g->column[c]);
        if (n > 5 && strcmp(g->column[c] + n - 5, "__MIN") == 0)
            return ASC_FAIL(err, ASC_EINVAL,
                            "%s:1: column '%s': this is a Weights & Biases chart export, with one column per run; "
                            "export the table of runs instead (Runs, Export, CSV)",
                            g->name, g->column[c]);
    }
    return ASC_OK;
}

static void name_layout(finder *f)
{
    bool bare = false, bpb = false;
    for (size_t c = 0; c < f->g->n_columns; c++) {
        const asc__column *x = &f->r->columns[c];
        bare |= x->role == ASC__WEIGHT && strcmp(x->as, f->g->column[c]) == 0;
        bpb |= x->role == ASC__TARGET && x->form == ASC_FORM_BPB;
    }
    const char *name = is_wandb(f->g) ? "Weights & Biases export"
                       : any_starts(f, ASC__WEIGHT, "train_") && any_starts(f, ASC__TARGET, "valid_") ? "RegMix"
                       : f->g->n_files > 1 && bare && bpb ? "olmix (ratios and metrics)"
                                                          : "recognized by column names and row sums";
    snprintf(f->r->layout, sizeof f->r->layout, "%s", name);
}

static asc_status find_all(finder *f)
{
    const asc__roles *r = f->r;
    bool no_domains = asc__roles_count(r, f->g, ASC__WEIGHT) + asc__roles_count(r, f->g, ASC__DOMAIN_TOKENS) == 0;
    ASC_TRY(refuse_history(f->g, f->err));
    find_run(f);
    find_scalar(f, ASC__TOKENS, token_words);
    find_scalar(f, ASC__PARAMS, param_words);
    find_scalar(f, ASC__SEED, seed_words);
    if (no_domains)
        ASC_TRY(find_domains(f));
    if (asc__roles_count(r, f->g, ASC__TARGET) == 0)
        ASC_TRY(find_targets(f));
    ASC_TRY(strip_common(f, "the_pile_"));
    name_layout(f);
    return ASC_OK;
}

asc_status asc__layouts_find(asc__roles *r, asc__grid *g, asc_error *err)
{
    finder f = {.r = r, .g = g, .err = err};
    f.stats = asc_calloc(g->n_columns + 1, sizeof *f.stats);
    f.group = asc_calloc(g->n_columns + 1, sizeof *f.group);
    f.member = asc_calloc(g->n_columns + 1, sizeof *f.member);
    asc_status st = f.stats && f.group && f.member ? ASC_OK : ASC_NOMEM(err);
    for (size_t c = 0; st == ASC_OK && c < g->n_columns; c++)
        f.stats[c] = asc__column_stats(g, c);
    if (st == ASC_OK)
        st = find_all(&f);
    asc_free(f.stats);
    asc_free(f.group);
    asc_free(f.member);
    return st;
}
