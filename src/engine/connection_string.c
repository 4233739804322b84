#include "engine/connection_string.h"

#include "base/memory.h"

#include <string.h>

void connection_string_release(struct connection_string *parts)
{
    for (size_t i = 0; i < parts->host_count; i++)
        free(parts->hosts[i].host);
    free(parts->username);
    secret_release(&parts->password);
    free(parts->database);
    *parts = (struct connection_string){0};
}
