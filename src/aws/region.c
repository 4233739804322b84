#include "aws/region.h"

#include <stddef.h>
#include <string.h>

enum { REGION_LIMIT = 63 }; /* a DNS label */

bool aws_region_is_well_formed(const char *region)
{
    const char *position = region;
    size_t words = 0, length;

    if (strlen(region) > REGION_LIMIT)
        return false;
    while ((length = strspn(position, "abcdefghijklmnopqrstuvwxyz")) > 0 &&
           position[length] == '-') {
        position += length + 1;
        words++;
    }
    length = strspn(position, "0123456789");
    return words > 0 && length > 0 && position[length] == '\0';
}

const char *aws_region_find_default(aws_setting_fn setting, void *context)
{
    static const char *const names[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};

    for (size_t i = 0; i < array_length(names); i++) {
        const char *value = setting(context, names[i]);

        if (value != NULL && value[0] != '\0')
            return value;
    }
    return NULL;
}
