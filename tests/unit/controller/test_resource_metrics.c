#include "base/document.h"
#include "base/memory.h"
#include "base/metrics.h"
#include "base/strbuf.h"
#include "controller/resource_metrics.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

struct state {
    struct metrics *metrics;
    struct resource_metrics *set;
};

static int set_up(void **context)
{
    struct state *state = mem_alloc(sizeof *state);

    state->metrics = metrics_new();
    state->set = resource_metrics_new(state->metrics);
    *context = state;
    return 0;
}

static int tear_down(void **context)
{
    struct state *state = *context;

    resource_metrics_free(state->set);
    metrics_free(state->metrics);
    free(state);
    return 0;
}

static struct standing read_status(struct state *state, const char *status)
{
    auto_free char *text = mem_printf("{\"status\":%s}", status);
    auto_json json_t *object = NULL;
    struct error err = {0};

    if (!document_parse(text, strlen(text), &object, &err))
        fail_msg("%s: %s", text, err.message);
    return resource_metrics_read(state->set, object);
}

static struct standing read_reason(struct state *state, const char *reason)
{
    auto_free char *status = mem_printf("{\"phase\":\"Error\",\"conditions\":[{\"type\":\"Ready\","
                                        "\"status\":\"False\",\"reason\":\"%s\"}]}",
                                        reason);

    return read_status(state, status);
}

static void expect_sample(struct state *state, const char *sample)
{
    auto_strbuf struct strbuf page = {0};

    metrics_render(state->metrics, &page);
    if (strstr(strbuf_text(&page), sample) == NULL)
        fail_msg("'%s' is missing in:\n%s", sample, strbuf_text(&page));
}

static void expect_phase(struct state *state, const char *phase, int count)
{
    char sample[128];

    snprintf(sample, sizeof sample, "database_user_operator_databases{phase=\"%s\"} %d\n", phase,
             count);
    expect_sample(state, sample);
}

static void expect_reason(struct state *state, const char *reason, int count)
{
    char sample[128];

    snprintf(sample, sizeof sample,
             "database_user_operator_databases_not_ready{reason=\"%s\"} %d\n", reason, count);
    expect_sample(state, sample);
}

static void test_every_phase_is_there_from_the_start(void **context)
{
    static const char *const phases[] = {"None",  "Pending", "Creating",
                                         "Ready", "Error",   "Deleting"};

    for (size_t i = 0; i < array_length(phases); i++)
        expect_phase(*context, phases[i], 0);
}

static void test_a_resource_is_counted_where_it_stands(void **context)
{
    struct state *state = *context;
    struct standing unseen = read_status(state, "null");
    struct standing failed = read_reason(state, "ServerUnreachable");
    struct standing ready =
        read_status(state, "{\"phase\":\"Ready\",\"conditions\":[{\"type\":\"Stalled\"},"
                           "{\"type\":\"Ready\",\"status\":\"True\",\"reason\":\"Ready\"}]}");

    resource_metrics_move(state->set, NULL, &unseen);
    resource_metrics_move(state->set, NULL, &unseen);
    expect_phase(state, "None", 2);
    expect_reason(state, "Unknown", 2);

    resource_metrics_move(state->set, &unseen, &failed);
    resource_metrics_move(state->set, &unseen, &ready);
    expect_phase(state, "None", 0);
    expect_phase(state, "Ready", 1);
    expect_phase(state, "Error", 1);
    expect_reason(state, "Unknown", 0);
    expect_reason(state, "ServerUnreachable", 1);

    resource_metrics_move(state->set, &failed, NULL);
    expect_phase(state, "Error", 0);
    expect_reason(state, "ServerUnreachable", 0);
}

static void test_an_unchanged_standing_moves_nothing(void **context)
{
    struct state *state = *context;
    struct standing failed = read_reason(state, "Conflict"), again = read_reason(state, "Conflict");

    resource_metrics_move(state->set, NULL, &failed);
    resource_metrics_move(state->set, &failed, &again);

    expect_reason(state, "Conflict", 1);
}

static void test_a_status_of_unexpected_types_is_none(void **context)
{
    struct state *state = *context;
    struct standing odd = read_status(state, "{\"phase\":7,\"conditions\":{\"Ready\":true}}");
    struct standing unknown = read_status(state, "{\"phase\":\"Dancing\"}");

    resource_metrics_move(state->set, NULL, &odd);
    resource_metrics_move(state->set, NULL, &unknown);

    expect_phase(state, "None", 2);
    expect_reason(state, "Unknown", 2);
}

/* A namespace user who may write statuses cannot fill the page. */
static void test_ten_thousand_reasons_are_a_hundred_and_others(void **context)
{
    enum { RESOURCES = 10000 };
    struct state *state = *context;
    auto_strbuf struct strbuf page = {0};
    struct standing standings[RESOURCES];
    size_t lines = 0;

    for (int i = 0; i < RESOURCES; i++) {
        char reason[32];

        snprintf(reason, sizeof reason, "Invented%d", i);
        standings[i] = read_reason(state, reason);
        resource_metrics_move(state->set, NULL, &standings[i]);
    }
    metrics_render(state->metrics, &page);
    for (const char *at = strbuf_text(&page); (at = strstr(at, "_not_ready{")) != NULL; at++)
        lines++;

    assert_int_equal(lines, STANDING_REASONS_LIMIT + 1);
    expect_reason(state, "Invented0", 1);
    expect_reason(state, "other", RESOURCES - STANDING_REASONS_LIMIT);
    for (int i = 0; i < RESOURCES; i++)
        resource_metrics_move(state->set, &standings[i], NULL);
    expect_reason(state, "other", 0);
    expect_phase(state, "Error", 0);
}

#define with_state(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_state(test_every_phase_is_there_from_the_start),
        with_state(test_a_resource_is_counted_where_it_stands),
        with_state(test_an_unchanged_standing_moves_nothing),
        with_state(test_a_status_of_unexpected_types_is_none),
        with_state(test_ten_thousand_reasons_are_a_hundred_and_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
