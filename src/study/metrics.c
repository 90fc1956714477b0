/* metrics.jsonl of a run under way, ours or a user's trainer's: what `status` shows before there is a result, and the
 * curve of a trainer whose result has none. Lines that are something else are passed over. */
#include "steps.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_BYTES = 4 << 20, MOST_SHOWN = 60 };

/* The last MOST_BYTES of a file from the first whole line on, 0-terminated; NULL when there is none. */
static char *read_tail(const char *path)
{
    struct stat sb;
    int fd = -1;
    if (asc_file_open(&fd, path, O_RDONLY, NULL) != ASC_OK)
        return NULL;
    char *text = NULL;
    if (fstat(fd, &sb) == 0 && sb.st_size > 0) {
        off_t from = sb.st_size > MOST_BYTES ? sb.st_size - MOST_BYTES : 0;
        size_t n = (size_t)(sb.st_size - from);
        text = asc_malloc(n + 1);
        ssize_t got = text ? pread(fd, text, n, from) : -1;
        if (text)
            text[got > 0 ? got : 0] = 0;
        char *line = text && from ? strchr(text, '\n') : NULL;
        if (line)
            memmove(text, line + 1, strlen(line + 1) + 1);
    }
    close(fd);
    return text;
}

/* {"valid": {target: nats}} as we write it, or {"loss": {target: nats}} as in the curve of a result. */
static const json_t *valid_of(const json_t *line)
{
    const json_t *valid = json_object_get(line, "valid"), *loss = json_object_get(line, "loss");
    return json_is_object(valid) ? valid : json_is_object(loss) ? loss : NULL;
}

static asc_status add_valid(asc_run_metrics *m, asc_arena *a, double tokens, const json_t *losses, asc_error *err)
{
    size_t n = json_object_size(losses), k = 0;
    asc_metrics_point p = {.tokens = tokens, .n = n};
    const char *name;
    json_t *x;
    p.names = asc_arena_alloc(a, (n + 1) * sizeof *p.names);
    p.loss = asc_arena_alloc(a, (n + 1) * sizeof *p.loss);
    if (!p.names || !p.loss)
        return ASC_NOMEM(err);
    json_object_foreach((json_t *)(uintptr_t)losses, name, x)
    {
        p.loss[k] = json_is_number(x) ? json_number_value(x) : NAN;
        if (!(p.names[k++] = asc_arena_strdup(a, name)))
            return ASC_NOMEM(err);
    }
    m->valid[m->n_valid++] = p;
    return ASC_OK;
}

static asc_status take_line(asc_run_metrics *m, asc_arena *a, const json_t *line, asc_error *err)
{
    const json_t *tokens = json_object_get(line, "tokens"), *loss = json_object_get(line, "loss");
    const json_t *measured = valid_of(line);
    if (!json_is_number(tokens))
        return ASC_OK;
    m->n_lines++;
    m->tokens = json_number_value(tokens);
    if (json_is_number(loss)) {
        m->loss = json_number_value(loss);
        m->curve_tokens[m->n_curve] = m->tokens;
        m->curve_loss[m->n_curve++] = m->loss;
    }
    return measured ? add_valid(m, a, m->tokens, measured, err) : ASC_OK;
}

/* Every k-th point and the last, so that at most MOST_SHOWN are left. */
static void thin(asc_run_metrics *m)
{
    size_t n = m->n_curve, every = (n + MOST_SHOWN - 1) / MOST_SHOWN;
    m->n_curve = 0;
    for (size_t i = 0; i < n; i++)
        if (i + 1 == n || i % every == 0) {
            m->curve_tokens[m->n_curve] = m->curve_tokens[i];
            m->curve_loss[m->n_curve++] = m->curve_loss[i];
        }
}

static size_t count_lines(const char *text)
{
    size_t n = 1;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

/* All lines of text, which is cut up. */
static asc_status take_lines(asc_run_metrics *m, asc_arena *a, char *text, const char *path, asc_error *err)
{
    size_t most = count_lines(text);
    char *rest = NULL;
    bool whole = text[0] && text[strlen(text) - 1] == '\n';
    m->curve_tokens = asc_arena_alloc(a, most * sizeof *m->curve_tokens);
    m->curve_loss = asc_arena_alloc(a, most * sizeof *m->curve_loss);
    m->valid = asc_arena_alloc(a, most * sizeof *m->valid);
    if (!m->curve_tokens || !m->curve_loss || !m->valid)
        return ASC_NOMEM(err);
    for (char *line = strtok_r(text, "\n", &rest), *next; line; line = next) {
        next = strtok_r(NULL, "\n", &rest);
        json_t *j = NULL;
        if (!next && !whole) /* being written */
            break;
        asc_status st = ASC_OK;
        if (asc_json_parse(&j, path, line, strlen(line), NULL) == ASC_OK)
            st = take_line(m, a, j, err);
        json_decref(j);
        ASC_TRY(st);
    }
    thin(m);
    return ASC_OK;
}

asc_status asc__metrics_read(asc_run_metrics *out, asc_arena *arena, const char *path, asc_error *err)
{
    asc_run_metrics m = {.loss = NAN};
    char *text = read_tail(path);
    asc_status st = text ? take_lines(&m, arena, text, path, err) : ASC_OK;
    asc_free(text);
    if (st == ASC_OK)
        *out = m;
    return st;
}

/* The losses of a point in the order of the study's targets; false where one is missing. */
static bool point_losses(double *out, const asc__study *s, const asc_metrics_point *p)
{
    for (size_t v = 0; v < s->V; v++) {
        size_t k = 0;
        while (k < p->n && strcmp(p->names[k], s->spec->target_names[v]) != 0)
            k++;
        if (k == p->n || !(p->loss[k] >= 0))
            return false;
        out[v] = p->loss[k];
    }
    return true;
}

asc_status asc__metrics_curve(asc_run_result *r, const asc__study *s, const char *path, asc_error *err)
{
    asc_arena arena = {0};
    asc_run_metrics m = {0};
    asc_status st = asc__metrics_read(&m, &arena, path, err);
    size_t n = m.n_valid, k = 0;
    asc_curve_point *curve = n ? asc_calloc(n, sizeof *curve) : NULL;
    st = st == ASC_OK && n && !curve ? ASC_NOMEM(err) : st;
    for (size_t i = 0; st == ASC_OK && i < n; i++) {
        const asc_metrics_point *p = &m.valid[i];
        double *loss = asc_calloc(s->V, sizeof *loss);
        while (k > 0 && curve[k - 1].tokens >= p->tokens) /* of an attempt that was begun again */
            asc_free(curve[--k].loss);
        if (!loss)
            st = ASC_NOMEM(err);
        else if (p->tokens > 0 && p->tokens <= r->tokens && point_losses(loss, s, p))
            curve[k++] = (asc_curve_point){.tokens = p->tokens, .loss = loss};
        else
            asc_free(loss);
    }
    r->curve = curve; /* freed with the result, also after a failure */
    r->n_curve = k;
    asc_arena_clear(&arena);
    return st;
}
