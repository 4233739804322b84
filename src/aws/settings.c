#include "aws/settings.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *aws_setting(const struct aws_settings *settings, const char *name)
{
    const char *value = settings->read(settings->context, name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

const char *aws_setting_either(const struct aws_settings *settings, const char *name,
                               const char *second_name)
{
    const char *value = aws_setting(settings, name);

    return value != NULL ? value : aws_setting(settings, second_name);
}

bool aws_setting_parse_switch(const char *where, const char *text, bool *ret_value,
                              struct error *err)
{
    if (text == NULL)
        return true;
    if (strcasecmp(text, "true") != 0 && strcasecmp(text, "false") != 0)
        return error_set(err, ERROR_INVALID, "SettingInvalid", "%s must be true or false", where);
    *ret_value = strcasecmp(text, "true") == 0;
    return true;
}

bool aws_setting_parse_number(const char *where, const char *text, unsigned least, unsigned most,
                              unsigned *ret_value, struct error *err)
{
    unsigned long number;

    if (text == NULL)
        return true;
    number = strtoul(text, NULL, 10);
    if (text[strspn(text, "0123456789")] != '\0' || strlen(text) > 9 || number < least ||
        number > most)
        return error_set(err, ERROR_INVALID, "SettingInvalid", "%s must be a number from %u to %u",
                         where, least, most);
    *ret_value = (unsigned)number;
    return true;
}
