/* Files embedded in the binary at build time. */
#ifndef ASSETS_H
#define ASSETS_H

#include <stddef.h>

typedef struct asc_asset {
    const char *name;
    const char *begin, *end; /**< bytes [begin, end), not 0-terminated */
} asc_asset;

/** Asset by name: "page.css", "page.js", or a chart's spec, "answer.json"; NULL when there is none. */
const asc_asset *asc__asset(const char *name);
/** The chart library's modules in the order they are written into the page; ends with {NULL}. Empty without it. */
const asc_asset *asc__asset_modules(void);
/** Licence notice of the chart library, or NULL without it. */
const asc_asset *asc__asset_licence(void);

#endif
