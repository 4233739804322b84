/*
 * A certificate with its key, as PEM text, read from two files that somebody else renews.
 */
#ifndef SERVER_CERTIFICATE_H
#define SERVER_CERTIFICATE_H

#include "base/error.h"
#include "base/secret.h"

#include <stdbool.h>

struct certificate {
    struct secret chain;
    struct secret key;
};

/* Reads both files anew; errors as of file_read(), and INVALID for one that is empty. */
bool certificate_read(const char *certificate_file, const char *key_file,
                      struct certificate *ret_certificate, struct error *err) must_check;
bool certificate_equals(const struct certificate *a, const struct certificate *b);
void certificate_release(struct certificate *certificate);
#define auto_certificate run_at_scope_end(certificate_release)

#endif
