/*
 * PostgreSQL's protocol 3.0 over plain TCP, as far as a login needs it: whole messages out and in.
 *
 * The peer is taken for hostile: lengths and the number of messages are capped, every wait has a
 * deadline and ends on cancellation.  Buffers are erased.  A wire belongs to one thread.
 *
 * Inside the PostgreSQL driver only.
 */
#ifndef ENGINE_POSTGRES_WIRE_H
#define ENGINE_POSTGRES_WIRE_H

#include "base/strbuf.h"
#include "engine/engine.h"

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    /* What libpq takes during a login, too. */
    POSTGRES_MESSAGE_LIMIT = 30000,
    /* A login of PostgreSQL 15 takes about 20. */
    POSTGRES_MESSAGES_LIMIT = 1000,
};

struct postgres_wire;

/* The body is borrowed until the next call. */
struct postgres_message {
    char type;
    const char *body; /* has a NUL behind its end */
    size_t length;
};

/* Connects to the address within the deadline, which then holds for the whole wire.  The request
 * and the label ("host:port") are borrowed. */
bool postgres_wire_open(const struct engine_connect_request *request,
                        const struct addrinfo *address, const char *label, int64_t deadline_ms,
                        struct postgres_wire **ret_wire, struct error *err) must_check;
void postgres_wire_close(struct postgres_wire *wire);

/* The StartupMessage has the type 0, which is not sent. */
bool postgres_wire_send(struct postgres_wire *wire, char type, const struct strbuf *body,
                        struct error *err) must_check;
bool postgres_wire_receive(struct postgres_wire *wire, struct postgres_message *ret_message,
                           struct error *err) must_check;

/* In network order. */
void postgres_append_int32(struct strbuf *buf, uint32_t number);
uint32_t postgres_read_int32(const char *bytes);

static inline void postgres_wire_close_scope(struct postgres_wire **wire)
{
    postgres_wire_close(*wire);
}

#define auto_wire run_at_scope_end(postgres_wire_close_scope)

#endif
