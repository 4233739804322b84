/* Cutting a stream into lines: whatever the pieces, the lines are the same. */
#include "base/memory.h"
#include "kube/watch_decoder.h"
#include "support/test.h"

#include <string.h>

struct taker {
    struct strbuf lines; /* each in brackets */
    size_t count;
    size_t fails_at; /* the number of the line that it refuses; 0 = none */
};

static bool take_line(void *context, const char *line, size_t length, struct error *err)
{
    struct taker *taker = context;

    taker->count++;
    if (taker->count == taker->fails_at)
        return error_set(err, ERROR_GONE, "Expired", "line %zu is refused", taker->count);
    strbuf_append_char(&taker->lines, '[');
    strbuf_append(&taker->lines, line, length);
    strbuf_append_char(&taker->lines, ']');
    return true;
}

/* Feeds a copy that ends where the piece ends, so that a read beyond it is found. */
static bool feed(struct watch_decoder *decoder, const char *bytes, size_t length,
                 struct taker *taker, struct error *err)
{
    auto_free char *piece = length > 0 ? mem_alloc(length) : NULL;

    if (length > 0)
        memcpy(piece, bytes, length);
    return watch_decoder_feed(decoder, piece, length, take_line, taker, err);
}

static void must_feed(struct watch_decoder *decoder, const char *bytes, size_t length,
                      struct taker *taker)
{
    struct error err = {0};

    if (!feed(decoder, bytes, length, taker, &err))
        fail_msg("%s", err.message);
}

static const struct {
    const char *name, *stream, *lines;
} streams[] = {
    {"one line", "{\"type\":\"ADDED\"}\n", "[{\"type\":\"ADDED\"}]"},
    {"three lines", "a\nbb\nccc\n", "[a][bb][ccc]"},
    {"ends of DOS", "a\r\nbb\r\n", "[a][bb]"},
    {"both ends", "a\nb\r\nc\n", "[a][b][c]"},
    {"a carriage return inside", "a\rb\n", "[a\rb]"},
    {"two carriage returns", "a\r\r\n", "[a\r]"},
    {"empty lines", "\n\na\n\n\nb\n\n", "[a][b]"},
    {"empty lines of DOS", "\r\n\r\na\r\n\r\n", "[a]"},
    {"spaces are not empty", " \n", "[ ]"},
    {"UTF-8", "\xc3\xa4\n\xf0\x9f\x90\x98\n", "[\xc3\xa4][\xf0\x9f\x90\x98]"},
    {"an escaped end of line", "{\"a\":\"x\\ny\"}\n", "[{\"a\":\"x\\ny\"}]"},
    {"no end", "a", ""},
    {"no end after a line", "a\nb", "[a]"},
    {"half an end of DOS", "a\nb\r", "[a]"},
    {"nothing", "", ""},
    {"only ends", "\n\r\n\n", ""},
};

static void expect_lines(const char *name, size_t cut, const struct taker *taker,
                         const char *expected)
{
    if (strcmp(strbuf_text(&taker->lines), expected) != 0)
        fail_msg("%s, cut %zu: '%s'", name, cut, strbuf_text(&taker->lines));
}

static void test_any_two_pieces_give_the_same_lines(void **state maybe_unused)
{
    for (size_t i = 0; i < array_length(streams); i++) {
        const char *stream = streams[i].stream;
        size_t length = strlen(stream);

        for (size_t cut = 0; cut <= length; cut++) {
            struct watch_decoder decoder = {0};
            struct taker taker = {0};

            must_feed(&decoder, stream, cut, &taker);
            must_feed(&decoder, stream + cut, length - cut, &taker);

            expect_lines(streams[i].name, cut, &taker, streams[i].lines);
            watch_decoder_release(&decoder);
            strbuf_release(&taker.lines);
        }
    }
}

static void test_pieces_of_one_byte_give_the_same_lines(void **state maybe_unused)
{
    for (size_t i = 0; i < array_length(streams); i++) {
        const char *stream = streams[i].stream;
        struct watch_decoder decoder = {0};
        struct taker taker = {0};

        for (size_t j = 0; stream[j] != '\0'; j++)
            must_feed(&decoder, stream + j, 1, &taker);

        expect_lines(streams[i].name, 1, &taker, streams[i].lines);
        watch_decoder_release(&decoder);
        strbuf_release(&taker.lines);
    }
}

static void test_line_is_handed_out_as_soon_as_its_end_has_come(void **state maybe_unused)
{
    struct watch_decoder decoder = {0};
    struct taker taker = {0};

    must_feed(&decoder, "a\nb", 3, &taker);
    assert_string_equal(strbuf_text(&taker.lines), "[a]");
    must_feed(&decoder, "c", 1, &taker);
    assert_string_equal(strbuf_text(&taker.lines), "[a]");
    must_feed(&decoder, "\n", 1, &taker);
    assert_string_equal(strbuf_text(&taker.lines), "[a][bc]");

    watch_decoder_release(&decoder);
    strbuf_release(&taker.lines);
}

static void test_release_forgets_half_a_line(void **state maybe_unused)
{
    struct watch_decoder decoder = {0};
    struct taker taker = {0};

    must_feed(&decoder, "half", 4, &taker);
    watch_decoder_release(&decoder);
    must_feed(&decoder, "whole\n", 6, &taker);

    assert_string_equal(strbuf_text(&taker.lines), "[whole]");
    watch_decoder_release(&decoder);
    strbuf_release(&taker.lines);
}

static void test_large_line_does_not_hold_its_memory(void **state maybe_unused)
{
    enum { LENGTH = 1024 * 1024 };
    auto_free char *line = mem_alloc(LENGTH);
    struct watch_decoder decoder = {0};
    struct taker taker = {0};

    memset(line, 'x', LENGTH);
    must_feed(&decoder, line, LENGTH, &taker);
    assert_true(decoder.partial.capacity > LENGTH);
    must_feed(&decoder, "\nb", 2, &taker);

    assert_int_equal(taker.count, 1);
    assert_int_equal(taker.lines.length, LENGTH + 2);
    assert_true(decoder.partial.capacity < LENGTH);
    watch_decoder_release(&decoder);
    strbuf_release(&taker.lines);
}

static void test_refused_line_ends_the_piece(void **state maybe_unused)
{
    static const char stream[] = "a\nb\nc\n";
    enum { LENGTH = sizeof stream - 1 };

    for (size_t cut = 0; cut <= LENGTH; cut++) {
        struct watch_decoder decoder = {0};
        struct taker taker = {.fails_at = 2};
        struct error err = {0};
        bool succeeded = feed(&decoder, stream, cut, &taker, &err) &&
                         feed(&decoder, stream + cut, LENGTH - cut, &taker, &err);

        assert_false(succeeded);
        assert_int_equal(err.kind, ERROR_GONE);
        assert_true(error_has_code(&err, "Expired"));
        assert_string_equal(err.message, "line 2 is refused");
        assert_int_equal(taker.count, 2);
        assert_string_equal(strbuf_text(&taker.lines), "[a]");
        watch_decoder_release(&decoder);
        strbuf_release(&taker.lines);
    }
}

/* ---- the limit ---- */

enum limit_outcome { ACCEPTED, TOO_LARGE };

/* A line of `length` bytes and its end, in pieces of `step` bytes. */
static enum limit_outcome feed_line(size_t length, const char *end, size_t step)
{
    size_t total = length + strlen(end);
    auto_free char *stream = mem_alloc(total);
    struct watch_decoder decoder = {0};
    struct taker taker = {0};
    struct error err = {0};
    bool succeeded = true;

    memset(stream, 'x', length);
    memcpy(stream + length, end, strlen(end));
    for (size_t at = 0; at < total && succeeded; at += step)
        succeeded = watch_decoder_feed(&decoder, stream + at, total - at < step ? total - at : step,
                                       take_line, &taker, &err);
    if (succeeded) {
        assert_int_equal(taker.count, 1);
        assert_int_equal(taker.lines.length, length + 2);
    } else {
        assert_int_equal(taker.count, 0);
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_true(error_has_code(&err, "TooLarge"));
        assert_string_equal(
            err.message, "the Kubernetes API server sent a watch event larger than 8388608 bytes");
    }
    watch_decoder_release(&decoder);
    strbuf_release(&taker.lines);
    return succeeded ? ACCEPTED : TOO_LARGE;
}

static void test_limit_is_that_of_the_line_without_its_end(void **state maybe_unused)
{
    static const size_t steps[] = {
        64 * 1024 * 1024,           1024 * 1024, 1000 * 1000, WATCH_LINE_LIMIT_BYTES,
        WATCH_LINE_LIMIT_BYTES + 1,
    };
    static const char *const ends[] = {"\n", "\r\n"};

    for (size_t i = 0; i < array_length(steps) * array_length(ends); i++) {
        size_t step = steps[i / array_length(ends)];
        const char *end = ends[i % array_length(ends)];

        if (feed_line(WATCH_LINE_LIMIT_BYTES, end, step) != ACCEPTED)
            fail_msg("case %zu: a line at the limit was refused", i);
        if (feed_line(WATCH_LINE_LIMIT_BYTES + 1, end, step) != TOO_LARGE)
            fail_msg("case %zu: a line over the limit was accepted", i);
    }
}

static void test_endless_line_is_refused_before_its_end(void **state maybe_unused)
{
    enum { STEP = 1024 * 1024 };
    auto_free char *piece = mem_alloc(STEP);
    struct watch_decoder decoder = {0};
    struct taker taker = {0};
    struct error err = {0};
    size_t fed = 0;

    memset(piece, 'x', STEP);
    while (fed < 100 && watch_decoder_feed(&decoder, piece, STEP, take_line, &taker, &err))
        fed++;

    assert_int_equal(fed, WATCH_LINE_LIMIT_BYTES / STEP);
    assert_true(error_has_code(&err, "TooLarge"));
    watch_decoder_release(&decoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_two_pieces_give_the_same_lines),
        cmocka_unit_test(test_pieces_of_one_byte_give_the_same_lines),
        cmocka_unit_test(test_line_is_handed_out_as_soon_as_its_end_has_come),
        cmocka_unit_test(test_release_forgets_half_a_line),
        cmocka_unit_test(test_large_line_does_not_hold_its_memory),
        cmocka_unit_test(test_refused_line_ends_the_piece),
        cmocka_unit_test(test_limit_is_that_of_the_line_without_its_end),
        cmocka_unit_test(test_endless_line_is_refused_before_its_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
