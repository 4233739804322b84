/*
 * spec.secretTemplate: what the stored secret looks like instead of the documented JSON, and
 * reading the password back from it.  A subset of Go's text/template, compiled once and run without
 * side effects; the rest of the language is refused by name, with its place.
 *
 * Language: text; comments; trimming of white space ({{- and -}}); the fields .DBHost .DBPort
 * .DBName .DBUsername .DBPassword .DatabaseURL .Engine; strings ("" and ``) and decimal integers;
 * pipelines and parentheses; the functions
 *   json             the JSON value: a quoted string, or a number
 *   urlquery         application/x-www-form-urlencoded, as Go's: a space becomes '+'
 *   urlpart          percent-encoding of all but the unreserved characters of RFC 3986: right for
 *                    a user, a password, a host or one segment of a path
 *   default F V      V, or F where V is empty or 0
 *
 * Escaping: whether an action stands inside a JSON string follows from the text before it.
 *   - Inside one, whatever the action prints is escaped for it, so a value can never end the
 *     string.  That includes what `json` made, which is right where JSON is kept in a string
 *     ("{\"password\": {{json .DBPassword}}}"); a string that is nothing but one `json` is refused,
 *     since the reader would find the quotes in the value.
 *   - Outside, only a number or what `json` made may be printed, as it is.
 *   - Nowhere may an action stand in the middle of an escape sequence.
 *
 * Reading back needs no analysis of the program: it is run with two made-up passwords, and where
 * the two JSON documents differ the password stands, with the text around it and an encoding that
 * turns the made-up passwords into what is there.  The encodings are as it is, percent, form and
 * JSON escapes, and any two of them in turn; a string that holds the password more than once is
 * not read, nor is a key.  A template must leave at least one string that is.
 */
#ifndef PAYLOAD_TEMPLATE_H
#define PAYLOAD_TEMPLATE_H

#include "base/error.h"
#include "base/secret.h"
#include "engine/engine.h"
#include "payload/payload.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    TEMPLATE_SIZE_LIMIT = 65536,   /* of the source, in bytes */
    TEMPLATE_OUTPUT_LIMIT = 65536, /* what Secrets Manager takes as a SecretString */
};

/* Compiled; immutable, so threads may share it. */
struct secret_template;

/* Compiles it and tries it on made-up values: what it makes must be a JSON object from which the
 * password can be read back.  INVALID, with the place as line:column where there is one; quotes
 * short words of the template, never its strings. */
bool template_parse(const char *text, size_t length, struct secret_template **ret_template,
                    struct error *err) must_check;
/* NULL is fine. */
void template_free(struct secret_template *program);

static inline void template_free_scope(struct secret_template **program)
{
    template_free(*program);
    *program = NULL;
}

#define auto_template run_at_scope_end(template_free_scope)

/* The value of the secret.  Of the credentials host, database and username must not be NULL, here
 * and below.  INVALID when a value is not text or no password is given, when the
 * output is too large or no JSON object (two keys that these values make equal), or when the
 * password could not be read back from it. */
bool template_render(const struct secret_template *program, const struct credentials *credentials,
                     const struct engine_driver *driver, const char *engine,
                     struct secret *ret_value, struct error *err) must_check;

/*
 * The password that a stored value holds by this template, for a value that somebody else may have
 * written; a proof of login decides whether it is right.  `around` gives what stands beside it
 * (its own password is not used): a string in which that differs is passed over.  A string that is
 * the password and nothing else wins over one that embeds or encodes it, an earlier one over a
 * later one; *ret_agrees says whether all that could be read said the same.  INVALID when the value
 * is not a JSON object or holds no password where the template puts it; never quotes it.
 */
bool template_find_password(const struct secret_template *program, const struct secret *stored,
                            const struct credentials *around, const struct engine_driver *driver,
                            const char *engine, struct secret *ret_password, bool *ret_agrees,
                            struct error *err) must_check;

#endif
