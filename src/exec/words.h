/* Words of a user's command, and what a run says of itself in its files. */
#ifndef EXEC_WORDS_H
#define EXEC_WORDS_H

#include "exec/exec_launch.h"

/** Split as a shell would (quotes and backslashes, nothing expanded); list ends with NULL. @retval ASC_EINVAL an open
 * quote, no word */
asc_status asc__split_words(char ***out, const char *line, asc_error *err);
/** Fill in the {name} of values (n); unknown ones stay. NULL when memory is out. */
char *asc__fill_in(const char *text, const asc_launch_value *values, size_t n);

/** "tokens" of the last whole line of a metrics file, -1: none, or nothing new. *bytes: the file's size when last
 * asked. */
double asc__last_tokens(const char *path, int64_t *bytes);

#endif
