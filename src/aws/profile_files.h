/*
 * The shared files of the AWS tools: ~/.aws/config (AWS_CONFIG_FILE) and ~/.aws/credentials
 * (AWS_SHARED_CREDENTIALS_FILE), and which of their profiles is the active one (AWS_PROFILE).
 * Immutable after loading.
 */
#ifndef AWS_PROFILE_FILES_H
#define AWS_PROFILE_FILES_H

#include "aws/settings.h"
#include "base/error.h"

#include <stdbool.h>

struct profile_files;

/* Reads both files as they are now.  A file at its default place may be missing; one that a setting
 * names, and the profile that AWS_PROFILE names, must be there.  INVALID (with file and line, never
 * the text), NOT_FOUND or DENIED name the file and the setting. */
bool profile_files_load(const struct aws_settings *settings, struct profile_files **ret_files,
                        struct error *err) must_check;
/* NULL is fine. */
void profile_files_free(struct profile_files *files);

static inline void profile_files_release_scope(struct profile_files **files)
{
    profile_files_free(*files);
}

#define auto_profile_files run_at_scope_end(profile_files_release_scope)

/* The name of the active profile; "default" unless AWS_PROFILE names another. */
const char *profile_files_active(const struct profile_files *files);
bool profile_files_has(const struct profile_files *files, const char *profile);
/* The value of a key in lower case ("role_arn"); that of a block is "block.key".  NULL or no value
 * at all is NULL.  What the credentials file says wins.  Borrowed. */
const char *profile_files_get(const struct profile_files *files, const char *profile,
                              const char *key);
/* Likewise in the section [services NAME]. */
const char *profile_files_get_service(const struct profile_files *files, const char *name,
                                      const char *key);
/* The path of the file that has the profile, the config file first; "" when none has. */
const char *profile_files_origin(const struct profile_files *files, const char *profile);

#endif
