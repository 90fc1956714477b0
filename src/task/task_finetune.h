/**
 * task: fine-tuning a checkpoint on a GLUE task or on SQuAD, with several seeds. A head stands on the model's hidden
 * states: classes and numbers from the first token (BERT) or the last one (GPT-2) through a pooler of tanh [Devlin et
 * al. 2018], spans from every token. All parameters are trained, AdamW with linear warm-up and decay; no dropout.
 */
#ifndef AUTOSCALE_TASK_FINETUNE_H
#define AUTOSCALE_TASK_FINETUNE_H

#include "base/base_json.h"
#include "spec/spec.h"

typedef struct asc_finetune_opts {
    const char *checkpoint; /**< Hugging Face folder with tokenizer.json */
    const char *task;       /**< a name of GLUE, or "squad" */
    const char *data;       /**< GLUE: folder. SQuAD: folder with train*.json[l] and dev*.json[l], or one file, of whose
                                 passages every fifth is then kept for judging */
    int seeds, epochs, batch;
    uint64_t first_seed; /**< seeds are first_seed, first_seed + 1, … */
    double lr;
    int max_length;                /**< tokens of an example; 0: 128, for SQuAD 384; at most the model's context */
    size_t limit_train, limit_dev; /**< only the first so many examples; 0: all */
    const char *exclude; /**< contamination file whose examples are not judged by, or NULL; set "RTE", "squad" */
    asc_isa isa;
    int threads;
    asc_progress_fn progress;
    void *progress_ctx;
} asc_finetune_opts;
/** 3 seeds, 3 epochs, batch 32, rate 5e-5. */
void asc_finetune_opts_init(asc_finetune_opts *o);

/**
 * @param[out] out  {"task","metrics":{name:{"median","min","max"}},"chance":{name:x},"seeds","n","notes"}; n: examples
 * judged on; chance: what the best constant guess gets
 * @retval ASC_EINVAL   an unknown task, data that are not there   @retval ASC_ENUMERIC  a loss that is not finite
 */
asc_status asc_finetune(json_t **out, const asc_finetune_opts *opts, asc_error *err);

#endif
