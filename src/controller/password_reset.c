#include "controller/password_reset.h"

#include "base/digest.h"
#include "base/encoding.h"
#include "base/strbuf.h"
#include "base/text.h"
#include "controller/claim.h"

#include <stdio.h>
#include <string.h>

const char *password_reset_request(const struct database *database,
                                   const struct database_status *status)
{
    const char *value = database_annotation(database, ANNOTATION_RESET_PASSWORD);

    return text_equal(value, status->last_password_reset) ? NULL : value;
}

void password_reset_make_token(const char *uid, const char *value,
                               char ret_token[static RANDOM_UUID_SIZE])
{
    auto_strbuf struct strbuf text = {0};
    auto_strbuf struct strbuf hex = {0};
    uint8_t digest[SHA256_SIZE];
    const char *digits;

    strbuf_append_format(&text, ANNOTATION_RESET_PASSWORD " %s %s", uid, value);
    digest_sha256(strbuf_text(&text), text.length, digest);
    digest[6] = (uint8_t)((digest[6] & 0x0f) | 0x80);
    digest[8] = (uint8_t)((digest[8] & 0x3f) | 0x80);
    encoding_append_hex(&hex, digest, 16);
    digits = strbuf_text(&hex);
    snprintf(ret_token, RANDOM_UUID_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", digits, digits + 8,
             digits + 12, digits + 16, digits + 20);
}

/* What can be copied from the former place is copied first. */
bool password_reset_is_due(const struct plan_input *input)
{
    const struct facts *facts = input->facts;

    return input->reset_token != NULL && !input->reset_done && !input->made_user &&
           facts->engine.user.present &&
           (input->former_id == NULL || facts->secret.state != SECRET_ABSENT ||
            !claim_may_copy_former(input));
}

/* Where users cannot be marked only a password tells: that of the secret, or the one that was in it
 * before this reset was begun. */
bool password_reset_is_possible(const struct plan_input *input)
{
    const struct facts *facts = input->facts;
    const json_t *tags = facts->secret.description.tags;

    if (facts->engine.marks_users)
        return claim_owner_of_user(input) == OWNERSHIP_OURS;
    return ownership_made_user(tags) && (claim_owner_of_user(input) == OWNERSHIP_OURS ||
                                         (ownership_of_tags(tags, input->owner) == OWNERSHIP_OURS &&
                                          facts->user_has_former_password));
}

static bool is_current(const struct secret_facts *secret, const char *token)
{
    return secret->state == SECRET_PRESENT &&
           text_equal(secret->description.current_version, token);
}

static bool is_previous(const struct secret_facts *secret, const char *token)
{
    return secret->state == SECRET_PRESENT &&
           text_equal(secret->description.previous_version, token);
}

/* The id of the version of the request that was acted on last; false where there was none. */
static bool make_handled_token(const struct plan_input *input,
                               char ret_token[static RANDOM_UUID_SIZE])
{
    const char *handled = input->status->last_password_reset;

    if (handled != NULL)
        password_reset_make_token(input->database->uid, handled, ret_token);
    return handled != NULL;
}

/* A rewrite with the same password may have come after it, but not another request. */
bool password_reset_is_stored(const struct plan_input *input)
{
    const struct secret_facts *secret = &input->facts->secret;
    char handled[RANDOM_UUID_SIZE];

    return input->reset_token != NULL &&
           (is_current(secret, input->reset_token) ||
            (is_previous(secret, input->reset_token) &&
             !(make_handled_token(input, handled) && is_current(secret, handled))));
}

bool password_reset_was_stored(const struct plan_input *input)
{
    const struct secret_facts *secret = &input->facts->secret;
    char handled[RANDOM_UUID_SIZE];

    return make_handled_token(input, handled) &&
           (is_current(secret, handled) || is_previous(secret, handled));
}

static bool check(const struct plan_input *input, struct failure *refusal)
{
    const struct secret_facts *secret = &input->facts->secret;
    const struct database_spec *spec = &input->database->spec;

    if (!password_reset_is_possible(input))
        return failure_set(
            refusal, ERROR_INVALID, "ResetRefused",
            "the password of user '%s' is not reset, because nothing proves that the "
            "user is this resource's%s: set a password on the server by hand, store "
            "it in secret '%s', and remove the annotation " ANNOTATION_RESET_PASSWORD,
            spec->username,
            input->facts->engine.marks_users ? " (the mark in its comment)"
                                             : " (the password in a secret that is tagged with it)",
            spec->secret_name);
    if (secret->state == SECRET_PRESENT &&
        ownership_of_tags(secret->description.tags, input->owner) != OWNERSHIP_OURS)
        return failure_set(
            refusal, ERROR_INVALID, "ResetRefused",
            "the password of user '%s' is not reset, because secret '%s' is not tagged "
            "as this resource's: delete that secret, or set another secretName",
            spec->username, spec->secret_name);
    return plan_check_administered(input, refusal);
}

void password_reset_plan(const struct plan_input *input, struct plan *plan)
{
    if (!check(input, &plan->refusal))
        return;
    plan_add_step(plan, input->facts->secret.is_readable && password_reset_is_stored(input)
                            ? PLAN_SET_PASSWORD
                            : PLAN_RESET_SECRET);
}
