#include "base/memory.h"
#include "client_fixture.h"
#include "kube/leader_election.h"
#include "support/test.h"

#include <string.h>
#include <unistd.h>

#define LEASES "https://api:6443/apis/coordination.k8s.io/v1/namespaces/system/leases"
#define LEASE  LEASES "/op"
#define STATUS(code, reason) \
    "{\"kind\":\"Status\",\"message\":\"no\",\"reason\":\"" reason "\",\"code\":" #code "}"
#define TIME                  "\"1970-01-01T00:00:00.000000Z\""
#define HELD(version, holder) SHOWN(version, holder, "6")
#define GIVEN_BACK(version)   SHOWN(version, "", "1")
#define SHOWN(version, holder, duration)                                                           \
    "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":\"op\"," \
    "\"namespace\":\"system\",\"resourceVersion\":\"" version "\"},\"spec\":{\"holderIdentity\":"  \
    "\"" holder "\",\"leaseDurationSeconds\":" duration ",\"acquireTime\":" TIME                   \
    ",\"renewTime\":" TIME ",\"leaseTransitions\":0}}"

/* Calm enough to do something before the next attempt; hurried where attempts are counted. */
enum { PATIENCE_MS = 10 * 1000, CALM_MS = 1000, HURRIED_MS = 10 };

struct fixture {
    struct client_fixture client;
    struct log *log;
    struct log_scope scope;
    int pipe[2];
    struct cancellation *stopping;
    struct cancellation *leading; /* requested by on_leading() */
    struct cancellation *lost;    /* by on_lost() */
    struct leader_election *election;

    /* Of its thread. */
    char calls[64]; /* "r" renewed, "l" leading, "x" lost */
    int64_t valid_until_ms;
    char reason[ERROR_MESSAGE_SIZE];

    int renewals_in_time; /* before on_renewed() says no */
};

static bool on_renewed(void *context, int64_t valid_until_ms)
{
    struct fixture *fixture = context;

    if (strlen(fixture->calls) < sizeof fixture->calls - 2)
        strcat(fixture->calls, "r");
    fixture->valid_until_ms = valid_until_ms;
    return fixture->renewals_in_time-- > 0;
}

static void on_leading(void *context)
{
    struct fixture *fixture = context;

    strcat(fixture->calls, "l");
    cancellation_request(fixture->leading);
}

static void on_lost(void *context, const struct error *reason)
{
    struct fixture *fixture = context;

    strcat(fixture->calls, "x");
    strcpy(fixture->reason, reason->message);
    cancellation_request(fixture->lost);
}

static int set_up_with(void **state, uint64_t period_ms)
{
    struct fixture *fixture = mem_alloc(sizeof *fixture);

    client_fixture_init(&fixture->client, SCRIPTED_IN_ORDER);
    fixture->renewals_in_time = 1000;
    assert_int_equal(pipe(fixture->pipe), 0);
    fixture->log =
        log_new(fixture->pipe[1], LOG_LEVEL_INFO, LOG_FORMAT_JSON, &fixture->client.clock.source);
    fixture->scope = (struct log_scope){.log = fixture->log};
    fixture->stopping = cancellation_new();
    fixture->leading = cancellation_new();
    fixture->lost = cancellation_new();
    fixture->election = leader_election_new(&(struct leader_election_options){
        .client = fixture->client.client,
        .log = &fixture->scope,
        .metrics = fixture->client.metrics,
        .namespace_name = "system",
        .name = "op",
        .identity = "us",
        .timing = {.lease_duration_ms = 6000,
                   .renew_deadline_ms = 4000,
                   .retry_period_ms = period_ms},
        .stopping = fixture->stopping,
        .on_renewed = on_renewed,
        .on_leading = on_leading,
        .on_lost = on_lost,
        .context = fixture,
    });
    *state = fixture;
    return 0;
}

static int set_up(void **state)
{
    return set_up_with(state, HURRIED_MS);
}

static int set_up_calm(void **state)
{
    return set_up_with(state, CALM_MS);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    leader_election_free(fixture->election);
    cancellation_free(fixture->stopping);
    cancellation_free(fixture->leading);
    cancellation_free(fixture->lost);
    log_free(fixture->log);
    close(fixture->pipe[0]);
    close(fixture->pipe[1]);
    client_fixture_release(&fixture->client);
    free(fixture);
    return 0;
}

static void expect(struct fixture *fixture, const char *method, int status, const char *answer)
{
    scripted_transport_expect(
        fixture->client.transport,
        &(struct scripted_exchange){.method = method, .status = status, .answer = answer});
}

static void expect_taking(struct fixture *fixture)
{
    expect(fixture, "GET", 404, STATUS(404, "NotFound"));
    expect(fixture, "POST", 201, HELD("1", "us"));
}

static void expect_giving_back(struct fixture *fixture)
{
    scripted_transport_expect(fixture->client.transport,
                              &(struct scripted_exchange){.method = "PUT",
                                                          .url = LEASE,
                                                          .body_json = GIVEN_BACK("1"),
                                                          .answer = GIVEN_BACK("2")});
}

static void await_requests(struct fixture *fixture, size_t count)
{
    assert_true(
        scripted_transport_wait_for_requests(fixture->client.transport, count, PATIENCE_MS));
}

static void finish(struct fixture *fixture)
{
    cancellation_request(fixture->stopping);
    leader_election_finish(fixture->election);
}

/* What was logged so far. */
static void read_log(struct fixture *fixture, size_t size, char *ret_text)
{
    ssize_t length;

    assert_int_equal(write(fixture->pipe[1], "\n", 1), 1);
    length = read(fixture->pipe[0], ret_text, size - 1);
    assert_true(length > 0);
    ret_text[length] = '\0';
}

static int count_in(const char *text, const char *part)
{
    int count = 0;

    for (; (text = strstr(text, part)) != NULL; text += strlen(part))
        count++;
    return count;
}

/* ---- tests ---- */

static void test_the_end_is_told_before_the_leading_and_the_lease_given_back_last(void **state)
{
    struct fixture *fixture = *state;
    char log[4096];

    client_fixture_expect_metric(&fixture->client,
                                 "leader_election_master_status{name=\"op\"} 0\n");
    expect_taking(fixture);
    leader_election_start(fixture->election);
    assert_true(cancellation_wait(fixture->leading, PATIENCE_MS));
    client_fixture_expect_metric(&fixture->client,
                                 "leader_election_master_status{name=\"op\"} 1\n");
    expect_giving_back(fixture);
    finish(fixture);

    assert_memory_equal(fixture->calls, "rl", 2);
    assert_int_equal(fixture->valid_until_ms,
                     timesource_monotonic_ms(&fixture->client.clock.source) + 4000);
    client_fixture_expect_metric(&fixture->client,
                                 "leader_election_master_status{name=\"op\"} 0\n");
    read_log(fixture, sizeof log, log);
    assert_non_null(strstr(log, "leading: Lease system/op is held as 'us'"));
    assert_non_null(strstr(log, "gave back Lease system/op"));
}

static void test_who_leads_renews_on_while_the_others_stop(void **state)
{
    struct fixture *fixture = *state;

    expect_taking(fixture);
    leader_election_start(fixture->election);
    assert_true(cancellation_wait(fixture->leading, PATIENCE_MS));
    expect(fixture, "PUT", 200, HELD("1", "us"));
    cancellation_request(fixture->stopping);
    await_requests(fixture, 3);
    expect_giving_back(fixture);
    finish(fixture);

    assert_string_equal(fixture->calls, "rlr");
}

static void test_who_follows_ends_at_once_and_writes_nothing(void **state)
{
    struct fixture *fixture = *state;
    char log[4096];

    for (int i = 0; i < 3; i++)
        expect(fixture, "GET", 200, HELD("1", "other"));
    scripted_transport_expect(fixture->client.transport,
                              &(struct scripted_exchange){.method = "GET", .hang = true});
    assert_false(leader_election_is_informed(fixture->election));
    leader_election_start(fixture->election);
    await_requests(fixture, 4);
    assert_true(leader_election_is_informed(fixture->election));
    cancellation_request(fixture->stopping);
    finish(fixture);

    assert_string_equal(fixture->calls, "");
    read_log(fixture, sizeof log, log);
    assert_int_equal(count_in(log, "standing by: Lease system/op is held by 'other'"), 1);
}

static void test_a_lease_that_was_taken_away_is_told_and_left_alone(void **state)
{
    struct fixture *fixture = *state;

    expect_taking(fixture);
    expect(fixture, "PUT", 409, STATUS(409, "Conflict"));
    expect(fixture, "GET", 200, HELD("3", "other"));
    leader_election_start(fixture->election);
    assert_true(cancellation_wait(fixture->lost, PATIENCE_MS));
    client_fixture_expect_metric(&fixture->client,
                                 "leader_election_master_status{name=\"op\"} 0\n");
    finish(fixture);

    assert_string_equal(fixture->calls, "rlx");
    assert_non_null(strstr(fixture->reason, "was taken by 'other'"));
}

static void test_a_renewal_after_the_end_does_not_bring_it_back(void **state)
{
    struct fixture *fixture = *state;

    expect_taking(fixture);
    expect(fixture, "PUT", 200, HELD("1", "us"));
    fixture->renewals_in_time = 1;
    leader_election_start(fixture->election);
    assert_true(cancellation_wait(fixture->lost, PATIENCE_MS));
    finish(fixture);

    assert_string_equal(fixture->calls, "rlrx");
    assert_non_null(strstr(fixture->reason, "was renewed too late"));
}

static void test_failures_are_told_once_and_so_is_their_end(void **state)
{
    struct fixture *fixture = *state;
    char log[8192];

    for (int i = 0; i < 3; i++)
        expect(fixture, "GET", 403, STATUS(403, "Forbidden"));
    scripted_transport_expect(fixture->client.transport,
                              &(struct scripted_exchange){.method = "GET",
                                                          .gate = fixture->leading,
                                                          .answer = HELD("1", "other")});
    expect(fixture, "GET", 500, STATUS(500, "InternalError"));
    scripted_transport_expect(fixture->client.transport,
                              &(struct scripted_exchange){.method = "GET", .hang = true});
    leader_election_start(fixture->election);
    await_requests(fixture, 4);
    assert_false(leader_election_is_informed(fixture->election));
    cancellation_request(fixture->leading);
    await_requests(fixture, 6);
    finish(fixture);

    read_log(fixture, sizeof log, log);
    assert_int_equal(count_in(log, "leader election does not work; trying again"), 2);
    assert_int_equal(count_in(log, "leader election works again"), 1);
}

static void test_a_thread_that_is_stuck_is_not_alive(void **state)
{
    struct fixture *fixture = *state;

    scripted_transport_expect(fixture->client.transport,
                              &(struct scripted_exchange){.method = "GET", .hang = true});
    leader_election_start(fixture->election);
    await_requests(fixture, 1);
    fake_timesource_advance_ms(&fixture->client.clock, 25999);
    assert_true(leader_election_is_alive(fixture->election));
    fake_timesource_advance_ms(&fixture->client.clock, 1);
    assert_false(leader_election_is_alive(fixture->election));
    finish(fixture);
}

static void test_the_identity_is_the_pods_or_unlike_all_others(void **state maybe_unused)
{
    auto_free char *pod = leader_election_identity("op-1", "uid-1", &random_system);
    auto_free char *first = leader_election_identity("op-1", NULL, &random_system);
    auto_free char *second = leader_election_identity(NULL, "uid-1", &random_system);

    assert_string_equal(pod, "op-1_uid-1");
    assert_string_not_equal(first, second);
    assert_true(strlen(first) > RANDOM_UUID_SIZE);
    assert_null(strstr(first, "op-1"));
}

#define TEST(function)        cmocka_unit_test_setup_teardown(function, set_up, tear_down)
#define TEST_CALMLY(function) cmocka_unit_test_setup_teardown(function, set_up_calm, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_CALMLY(test_the_end_is_told_before_the_leading_and_the_lease_given_back_last),
        TEST_CALMLY(test_who_leads_renews_on_while_the_others_stop),
        TEST(test_who_follows_ends_at_once_and_writes_nothing),
        TEST(test_a_lease_that_was_taken_away_is_told_and_left_alone),
        TEST(test_a_renewal_after_the_end_does_not_bring_it_back),
        TEST(test_failures_are_told_once_and_so_is_their_end),
        TEST(test_a_thread_that_is_stuck_is_not_alive),
        cmocka_unit_test(test_the_identity_is_the_pods_or_unlike_all_others),
    };

    return cmocka_run_group_tests_name("kube/leader_election", tests, NULL, NULL);
}
