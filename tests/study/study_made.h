/* A study of three domains, made of values: no file, no store, no run. */
#ifndef STUDY_MADE_H
#define STUDY_MADE_H

#include "steps.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { D = 3, T = 16 };

static char *names[] = {"books", "code", "news"};
static asc_study_domain domains[D];
static asc_study_spec spec;
static double scales[2], least[D], most[D];
static asc_study_opts opts;
static asc__study s;
static asc_error err;

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

static inline int study_tear_down(void **state)
{
    asc__branch_clear(&s);
    asc_free(s.swarm.runs);
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
    return 0;
}

static inline void cap_epochs(size_t i, double epochs)
{
    domains[i].max_epochs = epochs;
    asc__study_set_epochs(&s, i);
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
