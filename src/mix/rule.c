/* The AutoScale rule, [K24] and docs/method.md#the-rule: optimal tokens of each domain grow as powers of one another,
 * so ln n_i is affine in one latent t, which is solved for so that the tokens make the budget. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num/num.h"
#include "solve.h"

asc_status asc_optima_init(asc_optima *o, size_t n_scales, size_t n_domains, bool intervals, asc_error *err)
{
    asc_optima n = {.n_scales = n_scales, .n_domains = n_domains};
    n.domains = asc_calloc(n_domains, sizeof *n.domains);
    n.tokens = asc_calloc(n_scales, sizeof *n.tokens);
    n.weights = asc_calloc(n_scales, n_domains * sizeof *n.weights);
    n.lo = intervals ? asc_calloc(n_scales, n_domains * sizeof *n.lo) : NULL;
    n.hi = intervals ? asc_calloc(n_scales, n_domains * sizeof *n.hi) : NULL;
    if (!n.domains || !n.tokens || !n.weights || (intervals && (!n.lo || !n.hi))) {
        asc_optima_clear(&n);
        return ASC_NOMEM(err);
    }
    for (size_t k = 0; intervals && k < n_scales * n_domains; k++)
        n.lo[k] = n.hi[k] = NAN;
    *o = n;
    return ASC_OK;
}

void asc_optima_clear(asc_optima *o)
{
    if (!o)
        return;
    for (size_t i = 0; o->domains && i < o->n_domains; i++)
        asc_free(o->domains[i]);
    asc_free(o->domains);
    asc_free(o->tokens);
    asc_free(o->params);
    asc_free(o->weights);
    asc_free(o->lo);
    asc_free(o->hi);
    *o = (asc_optima){0};
}

void asc_rule_result_clear(asc_rule_result *r)
{
    if (!r)
        return;
    asc_free(r->weights);
    asc_free(r->tokens);
    asc_free(r->censored);
    asc_free(r->bound);
    asc_free(r->keep_last);
    asc_free(r->shrinkage);
    asc_free(r->shrunken);
    asc_free(r->shrunken_lo);
    asc_free(r->shrunken_hi);
    asc_free(r->w_lo);
    asc_free(r->w_hi);
    asc_notes_clear(&r->notes);
    *r = (asc_rule_result){0};
}

void asc_rule_at(double *out, const asc_optima *o, double t)
{
    assert(o->n_scales >= 2 && o->tokens[0] > 0);
    size_t D = o->n_domains, last = o->n_scales - 1;
    for (size_t i = 0; i < D; i++) {
        double first = o->weights[i] * o->tokens[0], end = o->weights[last * D + i] * o->tokens[last];
        out[i] = first > 0 && end > 0 ? exp(log(first) + t * log(end / first)) : t > 0 ? 0 : first;
    }
}

/* ---- one prediction: lines, limits, the root ---- */

typedef enum domain_state { GROWS, FIXED } domain_state;

typedef struct rule {
    const asc_optima *optima;
    const asc_rule_opts *o;
    size_t n_given, S, D; /* rows given; of these one for each budget */
    bool bounded;
    double budget;
    double *lo, *hi;      /* (D) shares at the budget */
    double *alpha, *beta; /* (D) ln n = alpha + beta t */
    double *fixed;        /* (D) share of a domain that does not follow its line */
    domain_state *state;  /* (D) */
    double *t;            /* (S) latent position of each scale */
    double *ln_n;         /* (S,D) */
    double *cuts;         /* (2D) work */
    const double *shrink; /* (D) of growth rates, or NULL: as published */
    bool rootless;        /* of the last shares: no t meets the budget within the limits */
    asc_error *err;
} rule;

static double line_tokens(const rule *r, size_t i, double t)
{
    assert(r->state[i] == GROWS);
    double n = exp(fmin(r->alpha[i] + r->beta[i] * t, 600));
    double least = r->lo[i] * r->budget, most = r->hi[i] * r->budget;
    return n < least ? least : n > most ? most : n;
}

/* Total of all domains at t, less the budget. */
static double excess(const rule *r, double t)
{
    double sum = -r->budget;
    for (size_t i = 0; i < r->D; i++)
        sum += r->state[i] == FIXED ? r->fixed[i] * r->budget : line_tokens(r, i, t);
    return sum;
}

static double excess_of(void *ctx, double t)
{
    const rule **r = ctx;
    return excess(*r, t);
}

static double bisect(const rule *r, double below, double above)
{
    asc_bisect(&below, &above, excess_of, &r, 200);
    return .5 * (below + above);
}

/* Does the total of a segment, which is convex, turn from falling to rising inside? The same domains grow all over it.
 */
static bool turns_inside(const rule *r, double t1, double t2)
{
    double middle = .5 * (t1 + t2), slope1 = 0, slope2 = 0;
    for (size_t i = 0; i < r->D; i++) {
        double n = exp(fmin(r->alpha[i] + r->beta[i] * middle, 600));
        if (r->state[i] == FIXED || n != line_tokens(r, i, middle))
            continue;
        slope1 += r->beta[i] * exp(fmin(r->alpha[i] + r->beta[i] * t1, 600));
        slope2 += r->beta[i] * exp(fmin(r->alpha[i] + r->beta[i] * t2, 600));
    }
    return slope1 < 0 && slope2 > 0;
}

/* Where the convex total of one segment is least: golden section. */
static double segment_minimum(const rule *r, double t1, double t2)
{
    const double g = .6180339887498949;
    double a = t1, b = t2, c = b - g * (b - a), d = a + g * (b - a);
    double fc = excess(r, c), fd = excess(r, d);
    for (int k = 0; k < 100; k++) {
        if (fc < fd) {
            b = d;
            d = c;
            fd = fc;
            c = b - g * (b - a);
            fc = excess(r, c);
        } else {
            a = c;
            c = d;
            fc = fd;
            d = a + g * (b - a);
            fd = excess(r, d);
        }
    }
    return .5 * (a + b);
}

/* Between two cuts no domain meets or leaves a limit, so the total is convex there. The largest root in [t1, t2]. */
static bool segment_root(const rule *r, double t1, double t2, double *root)
{
    double f1 = excess(r, t1), f2 = excess(r, t2), scale = 1e-13 * r->budget;
    if (fabs(f2) <= scale) {
        *root = t2;
        return true;
    }
    if (f1 < 0 && f2 > 0) {
        *root = bisect(r, t1, t2);
        return true;
    }
    if (f1 >= 0 && f2 < 0) { /* falling: what grows at larger t is not enough */
        *root = bisect(r, t2, t1);
        return true;
    }
    if (f1 > 0 && f2 > 0 && turns_inside(r, t1, t2)) {
        double low = segment_minimum(r, t1, t2);
        if (excess(r, low) <= 0) {
            *root = bisect(r, low, t2);
            return true;
        }
    }
    return false;
}

/* The largest root: segments between cuts, from the top. False where there is none; *root is then the excess at the
 * top.
 */
static bool find_root(const rule *r, double *root)
{
    size_t n = 0;
    for (size_t i = 0; i < r->D; i++) {
        if (r->state[i] == FIXED || r->beta[i] == 0)
            continue;
        double limits[2] = {r->lo[i] * r->budget, r->hi[i] * r->budget};
        for (int k = 0; k < 2; k++)
            if (limits[k] > 0 && isfinite(limits[k]))
                r->cuts[n++] = (log(limits[k]) - r->alpha[i]) / r->beta[i];
    }
    assert(n <= 2 * r->D);
    qsort(r->cuts, n, sizeof *r->cuts, asc_compare_doubles);
    double top = (n ? fmax(r->cuts[n - 1], 1) : 1) + 1, bottom = (n ? fmin(r->cuts[0], 0) : 0) - 1;
    for (int k = 0; k < 60 && excess(r, top) < 0; k++)
        top += top - bottom;
    for (int k = 0; k < 60 && excess(r, bottom) < 0; k++)
        bottom -= top - bottom;
    double upper = top;
    for (size_t k = n + 1; k-- > 0;) {
        double lower = k > 0 ? r->cuts[k - 1] : bottom;
        if (lower < upper && segment_root(r, lower, upper, root))
            return true;
        upper = fmin(upper, lower);
    }
    *root = excess(r, top);
    return false;
}

static asc_status no_root(const rule *r, double at_top)
{
    if (at_top < 0)
        return ASC_FAIL(r->err, ASC_ENUMERIC, "rule: the growing domains reach only %.6g of the %.6g tokens requested",
                        at_top + r->budget, r->budget);
    return ASC_FAIL(r->err, ASC_ENUMERIC, "rule: the predicted tokens never fall as low as the %.6g requested",
                    r->budget);
}

/* ---- lines ---- */

/* Least squares of ln n_is on t_s, domain by domain. */
static void fit_lines(rule *r)
{
    double mean_t = 0, var = 0;
    for (size_t s = 0; s < r->S; s++)
        mean_t += r->t[s] / (double)r->S;
    for (size_t s = 0; s < r->S; s++)
        var += (r->t[s] - mean_t) * (r->t[s] - mean_t);
    assert(var > 0); /* the scales differ: see check */
    for (size_t i = 0; i < r->D; i++) {
        double mean = 0, cov = 0;
        for (size_t s = 0; s < r->S; s++)
            mean += r->ln_n[s * r->D + i] / (double)r->S;
        for (size_t s = 0; s < r->S; s++)
            cov += (r->t[s] - mean_t) * (r->ln_n[s * r->D + i] - mean);
        r->beta[i] = cov / var;
        r->alpha[i] = mean - r->beta[i] * mean_t;
    }
}

/* Best t of each scale for the lines as they are; then first 0 and last 1 again. Returns the largest change. */
static double fit_positions(rule *r)
{
    /* t_s = sum_i beta_i (ln n_is - alpha_i) / sum_i beta_i^2; then stretched so that the scales at the ends stay 0 and
     * 1, since alpha + beta t is the same law for any such stretch. */
    double change = 0, *fresh = r->cuts; /* has room for S too */
    for (size_t s = 0; s < r->S; s++) {
        double num = 0, den = 0;
        for (size_t i = 0; i < r->D; i++) {
            if (r->state[i] == FIXED)
                continue;
            num += r->beta[i] * (r->ln_n[s * r->D + i] - r->alpha[i]);
            den += r->beta[i] * r->beta[i];
        }
        fresh[s] = den > 0 ? num / den : r->t[s];
    }
    double first = fresh[0], last = fresh[r->S - 1];
    for (size_t s = 0; s < r->S; s++) {
        double t = last != first ? (fresh[s] - first) / (last - first) : r->t[s];
        change = fmax(change, fabs(t - r->t[s]));
        r->t[s] = t;
    }
    return change;
}

/* Growth drawn towards that of the tokens, about the last scale: 1 leaves the line, 0 keeps the last shares. */
static void shrink_lines(rule *r)
{
    const double *N = r->optima->tokens;
    size_t last = r->S - 1;
    assert(r->shrink);
    double common = log(N[last] / N[0]);
    for (size_t i = 0; i < r->D; i++) {
        double s = r->shrink[i], end = s * (r->alpha[i] + r->beta[i]) + (1 - s) * r->ln_n[last * r->D + i];
        r->beta[i] = common + s * (r->beta[i] - common);
        r->alpha[i] = end - r->beta[i];
    }
}

static void fit_all(rule *r)
{
    assert(r->S >= 2);
    const double *N = r->optima->tokens;
    for (size_t s = 0; s < r->S; s++)
        r->t[s] = log(N[s] / N[0]) / log(N[r->S - 1] / N[0]);
    fit_lines(r);
    for (int k = 0; r->S > 2 && k < 1000; k++) {
        double change = fit_positions(r);
        fit_lines(r);
        if (change < 1e-13)
            break;
    }
    if (r->shrink)
        shrink_lines(r);
}

static double line_residual(const rule *r)
{
    double sum = 0;
    size_t n = 0;
    for (size_t s = 0; s < r->S; s++)
        for (size_t i = 0; i < r->D; i++)
            if (r->state[i] == GROWS) {
                double d = r->ln_n[s * r->D + i] - r->alpha[i] - r->beta[i] * r->t[s];
                sum += d * d;
                n++;
            }
    return r->S > 2 && n ? sqrt(sum / (double)n) : 0;
}

/* ---- limits and censoring ---- */

static double most_share(const asc_rule_opts *o, size_t i, double tokens)
{
    double hi = o->limits.hi ? o->limits.hi[i] : 1;
    if (o->limits.available && isfinite(o->limits.available[i])) {
        double epochs = asc_limits_epochs(&o->limits, i);
        hi = fmin(hi, o->limits.available[i] * epochs / tokens);
    }
    return hi;
}

static bool near(double x, double bound)
{
    return fabs(x - bound) <= 1e-6 * fmax(fabs(bound), 1e-300);
}

/* Whether a row's share stands at a bound: at the least (a 0 or a floor) or at the most. A bound of 1 binds nothing. */
static asc_bound row_bound(const rule *r, size_t s, size_t i)
{
    assert(s < r->S && i < r->D);
    double w = r->optima->weights[s * r->D + i], hi = most_share(r->o, i, r->optima->tokens[s]);
    if (!r->bounded)
        return ASC_FREE;
    if (r->o->limits.lo && near(w, r->o->limits.lo[i]))
        return ASC_AT_MIN;
    if (hi < 1 && (near(w, hi) || w > hi))
        return r->o->limits.hi && near(hi, r->o->limits.hi[i]) ? ASC_AT_MAX : ASC_AT_AVAILABLE;
    return ASC_FREE;
}

static void fix(rule *r, size_t i, double share)
{
    assert(r->lo[i] <= r->hi[i]);
    r->state[i] = FIXED;
    r->fixed[i] = fmin(fmax(share, r->lo[i]), r->hi[i]);
}

static void censor(rule *r, asc_rule_result *out)
{
    size_t last = r->S - 1;
    for (size_t i = 0; i < r->D; i++) {
        double w = r->optima->weights[last * r->D + i];
        asc_bound at = row_bound(r, last, i);
        const char *name = r->optima->domains[i];
        r->state[i] = GROWS;
        if (at != ASC_FREE) {
            fix(r, i, at == ASC_AT_AVAILABLE ? r->hi[i] : w);
            out->censored[i] = true;
            continue;
        }
        if (w <= 0) {
            fix(r, i, 0);
            asc_notes_say(&out->notes, RULE_ZERO, name);
            continue;
        }
        for (size_t s = 0; s < last && r->state[i] == GROWS; s++)
            if (row_bound(r, s, i) != ASC_FREE || r->optima->weights[s * r->D + i] <= 0) {
                fix(r, i, w);
                asc_notes_say(&out->notes, RULE_BOUND_BEFORE, name);
            }
    }
}

static asc_status set_limits(rule *r, asc_rule_result *out)
{
    const asc_rule_opts *o = r->o;
    r->bounded = o->limits.lo || o->limits.hi || o->limits.available;
    asc_mix_opts limits;
    asc_mix_opts_init(&limits);
    limits.n_tokens = o->n_tokens;
    limits.limits = o->limits;
    limits.trust = 0;
    asc_bound *kinds = asc_calloc(2 * r->D, sizeof *kinds);
    if (!kinds)
        return ASC_NOMEM(r->err);
    asc_status st =
        asc_mix_limits(r->lo, r->hi, kinds, kinds + r->D, &limits, NULL, NULL, r->optima->domains, r->D, r->err);
    for (size_t i = 0; st == ASC_OK && i < r->D; i++)
        out->bound[i] = kinds[r->D + i]; /* read again when it is known which bind */
    asc_free(kinds);
    return st;
}

static asc_status check(const rule *r)
{
    const asc_optima *o = r->optima;
    if (r->o->n_tokens <= 0)
        return ASC_FAIL(r->err, ASC_EINVAL, "budget: expected tokens > 0");
    if (r->S == 1 && r->n_given > 1)
        return ASC_FAIL(r->err, ASC_EINVAL,
                        "optima: all %zu rows have %.6g tokens, and the rule, which extrapolates in tokens, needs two "
                        "budgets; what sizes say is in a law of the runs (`autoscale fit`, `optimize --params`)",
                        r->n_given, o->tokens[0]);
    if (r->S < 2)
        return ASC_FAIL(r->err, ASC_EINVAL, "optima: the rule needs two scales, found %zu", r->S);
    for (size_t s = 1; s < r->S; s++)
        if (!(o->tokens[s] > o->tokens[s - 1] * (1 + 1e-9)))
            return ASC_FAIL(r->err, ASC_EINVAL, "optima: two rows have %.6g tokens; expected different scales",
                            o->tokens[s]);
    return ASC_OK;
}

static asc_status allocate(rule *r)
{
    size_t D = r->D, S = r->S, work = 2 * D > S ? 2 * D : S;
    double *p = asc_calloc(5 * D + S + S * D + work, sizeof *p);
    r->state = asc_calloc(D, sizeof *r->state);
    r->lo = p;
    if (!p || !r->state)
        return ASC_NOMEM(r->err);
    r->hi = p + D;
    r->alpha = p + 2 * D;
    r->beta = p + 3 * D;
    r->fixed = p + 4 * D;
    r->t = p + 5 * D;
    r->ln_n = r->t + S;
    r->cuts = r->ln_n + S * D;
    return ASC_OK;
}

static void set_logs(rule *r, const double *weights)
{
    for (size_t s = 0; s < r->S; s++)
        for (size_t i = 0; i < r->D; i++) {
            double n = weights[s * r->D + i] * r->optima->tokens[s];
            r->ln_n[s * r->D + i] = r->state[i] == GROWS && n > 0 ? log(n) : 0;
        }
}

/* The last scale's share of a domain that grows, as the logarithms have it. */
static double last_share(const rule *r, size_t i)
{
    size_t last = r->S - 1;
    return exp(r->ln_n[last * r->D + i]) / r->optima->tokens[last];
}

/* Shares at the budget. Where nothing is left to grow, or bounds and caps leave no t at which the tokens make the
 * budget, the last scale's shares are brought to a sum of 1 within the limits. */
static asc_status shares(rule *r, double *w, double *t)
{
    bool grows = false;
    double sum = 0;
    for (size_t i = 0; i < r->D; i++)
        grows |= r->state[i] == GROWS;
    r->rootless = false;
    if (grows) {
        fit_all(r);
        r->rootless = !find_root(r, t);
        if (r->rootless && !r->bounded)
            return no_root(r, *t);
    }
    if (!grows || r->rootless)
        *t = 1;
    for (size_t i = 0; i < r->D; i++)
        sum += w[i] = r->state[i] == FIXED ? r->fixed[i]
                      : r->rootless        ? last_share(r, i)
                                           : line_tokens(r, i, *t) / r->budget;
    if (fabs(sum - 1) > 1e-12)
        asc__project(w, w, NULL, r->lo, r->hi, r->D);
    return ASC_OK;
}

/* ---- intervals: from the optima's own, or from how far they lie off their lines ---- */

/* An optimum's interval [lo, hi] of 90 % is taken for that of a lognormal: sd of ln share = ln(hi / lo) / (2 z). */
static const double z = 1.6448536269514722;

#define ASSUMED_SD .25 /* of ln share, where nothing is known: what small stars show */

/* What stands for the spread of an optimum: its own interval, or one standard deviation of ln tokens for all. */
typedef struct spread {
    bool own;
    double sd;
    size_t freedom; /* residuals less parameters that sd comes from */
} spread;

/* G lines through S scales whose S - 2 inner positions are free too: G S - 2 G - (S - 2) degrees of freedom. */
static spread spread_about_lines(const rule *r, double rms)
{
    assert(r->S >= 2);
    size_t grows = 0;
    for (size_t i = 0; i < r->D; i++)
        grows += r->state[i] == GROWS;
    spread s = {.freedom = grows > 1 ? (grows - 1) * (r->S - 2) : 0};
    s.sd = s.freedom ? rms * sqrt((double)(grows * r->S) / (double)s.freedom) : 0;
    return s;
}

/* Optima redrawn: ln share normal with its spread (a spread from residuals redrawn too, so that few of them give the
 * tails of Student's law), rows brought back to a sum of 1. */
static void redraw(const rule *r, const spread *about, double *weights, uint64_t k)
{
    double chi2 = 0;
    assert(about->own || about->freedom > 0);
    asc_rng g;
    asc_rng_init(&g, 0, "mix/rule", k);
    for (size_t n = 0; !about->own && n < about->freedom; n++) {
        double x = asc_rng_normal(&g);
        chi2 += x * x;
    }
    double common = about->own ? NAN : about->sd * sqrt((double)about->freedom / chi2);
    for (size_t s = 0; s < r->S; s++) {
        double sum = 0, free = 1;
        for (size_t i = 0; i < r->D; i++) {
            size_t j = s * r->D + i;
            double w = r->optima->weights[j], sd = common, x = asc_rng_normal(&g);
            if (about->own) {
                double lo = fmax(r->optima->lo[j], .05 * w), hi = fmax(r->optima->hi[j], lo);
                sd = w > 0 ? log(hi / lo) / (2 * z) : 0;
            }
            weights[j] = r->state[i] == GROWS ? w * exp(sd * x) : w;
            if (r->state[i] == GROWS)
                sum += weights[j];
            else
                free -= w;
        }
        for (size_t i = 0; i < r->D; i++)
            if (r->state[i] == GROWS && sum > 0)
                weights[s * r->D + i] *= free / sum;
    }
}

static bool has_intervals(const asc_optima *o)
{
    bool all = o->lo && o->hi;
    for (size_t k = 0; all && k < o->n_scales * o->n_domains; k++)
        all = !isnan(o->lo[k]) && !isnan(o->hi[k]) && o->lo[k] <= o->hi[k];
    return all;
}

/* Intervals of the shares over redrawn optima, with the lines as they are or shrunken. The estimate lies in its own. */
static asc_status redrawn(rule *r, const spread *about, const double *estimate, double **lo, double **hi)
{
    enum { DRAWS = 400 };
    size_t D = r->D, m = 0;
    double *weights = asc_calloc(r->S, D * sizeof *weights), *w = asc_calloc(DRAWS + 1, D * sizeof *w);
    double *column = asc_calloc(DRAWS, sizeof *column);
    *lo = asc_calloc(D, sizeof **lo);
    *hi = asc_calloc(D, sizeof **hi);
    asc_status st = weights && w && column && *lo && *hi ? ASC_OK : ASC_NOMEM(r->err);
    asc_error *err = r->err;
    r->err = NULL; /* a replica without a root is left out, not an error */
    for (uint64_t k = 0; st == ASC_OK && k < DRAWS; k++) {
        double t;
        redraw(r, about, weights, k);
        set_logs(r, weights);
        if (shares(r, w + m * D, &t) == ASC_OK)
            m++;
        if (asc_interrupted())
            st = ASC_FAIL(err, ASC_EINTR, "interrupted; nothing was written");
    }
    r->err = err;
    for (size_t i = 0; st == ASC_OK && i < D; i++) {
        for (size_t k = 0; k < m; k++)
            column[k] = w[k * D + i];
        (*lo)[i] = fmin(asc_quantile(column, m, .05), estimate[i]);
        (*hi)[i] = fmax(asc_quantile(column, m, .95), estimate[i]);
    }
    asc_free(weights);
    asc_free(w);
    asc_free(column);
    return st;
}

/* False where nothing says how sure the optima are. */
static bool know_spread(const rule *r, asc_rule_result *out, spread *about)
{
    *about = spread_about_lines(r, out->residual);
    about->own = has_intervals(r->optima);
    if (!about->own && about->freedom == 0) {
        asc_notes_say(&out->notes, RULE_NO_INTERVALS);
        return false;
    }
    if (!about->own)
        asc_notes_say(&out->notes, RULE_RESIDUALS, r->S, about->freedom);
    return true;
}

/* ---- the shrunken rule ---- */

static double tau_misfit(double tau2, const double *rate, const double *var, double common, size_t n)
{
    /* minus twice the log likelihood of rates ~ N(common, tau^2 + var_i) */
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double v = tau2 + fmax(var[i], 1e-9), d = rate[i] - common;
        sum += log(v) + d * d / v;
    }
    return sum;
}

void asc_rule_shrinkage(double *s, const double *rate, const double *var, double common, size_t n)
{
    assert(n == 0 || isfinite(common));
    double best = tau_misfit(0, rate, var, common, n), tau2 = 0;
    for (double t = 1e-7; t < 100; t *= 1.1) {
        double f = tau_misfit(t, rate, var, common, n);
        if (f < best - 1e-12) {
            best = f;
            tau2 = t;
        }
    }
    for (size_t i = 0; i < n; i++)
        s[i] = tau2 / (tau2 + fmax(var[i], 1e-9));
}

/* Variance of domain i's growth from the first scale to the last, from the optima's intervals or the lines' residuals.
 */
static double growth_variance(const rule *r, const spread *about, size_t i)
{
    /* beta = sum_s (t_s - mean) ln n_s / sum (t_s - mean)^2 is linear in the optima: their variances add up */
    double mean = 0, square = 0, sum = 0;
    for (size_t s = 0; s < r->S; s++)
        mean += r->t[s] / (double)r->S;
    for (size_t s = 0; s < r->S; s++)
        square += (r->t[s] - mean) * (r->t[s] - mean);
    assert(square > 0);
    for (size_t s = 0; s < r->S; s++) {
        size_t j = s * r->D + i;
        double w = r->optima->weights[j], sd = about->sd, slope = (r->t[s] - mean) / square;
        if (about->own)
            sd = w > 0 ? log(fmax(r->optima->hi[j], w) / fmin(fmax(r->optima->lo[j], .05 * w), w)) / (2 * z) : 0;
        sum += slope * slope * sd * sd;
    }
    return sum;
}

/* r->beta is that of the published lines. */
static asc_status shrink(rule *r, asc_rule_result *out, const spread *about, bool known)
{
    size_t n = 0, D = r->D;
    double *rate = asc_calloc(3 * D + 1, sizeof *rate), *var = rate + D, *s = rate + 2 * D, t;
    if (!rate)
        return ASC_NOMEM(r->err);
    for (size_t i = 0; i < D; i++)
        if (r->state[i] == GROWS) {
            rate[n] = r->beta[i];
            var[n++] = growth_variance(r, about, i);
        }
    const double *N = r->optima->tokens;
    asc_rule_shrinkage(s, rate, var, log(N[r->S - 1] / N[0]), n);
    for (size_t i = 0, k = 0; i < D; i++)
        out->shrinkage[i] = r->state[i] == GROWS ? s[k++] : 0;
    asc_free(rate);
    r->shrink = out->shrinkage;
    set_logs(r, r->optima->weights);
    asc_status st = shares(r, out->shrunken, &t);
    if (st == ASC_OK && known)
        st = redrawn(r, about, out->shrunken, &out->shrunken_lo, &out->shrunken_hi);
    r->shrink = NULL;
    return st;
}

static asc_status set_intervals(rule *r, asc_rule_result *out)
{
    spread about;
    bool known = know_spread(r, out, &about);
    if (!known) {
        about.sd = ASSUMED_SD;
        asc_notes_say(&out->notes, RULE_ASSUMED_ERROR, 100 * ASSUMED_SD);
    }
    ASC_TRY(shrink(r, out, &about, known));
    return known ? redrawn(r, &about, out->weights, &out->w_lo, &out->w_hi) : ASC_OK;
}

/* ---- the whole ---- */

static asc_status allocate_result(asc_rule_result *out, size_t D, asc_error *err)
{
    out->n_domains = D;
    out->weights = asc_calloc(D, sizeof *out->weights);
    out->tokens = asc_calloc(D, sizeof *out->tokens);
    out->censored = asc_calloc(D, sizeof *out->censored);
    out->bound = asc_calloc(D, sizeof *out->bound);
    out->keep_last = asc_calloc(D, sizeof *out->keep_last);
    out->shrinkage = asc_calloc(D, sizeof *out->shrinkage);
    out->shrunken = asc_calloc(D, sizeof *out->shrunken);
    bool ok =
        out->weights && out->tokens && out->censored && out->bound && out->keep_last && out->shrinkage && out->shrunken;
    return ok ? ASC_OK : ASC_NOMEM(err);
}

static void read_bounds(const rule *r, asc_rule_result *out)
{
    for (size_t i = 0; i < r->D; i++) {
        asc_bound most = out->bound[i];
        bool at_lo = r->bounded && out->weights[i] <= r->lo[i] + 1e-9 && (r->o->limits.lo || r->lo[i] > 0);
        bool at_hi = r->bounded && out->weights[i] >= r->hi[i] - 1e-9 && r->hi[i] < 1;
        out->bound[i] = at_lo ? ASC_AT_MIN : at_hi ? most : ASC_FREE;
    }
}

static asc_status whole_tokens(const rule *r, asc_rule_result *out)
{
    int64_t *cap = asc_calloc(r->D, sizeof *cap);
    if (!cap)
        return ASC_NOMEM(r->err);
    for (size_t i = 0; i < r->D; i++) {
        bool limited = r->o->limits.available && isfinite(r->o->limits.available[i]);
        double epochs = asc_limits_epochs(&r->o->limits, i);
        double room = limited ? floor(r->o->limits.available[i] * epochs) : 9e15;
        cap[i] = (int64_t)fmin(room, 9e15);
    }
    assert(asc_is_mixture(out->weights, r->D));
    asc_status st = asc_mixture_tokens(out->tokens, NULL, out->weights, r->D, r->o->n_tokens, cap, r->err);
    asc_free(cap);
    return st;
}

static void note_growth(const rule *r, asc_rule_result *out)
{
    double last = r->optima->tokens[r->S - 1];
    asc_notes_say(&out->notes, RULE_APPROXIMATE);
    out->beyond = r->budget / last;
    if (out->beyond > 1.001)
        asc_notes_say(&out->notes, RULE_BEYOND, out->beyond, out->t < 0 || out->beyond > 16 ? ", far beyond it" : "");
    else if (r->budget < .999 * r->optima->tokens[0])
        asc_notes_say(&out->notes, RULE_BELOW, r->optima->tokens[0] / r->budget);
    for (size_t i = 0; i < r->D; i++)
        if (out->censored[i])
            asc_notes_say(&out->notes, RULE_CENSORED, r->optima->domains[i]);
}

static asc_status predict(rule *r, asc_rule_result *out)
{
    ASC_TRY(check(r));
    ASC_TRY(allocate(r));
    ASC_TRY(allocate_result(out, r->D, r->err));
    ASC_TRY(set_limits(r, out));
    censor(r, out);
    set_logs(r, r->optima->weights);
    ASC_TRY(shares(r, out->weights, &out->t));
    if (r->rootless)
        asc_notes_say(&out->notes, RULE_HELD);
    out->residual = line_residual(r);
    asc__project(out->keep_last, r->optima->weights + (r->S - 1) * r->D, NULL, r->lo, r->hi, r->D);
    read_bounds(r, out);
    ASC_TRY(whole_tokens(r, out));
    note_growth(r, out);
    return r->o->point ? ASC_OK : set_intervals(r, out);
}

/* ---- rows of equal tokens ---- */

/* Whether row s is a smaller model's of the budget of the row behind it. */
static bool is_outgrown(const asc_optima *o, size_t s)
{
    return o->params && s + 1 < o->n_scales && o->tokens[s] == o->tokens[s + 1] && o->params[s] < o->params[s + 1];
}

/* The largest model's row of each budget; the domains' names are o's. */
static asc_status take_largest(asc_optima *out, const asc_optima *o, asc_error *err)
{
    size_t D = o->n_domains, n = 0;
    ASC_TRY(asc_optima_init(out, o->n_scales, D, o->lo && o->hi, err));
    asc_free(out->domains);
    out->domains = o->domains;
    for (size_t s = 0; s < o->n_scales; s++) {
        if (is_outgrown(o, s))
            continue;
        out->tokens[n] = o->tokens[s];
        memcpy(out->weights + n * D, o->weights + s * D, D * sizeof *out->weights);
        for (size_t i = 0; out->lo && i < D; i++) {
            out->lo[n * D + i] = o->lo[s * D + i];
            out->hi[n * D + i] = o->hi[s * D + i];
        }
        n++;
    }
    out->n_scales = n;
    return ASC_OK;
}

asc_status asc_rule_predict(asc_rule_result *out, const asc_optima *optima, const asc_rule_opts *o, asc_error *err)
{
    asc_optima largest = {0};
    ASC_TRY(take_largest(&largest, optima, err));
    rule r = {.optima = &largest,
              .o = o,
              .n_given = optima->n_scales,
              .S = largest.n_scales,
              .D = optima->n_domains,
              .budget = (double)o->n_tokens,
              .err = err};
    asc_rule_result result = {0};
    asc_status st = predict(&r, &result);
    if (st == ASC_OK && r.S < r.n_given)
        asc_notes_say(&result.notes, RULE_LARGEST, r.n_given, r.S);
    asc_free(r.lo);
    asc_free(r.state);
    largest.domains = NULL;
    asc_optima_clear(&largest);
    if (st == ASC_OK)
        *out = result;
    else
        asc_rule_result_clear(&result);
    return st;
}
