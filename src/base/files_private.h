/* Between open.c and files.c. */
#ifndef FILES_PRIVATE_H
#define FILES_PRIVATE_H

#include "base/base.h"

/** Open a device or a FIFO for writing; one that nobody reads is waited for some seconds. -1: errno says why. */
int asc__open_output(const char *path);

#endif
