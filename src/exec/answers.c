#include "answers.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char blanks[] = " \t\r\n\"'";

/* A state's word behind its meaning. */
typedef struct meaning {
    asc__seen seen;
    const char *const *words;
} meaning;

static const char *const alive[] = {"pending", "queued", "waiting", "idle", "running", "held", "hold", "suspended",
                                    "starting", "started", "active", "configuring", "completing", "exiting", "created",
                                    "begun", "transferring", "unknown", "none", "<none>", "resizing", "requeued",
                                    "stopping",
                                    /* PBS and Grid Engine; HTCondor; LSF; Slurm; Kubernetes */
                                    "q", "r", "e", "h", "w", "t", "s", "b", "m", "qw", "hqw", "i", "1", "2", "5", "6",
                                    "7", "pend", "prov", "run", "psusp", "u", "ususp", "ssusp", "wait", "unkwn",
                                    "zombi", "pd", "cf", "cg", "successcriteriamet", "failuretarget", NULL};
static const char *const done[] = {"done",     "post_done", "completed", "complete", "succeeded", "success",
                                   "finished", "c",         "f",         "cd",       "4",         NULL};
static const char *const failed[] = {"failed", "post_err", "failure", "fail",    "exit", "exited",
                                     "error",  "eqw",      "crashed", "invalid", NULL};
static const char *const gone[] = {"gone",     "lost",      "removed",   "deleted",       "cancelled",
                                   "canceled", "stopped",   "killed",    "preempted",     "evicted",
                                   "timeout",  "node_fail", "boot_fail", "revoked",       "deadline",
                                   "x",        "3",         "ca",        "out_of_memory", NULL};

static const meaning meanings[] = {
    {ASC__SEEN_ALIVE, alive}, {ASC__SEEN_DONE, done}, {ASC__SEEN_FAILED, failed}, {ASC__SEEN_GONE, gone}};

/* The state that a word of Slurm, PBS, LSF, Grid Engine, HTCondor (also its numbers), Kubernetes or Ray names, in
 * capitals or not; of several joined by commas the last. A word that none of them uses: ALIVE, and *known is false. */
static asc__seen state_of_word(const char *word, size_t n, bool *known)
{
    const char *end = word + n;
    for (const char *p = word; p + 1 < end; p++)
        if (*p == ',')
            word = p + 1;
    n = (size_t)(end - word);
    *known = true;
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        for (const char *const *w = meanings[i].words; *w; w++)
            if (strlen(*w) == n && strncasecmp(*w, word, n) == 0)
                return meanings[i].seen;
    *known = false;
    return ASC__SEEN_ALIVE;
}

static asc__seen keep_word(const char *at, char *word, size_t n, bool *known)
{
    size_t k = strcspn(at, blanks);
    snprintf(word, n, "%.*s", (int)(k < n ? k : n - 1), at);
    return state_of_word(at, k, known);
}

/* "qstat: Unknown Job Id 12", "Job <12> is not found", "12 Job has finished", "jobs.batch "x" not found", "Job 'x' does
 * not exist": about this job, and not that a command or a server was not found. */
static bool says_gone(const char *text, int exit_code, const char *job)
{
    static const char *const signs[] = {"unknown job", "not found",   "has finished", "not exist",
                                        "no such job", "invalid job", "no matching"};
    if (strcasestr(text, "no unfinished job found")) /* LSF, of the one that was asked for */
        return true;
    if (!job || !*job || exit_code == 126 || exit_code == 127 || !strstr(text, job))
        return false;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (strcasestr(text, signs[i]))
            return true;
    return false;
}

asc__seen asc__read_state(const char *out, const char *said, int exit_code, const char *job, char *word, size_t n,
                          bool *known)
{
    const char *at = out + strspn(out, blanks);
    *word = 0;
    *known = true;
    if (exit_code == 0 && *at)
        return keep_word(at, word, n, known);
    bool complains = exit_code != 0 || said[strspn(said, blanks)];
    if (!complains || says_gone(said, exit_code, job) || says_gone(out, exit_code, job))
        return ASC__SEEN_GONE;
    return ASC__SEEN_NOTHING;
}

asc__seen asc__find_state(const char *out, const char *job, char *word, size_t n, bool *known)
{
    size_t len = strlen(job);
    *word = 0;
    *known = true;
    for (const char *line = out; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        const char *at = line + strspn(line, " \t\r\"'");
        if (strncmp(at, job, len) != 0 || !at[len] || !strchr(blanks, at[len]))
            continue;
        at += len;
        return keep_word(at + strspn(at, " \t\r\"'"), word, n, known);
    }
    return ASC__SEEN_GONE;
}

/* The shortest text between what stands before {id} in the pattern and what stands behind it, or the end of the word.
 */
static char *matched(const char *out, const char *pattern)
{
    static const char mark[] = "{id}";
    const char *at = strstr(pattern, mark), *behind = at + sizeof mark - 1;
    size_t before = (size_t)(at - pattern);
    for (const char *p = out; *p; p++) {
        if (strncmp(p, pattern, before) != 0)
            continue;
        const char *id = p + before;
        size_t n = strcspn(id, blanks);
        for (size_t k = 1; *behind && k <= n; k++)
            if (strncmp(id + k, behind, strlen(behind)) == 0)
                return asc_strndup(id, k);
        if (!*behind && n > 0)
            return asc_strndup(id, n);
    }
    return NULL;
}

char *asc__read_job_id(const char *out, const char *pattern)
{
    if (pattern)
        return matched(out, pattern);
    const char *last = NULL;
    for (const char *line = out; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        const char *at = line + strspn(line, " \t\r\"'");
        if (*at && *at != '\n')
            last = at;
    }
    return last ? asc_strndup(last, strcspn(last, blanks)) : NULL;
}
