/* From log-likelihoods to figures. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "task/task.h"

/* Length in characters: bytes that do not continue a UTF-8 sequence. */
static size_t n_characters(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xC0) != 0x80;
    return n;
}

enum divisor { BY_NOTHING, BY_CHARACTERS, BY_BYTES };

/* The best choice after division by its length; the first of equals. */
static size_t best_choice(const asc_task_item *item, const asc_task_score *scores, enum divisor by)
{
    assert(item->n_choices > 0);
    size_t best = 0;
    double top = -INFINITY;
    for (size_t c = 0; c < item->n_choices; c++) {
        size_t length = by == BY_NOTHING      ? 1
                        : by == BY_CHARACTERS ? n_characters(item->choices[c])
                                              : strlen(item->choices[c]);
        double value = scores[c].ll / (double)length;
        if (value > top) {
            top = value;
            best = c;
        }
    }
    return best;
}

/* Share of probability on the right choices: softmax over the choices. */
static double right_mass(const asc_task_item *item, const asc_task_score *scores)
{
    double top = -INFINITY, all = 0, right = 0;
    for (size_t c = 0; c < item->n_choices; c++)
        top = fmax(top, scores[c].ll);
    for (size_t c = 0; c < item->n_choices; c++) {
        double p = exp(scores[c].ll - top);
        all += p;
        right += item->right[c] ? p : 0;
    }
    return right / all;
}

static double bits_per_byte(const asc_task_item *item, const asc_task_request *requests, const asc_task_score *scores)
{
    double sum = 0;
    size_t n = 0;
    for (size_t c = 0; c < item->n_choices; c++) {
        if (item->right[c]) {
            sum += -scores[c].ll / log(2) / (double)strlen(requests[c].continuation);
            n++;
        }
    }
    assert(n > 0); /* every item has a right choice */
    return sum / (double)n;
}

/* Sums over items. */
typedef struct sums {
    size_t n, n_truncated;
    double hit, hit2, norm, bytes, bits, ll, diff, chance;
} sums;

/* A cloze is not met by guessing; of a pair each is as likely as the other. */
static double chance(const asc_task *t, const asc_task_item *item)
{
    size_t right = 0;
    for (size_t c = 0; c < item->n_choices; c++)
        right += item->right[c];
    if (t->kind == ASC_TASK_PAIR)
        return .5;
    return t->kind == ASC_TASK_CLOZE ? 0 : (double)right / (double)item->n_choices;
}

static void add_item(sums *s, const asc_task *t, const asc_task_item *item, const asc_task_request *requests,
                     const asc_task_score *scores)
{
    double hit = 0;
    if (t->kind == ASC_TASK_CLOZE)
        hit = scores[0].greedy;
    else if (t->kind == ASC_TASK_MASS)
        hit = right_mass(item, scores);
    else if (t->kind == ASC_TASK_PAIR)
        hit = scores[0].ll > scores[1].ll;
    else
        hit = item->right[best_choice(item, scores, BY_NOTHING)];
    s->n++;
    s->hit += hit;
    s->hit2 += hit * hit;
    s->norm += item->right[best_choice(item, scores, BY_CHARACTERS)];
    s->bytes += item->right[best_choice(item, scores, BY_BYTES)];
    s->bits += bits_per_byte(item, requests, scores);
    s->ll += scores[0].ll;
    s->chance += chance(t, item);
    if (t->kind == ASC_TASK_PAIR)
        s->diff += fabs(scores[0].ll - scores[1].ll);
    for (size_t c = 0; c < item->n_choices; c++)
        s->n_truncated += scores[c].truncated;
}

static asc_task_result from_sums(const asc_task *t, const sums *s)
{
    assert(s->n > 0);
    double n = (double)s->n, mean = s->hit / n;
    asc_task_kind k = t->kind;
    /* Standard error of a mean with n-1, as the harness gives it. */
    double error = s->n > 1 ? sqrt(fmax(0, s->hit2 / n - mean * mean) / (n - 1)) : NAN;
    return (asc_task_result){
        .n = s->n,
        .n_truncated = s->n_truncated,
        .n_excluded = 0,
        .acc = k == ASC_TASK_PAIR ? NAN : mean,
        .acc_norm = k == ASC_TASK_CHOICE ? s->norm / n : NAN,
        .acc_bytes = k == ASC_TASK_CHOICE ? s->bytes / n : NAN,
        .bits_per_byte = k == ASC_TASK_PAIR ? NAN : s->bits / n,
        .perplexity = k == ASC_TASK_CLOZE ? exp(-s->ll / n) : NAN,
        .pct_stereotype = k == ASC_TASK_PAIR ? mean : NAN,
        .likelihood_diff = k == ASC_TASK_PAIR ? s->diff / n : NAN,
        .acc_stderr = error,
        .chance = s->chance / n,
    };
}

asc_status asc_task_judge(asc_task_result *out, const asc_task *t, const asc_task_request *requests,
                          const asc_task_score *scores, size_t n, asc_error *err)
{
    sums s = {0};
    for (size_t r = 0; r < n;) {
        const asc_task_item *item = &t->items[requests[r].item];
        if (n - r < item->n_choices)
            return ASC_FAIL(err, ASC_EINVAL, "%s: item %s: %zu likelihoods, expected %zu", t->name, item->id, n - r,
                            item->n_choices);
        for (size_t c = 0; c < item->n_choices; c++) {
            if (isnan(scores[r + c].ll))
                return ASC_FAIL(err, ASC_ENUMERIC, "%s: item %s, choice %zu: the likelihood is not a number", t->name,
                                item->id, c);
        }
        add_item(&s, t, item, requests + r, scores + r);
        r += item->n_choices;
    }
    if (s.n == 0)
        return ASC_FAIL(err, ASC_EINVAL, "%s: no item was scored", t->name);
    *out = from_sums(t, &s);
    return ASC_OK;
}

/* A figure that this kind of task does not have is left out, unless every task has its place for it. */
static void set_if(json_t *j, const char *key, double x)
{
    if (!isnan(x))
        json_object_set_new(j, key, asc_json_num(x));
}

json_t *asc_task_result_json(const asc_task_result *r)
{
    json_t *j = json_object();
    if (!j)
        return NULL;
    json_object_set_new(j, "acc", asc_json_num(r->acc));
    json_object_set_new(j, "acc_norm", asc_json_num(r->acc_norm));
    set_if(j, "acc_bytes", r->acc_bytes);
    set_if(j, "acc_stderr", r->acc_stderr);
    set_if(j, "chance", r->chance);
    json_object_set_new(j, "bits_per_byte", asc_json_num(r->bits_per_byte));
    set_if(j, "perplexity", r->perplexity);
    set_if(j, "pct_stereotype", r->pct_stereotype);
    set_if(j, "likelihood_diff", r->likelihood_diff);
    json_object_set_new(j, "n", json_integer((json_int_t)r->n));
    if (r->n_truncated)
        json_object_set_new(j, "n_truncated", json_integer((json_int_t)r->n_truncated));
    if (r->n_excluded)
        json_object_set_new(j, "n_excluded", json_integer((json_int_t)r->n_excluded));
    return j;
}
