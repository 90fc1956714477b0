/** text_whole: a small file's text at once, decompressed where its first bytes say so. */
#ifndef AUTOSCALE_TEXT_WHOLE_H
#define AUTOSCALE_TEXT_WHOLE_H

#include "base/base.h"

/**
 * gzip, zstd, bzip2 and xz by the first bytes, whatever the name says; anything else as it is.
 * @param max the most bytes, decompressed
 * @param out 0-terminated; free with asc_free
 * @retval ASC_EINVAL larger than max, damaged, not a regular file @retval ASC_EMISSING no library for bzip2 or xz
 */
asc_status asc_text_read_whole(const char *path, size_t max, char **out, size_t *n, asc_error *err);

#endif
