#include "engine/environment.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

extern char **environ;

static int begins_with_any(const char *variable, const char *const *prefixes)
{
    for (; *prefixes != NULL; prefixes++) {
        if (strncmp(variable, *prefixes, strlen(*prefixes)) == 0)
            return 1;
    }
    return 0;
}

void engine_forget_environment(const char *const *prefixes)
{
    char **variable = environ;

    while (*variable != NULL) {
        const char *end = strchr(*variable, '=');

        if (end != NULL && begins_with_any(*variable, prefixes)) {
            auto_free char *name = mem_strndup(*variable, (size_t)(end - *variable));

            unsetenv(name);
            variable = environ; /* the list moved */
        } else {
            variable++;
        }
    }
}
