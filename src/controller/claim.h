/*
 * Whether what exists outside may be this resource's: the server, the user, the database and the
 * secret, each by its marks, its state and its content.  Nothing is proven by a name.  Pure.
 */
#ifndef CONTROLLER_CLAIM_H
#define CONTROLLER_CLAIM_H

#include "controller/ownership.h"

#include <stdbool.h>

struct failure;
struct plan_input;

/* False with the reason when something that exists is not this resource's to use. */
bool claim_check(const struct plan_input *input, struct failure *ret_refusal) must_check;

/* True when the server is another one than before, and a person accepts exactly this one: then
 * everything is as for a new resource. */
bool claim_is_new_server_accepted(const struct plan_input *input);

/* False, "ServerReadOnly", when nothing can be changed on the server. */
bool claim_check_writable(const struct plan_input *input, struct failure *ret_refusal) must_check;

/* Whether the host and port that the secret names, where it does, are one of those that the admin
 * connection names. */
bool claim_is_for_this_server(const struct plan_input *input);

/* Whose the user is, as far as its mark or its password tells. */
enum ownership claim_owner_of_user(const struct plan_input *input);

/* True when a deletion of this resource locked the user out and did not come to its end. */
bool claim_is_locked_by_us(const struct plan_input *input);

/* True when the user shall be added to the database of another resource of the same namespace,
 * which keeps it: privileges on it are all that this resource ever has. */
bool claim_shares_database(const struct plan_input *input);

/* True when the database is this resource's, or is taken over: ALL means to own it, and it goes
 * with the resource.  An adopted one never is, but where its mark says that this resource made it.
 */
bool claim_takes_database(const struct plan_input *input);

/* Whether the user may lose what it has beyond its privileges: when we made it, or when a person
 * has changed the list. */
bool claim_may_revoke(const struct plan_input *input);
/* Whether the secret at the former place is ours and gives its password to the new one. */
bool claim_may_copy_former(const struct plan_input *input);

#endif
