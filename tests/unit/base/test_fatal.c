#include "base/document.h"
#include "base/fatal.h"
#include "base/strbuf.h"
#include "support/child_process.h"
#include "support/test.h"

#include <signal.h>
#include <sys/wait.h>

static int end_badly(void *context)
{
    fatal(context);
}

static void test_the_process_says_why_as_one_log_line_and_aborts(void **state maybe_unused)
{
    auto_strbuf struct strbuf output = {0};
    auto_json json_t *line = NULL;
    char sentence[] = "nothing goes any more; do this";
    struct error err = {0};
    int status;

    status = child_process_run(end_badly, sentence, &output);

    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_true(document_parse(strbuf_text(&output), output.length, &line, &err));
    assert_string_equal(document_string(line, "level"), "error");
    assert_string_equal(document_string(line, "msg"), sentence);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_process_says_why_as_one_log_line_and_aborts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
