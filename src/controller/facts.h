/*
 * What one pass saw outside.  Each part may be unknown (denied, timed out, throttled); an unknown
 * part blocks every step that depends on it.
 */
#ifndef CONTROLLER_FACTS_H
#define CONTROLLER_FACTS_H

#include "aws/secrets_manager.h"
#include "controller/failure.h"
#include "engine/engine.h"
#include "payload/payload.h"

#include <stdbool.h>

/* Reason of a secret that we have stored and AWS does not show yet. */
#define SECRET_NOT_VISIBLE_YET "SecretNotVisibleYet"

enum secret_state { SECRET_ABSENT, SECRET_PRESENT, SECRET_SCHEDULED_FOR_DELETION };

struct secret_facts {
    enum secret_state state;
    struct secret_description description; /* unless absent */
    bool is_readable;                      /* the value was read and holds a password */
    struct secret value;                   /* the current one, as it is stored */
    json_t *canonical;                     /* the JSON labelled dbuo-canonical; NULL = none */
    struct credentials credentials;        /* when readable */
    struct error unreadable;               /* why not, when present but not readable */
};

/* What the last login attempt with the stored password told, in this pass or remembered. */
enum proof_state {
    PROOF_NEEDED, /* this version of the secret has not been tried since the operator started */
    PROOF_PASSED,
    PROOF_FAILED,  /* the server refused the password; not tried again for this version for long */
    PROOF_UNKNOWN, /* tried, and nothing was learned about the password */
};

/* {0} knows nothing. */
struct facts {
    bool server_known;
    struct failure server_failure; /* when it is not known */
    struct engine_facts engine;
    bool database_mark_is_lost; /* its owner took ours off: the one in `engine` is its user's */
    bool privileges_known; /* they are read only where nobody else's mark is on user or database */
    struct failure privileges_failure; /* when they could not be read */
    bool secret_known;
    struct failure secret_failure;
    struct secret_facts secret;
    bool user_has_former_password; /* that of the version before; where users cannot be marked */
    bool former_known;
    struct failure former_failure;
    struct secret_facts former; /* where the secret was stored until now, when it shall move */
    enum proof_state proof;
    char proof_detail[ERROR_MESSAGE_SIZE]; /* one sentence for FAILED and UNKNOWN */
};

void facts_release(struct facts *facts);
#define auto_facts run_at_scope_end(facts_release)

#endif
