#include "assets.h"

#include <string.h>

/* .incbin keeps the files readable in the source tree and needs no generator; the build knows that this file depends on
 * them (cmake/report.cmake). */
#define EMBED(symbol, file)                                                                                            \
    __asm__(".section .rodata\n"                                                                                       \
            ".balign 16\n"                                                                                             \
            ".global asc__file_" #symbol "\n"                                                                          \
            "asc__file_" #symbol ":\n"                                                                                 \
            ".incbin \"" file "\"\n"                                                                                   \
            ".global asc__end_" #symbol "\n"                                                                           \
            "asc__end_" #symbol ":\n"                                                                                  \
            ".byte 0\n"                                                                                                \
            ".previous\n");                                                                                            \
    extern const char asc__file_##symbol[], asc__end_##symbol[]
#define ASSET(name, symbol)                                                                                            \
    {                                                                                                                  \
        name, asc__file_##symbol, asc__end_##symbol                                                                    \
    }

EMBED(css, ASC_REPORT_DIR "/page.css");
EMBED(js, ASC_REPORT_DIR "/page.js");
EMBED(law, ASC_REPORT_DIR "/law.js");
EMBED(sliders, ASC_REPORT_DIR "/sliders.js");
EMBED(copy, ASC_REPORT_DIR "/copy.js");
EMBED(answer, ASC_REPORT_DIR "/charts/answer.json");
EMBED(domains, ASC_REPORT_DIR "/charts/domains.json");
EMBED(change, ASC_REPORT_DIR "/charts/change.json");
EMBED(fits, ASC_REPORT_DIR "/charts/fits.json");
EMBED(optima, ASC_REPORT_DIR "/charts/optima.json");
EMBED(final, ASC_REPORT_DIR "/charts/final.json");
EMBED(curves, ASC_REPORT_DIR "/charts/curves.json");
EMBED(transfer, ASC_REPORT_DIR "/charts/transfer.json");
EMBED(budget, ASC_REPORT_DIR "/charts/budget.json");
EMBED(slices, ASC_REPORT_DIR "/charts/slices.json");
EMBED(held, ASC_REPORT_DIR "/charts/held.json");

static const asc_asset assets[] = {
    ASSET("page.css", css),           ASSET("page.js", js),
    ASSET("answer.json", answer),     ASSET("domains.json", domains),
    ASSET("change.json", change),     ASSET("fits.json", fits),
    ASSET("optima.json", optima),     ASSET("final.json", final),
    ASSET("curves.json", curves),     ASSET("law.js", law),
    ASSET("sliders.js", sliders),     ASSET("copy.js", copy),
    ASSET("transfer.json", transfer), ASSET("budget.json", budget),
    ASSET("slices.json", slices),     ASSET("held.json", held),
};

const asc_asset *asc__asset(const char *name)
{
    for (size_t i = 0; i < sizeof assets / sizeof *assets; i++)
        if (strcmp(assets[i].name, name) == 0)
            return &assets[i];
    return NULL;
}

#ifdef ASC_VEGA_DIR
#define MODULE(symbol, name) EMBED(symbol, ASC_VEGA_DIR "/" name ".min.js")
MODULE(canvas, "vega-canvas");
MODULE(dataflow, "vega-dataflow");
MODULE(encode, "vega-encode");
MODULE(events, "vega-event-selector");
MODULE(expression, "vega-expression");
MODULE(format, "vega-format");
MODULE(functions, "vega-functions");
MODULE(loader, "vega-loader");
MODULE(parser, "vega-parser");
MODULE(runtime, "vega-runtime");
MODULE(scale, "vega-scale");
MODULE(scenegraph, "vega-scenegraph");
MODULE(selection, "vega-selection");
MODULE(statistics, "vega-statistics");
MODULE(time, "vega-time");
MODULE(transforms, "vega-transforms");
MODULE(util, "vega-util");
MODULE(view_transforms, "vega-view-transforms");
MODULE(view, "vega-view");
EMBED(licence, ASC_VEGA_LICENCE);

/* Names are those that the modules ask each other for. */
static const asc_asset modules[] = {
    ASSET("vega-canvas", canvas),
    ASSET("vega-dataflow", dataflow),
    ASSET("vega-encode", encode),
    ASSET("vega-event-selector", events),
    ASSET("vega-expression", expression),
    ASSET("vega-format", format),
    ASSET("vega-functions", functions),
    ASSET("vega-loader", loader),
    ASSET("vega-parser", parser),
    ASSET("vega-runtime", runtime),
    ASSET("vega-scale", scale),
    ASSET("vega-scenegraph", scenegraph),
    ASSET("vega-selections", selection),
    ASSET("vega-statistics", statistics),
    ASSET("vega-time", time),
    ASSET("vega-transforms", transforms),
    ASSET("vega-util", util),
    ASSET("vega-view-transforms", view_transforms),
    ASSET("vega-view", view),
    {0},
};
static const asc_asset licence = ASSET("licence", licence);

const asc_asset *asc__asset_licence(void)
{
    return &licence;
}
#else
static const asc_asset modules[] = {{0}};

const asc_asset *asc__asset_licence(void)
{
    return NULL;
}
#endif

const asc_asset *asc__asset_modules(void)
{
    return modules;
}
