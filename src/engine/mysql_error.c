#include "engine/mysql_error.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct number_meaning {
    unsigned number;
    enum error_kind kind;
    const char *sentence;
} meanings[] = {
    {1007, ERROR_CONFLICT, "the database exists already"},
    {1008, ERROR_CONFLICT, "the database does not exist"},
    {1396, ERROR_CONFLICT, "the user exists already, or does not exist"},
    {1141, ERROR_CONFLICT, "there is no such grant"},
    {1133, ERROR_CONFLICT, "the user does not exist"},
    {1410, ERROR_CONFLICT, "the user does not exist"},
    {1205, ERROR_UNAVAILABLE, "a lock was not free in time"},
    {1213, ERROR_UNAVAILABLE, "another transaction was in the way"},
    {1040, ERROR_UNAVAILABLE, "the server has no connection left"},
    {1203, ERROR_UNAVAILABLE, "the user has no connection left (max_user_connections)"},
    {1226, ERROR_UNAVAILABLE, "the user's limit of connections or statements is reached"},
    {1053, ERROR_UNAVAILABLE, "the server is shutting down"},
    {1158, ERROR_UNAVAILABLE, "the connection failed"},
    {1159, ERROR_UNAVAILABLE, "the connection failed"},
    {1160, ERROR_UNAVAILABLE, "the connection failed"},
    {1161, ERROR_UNAVAILABLE, "the connection failed"},
    {1129, ERROR_UNAVAILABLE, "the server blocks this host after too many failed connections"},
    {1021, ERROR_UNAVAILABLE, "the server's disk is full"},
    {1037, ERROR_UNAVAILABLE, "the server is out of memory"},
    {1836, ERROR_UNAVAILABLE, "the server is read-only: point the connection at the primary"},
    {1290, ERROR_UNAVAILABLE,
     "an option of the server forbids it (read_only?): point the connection at the primary"},
    {2002, ERROR_UNAVAILABLE, "nobody listens there: start the server, or correct host and port"},
    {2003, ERROR_UNAVAILABLE, "nobody listens there: start the server, or correct host and port"},
    {2005, ERROR_UNAVAILABLE, "its host name cannot be resolved: correct it, or look at the DNS"},
    {2006, ERROR_UNAVAILABLE, "the connection was lost"},
    {2013, ERROR_UNAVAILABLE, "the connection was lost"},
    {2012, ERROR_UNAVAILABLE, "the connection was lost"},
    {2055, ERROR_UNAVAILABLE, "the connection was lost"},
    {1045, ERROR_DENIED, "the server refused user name or password: correct them in the Secret"},
    {1130, ERROR_DENIED, "the server does not let this host in: allow it there"},
    {1698, ERROR_DENIED, "the server refuses this login"},
    {1820, ERROR_DENIED, "the password has expired: set it anew on the server"},
    {1862, ERROR_DENIED, "the password has expired: set it anew on the server"},
    {3118, ERROR_DENIED, "the account is locked: unlock it on the server"},
    {4151, ERROR_DENIED, "the account is locked: unlock it on the server"},
    {3955, ERROR_DENIED, "the account is locked after failed logins: unlock it on the server"},
    {4150, ERROR_DENIED, "the account is blocked after failed logins: unblock it on the server"},
    {3159, ERROR_DENIED, "the server takes only TLS connections: use tls=true or tls=skip-verify"},
    {2059, ERROR_DENIED, "the server asks for a way of logging in that is not built in"},
    {5010, ERROR_DENIED,
     "the server asks for a way of logging in that is not safe, so the password was not sent"},
    {1524, ERROR_DENIED, "the server does not have the account's way of logging in"},
    {1044, ERROR_DENIED, "the user lacks the right to do this on this database"},
    {1142, ERROR_DENIED, "the user lacks the right to do this"},
    {1143, ERROR_DENIED, "the user lacks the right to do this"},
    {1227, ERROR_DENIED, "the user lacks the right to do this"},
    {1211, ERROR_DENIED, "the user may not create users"},
    {1095, ERROR_DENIED, "the user may not end sessions of others"},
    {1819, ERROR_INVALID, "the server's password policy refuses the password"},
    {1470, ERROR_INVALID, "the name is too long for this server"},
    {1059, ERROR_INVALID, "the name is too long for this server"},
    {1102, ERROR_INVALID, "the server does not take this name"},
    {1049, ERROR_CONFLICT, "the database does not exist"},
    {4006, ERROR_CONFLICT, "the user is the definer of a view or routine that remains"},
    {3730, ERROR_CONFLICT, "other objects depend on it"},
};

static const struct number_meaning *find(unsigned number)
{
    for (size_t i = 0; i < array_length(meanings); i++) {
        if (meanings[i].number == number)
            return &meanings[i];
    }
    return NULL;
}

bool engine_mysql_error_set(struct error *err, unsigned number, const char *doing)
{
    const struct number_meaning *meaning = find(number);
    char code[16];

    snprintf(code, sizeof code, "%u", number);
    if (meaning != NULL)
        return error_set(err, meaning->kind, code, "%s failed: %s (error %u)", doing,
                         meaning->sentence, number);
    return error_set(err, ERROR_INTERNAL, code,
                     "%s failed: the server answered error %u (see its documentation)", doing,
                     number);
}

#define OTHER_NAME                                                                      \
    "its certificate is for another host name: use one that the certificate holds, or " \
    "tls=skip-verify"

/* Connector/C has one number for all failures of TLS (2026); its texts differ from version to
 * version. */
static const struct text_meaning {
    const char *part;
    enum error_kind kind;
    const char *sentence;
} tls_texts[] = {
    {"SSL is required", ERROR_INVALID, "it has no TLS: switch it on there, or use tls=false"},
    {"Validation of SSL server certificate failed", ERROR_INVALID, OTHER_NAME}, /* 3.3 */
    {"Hostname verification", ERROR_INVALID, OTHER_NAME},                       /* 3.4 */
    {"no certificate or crl", ERROR_INVALID,
     "the CA in the key ca.crt of the Secret is no certificate in PEM form"},
    {"No such file", ERROR_INVALID,
     "there is no CA to verify its certificate with: put it into the key ca.crt of the Secret, or "
     "into --database-ca-file"},
    {"certificate", ERROR_INVALID,
     "its certificate is not signed by a trusted CA, or has expired: put the CA into the key "
     "ca.crt of the Secret, or into --database-ca-file"},
};

static bool set_tls(struct error *err, const char *text, const char *label)
{
    for (size_t i = 0; i < array_length(tls_texts); i++) {
        if (strstr(text, tls_texts[i].part) != NULL)
            return error_set(err, tls_texts[i].kind, "Tls", "cannot connect to the server %s: %s",
                             label, tls_texts[i].sentence);
    }
    return error_set(err, ERROR_UNAVAILABLE, "Tls",
                     "cannot connect to the server %s: the TLS handshake failed", label);
}

/* What a server says before TLS, such as that it has no connection left, newer libraries hide in
 * the text of an error of their own, because nobody vouches for it.  No refusal of a password comes
 * that early, so none is believed. */
static unsigned find_number_before_tls(unsigned number, const char *text)
{
    static const char words[] = "cannot be verified: ";
    const char *at = number == 2002 ? strstr(text, words) : NULL;
    unsigned hidden = at != NULL ? (unsigned)strtoul(at + strlen(words), NULL, 10) : 0;

    switch (hidden) {
    case 1040:
    case 1053:
    case 1129:
    case 1130:
        return hidden;
    default:
        return number;
    }
}

bool engine_mysql_error_set_unreachable(struct error *err, unsigned number, const char *text,
                                        const char *label)
{
    const struct number_meaning *meaning;
    char code[16];

    if (number == 2026)
        return set_tls(err, text, label);
    number = find_number_before_tls(number, text);
    meaning = find(number);
    snprintf(code, sizeof code, "%u", number);
    if (meaning != NULL)
        return error_set(err, meaning->kind, code, "cannot connect to the server %s: %s (error %u)",
                         label, meaning->sentence, number);
    return error_set(err, ERROR_UNAVAILABLE, code, "cannot connect to the server %s (error %u)",
                     label, number);
}
