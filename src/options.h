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

enum { FORMER_FLAGS_LIMIT = 2, FORMER_NOTES_LIMIT = 8 };

/* A flag of the predecessor that was given, and what it was taken for: "flag=value" of ours, up to
 * FORMER_FLAGS_LIMIT, the first NULL ends them. */
struct former_flag {
    const char *flag;
    const char *value;
    const char *const *stands_for;
};

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
    const char *lease_name;
    const char *lease_namespace;
    const char *health_address;
    const char *metrics_address;
    const char *metrics_certificate_folder; /* "" = /metrics is served without TLS */
    const char *metrics_certificate_name;
    const char *metrics_key_name;
    const char *log_level;  /* one of the four words */
    const char *log_format; /* "json" or "text" */
    uint64_t sync_period_ms;
    uint64_t graceful_shutdown_timeout_ms;
    uint64_t lease_duration_ms;
    uint64_t renew_deadline_ms;
    uint64_t retry_period_ms;
    uint64_t max_concurrent_reconciles;
    uint64_t stuck_worker_timeout_ms;
    bool leader_elect;
    bool show_help;
    bool show_version;
    bool require_adoption_tag;
    bool metrics_secure;
    bool show_policy;
    struct former_flag former[FORMER_NOTES_LIMIT]; /* the first ones, for the log */
    size_t former_count;
};

typedef const char *(*options_environment_fn)(const char *name);

/* Flags win over the environment, which wins over the default; flags of ours win over those of the
 * predecessor that mean the same.  --flag=value and --flag value, with one dash or two.  INVALID
 * names what is wrong. */
bool options_parse(int argument_count, char *const *arguments, options_environment_fn environment,
                   struct options *ret_options, struct error *err) must_check;
/* Appends the text of --help. */
void options_append_help(struct strbuf *buf);

#endif
