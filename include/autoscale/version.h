/**
 * The version of the library, and how it was built. Versions count as major.minor.patch; the SONAME's number changes
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

/** The commit that it was built from ("3e63d3f", with "-dirty" where files were changed), "" where that is not known.
 */
ASC_API const char *asc_version_commit(void);

/**
 * How it was built and what it found on this machine, one fact a line, "name: value": compiler, instruction sets of the
 * processor, libraries that are loaded at run time. The text lives as long as the process.
 */
ASC_API const char *asc_version_details(void);

#ifdef __cplusplus
}
#endif

#endif
