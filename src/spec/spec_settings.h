/**
 * spec: the settings of a study, a run and `autoscale train`. One table (settings.c), one row each, says the key, what
 * it holds, its range, its default and what it is for. From the rows are made the reading of the study file and of
 * run.json with their messages, the options of `train`, --help, manual pages, shell completion and the reference in
 * docs/formats.md. A new setting is one row, and the member of a struct that it names.
 */
#ifndef AUTOSCALE_SPEC_SETTINGS_H
#define AUTOSCALE_SPEC_SETTINGS_H

#include "spec/spec_run.h"
#include "spec/spec_study.h"

/** What a setting holds, and the type of its member. */
typedef enum asc_setting_kind {
    ASC_SET_INT,   /**< int */
    ASC_SET_COUNT, /**< int64_t */
    ASC_SET_SEED,  /**< uint64_t, up to 2^63-1: JSON's integers are signed */
    ASC_SET_REAL,  /**< double */
    ASC_SET_TIME,  /**< double, seconds; written 90, 90m, 2h, 02:00:00 or 1-00:00:00 */
    ASC_SET_BOOL,  /**< bool */
    ASC_SET_NOT,   /**< bool whose key says the opposite */
    ASC_SET_WORD,  /**< an enum: the place of its name in `words` */
    ASC_SET_TEXT,  /**< char *, owned; NULL where not given */
    ASC_SET_OTHER  /**< a list, a map, a mixture: read by code of its own, here for names and help */
} asc_setting_kind;

enum {
    ASC_SET_OPEN = 1,    /**< lo itself is too small */
    ASC_SET_WHOLE = 2,   /**< a REAL without a fraction */
    ASC_SET_NONE = 4,    /**< null, none and .inf mean none: NAN of a REAL, 0 of a TIME */
    ASC_SET_AUTO = 8,    /**< the word auto is 0 */
    ASC_SET_SPARSE = 16, /**< 0 means the architecture's own default; written only where it is something else */
    ASC_SET_NEEDED = 32, /**< run.json must have it */
    ASC_SET_FREE = 64,   /**< decides no number: may change while a study is under way */
    ASC_SET_LLAMA = 128  /**< of models that take every key */
};

#define ASC_NOWHERE ((size_t)-1)

typedef struct asc_setting {
    const char *section; /**< of the study file: "", "training", "training.on_divergence"; NULL: not in a study */
    const char *key;     /**< in that section */
    const char *run_key; /**< in run.json: "threads", "model.layers"; NULL: not there */
    const char *option;  /**< of `autoscale train`; NULL: none */
    asc_setting_kind kind;
    size_t in_study; /**< offset in asc_study_spec; of sections "domains", "targets" in asc_study_domain, of
                          "tasks.finetune" in asc_study_finetune */
    size_t in_run;   /**< offset in asc_run_spec */
    double lo, hi;   /**< numbers and times: lo <= x <= hi */
    unsigned flags;
    const char *const *words; /**< of a WORD, in the order of its enum, NULL after the last */
    const char *unit;         /**< "tokens", or NULL */
    const char *fallback;     /**< default as people write it; "(words)" where it is no value; NULL: must be given */
    const char *run_fallback; /**< default of run.json and `train` where that is another */
    const char *help;         /**< one line */
} asc_setting;

size_t asc_n_settings(void);
const asc_setting *asc_setting_at(size_t i);
/** Of a section of the study file ("model" also finds what run.json alone has there). NULL: there is none. */
const asc_setting *asc_setting_find(const char *section, const char *key);
/** Its default in a study or in a run; NULL: none. */
const char *asc_setting_default(const asc_setting *s, bool in_run);

/** Set a study's or a run's members from the table's defaults; those that are texts or no value stay as they are. */
void asc_settings_init_study(asc_study_spec *out);
void asc_settings_init_run(asc_run_spec *out);

/** Set the member `at` from text. @retval ASC_EINVAL  "expected a whole number from 1 to 8, found 'x'"  ASC_ENOMEM */
asc_status asc_setting_parse(void *at, const asc_setting *s, const char *text, asc_error *err);
/** "a whole number from 1 to 1024", "cosine, linear, wsd or constant"; into buf. */
const char *asc_setting_expected(const asc_setting *s, char *buf, size_t n);
/** The value as text, 17 digits; "" for a text that is NULL. */
const char *asc_setting_text(const void *at, const asc_setting *s, char *buf, size_t n);
/** True where it differs from 0, NULL and false: of SPARSE settings, where it was given. */
bool asc_setting_is_set(const void *at, const asc_setting *s);

/** The member of a model. */
void *asc_model_setting(asc_model_spec *m, const asc_setting *s);
/** Is it one of a model's optional keys ("kv_heads"), which stand only where they differ from the architecture's? */
bool asc_setting_is_model_key(const asc_setting *s);

#endif
