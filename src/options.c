#include "options.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum option_type {
    OPTION_TEXT,
    OPTION_WORD, /* one of those in `values` */
    OPTION_DURATION,
    OPTION_NUMBER,
    OPTION_SWITCH,
    OPTION_FORMER, /* of the predecessor; `values` tells what it means in flags of ours */
    OPTION_FORMER_SWITCH,
};

static const struct option {
    const char *flag;
    const char *variable; /* NULL = none */
    enum option_type type;
    const char *initial;
    size_t offset;
    const char *help;
} table[] = {
    {"kubeconfig", NULL, OPTION_TEXT, "", offsetof(struct options, kubeconfig),
     "kubeconfig file; default: $KUBECONFIG, then the pod's service account, then ~/.kube/config"},
    {"namespace", "WATCH_NAMESPACE", OPTION_TEXT, "", offsetof(struct options, watch_namespace),
     "namespaces whose resources are watched, separated by ','; default: all"},
    {"selector", "WATCH_SELECTOR", OPTION_TEXT, "", offsetof(struct options, watch_selector),
     "label selector of the resources that are watched; default: all"},
    {"cluster-id", NULL, OPTION_TEXT, "", offsetof(struct options, cluster_id),
     "what identifies this cluster in tags and markers; default: the uid of kube-system"},
    {"former-cluster-ids", NULL, OPTION_TEXT, "", offsetof(struct options, former_cluster_ids),
     "ids that this cluster had before it was rebuilt, separated by ','; what they marked is ours"},
    {"sync-period", NULL, OPTION_DURATION, "1h", offsetof(struct options, sync_period_ms),
     "how often a Ready resource is looked at again; 0 = never"},
    {"max-concurrent-reconciles", NULL, OPTION_NUMBER, "8",
     offsetof(struct options, max_concurrent_reconciles),
     "how many resources are worked on at the same time (1 to 64)"},
    {"database-ca-file", NULL, OPTION_TEXT, "", offsetof(struct options, database_ca_file),
     "CA bundle for database servers whose Secret has no ca.crt; default: the system's"},
    {"secret-name-prefix", "SECRET_NAME_PREFIX", OPTION_TEXT, "",
     offsetof(struct options, secret_name_prefix),
     "what secret names begin with; may hold {namespace}/ and {name}/"},
    {"allowed-admin-secrets", "ALLOWED_ADMIN_SECRETS", OPTION_TEXT, "",
     offsetof(struct options, allowed_admin_secrets),
     "NAMESPACE=NAME,... of admin secrets in AWS, with '*'; default: all"},
    {"allowed-regions", "ALLOWED_REGIONS", OPTION_TEXT, "",
     offsetof(struct options, allowed_regions),
     "NAMESPACE=REGION,... that resources may use, with '*'; default: all"},
    {"required-tags", "REQUIRED_TAGS", OPTION_TEXT, "", offsetof(struct options, required_tags),
     "KEY=VALUE,... that every secret gets besides its own tags"},
    {"require-adoption-tag", NULL, OPTION_SWITCH, "",
     offsetof(struct options, require_adoption_tag),
     "use existing secrets without our tags only when database.opzkit.io/adopt-by allows it"},
    {"kms-key-id", "KMS_KEY_ID", OPTION_TEXT, "", offsetof(struct options, kms_key_id),
     "KMS key that new secrets are encrypted with; default: aws/secretsmanager"},
    {"leader-elect", NULL, OPTION_SWITCH, "true", offsetof(struct options, leader_elect),
     "act only while holding the Lease; false = there is never a second replica"},
    {"leader-election-id", NULL, OPTION_TEXT, "database-user-operator.opzkit.io",
     offsetof(struct options, lease_name), "name of the Lease"},
    {"leader-election-namespace", NULL, OPTION_TEXT, "", offsetof(struct options, lease_namespace),
     "namespace of the Lease; default: the operator's own"},
    {"leader-election-lease-duration", NULL, OPTION_DURATION, "15s",
     offsetof(struct options, lease_duration_ms),
     "how long others wait after the leader's last renewal before they take over"},
    {"leader-election-renew-deadline", NULL, OPTION_DURATION, "10s",
     offsetof(struct options, renew_deadline_ms),
     "how long after its last renewal the leader goes on; then it ends"},
    {"leader-election-retry-period", NULL, OPTION_DURATION, "2s",
     offsetof(struct options, retry_period_ms), "time between two attempts to take or to renew"},
    {"health-probe-bind-address", NULL, OPTION_TEXT, ":8081",
     offsetof(struct options, health_address),
     "where /healthz and /readyz are served; 0 = nowhere"},
    {"metrics-bind-address", NULL, OPTION_TEXT, ":8080", offsetof(struct options, metrics_address),
     "where /metrics is served; 0 = nowhere"},
    {"metrics-secure", NULL, OPTION_SWITCH, "", offsetof(struct options, metrics_secure),
     "answer scrapes only with the bearer token of somebody who may get the URL /metrics"},
    {"metrics-cert-path", NULL, OPTION_TEXT, "",
     offsetof(struct options, metrics_certificate_folder),
     "folder with the certificate and key of /metrics, which is then served with TLS"},
    {"metrics-cert-name", NULL, OPTION_TEXT, "tls.crt",
     offsetof(struct options, metrics_certificate_name), "name of the certificate in that folder"},
    {"metrics-cert-key", NULL, OPTION_TEXT, "tls.key", offsetof(struct options, metrics_key_name),
     "name of the key in that folder"},
    {"graceful-shutdown-timeout", NULL, OPTION_DURATION, "30s",
     offsetof(struct options, graceful_shutdown_timeout_ms),
     "how long running reconciles may finish after SIGTERM"},
    {"stuck-worker-timeout", NULL, OPTION_DURATION, "5m",
     offsetof(struct options, stuck_worker_timeout_ms),
     "how long a worker may show no sign of life before /healthz fails; 0 = for ever"},
    {"log-level", NULL, OPTION_WORD, "info", offsetof(struct options, log_level),
     "error, warning, info or debug"},
    {"log-format", NULL, OPTION_WORD, "json", offsetof(struct options, log_format),
     "json, or text: one line of key=value pairs"},
    {"zap-log-level", NULL, OPTION_FORMER, "", 0, "of the predecessor: as --log-level"},
    {"zap-encoder", NULL, OPTION_FORMER, "", 0, "of the predecessor: json, or console for text"},
    {"zap-devel", NULL, OPTION_FORMER_SWITCH, "", 0,
     "of the predecessor: --log-level=debug and --log-format=text"},
    {"zap-stacktrace-level", NULL, OPTION_FORMER, "", 0, "of the predecessor: changes nothing"},
    {"zap-time-encoding", NULL, OPTION_FORMER, "", 0, "of the predecessor: changes nothing"},
    {"enable-http2", NULL, OPTION_FORMER_SWITCH, "", 0, "of the predecessor: changes nothing"},
    {"print-iam-policy", NULL, OPTION_SWITCH, "", offsetof(struct options, show_policy),
     "print the least IAM policy that this version needs, and exit"},
    {"version", NULL, OPTION_SWITCH, "", offsetof(struct options, show_version),
     "print the version and exit"},
    {"help", NULL, OPTION_SWITCH, "", offsetof(struct options, show_help), "print this and exit"},
};

#define ANY_NUMBER "a number"
#define ANY_TEXT   "any text"

/* What the words and the former flags may be set to, and what a value of the latter stands for. */
static const struct option_value {
    const char *flag;
    const char *text;
    const char *stands_for[FORMER_FLAGS_LIMIT]; /* "flag=value"; none: it changes nothing */
} values[] = {
    {"log-level", "error", {NULL}},
    {"log-level", "warning", {NULL}},
    {"log-level", "info", {NULL}},
    {"log-level", "debug", {NULL}},
    {"log-format", "json", {NULL}},
    {"log-format", "text", {NULL}},
    {"zap-log-level", "debug", {"log-level=debug"}},
    {"zap-log-level", "info", {"log-level=info"}},
    {"zap-log-level", "error", {"log-level=error"}},
    {"zap-log-level", "panic", {"log-level=error"}},
    {"zap-log-level", ANY_NUMBER, {"log-level=debug"}},
    {"zap-encoder", "json", {"log-format=json"}},
    {"zap-encoder", "console", {"log-format=text"}},
    {"zap-devel", "true", {"log-level=debug", "log-format=text"}},
    {"zap-devel", "false", {NULL}},
    {"zap-stacktrace-level", ANY_TEXT, {NULL}},
    {"zap-time-encoding", ANY_TEXT, {NULL}},
    {"enable-http2", "true", {NULL}},
    {"enable-http2", "false", {NULL}},
};

static void *member(struct options *options, const struct option *option)
{
    return (char *)options + option->offset;
}

/* What Go's durations hold, 292 years: added to a clock they stay far from overflow. */
#define DURATION_LIMIT_MS (UINT64_MAX / 2 / 1000000)

/* A duration as Go writes it: numbers with units, "1h30m", "500ms"; a bare 0 is allowed. */
static bool parse_duration(const char *text, uint64_t *ret_ms)
{
    static const struct {
        const char *name; /* "ms" before "m", which it begins with */
        uint64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 60 * 60 * 1000}};
    uint64_t total = 0;

    if (strcmp(text, "0") == 0) {
        *ret_ms = 0;
        return true;
    }
    if (text[0] == '\0')
        return false;
    while (*text != '\0') {
        size_t digits = strspn(text, "0123456789"), i = 0;
        uint64_t number = strtoul(text, NULL, 10);

        if (digits == 0 || digits > 9)
            return false;
        text += digits;
        while (i < array_length(units) && strncmp(text, units[i].name, strlen(units[i].name)) != 0)
            i++;
        if (i == array_length(units))
            return false;
        total += number * units[i].ms;
        if (total > DURATION_LIMIT_MS)
            return false;
        text += strlen(units[i].name);
    }
    *ret_ms = total;
    return true;
}

static bool is_number(const char *text)
{
    return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static bool is_meant(const struct option_value *value, const char *text)
{
    return strcasecmp(value->text, text) == 0 || strcmp(value->text, ANY_TEXT) == 0 ||
           (strcmp(value->text, ANY_NUMBER) == 0 && is_number(text));
}

static bool find_value(const struct option *option, const char *text, const char *source,
                       const struct option_value **ret_value, struct error *err)
{
    auto_strbuf struct strbuf allowed = {0};

    for (size_t i = 0; i < array_length(values); i++) {
        if (strcmp(values[i].flag, option->flag) != 0)
            continue;
        if (is_meant(&values[i], text)) {
            *ret_value = &values[i];
            return true;
        }
        strbuf_append_format(&allowed, "%s%s", allowed.length > 0 ? ", " : "", values[i].text);
    }
    return error_set(err, ERROR_INVALID, NULL, "%s must be one of %s, not '%s'", source,
                     strbuf_text(&allowed), text);
}

static const struct option *find(const char *name, size_t length)
{
    for (size_t i = 0; i < array_length(table); i++) {
        if (strlen(table[i].flag) == length && memcmp(table[i].flag, name, length) == 0)
            return &table[i];
    }
    return NULL;
}

/* Sets what the value of a former flag stands for, and notes it for the log. */
static bool set_former(struct options *options, const struct option *option, const char *text,
                       const char *source, struct error *err)
{
    const struct option_value *value;

    if (!find_value(option, text, source, &value, err))
        return false;
    for (size_t i = 0; i < FORMER_FLAGS_LIMIT && value->stands_for[i] != NULL; i++) {
        const char *equals = strchr(value->stands_for[i], '=');
        const struct option *own =
            find(value->stands_for[i], (size_t)(equals - value->stands_for[i]));

        assert(own != NULL);
        *(const char **)member(options, own) = equals + 1;
    }
    if (options->former_count < FORMER_NOTES_LIMIT)
        options->former[options->former_count++] = (struct former_flag){
            .flag = option->flag, .value = text, .stands_for = value->stands_for};
    return true;
}

static bool set_value(struct options *options, const struct option *option, const char *value,
                      const char *source, struct error *err)
{
    const struct option_value *word;
    char *end;

    switch (option->type) {
    case OPTION_TEXT:
        *(const char **)member(options, option) = value;
        return true;
    case OPTION_WORD:
        if (!find_value(option, value, source, &word, err))
            return false;
        *(const char **)member(options, option) = word->text;
        return true;
    case OPTION_FORMER:
    case OPTION_FORMER_SWITCH:
        return set_former(options, option, value, source, err);
    case OPTION_DURATION:
        if (parse_duration(value, member(options, option)))
            return true;
        return error_set(err, ERROR_INVALID, NULL,
                         "%s must be a duration such as 30s, 10m or 1h30m, not '%s'", source,
                         value);
    case OPTION_NUMBER:
        *(uint64_t *)member(options, option) = strtoul(value, &end, 10);
        if (value[0] >= '1' && value[0] <= '9' && *end == '\0' &&
            *(uint64_t *)member(options, option) <= 64)
            return true;
        return error_set(err, ERROR_INVALID, NULL, "%s must be a number from 1 to 64, not '%s'",
                         source, value);
    case OPTION_SWITCH:
        *(bool *)member(options, option) = strcmp(value, "true") == 0;
        if (*(bool *)member(options, option) || strcmp(value, "false") == 0)
            return true;
        return error_set(err, ERROR_INVALID, NULL, "%s must be true or false, not '%s'", source,
                         value);
    }
    return false;
}

static bool is_switch(const struct option *option)
{
    return option->type == OPTION_SWITCH || option->type == OPTION_FORMER_SWITCH;
}

static bool is_former(const struct option *option)
{
    return option->type == OPTION_FORMER || option->type == OPTION_FORMER_SWITCH;
}

static bool has_default(const struct option *option)
{
    return option->initial[0] != '\0' || (!is_switch(option) && !is_former(option));
}

static bool set_defaults(struct options *options, options_environment_fn environment,
                         struct error *err)
{
    for (size_t i = 0; i < array_length(table); i++) {
        const struct option *option = &table[i];
        const char *value = option->variable != NULL ? environment(option->variable) : NULL;

        if (!has_default(option))
            continue;
        if (value != NULL && value[0] != '\0') {
            if (!set_value(options, option, value, option->variable, err))
                return false;
        } else if (!set_value(options, option, option->initial, option->flag, err)) {
            return false;
        }
    }
    return true;
}

/* Wherever they stand, flags of ours win over those of the predecessor, and among these the special
 * ones over the general one, as there. */
enum rank { RANK_GENERAL, RANK_SPECIAL, RANK_OWN, RANK_COUNT };

static enum rank rank_of(const struct option *option)
{
    if (!is_former(option))
        return RANK_OWN;
    return option->type == OPTION_FORMER ? RANK_SPECIAL : RANK_GENERAL;
}

/* One flag as it stands among the arguments. */
struct given {
    const struct option *option;
    char source[64]; /* the flag, for messages */
    const char *value;
};

/* Reads one flag and, where it stands apart, its value; *position moves to the last word taken. */
static bool read_flag(int argument_count, char *const *arguments, int *position,
                      struct given *ret_given, struct error *err)
{
    const char *argument = arguments[*position];
    const char *name = argument + (argument[0] == '-') + (argument[0] == '-' && argument[1] == '-');
    const char *equals = strchr(name, '=');
    size_t length = equals != NULL ? (size_t)(equals - name) : strlen(name);
    const struct option *option = name > argument ? find(name, length) : NULL;

    if (option == NULL)
        return error_set(err, ERROR_INVALID, NULL, "unknown option '%.*s': see --help",
                         (int)(length + (size_t)(name - argument)), argument);
    *ret_given = (struct given){.option = option, .source = "--"};
    strncat(ret_given->source, option->flag, sizeof ret_given->source - 3);
    if (equals != NULL)
        ret_given->value = equals + 1;
    else if (is_switch(option))
        ret_given->value = "true";
    else if (*position + 1 < argument_count)
        ret_given->value = arguments[++*position];
    else
        return error_set(err, ERROR_INVALID, NULL, "%s needs a value", ret_given->source);
    return true;
}

static bool set_flags(int argument_count, char *const *arguments, enum rank rank,
                      struct options *options, struct error *err)
{
    for (int i = 1; i < argument_count; i++) {
        struct given given;

        if (!read_flag(argument_count, arguments, &i, &given, err))
            return false;
        if (rank_of(given.option) == rank &&
            !set_value(options, given.option, given.value, given.source, err))
            return false;
    }
    return true;
}

/* What is right by itself and wrong together. */
static bool check_together(const struct options *options, struct error *err)
{
    if (options->metrics_secure && options->metrics_certificate_folder[0] == '\0')
        return error_set(err, ERROR_INVALID, NULL,
                         "--metrics-secure needs --metrics-cert-path: tokens must not travel in "
                         "clear");
    return true;
}

bool options_parse(int argument_count, char *const *arguments, options_environment_fn environment,
                   struct options *ret_options, struct error *err)
{
    struct options options = {0};

    if (!set_defaults(&options, environment, err))
        return false;
    for (enum rank rank = 0; rank < RANK_COUNT; rank++) {
        if (!set_flags(argument_count, arguments, rank, &options, err))
            return false;
    }
    if (!check_together(&options, err))
        return false;
    *ret_options = options;
    return true;
}

void options_append_help(struct strbuf *buf)
{
    static const char *const value_names[] = {
        [OPTION_TEXT] = "=TEXT",     [OPTION_WORD] = "=WORD", [OPTION_DURATION] = "=DURATION",
        [OPTION_NUMBER] = "=NUMBER", [OPTION_SWITCH] = "",    [OPTION_FORMER] = "=WORD",
        [OPTION_FORMER_SWITCH] = "",
    };

    strbuf_append_text(
        buf,
        "Usage: database-user-operator [options]\n\n"
        "Makes databases and login users on existing PostgreSQL, MySQL and MariaDB servers for\n"
        "Database resources, and keeps their passwords in AWS Secrets Manager.\n\n");
    for (size_t i = 0; i < array_length(table); i++) {
        const struct option *option = &table[i];

        strbuf_append_format(buf, "  --%s", option->flag);
        strbuf_append_text(buf, value_names[option->type]);
        strbuf_append_format(buf, "\n        %s", option->help);
        if (option->initial[0] != '\0')
            strbuf_append_format(buf, " (default %s)", option->initial);
        if (option->variable != NULL)
            strbuf_append_format(buf, " [$%s]", option->variable);
        strbuf_append_char(buf, '\n');
    }
    strbuf_append_text(
        buf,
        "\nAWS: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or what the AWS "
        "SDKs\n"
        "take in this order: AWS_WEB_IDENTITY_TOKEN_FILE with AWS_ROLE_ARN; the shared files\n"
        "(AWS_PROFILE, AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE);\n"
        "AWS_CONTAINER_CREDENTIALS_FULL_URI (EKS Pod Identity); the instance metadata\n"
        "(AWS_EC2_METADATA_DISABLED).  AWS_REGION, AWS_DEFAULT_REGION, AWS_ENDPOINT_URL,\n"
        "AWS_ENDPOINT_URL_SECRETS_MANAGER, AWS_ENDPOINT_URL_STS, AWS_USE_FIPS_ENDPOINT,\n"
        "AWS_USE_DUALSTACK_ENDPOINT, AWS_MAX_ATTEMPTS, AWS_RETRY_MODE, AWS_CA_BUNDLE; "
        "HTTPS_PROXY,\n"
        "NO_PROXY.\n");
}
