/**
 * spec: notes, sentences for people beside the figures of an answer. Each carries a code: programs go by codes, which
 * stay as they are, never by sentences, which may be worded anew.
 */
#ifndef AUTOSCALE_SPEC_NOTES_H
#define AUTOSCALE_SPEC_NOTES_H

#include "base/base.h"

/* What the notes of a study say, X(ENUM, code, sentence): the codes stand beside the notes in its documents
 * (docs/formats.md), the sentences are printf's formats, checked where a note is made. */
#define ASC_NOTES(X)                                                                                                   \
    X(OTHER, "other", "%s")                                                                                            \
    /* before anything is trained */                                                                                   \
    X(WHOSE_OBJECTIVE, "objective-own-domains",                                                                        \
      "the objective is the mean over the training domains themselves, where uniform is hard to beat. Name what the "  \
      "model should be good at, as held-out text: `targets: [{name: NAME, valid: PATH}]`")                             \
    X(GUESSED_TEXT, "text-guessed",                                                                                    \
      "epochs, caps and task tokens are estimated at four bytes per token; `autoscale tokenize STUDY.yaml` makes "     \
      "them exact")                                                                                                    \
    X(UNKNOWN_SPEED, "speed-unknown", "the speed of your own trainer is unknown")                                      \
    X(NO_MEMORY, "memory-short",                                                                                       \
      "a run of %s parameters takes about %sB of memory, more than is free here for each run at once: its time is "    \
      "estimated by its FLOPs (run.jobs says how many run at once)")                                                   \
    X(ONE_SIZE, "one-model-size",                                                                                      \
      "the target has %s parameters, every proxy %s: how losses change with size is not measured, and no loss is "     \
      "predicted for the target. Proxies of two sizes at least, a factor of two apart (scales[].model), would tell")   \
    X(FAR_SIZE, "target-size-far",                                                                                     \
      "the target has %s parameters, %.3g times the largest proxy's (%s): its losses are extrapolated in size too")    \
    X(SIZES_GROW, "scales-grow-in-size",                                                                               \
      "the model grows with the scales: the AutoScale rule cannot tell a larger budget from a larger model, and "      \
      "follows both at once; the joint law tells them apart")                                                          \
    X(REPETITION_MATCHED, "repetition-matched",                                                                        \
      "at %s tokens proxies repeat text as often as the target will: of the reference mixture %s")                     \
    X(SAMPLE_SHORT, "sample-short",                                                                                    \
      "domain '%s': its files hold %s training tokens of the %s that match the target's repetition at %s tokens: "     \
      "proxies repeat it %.3g times as often as the target will")                                                      \
    X(TARGET_SAMPLE, "target-repeats-sample",                                                                          \
      "domain '%s': runs at the target repeat the %s training tokens of its files %.3g times, where the %.3g epochs "  \
      "of all that exists are meant: more text, or validate: false")                                                   \
    X(GUESSED_SPEED, "speed-guessed", "the time is a rough estimate, %s: %s")                                          \
    X(WILL_REFUSE_TEXT, "run-refuses-text", "judging by file sizes, `autoscale run` will refuse this study: %s")       \
    X(WILL_REFUSE_SHORT, "run-refuses-domain",                                                                         \
      "judging by file sizes, `autoscale run` will refuse this study: domain '%s' has about %.0f training tokens, "    \
      "fewer than one sequence of %.0f (model.context + 1)")                                                           \
    X(WILL_REFUSE_HERE, "run-refuses-here", "`autoscale run` will refuse this study here: %s")                         \
    X(NO_REPEATS, "no-repeats",                                                                                        \
      "design.repeats is %d: domain effects cannot be separated from seed noise; two or more base runs would measure " \
      "it")                                                                                                            \
    X(CUT_SCALES, "search-cut-scales",                                                                                 \
      "search.at_most %g: uncut, the search takes %.3g times the FLOPs of one run at the target; its largest "         \
      "scale is %s tokens instead of %s%s%s. The price: the answer extrapolates %.3g times beyond the largest scale "  \
      "instead of %.3g, and smaller proxies differ more by their seed alone")                                          \
    X(CUT_ROUND, "search-cut-round",                                                                                   \
      "search.at_most %g leaves no room for a second round of branches: the search is limited to what the "            \
      "first round reaches, shares of at least %.3g of the reference's")                                               \
    X(CUT_BRANCHES, "search-cut-branches",                                                                             \
      "search.at_most %g leaves branches %.0f steps instead of %.0f: mixtures differ less after fewer steps, at the "  \
      "same "                                                                                                          \
      "noise; fidelity and checks show how much less")                                                                 \
    X(SWARM_ENDS, "swarm-ends", "the swarm ends with the runs so far: %s")                                             \
    X(SWARM_ENOUGH, "swarm-enough",                                                                                    \
      "the search ended %zu runs early: the remaining uncertainty (%.4f) is below half of a single run's seed noise "  \
      "(%.4f), so that another run is not expected to change the answer")                                              \
    X(CUT_SWARM, "search-cut-swarm",                                                                                   \
      "search.at_most %g pays for %d of the swarm's %d runs: intervals widen with about the square root of that")      \
    X(CUT_RIVALS, "rivals-cut",                                                                                        \
      "search.at_most %g: the rivals' swarm is %d runs of %s tokens instead of %d of %s; their laws know less for it") \
    X(NO_RIVAL, "no-rival", "against: %s gives no mixture: %s")                                                        \
    X(CHECKS_DISAGREE, "search-checks-disagree",                                                                       \
      "merged models and trained branches agree on the optimum, but not on the ranking of the others (rank "           \
      "correlation "                                                                                                   \
      "%.2f over %zu): longer branches would be more reliable (search.branch_tokens)")                                 \
    X(FEW_STEPS, "few-steps",                                                                                          \
      "few optimizer steps: %s tokens (batches of %lld). Below %d, %s: larger scales, or a smaller "                   \
      "training.batch_tokens")                                                                                         \
    X(FAR_TARGET, "target-far",                                                                                        \
      "target.tokens (%s) is %.3g times the largest scale (%s): predictions for the target extrapolate further than "  \
      "has ever been tested%s. A scale within a tenth of the target would make them testable")                         \
    X(UNTRAINED_TARGET, "target-untrained",                                                                            \
      "target.tokens (%s) is %.3g times the largest scale (%s), and nothing is trained there (target.validate: "       \
      "false): the answer is extrapolated")                                                                            \
    X(MANY_EPOCHS, "target-many-epochs",                                                                               \
      "target.tokens (%s) are %.4g epochs over all available text (%s tokens): beyond about 4 epochs repeated tokens " \
      "help less than new ones, beyond 16 hardly at all. Add text, lower the target, or set max_epochs")               \
    X(BASE_CAPPED, "base-capped", "base: domain '%s' is limited by its max_epochs")                                    \
    X(UP_CAPPED, "up-capped", "up run of '%s': x%.3g instead of x%g, limited by its max_epochs")                       \
    X(KEPT_OBJECTIVE, "objective-kept",                                                                                \
      "this study was created when the default objective was mean-loss, over all %zu targets, and keeps it; new "      \
      "studies default to the mean over the held-out targets: `objective: mean-targets`")                              \
    X(TASK_TARGET, "target-is-task",                                                                                   \
      "target '%s' is a task of %zu items: its loss is in nats per token of the correct answers; bits per byte are "   \
      "loss / %.4g")                                                                                                   \
    /* of runs that ended */                                                                                           \
    X(DIVERGED, "runs-diverged",                                                                                       \
      "%zu of %zu runs at %s tokens diverged and are excluded from the fits: %s%s. The first: %s")                     \
    X(RETRIED, "runs-retried",                                                                                         \
      "%zu of %zu runs at %s tokens diverged and were restarted at a lower learning rate: %s%s. %s")                   \
    X(BURSTS, "gradient-bursts",                                                                                       \
      "gradient spikes in %zu of %zu runs at %s tokens: %s%s.%s A lower training.lr (now %g) avoids them; another "    \
      "seed shows their effect")                                                                                       \
    X(WITHIN_NOISE, "effects-within-noise",                                                                            \
      "at %s tokens the effects are within seed noise: from its fewest to its most tokens the median domain moves "    \
      "the objective by %.2g, while two runs that differ only in the seed differ by up to %.2g (95 %%, from %zu base " \
      "runs). The optimum there means little")                                                                         \
    X(LITTLE_LEARNT, "little-learnt",                                                                                  \
      "at %s tokens the model has learned little beyond token frequencies: its loss (%s, mean over validation sets) "  \
      "is %.2f nats per token, the unigram entropy %.2f. Runs leave this plateau at random times, which hides the "    \
      "effect of the mixture: use more tokens")                                                                        \
    X(LITTLE_LEARNT_AGAIN, "little-learnt-again", "likewise at %s tokens: loss %.2f (%s), unigram entropy %.2f")       \
    X(WHILE_RUNNING, "while-running", "%s")                                                                            \
    X(NOT_JUDGED, "checkpoint-missing", "tasks: run %s left no checkpoint to evaluate")                                \
    /* of fits, the prediction and the answer */                                                                       \
    X(NO_FIT, "scale-not-fitted", "no fit at this scale: %s")                                                          \
    X(NO_JOINT, "no-joint-law", "no joint law: %s")                                                                    \
    X(NO_RULE, "no-rule", "AutoScale gives no prediction (%s): the largest scale's optimum is kept")                   \
    X(ONE_SCALE, "one-scale", "only one fitted scale: nothing to extrapolate from, so its optimum is kept")            \
    X(NO_JOINT_AGAINST, "no-joint-mixture", "against: joint: no joint law could be fitted")                            \
    X(MIXTURE_MOVED, "mixture-moved", "%s: '%s' at %.4g %% instead of %.4g %%, as %s asks")                            \
    X(REPEATED_TEXT, "answer-many-epochs",                                                                             \
      "the answer repeats text without a max_epochs limit (epochs: %s%s): beyond about 4 epochs repeated tokens help " \
      "less than new ones, beyond 16 hardly at all")

typedef enum asc_note_code {
#define ASC_NOTE_ENUM(id, code, sentence) ASC_NOTE_##id,
    ASC_NOTES(ASC_NOTE_ENUM)
#undef ASC_NOTE_ENUM
        ASC_N_NOTES
} asc_note_code;

/* Arrays, so that compilers check the arguments against them. */
#define ASC_NOTE_SENTENCE(id, code, sentence) static const char ASC_SAYS_##id[] __attribute__((unused)) = sentence;
ASC_NOTES(ASC_NOTE_SENTENCE)
#undef ASC_NOTE_SENTENCE

/** "few-steps" … */
const char *asc_note_code_name(asc_note_code code);
/** False where there is no such code. */
bool asc_note_code_parse(const char *name, asc_note_code *out);
/** Its sentence as the table has it, figures as printf's conversions. */
const char *asc_note_sentence(asc_note_code code);

/** A growing list of sentences for the user. Init to {0}. */
typedef struct asc_notes {
    size_t n, cap;
    char **text;         /**< (n) */
    asc_note_code *code; /**< (n) */
} asc_notes;
/** Append one note, printf'd; the same text twice is kept once. Out of memory drops the note. */
void asc_notes_add_as(asc_notes *notes, asc_note_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/** A note of the table: asc_notes_say(&notes, NO_FIT, why). */
#define asc_notes_say(notes, id, ...) asc_notes_add_as(notes, ASC_NOTE_##id, ASC_SAYS_##id, ##__VA_ARGS__)
/** A note without a code of its own. */
#define asc_notes_add(notes, ...) asc_notes_add_as(notes, ASC_NOTE_OTHER, __VA_ARGS__)
/** Append those of `from`, each after `prefix` ("" for none). */
void asc_notes_copy(asc_notes *to, const asc_notes *from, const char *prefix);
/** Whether one of this code is there. */
bool asc_notes_have(const asc_notes *notes, asc_note_code code);
void asc_notes_clear(asc_notes *notes);

#endif
