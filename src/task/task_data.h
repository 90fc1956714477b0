/**
 * task: the sets that models are fine-tuned on. GLUE's tab-separated files and SQuAD v1/v2.
 */
#ifndef AUTOSCALE_TASK_DATA_H
#define AUTOSCALE_TASK_DATA_H

#include "base/base.h"

/** The metrics of a GLUE task. */
typedef enum asc_glue_metric {
    ASC_GLUE_ACCURACY = 1,
    ASC_GLUE_F1 = 2,
    ASC_GLUE_MATTHEWS = 4,
    ASC_GLUE_CORRELATION = 8 /**< Pearson and Spearman */
} asc_glue_metric;

/** What is known of a GLUE task: names of columns, labels, metrics. */
typedef struct asc_glue_info {
    const char *name;                   /**< "CoLA" */
    const char *first, *second, *label; /**< columns; second NULL: one sentence */
    bool headless;                      /**< the file has no header (CoLA): columns by position */
    int first_at, label_at;             /**< positions from 0, of a headless file */
    const char *labels[4];              /**< words of the classes in order; labels[0] NULL: a number (STS-B) */
    int n_classes;                      /**< 0: regression */
    unsigned metrics;                   /**< of asc_glue_metric */
    const char *dev;                    /**< "dev", or "dev_matched" */
    struct {
        const char *name, *dev, *first, *second; /**< "cola", "validation", columns; second NULL: one sentence */
        int classes[3];                          /**< our class of its whole numbers 0, 1, 2 */
    } hub;                                       /**< as Hugging Face's copy has it, in Parquet */
} asc_glue_info;
/** By name, case and '-', '_' ignored ("sst2" is "SST-2"); NULL if unknown. */
const asc_glue_info *asc_glue_find(const char *name);
/** All of them; ends with a NULL name. */
extern const asc_glue_info asc_glue_tasks[];

typedef struct asc_glue_row {
    char *first, *second; /**< second NULL: one sentence */
    int label;            /**< class, -1 for regression */
    double score;         /**< regression target */
} asc_glue_row;
typedef struct asc_glue_set {
    size_t n;
    asc_glue_row *rows;
    asc_arena memory;
} asc_glue_set;
void asc_glue_set_clear(asc_glue_set *s);
/**
 * Read DIR/{train,dev}.tsv[.zst|.gz], else Hugging Face's DIR/{train,validation}.parquet, its shards
 * (train-00000-of-00001.parquet) or .jsonl; also in DIR/NAME. There a label of -1 is none, and its row is passed over.
 * @retval ASC_EINVAL  a missing column, a short row, an unknown label: file, line, column
 */
asc_status asc_glue_load(asc_glue_set *out, const asc_glue_info *info, const char *dir, bool dev, asc_error *err);

/** One question on one passage. */
typedef struct asc_squad_item {
    char *id, *context, *question;
    size_t n_answers; /**< 0: unanswerable (v2) */
    char **answers;
    int64_t *starts; /**< (n_answers) byte offset in context, -1 where it does not occur there */
} asc_squad_item;
typedef struct asc_squad_set {
    size_t n;
    asc_squad_item *items;
    bool v2; /**< some item has no answer */
    asc_arena memory;
} asc_squad_set;
void asc_squad_set_clear(asc_squad_set *s);
/** "squad", "squad_v1", "SQuAD-v2.0" and the like: case, '-' and '_' do not matter. Which version it is the data say.
 */
bool asc_squad_is(const char *name);
/** Read SQuAD, plain, .gz or .zst: the official JSON ({"data":[…]}), or JSON lines {id, context, question, answers}
 * with answers [text…], [{text, answer_start}…] or {text: […], answer_start: […]}; or OLMES' {id, context, answers},
 * whose context is the prompt "Title: …\nBackground: …\nQuestion: …\nAnswer:". */
asc_status asc_squad_load(asc_squad_set *out, const char *path, asc_error *err);
/** DIR's train or dev part: NAME.jsonl, NAME.json, NAME-v1.1.json or NAME-v2.0.json, plain or packed. */
asc_status asc_squad_load_part(asc_squad_set *out, const char *dir, bool dev, asc_error *err);
/** A share of a set (rows are shared, not copied): items whose context falls into the part [lo, hi) of [0,1) by hash,
 * so that a passage never stands on both sides. For files that come without a training part. */
asc_status asc_squad_part(asc_squad_set *out, const asc_squad_set *s, double lo, double hi, asc_error *err);

#endif
