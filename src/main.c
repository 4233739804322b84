/*
 * Reads the options, builds the rooms, starts and stops them: the only file that knows all of them.
 *
 * Signals are taken by this thread alone.  The first SIGTERM or SIGINT drains, a second one ends
 * the process at once, which is harmless: a new process finds its way from what really exists.
 */
#include "aws/operations.h"
#include "aws/region.h"
#include "aws/secrets_manager.h"
#include "aws/session.h"
#include "base/cancellation.h"
#include "base/document.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/metrics.h"
#include "base/random.h"
#include "base/timesource.h"
#include "controller/controller.h"
#include "controller/tenant_rules.h"
#include "controller/watch_scope.h"
#include "engine/engine.h"
#include "http/curl_transport.h"
#include "kube/client.h"
#include "kube/config.h"
#include "kube/event_recorder.h"
#include "leadership.h"
#include "options.h"
#include "server/health.h"
#include "server/http_server.h"
#include "server/metrics_page.h"
#include "server/scrape_guard.h"
#include "version.h"

#include <inttypes.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define USER_AGENT "database-user-operator/" DBUO_VERSION

enum { EXIT_USAGE = 2 };

/* What was not told by then at the end is lost. */
enum { EVENT_FLUSH_MS = 500 };

/* Everything that is built, in the order of building; torn down in reverse. */
struct program {
    struct options options;
    struct log *log;
    struct log_scope scope;
    struct metrics *metrics;
    struct cancellation *stopping; /* no new work */
    struct cancellation *aborting; /* running passes end too; its deadline is the Lease's */
    struct kube_config *kube_config;
    struct http_transport *transport;
    struct kube_client *kube;
    struct kube_event_recorder *events;
    struct aws_session *aws;
    struct secrets_manager *secrets;
    struct tenant_rules *rules;
    struct watch_scope *watched;
    struct controller *controller;
    struct leadership *leadership;
    struct health liveness;
    struct health readiness;
    struct http_server *health_server;
    struct scrape_guard *scrape_guard;
    char *metrics_certificate; /* paths; NULL = no TLS */
    char *metrics_key;
    struct http_server *metrics_server;
};

static const char *read_environment(const char *name)
{
    return getenv(name); /* before the first thread, and nobody changes the environment later */
}

static const char *read_setting(void *context maybe_unused, const char *name)
{
    return read_environment(name);
}

static const char *or_null(const char *text)
{
    return text != NULL && text[0] != '\0' ? text : NULL;
}

/* --- Before the first thread ----------------------------------------------------------------- */

/* A core dump would hold passwords; a second heap for each thread would cost more than it saves. */
static void harden_process(void)
{
    struct rlimit none = {0, 0};

    prctl(PR_SET_DUMPABLE, 0);
    setrlimit(RLIMIT_CORE, &none);
    mallopt(M_ARENA_MAX, 2);
}

static void block_signals(sigset_t *ret_signals)
{
    sigemptyset(ret_signals);
    sigaddset(ret_signals, SIGTERM);
    sigaddset(ret_signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, ret_signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static bool init_libraries(struct error *err)
{
    document_install_allocator();
    engine_library_init();
    return curl_transport_global_init(err);
}

/* --- Building the rooms ---------------------------------------------------------------------- */

/* The words were checked when they were read. */
static void build_log(struct program *program)
{
    enum log_level level = LOG_LEVEL_INFO;
    enum log_format format = LOG_FORMAT_JSON;

    if (!log_level_parse(program->options.log_level, &level) ||
        !log_format_parse(program->options.log_format, &format))
        abort();
    program->log = log_new(STDERR_FILENO, level, format, &timesource_system);
    program->scope = (struct log_scope){.log = program->log};
}

static bool build_kube(struct program *program, struct error *err)
{
    struct curl_transport_options transport = {0};
    struct kube_client_options client = {
        .timesource = &timesource_system,
        .random = &random_system,
        .metrics = program->metrics,
        .user_agent = USER_AGENT " (linux) kubernetes/unknown",
    };

    if (!kube_config_load(or_null(program->options.kubeconfig), &timesource_system,
                          &program->kube_config, err))
        return false;
    program->transport = curl_transport_new(&transport);
    client.config = program->kube_config;
    client.transport = program->transport;
    client.cancellation = program->aborting;
    program->kube = kube_client_new(&client);
    return true;
}

/* Which process tells it: the pod's name, as the manifests hand it over, else the host's. */
static void build_events(struct program *program)
{
    char host[HOST_NAME_MAX + 1] = "";
    struct kube_event_recorder_options options = {
        .client = program->kube,
        .log = &program->scope,
        .metrics = program->metrics,
        .controller = "database-user-operator",
        .instance = or_null(read_environment("POD_NAME")),
    };

    gethostname(host, sizeof host - 1);
    if (options.instance == NULL)
        options.instance = host[0] != '\0' ? host : "unknown";
    program->events = kube_event_recorder_new(&options);
}

/* The one who hears of refreshes: a set that was replaced is only worth a line, a failure with time
 * left a warning; one without is the resources' to tell. */
static void report_refresh(void *context, const char *source, int64_t expires_us,
                           const struct error *failure)
{
    const struct program *program = context;
    char until[TIMESTAMP_SIZE];

    timestamp_render_seconds(expires_us, until);
    if (failure != NULL)
        log_failure(&program->scope, LOG_LEVEL_WARNING, failure,
                    "AWS credentials could not be refreshed; the present ones are still valid");
    else if (expires_us != 0)
        log_info(&program->scope, "AWS credentials from %s, valid until %s", source, until);
    else
        log_info(&program->scope, "AWS credentials from %s", source);
}

/* A storm of refusals is two lines. */
static void report_throttling(void *context, const struct aws_throttling *throttling)
{
    const struct program *program = context;

    if (throttling->code != NULL)
        log_warning(&program->scope,
                    "AWS throttles: %s in %s was answered with %s; calls are repeated more slowly, "
                    "and this is said once",
                    throttling->operation, throttling->region, throttling->code);
    else
        log_info(&program->scope,
                 "AWS throttles no more: %" PRIu64 " requests were refused within %" PRId64 " s",
                 throttling->requests, (throttling->duration_ms + 999) / 1000);
}

static void build_aws(struct program *program)
{
    struct aws_session_options session = {
        .settings = {.read = read_setting},
        .transport = program->transport,
        .timesource = &timesource_system,
        .random = &random_system,
        .cancellation = program->aborting,
        .user_agent = USER_AGENT,
        .report = report_refresh,
        .report_context = program,
    };
    struct secrets_manager_options options = {
        .transport = program->transport,
        .random = &random_system,
        .cancellation = program->aborting,
        .metrics = program->metrics,
        .user_agent = USER_AGENT,
        .report_throttling = report_throttling,
        .report_context = program,
    };

    program->aws = aws_session_new(&session);
    options.credentials = program->aws->credentials;
    options.clock = &program->aws->clock;
    options.endpoint_url = program->aws->configuration.secrets_manager_url;
    options.endpoints = program->aws->configuration.endpoints;
    options.attempts_limit = program->aws->configuration.attempts_limit;
    options.ca_file = program->aws->configuration.ca_file;
    program->secrets = secrets_manager_new(&options);
}

static bool build_rules(struct program *program, struct error *err)
{
    const struct options *options = &program->options;
    struct tenant_rules_options rules = {
        .secret_name_prefix = options->secret_name_prefix,
        .allowed_admin_secrets = options->allowed_admin_secrets,
        .allowed_regions = options->allowed_regions,
        .required_tags = options->required_tags,
        .kms_key_id = options->kms_key_id,
    };

    return tenant_rules_parse(&rules, &program->rules, err);
}

static bool build_scope(struct program *program, struct error *err)
{
    return watch_scope_parse(program->options.watch_namespace, program->options.watch_selector,
                             &program->watched, err);
}

static void build_controller(struct program *program)
{
    struct controller_options options = {
        .kube = program->kube,
        .secrets = program->secrets,
        .events = program->events,
        .timesource = &timesource_system,
        .random = &random_system,
        .stopping = program->stopping,
        .aborting = program->aborting,
        .log = program->log,
        .metrics = program->metrics,
        .scope = program->watched,
        .cluster_id = or_null(program->options.cluster_id),
        .former_cluster_ids = or_null(program->options.former_cluster_ids),
        .require_adoption_tag = program->options.require_adoption_tag,
        .default_region = program->aws->region,
        .rules = program->rules,
        .database_ca_file = or_null(program->options.database_ca_file),
        .sync_period_ms = program->options.sync_period_ms,
        .worker_count = program->options.max_concurrent_reconciles,
        .stuck_worker_timeout_ms = program->options.stuck_worker_timeout_ms,
    };

    program->controller = controller_new(&options);
}

/* --- Leading --------------------------------------------------------------------------------- */

static void lead(void *context)
{
    struct program *program = context;

    controller_lead(program->controller);
}

/* Nothing is waited for: what this process still knows is not worth keeping, and whatever it might
 * be stuck in ends with it. */
static void end_without_lease(void *context, const struct error *reason)
{
    const struct program *program = context;

    log_failure(&program->scope, LOG_LEVEL_ERROR, reason,
                "this process leads no more and ends at once");
    _exit(EXIT_FAILURE);
}

static bool build_leadership(struct program *program, struct error *err)
{
    struct leadership_options options = {
        .options = &program->options,
        .kube_config = program->kube_config,
        .transport = program->transport,
        .metrics = program->metrics,
        .log = &program->scope,
        .stopping = program->stopping,
        .term = program->aborting,
        .on_leading = lead,
        .on_lost = end_without_lease,
        .context = program,
    };

    return leadership_new(&options, &program->leadership, err);
}

/* --- Probes and scrapes ---------------------------------------------------------------------- */

static bool always(void *context maybe_unused)
{
    return true;
}

static bool is_synced(void *context)
{
    const struct program *program = context;

    return controller_has_synced(program->controller);
}

static bool has_no_stuck_worker(void *context)
{
    const struct program *program = context;

    return controller_is_alive(program->controller);
}

static bool is_not_stopping(void *context)
{
    const struct program *program = context;

    return !cancellation_is_requested(program->stopping);
}

static bool listen_on(struct program *program, const struct http_server_options *options,
                      const char *what, struct http_server **ret_server, struct error *err)
{
    if (strcmp(options->address, "0") == 0 || options->address[0] == '\0')
        return true;
    if (!http_server_start(options, ret_server, err))
        return error_wrap(err, "serving %s", what);
    log_info(&program->scope, "serving %s on port %u%s", what,
             (unsigned)http_server_port(*ret_server),
             options->certificate_file != NULL ? " with TLS" : "");
    return true;
}

static bool start_health(struct program *program, struct error *err)
{
    const struct http_route routes[] = {
        {"/healthz", true, health_answer, &program->liveness},
        {"/livez", true, health_answer, &program->liveness},
        {"/readyz", true, health_answer, &program->readiness},
    };
    struct http_server_options options = {
        .address = program->options.health_address,
        .routes = routes,
        .route_count = array_length(routes),
    };

    health_add(&program->liveness, &(struct health_check){"ping", always, NULL});
    health_add(&program->liveness, &(struct health_check){"workers", has_no_stuck_worker, program});
    health_add(&program->liveness,
               &(struct health_check){"leader-election", leadership_is_alive, program->leadership});
    /* Who stands by is ready: else no rolling update would ever end. */
    health_add(
        &program->readiness,
        &(struct health_check){"leader-election", leadership_is_informed, program->leadership});
    health_add(&program->readiness, &(struct health_check){"informers", is_synced, program});
    health_add(&program->readiness, &(struct health_check){"running", is_not_stopping, program});
    return listen_on(program, &options, "health", &program->health_server, err);
}

static void guard_scrapes(struct program *program, struct http_server_options *options)
{
    struct scrape_guard_options guard = {
        .reviewer = {.client = program->kube, .cancellation = program->stopping},
        .timesource = &timesource_system,
        .log = &program->scope,
    };

    program->scrape_guard = scrape_guard_new(&guard);
    options->guard = scrape_guard_admit;
    options->guard_context = program->scrape_guard;
}

static bool start_metrics(struct program *program, struct error *err)
{
    const struct http_route routes[] = {
        {"/metrics", false, metrics_page_answer, program->metrics},
    };
    struct http_server_options options = {
        .address = program->options.metrics_address,
        .routes = routes,
        .route_count = array_length(routes),
        .log = &program->scope,
    };
    const char *folder = or_null(program->options.metrics_certificate_folder);

    if (folder != NULL) {
        program->metrics_certificate =
            mem_printf("%s/%s", folder, program->options.metrics_certificate_name);
        program->metrics_key = mem_printf("%s/%s", folder, program->options.metrics_key_name);
        options.certificate_file = program->metrics_certificate;
        options.key_file = program->metrics_key;
    }
    if (program->options.metrics_secure)
        guard_scrapes(program, &options);
    return listen_on(program, &options, "metrics", &program->metrics_server, err);
}

/* --- Running --------------------------------------------------------------------------------- */

static struct metrics *make_metrics(void)
{
    static const struct metric_description build_info = {
        .name = "database_user_operator_build_info",
        .help = "Always 1; the label is the version of the operator",
        .type = METRIC_GAUGE,
        .labels = {"version"},
    };
    struct metrics *metrics = metrics_new();

    metric_set(metrics_family(metrics, &build_info), 1, DBUO_VERSION, NULL);
    return metrics;
}

static bool build(struct program *program, struct error *err)
{
    program->metrics = make_metrics();
    program->stopping = cancellation_new();
    program->aborting = cancellation_new();
    if (!init_libraries(err) || !build_rules(program, err) || !build_scope(program, err) ||
        !build_kube(program, err))
        return false;
    build_events(program);
    build_aws(program);
    build_controller(program);
    return build_leadership(program, err) && start_health(program, err) &&
           start_metrics(program, err);
}

static void report_former_flags(const struct program *program)
{
    for (size_t i = 0; i < program->options.former_count; i++) {
        const struct former_flag *former = &program->options.former[i];
        auto_strbuf struct strbuf meaning = {0};

        for (size_t k = 0; k < FORMER_FLAGS_LIMIT && former->stands_for[k] != NULL; k++)
            strbuf_append_format(&meaning, "%s--%s", k > 0 ? " " : "", former->stands_for[k]);
        log_info(&program->scope, "--%s=%s is a flag of the predecessor: it %s%s", former->flag,
                 former->value, meaning.length > 0 ? "counts as " : "changes nothing",
                 strbuf_text(&meaning));
    }
}

static void report_start(const struct program *program)
{
    const char *region = aws_region_known(program->aws->region);

    log_info(
        &program->scope,
        "starting version %s: API server %s, namespaces %s, AWS credentials from %s, region %s",
        DBUO_VERSION, kube_config_server(program->kube_config),
        or_null(program->options.watch_namespace) != NULL ? program->options.watch_namespace
                                                          : "all",
        aws_credentials_source(program->aws->credentials), region != NULL ? region : "not set");
    if (watch_scope_selector(program->watched) != NULL)
        log_info(&program->scope, "only resources with labels '%s' are looked at",
                 watch_scope_selector(program->watched));
    if (program->aws->configuration.other_retry_mode != NULL)
        log_info(&program->scope, "AWS_RETRY_MODE '%s' counts as 'standard'",
                 program->aws->configuration.other_retry_mode);
}

/* A second signal while draining ends the process at once. */
static void *wait_for_second_signal(void *context)
{
    int number;

    if (sigwait(context, &number) == 0)
        _exit(EXIT_FAILURE);
    return NULL;
}

/* Nobody writes any more when the Lease is given back. */
static void stop(struct program *program)
{
    cancellation_request(program->stopping);
    if (!controller_stop(program->controller, program->aborting,
                         (int64_t)program->options.graceful_shutdown_timeout_ms))
        log_warning(&program->scope, "running reconciles were cut short");
    if (!kube_event_recorder_flush(program->events, EVENT_FLUSH_MS)) {
        cancellation_request(program->aborting);
        kube_event_recorder_flush(program->events, EVENT_FLUSH_MS);
    }
    leadership_finish(program->leadership);
}

static int run(struct program *program, const sigset_t *signals)
{
    sigset_t second = *signals;
    pthread_t watcher;
    int number;

    report_start(program);
    controller_start(program->controller);
    leadership_start(program->leadership);
    sigwait(signals, &number);
    log_info(&program->scope, "stopping: running reconciles may finish");
    if (pthread_create(&watcher, NULL, wait_for_second_signal, &second) == 0)
        pthread_detach(watcher);
    stop(program);
    log_info(&program->scope, "stopped");
    return EXIT_SUCCESS;
}

static void tear_down(struct program *program)
{
    http_server_stop(program->metrics_server);
    scrape_guard_free(program->scrape_guard);
    free(program->metrics_certificate);
    free(program->metrics_key);
    http_server_stop(program->health_server);
    leadership_free(program->leadership);
    controller_free(program->controller);
    tenant_rules_free(program->rules);
    watch_scope_free(program->watched);
    kube_event_recorder_free(program->events);
    secrets_manager_free(program->secrets);
    aws_session_free(program->aws);
    kube_client_free(program->kube);
    http_transport_free(program->transport);
    kube_config_free(program->kube_config);
    cancellation_free(program->stopping);
    cancellation_free(program->aborting);
    metrics_free(program->metrics);
    log_free(program->log);
}

static int show(void (*append)(struct strbuf *buf))
{
    auto_strbuf struct strbuf text = {0};

    append(&text);
    return fputs(strbuf_text(&text), stdout) >= 0 && fflush(stdout) == 0 ? EXIT_SUCCESS
                                                                         : EXIT_FAILURE;
}

static void append_version(struct strbuf *buf)
{
    strbuf_append_text(buf, "database-user-operator " DBUO_VERSION "\n");
}

int main(int argument_count, char **arguments)
{
    struct program program = {0};
    sigset_t signals;
    struct error err;
    int status = EXIT_FAILURE;

    if (!options_parse(argument_count, arguments, read_environment, &program.options, &err)) {
        fprintf(stderr, "database-user-operator: %s\n", err.message);
        return EXIT_USAGE;
    }
    if (program.options.show_help)
        return show(options_append_help);
    if (program.options.show_version)
        return show(append_version);
    if (program.options.show_policy)
        return show(aws_operations_append_policy);
    harden_process();
    block_signals(&signals);
    build_log(&program);
    report_former_flags(&program);
    if (build(&program, &err))
        status = run(&program, &signals);
    else
        log_failure(&program.scope, LOG_LEVEL_ERROR, &err, "cannot start");
    tear_down(&program);
    return status;
}
