/* Domains, mixtures, objective and target of a study. */
#include "study_parser.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rival/rival.h"
#include "table/table.h"
#include "text/text.h"

/* ---- domains ---- */

/* A name is also part of file names (asc_file_name) and a column of a table: nothing in it may break a line, hide in
 * one, or be a formula to a spreadsheet. */
static bool name_ok(const char *s)
{
    static const char *const hidden[] = {"\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaa", "\xe2\x80\xab", "\xe2\x80\xac",
                                         "\xe2\x80\xad", "\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x81\xa7", "\xe2\x81\xa8",
                                         "\xe2\x81\xa9", "\xef\xbb\xbf"}; /* line ends, directions, byte order */
    size_t n = strlen(s);
    if (n == 0 || n > 64 || strchr(".+-=@ ", s[0]) || s[n - 1] == ' ')
        return false;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        bool control = c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)s[i + 1] < 0xa0); /* U+0080 to U+009F */
        if (control)
            return false;
    }
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (strstr(s, hidden[i]))
            return false;
    return true;
}

/* Of bare arrays of token ids. */
static asc_status check_dtype(const asc_study_domain *d, asc__yaml *y, const yaml_node_t *node, asc_error *err)
{
    if (d->dtype && !asc_corpus_dtype_known(d->dtype))
        return asc__yaml_fail(y, asc__yaml_get(y, node, "dtype"), err,
                              "dtype '%.40s': expected uint8, uint16, int16, uint32, int32, uint64 or int64", d->dtype);
    return ASC_OK;
}

static asc_status parse_domain(asc_study_domain *d, asc__yaml *y, const yaml_node_t *node, bool heldout, asc_error *err)
{
    const char *section = heldout ? "targets" : "domains", *what = heldout ? "a target" : "a domain";
    ASC_TRY(asc__section_check(y, node, section, err));
    d->max_epochs = NAN;
    d->sample = -1;
    ASC_TRY(asc__section_values(d, y, node, section, err));
    if (!d->name)
        return asc__yaml_fail(y, node, err, "%s: missing key 'name'", what);
    if (!name_ok(d->name))
        return asc__yaml_fail(
            y, asc__yaml_get(y, node, "name"), err,
            "name '%.80s': expected at most 64 bytes of one line, no blank at its ends, none of . + - = @ first",
            d->name);
    ASC_TRY(check_dtype(d, y, node, err));
    if (d->part_of && strcmp(d->part_of, d->name) == 0)
        return asc__yaml_fail(y, asc__yaml_get(y, node, "part_of"), err,
                              "part_of: a part of '%s' needs a name of its own", d->name);
    ASC_TRY(asc__yaml_strings(y, node, "train", &d->train, &d->n_train, err));
    ASC_TRY(asc__yaml_strings(y, node, "valid", &d->valid, &d->n_valid, err));
    if (heldout)
        ASC_TRY(asc__study_task_target(d, y, node, err));
    if (d->sample >= 0 && !(d->available > 0))
        return asc__yaml_fail(y, asc__yaml_get(y, node, "sample"), err,
                              "%s '%s': sample: give available too, the tokens that exist in all", what, d->name);
    if (heldout ? d->n_valid == 0 && !d->task : d->n_train == 0)
        return asc__yaml_fail(y, node, err, "%s '%s': missing key '%s' (files of text)", what, d->name,
                              heldout ? "valid" : "train");
    return ASC_OK;
}

static asc_status parse_list(asc_study_domain **out, size_t *n_out, asc__yaml *y, const yaml_node_t *node, bool heldout,
                             asc_error *err)
{
    const char *what = heldout ? "targets" : "domains";
    char shown[80];
    if (node->type != YAML_SEQUENCE_NODE)
        return asc__yaml_fail(y, node, err, "%s: expected a list of {name: …, %s: …}, found %s", what,
                              heldout ? "valid" : "train", asc__yaml_show(node, shown, sizeof shown));
    size_t n = asc__yaml_count(node);
    if (n > ASC_STUDY_MAX_DOMAINS)
        return asc__yaml_fail(y, node, err,
                              "%s: %zu given, at most %d can be memory-mapped and stored by one study; join small ones",
                              what, n, ASC_STUDY_MAX_DOMAINS);
    *out = asc_calloc(n + 1, sizeof **out);
    if (!*out)
        return ASC_NOMEM(err);
    *n_out = n;
    for (size_t i = 0; i < n; i++)
        ASC_TRY(parse_domain(&(*out)[i], y, asc__yaml_item(y, node, i), heldout, err));
    return ASC_OK;
}

/* Names of domains and targets differ also where letters' case is ignored: they are files. */
static int cmp_names(const void *a, const void *b)
{
    return strcasecmp(*(char *const *)a, *(char *const *)b);
}

/* The entry of the last domain or target called so. */
static const yaml_node_t *entry_called(const asc_study_spec *s, asc__yaml *y, const yaml_node_t *domains,
                                       const yaml_node_t *targets, const char *name)
{
    size_t i = s->n_targets;
    while (i-- > 0)
        if (strcmp(s->target_names[i], name) == 0)
            return i < s->n_domains ? asc__yaml_item(y, domains, i) : asc__yaml_item(y, targets, i - s->n_domains);
    return domains;
}

static asc_status check_distinct(const asc_study_spec *s, asc__yaml *y, const yaml_node_t *domains,
                                 const yaml_node_t *targets, asc_error *err)
{
    char **sorted = asc_reallocarray(NULL, s->n_targets, sizeof *sorted);
    if (!sorted)
        return ASC_NOMEM(err);
    memcpy(sorted, s->target_names, s->n_targets * sizeof *sorted);
    qsort(sorted, s->n_targets, sizeof *sorted, cmp_names);
    const char *twice = NULL, *first = NULL;
    for (size_t i = 1; i < s->n_targets && !twice; i++)
        if (strcasecmp(sorted[i - 1], sorted[i]) == 0) {
            first = sorted[i - 1];
            twice = sorted[i];
        }
    asc_free(sorted);
    if (!twice)
        return ASC_OK;
    const yaml_node_t *at = entry_called(s, y, domains, targets, twice);
    if (strcmp(first, twice) == 0)
        return asc__yaml_fail(y, at, err, "domains and targets: the name '%s' is given twice", twice);
    return asc__yaml_fail(y, at, err, "domains and targets: the names '%s' and '%s' differ only in case", first, twice);
}

asc_status asc__study_domains(asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err)
{
    yaml_node_t *domains = asc__yaml_get(y, root, "domains"), *targets = asc__yaml_get(y, root, "targets");
    if (!domains)
        return asc__yaml_fail(y, root, err, "missing key 'domains': a list of {name: …, train: FILES}");
    ASC_TRY(parse_list(&s->domains, &s->n_domains, y, domains, false, err));
    if (s->n_domains < 2)
        return asc__yaml_fail(y, domains, err, "domains: %zu given, a mixture needs at least 2", s->n_domains);
    if (targets && !asc__yaml_is_null(targets))
        ASC_TRY(parse_list(&s->heldout, &s->n_heldout, y, targets, true, err));
    size_t D = s->n_domains, V = D + s->n_heldout;
    s->n_targets = V;
    s->domain_names = asc_calloc(D, sizeof *s->domain_names);
    s->target_names = asc_calloc(V, sizeof *s->target_names);
    if (!s->domain_names || !s->target_names)
        return ASC_NOMEM(err);
    for (size_t i = 0; i < V; i++)
        s->target_names[i] = i < D ? s->domains[i].name : s->heldout[i - D].name;
    memcpy(s->domain_names, s->target_names, D * sizeof *s->domain_names);
    return check_distinct(s, y, domains, targets, err);
}

/* ---- weights ---- */

/* A map {name: share} over names (n); those not named get `missing`. */
static asc_status parse_shares(double *out, asc__yaml *y, const yaml_node_t *node, const char *what, char *const *names,
                               size_t n, double missing, asc_error *err)
{
    ASC_TRY(asc__yaml_check_map(y, node, what, (const char *const *)names, n, err));
    for (size_t i = 0; i < n; i++) {
        const yaml_node_t *value = asc__yaml_get(y, node, names[i]);
        out[i] = missing;
        if (value)
            ASC_TRY(asc__yaml_number_at(y, value, names[i], (asc__range){0, 1, false}, &out[i], err));
    }
    return ASC_OK;
}

/* Within .01 of 1 it is rounding and normalised; beyond that a mistake. */
static asc_status normalise(double *w, size_t n, asc__yaml *y, const yaml_node_t *at, const char *what, asc_error *err)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += w[i];
    if (!(fabs(sum - 1) <= .01))
        return asc__yaml_fail(y, at, err, "%s: the weights sum to %g, expected 1", what, sum);
    for (size_t i = 0; i < n; i++)
        w[i] /= sum;
    return ASC_OK;
}

/* "data/llama.json" -> "llama": what a mixture from a file is called. */
static char *file_stem(const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path, *dot = strrchr(base, '.');
    return asc_strndup(base, dot && dot > base ? (size_t)(dot - base) : strlen(base));
}

/* Weights of a file, read at once: a mistake in it is to be found before anything is trained. */
static asc_status read_ref(asc_mixture_ref *r, const asc_study_spec *s, asc__yaml *y, const yaml_node_t *node,
                           const char *what, asc_error *err)
{
    asc_mix_file m = {0};
    asc_error why;
    char *full = asc_path_join(s->base_dir, r->path);
    r->weights = asc_calloc(s->n_domains, sizeof *r->weights);
    asc_status st = full && r->weights ? asc_mix_file_read(&m, full, &why) : ASC_NOMEM(&why);
    if (st == ASC_OK)
        st = asc_mix_file_weights(r->weights, &m, full, s->domain_names, s->n_domains, &why);
    asc_mix_file_clear(&m);
    asc_free(full);
    if (st == ASC_OK)
        return ASC_OK;
    return st == ASC_ENOMEM ? ASC_NOMEM(err) : asc__yaml_fail(y, node, err, "%s: %s", what, why.msg);
}

static asc_status parse_ref(asc_mixture_ref *r, const asc_study_spec *s, asc__yaml *y, const yaml_node_t *node,
                            const char *what, bool keep_last, asc_error *err)
{
    static const char *const words[] = {"uniform", "natural", "keep-last", "joint"};
    const char *text = asc__yaml_text(node);
    char shown[80], rivals[200];
    if (node->type == YAML_MAPPING_NODE) {
        r->kind = ASC_MIXTURE_WEIGHTS;
        r->weights = asc_calloc(s->n_domains, sizeof *r->weights);
        if (!r->weights || !(r->name = asc_strdup("weights")))
            return ASC_NOMEM(err);
        ASC_TRY(parse_shares(r->weights, y, node, what, s->domain_names, s->n_domains, 0, err));
        return normalise(r->weights, s->n_domains, y, node, what, err);
    }
    if (!text || !*text || asc__yaml_is_null(node))
        return asc__yaml_fail(y, node, err, "%s: expected uniform, natural%s, a file or a map of weights; found %s",
                              what, keep_last ? ", keep-last, joint" : "", asc__yaml_show(node, shown, sizeof shown));
    for (size_t i = 0; i < (keep_last ? 4u : 2u); i++)
        if (strcmp(text, words[i]) == 0) {
            r->kind = (asc_mixture_kind)i;
            r->name = asc_strdup(text);
            return r->name ? ASC_OK : ASC_NOMEM(err);
        }
    if (keep_last && asc_rival_named(text)) {
        r->kind = ASC_MIXTURE_RIVAL;
        r->name = asc_strdup(text);
        return r->name ? ASC_OK : ASC_NOMEM(err);
    }
    /* A bare word with no dot or slash is a mistyped word and no file. */
    if (!strpbrk(text, "./"))
        return asc__yaml_fail(
            y, node, err, "%s: expected uniform, natural%s%s, a file or a map of weights; found '%.60s'", what,
            keep_last ? ", keep-last, joint, " : "", keep_last ? asc_rival_list(rivals, sizeof rivals) : "", text);
    r->kind = ASC_MIXTURE_FILE;
    r->path = asc_strdup(text);
    r->name = file_stem(text);
    return r->path && r->name ? read_ref(r, s, y, node, what, err) : ASC_NOMEM(err);
}

/* A share for every domain, or a map by domain; those not named get the widest bound. */
static asc_status parse_bound(double **out, const asc_study_spec *s, asc__yaml *y, const yaml_node_t *map,
                              const char *key, double widest, asc_error *err)
{
    const yaml_node_t *node = map ? asc__yaml_get(y, map, key) : NULL;
    double *b = asc_calloc(s->n_domains, sizeof *b), x = widest;
    if (!b)
        return ASC_NOMEM(err);
    *out = b;
    if (node && node->type == YAML_MAPPING_NODE)
        return parse_shares(b, y, node, key, s->domain_names, s->n_domains, widest, err);
    if (node)
        ASC_TRY(asc__yaml_number_at(y, node, key, (asc__range){0, 1, false}, &x, err));
    for (size_t i = 0; i < s->n_domains; i++)
        b[i] = x;
    return ASC_OK;
}

static asc_status check_bounds(const asc_study_spec *s, asc__yaml *y, const yaml_node_t *at, asc_error *err)
{
    double lo = 0, hi = 0;
    for (size_t i = 0; i < s->n_domains; i++) {
        if (s->min[i] > s->max[i])
            return asc__yaml_fail(y, at, err, "mixture: domain '%s': min %g exceeds max %g", s->domain_names[i],
                                  s->min[i], s->max[i]);
        lo += s->min[i];
        hi += s->max[i];
    }
    if (lo > 1 + 1e-9)
        return asc__yaml_fail(y, at, err, "mixture: the minimum shares sum to %g, more than 1", lo);
    if (hi < 1 - 1e-9)
        return asc__yaml_fail(y, at, err, "mixture: the maximum shares sum to %g, less than 1", hi);
    return ASC_OK;
}

asc_status asc__study_mixture(asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err)
{
    yaml_node_t *m;
    ASC_TRY(asc__section_read(&m, s, y, root, "mixture", "mixture", err));
    const yaml_node_t *ref = m ? asc__yaml_get(y, m, "reference") : NULL;
    if (ref)
        ASC_TRY(parse_ref(&s->reference, s, y, ref, "reference", false, err));
    else if (!(s->reference.name = asc_strdup("uniform")))
        return ASC_NOMEM(err);
    ASC_TRY(parse_bound(&s->min, s, y, m, "min", 0, err));
    ASC_TRY(parse_bound(&s->max, s, y, m, "max", 1, err));
    if (!m)
        return ASC_OK;
    ASC_TRY(check_bounds(s, y, m, err));
    const yaml_node_t *prior = asc__yaml_get(y, m, "prior"), *kl = asc__yaml_get(y, m, "kl");
    if (prior && !asc__yaml_is_null(prior))
        ASC_TRY(parse_ref(&s->prior, s, y, prior, "prior", false, err));
    if (s->kl > 0 && !s->prior.name)
        return asc__yaml_fail(y, m, err, "mixture: kl is given without prior (a file of weights)");
    if (s->prior.name && !kl)
        return asc__yaml_fail(y, m, err, "mixture: prior is given without kl (the weight of the distance from it)");
    if (s->reference.weights)
        for (size_t i = 0; i < s->n_domains; i++)
            if (!(s->reference.weights[i] > 0))
                return asc__yaml_fail(y, ref, err, "reference: domain '%s' has weight 0; the design multiplies it",
                                      s->domain_names[i]);
    return ASC_OK;
}

/* ---- objective ---- */

static asc_status objective_from_map(asc_study_spec *s, asc__yaml *y, const yaml_node_t *node, asc_error *err)
{
    s->objective = (asc_objective){.kind = ASC_OBJ_WEIGHTS, .n_targets = s->n_targets};
    s->objective.weights = asc_calloc(s->n_targets, sizeof *s->objective.weights);
    s->objective_text = asc_strdup("weights");
    if (!s->objective.weights || !s->objective_text)
        return ASC_NOMEM(err);
    ASC_TRY(parse_shares(s->objective.weights, y, node, "objective", s->target_names, s->n_targets, 0, err));
    return normalise(s->objective.weights, s->n_targets, y, node, "objective", err);
}

/* A file holding a map {target: weight}, YAML or JSON (which YAML reads too). */
static asc_status objective_from_file(asc_study_spec *s, const char *path, asc_error *err)
{
    char *full = asc_path_join(s->base_dir, path), *text = NULL;
    size_t n;
    asc__yaml y = {0};
    asc_status st = full ? asc_read_file(full, 16 << 20, &text, &n, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = asc__yaml_load(&y, full, text, n, err);
    if (st == ASC_OK)
        st = objective_from_map(s, &y, asc__yaml_root(&y), err);
    asc__yaml_clear(&y);
    asc_free(text);
    asc_free(full);
    return st;
}

asc_status asc__study_objective(asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err)
{
    const yaml_node_t *node = asc__yaml_get(y, root, "objective");
    const asc_target_names names = {s->target_names, s->n_targets, s->domain_names, s->n_domains};
    char shown[80];
    s->objective_named = node != NULL;
    if (node && node->type == YAML_MAPPING_NODE)
        return objective_from_map(s, y, node, err);
    const char *word = node ? asc__yaml_text(node) : s->n_heldout ? "mean-targets" : "mean-domains";
    if (!word || (node && asc__yaml_is_null(node)))
        return asc__yaml_fail(y, node, err, "objective: expected a word or a map {target: weight}, found %s",
                              asc__yaml_show(node, shown, sizeof shown));
    if (strncmp(word, "target:", 7) != 0 && strpbrk(word, "./"))
        return objective_from_file(s, word, err);
    asc_error why;
    asc_status st = asc_objective_parse_word(&s->objective, word, &names, &why);
    if (st != ASC_OK)
        return st == ASC_EINVAL ? asc__yaml_fail(y, node, err, "%s", why.msg) : ASC_NOMEM(err);
    s->objective_text = asc_strdup(word);
    return s->objective_text ? ASC_OK : ASC_NOMEM(err);
}

/* ---- target ---- */

/* Mixtures to compare with. Two of one name would share run folders. */
static asc_status parse_against(asc_study_spec *s, asc__yaml *y, const yaml_node_t *map, asc_error *err)
{
    yaml_node_t *node = asc__yaml_get(y, map, "against");
    if (!node || asc__yaml_is_null(node))
        return ASC_OK;
    bool list = node->type == YAML_SEQUENCE_NODE;
    size_t n = list ? asc__yaml_count(node) : 1;
    s->against = asc_calloc(n + 1, sizeof *s->against);
    if (!s->against)
        return ASC_NOMEM(err);
    s->n_against = n;
    static const char *const reserved[] = {"predicted", "base", "schedule", "prior"};
    for (size_t i = 0; i < n; i++) {
        yaml_node_t *item = list ? asc__yaml_item(y, node, i) : node;
        asc_mixture_ref *r = &s->against[i];
        ASC_TRY(parse_ref(r, s, y, item, "against", true, err));
        if (!name_ok(r->name)) /* it becomes part of run ids */
            return asc__yaml_fail(y, item, err, "against: file name '%.80s': expected letters, digits and _ . + -",
                                  r->name);
        for (size_t j = 0; j < ASC__COUNT(reserved); j++)
            if (strcmp(r->name, reserved[j]) == 0)
                return asc__yaml_fail(y, item, err, "against: '%s' is the name of one of the study's own mixtures",
                                      r->name);
        for (size_t j = 0; j < i; j++)
            if (strcmp(r->name, s->against[j].name) == 0)
                return asc__yaml_fail(y, item, err, "against: two mixtures are named '%s'", r->name);
    }
    return ASC_OK;
}

asc_status asc__study_target(asc_study_spec *s, asc__yaml *y, const yaml_node_t *root, asc_error *err)
{
    yaml_node_t *m;
    ASC_TRY(asc__section_read(&m, s, y, root, "target", "target", err));
    if (!m || !asc__yaml_get(y, m, "tokens"))
        return asc__yaml_fail(y, m ? m : root, err, "missing key 'target.tokens': the budget to find a mixture for");
    ASC_TRY(asc__study_sized(&s->target_model, s, y, m, "target.model", err));
    return parse_against(s, y, m, err);
}
