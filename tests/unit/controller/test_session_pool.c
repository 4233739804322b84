#include "base/memory.h"
#include "controller/session_pool.h"
#include "support/fake_timesource.h"
#include "support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* --- A driver whose sessions are numbers ----------------------------------------------------- */

static atomic_int opened, closed, resets;
static atomic_bool is_down; /* sessions that were opened before are dead */

struct engine_session {
    int number;
    const struct connection_string *server; /* borrowed: must outlive the session */
};

static bool connect(const struct engine_connect_request *request,
                    struct engine_session **ret_session, struct error *err)
{
    struct engine_session *session;

    if (strcmp(secret_reveal(&request->server->password), "wrong") == 0)
        return error_set(err, ERROR_DENIED, NULL, "refused");
    session = mem_alloc(sizeof *session);
    session->number = ++opened;
    session->server = request->server;
    *ret_session = session;
    return true;
}

static void disconnect(struct engine_session *session)
{
    closed++;
    free(session);
}

static bool reset(struct engine_session *session, struct error *err)
{
    resets++;
    assert_non_null(session->server->username);
    return !atomic_load(&is_down) || error_set(err, ERROR_UNAVAILABLE, NULL, "gone");
}

static const struct engine_driver driver = {
    .connect = connect,
    .disconnect = disconnect,
    .reset = reset,
};
static const struct engine_driver other_driver = {
    .connect = connect,
    .disconnect = disconnect,
    .reset = reset,
};

/* --- The pool -------------------------------------------------------------------------------- */

struct fixture {
    struct fake_timesource clock;
    struct session_pool *pool;
    struct admin_connection admin;
};

static void parse(struct admin_connection *connection, const char *url)
{
    auto_secret struct secret text = {0};
    struct error err = {0};

    admin_connection_release(connection);
    secret_set_text(&text, url);
    if (!connection_string_parse_postgres(&text, &connection->server, &err))
        fail_msg("%s", err.message);
}

#define URL "postgresql://admin:password@db:5432/postgres"

static int set_up(void **state)
{
    struct fixture *fixture = mem_alloc(sizeof *fixture);

    opened = closed = resets = 0;
    is_down = false;
    fake_timesource_init(&fixture->clock, 0);
    fixture->pool = session_pool_new(&(struct session_pool_options){
        .timesource = &fixture->clock.source,
        .idle_timeout_ms = 5000,
        .age_limit_ms = 60000,
    });
    parse(&fixture->admin, URL);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    session_pool_free(fixture->pool);
    assert_int_equal(opened, closed);
    admin_connection_release(&fixture->admin);
    free(fixture);
    return 0;
}

static struct admin_session *open_session(struct fixture *fixture)
{
    struct engine_connect_request request = {.timesource = &fixture->clock.source};
    struct admin_session *session = NULL;
    struct error err = {0};

    if (!admin_session_open(&driver, &fixture->admin, &request, &session, &err))
        fail_msg("%s", err.message);
    return session;
}

/* The number of the session that a pass works on. */
static int pass(struct fixture *fixture)
{
    struct admin_session *session = session_pool_take(fixture->pool, &driver, &fixture->admin);
    int number;

    if (session == NULL)
        session = open_session(fixture);
    number = session->engine->number;
    session_pool_give_back(fixture->pool, session);
    return number;
}

static void test_burst_uses_one_session_and_resets_it_each_time(void **state)
{
    struct fixture *fixture = *state;

    for (int i = 0; i < 10; i++) {
        assert_int_equal(pass(fixture), 1);
        fake_timesource_advance_ms(&fixture->clock, 4000);
    }
    assert_int_equal(opened, 1);
    assert_int_equal(resets, 9);
}

static void test_session_has_what_it_logged_in_with_to_itself(void **state)
{
    struct fixture *fixture = *state;
    struct admin_session *session = open_session(fixture);

    parse(&fixture->admin, "postgresql://other:other@other:1/other");
    assert_string_equal(session->engine->server->username, "admin");
    session_pool_give_back(fixture->pool, session);
}

static void test_session_is_lent_to_nobody_who_logs_in_otherwise(void **state)
{
    static const char *const others[] = {
        "postgresql://admin:rotated@db:5432/postgres",
        "postgresql://other:password@db:5432/postgres",
        "postgresql://admin:password@db:5433/postgres",
        "postgresql://admin:password@db2:5432/postgres",
        "postgresql://admin:password@db:5432,db2:5432/postgres",
        "postgresql://admin:password@db:5432/other",
        "postgresql://admin:password@db:5432",
        "postgresql://admin:password@db:5432/postgres?sslmode=verify-full",
        "postgresql://admin:password@db:5432/postgres?channel_binding=disable",
    };
    struct fixture *fixture = *state;

    pass(fixture);
    for (size_t i = 0; i < array_length(others); i++) {
        parse(&fixture->admin, others[i]);
        if (session_pool_take(fixture->pool, &driver, &fixture->admin) != NULL)
            fail_msg("lent to %s", others[i]);
    }
    parse(&fixture->admin, URL);
    fixture->admin.ca_pem = mem_strdup("another CA");
    assert_null(session_pool_take(fixture->pool, &driver, &fixture->admin));
    parse(&fixture->admin, URL);
    assert_null(session_pool_take(fixture->pool, &other_driver, &fixture->admin));
    assert_int_equal(pass(fixture), 1);
}

static void test_two_at_once_have_two_and_a_third_is_not_kept(void **state)
{
    struct fixture *fixture = *state;
    struct admin_session *sessions[3];

    for (size_t i = 0; i < array_length(sessions); i++)
        sessions[i] = open_session(fixture);
    for (size_t i = 0; i < array_length(sessions); i++)
        session_pool_give_back(fixture->pool, sessions[i]);

    assert_int_equal(closed, 1);
    for (size_t i = 0; i < 2; i++)
        sessions[i] = session_pool_take(fixture->pool, &driver, &fixture->admin);
    assert_null(session_pool_take(fixture->pool, &driver, &fixture->admin));
    for (size_t i = 0; i < 2; i++)
        admin_session_close(sessions[i]);
}

static void test_restarted_server_gets_a_fresh_session(void **state)
{
    struct fixture *fixture = *state;
    struct admin_session *one = open_session(fixture), *two = open_session(fixture);

    session_pool_give_back(fixture->pool, one);
    session_pool_give_back(fixture->pool, two);
    is_down = true;

    assert_null(session_pool_take(fixture->pool, &driver, &fixture->admin));
    assert_int_equal(resets, 1); /* one tells of both */
    assert_int_equal(closed, 2);
}

static void test_idle_session_is_not_lent_after_its_time(void **state)
{
    struct fixture *fixture = *state;

    pass(fixture);
    fake_timesource_advance_ms(&fixture->clock, 5000);

    assert_int_equal(pass(fixture), 2);
    assert_int_equal(closed, 1);
}

static void test_old_session_is_not_lent_however_busy(void **state)
{
    struct fixture *fixture = *state;

    for (int i = 0; i < 15; i++) {
        assert_int_equal(pass(fixture), 1);
        fake_timesource_advance_ms(&fixture->clock, 4000);
    }
    assert_int_equal(pass(fixture), 2);
}

static void test_template_database_is_left_at_once(void **state)
{
    struct fixture *fixture = *state;

    parse(&fixture->admin, "postgresql://admin:password@db:5432/template1");
    pass(fixture);

    assert_int_equal(closed, 1);
}

static void test_failed_login_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct engine_connect_request request = {.timesource = &fixture->clock.source};
    struct admin_session *session = NULL;
    struct error err = {0};

    parse(&fixture->admin, "postgresql://admin:wrong@db:5432/postgres");
    assert_false(admin_session_open(&driver, &fixture->admin, &request, &session, &err));
    assert_int_equal(err.kind, ERROR_DENIED);
    assert_null(session);
}

static void test_idle_session_is_closed_by_itself(void **state)
{
    struct fixture *fixture = *state;
    int64_t deadline = timesource_monotonic_ms(&timesource_system) + 10000;
    struct session_pool *pool = session_pool_new(&(struct session_pool_options){
        .timesource = &timesource_system,
        .idle_timeout_ms = 50,
    });
    struct engine_connect_request request = {.timesource = &timesource_system};
    struct admin_session *session = NULL;
    struct error err = {0};

    assert_true(admin_session_open(&driver, &fixture->admin, &request, &session, &err));
    session_pool_give_back(pool, session);
    while (closed == 0 && timesource_monotonic_ms(&timesource_system) < deadline)
        sched_yield();

    assert_int_equal(closed, 1);
    session_pool_free(pool);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_burst_uses_one_session_and_resets_it_each_time),
        TEST(test_session_has_what_it_logged_in_with_to_itself),
        TEST(test_session_is_lent_to_nobody_who_logs_in_otherwise),
        TEST(test_two_at_once_have_two_and_a_third_is_not_kept),
        TEST(test_restarted_server_gets_a_fresh_session),
        TEST(test_idle_session_is_not_lent_after_its_time),
        TEST(test_old_session_is_not_lent_however_busy),
        TEST(test_template_database_is_left_at_once),
        TEST(test_failed_login_leaves_nothing),
        TEST(test_idle_session_is_closed_by_itself),
    };

    return cmocka_run_group_tests_name("controller/session_pool", tests, NULL, NULL);
}
