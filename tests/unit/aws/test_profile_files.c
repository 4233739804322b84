#include "aws/profile_files.h"
#include "base/memory.h"
#include "fake_settings.h"
#include "scratch.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

struct state {
    struct scratch scratch;
    struct fake_setting settings[6];
    size_t count;
    struct profile_files *files;
};

static int set_up(void **context)
{
    struct state *state = mem_alloc(sizeof *state);

    scratch_init(&state->scratch);
    *context = state;
    return 0;
}

static int tear_down(void **context)
{
    struct state *state = *context;

    profile_files_free(state->files);
    scratch_release(&state->scratch);
    free(state);
    return 0;
}

static void set(struct state *state, const char *name, const char *value)
{
    state->settings[state->count++] = (struct fake_setting){name, value};
}

static void set_config(struct state *state, const char *text)
{
    set(state, "AWS_CONFIG_FILE", scratch_write(&state->scratch, "config", text));
}

static void set_credentials(struct state *state, const char *text)
{
    set(state, "AWS_SHARED_CREDENTIALS_FILE", scratch_write(&state->scratch, "credentials", text));
}

static bool load(struct state *state, struct error *err)
{
    struct aws_settings settings = {.read = fake_settings_read, .context = state->settings};

    profile_files_free(state->files);
    state->files = NULL;
    return profile_files_load(&settings, &state->files, err);
}

static void load_well(struct state *state)
{
    struct error err = {0};

    if (!load(state, &err))
        fail_msg("%s", err.message);
}

static void expect(struct state *state, const char *profile, const char *key, const char *expected)
{
    const char *value = profile_files_get(state->files, profile, key);

    if (expected == NULL ? value != NULL : value == NULL || strcmp(value, expected) != 0)
        fail_msg("%s of %s is '%s'", key, profile, value != NULL ? value : "(none)");
}

static void test_no_files_are_no_profiles(void **context)
{
    struct state *state = *context;

    set(state, "HOME", state->scratch.folder);
    load_well(state);

    assert_string_equal(profile_files_active(state->files), "default");
    assert_false(profile_files_has(state->files, "default"));
    assert_string_equal(profile_files_origin(state->files, "default"), "");
}

static void test_sections_and_keys_are_read_as_the_tools_write_them(void **context)
{
    struct state *state = *context;

    set_config(state, "\xef\xbb\xbf# a comment\r\n"
                      "[default]\r\n"
                      "region=eu-west-1\r\n"
                      "\r\n"
                      "[profile prod]\r\n"
                      "  # an indented comment\r\n"
                      "Role_ARN = arn:aws:iam::1:role/r  ; a comment\r\n"
                      "external_id = a#b;c\r\n"
                      "region =\r\n"
                      "[ profile \"two words\" ]\r\n"
                      "region = eu-west-3\r\n"
                      "[sso-session corp]\r\n"
                      "sso_region = x\r\n"
                      "[prod]\r\n"
                      "region = not-read-1\r\n"
                      "[profile prod]\r\n"
                      "source_profile = default");
    load_well(state);

    expect(state, "default", "region", "eu-west-1");
    expect(state, "prod", "role_arn", "arn:aws:iam::1:role/r");
    expect(state, "prod", "external_id", "a#b;c");
    expect(state, "prod", "region", NULL);
    expect(state, "prod", "source_profile", "default");
    expect(state, "two words", "region", "eu-west-3");
    expect(state, "corp", "sso_region", NULL);
    expect(state, "absent", "region", NULL);
}

static void test_credentials_file_wins(void **context)
{
    struct state *state = *context;

    set_config(state, "[profile a]\naws_access_key_id = FROMCONFIG\nregion = eu-west-1\n");
    set_credentials(state, "[a]\naws_access_key_id = FROMCREDENTIALS\n"
                           "aws_access_key_id = LATER\n[profile b]\nregion = x\n");
    load_well(state);

    expect(state, "a", "aws_access_key_id", "LATER");
    expect(state, "a", "region", "eu-west-1");
    expect(state, "b", "region", NULL);
    assert_string_equal(profile_files_origin(state->files, "a"), state->scratch.paths[0]);
}

static void test_blocks_and_continued_values_are_kept_apart(void **context)
{
    struct state *state = *context;

    set_config(state, "[services local]\n"
                      "secrets_manager =\n"
                      "  endpoint_url = http://127.0.0.1:1\n"
                      "\tregion = x # a comment\n"
                      "sts =\n"
                      "  endpoint_url = http://127.0.0.1:2\n"
                      "[default]\n"
                      "services = local\n"
                      "description = first\n"
                      "  second\n");
    load_well(state);

    assert_string_equal(
        profile_files_get_service(state->files, "local", "secrets_manager.endpoint_url"),
        "http://127.0.0.1:1");
    assert_string_equal(profile_files_get_service(state->files, "local", "sts.endpoint_url"),
                        "http://127.0.0.1:2");
    assert_string_equal(profile_files_get_service(state->files, "local", "secrets_manager.region"),
                        "x");
    assert_null(profile_files_get_service(state->files, "other", "sts.endpoint_url"));
    expect(state, "default", "description", "first\nsecond");
}

static void test_active_profile_is_the_named_one(void **context)
{
    struct state *state = *context;

    set_config(state, "[profile a]\nregion = eu-west-1\n[profile b]\nregion = eu-west-2\n");
    set(state, "AWS_DEFAULT_PROFILE", "b");
    load_well(state);
    assert_string_equal(profile_files_active(state->files), "b");

    set(state, "AWS_PROFILE", "a");
    load_well(state);
    assert_string_equal(profile_files_active(state->files), "a");
}

static void test_files_at_their_default_place_are_read(void **context)
{
    struct state *state = *context;

    set(state, "HOME", state->scratch.folder);
    set(state, "AWS_CONFIG_FILE", "~/config");
    scratch_write(&state->scratch, "config", "[default]\nregion = eu-west-1\n");
    load_well(state);

    expect(state, "default", "region", "eu-west-1");
}

/* What must be refused, and what the message must say.  No message may quote a line. */
static void test_broken_files_are_errors_with_file_and_line(void **context)
{
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"[default]\ncanary\n", "line 2 of the AWS file"},
        {"[default]\n= canary\n", "line 2 of the AWS file"},
        {"region = canary\n", "stands before the first section"},
        {"[canary\n", "has no ']'"},
        {"[]\n", "names no section"},
        {"[default]\n  canary = x\n", "belongs to no key"},
        {"[default]\nx =\n  canary\n", "line 3 of the AWS file"},
        {"\n\n[default]\nregion = a\n[profile x]\n  y = canary\n", "line 6 of the AWS file"},
    };
    struct state *state = *context;

    set_config(state, "");
    for (size_t i = 0; i < array_length(rows); i++) {
        struct error err = {0};

        scratch_write(&state->scratch, "config", rows[i].text);
        assert_false(load(state, &err));
        if (strstr(err.message, rows[i].expected) == NULL ||
            strstr(err.message, "/config'") == NULL || strstr(err.message, "canary") != NULL ||
            err.kind != ERROR_INVALID)
            fail_msg("%s", err.message);
    }
}

static void test_nul_character_and_size_are_errors(void **context)
{
    struct state *state = *context;
    auto_free char *large = mem_alloc(300 * 1024);
    struct error err = {0};

    memset(large, '#', 300 * 1024);
    set_config(state, "");
    scratch_write_bytes(&state->scratch, "config", "[default]\nx = a\0b\n", 18);
    assert_false(load(state, &err));
    assert_non_null(strstr(err.message, "NUL"));

    scratch_write_bytes(&state->scratch, "config", large, 300 * 1024);
    assert_false(load(state, &err));
    assert_non_null(strstr(err.message, "larger than"));
}

/* Wherever a file is cut, it is read or refused, and nothing of it is quoted. */
static void test_files_cut_anywhere_are_read_or_refused(void **context)
{
    static const char text[] = "[default]\nrole_arn = canary # x\ns3 =\n  canary = 1\n"
                               "[profile \"canary\"]\nregion = canary\n  canary\n";
    struct state *state = *context;

    set_config(state, "");
    for (size_t length = 0; length <= strlen(text); length++) {
        struct error err = {0};

        scratch_write_bytes(&state->scratch, "config", text, length);
        if (!load(state, &err) &&
            (err.kind != ERROR_INVALID || strstr(err.message, "canary") != NULL))
            fail_msg("after %zu bytes: %s", length, err.message);
    }
}

static void test_named_file_or_profile_must_be_there(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    set(state, "AWS_CONFIG_FILE", "/nowhere/config");
    assert_false(load(state, &err));
    assert_non_null(strstr(err.message, "the file that AWS_CONFIG_FILE names"));
    assert_non_null(strstr(err.message, "/nowhere/config"));

    state->count = 0;
    set_config(state, "[profile a]\n");
    set(state, "AWS_PROFILE", "b");
    assert_false(load(state, &err));
    assert_non_null(strstr(err.message, "AWS_PROFILE names the profile 'b'"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_no_files_are_no_profiles),
        TEST(test_sections_and_keys_are_read_as_the_tools_write_them),
        TEST(test_credentials_file_wins),
        TEST(test_blocks_and_continued_values_are_kept_apart),
        TEST(test_active_profile_is_the_named_one),
        TEST(test_files_at_their_default_place_are_read),
        TEST(test_broken_files_are_errors_with_file_and_line),
        TEST(test_nul_character_and_size_are_errors),
        TEST(test_files_cut_anywhere_are_read_or_refused),
        TEST(test_named_file_or_profile_must_be_there),
    };

    return cmocka_run_group_tests_name("aws/profile_files", tests, NULL, NULL);
}
