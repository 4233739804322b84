/*
 * status of the custom resource: the guide's fields, the conditions, and what the operator has to
 * remember about the outside.  Nothing destructive is ever decided by the status alone.
 */
#ifndef CONTROLLER_DATABASE_STATUS_H
#define CONTROLLER_DATABASE_STATUS_H

#include "base/document.h"
#include "base/error.h"
#include "base/timesource.h"

#include <stdbool.h>
#include <stdint.h>

enum database_phase {
    DATABASE_PHASE_NONE, /* no status has been written yet */
    DATABASE_PHASE_PENDING,
    DATABASE_PHASE_CREATING,
    DATABASE_PHASE_READY,
    DATABASE_PHASE_ERROR,
    DATABASE_PHASE_DELETING,
};

enum condition_type {
    CONDITION_READY,
    CONDITION_RECONCILING, /* kstatus: work is under way or will be retried soon */
    CONDITION_STALLED,     /* kstatus: a person must act */
    CONDITION_SECRET_READY,
    CONDITION_DATABASE_READY,
    CONDITION_USER_READY,
    CONDITION_PRIVILEGES_READY,
    CONDITION_CREDENTIALS_VERIFIED,
    CONDITION_COUNT,
};

enum condition_value { CONDITION_UNKNOWN, CONDITION_FALSE, CONDITION_TRUE };

enum { CONDITION_REASON_SIZE = 64 };

struct condition {
    enum condition_value value;
    char reason[CONDITION_REASON_SIZE]; /* CamelCase */
    char message[ERROR_MESSAGE_SIZE];
    char last_transition[TIMESTAMP_SIZE]; /* "" = never published */
    int64_t observed_generation;
};

/* Owned strings, NULL = not known; {0} is the empty status. */
struct database_status {
    enum database_phase phase;
    char *message;
    struct condition conditions[CONDITION_COUNT];
    int64_t observed_generation; /* conditions that are set take it: set it first */
    bool database_created;
    bool user_created;
    bool secret_created;
    char *actual_username;
    char *actual_secret_name;
    char *secret_arn;
    char *secret_region;
    char *secret_version;
    char *secret_format_version;
    char *server_identity;
    char *last_handled_reconcile; /* value of the annotation reconcile-now that was acted on */
    char *transfer_to;            /* value of the tag of that name that was or will be set */
    char *last_password_reset;    /* value of the annotation reset-password that was acted on */
    /* The generation at which the database was found to be gone; 0 = it was not. */
    int64_t database_missing_generation;
    char *info_host; /* connectionInfo */
    int64_t info_port;
    char *info_database;
    char *info_username;
    char *info_engine;
    json_t *applied_privileges; /* array of the words that the user was last seen to be held to */
    json_t *managed_tags;       /* array of the tag keys that came from the spec; may be NULL */
};

void database_status_release(struct database_status *status);
#define auto_database_status run_at_scope_end(database_status_release)

/* Reads object.status; fields of an unexpected type count as absent.  Never fails. */
void database_status_parse(const json_t *object, struct database_status *ret_status);
/* The JSON of the status; the caller owns it. */
json_t *database_status_render(const struct database_status *status) must_check;

/* Replaces an owned string member by a copy. */
void database_status_set(char **member, const char *text);

/* Sets a condition; the time of transition changes only when the value does. */
void database_status_set_condition(struct database_status *status, enum condition_type type,
                                   enum condition_value value, const char *reason,
                                   const char *message, const struct timesource *timesource);

#endif
