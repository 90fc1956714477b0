#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/config.h"

/* The least a study says. */
#define HEAD "domains:\n  - {name: a, train: x}\n  - {name: b, train: [y, z]}\n"
#define REST "model: {layers: 2, heads: 2, width: 8, context: 16}\nscales: [1e3, 4e3]\ntarget: {tokens: 16e3}\n"

static asc_status parse(asc_study_spec *s, const char *text, asc_error *err)
{
    return asc_study_parse(s, "dir/s.yaml", text, strlen(text), err);
}

static void good(asc_study_spec *s, const char *text)
{
    asc_error err;
    if (parse(s, text, &err) != ASC_OK)
        fail_msg("%s", err.msg);
}

static void bad(const char *text, const char *words)
{
    asc_study_spec s;
    asc_error err = {0};
    assert_int_equal(parse(&s, text, &err), ASC_EINVAL);
    if (!strstr(err.msg, words))
        fail_msg("expected '%s' in: %s", words, err.msg);
}

static void study__has_the_defaults_of_formats_md(void **state)
{
    asc_study_spec s;
    good(&s, HEAD REST);
    assert_string_equal(s.name, "s");
    assert_string_equal(s.base_dir, "dir");
    assert_int_equal(s.n_domains, 2);
    assert_int_equal(s.domains[1].n_train, 2);
    assert_string_equal(s.domains[0].field, "text");
    assert_true(isnan(s.domains[0].max_epochs));
    assert_int_equal(s.valid_tokens, 200000);
    assert_int_equal(s.tokenizer_kind, ASC_TOKENIZER_BPE);
    assert_int_equal(s.tokenizer_vocab, 4096);
    assert_true(s.factor == 3 && s.down == 3 && s.repeats == 1 && s.validate && s.seeds == 3);
    assert_true(s.retries == 2 && s.time_limit_s == 0 && s.jobs == 0 && s.threads == 1);
    assert_int_equal(s.training.retry_on_divergence, 1);
    assert_int_equal(s.reference.kind, ASC_MIXTURE_UNIFORM);
    assert_true(s.min[0] == 0 && s.max[1] == 1);
    assert_string_equal(s.objective_text, "mean-domains");
    assert_null(s.trainer.command);
    assert_int_equal(s.executor, ASC_EXECUTOR_LOCAL);
    asc_study_spec_clear(&s);
}

static void study__is_good_at_its_heldout_targets(void **state)
{
    asc_study_spec s;
    good(&s, HEAD "targets: [{name: news, valid: v}, {name: law, valid: w}]\n" REST);
    assert_string_equal(s.objective_text, "mean-targets");
    assert_true(s.objective.weights[0] == 0 && s.objective.weights[2] == .5 && s.objective.weights[3] == .5);
    assert_false(s.objective_named);
    asc_study_spec_clear(&s);
    good(&s, HEAD "targets: [{name: news, valid: v}]\n" REST "objective: mean-domains\n");
    assert_true(s.objective.weights[0] == .5 && s.objective.weights[2] == 0 && s.objective_named);
    asc_study_spec_clear(&s);
    good(&s, HEAD "targets: [{name: news, valid: v}]\n" REST "objective: mean-loss\n");
    assert_int_equal(s.objective.kind, ASC_OBJ_MEAN_LOSS);
    asc_study_spec_clear(&s);
    bad(HEAD REST "objective: mean-targets\n", "there are no targets beside the domains' own");
}

static void study__reads_every_key(void **state)
{
    char *text;
    size_t n;
    asc_error err;
    asc_study_spec s;
    assert_int_equal(asc_read_file(ASC_SOURCE_DIR "/tests/fuzz/corpus/fuzz_study/all.yaml", 1 << 20, &text, &n, &err),
                     ASC_OK);
    good(&s, text);
    assert_string_equal(s.name, "redpajama-small");
    assert_true(s.domains[0].max_epochs == 4);
    assert_int_equal(s.n_targets, 3);
    assert_string_equal(s.target_names[2], "news");
    assert_true(s.model.mup && s.model.recompute && s.model.mup_base_width == 64);
    assert_int_equal(s.training.micro_batch, 4);
    assert_true(s.scales[1] == 4e6 && s.target_tokens == 16e6);
    assert_true(s.reference.weights[0] == .5 && s.min[0] == .1 && s.min[1] == 0 && s.max[0] == .9);
    assert_true(s.objective.weights[0] == .25 && s.objective.weights[2] == .75);
    assert_int_equal(s.n_against, 5);
    assert_int_equal(s.tasks.n_eval, 2);
    assert_int_equal(s.tasks.contamination, ASC_CONTAMINATION_EXCLUDE);
    assert_true(s.tasks.shots == 2 && s.tasks.limit == 100 && s.tasks.n_finetune == 1);
    assert_true(s.tasks.finetune[0].lr == 1e-4 && s.tasks.finetune[0].limit_dev == 9);
    assert_int_equal(s.against[3].kind, ASC_MIXTURE_JOINT);
    assert_true(s.prior.weights[0] == .6 && s.kl == .1);
    assert_true(s.time_limit_s == 7200 && s.checkpoint_s == 120 && s.trainer.heartbeat_s == 60);
    assert_string_equal(s.trainer.env[0], "A=b");
    assert_true(s.executor == ASC_EXECUTOR_SLURM && s.slurm_opts.array_limit == 16);
    assert_string_equal(s.slurm_opts.time, "02:00:00");
    asc_study_spec_clear(&s);
    asc_free(text);
}

static void study__names_the_place_of_a_mistake(void **state)
{
    bad(HEAD REST "scale: 3\n", "dir/s.yaml:7:1: unknown key 'scale' in a study; did you mean 'scales'?");
    bad(HEAD REST "training: {lr: 0.1,\n  wramup: 1}\n", "dir/s.yaml:8:3: unknown key 'wramup' in training");
    bad(HEAD REST "scales: 3\n", "dir/s.yaml:7:1: key 'scales' is given twice");
    bad(HEAD REST "training: {lr: fast}\n", "dir/s.yaml:7:16: lr: expected a number from 1e-12 to 1e+06, found 'fast'");
    bad(HEAD REST "training: {lr: 0x10}\n", "found '0x10'");
    bad(HEAD REST "training: {lr: .nan}\n", "found '.nan'");
    bad(HEAD REST "training: [1]\n", "dir/s.yaml:7:11: training: expected a map of keys, found a list");
    bad(HEAD REST "design: {repeats: 1.5}\n", "repeats: expected a whole number from 1 to 100, found '1.5'");
    bad(HEAD REST "design: {factor: 1}\n", "factor: expected a number from 1.01 to 1000");
    bad(HEAD REST "design: {factor: 2, down: 1}\n", "down: expected a number from 1.01 to 1000");
    bad(HEAD REST "targets: [{name: t, task: f, valid: v}]\n", "not both");
    bad(HEAD REST "targets: [{name: t, valid: v, limit: 3}]\n", "belong to a 'task'");
    bad(HEAD REST "tasks: {finetune: [{task: ../x, data: d}]}\n", "found '../x'");
    bad(HEAD REST "tasks: {eval: [a], finetune: RTE}\n", "dir/s.yaml:7:30: finetune: expected a list");
    bad(HEAD REST "tasks: {eval: [a]}\nrun: {keep_checkpoints: none}\n", "requires run.keep_checkpoints");
    bad(HEAD REST "objective: target:c\n", "dir/s.yaml:7:12: objective: no target named 'c'");
    bad(HEAD REST "trainer: {command: \"run {mixtur}\"}\n", "unknown placeholder {mixtur}; did you mean {mixture}?");
    bad(HEAD REST "targets: [{name: a, valid: v}]\n",
        "dir/s.yaml:7:11: domains and targets: the name 'a' is given twice");
    bad(HEAD REST "targets: [{name: A, valid: v}]\n", "differ only in case");
    bad(HEAD REST "model: {", "dir/s.yaml:");
    bad("", "empty file");
    bad("study: \xff\n", "dir/s.yaml:1:");
    bad(HEAD REST "---\na: 1\n", "second document");
}

static void study__missing_keys_are_named(void **state)
{
    bad(REST, "missing key 'domains'");
    bad(HEAD "scales: 1\ntarget: {tokens: 2}\n", "missing key 'model'");
    bad(HEAD "model: {}\ntarget: {tokens: 2}\n", "missing key 'scales'");
    bad(HEAD "model: {}\nscales: 1e6\n", "missing key 'target.tokens'");
    bad("domains: [{name: a, train: x}]\n" REST, "a mixture needs at least 2");
    bad("domains: [{train: x}, {name: b, train: y}]\n" REST, "missing key 'name'");
    bad("domains: [{name: a}, {name: b, train: y}]\n" REST, "missing key 'train'");
}

static void study__ranges_are_checked(void **state)
{
    bad(HEAD REST "mixture: {reference: {a: 1, b: 1}}\n", "the weights sum to 2, expected 1");
    bad(HEAD REST "mixture: {reference: {a: 1}}\n", "domain 'b' has weight 0");
    bad(HEAD REST "mixture: {min: .6}\n", "sum to 1.2, more than 1");
    bad(HEAD REST "mixture: {max: .4}\n", "sum to 0.8, less than 1");
    bad(HEAD REST "mixture: {min: {a: .5}, max: .4}\n", "min 0.5 exceeds max 0.4");
    bad(HEAD REST "mixture: {kl: 1}\n", "kl is given without prior");
    bad(HEAD REST "mixture: {prior: {a: .5, b: .5}}\n", "prior is given without kl");
    bad(HEAD "model: {arch: bert}\nscales: 1e3\ntarget: {tokens: 2}\ntokenizer: {train: bpe}\n", "bpe has no [MASK]");
    bad(HEAD REST "objective: {a: 2}\n", "a: expected a number from 0 to 1");
    bad(HEAD REST "training: {batch_tokens: 8}\n", "less than one sequence");
    bad(HEAD "model: {}\nscales: [4e3, 1e3]\ntarget: {tokens: 2}\n", "expected increasing budgets");
    bad(HEAD "model: {}\nscales: [1e3, 1e3]\ntarget: {tokens: 2}\n",
        "of equal budgets (1000 tokens) expected increasing models");
    bad(HEAD "model: {width: 8, heads: 2}\nscales: [{tokens: 1e3, model: {width: 16}}, 1e3]\ntarget: {tokens: 2}\n",
        "expected increasing models, found ");
    bad(HEAD "model: {}\nscales: [0]\ntarget: {tokens: 2}\n", "expected a number from 1");
    bad(HEAD "model: {}\nscales: []\ntarget: {tokens: 2}\n", "found none");
    bad(HEAD "model: {}\nscales: 1e3\ntarget: {tokens: 0}\n", "expected a whole number from 1");
    bad(HEAD "model: {width: 10, heads: 3}\nscales: 1e3\ntarget: {tokens: 1}\n", "not divisible by heads");
}

static void study__names_cannot_leave_its_folder(void **state)
{
    const char *names[] = {"../x",
                           ".hidden",
                           "-flag",
                           "=cmd",
                           "@x",
                           " a",
                           "a ",
                           "a\\nb",
                           "a\\e[2Jb",
                           "a\\u202eb",
                           "a\\u2028b",
                           "",
                           "0123456789012345678901234567890123456789012345678901234567890123456789"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char text[400];
        snprintf(text, sizeof text, "domains: [{name: \"%s\", train: x}, {name: b, train: y}]\n" REST, names[i]);
        bad(text, "name");
    }
    asc_study_spec s;
    good(&s, "domains: [{name: wikip\xc3\xa9"
             "dia-3.1, train: x}, {name: b, train: y}]\n" REST);
    asc_study_spec_clear(&s);
    /* as RegMix, Olmix and DCLM name theirs */
    good(&s, "domains: [{name: cc/en, train: x}, {name: \"source:topic, other\", train: y}, {name: Common Crawl (en), "
             "train: z}, {name: no, train: w}]\n" REST);
    assert_string_equal(s.domains[0].name, "cc/en");
    assert_string_equal(s.domains[3].name, "no");
    asc_study_spec_clear(&s);
}

static void study__cases_of_people_are_read(void **state)
{
    static const char *const files[] = {
        "Y1-yaml-words/NULL.yaml",       "Y1-yaml-words/True.yaml",        "Y1-yaml-words/Yes.yaml",
        "Y1-yaml-words/inf.yaml",        "Y1-yaml-words/merge2.yaml",      "Y1-yaml-words/timelimit.yaml",
        "Y1-yaml-words/underscore.yaml", "Y2-domain-names/slashname.yaml", "Y2-domain-names/spacename.yaml"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[400];
        asc_study_spec s;
        asc_error err;
        snprintf(path, sizeof path, ASC_SOURCE_DIR "/../shared/cases/%s", files[i]);
        if (!asc_path_exists(path)) {
            print_message("%s: not here\n", path);
            continue;
        }
        if (asc_study_load(&s, path, &err) != ASC_OK)
            fail_msg("%s", err.msg);
        assert_true(s.n_domains == 2 && s.target_tokens == 16000);
        asc_study_spec_clear(&s);
    }
}

/* A mistake in a file of weights is found before anything is trained, and named at the place that asks for the file. */
static void study__files_of_weights_are_read_with_it(void **state)
{
    char dir[] = "/tmp/asc-study-XXXXXX", path[64], file[64];
    asc_study_spec s;
    asc_error err = {0};
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/s.yaml", dir);
    snprintf(file, sizeof file, "%s/llama.json", dir);
    const char *text = HEAD REST "mixture: {prior: llama.json, kl: 1, reference: llama.json}\n";
    const char *against = HEAD "model: {}\nscales: 1e3\ntarget: {tokens: 1e4, against: [natural, llama.json]}\n";
    assert_int_equal(asc_study_parse(&s, path, against, strlen(against), &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "s.yaml:6:42: against: "));
    assert_non_null(strstr(err.msg, "llama.json: no such file"));
    assert_int_equal(asc_write_file(file, "{\"b\": 0.25, \"a\": 0.75}", 22, &err), ASC_OK);
    assert_int_equal(asc_study_parse(&s, path, text, strlen(text), &err), ASC_OK);
    assert_true(s.prior.weights[0] == .75 && s.reference.weights[1] == .25);
    asc_study_spec_clear(&s);
    assert_int_equal(asc_study_parse(&s, path, against, strlen(against), &err), ASC_OK);
    assert_string_equal(s.against[1].name, "llama");
    assert_true(s.against[1].weights[0] == .75);
    asc_study_spec_clear(&s);
    assert_int_equal(asc_write_file(file, "{\"bb\": 0.25, \"a\": 0.75}", 23, &err), ASC_OK);
    assert_int_equal(asc_study_parse(&s, path, against, strlen(against), &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "no domain named 'bb'"));
    assert_int_equal(asc_remove_tree(dir, &err), ASC_OK);
}

/* Formatting and order of keys do not matter, what they say does. */
static void study__equal_meaning_has_an_equal_canonical_form(void **state)
{
    asc_study_spec a, b, c;
    good(&a, HEAD REST "training: {lr: 1e-3, seed: 42}\n");
    good(&b, "target:\n  tokens: 16000\n" HEAD "training: {seed: 42, lr: 0.001}\nscales: [1000, 4000.0]\n"
             "model: {context: 16, layers: 2, heads: 2, width: 8}\n");
    good(&c, HEAD REST "training: {lr: 2e-3}\n");
    json_t *ja = asc_study_canonical(&a), *jb = asc_study_canonical(&b), *jc = asc_study_canonical(&c);
    assert_true(json_equal(ja, jb));
    assert_false(json_equal(ja, jc));
    json_decref(ja);
    json_decref(jb);
    json_decref(jc);
    asc_study_spec_clear(&a);
    asc_study_spec_clear(&b);
    asc_study_spec_clear(&c);
}

/* Scales of equal tokens are told apart by their models; where tokens tell them apart the form is what it was. */
static void study__scales_of_equal_tokens_are_of_its_canonical_form(void **state)
{
#define SCALES(a, b)                                                                                                   \
    HEAD "model: {layers: 2, heads: 2, width: 8, context: 16}\nscales: [" a ", " b "]\ntarget: {tokens: 16e3}\n"
    static const char *const texts[] = {SCALES("1e3", "{tokens: 1e3, model: {width: 16}}"),
                                        SCALES("{tokens: 1e3, model: {width: 4}}", "{tokens: 1e3, model: {width: 16}}"),
                                        SCALES("1e3", "{tokens: 2e3, model: {width: 16}}")};
    static const char *const models[] = {"{\"1000\":[null,\"{\\\"width\\\":16}\"]}",
                                         "{\"1000\":[\"{\\\"width\\\":4}\",\"{\\\"width\\\":16}\"]}",
                                         "{\"2000\":\"{\\\"width\\\":16}\"}"};
    for (size_t i = 0; i < 3; i++) {
        asc_study_spec s;
        good(&s, texts[i]);
        json_t *o = asc_study_canonical(&s);
        char *text = NULL;
        assert_int_equal(asc_json_print(&text, json_object_get(o, "scales.model"), 0, NULL), ASC_OK);
        assert_string_equal(text, models[i]);
        asc_free(text);
        json_decref(o);
        asc_study_spec_clear(&s);
    }
}

static void study__survives_every_failed_allocation(void **state)
{
    char *text;
    size_t n;
    asc_error err;
    asc_study_spec s;
    assert_int_equal(asc_read_file(ASC_SOURCE_DIR "/tests/fuzz/corpus/fuzz_study/all.yaml", 1 << 20, &text, &n, &err),
                     ASC_OK);
    for (uint64_t nth = 1;; nth++) {
        asc_fault_arm(ASC_FAULT_ALLOC, nth);
        asc_status st = asc_study_parse(&s, "s.yaml", text, n, &err);
        bool hit = asc_fault_count(ASC_FAULT_ALLOC) >= nth;
        asc_fault_arm(ASC_FAULT_ALLOC, 0);
        assert_int_equal(st, hit ? ASC_ENOMEM : ASC_OK);
        if (!hit)
            break;
    }
    asc_study_spec_clear(&s);
    asc_free(text);
}

/* Words and numbers as YAML 1.1 and people write them. */
static void study__reads_yaml_as_people_write_it(void **state)
{
    asc_study_spec s;
    good(&s,
         "domains:\n  - &a {name: a, train: x, field: body, max_epochs: .Inf}\n  - {<<: *a, name: b}\n"
         "  - {name: c, <<: [*a, {max_epochs: 2, valid: v}], train: z}\n  - {name: d, train: x, max_epochs: NULL}\n"
         "model: {layers: 2, heads: 2, width: 8, context: 16, recompute: True, mup: OFF}\nscales: [1_000, 4k, 1.5M]\n"
         "target: {tokens: 16_000_000, validate: NO}\nmixture: {max: {a: 50%}}\nrun: {time_limit: 1-00:00:00}\n");
    assert_true(s.n_domains == 4 && isnan(s.domains[0].max_epochs) && isnan(s.domains[1].max_epochs));
    assert_string_equal(s.domains[1].name, "b");
    assert_string_equal(s.domains[1].train[0], "x");
    assert_string_equal(s.domains[1].field, "body");
    assert_string_equal(s.domains[2].train[0], "z");
    assert_string_equal(s.domains[2].valid[0], "v");
    assert_true(isnan(s.domains[2].max_epochs) && isnan(s.domains[3].max_epochs)); /* the first map merged wins */
    assert_true(s.model.recompute && !s.model.mup && !s.validate);
    assert_true(s.scales[0] == 1000 && s.scales[1] == 4000 && s.scales[2] == 1.5e6 && s.target_tokens == 16e6);
    assert_true(s.max[0] == .5 && s.max[1] == 1 && s.time_limit_s == 86400);
    asc_study_spec_clear(&s);
    bad(HEAD REST "training: {lr: 1e-320}\n", "lr: expected a number from 1e-12 to 1e+06, found '1e-320'");
    bad(HEAD REST "training: {lr: 1e300}\n", "lr: expected a number from 1e-12 to 1e+06, found '1e300'");
    bad(HEAD REST "design: {factor: 1.0000000001}\n", "factor: expected a number from 1.01 to 1000");
    bad(HEAD REST "run: {threads: 300}\n", "threads: expected a whole number from 1 to 256");
    bad(HEAD REST "training: {lr: .inf}\n", "lr: expected a number");
    bad(HEAD REST "training: {lr: .nan}\n", "lr: expected a number");
    bad(HEAD REST "validation: {tokens: 1__0}\n", "tokens: expected a whole number");
    bad(HEAD REST "validation: {tokens: _10}\n", "tokens: expected a whole number");
    bad(HEAD REST "validation: {tokens: 10%}\n", "tokens: expected a whole number");
    bad(HEAD REST "validation: {<<: 3}\n", "dir/s.yaml:7:18: <<: expected a map");
    bad(HEAD REST "validation: &v {<<: *v, tokens: 3}\n", "<<: a map cannot be merged into itself");
    bad(HEAD REST "run: {time_limit: 1-30}\n", "time_limit: expected seconds");
}

/* Percents, also as shares; the first is the prefix, by its own name the same study. */
/* Absent from what a study is compared by where runs are never paused, as in studies of before they could be. */
static void study__pause_of_a_swarm(void **state)
{
#define SWARM(x) HEAD "model: {}\ntarget: {tokens: 1e6}\nsearch: {method: swarm" x "}\n"
    static const struct {
        const char *text;
        double pause; /* in the canonical form; 0: none */
    } cases[] = {{SWARM(""), .5}, {SWARM(", pause: .25"), .25}, {SWARM(", pause: 0"), 0}, {HEAD REST, 0}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        asc_study_spec s;
        good(&s, cases[k].text);
        json_t *o = asc_study_canonical(&s);
        assert_true(json_number_value(json_object_get(o, "search.pause")) == cases[k].pause);
        assert_true((json_object_get(o, "search.pause") != NULL) == (cases[k].pause > 0));
        assert_true(asc_study_goes_on(&s));
        json_decref(o);
        asc_study_spec_clear(&s);
    }
    bad(SWARM(", pause: .99"), "pause: expected a number");
    bad(HEAD REST "search: {pause: .5}\n", "search.pause: goes with method: swarm");
    bad(SWARM(", pause: .5") "trainer: {command: \"go {mixture} {tokens} {out}\"}\n",
        "search.pause: needs the built-in");
    asc_study_spec s;
    good(&s, SWARM("") "trainer: {command: \"go {mixture} {tokens} {out}\"}\n");
    assert_false(asc_study_goes_on(&s));
    asc_study_spec_clear(&s);
}

static void study__points_of_a_search_by_branches(void **state)
{
#define BRANCH(x) HEAD "model: {}\ntarget: {tokens: 1e6}\nsearch: {method: branch, " x "}\n"
    asc_study_spec s, one;
    asc_error err;
    good(&s, BRANCH("at: [20%, .6, 80]"));
    assert_true(s.search.n_at == 3 && s.search.prefix == .2 && s.search.at[1] == 60 && s.search.at[2] == 80);
    json_t *a = asc_study_canonical(&s);
    assert_int_equal(json_array_size(json_object_get(a, "search.at")), 2);
    json_decref(a);
    good(&one, BRANCH("prefix: .2"));
    assert_int_equal(asc_study_search_at(&s, "20", &err), ASC_OK);
    json_t *b = asc_study_canonical(&one);
    a = asc_study_canonical(&s);
    assert_true(json_equal(a, b));
    json_decref(a);
    json_decref(b);
    assert_int_equal(asc_study_search_at(&one, "10,20,90", &err), ASC_OK);
    assert_true(one.search.n_at == 3 && one.search.prefix == .1 && one.search.at[2] == 90);
    assert_int_equal(asc_study_search_at(&one, "10,x", &err), ASC_EINVAL);
    assert_int_equal(asc_study_search_at(&one, "", &err), ASC_EINVAL);
    assert_int_equal(asc_study_search_at(&one, "1,2,3,4,5,6,7,8,9", &err), ASC_EINVAL);
    asc_study_spec_clear(&s);
    asc_study_spec_clear(&one);
    good(&s, HEAD REST);
    assert_int_equal(asc_study_search_at(&s, "20,60", &err), ASC_EINVAL);
    asc_study_spec_clear(&s);
    bad(BRANCH("at: [60, 20]"), "dir/s.yaml:6:30: search.at: expected rising points, found 20 % after 60 %");
    bad(BRANCH("at: [20, 60], prefix: .2"), "search.at: its first point is what search.prefix says");
    bad(BRANCH("at: []"), "expected 1 to 8 points");
    bad(BRANCH("at: {a: 1}"), "search.at: expected a number");
    bad(BRANCH("at: [20, 99]"), "search.at: expected a number");
    bad(BRANCH("at: [0, 20]"), "above 0 and up to 95; found 0");
    bad(HEAD REST "search: {at: [20, 60]}\n", "search.at: goes with method: branch");
}

/* Depth is refused at once: libyaml alone takes 39 s for this one. */
static void study__deep_nests_are_one_line(void **state)
{
    enum { DEEP = 200000 };
    char *text = malloc(DEEP + 400);
    int n = sprintf(text, HEAD REST "objective: ");
    memset(text + n, '[', DEEP);
    text[n + DEEP] = 0;
    bad(text, "dir/s.yaml:7:75: lists and maps nested more than 64 deep");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(study__reads_yaml_as_people_write_it),
        cmocka_unit_test(study__deep_nests_are_one_line),
        cmocka_unit_test(study__has_the_defaults_of_formats_md),
        cmocka_unit_test(study__is_good_at_its_heldout_targets),
        cmocka_unit_test(study__reads_every_key),
        cmocka_unit_test(study__names_the_place_of_a_mistake),
        cmocka_unit_test(study__missing_keys_are_named),
        cmocka_unit_test(study__ranges_are_checked),
        cmocka_unit_test(study__files_of_weights_are_read_with_it),
        cmocka_unit_test(study__names_cannot_leave_its_folder),
        cmocka_unit_test(study__cases_of_people_are_read),
        cmocka_unit_test(study__equal_meaning_has_an_equal_canonical_form),
        cmocka_unit_test(study__scales_of_equal_tokens_are_of_its_canonical_form),
        cmocka_unit_test(study__pause_of_a_swarm),
        cmocka_unit_test(study__points_of_a_search_by_branches),
        cmocka_unit_test(study__survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
