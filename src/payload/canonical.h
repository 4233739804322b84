/*
 * The documented JSON that is kept beside a templated value, as the version labelled
 * dbuo-canonical: the password and the names, whatever the template makes of them.
 *
 * Besides the documented keys it holds digests of the values that were made from it.  A current
 * value with such a digest is ours and holds this password; any other was written by somebody else.
 * The digests are inside the secret, since one of a guessable password would give it away.
 */
#ifndef PAYLOAD_CANONICAL_H
#define PAYLOAD_CANONICAL_H

#include "base/document.h"
#include "base/secret.h"

#include <stdbool.h>

#define CANONICAL_DIGESTS "DBUO_TEMPLATED_SHA256"

/* True when this canonical JSON (NULL = there is none) describes the value. */
bool canonical_describes(const json_t *canonical, const struct secret *value) must_check;
/* The documented JSON of a canonical one: without the digests. */
json_t *canonical_documented(const json_t *canonical) returns_owned;
/* The canonical JSON of a documented one that describes `value` and, unless NULL, `former`. */
json_t *canonical_make(const json_t *documented, const struct secret *value,
                       const struct secret *former) returns_owned;

#endif
