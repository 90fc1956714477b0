#include "test.h"

#include "base/base_json.h"
#include "report/report.h"

#include "assets.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static json_t *fixture(void)
{
    json_t *summary = NULL;
    asc_error err = {0};
    if (asc_json_load(&summary, ASC_SOURCE_DIR "/tests/report/summary.json", &err) != ASC_OK)
        fail_msg("%s", err.msg);
    return summary;
}

/* As the store would have kept it. */
static char *render(const json_t *document, bool tables_only)
{
    asc_buf page = {0};
    asc_error err = {0};
    asc_summary *summary = NULL;
    asc_report_opts opts = {.tables_only = tables_only};
    if (asc_summary_read(&summary, document, &err) != ASC_OK || asc_report_html(&page, summary, &opts, &err) != ASC_OK)
        fail_msg("%s", err.msg);
    asc_summary_free(summary);
    return page.data;
}

static json_t *parse(const char *text)
{
    json_t *j = NULL;
    asc_error err = {0};
    if (asc_json_parse(&j, "test", text, strlen(text), &err) != ASC_OK)
        fail_msg("%s", err.msg);
    return j;
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, what)); p += strlen(what))
        n++;
    return n;
}

static void report__has_every_section(void **state)
{
    static const char *const ids[] = {"answer", "data", "change", "fits", "budget", "target", "runs", "made"};
    json_t *summary = fixture();
    char *page = render(summary, false), mark[64];
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        snprintf(mark, sizeof mark, "<section id=\"%s\">", ids[i]);
        assert_int_equal(count(page, mark), 1);
        snprintf(mark, sizeof mark, "<a href=\"#%s\">", ids[i]);
        assert_true(count(page, mark) >= 1);
    }
    asc_free(page);
    json_decref(summary);
}

static void report__answer_stands_first(void **state)
{
    json_t *summary = fixture();
    char *page = render(summary, true);
    const char *first = strstr(page, "<section");
    assert_true(strncmp(first, "<section id=\"answer\">", 21) == 0);
    asc_free(page);
    json_decref(summary);
}

static bool has_cell(const char *page, double x)
{
    char exact[32], cell[64];
    snprintf(cell, sizeof cell, "data-v=\"%s\"", asc_format_double(x, exact));
    return strstr(page, cell) != NULL;
}

/* Every number of the tables is the summary's, to the last bit. */
static void report__tables_hold_the_summary_numbers(void **state)
{
    json_t *summary = fixture(), *value, *run, *targets;
    const char *name, *target;
    size_t i;
    char *page = render(summary, true);
    json_object_foreach(json_object_get(json_object_get(summary, "answer"), "weights"), name, value)
    {
        assert_true(has_cell(page, json_number_value(value)));
    }
    json_array_foreach(json_object_get(summary, "runs"), i, run)
    {
        assert_true(has_cell(page, json_number_value(json_object_get(run, "objective"))));
        json_object_foreach(json_object_get(run, "loss"), name, value)
        {
            assert_true(has_cell(page, json_number_value(value)));
        }
    }
    json_object_foreach(json_object_get(json_array_get(json_object_get(summary, "scales"), 0), "up"), name, targets)
    {
        json_object_foreach(targets, target, value)
        {
            assert_true(has_cell(page, json_number_value(value)));
        }
    }
    asc_free(page);
    json_decref(summary);
}

static void set_loss(json_t *summary, size_t mixture, const char *target, double by)
{
    json_t *m = json_array_get(json_object_get(json_object_get(summary, "target"), "mixtures"), mixture), *run;
    size_t i;
    json_array_foreach(json_object_get(m, "runs"), i, run)
    {
        json_t *loss = json_object_get(run, "loss");
        json_object_set_new(loss, target, json_real(3 + by + 1e-4 * (double)i));
    }
}

static size_t place_of_uniform(const json_t *summary)
{
    const json_t *mixtures = json_object_get(json_object_get(summary, "target"), "mixtures");
    size_t i = 0;
    while (strcmp(json_string_value(json_object_get(json_array_get(mixtures, i), "name")), "uniform") != 0)
        i++;
    return i;
}

/* What the answer makes worse than uniform, beyond the seeds' noise, stands in it. */
static void report__answer_says_what_it_makes_worse(void **state)
{
    json_t *summary = fixture();
    size_t uniform = place_of_uniform(summary);
    set_loss(summary, 0, "news", .22);
    set_loss(summary, uniform, "news", 0);
    set_loss(summary, 0, "arxiv", 1e-5);
    set_loss(summary, uniform, "arxiv", 0);
    set_loss(summary, 0, "c4", -.1);
    set_loss(summary, uniform, "c4", 0);
    char *page = render(summary, true);
    const char *worse = strstr(page, "Worse than with uniform:"), *end = worse ? strstr(worse, "</p>") : NULL;
    assert_non_null(end);
    const char *news = strstr(worse, "news</bdi> +0.2200 nats"), *arxiv = strstr(worse, "arxiv</bdi> +");
    assert_true(news && news < end);
    assert_false(arxiv && arxiv < end);
    asc_free(page);
    json_object_set_new(json_object_get(summary, "answer"), "name", json_string("uniform"));
    page = render(summary, true);
    assert_null(strstr(page, "Worse than with uniform:"));
    asc_free(page);
    json_decref(summary);
}

static void report__an_interval_of_one_share_is_none(void **state)
{
    json_t *summary = fixture();
    json_t *ci = json_object_get(json_object_get(summary, "answer"), "ci");
    json_object_set_new(ci, "code", parse("[0.26712, 0.26713]"));
    json_object_set_new(ci, "arxiv", parse("[0, 0]"));
    char *page = render(summary, true);
    assert_null(strstr(page, "26.7 to 26.7"));
    assert_int_equal(count(page, "undetermined, kept at its limit"), 1);
    assert_int_equal(count(page, "0.0 to 0.0"), 1);
    asc_free(page);
    json_decref(summary);
}

static void report__shows_tasks_and_contamination(void **state)
{
    json_t *summary = fixture();
    char *page = render(summary, true);
    assert_null(strstr(page, "<section id=\"tasks\">"));
    asc_free(page);
    json_object_set_new(
        summary, "tasks",
        parse("[{\"kind\":\"likelihood\",\"task\":\"piqa\",\"figure\":\"bits_per_byte\",\"better\":\"lower\","
              "\"chance\":null,\"n\":500,\"mixtures\":[{\"name\":\"uniform\",\"values\":[1.25,1.5],\"mean\":1.375,"
              "\"sd\":0.125,\"min\":1.25,\"max\":1.5},{\"name\":\"predicted\",\"values\":[],\"mean\":null}]},"
              "{\"kind\":\"finetune\",\"task\":\"RTE\",\"figure\":\"accuracy\",\"better\":\"higher\",\"chance\":0.527,"
              "\"n\":277,\"mixtures\":[{\"name\":\"uniform\",\"values\":[0.55],\"mean\":0.55,\"sd\":null}]}]"));
    json_object_set_new(summary, "contamination",
                        parse("{\"n\":13,\"mode\":\"exclude\",\"sets\":[{\"name\":\"boolq\",\"items\":3270,"
                              "\"too_short\":1,\"found\":23,\"in\":{\"wiki<pedia\":19,\"c4\":0}}]}"));
    page = render(summary, true);
    assert_non_null(strstr(page, "<a href=\"#tasks\">"));
    assert_non_null(strstr(page, "1.3750 \xc2\xb1 0.1250"));
    assert_true(has_cell(page, 1.375) && has_cell(page, .527) && has_cell(page, .55));
    assert_non_null(strstr(page, "They are excluded from all figures."));
    assert_non_null(strstr(page, "wiki&lt;pedia"));
    assert_null(strstr(page, "c4</bdi> 0"));
    asc_free(page);
    json_decref(summary);
}

static json_t *hostile(void)
{
    static const char evil[] = "</script><img src=x onerror=alert(1)>\\u2028'\\\"&";
    char text[1024];
    snprintf(text, sizeof text,
             "{\"study\":\"%s\",\"state\":\"%s\",\"domains\":[{\"name\":\"%s\",\"tokens\":5}],\"targets\":[\"%s\"],"
             "\"answer\":{\"name\":\"%s\",\"weights\":{\"%s\":1},\"why\":\"%s\"},\"notes\":[\"%s\"],"
             "\"runs\":[{\"id\":\"%s\",\"loss\":{}}]}",
             evil, evil, evil, evil, evil, evil, evil, evil, evil);
    return parse(text);
}

/* Vega keys its objects by values of rows: names that every JavaScript object has already are written with a joiner. */
static void report__names_that_are_javascripts_own_are_marked(void **state)
{
    json_t *summary = parse("{\"study\":\"s\",\"state\":\"done\",\"domains\":[{\"name\":\"__proto__\",\"tokens\":5},"
                            "{\"name\":\"constructor\",\"tokens\":6},{\"name\":\"plain\",\"tokens\":7}],"
                            "\"targets\":[\"__proto__\"],\"answer\":{\"name\":\"uniform\",\"weights\":"
                            "{\"__proto__\":0.5,\"constructor\":0.25,\"plain\":0.25}}}");
    char *page = render(summary, false);
    if (asc_report_has_charts()) {
        assert_null(strstr(page, "\"domain\":\"__proto__\""));
        assert_non_null(strstr(page, "\"domain\":\"__proto__"));
        assert_null(strstr(page, "\"domain\":\"constructor\""));
        assert_non_null(strstr(page, "\"domain\":\"plain\""));
    }
    asc_free(page);
    json_decref(summary);
}

/* Names and notes from a study become text wherever they stand: in tables, headings and the charts' JSON. */
static void report__hostile_names_stay_text(void **state)
{
    json_t *summary = hostile();
    char *page = render(summary, false);
    assert_null(strstr(page, "<img"));
    assert_null(strstr(page, "\xe2\x80\xa8'"));
    assert_non_null(strstr(page, "&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;"));
    size_t opened = count(page, "<script"), closed = count(page, "</script>");
    assert_int_equal(opened, closed);
    asc_free(page);
    json_decref(summary);
}

static void report__tolerates_absent_keys(void **state)
{
    json_t *summary = fixture(), *left;
    const char *key;
    json_t *value;
    void *next;
    json_t *empty = json_object();
    char *page = render(empty, false);
    json_decref(empty);
    assert_non_null(strstr(page, "This study is not finished"));
    assert_non_null(strstr(page, "There is no answer yet"));
    asc_free(page);
    json_object_foreach_safe(summary, next, key, value)
    {
        left = json_copy(summary);
        json_object_del(left, key);
        page = render(left, true);
        assert_non_null(strstr(page, "</html>"));
        asc_free(page);
        json_decref(left);
    }
    json_decref(summary);
}

/* A key of another kind than documented is as if absent. */
static void report__tolerates_keys_of_another_kind(void **state)
{
    static const char *const kinds[] = {"null", "7", "\"text\"", "[]", "[1,null,\"x\"]", "{}", "{\"a\":null}", "true"};
    json_t *summary = fixture();
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const char *key;
        json_t *value;
        char text[64];
        snprintf(text, sizeof text, "{\"v\":%s}", kinds[i]);
        json_t *holder = parse(text);
        json_object_foreach(summary, key, value)
        {
            json_t *changed = json_copy(summary);
            json_object_set(changed, key, json_object_get(holder, "v"));
            char *page = render(changed, false);
            assert_non_null(strstr(page, "</html>"));
            asc_free(page);
            json_decref(changed);
        }
        json_decref(holder);
    }
    json_decref(summary);
}

static void report__no_gain_is_said_plainly(void **state)
{
    json_t *summary = fixture(), *gain = json_object_get(json_object_get(summary, "answer"), "gain");
    json_object_set_new(gain, "beyond_noise", json_false());
    char *page = render(summary, true);
    assert_non_null(strstr(page, "No gain over uniform beyond noise"));
    assert_null(strstr(page, "better than uniform"));
    assert_null(strstr(page, "of the steps saved against uniform"));
    asc_free(page);
    json_decref(summary);
}

/* What was predicted stands in an answer's place until there is one; runs that failed say why; empty charts are none.
 */
static void report__unfinished_studies_show_what_there_is(void **state)
{
    json_t *summary = fixture(), *mixtures = json_object_get(json_object_get(summary, "target"), "mixtures"), *m;
    json_t *run = json_array_get(json_object_get(summary, "runs"), 0);
    size_t i;
    json_object_del(summary, "answer");
    json_object_set_new(summary, "state", json_string("failed"));
    json_object_set_new(run, "state", json_string("failed"));
    json_object_set_new(run, "why", json_string("killed by <signal> 9"));
    json_array_foreach(mixtures, i, m)
    {
        json_object_set_new(m, "mean", json_null());
    }
    char *page = render(summary, false);
    assert_non_null(strstr(page, "This study failed"));
    assert_non_null(strstr(page, "killed by &lt;signal&gt; 9"));
    assert_non_null(strstr(page, "The AutoScale prediction"));
    assert_non_null(strstr(page, "None of these runs has finished yet"));
    assert_int_equal(count(page, "data-chart=\"final\""), 0);
    assert_int_equal(count(page, "data-chart=\"answer\""), asc_report_has_charts() ? 1 : 0);
    asc_free(page);
    json_decref(summary);
}

/* A run with a burst of gradients stands in a table of its own; without one there is none. */
static void report__bursts_of_gradients_are_shown(void **state)
{
    json_t *calm = parse("{\"runs\":[{\"id\":\"a\",\"state\":\"done\"}]}");
    json_t *burst =
        parse("{\"runs\":[{\"id\":\"a\",\"state\":\"done\",\"bursts\":{\"steps\":1,\"step\":43,\"times\":79.2,"
              "\"loss_up\":0.6,\"above\":0.525,\"alike\":[0.024,0.092]}}]}");
    char *page = render(calm, true);
    assert_null(strstr(page, "Gradient spikes"));
    asc_free(page);
    page = render(burst, true);
    assert_non_null(strstr(page, "Gradient spikes"));
    assert_non_null(strstr(page, "79.2"));
    assert_non_null(strstr(page, "+0.024 to +0.092"));
    asc_free(page);
    json_decref(calm);
    json_decref(burst);
}

/* Differences to uniform are of runs of one seed, with their range. */
static void report__mixtures_are_compared_seed_by_seed(void **state)
{
    json_t *summary = parse("{\"target\":{\"tokens\":1000,\"mixtures\":["
                            "{\"name\":\"rule\",\"mean\":2.5,\"sd\":0.5,\"runs\":[{\"seed\":2,\"objective\":3.0},"
                            "{\"seed\":1,\"objective\":2.0}]},"
                            "{\"name\":\"uniform\",\"mean\":3.0,\"sd\":0.5,\"runs\":[{\"seed\":1,\"objective\":2.25},"
                            "{\"seed\":2,\"objective\":3.75}]}]}}");
    char *page = render(summary, true);
    assert_non_null(strstr(page, ">-0.5000 (-0.7500 to -0.2500)</td>"));
    assert_int_equal(count(page, "data-v=\"2\">2</td>"), 2); /* seeds */
    asc_free(page);
    json_decref(summary);
}

static void report__fetches_nothing(void **state)
{
    json_t *summary = fixture();
    char *page = render(summary, true);
    assert_null(strstr(page, "src="));
    assert_null(strstr(page, "@import"));
    assert_null(strstr(page, "url("));
    assert_null(strstr(page, "href=\"http"));
    assert_non_null(strstr(page, "default-src 'none'"));
    asc_free(page);
    page = render(summary, false);
    assert_null(strstr(page, "sourceMappingURL"));
    asc_free(page);
    json_decref(summary);
}

static void report__charts_only_with_the_library(void **state)
{
    json_t *summary = fixture();
    char *page = render(summary, true);
    assert_int_equal(count(page, "<figure data-chart="), 0);
    assert_non_null(strstr(page, "tables only"));
    asc_free(page);
    page = render(summary, false);
    if (asc_report_has_charts()) {
        assert_int_equal(count(page, "<figure data-chart="), 10);
        assert_non_null(strstr(page, "BSD-3-Clause"));
    } else
        assert_int_equal(count(page, "<figure data-chart="), 0);
    asc_free(page);
    json_decref(summary);
}

/* The charts' specs parse, and hold the data sets and signals that are filled in. */
static void report__chart_data_are_filled(void **state)
{
    json_t *summary = fixture();
    char *page = render(summary, false);
    size_t n = 0;
    static const char mark[] = "<script type=\"application/json\">";
    for (const char *p = page; (p = strstr(p, mark)); n++) {
        p += sizeof mark - 1;
        json_t *spec = NULL, *set;
        size_t i, rows = 0;
        asc_error err = {0};
        assert_int_equal(asc_json_parse(&spec, "spec", p, (size_t)(strstr(p, "</script>") - p), &err), ASC_OK);
        json_array_foreach(json_object_get(spec, "data"), i, set)
        {
            rows += json_array_size(json_object_get(set, "values"));
        }
        assert_true(rows > 0);
        json_decref(spec);
    }
    assert_int_equal(n, asc_report_has_charts() ? 10 : 0);
    asc_free(page);
    json_decref(summary);
}

/* Where steps are saved by a shorter run, the line stands at its length, (1 - .25) of 16M, not where curves cross. */
static void report__a_shorter_run_stands_at_its_length(void **state)
{
    json_t *summary = fixture(),
           *m = json_array_get(json_object_get(json_object_get(summary, "target"), "mixtures"), 0);
    char *page = render(summary, false);
    assert_null(strstr(page, "length of a run on a mixture"));
    assert_null(strstr(page, "\"from\":12000000"));
    asc_free(page);
    json_object_set_new(
        m, "steps_saved",
        json_pack("{s:f,s:f,s:f,s:i,s:b}", "mean", .25, "min", .2, "max", .3, "pairs", 3, "shorter", 1));
    page = render(summary, false);
    if (asc_report_has_charts()) {
        assert_non_null(strstr(page, "length of a run on a mixture"));
        assert_non_null(strstr(page, "\"from\":12000000"));
    }
    asc_free(page);
    json_decref(summary);
}

/* With more domains than a chart can show the tables keep all of them. */
static void report__many_domains_stay_in_tables(void **state)
{
    json_t *summary = parse("{\"state\":\"done\"}"), *domains = json_array(), *weights = json_object();
    for (int i = 0; i < 200; i++) {
        char name[32];
        snprintf(name, sizeof name, "d%03d", i);
        json_array_append_new(domains, json_pack("{s:s,s:i}", "name", name, "tokens", 1000 + i));
        json_object_set_new(weights, name, json_real((i + 1) / 20100.));
    }
    json_object_set_new(summary, "domains", domains);
    json_object_set_new(summary, "answer", json_pack("{s:s,s:o}", "name", "predicted", "weights", weights));
    char *page = render(summary, false);
    assert_true(count(page, "<bdi>d000</bdi>") == 2);
    assert_int_equal(count(page, "{\"domain\":\"d000\""), 0);
    assert_int_equal(count(page, "{\"domain\":\"d199\""), asc_report_has_charts() ? 2 : 0);
    assert_non_null(strstr(page, "Charts show the 24 domains"));
    asc_free(page);
    json_decref(summary);
}

static void report__same_summary_same_bytes(void **state)
{
    json_t *summary = fixture();
    char *one = render(summary, false), *two = render(summary, false);
    assert_string_equal(one, two);
    asc_free(one);
    asc_free(two);
    json_decref(summary);
}

/* Every allocation of ours made to fail: an error, nothing leaked (the sanitizers watch), nothing written out. */
static void report__every_allocation_may_fail(void **state)
{
    json_t *document = parse("{\"domains\":[{\"name\":\"a\",\"tokens\":5}],\"answer\":{\"weights\":{\"a\":1}}}");
    asc_summary *summary = NULL;
    assert_int_equal(asc_summary_read(&summary, document, NULL), ASC_OK);
    json_decref(document);
    for (uint64_t n = 1;; n++) {
        asc_buf page = {0};
        asc_error err = {0};
        asc_fault_arm(ASC_FAULT_ALLOC, n);
        asc_status st = asc_report_html(&page, summary, NULL, &err);
        uint64_t calls = asc_fault_count(ASC_FAULT_ALLOC);
        asc_fault_arm(ASC_FAULT_ALLOC, 0);
        if (calls >= n)
            assert_int_equal(st, ASC_ENOMEM);
        asc_buf_clear(&page);
        if (calls < n) {
            assert_int_equal(st, ASC_OK);
            asc_summary_free(summary);
            return;
        }
    }
}

/* For scripts/check-report: the pages that a browser is to draw. */
static int write_pages(const char *dir)
{
    json_t *summaries[] = {fixture(), hostile()};
    static const char *const names[] = {"fixture.html", "hostile.html"};
    int failed = 0;
    for (size_t i = 0; i < 2; i++) {
        char *page = render(summaries[i], false), *path = asc_path_join(dir, names[i]);
        asc_error err = {0};
        failed |= asc_write_file(path, page, strlen(page), &err) != ASC_OK;
        asc_free(page);
        asc_free(path);
        json_decref(summaries[i]);
    }
    return failed;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--write") == 0)
        return write_pages(argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(report__has_every_section),
        cmocka_unit_test(report__answer_stands_first),
        cmocka_unit_test(report__tables_hold_the_summary_numbers),
        cmocka_unit_test(report__answer_says_what_it_makes_worse),
        cmocka_unit_test(report__an_interval_of_one_share_is_none),
        cmocka_unit_test(report__shows_tasks_and_contamination),
        cmocka_unit_test(report__hostile_names_stay_text),
        cmocka_unit_test(report__names_that_are_javascripts_own_are_marked),
        cmocka_unit_test(report__tolerates_absent_keys),
        cmocka_unit_test(report__tolerates_keys_of_another_kind),
        cmocka_unit_test(report__no_gain_is_said_plainly),
        cmocka_unit_test(report__unfinished_studies_show_what_there_is),
        cmocka_unit_test(report__mixtures_are_compared_seed_by_seed),
        cmocka_unit_test(report__fetches_nothing),
        cmocka_unit_test(report__charts_only_with_the_library),
        cmocka_unit_test(report__chart_data_are_filled),
        cmocka_unit_test(report__a_shorter_run_stands_at_its_length),
        cmocka_unit_test(report__bursts_of_gradients_are_shown),
        cmocka_unit_test(report__many_domains_stay_in_tables),
        cmocka_unit_test(report__same_summary_same_bytes),
        cmocka_unit_test(report__every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
