/*
 * Credentials from an endpoint beside the container: EKS Pod Identity
 * (AWS_CONTAINER_CREDENTIALS_FULL_URI) and ECS (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI).
 */
#ifndef AWS_CREDENTIALS_CONTAINER_H
#define AWS_CREDENTIALS_CONTAINER_H

#include "aws/credentials.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

/* NULL when neither variable is set.  Fetches at each get(). */
struct aws_credentials_provider *aws_credentials_container_new(struct aws_session *session)
    must_check;

/* Whether plain http may go there: loopback, and the link-local addresses of ECS and EKS. */
bool container_address_is_allowed(const struct sockaddr *address);

#endif
