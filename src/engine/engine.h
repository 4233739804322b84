/*
 * The seam to database servers: named operations, no SQL outside the drivers.
 *
 * One driver a family: engine_postgres, engine_mysql (MySQL and MariaDB).  A session is one
 * admin connection; it belongs to one thread at a time.  Every operation blocks at most for the
 * timeouts of the session and ends early on cancellation; creating operations are not "if not
 * exists": what is there unexpectedly is CONFLICT, and the caller observes again.
 *
 * Error kinds: INVALID (names, connection string, TLS that does not verify), DENIED (password or
 * rights of the admin; the missing right is named), CONFLICT (exists, or changed under us),
 * UNAVAILABLE (unreachable, time-out, starting, too many connections, read-only), CANCELLED,
 * INTERNAL.  The code is the SQLSTATE or the error number; messages are ours and never the server's
 * text of a statement that held a secret.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "base/cancellation.h"
#include "base/error.h"
#include "base/random.h"
#include "base/secret.h"
#include "base/timesource.h"
#include "engine/connection_string.h"
#include "engine/marker.h"
#include "engine/privilege.h"

#include <stdbool.h>
#include <stdint.h>

struct engine_session;

/* How to reach a server, as whom.  What it points at outlives the session. */
struct engine_connect_request {
    const struct connection_string *server; /* hosts, TLS mode; admin name and password */
    const char *ca_pem;                     /* PEM text of the CA; wins over ca_file */
    const char *ca_file;                    /* NULL = the system's bundle */
    const struct timesource *timesource;
    const struct random_source *random;
    const struct cancellation *cancellation;
    uint32_t connect_timeout_ms;   /* over all hosts; 0 = 5 s */
    uint32_t statement_timeout_ms; /* 0 = 30 s */
    uint32_t lock_timeout_ms;      /* 0 = 5 s */
};

/* What an operation is about. */
struct engine_target {
    const char *engine; /* the word of spec.engine */
    const char *database;
    const char *username;
    const struct engine_privileges *privileges; /* what the user shall have */
    const struct secret *password;              /* the stored one; NULL = not known */
    bool has_access; /* the user has all of them: its login must reach the database */
    bool is_ours;    /* the database: what the user owns in it may change hands */
    bool may_own; /* ALL is ownership of the database; else all rights that can be granted on it */
};

struct engine_database_facts {
    bool present;
    bool half_dropped;    /* an interrupted DROP left it; nobody can connect */
    bool is_reserved;     /* a template, or one whose owner is a superuser that is not our admin */
    char *owner;          /* "" on engines without owners */
    bool owned_by_target; /* the owner is the target user */
    bool owned_by_admin;
    bool has_keeper; /* what the user made under ALL may still be kept by another role */
    char *residents; /* marked users of others that have rights here, for messages; NULL = none */
    char *id;        /* what a user's marker names: OID, or the name */
    struct engine_marker marker;
};

/* How the stored password compares with what the server keeps. */
enum engine_password {
    ENGINE_PASSWORD_UNKNOWN, /* not comparable, or not known */
    ENGINE_PASSWORD_MATCHES,
    ENGINE_PASSWORD_DIFFERS,
};

struct engine_user_facts {
    bool present;
    bool can_log_in;
    bool expired;         /* VALID UNTIL is past */
    bool is_administered; /* the admin may act for it (PostgreSQL 16+: ADMIN option) */
    char *privileged_as;  /* "superuser", "CREATEROLE", ...: never to be touched; NULL = ordinary */
    bool is_admin_itself;
    char *other_accounts; /* accounts of the same name at other hosts, for messages; NULL = none */
    char *id;
    struct engine_marker marker;
    enum engine_password password;
};

/* The difference between what the user has on the database and what it shall have, for messages;
 * NULL = none. */
struct engine_privilege_facts {
    char *missing;
    char *excess;
    char *unmanaged; /* differs too, where the admin may change nothing */
    char *ungranted; /* missing too, where owners (named) could let the admin grant it */
};

/* Owned; {0} is empty; release with engine_facts_release(). */
struct engine_facts {
    char *server_identity; /* survives restarts and renames of the host; "" where there is none */
    char *server_version;  /* for people, e.g. "PostgreSQL 15.18" */
    bool read_only;        /* standby or read-only server */
    size_t host_index;     /* of the host in the connection string that answers */
    bool marks_users;      /* false: a user of ours is told by its password */
    struct engine_database_facts database;
    struct engine_user_facts user;
    struct engine_privilege_facts privileges; /* once observe_privileges() was called */
};

void engine_facts_release(struct engine_facts *facts);
#define auto_engine_facts run_at_scope_end(engine_facts_release)

struct engine_user_creation {
    const char *username;
    const struct secret *password;
    const struct engine_marker *marker;
};

struct engine_database_creation {
    const char *database;
    const char *username; /* the target user, which exists */
    bool owned_by_user;   /* privileges ALL; else the admin keeps it */
    const struct engine_marker *marker;
};

/* What to mark: an existing database and user that are taken over. */
struct engine_marking {
    const char *database;
    const char *username;
    const struct engine_marker *marker;      /* for the database */
    const struct engine_marker *user_marker; /* with the id of the database in it */
};

enum engine_login {
    ENGINE_LOGIN_PROVEN,         /* the server asked for the password and took it; the database may
                                    not exist yet */
    ENGINE_LOGIN_WRONG_PASSWORD, /* the server asked for it and refused it */
    ENGINE_LOGIN_NOT_ASKED,      /* the server let us in without asking: proves nothing */
    ENGINE_LOGIN_REFUSED, /* refused for another reason: locked, expired, no right to connect */
    ENGINE_LOGIN_UNSAFE,  /* it would have been sent in clear, so it was not; or the server does not
                             show that it knows the password */
};

/* Codes of what keeps a database or user from being dropped, which are reasons for users too. */
#define ENGINE_BLOCKED_BY_SESSIONS     "BlockedBySessions"
#define ENGINE_BLOCKED_BY_OWNER        "BlockedByOwner"
#define ENGINE_BLOCKED_BY_TEMPLATE     "BlockedByTemplate"
#define ENGINE_BLOCKED_BY_DEPENDENCIES "BlockedByDependencies"
#define ENGINE_ADMIN_INSIDE_DATABASE   "AdminInsideDatabase"

enum { ENGINE_URL_KEYS_LIMIT = 2 };

/* A value of spec.engine that means this driver, and the keys of the URL in its secret. */
struct engine_word {
    const char *word;
    const char *url_keys[ENGINE_URL_KEYS_LIMIT + 1]; /* ended by NULL */
};

struct engine_driver {
    const char *family;              /* "PostgreSQL": for messages */
    const char *url_scheme;          /* "postgresql" */
    const struct engine_word *words; /* ended by one without a word */
    const struct engine_privilege_table *privileges;

    /* Process-wide set-up of the client library, before the first thread. */
    void (*library_init)(void);

    bool (*parse_connection_string)(const struct secret *text, struct connection_string *ret_parts,
                                    struct error *err);
    /* Refuses reserved and over-long names by list, before any SQL. */
    bool (*check_names)(const struct engine_target *target, const char *admin_username,
                        struct error *err);

    bool (*connect)(const struct engine_connect_request *request,
                    struct engine_session **ret_session, struct error *err);
    void (*disconnect)(struct engine_session *session);

    /* Reads everything about the target that the plan needs, changes nothing. */
    bool (*observe)(struct engine_session *session, const struct engine_target *target,
                    struct engine_facts *ret_facts, struct error *err);
    /* Fills in facts->privileges, once observe() found both the database and the user; what it
     * found is in `facts`. */
    bool (*observe_privileges)(struct engine_session *session, const struct engine_target *target,
                               struct engine_facts *facts, struct error *err);
    /* Fills in facts->database.residents, where the engine marks users. */
    bool (*observe_residents)(struct engine_session *session, const struct engine_target *target,
                              struct engine_facts *facts, struct error *err);
    /* Creates the login user with its password and marker, all or nothing where the server can. */
    bool (*create_user)(struct engine_session *session, const struct engine_user_creation *creation,
                        struct error *err);
    /* Gives an existing user the password, sent as in create_user(); its mark is not looked at. */
    bool (*set_password)(struct engine_session *session, const char *username,
                         const struct secret *password, struct error *err);
    /* Creates the database with its marker; appears under its name only when marked and closed to
     * others, where the server can.  Finishes what an interrupted call of its own left. */
    bool (*create_database)(struct engine_session *session,
                            const struct engine_database_creation *creation, struct error *err);
    /* Writes the marks anew; what is NULL is left alone. */
    bool (*mark)(struct engine_session *session, const struct engine_marking *marking,
                 struct error *err);
    /* Lets the user log in or not; its sessions and its password stay. */
    bool (*set_login)(struct engine_session *session, const char *username, bool allowed,
                      struct error *err);
    /* Ends the sessions of a user that is locked out, wherever they are.  An engine whose sessions
     * keep their rights refuses where the admin may not: ENGINE_BLOCKED_BY_SESSIONS. */
    bool (*end_sessions)(struct engine_session *session, const char *username, struct error *err);
    /* Drops it; one that is absent is fine.  What is in the way and may not be ended is named, with
     * what to do: one of the ENGINE_BLOCKED codes, kind DENIED or UNAVAILABLE. */
    bool (*drop_database)(struct engine_session *session, const char *database, struct error *err);
    /* Likewise, after its database and its sessions; `uid` is that of the user's marker, for what
     * its creation may have left unfinished.  What the user owns or was granted elsewhere is named,
     * never dropped. */
    bool (*drop_user)(struct engine_session *session, const struct engine_target *target,
                      const char *uid, struct error *err);
    /* Gives the user what it lacks of target->privileges and then, with `may_revoke`, takes away
     * what it has beyond them: the difference to what is there, and nothing else. */
    bool (*set_privileges)(struct engine_session *session, const struct engine_target *target,
                           bool may_revoke, struct error *err);
    /* Logs in with target->password as the user to its database, over the TLS settings of the
     * request, whose admin credentials are not used; the admin's session may be asked how.  The
     * password is shown only by a challenge, or encrypted to a server whose certificate is
     * verified. True with the outcome in *ret_login; false only when nothing was learned
     * (unreachable, time-out, too many connections).  `detail` (ERROR_MESSAGE_SIZE bytes) gets one
     * sentence for every outcome. */
    bool (*prove_login)(struct engine_session *session,
                        const struct engine_connect_request *request,
                        const struct engine_target *target, enum engine_login *ret_login,
                        char *ret_detail, struct error *err);
};

extern const struct engine_driver engine_postgres;
extern const struct engine_driver engine_mysql;

/* The driver for a word of spec.engine, NULL when none is built in. */
const struct engine_driver *engine_driver_find(const char *word);
/* The keys of the URL in the secret of this word, which must be one of the driver's; ended by NULL.
 */
const char *const *engine_url_keys(const struct engine_driver *driver, const char *word);

/* Sets up the client library of every driver; once, before the first thread. */
void engine_library_init(void);

#endif
