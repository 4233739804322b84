/*
 * AWS regions: which one, and whether a text can be one.  No list of regions is kept: AWS adds
 * them.
 */
#ifndef AWS_REGION_H
#define AWS_REGION_H

#include "base/compiler.h"
#include "base/error.h"

#include <stdbool.h>

enum { AWS_REGION_SIZE = 64 }; /* a DNS label, and its end */

struct aws_region_source;
struct aws_session;

/* True for texts of the form that AWS documents: ^([a-z]+-)+\d+$.  Anything else must never become
 * part of a host name. */
bool aws_region_is_well_formed(const char *region);

/* The session's default region: AWS_REGION, AWS_DEFAULT_REGION, the active profile, and where none
 * of them says, the instance metadata, which is asked when it is first needed. */
struct aws_region_source *aws_region_source_new(struct aws_session *session) returns_owned;
/* NULL is fine. */
void aws_region_source_free(struct aws_region_source *source);

/* INVALID when nothing says so, or what does cannot be read; may block for as long as the instance
 * metadata may, not again within a minute.  Thread-safe. */
bool aws_region_get(struct aws_region_source *source, char ret_region[static AWS_REGION_SIZE],
                    struct error *err) must_check;
/* What is known without asking; NULL = not yet.  For the log. */
const char *aws_region_known(const struct aws_region_source *source);

#endif
