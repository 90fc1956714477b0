/* Tokens of tasks, counted and not scored. */
#include "task/task_cost.h"

#include <math.h>
#include <string.h>

#include "finetune_parts.h"

enum { BYTES_A_TOKEN = 4 };

/* Lengths of texts in tokens. */
typedef struct ruler {
    asc_encoder *encoder; /* NULL: by bytes */
    int32_t *ids;
    size_t cap;
} ruler;

static asc_status ruler_init(ruler *r, const asc_tokenizer *tokenizer, asc_error *err)
{
    *r = (ruler){0};
    return tokenizer ? asc_encoder_create(&r->encoder, tokenizer, err) : ASC_OK;
}

static void ruler_clear(ruler *r)
{
    asc_encoder_free(r->encoder);
    asc_free(r->ids);
}

static asc_status length(size_t *n, ruler *r, const char *text, asc_error *err)
{
    size_t bytes = text ? strlen(text) : 0;
    *n = r->encoder ? 0 : (bytes + BYTES_A_TOKEN - 1) / BYTES_A_TOKEN;
    return r->encoder && bytes ? asc_encode(r->encoder, text, bytes, &r->ids, n, &r->cap, err) : ASC_OK;
}

/* ---- likelihood ---- */

static asc_status add_request(asc_task_cost *c, ruler *r, const asc_task_request *q, size_t context, asc_error *err)
{
    size_t before, after;
    ASC_TRY(length(&before, r, q->context, err));
    ASC_TRY(length(&after, r, q->continuation, err));
    size_t read = (before ? before : 1) + after - 1;
    for (size_t left = after; left > 0;) { /* windows, as scoring cuts them */
        size_t n_in = read < context ? read : context, scored = left < n_in ? left : n_in;
        if (scored == 0)
            break;
        c->read += (double)n_in;
        c->predicted += (double)scored;
        left -= scored;
        read -= scored;
    }
    return ASC_OK;
}

asc_status asc_task_cost_of(asc_task_cost *out, const char *spec, const asc_task_opts *opts, bool right_only,
                            const asc_tokenizer *tokenizer, int context, asc_error *err)
{
    asc_task t = {0};
    asc_task_request *requests = NULL;
    asc_task_cost c = {0};
    size_t n = 0;
    ruler r = {0};
    asc_status st = asc_task_load(&t, spec, err);
    if (st == ASC_OK)
        st = ruler_init(&r, tokenizer, err);
    if (st == ASC_OK)
        st = asc_task_requests(&requests, &n, &t, opts, err);
    for (size_t i = 0; i < n && st == ASC_OK; i++)
        if (!right_only || t.items[requests[i].item].right[requests[i].choice])
            st = add_request(&c, &r, &requests[i], (size_t)context, err);
    asc_task_requests_free(requests, n);
    ruler_clear(&r);
    asc_task_clear(&t);
    if (st == ASC_OK)
        *out = c;
    return st;
}

/* ---- fine-tuning ---- */

/* Examples of one part, padded to the longest of each pass. */
typedef struct padded {
    size_t micro, batch; /* sequences of a pass, of an update */
    size_t n, at;        /* examples so far; of the pass under way */
    double longest, tokens;
} padded;

static void close_pass(padded *p)
{
    p->tokens += p->longest * (double)p->at;
    p->longest = 0;
    p->at = 0;
}

static void add_example(padded *p, size_t n_tokens)
{
    p->longest = fmax(p->longest, (double)n_tokens);
    p->at++;
    p->n++;
    if (p->at == p->micro || p->n % p->batch == 0)
        close_pass(p);
}

static asc_status count_glue(padded *p, ruler *r, const asc_glue_info *info, const char *dir, bool dev, size_t limit,
                             size_t max_length, asc_error *err)
{
    asc_glue_set set = {0};
    size_t a, b;
    ASC_TRY(asc_glue_load(&set, info, dir, dev, err));
    asc_status st = ASC_OK;
    for (size_t i = 0; i < set.n && (!limit || i < limit) && st == ASC_OK; i++) {
        st = length(&a, r, set.rows[i].first, err);
        if (st == ASC_OK)
            st = length(&b, r, set.rows[i].second, err);
        if (st == ASC_OK)
            add_example(p, a + b + 3 < max_length ? a + b + 3 : max_length);
    }
    asc_glue_set_clear(&set);
    close_pass(p);
    return st;
}

/* Windows of a passage overlap by half. */
static asc_status count_squad(padded *p, ruler *r, const asc_squad_set *set, size_t limit, size_t max_length,
                              asc_error *err)
{
    size_t question, passage;
    for (size_t i = 0; i < set->n && (!limit || i < limit); i++) {
        ASC_TRY(length(&question, r, set->items[i].question, err));
        ASC_TRY(length(&passage, r, set->items[i].context, err));
        size_t beside = (question < 64 ? question : 64) + 3, room = max_length > beside + 8 ? max_length - beside : 8;
        for (size_t from = 0; from == 0 || from + room < passage + room / 2; from += room / 2)
            add_example(p, beside + (passage < from + room ? passage - from : room));
    }
    close_pass(p);
    return ASC_OK;
}

static asc_status count_parts(padded *train, padded *dev, ruler *r, const asc_finetune_opts *o, int context,
                              asc_error *err)
{
    const asc_glue_info *glue = asc_glue_find(o->task);
    size_t most = (size_t)asc__finetune_length(o, glue != NULL, context);
    if (glue) {
        ASC_TRY(count_glue(train, r, glue, o->data, false, o->limit_train, most, err));
        return count_glue(dev, r, glue, o->data, true, o->limit_dev, most, err);
    }
    asc_squad_set all = {0}, a = {0}, b = {0};
    asc_status st = asc__squad_parts(&all, &a, &b, o->data, err);
    if (st == ASC_OK)
        st = count_squad(train, r, &a, o->limit_train, most, err);
    if (st == ASC_OK)
        st = count_squad(dev, r, &b, o->limit_dev, most, err);
    asc_squad_set_clear(&a);
    asc_squad_set_clear(&b);
    asc_squad_set_clear(&all);
    return st;
}

asc_status asc_finetune_cost(asc_task_cost *out, const asc_finetune_opts *o, const asc_tokenizer *tokenizer,
                             const asc_model_spec *model, asc_error *err)
{
    ruler r = {0};
    size_t micro = (size_t)asc__finetune_micro(o, model->context);
    padded train = {.micro = micro, .batch = (size_t)o->batch}, dev = {.micro = micro, .batch = SIZE_MAX};
    ASC_TRY(ruler_init(&r, tokenizer, err));
    asc_status st = count_parts(&train, &dev, &r, o, model->context, err);
    ruler_clear(&r);
    if (st != ASC_OK)
        return st;
    *out = (asc_task_cost){.read = o->seeds * dev.tokens,
                           .trained = (double)o->seeds * o->epochs * train.tokens,
                           .updates = (double)o->seeds * o->epochs * ceil((double)train.n / o->batch)};
    return ASC_OK;
}
