#include "aws/secret_arn.h"

#include <string.h>

enum { SUFFIX_LENGTH = 7, NAME_LIMIT = 512, PARTS_BEFORE_NAME = 6 };

#define IN_NAMES "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+=.@!-"

static bool is_name(const char *text)
{
    size_t length = strlen(text);

    return length > 0 && length <= NAME_LIMIT + SUFFIX_LENGTH && strspn(text, IN_NAMES) == length;
}

static bool equals(const char *begin, size_t length, const char *text)
{
    return strlen(text) == length && memcmp(begin, text, length) == 0;
}

/* True when the parts arn, partition, service, region, account and type are what they should be. */
static bool take_arn(const char *text, struct secret_id *id)
{
    const char *parts[PARTS_BEFORE_NAME];
    size_t lengths[PARTS_BEFORE_NAME];

    for (size_t i = 0; i < PARTS_BEFORE_NAME; i++) {
        parts[i] = text;
        lengths[i] = strcspn(text, ":");
        if (text[lengths[i]] != ':' || lengths[i] == 0)
            return false;
        text += lengths[i] + 1;
    }
    if (!equals(parts[2], lengths[2], "secretsmanager") || !equals(parts[5], lengths[5], "secret"))
        return false;
    if (lengths[3] >= sizeof id->region || strspn(parts[4], "0123456789") != lengths[4])
        return false;
    memcpy(id->region, parts[3], lengths[3]);
    id->region[lengths[3]] = '\0';
    id->name = text;
    id->is_arn = true;
    return aws_region_is_well_formed(id->region) && is_name(text);
}

bool secret_id_parse(const char *text, struct secret_id *ret_id, struct error *err)
{
    struct secret_id id = {.name = text};

    if (strncmp(text, "arn:", 4) == 0 ? !take_arn(text, &id) : !is_name(text))
        return error_set(err, ERROR_INVALID, NULL,
                         "'%.200s' is neither the name of a secret nor an ARN of the form "
                         "arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME",
                         text);
    *ret_id = id;
    return true;
}

bool secret_id_may_name(const struct secret_id *id, const char *name)
{
    size_t length = strlen(name), rest;

    if (strncmp(id->name, name, length) != 0)
        return false;
    rest = strlen(id->name) - length;
    return rest == 0 || (id->is_arn && rest == SUFFIX_LENGTH && id->name[length] == '-');
}
