#include "engine/connection_string.h"

#include "base/memory.h"
#include "base/strbuf.h"
#include "base/text.h"

#include <ctype.h>
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

void connection_string_copy(struct connection_string *ret_copy,
                            const struct connection_string *parts)
{
    *ret_copy = *parts;
    for (size_t i = 0; i < parts->host_count; i++)
        ret_copy->hosts[i].host = mem_strdup(parts->hosts[i].host);
    ret_copy->username = mem_strdup_or_null(parts->username);
    ret_copy->password = (struct secret){0};
    secret_copy(&ret_copy->password, &parts->password);
    ret_copy->database = mem_strdup_or_null(parts->database);
}

static bool has_same_hosts(const struct connection_string *a, const struct connection_string *b)
{
    if (a->host_count != b->host_count)
        return false;
    for (size_t i = 0; i < a->host_count; i++) {
        if (strcmp(a->hosts[i].host, b->hosts[i].host) != 0 || a->hosts[i].port != b->hosts[i].port)
            return false;
    }
    return true;
}

bool connection_string_equals(const struct connection_string *a, const struct connection_string *b)
{
    return has_same_hosts(a, b) && text_equal(a->username, b->username) &&
           secret_equals(&a->password, &b->password) &&
           ((a->database == NULL && b->database == NULL) || text_equal(a->database, b->database)) &&
           a->tls_mode == b->tls_mode && a->tls_mode_given == b->tls_mode_given &&
           a->wants_system_ca == b->wants_system_ca && a->channel_binding == b->channel_binding &&
           a->connect_timeout_seconds == b->connect_timeout_seconds;
}

char *connection_string_servers(const struct connection_string *parts)
{
    struct strbuf text = {0};
    char *servers;

    for (size_t i = 0; i < parts->host_count; i++)
        strbuf_append_format(&text, "%s%s:%u", i > 0 ? "," : "", parts->hosts[i].host,
                             (unsigned)parts->hosts[i].port);
    servers = strbuf_detach(&text);
    for (char *at = servers; *at != '\0'; at++)
        *at = (char)tolower((unsigned char)*at);
    return servers;
}
