/*
 * AWS Secrets Manager (API 2017-10-17, JSON 1.1): the operations that the operator needs, each
 * idempotent by ClientRequestToken where the service takes one, errors classified by code.
 *
 * Error kinds: ResourceNotFoundException NOT_FOUND; ResourceExistsException CONFLICT;
 * InvalidRequestException and PreconditionNotMetException CONFLICT (the state differs from what was
 * read: describe again); InvalidParameter, Validation, Limit and policy errors INVALID; access,
 * signature, token, KMS errors DENIED; throttling, 5xx, connection errors UNAVAILABLE (after the
 * retries inside).  The code of an error is AWS's.  Messages name operation, secret, region and,
 * for DENIED, AWS's own text (principal and action) and the credential source; never a value.
 * Thread-safe; every call blocks at most 30 s.
 */
#ifndef AWS_SECRETS_MANAGER_H
#define AWS_SECRETS_MANAGER_H

#include "aws/clock.h"
#include "aws/credentials.h"
#include "aws/endpoint.h"
#include "aws/json_client.h"
#include "base/cancellation.h"
#include "base/error.h"
#include "base/random.h"
#include "base/secret.h"
#include "http/transport.h"

#include <jansson.h>

#include <stdbool.h>
#include <stdint.h>

struct metrics;
struct secrets_manager;

struct secrets_manager_options {
    struct http_transport *transport; /* borrowed, as everything here */
    struct aws_credentials_provider *credentials;
    struct aws_clock *clock;
    const struct random_source *random;
    const struct cancellation *cancellation;
    struct metrics *metrics;  /* NULL = none */
    const char *endpoint_url; /* overrides the endpoint of every region; NULL = AWS's own */
    struct aws_endpoint_variant endpoints;
    unsigned attempts_limit; /* of one call; 0 = the default */
    const char *ca_file;     /* AWS_CA_BUNDLE; NULL = the system's */
    const char *user_agent;
    aws_throttling_report_fn report_throttling; /* NULL = nobody is interested */
    void *report_context;
};

struct secrets_manager *
secrets_manager_new(const struct secrets_manager_options *options) returns_owned;
void secrets_manager_free(struct secrets_manager *manager);

/* Which secret: region and its name or full ARN (never a partial ARN); borrowed. */
struct secrets_manager_target {
    const char *region;
    const char *id;
};

/* Staging labels: AWS's own two, and two of the operator's. */
#define SECRETS_MANAGER_LABEL_CURRENT   "AWSCURRENT"
#define SECRETS_MANAGER_LABEL_PREVIOUS  "AWSPREVIOUS"
#define SECRETS_MANAGER_LABEL_CANONICAL "dbuo-canonical"
#define SECRETS_MANAGER_LABEL_PENDING   "dbuo-pending"

enum { SECRETS_MANAGER_VERSION_ID_SIZE = 65, SECRETS_MANAGER_DESCRIPTION_LIMIT = 2048 };

/* What DescribeSecret says; {0} is empty. */
struct secret_description {
    char *arn;
    char *name;
    char *description;       /* "" when none */
    char *current_version;   /* the version labelled AWSCURRENT; NULL = no value yet */
    char *canonical_version; /* the version labelled dbuo-canonical; NULL = none */
    char *pending_version;   /* the version labelled dbuo-pending; NULL = none */
    char *previous_version;  /* the version labelled AWSPREVIOUS; NULL = none */
    char *owning_service;    /* NULL = none */
    char *primary_region;    /* NULL = not replicated */
    json_t *tags;            /* object: key -> string; never NULL after success */
    bool scheduled_for_deletion;
};

void secret_description_release(struct secret_description *description);
#define auto_secret_description run_at_scope_end(secret_description_release)

/* Every request that writes a value carries a token of the caller's (a UUID): the same token with
 * the same value is the same write, so a lost answer never makes a second version.  INVALID when
 * the value is not UTF-8. */

bool secrets_manager_describe(struct secrets_manager *manager,
                              const struct secrets_manager_target *target,
                              struct secret_description *ret_description, struct error *err)
    must_check;

/* The value of one version: by id, or by staging label when version_id is NULL (label NULL =
 * AWSCURRENT).  INVALID for a binary secret.  ret_created_s (may be NULL) gets when the version was
 * made, in seconds since 1970; 0 = the service does not say. */
bool secrets_manager_get_value(struct secrets_manager *manager,
                               const struct secrets_manager_target *target, const char *version_id,
                               const char *label, struct secret *ret_value, int64_t *ret_created_s,
                               struct error *err) must_check;

struct secret_creation {
    const char *token; /* becomes the VersionId */
    const struct secret *value;
    const char *description; /* NULL = none */
    const json_t *tags;      /* object: key -> string */
    const char *kms_key_id;  /* NULL = AWS's own key */
};

/* target->id is the name.  *ret_arn is the caller's. */
bool secrets_manager_create(struct secrets_manager *manager,
                            const struct secrets_manager_target *target,
                            const struct secret_creation *creation, char **ret_arn,
                            struct error *err) must_check;

/* Puts a new version under one staging label (NULL = AWSCURRENT).  INTERNAL when the answer says
 * that the label did not move. */
bool secrets_manager_put_value(struct secrets_manager *manager,
                               const struct secrets_manager_target *target, const char *token,
                               const struct secret *value, const char *label, struct error *err)
    must_check;

/* Moves a staging label to one version, only if it is on `from_version` now (NULL = it is nowhere);
 * CONFLICT otherwise.  to_version NULL removes the label. */
bool secrets_manager_move_label(struct secrets_manager *manager,
                                const struct secrets_manager_target *target, const char *label,
                                const char *from_version, const char *to_version, struct error *err)
    must_check;

/* The token must be new, though no version is made: the service asks for one in every raw request.
 */
bool secrets_manager_set_description(struct secrets_manager *manager,
                                     const struct secrets_manager_target *target, const char *token,
                                     const char *description, struct error *err) must_check;
/* tags: object of key -> string. */
bool secrets_manager_tag(struct secrets_manager *manager,
                         const struct secrets_manager_target *target, const json_t *tags,
                         struct error *err) must_check;
/* keys: array of strings. */
bool secrets_manager_untag(struct secrets_manager *manager,
                           const struct secrets_manager_target *target, const json_t *keys,
                           struct error *err) must_check;

bool secrets_manager_restore(struct secrets_manager *manager,
                             const struct secrets_manager_target *target, struct error *err)
    must_check;
/* Schedules the deletion after a recovery window of 7 to 30 days. */
bool secrets_manager_delete(struct secrets_manager *manager,
                            const struct secrets_manager_target *target,
                            unsigned recovery_window_days, struct error *err) must_check;

#endif
