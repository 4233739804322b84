#include "fake_settings.h"

#include <stddef.h>
#include <string.h>

const char *fake_settings_read(void *context, const char *name)
{
    for (const struct fake_setting *setting = context; setting->name != NULL; setting++) {
        if (strcmp(setting->name, name) == 0)
            return setting->value;
    }
    return NULL;
}
