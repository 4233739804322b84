/*
 * A client on this machine that sends exactly the bytes of the test.  Whatever does not come within
 * ten seconds fails the test.
 */
#ifndef TESTS_UNIT_SERVER_RAW_CLIENT_H
#define TESTS_UNIT_SERVER_RAW_CLIENT_H

#include "base/compiler.h"
#include "base/strbuf.h"

#include <stdint.h>

/* Each returns a connection, to be closed by the caller. */
int raw_client_connect(uint16_t port) must_check;
int raw_client_connect_v6(uint16_t port) must_check;

void raw_client_send(int connection, const char *text);
/* Reads until `text` has come. */
void raw_client_read_until(int connection, const char *text, struct strbuf *received);
/* Reads until the server closes the connection, in order or not. */
void raw_client_read_to_end(int connection, struct strbuf *received);

/* A connection of its own for one request that asks the server to close it: the whole answer. */
void raw_client_exchange(uint16_t port, const char *request, struct strbuf *answer);
void raw_client_get(uint16_t port, const char *target, struct strbuf *answer);

/* The part behind the head; fails the test when there is no whole head. */
const char *raw_client_body(const struct strbuf *answer);
/* Fails the test unless the answer begins with this status line and ends with this body. */
void raw_client_assert_answer(const struct strbuf *answer, const char *status_line,
                              const char *body);

#endif
