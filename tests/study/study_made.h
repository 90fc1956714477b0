/* A study of three domains, made of values: no run, and neither file nor store unless a test asks for a folder. */
#ifndef STUDY_MADE_H
#define STUDY_MADE_H

#include "folder.h"
#include "steps.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { D = 3, T = 16 };

static char *names[] = {"books", "code", "news"};
static asc_study_domain domains[D];
static asc_study_spec spec;
static double scales[2], least[D], most[D];
static asc_study_opts opts;
static asc__study s;
static asc_error err;
static char folder[32]; /* "": none yet */
static bool own_mixtures;

/* By branches alone, without proxies before them. */
static inline void by_branches(void)
{
    spec.search.method = ASC_SEARCH_BRANCH;
    spec.search.runs = 0;
    spec.n_scales = 0;
}

/* GPT-2 of one layer; scales of 4800 and 9600 tokens, a target of 160000 in steps of 160; text without end. */
static inline int study_set_up(void **state)
{
    for (size_t i = 0; i < D; i++) {
        domains[i] = (asc_study_domain){.name = names[i], .max_epochs = NAN};
        least[i] = 0;
        most[i] = 1;
    }
    scales[0] = 4800;
    scales[1] = 9600;
    spec = (asc_study_spec){.path = "study.yaml",
                            .name = "tiny",
                            .n_domains = D,
                            .n_targets = D,
                            .domains = domains,
                            .domain_names = names,
                            .target_names = names,
                            .n_scales = 2,
                            .scales = scales,
                            .factor = 3,
                            .down = 3,
                            .repeats = 2,
                            .min = least,
                            .max = most,
                            .valid_tokens = 1000,
                            .objective = {.kind = ASC_OBJ_MEAN_LOSS, .n_targets = D},
                            .objective_text = "mean-loss",
                            .target_tokens = 160000,
                            .validate = true,
                            .seeds = 2};
    spec.training = (asc_training_spec){.batch_tokens = 160, .lr = 1e-3, .seed = 42};
    spec.search = (asc_search_spec){.at_most = NAN,
                                    .prefix = .2,
                                    .branch_tokens = .01,
                                    .pull = .5,
                                    .merges = 8,
                                    .rounds = 2,
                                    .runs = 12,
                                    .swarm_tokens = .01};
    opts = (asc_study_opts){0};
    err = (asc_error){0};
    folder[0] = 0;
    own_mixtures = false;
    s = (asc__study){.spec = &spec, .opts = &opts, .D = D, .V = D, .jobs = 2};
    s.model =
        (asc_model_spec){.arch = ASC_ARCH_GPT2, .n_layers = 1, .n_heads = 1, .width = 8, .context = T, .vocab = 100};
    if (asc__study_limits_alloc(&s, &err) != ASC_OK || asc__sizes_set(&s, &err) != ASC_OK)
        return 1;
    for (size_t i = 0; i < D; i++) {
        s.available[i] = s.there[i] = 1e7;
        s.reference[i] = 1. / D;
        asc__study_set_epochs(&s, i);
    }
    return 0;
}

/* Of asc__add_mixture; a test's own, on its stack, stay its affair. */
static inline void clear_mixtures(void)
{
    for (size_t k = 0; own_mixtures && k < s.n_mixtures; k++) {
        asc_free(s.mixtures[k].name);
        asc_free(s.mixtures[k].word);
        asc_free(s.mixtures[k].weights);
        asc_free(s.mixtures[k].tokens);
        asc_free(s.mixtures[k].later);
        asc_free(s.mixtures[k].runs);
        asc_free(s.mixtures[k].objective);
    }
    if (own_mixtures)
        asc_free(s.mixtures);
}

static inline int study_tear_down(void **state)
{
    clear_mixtures();
    asc__branch_clear(&s);
    asc__rivals_clear(&s);
    asc__torch_clear(&s.torch);
    asc_store_close(s.store);
    json_decref(s.contamination);
    asc_free(s.task_items);
    asc_free(s.task_bytes_per_token);
    asc__swarm_clear(&s);
    asc_free(s.available);
    asc_free(s.there);
    asc_free(s.epoch_tokens);
    asc_free(s.max_epochs);
    asc_free(s.reference);
    asc_free(s.cap_sequences);
    asc_free(s.cap_epochs);
    asc_free(s.prior);
    asc_free(s.cut_scales);
    asc_store_runs_free(s.runs, s.n_runs);
    for (size_t k = 0; s.scales && k < s.spec->n_scales; k++) {
        asc_free(s.scales[k].base);
        asc_free(s.scales[k].runs);
        asc_notes_clear(&s.scales[k].notes);
    }
    asc_free(s.scales);
    asc_notes_clear(&s.notes);
    asc__sizes_clear(&s);
    asc__pools_clear(&s);
    return folder[0] && asc_remove_tree(folder, NULL) != ASC_OK;
}

/* The study in a folder of its own. */
static inline void in_folder(void)
{
    test_folder(folder);
    s.dir = folder;
}

/* And with a store there. */
static inline void with_store(void)
{
    const asc_store_names of = {D, D, names, names};
    in_folder();
    assert_int_equal(asc_store_open(&s.store, folder, &err), ASC_OK);
    asc_store_set_names(s.store, &of);
}

/* A file of the study's folder; folders on its way are made. */
static inline void put_file(const char *name, const char *text)
{
    char *path = asc_path_join(folder, name), *dir = asc_path_dir(path);
    assert_int_equal(asc_mkdirs(dir, NULL), ASC_OK);
    assert_int_equal(asc_write_file(path, text, strlen(text), NULL), ASC_OK);
    asc_free(path);
    asc_free(dir);
}

/* The same as a program. */
static inline char *put_program(const char *name, const char *text)
{
    char *path = asc_path_join(folder, name);
    put_file(name, text);
    assert_int_equal(chmod(path, 0755), 0);
    return path;
}

static inline char *read_text(const char *name)
{
    char *path = asc_path_join(folder, name), *text = NULL;
    size_t n;
    assert_int_equal(asc_read_file(path, 1 << 20, &text, &n, &err), ASC_OK);
    asc_free(path);
    return text;
}

static inline bool is_there(const char *name)
{
    char *path = asc_path_join(folder, name);
    bool there = asc_path_exists(path);
    asc_free(path);
    return there;
}

/* A file of n tokens, name as asc_corpus_prefix has it. */
static inline void put_tokens(const char *name, size_t n)
{
    asc_token_writer *w = NULL;
    char *prefix = asc_path_join(folder, name), *dir = asc_path_dir(prefix);
    int32_t *ids = asc_malloc(n * sizeof *ids);
    for (size_t i = 0; i < n; i++)
        ids[i] = (int32_t)(i % 100);
    assert_int_equal(asc_mkdirs(dir, NULL), ASC_OK);
    assert_int_equal(asc_token_writer_create(&w, prefix, 100, &err), ASC_OK);
    assert_int_equal(asc_token_writer_add(w, ids, n, &err), ASC_OK);
    assert_int_equal(asc_token_writer_commit(w, &err), ASC_OK);
    asc_token_writer_free(w);
    asc_free(ids);
    asc_free(prefix);
    asc_free(dir);
}

/* Room for the target's mixtures. */
static inline void with_mixtures(size_t n)
{
    s.mixtures = asc_calloc(n, sizeof *s.mixtures);
    assert_non_null(s.mixtures);
    own_mixtures = true;
}

static inline bool near(double a, double b)
{
    return fabs(a - b) <= 1e-9 * (1 + fabs(b));
}

static inline void cap_epochs(size_t i, double epochs)
{
    domains[i].max_epochs = epochs;
    asc__study_set_epochs(&s, i);
}

/* Of a star's run: that of the first scale of its tokens. */
static inline char *star_model(asc_run_kind kind, double scale)
{
    for (size_t k = 0; asc__is_star(kind) && k < s.spec->n_scales; k++)
        if (s.spec->scales[k] == scale)
            return (char *)(uintptr_t)asc__size_at_scale(&s, k);
    return NULL;
}

/* A run to ask for others beside: of a scale's star, or of branches. */
static inline const asc_store_run *beside(double scale)
{
    static asc_store_run of;
    of = (asc_store_run){.kind = ASC_KIND_BASE, .model = star_model(ASC_KIND_BASE, scale), .scale = scale};
    return &of;
}

/* One more run, done with this loss on every target. */
static inline asc_store_run *add_done(asc_run_kind kind, const char *id, const char *domain, double scale, double loss)
{
    size_t at;
    double tokens[D] = {scale / D, scale / D, scale / D};
    asc_store_run want = {.id = (char *)(uintptr_t)id,
                          .kind = kind,
                          .mixture = "any",
                          .domain = (char *)(uintptr_t)domain,
                          .model = star_model(kind, scale),
                          .scale = scale,
                          .seed = s.n_runs,
                          .n_domains = D,
                          .tokens = tokens};
    if (asc__study_add_run(&at, &s, &want, false, &err) != ASC_OK)
        abort();
    asc_store_run *r = &s.runs[at];
    r->state = ASC_RUN_DONE;
    r->result = asc_result_create(D, D);
    for (size_t v = 0; v < D; v++)
        r->result->loss[v] = loss;
    return r;
}

#define WITH_STUDY(f) cmocka_unit_test_setup_teardown(f, study_set_up, study_tear_down)

#endif
