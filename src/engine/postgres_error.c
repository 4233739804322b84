#include "engine/postgres_error.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* A code, or its class (two characters); the first match counts. */
static const struct sqlstate_meaning {
    const char *prefix;
    enum error_kind kind;
    const char *sentence;
} meanings[] = {
    {"42P04", ERROR_CONFLICT, "the database exists already"},
    {"42710", ERROR_CONFLICT, "the role exists already"},
    {"23505", ERROR_CONFLICT, "somebody else created it at the same time"},
    {"3D000", ERROR_CONFLICT, "the database does not exist"},
    {"42704", ERROR_CONFLICT, "the role does not exist"},
    {"28P01", ERROR_DENIED, "the server refused the password: correct it in the Secret"},
    {"28000", ERROR_DENIED,
     "the server refuses this login (role without LOGIN, or pg_hba.conf): allow it there"},
    {"42501", ERROR_DENIED, "the admin user lacks the right to do this"},
    {"25006", ERROR_UNAVAILABLE, "the server is read-only: point the connection at the primary"},
    {"55006", ERROR_UNAVAILABLE,
     "an object that is needed is in use by another session (for CREATE DATABASE: somebody is "
     "connected to template1)"},
    {"55P03", ERROR_UNAVAILABLE, "a lock was not free in time"},
    {"57014", ERROR_UNAVAILABLE, "the statement took too long and was cancelled"},
    {"57P01", ERROR_UNAVAILABLE, "the server is shutting down"},
    {"57P02", ERROR_UNAVAILABLE, "the server crashed"},
    {"57P03", ERROR_UNAVAILABLE, "the server is starting up or shutting down"},
    {"57", ERROR_UNAVAILABLE, "the server ended the session"},
    {"55000", ERROR_UNAVAILABLE, "the database does not accept connections"},
    {"53300", ERROR_UNAVAILABLE, "the server has no connection left"},
    {"53", ERROR_UNAVAILABLE, "the server is out of resources (disk, memory or connections)"},
    {"40", ERROR_UNAVAILABLE, "another transaction was in the way"},
    {"08", ERROR_UNAVAILABLE, "the connection failed"},
    {"58", ERROR_UNAVAILABLE, "the server has a problem with its own files"},
    {"XX000", ERROR_UNAVAILABLE, "the server reported an internal error (concurrent change?)"},
    {"42939", ERROR_INVALID, "the name is reserved by the server: choose another"},
    {"0LP01", ERROR_INVALID,
     "the role is a member of the admin user, so that the admin cannot "
     "become a member of it: choose another username"},
    {"0L000", ERROR_DENIED, "the admin user may not grant this"},
    {"01007", ERROR_DENIED, "the server did not grant what was asked for (a right is missing)"},
    {"01006", ERROR_DENIED, "the server did not revoke what was asked for (a right is missing)"},
    {"2BP01", ERROR_CONFLICT, "other objects depend on it"},
    {"0A000", ERROR_INVALID, "the server does not support this"},
};

bool postgres_error_set(struct error *err, const char *sqlstate, const char *doing)
{
    for (size_t i = 0; i < array_length(meanings); i++) {
        if (strncmp(sqlstate, meanings[i].prefix, strlen(meanings[i].prefix)) == 0)
            return error_set(err, meanings[i].kind, sqlstate, "%s failed: %s (SQLSTATE %s)", doing,
                             meanings[i].sentence, sqlstate);
    }
    if (sqlstate[0] == '\0')
        return error_set(err, ERROR_UNAVAILABLE, NULL, "%s failed: the connection was lost", doing);
    return error_set(err, ERROR_INTERNAL, sqlstate,
                     "%s failed: the server answered SQLSTATE %s (see its log)", doing, sqlstate);
}

bool postgres_error_set_login(struct error *err, const char *sqlstate, const char *label,
                              const char *username)
{
    char doing[160];

    snprintf(doing, sizeof doing, "logging in to the PostgreSQL server %s as '%.63s'", label,
             username);
    if (strcmp(sqlstate, "42501") == 0) /* elsewhere it is the admin who lacks a right */
        return error_set(err, ERROR_DENIED, sqlstate,
                         "%s failed: the user may not connect to the database: grant it CONNECT "
                         "(SQLSTATE %s)",
                         doing, sqlstate);
    return postgres_error_set(err, sqlstate, doing);
}

bool postgres_error_set_not_asked(struct error *err, const char *label)
{
    return error_set(err, ERROR_DENIED, POSTGRES_CODE_NOT_ASKED,
                     "the PostgreSQL server %s lets this user in without a password", label);
}

enum { SQLSTATE_LENGTH = 5 };

static bool begins_with_sqlstate(const char *text)
{
    return strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == SQLSTATE_LENGTH;
}

bool postgres_error_is_sqlstate(const char *text)
{
    return begins_with_sqlstate(text) && text[SQLSTATE_LENGTH] == '\0';
}

void postgres_error_find_sqlstate(const char *text, char ret_sqlstate[static 6])
{
    /* "FATAL:  28P01"; the word before is in the server's language. */
    static const char separator[] = ":  ";
    const char *found = text;

    ret_sqlstate[0] = '\0';
    /* With several hosts there are several texts; the last host's counts. */
    while ((found = strstr(found, separator)) != NULL) {
        found += strlen(separator);
        if (begins_with_sqlstate(found) &&
            (found[SQLSTATE_LENGTH] == '\0' || found[SQLSTATE_LENGTH] == '\n')) {
            memcpy(ret_sqlstate, found, SQLSTATE_LENGTH);
            ret_sqlstate[SQLSTATE_LENGTH] = '\0';
        }
    }
}

/* libpq speaks English as long as nobody calls setlocale(), and nobody does. */
static const struct text_meaning {
    const char *part;
    enum error_kind kind;
    const char *code;
    const char *sentence;
} texts[] = {
    {"could not translate host name", ERROR_UNAVAILABLE, "Resolve",
     "its host name cannot be resolved: correct it, or look at the DNS"},
    {"does not match host name", ERROR_INVALID, "Tls",
     "its certificate is for another host name: correct the host, or use sslmode=verify-ca"},
    {"certificate verify failed", ERROR_INVALID, "Tls",
     "its certificate is not signed by a trusted CA: put the CA into the key ca.crt of the "
     "Secret, or into --database-ca-file"},
    {"could not read root certificate", ERROR_INVALID, "Tls",
     "the CA certificate cannot be read: put one in PEM form into the key ca.crt of the "
     "Secret, or into --database-ca-file"},
    {"root certificate file", ERROR_INVALID, "Tls",
     "there is no CA to verify it with: put one into the key ca.crt of the "
     "Secret, or into --database-ca-file"},
    {"does not support SSL", ERROR_INVALID, "Tls",
     "it has no TLS: switch it on there, or use sslmode=disable"},
    {"SSL error", ERROR_UNAVAILABLE, "Tls", "the TLS handshake failed"},
    {"no password supplied", ERROR_DENIED, "NoPassword",
     "it asks for a password and there is none: put it into the connection string"},
    {"session is read-only", ERROR_UNAVAILABLE, "ReadOnly",
     "it takes no writes: point the connection at the primary"},
    {"Connection refused", ERROR_UNAVAILABLE, "Refused",
     "nobody listens there: start the server, or correct host and port"},
    {"o route to host", ERROR_UNAVAILABLE, "Unreachable", "there is no route to it"},
    {"etwork is unreachable", ERROR_UNAVAILABLE, "Unreachable", "there is no route to it"},
    {"server closed the connection unexpectedly", ERROR_UNAVAILABLE, "Reset",
     "it closed the connection"},
    {"Connection reset", ERROR_UNAVAILABLE, "Reset", "it reset the connection"},
    {"Broken pipe", ERROR_UNAVAILABLE, "Reset", "it closed the connection"},
    {"onnection timed out", ERROR_UNAVAILABLE, "Timeout", "it did not answer in time"},
    {"timeout expired", ERROR_UNAVAILABLE, "Timeout", "it did not answer in time"},
};

bool postgres_error_set_unreachable(struct error *err, const char *text, const char *label)
{
    for (size_t i = 0; i < array_length(texts); i++) {
        if (strstr(text, texts[i].part) != NULL)
            return error_set(err, texts[i].kind, texts[i].code,
                             "cannot connect to the PostgreSQL server %s: %s", label,
                             texts[i].sentence);
    }
    return error_set(err, ERROR_UNAVAILABLE, NULL,
                     "cannot connect to the PostgreSQL server %s: it does not answer as "
                     "PostgreSQL does",
                     label);
}

bool postgres_error_is_login_without_password(const char *text)
{
    return strstr(text, "authenticated client without channel binding") != NULL ||
           strstr(text, "did not complete authentication") != NULL;
}

bool postgres_error_is_unsafe_authentication(const char *text)
{
    return strstr(text, "channel binding") != NULL ||
           strstr(text, "authentication method requirement") != NULL;
}
