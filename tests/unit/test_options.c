/* Every row of the table of options: its flag, variable, type, default and help. */
#include "base/compiler.h"
#include "options.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

enum { WORDS_LIMIT = 6 };

/* The last two have no member of their own. */
enum member_type { TEXT, DURATION, NUMBER, SWITCH, FORMER, FORMER_SWITCH };

static const struct row {
    const char *flag;
    enum member_type type;
    size_t offset;
    const char *initial_text;
    uint64_t initial_number;
    const char *help; /* the flag's lines in --help */
} rows[] = {
    {"kubeconfig", TEXT, offsetof(struct options, kubeconfig), "", 0,
     "  --kubeconfig=TEXT\n"
     "        kubeconfig file; default: $KUBECONFIG, then the pod's service account, then "
     "~/.kube/config\n"},
    {"namespace", TEXT, offsetof(struct options, watch_namespace), "", 0,
     "  --namespace=TEXT\n"
     "        namespaces whose resources are watched, separated by ','; default: all "
     "[$WATCH_NAMESPACE]\n"},
    {"selector", TEXT, offsetof(struct options, watch_selector), "", 0,
     "  --selector=TEXT\n"
     "        label selector of the resources that are watched; default: all "
     "[$WATCH_SELECTOR]\n"},
    {"cluster-id", TEXT, offsetof(struct options, cluster_id), "", 0,
     "  --cluster-id=TEXT\n"
     "        what identifies this cluster in tags and markers; default: the uid of kube-system\n"},
    {"former-cluster-ids", TEXT, offsetof(struct options, former_cluster_ids), "", 0,
     "  --former-cluster-ids=TEXT\n"
     "        ids that this cluster had before it was rebuilt, separated by ','; what they marked "
     "is "
     "ours\n"},
    {"sync-period", DURATION, offsetof(struct options, sync_period_ms), NULL, 3600 * 1000,
     "  --sync-period=DURATION\n"
     "        how often a Ready resource is looked at again; 0 = never (default 1h)\n"},
    {"max-concurrent-reconciles", NUMBER, offsetof(struct options, max_concurrent_reconciles), NULL,
     8,
     "  --max-concurrent-reconciles=NUMBER\n"
     "        how many resources are worked on at the same time (1 to 64) (default 8)\n"},
    {"database-ca-file", TEXT, offsetof(struct options, database_ca_file), "", 0,
     "  --database-ca-file=TEXT\n"
     "        CA bundle for database servers whose Secret has no ca.crt; default: the system's\n"},
    {"secret-name-prefix", TEXT, offsetof(struct options, secret_name_prefix), "", 0,
     "  --secret-name-prefix=TEXT\n"
     "        what secret names begin with; may hold {namespace}/ and {name}/ "
     "[$SECRET_NAME_PREFIX]\n"},
    {"allowed-admin-secrets", TEXT, offsetof(struct options, allowed_admin_secrets), "", 0,
     "  --allowed-admin-secrets=TEXT\n"
     "        NAMESPACE=NAME,... of admin secrets in AWS, with '*'; default: all "
     "[$ALLOWED_ADMIN_SECRETS]\n"},
    {"allowed-regions", TEXT, offsetof(struct options, allowed_regions), "", 0,
     "  --allowed-regions=TEXT\n"
     "        NAMESPACE=REGION,... that resources may use, with '*'; default: all "
     "[$ALLOWED_REGIONS]\n"},
    {"required-tags", TEXT, offsetof(struct options, required_tags), "", 0,
     "  --required-tags=TEXT\n"
     "        KEY=VALUE,... that every secret gets besides its own tags [$REQUIRED_TAGS]\n"},
    {"require-adoption-tag", SWITCH, offsetof(struct options, require_adoption_tag), NULL, 0,
     "  --require-adoption-tag\n"
     "        use existing secrets without our tags only when database.opzkit.io/adopt-by allows "
     "it\n"},
    {"kms-key-id", TEXT, offsetof(struct options, kms_key_id), "", 0,
     "  --kms-key-id=TEXT\n"
     "        KMS key that new secrets are encrypted with; default: aws/secretsmanager "
     "[$KMS_KEY_ID]\n"},
    {"leader-elect", SWITCH, offsetof(struct options, leader_elect), NULL, true,
     "  --leader-elect\n"
     "        act only while holding the Lease; false = there is never a second replica "
     "(default true)\n"},
    {"leader-election-id", TEXT, offsetof(struct options, lease_name),
     "database-user-operator.opzkit.io", 0,
     "  --leader-election-id=TEXT\n"
     "        name of the Lease (default database-user-operator.opzkit.io)\n"},
    {"leader-election-namespace", TEXT, offsetof(struct options, lease_namespace), "", 0,
     "  --leader-election-namespace=TEXT\n"
     "        namespace of the Lease; default: the operator's own\n"},
    {"leader-election-lease-duration", DURATION, offsetof(struct options, lease_duration_ms), NULL,
     15 * 1000,
     "  --leader-election-lease-duration=DURATION\n"
     "        how long others wait after the leader's last renewal before they take over (default "
     "15s)\n"},
    {"leader-election-renew-deadline", DURATION, offsetof(struct options, renew_deadline_ms), NULL,
     10 * 1000,
     "  --leader-election-renew-deadline=DURATION\n"
     "        how long after its last renewal the leader goes on; then it ends (default 10s)\n"},
    {"leader-election-retry-period", DURATION, offsetof(struct options, retry_period_ms), NULL,
     2 * 1000,
     "  --leader-election-retry-period=DURATION\n"
     "        time between two attempts to take or to renew (default 2s)\n"},
    {"health-probe-bind-address", TEXT, offsetof(struct options, health_address), ":8081", 0,
     "  --health-probe-bind-address=TEXT\n"
     "        where /healthz and /readyz are served; 0 = nowhere (default :8081)\n"},
    {"metrics-bind-address", TEXT, offsetof(struct options, metrics_address), ":8080", 0,
     "  --metrics-bind-address=TEXT\n"
     "        where /metrics is served; 0 = nowhere (default :8080)\n"},
    {"metrics-secure", SWITCH, offsetof(struct options, metrics_secure), NULL, 0,
     "  --metrics-secure\n"
     "        answer scrapes only with the bearer token of somebody who may get the URL "
     "/metrics\n"},
    {"metrics-cert-path", TEXT, offsetof(struct options, metrics_certificate_folder), "", 0,
     "  --metrics-cert-path=TEXT\n"
     "        folder with the certificate and key of /metrics, which is then served with TLS\n"},
    {"metrics-cert-name", TEXT, offsetof(struct options, metrics_certificate_name), "tls.crt", 0,
     "  --metrics-cert-name=TEXT\n"
     "        name of the certificate in that folder (default tls.crt)\n"},
    {"metrics-cert-key", TEXT, offsetof(struct options, metrics_key_name), "tls.key", 0,
     "  --metrics-cert-key=TEXT\n"
     "        name of the key in that folder (default tls.key)\n"},
    {"graceful-shutdown-timeout", DURATION, offsetof(struct options, graceful_shutdown_timeout_ms),
     NULL, 30 * 1000,
     "  --graceful-shutdown-timeout=DURATION\n"
     "        how long running reconciles may finish after SIGTERM (default 30s)\n"},
    {"stuck-worker-timeout", DURATION, offsetof(struct options, stuck_worker_timeout_ms), NULL,
     300 * 1000,
     "  --stuck-worker-timeout=DURATION\n"
     "        how long a worker may show no sign of life before /healthz fails; 0 = for ever "
     "(default 5m)\n"},
    {"log-level", TEXT, offsetof(struct options, log_level), "info", 0,
     "  --log-level=WORD\n"
     "        error, warning, info or debug (default info)\n"},
    {"log-format", TEXT, offsetof(struct options, log_format), "json", 0,
     "  --log-format=WORD\n"
     "        json, or text: one line of key=value pairs (default json)\n"},
    {"zap-log-level", FORMER, 0, NULL, 0,
     "  --zap-log-level=WORD\n"
     "        of the predecessor: as --log-level\n"},
    {"zap-encoder", FORMER, 0, NULL, 0,
     "  --zap-encoder=WORD\n"
     "        of the predecessor: json, or console for text\n"},
    {"zap-devel", FORMER_SWITCH, 0, NULL, 0,
     "  --zap-devel\n"
     "        of the predecessor: --log-level=debug and --log-format=text\n"},
    {"zap-stacktrace-level", FORMER, 0, NULL, 0,
     "  --zap-stacktrace-level=WORD\n"
     "        of the predecessor: changes nothing\n"},
    {"zap-time-encoding", FORMER, 0, NULL, 0,
     "  --zap-time-encoding=WORD\n"
     "        of the predecessor: changes nothing\n"},
    {"enable-http2", FORMER_SWITCH, 0, NULL, 0,
     "  --enable-http2\n"
     "        of the predecessor: changes nothing\n"},
    {"print-iam-policy", SWITCH, offsetof(struct options, show_policy), NULL, 0,
     "  --print-iam-policy\n"
     "        print the least IAM policy that this version needs, and exit\n"},
    {"version", SWITCH, offsetof(struct options, show_version), NULL, 0,
     "  --version\n"
     "        print the version and exit\n"},
    {"help", SWITCH, offsetof(struct options, show_help), NULL, 0,
     "  --help\n"
     "        print this and exit\n"},
};

static const char *empty_environment(const char *name maybe_unused)
{
    return NULL;
}

static const char *full_environment(const char *name)
{
    return strcmp(name, "WATCH_NAMESPACE") == 0 ? "from-environment" : NULL;
}

static const char *environment_of_empty_values(const char *name maybe_unused)
{
    return "";
}

/* The words behind the name of the program. */
#define WORDS(...) ((const char *const[WORDS_LIMIT]){__VA_ARGS__})

static bool parse_in(options_environment_fn environment,
                     const char *const words[static WORDS_LIMIT], struct options *ret_options,
                     struct error *err)
{
    char *arguments[WORDS_LIMIT + 1] = {(char *)(uintptr_t) "database-user-operator"};
    int count = 1;

    for (; count <= WORDS_LIMIT && words[count - 1] != NULL; count++)
        arguments[count] = (char *)(uintptr_t)words[count - 1];
    return options_parse(count, arguments, environment, ret_options, err);
}

static struct options must_parse(const char *const words[static WORDS_LIMIT])
{
    struct options options = {0};
    struct error err = {0};

    if (!parse_in(empty_environment, words, &options, &err))
        fail_msg("%s", err.message);
    assert_int_equal(err.kind, ERROR_NONE);
    return options;
}

static void expect_refusal(const char *const words[static WORDS_LIMIT], const char *message)
{
    struct options options = {.cluster_id = "untouched"};
    struct error err = {0};

    if (parse_in(empty_environment, words, &options, &err))
        fail_msg("accepted, instead of '%s'", message);
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_string_equal(err.message, message);
    assert_string_equal(options.cluster_id, "untouched");
}

static const char *text_of(const struct options *options, const struct row *row)
{
    const char *text;

    memcpy(&text, (const char *)options + row->offset, sizeof text);
    return text;
}

static uint64_t number_of(const struct options *options, const struct row *row)
{
    uint64_t number;
    bool flag;

    if (row->type == SWITCH) {
        memcpy(&flag, (const char *)options + row->offset, sizeof flag);
        return flag;
    }
    memcpy(&number, (const char *)options + row->offset, sizeof number);
    return number;
}

static bool is_former(const struct row *row)
{
    return row->type == FORMER || row->type == FORMER_SWITCH;
}

static void expect_default(const struct options *options, const struct row *row)
{
    if (is_former(row))
        return;
    if (row->type == TEXT && strcmp(text_of(options, row), row->initial_text) != 0)
        fail_msg("--%s is '%s'", row->flag, text_of(options, row));
    if (row->type != TEXT && number_of(options, row) != row->initial_number)
        fail_msg("--%s is %llu", row->flag, (unsigned long long)number_of(options, row));
}

/* ---- flags ---- */

static void test_without_arguments_everything_has_its_default(void **state maybe_unused)
{
    struct options options = must_parse(WORDS(NULL));

    for (size_t i = 0; i < array_length(rows); i++)
        expect_default(&options, &rows[i]);
}

/* A value for each type, and what it becomes. */
static const struct {
    const char *text;
    uint64_t number;
} samples[] = {
    [TEXT] = {"a=b c", 0},
    [DURATION] = {"1m5s", 65 * 1000},
    [NUMBER] = {"17", 17},
    [SWITCH] = {"true", 1},
};

/* What is given to a flag: a word that is not its default where only some are allowed. */
static const char *sample_of(const struct row *row)
{
    if (strcmp(row->flag, "log-level") == 0)
        return "warning";
    if (strcmp(row->flag, "log-format") == 0)
        return "text";
    return samples[row->type].text;
}

static void expect_sample_in_one(const struct options *options, const struct row *row)
{
    for (size_t i = 0; i < array_length(rows); i++) {
        if (&rows[i] != row)
            expect_default(options, &rows[i]);
    }
    if (row->type == TEXT)
        assert_string_equal(text_of(options, row), sample_of(row));
    else
        assert_int_equal(number_of(options, row), samples[row->type].number);
}

static void test_every_flag_sets_its_own_member_in_every_form(void **state maybe_unused)
{
    for (size_t i = 0; i < array_length(rows); i++) {
        const struct row *row = &rows[i];

        if (is_former(row) || strcmp(row->flag, "metrics-secure") == 0)
            continue;
        for (size_t dashes = 1; dashes <= 2; dashes++) {
            char flag[64], joined[128];
            struct options options;

            snprintf(flag, sizeof flag, "%s%s", &"--"[2 - dashes], row -> flag);
            snprintf(joined, sizeof joined, "%s=%s", flag, sample_of(row));

            options = must_parse(WORDS(joined));
            expect_sample_in_one(&options, row);
            options = row->type == SWITCH ? must_parse(WORDS(flag))
                                          : must_parse(WORDS(flag, sample_of(row)));
            expect_sample_in_one(&options, row);
        }
    }
}

static void test_flags_come_in_any_order_and_the_last_one_wins(void **state maybe_unused)
{
    struct options options =
        must_parse(WORDS("--help", "--cluster-id", "a", "-namespace=n", "--cluster-id=b"));

    assert_true(options.show_help);
    assert_false(options.show_version);
    assert_string_equal(options.cluster_id, "b");
    assert_string_equal(options.watch_namespace, "n");
}

static void test_text_may_be_empty_or_look_like_a_flag(void **state maybe_unused)
{
    struct options options = must_parse(WORDS("--metrics-bind-address=", "--cluster-id", "--help",
                                              "--health-probe-bind-address", ""));

    assert_string_equal(options.metrics_address, "");
    assert_string_equal(options.health_address, "");
    assert_string_equal(options.cluster_id, "--help");
    assert_false(options.show_help);
}

static void test_switch_can_be_turned_off(void **state maybe_unused)
{
    struct options options =
        must_parse(WORDS("--help", "--help=false", "--version=false", "--version=true"));

    assert_false(options.show_help);
    assert_true(options.show_version);
}

static void test_switch_takes_no_other_value(void **state maybe_unused)
{
    expect_refusal(WORDS("--version=yes"), "--version must be true or false, not 'yes'");
    expect_refusal(WORDS("-help="), "--help must be true or false, not ''");
    expect_refusal(WORDS("--help=TRUE"), "--help must be true or false, not 'TRUE'");
    expect_refusal(WORDS("--version", "true"), "unknown option 'true': see --help");
}

static void test_flag_without_its_value_is_refused(void **state maybe_unused)
{
    for (size_t i = 0; i < array_length(rows); i++) {
        char flag[64], message[128];

        if (rows[i].type == SWITCH || rows[i].type == FORMER_SWITCH)
            continue;
        snprintf(flag, sizeof flag, "--%s", rows[i].flag);
        snprintf(message, sizeof message, "--%s needs a value", rows[i].flag);

        expect_refusal(WORDS(flag), message);
        expect_refusal(WORDS("--help", flag), message);
        expect_refusal(WORDS(&flag[1]), message);
    }
}

static void test_unknown_option_is_named(void **state maybe_unused)
{
    expect_refusal(WORDS("--nonsense"), "unknown option '--nonsense': see --help");
    expect_refusal(WORDS("--nonsense=1"), "unknown option '--nonsense': see --help");
    expect_refusal(WORDS("-nonsense", "1"), "unknown option '-nonsense': see --help");
    expect_refusal(WORDS("--help", "--nonsense"), "unknown option '--nonsense': see --help");
    expect_refusal(WORDS("---help"), "unknown option '---help': see --help");
    expect_refusal(WORDS("--hel"), "unknown option '--hel': see --help");
    expect_refusal(WORDS("--helpx"), "unknown option '--helpx': see --help");
    expect_refusal(WORDS("--HELP"), "unknown option '--HELP': see --help");
    expect_refusal(WORDS("help"), "unknown option 'help': see --help");
    expect_refusal(WORDS("namespace=a"), "unknown option 'namespace': see --help");
    expect_refusal(WORDS("--namespace", "a", "b"), "unknown option 'b': see --help");
    expect_refusal(WORDS("--"), "unknown option '--': see --help");
    expect_refusal(WORDS("-"), "unknown option '-': see --help");
    expect_refusal(WORDS("--=x"), "unknown option '--': see --help");
    expect_refusal(WORDS(""), "unknown option '': see --help");
}

/* What manifests of other operators pass. */
static void test_flags_of_other_operators_are_taken_or_named(void **state maybe_unused)
{
    static const char *const foreign[] = {
        "--metrics-addr", "--enable-leader-election", "--watch-namespace",
        "--kube-api-qps", "--webhook-port",           "-v",
    };
    struct options options = must_parse(
        WORDS("--kubeconfig", "/k", "--metrics-bind-address=:1", "--health-probe-bind-address=:2",
              "--max-concurrent-reconciles=3", "--leader-elect=false"));

    assert_string_equal(options.kubeconfig, "/k");
    assert_string_equal(options.metrics_address, ":1");
    assert_string_equal(options.health_address, ":2");
    assert_int_equal(options.max_concurrent_reconciles, 3);
    assert_false(options.leader_elect);
    for (size_t i = 0; i < array_length(foreign); i++) {
        char joined[64], message[128];

        snprintf(joined, sizeof joined, "%s=true", foreign[i]);
        snprintf(message, sizeof message, "unknown option '%s': see --help", foreign[i]);
        expect_refusal(WORDS(foreign[i]), message);
        expect_refusal(WORDS(joined), message);
    }
}

static void test_scrapes_with_tokens_need_tls(void **state maybe_unused)
{
    struct options options = must_parse(WORDS("--metrics-secure", "--metrics-cert-path=/certs"));

    assert_true(options.metrics_secure);
    assert_string_equal(options.metrics_certificate_folder, "/certs");
    expect_refusal(WORDS("--metrics-secure"), "--metrics-secure needs --metrics-cert-path: tokens "
                                              "must not travel in clear");
    assert_false(must_parse(WORDS("--metrics-secure=false")).metrics_secure);
}

/* ---- flags of the predecessor ---- */

static void test_flags_of_the_predecessor_are_told_in_ours(void **state maybe_unused)
{
    static const struct {
        const char *argument, *level, *format;
    } cases[] = {
        {"--zap-log-level=debug", "debug", "json"},
        {"--zap-log-level=ERROR", "error", "json"},
        {"--zap-log-level=panic", "error", "json"},
        {"-zap-log-level=5", "debug", "json"},
        {"--zap-encoder=console", "info", "text"},
        {"--zap-encoder=json", "info", "json"},
        {"--zap-devel", "debug", "text"},
        {"--zap-devel=false", "info", "json"},
        {"--zap-stacktrace-level=panic", "info", "json"},
        {"--zap-time-encoding=rfc3339nano", "info", "json"},
        {"--enable-http2", "info", "json"},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        struct options options = must_parse(WORDS(cases[i].argument));

        if (strcmp(options.log_level, cases[i].level) != 0 ||
            strcmp(options.log_format, cases[i].format) != 0)
            fail_msg("%s: level %s, format %s", cases[i].argument, options.log_level,
                     options.log_format);
        assert_int_equal(options.former_count, 1);
    }
}

static void
test_our_flags_win_over_the_special_ones_and_these_over_the_general(void **state maybe_unused)
{
    struct options options = must_parse(
        WORDS("--log-format=json", "--zap-encoder=console", "--zap-log-level=info", "--zap-devel"));

    assert_string_equal(options.log_format, "json");
    assert_string_equal(options.log_level, "info");
    assert_int_equal(options.former_count, 3);
}

static void test_flags_of_the_predecessor_are_noted(void **state maybe_unused)
{
    struct options options = must_parse(WORDS("--zap-devel", "--zap-encoder", "console"));

    assert_string_equal(options.former[0].flag, "zap-devel");
    assert_string_equal(options.former[0].value, "true");
    assert_string_equal(options.former[0].stands_for[0], "log-level=debug");
    assert_string_equal(options.former[0].stands_for[1], "log-format=text");
    assert_string_equal(options.former[1].flag, "zap-encoder");
    assert_string_equal(options.former[1].value, "console");
    assert_null(options.former[1].stands_for[1]);
}

static void test_many_flags_of_the_predecessor_count_without_being_noted(void **state maybe_unused)
{
    char *arguments[FORMER_NOTES_LIMIT + 4];
    struct options options;
    struct error err = {0};

    for (size_t i = 0; i < array_length(arguments); i++)
        arguments[i] = (char *)(uintptr_t) "--zap-encoder=json";
    arguments[array_length(arguments) - 1] = (char *)(uintptr_t) "--zap-encoder=console";

    assert_true(
        options_parse(array_length(arguments), arguments, empty_environment, &options, &err));

    assert_int_equal(options.former_count, FORMER_NOTES_LIMIT);
    assert_string_equal(options.log_format, "text");
}

/* ---- values ---- */

static void test_words_are_those_of_a_list_in_any_case(void **state maybe_unused)
{
    struct options options = must_parse(WORDS("--log-level=DEBUG", "--log-format=Text"));

    assert_string_equal(options.log_level, "debug");
    assert_string_equal(options.log_format, "text");
    expect_refusal(WORDS("--log-level=trace"),
                   "--log-level must be one of error, warning, info, debug, not 'trace'");
    expect_refusal(WORDS("--log-format="), "--log-format must be one of json, text, not ''");
    expect_refusal(WORDS("--zap-devel=yes"), "--zap-devel must be one of true, false, not 'yes'");
    expect_refusal(WORDS("--zap-encoder=text"),
                   "--zap-encoder must be one of json, console, not 'text'");
    expect_refusal(WORDS("--zap-log-level=-1"), "--zap-log-level must be one of debug, info, "
                                                "error, panic, a number, not '-1'");
}

static void test_duration_is_a_sum_of_numbers_with_units(void **state maybe_unused)
{
    static const struct {
        const char *text;
        uint64_t ms;
    } durations[] = {
        {"0", 0},
        {"0s", 0},
        {"0h0m", 0},
        {"1ms", 1},
        {"500ms", 500},
        {"1s", 1000},
        {"007s", 7000},
        {"90s", 90 * 1000},
        {"10m", 10 * 60 * 1000},
        {"1h", 3600 * 1000},
        {"1h30m", 5400 * 1000},
        {"2h3m4s5ms", 7384005},
        {"5ms4s3m2h", 7384005},
        {"1m1ms", 60001},
        {"1ms1m", 60001},
        {"1s1s", 2000},
        {"999999999ms", 999999999},
        {"999999999s", UINT64_C(999999999000)},
        {"2562047h", UINT64_C(9223369200000)},
        {"2562047h47m16s854ms", UINT64_C(9223372036854)},
    };

    for (size_t i = 0; i < array_length(durations); i++) {
        struct options options = must_parse(
            WORDS("--sync-period", durations[i].text, "-graceful-shutdown-timeout", "3s"));

        if (options.sync_period_ms != durations[i].ms)
            fail_msg("%s is %llu", durations[i].text, (unsigned long long)options.sync_period_ms);
        assert_int_equal(options.graceful_shutdown_timeout_ms, 3000);
    }
}

static void test_what_is_no_duration_is_refused(void **state maybe_unused)
{
    static const char *const texts[] = {
        "",
        "1",
        "00",
        "60",
        "soon",
        "s",
        "ms",
        "h1",
        "1h30",
        "1h 30m",
        " 5s",
        "5s ",
        "5 s",
        "-5s",
        "+5s",
        "--5s",
        "1.5h",
        ".5s",
        "5S",
        "5H",
        "5d",
        "5us",
        "5ns",
        "5min",
        "5mss",
        "0x5s",
        "1e3s",
        "1h,30m",
        "1h30m!",
        "infinity",
        /* Longer than the 292 years of Go. */
        "2562048h",
        "2562047h60m",
        "2562047h47m16s855ms",
        "999999999h",
        "9999999999ms",
        "18446744073709551616s",
        "99999999999999999999999999ms",
    };

    for (size_t i = 0; i < array_length(texts); i++) {
        char joined[64], message[128];

        snprintf(joined, sizeof joined, "--sync-period=%s", texts[i]);
        snprintf(message, sizeof message,
                 "--sync-period must be a duration such as 30s, 10m or 1h30m, not '%s'", texts[i]);
        expect_refusal(WORDS(joined), message);
        expect_refusal(WORDS("-sync-period", texts[i]), message);
    }
}

static void test_sum_of_many_parts_does_not_wrap_round(void **state maybe_unused)
{
    auto_strbuf struct strbuf text = {0};
    struct options options = {0};
    struct error err = {0};

    /* 2^64 ms and a little. */
    for (int i = 0; i < 5125; i++)
        strbuf_append_text(&text, "999999999h");

    assert_false(
        parse_in(empty_environment, WORDS("--sync-period", strbuf_text(&text)), &options, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
}

static void test_number_of_workers_is_from_1_to_64(void **state maybe_unused)
{
    static const char *const refused[] = {
        "",
        "0",
        "65",
        "99",
        "100",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1x",
        "0x10",
        "8.0",
        "01",
        "1e1",
        "\t8",
        "ten",
        "18446744073709551617",
    };

    for (unsigned number = 1; number <= 64; number++) {
        char text[8];
        struct options options;

        snprintf(text, sizeof text, "%u", number);
        options = must_parse(WORDS("--max-concurrent-reconciles", text));
        assert_int_equal(options.max_concurrent_reconciles, number);
    }
    for (size_t i = 0; i < array_length(refused); i++) {
        char message[128];

        snprintf(message, sizeof message,
                 "--max-concurrent-reconciles must be a number from 1 to 64, not '%s'", refused[i]);
        expect_refusal(WORDS("--max-concurrent-reconciles", refused[i]), message);
    }
}

/* ---- the environment ---- */

static void test_variable_replaces_the_default(void **state maybe_unused)
{
    struct options options = {0};
    struct error err = {0};

    assert_true(parse_in(full_environment, WORDS(NULL), &options, &err));

    assert_string_equal(options.watch_namespace, "from-environment");
    for (size_t i = 0; i < array_length(rows); i++) {
        if (strcmp(rows[i].flag, "namespace") != 0)
            expect_default(&options, &rows[i]);
    }
}

static void test_flag_replaces_the_variable(void **state maybe_unused)
{
    struct options options = {0};
    struct error err = {0};

    assert_true(parse_in(full_environment, WORDS("--namespace=from-flag"), &options, &err));
    assert_string_equal(options.watch_namespace, "from-flag");

    assert_true(parse_in(full_environment, WORDS("--namespace="), &options, &err));
    assert_string_equal(options.watch_namespace, "");
}

static void test_empty_variable_counts_as_none(void **state maybe_unused)
{
    struct options options = {0};
    struct error err = {0};

    assert_true(parse_in(environment_of_empty_values, WORDS(NULL), &options, &err));

    for (size_t i = 0; i < array_length(rows); i++)
        expect_default(&options, &rows[i]);
}

/* ---- help ---- */

static void test_help_tells_of_every_option_and_of_no_other(void **state maybe_unused)
{
    auto_strbuf struct strbuf help = {0};
    const char *rest;

    options_append_help(&help);

    rest = strstr(strbuf_text(&help), "\n  --");
    assert_non_null(rest);
    rest++;
    for (size_t i = 0; i < array_length(rows); i++) {
        if (strncmp(rest, rows[i].help, strlen(rows[i].help)) != 0)
            fail_msg("expected '%s' at '%.200s'", rows[i].help, rest);
        rest += strlen(rows[i].help);
    }
    assert_int_equal(strncmp(rest, "\nAWS: AWS_ACCESS_KEY_ID, ", 25), 0);
    assert_int_equal(strncmp(strbuf_text(&help), "Usage: database-user-operator [options]\n\n", 41),
                     0);
}

static void test_help_names_the_variables_of_aws(void **state maybe_unused)
{
    static const char *const variables[] = {
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER",
        "AWS_CA_BUNDLE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_ROLE_ARN",
        "AWS_PROFILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_EC2_METADATA_DISABLED",
        "AWS_ENDPOINT_URL_STS",
        "AWS_MAX_ATTEMPTS",
        "AWS_RETRY_MODE",
    };
    auto_strbuf struct strbuf help = {0};

    options_append_help(&help);

    for (size_t i = 0; i < array_length(variables); i++) {
        if (strstr(strbuf_text(&help), variables[i]) == NULL)
            fail_msg("%s is missing", variables[i]);
    }
}

static void test_help_fits_a_terminal_of_a_hundred_columns(void **state maybe_unused)
{
    auto_strbuf struct strbuf help = {0};

    options_append_help(&help);

    for (const char *line = strbuf_text(&help); *line != '\0'; line += strcspn(line, "\n") + 1)
        if (strcspn(line, "\n") > 100)
            fail_msg("%.*s", (int)strcspn(line, "\n"), line);
    assert_int_equal(strbuf_text(&help)[help.length - 1], '\n');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_arguments_everything_has_its_default),
        cmocka_unit_test(test_every_flag_sets_its_own_member_in_every_form),
        cmocka_unit_test(test_flags_come_in_any_order_and_the_last_one_wins),
        cmocka_unit_test(test_text_may_be_empty_or_look_like_a_flag),
        cmocka_unit_test(test_switch_can_be_turned_off),
        cmocka_unit_test(test_switch_takes_no_other_value),
        cmocka_unit_test(test_flag_without_its_value_is_refused),
        cmocka_unit_test(test_unknown_option_is_named),
        cmocka_unit_test(test_flags_of_other_operators_are_taken_or_named),
        cmocka_unit_test(test_scrapes_with_tokens_need_tls),
        cmocka_unit_test(test_flags_of_the_predecessor_are_told_in_ours),
        cmocka_unit_test(test_our_flags_win_over_the_special_ones_and_these_over_the_general),
        cmocka_unit_test(test_flags_of_the_predecessor_are_noted),
        cmocka_unit_test(test_many_flags_of_the_predecessor_count_without_being_noted),
        cmocka_unit_test(test_words_are_those_of_a_list_in_any_case),
        cmocka_unit_test(test_duration_is_a_sum_of_numbers_with_units),
        cmocka_unit_test(test_what_is_no_duration_is_refused),
        cmocka_unit_test(test_sum_of_many_parts_does_not_wrap_round),
        cmocka_unit_test(test_number_of_workers_is_from_1_to_64),
        cmocka_unit_test(test_variable_replaces_the_default),
        cmocka_unit_test(test_flag_replaces_the_variable),
        cmocka_unit_test(test_empty_variable_counts_as_none),
        cmocka_unit_test(test_help_tells_of_every_option_and_of_no_other),
        cmocka_unit_test(test_help_names_the_variables_of_aws),
        cmocka_unit_test(test_help_fits_a_terminal_of_a_hundred_columns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
