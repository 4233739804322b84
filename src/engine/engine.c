#include "engine/engine.h"

#include "base/memory.h"

#include <stddef.h>
#include <string.h>

static const struct engine_driver *const drivers[] = {
    &engine_postgres,
};

const struct engine_driver *engine_driver_find(const char *word)
{
    for (size_t i = 0; i < array_length(drivers); i++) {
        for (const char *const *known = drivers[i]->words; *known != NULL; known++) {
            if (strcmp(*known, word) == 0)
                return drivers[i];
        }
    }
    return NULL;
}

void engine_library_init(void)
{
    for (size_t i = 0; i < array_length(drivers); i++)
        drivers[i]->library_init();
}

void engine_facts_release(struct engine_facts *facts)
{
    free(facts->server_identity);
    free(facts->server_version);
    free(facts->database.owner);
    free(facts->database.id);
    engine_marker_release(&facts->database.marker);
    free(facts->user.privileged_as);
    free(facts->user.other_accounts);
    free(facts->user.id);
    engine_marker_release(&facts->user.marker);
    *facts = (struct engine_facts){0};
}
