#include "export_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#ifndef ASC__ONE_MORE_EXPORT /* how a test adds its own */
#define ASC__ONE_MORE_EXPORT
#endif
#define TOKENS_ADVICE                                                                                                  \
    "Megatron's token files (PREFIX.bin, PREFIX.idx): `autoscale tokenize NAME=PATH --tokenizer TOKENIZER -o DIR` "    \
    "makes them from text, as DIR/NAME.train"
static const asc__export_form trainers[] = {
    {"megatron", false, true, false, ASC__DATA_TOKENS, TOKENS_ADVICE, asc__write_megatron},
    {"nemo", false, true, false, ASC__DATA_TOKENS, TOKENS_ADVICE, asc__write_nemo},
    {"olmo-core", false, false, true, ASC__DATA_TOKENS | ASC__DATA_ARRAY,
     "raw arrays of ids: `autoscale tokenize` makes them from text (the .bin of its token files)",
     asc__write_olmo_core},
    {"torchtitan", true, true, false, ASC__DATA_TOKENS | ASC__DATA_LINES, "token files or JSON lines (a field `text`)",
     asc__write_torchtitan},
    {"mosaicml", true, true, false, ASC__DATA_MDS,
     "MDS folders: the comment `convert` in the output makes them from token files, llm-foundry's "
     "scripts/data_prep/convert_text_to_mds.py from text",
     asc__write_mosaicml},
    {"levanter", false, false, true, ASC__DATA_LINES | ASC__DATA_PARQUET | ASC__DATA_TEXT,
     "JSON lines, Parquet or text, which it tokenizes itself: give each domain's text with --paths FILE",
     asc__write_levanter},
    {"hf-datasets", true, true, true,
     ASC__DATA_TOKENS | ASC__DATA_LINES | ASC__DATA_PARQUET | ASC__DATA_TEXT | ASC__DATA_ARROW,
     "token files, JSON lines, Parquet, text or a folder of save_to_disk()", asc__write_hf_datasets},
    {"litgpt", true, true, false, ASC__DATA_LITDATA,
     "folders of litdata.optimize: prepare(FOLDER) in the output makes them from token files and returns PATHS",
     asc__write_litgpt},
    {"csv", false, false, true, ASC__DATA_ANY, "", asc__write_csv},
    ASC__ONE_MORE_EXPORT};
enum { N_TRAINERS = sizeof trainers / sizeof *trainers };

static const char *trainer_names[N_TRAINERS + 1];

static void list_names(void)
{
    for (size_t i = 0; i < N_TRAINERS; i++)
        trainer_names[i] = trainers[i].name;
}

const char *const *asc_export_names(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, list_names);
    return trainer_names;
}

/* ---- strings ---- */

/* Characters that end a line or do not print, beyond ASCII's: C1, U+2028, U+2029, the byte-order mark. *n: bytes. */
static bool breaks(const char *s, size_t *n, unsigned *code)
{
    const unsigned char *p = (const unsigned char *)s;
    *n = 1;
    *code = p[0];
    if (p[0] < ' ' || p[0] == 127)
        return true;
    if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) {
        *n = 2;
        *code = p[1];
        return true;
    }
    if ((p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9)) ||
        (p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf)) {
        *n = 3;
        *code = p[0] == 0xef ? 0xfeff : 0x2028u + (p[2] - 0xa8u);
        return true;
    }
    return false;
}

void asc__put_string(asc_buf *out, const char *s)
{
    size_t n;
    unsigned code;
    asc_buf_putc(out, '"');
    for (; *s; s += n) {
        if (breaks(s, &n, &code)) {
            asc_buf_printf(out, "\\u%04x", code);
            continue;
        }
        if (*s == '"' || *s == '\\')
            asc_buf_putc(out, '\\');
        asc_buf_putc(out, *s);
    }
    asc_buf_putc(out, '"');
}

void asc__put_comment(asc_buf *out, const char *s)
{
    size_t n;
    unsigned code;
    for (; *s; s += n)
        asc_buf_putc(out, breaks(s, &n, &code) || *s == '\'' || *s == '"' || *s == '`' ? '?' : *s);
}

/* Words of ours around names of theirs: only what would end the line is replaced. */
static void put_line(asc_buf *out, const char *s)
{
    size_t n;
    unsigned code;
    for (; *s; s += n)
        asc_buf_putc(out, breaks(s, &n, &code) ? '?' : *s);
}

void asc__put_units(asc_buf *out, const asc__plan *p, int64_t x)
{
    asc_buf_printf(out, "%lld.%0*lld", (long long)(x / p->one), p->digits, (long long)(x % p->one));
}

bool asc__plan_used(const asc__plan *p, size_t i)
{
    return p->mix->tokens ? p->mix->tokens[i] > 0 : p->units[i] > 0;
}

/* "name: N tokens, n samples, 1.2 epochs" of domain i, for comments. */
static void put_facts(asc_buf *out, const asc__plan *p, size_t i)
{
    const asc_mix_file *m = p->mix;
    asc__put_comment(out, m->domains[i]);
    if (!m->tokens)
        return;
    asc_buf_printf(out, ": %lld tokens, %lld samples", (long long)m->tokens[i], (long long)p->samples[i]);
    if (m->available && !isnan(m->available[i]))
        asc_buf_printf(out, ", %.3f epochs", (double)m->tokens[i] / m->available[i]);
    if (m->max_epochs && !isnan(m->max_epochs[i]))
        asc_buf_printf(out, " (at most %g)", m->max_epochs[i]);
}

void asc__put_head(asc_buf *out, const asc__plan *p, const char *what)
{
    asc_buf_printf(out, "# %s\n# Written by `autoscale export`. ", what);
    if (p->mix->tokens)
        asc_buf_printf(out, "Budget: %lld tokens; samples are of %lld tokens%s and rounded down.\n",
                       (long long)p->total, (long long)p->context, p->context_given ? "" : " (--context changes it)");
    else
        asc_buf_puts(out, "Shares only: the mixture has no budget.\n");
    bool known = true;
    for (size_t i = 0; i < p->n; i++)
        known = known && p->where[i].known;
    if (!known)
        asc_buf_puts(out, "# The data paths of some domains are unknown: their names stand in for them.\n");
    if (p->mix->tokenizer) {
        asc_buf_puts(out, "# Shares are in tokens of the tokenizer ");
        asc__put_comment(out, p->mix->tokenizer);
        asc_buf_puts(out, "; with another tokenizer they change by its bytes per token.\n");
    }
    for (size_t i = 0; i < p->notes.n; i++) {
        asc_buf_puts(out, "# Note: ");
        put_line(out, p->notes.text[i]);
        asc_buf_putc(out, '\n');
    }
    for (size_t i = 0; i < p->n; i++) {
        asc_buf_puts(out, "#   ");
        asc_buf_puts(out, p->weight[i]);
        asc_buf_puts(out, "  ");
        put_facts(out, p, i);
        asc_buf_putc(out, '\n');
    }
}

/* ---- the plan ---- */

/* True when one more unit of weight could carry domain i beyond the end of the epoch that its tokens end in. */
static bool at_epoch_end(const asc__plan *p, size_t i)
{
    const asc_mix_file *m = p->mix;
    if (!m->tokens || !m->available || isnan(m->available[i]) || m->tokens[i] == 0)
        return false;
    double epochs = ceil((double)m->tokens[i] / m->available[i]);
    return (double)m->tokens[i] + (double)p->total / (double)p->one + 1 > epochs * m->available[i];
}

static double share_of(const asc__plan *p, size_t i)
{
    const asc_mix_file *m = p->mix;
    return m->tokens && p->total > 0 ? (double)m->tokens[i] / (double)p->total : m->weights[i];
}

/* Ten digits, more where the least share would have fewer than three. */
static void set_digits(asc__plan *p)
{
    double least = 1;
    for (size_t i = 0; i < p->n; i++)
        least = share_of(p, i) > 0 ? fmin(least, share_of(p, i)) : least;
    p->digits = 10;
    p->one = 10000000000;
    while (p->digits < 15 && least * (double)p->one < 100) {
        p->digits++;
        p->one *= 10;
    }
}

/* Weights in units by largest remainder, so that the printed digits sum to 1. Domains at the end of an epoch are
 * rounded down. */
static void set_units(asc__plan *p, double *rest)
{
    int64_t left = p->one, *units = p->units;
    bool any = false;
    for (size_t i = 0; i < p->n; i++) {
        double share = share_of(p, i), x = share * (double)p->one;
        units[i] = (int64_t)floor(x);
        rest[i] = share > 0 && !at_epoch_end(p, i) ? x - floor(x) : -1;
        any |= rest[i] >= 0;
        left -= units[i];
    }
    for (size_t i = 0; !any && i < p->n; i++)
        rest[i] = units[i] > 0 ? 0 : -1;
    while (left > 0) {
        size_t best = 0;
        for (size_t i = 1; i < p->n; i++)
            if (rest[i] > rest[best])
                best = i;
        units[best]++;
        rest[best] -= 1;
        if (rest[best] < -.999)
            rest[best] = -.5; /* has its turn again after all the others, before those that may not grow */
        left--;
    }
    for (size_t i = p->n; left < 0 && i-- > 0;)
        if (units[i] > 0) {
            units[i]--;
            left++;
        }
}

static void plan_clear(asc__plan *p)
{
    for (size_t i = 0; p->where && i < p->n; i++)
        asc__where_clear(&p->where[i]);
    asc_free(p->where);
    asc_free(p->units);
    asc_free(p->weight);
    asc_free(p->samples);
    asc_notes_clear(&p->notes);
}

static asc_status make_plan(asc__plan *p, const asc_mix_file *m, const asc_export_opts *o, asc_error *err)
{
    *p = (asc__plan){.mix = m, .n = m->n_domains, .context = o && o->context > 0 ? o->context : 2048};
    p->context_given = o && o->context > 0;
    p->total = asc_mix_file_total(m);
    double *rest = asc_calloc(p->n, sizeof *rest);
    p->units = asc_calloc(p->n, sizeof *p->units);
    p->weight = asc_calloc(p->n, sizeof *p->weight);
    p->samples = asc_calloc(p->n, sizeof *p->samples);
    p->where = asc_calloc(p->n, sizeof *p->where);
    asc_status st = p->units && rest && p->weight && p->samples && p->where ? ASC_OK : ASC_NOMEM(err);
    if (st == ASC_OK) {
        set_digits(p);
        set_units(p, rest);
    }
    for (size_t i = 0; st == ASC_OK && i < p->n; i++) {
        snprintf(p->weight[i], sizeof p->weight[i], "%lld.%0*lld", (long long)(p->units[i] / p->one), p->digits,
                 (long long)(p->units[i] % p->one));
        p->samples[i] = m->tokens ? m->tokens[i] / p->context : 0;
        p->total_samples += p->samples[i];
        st = asc__where_find(&p->where[i], m, i, err);
    }
    asc_free(rest);
    return st;
}

/* ---- what cannot be exported, and what should be known ---- */

/* The largest budget at which no domain passes its cap. */
static double largest_budget(const asc__plan *p)
{
    const asc_mix_file *m = p->mix;
    double most = INFINITY;
    for (size_t i = 0; i < p->n; i++)
        if (m->available[i] > 0 && m->max_epochs[i] > 0 && m->weights[i] > 0)
            most = fmin(most, m->available[i] * m->max_epochs[i] / m->weights[i]);
    return floor(most);
}

static asc_status check_caps(const asc__plan *p, asc_error *err)
{
    const asc_mix_file *m = p->mix;
    char n[16], most[16];
    for (size_t i = 0; m->tokens && m->available && m->max_epochs && i < p->n; i++) {
        double cap = m->available[i] * m->max_epochs[i], tokens = (double)m->tokens[i];
        if (isnan(cap) || tokens <= cap * 1.001 + (double)p->context)
            continue;
        return ASC_FAIL(err, ASC_EINVAL,
                        "domain '%s': %s tokens are %.3g epochs, above the mixture's cap of %g (max_epochs): solve for "
                        "this budget (optimize or predict --tokens), or export at most %s tokens",
                        m->domains[i], asc_format_count(tokens, n), tokens / m->available[i], m->max_epochs[i],
                        asc_format_count(largest_budget(p), most));
    }
    return ASC_OK;
}

static asc_status check_shares(asc__plan *p, const asc__export_form *t, asc_error *err)
{
    const asc_mix_file *m = p->mix;
    int64_t most = 0;
    for (size_t i = 0; i < p->n; i++) {
        bool used = m->tokens ? m->tokens[i] > 0 : m->weights[i] > 0;
        most = m->tokens && m->tokens[i] > most ? m->tokens[i] : most;
        if (used && p->units[i] == 0)
            return ASC_FAIL(
                err, ASC_EINVAL,
                "domain '%s': its share of %.2g is too small for the %d decimals of the weights; make it 0 or larger",
                m->domains[i], share_of(p, i), p->digits);
        if (used && m->tokens && p->samples[i] == 0)
            asc_notes_say(&p->notes, UNDER_A_SAMPLE, m->domains[i], (long long)m->tokens[i], (long long)p->context,
                          t->counts_samples ? ": it gets none where samples are counted" : "");
    }
    if (t->counts_samples && m->tokens && p->total_samples == 0)
        return ASC_FAIL(err, ASC_EINVAL,
                        "no domain has a whole sample of %lld tokens (the largest has %lld tokens): use a smaller "
                        "--context or more --tokens",
                        (long long)p->context, (long long)most);
    return ASC_OK;
}

static const char *data_name(int data)
{
    return data == ASC__DATA_TOKENS    ? "Megatron token files"
           : data == ASC__DATA_ARRAY   ? "raw arrays of ids"
           : data == ASC__DATA_LINES   ? "JSON lines"
           : data == ASC__DATA_PARQUET ? "Parquet"
           : data == ASC__DATA_MDS     ? "MDS folders"
           : data == ASC__DATA_LITDATA ? "litdata folders"
           : data == ASC__DATA_ARROW   ? "Arrow folders"
                                       : "text";
}

/* One note per kind of data that the trainer does not open. */
static void note_data(asc__plan *p, const asc__export_form *t)
{
    for (int data = 1; data <= ASC__DATA_ARROW; data <<= 1) {
        size_t first = SIZE_MAX, n = 0;
        for (size_t i = 0; i < p->n; i++)
            if (asc__plan_used(p, i) && p->where[i].pieces[0].data == data && n++ == 0)
                first = i;
        if (n > 0 && !(t->reads & data))
            asc_notes_say(&p->notes, WRONG_DATA, data_name(data), p->where[first].pieces[0].path, n > 1 ? ", ..." : "",
                          t->name, t->advice);
    }
}

static asc_status check_where(asc__plan *p, const asc__export_form *t, asc_error *err)
{
    for (size_t i = 0; i < p->n; i++) {
        const asc__where *w = &p->where[i];
        bool sized = true;
        for (size_t k = 0; k < w->n; k++) {
            sized = sized && w->pieces[k].n_bytes > 0;
            if (w->pieces[k].unmatched && !t->takes_patterns && asc__plan_used(p, i))
                return ASC_FAIL(err, ASC_EINVAL, "domain '%s': %s: no file matches, and %s does not expand patterns",
                                p->mix->domains[i], w->pieces[k].path, t->name);
        }
        if (w->n > 1 && !sized && asc__plan_used(p, i))
            asc_notes_say(&p->notes, EQUAL_PATHS, p->mix->domains[i], w->n);
    }
    note_data(p, t);
    return ASC_OK;
}

static const asc__export_form *find_trainer(const char *name)
{
    for (size_t i = 0; i < N_TRAINERS; i++)
        if (strcmp(trainers[i].name, name) == 0)
            return &trainers[i];
    return NULL;
}

/* Names that people use for them. */
static const char *meant(const char *name)
{
    static const char *const others[][2] = {
        {"hf", "hf-datasets"},          {"huggingface", "hf-datasets"}, {"datasets", "hf-datasets"},
        {"hf_datasets", "hf-datasets"}, {"mosaic", "mosaicml"},         {"llm-foundry", "mosaicml"},
        {"streaming", "mosaicml"},      {"composer", "mosaicml"},       {"olmo", "olmo-core"},
        {"litdata", "litgpt"},          {"megatron-lm", "megatron"},    {"megatron-core", "megatron"},
        {"titan", "torchtitan"},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcasecmp(name, others[i][0]) == 0)
            return others[i][1];
    return asc_nearest_name(name, asc_export_names(), N_TRAINERS);
}

static asc_status check(asc__plan *p, const asc__export_form *t, asc_error *err)
{
    ASC_TRY(check_caps(p, err));
    ASC_TRY(check_shares(p, t, err));
    return check_where(p, t, err);
}

asc_status asc_export(asc_buf *out, const asc_mix_file *mix, const char *trainer, const asc_export_opts *o,
                      asc_error *err)
{
    const asc__export_form *t = find_trainer(trainer);
    if (!t) {
        const char *near = meant(trainer);
        return ASC_FAIL(err, ASC_EINVAL, "export: unknown trainer '%s'%s%s%s", trainer, near ? "; did you mean '" : "",
                        near ? near : "", near ? "'?" : "; `autoscale export --help` lists them");
    }
    if (t->needs_tokens && !(mix->tokens && asc_mix_file_total(mix) > 0))
        return ASC_FAIL(err, ASC_EINVAL,
                        "export: %s counts samples, and the mixture has no token budget (give --tokens N)", trainer);
    if (asc_mix_file_n_phases(mix) > 1)
        return ASC_FAIL(err, ASC_EINVAL,
                        "export: the mixture changes during the run, in %zu phases; export them one by one (--phase K)",
                        asc_mix_file_n_phases(mix));
    asc__plan p;
    asc_status st = make_plan(&p, mix, o, err);
    asc_buf text = {0};
    if (st == ASC_OK)
        st = check(&p, t, err);
    if (st == ASC_OK)
        t->write(&text, &p);
    if (st == ASC_OK && !text.oom)
        asc_buf_append(out, text.data, text.len);
    if (st == ASC_OK && (text.oom || out->oom))
        st = ASC_NOMEM(err);
    for (size_t i = 0; st == ASC_OK && o && o->notes && i < p.notes.n; i++)
        asc_notes_add_as(o->notes, p.notes.code[i], "%s", p.notes.text[i]);
    asc_buf_clear(&text);
    plan_clear(&p);
    return st;
}
