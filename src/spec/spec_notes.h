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
      "good at what? The objective is the mean over the training domains themselves, where little can be won over "    \
      "uniform. Name what the model is to be good at, text of its kind held out: `targets: [{name: NAME, valid: "      \
      "PATH}]`")                                                                                                       \
    X(GUESSED_TEXT, "text-guessed",                                                                                    \
      "epochs, caps and tokens of tasks, from the files' bytes at four bytes a token; `autoscale tokenize "            \
      "STUDY.yaml` makes them exact")                                                                                  \
    X(UNKNOWN_SPEED, "speed-unknown", "the speed of a trainer of your own is not known here")                          \
    X(GUESSED_SPEED, "speed-guessed", "the time is a guess, %s: %s")                                                   \
    X(WILL_REFUSE_TEXT, "run-refuses-text", "as the files' bytes look, `autoscale run` will refuse this study: %s")    \
    X(WILL_REFUSE_SHORT, "run-refuses-domain",                                                                         \
      "as the files' bytes look, `autoscale run` will refuse this study: domain '%s' has about %.0f training tokens, " \
      "a "                                                                                                             \
      "sequence needs %.0f (model.context + 1)")                                                                       \
    X(WILL_REFUSE_HERE, "run-refuses-here", "`autoscale run` will refuse this study here: %s")                         \
    X(NO_REPEATS, "no-repeats",                                                                                        \
      "design.repeats is %d: nothing will tell what a domain does from what a seed does; two or more runs of the "     \
      "base measure it")                                                                                               \
    X(CUT_SCALES, "search-cut-scales",                                                                                 \
      "search.at_most %g: the search as asked for takes %.3g times the FLOPs of one run at the target; its largest "   \
      "scale is %s tokens instead of %s%s%s. What that costs: the answer reaches %.3g times beyond the largest scale " \
      "instead of %.3g, and smaller proxies differ more by their seed alone")                                          \
    X(CUT_ROUND, "search-cut-round",                                                                                   \
      "search.at_most %g leaves no room for a second round of branches: the optimum is looked for within what the "    \
      "first reach, shares from %.3g of the reference's")                                                              \
    X(CUT_BRANCHES, "search-cut-branches",                                                                             \
      "search.at_most %g leaves branches %.0f steps instead of %.0f: mixtures differ less after them, by the same "    \
      "noise; fidelity and checks say what is left")                                                                   \
    X(CHECKS_DISAGREE, "search-checks-disagree",                                                                       \
      "merged models and real branches agree on the optimum, but not on the order of the others (rank correlation "    \
      "%.2f over %zu): longer branches tell more (search.branch_tokens)")                                              \
    X(FEW_STEPS, "few-steps",                                                                                          \
      "few optimiser steps: %s tokens (batches of %lld). Below %d, %s: larger scales, or a smaller "                   \
      "training.batch_tokens")                                                                                         \
    X(FAR_TARGET, "target-far",                                                                                        \
      "target.tokens (%s) is %.3g times the largest scale (%s): what is said of the target is extrapolated further "   \
      "than predictions were ever tested%s. A scale within a tenth of the target makes it testable")                   \
    X(UNTRAINED_TARGET, "target-untrained",                                                                            \
      "target.tokens (%s) is %.3g times the largest scale (%s), and nothing is trained there (target.validate: "       \
      "false): the answer is extrapolated")                                                                            \
    X(MANY_EPOCHS, "target-many-epochs",                                                                               \
      "target.tokens (%s) are %.4g epochs of all the text there is (%s tokens): beyond about 4 epochs repeated "       \
      "tokens count less than new ones, beyond 16 hardly at all. More text, a smaller target, or max_epochs")          \
    X(BASE_CAPPED, "base-capped", "base: domain '%s' is held at its max_epochs")                                       \
    X(UP_CAPPED, "up-capped", "up run of '%s': x%.3g instead of x%g, more would pass its max_epochs")                  \
    X(KEPT_OBJECTIVE, "objective-kept",                                                                                \
      "this study was begun when the default objective was mean-loss, over all %zu targets, and keeps it; a new one "  \
      "takes the mean over its held-out targets: `objective: mean-targets`")                                           \
    X(TASK_TARGET, "target-is-task",                                                                                   \
      "target '%s' is a task of %zu items: its loss is in nats a token of the right answers, and its bits per byte "   \
      "are loss / %.4g")                                                                                               \
    /* of runs that ended */                                                                                           \
    X(DIVERGED, "runs-diverged",                                                                                       \
      "%zu of %zu runs at %s tokens diverged and take no part in what follows: %s%s. The first: %s")                   \
    X(RETRIED, "runs-retried", "%zu of %zu runs at %s tokens diverged and were begun again at a lower rate: %s%s. %s") \
    X(BURSTS, "gradient-bursts",                                                                                       \
      "gradients burst in %zu of %zu runs at %s tokens: %s%s.%s A lower training.lr (now %g) calms them; another "     \
      "seed shows what they did")                                                                                      \
    X(WITHIN_NOISE, "effects-within-noise",                                                                            \
      "at %s tokens the effects are inside the noise: from its least to its most tokens a domain moves the objective " \
      "by %.2g (the middle one), two runs that differ in nothing but the seed differ by up to %.2g (95 %%, from %zu "  \
      "runs of the base). The optimum there means little")                                                             \
    X(LITTLE_LEARNT, "little-learnt",                                                                                  \
      "at %s tokens the model has learnt little beyond word frequencies: its loss (%s, mean over texts) is %.2f nats " \
      "a token, knowing how often each token stands in a text and nothing else gives %.2f. Runs leave this plateau "   \
      "by chance at different times, which hides what a mixture does: more tokens")                                    \
    X(LITTLE_LEARNT_AGAIN, "little-learnt-again",                                                                      \
      "at %s tokens little beyond word frequencies either: %.2f (%s), they alone give %.2f")                           \
    X(WHILE_RUNNING, "while-running", "%s")                                                                            \
    X(NOT_JUDGED, "checkpoint-missing", "tasks: run %s left no checkpoint folder to judge")                            \
    /* of fits, the prediction and the answer */                                                                       \
    X(NO_FIT, "scale-not-fitted", "no fit at this scale: %s")                                                          \
    X(NO_JOINT, "no-joint-law", "no joint law: %s")                                                                    \
    X(NO_RULE, "no-rule", "the AutoScale rule gives no prediction (%s): the largest scale's optimum is kept")          \
    X(ONE_SCALE, "one-scale", "one fitted scale: nothing to extrapolate from, its optimum is kept")                    \
    X(NO_JOINT_AGAINST, "no-joint-mixture", "against: joint: there is no joint law to compare with")                   \
    X(MIXTURE_MOVED, "mixture-moved", "%s: '%s' at %.4g %% instead of %.4g %%, as %s asks")                            \
    X(REPEATED_TEXT, "answer-many-epochs",                                                                             \
      "the answer repeats text that no max_epochs limits (epochs: %s%s): beyond about 4 epochs repeated tokens count " \
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
