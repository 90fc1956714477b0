/* The study, step by step. Every step can be repeated: what is done is found done. */
#include "steps.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "device/device.h"

/* ---- life ---- */

static void clear_scale(asc__scale *sc)
{
    asc_free(sc->base);
    asc_free(sc->runs);
    asc_law_set_clear(&sc->law);
    asc_ddo_star_clear(&sc->star);
    asc_mix_result_clear(&sc->optimum);
    asc_notes_clear(&sc->notes);
    asc_free(sc->why);
}

static void clear_mixture(asc__mixture *m)
{
    asc_free(m->name);
    asc_free(m->word);
    asc_free(m->weights);
    asc_free(m->tokens);
    asc_free(m->later);
    asc_free(m->runs);
    asc_free(m->objective);
}

static void study_clear(asc__study *s)
{
    asc_domain_reports_free(s->reports, s->reports ? s->V : 0);
    asc_free(s->available);
    asc_free(s->there);
    asc__pools_clear(s);
    asc_free(s->epoch_tokens);
    asc_free(s->word_nats);
    asc_free(s->max_epochs);
    asc_free(s->reference);
    asc_free(s->cap_sequences);
    asc_free(s->cap_epochs);
    asc_free(s->prior);
    asc_free(s->start);
    asc_free(s->start_why);
    asc_store_runs_free(s->runs, s->n_runs);
    asc_store_runs_free(s->aside, s->n_aside);
    asc__sizes_clear(s);
    for (size_t i = 0; s->scales && i < s->spec->n_scales; i++)
        clear_scale(&s->scales[i]);
    asc_free(s->scales);
    asc_rule_result_clear(&s->rule);
    asc_optima_clear(&s->optima);
    asc_law_set_clear(&s->joint_law);
    asc_mix_result_clear(&s->joint);
    for (size_t i = 0; s->mixtures && i < s->n_mixtures; i++)
        clear_mixture(&s->mixtures[i]);
    asc_free(s->mixtures);
    asc_notes_clear(&s->notes);
    asc_summary_free(s->before);
    json_decref(s->contamination);
    asc_free(s->task_items);
    asc_free(s->task_bytes_per_token);
    asc_store_close(s->store);
    asc__branch_clear(s);
    asc__rivals_clear(s);
    asc__swarm_clear(s);
    asc_free(s->cut_scales);
    asc_free(s->dir);
    asc_free(s->program);
    asc__torch_clear(&s->torch);
}

static asc_status study_init(asc__study *s, const asc_study_spec *spec, const asc_study_opts *opts, asc_error *err)
{
    char self[PATH_MAX];
    *s = (asc__study){.spec = spec, .opts = opts, .D = spec->n_domains, .V = spec->n_targets};
    s->jobs = opts->jobs > 0   ? opts->jobs
              : spec->jobs > 0 ? spec->jobs
                               : asc_cpu_count() / (spec->threads * spec->ranks);
    s->jobs = s->jobs > 0 ? s->jobs : 1;
    s->isa = opts->isa != ASC_ISA_AUTO ? opts->isa : spec->isa;
    s->model = spec->model;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = 0;
    s->program = asc_strdup(opts->program ? opts->program : n > 0 ? self : "autoscale");
    return s->program ? ASC_OK : ASC_NOMEM(err);
}

/* ---- what is fixed when a study is created ---- */

static asc_store_created create_now(const asc__study *s)
{
    asc_store_created c = {.isa = s->isa,
                           .cores = asc_cpu_count(),
                           .peak_gflops = asc_device_peak_gflops(s->isa, s->spec->training.dtype, .2)};
    time_t now = time(NULL);
    struct tm tm;
    if (gmtime_r(&now, &tm))
        strftime(c.when, sizeof c.when, "%Y-%m-%dT%H:%M:%SZ", &tm);
    snprintf(c.version, sizeof c.version, "%s", ASC_VERSION);
    snprintf(c.cpu, sizeof c.cpu, "%s", asc_device_cpu_name());
    return c;
}

/* The instruction set of a study is that of its first runs, whatever machine goes on with it. */
static asc_status resolve(asc__study *s, asc_error *err)
{
    asc_store_created before;
    asc_isa asked = s->isa;
    ASC_TRY(asc_store_get_created(&before, s->store, err));
    bool started = asc__study_started(s), fixed = before.isa != ASC_ISA_AUTO;
    if (fixed && started && asked != ASC_ISA_AUTO && asked != before.isa)
        return ASC_FAIL(err, ASC_EINVAL,
                        "%s: isa %s requested, but this study's runs use %s, which is fixed for the study", s->dir,
                        asc_isa_name(asked), asc_isa_name(before.isa));
    if (fixed && (started || asked == ASC_ISA_AUTO))
        s->isa = before.isa;
    ASC_TRY(asc__torch_find(s, err));
    ASC_TRY(asc__study_check_place(s, err));
    s->isa = asc_device_isa_resolve(s->isa);
    bool same = before.isa == s->isa;
    s->created = same ? before : create_now(s);
    return same ? ASC_OK : asc_store_put_created(s->store, &s->created, err);
}

static asc_status keep_source(const asc__study *s, asc_error *err)
{
    char *text = NULL;
    size_t n;
    asc_error ignored;
    if (asc_read_file(s->spec->path, 16 << 20, &text, &n, &ignored) != ASC_OK)
        return ASC_OK;                              /* a spec that came from no file */
    const char *metrics = s->spec->trainer.metrics; /* for `status`, which knows the store alone */
    json_t *doc = json_pack("{s:o,s:s,s:s?}", "path", json_string(s->spec->path), "text", text, "metrics", metrics);
    asc_free(text);
    asc_status st = doc ? asc_store_put_doc(s->store, "source", doc, err) : ASC_OK;
    json_decref(doc);
    return st;
}

/* ---- steps ---- */

static bool scale_complete(const asc__study *s, size_t k)
{
    for (size_t i = 0; i < s->n_runs; i++)
        if (asc__at_scale(s, &s->runs[i], k) && s->runs[i].state != ASC_RUN_DONE &&
            s->runs[i].state != ASC_RUN_DIVERGED)
            return false;
    return true;
}

/* A scale whose last run ended is fitted at once; the summary follows, at most every half minute else. */
static asc_status star_ended(asc__study *s, size_t run, asc_error *err)
{
    bool news = false;
    asc__study_say_learnt(s, &s->runs[run], false);
    for (size_t k = 0; k < s->spec->n_scales; k++) {
        asc__scale *sc = &s->scales[k];
        if (sc->complete || !asc__at_scale(s, &s->runs[run], k) || !scale_complete(s, k))
            continue;
        sc->complete = news = true;
        asc__study_say_learnt(s, &s->runs[run], true);
        ASC_TRY(asc__study_step(s, "fitting", asc__study_fit_scale, k, s->spec->n_scales, err));
    }
    if (news)
        s->last_report_s = -INFINITY;
    return asc__publish_all(s, run, err);
}

/* What had ended under the same study file stays as it was, whatever this version makes of its runs. */
static asc_status find_before(asc__study *s, asc_error *err)
{
    asc_summary *summary = NULL;
    if (s->opts->refit)
        return ASC_OK;
    ASC_TRY(asc_store_get_summary(&summary, s->store, err));
    if (summary && summary->state == ASC_STUDY_DONE)
        s->before = summary;
    else
        asc_summary_free(summary);
    return ASC_OK;
}

/* Another answer than it gave: it is kept. */
static bool keep_for_answer(asc__study *s)
{
    const asc__mixture *m = &s->mixtures[s->answer.mixture];
    const asc_summary_answer *was = s->before ? &s->before->answer : NULL;
    s->kept =
        was && !(was->known && was->name && strcmp(was->name, m->name) == 0 && was->weights &&
                 s->before->n_domains == s->D && memcmp(was->weights, m->weights, s->D * sizeof *m->weights) == 0);
    return s->kept;
}

static void say_kept(const asc__study *s)
{
    if (s->opts->note)
        s->opts->note(s->opts->ctx, "this study is finished and keeps its answer; this version of autoscale would "
                                    "train or choose other mixtures: continue it with --refit, or edit the study");
}

static asc_status make_kind(asc__study *s, bool target, asc__ended_fn ended, asc_error *err)
{
    size_t n = 0, *list = asc_calloc(s->n_runs + 1, sizeof *list);
    if (!list)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < s->n_runs && !target; i++)
        for (size_t k = 0; k < s->spec->n_scales; k++) /* an edited study may have left a scale out */
            if (asc__at_scale(s, &s->runs[i], k))
                list[n++] = i;
    asc_status st = ASC_OK;
    if (target) {
        asc_free(list);
        list = asc_calloc(s->n_mixtures * (size_t)s->spec->seeds + 1, sizeof *list);
        for (size_t m = 0; list && m < s->n_mixtures; m++)
            for (int r = 0; r < s->spec->seeds; r++)
                list[n++] = s->mixtures[m].runs[r];
        st = list ? ASC_OK : ASC_NOMEM(err);
    }
    if (st == ASC_OK)
        st = asc__make_list(s, list, n, ended, err);
    asc_free(list);
    return st;
}

static asc_status doubt_proxies(asc__study *s, asc_error *err)
{
    ASC_TRY(asc__pools_make(s, err));
    asc__doubt_steps(&s->notes, s);
    asc__doubt_distance(&s->notes, s);
    asc__doubt_repetition(&s->notes, s);
    return ASC_OK;
}

static asc_status make_stars(asc__study *s, asc_error *err)
{
    ASC_TRY(asc__study_stars(s, !s->before, err));
    ASC_TRY(doubt_proxies(s, err));
    if (!s->before)
        ASC_TRY(asc__study_publish(s, ASC_STUDY_RUNNING, err));
    ASC_TRY(make_kind(s, false, star_ended, err));
    if (s->kept)
        return ASC_OK;
    for (size_t k = 0; k < s->spec->n_scales; k++) {
        s->scales[k].complete = true;
        ASC_TRY(asc__study_step(s, "fitting", asc__study_fit_scale, k, s->spec->n_scales, err));
    }
    return s->before ? ASC_OK : asc__study_write_tables(s, err);
}

/* Its stars first, where it has some: the law that chooses its later rounds knows them. */
static asc_status make_swarm(asc__study *s, asc_error *err)
{
    if (s->spec->n_scales)
        ASC_TRY(make_stars(s, err));
    else
        ASC_TRY(doubt_proxies(s, err));
    return s->kept ? ASC_OK : asc__swarm_search(s, err);
}

static asc_status make_branches(asc__study *s, asc_error *err)
{
    if (asc__has_swarm_step(s))
        ASC_TRY(make_swarm(s, err));
    else
        asc__doubt_steps(&s->notes, s);
    if (s->kept)
        return ASC_OK;
    ASC_TRY(asc__find_start(s, err));
    return asc__branch_search(s, err);
}

static asc_status predict(asc__study *s, size_t k, asc_error *err)
{
    return asc__study_predict(s, err);
}

static asc_status mixtures(asc__study *s, size_t k, asc_error *err)
{
    return asc__study_mixtures(s, err);
}

static asc_status answer(asc__study *s, size_t k, asc_error *err)
{
    ASC_TRY(asc__study_answer(s, err));
    asc__study_verdict(s->answer.verdict, sizeof s->answer.verdict, s, &s->answer);
    return ASC_OK;
}

static asc_status make_target(asc__study *s, asc_error *err)
{
    if (asc__by_branches(s))
        ASC_TRY(asc__branch_mixtures(s, err));
    else {
        if (!asc__by_swarm(s))
            ASC_TRY(asc__study_step(s, "predicting", predict, 0, 2, err));
        ASC_TRY(asc__study_step(s, "predicting", mixtures, 1, 2, err));
        if (!s->spec->validate)
            return ASC_OK;
    }
    ASC_TRY(asc__study_target_runs(s, !s->before, err));
    if (!s->before) {
        ASC_TRY(asc__study_write_tables(s, err));
        ASC_TRY(asc__study_publish(s, ASC_STUDY_RUNNING, err));
    }
    ASC_TRY(make_kind(s, true, asc__publish_all, err));
    s->target_ended = true;
    return ASC_OK;
}

static asc_status map_runs(asc__study *s, asc_error *err)
{
    json_t *lists = NULL;
    ASC_TRY(asc__living_lists(&lists, s->store, err));
    asc_status st = asc__living_map(s, s->dir, lists, &s->notes, err);
    json_decref(lists);
    json_t *earlier = NULL;
    if (st == ASC_OK)
        st = asc__earlier_list(&earlier, s->store, NULL, NULL, 0, err);
    if (st == ASC_OK)
        asc__earlier_mark(&s->notes, s->runs, s->n_runs, earlier);
    json_decref(earlier);
    return st;
}

static asc_status all_steps(asc__study *s, asc_error *err)
{
    const asc_store_names names = {s->D, s->V, s->spec->domain_names, s->spec->target_names};
    asc_folder_clean(s->dir, false);
    asc_store_set_names(s->store, &names);
    ASC_TRY(asc_store_runs(&s->runs, &s->n_runs, s->store, err));
    s->cap_runs = s->n_runs;
    ASC_TRY(asc__study_check_edits(s, err));
    ASC_TRY(asc__study_check_executor(s->spec, err));
    ASC_TRY(find_before(s, err));
    ASC_TRY(keep_source(s, err));
    ASC_TRY(resolve(s, err));
    ASC_TRY(asc__study_corpus(s, err));
    ASC_TRY(asc__study_started(s) ? asc__cut_read(s, s->store, err) : ASC_OK);
    ASC_TRY(asc__start_read(s, s->store, s->runs, s->n_runs, err));
    ASC_TRY(map_runs(s, err));
    ASC_TRY(asc__search_cut(s, &s->notes, err));
    ASC_TRY(asc__study_contamination(s, err));
    ASC_TRY(asc__study_task_targets(s, err));
    ASC_TRY(asc__study_new_targets(s, err));
    ASC_TRY(asc__rivals_begin(s, !s->before, &s->notes, err));
    ASC_TRY(asc__by_branches(s) ? make_branches(s, err) : asc__by_swarm(s) ? make_swarm(s, err) : make_stars(s, err));
    if (!s->kept)
        ASC_TRY(asc__rivals_make(s, err));
    if (!s->kept)
        ASC_TRY(make_target(s, err));
    if (!s->kept)
        ASC_TRY(asc__study_step(s, "deciding", answer, 0, 1, err));
    if (!s->kept)
        asc__doubt_answer(s);
    if (s->kept || keep_for_answer(s))
        return ASC_OK;
    ASC_TRY(asc__study_write_answer(s, err));
    ASC_TRY(asc__study_write_tables(s, err));
    if (!s->before)
        ASC_TRY(asc__study_publish(s, ASC_STUDY_RUNNING, err));
    return asc__study_judge(s, err);
}

/* Made before the store is opened, so that a mistyped path makes no folder with a database in it. */
static asc_status open_folder(asc__study *s, asc_error *err)
{
    char real[PATH_MAX];
    const char *dir = s->opts->dir ? s->opts->dir : ".";
    ASC_TRY(asc_mkdirs(dir, err));
    if (!realpath(dir, real))
        return ASC_FAIL(err, ASC_EIO, "%s: no such folder", dir);
    s->dir = asc_strdup(real);
    return s->dir ? asc_store_open(&s->store, s->dir, err) : ASC_NOMEM(err);
}

asc_status asc_study_run(asc_summary **summary, const asc_study_spec *spec, const asc_study_opts *opts, asc_error *err)
{
    asc__study s;
    asc_status st = study_init(&s, spec, opts, err);
    if (st == ASC_OK)
        st = open_folder(&s, err);
    if (st == ASC_OK)
        st = all_steps(&s, err);
    bool known = s.created.isa != ASC_ISA_AUTO && s.reports;
    asc_study_state state = st == ASC_OK ? ASC_STUDY_DONE : st == ASC_EINTR ? ASC_STUDY_INTERRUPTED : ASC_STUDY_FAILED;
    if (st == ASC_OK && s.kept)
        say_kept(&s);
    else if (known) {
        asc_error second = {0};
        asc_status published = asc__study_publish(&s, state, &second);
        if (st == ASC_OK && published != ASC_OK) {
            st = published;
            if (err)
                *err = second;
        }
    }
    if (s.store)
        asc__study_notify(&s, st == ASC_OK || state != ASC_STUDY_DONE ? state : ASC_STUDY_FAILED, err);
    if (st == ASC_OK && summary) {
        *summary = s.kept ? s.before : asc__study_summary(&s, ASC_STUDY_DONE);
        s.before = s.kept ? NULL : s.before;
        st = *summary ? ASC_OK : ASC_NOMEM(err);
    }
    study_clear(&s);
    return st;
}

/* ---- tokens alone, plan ---- */

asc_status asc_study_tokenize(asc_domain_report **reports, const asc_study_spec *spec, const asc_study_opts *opts,
                              asc_error *err)
{
    const char *dir = opts->dir ? opts->dir : "tokens";
    char *study = asc_strf("%s/..", dir), *store = study ? asc_path_join(study, "study.db") : NULL;
    bool runs = store && asc_path_exists(store); /* which were made of what is there */
    asc_status st =
        store ? asc__corpus_prepare(reports, spec, dir, runs ? study : NULL,
                                    opts->jobs > 0 ? opts->jobs : asc_cpu_count(), opts->progress, opts->ctx, err)
              : ASC_NOMEM(err);
    asc_free(store);
    asc_free(study);
    return st;
}

asc_status asc_study_plan(asc_plan **out, const asc_study_spec *spec, const asc_study_opts *opts, asc_error *err)
{
    asc__study s;
    asc_status st = study_init(&s, spec, opts, err);
    if (st == ASC_OK)
        st = asc__study_plan(out, &s, opts->dir ? opts->dir : ".", err);
    study_clear(&s);
    return st;
}
