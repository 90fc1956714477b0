/* Step one: text -> token files, and what the mixtures need to know of them. */
#include "steps.h"

#include <math.h>
#include <string.h>
#include <sys/resource.h>

bool asc__is_text(const asc__study *s, size_t v)
{
    return v < s->D || !s->spec->heldout[v - s->D].task;
}

/* Tokens of one run of so many in all that may be the domain's: all of them, of a star's base times its factor. */
static double most_of(const asc_study_spec *s, size_t i, double total, bool star)
{
    double share = s->reference.weights ? s->reference.weights[i] : 1 / (double)s->n_domains;
    return star && s->reference.kind != ASC_MIXTURE_NATURAL ? total * share * s->factor : total;
}

/* Of proxies of this budget. */
static double most_at(const asc_study_spec *s, size_t i, double budget, bool star)
{
    double matched = s->domains[i].available * fmin(1, budget / s->target_tokens);
    return asc__matches(s) ? matched : most_of(s, i, budget, star && budget != s->target_tokens);
}

double asc__sample_tokens(const asc_study_spec *s, size_t i)
{
    const asc_study_domain *d = &s->domains[i];
    double most = 0;
    if (d->sample != 0)
        return d->sample > 0 ? (double)d->sample : INFINITY;
    for (size_t k = 0; k < s->n_scales; k++)
        most = fmax(most, most_at(s, i, s->scales[k], true));
    if (asc_study_has_swarm(s))
        most = fmax(most, most_at(s, i, asc_study_swarm_tokens(s), false));
    if (s->validate || s->search.method == ASC_SEARCH_BRANCH)
        most = fmax(most, most_of(s, i, s->target_tokens, false) * s->max[i]);
    return ceil(fmin(most, d->available) + (d->n_valid ? 0 : (double)s->valid_tokens));
}

static asc_corpus_domain corpus_domain(const asc_study_spec *s, size_t i)
{
    const asc_study_domain *d = i < s->n_domains ? &s->domains[i] : &s->heldout[i - s->n_domains];
    double sample = i < s->n_domains ? asc__sample_tokens(s, i) : INFINITY;
    return (asc_corpus_domain){.name = d->name,
                               .sample_tokens = isfinite(sample) ? (int64_t)sample : 0,
                               .part_of = d->part_of,
                               .field = d->field,
                               .dtype = d->dtype,
                               .train = d->train,
                               .n_train = d->n_train,
                               .valid = d->valid,
                               .n_valid = d->n_valid};
}

/* Every domain is two mapped files in a run and every target two more; the kernel allows so many per process. */
static asc_status check_maps(const asc_study_spec *spec, asc_error *err)
{
    char *text = NULL;
    size_t n;
    int64_t limit = 65530;
    asc_error ignored;
    if (asc_read_file("/proc/sys/vm/max_map_count", 64, &text, &n, &ignored) == ASC_OK) {
        text[strcspn(text, "\n")] = 0;
        asc_parse_count(text, &limit);
        asc_free(text);
    }
    int64_t need = (int64_t)(4 * spec->n_domains + 2 * spec->n_heldout) + 1000;
    if (need <= limit)
        return ASC_OK;
    return ASC_FAIL(err, ASC_EINVAL,
                    "%s: domains: %zu domains and %zu targets need about %lld memory maps, this machine allows %lld "
                    "per process (sysctl vm.max_map_count)",
                    spec->path, spec->n_domains, spec->n_heldout, (long long)need, (long long)limit);
}

/* Targets that are tasks have reports too, with a name and nothing else, so that reports follow the targets. */
static asc_status make_room(asc_domain_report **reports, const asc_study_spec *spec, size_t n, asc_error *err)
{
    if (n == spec->n_targets)
        return ASC_OK;
    asc_domain_report *more = asc_reallocarray(*reports, spec->n_targets, sizeof *more);
    if (!more) {
        asc_domain_reports_free(*reports, n);
        *reports = NULL;
        return ASC_NOMEM(err);
    }
    for (size_t i = spec->n_heldout; i-- > 0;) {
        size_t at = spec->n_domains + i;
        if (!spec->heldout[i].task)
            more[at] = more[--n];
        else
            more[at] = (asc_domain_report){.name = asc_strdup(spec->heldout[i].name), .bytes_per_token = NAN};
    }
    *reports = more;
    return ASC_OK;
}

asc_status asc__corpus_prepare(asc_domain_report **out, const asc_study_spec *spec, const char *tokens,
                               const char *kept_for, int n_threads, asc_progress_fn progress, void *ctx, asc_error *err)
{
    size_t n = spec->n_domains;
    ASC_TRY(check_maps(spec, err));
    asc_corpus_domain *domains = asc_calloc(spec->n_targets, sizeof *domains);
    char *tokenizer = NULL;
    if (spec->tokenizer_path)
        tokenizer = asc_path_join(spec->base_dir, spec->tokenizer_path);
    asc_status st = domains && (tokenizer || !spec->tokenizer_path) ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK) {
        for (size_t i = 0; i < spec->n_domains; i++)
            domains[i] = corpus_domain(spec, i);
        for (size_t i = 0; i < spec->n_heldout; i++)
            if (!spec->heldout[i].task)
                domains[n++] = corpus_domain(spec, spec->n_domains + i);
        asc_corpus_opts opts = {.domains = domains,
                                .n_domains = n,
                                .base_dir = spec->base_dir,
                                .tokenizer_path = tokenizer,
                                .tokenizer_kind = spec->tokenizer_kind,
                                .vocab = spec->tokenizer_vocab,
                                .end = spec->tokenizer_end,
                                .valid_tokens = spec->valid_tokens,
                                .n_threads = n_threads,
                                .out_dir = tokens,
                                .kept_for = kept_for,
                                .progress = progress,
                                .progress_ctx = ctx};
        st = asc_corpus_prepare(out, &opts, err);
    }
    if (st == ASC_OK)
        st = make_room(out, spec, n, err);
    asc_free(domains);
    asc_free(tokenizer);
    return st;
}

/* ---- what mixtures need ---- */

static asc_status read_vocab(asc__study *s, asc_error *err)
{
    asc_tokenizer *t = NULL;
    char *path = asc_path_join(s->dir, "tokens/tokenizer.json");
    if (!path)
        return ASC_NOMEM(err);
    asc_status st = asc_tokenizer_load(&t, path, err);
    asc_free(path);
    if (st != ASC_OK)
        return st;
    s->model = s->spec->model;
    s->model.vocab = (int)asc_tokenizer_vocab(t);
    asc_tokenizer_free(t);
    return asc__sizes_set(s, err);
}

void asc__study_weights(double *w, const asc__study *s, const asc_mixture_ref *ref)
{
    double sum = 0;
    for (size_t i = 0; i < s->D; i++)
        sum += s->available[i];
    for (size_t i = 0; i < s->D; i++)
        w[i] = ref->kind == ASC_MIXTURE_NATURAL ? s->available[i] / sum
               : ref->weights                   ? ref->weights[i]
                                                : 1 / (double)s->D;
}

void asc__study_set_epochs(asc__study *s, size_t i)
{
    asc__epochs e;
    s->max_epochs[i] = s->spec->domains[i].max_epochs;
    asc__epochs_of(&e, s->available[i], s->model.context, s->max_epochs[i]);
    s->epoch_tokens[i] = e.epoch_tokens;
    s->cap_sequences[i] = e.cap_sequences;
    s->cap_epochs[i] = e.cap_epochs;
}

asc_limits asc__limits_of(const asc__study *s, double budget, bool discount)
{
    const asc__pool *p = asc__pool_at(s, budget);
    bool any = discount;
    for (size_t i = 0; i < s->D; i++)
        any |= !isnan(s->cap_epochs[i]);
    return (asc_limits){.lo = s->spec->min,
                        .hi = s->spec->max,
                        .available = !any ? NULL
                                     : p  ? p->available
                                          : s->available,
                        .max_epochs = any ? INFINITY : 1,
                        .epochs = !any ? NULL
                                  : p  ? p->cap_epochs
                                       : s->cap_epochs,
                        .prior = s->spec->prior.name ? s->prior : NULL,
                        .kl = s->spec->kl};
}

/* Unique tokens, caps, and one sequence at least of every domain. */
static asc_status set_limits(asc__study *s, asc_error *err)
{
    double T = s->model.context;
    for (size_t i = 0; i < s->D; i++) {
        const asc_study_domain *d = &s->spec->domains[i];
        s->there[i] = (double)s->reports[i].n_tokens;
        s->available[i] = d->available > 0 ? d->available : s->there[i];
        if (s->there[i] < T + 1)
            return ASC_FAIL(
                err, ASC_EINVAL,
                "%s: domain '%s' has %.0f training tokens, fewer than one sequence of %.0f (model.context + 1)",
                s->spec->path, d->name, s->there[i], T + 1);
        if (s->available[i] < s->there[i])
            return ASC_FAIL(err, ASC_EINVAL,
                            "%s: domain '%s': available: %.0f tokens, but its files, a sample of them, hold %.0f",
                            s->spec->path, d->name, s->available[i], s->there[i]);
        asc__study_set_epochs(s, i);
    }
    return ASC_OK;
}

/* What each held-out text costs a model that knows its word frequencies and nothing else. */
static asc_status count_words(asc__study *s, asc_error *err)
{
    s->word_nats = asc_calloc(s->V, sizeof *s->word_nats);
    char *folder = asc_path_join(s->dir, "tokens");
    asc_status st = s->word_nats && folder ? ASC_OK : ASC_NOMEM(err);
    for (size_t v = 0; st == ASC_OK && v < s->V; v++) {
        asc_token_file *f = NULL;
        s->word_nats[v] = NAN;
        if (!asc__is_text(s, v))
            continue;
        char *prefix = asc_corpus_prefix(folder, s->spec->target_names[v], true);
        st = prefix ? asc_token_file_open(&f, prefix, err) : ASC_NOMEM(err);
        if (st == ASC_OK)
            st = asc_token_file_entropy(&s->word_nats[v], f, s->spec->valid_tokens, s->model.vocab, err);
        asc_token_file_close(f);
        asc_free(prefix);
    }
    asc_free(folder);
    return st;
}

asc_status asc__study_limits_alloc(asc__study *s, asc_error *err)
{
    s->available = asc_calloc(s->D, sizeof *s->available);
    s->there = asc_calloc(s->D, sizeof *s->there);
    s->max_epochs = asc_calloc(s->D, sizeof *s->max_epochs);
    s->reference = asc_calloc(s->D, sizeof *s->reference);
    s->cap_sequences = asc_calloc(s->D, sizeof *s->cap_sequences);
    s->epoch_tokens = asc_calloc(s->D, sizeof *s->epoch_tokens);
    s->cap_epochs = asc_calloc(s->D, sizeof *s->cap_epochs);
    s->prior = asc_calloc(s->D, sizeof *s->prior);
    return s->cap_epochs && s->prior && s->available && s->there && s->epoch_tokens && s->max_epochs && s->reference &&
                   s->cap_sequences
               ? ASC_OK
               : ASC_NOMEM(err);
}

/* What there is of every text, to be compared when the study is run again. */
static asc_status keep_reports(asc__study *s, asc_error *err)
{
    asc_summary_domain *d = asc_calloc(s->V, sizeof *d);
    for (size_t i = 0; d && i < s->V; i++)
        d[i] = asc__domain_report(s, i);
    asc_status st = d ? asc_store_put_corpus(s->store, d, s->V, err) : ASC_NOMEM(err);
    asc_free(d);
    return st;
}

asc_status asc__study_corpus(asc__study *s, asc_error *err)
{
    char *folder = asc_path_join(s->dir, "tokens");
    asc_status made = folder ? asc__corpus_prepare(&s->reports, s->spec, folder, asc__study_started(s) ? s->dir : NULL,
                                                   s->jobs, s->opts->progress, s->opts->ctx, err)
                             : ASC_NOMEM(err);
    asc_free(folder);
    if (made != ASC_OK)
        return made;
    ASC_TRY(asc__study_limits_alloc(s, err));
    ASC_TRY(asc__study_check_text(s, err));
    ASC_TRY(read_vocab(s, err));
    ASC_TRY(set_limits(s, err));
    ASC_TRY(count_words(s, err));
    asc__study_weights(s->reference, s, &s->spec->reference);
    if (s->spec->prior.name)
        asc__study_weights(s->prior, s, &s->spec->prior);
    return keep_reports(s, err);
}
