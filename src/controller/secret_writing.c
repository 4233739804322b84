#include "controller/secret_writing.h"

#include "base/memory.h"
#include "controller/pass.h"
#include "controller/secret_changes.h"
#include "controller/tenant_rules.h"
#include "payload/password.h"

#include <stdlib.h>

void secret_writing_make_credentials(const struct pass *pass, struct credentials *ret_credentials)
{
    const struct engine_host *host = &pass->admin.server.hosts[pass->facts.engine.host_index];

    *ret_credentials = (struct credentials){
        .host = mem_strdup(host->host),
        .port = host->port,
        .database = mem_strdup(pass->database.spec.database_name),
        .username = mem_strdup(pass->database.spec.username),
    };
    password_generate(pass->reconciler->random, &ret_credentials->password);
}

bool secret_writing_check_template(struct pass *pass, const struct credentials *credentials,
                                   struct failure *failure)
{
    struct plan_input input = pass_plan_input(pass);
    auto_secret struct secret value = {0};
    struct error err;

    return secret_changes_render_template(&input, credentials, &value, &err) ||
           failure_of_stage(failure, STAGE_SPEC, &err);
}

bool secret_writing_create(struct pass *pass, const struct secret *value, const char *token,
                           bool made_user, struct failure *failure)
{
    const struct reconciler *reconciler = pass->reconciler;
    const struct database_spec *spec = &pass->database.spec;
    struct secrets_manager_target target = pass_secret_target(pass);
    auto_json json_t *tags = ownership_make_tags(spec, &pass->owner);
    char *arn = NULL;
    char fresh[RANDOM_UUID_SIZE];
    struct secret_creation creation = {
        .token = token != NULL ? token : fresh,
        .value = value,
        .description = spec->description,
        .tags = tags,
        .kms_key_id = tenant_rules_kms_key(reconciler->rules),
    };
    struct error err;

    if (made_user)
        document_set_string(tags, TAG_CREATED, TAG_CREATED_USER);
    random_uuid(reconciler->random, fresh);
    if (!secrets_manager_create(reconciler->secrets, &target, &creation, &arn, &err))
        return failure_of_stage(failure, STAGE_SECRETS, &err);
    free(pass->stored_arn);
    pass->stored_arn = arn;
    return true;
}

bool secret_writing_put_canonical(struct pass *pass, const struct secret *canonical,
                                  struct error *err)
{
    struct secrets_manager_target target = pass_secret_target(pass);
    char token[RANDOM_UUID_SIZE];

    random_uuid(pass->reconciler->random, token);
    return secrets_manager_put_value(pass->reconciler->secrets, &target, token, canonical,
                                     SECRETS_MANAGER_LABEL_CANONICAL, err);
}

bool secret_writing_put_current(struct pass *pass, const struct secret *value, const char *token,
                                struct error *err)
{
    struct secrets_manager *secrets = pass->reconciler->secrets;
    struct secrets_manager_target target = pass_secret_target(pass);
    const char *former = pass->facts.secret.description.current_version;
    char fresh[RANDOM_UUID_SIZE];

    if (token == NULL) {
        random_uuid(pass->reconciler->random, fresh);
        token = fresh;
    }
    return secrets_manager_put_value(secrets, &target, token, value, SECRETS_MANAGER_LABEL_PENDING,
                                     err) &&
           secrets_manager_move_label(secrets, &target, SECRETS_MANAGER_LABEL_CURRENT, former,
                                      token, err);
}
