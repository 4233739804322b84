#include "controller/server_access.h"

#include "base/memory.h"
#include "controller/failure.h"
#include "controller/pass.h"
#include "kube/workqueue.h"

#include <stdlib.h>
#include <string.h>

enum {
    /* Who answers later, is slow: it gets few workers. */
    PROMPT_MS = 1500,
    /* How long the first attempt at a server waits of which nothing is known: many may be silent at
     * once, and they must not hold the workers for the usual time. */
    FIRST_ATTEMPT_MS = 1500,
    /* Who waits for a server is woken when it answers; this is for the case that nobody tries. */
    WAITING_RETRY_MS = 5 * 60 * 1000,
    /* The time to connect that is usual; with less, silence says nothing about the server. */
    USUAL_TIMEOUT_SECONDS = 5,
};

/* Everything that decides whether somebody answers before a password is looked at. */
static char *describe_way(const struct connection_string *server)
{
    return mem_printf("%d %s/%s", (int)server->tls_mode, server->username,
                      server->database != NULL ? server->database : "");
}

static struct circuit_way own_way(const struct pass *pass)
{
    return (struct circuit_way){.server = pass->access.server, .way = pass->access.way};
}

/* --- Entering -------------------------------------------------------------------------------- */

bool server_access_enter(struct pass *pass, struct failure *failure)
{
    struct server_access *access = &pass->access;

    access->server = connection_string_servers(&pass->admin.server);
    access->way = describe_way(&pass->admin.server);
    if (kube_workqueue_enter(pass->reconciler->queue, pass->key, access->server))
        return true;
    access->was_put_back = true;
    return failure_set(failure, ERROR_CONFLICT, "ServerBusy",
                       "other resources are worked on at the server %s", access->server);
}

/* --- Reporting ------------------------------------------------------------------------------- */

/* Whoever asks for less than the usual patience, is not believed by the others. */
static bool was_hasty(const struct pass *pass, const struct error *err)
{
    uint32_t seconds = pass->admin.server.connect_timeout_seconds;

    return seconds > 0 && seconds < USUAL_TIMEOUT_SECONDS && error_has_code(err, "Timeout");
}

void server_access_succeeded(struct pass *pass)
{
    const struct reconciler *reconciler = pass->reconciler;
    struct circuit_way way = own_way(pass);
    int64_t took_ms = timesource_monotonic_ms(reconciler->timesource) - pass->access.asked_ms;

    if (pass->access.is_told)
        return;
    pass->access.is_told = true;
    kube_workqueue_set_standing(reconciler->queue, way.server,
                                took_ms < PROMPT_MS ? KUBE_STANDING_TRUSTED
                                                    : KUBE_STANDING_SUSPECT);
    if (circuits_report_answer(reconciler->circuits, &way)) {
        log_info(&pass->log, "the server %s answers again", way.server);
        kube_workqueue_wake_group(reconciler->queue, way.server);
    }
}

void server_access_failed(struct pass *pass, const struct error *err)
{
    const struct reconciler *reconciler = pass->reconciler;
    struct server_access *access = &pass->access;
    struct circuit_way way = own_way(pass);

    if (err->kind != ERROR_CANCELLED && !engine_is_unreachable(err)) {
        server_access_succeeded(pass);
        return;
    }
    if (engine_is_unreachable(err))
        kube_workqueue_set_standing(reconciler->queue, way.server, KUBE_STANDING_SUSPECT);
    if (err->kind == ERROR_CANCELLED || was_hasty(pass, err)) {
        circuits_report_nothing(reconciler->circuits, &way, access->circuit);
        return;
    }
    access->retry_ms = circuits_report_failure(reconciler->circuits, &way, access->circuit, err);
    access->awaits_server = true;
}

/* A first attempt that was too short tells nobody anything; the next one is patient. */
static void put_back(struct pass *pass, struct error *err)
{
    pass->access.was_put_back = true;
    kube_workqueue_put_back(pass->reconciler->queue, pass->key);
    error_set(err, ERROR_CONFLICT, NULL,
              "the server %s did not answer at once: it is tried again with more patience",
              pass->access.server);
}

/* --- Sessions -------------------------------------------------------------------------------- */

static bool is_let_through(struct pass *pass, struct error *err)
{
    struct server_access *access = &pass->access;
    struct circuit_way way = own_way(pass);

    access->circuit = circuits_ask(pass->reconciler->circuits, &way, pass->is_urgent, err);
    if (access->circuit != CIRCUIT_REFUSES)
        return true;
    access->awaits_server = true;
    access->retry_ms = WAITING_RETRY_MS;
    return false;
}

/* Who has just changed something, wants to see it: rights of the admin in MySQL are those that it
 * had when it logged in. */
static struct admin_session *find_session(struct pass *pass)
{
    return pass->is_urgent || pass->person_acted
               ? NULL
               : session_pool_take(pass->reconciler->sessions, pass->driver, &pass->admin);
}

static bool log_in(struct pass *pass, const struct engine_connect_request *request,
                   struct error *err)
{
    const struct reconciler *reconciler = pass->reconciler;
    int64_t begun_ms = timesource_monotonic_ms(reconciler->timesource);
    bool opened =
        admin_session_open(pass->driver, &pass->admin, request, &pass->access.session, err);

    reconcile_metrics_note_call(&reconciler->metrics, pass->driver, "connect",
                                timesource_monotonic_ms(reconciler->timesource) - begun_ms,
                                opened ? NULL : err);
    return opened;
}

static bool open_session(struct pass *pass, struct error *err)
{
    struct engine_connect_request request = pass_connect_request(pass);
    bool is_first = kube_workqueue_standing(pass->reconciler->queue, pass->access.server) ==
                    KUBE_STANDING_UNKNOWN;

    if (is_first)
        request.connect_timeout_ms = FIRST_ATTEMPT_MS;
    if (log_in(pass, &request, err))
        return true;
    server_access_failed(pass, err);
    if (is_first && error_has_code(err, "Timeout"))
        put_back(pass, err);
    return false;
}

bool server_access_connect(struct pass *pass, struct error *err)
{
    struct server_access *access = &pass->access;

    if (!is_let_through(pass, err))
        return false;
    access->asked_ms = timesource_monotonic_ms(pass->reconciler->timesource);
    access->is_told = false;
    access->session = find_session(pass);
    if (access->session == NULL && !open_session(pass, err))
        return false;
    pass->session = access->session->engine;
    return true;
}

void server_access_keep_session(struct pass *pass)
{
    if (pass->access.session != NULL)
        session_pool_give_back(pass->reconciler->sessions, pass->access.session);
    pass->access.session = NULL;
    pass->session = NULL;
}

void server_access_drop_session(struct pass *pass)
{
    admin_session_close(pass->access.session);
    pass->access.session = NULL;
    pass->session = NULL;
}

void server_access_release(struct pass *pass)
{
    server_access_drop_session(pass);
    free(pass->access.server);
    free(pass->access.way);
}
