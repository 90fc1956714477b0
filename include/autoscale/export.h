/** A mixture in the form that a trainer reads. */
#ifndef AUTOSCALE_PUBLIC_EXPORT_H
#define AUTOSCALE_PUBLIC_EXPORT_H

#include "autoscale/mixture.h"

#ifdef __cplusplus
extern "C" {
#endif

/** "megatron", "nemo", ..: trainer i, NULL after the last. */
ASC_API const char *asc_trainer_name(size_t i);

/**
 * The mixture as a trainer reads it, with what is to be known about it in comments.
 * @param[out] text  free with asc_text_free
 * @param context    tokens in a sample, for trainers that count samples; 0: 2048
 * @retval ASC_EINVAL  unknown trainer (the nearest is named); a form that needs tokens without them
 * (asc_mixture_set_tokens)
 */
ASC_API asc_status asc_mixture_export(char **text, const asc_mixture *mixture, const char *trainer, int64_t context,
                                      asc_error *err);

#ifdef __cplusplus
}
#endif

#endif
