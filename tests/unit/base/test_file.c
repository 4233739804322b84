#include "base/file.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "support/child_process.h"
#include "support/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct place {
    char folder[64];
    char file[96];
};

static void write_file(const char *path, const char *bytes, size_t length)
{
    FILE *stream = fopen(path, "w");

    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, length, stream), length);
    assert_int_equal(fclose(stream), 0);
}

static int set_up(void **state)
{
    struct place *place = mem_alloc(sizeof *place);

    strcpy(place->folder, "/tmp/dbuo-test-file-XXXXXX");
    if (mkdtemp(place->folder) == NULL)
        return -1;
    snprintf(place->file, sizeof place->file, "%s/file", place->folder);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;

    unlink(place->file);
    rmdir(place->folder);
    free(place);
    return 0;
}

static void test_the_content_is_appended_whatever_its_bytes(void **state)
{
    struct place *place = *state;
    auto_strbuf struct strbuf content = {0};
    struct error err = {0};
    char bytes[10000];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7);
    write_file(place->file, bytes, sizeof bytes);
    strbuf_append_text(&content, "before");
    assert_true(file_read(place->file, 1 << 20, &content, &err));

    assert_int_equal(content.length, 6 + sizeof bytes);
    assert_memory_equal(strbuf_text(&content), "before", 6);
    assert_memory_equal(strbuf_text(&content) + 6, bytes, sizeof bytes);
    assert_int_equal(err.kind, ERROR_NONE);
}

static void test_an_empty_file_is_no_error(void **state)
{
    struct place *place = *state;
    auto_strbuf struct strbuf content = {0};
    struct error err = {0};

    write_file(place->file, "", 0);

    assert_true(file_read(place->file, 0, &content, &err));
    assert_int_equal(content.length, 0);
}

static void test_the_limit_is_exact(void **state)
{
    struct place *place = *state;
    auto_strbuf struct strbuf content = {0};
    struct error err = {0};

    write_file(place->file, "12345", 5);
    assert_false(file_read(place->file, 4, &content, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_non_null(strstr(err.message, "larger than 4 bytes"));
    assert_non_null(strstr(err.message, place->file));
    assert_int_equal(content.length, 0);

    assert_true(file_read(place->file, 5, &content, &err));
    assert_string_equal(strbuf_text(&content), "12345");
}

static void test_a_missing_file_is_not_found_by_its_path(void **state)
{
    struct place *place = *state;
    auto_strbuf struct strbuf content = {0};
    struct error err = {0};

    assert_false(file_read(place->file, 100, &content, &err));

    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_non_null(strstr(err.message, place->file));
    assert_non_null(strstr(err.message, "No such file"));
}

static void test_a_folder_and_a_pipe_are_refused_without_waiting(void **state)
{
    struct place *place = *state;
    auto_strbuf struct strbuf content = {0};
    struct error err = {0};

    assert_false(file_read(place->folder, 100, &content, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_int_equal(mkfifo(place->file, 0600), 0);
    assert_false(file_read(place->file, 100, &content, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_non_null(strstr(err.message, "not a regular file"));
}

static void test_a_swapped_link_is_seen(void **state)
{
    struct place *place = *state;
    auto_strbuf struct strbuf content = {0};
    auto_free char *old = mem_printf("%s/old", place->folder);
    auto_free char *fresh = mem_printf("%s/fresh", place->folder);
    auto_free char *link = mem_printf("%s/link", place->folder);
    struct error err = {0};

    write_file(old, "old", 3);
    write_file(fresh, "fresh", 5);
    assert_int_equal(symlink(old, place->file), 0);
    assert_true(file_read(place->file, 100, &content, &err));
    assert_int_equal(symlink(fresh, link), 0);
    assert_int_equal(rename(link, place->file), 0);
    assert_true(file_read(place->file, 100, &content, &err));

    assert_string_equal(strbuf_text(&content), "oldfresh");
    unlink(old);
    unlink(fresh);
}

static int read_as_somebody(void *context)
{
    auto_strbuf struct strbuf content = {0};
    struct error err = {0};

    if (getuid() == 0 && setuid(65534) != 0) /* root may read everything */
        return 1;
    if (file_read(context, 100, &content, &err))
        return 2;
    return err.kind == ERROR_DENIED && strstr(err.message, context) != NULL ? 0 : 3;
}

static void test_a_file_that_we_may_not_read_is_denied(void **state)
{
    struct place *place = *state;
    auto_strbuf struct strbuf output = {0};
    int status;

    write_file(place->file, "x", 1);
    assert_int_equal(chmod(place->file, 0), 0);
    status = child_process_run(read_as_somebody, place->file, &output);

    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

#define with_place(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_place(test_the_content_is_appended_whatever_its_bytes),
        with_place(test_an_empty_file_is_no_error),
        with_place(test_the_limit_is_exact),
        with_place(test_a_missing_file_is_not_found_by_its_path),
        with_place(test_a_folder_and_a_pipe_are_refused_without_waiting),
        with_place(test_a_swapped_link_is_seen),
        with_place(test_a_file_that_we_may_not_read_is_denied),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
