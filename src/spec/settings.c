/* The table of settings. */
#include "spec/spec_settings.h"

#include <math.h>

#include "names.h"

#define TRAINED_DECODER(name) #name,
#define TRAINED_ENCODER(name) #name,
#define TRAINED_READER(name) /* readers stand last in ASC_ARCHITECTURES */
#define TRAINED(id, name, kind) TRAINED_##kind(name)
static const char *const arch_words[] = {ASC_ARCHITECTURES(TRAINED) NULL};
static const char *const rope_words[] = {"none", "linear", "llama3", NULL};
static const char *const qk_norm_words[] = {"none", "head", "full", NULL};
static const char *const norm_words[] = {"before", "after", NULL};
static const char *const repetition_words[] = {"auto", "matched", "free", NULL};
static const char *const keep_words[] = {"none", "target", "last", NULL};
static const char *const contamination_words[] = {"report", "exclude", "off", NULL};
_Static_assert(sizeof(asc_arch) == sizeof(int) && sizeof(asc_isa) == sizeof(int) && sizeof(asc_keep) == sizeof(int),
               "members of WORD settings are read as int");

#define PAIR(a, b) offsetof(asc_study_spec, a), offsetof(asc_run_spec, b)
#define BOTH(member) offsetof(asc_study_spec, member), offsetof(asc_run_spec, member)
#define STUDY(member) offsetof(asc_study_spec, member), ASC_NOWHERE
#define RUN(member) ASC_NOWHERE, offsetof(asc_run_spec, member)
#define DOMAIN(member) offsetof(asc_study_domain, member), ASC_NOWHERE
#define TUNED(member) offsetof(asc_study_finetune, member), ASC_NOWHERE
#define OWN ASC_NOWHERE, ASC_NOWHERE
#define ANY 0, 0
#define MOST 1e15
#define S ASC_SET_SPARSE
#define SL ASC_SET_SPARSE | ASC_SET_LLAMA

/* section, key, in run.json, option of train, kind, member, from, to, flags, words, unit, default, default of a run,
 * help. The order of rows is that of run.json, of its digest and of every list made from them. */
/* clang-format off */
static const asc_setting table[] = {
    {"", "study", NULL, NULL, ASC_SET_TEXT, STUDY(name), ANY, 0, NULL, NULL, "(the file's name)", NULL, "name of the study; one per folder"},
    {"", "domains", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, NULL, NULL, "list of {name, train, …}: the parts of a mixture; their order is kept everywhere"},
    {"", "targets", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, "(none)", NULL, "held-out sets beside the domains' own, {name, valid}, or tasks, {name, task}"},
    {"", "validation", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, "{}", NULL, "amount of held-out text"},
    {"", "tokenizer", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, "{train: bpe, vocab: 4096}", NULL, "or a path: tokenizer.json, a folder, tokenizer.model, a .tiktoken file, vocab.txt"},
    {"", "model", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, NULL, NULL, "the shape of the proxies; {} takes every default"},
    {"", "training", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, "{}", NULL, "how the proxies are trained"},
    {"", "scales", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, "tokens", NULL, NULL, "rising token budgets, or a list of {tokens, model}, of equal tokens with rising models; the design is run at each (may be left out with search.method swarm)"},
    {"", "design", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, "{kind: ddo}", NULL, "which runs are trained at each scale"},
    {"", "search", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, "{method: ddo}", NULL, "how the mixture is looked for, and what that may cost"},
    {"", "rivals", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, "{}", NULL, "what the published methods named in target.against may take"},
    {"", "mixture", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, "{}", NULL, "the design's base, and bounds on every answer"},
    {"", "objective", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, "mean-targets", NULL, "what to minimize: mean-targets (the default where there are targets), mean-domains (else), mean-loss (both), mean-ppl, worst, target:NAME, a map {target: weight} or a file that holds one"},
    {"", "target", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, NULL, NULL, "the budget to find a mixture for, and the runs that validate it"},
    {"", "tasks", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, "(none)", NULL, "how the target runs' checkpoints are scored beside their losses"},
    {"", "run", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, "{}", NULL, "how runs are executed"},
    {"", "trainer", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, "builtin", NULL, "trainer: builtin, torch (or {torch: {…}}), or {command: …} for your own trainer"},
    {"", "executor", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, "local", NULL, "or {slurm: {…}}, or {submit: …, poll: …, cancel: …} for any other scheduler"},

    {"domains", "name", NULL, NULL, ASC_SET_TEXT, DOMAIN(name), ANY, 0, NULL, NULL, NULL, NULL, "one line of at most 64 bytes that does not begin with . + - = or @"},
    {"domains", "train", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, NULL, NULL, "file, folder, glob or prefix of token files, or a list of them"},
    {"domains", "valid", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, "(split off by content)", NULL, "held-out text, as for train"},
    {"domains", "field", NULL, NULL, ASC_SET_TEXT, DOMAIN(field), ANY, 0, NULL, NULL, "text", NULL, "JSON field or Parquet column that holds the text"},
    {"domains", "dtype", NULL, NULL, ASC_SET_TEXT, DOMAIN(dtype), ANY, 0, NULL, NULL, "(from the file)", NULL, "dtype of raw arrays of token ids: uint8, uint16, int16, uint32, int32, uint64 or int64"},
    {"domains", "available", NULL, NULL, ASC_SET_REAL, DOMAIN(available), 1, 1e18, ASC_SET_WHOLE | S, NULL, "tokens", "(those of the files)", NULL, "unique tokens that exist, of which the files are a sample; max_epochs counts against them"},
    {"domains", "sample", NULL, NULL, ASC_SET_COUNT, DOMAIN(sample), 1, 1e15, ASC_SET_AUTO, NULL, "tokens", "(all)", NULL, "read about so many tokens of text, in stretches chosen by hash over all files; auto: as many as the runs need; with available"},
    {"domains", "part_of", NULL, NULL, ASC_SET_TEXT, DOMAIN(part_of), ANY, 0, NULL, NULL, "(none)", NULL, "a domain that runs of this study were made with and that is now split: its parts together are its text"},
    {"domains", "max_epochs", NULL, NULL, ASC_SET_REAL, DOMAIN(max_epochs), 0, 1e9, ASC_SET_OPEN | ASC_SET_NONE, NULL, "epochs", "(no cap)", NULL, "maximum epochs over the domain in any run; caps every mixture"},

    {"targets", "name", NULL, NULL, ASC_SET_TEXT, DOMAIN(name), ANY, 0, NULL, NULL, NULL, NULL, "as for a domain"},
    {"targets", "valid", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, "(none)", NULL, "held-out text: file, folder, glob, prefix of token files, or a list of them"},
    {"targets", "field", NULL, NULL, ASC_SET_TEXT, DOMAIN(field), ANY, 0, NULL, NULL, "text", NULL, "as for a domain"},
    {"targets", "dtype", NULL, NULL, ASC_SET_TEXT, DOMAIN(dtype), ANY, 0, NULL, NULL, "(from the file)", NULL, "as for a domain"},
    {"targets", "task", NULL, NULL, ASC_SET_TEXT, DOMAIN(task), ANY, 0, NULL, NULL, "(none)", NULL, "instead of valid: PATH or NAME=PATH of a task, as for `eval --tasks`; needs a decoder"},
    {"targets", "limit", NULL, NULL, ASC_SET_COUNT, DOMAIN(limit), 0, MOST, 0, NULL, "items", "(all)", NULL, "of a task: only the first items"},
    {"targets", "shots", NULL, NULL, ASC_SET_INT, DOMAIN(shots), 0, 1000, 0, NULL, NULL, "0", NULL, "of a task: few-shot examples per item"},

    {"validation", "tokens", NULL, NULL, ASC_SET_COUNT, STUDY(valid_tokens), 1, MOST, 0, NULL, "tokens", "200e3", NULL, "held-out tokens wanted per target, kept within 2-10 % of a domain"},

    {"tokenizer", "train", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, "bpe", NULL, "bpe, or wordpiece (the default for bert)"},
    {"tokenizer", "vocab", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, "tokens", "4096", NULL, "vocabulary to train, 257 to 1e6; with end alone, the number of ids of token files, 2 to 2^24"},
    {"tokenizer", "path", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, "(none)", NULL, "use this tokenizer instead of training one"},
    {"tokenizer", "end", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, "(the tokenizer's own)", NULL, "end-of-document token, or its id"},

    {"model", "arch", "model.arch", "arch", ASC_SET_WORD, BOTH(model.arch), ANY, ASC_SET_NEEDED, arch_words, NULL, "llama", NULL, "architecture"},
    {"model", "layers", "model.layers", "layers", ASC_SET_INT, BOTH(model.n_layers), 1, ASC_MAX_LAYERS, ASC_SET_NEEDED, NULL, NULL, "6", NULL, "transformer blocks"},
    {"model", "heads", "model.heads", "heads", ASC_SET_INT, BOTH(model.n_heads), 1, ASC_MAX_HEADS, ASC_SET_NEEDED, NULL, NULL, "8", NULL, "attention heads"},
    {"model", "width", "model.width", "width", ASC_SET_INT, BOTH(model.width), 1, ASC_MAX_WIDTH, ASC_SET_NEEDED, NULL, NULL, "256", NULL, "hidden size"},
    {"model", "context", "model.context", "context", ASC_SET_INT, BOTH(model.context), 2, ASC_MAX_CONTEXT, ASC_SET_NEEDED, NULL, "tokens", "256", NULL, "sequence length"},
    {NULL, "vocab", "model.vocab", NULL, ASC_SET_INT, RUN(model.vocab), 1, ASC_MAX_VOCAB, ASC_SET_NEEDED, NULL, "tokens", "(the tokenizer's)", NULL, "vocabulary size, without padding"},
    {"model", "recompute", "model.recompute", "recompute", ASC_SET_BOOL, BOTH(model.recompute), ANY, ASC_SET_FREE, NULL, NULL, "false", NULL, "recompute activations in the backward pass (less memory, more time)"},
    {"model", "mup", "model.mup", NULL, ASC_SET_BOOL, BOTH(model.mup), ANY, 0, NULL, NULL, "false", NULL, "maximal update parametrization (muP): the learning rate transfers across widths"},
    {"model", "mup_base_width", "model.mup_base_width", NULL, ASC_SET_INT, BOTH(model.mup_base_width), 1, ASC_MAX_WIDTH, 0, NULL, NULL, "256", NULL, "with mup, the width the learning rate applies at"},
    {"model", "mlp", "model.mlp", NULL, ASC_SET_INT, BOTH(model.mlp_width), 1, 1 << 20, S, NULL, NULL, "(4 × width; llama: 8/3 × width, rounded up to a multiple of 64)", NULL, "inner width of the MLP"},
    {"model", "tied", "model.tied", NULL, ASC_SET_NOT, BOTH(model.untied), ANY, S, NULL, NULL, "true", NULL, "tie the output layer to the embedding"},
    {"model", "norm_eps", "model.norm_eps", NULL, ASC_SET_REAL, BOTH(model.norm_eps), 1e-20, 1, S, NULL, NULL, "(1e-5; bert: 1e-12)", NULL, "epsilon of the norms"},
    {"model", "kv_heads", "model.kv_heads", NULL, ASC_SET_INT, BOTH(model.n_kv_heads), 1, ASC_MAX_HEADS, SL, NULL, NULL, "(heads)", NULL, "key-value heads: grouped-query attention"},
    {"model", "head_dim", "model.head_dim", NULL, ASC_SET_INT, BOTH(model.head_dim), 2, 4096, SL, NULL, NULL, "(width / heads)", NULL, "width of a head, even"},
    {"model", "rope_theta", "model.rope_theta", NULL, ASC_SET_REAL, BOTH(model.rope_theta), 1, 1e12, SL, NULL, NULL, "(10000)", NULL, "base of the rotary angles"},
    {"model", "rope_scaling", "model.rope_scaling", NULL, ASC_SET_WORD, BOTH(model.rope_scaling), ANY, SL, rope_words, NULL, "none", NULL, "how rotary angles are scaled for longer contexts"},
    {"model", "rope_factor", "model.rope_factor", NULL, ASC_SET_REAL, BOTH(model.rope_factor), 1e-6, 1e6, SL, NULL, NULL, "(must be given with rope_scaling)", NULL, "scaling factor of rope_scaling"},
    {"model", "rope_low", "model.rope_low", NULL, ASC_SET_REAL, BOTH(model.rope_low), 1e-6, 1e6, SL, NULL, NULL, "(1)", NULL, "llama3 scaling: low_freq_factor"},
    {"model", "rope_high", "model.rope_high", NULL, ASC_SET_REAL, BOTH(model.rope_high), 1e-6, 1e6, SL, NULL, NULL, "(4)", NULL, "llama3 scaling: high_freq_factor"},
    {"model", "rope_original", "model.rope_original", NULL, ASC_SET_INT, BOTH(model.rope_original), 1, 1 << 30, SL, NULL, "tokens", "(8192)", NULL, "llama3 scaling: original_max_position_embeddings"},
    {"model", "qkv_bias", "model.qkv_bias", NULL, ASC_SET_BOOL, BOTH(model.qkv_bias), ANY, SL, NULL, NULL, "false", NULL, "biases of q, k and v (Qwen2)"},
    {"model", "out_bias", "model.out_bias", NULL, ASC_SET_BOOL, BOTH(model.out_bias), ANY, SL, NULL, NULL, "false", NULL, "bias of the attention output"},
    {"model", "mlp_bias", "model.mlp_bias", NULL, ASC_SET_BOOL, BOTH(model.mlp_bias), ANY, SL, NULL, NULL, "false", NULL, "biases of the MLP"},
    {"model", "qk_norm", "model.qk_norm", NULL, ASC_SET_WORD, BOTH(model.qk_norm), ANY, SL, qk_norm_words, NULL, "none", NULL, "RMSNorm of q and k: per head (Qwen3) or of the full projection (OLMo-2)"},
    {"model", "norm", "model.norm", NULL, ASC_SET_WORD, BOTH(model.norm), ANY, SL, norm_words, NULL, "before", NULL, "norms before attention and MLP, or after them (OLMo-2, with qk_norm: full)"},

    {"training", "batch_tokens", "training.batch_tokens", "batch-tokens", ASC_SET_COUNT, BOTH(training.batch_tokens), 1, 1e12, ASC_SET_NEEDED, NULL, "tokens", "16384", NULL, "tokens per optimizer step; the last step may hold fewer"},
    {"training", "micro_batch", "training.micro_batch", "micro-batch", ASC_SET_INT, BOTH(training.micro_batch), 0, 1e6, 0, NULL, "sequences", "0", NULL, "sequences per forward pass; 0 chooses by the model's shape"},
    {"training", "lr", "training.lr", "lr", ASC_SET_REAL, BOTH(training.lr), ASC_MIN_LR, ASC_MAX_LR, ASC_SET_NEEDED, NULL, NULL, "1e-3", NULL, "peak learning rate"},
    {"training", "warmup", "training.warmup", "warmup", ASC_SET_REAL, BOTH(training.warmup), 0, .999, 0, NULL, "of the steps", ".1", NULL, "share of the steps over which the learning rate rises"},
    {"training", "min_lr", "training.min_lr", "min-lr", ASC_SET_REAL, BOTH(training.min_lr), 0, 1, 0, NULL, "of lr", ".1", NULL, "final learning rate as a share of lr"},
    {"training", "schedule", "training.schedule", "schedule", ASC_SET_WORD, BOTH(training.schedule), ANY, 0, asc__schedule_names, NULL, "cosine", NULL, "learning rate schedule, always over the run's own steps"},
    {"training", "dtype", "training.dtype", "dtype", ASC_SET_WORD, BOTH(training.dtype), ANY, 0, asc__dtype_names, NULL, "fp32", NULL, "arithmetic; bf16 needs a CPU with AVX512-BF16 or AMX"},
    {"training", "seed", "training.seed", "seed", ASC_SET_SEED, BOTH(training.seed), 0, 0x1p63, 0, NULL, NULL, "42", NULL, "seed of the initial weights and the data order"},
    {"training", "weight_decay", "training.weight_decay", "weight-decay", ASC_SET_REAL, BOTH(training.weight_decay), 0, 10, 0, NULL, NULL, ".1", NULL, "AdamW's weight decay"},
    {"training", "clip", "training.clip", "clip", ASC_SET_REAL, BOTH(training.clip), 0, 1e12, 0, NULL, NULL, "1", NULL, "gradient norm to clip to; 0: no clipping"},
    {"training", "beta1", "training.beta1", "beta1", ASC_SET_REAL, BOTH(training.beta1), 0, .99999, 0, NULL, NULL, ".9", NULL, "AdamW's beta1"},
    {"training", "beta2", "training.beta2", "beta2", ASC_SET_REAL, BOTH(training.beta2), 0, .999999, 0, NULL, NULL, ".95", NULL, "AdamW's beta2"},
    {"training", "eps", "training.eps", "eps", ASC_SET_REAL, BOTH(training.eps), ASC_MIN_EPS, ASC_MAX_EPS, 0, NULL, NULL, "1e-8", NULL, "AdamW's epsilon"},
    {"training", "on_divergence", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, "{}", NULL, "what to do when a run diverges"},
    {"training.on_divergence", "retry", "training.retry_on_divergence", "retry", ASC_SET_INT, BOTH(training.retry_on_divergence), 0, 100, 0, NULL, NULL, "1", "0", "times a diverged run is restarted at a lower learning rate"},
    {"training.on_divergence", "lr", "training.divergence_lr", "retry-lr", ASC_SET_REAL, BOTH(training.divergence_lr), 1e-9, 1, 0, NULL, NULL, ".5", NULL, "factor on the learning rate at each such restart"},

    {"scales", "tokens", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, "tokens", NULL, NULL, "the scale's budget"},
    {"scales", "model", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, "(model)", NULL, "the model of the scale's runs: keys of model that differ from it"},

    {"design", "kind", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, "ddo", NULL, "ddo: the base, and each domain's tokens × factor and × 1/down"},
    {"design", "factor", NULL, NULL, ASC_SET_REAL, STUDY(factor), ASC_MIN_FACTOR, ASC_MAX_FACTOR, 0, NULL, NULL, "3", NULL, "factor a domain's tokens are scaled up by"},
    {"design", "down", NULL, NULL, ASC_SET_REAL, STUDY(down), ASC_MIN_FACTOR, ASC_MAX_FACTOR, 0, NULL, NULL, "(factor)", NULL, "factor they are scaled down by (the paper's BERT runs: factor 2, down 3)"},
    {"design", "repeats", NULL, NULL, ASC_SET_INT, STUDY(repeats), 1, 100, 0, NULL, "runs", "1", NULL, "base runs per scale, with different seeds, to measure the noise"},

    {"search", "method", NULL, NULL, ASC_SET_WORD, STUDY(search.method), ANY, 0, asc__search_method_names, NULL, "ddo", NULL, "ddo: the design at each scale; branch: short branches of the target's own run, averaged with weights; swarm: proxies of one budget, chosen in rounds for what they would reveal (docs/search.md)"},
    {"search", "at_most", NULL, NULL, ASC_SET_REAL, STUDY(search.at_most), 0, 1000, ASC_SET_OPEN | ASC_SET_NONE, NULL, "share", "(no limit; branch: .15)", NULL, "maximum FLOPs of the search, as a share of one run at the target; a more expensive search is cut to fit"},
    {"search", "repetition", NULL, NULL, ASC_SET_WORD, STUDY(search.repetition), ANY, 0, repetition_words, NULL, "auto", NULL, "matched: cut proxies' text so that they repeat it as often as the target will; free: give them all; auto: matched where a domain has available"},
    {"search", "prefix", NULL, NULL, ASC_SET_REAL, STUDY(search.prefix), 0, .95, ASC_SET_OPEN, NULL, "share", ".2", NULL, "branch: share of the target's budget that is trained on mixture.reference before the branches"},
    {"search", "at", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, "percent", "(prefix)", NULL, "branch: a list of rising points of the target's run, [20, 60], at each of which branches are made and the mixture may change; the first is prefix; below 1, shares"},
    {"search", "branch_tokens", NULL, NULL, ASC_SET_REAL, STUDY(search.branch_tokens), 0, MOST, ASC_SET_OPEN, NULL, "tokens", ".01", NULL, "branch: tokens of one branch; below 1, a share of the target's budget"},
    {"search", "pull", NULL, NULL, ASC_SET_REAL, STUDY(search.pull), 0, 1, ASC_SET_OPEN, NULL, "share", ".8", NULL, "branch: share of a branch that is its domain's alone; the rest is the reference"},
    {"search", "anneal", NULL, NULL, ASC_SET_BOOL, STUDY(search.anneal), ANY, 0, NULL, NULL, "true", NULL, "branch: the learning rate of a branch falls to zero over its tokens, so that its loss is not noise of the last steps"},
    {"search", "merge", NULL, NULL, ASC_SET_TEXT, STUDY(search.merge), ANY, 0, NULL, NULL, "(our own)", NULL, "branch, with trainer.command: a command that merges and evaluates the checkpoints named in {run_dir}/run.json, where they are no Hugging Face folders; placeholders as in trainer.command"},
    {"search", "merges", NULL, NULL, ASC_SET_INT, STUDY(search.merges), 8, 10000, 0, NULL, "models", "32", NULL, "branch: averaged models evaluated per round"},
    {"search", "rounds", NULL, NULL, ASC_SET_INT, STUDY(search.rounds), 1, 100, 0, NULL, "rounds", "2", NULL, "swarm: rounds of runs, each chosen by the law of those before; branch: 1 or 2, 2 makes a second round of branches about the first one's optimum, where that lies at the edge of what they reach"},
    {"search", "runs", NULL, NULL, ASC_SET_INT, STUDY(search.runs), 2, 1000, 0, NULL, "runs", "12", NULL, "swarm: most proxies; branch: proxies before the branches, beside scales of another budget, for the mixture that the target begins with (none unless given)"},
    {"search", "tokens", NULL, NULL, ASC_SET_REAL, STUDY(search.swarm_tokens), 0, MOST, ASC_SET_OPEN, NULL, "tokens", ".01", NULL, "swarm, or branch with runs: tokens of one proxy; below 1, a share of the target's budget"},
    {"search", "pause", NULL, NULL, ASC_SET_REAL, STUDY(search.pause), 0, .95, 0, NULL, "share", "(.5)", NULL, "swarm: share of their tokens at which runs are looked at; those of later rounds that can no longer matter end there, and their tokens buy further runs. 0: never. The default is 0 where a run's evaluation costs more than a tenth of its training, and for trainers that cannot continue from a checkpoint"},
    {"search", "model", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, "(model)", NULL, "swarm, or branch with runs: the proxies' model: keys of model that differ from it"},
    {"search", "eval_tokens", NULL, NULL, ASC_SET_COUNT, STUDY(search.eval_tokens), 1, MOST, ASC_SET_AUTO, NULL, "tokens per target", "auto", NULL, "branch: held-out text that branches and averaged models are evaluated on"},

    {"rivals", "runs", NULL, NULL, ASC_SET_INT, STUDY(rivals.runs), 4, 100000, 0, NULL, "runs", "512", NULL, "proxies of the swarm that regmix, dml and olmix share"},
    {"rivals", "run_tokens", NULL, NULL, ASC_SET_REAL, STUDY(rivals.run_tokens), 0, MOST, ASC_SET_OPEN, NULL, "tokens", ".04", NULL, "tokens of each of them; up to 1, a share of the target's budget"},
    {"rivals", "tokens", NULL, NULL, ASC_SET_REAL, STUDY(rivals.tokens), 0, MOST, ASC_SET_OPEN, NULL, "tokens", "1", NULL, "tokens of a run that doremi, doge, odm, ado or aioli learns its weights in; up to 1, a share of the target's budget"},

    {"mixture", "reference", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, "uniform", NULL, "base of the design: uniform, natural, a file or a map {domain: share}"},
    {"mixture", "min", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, "share", "0", NULL, "minimum share, of every domain or as a map"},
    {"mixture", "max", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, "share", "1", NULL, "maximum share, of every domain or as a map"},
    {"mixture", "prior", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, "(none)", NULL, "mixture to stay near: uniform, natural, a file or a map"},
    {"mixture", "kl", NULL, NULL, ASC_SET_REAL, STUDY(kl), 0, INFINITY, 0, NULL, NULL, "0", NULL, "weight of KL(mixture, prior) in units of the objective"},

    {"target", "tokens", NULL, NULL, ASC_SET_REAL, STUDY(target_tokens), 1, MOST, ASC_SET_WHOLE, NULL, "tokens", NULL, NULL, "the budget to find a mixture for"},
    {"target", "model", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, "(model)", NULL, "the target's model: keys of model that differ from it"},
    {"target", "params", NULL, NULL, ASC_SET_REAL, STUDY(target_params), 1, MOST, ASC_SET_WHOLE | S, NULL, "parameters", "(of target.model)", NULL, "size of a target that is trained elsewhere: with validate: false or a trainer of your own"},
    {"target", "validate", NULL, NULL, ASC_SET_BOOL, STUDY(validate), ANY, 0, NULL, NULL, "true", NULL, "train the candidates at the target budget and compare them"},
    {"target", "seeds", NULL, NULL, ASC_SET_INT, STUDY(seeds), 1, 1000, 0, NULL, "runs", "3", NULL, "target runs per candidate"},
    {"target", "curve", "n_curve", "eval", ASC_SET_INT, PAIR(curve_points, n_curve), 0, 100000, 0, NULL, "evaluations", "20", "0", "evenly spaced evaluations along a run, plus the final one"},
    {"target", "against", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, "(none)", NULL, "further candidates: uniform, keep-last, natural, joint, files, maps, and published methods by name (docs/rivals.md)"},

    {"tasks", "eval", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, "(none)", NULL, "tasks scored by likelihood: PATH, NAME=PATH or NAME, or a list of them"},
    {"tasks", "dir", NULL, NULL, ASC_SET_TEXT, STUDY(tasks.dir), ANY, ASC_SET_FREE, NULL, NULL, "(none)", NULL, "folder in which a bare NAME is looked up"},
    {"tasks", "shots", NULL, NULL, ASC_SET_INT, STUDY(tasks.shots), 0, 1000, ASC_SET_FREE, NULL, NULL, "0", NULL, "few-shot examples per item"},
    {"tasks", "limit", NULL, NULL, ASC_SET_COUNT, STUDY(tasks.limit), 0, MOST, ASC_SET_FREE, NULL, "items", "(all)", NULL, "only the first items of each task"},
    {"tasks", "finetune", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, "(none)", NULL, "list of {task, data, …}: GLUE tasks and SQuAD to fine-tune on"},
    {"tasks", "contamination", NULL, NULL, ASC_SET_WORD, STUDY(tasks.contamination), ANY, ASC_SET_FREE, contamination_words, NULL, "report", NULL, "what to do with evaluation items found in the training text"},

    {"tasks.finetune", "task", NULL, NULL, ASC_SET_TEXT, TUNED(task), ANY, ASC_SET_FREE, NULL, NULL, NULL, NULL, "CoLA, SST-2, MRPC, STS-B, QQP, MNLI, QNLI, RTE, WNLI or squad"},
    {"tasks.finetune", "data", NULL, NULL, ASC_SET_TEXT, TUNED(data), ANY, ASC_SET_FREE, NULL, NULL, NULL, NULL, "folder or file of the task, as for `autoscale finetune`"},
    {"tasks.finetune", "seeds", NULL, NULL, ASC_SET_INT, TUNED(seeds), 1, 100, ASC_SET_FREE, NULL, NULL, "(3)", NULL, "fine-tuning runs per checkpoint"},
    {"tasks.finetune", "epochs", NULL, NULL, ASC_SET_INT, TUNED(epochs), 1, 10000, ASC_SET_FREE, NULL, "epochs", "(3)", NULL, "epochs over the task's training set"},
    {"tasks.finetune", "batch", NULL, NULL, ASC_SET_INT, TUNED(batch), 1, 1 << 20, ASC_SET_FREE, NULL, "examples", "(32)", NULL, "examples per optimizer step"},
    {"tasks.finetune", "max_length", NULL, NULL, ASC_SET_INT, TUNED(max_length), 16, 1 << 20, ASC_SET_FREE, NULL, "tokens", "(128; squad: 384)", NULL, "tokens per example"},
    {"tasks.finetune", "limit_train", NULL, NULL, ASC_SET_COUNT, TUNED(limit_train), 0, MOST, ASC_SET_FREE, NULL, "examples", "(all)", NULL, "only the first training examples"},
    {"tasks.finetune", "limit_dev", NULL, NULL, ASC_SET_COUNT, TUNED(limit_dev), 0, MOST, ASC_SET_FREE, NULL, "examples", "(all)", NULL, "only the first evaluation examples"},
    {"tasks.finetune", "lr", NULL, NULL, ASC_SET_REAL, TUNED(lr), 0, INFINITY, ASC_SET_FREE | ASC_SET_OPEN, NULL, NULL, "(5e-5)", NULL, "peak learning rate; small models need 1e-4 to 1e-3"},

    {NULL, "id", "id", NULL, ASC_SET_TEXT, RUN(id), ANY, ASC_SET_NEEDED, NULL, NULL, NULL, NULL, "name of the run"},
    {"run", "jobs", NULL, NULL, ASC_SET_INT, STUDY(jobs), 1, ASC_MAX_JOBS, ASC_SET_AUTO | ASC_SET_FREE, NULL, "runs", "auto", NULL, "concurrent runs; auto: one per core"},
    {"run", "isa", "isa", "isa", ASC_SET_WORD, BOTH(isa), ANY, 0, asc__isa_names, NULL, "auto", NULL, "instruction set; auto: the best this CPU supports"},
    {"run", "threads", "threads", "threads", ASC_SET_INT, BOTH(threads), 1, ASC_MAX_THREADS, 0, NULL, NULL, "1", NULL, "threads per run, or per rank of it"},
    {"run", "ranks", "ranks", "ranks", ASC_SET_INT, BOTH(ranks), 1, ASC_MAX_RANKS, 0, NULL, NULL, "1", NULL, "processes per run, which share every step; started under mpirun, with trainer torch by its program, a GPU each"},
    {"run", "device", "device", "device", ASC_SET_TEXT, BOTH(device), ANY, 0, NULL, NULL, "auto", "cpu", "auto, cpu, cuda or cuda:N; GPUs need trainer torch; auto uses all of them"},
    {"run", "group", NULL, NULL, ASC_SET_INT, STUDY(group), 1, 4096, ASC_SET_AUTO | ASC_SET_FREE, NULL, "runs", "auto", NULL, "with trainer torch: maximum runs trained together in one process; auto: by memory"},
    {"run", "retries", NULL, NULL, ASC_SET_INT, STUDY(retries), 0, 1000, ASC_SET_FREE, NULL, NULL, "2", NULL, "retries of a failed (not diverged) run"},
    {"run", "time_limit", NULL, NULL, ASC_SET_TIME, STUDY(time_limit_s), 0, 1e12, ASC_SET_OPEN | ASC_SET_NONE | ASC_SET_FREE, NULL, "time", "(none)", NULL, "time after which a run is stopped"},
    {"run", "keep_checkpoints", NULL, NULL, ASC_SET_WORD, STUDY(keep_checkpoints), ANY, ASC_SET_FREE, keep_words, NULL, "last", NULL, "which runs keep their last checkpoint: none, the target runs, or all"},
    {"run", "notify", NULL, NULL, ASC_SET_TEXT, STUDY(notify), ANY, ASC_SET_FREE, NULL, NULL, "(none)", NULL, "command called when the study ends, with {study} {state} {dir} {message} {report} and a JSON object on its stdin"},
    {NULL, "tokenizer", "tokenizer", NULL, ASC_SET_TEXT, RUN(tokenizer), ANY, 0, NULL, NULL, "(none)", NULL, "a tokenizer.json, copied into checkpoints"},
    {NULL, "valid_tokens", "valid_tokens", "valid-tokens", ASC_SET_COUNT, RUN(valid_tokens), 0, MOST, 0, NULL, "tokens", "0", NULL, "tokens evaluated per target; 0: all"},
    {"run", "checkpoint_every", "checkpoint_s", "checkpoint", ASC_SET_TIME, PAIR(checkpoint_s, checkpoint_s), 0, 1e12, ASC_SET_FREE, NULL, "time", "60s", "300s", "time between checkpoints; 0: one after every step"},
    {NULL, "init_from", "init_from", NULL, ASC_SET_TEXT, RUN(init_from), ANY, 0, NULL, NULL, "(none)", NULL, "folder of a checkpoint to start from"},
    {NULL, "init_with", "init_with", NULL, ASC_SET_WORD, RUN(init_with), ANY, S, asc__start_names, NULL, "weights", NULL, "what to load from init_from: weights, also moments, or also the position in schedule and data"},
    {NULL, "init_digest", "init_digest", NULL, ASC_SET_TEXT, RUN(init_digest), ANY, 0, NULL, NULL, "(not checked)", NULL, "SHA-256 of what is loaded from init_from"},
    {NULL, "params", "params", NULL, ASC_SET_REAL, RUN(params), 1, MOST, ASC_SET_WHOLE | S, NULL, "parameters", "(those of model)", NULL, "size of the model where model does not say it (target.params)"},
    {NULL, "stop_tokens", "stop_tokens", NULL, ASC_SET_REAL, RUN(stop_tokens), 0, MOST, ASC_SET_WHOLE | S, NULL, "tokens", "(all)", NULL, "stop after the step that reaches this many tokens of the schedule"},
    {NULL, "cool_tokens", "cool_tokens", NULL, ASC_SET_REAL, RUN(cool_tokens), 0, MOST, ASC_SET_WHOLE | S, NULL, "tokens", "0", NULL, "the learning rate falls to zero over this many tokens before the end or stop_tokens"},
    {NULL, "keep_checkpoint", "keep_checkpoint", NULL, ASC_SET_BOOL, RUN(keep_checkpoint), ANY, 0, NULL, NULL, "false", NULL, "keep checkpoint/ when the run ends"},

    {"trainer", "torch", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, "(none)", NULL, "train with PyTorch, on a GPU if there is one"},
    {"trainer.torch", "python", NULL, NULL, ASC_SET_TEXT, STUDY(trainer.python), ANY, ASC_SET_FREE, NULL, NULL, "(AUTOSCALE_PYTHON, else that of the environment of the command, else python3)", NULL, "Python interpreter with PyTorch; a path with / is relative to the study file"},
    {"trainer.torch", "heartbeat", NULL, NULL, ASC_SET_TIME, STUDY(trainer.heartbeat_s), 0, 1e9, ASC_SET_OPEN | ASC_SET_NONE | ASC_SET_FREE, NULL, "time", "(none)", NULL, "stop a program whose runs' logs and metrics have not grown for this long, as if a GPU does not answer"},
    {"trainer", "command", NULL, NULL, ASC_SET_TEXT, STUDY(trainer.command), ANY, ASC_SET_FREE, NULL, NULL, NULL, NULL, "command line with {placeholders}, split into words as a shell would"},
    {"trainer", "shell", NULL, NULL, ASC_SET_BOOL, STUDY(trainer.shell), ANY, ASC_SET_FREE, NULL, NULL, "false", NULL, "run it through /bin/sh -c"},
    {"trainer", "dir", NULL, NULL, ASC_SET_TEXT, STUDY(trainer.dir), ANY, ASC_SET_FREE, NULL, NULL, "(the study file's folder)", NULL, "working folder"},
    {"trainer", "env", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, "{}", NULL, "additional environment variables, {NAME: value}"},
    {"trainer", "metrics", NULL, NULL, ASC_SET_TEXT, STUDY(trainer.metrics), ANY, ASC_SET_FREE, NULL, NULL, "(metrics.jsonl)", NULL, "file in the run's folder that grows during training"},
    {"trainer", "heartbeat", NULL, NULL, ASC_SET_TIME, STUDY(trainer.heartbeat_s), 0, 1e9, ASC_SET_OPEN | ASC_SET_NONE | ASC_SET_FREE, NULL, "time", "(none)", NULL, "stop a run whose log and metrics have not grown for this long"},
    {"trainer", "backoff", NULL, NULL, ASC_SET_TIME, STUDY(trainer.backoff_s), 0, 86400, ASC_SET_FREE, NULL, "time", "1s", NULL, "wait before the first retry, doubled for each further one"},

    {"executor", "slurm", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, "(none)", NULL, "submit runs as Slurm job arrays"},
    {"executor", "submit", NULL, NULL, ASC_SET_TEXT, STUDY(scheduler.submit), ANY, ASC_SET_FREE, NULL, NULL, "(none)", NULL, "command that hands {script} to a scheduler and prints the job's id"},
    {"executor", "poll", NULL, NULL, ASC_SET_TEXT, STUDY(scheduler.poll), ANY, ASC_SET_FREE, NULL, NULL, "(none)", NULL, "command that prints the state of job {id}; without {id}: a line \"ID STATE\" for each job"},
    {"executor", "cancel", NULL, NULL, ASC_SET_TEXT, STUDY(scheduler.cancel), ANY, ASC_SET_FREE, NULL, NULL, "(none)", NULL, "command that ends job {id}"},
    {"executor", "id", NULL, NULL, ASC_SET_TEXT, STUDY(scheduler.id), ANY, ASC_SET_FREE, NULL, NULL, "(first word of the last line)", NULL, "where the job's id is in what submit prints, such as \"Job <{id}>\"; or name: the job is called {name}"},
    {"executor", "shell", NULL, NULL, ASC_SET_BOOL, STUDY(scheduler.shell), ANY, ASC_SET_FREE, NULL, NULL, "false", NULL, "run the commands through /bin/sh -c"},
    {"executor", "limit", NULL, NULL, ASC_SET_INT, STUDY(scheduler.limit), 0, 1e6, ASC_SET_FREE, NULL, "runs", "(100)", NULL, "runs submitted at once"},
    {"executor", "refresh", NULL, NULL, ASC_SET_TIME, STUDY(scheduler.refresh_s), 0, 86400, ASC_SET_FREE, NULL, "time", "10s", NULL, "time between two polls of a job"},
    {"executor", "array", NULL, NULL, ASC_SET_INT, STUDY(scheduler.array), 0, 1e6, ASC_SET_FREE, NULL, "runs", "0", NULL, "maximum runs per submit, which then takes tasks {first} to {last}; 0: one run each"},
    {"executor", "first", NULL, NULL, ASC_SET_INT, STUDY(scheduler.first), 0, 1, ASC_SET_FREE, NULL, NULL, "1", NULL, "number of an array's first task"},
    {"executor", "index", NULL, NULL, ASC_SET_TEXT, STUDY(scheduler.index), ANY, ASC_SET_FREE, NULL, NULL, "(the script's argument)", NULL, "environment variable with a task's number, such as PBS_ARRAY_INDEX"},
    {"executor", "task", NULL, NULL, ASC_SET_TEXT, STUDY(scheduler.task), ANY, ASC_SET_FREE, NULL, NULL, "{job}[{index}]", NULL, "id of an array's task"},

    {"executor.slurm", "partition", NULL, NULL, ASC_SET_TEXT, STUDY(slurm_opts.partition), ANY, ASC_SET_FREE, NULL, NULL, "(Slurm's)", NULL, "sbatch --partition"},
    {"executor.slurm", "account", NULL, NULL, ASC_SET_TEXT, STUDY(slurm_opts.account), ANY, ASC_SET_FREE, NULL, NULL, "(Slurm's)", NULL, "sbatch --account"},
    {"executor.slurm", "qos", NULL, NULL, ASC_SET_TEXT, STUDY(slurm_opts.qos), ANY, ASC_SET_FREE, NULL, NULL, "(Slurm's)", NULL, "sbatch --qos"},
    {"executor.slurm", "time", NULL, NULL, ASC_SET_TEXT, STUDY(slurm_opts.time), ANY, ASC_SET_FREE, NULL, NULL, "(Slurm's)", NULL, "sbatch --time"},
    {"executor.slurm", "memory", NULL, NULL, ASC_SET_TEXT, STUDY(slurm_opts.memory), ANY, ASC_SET_FREE, NULL, NULL, "(Slurm's)", NULL, "sbatch --mem"},
    {"executor.slurm", "gres", NULL, NULL, ASC_SET_TEXT, STUDY(slurm_opts.gres), ANY, ASC_SET_FREE, NULL, NULL, "(none)", NULL, "sbatch --gres"},
    {"executor.slurm", "constraint", NULL, NULL, ASC_SET_TEXT, STUDY(slurm_opts.constraint), ANY, ASC_SET_FREE, NULL, NULL, "(none)", NULL, "sbatch --constraint"},
    {"executor.slurm", "cpus", NULL, NULL, ASC_SET_INT, STUDY(slurm_opts.cpus), 0, 4096, ASC_SET_FREE, NULL, "cores", "(run.threads)", NULL, "cores per task"},
    {"executor.slurm", "array_limit", NULL, NULL, ASC_SET_INT, STUDY(slurm_opts.array_limit), 0, 1e6, ASC_SET_FREE, NULL, "runs", "(no limit)", NULL, "array tasks submitted at once"},
    {"executor.slurm", "extra", NULL, NULL, ASC_SET_OTHER, OWN, ANY, 0, NULL, NULL, "(none)", NULL, "additional sbatch options, a list"},
#ifdef ASC_SETTINGS_TEST_ROW
    ASC_SETTINGS_TEST_ROW
#endif
};
/* clang-format on */

size_t asc_n_settings(void)
{
    return sizeof table / sizeof *table;
}

const asc_setting *asc_setting_at(size_t i)
{
    return &table[i];
}
