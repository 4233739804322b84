#include "engine/engine.h"

#include "base/memory.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

static const struct engine_driver *const drivers[] = {
    &engine_postgres,
    &engine_mysql,
};

static const struct engine_word *find_word(const struct engine_driver *driver, const char *word)
{
    for (const struct engine_word *known = driver->words; known->word != NULL; known++) {
        if (strcmp(known->word, word) == 0)
            return known;
    }
    return NULL;
}

const struct engine_driver *engine_driver_find(const char *word)
{
    for (size_t i = 0; i < array_length(drivers); i++) {
        if (find_word(drivers[i], word) != NULL)
            return drivers[i];
    }
    return NULL;
}

const char *const *engine_url_keys(const struct engine_driver *driver, const char *word)
{
    const struct engine_word *found = find_word(driver, word);

    assert(found != NULL);
    return found->url_keys;
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
    free(facts->database.residents);
    engine_marker_release(&facts->database.marker);
    free(facts->user.privileged_as);
    free(facts->user.other_accounts);
    free(facts->user.id);
    engine_marker_release(&facts->user.marker);
    free(facts->privileges.missing);
    free(facts->privileges.excess);
    free(facts->privileges.unmanaged);
    free(facts->privileges.ungranted);
    *facts = (struct engine_facts){0};
}
