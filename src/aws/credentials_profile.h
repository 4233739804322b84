/*
 * Credentials of the active profile of the shared files: static keys, a role over another profile
 * or source, or a web identity.  Login through a browser (sso_*), programs (credential_process) and
 * devices (mfa_serial) are not for an operator; a profile that needs them is an error that says so.
 */
#ifndef AWS_CREDENTIALS_PROFILE_H
#define AWS_CREDENTIALS_PROFILE_H

#include "aws/credentials.h"

/* NULL when the active profile has nothing to do with credentials.  Reads the files, and fetches,
 * at each get(). */
struct aws_credentials_provider *aws_credentials_profile_new(struct aws_session *session)
    must_check;

#endif
