/* A study's file may change after runs exist: what does not touch them is taken over, what would is refused by name. */
#include "steps.h"

#include <math.h>
#include <string.h>

asc_summary_domain asc__domain_report(const asc__study *s, size_t i)
{
    const asc_domain_report *r = &s->reports[i];
    return (asc_summary_domain){.name = s->spec->target_names[i],
                                .documents = (double)r->n_documents,
                                .bytes = (double)r->n_bytes,
                                .tokens = (double)r->n_tokens,
                                .valid_documents = (double)r->n_valid_documents,
                                .valid_tokens = (double)r->n_valid_tokens,
                                .duplicates = (double)r->n_duplicates,
                                .rejected = (double)r->n_rejected,
                                .bytes_per_token = r->bytes_per_token,
                                .word_nats = s->word_nats ? s->word_nats[i] : NAN,
                                .max_epochs = NAN,
                                .epochs_at_target = NAN};
}

/* Keys that change no run that was made: how the numbers are used, and what is asked for beside them. */
static const char *const harmless[] = {
    "objective",      "objective.weights",
    "mixture.min",    "mixture.max",
    "mixture.prior",  "mixture.kl",
    "target.tokens",  "target.validate",
    "target.seeds",   "target.against",
    "target.rivals",  "target.model",
    "target.params",  "scales",
    "scales.model",   "search.model",
    "design.repeats", "domains.max_epochs",
    "targets",        "search.at_most", /* which runs are asked for, as scales are */
    "search.at",      "search.proxies", /* what the target began with is kept: start.c */
    "search.pause",                     /* which runs of a swarm end early */
    "run.isa"};                         /* which is fixed when a study is created: check_isa */

/* Held-out sets and domains come and go: a new set is measured on the checkpoints that are kept, and runs stay what
 * they were (living.c). That text has stayed the same is seen when it is read. */
static bool comes_or_goes(const char *key)
{
    return strncmp(key, "targets.", 8) == 0 ||
           (strncmp(key, "domains.", 8) == 0 && strcmp(key, "domains.max_epochs") != 0);
}

static bool is_harmless(const char *key)
{
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        if (strcmp(harmless[i], key) == 0)
            return true;
    return false;
}

/* Proxies before branches say where the target begins: once it has, others would say it too late. */
static bool comes_late(const asc__study *s, const char *key, bool others)
{
    static const char *const of_proxies[] = {"scales", "scales.model", "search.model", "search.proxies",
                                             "design.repeats"};
    bool any = false;
    for (size_t i = 0; i < sizeof of_proxies / sizeof *of_proxies; i++)
        any |= strcmp(of_proxies[i], key) == 0;
    return any && !others && asc__by_branches(s) && asc__target_begun(s->runs, s->n_runs);
}

/* The base of designs is a list of shares: with other domains it is another list, and asks for other runs. */
static bool follows_domains(const char *key, bool others)
{
    return others && (strcmp(key, "domains") == 0 || strcmp(key, "mixture.reference") == 0);
}

/* A user's command that was mended (a path, a flag) still means the same trainer to us; another kind of trainer does
 * not. */
static bool mended_command(const char *key, const json_t *before, const json_t *now)
{
    const char *a = json_string_value(before), *b = json_string_value(now);
    return strcmp(key, "trainer.command") == 0 && a && b && !asc_trainer_is_ours(a) && !asc_trainer_is_ours(b);
}

/* One value of a study for a line of text; NULL for lists and maps. */
static char *shown(const json_t *value)
{
    char *text = NULL;
    if (json_is_real(value))
        return asc_strf("%.10g", json_real_value(value));
    if (value && !json_is_object(value) && !json_is_array(value))
        asc_json_print(&text, value, 0, NULL);
    return text;
}

/* The first key of now whose value differs from that of before, or NULL. */
static const char *first_other(const json_t *before, const json_t *now)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)now, key, value)
    {
        const json_t *old = json_object_get(before, key);
        if (!old || !json_equal(value, old))
            return key;
    }
    return NULL;
}

static asc_status refuse(const asc__study *s, const char *key, const json_t *before, const json_t *now, asc_error *err)
{
    const char *part = json_is_object(before) ? first_other(before, now) : NULL;
    if (part) { /* of what is said as a whole */
        char *name = asc_strf("%s.%s", key, part);
        asc_status st =
            name ? refuse(s, name, json_object_get(before, part), json_object_get(now, part), err) : ASC_NOMEM(err);
        asc_free(name);
        return st;
    }
    char *a = shown(before), *b = shown(now);
    asc_status st;
    if (a && b)
        st = ASC_FAIL(err, ASC_EINVAL,
                      "%s: key '%s' was changed from %.80s to %.80s, but %s holds runs made with the former; revert "
                      "it, or use another --dir",
                      s->spec->path, key, a, b, s->dir);
    else
        st = ASC_FAIL(err, ASC_EINVAL,
                      "%s: key '%s' was changed, but %s holds runs made before; revert it, or use another --dir",
                      s->spec->path, key, s->dir);
    asc_free(a);
    asc_free(b);
    return st;
}

/* Names of a that b lacks. */
static bool lacks_some(const json_t *a, const json_t *b)
{
    size_t i, k;
    json_t *x, *y;
    json_array_foreach((json_t *)(uintptr_t)a, i, x)
    {
        bool there = false;
        json_array_foreach((json_t *)(uintptr_t)b, k, y) there |= json_equal(x, y);
        if (!there)
            return true;
    }
    return false;
}

/* Others, not the same in another order: that is the order of everything, and refused. */
static bool other_domains(const json_t *before, const json_t *now)
{
    const json_t *was = json_object_get(before, "domains"), *is = json_object_get(now, "domains");
    return lacks_some(was, is) || lacks_some(is, was);
}

/* Branches that were made stay as long as they are, whatever the search may cost (search.c): at_most says what may be
 * added. */
static bool same_search(const char *key, const json_t *before, const json_t *now)
{
    if (strcmp(key, "search") != 0 || !json_is_object(before) || !json_is_object(now))
        return false;
    json_t *a = json_copy((json_t *)(uintptr_t)before), *b = json_copy((json_t *)(uintptr_t)now);
    json_object_del(a, "at_most");
    json_object_del(b, "at_most");
    bool same = a && b && json_equal(a, b);
    json_decref(a);
    json_decref(b);
    return same;
}

static bool any_star(const asc__study *s)
{
    for (size_t i = 0; i < s->n_runs; i++)
        if (asc__is_star(s->runs[i].kind))
            return true;
    return false;
}

/* Which proxies are chosen, not what one is; the design where no star was made by it. */
static bool chooses_proxies(const asc__study *s, const char *key, const json_t *before, const json_t *now)
{
    if (strcmp(key, "search") == 0)
        return !asc__search_between(before, now, ASC_SEARCH_BRANCH);
    return strncmp(key, "design.", 7) == 0 && !any_star(s);
}

/* From proxies to branches or back. */
static asc_status check_branches(const asc__study *s, const json_t *before, const json_t *now, asc_error *err)
{
    const char *was = asc__search_method_of(before), *is = asc__search_method_of(now);
    if (strcmp(was, is) == 0 || !asc__search_between(before, now, ASC_SEARCH_BRANCH))
        return ASC_OK;
    return ASC_FAIL(err, ASC_EINVAL,
                    "%s: key 'search.method' was changed from %s to %s, but %s holds runs made with the former, and no "
                    "law covers both continuations of the target's own run and runs from the start; revert it, or use "
                    "another --dir",
                    s->spec->path, was, is, s->dir);
}

static asc_status compare(const asc__study *s, const json_t *before, const json_t *now, asc_error *err)
{
    const char *key;
    json_t *value;
    bool others = other_domains(before, now);
    ASC_TRY(check_branches(s, before, now, err));
    json_object_foreach((json_t *)now, key, value)
    {
        const json_t *old = json_object_get(before, key);
        bool free = (is_harmless(key) && !comes_late(s, key, others)) || follows_domains(key, others) ||
                    (!old && comes_or_goes(key)) || chooses_proxies(s, key, before, now);
        if (!free && !json_equal(value, old) && !same_search(key, old, value) && !mended_command(key, old, value))
            return refuse(s, key, old, value, err);
    }
    json_object_foreach((json_t *)before, key, value)
    {
        bool free = (is_harmless(key) && !comes_late(s, key, others)) || comes_or_goes(key) ||
                    chooses_proxies(s, key, before, now);
        if (!json_object_get(now, key) && !free)
            return refuse(s, key, value, NULL, err);
    }
    return ASC_OK;
}

bool asc__study_started(const asc__study *s)
{
    for (size_t i = 0; i < s->n_runs; i++)
        if (s->runs[i].attempts > 0 || s->runs[i].state != ASC_RUN_PENDING)
            return true;
    return false;
}

/* Nothing was made yet: the new file is simply the study. */
static asc_status start_over(asc__study *s, asc_error *err)
{
    char *tokens = asc_path_join(s->dir, "tokens");
    asc_status st = tokens ? asc_remove_tree(tokens, err) : ASC_NOMEM(err);
    for (size_t i = 0; i < s->n_runs && st == ASC_OK; i++)
        st = asc_store_drop_run(s->store, s->runs[i].id, err);
    asc_free(tokens);
    if (st != ASC_OK)
        return st;
    asc_store_runs_free(s->runs, s->n_runs);
    s->runs = NULL;
    s->n_runs = s->cap_runs = 0;
    return ASC_OK;
}

/* An edited study goes on, where it had ended too: noted before the new file is, lest a kill between the two leave an
 * end that is not of this file. */
static asc_status reopen(asc__study *s, asc_error *err)
{
    asc_summary *summary = NULL;
    ASC_TRY(asc_store_get_summary(&summary, s->store, err));
    asc_status st = ASC_OK;
    if (summary) {
        summary->state = ASC_STUDY_INTERRUPTED;
        st = asc_store_put_summary(s->store, summary, err);
    }
    asc_summary_free(summary);
    return st;
}

/* A file that names no architecture means the default; of a study that was begun when the default was another, that
 * one, which its runs were made with. */
static void adopt_arch(asc__study *s, const json_t *before)
{
    asc_arch arch;
    if (s->spec->arch_named)
        return;
    const char *name = json_string_value(json_object_get(before, "model.arch"));
    if (name && asc_arch_parse(name, &arch) && arch != s->spec->model.arch && asc__study_started(s)) {
        s->adopted = *s->spec;
        s->adopted.model.arch = s->model.arch = arch;
        s->spec = &s->adopted;
    }
}

/* The default objective was mean-loss, over all targets, before it was mean-targets or mean-domains. */
static void adopt_objective(asc__study *s, const json_t *before)
{
    static const char old[] = "mean-loss";
    const char *name = json_string_value(json_object_get(before, "objective"));
    if (s->spec->objective_named || !name || strcmp(name, old) != 0 || !asc__study_started(s))
        return;
    if (s->spec->n_heldout)
        asc_notes_say(&s->notes, KEPT_OBJECTIVE, s->V);
    if (s->spec != &s->adopted)
        s->adopted = *s->spec;
    s->adopted.objective = (asc_objective){.kind = ASC_OBJ_MEAN_LOSS, .n_targets = s->V};
    s->adopted.objective_text = (char *)(uintptr_t)old;
    s->spec = &s->adopted;
}

/* Runs of a swarm were never paused before they could be: a study begun then goes on so, unless its file says else. */
void asc__adopt_pause(asc__study *s, const json_t *before)
{
    const char *swarm = asc_search_method_name(ASC_SEARCH_SWARM);
    if (!isnan(s->spec->search.pause) || !before || !asc__by_swarm(s) ||
        strcmp(asc__search_method_of(before), swarm) != 0)
        return;
    const json_t *was = json_object_get(before, "search.pause");
    double pause = json_is_number(was) ? json_number_value(was) : 0;
    if (pause == ASC_SEARCH_PAUSE)
        return;
    if (s->spec != &s->adopted)
        s->adopted = *s->spec;
    s->adopted.search.pause = pause;
    s->spec = &s->adopted;
}

static asc_status adopt_defaults(asc__study *s, asc_error *err)
{
    json_t *before = NULL;
    ASC_TRY(asc_store_get_doc(&before, s->store, "spec", err));
    adopt_arch(s, before);
    adopt_objective(s, before);
    asc__adopt_pause(s, before);
    json_decref(before);
    return ASC_OK;
}

static asc_status take_edit(asc__study *s, const json_t *before, const json_t *now, asc_error *err)
{
    ASC_TRY(compare(s, before, now, err));
    ASC_TRY(asc__earlier_note(s, before, now, err));
    return other_domains(before, now) ? asc__living_note(s, before, err) : ASC_OK;
}

asc_status asc__study_check_edits(asc__study *s, asc_error *err)
{
    ASC_TRY(adopt_defaults(s, err));
    json_t *now = asc_study_canonical(s->spec), *before = NULL;
    asc_status st = now ? asc_store_get_doc(&before, s->store, "spec", err) : ASC_NOMEM(err);
    if (st == ASC_OK && before) {
        const char *name = json_string_value(json_object_get(before, "study"));
        if (name && strcmp(name, s->spec->name) != 0)
            st = ASC_FAIL(err, ASC_EINVAL,
                          "%s: this folder holds the study '%s', but %s is '%s'; give each its own folder with --dir",
                          s->dir, name, s->spec->path, s->spec->name);
        else if (asc__study_started(s))
            st = take_edit(s, before, now, err);
        else if (!json_equal(before, now))
            st = start_over(s, err);
    }
    bool edited = !before || !json_equal(before, now);
    if (st == ASC_OK && edited)
        st = reopen(s, err);
    if (st == ASC_OK && edited)
        st = asc_store_put_doc(s->store, "spec", now, err);
    json_decref(before);
    json_decref(now);
    return st;
}

/* ---- the text ---- */

static const asc_summary_domain *named(const asc_summary *before, const char *name)
{
    for (size_t i = 0; before && i < before->n_domains; i++)
        if (strcmp(before->domains[i].name, name) == 0)
            return &before->domains[i];
    return NULL;
}

/* Name of the first domain or target whose counts differ from those of the runs, or NULL. One that is new has none. */
static const char *changed_domain(const asc__study *s, const asc_summary *before)
{
    for (size_t i = 0; i < s->V; i++) {
        const asc_summary_domain is = asc__domain_report(s, i), *was = named(before, s->reports[i].name);
        if (was && (was->bytes != is.bytes || was->tokens != is.tokens || was->valid_tokens != is.valid_tokens))
            return s->reports[i].name;
    }
    return NULL;
}

static asc_status refuse_text(const asc__study *s, const char *name, asc_error *err)
{
    return ASC_FAIL(err, ASC_EINVAL,
                    "%s: the text of %s%s has changed since the runs in %s were made; restore it, or use another "
                    "--dir",
                    s->spec->path, name ? "domain " : "the domains", name ? name : "", s->dir);
}

static bool any_new(const asc__study *s, const asc_summary *before)
{
    for (size_t i = 0; i < s->V; i++)
        if (!named(before, s->reports[i].name))
            return true;
    return false;
}

/* Other files, and yet what the runs were made and measured with: domains and held-out sets came or went, and the text
 * of all others was found the same (`kept`) when it was read; of a folder of an older version its counts tell. */
static asc_status check_counts(const asc__study *s, const json_t *before, const json_t *now, bool kept, asc_error *err)
{
    asc_summary *corpus = NULL;
    const json_t *was = json_object_get(before, "tokenizer"), *is = json_object_get(now, "tokenizer");
    ASC_TRY(asc_store_get_corpus(&corpus, s->store, err));
    const char *name = changed_domain(s, corpus);
    bool came_or_went = any_new(s, corpus) || (corpus && corpus->n_domains > s->V);
    asc_summary_free(corpus);
    bool same = !name && (kept || came_or_went) && was && json_equal(was, is);
    return same ? ASC_OK : refuse_text(s, name, err);
}

asc_status asc__study_check_text(asc__study *s, asc_error *err)
{
    json_t *report = NULL, *before = NULL;
    char *path = asc_path_join(s->dir, "tokens/report.json");
    asc_status st = path ? asc_json_load(&report, path, err) : ASC_NOMEM(err);
    json_t *now = json_pack("{s:O?,s:O?}", "key", json_object_get(report, "key"), "tokenizer",
                            json_object_get(json_object_get(report, "tokenizer"), "fingerprint"));
    if (st == ASC_OK && !now)
        st = ASC_NOMEM(err);
    if (st == ASC_OK)
        st = asc_store_get_doc(&before, s->store, "text", err);
    if (st == ASC_OK && before && asc__study_started(s) &&
        !json_equal(json_object_get(before, "key"), json_object_get(now, "key")))
        st = check_counts(s, before, now, json_is_true(json_object_get(report, "kept")), err);
    if (st == ASC_OK && !json_equal(before, now))
        st = asc_store_put_doc(s->store, "text", now, err);
    json_decref(now);
    json_decref(before);
    json_decref(report);
    asc_free(path);
    return st;
}
