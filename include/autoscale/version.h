/**
 * The version of the library. Versions count as major.minor.patch; the SONAME's number changes
 * where a program that was compiled against an older version would no longer work.
 */
#ifndef AUTOSCALE_VERSION_H
#define AUTOSCALE_VERSION_H

#include "autoscale/export_macro.h"

#define ASC_VERSION "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

/** "0.1.0": of the library that runs, where ASC_VERSION is that of the headers. */
ASC_API const char *asc_version(void);

#ifdef __cplusplus
}
#endif

#endif
