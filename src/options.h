/*
 * The options of the program: one table of flag, environment variable, type, default and help is
 * the source of the parser and of --help.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "base/error.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stdint.h>

/* Texts are borrowed from the arguments and the environment. */
struct options {
    const char *kubeconfig;
    const char *watch_namespace;
    const char *watch_selector;
    const char *cluster_id;
    const char *former_cluster_ids;
    const char *database_ca_file;
    const char *secret_name_prefix;
    const char *allowed_admin_secrets;
    const char *allowed_regions;
    const char *required_tags;
    const char *kms_key_id;
    const char *health_address;
    const char *metrics_address;
    const char *log_level;
    uint64_t sync_period_ms;
    uint64_t graceful_shutdown_timeout_ms;
    uint64_t max_concurrent_reconciles;
    bool show_help;
    bool show_version;
    bool require_adoption_tag;
    bool show_policy;
};

typedef const char *(*options_environment_fn)(const char *name);

/* Flags win over the environment, which wins over the default.  --flag=value and --flag value, with
 * one dash or two.  INVALID names what is wrong. */
bool options_parse(int argument_count, char *const *arguments, options_environment_fn environment,
                   struct options *ret_options, struct error *err) must_check;
/* Appends the text of --help. */
void options_append_help(struct strbuf *buf);

#endif
