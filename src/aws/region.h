/*
 * AWS regions: which one, and whether a text can be one.  No list of regions is kept: AWS adds
 * them.
 */
#ifndef AWS_REGION_H
#define AWS_REGION_H

#include "aws/credentials.h"

#include <stdbool.h>

/* True for texts of the form that AWS documents: ^([a-z]+-)+\d+$.  Anything else must never become
 * part of a host name. */
bool aws_region_is_well_formed(const char *region);

/* The default region: AWS_REGION, then AWS_DEFAULT_REGION; NULL when neither is set.  Borrowed from
 * the settings. */
const char *aws_region_find_default(aws_setting_fn setting, void *context);

#endif
