#include "base/document.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "support/fake_random.h"
#include "support/fake_timesource.h"
#include "support/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A log into memory, and the scope to write with. */
struct desk {
    int fd;
    struct fake_timesource clock;
    struct log *log;
    struct log_scope scope;
};

static void desk_open_as(struct desk *desk, enum log_level level, enum log_format format)
{
    *desk = (struct desk){.fd = memfd_create("log", 0)};
    assert_true(desk->fd >= 0);
    fake_timesource_init(&desk->clock, INT64_C(1136214245000042));
    desk->log = log_new(desk->fd, level, format, &desk->clock.source);
    desk->scope.log = desk->log;
}

static void desk_open(struct desk *desk, enum log_level level)
{
    desk_open_as(desk, level, LOG_FORMAT_JSON);
}

static void desk_read(const struct desk *desk, struct strbuf *text)
{
    char chunk[4096];
    ssize_t got;

    assert_int_equal(lseek(desk->fd, 0, SEEK_SET), 0);
    while ((got = read(desk->fd, chunk, sizeof chunk)) > 0)
        strbuf_append(text, chunk, (size_t)got);
}

static void desk_close(struct desk *desk)
{
    log_free(desk->log);
    close(desk->fd);
}

/* The lines of a text, each parsed; fails the test on one that is not a JSON object, or that holds
 * a raw control character. */
static json_t *parse_lines(const struct strbuf *text)
{
    json_t *lines = json_array();
    const char *line = strbuf_text(text), *end;

    for (size_t i = 0; i < text->length; i++) {
        unsigned char byte = (unsigned char)strbuf_text(text)[i];

        if (byte != '\n' && (byte < 0x20 || byte == 0x7f))
            fail_msg("raw control character %#x in: %s", byte, strbuf_text(text));
    }
    while ((end = strchr(line, '\n')) != NULL) {
        struct error err = {0};
        json_t *value = NULL;

        if (!document_parse(line, (size_t)(end - line), &value, &err) || !json_is_object(value))
            fail_msg("not a JSON object (%s): %.*s", err.message, (int)(end - line), line);
        json_array_append_new(lines, value);
        line = end + 1;
    }
    assert_string_equal(line, "");
    return lines;
}

static void test_a_line_has_the_documented_keys_in_order(void **state maybe_unused)
{
    const struct error failure = {
        .kind = ERROR_UNAVAILABLE, .code = "Timeout", .message = "no answer"};
    auto_strbuf struct strbuf text = {0};
    struct desk desk;

    desk_open(&desk, LOG_LEVEL_INFO);
    desk.scope.controller = "database";
    desk.scope.namespace_name = "shop";
    desk.scope.name = "orders";
    desk.scope.reconcile_id = "r-1";
    log_failure(&desk.scope, LOG_LEVEL_WARNING, &failure, "pass %d failed", 3);
    desk_read(&desk, &text);

    assert_string_equal(strbuf_text(&text),
                        "{\"level\":\"warning\",\"ts\":\"2006-01-02T15:04:05.000042Z\",\"msg\":"
                        "\"pass 3 failed\",\"controller\":\"database\",\"namespace\":\"shop\","
                        "\"name\":\"orders\",\"reconcileID\":\"r-1\",\"error\":\"no answer\","
                        "\"errorKind\":\"unavailable\",\"errorCode\":\"Timeout\"}\n");
    desk_close(&desk);
}

static void test_empty_members_are_left_out(void **state maybe_unused)
{
    auto_strbuf struct strbuf text = {0};
    struct desk desk;

    desk_open(&desk, LOG_LEVEL_INFO);
    desk.scope.name = "";
    log_info(&desk.scope, "up");
    desk_read(&desk, &text);

    assert_string_equal(
        strbuf_text(&text),
        "{\"level\":\"info\",\"ts\":\"2006-01-02T15:04:05.000042Z\",\"msg\":\"up\"}\n");
    desk_close(&desk);
}

static void test_only_lines_of_the_level_and_above_are_written(void **state maybe_unused)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};

    for (size_t level = 0; level < array_length(names); level++) {
        auto_strbuf struct strbuf text = {0};
        auto_json json_t *lines = NULL;
        struct desk desk;

        desk_open(&desk, (enum log_level)level);
        log_error(&desk.scope, "a");
        log_warning(&desk.scope, "b");
        log_info(&desk.scope, "c");
        log_debug(&desk.scope, "d");
        desk_read(&desk, &text);
        lines = parse_lines(&text);
        assert_int_equal(json_array_size(lines), level + 1);
        for (size_t i = 0; i <= level; i++)
            assert_string_equal(document_string(json_array_get(lines, i), "level"), names[i]);
        desk_close(&desk);
    }
}

static void test_a_scope_without_log_writes_nothing(void **state maybe_unused)
{
    const struct log_scope scope = {0};

    log_error(&scope, "nobody hears %s", "this");
}

static void test_level_names_are_parsed_in_any_case(void **state maybe_unused)
{
    static const char *const bad[] = {"", "warn", "trace", " info", "information"};
    enum log_level level = LOG_LEVEL_ERROR;

    assert_true(log_level_parse("Debug", &level));
    assert_int_equal(level, LOG_LEVEL_DEBUG);
    assert_true(log_level_parse("WARNING", &level));
    assert_int_equal(level, LOG_LEVEL_WARNING);
    for (size_t i = 0; i < array_length(bad); i++)
        assert_false(log_level_parse(bad[i], &level));
    assert_int_equal(level, LOG_LEVEL_WARNING);
}

static const char *const hostile_texts[] = {
    "\",\"level\":\"error\",\"x\":\"",
    "line\nbreak\r\nand\ttab",
    "\x1b[2J\x1b]0;title\x07",
    "\\\"\\",
    "\xff\xfe broken \xc3",
    "\xed\xa0\x80 surrogate",
    "\xc2\x9b[31m one-character CSI",
    "\xe2\x80\xa8 line separator",
    "\xe2\x80\xae turned round \xe2\x81\xa6",
    "x level=error name=other",
    "x\" level=error name=\"other",
    "=",
};

static void test_hostile_text_stays_inside_its_string(void **state maybe_unused)
{
    for (size_t i = 0; i < array_length(hostile_texts); i++) {
        auto_strbuf struct strbuf text = {0};
        auto_json json_t *lines = NULL;
        struct error failure = {.kind = ERROR_INTERNAL};
        struct desk desk;

        snprintf(failure.message, sizeof failure.message, "%s", hostile_texts[i]);
        snprintf(failure.code, sizeof failure.code, "%s", hostile_texts[i]);
        desk_open(&desk, LOG_LEVEL_INFO);
        desk.scope.namespace_name = hostile_texts[i];
        desk.scope.name = hostile_texts[i];
        log_failure(&desk.scope, LOG_LEVEL_INFO, &failure, "%s", hostile_texts[i]);
        desk_read(&desk, &text);
        assert_null(strstr(strbuf_text(&text), "\xc2\x9b"));
        assert_null(strstr(strbuf_text(&text), "\xe2\x80"));
        assert_null(strstr(strbuf_text(&text), "\xe2\x81"));
        lines = parse_lines(&text);
        assert_int_equal(json_array_size(lines), 1);
        assert_string_equal(document_string(json_array_get(lines, 0), "level"), "info");
        assert_int_equal(json_object_size(json_array_get(lines, 0)), 8);
        desk_close(&desk);
    }
}

static void test_random_bytes_give_one_valid_line_each(void **state maybe_unused)
{
    enum { ROUNDS = 500 };
    auto_strbuf struct strbuf text = {0};
    auto_json json_t *lines = NULL;
    struct fake_random random;
    struct desk desk;

    fake_random_init(&random, 99);
    desk_open(&desk, LOG_LEVEL_INFO);
    for (int i = 0; i < ROUNDS; i++) {
        char bytes[64];

        random_fill(&random.source, bytes, sizeof bytes - 1);
        bytes[sizeof bytes - 1] = '\0';
        log_info(&desk.scope, "%s", bytes);
    }
    desk_read(&desk, &text);
    lines = parse_lines(&text);

    assert_int_equal(json_array_size(lines), ROUNDS);
    desk_close(&desk);
}

static void test_a_long_message_is_cut_and_says_so(void **state maybe_unused)
{
    auto_strbuf struct strbuf long_text = {0}, text = {0};
    auto_json json_t *lines = NULL;
    const char *message;
    struct desk desk;

    for (int i = 0; i < 3000; i++)
        strbuf_append_text(&long_text, "\xe2\x82\xac");
    desk_open(&desk, LOG_LEVEL_INFO);
    log_info(&desk.scope, "x%s", strbuf_text(&long_text));
    desk_read(&desk, &text);
    lines = parse_lines(&text);

    message = document_string(json_array_get(lines, 0), "msg");
    assert_in_range(strlen(message), 2000, 2047);
    assert_string_equal(message + strlen(message) - 6, "\xe2\x82\xac...");
    desk_close(&desk);
}

/* ---- as text ---- */

static void test_a_line_of_text_has_the_same_keys(void **state maybe_unused)
{
    const struct error failure = {
        .kind = ERROR_UNAVAILABLE, .code = "Timeout", .message = "no answer"};
    auto_strbuf struct strbuf text = {0};
    struct desk desk;

    desk_open_as(&desk, LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    desk.scope.controller = "database";
    desk.scope.namespace_name = "shop";
    desk.scope.name = "orders";
    desk.scope.reconcile_id = "r-1";
    log_failure(&desk.scope, LOG_LEVEL_WARNING, &failure, "pass %d failed", 3);
    log_debug(&desk.scope, "not this one");
    desk_read(&desk, &text);

    assert_string_equal(strbuf_text(&text),
                        "level=warning ts=2006-01-02T15:04:05.000042Z msg=\"pass 3 failed\" "
                        "controller=database namespace=shop name=orders reconcileID=r-1 "
                        "error=\"no answer\" errorKind=unavailable errorCode=Timeout\n");
    desk_close(&desk);
}

/* Takes "key=value" or "key="quoted"" from *rest; the key is what stands before the first '='. */
static void take_pair(const char **rest, struct strbuf *keys)
{
    const char *equals = strchr(*rest, '='), *end;

    assert_non_null(equals);
    strbuf_append(keys, *rest, (size_t)(equals - *rest));
    strbuf_append_char(keys, ' ');
    end = equals + 1;
    if (*end == '"') {
        for (end++; *end != '"'; end++)
            end += *end == '\\';
        end++;
    } else {
        end += strcspn(end, " \n");
    }
    assert_true(*end == ' ' || *end == '\n');
    *rest = end + 1;
}

static void test_hostile_text_makes_no_key_and_no_line(void **state maybe_unused)
{
    for (size_t i = 0; i < array_length(hostile_texts); i++) {
        auto_strbuf struct strbuf text = {0}, keys = {0};
        struct error failure = {.kind = ERROR_INTERNAL};
        struct desk desk;
        const char *rest;

        snprintf(failure.message, sizeof failure.message, "%s", hostile_texts[i]);
        desk_open_as(&desk, LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
        desk.scope.namespace_name = hostile_texts[i];
        desk.scope.name = hostile_texts[i];
        log_failure(&desk.scope, LOG_LEVEL_INFO, &failure, "%s", hostile_texts[i]);
        desk_read(&desk, &text);

        for (rest = strbuf_text(&text); *rest != '\0';)
            take_pair(&rest, &keys);
        assert_string_equal(strbuf_text(&keys), "level ts msg namespace name error errorKind ");
        for (size_t byte = 0; byte + 1 < text.length; byte++)
            assert_true((unsigned char)strbuf_text(&text)[byte] >= 0x20);
        assert_null(strstr(strbuf_text(&text), "\xe2\x80"));
        desk_close(&desk);
    }
}

static void test_format_names_are_parsed_in_any_case(void **state maybe_unused)
{
    enum log_format format = LOG_FORMAT_JSON;

    assert_true(log_format_parse("Text", &format));
    assert_int_equal(format, LOG_FORMAT_TEXT);
    assert_true(log_format_parse("json", &format));
    assert_int_equal(format, LOG_FORMAT_JSON);
    assert_false(log_format_parse("console", &format));
    assert_false(log_format_parse("", &format));
}

/* ---- several threads ---- */

enum { THREADS = 4, LINES_EACH = 200, LONG_PART = 1500 };

struct writer {
    const struct log_scope *scope;
    int number;
};

static void *write_many(void *context)
{
    const struct writer *writer = context;
    char part[LONG_PART + 1];

    memset(part, 'a' + writer->number, LONG_PART);
    part[LONG_PART] = '\0';
    for (int i = 0; i < LINES_EACH; i++)
        log_info(writer->scope, "%d %d %s", writer->number, i, part);
    return NULL;
}

/* Each line is whole, and those of one thread come in their order. */
static void assert_lines_of_all_writers(const struct strbuf *text)
{
    auto_json json_t *lines = parse_lines(text);
    int next[THREADS] = {0};

    assert_int_equal(json_array_size(lines), THREADS * LINES_EACH);
    for (size_t i = 0; i < json_array_size(lines); i++) {
        const char *message = document_string(json_array_get(lines, i), "msg");
        int writer = -1, line = -1, offset = 0;

        assert_int_equal(sscanf(message, "%d %d %n", &writer, &line, &offset), 2);
        assert_in_range(writer, 0, THREADS - 1);
        assert_int_equal(line, next[writer]++);
        assert_int_equal(strlen(message + offset), LONG_PART);
        assert_int_equal(message[offset + LONG_PART - 1], 'a' + writer);
    }
}

static void start_writers(const struct log_scope *scope, struct writer *writers, pthread_t *threads)
{
    for (int i = 0; i < THREADS; i++) {
        writers[i] = (struct writer){.scope = scope, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, &writers[i]), 0);
    }
}

static void join_writers(const pthread_t *threads)
{
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void test_lines_of_several_threads_do_not_mix(void **state maybe_unused)
{
    auto_strbuf struct strbuf text = {0};
    struct writer writers[THREADS];
    pthread_t threads[THREADS];
    struct desk desk;

    desk_open(&desk, LOG_LEVEL_INFO);
    start_writers(&desk.scope, writers, threads);
    join_writers(threads);
    desk_read(&desk, &text);

    assert_lines_of_all_writers(&text);
    desk_close(&desk);
}

static void test_a_slow_reader_of_a_non_blocking_pipe_gets_every_line(void **state maybe_unused)
{
    auto_strbuf struct strbuf text = {0};
    struct writer writers[THREADS];
    pthread_t threads[THREADS];
    struct log_scope scope = {0};
    char chunk[4096];
    size_t lines = 0;
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    scope.log = log_new(ends[1], LOG_LEVEL_INFO, LOG_FORMAT_JSON, &timesource_system);
    start_writers(&scope, writers, threads);
    while (lines < THREADS * LINES_EACH) {
        ssize_t got = read(ends[0], chunk, sizeof chunk);

        assert_true(got > 0);
        for (ssize_t i = 0; i < got; i++)
            lines += chunk[i] == '\n';
        strbuf_append(&text, chunk, (size_t)got);
    }
    join_writers(threads);

    assert_lines_of_all_writers(&text);
    log_free(scope.log);
    close(ends[0]);
    close(ends[1]);
}

static void test_a_reader_that_went_away_is_no_failure(void **state maybe_unused)
{
    struct sigaction before, ignore = {.sa_handler = SIG_IGN};
    struct log_scope scope = {0};
    int ends[2];

    assert_int_equal(sigaction(SIGPIPE, &ignore, &before), 0);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    close(ends[0]);
    scope.log = log_new(ends[1], LOG_LEVEL_INFO, LOG_FORMAT_JSON, &timesource_system);
    log_info(&scope, "to nobody");

    log_free(scope.log);
    close(ends[1]);
    sigaction(SIGPIPE, &before, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_has_the_documented_keys_in_order),
        cmocka_unit_test(test_empty_members_are_left_out),
        cmocka_unit_test(test_only_lines_of_the_level_and_above_are_written),
        cmocka_unit_test(test_a_scope_without_log_writes_nothing),
        cmocka_unit_test(test_level_names_are_parsed_in_any_case),
        cmocka_unit_test(test_hostile_text_stays_inside_its_string),
        cmocka_unit_test(test_random_bytes_give_one_valid_line_each),
        cmocka_unit_test(test_a_long_message_is_cut_and_says_so),
        cmocka_unit_test(test_a_line_of_text_has_the_same_keys),
        cmocka_unit_test(test_hostile_text_makes_no_key_and_no_line),
        cmocka_unit_test(test_format_names_are_parsed_in_any_case),
        cmocka_unit_test(test_lines_of_several_threads_do_not_mix),
        cmocka_unit_test(test_a_slow_reader_of_a_non_blocking_pipe_gets_every_line),
        cmocka_unit_test(test_a_reader_that_went_away_is_no_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
