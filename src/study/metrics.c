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

static void add_point(json_t *list, double tokens, json_t *loss)
{
    json_t *p = json_object();
    json_object_set_new(p, "tokens", asc_json_num(tokens));
    json_object_set_new(p, "loss", loss);
    json_array_append_new(list, p);
}

/* Every k-th point and the last, so that at most MOST_SHOWN are left. */
static json_t *thinned(json_t *list)
{
    size_t n = json_array_size(list), every = (n + MOST_SHOWN - 1) / MOST_SHOWN;
    json_t *out = json_array();
    for (size_t i = 0; i < n; i++)
        if (i + 1 == n || i % every == 0)
            json_array_append(out, json_array_get(list, i));
    json_decref(list);
    return out;
}

static void take_line(json_t *o, json_t *train, json_t *valid, const json_t *line)
{
    const json_t *tokens = json_object_get(line, "tokens"), *loss = json_object_get(line, "loss");
    const json_t *measured = valid_of(line);
    if (!json_is_number(tokens))
        return;
    double x = json_number_value(tokens);
    json_object_set_new(o, "tokens", asc_json_num(x));
    if (json_is_number(loss)) {
        json_object_set(o, "loss", (json_t *)(uintptr_t)loss);
        add_point(train, x, json_copy((json_t *)(uintptr_t)loss));
    }
    if (measured)
        add_point(valid, x, json_deep_copy(measured));
}

json_t *asc__metrics_json(const char *path)
{
    char *text = read_tail(path), *rest = NULL;
    if (!text)
        return NULL;
    json_t *o = json_object(), *train = json_array(), *valid = json_array();
    json_object_set_new(o, "tokens", json_integer(0));
    json_object_set_new(o, "loss", json_null());
    bool whole = text[0] && text[strlen(text) - 1] == '\n';
    for (char *line = strtok_r(text, "\n", &rest), *next; line; line = next) {
        next = strtok_r(NULL, "\n", &rest);
        json_t *j = NULL;
        if (!next && !whole) /* being written */
            break;
        if (asc_json_parse(&j, path, line, strlen(line), NULL) == ASC_OK)
            take_line(o, train, valid, j);
        json_decref(j);
    }
    json_object_set_new(o, "curve", thinned(train));
    json_object_set_new(o, "valid", valid);
    asc_free(text);
    return o;
}

/* The losses of a point in the order of the study's targets; false where one is missing. */
static bool point_losses(double *out, const asc__study *s, const json_t *loss)
{
    for (size_t v = 0; v < s->V; v++) {
        const json_t *x = json_object_get(loss, s->spec->target_names[v]);
        if (!json_is_number(x) || !(json_number_value(x) >= 0))
            return false;
        out[v] = json_number_value(x);
    }
    return true;
}

asc_status asc__metrics_curve(asc_run_result *r, const asc__study *s, const char *path, asc_error *err)
{
    json_t *m = asc__metrics_json(path);
    const json_t *valid = json_object_get(m, "valid");
    size_t n = json_array_size(valid);
    asc_curve_point *curve = n ? asc_calloc(n, sizeof *curve) : NULL;
    asc_status st = n && !curve ? ASC_NOMEM(err) : ASC_OK;
    size_t k = 0;
    for (size_t i = 0; st == ASC_OK && i < n; i++) {
        const json_t *p = json_array_get(valid, i);
        double tokens = json_number_value(json_object_get(p, "tokens"));
        double *loss = asc_calloc(s->V, sizeof *loss);
        while (k > 0 && curve[k - 1].tokens >= tokens) /* of an attempt that was begun again */
            asc_free(curve[--k].loss);
        if (!loss)
            st = ASC_NOMEM(err);
        else if (tokens > 0 && tokens <= r->tokens && point_losses(loss, s, json_object_get(p, "loss")))
            curve[k++] = (asc_curve_point){.tokens = tokens, .loss = loss};
        else
            asc_free(loss);
    }
    r->curve = curve; /* freed with the result, also after a failure */
    r->n_curve = k;
    json_decref(m);
    return st;
}
