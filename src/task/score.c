/* Log-likelihoods of requests: encoded, cut into windows, scored, put together again. */
#include "task/task_score.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "model/model_windows.h"

struct asc_task_scorer {
    asc_model *model;
    asc_tokenizer *tokenizer;
    asc_encoder *encoder;
    int context;
};

/* ---- life ---- */

void asc_task_scorer_free(asc_task_scorer *s)
{
    if (!s)
        return;
    asc_model_free(s->model);
    asc_encoder_free(s->encoder);
    asc_tokenizer_free(s->tokenizer);
    asc_free(s);
}

static asc_status load_model(asc_task_scorer *s, const char *dir, const asc_task_scorer_opts *o, asc_error *err)
{
    asc_model_spec spec;
    ASC_TRY(asc_model_spec_read(&spec, dir, err));
    if (asc_arch_is_encoder(spec.arch))
        return ASC_FAIL(err, ASC_EINVAL, "%s: an encoder (%s); likelihood tasks need a decoder", dir,
                        asc_arch_name(spec.arch));
    ASC_TRY(asc_model_eval_context(&spec, o->context, err));
    s->context = spec.context;
    int batch = o->micro_batch > 0 ? o->micro_batch : 4096 / spec.context;
    asc_model_opts opts = {
        .isa = o->isa, .dtype = o->dtype, .threads = o->threads, .micro_batch = batch > 0 ? batch : 1};
    ASC_TRY(asc_model_create(&s->model, &spec, &opts, err));
    return asc_model_load(s->model, dir, err);
}

static asc_status load_tokenizer(asc_task_scorer *s, const char *path, asc_error *err)
{
    ASC_TRY(asc_tokenizer_load(&s->tokenizer, path, err));
    return asc_encoder_create(&s->encoder, s->tokenizer, err);
}

asc_status asc_task_scorer_create(asc_task_scorer **out, const char *checkpoint, const asc_task_scorer_opts *opts,
                                  asc_error *err)
{
    asc_task_scorer *s = asc_calloc(1, sizeof *s);
    if (!s)
        return ASC_NOMEM(err);
    asc_status status = load_model(s, checkpoint, opts, err);
    if (status == ASC_OK)
        status = load_tokenizer(s, opts->tokenizer ? opts->tokenizer : checkpoint, err);
    if (status != ASC_OK) {
        asc_task_scorer_free(s);
        return status;
    }
    *out = s;
    return ASC_OK;
}

/* ---- encoding ---- */

/* Length of text without the blanks at its end; wide blanks of Unicode are left alone. */
static size_t trimmed(const char *text)
{
    size_t n = strlen(text);
    while (n > 0 && (text[n - 1] == ' ' || (text[n - 1] >= 9 && text[n - 1] <= 13)))
        n--;
    return n;
}

static asc_status encode_whole(int32_t **ids, size_t *n, size_t *cap, asc_encoder *e, const char *text, size_t n_bytes,
                               asc_error *err)
{
    *n = 0;
    return n_bytes ? asc_encode(e, text, n_bytes, ids, n, cap, err) : ASC_OK;
}

static asc_status encode_empty_context(int32_t **ids, size_t *n, size_t *cap, size_t *n_context, asc_encoder *e,
                                       const asc_tokenizer *tokenizer, const char *text, asc_error *err)
{
    int32_t end = asc_tokenizer_special(tokenizer, NULL);
    if (end < 0)
        return ASC_FAIL(err, ASC_EINVAL, "the tokenizer has no end-of-document token, which an empty context needs");
    ASC_TRY(encode_whole(ids, n, cap, e, text, strlen(text), err));
    *n_context = 1;
    if (*n > 0 && (*ids)[0] == end)
        return ASC_OK;
    int32_t *more = asc_grow(*ids, cap, *n + 1, sizeof *more);
    if (!more)
        return ASC_NOMEM(err);
    memmove(more + 1, more, *n * sizeof *more);
    more[0] = end;
    *ids = more;
    *n += 1;
    return ASC_OK;
}

/* Token ids of a request: context's and continuation's, *n_context of them the context's; at least 1 each. ids is grown
 * with asc_grow: *n used, *cap held; overwritten. A continuation without a token of its own is refused. */
static asc_status encode_request(int32_t **ids, size_t *n, size_t *cap, size_t *n_context, asc_encoder *encoder,
                                 const asc_tokenizer *tokenizer, const asc_task_request *r, asc_error *err)
{
    if (!*r->context) {
        ASC_TRY(encode_empty_context(ids, n, cap, n_context, encoder, tokenizer, r->continuation, err));
    } else {
        size_t kept = trimmed(r->context);
        char *whole = asc_strf("%s%s", r->context, r->continuation);
        if (!whole)
            return ASC_NOMEM(err);
        asc_status s = encode_whole(ids, n, cap, encoder, whole, kept, err);
        *n_context = *n;
        if (s == ASC_OK)
            s = encode_whole(ids, n, cap, encoder, whole, strlen(whole), err);
        asc_free(whole);
        ASC_TRY(s);
    }
    if (*n_context < 1 || *n <= *n_context)
        return ASC_FAIL(err, ASC_EINVAL, "the continuation '%.40s' has no token of its own after its context",
                        r->continuation);
    return ASC_OK;
}

/* ---- windows ---- */

typedef struct work {
    int32_t *ids; /* of all requests, one after another */
    size_t n_ids, cap_ids;
    asc_window *windows;
    size_t n_windows, cap_windows;
} work;

/* The windows of one request whose tokens are ids[at, at + n), the last n_scored its continuation. */
static asc_status add_windows(work *w, size_t request, size_t at, size_t n, size_t n_scored, size_t context,
                              asc_error *err)
{
    assert(n_scored < n && context > 0); /* at least one token before the continuation */
    while (n_scored > 0) {
        size_t n_in = n - 1 < context ? n - 1 : context, scored = n_scored < n_in ? n_scored : n_in;
        asc_window *more = asc_grow(w->windows, &w->cap_windows, w->n_windows + 1, sizeof *more);
        if (!more)
            return ASC_NOMEM(err);
        w->windows = more;
        more[w->n_windows++] = (asc_window){.at = at + n - 1 - n_in, .n = n_in, .n_scored = scored, .owner = request};
        n -= scored;
        n_scored -= scored;
    }
    return ASC_OK;
}

static asc_status append_ids(work *w, const int32_t *ids, size_t n, asc_error *err)
{
    int32_t *more = asc_grow(w->ids, &w->cap_ids, w->n_ids + n, sizeof *more);
    if (!more)
        return ASC_NOMEM(err);
    w->ids = more;
    memcpy(more + w->n_ids, ids, n * sizeof *ids);
    w->n_ids += n;
    return ASC_OK;
}

/* A tokenizer may know more tokens than the model, a [PAD] added for fine-tuning; in the text none of them may occur.
 */
static asc_status check_ids(const asc_tokenizer *t, const int32_t *ids, size_t n, int vocab, asc_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] >= vocab) {
            size_t len = 0;
            const char *token = asc_tokenizer_token(t, ids[i], &len);
            return ASC_FAIL(err, ASC_EINVAL, "token %d ('%.*s') occurs, but the model's vocabulary has %d", ids[i],
                            token ? (int)(len < 40 ? len : 40) : 1, token ? token : "?", vocab);
        }
    return ASC_OK;
}

/* Who turns requests into windows. */
typedef struct cutter {
    asc_encoder *encoder;
    const asc_tokenizer *tokenizer;
    size_t context;
    int vocab; /* of the model; 0: not known yet */
} cutter;

static asc_status cut(work *w, asc_task_score *scores, const cutter *c, const asc_task_request *requests, size_t n,
                      asc_error *err)
{
    int32_t *ids = NULL;
    size_t n_ids = 0, cap = 0, n_context = 0;
    asc_status status = ASC_OK;
    for (size_t r = 0; status == ASC_OK && r < n; r++) {
        status = encode_request(&ids, &n_ids, &cap, &n_context, c->encoder, c->tokenizer, &requests[r], err);
        if (status != ASC_OK)
            break;
        scores[r] = (asc_task_score){.greedy = true, .truncated = n_ids > c->context + 1};
        size_t at = w->n_ids;
        status = c->vocab ? check_ids(c->tokenizer, ids, n_ids, c->vocab, err) : ASC_OK;
        if (status == ASC_OK)
            status = append_ids(w, ids, n_ids, err);
        if (status == ASC_OK)
            status = add_windows(w, r, at, n_ids, n_ids - n_context, c->context, err);
    }
    asc_free(ids);
    return status;
}

asc_status asc_task_score_requests(asc_task_score *scores, asc_task_scorer *s, const asc_task_request *requests,
                                   size_t n, asc_progress_fn progress, void *progress_ctx, asc_error *err)
{
    work w = {0};
    cutter c = {.encoder = s->encoder, .tokenizer = s->tokenizer, .context = (size_t)s->context};
    c.vocab = asc_model_get_spec(s->model)->vocab;
    asc_status status = cut(&w, scores, &c, requests, n, err);
    if (status == ASC_OK)
        status = asc_model_score(w.windows, w.n_windows, s->model, w.ids, progress, progress_ctx, err);
    for (size_t i = 0; status == ASC_OK && i < w.n_windows; i++) {
        asc_task_score *score = &scores[w.windows[i].owner];
        score->ll -= w.windows[i].nll;
        score->greedy = score->greedy && w.windows[i].greedy;
        if (!isfinite(score->ll))
            status = ASC_FAIL(err, ASC_ENUMERIC, "a likelihood is not finite: a diverged or damaged model");
    }
    asc_free(w.ids);
    asc_free(w.windows);
    return status;
}

/* ---- a task as a target ---- */

/* The requests of right choices, moved to the front; *n of them. */
static void keep_right(asc_task_request *requests, size_t *n, const asc_task *t)
{
    size_t kept = 0;
    for (size_t r = 0; r < *n; r++) {
        if (t->items[requests[r].item].right[requests[r].choice]) {
            asc_task_request x = requests[kept];
            requests[kept++] = requests[r];
            requests[r] = x;
        }
    }
    *n = kept;
}

/* What one nat of each window counts: means over right choices and items of nats per byte, times bytes per token. */
static asc_status weigh(asc_scored *out, const work *w, const asc_task *t, const asc_task_request *requests, size_t n,
                        asc_error *err)
{
    double *bytes = asc_calloc(n + 1, sizeof *bytes), all_bytes = 0, all_tokens = 0;
    size_t *right = asc_calloc(t->n_items + 1, sizeof *right), items = 0;
    asc_status st = bytes && right ? ASC_OK : ASC_NOMEM(err);
    for (size_t r = 0; st == ASC_OK && r < n; r++) {
        bytes[r] = (double)strlen(requests[r].continuation);
        all_bytes += bytes[r];
        items += right[requests[r].item]++ == 0;
    }
    for (size_t i = 0; i < w->n_windows; i++)
        all_tokens += (double)w->windows[i].n_scored;
    out->n_items = items;
    out->bytes_per_token = all_bytes / all_tokens;
    for (size_t i = 0; st == ASC_OK && i < w->n_windows; i++) {
        size_t r = w->windows[i].owner;
        out->weights[i] = out->bytes_per_token / (bytes[r] * (double)right[requests[r].item] * (double)items);
    }
    asc_free(bytes);
    asc_free(right);
    return st;
}

asc_status asc_task_as_target(asc_scored *out, const asc_task *t, const asc_task_opts *opts,
                              const asc_tokenizer *tokenizer, int context, asc_error *err)
{
    asc_task_request *requests = NULL;
    size_t n = 0, n_all = 0;
    work w = {0};
    cutter c = {.tokenizer = tokenizer, .context = (size_t)context};
    asc_scored made = {0};
    if (t->kind == ASC_TASK_PAIR)
        return ASC_FAIL(err, ASC_EINVAL, "%s: a task of kind 'pair' has no correct answer, so it cannot be a target",
                        t->name);
    ASC_TRY(asc_task_requests(&requests, &n_all, t, opts, err));
    n = n_all;
    keep_right(requests, &n, t);
    asc_task_score *unused = asc_calloc(n + 1, sizeof *unused);
    asc_status st = unused ? asc_encoder_create(&c.encoder, tokenizer, err) : ASC_NOMEM(err);
    if (st == ASC_OK && n == 0)
        st = ASC_FAIL(err, ASC_EINVAL, "%s: no items left", t->name);
    if (st == ASC_OK)
        st = cut(&w, unused, &c, requests, n, err);
    if (st == ASC_OK && !(made.weights = asc_calloc(w.n_windows, sizeof *made.weights)))
        st = ASC_NOMEM(err);
    if (st == ASC_OK)
        st = weigh(&made, &w, t, requests, n, err);
    asc_task_requests_free(requests, n_all);
    asc_encoder_free(c.encoder);
    asc_free(unused);
    made.ids = w.ids;
    made.n_ids = w.n_ids;
    made.windows = w.windows;
    made.n_windows = w.n_windows;
    if (st == ASC_OK)
        *out = made;
    else
        asc_scored_clear(&made);
    return st;
}

/* ---- a whole task ---- */

static json_t *detail_json(const asc_task *t, const asc_task_request *r, const asc_task_score *scores)
{
    const asc_task_item *item = &t->items[r->item];
    json_t *ll = json_array(), *greedy = json_array(), *right = json_array();
    for (size_t c = 0; c < item->n_choices; c++) {
        json_array_append_new(ll, asc_json_num(scores[c].ll));
        json_array_append_new(greedy, json_boolean(scores[c].greedy));
        json_array_append_new(right, json_boolean(item->right[c]));
    }
    return json_pack("{s:s, s:o, s:o, s:o}", "id", item->id, "ll", ll, "greedy", greedy, "right", right);
}

static asc_status write_details(const char *path, const asc_task *t, const asc_task_request *r,
                                const asc_task_score *scores, size_t n, asc_error *err)
{
    asc_buf b = {0};
    asc_status s = ASC_OK;
    for (size_t i = 0; s == ASC_OK && i < n; i += t->items[r[i].item].n_choices) {
        char *line = NULL;
        json_t *j = detail_json(t, &r[i], &scores[i]);
        s = j ? asc_json_print(&line, j, 0, err) : ASC_NOMEM(err);
        json_decref(j);
        if (s == ASC_OK)
            asc_buf_printf(&b, "%s\n", line);
        asc_free(line);
    }
    if (s == ASC_OK)
        s = b.oom ? ASC_NOMEM(err) : asc_write_file(path, b.data, b.len, err);
    asc_buf_clear(&b);
    return s;
}

asc_status asc_task_evaluate(asc_task_result *out, asc_task_scorer *s, const asc_task *t, const asc_task_opts *opts,
                             const char *details, asc_progress_fn progress, void *progress_ctx, asc_error *err)
{
    asc_task_request *requests = NULL;
    size_t n = 0;
    asc_task_result result;
    ASC_TRY(asc_task_requests(&requests, &n, t, opts, err));
    asc_task_score *scores = asc_calloc(n, sizeof *scores);
    asc_status status = scores ? ASC_OK : ASC_NOMEM(err);
    if (status == ASC_OK)
        status = asc_task_score_requests(scores, s, requests, n, progress, progress_ctx, err);
    if (status == ASC_OK)
        status = asc_task_judge(&result, t, requests, scores, n, err);
    if (status == ASC_OK && details)
        status = write_details(details, t, requests, scores, n, err);
    asc_task_requests_free(requests, n);
    asc_free(scores);
    if (status != ASC_OK)
        return status;
    for (size_t i = 0; opts->excluded && i < t->n_items && (!opts->limit || i < opts->limit); i++)
        result.n_excluded += opts->excluded[i];
    *out = result;
    return ASC_OK;
}
