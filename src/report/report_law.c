/* The page of a law, and that of a mixture. */
#include "report/report_law.h"

#include "base/base_json.h"
#include "section_law.h"

#include <math.h>
#include <string.h>

/* ---- a law ---- */

static const asc_section_link law_links[] = {
    {"answer", "Optimum"},
    {"try", "Try a mixture"},
    {"worth", "Which domains matter"},
    {"slices", "Around the optimum"},
    {"budget", "By budget"},
    {"fit", "Predictions"},
    {"made", "How it was made"},
    {0},
};

asc_status asc_report_law_html(asc_buf *out, const json_t *document, const asc_report_opts *opts, asc_error *err)
{
    static const char *const scripts[] = {"law.js", "sliders.js", "copy.js", NULL};
    if (!json_is_object(document))
        return ASC_FAIL(err, ASC_EINVAL, "the law's document is no JSON object");
    asc_page p;
    asc__page_init(&p, document, asc__at(document, "domains"), asc__at(asc__at(document, "answer"), "weights"), opts,
                   err);
    asc__section_optimum(&p);
    asc__section_try(&p);
    asc__section_worth(&p);
    asc__section_slices(&p);
    asc__section_law_budget(&p);
    asc__section_law_fit(&p);
    asc__section_law_made(&p);
    const asc_frame f = {
        .title = asc__str(document, "title"), .aside = "a law", .sections = law_links, .scripts = scripts};
    return asc__page_finish(out, &p, &f);
}

/* ---- a mixture ---- */

static double share_at(const asc_mix_file *m, size_t phase, size_t i)
{
    const json_t *w = asc__at(json_array_get(m->phases, phase), "weights");
    double x = asc__num(w, m->domains[i]);
    return isnan(x) ? 0 : x;
}

static void mixture_head(asc_buf *b, const asc_mix_file *m)
{
    asc__table_begin(b);
    asc__table_head(b, "domain", false);
    asc__table_head(b, "share", true);
    for (size_t k = 0; k < asc_mix_file_n_phases(m); k++) {
        char head[64];
        double until = asc_mix_file_phase_share(m, k, asc_mix_file_total(m));
        snprintf(head, sizeof head, "phase %zu", k + 1);
        if (!isnan(until))
            snprintf(head, sizeof head, "until %.3g %%", 100 * until);
        asc__table_head(b, head, true);
    }
    asc__table_head(b, "tokens", true);
    asc__table_head(b, "unique tokens", true);
    asc__table_head(b, "epochs", true);
    asc__table_head(b, "bytes per token", true);
    asc__table_head(b, "data", false);
    asc__table_heads_end(b);
}

static void mixture_table(asc_buf *b, const asc_mix_file *m)
{
    mixture_head(b, m);
    for (size_t i = 0; i < m->n_domains; i++) {
        double n = m->tokens ? (double)m->tokens[i] : NAN, unique = m->available ? m->available[i] : NAN;
        asc__row(b);
        asc__cell_name(b, m->domains[i]);
        asc__cell_percent(b, m->weights[i]);
        for (size_t k = 0; k < asc_mix_file_n_phases(m); k++)
            asc__cell_percent(b, share_at(m, k, i));
        asc__cell_count(b, n);
        asc__cell_count(b, unique);
        asc__cell_fixed(b, n / unique, 2);
        asc__cell_fixed(b, m->bytes_per_token ? m->bytes_per_token[i] : NAN, 2);
        asc__cell_text(b, m->paths && m->paths[i] ? m->paths[i] : "");
        asc_buf_putc(b, '\n');
    }
    asc__table_close(b);
}

static void mixture_chart(asc_page *p, const asc_mix_file *m)
{
    json_t *rows = json_array(), *name;
    size_t k;
    json_array_foreach(p->shown, k, name)
    {
        size_t i = 0;
        while (i < m->n_domains && strcmp(m->domains[i], json_string_value(name)) != 0)
            i++;
        json_t *row = asc__chart_row(rows);
        asc__put_str(row, "domain", m->domains[i]);
        asc__put_num(row, "share", m->weights[i]);
        asc__put_num(row, "tokens", m->tokens ? (double)m->tokens[i] : NAN);
        asc__put_num(row, "epochs", m->tokens && m->available ? (double)m->tokens[i] / m->available[i] : NAN);
    }
    asc__chart(p, "answer", "<b>Share of each domain.</b>", json_pack("{s:o}", "rows", rows),
               json_pack("{s:f}", "uniform", 1. / (double)m->n_domains));
}

/* Where it came from, as the command that made it wrote it down. */
static asc_status provenance(asc_buf *b, const asc_mix_file *m, asc_error *err)
{
    const char *key;
    json_t *v;
    asc_buf_puts(b, "<dl>");
    if (m->tokenizer) {
        asc_buf_puts(b, "<dt>tokenizer</dt><dd>");
        asc__html_text(b, m->tokenizer);
        asc_buf_puts(b, "</dd>");
    }
    json_object_foreach(m->from, key, v)
    {
        char *text = NULL;
        if (json_is_null(v) || strcmp(key, "notes") == 0) /* null: not given */
            continue;
        if (json_is_real(v)) /* for people: six digits */
            text = asc_strf("%.6g", json_real_value(v));
        else if (!json_is_string(v))
            ASC_TRY(asc_json_print(&text, v, 0, err));
        asc_buf_puts(b, "<dt>");
        asc__html_text(b, key);
        asc_buf_puts(b, "</dt><dd>");
        asc__html_text(b, json_is_string(v) ? json_string_value(v) : text ? text : "");
        asc_buf_puts(b, "</dd>");
        asc_free(text);
    }
    asc_buf_puts(b, "</dl>\n");
    asc__html_notes(b, asc__at(m->from, "notes"));
    return ASC_OK;
}

static void mixture_sections(asc_page *p, const asc_mix_file *m, const char *path)
{
    asc_buf *b = &p->out, word = {0};
    asc_buf_puts(b, "<section id=\"answer\"><h2>The mixture");
    if (m->tokens) {
        asc_buf_puts(b, " for ");
        asc__html_si(b, (double)asc_mix_file_total(m));
        asc_buf_puts(b, " tokens");
    }
    asc_buf_puts(b, "</h2>\n");
    mixture_chart(p, m);
    mixture_table(b, m);
    asc_buf_puts(b, "</section>\n<section id=\"export\"><h2>For your trainer</h2>\n");
    asc_buf_shell_word(&word, path);
    asc__export_lines(b, word.data ? word.data : "");
    b->oom = b->oom || word.oom;
    asc_buf_clear(&word);
    asc_buf_puts(b, "</section>\n<section id=\"made\"><h2>Where it came from</h2>\n");
    p->status = provenance(b, m, p->err);
    asc_buf_puts(b, "</section>\n");
}

asc_status asc_report_mixture_html(asc_buf *out, const asc_mix_file *mix, const char *path, const asc_report_opts *opts,
                                   asc_error *err)
{
    static const asc_section_link links[] = {
        {"answer", "Mixture"}, {"export", "For your trainer"}, {"made", "Where it came from"}, {0}};
    static const char *const scripts[] = {"copy.js", NULL};
    json_t *names = json_array(), *weights = json_object();
    for (size_t i = 0; i < mix->n_domains; i++) {
        json_array_append_new(names, json_string(mix->domains[i]));
        json_object_set_new(weights, mix->domains[i], json_real(mix->weights[i]));
    }
    asc_page p;
    asc__page_init(&p, NULL, names, weights, opts, err);
    if (p.status == ASC_OK)
        mixture_sections(&p, mix, path);
    const char *slash = strrchr(path, '/');
    const asc_frame f = {
        .title = slash ? slash + 1 : path, .aside = "a mixture", .sections = links, .scripts = scripts};
    asc_status st = asc__page_finish(out, &p, &f);
    json_decref(names);
    json_decref(weights);
    return st;
}
