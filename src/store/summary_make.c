/* A summary being made: its memory, and what it shows of model and training. */
#include "store/store_summary.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "spec/spec_json.h"

static void clear_notes(asc_summary *s)
{
    for (size_t k = 0; s->scales && k < s->n_scales; k++)
        asc_notes_clear(&s->scales[k].notes);
    asc_notes_clear(&s->prediction.notes);
    asc_notes_clear(&s->notes);
}

void asc_summary_free(asc_summary *s)
{
    if (!s)
        return;
    clear_notes(s);
    asc_arena_clear(&s->arena);
    asc_free(s);
}

asc_summary *asc_summary_create(size_t n_domains, size_t n_targets)
{
    asc_summary *s = asc_calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->n_domains = n_domains;
    s->n_targets = n_targets;
    s->domains = asc_summary_alloc(s, n_domains * sizeof *s->domains);
    s->targets = asc_summary_alloc(s, n_targets * sizeof *s->targets);
    if (!s->oom)
        return s;
    asc_summary_free(s);
    return NULL;
}

void *asc_summary_alloc(asc_summary *s, size_t n)
{
    void *p = asc_arena_alloc(&s->arena, n ? n : 1);
    s->oom |= !p;
    return p;
}

const char *asc_summary_text(asc_summary *s, const char *t)
{
    const char *copy = t ? asc_arena_strdup(&s->arena, t) : NULL;
    s->oom |= t && !copy;
    return copy;
}

double *asc_summary_numbers(asc_summary *s, const double *x, size_t n)
{
    double *copy = x ? asc_summary_alloc(s, n * sizeof *copy) : NULL;
    if (copy)
        memcpy(copy, x, n * sizeof *copy);
    return copy;
}

asc_interval *asc_summary_intervals(asc_summary *s, const double *lo, const double *hi, size_t n)
{
    if (!lo || !hi || isnan(lo[0]))
        return NULL;
    asc_interval *x = asc_summary_alloc(s, n * sizeof *x);
    for (size_t i = 0; x && i < n; i++)
        x[i] = (asc_interval){lo[i], hi[i]};
    return x;
}

/* ---- facts ---- */

enum { MOST_FACTS = 16 };

static void add(asc_summary_facts *f, asc_summary_fact fact)
{
    assert(f->n < MOST_FACTS);
    if (f->fact)
        f->fact[f->n++] = fact;
}

static void add_text(asc_summary *s, asc_summary_facts *f, const char *key, const char *text)
{
    add(f, (asc_summary_fact){key, ASC_FACT_TEXT, .text = asc_summary_text(s, text)});
}

static void add_count(asc_summary_facts *f, const char *key, int64_t n)
{
    add(f, (asc_summary_fact){key, ASC_FACT_COUNT, .count = n});
}

static void add_real(asc_summary_facts *f, const char *key, double x)
{
    add(f, (asc_summary_fact){key, ASC_FACT_REAL, .real = x});
}

/* Those further keys that are set, as the study file writes them. */
static void add_model_keys(asc_summary *s, asc_summary_facts *f, const asc_model_spec *m)
{
    json_t *keys = json_object();
    asc_summary_facts more = {0};
    if (!keys || !asc_model_keys_put(keys, m))
        s->oom = true;
    else
        more = asc_summary_facts_of(s, keys);
    json_decref(keys);
    asc_summary_fact *all = more.n && f->fact ? asc_summary_alloc(s, (f->n + more.n) * sizeof *all) : NULL;
    if (!all)
        return;
    memcpy(all, f->fact, f->n * sizeof *all);
    memcpy(all + f->n, more.fact, more.n * sizeof *all);
    *f = (asc_summary_facts){f->n + more.n, all};
}

asc_summary_facts asc_summary_model(asc_summary *s, const asc_model_spec *m, int64_t n_params, int64_t n_body)
{
    asc_summary_facts f = {.fact = asc_summary_alloc(s, MOST_FACTS * sizeof *f.fact)};
    add_text(s, &f, "arch", asc_arch_name(m->arch));
    add_count(&f, "layers", m->n_layers);
    add_count(&f, "heads", m->n_heads);
    add_count(&f, "width", m->width);
    add_count(&f, "context", m->context);
    add_count(&f, "vocab", m->vocab);
    add_count(&f, "params", n_params);
    add_count(&f, "params_body", n_body);
    add_model_keys(s, &f, m);
    return f;
}

asc_summary_facts asc_summary_training(asc_summary *s, const asc_study_spec *spec)
{
    const asc_training_spec *t = &spec->training;
    asc_summary_facts f = {.fact = asc_summary_alloc(s, MOST_FACTS * sizeof *f.fact)};
    add_text(s, &f, "trainer", spec->trainer.command ? spec->trainer.command : "builtin");
    add_count(&f, "batch_tokens", t->batch_tokens);
    add_real(&f, "lr", t->lr);
    add_real(&f, "warmup", t->warmup);
    add_real(&f, "min_lr", t->min_lr);
    add_text(s, &f, "schedule", asc_schedule_name(t->schedule));
    add_text(s, &f, "dtype", asc_dtype_name(t->dtype));
    add_count(&f, "seed", (int64_t)t->seed);
    add_real(&f, "weight_decay", t->weight_decay);
    add_real(&f, "clip", t->clip);
    add_count(&f, "threads", spec->threads);
    add_count(&f, "ranks", spec->ranks);
    return f;
}
