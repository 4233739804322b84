#include "controller/reset_steps.h"

#include "base/memory.h"
#include "base/text.h"
#include "controller/events.h"
#include "controller/pass.h"
#include "controller/password_reset.h"
#include "controller/secret_changes.h"
#include "controller/secret_writing.h"

/* A secret that is not there is made in the documented format, as every new one. */
static bool create(struct pass *pass, const struct credentials *credentials,
                   struct failure *failure)
{
    const struct database_spec *spec = &pass->database.spec;
    auto_secret struct secret value = {0};

    payload_render(credentials, pass->driver, spec->engine, &value);
    /* The user is ours already, or this step would not be. */
    return secret_writing_create(pass, &value, pass->reset_token, true, failure);
}

/* The version of an interrupted attempt holds the password already: it only has to become current,
 * for the first time or, where somebody stored what cannot be read, again. */
static bool is_begun(const struct pass *pass)
{
    const struct secret_description *description = &pass->facts.secret.description;
    struct plan_input input = pass_plan_input(pass);

    return text_equal(description->pending_version, pass->reset_token) ||
           (text_equal(description->previous_version, pass->reset_token) &&
            password_reset_is_stored(&input));
}

static bool make_current(struct pass *pass, struct error *err)
{
    struct secrets_manager_target target = pass_secret_target(pass);

    return secrets_manager_move_label(
        pass->reconciler->secrets, &target, SECRETS_MANAGER_LABEL_CURRENT,
        pass->facts.secret.description.current_version, pass->reset_token, err);
}

/* A version of this value that is neither current nor pending is of an earlier request, whose
 * password is not to come back. */
static bool check_unused(struct pass *pass, struct error *err)
{
    struct secrets_manager_target target = pass_secret_target(pass);
    auto_secret struct secret value = {0};

    if (!secrets_manager_get_value(pass->reconciler->secrets, &target, pass->reset_token, NULL,
                                   &value, NULL, err) &&
        err->kind != ERROR_INVALID)
        return err->kind == ERROR_NOT_FOUND;
    return error_set(err, ERROR_INVALID, "ResetRefused",
                     "the value '%.64s' of the annotation " ANNOTATION_RESET_PASSWORD
                     " was used before: each value stands for one password, use another one",
                     password_reset_request(&pass->database, &pass->status));
}

static bool write_version(struct pass *pass, const struct credentials *credentials,
                          struct error *err)
{
    struct plan_input input = pass_plan_input(pass);
    auto_secret_rewrite struct secret_rewrite rewrite = {0};

    if (!check_unused(pass, err) ||
        !secret_changes_plan_reset(&input, credentials, &rewrite, err) ||
        (!secret_is_empty(&rewrite.canonical) &&
         !secret_writing_put_canonical(pass, &rewrite.canonical, err)))
        return false;
    return secret_writing_put_current(pass, &rewrite.value, pass->reset_token, err);
}

/* The documented format keeps what people added; the old one had another key for the password. */
static void keep_other_keys(const struct pass *pass, struct credentials *credentials)
{
    static const char old_key[] = "password";
    json_t *document = json_deep_copy(pass->facts.secret.credentials.document);

    if (document_string(document, old_key) != NULL)
        document_set_string(document, old_key, secret_reveal(&credentials->password));
    credentials->document = document;
}

bool reset_steps_store(struct pass *pass, struct failure *failure)
{
    auto_credentials struct credentials credentials = {0};
    struct error err;
    bool done;

    if (is_begun(pass)) {
        done = make_current(pass, &err) || failure_of_stage(failure, STAGE_SECRETS, &err);
    } else {
        secret_writing_make_credentials(pass, &credentials);
        keep_other_keys(pass, &credentials);
        done = secret_writing_check_template(pass, &credentials, failure) &&
               (pass->facts.secret.state == SECRET_ABSENT
                    ? create(pass, &credentials, failure)
                    : write_version(pass, &credentials, &err) ||
                          failure_of_stage(failure, STAGE_SECRETS, &err));
    }
    if (done)
        events_tell(pass, EVENT_PASSWORD_RESET,
                    "stored a new password in secret '%s', as asked for (%s)",
                    pass->database.spec.secret_name, ANNOTATION_RESET_PASSWORD);
    return done;
}

bool reset_steps_set_password(struct pass *pass, struct failure *failure)
{
    const char *username = pass->database.spec.username;
    struct error err;

    if (!database_call(pass, set_password, &err, pass->session, username,
                       &pass->facts.secret.credentials.password))
        return failure_of_stage(failure, STAGE_SERVER, &err);
    pass->reset_done = true;
    events_tell(pass, EVENT_PASSWORD_RESET, "gave user '%s' the stored password", username);
    return true;
}
