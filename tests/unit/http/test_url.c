#include "base/strbuf.h"
#include "http/url.h"
#include "support/test.h"

static void test_segment_keeps_a_slash_inside_itself(void **state)
{
    auto_strbuf struct strbuf url = {0};

    (void)state;
    strbuf_append_text(&url, "https://host/api");
    url_append_segment(&url, "v1");
    url_append_segment(&url, "a/b c%?#");

    assert_string_equal(strbuf_text(&url), "https://host/api/v1/a%2Fb%20c%25%3F%23");
}

static void test_query_starts_with_a_question_mark_and_goes_on_with_ampersands(void **state)
{
    auto_strbuf struct strbuf url = {0};

    (void)state;
    strbuf_append_text(&url, "/x");
    url_append_query(&url, "limit", "500");
    url_append_query(&url, "absent", NULL);
    url_append_query(&url, "continue", "a=b&c");
    url_append_query(&url, "empty", "");

    assert_string_equal(strbuf_text(&url), "/x?limit=500&continue=a%3Db%26c&empty=");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segment_keeps_a_slash_inside_itself),
        cmocka_unit_test(test_query_starts_with_a_question_mark_and_goes_on_with_ampersands),
    };

    return cmocka_run_group_tests_name("http/url", tests, NULL, NULL);
}
