/*
 * Confined to the thread of the server that it guards.
 */
#include "server/scrape_guard.h"

#include "base/digest.h"
#include "base/document.h"
#include "base/memory.h"
#include "base/secret.h"
#include "base/strbuf.h"

#include <string.h>

enum verdict { VERDICT_ADMITTED, VERDICT_UNKNOWN_TOKEN, VERDICT_MAY_NOT, VERDICT_NOT_DECIDED };

struct decision {
    uint8_t subject[SHA256_SIZE]; /* of the path and the token */
    enum verdict verdict;
    int64_t until_ms; /* monotonic; 0 = there is none */
};

struct scrape_guard {
    struct kube_reviewer reviewer;
    const struct timesource *timesource;
    struct log_scope log;
    struct decision decisions[SCRAPE_DECISIONS_LIMIT];
    bool has_failed; /* and the log has said so */
};

struct scrape_guard *scrape_guard_new(const struct scrape_guard_options *options)
{
    struct scrape_guard *guard = mem_alloc(sizeof *guard);

    guard->reviewer = options->reviewer;
    guard->timesource = options->timesource;
    guard->log = *options->log;
    return guard;
}

void scrape_guard_free(struct scrape_guard *guard)
{
    free(guard);
}

/* --- What was decided lately ----------------------------------------------------------------- */

static void make_subject(const char *path, const struct secret *token,
                         uint8_t ret_subject[static SHA256_SIZE])
{
    auto_strbuf struct strbuf text = STRBUF_ERASING;

    strbuf_append_format(&text, "%s\n", path);
    strbuf_append(&text, secret_reveal(token), token->length);
    digest_sha256(strbuf_text(&text), text.length, ret_subject);
}

static bool recall(const struct scrape_guard *guard, const uint8_t *subject,
                   enum verdict *ret_verdict)
{
    int64_t now_ms = timesource_monotonic_ms(guard->timesource);

    for (size_t i = 0; i < SCRAPE_DECISIONS_LIMIT; i++) {
        const struct decision *decision = &guard->decisions[i];

        if (decision->until_ms > now_ms && memcmp(decision->subject, subject, SHA256_SIZE) == 0) {
            *ret_verdict = decision->verdict;
            return true;
        }
    }
    return false;
}

/* In place of the one that counts the shortest time: refusals make room before admissions do, so
 * that nobody who tries tokens pushes out those who may. */
static void remember(struct scrape_guard *guard, const uint8_t *subject, enum verdict verdict)
{
    struct decision *place = &guard->decisions[0];

    for (size_t i = 1; i < SCRAPE_DECISIONS_LIMIT; i++) {
        if (guard->decisions[i].until_ms < place->until_ms)
            place = &guard->decisions[i];
    }
    memcpy(place->subject, subject, SHA256_SIZE);
    place->verdict = verdict;
    place->until_ms = timesource_monotonic_ms(guard->timesource) +
                      (verdict == VERDICT_ADMITTED ? SCRAPE_ADMITTED_MS : SCRAPE_REFUSED_MS);
}

/* --- Deciding -------------------------------------------------------------------------------- */

static bool review(const struct scrape_guard *guard, const char *path, const struct secret *token,
                   enum verdict *ret_verdict, struct error *err)
{
    auto_json json_t *user = NULL;
    bool may = false;

    if (!kube_review_token(&guard->reviewer, token, &user, err))
        return false;
    if (user == NULL) {
        *ret_verdict = VERDICT_UNKNOWN_TOKEN;
        return true;
    }
    if (!kube_review_access(&guard->reviewer, user, path, "get", &may, err))
        return false;
    *ret_verdict = may ? VERDICT_ADMITTED : VERDICT_MAY_NOT;
    return true;
}

/* A failure is told once, until a review succeeds again. */
static enum verdict decide(struct scrape_guard *guard, const char *path, const struct secret *token)
{
    uint8_t subject[SHA256_SIZE];
    enum verdict verdict;
    struct error err;

    make_subject(path, token, subject);
    if (recall(guard, subject, &verdict))
        return verdict;
    if (!review(guard, path, token, &verdict, &err)) {
        if (!guard->has_failed)
            log_failure(&guard->log, LOG_LEVEL_WARNING, &err,
                        "who asks for %s cannot be found out: nobody is answered", path);
        guard->has_failed = true;
        return VERDICT_NOT_DECIDED;
    }
    guard->has_failed = false;
    remember(guard, subject, verdict);
    return verdict;
}

/* The token of "Bearer TOKEN"; empty when there is none. */
static void read_token(const char *authorization, struct secret *ret_token)
{
    static const char scheme[] = "Bearer ";

    if (authorization != NULL && strncasecmp(authorization, scheme, strlen(scheme)) == 0)
        secret_set_text(ret_token, authorization + strlen(scheme) +
                                       strspn(authorization + strlen(scheme), " "));
}

bool scrape_guard_admit(void *context, const char *path, const char *authorization,
                        struct http_answer *answer)
{
    static const struct {
        int status;
        const char *text;
    } refusals[] = {
        [VERDICT_UNKNOWN_TOKEN] = {401, "unauthorized: send a valid bearer token\n"},
        [VERDICT_MAY_NOT] = {403, "forbidden: the user of this token may not get this path\n"},
        [VERDICT_NOT_DECIDED] = {500, "the API server could not be asked\n"},
    };
    auto_secret struct secret token = {0};
    enum verdict verdict = VERDICT_UNKNOWN_TOKEN;

    read_token(authorization, &token);
    if (!secret_is_empty(&token))
        verdict = decide(context, path, &token);
    if (verdict == VERDICT_ADMITTED)
        return true;
    answer->status = refusals[verdict].status;
    answer->asks_for_token = answer->status == 401;
    strbuf_append_text(&answer->body, refusals[verdict].text);
    return false;
}
