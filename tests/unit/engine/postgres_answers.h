/*
 * What a PostgreSQL server may say (protocol 3.0), as answers of a scripted peer.
 */
#ifndef TESTS_UNIT_ENGINE_POSTGRES_ANSWERS_H
#define TESTS_UNIT_ENGINE_POSTGRES_ANSWERS_H

#include "scripted_peer.h"

#define BYTES(text)                                 \
    {                                               \
        .bytes = (text), .length = sizeof(text) - 1 \
    }
#define HANG_UP       \
    {                 \
        .bytes = NULL \
    }
#define NO_TLS           BYTES("N")
#define ASK_CLEAR        BYTES("R\0\0\0\x08\0\0\0\x03")
#define LET_IN           BYTES("R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I")
/* 4 for the length itself, 7 severity, 7 code, 9 message, 1 end */
#define FATAL_TEXT(code) "E\0\0\0\x1cSFATAL\0C" code "\0Mparrot!\0\0"
#define FATAL(code)      BYTES(FATAL_TEXT(code))

#endif
