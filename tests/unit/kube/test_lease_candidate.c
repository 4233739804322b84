#include "base/memory.h"
#include "client_fixture.h"
#include "kube/lease_candidate.h"
#include "support/test.h"

#include <string.h>

#define LEASES "https://api:6443/apis/coordination.k8s.io/v1/namespaces/system/leases"
#define LEASE  LEASES "/op"
#define STATUS(code, reason) \
    "{\"kind\":\"Status\",\"message\":\"no\",\"reason\":\"" reason "\",\"code\":" #code "}"

/* How the API server shows it. */
#define SHOWN(version, spec)                                                                \
    "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":" \
    "\"op\",\"namespace\":\"system\",\"resourceVersion\":\"" version "\"},\"spec\":{" spec "}}"
#define SPEC(holder, duration, acquired, renewed, transitions)                               \
    "\"holderIdentity\":\"" holder "\",\"leaseDurationSeconds\":" duration                   \
    ",\"acquireTime\":\"1970-01-01T00:00:" acquired ".000000Z\",\"renewTime\":\"1970-01-01T" \
    "00:00:" renewed ".000000Z\",\"leaseTransitions\":" transitions
#define OTHERS(version, renewed)         SHOWN(version, SPEC("other", "15", "00", renewed, "3"))
#define OURS(version, acquired, renewed) SHOWN(version, SPEC("us", "15", acquired, renewed, "0"))

struct fixture {
    struct client_fixture client;
    struct lease_candidate candidate;
    struct error err;
};

static int set_up(void **state)
{
    struct fixture *fixture = mem_alloc(sizeof *fixture);

    client_fixture_init(&fixture->client, SCRIPTED_IN_ORDER);
    fixture->candidate = (struct lease_candidate){
        .client = fixture->client.client,
        .namespace_name = "system",
        .name = "op",
        .identity = "us",
        .timing = {.lease_duration_ms = 15000, .renew_deadline_ms = 10000, .retry_period_ms = 2000},
    };
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    lease_candidate_release(&fixture->candidate);
    client_fixture_release(&fixture->client);
    free(fixture);
    return 0;
}

static void advance_s(struct fixture *fixture, int64_t seconds)
{
    fake_timesource_advance_ms(&fixture->client.clock, seconds * 1000);
}

static void expect(struct fixture *fixture, const struct scripted_exchange *exchange)
{
    scripted_transport_expect(fixture->client.transport, exchange);
}

static void expect_get(struct fixture *fixture, const char *answer)
{
    expect(fixture, &(struct scripted_exchange){.method = "GET", .url = LEASE, .answer = answer});
}

static void expect_none(struct fixture *fixture)
{
    expect(fixture,
           &(struct scripted_exchange){
               .method = "GET", .url = LEASE, .status = 404, .answer = STATUS(404, "NotFound")});
}

static void expect_put(struct fixture *fixture, const char *body, const char *answer)
{
    expect(fixture, &(struct scripted_exchange){
                        .method = "PUT", .url = LEASE, .body_json = body, .answer = answer});
}

static void expect_refusal(struct fixture *fixture, const char *method, int status,
                           const char *answer)
{
    expect(fixture,
           &(struct scripted_exchange){.method = method, .status = status, .answer = answer});
}

static void expect_silence(struct fixture *fixture, const char *method)
{
    expect(fixture, &(struct scripted_exchange){.method = method,
                                                .timesource = &fixture->client.clock,
                                                .falls_silent = true});
}

static void try(struct fixture *fixture, enum lease_state wanted)
{
    enum lease_state state =
        lease_candidate_try(&fixture->candidate, fixture->client.cancellation, &fixture->err);

    if (state != wanted)
        fail_msg("state %d instead of %d: %s", (int)state, (int)wanted, fixture->err.message);
    assert_int_equal(fixture->candidate.state, wanted);
}

static void check_error(const struct fixture *fixture, enum error_kind kind, const char *part)
{
    if (fixture->err.kind != kind || strstr(fixture->err.message, part) == NULL)
        fail_msg("%s: %s", error_kind_name(fixture->err.kind), fixture->err.message);
}

static int64_t now_ms(struct fixture *fixture)
{
    return timesource_monotonic_ms(&fixture->client.clock.source);
}

/* The Lease as we take it at the second 0, when there is none. */
static void lead(struct fixture *fixture)
{
    expect_none(fixture);
    expect(fixture, &(struct scripted_exchange){
                        .method = "POST", .url = LEASES, .answer = OURS("1", "00", "00")});
    try(fixture, LEASE_LEADS);
}

/* ---- taking ---- */

static void test_one_that_is_missing_is_made(void **state)
{
    struct fixture *fixture = *state;

    expect_none(fixture);
    expect(fixture,
           &(struct scripted_exchange){
               .method = "POST",
               .url = LEASES,
               .body_json =
                   "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{"
                   "\"name\":\"op\",\"namespace\":\"system\"},\"spec\":{" SPEC("us", "15", "00",
                                                                               "00", "0") "}}",
               .status = 201,
               .answer = OURS("1", "00", "00")});
    try(fixture, LEASE_LEADS);

    assert_int_equal(fixture->err.kind, ERROR_NONE);
    assert_int_equal(fixture->candidate.valid_until_ms, now_ms(fixture) + 10000);
    assert_string_equal(lease_candidate_holder(&fixture->candidate), "us");
}

static void test_who_comes_second_follows(void **state)
{
    struct fixture *fixture = *state;

    expect_none(fixture);
    expect_refusal(fixture, "POST", 409, STATUS(409, "AlreadyExists"));
    try(fixture, LEASE_FOLLOWS);
    check_error(fixture, ERROR_CONFLICT, "writing Lease system/op");

    expect_get(fixture, OTHERS("1", "00"));
    try(fixture, LEASE_FOLLOWS);
    assert_int_equal(fixture->err.kind, ERROR_NONE);
    assert_string_equal(lease_candidate_holder(&fixture->candidate), "other");
}

static void test_a_dead_holders_is_taken_after_its_duration_and_no_sooner(void **state)
{
    struct fixture *fixture = *state;
    static const char held[] = SHOWN("7", SPEC("other", "20", "00", "00", "3"));

    expect_get(fixture, held);
    try(fixture, LEASE_FOLLOWS);
    fake_timesource_advance_ms(&fixture->client.clock, 19999);
    expect_get(fixture, held);
    try(fixture, LEASE_FOLLOWS);

    fake_timesource_advance_ms(&fixture->client.clock, 1);
    expect_get(fixture, held);
    expect_put(fixture, SHOWN("7", SPEC("us", "15", "20", "20", "4")), OURS("8", "20", "20"));
    try(fixture, LEASE_LEADS);
}

static void test_every_renewal_of_the_holder_counts_whatever_its_clock_says(void **state)
{
    static const char *const renewals[] = {"02", "01", "59", "00"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < array_length(renewals); i++) {
        auto_free char *shown =
            mem_printf(SHOWN("9", SPEC("other", "15", "00", "%s", "3")), renewals[i]);

        expect_get(fixture, shown);
        try(fixture, LEASE_FOLLOWS);
        advance_s(fixture, 14);
    }
    expect_get(fixture, OTHERS("9", "00"));
    try(fixture, LEASE_FOLLOWS);
    advance_s(fixture, 1);
    expect_get(fixture, OTHERS("9", "00"));
    expect_put(fixture, NULL, OURS("10", "57", "57"));
    try(fixture, LEASE_LEADS);
}

static void test_what_others_write_beside_it_does_not_prolong_it(void **state)
{
    struct fixture *fixture = *state;

    expect_get(fixture, OTHERS("1", "00"));
    try(fixture, LEASE_FOLLOWS);
    advance_s(fixture, 15);
    expect_get(fixture, OTHERS("2", "00")); /* a label, say */
    expect_put(fixture, NULL, OURS("3", "15", "15"));
    try(fixture, LEASE_LEADS);
}

static void test_one_that_was_given_back_is_taken_at_once(void **state)
{
    struct fixture *fixture = *state;

    expect_get(fixture, SHOWN("7", SPEC("", "1", "00", "00", "3")));
    expect_put(fixture, SHOWN("7", SPEC("us", "15", "00", "00", "4")), OURS("8", "00", "00"));
    try(fixture, LEASE_LEADS);
}

static void test_a_restarted_container_takes_its_own_back_at_once(void **state)
{
    struct fixture *fixture = *state;

    advance_s(fixture, 1);
    expect_get(fixture, SHOWN("7", SPEC("us", "15", "00", "00", "3")));
    expect_put(fixture, SHOWN("7", SPEC("us", "15", "01", "01", "3")), OURS("8", "01", "01"));
    try(fixture, LEASE_LEADS);
}

static void test_an_api_server_that_is_away_makes_no_leader(void **state)
{
    struct fixture *fixture = *state;

    expect_get(fixture, OTHERS("1", "00"));
    try(fixture, LEASE_FOLLOWS);
    for (int i = 0; i < 4; i++) {
        expect_silence(fixture, "GET"); /* for five seconds */
        try(fixture, LEASE_FOLLOWS);
        check_error(fixture, ERROR_UNAVAILABLE, "reading Lease system/op");
    }
    /* The holder was there all the time. */
    expect_get(fixture, OTHERS("9", "20"));
    try(fixture, LEASE_FOLLOWS);
}

static void test_a_taking_whose_answer_comes_too_late_is_done_again(void **state)
{
    struct fixture *fixture = *state;

    expect_none(fixture);
    expect(fixture, &(struct scripted_exchange){.method = "POST",
                                                .timesource = &fixture->client.clock,
                                                .duration_ms = 10000,
                                                .answer = OURS("1", "00", "00")});
    try(fixture, LEASE_FOLLOWS);

    expect_get(fixture, OURS("1", "00", "00"));
    expect_put(fixture, OURS("1", "10", "10"), OURS("2", "10", "10"));
    try(fixture, LEASE_LEADS);
}

/* ---- renewing ---- */

static void test_a_renewal_is_one_request_that_changes_its_time_alone(void **state)
{
    struct fixture *fixture = *state;
    expect_get(fixture, SHOWN("1", "\"strategy\":\"Other\""));
    expect_put(fixture, NULL,
               SHOWN("2", "\"strategy\":\"Other\"," SPEC("us", "15", "00", "00", "1")));
    try(fixture, LEASE_LEADS);
    advance_s(fixture, 2);
    expect_put(fixture, SHOWN("2", "\"strategy\":\"Other\"," SPEC("us", "15", "00", "02", "1")),
               SHOWN("3", "\"strategy\":\"Other\"," SPEC("us", "15", "00", "02", "1")));
    try(fixture, LEASE_LEADS);

    assert_int_equal(fixture->candidate.valid_until_ms, now_ms(fixture) + 10000);
}

static void test_it_is_good_from_the_sending_of_the_renewal(void **state)
{
    struct fixture *fixture = *state;
    int64_t sent_ms;

    lead(fixture);
    advance_s(fixture, 2);
    sent_ms = now_ms(fixture);
    expect(fixture, &(struct scripted_exchange){.method = "PUT",
                                                .timesource = &fixture->client.clock,
                                                .duration_ms = 4000,
                                                .answer = OURS("2", "00", "02")});
    try(fixture, LEASE_LEADS);

    assert_int_equal(fixture->candidate.valid_until_ms, sent_ms + 10000);
}

static void test_a_renewal_whose_answer_was_lost_is_no_loss(void **state)
{
    struct fixture *fixture = *state;

    lead(fixture);
    advance_s(fixture, 2);
    expect_silence(fixture, "PUT");
    try(fixture, LEASE_LEADS);
    check_error(fixture, ERROR_UNAVAILABLE, "writing Lease system/op");

    expect_get(fixture, OURS("2", "00", "02"));
    expect_put(fixture, OURS("2", "00", "07"), OURS("3", "00", "07"));
    try(fixture, LEASE_LEADS);
    assert_int_equal(fixture->candidate.valid_until_ms, now_ms(fixture) + 10000);
}

static void test_it_is_lost_when_somebody_else_has_it(void **state)
{
    struct fixture *fixture = *state;

    lead(fixture);
    expect_refusal(fixture, "PUT", 409, STATUS(409, "Conflict"));
    try(fixture, LEASE_LEADS);
    assert_true(lease_candidate_delay_ms(&fixture->candidate, now_ms(fixture)) <= 100);

    expect_get(fixture, OTHERS("5", "01"));
    try(fixture, LEASE_LOST);
    check_error(fixture, ERROR_CONFLICT, "Lease system/op was taken by 'other'");
}

static void test_it_is_lost_when_another_process_goes_by_our_name(void **state)
{
    struct fixture *fixture = *state;

    lead(fixture);
    expect_refusal(fixture, "PUT", 409, STATUS(409, "Conflict"));
    try(fixture, LEASE_LEADS);
    expect_get(fixture, OURS("5", "01", "01"));
    try(fixture, LEASE_LOST);
    check_error(fixture, ERROR_CONFLICT, "was taken by 'us'");
}

static void test_it_is_lost_when_somebody_gave_it_away(void **state)
{
    struct fixture *fixture = *state;

    lead(fixture);
    expect_refusal(fixture, "PUT", 409, STATUS(409, "Conflict"));
    try(fixture, LEASE_LEADS);
    expect_get(fixture, SHOWN("5", SPEC("", "1", "00", "00", "3")));
    try(fixture, LEASE_LOST);
}

static void test_it_is_lost_when_it_was_not_renewed_in_time(void **state)
{
    struct fixture *fixture = *state;

    lead(fixture);
    advance_s(fixture, 2);
    expect_silence(fixture, "PUT"); /* until 7 */
    try(fixture, LEASE_LEADS);
    expect_silence(fixture, "GET"); /* until 10: no longer than it is good for */
    try(fixture, LEASE_LOST);

    assert_int_equal(scripted_transport_request(fixture->client.transport, 2)->total_timeout_ms,
                     5000);
    assert_int_equal(scripted_transport_request(fixture->client.transport, 3)->total_timeout_ms,
                     3000);
    check_error(fixture, ERROR_UNAVAILABLE, "reading Lease system/op");
}

static void test_a_renewal_that_is_too_slow_is_none(void **state)
{
    struct fixture *fixture = *state;

    lead(fixture);
    expect(fixture, &(struct scripted_exchange){.method = "PUT",
                                                .timesource = &fixture->client.clock,
                                                .duration_ms = 10000,
                                                .answer = OURS("2", "00", "00")});
    try(fixture, LEASE_LOST);
    check_error(fixture, ERROR_UNAVAILABLE, "was not renewed within 10000 ms");
}

static void test_after_a_suspend_it_is_lost_without_asking(void **state)
{
    struct fixture *fixture = *state;

    lead(fixture);
    advance_s(fixture, 3600);
    try(fixture, LEASE_LOST);
    check_error(fixture, ERROR_UNAVAILABLE, "was not renewed within 10000 ms");
}

static void test_a_jump_of_the_wall_clock_changes_nothing(void **state)
{
    struct fixture *fixture = *state;

    lead(fixture);
    fake_timesource_set_realtime_us(&fixture->client.clock, 30 * INT64_C(1000000));
    expect_put(fixture, OURS("1", "00", "30"), OURS("2", "00", "30"));
    try(fixture, LEASE_LEADS);
    fake_timesource_set_realtime_us(&fixture->client.clock, 0);
    advance_s(fixture, 1);
    expect_put(fixture, OURS("2", "00", "01"), OURS("3", "00", "01"));
    try(fixture, LEASE_LEADS);
    assert_int_equal(fixture->candidate.valid_until_ms, now_ms(fixture) + 10000);
}

/* ---- what can be wrong with it ---- */

static void test_a_lease_that_was_removed_is_made_again_by_its_holder(void **state)
{
    struct fixture *fixture = *state;

    lead(fixture);
    advance_s(fixture, 2);
    expect_refusal(fixture, "PUT", 404, STATUS(404, "NotFound"));
    try(fixture, LEASE_LEADS);
    assert_true(lease_candidate_delay_ms(&fixture->candidate, now_ms(fixture)) <= 100);
    expect_none(fixture);
    expect(fixture, &(struct scripted_exchange){
                        .method = "POST", .url = LEASES, .answer = OURS("9", "02", "02")});
    try(fixture, LEASE_LEADS);
    advance_s(fixture, 1);
    expect_refusal(fixture, "PUT", 409, STATUS(409, "Conflict"));
    try(fixture, LEASE_LEADS);
    expect_get(fixture, OURS("10", "02", "02")); /* it is that one which is ours now */
    expect_put(fixture, NULL, OURS("11", "02", "03"));
    try(fixture, LEASE_LEADS);
}

static void test_who_saw_the_holder_does_not_hurry_when_the_lease_is_removed(void **state)
{
    struct fixture *fixture = *state;

    expect_get(fixture, SHOWN("7", SPEC("other", "86400", "00", "00", "3")));
    try(fixture, LEASE_FOLLOWS);
    expect_none(fixture);
    advance_s(fixture, 14);
    try(fixture, LEASE_FOLLOWS);
    assert_int_equal(fixture->err.kind, ERROR_NONE);

    advance_s(fixture, 1);
    expect_none(fixture);
    expect(fixture, &(struct scripted_exchange){
                        .method = "POST", .url = LEASES, .answer = OURS("9", "15", "15")});
    try(fixture, LEASE_LEADS);
}

static void test_what_a_lease_does_not_say_is_nobody_and_our_own_duration(void **state)
{
    static const struct {
        const char *spec, *written;
    } at_once[] = {
        {"", SPEC("us", "15", "00", "00", "1")},
        {"\"holderIdentity\":null", SPEC("us", "15", "00", "00", "1")},
        {"\"holderIdentity\":7,\"leaseTransitions\":\"x\"", SPEC("us", "15", "00", "00", "1")},
        {"\"leaseTransitions\":-5", SPEC("us", "15", "00", "00", "-5")},
        {"\"leaseTransitions\":2147483647", SPEC("us", "15", "00", "00", "2147483647")},
    };
    static const char *const later[] = {
        "\"holderIdentity\":\"other\"",
        "\"holderIdentity\":\"other\",\"leaseDurationSeconds\":0",
        "\"holderIdentity\":\"other\",\"leaseDurationSeconds\":-1,\"renewTime\":\"yesterday\"",
        "\"holderIdentity\":\"other\",\"leaseDurationSeconds\":\"1\",\"renewTime\":5",
        "\"holderIdentity\":\"other\",\"leaseDurationSeconds\":99999999999999",
    };
    struct fixture *fixture = *state;
    const struct lease_candidate fresh = fixture->candidate;

    for (size_t i = 0; i < array_length(at_once); i++) {
        auto_free char *shown = mem_printf(SHOWN("7", "%s"), at_once[i].spec);
        auto_free char *written = mem_printf(SHOWN("7", "%s"), at_once[i].written);

        fake_timesource_set_realtime_us(&fixture->client.clock, 0);
        expect_get(fixture, shown);
        expect_put(fixture, written, OURS("8", "00", "00"));
        try(fixture, LEASE_LEADS);
        lease_candidate_release(&fixture->candidate);
        fixture->candidate = fresh;
    }
    for (size_t i = 0; i < array_length(later); i++) {
        auto_free char *shown = mem_printf(SHOWN("7", "%s"), later[i]);

        expect_get(fixture, shown);
        try(fixture, LEASE_FOLLOWS);
        advance_s(fixture, 14);
        expect_get(fixture, shown);
        try(fixture, LEASE_FOLLOWS);
        advance_s(fixture, 1);
        expect_get(fixture, shown);
        expect_put(fixture, NULL, OURS("8", "00", "00"));
        try(fixture, LEASE_LEADS);
        lease_candidate_release(&fixture->candidate);
        fixture->candidate = fresh;
    }
}

static void test_what_is_no_lease_is_never_replaced(void **state)
{
    static const char *const answers[] = {
        "{}",
        "[]",
        "<html>",
        "{\"metadata\":{\"resourceVersion\":\"\"},\"spec\":{}}",
        "{\"metadata\":{\"resourceVersion\":7},\"spec\":{}}",
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < array_length(answers); i++) {
        expect_get(fixture, answers[i]);
        try(fixture, LEASE_FOLLOWS);
        assert_int_not_equal(fixture->err.kind, ERROR_NONE);
    }
}

static void test_a_refusal_says_which_lease_cannot_be_read(void **state)
{
    struct fixture *fixture = *state;

    expect_refusal(fixture, "GET", 403, STATUS(403, "Forbidden"));
    try(fixture, LEASE_FOLLOWS);
    check_error(fixture, ERROR_DENIED, "reading Lease system/op: ");
}

static void test_a_shutdown_ends_an_attempt(void **state)
{
    struct fixture *fixture = *state;

    cancellation_request(fixture->client.cancellation);
    try(fixture, LEASE_FOLLOWS);
    assert_int_equal(fixture->err.kind, ERROR_CANCELLED);
}

/* ---- waiting ---- */

static void test_followers_come_at_random_times_and_when_it_ends(void **state)
{
    struct fixture *fixture = *state;
    int64_t shortest = INT64_MAX, longest = 0, last;

    expect_get(fixture, OTHERS("1", "00"));
    try(fixture, LEASE_FOLLOWS);
    for (int i = 0; i < 1000; i++) {
        int64_t delay_ms = lease_candidate_delay_ms(&fixture->candidate, now_ms(fixture));

        shortest = delay_ms < shortest ? delay_ms : shortest;
        longest = delay_ms > longest ? delay_ms : longest;
    }
    assert_in_range(shortest, 2000, 2200);
    assert_in_range(longest, 4200, 4400);

    fake_timesource_advance_ms(&fixture->client.clock, 14500);
    last = lease_candidate_delay_ms(&fixture->candidate, now_ms(fixture));
    assert_in_range(last, 500, 900);
    advance_s(fixture, 100);
    last = lease_candidate_delay_ms(&fixture->candidate, now_ms(fixture));
    assert_in_range(last, 2000, 4400);
}

static void test_the_leader_comes_every_period_whatever_an_attempt_took(void **state)
{
    static const struct {
        int64_t took_ms, delay_ms;
    } cases[] = {{0, 2000}, {300, 1700}, {1950, 100}, {5000, 100}};
    struct fixture *fixture = *state;

    lead(fixture);
    for (size_t i = 0; i < array_length(cases); i++)
        assert_int_equal(
            lease_candidate_delay_ms(&fixture->candidate, now_ms(fixture) - cases[i].took_ms),
            cases[i].delay_ms);
}

/* ---- giving back ---- */

static void resign(struct fixture *fixture, bool wanted)
{
    bool resigned = lease_candidate_resign(&fixture->candidate, 1500, &fixture->err);

    if (resigned != wanted)
        fail_msg("resigned %d: %s", resigned, fixture->err.message);
}

static void test_it_is_given_back_as_others_know_it(void **state)
{
    struct fixture *fixture = *state;

    lead(fixture);
    advance_s(fixture, 1);
    expect_put(fixture, SHOWN("1", SPEC("", "1", "00", "01", "0")),
               SHOWN("2", SPEC("", "1", "00", "01", "0")));
    resign(fixture, true);
    assert_int_equal(scripted_transport_request(fixture->client.transport, 2)->total_timeout_ms,
                     1500);
    resign(fixture, true); /* once */
}

static void test_a_claim_of_ours_that_came_in_between_is_given_back_too(void **state)
{
    struct fixture *fixture = *state;

    lead(fixture);
    expect_refusal(fixture, "PUT", 409, STATUS(409, "Conflict"));
    expect_get(fixture, OURS("3", "00", "04"));
    expect_put(fixture, SHOWN("3", SPEC("", "1", "00", "00", "0")),
               SHOWN("4", SPEC("", "1", "00", "00", "0")));
    resign(fixture, true);
}

static void test_a_taking_whose_answer_was_not_awaited_is_given_back(void **state)
{
    struct fixture *fixture = *state;

    expect_none(fixture);
    expect(fixture,
           &(struct scripted_exchange){
               .method = "POST", .failure = {.kind = ERROR_CANCELLED, .message = "shutting down"}});
    try(fixture, LEASE_FOLLOWS);
    expect_get(fixture, OURS("1", "00", "00"));
    expect_put(fixture, SHOWN("1", SPEC("", "1", "00", "00", "0")),
               SHOWN("2", SPEC("", "1", "00", "00", "0")));
    resign(fixture, true);
}

static void test_what_is_anothers_or_gone_is_left_alone(void **state)
{
    static const char *const others[] = {OTHERS("3", "00"), OURS("3", "01", "01")};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < array_length(others); i++) {
        fixture->candidate.state = LEASE_FOLLOWS;
        lead(fixture);
        expect_refusal(fixture, "PUT", 409, STATUS(409, "Conflict"));
        expect_get(fixture, others[i]);
        resign(fixture, true);
        lease_candidate_release(&fixture->candidate);
    }
    lead(fixture);
    expect_refusal(fixture, "PUT", 404, STATUS(404, "NotFound"));
    expect_none(fixture);
    resign(fixture, true);
}

static void test_a_follower_has_nothing_to_give_back(void **state)
{
    struct fixture *fixture = *state;

    resign(fixture, true);
    expect_get(fixture, OTHERS("1", "00"));
    try(fixture, LEASE_FOLLOWS);
    resign(fixture, true);
}

static void test_an_api_server_that_is_away_gets_nothing_back(void **state)
{
    struct fixture *fixture = *state;

    lead(fixture);
    expect_silence(fixture, "PUT");
    resign(fixture, false);
    check_error(fixture, ERROR_UNAVAILABLE, "writing Lease system/op");
}

/* ---- times ---- */

static void test_times_that_cannot_be_safe_are_refused(void **state maybe_unused)
{
    static const struct {
        struct lease_timing timing;
        bool is_fine;
    } cases[] = {{{15000, 10000, 2000}, true},
                 {{15000, 15000, 2000}, false},
                 {{15000, 10000, 8334}, false},
                 {{15000, 10000, 8333}, true},
                 {{15500, 10000, 2000}, false},
                 {{15000, 10000, 0}, false},
                 {{0, 0, 0}, false},
                 {{2000, 1000, 500}, true},
                 {{86401000, 10000, 1}, false},
                 {{1000, UINT64_MAX, 1}, false}};

    for (size_t i = 0; i < array_length(cases); i++) {
        struct error err = {0};

        if (lease_timing_check(&cases[i].timing, &err) != cases[i].is_fine)
            fail_msg("case %zu: %s", i, err.message);
        if (!cases[i].is_fine)
            assert_int_equal(err.kind, ERROR_INVALID);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_one_that_is_missing_is_made),
        TEST(test_who_comes_second_follows),
        TEST(test_a_dead_holders_is_taken_after_its_duration_and_no_sooner),
        TEST(test_every_renewal_of_the_holder_counts_whatever_its_clock_says),
        TEST(test_what_others_write_beside_it_does_not_prolong_it),
        TEST(test_one_that_was_given_back_is_taken_at_once),
        TEST(test_a_restarted_container_takes_its_own_back_at_once),
        TEST(test_an_api_server_that_is_away_makes_no_leader),
        TEST(test_a_taking_whose_answer_comes_too_late_is_done_again),
        TEST(test_a_renewal_is_one_request_that_changes_its_time_alone),
        TEST(test_it_is_good_from_the_sending_of_the_renewal),
        TEST(test_a_renewal_whose_answer_was_lost_is_no_loss),
        TEST(test_it_is_lost_when_somebody_else_has_it),
        TEST(test_it_is_lost_when_another_process_goes_by_our_name),
        TEST(test_it_is_lost_when_somebody_gave_it_away),
        TEST(test_it_is_lost_when_it_was_not_renewed_in_time),
        TEST(test_a_renewal_that_is_too_slow_is_none),
        TEST(test_after_a_suspend_it_is_lost_without_asking),
        TEST(test_a_jump_of_the_wall_clock_changes_nothing),
        TEST(test_a_lease_that_was_removed_is_made_again_by_its_holder),
        TEST(test_who_saw_the_holder_does_not_hurry_when_the_lease_is_removed),
        TEST(test_what_a_lease_does_not_say_is_nobody_and_our_own_duration),
        TEST(test_what_is_no_lease_is_never_replaced),
        TEST(test_a_refusal_says_which_lease_cannot_be_read),
        TEST(test_a_shutdown_ends_an_attempt),
        TEST(test_followers_come_at_random_times_and_when_it_ends),
        TEST(test_the_leader_comes_every_period_whatever_an_attempt_took),
        TEST(test_it_is_given_back_as_others_know_it),
        TEST(test_a_claim_of_ours_that_came_in_between_is_given_back_too),
        TEST(test_a_taking_whose_answer_was_not_awaited_is_given_back),
        TEST(test_what_is_anothers_or_gone_is_left_alone),
        TEST(test_a_follower_has_nothing_to_give_back),
        TEST(test_an_api_server_that_is_away_gets_nothing_back),
        TEST(test_times_that_cannot_be_safe_are_refused),
    };

    return cmocka_run_group_tests_name("kube/lease_candidate", tests, NULL, NULL);
}
