/*
 * Certificates made on the spot, so that none in the repository can expire.
 */
#ifndef TESTS_UNIT_HTTP_CERTIFICATES_H
#define TESTS_UNIT_HTTP_CERTIFICATES_H

#include "base/compiler.h"

/* A certificate and its key, as PEM text. */
struct certificate {
    char *certificate_pem;
    char *key_pem;
};

/* A certificate authority of its own. */
void certificate_make_authority(struct certificate *ret_authority, const char *name);
/* One that `authority` signed; `subject_alt_names` as in openssl.cnf: "DNS:a.test,IP:127.0.0.1". */
void certificate_issue(struct certificate *ret_certificate, const struct certificate *authority,
                       const char *name, const char *subject_alt_names);
void certificate_release(struct certificate *certificate);
#define auto_certificate run_at_scope_end(certificate_release)

#endif
