#include "export_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS = 10 };
static const int64_t UNITS = 10000000000; /* 10^DIGITS: weights are counted in units of 1e-10 */

static const asc__trainer trainers[] = {
    {"megatron", false, asc__write_megatron},
    {"nemo", false, asc__write_nemo},
    {"olmo-core", false, asc__write_olmo_core},
    {"torchtitan", true, asc__write_torchtitan},
    {"mosaicml", true, asc__write_mosaicml},
    {"levanter", false, asc__write_levanter},
    {"hf-datasets", true, asc__write_hf_datasets},
    {"litgpt", true, asc__write_litgpt},
    {"csv", false, asc__write_csv},
};
enum { N_TRAINERS = sizeof trainers / sizeof *trainers };

const char *const *asc_export_names(void)
{
    static const char *names[N_TRAINERS + 1];
    for (size_t i = 0; i < N_TRAINERS; i++)
        names[i] = trainers[i].name;
    return names;
}

/* ---- strings ---- */

const char *asc__plan_path(const asc__plan *p, size_t i)
{
    return p->mix->paths && p->mix->paths[i] ? p->mix->paths[i] : p->mix->domains[i];
}

void asc__put_string(asc_buf *out, const char *s)
{
    asc_buf_putc(out, '"');
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            asc_buf_putc(out, '\\');
        if (c < ' ' || c == 127)
            asc_buf_printf(out, "\\u%04x", c);
        else
            asc_buf_putc(out, (char)c);
    }
    asc_buf_putc(out, '"');
}

void asc__put_comment(asc_buf *out, const char *s)
{
    for (; *s; s++)
        asc_buf_putc(out, (unsigned char)*s < ' ' || *s == 127 || *s == '\'' || *s == '"' || *s == '`' ? '?' : *s);
}

bool asc__plan_used(const asc__plan *p, size_t i)
{
    return p->mix->tokens ? p->mix->tokens[i] > 0 : strtod(p->weight[i], NULL) > 0;
}

void asc__put_facts(asc_buf *out, const asc__plan *p, size_t i)
{
    const asc_mix_file *m = p->mix;
    asc__put_comment(out, m->domains[i]);
    if (!m->tokens)
        return;
    asc_buf_printf(out, ": %lld tokens, %lld samples", (long long)m->tokens[i], (long long)p->samples[i]);
    if (m->available && !isnan(m->available[i]))
        asc_buf_printf(out, ", %.3f epochs", (double)m->tokens[i] / m->available[i]);
}

void asc__put_head(asc_buf *out, const asc__plan *p, const char *what)
{
    asc_buf_printf(out, "# %s\n# Written by `autoscale export`. ", what);
    if (p->mix->tokens)
        asc_buf_printf(out, "Budget: %lld tokens; samples are of %lld tokens%s and rounded down.\n",
                       (long long)p->total, (long long)p->context, p->context_given ? "" : " (--context changes it)");
    else
        asc_buf_puts(out, "Shares only: the mixture names no budget.\n");
    bool known = true;
    for (size_t i = 0; i < p->n; i++)
        known = known && p->mix->paths && p->mix->paths[i];
    if (!known)
        asc_buf_puts(out, "# Where a domain's data lies was not known everywhere: its name stands there instead.\n");
    if (p->mix->tokenizer) {
        asc_buf_puts(out, "# Shares are of tokens of the tokenizer ");
        asc__put_comment(out, p->mix->tokenizer);
        asc_buf_puts(out, "; with another they change by its bytes per token.\n");
    }
    for (size_t i = 0; i < p->n; i++) {
        asc_buf_puts(out, "#   ");
        asc_buf_puts(out, p->weight[i]);
        asc_buf_puts(out, "  ");
        asc__put_facts(out, p, i);
        asc_buf_putc(out, '\n');
    }
}

/* ---- the plan ---- */

/* True when one more unit of weight could carry domain i beyond the end of the epoch that its tokens end in. */
static bool at_epoch_end(const asc_mix_file *m, size_t i, int64_t total)
{
    if (!m->tokens || !m->available || isnan(m->available[i]) || m->tokens[i] == 0)
        return false;
    double epochs = ceil((double)m->tokens[i] / m->available[i]);
    return (double)m->tokens[i] + (double)total / (double)UNITS + 1 > epochs * m->available[i];
}

/* Weights in units of 1e-10 by largest remainder, so that the printed digits sum to 1. Domains at the end of an epoch
 * are rounded down. */
static void set_units(int64_t *units, double *rest, const asc_mix_file *m, int64_t total)
{
    int64_t left = UNITS;
    bool any = false;
    for (size_t i = 0; i < m->n_domains; i++) {
        double share = m->tokens && total > 0 ? (double)m->tokens[i] / (double)total : m->weights[i];
        double x = share * (double)UNITS;
        units[i] = (int64_t)floor(x);
        rest[i] = share > 0 && !at_epoch_end(m, i, total) ? x - floor(x) : -1;
        any |= rest[i] >= 0;
        left -= units[i];
    }
    for (size_t i = 0; !any && i < m->n_domains; i++)
        rest[i] = units[i] > 0 ? 0 : -1;
    while (left > 0) {
        size_t best = 0;
        for (size_t i = 1; i < m->n_domains; i++)
            if (rest[i] > rest[best])
                best = i;
        units[best]++;
        rest[best] -= 1;
        if (rest[best] < -.999)
            rest[best] = -.5; /* has its turn again after all the others, before those that may not grow */
        left--;
    }
    for (size_t i = m->n_domains; left < 0 && i-- > 0;)
        if (units[i] > 0) {
            units[i]--;
            left++;
        }
}

static asc_status make_plan(asc__plan *p, const asc_mix_file *m, const asc_export_opts *o, asc_error *err)
{
    *p = (asc__plan){.mix = m, .n = m->n_domains, .context = o && o->context > 0 ? o->context : 2048};
    p->context_given = o && o->context > 0;
    p->total = asc_mix_file_total(m);
    int64_t *units = asc_calloc(p->n, sizeof *units);
    double *rest = asc_calloc(p->n, sizeof *rest);
    p->weight = asc_calloc(p->n, sizeof *p->weight);
    p->samples = asc_calloc(p->n, sizeof *p->samples);
    asc_status st = units && rest && p->weight && p->samples ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK)
        set_units(units, rest, m, p->total);
    for (size_t i = 0; st == ASC_OK && i < p->n; i++) {
        snprintf(p->weight[i], sizeof p->weight[i], "%lld.%0*lld", (long long)(units[i] / UNITS), (int)DIGITS,
                 (long long)(units[i] % UNITS));
        p->samples[i] = m->tokens ? m->tokens[i] / p->context : 0;
        p->total_samples += p->samples[i];
    }
    asc_free(units);
    asc_free(rest);
    return st;
}

static const asc__trainer *find_trainer(const char *name)
{
    for (size_t i = 0; i < N_TRAINERS; i++)
        if (strcmp(trainers[i].name, name) == 0)
            return &trainers[i];
    return NULL;
}

asc_status asc_export(asc_buf *out, const asc_mix_file *mix, const char *trainer, const asc_export_opts *o,
                      asc_error *err)
{
    const asc__trainer *t = find_trainer(trainer);
    if (!t) {
        const char *near = asc_nearest_name(trainer, asc_export_names(), N_TRAINERS);
        return ASC_FAIL(err, ASC_EINVAL, "export: no trainer named '%s'%s%s%s", trainer, near ? "; did you mean '" : "",
                        near ? near : "", near ? "'?" : "; `autoscale export --help` lists them");
    }
    if (t->needs_tokens && !(mix->tokens && asc_mix_file_total(mix) > 0))
        return ASC_FAIL(err, ASC_EINVAL, "export: %s counts samples, and the mixture names no tokens (give --tokens N)",
                        trainer);
    asc__plan p;
    asc_status st = make_plan(&p, mix, o, err);
    asc_buf text = {0};
    if (st == ASC_OK)
        t->write(&text, &p);
    if (st == ASC_OK && !text.oom)
        asc_buf_append(out, text.data, text.len);
    if (st == ASC_OK && (text.oom || out->oom))
        st = ASC_NOMEM(err);
    asc_buf_clear(&text);
    asc_free(p.weight);
    asc_free(p.samples);
    return st;
}
