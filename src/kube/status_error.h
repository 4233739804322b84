/*
 * What an answer of the API server that is no success means to us: its Status object, or whatever a
 * proxy in between said instead, mapped to an error by the table of kube/client.h.
 */
#ifndef KUBE_STATUS_ERROR_H
#define KUBE_STATUS_ERROR_H

#include "base/error.h"

#include <jansson.h>

#include <stdbool.h>

struct http_response;

/* Beyond the Status reasons, for a watch or list that asked for a version that the server does not
 * have yet. */
#define KUBE_CODE_VERSION_TOO_LARGE     "ResourceVersionTooLarge"
/* For what may not be created any more because its namespace is being deleted. */
#define KUBE_CODE_NAMESPACE_TERMINATING "NamespaceTerminating"
/* For every 500, also without a Status. */
#define KUBE_CODE_INTERNAL_ERROR        "InternalError"

/* For an HTTP answer with a status outside 200 to 299.  Returns false. */
bool status_error_from_response(struct error *err, const struct http_response *response);

/* As that, for the answer to a JSON Patch: one that does not fit the object, a failed test above
 * all, is a CONFLICT. */
bool status_error_from_patch_response(struct error *err, const struct http_response *response);

/* For the Status object of an ERROR event of a watch.  Returns false. */
bool status_error_from_object(struct error *err, const json_t *status);

#endif
