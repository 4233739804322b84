#include "aws/endpoint.h"

#include "base/memory.h"

#include <stddef.h>
#include <string.h>

/* Longer prefixes first where one begins another. */
static const struct partition {
    const char *region_prefix;
    const char *dns_suffix;
} partitions[] = {
    {"cn-", "amazonaws.com.cn"},    {"us-gov-", "amazonaws.com"},   {"eusc-", "amazonaws.eu"},
    {"us-isob-", "sc2s.sgov.gov"},  {"us-isof-", "csp.hci.ic.gov"}, {"us-iso-", "c2s.ic.gov"},
    {"eu-isoe-", "cloud.adc-e.uk"},
};

static const char *find_suffix(const char *region)
{
    for (size_t i = 0; i < array_length(partitions); i++) {
        if (strncmp(region, partitions[i].region_prefix, strlen(partitions[i].region_prefix)) == 0)
            return partitions[i].dns_suffix;
    }
    return "amazonaws.com"; /* also for regions that do not exist yet */
}

char *aws_endpoint_make(const char *service, const char *region)
{
    return mem_printf("https://%s.%s.%s", service, region, find_suffix(region));
}

const char *aws_endpoint_find_override(aws_setting_fn setting, void *context,
                                       const char *service_variable)
{
    const char *const names[] = {service_variable, "AWS_ENDPOINT_URL"};

    for (size_t i = 0; i < array_length(names); i++) {
        const char *value = setting(context, names[i]);

        if (value != NULL && value[0] != '\0')
            return value;
    }
    return NULL;
}
