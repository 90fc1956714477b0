/* Strings into an arena, for the readers of sets. */
#ifndef TASK_TEXT_H
#define TASK_TEXT_H

#include "base/base.h"

/* n bytes of s as a string in the arena. */
asc_status asc__keep_n(char **out, asc_arena *memory, const char *s, size_t n, asc_error *err);

#endif
