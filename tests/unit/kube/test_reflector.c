/* What is logged while a collection cannot be followed. */
#include "base/log.h"
#include "base/strbuf.h"
#include "informer_fixture.h"
#include "support/test.h"

#include <string.h>
#include <unistd.h>

static int set_up(void **state)
{
    static struct informer_fixture fixture;

    informer_fixture_init(&fixture);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    informer_fixture_release(*state);
    return 0;
}

static void append_log(int fd, struct strbuf *ret_log)
{
    char chunk[4096];
    ssize_t got;

    while ((got = read(fd, chunk, sizeof chunk)) > 0)
        strbuf_append(ret_log, chunk, (size_t)got);
}

static size_t count_lines(const struct strbuf *log, const char *needle)
{
    size_t count = 0;

    for (const char *at = strbuf_text(log); (at = strstr(at, needle)) != NULL; at++)
        count++;
    return count;
}

static void open_log(struct informer_fixture *fixture, int ret_ends[static 2])
{
    assert_int_equal(pipe(ret_ends), 0);
    fixture->log.log =
        log_new(ret_ends[1], LOG_LEVEL_INFO, LOG_FORMAT_JSON, &fixture->client.clock.source);
}

static void run_and_read_log(struct informer_fixture *fixture, const int ends[static 2],
                             struct strbuf *log)
{
    informer_fixture_run(fixture);
    log_free(fixture->log.log);
    close(ends[1]);
    append_log(ends[0], log);
    close(ends[0]);
}

/* A namespace that is not there yet, or that is not ours to read: one line when it begins, one when
 * it is over. */
static void test_a_failure_that_stays_is_told_once(void **state)
{
    struct informer_fixture *fixture = *state;
    auto_strbuf struct strbuf log = {0};
    int ends[2];

    open_log(fixture, ends);
    informer_fixture_expect(
        fixture, LIST_QUERY,
        &(struct scripted_exchange){.status = 403, .times = 5, .answer = STATUS(403, "Forbidden")});
    informer_fixture_expect(fixture, LIST_QUERY,
                            &(struct scripted_exchange){.answer = LIST_OF("10", "")});
    informer_fixture_expect(fixture, WATCH_QUERY("10"), &(struct scripted_exchange){.status = 503});
    informer_fixture_expect(fixture, WATCH_QUERY("10"),
                            &(struct scripted_exchange){.answer = BOOKMARK("11")});
    informer_fixture_expect(fixture, WATCH_QUERY("11"), &(struct scripted_exchange){.status = 503});
    informer_fixture_expect_quiet_watch(fixture, "11");
    run_and_read_log(fixture, ends, &log);

    assert_int_equal(count_lines(&log, "\"level\":\"error\""), 1);
    assert_int_equal(count_lines(&log, "cannot follow the things in namespace default (does the "
                                       "namespace exist, and is the operator's Role bound in it?)"),
                     1);
    assert_int_equal(count_lines(&log, "\"level\":\"warning\""), 2);
    assert_int_equal(count_lines(&log, "following the things in namespace default again"), 2);
    informer_fixture_expect_metric(fixture, "failures_total", 7);
}

static void test_a_failure_that_stays_is_told_again_after_ten_minutes(void **state)
{
    struct informer_fixture *fixture = *state;
    auto_strbuf struct strbuf log = {0};
    int ends[2];

    open_log(fixture, ends);
    informer_fixture_expect(fixture, LIST_QUERY,
                            &(struct scripted_exchange){.status = 404,
                                                        .times = 11,
                                                        .answer = STATUS(404, "NotFound"),
                                                        .timesource = &fixture->client.clock,
                                                        .duration_ms = 60 * 1000});
    informer_fixture_expect(fixture, LIST_QUERY,
                            &(struct scripted_exchange){.answer = LIST_OF("10", "")});
    informer_fixture_expect_quiet_watch(fixture, "10");
    run_and_read_log(fixture, ends, &log);

    assert_int_equal(count_lines(&log, "(is its CustomResourceDefinition installed?)"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_failure_that_stays_is_told_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_failure_that_stays_is_told_again_after_ten_minutes,
                                        set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
