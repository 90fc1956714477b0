/* Tables as people have them: dialects, words for what is missing, other tools' layouts, --map, joins, doubts. */
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "table/table.h"

static const asc_table_opts no_opts = {0};

static void good(asc_table *t, const char *text, const asc_table_opts *o)
{
    asc_error err = {0};
    if (asc_table_parse_opts(t, NULL, "t.csv", text, strlen(text), o, &err) != ASC_OK)
        fail_msg("%s\n%s", err.msg, text);
}

static void bad(const char *text, const asc_table_opts *o, const char *expected)
{
    asc_table t = {0};
    asc_error err = {0};
    if (asc_table_parse_opts(&t, NULL, "t.csv", text, strlen(text), o, &err) != ASC_EINVAL ||
        !strstr(err.msg, expected))
        fail_msg("'%s' instead of '%s'", err.msg, expected);
    assert_null(t.run);
}

static bool has_note(const asc_table *t, const char *part)
{
    for (size_t i = 0; i < t->notes.n; i++)
        if (strstr(t->notes.text[i], part))
            return true;
    return false;
}

/* ---- dialects: every text below is this table ---- */

static const char *const same[] = {
    "run,tokens,weight_a,weight_b,loss_x\nr1,1000,.25,.75,3.5\nr2,2000,.5,.5,2.125\nr3,3000,1,0,\n",
    "run\ttokens\tweight_a\tweight_b\tloss_x\nr1\t1000\t.25\t.75\t3.5\nr2\t2000\t.5\t.5\t2.125\nr3\t3000\t1\t0\t\n",
    "run;tokens;weight_a;weight_b;loss_x\nr1;1000;0,25;0,75;3,5\nr2;2000;0,5;0,5;2,125\nr3;3000;1;0;NA\n",
    "run;tokens;weight_a;weight_b;loss_x\nr1;1.000;0.25;0.75;3.5\nr2;2000;0.5;0.5;2.125\nr3;3000;1;0;NA\n", /* not it */
    "run|tokens|weight_a|weight_b|loss_x\nr1|1k|25%|75%|3.5\nr2|2_000|50 %|50%|2.125\nr3|3e3|100%|0%|null\n",
    "sep=;\r\nrun;tokens;weight_a;weight_b;loss_x\r\nr1;1000;.25;.75;3.5\r\nr2;2000;.5;.5;2.125\r\nr3;3000;1;0;n/a\r\n",
    "\"sep=,\"\nrun,tokens,weight_a,weight_b,loss_x\nr1,1000,.25,.75,3.5\nr2,2000,.5,.5,2.125\nr3,3000,1,0,NaN\n",
    "run,tokens,weight_a,weight_b,loss_x\rr1,1000,.25,.75,3.5\rr2,2000,.5,.5,2.125\rr3,3000,1,0,None\r",
    ",run,tokens,weight_a,weight_b,loss_x\n0,r1,1000,.25,.75,3.5\n1,r2,2000,.5,.5,2.125\n2,r3,3000,1,0,nan\n",
    "run,tokens,weight_a,weight_b,loss_x,,\nr1,1000,.25,.75,3.5,,\nr2,2000,.5,.5,2.125,,\nr3,3000,1,0,<NA>,,\n,,,,,,\n",
    "run,tokens,weight_a,weight_b,loss_x\nr1,1000,.25,.75,3.5,\nr2,2000,.5,.5,2.125,\nr3,3000,1,0,#N/A,\n",
    "\"run\"\t\"tokens\"\t\"weight_a\"\t\"weight_b\"\t\"loss_x\"\n\"1\"\t\"r1\"\t1000\t0.25\t0.75\t3.5\n"
    "\"2\"\t\"r2\"\t2000\t0.5\t0.5\t2.125\n\"3\"\t\"r3\"\t3000\t1\t0\tNA\n", /* R's write.table */
    "# runs of July\n# second line; with, separators\nrun,tokens,weight_a,weight_b,loss_x\nr1,1 "
    "000,.25,.75,3.5\nr2,2'000,.5,.5,2.125\n"
    "r3,3\xe2\x80\xaf"
    "000,1,0,NA\n",
    "run tokens weight_a weight_b loss_x \nr1 1000 .25   .75 3.5\nr2  2000 .5 .5 2.125\n\"r3\" 3000 1 0 NA\n",
    "\"run\" \"tokens\" \"weight_a\" \"weight_b\" \"loss_x\"\n\"1\" \"r1\" 1000 0.25 0.75 3.5\n\"2\" \"r2\" 2000 0.5 "
    "0.5 2.125\n"
    "\"3\" \"r3\" 3000 1 0 NA\n",
    "RUN,TOKENS,WEIGHT_a,Weight_b,LOSS_x\nr1,\"1,000\",.25,.75,3.5\nr2,\"2,000\",.5,.5,2.125\nr3,\"3,000\",1,0,-\n",
    "run,tokens,weight_a,weight_b,loss_x\nr1,1000,25,75,3.5\nr2,2000,50.1,49.9,2.125\nr3,3000,100,0,\n", /* not it */
    "run,tokens,weight_a,weight_b,loss_x\nr1,1000,\"0,25\",\"0,75\",\"3,5\"\nr2,2000,\"0,5\",\"0,5\",\"2,125\"\nr3,"
    "3000,1,0,\n",
    "{\"run\": \"r1\", \"tokens\": 1000, \"weight_a\": 0.25, \"weight_b\": 0.75, \"loss_x\": 3.5}\n"
    "{\"run\": \"r2\", \"tokens\": 2e3, \"weight_b\": 0.5, \"weight_a\": 0.5, \"loss_x\": 2.125}\n\n"
    "{\"run\": \"r3\", \"tokens\": \"3k\", \"weight_a\": 1, \"weight_b\": 0, \"loss_x\": NaN}",
    "\xef\xbb\xbf\xef\xbb\xbfrun,tokens,weight_a\xc2\xa0,\xe2\x80\x8bweight_b,loss_x\xe3\x80\x80 \nr1,\xc2\xa0"
    "1000\xc2\xa0,.25,.75,3.5\nr2,2000,\xe2\x80\x89.5,.5,2.125\nr3,3000,1,0,\xc2\xa0\n", /* blanks nobody sees */
    "[{\"run\":\"r1\",\"tokens\":1000,\"weight_a\":0.25,\"weight_b\":0.75,\"loss_x\":3.5},\n"
    " {\"run\":\"r2\",\"tokens\":2000,\"weight_a\":0.5,\"weight_b\":0.5,\"loss_x\":2.125},\n"
    " {\"run\":\"r3\",\"tokens\":3000,\"weight_a\":1,\"weight_b\":0,\"loss_x\":null}]",
    "{\"columns\":[\"run\",\"tokens\",\"weight_a\",\"weight_b\",\"loss_x\"],\"index\":[0,1,2],"
    "\"data\":[[\"r1\",1000,0.25,0.75,3.5],[\"r2\",2000,0.5,0.5,2.125],[\"r3\",3000,1.0,0.0,null]]}",
    "{\"run\":{\"0\":\"r1\",\"1\":\"r2\",\"2\":\"r3\"},\"tokens\":{\"0\":1000,\"1\":2000,\"2\":3000},"
    "\"weight_a\":{\"0\":0.25,\"1\":0.5,\"2\":1},\"weight_b\":{\"0\":0.75,\"1\":0.5,\"2\":0},"
    "\"loss_x\":{\"0\":3.5,\"1\":2.125,\"2\":null}}",
    "{\"run\":\"r1\",\"tokens\":1000,\"weights\":{\"a\":0.25,\"b\":0.75},\"eval\":{\"x\":{\"loss\":3.5}}}\n"
    "{\"run\":\"r2\",\"tokens\":2000,\"weights\":{\"a\":0.5,\"b\":0.5},\"eval\":{\"x\":{\"loss\":2.125}}}\n"
    "{\"run\":\"r3\",\"tokens\":3000,\"weights\":{\"a\":1,\"b\":0}}\n",
};

static void readers__one_table_in_many_dialects(void **state)
{
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        asc_table t;
        double first = 250, total = 1000;
        if (i == 3) { /* a point before three digits is thousands only beside decimal commas */
            first = .25;
            total = 1;
        }
        good(&t, same[i], &no_opts);
        assert_int_equal(t.runs.n_runs, 3);
        assert_int_equal(t.runs.n_groups, 3);
        assert_int_equal(t.runs.n_domains, 2);
        assert_int_equal(t.n_unknown, 0);
        assert_string_equal(t.runs.domains[0], "a");
        assert_string_equal(t.runs.targets[0], "x");
        assert_string_equal(t.run[1], "r2");
        if (t.runs.tokens[0] != first || t.runs.total[0] != total || t.runs.loss[0] != 3.5 || t.runs.loss[1] != 2.125 ||
            !isnan(t.runs.loss[2]) || t.runs.total[2] != 3000)
            fail_msg("%s: %g of %g, %g", same[i], t.runs.tokens[0], t.runs.total[0], t.runs.loss[0]);
        asc_table_clear(&t);
    }
}

/* As Python writes them: each of a file's, and none in a text. */
static void readers__every_nan_of_json_is_one(void **state)
{
    asc_table t;
    good(&t,
         "{\"why\":\"a NaN\",\"lr\":NaN,\"tokens\":1000,\"weight_a\":0.25,\"weight_b\":0.75,\"loss_x\":3.5,\"z\":NaN}\n"
         "{\"why\":\"\\\"NaN\",\"lr\":-Infinity,\"tokens\":2000,\"weight_a\":0.5,\"weight_b\":0.5,\"loss_x\":NaN}\n"
         "{\"why\":\"Infinity\",\"lr\":NaN,\"tokens\":3000,\"weight_a\":1,\"weight_b\":0,\"loss_x\":NaN}\n",
         &no_opts);
    assert_int_equal(t.runs.n_runs, 3);
    assert_true(t.runs.loss[0] == 3.5 && isnan(t.runs.loss[1]) && isnan(t.runs.loss[2]));
    asc_buf b = {0};
    assert_int_equal(asc_table_print(&b, &t, NULL), ASC_OK);
    assert_non_null(strstr(b.data, "a NaN"));
    assert_non_null(strstr(b.data, "Infinity"));
    asc_buf_clear(&b);
    asc_table_clear(&t);
}

static void readers__utf16_of_spreadsheets(void **state)
{
    const char *text = "tokens_\xc3\xa9\ttokens_b\tloss_\xf0\x9f\x98\x80\n10\t30\t2.5\n20\t20\t2\n";
    for (int big = 0; big < 2; big++) {
        unsigned char buf[400];
        size_t n = 0;
        buf[n++] = big ? 0xfe : 0xff;
        buf[n++] = big ? 0xff : 0xfe;
        for (const char *p = text; *p;) {
            uint32_t u = (unsigned char)*p++;
            if (u == 0xc3)
                u = 0xc0 | ((unsigned char)*p++ & 63);
            if (u == 0xf0) {
                p += 3;
                unsigned pair[] = {0xd83d, 0xde00};
                for (int k = 0; k < 2; k++) {
                    buf[n++] = (unsigned char)(big ? pair[k] >> 8 : pair[k] & 255);
                    buf[n++] = (unsigned char)(big ? pair[k] & 255 : pair[k] >> 8);
                }
                continue;
            }
            buf[n++] = (unsigned char)(big ? u >> 8 : u);
            buf[n++] = (unsigned char)(big ? u : u >> 8);
        }
        asc_table t;
        assert_int_equal(asc_table_parse(&t, "t", (char *)buf, n, NULL), ASC_OK);
        assert_string_equal(t.runs.domains[0], "\xc3\xa9");
        assert_string_equal(t.runs.targets[0], "\xf0\x9f\x98\x80");
        assert_true(t.runs.tokens[1] == 30 && t.runs.loss[0] == 2.5);
        asc_table_clear(&t);
    }
}

static void readers__a_bad_cell_is_named_in_every_dialect(void **state)
{
    bad("tokens;weight_a;loss_x\n10;1;0,5\n10;1;x\n", &no_opts, "t.csv:3: column 'loss_x': expected a loss >= 0");
    bad("tokens;weight_a;weight_b;loss_x\n10;0,5;0,5;0,5\n10;0,5;0,5;2.25\n", &no_opts,
        "t.csv:3: column 'loss_x': expected a loss >= 0 in nats, or blank, found '2.25' (this file writes decimals "
        "with "
        "a comma)");
    bad("tokens,weight_a,loss_x\n10,1,2.5\n10,1,2.5\n10,1,\"2,5\"\n", &no_opts,
        "t.csv:4: column 'loss_x': expected a loss >= 0 in nats, or blank, found '2,5' (this file writes decimals with "
        "a "
        "point)");
    bad("tokens,weight_a,loss_x\n10,1,inf\n", &no_opts, "leave the cell blank where a run diverged");
    bad("{\"tokens\":10,\"weight_a\":1,\"loss_x\":2}\n{\"tokens\":10,\"weight_a\":1,\"loss_x\":-Infinity}\n", &no_opts,
        "t.csv:2: column 'loss_x': expected a loss >= 0 in nats, or blank, found '-inf'");
    bad("{\"tokens\":10,\"weight_a\":1,\n\"loss_x\":}", &no_opts, "t.csv:2:");
    bad("[1, 2]", &no_opts, "t.csv:1: expected an object with the fields of one run");
    bad("{\"laws\": [], \"law\": \"ddo\"}", &no_opts, "expected a table of runs, found a law");
    bad("PAR1....", &no_opts, "a Parquet file");
    bad("PK\003\004....", &no_opts, "a spreadsheet");
    bad("tokens,,weight_a,loss_x\n10,x,1,1\n", &no_opts, "t.csv:1: column 2 has no name");
    bad("tokens,weight_a,loss_x\n10,1,2\n10,NA,2\n", &no_opts,
        "t.csv:3: column 'weight_a': expected a share >= 0, found 'NA'");
    bad("tokens,weight_a,loss_x\n10,1,2,3\n10,1,2,3\n", &no_opts,
        "t.csv:2: expected 3 cells as in the header, found 4");
    bad("Step,a - loss,a - loss__MIN\n1,2,3\n", &no_opts, "chart export");
}

/* ---- forms of targets ---- */

static void readers__accuracies_turn_into_losses_and_back(void **state)
{
    asc_table t, u;
    good(&t, "tokens,weight_a,acc_arc,bpb_code\n10,1,0.25,0.9\n10,1,.5,1.1\n10,1,NA,1\n10,1,0,1\n", &no_opts);
    assert_string_equal(t.runs.targets[0], "acc_arc");
    assert_string_equal(t.runs.targets[1], "code");
    assert_true(asc_target_is_accuracy("acc_arc") && !asc_target_is_accuracy("code"));
    assert_true(t.form[0] == ASC_FORM_ACC && t.form[1] == ASC_FORM_BPB);
    assert_float_equal(t.runs.loss[0], 7 + log(3), 1e-12);
    assert_float_equal(t.runs.loss[2], 7, 1e-12);
    assert_true(isnan(t.runs.loss[4]) && t.runs.loss[1] == .9);
    assert_true(t.runs.loss[2] < t.runs.loss[0]); /* higher is better */
    assert_float_equal(asc_accuracy_of_loss(t.runs.loss[0]), .25, 1e-12);
    assert_true(has_note(&t, "several kinds") && has_note(&t, "1 accuracies below .001"));
    asc_buf b = {0};
    assert_int_equal(asc_table_print(&b, &t, NULL), ASC_OK);
    assert_non_null(strstr(b.data, "acc_arc,bpb_code\n10,1,0.25,0.9\n10,1,0.5,1.1\n"));
    good(&u, b.data, &no_opts);
    assert_true(u.form[0] == ASC_FORM_ACC && u.form[1] == ASC_FORM_BPB);
    asc_buf_clear(&b);
    asc_table_clear(&t);
    asc_table_clear(&u);
    good(&t, "tokens,weight_a,acc_arc\n10,1,25.5\n10,1,61\n", &no_opts); /* percent */
    assert_float_equal(asc_accuracy_of_loss(t.runs.loss[1]), .61, 1e-12);
    asc_table_clear(&t);
    bad("tokens,weight_a,acc_arc\n10,1,125.5\n10,1,61\n", &no_opts, "expected an accuracy in [0, 1] (or percent)");
    bad("tokens,weight_a,bpb_x,loss_x\n10,1,1,1\n", &no_opts, "target 'x' has a bpb_ and a loss_ column");
    bad("tokens,weight_a,loss_acc_x\n10,1,1\n", &no_opts, "reserved for accuracies");
}

static void readers__percent_and_text_of_shares(void **state)
{
    asc_table t;
    good(&t, "tokens,weight_a,weight_b,loss_x\n5B,38.2,61.8,2\n1.2T,49.9,50,3\n", &no_opts);
    assert_true(t.runs.total[0] == 5e9 && t.runs.total[1] == 1.2e12);
    assert_float_equal(t.runs.tokens[0] / 5e9, .382, 1e-12);
    assert_true(has_note(&t, "percent") && has_note(&t, "1 of 2 rows do not sum to 1"));
    asc_table_clear(&t);
    bad("tokens,weight_a,weight_b,loss_x\n10,38.2,61.8,2\n10,.5,.5,3\n", &no_opts,
        "t.csv:2: columns weight_*: expected shares that sum to 1 within .01, found 100");
}

/* ---- other tools' layouts ---- */

static void readers__columns_of_other_tools_are_known(void **state)
{
    asc_table t;
    good(&t,
         "\"Name\",\"State\",\"Created\",\"_step\",\"cfg/n_params\",\"train/tokens\",\"train/loss\",\"data/mix/web\","
         "\"data/mix/code\",\"eval/c4/loss\",\"eval/c4/ppl\",\"eval/arc/acc\",\"eval/arc/acc_stderr\"\n"
         "a,finished,2026,5,7B,5B,2.2,80,20,2.5,12.18,0.3,0.01\nb,crashed,2026,5,7B,4B,2.1,30,70,2.75,15.6,0.4,0.01\n",
         &no_opts);
    assert_true(has_note(&t, "Weights & Biases") && has_note(&t, "'crashed'"));
    assert_int_equal(t.runs.n_targets, 2);
    assert_string_equal(t.runs.targets[0], "c4");
    assert_true(t.form[0] == ASC_FORM_LOSS && t.runs.loss[0] == 2.5);
    assert_string_equal(t.runs.targets[1], "acc_arc");
    assert_string_equal(t.runs.domains[1], "code");
    assert_string_equal(t.run[1], "b");
    assert_true(t.runs.params[0] == 7e9 && t.runs.total[1] == 4e9);
    assert_float_equal(t.runs.tokens[0], 4e9, 1);
    asc_table_clear(&t);
    /* RegMix: train_ and valid_ */
    const char *map = "tokens=1B";
    asc_table_opts o = {.map = &map, .n_map = 1};
    good(&t,
         "index,train_the_pile_web,train_the_pile_pubmed,valid_the_pile_web,valid_the_pile_pubmed/val_loss\n"
         "0,.25,.75,3,2.5\n1,.5,.5,2.9,2.6\n",
         &o);
    assert_true(has_note(&t, "RegMix") && t.runs.total[0] == 1e9);
    assert_string_equal(t.runs.domains[1], "pubmed");
    assert_string_equal(t.runs.targets[0], "web");
    assert_string_equal(t.runs.targets[1], "pubmed");
    asc_table_clear(&t);
    /* OLMo's names of losses, shares by a suffix, tokens by another word */
    good(&t,
         "run_id,n_tokens,en_ratio,de_ratio,eval/lm/c4_en-validation/CE loss,eval/lm/pile/CE loss\n"
         "x,1e9,.3,.7,3.1,2.5\ny,2e9,.6,.4,3.0,2.4\n",
         &no_opts);
    assert_string_equal(t.runs.domains[0], "en");
    assert_string_equal(t.runs.targets[0], "c4_en");
    assert_string_equal(t.runs.targets[1], "pile");
    assert_true(t.runs.total[1] == 2e9);
    asc_table_clear(&t);
    /* settings with the prefixes of domains and targets, alone with them */
    good(&t,
         "Name,State,Created,weight_decay,tokens_per_second,loss_scale,mixture.web,mixture.code,train/tokens_seen,eval/"
         "web/loss\n"
         "a,finished,2026,.1,51000,65536,.3,.7,5e9,2.5\nb,finished,2026,.1,52000,65536,.6,.4,5e9,2.25\n",
         &no_opts);
    assert_true(t.runs.n_domains == 2 && t.runs.n_targets == 1 && t.runs.total[0] == 5e9);
    assert_string_equal(t.runs.domains[0], "web");
    asc_table_clear(&t);
    /* domains with a slash in their names */
    good(&t, "tokens,w/dclm/science,w/dclm/art,w/arxiv,v/dclm/science/bpb\n10,.5,.25,.25,2\n10,.25,.25,.5,3\n",
         &no_opts);
    assert_int_equal(t.runs.n_domains, 3);
    assert_string_equal(t.runs.domains[0], "dclm/science");
    assert_string_equal(t.runs.targets[0], "v/dclm/science");
    asc_table_clear(&t);
    good(&t, "name,web_tokens,code_tokens,val/web\na,6e8,4e8,2.5\nb,3e8,7e8,2.6\n", &no_opts);
    assert_true(!t.weights_form && t.runs.n_domains == 2 && t.runs.tokens[3] == 7e8);
    assert_string_equal(t.runs.domains[1], "code");
    asc_table_clear(&t);
    good(&t, "run,tokens,weight_a,weight_b,loss_x\na,5,.5,.5,2\na,5,.7,.3,3\nb,5,.2,.8,3\n", &no_opts);
    assert_true(has_note(&t, "rows of run 'a' have different mixtures") && has_note(&t, "--map 'ignore=run'"));
    asc_table_clear(&t);
    /* tokens by domain, one loss for all */
    good(&t, "tokens/a,tokens/b,val_loss\n10,30,2\n20,20,2.5\n", &no_opts);
    assert_false(t.weights_form);
    assert_string_equal(t.runs.targets[0], "validation");
    asc_table_clear(&t);
    /* two groups that sum to 1 */
    bad("tokens,x/a,x/b,y/a,y/b,loss_v\n10,.5,.5,.4,.6,2\n10,.3,.7,.2,.8,3\n", &no_opts, "both sum to 1 in every row");
    /* no tokens */
    bad("mix/a,mix/b,loss_v\n.5,.5,2\n.3,.7,3\n", &no_opts,
        "--map tokens=COLUMN, tokens=COLUMN*NUMBER or tokens=NUMBER");
}

static void readers__map_says_what_columns_are(void **state)
{
    asc_table t;
    const char *text =
        "Name,_step,bs,train/mix/web,train/mix/code,train/mix/x/y,eval/c4/loss,eval/code/loss,final/acc\n"
        "a,1000,4,.5,.25,.25,2.5,2,.5\nb,2000,4,.25,.5,.25,2.25,2.125,.25\n";
    const char *maps[] = {"run=Name",          "weight=train/mix/*", "loss=eval/*/loss", "tokens=_step*bs*2048",
                          "acc_arc=final/acc", "params=7B"};
    asc_table_opts o = {.map = maps, .n_map = 6};
    good(&t, text, &o);
    assert_int_equal(t.runs.n_domains, 3);
    assert_string_equal(t.runs.domains[2], "x/y");
    assert_int_equal(t.runs.n_targets, 3);
    assert_string_equal(t.runs.targets[2], "acc_arc");
    assert_true(t.runs.total[1] == 2000. * 4 * 2048 && t.runs.params[0] == 7e9);
    asc_table_clear(&t);
    const struct {
        const char *map, *message;
    } cases[] = {{"weight", "expected ROLE=COLUMN"},
                 {"wieght=train/*", "did you mean 'weight'?"},
                 {"loss=evla/*", "no column like 'evla/*'"},
                 {"run=Nmae", "no column named 'Nmae'; did you mean 'Name'?"},
                 {"tokens=_stp*2048", "no column like '_stp*2048'"},
                 {"loss_c4=eval/*", "2 columns; expected one"},
                 {"run=Name*2", "expected the column that identifies runs"},
                 {"=x", "expected ROLE=COLUMN"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        o = (asc_table_opts){.map = &cases[i].map, .n_map = 1};
        bad(text, &o, cases[i].message);
    }
    const char *ignore[] = {"ignore=tokens_*"};
    o = (asc_table_opts){.map = ignore, .n_map = 1};
    good(&t, "tokens,weight_a,weight_b,tokens_gpu,tokens_node,loss_x\n10,.5,.5,3,4,2\n10,1,0,3,4,3\n", &o);
    assert_int_equal(t.n_unknown, 2);
    asc_buf b = {0};
    assert_int_equal(asc_table_print(&b, &t, NULL), ASC_OK);
    assert_non_null(strstr(b.data, "loss_x,ignored_tokens_gpu,ignored_tokens_node\n"));
    asc_table u;
    good(&u, b.data, &no_opts); /* what was left out stays out */
    asc_buf_clear(&b);
    asc_table_clear(&t);
    asc_table_clear(&u);
}

/* ---- doubts ---- */

/* Rows of a table with three shares (or tokens) and three losses, and one column more. */
static char *with_column(const char *name, const char *const cells[6], bool tokens_form)
{
    static const double w[6][3] = {{.5, .3, .2}, {.2, .5, .3}, {.1, .1, .8},
                                   {.6, .2, .2}, {.3, .4, .3}, {.25, .5, .25}};
    asc_buf b = {0};
    const char *p = tokens_form ? "tokens" : "weight";
    asc_buf_printf(&b, "%s%s_a,%s_b,%s_c,loss_a,loss_b,%s\n", tokens_form ? "" : "tokens,", p, p, p, name);
    for (int r = 0; r < 6; r++) {
        double scale = tokens_form ? 1e6 : 1;
        asc_buf_printf(&b, "%s%g,%g,%g,%g,%g,%s\n", tokens_form ? "" : "1000000,", w[r][0] * scale, w[r][1] * scale,
                       w[r][2] * scale, 3 - w[r][0], 2.5 - w[r][1] / 2, cells[r]);
    }
    return b.data;
}

static void readers__columns_that_cannot_be_what_their_prefix_says(void **state)
{
    static const struct {
        const char *name, *cells[6], *message;
        bool tokens_form;
    } cases[] = {
        {"loss_scale", {"65536", "32768", "65536", "65536", "32768", "65536"}, "not losses of a language model", false},
        {"loss_scale", {"1", "1", "1", "1", "1", "1"}, "its name is that of a setting", false},
        {"loss_k", {"2", "2", "2", "2", "2", "2"}, "the same value, 2, in all of its 6 rows", false},
        {"loss_k", {"1", "2", "4", "4", "2", "1"}, "integers", false},
        {"loss_k", {"2.5", "2.25", "57.3", "2.5", "2.25", "2.1"}, "a loss of 57.3 nats per token", false},
        {"ppl_k", {"2.5e9", "2e9", "3e9", "2.5e9", "2.25e9", "1e9"}, "not losses of a language model", false},
        {"loss_spread", {".002", ".003", ".002", ".001", ".002", ".004"}, "not losses of a language model", false},
        {"loss_total", {"4.85", "5.05", "5.35", "4.8", "5", "5"}, "the sum of the other losses", false},
        {"loss_c", {"2e-6", "2.5e-6", "2e-6", "3e-6", "2e-6", "1e-6"}, "not losses of a language model", false},
        {"acc_steps", {"4", "4", "4", "4", "4", "4"}, "the same value in all of its 6 rows", false},
        {"weight_decay", {".1", ".1", ".1", ".1", ".1", ".1"}, "shares sum to 1 in every row without it", false},
        {"weight_decay", {".01", ".01", ".01", ".01", ".01", ".01"}, "shares sum to 1 in every row without it", false},
        {"weight_decay", {"0", "0", "0", "0", "0", "0"}, "a domain that no run sampled", false},
        {"weight_lr", {".1", ".3", ".1", ".2", ".1", ".5"}, "shares sum to 1 in every row without it", false},
        {"weight_d", {"0", "0", "0", "0", "0", "0"}, "a domain that no run sampled", false},
        {"tokens_seen", {"1e6", "1e6", "1e6", "1e6", "1e6", "1e6"}, "the sum of the other tokens_ columns", true},
        {"tokens_read", {"1e6", "999000", "1e6", "1e6", "1e6", "1e6"}, "the sum of the other tokens_ columns", true},
        {"tokens_per_second", {"51000", "52000", "51200", "5e4", "5e4", "5e4"}, "its name is that of a count", true},
        {"tokens_gpu0", {"512", "512", "512", "256", "512", "512"}, "a rate or a count", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = with_column(cases[i].name, cases[i].cells, cases[i].tokens_form), map[128], excluded[128];
        const char *maps[] = {map};
        asc_table_opts o = {.map = maps, .n_map = 1};
        asc_table t;
        bad(text, &no_opts, cases[i].message);
        snprintf(excluded, sizeof excluded, "--map 'ignore=%s' excludes it", cases[i].name);
        bad(text, &no_opts, excluded);
        snprintf(map, sizeof map, "ignore=%s", cases[i].name);
        good(&t, text, &o);
        assert_int_equal(t.runs.n_domains + t.runs.n_targets, 5);
        asc_table_clear(&t);
        snprintf(map, sizeof map, "%s=%s", cases[i].name, cases[i].name); /* meant so */
        asc_error err = {0};
        asc_status st = asc_table_parse_opts(&t, NULL, "t.csv", text, strlen(text), &o, &err);
        if (st == ASC_OK) {
            assert_int_equal(t.runs.n_domains + t.runs.n_targets, 6);
            asc_table_clear(&t);
        } else
            assert_non_null(strstr(err.msg, "sum to 1 within .01")); /* shares that do not sum stay wrong */
        asc_buf_clear(&(asc_buf){.data = text});
    }
}

static void readers__plausible_columns_stay(void **state)
{
    static const struct {
        const char *name, *cells[6];
        bool tokens_form;
    } cases[] = {
        {"loss_val", {"2.5", "2.25", "8.7", "2.5", "2.25", "2.1"}, false},
        {"loss_c", {"2", "3", "2", "3", "2", "3"}, false}, /* whole, but a domain's */
        {"loss_seen", {"2.5", "2.4", "2", "3", "2", "3"}, false},
        {"ppl_code", {"12", "13", "12", "11", "20", "30"}, false},
        {"tokens_d", {"1e6", "5e5", "1e6", "1e6", "1e6", "1e6"}, true},
        {"tokens_d", {"1e5", "1e5", "1e5", "1e5", "1e5", "1e5"}, true},
        {"tokens_d", {"0", "0", "0", "0", "0", "5000"}, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = with_column(cases[i].name, cases[i].cells, cases[i].tokens_form);
        asc_table t;
        good(&t, text, &no_opts);
        assert_int_equal(t.runs.n_domains + t.runs.n_targets, 6);
        asc_table_clear(&t);
        asc_buf_clear(&(asc_buf){.data = text});
    }
}

static void readers__the_layout_is_told_where_reading_fails(void **state)
{
    const char *text = "tokens,weight_a,weight_b,loss_x,loss_scale\n10,.5,.5,2,65536\n10,1,0,3,65536\n10,0,1,3,65536\n";
    asc_table t = {0};
    asc_table_layout l = {0};
    asc_error err;
    assert_int_equal(asc_table_parse_opts(&t, &l, "t.csv", text, strlen(text), &no_opts, &err), ASC_EINVAL);
    assert_int_equal(l.n_columns, 5);
    assert_string_equal(l.columns[1].role, "weight");
    assert_string_equal(l.columns[4].role, "loss");
    assert_non_null(l.columns[4].problem);
    assert_null(l.columns[3].problem);
    assert_true(l.columns[4].lo == 65536 && l.n_runs == 0 && l.n_rows == 3);
    asc_table_layout_clear(&l);
}

/* ---- joins ---- */

static char *temporary(const char *text)
{
    char *path = strdup("/tmp/asc_join_XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    return path;
}

static asc_status join(asc_table *t, const char *a, const char *b, const char *key, asc_error *err)
{
    char *one = temporary(a), *two = temporary(b);
    const char *paths[] = {one, two};
    asc_table_opts o = {.key = key};
    asc_status st = asc_table_read_files(t, NULL, paths, 2, &o, err);
    unlink(one);
    unlink(two);
    free(one);
    free(two);
    return st;
}

static void readers__two_files_are_joined_by_run(void **state)
{
    asc_table t;
    asc_error err = {0};
    const char *mix = "run,note,tokens,web,code\nr2,x,20,.5,.5\nr1,y,10,.25,.75\nr0,z,10,.75,.25\n";
    /* rows in another order, checkpoints, a run that was not evaluated */
    if (join(&t, mix, "run,step,eval/web/bpb\nr1,1,3\nr1,2,2.5\nr2,1,2\n", NULL, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(t.runs.n_runs, 4);
    assert_int_equal(t.runs.n_groups, 3);
    assert_string_equal(t.run[0], "r1");
    assert_true(t.runs.loss[1] == 2.5 && t.runs.tokens[2] == 2.5 && t.runs.loss[2] == 2);
    assert_true(isnan(t.runs.loss[3]) && has_note(&t, "no row for 1 of 4 values of 'run'"));
    assert_string_equal(t.run[3], "r0");
    asc_table_clear(&t);
    assert_int_equal(join(&t, mix, "run,eval/web/bpb\nr1,3\nr2,2\nr9,2\n", NULL, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, ":4: no matching row in"));
    assert_int_equal(join(&t, mix, "id,eval/web/bpb\na,3\nb,2\n", NULL, &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "no common column whose values identify the rows of both; name one with --key"));
    assert_int_equal(join(&t, mix, "run,eval/web/bpb\nr1,3\n", "rnu", &err), ASC_EINVAL);
    assert_non_null(strstr(err.msg, "no column 'rnu' to join on; did you mean 'run'?"));
    assert_int_equal(join(&t, "k,tokens,mix/a,mix/b\n1,5,.5,.5\n1,5,1,0\n", "k,c4/loss\n1,3\n1,4\n", "k", &err),
                     ASC_EINVAL);
    assert_non_null(strstr(err.msg, "has repeated values in both"));
    assert_int_equal(join(&t, "k,tokens,mix/a,mix/b\n1,5,.5,.5\n2,5,1,0\n", "k,c4/loss\n2,3\n1,4\n", "k", &err),
                     ASC_OK);
    assert_true(t.runs.loss[0] == 4);
    asc_table_clear(&t);
}

static void readers__every_failing_allocation_is_survived(void **state)
{
    static const char *const texts[] = {
        "Name,State,Created,train/tokens,mix/web,mix/code,eval/c4/loss,web/"
        "acc\na,crashed,1,5B,80,20,2.5,.3\nb,ok,1,4B,30,70,2,.2\n",
        "{\"run\":\"a\",\"tokens\":5,\"mix\":{\"a\":0.5,\"b\":0.5},\"loss\":{\"v\":2},\"x\":[1]}\n{\"run\":\"b\","
        "\"tokens\":5,\"mix\":"
        "{\"a\":0.25,\"b\":0.75},\"loss\":{\"v\":3}}\n",
        "tokens;weight_a;weight_b;loss_x;loss_scale\n10;0,5;0,5;2;65536\n10;1;0;3;65536\n10;0;1;3;65536\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (uint64_t n = 1;; n++) {
            asc_table t = {0};
            asc_table_layout l = {0};
            asc_error err = {0};
            asc_fault_arm(ASC_FAULT_ALLOC, n);
            asc_status st = asc_table_parse_opts(&t, &l, "t", texts[i], strlen(texts[i]), &no_opts, &err);
            bool hit = asc_fault_count(ASC_FAULT_ALLOC) >= n;
            asc_fault_arm(ASC_FAULT_ALLOC, 0);
            asc_table_layout_clear(&l);
            if (st == ASC_OK)
                asc_table_clear(&t);
            else if (i < 2 || hit)
                assert_true(st == ASC_ENOMEM || st == ASC_EINVAL);
            if (!hit)
                break;
            assert_true(n < 3000);
        }
}

/* Shares of bare names beside losses that a word at their end names. */
static void layouts__bare_shares_beside_named_losses(void **state)
{
    asc_table t = {0};
    good(&t, "run,tokens,web,code,news_loss,py_acc\na,1e8,.25,.75,3.5,.25\nb,2e8,.5,.5,3.25,.5\nc,4e8,1,0,3,.5\n",
         &no_opts);
    assert_int_equal(t.runs.n_domains, 2);
    assert_int_equal(t.runs.n_targets, 2);
    assert_string_equal(t.runs.domains[1], "code");
    assert_string_equal(t.runs.targets[0], "news");
    assert_string_equal(t.runs.targets[1], "acc_py");
    assert_true(t.runs.tokens[1] == .75e8);
    asc_table_clear(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers__one_table_in_many_dialects),
        cmocka_unit_test(readers__every_nan_of_json_is_one),
        cmocka_unit_test(readers__utf16_of_spreadsheets),
        cmocka_unit_test(readers__a_bad_cell_is_named_in_every_dialect),
        cmocka_unit_test(readers__accuracies_turn_into_losses_and_back),
        cmocka_unit_test(readers__percent_and_text_of_shares),
        cmocka_unit_test(readers__columns_of_other_tools_are_known),
        cmocka_unit_test(readers__map_says_what_columns_are),
        cmocka_unit_test(readers__columns_that_cannot_be_what_their_prefix_says),
        cmocka_unit_test(readers__plausible_columns_stay),
        cmocka_unit_test(readers__the_layout_is_told_where_reading_fails),
        cmocka_unit_test(readers__two_files_are_joined_by_run),
        cmocka_unit_test(readers__every_failing_allocation_is_survived),
        cmocka_unit_test(layouts__bare_shares_beside_named_losses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
