/* What a study has to say against itself, as notes beside its answer: too few steps, runs that diverged, bursts of
 * gradients, effects within the noise, models that know little but word frequencies. Judged for our own trainer; of
 * another one's runs we know neither the steps nor the tokenizer, only what result.json says. */
#include "steps.h"

#include <math.h>
#include <string.h>

#include "num/num.h"

/* Ours, from studies of real text (docs/results/reliability.md): standard deviations of one run between seeds of .03
 * to .24 nats at 60 to 350 steps, .007 to .03 from 489 on. Masked models learn from a seventh of their tokens: after
 * 977 and 1954 steps ours knew little beyond word frequencies (docs/results/bert.md). */
enum { FEW_STEPS = 400, FEW_STEPS_MASKED = 2000 };
/* Ours: with the loss above nine tenths of the word frequencies' entropy a run is on the plateau where it knows these,
 * or about to leave it, which seeds do at different times. */
#define LITTLE_LEARNT .9
enum { MOST_NAMED = 4 };

/* ---- lists of names ---- */

/* One more of a list that names the first few. */
static void __attribute__((format(printf, 3, 4))) name_run(asc_buf *b, size_t *n, const char *fmt, ...)
{
    char text[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if ((*n)++ < MOST_NAMED)
        asc_buf_printf(b, "%s%s", *n > 1 ? ", " : "", text);
}

/* " and 3 more" of n that are named in part, or "". */
static const char *and_more(char more[32], size_t n)
{
    more[0] = 0;
    if (n > MOST_NAMED)
        snprintf(more, 32, " and %zu more", n - MOST_NAMED);
    return more;
}

/* ---- steps ---- */

/* Steps below which a run of this architecture tells little. */
static int few_steps(const asc__study *s)
{
    return asc_arch_is_encoder(s->model.arch) ? FEW_STEPS_MASKED : FEW_STEPS;
}

/* "120 at the target's 1M" where these tokens are few steps; as the trainer itself counts them. */
static void name_steps(asc_buf *b, const asc__study *s, double tokens, const char *what)
{
    char label[32];
    int64_t sequences = (int64_t)(tokens / s->model.context);
    int64_t steps = asc_train_steps_of(&s->model, &s->spec->training, sequences).n_steps;
    if (steps < few_steps(s))
        asc_buf_printf(b, "%s%lld at %s%s", b->len ? ", " : "", (long long)steps, what,
                       asc_format_count(tokens, label));
}

void asc__doubt_steps(asc_notes *notes, const asc__study *s)
{
    asc_buf b = {0};
    for (size_t k = 0; k < s->spec->n_scales && !s->spec->trainer.command; k++)
        if (k == 0 || s->spec->scales[k] != s->spec->scales[k - 1])
            name_steps(&b, s, s->spec->scales[k], "");
    if (asc_study_has_swarm(s->spec) && !s->spec->trainer.command)
        name_steps(&b, s, asc__swarm_tokens(s), "the swarm's ");
    if (s->spec->validate && !s->spec->trainer.command)
        name_steps(&b, s, s->spec->target_tokens, "the target's ");
    if (b.len && !b.oom)
        asc_notes_say(
            notes, FEW_STEPS, b.data, (long long)s->spec->training.batch_tokens, few_steps(s),
            asc_arch_is_encoder(s->model.arch)
                ? "in our measurements masked models had learned little beyond token frequencies"
                : "in our measurements seeds of one run differed by up to a quarter of a nat, as much as domains do");
    asc_buf_clear(&b);
}

/* ---- distance ---- */

/* Ours: beyond ten times the largest scale no test of the rule or of a law stands behind the answer. [M23]: repeated
 * tokens are nearly as good as new ones for four epochs, and worth little after sixteen. */
#define FAR 10.
#define MANY_EPOCHS 4.

static void widen(double *least, double *most, double p)
{
    *least = fmin(*least, p);
    *most = fmax(*most, p);
}

/* Models of their own size: what of the step from the proxies to the target was measured. */
static void doubt_sizes(asc_notes *notes, const asc__study *s)
{
    double least = INFINITY, most = 0, P = asc__size_params(asc__target_size(s));
    double first = INFINITY, last = 0; /* of the largest model of each budget: the rule's */
    char target[32], label[32];
    for (size_t k = 0; k < s->spec->n_scales; k++) {
        double p = asc__size_params(asc__size_of(s, asc__size_at_scale(s, k)));
        widen(&least, &most, p);
        if (k + 1 == s->spec->n_scales || s->spec->scales[k + 1] != s->spec->scales[k])
            widen(&first, &last, p);
    }
    if (asc_study_has_swarm(s->spec) && s->spec->n_scales)
        widen(&least, &most, asc__size_params(asc__size_of(s, s->spec->search.model)));
    if (s->n_sizes < 2 || most == 0)
        return;
    asc_format_count(P, target);
    asc_format_count(most, label);
    if (most == least && P != most)
        asc_notes_say(notes, ONE_SIZE, target, label);
    else if (P > most * FAR)
        asc_notes_say(notes, FAR_SIZE, target, P / most, label);
    if (asc_study_shares_budgets(s->spec) ? last > first : most > least)
        asc_notes_say(notes, SIZES_GROW);
}

void asc__doubt_distance(asc_notes *notes, const asc__study *s)
{
    char target[32], label[32];
    doubt_sizes(notes, s);
    if (!s->spec->n_scales)
        return;
    double largest = s->spec->scales[s->spec->n_scales - 1], text = 0;
    largest = fmax(largest, asc_study_has_swarm(s->spec) ? asc__swarm_tokens(s) : 0);
    double times = s->spec->target_tokens / largest;
    asc_format_count(s->spec->target_tokens, target);
    asc_format_count(largest, label);
    if (times > FAR)
        asc_notes_say(notes, FAR_TARGET, target, times, label,
                      s->spec->validate ? "" : ", and nothing is trained there (target.validate: false)");
    else if (times > 1.001 && !s->spec->validate)
        asc_notes_say(notes, UNTRAINED_TARGET, target, times, label);
    for (size_t i = 0; i < s->D; i++)
        text += s->epoch_tokens[i];
    if (s->spec->target_tokens > MANY_EPOCHS * text)
        asc_notes_say(notes, MANY_EPOCHS, target, s->spec->target_tokens / text, asc_format_count(text, label));
}

void asc__doubt_answer(asc__study *s)
{
    asc_buf names = {0};
    size_t n = 0;
    char more[32];
    const asc__mixture *a = &s->mixtures[s->answer.mixture];
    for (size_t i = 0; i < s->D; i++) {
        double epochs = (double)a->tokens[i] / s->epoch_tokens[i];
        if (epochs > MANY_EPOCHS && isnan(s->max_epochs[i])) /* a cap was asked for: more was meant */
            name_run(&names, &n, "%s %.4g", s->spec->domain_names[i], epochs);
    }
    if (n && !names.oom)
        asc_notes_say(&s->notes, REPEATED_TEXT, names.data, and_more(more, n));
    asc_buf_clear(&names);
}

/* ---- divergence ---- */

/* Runs of the search at one scale, or of the target (NULL). A swarm's are of the scale of their tokens, and where there
 * are several of the one of their model. */
static bool is_among(const asc__study *s, const asc_store_run *r, const asc__scale *sc)
{
    if (!sc || r->kind == ASC_KIND_TARGET)
        return !sc && r->kind == ASC_KIND_TARGET && asc__at_budget(s, r, s->spec->target_tokens);
    if (asc__is_star(r->kind))
        return asc__at_scale(s, r, sc->k);
    bool alike = !asc_scale_shares_budget(s->spec, sc->k) ||
                 asc__size_of(s, r->model) == asc__size_of(s, asc__size_at_scale(s, sc->k));
    return r->kind != ASC_KIND_RIVAL && r->kind != ASC_KIND_PAUSE && alike && asc__at_budget(s, r, sc->tokens);
}

/* "1M tokens", of the scale or the target. */
static const char *words_of(char buf[80], const asc__study *s, const asc__scale *sc)
{
    char tokens[32];
    if (sc)
        return asc__scale_words(s, sc->k, " tokens", buf);
    snprintf(buf, 80, "%s tokens", asc_format_count(s->spec->target_tokens, tokens));
    return buf;
}

/* Runs that diverged: no number of theirs is in the fit. */
static void doubt_diverged(asc_notes *notes, const asc__study *s, const asc__scale *sc)
{
    asc_buf names = {0};
    size_t n = 0, of = 0;
    const char *why = NULL;
    char label[80], more[32];
    for (size_t i = 0; i < s->n_runs; i++) {
        const asc_store_run *r = &s->runs[i];
        if (!is_among(s, r, sc))
            continue;
        of++;
        if (r->state != ASC_RUN_DIVERGED)
            continue;
        name_run(&names, &n, "%s", r->id);
        why = why ? why : r->why;
    }
    if (n && !names.oom)
        asc_notes_say(notes, DIVERGED, n, of, words_of(label, s, sc), names.data, and_more(more, n),
                      why ? why : "no reason recorded");
    asc_buf_clear(&names);
}

/* Runs that were restarted at a lower learning rate, beside others that were not. */
static void doubt_retried(asc_notes *notes, const asc__study *s, const asc__scale *sc)
{
    asc_buf names = {0};
    size_t n = 0, of = 0;
    char label[80], more[32];
    double least = INFINITY, most = 0;
    for (size_t i = 0; i < s->n_runs; i++) {
        const asc_store_run *r = &s->runs[i];
        if (!is_among(s, r, sc) || r->state != ASC_RUN_DONE)
            continue;
        double lr = r->result ? r->result->lr : NAN;
        of++;
        least = fmin(least, lr);
        most = fmax(most, lr);
        if (r->result && r->result->n_retries > 0)
            name_run(&names, &n, "%s (at %.3g)", r->id, lr);
    }
    if (n && !names.oom)
        asc_notes_say(notes, RETRIED, n, of, words_of(label, s, sc), names.data, and_more(more, n),
                      least < most ? "The fit cannot tell the effect of the learning rate from that of the mixture: "
                                     "use a training.lr at which no run diverges"
                                   : "All restarted at the same learning rate, which would be a safe training.lr");
    asc_buf_clear(&names);
}

/* ---- bursts of gradients ---- */

const asc_bursts *asc__run_bursts(const asc_store_run *r)
{
    return r->state == ASC_RUN_DONE && r->result && r->result->bursts.n > 0 ? &r->result->bursts : NULL;
}

/* Whether b is a calm run where what run r does is measured from: the base of its star, at the target its own mixture.
 */
static bool is_calm_base(const asc_store_run *b, const void *run)
{
    const asc_store_run *r = run;
    if (b == r || asc__run_bursts(b) || !asc__same_scale(b, r))
        return false;
    return r->kind == ASC_KIND_TARGET ? b->kind == ASC_KIND_TARGET && strcmp(b->mixture, r->mixture) == 0
                                      : b->kind == ASC_KIND_BASE;
}

/* Median over the targets that r was not made for of what it lost more than its base; NaN where there is none. */
static double above_base(const asc__study *s, const asc_store_run *r)
{
    double *mean = asc_calloc(s->V, sizeof *mean), *more = asc_calloc(s->V, sizeof *more), above = NAN;
    const double *loss = asc__run_losses(r);
    if (mean && more && loss && asc__mean_losses(mean, s, is_calm_base, r) > 0) {
        size_t n = 0;
        for (size_t v = 0; v < s->V; v++)
            if (!r->domain || strcmp(s->spec->target_names[v], r->domain) != 0)
                more[n++] = loss[v] - mean[v];
        above = asc_quantile(more, n, .5);
    }
    asc_free(mean);
    asc_free(more);
    return above;
}

/* Compared with its like: runs of its kind and scale (at the target: of its mixture) that had no burst. */
asc__burst_effect asc__burst_effect_of(const asc__study *s, const asc_store_run *r)
{
    double lo = NAN, hi = NAN;
    for (size_t i = 0; i < s->n_runs; i++) {
        const asc_store_run *other = &s->runs[i];
        if (other == r || asc__run_bursts(other) || !asc__same_scale(other, r) || other->kind != r->kind ||
            (r->kind == ASC_KIND_TARGET && strcmp(other->mixture, r->mixture) != 0))
            continue;
        double x = above_base(s, other);
        lo = isnan(lo) ? x : fmin(lo, x);
        hi = isnan(hi) ? x : fmax(hi, x);
    }
    return (asc__burst_effect){above_base(s, r), lo, hi};
}

/* Runs of one scale (or of the target) that burst, and those of them that ended above all that is alike. */
typedef struct burst_tally {
    asc_buf named;
    size_t n, of, n_compared, n_above;
    double above_lo, above_hi, alike_lo, alike_hi;
} burst_tally;

/* It ended above its like where it lies beyond the highest of these by more than they differ among each other, or than
 * two equal runs do (apart, 0: not known). */
static void add_burst(burst_tally *t, const asc__study *s, const asc_store_run *r, double apart)
{
    const asc_bursts *b = asc__run_bursts(r);
    asc__burst_effect e = asc__burst_effect_of(s, r);
    bool compared = !isnan(e.alike_lo);
    name_run(&t->named, &t->n, "%s (step %.0f, %.0f times the running level)", r->id, (double)b->step, b->times);
    t->n_compared += compared;
    if (!compared || !(e.above > e.alike_hi + fmax(e.alike_hi - e.alike_lo, apart)))
        return;
    t->n_above++;
    t->above_lo = fmin(t->above_lo, e.above);
    t->above_hi = fmax(t->above_hi, e.above);
    t->alike_lo = fmin(t->alike_lo, e.alike_lo);
    t->alike_hi = fmax(t->alike_hi, e.alike_hi);
}

/* " 5 of them end 0.23 to 0.53 nats above the base …", or nothing. */
static void say_above(char *out, size_t size, const burst_tally *t, bool target)
{
    char range[64];
    if (t->n_above == 0)
        return;
    snprintf(range, sizeof range, t->n_above == 1 ? "%.2f" : "%.2f to %.2f", t->above_lo, t->above_hi);
    snprintf(out, size,
             " %zu of them end%s %s nats above %s, comparable runs without a spike %.2f to %.2f; repeats do not show "
             "this noise, and laws attribute it to the mixture.",
             t->n_above, t->n_above == 1 ? "s" : "", range,
             target ? "the other seeds of their mixture" : "the base on targets they do not favour", t->alike_lo,
             t->alike_hi);
}

/* Bursts, unless every run that can be compared ended among its like. */
static void doubt_bursts(asc_notes *notes, const asc__study *s, const asc__scale *sc, double apart)
{
    burst_tally t = {.above_lo = INFINITY, .above_hi = -INFINITY, .alike_lo = INFINITY, .alike_hi = -INFINITY};
    char label[80], more[32], ends[300] = "";
    for (size_t i = 0; i < s->n_runs; i++) {
        const asc_store_run *r = &s->runs[i];
        if (!is_among(s, r, sc) || r->state != ASC_RUN_DONE)
            continue;
        t.of++;
        if (asc__run_bursts(r))
            add_burst(&t, s, r, apart);
    }
    say_above(ends, sizeof ends, &t, !sc);
    /* bursts after which all calm runs were met again are status' and the report's to tell */
    bool recovered = t.n_compared > 0 && t.n_above == 0;
    if (t.n && !recovered && !t.named.oom)
        asc_notes_say(notes, BURSTS, t.n, t.of, words_of(label, s, sc), t.named.data, and_more(more, t.n), ends,
                      s->spec->training.lr);
    asc_buf_clear(&t.named);
}

/* ---- noise ---- */

/* Effect of each domain from its least to its most tokens; the middle one against what two runs differ by alone. */
static void doubt_noise(asc_notes *notes, const asc__study *s, const asc__scale *sc, double apart)
{
    const asc_ddo_star *star = &sc->star;
    double *effect = asc_calloc(s->D, sizeof *effect);
    char label[80];
    for (size_t i = 0; effect && i < s->D; i++)
        effect[i] = fabs(star->y[i][0] - star->y[i][star->n_points[i] - 1]) * star->j_base;
    double middle = effect ? asc_quantile(effect, s->D, .5) : NAN;
    asc_free(effect);
    if (middle < apart)
        asc_notes_say(notes, WITHIN_NOISE, words_of(label, s, sc), middle, apart, star->n_base);
}

/* ---- word frequencies ---- */

/* Mean loss over the text targets of the done runs of one kind and scale, and what word frequencies alone give. */
static double mean_loss(double *frequencies, const asc__study *s, const asc__scale *sc, asc_run_kind kind,
                        const char *mixture)
{
    double sum = 0, words = 0;
    size_t n = 0;
    for (size_t i = 0; i < s->n_runs; i++) {
        const asc_store_run *r = &s->runs[i];
        const double *loss = asc__run_losses(r);
        if (!is_among(s, r, sc) || r->kind != kind || strcmp(r->mixture, mixture) != 0 || !loss)
            continue;
        for (size_t v = 0; v < s->V; v++)
            if (!isnan(s->word_nats[v])) {
                sum += loss[v];
                words += s->word_nats[v];
                n++;
            }
    }
    *frequencies = words / (double)n;
    return sum / (double)n;
}

/* Whether the base (at the target: uniform) is still where word frequencies explain most of what it knows. */
static void doubt_learning(asc_notes *notes, const asc__study *s, const asc__scale *sc, asc_run_kind kind,
                           const char *mixture)
{
    char label[80];
    double words, loss = mean_loss(&words, s, sc, kind, mixture);
    if (s->spec->trainer.command || !(loss > LITTLE_LEARNT * words))
        return;
    words_of(label, s, sc);
    if (asc_notes_have(notes, ASC_NOTE_LITTLE_LEARNT)) { /* the whole of it stands once */
        asc_notes_say(notes, LITTLE_LEARNT_AGAIN, label, loss, mixture, words);
        return;
    }
    asc_notes_say(notes, LITTLE_LEARNT, label, mixture, loss, words);
}

/* ---- all of them ---- */

void asc__doubt_scale(asc_notes *notes, const asc__study *s, const asc__scale *sc)
{
    double noise = sc->fitted ? sc->law.laws[0].stats.noise : NAN;
    /* The difference of two equal runs has the standard deviation sqrt(2) noise: 19 in 20 pairs lie within twice that.
     */
    double apart = isnan(noise) ? 0 : 2 * M_SQRT2 * noise;
    doubt_diverged(notes, s, sc);
    doubt_retried(notes, s, sc);
    doubt_bursts(notes, s, sc, apart);
    if (sc->fitted)
        doubt_noise(notes, s, sc, apart);
    doubt_learning(notes, s, sc, ASC_KIND_BASE, "base");
}

void asc__doubt_target(asc_notes *notes, const asc__study *s)
{
    doubt_diverged(notes, s, NULL);
    doubt_retried(notes, s, NULL);
    doubt_bursts(notes, s, NULL, 0);
    doubt_learning(notes, s, NULL, ASC_KIND_TARGET, "uniform");
}

void asc__doubt_runs(asc_notes *notes, const asc__study *s)
{
    for (size_t k = 0; s->scales && k < s->spec->n_scales; k++)
        if (s->scales[k].ended)
            asc__doubt_scale(notes, s, &s->scales[k]);
    if (s->target_ended)
        asc__doubt_target(notes, s);
}
