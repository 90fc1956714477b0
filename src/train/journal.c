/* metrics.jsonl (one line every some steps) and log.txt (for people) of a run. */
#include "run_state.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/base_json.h"

asc_status asc__journal_open(journal *j, const char *dir, asc_error *err)
{
    *j = (journal){.metrics = asc_path_join(dir, "metrics.jsonl"), .log = asc_path_join(dir, "log.txt")};
    if (j->metrics && j->log)
        return ASC_OK;
    asc__journal_close(j);
    return ASC_NOMEM(err);
}

void asc__journal_close(journal *j)
{
    asc_free(j->metrics);
    asc_free(j->log);
    *j = (journal){0};
}

void asc__journal_note(journal *j, const char *fmt, ...)
{
    char text[1300], line[1400], clock[32] = "";
    va_list args;
    if (!j->log)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    time_t now = time(NULL);
    struct tm t;
    if (gmtime_r(&now, &t))
        strftime(clock, sizeof clock, "%Y-%m-%dT%H:%M:%SZ", &t);
    snprintf(line, sizeof line, "%s %s", clock, text);
    (void)asc_append_line(j->log, line, NULL);
}

asc_status asc__journal_rewind(journal *j, int64_t n, asc_error *err)
{
    if (!j->metrics)
        return ASC_OK;
    ASC_TRY(asc_truncate(j->metrics, n, err));
    struct stat sb;
    /* Shorter than it was when the checkpoint was made (a power cut): what is there is kept. */
    j->metrics_bytes = stat(j->metrics, &sb) == 0 ? (int64_t)sb.st_size : 0;
    return ASC_OK;
}

static asc_status append(journal *j, json_t *line, bool ok, asc_error *err)
{
    char *text = NULL;
    asc_status st = line && ok ? asc_json_print(&text, line, 0, err) : ASC_NOMEM(err);
    if (st == ASC_OK)
        st = asc_append_line(j->metrics, text, err);
    if (st == ASC_OK)
        j->metrics_bytes += (int64_t)strlen(text) + 1;
    asc_free(text);
    json_decref(line);
    return st;
}

static bool set_num(json_t *o, const char *key, double x)
{
    return json_object_set_new(o, key, asc_json_num(x)) == 0;
}

static json_t *line_at(int64_t step, double tokens, int attempt)
{
    json_t *o = json_object();
    if (!o)
        return NULL;
    bool ok = json_object_set_new(o, "step", json_integer(step)) == 0 &&
              json_object_set_new(o, "tokens", json_integer((json_int_t)tokens)) == 0;
    if (attempt > 0)
        ok = ok && json_object_set_new(o, "attempt", json_integer(attempt)) == 0;
    if (ok)
        return o;
    json_decref(o);
    return NULL;
}

asc_status asc__journal_step(journal *j, const asc_train_status *s, double grad_norm, int attempt, asc_error *err)
{
    if (!j->metrics)
        return ASC_OK;
    json_t *o = line_at(s->step, s->tokens, attempt);
    bool ok = o && set_num(o, "loss", s->loss_train) && set_num(o, "lr", s->lr) && set_num(o, "grad_norm", grad_norm) &&
              set_num(o, "tokens_per_s", s->tokens_per_s);
    return append(j, o, ok, err);
}

asc_status asc__journal_valid(journal *j, int64_t step, const asc_curve_point *p, char *const *targets, size_t n,
                              int attempt, asc_error *err)
{
    if (!j->metrics)
        return ASC_OK;
    json_t *o = line_at(step, p->tokens, attempt), *map = json_object();
    bool ok = o && map;
    for (size_t v = 0; ok && v < n; v++)
        ok = set_num(map, targets[v], p->loss[v]);
    if (o)
        ok = json_object_set_new(o, "valid", map) == 0 && ok;
    else
        json_decref(map);
    return append(j, o, ok, err);
}
