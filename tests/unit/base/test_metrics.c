#include "base/metrics.h"
#include "base/strbuf.h"
#include "support/test.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static const double buckets[] = {0.1, 0.5, 2.5};
static const struct metric_description requests = {
    .name = "requests_total",
    .help = "How many requests were sent.",
    .type = METRIC_COUNTER,
    .labels = {"method", "code"},
};
static const struct metric_description depth = {
    .name = "queue_depth",
    .help = "Keys that wait.",
    .type = METRIC_GAUGE,
};
static const struct metric_description duration = {
    .name = "pass_duration_seconds",
    .help = "How long a pass took.",
    .type = METRIC_HISTOGRAM,
    .labels = {"result"},
    .buckets = buckets,
    .bucket_count = array_length(buckets),
};

static void assert_page(struct metrics *metrics, const char *expected)
{
    auto_strbuf struct strbuf page = {0};

    metrics_render(metrics, &page);
    assert_string_equal(strbuf_text(&page), expected);
}

static int set_up(void **state)
{
    *state = metrics_new();
    return 0;
}

static int tear_down(void **state)
{
    metrics_free(*state);
    return 0;
}

static void test_counters_and_gauges_are_rendered_in_the_text_format(void **state)
{
    struct metric_family *counter = metrics_family(*state, &requests);
    struct metric_family *gauge = metrics_family(*state, &depth);

    metric_add(counter, 1, "GET", "200", NULL);
    metric_add(counter, 2, "PUT", "409", NULL);
    metric_add(counter, 1, "GET", "200", NULL);
    metric_set(gauge, 7, NULL);
    metric_add(gauge, -2.5, NULL);

    assert_page(*state, "# HELP requests_total How many requests were sent.\n"
                        "# TYPE requests_total counter\n"
                        "requests_total{method=\"GET\",code=\"200\"} 2\n"
                        "requests_total{method=\"PUT\",code=\"409\"} 2\n"
                        "# HELP queue_depth Keys that wait.\n"
                        "# TYPE queue_depth gauge\n"
                        "queue_depth 4.5\n");
}

static void test_a_histogram_is_cumulative_and_bounds_are_inclusive(void **state)
{
    static const double values[] = {0.05, 0.1, 0.25, 2.5, 3};
    struct metric_family *histogram = metrics_family(*state, &duration);

    for (size_t i = 0; i < array_length(values); i++)
        metric_observe(histogram, values[i], "success", NULL);

    assert_page(*state, "# HELP pass_duration_seconds How long a pass took.\n"
                        "# TYPE pass_duration_seconds histogram\n"
                        "pass_duration_seconds_bucket{result=\"success\",le=\"0.1\"} 2\n"
                        "pass_duration_seconds_bucket{result=\"success\",le=\"0.5\"} 3\n"
                        "pass_duration_seconds_bucket{result=\"success\",le=\"2.5\"} 4\n"
                        "pass_duration_seconds_bucket{result=\"success\",le=\"+Inf\"} 5\n"
                        "pass_duration_seconds_sum{result=\"success\"} 5.9\n"
                        "pass_duration_seconds_count{result=\"success\"} 5\n");
}

static void test_a_touch_shows_zero_and_a_family_without_series_is_left_out(void **state)
{
    metric_touch(metrics_family(*state, &requests), "GET", "200", NULL);
    metrics_family(*state, &depth);

    assert_page(*state, "# HELP requests_total How many requests were sent.\n"
                        "# TYPE requests_total counter\n"
                        "requests_total{method=\"GET\",code=\"200\"} 0\n");
}

static void test_touching_again_changes_nothing(void **state)
{
    struct metric_family *gauge = metrics_family(*state, &depth);

    metric_set(gauge, 3, NULL);
    metric_touch(gauge, NULL);

    assert_page(*state, "# HELP queue_depth Keys that wait.\n"
                        "# TYPE queue_depth gauge\n"
                        "queue_depth 3\n");
}

static void test_a_family_is_found_again_by_its_name(void **state)
{
    assert_ptr_equal(metrics_family(*state, &requests), metrics_family(*state, &requests));
    assert_ptr_not_equal(metrics_family(*state, &requests), metrics_family(*state, &depth));
}

static void test_label_values_and_help_are_escaped(void **state)
{
    static const struct metric_description hostile = {
        .name = "x_total",
        .help = "back\\slash, \"quotes\"\nand a line",
        .type = METRIC_COUNTER,
        .labels = {"a"},
    };

    metric_touch(metrics_family(*state, &hostile), "back\\slash \"quote\"\nline \xff", NULL);

    assert_page(*state, "# HELP x_total back\\\\slash, \"quotes\"\\nand a line\n"
                        "# TYPE x_total counter\n"
                        "x_total{a=\"back\\\\slash \\\"quote\\\"\\nline \xef\xbf\xbd\"} 0\n");
}

static void test_four_labels_are_the_limit_and_work(void **state)
{
    static const struct metric_description four = {
        .name = "four_total",
        .help = "Four.",
        .type = METRIC_COUNTER,
        .labels = {"a", "b", "c", "d"},
    };

    metric_add(metrics_family(*state, &four), 1, "1", "2", "3", "4", NULL);

    assert_page(*state, "# HELP four_total Four.\n"
                        "# TYPE four_total counter\n"
                        "four_total{a=\"1\",b=\"2\",c=\"3\",d=\"4\"} 1\n");
}

static void test_numbers_are_short_and_exact(void **state)
{
    static const struct {
        double number;
        const char *expected;
    } cases[] = {
        {0, "0"},
        {0.1, "0.1"},
        {1.0 / 3, "0.3333333333333333"},
        {1234567890123, "1234567890123"},
        {9007199254740993.0, "9007199254740992"},
        {1e300, "1e+300"},
        {-2.5, "-2.5"},
        {INFINITY, "+Inf"},
        {-INFINITY, "-Inf"},
        {NAN, "NaN"},
    };
    struct metric_family *gauge = metrics_family(*state, &depth);

    for (size_t i = 0; i < array_length(cases); i++) {
        auto_strbuf struct strbuf page = {0}, expected = {0};

        metric_set(gauge, cases[i].number, NULL);
        metrics_render(*state, &page);
        strbuf_append_format(&expected, "\nqueue_depth %s\n", cases[i].expected);
        if (strstr(strbuf_text(&page), strbuf_text(&expected)) == NULL)
            fail_msg("expected %s in %s", cases[i].expected, strbuf_text(&page));
    }
}

/* ---- what comes from outside ---- */

static void test_a_full_family_takes_what_is_new_as_other(void **state)
{
    static const struct metric_description hosts = {
        .name = "hosts",
        .help = "Resources by host.",
        .type = METRIC_GAUGE,
        .labels = {"host", "kind"},
        .series_limit = 2,
    };
    struct metric_family *family = metrics_family(*state, &hosts);

    metric_add(family, 1, "a", "x", NULL);
    metric_add(family, 1, "b", "x", NULL);
    metric_add(family, 1, "c", "x", NULL);
    metric_add(family, 1, "d", "y", NULL);
    metric_add(family, 1, "a", "x", NULL);
    metric_add(family, -1, "c", "x", NULL);

    assert_page(*state, "# HELP hosts Resources by host.\n# TYPE hosts gauge\n"
                        "hosts{host=\"a\",kind=\"x\"} 2\n"
                        "hosts{host=\"b\",kind=\"x\"} 1\n"
                        "hosts{host=\"other\",kind=\"other\"} 1\n");
}

static void test_ten_thousand_values_make_no_ten_thousand_series(void **state)
{
    struct metric_family *family = metrics_family(*state, &duration);
    auto_strbuf struct strbuf page = {0};
    size_t series = 0;

    for (int i = 0; i < 10000; i++) {
        char value[16];

        snprintf(value, sizeof value, "%d", i);
        metric_observe(family, 1, value, NULL);
    }
    metrics_render(*state, &page);
    for (const char *at = strbuf_text(&page); (at = strstr(at, "_sum{")) != NULL; at++)
        series++;

    assert_int_equal(series, METRIC_SERIES_DEFAULT + 1);
    assert_non_null(strstr(strbuf_text(&page), "_sum{result=\"other\"} 9744\n"));
}

struct collection {
    struct metric_family *gauge;
    double next;
};

static void collect(void *context)
{
    struct collection *collection = context;

    metric_set(collection->gauge, collection->next++, NULL);
}

static void test_collectors_are_asked_before_each_rendering(void **state)
{
    struct collection collection = {.gauge = metrics_family(*state, &depth), .next = 3};

    metrics_add_collector(*state, collect, &collection);

    assert_page(*state,
                "# HELP queue_depth Keys that wait.\n# TYPE queue_depth gauge\nqueue_depth 3\n");
    assert_page(*state,
                "# HELP queue_depth Keys that wait.\n# TYPE queue_depth gauge\nqueue_depth 4\n");
}

static void test_a_gauge_of_what_is_not_known_is_no_number(void **state)
{
    metric_set(metrics_family(*state, &depth), NAN, NULL);

    assert_page(*state, "# HELP queue_depth Keys that wait.\n# TYPE queue_depth gauge\n"
                        "queue_depth NaN\n");
}

static void test_rooms_can_do_without_a_registry(void **state maybe_unused)
{
    struct metric_family *family = metrics_family(NULL, &requests);

    assert_null(family);
    metric_touch(family, "GET", "200", NULL);
    metric_add(family, 1, "GET", "200", NULL);
    metric_set(family, 1, "GET", "200", NULL);
    metric_observe(family, 1, "GET", "200", NULL);
    metrics_free(NULL);
}

enum { THREADS = 4, ROUNDS = 1000 };

static void *count(void *context)
{
    static const char *const methods[] = {"GET", "PUT"};

    for (int i = 0; i < ROUNDS; i++) {
        metric_add(metrics_family(context, &requests), 1, methods[i % 2], "200", NULL);
        metric_observe(metrics_family(context, &duration), 0.2, "success", NULL);
    }
    return NULL;
}

static void test_no_count_of_several_threads_is_lost(void **state)
{
    pthread_t threads[THREADS];
    auto_strbuf struct strbuf page = {0};

    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count, *state), 0);
    for (int i = 0; i < 20; i++) {
        auto_strbuf struct strbuf meanwhile = {0};

        metrics_render(*state, &meanwhile);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    metrics_render(*state, &page);

    assert_non_null(strstr(strbuf_text(&page), "{method=\"GET\",code=\"200\"} 2000\n"));
    assert_non_null(strstr(strbuf_text(&page), "{method=\"PUT\",code=\"200\"} 2000\n"));
    assert_non_null(strstr(strbuf_text(&page), "_count{result=\"success\"} 4000\n"));
}

#define with_metrics(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_metrics(test_counters_and_gauges_are_rendered_in_the_text_format),
        with_metrics(test_a_histogram_is_cumulative_and_bounds_are_inclusive),
        with_metrics(test_a_touch_shows_zero_and_a_family_without_series_is_left_out),
        with_metrics(test_touching_again_changes_nothing),
        with_metrics(test_a_family_is_found_again_by_its_name),
        with_metrics(test_label_values_and_help_are_escaped),
        with_metrics(test_four_labels_are_the_limit_and_work),
        with_metrics(test_numbers_are_short_and_exact),
        with_metrics(test_a_full_family_takes_what_is_new_as_other),
        with_metrics(test_ten_thousand_values_make_no_ten_thousand_series),
        with_metrics(test_collectors_are_asked_before_each_rendering),
        with_metrics(test_a_gauge_of_what_is_not_known_is_no_number),
        cmocka_unit_test(test_rooms_can_do_without_a_registry),
        with_metrics(test_no_count_of_several_threads_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
