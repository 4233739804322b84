#include "aws/endpoint.h"

#include "base/memory.h"

#include <stddef.h>
#include <string.h>

/* Longer prefixes first where one begins another. */
static const struct partition {
    const char *region_prefix;
    const char *dns_suffix;
    const char *dual_stack_suffix;
    bool ordinary_is_dual_stack; /* Secrets Manager's ordinary host answers on IPv6 too */
    bool ordinary_sts_is_fips;
} partitions[] = {
    {"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn", true, false},
    {"us-gov-", "amazonaws.com", "api.aws", true, true},
    {"eusc-", "amazonaws.eu", "api.amazonwebservices.eu", false, false},
    {"us-isob-", "sc2s.sgov.gov", "api.aws.scloud", false, false},
    {"us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov", false, false},
    {"us-iso-", "c2s.ic.gov", "api.aws.ic.gov", false, false},
    {"eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk", false, false},
    {"", "amazonaws.com", "api.aws", true, false}, /* also regions that do not exist yet */
};

static const struct partition *find_partition(const char *region)
{
    const struct partition *partition = partitions;

    while (strncmp(region, partition->region_prefix, strlen(partition->region_prefix)) != 0)
        partition++;
    return partition;
}

/* China's FIPS hosts with dual stack have a name of their own; elsewhere the ordinary one serves.
 */
static bool has_dual_stack_host(const struct aws_endpoint_variant *variant,
                                const struct partition *partition, bool is_sts)
{
    if (is_sts || !partition->ordinary_is_dual_stack)
        return true;
    return variant->fips && strcmp(partition->region_prefix, "cn-") == 0;
}

char *aws_endpoint_make(const struct aws_endpoint_variant *variant, const char *service,
                        const char *region)
{
    const struct partition *partition = find_partition(region);
    bool is_sts = strcmp(service, "sts") == 0;
    bool dual_stack = variant->dual_stack && has_dual_stack_host(variant, partition, is_sts);
    bool fips = variant->fips && !(is_sts && partition->ordinary_sts_is_fips && !dual_stack);

    return mem_printf("https://%s%s.%s.%s", service, fips ? "-fips" : "", region,
                      dual_stack ? partition->dual_stack_suffix : partition->dns_suffix);
}

bool aws_endpoint_find(const char *override, const struct aws_endpoint_variant *variant,
                       const char *service, const char *region, char **ret_url,
                       const char **ret_host, struct error *err)
{
    static const char in_hosts[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                   "-._:[]";
    const char *host;
    size_t length;

    if (override == NULL) {
        *ret_url = aws_endpoint_make(variant, service, region);
        *ret_host = *ret_url + strlen("https://");
        return true;
    }
    host = strstr(override, "://");
    host = host != NULL ? host + 3 : "";
    length = strspn(host, in_hosts);
    if (length == 0 || (strcmp(host + length, "") != 0 && strcmp(host + length, "/") != 0))
        return error_set(err, ERROR_INVALID, "EndpointInvalid",
                         "the AWS endpoint is not of the form https://HOST or https://HOST:PORT: "
                         "correct AWS_ENDPOINT_URL");
    *ret_url = mem_strndup(override, (size_t)(host + length - override));
    *ret_host = *ret_url + (host - override);
    return true;
}

const char *aws_endpoint_find_override(const struct aws_settings *settings,
                                       const char *service_variable)
{
    const char *value = aws_setting(settings, service_variable);

    return value != NULL ? value : aws_setting(settings, "AWS_ENDPOINT_URL");
}
