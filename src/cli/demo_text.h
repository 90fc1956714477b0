/* Text for the demo: found on this machine, or fetched from its Debian archive. */
#ifndef DEMO_TEXT_H
#define DEMO_TEXT_H

#include "base/base.h"
#include "base/base_json.h"

typedef struct asc_demo_opts {
    const char *out_dir;
    int64_t max_bytes;                         /**< of a domain */
    void (*note)(void *ctx, const char *line); /**< one line for the user */
    void *ctx;
} asc_demo_opts;

/**
 * Plain text under OUT/text: one NAME.jsonl each (fields "text" and "source"), SOURCES.txt (every file and where its
 * package's licence stands) and, written last, text.json. What is there from an earlier call is used as it is. Five
 * domains and two held-out texts of another kind; taken from this machine, and what it lacks is fetched with apt-get
 * and unpacked under OUT/fetched, which needs no root and changes nothing on the machine.
 * @param[out] texts  array of {"name","what","file","documents","bytes","heldout":bool,"fetched":bool,"packages":[…]},
 *                    domains first; new reference
 * @retval ASC_EMISSING  fewer than five domains or no held-out text, and no way to fetch more; says what to do
 */
asc_status asc__demo_text(json_t **texts, const asc_demo_opts *opts, asc_error *err);

/** The sub-folders of dir (else its .jsonl and .txt files) as domains, two or more, or as held-out targets, in the
 * order of their names. */
asc_status asc__demo_folders(json_t **texts, const char *dir, bool heldout, asc_error *err);

#endif
