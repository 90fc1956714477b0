/**
 * spec: the placeholders of users' commands, {tokens} and the like, one list per place where a command stands. Whoever
 * checks a command when a study is read and whoever fills it in take them from here.
 */
#ifndef AUTOSCALE_SPEC_PLACEHOLDERS_H
#define AUTOSCALE_SPEC_PLACEHOLDERS_H

/** `trainer.command` and `search.merge`: of a run. X(ENUM, name) */
#define ASC_RUN_PLACEHOLDERS(X)                                                                                        \
    X(MIXTURE, mixture)                                                                                                \
    X(TOKENS, tokens)                                                                                                  \
    X(SEED, seed)                                                                                                      \
    X(RUN_DIR, run_dir)                                                                                                \
    X(OUT, out)                                                                                                        \
    X(RUN, run)                                                                                                        \
    X(PARAMS, params)                                                                                                  \
    X(LR, lr)                                                                                                          \
    X(STUDY, study)                                                                                                    \
    X(BATCH_TOKENS, batch_tokens)                                                                                      \
    X(CONTEXT, context)                                                                                                \
    X(THREADS, threads)                                                                                                \
    X(LAYERS, layers)                                                                                                  \
    X(HEADS, heads)                                                                                                    \
    X(WIDTH, width)                                                                                                    \
    X(VOCAB, vocab)                                                                                                    \
    X(WARMUP, warmup)                                                                                                  \
    X(DTYPE, dtype)                                                                                                    \
    X(TOKENIZER, tokenizer)                                                                                            \
    X(DOMAINS, domains)                                                                                                \
    X(RANKS, ranks)                                                                                                    \
    X(INIT, init)                                                                                                      \
    X(SCHEDULE_TOKENS, schedule_tokens)

/** `run.notify`: of a study that has ended. */
#define ASC_NOTIFY_PLACEHOLDERS(X)                                                                                     \
    X(STUDY, study)                                                                                                    \
    X(STATE, state)                                                                                                    \
    X(DIR, dir)                                                                                                        \
    X(MESSAGE, message)                                                                                                \
    X(REPORT, report)

/** `executor: {submit: …}`. */
#define ASC_SUBMIT_PLACEHOLDERS(X)                                                                                     \
    X(SCRIPT, script)                                                                                                  \
    X(NAME, name)                                                                                                      \
    X(LOG, log)                                                                                                        \
    X(STUDY, study)                                                                                                    \
    X(DIR, dir)                                                                                                        \
    X(RUN, run)                                                                                                        \
    X(RUN_DIR, run_dir)                                                                                                \
    X(CPUS, cpus)                                                                                                      \
    X(THREADS, threads)                                                                                                \
    X(RANKS, ranks)                                                                                                    \
    X(FIRST, first)                                                                                                    \
    X(LAST, last)                                                                                                      \
    X(COUNT, count)

/** `executor: {poll: …, cancel: …}`; the last is cancel's alone. */
#define ASC_JOB_PLACEHOLDERS(X)                                                                                        \
    X(ID, id)                                                                                                          \
    X(NAME, name)                                                                                                      \
    X(STUDY, study)                                                                                                    \
    X(DIR, dir)                                                                                                        \
    X(SIGNAL, signal)

#define ASC_OF_RUN_ENUM(id, name) ASC_OF_RUN_##id,
#define ASC_OF_NOTIFY_ENUM(id, name) ASC_OF_NOTIFY_##id,
#define ASC_OF_SUBMIT_ENUM(id, name) ASC_OF_SUBMIT_##id,
#define ASC_OF_JOB_ENUM(id, name) ASC_OF_JOB_##id,
enum { ASC_RUN_PLACEHOLDERS(ASC_OF_RUN_ENUM) ASC_N_OF_RUN };
enum { ASC_NOTIFY_PLACEHOLDERS(ASC_OF_NOTIFY_ENUM) ASC_N_OF_NOTIFY };
enum { ASC_SUBMIT_PLACEHOLDERS(ASC_OF_SUBMIT_ENUM) ASC_N_OF_SUBMIT };
enum { ASC_JOB_PLACEHOLDERS(ASC_OF_JOB_ENUM) ASC_N_OF_JOB };

/** Their names, in the order of the enums. */
extern const char *const asc_of_run[ASC_N_OF_RUN],
    *const asc_of_notify[ASC_N_OF_NOTIFY], *const asc_of_submit[ASC_N_OF_SUBMIT], *const asc_of_job[ASC_N_OF_JOB];

#endif
