/*
 * The custom resource Database as the API server hands it out: its identity, and its spec with
 * every default of the usage guide filled in.
 */
#ifndef CONTROLLER_DATABASE_H
#define CONTROLLER_DATABASE_H

#include "base/document.h"
#include "base/error.h"
#include "engine/engine.h"
#include "kube/client.h"

#include <stdbool.h>
#include <stdint.h>

#define DATABASE_API_VERSION      "database.opzkit.io/v1alpha1"
#define DATABASE_KIND             "Database"
#define ANNOTATION_PREFIX         "database.opzkit.io/"
#define ANNOTATION_ABANDON        ANNOTATION_PREFIX "abandon-external-resources"
#define ANNOTATION_ACCEPT_SERVER  ANNOTATION_PREFIX "accept-server"
#define ANNOTATION_CONFIRM_DROP   ANNOTATION_PREFIX "confirm-drop"
#define ANNOTATION_RECONCILE_NOW  ANNOTATION_PREFIX "reconcile-now"
#define ANNOTATION_RESET_PASSWORD ANNOTATION_PREFIX "reset-password"
#define ANNOTATION_TRANSFER_TO    ANNOTATION_PREFIX "transfer-to"
#define DATABASE_FINALIZER        "database.opzkit.io/database-finalizer"

struct secret_template;

extern const struct kube_resource database_resource;

/* Where the admin connection is: in a Kubernetes Secret of the namespace, or in AWS. */
struct connection_reference {
    char *name;   /* of the Kubernetes Secret; in AWS the name or the ARN */
    char *key;    /* of the Kubernetes Secret always; in AWS NULL when not given */
    char *region; /* in AWS, when given */
    bool in_aws;
};

/* Owned strings; NULL = not given, unless the field says what stands in for it. */
struct database_spec {
    char *engine; /* the word of the spec */
    char *database_name;
    char *username;    /* effective: databaseName when not given */
    char *secret_name; /* effective: rds/<engine>/<databaseName> when not given, until
                          tenant_rules_place_secret() */
    bool secret_name_given;
    char *description; /* effective: "Database credentials for <databaseName>" */
    char *region;      /* awsSecretsManager.region, else connectionStringAWSSecretRef.region */
    json_t *tags;      /* object, may be NULL */
    struct engine_privileges privileges;
    json_t *privilege_words; /* the same as the status shows them; NULL = engine not known */
    bool retain_on_delete;   /* true unless the spec says false */
    bool adopt_existing_database;
    bool suspend;
    struct secret_template *secret_template; /* of database_parse_template(); NULL = none */
    struct connection_reference connection;
};

struct database {
    json_t *object; /* the version that this was read from */
    char *namespace_name;
    char *name;
    char *uid;
    char *resource_version;
    int64_t generation;
    bool deleting;
    bool has_finalizer;
    struct database_spec spec; /* {0} until database_parse_spec() succeeded */
};

void database_release(struct database *database);
#define auto_database run_at_scope_end(database_release)

/* Takes the identity from an object; keeps a reference to it.  INTERNAL when it has none. */
bool database_parse_identity(json_t *object, struct database *ret_database, struct error *err)
    must_check;
/* Fills in database->spec.  INVALID names the field; the API server's schema refuses most of this
 * already, but an older CRD may have let it in. */
bool database_parse_spec(struct database *database, struct error *err) must_check;
/* Fills in database->spec.secret_template, after the rest of the spec.  INVALID says where the
 * template is wrong. */
bool database_parse_template(struct database *database, struct error *err) must_check;
/* retainOnDelete of a spec that may be invalid otherwise: true unless it is exactly false. */
bool database_retains_on_delete(const struct database *database);

/* The value of an annotation; NULL = none.  Borrowed. */
const char *database_annotation(const struct database *database, const char *key);

/* Where the object lives, for requests; borrows from `database`. */
struct kube_object_reference database_reference(const struct database *database);

#endif
