/**
 * spec: notes, sentences for people beside the figures of an answer. Each carries a code: programs go by codes, which
 * stay as they are, never by sentences, which may be worded anew.
 */
#ifndef AUTOSCALE_SPEC_NOTES_H
#define AUTOSCALE_SPEC_NOTES_H

#include "base/base.h"

/* What notes say, X(ENUM, code, sentence): the codes stand beside the notes in a study's documents (docs/formats.md),
 * the sentences are printf's formats, checked where a note is made. */
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
    X(NEW_TARGET, "target-added",                                                                                      \
      "held-out sets added after runs had ended: %zu checkpoints evaluated; %zu runs had none left (%s%s) and were "   \
      "trained once more (run.keep_checkpoints: last avoids that)")                                                    \
    X(RUNS_KEPT, "runs-of-other-domains",                                                                              \
      "%zu runs were made before the domains changed (%s%s) and still count: a domain that a run did not have has "    \
      "no share in it. The tokenizer stays that of these runs")                                                        \
    X(RUNS_EARLIER, "runs-of-earlier-search",                                                                          \
      "%zu runs were made before the search changed (%s%s); they feed the law and count towards the cost")             \
    X(DOMAIN_SPLIT, "domain-split",                                                                                    \
      "domain '%s' was split: runs made before drew from it as a whole, so that its parts have their part of its "     \
      "tokens (%s), give or take what chance drew")                                                                    \
    X(RUNS_ASIDE_GONE, "runs-set-aside",                                                                               \
      "%zu runs no longer count (%s%s): they gave a share to domain '%s', which the study no longer has. They stay "   \
      "in its folder and count again once it is back")                                                                 \
    X(RUNS_ASIDE_SPLIT, "runs-set-aside-split",                                                                        \
      "%zu runs no longer count (%s%s): they gave a share to domain '%s', and what was split off it is not all of "    \
      "its text or more than that, so that the shares are not known (parts named by part_of: %s must hold the same "   \
      "documents together)")                                                                                           \
    X(UNMEASURED, "target-unmeasured",                                                                                 \
      "%zu runs made before the domains changed have no checkpoint left (%s%s): their losses on new targets are not "  \
      "known, and they tell of the other targets alone")                                                               \
    X(OTHER_CHECKPOINT, "checkpoint-differs",                                                                          \
      "the checkpoint of %s does not give the run's own losses (%.4f for %.4f on %s): trained once more for held-out " \
      "sets added later")                                                                                              \
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
      "search.at_most %g cuts branches to %.0f of %.0f steps: mixtures differ less after fewer steps, at the "         \
      "same "                                                                                                          \
      "noise; fidelity and checks show how much less")                                                                 \
    X(BRANCH_START, "branch-start", "%s")                                                                              \
    X(SWARM_ENDS, "swarm-ends", "the swarm ends with the runs so far: %s")                                             \
    X(SWARM_STOPPED, "swarm-stopped",                                                                                  \
      "%zu of the swarm's %zu runs were stopped at %.3g %% of their tokens, as they could no longer be the best: "     \
      "%s%s. "                                                                                                         \
      "What they left paid for %zu further runs; the law knows them by their predicted losses")                        \
    X(SWARM_ENOUGH, "swarm-enough",                                                                                    \
      "the search ended %zu runs early: the remaining uncertainty (%.4f) is below half of a single run's seed noise "  \
      "(%.4f), so that another run is not expected to change the answer")                                              \
    X(CUT_SWARM, "search-cut-swarm",                                                                                   \
      "search.at_most %g pays for %d of the swarm's %d runs: intervals widen with about the square root of that")      \
    X(CUT_RIVALS, "rivals-cut",                                                                                        \
      "search.at_most %g: the rivals' swarm is %d runs of %s tokens instead of %d of %s; their laws know less for it") \
    X(CUT_RIVAL, "rival-cut", "search.at_most %g: %s learns its weights in a run of %s tokens instead of %s")          \
    X(NO_RIVAL, "no-rival", "against: %s gives no mixture: %s")                                                        \
    X(CHECKS_DISAGREE, "search-checks-disagree",                                                                       \
      "%smerged models and trained branches agree on the optimum, but not on the ranking of the others (rank "         \
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
    X(DIVERGED, "runs-diverged", "%zu of %zu runs at %s diverged and are excluded from the fits: %s%s. The first: %s") \
    X(RETRIED, "runs-retried", "%zu of %zu runs at %s diverged and were restarted at a lower learning rate: %s%s. %s") \
    X(BURSTS, "gradient-bursts",                                                                                       \
      "gradient spikes in %zu of %zu runs at %s: %s%s.%s A lower training.lr (now %g) avoids them; another "           \
      "seed shows their effect")                                                                                       \
    X(WITHIN_NOISE, "effects-within-noise",                                                                            \
      "at %s the effects are within seed noise: from its fewest to its most tokens the median domain moves "           \
      "the objective by %.2g, while two runs that differ only in the seed differ by up to %.2g (95 %%, from %zu base " \
      "runs). The optimum there means little")                                                                         \
    X(LITTLE_LEARNT, "little-learnt",                                                                                  \
      "at %s the model has learned little beyond token frequencies: its loss (%s, mean over validation sets) "         \
      "is %.2f nats per token, the unigram entropy %.2f. Runs leave this plateau at random times, which hides the "    \
      "effect of the mixture: use more tokens")                                                                        \
    X(LITTLE_LEARNT_AGAIN, "little-learnt-again", "likewise at %s: loss %.2f (%s), unigram entropy %.2f")              \
    X(WHILE_RUNNING, "while-running", "%s")                                                                            \
    X(NOT_JUDGED, "checkpoint-missing", "tasks: run %s left no checkpoint to evaluate")                                \
    /* of fits, the prediction and the answer */                                                                       \
    X(NO_FIT, "scale-not-fitted", "no fit at this scale: %s")                                                          \
    X(NO_JOINT, "no-joint-law", "no joint law: %s")                                                                    \
    X(NO_RULE, "no-rule", "AutoScale gives no prediction (%s): the largest scale's optimum is kept")                   \
    X(ONE_SCALE, "one-scale", "only one fitted scale: nothing to extrapolate from, so its optimum is kept")            \
    X(ONE_BUDGET, "one-budget",                                                                                        \
      "the %zu fitted scales all have %s tokens: the AutoScale rule extrapolates in tokens and needs optima at two "   \
      "budgets, so it predicts nothing. The joint law learns from the models' sizes and says what is best at "         \
      "the target")                                                                                                    \
    X(NO_JOINT_AGAINST, "no-joint-mixture", "against: joint: no joint law could be fitted")                            \
    X(MIXTURE_MOVED, "mixture-moved", "%s: '%s' at %.4g %% instead of %.4g %%, as %s asks")                            \
    X(REPEATED_TEXT, "answer-many-epochs",                                                                             \
      "the answer repeats text without a max_epochs limit (epochs: %s%s): beyond about 4 epochs repeated tokens help " \
      "less than new ones, beyond 16 hardly at all")                                                                   \
    /* of laws */                                                                                                      \
    X(FEW_POINTS, "axis-few-points",                                                                                   \
      "%s: %zu point%s on its axis, three identify the curve: undetermined, so its share is kept near the base's")     \
    X(NO_ROOT, "axis-no-root",                                                                                         \
      "%s: no exact root (the three points are not convex and decreasing, or nearly straight): fitted by least "       \
      "squares; undetermined, so its share is kept near the base's")                                                   \
    X(AXIS_NOISE, "axis-within-noise",                                                                                 \
      "%s: its effect (%.3g of the objective) is within the noise of one run (%.3g): undetermined, so its share is "   \
      "kept near the base's")                                                                                          \
    X(NO_NOISE, "noise-unknown",                                                                                       \
      "no intervals: each point is one run and the curves pass through all of them, so the noise cannot be "           \
      "estimated; repeat the base run, or give --noise")                                                               \
    X(BOOTSTRAP, "intervals-bootstrap", "intervals: parametric bootstrap, noise of one run %s")                        \
    X(DDO_NOT_VALIDATED, "ddo-not-validated", "not cross-validated: DDO needs every run of its design")                \
    X(FEW_MIXTURES, "few-mixtures", "%zu separate mixtures of %zu domains: too few to tell all domains apart")         \
    X(DEPENDENT_SHARES, "shares-dependent",                                                                            \
      "the shares of %zu of %zu domains follow from those of the others in every run (the first: %s): the table "      \
      "cannot separate their effects")                                                                                 \
    X(CONSTANT_TARGET, "target-constant", "target %s: all losses are %g: no information on the mixture")               \
    X(NOT_VALIDATED, "not-validated", "no cross-validation: %zu separate runs, needs 3 and at least 2 folds")          \
    X(NO_INTERVALS, "no-intervals", "no intervals: %s")                                                                \
    X(NOT_CONVERGED, "not-converged",                                                                                  \
      "%s: the fit did not converge; the reported errors are those of the last iterate")                               \
    X(SAMPLED_ROWS, "rows-sampled", "fitted to %zu of the %zu rows (runs evenly sampled), as all would take too long") \
    X(LAW_BLENDED, "law-blended", "law chosen: %s; %s. Weights of target %s: %s")                                      \
    X(LAW_CHOSEN, "law-chosen", "law chosen: %s; %s")                                                                  \
    /* of an optimum, a question, the rule */                                                                          \
    X(LARGEST_MODEL, "model-size-assumed", "no model size given: using the largest in the table, %.4g parameters")     \
    X(UNDETERMINED, "share-undetermined",                                                                              \
      "undetermined by these runs, so kept within 1.25 x of the base's share (at the base's share if an axis has no "  \
      "points): %s")                                                                                                   \
    X(UNDETERMINED_MOVED, "share-undetermined-moved",                                                                  \
      "the bounds allow no mixture that keeps undetermined domains near the base")                                     \
    X(UNIFORM_CAPPED, "uniform-capped", "uniform would need more tokens than are available, so it is capped too")      \
    X(CORNER_LAW, "law-cannot-optimize",                                                                               \
      "law %s always has its optimum at a corner, so it can predict but not optimize; uniform is kept. Fit another "   \
      "law (--law auto)")                                                                                              \
    X(STARTS_DIFFER, "starts-differ",                                                                                  \
      "%zu of %zu starting points converged to the answer, the others to worse mixtures")                              \
    X(NO_DRAWS, "no-draws", "no intervals: the law has no parameter draws")                                            \
    X(SECOND_ROOT, "second-root", "%zu domains have a second exact root; with it the optimum would be %s")             \
    X(OTHER_BUDGET, "other-budget",                                                                                    \
      "the runs were trained on %.4g tokens and the budget is %.3g: for another budget, measure optima at two scales " \
      "and use `autoscale predict`")                                                                                   \
    X(DDO_ADDITIVE, "ddo-additive",                                                                                    \
      "DDO assumes additive effects and overestimates gains (in the paper 1.63 PPL predicted, 1.15 measured)")         \
    X(TREES_SEARCHED, "trees-searched",                                                                                \
      "boosted trees have no gradient: best of 20000 mixtures and of exchanges between shares; no certificate, no "    \
      "intervals of the weights")                                                                                      \
    X(WORST_SMOOTHED, "worst-smoothed",                                                                                \
      "worst target: the maximum is smoothed by %.0e nats, the answer within %.0e of the optimum")                     \
    X(WORSE_THAN_UNIFORM, "worse-than-uniform", "predicted worse than uniform because of your bounds or prior")        \
    X(GAIN_UNCERTAIN, "gain-uncertain", "the gain over uniform is within its uncertainty")                             \
    X(TRADE_OFF, "trade-off",                                                                                          \
      "%s and %s trade off: their sum (%.0f %%) is better determined than their shares; with it, any share of %s "     \
      "from %.0f to %.0f %% changes the objective by less than its uncertainty")                                       \
    X(SUPPORTED_ONLY, "supported-by-runs",                                                                             \
      "%s: supported by the runs; the table cannot tell whether it holds this far beyond them")                        \
    X(EXTRAPOLATED, "extrapolated", "extrapolated: %s %s are %.3g x %s in the table (%s to %s)")                       \
    X(EXTRAPOLATED_ONE, "extrapolated-from-one", "extrapolated: %s %s are %.3g x %s that of every run (%s)")           \
    X(EXTRAPOLATED_SHARE, "extrapolated-share",                                                                        \
      "extrapolated: the share of %s is %.3g x beyond the sampled range (%.4f to %.4f)")                               \
    X(WITHHELD, "prediction-withheld", "loss not predicted: %s")                                                       \
    X(SIZE_ASSUMED, "size-assumed", "parameters: the largest in the table, %.6g")                                      \
    X(AXIS_UNKNOWN, "axis-unknown", "%s; differences between mixtures are those at the table's own")                   \
    X(NO_BOOTSTRAP, "no-bootstrap", "no intervals: the law has no draws (fit with --bootstrap N)")                     \
    X(TOKENS_BEYOND, "tokens-beyond", "%s tokens are %.3gx beyond the budgets of the table")                           \
    X(PARAMS_BEYOND, "params-beyond", "%s parameters are %.3gx beyond the sizes of the table")                         \
    X(OBJECTIVE_ONLY, "objective-only",                                                                                \
      "a law of the objective alone (ddo): losses of single targets are not predicted")                                \
    X(RULE_ZERO, "rule-share-zero", "%s: share 0 at the last scale stays 0")                                           \
    X(RULE_BOUND_BEFORE, "rule-bound-before",                                                                          \
      "%s: at its bound only at a smaller scale, so it keeps its last measured share")                                 \
    X(RULE_NO_INTERVALS, "rule-no-intervals",                                                                          \
      "no intervals: the optima have none of their own (columns lo_<domain>, hi_<domain>), and two scales leave no "   \
      "residuals to estimate them from")                                                                               \
    X(RULE_RESIDUALS, "rule-intervals-from-residuals",                                                                 \
      "intervals from the residuals of %zu scales about their fitted lines (%zu degrees of freedom), as the optima "   \
      "have none of their own")                                                                                        \
    X(RULE_ASSUMED_ERROR, "rule-error-assumed",                                                                        \
      "the shrunken prediction assumes a standard error of %.0f %% for each optimal share, as the optima have no "     \
      "intervals")                                                                                                     \
    X(RULE_LARGEST, "rule-largest-models",                                                                             \
      "%zu optima of %zu budgets: of those of equal tokens the AutoScale rule, which knows no sizes, takes the "       \
      "largest model's")                                                                                               \
    X(RULE_APPROXIMATE, "rule-approximate",                                                                            \
      "with DDO's offsets the AutoScale extrapolation is approximate; on public checkpoints keeping the last scale's " \
      "weights was closer to the optimum in 6 of 6 trials")                                                            \
    X(RULE_BEYOND, "rule-beyond", "extrapolated: the budget is %.3g x the largest measured scale%s")                   \
    X(RULE_BELOW, "rule-below", "extrapolated: the budget is %.3g x below the smallest measured scale")                \
    X(RULE_HELD, "rule-held",                                                                                          \
      "within the bounds the rule has no solution at this budget: the last scale's shares are kept as far as the "     \
      "bounds allow")                                                                                                  \
    X(RULE_CENSORED, "rule-censored",                                                                                  \
      "%s: at its bound at the last scale, so its growth is unknown: it keeps that share")                             \
    X(AT_SAMPLED_RANGE, "limited-to-sampled-range", "limited to the sampled range (--trust off lifts the limit): %s")  \
    X(SEEN_AGAIN, "seen-more-than-once", "seen more than once: %s")                                                    \
    X(DISCOUNTED, "repeated-discounted", "repeated; repeated tokens are discounted (Muennighoff et al. 2023): %s")     \
    X(PRIOR_NONE, "prior-gives-none",                                                                                  \
      "the prior gives these no share, so they are kept at their minimum where the other bounds allow it: %s")         \
    X(OUTSIDE_RANGE, "outside-sampled-range", "outside the sampled range of shares, where the law is a guess: %s")     \
    X(OUTSIDE_TOKENS, "outside-measured-tokens",                                                                       \
      "outside the measured range of tokens (base x 1/3 to 3), where the fit is a guess: %s")                          \
    /* of tables */                                                                                                    \
    X(COPIED_ROWS, "rows-copied",                                                                                      \
      "%zu of %zu rows are exact copies of others (first: rows %zu and %zu): each is counted once, as a copy is not "  \
      "a second measurement")                                                                                          \
    X(FEW_DIRECTIONS, "mixtures-few-directions",                                                                       \
      "the mixtures vary in only %zu of %zu directions%s%s: the table says nothing about the others")                  \
    X(EMPTY_ROWS, "rows-empty", "%zu empty rows skipped")                                                              \
    X(ROW_INDEX, "column-row-index", "the first column has no name: treated as a row index")                           \
    X(SEPARATOR, "columns-separator", "columns separated by %s%s")                                                     \
    X(DECIMAL_COMMA, "decimal-comma", "decimals with a comma")                                                         \
    X(JOIN_LACKS, "join-rows-missing", "%s: no row for %zu of %zu values of '%s'")                                     \
    X(IGNORED_COLUMN, "column-ignored", "ignored column: '%s'")                                                        \
    X(OPTIMA_NORMALIZED, "optima-normalized", "weights that sum to 1 within .01 only were normalized")                 \
    X(PERCENT, "shares-in-percent", "shares are in percent")                                                           \
    X(NOT_MEASURED, "target-not-measured", "target %s: not measured in %zu of %zu rows")                               \
    X(MIXED_UNITS, "targets-mixed-units",                                                                              \
      "targets are of several kinds (%s%s%s), so a mean over all mixes units; choose with --objective target:NAME or " \
      "a file of weights")                                                                                             \
    X(CLIPPED, "accuracies-clipped", "%zu accuracies below .001 or above .999 are clipped to these")                   \
    X(IGNORED_COLUMNS, "columns-ignored", "ignored columns: %s")                                                       \
    X(MIXED_RUN, "run-mixed",                                                                                          \
      "rows of run '%.60s' have different mixtures, but are treated as checkpoints of one run; if they are separate "  \
      "runs, use --map 'ignore=%.60s'")                                                                                \
    X(LAYOUT, "layout", "read as: %s")                                                                                 \
    X(NORMALIZED, "weights-normalized",                                                                                \
      "weights of %zu of %zu rows do not sum to 1 but to 1%+.2g .. 1%+.2g (first at line %zu): normalized")            \
    /* of exports */                                                                                                   \
    X(UNDER_A_SAMPLE, "export-under-a-sample", "domain '%s': %lld tokens are less than one sample of %lld%s")          \
    X(WRONG_DATA, "export-data-kind", "%s (%s%s) are not what %s reads; it reads %s")                                  \
    X(EQUAL_PATHS, "export-equal-paths",                                                                               \
      "domain '%s': its %zu paths share its weight equally, as their sizes are unknown")                               \
    X(OTHER_EXPORT_BUDGET, "export-other-budget",                                                                      \
      "the mixture was optimized for %s tokens but is exported for %s: its shares are optimal at the former")

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
/** Append one note, printf'd; the same text twice is kept once. False: out of memory, the note is dropped. */
bool asc_notes_add_as(asc_notes *notes, asc_note_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
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
